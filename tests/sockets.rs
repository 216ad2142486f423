//! The default transport on plain sockets: what a server can do to a connection, and the outcome
//! of the call.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::error::Error as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use heysync::heylerts::NewAlert;
use heysync::limiter::{Rate, Snapshot};
use heysync::sandbox::TestClock;
use heysync::{
    Activity, Applied, Call, Config, ErrorKind, Safety, Transport, TransportError,
    TransportOptions, UreqTransport, heylo,
};
use serde_json::Value;

#[path = "support/sockets.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod sockets;

use sockets::{
    Clients, GOOD, HEYLERTS_KEY, Limit, OPERATIONS, SAMPLES, Sample, Server, Step, head, quick,
    response_bytes,
};

/// Real time, since it is the transport's own timeout that is tested.
const SHORT: Duration = Duration::from_secs(1);

fn good() -> Step {
    Step::response(200, GOOD)
}

fn chunked(body: &str) -> Vec<u8> {
    let mut response = head(200, &["transfer-encoding: chunked"]);
    response.extend(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes());
    response
}

/// An address where nobody listens.
fn closed_port() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_request_that_never_connected_was_never_sent_and_is_retried() {
    let mut addresses = vec![closed_port()];
    if cfg!(any(feature = "rustls", feature = "native-tls")) {
        addresses.push(closed_port().replace("http:", "https:"));
        // A label may have 63 characters, so this name is refused without asking anybody.
        addresses.push(format!("https://{}.invalid", "x".repeat(64)));
        // Addresses to which there is no way for TCP; nothing leaves the machine.
        addresses.extend(["https://255.255.255.255:9", "https://224.0.0.1:9"].map(str::to_owned));
        addresses.push("https://[ff02::1]:9".to_owned());
    }
    for address in addresses {
        let config = Config::new().base_url(&address).proxy_from_env(false);
        let clients = Clients::with(config.clock(TestClock::new()).retries(1));
        for call in SAMPLES {
            let error = (call.make)(&clients).unwrap_err();
            let context = format!("{} at {address}: {error:?}", call.name);
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotSent, 2), "{context}");
            assert!(error.source().is_some(), "{context}");
        }
    }
}

/// Set in a child of this test, which has few file descriptors, to the address that it calls.
#[cfg(unix)]
const CHILD: &str = "HEYSYNC_TEST_CHILD_CALLS";

#[cfg(unix)]
#[test]
fn a_process_without_file_descriptors_sent_nothing() {
    if let Ok(address) = std::env::var(CHILD) {
        let mut files = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            files.push(file);
        }
        // By its address there is no socket; by its name, no look-up (EAI_SYSTEM).
        let named = address.replace("127.0.0.1", "localhost");
        let kinds = [address, named].map(|address| {
            let config = Config::new().base_url(address).clock(TestClock::new()).retries(1);
            let clients = Clients::with(config);
            SAMPLES.map(|call| (call.make)(&clients).unwrap_err().kind())
        });
        let mut kinds = kinds.as_flattened().iter();
        println!("\nall of them: {}", kinds.all(|kind| *kind == ErrorKind::NotSent));
        return;
    }
    let server = Server::start([good()]);
    let limited = "ulimit -n 64 && exec \"$0\" --exact a_process_without_file_descriptors_sent_nothing \
                   --nocapture";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", limited]).arg(std::env::current_exe().unwrap());
    let output = command.env(CHILD, server.url()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains("\nall of them: true"), "{printed}");
    assert!(server.received().is_empty());
}

/// Set in a child of this test, which has a network of its own.
#[cfg(all(target_os = "linux", any(feature = "rustls", feature = "native-tls")))]
const ISOLATED: &str = "HEYSYNC_TEST_CHILD_IS_ISOLATED";

#[cfg(all(target_os = "linux", any(feature = "rustls", feature = "native-tls")))]
#[test]
fn a_network_without_a_way_to_the_service_or_its_proxy_gets_no_request() {
    // No route to the host, a route that is forbidden, and none at all.
    let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
    let errors = ["No route to host", "Permission denied", "Network is unreachable"];
    if std::env::var_os(ISOLATED).is_some() {
        for (address, expected) in addresses.into_iter().zip(errors) {
            let config = Config::new().clock(TestClock::new()).retries(1).proxy_from_env(false);
            let direct = config.clone().base_url(format!("https://{address}:9"));
            let through =
                config.base_url("https://198.51.100.1").proxy(format!("http://{address}:9"));
            for clients in [direct, through].map(Clients::with) {
                for call in SAMPLES {
                    let error = (call.make)(&clients).unwrap_err();
                    let context = format!("{}: {error:?}", call.name);
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    assert!(cause.is_some_and(|cause| cause.contains(expected)), "{context}");
                    assert_eq!(
                        (error.kind(), error.attempts()),
                        (ErrorKind::NotSent, 2),
                        "{context}"
                    );
                }
            }
        }
        println!("\nall of them were never sent");
        return;
    }
    let isolated = "ip link set lo up && ip route add unreachable 192.0.2.1 && \
                    ip route add prohibit 192.0.2.2 && echo isolated && exec \"$0\" --exact \
                    a_network_without_a_way_to_the_service_or_its_proxy_gets_no_request --nocapture";
    let mut command = std::process::Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", isolated]);
    let output = command.arg(std::env::current_exe().unwrap()).env(ISOLATED, "1").output();
    let printed = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    match printed.unwrap_or_default() {
        printed if !printed.contains("isolated\n") => {
            println!("left out: this machine allows no network of its own for a test");
        }
        printed => assert!(printed.contains("\nall of them were never sent"), "{printed}"),
    }
}

