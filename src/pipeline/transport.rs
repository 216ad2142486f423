//! How a request reaches a server: the [`Transport`] trait, and how far a request got that failed.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::response::Parts;
use http::{HeaderMap, StatusCode};

use crate::clock::Clock;
use crate::error::ErrorKind;

type Cause = Box<dyn StdError + Send + Sync>;

/// Sends one request and returns its response, whatever the status.
///
/// Implementations must not follow redirects, retry or rate-limit; the client does that. A closure
/// `Fn(http::Request<Vec<u8>>, Duration) -> Result<http::Response<Vec<u8>>, TransportError>` is a transport,
/// and so are an `Arc` of a transport and a `Box<dyn Transport>`.
///
/// The [`Safety`](crate::Safety) of the call is in the extensions of the request:
/// `request.extensions().get::<Safety>()`. A transport that reuses connections can avoid an old one for an
/// unsafe call.
///
/// # Examples
///
/// A transport that responds from memory:
///
/// ```
/// use heysync::{Config, heylerts, http};
///
/// let config = Config::new().transport(|request: http::Request<Vec<u8>>, _timeout| {
///     assert_eq!(request.uri().path(), "/api/v1/stats");
///     Ok(http::Response::new(br#"{"total": 3}"#.to_vec()))
/// });
/// let client = heylerts::Client::with_config("hlt_example", config)?;
/// assert_eq!(client.stats()?.total, 3);
/// # Ok::<(), heysync::Error>(())
/// ```
pub trait Transport: Send + Sync {
    /// Sends `request` and returns the response with its whole body, within `timeout`.
    ///
    /// This is the method that the client calls. `progress` takes the head of the response when it is received. If a
    /// transport reports nothing, the token of the rate limit is held until the end of the response instead.
    ///
    /// # Errors
    ///
    /// Fails only if no whole response was received: see [`TransportError`]. A 404 or a 500 is an `Ok`.
    ///
    /// # Examples
    ///
    /// A transport around another one passes the progress on:
    ///
    /// ```
    /// use std::time::Duration;
    /// use heysync::{SendProgress, Transport, TransportError, UreqTransport};
    /// use heysync::http::{Request, Response};
    ///
    /// struct Traced(UreqTransport);
    ///
    /// impl Transport for Traced {
    ///     fn send_with(
    ///         &self,
    ///         request: Request<Vec<u8>>,
    ///         timeout: Duration,
    ///         progress: &mut SendProgress<'_>,
    ///     ) -> Result<Response<Vec<u8>>, TransportError> {
    ///         eprintln!("{} {}", request.method(), request.uri().path());
    ///         self.0.send_with(request, timeout, progress)
    ///     }
    /// }
    /// ```
    fn send_with(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<http::Response<Vec<u8>>, TransportError>;

    /// Returns whether [`send_with`](Transport::send_with) would send this request, or keep it back as a
    /// [`DryRun`](crate::DryRun) does. Default: true.
    ///
    /// [`Bulk::next_recorded`](crate::heylo::Bulk::next_recorded) records no request that is kept back. A transport around
    /// another one returns what that returns.
    fn sends(&self, request: &http::Request<Vec<u8>>) -> bool {
        let _ = request;
        true
    }

    /// Sends `request` like [`send_with`](Transport::send_with), for callers that need no progress.
    ///
    /// # Errors
    ///
    /// As [`send_with`](Transport::send_with).
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        self.send_with(request, timeout, &mut SendProgress { on_head: None, clock: None })
    }
}

/// Receives what a [`Transport`] knows about a request before its response is complete.
///
/// It also has the clock of the client. A transport that sends by another one passes it on.
pub struct SendProgress<'a> {
    on_head: Option<&'a mut OnHead<'a>>,
    clock: Option<&'a Arc<dyn Clock>>,
}

type OnHead<'a> = dyn FnMut(StatusCode, &HeaderMap) + 'a;

