//! A rate limit, and how it counts requests.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// The number of requests that each key may send in a period, and how they are counted.
///
/// Rejected requests do not count against the limit.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use heysync::sandbox::{self, Limit, RetryAfter};
///
/// let strict = Limit::fixed_window(2, Duration::from_secs(1)).retry_after(RetryAfter::Date);
/// let heylo = sandbox::Heylo::demo().limit(strict);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Limit {
    /// How requests are counted.
    pub algorithm: Algorithm,
    /// The number of requests that a period allows.
    pub requests: u32,
    /// The length of a period.
    pub period: Duration,
    /// The `Retry-After` of a 429.
    pub retry_after: RetryAfter,
}

/// How requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// A window opens with the first request and closes a period later. Each window counts from zero.
    FixedWindow,
    /// Every request counts for one period.
    SlidingLog,
    /// A bucket holds the requests of one period and is refilled evenly.
    TokenBucket,
    /// The requests of this window, plus those of the previous one times the share of it that is less than a
    /// period old.
    SlidingWindowCounter,
}

/// The `Retry-After` of a 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryAfter {
    /// Whole seconds, rounded up: `Retry-After: 1`.
    Seconds,
    /// Seconds with a fraction: `Retry-After: 0.931`.
    Fraction,
    /// The date, in whole seconds: `Retry-After: Fri, 08 May 2026 12:00:01 GMT`.
    Date,
    /// No header.
    Absent,
}

impl Limit {
    /// Counts in windows that open with a request; sends `Retry-After` in whole seconds.
    pub const fn fixed_window(requests: u32, period: Duration) -> Limit {
        Limit::new(Algorithm::FixedWindow, requests, period)
    }

    /// Counts the requests of the last period; sends `Retry-After` with a fraction.
    pub const fn sliding_log(requests: u32, period: Duration) -> Limit {
        Limit::new(Algorithm::SlidingLog, requests, period).retry_after(RetryAfter::Fraction)
    }

    /// Counts by a bucket that is refilled evenly; sends `Retry-After` in whole seconds.
    pub const fn token_bucket(requests: u32, period: Duration) -> Limit {
        Limit::new(Algorithm::TokenBucket, requests, period)
    }

    /// Counts by two weighted windows; sends `Retry-After` as a date.
    pub const fn sliding_window_counter(requests: u32, period: Duration) -> Limit {
        Limit::new(Algorithm::SlidingWindowCounter, requests, period).retry_after(RetryAfter::Date)
    }

    /// Sets the style of `Retry-After`.
    pub const fn retry_after(mut self, style: RetryAfter) -> Limit {
        self.retry_after = style;
        self
    }

    const fn new(algorithm: Algorithm, requests: u32, period: Duration) -> Limit {
        Limit { algorithm, requests, period, retry_after: RetryAfter::Seconds }
    }
}

/// Whether a request is within the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) admitted: bool,
    /// How many more requests would be admitted now.
    pub(crate) remaining: u32,
    /// How long until another is admitted, as far as the algorithm knows.
    pub(crate) wait: Duration,
}

/// The requests of one key, as one algorithm stores them.
#[derive(Clone, Debug)]
pub(crate) enum Counter {
    Window(Window),
    Log(VecDeque<Instant>),
    Bucket(Bucket),
    Weighted(Window),
}

#[derive(Clone, Debug)]
pub(crate) struct Window {
    opened: Instant,
    count: u32,
    previous: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Counter {
    pub(crate) fn new(limit: &Limit, now: Instant) -> Counter {
        let window = Window { opened: now, count: 0, previous: 0 };
        match limit.algorithm {
            Algorithm::FixedWindow => Counter::Window(window),
            Algorithm::SlidingLog => Counter::Log(VecDeque::new()),
            Algorithm::TokenBucket => {
                Counter::Bucket(Bucket { tokens: limit.requests.into(), filled: now })
            }
            Algorithm::SlidingWindowCounter => Counter::Weighted(window),
        }
    }

    /// Counts a request at `now` if it is admitted.
    pub(crate) fn count(&mut self, limit: &Limit, now: Instant) -> Decision {
        match self {
            Counter::Window(window) => window.count(limit, now),
            Counter::Log(log) => count_in_log(log, limit, now),
            Counter::Bucket(bucket) => bucket.count(limit, now),
            Counter::Weighted(window) => window.count_weighted(limit, now),
        }
    }
}

impl Window {
    fn count(&mut self, limit: &Limit, now: Instant) -> Decision {
        if now.saturating_duration_since(self.opened) >= limit.period || self.count == 0 {
            *self = Window { opened: now, count: 0, previous: 0 };
        }
        self.decide(limit, now, 0)
    }

    fn count_weighted(&mut self, limit: &Limit, now: Instant) -> Decision {
        while limit.period > Duration::ZERO && self.is_over(limit, now) {
            let idle = now.saturating_duration_since(self.opened) >= 2 * limit.period;
            let opened = if idle { now } else { self.opened + limit.period };
            let previous = if idle { 0 } else { self.count };
            *self = Window { opened, count: 0, previous };
        }
        let passed = now.saturating_duration_since(self.opened);
        let overlap = 1.0 - ratio(passed, limit.period).min(1.0);
        self.decide(limit, now, (f64::from(self.previous) * overlap) as u32)
    }

    fn is_over(&self, limit: &Limit, now: Instant) -> bool {
        now.saturating_duration_since(self.opened) >= limit.period
    }

