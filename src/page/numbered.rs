//! Numbered pages, newest first, read exactly while the list changes.

use serde_json::Value;

use super::pager::{Leaf, Pager, sealed};
use super::position::Position;
use super::progress::{Progress, Reading, Verdict};
use super::seen::{Key, Seen};
use super::span::{NumberedPage, Span};
use crate::error::{Error, ErrorKind, Result};

/// The largest page that the services give, in items.
const LARGEST_PAGE: u32 = 100;

/// A listing in numbered pages. Sealed: implemented by this crate's listings.
pub trait NumberedList: sealed::Sealed {
    /// The listing and its filters, as positions name them.
    #[doc(hidden)]
    fn list_name(&self) -> String;

    /// What the call is named in errors.
    #[doc(hidden)]
    fn call_name(&self) -> String;

    #[doc(hidden)]
    fn fetch(&self, number: u64, per_page: u32) -> Result<NumberedPage>;
}

/// Turns numbered pages (`page`, `per_page`) of a list that others may change meanwhile.
///
/// Insertions at the top push items down onto the next page, deletions pull them up onto one that was
/// already read. So it keeps a *frontier*: that many positions from the top are behind it. It always asks
/// for the page that holds the frontier. Where an answer's `total_items` is lower than that of the answer
/// before by some d, up to d items may have slid up unseen, and the frontier moves up by d first; then, if
/// the page begins at or before it, down to the page's end. What was yielded already is left out.
#[derive(Debug)]
pub struct Numbered<L> {
    list: L,
    per_page: u32,
    frontier: Frontier,
    seen: Seen,
    progress: Progress,
    is_at_end: bool,
}

/// How far from the top of the list the walk has come.
#[derive(Clone, Copy, Debug, Default)]
struct Frontier {
    /// So many positions from the top are behind.
    behind: u64,
    /// So many of them were yielded before this walk was resumed, and are not in `seen`.
    inherited: u64,
    total: Option<u64>,
}

impl Frontier {
    /// Moves up as far as items may have slid up; tells whether the list has grown instead.
    fn follow(&mut self, total: Option<u64>) -> Moved {
        let (Some(before), Some(now)) = (self.total, total) else {
            self.total = total.or(self.total);
            return Moved::Not;
        };
        self.total = total;
        let slid = before.saturating_sub(now);
        self.behind = self.behind.saturating_sub(slid);
        self.inherited = self.inherited.saturating_sub(slid);
        match () {
            () if slid > 0 => Moved::Up,
            () if now > before => Moved::Down,
            () => Moved::Not,
        }
    }

