//! The rate limit, key by key, and the largest number of requests in any window.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::counter::{Counter, Decision};
use super::limit::Limit;

/// Counts the requests of every key against the limit.
#[derive(Clone, Debug)]
pub(crate) struct Throttle {
    limit: Option<Limit>,
    /// The window of `max_in_window`: the period of the limit, also after the limit was removed.
    period: Duration,
    keys: BTreeMap<String, KeyRequests>,
    max_in_window: usize,
    /// The number of responses with a 429.
    pub(crate) rejected: usize,
}

#[derive(Clone, Debug, Default)]
struct KeyRequests {
    counter: Option<Counter>,
    recent: VecDeque<Instant>,
}

impl Throttle {
    pub(crate) fn new(limit: Limit) -> Throttle {
        Throttle {
            limit: Some(limit),
            period: limit.period,
            keys: BTreeMap::new(),
            max_in_window: 0,
            rejected: 0,
        }
    }

    /// Sets another limit, or none. The maximum so far is kept.
    pub(crate) fn set_limit(&mut self, limit: Option<Limit>) {
        self.limit = limit;
        self.period = limit.map_or(self.period, |limit| limit.period);
        for requests in self.keys.values_mut() {
            requests.counter = None;
        }
    }

    pub(crate) fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// The most requests of one key within one period, rejected ones included.
    pub(crate) fn max_in_window(&self) -> usize {
        self.max_in_window
    }

    /// Counts a request. Returns `None` if there is no limit.
    pub(crate) fn count(&mut self, key: &str, now: Instant) -> Option<Decision> {
        let requests = self.keys.entry(key.to_owned()).or_default();
        self.max_in_window = self.max_in_window.max(requests.push(now, self.period));
        let limit = self.limit?;
        let counter = requests.counter.get_or_insert_with(|| Counter::new(&limit, now));
        Some(counter.count(&limit, now))
    }
}

impl KeyRequests {
    /// Adds a request. Returns the number of requests in the window that ends with it.
    fn push(&mut self, now: Instant, period: Duration) -> usize {
        let is_past = |at: &Instant| now.saturating_duration_since(*at) >= period;
        while self.recent.front().is_some_and(is_past) {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        self.recent.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_maximum_is_over_every_window_of_one_key() {
        let (mut throttle, start) = (Throttle::new(Limit::sliding_log(2, SECOND)), Instant::now());
        let mut count = |key, millis| throttle.count(key, start + Duration::from_millis(millis));
        for millis in [0, 500, 999, 1000, 1400] {
            count("a", millis);
            count("b", 10 * millis);
        }
        assert_eq!(throttle.max_in_window(), 4);
    }

    #[test]
    fn each_key_has_its_own_limit() {
        let (mut throttle, now) = (Throttle::new(Limit::fixed_window(1, SECOND)), Instant::now());
        let mut admitted = |key| throttle.count(key, now).is_some_and(|decision| decision.admitted);
        assert_eq!(["a", "a", "b"].map(&mut admitted), [true, false, true]);
    }

    #[test]
    fn requests_are_counted_without_a_limit() {
        let (mut throttle, now) = (Throttle::new(Limit::fixed_window(1, SECOND)), Instant::now());
        throttle.set_limit(None);
        assert_eq!((throttle.count("a", now), throttle.count("a", now)), (None, None));
        assert_eq!(throttle.max_in_window(), 2);
    }
}
