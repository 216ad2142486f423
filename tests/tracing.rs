//! The spans, the events and the metrics that a subscriber receives.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use heysync::heylo::NewMember;
use heysync::limiter::Rate;
use heysync::sandbox::{Fault, FaultPoint, Heylerts, Heylo, TestClock};
use heysync::{Activity, Call, Config, TracingObserver, TransportError, heylerts, heylo, http};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

type Fields = BTreeMap<String, String>;

/// A span or an event.
#[derive(Clone, Debug, Default)]
struct Seen {
    name: String,
    parent: Option<u64>,
    fields: Fields,
    is_closed: bool,
}

impl Seen {
    fn get(&self, field: &str) -> &str {
        self.fields.get(field).map(String::as_str).unwrap_or_default()
    }
}

/// Keeps all spans, whose ids are their places, and all events.
#[derive(Clone, Default)]
struct Recorder {
    spans: Arc<Mutex<Vec<Seen>>>,
    events: Arc<Mutex<Vec<Seen>>>,
}

struct Visitor<'a>(&'a mut Fields);

impl Visit for Visitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("heysync")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut seen = Seen { name: attributes.metadata().name().to_owned(), ..Seen::default() };
        seen.parent = attributes.parent().map(Id::into_u64);
        attributes.record(&mut Visitor(&mut seen.fields));
        let mut spans = self.spans.lock().unwrap();
        spans.push(seen);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let place = span.into_u64() as usize - 1;
        values.record(&mut Visitor(&mut self.spans.lock().unwrap()[place].fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut seen = Seen { name: event.metadata().target().to_owned(), ..Seen::default() };
        seen.parent = event.parent().map(Id::into_u64);
        event.record(&mut Visitor(&mut seen.fields));
        self.events.lock().unwrap().push(seen);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn try_close(&self, span: Id) -> bool {
        self.spans.lock().unwrap()[span.into_u64() as usize - 1].is_closed = true;
        true
    }
}

/// Runs `calls` and returns the spans and the events.
fn record(calls: impl FnOnce()) -> (Vec<Seen>, Vec<Seen>) {
    let recorder = Recorder::default();
    tracing::subscriber::with_default(recorder.clone(), calls);
    let spans = recorder.spans.lock().unwrap().clone();
    assert!(spans.iter().all(|span| span.is_closed), "{spans:#?}");
    (spans, recorder.events.lock().unwrap().clone())
}

fn config() -> Config {
    Config::new().clock(TestClock::new()).observer(TracingObserver::new())
}

#[test]
fn a_call_is_a_span_with_a_span_for_each_attempt() {
    let (spans, events) = record(|| {
        let service = Heylerts::demo();
        service.inject(1, Fault::BadGateway(FaultPoint::BeforeEffect));
        service.inject(1, Fault::Cut(FaultPoint::BeforeEffect));
        let client = heylerts::Client::with_config("hlt_key", config().transport(service)).unwrap();
        client.get_alert("no-such-id").unwrap_err();
    });
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["heysync.call", "heysync.attempt", "heysync.attempt", "heysync.attempt"]);
    for span in &spans {
        assert_eq!(span.get("heysync.operation"), "get_alert");
        assert_eq!(span.get("http.request.method"), "GET");
        assert_eq!((span.get("server.address"), span.get("server.port")), ("heylerts.com", "443"));
        assert_eq!(span.get("url.template"), "/api/v1/alerts/{id}");
        assert_eq!(span.get("otel.status_code"), "ERROR");
    }
    let [call, first, second, third] = &spans[..] else { unreachable!() };
    assert_eq!(call.get("otel.name"), "get_alert");
    assert!(spans[1..].iter().all(|it| it.get("otel.name") == "GET /api/v1/alerts/{id}"));
    assert_eq!((call.get("heysync.attempts"), call.get("error.type")), ("3", "NotFound"));
    assert_eq!(call.get("http.response.status_code"), "404");
    for (attempt, resent, status, error) in
        [(first, "", "502", "502"), (second, "1", "", "NoResponse"), (third, "2", "404", "404")]
    {
        assert_eq!(attempt.parent, Some(1));
        assert_eq!(attempt.get("otel.kind"), "client");
        assert_eq!(attempt.get("http.request.resend_count"), resent);
        assert_eq!(attempt.get("http.response.status_code"), status);
        assert_eq!(attempt.get("error.type"), error);
        assert_eq!(attempt.get("url.full"), "https://heylerts.com/api/v1/alerts/REDACTED");
    }
    let retries: Vec<&Seen> = events.iter().filter(|it| it.get("message") == "retrying").collect();
    assert_eq!(retries.len(), 2);
    assert_eq!((retries[0].parent, retries[0].get("error.type")), (Some(1), "Server"));
    let metrics: Vec<&Seen> = events.iter().filter(|it| it.name == "heysync::metrics").collect();
    assert_eq!(metrics.len(), 3);
    assert_eq!(metrics[0].get("http.response.status_code"), "502");
    assert!(metrics[0].get("histogram.http.client.request.duration").parse::<f64>().is_ok());
}