impl<'a> SendProgress<'a> {
    /// Creates one that calls `on_head` when the head of the response is received, at most once.
    ///
    /// # Examples
    ///
    /// A test of a transport:
    ///
    /// ```
    /// use heysync::SendProgress;
    /// use heysync::http::{HeaderMap, StatusCode};
    ///
    /// let mut status = None;
    /// let mut on_head = |received: StatusCode, _: &HeaderMap| status = Some(received);
    /// SendProgress::new(&mut on_head).head_received(StatusCode::OK, &HeaderMap::new());
    /// assert_eq!(status, Some(StatusCode::OK));
    /// ```
    pub fn new(on_head: &'a mut dyn FnMut(StatusCode, &HeaderMap)) -> SendProgress<'a> {
        SendProgress { on_head: Some(on_head), clock: None }
    }

    pub(crate) fn on_clock(self, clock: Option<&'a Arc<dyn Clock>>) -> SendProgress<'a> {
        SendProgress { clock, ..self }
    }

    /// Returns the clock of the client, or `None` if the request is not from a client.
    ///
    /// For a transport that waits, or that counts requests, as the sandbox does.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::SendProgress;
    ///
    /// let mut on_head = |_, _: &heysync::http::HeaderMap| ();
    /// assert!(SendProgress::new(&mut on_head).clock().is_none());
    /// ```
    pub fn clock(&self) -> Option<&'a Arc<dyn Clock>> {
        self.clock
    }

    /// Reports that the head of the response was received just now. Only the first report counts.
    pub fn head_received(&mut self, status: StatusCode, headers: &HeaderMap) {
        if let Some(on_head) = self.on_head.take() {
            on_head(status, headers);
        }
    }
}

impl fmt::Debug for SendProgress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendProgress").field("head_received", &self.on_head.is_none()).finish()
    }
}

