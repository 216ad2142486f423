//! The items that were yielded, by a hash each.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A hash that stands for one item.
pub(crate) type Key = u64;

/// Each run is longer than the next by this factor at least.
const FACTOR: usize = 4;

/// A set of keys at eight bytes each: sorted runs, each much longer than the next.
///
/// A new run is merged with those before it that are not much longer, so that a key moves a few times in all, and a
/// search looks through a few runs. Two items of a million share a key with a chance of one in thirty million.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    runs: Vec<Box<[Key]>>,
}

impl Seen {
    pub(crate) fn contains(&self, key: Key) -> bool {
        self.runs.iter().any(|run| run.binary_search(&key).is_ok())
    }

    pub(crate) fn len(&self) -> usize {
        self.runs.iter().map(|run| run.len()).sum()
    }

    pub(crate) fn extend(&mut self, mut run: Vec<Key>) {
        if run.is_empty() {
            return;
        }
        run.sort_unstable();
        let is_short = |last: &mut Box<[Key]>, run: &[Key]| last.len() < FACTOR * run.len();
        while let Some(last) = self.runs.pop_if(|last| is_short(last, &run)) {
            run = merged(&last, &run);
        }
        self.runs.push(run.into_boxed_slice());
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.len() * size_of::<Key>()
    }
}

fn merged(mut one: &[Key], mut other: &[Key]) -> Vec<Key> {
    let mut all = Vec::with_capacity(one.len() + other.len());
    while let (Some(&first), Some(&second)) = (one.first(), other.first()) {
        if first < second {
            all.push(first);
            one = &one[1..];
        } else {
            all.push(second);
            other = &other[1..];
        }
    }
    all.extend_from_slice(one);
    all.extend_from_slice(other);
    all
}

/// The places of those keys that come for the first time.
pub(crate) fn firsts(keys: impl Iterator<Item = Key>) -> Vec<usize> {
    let mut keys: Vec<(Key, usize)> = keys.enumerate().map(|(nth, key)| (key, nth)).collect();
    let count = keys.len();
    // The keys are hashes, so a set of them would hash them once more.
    keys.sort_unstable();
    keys.dedup_by_key(|(key, _)| *key);
    if keys.len() == count {
        return (0..count).collect();
    }
    let mut places: Vec<usize> = keys.into_iter().map(|(_, nth)| nth).collect();
    places.sort_unstable();
    places
}

/// The key of some bytes.
pub(crate) fn key(bytes: &[u8]) -> Key {
    // It stays in memory, so it may be the standard library's hash, which may change from build to build.
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_keys_the_first_is_the_one_that_counts() {
        assert_eq!(firsts([7, 3, 7, 9, 3, 3, 0].into_iter()), [0, 1, 3, 6]);
        assert_eq!(firsts([9, 3, 7].into_iter()), [0, 1, 2]);
        assert_eq!(firsts([].into_iter()), [0; 0]);
    }

    #[test]
    fn keys_that_were_put_in_are_found_and_no_others() {
        let mut seen = Seen::default();
        let mut random = fastrand::Rng::with_seed(7);
        let mut expected = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let page: Vec<Key> =
                (0..random.usize(0..40)).map(|_| random.u64(0..100_000) * 2).collect();
            expected.extend(&page);
            seen.extend(page);
        }
        assert!(seen.runs.iter().all(|run| run.is_sorted()));
        assert!(expected.iter().all(|key| seen.contains(*key)));
        let found = (0..200_000).step_by(2).filter(|key| seen.contains(*key)).count();
        assert_eq!(found, expected.len());
        assert!(!seen.contains(1));
    }

    #[test]
    fn an_item_costs_eight_bytes_and_a_search_few_runs() {
        let mut seen = Seen::default();
        for page in 0..2000_u64 {
            seen.extend((0..100).map(|item| page * 100 + item).collect());
            assert_eq!(seen.bytes() as u64, 8 * 100 * (page + 1));
            assert!(seen.runs.len() <= 7, "{} runs", seen.runs.len());
        }
    }
}
