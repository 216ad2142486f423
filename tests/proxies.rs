//! Requests through CONNECT and SOCKS proxies on loopback sockets, set in the program and by the environment.

#![cfg(all(feature = "sandbox", any(feature = "rustls", feature = "native-tls")))]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::env;
use std::error::Error as _;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use heysync::sandbox::TestClock;
use heysync::{Config, ErrorKind, TransportOptions, UreqTransport, heylerts};
use rustls::{ServerConnection, StreamOwned};

#[path = "support/sockets.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod sockets;
#[path = "support/tls.rs"]
mod tls;

use sockets::{Clients, GOOD, HEYLERTS_KEY, Limit, SAMPLES, head, response_bytes};
use tls::{Authority, Handshake, Identity, KeyForm, TlsServer};

/// A host that only the proxies of these tests know.
const SERVICE: &str = "https://service.test";

/// What a proxy does with a connection.
#[derive(Clone)]
enum Role {
    /// A CONNECT proxy: the way is open.
    Connect,
    /// A CONNECT proxy that responds with these bytes and opens the way.
    ConnectWith(Vec<u8>),
    /// A CONNECT proxy that responds with these bytes and closes.
    Refuse(Vec<u8>),
    /// A CONNECT proxy whose response has no end and comes byte by byte.
    Drip,
    /// A proxy that resets the connection.
    Reset,
    /// A SOCKS5 proxy, with this user and password if they are given.
    Socks(Option<(&'static str, &'static str)>),
    /// A SOCKS5 proxy that rejects the request for this reason.
    SocksRefusal(u8),
    /// A SOCKS5 proxy whose first response consists of these bytes.
    Greeting([u8; 2]),
}

/// A proxy that leads every request to one server, and listens until the process ends.
struct Proxy {
    port: u16,
    /// Heads of CONNECT requests, or names of SOCKS requests.
    received: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start(target: u16, role: Role) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy { port: listener.local_addr().unwrap().port(), received: Arc::default() };
        let received = Arc::clone(&proxy.received);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, role, received) =
                    (stream.unwrap(), role.clone(), Arc::clone(&received));
                thread::spawn(move || drop(play(&role, stream, target, &received)));
            }
        });
        proxy
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

fn play(
    role: &Role,
    mut stream: TcpStream,
    target: u16,
    received: &Mutex<Vec<String>>,
) -> io::Result<()> {
    match role {
        Role::Connect => {
            received.lock().unwrap().push(read_head(&mut stream)?);
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            tunnel(stream, target)
        }
        Role::ConnectWith(bytes) => {
            received.lock().unwrap().push(read_head(&mut stream)?);
            stream.write_all(bytes)?;
            tunnel(stream, target)
        }
        Role::Refuse(bytes) => {
            received.lock().unwrap().push(read_head(&mut stream)?);
            stream.write_all(bytes)
        }
        Role::Drip => {
            received.lock().unwrap().push(read_head(&mut stream)?);
            stream.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
            stream.set_read_timeout(Some(Duration::from_millis(50)))?;
            // Until the client closes the connection.
            while stream.read(&mut [0]).is_err_and(|it| it.kind() == io::ErrorKind::WouldBlock) {
                stream.write_all(b"x")?;
            }
            Ok(())
        }
        // What is closed while there is something left to read is reset.
        Role::Reset => stream.peek(&mut [0]).map(drop),
        Role::Socks(credentials) => {
            let method = if credentials.is_some() { 2 } else { 0 };
            greet(&mut stream, method)?;
            if let Some((user, password)) = credentials {
                let is_right = read_credentials(&mut stream)? == [*user, *password];
                stream.write_all(&[1, u8::from(!is_right)])?;
            }
            received.lock().unwrap().push(read_socks_request(&mut stream)?);
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
            tunnel(stream, target)
        }
        Role::Greeting(bytes) => {
            read::<1>(&mut stream)?;
            received.lock().unwrap().push(String::new());
            stream.write_all(bytes)?;
            stream.read(&mut [0; 512]).map(drop)
        }
        Role::SocksRefusal(reason) => {
            greet(&mut stream, 0)?;
            received.lock().unwrap().push(read_socks_request(&mut stream)?);
            stream.write_all(&[5, *reason, 0, 1, 0, 0, 0, 0, 0, 0])
        }
    }
}

fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(read::<1>(stream)?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn read<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_string(stream: &mut TcpStream) -> io::Result<String> {
    let [length] = read(stream)?;
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn greet(stream: &mut TcpStream, method: u8) -> io::Result<()> {
    let [version, methods] = read(stream)?;
    assert_eq!(version, 5);
    for _ in 0..methods {
        read::<1>(stream)?;
    }
    stream.write_all(&[5, method])
}

fn read_credentials(stream: &mut TcpStream) -> io::Result<[String; 2]> {
    read::<1>(stream)?;
    Ok([read_string(stream)?, read_string(stream)?])
}

fn read_socks_request(stream: &mut TcpStream) -> io::Result<String> {
    let [_, _, _, kind] = read(stream)?;
    let host = match kind {
        1 => Ipv4Addr::from(read::<4>(stream)?).to_string(),
        3 => read_string(stream)?,
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    Ok(format!("{host}:{}", u16::from_be_bytes(read(stream)?)))
}

/// Copies both ways until both ends are done.
fn tunnel(client: TcpStream, target: u16) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target))?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        drop(io::copy(&mut from_client, &mut to_server));
        drop(to_server.shutdown(Shutdown::Both));
    });
    drop(io::copy(&mut &server, &mut &client));
    client.shutdown(Shutdown::Both)
}

fn good() -> Vec<u8> {
    response_bytes(200, &[], GOOD)
}

fn config(authority: &Authority, proxy: impl Into<String>) -> Config {
    let config = Config::new().base_url(SERVICE).root_certificates(authority.pem());
    config.proxy(proxy).clock(TestClock::new())
}

/// A server and an authority that it has its certificate of.
fn server() -> (TlsServer, Authority) {
    let authority = Authority::new();
    let serve = Handshake::Serve(authority.certify(|_| {}), good());
    (TlsServer::start([serve]), authority)
}

