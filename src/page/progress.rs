//! Detects a server that sends the same numbered pages again and again.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::seen::Key;

/// This many responses in a row without new items are accepted, and two more for each page that had new ones: a list can
/// be pushed down by everything that was read of it.
const FRUITLESS: u32 = 100;
/// How many pages are remembered.
const REMEMBERED: usize = 1000;

/// A page to request: its number, and how many items pages have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageRequest {
    pub(crate) number: u64,
    pub(crate) per_page: u32,
}

/// The content of a page, as a hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    request: PageRequest,
    is_empty: bool,
    /// A hash of its items in their order.
    content: u64,
}

impl Reading {
    pub(crate) fn new(request: PageRequest, keys: &[Key]) -> Reading {
        let mut hasher = DefaultHasher::new();
        keys.hash(&mut hasher);
        Reading { request, is_empty: keys.is_empty(), content: hasher.finish() }
    }

    pub(crate) fn has_content_of(&self, keys: &[Key]) -> bool {
        self.content == Reading::new(self.request, keys).content
    }
}

/// Watches the pages of an iteration.
///
/// If a page holds the items of an earlier one, either the list was pushed down by whole pages, or the server repeats
/// itself. Reading the earlier page again decides: if it still holds the same items, the server repeats itself.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The latest pages that had something new.
    fruitful: VecDeque<Reading>,
    /// How many such pages there were in all.
    pages: u32,
    /// Repetition was suspected and ruled out, and nothing new has come since.
    is_cleared: bool,
    fruitless: u32,
}

impl Progress {
    pub(crate) fn something_new(&mut self, reading: Reading) {
        if self.fruitful.len() == REMEMBERED {
            self.fruitful.pop_front();
        }
        self.fruitful.push_back(reading);
        self.pages = self.pages.saturating_add(1);
        self.is_cleared = false;
        self.fruitless = 0;
    }

    /// Begins another reading of the list, which holds few new items if any.
    pub(crate) fn begin_pass(&mut self) {
        (self.fruitless, self.is_cleared) = (0, false);
    }

    /// Counts a response without new items. They are part of following a list that changes, but not forever.
    pub(crate) fn nothing_new(&mut self) -> Result<(), String> {
        let most = self.pages.saturating_mul(2).saturating_add(FRUITLESS);
        if self.fruitless >= most {
            return Err(format!("{most} responses in a row held no new item"));
        }
        self.fruitless += 1;
        Ok(())
    }

    /// An earlier page with the same content, if it must be read again.
    pub(crate) fn seems_to_repeat(&mut self, reading: &Reading) -> Option<PageRequest> {
        if self.is_cleared || reading.is_empty {
            return None;
        }
        let is_alike = |other: &&Reading| other.content == reading.content;
        let request = self.fruitful.iter().rev().find(is_alike)?.request;
        self.is_cleared = request != reading.request;
        self.is_cleared.then_some(request)
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.fruitful.capacity() * size_of::<Reading>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(number: u64, keys: &[Key]) -> Reading {
        let per_page = 2;
        Reading::new(PageRequest { number, per_page }, keys)
    }

    #[test]
    fn a_page_that_was_cleared_is_suspected_again_once_something_new_has_come() {
        let mut progress = Progress::default();
        progress.something_new(reading(1, &[7, 8]));
        assert_eq!(progress.seems_to_repeat(&reading(1, &[7, 8])), None);
        let again = reading(2, &[7, 8]);
        let first = progress.seems_to_repeat(&again);
        assert_eq!(first.map(|request| request.number), Some(1));
        assert_eq!(progress.seems_to_repeat(&again), None);
        progress.something_new(reading(3, &[9]));
        assert_eq!(progress.seems_to_repeat(&again), first);
        assert_eq!(progress.seems_to_repeat(&reading(4, &[])), None);
    }

    #[test]
    fn twice_as_many_fruitless_responses_are_accepted_as_there_were_fruitful_ones_and_some() {
        let mut progress = Progress::default();
        (0..50).for_each(|number| progress.something_new(reading(number, &[number])));
        assert_eq!((0..1000).take_while(|_| progress.nothing_new().is_ok()).count(), 200);
    }
}
