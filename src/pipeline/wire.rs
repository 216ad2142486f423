//! Between ureq and its connections: it records whether a byte of a request was sent, remembers the addresses of
//! hosts, and keeps ureq from using a connection again that may be dying.
//!
//! All of ureq's unversioned API that this crate uses is used here, in [`sending`] and in `records`.

use std::collections::HashMap;
use std::io::ErrorKind::InvalidData;
use std::net::SocketAddr;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
#[cfg(feature = "native-tls")]
use ureq::unversioned::transport::NativeTlsConnector;
#[cfg(feature = "rustls")]
use ureq::unversioned::transport::RustlsConnector;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, SocksConnector,
    TcpConnector, Transport,
};

use super::head;
use super::names::Names;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
use super::records::RecordsConnector;
use super::sending::{self, Sockets};

/// As many as ureq's list of addresses holds.
const MOST_ADDRESSES: usize = 16;

/// The shortest time that a socket waits.
const AT_ONCE: Duration = Duration::from_millis(1);

/// For how long a connection must have idled to be known as open: servers and proxies that close it after a response without
/// saying so do that within a millisecond.
const SETTLED: Duration = Duration::from_millis(2);

/// The same for a host on which a response was lost before. Between us and such a host may be a relay that ends TLS and leaves TCP
/// open: its last record waits until our system acknowledges the response, which Linux does after 40 milliseconds.
const SETTLED_AFTER_A_LOSS: Duration = Duration::from_millis(45);

/// Makes agents that share what they know about hosts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire {
    hosts: Arc<Hosts>,
}

impl Wire {
    /// Makes an agent that looks up a host name within `timeout`.
    pub(crate) fn agent(&self, config: Config, timeout: Duration) -> ureq::Agent {
        let connector = Watching { inner: connector(), hosts: Arc::clone(&self.hosts) };
        let resolver = Remembering { hosts: Arc::clone(&self.hosts), timeout };
        ureq::Agent::with_parts(config, connector, resolver)
    }

