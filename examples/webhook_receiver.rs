//! Receives webhooks from Heylerts: a small server without an async runtime.
//!
//! ```console
//! $ HEYLERTS_WEBHOOK_SECRET=… cargo run --features webhook --example webhook_receiver -- 127.0.0.1:8080
//! ```
//!
//! During the rotation of a secret, set `HEYLERTS_WEBHOOK_SECRET_OLD` as well. Enter stops the server after all
//! accepted deliveries are handled. Without a terminal it runs until it is killed.
//!
//! A few threads respond, and one handles the deliveries. Responses are fast, because they wait for nothing but
//! the check of the signature:
//!
//! | status | meaning |
//! |---|---|
//! | 202 | genuine and new: it is in the queue |
//! | 200 | genuine, but a duplicate: it is not handled twice |
//! | 401 | the signature is missing, malformed or wrong |
//! | 400, 413 | the body is not JSON, or too large |
//! | 405 | not a `POST` |
//! | 503 | the queue is full, or the server is stopping: the sender should retry later |
//!
//! The queue and the record of earlier deliveries are in memory. If nothing may be lost when the process dies,
//! write the delivery to a database in `enqueue`, before the response.
//!
//! For TLS, and against malicious clients, use a reverse proxy that reads whole requests before it forwards them:
//! `tiny_http` waits for slow clients without a timeout, which blocks the responding threads and a stop.

use std::error::Error;
use std::io::{self, Read as _};
use std::mem;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver as Jobs, SyncSender};
use std::thread::{self, JoinHandle};

use heysync::heylerts::webhook::{
    Claim, Delivery, DuplicateGuard, EventName, Handling, SIGNATURE_HEADER, Verifier,
};
use tiny_http::{Method, Request, Response, Server, StatusCode};

/// The number of threads that respond.
const RESPONDERS: usize = 4;
/// The number of deliveries that may wait in the queue.
const QUEUE: usize = 1000;
/// The largest accepted body, in bytes.
const MAX_BODY: usize = 256 * 1024;
/// The largest body whose unread rest is discarded, in bytes.
const MAX_DISCARDED: usize = 16 * 1024 * 1024;

type AnyError = Box<dyn Error + Send + Sync>;

/// A delivery to handle, with the claim to handle it.
type Job = (Delivery, Handling);

fn main() -> Result<(), AnyError> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080");
    let receiver = Receiver::start(address, verifier()?, print)?;
    println!("listening on {}; Enter stops", receiver.address());
    wait_for_enter()?;
    receiver.stop();
    Ok(())
}

/// Waits for Enter. Under a service manager, standard input ends at once, which does not stop the server.
fn wait_for_enter() -> io::Result<()> {
    while io::stdin().read_line(&mut String::new())? == 0 {
        thread::park();
    }
    Ok(())
}

fn verifier() -> Result<Verifier, AnyError> {
    let secret = std::env::var("HEYLERTS_WEBHOOK_SECRET")
        .map_err(|error| format!("HEYLERTS_WEBHOOK_SECRET: {error}"))?;
    let old = std::env::var("HEYLERTS_WEBHOOK_SECRET_OLD").ok();
    Ok(Verifier::with_secrets([secret].into_iter().chain(old))?)
}

/// Handles a delivery: replace this with your own code. The vendor does not document the fields, so this prints
/// the JSON of a mention that cannot be decoded.
pub(crate) fn print(delivery: &Delivery) -> Result<(), AnyError> {
    match (delivery.event(), delivery.mention()) {
        (Some(EventName::MentionCreated), Some(Ok(mention))) => {
            let title = mention.title.as_deref().unwrap_or("untitled");
            println!("{title}: {}", mention.url);
        }
        (Some(event), _) => println!("{event}: {}", delivery.json()),
        (None, _) => println!("{}", delivery.json()),
    }
    Ok(())
}

/// A running server.
pub(crate) struct Receiver {
    server: Arc<Server>,
    address: SocketAddr,
    responders: Vec<JoinHandle<()>>,
    worker: JoinHandle<()>,
}

