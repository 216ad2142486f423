//! One bucket for each key: everybody who uses a key in this process shares its tokens.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::clock::{Clock, SystemClock};

#[cfg(any(feature = "share", feature = "redis"))]
use crate::error::Result;

use super::bucket::TokenBucket;
use super::rate::Rate;
#[cfg(any(feature = "share", feature = "redis"))]
use super::share::{Share, ShareId};

static BUCKETS: LazyLock<Registry> = LazyLock::new(|| Registry::new(Arc::new(SystemClock)));

/// Fewer buckets than this are not worth a search for abandoned ones.
const FEW: usize = 64;

/// The living buckets.
///
/// A bucket lives until its last token is back, so that clients which are opened one after the other share a limit.
/// A key is known only by its hash, which means nothing in another process.
struct Registry {
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    buckets: Mutex<Buckets>,
}

#[derive(Default)]
struct Buckets {
    by_hash: HashMap<u64, TokenBucket>,
    /// How many there may be before the next search for abandoned ones.
    most: usize,
}

impl TokenBucket {
    /// Returns the bucket of everybody in this process who uses `key` at the service's `address`, on the system's
    /// clock.
    ///
    /// The first caller chooses its shape. If callers ask for different rates, all of them hold: the service has one
    /// limit for the key, whoever asks.
    pub(crate) fn for_key(address: &str, key: &str, rate: Rate) -> TokenBucket {
        BUCKETS.bucket(address, key, rate)
    }

    /// Returns the bucket of a key that replaces the one of `old`: the same bucket, or that of those who use the new
    /// key already, without the tokens that are spent in `old`.
    pub(crate) fn for_next_key(
        address: &str,
        key: &str,
        rate: Rate,
        old: &TokenBucket,
    ) -> TokenBucket {
        BUCKETS.next_bucket(address, key, rate, old)
    }
}

#[cfg(any(feature = "share", feature = "redis"))]
impl TokenBucket {
    /// Returns the bucket of everybody in this process who shares the tokens that `id` names.
    pub(crate) fn for_share(share: &Share, id: &ShareId, rate: Rate) -> Result<TokenBucket> {
        let clock = &BUCKETS.clock;
        let make = || Ok(TokenBucket::with_store(share.open(id, rate, clock)?, Arc::clone(clock)));
        BUCKETS.find(&(share.key(), id.to_string()), rate, make)
    }
}

impl Registry {
    fn new(clock: Arc<dyn Clock>) -> Registry {
        Registry { clock, hasher: RandomState::new(), buckets: Mutex::default() }
    }

    fn bucket(&self, address: &str, key: &str, rate: Rate) -> TokenBucket {
        let make = || Ok::<_, Infallible>(TokenBucket::cautious(rate, Arc::clone(&self.clock)));
        let Ok(bucket) = self.find(&(address.trim_end_matches('/'), key), rate, make);
        bucket
    }

    fn next_bucket(&self, address: &str, key: &str, rate: Rate, old: &TokenBucket) -> TokenBucket {
        let make = || Ok::<_, Infallible>(old.clone());
        let Ok(bucket) = self.find(&(address.trim_end_matches('/'), key), rate, make);
        if !bucket.is_same(old) {
            bucket.spend_as(old);
        }
        bucket
    }

    fn find<E>(
        &self,
        key: &impl Hash,
        rate: Rate,
        make: impl FnOnce() -> Result<TokenBucket, E>,
    ) -> Result<TokenBucket, E> {
        let hash = self.hasher.hash_one(key);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.sweep();
        let bucket = match buckets.by_hash.entry(hash) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => entry.insert(make()?).clone(),
        };
        drop(buckets);
        bucket.tighten(rate);
        Ok(bucket)
    }
}