    /// Uses no connection to the host of `uri` again that exists now: a response was lost on one of them.
    pub(crate) fn distrust(&self, uri: &Uri) {
        if let Some(host) = host_and_port(uri) {
            self.hosts.generation(&host).fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Addresses and generations of hosts, by `name:port`.
#[derive(Debug, Default)]
struct Hosts {
    names: Arc<Names>,
    /// A connection of an earlier generation is not used again.
    generations: Mutex<HashMap<String, Arc<AtomicU64>>>,
}

impl Hosts {
    fn generation(&self, host: &str) -> Arc<AtomicU64> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        match generations.get(host) {
            Some(generation) => Arc::clone(generation),
            None => Arc::clone(generations.entry(host.to_owned()).or_default()),
        }
    }

    /// Which one of the two is to blame for a failed connection is not known, so both are looked up again.
    fn suspect(&self, details: &ConnectionDetails<'_>) {
        let proxy = details.config.proxy().map(|proxy| proxy.uri());
        for host in [Some(details.uri), proxy].into_iter().flatten().filter_map(host_and_port) {
            self.names.suspect(&host);
        }
    }
}

/// The connectors of ureq's default, with a [`Sending`] around each socket, and a look at the records of TLS.
fn connector() -> impl Connector {
    let sockets =
        ().chain(SocksConnector::default())
            .chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(Sockets);
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    let sockets = sockets.chain(RecordsConnector);
    #[cfg(feature = "rustls")]
    let sockets = sockets.chain(RustlsConnector::default());
    #[cfg(feature = "native-tls")]
    let sockets = sockets.chain(NativeTlsConnector::default());
    sockets
}

/// As [`DefaultResolver::host_and_port`], without its formatting, which takes longer than finding the addresses.
fn host_and_port(uri: &Uri) -> Option<String> {
    let authority = uri.authority()?;
    let port = authority.port();
    let port = match (&port, uri.scheme_str()) {
        (Some(port), _) => port.as_str(),
        (None, Some("https")) => "443",
        (None, Some("http")) => "80",
        (None, _) => return DefaultResolver::host_and_port(uri.scheme()?, authority),
    };
    Some([authority.host(), ":", port].concat())
}

#[derive(Debug)]
struct Watching<C> {
    inner: C,
    hosts: Arc<Hosts>,
}

impl<C: Connector> Connector for Watching<C> {
    type Out = Watched;

    /// For a CONNECT proxy, ureq calls this again within `inner`, for the connection to the proxy.
    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Watched>, ureq::Error> {
        let host = host_and_port(details.uri).unwrap_or_default();
        let generation = self.hosts.generation(&host);
        // Before connecting, so that a connection that is distrusted meanwhile stays distrusted.
        let made_in = generation.load(Ordering::Relaxed);
        let started = Instant::now();
        let made = sending::connecting(details.timeout, || self.inner.connect(details, chained));
        let inner = made.inspect_err(|_| self.hosts.suspect(details))?;
        // ureq waits for the first of several addresses for more than half of the timeout, at each connection.
        if details.addrs.len() > 1 && started.elapsed() >= *details.timeout.after / 2 {
            self.hosts.names.demote_first(&host);
        }
        let carries_requests = sending::note().connecting == 0;
        Ok(inner.map(|inner| Watched {
            inner: inner.boxed(),
            generation,
            made_in,
            made_by: process::id(),
            carries_requests,
            shows_certificate: shows_certificate(details.config),
            state: State::Idle(Instant::now()),
            has_responded: false,
            // A proxy responds to CONNECT.
            is_in_head: !carries_requests,
            has_failed: false,
        }))
    }
}

/// Whether an alert rejects the client for its certificate, or for having none. In TLS 1.3, a client has made its part of the
/// connection by then and has sent a request, which such a server never reads.
///
/// Alone, it does not prove that: some servers send such an alert after a request. It has to be about a certificate that was
/// shown, or the alert that handshakes alone have, and to come before all else.
#[cfg(feature = "rustls")]
fn rejects_client(error: &ureq::Error, shows_certificate: bool) -> bool {
    use rustls::AlertDescription as Alert;

    let inner = match error {
        ureq::Error::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref()),
        ureq::Error::Rustls(error) => Some(error),
        _ => None,
    };
    match inner {
        Some(rustls::Error::AlertReceived(Alert::CertificateRequired)) => true,
        Some(rustls::Error::AlertReceived(
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA,
        )) => shows_certificate,
        _ => false,
    }
}

#[cfg(feature = "rustls")]
fn shows_certificate(config: &Config) -> bool {
    config.tls_config().client_cert().is_some()
}

#[cfg(not(feature = "rustls"))]
fn rejects_client(_: &ureq::Error, _: bool) -> bool {
    false
}

#[cfg(not(feature = "rustls"))]
fn shows_certificate(_: &Config) -> bool {
    false
}

#[derive(Debug)]
struct Watched {
    inner: Box<dyn Transport>,
    generation: Arc<AtomicU64>,
    made_in: u64,
    made_by: u32,
    /// False for the connection to a proxy, inside which a tunnel goes.
    carries_requests: bool,
    /// The client has a certificate.
    shows_certificate: bool,
    state: State,
    /// A status was received, be it for an earlier request.
    has_responded: bool,
    /// The input begins with the head of a response.
    is_in_head: bool,
    /// TLS failed behind a response.
    has_failed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Since this moment.
    Idle(Instant),
    /// A request is being sent; the next input begins with the first line of a response.
    AwaitsStatus,
    /// The status was seen, and nothing is wrong with it.
    Responded,
    /// It carried a status after which servers close connections, some without saying so.
    Dying,
}

impl Watched {
    /// Reads the status from the input as soon as it is there, and brings the head into a form that ureq's parser accepts.
    ///
    /// The status is not read from the response that ureq returns: by then a connection with an empty 503 is back in the
    /// pool.
    fn look_at_head(&mut self) {
        if !self.is_in_head {
            return;
        }
        let most = match self.carries_requests {
            true => head::MOST_LINES,
            false => {
                self.leave_out_interim();
                head::MOST_LINES_OF_PROXY
            }
        };
        let buffers = self.inner.buffers();
        let head = head::tidy(buffers.input(), most);
        self.is_in_head = !head.is_whole;
        if let Some(status) = head.status {
            let is_sound = matches!(status[0], b'2'..=b'4') && status != *b"408";
            self.state = if is_sound { State::Responded } else { State::Dying };
            self.has_responded = true;
        }
        if let Some(tidied) = head.tidied {
            buffers.input_consume(buffers.input().len());
            // It is shorter than what was there, or as long.
            if let Some(free) = buffers.input_append_buf().get_mut(..tidied.len()) {
                free.copy_from_slice(&tidied);
                buffers.input_appended(tidied.len());
            }
            // Nothing of it was used. Else ureq would wait no more for the rest of a proxy's response.
            buffers.input_consume(0);
        }
    }

