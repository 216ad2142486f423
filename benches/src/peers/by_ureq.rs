//! ureq used directly: as its documentation shows it, and with care.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::Agent;
use ureq::http::HeaderValue;

use super::Peer;
use crate::fixtures::{
    Alert, EVENT_REQUEST, Event, EventPage, Hello, MentionPage, NEW_ALERT, PER_PAGE,
};

/// No timeouts, no limits, no rate limit, no retries, no message in an error.
pub(crate) struct Plain {
    agent: Agent,
    base: String,
}

impl Plain {
    pub(crate) fn new(address: &str) -> Plain {
        Plain { agent: Agent::new_with_defaults(), base: format!("http://{address}") }
    }

    fn page(&self, number: u64) -> MentionPage {
        let address = format!("{}/api/v1/mentions?page={number}&per_page={PER_PAGE}", self.base);
        let request = self.agent.get(address).header("X-API-Key", "hlt_key");
        request.call().expect("a response").body_mut().read_json().expect("mentions")
    }

    fn fetch<T: DeserializeOwned>(&self) -> usize {
        let request = self.agent.post(format!("{}/apiv1-fetch", self.base));
        let request = request.header("Authorization", "Bearer key");
        let mut response = request.send_json(EVENT_REQUEST).expect("a response");
        response.body_mut().read_json::<EventPage<T>>().expect("events").events.len()
    }
}

impl Peer for Plain {
    fn hello(&self) -> usize {
        let address = format!("{}/api/v1/hello", self.base);
        let request = self.agent.get(address).header("X-API-Key", "hlt_key");
        let mut response = request.call().expect("a response");
        usize::from(response.body_mut().read_json::<Hello>().expect("hello").ok)
    }

    fn create(&self) -> usize {
        let address = format!("{}/api/v1/alerts", self.base);
        let request = self.agent.post(address).header("X-API-Key", "hlt_key");
        let mut response = request.send_json(NEW_ALERT).expect("a response");
        response.body_mut().read_json::<Alert>().expect("an alert").sources.len()
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

/// Timeouts, limits, a key that is not printed, no redirects, the status and the body in an error; and, if `governor`
/// is on, a limiter.
pub(crate) struct Careful {
    agent: Agent,
    base: String,
    key: HeaderValue,
    #[cfg(feature = "governor")]
    limiter: Option<governor::DefaultDirectRateLimiter>,
}

impl Careful {
    pub(crate) fn new(address: &str, governor: bool) -> Careful {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(30)))
            .timeout_connect(Some(Duration::from_secs(10)))
            .user_agent("careful/1.0")
            .build();
        let mut key = HeaderValue::from_static("hlt_key");
        key.set_sensitive(true);
        let _ = governor;
        Careful {
            agent: config.into(),
            base: format!("http://{address}"),
            key,
            #[cfg(feature = "governor")]
            limiter: governor.then(|| {
                let rate = std::num::NonZeroU32::new(100_000).expect("not zero");
                governor::RateLimiter::direct(governor::Quota::per_second(rate))
            }),
        }
    }

    fn wait(&self) {
        #[cfg(feature = "governor")]
        while self.limiter.as_ref().is_some_and(|limiter| limiter.check().is_err()) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn read<T: DeserializeOwned>(
        response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> T {
        let mut response = response.expect("a response");
        let body = response.body_mut().with_config().limit(10 << 20).read_to_vec();
        let body = body.expect("a body");
        let status = response.status();
        assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("JSON")
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        self.wait();
        let request = self.agent.get(format!("{}{path}", self.base));
        Self::read(request.header("X-API-Key", &self.key).call())
    }

    fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> T {
        self.wait();
        let request = self.agent.post(format!("{}{path}", self.base));
        Self::read(request.header("X-API-Key", &self.key).send_json(body))
    }

    fn page(&self, number: u64) -> MentionPage {
        self.get(&format!("/api/v1/mentions?page={number}&per_page={PER_PAGE}"))
    }
}

impl Peer for Careful {
    fn hello(&self) -> usize {
        usize::from(self.get::<Hello>("/api/v1/hello").ok)
    }

    fn create(&self) -> usize {
        self.post::<Alert>("/api/v1/alerts", &NEW_ALERT).sources.len()
    }

    fn mentions(&self) -> usize {
        self.page(1).items.len()
    }

    fn events(&self) -> usize {
        self.post::<EventPage<Event>>("/apiv1-fetch", &EVENT_REQUEST).events.len()
    }

    fn whole_events(&self) -> usize {
        self.post::<EventPage<Value>>("/apiv1-fetch", &EVENT_REQUEST).events.len()
    }

    fn walk(&self) -> usize {
        walk(|number| self.page(number))
    }
}

/// A loop as people write it: it loses items of a list that changes meanwhile.
pub(super) fn walk(page: impl Fn(u64) -> MentionPage) -> usize {
    let (mut number, mut items) = (1, 0);
    loop {
        let page = page(number);
        items += page.items.len();
        if !page.has_more {
            return items;
        }
        number += 1;
    }
}
