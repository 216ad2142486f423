//! How a request reaches a server: the [`Transport`] trait, and ureq behind it.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::CONTENT_LENGTH;
use http::response::Parts;

type Cause = Box<dyn StdError + Send + Sync>;

/// Sends one request and brings back the answer, whatever its status.
///
/// It follows no redirect, repeats nothing and waits for no rate limit: the client does what of that is
/// to be done. A closure `Fn(http::Request<Vec<u8>>, Duration) -> Result<http::Response<Vec<u8>>,
/// TransportError>` is a transport too.
///
/// # Examples
///
/// A transport that answers from memory:
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
    /// Sends `request` and returns the answer with its whole body, within `timeout`.
    ///
    /// # Errors
    ///
    /// Only where no whole answer came: see [`TransportError`]. A 404 or a 500 is an `Ok`.
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
    ) -> Result<http::Response<Vec<u8>>, TransportError>;
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
}

/// No whole answer came back. What matters is how far the request got.
#[derive(Debug, thiserror::Error)]
#[error("{progress}")]
pub struct TransportError {
    progress: Progress,
    source: Cause,
}

/// How far a request got before it failed.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Not one byte of it was sent.
    NeverSent,
    /// Some or all of it may have been sent; no answer came.
    MaybeSent,
    /// The answer's head came, its body did not.
    Responded {
        head: Box<Parts>,
        /// Asking again would bring the same: the body is larger than is taken in.
        too_large: bool,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Progress::NeverSent => "could not connect; nothing was sent",
            Progress::MaybeSent => "no answer came",
            Progress::Responded { too_large: true, .. } => "the answer's body is too large",
            Progress::Responded { .. } => "the answer's body broke off",
        })
    }
}

impl TransportError {
    /// The request never left: no address, no connection, no TLS. It is safe to send again, whatever it is.
    pub fn never_sent(source: impl Into<Cause>) -> TransportError {
        TransportError { progress: Progress::NeverSent, source: source.into() }
    }

    /// The request, or part of it, may have reached the server, and no answer came.
    pub fn maybe_sent(source: impl Into<Cause>) -> TransportError {
        TransportError { progress: Progress::MaybeSent, source: source.into() }
    }

    /// The server answered, but the body of its answer was lost on the way.
    pub fn body_lost(head: Parts, source: impl Into<Cause>) -> TransportError {
        let progress = Progress::Responded { head: Box::new(head), too_large: false };
        TransportError { progress, source: source.into() }
    }

    /// The server answered with a body larger than `limit` bytes, which was not taken in.
    pub fn body_too_large(head: Parts, limit: u64) -> TransportError {
        let progress = Progress::Responded { head: Box::new(head), too_large: true };
        TransportError { progress, source: format!("the limit is {limit} bytes").into() }
    }

    /// Whether the request, or a part of it, may have reached the server.
    pub fn may_have_been_sent(&self) -> bool {
        !matches!(self.progress, Progress::NeverSent)
    }

    /// The head of the answer, where one came.
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

/// What can be chosen of a [`UreqTransport`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransportOptions {
    /// How long resolving, connecting and TLS may take together. Default: 10 seconds.
    pub connect_timeout: Duration,
    /// The largest body that is taken in, in bytes after decompression. Default: 10 MiB.
    pub max_body: u64,
    /// Whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` count. Default: true.
    /// A server on loopback is always reached directly.
    pub proxy_from_env: bool,
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