#[test]
fn a_wait_for_the_limit_is_an_event_of_the_call() {
    let (spans, events) = record(|| {
        let config = config().transport(Heylerts::demo()).rate(Rate::per_minute(1));
        let client = heylerts::Client::with_config("hlt_key", config).unwrap();
        client.hello().unwrap();
        client.hello().unwrap();
    });
    let waits: Vec<&Seen> = events.iter().filter(|it| it.get("message") == "waiting").collect();
    assert_eq!((spans.len(), waits.len()), (4, 1));
    assert_eq!((waits[0].parent, spans[2].name.as_str()), (Some(3), "heysync.call"));
    assert!(waits[0].get("heysync.wait.duration").parse::<f64>().unwrap() > 59.0);
    assert!(!waits[0].get("heysync.wait.reason").is_empty());
    assert_eq!(spans[0].get("otel.status_code"), "");
    assert_eq!(spans[0].get("http.response.status_code"), "200");
}

#[test]
fn nothing_shows_a_key_a_body_a_query_or_an_id() {
    let (spans, events) = record(|| {
        let service = Heylo::demo();
        service.inject(1, Fault::BadGateway(FaultPoint::BeforeEffect));
        let config = config().transport(service);
        let client = heylo::Client::with_config("key-that-is-secret", config).unwrap();
        let community = client.community("harbour-runners");
        community.invite(&NewMember::new("ada-42").email("ada@example.com")).unwrap_err();
        let config = self::config().transport(Heylerts::demo());
        let client = heylerts::Client::with_config("hlt_that_is_secret", config).unwrap();
        client.get_alert("ada-7").unwrap_err();
        client.mentions().alert("ada-8").read_all().unwrap();
        let named = Call::get(["stats"]).operation("of hlt_that_is_secret");
        client.send_raw(&named).unwrap();
    });
    let everything = format!("{spans:?} {events:?}");
    for secret in ["that-is-secret", "that_is_secret", "ada", "harbour", "per_page"] {
        assert!(!everything.contains(secret), "{secret}: {everything}");
    }
}

#[test]
fn a_call_that_another_observer_makes_has_a_span_of_its_own() {
    let (spans, _) = record(|| {
        let other = config().transport(Heylerts::demo());
        let other = heylerts::Client::with_config("hlt_other", other).unwrap();
        let config =
            config().transport(Heylerts::demo()).observer(move |activity: &Activity<'_>| {
                if let Activity::Sending { .. } = activity {
                    other.stats().unwrap();
                }
            });
        let client = heylerts::Client::with_config("hlt_key", config).unwrap();
        client.hello().unwrap();
    });
    let shown: Vec<_> = spans.iter().map(|it| (it.name.as_str(), it.get("url.template"))).collect();
    let (hello, stats) = ("/api/v1/hello", "/api/v1/stats");
    let (call, attempt) = ("heysync.call", "heysync.attempt");
    assert_eq!(shown, [(call, hello), (attempt, hello), (call, stats), (attempt, stats)]);
    assert!(spans.iter().all(|it| it.get("http.response.status_code") == "200"));
}

