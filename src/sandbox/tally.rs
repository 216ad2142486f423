//! How many requests came, key by key: what was admitted, and the most seen in any window.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::limit::Limit;
use super::meter::{Meter, Verdict};

/// The requests of every key.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    limit: Option<Limit>,
    /// The window that is reported on: the limit's period, also after the limit was lifted.
    period: Duration,
    keys: BTreeMap<String, Count>,
    most: usize,
    pub(crate) refusals: usize,
}

#[derive(Clone, Debug, Default)]
struct Count {
    meter: Option<Meter>,
    recent: VecDeque<Instant>,
}

impl Tally {
    pub(crate) fn new(limit: Limit) -> Tally {
        Tally {
            limit: Some(limit),
            period: limit.period,
            keys: BTreeMap::new(),
            most: 0,
            refusals: 0,
        }
    }

    /// Another limit from now on, or none; what was seen stays in the report.
    pub(crate) fn set_limit(&mut self, limit: Option<Limit>) {
        self.limit = limit;
        self.period = limit.map_or(self.period, |limit| limit.period);
        for count in self.keys.values_mut() {
            count.meter = None;
        }
    }

    pub(crate) fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// The most requests of one key that came within one period, refused ones included.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Counts a request; `None` where there is no limit.
    pub(crate) fn count(&mut self, key: &str, now: Instant) -> Option<Verdict> {
        let count = self.keys.entry(key.to_owned()).or_default();
        self.most = self.most.max(count.see(now, self.period));
        let limit = self.limit?;
        let meter = count.meter.get_or_insert_with(|| Meter::new(&limit, now));
        Some(meter.count(&limit, now))
    }
}

impl Count {
    /// Notes a request, and says how many came in the window that it ends.
    fn see(&mut self, now: Instant, period: Duration) -> usize {
        let is_past = |came: &Instant| now.saturating_duration_since(*came) >= period;
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
    fn the_most_is_over_every_window_of_one_key() {
        let (mut tally, start) = (Tally::new(Limit::sliding_log(2, SECOND)), Instant::now());
        let mut came = |key, millis| tally.count(key, start + Duration::from_millis(millis));
        for millis in [0, 500, 999, 1000, 1400] {
            came("a", millis);
            came("b", 10 * millis);
        }
        assert_eq!(tally.most(), 4);
    }

    #[test]
    fn keys_have_a_limit_each() {
        let (mut tally, now) = (Tally::new(Limit::fixed_window(1, SECOND)), Instant::now());
        let mut admitted = |key| tally.count(key, now).is_some_and(|verdict| verdict.admitted);
        assert_eq!(["a", "a", "b"].map(&mut admitted), [true, false, true]);
    }

    #[test]
    fn without_a_limit_it_still_counts() {
        let (mut tally, now) = (Tally::new(Limit::fixed_window(1, SECOND)), Instant::now());
        tally.set_limit(None);
        assert_eq!((tally.count("a", now), tally.count("a", now)), (None, None));
        assert_eq!(tally.most(), 2);
    }
}
