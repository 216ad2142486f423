//! Recordings: what is in the file, what is not, and playing it back.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up fails")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use heysync::har::{Recorder, Replay};
use heysync::heylo::NewMember;
use heysync::limiter::Rate;
use heysync::sandbox::{Fault, FaultPoint, Heylerts, Heylo, TestClock, WireResponse, serve};
use heysync::{Call, Config, DryRun, ErrorKind, Transport, UreqTransport, heylerts, heylo, http};
use serde_json::{Value, json};

#[allow(dead_code, reason = "the limit is only held")]
#[path = "support/limit.rs"]
mod limit;

use limit::Limit;

/// A file that is removed at the end.
struct File(PathBuf);

impl File {
    fn new() -> File {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("heysync-har-{}-{number}.har", std::process::id());
        File(std::env::temp_dir().join(name))
    }

    fn with(text: &str) -> File {
        let file = File::new();
        fs::write(&file.0, text).unwrap();
        file
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    fn entries(&self) -> Vec<Value> {
        self.json()["log"]["entries"].as_array().unwrap().clone()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

const KEY: &str = "hlt_the_key_that_is_secret";

fn client(transport: impl Transport + 'static) -> heylerts::Client {
    let config = Config::new().transport(transport).clock(TestClock::new());
    heylerts::Client::with_config(KEY, config.rate(Rate::unlimited())).unwrap()
}

/// The calls of the program under test.
fn work(client: &heylerts::Client) -> (usize, u64, ErrorKind) {
    let mentions = client.mentions().read_all().unwrap();
    let total = client.stats().unwrap().total;
    (mentions.len(), total, client.get_alert("no-such-id").unwrap_err().kind())
}

#[test]
fn what_was_recorded_over_a_socket_is_played_back_without_it() {
    let _limit = Limit::start();
    let file = File::new();
    let service = Heylerts::demo();
    service.inject(1, Fault::BadGateway(FaultPoint::BeforeEffect));
    let server = serve(0, service).unwrap();
    let recorder = Recorder::create(&file.0, UreqTransport::default()).unwrap();
    let config = Config::new().base_url(server.url()).transport(recorder).clock(TestClock::new());
    let recorded = work(&heylerts::Client::with_config(KEY, config).unwrap());
    server.stop();

    let replay = Arc::new(Replay::open(&file.0).unwrap());
    assert_eq!(replay.unused().len(), 5);
    assert_eq!(replay.unused()[0], "GET /api/v1/mentions?page=1&per_page=100");
    // The vendor's address, and another key.
    assert_eq!(work(&client(Arc::clone(&replay))), recorded);
    assert_eq!(replay.unused(), [""; 0]);
    assert!(!file.text().contains(KEY));
}

#[test]
fn the_file_is_har_1_2_that_tools_read() {
    let file = File::new();
    let client = client(Recorder::create(&file.0, Heylerts::demo()).unwrap());
    client.mentions().limit(1).read_all().unwrap();
    let name = json!({"name": "Tea"});
    let id = client.alerts().next().unwrap().unwrap().id;
    let _: Value = client.send(&Call::patch(["alerts", &id]).json(&name)).unwrap();
    let log = &file.json()["log"];
    assert_eq!((&log["version"], &log["creator"]["name"]), (&json!("1.2"), &json!("heysync")));
    // What the format requires of each entry.
    for entry in file.entries() {
        for pointer in [
            "/startedDateTime",
            "/time",
            "/cache",
            "/timings/send",
            "/timings/wait",
            "/timings/receive",
            "/request/method",
            "/request/url",
            "/request/httpVersion",
            "/request/cookies",
            "/request/headers",
            "/request/queryString",
            "/request/headersSize",
            "/request/bodySize",
            "/response/status",
            "/response/statusText",
            "/response/httpVersion",
            "/response/cookies",
            "/response/headers",
            "/response/content/size",
            "/response/content/mimeType",
            "/response/redirectURL",
            "/response/headersSize",
            "/response/bodySize",
        ] {
            assert!(entry.pointer(pointer).is_some_and(|it| !it.is_null()), "{pointer}: {entry}");
        }
        assert!(entry["startedDateTime"].as_str().unwrap().ends_with('Z'));
    }
    let entries = file.entries();
    let page = json!([{"name": "page", "value": "1"}, {"name": "per_page", "value": "100"}]);
    assert_eq!(entries[0]["request"]["queryString"], page);
    assert_eq!(entries[0]["request"].get("postData"), None);
    let post_data = json!({"mimeType": "application/json", "text": r#"{"name":"Tea"}"#});
    assert_eq!(entries[2]["request"]["postData"], post_data);
    assert_eq!(entries[2]["response"]["content"]["mimeType"], "application/json");
}

#[test]
fn keys_cookies_and_chosen_fields_never_reach_the_disk() {
    let file = File::new();
    let transport = |request: http::Request<Vec<u8>>, _: Duration| {
        let key = request.headers()["authorization"].to_str().unwrap().to_owned();
        let body = json!({
            "echo": key, "url": request.uri().to_string(), "ok": true,
            "people": [{"Email": "ada@example.com", "age": 36, "nested": {"email": ["ada@example.com"]}}],
        });
        let response = http::Response::builder()
            .header("Set-Cookie", "session=abc-session")
            .header("X-Echo", key)
            .header("X-Note", "note-of-ada");
        Ok(response.body(body.to_string().into_bytes()).unwrap())
    };
    let recorder = Recorder::create(&file.0, transport).unwrap().scrub("email").scrub("x-note");
    let config = Config::new().transport(recorder).clock(TestClock::new());
    let client = heylo::Client::with_config("secret/key+of=heylo", config).unwrap();
    let body =
        json!({"type": "x", "email": "ada@example.com", "list": [{"email": "ada@example.com"}]});
    let call = Call::post(["apiv1-fetch"]).json(&body).query("email", "ada@example.com");
    let _: Value = client.send(&call.query("q", "secret/key+of=heylo")).unwrap();
    let invite = NewMember::new("u-1").email("ada@example.com");
    client.community("c").invite(&invite).unwrap();
    let text = file.text();
    for secret in
        ["secret", "of=heylo", "of%3Dheylo", "abc-session", "note-of-ada", "ada@", "ada%40"]
    {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let content: Value =
        serde_json::from_str(file.entries()[0]["response"]["content"]["text"].as_str().unwrap())
            .unwrap();
    let person = json!({"Email": "[scrubbed]", "age": 36, "nested": {"email": []}});
    assert_eq!(content["people"][0], person);

    // What was left out matches everything.
    let config = Config::new().transport(Replay::open(&file.0).unwrap()).clock(TestClock::new());
    let client = heylo::Client::with_config("another-key", config).unwrap();
    client.community("c").invite(&NewMember::new("u-1").email("bob@example.com")).unwrap();
    let error = client.community("c").invite(&NewMember::new("u-2")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSent);
}

#[test]
fn a_key_that_was_used_before_does_not_reach_the_disk_either() {
    let file = File::new();
    let transport = |_: http::Request<Vec<u8>>, _: Duration| {
        let body = json!({"total": 1, "replaced": "hlt_the-first-key", "by": "hlt_the-second-key"});
        Ok(http::Response::new(body.to_string().into_bytes()))
    };
    let recorder = Arc::new(Recorder::create(&file.0, transport).unwrap());
    for key in ["hlt_the-first-key", "hlt_the-second-key"] {
        let config = Config::new().transport(Arc::clone(&recorder)).clock(TestClock::new());
        heylerts::Client::with_config(key, config).unwrap().stats().unwrap();
    }
    let second = file.entries()[1]["response"]["content"]["text"].to_string();
    assert!(second.contains("replaced") && !second.contains("-key"), "{second}");
}

#[test]
fn what_is_left_out_of_a_request_matches_values_of_every_type() {
    let file = File::new();
    let transport = |_: http::Request<Vec<u8>>, _: Duration| {
        let person = json!({"age": 918273, "name": "Ada"}).to_string();
        let body = json!({"age": 918273, "payload": person, "list": [{"Age": [918273]}]});
        let address = "https://x.test/a?page=2&AGE=918273";
        let response = http::Response::builder().header("Location", address);
        Ok(response.body(body.to_string().into_bytes()).unwrap())
    };
    let recording = client(Recorder::create(&file.0, transport).unwrap().scrub("age"));
    let call = |age: Value| {
        let nested = json!({"age": age, "name": "Ada"}).to_string();
        Call::post(["people"]).json(&json!({"age": age, "nested": nested, "name": "Ada"}))
    };
    let _: Value = recording.send(&call(json!(918273))).unwrap();
    assert!(!file.text().contains("918273"), "{}", file.text());
    let response = &file.entries()[0]["response"];
    assert_eq!(response["redirectURL"], "https://x.test/a?page=2&AGE=%5Bscrubbed%5D");
    let content: Value =
        serde_json::from_str(response["content"]["text"].as_str().unwrap()).unwrap();
    let payload = r#"{"age":0,"name":"Ada"}"#;
    assert_eq!(content, json!({"age": 0, "payload": payload, "list": [{"Age": []}]}));
    for other in
        [json!(7), json!("x"), json!(true), json!([1, 2]), json!({"years": 7}), json!(null)]
    {
        let replay = client(Replay::open(&file.0).unwrap());
        replay
            .send::<Value>(&call(other.clone()))
            .unwrap_or_else(|error| panic!("{other}: {error}"));
    }
    let replay = client(Replay::open(&file.0).unwrap());
    let other = Call::post(["people"]).json(&json!({"age": 918273, "nested": "", "name": "Bob"}));
    assert!(replay.send::<Value>(&other).unwrap_err().message().contains("/name"));
}

#[test]
#[cfg(feature = "gzip")]
fn a_compressed_body_is_recorded_as_what_it_holds() {
    use std::io::Write;

    let _limit = Limit::start();
    let file = File::new();
    let server = serve(0, |_: http::Request<Vec<u8>>| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(br#"{"total": 7}"#).unwrap();
        let response = http::Response::builder().header("content-encoding", "gzip");
        WireResponse::Complete(response.body(gzip.finish().unwrap()).unwrap())
    })
    .unwrap();
    let recorder = Recorder::create(&file.0, UreqTransport::default()).unwrap();
    let config = Config::new().base_url(server.url()).transport(recorder).clock(TestClock::new());
    let recorded = heylerts::Client::with_config(KEY, config).unwrap().stats().unwrap();
    assert_eq!(recorded.total, 7);
    let content = &file.entries()[0]["response"]["content"];
    assert_eq!((&content["text"], &content["size"]), (&json!(r#"{"total": 7}"#), &json!(12)));
    assert_eq!(client(Replay::open(&file.0).unwrap()).stats().unwrap(), recorded);
}

/// Set in a child of the next test, to the file that it records in.
const CHILD: &str = "HEYSYNC_TEST_RECORDS_IN";

#[test]
fn a_process_that_is_killed_while_it_records_leaves_a_whole_file() {
    if let Some(path) = std::env::var_os(CHILD) {
        let service = Heylerts::demo().limit(None);
        let client = client(Recorder::create(path, service).unwrap());
        loop {
            drop(client.mentions().limit(1).read_all().unwrap());
        }
    }
    let _limit = Limit::start();
    for entries in 1..6 {
        let file = File::new();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let name = "a_process_that_is_killed_while_it_records_leaves_a_whole_file";
        let child = child.args(["--exact", name]).env(CHILD, &file.0);
        let mut child = child.stdout(std::process::Stdio::null()).spawn().unwrap();
        let recorded = || Replay::open(&file.0).map_or(0, |replay| replay.unused().len());
        while recorded() < entries {
            thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(recorded() >= entries);
        let draft = file.0.with_extension(format!("har.{}.draft", child.id()));
        drop(fs::remove_file(draft));
    }
}

#[test]
fn a_body_that_is_no_json_is_left_out_if_fields_of_it_are() {
    let file = File::new();
    let transport = |_: http::Request<Vec<u8>>, _: Duration| {
        let response = http::Response::builder().status(500);
        Ok(response.body(b"<p>ada@example.com</p>".to_vec()).unwrap())
    };
    let recorder = Recorder::create(&file.0, transport).unwrap().scrub("email");
    client(recorder).stats().unwrap_err();
    assert!(!file.text().contains("ada@"));
    assert_eq!(file.entries()[0]["response"]["content"]["text"], "[scrubbed]");
}

#[test]
fn an_unexpected_call_shows_the_nearest_recorded_one_and_how_it_differs() {
    let file = File::new();
    let recorder = Recorder::create(&file.0, Heylerts::demo()).unwrap();
    let recording = client(recorder);
    recording.stats().unwrap();
    let name = |name: &str| Call::post(["alerts"]).json(&json!({"name": name, "keyword": "tea"}));
    let _: Value = recording.send(&name("Tea")).unwrap();
    let _: Value = recording
        .send(&Call::get(["mentions"]).query("page", 1).query("source", "reddit"))
        .unwrap();

    let replay = Arc::new(Replay::open(&file.0).unwrap());
    let client = client(Arc::clone(&replay));
    for (call, expected) in [
        (
            name("Coffee"),
            "entry 2, POST /api/v1/alerts, differs in the body at /name: \"Tea\" there, \"Coffee\" here",
        ),
        (
            Call::get(["mentions"]).query("page", 2).query("source", "reddit"),
            "the parameter page: \"1\" there, \"2\" here",
        ),
        (Call::get(["mentions"]).query("page", 1), "the parameter source, which is only there"),
        (Call::delete(["stats"]), "the method: \"GET\" there, \"DELETE\" here"),
        (Call::get(["stat"]), "the path: "),
    ] {
        let error = client.send::<Value>(&call).unwrap_err();
        assert_eq!(
            (error.kind(), error.attempts(), error.is_temporary()),
            (ErrorKind::NotSent, 1, false)
        );
        assert!(error.message().contains(expected), "{error}");
        assert!(error.message().contains("is not in the recording"), "{error}");
    }
    assert_eq!(replay.unused().len(), 3);
    client.stats().unwrap();
    let error = client.stats().unwrap_err();
    assert!(error.message().contains("was recorded only so often"), "{error}");
}

#[test]
fn failures_and_bodies_that_are_no_text_are_played_back_as_they_were() {
    let file = File::new();
    let service = Heylerts::demo();
    let recording = client(Recorder::create(&file.0, service.clone()).unwrap());
    service.inject(1, Fault::Cut(FaultPoint::AfterEffect));
    let new = heylerts::NewAlert::new("Tea", "tea");
    let lost = recording.create_alert(&new).unwrap_err();
    drop(recording);
    let entry = &file.entries()[0];
    assert_eq!(
        (&entry["response"]["status"], &entry["response"]["_maybeSent"]),
        (&json!(0), &json!(true))
    );
    let played = client(Replay::open(&file.0).unwrap()).create_alert(&new).unwrap_err();
    assert_eq!((played.kind(), played.applied()), (lost.kind(), lost.applied()));

    let bytes = b"\xff\xfe\x00".to_vec();
    let sent = bytes.clone();
    let transport = move |_: http::Request<Vec<u8>>, _: Duration| {
        Ok(http::Response::builder().status(418).body(sent.clone()).unwrap())
    };
    client(Recorder::create(&file.0, transport).unwrap()).stats().unwrap_err();
    let content = &file.entries()[0]["response"]["content"];
    assert_eq!((&content["text"], &content["encoding"]), (&json!("//4A"), &json!("base64")));
    let error = client(Replay::open(&file.0).unwrap()).stats().unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.body()), (418, &bytes[..]));
}

#[test]
fn the_file_is_valid_after_each_request_and_from_several_threads() {
    let file = File::new();
    let service = Heylerts::demo().limit(None);
    let client = client(Recorder::create(&file.0, service).unwrap());
    assert_eq!(file.entries().len(), 0);
    for count in 1..=20 {
        client.stats().unwrap();
        assert_eq!(file.entries().len(), count);
    }
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                (0..30).for_each(|_| drop(client.mentions().limit(1).read_all().unwrap()))
            });
        }
        for _ in 0..50 {
            file.json();
        }
    });
    drop(client);
    assert_eq!(file.entries().len(), 140);
}

#[test]
fn a_recording_does_not_grow_beyond_its_size_and_the_calls_continue() {
    let file = File::new();
    let service = Heylerts::demo().limit(None);
    let recorder = Recorder::create(&file.0, service.clone()).unwrap().max_size(5000);
    let client = client(recorder);
    for _ in 0..20 {
        client.stats().unwrap();
    }
    drop(client);
    assert_eq!(service.requests().len(), 20);
    let recorded = file.entries().len();
    assert!((2..20).contains(&recorded), "{recorded}");
    assert!(file.text().len() <= 5000, "{}", file.text().len());
}

#[test]
fn a_file_that_a_browser_exported_is_played_back() {
    // With what Chrome and Firefox add, a byte order mark, pseudo-headers, and the headers of an encoding that is undone.
    let file = File::with(
        "\u{feff}{\"log\": {\"version\": \"1.2\", \"creator\": {\"name\": \"WebInspector\", \"version\": \"537.36\"},
        \"pages\": [{\"id\": \"page_1\", \"pageTimings\": {\"onLoad\": 51.2}}],
        \"entries\": [{
            \"_initiator\": {\"type\": \"script\"}, \"_priority\": \"High\", \"pageref\": \"page_1\",
            \"startedDateTime\": \"2026-05-08T12:00:00.123Z\", \"time\": 12.5, \"serverIPAddress\": \"192.0.2.1\",
            \"cache\": {}, \"timings\": {\"blocked\": 1.2, \"dns\": -1, \"ssl\": -1, \"send\": 0.1, \"wait\": 11, \"receive\": 0.2},
            \"request\": {\"method\": \"GET\", \"url\": \"https://heylerts.com/api/v1/stats?\", \"httpVersion\": \"http/2.0\",
                \"headers\": [{\"name\": \":authority\", \"value\": \"heylerts.com\"}], \"queryString\": [],
                \"cookies\": [{\"name\": \"a\", \"value\": \"b\", \"httpOnly\": false}], \"headersSize\": -1, \"bodySize\": 0},
            \"response\": {\"status\": 200, \"statusText\": \"\", \"httpVersion\": \"http/2.0\", \"cookies\": [{\"name\": \"c\", \"value\": \"d\"}],
                \"headers\": [{\"name\": \":status\", \"value\": \"200\"}, {\"name\": \"Content-Encoding\", \"value\": \"gzip\"},
                    {\"name\": \"content-length\", \"value\": \"9999\"}, {\"name\": \"Content-Type\", \"value\": \"application/json\"}],
                \"content\": {\"size\": 12, \"mimeType\": \"application/json\", \"compression\": 3, \"text\": \"eyJ0b3RhbCI6IDd9\", \"encoding\": \"base64\"},
                \"redirectURL\": \"\", \"headersSize\": -1, \"bodySize\": -1, \"_transferSize\": 88, \"_error\": null}
        }]}}",
    );
    let replay = Replay::open(&file.0).unwrap();
    assert_eq!(client(replay).stats().unwrap().total, 7);
}

