//! The headers of responses tighten the bucket and never loosen it.

use std::sync::Arc;
use std::time::Duration;

use crate::http::{HeaderMap, StatusCode};
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::status::{Outcome, WaitReason};
use crate::limiter::store::TokenStore;
use crate::limiter::{Rate, TokenBucket};
use fastrand::Rng;

use super::bench::{Bench, HELD, SHARE};
use super::clock::Hand;
use super::servers::{Server, SlidingLog};
use super::simulation::{End, Journey, MS, Manners, SECOND, Simulation};

fn remaining(remaining: u32) -> Outcome {
    let remaining = Some(remaining);
    Outcome::Responded(RateLimitHeaders { success: true, remaining, ..RateLimitHeaders::default() })
}

fn held(bench: &Bench) -> usize {
    bench.store.snapshot().held_for_others
}

#[test]
fn what_others_spent_is_held_for_one_period() {
    let bench = Bench::new(Rate::per_second(5));
    bench.store.release(&bench.lease(), remaining(1));
    let snapshot = bench.store.snapshot();
    assert_eq!((snapshot.held_for_others, snapshot.free), (3, 1));
    bench.pass(HELD - Duration::from_nanos(1));
    assert_eq!(held(&bench), 3);
    bench.pass(Duration::from_nanos(1));
    assert_eq!(bench.store.snapshot().free, 5);
}

#[test]
fn what_others_go_on_spending_is_held_for_two_periods() {
    let bench = Bench::new(Rate::per_second(5));
    bench.store.release(&bench.lease(), remaining(1));
    bench.pass(HELD);
    bench.store.release(&bench.lease(), remaining(1));
    bench.pass(2 * HELD - Duration::from_nanos(1));
    assert_eq!(held(&bench), 3);
    bench.pass(Duration::from_nanos(1));
    assert_eq!(held(&bench), 0);
}

#[test]
fn a_late_response_continues_no_series_of_reports_that_is_over() {
    let bench = Bench::new(Rate::per_second(5));
    let late = bench.lease();
    bench.store.release(&bench.lease(), remaining(1));
    bench.pass(10 * HELD);
    bench.store.release(&late, remaining(1));
    assert_eq!(held(&bench), 2);
    bench.pass(HELD);
    assert_eq!(held(&bench), 0);
}

#[test]
fn a_response_with_more_left_does_not_loosen() {
    let bench = Bench::new(Rate::per_second(5));
    bench.store.release(&bench.lease(), remaining(1));
    bench.store.release(&bench.lease(), remaining(5));
    bench.store.release(&Lease::new(999, 0), remaining(4_000_000_000));
    assert_eq!(held(&bench), 3);
}

/// All orders in which five responses can arrive.
fn orders() -> Vec<Vec<usize>> {
    (0..3125_usize)
        .map(|number| (0..5).map(|digit| number / 5_usize.pow(digit) % 5).collect::<Vec<_>>())
        .filter(|order| (0..5).all(|i| order.contains(&i)))
        .collect()
}

#[test]
fn our_own_requests_are_not_taken_for_others_in_whatever_order_their_responses_arrive() {
    assert_eq!(orders().len(), 120);
    for order in orders() {
        let bench = Bench::new(Rate::per_second(5));
        let mut leases: Vec<_> = (0..5).map(|_| Some(bench.lease())).collect();
        for i in order {
            bench.store.release(&leases[i].take().unwrap(), remaining(4 - i as u32));
            assert_eq!(held(&bench), 0);
        }
    }
}

#[test]
fn what_others_spent_is_held_in_whatever_order_the_responses_arrive() {
    for order in orders() {
        let bench = Bench::new(Rate::per_second(10));
        let mut leases: Vec<_> = (0..5).map(|_| Some(bench.lease())).collect();
        for i in order {
            bench.store.release(&leases[i].take().unwrap(), remaining(7 - 3 - i as u32 % 5));
        }
        assert_eq!(held(&bench), 5);
    }
}

fn limit(limit: u32) -> Outcome {
    let limit = Some(limit);
    Outcome::Responded(RateLimitHeaders { success: true, limit, ..RateLimitHeaders::default() })
}

