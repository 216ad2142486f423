//! From a request to the operation that it names.

use std::time::{Duration, SystemTime};

use http::header::LOCATION;
use http::{Method, StatusCode};

use crate::sandbox::exchange::{self, Answer, Incoming};
use crate::sandbox::limit::{Limit, RetryAfter};
use crate::sandbox::service::Service;

use super::refusal::Refusal;
use super::world::{Plan, World};

impl Service for World {
    fn usual_limit() -> Limit {
        Limit::sliding_log(100, Duration::from_secs(60)).retry_after(RetryAfter::Seconds)
    }

    fn key(request: &Incoming) -> String {
        request.header("x-api-key").unwrap_or_default().to_owned()
    }

    fn tells_what_is_left(&self) -> bool {
        self.settings.tells_what_is_left
    }

    fn answer(&mut self, request: &Incoming, now: SystemTime) -> Answer {
        self.operate(request, now).unwrap_or_else(Refusal::into_answer)
    }

    fn refusal() -> Answer {
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded").into_answer()
    }
}

/// What a path leads to.
enum Route {
    Hello,
    Alerts,
    Alert(String),
    Mentions,
    Stats,
}

impl World {
    fn operate(&mut self, request: &Incoming, now: SystemTime) -> Result<Answer, Refusal> {
        let segments = request.segments();
        let Some(route) = Route::of(&segments) else {
            return without_slash(request, &segments);
        };
        let method = route.checked(&request.method)?;
        self.authorize(request)?;
        match (route, method) {
            (Route::Hello, _) => Ok(self.hello()),
            (Route::Alerts, &Method::POST) => self.create_alert(request, now),
            (Route::Alerts, _) => self.list_alerts(request),
            (Route::Alert(id), &Method::PATCH) => self.update_alert(&id, request),
            (Route::Alert(id), &Method::DELETE) => self.delete_alert(&id),
            (Route::Alert(id), _) => self.get_alert(&id),
            (Route::Mentions, _) => self.list_mentions(request),
            (Route::Stats, _) => self.stats(request),
        }
    }

    fn authorize(&self, request: &Incoming) -> Result<(), Refusal> {
        let key = request.header("x-api-key").unwrap_or_default();
        let known = self.keys.is_empty() || self.keys.iter().any(|known| known == key);
        if !known || !key.starts_with("hlt_") {
            let detail = "Missing or invalid API key";
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, detail));
        }
        match self.plan {
            Plan::Free => {
                Err(Refusal::new(StatusCode::FORBIDDEN, "API access requires a paid plan"))
            }
            _ => Ok(()),
        }
    }
}

impl Route {
    /// The route of the segments after `api/v1`.
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

    /// The method, if it is one of the route's.
    fn checked<'a>(&self, method: &'a Method) -> Result<&'a Method, Refusal> {
        let allowed = match self {
            Route::Alerts => "GET, POST",
            Route::Alert(_) => "GET, PATCH, DELETE",
            _ => "GET",
        };
        let found = allowed.split(", ").any(|allowed| allowed == method.as_str());
        found.then_some(method).ok_or_else(|| Refusal::method(allowed))
    }
}

/// A path that is known but for its trailing slash is answered with a redirect, as FastAPI does.
fn without_slash(request: &Incoming, segments: &[String]) -> Result<Answer, Refusal> {
    match segments.split_last() {
        Some((last, rest)) if last.is_empty() && Route::of(rest).is_some() => {
            let host = request.header("host").unwrap_or("heylerts.com");
            let path = request.path.trim_end_matches('/');
            let query = if request.query.is_empty() { "" } else { "?" };
            let location = format!("http://{host}{path}{query}{}", request.query);
            let mut answer = exchange::empty(StatusCode::TEMPORARY_REDIRECT);
            exchange::set(&mut answer, LOCATION.as_str(), &location);
            Ok(answer)
        }
        _ => Err(Refusal::not_found("Not Found")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::sandbox::heylerts::Plan;
    use crate::sandbox::probe::{ask, to_heylerts};
    use crate::sandbox::{Heylerts, TestClock};

    fn status(heylerts: &Heylerts, method: &str, path: &str) -> u16 {
        ask(heylerts, to_heylerts(method, path, &Value::Null)).0
    }

    #[test]
    fn only_known_keys_that_begin_with_hlt_are_let_in() {
        let heylerts = Heylerts::demo();
        let with = |key: &str| {
            let mut request = to_heylerts("GET", "hello", &Value::Null);
            request.headers_mut().insert("x-api-key", key.parse().unwrap());
            ask(&heylerts, request)
        };
        assert_eq!(with("hlt_abc").0, 200);
        assert_eq!(with("abc"), (401, json!({"detail": "Missing or invalid API key"})));
        heylerts.change(|world| world.keys.push("hlt_abc".to_owned()));
        assert_eq!((with("hlt_abc").0, with("hlt_abcd").0, with("").0), (200, 401, 401));
    }

    #[test]
    fn the_free_plan_is_let_into_nothing() {
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
        let answer = heylerts.reply(to_heylerts("PUT", "alerts/x", &Value::Null), Duration::MAX);
        let answer = answer.into_result().unwrap();
        assert_eq!(answer.headers()["allow"], "GET, PATCH, DELETE");
    }

    #[test]
    fn a_trailing_slash_is_answered_with_a_redirect() {
        let heylerts = Heylerts::demo();
        let answer =
            heylerts.reply(to_heylerts("GET", "alerts/?page=2", &Value::Null), Duration::MAX);
        let answer = answer.into_result().unwrap();
        assert_eq!(answer.status(), 307);
        assert_eq!(answer.headers()["location"], "http://heylerts.com/api/v1/alerts?page=2");
    }

    #[test]
    fn the_hundred_and_first_request_in_a_minute_is_refused() {
        let clock = TestClock::new();
        let heylerts = Heylerts::demo().clock(clock.clone());
        assert!((0..100).all(|_| status(&heylerts, "GET", "hello") == 200));
        clock.advance(Duration::from_millis(59_500));
        let reply = heylerts.reply(to_heylerts("GET", "hello", &Value::Null), Duration::MAX);
        let answer = reply.into_result().unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (429, &"1".parse().unwrap())
        );
        assert!(!answer.headers().contains_key("x-ratelimit-remaining"));
        clock.advance(Duration::from_millis(500));
        assert_eq!(status(&heylerts, "GET", "hello"), 200);
    }

    #[test]
    fn what_is_left_of_the_limit_is_told_where_the_setting_says_so() {
        let heylerts = Heylerts::demo().with(|world| world.settings.tells_what_is_left = true);
        let reply = heylerts.reply(to_heylerts("GET", "hello", &Value::Null), Duration::MAX);
        let answer = reply.into_result().unwrap();
        assert_eq!(answer.headers()["x-ratelimit-remaining"], "99");
    }
}
