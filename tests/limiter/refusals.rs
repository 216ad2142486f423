//! What follows a 429: a pause, one that goes ahead, and a pace until all goes well.

use std::time::Duration;

use fastrand::Rng;
use heysync::Rate;
use heysync::limiter::{Outcome, RateLimitHeaders, TokenStore, WaitReason};

use crate::bench::{Bench, HELD, SHARE};
use crate::servers::{FixedWindow, NoBurst, Refilled, Server, SlidingCounter, SlidingLog};
use crate::simulation::{End, Journey, MS, Manners, Report, SECOND, Simulation};

#[test]
fn a_429_stops_everybody_until_retry_after() {
    let bench = Bench::new(Rate::per_second(5));
    bench.refuse(bench.lease(), Some(Duration::from_secs(7)));
    bench.is_shut(WaitReason::Paused);
    bench.pass(Duration::from_millis(6_999));
    bench.is_shut(WaitReason::Paused);
    bench.pass(Duration::from_millis(1));
    bench.lease();
}

#[test]
fn without_retry_after_the_pause_is_one_period() {
    let bench = Bench::new(Rate::per_second(5));
    bench.refuse(bench.lease(), None);
    assert_eq!(bench.paused(), HELD);
}

#[test]
fn after_a_pause_one_goes_ahead_and_nobody_else_until_it_is_answered() {
    let bench = Bench::new(Rate::per_second(5));
    bench.refuse(bench.lease(), None);
    bench.pass(HELD);
    let ahead = bench.lease();
    bench.is_shut(WaitReason::Paused);
    bench.pass(Duration::from_secs(100));
    bench.is_shut(WaitReason::Paused);
    bench.answer(ahead);
    bench.is_shut(WaitReason::Paced);
}

#[test]
fn the_rest_follows_one_share_of_the_period_apart() {
    let bench = Bench::new(Rate::per_second(5));
    bench.refuse(bench.lease(), None);
    bench.pass(HELD);
    bench.well();
    for _ in 0..4 {
        bench.is_shut(WaitReason::Paced);
        bench.pass(SHARE - Duration::from_nanos(1));
        bench.is_shut(WaitReason::Paced);
        bench.pass(Duration::from_nanos(1));
        bench.answer(bench.lease());
    }
}

#[test]
fn a_second_429_doubles_the_pause_up_to_a_bound() {
    let bench = Bench::new(Rate::per_second(5));
    bench.refuse(bench.lease(), Some(Duration::from_secs(2)));
    for expected in [4, 8, 16, 32, 64, 128, 256, 300, 300] {
        bench.pass(bench.paused());
        bench.refuse(bench.lease(), Some(Duration::from_secs(2)));
        assert_eq!(bench.paused(), Duration::from_secs(expected));
    }
    bench.pass(bench.paused());
    bench.refuse(bench.lease(), Some(Duration::from_secs(3000)));
    assert_eq!(bench.paused(), Duration::from_secs(3000), "the service's own word holds");
}

#[test]
fn the_pause_is_as_short_as_at_first_after_a_quiet_period() {
    let bench = Bench::new(Rate::per_second(5));
    bench.refuse(bench.lease(), Some(Duration::from_secs(2)));
    bench.pass(Duration::from_secs(2));
    bench.well();
    bench.pass(HELD);
    bench.refuse(bench.lease(), Some(Duration::from_secs(2)));
    assert_eq!(bench.paused(), Duration::from_secs(2));
}

#[test]
fn refusals_of_requests_that_were_under_way_together_are_one() {
    let bench = Bench::new(Rate::per_second(5));
    let leases: Vec<_> = (0..5).map(|_| bench.lease()).collect();
    for lease in leases {
        bench.refuse(lease, Some(Duration::from_secs(2)));
    }
    assert_eq!(bench.paused(), Duration::from_secs(2));
    let snapshot = bench.store.snapshot();
    assert_eq!((snapshot.pauses, snapshot.pace), (1, Some(SHARE)));
}

#[test]
fn a_shorter_pause_does_not_end_a_longer_one() {
    let bench = Bench::new(Rate::per_second(5));
    let (one, other) = (bench.lease(), bench.lease());
    bench.refuse(one, Some(Duration::from_secs(9)));
    bench.refuse(other, Some(Duration::from_secs(1)));
    assert_eq!(bench.paused(), Duration::from_secs(9));
}

#[test]
fn an_answer_that_comes_during_a_pause_does_not_end_it() {
    let bench = Bench::new(Rate::per_second(5));
    let (one, other) = (bench.lease(), bench.lease());
    bench.refuse(one, None);
    bench.answer(other);
    assert_eq!(bench.paused(), HELD);
}

#[test]
fn where_the_one_ahead_comes_to_nothing_another_one_goes() {
    let bench = Bench::new(Rate::per_second(5));
    bench.refuse(bench.lease(), None);
    bench.pass(HELD);
    bench.store.release(bench.lease(), Outcome::NeverSent);
    bench.store.release(bench.lease(), Outcome::NoResponse);
    let ahead = bench.lease();
    bench.is_shut(WaitReason::Paused);
    bench.answer(ahead);
    assert_eq!(bench.store.snapshot().paused, None);
}

/// A bucket of three that was one of five, just after its pause: all goes on, for one period at a pace.
fn just_after_a_429_that_a_lowered_limit_explains() -> Bench {
    let bench = Bench::new(Rate::per_second(5));
    let leases: Vec<_> = (0..5).map(|_| bench.lease()).collect();
    for lease in leases {
        let mut remark = RateLimitHeaders::default();
        (remark.refused, remark.limit) = (true, Some(3));
        bench.store.release(lease, Outcome::Answered(remark));
    }
    bench.pass(bench.paused());
    bench.well();
    bench
}

