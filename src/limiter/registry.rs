//! One key, one bucket: whoever uses a key in this process finds the others' tokens.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use crate::clock::SystemClock;

use super::bucket::{Shared, TokenBucket};
use super::rate::Rate;

static BUCKETS: LazyLock<Registry> = LazyLock::new(Registry::default);

/// The living buckets. A key is known by its hash alone, which means nothing in another process.
#[derive(Default)]
struct Registry {
    hasher: RandomState,
    entries: Mutex<Vec<Entry>>,
}

struct Entry {
    hash: u64,
    bucket: Weak<Shared>,
}

impl TokenBucket {
    /// The bucket of everybody in this process who uses `key` at the service's `address`, on the system's
    /// clock.
    ///
    /// The first one makes it, and chooses its shape; the last one's drop ends it. Where they ask for
    /// different rates, the lower one holds for all: the service has one limit for the key, whoever asks.
    pub(crate) fn for_key(address: &str, key: &str, rate: Rate) -> TokenBucket {
        let address = address.trim_end_matches('/');
        let hash = BUCKETS.hasher.hash_one((address, key));
        let make = || TokenBucket::new(rate, SystemClock);
        let bucket = BUCKETS.find_or_make(hash, make);
        bucket.tighten(rate);
        bucket
    }
}

impl Registry {
    fn find_or_make(&self, hash: u64, make: impl FnOnce() -> TokenBucket) -> TokenBucket {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.bucket.strong_count() > 0);
        let mut same = entries.iter().filter(|entry| entry.hash == hash);
        if let Some(shared) = same.find_map(|entry| entry.bucket.upgrade()) {
            return TokenBucket::from_shared(shared);
        }
        let bucket = make();
        entries.push(Entry { hash, bucket: Arc::downgrade(bucket.shared()) });
        bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(address: &str, key: &str, rate: Rate) -> TokenBucket {
        TokenBucket::for_key(address, key, rate)
    }

    #[test]
    fn clients_built_apart_with_one_key_share_a_bucket() {
        let one = bucket("shares", "key", Rate::per_minute(5));
        let other = bucket("shares", "key", Rate::per_minute(5));
        let permit = one.try_acquire();
        assert_eq!(other.snapshot().in_flight, 1);
        drop(permit);
    }

    #[test]
    fn another_key_and_another_address_have_their_own() {
        let buckets = [("apart", "a"), ("apart", "b"), ("apart2", "a"), ("apar", "ta")];
        let buckets = buckets.map(|(address, key)| bucket(address, key, Rate::per_minute(5)));
        let permit = buckets[0].try_acquire();
        assert!(buckets[1..].iter().all(|it| it.snapshot().in_flight == 0));
        drop(permit);
    }

    #[test]
    fn the_lower_rate_holds_for_all() {
        let one = bucket("lower", "key", Rate::per_second(5));
        let other = bucket("lower", "key", Rate::per_second(2));
        assert_eq!(one.snapshot().rate, Rate::per_second(2));
        drop(one);
        bucket("lower", "key", Rate::per_second(9));
        assert_eq!(other.snapshot().rate, Rate::per_second(2));
    }

    #[test]
    fn it_is_gone_when_the_last_one_is_dropped() {
        let permit = bucket("gone", "key", Rate::per_minute(5)).try_acquire();
        assert_eq!(bucket("gone", "key", Rate::per_minute(5)).snapshot().in_flight, 1);
        drop(permit);
        let fresh = bucket("gone", "key", Rate::per_minute(50));
        assert_eq!(fresh.snapshot().free, 50);
    }

    #[test]
    fn the_key_is_not_kept() {
        let bucket = bucket("secret", "hlt_secret_key", Rate::per_minute(5));
        assert!(!format!("{bucket:?}").contains("hlt_secret"));
    }
}
