//! A server on a loopback port.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use http::{Method, Request, StatusCode};

use super::exchange::{self, Incoming};
use super::http1::{self, ReadError};
use super::request_log::{RequestLog, RequestRecord};
use super::wall_clock::Interrupt;
use super::wire_response::WireResponse;
use super::wire_writer::{self, After};

/// How long a sandbox may hold back a response over a socket, on its own clock.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(300);
/// How long the server waits for the next bytes of a client.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// How long `stop` waits for handlers that do not return.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long, and for how many bytes, the server reads on after an early response.
const LINGER_TIMEOUT: Duration = Duration::from_millis(500);
const LINGER_BYTES: u64 = 64 * 1024 * 1024;

/// Responds to the requests of a [`Server`].
///
/// A closure `Fn(Request<Vec<u8>>) -> WireResponse` is a handler, and so are a
/// [`Sandbox`](crate::sandbox::Sandbox) and [`Services`](crate::sandbox::Services).
pub trait Handler: Send + Sync + 'static {
    /// Responds to one request. Called from several threads.
    fn handle(&self, request: Request<Vec<u8>>) -> WireResponse;
}

impl<F> Handler for F
where
    F: Fn(Request<Vec<u8>>) -> WireResponse + Send + Sync + 'static,
{
    fn handle(&self, request: Request<Vec<u8>>) -> WireResponse {
        self(request)
    }
}

/// Serves a sandbox, or any other handler, over HTTP on `127.0.0.1:port`. Port 0 is any free port.
///
/// Every [`Fault`](crate::sandbox::Fault) of the sandbox happens on the connection as it would over a network: a
/// cut connection is really closed, a truncated body ends early, a stalled one falls silent. The server speaks
/// HTTP/1.1 with one thread per connection. It listens on the loopback interface only.
///
/// Over a socket, the sandbox does not know the clock of a client, and counts requests on the system clock. With a client
/// on a [`TestClock`](crate::sandbox::TestClock), pass that clock to [`Sandbox::clock`](crate::sandbox::Sandbox::clock)
/// too: otherwise the waits of the client take no time for the sandbox, and it responds with 429.
///
/// # Errors
///
/// An [`io::Error`], such as that of a port in use. It is none of this crate's: with `?`, it needs a function that returns
/// [`io::Result`] or `Box<dyn Error>`, not [`heysync::Result`](crate::Result).
///
/// # Examples
///
/// A test over a real socket, without any state that tests share:
///
/// ```
/// use heysync::sandbox::{self, Fault, FaultPoint, Heylerts};
/// use heysync::{Config, heylerts};
///
/// let service = Heylerts::demo();
/// let server = sandbox::serve(0, service.clone())?;
///
/// let config = Config::new().base_url(server.url());
/// let client = heylerts::Client::with_config("hlt_any_key", config)?;
/// service.inject(1, Fault::Cut(FaultPoint::AfterEffect));
/// assert_eq!(client.alerts().count(), 3);
///
/// let log: Vec<String> = server.requests().iter().map(ToString::to_string).collect();
/// assert_eq!(log[0], "GET /api/v1/alerts?page=1&per_page=100: no response");
/// assert_eq!(log[1], "GET /api/v1/alerts?page=1&per_page=100: 200 OK");
/// server.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn serve(port: u16, handler: impl Handler) -> io::Result<Server> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let address = listener.local_addr()?;
    let shared = Arc::new(Shared {
        address,
        handler: Box::new(handler),
        began: Instant::now(),
        log: Mutex::default(),
        state: Mutex::default(),
        changed: Condvar::new(),
    });
    shared.lock().spawn(&shared, move |shared| shared.listen(&listener))?;
    Ok(Server { shared })
}

/// A running server; [`serve`] starts one. It stops when it is dropped.
#[must_use = "the server stops when it is dropped"]
pub struct Server {
    shared: Arc<Shared>,
}

/// Stops a [`Server`] from another thread, such as a handler for Ctrl-C.
#[derive(Clone)]
pub struct StopHandle {
    shared: Arc<Shared>,
}

struct Shared {
    address: SocketAddr,
    handler: Box<dyn Handler>,
    began: Instant,
    log: Mutex<RequestLog>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_stopping: bool,
    accepted: usize,
    open: HashMap<usize, Connection>,
    /// The threads that have not ended, and those that ended and were not joined yet.
    running: usize,
    threads: Vec<JoinHandle<()>>,
}

struct Connection {
    stream: TcpStream,
    interrupt: Interrupt,
}

