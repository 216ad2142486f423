//! Programs with different rates, whose limits all hold for each.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::rate::Rate;
use crate::limiter::status::Outcome;
use crate::limiter::store::TokenStore;

use super::world::{Host, SUCCESS, World};

const FAST: Rate = Rate::per_second(5);
const SLOW: Rate = Rate::per_minute(100);
const HELD: Duration = Duration::from_millis(1006);

/// Sends a request if there is a token, and returns whether there was one.
fn sends(host: &Host, headers: RateLimitHeaders) -> bool {
    let lease = host.lease(None);
    lease.is_ok_and(|lease| {
        host.release(&lease, Outcome::Responded(headers));
        true
    })
}

/// How many requests each sends in `time` if all ask every tenth of a second.
fn send_for<const N: usize>(world: &World, hosts: [&Host; N], time: Duration) -> [usize; N] {
    let mut sent = [0; N];
    for _ in 0..time.as_millis() / 100 {
        for (host, sent) in hosts.iter().zip(&mut sent) {
            *sent += usize::from(sends(host, SUCCESS));
        }
        world.clock.advance(Duration::from_millis(100));
    }
    sent
}

fn two(world: &World) -> [Host; 2] {
    [SLOW, FAST].map(|rate| world.host("key", rate))
}

fn wait(host: &Host) -> Duration {
    host.lease(None).unwrap_err().not_ready().at_least
}

#[test]
fn the_limits_of_all_programs_hold_and_each_is_served() {
    let Some(world) = World::new() else {
        return;
    };
    let [slow, fast] = two(&world);
    let minute = Duration::from_secs(60);
    for _ in 0..3 {
        let [by_slow, by_fast] = send_for(&world, [&slow, &fast], minute);
        assert!((90..=100).contains(&(by_slow + by_fast)), "{by_slow}, {by_fast}");
        assert!(by_slow.min(by_fast) >= 30, "{by_slow}, {by_fast}");
    }
}

#[test]
fn the_limit_of_a_program_ends_ten_periods_after_its_last_use() {
    let Some(world) = World::new() else {
        return;
    };
    let [slow, fast] = [3, 5].map(|n| world.host("key", Rate::per_second(n)));
    assert!(sends(&slow, SUCCESS) && sends(&fast, SUCCESS) && sends(&fast, SUCCESS));
    wait(&fast);
    assert_eq!(fast.snapshot().rate, Rate::per_second(3));
    world.clock.advance(9 * HELD);
    assert_eq!((0..5).filter(|_| sends(&fast, SUCCESS)).count(), 3);
    world.clock.advance(2 * HELD);
    assert_eq!((0..6).filter(|_| sends(&fast, SUCCESS)).count(), 5);
    assert_eq!(fast.snapshot().rate, Rate::per_second(5));
}

#[test]
fn a_limit_that_the_service_stated_for_one_period_is_not_erased_by_one_for_another() {
    let Some(world) = World::new() else {
        return;
    };
    let [slow, fast] = two(&world);
    let stated = RateLimitHeaders { limit: Some(50), ..SUCCESS };
    assert!(sends(&slow, stated) && sends(&fast, stated));
    let [by_slow, by_fast] = send_for(&world, [&slow, &fast], Duration::from_secs(59));
    assert_eq!(by_slow + by_fast, 48);
    assert_eq!(slow.snapshot().rate, FAST.and(Rate::per_minute(50)));
}

#[test]
fn a_caller_far_back_is_told_when_its_turn_comes_by_the_shortest_limit_of_all() {
    let Some(world) = World::new() else {
        return;
    };
    let [slow, fast] = two(&world);
    assert!(sends(&fast, SUCCESS) && sends(&slow, SUCCESS));
    for (ahead, rounds) in [(3, 1), (10, 2), (30, 6)] {
        let at_least = slow.outlook(ahead).at_least;
        assert!(((rounds - 1) * HELD..=rounds * HELD).contains(&at_least), "{ahead}: {at_least:?}");
    }
    assert_eq!(slow.snapshot().rate, FAST.and(SLOW));
}

#[test]
fn after_a_loss_of_the_data_the_longest_of_the_shortest_limits_is_waited_for() {
    let Some(world) = World::new() else {
        return;
    };
    let minute = Duration::from_micros(60_065_000);
    for is_exhausted in [false, true] {
        let [slow, fast] = two(&world);
        assert!((0..100).all(|_| sends(&slow, SUCCESS)));
        let extra = match is_exhausted {
            true => slow.exhaust(None).map(|()| Duration::from_secs(2)).unwrap(),
            false => {
                let _: () = world.run(redis::cmd("DEL").arg(&world.keys("key")));
                Duration::ZERO
            }
        };
        assert_eq!([wait(&slow), wait(&fast)], [minute + extra; 2]);
        world.clock.advance(minute + extra);
        assert!(sends(&fast, SUCCESS));
        world.clock.advance(minute * 20);
    }
}

