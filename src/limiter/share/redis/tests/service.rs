//! What the service states or refuses holds for all machines.

use std::time::Duration;

use crate::clock::Clock;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::rate::Rate;
use crate::limiter::status::{Outcome, WaitReason};
use crate::limiter::store::TokenStore;

use super::steps::{GRACE, HELD, LEASE, RATE, answer, refused_for, spend, take, two, wait};
use super::world::{SUCCESS, World};

#[test]
fn while_nothing_is_known_one_request_of_all_machines_goes_alone_for_a_second_at_most() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = [(); 2].map(|()| world.cautious_host("key", RATE));
    let lease = take(&one);
    assert_eq!(wait(&other).reason, WaitReason::FirstResponse);
    world.clock.advance(Duration::from_millis(100));
    wait(&other);
    answer(&one, &lease, SUCCESS);
    world.clock.advance(Duration::from_millis(100));
    take(&other);
    let [one, other] = [(); 2].map(|()| world.cautious_host("another key", RATE));
    take(&one);
    wait(&other);
    world.clock.advance(Duration::from_secs(1));
    take(&other);
}

#[test]
fn a_pause_holds_for_all_machines_and_then_one_request_goes_first() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    answer(&one, &take(&one), refused_for(10));
    let denied = wait(&other);
    assert_eq!((denied.at_least, denied.reason), (Duration::from_secs(10), WaitReason::Paused));
    world.clock.advance(Duration::from_secs(10));
    let probe = take(&other);
    wait(&one);
    answer(&other, &probe, SUCCESS);
    world.clock.advance(Duration::from_millis(100));
    take(&one);
}

#[test]
fn refusals_of_requests_that_were_under_way_together_are_one() {
    let Some(world) = World::new() else {
        return;
    };
    let unnamed = RateLimitHeaders { retry_after: None, ..refused_for(0) };
    for (first, second, left) in [
        (refused_for(10), refused_for(1), Duration::from_secs(9)),
        (unnamed, unnamed, HELD - Duration::from_secs(1)),
        (refused_for(10), refused_for(20), Duration::from_secs(20)),
    ] {
        let key = format!("{left:?}");
        let [one, other] = [(); 2].map(|()| world.host(&key, RATE));
        let leases = [(); 2].map(|()| take(&one));
        answer(&one, &leases[0], first);
        world.clock.advance(Duration::from_secs(1));
        answer(&one, &leases[1], second);
        assert_eq!(wait(&other).at_least, left);
    }
}

#[test]
fn after_each_refusal_the_requests_are_further_apart_down_to_three_tenths_of_the_rate() {
    let Some(world) = World::new() else {
        return;
    };
    for (refusals, pause, part) in [(1, 2, 0.95), (2, 2, 0.855), (20, 2, 0.3), (1, 20, 0.95)] {
        let one = world.host(&format!("{refusals} {pause}"), RATE);
        answer(&one, &take(&one), SUCCESS);
        for _ in 0..refusals {
            world.clock.advance(Duration::from_secs(2));
            answer(&one, &take(&one), refused_for(pause));
            world.clock.advance(Duration::from_secs(pause));
        }
        answer(&one, &take(&one), SUCCESS);
        let denied = wait(&one);
        assert_eq!(denied.reason, WaitReason::Paced);
        let expected = (HELD / 3).div_f64(part);
        let difference = denied.at_least.abs_diff(expected);
        assert!(difference < Duration::from_millis(1), "{refusals}: {denied:?}, {expected:?}");
    }
}

#[test]
fn a_probe_whose_machine_died_is_followed_by_another_one_that_goes_alone() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    answer(&one, &take(&one), refused_for(1));
    world.clock.advance(Duration::from_secs(1));
    take(&one);
    one.die();
    world.clock.advance(LEASE + GRACE);
    take(&other);
    assert_eq!(wait(&world.host("key", RATE)).reason, WaitReason::Paused);
}

#[test]
fn the_token_of_a_probe_that_got_no_response_is_followed_by_another_probe() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let refused = RateLimitHeaders { refused: true, success: false, ..SUCCESS };
    answer(&one, &take(&one), refused);
    world.clock.advance(HELD);
    let probe = take(&one);
    one.release(&probe, Outcome::NoResponse);
    take(&other);
    wait(&one);
}

