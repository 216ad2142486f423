//! What is sent again and what is not, counted by the server that it arrives at.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use heysync::ErrorKind::{self, *};
use heysync::heylerts::NewAlert;
use heysync::limiter::Rate;
use heysync::sandbox::{Fault, FaultPoint, Heylerts, Services, TestClock, serve};
use heysync::{Applied, Config, Error, Result, Safety, TransportError, heylerts};

#[path = "support/sockets.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod sockets;

use sockets::{
    Clients, GOOD, HEYLERTS_KEY, SAMPLES, Sample, Server, Step, head, quick, response_bytes,
};

const OWN_404: &str = r#"{"detail": "Not Found"}"#;

fn good() -> Step {
    Step::response(200, GOOD)
}

fn kind(outcome: &Result<()>) -> Option<ErrorKind> {
    outcome.as_ref().err().map(Error::kind)
}

fn call_to(server: &Server, sample: &Sample) -> Result<()> {
    (sample.make)(&Clients::of(server))
}

/// What becomes of a call whose first attempt ends in some way, and whose second would succeed: `None`
/// where it is sent again, and what it fails with where it is not.
type Row = (Option<ErrorKind>, Option<ErrorKind>, Option<ErrorKind>);

/// Plays `first` and then a success to every call, and compares what becomes of it with the row.
fn check(what: &str, first: &Step, row: Row, samples: impl Fn(&Sample) -> bool) {
    for sample in SAMPLES.iter().filter(|sample| samples(sample)) {
        let expected = match sample.safety {
            Safety::Read => row.0,
            Safety::Idempotent => row.1,
            Safety::Unsafe => row.2,
        };
        let server = Server::start([first.clone(), good()]);
        let outcome = call_to(&server, sample);
        let context = format!("{} after {what}: {outcome:?}", sample.name);
        assert_eq!(kind(&outcome), expected, "{context}");
        let requests = if expected.is_none() { 2 } else { 1 };
        assert_eq!(server.received().len(), requests, "{context}");
        if let Err(error) = outcome {
            assert_eq!(error.attempts(), 1, "{context}");
        }
    }
}

fn all(_: &Sample) -> bool {
    true
}

#[test]
fn a_temporary_failure_is_retried_unless_the_call_is_unsafe() {
    let passing = (None, None, Some(OutcomeUnknown));
    check("silence", &Step::CUT, passing, all);
    for status in [408, 500, 502, 503, 504, 520, 521, 522, 523, 524] {
        for body in ["", OWN_404, "<html><title>oh</title></html>"] {
            check(&status.to_string(), &Step::response(status, body), passing, all);
        }
    }
}

#[test]
fn a_429_is_retried_for_every_operation() {
    for headers in [&[][..], &["retry-after: 2"], &["retry-after: nonsense"]] {
        let rejection = Step::Send(response_bytes(429, headers, OWN_404));
        check("429", &rejection, (None, None, None), all);
    }
}

#[test]
fn a_permanent_rejection_is_not_retried() {
    for (status, kind) in [
        (300, Redirect),
        (304, Redirect),
        (400, Rejected),
        (401, Unauthorized),
        (402, Rejected),
        (403, Forbidden),
        (404, NotFound),
        (405, Rejected),
        (409, Rejected),
        (422, Rejected),
        (451, Rejected),
    ] {
        let rejection = match status {
            304 => Step::Send(head(304, &[])),
            _ => Step::response(status, OWN_404),
        };
        check(&status.to_string(), &rejection, (Some(kind), Some(kind), Some(kind)), all);
    }
}

#[test]
fn a_permanent_failure_is_not_retried() {
    let cannot = ErrorKind::Server;
    for (status, of_unsafe) in
        [(501, cannot), (505, cannot), (511, OutcomeUnknown), (526, OutcomeUnknown)]
    {
        let row = (Some(cannot), Some(cannot), Some(of_unsafe));
        check(&status.to_string(), &Step::response(status, ""), row, all);
    }
}

