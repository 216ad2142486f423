//! The operations of Heylerts, and the routes to them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::header::LOCATION;
use http::{Method, StatusCode};
use serde_json::json;

use super::alert::Alert;
use super::alert::AlertFields;
use super::mention::Mention;
use super::request::{self, ApiError, Paging};
use super::state::{Plan, State};
use crate::sandbox::engine::Backend;
use crate::sandbox::exchange::{self, Incoming, Response};
use crate::sandbox::limit::{Limit, RetryAfter};

impl Backend for State {
    fn default_limit() -> Limit {
        Limit::sliding_log(100, Duration::from_secs(60)).retry_after(RetryAfter::Seconds)
    }

    fn rate_limit_key(request: &Incoming) -> String {
        request.header("x-api-key").unwrap_or_default().to_owned()
    }

    fn sends_rate_limit_headers(&self) -> bool {
        self.settings.sends_rate_limit_headers
    }

    fn processing_time(&self, request: &Incoming) -> Duration {
        match request.method == Method::POST {
            true => self.settings.create_duration,
            false => Duration::ZERO,
        }
    }

    fn handle(&mut self, request: &Incoming, now: SystemTime) -> Response {
        self.operate(request, now).unwrap_or_else(ApiError::into_response)
    }

    fn rate_limited() -> Response {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded").into_response()
    }
}

/// A request to an operation.
struct Operands<'a> {
    request: &'a Incoming,
    /// The id in the path; empty if the path has none.
    id: &'a str,
    now: SystemTime,
}

