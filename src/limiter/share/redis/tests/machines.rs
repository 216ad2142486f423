//! Several machines with one key, and the loss of one of them or of the data.

use std::sync::Arc;
use std::time::Duration;
use std::{panic, thread};

use crate::clock::Clock;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::moment::NotReady;
use crate::limiter::rate::Rate;
use crate::limiter::share::redis::script::Operation;
use crate::limiter::share::redis::worker::Ended;
use crate::limiter::status::{Outcome, WaitReason};
use crate::limiter::store::TokenStore;

use super::world::{Host, SUCCESS, World};

const RATE: Rate = Rate::per_second(3);
const HELD: Duration = Duration::from_millis(1006);
const GRACE: Duration = Duration::from_secs(2);
const LEASE: Duration = Duration::from_millis(1500);

fn take(host: &Host) -> Lease {
    host.lease(None).unwrap()
}

fn wait(host: &Host) -> NotReady {
    host.lease(None).unwrap_err().not_ready()
}

fn answer(host: &Host, lease: &Lease, headers: RateLimitHeaders) {
    host.release(lease, Outcome::Responded(headers));
}

/// Takes all three tokens and gives them back at once.
fn spend(host: &Host) {
    for lease in [(); 3].map(|()| take(host)) {
        answer(host, &lease, SUCCESS);
    }
}

fn refused_for(seconds: u64) -> RateLimitHeaders {
    let retry_after = Some(Duration::from_secs(seconds));
    RateLimitHeaders { refused: true, success: false, retry_after, ..SUCCESS }
}

fn two(world: &World) -> [Host; 2] {
    [(); 2].map(|()| world.host("key", RATE))
}

#[test]
fn the_token_of_a_machine_that_died_is_back_after_its_lease_the_grace_and_a_period() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let _leases = [(); 3].map(|()| take(&one));
    world.clock.advance(Duration::from_secs(30));
    wait(&other);
    one.die();
    let died = world.clock.passed();
    while let Err(denied) = other.lease(None) {
        world.clock.advance(denied.not_ready().look_again.unwrap());
    }
    let took = world.clock.passed() - died;
    let least = LEASE * 2 / 3 + GRACE + HELD;
    assert!((least..=least + 2 * HELD).contains(&took), "{took:?}");
}

#[test]
fn a_request_that_is_under_way_for_long_keeps_its_token() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let leases = [(); 3].map(|()| take(&one));
    for _ in 0..300 {
        world.clock.advance(Duration::from_secs(1));
        one.pass();
    }
    assert!(leases.iter().all(|lease| one.stands(lease)));
    wait(&other);
}

#[test]
fn a_lease_that_is_renewed_after_its_end_does_not_stand() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let lease = take(&one);
    // Stopped, while others use the token; then the worker runs before the request is sent.
    let _leases = [(); 2].map(|()| take(&other));
    world.skip(LEASE + GRACE + HELD);
    one.renew();
    assert!(!one.stands(&lease));
    one.renew();
    assert!(!one.stands(&lease));
}

#[test]
fn a_lease_that_was_not_renewed_in_time_does_not_stand() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, _] = two(&world);
    let lease = take(&one);
    world.clock.advance(LEASE);
    // Stopped, and then asked before its worker runs.
    assert!(!one.stands(&lease));
    one.release(&lease, Outcome::NeverSent);
    take(&one);
}

/// Less than the time by which a token is granted ahead.
const SOON: Duration = Duration::from_millis(80);

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
fn the_end_of_a_request_is_reported_again_if_its_lease_was_being_renewed() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let lease = take(&one);
    let session = one.store.session();
    let (_, names) = session.known().under_way();
    session.known().leases.is_renewing = true;
    answer(&one, &lease, SUCCESS);
    // It arrives behind the report.
    session.call(&Operation::Renew(names), HELD).unwrap();
    session.catch_up().unwrap();
    take(&other);
    assert_eq!(other.snapshot().in_flight, 1);
}

