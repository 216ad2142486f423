//! What a walk needs of a way of paging.

use std::fmt;

use serde_json::Value;

use super::position::Position;
use crate::error::{Error, Result};

/// A way of turning pages.
///
/// It is implemented by [`Numbered`](super::Numbered) and [`Cursor`](super::Cursor), and by nothing outside
/// of this crate. Code that works with any walk names it as a bound:
///
/// ```
/// use heysync::page::{Pager, Walk};
///
/// /// The first item, as JSON of any shape.
/// fn first<P: Pager, T>(walk: Walk<P, T>) -> Option<heysync::Result<serde_json::Value>> {
///     walk.limit(1).decode_as().next()
/// }
/// ```
pub trait Pager: sealed::Sealed {
    /// A place between two items.
    #[doc(hidden)]
    type Mark: Clone + Default + fmt::Debug;

    /// Fetches the next page that has something to yield; `None` at the end of the list.
    #[doc(hidden)]
    fn turn(&mut self) -> Result<Option<Leaf<Self::Mark>>>;

    /// Starts anew behind `position`, or at the top.
    #[doc(hidden)]
    fn start(&mut self, position: Option<&Position>) -> Result<Self::Mark>;

    /// Writes a place down.
    #[doc(hidden)]
    fn position(&self, mark: &Self::Mark) -> Position;

    /// How many items there are, if the service has told.
    #[doc(hidden)]
    fn total_items(&self) -> Option<u64>;

    #[doc(hidden)]
    fn set_page_size(&mut self, items: u32);

    /// The error of an item that could not be decoded, with what may be shown of it.
    #[doc(hidden)]
    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error;
}

pub(crate) mod sealed {
    /// Keeps other crates from implementing what may still change.
    pub trait Sealed {}
}

/// A page as it came, without what was yielded before.
#[doc(hidden)]
#[derive(Debug)]
pub struct Leaf<M> {
    /// Each item, and the place behind it.
    pub items: Vec<(Value, M)>,
    /// The place behind the page.
    pub end: M,
    pub number: u64,
    pub total_items: Option<u64>,
    pub total_pages: Option<u64>,
    pub has_more: Option<bool>,
}
