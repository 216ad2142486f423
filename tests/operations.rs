//! Every operation: its safety is set and obeyed, its ids are checked, and the README lists it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use heysync::heylerts::{Bookmark, NewAlert};
use heysync::heylo::{NewMember, RoleUpdate};
use heysync::sandbox::TestClock;
use heysync::{
    Activity, Call, CallStart, Collector, Config, Drift, ErrorKind, Observer, Safety, Timestamp,
    TransportError, http,
};
use serde_json::{Value, json};

#[path = "support/operations.rs"]
mod operations;

use operations::{Clients, OPERATIONS};

type Request = http::Request<Vec<u8>>;
type Response = Result<http::Response<Vec<u8>>, TransportError>;

/// Clients of this transport, and the requests that they send.
fn clients(
    respond: impl Fn() -> Response + Send + Sync + 'static,
) -> (Clients, Arc<Mutex<Vec<Request>>>) {
    let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
    let kept = Arc::clone(&requests);
    let transport = move |request: Request, _: Duration| {
        kept.lock().unwrap().push(request);
        respond()
    };
    let config = Config::new().transport(transport).clock(TestClock::new()).retries(1);
    (Clients::with(config), requests)
}

fn response(status: u16, body: &str) -> Response {
    let response = http::Response::builder().status(status);
    Ok(response.body(body.as_bytes().to_vec()).unwrap())
}

#[test]
fn every_operation_sends_one_request_with_its_name_and_its_safety() {
    for operation in OPERATIONS {
        let (clients, requests) = clients(move || response(200, operation.good));
        (operation.make)(&clients).unwrap();
        let requests = requests.lock().unwrap();
        assert_eq!(requests.len(), 1, "{}", operation.call);
        let safety = requests[0].extensions().get::<Safety>();
        assert_eq!(safety, Some(&operation.safety), "{}", operation.call);
        let (method, rest) = operation.call.split_once(' ').unwrap();
        let (path, kind) = rest.split_once(' ').unwrap_or((rest, ""));
        assert_eq!(requests[0].method(), method);
        assert!(requests[0].uri().path().ends_with(path), "{}", requests[0].uri());
        let body = String::from_utf8_lossy(requests[0].body());
        assert!(body.contains(kind), "{body}");
    }
}

/// The start of each call.
#[derive(Clone, Default)]
struct Starts(Arc<Mutex<Vec<String>>>);