#[test]
fn reports_for_which_no_connection_has_room_are_made_by_the_worker() {
    let Some(world) = World::new() else {
        return;
    };
    let rate = Rate::per_second(20);
    let [one, other] = [(); 2].map(|()| world.host("key", rate));
    for lease in [(); 20].map(|()| take(&one)) {
        one.release_as_one_with_a_worker(&lease, Outcome::NeverSent);
    }
    let session = one.store.session();
    session.catch_up().unwrap();
    assert!(!session.known().has_work());
    take(&other);
    assert_eq!(other.snapshot().free, 19);
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
fn no_lease_of_before_is_used_once_all_tokens_were_taken_out() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    spend(&one);
    world.clock.advance(HELD - SOON);
    wait(&one);
    other.lose_a_lease();
    one.exhaust(None).unwrap();
    world.clock.advance(SOON);
    for host in [&one, &other] {
        assert_eq!(wait(host).at_least, HELD + GRACE - SOON);
    }
}

#[test]
fn a_machine_that_misses_its_turn_is_passed_over() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    spend(&one);
    wait(&one);
    let look = wait(&other).look_again.unwrap();
    assert!(look <= HELD + Duration::from_millis(101), "{look:?}");
    world.clock.advance(HELD + Duration::from_millis(101));
    for _ in 0..3 {
        take(&other);
    }
}

#[test]
fn a_caller_that_cannot_wait_for_its_turn_takes_no_place_in_the_line() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    spend(&one);
    let soon = Some(world.clock.now() + HELD - Duration::from_millis(1));
    for host in [(); 5].map(|()| world.host("key", RATE)) {
        assert_eq!(host.lease(soon).unwrap_err().not_ready().at_least, HELD);
    }
    assert_eq!(one.lease(soon).unwrap_err().not_ready().at_least, HELD);
    // One that can wait has a place from then on, whoever of its process asked before.
    assert_eq!(wait(&one).at_least, HELD);
    let calls = world.calls();
    assert_eq!(wait(&one).at_least, HELD);
    one.lease(soon).unwrap_err();
    assert_eq!(world.calls(), calls);
    for host in two(&world) {
        wait(&host);
    }
    // The fourth in the line.
    assert_eq!(wait(&other).at_least, 2 * HELD);
}

#[test]
fn a_newcomer_does_not_overtake_a_machine_whose_turn_it_is() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let newcomer = world.host("key", RATE);
    spend(&one);
    wait(&one);
    wait(&other);
    world.clock.advance(HELD);
    take(&newcomer);
    wait(&newcomer);
    take(&one);
    take(&other);
}

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

/// Waits for a token, and returns how often Redis was called for it.
fn calls_of_a_wait(world: &World, host: &Host) -> u64 {
    let before = world.calls();
    loop {
        match host.lease(None) {
            Ok(lease) => {
                let calls = world.calls() - before;
                host.release(&lease, Outcome::NeverSent);
                return calls;
            }
            Err(denied) => world.clock.advance(denied.not_ready().look_again.unwrap()),
        }
    }
}

#[test]
fn however_long_the_wait_is_a_caller_asks_a_few_times() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    answer(&one, &take(&one), refused_for(600));
    let in_a_pause = calls_of_a_wait(&world, &other);
    let [one, other] = [(); 2].map(|()| world.host("hour", Rate::per_hour(1)));
    answer(&one, &take(&one), SUCCESS);
    let in_line = calls_of_a_wait(&world, &other);
    assert!(in_a_pause <= 3 && in_line <= 3, "{in_a_pause}, {in_line}");
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
fn what_is_known_outlasts_a_pause_or_a_grace_or_weeks_in_which_nobody_calls() {
    let Some(world) = World::new() else {
        return;
    };
    let left = |key: &str, place: usize| -> Duration {
        let name = &world.keys(key)[place];
        Duration::from_millis(world.run(redis::cmd("PTTL").arg(name)))
    };
    const DAY: Duration = Duration::from_secs(86_400);
    let one = world.host("paused", RATE);
    answer(&one, &take(&one), refused_for(DAY.as_secs()));
    assert!(left("paused", 1) > DAY);
    let one = world.host("patient", RATE);
    one.set_grace(DAY);
    take(&one);
    assert!(left("patient", 0) > DAY && left("patient", 1) > DAY);
    let [.., server, _] = world.keys("patient");
    let _: () = world.run(redis::cmd("PEXPIRE").arg(server).arg(DAY.as_millis() as u64));
    take(&one);
    assert!(left("patient", 5) > 20 * DAY);
}

