//! A request as it arrives and an answer as it leaves.

use http::header::{ALLOW, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;
use url::form_urlencoded;

/// What a service answers.
pub(crate) type Answer = http::Response<Vec<u8>>;

/// A request, taken apart.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub(crate) method: Method,
    /// The host of the address; none where only a path came, as over a socket.
    pub(crate) host: Option<String>,
    /// The path as it came, still encoded.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Incoming {
    pub(crate) fn new(request: http::Request<Vec<u8>>) -> Incoming {
        let (Parts { method, uri, headers, .. }, body) = request.into_parts();
        Incoming {
            method,
            host: uri.host().map(str::to_owned),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            headers,
            body,
        }
    }

    /// The parts of the path between its slashes, decoded.
    pub(crate) fn segments(&self) -> Vec<String> {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        path.split('/').map(percent_decoded).collect()
    }

    /// A parameter of the query; of several with one name the last counts.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = form_urlencoded::parse(self.query.as_bytes());
        let found = pairs.filter(|(key, _)| key == name).last();
        found.map(|(_, value)| value.into_owned())
    }

    /// A header's text, trimmed.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?.to_str().ok()?;
        Some(value.trim())
    }

    /// Whether the body says that it is JSON.
    pub(crate) fn is_json(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json")
    }
}

/// An answer with a JSON body.
pub(crate) fn json(status: StatusCode, value: &Value) -> Answer {
    with_body(status, "application/json", value.to_string())
}

/// An answer with no body.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Answer::new(Vec::new());
    *answer.status_mut() = status;
    answer
}

/// An answer with a body of another kind.
pub(crate) fn with_body(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Vec<u8>>,
) -> Answer {
    let mut answer = empty(status);
    let kind = HeaderValue::from_static(kind);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    *answer.body_mut() = body.into();
    answer
}

/// The answer, with a header that says which method would have been right.
pub(crate) fn allowing(mut answer: Answer, methods: &'static str) -> Answer {
    let methods = HeaderValue::from_static(methods);
    answer.headers_mut().insert(ALLOW, methods);
    answer
}

/// Sets a header of an answer; a value that cannot be one is left out.
pub(crate) fn set(answer: &mut Answer, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some(first) = rest.first() {
        let (byte, length) = escaped(rest).map_or((*first, 1), |byte| (byte, 3));
        bytes.push(byte);
        rest = &rest[length..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that a `%41` at the beginning of `text` stands for.
fn escaped(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = *text else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(uri: &str) -> Incoming {
        Incoming::new(http::Request::get(uri).body(Vec::new()).unwrap())
    }

    #[test]
    fn a_path_is_split_before_it_is_decoded() {
        let segments = incoming("https://a.example/b%2Fc/%C3%A9%zz%4/").segments();
        assert_eq!(segments, ["b/c", "é%zz%4", ""]);
    }

    #[test]
    fn a_plus_in_a_query_is_a_space() {
        let request = incoming("/x?since=1+2&since=a%2Bb&empty");
        assert_eq!(request.parameter("since").as_deref(), Some("a+b"));
        assert_eq!(request.parameter("empty").as_deref(), Some(""));
        assert_eq!(request.parameter("absent"), None);
        let request = incoming("/x?since=1+2");
        assert_eq!(request.parameter("since").as_deref(), Some("1 2"));
    }
}
