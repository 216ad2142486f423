//! Numbered pages, newest first, read exactly while the list changes.

mod frontier;
mod order;
mod state;

use std::fmt;
use std::mem;
use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use super::position::Position;
use super::prefetch::{AheadByNumber, FetchPage, Means};
use super::progress::{PageRequest, Reading};
use super::raw_page::{Numbers, RawPage};
use super::source::{FetchedPage, FollowedList, LARGEST_PAGE, Mark, PageSource};
use super::source::{check_length, check_page_size, explained, no_progress};
use super::span::{self, Span};
use crate::clock::{Clock, SystemClock};
use crate::error::{CallName, Error, Result};
use state::{State, beyond_the_end};

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

impl<L: NumberedList + 'static> Numbered<L> {
    pub(crate) fn new(list: L) -> Numbered<L> {
        Numbered {
            list: Arc::new(list),
            ahead: AheadByNumber::new(),
            page_size: LARGEST_PAGE,
            state: State::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.state.seen.bytes() + self.state.progress.bytes()
    }

    fn read_on(&mut self) -> Result<Option<FetchedPage>> {
        while !self.state.is_at_end {
            if self.state.is_pass_over {
                self.finish_pass()?;
                continue;
            }
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
        Ok(None)
    }

    fn finish_pass(&mut self) -> Result<()> {
        if self.state.seems_short() {
            let per_page = self.state.per_page.unwrap_or(self.page_size);
            let (first, _) = self.fetch(PageRequest { number: 1, per_page })?;
            self.state.check_top(first.keys().first().copied())?;
        }
        self.state.finish_pass()
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
        span::bound_size(&mut page, request, asked);
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
        let mut first = self.list.fetch(1, asked)?;
        span::bound_size(&mut first, request, asked);
        let numbers = first.numbers;
        let last = numbers.last_page(request.per_page);
        // Without any numbers, the status of a page that is not found is all that there is.
        let is_unsaid = last.is_none() && numbers.has_more.is_none();
        let is_after = last.is_some_and(|last| last < request.number)
            || is_unsaid && refusal.status() == Some(StatusCode::NOT_FOUND);
        if is_after {
            let numbers = Numbers { page: None, has_more: Some(false), ..numbers };
            return Ok(RawPage::empty(numbers));
        }
        // The list may have shrunk and grown again meanwhile, also to the same total: a second refusal is one.
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
        self.state.watch_gap(&span, &keys, fresh.is_empty() && !has_moved)?;
        let is_last = !span.has_more();
        let page = self.state.page_of(span, fresh, &keys);
        self.state.is_pass_over = is_last || self.state.is_filled(&keys);
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
        // A list that became shorter may have no such page any more, and some servers send their last one instead.
        let has_page = again
            .page
            .numbers
            .last_page(request.per_page)
            .is_none_or(|last| last >= request.number);
        // If the list changed between the two, equal pages prove nothing.
        if !has_moved && has_page && reading.has_content_of(&again.keys()) {
            let number = request.number;
            return Err(no_progress(format!("another page repeats page {number}")));
        }
        Ok(has_moved)
    }
}

impl<L: NumberedList + 'static> PageSource for Numbered<L> {
    fn next_page(&mut self) -> Result<Option<FetchedPage>> {
        check_page_size(self.page_size)
            .and_then(|()| self.read_on())
            .map_err(|error| explained(error, self.state.is_doubtful()))
            .map_err(|error| error.with_call(self.list.call_name()))
    }

    fn resume_at(&mut self, position: &Position) -> Result<Mark> {
        let place = position.place_in(&self.list.list_name())?;
        let (behind, total, is_lacking) = parse(place).ok_or_else(Position::unreadable)?;
        self.ahead.forget();
        self.state = State::after(behind, total, is_lacking);
        Ok(Mark::Offset { behind, total, is_lacking })
    }

    fn position(&self, mark: Option<&Mark>) -> Position {
        let (behind, total, was_lacking) = match mark {
            Some(Mark::Offset { behind, total, is_lacking }) => (*behind, *total, *is_lacking),
            _ => (0, None, false),
        };
        // A frontier beyond the end is at the end.
        let behind = total.map_or(behind, |total| behind.min(total));
        let total = total.map_or_else(|| "?".to_owned(), |total| total.to_string());
        let lacking = if was_lacking && !self.state.is_complete() { LACKING } else { "" };
        Position::new(self.list.list_name(), format!("{behind} of {total}{lacking}"))
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

/// Whether a server may mean by this error that a page is after the end of the list.
fn may_be_after_the_end(error: &Error) -> bool {
    let status = error.status().map(|status| status.as_u16());
    matches!(status, Some(400 | 404 | 410 | 416 | 422))
}

/// The end of a position before which items were missing when it was taken.
const LACKING: &str = " lacking";

/// Reads `37 of 137` or `37 of ?`, and whether items before it are missing.
fn parse(place: &str) -> Option<(u64, Option<u64>, bool)> {
    let whole = place.strip_suffix(LACKING);
    let (behind, total) = whole.unwrap_or(place).split_once(" of ")?;
    let behind = behind.parse().ok()?;
    let total = if total == "?" { None } else { Some(total.parse().ok()?) };
    let is_possible = total.is_none_or(|total| behind <= total);
    is_possible.then_some((behind, total, whole.is_some()))
}
