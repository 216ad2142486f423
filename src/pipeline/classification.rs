//! Classifies the outcome of an attempt: a value, or an error and whether another attempt makes sense.

use std::time::Duration;

use http::header::LOCATION;
use http::response::Parts;
use http::{Response, StatusCode};
use serde_json::Value;

use super::call::Call;
use super::denial;
use super::message;
use super::redaction::{self, Evidence, Redactor};
use super::response::{BadBody, Problem};
use super::transport::{Progress, TransportError};
use super::validation;
use crate::error::{Error, ErrorKind};
use crate::json;

/// A successful attempt: its value, and the head of its response.
pub(crate) struct Success<T> {
    pub(crate) value: T,
    pub(crate) head: Parts,
}

/// A failed attempt.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) retry: Retry,
    /// The attempt may have taken effect.
    pub(crate) maybe_applied: bool,
}

/// Whether and when a call may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Never,
    /// After the first attempt only.
    Once,
    AfterBackoff {
        /// For how long the service asked to wait.
        at_least: Duration,
    },
    /// When the token bucket allows it; it has seen the same response.
    AfterRateLimit,
}

const BACKOFF: Retry = Retry::AfterBackoff { at_least: Duration::ZERO };

fn backoff(retry_after: Option<Duration>) -> Retry {
    Retry::AfterBackoff { at_least: retry_after.unwrap_or_default() }
}

/// A longer address is of no use to a person, in bytes.
const LONGEST_LOCATION: usize = 200;

/// The hint if a page came in place of a response.
const PAGE: &str = "something between here and the service sent a page, perhaps to sign in: find out whether \
                    the call took effect before sending it again";

/// The hint if a page refuses a request.
const REFUSED_BY_PAGE: &str = "the response is a page, as something between here and the service sends it, such as a firewall, a gateway \
                               or a sign-in: find out what refuses; the API key and the plan may be right";
const LASTING: &str = "sending the call again later does no harm, and may not help: the service's operator has to look at it";
const CAPTIVE: &str =
    "the network wants somebody to sign in: open a page in a browser, then send the call again";
const SLASH: &str = "the same address with a slash at its end is wanted, which no setting changes: check whether the base address is that \
                     of the service, with https, and whether something before it rewrites addresses";

const NO_OBJECT: &str = "check the id, and that the key's account owns it";
const NO_OBJECT_OR_ADDRESS: &str =
    "check the id, that the key's account owns it, and the base address with its path";
const NO_ADDRESS: &str =
    "check the base address and the path; it is not the id, since the call has none";

/// Classifies the attempts of one call.
pub(crate) struct Classifier<'a> {
    pub(crate) call: &'a Call,
    pub(crate) redactor: &'a Redactor,
    /// An earlier attempt may have taken effect.
    pub(crate) maybe_applied: bool,
    /// How long the service asked to wait with this response.
    pub(crate) retry_after: Option<Duration>,
}

