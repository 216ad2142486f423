//! The public iterator over the items of a listing.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::ReadAllError;
use super::pages::Pages;
use super::position::Position;
use super::raw_pager::RawPager;
use super::source::{FollowedList, PageSource};
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// A lazy iterator over the items of a listing, which requests pages as it goes.
///
/// `Item` is the kind of the listing, which decides the filters there are; `T` is the type that the items are
/// decoded into. [`heylerts::Mentions`](crate::heylerts::Mentions), [`heylerts::Alerts`](crate::heylerts::Alerts) and
/// [`heylo::Events`](crate::heylo::Events) are aliases. See the [module](crate::page) for the guarantees.
///
/// # Examples
///
/// All methods of iterators are there:
///
/// ```
/// # use heysync::{Config, heylerts, sandbox};
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// let mut mentions = client.mentions();
/// let newest = mentions.next().expect("mentions")?;
/// let untitled = mentions.filter(|mention| mention.as_ref().is_ok_and(|m| m.title.is_none()));
/// assert_eq!(untitled.count(), 0);
/// # Ok::<(), heysync::Error>(())
/// ```
///
/// Errors are items, so `collect` stops at the first:
///
/// ```
/// # use heysync::{Config, heylerts, sandbox};
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// let alerts: Vec<heylerts::Alert> = client.alerts().collect::<heysync::Result<_>>()?;
/// assert_eq!(alerts.len(), 3);
/// # Ok::<(), heysync::Error>(())
/// ```
///
/// It can be stored, and sent to another thread:
///
/// ```
/// use heysync::heylerts::{Mention, Mentions};
///
/// struct Export {
///     mentions: Mentions,
///     written: u64,
/// }
///
/// fn first_of<Item>(mut pager: heysync::page::Pager<Item, Mention>) -> Option<Mention> {
///     pager.next()?.ok()
/// }
/// # fn send<T: Send>() {}
/// # send::<Export>();
/// ```
#[must_use = "iterators are lazy: nothing is requested until an item is"]
pub struct Pager<Item, T = Item> {
    raw: RawPager,
    types: PhantomData<fn() -> (Item, T)>,
}

impl<Item, T> Pager<Item, T> {
    pub(crate) fn new(source: impl PageSource + 'static) -> Pager<Item, T> {
        Pager { raw: RawPager::new(Box::new(source)), types: PhantomData }
    }

    /// Sets a filter of the listing.
    pub(crate) fn filter_by(mut self, name: &str, value: Value) -> Pager<Item, T> {
        self.raw.set_filter(name, value);
        self
    }

    /// Sets a filter that is a moment, in the form in which it is sent.
    pub(crate) fn filter_by_time(
        mut self,
        name: &str,
        moment: Timestamp,
        value: impl Into<Value>,
    ) -> Pager<Item, T> {
        if moment < Timestamp::FIRST_SENT {
            let message = format!("{name} is before the year 1: for all, begin with UNIX_EPOCH");
            self.raw.refuse_filter(message);
            return self;
        }
        self.filter_by(name, value.into())
    }

    /// The list, if it can be read again and again.
    pub(crate) fn followed(&self) -> Option<&dyn FollowedList> {
        self.raw.followed()
    }

    /// The position before the first item.
    pub(crate) fn top(&self) -> Position {
        self.raw.top()
    }

    /// As [`resume_at`](Pager::resume_at), in place.
    pub(crate) fn restart_at(&mut self, position: &Position) -> Result<()> {
        self.raw.resume_at(position)
    }

    pub(crate) fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error {
        self.raw.unreadable(item, cause)
    }

