//! The operations of Heylo, and the routes to them.

use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fields::{ApiError, Fields};
use super::state::{Community, Event, Role, Settings, State, SuccessBody, UnknownCursor};
use crate::sandbox::engine::Backend;
use crate::sandbox::exchange::{self, Incoming, Response};
use crate::sandbox::limit::Limit;
use crate::sandbox::wall_clock;

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

impl State {
    pub(crate) fn community_events(&mut self, fields: &Fields) -> Result<Response, ApiError> {
        let settings = self.settings.clone();
        let community = self.named(fields)?;
        let after = fields.whole("startTimestamp")?.unwrap_or(i64::MIN);
        let before = fields.whole("endTimestamp")?.unwrap_or(i64::MAX);
        let is_in_range = |event: &&Event| {
            let start = wall_clock::to_millis(event.start);
            after < start && start < before
        };
        let batch = batch_size(fields, &settings)?;
        let cursor = fields.optional_id("lastEventId")?;
        let events = after_cursor(&community.events, Event::sort_key, cursor, &settings)
            .ok_or_else(|| ApiError::not_found("Event"))?;
        let events = events.into_iter().filter(is_in_range).take(batch);
        let events = events.map(|event| event.to_json(settings.event_id_format));
        ok(json!({"events": events.collect::<Vec<Value>>()}))
    }

    pub(crate) fn event_attendance(&mut self, fields: &Fields) -> Result<Response, ApiError> {
        let community = self.named(fields)?;
        let event = community.event_of(&fields.id("eventId")?)?;
        ok(json!({"attendance": event.attendance}))
    }

    pub(crate) fn community_roles(&mut self, fields: &Fields) -> Result<Response, ApiError> {
        let roles = self.named(fields)?.roles.iter().map(Role::to_json);
        ok(json!({"roles": roles.collect::<Vec<Value>>()}))
    }

    pub(crate) fn role_members(&mut self, fields: &Fields) -> Result<Response, ApiError> {
        let community = self.named(fields)?;
        let role = community.role_of(fields.required("roleId")?)?;
        ok(json!({"memberUserIds": role.member_ids}))
    }
}

impl Community {
    fn event_of(&self, id: &str) -> Result<&Event, ApiError> {
        let found = self.events.iter().find(|event| event.id == id);
        found.ok_or_else(|| ApiError::not_found("Event"))
    }

    fn role_of(&self, id: &str) -> Result<&Role, ApiError> {
        let found = self.roles.iter().find(|role| role.id == id);
        found.ok_or_else(|| ApiError::not_found("Role"))
    }
}

/// Returns the items behind the one with the id of `cursor`, sorted by a key that ends in their id; all without a
/// cursor, and `None` if no item has that id and this is an error.
fn after_cursor<'a, T>(
    items: &'a [T],
    key: fn(&'a T) -> (i64, &'a str),
    cursor: Option<String>,
    settings: &Settings,
) -> Option<Vec<&'a T>> {
    let mut items: Vec<&T> = items.iter().collect();
    items.sort_by_key(|item| key(item));
    let Some(cursor) = cursor else {
        return Some(items);
    };
    let found = items.iter().position(|item| key(item).1 == cursor);
    match (found, settings.unknown_cursor) {
        (Some(index), _) => Some(items.split_off(index + usize::from(!settings.inclusive_cursor))),
        (None, UnknownCursor::Error) => None,
        (None, UnknownCursor::Restart) => Some(items),
        (None, UnknownCursor::Empty) => Some(Vec::new()),
    }
}

/// Returns the number of events per page: 50 by default, 100 at most.
fn batch_size(fields: &Fields, settings: &Settings) -> Result<usize, ApiError> {
    let size = fields.whole("batchSize")?.unwrap_or(50);
    match usize::try_from(size) {
        // At least two if there are two: a page of only an inclusive cursor would not advance.
        Ok(size @ 3..=100) if settings.short_pages => Ok(size.div_ceil(2)),
        Ok(size @ 1..=100) => Ok(size),
        _ => Err(ApiError::bad("batchSize must be between 1 and 100")),
    }
}