impl Buckets {
    /// Drops the abandoned buckets if there are twice as many as were left the last time.
    fn sweep(&mut self) {
        if self.by_hash.len() >= self.most.max(FEW) {
            // A key that replaced another one has the same bucket.
            let mut entries: HashMap<usize, usize> = HashMap::new();
            for bucket in self.by_hash.values() {
                *entries.entry(bucket.address()).or_default() += 1;
            }
            self.by_hash.retain(|_, bucket| !bucket.is_abandoned(entries[&bucket.address()]));
            self.most = 2 * self.by_hash.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use http::{HeaderMap, StatusCode};

    use super::*;

    const RATE: Rate = Rate::per_minute(5);

    #[derive(Debug)]
    struct Manual(Mutex<Instant>);

    impl Clock for Manual {
        fn now(&self) -> Instant {
            *self.0.lock().unwrap()
        }

        fn sleep(&self, duration: Duration) {
            *self.0.lock().unwrap() += duration;
        }
    }

    fn registry() -> Registry {
        Registry::new(Arc::new(Manual(Mutex::new(Instant::now()))))
    }

    fn send(bucket: &TokenBucket) -> bool {
        let permit = bucket.try_acquire();
        permit.map(|mut permit| permit.responded(StatusCode::OK, &HeaderMap::new())).is_ok()
    }

    #[test]
    fn clients_built_apart_with_one_key_share_a_bucket() {
        let registry = registry();
        let [one, other] = [(); 2].map(|()| registry.bucket("shares", "key", RATE));
        let permit = one.try_acquire();
        assert_eq!(other.snapshot().in_flight, 1);
        drop(permit);
    }

    #[test]
    fn another_key_and_another_address_have_their_own() {
        let registry = registry();
        let buckets = [("apart", "a"), ("apart", "b"), ("apart2", "a"), ("apar", "ta")];
        let buckets = buckets.map(|(address, key)| registry.bucket(address, key, RATE));
        let permit = buckets[0].try_acquire();
        assert!(buckets[1..].iter().all(|it| it.snapshot().in_flight == 0));
        drop(permit);
    }

    #[test]
    fn the_rates_of_all_callers_hold() {
        let registry = registry();
        let one = registry.bucket("lower", "key", Rate::per_second(5));
        for (asked, kept) in [
            (Rate::per_second(2), Rate::per_second(2)),
            (Rate::per_second(9), Rate::per_second(2)),
            (Rate::per_hour(100), Rate::per_second(2).and(Rate::per_hour(100))),
        ] {
            registry.bucket("lower", "key", asked);
            assert_eq!(one.snapshot().rate, kept);
        }
    }

    #[test]
    fn clients_that_are_opened_one_after_the_other_send_no_more_than_the_limit() {
        let registry = registry();
        let sent = (0..20).filter(|_| send(&registry.bucket("one", "key", RATE)));
        assert_eq!(sent.count(), 5);
    }

    #[test]
    fn many_keys_take_memory_only_until_their_tokens_are_back() {
        let registry = registry();
        for number in 0..20_000 {
            registry.clock.sleep(Duration::from_secs(1));
            assert!(send(&registry.bucket("many", &number.to_string(), RATE)));
            assert!(registry.buckets.lock().unwrap().by_hash.len() <= 2 * FEW);
        }
    }

    /// Uses so many keys for the first time that abandoned buckets are searched for.
    fn use_other_keys(registry: &Registry) {
        for number in 0..4 * FEW {
            registry.bucket("others", &number.to_string(), RATE);
        }
    }

    #[test]
    fn a_key_whose_tokens_are_out_is_remembered_although_nobody_uses_it() {
        let registry = registry();
        assert!((0..5).all(|_| send(&registry.bucket("spent", "key", RATE))));
        use_other_keys(&registry);
        assert!(!send(&registry.bucket("spent", "key", RATE)));
    }

    #[test]
    fn a_key_that_somebody_uses_keeps_its_bucket_although_all_tokens_are_back() {
        let registry = registry();
        let rested = registry.bucket("rested", "key", RATE);
        use_other_keys(&registry);
        assert!(registry.bucket("rested", "key", RATE).is_same(&rested));
    }

    #[test]
    fn a_key_that_replaces_another_has_its_bucket_or_no_more_tokens_than_are_left_there() {
        let registry = registry();
        let old = registry.bucket("next", "old", RATE);
        assert!(send(&old) && send(&old));
        assert!(registry.bucket("next/", "old", RATE).is_same(&old));
        assert!(registry.next_bucket("next/", "new", RATE, &old).is_same(&old));
        assert!(registry.bucket("next", "new", RATE).is_same(&old));
        let used = registry.bucket("next", "used", RATE);
        assert!(registry.next_bucket("next", "used", RATE, &old).is_same(&used));
        assert_eq!((old.snapshot().free, used.snapshot().free), (3, 3));
    }

    #[test]
    fn keys_that_replace_each_other_take_memory_only_until_their_tokens_are_back() {
        let registry = registry();
        for number in 0..1000 {
            registry.clock.sleep(Duration::from_secs(1));
            let old = registry.bucket("old", &number.to_string(), RATE);
            assert!(send(&registry.next_bucket("new", &number.to_string(), RATE, &old)));
            assert!(registry.buckets.lock().unwrap().by_hash.len() <= 4 * FEW);
        }
    }

    #[test]
    fn the_key_is_not_kept() {
        let bucket = registry().bucket("secret", "hlt_secret_key", RATE);
        assert!(!format!("{bucket:?}").contains("hlt_secret"));
    }
}
