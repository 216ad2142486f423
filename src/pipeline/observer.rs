//! Reports what a client does, to the program and to the log.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use url::Url;

use super::call::Call;
use super::operation::{ID, Operation};
use super::summary::CallSummary;
use super::transport::TransportError;
use crate::error::{Error, in_words};
use crate::limiter::Wait;

/// Receives each [`Activity`] of a client when it happens.
///
/// It is called on the thread that makes the call, also while that thread waits in the queue for the rate
/// limit. It should return soon, since the call continues only after that. A call of the same client from inside it fails
/// with an error of the kind [`InvalidInput`](crate::ErrorKind::InvalidInput). A closure `Fn(&Activity<'_>)` is an
/// observer too.
///
/// # Examples
///
/// A command-line tool shows that it waits:
///
/// ```
/// use heysync::{Activity, Config};
///
/// let config = Config::new().observer(|activity: &Activity<'_>| {
///     if let Activity::Waiting { .. } | Activity::Retrying { .. } = activity {
///         eprintln!("{activity}");
///     }
/// });
/// ```
///
/// Counts the requests:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use heysync::{Activity, Config, Observer, heylerts};
///
/// struct Requests(Arc<AtomicU32>);
///
/// impl Observer for Requests {
///     fn observe(&self, activity: &Activity<'_>) {
///         if let Activity::Sending { .. } = activity {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let requests = Arc::new(AtomicU32::new(0));
/// let config = Config::new().observer(Requests(Arc::clone(&requests)));
/// # use heysync::sandbox;
/// # let config = config.transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// let client = heylerts::Client::with_config("hlt_key", config)?;
/// client.mentions().read_all()?;
/// assert_eq!(requests.load(Ordering::Relaxed), 2);
/// # Ok::<(), heysync::Error>(())
/// ```
pub trait Observer: Send + Sync {
    /// Receives an activity.
    fn observe(&self, activity: &Activity<'_>);

    /// Receives the beginning of each call, on the same thread and before its first activity. Does nothing by default.
    ///
    /// # Examples
    ///
    /// Counts the calls of each operation, whatever the ids are:
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::sync::{Arc, Mutex};
    /// use heysync::{Activity, CallStart, Config, Observer, heylerts};
    ///
    /// #[derive(Clone, Default)]
    /// struct Operations(Arc<Mutex<BTreeMap<String, u32>>>);
    ///
    /// impl Observer for Operations {
    ///     fn observe(&self, _: &Activity<'_>) {}
    ///
    ///     fn started(&self, call: &CallStart<'_>) {
    ///         *self.0.lock().unwrap().entry(call.operation().to_owned()).or_default() += 1;
    ///     }
    /// }
    ///
    /// let operations = Operations::default();
    /// let config = Config::new().observer(operations.clone());
    /// # use heysync::sandbox;
    /// # let config = config.transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// let client = heylerts::Client::with_config("hlt_key", config)?;
    /// for alert in client.alerts().read_all()? {
    ///     client.get_alert(&alert.id)?;
    /// }
    /// assert_eq!(operations.0.lock().unwrap()["get_alert"], 3);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    fn started(&self, call: &CallStart<'_>) {
        let _ = call;
    }
}

/// The beginning of a call, as [`Observer::started`] receives it.
///
/// Its `Debug` form shows what its methods return, and so no id.
pub struct CallStart<'a> {
    call: &'a Call,
    base: &'a Url,
    operation: Cow<'static, str>,
}

impl<'a> CallStart<'a> {
    pub(crate) fn new(
        call: &'a Call,
        base: &'a Url,
        operation: Cow<'static, str>,
    ) -> CallStart<'a> {
        CallStart { call, base, operation }
    }

    /// Returns the HTTP method.
    pub fn method(&self) -> &Method {
        self.call.method()
    }

    /// Returns the host of the service, a name or an IP address.
    pub fn server_address(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Returns the port of the service.
    pub fn server_port(&self) -> u16 {
        self.base.port_or_known_default().unwrap_or(443)
    }

    /// Returns the name of the operation, the same for all ids, such as `get_alert`. [`Call::operation`] lists the names.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// Returns the path with `{id}` in place of the ids, such as `/api/v1/alerts/{id}`.
    ///
    /// `None` for a custom call that matches no method of this crate: which segments are ids is unknown.
    pub fn template(&self) -> Option<String> {
        Some(Operation::of(self.call)?.path_with(self.base.path(), ID))
    }

    /// Returns the address with `REDACTED` in place of all that may be an id, and without a query.
    #[cfg(feature = "tracing")]
    pub(crate) fn address_without_ids(&self) -> String {
        const REDACTED: &str = "REDACTED";
        let base = self.base.path();
        let path = match Operation::of(self.call) {
            Some(operation) => operation.path_with(base, REDACTED),
            None => format!("{}/{REDACTED}", base.trim_end_matches('/')),
        };
        format!("{}{path}", self.base.origin().ascii_serialization())
    }
}

