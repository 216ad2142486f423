//! `serve`: HTTP over a socket, complete and broken, half-sent and malformed, and its end.

use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use heysync::heylerts;
use heysync::http::{Request, Response};
use heysync::sandbox::{
    AfterRaw, Fault, FaultPoint, Framing, Heylerts, Heylo, Pace, Server, Services, TestClock,
    WireResponse, serve,
};
use heysync::{Config, ErrorKind as Kind};

use crate::limit::Limit;

fn on_a_test_clock() -> Services {
    let clock = TestClock::new();
    Services { heylo: Heylo::demo().clock(clock.clone()), heylerts: Heylerts::demo().clock(clock) }
}

/// A connection that fails the test instead of hanging it.
fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Everything that arrives until the server closes the connection.
fn read_all(mut stream: &TcpStream) -> String {
    let mut response = Vec::new();
    if let Err(error) = stream.read_to_end(&mut response) {
        let waited = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!waited, "the server does not close the connection");
    }
    String::from_utf8_lossy(&response).into_owned()
}

fn exchange(server: &Server, request: impl AsRef<[u8]>) -> String {
    let mut stream = connect(server);
    stream.write_all(request.as_ref()).unwrap();
    read_all(&stream)
}

/// Waits until `is_true`, a bounded number of times.
fn eventually(is_true: impl Fn() -> bool) -> bool {
    (0..10_000_000).any(|_| {
        thread::yield_now();
        is_true()
    })
}

const HELLO: &str = "GET /api/v1/hello HTTP/1.1\r\nhost: localhost\r\nx-api-key: hlt_k\r\nconnection: close\r\n\r\n";
const KEPT: &str = "GET /api/v1/hello HTTP/1.1\r\nhost: localhost\r\nx-api-key: hlt_k\r\n\r\n";

#[test]
fn a_cut_connection_is_closed_without_a_byte() {
    let _limit = Limit::start();
    let services = on_a_test_clock();
    let server = serve(0, services.clone()).unwrap();
    for fault in [
        Fault::Unreachable,
        Fault::Cut(FaultPoint::BeforeEffect),
        Fault::Cut(FaultPoint::AfterEffect),
    ] {
        services.heylerts.inject(1, fault);
        assert_eq!(exchange(&server, HELLO), "");
    }
}

#[test]
fn a_truncated_body_ends_in_the_middle() {
    let _limit = Limit::start();
    let services = on_a_test_clock();
    services.heylerts.inject(1, Fault::Truncated);
    let response = exchange(&serve(0, services).unwrap(), HELLO);
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: 124"), "{head}");
    assert_eq!(body.len(), 62);
}

#[test]
fn a_stalled_body_sends_nothing_until_the_client_or_the_server_ends_it() {
    let _limit = Limit::start();
    let services = on_a_test_clock();
    services.heylerts.inject(2, Fault::Stalled);
    let server = serve(0, services).unwrap();
    let half = |stream: &mut TcpStream| {
        stream.write_all(HELLO.as_bytes()).unwrap();
        let mut received = Vec::new();
        while received
            .windows(4)
            .position(|it| it == b"\r\n\r\n")
            .is_none_or(|end| received.len() < end + 66)
        {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            received.extend(byte);
        }
    };
    let mut client = connect(&server);
    half(&mut client);
    drop(client);
    assert!(eventually(|| server.open_connections() == 0));
    let mut client = connect(&server);
    half(&mut client);
    server.stop();
    assert_eq!(read_all(&client), "");
}

#[test]
fn a_slow_body_arrives_complete() {
    let _limit = Limit::start();
    let services = on_a_test_clock();
    services.heylerts.inject(1, Fault::SlowBody(Duration::from_secs(60)));
    let response = exchange(&serve(0, services).unwrap(), HELLO);
    assert_eq!(response.split_once("\r\n\r\n").unwrap().1.len(), 124);
}

