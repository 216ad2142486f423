//! Keys, addresses of people and bodies stay out of everything that is printed.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::cell::RefCell;
use std::error::Error as StdError;
use std::fmt;
use std::process::Command;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use heysync::heylerts::{AlertPatch, NewAlert};
use heysync::heylo::{NewMember, RoleUpdate};
use heysync::sandbox::{Heylerts, Heylo, Services, TestClock, serve};
use heysync::{Activity, Call, Config, Error, TransportError, UreqTransport, heylerts};
use log::{Level, LevelFilter, Log, Metadata, Record};

#[path = "support/sockets.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod sockets;

#[cfg(any(feature = "rustls", feature = "native-tls"))]
use sockets::Listener;
use sockets::{
    Clients, GOOD, HEYLERTS_KEY, HEYLO_KEY, OPERATIONS, SAMPLES, Server, Step, head, quick,
    response_bytes,
};

/// One line of the log.
#[derive(Clone, Debug)]
struct Line {
    target: String,
    level: Level,
    text: String,
}

thread_local! {
    static LINES: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Keeps everything that this thread logs. Calls are made on the thread that asks for them.
struct Recorder;

impl Log for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = Line {
            target: record.target().to_owned(),
            level: record.level(),
            text: record.args().to_string(),
        };
        LINES.with_borrow_mut(|lines| lines.push(line));
    }

    fn flush(&self) {}
}

/// What is logged by this thread, at whatever level, while `work` is done.
fn logged(work: impl FnOnce()) -> Vec<Line> {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        log::set_logger(&Recorder).unwrap();
        log::set_max_level(LevelFilter::Trace);
    });
    LINES.take();
    work();
    LINES.take()
}

/// Everything that can be printed of an error and of its causes.
fn everything_of(error: &Error) -> String {
    let body = String::from_utf8_lossy(error.body());
    let mut shown = format!("{error} {error:?} {error:#?} {} {body}", error.message());
    shown.push_str(error.hint().unwrap_or_default());
    shown.push_str(&format!("{:?}", error.headers()));
    let mut cause = error.source();
    while let Some(error) = cause {
        shown.push_str(&format!(" {error} {error:?} {error:#?}"));
        cause = error.source();
    }
    shown
}

fn assert_hides_keys(shown: &str) {
    for key in [HEYLO_KEY, HEYLERTS_KEY] {
        assert!(!shown.contains(key), "{shown}");
    }
}

#[test]
fn a_client_and_what_it_is_made_of_print_no_key() {
    let server = Server::start([Step::response(200, GOOD)]);
    let clients = Clients::of(&server);
    let club = clients.heylo.community("c-1");
    let config = quick(&server);
    assert_hides_keys(&format!("{clients:#?} {config:#?} {club:#?} {:#?}", club.role("r")));
    let (alerts, events) = (clients.heylerts.alerts(), club.events());
    assert_hides_keys(&format!("{alerts:#?} {events:#?} {:#?}", club.remove_members(["u"])));
    assert_hides_keys(&format!("{:#?}", Call::get(["stats"])));
}

#[test]
fn a_key_that_is_rejected_is_not_shown() {
    let rejected = [
        heylerts::Client::new(HEYLO_KEY).map(drop),
        heysync::heylo::Client::new(HEYLERTS_KEY).map(drop),
        heylerts::Client::new(format!("Bearer {HEYLERTS_KEY}")).map(drop),
        heysync::heylo::Client::new(format!("{HEYLO_KEY}\nx")).map(drop),
        heysync::heylo::Client::new(format!("{HEYLO_KEY}\u{e9}")).map(drop),
    ];
    for rejection in rejected {
        assert_hides_keys(&everything_of(&rejection.unwrap_err()));
    }
}

/// The key with each byte in some spelling.
fn spelled(key: &str, spelling: fn(u8) -> String) -> String {
    key.bytes().map(spelling).collect()
}

/// A text with its escapes undone, one kind after the other.
fn decoded(text: &str) -> String {
    let mut text = text.replace("\\\\", "\\").replace("%25", "%");
    for byte in b'!'..=b'~' {
        for escape in [
            format!("\\u{byte:04X}"),
            format!("\\u{byte:04x}"),
            format!("&#{byte};"),
            format!("&#x{byte:X};"),
            format!("%{byte:02X}"),
            format!("%{byte:02x}"),
        ] {
            text = text.replace(&escape, &char::from(byte).to_string());
        }
    }
    text
}

