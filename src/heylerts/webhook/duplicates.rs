//! Recognizing a delivery that comes again.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use super::delivery::{Delivery, EventName};

/// The default capacity of a [`DuplicateGuard`], in deliveries.
const CAPACITY: usize = 10_000;

/// A hash, so that long ids take no more memory than short ones.
type Key = [u8; 32];

/// Distinguishes a duplicate delivery from a new one.
///
/// **The signature has no timestamp**, so an old delivery verifies for ever, whoever sends it again. A guard
/// remembers the last deliveries that were handled: by the [id](Delivery::id) of the event together with its
/// name, or by a hash of the body if the payload has no such id. The hash is the one that the
/// [`Verifier`](super::Verifier) computed, with its first secret. The oldest delivery is forgotten first, and all
/// of them when the program ends: whatever must never happen twice needs a unique key in your database. With the
/// default capacity of 10,000 deliveries it takes about a megabyte, whatever the size of the payloads.
/// Deliveries in progress come on top, so bound your queue.
///
/// Clones share one memory, and any number of threads may use it.
///
/// # Examples
///
/// ```
/// use heysync::heylerts::webhook::{Claim, DuplicateGuard};
/// # use heysync::heylerts::webhook::{Verifier, WebhookError, sign};
/// # let body = br#"{"event_id": "e1"}"#;
/// # let delivery = Verifier::new("s3cret")?.verify(body, Some(sign("s3cret", body)))?;
/// # fn handle<T>(_: T) -> Result<(), WebhookError> { Ok(()) }
///
/// let guard = DuplicateGuard::default();
/// let status = match guard.claim(&delivery) {
///     Claim::New(handling) => {
///         handle(&delivery)?; // if this fails, the claim is released, and the next attempt is new again
///         handling.done();
///         200
///     }
///     Claim::InProgress => 503, // not 200: the other attempt may still fail
///     Claim::Duplicate => 200,
/// };
/// # assert_eq!(status, 200);
/// # assert!(matches!(guard.claim(&delivery), Claim::Duplicate));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct DuplicateGuard {
    memory: Arc<Mutex<Memory>>,
}

/// Whether a delivery came before, as [`DuplicateGuard::claim`] returns it.
#[derive(Debug)]
#[must_use = "a dropped claim is released"]
pub enum Claim {
    /// The delivery is new: handle it, then call [`done`](Handling::done).
    New(Handling),
    /// The delivery came before, and is being handled now. That may still fail, so ask the sender for another attempt later.
    InProgress,
    /// The delivery came before, and was handled.
    Duplicate,
}

/// The right to handle a delivery.
///
/// If it is dropped before [`done`](Handling::done) (an error, a panic), the claim is released, and the next
/// attempt is [`New`](Claim::New) again.
#[must_use = "a dropped claim is released"]
pub struct Handling {
    memory: Arc<Mutex<Memory>>,
    key: Key,
}

#[derive(Default)]
struct Memory {
    capacity: usize,
    handled: HashSet<Key>,
    oldest_first: VecDeque<Key>,
    in_progress: HashSet<Key>,
}

impl DuplicateGuard {
    /// Creates a guard that remembers this many deliveries, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> DuplicateGuard {
        let memory = Memory { capacity: capacity.max(1), ..Memory::default() };
        DuplicateGuard { memory: Arc::new(Mutex::new(memory)) }
    }

    /// Claims a delivery, by the id of its event or the hash of its body.
    pub fn claim(&self, delivery: &Delivery) -> Claim {
        self.claim_key(key_of(delivery))
    }

    /// Claims a delivery by an id of your choice, such as the id of the mention in it.
    pub fn claim_id(&self, id: impl AsRef<[u8]>) -> Claim {
        self.claim_key(key_of_own_id(id.as_ref()))
    }

    fn claim_key(&self, key: Key) -> Claim {
        let mut memory = lock(&self.memory);
        if memory.handled.contains(&key) {
            return Claim::Duplicate;
        }
        match memory.in_progress.insert(key) {
            true => Claim::New(Handling { memory: Arc::clone(&self.memory), key }),
            false => Claim::InProgress,
        }
    }
}

impl Default for DuplicateGuard {
    /// Creates a guard that remembers 10,000 deliveries.
    fn default() -> DuplicateGuard {
        DuplicateGuard::new(CAPACITY)
    }
}

