//! A list of a community that continues after an item, as `lastEventId` does.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::client::Community;
use crate::clock::Clock;
use crate::error::{CallName, Error, Result};
use crate::page::{Cursor, CursorList, Pager, RawPage, list_name};
use crate::pipeline::call::Call;
use crate::pipeline::response::{self, BadBody};
use crate::pipeline::retry::Safety;

/// How Heylo names the parts of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    /// The `type` of a request.
    pub(super) kind: &'static str,
    /// The parameter that holds the id of the item to continue after.
    pub(super) cursor: &'static str,
    /// Reads a page: [`page`] with the names in it.
    pub(super) read: fn(Vec<u8>) -> Result<RawPage, BadBody>,
}

#[derive(Debug)]
struct Listing {
    community: Community,
    names: Names,
    parameters: Map<String, Value>,
}

pub(super) fn pager<Item>(community: &Community, names: Names) -> Pager<Item> {
    let community = community.clone();
    Pager::new(Cursor::new(Listing { community, names, parameters: Map::new() }))
}

/// Reads a response whose field `items` holds the items, each with an id under one of `id_names`.
pub(super) fn page(body: Vec<u8>, items: &str, id_names: &[&str]) -> Result<RawPage, BadBody> {
    let page = RawPage::parse(body, items, id_names)
        .map_err(|(body, cause)| BadBody::undecodable(body, cause))?;
    // An empty list may come with a report of failure.
    page.text_without_items().map_or(Ok(()), |text| response::undenied(text.as_bytes()))?;
    Ok(page)
}

impl Listing {
    fn call(&self, fields: Map<String, Value>) -> Call {
        self.community.call("apiv1-fetch", self.names.kind, &[], fields).safety(Safety::Read)
    }
}

impl CursorList for Listing {
    fn list_name(&self) -> String {
        // The page size is no part of the name: a cursor is valid for any.
        // Sorted, since the map keeps another order if some crate turns on that feature of `serde_json`.
        let sorted: BTreeMap<&String, &Value> = self.parameters.iter().collect();
        let mut filters = format!("{} {}", self.community.id(), json!(sorted));
        for (name, value) in &self.community.client().pipeline.settings.query {
            filters.push_str(&format!(" {name}={value}"));
        }
        list_name(&format!("heylo/{}", self.names.kind), &filters)
    }

    fn call_name(&self) -> CallName {
        (&self.call(Map::new())).into()
    }

    fn fetch(&self, after: Option<&str>, items: u32) -> Result<RawPage> {
        let mut fields = self.parameters.clone();
        // Always sent: Heylo's default of 50 would cost twice the requests, and requests are limited.
        fields.insert("batchSize".to_owned(), items.into());
        fields.extend(after.map(|id| (self.names.cursor.to_owned(), id.into())));
        self.community.client().pipeline.read(&self.call(fields), &self.names.read)
    }

    fn set_filter(&mut self, name: &str, value: Value) {
        self.parameters.insert(name.to_owned(), value);
    }

    fn unreadable(&self, item: &Value, cause: serde_json::Error) -> Error {
        self.community.client().pipeline.unreadable_item(self.call_name(), item, cause)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.community.client().pipeline.core.clock)
    }
}
