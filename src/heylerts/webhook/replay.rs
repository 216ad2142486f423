//! Deliveries that came before.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::delivery::Delivery;
use super::replay_key::{Key, of_delivery, of_own_id};

/// How many deliveries are remembered where nothing else is said.
const CAPACITY: usize = 10_000;

/// Tells a delivery that comes again from one that comes for the first time.
///
/// **The signature has no timestamp**, so an old delivery, sent again by whoever, verifies for ever. This
/// remembers the last so many that were handled, by the [id](Delivery::id) of the event together with its
/// name, or by the [hash of the body](Delivery::body_hash) where the payload has no such id. The oldest is
/// forgotten first, and all of them when the program ends: what must never happen twice needs a unique key
/// where it is stored. At the default of 10,000 it takes about a megabyte, whatever is in the payloads; what is
/// being handled comes on top, so bound your queue.
///
/// Clones share one memory, and any number of threads may use it.
///
/// # Examples
///
/// ```
/// use heysync::heylerts::webhook::{Claim, ReplayGuard};
/// # use heysync::heylerts::webhook::{Verifier, WebhookError, sign};
/// # let body = br#"{"event_id": "e1"}"#;
/// # let delivery = Verifier::new("s3cret")?.verify(body, Some(sign("s3cret", body)))?;
/// # fn handle<T>(_: T) -> Result<(), WebhookError> { Ok(()) }
///
/// let guard = ReplayGuard::default();
/// let status = match guard.claim(&delivery) {
///     Claim::First(handling) => {
///         handle(&delivery)?; // where this fails, the claim is given up, and the next attempt is a first
///         handling.done();
///         200
///     }
///     Claim::Underway => 503, // not 200: the other one may fail yet
///     Claim::Repeated => 200,
/// };
/// # assert_eq!(status, 200);
/// # assert!(matches!(guard.claim(&delivery), Claim::Repeated));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ReplayGuard {
    memory: Arc<Mutex<Memory>>,
}

/// Whether a delivery came before.
#[derive(Debug)]
#[must_use = "a claim that is dropped is given up"]
pub enum Claim {
    /// It did not: handle it, and then say [`done`](Handling::done).
    First(Handling),
    /// It did, and somebody is handling it now. That may fail yet, so ask for another attempt later.
    Underway,
    /// It did, and was handled.
    Repeated,
}

/// The right to handle a delivery. Where it is dropped before [`done`](Handling::done) (an error, a panic),
/// the delivery is as if it had never come, and the next attempt is a first one again.
#[must_use = "a claim that is dropped is given up"]
pub struct Handling {
    memory: Arc<Mutex<Memory>>,
    key: Key,
}

#[derive(Default)]
struct Memory {
    capacity: usize,
    handled: HashSet<Key>,
    oldest_first: VecDeque<Key>,
    underway: HashSet<Key>,
}

impl ReplayGuard {
    /// A guard that remembers so many deliveries, and at least one.
    #[must_use]
    pub fn new(capacity: usize) -> ReplayGuard {
        let memory = Memory { capacity: capacity.max(1), ..Memory::default() };
        ReplayGuard { memory: Arc::new(Mutex::new(memory)) }
    }

    /// Claims a delivery, by the id of its event or the hash of its body.
    pub fn claim(&self, delivery: &Delivery) -> Claim {
        self.claim_key(of_delivery(delivery))
    }

    /// Claims a delivery by what you know it by, such as the id of the mention in it.
    pub fn claim_id(&self, id: impl AsRef<[u8]>) -> Claim {
        self.claim_key(of_own_id(id.as_ref()))
    }

    fn claim_key(&self, key: Key) -> Claim {
        let mut memory = lock(&self.memory);
        if memory.handled.contains(&key) {
            return Claim::Repeated;
        }
        match memory.underway.insert(key) {
            true => Claim::First(Handling { memory: Arc::clone(&self.memory), key }),
            false => Claim::Underway,
        }
    }
}

impl Default for ReplayGuard {
    /// A guard that remembers 10,000 deliveries.
    fn default() -> ReplayGuard {
        ReplayGuard::new(CAPACITY)
    }
}

impl Handling {
    /// Says that the delivery was handled, so that it is not handled again.
    pub fn done(self) {
        lock(&self.memory).remember(self.key);
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        lock(&self.memory).underway.remove(&self.key);
    }
}

impl Memory {
    fn remember(&mut self, key: Key) {
        if self.handled.len() == self.capacity {
            let oldest = self.oldest_first.pop_front();
            oldest.map(|oldest| self.handled.remove(&oldest));
        }
        self.handled.insert(key);
        self.oldest_first.push_back(key);
    }
}

/// The memory is whole between any two steps, so a thread that died holding it did no harm.
fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for ReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = lock(&self.memory);
        f.debug_struct("ReplayGuard")
            .field("capacity", &memory.capacity)
            .field("handled", &memory.handled.len())
            .field("underway", &memory.underway.len())
            .finish()
    }
}

impl fmt::Debug for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handling").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(guard: &ReplayGuard, id: &str) -> bool {
        match guard.claim_id(id) {
            Claim::First(handling) => {
                handling.done();
                true
            }
            Claim::Underway | Claim::Repeated => false,
        }
    }

    #[test]
    fn what_was_handled_is_not_handled_again() {
        let guard = ReplayGuard::default();
        assert!(handle(&guard, "a"));
        assert!(!handle(&guard, "a"));
        assert!(!handle(&guard.clone(), "a"));
        assert!(handle(&guard, "b"));
    }

    #[test]
    fn what_is_being_handled_is_not_begun_a_second_time() {
        let guard = ReplayGuard::default();
        let first = guard.claim_id("a");
        assert!(matches!(guard.claim_id("a"), Claim::Underway));
        drop(first);
    }

    #[test]
    fn a_handler_that_fails_leaves_the_delivery_to_the_next_attempt() {
        let guard = ReplayGuard::default();
        drop(guard.claim_id("a"));
        assert!(handle(&guard, "a"));
    }

    #[test]
    fn a_handler_that_panics_leaves_the_delivery_to_the_next_attempt() {
        let guard = ReplayGuard::default();
        let panicking = guard.clone();
        let handler = std::thread::spawn(move || {
            let _claim = panicking.claim_id("a");
            panic!("on purpose");
        });
        assert!(handler.join().is_err());
        assert!(handle(&guard, "a"));
    }

    #[test]
    fn the_oldest_is_forgotten_and_memory_stays_bounded() {
        let guard = ReplayGuard::new(3);
        for id in 0..1000 {
            assert!(handle(&guard, &id.to_string()));
        }
        assert!(!handle(&guard, "997"));
        assert!(handle(&guard, "996"));
        let memory = lock(&guard.memory);
        assert_eq!((memory.handled.len(), memory.oldest_first.len()), (3, 3));
        assert_eq!(memory.underway.len(), 0);
    }

    #[test]
    fn a_guard_of_no_capacity_remembers_one() {
        let guard = ReplayGuard::new(0);
        assert!(handle(&guard, "a"));
        assert!(!handle(&guard, "a"));
    }

    #[test]
    fn of_many_threads_with_one_delivery_one_handles_it() {
        let guard = ReplayGuard::default();
        let handled = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| handle(&guard, "a"))).collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().ok())
                .filter(|first| *first)
                .count()
        });
        assert_eq!(handled, 1);
    }
}