#[test]
fn a_success_that_cannot_be_read_is_retried_only_by_a_read() {
    let particular = |sample: &Sample| !sample.takes_any_body;
    let page = "<html>please log in</html>";
    let row = (None, Some(OutcomeUnknown), Some(OutcomeUnknown));
    check(page, &Step::response(200, page), row, all);
    for broken in ["", "{\"total\": 3, \"ro"] {
        let row = (None, Some(AppliedUnreadable), Some(AppliedUnreadable));
        check(broken, &Step::response(200, broken), row, particular);
    }
    let denial = r#"{"error": "it is locked"}"#;
    let row = (Some(Rejected), Some(Rejected), Some(Rejected));
    check(denial, &Step::response(200, denial), row, all);
    for other in ["{}", "[]", "42", "null"] {
        let row = (Some(Unreadable), Some(AppliedUnreadable), Some(AppliedUnreadable));
        check(other, &Step::response(200, other), row, particular);
    }
    for body in ["", "{}", "done"] {
        for sample in SAMPLES.iter().filter(|sample| sample.takes_any_body) {
            let server = Server::start([Step::response(200, body), Step::CUT]);
            assert!(call_to(&server, sample).is_ok(), "{}: {body:?}", sample.name);
        }
    }
}

#[test]
fn a_request_that_was_never_sent_is_retried_for_every_operation() {
    for sample in SAMPLES {
        let attempts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&attempts);
        let transport = move |_: http::Request<Vec<u8>>, _: Duration| match counted
            .fetch_add(1, Ordering::Relaxed)
        {
            0..3 => Err(TransportError::never_sent("no route")),
            _ => Ok(http::Response::new(GOOD.into())),
        };
        let clients = Clients::with(Config::new().transport(transport).clock(TestClock::new()));
        assert!((sample.make)(&clients).is_ok(), "{}", sample.name);
        assert_eq!(attempts.load(Ordering::Relaxed), 4, "{}", sample.name);
    }
}

#[test]
fn a_429_uses_up_no_retry_of_another_failure() {
    let limited = || Step::Send(response_bytes(429, &["retry-after: 1"], ""));
    let script = [limited(), Step::response(500, ""), limited(), Step::response(502, ""), good()];
    let server = Server::start(script);
    let clients = Clients::with(quick(&server).retries(2));
    assert!(clients.heylerts.stats().is_ok());
    assert_eq!(server.received().len(), 5);
    let server = Server::start([limited(), limited(), good()]);
    assert!(Clients::with(quick(&server).retries(1)).heylerts.stats().is_ok());
    assert_eq!(server.received().len(), 3);
}

#[test]
fn a_call_that_is_rejected_before_it_is_sent_adds_nothing_to_the_budget_of_retries() {
    let transport = |_: http::Request<Vec<u8>>, _: Duration| {
        Err::<http::Response<Vec<u8>>, _>(TransportError::maybe_sent("cut"))
    };
    let config = Config::new().transport(transport).clock(TestClock::new()).retries(10);
    let client = Clients::with(config.rate(Rate::unlimited())).heylerts;
    assert_eq!(client.stats().unwrap_err().attempts(), 11);
    for _ in 0..100 {
        assert_eq!(client.get_alert("").unwrap_err().kind(), InvalidInput);
    }
    assert_eq!(client.stats().unwrap_err().attempts(), 1);
}

#[test]
fn an_error_counts_the_attempts_that_the_server_saw() {
    for retries in [0, 1, 4, 7] {
        let server = Server::start([Step::response(503, "busy")]);
        let clients = Clients::with(quick(&server).retries(retries));
        let error = clients.heylerts.stats().unwrap_err();
        assert_eq!(error.attempts(), retries + 1);
        assert_eq!(server.received().len(), error.attempts() as usize);
        let counted = error.to_string().contains(&format!("{} attempts", retries + 1));
        assert_eq!(counted, retries > 0, "{error}");
    }
}

#[test]
fn the_error_is_the_last_one() {
    let server = Server::start([Step::CUT, Step::response(502, ""), Step::response(403, "no")]);
    let error = Clients::of(&server).heylerts.stats().unwrap_err();
    let context = (error.kind(), error.status().unwrap().as_u16(), error.attempts());
    assert_eq!(context, (Forbidden, 403, 3));
}