#[test]
fn of_those_that_wait_for_a_paced_rate_each_has_a_distance_from_the_one_before() {
    let Some(world) = World::new() else {
        return;
    };
    let hosts = [(); 3].map(|()| world.host("key", RATE.paced()));
    take(&hosts[0]);
    let [second, third] = [1, 2].map(|place| wait(&hosts[place]).at_least);
    assert!(third > second * 19 / 10, "{second:?} {third:?}");
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
fn a_token_is_taken_of_each_limit() {
    let Some(world) = World::new() else {
        return;
    };
    let rate = RATE.and(Rate::per_minute(4));
    let [one, other] = [(); 2].map(|()| world.host("key", rate));
    spend(&one);
    world.clock.advance(HELD);
    answer(&other, &take(&other), SUCCESS);
    let denied = wait(&one);
    assert!(denied.at_least > Duration::from_secs(58), "{denied:?}");
    world.clock.advance(denied.at_least);
    take(&one);
}

#[test]
fn if_the_data_is_lost_no_token_is_given_for_a_period_and_the_leases_are_reported_again() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, newcomer] = two(&world);
    let lease = take(&one);
    let _: () = world.run(redis::cmd("DEL").arg(&world.keys("key")));
    let denied = wait(&newcomer);
    assert_eq!(denied.at_least, HELD);
    world.clock.advance(HELD);
    for _ in 0..2 {
        take(&newcomer);
    }
    wait(&newcomer);
    answer(&one, &lease, SUCCESS);
}

#[test]
fn after_a_loss_those_who_live_have_a_second_to_report_their_leases() {
    let Some(world) = World::new() else {
        return;
    };
    let rate = Rate::new(3, Duration::from_millis(100));
    let [one, other] = [(); 2].map(|()| world.host("key", rate));
    let leases = [(); 3].map(|()| take(&one));
    world.clock.advance(Duration::from_millis(10));
    let _: () = world.run(redis::cmd("DEL").arg(&world.keys("key")));
    assert_eq!(wait(&other).at_least, Duration::from_secs(1));
    world.clock.advance(Duration::from_secs(1));
    wait(&other);
    assert!(leases.iter().all(|lease| one.stands(lease)));
}

#[test]
fn no_token_is_granted_ahead_while_those_who_live_may_report_their_leases() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, newcomer] = two(&world);
    let _leases = [(); 3].map(|()| take(&one));
    lose_all(&world);
    // The loss is noticed here, and nobody is in the line.
    wait(&world.host("another key", RATE));
    world.skip(HELD - SOON);
    wait(&newcomer);
    one.renew();
    world.clock.advance(SOON);
    wait(&newcomer);
}

#[test]
fn another_server_or_another_run_of_it_gives_no_token_for_a_period() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    take(&one);
    let _: () = world.run(redis::cmd("SET").arg("heysync:server").arg("another 1"));
    assert_eq!(wait(&other).at_least, HELD);
}

#[test]
fn tokens_that_vanish_alone_are_noticed_by_a_machine_that_holds_one() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, _] = two(&world);
    take(&one);
    world.clock.advance(Duration::from_millis(1));
    let _: () = world.run(redis::cmd("DEL").arg(&world.keys("key")[..5]));
    assert_eq!(wait(&one).at_least, HELD);
}

#[test]
fn tokens_that_were_evicted_are_noticed_even_if_nobody_is_left_who_held_one() {
    let Some(world) = World::new() else {
        return;
    };
    for (number, is_sent) in [false, true].into_iter().enumerate() {
        let key = format!("evicted{number}");
        let host = || world.host(&key, RATE);
        let one = host();
        let leases = [(); 3].map(|()| take(&one));
        leases.iter().filter(|_| is_sent).for_each(|lease| answer(&one, lease, SUCCESS));
        one.die();
        let _: () = world.run(redis::cmd("DEL").arg(&world.keys(&key)[..1]));
        let other = host();
        assert_eq!(wait(&other).at_least, HELD);
        world.clock.advance(HELD);
        take(&other);
    }
}

