//! A listing in numbered pages, with the client that reads it.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::client::Client;
use crate::cancellation::Cancelled;
use crate::clock::Clock;
use crate::error::{CallName, Error, ErrorKind, Result};
use crate::page::{FollowedList, Numbered, NumberedList, Pager, RawPage, list_name};
use crate::pipeline::call::Call;
use crate::pipeline::response::{self, BadBody};

/// The call that reads a list, with its filters, and the client that sends it.
struct Listing {
    client: Client,
    /// The name of the list in positions.
    name: &'static str,
    call: Call,
}

/// Returns an iterator over the items of the list that `call` reads.
pub(crate) fn pager<Item>(client: &Client, name: &'static str, call: Call) -> Pager<Item> {
    Pager::new(Numbered::new(Listing { client: client.clone(), name, call }))
}

impl NumberedList for Listing {
    fn list_name(&self) -> String {
        list_name(self.name, &self.call.query_text(&self.client.pipeline.settings.query))
    }

    fn call_name(&self) -> CallName {
        (&self.call).into()
    }

    fn fetch(&self, number: u64, per_page: u32) -> Result<RawPage> {
        let call = self.call.clone().query("page", number).query("per_page", per_page);
        self.client.pipeline.read(&call, &read)
    }

    fn set_filter(&mut self, name: &str, value: Value) {
        let value = value.as_str().unwrap_or_default();
        self.call = self.call.clone().required_query(name, value);
    }

    fn followed(&self) -> Option<&dyn FollowedList> {
        Some(self)
    }

    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error {
        self.client.pipeline.unreadable_item(self.call_name(), item, cause)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.client.pipeline.core.clock)
    }
}

impl FollowedList for Listing {
    // Without `since`, which a script sets anew for each run.
    fn name(&self) -> String {
        let call = self.call.clone().without_query("since");
        list_name(self.name, &call.query_text(&self.client.pipeline.settings.query))
    }

    fn has_start(&self) -> bool {
        self.call.has_query("since")
    }

    fn now(&self) -> Instant {
        self.client.pipeline.core.clock.now()
    }

    fn sleep_until(&self, moment: Instant) -> Result<()> {
        let waited = self.client.pipeline.sleep_until(moment);
        waited.map_err(|Cancelled| {
            let message = "cancelled before the list was read again";
            Error::new(ErrorKind::Cancelled, message).with_call(self.call_name())
        })
    }
}

fn read(body: Vec<u8>) -> Result<RawPage, BadBody> {
    let page = RawPage::parse(body, "items", &["id"])
        .map_err(|(body, cause)| BadBody::undecodable(body, cause))?;
    // An empty list may come with a report of failure.
    page.text_without_items().map_or(Ok(()), |text| response::undenied(text.as_bytes()))?;
    Ok(page)
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").field("name", &self.name).finish_non_exhaustive()
    }
}
