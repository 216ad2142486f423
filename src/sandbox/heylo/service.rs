//! From a request to the operation that it names.

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};
use serde_json::Value;

use crate::sandbox::exchange::{self, Answer, Incoming};
use crate::sandbox::limit::Limit;
use crate::sandbox::service::Service;

use super::fields::{Fields, Refusal};
use super::world::{Community, World};

impl Service for World {
    fn usual_limit() -> Limit {
        Limit::sliding_log(5, Duration::from_secs(1))
    }

    fn key(request: &Incoming) -> String {
        bearer(request).unwrap_or_default().to_owned()
    }

    fn tells_what_is_left(&self) -> bool {
        true
    }

    fn answer(&mut self, request: &Incoming, _now: SystemTime) -> Answer {
        self.operate(request).unwrap_or_else(Refusal::into_answer)
    }

    fn refusal() -> Answer {
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded").into_answer()
    }
}

impl World {
    fn operate(&mut self, request: &Incoming) -> Result<Answer, Refusal> {
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
            (_, other) => Err(Refusal::bad(format!("Unknown type: {other}"))),
        }
    }

    fn authorize(&self, request: &Incoming) -> Result<(), Refusal> {
        let key = bearer(request).filter(|key| !key.is_empty());
        let known = |key: &str| self.keys.is_empty() || self.keys.iter().any(|known| known == key);
        match key.is_some_and(known) {
            true => Ok(()),
            false => Err(Refusal::new(StatusCode::UNAUTHORIZED, "Missing or invalid API key")),
        }
    }

    /// The community that a request names.
    pub(crate) fn named(&mut self, fields: &Fields) -> Result<&mut Community, Refusal> {
        let id = fields.required("communityId")?;
        let found = self.community_mut(id);
        found.ok_or_else(|| Refusal::not_found("Community"))
    }
}

/// The last part of the path, whatever comes before it, if it is one that the host serves.
fn endpoint(request: &Incoming) -> Result<String, Refusal> {
    let served: &[&str] = match request.host.as_deref() {
        Some("api.heylo.com") => &["apiv1-fetch", "apiv1-update", "apiv1-remove"],
        Some("us-central1-piccup-82257.cloudfunctions.net") => &["apiv1-create", "apiv1-remove"],
        _ => &["apiv1-fetch", "apiv1-update", "apiv1-remove", "apiv1-create"],
    };
    let last = request.segments().pop().unwrap_or_default();
    match served.contains(&last.as_str()) {
        true => Ok(last),
        false => Err(Refusal::not_found("Endpoint")),
    }
}

fn wrong_method() -> Answer {
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
    exchange::allowing(refusal.into_answer(), "POST")
}

/// A success with these fields.
pub(crate) fn ok(value: Value) -> Result<Answer, Refusal> {
    Ok(exchange::json(StatusCode::OK, &value))
}

fn bearer(request: &Incoming) -> Option<&str> {
    request.header("authorization")?.strip_prefix("Bearer ").map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::Request;
    use serde_json::json;

    use crate::sandbox::Heylo;
    use crate::sandbox::probe::{ask, to_heylo};

    fn request(method: &str, path: &str, key: &str, kind: &str) -> Request<Vec<u8>> {
        let body = br#"{"type": "communityRoles", "communityId": "book-circle"}"#.to_vec();
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        request.header("authorization", key).body(body).unwrap()
    }

    #[test]
    fn only_known_keys_are_let_in() {
        let heylo = Heylo::demo();
        let mut status =
            |key| ask(&heylo, request("POST", "/apiv1-fetch", key, "application/json")).0;
        assert_eq!(["Bearer abc", "Bearer ", "abc", ""].map(&mut status), [200, 401, 401, 401]);
        heylo.change(|world| world.keys.push("abc".to_owned()));
        let mut status =
            |key| ask(&heylo, request("POST", "/apiv1-fetch", key, "application/json")).0;
        assert_eq!(["Bearer abc", "Bearer abcd"].map(&mut status), [200, 401]);
    }

    #[test]
    fn method_path_and_kind_of_body_are_checked() {
        let heylo = Heylo::demo().limit(None);
        let status = |method, path, kind| ask(&heylo, request(method, path, "Bearer k", kind)).0;
        assert_eq!(status("POST", "/apiv1-fetch", "application/json; charset=utf-8"), 200);
        assert_eq!(status("POST", "/some/prefix/apiv1-fetch", "application/json"), 200);
        assert_eq!(status("GET", "/apiv1-fetch", "application/json"), 405);
        assert_eq!(status("POST", "/apiv1-fetch/", "application/json"), 404);
        assert_eq!(status("POST", "/apiv2-fetch", "application/json"), 404);
        assert_eq!(status("POST", "/apiv1-fetch", "text/plain"), 400);
        assert_eq!(status("POST", "/apiv1-update", "application/json"), 400);
    }

    #[test]
    fn each_of_the_vendors_hosts_serves_what_its_page_lists() {
        let heylo = Heylo::demo().limit(None);
        let statuses = |host: &str| {
            ["fetch", "update", "remove", "create"].map(|endpoint| {
                let path = format!("{host}/apiv1-{endpoint}");
                ask(&heylo, request("POST", &path, "Bearer k", "application/json")).0
            })
        };
        assert_eq!(statuses("https://api.heylo.com"), [200, 400, 400, 404]);
        let older = "https://us-central1-piccup-82257.cloudfunctions.net";
        assert_eq!(statuses(older), [404, 404, 400, 400]);
        assert_eq!(statuses("http://localhost:8080"), [200, 400, 400, 400]);
    }

    #[test]
    fn the_sixth_request_in_a_second_is_refused_and_every_answer_says_what_is_left() {
        let heylo = Heylo::demo().clock(crate::sandbox::TestClock::new());
        let body = json!({"type": "communityRoles", "communityId": "book-circle"});
        for remaining in ["4", "3", "2", "1", "0", "0"] {
            let reply = heylo.reply(to_heylo("apiv1-fetch", &body), std::time::Duration::MAX);
            let answer = reply.into_result().unwrap();
            assert_eq!(answer.headers()["x-ratelimit-limit"], "5");
            assert_eq!(answer.headers()["x-ratelimit-remaining"], remaining);
        }
        assert_eq!((heylo.refusals(), heylo.most_in_any_window()), (1, 6));
    }
}
