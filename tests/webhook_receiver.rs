//! The example's server, end to end over a socket.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use heysync::heylerts::webhook::{Delivery, Verifier, sign};
use heysync::sandbox::{
    self,
    heylerts::{Alert, Mention},
};
use heysync::{Transport, UreqTransport};
use receiver::{Receiver, Volume};

#[path = "support/limit.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod limit;

use limit::Limit;

#[allow(dead_code, reason = "its main is not run here")]
#[path = "../examples/webhook_receiver.rs"]
mod receiver;

const SECRET: &str = "wh-7f3a";

/// A server, and the bodies of the deliveries that it handled.
struct Running {
    receiver: Receiver,
    handled: mpsc::Receiver<String>,
    _limit: Limit,
}

impl Running {
    fn start() -> Running {
        Running::with(|_| Ok(()))
    }

    /// Starts a server whose handler first runs `first`.
    fn with<F>(mut handle: F) -> Running
    where
        F: FnMut(&Delivery) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
            + Send
            + 'static,
    {
        let (handled_by, handled) = mpsc::channel();
        let verifier = Verifier::with_secrets([SECRET, "old"]).expect("secrets");
        let receiver = Receiver::start("127.0.0.1:0", verifier, Volume::Normal, move |delivery| {
            handle(delivery)?;
            Ok(handled_by.send(delivery.json().to_string())?)
        });
        Running { receiver: receiver.expect("a free port"), handled, _limit: Limit::start() }
    }

    fn address(&self) -> SocketAddr {
        self.receiver.address()
    }

    fn deliver(&self, body: &str) -> u16 {
        deliver(self.address(), body)
    }

    fn post(&self, body: &str, signature: &str) -> u16 {
        post(self.address(), body, signature)
    }

    /// Stops the server, and returns the bodies of the deliveries that it handled.
    fn stop(self) -> Vec<String> {
        self.receiver.stop();
        self.handled.iter().collect()
    }
}

/// Delivers as Heylerts does, and returns the status of the response.
fn deliver(address: SocketAddr, body: &str) -> u16 {
    post(address, body, &sign(SECRET, body.as_bytes()))
}

fn post(address: SocketAddr, body: &str, signature: &str) -> u16 {
    let headers = format!("x-heylerts-signature: {signature}\r\n");
    request(address, "POST", &headers, body)
}

fn request(address: SocketAddr, method: &str, headers: &str, body: &str) -> u16 {
    let length = body.len();
    let head = format!(
        "{method} /hook HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    let response = exchange(address, &(head + body)).expect("a response");
    response[9..12].parse().expect("a status")
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    // A server that never responses fails the test, where it would hang it.
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    Ok(stream)
}

fn exchange(address: SocketAddr, request: &str) -> io::Result<String> {
    let mut stream = connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response)
}

#[test]
fn a_genuine_delivery_is_accepted_and_handled() {
    let running = Running::start();
    let body = r#"{"event":"mention.created","mention":{"id":"m1","url":"https://example.com/"}}"#;
    assert_eq!(running.deliver(body), 202);
    assert_eq!(running.stop(), [body]);
}

#[test]
fn a_bad_signature_is_401_and_nothing_is_handled() {
    let running = Running::start();
    assert_eq!(running.post("{}", &sign("another", b"{}")), 401);
    assert_eq!(running.post("{}", &sign(SECRET, b"{ }")), 401);
    assert_eq!(running.post("{}", "abc"), 401);
    assert_eq!(running.post("{}", ""), 401);
    assert_eq!(request(running.address(), "POST", "", "{}"), 401);
    assert!(running.stop().is_empty());
}

#[test]
fn one_of_several_signature_headers_may_be_genuine() {
    let server = Running::start();
    let body = r#"{"event":"mention.created"}"#;
    let genuine = sign(SECRET, body.as_bytes());
    let headers = |values: [&str; 2]| {
        values.map(|value| format!("x-heylerts-signature: {value}\r\n")).concat()
    };
    let wrong = "0".repeat(64);
    assert_eq!(request(server.address(), "POST", &headers([&wrong, &genuine]), body), 202);
    assert_eq!(request(server.address(), "POST", &headers([&genuine, &wrong]), body), 200);
    assert_eq!(request(server.address(), "POST", &headers([&wrong, &wrong]), body), 401);
    assert_eq!(server.stop().len(), 1);
}

