//! The path of one request. In the order in which things happen:
//!
//! 1. A method of a client states a [`Call`] and passes it to [`Pipeline::execute`].
//! 2. The request is built from the call, and [signed](auth) with the key.
//! 3. A permit is acquired from the token bucket, which may mean to wait.
//!    Then a bulk call writes down whom the request is for.
//! 4. The [transport] sends the request. When the head of the response is received, the permit is released
//!    with the headers of the rate limit.
//! 5. The outcome is [classified](classification): the [body of a success](response) is read, and everything
//!    else becomes an error with the [message] that was found and [without the key](redaction).
//! 6. If another attempt makes sense, and the [retry] budget and the deadline allow it, the call waits and
//!    continues at step 2. Else the error is returned.
//!
//! The [observer] and the log receive steps 3 to 6, and the observer the end of the call.

pub(crate) mod auth;
mod body;
pub(crate) mod call;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod certificates;
mod classification;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod client_certificate;
pub(crate) mod collector;
mod curl;
mod denial;
#[cfg(any(feature = "native-tls", all(feature = "rustls", not(feature = "platform-verifier"))))]
mod der;
pub(crate) mod drift;
pub(crate) mod dry_run;
mod extra_header;
mod failure;
mod handshake;
mod head;
pub(crate) mod key_source;
pub(crate) mod keys;
mod letters;
pub(crate) mod message;
mod names;
pub(crate) mod observer;
pub(crate) mod operation;
pub(crate) mod options;
pub(crate) mod proxy;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod records;
pub(crate) mod redaction;
pub(crate) mod response;
pub(crate) mod retry;
mod sending;
pub(crate) mod settings;
#[cfg(feature = "tracing")]
pub(crate) mod spans;
mod spelling;
pub(crate) mod summary;
mod tone;
pub(crate) mod transport;
pub(crate) mod transport_options;
pub(crate) mod ureq_transport;
mod validation;
mod wire;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::fmt;
use std::panic::RefUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use serde_json::Value;
use url::Url;

use crate::cancellation::{self, Cancelled};
use crate::clock::{Clock, later};
use crate::error::{Applied, CallName, Error, ErrorKind, Result};
use crate::limiter::{self, AcquireError, Permit, RateLimitHeaders, WaitReason};
use auth::Auth;
use call::Call;
use classification::{Classifier, Failure, Retry, Success};
use drift::BodyWatch;
use keys::{Credentials, Keys, NoNewKey};
use observer::{Activity, CallStart};
use operation::Operation;
use options::CallOptions;
use redaction::Evidence;
use response::BadBody;
use retry::{IsRetry, RetryBudget};
use settings::Settings;
use summary::CallSummary;
use transport::{SendProgress, Transport, TransportError};

/// Everything between an endpoint's method and the network.
pub(crate) struct Pipeline {
    pub(crate) core: Arc<Core>,
    pub(crate) settings: Settings,
}

/// A panic in a transport, a clock or an observer gives back what its call held, and leaves nothing half-way: other calls
/// of the client go on.
impl RefUnwindSafe for Pipeline {}

/// The part of a pipeline that a client shares with those that it [derives](Pipeline::with).
pub(crate) struct Core {
    pub(crate) base: Url,
    /// The hosts besides `base` that calls can [name](Call::host), and their addresses.
    pub(crate) hosts: Vec<(&'static str, Url)>,
    pub(crate) keys: Keys,
    pub(crate) user_agent: HeaderValue,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The period that the rate limit headers of the service count in.
    pub(crate) limit_period: Duration,
    pub(crate) retry_budget: RetryBudget,
    pub(crate) max_body: u64,
    pub(crate) body_watch: Option<Arc<dyn BodyWatch>>,
}

/// A call that succeeded.
pub(crate) struct Completed<T> {
    pub(crate) value: T,
    /// An attempt before the last one may have been applied, so the response may not show all that changed.
    pub(crate) maybe_applied_before: bool,
}

/// The state of one call.
struct Run<'a> {
    call: &'a Call,
    /// Those of the present attempt.
    credentials: Arc<Credentials>,
    /// The key source was asked for another key after a 401, which happens once.
    has_asked_for_key: bool,
    /// Made when it is needed, which for most calls is never.
    name: OnceCell<String>,
    base: &'a Url,
    started: Instant,
    until: Instant,
    /// When the latest attempt was passed to the transport.
    sent: Instant,
    attempts: u32,
    /// The attempts whose failure uses up no retry: those that got a 429, and the one that led to another key.
    uncounted: u32,
    /// Some attempt may have taken effect.
    maybe_applied: bool,
    /// The error of the latest attempt.
    last: Option<Error>,
    /// Another attempt was not reported yet: after a 429, whether there is one shows when the wait is known.
    is_retry_unannounced: Cell<bool>,
    /// To be called once, before the first request is sent.
    before_sending: Option<BeforeSending<'a>>,
}

