//! Every operation: its safety is set and obeyed, its ids are checked, and the README lists it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use heysync::sandbox::TestClock;
use heysync::{Config, ErrorKind, Safety, TransportError, http};

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
