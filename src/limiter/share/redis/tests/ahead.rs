//! Tokens that are granted ahead of their time, and leases whose replies were lost.

use std::time::Duration;

use crate::clock::Clock;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::rate::Rate;
use crate::limiter::share::redis::script::Operation;
use crate::limiter::status::WaitReason;
use crate::limiter::store::TokenStore;

use super::steps::{HELD, RATE, SOON, answer, refused_for, spend, take, two, wait};
use super::world::{SUCCESS, World};

#[test]
fn a_token_that_is_back_soon_is_granted_ahead_and_used_then_without_another_call() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    spend(&one);
    world.clock.advance(HELD - SOON);
    let denied = wait(&other);
    assert_eq!((denied.at_least, denied.look_again), (SOON, Some(SOON)));
    world.clock.advance(SOON - Duration::from_millis(1));
    wait(&other);
    world.clock.advance(Duration::from_millis(1));
    let calls = world.calls();
    let lease = take(&other);
    assert!(other.stands(&lease) && world.calls() == calls);
    take(&one);
    take(&one);
    wait(&one);
}

#[test]
fn a_token_that_was_granted_ahead_and_that_nobody_comes_for_is_given_back() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    spend(&one);
    world.clock.advance(HELD - SOON);
    wait(&other);
    world.clock.advance(Duration::from_secs(1));
    for _ in 0..3 {
        take(&one);
    }
}

#[test]
fn a_token_that_was_granted_ahead_and_cannot_be_given_back_is_forgotten() {
    let Some(mut world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    spend(&one);
    world.clock.advance(HELD - SOON);
    wait(&other);
    world.server.kill();
    let session = other.store.session();
    for _ in 0..2 {
        world.clock.advance(Duration::from_secs(61));
        let _ = session.catch_up();
    }
    // The worker ends.
    assert!(!session.known().has_work());
}

#[test]
fn a_caller_that_cannot_wait_is_granted_no_token_ahead() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    spend(&one);
    world.clock.advance(HELD - SOON);
    let now = world.clock.now();
    assert_eq!(other.lease(Some(now)).unwrap_err().not_ready().at_least, SOON);
    world.clock.advance(SOON);
    other.pass();
    let calls = world.calls();
    take(&other);
    assert_eq!(world.calls(), calls + 1);
}

#[test]
fn a_token_granted_ahead_to_one_further_back_in_the_line_takes_nothing_from_the_first() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let behind = world.host("key", RATE);
    let leases = [(); 3].map(|()| take(&one));
    answer(&one, &leases[0], SUCCESS);
    world.clock.advance(SOON / 2);
    answer(&one, &leases[1], SUCCESS);
    answer(&one, &leases[2], SUCCESS);
    wait(&other);
    world.clock.advance(HELD - SOON);
    wait(&behind);
    world.clock.advance(SOON / 2);
    take(&other);
    wait(&behind);
    world.clock.advance(SOON / 2);
    take(&behind);
}

#[test]
fn what_others_spent_is_seen_beside_a_token_that_was_granted_ahead() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    spend(&one);
    world.clock.advance(HELD - SOON);
    wait(&other);
    world.clock.advance(SOON);
    let spent = RateLimitHeaders { remaining: Some(1), ..SUCCESS };
    answer(&other, &take(&other), spent);
    take(&one);
    wait(&one);
}

#[test]
fn a_paced_rate_keeps_its_distance_from_a_token_that_was_granted_ahead() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = [(); 2].map(|()| world.host("key", RATE.paced()));
    let burst = world.host("key", RATE);
    spend(&burst);
    world.clock.advance(HELD - SOON);
    wait(&one);
    world.clock.advance(SOON);
    let lease = take(&one);
    answer(&one, &lease, SUCCESS);
    assert_eq!(wait(&other).at_least.as_micros(), HELD.as_micros().div_ceil(3));
}