#[test]
fn an_oversized_body_is_sent_in_full() {
    let _limit = Limit::start();
    let services = on_a_test_clock();
    services.heylerts.inject(1, Fault::Oversized);
    assert!(exchange(&serve(0, services).unwrap(), HELLO).len() > 10 * 1024 * 1024);
}

#[test]
fn wrong_framing_is_wrong_on_the_wire() {
    let _limit = Limit::start();
    for (framing, expected) in [
        (Framing::ShortLength, "content-length: 62\r\n\r\n{"),
        (Framing::InvalidLength, "content-length: many\r\n\r\n{"),
        (Framing::InvalidChunk, "transfer-encoding: chunked\r\n\r\n3e\r\n{"),
        (Framing::MissingLastChunk, "transfer-encoding: chunked\r\n\r\n3e\r\n{"),
        (Framing::NotHttp, "this is not HTTP"),
    ] {
        let services = on_a_test_clock();
        services.heylerts.inject(1, Fault::WrongFraming(framing));
        let server = serve(0, services).unwrap();
        let response = exchange(&server, [KEPT, HELLO].concat());
        assert!(response.contains(expected), "{framing:?} {response}");
        let count = response.matches("HTTP/1.1 200").count();
        let expected = match framing {
            Framing::ShortLength => 2,
            Framing::NotHttp => 0,
            _ => 1,
        };
        assert_eq!(count, expected, "{framing:?} {response}");
    }
}

#[test]
fn a_malformed_request_gets_a_status_and_the_connection_is_closed() {
    let _limit = Limit::start();
    let server = serve(0, on_a_test_clock()).unwrap();
    let large = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(200_000));
    let body = "x".repeat(300_000);
    for (status, request) in [
        ("400", "nonsense\r\n\r\n".to_owned()),
        ("400", "GET / HTTP/1.1\r\ncontent-length: many\r\n\r\n".to_owned()),
        ("413", format!("POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n{body}")),
        ("431", large),
        ("501", "POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n".to_owned()),
        ("505", "GET / HTTP/3.0\r\n\r\n".to_owned()),
    ] {
        let response = exchange(&server, request);
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{status} {response}");
        assert!(response.contains("connection: close"));
    }
    let too_large = 20 * 1024 * 1024;
    let head = format!("POST / HTTP/1.1\r\ncontent-length: {too_large}\r\n\r\n");
    let response = exchange(&server, [head.into_bytes(), vec![b'x'; too_large]].concat());
    assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
    let handshake = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    assert!(exchange(&server, handshake).starts_with("HTTP/1.1 400 Bad Request\r\n"));
    assert!(server.requests().is_empty());
}

#[test]
fn a_half_sent_request_changes_nothing_and_ends_with_its_connection() {
    let _limit = Limit::start();
    let services = on_a_test_clock();
    let server = serve(0, services.clone()).unwrap();
    let body = r#"{"type": "member", "communityId": "book-circle", "userId": "user-1"}"#;
    let request = format!(
        "POST /apiv1-remove HTTP/1.1\r\nauthorization: Bearer k\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    for length in [1, 20, request.len() - body.len(), request.len() - 1] {
        let mut stream = connect(&server);
        stream.write_all(&request.as_bytes()[..length]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(&stream), "", "{length}");
    }
    assert_eq!(services.heylo.member_ids("book-circle").len(), 3);
    assert!(services.heylo.requests().is_empty());
}

