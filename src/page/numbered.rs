//! Numbered pages, newest first, read exactly while the list changes.

use std::collections::HashSet;
use std::fmt;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use super::position::Position;
use super::prefetch::{AheadByNumber, FetchPage, Means};
use super::progress::{PageRequest, Progress, Reading};
use super::raw_page::{Numbers, RawPage};
use super::seen::{Key, Seen};
use super::source::{FetchedPage, FollowedList, LARGEST_PAGE, Mark, PageSource};
use super::source::{check_length, check_page_size, no_progress};
use super::span::{self, Span};
use crate::clock::{Clock, SystemClock};
use crate::error::{CallName, Error, ErrorKind, Result};

/// How often a list is read in all if its order is seen to change.
const PASSES: u32 = 6;
/// How often it is read in all if its total changes, too, so that the sign of it means little.
const PASSES_OF_CHANGING: u32 = 2;
/// How many pages that left items out are remembered, to be read again.
const MOST_GAPS: usize = 8;

/// A list in numbered pages.
pub(crate) trait NumberedList: fmt::Debug + Send + Sync {
    /// The name of the list and of its filters in positions.
    fn list_name(&self) -> String;

    /// The name of the call in errors.
    fn call_name(&self) -> CallName;

    fn fetch(&self, number: u64, per_page: u32) -> Result<RawPage>;

    fn set_filter(&mut self, name: &str, value: Value);

    /// The list, if it can be read again and again.
    fn followed(&self) -> Option<&dyn FollowedList> {
        None
    }

    /// The error for an item that could not be decoded. Its body is the item.
    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error;

    /// The clock that waits for what is fetched ahead.
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }
}

/// A source of numbered pages (`page`, `per_page`) of a list that others may change meanwhile.
///
/// Insertions at the top push items down onto the next page, deletions pull them up onto one that was already read. So
/// it keeps a *frontier*: that many positions from the top are behind it. It always requests the page that holds the
/// frontier. If a response's `total_items` is lower than that of the response before by some d, up to d items may have
/// moved up unseen, and the frontier moves up by d first; then, if the page begins at or before it, down to the page's
/// end. Items that were yielded already are left out.
///
/// While the list shrinks it expects the next response to move the frontier up again, and requests a page that reaches
/// back so far; else a list that loses an item before every response could not be read to its end.
#[derive(Debug)]
pub(crate) struct Numbered<L> {
    list: Arc<L>,
    ahead: AheadByNumber,
    /// How many items the caller wants in a page.
    page_size: u32,
    state: State,
}

/// The progress of an iteration.
#[derive(Debug, Default)]
struct State {
    /// How many items pages have, if not as many as were requested.
    per_page: Option<u32>,
    /// Whether that was counted, since the server does not report it.
    is_counted: bool,
    frontier: Frontier,
    seen: Seen,
    progress: Progress,
    order: Order,
    /// Pages that left out items which their own numbers count, to be read again at the end: the list may have changed
    /// while the server put one together.
    gaps: Vec<PageRequest>,
    /// A resumed iterator has not seen yet whether the list is as long as its position states.
    is_unproved: bool,
    /// Nor how many items the pages have.
    is_unsized: bool,
    is_at_end: bool,
}

/// How far from the top of the list the iteration is.
#[derive(Clone, Copy, Debug, Default)]
struct Frontier {
    /// This many positions from the top are behind.
    behind: u64,
    /// This many of them were yielded by an earlier iterator, and are not in `seen`.
    inherited: u64,
    total: Option<u64>,
    /// How far the frontier is expected to move up with the next response, judging by recent ones.
    unrest: u64,
}

/// Whether the list keeps its order, as far as it shows.
///
/// If items with equal times are sorted anew for each response, some move across the border between two pages, and
/// would be missed. The sign is a known item on a page that begins right at the frontier, while the total stands still;
/// but one insertion and one deletion look the same. So the list is read again, and an error follows only if the sign
/// comes again each time and the items do not add up to the total.
#[derive(Debug, Default)]
struct Order {
    /// The sign was seen in this pass.
    is_doubtful: bool,
    /// The total has changed since the beginning.
    has_moved: bool,
    /// How many items were yielded, by this iterator or an earlier one.
    yielded: u64,
    /// How many times the list was read before this pass.
    passes: u32,
    /// Where the first pass ended.
    furthest: u64,
    /// The items of this pass, if it is not the first.
    read: Seen,
}

impl Frontier {
    fn at(behind: u64, total: Option<u64>) -> Frontier {
        Frontier { behind, inherited: behind, total, unrest: 0 }
    }

