//! Reports of failure in the body of a success.
//!
//! A body denies the success if it reports a failure in one of the ways in which services write that:
//!
//! * `ok`, `success` and the like are false;
//! * `error`, `errors`, `failed` and the like hold something: not null, false, 0, empty or `"ok"`;
//! * `status`, `result` and the like are `error`, `failed` and the like, or false; `status` and what ends in `code` also a status
//!   from 400 to 599; `code` only beside a message;
//! * nothing but a `detail`, which is FastAPI's error, unless that speaks of success, as "member removed";
//! * one of these in `data`, `result` and the like, in each item of a list, in JSON within a string, or in what is nearly JSON.
//!
//! A record may have a state of its own: `{"userId": "u1", "status": "rejected"}` denies nothing.
//!
//! For a value that was decoded, one such field among others is data: it is a denial only if nothing else holds anything.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::message;
use crate::json::scan::Scanner;
use crate::json::{self, lenient};

/// All names and values of reports are shorter.
const LONGEST: usize = 32;

/// How deep JSON may be within strings and lists.
const DEEPEST: u32 = 3;

/// Fields that are false of a failure.
const GOOD: [&str; 4] = ["ok", "success", "succeeded", "successful"];

/// Fields that hold something of a failure.
const BAD: [&str; 22] = [
    "error",
    "errors",
    "err",
    "haserror",
    "haserrors",
    "errormessage",
    "errormsg",
    "errmsg",
    "errordescription",
    "errordetails",
    "errorcode",
    "errcode",
    "errno",
    "errortype",
    "exception",
    "exceptionmessage",
    "exceptiontype",
    "fault",
    "faultstring",
    "failure",
    "failed",
    "fail",
];

/// Fields that state how a call ended.
const OUTCOME: [&str; 9] = [
    "status",
    "statuscode",
    "httpstatus",
    "httpstatuscode",
    "httpcode",
    "result",
    "resultcode",
    "outcome",
    "ack",
];

/// Fields that name a kind of error, if they do.
const KIND: [&str; 4] = ["type", "name", "class", "code"];

/// Values of [`OUTCOME`] and [`KIND`] for a failure of the call.
const FAILURES: [&str; 11] = [
    "error",
    "err",
    "fail",
    "failed",
    "failure",
    "unsuccessful",
    "exception",
    "fault",
    "ko",
    "nok",
    "notok",
];

/// Values of [`OUTCOME`] and [`KIND`] for a failure of the call, or for the state of a record.
const STATES: [&str; 13] = [
    "denied",
    "accessdenied",
    "permissiondenied",
    "rejected",
    "refused",
    "forbidden",
    "unauthorized",
    "unauthenticated",
    "notfound",
    "badrequest",
    "invalid",
    "servererror",
    "internalservererror",
];

/// Words of a `detail` that speaks of success, unless one of [`NEGATIONS`] is there, too.
const SUCCESSES: [&str; 35] = [
    "ok",
    "done",
    "success",
    "successful",
    "successfully",
    "succeeded",
    "complete",
    "completed",
    "finished",
    "removed",
    "deleted",
    "created",
    "updated",
    "changed",
    "saved",
    "added",
    "assigned",
    "unassigned",
    "invited",
    "joined",
    "sent",
    "resent",
    "accepted",
    "approved",
    "queued",
    "scheduled",
    "received",
    "processed",
    "archived",
    "unarchived",
    "restored",
    "enabled",
    "paused",
    "resumed",
    "registered",
];

const NEGATIONS: [&str; 29] = [
    "not",
    "no",
    "t",
    "cannot",
    "never",
    "nothing",
    "nobody",
    "none",
    "unable",
    "fail",
    "fails",
    "failed",
    "failure",
    "error",
    "errors",
    "invalid",
    "denied",
    "forbidden",
    "rejected",
    "missing",
    "required",
    "must",
    "should",
    "can",
    "only",
    "before",
    "until",
    "but",
    "however",
];

/// Words after `without` and `no` that make a success of it.
const TROUBLE: [&str; 8] =
    ["error", "errors", "failure", "failures", "problem", "problems", "warnings", "issues"];

/// Fields that reports of failure consist of besides.
const BESIDES: [&str; 14] = [
    "message",
    "msg",
    "detail",
    "details",
    "reason",
    "title",
    "description",
    "instance",
    "requestid",
    "traceid",
    "timestamp",
    "path",
    "docs",
    "docsurl",
];

/// Fields that hold the message of a report.
const WORDS: [&str; 7] = ["message", "msg", "detail", "details", "reason", "title", "description"];

/// Fields that hold the response of a service behind the service.
const WRAPPERS: [&str; 6] = ["data", "result", "response", "payload", "body", "d"];