#[test]
fn every_attempt_is_the_same_request() {
    let server =
        Server::start([Step::CUT, Step::response(429, ""), Step::response(500, ""), good()]);
    let update = SAMPLES.iter().find(|sample| sample.name == "update_alert").unwrap();
    call_to(&server, update).unwrap();
    let received = server.received();
    assert_eq!(received.len(), 4);
    assert!(received.iter().all(|request| *request == received[0]), "{received:#?}");
    assert!(received[0].starts_with("PATCH ") && received[0].ends_with(r#"{"is_active":false}"#));
}

#[test]
fn an_unknown_outcome_comes_with_a_way_to_find_out() {
    for (name, where_to_look) in
        [("create_alert", "list the alerts"), ("invite", "look for the invite")]
    {
        let sample = SAMPLES.iter().find(|sample| sample.name == name).unwrap();
        for act in [Step::CUT, Step::response(500, ""), Step::response(504, "")] {
            let error = call_to(&Server::start([act]), sample).unwrap_err();
            assert_eq!(error.kind(), OutcomeUnknown);
            assert!(error.hint().unwrap().contains(where_to_look), "{error:?}");
            assert!(error.message().contains("not known"), "{error}");
        }
    }
}

fn removals() -> impl Iterator<Item = Sample> {
    let removes = |sample: &Sample| ["delete_alert", "remove_member"].contains(&sample.name);
    SAMPLES.into_iter().filter(removes)
}

#[test]
fn a_removal_that_lost_its_response_and_then_finds_nothing_has_succeeded() {
    for (lost, absent) in [
        (vec![Step::CUT], 404),
        (vec![Step::CUT], 410),
        (vec![Step::response(500, "")], 404),
        (vec![Step::response(502, "<html>")], 404),
        (vec![Step::response(408, "")], 410),
        (vec![Step::CUT, Step::response(429, OWN_404)], 404),
        (vec![Step::response(504, ""), Step::CUT], 404),
    ] {
        for sample in removals() {
            let requests = lost.len() + 1;
            let absent = Step::response(absent, OWN_404);
            let server = Server::start(lost.iter().cloned().chain([absent]));
            let outcome = call_to(&server, &sample);
            assert!(outcome.is_ok(), "{}, {lost:?}: {outcome:?}", sample.name);
            assert_eq!(server.received().len(), requests, "{}, {lost:?}", sample.name);
        }
    }
}

#[test]
fn a_removal_that_finds_nothing_fails_if_no_earlier_attempt_was_sent() {
    let absent = || Step::response(404, OWN_404);
    for (what, script) in [
        ("the first attempt", vec![absent()]),
        ("after an attempt that did nothing", vec![Step::response(429, ""), absent()]),
        ("the page of a proxy", vec![Step::CUT, Step::response(404, "<html>Not Found</html>")]),
        ("an empty response", vec![Step::CUT, Step::response(404, "")]),
        ("JSON of something else", vec![Step::CUT, Step::response(404, "{}")]),
    ] {
        for sample in removals() {
            let outcome = call_to(&Server::start(script.clone()), &sample);
            assert_eq!(kind(&outcome), Some(NotFound), "{}, {what}", sample.name);
        }
    }
}

#[test]
fn a_removal_that_was_never_sent_and_then_finds_nothing_has_failed() {
    for sample in removals() {
        let attempts = AtomicUsize::new(0);
        let transport = move |_: http::Request<Vec<u8>>, _: Duration| {
            if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                return Err(TransportError::never_sent("reset in the handshake"));
            }
            Ok(http::Response::builder().status(404).body(OWN_404.into()).unwrap())
        };
        let clients = Clients::with(Config::new().transport(transport).clock(TestClock::new()));
        let error = (sample.make)(&clients).unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (NotFound, 2), "{}", sample.name);
        assert_eq!(error.applied(), Applied::No, "{}", sample.name);
    }
}

