//! What holds the tokens: the seam behind which a file or a server could hold them for many processes.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;

use super::ledger::Ledger;
use super::moment::{Nanos, nanos, since};
use super::rate::Rate;
use super::status::{NotReady, Outcome, Snapshot};

/// Holds the tokens of one rate limit.
///
/// A [`TokenBucket`](super::TokenBucket) keeps the queue of threads and asks its store for tokens.
/// [`Memory`](super::Memory) holds them in this process. Another implementation could hold them in a file or a
/// server for many processes. Whatever holds them has to keep this contract, with N requests in a period P,
/// P' = P·1.001 + 5 ms, and its own clock, which is one clock for all who share the tokens:
///
/// 1. **Lease before sending.** [`lease`](TokenStore::lease) hands out a token or says when to ask again; it
///    never waits for one. At most N tokens are out at any moment: leased and not released, or held after that.
/// 2. **Release after the answer.** [`release`](TokenStore::release) tells how the request ended. Answered: the
///    token is held for P' from now on. Never sent: it is free at once. No answer: it is held for P' and a
///    grace of two seconds.
/// 3. **Expiry when the holder dies.** A lease that is not released within its term counts as one without an
///    answer from the term's end on. A release that comes later than that changes no token.
/// 4. A token that is free is not withheld, except by a pause or a pace that a refusal brought about.
/// 5. **A refusal (429) stops everybody**, for `Retry-After` or else for P'; then one lease goes ahead, and no
///    other is given until it is released.
/// 6. What servers remark and [`tighten`](TokenStore::tighten) says **tightens and never loosens**: a lower
///    limit is adopted, and what others spent of it is held for P'.
/// 7. A lease is released at most once, and any thread may release it. A method that fails inside, for want of a
///    network perhaps, errs on the side of giving no token.
///
/// The crate's own tests of this contract are written against the trait (`tests/limiter/contract.rs`), to be
/// run against any implementation.
pub trait TokenStore: fmt::Debug + Send + Sync {
    /// Takes a token, for a holder that will release it within `term` if it lives.
    ///
    /// # Errors
    ///
    /// No token can be had now. [`NotReady`] says why, and when to ask again.
    fn lease(&self, term: Duration) -> Result<Lease, NotReady>;

    /// Gives a token back, and tells how its request ended.
    fn release(&self, lease: Lease, outcome: Outcome);

    /// When a caller would get a token before whom `ahead` others take theirs.
    fn outlook(&self, ahead: usize) -> NotReady;

    /// Adopts `rate` as well, where it is lower than what is in force.
    fn tighten(&self, rate: Rate);

    /// What is known now. [`Snapshot::waiting`] is for the bucket to fill in.
    fn snapshot(&self) -> Snapshot;
}

/// A token that was taken, by the number its store gave it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    id: u64,
}

impl Lease {
    /// The lease that a store knows by `id`: no other living lease of the store has the same.
    pub const fn new(id: u64) -> Lease {
        Lease { id }
    }

    /// The number its store gave it.
    pub const fn id(&self) -> u64 {
        self.id
    }
}

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
