//! What can go wrong, and what to do about it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

/// A result whose error is this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn StdError + Send + Sync>;

/// The most of an answer's body that an error keeps, in bytes.
const BODY_KEPT: usize = 64 * 1024;
/// The most of a service's message that an error prints, in characters.
const MESSAGE_KEPT: usize = 500;

/// Why a call failed.
///
/// It prints as one line that names the call and says what happened, such as
/// `POST /apiv1-fetch communityEvents: 429 Too Many Requests: slow down`. Where another error caused it,
/// that one is the [`source`](StdError::source) and is not printed again here.
///
/// # Examples
///
/// ```
/// use heysync::{ErrorKind, heylerts};
///
/// fn delete_if_there(client: &heylerts::Client, id: &str) -> heysync::Result<()> {
///     match client.delete_alert(id) {
///         Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
///         other => other,
///     }
/// }
/// ```
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Inner>);

#[derive(Debug, thiserror::Error)]
struct Inner {
    kind: ErrorKind,
    call: Option<String>,
    status: Option<StatusCode>,
    message: String,
    headers: HeaderMap,
    body: Vec<u8>,
    attempts: u32,
    retry_after: Option<Duration>,
    hint: Option<Cow<'static, str>>,
    source: Option<Cause>,
}

/// The kinds of [`Error`], to match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call was refused here, before anything was sent: an argument cannot be right.
    InvalidInput,
    /// The client cannot be built: a missing or unusable key, a bad address, a value out of range.
    Configuration,
    /// 401: the key is missing, unknown or revoked.
    Unauthorized,
    /// 403: the plan or its quota does not allow it.
    Forbidden,
    /// 404: there is no such thing, or it belongs to somebody else.
    NotFound,
    /// Another 4xx: the service understood the request and refused it.
    Rejected,
    /// 429: the rate limit was exceeded, and stayed so until the deadline or the last attempt.
    RateLimited,
    /// A 5xx, or a 408: the service failed. What was asked for can safely be asked for again.
    Server,
    /// A 3xx. Redirects are not followed, since they would take the key along.
    Redirect,
    /// The request never left: no address, no connection, no TLS.
    NotSent,
    /// The request was sent and no answer came. It can safely be sent again.
    NoAnswer,
    /// A call that must not be repeated blindly may or may not have taken effect.
    OutcomeUnknown,
    /// The call took effect, but its answer could not be read.
    DoneUnreadable,
    /// An answer, or one item of it, is not what it should be.
    Unreadable,
    /// Waiting for the rate limit would have outlasted the deadline, so it was not begun.
    Deadline,
    /// A listing did not advance: the server repeats itself.
    Stuck,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            call: None,
            status: None,
            message: tidy(message.into()),
            headers: HeaderMap::new(),
            body: Vec::new(),
            attempts: 0,
            retry_after: None,
            hint: None,
            source: None,
        }))
    }

    /// An argument that is refused before anything is sent.
    pub(crate) fn invalid(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidInput, message)
    }

    /// A client that cannot be built.
    pub(crate) fn configuration(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Configuration, message)
    }

    pub(crate) fn with_call(mut self, call: impl Into<String>) -> Error {
        self.0.call.get_or_insert(call.into());
        self
    }

    pub(crate) fn with_response(mut self, status: StatusCode, headers: HeaderMap) -> Error {
        self.0.status = Some(status);
        self.0.headers = headers;
        self
    }

    pub(crate) fn with_body(mut self, mut body: Vec<u8>) -> Error {
        body.truncate(BODY_KEPT);
        body.shrink_to_fit();
        self.0.body = body;
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Error {
        self.0.attempts = attempts;
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Error {
        self.0.retry_after = retry_after;
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Error {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Cause>) -> Error {
        self.0.source = Some(source.into());
        self
    }

    /// Adds to what is said, for what was learnt after the error came up.
    pub(crate) fn noting(mut self, note: &str) -> Error {
        let message = &mut self.0.message;
        if !message.is_empty() {
            message.push_str("; ");
        }
        message.push_str(note);
        self
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The status of the answer, where one came.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// What happened, in the service's own words where it gave any.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The headers of the answer; empty where none came.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The body of the answer, or the JSON of the item that could not be read: at most 64 KiB of it.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// How long the service asked to wait: `Retry-After`, on a 429 or a 503.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// How many times the request was handed to the transport; 0 where it was refused before.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// One line about what a person can do.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref().or(self.0.kind.hint())
    }
}

impl ErrorKind {
    fn hint(self) -> Option<&'static str> {
        Some(match self {
            ErrorKind::Unauthorized => {
                "check the API key: it may be mistyped, revoked, or another account's"
            }
            ErrorKind::Forbidden => "check the account's plan and its quota",
            ErrorKind::NotFound => "check the id, and that the key's account owns it",
            ErrorKind::RateLimited => {
                "something else uses this key too; run one at a time, or lower the rate"
            }
            ErrorKind::Redirect => "check the base address: it must be the final one, with https",
            ErrorKind::NotSent => "check the network, the proxy and the base address",
            ErrorKind::NoAnswer | ErrorKind::Server => {
                "try again later; nothing is lost by asking again"
            }
            ErrorKind::OutcomeUnknown => "find out whether it took effect before sending it again",
            ErrorKind::DoneUnreadable => "do not send it again: it took effect",
            ErrorKind::Deadline => "raise the deadline, or send less at once",
            _ => return None,
        })
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<Cow<'_, str>> = Vec::with_capacity(3);
        parts.extend(self.call.as_deref().map(Cow::from));
        parts.extend(self.status.map(in_words));
        if !self.message.is_empty() {
            parts.push(Cow::from(&self.message));
        }
        f.write_str(&parts.join(": "))?;
        match self.attempts {
            0 | 1 => Ok(()),
            attempts => write!(f, " (after {attempts} attempts)"),
        }
    }
}

/// Shows what is known, but of the answer only its size: a log is no place for people's data.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("call", &inner.call)
            .field("status", &inner.status)
            .field("message", &inner.message)
            .field("body_bytes", &inner.body.len())
            .field("attempts", &inner.attempts)
            .field("retry_after", &inner.retry_after)
            .field("source", &inner.source)
            .finish()
    }
}

