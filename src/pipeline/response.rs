//! Reads the body of a success: a value, or the reason why there is none.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::Call;
use super::denial::{self, Report};
use crate::json;

/// The body of a response whose status is a success, and which cannot be used.
#[derive(Debug)]
pub(crate) struct BadBody {
    pub(crate) body: Vec<u8>,
    pub(crate) problem: Problem,
}

#[derive(Debug)]
pub(crate) enum Problem {
    /// The service reports a failure, in these words.
    Denied(String),
    /// Whether the service reports a failure is not clear from these words.
    Doubtful(String),
    /// It is not what was asked for.
    Unexpected {
        /// Another attempt may help: it was not JSON at all.
        is_temporary: bool,
        source: serde_json::Error,
    },
    /// It can be read, and is the response to another request: a cache or a proxy may have mixed up two.
    NotRequested(&'static str),
}

impl From<Report> for Problem {
    fn from(report: Report) -> Problem {
        let problem = if report.is_denial { Problem::Denied } else { Problem::Doubtful };
        problem(report.words)
    }
}

impl BadBody {
    /// Rejects the response to another request.
    pub(crate) fn not_requested(body: Vec<u8>, what: &'static str) -> BadBody {
        BadBody { body, problem: Problem::NotRequested(what) }
    }

    /// Rejects a body that could not be decoded, or that reports a failure instead.
    pub(crate) fn undecodable(body: Vec<u8>, source: serde_json::Error) -> BadBody {
        let problem = match denial::of_undecodable(&body) {
            Some(report) => report.into(),
            None => {
                Problem::Unexpected { is_temporary: body.is_empty() || !source.is_data(), source }
            }
        };
        BadBody { body, problem }
    }
}

/// Decodes a body as JSON. An empty one is decoded as `null`, for types that accept that.
///
/// A body that decodes is data, whatever its fields are called, with one exception: an object that consists of
/// nothing but a report of failure, as `{"ok": false, "error": "alert is locked"}`, is a denial also for a type
/// that accepts every object.
pub(crate) fn json<T: DeserializeOwned>(body: Vec<u8>) -> Result<T, BadBody> {
    decoded(&body)
}

/// Decodes a body as [`json`] does.
pub(crate) fn decoded<T: DeserializeOwned>(body: &[u8]) -> Result<T, BadBody> {
    match json::from_slice(if body.is_empty() { b"null" } else { body }) {
        Ok(value) => undenied(body).map(|()| value),
        Err(source) => Err(BadBody::undecodable(body.to_owned(), source)),
    }
}

/// Rejects a body that was decoded, and that consists of nothing but a report of failure.
pub(crate) fn undenied(body: &[u8]) -> Result<(), BadBody> {
    let denied = |report: Report| BadBody { body: body.to_owned(), problem: report.into() };
    denial::of_decoded(body).map_or(Ok(()), |report| Err(denied(report)))
}

/// Accepts a body of any shape: JSON, plain text or nothing, unless it is JSON that reports a failure.
pub(crate) fn acknowledgement(body: Vec<u8>) -> Result<Vec<u8>, BadBody> {
    match denial::of(&body) {
        Some(report) => Err(BadBody { body, problem: report.into() }),
        None => Ok(body),
    }
}

/// As [`acknowledgement`], for a call that changes nothing: a body is data unless it is a failure for certain, or consists of
/// nothing but a report, whatever its words are.
fn data(body: Vec<u8>) -> Result<Vec<u8>, BadBody> {
    let failure = denial::of(&body).filter(|report| report.is_failure);
    match failure.or_else(|| denial::of_decoded(&body)) {
        Some(report) => Err(BadBody { body, problem: report.into() }),
        None => Ok(body),
    }
}

/// As [`acknowledgement`], for a call that returns nothing.
pub(crate) fn nothing(body: Vec<u8>) -> Result<(), BadBody> {
    acknowledgement(body).map(drop)
}

/// The body of a response, of any shape: JSON, plain text, or nothing.
///
/// Heylo does not document its response to an invite or a removal, so their methods return this type, and so does
/// `send_raw` of each client. If the body reports a failure, they return an error instead.
///
/// # Examples
///
/// ```
/// # use heysync::{Config, heylo, sandbox};
/// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
/// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
/// let response = community.remove_member("user-40")?;
/// assert_eq!(response.text, r#"{"success":true}"#);
/// assert_eq!(response.json.unwrap()["success"], true);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RawResponse {
    /// The body, if it is JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// The body as text; empty if there is none. Bytes that are not UTF-8 are U+FFFD.
    #[serde(default)]
    pub text: String,
}

