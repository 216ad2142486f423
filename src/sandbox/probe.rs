//! Asking a sandbox, in unit tests.

use std::time::Duration;

use serde_json::{Value, json};

use crate::pipeline::transport::Transport;

/// A request's status and the JSON that it brought; null where it brought none.
pub(crate) fn ask(sandbox: &impl Transport, request: http::Request<Vec<u8>>) -> (u16, Value) {
    let answer = sandbox.send(request, Duration::from_secs(30)).expect("a whole answer");
    let body = serde_json::from_slice(answer.body()).unwrap_or_default();
    (answer.status().as_u16(), body)
}

/// A request to Heylo.
pub(crate) fn to_heylo(endpoint: &str, body: &Value) -> http::Request<Vec<u8>> {
    http::Request::post(format!("https://heylo.example/{endpoint}"))
        .header("authorization", "Bearer key")
        .header("content-type", "application/json")
        .body(body.to_string().into_bytes())
        .expect("a request that can be built")
}

/// A request to Heylo that changes nothing.
pub(crate) fn roles() -> http::Request<Vec<u8>> {
    let body = json!({"type": "communityRoles", "communityId": "book-circle"});
    to_heylo("apiv1-fetch", &body)
}

/// A request to Heylerts; one without a body where that is null.
pub(crate) fn to_heylerts(method: &str, path: &str, body: &Value) -> http::Request<Vec<u8>> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    http::Request::builder()
        .method(method)
        .uri(format!("https://heylerts.com/api/v1/{path}"))
        .header("x-api-key", "hlt_key")
        .header("content-type", "application/json")
        .body(body.into_bytes())
        .expect("a request that can be built")
}
