//! Requests numbered pages, and finds out which ones came and where the list ends.
//!
//! A page that is refused or empty ends the list only if something else shows the same: its numbers, those of the first page,
//! or a page of another size that ends with the last item. A page that a server sends in place of
//! one after the end is not taken for that one.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::place;
use super::state::{Stage, State};
use crate::clock::{Clock, SystemClock};
use crate::error::{CallName, Error, Result};
use crate::page::prefetch::{AheadByNumber, FetchPage, Means};
use crate::page::progress::PageRequest;
use crate::page::raw_page::RawPage;
use crate::page::source::{FollowedList, LARGEST_PAGE, check_length, no_progress};
use crate::page::span::{self, Span};

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

/// A page, and whether the list has changed since the page before.
pub(super) type Came = (Span, bool);

/// Reads a list page by page.
#[derive(Debug)]
pub(super) struct Reader<L> {
    pub(super) list: Arc<L>,
    pub(super) ahead: AheadByNumber,
    /// How many items the caller wants in a page.
    pub(super) page_size: u32,
    pub(super) state: State,
}

impl<L: NumberedList + 'static> Reader<L> {
    pub(super) fn new(list: L) -> Reader<L> {
        Reader {
            list: Arc::new(list),
            ahead: AheadByNumber::new(),
            page_size: LARGEST_PAGE,
            state: State::default(),
        }
    }

    /// Fetches the page that holds the frontier; `None` if that brought the end to light, or another place to read on at.
    pub(super) fn fetch_next(&mut self) -> Result<Option<Came>> {
        let request = self.next_request();
        let came = match self.state.stage {
            Stage::Measuring | Stage::Landing => self.land(request)?,
            _ => match self.fetch_or_denial(request)? {
                Ok(came) => Some(came),
                Err(denial) => self.nothing_at(request, Some(denial))?,
            },
        };
        match came {
            Some((span, _)) if span.len() == 0 && span.start <= self.state.frontier.behind => {
                self.empty(span)
            }
            came => Ok(came),
        }
    }

    /// Decides what it means that a page is empty.
    fn empty(&mut self, span: Span) -> Result<Option<Came>> {
        if !span.contradicts_itself() {
            let is_proved = span.request.number == 1 || span.page.numbers.counts();
            return if is_proved {
                Ok(Some((span, false)))
            } else {
                self.nothing_at(span.request, None)
            };
        }
        let again = match self.fetch_or_denial(span.request)? {
            Ok(again) => again,
            Err(denial) => return self.nothing_at(span.request, Some(denial)),
        };
        if again.0.contradicts_itself() {
            let number = span.request.number;
            return Err(no_progress(format!(
                "page {number} is empty and is said not to be the last"
            )));
        }
        Ok(Some(again))
    }

    pub(super) fn next_request(&self) -> PageRequest {
        // Not the number after the last one: the frontier may have moved up into a page already read.
        self.state.frontier.page(self.state.size.or(self.page_size))
    }

    /// Decides what it means that a page is refused, or empty if there is no `denial`: the end of the list, a list that
    /// became shorter, or an error.
    pub(super) fn nothing_at(
        &mut self,
        request: PageRequest,
        mut denial: Option<Error>,
    ) -> Result<Option<Came>> {
        if self.state.said.counts() {
            return self.nothing_by_its_numbers(request, denial);
        }
        let ends_here = self.ends_here()?;
        if ends_here == Some(true) {
            self.state.stage = Stage::PassOver;
            return Ok(None);
        }
        if self.state.turns_back_from(request) {
            return Ok(None);
        }
        if denial.is_none() {
            match self.fetch_or_denial(request)? {
                Ok(again) if again.0.len() > 0 => return Ok(Some(again)),
                again => denial = again.err(),
            }
        }
        if ends_here.is_none() && denial.as_ref().is_none_or(place::is_not_found) {
            self.state.stage = Stage::PassOver;
            return Ok(None);
        }
        Err(denial.unwrap_or_else(|| place::is_empty(request.number)))
    }

    /// The same if the server counts its items or pages: the first page shows whether the page should be there.
    fn nothing_by_its_numbers(
        &mut self,
        request: PageRequest,
        denial: Option<Error>,
    ) -> Result<Option<Came>> {
        if let Some(denial) = denial.filter(|denial| denial.status().is_none()) {
            return Err(denial);
        }
        let (first, _) = self.fetch(PageRequest { number: 1, ..request })?;
        if self.next_request() != request {
            return Ok(None);
        }
        let last = first.page.numbers.last_page(first.request.per_page);
        if last.is_some_and(|last| last < request.number) {
            self.state.stage = Stage::PassOver;
            return Ok(None);
        }
        // The list may have shrunk and grown again meanwhile, also to the same total: a second refusal is one.
        self.fetch(request).map(Some)
    }

    /// Fetches a page; the inner error is a refusal that may mean that the page is after the end.
    pub(super) fn fetch_or_denial(&mut self, request: PageRequest) -> Result<Result<Came, Error>> {
        match self.fetch(request) {
            Err(denial) if place::may_be_after_the_end(&denial, request) => Ok(Err(denial)),
            came => came.map(Ok),
        }
    }

    /// Whether the list ends with the last item read, by a page of another size that holds it and has room for more;
    /// `None` if that page does not show it.
    fn ends_here(&mut self) -> Result<Option<bool>> {
        let behind = self.state.frontier.behind;
        let size = self.state.size.or(self.page_size);
        let across = place::across(behind, size);
        let (Some(last), Some(across)) = (self.state.last, across) else { return Ok(None) };
        let page = match self.list.fetch(across.number, across.per_page) {
            Err(denial) if place::may_be_after_the_end(&denial, across) => return Ok(None),
            page => page?,
        };
        Ok(place::ends_with(&page, across, behind, last))
    }

    /// Fetches a page, and follows the changes of its total.
    pub(super) fn fetch(&mut self, request: PageRequest) -> Result<Came> {
        let asked = request.per_page.min(self.page_size);
        let (request, page) =
            self.fetch_placed(request, asked).map_err(|denial| place::refused(denial, request))?;
        let span = Span::new(request, page);
        let has_moved = self.state.follow(&span)?;
        if span.len() > 0 || span.page.numbers.counts() {
            self.state.said = span.page.numbers;
        }
        Ok((self.state.fitted(span, asked), has_moved))
    }

    /// Fetches a page, and finds out which one came.
    fn fetch_placed(&mut self, request: PageRequest, asked: u32) -> Result<(PageRequest, RawPage)> {
        let list = Arc::clone(&self.list);
        let fetch: FetchPage = Arc::new(move |number, per_page| list.fetch(number, per_page));
        let means = Means { fetch: &fetch, clock: &self.list.clock() };
        let mut page = self.ahead.page(means, PageRequest { per_page: asked, ..request })?;
        check_length(page.items.len(), asked)?;
        span::bound_size(&mut page, request, self.page_size);
        // A cache, or a server that ignores `page`, gives itself away by the number.
        let mut placed = span::place(&page, request).map_err(no_progress)?;
        if placed == request {
            placed = self.sent_after_the_end(&page, request, asked)?;
        }
        if placed != request {
            page.numbers.has_more = Some(false);
        }
        if placed.number == 1 && request.number > 1 && span::last_page(&page, request) != Some(1) {
            // The first page, sent again after the end, has nothing.
            page.items.clear();
            placed = request;
        }
        Ok((placed, page))
    }

    /// The page that came if one after the last was requested, as far as a resumed iterator cannot know by its items: it knows
    /// those before its position by their place only.
    fn sent_after_the_end(
        &self,
        page: &RawPage,
        request: PageRequest,
        asked: u32,
    ) -> Result<PageRequest> {
        let last = span::last_page(page, request).filter(|last| *last < request.number);
        let Some(last) = last.filter(|_| self.state.frontier.inherited > 0) else {
            return Ok(request);
        };
        for number in [last, 1] {
            if !page.items.is_empty() && self.list.fetch(number, asked)?.keys() == page.keys() {
                return Ok(PageRequest { number, ..request });
            }
        }
        Ok(request)
    }
}
