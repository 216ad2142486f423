//! What answers tell of the budget tightens the bucket and never loosens it.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use heysync::http::{HeaderMap, StatusCode};
use heysync::limiter::{Outcome, RateLimitHeaders, TokenStore};
use heysync::{Rate, TokenBucket};

use crate::bench::{Bench, HELD};
use crate::clock::Hand;
use crate::servers::{Server, SlidingLog};
use crate::simulation::{End, Journey, MS, Manners, SECOND, Simulation};

fn remaining(remaining: u32) -> Outcome {
    let mut remark = RateLimitHeaders::default();
    remark.remaining = Some(remaining);
    Outcome::Answered(remark)
}

fn held(bench: &Bench) -> usize {
    bench.store.snapshot().held_for_others
}

#[test]
fn what_others_spent_is_held_for_one_period() {
    let bench = Bench::new(Rate::per_second(5));
    bench.store.release(bench.lease(), remaining(1));
    let snapshot = bench.store.snapshot();
    assert_eq!((snapshot.held_for_others, snapshot.free), (3, 1));
    bench.pass(HELD - Duration::from_nanos(1));
    assert_eq!(held(&bench), 3);
    bench.pass(Duration::from_nanos(1));
    assert_eq!(bench.store.snapshot().free, 5);
}

#[test]
fn an_answer_that_tells_of_more_does_not_loosen() {
    let bench = Bench::new(Rate::per_second(5));
    bench.store.release(bench.lease(), remaining(1));
    bench.store.release(bench.lease(), remaining(5));
    bench.store.release(Bench::new(Rate::per_second(5)).lease(), remaining(4_000_000_000));
    assert_eq!(held(&bench), 3);
}

/// All orders in which five answers can arrive.
fn orders() -> Vec<Vec<usize>> {
    (0..3125_usize)
        .map(|number| (0..5).map(|digit| number / 5_usize.pow(digit) % 5).collect::<Vec<_>>())
        .filter(|order| (0..5).all(|i| order.contains(&i)))
        .collect()
}

#[test]
fn our_own_requests_are_not_taken_for_others_in_whatever_order_their_answers_arrive() {
    assert_eq!(orders().len(), 120);
    for order in orders() {
        let bench = Bench::new(Rate::per_second(5));
        let mut leases: Vec<_> = (0..5).map(|_| Some(bench.lease())).collect();
        for i in order {
            bench.store.release(leases[i].take().unwrap(), remaining(4 - i as u32));
            assert_eq!(held(&bench), 0);
        }
    }
}

#[test]
fn what_others_spent_is_held_in_whatever_order_the_answers_arrive() {
    for order in orders() {
        let bench = Bench::new(Rate::per_second(10));
        let mut leases: Vec<_> = (0..5).map(|_| Some(bench.lease())).collect();
        for i in order {
            bench.store.release(leases[i].take().unwrap(), remaining(7 - 3 - i as u32 % 5));
        }
        assert_eq!(held(&bench), 5);
    }
}

#[test]
fn a_lower_limit_is_adopted_at_once_and_a_higher_one_is_not() {
    let bench = Bench::new(Rate::per_second(5));
    for (limit, expected) in [(8, 5), (3, 3), (4, 3), (2, 2)] {
        let mut remark = RateLimitHeaders::default();
        remark.limit = Some(limit);
        bench.store.release(bench.next(), Outcome::Answered(remark));
        assert_eq!(bench.store.snapshot().rate, Rate::per_second(expected));
    }
}

#[test]
fn a_lower_limit_holds_for_what_is_out_already() {
    let bench = Bench::new(Rate::per_second(5));
    let leases: Vec<_> = (0..4).map(|_| bench.lease()).collect();
    bench.store.tighten(Rate::per_second(2));
    assert!(bench.store.lease(HELD).is_err());
    leases.into_iter().for_each(|lease| bench.answer(lease));
    bench.pass(HELD);
    assert_eq!(bench.store.snapshot().free, 2);
}

#[test]
fn garbage_in_the_headers_changes_nothing() {
    let bucket = TokenBucket::new(Rate::per_second(5), Arc::new(Hand::new()));
    let garbage: [&[u8]; 8] =
        [b"", b"-1", b"NaN", b"1e9", b"0.5", b"5;w=1", b"\xff\xfe", b"18446744073709551617"];
    for value in garbage {
        let mut headers = HeaderMap::new();
        for name in
            ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"]
        {
            headers.insert(name, value.try_into().unwrap());
        }
        let before = bucket.snapshot();
        let permit = bucket.acquire(None, &mut |_| {}).unwrap();
        permit.answered(StatusCode::OK, &headers);
        let after = bucket.snapshot();
        assert_eq!((after.rate, after.held_for_others), (before.rate, 0));
        assert_eq!((after.paused, after.pace), (None, None));
    }
}

#[test]
fn retry_after_on_an_answer_that_is_no_429_stops_nobody() {
    let bucket = TokenBucket::new(Rate::per_minute(100), Arc::new(Hand::new()));
    let headers = HeaderMap::from_iter([("retry-after".parse().unwrap(), "30".parse().unwrap())]);
    for status in [200, 201, 204, 401, 422, 500, 503] {
        let permit = bucket.try_acquire().unwrap();
        permit.answered(StatusCode::from_u16(status).unwrap(), &headers);
        assert_eq!(bucket.snapshot().paused, None, "{status}");
    }
    bucket.try_acquire().unwrap().answered(StatusCode::TOO_MANY_REQUESTS, &headers);
    assert_eq!(bucket.snapshot().paused, Some(Duration::from_secs(30)));
}

#[test]
fn alone_on_a_key_nothing_is_held_for_others_whatever_the_network_does() {
    for (workers, longest) in [(1, 0), (3, 50 * MS), (8, SECOND), (64, 10 * SECOND)] {
        let mut simulation = Simulation::new(Rate::per_second(5), SlidingLog::new(5, SECOND));
        let mut rng = Rng::with_seed(workers);
        simulation.manners = Manners { headers: true, ..Manners::default() };
        simulation.journey = Box::new(move |_| Journey {
            there: rng.u64(0..=longest),
            back: rng.u64(0..=longest),
            end: End::Answered,
        });
        let store = simulation.store.clone();
        simulation.on_refusal =
            Box::new(move |_, _| assert_eq!(store.snapshot().held_for_others, 0));
        let (_, report) = simulation.run(workers as usize, 5000);
        assert!(report.refused.is_empty());
    }
}

#[test]
fn what_an_earlier_run_spent_is_found_out_before_it_leads_to_a_refusal() {
    let refused = |headers| {
        let mut server = SlidingLog::new(100, 60 * SECOND);
        assert!((0..90).all(|_| server.admit(0)));
        let mut simulation = Simulation::new(Rate::per_minute(100), server);
        simulation.manners = Manners { headers, ..Manners::default() };
        simulation.run(1, 300).1.refused.len()
    };
    assert_eq!(refused(true), 0);
    assert!(refused(false) > 0);
}