impl RawResponse {
    /// Reads a body of any shape, unless it reports a failure.
    pub(crate) fn read(body: Vec<u8>, call: &Call) -> Result<RawResponse, BadBody> {
        let body = if call.is_read() { data(body)? } else { acknowledgement(body)? };
        let text = String::from_utf8_lossy(&body);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
        Ok(RawResponse { json: json::from_slice(&body).ok(), text })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn denied(outcome: Result<(), BadBody>) -> Option<String> {
        match outcome.err()?.problem {
            Problem::Denied(words) => Some(words),
            Problem::Doubtful(words) => Some(format!("in doubt: {words}")),
            Problem::Unexpected { .. } | Problem::NotRequested(_) => None,
        }
    }

    #[test]
    fn an_empty_body_is_null() {
        assert!(json::<()>(Vec::new()).is_ok());
        assert_eq!(json::<Option<u8>>(Vec::new()).ok(), Some(None));
        let bad = json::<u8>(Vec::new()).expect_err("no number");
        assert!(matches!(bad.problem, Problem::Unexpected { is_temporary: true, .. }));
    }

    #[test]
    fn another_attempt_helps_only_if_it_was_no_json() {
        for (body, expected) in [("<p>", true), ("{", true), ("{}", false), ("\"\\ud83d\"", false)]
        {
            let bad = json::<u8>(body.into()).expect_err("no number");
            assert!(
                matches!(bad.problem, Problem::Unexpected { is_temporary, .. } if is_temporary == expected),
                "{body}"
            );
        }
    }

    const DENIALS: [(&str, &str); 16] = [
        (r#"{"error": "Community not found"}"#, "Community not found"),
        (r#"{"ok": false, "error": "alert is locked"}"#, "alert is locked"),
        (r#"{"error": {"code": 5, "message": "gone"}}"#, "gone"),
        (r#"{"error": true, "message": "gone"}"#, "gone"),
        (r#"{"error": true}"#, "the response reports a failure"),
        (r#"{"error": 5}"#, "the response reports a failure"),
        (r#"{"errors": ["a", "b"]}"#, "a; b"),
        (r#"{"errors": {"email": ["is taken"]}}"#, "email: is taken"),
        (r#"{"success": false}"#, "the response reports a failure"),
        (r#"{"Success": "False", "Message": "gone"}"#, "gone"),
        (r#"{"success": 0, "detail": "gone"}"#, "gone"),
        (r#"{"ok": false, "ok": false, "reason": "Run \ud83d"}"#, "Run \u{fffd}"),
        ("\u{feff} {\"error\": \"gone\"}", "gone"),
        (r#"{"errorMessage": "gone", "errorType": "Error"}"#, "gone"),
        (r#"{"code": 7, "error": "gone", "requestId": "r"}"#, "gone"),
        (r#"{"error": null, "ok": false}"#, "the response reports a failure"),
    ];

    #[test]
    fn a_report_of_failure_is_a_denial_in_the_services_words() {
        for (body, words) in DENIALS {
            assert_eq!(denied(nothing(body.into())).as_deref(), Some(words), "{body}");
            let typed = json::<Vec<u8>>(body.into()).map(drop);
            assert_eq!(denied(typed).as_deref(), Some(words), "{body}");
        }
    }

    #[test]
    fn a_status_that_is_a_failure_is_a_denial() {
        for status in ["false", "\"Failed\"", "404", "\"404\""] {
            let body = format!(r#"{{"status": {status}, "message": "gone"}}"#);
            assert_eq!(denied(nothing(body.into_bytes())).as_deref(), Some("gone"), "{status}");
        }
        for status in ["true", "\"pending\"", "200", "\"200\"", "null", "\"\""] {
            let body = format!(r#"{{"status": {status}, "message": "invited"}}"#);
            assert!(nothing(body.into_bytes()).is_ok(), "{status}");
        }
    }

    #[test]
    fn a_denial_in_latin_1_is_a_denial() {
        let body = b"{\"error\": \"caf\xe9 not found\"}".to_vec();
        assert_eq!(denied(nothing(body)).as_deref(), Some("caf\u{fffd} not found"));
    }

    #[test]
    fn a_report_of_failure_is_no_data_even_for_a_type_that_takes_everything() {
        for (body, words) in DENIALS {
            let typed = json::<Value>(body.into()).map(drop);
            assert_eq!(denied(typed).as_deref(), Some(words), "{body}");
        }
    }

    #[test]
    fn an_acknowledgement_may_deny_in_more_ways() {
        for (body, words) in [
            (r#"{"status": "error", "message": "gone"}"#, "gone"),
            (r#"{"status": "fail", "data": {"id": "gone"}}"#, "the response reports a failure"),
            (r#"{"statusCode": 404, "message": "gone"}"#, "gone"),
            (r#"{"result": {"success": false, "message": "gone"}}"#, "gone"),
            (r#"{"userId": "u1", "error": "gone"}"#, "gone"),
        ] {
            assert_eq!(denied(nothing(body.into())).as_deref(), Some(words), "{body}");
        }
    }

    #[test]
    fn a_body_that_denies_nothing_is_a_success() {
        for body in [
            "",
            "done",
            "null",
            "[]",
            "42",
            "\"error\"",
            "{}",
            "{",
            r#"{"error": null}"#,
            r#"{"error": false, "ok": true}"#,
            r#"{"error": "", "errors": [], "message": "removed"}"#,
            r#"{"error": {}}"#,
            r#"{"error": 0, "success": null}"#,
            r#"{"ok": true, "detail": "removed"}"#,
            r#"{"status": "ok", "statusCode": 200}"#,
            r#"{"success": true, "result": {"error": null}}"#,
        ] {
            assert!(nothing(body.into()).is_ok(), "{body}");
        }
    }

    #[test]
    fn data_with_a_field_called_error_is_data() {
        for body in [
            r#"{"id": "a1", "error": "the last check failed"}"#,
            r#"{"error": "the last check failed", "id": "a1", "ok": false}"#,
            r#"{"items": [{"error": "x"}], "success": false}"#,
            r#"{"status": "failed", "message": "disk full"}"#,
        ] {
            assert!(json::<Value>(body.into()).is_ok(), "{body}");
        }
    }

    #[test]
    fn a_body_that_is_in_doubt_is_data_of_a_read_and_none_of_a_change() {
        let is_read = |body: &str, call: &Call| RawResponse::read(body.into(), call).is_ok();
        let (read, change) = (Call::get(["x"]), Call::post(["x"]));
        for (body, is_data) in [
            (
                r#"{"data": [{"id": "d1", "error": "timed out"}, {"id": "d2", "error": null}]}"#,
                true,
            ),
            (r#"{"message": "Community not found"}"#, true),
            (r#"{"ok": false, "error": "gone"}"#, false),
            (r#"{"status": 500, "error": "Internal Server Error"}"#, false),
            (r#"{"error": "Token has been revoked"}"#, false),
            (r#"{"success": false, "message": "Invite was cancelled"}"#, false),
            (r#"{"success": false, "message": "Invite was cancelled", "inviteId": "i1"}"#, true),
        ] {
            assert!(!is_read(body, &change), "{body}");
            assert_eq!(is_read(body, &read), is_data, "{body}");
        }
    }

    #[test]
    fn any_body_is_read() {
        let read = |body: &[u8]| {
            let change = Call::post(["x"]);
            RawResponse::read(body.to_vec(), &change).unwrap_or_else(|_| panic!("no response"))
        };
        assert_eq!(read(b""), RawResponse::default());
        let json = read(b"\xEF\xBB\xBF{\"ok\":1}");
        assert_eq!(
            (json.text.as_str(), json.json),
            (r#"{"ok":1}"#, Some(serde_json::json!({"ok": 1})))
        );
        let latin = read(b"entfernt f\xFCr immer");
        assert_eq!((latin.text.as_str(), latin.json), ("entfernt f\u{fffd}r immer", None));
    }
}
