//! Failures of single requests, on demand.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode};
use serde::de::IgnoredAny;

use super::exchange::{self, Response};
use super::request_log::RequestRecord;
use super::wall_clock::WallClock;
use super::wire_response::{Framing, LARGEST_BODY, Pace, WireResponse};
use crate::json;

/// A failure of one request, for [`Sandbox::inject`](crate::sandbox::Sandbox::inject).
///
/// # Examples
///
/// The second person of three is rejected, and not invited:
///
/// ```
/// use heysync::heylo::NewMember;
/// use heysync::http::StatusCode;
/// use heysync::sandbox::{self, Fault};
/// use heysync::{Config, heylo};
///
/// let service = sandbox::Heylo::demo();
/// let taken = r#"{"error": "the e-mail address is taken"}"#.to_owned();
/// service.inject_if(1, Fault::Rejected(StatusCode::CONFLICT, taken), |request| request.number == 2);
/// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
/// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
/// # let before = service.invites("harbour-runners").len();
/// let people = ["user-51", "user-52", "user-53"].map(NewMember::new);
/// let rejected = community.invite_members(&people).filter_map(|outcome| outcome.result.err());
/// let rejected: Vec<heysync::Error> = rejected.collect();
/// assert_eq!(rejected.len(), 1);
/// assert_eq!(rejected[0].message(), "the e-mail address is taken");
/// # assert_eq!(service.invites("harbour-runners").len(), before + 2);
/// # Ok::<(), heysync::Error>(())
/// ```
///
/// The first update of a role takes effect, but its response is lost:
///
/// ```
/// use heysync::sandbox::{self, Fault, FaultPoint};
///
/// let heylo = sandbox::Heylo::demo();
/// heylo.inject_if(1, Fault::Cut(FaultPoint::AfterEffect), |request| {
///     request.path.ends_with("/apiv1-update")
/// });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The response is a 429 with this `Retry-After`, word for word, or without one.
    RateLimited(Option<String>),
    /// The request arrives this much later. It is counted and takes effect then, even if the client has
    /// given up.
    RequestDelayed(Duration),
    /// The request takes effect at once; the response is sent this much later.
    ResponseDelayed(Duration),
    /// The connection is refused, and nothing is sent. Over a socket, a server exists, so the connection
    /// is closed without a response.
    Unreachable,
    /// The connection is closed without a response.
    Cut(FaultPoint),
    /// The response has this status and body, and the request has no effect: a 400 or a 409, for example. The body is
    /// sent as JSON if it is JSON, and as plain text otherwise.
    Rejected(StatusCode, String),
    /// The response is a `500 Internal Server Error` in plain text.
    ServerError(FaultPoint),
    /// The response is a `502 Bad Gateway` with the HTML page of a proxy.
    BadGateway(FaultPoint),
    /// The request takes effect; the connection is closed in the middle of the response's body.
    Truncated,
    /// The request takes effect; in the middle of the response's body the server falls silent, until the client
    /// gives up.
    Stalled,
    /// The request takes effect; the response's body arrives in small pieces over this time.
    SlowBody(Duration),
    /// The request takes effect; the framing of the response is wrong.
    WrongFraming(Framing),
    /// The request takes effect; the response's body is larger than the default transport accepts (10 MiB).
    /// A 204 becomes a 200.
    Oversized,
    /// The request takes effect; the response is JSON of an unexpected type. A 204 becomes a 200.
    WrongType,
    /// The response is a `302 Found` with this `Location`.
    Redirect(String),
    /// The request takes effect; the response is changed by a function: see [`Fault::altered`].
    Altered(Alteration),
}

/// Whether a failure happens before or after the request takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultPoint {
    /// The request has changed nothing.
    BeforeEffect,
    /// The request has been carried out.
    AfterEffect,
}

/// A function that changes a response: the value of [`Fault::Altered`], made by [`Fault::altered`].
#[derive(Clone)]
pub struct Alteration {
    alter: Arc<dyn Fn(&mut Response) + Send + Sync>,
}

impl fmt::Debug for Alteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alteration").finish_non_exhaustive()
    }
}