/// Returns the report of failure in a body that holds no value, in the service's words.
pub(super) fn of(body: &[u8]) -> Option<String> {
    of_json(&read(body, true)?, DEEPEST)
}

/// Returns the report of failure in a body that was expected to hold a value and does not.
pub(super) fn of_undecodable(body: &[u8]) -> Option<String> {
    match read(body, false) {
        Some(json) => of_json(&json, DEEPEST),
        // A body that was cut off may be data: only one that consists of nothing but a report is a denial.
        None => of_bare(lenient::value(&json::text(body))?.as_object()?),
    }
}

/// Returns the report of failure in a body that was decoded, if it consists of nothing else.
///
/// Ends at the first other field that holds something, so that a page of data costs nothing.
pub(super) fn of_decoded(body: &[u8]) -> Option<String> {
    if holds_data(body) {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    match reader.deserialize_map(Report) {
        Ok(report) => of_bare(&report),
        Err(error) if error.is_data() => None,
        // A byte order mark, or JSON that Rust cannot hold.
        Err(_) => of_bare(&json::from_slice(body).ok()?),
    }
}

/// The beginning of a body that is searched for data without decoding it, in bytes.
const GLANCE: usize = 1024;

/// Whether a field that reports of failure do not have holds something, as is seen without decoding.
fn holds_data(body: &[u8]) -> bool {
    let start = &body[..body.len().min(GLANCE)];
    let valid = str::from_utf8(start).map_or_else(|error| error.valid_up_to(), str::len);
    let text = str::from_utf8(&start[..valid]).unwrap_or_default();
    let mut is_found = false;
    // Ends at the first such field.
    let _ = Scanner::new(text, 0).object(|scanner, name| {
        scanner.peek()?;
        let value = &text[scanner.position()..];
        is_found = holds_something(value) && !name.contains('\\') && !is_reported(name);
        scanner.value().filter(|_| !is_found).map(drop)
    });
    is_found
}

/// Whether a text begins with a value that is certainly not null, false, 0 or empty.
fn holds_something(json: &str) -> bool {
    match json.as_bytes() {
        [b'"', first, ..] => first.is_ascii_alphanumeric(),
        [b'{' | b'[', ..] => !json[1..].trim_start().starts_with(['}', ']']),
        _ => json.starts_with("true"),
    }
}

fn read(body: &[u8], is_lenient: bool) -> Option<Value> {
    let text = json::text(body);
    let json = json::from_slice(text.as_bytes()).ok();
    json.or_else(|| lenient::value(&text).filter(|_| is_lenient))
}

fn of_json(json: &Value, depth: u32) -> Option<String> {
    match json {
        Value::Object(object) => of_object(object, depth),
        Value::Array(items) if depth > 0 => {
            let denials: Option<Vec<String>> =
                items.iter().map(|item| of_json(item, depth - 1)).collect();
            denials.filter(|denials| !denials.is_empty()).map(|denials| denials.join("; "))
        }
        Value::String(text) if depth > 0 && text.contains('{') => {
            of_json(&read(text.as_bytes(), true)?, depth - 1)
        }
        _ => None,
    }
}

fn of_object(object: &Map<String, Value>, depth: u32) -> Option<String> {
    if denies(object) || fails(object) {
        return Some(words_of(object));
    }
    // `{"result": {"success": false}}`
    let wrapped = object.iter().filter(|(name, _)| is_any(name, &WRAPPERS));
    wrapped.filter(|_| depth > 0).find_map(|(_, inner)| match inner {
        Value::Object(inner) => denies(inner).then(|| words_of(inner)),
        // A list in a wrapper is data.
        Value::String(_) => of_json(inner, depth - 1),
        _ => None,
    })
}

/// The report of failure that an object consists of.
fn of_bare(object: &Map<String, Value>) -> Option<String> {
    let is_bare = object.iter().all(|(name, value)| is_reported(name) || is_empty(value));
    // `{"status": "failed", "message": "disk full"}` may be the state of something.
    let is_certain = |(name, value): (&String, &Value)| {
        !is_any(name, &OUTCOME) || !value.as_str().is_some_and(|text| is_any(text, &["failed"]))
    };
    let fails = || fails(object) && object.iter().all(is_certain);
    (is_bare && (denies(object) || fails())).then(|| words_of(object))
}

/// Whether reports of failure have a field of this name.
fn is_reported(name: &str) -> bool {
    static REPORTED: LazyLock<Vec<&[u8]>> = LazyLock::new(|| {
        let lists = [&GOOD[..], &BAD, &OUTCOME, &KIND, &BESIDES];
        let mut names: Vec<&[u8]> =
            lists.iter().copied().flatten().map(|name| name.as_bytes()).collect();
        names.sort_unstable();
        names
    });
    is_one(name, |plain| REPORTED.binary_search(&plain).is_ok())
}

fn words_of(report: &Map<String, Value>) -> String {
    message::words_in(report).unwrap_or_else(|| "the response reports a failure".to_owned())
}

/// Whether a field reports by itself that the call failed.
fn denies(object: &Map<String, Value>) -> bool {
    object.iter().any(|(name, value)| {
        is_any(name, &GOOD) && is_false(value) || is_any(name, &BAD) && !is_empty(value)
    })
}

/// Whether the object states an outcome that is a failure.
fn fails(object: &Map<String, Value>) -> bool {
    let has_words = object.iter().any(|(name, value)| is_any(name, &WORDS) && !is_empty(value));
    let is_record = !has_words && object.iter().any(|(name, value)| is_own_id(name, value));
    let fails = |(name, value): (&String, &Value)| {
        is_any(name, &OUTCOME) && is_outcome_of_failure(name, value, is_record)
            || has_words && is_any(name, &KIND) && (is_failure(value) || is_status(value))
    };
    object.iter().any(fails) || is_detail_alone(object)
}

/// Whether a field holds the id of something else than the request.
fn is_own_id(name: &str, value: &Value) -> bool {
    json::names_id(name) && !is_empty(value) && !is_any(name, &BESIDES)
}

fn is_outcome_of_failure(name: &str, value: &Value, is_record: bool) -> bool {
    // `{"result": 412}` may be a count.
    let ends_with = |end: &str| name.to_ascii_lowercase().ends_with(end);
    *value == Value::Bool(false)
        || (ends_with("status") || ends_with("code")) && is_status(value)
        || is_failure(value) && !(is_record && is_state(value))
}

/// `{"detail": "Not Found"}`, as FastAPI reports each failure, with the other fields of RFC 9457 at most.
fn is_detail_alone(object: &Map<String, Value>) -> bool {
    let detail = object.iter().find(|(name, _)| is_any(name, &["detail"]));
    let is_denied = |value: &Value| !value.as_str().map_or_else(|| is_empty(value), is_good_news);
    let is_besides = |(name, value): (&String, &Value)| {
        is_any(name, &["detail", "title", "type", "instance"])
            || value.is_null()
            || is_reported(name) && is_empty(value)
    };
    detail.is_some_and(|(_, value)| is_denied(value)) && object.iter().all(is_besides)
}

/// Whether the first clause speaks of success, and not of a failure as well.
fn is_good_news(text: &str) -> bool {
    let has = |piece: &str, known: &[&str]| words_in_order(piece).any(|word| is_any(word, known));
    let clause = text.split(['!', ';', ',', '\n']).next().unwrap_or_default();
    // A dot may be within an address.
    let clause = clause.split(". ").next().unwrap_or_default();
    let is_success = has(clause, &SUCCESSES) && !has(&without_trouble(clause), &NEGATIONS);
    text.trim().is_empty() || is_success && !has(text, &["but", "however"])
}

/// The words of `completed without errors` but the last two.
fn without_trouble(clause: &str) -> String {
    let words: Vec<&str> = words_in_order(clause).collect();
    let is_denied =
        |pair: &[&str]| is_any(pair[0], &["without", "no"]) && is_any(pair[1], &TROUBLE);
    match words.windows(2).position(is_denied) {
        Some(at) => [&words[..at], &words[at + 2..]].concat().join(" "),
        None => clause.to_owned(),
    }
}

fn words_in_order(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// `"error"`, `"NOT_FOUND"`, `"ValidationError"`.
fn is_failure(value: &Value) -> bool {
    let word = value.as_str().unwrap_or_default().trim_end_matches(['.', '!']);
    is_any(word, &FAILURES)
        || is_any(word, &STATES)
        || word.ends_with("Error")
        || word.ends_with("Exception")
        || word.ends_with("_ERROR")
}

fn is_state(value: &Value) -> bool {
    value.as_str().is_some_and(|word| is_any(word, &STATES))
}

/// 404, `"404"`, `"404 Not Found"`.
fn is_status(value: &Value) -> bool {
    let code = match value {
        Value::Number(number) => number.as_f64().map(|code| code as u64),
        Value::String(text) => text.split_whitespace().next().and_then(|code| code.parse().ok()),
        _ => None,
    };
    code.is_some_and(|code| (400..600).contains(&code))
}

/// Whether a name is one of these, in any case and with separators or without, also after `is`.
fn is_any(name: &str, names: &[&str]) -> bool {
    is_one(name, |plain| names.iter().any(|known| known.as_bytes() == plain))
}

fn is_one(name: &str, is_known: impl Fn(&[u8]) -> bool) -> bool {
    if !name.is_ascii() {
        return false;
    }
    // On the stack, since each success is searched for these names.
    let (mut plain, mut length) = ([0; LONGEST], 0);
    for byte in name.bytes().filter(u8::is_ascii_alphanumeric) {
        let Some(place) = plain.get_mut(length) else { return false };
        *place = byte.to_ascii_lowercase();
        length += 1;
    }
    let plain = &plain[..length];
    is_known(plain) || plain.strip_prefix(b"is").is_some_and(is_known)
}

/// Strings that say that there is no failure; the empty one is what is left of `"-"`.
const NOTHING: [&str; 9] = ["", "false", "no", "none", "null", "0", "ok", "success", "noerror"];

fn is_false(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => is_any(text, &["false", "no", "0"]),
        _ => false,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.iter().all(is_empty),
        Value::Object(object) => object.values().all(is_empty),
        Value::String(text) => text.trim().is_empty() || is_any(text, &NOTHING),
        _ => is_false(value),
    }
}

/// Reads an object whose fields may be a report of failure.
struct Report;

impl<'de> Visitor<'de> for Report {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report of failure")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Map<String, Value>, A::Error> {
        let mut report = Map::new();
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            let value = match is_reported(&name) {
                true => map.next_value()?,
                false => map.next_value::<Nothing>()?.into(),
            };
            report.insert(name.into_owned(), value);
        }
        Ok(report)
    }
}

