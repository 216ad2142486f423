//! A listing in numbered pages, with the client that reads it.

use std::fmt;
use std::marker::PhantomData;

use serde_json::Value;

use super::client::Client;
use crate::error::{Error, Result};
use crate::page::{Numbered, NumberedList, NumberedPage, Sealed, Walk, list_name};
use crate::pipeline::call::Call;

/// A listing of items of one kind: the call that reads it, with its filters, and the client that sends it.
///
/// [`Alerts`](super::Alerts) and [`Mentions`](super::Mentions) are walks over one.
#[derive(Clone)]
pub struct Listing<Item> {
    client: Client,
    name: &'static str,
    call: Call,
    item: PhantomData<fn() -> Item>,
}

impl<Item> Listing<Item> {
    pub(crate) fn walk(
        client: &Client,
        name: &'static str,
        call: Call,
    ) -> Walk<Numbered<Self>, Item> {
        Walk::new(Numbered::new(Listing { client: client.clone(), name, call, item: PhantomData }))
    }
}

impl<Item> Sealed for Listing<Item> {}

impl<Item> NumberedList for Listing<Item> {
    fn list_name(&self) -> String {
        list_name(self.name, &self.call.query_text())
    }

    fn call_name(&self) -> String {
        self.call.name()
    }

    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error {
        self.client.unreadable_item(self.call_name(), item, cause)
    }

    fn fetch(&self, number: u64, per_page: u32) -> Result<NumberedPage> {
        self.client.send(&self.call.clone().query("page", number).query("per_page", per_page))
    }
}

impl<Item, T> Walk<Numbered<Listing<Item>>, T> {
    /// Sets a filter that this crate does not know, as a parameter of the query.
    ///
    /// It is percent-encoded. Setting one again replaces it; an empty value is refused when the first item is
    /// asked for, since services take it for no filter at all.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let german = client.mentions().parameter("language", "de");
    /// assert_eq!(german.count(), 137); // a service that does not know the filter takes no notice of it
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn parameter(self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        // A position names the filters by a hash of them: one taken before does not fit any more.
        self.change(|pager| {
            let call = &mut pager.list_mut().call;
            *call = call.clone().required_query(name, value);
        })
    }
}

impl<Item> fmt::Debug for Listing<Item> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").field("name", &self.name).finish_non_exhaustive()
    }
}