#[test]
fn what_others_spend_and_a_lower_limit_hold_for_all_machines() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    // One was ours; another one must be somebody else's.
    let spent = RateLimitHeaders { remaining: Some(1), ..SUCCESS };
    answer(&one, &take(&one), spent);
    let lease = take(&other);
    wait(&other);
    world.clock.advance(HELD);
    let lower = RateLimitHeaders { limit: Some(1), ..SUCCESS };
    answer(&other, &lease, lower);
    world.clock.advance(HELD);
    take(&one);
    wait(&other);
    assert_eq!(other.snapshot().rate, Rate::per_second(1));
}

#[test]
fn a_limit_below_what_others_spent_gives_no_token_rather_than_all() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    answer(&one, &take(&one), RateLimitHeaders { remaining: Some(0), ..SUCCESS });
    let slow = world.host("key", Rate::per_second(2));
    for host in [&one, &other, &slow] {
        for _ in 0..20 {
            wait(host);
        }
    }
    world.clock.advance(HELD);
    let lower = RateLimitHeaders { remaining: Some(0), limit: Some(1), ..SUCCESS };
    answer(&one, &take(&one), lower);
    for host in [&one, &other, &slow] {
        for _ in 0..20 {
            wait(host);
        }
    }
}

#[test]
fn what_others_spent_is_held_no_longer_than_until_the_service_counts_anew() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = [(); 2].map(|()| world.host("key", Rate::per_minute(3)));
    let reset = Some(Duration::from_secs(2));
    answer(&one, &take(&one), RateLimitHeaders { remaining: Some(0), reset, ..SUCCESS });
    let denied = wait(&other);
    assert_eq!(denied.at_least, Duration::from_secs(2));
    world.clock.advance(Duration::from_secs(2));
    let _leases = [(); 2].map(|()| take(&other));
    wait(&other);
}

#[test]
fn a_success_that_is_reported_again_counts_once() {
    let Some(world) = World::new() else {
        return;
    };
    let host = world.cautious_host("key", Rate::per_minute(100));
    for _ in 0..8 {
        let lease = take(&host);
        assert_eq!(wait(&host).reason, WaitReason::FirstResponse);
        host.release_and_lose_the_reply(&lease, Outcome::Responded(SUCCESS));
    }
    let _two = [take(&host), take(&host)];
    wait(&host);
}

#[test]
fn a_success_that_is_reported_again_when_its_token_is_back_contradicts_nothing() {
    let Some(world) = World::new() else {
        return;
    };
    let host = world.host("key", Rate::per_second(20));
    let nothing_left = RateLimitHeaders { success: false, remaining: Some(0), ..SUCCESS };
    answer(&host, &take(&host), nothing_left);
    world.clock.advance(HELD);
    answer(&host, &take(&host), nothing_left);
    let (session, lease) = (host.store.session(), take(&host));
    let report = session.known().end(lease.id, Outcome::Responded(SUCCESS), world.clock.now());
    for _ in 0..4 {
        session.report(&report.unwrap(), LEASE).unwrap();
        world.clock.advance(HELD + GRACE / 1000);
        answer(&host, &take(&host), nothing_left);
    }
    assert!(host.snapshot().held_for_others > 0);
}

#[test]
fn after_the_first_request_of_all_was_refused_few_are_under_way_for_two_periods_after_the_pause() {
    let Some(world) = World::new() else {
        return;
    };
    let one = world.cautious_host("key", RATE);
    answer(&one, &take(&one), refused_for(1));
    world.clock.advance(Duration::from_secs(1));
    answer(&one, &take(&one), SUCCESS);
    world.clock.advance(HELD + HELD / 2);
    take(&one);
    assert_eq!(wait(&one).reason, WaitReason::FirstResponse);
    world.clock.advance(HELD / 2);
    take(&one);
}

#[test]
fn after_a_refusal_no_later_second_burst_is_sent_one_by_one() {
    let Some(world) = World::new() else {
        return;
    };
    let retry_after = Some(Duration::from_millis(300));
    let refused = RateLimitHeaders { refused: true, success: false, retry_after, ..SUCCESS };
    for is_refused in [false, true] {
        let one = world.cautious_host(if is_refused { "refused" } else { "key" }, RATE);
        answer(&one, &take(&one), RateLimitHeaders { remaining: Some(2), ..SUCCESS });
        answer(&one, &take(&one), if is_refused { refused } else { SUCCESS });
        world.clock.advance(HELD);
        answer(&one, &take(&one), SUCCESS);
        world.clock.advance(HELD * 30);
        spend(&one);
        world.clock.advance(HELD);
        let _under_way = take(&one);
        assert_eq!(one.lease(None).is_ok(), is_refused);
    }
}
