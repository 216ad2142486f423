//! How far the reading of a numbered list is, and what it has to do next.

use std::collections::HashSet;
use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};
use crate::page::progress::{PageRequest, Progress, Reading};
use crate::page::raw_page::Numbers;
use crate::page::seen::{Key, Seen};
use crate::page::source::{FetchedPage, Mark};
use crate::page::span::Span;

/// How often a list is read in all if its order is seen to change.
const PASSES: u32 = 6;
/// How often it is read in all if its total changes, too, so that the sign of it means little.
const PASSES_OF_CHANGING: u32 = 2;
/// How many pages that left items out are remembered, to be read again.
pub(super) const MOST_GAPS: usize = 8;

/// The progress of an iteration.
#[derive(Debug, Default)]
pub(super) struct State {
    /// How many items pages have, if not as many as were requested.
    pub(super) per_page: Option<u32>,
    /// Whether that was counted, since the server does not report it.
    pub(super) is_counted: bool,
    pub(super) frontier: Frontier,
    pub(super) seen: Seen,
    pub(super) progress: Progress,
    pub(super) order: Order,
    /// Pages that left out items which their own numbers count, to be read again at the end: the list may have changed
    /// while the server put one together.
    pub(super) gaps: Vec<PageRequest>,
    /// A resumed iterator has not seen yet whether the list is as long as its position states.
    pub(super) is_unproved: bool,
    /// Nor how many items the pages have.
    pub(super) is_unsized: bool,
    pub(super) is_at_end: bool,
}

/// How far from the top of the list the iteration is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frontier {
    /// This many positions from the top are behind.
    pub(super) behind: u64,
    /// This many of them were yielded by an earlier iterator, and are not in `seen`.
    pub(super) inherited: u64,
    pub(super) total: Option<u64>,
    /// How far the frontier is expected to move up with the next response, judging by recent ones.
    pub(super) unrest: u64,
}

/// Whether the list keeps its order, as far as it shows.
///
/// If items with equal times are sorted anew for each response, some move across the border between two pages, and
/// would be missed. The sign is a known item on a page that begins right at the frontier, while the total stands still;
/// but one insertion and one deletion look the same. So the list is read again, and an error follows only if the sign
/// comes again each time and the items do not add up to the total.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The sign was seen in this pass.
    pub(super) is_doubtful: bool,
    /// The total has changed since the beginning.
    pub(super) has_moved: bool,
    /// How many items were yielded, by this iterator or an earlier one.
    pub(super) yielded: u64,
    /// How many times the list was read before this pass.
    pub(super) passes: u32,
    /// Where the first pass ended.
    pub(super) furthest: u64,
    /// The items of this pass, if it is not the first.
    pub(super) read: Seen,
}

impl Frontier {
    pub(super) fn at(behind: u64, total: Option<u64>) -> Frontier {
        Frontier { behind, inherited: behind, total, unrest: 0 }
    }

    /// Moves up as far as items may have moved up unseen; returns whether the list has changed at all.
    ///
    /// A fall of the total is the only sign of a deletion, and never smaller than that movement: new items are added at
    /// the top ("newest first") and push back down.
    pub(super) fn follow(&mut self, total: Option<u64>) -> bool {
        let before = self.total.or(total).unwrap_or_default();
        let now = total.unwrap_or(before);
        self.total = total.or(self.total);
        let fall = before.saturating_sub(now);
        self.behind = self.behind.saturating_sub(fall);
        self.inherited = self.inherited.saturating_sub(fall);
        self.unrest = fall.max(self.unrest / 2);
        before != now
    }

    /// The page to request, of at most so many items: of those that hold the expected place of the frontier, the one
    /// that reaches furthest.
    pub(super) fn page(&self, largest: u32) -> PageRequest {
        let expected = self.behind.saturating_sub(self.unrest.min(u64::from(largest / 2)));
        let holding = |per_page: u32| PageRequest {
            number: (expected / u64::from(per_page)).saturating_add(1),
            per_page,
        };
        let end = |page: &PageRequest| page.number.saturating_mul(page.per_page.into());
        let smaller = 1..if self.unrest > 0 { largest } else { 1 };
        let smaller = smaller.map(holding).max_by_key(end);
        smaller.filter(|page| end(page) > end(&holding(largest))).unwrap_or(holding(largest))
    }
}

impl State {
    pub(super) fn follow(&mut self, total: Option<u64>) -> Result<bool> {
        let is_resumed = self.frontier.inherited > 0 && self.frontier.total.is_none();
        if let Some(total) = total.filter(|total| is_resumed && *total < self.frontier.behind) {
            let behind = self.frontier.behind;
            let what = format!("the position is after {behind} items, and the list has {total}");
            return Err(Error::invalid(what).with_hint(FROM_THE_TOP));
        }
        let has_moved = self.frontier.follow(total);
        self.order.has_moved |= has_moved;
        Ok(has_moved)
    }