#[test]
fn a_client_that_waits_for_the_end_of_the_connection_gets_it() {
    let _limit = Limit::start();
    let server = serve(0, on_a_test_clock()).unwrap();
    for head in [
        "GET /api/v1/hello HTTP/1.0\r\nx-api-key: hlt_k\r\n\r\n",
        "GET /api/v1/hello HTTP/1.1\r\nx-api-key: hlt_k\r\nConnection: Close\r\n\r\n",
    ] {
        assert!(exchange(&server, head).starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

#[test]
fn pipelined_requests_get_their_responses_in_order() {
    let _limit = Limit::start();
    let services = on_a_test_clock();
    let id = services.heylerts.state().alerts[0].id.clone();
    let with_body = |response: &mut Response<Vec<u8>>| *response.body_mut() = b"stray".to_vec();
    services.heylerts.inject_if(1, Fault::altered(with_body), |it| it.method == "DELETE");
    let server = serve(0, services).unwrap();
    let delete = format!("DELETE /api/v1/alerts/{id} HTTP/1.1\r\nx-api-key: hlt_k\r\n\r\n");
    let responses = exchange(&server, [KEPT, &delete, KEPT, HELLO].concat());
    let statuses: Vec<&str> =
        responses.split("HTTP/1.1 ").skip(1).map(|response| &response[..3]).collect();
    assert_eq!(statuses, ["200", "204", "200", "200"]);
    assert!(!responses.contains("stray"));
    assert_eq!((server.requests().len(), server.accepted_connections()), (4, 1));
}

#[test]
fn a_head_request_gets_the_length_and_no_body() {
    let _limit = Limit::start();
    let server = serve(0, |_| WireResponse::Complete(Response::new(b"body".to_vec()))).unwrap();
    let response = exchange(&server, "HEAD / HTTP/1.0\r\n\r\n");
    assert!(response.ends_with("content-length: 4\r\nconnection: close\r\n\r\n"), "{response}");
}

type Breakage = fn(Response<Vec<u8>>) -> WireResponse;

#[test]
fn no_fault_sends_a_body_where_there_must_be_none() {
    let _limit = Limit::start();
    let broken: [Breakage; 5] = [
        WireResponse::Complete,
        |response| WireResponse::Truncated(response, 4),
        |response| WireResponse::Slow(response, Pace::over(Duration::ZERO)),
        |response| WireResponse::Misframed(response, Framing::ShortLength),
        |response| WireResponse::Misframed(response, Framing::InvalidChunk),
    ];
    for break_up in broken {
        let server = serve(0, move |_| break_up(Response::new(b"body".to_vec()))).unwrap();
        let response = exchange(&server, "HEAD / HTTP/1.1\r\nconnection: close\r\n\r\n");
        assert!(response.ends_with("\r\n\r\n"), "{response}");
    }
    let pace = Pace::over(Duration::ZERO);
    let without_body = move |_: Request<Vec<u8>>| {
        let response = Response::builder().status(204).body(b"stray".to_vec()).unwrap();
        WireResponse::Slow(response, pace.clone())
    };
    let response = exchange(&serve(0, without_body).unwrap(), [KEPT, HELLO].concat());
    assert!(response.matches("HTTP/1.1 204").count() == 2 && !response.contains("stray"));
}

#[test]
fn a_slow_body_takes_its_time_whatever_its_length() {
    let _limit = Limit::start();
    for length in [1, 3, 10, 11, 1000] {
        let clock = TestClock::new();
        let service = Heylerts::demo().clock(clock.clone());
        service.inject(1, Fault::SlowBody(Duration::from_secs(20)));
        let server = serve(0, move |request| match service.respond(request, Duration::MAX) {
            WireResponse::Slow(_, pace) => {
                WireResponse::Slow(Response::new(vec![b'x'; length]), pace)
            }
            other => other,
        });
        let response = exchange(&server.unwrap(), HELLO);
        assert!(response.ends_with(&"x".repeat(length)));
        let off = clock.elapsed().abs_diff(Duration::from_secs(20));
        assert!(off < Duration::from_micros(1), "{length}: {:?}", clock.elapsed());
    }
}

#[test]
fn a_handler_that_asks_for_the_end_of_the_connection_gets_it() {
    let _limit = Limit::start();
    let closing = |_| {
        let response = Response::builder().header("Connection", "Close").body(b"body".to_vec());
        WireResponse::Complete(response.unwrap())
    };
    let server = serve(0, closing).unwrap();
    let response = exchange(&server, [KEPT, KEPT].concat());
    assert!(response.ends_with("\r\n\r\nbody"), "{response}");
    assert_eq!(response.to_lowercase().matches("connection: close").count(), 1, "{response}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_client_that_expects_100_continue_gets_it_before_the_body_is_sent() {
    let _limit = Limit::start();
    let echo =
        |request: Request<Vec<u8>>| WireResponse::Complete(Response::new(request.into_body()));
    let server = serve(0, echo).unwrap();
    let mut stream = connect(&server);
    let head =
        "POST / HTTP/1.1\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 4\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"body").unwrap();
    assert!(read_all(&stream).ends_with("\r\n\r\nbody"));
}

#[test]
fn a_handler_can_send_any_bytes() {
    let _limit = Limit::start();
    let raw =
        |then| serve(0, move |_| WireResponse::Raw(b"HTTP/1.1 200 OK\r\n".to_vec(), then)).unwrap();
    let twice = exchange(&raw(AfterRaw::KeepOpen), [KEPT, "end\r\n\r\n"].concat());
    assert!(twice.starts_with("HTTP/1.1 200 OK\r\nHTTP/1.1 400"), "{twice}");
    assert_eq!(exchange(&raw(AfterRaw::Close), KEPT), "HTTP/1.1 200 OK\r\n");
    let flooding = raw(AfterRaw::Flood);
    let mut stream = connect(&flooding);
    stream.write_all(KEPT.as_bytes()).unwrap();
    stream.read_exact(&mut vec![0; 1024 * 1024]).unwrap();
    let stalled = raw(AfterRaw::Stall);
    let mut stream = connect(&stalled);
    stream.write_all(KEPT.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&stream), "HTTP/1.1 200 OK\r\n");
}

#[test]
fn the_log_has_every_request_with_its_status_and_without_keys() {
    let _limit = Limit::start();
    let services = on_a_test_clock();
    services.heylerts.inject(1, Fault::Cut(FaultPoint::AfterEffect));
    let server = serve(0, services).unwrap();
    (0..3).for_each(|_| drop(exchange(&server, HELLO)));
    let log = server.requests();
    let lines: Vec<String> = log.iter().map(ToString::to_string).collect();
    let hello = "GET /api/v1/hello: 200 OK";
    assert_eq!(lines, ["GET /api/v1/hello: no response", hello, hello]);
    assert!(log.windows(2).all(|pair| pair[0].at <= pair[1].at));
    assert!(!format!("{log:?}").contains("hlt_k"));
    assert_eq!(server.keep_requests(1).requests().len(), 1);
}

#[test]
fn closed_connections_are_released() {
    let _limit = Limit::start();
    let server = serve(0, on_a_test_clock()).unwrap();
    for _ in 0..20 {
        assert!(exchange(&server, HELLO).starts_with("HTTP/1.1 200"));
    }
    assert!(eventually(|| server.open_connections() == 0));
    assert_eq!(server.accepted_connections(), 20);
}

#[test]
fn hundreds_of_connections_are_served_at_once() {
    let _limit = Limit::start();
    let server = serve(0, on_a_test_clock()).unwrap();
    let mut streams: Vec<TcpStream> = (0..300).map(|_| connect(&server)).collect();
    for stream in streams.iter_mut().rev() {
        stream.write_all(HELLO.as_bytes()).unwrap();
    }
    let responses: HashSet<String> =
        streams.iter().map(|stream| read_all(stream)[..12].to_owned()).collect();
    // One key is limited to a hundred requests a minute.
    assert_eq!(responses, HashSet::from(["HTTP/1.1 200".to_owned(), "HTTP/1.1 429".to_owned()]));
    assert_eq!(server.requests().len(), 300);
}

#[test]
fn stopping_closes_the_port_and_every_connection_also_in_the_middle_of_a_wait() {
    let _limit = Limit::start();
    let heylerts = Heylerts::demo();
    heylerts.inject(1, Fault::ResponseDelayed(Duration::from_secs(200)));
    heylerts.inject(1, Fault::SlowBody(Duration::from_secs(200)));
    let server = serve(0, heylerts.clone()).unwrap();
    let waiting = [HELLO, HELLO, "", "GET /half"].map(|bytes| {
        let mut stream = connect(&server);
        stream.write_all(bytes.as_bytes()).unwrap();
        stream
    });
    assert!(eventually(|| heylerts.requests().len() == 2 && server.open_connections() == 4));
    let address = server.address();
    server.stop();
    waiting.iter().for_each(|stream| drop(read_all(stream)));
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn no_thread_is_left_after_stopping() {
    let _limit = Limit::start();
    let token = Arc::new(());
    let held = Arc::clone(&token);
    let server = serve(0, move |_| {
        let _held = &held;
        WireResponse::Stalled(Response::new(b"body".to_vec()), 2)
    });
    let server = server.unwrap();
    let streams: Vec<TcpStream> = (0..20).map(|_| connect(&server)).collect();
    streams.iter().for_each(|mut stream| stream.write_all(KEPT.as_bytes()).unwrap());
    assert!(eventually(|| server.requests().len() == 20));
    server.stop();
    // Each thread holds the handler, and the handler holds the token.
    assert_eq!(Arc::strong_count(&token), 1);
}

#[test]
fn a_stop_handle_ends_the_wait_of_another_thread() {
    let _limit = Limit::start();
    let server = serve(0, on_a_test_clock()).unwrap();
    let (handle, address) = (server.stop_handle(), server.address());
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || {
        server.wait();
        sender.send(()).unwrap();
    });
    handle.stop();
    ended.recv_timeout(Duration::from_secs(30)).expect("the server ends");
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_handler_that_panics_costs_its_connection_and_nothing_else() {
    let _limit = Limit::start();
    let server = serve(0, |request: Request<Vec<u8>>| match request.uri().path() {
        "/panic" => panic!("a mistake in a handler"),
        _ => WireResponse::Slow(Response::new(Vec::new()), Pace::over(Duration::ZERO)),
    });
    let server = server.unwrap();
    assert_eq!(exchange(&server, "GET /panic HTTP/1.0\r\n\r\n"), "");
    assert!(exchange(&server, "GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200"));
    assert!(eventually(|| server.open_connections() == 0));
    server.stop();
}

#[test]
fn a_port_in_use_is_an_error() {
    let _limit = Limit::start();
    let server = serve(0, on_a_test_clock()).unwrap();
    let error = serve(server.address().port(), on_a_test_clock()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[test]
fn a_stalled_body_exceeds_the_timeout_of_a_client() {
    let _limit = Limit::start();
    let heylerts = Heylerts::demo();
    heylerts.inject(1, Fault::Stalled);
    let server = serve(0, heylerts.clone()).unwrap();
    let config = Config::new().attempt_timeout(Duration::from_millis(50)).retries(0);
    let over_a_socket = config.clone().base_url(server.url());
    let client = heylerts::Client::with_config("hlt_stalled", over_a_socket).unwrap();
    let over_a_socket = client.hello().unwrap_err().kind();
    let clock = TestClock::new();
    let heylerts = heylerts.clock(clock.clone());
    heylerts.inject(1, Fault::Stalled);
    let in_memory = config.transport(heylerts).clock(clock.clone());
    let client = heylerts::Client::with_config("hlt_stalled", in_memory).unwrap();
    assert_eq!(
        (client.hello().unwrap_err().kind(), over_a_socket),
        (Kind::Unreadable, Kind::Unreadable)
    );
    assert_eq!(clock.elapsed(), Duration::from_millis(50));
}