#[test]
fn a_lower_limit_is_obeyed_at_once_and_a_higher_one_is_not() {
    let bench = Bench::new(Rate::per_second(5));
    for (said, expected) in [(8, 5), (3, 3), (4, 4), (2, 2)] {
        bench.store.release(&bench.next(), limit(said));
        assert_eq!(bench.store.snapshot().rate, Rate::per_second(expected));
        bench.pass(HELD);
    }
}

#[test]
fn a_lower_rate_holds_although_the_server_says_a_limit_above_it() {
    let bench = Bench::new(Rate::per_second(5));
    bench.store.release(&bench.lease(), limit(4));
    bench.store.tighten(Rate::per_second(2));
    assert_eq!(bench.store.snapshot().rate, Rate::per_second(2));
}

#[test]
fn a_bucket_is_not_idle_while_tokens_are_held_for_others_or_a_lower_limit_is_in_force() {
    let bench = Bench::new(Rate::per_second(5));
    bench.store.release(&bench.lease(), remaining(1));
    bench.pass(HELD);
    bench.store.release(&bench.lease(), remaining(1));
    bench.pass(HELD);
    assert!(held(&bench) > 0 && !bench.store.is_idle());
    bench.pass(HELD);
    assert!(bench.store.is_idle());
    // The limit that is in force anyway is nothing to remember.
    bench.store.release(&bench.lease(), limit(5));
    bench.pass(HELD);
    assert!(bench.store.is_idle());
    bench.store.release(&bench.lease(), limit(4));
    bench.pass(9 * HELD);
    assert!(!bench.store.is_idle());
    bench.pass(HELD);
    assert!(bench.store.is_idle());
}

#[test]
fn a_lower_limit_ends_ten_periods_after_the_server_last_said_so() {
    let bench = Bench::new(Rate::per_second(5));
    for _ in 0..2 {
        bench.store.release(&bench.next(), limit(1));
        bench.pass(9 * HELD);
        assert_eq!(bench.store.snapshot().rate, Rate::per_second(1));
    }
    bench.pass(HELD);
    assert_eq!(bench.store.snapshot().rate, Rate::per_second(5));
}

#[test]
fn a_limit_that_the_servers_own_successes_contradict_is_not_believed() {
    let bench = Bench::new(Rate::per_second(5));
    let leases: Vec<_> = (0..5).map(|_| bench.lease()).collect();
    leases.into_iter().for_each(|lease| bench.store.release(&lease, limit(1)));
    assert_eq!(bench.store.snapshot().rate, Rate::per_second(5));
    for _ in 0..9 {
        bench.pass(HELD);
        bench.store.release(&bench.next(), limit(1));
        assert_eq!(bench.store.snapshot().rate, Rate::per_second(5));
    }
    bench.pass(HELD);
    bench.store.release(&bench.next(), limit(1));
    assert_eq!(bench.store.snapshot().rate, Rate::per_second(1));
}

#[test]
fn only_successes_contradict_the_limit_that_a_server_reports() {
    let bench = Bench::new(Rate::per_second(5));
    let leases: Vec<_> = (0..5).map(|_| bench.lease()).collect();
    bench.store.release(&leases[0], limit(1));
    for lease in &leases[1..] {
        bench.store.release(lease, Outcome::Responded(RateLimitHeaders::default()));
    }
    assert_eq!(bench.store.snapshot().rate, Rate::per_second(1));
}

#[test]
fn a_limit_of_another_period_that_ours_implies_is_none_to_remember() {
    let bench = Bench::new(Rate::per_second(5));
    let headers = |limit| RateLimitHeaders {
        success: true,
        limit: Some(limit),
        period: Some(Duration::from_secs(60)),
        ..RateLimitHeaders::default()
    };
    bench.store.release(&bench.lease(), Outcome::Responded(headers(300)));
    assert_eq!(bench.store.snapshot().rate, Rate::per_second(5));
    bench.store.release(&bench.lease(), Outcome::Responded(headers(299)));
    assert_eq!(bench.store.snapshot().rate, Rate::per_second(5).and(Rate::per_minute(299)));
    bench.pass(Duration::from_secs(601));
    assert_eq!(bench.store.snapshot().rate, Rate::per_second(5));
}

#[test]
fn a_lower_limit_is_obeyed_for_as_long_as_the_server_reports_it() {
    let bench = Bench::new(Rate::per_second(5));
    let sent = || std::iter::from_fn(|| bench.store.lease(None).ok()).collect::<Vec<_>>();
    bench.store.release(&bench.lease(), limit(3));
    for _ in 0..12 {
        bench.pass(HELD);
        let leases = sent();
        assert_eq!(leases.len(), 3);
        leases.iter().for_each(|lease| bench.store.release(lease, limit(3)));
    }
}