    /// The span at its true place, if the server ignores the requested size and does not report its own.
    pub(super) fn fitted(&mut self, span: Span, asked: u32) -> Span {
        // Once only: a server that leaves items out sends pages of a new length each time. But too large a size would
        // leave gaps.
        let may_count = !self.is_counted || self.per_page.is_some_and(|known| known > asked);
        let Some(per_page) = span.unsaid_per_page().filter(|_| may_count) else {
            return span;
        };
        self.is_counted = true;
        Span::new(PageRequest { per_page, ..span.request }, span.page)
    }

    pub(super) fn watch_order(&mut self, span: &Span, keys: &[Key], stands_still: bool) {
        // A size that was counted may be a little wrong, and pages overlap then.
        let is_next = span.start == self.frontier.behind && span.start > 0 && !self.is_counted;
        let is_first_pass = self.order.passes == 0;
        let read = if is_first_pass { &self.seen } else { &self.order.read };
        self.order.is_doubtful |=
            stands_still && is_next && keys.iter().any(|key| read.contains(*key));
        if !is_first_pass {
            let new = keys.iter().filter(|key| !self.order.read.contains(**key));
            let new = new.copied().collect();
            self.order.read.extend(new);
        }
    }

    /// Whether all items have come for certain.
    pub(super) fn is_complete(&self) -> bool {
        let total = self.frontier.total.unwrap_or(u64::MAX);
        !self.order.has_moved && self.order.yielded >= total
    }

    /// The error of a page that leaves items out each time.
    pub(super) fn incomplete(&self, span: &Span) -> Error {
        let (number, shown, missing) = (span.request.number, span.len(), span.left_out());
        let total = self.frontier.total.map_or_else(String::new, |total| format!(" of {total}"));
        let what = format!(
            "{}{total} items came: page {number} has {shown} and by its own numbers {missing} more",
            self.order.yielded
        );
        Error::new(ErrorKind::NoProgress, what).with_hint(
            "the server counts items that it does not send, or does not number its pages from 1; all that it sent came",
        )
    }

    pub(super) fn is_extra_pass(&self, error: &Error) -> bool {
        self.order.passes > 0 && self.order.has_moved && error.kind() == ErrorKind::NoProgress
    }

    /// The end of the list, or another reading of it if its order was seen to change.
    pub(super) fn finish_pass(&mut self) -> Result<()> {
        let order = &mut self.order;
        order.furthest = order.furthest.max(self.frontier.behind);
        let is_short = self.frontier.total.is_some_and(|total| order.yielded < total);
        let is_done = !order.is_doubtful || !order.has_moved && !is_short;
        let passes = if order.has_moved { PASSES_OF_CHANGING } else { PASSES };
        self.is_at_end = is_done || order.passes + 1 >= passes;
        if !is_done && self.is_at_end && !order.has_moved {
            let total = self.frontier.total.unwrap_or_default();
            let what =
                format!("{} of {total} items came: the order of the list changes", order.yielded);
            return Err(Error::new(ErrorKind::NoProgress, what).with_hint(
                "the server sorts items with equal times anew for each response; narrow the list down by filters",
            ));
        }
        if self.is_at_end {
            return Ok(());
        }
        self.gaps.clear();
        (order.is_doubtful, order.passes) = (false, order.passes + 1);
        order.read = Seen::default();
        self.frontier.behind = self.frontier.inherited;
        Ok(())
    }

    /// The items of a page that were not yielded before, by their index in the page.
    pub(super) fn fresh(&self, start: u64, keys: &[Key]) -> Vec<usize> {
        let mut here = HashSet::with_capacity(keys.len());
        let is_inherited = |nth: usize| start.saturating_add(nth as u64) < self.frontier.inherited;
        let mut is_new = |nth: usize| {
            here.insert(keys[nth]) && !is_inherited(nth) && !self.seen.contains(keys[nth])
        };
        (0..keys.len()).filter(|nth| is_new(*nth)).collect()
    }

    pub(super) fn page_of(
        &mut self,
        span: Span,
        fresh: Vec<usize>,
        keys: &[Key],
    ) -> Option<FetchedPage> {
        if fresh.is_empty() {
            return None;
        }
        self.progress.something_new(Reading::new(span.request, keys));
        self.seen.extend(fresh.iter().map(|nth| keys[*nth]).collect());
        self.order.yielded = self.order.yielded.saturating_add(fresh.len() as u64);
        let numbers = Numbers {
            page: Some(span.request.number),
            has_more: Some(span.has_more()),
            ..span.page.numbers
        };
        let item = |nth: usize| -> (Range<usize>, Mark) {
            let behind = span.start.saturating_add(nth as u64).saturating_add(1);
            (span.page.items[nth].json.clone(), self.mark(behind))
        };
        let items = fresh.into_iter().map(item).collect();
        Some(FetchedPage {
            items,
            end: self.mark(self.frontier.behind),
            numbers,
            text: span.page.text,
        })
    }

    pub(super) fn mark(&self, behind: u64) -> Mark {
        Mark::Offset { behind: behind.max(self.order.furthest), total: self.frontier.total }
    }
}

pub(super) const FROM_THE_TOP: &str =
    "read the list from its beginning, and leave out the items that you have";

pub(super) fn beyond_the_end(behind: u64) -> Error {
    let what = format!("the position is after {behind} items, and the list seems to have fewer");
    Error::invalid(what).with_hint(FROM_THE_TOP)
}