    /// Sets how many items are requested with each page, from 1 to 100. The default is 100, the most that both
    /// services send.
    ///
    /// Smaller pages cost more requests, and requests are limited; to get fewer items, set a
    /// [`limit`](Pager::limit). Any other number makes the first item an error of the kind
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), and nothing is sent.
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
    pub fn page_size(mut self, items: u32) -> Pager<Item, T> {
        self.raw.set_page_size(items);
        self
    }

    /// Sets how many items are yielded at most. The default is all of them.
    ///
    /// It does not change the size of the pages, and no page is requested beyond the limit. Unlike `take`, it
    /// holds for [`pages`](Pager::pages) and [`read_all`](Pager::read_all) too. An item that is an `Err` counts.
    /// [`resume_at`](Pager::resume_at) starts the count again.
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
    pub fn limit(mut self, items: u64) -> Pager<Item, T> {
        self.raw.set_limit(items);
        self
    }

    /// Fetches up to this many pages ahead of the caller, side by side, on threads of their own. The default is 0: a
    /// page is requested when its first item is. The most is 16.
    ///
    /// The items, their order, the errors and the [`position`](Pager::position) are those of an iterator without it,
    /// also if others change the list meanwhile.
    ///
    /// * **Heylerts**: the pages of a batch are used only if all report the same total and if the first item of the list,
    ///   requested again after the batch and beside the next one, is the same. Else they are requested again in order, and
    ///   the next batch comes later. With 4 pages ahead, 100 pages take about the time of 27 requests.
    /// * **Heylo**, where a page is named by the one before it: the next page is requested while the caller works on
    ///   the present one, whatever the number.
    ///
    /// Each request takes a token of the rate limit, and no page beyond the [`limit`](Pager::limit) is requested. If
    /// the iterator is dropped, at most so many requests are under way, and the one for the first item. Dropping cancels
    /// those that wait for the rate limit or before a retry, and waits for those that were sent, an
    /// [`attempt_timeout`](crate::Config::attempt_timeout) at most, so that no thread is left behind. An
    /// [`Observer`](crate::Observer) receives the end of each. Pages of the batch before, which were received and not yielded
    /// yet, are dropped as well.
    ///
    /// Any number above 16 makes the first item an error of the kind
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), and nothing is sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let mentions = client.mentions().page_size(20).prefetch(4).read_all()?;
    /// assert_eq!(mentions.len(), 137);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn prefetch(mut self, pages: u32) -> Pager<Item, T> {
        self.raw.set_prefetch(pages);
        self
    }

    /// Decodes the items into another type.
    ///
    /// An item that does not fit is one `Err` of the kind [`Unreadable`](crate::ErrorKind::Unreadable), whose
    /// [`body`](crate::Error::body) is the item's JSON. The items after it still come.
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
    pub fn decode_as<U: DeserializeOwned>(self) -> Pager<Item, U> {
        Pager { raw: self.raw, types: PhantomData }
    }

    /// Returns the position after the last item yielded, whether that was a value or an error.
    ///
    /// After a failed request it is still the position after the last item, so an iterator that is resumed
    /// there requests the same page again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let mut mentions = client.mentions();
    /// let _first_ten: Vec<_> = mentions.by_ref().take(10).collect();
    /// assert!(mentions.position().to_string().ends_with("10 of 137"));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn position(&self) -> Position {
        self.raw.position()
    }

    /// Continues right after `position`, which an iterator over the same listing returned. Nothing is sent yet.
    ///
    /// The position may be from another client, from an earlier run of the program, or from after an error. An
    /// iterator that was used before forgets what it has read. The page size and the limit stay.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the position is from another listing, or from the same
    /// with other filters. Set the filters first: a filter that is set after this call is an error, too, and the
    /// only item that comes.
    ///
    /// # Examples
    ///
    /// The second page fails. That finishes the iterator, and another one reads the rest:
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let service = sandbox::Heylerts::demo();
    /// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new()).retries(0);
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// # let fault = sandbox::Fault::BadGateway(sandbox::FaultPoint::BeforeEffect);
    /// # service.inject_if(1, fault, |request| request.query.contains("page=2"));
    /// let mut mentions = client.mentions();
    /// let came = mentions.by_ref().take_while(Result::is_ok).count();
    /// assert_eq!(came, 100);
    ///
    /// let rest = client.mentions().resume_at(&mentions.position())?;
    /// assert_eq!(rest.count(), 37);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn resume_at(mut self, position: &Position) -> Result<Pager<Item, T>> {
        self.raw.resume_at(position)?;
        Ok(self)
    }

    /// Returns how many items there are in all, as the service reports it; `None` if it does not, as Heylo.
    ///
    /// For a service that does, it requests the first page if that has not happened yet. That page is not
    /// requested again for the items. For Heylo, nothing is sent.
    ///
    /// # Errors
    ///
    /// Those of the request. The iterator is finished then.
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
        self.raw.total_items()
    }

    /// Turns it into an iterator over pages. The first one is the rest of the current page, if there is one.
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
    pub fn pages(self) -> Pages<Item, T> {
        Pages::new(self.raw)
    }
}

impl<Item, T: DeserializeOwned> Pager<Item, T> {
    /// Reads all items that are left into memory.
    ///
    /// # Errors
    ///
    /// Stops at the first error, of a request or of an item. The error holds the items before it and the position
    /// to continue from: see [`ReadAllError`]. With `?` it becomes a [`heysync::Error`](crate::Error).
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let alerts = client.alerts().read_all()?; // on an error, the items before it are dropped
    /// assert_eq!(alerts.len(), 3);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn read_all(mut self) -> Result<Vec<T>, ReadAllError<T>> {
        let mut items = Vec::new();
        while let Some(item) = self.next() {
            match item {
                Ok(item) => items.push(item),
                Err(error) => {
                    return Err(ReadAllError { items, position: self.position(), error });
                }
            }
        }
        Ok(items)
    }
}

impl<Item, T: DeserializeOwned> Iterator for Pager<Item, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        let item = self.raw.next()?;
        Some(item.and_then(|item| self.raw.decode(item)))
    }

    /// At least the items that were fetched and not yet yielded; at most the limit.
    ///
    /// The total that the service reports is no bound: the list may change while it is read.
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.raw.size_hint()
    }
}

impl<Item, T: DeserializeOwned> FusedIterator for Pager<Item, T> {}

impl<Item, T> fmt::Debug for Pager<Item, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pager")
            .field("position", &self.position())
            .field("is_finished", &self.raw.is_finished())
            .finish_non_exhaustive()
    }
}
