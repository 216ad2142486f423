//! The promise between several stores of one share: never more than N in a window of P, whatever the network does.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::limiter::ledger::Lease;
use crate::limiter::moment::{NotReady, nanos};
use crate::limiter::rate::Rate;
use crate::limiter::status::{Outcome, Snapshot, Unavailable};
use crate::limiter::store::{Denied, TokenStore};

use super::clock::Hand;
use super::promise::{NETWORKS, journey};
use super::servers::Counting;
use super::simulation::Simulation;

/// Several stores of one share, the clock that they are on, and whatever has to live as long.
pub(crate) struct Fleet {
    pub(crate) stores: Vec<Arc<dyn TokenStore>>,
    pub(crate) clock: Arc<Hand>,
    pub(crate) kept: Box<dyn Any>,
}

/// Runs so many requests over each network, each through a store that is chosen by chance.
pub(crate) fn keeps_the_promise(n: u32, p: Duration, requests: u64, make: impl Fn(Rate) -> Fleet) {
    for network in 0..NETWORKS.len() {
        for workers in [3, 16] {
            let Fleet { stores, clock, kept } = make(Rate::new(n, p));
            let mut rng = Rng::with_seed(network as u64);
            let store = Arc::new(Chosen::new(stores));
            let mut simulation = Simulation::with_store(clock, store, Counting::new(nanos(p)));
            simulation.journey = Box::new(move |_| journey(&mut rng, network, nanos(p)));
            let most = simulation.run(workers, requests).0.most;
            assert!(most <= n as usize, "{most} of {n}, {workers} workers, network {network}");
            drop(kept);
        }
    }
}

/// Stores that look like one.
#[derive(Debug)]
struct Chosen {
    stores: Vec<Arc<dyn TokenStore>>,
    leases: Mutex<HashMap<u64, (usize, Lease)>>,
    rng: Mutex<Rng>,
}

impl Chosen {
    fn new(stores: Vec<Arc<dyn TokenStore>>) -> Chosen {
        Chosen { stores, leases: Mutex::default(), rng: Mutex::new(Rng::with_seed(7)) }
    }
}

impl TokenStore for Chosen {
    fn lease(&self, by: Option<Instant>) -> Result<Lease, Denied> {
        let chosen = self.rng.lock().unwrap().usize(..self.stores.len());
        let lease = self.stores[chosen].lease(by)?;
        let mut leases = self.leases.lock().unwrap();
        let id = self.rng.lock().unwrap().u64(..);
        leases.insert(id, (chosen, lease));
        Ok(Lease::new(id, 0))
    }

    fn stands(&self, _: &Lease) -> bool {
        true
    }

    fn release(&self, lease: &Lease, outcome: Outcome) {
        let (chosen, lease) = self.leases.lock().unwrap().remove(&lease.id).unwrap();
        self.stores[chosen].release(&lease, outcome);
    }

    fn outlook(&self, ahead: usize) -> NotReady {
        self.stores[0].outlook(ahead)
    }

    fn tighten(&self, rate: Rate) {
        self.stores.iter().for_each(|store| store.tighten(rate));
    }

    fn exhaust(&self, by: Option<Instant>) -> Result<(), Unavailable> {
        self.stores[0].exhaust(by)
    }

    fn set_grace(&self, grace: Duration) {
        self.stores.iter().for_each(|store| store.set_grace(grace));
    }

    fn snapshot(&self) -> Snapshot {
        self.stores[0].snapshot()
    }

    fn is_idle(&self) -> bool {
        self.stores.iter().all(|store| store.is_idle())
    }
}
