//! How a request reaches a server: the [`Transport`] trait, and its implementation over ureq.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_LENGTH;
use http::response::Parts;
use http::{HeaderMap, Method, StatusCode};

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
/// use heysync::{Config, heylerts};
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
    /// # Errors
    ///
    /// Fails only if no whole response was received: see [`TransportError`]. A 404 or a 500 is an `Ok`.
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
    ) -> Result<http::Response<Vec<u8>>, TransportError>;

    /// Sends `request` like [`send`](Transport::send), and reports its progress on the way.
    ///
    /// This is the method that the client calls. By default it calls `send` and reports nothing; then the
    /// token of the rate limit is held until the end of the response instead of until its head.
    ///
    /// # Errors
    ///
    /// As [`send`](Transport::send).
    ///
    /// # Examples
    ///
    /// A transport around another one passes the progress on:
    ///
    /// ```
    /// use std::time::Duration;
    /// use heysync::{SendProgress, Transport, TransportError, UreqTransport};
    /// use http::{Request, Response};
    ///
    /// struct Traced(UreqTransport);
    ///
    /// impl Transport for Traced {
    ///     fn send(
    ///         &self,
    ///         request: Request<Vec<u8>>,
    ///         timeout: Duration,
    ///     ) -> Result<Response<Vec<u8>>, TransportError> {
    ///         self.send_with(request, timeout, &mut SendProgress::new(&mut |_, _| {}))
    ///     }
    ///
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
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let _ = progress;
        self.send(request, timeout)
    }
}

/// Receives what a [`Transport`] knows about a request before its response is complete.
pub struct SendProgress<'a> {
    on_head: Option<&'a mut dyn FnMut(StatusCode, &HeaderMap)>,
}

impl<'a> SendProgress<'a> {
    /// Creates one that calls `on_head` when the head of the response is received, at most once.
    ///
    /// # Examples
    ///
    /// A test of a transport:
    ///
    /// ```
    /// use heysync::SendProgress;
    /// use http::{HeaderMap, StatusCode};
    ///
    /// let mut status = None;
    /// let mut on_head = |received: StatusCode, _: &HeaderMap| status = Some(received);
    /// SendProgress::new(&mut on_head).head_received(StatusCode::OK, &HeaderMap::new());
    /// assert_eq!(status, Some(StatusCode::OK));
    /// ```
    pub fn new(on_head: &'a mut dyn FnMut(StatusCode, &HeaderMap)) -> SendProgress<'a> {
        SendProgress { on_head: Some(on_head) }
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
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        self(request, timeout)
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        (**self).send(request, timeout)
    }

    fn send_with(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        (**self).send_with(request, timeout, progress)
    }
}

// Not of `Box<T>`: a boxed closure is a closure already.
impl Transport for Box<dyn Transport> {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        (**self).send(request, timeout)
    }

    fn send_with(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        (**self).send_with(request, timeout, progress)
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
    hint: Option<Cow<'static, str>>,
}

/// How far a request got before it failed.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Not one byte of it was sent.
    NeverSent,
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

    /// Creates the error of a request that was sent, at least in part, and got no response.
    pub fn maybe_sent(source: impl Into<Cause>) -> TransportError {
        TransportError::new(Progress::MaybeSent, source.into())
    }

    /// Creates the error of a response whose body was lost on the way.
    pub fn body_lost(head: Parts, source: impl Into<Cause>) -> TransportError {
        let progress = Progress::Responded { head: Box::new(head), too_large: false };
        TransportError::new(progress, source.into())
    }

    /// Creates the error of a response with a body of more than `limit` bytes. It is not retried.
    pub fn body_too_large(head: Parts, limit: u64) -> TransportError {
        let progress = Progress::Responded { head: Box::new(head), too_large: true };
        let source = format!("the limit is {limit} bytes").into();
        TransportError::new(progress, source).permanent()
    }

    fn new(progress: Progress, source: Cause) -> TransportError {
        TransportError { progress, source, peer: None, is_permanent: false, hint: None }
    }

    /// States that another attempt would fail in the same way, so that the client does not retry.
    ///
    /// Examples are a certificate that is not trusted and a proxy that refuses the password.
    pub fn permanent(mut self) -> TransportError {
        self.is_permanent = true;
        self
    }

    /// Adds a hint for a person who has to fix the cause, as [`Error::hint`](crate::Error::hint) returns it.
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> TransportError {
        self.hint = Some(hint.into());
        self
    }

    /// Returns whether the request, or a part of it, may have reached the server.
    pub fn may_have_been_sent(&self) -> bool {
        !matches!(self.progress, Progress::NeverSent)
    }

    /// Returns whether another attempt would fail in the same way.
    pub fn is_permanent(&self) -> bool {
        self.is_permanent
    }