#[test]
fn all_attempts_count_for_whether_a_call_took_effect() {
    let update = SAMPLES.iter().find(|sample| sample.name == "update_alert").unwrap();
    let server = Server::start([Step::CUT, Step::response(403, "")]);
    let error = call_to(&server, update).unwrap_err();
    assert_eq!((error.kind(), error.applied()), (Forbidden, Applied::Unknown));
    let read = SAMPLES.iter().find(|sample| sample.name == "stats").unwrap();
    let error = call_to(&Server::start([Step::CUT, Step::response(403, "")]), read).unwrap_err();
    assert_eq!(error.applied(), Applied::No);
}

#[test]
fn a_redirect_to_a_result_leaves_open_whether_the_call_took_effect() {
    for (status, applied) in [(303, Applied::Unknown), (302, Applied::No), (308, Applied::No)] {
        for sample in SAMPLES.iter().filter(|sample| sample.safety != Safety::Read) {
            let server = Server::start([Step::response(status, "")]);
            let error = call_to(&server, sample).unwrap_err();
            assert_eq!((error.kind(), error.applied()), (Redirect, applied), "{}", sample.name);
            assert_eq!(server.received().len(), 1);
        }
    }
}

#[test]
fn a_retry_that_was_not_sent_does_not_hide_the_attempt_that_was() {
    for sample in removals() {
        let attempts = AtomicUsize::new(0);
        let config = Config::new().clock(TestClock::new()).retries(1);
        let clients =
            Clients::with(config.transport(move |_: heysync::http::Request<Vec<u8>>, _| {
                Err(match attempts.fetch_add(1, Ordering::SeqCst) {
                    0 => TransportError::maybe_sent("the connection was closed"),
                    _ => TransportError::never_sent("connection refused"),
                })
            }));
        let error = (sample.make)(&clients).unwrap_err();
        assert_eq!((error.kind(), error.applied()), (NotSent, Applied::Unknown), "{error:?}");
        assert!(error.message().ends_with("an earlier attempt may have been received"), "{error}");
    }
}

#[test]
fn a_failure_that_would_repeat_itself_is_not_retried() {
    for sample in SAMPLES {
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let transport = move |_: http::Request<Vec<u8>>, _: Duration| {
            counted.fetch_add(1, Ordering::Relaxed);
            let failure = TransportError::never_sent("certificate expired").permanent();
            Err(failure.with_hint("check the clock"))
        };
        let clients = Clients::with(Config::new().transport(transport).clock(TestClock::new()));
        let error = (sample.make)(&clients).unwrap_err();
        assert_eq!((error.kind(), error.hint()), (NotSent, Some("check the clock")));
        assert!(!error.is_temporary() && error.applied() == Applied::No, "{error:#?}");
        assert_eq!(error.exit_code(), 69);
        assert_eq!(requests.load(Ordering::Relaxed), 1, "{}", sample.name);
    }
}

#[test]
fn nothing_but_a_removal_succeeds_by_finding_nothing() {
    for sample in SAMPLES.iter().filter(|sample| sample.safety != Safety::Unsafe) {
        if removals().any(|removal| removal.name == sample.name) {
            continue;
        }
        let server = Server::start([Step::CUT, Step::response(404, OWN_404)]);
        assert_eq!(kind(&call_to(&server, sample)), Some(NotFound), "{}", sample.name);
    }
}

/// What an account holds after an alert was created in it, over a socket, through these faults.
fn alerts_created(faults: &[Fault]) -> (Result<heylerts::Alert>, usize) {
    let clock = TestClock::new();
    let services = Services { heylerts: Heylerts::demo().clock(clock.clone()), ..Services::demo() };
    let sandbox = services.heylerts.clone();
    let before = sandbox.state().alerts.len();
    let is_creation = |request: &heysync::sandbox::RequestRecord| request.method == "POST";
    for fault in faults {
        sandbox.inject_if(1, fault.clone(), is_creation);
    }
    let server = serve(0, services).unwrap();
    let config = Config::new().base_url(server.url()).clock(clock);
    let client = heylerts::Client::with_config(HEYLERTS_KEY, config).unwrap();
    let outcome = client.create_alert_once(&NewAlert::new("Competitor X", "competitor x"));
    (outcome, sandbox.state().alerts.len() - before)
}