#[test]
fn of_several_limits_of_one_program_only_the_shortest_is_waited_for_after_a_loss() {
    let Some(world) = World::new() else {
        return;
    };
    let host = world.host("key", FAST.and(Rate::per_hour(1000)));
    assert!(sends(&host, SUCCESS));
    let _: () = world.run(redis::cmd("DEL").arg(&world.keys("key")));
    assert_eq!(wait(&host), HELD);
}

#[test]
fn tokens_are_kept_no_longer_than_the_limits_of_those_who_use_the_key() {
    let Some(world) = World::new() else {
        return;
    };
    let daily = world.host("key", FAST.and(Rate::per_day(1000)));
    let fast = world.host("key", FAST);
    assert!(sends(&daily, SUCCESS));
    let kept = || -> usize {
        send_for(&world, [&fast], Duration::from_secs(20));
        world.run(redis::cmd("ZCARD").arg(&world.keys("key")[0]))
    };
    assert!(kept() > 80);
    world.skip(Duration::from_secs(11 * 86_400));
    assert!(kept() <= 5);
}

#[test]
fn a_hundred_rates_for_one_key_take_little_room_and_each_program_keeps_its_own() {
    let Some(world) = World::new() else {
        return;
    };
    let rate = |n: u64| Rate::new(1, Duration::from_millis(1000 + n)).and(Rate::per_hour(1000));
    for host in (0..100).map(|n| world.host("key", rate(n))) {
        assert!(sends(&host, SUCCESS) && !sends(&host, SUCCESS));
        world.clock.advance(Duration::from_millis(1500));
    }
    let kept: usize = world.run(redis::cmd("ZCARD").arg(&world.keys("key")[4]));
    assert_eq!(kept, 16);
}

#[test]
fn sixteen_rates_are_kept_to_and_a_further_one_takes_the_place_of_another() {
    for others in [14, 15, 16] {
        let Some(world) = World::new() else {
            return;
        };
        let rate = |n: u32| FAST.and(Rate::per_hour(1000 + n));
        let hosts: Vec<Host> = (0..others).map(|n| world.host("key", rate(n))).collect();
        for host in &hosts {
            assert!(sends(host, SUCCESS));
            world.clock.advance(2 * HELD);
        }
        let lowest = world.host("key", Rate::per_second(1));
        assert!(sends(&lowest, SUCCESS));
        let kept = others <= 15;
        assert_eq!((0..6).filter(|_| sends(&hosts[0], SUCCESS)).count(), if kept { 0 } else { 4 });
        assert!(!sends(&lowest, SUCCESS));
    }
}

#[test]
fn a_limit_that_successes_contradict_is_ignored_for_ten_periods_however_often_it_is_stated() {
    let Some(world) = World::new() else {
        return;
    };
    let one = world.host("key", FAST);
    let stated = RateLimitHeaders { limit: Some(1), ..SUCCESS };
    for lease in [(); 2].map(|()| one.lease(None).unwrap()) {
        one.release(&lease, Outcome::Responded(stated));
    }
    for _ in 0..4 {
        world.clock.advance(2 * HELD);
        assert!(sends(&one, stated));
    }
    assert!(sends(&one, stated));
    world.clock.advance(3 * HELD);
    assert!(sends(&one, stated) && !sends(&one, stated));
}

#[test]
fn successes_from_before_a_limit_was_stated_and_from_all_of_its_period_contradict_it() {
    let Some(world) = World::new() else {
        return;
    };
    let minute =
        RateLimitHeaders { limit: Some(2), period: Some(Duration::from_secs(60)), ..SUCCESS };
    for (key, before, last, pause) in [
        ("before", SUCCESS, RateLimitHeaders { limit: Some(2), ..SUCCESS }, Duration::ZERO),
        ("all", minute, minute, HELD),
    ] {
        let one = world.host(key, FAST);
        let [first, second, third] = [(); 3].map(|()| one.lease(None).unwrap());
        for (lease, headers) in [(first, before), (second, before), (third, last)] {
            one.release(&lease, Outcome::Responded(headers));
            world.clock.advance(pause);
        }
        assert!(sends(&one, SUCCESS), "{key}");
    }
}