#[test]
fn a_token_that_was_granted_ahead_by_a_lost_reply_is_used_no_earlier() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    spend(&one);
    world.clock.advance(HELD - SOON);
    other.lose_a_lease();
    world.clock.advance(SOON / 2);
    assert_eq!(wait(&other).at_least, SOON / 2);
    world.clock.advance(SOON / 2);
    take(&other);
    take(&one);
    take(&one);
    wait(&one);
}

#[test]
fn a_token_that_was_granted_ahead_is_not_used_in_a_pause() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let under_way = take(&other);
    for lease in [(); 2].map(|()| take(&one)) {
        answer(&one, &lease, SUCCESS);
    }
    world.clock.advance(HELD - SOON);
    wait(&other);
    answer(&other, &under_way, refused_for(1));
    world.clock.advance(SOON);
    assert_eq!(wait(&other).reason, WaitReason::Paused);
    world.clock.advance(Duration::from_secs(1) - SOON);
    take(&one);
    wait(&other);
}

#[test]
fn a_token_that_was_granted_ahead_and_is_not_used_in_time_is_asked_for_again() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    spend(&one);
    world.clock.advance(HELD - SOON);
    wait(&other);
    world.skip(SOON + Duration::from_millis(250));
    let calls = world.calls();
    take(&other);
    assert_eq!(world.calls(), calls + 1);
    take(&one);
    take(&one);
    wait(&one);
}

#[test]
fn a_token_that_was_granted_ahead_is_not_used_late_in_a_pause_that_others_reported() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let under_way = take(&one);
    for lease in [(); 2].map(|()| take(&one)) {
        answer(&one, &lease, SUCCESS);
    }
    world.clock.advance(HELD - SOON);
    wait(&other);
    answer(&one, &under_way, refused_for(10));
    world.skip(Duration::from_millis(600));
    assert_eq!(wait(&other).reason, WaitReason::Paused);
}

#[test]
fn a_lease_that_is_granted_while_the_process_pauses_is_given_back() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let under_way = take(&one);
    let session = one.store.session();
    let now = session.clock.now();
    // Of another thread, whose reply is on its way.
    let id = session.known().next_lease(Duration::MAX, now).unwrap();
    let name = session.known().name(id);
    let reply = session.call(&Operation::Lease(&name, HELD), HELD).unwrap();
    answer(&one, &under_way, refused_for(2));
    session.known().start(id, now, now, &reply);
    assert_eq!(session.known().claim(now).unwrap_err().reason, WaitReason::Paused);
    assert_eq!(wait(&one).at_least, Duration::from_secs(2));
    world.clock.advance(Duration::from_secs(2));
    take(&other);
    let snapshot = other.snapshot();
    assert_eq!((snapshot.in_flight, snapshot.free), (1, 2));
}

#[test]
fn a_lease_whose_reply_was_lost_is_not_granted_again_in_a_pause() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    other.lose_a_lease();
    answer(&one, &take(&one), refused_for(1));
    assert_eq!(wait(&other).reason, WaitReason::Paused);
    world.clock.advance(Duration::from_secs(1));
    take(&other);
}

#[test]
fn a_lease_whose_reply_was_lost_before_a_pause_is_not_granted_again_beside_the_request_that_goes_first()
 {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    other.lose_a_lease();
    answer(&one, &take(&one), refused_for(1));
    world.clock.advance(Duration::from_secs(1));
    take(&one);
    wait(&other);
}

#[test]
fn a_token_that_was_granted_ahead_is_not_asked_for_again_while_it_may_be_renewed() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let under_way = take(&one);
    for lease in [(); 2].map(|()| take(&one)) {
        answer(&one, &lease, SUCCESS);
    }
    world.clock.advance(HELD - SOON);
    wait(&other);
    answer(&one, &under_way, refused_for(1));
    // A renewal that takes long.
    other.stop();
    let session = other.store.session();
    session.known().leases.is_renewing = true;
    let (_, names) = session.known().under_way();
    world.skip(SOON + Duration::from_millis(250));
    wait(&other);
    world.skip(Duration::from_secs(1));
    answer(&one, &take(&one), SUCCESS);
    world.clock.advance(HELD);
    let mut out = Vec::new();
    for _ in 0..3 {
        world.clock.advance(HELD / 2);
        out.extend(one.lease(None));
    }
    session.call(&Operation::Renew(names), HELD).unwrap();
    session.known().leases.is_renewing = false;
    out.extend(other.lease(None));
    assert_eq!(out.len(), 3);
}

