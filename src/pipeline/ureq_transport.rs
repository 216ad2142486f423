//! The default transport: ureq on sockets that this crate watches.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, Method, Request, Response, StatusCode, Uri};
use ureq::config::Config;
use ureq::{Agent, AsSendBody, Proxy};

use super::body;
use super::failure::{self, Attempt};
use super::proxy::Proxies;
use super::retry::{IsRetry, Safety};
use super::sending::{self, Sent};
use super::transport::{SendProgress, Transport, TransportError};
use super::transport_options::TransportOptions;
use super::wire::Wire;
use crate::error::Error;

/// For how long an idle connection is kept. Common servers drop them after 5 seconds.
const MAX_IDLE: Duration = Duration::from_secs(4);
/// For how long a connection may have idled to be used by a call that changes something: if it dies, an unsafe call is not sent
/// again, and a removal does not know whether it removed anything. The same holds for another attempt, since pauses are often
/// whole seconds. Servers that drop connections early do so after one second.
const SHORT_IDLE: Duration = Duration::from_millis(800);

/// ureq panics if a timeout overflows the time that it is added to.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The default transport: ureq, with one pool of connections.
///
/// It follows no redirects and reads bodies up to a limit, counted after decompression. A clone shares its
/// connections.
///
/// # Connections
///
/// An idle connection is kept for 4 seconds. It is not used again after a 408 or a 5xx, since some servers
/// close it then without notice, nor if a response was lost on a connection to the same host, nor by a forked
/// child. A call that changes something, and another attempt of any call, use only connections that have idled for less than
/// 0.8 seconds; on one that has just responded, they wait two milliseconds for its end, since some servers and proxies close
/// a connection right after a response without saying so.
///
/// A server may respond before it has read a request to its end. If it then closes the connection, or reads no more for two
/// fifths of the time that is left, the rest of the request is not sent and the response is returned.
///
/// A host name is looked up once a minute, and again after a failed connection. If that fails, its older
/// addresses are used. If the first of several addresses does not respond, it is tried last from then on.
///
/// # Proxies
///
/// Without [`TransportOptions::proxy`], the variables of the environment are read when the transport is
/// created, in lower case first: `HTTPS_PROXY`, or else `ALL_PROXY`; for plain http, `HTTP_PROXY` or
/// `ALL_PROXY`. The upper-case `HTTP_PROXY` is not read in a CGI script (`REQUEST_METHOD` is set), where the
/// sender of the request chooses it. A server on loopback is always reached directly.
///
/// `NO_PROXY` is `*`, or lists exceptions as curl reads them, separated by commas, or by blanks or tabs as in older curl: a domain
/// (`example.com` or `.example.com`: the host and all below it), an IP address, or a network (`10.0.0.0/8`). A
/// domain or an address may end with a port (`example.com:8443`), which curl does not know. IPv6 addresses are compared as
/// addresses, whatever their spelling; curl 7.88 compares some as text. As for curl, any other entry is
/// the name of no host: `*` within a list, `*.example.com`, an IPv6 address in brackets without a port. A network of `/0` is
/// its one address.
///
/// Proxies are given as `scheme://user:password@host:port` with the schemes `http` (the default), `https`,
/// `socks4`, `socks4a`, `socks5` and `socks5h`. SOCKS4 has no user and no password. A setting that cannot be used is an error
/// for each request that it applies to; no such request is sent directly.
///
/// # Certificates
///
/// Without [`TransportOptions::root_certificates`], the variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name root
/// certificates to trust in place of the built-in ones, as for OpenSSL. Without them, the feature decides:
/// `rustls` trusts Mozilla's, `platform-verifier` and `native-tls` trust the operating system's.
/// [`TransportOptions::extra_root_certificates`] are trusted beside them.
///
/// # Logs
///
/// Below ureq, the crate `ureq_proto` writes every head and body to the log at trace, byte by byte, and with
/// them the API key. Leave it out if you log at trace, as by `RUST_LOG=trace,ureq_proto=off`; otherwise one
/// line at warn reports it.
#[derive(Clone)]
pub struct UreqTransport {
    shared: Arc<Shared>,
}

struct Shared {
    options: TransportOptions,
    proxies: Proxies,
    /// An agent without a proxy, and one for each proxy.
    ways: Vec<Way>,
    wire: Wire,
    /// Why no `https` address can be reached.
    unusable_certificates: Option<String>,
}

