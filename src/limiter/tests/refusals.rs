//! A 429 brings a pause, one request that tries, and a pace for some periods.

use std::sync::Arc;
use std::time::Duration;

use crate::limiter::Rate;
use crate::limiter::WaitReason;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Ledger;
use crate::limiter::status::Outcome;
use crate::limiter::store::{Memory, TokenStore};
use fastrand::Rng;

use super::bench::{Bench, HELD, SHARE};
use super::clock::Hand;
use super::servers::{FixedWindow, NoBurst, Refilled, Server, SlidingCounter, SlidingLog};
use super::simulation::{End, Journey, MS, Manners, Report, SECOND, Simulation};

const A_SECOND: Duration = Duration::from_secs(1);

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
fn after_a_pause_one_request_tries_and_no_other_is_sent_until_its_response() {
    let bench = Bench::new(Rate::per_second(5));
    bench.refuse(bench.lease(), None);
    bench.pass(HELD);
    let ahead = bench.lease();
    bench.is_shut(WaitReason::Paused);
    bench.pass(Duration::from_secs(100));
    bench.is_shut(WaitReason::Paused);
    assert_eq!(bench.paused(), Duration::ZERO);
    bench.answer(ahead);
    bench.lease();
}

/// A bucket that has sent before, so that a refusal is not what an earlier run brought about.
fn known() -> Bench {
    let bench = Bench::new(Rate::per_second(5));
    bench.well();
    bench.pass(HELD / 2);
    [(); 3].iter().for_each(|()| bench.well());
    bench
}

#[test]
fn after_a_first_refusal_the_rest_is_spread_out_at_full_speed() {
    let bench = known();
    bench.refuse(bench.lease(), None);
    bench.pass(bench.paused());
    bench.well();
    let pace = bench.pace().unwrap();
    assert_eq!(pace, SHARE);
    bench.is_shut(WaitReason::Paced);
    bench.pass(pace - Duration::from_nanos(1));
    bench.is_shut(WaitReason::Paced);
    bench.pass(Duration::from_nanos(1));
    bench.lease();
}

#[test]
fn a_refusal_of_the_very_first_request_slows_nobody_down() {
    let bench = Bench::new(Rate::per_second(5));
    bench.refuse(bench.lease(), None);
    bench.pass(HELD);
    bench.well();
    assert_eq!(bench.pace(), None);
    let _together = [(); 4].map(|()| bench.lease());
}

#[test]
fn the_pause_that_the_server_names_is_not_multiplied() {
    for seconds in [1, 7, 2 * 86_400] {
        let bench = known();
        for _ in 0..20 {
            bench.refuse(bench.next(), Some(Duration::from_secs(seconds)));
            assert_eq!(bench.paused(), Duration::from_secs(seconds));
        }
    }
}

#[test]
fn a_pause_without_a_name_is_one_period_however_many_there_are() {
    let bench = known();
    for _ in 0..20 {
        bench.refuse(bench.next(), None);
        assert_eq!(bench.paused(), HELD);
    }
}

/// Else the three refusals of a minute each would end a call of three minutes.
#[test]
fn after_a_pause_of_a_long_period_without_a_name_the_next_ones_are_parts_of_it() {
    let bench = Bench::new(Rate::per_minute(100));
    let pauses = [(); 10].map(|()| {
        bench.refuse(bench.next(), None);
        bench.paused()
    });
    assert!(pauses[0] >= Duration::from_secs(60));
    assert!(pauses[1..].iter().all(|it| *it >= A_SECOND && *it < 3 * A_SECOND), "{pauses:?}");
}

/// When the requests of a client are sent to a server that refuses everything, with jitter.
fn in_vain(rate: Rate, retry_after: Option<Duration>, time: u64) -> Vec<u64> {
    let mut ledger = Ledger::new(rate).cautious_by(Rng::with_seed(7));
    let (mut now, mut moments) = (0, Vec::new());
    while now < time {
        match ledger.lease(now) {
            Ok(lease) => {
                moments.push(now);
                let headers =
                    RateLimitHeaders { refused: true, retry_after, ..RateLimitHeaders::default() };
                now += 10 * MS;
                ledger.release(&lease, Outcome::Responded(headers), now);
            }
            Err(not_ready) => now += not_ready.look_again.expect("a time").as_nanos() as u64,
        }
    }
    moments
}

