//! Lines of curl, run by real shells with the real curl against a loopback socket.

#![cfg(all(feature = "sandbox", unix))]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use heysync::heylerts::NewAlert;
use heysync::heylo::{NewMember, RoleUpdate};
use heysync::sandbox::{Fault, FaultPoint, Heylerts, Heylo, TestClock};
use heysync::{Call, CallOptions, Config, DryRun, Error, ErrorKind, Safety, heylerts, heylo};
use serde_json::{Value, json};

#[allow(dead_code, reason = "the limit is only held")]
#[path = "support/limit.rs"]
mod limit;

use limit::Limit;

const KEY: &str = "key-that-is-secret";

/// What arrived: the first line, the headers by name, and the body.
type Received = (String, BTreeMap<String, String>, Vec<u8>);

/// Responds to each request with an empty object, on a connection of its own.
fn listen() -> (String, Arc<Mutex<Vec<Received>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let received = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&received);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            log.lock().unwrap().push(receive(&mut stream).unwrap());
            let response = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            stream.write_all(response).unwrap();
        }
    });
    (url, received)
}

fn receive(stream: &mut impl Read) -> io::Result<Received> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let first = lines.next().unwrap().to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: BTreeMap<String, String> = lines.filter_map(header).collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((first, headers, body))
}

fn run(shell: &str, line: &str) {
    let output = Command::new(shell).args(["-c", line]).env("HEYLO_API_KEY", KEY).output().unwrap();
    assert!(output.status.success(), "{shell}: {line}\n{output:?}");
}

#[test]
fn a_line_sends_byte_for_byte_what_the_client_sends() {
    let _limit = Limit::start();
    let (url, received) = listen();
    let config = Config::new().base_url(&url).clock(TestClock::new()).user_agent("it's/1 (`x`)");
    let client = heylo::Client::with_config(KEY, config).unwrap();
    let client = client.with(CallOptions::new().header("X-Note", r#"it's "$HOME" \ `id` !x @y"#));
    let post = |body: Value| Call::post(["apiv1-fetch"]).json(&body).safety(Safety::Read);
    for call in [
        post(json!({"it's": "$HOME `id` $(id) !! \\ \" \n\t\r % ~ * ? # & | ; < > ( )"})),
        post(json!("@/etc/hostname")),
        post(json!(["", "'", "''", "\\'", "ünïcödé 🏃 \u{2028} \u{7f} \u{0}", "a\\nb"])),
        post(json!({"long": "x".repeat(100_000)})),
        Call::post(["apiv1-fetch"]).safety(Safety::Read),
        Call::get(["a b", "it's", "[1-3]", "{a,b}", "$HOME", "ü", "%41"])
            .query("q", "a+b&c='[1-2]'"),
        Call::delete(["alerts", "a-1"]),
        Call::patch(["alerts", "a-1"]).json(&json!({"name": "x"})),
    ] {
        let _: Value = client.send(&call).unwrap();
        let line = client.curl(&call).unwrap();
        assert!(!line.contains(KEY) && !line.contains('\n'), "{line}");
        for shell in ["sh", "bash"] {
            run(shell, &line);
        }
        let received = std::mem::take(&mut *received.lock().unwrap());
        let ((first, headers, body), by_curl) = received.split_first().unwrap();
        assert_eq!(by_curl.len(), 2, "{line}");
        let mut headers = headers.clone();
        headers.retain(|name, _| !["accept-encoding", "connection"].contains(&name.as_str()));
        for (first_by_curl, headers_by_curl, body_by_curl) in by_curl {
            assert_eq!((first, body), (first_by_curl, body_by_curl), "{line}");
            assert_eq!(&headers, headers_by_curl, "{line}");
        }
    }
}

/// Keeps what is written to it.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_dry_run_sends_reads_and_prints_changes() {
    let (service, lines) = (Heylo::demo(), Lines::default());
    let dry_run = DryRun::new().to(lines.clone()).sending_reads(service.clone());
    let config = Config::new().transport(dry_run).clock(TestClock::new());
    let client = heylo::Client::with_config(KEY, config).unwrap();
    let community = client.community("harbour-runners");
    assert!(!community.roles().unwrap().is_empty());
    assert!(lines.take().is_empty());

    let people = ["user-30", "user-31", "user-32", "user-33", "user-34", "user-35", "user-36"];
    let mut removals = community.remove_members(people);
    let kinds: Vec<_> = removals.by_ref().map(|it| it.result.unwrap_err().kind()).collect();
    assert_eq!(kinds, [ErrorKind::DryRun; 7]);
    let printed = lines.take();
    assert_eq!(printed.len(), 7);
    assert!(printed[0].starts_with("curl -X POST 'https://"), "{}", printed[0]);
    assert!(printed[0].contains("user-30") && !printed[0].contains(KEY), "{}", printed[0]);
    // Nobody was removed, and a later run starts again with everybody.
    assert_eq!((removals.journal().done().count(), removals.journal().unknown().count()), (0, 0));

    let error = community.invite(&NewMember::new("u-1").email("ada@example.com")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "POST /apiv1-create invite: a dry run: the request was printed and not sent"
    );
    assert_eq!((error.attempts(), error.exit_code(), error.is_temporary()), (1, 0, false));
    assert!(lines.take()[0].contains("ada@example.com"));
    assert_eq!(service.requests().len(), 1);
    assert_eq!(client.bucket().snapshot().free, 4);
}

#[test]
fn a_dry_run_of_an_operation_of_many_requests_prints_them_all() {
    let (service, lines) = (Heylo::demo(), Lines::default());
    let dry_run = DryRun::new().to(lines.clone()).sending_reads(service.clone());
    let config = Config::new().transport(dry_run).clock(TestClock::new());
    let client = heylo::Client::with_config(KEY, config).unwrap();
    let captains = client.community("harbour-runners").role("captains");
    let before = captains.members().unwrap();

    let everybody: Vec<String> = (1000..1261).map(|n| format!("user-{n}")).collect();
    let update = RoleUpdate::new().add(&everybody).remove(&before);
    let plan = captains.plan_members(&everybody).unwrap();
    for change in 0..3 {
        let failed = match change {
            0 => captains.update(&update),
            1 => captains.set_members(&everybody),
            _ => captains.apply(&plan),
        }
        .unwrap_err();
        let printed = lines.take();
        assert_eq!(printed.len(), 3);
        let printed = printed.join("\n");
        assert!(everybody.iter().chain(&before).all(|id| printed.contains(&format!("\"{id}\""))));
        assert_eq!((failed.kind(), failed.to_string()), (ErrorKind::DryRun, NOT_SENT.to_owned()));
        assert_eq!(failed.error.exit_code(), 0);
        assert_eq!((&failed.left, failed.change.added.len()), (&update, 0));
    }
    assert_eq!(captains.remove_all_members().unwrap_err().kind(), ErrorKind::DryRun);
    assert_eq!((lines.take().len(), captains.members().unwrap()), (1, before));
}

const NOT_SENT: &str = "the update was not sent";

#[test]
fn a_dry_run_that_cannot_print_ends_and_everything_is_left() {
    struct Full(u32);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0 += 1;
            if self.0 == 1 { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
        }
    }

    let config = Config::new().transport(DryRun::new().to(Full(0))).clock(TestClock::new());
    let client = heylo::Client::with_config(KEY, config).unwrap();
    let update = RoleUpdate::new().add((0..250).map(|n| format!("user-{n}")));
    let failed = client.community("c").role("captains").update(&update).unwrap_err();
    assert_eq!((failed.kind(), failed.left), (ErrorKind::Output, update));
}

