//! The seam behind which tokens are kept, and the tokens of one process.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;

use super::ledger::{Lease, Ledger};
use super::moment::{Nanos, NotReady, since};
use super::rate::Rate;
use super::status::{AcquireError, Outcome, Snapshot, Unavailable, Wait};

/// Keeps the tokens of one rate.
///
/// A [`TokenBucket`](super::TokenBucket) keeps the queue of threads and asks its store for tokens. A store keeps
/// this contract, with N requests in a period P, P' = P·1.001 + 5 ms, on one clock for all who share the tokens:
///
/// 1. [`lease`](TokenStore::lease) hands out a token or returns when to ask again; it never waits for one. At most N
///    tokens are out at any moment: leased and not released, or held after that. While there is none,
///    [`NotReady::at_least`] is more than zero: a caller past its deadline asks again otherwise.
/// 2. [`release`](TokenStore::release) receives how the request ended. After a response the token is held for P'; after
///    no response, for P' and the grace; if it was never sent, it is free at once. A second release changes nothing.
/// 3. A free token is not withheld, except by a pause or a pace that a refusal brought about, or while it is not known
///    how the server counts (the first request, and the second burst of N).
/// 4. A refusal (429) stops everybody, for `Retry-After` or else for P' (see `pauses`); then one lease is given, and no other
///    until that one is released.
/// 5. [`tighten`](TokenStore::tighten) and the server's headers tighten and never loosen.
///
/// A store whose tokens are shared with other processes keeps these as well:
///
/// 6. Changes by other processes are noticed at [`NotReady::look_again`]: no signal crosses processes. It is `None`
///    only if nothing but a release in this process can help.
/// 7. [`lease`](TokenStore::lease) tries for a moment to reach the tokens, and never beyond `by`. Then it fails, with
///    [`Unavailable::retry_in`] if it is worth trying again: the bucket does that, until the caller's deadline.
/// 8. The token of a process that died is back P' and the grace after that was noticed. One that is stopped keeps its
///    token; [`stands`](TokenStore::stands) returns whether it still does.
/// 9. If the state is lost, all tokens are out, for P' and the grace.
pub(crate) trait TokenStore: fmt::Debug + Send + Sync {
    /// Takes a token. `by` is the earliest deadline of all who wait, on the bucket's clock.
    fn lease(&self, by: Option<Instant>) -> Result<Lease, Denied>;

    /// Returns whether a [`lease`](TokenStore::lease) may take a while, because shared tokens have to be reached.
    fn takes_time(&self) -> bool {
        false
    }

    /// Takes a token if there are plenty, and it is certain that each of the `waiting` callers can take one now as well: they are
    /// not overtaken.
    fn lease_beside(&self, _waiting: usize) -> Option<Lease> {
        None
    }

    /// Returns whether a token that was leased is still ours. It is called just before the request is sent, since the
    /// process may have been stopped in between.
    fn stands(&self, lease: &Lease) -> bool;

    /// Returns a token. A store that cannot be reached now does so later: until then the token is out.
    fn release(&self, lease: &Lease, outcome: Outcome);

    /// Returns when a caller with `ahead` others queued before it can take a token at the soonest, as far as is known.
    fn outlook(&self, ahead: usize) -> NotReady;

    fn tighten(&self, rate: Rate);

    /// Takes all tokens out, for P' and the grace from now: requests were sent that the store knows nothing about. It
    /// tries for a moment to reach them, and never beyond `by`.
    #[cfg_attr(not(any(feature = "share", feature = "redis")), allow(dead_code))]
    fn exhaust(&self, by: Option<Instant>) -> Result<(), Unavailable>;

    fn set_grace(&self, grace: Duration);

    /// Returns the state without [`Snapshot::waiting`], which the bucket knows.
    fn snapshot(&self) -> Snapshot;

    /// Returns whether all tokens are back and nothing is remembered.
    fn is_idle(&self) -> bool;
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// They are out, or a pause or a pace has to be kept.
    NotReady(NotReady),
    /// Shared tokens cannot be reached.
    #[cfg_attr(not(any(feature = "share", feature = "redis")), allow(dead_code))]
    Unavailable(Unavailable),
}

impl From<NotReady> for Denied {
    fn from(not_ready: NotReady) -> Denied {
        Denied::NotReady(not_ready)
    }
}

impl From<Denied> for AcquireError {
    fn from(denied: Denied) -> AcquireError {
        match denied {
            Denied::NotReady(it) => AcquireError::new(Wait::new(it.at_least, it.reason)),
            Denied::Unavailable(why) => why.into(),
        }
    }
}

