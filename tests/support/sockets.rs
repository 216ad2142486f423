//! A server on a loopback socket that plays a script, byte for byte, and keeps the requests.

use std::collections::VecDeque;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use heysync::Config;
use heysync::http::Request;
use heysync::sandbox::{self, AfterRaw, TestClock, WireResponse};

#[path = "limit.rs"]
mod limit;
#[path = "operations.rs"]
mod operations;

pub(crate) use limit::Limit;

#[allow(unused_imports, reason = "each test file uses a part of them")]
pub(crate) use operations::{
    Clients, GOOD, HEYLERTS_KEY, HEYLO_KEY, OPERATIONS, Operation as Sample, SAMPLES,
};

/// The response to one request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// These bytes are sent, and the connection stays open.
    Send(Vec<u8>),
    /// These bytes are sent, and the connection is closed.
    Close(Vec<u8>),
    /// These bytes are sent, and then nothing until the client closes the connection.
    Stall(Vec<u8>),
    /// These bytes are sent, and then spaces without end until the client closes the connection.
    Flood(Vec<u8>),
}

impl Step {
    /// The connection is closed without a response.
    pub(crate) const CUT: Step = Step::Close(Vec::new());

    /// A response with a length, after which the connection stays open.
    pub(crate) fn response(status: u16, body: impl AsRef<[u8]>) -> Step {
        Step::Send(response_bytes(status, &[], body))
    }
}

/// Encodes a response with these header lines and a length.
pub(crate) fn response_bytes(status: u16, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = format!("content-length: {}", body.len());
    let mut response = head(status, &[headers, &[length.as_str()]].concat());
    response.extend(body);
    response
}

/// Encodes the head of a response with the empty line that ends it.
pub(crate) fn head(status: u16, headers: &[&str]) -> Vec<u8> {
    let mut lines = vec![format!("HTTP/1.1 {status} Whatever")];
    lines.extend(headers.iter().map(|&line| line.to_owned()));
    format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
}

/// A running server. It stops when this is dropped.
pub(crate) struct Server {
    server: sandbox::Server,
    script: Arc<Script>,
    _limit: Limit,
}

#[derive(Default)]
struct Script {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    acts: VecDeque<Step>,
    received: Vec<String>,
}

impl Server {
    /// Plays `acts`, one for each request, and the last one for all further requests.
    pub(crate) fn start(acts: impl IntoIterator<Item = Step>) -> Server {
        let limit = Limit::start();
        let script = Arc::new(Script::default());
        script.lock().acts.extend(acts);
        let played = Arc::clone(&script);
        let server = sandbox::serve(0, move |request| played.respond(&request)).unwrap();
        Server { server, script, _limit: limit }
    }

    /// Returns the address, such as `http://127.0.0.1:8080`.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// Returns the head and the body of each request.
    pub(crate) fn received(&self) -> Vec<String> {
        self.script.lock().received.clone()
    }

    /// Returns how many connections the server accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.server.accepted_connections()
    }

    /// Returns a function that waits until this many requests arrived.
    pub(crate) fn waits_for(&self, requests: usize) -> impl Fn() + Send + Sync + 'static {
        let script = Arc::clone(&self.script);
        move || {
            let is_early = |state: &mut State| state.received.len() < requests;
            drop(script.changed.wait_while(script.lock(), is_early).unwrap());
        }
    }

    /// Waits until this many connections have been closed.
    pub(crate) fn wait_until_closed(&self, connections: usize) {
        while self.server.accepted_connections() - self.server.open_connections() < connections {
            thread::yield_now();
        }
    }
}

impl Script {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn respond(&self, request: &Request<Vec<u8>>) -> WireResponse {
        let mut state = self.lock();
        state.received.push(to_text(request));
        self.changed.notify_all();
        let act = match state.acts.len() {
            0 => Step::CUT,
            1 => state.acts[0].clone(),
            _ => state.acts.pop_front().unwrap(),
        };
        match act {
            Step::Send(bytes) => WireResponse::Raw(bytes, AfterRaw::KeepOpen),
            Step::Close(bytes) => WireResponse::Raw(bytes, AfterRaw::Close),
            Step::Stall(bytes) => WireResponse::Raw(bytes, AfterRaw::Stall),
            Step::Flood(bytes) => WireResponse::Raw(bytes, AfterRaw::Flood),
        }
    }
}

fn to_text(request: &Request<Vec<u8>>) -> String {
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes())));
    }
    text + "\r\n" + &String::from_utf8_lossy(request.body())
}

/// A listener that keeps the first bytes of each connection, in whatever protocol, and closes it.
pub(crate) struct Listener {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Listener {
    /// Listens until the end of the process.
    pub(crate) fn start() -> Listener {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::default();
        let kept: Arc<Mutex<Vec<Vec<u8>>>> = Arc::clone(&received);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut bytes = vec![0; 1024];
                let count = stream.read(&mut bytes).unwrap_or_default();
                bytes.truncate(count);
                kept.lock().unwrap().push(bytes);
            }
        });
        Listener { address, received }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the first bytes of each connection.
    pub(crate) fn received(&self) -> Vec<Vec<u8>> {
        self.received.lock().unwrap().clone()
    }
}

impl Clients {
    /// Creates clients of a server, for which waiting takes no time.
    pub(crate) fn of(server: &Server) -> Clients {
        Clients::with(quick(server))
    }
}

/// A configuration for a server, on a new clock on which waiting takes no time.
pub(crate) fn quick(server: &Server) -> Config {
    Config::new().base_url(server.url()).clock(TestClock::new())
}
