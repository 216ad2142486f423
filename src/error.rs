//! The error of every call, its kinds, and what to do about them.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::iter::successors;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

mod kind;

pub use kind::{Applied, ErrorKind};

/// A result whose error is this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn StdError + Send + Sync>;

/// The most of a response body that an error keeps, in bytes.
pub(crate) const BODY_KEPT: usize = 64 * 1024;

/// The error of a call.
///
/// `Display` is one line that names the call and what happened, such as
/// `POST /apiv1-fetch communityEvents: 429 Too Many Requests: slow down, from api.heylo.com`. The error that caused it, if any, is
/// the [`source`](StdError::source) and is not repeated in the line. `Debug` is the [`report`](Error::report):
/// the line, the causes and the hint. `{:#?}` shows the fields.
///
/// No part of an error contains the key, even if a server quoted it in its response. [`body`](Error::body) and
/// [`headers`](Error::headers) come from the service and may contain personal data. Neither `Display` nor `Debug` prints
/// them, except for the [`message`](Error::message) that the service wrote for people to read. A cause that is about JSON
/// names what was expected, and not the value that was there.
///
/// # Examples
///
/// ```
/// use heysync::{ErrorKind, heylerts};
///
/// fn delete_if_there(client: &heylerts::Client, id: &str) -> heysync::Result<()> {
///     match client.delete_alert(id) {
///         // A wrong base address has the same kind: `hello` shows that it is right.
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
/// A command-line tool prints the report and exits with the code:
///
/// ```no_run
/// use std::process::ExitCode;
/// use heysync::heylerts;
///
/// fn run() -> heysync::Result<()> {
///     let client = heylerts::Client::from_env()?;
///     println!("{} mentions", client.stats()?.total);
///     Ok(())
/// }
///
/// fn main() -> ExitCode {
///     match run() {
///         Ok(()) => ExitCode::SUCCESS,
///         Err(error) => {
///             eprintln!("error: {}", error.report());
///             ExitCode::from(error.exit_code())
///         }
///     }
/// }
/// ```
///
/// `fn main() -> heysync::Result<()>` prints the report too, and exits with 1.
#[derive(thiserror::Error)]
#[error(transparent)]
// Boxed, so that a `Result` of a small value stays small.
pub struct Error(Box<Inner>);

/// The call and its operation, as errors name them.
#[derive(Clone, Debug)]
pub(crate) struct CallName {
    /// `GET /alerts/3f2c`
    pub(crate) name: String,
    /// `get_alert`
    pub(crate) operation: Cow<'static, str>,
}

