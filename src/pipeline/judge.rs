//! What an attempt's outcome means for the call: done, failed, or worth another try.

use std::error::Error as StdError;
use std::time::Duration;

use http::header::LOCATION;
use http::response::Parts;
use http::{Response, StatusCode};

use super::answer::{self, Unreadable};
use super::auth::Auth;
use super::call::Call;
use super::transport::{Progress, TransportError};
use crate::error::{Error, ErrorKind};
use crate::limiter::headers::retry_after;

/// A failed attempt.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) again: Again,
    /// The call may have taken effect without telling.
    pub(crate) lost_an_answer: bool,
}

/// Whether and when the call may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Not at all.
    Never,
    /// After a backoff, and not before `at_least` has passed.
    AfterBackoff {
        /// What the service asked for.
        at_least: Duration,
    },
    /// When the token bucket lets it through; it has seen the same answer.
    AfterRateLimit,
}

const BACKOFF: Again = Again::AfterBackoff { at_least: Duration::ZERO };

/// A longer address says nothing to a person, in bytes.
const LONGEST_LOCATION: usize = 200;

/// The hint where a success tells of an error.
const DOUBTFUL: &str =
    "its status says that it took effect and its body does not: look before sending it again";

/// Judges the attempts of one call.
pub(crate) struct Judge<'a> {
    pub(crate) call: &'a Call,
    pub(crate) auth: &'a Auth,
    /// An earlier attempt may have taken effect without telling.
    pub(crate) lost_an_answer: bool,
}

impl Judge<'_> {
    /// The value that an attempt brought, or why there is none and whether to try again.
    pub(crate) fn judge<T>(
        &self,
        outcome: Result<Response<Vec<u8>>, TransportError>,
        read: fn(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<T, Failure> {
        let (head, body) = outcome.map_err(|error| self.no_answer(error))?.into_parts();
        if head.status.is_success() {
            return read(&body).map_err(|unreadable| self.unreadable(head, body, unreadable));
        }
        if self.is_removed_already(head.status, &body) {
            return read(b"").map_err(|unreadable| self.unreadable(head, body, unreadable));
        }
        Err(self.refusal(head, body))
    }

    /// A removal whose answer was lost, and which finds nothing the next time, has succeeded.
    fn is_removed_already(&self, status: StatusCode, body: &[u8]) -> bool {
        let absent = status == StatusCode::NOT_FOUND && answer::is_own_error(body);
        self.lost_an_answer && self.call.absent_is_done() && absent
    }

    /// No whole answer came.
    fn no_answer(&self, error: TransportError) -> Failure {
        let what = error.to_string();
        let (progress, cause) = error.into_parts();
        match progress {
            Progress::NeverSent => Failure {
                error: Error::new(ErrorKind::NotSent, what).with_source(cause),
                again: BACKOFF,
                lost_an_answer: false,
            },
            Progress::MaybeSent => {
                let error = self.unknown_or(ErrorKind::NoResponse, what).with_source(cause);
                Failure { error, again: self.unless_unsafe(BACKOFF), lost_an_answer: true }
            }
            // The status comes before the body: a 502 that broke off is a 502.
            Progress::Responded { head, .. } if !head.status.is_success() => {
                self.refusal(*head, Vec::new())
            }
            Progress::Responded { head, too_large } => {
                self.unread(*head, Vec::new(), what, cause, !too_large)
            }
        }
    }

    fn unreadable(&self, head: Parts, body: Vec<u8>, unreadable: Unreadable) -> Failure {
        let body = self.auth.redact(&body);
        let excuse = answer::excuse(&body);
        let is_doubtful = excuse.is_some() && !self.call.is_read();
        let what = match excuse {
            _ if body.is_empty() => "the answer is empty".to_owned(),
            Some(excuse) => format!("the answer is not what was expected: {excuse}"),
            None => "the answer is not what was expected".to_owned(),
        };
        let cause = self.auth.hide_in(unreadable.source.into());
        let mut failure = self.unread(head, body, what, cause, unreadable.may_pass);
        if is_doubtful {
            failure.error = failure.error.with_hint(DOUBTFUL);
        }
        failure
    }

    /// The call succeeded and its answer cannot be used. Only what changes nothing is asked again.
    fn unread(
        &self,
        head: Parts,
        body: Vec<u8>,
        what: String,
        cause: Cause,
        may_pass: bool,
    ) -> Failure {
        let read = self.call.is_read();
        let kind = if read { ErrorKind::Unreadable } else { ErrorKind::AppliedUnreadable };
        let error = self.with_answer(Error::new(kind, what), head, body).with_source(cause);
        let again = if read && may_pass { BACKOFF } else { Again::Never };
        Failure { error, again, lost_an_answer: false }
    }

    /// An answer came, and it is not a success.
    fn refusal(&self, head: Parts, body: Vec<u8>) -> Failure {
        let status = head.status;
        let asked = retry_after(status, &head.headers);
        let again = match status.as_u16() {
            429 => Again::AfterRateLimit,
            408 | 500 | 502..=504 | 520..=524 => {
                self.unless_unsafe(Again::AfterBackoff { at_least: asked.unwrap_or_default() })
            }
            _ => Again::Never,
        };
        let body = self.auth.redact(&body);
        let error = self.refused(status, answer::message(&body));
        let error = naming_the_way(self.with_answer(error, head, body));
        let lost_an_answer = matches!(error.kind(), ErrorKind::Server | ErrorKind::OutcomeUnknown);
        Failure { error: error.with_retry_after(asked), again, lost_an_answer }
    }

    fn refused(&self, status: StatusCode, message: String) -> Error {
        let kind = match status.as_u16() {
            300..=399 => ErrorKind::Redirect,
            401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Forbidden,
            404 => ErrorKind::NotFound,
            408 => return self.unknown_or(ErrorKind::Server, message),
            429 => ErrorKind::RateLimited,
            400..=499 => ErrorKind::Rejected,
            // The service says that it cannot do this at all, so it did not.
            501 | 505 => ErrorKind::Server,
            500..=599 => return self.unknown_or(ErrorKind::Server, message),
            _ => return self.unknown_or(ErrorKind::Unreadable, message),
        };
        Error::new(kind, message)
    }

    /// Of a call that must not be repeated blindly, silence and failure leave the outcome unknown.
    fn unknown_or(&self, kind: ErrorKind, message: String) -> Error {
        if !self.call.is_unsafe() {
            return Error::new(kind, message);
        }
        let error = Error::new(ErrorKind::OutcomeUnknown, message)
            .noting("whether it took effect is not known");
        match self.call.how_to_find_out() {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    fn unless_unsafe(&self, again: Again) -> Again {
        if self.call.is_unsafe() { Again::Never } else { again }
    }

    /// Keeps what came. The body is without the key already.
    fn with_answer(&self, error: Error, mut head: Parts, body: Vec<u8>) -> Error {
        self.auth.redact_headers(&mut head.headers);
        error.with_response(head.status, head.headers).with_body(body)
    }
}

/// Says where a redirect leads, since it is the base address that has to be mended.
fn naming_the_way(error: Error) -> Error {
    let location = error.headers().get(LOCATION);
    let location = location.and_then(|value| value.to_str().ok());
    match (error.kind(), location) {
        (ErrorKind::Redirect, Some(to)) if to.len() <= LONGEST_LOCATION => {
            let note = format!("it leads to {to}");
            error.noting(&note)
        }
        _ => error,
    }
}

type Cause = Box<dyn StdError + Send + Sync>;
