//! The moment from which a request may be sent, as each part of the limiter sees it.

use std::time::Duration;

use super::moment::{Nanos, until};
use super::status::WaitReason;

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
}
