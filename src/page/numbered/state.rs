//! How far the reading of a numbered list is, and what it has to do next.
//!
//! Each page goes through `follow`, `fitted`, `watch_order`, `watch_gap` and `page_of`; at the end of a pass `finish_pass` decides
//! whether the list ends, must be read again, or is an error. An item is yielded once (`seen`), and an end without an error
//! means that nothing is known to be missing. Once a page left items out or late items were proved, marks are `lacking`.

use std::ops::Range;

use super::frontier::{Frontier, Gap, Size};
use super::order::{Order, Pass};
use crate::error::{Error, ErrorKind, Result};
use crate::page::progress::{PageRequest, Progress, Reading};
use crate::page::raw_page::Numbers;
use crate::page::seen::{self, Key, Seen};
use crate::page::source::{FetchedPage, Mark};
use crate::page::span::Span;

/// How often a list is read in all if its order is seen to change, or if pages leave items out.
const PASSES: u32 = 6;
/// How often it is read in all if its total changes, too, so that the sign of another order means little.
const PASSES_OF_CHANGING: u32 = 2;

/// The next step of an iteration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// A resumed iterator finds out how many items the pages have, and then lands.
    Measuring,
    /// It finds out whether the list is as long as its position states.
    Landing,
    #[default]
    Reading,
    /// The pass has reached its end. Perhaps the list must be read again.
    PassOver,
    /// Nothing is missing.
    AtEnd,
}

/// The progress of an iteration.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) stage: Stage,
    pub(super) size: Size,
    pub(super) frontier: Frontier,
    pub(super) seen: Seen,
    pub(super) progress: Progress,
    order: Order,
    /// A page left items out.
    is_owing: bool,
    /// Items before the position of a resumed iterator are missing, and cannot be distinguished from those that came.
    is_lacking: bool,
    /// The numbers of the latest page.
    pub(super) said: Numbers,
    /// The item right before the frontier, if that is known.
    pub(super) last: Option<Key>,
    /// The page that was missing when the iteration turned back to the page before it.
    turned_at: u64,
}

impl State {
    /// Continues after so many items that an earlier iterator has yielded.
    pub(super) fn after(behind: u64, total: Option<u64>, is_lacking: bool) -> State {
        State {
            stage: if behind > 0 { Stage::Measuring } else { Stage::Reading },
            frontier: Frontier { behind, inherited: behind, total, ..Frontier::default() },
            order: Order::after(behind),
            is_lacking,
            ..State::default()
        }
    }

    /// Follows the total of a page; returns whether it has changed.
    pub(super) fn follow(&mut self, span: &Span) -> Result<bool> {
        let is_resumed = self.frontier.inherited > 0 && self.frontier.total.is_none();
        let total =
            span.page.numbers.total_items.filter(|_| is_resumed && !span.denies_its_total());
        if let Some(total) = total.filter(|total| *total < self.frontier.behind) {
            let behind = self.frontier.behind;
            let what = format!("the position is after {behind} items, and the list has {total}");
            return Err(Error::invalid(what).with_hint(FROM_THE_TOP));
        }
        let has_moved = self.frontier.follow(span.page.numbers.total_items);
        self.order.has_moved |= has_moved;
        Ok(has_moved)
    }

    /// Learns the size of the pages from one. Returns it at its true place, if the server ignores the requested size and does
    /// not report its own.
    pub(super) fn fitted(&mut self, span: Span, asked: u32) -> Span {
        if span.page.numbers.per_page == Some(asked.into()) {
            return span;
        }
        // Once only: a server that leaves items out sends pages of a new length each time. But too large a size would
        // leave gaps.
        let may_count = !self.size.is_counted() || self.size.or(asked) > asked;
        self.size = match span.unsaid_per_page().filter(|_| may_count) {
            Some(items) => Size::Counted(items),
            None => self.size.then(span.request.per_page),
        };
        // Its pages have a size of their own: there is no use in requesting another one.
        self.frontier.unrest = 0;
        let per_page = self.size.or(asked);
        Span::new(PageRequest { per_page, ..span.request }, span.page)
    }