#[test]
fn what_others_spent_is_held_for_a_period_and_neither_lowered_before_nor_held_for_longer() {
    let Some(world) = World::new() else {
        return;
    };
    let one = world.host("key", FAST);
    let reset = Some(Duration::from_secs(3600));
    for (lease, remaining) in [(); 2].map(|()| one.lease(None).unwrap()).iter().zip([0, 2]) {
        let headers = RateLimitHeaders { remaining: Some(remaining), reset, ..SUCCESS };
        one.release(lease, Outcome::Responded(headers));
        assert_eq!(one.snapshot().held_for_others, 3);
    }
    world.clock.advance(HELD);
    assert!((0..5).all(|_| sends(&one, SUCCESS)));
}

#[test]
fn what_others_spend_is_ignored_for_ten_periods_after_successes_contradicted_it() {
    let Some(world) = World::new() else {
        return;
    };
    let one = world.host("key", FAST);
    let nothing_left = RateLimitHeaders { remaining: Some(0), ..SUCCESS };
    let mut sent = [0; 30];
    for sent in &mut sent {
        world.clock.advance(HELD);
        *sent = (0..5).filter(|_| sends(&one, nothing_left)).count();
    }
    let believed = |sent: &usize| *sent < 5;
    let first = sent.iter().skip_while(|it| believed(it));
    let full = first.clone().take_while(|it| !believed(it)).count();
    assert!((9..=11).contains(&full) && first.count() > full, "{sent:?}");
}

#[test]
fn a_limit_that_is_ignored_takes_the_place_of_no_rate() {
    let Some(world) = World::new() else {
        return;
    };
    let slow = world.host("key", Rate::per_second(4));
    let rate = |n: u32| FAST.and(Rate::per_hour(1000 + n));
    let hosts: Vec<Host> = (0..15).map(|n| world.host("key", rate(n))).collect();
    let stated = RateLimitHeaders { limit: Some(1), ..SUCCESS };
    let leases = [(); 4].map(|()| slow.lease(None).unwrap());
    leases.iter().for_each(|lease| slow.release(lease, Outcome::Responded(stated)));
    world.clock.advance(2 * HELD);
    for host in hosts.iter().chain(&hosts) {
        if let Ok(lease) = host.lease(None) {
            host.release(&lease, Outcome::NeverSent);
        }
    }
    assert_eq!((0..6).filter(|_| sends(&hosts[0], SUCCESS)).count(), 4);
}

#[test]
fn after_a_loss_of_the_data_a_program_tells_what_those_that_rest_keep_to() {
    let Some(world) = World::new() else {
        return;
    };
    let [slow, fast] = two(&world);
    assert!(sends(&slow, SUCCESS) && sends(&fast, SUCCESS));
    let [before] = send_for(&world, [&slow], Duration::from_secs(30));
    assert_eq!(before, 98);
    let _: () = world.run(redis::cmd("DEL").arg(&world.keys("key")));
    assert_eq!(send_for(&world, [&fast], Duration::from_secs(60)), [0]);
    assert!(send_for(&world, [&fast], Duration::from_secs(20))[0] > 80);
    // Until it is forgotten.
    world.clock.advance(Duration::from_secs(600));
    assert!(sends(&fast, SUCCESS));
    assert_eq!(fast.snapshot().rate, FAST);
}

#[test]
fn what_was_forgotten_when_nobody_used_the_key_is_not_told_again() {
    let Some(world) = World::new() else {
        return;
    };
    let [slow, fast] = two(&world);
    assert!(sends(&slow, SUCCESS) && sends(&fast, SUCCESS));
    world.skip(Duration::from_secs(700));
    let _: () = world.run(redis::cmd("DEL").arg(&world.keys("key")[..5]));
    assert!(sends(&fast, SUCCESS) && sends(&fast, SUCCESS));
    assert_eq!(fast.snapshot().rate, FAST);
}

#[test]
fn rates_that_were_evicted_alone_are_waited_for_and_told_again() {
    let Some(world) = World::new() else {
        return;
    };
    let [slow, fast] = two(&world);
    assert!((0..98).all(|_| sends(&slow, SUCCESS)));
    world.clock.advance(HELD);
    assert!(sends(&fast, SUCCESS));
    let _: () = world.run(redis::cmd("DEL").arg(&world.keys("key")[4]));
    assert_eq!(send_for(&world, [&fast], Duration::from_secs(60)), [0]);
    assert_eq!(fast.snapshot().rate, FAST.and(SLOW));
}

