//! Tokens held in this process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;

use super::ledger::Ledger;
use super::nanos::{Nanos, nanos, since};
use super::rate::Rate;
use super::snapshot::Snapshot;
use super::store::{Lease, NotReady, Outcome, TokenStore};

/// Holds the tokens of a rate limit in this process: what every bucket uses unless it is given another store.
#[derive(Debug)]
pub struct Memory {
    clock: Arc<dyn Clock>,
    origin: Instant,
    ledger: Mutex<Ledger>,
}

impl Memory {
    /// All tokens of `rate`, free, on `clock`.
    ///
    /// Where `rate` is not [usable](Rate::is_usable), the nearest that is will be taken.
    pub fn new(rate: Rate, clock: Arc<dyn Clock>) -> Memory {
        Memory { origin: clock.now(), clock, ledger: Mutex::new(Ledger::new(rate)) }
    }

    /// The clock is asked before the lock is taken: a token that is back then is back for good.
    fn now(&self) -> Nanos {
        since(self.origin, self.clock.now())
    }

    /// The ledger; it keeps its order whatever befell a thread that held it.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for Memory {
    fn lease(&self, term: Duration) -> Result<Lease, NotReady> {
        let now = self.now();
        self.ledger().lease(now, nanos(term)).map(Lease::new)
    }

    fn release(&self, lease: Lease, outcome: Outcome) {
        let now = self.now();
        self.ledger().release(lease.id(), outcome, now);
    }

    fn outlook(&self, ahead: usize) -> NotReady {
        let now = self.now();
        self.ledger().outlook(ahead, now)
    }

    fn tighten(&self, rate: Rate) {
        self.ledger().tighten(rate);
    }

    fn snapshot(&self) -> Snapshot {
        let now = self.now();
        self.ledger().snapshot(now)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_poisoned_lock_is_survived() {
        let store = Memory::new(Rate::per_minute(1), Arc::new(SystemClock));
        let lease = store.lease(Duration::from_secs(1)).unwrap();
        let poisoning = AssertUnwindSafe(|| {
            let _ledger = store.ledger();
            panic!("with the lock in hand");
        });
        assert!(catch_unwind(poisoning).is_err() && store.ledger.is_poisoned());
        assert_eq!(store.snapshot().free, 0);
        store.release(lease, Outcome::NeverSent);
        assert_eq!(store.snapshot().free, 1);
    }
}