/// The most of these moments in one period.
fn most_within(moments: &[u64], period: u64) -> usize {
    let within =
        |begin: &u64| moments.iter().filter(|it| (*begin..begin + period).contains(it)).count();
    moments.iter().map(within).max().unwrap_or(0)
}

#[test]
fn a_server_that_refuses_everything_without_a_name_gets_half_of_the_limit_in_a_period_at_most() {
    let minute = 60 * SECOND;
    for (n, p) in
        [(5, SECOND), (20, 12 * SECOND), (100, minute), (1000, minute), (1000, 60 * minute)]
    {
        let time = 10 * p.max(minute);
        let moments = in_vain(Rate::new(n, Duration::from_nanos(p)), None, time);
        let most = (n / 2).min(50) as usize;
        assert!(most_within(&moments, p) <= most, "{n}: {}", most_within(&moments, p));
        let later: Vec<_> = moments.iter().copied().filter(|at| *at >= time / 2).collect();
        assert!(
            p == SECOND || most_within(&later, p) <= most / 2 + 1,
            "{n}: no fewer after a while"
        );
    }
}

#[test]
fn that_short_pauses_were_best_is_forgotten_with_the_refusals() {
    let bench = Bench::new(Rate::per_minute(100));
    (0..20).for_each(|_| bench.well());
    bench.refuse(bench.next(), None);
    bench.well();
    bench.refuse(bench.next(), None);
    assert!(bench.paused() < 3 * A_SECOND);
    bench.well();
    bench.pass(Duration::from_secs(25 * 61));
    bench.refuse(bench.next(), None);
    assert!(bench.paused() >= Duration::from_secs(60));
}

/// Ten misses would be more than a series of short pauses, and make long ones the better ones.
#[test]
fn refusals_without_a_name_of_requests_that_were_under_way_together_count_as_one() {
    let bench = Bench::new(Rate::per_minute(100));
    (0..20).for_each(|_| bench.well());
    let leases = [(); 10].map(|()| bench.lease());
    leases.into_iter().for_each(|lease| bench.refuse(lease, None));
    bench.well();
    bench.refuse(bench.next(), None);
    assert!(bench.paused() < 3 * A_SECOND);
}

#[test]
fn a_late_success_of_a_request_that_did_not_try_ends_no_row_of_refusals() {
    let bench = Bench::new(Rate::per_minute(100));
    (0..20).for_each(|_| bench.well());
    let late = bench.lease();
    (0..12).for_each(|_| bench.refuse(bench.next(), None));
    bench.answer(late);
    bench.refuse(bench.next(), None);
    assert!(bench.paused() < 3 * A_SECOND);
}

/// Only a pause of most of a period leads to the same moment of the next one, again and again.
#[test]
fn a_named_pause_that_is_short_for_the_period_is_not_made_longer_in_a_search() {
    for (period, is_longer) in [(2500 * MS, false), (SECOND, true)] {
        let rate = Rate::new(3, Duration::from_nanos(period));
        let moments = in_vain(rate, Some(A_SECOND), 60 * SECOND);
        let mut later = moments.windows(2).skip(12).map(|pair| pair[1] - pair[0]);
        assert_eq!(later.any(|it| it > SECOND + 12 * MS), is_longer, "{period}");
    }
}

#[test]
fn a_pause_without_a_name_is_one_period_again_after_a_success() {
    let bench = known();
    for _ in 0..3 {
        bench.refuse(bench.next(), None);
        assert_eq!(bench.paused(), HELD);
        bench.pass(HELD);
        bench.well();
    }
}

#[test]
fn a_second_refusal_brings_the_speed_that_the_server_admitted() {
    let bench = known();
    bench.refuse(bench.lease(), Some(Duration::from_secs(2)));
    bench.pass(bench.paused());
    [(); 3].iter().for_each(|()| bench.well());
    bench.refuse(bench.next(), Some(Duration::from_secs(2)));
    bench.pass(bench.paused());
    bench.well();
    assert_eq!(bench.pace(), Some(Duration::from_nanos(335_333_333)));
}

