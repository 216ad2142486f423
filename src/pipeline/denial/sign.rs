//! Signs of failure and success in the fields of an object.

use serde_json::{Map, Value};

use super::super::message;
use super::super::tone::{self, DONE, Tone};
use super::vocabulary::{
    ALLOWED, ALSO, FAILURES, GOOD, GOOD_OUTCOMES, KIND, OUTCOME, REFUSED, SHORT_FAILURES, code,
    is_any, is_bad, is_code, is_code_of_success, is_empty, is_error_status, is_failure, is_false,
    is_reported, is_state_of_failure, is_true, reports_nothing,
};
use crate::json;

/// A larger number is a time.
const MOST_DONE: f64 = 1e6;

/// A sign of how the call ended, in a field of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It failed: `"ok": false`, `"errors": ["gone"]`.
    Failure,
    /// It failed: `"status": "failed"`, `"statusCode": 404`.
    Outcome,
    /// It failed, or a record is in this state: `"status": "rejected"`.
    State,
    /// It failed, if there are words about that: `"type": "error"`, `"code": 404`.
    Kind,
    /// Some of it failed, unless this is the record of something: `"failedUserIds": ["u1"]`, `"inviteError": "gone"`.
    Part,
    /// It may have failed: `"code": 7`, `"status": "invalid_request"`.
    Hint,
    /// It did not do this: `"removed": false`, `"invited": 0`, `"missingFields": ["birthDate"]`.
    Undone,
    /// It failed or succeeded, or both: `"success": -1`, `"status": "completed_with_errors"`, `"partial": true`.
    Unclear,
    /// It succeeded: `"ok": true`, `"status": "done"`, `"invited": true`, `"sent": 3`.
    Success,
    /// Nothing for certain: `"code": 0` is a failure to some services, and `"status": 200` repeats the status of the response.
    Open,
    /// The object is about something else than the request: `"userId": "u1"`.
    Record,
}

/// The signs in the fields of an object.
pub(super) struct Signs(Vec<Sign>);

impl Signs {
    pub(super) fn of(object: &Map<String, Value>) -> Signs {
        let is_good = |(name, value): (&String, &Value)| {
            is_bad(name) && is_code(name) && is_code_of_success(value)
        };
        let has_good_code = object.iter().any(is_good);
        let fields = object
            .iter()
            .filter(|(name, value)| !(has_good_code && is_bad(name) && value.is_string()));
        Signs(fields.filter_map(|(name, value)| sign(name, value)).collect())
    }

    pub(super) fn has(&self, sign: Sign) -> bool {
        self.0.contains(&sign)
    }
}

pub(super) fn sign(name: &str, value: &Value) -> Option<Sign> {
    match () {
        () if is_any(name, GOOD) => of_flag(value),
        () if is_bad(name) || is_any(name, "detail") && lists_problems(value) => {
            of_error(name, value)
        }
        () if is_any(name, OUTCOME) => of_outcome(name, value),
        () if is_any(name, KIND) => of_kind(name, value),
        () if is_any(name, DONE) && is_done(value) => Some(Sign::Success),
        () if is_done(value) && is_partial(name) => Some(Sign::Unclear),
        () if is_part(name, value) => Some(Sign::Part),
        () if is_undone(name, value) => Some(Sign::Undone),
        // `invitedUserIds` are ids of others.
        () if value.is_array() || is_empty(value) || !json::names_id(name) => None,
        () => (!is_reported(name) && !is_any(name, ALSO)).then_some(Sign::Record),
    }
}

/// `failedUserIds`, `not_found`, `writeErrors`, `totalFailed`. `lastError` is of the past.
fn is_part(name: &str, value: &Value) -> bool {
    let words = tone::words(name);
    let has = |names: &str| words.iter().any(|word| is_any(word, names));
    let begins = |names: &str| words.first().is_some_and(|first| is_any(first, names));
    let ends = |names: &str| words.last().is_some_and(|last| is_any(last, names));
    let is_failed = || begins(FAILED) || ends(FAILED);
    let is_of_problems = || ends(PROBLEMS) && !begins(PAST);
    match value {
        Value::Number(_) => is_done(value) && (is_failed() || has(COUNTS) && has(FAILURES)),
        Value::Array(list) if list.iter().any(|item| item.is_object() || !is_empty(item)) => {
            is_failed() || is_of_problems() || begins(GAPS) && json::names_id(name)
        }
        Value::String(text) => !reports_nothing(text) && is_of_problems(),
        _ => !is_empty(value) && is_of_problems(),
    }
}

const FAILED: &str = "failed rejected denied refused unsuccessful not";
const PROBLEMS: &str = "error errors exception exceptions violations issues problems";
const PAST: &str = "last latest previous recent on";
const GAPS: &str = "invalid unknown missing";
const COUNTS: &str = "count total num number rows";

/// `"removed": false`, `"allowed": false`, `"skipped": true`, `missingFields`, `"invitedCount": 0`
fn is_undone(name: &str, value: &Value) -> bool {
    let words = tone::words(name);
    let is_count = || words.iter().any(|word| is_any(word, COUNTS));
    match value {
        Value::Null => false,
        // Of an operation that goes on.
        _ if is_any(name, "done") => false,
        _ if is_any(name, DONE) => is_empty(value),
        _ if is_any(name, REFUSED) => is_done(value),
        Value::Number(_) => {
            is_false(value) && is_count() && tone::tone(&words.join(" ")) == Tone::Good
        }
        Value::Array(_) => !is_empty(value) && words.first().is_some_and(|it| is_any(it, GAPS)),
        _ => is_any(name, ALLOWED) && is_false(value),
    }
}

