//! What a bucket reports: waits, refused waits, and snapshots.

use std::fmt;
use std::time::Duration;

use super::headers::RateLimitHeaders;
use super::rate::Rate;

/// Why a request waits for its turn, and for how long.
///
/// It prints as one line for a person: `waiting 12 s: the rate limit is used up`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// How long, as far as is known now. It can come to be longer, where others are slow or a pause begins.
    pub duration: Duration,
    /// Why.
    pub reason: WaitReason,
}

/// The reasons for which a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitReason {
    /// Every token is taken: this period's requests are spent.
    Full,
    /// The service refused a request (429) and everybody waits until it may be asked again.
    Paused,
    /// Requests are spread out, by choice or after a refusal.
    Paced,
}

/// A wait that could not have ended before the caller's deadline, and was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rate limit would take {}: {reason}", Span(*wait))]
#[non_exhaustive]
pub struct AcquireError {
    /// How long the wait would have been, at least, as far as is known now.
    pub wait: Duration,
    /// Why.
    pub reason: WaitReason,
}

/// How a request ended, for the token it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The head of its answer arrived, and this is what it remarks on the rate limit.
    Answered(RateLimitHeaders),
    /// Not a byte of it left.
    NeverSent,
    /// It was sent, in part at least, and no answer came.
    NoResponse,
}

/// When a token can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotReady {
    /// It takes at least so long, as far as is known: requests under way are taken to be answered right now.
    /// Zero where there is a token.
    pub at_least: Duration,
    /// When to ask again; nothing where only a release through this very store can help.
    pub look_again: Option<Duration>,
    /// What stands in the way.
    pub reason: WaitReason,
}

impl Wait {
    pub(crate) fn new(duration: Duration, reason: WaitReason) -> Wait {
        Wait { duration, reason }
    }
}

impl From<Wait> for AcquireError {
    fn from(wait: Wait) -> AcquireError {
        AcquireError { wait: wait.duration, reason: wait.reason }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waiting {}: {}", Span(self.duration), self.reason)
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WaitReason::Full => "the rate limit is used up",
            WaitReason::Paused => "the service asked for a pause",
            WaitReason::Paced => "requests are spread out",
        })
    }
}

/// A length of time as a person reads it: `0.2 s`, `12 s`, `1 min 5 s`. Rounded up.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.as_nanos().div_ceil(100_000_000);
        let seconds = tenths.div_ceil(10);
        match seconds {
            0..=9 => write!(f, "{}.{} s", tenths / 10, tenths % 10),
            10..=59 => write!(f, "{seconds} s"),
            _ => write!(f, "{} min {} s", seconds / 60, seconds % 60),
        }
    }
}

/// What a bucket knows at one moment.
///
/// It is a copy: it does not change, and the bucket may have changed since.
///
/// # Examples
///
/// ```
/// use heysync::{Config, Rate, heylo};
///
/// let config = Config::new().base_url("http://127.0.0.1:8080").rate(Rate::per_second(4));
/// let client = heylo::Client::with_config("an-api-key", config)?;
/// let _permit = client.bucket().try_acquire();
///
/// let snapshot = client.bucket().snapshot();
/// assert_eq!((snapshot.in_flight, snapshot.free), (1, 3));
/// assert_eq!(snapshot.utilisation(), 0.25);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The rate in force: the bucket's own, or a lower one that the service told of.
    pub rate: Rate,
    /// How many tokens were taken in all.
    pub granted: u64,
    /// How many threads wait for a token.
    pub waiting: usize,
    /// How many requests are under way.
    pub in_flight: usize,
    /// How many tokens can be taken now, were it not for a pause or a pace.
    pub free: usize,
    /// How many tokens are held because others spent them on the same key.
    pub held_for_others: usize,
    /// In how long the next token is back; nothing where none is on its way back.
    pub next_back: Option<Duration>,
    /// For how long everybody is still stopped after a refusal (429); zero while one request tries whether it
    /// is over, and nothing where nobody is stopped.
    pub paused: Option<Duration>,
    /// How many pauses there were in all.
    pub pauses: u64,
    /// The distance kept between requests, where one is kept.
    pub pace: Option<Duration>,
}

impl Snapshot {
    /// A bucket at `rate` from which nothing was taken yet.
    pub fn full(rate: Rate) -> Snapshot {
        Snapshot {
            rate,
            granted: 0,
            waiting: 0,
            in_flight: 0,
            free: rate.requests() as usize,
            held_for_others: 0,
            next_back: None,
            paused: None,
            pauses: 0,
            pace: None,
        }
    }

    /// The part of the rate that is spent, from 0.0 (nothing in the last period) to 1.0 (no token is free).
    pub fn utilisation(&self) -> f64 {
        let requests = self.rate.requests().max(1);
        1.0 - self.free.min(requests as usize) as f64 / f64::from(requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_reads_well_on_a_terminal() {
        let text = |ms, reason| Wait::new(Duration::from_millis(ms), reason).to_string();
        assert_eq!(text(120, WaitReason::Paced), "waiting 0.2 s: requests are spread out");
        assert_eq!(text(11_950, WaitReason::Full), "waiting 12 s: the rate limit is used up");
        assert_eq!(
            text(65_000, WaitReason::Paused),
            "waiting 1 min 5 s: the service asked for a pause"
        );
        assert_eq!(text(9_990, WaitReason::Full), "waiting 10 s: the rate limit is used up");
    }

    #[test]
    fn a_wait_that_was_not_begun_says_how_long_it_would_have_been() {
        let wait = Wait::new(Duration::from_secs(61), WaitReason::Full);
        let text = "the rate limit would take 1 min 1 s: the rate limit is used up";
        assert_eq!(AcquireError::from(wait).to_string(), text);
    }
}
