//! One call of the script in `tokens.lua`: its arguments and its reply.

use std::time::Duration;

use redis::{Cmd, Value};

use crate::limiter::ledger::MOST;
use crate::limiter::moment::{held, nanos};
use crate::limiter::rate::{Rate, Shape};
use crate::limiter::status::{Outcome, WaitReason};

const CODE: &str = include_str!("tokens.lua");

/// The script, and the hash by which a server knows it that has seen it before.
#[derive(Debug)]
pub(crate) struct Script {
    code: String,
    hash: String,
}

/// The keys of one bucket, and the one of the server.
pub(crate) type Keys = [String; 7];

/// Who calls, about which tokens.
#[derive(Debug)]
pub(crate) struct Caller<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) client: &'a str,
    /// The bucket whose tokens the caller holds; empty if it holds none.
    pub(crate) epoch: &'a str,
    pub(crate) rate: Rate,
    /// The rates that all kept to before the data was lost; empty if it is there.
    pub(crate) rates: &'a str,
    /// How long a lease is valid without a renewal.
    pub(crate) lasts: Duration,
    pub(crate) grace: Duration,
    /// Whether the first request for an unknown key goes alone.
    pub(crate) cautious: bool,
    /// How late the caller may come without losing its place.
    pub(crate) slack: Duration,
}

#[derive(Debug)]
pub(crate) enum Operation<'a> {
    /// A lease, and for how long its caller can wait.
    Lease(&'a str, Duration),
    Release(&'a str, Ended),
    Renew(Vec<String>),
    /// Requests that were given up, and how long ago.
    Remind(Vec<(String, Duration)>),
    Exhaust,
}

/// A request that ended, and what was known when its token was leased.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) age: Duration,
    /// How long before its end it could be sent.
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome,
    pub(crate) seq: u64,
    pub(crate) out: u64,
}

/// The state of the tokens after a call. Times count from the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) granted: bool,
    /// When there is a token at the soonest. One that is granted may be used from then on.
    pub(crate) at: Duration,
    pub(crate) look: Duration,
    pub(crate) reason: WaitReason,
    pub(crate) epoch: String,
    pub(crate) seq: u64,
    /// How many clients are before this one in the line.
    pub(crate) ahead: usize,
    pub(crate) others: usize,
    /// The rate that all programs keep to.
    pub(crate) rate: Rate,
    /// Of the shortest limit: the tokens out, those of requests under way, and when the first of them are back.
    pub(crate) out: u64,
    pub(crate) in_flight: usize,
    /// The rates that all programs keep to, in the form of the script.
    pub(crate) rates: String,
    pub(crate) back: Vec<Duration>,
}

impl Script {
    pub(crate) fn new() -> Script {
        Script::of(CODE)
    }

    fn of(code: &str) -> Script {
        let hash = redis::Script::new(code).get_hash().to_owned();
        Script { code: code.to_owned(), hash }
    }

    /// A script whose time is in the key `clock`.
    #[cfg(test)]
    pub(crate) fn on_a_clock_of_its_own() -> Script {
        let (theirs, ours) = ("redis.call('TIME')", "redis.call('HMGET', 'clock', 's', 'us')");
        assert_eq!(CODE.matches(theirs).count(), 1);
        Script::of(&CODE.replace(theirs, ours))
    }

    /// Returns the command for a server that knows the script, and the one for a server that does not.
    pub(crate) fn commands(&self, caller: &Caller<'_>, operation: &Operation<'_>) -> [Cmd; 2] {
        let arguments = caller.arguments(operation);
        [("EVALSHA", &self.hash), ("EVAL", &self.code)].map(|(name, script)| {
            let mut command = redis::cmd(name);
            command.arg(script).arg(caller.keys.len()).arg(caller.keys).arg(&arguments);
            command
        })
    }
}

impl Caller<'_> {
    fn arguments(&self, operation: &Operation<'_>) -> Vec<String> {
        let (name, lease) = match operation {
            Operation::Lease(lease, _) => ("lease", *lease),
            Operation::Release(lease, _) => ("release", *lease),
            Operation::Renew(_) => ("renew", ""),
            Operation::Remind(_) => ("remind", ""),
            Operation::Exhaust => ("exhaust", ""),
        };
        let cautious = if self.cautious { "cautious" } else { "" };
        let mut arguments: Vec<String> =
            [name, self.client, lease, self.epoch].map(str::to_owned).into();
        arguments.extend([
            [&write_rate(self.rate), self.rates].join(","),
            micros(self.lasts),
            micros(self.grace),
            cautious.to_owned(),
            distance(self.rate).to_string(),
            micros(self.slack),
        ]);
        match operation {
            Operation::Lease(_, left) => arguments.push(micros(*left)),
            Operation::Release(_, ended) => arguments.extend(ended.arguments(self.rate)),
            Operation::Renew(leases) => arguments.extend_from_slice(leases),
            Operation::Remind(given_up) => {
                let pairs = given_up.iter().flat_map(|(lease, age)| [lease.clone(), micros(*age)]);
                arguments.extend(pairs);
            }
            Operation::Exhaust => {}
        }
        arguments
    }
}

impl Ended {
    fn arguments(&self, rate: Rate) -> [String; 12] {
        let (outcome, headers) = match self.outcome {
            Outcome::Responded(headers) => ("responded", headers),
            Outcome::NoResponse => ("silent", Default::default()),
            Outcome::NeverSent => ("unsent", Default::default()),
        };
        let first = rate.limits().next().map(|(_, period)| period);
        let period = headers.period.or(first);
        let or_none = |number: Option<u32>| number.map_or("-1".to_owned(), |it| it.to_string());
        [
            micros(self.age),
            outcome.to_owned(),
            self.seq.to_string(),
            self.out.to_string(),
            u8::from(headers.refused).to_string(),
            headers.retry_after.map_or("-1".to_owned(), micros),
            u8::from(headers.success).to_string(),
            or_none(headers.limit.filter(|_| period.is_some())),
            or_none(headers.remaining),
            headers.reset.map_or("-1".to_owned(), micros),
            micros(period.unwrap_or_default()),
            micros(self.took),
        ]
    }
}