#[derive(Debug, thiserror::Error)]
struct Inner {
    kind: ErrorKind,
    call: Option<CallName>,
    host: Option<String>,
    /// The proxy that the response came through.
    proxy: Option<String>,
    status: Option<StatusCode>,
    message: String,
    headers: HeaderMap,
    body: Vec<u8>,
    attempts: u32,
    retry_after: Option<Duration>,
    applied: Option<Applied>,
    is_temporary: Option<bool>,
    hint: Option<Cow<'static, str>>,
    curl: Option<Box<str>>,
    source: Option<Cause>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            call: None,
            host: None,
            proxy: None,
            status: None,
            message: tidy(message.into()),
            headers: HeaderMap::new(),
            body: Vec::new(),
            attempts: 0,
            retry_after: None,
            applied: None,
            is_temporary: None,
            hint: None,
            curl: None,
            source: None,
        }))
    }

    /// Rejects an argument before anything is sent.
    pub(crate) fn invalid(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidInput, message)
    }

    /// Rejects the choices of a client.
    pub(crate) fn configuration(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Configuration, message)
    }

    pub(crate) fn with_call(mut self, call: impl Into<CallName>) -> Error {
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

    pub(crate) fn with_applied(mut self, applied: Applied) -> Error {
        self.0.applied = Some(applied);
        self
    }

    pub(crate) fn with_temporary(mut self, is_temporary: bool) -> Error {
        self.0.is_temporary = Some(is_temporary);
        self
    }

    pub(crate) fn with_host(mut self, host: impl Into<String>) -> Error {
        self.0.host = Some(host.into());
        self
    }

    pub(crate) fn with_proxy(mut self, proxy: Option<String>) -> Error {
        self.0.proxy = proxy;
        self
    }

    pub(crate) fn map_message(mut self, change: impl FnOnce(String) -> String) -> Error {
        self.0.message = change(self.0.message);
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Error {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_curl(mut self, line: Option<String>) -> Error {
        self.0.curl = line.map(String::into_boxed_str);
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Cause>) -> Error {
        self.0.source = Some(source.into());
        self
    }

    /// Returns the error of a call that was cancelled after this one, which becomes its source.
    pub(crate) fn then_cancelled(self, message: &str) -> Error {
        let mut error = Error::new(ErrorKind::Cancelled, message).with_applied(self.applied());
        error.0.call.clone_from(&self.0.call);
        error.0.host.clone_from(&self.0.host);
        error.0.attempts = self.0.attempts;
        if self.applied() != Applied::No {
            error.0.hint = self.hint().map(|hint| hint.to_owned().into());
        }
        error.with_temporary(false).with_source(self)
    }

    /// Adds what became known after the error.
    pub(crate) fn noting(mut self, note: &str) -> Error {
        let message = &mut self.0.message;
        // A service's sentence may end in a full stop.
        message.truncate(message.trim_end_matches(['.', ';', ' ']).len());
        if !message.is_empty() {
            message.push_str("; ");
        }
        message.push_str(note);
        self
    }

    /// Returns the kind of failure.
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

    /// Returns the call that failed, as [`Call::name`](crate::Call::name) names it; `None` if the error is of no call.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.get_alert("no-such-id").unwrap_err();
    /// assert_eq!(error.call(), Some("GET /alerts/no-such-id"));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn call(&self) -> Option<&str> {
        self.0.call.as_ref().map(|call| &*call.name)
    }

    /// Returns the name of the operation that failed, the same for all ids, such as `get_alert`; `None` if the error is of no
    /// call. [`Call::operation`](crate::Call::operation) lists the names.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.get_alert("no-such-id").unwrap_err();
    /// assert_eq!(error.operation(), Some("get_alert"));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn operation(&self) -> Option<&str> {
        self.0.call.as_ref().map(|call| &*call.operation)
    }

    /// Returns the status of the response, if one was received.
    ///
    /// It is a success if only the body could not be used.
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

    /// Returns what happened, in the service's own words if it gave any.
    ///
    /// One line of at most 500 characters, without the call and the status. Heylerts documents the field `detail`,
    /// Heylo none, so the message is taken from fields with usual names, such as `message`, `error`, `errors`, `detail`
    /// and `error.message`, from the title of a page, or from plain text. JSON without such a field may be about people, so
    /// only its size and the names of its fields are shown: `no message, but 51 bytes of JSON with the fields code, member`.
    /// JSON that holds nothing but small numbers, booleans and nulls is shown as it is: `{"code": 17}`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.get_alert("no-such-id").unwrap_err();
    /// assert_eq!(error.message(), "Alert not found");
    /// assert_eq!(error.to_string(), "GET /alerts/no-such-id: 404 Not Found: Alert not found, from heylerts.com");
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the headers of the response; empty if none was received.
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

    /// Returns the body of the response, or the JSON of the item that could not be read: at most 64 KiB of it.
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

    /// Returns how long to wait before the call makes sense again, as far as it is known.
    ///
    /// That is the `Retry-After` of a 429 or a 503: seconds, fractions of them, or a date, taken against the
    /// response's own `Date`. A header that is zero, more than a year or unreadable does not count, and neither does that
    /// of another status, since some servers send it with every response. If there is no such header and the call failed
    /// because a wait would have outlasted the deadline, it is the length of that wait. Otherwise it is `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let service = sandbox::Heylerts::demo();
    /// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new()).retries(0);
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// # service.inject(1, sandbox::Fault::RateLimited(Some("30".to_owned())));
    /// let error = client.hello().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::RateLimited);
    /// assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns how many times the request was passed to the transport; 0 if the call failed before.
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

    /// Returns one line about what a person can do, if anything.
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
    /// // The response to this was lost on the way.
    /// let error = client.create_alert(&NewAlert::new("Competitor X", "competitor x")).unwrap_err();
    /// assert!(error.hint().is_some_and(|hint| hint.starts_with("list the alerts and look for one")));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref().or(self.0.kind.hint())
    }

    /// Returns the request as a line of curl, for a bug report; `None` if the call makes no request.
    ///
    /// The key is the variable `$HEYLO_API_KEY` or `$HEYLERTS_API_KEY`. A body is left out, since it may be about people:
    /// the line reads it from standard input (`--data-binary @-`). So are the values of headers of your own, and parts
    /// of the address that look like e-mail addresses.
    ///
    /// [`heylo::Client::curl`](crate::heylo::Client::curl) and [`heylerts::Client::curl`](crate::heylerts::Client::curl)
    /// return the whole line of a call before it is sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.get_alert("no-such-id").unwrap_err();
    /// let line = error.curl().expect("a request");
    /// assert!(line.starts_with("curl 'https://heylerts.com/api/v1/alerts/no-such-id' -H "));
    /// assert!(line.ends_with(r#"-H "X-API-Key: $HEYLERTS_API_KEY""#));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn curl(&self) -> Option<&str> {
        self.0.curl.as_deref()
    }

    /// Returns the host that the request was for, with its port if the address names one; `None` if the call
    /// failed before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.get_alert("no-such-id").unwrap_err();
    /// assert_eq!(error.host(), Some("heylerts.com"));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    /// Returns whether the call took effect.
    ///
    /// A call that only reads changes nothing, so for one it is always [`Applied::No`]. All attempts count: if
    /// the first got no response and the second a 403, it is [`Applied::Unknown`].
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Applied;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # use heysync::sandbox::{FaultPoint, Fault};
    /// # let service = sandbox::Heylerts::demo();
    /// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.delete_alert("no-such-id").unwrap_err();
    /// assert_eq!(error.applied(), Applied::No);
    ///
    /// # service.inject(1, Fault::Cut(FaultPoint::AfterEffect));
    /// // The response to this was lost on the way.
    /// let error = client.create_alert(&heylerts::NewAlert::new("X", "x")).unwrap_err();
    /// assert_eq!(error.applied(), Applied::Unknown);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn applied(&self) -> Applied {
        self.0.applied.unwrap_or(match self.0.kind {
            ErrorKind::OutcomeUnknown => Applied::Unknown,
            ErrorKind::AppliedUnreadable => Applied::Yes,
            _ => Applied::No,
        })
    }

    /// Returns whether the same call may succeed later, and can be sent again without harm.
    ///
    /// It is false for [`OutcomeUnknown`](ErrorKind::OutcomeUnknown), since sending that call again could apply
    /// it twice.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let service = sandbox::Heylerts::demo();
    /// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// assert!(!client.get_alert("no-such-id").unwrap_err().is_temporary());
    ///
    /// # service.inject(9, sandbox::Fault::ServerError(sandbox::FaultPoint::BeforeEffect));
    /// // The service is down.
    /// assert!(client.hello().unwrap_err().is_temporary());
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn is_temporary(&self) -> bool {
        self.0.is_temporary.unwrap_or(matches!(
            self.0.kind,
            ErrorKind::RateLimited
                | ErrorKind::Server
                | ErrorKind::NotSent
                | ErrorKind::NoResponse
                | ErrorKind::Deadline
        ))
    }

    /// Returns the error for a terminal: the line, and below it the host (if the line does not name it), the causes and the
    /// hint.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.get_alert("no-such-id").unwrap_err();
    /// let report = "\
    /// GET /alerts/no-such-id: 404 Not Found: Alert not found, from heylerts.com
    ///   hint: check the id, and that the key's account owns it";
    /// assert_eq!(error.report(), report);
    /// assert_eq!(format!("{error:?}"), report);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn report(&self) -> String {
        let mut lines = vec![self.to_string()];
        let is_named = |host: &&str| !lines[0].contains(*host);
        let host = self.host().filter(is_named).map(|host| format!("  host: {host}"));
        lines.extend(host);
        let causes = successors(self.source(), |&cause| cause.source());
        lines.extend(causes.map(|cause| format!("  caused by: {}", tidy(cause.to_string()))));
        lines.extend(self.hint().map(|hint| format!("  hint: {hint}")));
        lines.join("\n")
    }

    /// The report of an error whose source is this one.
    pub(crate) fn report_below(&self, outer: &dyn fmt::Display) -> String {
        format!("{outer}\n  caused by: {}", self.report())
    }

    /// Returns the exit code for a command-line tool, by the convention of `sysexits.h`.
    ///
    /// If the same call [may succeed later](Error::is_temporary), it is 75, whatever the kind: a refused connection, a 503, a
    /// 429, or a share whose folder or server cannot be reached. Otherwise the kind decides: 64 for invalid input, 65 for a
    /// rejected request, 66 for an object that was not found, 69 for a service that cannot be used (such as one whose
    /// certificate is not trusted), 74 for an unknown outcome, a share that cannot be used and an output that cannot be
    /// written, 76 for a response that could not be read, 77 for a key that is not accepted, 78 for a bad configuration. For a
    /// cancelled call it is 130, as after Ctrl-C; for a dry run it is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = heysync::heylerts::Client::new("").unwrap_err();
    /// assert_eq!(error.exit_code(), 78);
    /// ```
    pub fn exit_code(&self) -> u8 {
        match self.0.kind {
            _ if self.is_temporary() => 75,
            ErrorKind::InvalidInput => 64,
            ErrorKind::Rejected => 65,
            ErrorKind::NotFound => 66,
            ErrorKind::Server | ErrorKind::NotSent | ErrorKind::NoResponse => 69,
            ErrorKind::OutcomeUnknown | ErrorKind::SharedLimit | ErrorKind::Output => 74,
            ErrorKind::RateLimited | ErrorKind::Deadline => 75,
            ErrorKind::Cancelled => 130,
            ErrorKind::DryRun => 0,
            ErrorKind::AppliedUnreadable | ErrorKind::Unreadable | ErrorKind::NoProgress => 76,
            ErrorKind::Unauthorized | ErrorKind::Forbidden => 77,
            ErrorKind::Configuration | ErrorKind::Redirect => 78,
        }
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<Cow<'_, str>> = Vec::with_capacity(3);
        parts.extend(self.call.as_ref().map(|call| Cow::from(&call.name)));
        parts.extend(self.status.map(in_words));
        let message = self.status.map_or(&*self.message, |it| without_status(&self.message, it));
        // A service's sentence may end in a full stop; this line goes on.
        let message = message.strip_suffix('.').filter(|it| !it.ends_with('.')).unwrap_or(message);
        if !message.is_empty() {
            parts.push(Cow::from(message));
        }
        let line = parts.join(": ");
        f.write_str(&line)?;
        // A line of a log should name which of two proxies or base addresses sent a 502.
        if let Some(host) =
            self.host.as_deref().filter(|it| self.status.is_some() && !line.contains(it))
        {
            write!(f, ", from {host}")?;
        }
        let proxy = self.proxy.as_ref().map(|proxy| format!(" through the proxy {proxy}"));
        // A message about the connection names both.
        f.write_str(proxy.filter(|it| !line.contains(it)).as_deref().unwrap_or_default())?;
        match self.attempts {
            0 | 1 => Ok(()),
            attempts => write!(f, " (after {attempts} attempts)"),
        }
    }
}

