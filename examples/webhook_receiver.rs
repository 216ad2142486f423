//! Receives webhooks from Heylerts: a small server without an async runtime.
//!
//! ```console
//! $ HEYLERTS_WEBHOOK_SECRET=… cargo run --features webhook --example webhook_receiver -- 127.0.0.1:8080
//! ```
//!
//! During the rotation of a secret, set `HEYLERTS_WEBHOOK_SECRET_OLD` as well. Ctrl-C or SIGTERM stops the server after
//! all accepted deliveries are handled; a second one stops it at once. Without a secret it receives a few invented
//! deliveries from the sandbox, and ends.
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

use std::env::{self, VarError};
use std::error::Error;
use std::io::{self, Read as _};
use std::mem;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver as Jobs, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use console::{Failure, print_error, print_line};
use heysync::heylerts::webhook::{
    Claim, Delivery, DuplicateGuard, EventName, Handling, SIGNATURE_HEADER, Verifier, sign,
};
use heysync::sandbox::{Heylerts, heylerts as invented};
use heysync::{Transport, TransportOptions, UreqTransport};
use pico_args::Arguments;
use tiny_http::{Method, Request, Response, Server, StatusCode};

pub(crate) use console::Volume;

mod console;

const USAGE: &str = "\
Receives webhooks from Heylerts, and prints each delivery once

Usage: webhook_receiver [OPTIONS] [ADDRESS]

Arguments:
  [ADDRESS]  Where to listen [default: 127.0.0.1:8080]

Options:
  -v, --verbose  Print the status of each response
  -q, --quiet    Print nothing but deliveries and errors
  -h, --help     Print help

Set HEYLERTS_WEBHOOK_SECRET for real deliveries, and HEYLERTS_WEBHOOK_SECRET_OLD during a rotation.
Without it, the sandbox delivers a few invented mentions, and the program ends.";

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

fn main() -> ExitCode {
    console::main(USAGE, run)
}

fn run(mut arguments: Arguments) -> Result<(), Failure> {
    let volume = Volume::read(&mut arguments);
    let address = console::last_argument(arguments)?;
    let Some(verifier) = verifier()? else {
        volume.note("HEYLERTS_WEBHOOK_SECRET is not set: receiving invented deliveries");
        return demo(volume);
    };
    let address = address.as_deref().unwrap_or("127.0.0.1:8080");
    let start = Receiver::start(address, verifier, volume, print);
    let receiver = start.map_err(|error| Failure::socket(address, error))?;
    let (stop, stopped) = mpsc::channel();
    console::on_ctrl_c(move || _ = stop.send(()))?;
    volume.note(format!("listening on {}; Ctrl-C stops", receiver.address()));
    let _ = stopped.recv();
    receiver.stop();
    Ok(())
}

/// Returns the verifier of real deliveries, or `None` without a secret.
fn verifier() -> Result<Option<Verifier>, Failure> {
    let variable = |name| match env::var(name) {
        Err(VarError::NotPresent) => Ok(None),
        secret => {
            secret.map(Some).map_err(|error| Failure::configuration(format!("{name}: {error}")))
        }
    };
    let old = variable("HEYLERTS_WEBHOOK_SECRET_OLD")?;
    let Some(secret) = variable("HEYLERTS_WEBHOOK_SECRET")? else { return Ok(None) };
    Ok(Some(Verifier::with_secrets([secret].into_iter().chain(old))?))
}

/// Receives what the sandbox delivers for a few invented mentions.
fn demo(volume: Volume) -> Result<(), Failure> {
    const SECRET: &str = "an invented secret";
    let start = Receiver::start("127.0.0.1:0", Verifier::new(SECRET)?, volume, print);
    let receiver = start.map_err(|error| Failure::socket("127.0.0.1:0", error))?;
    let sandbox = Heylerts::new();
    let hook = format!("http://{}/hook", receiver.address());
    let alert = invented::Alert::new("Our brand", "harbour runners").webhook(hook, SECRET);
    let alert = sandbox.add_alert(alert);
    for title in ["A race report", "Half a year with harbour runners"] {
        sandbox.receive(invented::Mention::new(&alert, title));
    }
    let transport = UreqTransport::new(TransportOptions::new().proxy_from_env(false))?;
    for delivery in sandbox.take_deliveries() {
        let request = delivery.to_request(|secret, body| sign(secret, body));
        let sent = transport.send(request, Duration::from_secs(10));
        sent.map_err(|error| Failure::socket(receiver.address(), error))?;
    }
    receiver.stop();
    Ok(())
}

/// Handles a delivery: replace this with your own code. The vendor does not document the fields, so this prints
/// the JSON of a mention that cannot be decoded.
pub(crate) fn print(delivery: &Delivery) -> Result<(), AnyError> {
    match (delivery.event(), delivery.mention()) {
        (Some(EventName::MentionCreated), Ok(Some(mention))) => {
            let title = mention.title.as_deref().unwrap_or("untitled");
            print_line(format!("{title}: {}", mention.url));
        }
        (Some(event), _) => print_line(format!("{event}: {}", delivery.json())),
        (None, _) => print_line(delivery.json()),
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
    pub(crate) fn start<F>(
        address: &str,
        verifier: Verifier,
        volume: Volume,
        handle: F,
    ) -> Result<Self, AnyError>
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
            volume,
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
                print_error("a thread panicked");
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
    volume: Volume,
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
            self.volume.detail(format!("{} {}: {}", request.method(), request.url(), status.0));
            if let Err(error) = request.respond(Response::empty(status)) {
                print_error(format!("the response was not sent: {error}"));
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
                print_error(format!("rejected: {error}"));
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
            Ok(Err(error)) => print_error(format!("not handled: {delivery:?}: {error}")),
            Err(_) => print_error(format!("not handled: {delivery:?}: a panic")),
        }
    }
}
