//! The names and values by which reports of failure are known.

use std::sync::LazyLock;

use http::StatusCode;
use serde_json::Value;

/// All names and values of reports are shorter.
const LONGEST: usize = 32;

/// Fields that are false of a failure.
pub(super) const GOOD: [&str; 6] =
    ["ok", "success", "succeed", "succeeded", "successful", "wassuccessful"];

/// Fields that hold something of a failure.
pub(super) const BAD: [&str; 32] = [
    "error",
    "errors",
    "errormessages",
    "errorlist",
    "fielderrors",
    "validationerrors",
    "failures",
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
    "exceptions",
    "stacktrace",
    "traceback",
    "usererrors",
    "odataerror",
];

/// As [`BAD`], for a body that holds no value.
pub(super) const MORE_BAD: [&str; 13] = [
    "errortext",
    "errordetail",
    "errorreason",
    "errorsummary",
    "errorinfo",
    "errortitle",
    "errorcause",
    "errorname",
    "errorstring",
    "errorkey",
    "errorbody",
    "errorresponse",
    "errmessage",
];

/// Fields of [`BAD`] and [`MORE_BAD`] that say no more than a code of success beside them: `{"errno": 0, "errmsg": "done"}`.
pub(super) const ERROR_WORDS: [&str; 7] = [
    "errormessage",
    "errormsg",
    "errmsg",
    "errmessage",
    "errordescription",
    "errordetails",
    "errortext",
];

/// Fields that state how a call ended.
pub(super) const OUTCOME: [&str; 15] = [
    "status",
    "statuscode",
    "httpstatus",
    "httpstatuscode",
    "httpcode",
    "result",
    "resultcode",
    "outcome",
    "ack",
    "state",
    "returncode",
    "retcode",
    "ret",
    "respcode",
    "responsecode",
];

/// Fields that name a kind of error, if they do.
pub(super) const KIND: [&str; 4] = ["type", "name", "class", "code"];

/// Values of [`OUTCOME`] and [`KIND`] for a failure of the call.
const FAILURES: [&str; 9] =
    ["error", "err", "fail", "failed", "failure", "unsuccessful", "exception", "fault", "notok"];

/// Values of an outcome for a failure; elsewhere they are names of people and countries.
const SHORT_FAILURES: [&str; 3] = ["ko", "nok", "ng"];

/// Values of [`OUTCOME`] and [`KIND`] for a failure of the call, or for the state of a record.
const STATES: [&str; 23] = [
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
    "invalidargument",
    "failedprecondition",
    "alreadyexists",
    "resourceexhausted",
    "deadlineexceeded",
    "outofrange",
    "unimplemented",
    "unavailable",
    "aborted",
    "conflict",
];

