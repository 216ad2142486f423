//! Receives webhooks from Heylerts: a small server without an async runtime.
//!
//! ```sh
//! HEYLERTS_WEBHOOK_SECRET=… cargo run --example webhook_receiver -- 127.0.0.1:8080
//! ```
//!
//! While a secret is being rotated, `HEYLERTS_WEBHOOK_SECRET_OLD` is accepted too. Enter stops the server,
//! after what it has accepted is handled; where there is nobody to press it, it runs until it is killed.
//!
//! A few threads answer, one works. An answer is quick, because it waits for nothing but the signature:
//!
//! | | |
//! |---|---|
//! | 202 | genuine and new: it is in the queue |
//! | 200 | genuine, and came before: it is not handled twice |
//! | 401 | the signature is missing, malformed or wrong |
//! | 400, 413 | the body is not JSON, or too large |
//! | 405 | not a `POST` |
//! | 503 | the queue is full, or the server is stopping: try again later |
//!
//! The queue is in memory, and so is what is known to have come before. If nothing may be lost when the
//! process dies, `enqueue` is the place to write the delivery to a database, before it is answered.
//!
//! Let a reverse proxy stand in front, one that takes in whole requests before it hands them on, for TLS and
//! against clients that mean harm: `tiny_http` waits for slow ones as long as they like, and with it do the
//! threads that answer, and a stop.

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

/// Threads that answer.
const CLERKS: usize = 4;
/// Deliveries that may wait for being handled.
const QUEUE: usize = 1000;
/// The largest body that is taken, in bytes.
const MAX_BODY: usize = 256 * 1024;
/// The largest body whose unread rest is passed over, in bytes.
const MAX_PASSED_OVER: usize = 16 * 1024 * 1024;

type AnyError = Box<dyn Error + Send + Sync>;

/// A delivery to handle, and the right to do so.
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

/// Under a service manager the standard input is at its end from the start. That is nobody's wish to stop.
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

/// What is done with a delivery: here is the place for your own. The fields are not documented, so a mention
/// that cannot be read is no reason to lose it.
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

/// A server that is running.
pub(crate) struct Receiver {
    server: Arc<Server>,
    address: SocketAddr,
    clerks: Vec<JoinHandle<()>>,
    worker: JoinHandle<()>,
}

impl Receiver {
    /// Starts a server that hands each genuine delivery to `handle`, once.
    pub(crate) fn start<F>(address: &str, verifier: Verifier, handle: F) -> Result<Self, AnyError>
    where
        F: FnMut(&Delivery) -> Result<(), AnyError> + Send + 'static,
    {
        let server = Arc::new(Server::http(address)?);
        let address = server.server_addr().to_ip().ok_or("not an IP address")?;
        let (queue, jobs) = mpsc::sync_channel(QUEUE);
        let clerk = Clerk {
            server: Arc::clone(&server),
            verifier: verifier.max_body(MAX_BODY),
            seen: DuplicateGuard::default(),
            queue,
        };
        Ok(Receiver {
            server,
            address,
            clerks: clerk.spawn(),
            worker: thread::spawn(move || work(jobs, handle)),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, and returns when all that was accepted is handled.
    pub(crate) fn stop(self) {
        for _ in &self.clerks {
            self.server.unblock();
        }
        // The last clerk takes the queue's sender along, and so the worker sees the end of it.
        for thread in self.clerks.into_iter().chain([self.worker]) {
            if thread.join().is_err() {
                eprintln!("a thread had panicked");
            }
        }
    }
}

/// Who answers requests.
#[derive(Clone)]
struct Clerk {
    server: Arc<Server>,
    verifier: Verifier,
    seen: DuplicateGuard,
    queue: SyncSender<Job>,
}

impl Clerk {
    fn spawn(self) -> Vec<JoinHandle<()>> {
        let spawn = |clerk: Clerk| thread::spawn(move || clerk.serve());
        vec![self; CLERKS].into_iter().map(spawn).collect()
    }

    /// Answers until the server is unblocked.
    fn serve(self) {
        while let Ok(mut request) = self.server.recv() {
            if request.body_length() > Some(MAX_PASSED_OVER) {
                refuse_and_keep(request);
                continue;
            }
            let status = self.answer(&mut request);
            if let Err(error) = request.respond(Response::empty(status)) {
                eprintln!("the answer did not arrive: {error}");
            }
        }
    }

    fn answer(&self, request: &mut Request) -> StatusCode {
        if *request.method() != Method::Post {
            return StatusCode(405);
        }
        match read_body(request) {
            Ok(body) => self.receive(&body, signature(request)),
            Err(_) => StatusCode(400),
        }
    }

    fn receive(&self, body: &[u8], signature: Option<&str>) -> StatusCode {
        match self.verifier.verify(body, signature) {
            Ok(delivery) => self.enqueue(delivery),
            Err(refused) => {
                eprintln!("refused: {refused}");
                StatusCode(refused.status().as_u16())
            }
        }
    }

    /// Where the queue is full, the claim comes back and is given up: the next attempt is a first one again.
    fn enqueue(&self, delivery: Delivery) -> StatusCode {
        match self.seen.claim(&delivery) {
            Claim::New(handling) => match self.queue.try_send((delivery, handling)) {
                Ok(()) => StatusCode(202),
                Err(_) => StatusCode(503),
            },
            // What is in the queue is in good hands: no need for another attempt.
            Claim::InProgress | Claim::Duplicate => StatusCode(200),
        }
    }
}

/// Answers, and never drops the request: `tiny_http` would pass over the rest of its body with a buffer as
/// large as `Content-Length` claims, and a claim of a terabyte would end the process. The price is a
/// connection. That it is answered as an upgrade is the one way to answer and keep it.
fn refuse_and_keep(request: Request) {
    mem::forget(request.upgrade("none", Response::empty(413)));
}

/// One byte more than is allowed is enough for the verifier to refuse it.
fn read_body(request: &mut Request) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let most = MAX_BODY as u64 + 1;
    request.as_reader().take(most).read_to_end(&mut body)?;
    Ok(body)
}

fn signature(request: &Request) -> Option<&str> {
    let mut headers = request.headers().iter();
    let header = headers.find(|header| header.field.equiv(SIGNATURE_HEADER))?;
    Some(header.value.as_str())
}

/// Handles what is in the queue, until the last sender is gone. What fails, or panics, is not done: should it
/// be delivered again, it is handled again.
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
