//! The example's server: HTTP over a socket, whole and broken.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use heysync::http::Response;
use heysync::sandbox::{Fault, FaultPoint, Heylerts, Heylo, Services, TestClock};

use crate::support::{PATIENCE, Server, serve};

fn frozen() -> Services {
    let clock = TestClock::new();
    Services { heylo: Heylo::demo().clock(clock.clone()), heylerts: Heylerts::demo().clock(clock) }
}

fn served(services: &Services) -> Server {
    let services = services.clone();
    serve(0, move |request| services.respond(request, PATIENCE)).unwrap()
}

/// Everything that comes back over a socket until it is closed.
fn raw(services: &Services, request: &str) -> String {
    ask(&served(services), request)
}

fn ask(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    // A server that does not hang up fails the test, where it would hang it.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        let waited = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!waited, "the server does not hang up");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

const HELLO: &str = "GET /api/v1/hello HTTP/1.1\r\nhost: localhost\r\nx-api-key: hlt_k\r\nconnection: close\r\n\r\n";

#[test]
fn a_connection_that_is_cut_is_really_cut() {
    let services = frozen();
    for fault in [
        Fault::Unreachable,
        Fault::Cut(FaultPoint::BeforeEffect),
        Fault::Cut(FaultPoint::AfterEffect),
    ] {
        services.heylerts.inject(1, fault);
        assert_eq!(raw(&services, HELLO), "");
    }
    services.heylerts.inject(1, Fault::Truncated);
    let answer = raw(&services, HELLO);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: 124"), "{head}");
    assert_eq!(body.len(), 62);
}

#[test]
fn an_oversized_body_really_is() {
    let services = frozen();
    services.heylerts.inject(1, Fault::Oversized);
    assert!(raw(&services, HELLO).len() > 10 * 1024 * 1024);
}

#[test]
fn what_is_no_http_is_hung_up_on() {
    let services = frozen();
    for request in [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\ncontent-length: many\r\n\r\n",
        "GET / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
    ] {
        assert_eq!(raw(&services, request), "", "{request}");
    }
}

#[test]
fn a_client_that_waits_for_the_end_of_the_connection_gets_it() {
    let server = served(&frozen());
    for head in [
        "GET /api/v1/hello HTTP/1.0\r\nx-api-key: hlt_k\r\n\r\n",
        "GET /api/v1/hello HTTP/1.1\r\nx-api-key: hlt_k\r\nConnection: Close\r\n\r\n",
    ] {
        assert!(ask(&server, head).starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

#[test]
fn what_has_no_body_is_followed_by_the_next_answer() {
    let services = frozen();
    let id = services.heylerts.state().alerts[0].id.clone();
    let with_a_body = |answer: &mut Response<Vec<u8>>| *answer.body_mut() = b"stray".to_vec();
    services.heylerts.inject(1, Fault::Altered(with_a_body));
    let delete = format!("DELETE /api/v1/alerts/{id} HTTP/1.1\r\nx-api-key: hlt_k\r\n\r\n");
    let answers = raw(&services, &(delete + HELLO));
    let (first, second) = answers.split_once("\r\n\r\n").unwrap();
    assert!(first.starts_with("HTTP/1.1 204"), "{first}");
    assert!(second.starts_with("HTTP/1.1 200"), "{second}");
}

#[test]
fn connections_that_are_closed_are_let_go() {
    let server = served(&frozen());
    for _ in 0..20 {
        assert!(ask(&server, HELLO).starts_with("HTTP/1.1 200"));
    }
    // The client may see the end a moment before the server has put the connection away.
    let mut looks = 0..10_000_000;
    while server.open_connections() > 0 && looks.next().is_some() {
        thread::yield_now();
    }
    assert_eq!(server.open_connections(), 0);
}
