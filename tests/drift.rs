//! Fields and values that this version does not know are reported.

#![cfg(feature = "sandbox")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use heysync::heylerts::{Alert, Frequency, Hello, Mention, Plan, Sentiment, Source, Stats};
use heysync::sandbox::TestClock;
use heysync::{Call, Config, Drift, TransportError, heylerts, heylo, http, sandbox};
use serde_json::{Value, json};

#[path = "support/operations.rs"]
mod operations;

use operations::{Clients, OPERATIONS};

const KEY: &str = "hlt_drift-key-0123456789";

/// What was reported, one line each.
type Seen = Arc<Mutex<Vec<String>>>;

fn watched() -> (Config, Seen) {
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let config = Config::new().clock(TestClock::new());
    (config.on_drift(move |drift: &Drift| kept.lock().unwrap().push(drift.to_string())), seen)
}

fn respond(
    body: Value,
) -> impl Fn(http::Request<Vec<u8>>, Duration) -> Result<http::Response<Vec<u8>>, TransportError> {
    move |_, _| Ok(http::Response::new(body.to_string().into_bytes()))
}

/// What is reported of a response to `GET /mentions` with this item.
fn of_mention(item: Value) -> Vec<String> {
    let (config, seen) = watched();
    let body = json!({"items": [item], "page": 1, "per_page": 100, "total_items": 1, "total_pages": 1, "has_more": false});
    let client = heylerts::Client::with_config(KEY, config.transport(respond(body))).unwrap();
    client.mentions().read_all().unwrap();
    seen.lock().unwrap().clone()
}

#[test]
fn every_operation_of_the_sandbox_and_of_the_documentation_is_known() {
    let (config, seen) = watched();
    let clock = TestClock::new();
    let config = config.clock(clock.clone());
    let services = sandbox::Services {
        heylo: sandbox::Heylo::demo().clock(clock.clone()),
        heylerts: sandbox::Heylerts::demo().clock(clock),
    };
    let client =
        heylerts::Client::with_config(KEY, config.clone().transport(services.clone())).unwrap();
    client.hello().unwrap();
    client.alerts().read_all().unwrap();
    client.mentions().read_all().unwrap();
    client.stats().unwrap();
    let heylo = heylo::Client::with_config("key", config.clone().transport(services)).unwrap();
    let community = heylo.community("harbour-runners");
    assert!(community.events().count() > 100);
    community.roles().unwrap();
    community.attendance("event-001").unwrap();
    community.role("captains").set_members(["user-1"]).unwrap();
    for operation in OPERATIONS {
        let body = serde_json::from_str(operation.good).unwrap_or_default();
        (operation.make)(&Clients::with(config.clone().transport(respond(body)))).unwrap();
    }
    assert_eq!(*seen.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn an_unknown_field_is_reported_without_its_value() {
    let item = json!({"id": "m-1", "language": "secret words", "author": null});
    assert_eq!(of_mention(item), ["list_mentions: unknown field items[].language"]);
}

#[test]
fn an_unknown_value_of_an_open_enum_is_reported_and_others_are_not() {
    let item =
        json!({"id": "m-1", "source": "bluesky", "sentiment": "neutral", "title": "bluesky"});
    assert_eq!(
        of_mention(item),
        [r#"list_mentions: unknown value "bluesky" in the field items[].source"#]
    );
    assert!(of_mention(json!({"id": "m-1", "source": null})).is_empty());
}

#[test]
fn an_optional_field_that_cannot_be_read_is_reported() {
    let item = json!({
        "id": "m-1", "found_at": "soon", "published_at": "Fri, 08 May 2026 11:00:00 GMT", "relevance_score": "0.87",
        "author": {"name": "Ada"}, "sentiment": ["positive"], "title": null
    });
    assert_eq!(
        of_mention(item),
        [
            r#"list_mentions: unknown value "{...}" in the field items[].author"#,
            r#"list_mentions: unknown value "soon" in the field items[].found_at"#,
            r#"list_mentions: unknown value "[...]" in the field items[].sentiment"#,
        ]
    );
}

#[test]
fn each_is_reported_once_for_all_clients_of_a_configuration() {
    let (config, seen) = watched();
    let config = config.transport(respond(json!({"total": 3, "by_language": {"de": 3}})));
    for key in ["hlt_one", "hlt_other"] {
        let client = heylerts::Client::with_config(key, config.clone()).unwrap();
        client.stats().unwrap();
        client.with(heysync::CallOptions::new()).stats().unwrap();
    }
    assert_eq!(*seen.lock().unwrap(), ["get_stats: unknown field by_language"]);
}

#[test]
fn calls_of_ones_own_and_types_of_ones_own_are_checked_too() {
    let (config, seen) = watched();
    let config =
        config.transport(respond(json!({"id": "a-1", "frequency": "hourly", "sources": ["x"]})));
    let client = heylerts::Client::with_config(KEY, config).unwrap();
    client.send::<Value>(&Call::get(["alerts", "a-1"])).unwrap();
    client.send::<Value>(&Call::get(["alerts", "a-2"])).unwrap();
    client.send::<Value>(&Call::get(["elsewhere"])).unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        [
            r#"get_alert: unknown value "hourly" in the field frequency"#,
            r#"get_alert: unknown value "x" in the field sources[]"#,
        ]
    );
}

#[test]
fn names_of_counts_and_envelopes_are_checked() {
    let (config, seen) = watched();
    let stats =
        json!({"total": 1, "by_source": {"brave": 1, "lemmy": 2}, "by_category": {"forum": 1}});
    let client =
        heylerts::Client::with_config(KEY, config.clone().transport(respond(stats))).unwrap();
    client.stats().unwrap();
    let roles = json!({"roles": [{"id": "r", "anything": 1}], "nextCursor": "x"});
    let client = heylo::Client::with_config("key", config.transport(respond(roles))).unwrap();
    client.community("c").roles().unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        [
            r#"get_stats: unknown value "lemmy" in the field by_source"#,
            "list_roles: unknown field nextCursor",
        ]
    );
}

#[test]
fn errors_and_bodies_that_are_no_json_are_not_looked_at() {
    for (status, body) in
        [(404, r#"{"detail": "no", "trace": 1}"#), (200, "<html>"), (200, "{\"total\"")]
    {
        let (config, seen) = watched();
        let transport = move |_: http::Request<Vec<u8>>, _: Duration| {
            let response = http::Response::builder().status(status);
            Ok(response.body(body.as_bytes().to_vec()).unwrap())
        };
        let client = heylerts::Client::with_config(KEY, config.transport(transport)).unwrap();
        client.stats().unwrap_err();
        assert!(seen.lock().unwrap().is_empty());
    }
}

#[test]
fn a_report_shows_no_key_and_is_short() {
    let (config, seen) = watched();
    let body = json!({"total": 1, KEY: 1, "x".repeat(1000): 2});
    let client = heylerts::Client::with_config(KEY, config.transport(respond(body))).unwrap();
    client.stats().unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], "get_stats: unknown field [redacted]");
    assert!(seen[1].len() < 150);
}

#[test]
fn a_thousand_findings_are_reported_of_a_service_that_sends_ever_new_ones() {
    let (config, seen) = watched();
    let count = std::sync::atomic::AtomicUsize::new(0);
    let transport = move |_: http::Request<Vec<u8>>, _: Duration| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let fields = (0..600).map(|field| (format!("field-{number}-{field}"), json!(1)));
        let body: serde_json::Map<String, Value> = fields.collect();
        Ok(http::Response::new(json!(body).to_string().into_bytes()))
    };
    let client = heylerts::Client::with_config(KEY, config.transport(transport)).unwrap();
    for expected in [600, 1000, 1000] {
        drop(client.stats());
        assert_eq!(seen.lock().unwrap().len(), expected);
    }
}