#[test]
fn rates_that_were_evicted_alone_are_waited_for_by_a_program_that_never_knew_them() {
    let Some(world) = World::new() else {
        return;
    };
    assert!(sends(&world.host("key", FAST), SUCCESS));
    let _: () = world.run(redis::cmd("DEL").arg(&world.keys("key")[4]));
    assert!(!sends(&world.host("key", FAST), SUCCESS));
}

#[test]
fn a_program_keeps_its_own_rate_beside_sixteen_that_last_longer() {
    let Some(world) = World::new() else {
        return;
    };
    for n in 0..16 {
        assert!(sends(&world.host("key", FAST.and(Rate::per_hour(1000 + n))), SUCCESS));
        world.clock.advance(2 * HELD);
    }
    let own = world.host("key", Rate::per_second(1));
    assert!(sends(&own, SUCCESS) && !sends(&own, SUCCESS));
}

#[test]
fn a_pause_of_no_time_is_one_of_a_second_for_all() {
    let Some(world) = World::new() else {
        return;
    };
    let [slow, fast] = two(&world);
    assert!(sends(&fast, SUCCESS));
    let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("0"))]);
    assert!(sends(&slow, RateLimitHeaders::read(StatusCode::TOO_MANY_REQUESTS, &headers)));
    let second = Duration::from_secs(1);
    assert_eq!((slow.snapshot().paused, wait(&fast)), (Some(second), second));
}

#[test]
fn a_limit_that_the_service_states_takes_the_place_of_the_last_one() {
    let Some(world) = World::new() else {
        return;
    };
    let host = world.host("key", FAST);
    for limit in [2, 4, 1, 3] {
        assert!(sends(&host, RateLimitHeaders { limit: Some(limit), ..SUCCESS }));
        world.clock.advance(2 * HELD);
        assert!(sends(&host, SUCCESS));
        assert_eq!(host.snapshot().rate, Rate::per_second(limit));
        world.clock.advance(2 * HELD);
    }
    world.clock.advance(10 * HELD);
    assert!(sends(&host, SUCCESS));
    assert_eq!(host.snapshot().rate, FAST);
}

#[test]
fn requests_contradict_a_limit_only_within_its_own_period() {
    let Some(world) = World::new() else {
        return;
    };
    let host = world.host("key", FAST);
    let minute = Some(Duration::from_secs(60));
    for _ in 0..12 {
        let two = RateLimitHeaders { limit: Some(2), ..SUCCESS };
        assert!(sends(&host, two));
        assert!(sends(&host, RateLimitHeaders { period: minute, limit: Some(100), ..SUCCESS }));
        assert_eq!(host.snapshot().rate, Rate::per_second(2).and(SLOW));
        world.clock.advance(HELD);
    }
}

#[test]
fn what_is_left_counts_of_the_limit_that_is_stated_with_it() {
    let Some(world) = World::new() else {
        return;
    };
    let host = world.host("key", FAST);
    assert!(sends(&host, RateLimitHeaders { limit: Some(3), remaining: Some(2), ..SUCCESS }));
    assert_eq!((0..5).filter(|_| sends(&host, SUCCESS)).count(), 2);
}

#[test]
fn numbers_for_another_period_hold_no_tokens_and_prolong_no_wait() {
    let Some(world) = World::new() else {
        return;
    };
    let host = world.host("key", FAST);
    let period = Some(Duration::from_secs(60));
    let (limit, remaining) = (Some(100), Some(0));
    assert!(sends(&host, RateLimitHeaders { period, limit, remaining, ..SUCCESS }));
    assert!(sends(&host, SUCCESS));
    assert_eq!(host.snapshot().rate, FAST.and(SLOW));
    let _: () = world.run(redis::cmd("SET").arg(&world.keys("key")[5]).arg("another 1"));
    assert_eq!(wait(&host), HELD);
}

#[test]
fn a_pause_that_the_service_does_not_name_is_a_period_of_the_shortest_limit_of_all() {
    let Some(world) = World::new() else {
        return;
    };
    let [slow, fast] = two(&world);
    assert!(sends(&fast, SUCCESS));
    let refused = RateLimitHeaders { refused: true, success: false, ..SUCCESS };
    assert!(sends(&slow, refused));
    assert_eq!((slow.snapshot().paused, wait(&fast)), (Some(HELD), HELD));
    let alone = world.host("another key", SLOW);
    assert!(sends(&alone, refused));
    assert_eq!(alone.snapshot().paused, Some(Duration::from_micros(60_065_000)));
}

#[test]
fn a_paced_rate_is_shown_as_one() {
    let Some(world) = World::new() else {
        return;
    };
    let host = world.host("key", FAST.paced());
    assert!(sends(&host, SUCCESS));
    assert_eq!(host.snapshot().rate, FAST.paced());
}
