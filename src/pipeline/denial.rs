//! Reports of failure in the body of a success.
//!
//! A body denies the success if it reports a failure in one of the ways in which services write that:
//!
//! * `ok`, `success` and the like are false;
//! * `error`, `errors`, `failed` and the like hold something: not null, false, empty, `"ok"`, 0 or a code of success;
//! * `status`, `result` and the like are `error`, `failed` and the like, or false; `status` and what ends in `code` also a status
//!   from 400 to 599; `code`, `type` and the like only beside a message;
//! * one of these in `data`, `meta` and the like, in each item of a list, in JSON within a string, or in what is nearly JSON.
//!
//! A record may have a state of its own: `{"userId": "u1", "status": "rejected"}` denies nothing.
//!
//! Some reports say one thing or the other only by their words: a `detail` and nothing else, which is an error of FastAPI and a
//! success of others; an error beside `"success": true`; a `code` beside an id. If the [tone] of the words is unclear, too,
//! whether the call succeeded is in doubt. So it is if the words of a `message` and nothing else are those of a failure, and
//! after `{"removed": false}`. A part that was done beside one that failed, as `{"sent": 1, "failed": 1}`, is in doubt as
//! well, and so is a status of 0 beside words of failure.
//!
//! For a value that was decoded, one such field among others is data: it is a denial only if nothing else holds anything.

mod decoded;
mod vocabulary;

use serde::de::Deserializer;
use serde_json::{Map, Value};

use super::message;
use super::tone::{self, Tone};
use crate::json::scan::Scanner;
use crate::json::{self, lenient};
use decoded::{ReportVisitor, holds_data};
use vocabulary::{
    ALSO, BAD, BESIDES, ERROR_WORDS, GOOD, GOOD_OUTCOMES, KIND, MORE_BAD, OUTCOME, PENDING, WORDS,
    WRAPPERS, ends_with, is_any, is_code_of_success, is_done, is_empty, is_failure, is_false,
    is_harmless, is_odd_code, is_reported, is_short_failure, is_state, is_status, is_true,
    is_undone, is_zero,
};

/// How deep JSON may be within strings and lists.
const DEEPEST: u32 = 3;

/// A report of failure, in the service's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The call failed.
    Denial(String),
    /// Whether it failed is not clear.
    Doubt(String),
}

impl Report {
    pub(super) fn into_words(self) -> String {
        match self {
            Report::Denial(words) | Report::Doubt(words) => words,
        }
    }
}

/// Returns the report of failure in a body that holds no value, in the service's words.
pub(super) fn of(body: &[u8]) -> Option<Report> {
    of_json(&read(body, true)?, DEEPEST)
}

/// Returns the report of failure in a body that was expected to hold a value and does not.
pub(super) fn of_undecodable(body: &[u8]) -> Option<Report> {
    match read(body, false) {
        Some(json) => of_json(&json, DEEPEST),
        // A body that was cut off may be data: only one that consists of nothing but a report is a denial.
        None => of_bare(lenient::value(&json::text(body))?.as_object()?),
    }
}

