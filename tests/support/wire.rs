//! A mockito server that gives its answers in turn and keeps what it was asked.

#![allow(dead_code, reason = "every test file takes of this what it needs")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use heysync::http::{HeaderMap, Request};
use heysync::sandbox::TestClock;
use heysync::{Config, Transport, TransportError, UreqTransport, heylerts, heylo};
use mockito::{Matcher, Server, ServerGuard};
use serde_json::Value;

pub(crate) const HEYLO_KEY: &str = "wire-key";
pub(crate) const HEYLERTS_KEY: &str = "hlt_wire_key";

/// Every method that either service knows; a mock is for one of them.
const METHODS: [&str; 4] = ["GET", "POST", "PATCH", "DELETE"];
/// The status of the answer to a request that the test did not expect.
const UNEXPECTED: u16 = 418;

/// A server on loopback, and the requests that came to it.
pub(crate) struct Wire {
    server: ServerGuard,
    requests: Arc<Mutex<Vec<Asked>>>,
}

/// A request as it came over the socket.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query, as they were written.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// What the server says to one request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// The defaults, but for waits that take no time, and for requests that would leave the machine.
///
/// On a clock of its own, a client has a token bucket of its own too.
pub(crate) fn local(clock: &TestClock) -> Config {
    let ureq = UreqTransport::default();
    let transport = move |request: Request<Vec<u8>>, timeout| match request.uri().host() {
        Some("127.0.0.1") => ureq.send(request, timeout),
        host => Err(TransportError::never_sent(format!("{host:?} is not here"))),
    };
    Config::new().clock(clock.clone()).transport(transport)
}

impl Wire {
    /// Gives these answers, one to each request. What comes after the last is unexpected.
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Wire {
        let mut wire = Wire { server: Server::new(), requests: Arc::default() };
        let turn = Arc::new(AtomicUsize::new(0));
        let mut last = 0;
        for answer in answers {
            let nth = last;
            wire.serve(&answer, &turn, move |turn| turn == nth);
            last += 1;
        }
        wire.serve(&Answer::status(UNEXPECTED), &turn, move |turn| turn >= last);
        wire
    }

    /// Expects no request at all.
    pub(crate) fn silent() -> Wire {
        Wire::new([])
    }

    fn serve(
        &mut self,
        answer: &Answer,
        turn: &Arc<AtomicUsize>,
        is_due: impl Fn(usize) -> bool + Copy + Send + Sync + 'static,
    ) {
        for method in METHODS {
            let (now, next, requests) = (turn.clone(), turn.clone(), self.requests.clone());
            let body = answer.body.clone();
            let mut mock = self
                .server
                .mock(method, Matcher::Any)
                .match_request(move |_| is_due(now.load(Ordering::SeqCst)))
                .with_status(answer.status.into())
                .with_body_from_request(move |request| {
                    requests.lock().unwrap().push(Asked::new(request));
                    next.fetch_add(1, Ordering::SeqCst);
                    body.clone().into()
                });
            for (name, value) in &answer.headers {
                mock = mock.with_header(*name, value);
            }
            mock.create();
        }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// A configuration that leads here, tries once, and waits in no time.
    pub(crate) fn config(&self) -> Config {
        local(&TestClock::new()).base_url(self.url()).retries(0)
    }

    pub(crate) fn heylo(&self) -> heylo::Client {
        heylo::Client::with_config(HEYLO_KEY, self.config()).unwrap()
    }

    pub(crate) fn heylerts(&self) -> heylerts::Client {
        heylerts::Client::with_config(HEYLERTS_KEY, self.config()).unwrap()
    }

    /// All that came, in order.
    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.requests.lock().unwrap().clone()
    }

    /// Method and target of all that came, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Asked::line).collect()
    }

    /// The one request that came.
    pub(crate) fn request(&self) -> Asked {
        let [request] = self.requests().try_into().expect("one request");
        request
    }
}

impl Asked {
    fn new(request: &mockito::Request) -> Asked {
        Asked {
            method: request.method().to_owned(),
            target: request.path_and_query().to_owned(),
            headers: request.headers().clone(),
            body: request.utf8_lossy_body().unwrap().into_owned(),
        }
    }

    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    /// Looks at everything that the headers of a request to a service must and must not be.
    ///
    /// `auth` is the one header that holds the key, and its value.
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

impl Answer {
    /// An empty answer.
    pub(crate) fn status(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: String::new() }
    }

    /// A success with this body.
    pub(crate) fn json(body: impl Into<Value>) -> Answer {
        Answer::status(200).header("content-type", "application/json").body(body.into().to_string())
    }

    /// A success with this text, of whatever kind.
    pub(crate) fn text(body: &str) -> Answer {
        Answer::status(200).body(body)
    }

    pub(crate) fn with_status(mut self, status: u16) -> Answer {
        self.status = status;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Answer {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<String>) -> Answer {
        self.body = body.into();
        self
    }
}