#[test]
fn what_never_connected_costs_no_token() {
    let clock = TestClock::new();
    let day = Duration::from_secs(24 * 60 * 60);
    let config = Config::new().base_url(closed_port()).clock(clock.clone());
    let clients = Clients::with(config.rate(Rate::new(1, day)));
    let error = clients.heylerts.stats().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotSent, 5));
    assert!(clock.elapsed() < day);
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn a_server_without_tls_gets_no_request() {
    for call in SAMPLES {
        let server = Server::start([Step::Close(response_bytes(400, &[], "plain HTTP here"))]);
        let address = server.url().replace("http:", "https:");
        let clients = Clients::with(quick(&server).base_url(address).retries(1));
        let error = (call.make)(&clients).unwrap_err();
        let context = format!("{}: {error:?}", call.name);
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::NotSent, 2), "{context}");
        assert_eq!(server.accepted(), 2, "{context}");
        assert!(server.received().iter().all(|hello| !hello.contains("HTTP")), "{context}");
    }
}

/// Ways to treat a connection instead of responding, with a name for each.
fn no_responses() -> Vec<(&'static str, Step)> {
    let close = |bytes: &[u8]| Step::Close(bytes.to_vec());
    vec![
        ("closed before a response", Step::CUT),
        ("closed in the status line", close(b"HTTP/1.1 20")),
        ("closed in the head", close(b"HTTP/1.1 200 OK\r\ncontent-le")),
        ("another protocol", close(b"SSH-2.0-OpenSSH_9.6\r\n")),
        ("nonsense", close(&[0, 1, 2, 255, b'\r', b'\n', b'\r', b'\n'])),
        ("a line that is no header", close(b"HTTP/1.1 200 OK\r\nno header\r\n\r\n")),
        ("silence", Step::Stall(Vec::new())),
        ("silence in the head", Step::Stall(b"HTTP/1.1 200 OK\r\n".to_vec())),
    ]
}

/// Successes whose body is incomplete.
fn half_responses() -> Vec<(&'static str, Step)> {
    let promised = [head(200, &["content-length: 100"]), b"{\"total\"".to_vec()].concat();
    let chunk = [head(200, &["transfer-encoding: chunked"]), b"64\r\n{\"total\"".to_vec()].concat();
    let no_end = [head(200, &["transfer-encoding: chunked"]), b"1\r\n{\r\n".to_vec()].concat();
    vec![
        ("a length that does not come", Step::Close(promised.clone())),
        ("a chunk that does not come", Step::Close(chunk)),
        ("no last chunk", Step::Close(no_end)),
        ("silence in the body", Step::Stall(promised)),
    ]
}

/// Clients that wait a short time for the first response, and for the others as long as ever.
fn impatient_clients(server: &Server) -> Clients {
    let ureq = UreqTransport::default();
    let (is_patient, wait_for_the_first) = (AtomicBool::new(false), server.waits_for(1));
    let transport = move |request: http::Request<Vec<u8>>, timeout: Duration| {
        if is_patient.load(Ordering::Relaxed) {
            return ureq.send(request, timeout);
        }
        let outcome = ureq.send(request, SHORT);
        if outcome.as_ref().map_or_else(TransportError::may_have_been_sent, |_| true) {
            // A busy server may read it later than the next one, and take that for the first.
            wait_for_the_first();
            is_patient.store(true, Ordering::Relaxed);
        }
        outcome
    };
    Clients::with(quick(server).transport(transport))
}

/// Makes every call to a server that plays `act` and then a good response, all at the same time.
fn each_after(
    acts: &[(&str, Step)],
    check: impl Fn(&Sample, &Server, heysync::Result<()>, &str) + Sync,
) {
    thread::scope(|scope| {
        for (what, act) in acts {
            for call in &SAMPLES {
                let check = &check;
                scope.spawn(move || {
                    let server = Server::start([act.clone(), good()]);
                    let outcome = (call.make)(&impatient_clients(&server));
                    let context = format!("{}, {what}: {outcome:?}", call.name);
                    check(call, &server, outcome, &context);
                });
            }
        }
    });
}

#[test]
fn a_call_that_lost_its_response_is_retried_unless_it_is_unsafe() {
    each_after(&no_responses(), |call, server, outcome, context| {
        call.assert_retried_if_safe(outcome, server.received().len(), context);
    });
}