    fn decide(&mut self, limit: &Limit, now: Instant, before: u32) -> Decision {
        let admitted = self.count.saturating_add(before) < limit.requests;
        self.count += u32::from(admitted);
        let passed = now.saturating_duration_since(self.opened);
        Decision {
            admitted,
            remaining: limit.requests.saturating_sub(self.count.saturating_add(before)),
            wait: limit.period.saturating_sub(passed),
        }
    }
}

fn count_in_log(log: &mut VecDeque<Instant>, limit: &Limit, now: Instant) -> Decision {
    let age = |at: &Instant| now.saturating_duration_since(*at);
    while log.front().is_some_and(|at| age(at) >= limit.period) {
        log.pop_front();
    }
    let admitted = log.len() < limit.requests as usize;
    if admitted {
        log.push_back(now);
    }
    let oldest = log.front().map(age).unwrap_or_default();
    Decision {
        admitted,
        remaining: limit.requests.saturating_sub(log.len() as u32),
        wait: limit.period.saturating_sub(oldest),
    }
}

impl Bucket {
    fn count(&mut self, limit: &Limit, now: Instant) -> Decision {
        let capacity = f64::from(limit.requests);
        let passed = now.saturating_duration_since(self.filled);
        self.tokens = (self.tokens + capacity * ratio(passed, limit.period)).min(capacity);
        self.filled = now;
        let admitted = self.tokens >= 1.0;
        if admitted {
            self.tokens -= 1.0;
        }
        let missing = (1.0 - self.tokens).max(0.0) / capacity.max(1.0);
        Decision { admitted, remaining: self.tokens as u32, wait: fraction(limit.period, missing) }
    }
}

/// Returns this fraction of `period`.
fn fraction(period: Duration, part: f64) -> Duration {
    Duration::try_from_secs_f64(period.as_secs_f64() * part).unwrap_or(period)
}

/// Returns `passed` divided by `period`.
fn ratio(passed: Duration, period: Duration) -> f64 {
    passed.as_secs_f64() / period.as_secs_f64().max(1e-9)
}

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

    /// Forgets the requests, which were counted on another clock. The maximum so far is kept.
    pub(crate) fn restart(&mut self) {
        self.keys.clear();
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

    /// Which of the requests at these milliseconds are admitted.
    fn admitted(limit: Limit, millis: &[u64]) -> Vec<bool> {
        let start = Instant::now();
        let mut counter = Counter::new(&limit, start);
        let at = |&millis| start + Duration::from_millis(millis);
        let decisions = millis.iter().map(|millis| counter.count(&limit, at(millis)));
        decisions.map(|decision| decision.admitted).collect()
    }

    fn decision(limit: Limit, millis: &[u64]) -> Decision {
        let start = Instant::now();
        let mut counter = Counter::new(&limit, start);
        let at = |&millis| start + Duration::from_millis(millis);
        let decisions = millis.iter().map(|millis| counter.count(&limit, at(millis)));
        decisions.last().unwrap()
    }

    #[test]
    fn a_fixed_window_admits_twice_the_limit_around_its_edge() {
        let admitted = admitted(Limit::fixed_window(2, SECOND), &[0, 900, 950, 1000, 1001, 1002]);
        assert_eq!(admitted, [true, true, false, true, true, false]);
    }

    #[test]
    fn a_sliding_log_never_admits_more_than_the_limit() {
        let admitted = admitted(Limit::sliding_log(2, SECOND), &[0, 900, 950, 1000, 1001, 1900]);
        assert_eq!(admitted, [true, true, false, true, false, true]);
    }

    #[test]
    fn a_token_bucket_admits_its_capacity_and_then_one_by_one() {
        let admitted = admitted(Limit::token_bucket(2, SECOND), &[0, 1, 2, 510, 520, 1020]);
        assert_eq!(admitted, [true, true, false, true, false, true]);
    }

    #[test]
    fn a_sliding_window_counter_weighs_the_previous_window() {
        let limit = Limit::sliding_window_counter(4, SECOND);
        let admitted = admitted(limit, &[0, 1, 2, 3, 4, 1000, 1100, 1300, 1301, 1600, 9000]);
        let (yes, no) = (true, false);
        assert_eq!(admitted, [yes, yes, yes, yes, no, no, yes, yes, no, yes, yes]);
    }

    #[test]
    fn a_decision_has_the_remaining_requests_and_the_wait() {
        let log = decision(Limit::sliding_log(2, SECOND), &[0, 100, 300]);
        assert_eq!((log.remaining, log.wait.as_millis()), (0, 700));
        let window = decision(Limit::fixed_window(2, SECOND), &[0, 250]);
        assert_eq!((window.remaining, window.wait.as_millis()), (0, 750));
        let bucket = decision(Limit::token_bucket(2, SECOND), &[0, 0, 250]);
        assert_eq!((bucket.remaining, bucket.wait.as_millis()), (0, 250));
    }

    #[test]
    fn a_limit_of_zero_requests_or_zero_time_does_not_panic() {
        for new in [
            Limit::fixed_window,
            Limit::sliding_log,
            Limit::token_bucket,
            Limit::sliding_window_counter,
        ] {
            assert_eq!(admitted(new(0, SECOND), &[0, 500, 5000]), [false; 3]);
            admitted(new(3, Duration::ZERO), &[0, 0, 0, 0, 5000]);
            admitted(new(u32::MAX, Duration::MAX), &[0, 500, 5000]);
        }
    }

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
