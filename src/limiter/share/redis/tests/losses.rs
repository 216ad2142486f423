//! Data that is lost or evicted, another server, a clock that is set back, and a time in which nobody reaches it.

use std::time::Duration;

use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::rate::Rate;
use crate::limiter::status::{Outcome, WaitReason};
use crate::limiter::store::TokenStore;

use super::steps::{GRACE, HELD, LEASE, RATE, SOON, answer, refused_for, spend, take, two, wait};
use super::world::{SUCCESS, World};

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
