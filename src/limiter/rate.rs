//! How many requests a service allows in which time.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::Error;

/// A rate has so many limits at most.
const MOST: usize = 4;
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// How many requests may be sent in which period, and in which [`Shape`].
///
/// A rate has one limit, or up to four that hold [at the same time](Rate::and), or [none](Rate::unlimited).
/// Clients keep to the rates on the vendors' pages: 5 per second for Heylo, 100 per minute for Heylerts.
///
/// A rate is serialized as its text: `"5 per second and 1000 per hour"`.
///
/// # Examples
///
/// ```
/// use heysync::limiter::Rate;
///
/// let rate: Rate = "100/minute".parse()?;
/// assert_eq!(rate, Rate::per_minute(100));
/// assert_eq!(rate.to_string(), "100 per minute");
///
/// // One every 0.6 seconds, instead of a hundred at once and then a minute of waiting.
/// let even = rate.paced();
/// assert_ne!(even, rate);
///
/// // At most 5 in any second and 50,000 in any day.
/// let with_quota = Rate::per_second(5).and(Rate::per_day(50_000));
/// assert_eq!(with_quota.to_string(), "5 per second and 50000 per day");
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a rate takes effect in a configuration or a bucket"]
pub struct Rate {
    /// Those in use come first, the shortest period before the longer ones. The others are all the same, so that equal rates
    /// compare equal.
    limits: [(u32, Duration); MOST],
    used: usize,
    /// More limits were stated than there is room for.
    overflow: bool,
    shape: Shape,
}

/// How the requests of a period are spread over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Shape {
    /// Requests are sent as they come: all tokens of a period can be spent at once. The default, and best for
    /// short scripts.
    #[default]
    Burst,
    /// Requests are sent evenly, with at least the period's share of one between two of them. Best for programs
    /// that send all the time.
    Paced,
}

impl Rate {
    /// Creates a rate of `requests` in every `period`.
    pub const fn new(requests: u32, period: Duration) -> Rate {
        let mut rate = Rate::unlimited();
        rate.limits[0] = (requests, period);
        rate.used = 1;
        rate
    }

    /// Creates a rate of `requests` in every second.
    pub const fn per_second(requests: u32) -> Rate {
        Rate::new(requests, Duration::from_secs(1))
    }

    /// Creates a rate of `requests` in every minute.
    pub const fn per_minute(requests: u32) -> Rate {
        Rate::new(requests, Duration::from_secs(60))
    }

    /// Creates a rate of `requests` in every hour.
    pub const fn per_hour(requests: u32) -> Rate {
        Rate::new(requests, Duration::from_secs(3600))
    }

    /// Creates a rate of `requests` in any 24 hours.
    pub const fn per_day(requests: u32) -> Rate {
        Rate::new(requests, Duration::from_secs(86_400))
    }

    /// Creates a rate without a limit, for a server that has none. A 429 still pauses everybody.
    pub const fn unlimited() -> Rate {
        let limits = [(0, Duration::ZERO); MOST];
        Rate { limits, used: 0, overflow: false, shape: Shape::Burst }
    }

    /// Adds the limits of `other`: both hold at the same time. Of two limits with the same period, the lower holds.
    ///
    /// A rate with more than four different periods is not [usable](Rate::is_usable).
    pub const fn and(self, other: Rate) -> Rate {
        let mut rate = Rate { overflow: self.overflow || other.overflow, ..self };
        let mut next = 0;
        while next < other.used {
            rate = rate.with(other.limits[next]);
            next += 1;
        }
        rate
    }

    /// Spreads the requests evenly over the period instead of sending them as they come.
    pub const fn paced(self) -> Rate {
        Rate { shape: Shape::Paced, ..self }
    }

    /// Returns how many requests the limit with the shortest period allows, or `u32::MAX` if there is no limit.
    pub const fn requests(&self) -> u32 {
        if self.used == 0 { u32::MAX } else { self.limits[0].0 }
    }

    /// Returns the period of the limit with the shortest period, or one second if there is no limit.
    pub const fn period(&self) -> Duration {
        if self.used == 0 { Duration::from_secs(1) } else { self.limits[0].1 }
    }

    /// Returns all limits, as numbers of requests and periods, the shortest period first.
    pub fn limits(&self) -> impl Iterator<Item = (u32, Duration)> {
        self.limits.into_iter().take(self.used)
    }

    /// Returns how the requests are spread over a period.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Returns whether each limit allows a request at least, in a period above zero and of 366 days at most.
    ///
    /// A client with a rate that is not usable cannot be built, and a bucket with one gives no token.
    pub fn is_usable(&self) -> bool {
        let usable = |(requests, period): (u32, Duration)| {
            requests > 0 && period > Duration::ZERO && period <= LONGEST
        };
        !self.overflow && self.limits().all(usable)
    }