    /// ureq takes the first response of a proxy for the final one.
    fn leave_out_interim(&mut self) {
        let buffers = self.inner.buffers();
        let length = head::interim(buffers.input());
        buffers.input_consume(length);
        // Else ureq would wait no more for the rest.
        buffers.input_consume(0);
    }

    /// Whether TLS has read the alert that ends the connection, which shows in place of the next input. Data that was taken
    /// for it shows by a wait in vain.
    fn has_ended(&mut self, within: Duration) -> bool {
        !matches!(self.input_within(within), Err(ureq::Error::Timeout(_)))
    }

    fn input_within(&mut self, time: Duration) -> Result<bool, ureq::Error> {
        self.inner.await_input(NextTimeout {
            after: time.into(),
            reason: ureq::Timeout::RecvResponse,
            ..NextTimeout::default()
        })
    }

    /// Waits for input. rustls reports a record that it rejects before it passes on the response that came ahead of it.
    fn input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let outcome = self.inner.await_input(timeout);
        let is_rejected =
            |error: &ureq::Error| matches!(error, ureq::Error::Io(it) if it.kind() == InvalidData);
        if outcome.as_ref().is_err_and(is_rejected)
            && matches!(self.input_within(AT_ONCE), Ok(true))
        {
            self.has_failed = true;
            return Ok(true);
        }
        outcome
    }

    /// Whether it has not idled for too long, nor for too short a time to be known as open. ureq asks when it puts a connection
    /// back and when it takes one.
    fn is_rested(&mut self) -> bool {
        match self.state {
            State::Dying => false,
            State::Idle(since) => sending::note().max_idle.is_none_or(|max| {
                let settled = if self.made_in == 0 { SETTLED } else { SETTLED_AFTER_A_LOSS };
                let idle = since.elapsed();
                let more = || settled.saturating_sub(idle).min(sending::left()).max(AT_ONCE);
                idle < max && (idle >= settled || !self.has_ended(more()))
            }),
            State::AwaitsStatus | State::Responded => {
                self.state = State::Idle(Instant::now());
                true
            }
        }
    }
}

