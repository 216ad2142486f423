//! The public iterator over the pages of a listing.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::position::Position;
use super::raw_pager::RawPager;
use crate::error::Result;

/// A page of a listing, as [`Pages`] yields it.
///
/// Its numbers are those of the service's response. If the list changes, those of the next page may differ.
#[derive(Debug)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items of the page, without those that came before. An item that could not be decoded is an `Err`.
    pub items: Vec<Result<T>>,
    /// The number of the page, from 1. For Heylo, which does not number its pages, how many have come.
    pub number: u64,
    /// How many items there are in all, if the service reports it.
    pub total_items: Option<u64>,
    /// How many pages there are in all, if the service reports it.
    pub total_pages: Option<u64>,
    /// Whether there are more pages, if the service reports it.
    pub has_more: Option<bool>,
}

/// An iterator over the pages of a listing, as [`Pager::pages`](super::Pager::pages) returns it.
///
/// It yields the same items in the same order as the [`Pager`](super::Pager), a page at a time. A
/// [`limit`](super::Pager::limit) may cut the last page short. A request that fails is one `Err`, and finishes the
/// iterator.
///
/// # Examples
///
/// Storing a page at a time, with the position to continue from:
///
/// ```
/// # use heysync::{Config, heylerts, sandbox};
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// let mut stored = Vec::new();
/// let mut pages = client.mentions().page_size(50).pages();
/// while let Some(page) = pages.next() {
///     for mention in page?.items {
///         stored.push(mention?.id);
///     }
///     println!("{}", pages.position());
/// }
/// assert_eq!(stored.len(), 137);
/// # Ok::<(), heysync::Error>(())
/// ```
#[must_use = "iterators are lazy: nothing is requested until a page is"]
pub struct Pages<Item, T = Item> {
    raw: RawPager,
    types: PhantomData<fn() -> (Item, T)>,
}

impl<Item, T> Pages<Item, T> {
    pub(super) fn new(raw: RawPager) -> Pages<Item, T> {
        Pages { raw, types: PhantomData }
    }

    /// Returns the position after the last page yielded. See [`Pager::position`](super::Pager::position).
    pub fn position(&self) -> Position {
        self.raw.position()
    }
}

impl<Item, T: DeserializeOwned> Iterator for Pages<Item, T> {
    type Item = Result<Page<T>>;

    fn next(&mut self) -> Option<Result<Page<T>>> {
        let numbers = match self.raw.next_page()? {
            Ok(numbers) => numbers,
            Err(error) => return Some(Err(error)),
        };
        let mut items = Vec::with_capacity(self.raw.size_hint().0);
        while let Some(item) = self.raw.pop() {
            items.push(self.raw.decode(item));
        }
        Some(Ok(Page {
            items,
            number: numbers.page.unwrap_or_default(),
            total_items: numbers.total_items,
            total_pages: numbers.total_pages,
            has_more: numbers.has_more,
        }))
    }
}

impl<Item, T: DeserializeOwned> FusedIterator for Pages<Item, T> {}

impl<Item, T> fmt::Debug for Pages<Item, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("position", &self.position())
            .field("is_finished", &self.raw.is_finished())
            .finish_non_exhaustive()
    }
}