/// Fields that reports of failure consist of besides.
pub(super) const BESIDES: [&str; 14] = [
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

/// As [`BESIDES`], for a body that holds no value.
pub(super) const ALSO: [&str; 18] = [
    "documentation",
    "documentationurl",
    "help",
    "helpurl",
    "helplink",
    "moreinfo",
    "url",
    "link",
    "links",
    "support",
    "correlationid",
    "transactionid",
    "version",
    "apiversion",
    "server",
    "host",
    "method",
    "time",
];

/// Fields that hold the message of a report.
pub(super) const WORDS: [&str; 7] =
    ["message", "msg", "detail", "details", "reason", "title", "description"];

/// Fields that hold the response of a service behind the service, or how the call ended.
pub(super) const WRAPPERS: [&str; 9] =
    ["data", "result", "response", "payload", "body", "d", "meta", "status", "responsestatus"];

/// Fields that are true of what was done.
const DONE: [&str; 10] = [
    "done",
    "deleted",
    "removed",
    "kicked",
    "invited",
    "added",
    "created",
    "updated",
    "sent",
    "acknowledged",
];

/// Fields that are true of what may be done.
const ALLOWED: [&str; 4] = ["valid", "allowed", "authorized", "authenticated"];

/// Fields that are true of what was not done.
const REFUSED: [&str; 4] = ["rejected", "denied", "refused", "declined"];

/// Values of [`OUTCOME`] for a success.
pub(super) const GOOD_OUTCOMES: [&str; 5] = ["ok", "success", "succeeded", "successful", "done"];

/// Values of [`OUTCOME`] for a success that goes on.
pub(super) const PENDING: [&str; 7] =
    ["pending", "processing", "waiting", "active", "open", "new", "inprogress"];

/// Whether reports of failure have a field of this name.
pub(super) fn is_reported(name: &str) -> bool {
    // By their lengths, since each success is searched for these names.
    static REPORTED: LazyLock<[Vec<&[u8]>; LONGEST + 1]> = LazyLock::new(|| {
        let mut by_length = [const { Vec::new() }; LONGEST + 1];
        let lists = [&GOOD[..], &BAD, &OUTCOME, &KIND, &BESIDES];
        for name in lists.into_iter().flatten() {
            by_length[name.len()].push(name.as_bytes());
        }
        by_length
    });
    is_one(name, |plain| {
        let same_length = &REPORTED[plain.len()];
        same_length.iter().any(|known| known.first() == plain.first() && *known == plain)
    })
}

pub(super) fn ends_with(name: &str, end: &str) -> bool {
    name.to_ascii_lowercase().ends_with(end)
}

pub(super) fn is_short_failure(value: &Value) -> bool {
    value.as_str().is_some_and(|word| is_any(word, &SHORT_FAILURES))
}

/// `"error"`, `"error: gone"`, `"NOT_FOUND"`, `"ValidationError"`.
pub(super) fn is_failure(value: &Value) -> bool {
    let word = value.as_str().unwrap_or_default().trim_end_matches(['.', '!']);
    let first = word.split(':').next().unwrap_or_default();
    is_any(first, &FAILURES)
        || is_any(word, &STATES)
        || is_reason_phrase(word)
        || word.ends_with("Error")
        || word.ends_with("Exception")
        || word.ends_with("_ERROR")
}

pub(super) fn is_state(value: &Value) -> bool {
    value.as_str().is_some_and(|word| is_any(word, &STATES) || is_reason_phrase(word))
}

/// `"Too Many Requests"`, `"PAYLOAD_TOO_LARGE"`. A single word, as `Locked`, may be the aim of a call.
fn is_reason_phrase(word: &str) -> bool {
    static PHRASES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let statuses = (400..600).filter_map(|code| StatusCode::from_u16(code).ok());
        let phrases = statuses.filter_map(|status| status.canonical_reason());
        let plain = |phrase: &str| phrase.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        phrases
            .filter(|it| it.contains(' '))
            .map(plain)
            .map(|it: String| it.to_ascii_lowercase())
            .collect()
    });
    is_one(word, |plain| PHRASES.iter().any(|phrase| phrase.as_bytes() == plain))
}

/// 404, `"404"`, `"404 Not Found"`.
pub(super) fn is_status(value: &Value) -> bool {
    let code = match value {
        Value::Number(number) => number.as_f64().map(|code| code as u64),
        Value::String(text) => text.split_whitespace().next().and_then(|code| code.parse().ok()),
        _ => None,
    };
    code.is_some_and(|code| (400..600).contains(&code))
}

/// 0, `"00000"`, or a status from 200 to 299.
pub(super) fn is_code_of_success(value: &Value) -> bool {
    let is_good = |code: u64| code == 0 || (200..300).contains(&code);
    match value {
        Value::Number(number) => number.as_u64().is_some_and(is_good),
        Value::String(text) => text.trim().parse().is_ok_and(is_good),
        _ => false,
    }
}

/// 0 or `"0"`, which is a success to some services and a failure to others.
pub(super) fn is_zero(value: &Value) -> bool {
    value.as_u64() == Some(0) || value.as_str().is_some_and(|text| text.trim() == "0")
}

/// Whether a field holds a code that is none of success as far as is known.
pub(super) fn is_odd_code(name: &str, value: &Value) -> bool {
    let is_number = match value {
        Value::Number(_) => true,
        Value::String(text) => text.trim().parse::<i64>().is_ok(),
        _ => false,
    };
    is_number && !is_code_of_success(value) && (is_any(name, &["code"]) || is_any(name, &OUTCOME))
}