    pub(super) fn watch_order(&mut self, span: &Span, keys: &[Key], stands_still: bool) {
        // A size that was counted may be a little wrong, and pages overlap then.
        let is_next =
            span.start == self.frontier.behind && span.start > 0 && !self.size.is_counted();
        let read = self.order.pass.read().unwrap_or(&self.seen);
        let is_sign = stands_still && is_next && keys.iter().any(|key| read.contains(*key));
        self.order.is_doubtful |= is_sign;
        self.order.signs += u32::from(is_sign);
        let inherited = self.frontier.inherited.saturating_sub(span.start);
        self.order.anchor(keys, usize::try_from(inherited).unwrap_or(usize::MAX), span.start == 0);
        // An item that an earlier page left out is late, too.
        let is_sound = !self.size.is_counted() && !self.is_owing;
        if is_sound && self.order.passes() > 1 {
            let seen = &self.seen;
            let is_new = |nth: usize| nth as u64 >= inherited && !seen.contains(keys[nth]);
            self.order.late.watch(keys, is_new);
        }
        self.order.keep(keys, span.page.holes);
    }

    /// Remembers a page that left items out, or what comes after such pages. It is an error if a page that is read again
    /// for that reason brings nothing new and still leaves items out.
    pub(super) fn watch_gap(
        &mut self,
        span: &Span,
        keys: &[Key],
        brings_nothing: bool,
    ) -> Result<()> {
        let gap = &mut self.frontier.gap;
        if span.left_out() == 0 {
            if let Some(gap) = gap {
                gap.next = gap.next.or(keys.first().copied());
            }
            return Ok(());
        }
        if self.order.pass.fills_gap() && brings_nothing {
            let (number, shown, missing) = (span.request.number, span.len(), span.left_out());
            return Err(self.incomplete(&format!(
                "page {number} has {shown} and by its own numbers {missing} more"
            )));
        }
        let start = gap.map_or(span.start, |gap| gap.start.min(span.start));
        *gap = Some(Gap { start, next: None });
        self.is_owing = true;
        Ok(())
    }

    /// Whether a pass that fills a gap has come to the end of it with this page.
    pub(super) fn is_filled(&self, keys: &[Key]) -> bool {
        let Pass::Gap(_, Some(next)) = &self.order.pass else { return false };
        self.frontier.gap.is_none_or(|gap| gap.next.is_some()) && keys.contains(next)
    }

    /// Whether all items came in the first pass. After it, one that was added meanwhile may have come for one that was not.
    fn came_at_once(&self) -> bool {
        let total = self.frontier.total.unwrap_or(u64::MAX);
        self.order.passes() == 1 && !self.order.has_moved && self.order.yielded >= total
    }

    /// Whether fewer items came than a list has that has not changed.
    fn is_short(&self) -> bool {
        let came = self.order.yielded.saturating_add(self.order.idle);
        !self.order.has_moved && self.frontier.total.is_some_and(|total| came < total)
    }

    /// Whether items are missing that no page was seen to leave out, as the size of the pages is not known: unless some were
    /// added that did not come, and as many were deleted.
    pub(super) fn seems_short(&self) -> bool {
        let is_first = self.order.passes() == 1 && self.order.top.is_some();
        self.is_short() && self.size.is_counted() && is_first
    }

    /// The outcome for such a list, given what its first item is now. If that is the same, nothing was added.
    pub(super) fn check_top(&mut self, top: Option<Key>) -> Result<()> {
        if self.is_short() && top == self.order.top {
            return Err(self.incomplete("the pages together have fewer than the total says"));
        }
        self.order.is_doubtful = true;
        Ok(())
    }

    /// Whether an item may be missing among those that came.
    pub(super) fn is_doubtful(&self) -> bool {
        self.is_lacking || self.is_owing || self.order.is_doubtful || self.order.passes() > 1
    }