/// `{:?}` is the report, which `fn main() -> heysync::Result<()>` prints. `{:#?}` is the structure; of the
/// response it shows only the size, since a log is no place for personal data.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return f.write_str(&self.report());
        }
        let inner = &*self.0;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("call", &self.call())
            .field("operation", &self.operation())
            .field("host", &inner.host)
            .field("status", &inner.status)
            .field("message", &inner.message)
            // Header values are left out as well: cookies, addresses.
            .field("body_bytes", &inner.body.len())
            .field("attempts", &inner.attempts)
            .field("retry_after", &inner.retry_after)
            .field("applied", &self.applied())
            .field("is_temporary", &self.is_temporary())
            .field("hint", &self.hint())
            .field("source", &inner.source)
            .finish()
    }
}

/// The most of a service's message that an error prints, in characters.
const MESSAGE_KEPT: usize = 500;

/// The message without the status that it begins with: `502 Bad Gateway`, `502: Bad gateway`, `error code: 502` or `Bad Gateway`.
pub(super) fn without_status(message: &str, status: StatusCode) -> &str {
    // Cloudflare: `example.com | 502: Bad gateway`.
    let title = message.split_once(" | ").filter(|(_, rest)| rest.starts_with(status.as_str()));
    let message = title.map_or(message, |(_, rest)| rest);
    let (first, rest) = message.split_once("; ").unwrap_or((message, ""));
    if says_only(first, status) { rest } else { without_number(message, status) }
}

