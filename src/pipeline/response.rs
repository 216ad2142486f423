//! Reads the body of a success: a value, or the reason why there is none.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::message;
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
    /// It is not what was asked for.
    Unexpected {
        /// Another attempt may help: it was not JSON at all.
        is_temporary: bool,
        source: serde_json::Error,
    },
}

impl BadBody {
    /// Rejects a body that could not be decoded, or that reports a failure instead.
    pub(crate) fn undecodable(body: Vec<u8>, source: serde_json::Error) -> BadBody {
        let problem = match denial(&body) {
            Some(words) => Problem::Denied(words),
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
    let text = if body.is_empty() { b"null" } else { &body[..] };
    match json::from_slice(text) {
        Ok(value) => match bare_denial(&body) {
            Some(words) => Err(BadBody { body, problem: Problem::Denied(words) }),
            None => Ok(value),
        },
        Err(source) => Err(BadBody::undecodable(body, source)),
    }
}

/// Accepts a body of any shape: JSON, plain text or nothing, unless it is JSON that reports a failure.
pub(crate) fn acknowledgement(body: Vec<u8>) -> Result<Vec<u8>, BadBody> {
    match denial(&body) {
        Some(words) => Err(BadBody { body, problem: Problem::Denied(words) }),
        None => Ok(body),
    }
}

/// As [`acknowledgement`], for a call that returns nothing.
pub(crate) fn nothing(body: Vec<u8>) -> Result<(), BadBody> {
    acknowledgement(body).map(drop)
}

/// The report of failure in a body, by one of the ways in which services write it.
fn denial(body: &[u8]) -> Option<String> {
    // In Latin-1 it is a denial as well.
    let text = String::from_utf8_lossy(body);
    let json: Value = json::from_slice(text.as_bytes()).ok()?;
    let object = json.as_object()?;
    let wraps = |(name, _): &(&String, &Value)| is_any(name, &["data", "result", "response"]);
    let is_denial =
        denies(object) || object.iter().any(|(name, value)| fails_by_status(name, value));
    match is_denial {
        true => Some(words_of(&json)),
        // `{"result": {"success": false}}`
        false => object
            .iter()
            .filter(wraps)
            .find(|(_, inner)| inner.as_object().is_some_and(denies))
            .map(|(_, inner)| words_of(inner)),
    }
}

fn words_of(denial: &Value) -> String {
    message::words(denial).unwrap_or_else(|| "the response reports a failure".to_owned())
}

/// Whether an object reports a failure: `ok` or `success` is false, or there is an `error`. One that
/// is null, false or empty denies nothing.
fn denies(object: &Map<String, Value>) -> bool {
    object.iter().any(|(name, value)| {
        is_any(name, &["ok", "success"]) && is_false(value)
            || is_any(name, &["error", "errors", "errorMessage", "error_message"])
                && !is_empty(value)
    })
}

/// `"status": "error"`, `"status": false`, `"statusCode": 404`, also as a string.
fn fails_by_status(name: &str, value: &Value) -> bool {
    let is_code = |code: u64| (400..600).contains(&code);
    let is_failure = |text: &str| {
        is_any(text, &["error", "fail", "failed", "failure"]) || text.parse().is_ok_and(is_code)
    };
    is_any(name, &["status", "statusCode", "status_code"])
        && (value.as_str().is_some_and(is_failure)
            || value.as_u64().is_some_and(is_code)
            || *value == Value::Bool(false))
}

fn is_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn is_false(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => is_any(text.trim(), &["false", "no", "0"]),
        _ => false,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::String(text) => is_any(text.trim(), &["", "false", "none", "null", "0"]),
        _ => is_false(value),
    }
}

/// The report of failure in an object that consists of nothing else. Ends at the first field of another kind,
/// so a page of data costs nothing.
fn bare_denial(body: &[u8]) -> Option<String> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let report = match deserializer.deserialize_map(Report) {
        Ok(report) => report,
        Err(error) if error.is_data() => return None,
        Err(_) => json::from_slice(body).ok()?,
    };
    let is_bare = report.keys().all(|name| is_any(name, &REPORTED));
    (is_bare && denies(&report)).then(|| words_of(&Value::Object(report)))
}

/// The fields that reports of failure consist of, besides those that make them one.
const REPORTED: [&str; 20] = [
    "ok",
    "success",
    "error",
    "errors",
    "errorMessage",
    "error_message",
    "errorType",
    "errorCode",
    "error_code",
    "error_description",
    "message",
    "msg",
    "detail",
    "details",
    "reason",
    "code",
    "status",
    "statusCode",
    "requestId",
    "request_id",
];

struct Report;

impl<'de> Visitor<'de> for Report {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report of failure")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Map<String, Value>, A::Error> {
        let mut report = Map::new();
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            if !is_any(&name, &REPORTED) {
                return Err(serde::de::Error::custom("data"));
            }
            report.insert(name.into_owned(), map.next_value()?);
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(outcome: Result<(), BadBody>) -> Option<String> {
        match outcome.err()?.problem {
            Problem::Denied(words) => Some(words),
            Problem::Unexpected { .. } => None,
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
    fn what_denies_nothing_is_a_success() {
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
            r#"[{"error": "x"}]"#,
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
}
