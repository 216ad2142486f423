//! Every error status in every shape of body: what a caller is words, and what is tried again.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use heysync::sandbox::TestClock;
use heysync::{Activity, Applied, Call, Config, Error, ErrorKind, Result, Safety, heylerts, heylo};
use serde_json::{Value, json};

#[path = "support/operations.rs"]
mod operations;
#[path = "support/wire.rs"]
mod wire;

use operations::{Clients, HEYLERTS_KEY, HEYLO_KEY, OPERATIONS, Operation, operation};
use wire::{Scripted, Wire, local};

use ErrorKind::{
    AppliedUnreadable, Forbidden, NotFound, OutcomeUnknown, RateLimited, Redirect, Rejected,
    Server, Unauthorized, Unreadable,
};

const UNKNOWN: &str = "whether it took effect is not known";

fn community(wire: &Wire, config: Config) -> heylo::Community {
    let client = heylo::Client::with_config(HEYLO_KEY, config.base_url(wire.url()));
    client.unwrap().community("abc123")
}

fn account(wire: &Wire, config: Config) -> heylerts::Client {
    heylerts::Client::with_config(HEYLERTS_KEY, config.base_url(wire.url())).unwrap()
}

fn run(operation: &Operation, wire: &Wire, config: Config) -> Result<()> {
    (operation.make)(&Clients::with(config.base_url(wire.url())))
}

/// Counts the requests of an operation: an update of a role may also read its members.
fn count(operation: &Operation, wire: &Wire) -> usize {
    let path = operation.call.split(' ').nth(1).unwrap();
    wire.lines().iter().filter(|line| line.contains(path)).count()
}

/// The hint of an operation whose outcome is unknown.
fn outcome_hint(operation: &Operation) -> Option<&'static str> {
    match operation.name {
        "invite" => Some("look for the invite in Heylo before sending it again"),
        "create_alert" => Some(
            "list the alerts and look for one with this name and keyword before creating it again",
        ),
        _ => None,
    }
}

/// A status, and what becomes of a call that gets it.
struct Status {
    code: u16,
    reason: &'static str,
    /// The kind for a read, and for a call that a second time changes nothing more.
    kind: ErrorKind,
    /// The kind for a call that must not be repeated blindly.
    unsafe_kind: ErrorKind,
    hint: Option<&'static str>,
    /// Whether a read is sent again, and an unsafe call.
    again: (bool, bool),
}

const fn status(
    code: u16,
    reason: &'static str,
    (kind, unsafe_kind): (ErrorKind, ErrorKind),
    hint: Option<&'static str>,
    again: (bool, bool),
) -> Status {
    Status { code, reason, kind, unsafe_kind, hint, again }
}

const NEVER: (bool, bool) = (false, false);
const READS: (bool, bool) = (true, false);
const ALL: (bool, bool) = (true, true);

const STATUSES: [Status; 16] = [
    status(301, "Moved Permanently", (Redirect, Redirect), Some("base address"), NEVER),
    status(307, "Temporary Redirect", (Redirect, Redirect), Some("base address"), NEVER),
    status(400, "Bad Request", (Rejected, Rejected), None, NEVER),
    status(401, "Unauthorized", (Unauthorized, Unauthorized), Some("API key"), NEVER),
    status(403, "Forbidden", (Forbidden, Forbidden), Some("plan"), NEVER),
    status(404, "Not Found", (NotFound, NotFound), Some("the id"), NEVER),
    status(405, "Method Not Allowed", (Rejected, Rejected), None, NEVER),
    status(408, "Request Timeout", (Server, OutcomeUnknown), Some("again later"), READS),
    status(409, "Conflict", (Rejected, Rejected), None, NEVER),
    status(422, "Unprocessable Entity", (Rejected, Rejected), None, NEVER),
    status(429, "Too Many Requests", (RateLimited, RateLimited), Some("lower the rate"), ALL),
    status(500, "Internal Server Error", (Server, OutcomeUnknown), Some("again later"), READS),
    status(501, "Not Implemented", (Server, Server), Some("again later"), NEVER),
    status(502, "Bad Gateway", (Server, OutcomeUnknown), Some("again later"), READS),
    status(503, "Service Unavailable", (Server, OutcomeUnknown), Some("again later"), READS),
    status(504, "Gateway Timeout", (Server, OutcomeUnknown), Some("again later"), READS),
];