#[test]
fn a_panic_of_a_transport_closes_its_spans_and_leaves_those_of_the_outer_call() {
    let (spans, events) = record(|| {
        let broken = |_: http::Request<Vec<u8>>, _| -> Result<_, TransportError> {
            std::panic::resume_unwind(Box::new("out of memory"))
        };
        let broken =
            heylerts::Client::with_config("hlt_broken", config().transport(broken)).unwrap();
        let observer = move |activity: &Activity<'_>| {
            if let Activity::Sending { .. } = activity {
                let caught = std::panic::catch_unwind(|| drop(broken.stats()));
                assert!(caught.is_err());
            }
        };
        let config = config().transport(Heylerts::demo()).observer(observer);
        let client = heylerts::Client::with_config("hlt_key", config).unwrap();
        client.hello().unwrap();
    });
    let shown: Vec<_> = spans
        .iter()
        .map(|it| (it.get("url.template"), it.get("http.response.status_code")))
        .collect();
    let (hello, stats) = (("/api/v1/hello", "200"), ("/api/v1/stats", ""));
    assert_eq!(shown, [hello, hello, stats, stats]);
    let metric = events.iter().find(|it| it.name == "heysync::metrics").unwrap();
    assert_eq!(metric.get("url.template"), "/api/v1/hello");
}

#[test]
fn a_call_that_is_rejected_before_it_is_sent_is_a_span_with_an_error() {
    let (spans, _) = record(|| {
        let config = config().transport(Heylerts::demo());
        heylerts::Client::with_config("hlt_key", config).unwrap().get_alert("").unwrap_err();
    });
    assert_eq!(spans.len(), 1);
    assert_eq!(
        (spans[0].get("error.type"), spans[0].get("heysync.attempts")),
        ("InvalidInput", "0")
    );
}

#[test]
fn calls_to_one_path_have_their_operations_and_calls_of_ones_own_no_template() {
    let (spans, events) = record(|| {
        let client = heylo::Client::with_config("key", config().transport(Heylo::demo())).unwrap();
        let community = client.community("harbour-runners");
        community.roles().unwrap();
        community.role("captains").members().unwrap();
        let config = self::config().transport(Heylerts::demo());
        let client = heylerts::Client::with_config("hlt_key", config).unwrap();
        let call = Call::get(["alerts", "ada-7", "history", "may"]).operation("alert_history");
        client.send_raw(&call).unwrap_err();
        let purge = http::Method::from_bytes(b"PURGE").unwrap();
        client.send_raw(&Call::new(purge, ["stats"])).unwrap_err();
    });
    let [roles, _, members, _, history, history_sent, purge, purge_sent] = &spans[..] else {
        panic!("{spans:?}");
    };
    assert_eq!(roles.get("url.template"), members.get("url.template"));
    for (span, operation) in [
        (roles, "list_roles"),
        (members, "list_role_members"),
        (history, "alert_history"),
        (purge, "other"),
    ] {
        assert_eq!((span.get("otel.name"), span.get("heysync.operation")), (operation, operation));
    }
    assert_eq!((history_sent.get("otel.name"), history_sent.get("url.template")), ("GET", ""));
    assert_eq!(history_sent.get("url.full"), "https://heylerts.com/api/v1/REDACTED");
    // As OpenTelemetry asks for of methods that it does not know.
    assert_eq!(purge_sent.get("otel.name"), "HTTP");
    assert_eq!(purge_sent.get("http.request.method"), "_OTHER");
    assert_eq!(purge_sent.get("http.request.method_original"), "PURGE");
    let measured: Vec<&str> = events.iter().map(|it| it.get("heysync.operation")).collect();
    assert!(measured.contains(&"list_role_members"), "{measured:?}");
}