#[test]
fn a_paced_bucket_is_as_fast_as_before_when_a_lower_limit_has_ended() {
    let bench = Bench::new(Rate::per_second(5).paced());
    bench.store.release(&bench.lease(), limit(1));
    assert_eq!(bench.pace(), Some(HELD));
    bench.pass(10 * HELD);
    assert_eq!(bench.pace(), Some(SHARE));
}

#[test]
fn a_limit_that_comes_into_force_later_counts_what_the_longest_of_the_others_remembers() {
    let bench = Bench::new(Rate::per_second(5).and(Rate::per_minute(100)));
    (0..3).for_each(|_| bench.well());
    bench.pass(HELD * 10);
    assert_eq!(bench.store.snapshot().free, 5);
    bench.store.tighten(Rate::per_hour(7));
    (0..4).for_each(|_| bench.well());
    bench.pass(HELD);
    bench.is_shut(WaitReason::Full);
}

#[test]
fn a_limit_that_the_server_named_first_has_its_place_once_it_is_in_force_without_the_server() {
    let bench = Bench::new(Rate::per_minute(100));
    let headers = RateLimitHeaders { success: true, limit: Some(5), ..Default::default() };
    let headers = RateLimitHeaders { period: Some(Duration::from_secs(1)), ..headers };
    let earlier = bench.lease();
    bench.store.release(&bench.lease(), Outcome::Responded(headers));
    bench.store.tighten(Rate::per_second(5));
    bench.answer(earlier);
    assert_eq!(bench.store.snapshot().next_back, Some(HELD));
    bench.refuse(bench.lease(), None);
    assert_eq!(bench.paused(), HELD);
}

#[test]
fn a_shorter_limit_that_only_the_server_knows_is_not_the_one_that_headers_without_a_period_speak_of()
 {
    let bench = Bench::new(Rate::per_minute(100));
    for (limit, period) in [(5, Some(Duration::from_secs(1))), (50, None)] {
        let headers = RateLimitHeaders { success: true, limit: Some(limit), ..Default::default() };
        let headers = RateLimitHeaders { period, ..headers };
        bench.store.release(&bench.lease(), Outcome::Responded(headers));
    }
    assert_eq!(bench.store.snapshot().rate, Rate::per_second(5).and(Rate::per_minute(50)));
}

#[test]
fn requests_under_way_are_not_taken_for_others_when_a_shorter_limit_comes_into_force() {
    let bench = Bench::new(Rate::per_minute(100));
    let leases = [(); 3].map(|()| bench.lease());
    bench.store.tighten(Rate::per_second(5));
    for lease in &leases {
        let minute = Some(Duration::from_secs(60));
        let headers =
            RateLimitHeaders { period: minute, remaining: Some(67), ..Default::default() };
        bench.store.release(lease, Outcome::Responded(headers));
    }
    assert_eq!(held(&bench), 30);
}

#[test]
fn requests_that_contradict_a_server_count_when_a_shorter_limit_comes_into_force_meanwhile() {
    let bench = Bench::new(Rate::per_minute(100));
    for _ in 0..2 {
        bench.store.release(&bench.lease(), remaining(0));
        bench.pass(Duration::from_secs(61));
    }
    bench.store.release(&bench.lease(), remaining(0));
    let leases = [(); 3].map(|()| bench.lease());
    bench.store.tighten(Rate::per_second(5));
    assert_eq!(held(&bench), 75);
    leases.into_iter().for_each(|lease| bench.answer(lease));
    assert_eq!(held(&bench), 0);
}

#[test]
fn when_a_lower_limit_ends_the_tokens_of_the_other_limits_are_back_in_time_too() {
    let bench = Bench::new(Rate::per_second(5).and(Rate::per_minute(3)));
    bench.store.release(&bench.lease(), limit(4));
    (0..2).for_each(|_| bench.well());
    bench.pass(Duration::from_secs(61));
    assert_eq!(bench.store.snapshot().free, 3);
}

