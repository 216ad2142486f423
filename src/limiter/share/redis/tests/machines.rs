//! Several machines with one key: leases, the line, and the loss of a machine.

use std::sync::Arc;
use std::time::Duration;
use std::{panic, thread};

use crate::clock::Clock;
use crate::limiter::rate::Rate;
use crate::limiter::share::redis::script::Operation;
use crate::limiter::share::redis::worker::Ended;
use crate::limiter::status::Outcome;
use crate::limiter::store::TokenStore;

use super::steps::{GRACE, HELD, LEASE, RATE, SOON, answer, refused_for, spend, take, two, wait};
use super::world::{Host, SUCCESS, World};

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