impl Handling {
    /// Records that the delivery was handled: from now on it is a [`Duplicate`](Claim::Duplicate).
    pub fn done(self) {
        lock(&self.memory).remember(self.key);
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        lock(&self.memory).in_progress.remove(&self.key);
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

/// The id of the event with its name, since events of two kinds may share an id; else the hash of the body.
/// Each kind of key hashes a prefix of its own, so that none equals another's.
fn key_of(delivery: &Delivery) -> Key {
    let event = delivery.event().map(EventName::as_str);
    match delivery.id() {
        Some(id) => Sha256::digest(format!("event {event:?} {id}")).into(),
        None => Sha256::digest([&b"body "[..], &delivery.fingerprint()].concat()).into(),
    }
}

fn key_of_own_id(id: &[u8]) -> Key {
    Sha256::digest([b"own ", id].concat()).into()
}

/// The memory is consistent between any two steps, so a thread that panicked with the lock did no harm.
fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for DuplicateGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = lock(&self.memory);
        f.debug_struct("DuplicateGuard")
            .field("capacity", &memory.capacity)
            .field("handled", &memory.handled.len())
            .field("in_progress", &memory.in_progress.len())
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
    use crate::heylerts::webhook::signature::Secret;

    fn handle(guard: &DuplicateGuard, id: &str) -> bool {
        match guard.claim_id(id) {
            Claim::New(handling) => {
                handling.done();
                true
            }
            Claim::InProgress | Claim::Duplicate => false,
        }
    }

    fn key(body: &str) -> Key {
        let tag = Secret::new(b"secret").expect("a secret").tag(body.as_bytes());
        key_of(&Delivery::read(body.as_bytes(), 0, &tag).expect("JSON"))
    }

    #[test]
    fn a_handled_delivery_is_not_handled_again() {
        let guard = DuplicateGuard::default();
        assert!(handle(&guard, "a"));
        assert!(!handle(&guard, "a"));
        assert!(!handle(&guard.clone(), "a"));
        assert!(handle(&guard, "b"));
    }

    #[test]
    fn a_delivery_in_progress_is_not_begun_a_second_time() {
        let guard = DuplicateGuard::default();
        let first = guard.claim_id("a");
        assert!(matches!(guard.claim_id("a"), Claim::InProgress));
        drop(first);
    }

    #[test]
    fn a_handler_that_fails_leaves_the_delivery_to_the_next_attempt() {
        let guard = DuplicateGuard::default();
        drop(guard.claim_id("a"));
        assert!(handle(&guard, "a"));
    }

    #[test]
    fn a_handler_that_panics_leaves_the_delivery_to_the_next_attempt() {
        let guard = DuplicateGuard::default();
        let panicking = guard.clone();
        let handler = std::thread::spawn(move || {
            let _claim = panicking.claim_id("a");
            panic!("on purpose");
        });
        assert!(handler.join().is_err());
        assert!(handle(&guard, "a"));
    }

    #[test]
    fn the_oldest_delivery_is_forgotten_and_memory_stays_bounded() {
        let guard = DuplicateGuard::new(3);
        for id in 0..1000 {
            assert!(handle(&guard, &id.to_string()));
        }
        assert!(!handle(&guard, "997"));
        assert!(handle(&guard, "996"));
        let memory = lock(&guard.memory);
        assert_eq!((memory.handled.len(), memory.oldest_first.len()), (3, 3));
        assert_eq!(memory.in_progress.len(), 0);
    }

    #[test]
    fn a_guard_of_no_capacity_remembers_one() {
        let guard = DuplicateGuard::new(0);
        assert!(handle(&guard, "a"));
        assert!(!handle(&guard, "a"));
    }

    #[test]
    fn of_many_threads_with_one_delivery_one_handles_it() {
        let guard = DuplicateGuard::default();
        let handled = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| handle(&guard, "a"))).collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().ok())
                .filter(|is_new| *is_new)
                .count()
        });
        assert_eq!(handled, 1);
    }

    #[test]
    fn an_event_with_an_id_is_recognized_even_if_the_body_differs() {
        let first = key(r#"{"event_id":"e","sent_at":1}"#);
        assert_eq!(first, key(r#"{"event_id":"e","sent_at":2}"#));
        assert_ne!(first, key(r#"{"event_id":"f"}"#));
        assert_ne!(
            key(r#"{"event_id":"e","type":"mention.created"}"#),
            key(r#"{"event_id":"e","type":"spike.detected"}"#)
        );
    }

    #[test]
    fn an_event_without_an_id_is_recognized_by_its_body() {
        assert_eq!(key(r#"{"a":1}"#), key(r#"{"a":1}"#));
        assert_ne!(key(r#"{"a":1}"#), key(r#"{"a":2}"#));
        assert_ne!(key(r#"{"id":"alert","at":1}"#), key(r#"{"id":"alert","at":2}"#));
    }

    #[test]
    fn ids_bodies_and_own_ids_are_not_taken_for_each_other() {
        let keys = HashSet::from([
            key("1\n "),
            key(r#"{"event":"1","event_id":" "}"#),
            key(r#"{"event":"a\nb","event_id":"c"}"#),
            key(r#"{"event":"a","event_id":"b\nc"}"#),
            key_of_own_id(b"1\n "),
        ]);
        assert_eq!(keys.len(), 5);
    }
}