impl Fault {
    /// Creates a fault that changes the response: the request takes effect, and `alter` gets the response before it is sent.
    ///
    /// # Examples
    ///
    /// A header of a gateway before the service:
    ///
    /// ```
    /// use heysync::sandbox::{self, Fault};
    ///
    /// let gateway = heysync::http::HeaderValue::from_static("edge-7");
    /// let heylerts = sandbox::Heylerts::demo();
    /// heylerts.inject(1, Fault::altered(move |response| {
    ///     response.headers_mut().insert("via", gateway.clone());
    /// }));
    /// ```
    pub fn altered(alter: impl Fn(&mut http::Response<Vec<u8>>) + Send + Sync + 'static) -> Fault {
        Fault::Altered(Alteration { alter: Arc::new(alter) })
    }

    /// Whether the request never arrives.
    pub(crate) fn prevents_arrival(&self) -> bool {
        matches!(self, Fault::Unreachable | Fault::Cut(FaultPoint::BeforeEffect))
    }

    /// The response that is sent instead of carrying out the request.
    pub(crate) fn early_response(&self) -> Option<Response> {
        match self {
            Fault::ServerError(FaultPoint::BeforeEffect) => Some(server_error()),
            Fault::BadGateway(FaultPoint::BeforeEffect) => Some(bad_gateway()),
            Fault::Redirect(location) => Some(redirect(location)),
            _ => None,
        }
    }

    /// The response by which the service itself rejects the request.
    pub(crate) fn rejection(&self) -> Option<Response> {
        match self {
            Fault::Rejected(status, body) => {
                let is_json = json::from_slice::<IgnoredAny>(body.as_bytes()).is_ok();
                let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
                Some(exchange::with_body(*status, kind, body.as_str()))
            }
            _ => None,
        }
    }

    /// How long until the request arrives.
    pub(crate) fn request_delay(&self) -> Duration {
        match self {
            Fault::RequestDelayed(delay) => *delay,
            _ => Duration::ZERO,
        }
    }

    /// How long the response is held back.
    pub(crate) fn response_delay(&self) -> Duration {
        match self {
            Fault::ResponseDelayed(delay) => *delay,
            _ => Duration::ZERO,
        }
    }

    /// Applies the fault to the response.
    pub(crate) fn apply_to(&self, mut response: Response, clock: &WallClock) -> WireResponse {
        match self {
            Fault::Unreachable => return WireResponse::Unreachable,
            Fault::Cut(_) => return WireResponse::Closed,
            Fault::Truncated => return truncated(response),
            Fault::Stalled => {
                let sent = response.body().len() / 2;
                return WireResponse::Stalled(response, sent);
            }
            Fault::SlowBody(duration) => {
                let pace = Pace { duration: *duration, clock: clock.clone() };
                return WireResponse::Slow(response, pace);
            }
            Fault::WrongFraming(framing) => return WireResponse::Misframed(response, *framing),
            Fault::ServerError(_) => response = server_error(),
            Fault::BadGateway(_) => response = bad_gateway(),
            Fault::Oversized => {
                response = with_body(response, |body| body.resize(LARGEST_BODY + 1, b' '))
            }
            Fault::WrongType => response = with_body(response, |body| *body = b"42".to_vec()),
            Fault::Altered(alteration) => (alteration.alter)(&mut response),
            _ => {}
        }
        WireResponse::Complete(response)
    }
}

/// A fault, and the requests that it waits for.
pub(crate) struct PlannedFault {
    left: usize,
    fault: Fault,
    applies: Box<dyn Fn(&RequestRecord) -> bool + Send + Sync>,
}

impl PlannedFault {
    pub(crate) fn new(
        count: usize,
        fault: Fault,
        applies: impl Fn(&RequestRecord) -> bool + Send + Sync + 'static,
    ) -> PlannedFault {
        PlannedFault { left: count, fault, applies: Box::new(applies) }
    }

    /// Whether it still waits for a request.
    pub(crate) fn is_pending(&self) -> bool {
        self.left > 0
    }

    /// Returns the fault and counts it as used, if it applies to this request.
    pub(crate) fn take_for(&mut self, request: &RequestRecord) -> Option<Fault> {
        if !self.is_pending() || !(self.applies)(request) {
            return None;
        }
        self.left -= 1;
        Some(self.fault.clone())
    }
}

impl fmt::Debug for PlannedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {:?}", self.left, self.fault)
    }
}

fn server_error() -> Response {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    exchange::with_body(status, "text/plain; charset=utf-8", "Internal Server Error")
}