/// Called directly before the request is sent, to record it. Its error ends the call.
pub(crate) type BeforeSending<'a> = &'a mut dyn FnMut() -> Result<()>;

/// Time that must remain after a wait for an unsafe call: 100 ms, or a tenth of a shorter deadline. One that is sent at the
/// last moment ends without a response, so that nobody knows its outcome. The same holds for another attempt of any call,
/// which would hide why the earlier one failed.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(100);

impl Run<'_> {
    /// Until when the call waits for a permit, or before another attempt.
    fn waits_until(&self) -> Instant {
        if !self.call.is_unsafe() && self.last.is_none() {
            return self.until;
        }
        self.until.checked_sub(self.shortest_attempt()).unwrap_or(self.until)
    }

    fn shortest_attempt(&self) -> Duration {
        let tenth = self.until.saturating_duration_since(self.started) / 10;
        SHORTEST_ATTEMPT.min(tenth)
    }

    /// Whether the caller's own code (an observer, a key source, the record of a call) took so long that the request would
    /// be sent in vain. A wait may end a little late.
    fn is_too_late(&self) -> bool {
        if !self.call.is_unsafe() && self.last.is_none() {
            return self.sent > self.until;
        }
        let latest = self.until.checked_sub(self.shortest_attempt() / 2);
        latest.is_some_and(|latest| self.sent > latest)
    }

    /// The attempts that use up the retries, each of which has failed if there is another one.
    fn counted(&self) -> u32 {
        self.attempts - self.uncounted
    }

    /// The name of the call, without the key.
    fn name(&self) -> &str {
        self.name.get_or_init(|| self.credentials.auth.redactor().text(self.call.name()))
    }

    /// The name of the operation, without the key.
    fn operation(&self) -> Cow<'static, str> {
        match Operation::name_of(self.call) {
            Cow::Owned(stated) => self.credentials.auth.redactor().text(stated).into(),
            known => known,
        }
    }

    /// The call and its operation, for its error and its summary.
    fn names(&self) -> CallName {
        CallName { name: self.name().to_owned(), operation: self.operation() }
    }
}

impl Pipeline {
    /// Returns a pipeline with other settings, which shares everything else with this one.
    pub(crate) fn with(&self, options: CallOptions) -> Pipeline {
        Pipeline { core: Arc::clone(&self.core), settings: options.apply_to(&self.settings) }
    }

    /// As [`execute`](Pipeline::execute), and returns the value alone.
    pub(crate) fn read<T>(
        &self,
        call: &Call,
        read: &dyn Fn(Vec<u8>) -> Result<T, BadBody>,
    ) -> Result<T> {
        Ok(self.execute(call, read)?.value)
    }

    /// Sends `call`, again if that is safe, until there is a response that `read` can read.
    pub(crate) fn execute<T>(
        &self,
        call: &Call,
        read: &dyn Fn(Vec<u8>) -> Result<T, BadBody>,
    ) -> Result<Completed<T>> {
        self.execute_recorded(call, read, None)
    }