impl Receiver {
    /// Starts a server that passes each genuine delivery to `handle` once.
    pub(crate) fn start<F>(address: &str, verifier: Verifier, handle: F) -> Result<Self, AnyError>
    where
        F: FnMut(&Delivery) -> Result<(), AnyError> + Send + 'static,
    {
        let server = Arc::new(Server::http(address)?);
        let address = server.server_addr().to_ip().ok_or("not an IP address")?;
        let (queue, jobs) = mpsc::sync_channel(QUEUE);
        let responder = Responder {
            server: Arc::clone(&server),
            verifier: verifier.max_body(MAX_BODY),
            seen: DuplicateGuard::default(),
            queue,
        };
        Ok(Receiver {
            server,
            address,
            responders: responder.spawn(),
            worker: thread::spawn(move || work(jobs, handle)),
        })
    }

    /// Returns the address of the server.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting requests, and returns when all accepted deliveries are handled.
    pub(crate) fn stop(self) {
        for _ in &self.responders {
            self.server.unblock();
        }
        // The last responder drops the sender of the queue, which ends the worker.
        for thread in self.responders.into_iter().chain([self.worker]) {
            if thread.join().is_err() {
                eprintln!("a thread panicked");
            }
        }
    }
}

/// Responds to requests.
#[derive(Clone)]
struct Responder {
    server: Arc<Server>,
    verifier: Verifier,
    seen: DuplicateGuard,
    queue: SyncSender<Job>,
}

impl Responder {
    fn spawn(self) -> Vec<JoinHandle<()>> {
        let spawn = |responder: Responder| thread::spawn(move || responder.serve());
        vec![self; RESPONDERS].into_iter().map(spawn).collect()
    }

    /// Responds until the server is unblocked.
    fn serve(self) {
        while let Ok(mut request) = self.server.recv() {
            if request.body_length() > Some(MAX_DISCARDED) {
                reject_and_leak(request);
                continue;
            }
            let status = self.status_for(&mut request);
            if let Err(error) = request.respond(Response::empty(status)) {
                eprintln!("the response was not sent: {error}");
            }
        }
    }

    fn status_for(&self, request: &mut Request) -> StatusCode {
        if *request.method() != Method::Post {
            return StatusCode(405);
        }
        match read_body(request) {
            Ok(body) => self.receive(&body, signatures(request)),
            Err(_) => StatusCode(400),
        }
    }

    fn receive(&self, body: &[u8], signature: Option<String>) -> StatusCode {
        match self.verifier.verify(body, signature) {
            Ok(delivery) => self.enqueue(delivery),
            Err(error) => {
                eprintln!("rejected: {error}");
                StatusCode(error.status().as_u16())
            }
        }
    }

    /// If the queue is full, the claim is dropped, so that the next attempt counts as new.
    fn enqueue(&self, delivery: Delivery) -> StatusCode {
        match self.seen.claim(&delivery) {
            Claim::New(handling) => match self.queue.try_send((delivery, handling)) {
                Ok(()) => StatusCode(202),
                Err(_) => StatusCode(503),
            },
            // It is handled or in the queue: no further attempt is needed.
            Claim::InProgress | Claim::Duplicate => StatusCode(200),
        }
    }
}

/// Responds without dropping the request, at the price of a connection. When `tiny_http` drops a request, it reads
/// the rest of the body into a buffer of its `Content-Length`, and a terabyte there would end the process. Only an
/// upgrade can respond and keep the request.
fn reject_and_leak(request: Request) {
    mem::forget(request.upgrade("none", Response::empty(413)));
}

/// Reads one byte more than allowed at most, which the verifier rejects.
fn read_body(request: &mut Request) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let most = MAX_BODY as u64 + 1;
    request.as_reader().take(most).read_to_end(&mut body)?;
    Ok(body)
}

/// Joins the values of repeated headers with commas: one of them may be genuine.
fn signatures(request: &Request) -> Option<String> {
    let headers = request.headers().iter().filter(|it| it.field.equiv(SIGNATURE_HEADER));
    let values: Vec<&str> = headers.map(|header| header.value.as_str()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// Handles the deliveries of the queue until the last sender is dropped. A delivery whose handler fails or panics
/// is not done: if it is sent again, it is handled again.
fn work<F>(jobs: Jobs<Job>, mut handle: F)
where
    F: FnMut(&Delivery) -> Result<(), AnyError>,
{
    for (delivery, handling) in jobs {
        match catch_unwind(AssertUnwindSafe(|| handle(&delivery))) {
            Ok(Ok(())) => handling.done(),
            Ok(Err(error)) => eprintln!("not handled: {delivery:?}: {error}"),
            Err(_) => eprintln!("not handled: {delivery:?}: a panic"),
        }
    }
}