#[test]
fn the_function_may_call_the_client() {
    let seen = Arc::new(Mutex::new(0));
    let (count, own) =
        (Arc::clone(&seen), Arc::new(std::sync::OnceLock::<heylerts::Client>::new()));
    let itself = Arc::clone(&own);
    let config =
        Config::new().transport(respond(json!({"total": 1, "new": 1}))).clock(TestClock::new());
    let config = config.on_drift(move |_: &Drift| {
        *count.lock().unwrap() += 1;
        itself.get().unwrap().stats().unwrap();
    });
    own.set(heylerts::Client::with_config(KEY, config).unwrap()).unwrap();
    own.get().unwrap().stats().unwrap();
    assert_eq!(*seen.lock().unwrap(), 1);
}

/// A body with a value of each known kind, so that every known field and value is in it.
#[test]
fn what_is_known_is_what_the_models_have() {
    let fields = |model: Value| model.as_object().unwrap().keys().cloned().collect::<Vec<String>>();
    for (path, model, nested) in [
        ("hello", json!(Hello::default()), ""),
        ("alerts/a-1", json!(Alert::default()), ""),
        ("mentions", json!(Mention::default()), "items[]."),
        ("stats", json!(Stats::default()), ""),
    ] {
        let body = match nested {
            "" => model.clone(),
            _ => json!({"items": [model]}),
        };
        // Known as they are; unknown with another letter behind.
        assert!(reported(path, &body).iter().all(|line| !line.contains("unknown field")), "{path}");
        let renamed: serde_json::Map<String, Value> =
            fields(model).into_iter().map(|name| (format!("{name}2"), Value::Null)).collect();
        let count = renamed.len();
        let body = if nested.is_empty() { json!(renamed) } else { json!({"items": [renamed]}) };
        assert_eq!(reported(path, &body).len(), count, "{path}");
    }
    let strings = |known: &[&str]| json!(known);
    let sources = strings(&Source::KNOWN.iter().map(Source::as_str).collect::<Vec<_>>());
    assert!(reported("alerts/a-1", &json!({"sources": sources})).is_empty());
    for frequency in Frequency::KNOWN {
        assert!(reported("alerts/a-1", &json!({"frequency": frequency})).is_empty());
    }
    for sentiment in Sentiment::KNOWN {
        assert!(reported("mentions", &json!({"items": [{"sentiment": sentiment}]})).is_empty());
    }
    for plan in Plan::KNOWN {
        assert!(reported("hello", &json!({"user": {"plan": plan}})).is_empty());
    }
}

fn reported(path: &str, body: &Value) -> Vec<String> {
    let (config, seen) = watched();
    let client =
        heylerts::Client::with_config(KEY, config.transport(respond(body.clone()))).unwrap();
    client.send::<Value>(&Call::get(path.split('/'))).unwrap();
    seen.lock().unwrap().clone()
}
