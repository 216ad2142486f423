//! Moments as nanoseconds, and when a token can be had.

use std::time::{Duration, Instant};

use super::status::WaitReason;

/// A moment, or a length of time, in nanoseconds. It lasts for 584 years and saturates after that.
pub(crate) type Nanos = u64;

/// Added to every period, for servers that count a window with both its ends.
const MARGIN: Nanos = 5_000_000;

/// Returns a length of time as the ledger counts it.
pub(crate) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns how long after `origin` the moment `at` is, or zero if it is before.
pub(crate) fn since(origin: Instant, at: Instant) -> Nanos {
    nanos(at.saturating_duration_since(origin))
}

/// Returns the time from `now` until `at`, or zero if that is over.
pub(crate) fn until(at: Nanos, now: Nanos) -> Duration {
    Duration::from_nanos(at.saturating_sub(now))
}

/// P' = P·1.001 + 5 ms: how long a token is held after the response.
///
/// The thousandth is for two clocks that run at different speeds.
pub(crate) fn held(period: Duration) -> Nanos {
    let period = nanos(period);
    period.saturating_add(period.div_ceil(1000)).saturating_add(MARGIN)
}

/// From when on a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Not before this, whatever happens.
    pub(crate) at: Nanos,
    /// When time alone may have changed that; `None` if only a response can.
    pub(crate) look: Option<Nanos>,
    /// The reason to wait until then.
    pub(crate) reason: WaitReason,
}

/// No token can be had now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotReady {
    /// How long it takes at least, as far as is known: requests under way are assumed to be completed right now.
    pub(crate) at_least: Duration,
    /// When to ask again; `None` if only a release through the same store can help.
    pub(crate) look_again: Option<Duration>,
    /// The reason to wait.
    pub(crate) reason: WaitReason,
}

#[cfg(any(feature = "share", feature = "redis"))]
impl NotReady {
    /// Returns whether the wait is over already.
    #[cfg(feature = "share")]
    pub(crate) fn is_over(&self) -> bool {
        self.at_least.is_zero() && self.look_again == Some(Duration::ZERO)
    }

    /// Looks again after `time` at the latest, and a little later than at once.
    pub(crate) fn look_by(&mut self, time: Duration) {
        let look = self.look_again.map_or(time, |look| look.min(time));
        self.look_again = Some(look.max(Duration::from_millis(1)));
    }
}

impl Opening {
    /// An opening at this very moment, by time alone.
    pub(crate) const fn at(at: Nanos, reason: WaitReason) -> Opening {
        Opening { at, look: Some(at), reason }
    }

    /// Returns whether the moment has come.
    pub(crate) fn is_open(&self, now: Nanos) -> bool {
        self.at <= now && self.look.is_some_and(|look| look <= now)
    }

    /// Combines two obstacles: the later one is named; of two equal ones, `other`.
    pub(crate) fn and(self, other: Opening) -> Opening {
        let later = if self.key() > other.key() { self } else { other };
        Opening {
            at: self.at.max(other.at),
            look: self.look.zip(other.look).map(|(a, b)| a.max(b)),
            reason: later.reason,
        }
    }

    /// Returns how long a caller waits from `now`.
    pub(crate) fn not_ready(&self, now: Nanos) -> NotReady {
        NotReady {
            at_least: until(self.at, now),
            look_again: self.look.map(|look| until(look, now)),
            reason: self.reason,
        }
    }

    fn key(&self) -> (Nanos, Nanos) {
        (self.at, self.look.unwrap_or(Nanos::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_held_a_thousandth_and_five_milliseconds_longer_than_the_period() {
        assert_eq!(held(Duration::from_secs(1)), 1_006_000_000);
        assert_eq!(held(Duration::from_secs(60)), 60_065_000_000);
        assert_eq!(held(Duration::from_nanos(1)), 5_000_002);
    }

    #[test]
    fn a_time_too_long_to_count_saturates() {
        assert_eq!(nanos(Duration::MAX), u64::MAX);
        assert_eq!(held(Duration::MAX), u64::MAX);
        assert_eq!(until(3, 5), Duration::ZERO);
    }

    #[test]
    fn of_two_obstacles_the_later_one_is_named() {
        let full = Opening::at(5, WaitReason::Full);
        let paused = Opening::at(9, WaitReason::Paused);
        assert_eq!(full.and(paused), paused);
        assert_eq!(paused.and(full), paused);
        assert!(!paused.is_open(8) && paused.is_open(9));
    }

    #[test]
    fn an_obstacle_that_only_a_response_removes_does_not_end_by_itself() {
        let waiting = Opening { look: None, ..Opening::at(3, WaitReason::Paused) };
        assert!(!waiting.is_open(100));
        assert_eq!(waiting.and(Opening::at(7, WaitReason::Full)).look, None);
    }

    #[test]
    fn of_two_obstacles_at_one_moment_the_one_that_only_a_response_removes_is_named() {
        let paused = Opening { look: None, ..Opening::at(5, WaitReason::Paused) };
        let full = Opening::at(5, WaitReason::Full);
        assert_eq!(
            [paused.and(full), full.and(paused)].map(|it| it.reason),
            [WaitReason::Paused; 2]
        );
    }

    #[cfg(feature = "share")]
    #[test]
    fn one_who_shares_looks_again_soon_and_never_at_once() {
        let [none, little, much] = [0, 1, 100].map(Duration::from_millis);
        let looks =
            |at_least, look_again| NotReady { at_least, look_again, reason: WaitReason::Full };
        for (look_again, expected) in
            [(None, much), (Some(2 * much), much), (Some(much / 2), much / 2), (Some(none), little)]
        {
            let mut not_ready = looks(none, look_again);
            not_ready.look_by(much);
            assert_eq!(not_ready.look_again, Some(expected));
        }
        assert!(looks(none, Some(none)).is_over());
        for (at_least, look_again) in [(little, Some(none)), (none, Some(little)), (none, None)] {
            assert!(!looks(at_least, look_again).is_over());
        }
    }
}