impl Transport for Watched {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        if sending::note().connecting == 0 {
            sending::mark_sent();
            (self.state, self.is_in_head) = (State::AwaitsStatus, self.carries_requests);
        }
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let progress = self.input(timeout).inspect_err(|error| {
            let is_first =
                self.carries_requests && !self.has_responded && sending::begins_with_alert();
            if is_first && rejects_client(error, self.shows_certificate) {
                sending::mark_unsent();
            }
        })?;
        self.look_at_head();
        Ok(progress)
    }

    fn is_open(&mut self) -> bool {
        sending::mark_seen();
        // The process first: asking the socket changes flags that it shares with the parent's.
        self.made_by == process::id()
            && self.made_in == self.generation.load(Ordering::Relaxed)
            && !self.has_failed
            && self.is_rested()
            // Bytes behind a response are no response to the next request. In a tunnel, ureq does not look for it.
            && self.inner.buffers().input().is_empty()
            && self.inner.is_open()
            && !(self.carries_requests && sending::take_suspicion() && self.has_ended(AT_ONCE))
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// ureq resolves on every call, before it looks into its pool, and with a timeout starts a thread for it.
#[derive(Debug)]
struct Remembering {
    hosts: Arc<Hosts>,
    /// Not ureq's, which it would ask for the time that is left at every step of a call.
    timeout: Duration,
}

impl Remembering {
    fn look_up(&self, host: &str, timeout: NextTimeout) -> Result<Vec<SocketAddr>, ureq::Error> {
        let (within, reason) = match self.timeout < *timeout.after {
            true => (self.timeout, ureq::Timeout::Resolve),
            false => (*timeout.after, timeout.reason),
        };
        let found = self.hosts.names.resolve(host, Instant::now(), within);
        found.map_err(|error| match error.kind() {
            std::io::ErrorKind::TimedOut => ureq::Error::Timeout(reason),
            _ => ureq::Error::Io(error),
        })
    }
}

impl Resolver for Remembering {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        sending::mark_seen();
        let mut resolved = self.empty();
        if let Some(Ok(address)) = uri.authority().map(|authority| authority.as_str().parse()) {
            resolved.push(address);
            return Ok(resolved);
        }
        let Some(host) = host_and_port(uri) else {
            // It reports an address without a host in ureq's own words.
            return DefaultResolver::default().resolve(uri, config, timeout);
        };
        let timeout = sending::left_of(timeout)?;
        if let Ok(address) = host.parse() {
            resolved.push(address);
            return Ok(resolved);
        }
        let found = self.look_up(&host, timeout)?;
        found.into_iter().take(MOST_ADDRESSES).for_each(|address| resolved.push(address));
        Ok(resolved)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ureq::unversioned::transport::LazyBuffers;

    use super::super::sending::watch;
    use super::*;

    /// A connection that counts how often it is touched.
    #[derive(Debug)]
    struct Fake {
        buffers: LazyBuffers,
        touched: Arc<AtomicU64>,
        /// Which shows only to those who wait for input.
        is_closed: bool,
        /// For how long somebody waited for input, in nanoseconds.
        waited: Arc<AtomicU64>,
    }

    impl Transport for Fake {
        fn buffers(&mut self) -> &mut dyn Buffers {
            &mut self.buffers
        }

        fn transmit_output(&mut self, _: usize, _: NextTimeout) -> Result<(), ureq::Error> {
            Ok(())
        }

        fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
            self.waited.store(timeout.after.as_nanos() as u64, Ordering::SeqCst);
            if self.is_closed { Ok(false) } else { Err(ureq::Error::Timeout(timeout.reason)) }
        }

        fn is_open(&mut self) -> bool {
            self.touched.fetch_add(1, Ordering::SeqCst);
            true
        }
    }

    fn connection() -> (Watched, Arc<AtomicU64>) {
        connection_that(false)
    }

    fn connection_that(is_closed: bool) -> (Watched, Arc<AtomicU64>) {
        let touched = Arc::new(AtomicU64::new(0));
        let buffers = LazyBuffers::new(128, 128);
        let fake =
            Fake { buffers, touched: Arc::clone(&touched), is_closed, waited: Arc::default() };
        (watched(fake), touched)
    }

    fn watched(fake: Fake) -> Watched {
        Watched {
            inner: Box::new(fake),
            generation: Arc::default(),
            made_in: 0,
            made_by: process::id(),
            carries_requests: true,
            shows_certificate: false,
            state: State::Responded,
            has_responded: true,
            is_in_head: false,
            has_failed: false,
        }
    }

    #[test]
    fn a_host_is_known_by_its_name_and_port_as_ureq_writes_them() {
        for uri in [
            "https://heylerts.com/api/v1",
            "http://127.0.0.1:8080/x",
            "http://user:pass@[::1]:1",
            "http://[::1]/",
            "socks5://proxy",
            "https://example.com:443",
            "ftp://example.com",
        ] {
            let uri: Uri = uri.parse().expect("an address");
            let expected = uri
                .scheme()
                .zip(uri.authority())
                .and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
            assert_eq!(host_and_port(&uri), expected, "{uri}");
        }
    }

    #[test]
    fn a_look_up_takes_no_longer_than_the_time_to_connect_or_what_is_left_of_the_attempt() {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let held = Mutex::new(held);
        let names = Names::new(move |_| {
            // Until the test ends.
            let _ = held.lock().map(|held| held.recv());
            Ok(Vec::new())
        });
        let hosts = Hosts { names: Arc::new(names), ..Hosts::default() };
        let (hosts, uri) = (Arc::new(hosts), Uri::from_static("http://example.com"));
        let millis = Duration::from_millis;
        for (limit, left, expected) in [
            (millis(1), Duration::from_secs(60), ureq::Timeout::Resolve),
            (Duration::from_secs(60), millis(1), ureq::Timeout::Global),
        ] {
            let resolver = Remembering { hosts: Arc::clone(&hosts), timeout: limit };
            let left = NextTimeout { after: left.into(), ..NextTimeout::default() };
            let error = resolver.resolve(&uri, &Config::default(), left).expect_err("no address");
            assert!(matches!(error, ureq::Error::Timeout(reason) if reason == expected), "{error}");
        }
        drop(release);
    }

    #[test]
    fn a_forked_child_does_not_touch_the_connections_of_its_parent() {
        let (mut connection, touched) = connection();
        assert!(connection.is_open());
        connection.made_by += 1;
        assert!(!connection.is_open());
        assert_eq!(touched.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_connection_of_an_earlier_generation_is_not_open() {
        let (mut connection, touched) = connection();
        connection.generation.fetch_add(1, Ordering::SeqCst);
        assert!(!connection.is_open());
        assert_eq!(touched.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn only_a_call_that_asks_for_it_refuses_a_connection_that_has_idled() {
        let idled = |duration: Duration| {
            let (mut connection, _) = connection();
            connection.state = State::Idle(Instant::now().checked_sub(duration)?);
            Some(connection)
        };
        let second = Duration::from_secs(1);
        let open = |max_idle, idle| {
            watch(max_idle, Duration::MAX, || {
                idled(idle).is_none_or(|mut connection| connection.is_open())
            })
            .0
        };
        assert!(open(None, 3 * second));
        assert!(open(Some(60 * second), 3 * second));
        assert!(!open(Some(second), 3 * second));
        assert!(!open(Some(second), second));
    }

    #[test]
    fn only_a_call_that_asks_for_it_waits_for_the_end_of_a_connection_that_has_just_responded() {
        for (max_idle, is_closed, expected) in [
            (Some(Duration::from_secs(60)), true, false),
            (Some(Duration::from_secs(60)), false, true),
            (None, true, true),
        ] {
            let (mut connection, _) = connection_that(is_closed);
            // Put back, then taken.
            let is_open =
                watch(max_idle, Duration::MAX, || [connection.is_open(), connection.is_open()]).0;
            assert_eq!(is_open, [true, expected], "{max_idle:?}, {is_closed}");
        }
    }

    #[test]
    fn after_a_lost_response_a_change_waits_for_longer_to_know_that_a_connection_is_open() {
        let idled = SETTLED_AFTER_A_LOSS / 2;
        for (losses, is_closed, expected) in [(0, true, true), (1, true, false), (1, false, true)] {
            let (mut connection, _) = connection_that(is_closed);
            connection.generation = Arc::new(AtomicU64::new(losses));
            connection.made_in = losses;
            let Some(since) = Instant::now().checked_sub(idled) else {
                return;
            };
            connection.state = State::Idle(since);
            let is_open =
                watch(Some(Duration::from_secs(60)), Duration::MAX, || connection.is_open()).0;
            assert_eq!(is_open, expected, "{losses}, {is_closed}");
        }
    }

    #[test]
    fn the_wait_for_the_end_of_a_connection_does_not_outlast_the_call() {
        let millis = Duration::from_millis;
        for (timeout, most) in [(Duration::ZERO, AT_ONCE), (millis(5), millis(5))] {
            let waited = Arc::new(AtomicU64::new(0));
            let buffers = LazyBuffers::new(128, 128);
            let touched = Arc::default();
            let fake = Fake { buffers, touched, is_closed: false, waited: Arc::clone(&waited) };
            let mut connection = watched(fake);
            connection.generation = Arc::new(AtomicU64::new(1));
            connection.made_in = 1;
            connection.state = State::Idle(Instant::now());
            watch(Some(Duration::from_secs(60)), timeout, || connection.is_open());
            let waited = Duration::from_nanos(waited.load(Ordering::SeqCst));
            assert!(waited >= AT_ONCE && waited <= most, "{waited:?}");
        }
    }

    #[test]
    fn the_idle_time_begins_when_a_connection_is_put_back() {
        let (mut connection, _) = connection();
        let max_idle = Some(Duration::from_secs(60));
        // Put back, then taken.
        assert_eq!(
            watch(max_idle, Duration::MAX, || [connection.is_open(), connection.is_open()]).0,
            [true; 2]
        );
        assert!(matches!(connection.state, State::Idle(_)));
    }

    #[test]
    fn the_rest_of_a_head_is_waited_for_although_its_beginning_was_tidied() {
        for carries_requests in [true, false] {
            let (mut connection, _) = connection();
            (connection.carries_requests, connection.is_in_head) = (carries_requests, true);
            for (piece, is_whole) in [("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n", false), ("\r\n", true)]
            {
                let buffers = connection.inner.buffers();
                buffers.input_append_buf()[..piece.len()].copy_from_slice(piece.as_bytes());
                buffers.input_appended(piece.len());
                connection.look_at_head();
                // ureq reads on only if this is false.
                assert!(!connection.inner.buffers().can_use_input());
                assert_eq!(connection.is_in_head, !is_whole);
            }
            let whole = b"HTTP/1.1 200 OK\r\nA: b   c\r\n\r\n";
            assert_eq!(connection.inner.buffers().input(), whole);
        }
    }

    #[test]
    fn interim_responses_of_a_proxy_are_left_out() {
        let (mut connection, _) = connection();
        (connection.carries_requests, connection.is_in_head) = (false, true);
        for (piece, expected) in [
            ("HTTP/1.1 100 Continue\r\n", "HTTP/1.1 100 Continue\r\n"),
            ("\r\n", ""),
            ("HTTP/1.1 103 E\r\nX: y\r\n\r\nHTTP/1.1 200", "HTTP/1.1 200"),
            (" OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"),
        ] {
            let buffers = connection.inner.buffers();
            buffers.input_append_buf()[..piece.len()].copy_from_slice(piece.as_bytes());
            buffers.input_appended(piece.len());
            connection.look_at_head();
            let buffers = connection.inner.buffers();
            assert_eq!(String::from_utf8_lossy(buffers.input()), expected);
            // ureq reads on only if this is false.
            assert!(!buffers.can_use_input());
        }
    }

    #[test]
    fn only_a_sound_status_lets_a_connection_be_used_again() {
        for (line, is_sound) in [
            ("HTTP/1.1 200 OK", true),
            ("HTTP/1.0 404 ", true),
            ("HTTP/1.1 429", true),
            ("HTTP/1.1 408 Request Timeout", false),
            ("HTTP/1.1 500", false),
            ("HTTP/1.1 503 ", false),
            ("HTTP/1.1 100 Continue", false),
            ("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK", true),
            ("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 502", false),
            ("SSH-2.0-OpenSSH", false),
        ] {
            let (mut connection, _) = connection();
            (connection.state, connection.is_in_head) = (State::AwaitsStatus, true);
            let buffers = connection.inner.buffers();
            buffers.input_append_buf()[..line.len()].copy_from_slice(line.as_bytes());
            buffers.input_appended(line.len());
            connection.look_at_head();
            assert!(!connection.is_open(), "a response that was not read: {line}");
            connection.inner.buffers().input_consume(line.len());
            assert_eq!(connection.is_open(), is_sound, "{line}");
        }
    }
}
