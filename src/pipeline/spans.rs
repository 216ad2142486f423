//! Spans, events and metrics for the crate `tracing`.

use std::cell::RefCell;

use http::Method;
use tracing::field::Empty;
use tracing::{Level, Span, debug, event, info_span};

use super::observer::{Activity, CallStart, Observer};
use super::summary::CallSummary;
use crate::error::Error;

/// Reports each call to the crate [`tracing`] as a span, with a span in it for each attempt.
///
/// Their fields have the names that OpenTelemetry gives to HTTP clients, so that `tracing-opentelemetry` needs no
/// mapping. Every call of Heylo is a `POST` to one of a few paths, so the name of the operation is there too:
///
/// | span | fields |
/// |---|---|
/// | `heysync.call` | `otel.name` and `heysync.operation` (`get_alert`, see [`Call::operation`](crate::Call::operation)), `otel.status_code` (`ERROR` after an error), `http.request.method`, `server.address`, `server.port`, `url.template`, `http.response.status_code` of the last response, `error.type` (an [`ErrorKind`](crate::ErrorKind) such as `NotFound`), `heysync.attempts` |
/// | `heysync.attempt` | the same, but the method with the path as `otel.name` (`GET /api/v1/alerts/{id}`), `otel.kind` (`client`), `url.full`, and `http.request.resend_count` from the second attempt on; `error.type` is a status from 400 on, or `NotSent` or `NoResponse` |
///
/// Events in the span of the call, at debug: `waiting` for the rate limit, with `heysync.wait.reason` and
/// `heysync.wait.duration` in seconds; `retrying`, with `error.type` and `heysync.retry.delay` in seconds. After each
/// attempt an event of the target `heysync::metrics` has the duration as `histogram.http.client.request.duration` in
/// seconds, which the `MetricsLayer` of `tracing-opentelemetry` turns into a metric.
///
/// Nothing has the key, a body, a query or an id: `url.template` and `url.full` have `{id}` and `REDACTED` in place of the
/// ids. For a custom call that matches no method of this crate, which segments are ids is unknown: it has no `url.template`,
/// and the whole path below the base address is `REDACTED`.
///
/// # Examples
///
/// ```
/// use heysync::{Config, TracingObserver, heylerts};
///
/// # use heysync::sandbox;
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let _ = config.clone();
/// let config = config.observer(TracingObserver::new());
/// let client = heylerts::Client::with_config("hlt_key", config)?;
/// client.hello()?; // heysync.call{otel.name="hello" …}: heysync.attempt{…}
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "it receives nothing until it is an observer of a client"]
pub struct TracingObserver {
    _private: (),
}

impl TracingObserver {
    /// Creates an observer for the subscriber that is current on the thread of each call.
    pub fn new() -> TracingObserver {
        TracingObserver::default()
    }
}

/// A call that has begun on this thread.
struct Open {
    call: Span,
    attempt: Span,
    operation: String,
    method: String,
    /// The method before it was replaced, if OpenTelemetry does not know it.
    original_method: Option<String>,
    template: Option<String>,
    address: String,
    port: u16,
    full: String,
}

thread_local! {
    /// All steps of a call happen on one thread. An observer may make a call of another client meanwhile, so there may
    /// be several.
    static OPEN: RefCell<Vec<Open>> = const { RefCell::new(Vec::new()) };
}

/// Closes the spans that a call leaves open, when it is dropped: a panic in a transport or an observer ends the call without
/// its last activity.
pub(crate) struct OpenSpans {
    outer: usize,
}

impl OpenSpans {
    pub(crate) fn until_dropped() -> OpenSpans {
        OpenSpans { outer: OPEN.with_borrow(Vec::len) }
    }
}

impl Drop for OpenSpans {
    fn drop(&mut self) {
        let left = OPEN.with_borrow_mut(|all| all.split_off(self.outer.min(all.len())));
        // A subscriber may do whatever it wants to when a span is closed.
        drop(left);
    }
}

/// The method, and what it was if OpenTelemetry does not know it.
fn method(method: &Method) -> (String, Option<String>) {
    const KNOWN: [Method; 9] = [
        Method::CONNECT,
        Method::DELETE,
        Method::GET,
        Method::HEAD,
        Method::OPTIONS,
        Method::PATCH,
        Method::POST,
        Method::PUT,
        Method::TRACE,
    ];
    if KNOWN.contains(method) {
        return (method.to_string(), None);
    }
    ("_OTHER".to_owned(), Some(method.to_string()))
}