#[test]
fn a_connect_proxy_sees_the_host_and_nothing_else() {
    let (server, authority) = server();
    let proxy = Proxy::start(server.port(), Role::Connect);
    let clients = Clients::with(config(&authority, format!(" {}\n", proxy.address())));
    for call in SAMPLES {
        let outcome = (call.make)(&clients);
        assert!(outcome.is_ok(), "{}: {outcome:?}", call.name);
    }
    assert_eq!(server.received().len(), SAMPLES.len());
    // Heylo and Heylerts are two clients, each with a connection of its own.
    let received = proxy.received();
    assert_eq!(received.len(), 2, "{received:?}");
    for head in received {
        assert!(head.starts_with("CONNECT service.test:443 HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("User-Agent: heysync/"), "{head}");
        assert!(!head.contains("secret") && !head.contains("Proxy-Authorization"), "{head}");
    }
}

#[test]
fn the_line_of_a_status_names_the_host_and_the_proxy() {
    let authority = Authority::new();
    let serve = Handshake::Serve(authority.certify(|_| {}), response_bytes(502, &[], ""));
    let server = TlsServer::start([serve]);
    let proxy = Proxy::start(server.port(), Role::Connect);
    let config = config(&authority, format!("http://me:sesame@{}", proxy.address())).retries(0);
    let error = Clients::with(config).heylerts.stats().unwrap_err();
    let through = format!("from service.test through the proxy 127.0.0.1:{}", proxy.port);
    assert_eq!(error.to_string(), format!("GET /stats: 502 Bad Gateway, {through}"));
    assert!(error.report().starts_with(&error.to_string()), "{}", error.report());
}

#[test]
fn the_line_of_a_body_that_broke_off_names_the_proxy_once() {
    let authority = Authority::new();
    let part = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_vec();
    let server = TlsServer::start([Handshake::Early(authority.certify(|_| {}), part)]);
    let proxy = Proxy::start(server.port(), Role::Connect);
    let config = config(&authority, proxy.address()).retries(0);
    let error = Clients::with(config).heylerts.stats().unwrap_err();
    let peer = format!("service.test through the proxy 127.0.0.1:{}", proxy.port);
    let expected = format!("GET /stats: 200 OK: the response body from {peer} broke off");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_user_and_password_of_a_proxy_are_sent_decoded() {
    let (server, authority) = server();
    let proxy = Proxy::start(server.port(), Role::Connect);
    let address = format!("http://me%40home:p%3Ass%2540@{}", proxy.address());
    Clients::with(config(&authority, address)).heylerts.stats().unwrap();
    // me@home:p:ss%40
    let expected = "Proxy-Authorization: Basic bWVAaG9tZTpwOnNzJTQw\r\n";
    assert!(proxy.received()[0].contains(expected), "{:?}", proxy.received());
}

#[test]
fn a_client_identifies_itself_to_the_server_behind_a_proxy() {
    let authority = Authority::new();
    let serve = Handshake::Serve(authority.certify_for_clients(), good());
    let server = TlsServer::start([serve]);
    let Identity { certificate, key } = authority.identify(KeyForm::Pkcs8);
    for (scheme, role) in [("http", Role::Connect), ("socks5h", Role::Socks(None))] {
        let proxy = Proxy::start(server.port(), role);
        let config = config(&authority, format!("{scheme}://{}", proxy.address()));
        let config = config.client_certificate(format!("{certificate}{key}"));
        Clients::with(config).heylerts.stats().unwrap();
    }
    assert_eq!(server.received().len(), 2);
}

#[test]
fn a_socks_proxy_gets_the_name_of_the_host_or_its_address() {
    let (server, authority) = server();
    let open = Proxy::start(server.port(), Role::Socks(None));
    let closed = Proxy::start(server.port(), Role::Socks(Some(("me", "sesame"))));
    let by_name = format!("socks5h://{}", open.address());
    let by_address = format!("socks5://{}", open.address());
    let with_password = format!("socks5h://me:sesame@{}", closed.address());
    Clients::with(config(&authority, by_name)).heylerts.stats().unwrap();
    let local = config(&authority, by_address).base_url("https://127.0.0.1:8443");
    Clients::with(local).heylerts.stats().unwrap();
    Clients::with(config(&authority, with_password)).heylerts.stats().unwrap();
    assert_eq!(open.received(), ["service.test:443", "127.0.0.1:8443"]);
    assert_eq!((closed.received().len(), server.received().len()), (1, 3));
}

#[test]
fn a_request_that_a_proxy_refuses_was_not_sent_and_is_not_retried() {
    let (server, authority) = server();
    let refuse = |status| Role::Refuse(head(status, &["content-length: 0"]));
    for (scheme, role, hint) in [
        ("http", refuse(407), "user:password@"),
        ("http", refuse(403), "NO_PROXY"),
        ("http", refuse(404), "NO_PROXY"),
        ("socks5h", Role::Socks(Some(("you", "open"))), "user:password@"),
        ("socks5h", Role::SocksRefusal(2), "NO_PROXY"),
        ("socks5h", Role::SocksRefusal(7), "cannot make such connections"),
        ("socks5h", Role::SocksRefusal(8), "kind of address"),
        ("socks5h", Role::Greeting([5, 0x80]), "speak this version of SOCKS"),
        ("socks5h", Role::Greeting(*b"HT"), "speak this version of SOCKS"),
        ("http", refuse(408), "try again later"),
        ("http", refuse(429), "try again later"),
        ("http", Role::Refuse([INTERIM, &head(403, &["content-length: 0"])].concat()), "NO_PROXY"),
    ] {
        let proxy = Proxy::start(server.port(), role);
        let address = format!("{scheme}://me:sesame@{}", proxy.address());
        let clients = Clients::with(config(&authority, address));
        for call in SAMPLES {
            let error = (call.make)(&clients).unwrap_err();
            let context = format!("{}: {error:?} {error}", call.name);
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotSent, 1), "{context}");
            assert!(error.hint().is_some_and(|it| it.contains(hint)), "{context}");
            let way = format!("service.test through the proxy {}", proxy.address());
            assert!(error.message().contains(&way), "{context}");
            assert!(error.source().is_some() && !context.contains("sesame"), "{context}");
        }
    }
    assert_eq!(server.accepted(), 0);
}

/// What may come before a response.
const INTERIM: &[u8] =
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n";

#[test]
fn interim_responses_of_a_proxy_do_not_hide_the_final_one() {
    let (server, authority) = server();
    let response = [INTERIM, &head(200, &[])].concat();
    let proxy = Proxy::start(server.port(), Role::ConnectWith(response));
    let clients = Clients::with(config(&authority, proxy.address()));
    for _ in 0..2 {
        clients.heylerts.stats().unwrap();
    }
    assert_eq!((proxy.received().len(), server.received().len()), (1, 2));
}

#[test]
fn a_proxy_that_sends_very_many_header_lines_is_understood() {
    for (count, fold) in [(12, ""), (25, ""), (60, "\r\n b"), (150, "")] {
        let (server, authority) = server();
        let many: Vec<String> = (0..count).map(|nth| format!("x-{nth}: a{fold}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let proxy = Proxy::start(server.port(), Role::Refuse(head(407, &many)));
        let clients = Clients::with(config(&authority, proxy.address()));
        let error = clients.heylerts.stats().unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotSent, 1), "{error:?}");
        let proxy = Proxy::start(server.port(), Role::ConnectWith(head(200, &many)));
        let clients = Clients::with(config(&authority, proxy.address()));
        for _ in 0..2 {
            clients.heylerts.stats().unwrap();
        }
        assert_eq!((proxy.received().len(), server.received().len()), (1, 2), "{count}");
    }
}

#[test]
fn the_response_of_a_tls_proxy_may_come_in_pieces() {
    let _limit = Limit::start();
    let authority = Authority::new();
    let plain = head(200, &["proxy-agent: a", "x: b"]);
    let folded = head(200, &["proxy-agent: a\r\n folded", "x:\r\n\tb", "y:"]);
    for (response, size) in [(&plain, 1), (&folded, 1), (&folded, 7), (&folded, 23), (&plain, 40)] {
        let config = authority.certify(|_| {});
        let (inner, response) = (Arc::clone(&config), response.clone());
        let connects = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&connects);
        let run = move |mut stream: tls::Stream| {
            received.lock().unwrap().extend(tls::receive_head(&mut stream));
            // Each is a record of its own.
            response.chunks(size).for_each(|piece| stream.write_all(piece).unwrap());
            // The server behind the proxy.
            let server = ServerConnection::new(Arc::clone(&inner)).unwrap();
            let mut stream = StreamOwned::new(server, stream);
            while tls::receive(&mut stream).is_some() {
                stream.write_all(&good()).unwrap();
            }
        };
        let proxy = TlsServer::start([Handshake::Run(config, Arc::new(run))]);
        let clients = Clients::with(self::config(&authority, proxy.url()));
        for _ in 0..2 {
            assert_eq!(clients.heylerts.stats().unwrap().total, 3);
        }
        let connects = connects.lock().unwrap().clone();
        assert!(matches!(&connects[..], [one] if one.starts_with("CONNECT service.test:443")));
        assert_eq!(proxy.accepted(), 1);
    }
}