/// With an agent of its own, since a proxy that is chosen for one request costs a configuration of ureq and
/// of TLS for each.
struct Way {
    proxy: Option<Proxy>,
    agent: Agent,
}

impl Default for UreqTransport {
    fn default() -> UreqTransport {
        UreqTransport::assemble(TransportOptions::default(), Proxies::from_env())
    }
}

impl UreqTransport {
    /// Creates a transport with its own pool of connections. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) if an option is out of range, or if the proxy or the certificates
    /// cannot be used.
    pub fn new(options: TransportOptions) -> Result<UreqTransport, Error> {
        options.check().map_err(Error::configuration)?;
        let proxies = match &options.proxy {
            Some(address) => Proxies::explicit(address).map_err(|reason| {
                Error::configuration(format!("proxy cannot be used: {reason}"))
            })?,
            None if options.proxy_from_env => Proxies::from_env(),
            None => Proxies::default(),
        };
        let chose_certificates = options.choose_certificates();
        let transport = UreqTransport::assemble(options, proxies);
        match &transport.shared.unusable_certificates {
            Some(reason) if chose_certificates => Err(Error::configuration(reason.clone())),
            _ => Ok(transport),
        }
    }

    fn assemble(mut options: TransportOptions, proxies: Proxies) -> UreqTransport {
        options.connect_timeout = options.connect_timeout.min(LONGEST);
        warn_of_raw_bytes();
        let (tls, unusable_certificates) = tls(&options);
        let wire = Wire::default();
        let way = |proxy: Option<&Proxy>| Way {
            agent: wire.agent(config(&options, &tls, proxy), options.connect_timeout),
            proxy: proxy.cloned(),
        };
        let ways = [None].into_iter().chain(proxies.usable().map(Some)).map(way).collect();
        let shared = Shared { options, proxies, ways, wire, unusable_certificates };
        UreqTransport { shared: Arc::new(shared) }
    }

    /// Returns why no request to `uri` can be sent, if that is known from the settings alone.
    pub(crate) fn check(&self, uri: &Uri) -> Result<(), String> {
        self.shared.way(uri).map(drop)
    }
}

impl Shared {
    fn way(&self, uri: &Uri) -> Result<&Way, String> {
        if let (Some("https"), Some(reason)) = (uri.scheme_str(), &self.unusable_certificates) {
            return Err(reason.clone());
        }
        let proxy = self.proxies.of(uri)?;
        let found = self.ways.iter().find(|way| way.proxy.as_ref() == proxy);
        found.ok_or_else(|| "no connection is set up for this proxy".to_owned())
    }

    fn run(
        &self,
        agent: &Agent,
        request: Request<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        let (parts, body) = request.into_parts();
        if matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
            agent.run(self.timed(agent, Request::from_parts(parts, &body[..]), timeout))
        } else {
            agent.run(self.timed(agent, Request::from_parts(parts, ()), timeout))
        }
    }

    fn timed<S: AsSendBody>(
        &self,
        agent: &Agent,
        request: Request<S>,
        timeout: Duration,
    ) -> Request<S> {
        // A configuration for one request alone costs a copy, and for a new connection one of TLS.
        if timeout == self.options.usual_timeout {
            return request;
        }
        let connect = self.options.connect_timeout.min(timeout);
        agent
            .configure_request(request)
            .timeout_global(Some(timeout))
            .timeout_connect(Some(connect))
            .build()
    }

    fn receive(
        &self,
        attempt: &Attempt<'_>,
        response: Response<ureq::Body>,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        let (mut head, body) = response.into_parts();
        let limit = self.options.max_body;
        if let Some(proxied) = attempt.proxied() {
            head.extensions.insert(proxied);
        }
        let mut received = Vec::new();
        let outcome =
            body::receive(body.into_reader(), &mut head.headers, limit, &mut received).err();
        if matches!(outcome, Some(body::Failure::Lost(_))) {
            self.wire.distrust(attempt.uri);
        }
        match outcome {
            // The status shows the failure, and the part that was received may have the reason.
            _ if !head.status.is_success() => {
                received.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                Ok(Response::from_parts(head, received))
            }
            None => Ok(Response::from_parts(head, received)),
            Some(body::Failure::TooLarge) => Err(attempt.body_too_large(head, limit)),
            Some(body::Failure::Lost(error)) => {
                Err(attempt.body_lost(head, error).with_received(received))
            }
        }
    }
}

