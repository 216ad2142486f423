//! The walk itself: an iterator over the items of a listing, or over its pages.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::pager::Pager;
use super::position::Position;
use crate::error::{Error, Result};

/// An iterator over the items of a listing, which asks for pages as it goes.
///
/// See the [module](crate::page) for what it promises. `P` is the listing and its way of paging, `T` what
/// its items are decoded into.
///
/// # Examples
///
/// It is an iterator, with all that iterators can do:
///
/// ```
/// # use heysync::{Config, heylerts, sandbox};
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// let mut walk = client.mentions();
/// let newest = walk.next().expect("mentions")?;
/// let untitled = walk.filter(|mention| mention.as_ref().is_ok_and(|m| m.title.is_none()));
/// assert_eq!(untitled.count(), 0);
/// # Ok::<(), heysync::Error>(())
/// ```
///
/// Errors come as items, so `collect` stops at the first:
///
/// ```
/// # use heysync::{Config, heylerts, sandbox};
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// let alerts: Vec<heylerts::Alert> = client.alerts().collect::<heysync::Result<_>>()?;
/// assert_eq!(alerts.len(), 3);
/// # Ok::<(), heysync::Error>(())
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
        // What was fetched is of another list now. The limit stays: it was set on the walk, not on the list.
        Walk { left: self.left, mark, ..Walk::new(self.pager) }
    }

    /// Asks for pages of so many items, from 1 to 100. Default: 100, the most that both services give.
    ///
    /// Out of these bounds, the first item is an error of the kind
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), and nothing is sent. Smaller pages cost more
    /// requests, and requests are what is limited; to have fewer items, set a [`limit`](Walk::limit).
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.alerts().page_size(101).next().expect("one error").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// assert_eq!(error.attempts(), 0);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn page_size(mut self, items: u32) -> Walk<P, T> {
        self.pager.set_page_size(items);
        self
    }

    /// Yields so many items at most. Default: all there are.
    ///
    /// Pages stay as large as they are, and none is asked for beyond the limit. Unlike `take` it is known
    /// to the walk, so [`pages`](Walk::pages) and [`read_all`](Walk::read_all) keep to it. Items that come
    /// as errors count.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let newest = client.mentions().limit(10).read_all()?;
    /// assert_eq!(newest.len(), 10);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn limit(mut self, items: u64) -> Walk<P, T> {
        self.left = items;
        self
    }

    /// Decodes the items into a type of the caller's own.
    ///
    /// An item that does not fit is one `Err` of the kind [`Unreadable`](crate::ErrorKind::Unreadable), whose
    /// [`body`](crate::Error::body) is its JSON; the walk goes on behind it.
    ///
    /// # Examples
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Link {
    ///     url: String,
    ///     title: Option<String>,
    /// }
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// for link in client.mentions().decode_as::<Link>() {
    ///     let link = link?;
    ///     println!("{} ({})", link.title.unwrap_or_default(), link.url);
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn decode_as<U: DeserializeOwned>(self) -> Walk<P, U> {
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

    /// Tells where the walk stands: behind the last item yielded, be it a value or an error.
    ///
    /// Where a request failed, the position is still the one behind the last item that came, so a walk
    /// resumed there asks for the same page again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let mut walk = client.mentions();
    /// let _first_ten: Vec<_> = walk.by_ref().take(10).collect();
    /// assert!(walk.position().to_string().ends_with("10 of 137"));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn position(&self) -> Position {
        self.pager.position(&self.mark)
    }

    /// Goes on right behind `position`, which a walk over the same listing gave. Nothing is sent yet.
    ///
    /// The position may be from another client, another run of the program, or before an error.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a position of another listing, or of the same
    /// with other filters. Set the filters first.
    ///
    /// # Examples
    ///
    /// The second page met an error. The walk is over, and another takes its place:
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let service = sandbox::Heylerts::demo();
    /// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new()).retries(0);
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// # let fault = sandbox::Fault::BadGateway(sandbox::FaultPoint::BeforeEffect);
    /// # service.inject_if(1, fault, |request| request.query.contains("page=2"));
    /// let mut walk = client.mentions();
    /// let came = walk.by_ref().take_while(Result::is_ok).count();
    /// assert_eq!(came, 100);
    ///
    /// let rest = client.mentions().resume_at(&walk.position())?;
    /// assert_eq!(rest.count(), 37);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn resume_at(mut self, position: &Position) -> Result<Walk<P, T>> {
        let mark = self.pager.start(Some(position))?;
        self.queue.clear();
        (self.mark, self.end) = (mark.clone(), mark);
        (self.has_begun, self.is_finished) = (false, false);
        Ok(self)
    }

    /// Asks how many items the service says there are; `None` where it does not say, as Heylo does not.
    ///
    /// Fetches the first page if nothing was fetched yet; that page is not fetched again.
    ///
    /// # Errors
    ///
    /// Those of the request. The walk is finished then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let mut mentions = client.mentions();
    /// let total = mentions.total_items()?;
    /// assert_eq!(total, Some(137));
    /// assert_eq!(mentions.count(), 137);
    /// assert_eq!(client.bucket().snapshot().granted, 2); // two pages, two requests
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn total_items(&mut self) -> Result<Option<u64>> {
        if !self.has_begun {
            self.fetch()?;
        }
        Ok(self.pager.total_items())
    }

    /// Makes an iterator over pages of it. The first is what is left of the page at hand, if one is.
    ///
    /// # Examples
    ///
    /// A line of progress for each page:
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// for page in client.mentions().pages() {
    ///     let page = page?;
    ///     eprintln!("page {} of {:?}: {} items", page.number, page.total_pages, page.items.len());
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn pages(self) -> Pages<P, T> {
        Pages { walk: self }
    }

    /// Puts the next page into the queue. Whatever fails or ends here ends the walk.
    fn fetch(&mut self) -> Result<()> {
        self.has_begun = true;
        let turned = self.pager.turn();
        // Finished also after an error: `.flatten()` over a walk that failed for ever would spin.
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
        // Behind a page's last item lies also what of the page was left out, having been yielded before.
        self.mark = if self.queue.is_empty() { self.end.clone() } else { mark };
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
    /// Reads all that is left into memory.
    ///
    /// # Errors
    ///
    /// Stops at the first error, of a request or of an item, and gives it together with what came before
    /// it and the position to go on from.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let alerts = client.alerts().read_all()?; // what came is dropped where it fails
    /// assert_eq!(alerts.len(), 3);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    ///
    /// [`Interrupted`] shows how to keep what came.
    pub fn read_all(mut self) -> Result<Vec<T>, Interrupted<T>> {
        let mut items = Vec::new();
        while let Some(item) = self.next() {
            match item {
                Ok(item) => items.push(item),
                Err(error) => {
                    return Err(Interrupted { items, position: self.position(), error });
                }
            }
        }
        Ok(items)
    }

    // The page came as a list of any JSON, so an item that does not fit spoils only itself.
    fn decode(&self, item: Value) -> Result<T> {
        T::deserialize(&item).map_err(|cause| self.pager.unreadable(&item, cause))
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
    ///
    /// What the service says there are in all is no bound: the list may change before it is read.
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

/// A page of a listing, as [`Walk::pages`] gives it.
///
/// Its numbers are what the service said in that answer; on a list that changes, the next may say something
/// else.
#[derive(Debug)]
#[non_exhaustive]
pub struct Page<T> {
    /// Its items, without those that an earlier page had. One that could not be decoded is an `Err`.
    pub items: Vec<Result<T>>,
    /// Its number, from 1. Where the service gives none, as Heylo, how many pages have come.
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
/// [`Walk::limit`]. A request that fails is one `Err`, and the iterator is finished.
///
/// # Examples
///
/// Storing a page at a time, with the place to go on from:
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
#[must_use = "pages are fetched only when they are asked for"]
pub struct Pages<P: Pager, T> {
    walk: Walk<P, T>,
}

impl<P: Pager, T> Pages<P, T> {
    /// Tells where the walk stands: behind the last page yielded. See [`Walk::position`].
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
///
/// Prints as the error does, with how many items came before. It turns into an [`Error`] by `?`, which
/// forgets the items.
///
/// # Examples
///
/// ```
/// use heysync::page::Interrupted;
///
/// # use heysync::{Config, heylerts, sandbox};
/// # let service = sandbox::Heylerts::demo();
/// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new()).retries(0);
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// # let fault = sandbox::Fault::ServerError(sandbox::FaultPoint::BeforeEffect);
/// # service.inject_if(1, fault, |request| request.query.contains("page=2"));
/// let mentions = match client.mentions().read_all() {
///     Ok(mentions) => mentions,
///     Err(Interrupted { mut items, position, .. }) => {
///         assert_eq!(items.len(), 100);
///         items.extend(client.mentions().resume_at(&position)?.read_all()?);
///         items
///     }
/// };
/// assert_eq!(mentions.len(), 137);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Debug)]
pub struct Interrupted<T> {
    /// The items that came, in their order.
    pub items: Vec<T>,
    /// Where to go on: see [`Walk::resume_at`].
    pub position: Position,
    /// What went wrong.
    pub error: Error,
}

impl<T> fmt::Display for Interrupted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {} items were read before", self.error, self.items.len())
    }
}

impl<T: fmt::Debug> StdError for Interrupted<T> {
    /// The cause of the error, which is printed as part of this one.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}

impl<T> From<Interrupted<T>> for Error {
    fn from(interrupted: Interrupted<T>) -> Error {
        interrupted.error
    }
}
