//! The part of the iterator that does not depend on the type of its items.

use std::collections::VecDeque;
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::position::Position;
use super::prefetch::MOST_AHEAD;
use super::raw_page::{Numbers, PageText};
use super::source::{FollowedList, Mark, PageSource};
use crate::error::{Error, Result};

/// An iterator over the undecoded items of a listing.
#[derive(Debug)]
pub(super) struct RawPager {
    source: Box<dyn PageSource>,
    /// The text of the page that the queue is from.
    text: PageText,
    /// The items that are left of it, and the point after each.
    queue: VecDeque<(Range<usize>, Mark)>,
    /// The page that the queue is from, until [`Pages`](super::Pages) has yielded it.
    numbers: Option<Numbers>,
    /// The point behind the queue.
    end: Option<Mark>,
    /// The point behind the last item yielded; none before the first.
    mark: Option<Mark>,
    has_begun: bool,
    is_resumed: bool,
    is_finished: bool,
    /// A setting that came too late, to be reported in place of the next item.
    refusal: Option<Error>,
    /// How many pages are fetched ahead.
    prefetch: u32,
    limit: u64,
    /// How many more items the limit allows.
    left: u64,
}

impl RawPager {
    pub(super) fn new(source: Box<dyn PageSource>) -> RawPager {
        RawPager {
            source,
            text: PageText::default(),
            queue: VecDeque::new(),
            numbers: None,
            end: None,
            mark: None,
            has_begun: false,
            is_resumed: false,
            is_finished: false,
            refusal: None,
            prefetch: 0,
            limit: u64::MAX,
            left: u64::MAX,
        }
    }

    /// Sets a filter, or keeps the error that it came too late.
    pub(super) fn set_filter(&mut self, name: &str, value: Value) {
        if !self.has_begun && !self.is_resumed {
            return self.source.set_filter(name, value);
        }
        // Starting again at the top would repeat items, and a position belongs to the filters it was taken with.
        let late = if self.has_begun { "the first item was requested" } else { "`resume_at`" };
        let refusal = Error::invalid(format!("the filter `{name}` was set after {late}"))
            .with_call(self.source.call_name())
            .with_hint("set all filters first, or make a new iterator");
        self.refuse(refusal);
    }

    /// Makes this error the only item that comes.
    fn refuse(&mut self, refusal: Error) {
        self.refusal.get_or_insert(refusal);
        (self.numbers, self.is_finished) = (None, false);
        self.queue.clear();
    }

    /// Keeps the error that the value of a filter cannot be sent.
    pub(super) fn refuse_filter(&mut self, message: String) {
        self.refuse(Error::invalid(message).with_call(self.source.call_name()));
    }

    pub(super) fn set_page_size(&mut self, items: u32) {
        self.source.set_page_size(items);
    }

    /// Sets how many pages are fetched ahead, or keeps the error that these are too many.
    pub(super) fn set_prefetch(&mut self, pages: u32) {
        if pages <= MOST_AHEAD {
            self.prefetch = pages;
            return;
        }
        let message = format!("prefetch({pages}): at most {MOST_AHEAD} pages are fetched ahead");
        self.refuse(Error::invalid(message).with_call(self.source.call_name()));
    }

    pub(super) fn set_limit(&mut self, items: u64) {
        (self.limit, self.left) = (items, items);
    }

    pub(super) fn position(&self) -> Position {
        self.source.position(self.mark.as_ref())
    }

    pub(super) fn top(&self) -> Position {
        self.source.position(None)
    }

    pub(super) fn followed(&self) -> Option<&dyn FollowedList> {
        self.source.followed()
    }

    pub(super) fn resume_at(&mut self, position: &Position) -> Result<()> {
        if let Some(refusal) = self.refusal.take() {
            return Err(refusal);
        }
        let mark = self.source.resume_at(position)?;
        self.queue.clear();
        (self.numbers, self.end, self.mark) = (None, Some(mark.clone()), Some(mark));
        (self.has_begun, self.is_resumed, self.is_finished) = (false, true, false);
        self.left = self.limit;
        Ok(())
    }

    pub(super) fn total_items(&mut self) -> Result<Option<u64>> {
        let is_due = !self.has_begun && self.source.reports_total();
        if is_due || self.refusal.is_some() {
            self.fetch()?;
        }
        Ok(self.source.total_items())
    }

    /// Puts the next page into the queue. An error or the end of the list finishes the iteration.
    pub(super) fn fetch(&mut self) -> Result<()> {
        self.has_begun = true;
        let fetched = match self.refusal.take() {
            Some(refusal) => Err(refusal),
            None => {
                self.source.set_prefetch(self.prefetch, self.left);
                self.source.next_page()
            }
        };
        // Finished also after an error: `.flatten()` over an iterator that fails forever would not end.
        let Ok(Some(page)) = fetched else {
            (self.numbers, self.is_finished) = (None, true);
            return fetched.map(drop);
        };
        self.numbers = Some(page.numbers);
        self.text = page.text;
        self.queue.extend(page.items);
        self.end = Some(page.end);
        Ok(())
    }

    /// The next item of the queue, unless the limit is reached.
    pub(super) fn pop(&mut self) -> Option<Range<usize>> {
        if self.left == 0 {
            return None;
        }
        let (item, mark) = self.queue.pop_front()?;
        self.left -= 1;
        // Items at the end of a page that were left out, as yielded before, are behind its last item too.
        self.mark = if self.queue.is_empty() { self.end.clone() } else { Some(mark) };
        Some(item)
    }

    pub(super) fn next(&mut self) -> Option<Result<Range<usize>>> {
        loop {
            if let Some(item) = self.pop() {
                return Some(Ok(item));
            }
            if self.is_over() {
                return None;
            }
            if let Err(error) = self.fetch() {
                return Some(Err(error));
            }
        }
    }

    /// Makes sure that the queue holds a page, and returns that page's numbers; `None` at the end.
    pub(super) fn next_page(&mut self) -> Option<Result<Numbers>> {
        if self.is_over() {
            return None;
        }
        if self.queue.is_empty()
            && let Err(error) = self.fetch()
        {
            return Some(Err(error));
        }
        self.numbers.take().map(Ok)
    }

    fn is_over(&self) -> bool {
        self.left == 0 || self.is_finished && self.queue.is_empty()
    }

    pub(super) fn is_finished(&self) -> bool {
        self.is_finished
    }

    pub(super) fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let ready = self.queue.len().min(left);
        let most = if self.is_finished {
            Some(ready)
        } else {
            Some(left).filter(|_| self.left < u64::MAX)
        };
        (ready, most)
    }

    /// Decodes an item of the current page.
    pub(super) fn decode<T: DeserializeOwned>(&self, item: Range<usize>) -> Result<T> {
        self.text.decode(&item).map_err(|cause| self.unreadable_item(&item, cause))
    }

    // Apart from `decode`, so that it is compiled once and not for each type.
    fn unreadable_item(&self, item: &Range<usize>, cause: serde_json::Error) -> Error {
        self.unreadable(&self.text.value(item), cause)
    }

    pub(super) fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error {
        self.source.unreadable(item, cause)
    }
}
