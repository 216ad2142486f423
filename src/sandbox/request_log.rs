//! The requests that a sandbox received.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use super::exchange::Incoming;

/// How many requests a log keeps by default.
const DEFAULT_CAPACITY: usize = 100_000;

/// The latest requests, and the number of all.
#[derive(Debug)]
pub(crate) struct RequestLog {
    records: VecDeque<RequestRecord>,
    received: usize,
    capacity: usize,
}

/// A request that a sandbox received, and the status of its response.
///
/// It prints as one line, such as `POST /apiv1-fetch communityEvents: 200 OK`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestRecord {
    /// Its number in the order of arrival, from 1.
    pub number: usize,
    /// When it arrived, counted from the start of the sandbox.
    pub at: Duration,
    /// The method.
    pub method: Method,
    /// The path, as it was sent.
    pub path: String,
    /// The query, as it was sent; empty if there was none.
    pub query: String,
    /// The headers, with keys replaced by `(redacted)`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The status of the response; `None` if none was sent (yet).
    pub status: Option<StatusCode>,
}

impl Default for RequestLog {
    fn default() -> RequestLog {
        RequestLog { records: VecDeque::new(), received: 0, capacity: DEFAULT_CAPACITY }
    }
}

impl RequestLog {
    /// The number of requests, including those that are no longer kept.
    pub(crate) fn received(&self) -> usize {
        self.received
    }

    pub(crate) fn records(&self) -> Vec<RequestRecord> {
        self.records.iter().cloned().collect()
    }

    /// Keeps only the latest `count` requests from now on.
    pub(crate) fn keep(&mut self, count: usize) {
        self.capacity = count;
        self.trim();
    }

    pub(crate) fn push(&mut self, record: RequestRecord) {
        self.received += 1;
        self.records.push_back(record);
        self.trim();
    }

    /// Sets the status of a request that is still kept.
    pub(crate) fn set_status(&mut self, number: usize, status: Option<StatusCode>) {
        let dropped = self.received - self.records.len();
        let index = number.checked_sub(dropped + 1);
        if let Some(record) = index.and_then(|index| self.records.get_mut(index)) {
            record.status = status;
        }
    }

    fn trim(&mut self) {
        let excess = self.records.len().saturating_sub(self.capacity);
        self.records.drain(..excess);
    }
}

impl RequestRecord {
    pub(crate) fn new(number: usize, at: Duration, request: &Incoming) -> RequestRecord {
        RequestRecord {
            number,
            at,
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: redacted(request.headers.clone()),
            body: request.body.clone(),
            status: None,
        }
    }

    /// Returns the body as JSON, or null if it is not JSON.
    ///
    /// Of a call to Heylo, `json()["type"]` is the operation. The person is `json()["userId"]` in a removal, and
    /// `json()["member"]["userId"]` in an invite.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns the `type` of a request to Heylo, or an empty string if it has none.
    pub fn kind(&self) -> String {
        let body = self.json();
        body.get("type").and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

impl fmt::Display for RequestRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        let kind = self.kind();
        if !kind.is_empty() {
            write!(f, " {}", kind.escape_debug())?;
        }
        match self.status {
            Some(status) => write!(f, ": {status}"),
            None => f.write_str(": no response"),
        }
    }
}

/// Headers whose value is or may be a secret.
const SECRET: [&str; 4] = ["authorization", "proxy-authorization", "x-api-key", "cookie"];

fn redacted(mut headers: HeaderMap) -> HeaderMap {
    for name in SECRET {
        if headers.contains_key(name) {
            headers.insert(name, HeaderValue::from_static("(redacted)"));
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(request: http::Request<Vec<u8>>) -> RequestRecord {
        RequestRecord::new(1, Duration::ZERO, &Incoming::new(request))
    }

    #[test]
    fn a_key_is_not_kept() {
        let request = http::Request::get("/api/v1/hello")
            .header("x-api-key", "hlt_hidden")
            .header("authorization", "Bearer hidden")
            .header("accept", "*/*");
        let record = record(request.body(Vec::new()).unwrap());
        assert!(!format!("{record:?}").contains("hidden"));
        assert_eq!(record.headers["x-api-key"], "(redacted)");
        assert_eq!(record.headers["accept"], "*/*");
    }

    #[test]
    fn the_latest_requests_are_kept_and_each_gets_its_own_status() {
        let request = |number| {
            let request = http::Request::get("/").body(Vec::new()).unwrap();
            RequestRecord::new(number, Duration::ZERO, &Incoming::new(request))
        };
        let mut log = RequestLog::default();
        log.keep(2);
        (1..=5).for_each(|number| log.push(request(number)));
        // The third is no longer kept when its response is sent.
        (3..=4).for_each(|number| log.set_status(number, Some(StatusCode::OK)));
        let kept = log.records();
        let kept: Vec<_> = kept.iter().map(|it| (it.number, it.status)).collect();
        assert_eq!(kept, [(4, Some(StatusCode::OK)), (5, None)]);
        log.keep(0);
        log.set_status(5, Some(StatusCode::OK));
        assert_eq!((log.received(), log.records().len()), (5, 0));
    }

    #[test]
    fn a_record_prints_as_one_line() {
        let body = br#"{"type": "roleMembers"}"#.to_vec();
        let mut fetch = record(http::Request::post("/apiv1-fetch?a=b").body(body).unwrap());
        assert_eq!(fetch.to_string(), "POST /apiv1-fetch?a=b roleMembers: no response");
        fetch.status = Some(StatusCode::OK);
        fetch.query.clear();
        assert_eq!(fetch.to_string(), "POST /apiv1-fetch roleMembers: 200 OK");
    }
}