#[test]
fn of_more_limits_than_there_is_room_for_one_is_as_strict_as_two() {
    let limit = |requests, seconds| Rate::new(requests, Duration::from_secs(seconds));
    // Beside 100 in 100 seconds.
    for (added, held) in [(limit(50, 60), 100), (limit(130, 200), 200)] {
        let bench = Bench::new(limit(1000, 1));
        for other in [(1001, 10), (1002, 20), (1003, 30), (1004, 40), (100, 100)] {
            bench.store.tighten(limit(other.0, other.1));
        }
        bench.store.tighten(added);
        (0..added.requests().min(100)).for_each(|_| bench.well());
        bench.pass(Duration::from_secs(held));
        bench.is_shut(WaitReason::Full);
    }
}

#[test]
fn one_request_at_a_time_in_a_crowd_does_not_wait_for_what_the_others_spend() {
    let bench = Bench::new(Rate::per_minute(100));
    (0..2).for_each(|_| bench.well());
    bench.refuse(bench.lease(), Some(Duration::from_secs(1)));
    bench.well();
    assert_eq!(bench.pace(), None);
    bench.store.release(&bench.lease(), remaining(0));
    assert_eq!(held(&bench), 0);
}

#[test]
fn a_lower_rate_spreads_the_requests_of_a_paced_bucket_at_once() {
    let bench = Bench::new(Rate::per_second(5).paced());
    bench.store.tighten(Rate::per_second(1));
    assert_eq!(bench.pace(), Some(HELD));
}

#[test]
fn a_rate_that_the_one_in_force_implies_adds_no_limit() {
    let bench = Bench::new(Rate::per_second(5));
    bench.store.tighten(Rate::per_minute(300));
    assert_eq!(bench.store.snapshot().rate, Rate::per_second(5));
    bench.store.tighten(Rate::per_minute(299));
    assert_eq!(bench.store.snapshot().rate, Rate::per_second(5).and(Rate::per_minute(299)));
}

#[test]
fn a_bucket_is_idle_when_the_last_token_of_each_limit_is_back() {
    let bench = Bench::new(Rate::per_second(5).and(Rate::per_minute(100)));
    let lease = bench.lease();
    bench.pass(Duration::from_secs(100));
    assert!(!bench.store.is_idle());
    bench.answer(lease);
    bench.pass(Duration::from_millis(60_064));
    assert!(!bench.store.is_idle());
    bench.pass(Duration::from_millis(1));
    assert!(bench.store.is_idle());
}

#[test]
fn without_a_limit_there_are_always_tokens() {
    let bench = Bench::new(Rate::unlimited());
    let _leases = [(); 1000].map(|()| bench.lease());
    let snapshot = bench.store.snapshot();
    assert_eq!((snapshot.free, snapshot.rate), (usize::MAX, Rate::unlimited()));
}

#[test]
fn a_limit_that_comes_into_force_later_counts_the_requests_that_were_sent_before() {
    let bench = Bench::new(Rate::per_second(5));
    (0..3).for_each(|_| bench.well());
    bench.store.tighten(Rate::per_minute(5));
    bench.pass(Duration::from_secs(2));
    (0..2).for_each(|_| bench.well());
    bench.pass(Duration::from_millis(58_064));
    bench.is_shut(WaitReason::Full);
    bench.pass(Duration::from_millis(1));
    let _leases = [(); 3].map(|()| bench.lease());
    bench.is_shut(WaitReason::Full);
}

/// The part of what there is that is sent in 36 periods to a server that always says that nothing is left.
fn part_of(rate: Rate, together: usize) -> f64 {
    let bench = Bench::new(rate);
    let round_trip = Duration::from_millis(10);
    let held = rate.period().mul_f64(1.001) + Duration::from_millis(5);
    let mut sent = 0;
    while bench.clock.passed() < 36 * held {
        let first = bench.next();
        let more = std::iter::repeat_with(|| bench.store.lease(None)).map_while(Result::ok);
        let leases: Vec<_> = std::iter::once(first).chain(more.take(together - 1)).collect();
        bench.pass(round_trip);
        sent += leases.len();
        leases.iter().for_each(|lease| bench.store.release(lease, remaining(0)));
    }
    sent as f64 / f64::from(36 * rate.requests())
}

#[test]
fn a_server_that_always_says_that_nothing_is_left_costs_two_periods_of_twelve() {
    let (many, few) = (Rate::per_minute(100), Rate::per_second(5));
    for (rate, together) in [(many, 1), (many, 4), (few, 4)] {
        let part = part_of(rate, together);
        assert!(part > 0.75, "{rate}, {together}: {part:.2}");
    }
}