fn bad_gateway() -> Response {
    const PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
        <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
    exchange::with_body(StatusCode::BAD_GATEWAY, "text/html", PAGE)
}

fn redirect(location: &str) -> Response {
    let mut response = exchange::empty(StatusCode::FOUND);
    exchange::set(&mut response, LOCATION.as_str(), location);
    response
}

/// Changes the body; a 204, which cannot have one, becomes a 200.
fn with_body(response: Response, change: impl FnOnce(&mut Vec<u8>)) -> Response {
    let (mut head, mut body) = response.into_parts();
    change(&mut body);
    if head.status == StatusCode::NO_CONTENT {
        head.status = StatusCode::OK;
    }
    let kind = HeaderValue::from_static("application/json");
    head.headers.insert(CONTENT_TYPE, kind);
    Response::from_parts(head, body)
}

/// Keeps half of the body, with the `Content-Length` of all of it.
fn truncated(mut response: Response) -> WireResponse {
    let length = response.body().len();
    if length == 0 {
        return WireResponse::Closed;
    }
    let declared = HeaderValue::from(length);
    response.headers_mut().insert(CONTENT_LENGTH, declared);
    WireResponse::Truncated(response, length / 2)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::pipeline::transport::{Transport, TransportError};
    use crate::sandbox::RequestRecord;
    use crate::sandbox::exchange::testing::{roles, send, to_heylerts, to_heylo};
    use crate::sandbox::{Heylerts, Heylo, TestClock};

    const SECOND: Duration = Duration::from_secs(1);

    fn removal() -> http::Request<Vec<u8>> {
        let body = json!({"type": "member", "communityId": "book-circle", "userId": "user-2"});
        to_heylo("apiv1-remove", &body)
    }

    fn is_there(heylo: &Heylo) -> bool {
        heylo.member_ids("book-circle").contains(&"user-2".to_owned())
    }

    /// The outcome of a removal with a fault, and whether it took effect.
    fn removed(fault: Fault) -> (Result<Response, TransportError>, bool) {
        let heylo = Heylo::demo().clock(TestClock::new());
        heylo.inject(1, fault);
        let outcome = heylo.send(removal(), 30 * SECOND);
        let took_effect = !is_there(&heylo);
        assert_eq!(send(&heylo, roles()).0, 200, "the next request succeeds");
        (outcome, took_effect)
    }

    #[test]
    fn a_cut_happens_before_or_after_the_effect() {
        for (point, expected) in
            [(FaultPoint::BeforeEffect, false), (FaultPoint::AfterEffect, true)]
        {
            let (outcome, took_effect) = removed(Fault::Cut(point));
            assert!(outcome.unwrap_err().may_have_been_sent());
            assert_eq!(took_effect, expected);
        }
        let (outcome, took_effect) = removed(Fault::Unreachable);
        assert!(!outcome.unwrap_err().may_have_been_sent());
        assert!(!took_effect);
    }

    #[test]
    fn a_500_and_a_502_happen_before_or_after_the_effect() {
        for (point, expected) in
            [(FaultPoint::BeforeEffect, false), (FaultPoint::AfterEffect, true)]
        {
            let (outcome, took_effect) = removed(Fault::ServerError(point));
            let response = outcome.unwrap();
            assert_eq!((response.status().as_u16(), took_effect), (500, expected));
            assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
            let (outcome, took_effect) = removed(Fault::BadGateway(point));
            let response = outcome.unwrap();
            assert_eq!((response.status().as_u16(), took_effect), (502, expected));
            assert!(!response.headers().contains_key("x-ratelimit-limit"));
            assert!(response.body().starts_with(b"<html>"));
        }
    }

    #[test]
    fn a_body_is_truncated_oversized_or_of_another_type() {
        let (outcome, took_effect) = removed(Fault::Truncated);
        assert_eq!(
            (outcome.unwrap_err().to_string().as_str(), took_effect),
            ("the response body broke off", true)
        );
        let (outcome, took_effect) = removed(Fault::Oversized);
        assert_eq!(
            (outcome.unwrap_err().to_string().as_str(), took_effect),
            ("the response body is too large", true)
        );
        let (outcome, took_effect) = removed(Fault::WrongType);
        assert_eq!((outcome.unwrap().into_body(), took_effect), (b"42".to_vec(), true));
        let upset = |response: &mut Response| *response.status_mut() = StatusCode::IM_A_TEAPOT;
        let (outcome, took_effect) = removed(Fault::altered(upset));
        assert_eq!((outcome.unwrap().status().as_u16(), took_effect), (418, true));
    }

    #[test]
    fn a_response_without_a_body_becomes_one_that_can_have_a_body() {
        for fault in [Fault::WrongType, Fault::Oversized] {
            let heylerts = Heylerts::demo();
            let id = heylerts.state().alerts[0].id.clone();
            heylerts.inject(1, fault);
            let delete = to_heylerts("DELETE", &format!("alerts/{id}"), &Value::Null);
            let WireResponse::Complete(response) = heylerts.respond(delete, SECOND) else {
                unreachable!("a complete response");
            };
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()["content-type"], "application/json");
            assert!(!response.body().is_empty() && heylerts.state().alerts.len() == 2);
        }
    }

    #[test]
    fn a_redirect_and_a_429_have_no_effect() {
        let (outcome, took_effect) = removed(Fault::Redirect("https://elsewhere.example/".into()));
        let response = outcome.unwrap();
        assert_eq!((response.status().as_u16(), took_effect), (302, false));
        assert_eq!(response.headers()["location"], "https://elsewhere.example/");
        let (outcome, took_effect) = removed(Fault::RateLimited(Some("soon".into())));
        let response = outcome.unwrap();
        assert_eq!((response.status().as_u16(), took_effect), (429, false));
        assert_eq!(response.headers()["retry-after"], "soon");
        let (outcome, _) = removed(Fault::RateLimited(None));
        assert!(!outcome.unwrap().headers().contains_key("retry-after"));
    }

    #[test]
    fn a_rejection_has_its_status_and_body_and_no_effect() {
        for (status, body, kind) in [
            (400, r#"{"error": "no"}"#, "application/json"),
            (409, "no", "text/plain; charset=utf-8"),
            (422, "", "text/plain; charset=utf-8"),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let (outcome, took_effect) = removed(Fault::Rejected(status, body.to_owned()));
            let response = outcome.unwrap();
            assert_eq!((response.status(), took_effect), (status, false));
            assert_eq!(response.headers()["content-type"], kind);
            assert_eq!(response.body(), body.as_bytes());
        }
        // It is a response of the service, with the headers of one.
        let heylerts = Heylerts::demo();
        heylerts.inject(1, Fault::Rejected(StatusCode::CONFLICT, "no".to_owned()));
        let request = to_heylerts("GET", "hello", &Value::Null);
        let response = heylerts.send(request, SECOND).unwrap();
        assert_eq!(response.status(), 409);
        assert!(response.headers().contains_key("date"));
    }

    #[test]
    fn a_delay_passes_on_the_clock_and_may_outlast_the_client() {
        let faults = [(Fault::RequestDelayed as fn(_) -> _, true), (Fault::ResponseDelayed, false)];
        for (fault, is_late) in faults {
            let clock = TestClock::new();
            let heylo = Heylo::demo().clock(clock.clone());
            heylo.inject(1, fault(3 * SECOND));
            heylo.inject(1, fault(60 * SECOND));
            assert_eq!(heylo.send(roles(), 30 * SECOND).unwrap().status(), 200);
            assert_eq!(clock.elapsed(), 3 * SECOND);
            assert!(heylo.send(removal(), 30 * SECOND).unwrap_err().may_have_been_sent());
            assert_eq!((clock.elapsed(), is_there(&heylo)), (33 * SECOND, is_late));
            assert_eq!(heylo.requests()[1].status, None);
            clock.advance(30 * SECOND);
            assert!(!is_there(&heylo));
        }
    }

    #[test]
    fn faults_apply_to_the_chosen_requests_as_often_as_injected() {
        let heylo = Heylo::demo().limit(None);
        let is_removal = |request: &RequestRecord| request.kind() == "member";
        heylo.inject_if(2, Fault::ServerError(FaultPoint::BeforeEffect), is_removal);
        let mut status = |request| send(&heylo, request).0;
        let seen = [roles(), removal(), roles(), removal(), removal()].map(&mut status);
        assert_eq!(seen, [200, 500, 200, 500, 200]);
        heylo.inject(9, Fault::BadGateway(FaultPoint::BeforeEffect));
        heylo.clear_faults();
        assert_eq!(send(&heylo, roles()).0, 200);
    }
}