/// Answers that quote the key in every way that a careless or hostile server might.
fn quoting(key: &str) -> Vec<Step> {
    let rejections = [
        format!("invalid key: {key}"),
        format!("{{\"detail\": \"invalid key: {key}\"}}"),
        format!("{{\"error\": {{\"message\": \"{key} {key}\"}}}}"),
        format!("{{\"detail\": [{{\"loc\": [\"header\", \"{key}\"], \"msg\": \"not {key}\"}}]}}"),
        format!("<html><title>{key}</title>{key}</html>"),
        format!("{{\"detail\": \"invalid key: {}\"}}", spelled(key, |it| format!("\\u{it:04X}"))),
        format!("{{\"detail\": \"{}\"}}", spelled(key, |it| format!("\\\\u{it:04x}"))),
        format!("<title>{}</title>", spelled(key, |it| format!("&#{it};"))),
        format!("<pre>{}</pre>", spelled(key, |it| format!("&#x{it:X};"))),
        format!("bad: {}", spelled(key, |it| format!("%{it:02X}"))),
        format!("bad: {}", spelled(key, |it| format!("%25{it:02x}"))),
        // Where the message is shortened, the key stands across the cut.
        format!("{}{key}", "x".repeat(490)),
        format!("{}{key}", "x ".repeat(32 * 1024 - 5)),
    ];
    let values = [
        format!("\"{key}\""),
        format!("{{\"total\": \"{key}\", \"roles\": \"{key}\", \"id\": {{\"{key}\": 1}}}}"),
        format!("{{\"total\": {key}"),
        format!("{{\"{key}\": \"{key}\"}}"),
        key.to_owned(),
    ];
    let rejected = rejections
        .iter()
        .flat_map(|body| [400, 401, 503].map(|status| Step::response(status, body)));
    let percent = spelled(key, |it| format!("%{it:02x}"));
    let location = format!("location: https://elsewhere.example/?key={key}&again={percent}");
    let user = format!("location: https://{key}@elsewhere.example/");
    let password = format!("location: https://user:{percent}@elsewhere.example/");
    let cookie = format!("set-cookie: session={key}; Path=/; HttpOnly");
    let named = format!("x-{key}: 1\r\n{}: 2", key.to_uppercase());
    let echo = format!("x-echo: Bearer {key}");
    let broken = head(200, &[&echo, "content-length: 9"]);
    let reason = format!("HTTP/1.1 400 {key}\r\ncontent-length: 0\r\n\r\n");
    let malformed = format!("HTTP/1.1 200 OK\r\n{key}\r\n\r\n");
    rejected
        .chain(values.iter().map(|body| Step::response(200, body)))
        .chain([
            Step::Send(response_bytes(302, &[&location], key)),
            Step::Send(response_bytes(307, &[&user, &cookie], "")),
            Step::Send(response_bytes(401, &[&password, &cookie, &named], "")),
            Step::Send(response_bytes(308, &[&password, &cookie, &named], "")),
            Step::Send(response_bytes(403, &[&echo, &echo], "")),
            Step::Send(response_bytes(200, &[&echo], "no JSON")),
            Step::Close(broken),
            Step::Close(reason.into_bytes()),
            Step::Close(malformed.into_bytes()),
            Step::Close(key.as_bytes().to_vec()),
        ])
        .collect()
}

#[test]
fn a_server_that_quotes_the_key_does_not_get_it_into_an_error() {
    for act in [HEYLO_KEY, HEYLERTS_KEY].into_iter().flat_map(quoting) {
        let server = Server::start([act.clone()]);
        let clients = Clients::with(quick(&server).retries(1));
        for sample in OPERATIONS {
            let Err(error) = (sample.make)(&clients) else {
                assert!(sample.takes_any_body, "{}: {act:?}", sample.name);
                continue;
            };
            // Each client knows its own key; what the other's looks like it cannot tell.
            let is_heylo = server.received().last().unwrap().contains(HEYLO_KEY);
            let key = if is_heylo { HEYLO_KEY } else { HEYLERTS_KEY };
            let shown = everything_of(&error);
            assert!(!decoded(&shown).contains(key), "{}: {shown}", sample.name);
        }
    }
}