#[cfg(any(feature = "share", feature = "redis"))]
impl From<Unavailable> for Denied {
    fn from(unavailable: Unavailable) -> Denied {
        Denied::Unavailable(unavailable)
    }
}

#[cfg(test)]
impl Denied {
    pub(crate) fn not_ready(self) -> NotReady {
        match self {
            Denied::NotReady(not_ready) => not_ready,
            Denied::Unavailable(why) => panic!("{why:?}"),
        }
    }
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
    fn lease(&self, _: Option<Instant>) -> Result<Lease, Denied> {
        let now = self.now();
        Ok(self.ledger().lease(now)?)
    }

    fn lease_beside(&self, waiting: usize) -> Option<Lease> {
        let now = self.now();
        self.ledger().lease_beside(waiting, now)
    }

    /// Nobody takes a token of this process from it.
    fn stands(&self, _: &Lease) -> bool {
        true
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

    fn exhaust(&self, _: Option<Instant>) -> Result<(), Unavailable> {
        let now = self.now();
        self.ledger().exhaust(now);
        Ok(())
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
    use crate::limiter::headers::RateLimitHeaders;
    use crate::limiter::tests::clock::Hand;

    #[test]
    fn a_token_is_taken_beside_those_who_wait_if_there_is_one_for_each_of_them_as_well() {
        let store = Memory::new(Ledger::new(Rate::per_minute(24)), Arc::new(SystemClock));
        assert!(store.lease_beside(24).is_none());
        assert!(store.lease_beside(22).is_some());
        assert!(store.lease_beside(23).is_none());
    }

    #[test]
    fn no_token_is_taken_beside_those_who_wait_once_an_eighth_of_them_is_out() {
        let store = Memory::new(Ledger::new(Rate::per_minute(24)), Arc::new(SystemClock));
        let beside_one = [(); 5].map(|()| store.lease_beside(1).is_some());
        assert_eq!(beside_one, [true, true, true, true, false]);
        assert!(store.lease(None).is_ok());
        let rate = Rate::per_second(1000).and(Rate::per_hour(16));
        let store = Memory::new(Ledger::new(rate), Arc::new(SystemClock));
        let beside_one = [(); 4].map(|()| store.lease_beside(1).is_some());
        assert_eq!(beside_one, [true, true, true, false]);
    }

    #[test]
    fn nobody_is_overtaken_while_requests_are_sent_one_by_one() {
        let clock = Arc::new(Hand::new());
        let store = Memory::new(Ledger::new(Rate::per_minute(3)).cautious(), clock.clone());
        let answer = |refused| {
            assert!(store.lease_beside(1).is_none());
            let lease = store.lease(None).unwrap();
            let retry_after = Some(Duration::from_secs(1));
            let headers = RateLimitHeaders {
                refused,
                success: !refused,
                retry_after,
                ..RateLimitHeaders::default()
            };
            store.release(&lease, Outcome::Responded(headers));
        };
        // The first request, one after it, and the one after a pause.
        [false, true].into_iter().for_each(answer);
        clock.advance(Duration::from_secs(1000));
        answer(false);
        // The first one of a second burst.
        for _ in 0..3 {
            clock.advance(Duration::from_secs(100));
            let lease = store.lease(None).unwrap();
            store.release(&lease, Outcome::NoResponse);
        }
        clock.advance(Duration::from_secs(100));
        assert!(store.lease_beside(1).is_none());
        assert!(store.lease_beside(0).is_some());
    }

    #[test]
    fn nobody_is_overtaken_whose_request_is_the_first_of_a_second_burst() {
        let ledger = Ledger::new(Rate::per_second(8)).cautious();
        let store = Memory::new(ledger, Arc::new(Hand::new()));
        let (success, remaining) = (true, Some(7));
        let known = RateLimitHeaders { success, remaining, ..RateLimitHeaders::default() };
        store.release(&store.lease(None).unwrap(), Outcome::Responded(known));
        for _ in 0..5 {
            store.release(&store.lease(None).unwrap(), Outcome::NeverSent);
        }
        // The seventh request leaves one, the eighth none before the second burst.
        store.release(&store.lease_beside(1).unwrap(), Outcome::NeverSent);
        assert!(store.lease_beside(1).is_none());
    }

    #[test]
    fn a_poisoned_lock_is_survived() {
        let store = Memory::new(Ledger::new(Rate::per_minute(1)), Arc::new(SystemClock));
        let lease = store.lease(None).unwrap();
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