    /// As [`execute`](Pipeline::execute), with something to do before the first request is sent.
    pub(crate) fn execute_recorded<'a, T>(
        &'a self,
        call: &'a Call,
        read: &dyn Fn(Vec<u8>) -> Result<T, BadBody>,
        before_sending: Option<BeforeSending<'a>>,
    ) -> Result<Completed<T>> {
        if observer::is_called_by(&*self.core) {
            return Err(Error::invalid("an observer or a key source cannot call its own client"));
        }
        let mut run = Run { before_sending, ..self.begin(call) };
        let _cancellations = cancellation::Scope::enter(&self.settings.cancellations);
        #[cfg(feature = "tracing")]
        let _spans = spans::OpenSpans::until_dropped();
        self.report_start(&run);
        match self.attempt(&mut run, read) {
            Ok(Success { value, head }) => {
                self.succeeded(&run, head);
                Ok(Completed { value, maybe_applied_before: run.maybe_applied })
            }
            Err(error) => Err(self.failed(&run, error)),
        }
    }

    fn attempt<T>(
        &self,
        run: &mut Run<'_>,
        read: &dyn Fn(Vec<u8>) -> Result<T, BadBody>,
    ) -> Result<Success<T>> {
        loop {
            let request = self.sign(run)?;
            let permit = self.acquire(run)?;
            let permit = self.record(permit, &request, run)?;
            let permit = self.announce(permit, run)?;
            let (outcome, retry_after) = self.send(permit, request, run);
            self.watch(&outcome, run);
            let (call, maybe_applied) = (run.call, run.maybe_applied);
            let redactor = run.credentials.auth.redactor();
            let classifier = Classifier { call, redactor, maybe_applied, retry_after };
            match classifier.classify(outcome, read) {
                Ok(success) => return Ok(success),
                Err(failure) => self.prepare_next(failure, run)?,
            }
        }
    }

    fn watch(&self, outcome: &Result<Response<Vec<u8>>, TransportError>, run: &Run<'_>) {
        if let Some(watch) = &self.core.body_watch
            && let Ok(response) = outcome
            && response.status().is_success()
        {
            watch.look(run.call, response.body(), run.credentials.auth.redactor());
        }
    }

    fn succeeded(&self, run: &Run<'_>, head: Parts) {
        if self.settings.observers.is_empty() {
            return;
        }
        let Parts { status, mut headers, .. } = head;
        run.credentials.auth.redactor().headers(&mut headers);
        self.report_end(run, None, Some(status), headers);
    }

    fn failed(&self, run: &Run<'_>, error: Error) -> Error {
        let error = error.with_curl(self.curl_for_report(run));
        if !self.settings.observers.is_empty() {
            self.report_end(run, Some(&error), error.status(), error.headers().clone());
        }
        error
    }

    fn report_end(
        &self,
        run: &Run<'_>,
        error: Option<&Error>,
        status: Option<StatusCode>,
        headers: HeaderMap,
    ) {
        let summary = CallSummary {
            call: run.name().to_owned(),
            operation: run.names().operation.into_owned(),
            error: error.map(Error::kind),
            status,
            headers,
            attempts: run.attempts,
            elapsed: self.core.clock.now().saturating_duration_since(run.started),
        };
        self.report(&Activity::Ended { call: run.name(), error, summary: &summary });
    }

    /// Returns the error of an item of a list that could not be decoded, with its JSON.
    pub(crate) fn unreadable_item(
        &self,
        call: CallName,
        item: &Value,
        cause: serde_json::Error,
    ) -> Error {
        let credentials = self.core.keys.current();
        let redactor = credentials.auth.redactor();
        let message = match item["id"].as_str() {
            Some(id) => format!("the item {id:?} is not what was expected"),
            None => "an item is not what was expected".to_owned(),
        };
        let cause = Some(redaction::cause_without_values(cause, item));
        let body = item.to_string().into_bytes();
        let evidence = Evidence { message, head: None, body, cause };
        redactor
            .error(ErrorKind::Unreadable, evidence)
            .with_call(CallName { name: redactor.text(call.name), ..call })
            .with_hint("decode_as::<serde_json::Value>() yields each item as it was sent")
    }

    fn begin<'a>(&'a self, call: &'a Call) -> Run<'a> {
        let started = self.core.clock.now();
        let until = later(started, self.settings.deadline);
        Run {
            call,
            credentials: self.core.keys.current(),
            has_asked_for_key: false,
            name: OnceCell::new(),
            base: self.base_of(call).unwrap_or(&self.core.base),
            started,
            until: call.deadline().map_or(until, |earlier| until.min(earlier)),
            sent: started,
            attempts: 0,
            uncounted: 0,
            maybe_applied: false,
            last: None,
            is_retry_unannounced: Cell::new(false),
            before_sending: None,
        }
    }

    /// Builds the request anew for each attempt, so that the usual single attempt copies nothing.
    fn sign(&self, run: &Run<'_>) -> Result<Request<Vec<u8>>> {
        let auth = &run.credentials.auth;
        let rejected = |error| auth.redactor().rejection(error).with_call(run.names());
        let mut request = self.request(run.call, auth).map_err(rejected)?;
        if run.attempts > 0 {
            request.extensions_mut().insert(IsRetry);
        }
        Ok(request)
    }

    /// Returns the line of curl that sends `call`.
    pub(crate) fn curl(&self, call: &Call) -> Result<String> {
        let credentials = self.core.keys.current();
        let auth = &credentials.auth;
        let rejected = |error| auth.redactor().rejection(error).with_call(call);
        let request = self.request(call, auth).map_err(rejected)?;
        Ok(auth.redactor().text(curl::line(&request)))
    }

    fn curl_for_report(&self, run: &Run<'_>) -> Option<String> {
        let auth = &run.credentials.auth;
        let request = self.request(run.call, auth).ok()?;
        Some(auth.redactor().text(curl::line_for_report(&request)))
    }

    fn request(&self, call: &Call, auth: &Auth) -> Result<Request<Vec<u8>>> {
        let uri = self.address(call)?;
        let mut request = Request::new(call.body().to_vec());
        *request.method_mut() = call.method().clone();
        *request.uri_mut() = uri;
        // For the transport: an unsafe call should not be sent on a connection that may be dying.
        request.extensions_mut().insert(call.stated_safety());
        let has_body = !request.body().is_empty();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, self.core.user_agent.clone());
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in self.settings.headers.iter().chain(call.headers()) {
            if has_body || *name != CONTENT_TYPE {
                headers.insert(name.clone(), value.clone());
            }
        }
        auth.sign(headers);
        Ok(request)
    }

    fn address(&self, call: &Call) -> Result<Uri> {
        if let Some(why) = &self.settings.rejection {
            return Err(Error::invalid(why.as_str()));
        }
        call.to_uri(self.base_of(call)?, &self.settings.query)
    }

    fn base_of(&self, call: &Call) -> Result<&Url> {
        let Some(name) = call.named_host() else {
            return Ok(&self.core.base);
        };
        let host = self.core.hosts.iter().find(|(known, _)| *known == name);
        host.map(|(_, base)| base)
            .ok_or_else(|| Error::invalid(format!("the service has no host called {name:?}")))
    }

    /// Waits for a permit, or fails immediately if the wait would outlast the deadline.
    fn acquire(&self, run: &mut Run<'_>) -> Result<Permit> {
        let waiting = &*run;
        let mut on_wait = |wait: &limiter::Wait| {
            self.announce_retry(waiting, Duration::ZERO);
            self.report(&Activity::Waiting { call: waiting.name(), wait: *wait });
        };
        if cancellation::is_cancelled() {
            return Err(cancelled(run));
        }
        let permit = run.credentials.bucket.acquire(Some(run.waits_until()), &mut on_wait);
        if permit.is_ok() {
            self.announce_retry(run, Duration::ZERO);
        }
        match permit {
            Ok(permit) if cancellation::is_cancelled() => {
                permit.never_sent();
                Err(cancelled(run))
            }
            permit => permit.map_err(|error| self.no_permit(run, error)),
        }
    }

    /// Reports another attempt, once.
    fn announce_retry(&self, run: &Run<'_>, after: Duration) {
        if run.is_retry_unannounced.take()
            && let Some(error) = &run.last
        {
            self.report(&Activity::Retrying { call: run.name(), error, after });
        }
    }

    /// Writes down that the call is about to be sent. It comes after every wait of the usual call, so that a process that is
    /// killed while it waits leaves nobody in doubt.
    fn record(
        &self,
        permit: Permit,
        request: &Request<Vec<u8>>,
        run: &mut Run<'_>,
    ) -> Result<Permit> {
        if run.before_sending.is_some() && !self.core.transport.sends(request) {
            return Ok(permit);
        }
        match run.before_sending.take().map_or(Ok(()), |write| write()) {
            Ok(()) => Ok(permit),
            Err(error) => {
                permit.never_sent();
                Err(complete(error, run, false))
            }
        }
    }

    /// Reports the attempt, and makes sure of the permit after that: it is the last step before the request is sent.
    fn announce(&self, permit: Permit, run: &mut Run<'_>) -> Result<Permit> {
        run.attempts += 1;
        if run.attempts == 1 {
            self.core.retry_budget.deposit();
        }
        if self.is_reported() {
            self.report(&Activity::Sending { call: run.name(), attempt: run.attempts });
        }
        let confirmed = permit.confirm(Some(run.waits_until()), &mut |_| {});
        run.sent = self.core.clock.now();
        match confirmed {
            Ok(permit) if run.is_too_late() => {
                permit.never_sent();
                run.attempts -= 1;
                Err(self.too_late(run))
            }
            Ok(permit) => Ok(permit),
            Err(error) => {
                run.attempts -= 1;
                Err(self.no_permit(run, error))
            }
        }
    }

    /// Shared tokens that cannot be reached are the reason themselves, even if an earlier attempt failed.
    fn no_permit(&self, run: &mut Run<'_>, error: AcquireError) -> Error {
        match error.kind() {
            _ if cancellation::is_cancelled() => cancelled(run),
            ErrorKind::SharedLimit => complete(error.into(), run, true),
            _ => match &run.last {
                Some(last)
                    if error.reason == WaitReason::Paused && last.retry_after().is_none() =>
                {
                    self.out_of_time(run, error.wait, NO_PAUSE_NAMED)
                }
                _ => self.out_of_time(run, error.wait, error.reason),
            },
        }
    }

    fn send(
        &self,
        permit: Permit,
        request: Request<Vec<u8>>,
        run: &mut Run<'_>,
    ) -> (Result<Response<Vec<u8>>, TransportError>, Option<Duration>) {
        let sent = run.sent;
        let left = run.until.saturating_duration_since(sent);
        let timeout = left.clamp(Duration::from_millis(1), self.settings.attempt_timeout);
        let (outcome, retry_after) = self.send_and_release(permit, request, timeout);
        let outcome = outcome.map_err(|error| {
            run.credentials.auth.redactor().transport_error(error).or_at(&host_of(run.base))
        });
        if self.is_reported() {
            self.report_outcome(run.name(), &outcome, sent);
        }
        (outcome, retry_after)
    }

    /// Releases the permit when the head of the response is received, however long the body takes, and returns
    /// how long the service asked to wait.
    fn send_and_release(
        &self,
        permit: Permit,
        request: Request<Vec<u8>>,
        timeout: Duration,
    ) -> (Result<Response<Vec<u8>>, TransportError>, Option<Duration>) {
        let (mut held, mut retry_after) = (Some(permit), None);
        let mut on_head = |status, headers: &HeaderMap| {
            if let Some(permit) = held.take() {
                retry_after = self.release(permit, status, headers);
            }
        };
        let clock = Some(&self.core.clock);
        let mut progress = SendProgress::new(&mut on_head).on_clock(clock);
        let outcome = self
            .core
            .transport
            .send_with(request, timeout, &mut progress)
            .and_then(|response| self.within_limit(response));
        match &outcome {
            // A transport of the user's own need not report the head.
            Ok(response) => on_head(response.status(), response.headers()),
            Err(error) => match error.head() {
                Some(head) => on_head(head.status, &head.headers),
                None if error.may_have_been_sent() => drop(held),
                None => held.into_iter().for_each(Permit::never_sent),
            },
        }
        (outcome, retry_after)
    }

    fn release(
        &self,
        mut permit: Permit,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<Duration> {
        let period = Some(self.core.limit_period);
        let headers = RateLimitHeaders { period, ..RateLimitHeaders::read(status, headers) };
        let retry_after = headers.retry_after;
        permit.apply(headers);
        retry_after
    }

    /// Applies the limit to the body of a transport that does not know it.
    fn within_limit(
        &self,
        response: Response<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        if response.body().len() as u64 <= self.core.max_body {
            return Ok(response);
        }
        Err(TransportError::body_too_large(response.into_parts().0, self.core.max_body))
    }

    fn report_outcome(
        &self,
        call: &str,
        outcome: &Result<Response<Vec<u8>>, TransportError>,
        sent: Instant,
    ) {
        let elapsed = self.core.clock.now().saturating_duration_since(sent);
        self.report(&match outcome {
            Ok(response) => Activity::Responded { call, status: response.status(), elapsed },
            Err(error) => Activity::Failed { call, error, elapsed },
        });
    }

    /// Prepares another attempt: with another key after a 401, else as [`prepare_retry`](Pipeline::prepare_retry).
    fn prepare_next(&self, mut failure: Failure, run: &mut Run<'_>) -> Result<()> {
        if failure.error.kind() == ErrorKind::Unauthorized
            && let Some(renewal) = self.core.keys.renewal()
            && !std::mem::replace(&mut run.has_asked_for_key, true)
        {
            // As an observer, it would wait for itself.
            let _call = observer::ObserverCall::of(&*self.core);
            match renewal.renew(&run.credentials, run.until) {
                Ok(credentials) => return self.use_key(credentials, failure, run),
                Err(NoNewKey::Because(note)) => failure.error = failure.error.noting(&note),
                Err(NoNewKey::Cancelled) => {
                    run.last = Some(complete(failure.error, run, false));
                    return Err(cancelled(run));
                }
            }
        }
        self.prepare_retry(failure, run)
    }

    /// Continues with another key. The service rejected the last attempt, so nothing is done twice.
    fn use_key(
        &self,
        credentials: Arc<Credentials>,
        failure: Failure,
        run: &mut Run<'_>,
    ) -> Result<()> {
        run.credentials = credentials;
        run.uncounted += 1;
        run.last = Some(complete(failure.error, run, false));
        self.has_time(run)?;
        run.is_retry_unannounced.set(true);
        self.announce_retry(run, Duration::ZERO);
        Ok(())
    }

    /// Returns the error of the last attempt if too little time is left for another one.
    fn has_time(&self, run: &mut Run<'_>) -> Result<()> {
        let now = self.core.clock.now();
        if now <= run.waits_until() {
            return Ok(());
        }
        run.sent = now;
        Err(self.too_late(run))
    }

    /// Waits until the call may be sent again, or returns the error if it may not.
    fn prepare_retry(&self, failure: Failure, run: &mut Run<'_>) -> Result<()> {
        run.maybe_applied |= failure.maybe_applied;
        let is_temporary = !matches!(failure.retry, Retry::Never | Retry::Once);
        let error = complete(failure.error, run, is_temporary);
        // A 429 uses up no retry: the pause that the service asks for has to fit into the deadline.
        run.uncounted += u32::from(failure.retry == Retry::AfterRateLimit);
        let (failures, retries) = (run.counted(), self.settings.retries);
        let most = if failure.retry == Retry::Once { retries.min(1) } else { retries };
        let after = match failure.retry {
            Retry::Never => return Err(error),
            _ if most == 0 || failures > most => return Err(error),
            Retry::AfterRateLimit => Duration::ZERO,
            Retry::Once | Retry::AfterBackoff { .. } if !self.core.retry_budget.withdraw() => {
                return Err(error.noting("too much else failed lately to try again"));
            }
            Retry::Once => retry::backoff(failures),
            Retry::AfterBackoff { at_least } => retry::backoff(failures).max(at_least),
        };
        let now = self.core.clock.now();
        run.last = Some(error);
        if after > run.waits_until().saturating_duration_since(now) {
            return Err(self.out_of_time(run, after, "before another attempt"));
        }
        self.has_time(run)?;
        run.is_retry_unannounced.set(true);
        if failure.retry != Retry::AfterRateLimit {
            self.announce_retry(run, after);
        }
        let waited = cancellation::sleep_until(&self.core.clock, later(now, after));
        waited.map_err(|Cancelled| cancelled(run))
    }

    /// Returns the last real error if there was one; else that a permit was not available in time.
    fn out_of_time(&self, run: &mut Run<'_>, wait: Duration, why: impl fmt::Display) -> Error {
        let seconds = wait.as_secs_f64();
        let deadline = self.settings.deadline;
        let left = run.until.saturating_duration_since(self.core.clock.now());
        // A call may be a part of a larger operation, which began earlier.
        let (spent, deadline) =
            (deadline.saturating_sub(left).as_secs_f64(), deadline.as_secs_f64());
        let note = format!(
            "a wait of {seconds:.1} s ({why}) does not fit: {spent:.1} s of the deadline of \
             {deadline:.1} s are gone"
        );
        let error = ended_by_deadline(note, run);
        let asked = error.retry_after();
        error.with_retry_after(asked.or(Some(wait)))
    }

    /// Returns the last real error if there was one; else that too little time was left to send the request in.
    fn too_late(&self, run: &mut Run<'_>) -> Error {
        let left = run.until.saturating_duration_since(run.sent).as_secs_f64();
        let deadline = self.settings.deadline.as_secs_f64();
        let note = format!(
            "{left:.2} s of the deadline of {deadline:.1} s were left, which is too little to send it in"
        );
        ended_by_deadline(note, run)
    }

    /// Waits until it is time to look for what a call should have made whose response was lost.
    pub(crate) fn wait_to_look(&self, call: &str, moment: Instant) -> Result<(), Cancelled> {
        let after = moment.saturating_duration_since(self.core.clock.now());
        if !after.is_zero() {
            self.report(&Activity::Looking { call, after });
        }
        self.sleep_until(moment)
    }

    /// Waits until `moment`, or fails as soon as the call is cancelled.
    pub(crate) fn sleep_until(&self, moment: Instant) -> Result<(), Cancelled> {
        let _cancellations = cancellation::Scope::enter(&self.settings.cancellations);
        cancellation::sleep_until(&self.core.clock, moment)
    }

    fn report_start(&self, run: &Run<'_>) {
        for observer in &self.settings.observers {
            let _call = observer::ObserverCall::of(&*self.core);
            let base = self.base_of(run.call).unwrap_or(&self.core.base);
            observer.started(&CallStart::new(run.call, base, run.operation()));
        }
    }

    /// Whether anybody receives the activities.
    fn is_reported(&self) -> bool {
        !self.settings.observers.is_empty() || Activity::is_logged()
    }

    fn report(&self, activity: &Activity<'_>) {
        activity.log();
        for observer in &self.settings.observers {
            let _call = observer::ObserverCall::of(&*self.core);
            observer.observe(activity);
        }
    }
}