    /// Moves up as far as items may have moved up unseen; returns whether the list has changed at all.
    ///
    /// A fall of the total is the only sign of a deletion, and never smaller than that movement: new items are added at
    /// the top ("newest first") and push back down.
    fn follow(&mut self, total: Option<u64>) -> bool {
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
    fn page(&self, largest: u32) -> PageRequest {
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

impl<L: NumberedList + 'static> Numbered<L> {
    pub(crate) fn new(list: L) -> Numbered<L> {
        Numbered {
            list: Arc::new(list),
            ahead: AheadByNumber::new(),
            page_size: LARGEST_PAGE,
            state: State::default(),
        }
    }

    fn read_on(&mut self) -> Result<Option<FetchedPage>> {
        while !self.state.is_at_end {
            // Not the number after the last one: the frontier may have moved up into a page already read.
            let request = self.state.frontier.page(self.state.per_page.unwrap_or(self.page_size));
            let (span, has_moved) = self.fetch(request)?;
            if self.is_misplaced(&span, request)? {
                continue;
            }
            match self.take_in(span, has_moved) {
                Ok(None) => {}
                // Nothing was missing yet; the pass was only to make sure.
                Err(error) if self.state.is_extra_pass(&error) => self.state.is_at_end = true,
                other => return other,
            }
        }
        self.fill_gap()
    }

    /// Reads a page that left items out again; returns the items that it holds now, or the error that it still does.
    fn fill_gap(&mut self) -> Result<Option<FetchedPage>> {
        while let Some(request) = self.state.gaps.pop().filter(|_| !self.state.is_complete()) {
            let (span, _) = self.fetch(request)?;
            if span.left_out() > 0 {
                return Err(self.state.incomplete(&span));
            }
            let keys = span.keys();
            let fresh = self.state.fresh(span.start, &keys);
            if let Some(page) = self.state.page_of(span, fresh, &keys) {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    /// Makes sure that the end of the list is not before the position at which an iterator was resumed, if the server
    /// reports no total: then a page after the end looks like one that was read.
    fn prove_position(&mut self, span: &Span) -> Result<()> {
        let is_due = mem::take(&mut self.state.is_unproved);
        let numbers = &span.page.numbers;
        if !is_due || numbers.total_items.is_some() || span.has_more() {
            return Ok(());
        }
        let (behind, number) = (self.state.frontier.behind, span.request.number);
        let is_known = number == 1 || numbers.per_page.is_some() && span.len() > 0;
        let mut is_reached = span.end() >= behind;
        if is_reached && !is_known {
            // The page before it is full, if the list reaches so far and has pages of this size.
            let (before, _) = self.fetch(PageRequest { number: number - 1, ..span.request })?;
            is_reached = before.start.saturating_add(before.len()) >= span.start;
        }
        if is_reached { Ok(()) } else { Err(beyond_the_end(behind)) }
    }

    /// Fetches a page, and follows the changes of its total; returns whether the list has changed.
    fn fetch(&mut self, request: PageRequest) -> Result<(Span, bool)> {
        let asked = request.per_page.min(self.page_size);
        let (request, page) = self.fetch_placed(request, asked)?;
        let has_moved = self.state.follow(page.numbers.total_items)?;
        let is_as_asked = page.numbers.per_page == Some(asked.into());
        let span = self.state.fitted(Span::new(request, page), asked);
        if !is_as_asked {
            // Its pages have a size of their own: there is no use in requesting another one.
            (self.state.per_page, self.state.frontier.unrest) = (Some(span.request.per_page), 0);
        }
        Ok((span, has_moved))
    }

    /// Fetches a page, and finds out which one came.
    fn fetch_placed(&mut self, request: PageRequest, asked: u32) -> Result<(PageRequest, RawPage)> {
        let list = Arc::clone(&self.list);
        let fetch: FetchPage = Arc::new(move |number, per_page| list.fetch(number, per_page));
        let means = Means { fetch: &fetch, clock: &self.list.clock() };
        let mut page = match self.ahead.page(means, PageRequest { per_page: asked, ..request }) {
            Err(refusal) if request.number > 1 && may_be_after_the_end(&refusal) => {
                self.nothing_there(request, asked, refusal)?
            }
            page => page?,
        };
        check_length(page.items.len(), asked)?;
        // A cache, or a server that ignores `page`, gives itself away by the number.
        let mut placed = span::place(&page, request).map_err(no_progress)?;
        // The items before the position of a resumed iterator are known by their place only.
        let last =
            span::may_be_the_last(&page, placed).filter(|_| self.state.frontier.inherited > 0);
        if let Some(last) = last
            && self.list.fetch(last.number, asked)?.keys() == page.keys()
        {
            placed = last;
        }
        if placed != request {
            page.numbers.has_more = Some(false);
        }
        Ok((placed, page))
    }

    /// A refused page, as an empty one if the first page shows that it is after the end; else the refusal.
    fn nothing_there(&self, request: PageRequest, asked: u32, refusal: Error) -> Result<RawPage> {
        let numbers = self.list.fetch(1, asked)?.numbers;
        let last = numbers.last_page(request.per_page);
        // Without any numbers, the status of a page that is not found is all that there is.
        let is_unsaid = last.is_none() && numbers.has_more.is_none();
        let is_after = last.is_some_and(|last| last < request.number)
            || is_unsaid && refusal.status() == Some(StatusCode::NOT_FOUND);
        if is_after {
            let numbers = Numbers { page: None, has_more: Some(false), ..numbers };
            return Ok(RawPage::empty(numbers));
        }
        if numbers.total_items == self.state.frontier.total {
            return Err(refusal);
        }
        // The list has grown again meanwhile.
        self.list.fetch(request.number, asked)
    }

    /// Whether a page is not where it was taken to be, as a resumed iterator does not know the size of the pages and the
    /// server does not report it.
    fn is_misplaced(&mut self, span: &Span, requested: PageRequest) -> Result<bool> {
        let is_due = mem::take(&mut self.state.is_unsized) && requested.number > 1;
        let is_full = span.len() == u64::from(requested.per_page);
        if !is_due || is_full || span.page.numbers.per_page.is_some() {
            return Ok(false);
        }
        (self.state.per_page, self.state.is_counted) = (None, false);
        self.fetch(PageRequest { number: 1, ..requested })?;
        Ok(self.state.per_page != Some(requested.per_page))
    }

    /// Takes in a page; returns the items of it that are new, if there are any.
    fn take_in(&mut self, span: Span, has_moved: bool) -> Result<Option<FetchedPage>> {
        let is_beyond = span.start > self.state.frontier.behind;
        if span.contradicts_itself() && !is_beyond {
            let number = span.request.number;
            return Err(no_progress(format!(
                "page {number} is empty and is said not to be the last"
            )));
        }
        self.prove_position(&span)?;
        let keys = span.keys();
        let stands_still = !has_moved && span.page.numbers.total_items.is_some();
        self.state.watch_order(&span, &keys, stands_still);
        let fresh = self.state.fresh(span.start, &keys);
        if fresh.is_empty() || is_beyond {
            let is_stale = self.check_progress(Reading::new(span.request, &keys), has_moved)?;
            // Beyond the frontier there is a gap before the page: the one that holds the frontier comes first.
            if is_stale || span.start > self.state.frontier.behind {
                return Ok(None);
            }
        }
        self.state.frontier.behind = self.state.frontier.behind.max(span.end());
        if span.left_out() > 0 && self.state.gaps.len() < MOST_GAPS {
            self.state.gaps.push(span.request);
        }
        let is_last = !span.has_more();
        let page = self.state.page_of(span, fresh, &keys);
        if is_last {
            self.state.finish_pass()?;
        }
        Ok(page)
    }

    /// Makes sure that a page without new items is not one that the server repeats. Returns whether the list has
    /// changed meanwhile, so that the page is out of date.
    fn check_progress(&mut self, reading: Reading, has_moved: bool) -> Result<bool> {
        self.state.progress.nothing_new().map_err(no_progress)?;
        if has_moved {
            return Ok(false);
        }
        let Some(request) = self.state.progress.seems_to_repeat(&reading) else {
            return Ok(false);
        };
        let (again, has_moved) = self.fetch(request)?;
        // If the list changed between the two, equal pages prove nothing.
        if !has_moved && reading.has_content_of(&again.keys()) {
            let number = request.number;
            return Err(no_progress(format!("another page repeats page {number}")));
        }
        Ok(has_moved)
    }
}

impl State {
    fn follow(&mut self, total: Option<u64>) -> Result<bool> {
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
    fn fitted(&mut self, span: Span, asked: u32) -> Span {
        // Once only: a server that leaves items out sends pages of a new length each time. But too large a size would
        // leave gaps.
        let may_count = !self.is_counted || self.per_page.is_some_and(|known| known > asked);
        let Some(per_page) = span.unsaid_per_page().filter(|_| may_count) else {
            return span;
        };
        self.is_counted = true;
        Span::new(PageRequest { per_page, ..span.request }, span.page)
    }

    fn watch_order(&mut self, span: &Span, keys: &[Key], stands_still: bool) {
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
    fn is_complete(&self) -> bool {
        let total = self.frontier.total.unwrap_or(u64::MAX);
        !self.order.has_moved && self.order.yielded >= total
    }

    /// The error of a page that leaves items out each time.
    fn incomplete(&self, span: &Span) -> Error {
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

    fn is_extra_pass(&self, error: &Error) -> bool {
        self.order.passes > 0 && self.order.has_moved && error.kind() == ErrorKind::NoProgress
    }

    /// The end of the list, or another reading of it if its order was seen to change.
    fn finish_pass(&mut self) -> Result<()> {
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
    fn fresh(&self, start: u64, keys: &[Key]) -> Vec<usize> {
        let mut here = HashSet::with_capacity(keys.len());
        let is_inherited = |nth: usize| start.saturating_add(nth as u64) < self.frontier.inherited;
        let mut is_new = |nth: usize| {
            here.insert(keys[nth]) && !is_inherited(nth) && !self.seen.contains(keys[nth])
        };
        (0..keys.len()).filter(|nth| is_new(*nth)).collect()
    }

    fn page_of(&mut self, span: Span, fresh: Vec<usize>, keys: &[Key]) -> Option<FetchedPage> {
        if fresh.is_empty() {
            return None;
        }
        self.progress.something_new(Reading::new(span.request, keys));
        self.seen.extend(fresh.iter().map(|nth| keys[*nth]).collect());
        self.order.yielded += fresh.len() as u64;
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

    fn mark(&self, behind: u64) -> Mark {
        Mark::Offset { behind: behind.max(self.order.furthest), total: self.frontier.total }
    }
}

impl<L: NumberedList + 'static> PageSource for Numbered<L> {
    fn next_page(&mut self) -> Result<Option<FetchedPage>> {
        check_page_size(self.page_size)
            .and_then(|()| self.read_on())
            .map_err(|error| error.with_call(self.list.call_name()))
    }

    fn resume_at(&mut self, position: &Position) -> Result<Mark> {
        let place = position.place_in(&self.list.list_name())?;
        let (behind, total) = parse(place).ok_or_else(Position::unreadable)?;
        // Only the number of the items before is known, so they are recognized by their place.
        let order = Order { yielded: behind, ..Order::default() };
        self.ahead.forget();
        let frontier = Frontier::at(behind, total);
        let is_resumed = behind > 0;
        self.state = State {
            frontier,
            order,
            is_unproved: is_resumed,
            is_unsized: is_resumed,
            ..State::default()
        };
        Ok(Mark::Offset { behind, total })
    }

    fn position(&self, mark: Option<&Mark>) -> Position {
        let (behind, total) = match mark {
            Some(Mark::Offset { behind, total }) => (*behind, *total),
            _ => (0, None),
        };
        // A frontier beyond the end is at the end.
        let behind = total.map_or(behind, |total| behind.min(total));
        let total = total.map_or_else(|| "?".to_owned(), |total| total.to_string());
        Position::new(self.list.list_name(), format!("{behind} of {total}"))
    }

    fn reports_total(&self) -> bool {
        true
    }

    fn total_items(&self) -> Option<u64> {
        self.state.frontier.total
    }

    fn set_page_size(&mut self, items: u32) {
        self.page_size = items;
        self.state.per_page = None;
    }

    fn set_filter(&mut self, name: &str, value: Value) {
        // Nobody else has the list before the first request.
        if let Some(list) = Arc::get_mut(&mut self.list) {
            list.set_filter(name, value);
        }
    }

    fn set_prefetch(&mut self, pages: u32, items: u64) {
        self.ahead.set(pages, items);
    }

    fn call_name(&self) -> CallName {
        self.list.call_name()
    }

    fn followed(&self) -> Option<&dyn FollowedList> {
        self.list.followed()
    }

    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error {
        self.list.unreadable(item, cause)
    }
}

const FROM_THE_TOP: &str =
    "read the list from its beginning, and leave out the items that you have";

/// Whether a server may mean by this error that a page is after the end of the list.
fn may_be_after_the_end(error: &Error) -> bool {
    let status = error.status().map(|status| status.as_u16());
    matches!(status, Some(400 | 404 | 410 | 416 | 422))
}

fn beyond_the_end(behind: u64) -> Error {
    let what = format!("the position is after {behind} items, and the list seems to have fewer");
    Error::invalid(what).with_hint(FROM_THE_TOP)
}

/// Reads `37 of 137` or `37 of ?`.
fn parse(place: &str) -> Option<(u64, Option<u64>)> {
    let (behind, total) = place.split_once(" of ")?;
    let behind = behind.parse().ok()?;
    let total = if total == "?" { None } else { Some(total.parse().ok()?) };
    let is_possible = total.is_none_or(|total| behind <= total);
    is_possible.then_some((behind, total))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex, MutexGuard};

    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::page::pager::Pager;

    type Change = Box<dyn FnMut(&mut Vec<u32>) + Send>;
    type Respond = fn(&[u32], u64, u32) -> Value;

    /// A list, newest first, that changes before each request but the first.
    struct Model {
        list: Mutex<Vec<u32>>,
        requests: AtomicUsize,
        sizes: Mutex<Vec<u32>>,
        change: Mutex<Change>,
        respond: Respond,
    }

    impl Model {
        fn new(items: u32, change: impl FnMut(&mut Vec<u32>) + Send + 'static) -> Arc<Model> {
            Model::with(items, change, envelope)
        }

        /// A list that stands still, behind a server that responds in its own way.
        fn still(items: u32, respond: Respond) -> Arc<Model> {
            Model::with(items, |_| (), respond)
        }

        fn with(
            items: u32,
            change: impl FnMut(&mut Vec<u32>) + Send + 'static,
            respond: Respond,
        ) -> Arc<Model> {
            Arc::new(Model {
                list: Mutex::new((0..items).rev().collect()),
                requests: AtomicUsize::new(0),
                sizes: Mutex::default(),
                change: Mutex::new(Box::new(change)),
                respond,
            })
        }

        fn list(&self) -> MutexGuard<'_, Vec<u32>> {
            self.list.lock().expect("no panic before")
        }

        /// The sizes that were requested.
        fn sizes(&self) -> Vec<u32> {
            self.sizes.lock().expect("no panic before").clone()
        }

        fn requests(&self) -> usize {
            self.requests.load(Ordering::Relaxed)
        }
    }

    impl fmt::Debug for Model {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Model")
        }
    }

    /// The page as the vendor documents it.
    fn envelope(list: &[u32], page: u64, per_page: u32) -> Value {
        let total = list.len() as u64;
        let pages = total.div_ceil(u64::from(per_page));
        let before = (page - 1).saturating_mul(u64::from(per_page));
        let items: Vec<Value> = list
            .iter()
            .skip(usize::try_from(before).unwrap_or(usize::MAX))
            .take(per_page as usize)
            .map(|n| json!({"id": n.to_string()}))
            .collect();
        json!({"items": items, "page": page, "per_page": per_page, "total_items": total,
               "total_pages": pages, "has_more": page < pages})
    }

    /// The same without `has_more`, which follows from the rest.
    fn without_more(list: &[u32], page: u64, per_page: u32) -> Value {
        let mut sent = envelope(list, page, per_page);
        sent["has_more"] = Value::Null;
        sent
    }

    impl NumberedList for Arc<Model> {
        fn list_name(&self) -> String {
            "model 0".to_owned()
        }

        fn call_name(&self) -> CallName {
            CallName { name: "GET /model".to_owned(), operation: "list".into() }
        }

        fn unreadable(&self, _item: &Value, cause: serde_json::Error) -> Error {
            Error::new(ErrorKind::Unreadable, "odd").with_source(cause)
        }

        fn fetch(&self, number: u64, per_page: u32) -> Result<RawPage> {
            if self.requests.fetch_add(1, Ordering::Relaxed) > 0 {
                (self.change.lock().expect("no panic before"))(&mut self.list());
            }
            self.sizes.lock().expect("no panic before").push(per_page);
            let page = (self.respond)(&self.list(), number, per_page);
            if let Some(status) = page["status"].as_u64() {
                let status = StatusCode::from_u16(status as u16).expect("a status");
                let refusal = Error::new(ErrorKind::NotFound, "no such page");
                return Err(refusal.with_response(status, http::HeaderMap::new()));
            }
            Ok(RawPage::parse(page.to_string().into_bytes(), "items", &["id"]).expect("a page"))
        }

        fn set_filter(&mut self, _name: &str, _value: Value) {}
    }

    /// A server by the page that it sends for a number and a size.
    struct Race<F: ?Sized>(Box<F>);

    impl<F: ?Sized> fmt::Debug for Race<F> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Race")
        }
    }

    impl<F: Fn(u64, u32) -> Value + Send + Sync + ?Sized> NumberedList for Arc<Race<F>> {
        fn list_name(&self) -> String {
            "race 0".to_owned()
        }

        fn call_name(&self) -> CallName {
            CallName { name: "GET /race".to_owned(), operation: "list".into() }
        }

        fn unreadable(&self, _item: &Value, cause: serde_json::Error) -> Error {
            Error::new(ErrorKind::Unreadable, "odd").with_source(cause)
        }

        fn fetch(&self, number: u64, per_page: u32) -> Result<RawPage> {
            let page = (self.0)(number, per_page).to_string().into_bytes();
            Ok(RawPage::parse(page, "items", &["id"]).expect("a page"))
        }

        fn set_filter(&mut self, _name: &str, _value: Value) {}
    }

    #[derive(Debug, Deserialize)]
    struct Item {
        id: String,
    }

    fn pager(model: &Arc<Model>, per_page: u32) -> Pager<Item> {
        Pager::new(Numbered::new(Arc::clone(model))).page_size(per_page)
    }

    fn ids(pager: impl Iterator<Item = Result<Item>>) -> Vec<u32> {
        pager.map(|item| item.expect("an item").id.parse().expect("a number")).collect()
    }

    /// Insertions at the top and deletions anywhere, seldom or often, few or many at once.
    fn churn(seed: u64) -> impl FnMut(&mut Vec<u32>) + Send {
        let mut random = fastrand::Rng::with_seed(seed);
        let often = random.f64();
        let many = random.usize(1..9);
        let mut next = 1_000_000;
        move |list| {
            if random.f64() > often {
                return;
            }
            let burst = if random.u8(..) < 10 { 40 } else { 0 };
            for _ in 0..random.usize(0..=many.max(burst)) {
                if random.bool() {
                    next += 1;
                    list.insert(0, next);
                } else if !list.is_empty() {
                    list.remove(random.usize(0..list.len()));
                }
            }
        }
    }

    /// Reads a list under churn: the items that stayed throughout, the items that came, and the error if any.
    fn history(seed: u64, per_page: u32) -> (Vec<u32>, Vec<u32>, Option<Error>) {
        let items = fastrand::Rng::with_seed(seed ^ 0xfeed).u32(0..60);
        let respond = if seed % 4 == 1 { without_more } else { envelope };
        let model = Model::with(items, churn(seed), respond);
        let before: HashSet<u32> = model.list().iter().copied().collect();
        let (mut came, mut error) = (Vec::new(), None);
        for item in pager(&model, per_page) {
            match item {
                Ok(item) => came.push(item.id.parse().expect("a number")),
                Err(stuck) => error = Some(stuck),
            }
        }
        let list = model.list();
        let stayed = list.iter().copied().filter(|id| before.contains(id)).collect();
        (stayed, came, error)
    }

    #[test]
    fn whatever_stayed_in_the_list_throughout_comes_exactly_once() {
        for seed in 0..10_000 {
            let (stayed, came, error) = history(seed, 4 + (seed % 9) as u32);
            assert!(error.is_none(), "seed {seed}: {error:?}");
            let distinct: HashSet<u32> = came.iter().copied().collect();
            assert_eq!(distinct.len(), came.len(), "seed {seed}: {came:?}");
            assert!(
                stayed.iter().all(|id| distinct.contains(id)),
                "seed {seed}: {stayed:?}, {came:?}"
            );
        }
    }

    /// With pages so small, a list can be pushed down by whole pages between any two requests, which is
    /// what a server does that repeats itself. Then there may be an error, but never a silent miss.
    #[test]
    fn on_the_smallest_pages_an_iteration_is_exact_or_fails() {
        let mut failed = 0;
        for seed in 0..2_000 {
            let (stayed, came, error) = history(seed, 1 + (seed % 3) as u32);
            failed += u32::from(error.is_some());
            let distinct: HashSet<u32> = came.iter().copied().collect();
            assert_eq!(distinct.len(), came.len(), "seed {seed}: {came:?}");
            let is_whole = stayed.iter().all(|id| distinct.contains(id));
            assert!(is_whole || error.is_some(), "seed {seed}: {stayed:?}, {came:?}");
        }
        assert!(failed < 40, "{failed} of 2,000 failed");
    }

    #[test]
    fn deleting_each_item_that_comes_deletes_everything() {
        for (items, per_page) in [(0, 3), (1, 3), (3, 3), (10, 3), (250, 100), (7, 1)] {
            let model = Model::new(items, |_| ());
            for item in pager(&model, per_page) {
                let id = item.expect("an item").id.parse::<u32>().expect("a number");
                model.list().retain(|other| *other != id);
            }
            assert!(model.list().is_empty(), "{items} items in pages of {per_page}");
        }
    }

    #[test]
    fn a_list_that_stands_still_costs_one_request_for_each_page() {
        for (items, requests) in [(0, 1), (1, 1), (9, 1), (10, 1), (11, 2), (30, 3), (31, 4)] {
            let model = Model::new(items, |_| ());
            assert_eq!(ids(pager(&model, 10)).len(), items as usize);
            assert_eq!(model.requests(), requests, "{items} items");
        }
    }

    #[test]
    fn a_list_that_loses_an_item_before_every_response_is_read_to_its_end() {
        let oldest: fn(&mut Vec<u32>) = |list| list.truncate(list.len() - 1);
        let newest: fn(&mut Vec<u32>) = |list| {
            list.remove(0);
        };
        for (lose, per_page) in [(oldest, 100), (newest, 100), (oldest, 20), (newest, 30)] {
            let model = Model::new(5000, lose);
            let came = ids(pager(&model, per_page));
            let distinct: HashSet<u32> = came.iter().copied().collect();
            assert_eq!(distinct.len(), came.len());
            let list = model.list();
            assert!(list.iter().all(|id| distinct.contains(id)));
            let trusting = 5000_usize.div_ceil(per_page as usize);
            let requests = model.requests();
            assert!(
                requests < 2 * trusting,
                "{requests} requests for {trusting} pages of {per_page}"
            );
        }
    }

    #[test]
    fn deleting_each_item_that_comes_costs_hardly_more_requests() {
        let model = Model::new(1050, |_| ());
        for item in pager(&model, 100) {
            let id = item.expect("an item").id.parse::<u32>().expect("a number");
            model.list().retain(|other| *other != id);
        }
        assert!(model.list().is_empty());
        assert_eq!(model.requests(), 12);
    }

    #[test]
    fn an_item_yielded_costs_sixteen_bytes_at_most() {
        for (items, per_page) in [(50_000, 100), (20_000, 10)] {
            let model = Model::new(items, |_| ());
            let mut source = Numbered::new(Arc::clone(&model));
            source.set_page_size(per_page);
            let mut yielded = 0;
            while let Some(page) = source.next_page().expect("a page") {
                yielded += page.items.len();
                drop(page);
                let kept = source.state.seen.bytes() + source.state.progress.bytes();
                assert!(yielded < 5000 || kept <= 16 * yielded, "{kept} for {yielded}");
            }
            assert_eq!(yielded, items as usize);
        }
    }

    #[test]
    fn a_position_beyond_all_bounds_ends() {
        for place in [
            "18446744073709551615 of ?",
            "18446744073709551615 of 18446744073709551615",
            "0 of 18446744073709551615",
            "18446744073709551614 of 18446744073709551615",
        ] {
            for per_page in [1, 3, 100] {
                let model = Model::new(25, |_| ());
                let saved = format!("model 0 {place}").parse().expect("a position");
                let rest = pager(&model, per_page).resume_at(&saved).expect("the list");
                assert!(rest.count() <= 25, "{place}");
            }
        }
    }

    #[test]
    fn a_server_with_larger_pages_than_requested_is_followed() {
        let respond = |list: &[u32], page, _| envelope(list, page, 15);
        let model = Model::still(35, respond);
        assert_eq!(ids(pager(&model, 10)), (0..35).rev().collect::<Vec<_>>());
        let largest = |list: &[u32], page, per_page| {
            let mut sent = envelope(list, page, per_page);
            sent["per_page"] = json!(u32::MAX);
            sent
        };
        let model = Model::still(35, largest);
        assert_eq!(ids(pager(&model, 10)), (0..35).rev().collect::<Vec<_>>());
    }

    #[test]
    fn an_iterator_resumed_at_any_position_yields_exactly_the_rest() {
        for taken in 0..=25 {
            let model = Model::new(25, |_| ());
            let mut first = pager(&model, 10);
            let head = ids(first.by_ref().take(taken));
            let saved = first.position().to_string().parse().expect("a position");
            let rest = ids(pager(&model, 10).resume_at(&saved).expect("the same list"));
            assert_eq!([head, rest].concat(), (0..25).rev().collect::<Vec<_>>(), "after {taken}");
        }
    }

    #[test]
    fn an_iterator_resumed_after_a_page_does_not_read_it_again_however_few_items_it_had() {
        let respond = |list: &[u32], page, per_page| {
            let mut sent = envelope(list, page, per_page);
            sent["items"].as_array_mut().expect("items").pop();
            sent
        };
        let model = Model::still(30, respond);
        let mut first = pager(&model, 10);
        assert_eq!(first.by_ref().take(9).count(), 9);
        let rest = pager(&model, 10).resume_at(&first.position());
        let (came, error) = outcome(rest.expect("the same list"));
        assert!(error.is_some_and(|error| error.kind() == ErrorKind::NoProgress));
        // One of the pages was read again, to make sure that it is short each time.
        assert_eq!((came, model.requests()), (18, 4));
    }

    #[test]
    fn a_resumed_iterator_misses_no_item_that_moved_up_meanwhile() {
        for seed in 0..2000 {
            let model = Model::new(40, churn(seed));
            let before: HashSet<u32> = model.list().iter().copied().collect();
            let mut first = pager(&model, 7);
            let head: HashSet<u32> =
                ids(first.by_ref().take(seed as usize % 40)).into_iter().collect();
            let rest: HashSet<u32> =
                ids(pager(&model, 7).resume_at(&first.position()).expect("the same list"))
                    .into_iter()
                    .collect();
            let list = model.list();
            let mut stayed = list.iter().filter(|id| before.contains(id));
            assert!(stayed.all(|id| head.contains(id) || rest.contains(id)), "seed {seed}");
        }
    }

    fn failure(respond: Respond) -> (usize, Error, usize) {
        let model = Model::still(35, respond);
        let mut items = pager(&model, 10);
        let mut came = 0;
        for item in items.by_ref() {
            match item {
                Ok(_) => came += 1,
                Err(error) => {
                    assert!(items.next().is_none());
                    return (came, error, model.requests());
                }
            }
        }
        panic!("no error, after {came} items");
    }

    #[test]
    fn a_server_that_repeats_itself_is_an_error() {
        let same_page = |list: &[u32], page, per_page| {
            let mut sent = envelope(list, 1, per_page);
            sent["page"] = json!(page);
            sent["has_more"] = json!(true);
            sent
        };
        let (came, error, requests) = failure(same_page);
        assert_eq!((came, error.kind(), requests), (10, ErrorKind::NoProgress, 3));
        assert!(error.to_string().contains("another page repeats page 1"), "{error}");
    }

    #[test]
    fn pages_in_a_circle_are_an_error() {
        let circle = |list: &[u32], page: u64, per_page| {
            let mut sent = envelope(list, (page - 1) % 2 + 1, per_page);
            sent["page"] = json!(page);
            sent
        };
        let (came, error, requests) = failure(circle);
        assert_eq!((came, error.kind(), requests), (20, ErrorKind::NoProgress, 4));
    }

    #[test]
    fn an_empty_page_that_is_not_the_last_is_an_error() {
        let (came, error, _) = failure(|list, page, per_page| {
            let mut sent = envelope(list, page, per_page);
            sent["has_more"] = json!(true);
            if page == 3 {
                sent["items"] = json!([]);
            }
            sent
        });
        assert_eq!((came, error.kind()), (20, ErrorKind::NoProgress));
        assert!(error.to_string().contains("page 3"), "{error}");
    }

    #[test]
    fn another_page_than_the_one_requested_is_an_error() {
        let (came, error, _) =
            failure(|list, page, per_page| envelope(list, page.min(2), per_page));
        assert_eq!((came, error.kind()), (20, ErrorKind::NoProgress));
        assert!(error.to_string().contains("page 3 was requested and page 2 came"), "{error}");
    }

    /// How servers respond to a request for a page after the end.
    const AFTER_THE_END: [Respond; 9] = [
        envelope,
        |list, page, size| instead(list, page, size, |last| envelope(list, last, size)),
        // The last page, under the number that was requested or under none.
        |list, page, size| {
            let mut sent = instead(list, page, size, |last| envelope(list, last, size));
            sent["page"] = page.into();
            sent
        },
        |list, page, size| {
            let mut sent = instead(list, page, size, |last| without_more(list, last, size));
            sent["page"] = Value::Null;
            sent
        },
        |list, page, _| instead(list, page, 4, |last| envelope(list, last, 4)),
        |list, page, size| instead(list, page, size, |_| json!({"status": 404})),
        |list, page, size| instead(list, page, size, |_| json!({"status": 422})),
        |list, page, size| instead(list, page, size.min(7), |_| json!({"status": 400})),
        // Its pages have a size of their own, which it does not report.
        |list, page, _| {
            let mut sent = instead(list, page, 5, |_| json!({"status": 404}));
            sent["per_page"] = Value::Null;
            sent
        },
    ];

    /// A page, or what a server makes of one after the end, given the number of the last one.
    fn instead(list: &[u32], page: u64, per_page: u32, after: impl Fn(u64) -> Value) -> Value {
        let last = (list.len() as u64).div_ceil(u64::from(per_page)).max(1);
        if page > last { after(last) } else { envelope(list, page, per_page) }
    }

    /// Deletions only, often enough at the end.
    fn shrink(seed: u64) -> impl FnMut(&mut Vec<u32>) + Send {
        let mut random = fastrand::Rng::with_seed(seed);
        let often = random.f64();
        move |list| {
            if random.f64() < often && !list.is_empty() {
                list.remove(random.usize(0..list.len()));
                let most = list.len().min(12);
                list.truncate(list.len() - random.usize(0..=most));
            }
        }
    }

    #[test]
    fn a_list_that_became_shorter_is_read_whole_however_the_server_says_so() {
        for (nth, respond) in AFTER_THE_END.into_iter().enumerate() {
            for seed in 0..400 {
                let model = Model::with([21, 31, 60][seed as usize % 3], shrink(seed), respond);
                let came = ids(pager(&model, 10));
                let distinct: HashSet<u32> = came.iter().copied().collect();
                assert_eq!(distinct.len(), came.len(), "server {nth}, seed {seed}");
                let list = model.list();
                let is_whole = list.iter().all(|id| distinct.contains(id));
                assert!(is_whole, "server {nth}, seed {seed}: {list:?}, {came:?}");
            }
        }
    }

    #[test]
    fn a_position_at_the_end_is_resumed_whatever_the_server_sends_for_a_page_after_it() {
        for (nth, respond) in AFTER_THE_END.into_iter().enumerate() {
            for (items, place, expected) in
                [(30, "30 of 30", 0), (20, "30 of 30", 0), (20, "26 of 31", 5), (0, "5 of 5", 0)]
            {
                let model = Model::still(items, respond);
                let saved = format!("model 0 {place}").parse().expect("a position");
                let rest = ids(pager(&model, 10).resume_at(&saved).expect("the list"));
                assert_eq!(rest.len(), expected, "server {nth}, {place}");
            }
        }
    }

    #[test]
    fn a_page_that_should_be_there_and_is_refused_is_an_error() {
        let (came, error, requests) = failure(|list, page, per_page| match page {
            3 => json!({"status": 404}),
            _ => envelope(list, page, per_page),
        });
        assert_eq!((came, error.kind(), requests), (20, ErrorKind::NotFound, 4));
    }

    #[test]
    fn an_item_after_a_total_that_is_too_low_comes() {
        // The total ends at 20, and so do the pages that it counts.
        let cut: Respond = |list, page, per_page| {
            let mut sent = envelope(list, page, per_page);
            sent["total_items"] = json!(20);
            sent
        };
        let silent: Respond = |list, page, per_page| {
            let mut sent = envelope(list, page, per_page);
            (sent["total_items"], sent["has_more"]) = (json!(20), Value::Null);
            sent
        };
        for respond in [cut, silent] {
            for taken in [0, 5, 13] {
                let model = Model::still(35, respond);
                let mut first = pager(&model, 10);
                let mut came = ids(first.by_ref().take(taken));
                came.extend(ids(pager(&model, 10).resume_at(&first.position()).expect("the list")));
                assert_eq!(came, (0..35).rev().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_resumed_iterator_finds_out_how_many_items_a_page_has_if_nothing_says_so() {
        let bare: Respond = |list, page, _| json!({"items": envelope(list, page, 23)["items"]});
        let with_more: Respond = |list, page, _| {
            let sent = envelope(list, page, 23);
            json!({"items": sent["items"], "has_more": sent["has_more"]})
        };
        for respond in [stubborn::<23>, stubborn::<4>, bare, with_more] {
            for taken in 0..=57 {
                let model = Model::still(57, respond);
                let saved = format!("model 0 {taken} of ?").parse().expect("a position");
                let rest = ids(pager(&model, 10).resume_at(&saved).expect("the list"));
                assert_eq!(rest, (0..57 - taken).rev().collect::<Vec<_>>(), "after {taken}");
            }
        }
    }

    #[test]
    fn a_total_that_jumps_to_and_fro_ends_in_an_error() {
        let (_, error, requests) = failure(|list, page, per_page| {
            let mut sent = envelope(list, page, per_page);
            sent["total_items"] = json!(if page % 2 == 0 { 10 } else { 35 });
            sent
        });
        assert_eq!(error.kind(), ErrorKind::NoProgress);
        assert!(requests < 120, "{requests} requests");
    }

    #[test]
    fn a_server_with_smaller_pages_than_requested_is_followed() {
        let respond = |list: &[u32], page, _| envelope(list, page, 4);
        let model = Model::still(35, respond);
        assert_eq!(ids(pager(&model, 10)), (0..35).rev().collect::<Vec<_>>());
        assert_eq!(model.requests(), 9);
    }

    #[test]
    fn items_without_ids_and_pages_without_totals_are_read_too() {
        let respond = |list: &[u32], page, per_page| json!({"items": envelope(list, page, per_page)["items"]});
        let model = Model::still(35, respond);
        assert_eq!(ids(pager(&model, 10)).len(), 35);
    }

    #[test]
    fn a_page_size_out_of_bounds_sends_nothing() {
        for size in [0, 101] {
            let model = Model::new(3, |_| ());
            let outcomes: Vec<_> = pager(&model, size).collect();
            assert!(
                matches!(&outcomes[..], [Err(error)] if error.kind() == ErrorKind::InvalidInput)
            );
            assert_eq!(model.requests(), 0);
        }
    }

    /// A server that sorts items with equal times anew for each response, in groups of so many.
    fn shuffling(group: usize, seed: u64, items: u32) -> Arc<Model> {
        let mut random = fastrand::Rng::with_seed(seed);
        let shuffle = move |list: &mut Vec<u32>| {
            list.chunks_mut(group).for_each(|ties| random.shuffle(ties));
        };
        Model::new(items, shuffle)
    }

    #[test]
    fn a_list_whose_ties_are_shuffled_comes_whole_or_is_an_error() {
        let (mut whole, mut failed) = (0, 0);
        for seed in 0..400 {
            let model = shuffling([2, 5, 12, 40][seed as usize % 4], seed, 137);
            let outcomes: Vec<Result<Item>> =
                pager(&model, [10, 20, 50][seed as usize % 3]).collect();
            let ids: HashSet<&str> =
                outcomes.iter().flatten().map(|item| item.id.as_str()).collect();
            let errors: Vec<&Error> =
                outcomes.iter().filter_map(|one| one.as_ref().err()).collect();
            assert_eq!(ids.len() + errors.len(), outcomes.len(), "seed {seed}: twice");
            match &errors[..] {
                [] => assert_eq!((ids.len(), whole += 1), (137, ()), "seed {seed}"),
                [error] => {
                    failed += 1;
                    assert_eq!(error.kind(), ErrorKind::NoProgress);
                    assert!(error.hint().is_some(), "{error:?}");
                }
                _ => panic!("seed {seed}: {errors:?}"),
            }
        }
        assert!(whole > 9 * failed, "{failed} of 400 failed");
    }

    #[test]
    fn a_permanent_shuffle_that_leaves_items_out_is_reported() {
        // Of each pair across a border, the one that was not read yet moves up.
        let mut turn = 0;
        let hide = move |list: &mut Vec<u32>| {
            turn += 1;
            let border = turn % 3 * 10;
            if border > 0 {
                list.swap(border - 1, border);
            }
        };
        let model = Model::new(30, hide);
        let outcomes: Vec<Result<Item>> = pager(&model, 10).collect();
        let came = outcomes.iter().filter(|one| one.is_ok()).count();
        let is_reported = outcomes.iter().any(Result::is_err);
        assert!(came == 30 || is_reported, "{came} of 30 and no error");
    }

    #[test]
    fn one_insertion_and_one_deletion_between_two_pages_are_no_error() {
        for doomed in [0, 5, 15, 34] {
            let mut turn = 0;
            let model = Model::new(35, move |list| {
                turn += 1;
                if turn == 1 {
                    list.remove(doomed);
                    list.insert(0, 1000);
                }
            });
            let came = ids(pager(&model, 10));
            let distinct: HashSet<u32> = came.iter().copied().collect();
            assert_eq!(distinct.len(), came.len());
            assert!(model.list().iter().all(|id| *id == 1000 || distinct.contains(id)), "{doomed}");
            assert!(model.requests() <= 8, "{} requests", model.requests());
        }
    }

    /// A server with pages of this size, whatever was requested, which it does not report.
    fn stubborn<const N: u32>(list: &[u32], page: u64, _: u32) -> Value {
        let mut sent = envelope(list, page, N);
        sent["per_page"] = Value::Null;
        sent
    }

    #[test]
    fn a_server_that_ignores_the_page_size_and_does_not_say_so_is_read_whole() {
        fn without<const N: u32>(
            list: &[u32],
            page: u64,
            per_page: u32,
            left_out: &[&str],
        ) -> Value {
            let mut sent = stubborn::<N>(list, page, per_page);
            left_out.iter().for_each(|name| sent[*name] = Value::Null);
            sent
        }
        let servers: [Respond; 5] = [
            stubborn::<20>,
            stubborn::<200>,
            |list, page, size| without::<20>(list, page, size, &["has_more", "total_pages"]),
            |list, page, size| without::<20>(list, page, size, &["has_more", "total_items"]),
            |list, page, size| without::<150>(list, page, size, &["has_more"]),
        ];
        for respond in servers {
            for items in [0, 19, 20, 21, 200, 950] {
                let model = Model::still(items, respond);
                assert_eq!(ids(pager(&model, 100)).len(), items as usize);
            }
            // Resumed on a page of a size that the server does not have.
            let model = Model::still(950, respond);
            let saved = "model 0 300 of 950".parse().expect("a position");
            let rest = ids(pager(&model, 100).resume_at(&saved).expect("the list"));
            assert_eq!(rest, (0..650).rev().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_list_is_read_whole_though_its_numbers_are_missing_or_deny_that_there_is_more() {
        let servers: [Respond; 2] = [
            |list, page, per_page| {
                let mut sent = stubborn::<20>(list, page, per_page);
                let numbers = ["page", "per_page", "has_more", "total_items", "total_pages"];
                numbers.iter().for_each(|name| sent[*name] = Value::Null);
                sent
            },
            |list, page, per_page| {
                let mut sent = envelope(list, page, per_page);
                sent["has_more"] = false.into();
                sent
            },
        ];
        for respond in servers {
            for items in [0, 19, 20, 21, 100, 101, 250] {
                let model = Model::still(items, respond);
                assert_eq!(ids(pager(&model, 100)).len(), items as usize, "{items}");
            }
        }
    }

    /// The items that come, and the error at the end if there is one.
    fn outcome(pager: Pager<Item>) -> (usize, Option<Error>) {
        let (good, bad): (Vec<_>, Vec<_>) = pager.partition(Result::is_ok);
        (good.len(), bad.into_iter().find_map(Result::err))
    }

    /// Leaves out the items whose id ends in 7.
    fn without_sevens(mut sent: Value) -> Value {
        let items = sent["items"].as_array_mut().expect("items");
        items.retain(|item| item["id"].as_str().is_some_and(|id| !id.ends_with('7')));
        sent
    }

    #[test]
    fn items_that_a_server_counts_and_does_not_send_are_reported_at_the_end() {
        let left_out: [(Respond, usize); 6] = [
            (|list, page, size| without_sevens(envelope(list, page, size)), 225),
            (|list, page, size| without_sevens(without_more(list, page, size)), 225),
            (|list, page, _| without_sevens(envelope(list, page, 30)), 225),
            (
                |list, page, size| {
                    let mut sent = without_sevens(envelope(list, page, size));
                    sent["per_page"] = Value::Null;
                    sent
                },
                225,
            ),
            // Counts its pages from 0.
            (
                |list, page, size| {
                    let mut sent = envelope(list, page + 1, size);
                    sent["page"] = page.into();
                    sent
                },
                150,
            ),
            (
                |list, page, size| {
                    let mut sent = envelope(list, page + 1, size);
                    (sent["page"], sent["total_items"]) = (page.into(), Value::Null);
                    sent
                },
                150,
            ),
        ];
        for (nth, (respond, expected)) in left_out.into_iter().enumerate() {
            let model = Model::still(250, respond);
            let (came, error) = outcome(pager(&model, 100));
            let error = error.unwrap_or_else(|| panic!("server {nth}: {came} and no error"));
            assert_eq!((came, error.kind()), (expected, ErrorKind::NoProgress), "server {nth}");
            assert!(error.hint().is_some() && error.to_string().contains("items came"), "{error}");
            assert!(model.requests() <= 12, "{} requests", model.requests());
        }
    }

    #[test]
    fn a_server_that_leaves_items_out_is_read_in_large_pages() {
        let model = Model::still(1000, |list, page, per_page| {
            let mut sent = without_sevens(envelope(list, page, per_page));
            sent["per_page"] = Value::Null;
            sent
        });
        assert_eq!(outcome(pager(&model, 100)).0, 900);
        assert!(model.requests() <= 13, "{} requests", model.requests());
    }

    #[test]
    fn a_page_that_was_short_because_the_list_changed_is_read_again() {
        // The server counts before an item is deleted, and selects after it.
        for is_last in [false, true] {
            let turn = AtomicUsize::new(0);
            let list = Mutex::new((0..250).rev().collect::<Vec<u32>>());
            let race = move |page: u64, size: u32| {
                let mut list = list.lock().expect("no panic before");
                let mut sent = envelope(&list, page, size);
                let is_due = turn.fetch_add(1, Ordering::Relaxed) == if is_last { 2 } else { 1 };
                if is_due {
                    let gone = list.remove((page as usize - 1) * 100 + 7);
                    let items = sent["items"].as_array_mut().expect("items");
                    let gone = json!(gone.to_string());
                    items.retain(|item| item["id"] != gone);
                }
                sent
            };
            let server = Arc::new(Race(Box::new(race)));
            let pager: Pager<Item> = Pager::new(Numbered::new(server)).page_size(100);
            let (came, error) = outcome(pager);
            assert!(error.is_none(), "{error:?}");
            assert_eq!(came, 249);
        }
    }

    #[test]
    fn a_null_among_the_items_is_no_item_that_was_left_out() {
        let model = Model::still(35, |list, page, per_page| {
            let mut sent = envelope(list, page, per_page);
            sent["items"][2] = Value::Null;
            sent
        });
        assert_eq!(ids(pager(&model, 10)).len(), 31);
        assert_eq!(model.requests(), 4);
    }

    #[test]
    fn a_page_far_larger_than_requested_is_rejected_and_a_large_one_is_not() {
        for (items, is_rejected) in [(1000, false), (1001, true)] {
            let respond: Respond =
                |list, page, _| json!({"items": envelope(list, page, 2000)["items"]});
            let model = Model::still(items, respond);
            let outcomes: Vec<_> = pager(&model, 100).collect();
            let rejected = outcomes.iter().filter_map(|one| one.as_ref().err());
            let kinds: Vec<ErrorKind> = rejected.map(Error::kind).collect();
            assert_eq!(kinds, [ErrorKind::Unreadable; 1][..usize::from(is_rejected)]);
            assert!(is_rejected || outcomes.len() == 1000);
        }
    }

    #[test]
    fn an_id_that_comes_twice_in_a_page_comes_once() {
        let respond: Respond = |list, page, per_page| {
            let mut sent = envelope(list, page, per_page);
            let items = sent["items"].as_array_mut().expect("items");
            items.push(items[0].clone());
            items.insert(3, items[2].clone());
            sent
        };
        assert_eq!(ids(pager(&Model::still(35, respond), 10)).len(), 35);
    }

    #[test]
    fn a_resumed_iterator_requests_the_page_size_anew() {
        let model = Model::still(35, |list, page, per_page| envelope(list, page, per_page.min(4)));
        let mut first = pager(&model, 10);
        assert_eq!(first.by_ref().count(), 35);
        let resumed = first.resume_at(&pager(&model, 10).position()).expect("the list");
        let before = model.requests();
        assert_eq!(ids(resumed), (0..35).rev().collect::<Vec<_>>());
        assert_eq!(model.sizes()[before], 10);
    }

    #[test]
    fn an_impossible_position_is_an_error_and_not_the_end() {
        let model = Model::still(35, envelope);
        for place in ["999999999 of 1", "36 of 35", "-1 of 35", "x of 35", "3", "3 of"] {
            let saved = format!("model 0 {place}").parse().expect("the shape of a position");
            let refused = pager(&model, 10).resume_at(&saved).expect_err(place);
            assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(model.requests(), 0);
    }

    #[test]
    fn a_position_beyond_the_end_is_an_error_with_a_hint_also_without_totals() {
        let without_totals: Respond = |list, page, per_page| {
            let mut sent = envelope(list, page, per_page);
            (sent["total_items"], sent["total_pages"]) = (Value::Null, Value::Null);
            sent
        };
        let bare: Respond =
            |list, page, per_page| json!({"items": envelope(list, page, per_page)["items"]});
        let larger: Respond = |list, page, _| json!({"items": envelope(list, page, 20)["items"]});
        for (respond, place, expected) in [
            (envelope as Respond, "36 of ?", None),
            (envelope, "999999999 of ?", None),
            (without_totals, "36 of ?", None),
            (without_totals, "50 of ?", None),
            (without_totals, "999999999 of ?", None),
            (without_totals, "45 of 100", None),
            (bare, "36 of ?", None),
            (bare, "41 of ?", None),
            (bare, "50 of ?", None),
            (without_totals, "35 of ?", Some(0)),
            (without_totals, "34 of ?", Some(1)),
            (bare, "35 of ?", Some(0)),
            (bare, "12 of ?", Some(23)),
            (larger, "30 of ?", Some(5)),
            (larger, "36 of ?", None),
        ] {
            let model = Model::still(35, respond);
            let saved = format!("model 0 {place}").parse().expect("a position");
            let (came, error) = outcome(pager(&model, 10).resume_at(&saved).expect("the list"));
            match (expected, error) {
                (Some(expected), None) => assert_eq!(came, expected, "{place}"),
                (None, Some(error)) => {
                    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{place}: {error}");
                    assert!(error.hint().is_some());
                }
                (_, error) => panic!("{place}: {came}, {error:?}"),
            }
        }
        for respond in [without_totals, bare] {
            let model = Model::still(40, respond);
            let saved = "model 0 40 of ?".parse().expect("a position");
            let rest = pager(&model, 10).resume_at(&saved).expect("the list");
            assert_eq!(outcome(rest).0, 0);
            assert!(model.requests() <= 3, "{} requests", model.requests());
        }
    }
}