    /// The error of pages that leave items out each time.
    fn incomplete(&self, why: &str) -> Error {
        self.short(why).with_hint(
            "the server counts items that it does not send, or does not number its pages from 1; all that it sent came",
        )
    }

    fn short(&self, why: &str) -> Error {
        let total = self.frontier.total.filter(|total| self.order.yielded <= *total);
        let total = total.map_or_else(String::new, |total| format!(" of {total}"));
        let what = format!("{}{total} items came: {why}", self.order.yielded);
        Error::new(ErrorKind::NoProgress, what)
    }

    pub(super) fn is_extra_pass(&self, error: &Error) -> bool {
        let is_extra = self.order.rereads > 0 && self.order.has_moved;
        let is_sound = !self.is_owing && !self.is_lacking && !self.order.late.is_proved;
        is_extra && is_sound && error.kind() == ErrorKind::NoProgress
    }

    /// The end of the list, or another reading: of the whole list if its order was seen to change, and else from the first
    /// page on that left items out.
    pub(super) fn finish_pass(&mut self) -> Result<()> {
        self.stage = Stage::Reading;
        self.order.furthest = self.order.furthest.max(self.frontier.behind);
        let is_again = self.is_out_of_order()?;
        let gap = self.frontier.gap.take().filter(|_| !self.came_at_once());
        let pass = match gap {
            _ if is_again => Pass::Whole(Seen::default()),
            Some(_) if self.order.passes() >= PASSES => {
                let why = "each time some page has fewer than its own numbers say";
                return Err(self.incomplete(why));
            }
            Some(gap) => Pass::Gap(Seen::default(), gap.next),
            None => return self.finish(),
        };
        let start = gap.filter(|_| !is_again).map(|gap| gap.start);
        self.frontier.behind = start.unwrap_or(self.frontier.inherited);
        self.order.begin(pass);
        self.progress.begin_pass();
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if self.is_lacking {
            let what = "items before the position may be missing, as some were when it was taken";
            return Err(Error::new(ErrorKind::NoProgress, what).with_hint(FROM_THE_TOP));
        }
        if self.is_short() && self.order.passes() > 1 {
            return Err(self.incomplete("the pages together have fewer than the total says"));
        }
        if self.order.is_doubtful && self.frontier.inherited > 0 && !self.order.has_moved {
            let error = self.short("its pages overlap, so the place of the position is not known");
            return Err(error.with_hint(FROM_THE_TOP));
        }
        self.stage = Stage::AtEnd;
        Ok(())
    }

    /// Whether the list must be read again since its order was seen to change; an error if that was done in vain.
    fn is_out_of_order(&self) -> Result<bool> {
        let order = &self.order;
        let is_left = order.passes() > 1 && self.frontier.gap.is_none() && self.is_short();
        let is_missed = order.late.has_come();
        // Late items must be seen once more before they prove anything.
        let passes = PASSES_OF_CHANGING + u32::from(is_missed);
        let is_due = match order.has_moved {
            true => order.rereads + 1 < passes || order.late.is_proved && is_missed,
            false => self.is_short(),
        };
        if !is_due || !(order.is_doubtful || is_left || is_missed) {
            return Ok(false);
        }
        if order.passes() < PASSES {
            return Ok(true);
        }
        Err(self.short("the order of the list changes").with_hint(
            "some items come on two pages and others on none: the server sorts items with equal times anew for each \
             response, or its pages overlap; narrow the list down by filters",
        ))
    }

    fn is_inherited(&self, start: u64, nth: usize) -> bool {
        start.saturating_add(nth as u64) < self.frontier.inherited
    }

    /// Keeps items that an earlier iterator has yielded, in case they come again elsewhere.
    pub(super) fn know_inherited(&mut self, start: u64, keys: &[Key]) {
        let inherited = self.frontier.inherited.saturating_sub(start);
        let inherited = usize::try_from(inherited).unwrap_or(usize::MAX).min(keys.len());
        let new = keys[..inherited].iter().copied().filter(|key| !self.seen.contains(*key));
        self.seen.extend(new.collect());
    }