impl Reply {
    /// Reads the script's reply; `None` if it is not one.
    pub(crate) fn read(value: &Value) -> Option<Reply> {
        let Value::Array(parts) = value else {
            return None;
        };
        let [granted, at, look, reason, epoch, seq, numbers @ ..] = &parts[..] else {
            return None;
        };
        let [ahead, others, rate, out, in_flight, rates, back @ ..] = numbers else {
            return None;
        };
        Some(Reply {
            granted: number(granted)? == 1,
            at: duration(at)?,
            look: duration(look)?,
            reason: read_reason(text(reason)?)?,
            epoch: text(epoch)?.to_owned(),
            seq: number(seq)?,
            ahead: size(ahead)?,
            others: size(others)?,
            rate: read_rate(text(rate)?)?,
            out: number(out)?,
            in_flight: size(in_flight)?,
            rates: text(rates)?.to_owned(),
            back: back.iter().map(duration).collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
impl Reply {
    /// One by which a token is, or is to be, had after `at`.
    pub(crate) fn by_five_a_second(granted: bool, at: Duration) -> Reply {
        Reply {
            granted,
            at,
            look: at,
            reason: WaitReason::Full,
            epoch: String::new(),
            seq: 1,
            ahead: 0,
            others: 0,
            rate: Rate::per_second(5),
            out: 1,
            in_flight: 1,
            rates: String::new(),
            back: Vec::new(),
        }
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn size(value: &Value) -> Option<usize> {
    usize::try_from(number(value)?).ok()
}

fn duration(value: &Value) -> Option<Duration> {
    number(value).map(Duration::from_micros)
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn read_reason(name: &str) -> Option<WaitReason> {
    Some(match name {
        "full" => WaitReason::Full,
        "paused" => WaitReason::Paused,
        "paced" => WaitReason::Paced,
        "first" => WaitReason::FirstResponse,
        _ => return None,
    })
}

fn micros(duration: Duration) -> String {
    nanos(duration).div_ceil(1000).to_string()
}

/// Each limit, with its period in microseconds.
fn write_rate(rate: Rate) -> String {
    let limit = |(requests, period)| format!("{requests}:{}", micros(period));
    rate.limits().map(limit).collect::<Vec<_>>().join(" ")
}

fn read_rate(text: &str) -> Option<Rate> {
    let limit = |word: &str| {
        let (requests, period) = word.split_once(':')?;
        Some((requests.parse().ok()?, Duration::from_micros(period.parse().ok()?)))
    };
    let limits: Vec<_> = text.split_ascii_whitespace().map(limit).collect::<Option<_>>()?;
    Some(Rate::from_limits(limits.into_iter().take(MOST), Shape::Burst))
}

/// The distance that a paced rate keeps between two requests, in microseconds.
fn distance(rate: Rate) -> u64 {
    let share =
        |(requests, period)| held(period).div_ceil(1000).div_ceil(u64::from(u32::max(requests, 1)));
    match rate.shape() {
        Shape::Paced => rate.limits().map(share).max().unwrap_or(0),
        Shape::Burst => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn reply() -> Vec<Value> {
        let numbers =
            |numbers: &[i64]| numbers.iter().map(|it| Value::Int(*it)).collect::<Vec<_>>();
        let mut parts = numbers(&[0, 250_000, 250_000]);
        parts.extend([bulk("paced"), bulk("1795651574000000")]);
        parts.extend(numbers(&[7, 2, 0]));
        parts.push(bulk("5:1000000 100:60000000"));
        parts.extend(numbers(&[5, 1]));
        parts.push(bulk("5:1000000,100:60000000"));
        parts.extend(numbers(&[250_000, 1_006_000]));
        parts
    }

    #[test]
    fn a_reply_is_read() {
        let read = Reply::read(&Value::Array(reply())).unwrap();
        assert_eq!((read.granted, read.seq, read.ahead, read.in_flight), (false, 7, 2, 1));
        assert_eq!(read.look, Duration::from_millis(250));
        assert_eq!(read.rate, Rate::per_second(5).and(Rate::per_minute(100)));
        assert_eq!(read.back, [250, 1006].map(Duration::from_millis));
    }

    #[test]
    fn what_is_no_reply_is_rejected() {
        let change = |place: usize, value: Value| {
            let mut parts = reply();
            parts[place] = value;
            Value::Array(parts)
        };
        for value in [
            Value::Nil,
            Value::Okay,
            bulk("OK"),
            Value::Array(vec![]),
            Value::Array(reply()[..7].to_vec()),
            Value::Array(reply()[..10].to_vec()),
            change(1, Value::Int(-1)),
            change(3, bulk("soon")),
            change(4, Value::Int(4)),
            change(8, bulk("5")),
            change(8, bulk("5:soon")),
            change(11, Value::Int(2)),
            change(12, bulk("2")),
        ] {
            assert_eq!(Reply::read(&value), None, "{value:?}");
        }
    }

    #[test]
    fn each_limit_is_sent_with_its_period() {
        let rate = Rate::per_second(5).and(Rate::per_hour(1000));
        assert_eq!(write_rate(rate), "5:1000000 1000:3600000000");
        assert_eq!((distance(rate), distance(rate.paced())), (0, 3_603_605));
        assert_eq!(write_rate(Rate::unlimited()), "");
    }
}