#[test]
fn an_alert_whose_creation_is_not_known_of_is_looked_for_and_never_created_twice() {
    let (before, after) =
        (Fault::Cut(FaultPoint::BeforeEffect), Fault::Cut(FaultPoint::AfterEffect));
    let gateway = [FaultPoint::BeforeEffect, FaultPoint::AfterEffect].map(Fault::BadGateway);
    for (fault, is_created) in
        [(before, false), (after, true), (gateway[0].clone(), false), (gateway[1].clone(), true)]
    {
        let (outcome, created) = alerts_created(std::slice::from_ref(&fault));
        assert_eq!(outcome.as_ref().is_ok(), is_created, "{fault:?}");
        assert!(is_created || kind(&outcome.map(drop)) == Some(OutcomeUnknown), "{fault:?}");
        assert_eq!(created, usize::from(is_created), "{fault:?}");
    }
    let (outcome, created) = alerts_created(&[]);
    assert_eq!((outcome.unwrap().name.as_str(), created), ("Competitor X", 1));
}

type Scripted = Result<http::Response<Vec<u8>>, TransportError>;

/// A client of a dying server, and how many requests came to it.
fn hammer(response: fn() -> Scripted) -> (Clients, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let transport = move |_: http::Request<Vec<u8>>, _: Duration| {
        counted.fetch_add(1, Ordering::Relaxed);
        response()
    };
    let config = Config::new().transport(transport).clock(TestClock::new());
    let clients = Clients::with(config.rate(Rate::per_second(10_000)));
    (clients, requests)
}

/// Whether a call that fails says that it was not tried again because so much else failed.
fn is_out_of_budget(client: &heylerts::Client) -> bool {
    let error = client.stats().unwrap_err();
    error.message().contains("too much else failed")
}

fn spend_budget(client: &heylerts::Client) {
    assert!((0..100).any(|_| is_out_of_budget(client)));
}

#[test]
fn a_dying_server_is_not_hammered() {
    let deaths: [fn() -> Scripted; 3] = [
        || {
            let response = http::Response::builder().status(503);
            Ok(response.body(Vec::new()).unwrap())
        },
        || Err(TransportError::maybe_sent("connection reset")),
        || Err(TransportError::never_sent("connection refused")),
    ];
    for death in deaths {
        let (clients, requests) = hammer(death);
        spend_budget(&clients.heylerts);
        let spent = requests.swap(0, Ordering::Relaxed);
        assert!(spent <= 20, "{spent} requests until it was spent");
        let failures = (0..1000).filter(|_| clients.heylerts.stats().is_err());
        assert_eq!(failures.count(), 1000);
        let requests = requests.load(Ordering::Relaxed);
        assert!((1000..1200).contains(&requests), "{requests} requests for 1000 calls");
    }
}

#[test]
fn clones_draw_on_one_budget_and_other_clients_on_their_own() {
    let (clients, _) = hammer(|| Err(TransportError::maybe_sent("connection reset")));
    spend_budget(&clients.heylerts);
    assert!(is_out_of_budget(&clients.heylerts.clone()));
    let error = clients.heylo.community("c-1").roles().unwrap_err();
    assert_eq!(error.attempts(), 5);
}

#[test]
fn a_budget_that_was_spent_comes_back_with_calls_that_succeed() {
    let is_down = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&is_down);
    let transport = move |_: http::Request<Vec<u8>>, _: Duration| {
        if state.load(Ordering::Relaxed) {
            return Err(TransportError::maybe_sent("connection reset"));
        }
        Ok(http::Response::new(GOOD.into()))
    };
    let client = Clients::with(Config::new().transport(transport).clock(TestClock::new())).heylerts;
    spend_budget(&client);
    is_down.store(false, Ordering::Relaxed);
    assert!((0..50).all(|_| client.stats().is_ok()));
    is_down.store(true, Ordering::Relaxed);
    assert_eq!(client.stats().unwrap_err().attempts(), 5);
}