impl Server {
    /// Returns the address, such as `http://127.0.0.1:8080`, for [`Config::base_url`](crate::Config::base_url).
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// Returns the address and the port.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Returns the requests in the order of arrival, with the status of each response: the latest 100,000.
    ///
    /// Requests that are not valid HTTP are not among them.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.log().records()
    }

    /// Sets how many requests [`requests`](Server::requests) returns at most: the latest.
    pub fn keep_requests(self, count: usize) -> Server {
        self.shared.log().keep(count);
        self
    }

    /// Returns how many connections the server has accepted.
    pub fn accepted_connections(&self) -> usize {
        self.shared.lock().accepted
    }

    /// Returns how many connections are open now.
    pub fn open_connections(&self) -> usize {
        self.shared.lock().open.len()
    }

    /// Returns a handle that stops the server from another thread.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle { shared: Arc::clone(&self.shared) }
    }

    /// Blocks until a [`StopHandle`] stops the server.
    pub fn wait(self) {
        let mut state = self.shared.lock();
        while !state.is_stopping {
            let waited = self.shared.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Stops the server: closes the port and every connection, and waits for the threads to end.
    ///
    /// A delay of the sandbox ends early. If a handler of your own does not return within 5 seconds, its thread is
    /// left behind.
    pub fn stop(self) {
        drop(self);
    }
}

impl StopHandle {
    /// Stops the server, without waiting for its threads. [`Server::wait`] returns.
    pub fn stop(&self) {
        self.shared.stop();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop();
        self.shared.join();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopHandle").finish_non_exhaustive()
    }
}

impl State {
    /// Starts a thread that `join` waits for.
    fn spawn(
        &mut self,
        shared: &Arc<Shared>,
        work: impl FnOnce(&Arc<Shared>) + Send + 'static,
    ) -> io::Result<()> {
        let shared = Arc::clone(shared);
        let thread = thread::Builder::new().name("heysync-sandbox".to_owned());
        let thread = thread.spawn(move || {
            let running = Running(shared);
            work(&running.0);
        })?;
        self.running += 1;
        self.threads.retain(|thread| !thread.is_finished());
        self.threads.push(thread);
        Ok(())
    }
}

/// Counts a thread as running until it is dropped, also by a panic.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn listen(self: &Arc<Shared>, listener: &TcpListener) {
        for stream in listener.incoming() {
            let mut state = self.lock();
            if state.is_stopping {
                return;
            }
            let Ok(stream) = stream else {
                drop(state);
                // Out of file descriptors: connections may close meanwhile.
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            state.accepted += 1;
            let number = state.accepted;
            let interrupt = Interrupt::default();
            let Ok(clone) = stream.try_clone() else { continue };
            state.open.insert(number, Connection { stream: clone, interrupt: interrupt.clone() });
            let spawned = state.spawn(self, move |shared| {
                let open = Open { shared, number };
                open.shared.serve(&stream, &interrupt);
            });
            if spawned.is_err() {
                state.open.remove(&number);
            }
        }
    }

    /// Responds to one request after the other until the connection ends.
    fn serve(&self, stream: &TcpStream, interrupt: &Interrupt) {
        let _ = stream.set_nodelay(true);
        let _ = stream.set_read_timeout(Some(READ_TIMEOUT));
        let mut reader = BufReader::new(stream);
        loop {
            let after = match http1::read_request(&mut reader, &mut &*stream) {
                Ok(request) => self.exchange(request, stream, interrupt),
                Err(ReadError::Rejected(status)) => reject(status, stream),
                Err(ReadError::Closed) => return,
            };
            match after {
                Ok(After::KeepOpen) => {}
                Ok(After::Linger) => return linger(&mut reader, stream),
                Ok(After::Stall) => {
                    // Reading ends when the client closes the connection, or the server stops.
                    let _ = stream.set_read_timeout(None);
                    let _ = io::copy(&mut reader, &mut io::sink());
                    return;
                }
                Ok(After::Close) | Err(_) => return,
            }
        }
    }

    fn exchange(
        &self,
        mut request: Request<Vec<u8>>,
        stream: &TcpStream,
        interrupt: &Interrupt,
    ) -> io::Result<After> {
        let is_head = request.method() == Method::HEAD;
        let keep_alive = http1::is_kept_alive(&request);
        let number = self.record(&request);
        request.extensions_mut().insert(interrupt.clone());
        let response = self.handler.handle(request);
        self.log().set_status(number, response.status());
        wire_writer::write(&mut &*stream, response, is_head, keep_alive, interrupt)
    }

    fn record(&self, request: &Request<Vec<u8>>) -> usize {
        let at = self.began.elapsed();
        let mut log = self.log();
        let number = log.received() + 1;
        log.push(RequestRecord::new(number, at, &Incoming::new(request.clone())));
        number
    }

    fn stop(&self) {
        let mut state = self.lock();
        state.is_stopping = true;
        self.changed.notify_all();
        for connection in state.open.values() {
            connection.interrupt.send();
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
        drop(state);
        // The listener waits for a connection: this is the last one.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }

    fn join(&self) {
        let state = self.lock();
        let is_running = |state: &mut State| state.running > 0;
        let waited = self.changed.wait_timeout_while(state, STOP_TIMEOUT, is_running);
        let (mut state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        let is_ended = |thread: &JoinHandle<()>| !timeout.timed_out() || thread.is_finished();
        for thread in threads.into_iter().filter(is_ended) {
            // The panic of a handler has been printed.
            let _ = thread.join();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, RequestLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes a connection when it is dropped, also by the panic of a handler.
struct Open<'a> {
    shared: &'a Shared,
    number: usize,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let connection = self.shared.lock().open.remove(&self.number);
        if let Some(connection) = connection {
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
    }
}

fn reject(status: StatusCode, stream: &TcpStream) -> io::Result<After> {
    let reason = status.canonical_reason().unwrap_or_default();
    let response = exchange::with_body(status, "text/plain", reason);
    let response = WireResponse::Complete(response);
    wire_writer::write(&mut &*stream, response, false, false, &Interrupt::default())
}

/// Reads on for a moment: closing with unread bytes would reset the connection, and the client might lose the
/// response.
fn linger(reader: &mut BufReader<&TcpStream>, stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(LINGER_TIMEOUT));
    let _ = io::copy(&mut reader.take(LINGER_BYTES), &mut io::sink());
}
