//! Serves the sandbox on a loopback port: a small HTTP/1.1 server that can also cut its connections.
//!
//! Stock test servers answer what they drop with a 500 of their own; here a connection that the sandbox
//! cuts is cut.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use heysync::http::{Request, Response, Version};
use heysync::sandbox::WireResponse;

const LARGEST_HEAD: usize = 64 * 1024;
const LARGEST_BODY: u64 = 16 * 1024 * 1024;
/// How long a sandbox may hold an answer back.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// A running server. It stops when this is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

type Handler = dyn Fn(Request<Vec<u8>>) -> WireResponse + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    stopping: AtomicBool,
    connections: Mutex<Connections>,
}

/// The connections that are open, by a number of their own: one that is closed knows its peer no more.
#[derive(Default)]
struct Connections {
    open: HashMap<u64, TcpStream>,
    opened: u64,
}

/// Serves whatever `handler` replies, on `127.0.0.1:port`; port 0 takes any that is free.
///
/// For both services in memory the handler is `move |request| services.respond(request, PATIENCE)`.
pub(crate) fn serve(
    port: u16,
    handler: impl Fn(Request<Vec<u8>>) -> WireResponse + Send + Sync + 'static,
) -> io::Result<Server> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let address = listener.local_addr()?;
    let shared = Arc::new(Shared {
        handler: Box::new(handler),
        stopping: AtomicBool::new(false),
        connections: Mutex::default(),
    });
    let listening = Arc::clone(&shared);
    let listening = thread::spawn(move || listening.listen(&listener));
    Ok(Server { address, shared, listening: Some(listening) })
}

impl Server {
    /// Where it is, as in `http://127.0.0.1:8080`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

#[cfg(test)]
impl Server {
    #[allow(dead_code, reason = "one test counts them, and many include this file")]
    pub(crate) fn open_connections(&self) -> usize {
        self.shared.connections().open.len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // The listener waits for a connection: this is the last.
        drop(TcpStream::connect(self.address));
        for (_, connection) in self.shared.connections().open.drain() {
            drop(connection.shutdown(Shutdown::Both));
        }
        if let Some(listening) = self.listening.take() {
            drop(listening.join());
        }
    }
}

impl Shared {
    fn listen(self: &Arc<Shared>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            let shared = Arc::clone(self);
            let Ok(stream) = stream else { continue };
            thread::spawn(move || shared.converse(stream));
        }
    }

    /// Answers one request after the other, until the connection ends in whatever way.
    fn converse(&self, stream: TcpStream) {
        let number = stream.try_clone().ok().map(|it| self.connections().add(it));
        let mut reader = BufReader::new(&stream);
        while let Ok(Some(request)) = receive(&mut reader, &stream) {
            let head_only = request.method() == "HEAD";
            let keep = stays_open(&request);
            let sent = send(&stream, (self.handler)(request), head_only);
            if !keep || !sent.unwrap_or(false) {
                break;
            }
        }
        drop(stream.shutdown(Shutdown::Both));
        if let Some(number) = number {
            self.connections().open.remove(&number);
        }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    fn add(&mut self, stream: TcpStream) -> u64 {
        self.opened += 1;
        self.open.insert(self.opened, stream);
        self.opened
    }
}

/// Whether the client waits for the end of the answer, and not of the connection.
fn stays_open(request: &Request<Vec<u8>>) -> bool {
    let header = request.headers().get("connection");
    let wish = header.map_or(&b""[..], |value| value.as_bytes());
    match request.version() {
        Version::HTTP_10 => wish.eq_ignore_ascii_case(b"keep-alive"),
        _ => !wish.eq_ignore_ascii_case(b"close"),
    }
}

/// The next request; `None` at the end of the connection.
fn receive(
    reader: &mut BufReader<&TcpStream>,
    stream: &TcpStream,
) -> io::Result<Option<Request<Vec<u8>>>> {
    let head = read_head(reader)?;
    if head.is_empty() {
        return Ok(None);
    }
    let request = parse(&head)?;
    if asks_to_go_on(&request) {
        (&*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let length = body_length(&request)?;
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    Ok(Some(request.map(|()| body)))
}

/// Everything up to and including the empty line.
fn read_head(reader: &mut BufReader<&TcpStream>) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let left = LARGEST_HEAD.saturating_sub(head.len());
        if reader.take(left as u64).read_until(b'\n', &mut head)? == 0 {
            return Ok(Vec::new());
        }
    }
    Ok(head)
}

fn parse(head: &[u8]) -> io::Result<Request<()>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(head).map_err(invalid)?;
    let version = match parsed.version {
        Some(0) => Version::HTTP_10,
        _ => Version::HTTP_11,
    };
    let mut request = Request::builder()
        .version(version)
        .method(parsed.method.unwrap_or_default())
        .uri(parsed.path.unwrap_or_default());
    for header in parsed.headers.iter() {
        request = request.header(header.name, header.value);
    }
    request.body(()).map_err(invalid)
}

fn asks_to_go_on(request: &Request<()>) -> bool {
    let expected = request.headers().get("expect");
    expected.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

fn body_length(request: &Request<()>) -> io::Result<u64> {
    if request.headers().contains_key("transfer-encoding") {
        return Err(invalid("only bodies with a Content-Length are read"));
    }
    let Some(length) = request.headers().get("content-length") else {
        return Ok(0);
    };
    let length = length.to_str().map_err(invalid)?.parse().map_err(invalid)?;
    match length {
        0..=LARGEST_BODY => Ok(length),
        _ => Err(invalid("the body is too large")),
    }
}

/// Sends a reply; whether the connection can be used again.
fn send(stream: &TcpStream, reply: WireResponse, head_only: bool) -> io::Result<bool> {
    match reply {
        WireResponse::Complete(answer) => {
            let whole = if head_only { 0 } else { answer.body().len() };
            write(stream, &answer, whole)?;
            Ok(true)
        }
        WireResponse::Truncated(answer, bytes) => {
            write(stream, &answer, bytes)?;
            Ok(false)
        }
        _ => Ok(false),
    }
}

/// Writes a head that promises the whole body, and so many bytes of it.
fn write(mut stream: &TcpStream, answer: &Response<Vec<u8>>, bytes: usize) -> io::Result<()> {
    let mut out = format!("HTTP/1.1 {}\r\n", answer.status()).into_bytes();
    for (name, value) in answer.headers() {
        if name != "content-length" {
            out.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
    }
    // After these the next answer follows at once.
    if matches!(answer.status().as_u16(), 204 | 304) {
        out.extend(b"\r\n");
    } else {
        out.extend(format!("content-length: {}\r\n\r\n", answer.body().len()).into_bytes());
        out.extend(&answer.body()[..bytes.min(answer.body().len())]);
    }
    stream.write_all(&out)
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
