//! Numbered pages, newest first, read exactly while the list changes.

mod frontier;
mod landing;
mod order;
mod place;
mod reader;
mod state;

use std::sync::Arc;

use serde_json::Value;

use super::position::Position;
use super::progress::{PageRequest, Reading};
use super::seen::Key;
use super::source::{FetchedPage, FollowedList, Mark, PageSource};
use super::source::{check_page_size, explained, no_progress};
use super::span::Span;
use crate::error::{CallName, Error, Result};
use frontier::Size;
use reader::Reader;
use state::{Stage, State};

pub(crate) use reader::NumberedList;

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
    reader: Reader<L>,
}

impl<L: NumberedList + 'static> Numbered<L> {
    pub(crate) fn new(list: L) -> Numbered<L> {
        Numbered { reader: Reader::new(list) }
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.reader.state.seen.bytes() + self.reader.state.progress.bytes()
    }

    fn read_on(&mut self) -> Result<Option<FetchedPage>> {
        loop {
            match self.reader.state.stage {
                Stage::AtEnd => return Ok(None),
                Stage::PassOver => self.finish_pass()?,
                _ => match self.read_page()? {
                    None => {}
                    page => return Ok(page),
                },
            }
        }
    }

    fn read_page(&mut self) -> Result<Option<FetchedPage>> {
        let Some((span, has_moved)) = self.reader.fetch_next()? else { return Ok(None) };
        match self.take_in(span, has_moved) {
            // Nothing was missing yet; the pass was only to make sure.
            Err(error) if self.reader.state.is_extra_pass(&error) => {
                self.reader.state.stage = Stage::AtEnd;
                Ok(None)
            }
            page => page,
        }
    }

    fn finish_pass(&mut self) -> Result<()> {
        if self.reader.state.seems_short() {
            let per_page = self.reader.state.size.or(self.reader.page_size);
            let (first, _) = self.reader.fetch(PageRequest { number: 1, per_page })?;
            self.reader.state.check_top(first.keys().first().copied())?;
        }
        self.reader.state.finish_pass()
    }

    /// Takes in a page; returns the items of it that are new, if there are any.
    fn take_in(&mut self, span: Span, has_moved: bool) -> Result<Option<FetchedPage>> {
        let is_beyond = span.start > self.reader.state.frontier.behind;
        let keys = span.keys();
        let stands_still = !has_moved && span.page.numbers.total_items.is_some();
        self.reader.state.watch_order(&span, &keys, stands_still);
        let fresh = self.reader.state.fresh(span.start, &keys);
        if !span.page.numbers.counts() {
            self.reader.state.know_inherited(span.start, &keys);
        }
        if fresh.is_empty() || is_beyond {
            let is_stale = self.check_progress(&span, &keys, has_moved)?;
            // Beyond the frontier there is a gap before the page: the one that holds the frontier comes first.
            if is_stale || span.start > self.reader.state.frontier.behind {
                return Ok(None);
            }
        }
        self.reader.state.frontier.behind = self.reader.state.frontier.behind.max(span.end());
        self.reader.state.last = keys.last().copied().filter(|_| span.is_full());
        self.reader.state.watch_gap(&span, &keys, fresh.is_empty() && !has_moved)?;
        let is_last = !span.has_more();
        let page = self.reader.state.page_of(span, fresh, &keys);
        if is_last || self.reader.state.is_filled(&keys) {
            self.reader.state.stage = Stage::PassOver;
        }
        Ok(page)
    }

    /// Makes sure that a page without new items is not one that the server repeats. Returns whether the list has
    /// changed meanwhile, so that the page is out of date.
    fn check_progress(&mut self, span: &Span, keys: &[Key], has_moved: bool) -> Result<bool> {
        self.reader.state.progress.nothing_new().map_err(no_progress)?;
        // A server that calls the page its last one has an end, and sends that for all pages after it.
        let is_last = !span.page.numbers.counts() && span.page.numbers.has_more == Some(false);
        if has_moved || is_last {
            return Ok(false);
        }
        let reading = Reading::new(span.request, keys);
        let Some(request) = self.reader.state.progress.seems_to_repeat(&reading) else {
            return Ok(false);
        };
        let (again, has_moved) = match self.reader.fetch(request) {
            Err(denial) if place::may_be_after_the_end(&denial, request) => return Ok(false),
            again => again?,
        };
        let is_after_last = |span: &Span, request: PageRequest| {
            let last = span.page.numbers.last_page(request.per_page);
            last.is_some_and(|last| last < request.number)
        };
        // If the list changed between the two, equal pages prove nothing. A list that became shorter may have no such page
        // any more, and some servers send their last one instead.
        let is_same = !has_moved && reading.has_content_of(&again.keys());
        if is_same && !is_after_last(&again, request) {
            let is_end = is_after_last(span, span.request);
            let denial = (!is_end).then(|| place::repeats(request.number));
            return self.reader.nothing_at(span.request, denial).map(|_| true);
        }
        Ok(has_moved)
    }
}

impl<L: NumberedList + 'static> PageSource for Numbered<L> {
    fn next_page(&mut self) -> Result<Option<FetchedPage>> {
        check_page_size(self.reader.page_size)
            .and_then(|()| self.read_on())
            .map_err(|error| explained(error, self.reader.state.is_doubtful()))
            .map_err(|error| error.with_call(self.reader.list.call_name()))
    }

    fn resume_at(&mut self, position: &Position) -> Result<Mark> {
        let place = position.place_in(&self.reader.list.list_name())?;
        let (behind, total, is_lacking) = parse(place).ok_or_else(Position::unreadable)?;
        self.reader.ahead.forget();
        self.reader.state = State::after(behind, total, is_lacking);
        Ok(Mark::Offset { behind, total, is_lacking })
    }

    fn position(&self, mark: Option<&Mark>) -> Position {
        let (behind, total, was_lacking) = match mark {
            Some(Mark::Offset { behind, total, is_lacking }) => (*behind, *total, *is_lacking),
            _ => (0, None, false),
        };
        let total = total.map_or_else(|| "?".to_owned(), |total| total.to_string());
        let lacking =
            if was_lacking && self.reader.state.stage != Stage::AtEnd { LACKING } else { "" };
        Position::new(self.reader.list.list_name(), format!("{behind} of {total}{lacking}"))
    }

    fn reports_total(&self) -> bool {
        true
    }

    fn total_items(&self) -> Option<u64> {
        self.reader.state.frontier.total
    }

    fn set_page_size(&mut self, items: u32) {
        self.reader.page_size = items;
        self.reader.state.size = Size::AsRequested;
    }

    fn set_filter(&mut self, name: &str, value: Value) {
        // Nobody else has the list before the first request.
        if let Some(list) = Arc::get_mut(&mut self.reader.list) {
            list.set_filter(name, value);
        }
    }

    fn set_prefetch(&mut self, pages: u32, items: u64) {
        self.reader.ahead.set(pages, items);
    }

    fn call_name(&self) -> CallName {
        self.reader.list.call_name()
    }

    fn followed(&self) -> Option<&dyn FollowedList> {
        self.reader.list.followed()
    }

    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error {
        self.reader.list.unreadable(item, cause)
    }
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