    /// Returns the hint for a person, if there is one.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    fn message(&self) -> String {
        let peer = |preposition| match &self.peer {
            Some(peer) => format!(" {preposition} {peer}"),
            None => String::new(),
        };
        match self.progress {
            Progress::NeverSent => format!("could not connect{}; nothing was sent", peer("to")),
            Progress::MaybeSent => format!("no response{}", peer("from")),
            Progress::Responded { too_large: true, .. } => {
                format!("the response body{} is too large", peer("from"))
            }
            Progress::Responded { .. } => format!("the response body{} broke off", peer("from")),
        }
    }

    /// The head of the response, if one was received.
    pub(crate) fn head(&self) -> Option<&Parts> {
        match &self.progress {
            Progress::Responded { head, .. } => Some(head),
            Progress::NeverSent | Progress::MaybeSent => None,
        }
    }

    pub(crate) fn head_mut(&mut self) -> Option<&mut Parts> {
        match &mut self.progress {
            Progress::Responded { head, .. } => Some(head),
            Progress::NeverSent | Progress::MaybeSent => None,
        }
    }

    pub(crate) fn map_source(mut self, change: impl FnOnce(Cause) -> Cause) -> TransportError {
        self.source = change(self.source);
        self
    }

    pub(crate) fn into_parts(self) -> (Progress, Cause) {
        (self.progress, self.source)
    }
}

/// The default transport: ureq, with one pool of connections.
///
/// It follows no redirects, takes answers in up to a limit (counted after decompression), and keeps idle
/// connections for four seconds, since common servers drop them after five.
///
/// # Logs
///
/// Below ureq, the crate `ureq_proto` writes every head and every answer to the log at trace, byte by
/// byte, and with them the API key. Whoever logs at trace should leave it out, as by
/// `RUST_LOG=trace,ureq_proto=off`; else one line at warn says so.
#[derive(Clone, Debug)]
pub struct UreqTransport {
    agent: ureq::Agent,
    options: TransportOptions,
}

/// Configures a [`UreqTransport`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use heysync::{TransportOptions, UreqTransport};
///
/// let options = TransportOptions::new().connect_timeout(Duration::from_secs(3)).max_body(1024 * 1024);
/// let transport = UreqTransport::new(options);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TransportOptions {
    pub(crate) connect_timeout: Duration,
    pub(crate) max_body: u64,
    pub(crate) proxy_from_env: bool,
}

impl Default for TransportOptions {
    fn default() -> TransportOptions {
        TransportOptions {
            connect_timeout: Duration::from_secs(10),
            max_body: 10 * 1024 * 1024,
            proxy_from_env: true,
        }
    }
}

impl TransportOptions {
    /// Creates the default options.
    pub fn new() -> TransportOptions {
        TransportOptions::default()
    }

    /// Sets how long resolving, connecting and TLS may take together. Default: 10 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> TransportOptions {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the size of the largest response body that is accepted, in bytes after decompression.
    /// Default: 10 MiB.
    pub fn max_body(mut self, bytes: u64) -> TransportOptions {
        self.max_body = bytes;
        self
    }

    /// Sets whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are read. Default: true.
    ///
    /// A server on loopback is always reached directly.
    pub fn proxy_from_env(mut self, yes: bool) -> TransportOptions {
        self.proxy_from_env = yes;
        self
    }
}

impl Default for UreqTransport {
    fn default() -> UreqTransport {
        UreqTransport::new(TransportOptions::default())
    }
}

impl UreqTransport {
    /// Makes a transport with a connection pool of its own. Nothing is connected yet.
    pub fn new(options: TransportOptions) -> UreqTransport {
        warn_of_raw_bytes();
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(32)
            .max_idle_connections_per_host(16)
            .max_idle_age(Duration::from_secs(4));
        #[cfg(any(feature = "rustls", feature = "native-tls"))]
        {
            config = config.tls_config(tls_config());
        }
        if !options.proxy_from_env {
            config = config.proxy(None);
        }
        UreqTransport { agent: config.build().new_agent(), options }
    }

    fn configure<S: ureq::AsSendBody>(
        &self,
        request: http::Request<S>,
        timeout: Duration,
    ) -> http::Request<S> {
        let connect = self.options.connect_timeout.min(timeout);
        let local = is_loopback(request.uri());
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(Some(timeout))
            .timeout_resolve(Some(connect))
            .timeout_connect(Some(connect));
        if local { request.proxy(None).build() } else { request.build() }
    }
}

impl Transport for UreqTransport {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        self.send_with(request, timeout, &mut SendProgress::new(&mut |_, _| {}))
    }

    fn send_with(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let (mut parts, body) = request.into_parts();
        let mut outgoing = Outgoing::new(&body);
        let outcome = if matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
            parts.headers.insert(CONTENT_LENGTH, body.len().into());
            let body = ureq::SendBody::from_reader(&mut outgoing);
            self.agent.run(self.configure(http::Request::from_parts(parts, body), timeout))
        } else {
            outgoing.touched = true;
            self.agent.run(self.configure(http::Request::from_parts(parts, ()), timeout))
        };
        let response = outcome.map_err(|error| classify(error, outgoing.touched))?;
        progress.head_received(response.status(), response.headers());
        receive(response, self.options.max_body)
    }
}

