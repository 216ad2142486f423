//! The seam behind which tokens are kept, and the tokens of one process.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;

use super::ledger::Lease;
use super::ledger::Ledger;
use super::moment::NotReady;
use super::moment::{Nanos, since};
use super::rate::Rate;
use super::status::{Outcome, Snapshot};

/// Keeps the tokens of one rate.
///
/// A [`TokenBucket`](super::TokenBucket) keeps the queue of threads and asks its store for tokens. A store keeps
/// this contract, with N requests in a period P, P' = P·1.001 + 5 ms, on one clock for all who share the tokens:
///
/// 1. [`lease`](TokenStore::lease) hands out a token or returns when to ask again; it never waits for one. At most N
///    tokens are out at any moment: leased and not released, or held after that.
/// 2. [`release`](TokenStore::release) receives how the request ended. After a response the token is held for P'; after
///    no response, for P' and the grace; if it was never sent, it is free at once. A second release changes nothing.
/// 3. A free token is not withheld, except by a pause or a pace that a refusal brought about.
/// 4. A refusal (429) stops everybody, for `Retry-After` or else for P'; then one lease is given, and no other until
///    that one is released.
/// 5. [`tighten`](TokenStore::tighten) and the server's headers tighten and never loosen.
pub(crate) trait TokenStore: fmt::Debug + Send + Sync {
    fn lease(&self) -> Result<Lease, NotReady>;

    fn release(&self, lease: &Lease, outcome: Outcome);

    /// Returns when a caller with `ahead` others queued before it can take a token.
    fn outlook(&self, ahead: usize) -> NotReady;

    fn tighten(&self, rate: Rate);

    fn set_grace(&self, grace: Duration);

    /// Returns the state without [`Snapshot::waiting`], which the bucket knows.
    fn snapshot(&self) -> Snapshot;

    /// Returns whether all tokens are back and nothing is remembered.
    fn is_idle(&self) -> bool;
}

/// Tokens in the memory of this process.
#[derive(Debug)]
pub(crate) struct Memory {
    clock: Arc<dyn Clock>,
    origin: Instant,
    ledger: Mutex<Ledger>,
}

impl Memory {
    pub(crate) fn new(ledger: Ledger, clock: Arc<dyn Clock>) -> Memory {
        Memory { origin: clock.now(), clock, ledger: Mutex::new(ledger) }
    }

    /// Reads the clock before the lock is taken: a token that is back then is back for good.
    fn now(&self) -> Nanos {
        since(self.origin, self.clock.now())
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // A ledger is in order between its steps, whatever became of a thread that held it.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for Memory {
    fn lease(&self) -> Result<Lease, NotReady> {
        let now = self.now();
        self.ledger().lease(now)
    }

    fn release(&self, lease: &Lease, outcome: Outcome) {
        let now = self.now();
        self.ledger().release(lease, outcome, now);
    }

    fn outlook(&self, ahead: usize) -> NotReady {
        let now = self.now();
        self.ledger().outlook(ahead, now)
    }

    fn tighten(&self, rate: Rate) {
        self.ledger().tighten(rate);
    }

    fn set_grace(&self, grace: Duration) {
        self.ledger().set_grace(grace);
    }

    fn snapshot(&self) -> Snapshot {
        let now = self.now();
        self.ledger().snapshot(now)
    }

    fn is_idle(&self) -> bool {
        let now = self.now();
        self.ledger().is_idle(now)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_poisoned_lock_is_survived() {
        let store = Memory::new(Ledger::new(Rate::per_minute(1)), Arc::new(SystemClock));
        let lease = store.lease().unwrap();
        let poisoning = AssertUnwindSafe(|| {
            let _ledger = store.ledger();
            panic!("with the lock held");
        });
        assert!(catch_unwind(poisoning).is_err() && store.ledger.is_poisoned());
        assert_eq!(store.snapshot().free, 0);
        store.release(&lease, Outcome::NeverSent);
        assert_eq!(store.snapshot().free, 1);
    }
}
