//! A scripted server on a loopback socket: it says what it is told to, byte for byte, and keeps what it
//! heard. Beside it the calls that are made to it, one or two of each safety.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use heysync::heylerts::{AlertPatch, NewAlert};
use heysync::heylo::NewMember;
use heysync::sandbox::TestClock;
use heysync::{Config, Result, Safety, heylerts, heylo};

/// What happens to one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// These bytes are said, and the connection stays open.
    Say(Vec<u8>),
    /// These bytes are said, and the connection is closed.
    Close(Vec<u8>),
    /// These bytes are said, and then nothing, until the client hangs up.
    Stall(Vec<u8>),
    /// These bytes are said, and then spaces without end, until the client hangs up.
    Flood(Vec<u8>),
}

impl Act {
    /// The connection is closed without a word.
    pub(crate) const CUT: Act = Act::Close(Vec::new());

    /// An answer with a length, after which the connection stays open.
    pub(crate) fn answer(status: u16, body: impl AsRef<[u8]>) -> Act {
        Act::Say(answer(status, &[], body))
    }
}

/// An answer with these header lines and a length.
pub(crate) fn answer(status: u16, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = format!("content-length: {}", body.len());
    let mut answer = head(status, &[headers, &[length.as_str()]].concat());
    answer.extend(body);
    answer
}

/// The head of an answer, with the empty line that ends it.
pub(crate) fn head(status: u16, headers: &[&str]) -> Vec<u8> {
    let mut lines = vec![format!("HTTP/1.1 {status} Whatever")];
    lines.extend(headers.iter().map(|&line| line.to_owned()));
    format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
}

/// A running server. It stops when this is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    script: Vec<Act>,
    heard: Vec<String>,
    accepted: usize,
    closed: usize,
    streams: Vec<TcpStream>,
    is_stopping: bool,
}

impl Server {
    /// Plays `script`, one act for each request, and the last act for all further ones.
    pub(crate) fn start(script: impl IntoIterator<Item = Act>) -> Server {
        let mut script: Vec<Act> = script.into_iter().collect();
        script.reverse();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            script,
            heard: Vec::new(),
            accepted: 0,
            closed: 0,
            streams: Vec::new(),
            is_stopping: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let listening = Arc::clone(&shared);
        Server {
            address,
            shared,
            listening: Some(thread::spawn(move || listening.listen(&listener))),
        }
    }

