//! The contract, and the promise: never more than N in a window of P, whatever the network does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::limiter::ledger::Lease;
use crate::limiter::moment::NotReady;
use crate::limiter::rate::Rate;
use crate::limiter::status::{Outcome, Snapshot, Unavailable};
use crate::limiter::store::{Denied, TokenStore};
use crate::limiter::tests::contract::{self, Stored};
use crate::limiter::tests::servers::Counting;
use crate::limiter::tests::simulation::{End, Journey, MS, SECOND, Simulation};

use super::world::{Host, World};

/// One machine with a key of its own each time.
fn alone(world: &World, is_cautious: bool) -> impl Fn(Rate) -> Stored {
    let trials = AtomicU64::new(0);
    move |rate| {
        let key = trials.fetch_add(1, Ordering::Relaxed).to_string();
        let clock = world.clock.clone();
        let host = world.host_with(&key, rate, is_cautious);
        (Arc::new(host), Box::new(move |time| clock.advance(time)))
    }
}

#[test]
fn tokens_in_redis_keep_the_contract() {
    let Some(world) = World::new() else {
        return;
    };
    contract::keeps(alone(&world, false));
}

#[test]
fn tokens_in_redis_begin_with_care() {
    let Some(world) = World::new() else {
        return;
    };
    contract::begins_with_care(alone(&world, true));
}

#[test]
fn two_machines_with_one_redis_keep_the_contract_of_a_share() {
    let Some(world) = World::new() else {
        return;
    };
    let trials = AtomicU64::new(0);
    // No signal comes from another machine: the first in the line asks again after this.
    contract::shares(Duration::from_millis(50), |rate| {
        let key = trials.fetch_add(1, Ordering::Relaxed).to_string();
        let hosts = [(); 2].map(|()| Arc::new(world.host(&key, rate)) as _);
        let clock = world.clock.clone();
        (hosts, Box::new(move |time| clock.advance(time)))
    });
}

/// Several machines as one store: each request is sent by the next one that gets a token. Their clocks differ by a second.
#[derive(Debug)]
struct Machines {
    hosts: Vec<Host>,
    next: AtomicUsize,
}

impl Machines {
    fn new(world: &World, key: &str, rate: Rate) -> Arc<Machines> {
        let hosts = (0..3).map(|ahead| world.host_ahead(Duration::from_secs(ahead), key, rate));
        let hosts = hosts.collect();
        Arc::new(Machines { hosts, next: AtomicUsize::new(0) })
    }
}

impl TokenStore for Machines {
    fn lease(&self, _: Option<Instant>) -> Result<Lease, Denied> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut soonest = None::<NotReady>;
        for place in first..first + self.hosts.len() {
            let place = place % self.hosts.len();
            match self.hosts[place].lease(None) {
                Ok(lease) => return Ok(Lease::new(lease.id * 3 + place as u64, 0)),
                Err(denied) => {
                    let not_ready = denied.not_ready();
                    let is_sooner = |it: &NotReady| not_ready.look_again < it.look_again;
                    if soonest.as_ref().is_none_or(is_sooner) {
                        soonest = Some(not_ready);
                    }
                }
            }
        }
        Err(soonest.unwrap().into())
    }

    fn stands(&self, _: &Lease) -> bool {
        true
    }

    fn release(&self, lease: &Lease, outcome: Outcome) {
        let place = lease.id % 3;
        self.hosts[place as usize].release(&Lease::new(lease.id / 3, 0), outcome);
    }

    fn outlook(&self, _: usize) -> NotReady {
        unimplemented!()
    }

    fn tighten(&self, _: Rate) {}

    fn exhaust(&self, _: Option<Instant>) -> Result<(), Unavailable> {
        Ok(())
    }

    fn set_grace(&self, _: Duration) {}

    fn snapshot(&self) -> Snapshot {
        unimplemented!()
    }

    fn is_idle(&self) -> bool {
        false
    }
}

/// How long one way takes, of a period `p`.
const NETWORKS: [fn(&mut Rng, u64) -> u64; 4] = [
    |_, _| 0,
    |rng, p| rng.u64(0..=p / 10),
    |rng, p| rng.u64(0..=10 * p),
    |rng, p| if rng.u8(..) < 16 { 10 * p } else { rng.u64(0..=p / 20) },
];

/// Adversarial: counted as it leaves, as its response arrives, or in between; and perhaps without a response.
fn journey(rng: &mut Rng, network: usize, p: u64, odd_ends: bool) -> Journey {
    let (one, other) = (NETWORKS[network](rng, p), NETWORKS[network](rng, p));
    let (there, back) = match rng.u8(0..3) {
        0 => (0, one + other),
        1 => (one + other, 0),
        _ => (one, other),
    };
    let end = match rng.u8(0..10) {
        0 if odd_ends => End::NeverSent,
        1 if odd_ends => End::NoResponse,
        _ => End::Answered,
    };
    // In whole microseconds, as the server counts them.
    Journey { there: there / 1000 * 1000, back: back / 1000 * 1000, end }
}

#[test]
fn no_window_ever_sees_more_than_n_of_several_machines_whose_clocks_differ() {
    for (n, p) in [(1, SECOND), (5, SECOND), (37, 10 * MS)] {
        for (network, odd_ends) in (0..NETWORKS.len()).zip([false, true, true, false]) {
            let Some(world) = World::new() else {
                return;
            };
            let mut rng = Rng::with_seed(u64::from(n));
            let machines = Machines::new(&world, "key", Rate::new(n, Duration::from_nanos(p)));
            let mut simulation =
                Simulation::with_store(world.clock.clone(), machines, Counting::new(p));
            simulation.journey = Box::new(move |_| journey(&mut rng, network, p, odd_ends));
            let (server, report) = simulation.run(8, 40 * u64::from(n.min(9)));
            assert!(server.most <= n as usize, "{} of {n}, network {network}", server.most);
            assert!(report.refused.is_empty());
        }
    }
}