fn of_flag(value: &Value) -> Option<Sign> {
    let word = value.as_str().unwrap_or_default();
    let is_good = is_any(word, GOOD_OUTCOMES) || tone::tone(word) == Tone::Good;
    match value {
        _ if is_done(value) || is_good => Some(Sign::Success),
        _ if is_false(value) || is_failure(word) || is_state_of_failure(word) => {
            Some(Sign::Failure)
        }
        Value::Null => None,
        _ if is_empty(value) => Some(Sign::Undone),
        _ => (value.is_string() || value.as_f64().is_some_and(|it| it < 0.0))
            .then_some(Sign::Unclear),
    }
}

/// A code of success beside words that are no clear failure may be a code that was not set: `{"code": 0, "message": "x"}`.
fn of_error(name: &str, value: &Value) -> Option<Sign> {
    let has_good_code = |error: &Map<String, Value>| {
        error.iter().any(|(name, it)| is_code(name) && is_code_of_success(it))
    };
    match value {
        _ if is_empty(value) || is_code(name) && is_code_of_success(value) => None,
        Value::String(text) => (!reports_nothing(text)).then_some(Sign::Failure),
        Value::Array(errors) => {
            let signs: Vec<Sign> = errors.iter().filter_map(|error| of_error("", error)).collect();
            signs.iter().find(|sign| **sign == Sign::Failure).or(signs.first()).copied()
        }
        Value::Object(error) if has_good_code(error) => {
            let words = message::words_in(error).filter(|words| !reports_nothing(words))?;
            match tone::tone(&words) {
                Tone::Good => None,
                Tone::Bad => Some(Sign::Failure),
                _ => Some(Sign::Unclear),
            }
        }
        _ => Some(Sign::Failure),
    }
}

/// `{"detail": [{"loc": ["body", "name"], "msg": "Field required"}]}`, as FastAPI lists what is wrong with a request.
fn lists_problems(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().any(|it| it.get("msg").is_some()))
}

fn of_outcome(name: &str, value: &Value) -> Option<Sign> {
    let word = value.as_str().unwrap_or_default();
    let holds_status = is_code(name);
    // The `state` of a person may be `NG`.
    let is_short_failure = is_any(word, SHORT_FAILURES) && !is_any(name, "state");
    match code(value) {
        _ if is_failure(word) && is_any(name, "state") => Some(Sign::State),
        _ if *value == false || is_failure(word) => Some(Sign::Outcome),
        _ if holds_status && is_error_status(value) => Some(Sign::Outcome),
        _ if is_state_of_failure(word) || is_short_failure => Some(Sign::State),
        _ if is_mixed(word) => Some(Sign::Unclear),
        _ if *value == true || is_any(word, GOOD_OUTCOMES) => Some(Sign::Success),
        _ if is_code_of_success(value) => Some(Sign::Open),
        _ if tone::tone(word) == Tone::Good => Some(Sign::Success),
        // `"05"`, a code whose success is `"00"`.
        Some(code) if holds_status && word.starts_with('0') && code > 0 => Some(Sign::Unclear),
        Some(_) => Some(Sign::Hint),
        // `{"status": "locked"}` may be what was asked for.
        None => {
            (tone::words(word).len() > 1 && tone::tone(word) == Tone::Bad).then_some(Sign::Hint)
        }
    }
}

/// `"partial_success"`, `"isPartial"`
fn is_partial(name: &str) -> bool {
    name.to_ascii_lowercase().contains("partial")
}

/// `"partial_failure"`, `"completed_with_errors"`, `"invited_but_email_failed"`
pub(super) fn is_mixed(word: &str) -> bool {
    let has_both = || tone::words(word).iter().any(|word| word == "with" || word == "but");
    is_partial(word) || tone::is_code(word) && tone::names_success(word) && has_both()
}

fn of_kind(name: &str, value: &Value) -> Option<Sign> {
    let word = value.as_str().unwrap_or_default();
    let is_failure = is_failure(word) || is_state_of_failure(word);
    match code(value) {
        // RFC 9457
        _ if is_any(name, "type") && word.contains("://") => Some(Sign::Hint),
        _ if !is_any(name, "code") => is_failure.then_some(Sign::Kind),
        _ if is_failure || is_error_status(value) => Some(Sign::Kind),
        _ if is_code_of_success(value) => Some(Sign::Open),
        Some(_) => Some(Sign::Hint),
        None => (tone::tone(word) == Tone::Bad || tone::is_uncertain(word)).then_some(Sign::Hint),
    }
}

/// Whether something was done, or how much.
pub(super) fn is_done(value: &Value) -> bool {
    match value {
        Value::Bool(_) | Value::String(_) => is_true(value),
        Value::Number(number) => number.as_f64().is_some_and(|it| it > 0.0 && it < MOST_DONE),
        _ => !is_empty(value),
    }
}