#[test]
fn a_dry_run_of_create_alert_once_prints_the_list_and_the_creation() {
    let lines = Lines::default();
    let dry_run = DryRun::new().to(lines.clone());
    let config = Config::new().transport(dry_run).clock(TestClock::new());
    let client = heylerts::Client::with_config("hlt_key", config).unwrap();
    let error = client.create_alert_once(&NewAlert::new("Ada", "ada")).unwrap_err();
    assert_eq!((error.kind(), error.call()), (ErrorKind::DryRun, Some("POST /alerts")));
    let printed = lines.take();
    assert_eq!(printed.len(), 2);
    assert!(printed[1].starts_with("curl -X POST "), "{}", printed[1]);
}

#[test]
fn lines_that_nobody_reads_are_an_error_of_the_output_and_end_a_bulk_call() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let config = Config::new().transport(DryRun::new().to(Closed)).clock(TestClock::new());
    let client = heylo::Client::with_config(KEY, config).unwrap();
    let mut removals = client.community("harbour-runners").remove_members(["u1", "u2"]);
    let error = removals.next().unwrap().result.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (ErrorKind::Output, 74));
    assert!(!error.is_temporary() && error.attempts() == 1);
    let report = error.report();
    assert!(report.contains("could not be written, and nothing was sent: broken pipe"), "{report}");
    assert!(!report.contains("connect") && !report.contains("network"), "{report}");
    assert!(removals.next().is_none());
}

#[test]
fn the_line_of_an_error_shows_neither_the_key_nor_the_body() {
    let service = Heylerts::demo();
    let config = Config::new().transport(service.clone()).clock(TestClock::new());
    let client = heylerts::Client::with_config("hlt_very_secret", config).unwrap();
    let new = NewAlert::new("Ada's alert", "ada");
    service.inject(1, Fault::ServerError(FaultPoint::BeforeEffect));
    let error = client.create_alert(&new).unwrap_err();
    let line = error.curl().unwrap();
    assert!(line.ends_with("--data-binary @-") && !line.contains("Ada"), "{line}");
    let by_id = client.get_alert("ada@example.com").unwrap_err();
    let with_key = client.get_alert("hlt_very_secret").unwrap_err();
    for error in [&by_id, &with_key] {
        let line = error.curl().unwrap();
        assert!(!line.contains("ada") && !line.contains("very_secret"), "{line}");
    }
    let rejected: Error = client.get_alert("").unwrap_err();
    assert_eq!(rejected.curl(), None);
}