/// A value that is null, false, 0 or empty; any other is an error as soon as that shows.
enum Nothing {
    Null,
    Empty,
}

impl From<Nothing> for Value {
    fn from(nothing: Nothing) -> Value {
        match nothing {
            Nothing::Null => Value::Null,
            Nothing::Empty => Value::String(String::new()),
        }
    }
}

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Nothing, D::Error> {
        deserializer.deserialize_any(NothingVisitor)
    }
}

fn nothing<E: serde::de::Error>(is_empty: bool) -> Result<Nothing, E> {
    if is_empty { Ok(Nothing::Empty) } else { Err(E::custom("data")) }
}

struct NothingVisitor;

impl<'de> Visitor<'de> for NothingVisitor {
    type Value = Nothing;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Nothing, E> {
        Ok(Nothing::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Nothing, E> {
        nothing(!value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Nothing, E> {
        nothing(value == 0)
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Nothing, E> {
        nothing(false)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Nothing, E> {
        nothing(value == 0.0)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Nothing, E> {
        nothing(value.trim().is_empty())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Nothing, A::Error> {
        match list.next_element::<Nothing>()? {
            Some(_) => Err(A::Error::custom("data")),
            None => Ok(Nothing::Empty),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Nothing, A::Error> {
        match map.next_key::<IgnoredAny>()? {
            Some(_) => Err(A::Error::custom("data")),
            None => Ok(Nothing::Empty),
        }
    }
}

#[cfg(test)]
mod tests {
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
    const DENIALS: [(&str, &str); 62] = [
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
        (r#"{"detail": "Участник не удалён"}"#, "Участник не удалён"),
        (r#"{"detail": "Completed with errors"}"#, "Completed with errors"),
        (r#"{"detail": "Invite sent, but not delivered"}"#, "Invite sent, but not delivered"),
        (r#"{"detail": "Alert must be paused first"}"#, "Alert must be paused first"),
        (r#"{"userId": "u1", "status": "error"}"#, "the response reports a failure"),
    ];

    fn utf_16(text: &str) -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_report_of_failure_is_found_in_every_way_of_writing_one() {
        for (body, words) in DENIALS {
            assert_eq!(of(body.as_bytes()).as_deref(), Some(words), "{body}");
            assert_eq!(of(&utf_16(body)).as_deref(), Some(words), "{body} in UTF-16");
        }
    }

    #[test]
    fn other_bodies_deny_nothing() {
        for body in [
            r#"{"message": "removed"}"#,
            r#"{"detail": "Member removed"}"#,
            r#"{"detail": "Successfully invited"}"#,
            r#"{"detail": "Completed without errors"}"#,
            r#"{"detail": "Member removed. No further action needed."}"#,
            r#"{"detail": "Member removed, with no errors"}"#,
            r#"{"detail": "Alert archived"}"#,
            r#"{"detail": "Invite resent"}"#,
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
            assert_eq!(of_decoded(body.as_bytes()).as_deref(), words, "{body}");
        }
    }

    #[test]
    fn an_item_that_was_cut_off_is_no_denial_for_its_field_called_error() {
        let cut = br#"{"id": "a1", "error": "the last check"#;
        assert_eq!(of_undecodable(cut), None);
        assert_eq!(of_undecodable(b"{'error': 'gone',}").as_deref(), Some("gone"));
        assert_eq!(of_undecodable(br#"{"id": 1, "error": "gone"}"#).as_deref(), Some("gone"));
    }
}
