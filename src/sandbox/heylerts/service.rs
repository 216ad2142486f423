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
        self.operate(request, now)
            .unwrap_or_else(Refusal::into_answer)
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
            Plan::Free => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "API access requires a paid plan",
            )),
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
        let found = allowed
            .split(", ")
            .any(|allowed| allowed == method.as_str());
        found
            .then_some(method)
            .ok_or_else(|| Refusal::method(allowed))
    }
}

/// A path that is known but for its trailing slash is answered with a redirect, as FastAPI does.
fn without_slash(request: &Incoming, segments: &[String]) -> Result<Answer, Refusal> {
    match segments.split_last() {
        Some((last, rest)) if last.is_empty() && Route::of(rest).is_some() => {
            let host = request.header("host").unwrap_or("heylerts.com");
            let location = format!("http://{host}{}", request.path.trim_end_matches('/'));
            let mut answer = exchange::empty(StatusCode::TEMPORARY_REDIRECT);
            exchange::set(&mut answer, LOCATION.as_str(), &location);
            Ok(answer)
        }
        _ => Err(Refusal::not_found("Not Found")),
    }
}
