//! Spans, events and metrics for the crate `tracing`.

use std::cell::RefCell;

use tracing::field::Empty;
use tracing::{Level, Span, debug, event, info_span};

use super::observer::{Activity, CallStart, Observer};
use super::summary::CallSummary;
use crate::error::Error;

/// Reports each call to the crate [`tracing`] as a span, with a span in it for each attempt.
///
/// Their fields have the names that OpenTelemetry gives to HTTP clients, so that `tracing-opentelemetry` needs no
/// mapping:
///
/// | span | fields |
/// |---|---|
/// | `heysync.call` | `otel.name` (`GET /alerts/{id}`), `otel.status_code` (`ERROR` after an error), `http.request.method`, `server.address`, `server.port`, `url.template`, `http.response.status_code` of the last response, `error.type` (an [`ErrorKind`](crate::ErrorKind) such as `NotFound`), `heysync.attempts` |
/// | `heysync.attempt` | the same, `otel.kind` (`client`), `url.full`, and `http.request.resend_count` from the second attempt on; `error.type` is a status from 400 on, or `NotSent` or `NoResponse` |
///
/// Events in the span of the call, at debug: `waiting` for the rate limit, with `heysync.wait.reason` and
/// `heysync.wait.duration` in seconds; `retrying`, with `error.type` and `heysync.retry.delay` in seconds. After each
/// attempt an event of the target `heysync::metrics` has the duration as `histogram.http.client.request.duration` in
/// seconds, which the `MetricsLayer` of `tracing-opentelemetry` turns into a metric.
///
/// Nothing has the key, a body, a query or an id: `url.template` and `url.full` have `{id}` and `REDACTED` in place of
/// every second segment of the path, which are ids by the custom of such services.
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
/// client.hello()?; // heysync.call{otel.name="GET /hello" …}: heysync.attempt{…}
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
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
    method: String,
    template: String,
    address: String,
    port: u16,
    full: String,
}

thread_local! {
    /// All steps of a call happen on one thread. An observer may make a call of another client meanwhile, so there may
    /// be several.
    static OPEN: RefCell<Vec<Open>> = const { RefCell::new(Vec::new()) };
}

impl Observer for TracingObserver {
    fn started(&self, call: &CallStart<'_>) {
        let (method, template, address) = (call.method(), call.template(), call.server_address());
        let name = format!("{method} {template}");
        let span = info_span!(
            "heysync.call",
            otel.name = name,
            otel.status_code = Empty,
            http.request.method = method.as_str(),
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
            method: method.to_string(),
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
            otel.name = format!("{} {}", self.method, self.template),
            otel.kind = "client",
            otel.status_code = Empty,
            http.request.method = self.method,
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