/// `502 Bad Gateway`; the number alone where the standard has no words for it.
pub(crate) fn in_words(status: StatusCode) -> Cow<'static, str> {
    match status.canonical_reason() {
        Some(_) => status.to_string().into(),
        None => status.as_str().to_owned().into(),
    }
}

/// One line, of bounded length, without control characters.
fn tidy(message: String) -> String {
    let mut line = String::with_capacity(message.len().min(4 * MESSAGE_KEPT));
    for word in message
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|w| !w.is_empty())
    {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if let Some((end, _)) = line.char_indices().nth(MESSAGE_KEPT) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_call_the_status_and_the_message() {
        let error = Error::new(ErrorKind::RateLimited, "slow down")
            .with_call("POST /apiv1-fetch communityEvents")
            .with_response(StatusCode::TOO_MANY_REQUESTS, HeaderMap::new())
            .with_attempts(3);
        let text = "POST /apiv1-fetch communityEvents: 429 Too Many Requests: slow down (after 3 attempts)";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn a_status_without_a_name_is_its_number() {
        let status = StatusCode::from_u16(520).expect("a status");
        let error = Error::new(ErrorKind::Server, "").with_response(status, HeaderMap::new());
        assert_eq!(error.to_string(), "520");
    }

    #[test]
    fn the_cause_is_the_source_and_is_not_printed_twice() {
        let error =
            Error::new(ErrorKind::NotSent, "could not connect").with_source("connection refused");
        assert_eq!(error.to_string(), "could not connect");
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("connection refused")
        );
    }

    #[test]
    fn a_message_is_one_line_of_bounded_length() {
        let error = Error::invalid(format!("a\nb\r\n\u{7}  c {}", "x".repeat(2000)));
        assert!(error.message().starts_with("a b c xxx"));
        assert_eq!(error.message().chars().count(), MESSAGE_KEPT + 1);
    }

    #[test]
    fn the_debug_form_holds_no_body() {
        let error = Error::invalid("no").with_body(b"ada@example.com".to_vec());
        assert!(!format!("{error:?}").contains("ada@"));
        assert_eq!(error.body(), b"ada@example.com");
    }
}
