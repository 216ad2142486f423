//! Counting one key's requests, in each of the ways of a [`Limit`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::limit::{Algorithm, Limit};

/// What a limit makes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) admitted: bool,
    /// How many more it would admit at once.
    pub(crate) remaining: u32,
    /// How long until it admits one again, as far as this kind of limit knows.
    pub(crate) wait: Duration,
}

/// One key's requests, as one kind of limit remembers them.
#[derive(Clone, Debug)]
pub(crate) enum Meter {
    Window(Window),
    Log(VecDeque<Instant>),
    Bucket(Bucket),
    Counter(Window),
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

impl Meter {
    pub(crate) fn new(limit: &Limit, now: Instant) -> Meter {
        let window = Window { opened: now, count: 0, previous: 0 };
        match limit.algorithm {
            Algorithm::FixedWindow => Meter::Window(window),
            Algorithm::SlidingLog => Meter::Log(VecDeque::new()),
            Algorithm::TokenBucket => {
                Meter::Bucket(Bucket { tokens: limit.requests.into(), filled: now })
            }
            Algorithm::SlidingWindowCounter => Meter::Counter(window),
        }
    }

    /// Counts a request that comes at `now`, if it is let in.
    pub(crate) fn count(&mut self, limit: &Limit, now: Instant) -> Verdict {
        match self {
            Meter::Window(window) => window.count(limit, now),
            Meter::Log(log) => count_in_log(log, limit, now),
            Meter::Bucket(bucket) => bucket.count(limit, now),
            Meter::Counter(window) => window.count_weighed(limit, now),
        }
    }
}

impl Window {
    fn count(&mut self, limit: &Limit, now: Instant) -> Verdict {
        if now.saturating_duration_since(self.opened) >= limit.period || self.count == 0 {
            *self = Window { opened: now, count: 0, previous: 0 };
        }
        self.judge(limit, now, 0)
    }

    fn count_weighed(&mut self, limit: &Limit, now: Instant) -> Verdict {
        while limit.period > Duration::ZERO && self.is_over(limit, now) {
            let idle = now.saturating_duration_since(self.opened) >= 2 * limit.period;
            let opened = if idle { now } else { self.opened + limit.period };
            let previous = if idle { 0 } else { self.count };
            *self = Window { opened, count: 0, previous };
        }
        let passed = now.saturating_duration_since(self.opened);
        let in_sight = 1.0 - ratio(passed, limit.period).min(1.0);
        self.judge(limit, now, (f64::from(self.previous) * in_sight) as u32)
    }

    fn is_over(&self, limit: &Limit, now: Instant) -> bool {
        now.saturating_duration_since(self.opened) >= limit.period
    }

    fn judge(&mut self, limit: &Limit, now: Instant, before: u32) -> Verdict {
        let admitted = self.count.saturating_add(before) < limit.requests;
        self.count += u32::from(admitted);
        let passed = now.saturating_duration_since(self.opened);
        Verdict {
            admitted,
            remaining: limit.requests.saturating_sub(self.count.saturating_add(before)),
            wait: limit.period.saturating_sub(passed),
        }
    }
}

fn count_in_log(log: &mut VecDeque<Instant>, limit: &Limit, now: Instant) -> Verdict {
    let age = |came: &Instant| now.saturating_duration_since(*came);
    while log.front().is_some_and(|came| age(came) >= limit.period) {
        log.pop_front();
    }
    let admitted = log.len() < limit.requests as usize;
    if admitted {
        log.push_back(now);
    }
    let oldest = log.front().map(age).unwrap_or_default();
    Verdict {
        admitted,
        remaining: limit.requests.saturating_sub(log.len() as u32),
        wait: limit.period.saturating_sub(oldest),
    }
}

impl Bucket {
    fn count(&mut self, limit: &Limit, now: Instant) -> Verdict {
        let capacity = f64::from(limit.requests);
        let passed = now.saturating_duration_since(self.filled);
        self.tokens = (self.tokens + capacity * ratio(passed, limit.period)).min(capacity);
        self.filled = now;
        let admitted = self.tokens >= 1.0;
        if admitted {
            self.tokens -= 1.0;
        }
        let missing = (1.0 - self.tokens).max(0.0) / capacity.max(1.0);
        Verdict { admitted, remaining: self.tokens as u32, wait: share(limit.period, missing) }
    }
}

/// So large a part of `period`.
fn share(period: Duration, part: f64) -> Duration {
    Duration::try_from_secs_f64(period.as_secs_f64() * part).unwrap_or(period)
}

/// How many times `period` fits into `passed`.
fn ratio(passed: Duration, period: Duration) -> f64 {
    passed.as_secs_f64() / period.as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Which of the requests that come at these milliseconds are let in.
    fn admitted(limit: Limit, millis: &[u64]) -> Vec<bool> {
        let start = Instant::now();
        let mut meter = Meter::new(&limit, start);
        let at = |&millis| start + Duration::from_millis(millis);
        let verdicts = millis.iter().map(|millis| meter.count(&limit, at(millis)));
        verdicts.map(|verdict| verdict.admitted).collect()
    }

    fn verdict(limit: Limit, millis: &[u64]) -> Verdict {
        let start = Instant::now();
        let mut meter = Meter::new(&limit, start);
        let at = |&millis| start + Duration::from_millis(millis);
        let verdicts = millis.iter().map(|millis| meter.count(&limit, at(millis)));
        verdicts.last().unwrap()
    }

    #[test]
    fn a_fixed_window_lets_twice_the_number_through_around_its_edge() {
        let came = admitted(Limit::fixed_window(2, SECOND), &[0, 900, 950, 1000, 1001, 1002]);
        assert_eq!(came, [true, true, false, true, true, false]);
    }

    #[test]
    fn a_sliding_log_never_does() {
        let came = admitted(Limit::sliding_log(2, SECOND), &[0, 900, 950, 1000, 1001, 1900]);
        assert_eq!(came, [true, true, false, true, false, true]);
    }

    #[test]
    fn a_token_bucket_gives_its_store_and_then_one_by_one() {
        let came = admitted(Limit::token_bucket(2, SECOND), &[0, 1, 2, 510, 520, 1020]);
        assert_eq!(came, [true, true, false, true, false, true]);
    }

    #[test]
    fn a_sliding_window_counter_weighs_the_window_before() {
        let limit = Limit::sliding_window_counter(4, SECOND);
        let came = admitted(limit, &[0, 1, 2, 3, 4, 1000, 1100, 1300, 1301, 1600, 9000]);
        let (yes, no) = (true, false);
        assert_eq!(came, [yes, yes, yes, yes, no, no, yes, yes, no, yes, yes]);
    }

    #[test]
    fn a_verdict_says_what_remains_and_how_long_to_wait() {
        let log = verdict(Limit::sliding_log(2, SECOND), &[0, 100, 300]);
        assert_eq!((log.remaining, log.wait.as_millis()), (0, 700));
        let window = verdict(Limit::fixed_window(2, SECOND), &[0, 250]);
        assert_eq!((window.remaining, window.wait.as_millis()), (0, 750));
        let bucket = verdict(Limit::token_bucket(2, SECOND), &[0, 0, 250]);
        assert_eq!((bucket.remaining, bucket.wait.as_millis()), (0, 250));
    }

    #[test]
    fn a_limit_of_nothing_or_of_no_time_is_no_panic() {
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
}