    /// Where it is, as in `http://127.0.0.1:8080`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The requests that came, as they came: head and body.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.shared.lock().heard.clone()
    }

    /// How many connections it accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.lock().accepted
    }

    /// A function that waits until so many requests came.
    pub(crate) fn waits_for(&self, requests: usize) -> impl Fn() + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || {
            let state = shared.lock();
            drop(shared.changed.wait_while(state, |state| state.heard.len() < requests).unwrap());
        }
    }

    /// Waits until so many connections have been closed.
    pub(crate) fn wait_until_closed(&self, connections: usize) {
        let mut state = self.shared.lock();
        while state.closed < connections {
            state = self.shared.changed.wait(state).unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.lock().is_stopping = true;
        // The listener waits for a connection: this is the last.
        drop(TcpStream::connect(self.address));
        for stream in self.shared.lock().streams.drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
        if let Some(listening) = self.listening.take() {
            drop(listening.join());
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(self: &Arc<Shared>, listener: &TcpListener) {
        for stream in listener.incoming() {
            let mut state = self.lock();
            if state.is_stopping {
                return;
            }
            let Ok(stream) = stream else { continue };
            state.accepted += 1;
            state.streams.extend(stream.try_clone());
            let shared = Arc::clone(self);
            thread::spawn(move || shared.converse(&stream));
        }
    }

    fn converse(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Ok(Some(request)) = receive(&mut reader) {
            let act = self.next_act(request);
            if !play(act, stream, &mut reader).unwrap_or(false) {
                break;
            }
        }
        drop(stream.shutdown(Shutdown::Both));
        self.lock().closed += 1;
        self.changed.notify_all();
    }

    fn next_act(&self, request: String) -> Act {
        let mut state = self.lock();
        state.heard.push(request);
        self.changed.notify_all();
        match state.script.len() {
            0 => Act::CUT,
            1 => state.script[0].clone(),
            _ => state.script.pop().unwrap(),
        }
    }
}

/// The next request; `None` at the end of the connection. What is no HTTP is heard as far as it came.
fn receive(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<String>> {
    let first = reader.fill_buf()?;
    if first.is_empty() {
        return Ok(None);
    }
    let mut heard = Vec::new();
    if first[0].is_ascii_uppercase() {
        while !heard.ends_with(b"\r\n\r\n") && reader.read_until(b'\n', &mut heard)? > 0 {}
        let length = body_length(&heard);
        reader.take(length).read_to_end(&mut heard)?;
    } else {
        heard.extend(first);
        let length = heard.len();
        reader.consume(length);
    }
    Ok(Some(String::from_utf8_lossy(&heard).into_owned()))
}

fn body_length(head: &[u8]) -> u64 {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    length.map_or(0, |length| length.trim().parse().unwrap())
}

/// Whether the connection can be used again.
fn play(act: Act, mut stream: &TcpStream, reader: &mut BufReader<&TcpStream>) -> io::Result<bool> {
    match act {
        Act::Say(bytes) => {
            stream.write_all(&bytes)?;
            Ok(true)
        }
        Act::Close(bytes) => {
            stream.write_all(&bytes)?;
            Ok(false)
        }
        Act::Stall(bytes) => {
            stream.write_all(&bytes)?;
            io::copy(reader, &mut io::sink())?;
            Ok(false)
        }
        Act::Flood(bytes) => {
            stream.write_all(&bytes)?;
            io::copy(&mut io::repeat(b' '), &mut stream)?;
            Ok(false)
        }
    }
}

/// A client of each service.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) heylo: heylo::Client,
    pub(crate) heylerts: heylerts::Client,
}

pub(crate) const HEYLO_KEY: &str = "the-secret-heylo-key-0123456789";
pub(crate) const HEYLERTS_KEY: &str = "hlt_the-secret-heylerts-key-0123456789";

impl Clients {
    /// Clients of a server, for whom waiting takes no time.
    pub(crate) fn of(server: &Server) -> Clients {
        Clients::with(quick(server))
    }

    pub(crate) fn with(config: Config) -> Clients {
        Clients {
            heylo: heylo::Client::with_config(HEYLO_KEY, config.clone()).unwrap(),
            heylerts: heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap(),
        }
    }
}

/// A configuration for a server, on a clock of its own for which waiting takes no time.
pub(crate) fn quick(server: &Server) -> Config {
    Config::new().base_url(server.url()).clock(TestClock::new())
}

/// One of the calls that clients make.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) safety: Safety,
    /// Whether a success needs no particular body.
    pub(crate) takes_any_body: bool,
    pub(crate) make: fn(&Clients) -> Result<()>,
}

/// A body that every call in [`SAMPLES`] is content with.
pub(crate) const GOOD: &str = r#"{"total": 3, "roles": [], "id": "a-1"}"#;

/// Calls of every safety, to both services, with and without a body.
pub(crate) const SAMPLES: [Sample; 7] = [
    Sample {
        name: "stats",
        safety: Safety::Read,
        takes_any_body: false,
        make: |clients| clients.heylerts.stats().map(drop),
    },
    Sample {
        name: "roles",
        safety: Safety::Read,
        takes_any_body: false,
        make: |clients| clients.heylo.community("c-1").roles().map(drop),
    },
    Sample {
        name: "update_alert",
        safety: Safety::Idempotent,
        takes_any_body: false,
        make: |clients| {
            let patch = AlertPatch::new().active(false);
            clients.heylerts.update_alert("a-1", &patch).map(drop)
        },
    },
    Sample {
        name: "delete_alert",
        safety: Safety::Idempotent,
        takes_any_body: true,
        make: |clients| clients.heylerts.delete_alert("a-1"),
    },
    Sample {
        name: "remove_member",
        safety: Safety::Idempotent,
        takes_any_body: true,
        make: |clients| clients.heylo.community("c-1").remove_member("u-1").map(drop),
    },
    Sample {
        name: "create_alert",
        safety: Safety::Unsafe,
        takes_any_body: false,
        make: |clients| clients.heylerts.create_alert(&NewAlert::new("n", "k")).map(drop),
    },
    Sample {
        name: "invite",
        safety: Safety::Unsafe,
        takes_any_body: true,
        make: |clients| {
            let member = NewMember::new("u-1");
            clients.heylo.community("c-1").invite(&member).map(drop)
        },
    },
];