#[test]
fn a_duplicate_delivery_gets_a_200_and_is_not_handled_again() {
    let running = Running::start();
    let (first, again) = (r#"{"event_id":"e1","try":1}"#, r#"{"event_id":"e1","try":2}"#);
    assert_eq!(running.deliver(first), 202);
    assert_eq!(running.deliver(first), 200);
    assert_eq!(running.deliver(again), 200);
    assert_eq!(running.post(first, &sign("old", first.as_bytes())), 200);
    assert_eq!(running.stop(), [first]);
}

#[test]
fn many_senders_at_once_are_served_and_each_delivery_is_handled_once() {
    let running = Running::start();
    let address = running.address();
    let body = |event: usize| format!(r#"{{"event_id":{}}}"#, event % 10);
    std::thread::scope(|scope| {
        for sender in 0..8 {
            scope.spawn(move || {
                let statuses = (sender..sender + 10).map(|event| deliver(address, &body(event)));
                assert!(statuses.into_iter().all(|status| matches!(status, 200 | 202)));
            });
        }
    });
    let mut handled = running.stop();
    handled.sort();
    assert_eq!(handled, (0..10).map(body).collect::<Vec<String>>());
}

#[test]
fn a_delivery_that_was_not_handled_is_handled_when_it_comes_again() {
    let (tried_by, tried) = mpsc::channel();
    let mut attempts = 0;
    let running = Running::with(move |_| {
        attempts += 1;
        tried_by.send(attempts)?;
        if attempts == 1 { Err("the database is away".into()) } else { Ok(()) }
    });
    assert_eq!(running.deliver(r#"{"event_id":"a"}"#), 202);
    assert_eq!(running.deliver(r#"{"event_id":"b"}"#), 202);
    // The second is begun only after the first was given up.
    assert_eq!((tried.recv(), tried.recv()), (Ok(1), Ok(2)));
    assert_eq!(running.deliver(r#"{"event_id":"a"}"#), 202);
    assert_eq!(running.stop(), [r#"{"event_id":"b"}"#, r#"{"event_id":"a"}"#]);
}

#[test]
fn the_response_does_not_wait_for_the_handler_and_a_stop_does() {
    let (let_go, held) = mpsc::channel::<()>();
    let running = Running::with(move |_| Ok(held.recv()?));
    let bodies = ["[1]", "[2]", "[3]"];
    for body in bodies {
        assert_eq!(running.deliver(body), 202);
    }
    assert_eq!(running.deliver("[1]"), 200);
    for _ in bodies {
        let_go.send(()).expect("the worker is there");
    }
    assert_eq!(running.stop(), bodies);
}

#[test]
fn a_request_that_is_too_large_or_no_json_or_no_post_is_rejected() {
    let running = Running::start();
    assert_eq!(running.deliver(&" ".repeat(256 * 1024 + 1)), 413);
    assert_eq!(running.deliver(""), 400);
    assert_eq!(running.deliver("event=mention.created"), 400);
    assert_eq!(request(running.address(), "GET", "", ""), 405);
    assert!(running.stop().is_empty());
}

#[test]
fn a_handler_that_panics_loses_neither_the_server_nor_the_delivery() {
    let (tried_by, tried) = mpsc::channel();
    let mut attempts = 0;
    let running = Running::with(move |_| {
        attempts += 1;
        tried_by.send(attempts)?;
        assert!(attempts > 1, "on purpose");
        Ok(())
    });
    assert_eq!(running.deliver("[1]"), 202);
    assert_eq!(running.deliver("[2]"), 202);
    // The second is begun only after the first was given up.
    assert_eq!((tried.recv(), tried.recv()), (Ok(1), Ok(2)));
    assert_eq!(running.deliver("[1]"), 202);
    assert_eq!(running.stop(), ["[2]", "[1]"]);
}

#[test]
fn a_request_that_claims_an_endless_body_does_not_end_the_server() {
    let running = Running::start();
    for length in [1u64 << 40, 1 << 60, u64::MAX] {
        for method in ["GET", "POST"] {
            let head =
                format!("{method} / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
            let mut stream = connect(running.address()).expect("a connection");
            stream.write_all(head.as_bytes()).expect("a request");
            let mut status = [0; 12];
            stream.read_exact(&mut status).expect("a response");
            assert_eq!(&status, b"HTTP/1.1 413");
        }
    }
    for body in ["[1]", "[2]", "[3]", "[4]", "[5]", "[6]", "[7]", "[8]"] {
        assert_eq!(running.deliver(body), 202);
    }
    assert_eq!(running.stop().len(), 8);
}

#[test]
fn a_mention_that_does_not_decode_is_handled_all_the_same() {
    for body in [
        r#"{"event":"mention.created","mention":{"title":"no id"}}"#,
        r#"{"event":"mention.created","mention":{"id":"m1","relevance_score":"high"}}"#,
        r#"{"event":"alert.paused"}"#,
        "[]",
    ] {
        let signature = sign(SECRET, body.as_bytes());
        let verifier = Verifier::new(SECRET).expect("a secret");
        let delivery = verifier.verify(body.as_bytes(), Some(signature));
        let handled = receiver::print(&delivery.expect("genuine"));
        assert!(handled.is_ok(), "{body}: {handled:?}");
    }
}

/// Sends the sandbox's deliveries to the webhooks of its alerts, and returns the statuses.
fn forward(sandbox: &sandbox::Heylerts) -> Vec<u16> {
    let transport = UreqTransport::default();
    let send = |request| transport.send(request, Duration::from_secs(60));
    let deliveries = sandbox.take_deliveries();
    let requests =
        deliveries.iter().map(|delivery| delivery.to_request(|secret, body| sign(secret, body)));
    requests.map(|request| send(request).expect("a response").status().as_u16()).collect()
}

#[test]
fn the_deliveries_of_the_sandbox_are_handled_in_order() {
    let (seen_by, seen) = mpsc::channel();
    let running = Running::with(move |delivery| {
        let event = delivery.event().map(ToString::to_string);
        let mention = delivery.mention()?;
        Ok(seen_by.send((event, mention.and_then(|mention| mention.title)))?)
    });
    let hook = format!("http://{}/hook", running.address());
    let sandbox = sandbox::Heylerts::new().with(|setup| setup.settings.spike_threshold = 2);
    let alert = sandbox.add_alert(Alert::new("Brand", "brand").webhook(&hook, SECRET));
    for title in ["first", "second"] {
        sandbox.receive(Mention::new(&alert, title));
    }
    assert_eq!(forward(&sandbox), [202, 202, 202]);
    running.stop();

    let handled = |event: &str, title: Option<&str>| (Some(event.into()), title.map(Into::into));
    assert_eq!(
        seen.iter().collect::<Vec<(Option<String>, Option<String>)>>(),
        [
            handled("mention.created", Some("first")),
            handled("mention.created", Some("second")),
            handled("spike.detected", None),
        ]
    );
}

#[test]
fn a_delivery_signed_with_a_rotated_secret_is_handled_if_the_server_knows_it() {
    let running = Running::start();
    let hook = format!("http://{}/hook", running.address());
    let sandbox = sandbox::Heylerts::new();
    let alert = sandbox.add_alert(Alert::new("Brand", "brand").webhook(&hook, "old"));
    for secret in [SECRET, "of nobody"] {
        sandbox.receive(Mention::new(&alert, "a title"));
        sandbox.change(|setup| setup.alerts[0].webhook_secret = secret.to_owned());
    }
    sandbox.receive(Mention::new(&alert, "a title"));
    assert_eq!(forward(&sandbox), [202, 202, 401]);
    assert_eq!(running.stop().len(), 2);
}
