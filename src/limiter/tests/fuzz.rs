//! The ledger under any sequence of steps.

use std::time::Duration;

use fastrand::Rng;
use proptest::prelude::*;

use crate::limiter::Rate;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::ledger::Ledger;
use crate::limiter::status::Outcome;

#[derive(Clone, Debug)]
enum Step {
    Lease,
    Beside(usize),
    Release(usize, Outcome),
    Stray(u64),
    Tighten(u32, u64),
    Look(usize),
    Pass(i64),
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let number = || proptest::option::of(prop_oneof![0..8_u32, any::<u32>()]);
    let pause = proptest::option::of(any::<u64>().prop_map(Duration::from_nanos));
    let period = proptest::option::of((0..3000_u64).prop_map(Duration::from_millis));
    let reset = proptest::option::of((0..3000_u64).prop_map(Duration::from_millis));
    let remark = (proptest::bool::weighted(0.2), pause, period, number(), number(), reset);
    prop_oneof![
        Just(Outcome::NeverSent),
        Just(Outcome::NoResponse),
        remark.prop_map(|(refused, retry_after, period, limit, remaining, reset)| {
            Outcome::Responded(RateLimitHeaders {
                refused,
                success: !refused,
                retry_after,
                period,
                limit,
                remaining,
                reset,
            })
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Lease),
        4 => (1..4_usize).prop_map(Step::Beside),
        8 => (any::<usize>(), outcome()).prop_map(|(which, outcome)| Step::Release(which, outcome)),
        1 => any::<u64>().prop_map(Step::Stray),
        1 => (any::<u32>(), any::<u64>()).prop_map(|(requests, ms)| Step::Tighten(requests, ms)),
        2 => any::<usize>().prop_map(Step::Look),
        8 => prop_oneof![-1000..2_000_000_000_i64, any::<i64>()].prop_map(Step::Pass),
    ]
}

fn new(requests: u32, is_cautious: bool, is_paced: bool) -> Ledger {
    let rate = Rate::per_second(requests);
    let ledger = Ledger::new(if is_paced { rate.paced() } else { rate });
    if is_cautious { ledger.cautious_by(Rng::with_seed(1)) } else { ledger }
}

/// A token that is taken beside `waiting` callers, and those that these take then; none if it is not taken.
fn beside(ledger: &mut Ledger, waiting: usize, now: u64) -> Vec<Lease> {
    let first = ledger.lease_beside(waiting, now);
    let theirs = if first.is_some() { waiting } else { 0 };
    first.into_iter().chain((0..theirs).flat_map(|_| ledger.lease(now))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_to_it_no_more_than_n_are_out_and_a_token_beside_those_who_wait_leaves_one_for_each(
        requests in 1..8_u32,
        (is_cautious, is_paced) in any::<(bool, bool)>(),
        steps in proptest::collection::vec(step(), 1..200),
    ) {
        let mut ledger = new(requests, is_cautious, is_paced);
        let (mut now, mut ids) = (0_u64, Vec::new());
        for step in steps {
            match step {
                Step::Lease => ids.extend(ledger.lease(now)),
                // Moments are no more apart at the end of time.
                Step::Beside(waiting) if now <= u64::MAX / 2 => {
                    let leases = beside(&mut ledger, waiting, now);
                    prop_assert!(leases.is_empty() || leases.len() == waiting + 1);
                    ids.extend(leases);
                }
                Step::Release(which, outcome) if !ids.is_empty() => {
                    let id = ids.swap_remove(which % ids.len());
                    ledger.release(&id, outcome, now);
                }
                Step::Release(..) | Step::Beside(_) => {}
                Step::Stray(id) if ids.iter().any(|it: &Lease| it.id == id) => {}
                Step::Stray(id) => ledger.release(&Lease::new(id, id as usize % 9), Outcome::NeverSent, now),
                Step::Tighten(requests, ms) => ledger.tighten(Rate::new(requests, Duration::from_millis(ms))),
                Step::Look(ahead) => drop(ledger.outlook(ahead, now)),
                Step::Pass(time) => now = now.saturating_add_signed(time),
            }
            let snapshot = ledger.snapshot(now);
            prop_assert_eq!(snapshot.in_flight, ids.len());
            prop_assert!(snapshot.in_flight + snapshot.free <= requests as usize);
        }
    }
}