/// Two of five a second are sent one by one. Each time three were left for others, so that nothing that succeeds contradicts
/// the server.
#[test]
fn a_server_of_five_a_second_that_always_says_that_nothing_is_left_leaves_two_of_them_to_one_thread()
 {
    let part = part_of(Rate::per_second(5), 1);
    assert!(part > 0.39, "{part:.2}");
}

#[test]
fn a_limit_of_another_period_holds_beside_our_own() {
    let bench = Bench::new(Rate::new(269, Duration::from_millis(83_900)));
    let headers = RateLimitHeaders {
        success: true,
        limit: Some(17),
        period: Some(Duration::from_millis(5500)),
        ..RateLimitHeaders::default()
    };
    let mut sent = 0;
    while bench.clock.passed() < Duration::from_secs(839) {
        bench.store.release(&bench.next(), Outcome::Responded(headers));
        sent += 1;
    }
    assert!(
        sent > 2450,
        "{sent} of about 2593, where 17 in 5.5 s alone would allow {}",
        839 * 17 * 2 / 11
    );
}

#[test]
fn a_limit_of_a_longer_period_does_not_prolong_what_others_spent() {
    let bench = Bench::new(Rate::per_second(5));
    bench.store.release(&bench.lease(), remaining(1));
    bench.store.tighten(Rate::per_minute(100));
    assert_eq!(held(&bench), 3);
    bench.pass(HELD);
    let snapshot = bench.store.snapshot();
    assert_eq!((snapshot.held_for_others, snapshot.free), (0, 5));
}

#[test]
fn a_lower_limit_holds_for_what_is_out_already() {
    let bench = Bench::new(Rate::per_second(5));
    let leases: Vec<_> = (0..4).map(|_| bench.lease()).collect();
    bench.store.tighten(Rate::per_second(2));
    assert!(bench.store.lease(None).is_err());
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
        let mut permit = bucket.acquire(None, &mut |_| {}).unwrap();
        permit.responded(StatusCode::OK, &headers);
        let after = bucket.snapshot();
        assert_eq!((after.rate, after.held_for_others), (before.rate, 0));
        assert_eq!((after.paused, after.pace), (None, None));
    }
}

#[test]
fn retry_after_on_a_response_that_is_no_429_stops_nobody() {
    let bucket = TokenBucket::new(Rate::per_minute(100), Arc::new(Hand::new()));
    let headers = HeaderMap::from_iter([("retry-after".parse().unwrap(), "30".parse().unwrap())]);
    for status in [200, 201, 204, 401, 422, 500, 503] {
        let mut permit = bucket.try_acquire().unwrap();
        permit.responded(StatusCode::from_u16(status).unwrap(), &headers);
        assert_eq!(bucket.snapshot().paused, None, "{status}");
    }
    let mut permit = bucket.try_acquire().unwrap();
    permit.responded(StatusCode::TOO_MANY_REQUESTS, &headers);
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

#[test]
fn what_others_spent_is_held_no_longer_than_until_the_service_counts_anew() {
    let bench = Bench::new(Rate::per_minute(100));
    let spent = RateLimitHeaders {
        success: true,
        limit: Some(100),
        remaining: Some(0),
        reset: Some(Duration::from_secs(2)),
        ..RateLimitHeaders::default()
    };
    let lease = bench.lease();
    bench.store.release(&lease, Outcome::Responded(spent));
    // The moment may be rounded.
    bench.pass(Duration::from_millis(2005));
    bench.is_shut(WaitReason::Full);
    bench.pass(Duration::from_millis(5));
    // Our own token is still out: the moment frees none of those.
    let _leases = [(); 99].map(|()| bench.lease());
    bench.is_shut(WaitReason::Full);
}

#[test]
fn a_late_moment_of_counting_anew_holds_nothing_for_longer_than_a_period() {
    let bench = Bench::new(Rate::per_second(5));
    let spent = RateLimitHeaders {
        success: true,
        remaining: Some(0),
        reset: Some(Duration::from_secs(3600)),
        ..RateLimitHeaders::default()
    };
    let lease = bench.lease();
    bench.store.release(&lease, Outcome::Responded(spent));
    bench.pass(HELD);
    bench.lease();
}
