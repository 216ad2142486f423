//! Routes a request to its operation.

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};
use serde_json::Value;

use crate::sandbox::engine::Backend;
use crate::sandbox::exchange::{self, Incoming, Response};
use crate::sandbox::limit::Limit;

use super::fields::{ApiError, Fields};
use super::state::{Community, State};

impl Backend for State {
    fn default_limit() -> Limit {
        Limit::sliding_log(5, Duration::from_secs(1))
    }

    fn rate_limit_key(request: &Incoming) -> String {
        bearer(request).unwrap_or_default().to_owned()
    }

    fn sends_rate_limit_headers(&self) -> bool {
        true
    }

    fn processing_time(&self, request: &Incoming) -> Duration {
        match request.path.ends_with("/apiv1-create") {
            true => self.settings.invite_duration,
            false => Duration::ZERO,
        }
    }

    fn handle(&mut self, request: &Incoming, _now: SystemTime) -> Response {
        self.operate(request).unwrap_or_else(ApiError::into_response)
    }

    fn rate_limited() -> Response {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded").into_response()
    }
}

impl State {
    fn operate(&mut self, request: &Incoming) -> Result<Response, ApiError> {
        let endpoint = endpoint(request)?;
        if request.method != Method::POST {
            return Ok(wrong_method());
        }
        self.authorize(request)?;
        let fields = Fields::of(request)?;
        match (endpoint.as_str(), fields.required("type")?) {
            ("apiv1-fetch", "communityEvents") => self.community_events(&fields),
            ("apiv1-fetch", "eventAttendance") => self.event_attendance(&fields),
            ("apiv1-fetch", "communityRoles") => self.community_roles(&fields),
            ("apiv1-fetch", "roleMembers") => self.role_members(&fields),
            ("apiv1-update", "roleMembers") => self.update_role(&fields),
            ("apiv1-remove", "member") => self.remove_member(&fields),
            ("apiv1-create", "invite") => self.invite(&fields),
            (_, other) => Err(ApiError::bad(format!("Unknown type: {other}"))),
        }
    }

    fn authorize(&self, request: &Incoming) -> Result<(), ApiError> {
        let key = bearer(request).filter(|key| !key.is_empty());
        let known = |key: &str| self.keys.is_empty() || self.keys.iter().any(|known| known == key);
        match key.is_some_and(known) {
            true => Ok(()),
            false => Err(ApiError::new(StatusCode::UNAUTHORIZED, "Missing or invalid API key")),
        }
    }

    /// Returns the community of a request.
    pub(crate) fn named(&mut self, fields: &Fields) -> Result<&mut Community, ApiError> {
        let id = fields.required("communityId")?;
        let found = self.community_mut(id);
        found.ok_or_else(|| ApiError::not_found("Community"))
    }
}

/// Returns the last segment of the path if the host serves it.
fn endpoint(request: &Incoming) -> Result<String, ApiError> {
    let served: &[&str] = match request.host.as_deref() {
        Some("api.heylo.com") => &["apiv1-fetch", "apiv1-update", "apiv1-remove"],
        Some("us-central1-piccup-82257.cloudfunctions.net") => &["apiv1-create", "apiv1-remove"],
        _ => &["apiv1-fetch", "apiv1-update", "apiv1-remove", "apiv1-create"],
    };
    let last = request.segments().pop().unwrap_or_default();
    match served.contains(&last.as_str()) {
        true => Ok(last),
        false => Err(ApiError::not_found("Endpoint")),
    }
}

fn wrong_method() -> Response {
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
    exchange::allowing(error.into_response(), "POST")
}

/// Builds a 200 with this JSON.
pub(crate) fn ok(value: Value) -> Result<Response, ApiError> {
    Ok(exchange::json(StatusCode::OK, &value))
}

fn bearer(request: &Incoming) -> Option<&str> {
    let (scheme, key) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

#[cfg(test)]
mod tests {
    use http::Request;
    use serde_json::json;

    use crate::sandbox::Heylo;
    use crate::sandbox::exchange::testing::{response_to, send, to_heylo};

    fn request(method: &str, path: &str, key: &str, kind: &str) -> Request<Vec<u8>> {
        let body = br#"{"type": "communityRoles", "communityId": "book-circle"}"#.to_vec();
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        request.header("authorization", key).body(body).unwrap()
    }

    #[test]
    fn only_known_keys_are_accepted() {
        let heylo = Heylo::demo().limit(None);
        let mut status =
            |key| send(&heylo, request("POST", "/apiv1-fetch", key, "application/json")).0;
        assert_eq!(["Bearer abc", "Bearer ", "abc", ""].map(&mut status), [200, 401, 401, 401]);
        assert_eq!(["bearer abc", "BEARER abc", "Basic abc"].map(&mut status), [200, 200, 401]);
        heylo.change(|state| state.keys.push("abc".to_owned()));
        let mut status =
            |key| send(&heylo, request("POST", "/apiv1-fetch", key, "application/json")).0;
        assert_eq!(["Bearer abc", "Bearer abcd"].map(&mut status), [200, 401]);
    }

    #[test]
    fn the_method_the_path_and_the_content_type_are_checked() {
        let heylo = Heylo::demo().limit(None);
        let status = |method, path, kind| send(&heylo, request(method, path, "Bearer k", kind)).0;
        assert_eq!(status("POST", "/apiv1-fetch", "application/json; charset=utf-8"), 200);
        assert_eq!(status("POST", "/some/prefix/apiv1-fetch", "application/json"), 200);
        assert_eq!(status("GET", "/apiv1-fetch", "application/json"), 405);
        assert_eq!(status("POST", "/apiv1-fetch/", "application/json"), 404);
        assert_eq!(status("POST", "/apiv2-fetch", "application/json"), 404);
        assert_eq!(status("POST", "/apiv1-fetch", "text/plain"), 400);
        assert_eq!(status("POST", "/apiv1-update", "application/json"), 400);
    }

    #[test]
    fn each_host_of_the_vendor_serves_its_documented_endpoints() {
        let heylo = Heylo::demo().limit(None);
        let statuses = |host: &str| {
            ["fetch", "update", "remove", "create"].map(|endpoint| {
                let path = format!("{host}/apiv1-{endpoint}");
                send(&heylo, request("POST", &path, "Bearer k", "application/json")).0
            })
        };
        assert_eq!(statuses("https://api.heylo.com"), [200, 400, 400, 404]);
        let older = "https://us-central1-piccup-82257.cloudfunctions.net";
        assert_eq!(statuses(older), [404, 404, 400, 400]);
        assert_eq!(statuses("http://localhost:8080"), [200, 400, 400, 400]);
    }

    #[test]
    fn the_sixth_request_in_a_second_gets_a_429_and_every_response_has_rate_limit_headers() {
        let heylo = Heylo::demo().clock(crate::sandbox::TestClock::new());
        let body = json!({"type": "communityRoles", "communityId": "book-circle"});
        for remaining in ["4", "3", "2", "1", "0", "0"] {
            let response = response_to(&heylo, to_heylo("apiv1-fetch", &body));
            assert_eq!(response.headers()["x-ratelimit-limit"], "5");
            assert_eq!(response.headers()["x-ratelimit-remaining"], remaining);
        }
        assert_eq!((heylo.rate_limit_hits(), heylo.max_in_any_window()), (1, 6));
    }
}
