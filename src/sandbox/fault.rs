//! What can go wrong with a request, on demand.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode};

use super::exchange::{self, Answer};
use super::reply::{LARGEST_BODY, Reply};

/// Something that goes wrong with one request.
///
/// # Examples
///
/// The second update of a role takes effect, and its answer is lost:
///
/// ```
/// use heysync::sandbox::{self, FaultPoint, Fault};
///
/// let heylo = sandbox::Heylo::demo();
/// heylo.inject_if(1, Fault::Cut(FaultPoint::AfterEffect), |request| {
///     request.path.ends_with("/apiv1-update") && request.number > 1
/// });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// It is answered with a 429 and this `Retry-After`, word for word; with none where this is `None`.
    Refused(Option<String>),
    /// It arrives so much later, and is counted then.
    ArrivesLate(Duration),
    /// It takes effect at once, and is answered so much later.
    AnsweredLate(Duration),
    /// No connection comes about: nothing is sent. Over a socket, which is there, the connection is cut.
    Unreachable,
    /// The connection is cut without an answer.
    Cut(FaultPoint),
    /// It is answered with `500 Internal Server Error`, as plain text.
    ServerError(FaultPoint),
    /// It is answered with a `502 Bad Gateway`, as the HTML page of a proxy.
    BadGateway(FaultPoint),
    /// It takes effect, and the connection is cut in the middle of the answer's body.
    Truncated,
    /// It takes effect, and the answer's body is larger than the default transport takes in (10 MiB).
    /// A 204, which has none, becomes a 200.
    Oversized,
    /// It takes effect, and the answer is JSON of another type than it should be. A 204 becomes a 200.
    WrongType,
    /// It is answered with a `302 Found` that leads to this address.
    Redirect(String),
    /// It takes effect, and the answer is changed like this.
    Altered(fn(&mut http::Response<Vec<u8>>)),
}

/// When something goes wrong: before the request took effect, or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultPoint {
    /// Nothing was changed.
    BeforeEffect,
    /// What was asked for was done.
    AfterEffect,
}

impl Fault {
    /// Whether the request never comes to be counted.
    pub(crate) fn keeps_it_away(&self) -> bool {
        matches!(self, Fault::Unreachable | Fault::Cut(FaultPoint::BeforeEffect))
    }

    /// What is answered in place of doing what was asked for.
    pub(crate) fn prevents(&self) -> Option<Answer> {
        match self {
            Fault::ServerError(FaultPoint::BeforeEffect) => Some(server_error()),
            Fault::BadGateway(FaultPoint::BeforeEffect) => Some(bad_gateway()),
            Fault::Redirect(location) => Some(redirect(location)),
            _ => None,
        }
    }

    /// How long the request is on its way.
    pub(crate) fn delays_arrival(&self) -> Duration {
        match self {
            Fault::ArrivesLate(delay) => *delay,
            _ => Duration::ZERO,
        }
    }

    /// How long the answer is on its way.
    pub(crate) fn delays_answer(&self) -> Duration {
        match self {
            Fault::AnsweredLate(delay) => *delay,
            _ => Duration::ZERO,
        }
    }

    /// What becomes of the answer on its way back.
    pub(crate) fn befalls(&self, mut answer: Answer) -> Reply {
        match self {
            Fault::Unreachable => return Reply::Unreachable,
            Fault::Cut(_) => return Reply::Cut,
            Fault::Truncated => return truncated(answer),
            Fault::ServerError(_) => answer = server_error(),
            Fault::BadGateway(_) => answer = bad_gateway(),
            Fault::Oversized => {
                answer = with_a_body(answer, |body| body.resize(LARGEST_BODY + 1, b' '))
            }
            Fault::WrongType => answer = with_a_body(answer, |body| *body = b"42".to_vec()),
            Fault::Altered(alter) => alter(&mut answer),
            _ => {}
        }
        Reply::Answer(answer)
    }
}

fn server_error() -> Answer {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    exchange::with_body(status, "text/plain; charset=utf-8", "Internal Server Error")
}

fn bad_gateway() -> Answer {
    const PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
        <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
    exchange::with_body(StatusCode::BAD_GATEWAY, "text/html", PAGE)
}

fn redirect(location: &str) -> Answer {
    let mut answer = exchange::empty(StatusCode::FOUND);
    exchange::set(&mut answer, LOCATION.as_str(), location);
    answer
}

/// The answer as JSON with another body; a 204, which can have none, becomes a 200.
fn with_a_body(answer: Answer, change: impl FnOnce(&mut Vec<u8>)) -> Answer {
    let (mut head, mut body) = answer.into_parts();
    change(&mut body);
    if head.status == StatusCode::NO_CONTENT {
        head.status = StatusCode::OK;
    }
    let kind = HeaderValue::from_static("application/json");
    head.headers.insert(CONTENT_TYPE, kind);
    Answer::from_parts(head, body)
}

