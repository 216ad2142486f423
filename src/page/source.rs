//! The seam between the public iterator and the two ways in which services page.

use std::fmt;

use serde_json::Value;

use super::position::Position;
use crate::error::{Error, Result};

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

    /// The name of the call in errors.
    fn call_name(&self) -> String;

    /// The error for an item that could not be decoded. Its body is the item.
    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error;
}

/// A point between two items of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// This many positions from the top, of a list of `total` items.
    Offset { behind: u64, total: Option<u64> },
    /// After the item with this id, or after the top; and after this many items without an id behind that.
    After { id: Option<String>, nameless: usize },
}

/// A page without the items that were yielded before.
#[derive(Debug)]
pub(crate) struct FetchedPage {
    /// Each item, and the point behind it.
    pub(crate) items: Vec<(Value, Mark)>,
    /// The point behind the whole page.
    pub(crate) end: Mark,
    pub(crate) info: PageInfo,
}

/// A page's numbers, as its response had them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PageInfo {
    pub(crate) number: u64,
    pub(crate) total_items: Option<u64>,
    pub(crate) total_pages: Option<u64>,
    pub(crate) has_more: Option<bool>,
}