    pub(crate) fn from_limits(limits: impl Iterator<Item = (u32, Duration)>, shape: Shape) -> Rate {
        let rate = limits.filter(|(requests, _)| *requests < u32::MAX);
        Rate { shape, ..rate.fold(Rate::unlimited(), Rate::with) }
    }

    /// Returns this rate inside the one of its service, unless it is the higher one.
    pub(crate) fn at_service(self, service: Rate) -> Rate {
        let is_lower = self.limits().any(|mine| service.limits().all(|it| is_lower(mine, it)));
        if is_lower { Rate { shape: self.shape, ..service.and(self) } } else { self }
    }

    const fn with(mut self, limit: (u32, Duration)) -> Rate {
        let nanos = limit.1.as_nanos();
        let mut place = 0;
        while place < self.used && self.limits[place].1.as_nanos() < nanos {
            place += 1;
        }
        if place < self.used && self.limits[place].1.as_nanos() == nanos {
            if limit.0 < self.limits[place].0 {
                self.limits[place].0 = limit.0;
            }
            return self;
        }
        if self.used == MOST {
            self.overflow = true;
            return self;
        }
        let mut last = self.used;
        while last > place {
            self.limits[last] = self.limits[last - 1];
            last -= 1;
        }
        self.limits[place] = limit;
        self.used += 1;
        self
    }
}

/// Whether one limit allows less than another in the long run, or as much.
fn is_lower(one: (u32, Duration), other: (u32, Duration)) -> bool {
    let over = |a: (u32, Duration), b: (u32, Duration)| u128::from(a.0) * b.1.as_nanos();
    over(one, other) <= over(other, one)
}

/// Prints as "100 per minute", "5 per second and 1000 per hour", "7 per 2.5s, paced", or "unlimited".
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.used == 0 {
            f.write_str("unlimited")?;
        }
        for (place, (requests, period)) in self.limits().enumerate() {
            let and = if place > 0 { " and " } else { "" };
            match UNITS.iter().find(|(_, unit)| *unit == period) {
                Some((name, _)) => write!(f, "{and}{requests} per {name}")?,
                None => write!(f, "{and}{requests} per {period:?}")?,
            }
        }
        if self.shape == Shape::Paced { f.write_str(", paced") } else { Ok(()) }
    }
}

const UNITS: [(&str, Duration); 4] = [
    ("second", Duration::from_secs(1)),
    ("minute", Duration::from_secs(60)),
    ("hour", Duration::from_secs(3600)),
    ("day", Duration::from_secs(86_400)),
];