/// The key as no server should send it.
fn disguised(key: &str) -> Vec<String> {
    let fullwidth = |it: u8| char::from_u32(u32::from(it) + 0xFEE0).unwrap();
    let half = key.len() / 2;
    vec![
        key.to_uppercase(),
        spelled(key, |it| format!("{it:02x}")),
        spelled(key, |it| format!("{it:02X} ")),
        spelled(key, |it| format!("\\{it:03o}")),
        spelled(key, |it| format!("{it}, ")),
        spelled(key, |it| format!("{}\0", char::from(it))),
        key.bytes().map(fullwidth).collect(),
        format!("{}\r\n {}", &key[..half], &key[half..]),
        format!("{}\\n{}", &key[..half], &key[half..]),
        format!("{}...", &key[..half]),
        format!("{}***", &key[4..4 + half]),
        format!("{}***", &key[..key.len() - 3]),
        key.strip_prefix("hlt_").unwrap_or(&key[4..]).to_owned(),
        base64(format!("user:{key}").as_bytes()),
        base64(format!("{key}:").as_bytes()),
        base64(key.as_bytes()),
        spelled(key, |it| format!("\\u00{it:02X}")).to_lowercase().replacen('b', "B", 2),
        spelled(key, |it| format!("%25{it:02X}")),
    ]
}

/// Encodes in the alphabet of the standard, without padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let digit = |group: &[u8]| {
        let value = (0..6).fold(0, |all, at| all << 1 | group.get(at).copied().unwrap_or(0));
        char::from(DIGITS[usize::from(value)])
    };
    bits.chunks(6).map(digit).collect()
}

#[test]
fn a_key_in_disguise_does_not_get_into_an_error() {
    for (key, other) in [(HEYLO_KEY, false), (HEYLERTS_KEY, true)] {
        for spelling in disguised(key) {
            for (status, body) in [
                (400, format!("{{\"detail\": {}}}", serde_json::json!(spelling))),
                (401, format!("not a key: {spelling}")),
                (503, format!("<html><title>{spelling}</title>")),
                (200, format!("{{\"total\": \"{spelling}")),
            ] {
                let server = Server::start([Step::response(status, &body)]);
                let clients = Clients::with(quick(&server).retries(0));
                let error = match other {
                    true => clients.heylerts.stats().unwrap_err(),
                    false => clients.heylo.community("c").roles().unwrap_err(),
                };
                let shown = everything_of(&error);
                let plain = shown.replace(['\0', '\r', '\n', ' '], "");
                assert!(shown.contains("[redacted]"), "{spelling:?}: {shown}");
                let middle: String = spelling.chars().skip(14).take(16).collect();
                let middle = middle.replace(['\0', '\r', '\n', ' '], "");
                assert!(!plain.contains(&middle), "{spelling:?}: {shown}");
            }
        }
    }
}

#[test]
fn a_key_that_is_folded_over_header_lines_does_not_get_into_an_error() {
    for fold in ["\r\n ", "\r\n\t", "\r\n   \t ", "\n ", "\n\t", " \r\n "] {
        for half in 1..HEYLERTS_KEY.len() {
            let (first, second) = HEYLERTS_KEY.split_at(half);
            let folded = format!("{first}{fold}{second}");
            let lines = [format!("x-echo: k={folded};"), format!("location: /?k={folded}")];
            let lines = [lines[0].as_str(), &lines[1]];
            let server = Server::start([Step::Send(response_bytes(302, &lines, "{}"))]);
            let clients = Clients::with(quick(&server).retries(0));
            let error = clients.heylerts.stats().unwrap_err();
            assert_eq!(error.headers()["x-echo"], "k=[redacted];", "{folded:?}");
            assert_eq!(error.headers()["location"], "/?k=[redacted]", "{folded:?}");
            assert_hides_keys(&everything_of(&error));
        }
    }
}

#[test]
fn an_item_that_quotes_the_key_does_not_get_it_into_its_error() {
    let item = serde_json::json!({"id": "a1", "mention_count": HEYLERTS_KEY});
    let alerts = serde_json::json!({"items": [item], "has_more": false}).to_string();
    let config = move || {
        let alerts = alerts.clone().into_bytes();
        Config::new().transport(move |_: http::Request<Vec<u8>>, _: Duration| {
            Ok(http::Response::new(alerts.clone()))
        })
    };
    let client = heylerts::Client::with_config(HEYLERTS_KEY, config()).unwrap();
    let error = client.alerts().next().unwrap().unwrap_err();
    let shown = everything_of(&error);
    assert!(shown.contains("a1") && shown.contains("[redacted]"), "{shown}");
    assert!(!shown.contains(HEYLERTS_KEY), "{shown}");
}