/// Whether a text is nothing but the status, with or without the words that often come with it.
fn says_only(text: &str, status: StatusCode) -> bool {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let reason = letters(status.canonical_reason().unwrap_or_default());
    let (text, number) = (letters(text), status.as_str());
    let begun = ["http11", "http10", "http2", "http", "error", "status", "code"];
    let (mut left, mut is_named) = (&*text, false);
    while left != reason {
        if let Some(rest) = begun.iter().find_map(|start| left.strip_prefix(start)) {
            left = rest;
        } else if let Some(rest) = left.strip_prefix(number).or(left.strip_suffix(number)) {
            (left, is_named) = (rest, true);
        } else {
            return is_named && matches!(left, "" | "error");
        }
    }
    is_named || !left.is_empty() || text.is_empty()
}

/// Other words for the status keep their own, without the number: `413 Request Entity Too Large`.
fn without_number(message: &str, status: StatusCode) -> &str {
    let line = message.strip_prefix("HTTP/").and_then(|rest| Some(rest.split_once(' ')?.1));
    let words = line.unwrap_or(message).strip_prefix(status.as_str());
    let words = words.map(|rest| rest.trim_start_matches([' ', ':', '-']));
    words.filter(|words| words.starts_with(char::is_uppercase)).unwrap_or(message)
}