impl Status {
    fn kind_for(&self, operation: &Operation) -> ErrorKind {
        match operation.safety {
            Safety::Unsafe => self.unsafe_kind,
            _ => self.kind,
        }
    }

    fn is_retried(&self, operation: &Operation) -> bool {
        match operation.safety {
            Safety::Unsafe => self.again.1,
            _ => self.again.0,
        }
    }

    fn hint_for(&self, operation: &Operation) -> Option<&'static str> {
        let unknown = self.kind_for(operation) == OutcomeUnknown;
        if unknown { outcome_hint(operation) } else { self.hint }
    }
}

/// A body in each shape that was seen, and the message in it.
const BODIES: [(&str, &str, &str); 12] = [
    // Heylerts, as its page shows it; and FastAPI's rejected parameters.
    ("application/json", r#"{"detail": "no such alert"}"#, "no such alert"),
    (
        "application/json",
        r#"{"detail": [{"type": "less_than_equal", "loc": ["query", "per_page"],
            "msg": "Input should be less than or equal to 100", "input": "101"},
            {"type": "missing", "loc": ["body", "name"], "msg": "Field required"}]}"#,
        "query.per_page: Input should be less than or equal to 100; body.name: Field required",
    ),
    // Heylo does not document any of these.
    ("application/json", r#"{"error": "no such group"}"#, "no such group"),
    ("application/json", r#"{"message": "no such group"}"#, "no such group"),
    ("application/json", r#"{"error": {"code": 5, "message": "no such group"}}"#, "no such group"),
    ("application/json", r#"{"error": true, "message": "no such group"}"#, "no such group"),
    // Other JSON.
    ("application/json", r#"{"code": 7}"#, r#"{"code": 7}"#),
    ("application/json", r#""quota""#, "quota"),
    // Something in between that responses in the service's place.
    (
        "text/html",
        "<!doctype html>\n<html><head><title>Error from the proxy</title></head></html>",
        "Error from the proxy",
    ),
    ("text/html", "<p>oh", ""),
    ("text/plain", " Internal\r\n Server Error\n", "Internal Server Error"),
    ("text/plain", "", ""),
];

impl Status {
    fn scripted(&self, (content_type, body, _): (&'static str, &str, &str)) -> Scripted {
        let response = Scripted::status(self.code)
            .header("content-type", content_type)
            .header("x-request-id", "r-1")
            .header("retry-after", 7)
            .body(body);
        match self.code {
            300..=399 => response.header("location", "/elsewhere"),
            _ => response,
        }
    }
}

fn assert_reports(error: &Error, operation: &Operation, status: &Status, body: &str, words: &str) {
    let kind = status.kind_for(operation);
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (kind, status.code));
    let message = match (kind, words) {
        (OutcomeUnknown, "") => UNKNOWN.to_owned(),
        (OutcomeUnknown, words) => format!("{words}; {UNKNOWN}"),
        (Redirect, "") => "it leads to /elsewhere".to_owned(),
        (Redirect, words) => format!("{words}; it leads to /elsewhere"),
        (_, words) => words.to_owned(),
    };
    assert_eq!(error.message(), message);
    let shown = match words == status.reason {
        // The line does not say it twice.
        true => message.split_once("; ").map_or("", |(_, rest)| rest),
        false => &message,
    };
    let parts = [operation.call, &format!("{} {}", status.code, status.reason), shown];
    let line = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
    let host = error.host().unwrap();
    assert_eq!(error.to_string(), format!("{line}, from {host}"));
    assert_eq!(error.body(), body.as_bytes());
    assert_eq!(error.headers()["x-request-id"], "r-1");
    assert_eq!(error.attempts(), 1);
    let asked = matches!(status.code, 429 | 503).then_some(Duration::from_secs(7));
    assert_eq!(error.retry_after(), asked);
    let hint = status.hint_for(operation);
    assert_eq!(error.hint().is_some(), hint.is_some(), "{:?}", error.hint());
    assert!(error.hint().unwrap_or_default().contains(hint.unwrap_or_default()));
    assert!(error.source().is_none());
    assert_eq!(error.is_temporary(), status.is_retried(operation));
    let may_be_applied =
        matches!(status.code, 408 | 500 | 502..) && operation.safety != Safety::Read;
    assert_eq!(error.applied(), if may_be_applied { Applied::Unknown } else { Applied::No });
    assert!(error.report().starts_with(&error.to_string()));
}

#[test]
fn every_status_with_every_body_is_reported() {
    for operation in &OPERATIONS {
        for status in &STATUSES {
            for (kind, body, words) in BODIES {
                let wire = Wire::new([status.scripted((kind, body, words))]);
                let error = run(operation, &wire, wire.config()).unwrap_err();
                assert_reports(&error, operation, status, body, words);
                assert_eq!(count(operation, &wire), 1, "{} {}", operation.call, status.code);
            }
        }
    }
}

#[test]
fn safe_requests_are_retried() {
    for operation in &OPERATIONS {
        for status in &STATUSES {
            let responses = [Scripted::status(status.code), Scripted::text(operation.good)];
            let wire = Wire::new(responses);
            let outcome = run(operation, &wire, local(&TestClock::new()));
            let is_retried = status.is_retried(operation);
            let case = format!("{} {}", operation.call, status.code);
            assert_eq!(outcome.is_ok(), is_retried, "{case}: {outcome:?}");
            assert_eq!(count(operation, &wire), 1 + usize::from(is_retried), "{case}");
        }
    }
}

#[test]
fn a_retry_sends_the_same_request() {
    for operation in OPERATIONS.iter().filter(|operation| operation.safety != Safety::Unsafe) {
        let responses =
            [Scripted::status(500), Scripted::status(504), Scripted::text(operation.good)];
        let wire = Wire::new(responses);
        run(operation, &wire, local(&TestClock::new())).unwrap();
        let asked = wire
            .requests()
            .into_iter()
            .map(|asked| (asked.line(), format!("{:?}", asked.headers), asked.body));
        let asked: Vec<_> = asked.collect();
        assert_eq!((&asked[0], &asked[0]), (&asked[1], &asked[2]));
    }
}

#[test]
fn the_last_error_is_returned_with_the_number_of_attempts() {
    for (retries, attempts) in [(0, 1), (1, 2), (4, 5)] {
        let last = Scripted::status(503).body("the last one");
        let before = vec![Scripted::status(500); attempts - 1];
        let wire = Wire::new(before.into_iter().chain([last]));
        let config = local(&TestClock::new()).retries(retries);
        let error = account(&wire, config).stats().unwrap_err();
        assert_eq!((error.attempts() as usize, error.message()), (attempts, "the last one"));
        let counted = error.to_string().contains(&format!("(after {attempts} attempts)"));
        assert_eq!(counted, attempts > 1, "{error}");
        assert_eq!(wire.requests().len(), attempts);
    }
}

#[test]
fn a_retry_is_not_before_the_service_asked_for_it() {
    let clock = TestClock::new();
    let busy = Scripted::status(503).header("retry-after", "30.5");
    let wire = Wire::new([busy, Scripted::text(r#"{"total": 3}"#)]);
    account(&wire, local(&clock)).stats().unwrap();
    assert!(clock.elapsed() >= Duration::from_millis(30_500), "{clock:?}");
}

#[test]
fn a_wait_beyond_the_deadline_is_not_begun_and_the_real_error_is_returned() {
    let clock = TestClock::new();
    let wire =
        Wire::new([Scripted::status(503).header("retry-after", 3600).body("down for repairs")]);
    let error = account(&wire, local(&clock)).stats().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (Server, 1));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert!(error.message().starts_with("down for repairs; a wait of 3600.0 s"), "{error}");
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

/// The wait of a 429 that does not fit, and whether another attempt was announced.
fn refused(response: Scripted, deadline: u64) -> (Result<heylerts::Stats>, Vec<&'static str>) {
    let (clock, seen) = (TestClock::new(), Arc::new(Mutex::new(Vec::new())));
    let log = Arc::clone(&seen);
    let observer = move |activity: &Activity<'_>| match activity {
        Activity::Retrying { .. } => log.lock().unwrap().push("retrying"),
        Activity::Waiting { .. } => log.lock().unwrap().push("waiting"),
        _ => {}
    };
    let wire = Wire::new([response, Scripted::text(r#"{"total": 3}"#)]);
    let config = local(&clock).observer(observer).deadline(Duration::from_secs(deadline));
    let outcome = account(&wire, config).stats();
    let seen = seen.lock().unwrap().clone();
    (outcome, seen)
}

#[test]
fn an_attempt_after_a_429_is_announced_only_if_its_wait_fits_into_the_deadline() {
    let named = || Scripted::status(429).header("retry-after", 50);
    for response in [Scripted::status(429), named()] {
        let (outcome, seen) = refused(response, 600);
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(seen, ["retrying", "waiting"]);
    }
    for (response, why) in [
        (Scripted::status(429), "(the service refused and named no time to wait) does not fit"),
        (named(), "(the service asked for a pause) does not fit"),
    ] {
        let (outcome, seen) = refused(response, 20);
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (RateLimited, 1));
        assert!(error.message().contains(why), "{error}");
        assert!(seen.is_empty(), "{seen:?}");
    }
}

#[test]
fn the_hint_of_a_status_tells_what_its_head_and_body_show() {
    let page = "<!doctype html><title>Blocked</title>";
    let page_of = |status| Scripted::status(status).header("content-type", "text/html").body(page);
    let slash = |to: &str| Scripted::status(301).header("location", to);
    for (response, expected) in [
        (page_of(401), "something between here and the service"),
        (page_of(403), "something between here and the service"),
        (Scripted::status(403).body(r#"{"detail": "no"}"#), "check the account's plan"),
        (slash("/api/v1/stats/"), "a slash at its end"),
        (slash("https://heylerts.com/api/v1/stats/?page=1"), "a slash at its end"),
        (slash("https://heylerts.example/api/v1/stats"), "check the base address: it must be"),
        (slash("/sign-in/"), "check the base address: it must be"),
        (Scripted::status(507), "may not help"),
        (Scripted::status(530), "may not help"),
        (Scripted::status(511), "sign in"),
    ] {
        let wire = Wire::new([response]);
        let error = account(&wire, Config::new().retries(0)).stats().unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains(expected)), "{error:?}");
        assert!(!error.is_temporary(), "{error:?}");
    }
}

#[test]
fn a_removal_that_lost_a_response_and_then_finds_nothing_has_succeeded() {
    let gone = Scripted::status(404).body(r#"{"detail": "gone"}"#);
    let removals: [fn(&Wire, Config) -> Result<()>; 2] = [
        |wire, config| account(wire, config).delete_alert("a1"),
        |wire, config| community(wire, config).remove_member("u1").map(drop),
    ];
    for removal in removals {
        let run = |responses: [Scripted; 2]| {
            let wire = Wire::new(responses);
            let outcome = removal(&wire, local(&TestClock::new()));
            (outcome.map_err(|error| error.kind()), wire.requests().len())
        };
        assert_eq!(run([Scripted::status(502), gone.clone()]), (Ok(()), 2));
        // A page of something in between does not say that it is gone.
        let page = Scripted::status(404).body("<title>Not Found</title>");
        assert_eq!(run([Scripted::status(502), page]), (Err(NotFound), 2));
        // Nobody removed it before.
        assert_eq!(run([gone.clone(), gone.clone()]), (Err(NotFound), 1));
        assert_eq!(run([Scripted::status(429), gone.clone()]), (Err(NotFound), 2));
    }
}

#[test]
fn a_success_that_cannot_be_read_is_retried_only_by_a_read_and_only_if_that_may_help() {
    let cut = r#"{"id": "a1", "#;
    let other = r#"{"unexpected": 1}"#;
    for operation in OPERATIONS.iter().filter(|operation| !operation.good.is_empty()) {
        let is_read = operation.safety == Safety::Read;
        let kind = if is_read { Unreadable } else { AppliedUnreadable };
        for (body, attempts) in
            [(cut, if is_read { 3 } else { 1 }), ("", if is_read { 3 } else { 1 }), (other, 1)]
        {
            let wire = Wire::new(vec![Scripted::text(body); 3]);
            let error = run(operation, &wire, local(&TestClock::new()).retries(2)).unwrap_err();
            assert_eq!((error.kind(), error.attempts()), (kind, attempts), "{error} {body}");
            assert_eq!(count(operation, &wire), attempts as usize);
            assert_eq!((error.status().unwrap().as_u16(), error.body()), (200, body.as_bytes()));
            assert!(error.source().is_some());
        }
    }
}

/// Bodies by which a service takes its 200 back, and the words in them.
const DENIALS: [(&str, &str); 23] = [
    (r#"{"error": "Community not found"}"#, "Community not found"),
    (r#"{"ok": false, "error": "alert is locked"}"#, "alert is locked"),
    (r#"{"success": false, "message": "alert is locked"}"#, "alert is locked"),
    (r#"{"success": false}"#, "the response reports a failure"),
    (r#"{"error": {"code": 7, "message": "gone"}}"#, "gone"),
    (r#"{"errors": [{"message": "a"}, "b"]}"#, "a; b"),
    (r#"{"code": 404, "message": "gone"}"#, "gone"),
    (r#"{"detail": "Community not found"}"#, "Community not found"),
    (r#"{"isSuccess": false, "message": "gone"}"#, "gone"),
    (r#"{"failed": true, "message": "gone"}"#, "gone"),
    (r#"{"result": "error", "message": "gone"}"#, "gone"),
    (r#"{"status": "error", "message": "gone"}"#, "gone"),
    (r#"{"status": "fail", "message": "gone"}"#, "gone"),
    (r#"{"data": null, "error": {"message": "gone"}}"#, "gone"),
    (r#"{"data": null, "errors": [{"message": "gone"}]}"#, "gone"),
    (r#"[{"error": "gone"}]"#, "gone"),
    (r#""{\"error\": \"gone\"}""#, "gone"),
    ("{'error': 'gone'}", "gone"),
    (r#"{"error": "gone",}"#, "gone"),
    (r#"callback({"error": "gone"});"#, "gone"),
    (")]}',\n{\"error\": \"gone\"}", "gone"),
    ("\u{feff}{\"error\": \"Run \\ud83d\"}", "Run \u{fffd}"),
    (r#"{"error": "first", "error": "last"}"#, "last"),
];

#[test]
fn a_success_whose_json_denies_it_is_rejected_in_the_services_words_and_not_retried() {
    for operation in &OPERATIONS {
        for (body, words) in DENIALS {
            let wire = Wire::new([Scripted::text(body), Scripted::text(operation.good)]);
            let error = run(operation, &wire, local(&TestClock::new())).unwrap_err();
            let case = format!("{} {body}", operation.call);
            assert_eq!((error.kind(), error.message()), (Rejected, words), "{case}");
            assert_eq!(error.applied(), Applied::No, "{case}");
            assert!(!error.is_temporary(), "{case}");
            assert_eq!(error.body(), body.as_bytes(), "{case}");
            assert_eq!(count(operation, &wire), 1, "{case}");
        }
    }
}

#[test]
fn a_success_that_denies_nothing_is_one() {
    for body in [
        "",
        "removed",
        "[]",
        "{}",
        r#"{"error": null}"#,
        r#"{"error": false, "success": true}"#,
        r#"{"error": "", "errors": []}"#,
        r#"{"detail": "removed"}"#,
    ] {
        for operation in OPERATIONS.iter().filter(|operation| operation.good.is_empty()) {
            let wire = Wire::new([Scripted::text(body)]);
            let outcome = run(operation, &wire, local(&TestClock::new()));
            assert!(outcome.is_ok(), "{} {body}: {outcome:?}", operation.call);
        }
    }
}

#[test]
fn words_that_may_be_a_success_or_a_failure_leave_the_outcome_of_a_change_open() {
    for body in [
        r#"{"detail": "Mitglied 2"}"#,
        r#"{"success": true, "error": "Mitglied 2"}"#,
        r#"{"message": "Mitglied 2 not found"}"#,
        r#"{"code": 17, "msg": "Mitglied 2"}"#,
        r#"{"removed": false, "reason": "Mitglied 2"}"#,
    ] {
        for operation in OPERATIONS.iter().filter(|operation| operation.good.is_empty()) {
            let wire = Wire::new([Scripted::text(body), Scripted::text(body)]);
            let error = run(operation, &wire, local(&TestClock::new())).unwrap_err();
            let case = format!("{} {body}: {error}", operation.call);
            assert_eq!(
                (error.kind(), error.applied()),
                (OutcomeUnknown, Applied::Unknown),
                "{case}"
            );
            assert!(error.to_string().contains("Mitglied 2"), "{case}");
            assert_eq!(count(operation, &wire), 1, "{case}");
        }
    }
}

#[test]
fn data_with_a_field_called_error_is_data() {
    let alert = r#"{"id": "a1", "ok": false, "error": "the last check failed"}"#;
    let wire = Wire::new([Scripted::text(alert), Scripted::text(alert)]);
    let client = account(&wire, wire.config());
    assert_eq!(client.get_alert("a1").unwrap().id, "a1");
    let whole: Value = client.send(&Call::get(["alerts", "a1"])).unwrap();
    assert_eq!(whole["error"], "the last check failed");
}

#[test]
fn a_denial_in_utf_16_is_rejected() {
    for operation in &OPERATIONS {
        // Big-endian, which for ASCII is valid UTF-8 as well.
        let body: String = "{\"error\": \"gone\"}".chars().flat_map(|c| ['\0', c]).collect();
        let wire = Wire::new([Scripted::status(200).body(body), Scripted::text(operation.good)]);
        let error = run(operation, &wire, local(&TestClock::new())).unwrap_err();
        assert_eq!((error.kind(), error.message()), (Rejected, "gone"), "{}", operation.call);
    }
}

#[test]
fn an_empty_list_beside_a_report_of_failure_is_rejected() {
    let wire = Wire::new(vec![Scripted::text(r#"{"items": [], "error": "database is down"}"#)]);
    let error = account(&wire, wire.config()).alerts().next().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.message()), (Rejected, "database is down"));
    let wire = Wire::new(vec![Scripted::text(r#"{"events": [], "ok": false}"#)]);
    let error = community(&wire, wire.config()).events().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), Rejected);
    let wire = Wire::new(vec![Scripted::text(r#"{"items": [], "total_items": 0, "ok": true}"#)]);
    assert_eq!(account(&wire, wire.config()).alerts().count(), 0);
}

const PAGES: [(&str, &str); 9] = [
    ("text/plain", "\u{feff}\u{200b}<!DOCTYPE html><title>Sign in</title>"),
    ("application/json", "Notice: undefined index in x.php\n<html><title>Sign in</title></html>"),
    ("", "<?xml version=\"1.0\"?><Error><Code>x</Code><title>Sign in</title></Error>"),
    ("application/xml", "\n<!-- x -->\n<error><title>Sign in</title></error>"),
    ("text/html", "<!DOCTYPE html><title>Sign in</title>"),
    ("application/json", "\n<HTML><head><title>Sign in</title>"),
    ("text/html", "<!-- x --><h1>Sign in</h1>"),
    ("application/xhtml+xml", "<?xml version=\"1.0\"?><html><title>Sign in</title></html>"),
    ("text/html; charset=utf-8", "Please <a>sign in</a><h1>Sign in</h1>"),
];

#[test]
fn a_page_in_place_of_a_success_leaves_the_outcome_of_a_write_unknown() {
    for operation in &OPERATIONS {
        for (content_type, page) in PAGES {
            let is_read = operation.safety == Safety::Read;
            let mut response = Scripted::text(page);
            if !content_type.is_empty() {
                response = response.header("content-type", content_type);
            }
            let wire = Wire::new(vec![response; 2]);
            let config = local(&TestClock::new()).retries(1);
            let error = run(operation, &wire, config).unwrap_err();
            let case = format!("{} {page}: {error}", operation.call);
            let (kind, applied) = match is_read {
                true => (Unreadable, Applied::No),
                false => (OutcomeUnknown, Applied::Unknown),
            };
            assert_eq!((error.kind(), error.applied()), (kind, applied), "{case}");
            assert_eq!(error.is_temporary(), is_read, "{case}");
            assert!(error.message().contains("web page: Sign in"), "{case}");
            assert_eq!(error.message().contains(UNKNOWN), !is_read, "{case}");
            assert!(is_read || error.hint().unwrap().contains("find out"), "{case}");
            assert_eq!(count(operation, &wire), 1 + usize::from(is_read), "{case}");
        }
    }
}

#[test]
fn an_empty_success_is_reported_as_empty() {
    let wire = Wire::new([Scripted::text("")]);
    let error = account(&wire, wire.config()).stats().unwrap_err();
    assert_eq!(error.message(), "the response is empty");
}

#[test]
fn a_read_gets_over_a_page_that_something_in_between_sent() {
    let wire = Wire::new([Scripted::text("<p>one moment</p>"), Scripted::text(r#"{"total": 3}"#)]);
    let stats = account(&wire, local(&TestClock::new())).stats().unwrap();
    assert_eq!(stats.total, 3);
}

#[test]
fn an_error_keeps_a_bounded_copy_of_the_body_and_a_short_message() {
    let body = "word ".repeat(40_000);
    let wire = Wire::new([Scripted::status(400).body(body.clone())]);
    let error = account(&wire, wire.config()).stats().unwrap_err();
    assert_eq!(error.body(), &body.as_bytes()[..64 * 1024]);
    assert!(error.message().starts_with("word word"));
    assert!(error.to_string().len() < 600);
}

#[test]
fn an_error_shows_no_key_though_the_service_quotes_it() {
    let (roles, stats) = (operation("Community::roles"), operation("Client::stats"));
    for (operation, key) in [(&roles, HEYLO_KEY), (&stats, HEYLERTS_KEY)] {
        let quoted = json!({"detail": format!("bad key {key}!")}).to_string();
        let response = Scripted::status(401).header("x-echo", key).body(quoted);
        let wire = Wire::new([response, Scripted::json(json!(key))]);
        for _ in 0..2 {
            let error = run(operation, &wire, wire.config()).unwrap_err();
            let source = error.source().map(ToString::to_string);
            let headers = error.headers().clone();
            let shown = format!(
                "{error} {error:?} {source:?} {headers:?} {:?}",
                String::from_utf8_lossy(error.body())
            );
            assert!(!shown.contains(key), "{shown}");
        }
    }
}

#[test]
fn main_prints_the_whole_report_of_an_error_with_more_in_it() {
    let wire =
        Wire::new(vec![Scripted::json(json!({"error": "no such role"})).with_status(404); 2]);
    let failed = community(&wire, Config::new()).role("r1").set_members(["u1"]).unwrap_err();
    let read_all = account(&wire, Config::new()).alerts().read_all().unwrap_err();
    let errors: [(Box<dyn std::error::Error>, &str); 2] = [
        (failed.into(), "the update failed"),
        (read_all.into(), "the list was not read to its end"),
    ];
    for (error, line) in errors {
        // What `fn main() -> Result<(), Box<dyn Error>>` prints.
        let printed = format!("{error:?}");
        assert!(printed.starts_with(line), "{printed}");
        assert!(
            printed.contains("\n  caused by: ") && printed.contains("404 Not Found"),
            "{printed}"
        );
        assert!(printed.contains("\n  hint: check the "), "{printed}");
    }
}

#[test]
fn the_hint_of_a_404_is_the_id_if_the_call_has_one_and_the_address_if_it_has_none() {
    let of = |operation: &Operation, body: &str| {
        let wire = Wire::new(vec![Scripted::status(404).body(body)]);
        run(operation, &wire, Config::new()).unwrap_err().hint().unwrap().to_owned()
    };
    for operation in OPERATIONS {
        let own = of(&operation, r#"{"detail": "Alert not found"}"#);
        // Of a framework that has no such path.
        let bare = of(&operation, r#"{"detail": "Not Found"}"#);
        let page = of(&operation, "<title>Not Found</title>");
        match operation.ids.is_empty() {
            true => assert!(own.starts_with("check the base address and the path"), "{own}"),
            false => assert!(own.starts_with("check the id, and that"), "{own}"),
        }
        assert!(page.contains("base address") && bare.contains("base address"), "{page}, {bare}");
    }
    assert!(OPERATIONS.iter().any(|operation| operation.ids.is_empty()));
}

#[test]
fn the_hint_of_a_404_has_the_ids_of_the_body_and_no_key_that_was_given_as_one() {
    let hint = |role: &str| {
        let response = Scripted::json(json!({"error": "Role not found"})).with_status(404);
        let wire = Wire::new(vec![response]);
        let role = community(&wire, Config::new()).role(role);
        role.members().unwrap_err().hint().unwrap().to_owned()
    };
    let known = hint("captains");
    assert!(known.ends_with(r#"communityId "abc123", roleId "captains""#), "{known}");
    assert!(!hint(HEYLO_KEY).contains(HEYLO_KEY));
}

#[test]
fn no_error_prints_json_without_a_message() {
    const BODIES: [&str; 7] = [
        r#"{"code": "E17", "member": {"email": "ada@example.com"}}"#,
        r#"{"error": {"email": "ada@example.com"}}"#,
        r#"[{"email": "ada@example.com"}]"#,
        r#"["ada@example.com"]"#,
        r#"{"ada@example.com": {"phone": 15558675309}}"#,
        r#"{"email": "ada@example.com", "cut"#,
        r#""{\"email\": \"ada@example.com\"}""#,
    ];
    let quick = || Config::new().retries(0).clock(TestClock::new());
    for operation in OPERATIONS {
        for (status, body) in [400, 401, 404, 409, 422, 429, 500, 302, 200]
            .into_iter()
            .flat_map(|status| BODIES.map(|body| (status, body)))
        {
            let wire = Wire::new(vec![Scripted::status(status).body(body); 2]);
            let Err(error) = run(&operation, &wire, quick()) else { continue };
            let shown = format!("{error} {error:?} {error:#?} {}", error.message());
            let case = format!("{} {status} {body}: {shown}", operation.call);
            assert!(!shown.contains("ada@") && !shown.contains("5558675"), "{case}");
            assert!(status == 200 || error.body() == body.as_bytes(), "{case}");
        }
    }
}
