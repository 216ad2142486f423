//! Short forms of the figures in `benches/share.rs`.

use std::time::Duration;

use crate::herd::{self, Plan, Seen};
use crate::limit::Limit;
use crate::servers::{FixedWindow, Refilled, SlidingLog};

const SECOND: u64 = 1_000_000_000;
const TIME: Duration = Duration::from_secs(5);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The limit holds, nobody was refused, and next to nothing was lost, even on a machine that does other things too.
fn is_well(seen: &Seen) {
    assert!(seen.most <= 5 && seen.refused == 0, "{seen:?}");
    assert!(seen.speed > 0.7, "{seen:?}");
}

#[test]
fn six_processes_together_send_no_more_than_one_may() {
    let _limit = Limit::start();
    let seen = herd::run(Plan::new(TIME), SlidingLog::harsh(5, SECOND));
    is_well(&seen);
    assert!(seen.fairness <= 2.0, "{seen:?}");
}

#[test]
fn responses_that_take_long_and_vary_change_nothing() {
    let _limit = Limit::start();
    let plan = Plan { latency: ms(400), jitter: ms(80), ..Plan::new(TIME) };
    is_well(&herd::run(plan, FixedWindow::new(5, SECOND, SECOND / 3)));
}

#[test]
fn processes_that_are_killed_take_few_tokens_along() {
    let _limit = Limit::start();
    let plan = Plan { latency: ms(200), kill_every: Some(ms(1000)), ..Plan::new(TIME) };
    is_well(&herd::run(plan, SlidingLog::harsh(5, SECOND)));
}

#[test]
fn processes_that_pause_between_their_calls_are_refused_nothing() {
    let _limit = Limit::start();
    let plan = Plan { latency: ms(100), jitter: ms(40), pause: ms(1000), ..Plan::new(TIME) };
    let seen = herd::run(plan, SlidingLog::harsh(5, SECOND));
    assert!(seen.most <= 5 && seen.refused == 0 && seen.counted > 10, "{seen:?}");
}

#[test]
fn several_large_limits_hold_while_processes_are_killed() {
    let _limit = Limit::start();
    // A machine that is very busy sends less than the first two allow, and as much as the others.
    for (limit, longer) in [(270_u32, 300_u32), (27, 30)] {
        let plan = Plan {
            rate: (limit, ms(1000)),
            longer: Some((longer, ms(3000))),
            kill_every: Some(ms(200)),
            ..Plan::new(TIME)
        };
        let seen = herd::run(plan, Refilled::new(1_000_000, SECOND));
        assert!(seen.most <= limit as usize && seen.most_of_longer <= longer as usize, "{seen:?}");
        assert!(seen.refused == 0 && seen.counted > 30, "{seen:?}");
    }
}

#[test]
fn a_program_of_one_request_may_run_many_times() {
    let _limit = Limit::start();
    let plan = Plan { rate: (20, ms(1000)), requests: 1, ..Plan::new(ms(2000)) };
    let seen = herd::run_programs(plan, 50, Refilled::new(20, SECOND));
    assert!(seen.refused == 0 && seen.most <= 20 && seen.counted == 50, "{seen:?}");
}