impl State {
    pub(crate) fn update_role(&mut self, fields: &Fields) -> Result<Response, ApiError> {
        let only_changes = self.settings.update_returns_only_changes;
        let community = self.named(fields)?;
        let role_id = fields.required("roleId")?;
        let mut added = fields.ids("addedUserIds")?;
        let mut removed = fields.ids("removedUserIds")?;
        if added.is_empty() && removed.is_empty() {
            let message = "At least one of addedUserIds or removedUserIds must be non-empty";
            return Err(ApiError::bad(message));
        }
        for ids in [&mut added, &mut removed] {
            ids.retain(|id| community.can_have_roles(id));
        }
        let role = community.role_mut(role_id)?;
        if only_changes {
            added.retain(|id| !role.member_ids.contains(id));
            removed.retain(|id| role.member_ids.contains(id));
        }
        role.change(&added, &removed);
        ok(json!({"addedUserIds": added, "removedUserIds": removed}))
    }

    pub(crate) fn remove_member(&mut self, fields: &Fields) -> Result<Response, ApiError> {
        let removal_of_absent_succeeds = self.settings.removal_of_absent_succeeds;
        let community = self.named(fields)?;
        let user_id = fields.required("userId")?;
        if !community.remove(user_id) && !removal_of_absent_succeeds {
            return Err(ApiError::not_found("Member"));
        }
        Ok(self.acknowledge(StatusCode::OK, json!({"success": true})))
    }

    /// Builds the response to a success that the vendor does not document.
    pub(crate) fn acknowledge(&self, status: StatusCode, value: Value) -> Response {
        match self.settings.success_body {
            SuccessBody::Json => exchange::json(status, &value),
            SuccessBody::Text => exchange::with_body(status, "text/plain", "OK"),
            SuccessBody::Empty => exchange::empty(status),
        }
    }
}

impl Community {
    /// Removes a user from the community, its roles and its pending invites. Returns whether the user was a
    /// member or invited.
    fn remove(&mut self, user_id: &str) -> bool {
        let before = self.members.len() + self.invites.len();
        self.members.retain(|member| member.user_id != user_id);
        self.invites.retain(|invite| invite.user_id != user_id);
        for role in &mut self.roles {
            role.member_ids.retain(|id| id != user_id);
        }
        self.members.len() + self.invites.len() < before
    }

    fn role_mut(&mut self, id: &str) -> Result<&mut Role, ApiError> {
        let found = self.roles.iter_mut().find(|role| role.id == id);
        found.ok_or_else(|| ApiError::not_found("Role"))
    }
}

