//! The walk itself: an iterator over the items of a listing, or over its pages.

use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::pager::Pager;
use super::position::Position;
use crate::error::{Error, ErrorKind, Result};

/// An iterator over the items of a listing, which asks for pages as it goes.
///
/// See the [module](crate::page) for what it promises. `P` is the listing and its way of paging, `T` what
/// its items are decoded into.
///
/// # Examples
///
/// ```no_run
/// # fn main() -> heysync::Result<()> {
/// # let client = heysync::heylerts::Client::from_env()?;
/// for alert in client.alerts().limit(250) {
///     println!("{}", alert?.name);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a walk is lazy: it asks for nothing until its items are"]
pub struct Walk<P: Pager, T> {
    pager: P,
    queue: VecDeque<(Value, P::Mark)>,
    /// The page that the queue is of, until [`Pages`] has yielded it.
    page: Option<PageInfo>,
    /// The place behind the queue.
    end: P::Mark,
    /// The place behind the last item yielded.
    mark: P::Mark,
    has_begun: bool,
    is_finished: bool,
    left: u64,
    item: PhantomData<fn() -> T>,
}

impl<P: Pager, T> Walk<P, T> {
    pub(crate) fn new(pager: P) -> Walk<P, T> {
        Walk {
            pager,
            queue: VecDeque::new(),
            page: None,
            end: P::Mark::default(),
            mark: P::Mark::default(),
            has_begun: false,
            is_finished: false,
            left: u64::MAX,
            item: PhantomData,
        }
    }

    /// Changes what is listed; the walk begins at the top.
    pub(crate) fn change(mut self, change: impl FnOnce(&mut P)) -> Walk<P, T> {
        change(&mut self.pager);
        let mark = self.pager.start(None).unwrap_or_default();
        Walk {
            left: self.left,
            mark,
            ..Walk::new(self.pager)
        }
    }

    /// Asks for pages of so many items, from 1 to 100. Default: 100, the most that both services give.
    ///
    /// Out of these bounds, the first item is an error of the kind
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), and nothing is sent.
    pub fn page_size(mut self, items: u32) -> Walk<P, T> {
        self.pager.set_page_size(items);
        self
    }

    /// Yields so many items at most. Default: all there are. Pages stay as large as they are.
    pub fn limit(mut self, items: u64) -> Walk<P, T> {
        self.left = items;
        self
    }

    /// Decodes the items into a type of the caller's own.
    pub fn typed<U: DeserializeOwned>(self) -> Walk<P, U> {
        Walk {
            pager: self.pager,
            queue: self.queue,
            page: self.page,
            end: self.end,
            mark: self.mark,
            has_begun: self.has_begun,
            is_finished: self.is_finished,
            left: self.left,
            item: PhantomData,
        }
    }

    /// Where the walk stands: behind the last item yielded, be it a value or an error.
    pub fn position(&self) -> Position {
        self.pager.position(&self.mark)
    }

    /// Goes on right behind `position`, which a walk over the same listing gave.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a position of another listing, or of the same
    /// with other filters. Set the filters first.
    pub fn resume_at(mut self, position: &Position) -> Result<Walk<P, T>> {
        let mark = self.pager.start(Some(position))?;
        self.queue.clear();
        (self.mark, self.end) = (mark.clone(), mark);
        (self.has_begun, self.is_finished) = (false, false);
        Ok(self)
    }

    /// How many items the service says there are; `None` where it does not say, as Heylo does not.
    ///
    /// Fetches the first page if nothing was fetched yet; that page is not fetched again.
    ///
    /// # Errors
    ///
    /// Those of the request. The walk is finished then.
    pub fn total_items(&mut self) -> Result<Option<u64>> {
        if !self.has_begun {
            self.fetch()?;
        }
        Ok(self.pager.total_items())
    }

    /// Makes an iterator over pages of it. The first is what is left of the page at hand, if one is.
    pub fn pages(self) -> Pages<P, T> {
        Pages { walk: self }
    }

    /// Puts the next page into the queue. Whatever fails or ends here ends the walk.
    fn fetch(&mut self) -> Result<()> {
        self.has_begun = true;
        let turned = self.pager.turn();
        let Ok(Some(leaf)) = turned else {
            (self.page, self.is_finished) = (None, true);
            return turned.map(drop);
        };
        self.page = Some(PageInfo {
            number: leaf.number,
            total_items: leaf.total_items,
            total_pages: leaf.total_pages,
            has_more: leaf.has_more,
        });
        self.queue.extend(leaf.items);
        self.end = leaf.end;
        Ok(())
    }

    fn take_from_queue(&mut self) -> Option<Value> {
        if self.left == 0 {
            return None;
        }
        let (item, mark) = self.queue.pop_front()?;
        self.left -= 1;
        self.mark = if self.queue.is_empty() {
            self.end.clone()
        } else {
            mark
        };
        Some(item)
    }
}

