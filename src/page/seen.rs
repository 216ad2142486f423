//! Which items a walk has yielded.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

/// A hash that stands for one item.
pub(crate) type Key = u64;

/// The items yielded so far, at nine bytes each or a little less: sorted, and grown by an eighth.
///
/// Sixty-four bits tell a million items apart with a chance of one in thirty million of an error.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    sorted: Vec<Key>,
}

impl Seen {
    pub(crate) fn contains(&self, key: Key) -> bool {
        self.sorted.binary_search(&key).is_ok()
    }

    /// Merges a page's keys in, from the back, so that each old key moves once at most.
    pub(crate) fn extend(&mut self, mut fresh: Vec<Key>) {
        fresh.sort_unstable();
        self.reserve(fresh.len());
        let mut old = self.sorted.len();
        self.sorted.resize(old + fresh.len(), 0);
        let mut free = self.sorted.len();
        while let Some(&key) = fresh.last() {
            free -= 1;
            if old > 0 && self.sorted[old - 1] > key {
                old -= 1;
                self.sorted[free] = self.sorted[old];
            } else {
                self.sorted[free] = key;
                fresh.pop();
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.sorted.capacity() * size_of::<Key>()
    }

    fn reserve(&mut self, more: usize) {
        if self.sorted.capacity() < self.sorted.len() + more {
            self.sorted.reserve_exact(more + self.sorted.len() / 8);
        }
    }
}

/// What an item is known by: its `id`, or all of it where it has none.
pub(crate) fn key(item: &Value) -> Key {
    // It stays in memory, so it may be the standard library's hash, which may change from build to build.
    let mut hasher = DefaultHasher::new();
    match item.get("id") {
        Some(Value::String(id)) if !id.is_empty() => id.hash(&mut hasher),
        Some(Value::Number(id)) => id.to_string().hash(&mut hasher),
        // Two that are equal in everything come once; nobody could tell them apart.
        _ => item.to_string().hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_put_in_is_found_and_nothing_else() {
        let mut seen = Seen::default();
        let mut random = fastrand::Rng::with_seed(7);
        let mut expected = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let page: Vec<Key> =
                (0..random.usize(0..40)).map(|_| random.u64(0..100_000) * 2).collect();
            expected.extend(&page);
            seen.extend(page);
        }
        assert!(seen.sorted.is_sorted());
        assert!(expected.iter().all(|key| seen.contains(*key)));
        assert!(
            (0..200_000).step_by(2).filter(|key| seen.contains(*key)).count() == expected.len()
        );
        assert!(!seen.contains(1));
    }

    #[test]
    fn an_item_costs_less_than_sixteen_bytes() {
        let mut seen = Seen::default();
        for page in 0..2000_u64 {
            seen.extend((0..100).map(|item| page * 100 + item).collect());
            assert!(seen.bytes() <= 16 * seen.sorted.len());
        }
    }

    #[test]
    fn an_item_is_known_by_its_id_or_by_all_of_it() {
        assert_eq!(key(&json!({"id": "a", "n": 1})), key(&json!({"id": "a", "n": 2})));
        assert_ne!(key(&json!({"id": "a"})), key(&json!({"id": "b"})));
        assert_ne!(key(&json!({"n": 1})), key(&json!({"n": 2})));
        assert_eq!(key(&json!({"id": 7, "n": 1})), key(&json!({"id": 7, "n": 2})));
        for none in [json!(null), json!(""), json!([])] {
            assert_ne!(key(&json!({"id": none, "n": 1})), key(&json!({"id": none, "n": 2})));
        }
    }
}