impl<F> Transport for F
where
    F: Fn(http::Request<Vec<u8>>, Duration) -> Result<http::Response<Vec<u8>>, TransportError>
        + Send
        + Sync,
{
    fn send_with(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
        _: &mut SendProgress<'_>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        self(request, timeout)
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send_with(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        (**self).send_with(request, timeout, progress)
    }

    fn sends(&self, request: &http::Request<Vec<u8>>) -> bool {
        (**self).sends(request)
    }
}

// Not of `Box<T>`: a boxed closure is a closure already.
impl Transport for Box<dyn Transport> {
    fn send_with(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        (**self).send_with(request, timeout, progress)
    }

    fn sends(&self, request: &http::Request<Vec<u8>>) -> bool {
        (**self).sends(request)
    }
}

/// No whole response was received. The error states how far the request got.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.message())]
pub struct TransportError {
    progress: Progress,
    source: Cause,
    /// The host, and the proxy if there is one.
    peer: Option<Box<str>>,
    is_permanent: bool,
    /// Another attempt is made to reach another server behind the same address; a second failure lasts.
    is_permanent_if_repeated: bool,
    /// Something was received, and it was no response that can be read.
    is_garbled: bool,
    hint: Option<Cow<'static, str>>,
    /// How long the server asked to wait, although it did not read the request.
    retry_after: Option<Duration>,
    received: Received,
}

/// The part that was received of a body that broke off. It may hold a key, so it is not printed.
#[derive(Default)]
struct Received(Vec<u8>);

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

fn is_timeout(cause: &Cause) -> bool {
    cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// The proxy that a response came through, as an extension of it.
#[derive(Clone)]
pub(crate) struct Proxied(pub(crate) String);

/// How far a request got before it failed.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Not one byte of it was sent.
    NeverSent,
    /// The transport kept it back, for the reason that the message states.
    Withheld(ErrorKind, String),
    /// Some or all of it may have been sent; no response was received.
    MaybeSent,
    /// The head of the response was received, and not the whole body.
    Responded { head: Box<Parts>, too_large: bool },
}

impl TransportError {
    /// Creates the error of a request that was not sent at all: no address, no connection, no TLS.
    ///
    /// The client sends such a request again, whatever its [`Safety`](crate::Safety).
    pub fn never_sent(source: impl Into<Cause>) -> TransportError {
        TransportError::new(Progress::NeverSent, source.into())
    }

    /// Creates the error of a request that the transport keeps back, with the kind and the message of the call's error.
    pub(crate) fn withheld(kind: ErrorKind, message: impl Into<String>) -> TransportError {
        let progress = Progress::Withheld(kind, message.into());
        TransportError::new(progress, "the request was kept back".into()).permanent()
    }

    /// Creates the error of a request that was sent, at least in part, and got no response.
    pub fn maybe_sent(source: impl Into<Cause>) -> TransportError {
        TransportError::new(Progress::MaybeSent, source.into())
    }

    /// Creates the error of a response whose body was lost on the way.
    pub fn body_lost(head: Parts, source: impl Into<Cause>) -> TransportError {
        let progress = Progress::Responded { head: Box::new(head), too_large: false };
        TransportError::new(progress, source.into())
    }

    /// Creates the error of a response with a body of more than `limit` bytes. A success is not retried then;
    /// of another response, the status decides.
    pub fn body_too_large(head: Parts, limit: u64) -> TransportError {
        let is_permanent = head.status.is_success();
        let progress = Progress::Responded { head: Box::new(head), too_large: true };
        let source = format!("the limit is {limit} bytes").into();
        TransportError { is_permanent, ..TransportError::new(progress, source) }
    }

    fn new(progress: Progress, source: Cause) -> TransportError {
        TransportError {
            progress,
            source,
            peer: None,
            is_permanent: false,
            is_permanent_if_repeated: false,
            is_garbled: false,
            hint: None,
            retry_after: None,
            received: Received::default(),
        }
    }

    /// States that another attempt would fail in the same way, so that the client does not retry.
    ///
    /// Examples are a certificate that is not trusted and a proxy that refuses the password.
    #[must_use]
    pub fn permanent(mut self) -> TransportError {
        self.is_permanent = true;
        self
    }

    /// States that another attempt would fail in the same way at the same server.
    pub(crate) fn permanent_if_repeated(mut self) -> TransportError {
        self.is_permanent_if_repeated = true;
        self
    }

    /// Returns whether another attempt would fail in the same way at the same server.
    pub(crate) fn is_permanent_if_repeated(&self) -> bool {
        self.is_permanent_if_repeated
    }

    /// Adds a hint for a person who has to fix the cause, as [`Error::hint`](crate::Error::hint) returns it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> TransportError {
        self.hint = Some(hint.into());
        self
    }

    /// States that something was received, and was no response of HTTP that can be read.
    pub(crate) fn garbled(mut self) -> TransportError {
        self.is_garbled = true;
        self
    }

    /// Adds how long the server asked to wait.
    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> TransportError {
        self.retry_after = wait;
        self
    }

    /// How long the server asked to wait, if it did not read the request.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Adds what was received of the body.
    pub(crate) fn with_received(mut self, body: Vec<u8>) -> TransportError {
        self.received = Received(body);
        self
    }

    /// Adds the host, and the proxy if there is one, for the message.
    pub(crate) fn at(mut self, peer: String) -> TransportError {
        self.peer = Some(peer.into());
        self
    }

    /// Returns whether the request, or a part of it, may have reached the server.
    pub fn may_have_been_sent(&self) -> bool {
        !matches!(self.progress, Progress::NeverSent | Progress::Withheld(..))
    }

    /// Returns whether another attempt would fail in the same way.
    pub fn is_permanent(&self) -> bool {
        self.is_permanent
    }

    /// Returns the hint for a person, if there is one.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Names the host, if the transport did not.
    pub(crate) fn or_at(mut self, host: &str) -> TransportError {
        self.peer.get_or_insert_with(|| host.into());
        self
    }

    fn message(&self) -> String {
        let peer = |preposition| match &self.peer {
            Some(peer) => format!(" {preposition} {peer}"),
            None => String::new(),
        };
        match self.progress {
            Progress::NeverSent => format!("could not connect{}; nothing was sent", peer("to")),
            Progress::MaybeSent if self.is_garbled => {
                format!("no response that can be read{}", peer("from"))
            }
            Progress::Withheld(_, ref message) => message.clone(),
            Progress::MaybeSent => format!("no response{}", peer("from")),
            Progress::Responded { too_large: true, .. } => {
                format!("the response body{} is too large", peer("from"))
            }
            Progress::Responded { .. } if self.is_permanent => {
                format!("the response body{} cannot be decoded", peer("from"))
            }
            Progress::Responded { .. } if is_timeout(&self.source) => {
                format!("the response body{} did not end in time", peer("from"))
            }
            Progress::Responded { .. } => format!("the response body{} broke off", peer("from")),
        }
    }

    /// The head of the response, if one was received.
    pub(crate) fn head(&self) -> Option<&Parts> {
        match &self.progress {
            Progress::Responded { head, .. } => Some(head),
            Progress::NeverSent | Progress::Withheld(..) | Progress::MaybeSent => None,
        }
    }

    pub(crate) fn head_mut(&mut self) -> Option<&mut Parts> {
        match &mut self.progress {
            Progress::Responded { head, .. } => Some(head),
            Progress::NeverSent | Progress::Withheld(..) | Progress::MaybeSent => None,
        }
    }

    pub(crate) fn map_source(mut self, change: impl FnOnce(Cause) -> Cause) -> TransportError {
        self.source = change(self.source);
        self
    }

    pub(crate) fn map_hint(mut self, change: impl FnOnce(String) -> String) -> TransportError {
        self.hint = self.hint.map(|hint| change(hint.into_owned()).into());
        self
    }

    /// How far the request got, what was received of the body, and the cause.
    pub(crate) fn into_parts(self) -> (Progress, Vec<u8>, Cause) {
        (self.progress, self.received.0, self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports a head, which a closure does not.
    struct Reporting;

    impl Transport for Reporting {
        fn send_with(
            &self,
            _: http::Request<Vec<u8>>,
            _: Duration,
            progress: &mut SendProgress<'_>,
        ) -> Result<http::Response<Vec<u8>>, TransportError> {
            progress.head_received(StatusCode::CREATED, &HeaderMap::new());
            progress.head_received(StatusCode::OK, &HeaderMap::new());
            Ok(http::Response::new(Vec::new()))
        }
    }

    fn reported(transport: &impl Transport) -> Vec<StatusCode> {
        let mut heads = Vec::new();
        let mut on_head = |status, _: &HeaderMap| heads.push(status);
        let mut progress = SendProgress::new(&mut on_head);
        let request = http::Request::new(Vec::new());
        assert!(transport.send_with(request, Duration::ZERO, &mut progress).is_ok());
        heads
    }

    #[test]
    fn the_first_head_is_reported_through_every_wrapper() {
        let expected = [StatusCode::CREATED];
        assert_eq!(reported(&Reporting), expected);
        assert_eq!(reported(&Arc::new(Reporting)), expected);
        let boxed: Box<dyn Transport> = Box::new(Reporting);
        assert_eq!(reported(&boxed), expected);
    }

    #[test]
    fn a_closure_boxed_or_not_is_a_transport_that_reports_nothing() {
        let respond = |_: http::Request<Vec<u8>>, _: Duration| Ok(http::Response::new(Vec::new()));
        assert!(reported(&respond).is_empty());
        assert!(reported(&Box::new(respond)).is_empty());
    }

    #[test]
    fn an_error_states_how_far_the_request_got() {
        let (head, _) = http::Response::new(()).into_parts();
        for (error, message) in [
            (TransportError::never_sent("x"), "could not connect; nothing was sent"),
            (TransportError::maybe_sent("x"), "no response"),
            (TransportError::body_lost(head.clone(), "x"), "the response body broke off"),
            (
                TransportError::body_lost(head.clone(), io::Error::from(io::ErrorKind::TimedOut)),
                "the response body did not end in time",
            ),
            (TransportError::body_too_large(head, 7), "the response body is too large"),
        ] {
            assert_eq!(error.to_string(), message);
            assert_eq!(error.may_have_been_sent(), !message.contains("nothing"));
            assert_eq!(error.is_permanent(), message.contains("large"));
        }
        let error = TransportError::never_sent("x").permanent().with_hint("look there");
        assert_eq!((error.is_permanent(), error.hint()), (true, Some("look there")));
    }
}