#[test]
fn a_proxy_that_fails_sent_nothing_and_every_call_is_retried() {
    let (server, authority) = server();
    let refuse = |status| Role::Refuse(head(status, &["content-length: 0"]));
    for (scheme, role) in [
        ("http", refuse(502)),
        ("http", refuse(503)),
        ("http", Role::Refuse(Vec::new())),
        ("http", Role::Refuse(b"HTTP/1.1 20".to_vec())),
        ("http", Role::Refuse(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec())),
        ("http", Role::Reset),
        ("socks5h", Role::Reset),
        ("socks5h", Role::SocksRefusal(1)),
        ("socks5h", Role::SocksRefusal(5)),
        ("socks4a", Role::Reset),
    ] {
        let proxy = Proxy::start(server.port(), role);
        let address = format!("{scheme}://{}", proxy.address());
        let clients = Clients::with(config(&authority, address).retries(1));
        for call in SAMPLES {
            let error = (call.make)(&clients).unwrap_err();
            let context = format!("{}: {error:?}", call.name);
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotSent, 2), "{context}");
        }
    }
    assert_eq!(server.accepted(), 0);
}

#[test]
fn a_proxy_that_responds_byte_by_byte_is_given_up_at_the_connect_timeout() {
    let _limit = Limit::start();
    let (server, authority) = server();
    let proxy = Proxy::start(server.port(), Role::Drip);
    let config = config(&authority, proxy.address()).connect_timeout(Duration::from_millis(200));
    let clients = Clients::with(config.retries(0));
    for call in SAMPLES {
        let error = (call.make)(&clients).unwrap_err();
        let source = error.source().unwrap().to_string();
        assert_eq!(error.kind(), ErrorKind::NotSent, "{}: {error:?}", call.name);
        assert_eq!(source, "connecting took longer than 200ms", "{}", call.name);
    }
    // A proxy that is slow to start may not have read the last one yet.
    assert!((1..=SAMPLES.len()).contains(&proxy.received().len()));
    assert_eq!(server.accepted(), 0);
}