#[test]
fn a_key_that_is_given_as_an_id_is_in_no_error() {
    let clients = Clients::of(&Server::start([Step::response(404, r#"{"detail": "not found"}"#)]));
    let client = &clients.heylerts;
    for error in [
        client.get_alert(HEYLERTS_KEY).unwrap_err(),
        client.delete_alert(HEYLERTS_KEY).unwrap_err(),
        client.get_alert(format!("{HEYLERTS_KEY}/")).unwrap_err(),
        client.get_alert(format!("a\n{HEYLERTS_KEY}")).unwrap_err(),
    ] {
        assert_hides_keys(&everything_of(&error));
    }
}

#[test]
fn a_short_key_leaves_the_message_readable() {
    for (key, body) in [
        ("e", r#"{"error": "the key e is revoked"}"#),
        ("error", r#"{"error": "the key error is revoked"}"#),
    ] {
        let transport = move |_: http::Request<Vec<u8>>, _: Duration| {
            Ok(http::Response::builder().status(401).body(body.as_bytes().to_vec()).unwrap())
        };
        let config = Config::new().transport(transport).clock(TestClock::new());
        let client = heysync::heylo::Client::with_config(key, config).unwrap();
        let error = client.community("c").roles().unwrap_err();
        assert_eq!(error.message(), "the key [redacted] is revoked");
    }
}

#[test]
fn an_object_that_does_not_decode_quotes_no_value() {
    let event = serde_json::json!({"id": "e1", "title": HEYLO_KEY, "host": {"name": HEYLO_KEY}});
    let events = serde_json::json!({"events": [event]}).to_string().into_bytes();
    let transport =
        move |_: http::Request<Vec<u8>>, _: Duration| Ok(http::Response::new(events.clone()));
    let config = Config::new().transport(transport).clock(TestClock::new());
    let client = heysync::heylo::Client::with_config(HEYLO_KEY, config).unwrap();
    let event = client.community("c").events().next().unwrap().unwrap();
    assert_eq!(event.json["title"], HEYLO_KEY);
    let error = event.decode::<Titled>().unwrap_err();
    assert_hides_keys(&everything_of(&error));
    assert!(everything_of(&error).contains("expected u64"), "{error:?}");
}

#[derive(Debug, serde::Deserialize)]
struct Titled {
    #[allow(dead_code, reason = "never decoded")]
    title: u64,
}

/// An error of somebody's own transport, which shows everything it knows in its own way.
#[derive(Debug)]
struct Careless {
    #[allow(dead_code, reason = "shown by its debug form")]
    request: String,
    text: &'static str,
    cause: Option<Box<Careless>>,
}

impl fmt::Display for Careless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl StdError for Careless {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

fn careless(request: &str, text: &'static str, cause: Option<Careless>) -> Careless {
    Careless { request: request.to_owned(), text, cause: cause.map(Box::new) }
}

#[test]
fn a_transport_that_quotes_the_key_does_not_get_it_into_an_error() {
    let text: &'static str = "cannot send hlt_the-secret-heylerts-key-0123456789";
    assert!(text.contains(HEYLERTS_KEY));
    let errors: [fn(&'static str) -> Careless; 4] = [
        |text| careless("", text, None),
        |_| careless(HEYLERTS_KEY, "cannot send", None),
        |text| careless("", "cannot send", Some(careless("", text, None))),
        |_| careless("", "cannot send", Some(careless(HEYLERTS_KEY, "rejected", None))),
    ];
    let ways: [fn(Careless) -> TransportError; 3] = [
        |error| TransportError::never_sent(error).with_hint(format!("not with {HEYLERTS_KEY}")),
        |error| TransportError::maybe_sent(error).permanent().with_hint(HEYLERTS_KEY),
        |error| {
            let response = http::Response::builder().header("x-echo", HEYLERTS_KEY);
            TransportError::body_lost(response.body(()).unwrap().into_parts().0, error)
        },
    ];
    for (error, way) in errors.into_iter().flat_map(|error| ways.map(|way| (error, way))) {
        let observed = Arc::new(Mutex::new(String::new()));
        let watched = Arc::clone(&observed);
        let config = Config::new().clock(TestClock::new()).retries(1);
        let config =
            config.transport(move |_: http::Request<Vec<u8>>, _: Duration| Err(way(error(text))));
        let config = config.observer(move |activity: &Activity<'_>| {
            watched.lock().unwrap().push_str(&format!("{activity} {activity:?}"));
        });
        let client = heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap();
        let mut shown = String::new();
        let lines = logged(|| shown = everything_of(&client.stats().unwrap_err()));
        assert!(shown.contains("cannot send"), "{shown}");
        assert_hides_keys(&shown);
        assert_hides_keys(&format!("{lines:?}"));
        assert_hides_keys(&observed.lock().unwrap());
    }
}

/// All operations of both services, with addresses of people wherever one may stand.
fn use_everything() {
    let clock = TestClock::new();
    let services = Services {
        heylo: Heylo::demo().clock(clock.clone()),
        heylerts: Heylerts::demo().clock(clock.clone()),
    };
    let server = serve(0, services).unwrap();
    let clients = Clients::with(Config::new().base_url(server.url()).clock(clock));
    let club = clients.heylo.community("harbour-runners");
    let ada = NewMember::new("ada@example.com").email("ada@example.com").first_name("Augusta");
    drop(club.invite(&ada));
    drop(club.remove_member("ada@example.com"));
    drop(club.role("ada@example.com").members());
    drop(club.role("captains").update(&RoleUpdate::new().add(["ada@example.com"])));
    drop(club.attendance("ada@example.com"));
    club.events().for_each(drop);
    drop(clients.heylo.community("ada@example.com").roles());
    let heylerts = clients.heylerts;
    drop(heylerts.hello());
    drop(heylerts.create_alert(&NewAlert::new("Augusta", "ada@example.com")));
    drop(heylerts.update_alert("ada@example.com", &AlertPatch::new().name("Augusta")));
    drop(heylerts.get_alert("ada@example.com"));
    drop(heylerts.delete_alert("ada@example.com"));
    drop(heylerts.alert_stats("ada@example.com"));
    heylerts.mentions().alert("ada@example.com").for_each(drop);
    heylerts.alerts().for_each(drop);
}

#[test]
fn the_log_names_calls_and_holds_no_key_no_address_and_no_body() {
    let own = logged(use_everything)
        .into_iter()
        .filter(|line| line.level > Level::Warn)
        .filter(|line| line.target.starts_with("heysync"));
    let own: Vec<Line> = own.collect();
    assert!(own.iter().any(|line| line.level == Level::Trace));
    assert!(own.iter().any(|line| line.level == Level::Debug));
    let methods = ["POST", "GET", "PATCH", "DELETE"].map(|method| format!("call=\"{method} /"));
    for line in own {
        assert!(line.level >= Level::Debug, "{line:?}");
        assert!(methods.iter().any(|call| line.text.contains(call)), "{line:?}");
        assert_hides_keys(&line.text);
        for hidden in ["ada@", "example.com", "Augusta", "{", "harbour"] {
            assert!(!line.text.contains(hidden), "{line:?}");
        }
    }
}

#[test]
fn a_server_that_quotes_the_key_does_not_get_it_into_our_log() {
    for act in quoting(HEYLERTS_KEY) {
        let lines = logged(|| {
            let server = Server::start([act]);
            let clients = Clients::with(quick(&server).retries(1));
            drop(clients.heylerts.stats());
        });
        let own = lines.iter().filter(|line| line.target.starts_with("heysync"));
        own.for_each(|line| assert_hides_keys(&line.text));
    }
}

/// The bytes that ureq's protocol crate logs at trace, sixteen to a row, in hexadecimal.
fn raw_bytes(lines: &[Line]) -> String {
    let rows = lines.iter().filter(|line| line.target == "ureq_proto::util");
    let bytes = rows.flat_map(|row| {
        let hex: String = row.text[..40].chars().filter(char::is_ascii_hexdigit).collect();
        let pairs =
            (0..hex.len() / 2).map(|pair| u8::from_str_radix(&hex[2 * pair..2 * pair + 2], 16));
        pairs.map(Result::unwrap).collect::<Vec<u8>>()
    });
    String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
}

/// Should this fail because the bytes are gone, the warning can go too.
#[test]
fn of_all_the_log_only_the_raw_bytes_of_ureq_hold_a_key() {
    let lines = logged(use_everything);
    let (raw, others): (Vec<Line>, Vec<Line>) =
        lines.into_iter().partition(|line| line.target == "ureq_proto::util");
    for line in &others {
        assert_hides_keys(&line.text);
    }
    let bytes = raw_bytes(&raw);
    assert!(bytes.contains(HEYLO_KEY) && bytes.contains(HEYLERTS_KEY));
}

#[test]
fn the_documentation_warns_of_the_key_in_the_raw_bytes_that_ureq_logs() {
    let lines = logged(|| drop(UreqTransport::default()));
    let warnings = lines.iter().filter(|line| line.level == Level::Warn);
    let warnings: Vec<&str> = warnings.map(|line| line.text.as_str()).collect();
    assert_eq!(warnings.len(), 1, "{lines:?}");
    assert!(warnings[0].contains("ureq_proto=off"), "{warnings:?}");
}

/// Says to a test that it runs in a process of its own, and what address it is about.
const ADDRESS: &str = "HEYSYNC_TEST_ADDRESS";

/// Runs one test of this file in a process of its own, where all variables for proxies name this one.
fn run_behind(proxy: &str, test: &str, address: &str) {
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let lower = names.map(str::to_lowercase);
    let names = names.into_iter().chain(lower.iter().map(String::as_str));
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test]).env(ADDRESS, address);
    child.envs(names.map(|name| (name, proxy)));
    child.env_remove("NO_PROXY").env_remove("no_proxy");
    let output = child.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}

#[test]
fn a_proxy_from_the_environment_is_not_used_for_loopback() {
    if let Ok(address) = std::env::var(ADDRESS) {
        let clients = Clients::with(Config::new().base_url(address).clock(TestClock::new()));
        for sample in SAMPLES {
            assert!((sample.make)(&clients).is_ok(), "{}", sample.name);
        }
        return;
    }
    let server = Server::start([Step::response(200, GOOD)]);
    let proxy = Server::start([Step::CUT]);
    let addresses = [server.url(), format!("http://localhost:{}", server.port())];
    for address in addresses {
        run_behind(&proxy.url(), "a_proxy_from_the_environment_is_not_used_for_loopback", &address);
    }
    assert_eq!((server.received().len(), proxy.accepted()), (2 * SAMPLES.len(), 0));
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn a_proxy_from_the_environment_gets_no_key_and_can_be_switched_off() {
    if let Ok(address) = std::env::var(ADDRESS) {
        let config = Config::new().base_url(address).clock(TestClock::new()).retries(0);
        for config in [config.clone(), config.proxy_from_env(false)] {
            let clients = Clients::with(config);
            for sample in SAMPLES {
                let error = (sample.make)(&clients).unwrap_err();
                assert_eq!(error.kind(), heysync::ErrorKind::NotSent, "{}: {error:?}", sample.name);
            }
        }
        return;
    }
    let proxy = Server::start([Step::Close(response_bytes(502, &[], "no way"))]);
    // A label may have 63 characters, so this name is rejected without asking anybody.
    let host = format!("{}.invalid", "x".repeat(64));
    let test = "a_proxy_from_the_environment_gets_no_key_and_can_be_switched_off";
    run_behind(&proxy.url(), test, &format!("https://{host}"));
    assert_eq!(proxy.received().len(), SAMPLES.len());
    for request in proxy.received() {
        assert!(request.starts_with(&format!("CONNECT {host}:443 ")), "{request}");
        assert_hides_keys(&request);
    }
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn a_socks_proxy_from_the_environment_is_not_passed_by() {
    if let Ok(address) = std::env::var(ADDRESS) {
        let config = Config::new().base_url(address).clock(TestClock::new());
        let clients = Clients::with(config.retries(0));
        for sample in SAMPLES {
            assert!((sample.make)(&clients).is_err(), "{}", sample.name);
        }
        return;
    }
    let proxy = Listener::start();
    let test = "a_socks_proxy_from_the_environment_is_not_passed_by";
    let url = format!("socks5h://127.0.0.1:{}", proxy.port());
    run_behind(&url, test, "https://service.invalid");
    assert_eq!(proxy.received().len(), SAMPLES.len());
    for greeting in proxy.received() {
        assert!(greeting.starts_with(&[5]), "{greeting:?}");
        assert_hides_keys(&String::from_utf8_lossy(&greeting));
    }
}