#[test]
fn a_lease_whose_reply_was_lost_is_asked_for_before_one_that_was_not_granted() {
    let Some(world) = World::new() else {
        return;
    };
    let one = world.host("key", Rate::per_second(1));
    let session = one.store.session();
    let now = session.clock.now();
    let [lost, denied] = [(); 2].map(|()| session.known().next_lease(Duration::MAX, now).unwrap());
    let call = |id| {
        let name = session.known().name(id);
        session.call(&Operation::Lease(&name, HELD), HELD)
    };
    // By two threads at the same time.
    call(lost).unwrap();
    session.known().leases.not_started(lost);
    let reply = call(denied).unwrap();
    session.known().leases.not_granted(denied);
    let look = session.known().deny(&reply, Duration::MAX, now).look_again.unwrap();
    world.clock.advance(look);
    take(&one);
}

#[test]
fn no_token_is_granted_ahead_of_a_response_however_short_the_period_is() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = [(); 2].map(|()| world.host("key", Rate::new(1, SOON)));
    let _under_way = take(&one);
    let soonest = wait(&other).at_least;
    assert!(soonest < 2 * SOON, "{soonest:?}");
    world.clock.advance(soonest);
    wait(&other);
}

#[test]
fn no_token_is_granted_ahead_for_the_end_of_a_pause_which_may_last_longer() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let [refused, under_way] = [(); 2].map(|()| take(&one));
    answer(&one, &refused, refused_for(2));
    world.clock.advance(Duration::from_secs(2) - SOON);
    assert_eq!(wait(&other).at_least, SOON);
    answer(&one, &under_way, refused_for(2));
    world.clock.advance(SOON);
    assert_eq!(wait(&other).reason, WaitReason::Paused);
}

#[test]
fn the_token_of_a_lease_whose_reply_was_lost_is_free_after_a_pause() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    other.lose_a_lease();
    answer(&one, &take(&one), refused_for(2));
    wait(&other);
    other.die();
    world.clock.advance(Duration::from_secs(2) + SOON);
    answer(&one, &take(&one), SUCCESS);
    world.clock.advance(HELD / 2);
    take(&one);
    assert_eq!(one.snapshot().free, 1);
}

#[test]
fn no_token_is_granted_ahead_for_the_end_of_what_others_spent_who_may_spend_more() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let [first, second] = [(); 2].map(|()| take(&one));
    let until_reset = Duration::from_secs(1);
    let none_left = RateLimitHeaders { remaining: Some(0), reset: Some(until_reset), ..SUCCESS };
    answer(&one, &first, none_left);
    world.clock.advance(until_reset - SOON);
    assert_eq!(wait(&other).at_least, SOON);
    answer(&one, &second, none_left);
    world.clock.advance(SOON);
    wait(&other);
}

#[test]
fn no_token_is_granted_ahead_for_a_moment_at_which_a_probe_may_be_under_way() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let leases = [(); 3].map(|()| take(&one));
    answer(&one, &leases[0], refused_for(1));
    world.clock.advance(HELD * 9 / 20);
    answer(&one, &leases[1], SUCCESS);
    answer(&one, &leases[2], SUCCESS);
    world.clock.advance(HELD * 11 / 20);
    let probe = take(&one);
    // Later than the distance that the refusal brought about.
    world.clock.advance(HELD * 9 / 20 - SOON);
    assert_eq!(wait(&other).at_least, SOON);
    world.clock.advance(SOON);
    assert_eq!(wait(&other).reason, WaitReason::Paused);
    answer(&one, &probe, SUCCESS);
    world.clock.advance(SOON);
    take(&other);
}