#[test]
fn a_429_that_a_lowered_limit_explains_is_over_after_one_period() {
    let bench = just_after_a_429_that_a_lowered_limit_explains();
    assert!(bench.pace().is_some());
    bench.pass(HELD);
    assert_eq!(bench.pace(), None);
}

#[test]
fn nobody_waits_for_a_pace_that_ends_before() {
    let moment = Duration::from_millis(1);
    let bench = just_after_a_429_that_a_lowered_limit_explains();
    bench.pass(HELD - moment);
    bench.well();
    let outlook = bench.store.lease(HELD).unwrap_err();
    assert_eq!(outlook.look_again, Some(moment));
    assert_eq!(bench.store.outlook(1).at_least, moment);
    bench.pass(moment);
    bench.well();
    bench.well();
}

#[test]
fn a_429_that_nothing_explains_slows_down_until_much_has_gone_well() {
    let bench = Bench::new(Rate::per_second(5));
    bench.refuse(bench.lease(), None);
    let mut paces = vec![SHARE];
    for _ in 0..128 {
        assert_eq!(bench.pace(), Some(SHARE));
        bench.well();
    }
    while let Some(pace) = bench.pace() {
        assert!(pace <= *paces.last().unwrap(), "never slower when all goes well");
        paces.push(pace);
        assert!(paces.len() < 1000, "full speed at last");
        bench.well();
    }
    paces.dedup();
    assert!(paces.len() > 10, "gradually: {paces:?}");
}

#[test]
fn each_further_429_doubles_the_distance_up_to_a_bound() {
    let bench = Bench::new(Rate::per_second(5));
    bench.refuse(bench.lease(), None);
    for shares in [2, 4, 8, 16, 16] {
        bench.pass(bench.paused());
        bench.well();
        bench.refuse(bench.next(), None);
        assert_eq!(bench.pace(), Some(SHARE * shares));
    }
}

fn run<S: Server>(n: u32, p: u64, server: S, workers: usize, manners: Manners) -> Report {
    let mut simulation = Simulation::new(Rate::new(n, Duration::from_nanos(p)), server);
    let mut rng = Rng::with_seed(11);
    simulation.journey = Box::new(move |_| {
        let way = |rng: &mut Rng| rng.u64(5 * MS..=40 * MS);
        Journey { there: way(&mut rng), back: way(&mut rng), end: End::Answered }
    });
    simulation.manners = manners;
    simulation.run(workers, 5000).1
}

const SECOND_LATER: Manners =
    Manners { retry_after: Some(Duration::from_secs(1)), headers: false, foreign_every: None };

/// Fewer than one in a hundred after the second refusal, and not bought by standing still.
fn is_well(name: &str, report: &Report, n: u32, p: u64, least: f64) {
    let later = report.refused_later();
    let speed = report.sent as f64 / report.took as f64 * p as f64 / f64::from(n);
    println!("{name}: {} refused, {later:.2} % later, speed {speed:.2}", report.refused.len());
    assert!(later < 1.0, "{name}: {later} % refused");
    assert!(speed > least, "{name}: {speed} of the rate");
}

const SERVICES: [(u32, u64); 2] = [(5, SECOND), (100, 60 * SECOND)];

#[test]
fn a_server_that_allows_no_burst_soon_refuses_next_to_nothing() {
    for (n, p) in SERVICES {
        for workers in [1, 8] {
            let report = run(n, p, NoBurst::new(n, p), workers, SECOND_LATER);
            is_well("no burst", &report, n, p, 0.6);
        }
    }
}

#[test]
fn a_sliding_window_counter_soon_refuses_next_to_nothing() {
    for (n, p) in SERVICES {
        for (workers, strict) in [(1, false), (8, false), (1, true), (8, true)] {
            let report = run(n, p, SlidingCounter::new(n, p, strict), workers, SECOND_LATER);
            is_well("sliding counter", &report, n, p, 0.3);
        }
    }
}

#[test]
fn a_key_that_somebody_else_uses_too_is_soon_refused_next_to_never() {
    for (n, p) in SERVICES {
        for workers in [1, 8] {
            for share in [20, 40, 50] {
                let foreign_every = Some(p * 100 / (u64::from(n) * share));
                let manners = Manners { foreign_every, ..SECOND_LATER };
                let log = run(n, p, SlidingLog::new(n, p), workers, manners);
                is_well("shared, sliding log", &log, n, p, 0.1);
                let window = run(n, p, FixedWindow::new(n, p, 0), workers, manners);
                is_well("shared, fixed window", &window, n, p, 0.1);
            }
        }
    }
}

#[test]
fn a_service_that_tells_what_remains_slows_nobody_down_who_is_alone() {
    let manners = Manners { headers: true, ..SECOND_LATER };
    for (n, p) in SERVICES {
        for workers in [1, 8] {
            for report in [
                run(n, p, SlidingLog::new(n, p), workers, manners),
                run(n, p, FixedWindow::new(n, p, p / 3), workers, manners),
                run(n, p, Refilled::new(n, p), workers, manners),
            ] {
                assert!(report.refused.is_empty());
                is_well("told, exact", &report, n, p, 0.9);
            }
            for (strict, least) in [(false, 0.7), (true, 0.4)] {
                let report = run(n, p, SlidingCounter::new(n, p, strict), workers, manners);
                is_well("told, sliding counter", &report, n, p, least);
            }
        }
    }
}
