//! A request as it arrives, and functions to build a response.

use http::header::{ALLOW, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;
use url::form_urlencoded;

/// A response of a service.
pub(crate) type Response = http::Response<Vec<u8>>;

/// A request, split into its parts.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub(crate) method: Method,
    /// The host of the address; `None` if there is only a path, as over a socket.
    pub(crate) host: Option<String>,
    /// The path as it was sent, percent-encoded.
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

    /// Returns the segments of the path, percent-decoded.
    pub(crate) fn segments(&self) -> Vec<String> {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        path.split('/').map(percent_decoded).collect()
    }

    /// Returns a query parameter; the last one if the name is repeated.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = form_urlencoded::parse(self.query.as_bytes());
        let found = pairs.filter(|(key, _)| key == name).last();
        found.map(|(_, value)| value.into_owned())
    }

    /// Returns the value of a header, trimmed.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?.to_str().ok()?;
        Some(value.trim())
    }

    /// Whether the `Content-Type` is JSON.
    pub(crate) fn is_json(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json")
    }
}

/// Builds a response with a JSON body.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response {
    with_body(status, "application/json", value.to_string())
}

/// Builds a response without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    response
}

/// Builds a response with a body of this media type.
pub(crate) fn with_body(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Vec<u8>>,
) -> Response {
    let mut response = empty(status);
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    *response.body_mut() = body.into();
    response
}

/// Adds an `Allow` header.
pub(crate) fn allowing(mut response: Response, methods: &str) -> Response {
    set(&mut response, ALLOW.as_str(), methods);
    response
}

/// Sets a header of a response; an invalid value is left out.
pub(crate) fn set(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
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

/// Decodes an escape such as `%41` at the start of `text`.
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

/// Requests for unit tests.
#[cfg(test)]
pub(crate) mod testing {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::pipeline::transport::Transport;

    /// Sends a request. Returns the status and the JSON of the response; null if it has none.
    pub(crate) fn send(sandbox: &impl Transport, request: http::Request<Vec<u8>>) -> (u16, Value) {
        let response = response_to(sandbox, request);
        let body = serde_json::from_slice(response.body()).unwrap_or_default();
        (response.status().as_u16(), body)
    }

    /// Sends a request that must get a complete response.
    pub(crate) fn response_to(
        sandbox: &impl Transport,
        request: http::Request<Vec<u8>>,
    ) -> http::Response<Vec<u8>> {
        sandbox.send(request, Duration::from_secs(30)).expect("a complete response")
    }

    /// A request to Heylo.
    pub(crate) fn to_heylo(endpoint: &str, body: &Value) -> http::Request<Vec<u8>> {
        http::Request::post(format!("https://heylo.example/{endpoint}"))
            .header("authorization", "Bearer key")
            .header("content-type", "application/json")
            .body(body.to_string().into_bytes())
            .expect("a valid request")
    }

    /// A request to Heylo that changes nothing.
    pub(crate) fn roles() -> http::Request<Vec<u8>> {
        let body = json!({"type": "communityRoles", "communityId": "book-circle"});
        to_heylo("apiv1-fetch", &body)
    }

    /// A request to Heylerts, without a body if `body` is null.
    pub(crate) fn to_heylerts(method: &str, path: &str, body: &Value) -> http::Request<Vec<u8>> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        http::Request::builder()
            .method(method)
            .uri(format!("https://heylerts.com/api/v1/{path}"))
            .header("x-api-key", "hlt_key")
            .header("content-type", "application/json")
            .body(body.into_bytes())
            .expect("a valid request")
    }
}