impl fmt::Debug for CallStart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallStart")
            .field("operation", &self.operation)
            .field("method", self.method())
            .field("server_address", &self.server_address())
            .field("server_port", &self.server_port())
            .field("template", &self.template())
            .finish()
    }
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn observe(&self, activity: &Activity<'_>) {
        (**self).observe(activity);
    }

    fn started(&self, call: &CallStart<'_>) {
        (**self).started(call);
    }
}

// Not of `Box<O>`: a boxed closure is a closure already.
impl Observer for Box<dyn Observer> {
    fn observe(&self, activity: &Activity<'_>) {
        (**self).observe(activity);
    }

    fn started(&self, call: &CallStart<'_>) {
        (**self).started(call);
    }
}

impl<F: Fn(&Activity<'_>) + Send + Sync> Observer for F {
    fn observe(&self, activity: &Activity<'_>) {
        self(activity);
    }
}

/// One step of a call. Prints as one line, without the key.
///
/// A call goes through `Waiting` (if it has to wait), `Sending`, and `Responded` or `Failed`. If it is retried,
/// `Retrying` comes next, and the steps repeat. Each call ends with one `Ended`, also one that is rejected before it
/// is sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum Activity<'a> {
    /// A call waits for the rate limit.
    #[non_exhaustive]
    Waiting {
        /// The call, as in [`Call::name`](crate::Call::name).
        call: &'a str,
        /// How long it waits, and why.
        wait: Wait,
    },
    /// A request is passed to the transport.
    #[non_exhaustive]
    Sending {
        /// The call.
        call: &'a str,
        /// The number of the attempt, from 1.
        attempt: u32,
    },
    /// A response was received, whatever its status.
    #[non_exhaustive]
    Responded {
        /// The call.
        call: &'a str,
        /// The status of the response.
        status: StatusCode,
        /// The time from sending to the end of the response.
        elapsed: Duration,
    },
    /// No whole response was received.
    #[non_exhaustive]
    Failed {
        /// The call.
        call: &'a str,
        /// How far the request got.
        error: &'a TransportError,
        /// The time since sending.
        elapsed: Duration,
    },
    /// The call is sent again after a wait.
    #[non_exhaustive]
    Retrying {
        /// The call.
        call: &'a str,
        /// The error of this attempt.
        error: &'a Error,
        /// The wait before the next attempt. Zero after a 429: then the rate limit decides, and a `Waiting`
        /// follows.
        after: Duration,
    },
    /// The response of a call that must not be repeated was lost. After a wait, the client looks for what the call should
    /// have made, as [`create_alert_once`](crate::heylerts::Client::create_alert_once) does; that is a call of its own.
    #[non_exhaustive]
    Looking {
        /// The call whose response was lost.
        call: &'a str,
        /// The wait before the client looks.
        after: Duration,
    },
    /// The call ended: it returned a value or an error. This is the last activity of a call. A page of a list is a
    /// call of its own.
    #[non_exhaustive]
    Ended {
        /// The call.
        call: &'a str,
        /// The error that the call returned; none if it succeeded.
        error: Option<&'a Error>,
        /// The last response, the number of attempts and the time of the whole call.
        summary: &'a CallSummary,
    },
}

/// A shorter backoff is printed without its length, which would be `0.0 s`.
const SHORT: Duration = Duration::from_millis(50);

