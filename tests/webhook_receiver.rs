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
use receiver::Receiver;

#[allow(dead_code, reason = "its main is not run here")]
#[path = "../examples/webhook_receiver.rs"]
mod receiver;

const SECRET: &str = "wh-7f3a";

/// A server, and the bodies of what it handled.
struct Running {
    receiver: Receiver,
    handled: mpsc::Receiver<String>,
}

impl Running {
    fn start() -> Running {
        Running::with(|_| Ok(()))
    }

    /// A server whose handler first does what is given.
    fn with<F>(mut handle: F) -> Running
    where
        F: FnMut(&Delivery) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
            + Send
            + 'static,
    {
        let (handled_by, handled) = mpsc::channel();
        let verifier = Verifier::with_secrets([SECRET, "old"]).expect("secrets");
        let receiver = Receiver::start("127.0.0.1:0", verifier, move |delivery| {
            handle(delivery)?;
            Ok(handled_by.send(delivery.json().to_string())?)
        });
        Running {
            receiver: receiver.expect("a free port"),
            handled,
        }
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

    /// Stops the server; gives the bodies of all that was handled.
    fn stop(self) -> Vec<String> {
        self.receiver.stop();
        self.handled.iter().collect()
    }
}

/// Delivers as Heylerts does, and tells the status of the answer.
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
    let answer = exchange(address, &(head + body)).expect("an answer");
    answer[9..12].parse().expect("a status")
}

fn exchange(address: SocketAddr, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    // A server that never answers fails the test, where it would hang it.
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
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
fn a_repeated_delivery_is_answered_and_not_handled_twice() {
    let running = Running::start();
    let (first, again) = (
        r#"{"event_id":"e1","try":1}"#,
        r#"{"event_id":"e1","try":2}"#,
    );
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
                assert!(
                    statuses
                        .into_iter()
                        .all(|status| matches!(status, 200 | 202))
                );
            });
        }
    });
    let mut handled = running.stop();
    handled.sort();
    assert_eq!(handled, (0..10).map(body).collect::<Vec<String>>());
}

#[test]
fn what_was_not_handled_is_handled_when_it_comes_again() {
    let (tried_by, tried) = mpsc::channel();
    let mut attempts = 0;
    let running = Running::with(move |_| {
        attempts += 1;
        tried_by.send(attempts)?;
        if attempts == 1 {
            Err("the database is away".into())
        } else {
            Ok(())
        }
    });
    assert_eq!(running.deliver(r#"{"event_id":"a"}"#), 202);
    assert_eq!(running.deliver(r#"{"event_id":"b"}"#), 202);
    // The second is begun only after the first was given up.
    assert_eq!((tried.recv(), tried.recv()), (Ok(1), Ok(2)));
    assert_eq!(running.deliver(r#"{"event_id":"a"}"#), 202);
    assert_eq!(
        running.stop(),
        [r#"{"event_id":"b"}"#, r#"{"event_id":"a"}"#]
    );
}

#[test]
fn the_answer_does_not_wait_for_the_handler_and_a_stop_does() {
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
fn what_is_too_large_or_no_json_or_no_post_is_refused() {
    let running = Running::start();
    assert_eq!(running.deliver(&" ".repeat(256 * 1024 + 1)), 413);
    assert_eq!(running.deliver(""), 400);
    assert_eq!(running.deliver("event=mention.created"), 400);
    assert_eq!(request(running.address(), "GET", "", ""), 405);
    assert!(running.stop().is_empty());
}

#[test]
fn what_the_sandbox_delivers_is_accepted_and_is_the_mention_that_arrived() {
    let running = Running::start();
    let sandbox = sandbox::Heylerts::new();
    let hook = format!("http://{}/hook", running.address());
    let alert = sandbox.add_alert(Alert::new("Brand", "brand").webhook(&hook, SECRET));
    for title in ["first", "second"] {
        sandbox.receive(Mention::new(&alert, title));
    }
    let deliveries = sandbox.take_deliveries();
    for delivery in &deliveries {
        let request = delivery.to_request(|secret, body| sign(secret, body));
        let transport = UreqTransport::default();
        let answer = transport
            .send(request, Duration::from_secs(60))
            .expect("an answer");
        assert_eq!(answer.status(), 202);
    }
    let titles = running.stop().into_iter().map(|body| {
        let body = body.into_bytes();
        let signature = sign(SECRET, &body);
        let verifier = Verifier::new(SECRET).expect("a secret");
        let delivery = verifier.verify(&body, Some(signature)).expect("a delivery");
        delivery
            .mention()
            .expect("a mention")
            .expect("a readable one")
            .title
    });
    let titles: Vec<_> = titles.flatten().collect();
    assert_eq!(
        (deliveries.len(), titles),
        (2, vec!["first".to_owned(), "second".to_owned()])
    );
}
