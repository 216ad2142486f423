//! The reports of a bucket: waits, refused waits, and snapshots.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

use super::headers::RateLimitHeaders;
use super::rate::Rate;

/// Why a request waits for a token, and for how long.
///
/// It prints as one line for a person: `waiting 12 s: the rate limit is used up`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// How long the wait takes, as far as is known now. It becomes longer if other requests are slow or if a pause
    /// begins.
    pub duration: Duration,
    /// Why the request waits.
    pub reason: WaitReason,
}

/// The reasons for which a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitReason {
    /// Every token is taken: this period's requests are spent.
    Full,
    /// The service refused a request (429), and everybody waits until it may be asked again.
    Paused,
    /// Requests are spread out, by choice or after a refusal.
    Paced,
    /// Little is known about the key yet: the response to a first request is awaited, for a second at most.
    FirstResponse,
    /// The tokens are shared with other processes and cannot be reached.
    Unavailable,
}

/// No token could be had before the caller's deadline. Nothing is held.
///
/// It converts into an [`Error`] of the kind [`Deadline`](ErrorKind::Deadline), or
/// [`SharedLimit`](ErrorKind::SharedLimit) if the tokens are shared and cannot be reached.
///
/// # Examples
///
/// ```
/// use heysync::{ErrorKind, SystemClock};
/// use heysync::limiter::{Rate, TokenBucket};
///
/// let bucket = TokenBucket::new(Rate::per_minute(1), SystemClock);
/// let _permit = bucket.try_acquire()?;
/// let error = bucket.try_acquire().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Deadline);
/// assert!(error.wait.as_secs() >= 60);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcquireError {
    /// How long the wait would be at least, as far as is known now.
    pub wait: Duration,
    /// Why the wait would be necessary.
    pub reason: WaitReason,
    unavailable: Option<Unavailable>,
}

impl AcquireError {
    pub(crate) fn new(wait: Wait) -> AcquireError {
        AcquireError { wait: wait.duration, reason: wait.reason, unavailable: None }
    }

    /// Returns the kind of the [`Error`] that this converts into.
    pub fn kind(&self) -> ErrorKind {
        match self.reason {
            WaitReason::Unavailable => ErrorKind::SharedLimit,
            _ => ErrorKind::Deadline,
        }
    }

    /// Returns what can be done about it.
    pub fn hint(&self) -> Option<&'static str> {
        if let Some(unavailable) = &self.unavailable {
            return Some(unavailable.hint);
        }
        Some(match self.reason {
            WaitReason::Full => "allow more time, or send fewer requests",
            WaitReason::Paused => "allow more time: the service asked for a pause",
            WaitReason::Paced => "allow more time, or choose a rate that is not paced",
            WaitReason::FirstResponse => "allow the first response a second",
            WaitReason::Unavailable => "allow more time, or look for a program that is stopped",
        })
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unavailable {
            Some(unavailable) => f.write_str(&unavailable.message),
            None => {
                let (wait, reason) = (Span(self.wait), self.reason);
                write!(f, "a token of the rate limit would take {wait}: {reason}")
            }
        }
    }
}

impl StdError for AcquireError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&**self.unavailable.as_ref()?.source.as_ref()?)
    }
}

impl From<AcquireError> for Error {
    fn from(error: AcquireError) -> Error {
        let (kind, hint, message) = (error.kind(), error.hint(), error.to_string());
        let mut converted = Error::new(kind, message);
        if kind == ErrorKind::Deadline {
            converted = converted.with_retry_after(Some(error.wait));
        }
        if let Some(hint) = hint {
            converted = converted.with_hint(hint);
        }
        match error.unavailable.and_then(|it| it.source) {
            Some(source) => converted.with_source(source),
            None => converted,
        }
    }
}

/// Shared tokens cannot be reached, or not be used.
#[derive(Clone, Debug)]
pub(crate) struct Unavailable {
    message: Arc<str>,
    hint: &'static str,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    /// When it is worth trying again within the same call, if it is.
    pub(crate) retry_in: Option<Duration>,
}

#[cfg_attr(not(any(feature = "share", feature = "redis")), allow(dead_code))]
impl Unavailable {
    /// `message` states what could not be done, `hint` what the user can do about it.
    pub(crate) fn new(message: impl Into<String>, hint: &'static str) -> Unavailable {
        Unavailable { message: message.into().into(), hint, source: None, retry_in: None }
    }

    pub(crate) fn with_source(self, source: impl StdError + Send + Sync + 'static) -> Unavailable {
        Unavailable { source: Some(Arc::new(source)), ..self }
    }

    /// The obstacle may pass: the call tries again after `time`, if its deadline allows that.
    pub(crate) fn retry_in(self, time: Duration) -> Unavailable {
        Unavailable { retry_in: Some(time), ..self }
    }
}

impl PartialEq for Unavailable {
    fn eq(&self, other: &Unavailable) -> bool {
        (&self.message, self.retry_in) == (&other.message, other.retry_in)
    }
}

impl Eq for Unavailable {}

impl From<Unavailable> for AcquireError {
    fn from(unavailable: Unavailable) -> AcquireError {
        let wait = unavailable.retry_in.unwrap_or_default();
        AcquireError { wait, reason: WaitReason::Unavailable, unavailable: Some(unavailable) }
    }
}