#[test]
fn ten_periods_after_any_number_of_refusals_the_bucket_is_at_full_speed() {
    for refusals in 1..20 {
        let bench = known();
        (0..refusals).for_each(|_| bench.refuse(bench.next(), None));
        bench.pass(bench.paused());
        bench.well();
        bench.pass(10 * HELD);
        let snapshot = bench.store.snapshot();
        assert_eq!((snapshot.pace, snapshot.paused, snapshot.free), (None, None, 5));
        for _ in 0..5 {
            bench.lease();
        }
    }
}

#[test]
fn refusals_of_requests_that_were_under_way_together_are_one() {
    let bench = Bench::new(Rate::per_second(5));
    let leases: Vec<_> = (0..5).map(|_| bench.lease()).collect();
    for lease in leases {
        bench.refuse(lease, Some(Duration::from_secs(2)));
    }
    assert_eq!(bench.paused(), Duration::from_secs(2));
    assert_eq!(bench.store.snapshot().pauses, 1);
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
fn a_response_that_arrives_during_a_pause_does_not_end_it() {
    let bench = Bench::new(Rate::per_second(5));
    let (one, other) = (bench.lease(), bench.lease());
    bench.refuse(one, None);
    bench.answer(other);
    assert_eq!(bench.paused(), HELD);
}

#[test]
fn if_the_request_that_tries_comes_to_nothing_another_one_tries() {
    let bench = Bench::new(Rate::per_second(5));
    bench.refuse(bench.lease(), None);
    bench.pass(HELD);
    bench.store.release(&bench.lease(), Outcome::NeverSent);
    bench.store.release(&bench.lease(), Outcome::NoResponse);
    let ahead = bench.lease();
    bench.is_shut(WaitReason::Paused);
    bench.answer(ahead);
    assert_eq!(bench.store.snapshot().paused, None);
}

#[test]
fn a_429_that_a_lowered_limit_explains_slows_nobody_down() {
    let bench = Bench::new(Rate::per_second(5));
    bench.well();
    bench.pass(HELD);
    let leases: Vec<_> = (0..5).map(|_| bench.lease()).collect();
    for lease in leases {
        let (refused, limit) = (true, Some(3));
        let headers = RateLimitHeaders { refused, limit, ..RateLimitHeaders::default() };
        bench.store.release(&lease, Outcome::Responded(headers));
    }
    bench.pass(bench.paused());
    bench.well();
    assert_eq!(bench.pace(), None);
    let _together = [(); 2].map(|()| bench.lease());
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

/// Few refusals after the second one, and not bought by standing still. A rate of few requests has few steps to find
/// the right speed by, and is back at full speed after fewer requests.
fn is_well(name: &str, report: &Report, n: u32, p: u64, least: f64) {
    let later = report.refused_later();
    let speed = report.sent as f64 / report.took as f64 * p as f64 / f64::from(n);
    let most = if n < 100 { 10.0 } else { 2.0 };
    assert!(later < most, "{name}: {later} % refused");
    assert!(speed > least, "{name}: {speed} of the rate");
}

const SERVICES: [(u32, u64); 2] = [(5, SECOND), (100, 60 * SECOND)];

#[test]
fn a_server_that_allows_no_burst_soon_refuses_few() {
    for (n, p) in SERVICES {
        for workers in [1, 8] {
            let report = run(n, p, NoBurst::new(n, p), workers, SECOND_LATER);
            is_well("no burst", &report, n, p, 0.4);
        }
    }
}

#[test]
fn a_sliding_window_counter_soon_refuses_few() {
    for (n, p) in SERVICES {
        for (workers, strict) in [(1, false), (8, false), (1, true), (8, true)] {
            let report = run(n, p, SlidingCounter::new(n, p, strict), workers, SECOND_LATER);
            is_well("sliding counter", &report, n, p, 0.3);
        }
    }
}

#[test]
fn a_key_that_somebody_else_uses_too_is_soon_refused_seldom() {
    for (n, p) in SERVICES {
        for workers in [1, 8] {
            // Half of five is no whole number of requests.
            for share in if n < 100 { vec![20, 40] } else { vec![20, 40, 50] } {
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
fn a_service_that_says_how_much_remains_slows_down_nobody_who_is_alone() {
    let manners = Manners { headers: true, ..SECOND_LATER };
    for (n, p) in SERVICES {
        for workers in [1, 8] {
            for report in [
                run(n, p, SlidingLog::new(n, p), workers, manners),
                run(n, p, FixedWindow::new(n, p, p / 3), workers, manners),
                run(n, p, Refilled::new(n, p), workers, manners),
            ] {
                assert!(report.refused.is_empty());
                is_well("says, exact", &report, n, p, 0.9);
            }
            for (strict, least) in [(false, 0.7), (true, 0.4)] {
                let report = run(n, p, SlidingCounter::new(n, p, strict), workers, manners);
                is_well("says, sliding counter", &report, n, p, least);
            }
        }
    }
}

#[test]
fn a_token_that_is_out_is_no_token_although_others_seem_to_leave_room() {
    let bench = Bench::new(Rate::per_second(5));
    (0..12).for_each(|_| bench.well());
    let lease = bench.next();
    bench.refuse(lease, Some(Duration::from_secs(1)));
    (0..9).for_each(|_| bench.well());
    // Their responses are late: they may arrive at the server with what is sent now.
    let _under_way = [(); 5].map(|()| bench.next());
    bench.pass(Duration::from_secs(3));
    bench.is_shut(WaitReason::Full);
}

#[test]
fn a_request_that_was_never_sent_leaves_its_token_at_once_also_after_a_refusal() {
    let bench = Bench::new(Rate::per_second(5));
    bench.well();
    let lease = bench.next();
    bench.refuse(lease, Some(Duration::from_secs(1)));
    (0..12).for_each(|_| bench.well());
    bench.pass(Duration::from_secs(2));
    let free = bench.store.snapshot().free;
    for _ in 0..20 {
        let lease = bench.next();
        bench.store.release(&lease, Outcome::NeverSent);
    }
    assert_eq!(bench.store.snapshot().free, free);
}

#[test]
fn a_bucket_whose_last_response_was_a_refusal_is_idle_ten_periods_after_the_pause() {
    let bench = known();
    bench.refuse(bench.next(), Some(Duration::from_secs(5)));
    bench.pass(Duration::from_secs(5) + HELD * 9);
    assert!(!bench.store.is_idle());
    bench.pass(HELD * 2);
    assert!(bench.store.is_idle());
    assert_eq!(bench.store.snapshot().paused, None);
}

#[test]
fn after_a_pause_of_thirty_periods_the_rest_is_spread_out_as_well() {
    let bench = known();
    bench.refuse(bench.lease(), Some(HELD * 30));
    bench.well();
    assert_eq!(bench.pace(), Some(SHARE));
}

#[test]
fn after_a_pause_that_ended_long_ago_one_request_still_goes_first() {
    let bench = known();
    bench.refuse(bench.next(), Some(Duration::from_secs(5)));
    bench.pass(Duration::from_secs(5) + HELD * 20);
    let first = bench.lease();
    bench.is_shut(WaitReason::Paused);
    bench.answer(first);
    bench.lease();
}

/// One that counts a part of the last period again holds most of that for a quarter of a period more.
#[test]
fn what_others_spent_is_held_for_a_quarter_of_a_second_longer_than_a_second_after_a_refusal() {
    let bench = known();
    bench.refuse(bench.lease(), Some(Duration::from_secs(1)));
    assert!(bench.store.snapshot().held_for_others > 0);
    bench.pass(HELD + A_SECOND / 4 - Duration::from_nanos(1));
    assert!(bench.store.snapshot().held_for_others > 0);
    bench.pass(Duration::from_nanos(1));
    assert_eq!(bench.store.snapshot().held_for_others, 0);
}

#[test]
fn a_request_that_was_never_sent_leaves_its_tokens_of_all_limits_at_once() {
    let bench = Bench::new(Rate::per_second(5).and(Rate::new(12, Duration::from_secs(4))));
    bench.well();
    bench.refuse(bench.next(), Some(Duration::from_secs(1)));
    (0..6).for_each(|_| bench.well());
    bench.pass(Duration::from_secs(1));
    (0..8).for_each(|_| bench.well());
    let free = bench.store.snapshot().free;
    for _ in 0..20 {
        let lease = bench.next();
        bench.store.release(&lease, Outcome::NeverSent);
    }
    assert_eq!(bench.store.snapshot().free, free);
}

#[test]
fn all_tokens_stay_out_although_a_lower_limit_of_the_service_ends_meanwhile() {
    let bench = Bench::new(Rate::per_second(5));
    let lower = RateLimitHeaders { success: true, limit: Some(2), ..RateLimitHeaders::default() };
    let lease = bench.lease();
    bench.store.release(&lease, Outcome::Responded(lower));
    bench.pass(HELD * 10 - Duration::from_millis(1));
    bench.store.exhaust(None).expect("tokens in memory");
    bench.pass(HELD);
    bench.is_shut(WaitReason::Full);
}

#[test]
fn the_tokens_of_a_limit_that_only_the_server_knows_can_be_taken_out_too() {
    let bench = Bench::new(Rate::per_second(5));
    let hourly = RateLimitHeaders {
        success: true,
        limit: Some(3),
        period: Some(Duration::from_secs(3600)),
        ..RateLimitHeaders::default()
    };
    let lease = bench.lease();
    bench.store.release(&lease, Outcome::Responded(hourly));
    bench.store.exhaust(None).expect("tokens in memory");
    bench.pass(Duration::from_secs(600));
    bench.is_shut(WaitReason::Full);
}

#[test]
fn a_token_that_is_back_is_not_taken_out_again_with_the_others() {
    let bench = Bench::new(Rate::per_second(5));
    let hourly = |limit| {
        let period = Some(Duration::from_secs(3600));
        let headers = RateLimitHeaders { success: true, limit: Some(limit), ..Default::default() };
        Outcome::Responded(RateLimitHeaders { period, ..headers })
    };
    bench.store.release(&bench.lease(), hourly(3));
    (0..2).for_each(|_| bench.well());
    bench.pass(Duration::from_secs(36_100));
    bench.store.exhaust(None).expect("tokens in memory");
    bench.pass(HELD + Duration::from_secs(2));
    bench.store.release(&bench.lease(), hourly(3));
    let _left = [(); 2].map(|()| bench.lease());
    bench.is_shut(WaitReason::Full);
}

#[test]
fn what_others_spent_before_a_refusal_is_held_no_longer_than_until_the_server_counts_anew() {
    let bench = Bench::new(Rate::per_minute(100));
    (0..40).for_each(|_| bench.well());
    let refusal = RateLimitHeaders {
        refused: true,
        retry_after: Some(A_SECOND),
        reset: Some(3 * A_SECOND),
        ..RateLimitHeaders::default()
    };
    bench.store.release(&bench.lease(), Outcome::Responded(refusal));
    bench.pass(3 * A_SECOND);
    assert!(bench.store.snapshot().held_for_others > 0);
    bench.pass(Duration::from_millis(10));
    assert_eq!(bench.store.snapshot().held_for_others, 0);
}

#[test]
fn from_a_request_that_was_never_sent_nobody_keeps_a_distance() {
    let bench = Bench::new(Rate::per_second(5).paced());
    bench.store.release(&bench.lease(), Outcome::NeverSent);
    let older = bench.lease();
    bench.is_shut(WaitReason::Paced);
    bench.pass(SHARE);
    bench.lease();
    bench.store.release(&older, Outcome::NeverSent);
    bench.is_shut(WaitReason::Paced);
}

#[test]
fn after_a_rest_the_outlook_of_a_paced_bucket_counts_from_now() {
    let bench = Bench::new(Rate::per_second(5).paced());
    bench.well();
    bench.pass(HELD * 10);
    assert_eq!(
        [0, 1, 2].map(|ahead| bench.store.outlook(ahead).at_least),
        [0, 1, 2].map(|n| SHARE * n)
    );
}

#[test]
fn the_outlook_of_a_long_queue_expects_that_refusals_are_forgotten_in_ten_periods() {
    let bench = known();
    for _ in 0..2 {
        bench.refuse(bench.next(), Some(A_SECOND));
        (0..4).for_each(|_| bench.well());
    }
    assert!(bench.pace().unwrap() > SHARE);
    let outlook = bench.store.outlook(1000).at_least;
    assert!(outlook < HELD * 205, "{outlook:?}");
}

#[test]
fn the_outlook_during_a_pause_and_a_probe_expects_that_the_rest_is_spread_out() {
    let bench = known();
    bench.refuse(bench.next(), Some(HELD * 5));
    let outlooks = || [0, 1, 3].map(|ahead| bench.store.outlook(ahead).at_least);
    assert_eq!(outlooks(), [0, 1, 3].map(|n| HELD * 5 + SHARE * n));
    let probe = bench.next();
    assert_eq!(outlooks(), [1, 2, 4].map(|n| SHARE * n));
    bench.answer(probe);
}

#[test]
fn a_pause_after_which_nobody_asks_is_forgotten_after_ten_periods() {
    let bench = Bench::new(Rate::per_second(5));
    bench.refuse(bench.lease(), Some(A_SECOND));
    bench.pass(A_SECOND + HELD * 10 - Duration::from_nanos(1));
    assert!(!bench.store.is_idle());
    bench.pass(Duration::from_nanos(1));
    assert!(bench.store.is_idle());
}

#[test]
fn a_pause_without_a_name_lasts_a_period_of_the_limit_that_came_into_force_later() {
    let bench = Bench::new(Rate::unlimited());
    bench.store.tighten(Rate::per_minute(100));
    bench.refuse(bench.lease(), None);
    assert_eq!(bench.paused(), Duration::from_millis(60_065));
}

#[test]
fn the_periods_in_which_refusals_are_remembered_begin_with_the_success_after_the_pause() {
    let bench = known();
    bench.refuse(bench.lease(), Some(A_SECOND));
    bench.pass(A_SECOND + HELD * 8);
    bench.well();
    bench.pass(HELD * 9);
    assert_eq!(bench.pace(), Some(SHARE));
    bench.pass(HELD);
    assert_eq!(bench.pace(), None);
}

#[test]
fn a_pause_with_a_name_does_not_shorten_the_next_one_without() {
    let bench = Bench::new(Rate::per_minute(100));
    bench.well();
    bench.refuse(bench.next(), Some(A_SECOND));
    bench.well();
    bench.refuse(bench.next(), None);
    assert_eq!(bench.paused(), Duration::from_millis(60_065));
}

#[test]
fn after_a_refusal_no_second_burst_is_sent_one_by_one() {
    let clock = Arc::new(Hand::new());
    let ledger = Ledger::new(Rate::per_second(3)).cautious_by(Rng::with_seed(7));
    let bench = Bench { store: Memory::new(ledger, clock.clone()), clock };
    bench.refuse(bench.lease(), Some(A_SECOND));
    for _ in 0..5 {
        bench.pass(HELD);
        bench.well();
    }
    bench.pass(HELD);
    let _burst = [(); 3].map(|()| bench.lease());
}

#[test]
fn a_request_of_before_the_pause_that_comes_to_nothing_sends_no_second_one_to_try() {
    for outcome in [Outcome::NoResponse, Outcome::NeverSent] {
        let bench = Bench::new(Rate::per_second(5));
        let earlier = bench.lease();
        bench.refuse(bench.lease(), Some(A_SECOND));
        bench.pass(A_SECOND);
        let trying = bench.lease();
        bench.store.release(&earlier, outcome);
        bench.is_shut(WaitReason::Paused);
        bench.answer(trying);
        bench.lease();
    }
}

#[test]
fn a_pause_without_a_name_lasts_a_period_again_after_a_success_that_took_many_short_ones() {
    let bench = Bench::new(Rate::per_minute(100));
    bench.well();
    (0..20).for_each(|_| bench.refuse(bench.next(), None));
    bench.well();
    bench.refuse(bench.next(), None);
    assert_eq!(bench.paused(), Duration::from_millis(60_065));
}