    /// Turns back to the page before, once, if that one promised this one: the list became shorter, and items moved up.
    pub(super) fn turns_back_from(&mut self, missing: PageRequest) -> bool {
        let turns = self.said.has_more == Some(true) && self.turned_at < missing.number;
        if turns {
            self.turned_at = missing.number;
            self.frontier.turn_back(missing.per_page.into());
            self.progress.begin_pass();
        }
        turns
    }

    /// The items of a page that were not yielded before, by their index in the page.
    pub(super) fn fresh(&self, start: u64, keys: &[Key]) -> Vec<usize> {
        let mut fresh = seen::firsts(keys.iter().copied());
        fresh.retain(|nth| !self.is_inherited(start, *nth) && !self.seen.contains(keys[*nth]));
        fresh
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
        let total = self.total_beside(&span);
        self.progress.something_new(Reading::new(span.request, keys));
        self.seen.extend(fresh.iter().map(|nth| keys[*nth]).collect());
        self.order.yielded = self.order.yielded.saturating_add(fresh.len() as u64);
        let numbers = Numbers {
            page: Some(span.request.number),
            has_more: Some(span.has_more()),
            ..span.page.numbers
        };
        let item = |(place, nth): (usize, &usize)| -> (Range<usize>, Mark) {
            // Items that follow this one and came earlier are behind, too.
            let next = fresh.get(place + 1).copied().unwrap_or(keys.len());
            let (behind, left) = (span.start.saturating_add(next as u64), fresh.len() - place - 1);
            (span.page.items[*nth].json.clone(), self.mark(behind, left, total))
        };
        let items = fresh.iter().enumerate().map(item).collect();
        Some(FetchedPage {
            items,
            end: self.mark(self.frontier.behind, 0, total),
            numbers,
            text: span.page.text,
        })
    }

    /// The total, unless the page shows that there is more.
    fn total_beside(&self, span: &Span) -> Option<u64> {
        self.frontier.total.filter(|_| !span.denies_its_total())
    }

    /// The mark before which so many items of this page are left. If pages overlap, fewer items came than positions.
    fn mark(&self, behind: u64, left: usize, total: Option<u64>) -> Mark {
        let came = self.order.yielded.saturating_add(self.order.idle).saturating_sub(left as u64);
        let may_overlap = self.order.is_doubtful && !self.order.has_moved;
        let behind = if may_overlap { behind.min(came) } else { behind };
        let behind = behind.max(self.order.furthest);
        // A frontier beyond the end is at the end.
        let behind = total.map_or(behind, |total| behind.min(total));
        Mark::Offset { behind, total, is_lacking: self.may_lack() }
    }

    /// Whether items before the furthest one may come later or not at all, so that no other iterator can continue here.
    fn may_lack(&self) -> bool {
        self.is_lacking || self.is_owing || self.order.late.is_proved || self.order.seems_shuffled()
    }
}

pub(super) const FROM_THE_TOP: &str =
    "read the list from its beginning, and leave out the items that you have";

pub(super) fn beyond_the_end(behind: u64) -> Error {
    let what = format!("the position is after {behind} items, and the list seems to have fewer");
    Error::invalid(what).with_hint(FROM_THE_TOP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_lacks_items_once_items_were_seen_to_be_missed() {
        let mut state = State::default();
        assert!(!state.may_lack());
        state.order.late.is_proved = true;
        assert!(state.may_lack());
    }

    #[test]
    fn a_position_lacks_items_once_the_order_was_seen_to_change_three_times() {
        let mut state = State::default();
        state.order.signs = 2;
        assert!(!state.may_lack());
        state.order.signs = 3;
        assert!(state.may_lack());
        state.order.has_moved = true;
        assert!(!state.may_lack());
    }
}
