//! What a request is told that has to wait, or that would wait in vain.

use std::fmt;
use std::time::Duration;

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