/// `502 Bad Gateway`; the number alone if the standard has no words for it.
pub(crate) fn in_words(status: StatusCode) -> Cow<'static, str> {
    match status.canonical_reason() {
        Some(_) => status.to_string().into(),
        None => status.as_str().to_owned().into(),
    }
}

/// One line, of bounded length, without control characters: a server's words must not move a terminal's
/// cursor, nor look like a second line of a log.
pub(super) fn tidy(message: String) -> String {
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

    fn name(call: &str) -> CallName {
        CallName { name: call.to_owned(), operation: "other".into() }
    }

    #[test]
    fn an_error_names_the_call_the_status_and_the_message() {
        let error = Error::new(ErrorKind::RateLimited, "slow down")
            .with_call(name("POST /apiv1-fetch communityEvents"))
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
    fn a_message_does_not_repeat_the_status() {
        for (status, message, expected) in [
            (502, "502 Bad Gateway", ""),
            (504, "504 Gateway Time-out; nginx", "nginx"),
            (413, "413 Request Entity Too Large", "Request Entity Too Large"),
            (503, "503 - Service Temporarily Unavailable", "Service Temporarily Unavailable"),
            (429, "429 requests in a minute are too many", "429 requests in a minute are too many"),
            (400, "4000 Things", "4000 Things"),
            (404, "no such alert", "no such alert"),
            (502, "example.com | 502: Bad gateway", ""),
            (522, "example.com | 522: Connection timed out", "Connection timed out"),
            (522, "a | 5: b", "a | 5: b"),
            (502, "error code: 502", ""),
            (520, "error code: 520", ""),
            (502, "Error 502", ""),
            (502, "HTTP/1.1 502 Bad Gateway", ""),
            (404, "HTTP Error 404", ""),
            (404, "Error: Not Found", ""),
            (404, "Not Found (404)", ""),
            (404, "Status code: 404; it is gone", "it is gone"),
            (500, "500 error", ""),
            (413, "HTTP/1.1 413 Request Entity Too Large", "Request Entity Too Large"),
            (502, "Error", "Error"),
            (502, "error code: 504", "error code: 504"),
            (502, "error code: 5020", "error code: 5020"),
            (520, "", ""),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(without_status(message, status), expected);
        }
    }

    #[test]
    fn a_message_is_one_line_of_bounded_length() {
        let error = Error::invalid(format!("a\nb\r\n\u{7}  c {}", "x".repeat(2000)));
        assert!(error.message().starts_with("a b c xxx"));
        assert_eq!(error.message().chars().count(), 501);
    }

    #[test]
    fn the_debug_forms_hold_no_body() {
        let error = Error::invalid("no").with_body(b"ada@example.com".to_vec());
        assert!(!format!("{error:?} {error:#?}").contains("ada@"));
        assert_eq!(error.body(), b"ada@example.com");
    }

    #[test]
    fn the_report_holds_the_line_the_host_the_causes_and_the_hint() {
        let cause = std::io::Error::other("connection\nreset");
        let error = Error::new(ErrorKind::NoResponse, "no response")
            .with_call(name("GET /stats"))
            .with_host("example.com")
            .with_source(cause);
        let report = "GET /stats: no response\n  host: example.com\n  caused by: connection reset\n  \
                      hint: try again later; sending the call again does no harm";
        assert_eq!(error.report(), report);
        assert_eq!(format!("{error:?}"), report);
        assert!(format!("{error:#?}").starts_with("Error {\n    kind: NoResponse"));
        let error = Error::new(ErrorKind::Rejected, "example.com is full").with_host("example.com");
        assert_eq!(error.report(), "example.com is full");
    }

    #[test]
    fn the_line_does_not_repeat_the_status() {
        for (status, message, expected) in [
            (502, "502 Bad Gateway", "502 Bad Gateway"),
            (502, "502: Bad gateway", "502 Bad Gateway"),
            (404, "Not Found", "404 Not Found"),
            (504, "504 Gateway Time-out", "504 Gateway Timeout"),
            (404, "HTTP 404", "404 Not Found"),
            (404, "404", "404 Not Found"),
            (404, "Not Found; it is gone", "404 Not Found: it is gone"),
            (404, "Alert not found.", "404 Not Found: Alert not found"),
            (404, "Wait...", "404 Not Found: Wait..."),
            (404, "4040", "404 Not Found: 4040"),
            (520, "", "520"),
            (520, "520", "520"),
            (520, "oh", "520: oh"),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let error =
                Error::new(ErrorKind::Server, message).with_response(status, HeaderMap::new());
            assert_eq!(error.to_string(), expected, "{message}");
            assert_eq!(error.message(), message);
        }
    }

    #[test]
    fn a_note_follows_a_sentence_without_its_full_stop() {
        for message in ["It is locked", "It is locked.", "It is locked. ", "It is locked;"] {
            let error = Error::invalid(message).noting("look again");
            assert_eq!(error.message(), "It is locked; look again");
        }
        assert_eq!(Error::invalid(".").noting("look again").message(), "look again");
    }
}
