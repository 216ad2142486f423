//! The blocking client of reqwest, which runs tokio in a thread of its own.

use reqwest::blocking::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Peer;
use super::by_ureq::walk;
use crate::fixtures::{
    Alert, EVENT_REQUEST, Event, EventPage, Hello, MentionPage, NEW_ALERT, PER_PAGE,
};

pub(crate) struct Reqwest {
    client: Client,
    base: String,
}

impl Reqwest {
    pub(crate) fn new(address: &str) -> Reqwest {
        let client = Client::builder().no_proxy().build().expect("a client");
        Reqwest { client, base: format!("http://{address}") }
    }

    fn read<T: DeserializeOwned>(request: RequestBuilder) -> T {
        let response = request.header("X-API-Key", "hlt_key").send().expect("a response");
        response.error_for_status().expect("a success").json().expect("JSON")
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        Self::read(self.client.get(format!("{}{path}", self.base)))
    }

    fn page(&self, number: u64) -> MentionPage {
        self.get(&format!("/api/v1/mentions?page={number}&per_page={PER_PAGE}"))
    }

    fn fetch<T: DeserializeOwned>(&self) -> usize {
        let request = self.client.post(format!("{}/apiv1-fetch", self.base)).json(&EVENT_REQUEST);
        Self::read::<EventPage<T>>(request).events.len()
    }
}

impl Peer for Reqwest {
    fn hello(&self) -> usize {
        usize::from(self.get::<Hello>("/api/v1/hello").ok)
    }

    fn create(&self) -> usize {
        let request = self.client.post(format!("{}/api/v1/alerts", self.base)).json(&NEW_ALERT);
        Self::read::<Alert>(request).sources.len()
    }

    fn mentions(&self) -> usize {
        self.page(1).items.len()
    }

    fn events(&self) -> usize {
        self.fetch::<Event>()
    }

    fn whole_events(&self) -> usize {
        self.fetch::<Value>()
    }

    fn walk(&self) -> usize {
        walk(|number| self.page(number))
    }
}