impl Transport for UreqTransport {
    fn send_with(
        &self,
        request: Request<Vec<u8>>,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        let (shared, timeout) = (&*self.shared, timeout.min(LONGEST));
        let uri = request.uri().clone();
        let way = shared.way(&uri).map_err(|reason| failure::unusable(&uri, reason))?;
        let connect_timeout = shared.options.connect_timeout.min(timeout);
        let attempt = Attempt { uri: &uri, proxy: way.proxy.as_ref(), connect_timeout, timeout };
        let max_idle = max_idle(request.extensions());
        let (outcome, sent) =
            sending::watch(max_idle, timeout, || shared.run(&way.agent, request, timeout));
        let is_sent = sent != Sent::Nothing;
        let response = outcome.map_err(|error| {
            if is_sent {
                shared.wire.distrust(&uri);
            }
            attempt.failed(error, is_sent)
        })?;
        // A server that is overloaded may respond right behind its part of the handshake, and close the connection.
        if !is_sent && !rejects_unread(response.status()) {
            return Err(attempt.unsent(&response));
        }
        if sent == Sent::Part && response.status().is_success() {
            return Err(attempt.cut(response.status()));
        }
        progress.head_received(response.status(), response.headers());
        shared.receive(&attempt, response)
    }
}

impl fmt::Debug for UreqTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UreqTransport")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

fn max_idle(request: &Extensions) -> Option<Duration> {
    let is_change = matches!(request.get(), Some(Safety::Idempotent | Safety::Unsafe));
    (is_change || request.get() == Some(&IsRetry)).then_some(SHORT_IDLE)
}

/// Whether a status can be the outcome of a request that the server never read.
fn rejects_unread(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status.as_u16(), 404 | 408 | 410)
}

fn config(options: &TransportOptions, tls: &Tls, proxy: Option<&Proxy>) -> Config {
    let timeout = options.usual_timeout;
    let connect = options.connect_timeout.min(timeout);
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(32)
        .max_idle_connections_per_host(16)
        .max_idle_age(MAX_IDLE)
        .timeout_global(Some(timeout))
        .timeout_connect(Some(connect))
        // A proxy sees this one.
        .user_agent(concat!("heysync/", env!("CARGO_PKG_VERSION")))
        .accept_encoding(if cfg!(feature = "gzip") { "gzip" } else { "" })
        .proxy(proxy.cloned());
    with_tls(config, tls).build()
}

type Builder = ureq::config::ConfigBuilder<ureq::typestate::AgentScope>;

#[cfg(any(feature = "rustls", feature = "native-tls"))]
type Tls = ureq::tls::TlsConfig;
#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
type Tls = ();

#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn with_tls(config: Builder, tls: &Tls) -> Builder {
    config.tls_config(tls.clone())
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn with_tls(config: Builder, _tls: &Tls) -> Builder {
    config
}

/// The settings of TLS, and why they cannot be used if they cannot.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn tls(options: &TransportOptions) -> (Tls, Option<String>) {
    match super::certificates::tls_config(options) {
        Ok(config) => (config, None),
        Err(reason) => (Tls::builder().build(), Some(reason)),
    }
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn tls(_options: &TransportOptions) -> (Tls, Option<String>) {
    let reason = "https needs the feature `rustls` or `native-tls` of heysync";
    ((), Some(reason.to_owned()))
}

/// The messages of `ureq_proto` cannot be changed from here; this warning is what can be done about them.
fn warn_of_raw_bytes() {
    if log::log_enabled!(target: "ureq_proto::util", log::Level::Trace) {
        log::warn!(
            target: "heysync",
            "the log receives raw bytes, and with them the API key: leave out `ureq_proto`, as by \
             RUST_LOG=trace,ureq_proto=off"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_and_a_retry_are_sent_on_a_connection_that_servers_have_no_reason_to_drop_yet() {
        let shortest_of_servers = Duration::from_secs(1);
        let is_short =
            |request: &Extensions| max_idle(request).map(|idle| idle < shortest_of_servers);
        for (safety, expected) in
            [(Safety::Read, None), (Safety::Idempotent, Some(true)), (Safety::Unsafe, Some(true))]
        {
            let mut request = Extensions::new();
            request.insert(safety);
            assert_eq!(is_short(&request), expected);
            request.insert(IsRetry);
            assert_eq!(is_short(&request), Some(true));
        }
        assert_eq!(max_idle(&Extensions::new()), None);
    }
}