/// How a request ended, for the token it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The head of its response arrived, with this in its headers.
    Responded(RateLimitHeaders),
    /// Not a byte of it was sent.
    NeverSent,
    /// It was sent, in part at least, and no response arrived.
    NoResponse,
}

impl Wait {
    pub(crate) fn new(duration: Duration, reason: WaitReason) -> Wait {
        Wait { duration, reason }
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
            WaitReason::FirstResponse => "the first response is awaited",
            WaitReason::Unavailable => "the shared tokens cannot be reached",
        })
    }
}

/// A length of time for a person, rounded up: `0.2 s`, `12 s`, `1 min 5 s`.
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

/// A copy of a bucket's state at one moment.
///
/// # Examples
///
/// ```
/// use heysync::{Config, heylo};
/// use heysync::limiter::Rate;
///
/// let config = Config::new().base_url("http://127.0.0.1:8080").rate(Rate::per_second(4));
/// let client = heylo::Client::with_config("an-api-key", config)?;
/// let _permit = client.bucket().try_acquire();
///
/// let snapshot = client.bucket().snapshot();
/// assert_eq!((snapshot.in_flight, snapshot.free), (1, 3));
/// assert_eq!(snapshot.utilization(), 0.25);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The rate in force: the bucket's own, and a lower limit that the service reports.
    pub rate: Rate,
    /// How many tokens were taken in all.
    pub granted: u64,
    /// How many threads wait for a token.
    pub waiting: usize,
    /// How many requests are under way.
    pub in_flight: usize,
    /// How many tokens can be taken now, apart from a pause or a pace; `usize::MAX` without a limit.
    pub free: usize,
    /// How many tokens are held because others spent them on the same key.
    pub held_for_others: usize,
    /// How many tokens the other processes of a share hold: for their requests under way, which `in_flight` counts too,
    /// and for those that were completed less than a period ago. Zero without a share.
    pub used_elsewhere: usize,
    /// In how long the next token is back; `None` if none is on its way back.
    pub next_back: Option<Duration>,
    /// For how long everybody is still stopped after a refusal (429): zero while one request tries whether the
    /// pause is over, and `None` if nobody is stopped.
    pub paused: Option<Duration>,
    /// How many pauses there were in all.
    pub pauses: u64,
    /// The distance that is kept between requests, if one is kept.
    pub pace: Option<Duration>,
}

impl Snapshot {
    pub(crate) fn full(rate: Rate) -> Snapshot {
        Snapshot {
            rate,
            granted: 0,
            waiting: 0,
            in_flight: 0,
            free: 0,
            held_for_others: 0,
            used_elsewhere: 0,
            next_back: None,
            paused: None,
            pauses: 0,
            pace: None,
        }
    }

    /// Returns the spent part of the rate, from 0.0 (nothing in the last period) to 1.0 (no token is free).
    ///
    /// It speaks of the limit with the shortest period.
    pub fn utilization(&self) -> f64 {
        let requests = self.rate.requests().max(1);
        1.0 - self.free.min(requests as usize) as f64 / f64::from(requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_one_line_for_a_terminal() {
        let text = |ms, reason| Wait::new(Duration::from_millis(ms), reason).to_string();
        assert_eq!(text(120, WaitReason::Paced), "waiting 0.2 s: requests are spread out");
        assert_eq!(text(11_950, WaitReason::Full), "waiting 12 s: the rate limit is used up");
        assert_eq!(
            text(65_000, WaitReason::Paused),
            "waiting 1 min 5 s: the service asked for a pause"
        );
        assert_eq!(
            text(125_000, WaitReason::Paused),
            "waiting 2 min 5 s: the service asked for a pause"
        );
        assert_eq!(text(9_990, WaitReason::Full), "waiting 10 s: the rate limit is used up");
    }

    #[test]
    fn a_refused_wait_says_how_long_it_would_have_been() {
        let wait = Wait::new(Duration::from_secs(61), WaitReason::Full);
        let text = "a token of the rate limit would take 1 min 1 s: the rate limit is used up";
        assert_eq!(AcquireError::new(wait).to_string(), text);
    }

    #[test]
    fn a_refused_wait_is_an_error_with_its_length_and_shared_tokens_out_of_reach_one_with_a_cause()
    {
        let time = Duration::from_secs(61);
        let late = Error::from(AcquireError::new(Wait::new(time, WaitReason::Full)));
        assert_eq!((late.kind(), late.retry_after()), (ErrorKind::Deadline, Some(time)));
        assert!(late.source().is_none());
        let away = Unavailable::new("cut off", "mend it").with_source(fmt::Error).retry_in(time);
        let away = AcquireError::from(away);
        assert_eq!((away.wait, away.source().is_some()), (time, true));
        assert_ne!(away, Unavailable::new("damaged", "mend it").retry_in(time).into());
        let away = Error::from(away);
        assert_eq!((away.kind(), away.retry_after()), (ErrorKind::SharedLimit, None));
        assert_eq!((away.hint(), away.source().is_some()), (Some("mend it"), true));
    }

    #[test]
    fn the_spent_part_of_any_rate_is_between_nothing_and_all() {
        let spent = |rate, free| Snapshot { free, ..Snapshot::full(rate) }.utilization();
        assert_eq!(spent(Rate::per_second(4), 3), 0.25);
        assert_eq!(spent(Rate::unlimited(), usize::MAX), 0.0);
        assert_eq!(spent(Rate::per_second(0), 0), 1.0);
    }
}