#[test]
fn a_request_that_went_through_a_tunnel_was_sent_whatever_the_response() {
    let authority = Authority::new();
    let certificate = || authority.certify(|_| {});
    for scheme in ["http", "socks5h"] {
        for call in SAMPLES {
            let lost = Handshake::Cut(certificate());
            let server = TlsServer::start([lost, Handshake::Serve(certificate(), good())]);
            let role = if scheme == "http" { Role::Connect } else { Role::Socks(None) };
            let proxy = Proxy::start(server.port(), role);
            let address = format!("{scheme}://{}", proxy.address());
            let outcome = (call.make)(&Clients::with(config(&authority, address)));
            let context = format!("{} {scheme}: {outcome:?}", call.name);
            call.assert_retried_if_safe(outcome, server.received().len(), &context);
        }
    }
}

#[test]
fn a_handshake_that_fails_inside_a_tunnel_sent_nothing() {
    let authority = Authority::new();
    for handshake in [Handshake::Reset, Handshake::Bytes(Vec::new()), Handshake::Bytes(vec![0; 64])]
    {
        for role in [Role::Connect, Role::Socks(None)] {
            let serve = Handshake::Serve(authority.certify(|_| {}), good());
            let server = TlsServer::start([handshake.clone(), serve]);
            let scheme = if matches!(role, Role::Connect) { "http" } else { "socks5h" };
            let proxy = Proxy::start(server.port(), role);
            let address = format!("{scheme}://{}", proxy.address());
            for call in SAMPLES {
                let outcome = (call.make)(&Clients::with(config(&authority, address.as_str())));
                assert!(outcome.is_ok(), "{} {scheme}: {outcome:?}", call.name);
            }
            assert_eq!(server.received().len(), SAMPLES.len());
        }
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_rejected_without_quoting_it() {
    for address in ["nonsense://sesame", "http://", "\"http://sesame:1\"", "http://se same:1", ""] {
        for base in ["http://127.0.0.1:9", SERVICE] {
            let config = Config::new().base_url(base).proxy(address);
            let shown = format!("{config:?}");
            let error = heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap_err();
            let context = format!("{error} {error:?} {shown}");
            assert_eq!(error.kind(), ErrorKind::Configuration, "{context}");
            assert!(error.message().contains("proxy") && !context.contains("sesame"), "{context}");
        }
        assert!(UreqTransport::new(TransportOptions::new().proxy(address)).is_err(), "{address}");
    }
}

#[test]
fn a_setting_that_a_users_own_transport_would_ignore_is_rejected() {
    let authority = Authority::new();
    let own = || Config::new().transport(heysync::sandbox::Heylerts::demo());
    for config in [
        own().proxy("proxy.example:1"),
        own().root_certificates(authority.pem()),
        own().extra_root_certificates(authority.pem()),
        own().client_certificate(authority.pem()),
    ] {
        let error = heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains("TransportOptions"), "{error}");
    }
}

#[test]
fn plain_http_to_this_machine_goes_through_no_proxy_on_another() {
    let config = Config::new().base_url("http://127.0.0.1:9").proxy("http://192.0.2.1:3128");
    let error = heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("see the key"), "{error}");
}