struct PageInfo {
    number: u64,
    total_items: Option<u64>,
    total_pages: Option<u64>,
    has_more: Option<bool>,
}

impl<P: Pager, T: DeserializeOwned> Walk<P, T> {
    /// Reads all that is left.
    ///
    /// # Errors
    ///
    /// Stops at the first error, of a request or of an item, and gives it together with what came before
    /// it and the position to go on from.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> heysync::Result<()> {
    /// # let client = heysync::heylerts::Client::from_env()?;
    /// match client.alerts().read_all() {
    ///     Ok(alerts) => println!("all {} alerts", alerts.len()),
    ///     Err(interrupted) => println!("{} alerts, then {}", interrupted.items.len(), interrupted.error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_all(mut self) -> Result<Vec<T>, Interrupted<T>> {
        let mut items = Vec::new();
        while let Some(item) = self.next() {
            match item {
                Ok(item) => items.push(item),
                Err(error) => {
                    return Err(Interrupted {
                        items,
                        position: self.position(),
                        error,
                    });
                }
            }
        }
        Ok(items)
    }

    fn decode(&self, item: Value) -> Result<T> {
        T::deserialize(&item).map_err(|error| {
            Error::new(ErrorKind::Unreadable, "an item is not what was expected")
                .with_call(self.pager.name())
                .with_body(item.to_string().into_bytes())
                .with_source(error)
        })
    }
}

impl<P: Pager, T: DeserializeOwned> Iterator for Walk<P, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(item) = self.take_from_queue() {
                return Some(self.decode(item));
            }
            if self.is_finished || self.left == 0 {
                return None;
            }
            if let Err(error) = self.fetch() {
                return Some(Err(error));
            }
        }
    }

    /// At least what was fetched and not yet yielded; at most the limit.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let ready = self.queue.len().min(left);
        let most = if self.is_finished {
            Some(ready)
        } else {
            Some(left).filter(|_| self.left < u64::MAX)
        };
        (ready, most)
    }
}

impl<P: Pager, T: DeserializeOwned> FusedIterator for Walk<P, T> {}

impl<P: Pager, T> fmt::Debug for Walk<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("position", &self.position())
            .field("is_finished", &self.is_finished)
            .finish_non_exhaustive()
    }
}

/// A page of a listing.
#[derive(Debug)]
#[non_exhaustive]
pub struct Page<T> {
    /// Its items, without those that an earlier page had. One that could not be decoded is an `Err`.
    pub items: Vec<Result<T>>,
    /// Its number, from 1.
    pub number: u64,
    /// How many items there are in all, where the service says so.
    pub total_items: Option<u64>,
    /// How many pages there are in all, where the service says so.
    pub total_pages: Option<u64>,
    /// Whether there is more behind it, where the service says so.
    pub has_more: Option<bool>,
}

/// An iterator over the pages of a listing.
///
/// It is a [`Walk`] taken a page at a time, with the same promises. The last page may be cut short by
/// [`Walk::limit`].
#[must_use = "pages are fetched only when they are asked for"]
pub struct Pages<P: Pager, T> {
    walk: Walk<P, T>,
}

impl<P: Pager, T> Pages<P, T> {
    /// Where the walk stands: behind the last page yielded.
    pub fn position(&self) -> Position {
        self.walk.position()
    }
}

impl<P: Pager, T: DeserializeOwned> Iterator for Pages<P, T> {
    type Item = Result<Page<T>>;

    fn next(&mut self) -> Option<Result<Page<T>>> {
        let walk = &mut self.walk;
        if walk.is_finished || walk.left == 0 {
            return None;
        }
        if walk.queue.is_empty() {
            if let Err(error) = walk.fetch() {
                return Some(Err(error));
            }
        }
        let info = walk.page.take()?;
        let mut items = Vec::with_capacity(walk.queue.len());
        while let Some(item) = walk.take_from_queue() {
            items.push(walk.decode(item));
        }
        Some(Ok(Page {
            items,
            number: info.number,
            total_items: info.total_items,
            total_pages: info.total_pages,
            has_more: info.has_more,
        }))
    }
}

impl<P: Pager, T: DeserializeOwned> FusedIterator for Pages<P, T> {}

impl<P: Pager, T> fmt::Debug for Pages<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("walk", &self.walk).finish()
    }
}

/// What was read before a walk failed, and how to go on.
#[derive(Debug, thiserror::Error)]
#[error("{error}; {} items were read before", items.len())]
pub struct Interrupted<T> {
    /// The items that came.
    pub items: Vec<T>,
    /// Where to go on: see [`Walk::resume_at`].
    pub position: Position,
    /// What went wrong.
    pub error: Error,
}

impl<T> From<Interrupted<T>> for Error {
    fn from(interrupted: Interrupted<T>) -> Error {
        interrupted.error
    }
}