/// Reads "100/minute", "5 per second" and "20/5 minutes": seconds, minutes, hours and days, also several or parts of
/// them; more than one limit, as in "5/second and 1000/hour"; and whatever `Display` prints.
impl FromStr for Rate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Rate, Error> {
        let wrong = || Error::configuration(format!("not a rate such as 100/minute: {text:?}"));
        // The usual form, as services write it with each response.
        let usual = read_usual(text).map(|limit| Rate::unlimited().with(limit));
        let rate = usual.or_else(|| read(&text.to_ascii_lowercase()));
        rate.filter(Rate::is_usable).ok_or_else(wrong)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

fn read(text: &str) -> Option<Rate> {
    let (limits, paced) = match text.trim().strip_suffix("paced") {
        Some(limits) => (limits.trim_end().trim_end_matches(','), true),
        None => (text, false),
    };
    let rate = match limits.trim() {
        "unlimited" => Rate::unlimited(),
        limits => {
            let mut limits = limits.split(" and ").flat_map(|part| part.split([',', ';']));
            limits.try_fold(Rate::unlimited(), |rate, limit| Some(rate.with(read_limit(limit)?)))?
        }
    };
    Some(if paced { rate.paced() } else { rate })
}

/// Reads `100/minute`.
fn read_usual(text: &str) -> Option<(u32, Duration)> {
    let (requests, name) = text.split_once('/')?;
    let (_, unit) = UNITS.iter().find(|(known, _)| *known == name)?;
    Some((requests.parse().ok()?, *unit))
}

fn read_limit(text: &str) -> Option<(u32, Duration)> {
    let (requests, period) = text.split_once('/').or_else(|| text.split_once(" per "))?;
    let period = period.trim();
    let name = period.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let count = &period[..period.len() - name.len()];
    Some((requests.trim().parse().ok()?, times(unit(name.trim_start())?, count)?))
}

/// A number with a fraction, or nothing for one, of a unit.
fn times(unit: Duration, count: &str) -> Option<Duration> {
    let (whole, fraction) = count.split_once('.').unwrap_or((count, ""));
    let whole = match whole {
        "" if fraction.is_empty() => 1,
        whole => whole.parse().ok()?,
    };
    let part = match fraction {
        "" => 0,
        fraction => {
            let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
            unit.as_nanos().checked_mul(fraction.parse().ok()?)? / scale
        }
    };
    unit.checked_mul(whole)?.checked_add(Duration::from_nanos(u64::try_from(part).ok()?))
}

/// A unit by its name, its plural or its beginning: "minute", "minutes", "min", "m".
fn unit(name: &str) -> Option<Duration> {
    let singular = match name {
        "ms" => return Some(Duration::from_millis(1)),
        "us" | "µs" => return Some(Duration::from_micros(1)),
        "ns" => return Some(Duration::from_nanos(1)),
        "sec" | "secs" => "s",
        "min" | "mins" => "m",
        name if name.len() > 2 => name.strip_suffix('s').unwrap_or(name),
        name => name,
    };
    let is_it = |unit: &str| singular == unit || singular == &unit[..1];
    UNITS.iter().find(|(name, _)| is_it(name)).map(|(_, unit)| *unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: Rate = Rate::per_second(5)
        .and(Rate::per_minute(200))
        .and(Rate::per_hour(1000))
        .and(Rate::per_day(9000));

    #[test]
    fn a_rate_is_read_from_the_forms_that_services_write() {
        for text in
            ["100/minute", "100 per minute", " 100 / 1 Minutes ", "100/60s", "100/min", "100/m"]
        {
            assert_eq!(text.parse::<Rate>().unwrap(), Rate::per_minute(100), "{text:?}");
        }
        assert_eq!("5/second".parse::<Rate>().unwrap(), Rate::per_second(5));
        let five_minutes = Rate::new(20, Duration::from_secs(300));
        assert_eq!("20/5 minutes".parse::<Rate>().unwrap(), five_minutes);
        let two = Rate::per_second(5).and(Rate::per_hour(1000));
        for text in ["5/second and 1000/hour", "1000/hour, 5/second", "5/s;1000/h"] {
            assert_eq!(text.parse::<Rate>().unwrap(), two, "{text:?}");
        }
    }

    #[test]
    fn a_text_that_is_no_usable_rate_is_rejected() {
        for text in [
            "",
            "/",
            "100",
            "0/minute",
            "-1/second",
            "1e3/second",
            "5/fortnight",
            "5/",
            "5/0s",
            "5/\u{e9}",
            "5/hs",
            "5/367 days",
            "5/99999999999999999999 s",
            "5 per",
            "5/1.2.3s",
            "5/.5s",
            "5/s and",
            "unlimitedly",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text:?}");
        }
        let five = format!("{FOUR} and 20000 per 5days");
        assert!(five.parse::<Rate>().is_err() && FOUR.is_usable());
    }

    #[test]
    fn a_printed_rate_is_read_back() {
        for rate in [
            Rate::per_second(5),
            Rate::per_minute(100).paced(),
            Rate::unlimited(),
            Rate::new(7, Duration::from_millis(2500)),
            Rate::new(1, Duration::from_nanos(1_000_000_001)).and(Rate::per_day(u32::MAX)),
            FOUR.paced(),
        ] {
            assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate, "{rate}");
            let json = serde_json::to_string(&rate).unwrap();
            assert_eq!(serde_json::from_str::<Rate>(&json).unwrap(), rate, "{json}");
        }
    }

    #[test]
    fn of_two_limits_with_one_period_the_lower_holds() {
        assert_eq!(Rate::per_second(5).and(Rate::per_second(3)), Rate::per_second(3));
        assert_eq!(Rate::per_second(3).and(Rate::per_second(5)), Rate::per_second(3));
        assert_eq!(Rate::unlimited().and(Rate::per_day(9)), Rate::per_day(9));
    }

    #[test]
    fn a_lower_rate_is_kept_inside_the_one_of_the_service() {
        let service = Rate::per_second(5);
        let minute = Rate::per_minute(100);
        assert_eq!(minute.at_service(service), service.and(minute));
        let same = Rate::per_minute(300);
        assert_eq!(same.at_service(service), service.and(same));
        assert_eq!(Rate::per_second(2).at_service(service), Rate::per_second(2));
        for higher in [Rate::per_second(9), Rate::per_minute(900), Rate::unlimited()] {
            assert_eq!(higher.at_service(service), higher);
        }
    }

    #[test]
    fn a_rate_that_allows_nothing_or_in_no_time_is_not_usable() {
        for rate in [Rate::per_second(0), Rate::new(5, Duration::ZERO), Rate::new(5, Duration::MAX)]
        {
            assert!(!rate.is_usable(), "{rate}");
        }
        assert!(Rate::unlimited().is_usable());
    }
}