impl Classifier<'_> {
    /// Returns the value of a successful attempt; else the error, and whether to retry.
    pub(crate) fn classify<T>(
        &self,
        outcome: Result<Response<Vec<u8>>, TransportError>,
        read: &dyn Fn(Vec<u8>) -> Result<T, BadBody>,
    ) -> Result<Success<T>, Failure> {
        let (head, body) = outcome.map_err(|error| self.no_response(error))?.into_parts();
        let body = match self.is_removed_already(head.status, &body) {
            true => Vec::new(),
            false if !head.status.is_success() => return Err(self.error_status(head, body)),
            false if message::is_page(&head.headers, &body) => return Err(self.page(head, body)),
            false => body,
        };
        if !self.call.is_read()
            && let Some(report) = denial::of_change(&body)
        {
            // A body that cannot be read has a report of its own.
            let doubtful = |body: Vec<u8>| BadBody { body, problem: report.into() };
            let bad = read(body.clone()).err().unwrap_or_else(|| doubtful(body));
            return Err(self.bad_body(head, bad));
        }
        match read(body) {
            Ok(value) => Ok(Success { value, head }),
            Err(bad) => Err(self.bad_body(head, bad)),
        }
    }

    /// A removal that may have been applied, and whose retry finds nothing to remove, has succeeded.
    fn is_removed_already(&self, status: StatusCode, body: &[u8]) -> bool {
        self.maybe_applied
            && self.call.is_removal()
            && matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE)
            && message::is_own_error(body)
    }

    /// No whole response was received.
    fn no_response(&self, error: TransportError) -> Failure {
        let message = error.to_string();
        let (is_permanent, is_once) = (error.is_permanent(), error.is_permanent_if_repeated());
        let (hint, retry_after) = (error.hint().map(str::to_owned), error.retry_after());
        let (progress, body, cause) = error.into_parts();
        let evidence = Evidence { message, cause: Some(cause), ..Evidence::default() };
        let mut failure = match progress {
            // The status comes before the body: a 502 that broke off is a 502.
            Progress::Responded { head, .. } if !head.status.is_success() => {
                return self.error_status(*head, Vec::new());
            }
            Progress::Responded { head, .. } => {
                self.incomplete(*head, Evidence { body, ..evidence }, !is_permanent)
            }
            Progress::NeverSent => self.never_sent(evidence, retry_after),
            Progress::Withheld(kind, _) => {
                let evidence = Evidence { cause: None, ..evidence };
                self.failure(kind, evidence, Retry::Never, false)
            }
            Progress::MaybeSent => {
                self.unknown_if_unsafe(ErrorKind::NoResponse, evidence, BACKOFF, true)
            }
        };
        if is_permanent {
            failure.retry = Retry::Never;
        } else if is_once {
            failure.retry = Retry::Once;
        }
        Failure { error: with_reason(failure.error, hint), ..failure }
    }

    /// A server may have responded before it received anything, and asked to wait.
    fn never_sent(&self, evidence: Evidence, retry_after: Option<Duration>) -> Failure {
        let failure = self.failure(ErrorKind::NotSent, evidence, backoff(retry_after), false);
        Failure { error: failure.error.with_retry_after(retry_after), ..failure }
    }

    /// The status is a success, and the body is incomplete: a page or a report of failure, by its beginning, shows no success.
    fn incomplete(&self, head: Parts, evidence: Evidence, is_temporary: bool) -> Failure {
        let Evidence { message, body, cause, .. } = evidence;
        let is_change = !self.call.is_read();
        if is_change && message::is_page(&head.headers, &body) {
            return self.page(head, body);
        }
        let report = denial::of(&body).filter(|_| is_change);
        let head = Some(head);
        match report {
            Some(report) => {
                let message = format!("{message} after: {}", report.words);
                self.unknown(Evidence { message, head, body, cause }, true)
            }
            None => self.unreadable(Evidence { message, head, body, cause }, is_temporary),
        }
    }

    /// The status is not a success.
    fn error_status(&self, head: Parts, body: Vec<u8>) -> Failure {
        let status = head.status;
        let retry = match status.as_u16() {
            429 => Retry::AfterRateLimit,
            408 | 500 | 502..=504 | 520..=524 => backoff(self.retry_after),
            _ => Retry::Never,
        };
        let message = with_location(message::message(&body), &head);
        let hint = self.hint_on(&head, &body, &message, retry);
        let evidence = Evidence { message, head: Some(head), body, cause: None };
        let mut failure = match status.as_u16() {
            // It leads to the result of a request that was carried out.
            303 => self.failure(ErrorKind::Redirect, evidence, retry, true),
            300..=399 => self.failure(ErrorKind::Redirect, evidence, retry, false),
            401 => self.failure(ErrorKind::Unauthorized, evidence, retry, false),
            403 => self.failure(ErrorKind::Forbidden, evidence, retry, false),
            404 => self.failure(ErrorKind::NotFound, evidence, retry, false),
            429 => self.failure(ErrorKind::RateLimited, evidence, retry, false),
            // The service states that it cannot do this at all.
            501 | 505 => self.failure(ErrorKind::Server, evidence, retry, false),
            408 | 500..=599 => self.unknown_if_unsafe(ErrorKind::Server, evidence, retry, true),
            400..=499 => self.failure(ErrorKind::Rejected, evidence, retry, false),
            _ => self.unknown_if_unsafe(ErrorKind::Unreadable, evidence, retry, true),
        };
        failure.error = failure.error.with_retry_after(self.retry_after);
        match hint.filter(|_| failure.error.kind() != ErrorKind::OutcomeUnknown) {
            Some(hint) => Failure { error: failure.error.with_hint(hint), ..failure },
            None => failure,
        }
    }

    /// The hint on a head and a body that show more than the kind of the error.
    fn hint_on(&self, head: &Parts, body: &[u8], message: &str, retry: Retry) -> Option<String> {
        let hint = match head.status.as_u16() {
            404 => return Some(self.hint_if_not_found(body, message)),
            401 | 403 if message::is_page(&head.headers, body) => Some(REFUSED_BY_PAGE),
            300..=399 if self.leads_to_slash(head) => Some(SLASH),
            511 => Some(CAPTIVE),
            500..=599 if retry == Retry::Never => Some(LASTING),
            _ => None,
        };
        hint.map(str::to_owned)
    }

    /// Whether a redirect leads to the address of the call but for a slash at its end.
    fn leads_to_slash(&self, head: &Parts) -> bool {
        let location = head.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let path = location.unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
        let last = self.call.path().last();
        let is_last = |bare: &str| bare.rsplit('/').next() == last.map(String::as_str);
        path.strip_suffix('/').is_some_and(is_last)
    }

    /// A 404 may come from another server than the service, or from no endpoint of it.
    fn hint_if_not_found(&self, body: &[u8], message: &str) -> String {
        // A framework that has no such endpoint responds with the name of the status.
        let is_own = message::is_own_error(body) && !message.eq_ignore_ascii_case("not found");
        let hint = match self.call.has_id() {
            true if is_own => NO_OBJECT,
            true => NO_OBJECT_OR_ADDRESS,
            false => return NO_ADDRESS.to_owned(),
        };
        let ids = self.call.ids_in_body();
        match ids.is_empty() {
            true => hint.to_owned(),
            // A key may have been given as an id.
            false => self.redactor.text(format!("{hint}: {}", ids.join(", "))),
        }
    }

    /// The status is a success, and the body is a page for a browser: from a proxy, most likely.
    fn page(&self, head: Parts, body: Vec<u8>) -> Failure {
        let text = json::text(&body);
        let message = match message::page_message(&text) {
            Some(title) => format!("the response is a web page: {title}"),
            None => "the response is a web page".to_owned(),
        };
        let evidence = Evidence { message, head: Some(head), body, cause: None };
        if self.call.is_read() {
            return self.failure(ErrorKind::Unreadable, evidence, BACKOFF, false);
        }
        let failure = self.failure(ErrorKind::OutcomeUnknown, evidence, Retry::Never, true);
        Failure { error: failure.error.noting(UNKNOWN).with_hint(PAGE), ..failure }
    }

    /// The status is a success, and the body is not.
    fn bad_body(&self, head: Parts, BadBody { body, problem }: BadBody) -> Failure {
        let head = Some(head);
        match problem {
            Problem::Doubtful(message) if !self.call.is_read() => {
                self.unknown(Evidence { message, head, body, cause: None }, true)
            }
            Problem::Denied(message) | Problem::Doubtful(message) => {
                let evidence = Evidence { message, head, body, cause: None };
                self.failure(ErrorKind::Rejected, evidence, Retry::Never, false)
            }
            Problem::NotRequested(what) => {
                let evidence = Evidence { message: what.to_owned(), head, body, cause: None };
                self.unreadable(evidence, false)
            }
            Problem::Unexpected { is_temporary, source } => {
                let message = match body.is_empty() {
                    true => "the response is empty",
                    false => "the response is not what was expected",
                };
                // Only an error about data quotes some of it.
                let json = source.is_data().then(|| json::from_slice::<Value>(&body).ok());
                let json = json.flatten().unwrap_or_default();
                let cause = redaction::cause_without_values(source, &json);
                let (message, cause) = (message.to_owned(), Some(cause));
                self.unreadable(Evidence { message, head, body, cause }, is_temporary)
            }
        }
    }

    /// The call succeeded and its response cannot be used. Only a read is sent again.
    fn unreadable(&self, evidence: Evidence, is_temporary: bool) -> Failure {
        match self.call.is_read() {
            true if is_temporary => self.failure(ErrorKind::Unreadable, evidence, BACKOFF, false),
            true => self.failure(ErrorKind::Unreadable, evidence, Retry::Never, false),
            false => self.failure(ErrorKind::AppliedUnreadable, evidence, Retry::Never, true),
        }
    }

    /// For an unsafe call, no response or a server failure means that the outcome is unknown.
    fn unknown_if_unsafe(
        &self,
        kind: ErrorKind,
        evidence: Evidence,
        retry: Retry,
        maybe_applied: bool,
    ) -> Failure {
        match self.call.is_unsafe() {
            true => self.unknown(evidence, maybe_applied),
            false => self.failure(kind, evidence, retry, maybe_applied),
        }
    }

    fn unknown(&self, evidence: Evidence, maybe_applied: bool) -> Failure {
        let failure =
            self.failure(ErrorKind::OutcomeUnknown, evidence, Retry::Never, maybe_applied);
        let error = failure.error.noting(UNKNOWN);
        let error = match self.call.how_to_find_out() {
            Some(hint) => error.with_hint(hint),
            None => error,
        };
        Failure { error, ..failure }
    }

    fn failure(
        &self,
        kind: ErrorKind,
        evidence: Evidence,
        retry: Retry,
        maybe_applied: bool,
    ) -> Failure {
        Failure { error: self.redactor.error(kind, evidence), retry, maybe_applied }
    }
}

const UNKNOWN: &str = "whether it took effect is not known";

/// Adds the hint on why there was no response. How to find out what became of a call stays.
fn with_reason(error: Error, hint: Option<String>) -> Error {
    let kept = error.hint().filter(|_| error.kind() == ErrorKind::OutcomeUnknown);
    match (hint, kept) {
        (Some(hint), Some(kept)) => {
            let hint = format!("{hint}; {kept}");
            error.with_hint(hint)
        }
        (Some(hint), None) => error.with_hint(hint),
        (None, _) => error,
    }
}

/// Adds where a redirect leads, since it is the base address that has to be changed.
fn with_location(message: String, head: &Parts) -> String {
    let location = head.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    match location {
        Some(to) if head.status.is_redirection() && to.len() <= LONGEST_LOCATION => {
            validation::joined([message, format!("it leads to {to}")]).unwrap_or_default()
        }
        _ => message,
    }
}