#[test]
fn a_call_that_lost_half_its_response_is_retried_if_it_only_reads() {
    each_after(&half_responses(), |call, server, outcome, context| {
        if call.safety == Safety::Read {
            assert!(outcome.is_ok(), "{context}");
            assert_eq!(server.received().len(), 2, "{context}");
        } else {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AppliedUnreadable, "{context}");
            assert_eq!(error.status().map(|status| status.as_u16()), Some(200), "{context}");
            assert_eq!(server.received().len(), 1, "{context}");
        }
    });
}

#[test]
fn what_came_of_a_success_that_broke_off_is_kept_without_the_key() {
    let body = format!(r#"{{"id": "a-7", "key": "{HEYLERTS_KEY}", "name""#);
    let bytes = [head(201, &["content-length: 500"]), body.into_bytes()].concat();
    let server = Server::start([Step::Close(bytes)]);
    let shown = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&shown);
    let config = quick(&server).observer(move |activity: &Activity<'_>| {
        kept.lock().unwrap().push_str(&format!("{activity:?}"));
    });
    let alert = NewAlert::new("Runs", "run");
    let error = Clients::with(config).heylerts.create_alert(&alert).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AppliedUnreadable);
    let body = String::from_utf8_lossy(error.body());
    assert!(body.starts_with(r#"{"id": "a-7""#) && body.ends_with("name\""), "{body}");
    shown.lock().unwrap().push_str(&format!("{error:?} {body}"));
    assert!(!shown.lock().unwrap().contains(HEYLERTS_KEY));
}

#[test]
fn a_success_that_broke_off_in_a_page_or_a_report_of_failure_leaves_a_change_open() {
    for (header, body) in [
        ("content-length: 100", r#"{"error": "no such group", "#),
        ("content-length: 100", r#"{"ok": false, "message": "no such group"}"#),
        ("transfer-encoding: chunked", "1c\r\n{\"error\": \"no such group\"}  \r\n"),
        ("content-encoding: gzip", r#"{"error": "no such group"}"#),
        ("content-length: 500", r#"{"userId": "u1", "error": "no such group"#),
        ("content-length: 500", r#"{"data": {"error": "no such group"#),
        ("content-length: 500", r#"{"invited": false, "reason": "no such group"#),
        ("content-length: 500", r#"{"message": "not found: no such group"#),
        ("content-length: 500", "<html><title>no such group</title>"),
        ("content-encoding: br", "<html><title>no such group</title>"),
    ] {
        let bytes = [head(200, &[header]), body.as_bytes().to_vec()].concat();
        for call in OPERATIONS.iter().filter(|call| call.safety != Safety::Read) {
            let server = Server::start([Step::Close(bytes.clone())]);
            let error = (call.make)(&Clients::of(&server)).unwrap_err();
            let context = format!("{} {header} {body}: {error}", call.name);
            assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{context}");
            assert_eq!(error.applied(), Applied::Unknown, "{context}");
            assert!(error.message().contains("no such group"), "{context}");
            assert_eq!(server.received().len(), 1, "{context}");
        }
    }
}

#[test]
fn an_error_status_whose_body_broke_off_is_still_that_status_with_the_words_that_came() {
    let words = r#"{"error": "no such alert"}"#;
    for (header, body) in [
        ("content-length: 100", words.to_owned()),
        ("transfer-encoding: chunked", format!("{:x}\r\n{words}\r\n", words.len())),
        ("content-encoding: gzip", words.to_owned()),
        ("content-encoding: br", words.to_owned()),
    ] {
        let bytes = [head(404, &[header]), body.into_bytes()].concat();
        let server = Server::start([Step::Close(bytes)]);
        let error = Clients::of(&server).heylerts.stats().unwrap_err();
        assert_eq!((error.kind(), server.received().len()), (ErrorKind::NotFound, 1), "{header}");
        assert_eq!(error.body(), words.as_bytes(), "{header}");
        assert!(error.message().contains("no such alert"), "{error}");
    }
}

#[test]
fn a_post_without_a_body_that_lost_its_response_is_sent_once_too() {
    let server = Server::start([Step::CUT, good()]);
    let clients = Clients::of(&server);
    let outcome = clients.heylerts.send::<Value>(&Call::post(["alerts", "refresh"]));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(server.received().len(), 1);
}

/// A way to send a body.
type Way = fn(&str) -> Step;

#[test]
fn a_body_is_read_up_to_the_limit_and_not_a_byte_beyond() {
    let ways: [(&str, Way); 3] = [
        ("with a length", |body| Step::response(200, body)),
        ("in chunks", |body| Step::Send(chunked(body))),
        ("until the connection closes", |body| {
            let head = head(200, &["connection: close"]);
            Step::Close([head, body.into()].concat())
        }),
    ];
    for (way, say) in ways {
        for (size, fits) in [(200, true), (201, false), (60_000, false)] {
            let server = Server::start([say(&format!("{GOOD:size$}"))]);
            let clients = Clients::with(quick(&server).max_body(200));
            let read = clients.heylerts.stats();
            let context = format!("{size} bytes {way}: {read:?}");
            assert_eq!((read.is_ok(), server.received().len()), (fits, 1), "{context}");
            let Err(error) = read else { continue };
            assert_eq!(error.kind(), ErrorKind::Unreadable, "{context}");
            assert!(error.message().contains("too large"), "{context}");
        }
    }
}

#[test]
fn a_body_without_end_is_not_read_to_the_end() {
    for headers in [&[][..], &["content-length: 99999999999"]] {
        let server = Server::start([Step::Flood(head(200, headers))]);
        let error = Clients::of(&server).heylerts.stats().unwrap_err();
        assert_eq!((error.kind(), server.received().len()), (ErrorKind::Unreadable, 1));
    }
}

#[test]
fn a_change_whose_response_is_too_large_was_made_and_is_not_made_again() {
    for call in SAMPLES.iter().filter(|call| call.safety != Safety::Read) {
        let server = Server::start([Step::response(200, [b' '; 201])]);
        let clients = Clients::with(quick(&server).max_body(200));
        let error = (call.make)(&clients).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AppliedUnreadable, "{}", call.name);
        assert_eq!(server.received().len(), 1, "{}", call.name);
    }
}

#[test]
fn an_error_status_with_an_oversized_page_is_still_that_status() {
    let server = Server::start([Step::response(503, [b'x'; 201]), good()]);
    let clients = Clients::with(quick(&server).max_body(200));
    assert_eq!(clients.heylerts.stats().unwrap().total, 3);
    assert_eq!(server.received().len(), 2);
    let words = format!("the community is gone {}", "x".repeat(200_000));
    let server = Server::start([Step::response(403, words)]);
    let clients = Clients::with(quick(&server).max_body(200).retries(0));
    let error = clients.heylerts.stats().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(
        error.message().contains("the community is gone") && error.body().len() <= 200,
        "{error}"
    );
}

#[cfg(feature = "gzip")]
mod gzip {
    use std::io::Write;

    use super::*;

    fn gzipped(body: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::best();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn sent(body: &[u8]) -> Step {
        Step::Send(response_bytes(200, &["content-encoding: gzip"], body))
    }

    #[test]
    fn a_response_may_be_compressed() {
        let server = Server::start([sent(&gzipped(GOOD.as_bytes()))]);
        assert_eq!(Clients::of(&server).heylerts.stats().unwrap().total, 3);
        assert!(server.received()[0].to_lowercase().contains("accept-encoding: gzip"));
    }

    #[test]
    fn the_limit_counts_what_a_compressed_body_becomes() {
        let bomb = gzipped(&vec![b' '; 1024 * 1024]);
        assert!(bomb.len() < 2 * 1024);
        let server = Server::start([sent(&bomb)]);
        for (limit, fits) in [(100 * 1024, false), (1024 * 1024, true)] {
            let clients = Clients::with(quick(&server).retries(0).max_body(limit));
            let error = clients.heylerts.stats().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unreadable);
            assert_eq!(!error.message().contains("too large"), fits, "{error}");
        }
        assert_eq!(server.received().len(), 2);
    }

    #[test]
    fn gzip_is_understood_under_its_other_names_and_with_padding() {
        let padded = [gzipped(GOOD.as_bytes()), vec![0; 512]].concat();
        for line in [
            "content-encoding: GZIP",
            "Content-Encoding: x-gzip",
            "content-encoding: gzip, identity",
            "content-encoding: gzip;q=1",
            "content-encoding: \"gzip\"",
        ] {
            let server = Server::start([Step::Send(response_bytes(200, &[line], &padded))]);
            let clients = Clients::with(quick(&server).retries(0));
            for call in SAMPLES {
                let outcome = (call.make)(&clients);
                assert!(outcome.is_ok(), "{}, {line}: {outcome:?}", call.name);
            }
            // Padding that is read to its end does not cost the connection.
            assert_eq!(server.accepted(), 2, "{line}");
        }
    }

    #[test]
    fn an_empty_success_that_claims_to_be_compressed_is_a_success() {
        let gzip = ["content-encoding: gzip"];
        for act in [Step::Send(head(204, &gzip)), Step::Send(response_bytes(200, &gzip, ""))] {
            let server = Server::start([act.clone()]);
            let clients = Clients::with(quick(&server).retries(0));
            for call in SAMPLES.iter().filter(|call| call.takes_any_body) {
                let outcome = (call.make)(&clients);
                assert!(outcome.is_ok(), "{}, {act:?}: {outcome:?}", call.name);
            }
        }
    }

    #[test]
    fn a_body_that_is_cut_although_its_length_arrived_names_its_coding() {
        let whole = gzipped(GOOD.as_bytes());
        for body in [&whole[..whole.len() - 1], &whole[..whole.len() - 8], &whole[..12]] {
            let server = Server::start([sent(body)]);
            let clients = Clients::with(quick(&server).retries(0));
            for call in SAMPLES {
                let error = (call.make)(&clients).unwrap_err();
                let cause = error.source().map(ToString::to_string).unwrap_or_default();
                assert!(cause.contains("the gzip body is damaged or incomplete"), "{error:?}");
            }
        }
    }

    #[test]
    fn the_error_of_a_damaged_body_names_gzip_and_the_host() {
        let server = Server::start([sent(b"no gzip at all")]);
        let clients = Clients::with(quick(&server).retries(0));
        let error = clients.heylerts.stats().unwrap_err();
        assert!(error.message().contains(&format!("127.0.0.1:{}", server.port())), "{error}");
        assert!(error.source().unwrap().to_string().contains("gzip"), "{error:?}");
    }

    #[test]
    fn a_read_whose_compressed_response_is_damaged_is_retried() {
        let whole = gzipped(GOOD.as_bytes());
        for damaged in [&whole[..whole.len() / 2], b"no gzip at all"] {
            let server = Server::start([sent(damaged), sent(&whole)]);
            assert_eq!(Clients::of(&server).heylerts.stats().unwrap().total, 3);
        }
    }
}

/// Makes a call whose last response has a body that never ends, and waits until its head has arrived.
fn with_a_body_that_dawdles(before: Option<Step>) -> Snapshot {
    let requests = 1 + usize::from(before.is_some());
    let dawdling = Step::Stall(head(200, &["content-length: 100"]));
    let server = Server::start(before.into_iter().chain([dawdling]));
    let config = quick(&server).attempt_timeout(SHORT).retries(1);
    let client = heylo::Client::with_config("abc", config).unwrap();
    thread::scope(|scope| {
        let call = scope.spawn(|| client.community("abc").roles().unwrap_err());
        server.waits_for(requests)();
        loop {
            let snapshot = client.bucket().snapshot();
            // The call goes on until its timeout, with the token on its way back.
            if snapshot.in_flight == 0 && snapshot.paused.is_none() && !call.is_finished() {
                return snapshot;
            }
            assert!(!call.is_finished(), "the token was held until the end of the body");
            thread::yield_now();
        }
    })
}

#[test]
fn a_token_is_on_its_way_back_with_the_head_of_a_response_although_the_body_dawdles() {
    let snapshot = with_a_body_that_dawdles(None);
    assert!(snapshot.next_back.is_some());
}

#[test]
fn a_pause_is_over_with_the_head_of_the_response_to_the_request_that_tries() {
    let refusal = Step::Send(response_bytes(429, &["retry-after: 2"], "{}"));
    let snapshot = with_a_body_that_dawdles(Some(refusal));
    assert_eq!((snapshot.pauses, snapshot.paused), (1, None));
}

#[test]
fn a_redirect_is_not_followed_with_the_call_or_the_key() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Server::start([good()]);
        let location = format!("location: {}/api/v1/stats", elsewhere.url());
        for call in SAMPLES {
            let server = Server::start([Step::Send(response_bytes(status, &[&location], ""))]);
            let error = (call.make)(&Clients::of(&server)).unwrap_err();
            let context = format!("{} {status}: {error:?}", call.name);
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Redirect, 1), "{context}");
            assert_eq!(server.received().len(), 1, "{context}");
        }
        assert_eq!(elsewhere.accepted(), 0, "{status}");
    }
}

#[test]
fn a_connection_that_was_closed_while_idle_costs_no_attempt() {
    for call in SAMPLES {
        let server = Server::start([Step::Close(response_bytes(200, &[], GOOD)), good()]);
        let clients = Clients::with(quick(&server).retries(0));
        let first = (call.make)(&clients);
        server.wait_until_closed(1);
        let second = (call.make)(&clients);
        assert!(first.is_ok() && second.is_ok(), "{}: {second:?}", call.name);
        assert_eq!((server.received().len(), server.accepted()), (2, 2), "{}", call.name);
    }
}

#[test]
fn a_connection_that_dies_under_the_next_request_costs_an_attempt() {
    for call in SAMPLES {
        let server = Server::start([good(), Step::CUT, good()]);
        let clients = Clients::of(&server);
        assert!((call.make)(&clients).is_ok(), "{}", call.name);
        let second = (call.make)(&clients);
        if call.safety == Safety::Unsafe {
            assert_eq!(second.unwrap_err().kind(), ErrorKind::OutcomeUnknown, "{}", call.name);
            assert_eq!((server.received().len(), server.accepted()), (2, 1), "{}", call.name);
        } else {
            assert!(second.is_ok(), "{}: {second:?}", call.name);
            assert_eq!((server.received().len(), server.accepted()), (3, 2), "{}", call.name);
        }
    }
}

#[test]
fn unusual_responses_are_understood() {
    let body = |head: Vec<u8>| [head, GOOD.into()].concat();
    let interim = |status| [head(status, &[]), response_bytes(200, &[], GOOD)].concat();
    let (start, rest) = GOOD.split_at(8);
    let rest_length = rest.len();
    let chunks =
        format!("8;a=b\r\n{start}\r\n{rest_length:X}\r\n{rest}\r\n0\r\nx-trailer: 1\r\n\r\n");
    let in_chunks = [head(200, &["Transfer-Encoding: Chunked"]), chunks.into()].concat();
    for (what, act) in [
        ("no length at all", Step::Close(body(head(200, &[])))),
        ("HTTP/1.0", Step::Close(body(b"HTTP/1.0 200 OK\r\n\r\n".to_vec()))),
        ("no reason", Step::Close(body(b"HTTP/1.1 200\r\n\r\n".to_vec()))),
        ("100 Continue before it", Step::Send(interim(100))),
        ("103 Early Hints before it", Step::Send(interim(103))),
        (
            "a header in capitals",
            Step::Send(body(head(200, &[&format!("CONTENT-LENGTH: {}", GOOD.len())]))),
        ),
        ("chunks with extensions", Step::Send(in_chunks)),
        ("a name in UTF-8", Step::Send(response_bytes(200, &["x-name: \u{e9}"], GOOD))),
        ("text that is JSON", Step::Send(response_bytes(200, &["content-type: text/html"], GOOD))),
        ("a cookie", Step::Send(response_bytes(200, &["set-cookie: a=b"], GOOD))),
    ] {
        let server = Server::start([act]);
        let clients = Clients::with(quick(&server).retries(0));
        for call in SAMPLES {
            let outcome = (call.make)(&clients);
            assert!(outcome.is_ok(), "{}, {what}: {outcome:?}", call.name);
        }
        assert_eq!(server.received().len(), SAMPLES.len(), "{what}");
        assert!(!server.received().concat().to_lowercase().contains("cookie"), "{what}");
    }
}

#[test]
fn a_status_that_no_standard_knows_leaves_the_outcome_of_an_unsafe_call_unknown() {
    for status in [101, 600, 999] {
        for call in SAMPLES {
            let server = Server::start([Step::Close(response_bytes(status, &[], "x"))]);
            let error = (call.make)(&Clients::of(&server)).unwrap_err();
            let kind = match call.safety {
                Safety::Unsafe => ErrorKind::OutcomeUnknown,
                _ => ErrorKind::Unreadable,
            };
            assert_eq!((error.kind(), error.attempts()), (kind, 1), "{error}");
        }
    }
}

#[test]
fn a_response_without_a_body_is_enough_for_a_removal() {
    for act in [
        Step::Send(head(204, &[])),
        Step::Send(head(204, &["content-length: 0"])),
        Step::Send(head(204, &["content-length: 5"])),
        Step::Send(head(205, &["content-length: 0"])),
        Step::response(200, ""),
        Step::Close(head(200, &[])),
    ] {
        let server = Server::start([act.clone()]);
        let clients = Clients::with(quick(&server).retries(0));
        for _ in 0..2 {
            for call in SAMPLES.iter().filter(|call| call.takes_any_body) {
                let outcome = (call.make)(&clients);
                assert!(outcome.is_ok(), "{}, {act:?}: {outcome:?}", call.name);
            }
        }
    }
}

#[test]
fn bytes_behind_a_response_are_not_taken_for_the_next_one() {
    let smuggled = response_bytes(200, &[], r#"{"total": 666}"#);
    for behind in [smuggled.as_slice(), b"nonsense", b"\r\n"] {
        let first = [response_bytes(200, &[], GOOD), behind.to_vec()].concat();
        let server = Server::start([Step::Send(first), good()]);
        let clients = Clients::with(quick(&server).retries(0));
        let totals = [(); 2].map(|()| clients.heylerts.stats().unwrap().total);
        assert_eq!((totals, server.accepted()), ([3, 3], 2));
    }
}

#[test]
fn a_second_response_that_comes_late_is_not_taken_for_the_next_one() {
    let _limit = Limit::start();
    let turn = Arc::new(Barrier::new(2));
    let smuggled = response_bytes(200, &[], r#"{"total": 666}"#);
    for late in [smuggled.as_slice(), b"nonsense", b"\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (late, servers_turn) = (late.to_vec(), Arc::clone(&turn));
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                // Else it waits for an acknowledgement of the first response, which comes with the next request.
                stream.set_nodelay(true).unwrap();
                let mut request = [0; 4096];
                while stream.read(&mut request).is_ok_and(|length| length > 0) {
                    stream.write_all(&response_bytes(200, &[], GOOD)).unwrap();
                    // The client has the response.
                    servers_turn.wait();
                    drop(stream.write_all(&late));
                    servers_turn.wait();
                }
            }
        });
        let clients = Clients::with(Config::new().base_url(base).clock(TestClock::new()));
        let totals = [(); 3].map(|()| {
            let total = clients.heylerts.stats().unwrap().total;
            turn.wait();
            turn.wait();
            total
        });
        assert_eq!((totals, accepted.load(Ordering::SeqCst)), ([3; 3], 3));
    }
}

#[test]
fn interim_responses_without_end_are_given_up() {
    let _limit = Limit::start();
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Hints\r\nlink: a\r\n b\r\n\r\n"]
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
                let many = interim.repeat(100);
                while stream.write_all(many.as_bytes()).is_ok() {}
            }
        });
        let config = Config::new().base_url(base).clock(TestClock::new()).retries(0);
        let clients = Clients::with(config.attempt_timeout(SHORT));
        let error = clients.heylerts.stats().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoResponse, "{error:?}");
    }
}

