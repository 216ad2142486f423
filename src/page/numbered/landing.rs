//! The first page of a resumed iterator, which has to be where the position is.
//!
//! The size of the pages may be unknown, and a page after the end may look like one that was read. If the numbers of a page
//! do not prove its place, the first page of the list shows it, together with the page before. A position after the
//! end is an error.

use super::frontier::Size;
use super::place;
use super::reader::{Came, NumberedList, Reader};
use super::state::{Stage, beyond_the_end};
use crate::error::{Error, Result};
use crate::page::progress::{PageRequest, Reading};
use crate::page::seen::Key;
use crate::page::source::no_progress;
use crate::page::span::{self, Span};

impl<L: NumberedList + 'static> Reader<L> {
    /// Fetches the page of a position; `None` if it has to be requested anew, or if the list ends there.
    pub(super) fn land(&mut self, request: PageRequest) -> Result<Option<Came>> {
        self.state.progress.nothing_new().map_err(no_progress)?;
        let came = self.fetch_or_denial(request)?;
        let behind = self.state.frontier.behind;
        let is_at_place = self.next_request() == request;
        if is_at_place && came.as_ref().is_ok_and(|(span, _)| place::is_proved(span, request)) {
            return self.landed(came.ok());
        }
        let has_items = came.as_ref().is_ok_and(|(span, _)| span.len() > 0);
        if is_at_place && !has_items && self.ends_at_position()? {
            self.state.stage = Stage::PassOver;
            return Ok(None);
        }
        // A size may only repeat the request.
        let size = came.as_ref().ok().and_then(|(span, _)| span.page.numbers.per_page);
        let is_said = size.is_some_and(|size| size != u64::from(self.page_size));
        if request.number > 1 && !is_said && self.state.stage == Stage::Measuring {
            self.measure(request)?;
        }
        // Deletions in the meantime may have pulled items up from the page.
        if self.next_request() != request || self.state.frontier.behind < behind {
            return Ok(None);
        }
        match came {
            Ok((span, has_moved)) if request.number == 1 => self.reached(span, has_moved),
            came => self.beside_the_page_before(request, came),
        }
    }

    fn landed(&mut self, came: Option<Came>) -> Result<Option<Came>> {
        self.state.stage = Stage::Reading;
        Ok(came)
    }

    /// Whether the list ends at the position, at which nothing came, by a smaller page across it.
    ///
    /// The number of that page is not lower, so that a server with larger pages than it reports has nothing there, either.
    fn ends_at_position(&mut self) -> Result<bool> {
        let behind = self.state.frontier.behind;
        let size = self.state.size.or(self.page_size);
        let across = place::across(behind, size).filter(|across| across.per_page < size);
        let Some(across) = across else { return Ok(false) };
        let page = match self.list.fetch(across.number, across.per_page) {
            Err(denial) if place::may_be_after_the_end(&denial, across) => return Ok(false),
            page => page?,
        };
        let is_placed = span::place(&page, across) == Ok(across);
        let span = Span::new(across, page);
        self.state.follow(&span)?;
        let is_there = is_placed && span.request == across && self.state.frontier.behind == behind;
        let end = span.start.saturating_add(span.len()).saturating_add(span.page.holes);
        Ok(is_there && end == behind && !span.has_more())
    }

    /// Whether a page is neither the one before it nor the first one, which some servers send after the end.
    fn is_another(&mut self, came: &Result<Came>, before: &Span) -> Result<bool> {
        let keys = came.as_ref().map_or_else(|_| Vec::new(), |(span, _)| span.keys());
        if keys.is_empty() {
            return Ok(false);
        }
        let first = self.first_page(before)?;
        Ok(before.has_more() && keys != before.keys() && keys != first)
    }

    /// Returns the items of the first page if nothing would show that it is sent again after the end, and remembers them.
    fn first_page(&mut self, before: &Span) -> Result<Vec<Key>> {
        let numbers = &before.page.numbers;
        if numbers.counts() || numbers.page.is_some() || !before.has_more() {
            return Ok(Vec::new());
        }
        let request = PageRequest { number: 1, ..before.request };
        let keys = match before.request.number {
            1 => before.keys(),
            _ => self.list.fetch(1, request.per_page.min(self.page_size))?.keys(),
        };
        self.state.know_inherited(0, &keys);
        self.state.progress.something_new(Reading::new(request, &keys));
        Ok(keys)
    }

    /// Takes a page that is at its place, if the list reaches as far as the position.
    fn reached(&mut self, span: Span, has_moved: bool) -> Result<Option<Came>> {
        let behind = self.state.frontier.behind;
        if span.end() < behind && !span.page.numbers.counts() {
            return Err(beyond_the_end(behind));
        }
        self.landed(Some((span, has_moved)))
    }

    /// Learns the size of the pages from the first one.
    fn measure(&mut self, request: PageRequest) -> Result<()> {
        (self.state.stage, self.state.size) = (Stage::Landing, Size::AsRequested);
        let (first, _) = self.fetch(PageRequest { number: 1, ..request })?;
        self.state.size = self.state.size.then(first.request.per_page);
        Ok(())
    }

    /// Fetches the page before; `None` if that shows that the position is elsewhere.
    fn page_before(&mut self, request: PageRequest) -> Result<Option<Span>> {
        let behind = self.state.frontier.behind;
        let number = request.number - 1;
        let (before, _) = match self.fetch(PageRequest { number, ..request }) {
            Err(denial) if place::may_be_after_the_end(&denial, request) => {
                return Err(beyond_the_end(behind));
            }
            before => before?,
        };
        let is_elsewhere = self.state.frontier.behind < behind;
        Ok(Some(before).filter(|_| !is_elsewhere))
    }

    /// Distinguishes a page from the one before it, which some servers send again after the end.
    fn beside_the_page_before(
        &mut self,
        request: PageRequest,
        came: Result<Came>,
    ) -> Result<Option<Came>> {
        let (behind, number) = (self.state.frontier.behind, request.number - 1);
        let Some(before) = self.page_before(request)? else { return Ok(None) };
        let is_another = self.is_another(&came, &before)?;
        match came {
            Ok((span, has_moved)) if is_another => {
                let is_next = before.end() == behind;
                self.state.last = before.keys().last().copied().filter(|_| is_next);
                self.reached(span, has_moved)
            }
            Ok((span, _)) if span.len() > 0 => {
                self.after_the_last(request, &before, Some(place::repeats(number)))
            }
            came => self.after_the_last(request, &before, came.err()),
        }
    }

    /// Makes sure that the position is right at the end of the list if nothing is at its page.
    fn after_the_last(
        &mut self,
        request: PageRequest,
        last: &Span,
        denial: Option<Error>,
    ) -> Result<Option<Came>> {
        let (behind, keys) = (self.state.frontier.behind, last.keys());
        self.state.stage = Stage::Reading;
        self.state.last = keys.last().copied();
        self.state.progress.something_new(Reading::new(last.request, &keys));
        if last.page.numbers.counts() {
            return self.nothing_at(request, denial);
        }
        let is_another = denial.as_ref().is_some_and(|denial| denial.status().is_none());
        let is_elsewhere = is_another && self.repeats_the_page_before(last)?;
        if is_elsewhere || !last.is_full() || behind != last.full_end() {
            return Err(beyond_the_end(behind));
        }
        self.state.know_inherited(last.start, &keys);
        if last.page.numbers.has_more == Some(false) {
            self.state.stage = Stage::PassOver;
            return Ok(None);
        }
        self.nothing_at(request, denial)
    }

    /// Whether a page, too, may be the last one that is sent again.
    fn repeats_the_page_before(&mut self, span: &Span) -> Result<bool> {
        let Some(number) = span.request.number.checked_sub(1).filter(|number| *number > 0) else {
            return Ok(false);
        };
        let (before, _) = self.fetch(PageRequest { number, ..span.request })?;
        Ok(before.keys() == span.keys())
    }
}