/// Returns the report of failure in a body that was decoded, if it consists of nothing else.
///
/// Ends at the first other field that holds something, so that a page of data costs nothing.
pub(super) fn of_decoded(body: &[u8]) -> Option<Report> {
    if holds_data(body) {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    match reader.deserialize_map(ReportVisitor) {
        Ok(report) => of_bare(&report),
        Err(error) if error.is_data() => None,
        // A byte order mark, or JSON that Rust cannot hold.
        Err(_) => of_bare(&json::from_slice(body).ok()?),
    }
}

fn read(body: &[u8], is_lenient: bool) -> Option<Value> {
    let text = json::text(body);
    let json = json::from_slice(text.as_bytes()).ok();
    let other = || lenient::value(&text).or_else(|| shallow(&text));
    json.or_else(|| other().filter(|_| is_lenient))
}

/// The fields of an object that is nested too deeply to be decoded, with `true` in place of such a value.
fn shallow(text: &str) -> Option<Value> {
    let mut fields = Map::new();
    Scanner::new(text, 0).object(|scanner, name| {
        let value =
            json::from_slice(text[scanner.value()?].as_bytes()).unwrap_or(Value::Bool(true));
        fields.insert(name.to_owned(), value);
        Some(())
    })?;
    Some(Value::Object(fields))
}

fn of_json(json: &Value, depth: u32) -> Option<Report> {
    match json {
        Value::Object(object) => of_object(object, depth),
        Value::Array(items) if depth > 0 => {
            let reports: Option<Vec<Report>> =
                items.iter().map(|item| of_json(item, depth - 1)).collect();
            reports.filter(|reports| !reports.is_empty()).map(joined)
        }
        Value::String(text) if depth > 0 && text.contains('{') => {
            of_json(&read(text.as_bytes(), true)?, depth - 1)
        }
        _ => None,
    }
}

fn joined(reports: Vec<Report>) -> Report {
    let is_doubtful = reports.iter().any(|report| matches!(report, Report::Doubt(_)));
    let words: Vec<String> = reports.into_iter().map(Report::into_words).collect();
    let words = words.join("; ");
    if is_doubtful { Report::Doubt(words) } else { Report::Denial(words) }
}

fn of_object(object: &Map<String, Value>, depth: u32) -> Option<Report> {
    let is_good = object.iter().any(|(name, value)| is_any(name, &GOOD) && is_true(value));
    // `{"result": {"success": false}}`
    let wrapped = object.iter().filter(|(name, _)| is_any(name, &WRAPPERS));
    let in_wrapper = |(_, inner): (&String, &Value)| match inner {
        Value::Object(inner) if denies(inner) => of_signs(inner),
        Value::Object(inner) if !is_good && has_words(inner) && fails(inner) => of_signs(inner),
        Value::Object(inner) => of_only_field(inner),
        // A list in a wrapper is data.
        Value::String(_) => of_json(inner, depth - 1),
        _ => None,
    };
    // A success of which a part failed.
    let as_part =
        |report: Report| if is_good { Report::Doubt(report.into_words()) } else { report };
    of_signs(object)
        .or_else(|| wrapped.filter(|_| depth > 0).find_map(in_wrapper).map(as_part))
        .or_else(|| of_hints(object))
}

/// `{"invite": {"errors": ["is taken"], "user": null}}` in the `data` of GraphQL, which may be the state of an invite as well.
fn of_only_field(object: &Map<String, Value>) -> Option<Report> {
    let mut fields = object.values();
    let (Some(Value::Object(only)), None) = (fields.next(), fields.next()) else {
        return None;
    };
    let report = of_signs(only).filter(|_| denies(only))?;
    Some(Report::Doubt(report.into_words()))
}

/// The report that an object seems to be if it consists of words, a code that is not known, or `"removed": false`.
fn of_hints(object: &Map<String, Value>) -> Option<Report> {
    let is_hint = |(name, value): (&String, &Value)| {
        is_any(name, &BESIDES)
            || is_any(name, &ALSO)
            || is_any(name, &KIND)
            || is_any(name, &OUTCOME) && value.is_string()
            || is_odd_code(name, value)
            || is_undone(name, value)
            || is_empty(value)
    };
    let said = ["message", "msg", "reason"];
    let has_said = object.iter().any(|(name, value)| is_any(name, &said) && !is_empty(value));
    let is_undone = object.iter().any(|(name, value)| is_undone(name, value));
    if !object.iter().all(is_hint) || states_success(object) || !has_said && !is_undone {
        return None;
    }
    let has_bad_code =
        object.iter().any(|(name, value)| is_odd_code(name, value) || is_bad_code(name, value));
    // A 0 is a success to some services, and a failure to others.
    let is_open = object.iter().any(|(name, value)| is_code(name) && is_zero(value));
    let words = message::words_in(object);
    let tone = words.as_deref().map_or(Tone::Unclear, tone::tone);
    let report = words.unwrap_or_else(|| "the response reports that nothing was done".to_owned());
    match tone {
        Tone::Bad if (has_bad_code || is_undone) && !is_open => Some(Report::Denial(report)),
        Tone::Bad | Tone::Mixed => Some(Report::Doubt(report)),
        _ if is_undone => Some(Report::Doubt(report)),
        Tone::Unclear if has_bad_code => Some(Report::Doubt(report)),
        Tone::Unclear | Tone::Good => None,
    }
}

/// Whether the outcome of an object, or its code, is a success for certain.
fn states_success(object: &Map<String, Value>) -> bool {
    object.iter().any(|(name, value)| {
        let is_outcome = is_any(name, &OUTCOME)
            && value.as_str().is_some_and(|text| {
                is_any(text, &GOOD_OUTCOMES)
                    || is_any(text, &PENDING)
                    || tone::tone(text) == Tone::Good
            });
        is_any(name, &GOOD) && is_true(value)
            || is_outcome
            || is_code(name) && is_code_of_success(value) && !is_zero(value)
    })
}

fn is_code(name: &str) -> bool {
    is_any(name, &["code"]) || is_any(name, &OUTCOME)
}

/// `{"code": "community_not_found"}`, `{"status": "invalid_request"}`. `{"status": "locked"}` may be what was asked for.
fn is_bad_code(name: &str, code: &Value) -> bool {
    let is_bad = |code: &str| tone::tone(code) == Tone::Bad;
    let has_words = |code: &str| code.trim().contains(|c: char| !c.is_alphanumeric());
    code.as_str().is_some_and(|code| {
        is_any(name, &["code"]) && is_bad(code)
            || is_any(name, &OUTCOME) && has_words(code) && is_bad(code)
    })
}

fn has_code(object: &Map<String, Value>, is_such: &dyn Fn(&Value) -> bool) -> bool {
    object.iter().any(|(name, value)| is_any(name, &["code"]) && is_such(value))
}

/// The report of failure that an object consists of.
fn of_bare(object: &Map<String, Value>) -> Option<Report> {
    let is_bare = object.iter().all(|(name, value)| is_reported(name) || is_empty(value));
    // `{"status": "failed", "message": "disk full"}` may be the state of something.
    let is_certain = |(name, value): (&String, &Value)| {
        !is_any(name, &OUTCOME) || !value.as_str().is_some_and(|text| is_any(text, &["failed"]))
    };
    let is_report = is_bare && (denies(object) || object.iter().all(is_certain));
    is_report.then(|| of_signs(object)).flatten()
}

/// The report of failure in the fields of an object itself.
fn of_signs(object: &Map<String, Value>) -> Option<Report> {
    let words = message::words_in(object);
    let tone = words.as_deref().map_or(Tone::Unclear, tone::tone);
    let states_failure = denies(object) || object.iter().any(|field| ends_badly(object, field));
    let reports = states_failure || fails(object);
    if !reports && has_good_code(object) {
        // `{"errcode": 0, "errmsg": "not a member"}`
        let is_doubtful = has_error_words(object) && matches!(tone, Tone::Bad | Tone::Mixed);
        return words.filter(|_| is_doubtful).map(Report::Doubt);
    }
    if !reports && !is_vague(object) {
        return None;
    }
    let unnamed = || "the response reports a failure".to_owned();
    let is_partial = reports && object.iter().any(|(name, value)| is_done(name, value));
    if reports && !is_contradicted(object) && !is_partial {
        let words = words.unwrap_or_else(unnamed);
        return match said_well(object) {
            false => Some(Report::Denial(words)),
            true => states_failure.then_some(Report::Doubt(words)),
        };
    }
    match tone {
        Tone::Good => None,
        Tone::Bad if !is_partial => words.map(Report::Denial),
        _ => {
            let unnamed = || "the response contradicts itself".to_owned();
            Some(Report::Doubt(words.unwrap_or_else(unnamed)))
        }
    }
}

/// `{"error": true, "message": "Member removed"}`
fn said_well(object: &Map<String, Value>) -> bool {
    object.iter().any(|(name, value)| {
        is_any(name, &["message", "msg", "detail"])
            && value.as_str().is_some_and(|text| tone::tone(text) == Tone::Good)
    })
}

/// `{"errno": 0}`
fn has_good_code(object: &Map<String, Value>) -> bool {
    let codes = ["errorcode", "errcode", "errno", "errorno"];
    object.iter().any(|(name, value)| is_any(name, &codes) && is_code_of_success(value))
}

fn has_error_words(object: &Map<String, Value>) -> bool {
    object.iter().any(|(name, value)| is_any(name, &ERROR_WORDS) && !is_empty(value))
}

fn has_words(object: &Map<String, Value>) -> bool {
    object.iter().any(|(name, value)| is_any(name, &WORDS) && !is_empty(value))
}

/// Whether a field reports by itself that the call failed.
fn denies(object: &Map<String, Value>) -> bool {
    let has_good_code = has_good_code(object);
    object.iter().any(|(name, value)| {
        is_any(name, &GOOD) && (is_false(value) || is_failure(value) || is_short_failure(value))
            || (is_any(name, &BAD) || is_any(name, &MORE_BAD))
                && !(has_good_code && is_any(name, &ERROR_WORDS))
                && !is_harmless(name, value)
    })
}

/// Whether the object states an outcome that is a failure, or names a kind of failure.
fn fails(object: &Map<String, Value>) -> bool {
    let is_named = |(name, value): (&String, &Value)| {
        is_any(name, &KIND) && (is_failure(value) || is_status(value))
    };
    object.iter().any(|field| ends_badly(object, field))
        || has_words(object) && !has_own_id(object) && object.iter().any(is_named)
        || is_list_of_problems(object)
}

fn ends_badly(object: &Map<String, Value>, (name, value): (&String, &Value)) -> bool {
    let is_record = || has_own_id(object) && !has_words(object);
    is_any(name, &OUTCOME) && is_outcome_of_failure(name, value, &is_record)
}

fn has_own_id(object: &Map<String, Value>) -> bool {
    object.iter().any(|(name, value)| is_own_id(name, value))
}

/// Whether the object says nothing of the outcome but in words.
fn is_vague(object: &Map<String, Value>) -> bool {
    // An invite may have a code.
    lone_detail(object).is_some() || has_words(object) && has_code(object, &is_status)
}

/// Whether the object states a success, beside whatever else it states.
fn is_contradicted(object: &Map<String, Value>) -> bool {
    object.iter().any(|(name, value)| {
        is_any(name, &GOOD) && is_true(value)
            || is_any(name, &OUTCOME)
                && (is_code_of_success(value)
                    || value.as_str().is_some_and(|text| is_any(text, &GOOD_OUTCOMES)))
    })
}

/// Whether a field holds the id of something else than the request.
fn is_own_id(name: &str, value: &Value) -> bool {
    json::names_id(name) && !is_empty(value) && !is_any(name, &BESIDES) && !is_any(name, &ALSO)
}

fn is_outcome_of_failure(name: &str, value: &Value, is_record: &dyn Fn() -> bool) -> bool {
    // `{"result": 412}` may be a count.
    *value == Value::Bool(false)
        || (ends_with(name, "status") || ends_with(name, "code")) && is_status(value)
        || is_failure(value) && !(is_state(value) && is_record())
        || is_any(name, &["result", "ack", "outcome", "status", "returncode", "resultcode"])
            && is_short_failure(value)
}

/// `{"detail": "Not Found"}` with the other fields of RFC 9457 at most.
fn lone_detail(object: &Map<String, Value>) -> Option<&Value> {
    let is_besides = |(name, value): (&String, &Value)| {
        is_any(name, &["detail", "title", "type", "instance"])
            || value.is_null()
            || is_reported(name) && is_empty(value)
    };
    let (_, detail) = object.iter().find(|(name, _)| is_any(name, &["detail"]))?;
    let has_words = match detail {
        Value::String(text) => !text.trim().is_empty(),
        Value::Object(detail) => message::words_in(detail).is_some(),
        _ => false,
    };
    (has_words && object.iter().all(is_besides)).then_some(detail)
}

/// `{"detail": [{"loc": ["body", "name"], "msg": "Field required"}]}`, as FastAPI lists what is wrong with a request.
fn is_list_of_problems(object: &Map<String, Value>) -> bool {
    let is_problem = |problem: &Value| problem.get("msg").is_some_and(Value::is_string);
    let is_list = |value: &Value| value.as_array().is_some_and(|list| list.iter().any(is_problem));
    object.iter().any(|(name, value)| is_any(name, &["detail"]) && is_list(value))
}

#[cfg(test)]
mod tests {
    use super::decoded::GLANCE;
    use super::*;

    #[test]
    fn data_is_seen_without_decoding_only_where_it_is_certain() {
        for body in [
            r#"{"id": "a1", "error": "x"}"#,
            r#"{"ok": true, "user": {"plan": "pro"}}"#,
            r#"{"error": "x", "items": [null]}"#,
            r#"{"error": "x", "open": true}"#,
        ] {
            assert!(holds_data(body.as_bytes()) && of_decoded(body.as_bytes()).is_none(), "{body}");
        }
        let long = format!(r#"{{"error": "{}é", "id": "a1"}}"#, "x".repeat(GLANCE));
        for body in [
            r#"{"ok": false, "error": "x", "requestId": "r1"}"#,
            r#"{"error": "x", "items": [ ], "data": { }, "note": "", "left": 0, "open": null}"#,
            r#"{"error": "x", "\u0065rror": "y"}"#,
            r#"["a"]"#,
            "",
            "\u{feff}{\"id\": \"a1\"}",
            &long,
        ] {
            assert!(!holds_data(body.as_bytes()), "{body}");
        }
        assert_eq!(of_decoded(long.as_bytes()), None);
    }

    /// Reports of failure that are denials of a call that returns nothing.
    const DENIALS: [(&str, &str); 158] = [
        (r#"{"code": 404, "message": "gone"}"#, "gone"),
        (r#"{"code": "404", "message": "gone"}"#, "gone"),
        (r#"{"code": "NOT_FOUND", "message": "gone"}"#, "gone"),
        (r#"{"Code": "AccessDenied", "Message": "gone"}"#, "gone"),
        (r#"{"status_code": 404.0, "detail": "gone"}"#, "gone"),
        (r#"{"httpStatus": "404 Not Found", "reason": "gone"}"#, "gone"),
        (r#"{"detail": "Not Found"}"#, "Not Found"),
        (r#"{"detail": "Community was not removed"}"#, "Community was not removed"),
        (r#"{"Detail": "alert is locked", "error": null}"#, "alert is locked"),
        (r#"{"detail": [{"loc": ["body", "x"], "msg": "required"}]}"#, "body.x: required"),
        (r#"{"type": "about:blank", "title": "Gone", "detail": "gone"}"#, "gone"),
        (r#"{"isSuccess": false, "message": "gone"}"#, "gone"),
        (r#"{"is_success": false}"#, "the response reports a failure"),
        (r#"{"succeeded": false, "msg": "gone"}"#, "gone"),
        (r#"{"IsSuccessful": "false", "msg": "gone"}"#, "gone"),
        (r#"{"failed": true, "reason": "gone"}"#, "gone"),
        (r#"{"isError": true, "message": "gone"}"#, "gone"),
        (r#"{"hasErrors": 1, "message": "gone"}"#, "gone"),
        (r#"{"err": "gone"}"#, "gone"),
        (r#"{"exception": "NotFound", "message": "gone"}"#, "gone"),
        (r#"{"fault": {"faultstring": "gone"}}"#, "gone"),
        (r#"{"errcode": 40013, "errmsg": "gone"}"#, "gone"),
        (r#"{"errno": 2, "message": "gone"}"#, "gone"),
        (r#"{"result": "error", "message": "gone"}"#, "gone"),
        (r#"{"result": false}"#, "the response reports a failure"),
        (r#"{"result": "FAILURE", "reason": "gone"}"#, "gone"),
        (r#"{"Ack": "Failure", "message": "gone"}"#, "gone"),
        (r#"{"status": "fail", "data": {"userId": "x"}}"#, "the response reports a failure"),
        (r#"{"status": "NOT_FOUND", "message": "gone"}"#, "gone"),
        (r#"{"status": "error", "message": "gone", "userId": "u1"}"#, "gone"),
        (r#"{"type": "error", "message": "gone"}"#, "gone"),
        (r#"{"name": "NotFoundError", "message": "gone"}"#, "gone"),
        (r#"{"__type": "ResourceNotFoundException", "message": "gone"}"#, "gone"),
        (r#"{"data": null, "errors": [{"message": "gone", "path": ["x"]}]}"#, "gone"),
        (r#"{"data": null, "error": {"code": 5, "message": "gone"}}"#, "gone"),
        (r#"{"data": {"invite": null}, "errors": [{"message": "gone"}]}"#, "gone"),
        (r#"{"d": {"success": false, "message": "gone"}}"#, "gone"),
        (r#"{"statusCode": 200, "body": "{\"error\": \"gone\"}"}"#, "gone"),
        (r#"[{"error": "gone"}]"#, "gone"),
        (r#"[{"error": "a"}, {"ok": false, "reason": "b"}]"#, "a; b"),
        (r#""{\"error\": \"gone\"}""#, "gone"),
        (r#""[{\"ok\": false, \"message\": \"gone\"}]""#, "gone"),
        (r#"{'error': 'gone', 'code': None}"#, "gone"),
        (r#"{"error": "gone",}"#, "gone"),
        ("{\"error\": \"gone\"", "gone"),
        ("{error: 'gone'}", "gone"),
        (r#"callback({"error": "gone"});"#, "gone"),
        (")]}',\n{\"error\": \"gone\"}", "gone"),
        ("while(1);[{'ok': False, 'message': 'gone'}]", "gone"),
        ("\u{feff}{\"error\": \"gone\"}\0\0", "gone"),
        (r#"{"error": "gone"}{"error": "again"}"#, "gone"),
        (r#"{"error": "Не найдено"}"#, "Не найдено"),
        (r#"{"error": "é"}"#, "é"),
        (r#"{"error": "Ошибка 0"}"#, "Ошибка 0"),
        (r#"{"errors": ["見つかりません"]}"#, "見つかりません"),
        (r#"{"code": 404, "message": "Не найдено"}"#, "Не найдено"),
        (r#"{"ok": "false", "message": "Не найдено"}"#, "Не найдено"),
        (r#"{"detail": "Участник не удалён"}"#, "in doubt: Участник не удалён"),
        (r#"{"detail": "Mitglied entfernt"}"#, "in doubt: Mitglied entfernt"),
        (r#"{"success": true, "error": "Mitglied 2"}"#, "in doubt: Mitglied 2"),
        (r#"{"ok": true, "error": "u2 was not invited"}"#, "u2 was not invited"),
        (r#"{"code": 404, "message": "Mitglied", "userId": "u1"}"#, "in doubt: Mitglied"),
        (r#"[{"error": "a"}, {"detail": "b"}]"#, "in doubt: a; b"),
        (r#"{"detail": {"code": "not_found", "message": "no such member"}}"#, "no such member"),
        (r#"{"data": {"status": "error", "message": "gone"}}"#, "gone"),
        (r#"{"result": {"status": "failed", "reason": "gone"}}"#, "gone"),
        (r#"{"meta": {"success": false, "message": "gone"}}"#, "gone"),
        (r#"{"responseStatus": {"errorCode": "NotFound", "message": "gone"}}"#, "gone"),
        (r#"{"status": {"error_code": 1002, "error_message": "gone"}}"#, "gone"),
        (r#"{"errorMessages": ["gone"], "errors": {}}"#, "gone"),
        (r#"{"validationErrors": [{"message": "gone"}]}"#, "gone"),
        (r#"{"failures": ["gone"]}"#, "gone"),
        (r#"{"success": "failed", "message": "gone"}"#, "gone"),
        (r#"{"status": "INVALID_ARGUMENT", "message": "gone"}"#, "gone"),
        (r#"{"detail": "Completed with errors"}"#, "Completed with errors"),
        (r#"{"detail": "Invite sent, but not delivered"}"#, "Invite sent, but not delivered"),
        (r#"{"detail": "Alert must be paused first"}"#, "Alert must be paused first"),
        (r#"{"userId": "u1", "status": "error"}"#, "the response reports a failure"),
        (r#"{"state": "failed", "message": "gone"}"#, "gone"),
        (r#"{"status": "Too Many Requests", "message": "slow down"}"#, "slow down"),
        (r#"{"result": "error: gone"}"#, "the response reports a failure"),
        (r#"{"result": "NG", "message": "gone"}"#, "gone"),
        (r#"{"return_code": "FAIL", "message": "gone"}"#, "gone"),
        (r#"{"succeed": false, "message": "gone"}"#, "gone"),
        (r#"{"odata.error": {"message": "gone"}}"#, "the response reports a failure"),
        (r#"{"code": 5, "message": "not found", "details": []}"#, "not found"),
        (r#"{"code": 40001, "msg": "invalid token", "data": null}"#, "invalid token"),
        (r#"{"result": -1, "message": "it failed"}"#, "it failed"),
        (r#"{"code": "community_not_found", "message": "not found"}"#, "not found"),
        (r#"{"removed": false, "reason": "not a member"}"#, "not a member"),
        (r#"{"message": "Community not found"}"#, "in doubt: Community not found"),
        (r#"{"Message": "Forbidden", "data": null}"#, "in doubt: Forbidden"),
        (r#"{"message": "Too Many Attempts."}"#, "in doubt: Too Many Attempts."),
        (
            r#"{"code": 7, "msg": "\u53c2\u6570\u9519\u8bef"}"#,
            "in doubt: \u{53c2}\u{6570}\u{9519}\u{8bef}",
        ),
        (r#"{"code": "no_such_group", "message": "u1"}"#, "in doubt: u1"),
        (r#"{"removed": false}"#, "in doubt: the response reports that nothing was done"),
        (r#"{"isValid": false, "message": "u1"}"#, "in doubt: u1"),
        (r#"{"invited": false, "reason": "already a member"}"#, "in doubt: already a member"),
        (r#"{"data": {"invite": {"success": false, "message": "gone"}}}"#, "in doubt: gone"),
        (
            r#"{"data": {"invite": {"errors": [{"message": "gone"}], "user": null}}}"#,
            "in doubt: gone",
        ),
        (r#"{"detail": "Invited Bad Bunny"}"#, "in doubt: Invited Bad Bunny"),
        (r#"{"detail": "Account suspended"}"#, "in doubt: Account suspended"),
        (r#"{"detail": "already invited"}"#, "in doubt: already invited"),
        (r#"{"detail": "2 removed, 1 failed"}"#, "in doubt: 2 removed, 1 failed"),
        // Success and failure in words.
        (r#"{"detail": "Expired invitation resent"}"#, "in doubt: Expired invitation resent"),
        (r#"{"detail": "Alert for Bad Bunny created"}"#, "in doubt: Alert for Bad Bunny created"),
        (r#"{"detail": "Bad Bunny was invited"}"#, "in doubt: Bad Bunny was invited"),
        (
            r#"{"detail": "Invitation to No Limits Run Club sent"}"#,
            "in doubt: Invitation to No Limits Run Club sent",
        ),
        (
            r#"{"detail": "Max wurde aus Lauftreff Bad Homburg entfernt"}"#,
            "in doubt: Max wurde aus Lauftreff Bad Homburg entfernt",
        ),
        (r#"{"detail": "Convite enviado no grupo"}"#, "in doubt: Convite enviado no grupo"),
        (r#"{"detail": "Duplicate alert deleted"}"#, "in doubt: Duplicate alert deleted"),
        (r#"{"detail": "Locked account removed"}"#, "in doubt: Locked account removed"),
        (
            r#"{"detail": "No account found, invitation sent"}"#,
            "in doubt: No account found, invitation sent",
        ),
        (
            r#"{"detail": "User already exists, added to community"}"#,
            "in doubt: User already exists, added to community",
        ),
        (
            r#"{"detail": "Invitation t'a \u00e9t\u00e9 envoy\u00e9e"}"#,
            "in doubt: Invitation t'a \u{e9}t\u{e9} envoy\u{e9}e",
        ),
        (r#"{"detail": "No Bad News Club"}"#, "in doubt: No Bad News Club"),
        (r#"{"detail": "No such community"}"#, "No such community"),
        (r#"{"detail": "Bad request"}"#, "Bad request"),
        (r#"{"detail": "User can't be invited"}"#, "User can't be invited"),
        (
            r#"{"message": "Deleted member cannot be invited"}"#,
            "in doubt: Deleted member cannot be invited",
        ),
        (
            r#"{"message": "Community not found or deleted"}"#,
            "in doubt: Community not found or deleted",
        ),
        (r#"{"message": "1 invited, 1 failed"}"#, "in doubt: 1 invited, 1 failed"),
        // A part that was done.
        (
            r#"{"success": true, "data": {"sent": ["email"], "failed": ["sms"]}}"#,
            "in doubt: the response contradicts itself",
        ),
        (
            r#"{"success": true, "data": {"userId": "u1", "errors": [{"channel": "sms"}]}}"#,
            "in doubt: the response reports a failure",
        ),
        (r#"{"invited": true, "error": "sms not delivered"}"#, "in doubt: sms not delivered"),
        (r#"{"sent": 1, "failed": 1}"#, "in doubt: the response contradicts itself"),
        (r#"{"success": 3, "failure": 1}"#, "in doubt: the response contradicts itself"),
        (
            r#"{"succeeded": ["u1"], "failed": ["sms"]}"#,
            "in doubt: the response contradicts itself",
        ),
        (r#"{"sent": {"email": true}, "errors": ["sms"]}"#, "in doubt: sms"),
        (r#"{"sent": 0, "failed": 1}"#, "the response reports a failure"),
        (r#"{"sent": [], "failed": ["sms"]}"#, "the response reports a failure"),
        (r#"{"created": 1732600000, "error": "gone"}"#, "gone"),
        (r#"{"authenticated": true, "error": "gone"}"#, "gone"),
        // Words that contradict the fields.
        (r#"{"status": "error", "message": "Invitation sent"}"#, "in doubt: Invitation sent"),
        (r#"{"ok": false, "message": "Member removed"}"#, "in doubt: Member removed"),
        (r#"{"errcode": 0, "errmsg": "user not found"}"#, "in doubt: user not found"),
        // Other names.
        (r#"{"errorText": "gone"}"#, "the response reports a failure"),
        (r#"{"errorDetail": "gone", "message": "sorry"}"#, "sorry"),
        (r#"{"error_summary": "gone"}"#, "the response reports a failure"),
        (r#"{"errorReason": "gone"}"#, "the response reports a failure"),
        (r#"{"rejected": true, "reason": "not a member"}"#, "not a member"),
        (r#"{"deleted": "false"}"#, "in doubt: the response reports that nothing was done"),
        (
            r#"{"message": "Community not found", "documentation_url": "https://x.example"}"#,
            "in doubt: Community not found",
        ),
        (
            r#"{"message": "Community not found", "correlationId": "c1", "version": 2}"#,
            "in doubt: Community not found",
        ),
        (r#"{"status": "KO", "message": "gone"}"#, "gone"),
        // A 0 that is a failure to some.
        (r#"{"status": 0, "message": "Community not found"}"#, "in doubt: Community not found"),
        (r#"{"status": "0", "message": "Community not found"}"#, "in doubt: Community not found"),
        (
            r#"{"status": 0, "msg": "error: no such member", "data": null}"#,
            "in doubt: error: no such member",
        ),
        (r#"{"result": 0, "message": "Invite failed"}"#, "in doubt: Invite failed"),
        (r#"{"ret": 0, "msg": "not allowed"}"#, "in doubt: not allowed"),
        (r#"{"code": 0, "message": "not allowed"}"#, "in doubt: not allowed"),
        // A status in words.
        (
            r#"{"status": "not_authorized", "message": "You are not allowed to invite"}"#,
            "You are not allowed to invite",
        ),
        (r#"{"status": "invalid_request", "message": "userId is required"}"#, "userId is required"),
        (r#"{"status": "REQUEST_DENIED", "message": "API key is invalid"}"#, "API key is invalid"),
        (r#"{"status": "NOT_INVITED", "message": "email is invalid"}"#, "email is invalid"),
        (r#"{"status": "OVER_LIMIT", "message": "Quota exceeded"}"#, "in doubt: Quota exceeded"),
        (r#"{"status": "locked", "message": "it is locked"}"#, "in doubt: it is locked"),
        (r#"{"status": "not_authorized", "message": "u1"}"#, "in doubt: u1"),
    ];

    fn denied(report: Option<Report>) -> Option<String> {
        match report? {
            Report::Denial(words) => Some(words),
            Report::Doubt(words) => Some(format!("in doubt: {words}")),
        }
    }

    fn utf_16(text: &str) -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_report_of_failure_is_found_in_every_way_of_writing_one() {
        for (body, words) in DENIALS {
            assert_eq!(denied(of(body.as_bytes())).as_deref(), Some(words), "{body}");
            assert_eq!(denied(of(&utf_16(body))).as_deref(), Some(words), "{body} in UTF-16");
        }
    }

    #[test]
    fn a_report_is_found_beside_what_is_nested_too_deeply_to_be_decoded() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for (fields, words) in [
            (r#""error": "gone""#, Some("gone")),
            (r#""ok": false, "message": "gone""#, Some("gone")),
            (r#""ok": true"#, None),
        ] {
            let body = format!(r#"{{{fields}, "x": {deep}}}"#);
            assert_eq!(denied(of(body.as_bytes())).as_deref(), words, "{fields}");
        }
    }

    #[test]
    fn other_bodies_deny_nothing() {
        for body in [
            r#"{"message": "removed"}"#,
            r#"{"message": "Mitglied"}"#,
            r#"{"message": "Invite sent to no-reply@bad.example"}"#,
            r#"{"message": "not a member before", "userId": "u1"}"#,
            r#"{"detail": "Removed 'Max Error' from \"Not Fast\""}"#,
            r#"{"success": true, "message": "No invite was open, a new one was sent"}"#,
            r#"{"status": "ok", "message": "not yet accepted"}"#,
            r#"{"code": 200, "message": "no problem here, nothing to do"}"#,
            r#"{"code": "INVITE_SENT", "message": "Mitglied"}"#,
            r#"{"userId": "u1", "removed": false}"#,
            r#"{"sent": true, "accepted": false}"#,
            r#"{"status": "locked"}"#,
            r#"{"title": "No Limits Run"}"#,
            r#"{"data": {"invite": {"status": "failed", "id": "i1"}}}"#,
            r#"{"success": true, "error": "N/A"}"#,
            r#"{"errors": "no errors"}"#,
            r#"{"name": "Ng", "message": "Invitation sent"}"#,
            r#"{"name": "Ko", "email": "ko@x.kr", "message": "Invited"}"#,
            r#"{"firstName": "Kim", "name": "Ng", "title": "Coach"}"#,
            r#"{"userId": "u1", "city": "Lagos", "state": "NG"}"#,
            r#"{"type": "error", "message": "Invitation sent"}"#,
            r#"{"errorCode": 0, "errorMessage": "Member removed"}"#,
            r#"{"errcode": 0, "errmsg": "request ok"}"#,
            r#"{"errno": 0, "errmsg": "\u6210\u529f"}"#,
            r#"{"errors": [{"code": 200}]}"#,
            r#"{"error": "no error occurred"}"#,
            r#"{"errors": "none found"}"#,
            r#"{"failed": "0 of 3"}"#,
            r#"{"userId": "u1", "rejected": true}"#,
            r#"{"invited": true, "error": ""}"#,
            r#"{"detail": "T. Smith was removed"}"#,
            r#"{"detail": "Mr T was invited"}"#,
            r#"{"detail": "Access for T. Lee revoked"}"#,
            r#"{"detail": "Invite for T-shirt team sent"}"#,
            r#"{"detail": "Completed with 0 errors"}"#,
            r#"{"message": "No Limits Run Club: invitation sent"}"#,
            r#"{"message": "T. Smith was removed"}"#,
            r#"{"message": "Einladung an T. M\u00fcller verschickt"}"#,
            r#"{"message": "L'invitation t'a \u00e9t\u00e9 envoy\u00e9e"}"#,
            r#"{"message": "No account found. Invitation sent."}"#,
            r#"{"message": "User already exists, added to community"}"#,
            r#"{"message": "Invite on its way, no action needed"}"#,
            r#"{"message": "Completed with 0 errors"}"#,
            r#"{"message": "Max wurde aus Lauftreff Bad Homburg entfernt"}"#,
            r#"{"message": "Expired invitation resent"}"#,
            r#"{"message": "Alert deleted and cannot be restored"}"#,
            r#"{"status": "pending", "message": "not yet accepted"}"#,
            r#"{"status": "INVITE_SENT", "message": "not yet accepted"}"#,
            r#"{"status": 0, "message": "Invitation sent"}"#,
            r#"{"code": 0, "message": "Mitglied entfernt"}"#,
            r#"{"detail": "Member removed"}"#,
            r#"{"detail": "Successfully invited"}"#,
            r#"{"detail": "Completed without errors"}"#,
            r#"{"detail": "Member removed. No further action needed."}"#,
            r#"{"detail": "Member removed, with no errors"}"#,
            r#"{"detail": "Alert archived"}"#,
            r#"{"detail": "Invite resent"}"#,
            r#"{"detail": "Invitation emailed"}"#,
            r#"{"detail": true}"#,
            r#"{"detail": {"removed": true}}"#,
            r#"{"detail": {"userId": "u1"}}"#,
            r#"{"detail": ["u1"]}"#,
            r#"{"inviteId": "i1", "code": 482, "message": "Invite sent"}"#,
            r#"{"success": true, "errorCode": "00000"}"#,
            r#"{"ok": true, "errmsg": "Operation successful"}"#,
            r#"{"errcode": 200, "errmsg": "ok"}"#,
            r#"{"success": true, "error": {"code": 200, "message": "OK"}}"#,
            r#"{"id": "a1", "name": "TypeError", "keyword": "TypeError", "description": "x"}"#,
            r#"{"ok": true, "data": {"status": "failed", "message": "gone"}}"#,
            r#"{"detail": "max.muster@runners.example was invited"}"#,
            r#"{"detail": "Not Found", "members": []}"#,
            r#"{"userId": "u1", "status": "rejected"}"#,
            r#"{"inviteId": "i1", "status": "DENIED"}"#,
            r#"{"result": 412}"#,
            r#"{"result": "450 members notified"}"#,
            r#"{"error": "-", "failed": " "}"#,
            r#"{"detail": null}"#,
            r#"{"detail": "queued", "id": "i1"}"#,
            r#"{"code": 0, "message": "ok"}"#,
            r#"{"code": 1, "message": "done"}"#,
            r#"{"code": 200, "msg": "success"}"#,
            r#"{"inviteId": "i1", "code": 417}"#,
            r#"{"errcode": 0, "errmsg": "ok"}"#,
            r#"{"errors": {"email": []}, "error": {"code": 0, "message": ""}}"#,
            r#"{"errors": [null], "failed": 0, "failures": []}"#,
            r#"{"status": "pending", "result": "ok", "type": "invite"}"#,
            r#"{"status": 201, "statusCode": "200", "result": true}"#,
            r#"{"name": "Max Error", "userId": "u1"}"#,
            r#"{"data": {"status": "failed"}, "ok": true}"#,
            r#"{"data": [{"error": "x"}]}"#,
            r#"{"data": "the error is {gone}"}"#,
            r#"[{"error": "x"}, {"ok": true}]"#,
            r#"[["error"]]"#,
            "[]",
            "\"error\"",
            "error: gone",
            "error",
            "{name} was removed",
            "{",
            "removed\n",
            "0",
        ] {
            assert_eq!(of(body.as_bytes()), None, "{body}");
            assert_eq!(of(&utf_16(body)), None, "{body} in UTF-16");
        }
    }

    #[test]
    fn a_decoded_string_is_a_denial_only_if_it_holds_nothing_else() {
        for (body, words) in [
            (r#"{"addedUserIds": [], "removedUserIds": [], "error": "gone"}"#, Some("gone")),
            (r#"{"items": [], "error": "gone"}"#, Some("gone")),
            (r#"{"events": null, "total": 0, "x": "", "errors": ["gone"]}"#, Some("gone")),
            (r#"{"data": null, "errors": [{"message": "gone"}]}"#, Some("gone")),
            (r#"{"code": 404, "message": "gone"}"#, Some("gone")),
            (r#"{"status": "error", "message": "gone"}"#, Some("gone")),
            (r#"{"detail": "gone"}"#, Some("gone")),
            (r#"{"detail": "gone", "items": null, "error": ""}"#, Some("gone")),
            (r#"{"error": "Не найдено", "items": []}"#, Some("Не найдено")),
            (r#"{"events": [], "detail": "No events found"}"#, None),
            (r#"{"total": 0, "detail": "No events found"}"#, None),
            (r#"{"addedUserIds": ["u1"], "error": "u2 is gone"}"#, None),
            (r#"{"items": [{}], "error": "gone"}"#, None),
            (r#"{"total": 7, "error": "gone"}"#, None),
            (r#"{"id": "a1", "failed": true, "code": 404}"#, None),
            (r#"{"x": {"y": 1}, "error": "gone"}"#, None),
            (r#"{"x": 1.5, "error": "gone"}"#, None),
            (r#"{"x": -1, "error": "gone"}"#, None),
            (r#"{"x": true, "error": "gone"}"#, None),
            ("[]", None),
            ("{}", None),
        ] {
            assert_eq!(denied(of_decoded(body.as_bytes())).as_deref(), words, "{body}");
        }
    }

    #[test]
    fn an_item_that_was_cut_off_is_no_denial_for_its_field_called_error() {
        let cut = br#"{"id": "a1", "error": "the last check"#;
        assert_eq!(of_undecodable(cut), None);
        assert_eq!(denied(of_undecodable(b"{'error': 'gone',}")).as_deref(), Some("gone"));
        assert_eq!(
            denied(of_undecodable(br#"{"id": 1, "error": "gone"}"#)).as_deref(),
            Some("gone")
        );
    }

    #[test]
    fn what_only_seems_to_be_a_report_is_data_if_it_could_be_decoded() {
        for body in [
            r#"{"message": "Forbidden"}"#,
            r#"{"code": 5, "message": "not found"}"#,
            r#"{"valid": false}"#,
            r#"{"data": {"invite": {"error": "gone"}}}"#,
        ] {
            assert_eq!(of_decoded(body.as_bytes()), None, "{body}");
            assert!(of_undecodable(body.as_bytes()).is_some(), "{body}");
        }
    }
}
