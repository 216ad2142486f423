//! What came in, for a test to look at afterwards.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use super::exchange::Incoming;

/// How many requests a journal keeps unless told.
const KEPT: usize = 100_000;

/// The latest requests, and how many there were.
#[derive(Debug)]
pub(crate) struct Journal {
    records: VecDeque<Recorded>,
    came: usize,
    keeps: usize,
}

/// A request that a sandbox received, and what became of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// Its place in the order of arrival, from 1.
    pub number: usize,
    /// When it came, counted from the sandbox's beginning.
    pub at: Duration,
    /// `GET`, `POST` and so on.
    pub method: Method,
    /// The path, as it was sent.
    pub path: String,
    /// The query, as it was sent; empty where there was none.
    pub query: String,
    /// The headers, in which keys read `(redacted)`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The status that was answered; `None` while it is under way, and where the connection was cut.
    pub status: Option<StatusCode>,
}

impl Default for Journal {
    fn default() -> Journal {
        Journal { records: VecDeque::new(), came: 0, keeps: KEPT }
    }
}

impl Journal {
    /// How many requests came, those included that are kept no more.
    pub(crate) fn came(&self) -> usize {
        self.came
    }

    pub(crate) fn records(&self) -> Vec<Recorded> {
        self.records.iter().cloned().collect()
    }

    /// Keeps the latest so many from now on.
    pub(crate) fn keep(&mut self, most: usize) {
        self.keeps = most;
        self.forget();
    }

    pub(crate) fn push(&mut self, recorded: Recorded) {
        self.came += 1;
        self.records.push_back(recorded);
        self.forget();
    }

    /// Notes what was answered, where the request is still kept.
    pub(crate) fn note(&mut self, number: usize, status: Option<StatusCode>) {
        let forgotten = self.came - self.records.len();
        let place = number.checked_sub(forgotten + 1);
        if let Some(recorded) = place.and_then(|place| self.records.get_mut(place)) {
            recorded.status = status;
        }
    }

    fn forget(&mut self) {
        let too_many = self.records.len().saturating_sub(self.keeps);
        self.records.drain(..too_many);
    }
}

impl Recorded {
    pub(crate) fn new(number: usize, at: Duration, request: &Incoming) -> Recorded {
        Recorded {
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

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The `type` that a request to Heylo names; empty where it names none.
    pub fn operation(&self) -> String {
        let body = self.json();
        let operation = body.get("type").and_then(Value::as_str);
        operation.unwrap_or_default().to_owned()
    }
}

/// One line, as in `POST /apiv1-fetch communityEvents: 200 OK`.
impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        let operation = self.operation();
        if !operation.is_empty() {
            write!(f, " {}", operation.escape_debug())?;
        }
        match self.status {
            Some(status) => write!(f, ": {status}"),
            None => f.write_str(": no answer"),
        }
    }
}

/// Headers whose value is a key, or might be one.
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

    fn recorded(request: http::Request<Vec<u8>>) -> Recorded {
        Recorded::new(1, Duration::ZERO, &Incoming::new(request))
    }

    #[test]
    fn a_key_is_not_kept() {
        let request = http::Request::get("/api/v1/hello")
            .header("x-api-key", "hlt_hidden")
            .header("authorization", "Bearer hidden")
            .header("accept", "*/*");
        let recorded = recorded(request.body(Vec::new()).unwrap());
        assert!(!format!("{recorded:?}").contains("hidden"));
        assert_eq!(recorded.headers["x-api-key"], "(redacted)");
        assert_eq!(recorded.headers["accept"], "*/*");
    }

    #[test]
    fn the_latest_are_kept_and_answers_are_noted_at_the_right_one() {
        let request = |number| {
            let request = http::Request::get("/").body(Vec::new()).unwrap();
            Recorded::new(number, Duration::ZERO, &Incoming::new(request))
        };
        let mut journal = Journal::default();
        journal.keep(2);
        (1..=5).for_each(|number| journal.push(request(number)));
        // The third ends when nobody remembers it.
        (3..=4).for_each(|number| journal.note(number, Some(StatusCode::OK)));
        let kept = journal.records();
        let kept: Vec<_> = kept.iter().map(|it| (it.number, it.status)).collect();
        assert_eq!(kept, [(4, Some(StatusCode::OK)), (5, None)]);
        journal.keep(0);
        journal.note(5, Some(StatusCode::OK));
        assert_eq!((journal.came(), journal.records().len()), (5, 0));
    }

    #[test]
    fn a_record_prints_as_one_line() {
        let body = br#"{"type": "roleMembers"}"#.to_vec();
        let mut fetch = recorded(http::Request::post("/apiv1-fetch?a=b").body(body).unwrap());
        assert_eq!(fetch.to_string(), "POST /apiv1-fetch?a=b roleMembers: no answer");
        fetch.status = Some(StatusCode::OK);
        fetch.query.clear();
        assert_eq!(fetch.to_string(), "POST /apiv1-fetch roleMembers: 200 OK");
    }
}
