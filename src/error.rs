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
/// Nothing of it holds the key, also where a server quoted it in its answer. [`body`](Error::body) and
/// [`headers`](Error::headers) are the service's words and may hold people's data; neither is printed, by
/// `Display` or by `Debug`.
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
/// # use heysync::{Config, sandbox};
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// # delete_if_there(&client, "no-such-id")?;
/// # Ok::<(), heysync::Error>(())
/// ```
///
/// What a command-line tool prints:
///
/// ```
/// use std::error::Error;
/// use heysync::heylerts;
///
/// let error = heylerts::Client::new("").unwrap_err();
/// eprintln!("error: {error}");
/// let mut cause = error.source();
/// while let Some(deeper) = cause {
///     eprintln!("  because: {deeper}");
///     cause = deeper.source();
/// }
/// if let Some(hint) = error.hint() {
///     eprintln!("  hint: {hint}");
/// }
/// ```
#[derive(thiserror::Error)]
#[error(transparent)]
// Boxed, so that a `Result` of a small value stays small.
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
///
/// They say what a program can do about it:
///
/// * Nothing was done, and nothing was sent: [`InvalidInput`](ErrorKind::InvalidInput),
///   [`Configuration`](ErrorKind::Configuration), [`Deadline`](ErrorKind::Deadline).
/// * Nothing was done, and trying later may help: [`NotSent`](ErrorKind::NotSent),
///   [`RateLimited`](ErrorKind::RateLimited).
/// * Asking again can do no harm: [`NoResponse`](ErrorKind::NoResponse), [`Server`](ErrorKind::Server),
///   [`Unreadable`](ErrorKind::Unreadable).
/// * Look before asking again: [`OutcomeUnknown`](ErrorKind::OutcomeUnknown). Do not ask again:
///   [`AppliedUnreadable`](ErrorKind::AppliedUnreadable).
/// * The service refused, and will again: the rest.
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
    NoResponse,
    /// A call that must not be repeated blindly may or may not have taken effect.
    OutcomeUnknown,
    /// The call took effect, but its answer could not be read.
    AppliedUnreadable,
    /// An answer, or one item of it, is not what it should be.
    Unreadable,
    /// Waiting for the rate limit would have outlasted the deadline, so it was not begun.
    Deadline,
    /// A listing did not advance: the server repeats itself.
    NoProgress,
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
        // The first to name the call was nearest to it.
        self.0.call.get_or_insert(call.into());
        self
    }

    pub(crate) fn with_response(mut self, status: StatusCode, headers: HeaderMap) -> Error {
        self.0.status = Some(status);
        self.0.headers = headers;
        self
    }

    pub(crate) fn with_body(mut self, mut body: Vec<u8>) -> Error {
        // An error may be kept for long, in a list of a thousand. 10 MiB of a server's page would be too.
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

    /// Returns what kind of failure this is.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.get_alert("no-such-id").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotFound);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the status of the answer, where one came. It may be a success, where only the body was bad.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.get_alert("no-such-id").unwrap_err();
    /// assert_eq!(error.status().unwrap(), 404);
    /// assert!(client.get_alert("").unwrap_err().status().is_none());
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Returns what happened, in the service's own words where it gave any.
    ///
    /// One line of 500 characters at most, without the call and the status. Heylerts documents `detail`,
    /// Heylo nothing, so the words are taken from `detail`, `error`, `message` or `error.message`, from a
    /// page's title, or from plain text.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.get_alert("no-such-id").unwrap_err();
    /// assert_eq!(error.message(), "Alert not found");
    /// assert_eq!(error.to_string(), "GET /alerts/no-such-id: 404 Not Found: Alert not found");
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the headers of the answer; empty where none came.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.get_alert("no-such-id").unwrap_err();
    /// assert_eq!(error.headers()["content-type"], "application/json");
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Returns the body of the answer, or the JSON of the item that could not be read: at most 64 KiB of it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.get_alert("no-such-id").unwrap_err();
    /// assert_eq!(error.body(), br#"{"detail":"Alert not found"}"#);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// Returns how long the service asked to wait: `Retry-After`, on a 429 or a 503.
    ///
    /// Seconds, fractions of them, or a date, taken against the answer's own `Date`. `None` where it was
    /// absent, zero, more than a day, or nonsense. Elsewhere some servers send the header too; there it
    /// means nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let service = sandbox::Heylerts::demo();
    /// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new()).retries(1);
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// # service.inject(2, sandbox::Fault::RateLimited(Some("30".to_owned())));
    /// let error = client.hello().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::RateLimited);
    /// assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns how many times the request was handed to the transport; 0 where it was refused before.
    ///
    /// # Examples
    ///
    /// With one retry allowed, and a server that is down:
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let service = sandbox::Heylerts::demo();
    /// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new()).retries(1);
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// # service.inject(2, sandbox::Fault::ServerError(sandbox::FaultPoint::BeforeEffect));
    /// let error = client.hello().unwrap_err();
    /// assert_eq!(error.attempts(), 2);
    /// assert!(error.to_string().ends_with("(after 2 attempts)"));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns one line about what a person can do, where there is something to say.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylerts::NewAlert;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # use heysync::sandbox::{FaultPoint, Fault};
    /// # let service = sandbox::Heylerts::demo();
    /// # service.inject(1, Fault::Cut(FaultPoint::AfterEffect));
    /// # let config = Config::new().transport(service).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// // The answer to this was lost on the way.
    /// let error = client.create_alert(&NewAlert::new("Competitor X", "competitor x")).unwrap_err();
    /// assert!(error.hint().is_some_and(|hint| hint.starts_with("list the alerts and look for one")));
    /// # Ok::<(), heysync::Error>(())
    /// ```
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
            ErrorKind::NoResponse | ErrorKind::Server => {
                "try again later; nothing is lost by asking again"
            }
            ErrorKind::OutcomeUnknown => "find out whether it took effect before sending it again",
            ErrorKind::AppliedUnreadable => "do not send it again: it took effect",
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
            // Header values are left out as well: cookies, addresses.
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

/// One line, of bounded length, without control characters: a server's words must not move a terminal's
/// cursor, nor look like a second line of a log.
fn tidy(message: String) -> String {
    let mut line = String::with_capacity(message.len().min(4 * MESSAGE_KEPT));
    for word in
        message.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty())
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
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("connection refused"));
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