// The environment, in a child process.

/// Set in a child of a test, to the base address that it calls.
const CHILD: &str = "HEYSYNC_TEST_CHILD_CALLS";
const THIS_TEST: &str = "proxies_and_certificates_of_the_environment_are_used_or_rejected";

/// Prints what became of a call.
fn call(base: &str) {
    let config = Config::new().base_url(base).clock(TestClock::new()).retries(0);
    let client = heylerts::Client::with_config(HEYLERTS_KEY, config);
    match client.and_then(|client| client.stats()) {
        Ok(_) => println!("\noutcome: done"),
        Err(error) => println!("\noutcome: {:?}: {error}", error.kind()),
    }
}

/// What a child with these variables, and no others that matter, prints of a call.
fn child(base: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", THIS_TEST, "--nocapture"]).env(CHILD, base);
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    command.envs(variables.iter().copied());
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let outcome = printed.lines().find_map(|line| line.strip_prefix("outcome: "));
    outcome.expect(&printed).to_owned()
}

#[test]
fn proxies_and_certificates_of_the_environment_are_used_or_rejected() {
    if let Ok(base) = env::var(CHILD) {
        return call(&base);
    }
    let (server, authority) = server();
    let directory = env::temp_dir().join(format!("heysync-test-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("authority.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    std::fs::write(directory.join("README"), "no certificate").unwrap();
    let (directory, file) = (directory.to_str().unwrap(), file.to_str().unwrap());

    let proxy = Proxy::start(server.port(), Role::Connect);
    let address = proxy.address();
    let trust = ("SSL_CERT_FILE", file);
    let direct = server.url();
    for (base, variables) in [
        (SERVICE, &[trust, ("HTTPS_PROXY", address.as_str())][..]),
        (SERVICE, &[trust, ("HTTPS_PROXY", &address), ("ALL_PROXY", "nonsense://x")]),
        (SERVICE, &[trust, ("all_proxy", &address), ("HTTP_PROXY", "nonsense://x")]),
        (SERVICE, &[trust, ("HTTPS_PROXY", &address), ("NO_PROXY", "other.test")]),
        (SERVICE, &[("SSL_CERT_DIR", directory), ("HTTPS_PROXY", &address)]),
        (&direct, &[trust]),
        (&direct, &[trust, ("HTTPS_PROXY", "nonsense://x")]),
    ] {
        let before = proxy.received().len();
        assert_eq!(child(base, variables), "done", "{base} {variables:?}");
        let went_through = proxy.received().len() - before;
        assert_eq!(went_through, usize::from(base == SERVICE), "{base} {variables:?}");
    }
    let before = (proxy.received().len(), server.accepted());
    for (base, variables, expected) in [
        (SERVICE, [trust, ("HTTPS_PROXY", "nonsense://x")], "Configuration"),
        (SERVICE, [("HTTPS_PROXY", "http://"), ("ALL_PROXY", &address)], "Configuration"),
        (SERVICE, [trust, ("ALL_PROXY", "'127.0.0.1:9'")], "Configuration"),
        (SERVICE, [("HTTPS_PROXY", &address), ("SSL_CERT_FILE", "/nonexistent")], "Configuration"),
        (&direct, [("SSL_CERT_FILE", directory), ("SSL_CERT_DIR", directory)], "Configuration"),
    ] {
        let outcome = child(base, &variables);
        assert!(outcome.starts_with(expected), "{base} {variables:?}: {outcome}");
    }
    std::fs::remove_dir_all(directory).unwrap();
    assert_eq!((proxy.received().len(), server.accepted()), before);
    assert!(child(&direct, &[]).starts_with("NotSent"));
}