impl Observer for TracingObserver {
    fn started(&self, call: &CallStart<'_>) {
        let (method, original_method) = method(call.method());
        let (operation, template) = (call.operation(), call.template());
        let address = call.server_address();
        let span = info_span!(
            "heysync.call",
            otel.name = operation,
            otel.status_code = Empty,
            heysync.operation = operation,
            http.request.method = method,
            http.request.method_original = original_method,
            server.address = address,
            server.port = call.server_port(),
            url.template = template,
            http.response.status_code = Empty,
            "error.type" = Empty,
            heysync.attempts = Empty,
        );
        let open = Open {
            call: span,
            attempt: Span::none(),
            operation: operation.to_owned(),
            method,
            original_method,
            template,
            address: address.to_owned(),
            port: call.server_port(),
            full: call.address_without_ids(),
        };
        OPEN.with_borrow_mut(|all| all.push(open));
    }

    fn observe(&self, activity: &Activity<'_>) {
        let is_over = matches!(activity, Activity::Ended { .. });
        // Taken out, since a subscriber may do whatever it wants to.
        if let Some(mut open) = OPEN.with_borrow_mut(Vec::pop) {
            open.observe(activity);
            if !is_over {
                OPEN.with_borrow_mut(|all| all.push(open));
            }
        }
    }
}

impl Open {
    fn observe(&mut self, activity: &Activity<'_>) {
        match activity {
            Activity::Waiting { wait, .. } => debug!(
                parent: &self.call,
                heysync.wait.reason = %wait.reason,
                heysync.wait.duration = wait.duration.as_secs_f64(),
                "waiting"
            ),
            Activity::Sending { attempt, .. } => self.attempt = self.new_attempt(*attempt),
            Activity::Responded { status, elapsed, .. } => {
                let is_error = status.is_client_error() || status.is_server_error();
                let error = is_error.then(|| status.as_str().to_owned());
                self.end_attempt(Some(status.as_u16()), error, elapsed.as_secs_f64());
            }
            Activity::Failed { error, elapsed, .. } => {
                let kind = if error.may_have_been_sent() { "NoResponse" } else { "NotSent" };
                self.end_attempt(None, Some(kind.to_owned()), elapsed.as_secs_f64());
            }
            Activity::Retrying { error, after, .. } => debug!(
                parent: &self.call,
                heysync.retry.delay = after.as_secs_f64(),
                "error.type" = ?error.kind(),
                "retrying"
            ),
            // Between two calls.
            Activity::Looking { .. } => {}
            Activity::Ended { error, summary, .. } => {
                self.end_call(*error, summary);
            }
        }
    }

    fn new_attempt(&self, attempt: u32) -> Span {
        let span = info_span!(
            parent: &self.call,
            "heysync.attempt",
            otel.name = self.name_of_attempt(),
            otel.kind = "client",
            otel.status_code = Empty,
            heysync.operation = self.operation,
            http.request.method = self.method,
            http.request.method_original = self.original_method,
            http.request.resend_count = Empty,
            server.address = self.address,
            server.port = self.port,
            url.full = self.full,
            url.template = self.template,
            http.response.status_code = Empty,
            "error.type" = Empty,
        );
        if attempt > 1 {
            span.record("http.request.resend_count", attempt - 1);
        }
        span
    }

    /// As OpenTelemetry asks for: the method, and the template if there is one.
    fn name_of_attempt(&self) -> String {
        let method = if self.original_method.is_some() { "HTTP" } else { &self.method };
        match &self.template {
            Some(template) => format!("{method} {template}"),
            None => method.to_owned(),
        }
    }

    fn end_attempt(&mut self, status: Option<u16>, error: Option<String>, seconds: f64) {
        let attempt = std::mem::replace(&mut self.attempt, Span::none());
        if let Some(status) = status {
            attempt.record("http.response.status_code", status);
        }
        if let Some(error) = &error {
            attempt.record("otel.status_code", "ERROR");
            attempt.record("error.type", error.as_str());
        }
        event!(
            target: "heysync::metrics",
            parent: &attempt,
            Level::DEBUG,
            histogram.http.client.request.duration = seconds,
            heysync.operation = self.operation,
            http.request.method = self.method,
            server.address = self.address,
            server.port = self.port,
            url.template = self.template,
            http.response.status_code = status,
            "error.type" = error,
        );
    }

    fn end_call(&mut self, error: Option<&Error>, summary: &CallSummary) {
        self.call.record("heysync.attempts", summary.attempts);
        if let Some(status) = summary.status {
            self.call.record("http.response.status_code", status.as_u16());
        }
        if let Some(error) = error {
            self.call.record("otel.status_code", "ERROR");
            self.call.record("error.type", format!("{:?}", error.kind()));
        }
    }
}