/// Whether a field reports that something was not done.
pub(super) fn is_undone(name: &str, value: &Value) -> bool {
    let is_text = |words: &[&str]| value.as_str().is_some_and(|text| is_any(text, words));
    let is_no = *value == Value::Bool(false) || is_text(&["false", "no"]);
    let is_yes = *value == Value::Bool(true) || is_text(&["true", "yes"]);
    is_no && (is_any(name, &DONE) || is_any(name, &ALLOWED)) || is_yes && is_any(name, &REFUSED)
}

/// A larger number is a time.
const MOST_DONE: f64 = 1e6;

/// Whether a field reports that something was done, or what.
pub(super) fn is_done(name: &str, value: &Value) -> bool {
    let is_some = match value {
        Value::Bool(value) => *value && is_any(name, &DONE),
        Value::Number(number) => number.as_f64().is_some_and(|it| it > 0.0 && it < MOST_DONE),
        Value::String(text) => is_any(text, &["true", "yes"]) && is_any(name, &DONE),
        _ => !is_empty(value),
    };
    is_some && (is_any(name, &DONE) || is_any(name, &GOOD) && !is_true(value))
}

/// Whether a value of [`BAD`] reports nothing: it is empty, or its code is one of success.
pub(super) fn is_harmless(name: &str, value: &Value) -> bool {
    let is_good = |(name, value): (&String, &Value)| {
        (ends_with(name, "code") || ends_with(name, "status")) && is_code_of_success(value)
    };
    let is_code = ends_with(name, "code") || ends_with(name, "no");
    match value {
        _ if is_empty(value) || is_code && is_code_of_success(value) => true,
        Value::Object(error) => error.iter().any(is_good),
        Value::Array(errors) => errors.iter().all(|error| is_harmless("", error)),
        Value::String(text) => says_nothing(text),
        _ => false,
    }
}

/// `"no error occurred"`, `"none found"`, `"0 of 3"`
fn says_nothing(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    match (first, words.next().unwrap_or_default()) {
        ("no", second) => ["error", "errors", "failure", "failures"].contains(&second),
        ("none", second) => ["found", "reported", "detected", "occurred"].contains(&second),
        ("0", second) => ["of", "error", "errors", "failed", "failures"].contains(&second),
        _ => false,
    }
}

/// Whether a name is one of these, in any case and with separators or without, also after `is`.
pub(super) fn is_any(name: &str, names: &[&str]) -> bool {
    is_one(name, |plain| names.iter().any(|known| known.as_bytes() == plain))
}

fn is_one(name: &str, is_known: impl Fn(&[u8]) -> bool) -> bool {
    // On the stack, since each success is searched for these names.
    let mut buffer = [0; LONGEST];
    plain(name, &mut buffer)
        .is_some_and(|plain| is_known(plain) || plain.strip_prefix(b"is").is_some_and(is_known))
}

/// The letters and digits of a name, in lower case; `None` if it is none of ours.
fn plain<'a>(name: &'a str, buffer: &'a mut [u8; LONGEST]) -> Option<&'a [u8]> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if name.len() <= LONGEST && name.bytes().all(is_plain) {
        return Some(name.as_bytes());
    }
    let mut length = 0;
    for byte in name.bytes().filter(|byte| !byte.is_ascii() || byte.is_ascii_alphanumeric()) {
        *buffer.get_mut(length).filter(|_| byte.is_ascii())? = byte.to_ascii_lowercase();
        length += 1;
    }
    Some(&buffer[..length])
}

/// Strings that say that there is no failure; the empty one is what is left of `"-"`.
const NOTHING: [&str; 12] =
    ["", "false", "no", "none", "null", "nil", "na", "0", "ok", "success", "noerror", "noerrors"];

pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() == Some(1.0),
        Value::String(text) => is_any(text, &["true", "yes", "1", "ok", "success"]),
        _ => false,
    }
}

pub(super) fn is_false(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => is_any(text, &["false", "no", "0"]),
        _ => false,
    }
}

pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.iter().all(is_empty),
        Value::Object(object) => object.values().all(is_empty),
        Value::String(text) => text.trim().is_empty() || is_any(text, &NOTHING),
        _ => is_false(value),
    }
}