#[test]
fn a_header_is_found_in_whatever_case_it_comes() {
    for line in ["Retry-After: 7", "retry-after: 7", "RETRY-AFTER: 7", "rEtRy-aFtEr:7"] {
        let server = Server::start([Step::Send(response_bytes(503, &[line], ""))]);
        let clients = Clients::with(quick(&server).retries(0));
        let error = clients.heylerts.stats().unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)), "{line}");
    }
}

#[test]
fn folded_header_lines_are_understood() {
    let folded = response_bytes(200, &["x-note: a\r\n b", "x-last: c\r\n\t\r\n  d"], GOOD);
    let error = response_bytes(404, &["x-note: a\r\n b"], r#"{"detail": "gone"}"#);
    let server = Server::start([Step::Send(folded), Step::Send(error)]);
    let client = Clients::of(&server).heylerts;
    assert_eq!(client.stats().unwrap().total, 3);
    let error = client.stats().unwrap_err();
    assert_eq!((error.message(), error.headers()["x-note"].to_str().unwrap()), ("gone", "a   b"));
    assert_eq!((server.accepted(), server.received().len()), (1, 2));
}

#[test]
fn the_longest_header_and_the_longest_address_are_sent() {
    let (address, requests) = early_server(response_bytes(431, &[], ""), AfterEarlyResponse::Close);
    let config = Config::new().base_url(address).clock(TestClock::new());
    let client = Clients::with(config).heylerts;
    let header = Call::get(["x"]).header("x-note", "x".repeat(64 * 1024 - 6));
    let address = Call::get(["x"]).query("q", "x".repeat(65_000));
    for call in [header, address] {
        let error = client.send_raw(&call).unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(431), "{error}");
    }
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[test]
fn the_longest_timeout_is_no_problem() {
    let server = Server::start([good()]);
    let options = TransportOptions::new().connect_timeout(Duration::MAX);
    let transport = UreqTransport::new(options).unwrap();
    let request = heysync::http::Request::get(format!("{}/x", server.url())).body(Vec::new());
    assert!(transport.send(request.unwrap(), Duration::MAX).is_ok());
}

#[test]
fn a_large_body_behind_a_folded_head_changes_nothing() {
    let body = format!("{}{GOOD}", " ".repeat(300_000));
    let folded = response_bytes(200, &["x-note: a\r\n b"], body);
    let server = Server::start([Step::Send(folded)]);
    assert_eq!(Clients::of(&server).heylerts.stats().unwrap().total, 3);
}

#[test]
fn a_response_with_very_many_header_lines_is_understood() {
    let many: Vec<String> = (0..450).map(|nth| format!("x-{nth}: y")).collect();
    let many: Vec<&str> =
        many.iter().map(String::as_str).chain(["x-ratelimit-limit: 9"; 150]).collect();
    let interim = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".to_vec();
    let good = response_bytes(200, &many, GOOD);
    let error = response_bytes(404, &many, r#"{"detail": "gone"}"#);
    let server = Server::start([Step::Send([interim, good].concat()), Step::Send(error)]);
    let client = Clients::of(&server).heylerts;
    assert_eq!(client.stats().unwrap().total, 3);
    let error = client.stats().unwrap_err();
    assert_eq!((error.message(), error.headers()["x-0"].to_str().unwrap()), ("gone", "y"));
}

#[test]
fn something_that_is_no_response_is_not_called_silence() {
    let endless = format!("x: {}", "y".repeat(100_000));
    for bytes in [
        b"SSH-2.0-OpenSSH_9.0\r\n".to_vec(),
        b"<html>proxy error</html>".to_vec(),
        response_bytes(200, &["bad name: x"], GOOD),
        response_bytes(200, &[&endless], GOOD),
    ] {
        let server = Server::start([Step::Close(bytes.clone())]);
        let client = Clients::with(quick(&server).retries(0)).heylerts;
        let error = client.stats().unwrap_err();
        let shown = String::from_utf8_lossy(&bytes[..20]).into_owned();
        assert!(
            error.message().starts_with("no response that can be read from "),
            "{shown}: {error}"
        );
        assert!(error.source().is_some());
    }
}

#[test]
fn a_body_in_a_coding_that_was_not_requested_is_an_error_that_names_it_and_is_not_retried() {
    let step = || Step::Send(response_bytes(200, &["content-encoding: br"], b"\x8b\x01\x80{}\x03"));
    let server = Server::start([step()]);
    for sample in SAMPLES {
        let clients = Clients::with(quick(&server).retries(2));
        let before = server.received().len();
        let error = (sample.make)(&clients).unwrap_err();
        assert!(error.message().contains("cannot be decoded"), "{error}");
        assert!(error.source().unwrap().to_string().contains("\"br\""), "{error:?}");
        assert_eq!(server.received().len(), before + 1, "{}", sample.name);
    }
}

/// What a server does after it responded to the head of a request, with most of the body still to come.
#[derive(Clone, Copy, Debug)]
enum AfterEarlyResponse {
    /// With bytes left to read, this resets the connection.
    Close,
    CloseOneWay,
    Wait,
    ReadOn,
}

/// A server that responds to the head of each request and counts the requests.
fn early_server(response: Vec<u8>, after: AfterEarlyResponse) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests: Arc<AtomicUsize> = Arc::default();
    let count = Arc::clone(&requests);
    thread::spawn(move || {
        let mut waiting = Vec::new();
        for mut stream in listener.incoming().flatten() {
            // Else the response may still wait for an acknowledgement when the connection is reset.
            drop(stream.set_nodelay(true));
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|it| it > 0) {
                head.extend(byte);
            }
            count.fetch_add(1, Ordering::SeqCst);
            drop(stream.write_all(&response));
            match after {
                AfterEarlyResponse::Close => {}
                AfterEarlyResponse::CloseOneWay => {
                    drop(stream.shutdown(std::net::Shutdown::Write));
                    waiting.push(stream);
                }
                AfterEarlyResponse::Wait => waiting.push(stream),
                AfterEarlyResponse::ReadOn => {
                    drop(std::io::copy(&mut stream, &mut std::io::sink()));
                }
            }
        }
    });
    (address, requests)
}