#[test]
fn a_file_that_is_no_recording_is_rejected_in_words() {
    let missing = Replay::open("/nonexistent/x.har").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Configuration);
    assert!(Recorder::create("/nonexistent/x.har", Heylo::demo()).is_err());
    let entry = |status: u16, content: &str| {
        format!(
            "{{\"log\":{{\"entries\":[{{\"request\":{{\"method\":\"GET\",\"url\":\"/\"}},\
             \"response\":{{\"status\":{status},\"content\":{content}}}}}]}}}}"
        )
    };
    for (text, words) in [
        (String::new(), "is no HAR file"),
        ("{\"log\":{}}".to_owned(), "entries"),
        (entry(7, "{}"), "entry 1 has the status 7"),
        (entry(200, "{\"text\":\"?\",\"encoding\":\"base64\"}"), "no valid base64"),
        (entry(200, "{\"text\":\"?\",\"encoding\":\"rot13\"}"), "unknown encoding"),
    ] {
        let file = File::with(&text);
        let error = Replay::open(&file.0).unwrap_err();
        assert!(error.message().contains(words), "{text}: {error}");
    }
}

#[test]
fn a_recorded_sandbox_counts_on_the_clock_of_the_client() {
    let (file, service, clock) = (File::new(), Heylo::demo(), TestClock::new());
    let recorder = Recorder::create(&file.0, service.clone()).unwrap();
    let config = Config::new().transport(recorder).clock(clock.clone()).retries(0);
    let client = heylo::Client::with_config("key", config).unwrap();
    let community = client.community("harbour-runners");
    assert!((0..20).all(|_| community.roles().is_ok()));
    assert_eq!(service.rate_limit_hits(), 0);
    assert!(clock.elapsed() >= Duration::from_secs(3));
}

#[test]
fn a_recorded_dry_run_leaves_a_journal_as_it_is_too() {
    let file = File::new();
    let recorder = Recorder::create(&file.0, DryRun::new().to(std::io::sink())).unwrap();
    let config = Config::new().transport(recorder).clock(TestClock::new());
    let client = heylo::Client::with_config("key", config).unwrap();
    let mut invites = client.community("club").invite_members([NewMember::new("x")]);
    let mut count = 0;
    let first = invites.next_recorded(|_| {
        count += 1;
        Ok(())
    });
    assert_eq!(first.unwrap().result.unwrap_err().kind(), ErrorKind::DryRun);
    assert_eq!((count, invites.failed_count()), (0, 1));
}