#[test]
fn a_key_that_a_server_does_not_know_is_waited_for_if_it_has_evicted_others() {
    let Some(world) = World::new() else {
        return;
    };
    take(&world.host("known", RATE));
    let command = |words: &[&str]| world.server.command(words);
    command(&["SETEX", "another", "10", "value"]);
    command(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
    command(&["CONFIG", "SET", "maxmemory", "1"]);
    command(&["SET", "more", "value"]);
    command(&["CONFIG", "SET", "maxmemory", "0"]);
    // It has evicted the mark of its run as well, which is known again after this.
    let known = world.host("known", RATE);
    assert_eq!(wait(&known).at_least, HELD);
    world.clock.advance(HELD);
    take(&known);
    assert_eq!(wait(&world.host("key", RATE)).at_least, HELD);
}

#[test]
fn a_line_of_which_a_part_was_evicted_holds_nobody_up() {
    for part in [2, 3] {
        let Some(world) = World::new() else {
            return;
        };
        let [one, dead] = two(&world);
        spend(&one);
        wait(&dead);
        dead.die();
        let _: () = world.run(redis::cmd("DEL").arg(&world.keys("key")[part]));
        for _ in 0..3 {
            world.clock.advance(3 * HELD);
            spend(&one);
        }
    }
}

#[test]
fn a_worker_that_panicked_is_started_again() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, _] = two(&world);
    let store = Arc::clone(&one.store);
    store.session().known().has_worker = true;
    let worker = thread::spawn(move || {
        let _ended = Ended(store.session());
        panic::resume_unwind(Box::new(()));
    });
    assert!(worker.join().is_err());
    assert!(!one.store.session().known().has_worker);
}

#[test]
fn tokens_that_came_back_in_time_are_not_taken_for_evicted_ones() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    for _ in 0..3 {
        one.release(&take(&one), Outcome::NeverSent);
        answer(&other, &take(&other), SUCCESS);
        let leases = [(); 2].map(|()| take(&one));
        answer(&one, &leases[0], SUCCESS);
        answer(&one, &leases[1], SUCCESS);
        world.clock.advance(HELD);
        spend(&one);
        world.clock.advance(2 * HELD);
    }
}

#[test]
fn a_server_whose_clock_is_set_back_gives_no_token_too_early_and_none_too_late() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    spend(&one);
    world.set_back(Duration::from_secs(3600));
    assert_eq!(wait(&other).at_least, HELD);
    world.clock.advance(HELD);
    take(&other);
}

#[test]
fn after_a_time_in_which_nobody_could_renew_a_lease_all_have_a_second_for_that() {
    for (late, is_kept) in [(0, true), (999, true), (1000, false)] {
        let Some(world) = World::new() else {
            return;
        };
        let [one, other] = two(&world);
        let _leases = [(); 3].map(|()| take(&one));
        // Nobody reaches the server.
        world.skip(LEASE + GRACE + HELD);
        wait(&other);
        one.stop();
        world.clock.advance(Duration::from_millis(late));
        assert_eq!(other.lease(None).is_err(), is_kept);
        one.resume();
        one.renew();
        world.clock.advance(Duration::from_secs(60));
        wait(&other);
    }
}

#[test]
fn tokens_that_were_sent_elsewhere_meanwhile_are_taken_out() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    one.exhaust(None).unwrap();
    assert_eq!(wait(&other).at_least, HELD + GRACE);
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

fn lose_all(world: &World) {
    let _: () = world.run(redis::cmd("DEL").arg(&world.keys("key")));
}

#[test]
fn a_request_that_was_given_up_right_before_the_data_was_lost_counts_until_it_cannot_arrive() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    for lease in [(); 3].map(|()| take(&one)) {
        one.release(&lease, Outcome::NoResponse);
    }
    lose_all(&world);
    wait(&other);
    for _ in 0..2 {
        world.clock.advance(HELD);
        wait(&world.host("key", RATE));
    }
    world.clock.advance(HELD + Duration::from_millis(10));
    take(&other);
}

#[test]
fn those_who_knew_the_lost_data_do_not_begin_the_wait_anew() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let _under_way = [&one, &other].map(take);
    world.clock.advance(Duration::from_millis(100));
    lose_all(&world);
    let newcomer = world.host("key", RATE);
    wait(&newcomer);
    for host in [&one, &other] {
        world.skip(Duration::from_millis(400));
        host.renew();
    }
    world.clock.advance(HELD - Duration::from_millis(800));
    take(&newcomer);
}

#[test]
fn a_clock_that_is_set_back_after_a_loss_does_not_make_the_wait_shorter() {
    let Some(world) = World::new() else {
        return;
    };
    lose_all(&world);
    wait(&world.host("key", RATE));
    world.clock.advance(Duration::from_millis(200));
    wait(&world.host("key", RATE));
    world.set_back(Duration::from_millis(500));
    assert_eq!(wait(&world.host("key", RATE)).at_least, HELD);
}