/// Half of the body, after a head that promises all of it.
fn truncated(mut answer: Answer) -> Reply {
    let length = answer.body().len();
    if length == 0 {
        return Reply::Cut;
    }
    let promised = HeaderValue::from(length);
    answer.headers_mut().insert(CONTENT_LENGTH, promised);
    Reply::Broken(answer, length / 2)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::pipeline::transport::{Transport, TransportError};
    use crate::sandbox::Recorded;
    use crate::sandbox::probe::{ask, roles, to_heylerts, to_heylo};
    use crate::sandbox::{Heylerts, Heylo, TestClock};

    const SECOND: Duration = Duration::from_secs(1);

    fn removal() -> http::Request<Vec<u8>> {
        let body = json!({"type": "member", "communityId": "book-circle", "userId": "user-2"});
        to_heylo("apiv1-remove", &body)
    }

    fn is_there(heylo: &Heylo) -> bool {
        heylo.member_ids("book-circle").contains(&"user-2".to_owned())
    }

    /// How a removal ends that runs into a fault, and whether it took effect.
    fn removed(fault: Fault) -> (Result<Answer, TransportError>, bool) {
        let heylo = Heylo::demo().clock(TestClock::new());
        heylo.inject(1, fault);
        let outcome = heylo.send(removal(), 30 * SECOND);
        let took_effect = !is_there(&heylo);
        assert_eq!(ask(&heylo, roles()).0, 200, "the next request is all right");
        (outcome, took_effect)
    }

    #[test]
    fn a_cut_comes_before_or_after_the_effect() {
        for (moment, expected) in
            [(FaultPoint::BeforeEffect, false), (FaultPoint::AfterEffect, true)]
        {
            let (outcome, took_effect) = removed(Fault::Cut(moment));
            assert!(outcome.unwrap_err().may_have_been_sent());
            assert_eq!(took_effect, expected);
        }
        let (outcome, took_effect) = removed(Fault::Unreachable);
        assert!(!outcome.unwrap_err().may_have_been_sent());
        assert!(!took_effect);
    }

    #[test]
    fn a_500_and_a_502_come_before_or_after_the_effect() {
        for (moment, expected) in
            [(FaultPoint::BeforeEffect, false), (FaultPoint::AfterEffect, true)]
        {
            let (outcome, took_effect) = removed(Fault::ServerError(moment));
            let answer = outcome.unwrap();
            assert_eq!((answer.status().as_u16(), took_effect), (500, expected));
            assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
            let (outcome, took_effect) = removed(Fault::BadGateway(moment));
            let answer = outcome.unwrap();
            assert_eq!((answer.status().as_u16(), took_effect), (502, expected));
            assert!(!answer.headers().contains_key("x-ratelimit-limit"));
            assert!(answer.body().starts_with(b"<html>"));
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
        let upset = |answer: &mut Answer| *answer.status_mut() = StatusCode::IM_A_TEAPOT;
        let (outcome, took_effect) = removed(Fault::Altered(upset));
        assert_eq!((outcome.unwrap().status().as_u16(), took_effect), (418, true));
    }

    #[test]
    fn an_answer_that_had_no_body_gets_one_that_a_wire_can_carry() {
        for fault in [Fault::WrongType, Fault::Oversized] {
            let heylerts = Heylerts::demo();
            let id = heylerts.state().alerts[0].id.clone();
            heylerts.inject(1, fault);
            let delete = to_heylerts("DELETE", &format!("alerts/{id}"), &Value::Null);
            let Reply::Answer(answer) = heylerts.reply(delete, SECOND) else {
                unreachable!("a whole answer");
            };
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["content-type"], "application/json");
            assert!(!answer.body().is_empty() && heylerts.state().alerts.len() == 2);
        }
    }

    #[test]
    fn a_redirect_and_a_refusal_have_no_effect() {
        let (outcome, took_effect) = removed(Fault::Redirect("https://elsewhere.example/".into()));
        let answer = outcome.unwrap();
        assert_eq!((answer.status().as_u16(), took_effect), (302, false));
        assert_eq!(answer.headers()["location"], "https://elsewhere.example/");
        let (outcome, took_effect) = removed(Fault::Refused(Some("soon".into())));
        let answer = outcome.unwrap();
        assert_eq!((answer.status().as_u16(), took_effect), (429, false));
        assert_eq!(answer.headers()["retry-after"], "soon");
        let (outcome, _) = removed(Fault::Refused(None));
        assert!(!outcome.unwrap().headers().contains_key("retry-after"));
    }

    #[test]
    fn a_delay_passes_on_the_clock_and_may_outlast_the_caller() {
        for fault in [Fault::ArrivesLate, Fault::AnsweredLate] {
            let clock = TestClock::new();
            let heylo = Heylo::demo().clock(clock.clone());
            heylo.inject(1, fault(3 * SECOND));
            heylo.inject(1, fault(60 * SECOND));
            assert_eq!(heylo.send(roles(), 30 * SECOND).unwrap().status(), 200);
            assert_eq!(clock.elapsed(), 3 * SECOND);
            assert!(heylo.send(removal(), 30 * SECOND).unwrap_err().may_have_been_sent());
            assert_eq!((clock.elapsed(), is_there(&heylo)), (33 * SECOND, false));
            assert_eq!(heylo.requests()[1].status, None);
        }
    }

    #[test]
    fn troubles_befall_those_they_are_meant_for_and_as_often() {
        let heylo = Heylo::demo().limit(None);
        let is_removal = |request: &Recorded| request.operation() == "member";
        heylo.inject_if(2, Fault::ServerError(FaultPoint::BeforeEffect), is_removal);
        let mut status = |request| ask(&heylo, request).0;
        let seen = [roles(), removal(), roles(), removal(), removal()].map(&mut status);
        assert_eq!(seen, [200, 500, 200, 500, 200]);
        heylo.inject(9, Fault::BadGateway(FaultPoint::BeforeEffect));
        heylo.clear_faults();
        assert_eq!(ask(&heylo, roles()).0, 200);
    }
}