/// What `ureq_proto` logs cannot be changed from here, but nobody should find the key there by surprise.
fn warn_of_raw_bytes() {
    if log::log_enabled!(target: "ureq_proto::util", log::Level::Trace) {
        log::warn!(
            target: "heysync",
            "the log takes in raw bytes, and with them the API key: leave out `ureq_proto`, as by \
             RUST_LOG=trace,ureq_proto=off"
        );
    }
}

/// A request's body that remembers whether anybody began to read it.
///
/// ureq reads the body only once it is connected and has written the head. So a body nobody touched is
/// proof that the server cannot have acted on the request. An empty body is never read, so it counts as
/// touched from the beginning, as does that of a method that has none.
struct Outgoing<'a> {
    remaining: &'a [u8],
    touched: bool,
}

impl Outgoing<'_> {
    fn new(body: &[u8]) -> Outgoing<'_> {
        Outgoing { remaining: body, touched: body.is_empty() }
    }
}

impl Read for Outgoing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.touched = true;
        self.remaining.read(buffer)
    }
}

fn receive(
    response: http::Response<ureq::Body>,
    limit: u64,
) -> Result<http::Response<Vec<u8>>, TransportError> {
    let (head, body) = response.into_parts();
    // ureq's own limit refuses a body of exactly that size too.
    let one_more = limit.saturating_add(1);
    match body.into_with_config().limit(one_more).read_to_vec() {
        Ok(body) if body.len() as u64 <= limit => Ok(http::Response::from_parts(head, body)),
        Ok(_) | Err(ureq::Error::BodyExceedsLimit(_)) => {
            Err(TransportError::body_too_large(head, limit))
        }
        Err(error) => Err(TransportError::body_lost(head, cause(error))),
    }
}

fn classify(error: ureq::Error, maybe_sent: bool) -> TransportError {
    if !maybe_sent || failed_before_sending(&error) {
        TransportError::never_sent(cause(error))
    } else {
        TransportError::maybe_sent(cause(error))
    }
}

/// Whether ureq reports this only before it has written anything.
///
/// For a request without a body this is all there is to go by, so what is not certain counts as sent.
fn failed_before_sending(error: &ureq::Error) -> bool {
    use ureq::Error::*;
    match error {
        HostNotFound
        | ConnectionFailed
        | InvalidProxyUrl
        | ConnectProxyFailed(_)
        | Tls(_)
        | TlsRequired
        | BadUri(_)
        | Http(_) => true,
        Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => true,
        #[cfg(feature = "rustls")]
        Rustls(_) => true,
        #[cfg(feature = "native-tls")]
        NativeTls(_) => true,
        Io(error) => {
            error.kind() == io::ErrorKind::ConnectionRefused
                || is_lookup_failure(error)
                || is_handshake_failure(error)
        }
        _ => false,
    }
}

/// rustls hands on all its errors in the same way; these come up only while it introduces itself.
fn is_handshake_failure(error: &io::Error) -> bool {
    const TEXTS: [&str; 3] = [
        "invalid peer certificate",
        "peer is incompatible",
        "received corrupt message of type InvalidContentType",
    ];
    let text = error.to_string();
    error.kind() == io::ErrorKind::InvalidData && TEXTS.iter().any(|begin| text.starts_with(begin))
}

/// The standard library gives a failed look-up of a host name no kind that can be matched.
fn is_lookup_failure(error: &io::Error) -> bool {
    const WINDOWS_HOST_NOT_FOUND: std::ops::RangeInclusive<i32> = 11001..=11004;
    let code = error.raw_os_error();
    code.is_some_and(|code| cfg!(windows) && WINDOWS_HOST_NOT_FOUND.contains(&code))
        || error.to_string().starts_with("failed to lookup address information")
}

/// ureq's errors print their cause themselves; what they wrap is handed on bare where it can be.
fn cause(error: ureq::Error) -> Cause {
    match error {
        ureq::Error::Io(error) => error.into(),
        error => error.into(),
    }
}

fn is_loopback(uri: &http::Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().map_or(host.eq_ignore_ascii_case("localhost"), |ip| ip.is_loopback())
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn tls_config() -> ureq::tls::TlsConfig {
    use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
    let native = cfg!(feature = "native-tls");
    let trust_system = native || cfg!(feature = "platform-verifier");
    TlsConfig::builder()
        .provider(if native { TlsProvider::NativeTls } else { TlsProvider::Rustls })
        .root_certs(if trust_system { RootCerts::PlatformVerifier } else { RootCerts::WebPki })
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports a head, which a transport that only implements `send` does not.
    struct Reporting;

    impl Transport for Reporting {
        fn send(
            &self,
            _: http::Request<Vec<u8>>,
            _: Duration,
        ) -> Result<http::Response<Vec<u8>>, TransportError> {
            Ok(http::Response::new(Vec::new()))
        }

        fn send_with(
            &self,
            request: http::Request<Vec<u8>>,
            timeout: Duration,
            progress: &mut SendProgress<'_>,
        ) -> Result<http::Response<Vec<u8>>, TransportError> {
            progress.head_received(StatusCode::CREATED, &HeaderMap::new());
            progress.head_received(StatusCode::OK, &HeaderMap::new());
            self.send(request, timeout)
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
