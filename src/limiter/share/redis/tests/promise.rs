//! The contract, and the promise: never more than N in a window of P, whatever the network does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limiter::tests::contract;

use super::world::World;

#[test]
fn tokens_in_redis_keep_the_contract() {
    let Some(world) = World::new() else {
        return;
    };
    let trials = AtomicU64::new(0);
    contract::keeps(|rate| {
        let key = trials.fetch_add(1, Ordering::Relaxed).to_string();
        let clock = world.clock.clone();
        (Arc::new(world.host(&key, rate)), Box::new(move |time| clock.advance(time)))
    });
}
