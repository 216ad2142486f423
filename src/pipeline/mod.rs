//! The road every request takes: turn → sign → send → judge → perhaps again.

pub(crate) mod answer;
pub(crate) mod auth;
mod body;
pub(crate) mod call;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod certificates;
mod failure;
pub(crate) mod judge;
mod names;
pub(crate) mod observer;
pub(crate) mod proxy;
pub(crate) mod retry;
pub(crate) mod transport;
pub(crate) mod transport_options;
pub(crate) mod ureq_transport;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request, Response};
use serde_json::Value;
use url::Url;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::limiter::{self, Permit, RateLimitHeaders, TokenBucket};
use answer::Unreadable;
use auth::Auth;
use call::Call;
use judge::{Again, Failure, Judge};
use observer::{Activity, Observer};
use retry::RetryBudget;
use transport::{Transport, TransportError};

/// Everything between an endpoint's method and the network.
pub(crate) struct Pipeline {
    pub(crate) base: Url,
    pub(crate) invite_base: Url,
    pub(crate) auth: Auth,
    pub(crate) user_agent: HeaderValue,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) bucket: TokenBucket,
    /// The period that its answers speak of when they tell the limit.
    pub(crate) limit_period: Duration,
    pub(crate) retries: u32,
    pub(crate) retry_budget: RetryBudget,
    pub(crate) attempt_timeout: Duration,
    pub(crate) deadline: Duration,
    pub(crate) max_body: u64,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

/// Where one call stands.
struct Run {
    name: String,
    started: Instant,
    until: Instant,
    attempts: u32,
    /// Some attempt may have taken effect without telling.
    lost_an_answer: bool,
    /// What the latest attempt ended with.
    last: Option<Error>,
}