    fn mark(&self, behind: u64) -> Mark {
        Mark {
            behind,
            total: self.total,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moved {
    Not,
    Up,
    Down,
}

impl<L: NumberedList> Numbered<L> {
    pub(crate) fn new(list: L) -> Numbered<L> {
        Numbered {
            list,
            per_page: LARGEST_PAGE,
            frontier: Frontier::default(),
            seen: Seen::default(),
            progress: Progress::default(),
            is_at_end: false,
        }
    }

    pub(crate) fn list_mut(&mut self) -> &mut L {
        &mut self.list
    }

    /// Fetches the page that holds the frontier.
    fn fetch(&self) -> Result<Span> {
        if !(1..=LARGEST_PAGE).contains(&self.per_page) {
            let refused = Error::invalid("the page size must be from 1 to 100");
            return Err(refused.with_call(self.list.call_name()));
        }
        let number = self.frontier.behind / u64::from(self.per_page) + 1;
        let page = self.list.fetch(number, self.per_page)?;
        if let Some(other) = page.page.filter(|other| *other != number) {
            return Err(self.stuck(format!("page {number} was asked for and page {other} came")));
        }
        Ok(Span::new(number, self.per_page, page))
    }

    /// Takes in an answer; gives what of it is to be yielded, if anything is.
    fn take_in(&mut self, span: Span) -> Result<Option<Leaf<Mark>>> {
        self.per_page = span.per_page;
        let moved = self.frontier.follow(span.page.total_items);
        if span.start > self.frontier.behind {
            self.progress
                .nothing_new()
                .map_err(|what| self.stuck(what))?;
            return Ok(None);
        }
        if span.contradicts_itself() {
            let what = format!(
                "page {} is empty and is said not to be the last",
                span.number
            );
            return Err(self.stuck(what));
        }
        let keys = span.keys();
        let fresh = self.fresh(span.start, &keys);
        let reading = Reading {
            number: span.number,
            keys,
        };
        let in_line = moved == Moved::Not && span.start == self.frontier.behind;
        let verdict = self
            .progress
            .judge(&reading, !fresh.is_empty(), in_line, self.seen.len());
        match verdict.map_err(|what| self.stuck(what))? {
            Verdict::ReadBefore => {
                self.frontier.behind = span.start.saturating_sub(u64::from(span.per_page));
                Ok(None)
            }
            Verdict::GoOn => {
                self.frontier.behind = self.frontier.behind.max(span.end());
                self.is_at_end = !span.has_more();
                Ok(self.leaf(span, fresh, &reading.keys))
            }
        }
    }

    /// Which of a page's items were not yielded before, by their index in the page.
    fn fresh(&self, start: u64, keys: &[Key]) -> Vec<usize> {
        let is_known = |nth: usize| {
            start + (nth as u64) < self.frontier.inherited
                || self.seen.contains(keys[nth])
                || keys[..nth].contains(&keys[nth])
        };
        (0..keys.len()).filter(|nth| !is_known(*nth)).collect()
    }

    fn leaf(&mut self, span: Span, fresh: Vec<usize>, keys: &[Key]) -> Option<Leaf<Mark>> {
        if fresh.is_empty() {
            return None;
        }
        self.seen
            .extend(fresh.iter().map(|nth| keys[*nth]).collect());
        let (number, has_more, start) = (span.number, Some(span.has_more()), span.start);
        let (total_items, total_pages) = (span.page.total_items, span.page.total_pages);
        let mut items: Vec<Option<Value>> = span.page.items.into_iter().map(Some).collect();
        let taken = fresh.into_iter().filter_map(|nth| {
            let item = items.get_mut(nth)?.take()?;
            Some((item, self.frontier.mark(start + nth as u64 + 1)))
        });
        let items = taken.collect();
        let end = self.frontier.mark(self.frontier.behind);
        Some(Leaf {
            items,
            end,
            number,
            total_items,
            total_pages,
            has_more,
        })
    }

    fn stuck(&self, what: String) -> Error {
        let hint = "the list cannot be read to its end; what came before is complete up to here";
        Error::new(ErrorKind::Stuck, what)
            .with_call(self.list.call_name())
            .with_hint(hint)
    }
}

/// A place in the list: so many positions from the top, when it held so many items.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    behind: u64,
    total: Option<u64>,
}

impl<L> sealed::Sealed for Numbered<L> {}

impl<L: NumberedList> Pager for Numbered<L> {
    type Mark = Mark;

    fn turn(&mut self) -> Result<Option<Leaf<Mark>>> {
        while !self.is_at_end {
            let span = self.fetch()?;
            if let Some(leaf) = self.take_in(span)? {
                return Ok(Some(leaf));
            }
        }
        Ok(None)
    }

    fn start(&mut self, position: Option<&Position>) -> Result<Mark> {
        let place = position
            .map(|position| position.place_in(&self.list.list_name()))
            .transpose()?;
        let mark = place
            .map_or(Some(Mark::default()), parse)
            .ok_or_else(Position::unreadable)?;
        self.frontier = Frontier {
            behind: mark.behind,
            inherited: mark.behind,
            total: mark.total,
        };
        (self.seen, self.progress) = (Seen::default(), Progress::default());
        self.is_at_end = false;
        Ok(mark)
    }

    fn position(&self, mark: &Mark) -> Position {
        let total = mark
            .total
            .map_or_else(|| "?".to_owned(), |total| total.to_string());
        Position::new(self.list.list_name(), format!("{} of {total}", mark.behind))
    }

    fn total_items(&self) -> Option<u64> {
        self.frontier.total
    }

    fn set_page_size(&mut self, items: u32) {
        self.per_page = items;
    }

    fn name(&self) -> String {
        self.list.call_name()
    }
}

fn parse(place: &str) -> Option<Mark> {
    let (behind, total) = place.split_once(" of ")?;
    let total = if total == "?" {
        None
    } else {
        Some(total.parse().ok()?)
    };
    Some(Mark {
        behind: behind.parse().ok()?,
        total,
    })
}
