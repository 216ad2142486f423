//! The summary of a call that has ended.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};

use crate::error::ErrorKind;

/// Summarizes a call that has ended: its last response, the number of attempts and the elapsed time.
///
/// [`Activity::Ended`](crate::Activity::Ended) has it, and a [`Collector`](crate::Collector) keeps it. Its `Debug` form shows
/// which headers there are, and not their values, which may be about people.
#[derive(Clone)]
#[non_exhaustive]
pub struct CallSummary {
    /// The call, as in [`Call::name`](crate::Call::name), with its ids: `GET /alerts/3f2c`.
    pub call: String,
    /// The name of the operation, the same for all ids: `get_alert`. See [`Call::operation`](crate::Call::operation).
    pub operation: String,
    /// The kind of the error that the call returned; none if it succeeded.
    pub error: Option<ErrorKind>,
    /// The status of the last response; none if there was no response.
    pub status: Option<StatusCode>,
    /// The headers of the last response, without the key; empty if there was no response.
    pub headers: HeaderMap,
    /// How many times the request was sent; 0 if the call failed before.
    pub attempts: u32,
    /// How long the call took, with its waits and retries, by the client's clock.
    pub elapsed: Duration,
}

impl CallSummary {
    /// Returns the id that the service, or something before it, gave to the request. Its operator finds the
    /// request by it.
    ///
    /// It is the first of these headers that is there: `X-Request-Id`, `Request-Id`, `X-Correlation-Id`,
    /// `Correlation-Id`, `X-Amzn-RequestId`, `X-Amz-Request-Id`, `X-Amzn-Trace-Id`, `X-Ms-Request-Id`,
    /// `X-Cloud-Trace-Context`, `Function-Execution-Id`, `X-Trace-Id`, `X-Vercel-Id`, `Fly-Request-Id`, `CF-Ray`.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{CallOptions, Collector, Config, heylerts};
    ///
    /// let transport = |_request, _timeout| {
    ///     let response = heysync::http::Response::builder().header("X-Request-ID", "req-81");
    ///     Ok(response.body(br#"{"total": 3}"#.to_vec()).expect("a valid response"))
    /// };
    /// let client = heylerts::Client::with_config("hlt_key", Config::new().transport(transport))?;
    /// let responses = Collector::new();
    /// client.with(CallOptions::new().observer(responses.clone())).stats()?;
    /// assert_eq!(responses.last().expect("one call").request_id(), Some("req-81"));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn request_id(&self) -> Option<&str> {
        let ids = REQUEST_IDS.iter().filter_map(|name| self.headers.get(*name));
        ids.filter_map(|id| id.to_str().ok()).map(str::trim).find(|id| !id.is_empty())
    }
}

impl fmt::Debug for CallSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&HeaderName> = self.headers.keys().collect();
        f.debug_struct("CallSummary")
            .field("call", &self.call)
            .field("operation", &self.operation)
            .field("error", &self.error)
            .field("status", &self.status)
            .field("headers", &headers)
            .field("attempts", &self.attempts)
            .field("elapsed", &self.elapsed)
            .finish()
    }
}

/// The headers that hold an id of the request: the service's own first, those of networks before it last.
const REQUEST_IDS: [&str; 14] = [
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "correlation-id",
    "x-amzn-requestid",
    "x-amz-request-id",
    "x-amzn-trace-id",
    "x-ms-request-id",
    "x-cloud-trace-context",
    "function-execution-id",
    "x-trace-id",
    "x-vercel-id",
    "fly-request-id",
    "cf-ray",
];

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn summary(headers: &[(&'static str, &[u8])]) -> CallSummary {
        let header = |(name, value): &(&'static str, &[u8])| {
            let value = HeaderValue::from_bytes(value).expect("a value");
            (HeaderName::from_static(name), value)
        };
        CallSummary {
            call: "GET /hello".to_owned(),
            operation: "hello".to_owned(),
            error: None,
            status: Some(StatusCode::OK),
            headers: headers.iter().map(header).collect(),
            attempts: 1,
            elapsed: Duration::ZERO,
        }
    }

    #[test]
    fn the_services_own_id_comes_before_those_of_its_networks() {
        for (headers, expected) in [
            (&[("cf-ray", &b"8f2"[..]), ("x-request-id", b"req-1")][..], Some("req-1")),
            (&[("cf-ray", b"8f2"), ("x-amzn-requestid", b"a-1")], Some("a-1")),
            (&[("cf-ray", b"8f2"), ("x-request-id", b" ")], Some("8f2")),
            (&[("cf-ray", b"8f2"), ("x-request-id", b"\xff")], Some("8f2")),
            (&[("content-type", b"text/plain")], None),
        ] {
            assert_eq!(summary(headers).request_id(), expected);
        }
    }
}
