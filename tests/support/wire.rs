//! A server that sends scripted responses in turn and keeps the requests.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::sync::{Arc, LazyLock, Mutex};

use heysync::http::{HeaderMap, Request, Response};
use heysync::sandbox::{self, Server, TestClock, WireResponse};
use heysync::{Config, Transport, TransportError, UreqTransport, heylerts, heylo};
use serde_json::Value;

#[path = "limit.rs"]
mod limit;

use limit::Limit;

pub(crate) const HEYLO_KEY: &str = "wire-key";
pub(crate) const HEYLERTS_KEY: &str = "hlt_wire_key";

/// The status of the response to a request that the test did not expect.
const UNEXPECTED: u16 = 418;

/// A server that sends these responses in turn, and the requests that arrived.
pub(crate) struct Wire {
    server: Server,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
    _limit: Limit,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) method: String,
    /// The path and the query, as they were sent.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// A response to one request.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// The default configuration, except that waits take no time and that requests cannot leave the machine.
///
/// On a new clock, a client also has a new token bucket.
pub(crate) fn local(clock: &TestClock) -> Config {
    // Reading the certificates of the system takes a while.
    static UREQ: LazyLock<UreqTransport> = LazyLock::new(UreqTransport::default);
    let transport = move |request: Request<Vec<u8>>, timeout| match request.uri().host() {
        Some("127.0.0.1") => UREQ.send(request, timeout),
        host => Err(TransportError::never_sent(format!("{host:?} is not here"))),
    };
    Config::new().clock(clock.clone()).transport(transport)
}

impl Wire {
    /// Sends these responses, one to each request. Requests after the last one are unexpected.
    pub(crate) fn new(responses: impl IntoIterator<Item = Scripted>) -> Wire {
        let limit = Limit::start();
        let requests: Arc<Mutex<Vec<ReceivedRequest>>> = Arc::default();
        let (responses, kept): (Vec<Scripted>, _) =
            (responses.into_iter().collect(), requests.clone());
        let server = sandbox::serve(0, move |request: Request<Vec<u8>>| {
            let mut requests = kept.lock().unwrap();
            let response = responses.get(requests.len()).cloned();
            requests.push(ReceivedRequest::new(&request));
            response.unwrap_or(Scripted::status(UNEXPECTED)).to_wire()
        });
        Wire { server: server.unwrap(), requests, _limit: limit }
    }

    /// Expects no request.
    pub(crate) fn unused() -> Wire {
        Wire::new([])
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// A configuration for this server that tries once and waits in no time.
    pub(crate) fn config(&self) -> Config {
        local(&TestClock::new()).base_url(self.url()).retries(0)
    }

    pub(crate) fn heylo(&self) -> heylo::Client {
        heylo::Client::with_config(HEYLO_KEY, self.config()).unwrap()
    }

    pub(crate) fn heylerts(&self) -> heylerts::Client {
        heylerts::Client::with_config(HEYLERTS_KEY, self.config()).unwrap()
    }

    /// Returns the requests in order.
    pub(crate) fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns the method and the target of each request in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().iter().map(ReceivedRequest::line).collect()
    }

    /// Returns the only request.
    pub(crate) fn request(&self) -> ReceivedRequest {
        let [request] = self.requests().try_into().expect("one request");
        request
    }
}

impl ReceivedRequest {
    fn new(request: &Request<Vec<u8>>) -> ReceivedRequest {
        ReceivedRequest {
            method: request.method().to_string(),
            target: request.uri().to_string(),
            headers: request.headers().clone(),
            body: String::from_utf8_lossy(request.body()).into_owned(),
        }
    }

    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// Parses the body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    /// Checks that a request has the headers that it must have, and no others.
    ///
    /// `auth` is the header with the key, and its value.
    pub(crate) fn assert_headers(&self, auth: (&str, &str)) {
        let own = concat!("heysync/", env!("CARGO_PKG_VERSION"));
        let mut expected = vec![auth, ("accept", "application/json"), ("user-agent", own)];
        let length = self.body.len().to_string();
        if !self.body.is_empty() {
            expected.push(("content-type", "application/json"));
            expected.push(("content-length", &length));
        }
        for (name, value) in &expected {
            let values: Vec<_> = self.headers.get_all(*name).iter().collect();
            assert_eq!(values, [value], "{name} of {self:?}");
        }
        let of_the_connection = ["host", "accept-encoding"];
        for name in self.headers.keys().map(|name| name.as_str()) {
            let is_expected = expected.iter().any(|(expected, _)| *expected == name);
            assert!(is_expected || of_the_connection.contains(&name), "{name} of {self:?}");
        }
    }
}

impl Scripted {
    /// An empty response.
    pub(crate) fn status(status: u16) -> Scripted {
        Scripted { status, headers: Vec::new(), body: String::new() }
    }

    /// A success with this body.
    pub(crate) fn json(body: impl Into<Value>) -> Scripted {
        Scripted::status(200)
            .header("content-type", "application/json")
            .body(body.into().to_string())
    }

    /// A success with this text.
    pub(crate) fn text(body: &str) -> Scripted {
        Scripted::status(200).body(body)
    }

    pub(crate) fn with_status(mut self, status: u16) -> Scripted {
        self.status = status;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Scripted {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<String>) -> Scripted {
        self.body = body.into();
        self
    }

    fn to_wire(&self) -> WireResponse {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(*name, value);
        }
        WireResponse::Complete(response.body(self.body.clone().into_bytes()).unwrap())
    }
}