impl Pipeline {
    /// Sends `call`, again where that is safe, until there is an answer that `read` can read.
    pub(crate) fn execute<T>(
        &self,
        call: &Call,
        read: fn(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<T> {
        self.execute_telling(call, read).map(|(value, _)| value)
    }

    /// As [`execute`](Pipeline::execute), and tells whether an attempt before the one that was answered may
    /// have taken effect.
    pub(crate) fn execute_telling<T>(
        &self,
        call: &Call,
        read: fn(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<(T, bool)> {
        let mut run = self.begin(call);
        let request = self.sign(call).map_err(|refused| refused.with_call(&run.name))?;
        loop {
            let permit = self.take_turn(&mut run)?;
            let outcome = self.send(permit, request.clone(), &mut run);
            let judge = Judge { call, auth: &self.auth, lost_an_answer: run.lost_an_answer };
            match judge.judge(outcome, read) {
                Ok(value) => return Ok((value, run.lost_an_answer)),
                Err(failure) => self.prepare_again(failure, &mut run)?,
            }
        }
    }

    /// The error of an item that could not be decoded, with its JSON at hand, but for the key.
    pub(crate) fn unreadable_item(
        &self,
        call: String,
        item: &Value,
        cause: serde_json::Error,
    ) -> Error {
        Error::new(ErrorKind::Unreadable, "an item is not what was expected")
            .with_call(call)
            .with_body(self.auth.redact(item.to_string().as_bytes()))
            .with_source(self.auth.hide_in(cause.into()))
    }

    fn begin(&self, call: &Call) -> Run {
        self.retry_budget.deposit();
        let started = self.clock.now();
        Run {
            name: call.name(),
            started,
            until: started + self.deadline,
            attempts: 0,
            lost_an_answer: false,
            last: None,
        }
    }

    fn sign(&self, call: &Call) -> Result<Request<Vec<u8>>> {
        let base = if call.is_on_invite_host() { &self.invite_base } else { &self.base };
        let mut request = Request::new(call.to_body());
        *request.method_mut() = call.method().clone();
        *request.uri_mut() = call.to_uri(base)?;
        // For the transport: an unsafe call should not be sent on a connection that may be dying.
        request.extensions_mut().insert(call.stated_safety());
        let has_body = !request.body().is_empty();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, self.user_agent.clone());
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self.auth.sign(headers);
        Ok(request)
    }

    /// Waits for a token, or tells at once that it would take too long.
    fn take_turn(&self, run: &mut Run) -> Result<Permit> {
        let name = &run.name;
        let mut on_wait =
            |wait: &limiter::Wait| self.tell(&Activity::Waiting { call: name, wait: *wait });
        let turn = self.bucket.acquire(Some(run.until), &mut on_wait);
        turn.map_err(|late| self.out_of_time(run, late.wait, late.reason))
    }

    fn send(
        &self,
        permit: Permit,
        request: Request<Vec<u8>>,
        run: &mut Run,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        run.attempts += 1;
        self.tell(&Activity::Sending { call: &run.name, attempt: run.attempts });
        let sent = self.clock.now();
        let left = run.until.saturating_duration_since(sent);
        let timeout = left.clamp(Duration::from_millis(1), self.attempt_timeout);
        let outcome = self
            .transport
            .send(request, timeout)
            .and_then(|response| self.within_limit(response))
            .map_err(|error| self.hide_key(error));
        self.give_back(permit, &outcome);
        self.tell_outcome(&run.name, &outcome, sent);
        outcome
    }

    fn tell_outcome(
        &self,
        call: &str,
        outcome: &Result<Response<Vec<u8>>, TransportError>,
        sent: Instant,
    ) {
        let elapsed = self.clock.now().saturating_duration_since(sent);
        self.tell(&match outcome {
            Ok(answer) => Activity::Responded { call, status: answer.status(), elapsed },
            Err(error) => Activity::Failed { call, error, elapsed },
        });
    }

    fn give_back(&self, permit: Permit, outcome: &Result<Response<Vec<u8>>, TransportError>) {
        let answered = |status, headers| RateLimitHeaders {
            period: Some(self.limit_period),
            ..RateLimitHeaders::read(status, headers)
        };
        match outcome {
            Ok(response) => permit.remarked(answered(response.status(), response.headers())),
            Err(error) => match error.head() {
                Some(head) => permit.remarked(answered(head.status, &head.headers)),
                None if error.may_have_been_sent() => drop(permit),
                None => permit.never_sent(),
            },
        }
    }

    /// A transport of the user's own may not know the limit.
    fn within_limit(
        &self,
        response: Response<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        if response.body().len() as u64 <= self.max_body {
            return Ok(response);
        }
        Err(TransportError::body_too_large(response.into_parts().0, self.max_body))
    }

    /// A transport's error may quote what it sent, or what came back.
    fn hide_key(&self, error: TransportError) -> TransportError {
        let mut error = error.map_source(|source| self.auth.hide_in(source));
        if let Some(head) = error.head_mut() {
            self.auth.redact_headers(&mut head.headers);
        }
        error
    }

    /// Waits until the call may be sent again, or returns the failure if it may not.
    fn prepare_again(&self, failure: Failure, run: &mut Run) -> Result<()> {
        let error = failure.error.with_call(&run.name).with_attempts(run.attempts);
        run.lost_an_answer |= failure.lost_an_answer;
        let after = match failure.again {
            Again::Never => return Err(error),
            _ if run.attempts > self.retries => return Err(error),
            Again::AfterRateLimit => Duration::ZERO,
            Again::AfterBackoff { .. } if !self.retry_budget.withdraw() => {
                return Err(error.noting("too much else failed lately to try again"));
            }
            Again::AfterBackoff { at_least } => retry::backoff(run.attempts).max(at_least),
        };
        let now = self.clock.now();
        if after > run.until.saturating_duration_since(now) {
            run.last = Some(error);
            return Err(self.out_of_time(run, after, "before another try"));
        }
        self.tell(&Activity::Retrying { call: &run.name, error: &error, after });
        run.last = Some(error);
        self.sleep_until(now + after);
        Ok(())
    }

    /// The last real error where there was one; else that there was no turn to be had in time.
    fn out_of_time(&self, run: &mut Run, wait: Duration, why: impl fmt::Display) -> Error {
        let wait = wait.as_secs_f64();
        let deadline = self.deadline.as_secs_f64();
        let spent = self.clock.now().saturating_duration_since(run.started).as_secs_f64();
        let note = format!(
            "a wait of {wait:.1} s ({why}) does not fit: {spent:.1} s of the deadline of \
             {deadline:.1} s are gone"
        );
        match run.last.take() {
            Some(error) => error.noting(&note),
            None => Error::new(ErrorKind::Deadline, note).with_call(&run.name),
        }
    }

    pub(crate) fn sleep_until(&self, moment: Instant) {
        let mut left = moment.saturating_duration_since(self.clock.now());
        while !left.is_zero() {
            self.clock.sleep(left);
            left = moment.saturating_duration_since(self.clock.now());
        }
    }

    fn tell(&self, activity: &Activity<'_>) {
        activity.log();
        if let Some(observer) = &self.observer {
            observer.observe(activity);
        }
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("base", &self.base.as_str())
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}
