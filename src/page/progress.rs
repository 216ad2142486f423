//! Whether a walk over numbered pages comes to anything, or the server repeats itself.

use super::seen::Key;

/// So many answers in a row without anything new, and the walk gives up.
const FRUITLESS: u32 = 100;

/// What a page held, by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) number: u64,
    pub(crate) keys: Vec<Key>,
}

/// What to do with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    GoOn,
    /// Read the page before this one again.
    ReadBefore,
}

/// Watches the pages of a walk.
///
/// A page that follows the one before it and yet holds nothing new means one of two things: the list was
/// pushed down by a whole page, or the server repeats itself. Reading the page before it once more tells
/// which: if that is still what it was, the list did not move.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    before: Option<Reading>,
    doubt: Doubt,
    fruitless: u32,
}

#[derive(Debug, Default)]
enum Doubt {
    #[default]
    No,
    /// The page before is being read again; this is what it held.
    Checking(Reading),
    /// The list did move. So many items were met again since.
    Dispelled { items: usize },
}

impl Progress {
    /// Judges a page that holds the frontier. `in_line` says that it begins right at the frontier of a
    /// list whose total stayed the same; `seen` is how many items were yielded so far.
    pub(crate) fn judge(
        &mut self,
        reading: &Reading,
        brings_new: bool,
        in_line: bool,
        seen: usize,
    ) -> Result<Verdict, String> {
        let doubt = std::mem::take(&mut self.doubt);
        self.doubt = match doubt {
            Doubt::Checking(expected) if expected == *reading => {
                return Err(format!(
                    "page {} repeats what came before",
                    reading.number + 1
                ));
            }
            Doubt::Checking(_) => Doubt::Dispelled { items: 0 },
            _ if brings_new => Doubt::No,
            Doubt::Dispelled { items } if items > seen => {
                return Err("its pages repeat what came before".to_owned());
            }
            Doubt::Dispelled { items } => Doubt::Dispelled {
                items: items + reading.keys.len(),
            },
            Doubt::No => match self.suspect(reading, in_line) {
                Some(before) => {
                    self.doubt = Doubt::Checking(before);
                    return Ok(Verdict::ReadBefore);
                }
                None => Doubt::No,
            },
        };
        self.before = Some(reading.clone());
        self.fruitless = if brings_new { 0 } else { self.fruitless + 1 };
        self.is_worth_going_on().map(|()| Verdict::GoOn)
    }

    /// An answer without anything new is part of following a list that shrinks, but not for ever.
    pub(crate) fn nothing_new(&mut self) -> Result<(), String> {
        self.fruitless += 1;
        self.is_worth_going_on()
    }

    fn suspect(&mut self, reading: &Reading, in_line: bool) -> Option<Reading> {
        if !in_line || reading.keys.is_empty() {
            return None;
        }
        self.before
            .take_if(|before| before.number + 1 == reading.number)
    }

    fn is_worth_going_on(&self) -> Result<(), String> {
        if self.fruitless <= FRUITLESS {
            return Ok(());
        }
        Err(format!("{FRUITLESS} answers in a row held nothing new"))
    }
}