impl fmt::Display for Activity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Activity::Waiting { call, wait } => write!(f, "{call}: {wait}"),
            // Most calls are sent once; the number would only make a reader wonder.
            Activity::Sending { call, attempt: 1 } => write!(f, "{call}: sending"),
            Activity::Sending { call, attempt } => write!(f, "{call}: sending, attempt {attempt}"),
            Activity::Responded { call, status, elapsed } => {
                let status = in_words(*status);
                write!(f, "{call}: {status} in {} ms", elapsed.as_millis())
            }
            Activity::Failed { call, error, elapsed } => {
                write!(f, "{call}: {error} in {} ms", elapsed.as_millis())
            }
            // A rate limit that has to be waited for is reported by `Waiting`.
            Activity::Retrying { error, after, .. } if *after < SHORT => {
                write!(f, "{error}; retrying")
            }
            Activity::Retrying { error, after, .. } => {
                write!(f, "{error}; retrying in {:.1} s", after.as_secs_f64())
            }
            Activity::Looking { call, after } => {
                write!(f, "{call}: looking in {:.1} s whether it took effect", after.as_secs_f64())
            }
            Activity::Ended { call, error, summary } => {
                let (elapsed, attempts) = (summary.elapsed.as_millis(), summary.attempts);
                let outcome = if error.is_some() { "failed" } else { "succeeded" };
                let requests = if attempts == 1 { "request" } else { "requests" };
                write!(f, "{call}: {outcome} after {attempts} {requests} in {elapsed} ms")
            }
        }
    }
}

impl Activity<'_> {
    /// Whether the log is on for any of them.
    pub(crate) fn is_logged() -> bool {
        log::log_enabled!(target: "heysync", log::Level::Debug)
    }

    /// Writes the activity to the log: waits, responses and retries at debug, the rest at trace.
    ///
    /// Only names, numbers and statuses: no key, no body, no message of a server.
    pub(crate) fn log(&self) {
        match self {
            Activity::Waiting { call, wait } => log::debug!(
                target: "heysync",
                "waiting call={call:?} reason={:?} wait_ms={}", wait.reason, wait.duration.as_millis()
            ),
            Activity::Sending { call, attempt } => {
                log::trace!(target: "heysync", "sending call={call:?} attempt={attempt}");
            }
            Activity::Responded { call, status, elapsed } => log::debug!(
                target: "heysync",
                "responded call={call:?} status={} elapsed_ms={}", status.as_u16(), elapsed.as_millis()
            ),
            Activity::Failed { call, error, elapsed } => log::debug!(
                target: "heysync",
                "failed call={call:?} progress={:?} elapsed_ms={}", error.to_string(), elapsed.as_millis()
            ),
            Activity::Retrying { call, error, after } => log::debug!(
                target: "heysync",
                // The kind and not the message: a server's words may quote what was sent.
                "retrying call={call:?} because={:?} after_ms={}", error.kind(), after.as_millis()
            ),
            Activity::Looking { call, after } => log::debug!(
                target: "heysync",
                "looking call={call:?} after_ms={}", after.as_millis()
            ),
            // The steps before it are in the log, and the error is the caller's.
            Activity::Ended { .. } => {}
        }
    }
}

thread_local! {
    /// The addresses of the clients whose observers are running on this thread.
    static OBSERVED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// An observer is running on this thread, until this is dropped.
pub(crate) struct ObserverCall;

impl ObserverCall {
    pub(crate) fn of<T>(client: &T) -> ObserverCall {
        OBSERVED.with_borrow_mut(|observed| observed.push(address(client)));
        ObserverCall
    }
}

impl Drop for ObserverCall {
    fn drop(&mut self) {
        OBSERVED.with_borrow_mut(|observed| observed.truncate(observed.len() - 1));
    }
}

/// Returns whether the observer of `client` is running on this thread: another call would report to it again, and
/// again.
pub(crate) fn is_called_by<T>(client: &T) -> bool {
    OBSERVED.with_borrow(|observed| observed.contains(&address(client)))
}

fn address<T>(client: &T) -> usize {
    std::ptr::from_ref(client).addr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_retry_names_its_wait_only_if_the_backoff_decides_it() {
        let error = Error::new(ErrorKind::RateLimited, "slow down");
        for (millis, expected) in [
            (0, "slow down; retrying"),
            (49, "slow down; retrying"),
            (50, "slow down; retrying in 0.1 s"),
            (3000, "slow down; retrying in 3.0 s"),
        ] {
            let after = Duration::from_millis(millis);
            let activity = Activity::Retrying { call: "GET /stats", error: &error, after };
            assert_eq!(activity.to_string(), expected);
        }
    }
}