type Operation = fn(&mut State, &Operands<'_>) -> Result<Response, ApiError>;

/// Returns the operation of a method and the segments after `api/v1`.
fn operation(method: &str, path: &[&str]) -> Option<Operation> {
    let operation: Operation = match (method, path) {
        ("GET", ["hello"]) => |state, _| Ok(state.hello()),
        ("GET", ["alerts"]) => |state, it| state.list_alerts(it.request, it.now),
        ("POST", ["alerts"]) => |state, it| state.create_alert(it.request, it.now),
        (_, ["alerts", ""]) => return None,
        ("GET", ["alerts", _]) => |state, it| state.get_alert(it.id),
        ("PATCH", ["alerts", _]) => |state, it| state.update_alert(it.id, it.request),
        ("DELETE", ["alerts", _]) => |state, it| state.delete_alert(it.id),
        ("GET", ["mentions"]) => |state, it| state.list_mentions(it.request, it.now),
        ("GET", ["stats"]) => |state, it| state.stats(it.request),
        _ => return None,
    };
    Some(operation)
}

impl State {
    fn operate(&mut self, request: &Incoming, now: SystemTime) -> Result<Response, ApiError> {
        let segments = request.segments();
        let path = path_of(&segments);
        let allowed = allowed_methods(&path);
        if allowed.is_empty() {
            return without_slash(request, &path);
        }
        let Some(operation) = operation(request.method.as_str(), &path) else {
            return Err(ApiError::method(allowed.join(", ")));
        };
        self.authorize(request)?;
        let id = path.get(1).copied().unwrap_or_default();
        if self.settings.malformed_id_returns_422 && path.len() > 1 {
            request::check_uuid(["path", "alert_id"], id)?;
        }
        operation(self, &Operands { request, id, now })
    }

    fn authorize(&self, request: &Incoming) -> Result<(), ApiError> {
        let key = request.header("x-api-key").unwrap_or_default();
        let known = self.keys.is_empty() || self.keys.iter().any(|known| known == key);
        if !known || !key.starts_with("hlt_") {
            let detail = "Missing or invalid API key";
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, detail));
        }
        match self.plan {
            Plan::Free => {
                Err(ApiError::new(StatusCode::FORBIDDEN, "API access requires a paid plan"))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the segments after `api/v1`; none if there is no such prefix.
fn path_of(segments: &[String]) -> Vec<&str> {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let prefix = segments.windows(2).position(|pair| pair == ["api", "v1"]);
    prefix.map(|at| segments[at + 2..].to_vec()).unwrap_or_default()
}

fn allowed_methods(path: &[&str]) -> Vec<&'static str> {
    let methods = ["GET", "POST", "PATCH", "DELETE"];
    methods.into_iter().filter(|method| operation(method, path).is_some()).collect()
}

/// Redirects a path with a trailing slash to the one without, as FastAPI does.
fn without_slash(request: &Incoming, path: &[&str]) -> Result<Response, ApiError> {
    match path.split_last() {
        Some((last, rest)) if last.is_empty() && !allowed_methods(rest).is_empty() => {
            let host = request.header("host").unwrap_or("heylerts.com");
            let path = request.path.trim_end_matches('/');
            let query = if request.query.is_empty() { "" } else { "?" };
            let location = format!("http://{host}{path}{query}{}", request.query);
            let mut response = exchange::empty(StatusCode::TEMPORARY_REDIRECT);
            exchange::set(&mut response, LOCATION.as_str(), &location);
            Ok(response)
        }
        _ => Err(ApiError::not_found("Not Found")),
    }
}

const SOURCES: [&str; 3] = ["brave", "reddit", "hackernews"];
const SENTIMENTS: [&str; 3] = ["positive", "neutral", "negative"];

impl State {
    pub(crate) fn list_alerts(
        &self,
        request: &Incoming,
        now: SystemTime,
    ) -> Result<Response, ApiError> {
        let paging = Paging::of(request)?;
        let mut alerts = newest_first(&self.alerts, |alert| alert.created_at);
        alerts.retain(|alert| self.is_listed(alert.created_at, now));
        let envelope = paging.envelope(&alerts, |alert| self.alert_json(alert));
        Ok(exchange::json(StatusCode::OK, &envelope))
    }

    pub(crate) fn get_alert(&self, id: &str) -> Result<Response, ApiError> {
        let alert = self.alert(id).ok_or_else(no_alert)?;
        Ok(exchange::json(StatusCode::OK, &self.alert_json(alert)))
    }

    pub(crate) fn create_alert(
        &mut self,
        request: &Incoming,
        now: SystemTime,
    ) -> Result<Response, ApiError> {
        let fields = AlertFields::of_create(request)?;
        let quota = self.plan.quota();
        if self.alerts.len() >= quota {
            let detail = format!("Alert quota reached: {quota} on the {} plan", self.plan.name());
            return Err(ApiError::new(StatusCode::FORBIDDEN, detail));
        }
        let mut alert = Alert::new("", "").created_at(now);
        fields.apply(&mut alert);
        let alert = self.add_alert(alert).clone();
        let status = match self.settings.create_returns_200 {
            true => StatusCode::OK,
            false => StatusCode::CREATED,
        };
        Ok(exchange::json(status, &self.alert_json(&alert)))
    }

    pub(crate) fn update_alert(
        &mut self,
        id: &str,
        request: &Incoming,
    ) -> Result<Response, ApiError> {
        let alert = self.alert_mut(id).ok_or_else(no_alert)?;
        AlertFields::of_update(request)?.apply(alert);
        self.get_alert(id)
    }

    pub(crate) fn delete_alert(&mut self, id: &str) -> Result<Response, ApiError> {
        self.alert(id).ok_or_else(no_alert)?;
        self.alerts.retain(|alert| alert.id != id);
        self.mentions.retain(|mention| mention.alert_id != id);
        Ok(exchange::empty(StatusCode::NO_CONTENT))
    }

    pub(crate) fn list_mentions(
        &self,
        request: &Incoming,
        now: SystemTime,
    ) -> Result<Response, ApiError> {
        let paging = Paging::of(request)?;
        let since = request::parse_since(request)?;
        let alert_id = self.alert_id_filter(request)?;
        if self.settings.unknown_filter_returns_422 {
            request::check_one_of(request, "source", &SOURCES)?;
            request::check_one_of(request, "sentiment", &SENTIMENTS)?;
        }
        let (source, sentiment) = (request.parameter("source"), request.parameter("sentiment"));
        let mut mentions = newest_first(&self.mentions, |mention| mention.found_at);
        mentions.retain(|mention: &&Mention| {
            !mention.ignored
                && self.is_listed(mention.found_at, now)
                && alert_id.as_ref().is_none_or(|id| mention.alert_id == *id)
                && source.as_ref().is_none_or(|source| mention.source == *source)
                && (sentiment.is_none() || mention.sentiment == sentiment)
                && since.is_none_or(|since| mention.found_at >= since)
        });
        let style = self.settings.timestamp_format;
        let envelope = paging.envelope(&mentions, |mention| mention.to_json(style));
        Ok(exchange::json(StatusCode::OK, &envelope))
    }

    /// Whether lists contain an item that was created at this time.
    fn is_listed(&self, created: SystemTime, now: SystemTime) -> bool {
        let lag = self.settings.list_lag;
        lag.is_zero() || now.duration_since(created).is_ok_and(|age| age >= lag)
    }

    fn alert_json(&self, alert: &Alert) -> serde_json::Value {
        alert.to_json(self.mention_count(&alert.id), self.settings.timestamp_format)
    }
}

/// Sorts by time, latest first; of two items with the same time, the one added later comes first.
fn newest_first<T>(items: &[T], time: impl Fn(&T) -> SystemTime) -> Vec<&T> {
    let mut items: Vec<&T> = items.iter().rev().collect();
    items.sort_by_key(|item| Reverse(time(item)));
    items
}

fn no_alert() -> ApiError {
    ApiError::not_found("Alert not found")
}

impl State {
    pub(crate) fn hello(&self) -> Response {
        let user = json!({"email": self.email, "plan": self.plan.name()});
        let hello = json!({
            "ok": true,
            "user": user,
            "rate_limit": self.rate_limit,
            "docs_url": "https://heylerts.com/docs",
        });
        exchange::json(StatusCode::OK, &hello)
    }

    pub(crate) fn stats(&self, request: &Incoming) -> Result<Response, ApiError> {
        let alert_id = self.alert_id_filter(request)?;
        let is_counted = |mention: &&Mention| {
            !mention.ignored && alert_id.as_ref().is_none_or(|id| mention.alert_id == *id)
        };
        let mentions: Vec<&Mention> = self.mentions.iter().filter(is_counted).collect();
        let count_by = |name: fn(&Mention) -> Option<&str>| {
            count_names(mentions.iter().filter_map(|m| name(m)))
        };
        let stats = json!({
            "total": mentions.len(),
            "by_source": count_by(|mention| Some(&mention.source)),
            "by_sentiment": count_by(|mention| mention.sentiment.as_deref()),
            "by_category": count_by(|mention| Some(&mention.category)),
        });
        Ok(exchange::json(StatusCode::OK, &stats))
    }

    /// Returns the `alert_id` of the query, checked as the settings require.
    pub(crate) fn alert_id_filter(&self, request: &Incoming) -> Result<Option<String>, ApiError> {
        let id = request.parameter("alert_id");
        if let (true, Some(id)) = (self.settings.malformed_id_returns_422, &id) {
            request::check_uuid(["query", "alert_id"], id)?;
        }
        let unknown = |id: &String| self.alert(id).is_none();
        match &id {
            Some(id) if self.settings.unknown_alert_returns_404 && unknown(id) => {
                Err(ApiError::not_found("Alert not found"))
            }
            _ => Ok(id),
        }
    }
}

fn count_names<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::sandbox::exchange::testing::{response_to, send, to_heylerts};
    use crate::sandbox::heylerts::{Alert, Mention, Plan};
    use crate::sandbox::{Heylerts, TestClock, TimestampFormat, WireResponse};

    fn status(heylerts: &Heylerts, method: &str, path: &str) -> u16 {
        send(heylerts, to_heylerts(method, path, &Value::Null)).0
    }

    #[test]
    fn only_known_keys_that_begin_with_hlt_are_accepted() {
        let heylerts = Heylerts::demo();
        let with = |key: &str| {
            let mut request = to_heylerts("GET", "hello", &Value::Null);
            request.headers_mut().insert("x-api-key", key.parse().unwrap());
            send(&heylerts, request)
        };
        assert_eq!(with("hlt_abc").0, 200);
        assert_eq!(with("abc"), (401, json!({"detail": "Missing or invalid API key"})));
        heylerts.change(|state| state.keys.push("hlt_abc".to_owned()));
        assert_eq!((with("hlt_abc").0, with("hlt_abcd").0, with("").0), (200, 401, 401));
    }

    #[test]
    fn the_free_plan_has_no_access() {
        let heylerts = Heylerts::demo().plan(Plan::Free);
        for path in ["hello", "alerts", "mentions", "stats", "alerts/x"] {
            assert_eq!(status(&heylerts, "GET", path), 403, "{path}");
        }
    }

    #[test]
    fn paths_and_methods_are_checked() {
        let heylerts = Heylerts::demo();
        assert_eq!(status(&heylerts, "GET", "nothing"), 404);
        assert_eq!(status(&heylerts, "GET", "alerts/a/b"), 404);
        assert_eq!(status(&heylerts, "GET", "alerts//"), 404);
        assert_eq!(status(&heylerts, "PUT", "alerts"), 405);
        assert_eq!(status(&heylerts, "POST", "hello"), 405);
        let response = response_to(&heylerts, to_heylerts("PUT", "alerts/x", &Value::Null));
        assert_eq!(response.headers()["allow"], "GET, PATCH, DELETE");
    }

    #[test]
    fn a_trailing_slash_is_redirected() {
        let heylerts = Heylerts::demo();
        let response = response_to(&heylerts, to_heylerts("GET", "alerts/?page=2", &Value::Null));
        assert_eq!(response.status(), 307);
        assert_eq!(response.headers()["location"], "http://heylerts.com/api/v1/alerts?page=2");
    }

    #[test]
    fn the_hundred_and_first_request_in_a_minute_gets_a_429() {
        let clock = TestClock::new();
        let heylerts = Heylerts::demo().clock(clock.clone());
        assert!((0..100).all(|_| status(&heylerts, "GET", "hello") == 200));
        clock.advance(Duration::from_millis(59_500));
        let response = response_to(&heylerts, to_heylerts("GET", "hello", &Value::Null));
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (429, &"1".parse().unwrap())
        );
        assert!(!response.headers().contains_key("x-ratelimit-remaining"));
        clock.advance(Duration::from_millis(500));
        assert_eq!(status(&heylerts, "GET", "hello"), 200);
    }

    #[test]
    fn responses_have_rate_limit_headers_if_set() {
        let heylerts =
            Heylerts::demo().with(|state| state.settings.sends_rate_limit_headers = true);
        let response = response_to(&heylerts, to_heylerts("GET", "hello", &Value::Null));
        assert_eq!(response.headers()["x-ratelimit-remaining"], "99");
    }

    fn get(heylerts: &Heylerts, path: &str) -> (u16, Value) {
        send(heylerts, to_heylerts("GET", path, &Value::Null))
    }

    fn create(heylerts: &Heylerts, body: Value) -> (u16, Value) {
        send(heylerts, to_heylerts("POST", "alerts", &body))
    }

    fn names(page: &Value) -> Vec<&str> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn alerts_are_listed_newest_first_in_pages() {
        let heylerts = Heylerts::demo();
        let (_, page) = get(&heylerts, "alerts?per_page=2");
        assert_eq!(names(&page), ["Town", "Competitor"]);
        assert_eq!((&page["total_items"], &page["total_pages"]), (&json!(3), &json!(2)));
        assert_eq!((&page["page"], &page["per_page"]), (&json!(1), &json!(2)));
        assert_eq!(page["has_more"], true);
        let (_, page) = get(&heylerts, "alerts?per_page=2&page=2");
        assert_eq!((names(&page), &page["has_more"]), (vec!["Our brand"], &json!(false)));
        let (status, page) = get(&heylerts, "alerts?page=18446744073709551615");
        assert_eq!((status, names(&page), &page["has_more"]), (200, vec![], &json!(false)));
    }

    #[test]
    fn a_created_alert_is_complete_and_the_newest() {
        let heylerts = Heylerts::demo().clock(TestClock::new());
        let body = json!({"name": "New", "keyword": "k", "sources": ["brave"], "is_active": false});
        let (status, alert) = create(&heylerts, body);
        assert_eq!(
            (status, &alert["name"], &alert["sources"]),
            (201, &json!("New"), &json!(["brave"]))
        );
        assert_eq!((&alert["is_active"], &alert["frequency"]), (&json!(false), &json!("daily")));
        assert_eq!(
            (&alert["mention_count"], &alert["webhook_configured"]),
            (&json!(0), &json!(false))
        );
        assert_eq!(alert["created_at"], "2026-05-08T12:00:00Z");
        assert_eq!(names(&get(&heylerts, "alerts").1)[0], "New");
        let id = alert["id"].as_str().unwrap();
        assert_eq!(get(&heylerts, &format!("alerts/{id}")), (200, alert.clone()));
    }

    #[test]
    fn creating_returns_200_if_set() {
        let heylerts = Heylerts::new().with(|state| state.settings.create_returns_200 = true);
        assert_eq!(create(&heylerts, json!({"name": "a", "keyword": "b"})).0, 200);
    }

    #[test]
    fn every_plan_has_its_quota() {
        for (plan, quota) in [(Plan::Starter, 10), (Plan::Pro, 50), (Plan::Business, 250)] {
            let heylerts = Heylerts::new().plan(plan).limit(None);
            let body = json!({"name": "a", "keyword": "b"});
            assert!((0..quota).all(|_| create(&heylerts, body.clone()).0 == 201));
            let (status, response) = create(&heylerts, body);
            assert_eq!((status, response["detail"].is_string()), (403, true));
            assert_eq!(heylerts.state().alerts.len(), quota);
        }
    }

    #[test]
    fn an_update_changes_the_fields_that_are_sent_and_no_other() {
        let heylerts = Heylerts::new();
        let id = heylerts.add_alert(Alert::new("Name", "keyword"));
        let before = get(&heylerts, &format!("alerts/{id}")).1;
        let patch = json!({"is_active": false, "sources": []});
        let path = format!("alerts/{id}");
        let (status, after) = send(&heylerts, to_heylerts("PATCH", &path, &patch));
        let mut expected = before;
        expected["is_active"] = false.into();
        expected["sources"] = json!([]);
        assert_eq!((status, after), (200, expected));
    }

    #[test]
    fn deleting_an_alert_returns_204_and_deletes_its_mentions() {
        let heylerts = Heylerts::demo();
        let id = heylerts.state().alerts[0].id.clone();
        let path = format!("alerts/{id}");
        let delete = || response_to(&heylerts, to_heylerts("DELETE", &path, &Value::Null));
        let response = delete();
        assert_eq!((response.status().as_u16(), response.body().len()), (204, 0));
        assert!(heylerts.state().mentions.iter().all(|mention| mention.alert_id != id));
        assert_eq!(delete().status(), 404);
    }

    #[test]
    fn mentions_are_filtered_and_ignored_ones_left_out() {
        let heylerts = Heylerts::demo();
        let total = |path: &str| get(&heylerts, path).1["total_items"].as_u64().unwrap();
        assert_eq!(total("mentions"), 137);
        let by_source = ["brave", "reddit", "hackernews", "x"];
        let by_source = by_source.map(|source| total(&format!("mentions?source={source}")));
        assert_eq!(by_source.iter().sum::<u64>(), 137);
        assert!(total("mentions?sentiment=negative&source=brave") < by_source[0]);
        let ids: Vec<String> =
            heylerts.state().alerts.iter().map(|alert| alert.id.clone()).collect();
        let by_alert = ids.iter().map(|id| total(&format!("mentions?alert_id={id}")));
        assert_eq!(by_alert.sum::<u64>(), 137);
        assert_eq!(total("mentions?since=2026-05-08T03:00:00Z"), 3);
        assert_eq!(total("mentions?since=2026-05-08T05:00:00%2B02:00"), 3);
    }

    #[test]
    fn an_unknown_alert_matches_nothing_or_is_missing() {
        let heylerts = Heylerts::demo();
        assert_eq!(get(&heylerts, "mentions?alert_id=x").1["total_items"], 0);
        assert_eq!(get(&heylerts, "stats?alert_id=x").1["total"], 0);
        heylerts.change(|state| state.settings.unknown_alert_returns_404 = true);
        assert_eq!(get(&heylerts, "mentions?alert_id=x").0, 404);
        assert_eq!(get(&heylerts, "stats?alert_id=x").0, 404);
    }

    #[test]
    fn a_malformed_id_returns_422_if_set() {
        let heylerts = Heylerts::demo();
        let id = heylerts.state().alerts[0].id.clone();
        let statuses = |id: &str| {
            let get = |path: &str| get(&heylerts, path).0;
            let path = format!("alerts/{id}");
            let patch = send(&heylerts, to_heylerts("PATCH", &path, &json!({}))).0;
            let stats = get(&format!("stats?alert_id={id}"));
            [get(&path), patch, get(&format!("mentions?alert_id={id}")), stats]
        };
        assert_eq!(statuses("no-uuid"), [404, 404, 200, 200]);
        heylerts.change(|state| state.settings.malformed_id_returns_422 = true);
        assert_eq!(statuses("no-uuid"), [422; 4]);
        assert_eq!(statuses(&id), [200; 4]);
        let (status, error) = send(&heylerts, to_heylerts("DELETE", "alerts/x", &Value::Null));
        assert_eq!((status, &error["detail"][0]["loc"]), (422, &json!(["path", "alert_id"])));
    }

    #[test]
    fn an_unknown_source_or_sentiment_returns_422_if_set() {
        let heylerts = Heylerts::demo();
        let unknown = ["mentions?source=x", "mentions?sentiment=mixed"];
        assert_eq!(unknown.map(|path| get(&heylerts, path).0), [200; 2]);
        heylerts.change(|state| state.settings.unknown_filter_returns_422 = true);
        assert_eq!(unknown.map(|path| get(&heylerts, path).0), [422; 2]);
        assert_eq!(get(&heylerts, "mentions?source=brave&sentiment=neutral").0, 200);
    }

    #[test]
    fn a_new_alert_is_listed_after_the_lag() {
        let clock = TestClock::new();
        let heylerts = Heylerts::demo().clock(clock.clone());
        heylerts.change(|state| state.settings.list_lag = Duration::from_secs(2));
        let id = create(&heylerts, json!({"name": "New", "keyword": "k"})).1["id"].clone();
        assert_eq!(get(&heylerts, "alerts").1["total_items"], 3);
        let path = format!("alerts/{}", id.as_str().unwrap());
        assert_eq!(get(&heylerts, &path).0, 200);
        heylerts.receive(Mention::new(id.as_str().unwrap(), "Title"));
        assert_eq!(get(&heylerts, "mentions").1["total_items"], 137);
        clock.advance(Duration::from_secs(2));
        assert_eq!(get(&heylerts, "alerts").1["items"][0]["id"], id);
        assert_eq!(get(&heylerts, "mentions").1["total_items"], 138);
    }

    #[test]
    fn a_create_takes_effect_after_its_duration_although_the_client_gave_up() {
        let clock = TestClock::new();
        let heylerts = Heylerts::new().clock(clock.clone());
        heylerts.change(|state| state.settings.create_duration = Duration::from_millis(1500));
        let body = json!({"name": "a", "keyword": "b"});
        let request = || to_heylerts("POST", "alerts", &body);
        let response = heylerts.respond(request(), Duration::from_secs(1));
        assert!(matches!(response, WireResponse::TimedOut));
        assert_eq!((clock.elapsed().as_millis(), heylerts.state().alerts.len()), (1000, 0));
        clock.advance(Duration::from_millis(499));
        assert_eq!(heylerts.state().alerts.len(), 0);
        clock.advance(Duration::from_millis(1));
        let created = heylerts.state().alerts[0].created_at;
        assert_eq!((heylerts.state().alerts.len(), created), (1, heylerts.now()));
        assert_eq!(send(&heylerts, request()).0, 201);
        assert_eq!(clock.elapsed().as_millis(), 3000);
    }

    #[test]
    fn timestamps_have_the_format_of_the_setting() {
        let heylerts = Heylerts::new()
            .with(|state| state.settings.timestamp_format = TimestampFormat::NoOffset);
        let id = heylerts.add_alert(Alert::new("Name", "keyword"));
        heylerts.add_mention(Mention::new(&id, "Title"));
        let (_, page) = get(&heylerts, "mentions");
        assert_eq!(page["items"][0]["found_at"], "2026-05-08T12:00:00");
        assert_eq!(page["items"][0]["published_at"], Value::Null);
    }

    #[test]
    fn hello_returns_the_user() {
        let hello = get(&Heylerts::new().plan(Plan::Business), "hello").1;
        let expected = json!({
            "ok": true,
            "user": {"email": "ada@example.com", "plan": "business"},
            "rate_limit": "100/minute",
            "docs_url": "https://heylerts.com/docs",
        });
        assert_eq!(hello, expected);
    }

    #[test]
    fn stats_count_the_mentions_of_all_alerts_or_of_one_except_ignored_ones() {
        let heylerts = Heylerts::new();
        let [one, other] = ["one", "other"].map(|name| heylerts.add_alert(Alert::new(name, name)));
        heylerts.add_mention(Mention::new(&one, "a").source("reddit").sentiment("positive"));
        heylerts.add_mention(Mention::new(&one, "b").source("brave"));
        heylerts.add_mention(Mention::new(&one, "c").source("brave").ignored());
        heylerts.add_mention(Mention::new(&other, "d").source("hackernews"));
        assert_eq!(get(&heylerts, "stats").1["total"], 3);
        let expected = json!({
            "total": 2,
            "by_source": {"reddit": 1, "brave": 1},
            "by_sentiment": {"positive": 1, "neutral": 1},
            "by_category": {"web": 1, "social": 1},
        });
        assert_eq!(get(&heylerts, &format!("stats?alert_id={one}")).1, expected);
    }
}