impl Observer for Starts {
    fn observe(&self, _: &Activity<'_>) {}

    fn started(&self, call: &CallStart<'_>) {
        let template = call.template().expect("a known operation");
        self.0.lock().unwrap().push(format!("{} {template}", call.operation()));
    }
}

#[test]
fn every_operation_has_one_name_in_errors_summaries_starts_and_reports_of_drift() {
    let mut names = Vec::new();
    for operation in OPERATIONS {
        let (responses, starts, drifts) = (Collector::new(), Starts::default(), Starts::default());
        let kept = drifts.clone();
        let config = Config::new().clock(TestClock::new()).observer(responses.clone());
        let config = config.observer(starts.clone()).on_drift(move |drift: &Drift| {
            kept.0.lock().unwrap().push(drift.operation.clone());
        });
        let unknown = move |_: Request, _: Duration| response(200, r#"{"new-field": 1}"#);
        drop((operation.make)(&Clients::with(config.clone().transport(unknown))));
        let gone = move |_: Request, _: Duration| response(404, r#"{"detail": "gone"}"#);
        let error = (operation.make)(&Clients::with(config.transport(gone))).unwrap_err();
        let name = error.operation().unwrap().to_owned();
        // Others may follow: an update that is in doubt is looked up.
        let ends: Vec<String> = responses.take().into_iter().map(|it| it.operation).collect();
        assert_eq!((&ends[0], ends.last()), (&name, Some(&name)));
        assert_eq!(drifts.0.lock().unwrap().first().unwrap_or(&name), &name);
        let path = operation.call.split(' ').nth(1).unwrap().replace("a-1", "{id}");
        let api = if operation.vendor.starts_with("Heylo ") { "" } else { "/api/v1" };
        assert_eq!(starts.0.lock().unwrap()[0], format!("{name} {api}{path}"));
        names.push(name);
    }
    let heylo = "list_events list_attendance list_roles list_role_members update_role_members \
                 remove_member invite_member";
    let heylerts = "hello list_alerts get_alert create_alert update_alert delete_alert \
                    list_mentions get_stats";
    assert_eq!(names.join(" "), format!("{heylo} {heylerts}"));
}

#[test]
fn a_call_of_ones_own_has_the_operation_it_states_or_that_of_the_method_or_its_type() {
    for (call, expected) in [
        (Call::get(["alerts", "hello"]), "get_alert"),
        (Call::get(["alerts", "3f2c", "history"]), "other"),
        (Call::get(["alerts", "3f2c"]).operation("peek"), "peek"),
        (Call::patch(["hello"]), "other"),
        (Call::post(["apiv1-fetch"]).json(&json!({"type": "communityPolls"})), "communityPolls"),
        (Call::post(["apiv1-fetch"]).json(&json!({"type": "roleMembers"})), "list_role_members"),
        (Call::post(["apiv1-update"]).json(&json!({"type": "roleMembers"})), "update_role_members"),
        (Call::post(["apiv1-fetch"]).json(&json!({"type": "ada@example.com"})), "…"),
        (Call::post(["apiv1-fetch"]).json(&json!({"type": 7})), "other"),
    ] {
        let (clients, _) = clients(|| response(404, ""));
        let error = clients.heylerts.send::<Value>(&call).unwrap_err();
        assert_eq!(error.operation(), Some(expected), "{}", call.name());
    }
}

#[test]
fn an_error_of_a_list_or_of_an_argument_has_the_operation_too() {
    let (clients, _) = clients(|| response(200, ""));
    let community = clients.heylo.community("c-1");
    let empty = community.role("r-1").update(&RoleUpdate::new()).unwrap_err();
    assert_eq!(empty.error.operation(), Some("update_role_members"));
    let none = clients.heylerts.mentions().page_size(0).next().unwrap().unwrap_err();
    assert_eq!(none.operation(), Some("list_mentions"));
    let nameless = clients.heylerts.create_alert(&NewAlert::new("", "k")).unwrap_err();
    assert_eq!(nameless.operation(), Some("create_alert"));
}

#[test]
fn every_operation_is_retried_after_a_502_unless_it_is_unsafe() {
    for operation in OPERATIONS {
        let (clients, requests) = clients(|| response(502, ""));
        let error = (operation.make)(&clients).unwrap_err();
        let is_unsafe = operation.safety == Safety::Unsafe;
        let kind = if is_unsafe { ErrorKind::OutcomeUnknown } else { ErrorKind::Server };
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(requests.lock().unwrap().len(), if is_unsafe { 1 } else { 2 }, "{error}");
        assert!(error.to_string().starts_with(operation.call), "{error}");
    }
}

#[test]
fn every_operation_rejects_an_empty_id_before_it_sends_anything() {
    for operation in OPERATIONS {
        for index in 0..operation.ids.len() {
            let mut ids = operation.ids.to_vec();
            ids[index] = "";
            let (clients, requests) = clients(|| response(200, "{}"));
            let error = (operation.make_with)(&clients, &ids).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{} {ids:?}", operation.call);
            assert!(requests.lock().unwrap().is_empty(), "{} {ids:?}", operation.call);
        }
    }
}

#[test]
fn every_operation_rejects_an_id_with_blanks_around_it_before_it_sends_anything() {
    for id in [" x-1", "x-1 ", "\tx-1", "x-1\r\n", "\u{feff}x-1", "x-1\u{a0}", "\u{200e}x-1", " "] {
        for operation in OPERATIONS {
            for index in 0..operation.ids.len() {
                let mut ids = operation.ids.to_vec();
                ids[index] = id;
                let (clients, requests) = clients(|| response(200, "{}"));
                let error = (operation.make_with)(&clients, &ids).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{} {ids:?}", operation.call);
                assert!(requests.lock().unwrap().is_empty(), "{} {ids:?}", operation.call);
            }
        }
        let (clients, requests) = clients(|| response(200, "{}"));
        let mut of_an_alert = clients.heylerts.mentions().alert(id);
        assert_eq!(of_an_alert.next().unwrap().unwrap_err().kind(), ErrorKind::InvalidInput);
        let stats = clients.heylerts.alert_stats(id).unwrap_err();
        assert_eq!(stats.kind(), ErrorKind::InvalidInput, "{id:?}");
        assert!(requests.lock().unwrap().is_empty(), "{id:?}");
    }
}

#[test]
fn one_person_with_blanks_around_the_id_is_rejected_and_the_next_one_is_invited() {
    let (clients, requests) = clients(|| response(200, "{}"));
    let two = [" u-1", "u-2"].map(NewMember::new);
    let of = |community: &str| clients.heylo.community(community).invite_members(&two);
    let outcomes: Vec<_> = of("c-1").map(|outcome| outcome.result.map(drop)).collect();
    let rejected = outcomes[0].as_ref().unwrap_err();
    assert!(rejected.message().contains("userId begins or ends with white space"), "{rejected}");
    assert!(outcomes[1].is_ok());
    // A community with such an id concerns everybody.
    assert_eq!(of(" c-1").count(), 1);
    assert_eq!(requests.lock().unwrap().len(), 1);
}

#[test]
fn a_member_of_a_role_with_blanks_around_the_id_can_be_removed_but_not_added() {
    let body = r#"{"memberUserIds": [" u-1", "u-2"], "removedUserIds": [" u-1"]}"#;
    let (clients, requests) = clients(|| response(200, body));
    let role = clients.heylo.community("c-1").role("r-1");
    let plan = role.plan_members(["u-2"]).unwrap();
    assert_eq!(plan.update.removed(), [" u-1"]);
    assert_eq!(role.apply(&plan).unwrap().removed, [" u-1"]);
    assert_eq!(requests.lock().unwrap().len(), 2);
    let added = role.update(&RoleUpdate::new().add(["u-3\n"])).unwrap_err();
    let planned = role.plan_members(["u-2", "u-3\n"]).unwrap_err();
    assert_eq!([added.kind(), planned.kind()], [ErrorKind::InvalidInput; 2]);
    assert_eq!(requests.lock().unwrap().len(), 3);
}

#[test]
fn a_moment_that_no_service_takes_is_rejected_before_anything_is_sent() {
    let early = Timestamp::MIN;
    let year_1: Timestamp = "0001-01-01T00:00:00Z".parse().unwrap();
    let count = |early: Timestamp| {
        let (clients, requests) = clients(|| response(400, ""));
        let events = || clients.heylo.community("c-1").events();
        let mentions = || clients.heylerts.mentions().since(early);
        let errors = [
            events().starting_after(early).next().unwrap().unwrap_err(),
            events().starting_before(early).next().unwrap().unwrap_err(),
            mentions().next().unwrap().unwrap_err(),
            mentions().total_items().unwrap_err(),
            mentions().new_since(&Bookmark::default()).unwrap().next().unwrap().unwrap_err(),
            mentions().follow(Duration::from_secs(1)).next().unwrap().unwrap_err(),
        ];
        (errors.map(|error| error.kind()), requests.lock().unwrap().len())
    };
    let just_before = year_1 - Duration::from_nanos(1);
    assert_eq!(count(early), ([ErrorKind::InvalidInput; 6], 0));
    assert_eq!(count(just_before), ([ErrorKind::InvalidInput; 6], 0));
    assert_eq!(count(year_1).1, 6);
    assert_eq!(count(Timestamp::MAX).1, 6);
}

#[test]
fn every_id_arrives_as_it_was_given() {
    let id = "ü &?#%2F\"'\u{2011}";
    for operation in OPERATIONS {
        for index in 0..operation.ids.len() {
            let mut ids = operation.ids.to_vec();
            ids[index] = id;
            // Only the request matters here.
            let (clients, requests) = clients(move || response(400, ""));
            drop((operation.make_with)(&clients, &ids));
            let requests = requests.lock().unwrap();
            let body: serde_json::Value =
                serde_json::from_slice(requests[0].body()).unwrap_or_default();
            let path = "%C3%BC%20&%3F%23%252F%22'%E2%80%91";
            let is_in_path = requests[0].uri().path().split('/').any(|segment| segment == path);
            assert!(is_in_path || contains(&body, id), "{} {:?}", operation.call, requests[0]);
        }
    }
}

fn contains(value: &serde_json::Value, text: &str) -> bool {
    match value {
        serde_json::Value::String(found) => found == text,
        serde_json::Value::Array(items) => items.iter().any(|item| contains(item, text)),
        serde_json::Value::Object(fields) => fields.values().any(|field| contains(field, text)),
        _ => false,
    }
}

#[test]
fn the_readme_lists_every_operation_with_its_method_and_its_safety() {
    let readme = include_str!("../README.md");
    let rows: Vec<Vec<&str>> = readme
        .lines()
        .filter(|line| line.starts_with("| Heylo `") || line.starts_with("| Heylerts `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), OPERATIONS.len());
    for (row, operation) in rows.iter().zip(&OPERATIONS) {
        let safety = format!("{:?}", operation.safety).to_lowercase();
        let method = format!("`{}`", operation.method);
        assert_eq!([row[0], row[2]], [operation.vendor, safety.as_str()]);
        assert!(row[1].split(", ").any(|listed| listed == method), "{row:?}");
    }
}

/// A new operation would be missing in the table: so the source is searched for calls as well.
#[test]
fn every_call_that_is_not_a_get_sets_its_safety() {
    let mut calls = 0;
    for path in sources("src/heylo").into_iter().chain(sources("src/heylerts")) {
        let source = fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        for function in functions(code) {
            let is_call =
                ["Call::post(", "Call::patch(", "Call::delete(", "Call::new(", ".call(\""];
            // The helper that builds the calls of a community: its callers set the safety.
            let is_helper = function.trim_start().starts_with("pub(crate) fn call(");
            if !is_helper && is_call.iter().any(|call| function.contains(call)) {
                calls += 1;
                let is_set = function.contains(".safety(") || function.contains(".removes()");
                assert!(is_set, "{}: {function}", path.display());
            }
        }
    }
    assert!(calls >= 6, "{calls} calls found");
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|it| it == "rs")).collect()
}

/// The functions of a source, without comments.
fn functions(code: &str) -> Vec<String> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut functions: Vec<String> = Vec::new();
    for line in lines {
        if line
            .trim_start()
            .trim_start_matches("pub(crate) ")
            .trim_start_matches("pub ")
            .starts_with("fn ")
        {
            functions.push(String::new());
        }
        if let Some(function) = functions.last_mut() {
            function.push_str(line);
            function.push('\n');
        }
    }
    functions
}
