//! The seam between the public iterator and the two ways in which services page.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::position::Position;
use super::raw_page::{Numbers, PageText};
use crate::error::{CallName, Error, ErrorKind, Result};

/// The largest page that the services send, in items.
pub(crate) const LARGEST_PAGE: u32 = 100;
/// A page may hold this many times the items that were requested.
const MOST_TIMES: u64 = 10;

/// A listing that comes in pages: [`Numbered`](super::Numbered) or [`Cursor`](super::Cursor).
pub(crate) trait PageSource: fmt::Debug + Send + Sync {
    /// Fetches the next page that has something to yield; `None` at the end of the list.
    fn next_page(&mut self) -> Result<Option<FetchedPage>>;

    /// Starts anew after `position`. Nothing of an earlier iteration is kept.
    fn resume_at(&mut self, position: &Position) -> Result<Mark>;

    /// Prints a point; `None` is the top of the list.
    fn position(&self, mark: Option<&Mark>) -> Position;

    /// Whether the service reports how many items a list has.
    fn reports_total(&self) -> bool;

    /// How many items there are in all, by the latest page.
    fn total_items(&self) -> Option<u64>;

    fn set_page_size(&mut self, items: u32);

    fn set_filter(&mut self, name: &str, value: Value);

    /// Sets how many pages may be fetched ahead of the caller, who takes so many more items at most.
    fn set_prefetch(&mut self, pages: u32, items: u64);

    /// The name of the call in errors.
    fn call_name(&self) -> CallName;

    /// The list, if it can be read again and again.
    fn followed(&self) -> Option<&dyn FollowedList> {
        None
    }

    /// The error for an item that could not be decoded. Its body is the item.
    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error;
}

/// A list that is read again and again, with the clock that its client waits on.
pub(crate) trait FollowedList {
    /// The name of the list in bookmarks.
    fn name(&self) -> String;

    /// Whether a filter sets the earliest moment of the listed items.
    fn has_start(&self) -> bool;

    fn now(&self) -> Instant;

    fn sleep_until(&self, moment: Instant) -> Result<()>;
}

/// A point between two items of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// This many positions from the top, of a list of `total` items, of which some before it may still be missing.
    Offset { behind: u64, total: Option<u64>, is_lacking: bool },
    /// After an item with an id.
    After(AfterItem),
}

/// The point after an item with an id, and after some items without one that follow it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AfterItem {
    /// The id of the item; none at the top of the list.
    pub(crate) last: Option<Arc<str>>,
    /// The id of the item before it; none if it was the first.
    pub(crate) before: Option<Arc<str>>,
    /// How many items without an id follow.
    pub(crate) nameless: usize,
    /// Whether the server was seen to send pages that were shorter than requested and not the last.
    pub(crate) cuts_short: bool,
}

/// A page without the items that were yielded before.
#[derive(Debug)]
pub(crate) struct FetchedPage {
    pub(crate) text: PageText,
    /// Each item as a range of the text, and the point after it.
    pub(crate) items: Vec<(Range<usize>, Mark)>,
    /// The point after the whole page.
    pub(crate) end: Mark,
    pub(crate) numbers: Numbers,
}

/// The error of a list that cannot be read to its end.
pub(crate) fn no_progress(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::NoProgress, what)
}

/// Adds the hint of a list that cannot be read to its end, unless the error has one.
pub(crate) fn explained(error: Error, is_doubtful: bool) -> Error {
    if error.kind() != ErrorKind::NoProgress || error.hint().is_some() {
        return error;
    }
    error.with_hint(match is_doubtful {
        false => "the list cannot be read to its end; the items up to here are complete",
        true => "the list cannot be read to its end, and some items up to here may be missing",
    })
}

/// Rejects a page size that no service accepts.
pub(crate) fn check_page_size(items: u32) -> Result<()> {
    if (1..=LARGEST_PAGE).contains(&items) {
        return Ok(());
    }
    Err(Error::invalid("the page size must be from 1 to 100"))
}

/// Rejects a page that is so much larger than requested that the server cannot have understood.
pub(crate) fn check_length(items: usize, requested: u32) -> Result<()> {
    if is_acceptable_length(items as u64, requested) {
        return Ok(());
    }
    let what = format!("a page of at most {requested} was requested, and {items} items came");
    let hint = "the server does not follow the page size: leave it at its default of 100";
    Err(Error::new(ErrorKind::Unreadable, what).with_hint(hint))
}

/// Whether a page may have so many items.
pub(crate) fn is_acceptable_length(items: u64, requested: u32) -> bool {
    items <= MOST_TIMES * u64::from(requested)
}