#[test]
fn a_loss_after_the_clock_was_set_back_is_waited_for_by_all_who_ask() {
    let Some(world) = World::new() else {
        return;
    };
    take(&world.host("key", RATE));
    world.set_back(Duration::from_secs(3600));
    let _: () = world.run(redis::cmd("SET").arg(&world.keys("key")[5]).arg("another 1"));
    for _ in 0..3 {
        assert_eq!(wait(&world.host("key", RATE)).at_least, HELD);
    }
}

#[test]
fn a_pause_lasts_as_long_although_the_clock_was_set_back() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    answer(&one, &take(&one), refused_for(10));
    for seconds in [3600, 5, 1] {
        world.set_back(Duration::from_secs(seconds));
        one.exhaust(None).unwrap();
        world.clock.advance(Duration::from_secs(3));
        assert_eq!(wait(&world.host("key", RATE)).reason, WaitReason::Paused);
    }
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(wait(&other).reason, WaitReason::Full);
}

#[test]
fn a_client_that_knew_the_lost_data_costs_a_period_at_most_although_the_clock_was_set_back() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let _under_way = take(&one);
    world.clock.advance(Duration::from_millis(100));
    lose_all(&world);
    wait(&other);
    world.set_back(Duration::from_secs(3600));
    wait(&one);
    world.clock.advance(HELD + Duration::from_millis(10));
    take(&other);
}

#[test]
fn others_that_seem_to_spend_all_leave_a_quarter_also_after_the_clock_was_set_back() {
    let Some(world) = World::new() else {
        return;
    };
    let rate = Rate::per_second(8);
    let [one, other] = [(); 2].map(|()| world.host("key", rate));
    let none_left = RateLimitHeaders { remaining: Some(0), ..SUCCESS };
    answer(&one, &take(&one), none_left);
    world.set_back(Duration::from_secs(3600));
    wait(&other);
    for _ in 0..3 {
        world.clock.advance(HELD);
        answer(&one, &take(&one), none_left);
    }
    assert_eq!(one.snapshot().held_for_others, 6);
}

#[test]
fn of_a_request_from_before_a_loss_of_the_data_nothing_is_held_for_others() {
    let Some(world) = World::new() else {
        return;
    };
    let host = world.host("key", RATE);
    let leases: Vec<Lease> = (0..3).map(|_| take(&host)).collect();
    let _: () = world.run(redis::cmd("DEL").arg(&world.keys("key")));
    for (lease, remaining) in leases.iter().zip([2, 1, 0].map(Some)) {
        answer(&host, lease, RateLimitHeaders { remaining, ..SUCCESS });
    }
    assert_eq!(host.snapshot().held_for_others, 0);
}

#[test]
fn a_request_from_before_a_loss_of_the_data_that_is_refused_pauses_all() {
    let Some(world) = World::new() else {
        return;
    };
    let [one, other] = two(&world);
    let lease = take(&one);
    let _: () = world.run(redis::cmd("DEL").arg(&world.keys("key")));
    one.renew();
    world.clock.advance(HELD / 2);
    answer(&one, &lease, RateLimitHeaders { refused: true, success: false, ..SUCCESS });
    let paused = wait(&other);
    assert_eq!((paused.at_least, paused.reason), (HELD, WaitReason::Paused));
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

#[test]
fn twenty_thousand_clients_that_left_the_line_are_forgotten_by_one_call() {
    let Some(world) = World::new() else {
        return;
    };
    let [_, _, line, turns, ..] = world.keys("key");
    let fill = "for n = 1, 20000 do \
                redis.call('ZADD', KEYS[1], n, n) redis.call('ZADD', KEYS[2], n, n) end";
    let _: () = world.run(redis::cmd("EVAL").arg(fill).arg(2).arg(&line).arg(&turns));
    take(&world.host("key", RATE));
    let left: usize = world.run(redis::cmd("ZCARD").arg(&line));
    assert_eq!(left, 0);
}

#[test]
fn leases_are_renewed_before_and_between_reports_of_requests_that_ended() {
    let Some(world) = World::new() else {
        return;
    };
    let one = world.host("key", RATE);
    let under_way = take(&one);
    let ended = take(&one);
    world.skip(LEASE * 2 / 3);
    let session = one.store.session();
    let now = session.clock.now();
    let report = session.known().end(ended.id, Outcome::NoResponse, now).unwrap();
    session.known().reports.add(report);
    session.catch_up().unwrap();
    world.skip(LEASE * 2 / 3);
    assert!(one.stands(&under_way));
}
