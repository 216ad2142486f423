//! A ledger that is written and read at each step, as one in a file is, against one in memory.

use std::time::Duration;

use fastrand::Rng;

use crate::limiter::Rate;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::{Lease, Ledger};
use crate::limiter::moment::{Nanos, held};
use crate::limiter::status::Outcome;

const SECOND: Nanos = 1_000_000_000;
const HOUR: Nanos = 3600 * SECOND;
const GRACE: Nanos = 2 * SECOND;

const SUCCESS: RateLimitHeaders = RateLimitHeaders {
    refused: false,
    success: true,
    retry_after: None,
    limit: None,
    remaining: None,
    period: None,
    reset: None,
};

fn written(ledger: &Ledger) -> Ledger {
    postcard::from_bytes(&postcard::to_allocvec(ledger).unwrap()).unwrap()
}

/// The requests of one ledger.
struct User {
    ledger: Ledger,
    rate: Rate,
    is_file: bool,
    under_way: Vec<(Nanos, Lease)>,
    /// Until when the requests that ended may have been counted.
    ended: Vec<Nanos>,
    granted: Vec<Nanos>,
}

impl User {
    fn new(rate: Rate, is_file: bool) -> User {
        let (under_way, ended) = (Vec::new(), Vec::new());
        User { ledger: Ledger::new(rate), rate, is_file, under_way, ended, granted: Vec::new() }
    }

    /// Ends what has ended by `now`, some of it by a kill, and takes a token if there is one.
    fn step(&mut self, now: Nanos, ends: Nanos, is_killed: bool) {
        if self.is_file {
            self.ledger = written(&self.ledger);
        }
        for (_, lease) in self.under_way.extract_if(.., |(end, _)| *end <= now) {
            let (outcome, end) = match is_killed {
                true => (Outcome::NoResponse, now + GRACE),
                false => (Outcome::Responded(SUCCESS), now),
            };
            self.ledger.release(&lease, outcome, now);
            self.ended.push(end);
        }
        self.ended.retain(|end| end + held(Duration::from_secs(3600)) > now);
        if let Ok(lease) = self.ledger.lease(now) {
            self.check(now);
            self.under_way.push((ends, lease));
            self.granted.push(now);
        }
    }

    /// A token was granted: fewer than N others are held for any of the limits.
    fn check(&self, now: Nanos) {
        for (n, period) in self.rate.limits() {
            let recent = self.ended.iter().filter(|end| **end + held(period) > now).count();
            let out = recent + self.under_way.len();
            assert!(out < n as usize, "{out} of {n} in {period:?} at {now}");
        }
    }
}

/// Returns when tokens were granted within two hours and a half. The interval between requests is `every` on average.
fn granted(rate: Rate, every: Nanos, is_file: bool) -> Vec<Nanos> {
    let mut rng = Rng::with_seed(every);
    let mut user = User::new(rate, is_file);
    let mut now = 0;
    while now < 5 * HOUR / 2 {
        now += rng.u64(1..2 * every);
        let ends = now + rng.u64(0..10) * SECOND / 10;
        user.step(now, ends, rng.u8(0..20) == 0);
    }
    user.granted
}

/// A token is back later by a hundredth of its period at most, so each request is.
#[test]
fn a_file_grants_what_memory_grants_and_never_more_than_each_of_several_limits() {
    let long = Rate::per_hour(1000).and(Rate::new(300, Duration::from_secs(600)));
    for (rate, every) in [
        (Rate::per_hour(1000), 3700),
        (Rate::per_hour(1000), 1500),
        (Rate::per_hour(300), 9000),
        (long, 1700),
        (long.and(Rate::per_second(5)), 1000),
    ] {
        let [memory, file] = [false, true].map(|it| granted(rate, every * 1_000_000, it));
        assert!(file.len() * 50 >= memory.len() * 49, "{}, not {}", file.len(), memory.len());
        for (place, (soonest, at)) in memory.iter().zip(&file).enumerate() {
            let latest = soonest + soonest / 50 + HOUR / 50;
            assert!(*at <= latest, "{rate}: request {place} at {at}, not {soonest}");
        }
    }
}

/// The service has a lower limit than ours, of more than 256 requests: successes that were rounded up to be later would
/// seem to exceed it.
#[test]
fn a_lower_limit_of_the_service_is_believed_although_many_successes_were_written() {
    let rate = Rate::new(2000, Duration::from_secs(60));
    let lower = RateLimitHeaders { limit: Some(1000), ..SUCCESS };
    let mut ledger = Ledger::new(rate);
    let mut now = 0;
    for _ in 0..4000 {
        ledger = written(&ledger);
        now += 60 * SECOND / 1000;
        let lease = loop {
            match ledger.lease(now) {
                Ok(lease) => break lease,
                Err(_) => now += SECOND / 100,
            }
        };
        ledger.release(&lease, Outcome::Responded(lower), now);
        assert_eq!(ledger.snapshot(now).rate.requests(), 1000, "at {now}");
    }
}

#[test]
fn a_step_of_twenty_thousand_tokens_reads_no_more_than_a_few_hundred_runs() {
    let mut ledger = Ledger::new(Rate::per_hour(20_000));
    for request in 0..40_000 {
        let now = request * HOUR / 20_000 * 101 / 100;
        let lease = ledger.lease(now).expect("a token");
        ledger.release(&lease, Outcome::Responded(SUCCESS), now);
        if request % 100 == 0 {
            ledger = written(&ledger);
        }
    }
    let bytes = postcard::to_allocvec(&written(&ledger)).unwrap().len();
    assert!(bytes < 8000, "{bytes} bytes");
}

/// Others spent much of the limit, and less and less of that is left in the window of the service.
#[test]
fn however_many_reports_come_of_what_others_spent_a_few_hundred_are_kept() {
    let mut ledger = Ledger::new(Rate::per_day(50_000));
    let headers = RateLimitHeaders { remaining: Some(20_000), ..SUCCESS };
    for request in 0..5000 {
        let now = request * 4 * SECOND;
        let lease = ledger.lease(now).expect("a token");
        ledger.release(&lease, Outcome::Responded(headers), now);
        let others = ledger.snapshot(now).held_for_others as u64;
        assert_eq!(others, 30_000 - 1);
    }
    let bytes = postcard::to_allocvec(&ledger).unwrap().len();
    assert!(bytes < 8000, "{bytes} bytes");
    for request in [100, 1000, 4000] {
        // Each report is held for a period and for a sixty-fourth more at most.
        let end = request * 4 * SECOND + held(Duration::from_secs(86_400));
        let left = ledger.snapshot(end).held_for_others as u64;
        let reported = 29_999 - request;
        assert!((reported - 1..reported + 86_400 / 64 / 4).contains(&left), "{left}");
    }
}
