//! The moment from which a request may go, as each of the limiter's parts sees it.

use super::nanos::Nanos;
use super::wait::WaitReason;

/// From when on a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Not before this, whatever happens.
    pub(crate) at: Nanos,
    /// When time alone may have changed the answer; nothing where only an answer can.
    pub(crate) look: Option<Nanos>,
    /// What stands in the way until then.
    pub(crate) reason: WaitReason,
}

impl Opening {
    /// At this very moment, by time alone.
    pub(crate) const fn at(at: Nanos, reason: WaitReason) -> Opening {
        Opening { at, look: Some(at), reason }
    }

    /// Whether the moment has come.
    pub(crate) fn is_open(&self, now: Nanos) -> bool {
        self.at <= now && self.look.is_some_and(|look| look <= now)
    }

    /// When it stands in the way until `end` at most.
    pub(crate) fn not_after(self, end: Nanos) -> Opening {
        Opening {
            at: self.at.min(end),
            look: Some(self.look.map_or(end, |look| look.min(end))),
            ..self
        }
    }

    /// When both stand in the way: the later one, for its reason; of two equal ones, `other`.
    pub(crate) fn and(self, other: Opening) -> Opening {
        let later = if self.key() > other.key() { self } else { other };
        Opening {
            at: self.at.max(other.at),
            look: self.look.zip(other.look).map(|(a, b)| a.max(b)),
            reason: later.reason,
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
    fn what_only_an_answer_can_open_does_not_open_by_itself() {
        let waiting = Opening { look: None, ..Opening::at(3, WaitReason::Paused) };
        assert!(!waiting.is_open(100));
        assert_eq!(waiting.and(Opening::at(7, WaitReason::Full)).look, None);
    }
}