impl Role {
    fn change(&mut self, added: &[String], removed: &[String]) {
        for id in added {
            if !self.member_ids.contains(id) {
                self.member_ids.push(id.clone());
            }
        }
        self.member_ids.retain(|id| !removed.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use serde_json::{Value, json};

    use crate::sandbox::Heylo;
    use crate::sandbox::exchange::testing::{response_to, send, to_heylo};
    use crate::sandbox::heylo::{EventIdFormat, SuccessBody, UnknownCursor};

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

    fn heylo() -> Heylo {
        Heylo::demo().limit(None)
    }

    fn fetch(heylo: &Heylo, mut body: Value) -> (u16, Value) {
        body["communityId"] = body.get("communityId").cloned().unwrap_or("harbour-runners".into());
        send(heylo, to_heylo("apiv1-fetch", &body))
    }

    fn events(heylo: &Heylo, mut body: Value) -> Vec<String> {
        body["type"] = "communityEvents".into();
        let (status, response) = fetch(heylo, body);
        assert_eq!(status, 200, "{response}");
        let events = response["events"].as_array().unwrap().iter();
        events.map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn events_are_ordered_by_start_fifty_per_page() {
        let heylo = heylo();
        heylo.change(|state| state.communities[0].events.reverse());
        let page = events(&heylo, json!({}));
        assert_eq!(
            (page.len(), page[0].as_str(), page[49].as_str()),
            (50, "event-001", "event-050")
        );
    }

    #[test]
    fn the_last_cursor_returns_an_empty_page() {
        let heylo = heylo();
        let mut cursor = json!({"batchSize": 100});
        let mut lengths = Vec::new();
        while lengths.last() != Some(&0) {
            let page = events(&heylo, cursor);
            lengths.push(page.len());
            cursor = json!({"batchSize": 100, "lastEventId": page.last()});
        }
        assert_eq!(lengths, [100, 30, 0]);
    }

    #[test]
    fn the_bounds_of_the_start_are_exclusive() {
        let heylo = heylo();
        let start = |at: usize| {
            let event = &heylo.state().communities[0].events[at];
            crate::sandbox::wall_clock::to_millis(event.start)
        };
        let between = json!({"startTimestamp": start(3), "endTimestamp": start(6)});
        assert_eq!(events(&heylo, between), ["event-005", "event-006"]);
    }

    #[test]
    fn short_pages_and_an_inclusive_cursor_are_settings() {
        let heylo = heylo().with(|state| state.settings.short_pages = true);
        assert_eq!(events(&heylo, json!({"batchSize": 7})).len(), 4);
        heylo.change(|state| state.settings.inclusive_cursor = true);
        let page = events(&heylo, json!({"batchSize": 4, "lastEventId": "event-009"}));
        assert_eq!(page, ["event-009", "event-010"]);
    }

    #[test]
    fn an_unknown_cursor_is_an_error_the_first_page_or_an_empty_one() {
        let heylo = heylo();
        let page = json!({"batchSize": 2, "lastEventId": "nothing"});
        heylo.change(|state| state.settings.unknown_cursor = UnknownCursor::Restart);
        assert_eq!(events(&heylo, page.clone()), ["event-001", "event-002"]);
        heylo.change(|state| state.settings.unknown_cursor = UnknownCursor::Empty);
        assert!(events(&heylo, page).is_empty());
    }

    #[test]
    fn an_event_has_its_id_in_the_field_of_the_setting() {
        let heylo = heylo().with(|state| {
            state.settings.event_id_format = EventIdFormat::EventId;
            state.communities[1].events[0].id = "17".to_owned();
        });
        let query = json!({"type": "communityEvents", "communityId": "book-circle"});
        let (_, page) = fetch(&heylo, query.clone());
        assert_eq!(page["events"][0]["eventId"], "17");
        heylo.change(|state| state.settings.event_id_format = EventIdFormat::Number);
        let (_, page) = fetch(&heylo, query);
        assert_eq!(page["events"][0]["id"], 17);
        let attendance =
            json!({"type": "eventAttendance", "communityId": "book-circle", "eventId": 17});
        assert_eq!(fetch(&heylo, attendance).0, 200);
        heylo.change(|state| state.communities[1].events[0].id = "017".to_owned());
        let (_, page) =
            fetch(&heylo, json!({"type": "communityEvents", "communityId": "book-circle"}));
        assert_eq!(page["events"][0]["id"], "017");
    }

    #[test]
    fn values_out_of_range_and_unknown_ids_are_rejected() {
        let heylo = heylo();
        for (status, body) in [
            (400, json!({"type": "communityEvents", "batchSize": 0})),
            (400, json!({"type": "communityEvents", "batchSize": 101})),
            (400, json!({"type": "communityEvents", "batchSize": "50"})),
            (400, json!({"type": "communityEvents", "startTimestamp": "yesterday"})),
            (400, json!({"type": "communityEvents", "communityId": ""})),
            (404, json!({"type": "communityEvents", "communityId": "nowhere"})),
            (404, json!({"type": "communityEvents", "lastEventId": "nothing"})),
            (400, json!({"type": "eventAttendance"})),
            (404, json!({"type": "eventAttendance", "eventId": "nothing"})),
            (400, json!({"type": "roleMembers"})),
            (404, json!({"type": "roleMembers", "roleId": "nothing"})),
            (400, json!({"type": "somethingElse"})),
            (400, json!({})),
        ] {
            let response = fetch(&heylo, body.clone());
            assert_eq!(response.0, status, "{body}");
            assert!(response.1["error"].is_string(), "{body}");
        }
    }

    #[test]
    fn attendance_roles_and_role_members_are_returned() {
        let heylo = heylo();
        let attendance = json!({"type": "eventAttendance", "eventId": "event-001"});
        let (_, attendance) = fetch(&heylo, attendance);
        assert!(attendance["attendance"][0]["userId"].is_string());
        let (_, roles) = fetch(&heylo, json!({"type": "communityRoles"}));
        assert_eq!(roles["roles"][1], json!({"id": "captains", "name": "Captains"}));
        let (_, members) = fetch(&heylo, json!({"type": "roleMembers", "roleId": "coaches"}));
        assert_eq!(members, json!({"memberUserIds": ["user-3", "user-4", "user-5"]}));
    }

    fn update(heylo: &Heylo, added: Value, removed: Value) -> (u16, Value) {
        let body = json!({
            "type": "roleMembers", "communityId": "harbour-runners", "roleId": "captains",
            "addedUserIds": added, "removedUserIds": removed,
        });
        send(heylo, to_heylo("apiv1-update", &body))
    }

    fn remove(heylo: &Heylo, user_id: &str) -> (u16, Value) {
        let body = json!({"type": "member", "communityId": "harbour-runners", "userId": user_id});
        send(heylo, to_heylo("apiv1-remove", &body))
    }

    #[test]
    fn an_update_silently_drops_ids_that_are_no_active_or_hidden_member() {
        let heylo = heylo();
        let added = json!(["user-9", "user-37", "user-39", "nobody"]);
        let (status, response) = update(&heylo, added, json!(["user-1", "user-40"]));
        let applied = json!({"addedUserIds": ["user-9", "user-37"], "removedUserIds": ["user-1"]});
        assert_eq!((status, response), (200, applied));
        let captains = ["user-2", "user-3", "user-4", "user-9", "user-37"];
        assert_eq!(heylo.role_members("harbour-runners", "captains"), captains);
    }

    #[test]
    fn an_update_returns_only_changes_if_set() {
        let heylo = heylo();
        let update = || update(&heylo, json!(["user-1", "user-9"]), json!(["user-8"])).1;
        let all = json!({"addedUserIds": ["user-1", "user-9"], "removedUserIds": ["user-8"]});
        assert_eq!([update(), update()], [all.clone(), all]);
        heylo.change(|state| state.settings.update_returns_only_changes = true);
        assert_eq!(update(), json!({"addedUserIds": [], "removedUserIds": []}));
    }

    #[test]
    fn an_update_accepts_one_to_a_hundred_ids_per_list() {
        let heylo = heylo();
        let ids = |count: usize| json!(vec!["user-1"; count]);
        assert_eq!(update(&heylo, ids(100), ids(100)).0, 200);
        assert_eq!(update(&heylo, ids(101), ids(0)).0, 400);
        assert_eq!(update(&heylo, ids(0), ids(101)).0, 400);
        assert_eq!(update(&heylo, ids(0), Value::Null).0, 400);
        assert_eq!(update(&heylo, json!([1]), Value::Null).0, 400);
        assert_eq!(update(&heylo, json!("user-1"), Value::Null).0, 400);
    }

    #[test]
    fn a_removal_removes_roles_and_invites_too() {
        let heylo = heylo();
        assert_eq!(remove(&heylo, "user-3"), (200, json!({"success": true})));
        assert!(!heylo.member_ids("harbour-runners").contains(&"user-3".to_owned()));
        assert_eq!(heylo.role_members("harbour-runners", "coaches"), ["user-4", "user-5"]);
        assert_eq!(remove(&heylo, "user-41").0, 200);
        assert_eq!(heylo.invites("harbour-runners"), []);
    }

    #[test]
    fn the_removal_of_an_absent_user_is_rejected_unless_set() {
        let heylo = heylo();
        assert_eq!(remove(&heylo, "nobody"), (404, json!({"error": "Member not found"})));
        heylo.change(|state| state.settings.removal_of_absent_succeeds = true);
        assert_eq!(remove(&heylo, "nobody").0, 200);
    }

    #[test]
    fn a_removal_can_return_text_or_an_empty_body() {
        let heylo = heylo();
        for (style, body) in [(SuccessBody::Text, "OK"), (SuccessBody::Empty, "")] {
            let heylo = heylo.clone().with(|state| state.settings.success_body = style);
            heylo.change(|state| state.settings.removal_of_absent_succeeds = true);
            let body_sent = json!({"type": "member", "communityId": "book-circle", "userId": "x"});
            let response = response_to(&heylo, to_heylo("apiv1-remove", &body_sent));
            assert_eq!(
                (response.status().as_u16(), response.body().as_slice()),
                (200, body.as_bytes())
            );
        }
    }
}