const NO_PAUSE_NAMED: &str = "the service refused and named no time to wait";

/// The words "nothing was sent" are about the latest attempt.
const RECEIVED_BEFORE: &str = "an earlier attempt may have been received";

/// Adds what is known of the whole call to the error of its latest attempt.
fn complete(error: Error, run: &Run<'_>, is_temporary: bool) -> Error {
    let applied = match error.kind() {
        ErrorKind::AppliedUnreadable => Applied::Yes,
        _ if run.maybe_applied && !run.call.is_read() => Applied::Unknown,
        _ => Applied::No,
    };
    let error = match (error.kind(), applied) {
        (ErrorKind::NotSent, Applied::Unknown) => error.noting(RECEIVED_BEFORE),
        _ => error,
    };
    error
        .with_call(run.names())
        .with_host(host_of(run.base))
        .with_attempts(run.attempts)
        .with_applied(applied)
        .with_temporary(is_temporary)
}

fn ended_by_deadline(note: String, run: &mut Run<'_>) -> Error {
    match run.last.take() {
        Some(error) => error.noting(&note),
        None => complete(Error::new(ErrorKind::Deadline, note), run, true),
    }
}

fn cancelled(run: &mut Run<'_>) -> Error {
    match run.last.take() {
        Some(error) => error.then_cancelled("cancelled before another attempt"),
        None => {
            complete(Error::new(ErrorKind::Cancelled, "cancelled; nothing was sent"), run, false)
        }
    }
}

/// The host of an address, with its port unless that is the usual one.
fn host_of(address: &Url) -> String {
    let host = address.host_str().unwrap_or_default();
    address.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("base", &self.core.base.as_str())
            .field("bucket", &self.core.keys.current().bucket)
            .finish_non_exhaustive()
    }
}
