//! Whether a walk over numbered pages comes to anything, or the server repeats itself.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::seen::Key;

/// So many answers in a row without anything new, and the walk gives up.
///
/// At a hundred requests a minute that is ten minutes of a list that grows faster than it can be read.
const FRUITLESS: u32 = 1000;

/// What a page held, by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    number: u64,
    is_empty: bool,
    /// A hash of its items in their order.
    content: u64,
}

impl Reading {
    pub(crate) fn new(number: u64, keys: &[Key]) -> Reading {
        let mut hasher = DefaultHasher::new();
        keys.hash(&mut hasher);
        Reading {
            number,
            is_empty: keys.is_empty(),
            content: hasher.finish(),
        }
    }

    pub(crate) fn has_content_of(&self, keys: &[Key]) -> bool {
        self.content == Reading::new(self.number, keys).content
    }
}

/// Watches the pages of a walk.
///
/// A page that holds what an earlier one held means one of two things: the list was pushed down by whole
/// pages, or the server repeats itself. Reading that earlier page once more tells which: if it still
/// holds the same, two pages do.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The number of the page that held this content.
    numbers: HashMap<u64, u64>,
    /// Repetition was suspected and ruled out, and nothing new has come since.
    is_cleared: bool,
    fruitless: u32,
}

impl Progress {
    pub(crate) fn something_new(&mut self, reading: Reading) {
        self.numbers.insert(reading.content, reading.number);
        self.is_cleared = false;
        self.fruitless = 0;
    }

    /// An answer without anything new is part of following a list that changes, but not for ever.
    pub(crate) fn nothing_new(&mut self) -> Result<(), String> {
        self.fruitless += 1;
        if self.fruitless <= FRUITLESS {
            return Ok(());
        }
        Err(format!("{FRUITLESS} answers in a row held nothing new"))
    }

    /// The number of an earlier page with the same content, if that has to be looked into.
    pub(crate) fn seems_to_repeat(&mut self, reading: &Reading) -> Option<u64> {
        if self.is_cleared || reading.is_empty {
            return None;
        }
        let number = *self.numbers.get(&reading.content)?;
        self.is_cleared = number != reading.number;
        self.is_cleared.then_some(number)
    }
}
