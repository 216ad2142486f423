//! When requests were sent of late, while somebody else seems to use the key.

use super::moment::Nanos;
use super::runs::Runs;

/// The moments at which requests were sent, while refusals are remembered.
///
/// A token is out until P' after the response, so that no more than N requests can arrive in a period whatever the
/// network does. The part of the N that somebody else leaves is an estimate. For this estimate, a request counts for one
/// period from the moment at which it was sent: a longer round trip does not make our part smaller. The requests that the
/// server reports, less ours of the last period, are those of others.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Default)]
pub(crate) struct Sent {
    moments: Runs,
    /// How much one round trip differs from another; `None` while no refusal is remembered.
    slack: Option<Nanos>,
    /// When the first of the refusals was remembered.
    since: Nanos,
}

impl Sent {
    /// Forgets what is over by `now`: what is older than two periods, or all if no refusal is remembered.
    pub(crate) fn settle(&mut self, slack: Option<Nanos>, period: Nanos, now: Nanos) {
        if self.slack.is_none() {
            self.since = now;
        }
        self.slack = slack;
        let begin = now.saturating_sub(period.saturating_mul(2));
        self.moments.remove_before(slack.map_or(Nanos::MAX, |_| begin));
    }

    /// A request is sent.
    pub(crate) fn record(&mut self, now: Nanos) {
        if self.slack.is_some() {
            self.moments.insert(now);
        }
    }

    /// The request that was to be sent at this moment was not sent.
    pub(crate) fn take_back(&mut self, at: Nanos) {
        if at >= self.since {
            self.moments.remove(at);
        }
    }

    /// Returns for how long a request counts if the server counts it for `period`; `None` unless all requests of that
    /// time were recorded.
    pub(crate) fn length(&self, period: Nanos, now: Nanos) -> Option<Nanos> {
        let length = period.saturating_add(self.slack?);
        Some(length).filter(|length| self.since.saturating_add(*length) <= now)
    }

    /// Returns how many requests were sent within the last `length`.
    pub(crate) fn count(&self, length: Nanos, now: Nanos) -> usize {
        self.moments.len() - self.older(length, now)
    }

    /// Returns when fewer than `room` requests were sent within the last `length`, by time alone; `None` if never.
    pub(crate) fn opening(&self, room: usize, length: Nanos, now: Nanos) -> Option<Nanos> {
        let older = self.older(length, now);
        match (self.moments.len() - older).checked_sub(room) {
            None => Some(0),
            Some(surplus) => self.moments.get(older + surplus).map(|at| at.saturating_add(length)),
        }
    }

    /// How many of the moments are at least `length` ago.
    fn older(&self, length: Nanos, now: Nanos) -> usize {
        now.checked_sub(length).map_or(0, |begin| self.moments.count_before(begin + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(slack: Option<Nanos>) -> Sent {
        let mut sent = Sent::default();
        sent.settle(slack, 100, 0);
        [0, 10, 20].into_iter().for_each(|at| sent.record(at));
        sent
    }

    #[test]
    fn nothing_is_recorded_while_no_refusal_is_remembered() {
        let sent = sent(None);
        assert!(sent.moments.is_empty());
        assert_eq!(sent.length(100, 1000), None);
    }

    #[test]
    fn requests_before_the_first_refusal_may_count_until_it_is_a_period_old() {
        let mut sent = sent(Some(5));
        assert_eq!((sent.length(100, 104), sent.length(100, 105)), (None, Some(105)));
        sent.settle(None, 100, 110);
        sent.settle(Some(5), 100, 120);
        assert_eq!((sent.length(100, 214), sent.length(100, 225)), (None, Some(105)));
    }

    #[test]
    fn a_request_that_was_not_recorded_takes_back_no_other_one() {
        let mut sent = Sent::default();
        sent.settle(None, 10_000, 100);
        sent.settle(Some(0), 10_000, 100);
        [100, 9_000].into_iter().for_each(|at| sent.record(at));
        sent.take_back(99);
        assert_eq!(sent.moments.len(), 2);
        sent.take_back(100);
        assert_eq!(sent.moments.len(), 1);
    }

    #[test]
    fn there_is_room_again_when_the_first_request_is_a_period_old() {
        let sent = sent(Some(5));
        assert_eq!(sent.opening(4, 105, 50), Some(0));
        assert_eq!(sent.opening(3, 105, 50), Some(105));
        assert_eq!(sent.opening(1, 105, 50), Some(125));
        assert_eq!(sent.opening(3, 105, 105), Some(0));
        assert_eq!(sent.opening(0, 105, 50), None);
        assert_eq!((sent.count(105, 104), sent.count(105, 105)), (3, 2));
    }

    #[test]
    fn all_is_forgotten_with_the_refusals_and_each_request_after_two_periods() {
        let mut kept = sent(Some(0));
        kept.settle(Some(0), 100, 210);
        assert_eq!((kept.moments.len(), kept.moments.first()), (2, Some(10)));
        kept.settle(None, 100, 210);
        assert!(kept.moments.is_empty());
    }
}
