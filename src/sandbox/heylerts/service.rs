//! Routes a request to its operation.

use std::time::{Duration, SystemTime};

use http::header::LOCATION;
use http::{Method, StatusCode};

use crate::sandbox::engine::Backend;
use crate::sandbox::exchange::{self, Incoming, Response};
use crate::sandbox::limit::{Limit, RetryAfter};

use super::request::{self, ApiError};
use super::state::{Plan, State};

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

/// The resource of a path.
enum Route {
    Hello,
    Alerts,
    Alert(String),
    Mentions,
    Stats,
}

impl State {
    fn operate(&mut self, request: &Incoming, now: SystemTime) -> Result<Response, ApiError> {
        let segments = request.segments();
        let Some(route) = Route::of(&segments) else {
            return without_slash(request, &segments);
        };
        let method = route.checked(&request.method)?;
        self.authorize(request)?;
        if let (true, Route::Alert(id)) = (self.settings.malformed_id_returns_422, &route) {
            request::check_uuid(["path", "alert_id"], id)?;
        }
        match (route, method) {
            (Route::Hello, _) => Ok(self.hello()),
            (Route::Alerts, &Method::POST) => self.create_alert(request, now),
            (Route::Alerts, _) => self.list_alerts(request, now),
            (Route::Alert(id), &Method::PATCH) => self.update_alert(&id, request),
            (Route::Alert(id), &Method::DELETE) => self.delete_alert(&id),
            (Route::Alert(id), _) => self.get_alert(&id),
            (Route::Mentions, _) => self.list_mentions(request, now),
            (Route::Stats, _) => self.stats(request),
        }
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

impl Route {
    /// Returns the route of the segments after `api/v1`.
    fn of(segments: &[String]) -> Option<Route> {
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let start = segments.windows(2).position(|pair| pair == ["api", "v1"])?;
        match segments[start + 2..] {
            ["hello"] => Some(Route::Hello),
            ["alerts"] => Some(Route::Alerts),
            ["alerts", id] if !id.is_empty() => Some(Route::Alert(id.to_owned())),
            ["mentions"] => Some(Route::Mentions),
            ["stats"] => Some(Route::Stats),
            _ => None,
        }
    }

    /// Returns the method if the route allows it.
    fn checked<'a>(&self, method: &'a Method) -> Result<&'a Method, ApiError> {
        let allowed = match self {
            Route::Alerts => "GET, POST",
            Route::Alert(_) => "GET, PATCH, DELETE",
            _ => "GET",
        };
        let found = allowed.split(", ").any(|allowed| allowed == method.as_str());
        found.then_some(method).ok_or_else(|| ApiError::method(allowed))
    }
}

/// Redirects a path with a trailing slash to the one without, as FastAPI does.
fn without_slash(request: &Incoming, segments: &[String]) -> Result<Response, ApiError> {
    match segments.split_last() {
        Some((last, rest)) if last.is_empty() && Route::of(rest).is_some() => {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::sandbox::exchange::testing::{response_to, send, to_heylerts};
    use crate::sandbox::heylerts::Plan;
    use crate::sandbox::{Heylerts, TestClock};

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
}