/// More than the buffers of two sockets hold.
const LARGE: usize = 16 * 1024 * 1024;

#[test]
fn a_response_that_arrives_before_the_request_was_read_is_the_outcome() {
    use AfterEarlyResponse::{Close, CloseOneWay, ReadOn, Wait};

    let _limit = Limit::start();
    let body = "x".repeat(LARGE);
    let rejection = || response_bytes(413, &["connection: close"], r#"{"error": "too large"}"#);
    for (response, after, kind) in [
        (rejection(), Close, ErrorKind::Rejected),
        (rejection(), CloseOneWay, ErrorKind::Rejected),
        (rejection(), Wait, ErrorKind::Rejected),
        (rejection(), ReadOn, ErrorKind::Rejected),
        (response_bytes(401, &[], "{}"), Close, ErrorKind::Unauthorized),
        // A success of a request that was not read shows nothing.
        (response_bytes(200, &[], "{}"), Close, ErrorKind::OutcomeUnknown),
        (response_bytes(200, &[], "{}"), Wait, ErrorKind::OutcomeUnknown),
        // Without a response, nothing is known.
        (Vec::new(), Close, ErrorKind::OutcomeUnknown),
        (Vec::new(), Wait, ErrorKind::OutcomeUnknown),
    ] {
        let (address, requests) = early_server(response, after);
        let config = Config::new().base_url(address).clock(TestClock::new());
        let clients = Clients::with(config.attempt_timeout(2 * SHORT));
        let error = clients.heylo.send_raw(&Call::post(["x"]).json(&body)).unwrap_err();
        let context = format!("{after:?}: {error}");
        assert_eq!((error.kind(), error.attempts()), (kind, 1), "{context}");
        assert_eq!(requests.load(Ordering::SeqCst), 1, "{context}");
    }
}

#[test]
fn a_success_that_arrives_before_the_request_was_read_is_retried_unless_the_call_is_unsafe() {
    let _limit = Limit::start();
    let (address, requests) =
        early_server(response_bytes(200, &[], GOOD), AfterEarlyResponse::Close);
    let config = Config::new().base_url(address).clock(TestClock::new()).retries(1);
    let clients = Clients::with(config.attempt_timeout(2 * SHORT));
    let call = Call::post(["x"]).json(&"x".repeat(LARGE));
    for (safety, kind, attempts) in [
        (Safety::Read, ErrorKind::NoResponse, 2),
        (Safety::Idempotent, ErrorKind::NoResponse, 2),
        (Safety::Unsafe, ErrorKind::OutcomeUnknown, 1),
    ] {
        let before = requests.load(Ordering::SeqCst);
        let error = clients.heylo.send_raw(&call.clone().safety(safety)).unwrap_err();
        let sent = requests.load(Ordering::SeqCst) - before;
        assert_eq!((error.kind(), sent), (kind, attempts), "{safety:?}: {error}");
    }
}

#[test]
fn a_connection_on_which_a_request_was_cut_short_is_not_used_again() {
    let _limit = Limit::start();
    let response = response_bytes(413, &[], "{}");
    let (address, requests) = early_server(response, AfterEarlyResponse::Wait);
    let config = Config::new().base_url(address).clock(TestClock::new());
    let clients = Clients::with(config.attempt_timeout(2 * SHORT));
    let large = Call::post(["x"]).json(&"x".repeat(LARGE));
    for call in [&large, &Call::post(["x"]).json(&1)] {
        let error = clients.heylo.send_raw(call).unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(413), "{error}");
    }
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}
