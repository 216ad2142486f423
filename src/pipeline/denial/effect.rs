//! Evidence that something took effect although something else failed.

use serde_json::{Map, Value};

use super::super::tone::{self, DONE, Tone};
use super::sign::{Sign, Signs, is_done, is_own_id, sign};
use super::vocabulary::{
    ALLOWED, ALSO, BAD, KIND, KNOWN_IDS, OUTCOME, REFUSED, WRAPPERS, code, is_any as has_name,
    is_empty, is_reported,
};

/// Whether anything took effect beside a failure.
pub(super) fn is_shown(object: &Map<String, Value>) -> bool {
    let is_stated = |(name, value): (&String, &Value)| {
        is_participle(name, value)
            || is_count_of_participle(name, value)
            || is_time_of_effect(name, value)
            || has_name(name, BAD) && is_held_by_error(name, value)
    };
    took_effect(object, false) || object.iter().any(is_stated) || has_partial_data(object)
}

/// Whether something took effect beside a failure, in a record or not: `{"error": "sms failed", "emailSent": true}`,
/// `{"errors": ["u2"], "results": [{"ok": true}]}`.
fn took_effect(object: &Map<String, Value>, is_record: bool) -> bool {
    // JSend's `{"status": "fail", "data": {"id": "is unknown"}}`
    let holds_reasons =
        |name: &str| name == "data" && object.get("status").is_some_and(|it| it == "fail");
    let is_of_failure =
        |name: &str| has_name(name, BAD) || has_name(name, REFUSED) || holds_reasons(name);
    let mut fields = object.iter().filter(|(name, _)| !is_of_failure(name));
    fields.any(|(name, value)| {
        let found = sign(name, value);
        let is_effect = found == Some(Sign::Success) || is_effect(name, value);
        // The other flags of a record may be its state.
        let is_done = is_effect && (!is_record || has_name(name, DONE));
        found != Some(Sign::Part)
            && (is_done || is_created(name, value) || holds_effect(name, value))
    })
}

fn holds_effect(name: &str, value: &Value) -> bool {
    let is_one = |inner: &Map<String, Value>| {
        took_effect(inner, Signs::of(inner).has(Sign::Record) && !has_name(name, WRAPPERS))
    };
    match value {
        Value::Object(inner) => is_one(inner) || is_tally(inner),
        Value::Array(items) => {
            let mut items = items.iter().filter_map(Value::as_object);
            items.any(|item| is_listed(item) && !has_name(name, ALSO) || is_one(item))
        }
        _ => false,
    }
}

/// Whether an item of a list is a record that reports no failure: `{"errors": ["u2 gone"], "members": [{"userId": "u1"}]}`
fn is_listed(item: &Map<String, Value>) -> bool {
    let signs = Signs::of(item);
    let fails = [Sign::Failure, Sign::Outcome, Sign::State, Sign::Undone];
    signs.has(Sign::Record) && !fails.into_iter().any(|sign| signs.has(sign))
}

/// `{"error": "sms failed", "joined": true}`
fn is_participle(name: &str, value: &Value) -> bool {
    *value == true
        && name.ends_with("ed")
        && !has_name(name, ALLOWED)
        && !has_name(name, REFUSED)
        && !has_name(name, BAD)
        && tone::tone(&format!("is {}", tone::words(name).join(" "))) != Tone::Bad
}

/// `{"total": 2, "imported": 1, "failed": 1}`, `{"error": "log failed", "affectedRows": 1}`
fn is_count_of_participle(name: &str, value: &Value) -> bool {
    let words = tone::words(name);
    let is_participle = |word: &String| {
        word.ends_with("ed")
            && ![ALLOWED, REFUSED, BAD, NOT_DONE].iter().any(|names| has_name(word, names))
    };
    value.is_number() && is_done(value) && words.iter().any(is_participle)
}

/// Participles whose number is a limit or an aim.
const NOT_DONE: &str = "used expected required needed elapsed limited requested attempted";

/// `{"error": "sms failed", "invitedAt": "2026-11-26"}`
fn is_time_of_effect(name: &str, value: &Value) -> bool {
    let words = tone::words(name);
    let is_time =
        matches!(&words[..], [.., done, at] if (at == "at" || at == "on") && has_name(done, DONE));
    is_time && !is_empty(value)
}

/// `"channels": {"email": true, "sms": false}`
fn is_tally(object: &Map<String, Value>) -> bool {
    let has = |wanted: bool| object.values().any(|value| *value == wanted);
    object.values().all(Value::is_boolean) && has(true) && has(false)
}

/// Whether an error holds a sign of an effect: `{"message": "sms failed", "inviteId": "i1"}`.
///
/// Only ids, flags, times and counts do, as other fields may be called as what is wrong: `{"accepted": ["must be accepted"]}`.
fn is_held_by_error(name: &str, value: &Value) -> bool {
    match value {
        Value::Object(inner) => {
            !is_reported(name) && is_created(name, value)
                || inner.iter().any(|(name, value)| {
                    is_held_by_error(name, value)
                        || is_time_of_effect(name, value)
                        || is_count_of_participle(name, value)
                })
        }
        Value::Array(items) => {
            items.iter().any(|item| !item.is_string() && is_held_by_error(name, item))
        }
        Value::String(text) if text.contains(' ') || tone::tone(text) != Tone::Unclear => false,
        Value::String(_) | Value::Number(_) => is_own_id(name, value) && is_new(name),
        Value::Bool(flag) => *flag && is_effect(name, value),
        Value::Null => false,
    }
}

/// `"inviteId": "i1"`, `"invite": {"id": "i1"}`, `"status": 201`
fn is_created(name: &str, value: &Value) -> bool {
    let record = value.get(0).unwrap_or(value);
    let id = record.get("id").unwrap_or(&Value::Null);
    (!is_reported(name) || has_name(name, WRAPPERS))
        && is_new(name)
        && (is_own_id(name, value) || !is_empty(id) && is_new(&format!("{name}id")))
        || (has_name(name, OUTCOME) || has_name(name, KIND))
            && code(value).is_some_and(|code| (201..300).contains(&code))
}

fn is_new(name: &str) -> bool {
    !has_name(name, KNOWN_IDS) && !has_name(name, ALSO)
}

/// GraphQL's result of what took effect although something failed.
fn has_partial_data(object: &Map<String, Value>) -> bool {
    let holds = |wanted: &str, is_held: fn(&Value) -> bool| {
        object.iter().any(|(name, value)| has_name(name, wanted) && is_held(value))
    };
    holds("errors", Value::is_array)
        && holds("data", |data| (data.is_object() || data.is_array()) && !is_empty(data))
}

/// `"emailSent": true`, `"success_count": 2`, `"invitedUserIds": ["u1"]`, `"sms": "sent"`
fn is_effect(name: &str, value: &Value) -> bool {
    let is_good = |words: &[String]| tone::tone(&words.join(" ")) == Tone::Good;
    let words = value.as_str().filter(|_| !is_reported(name)).map(tone::words);
    words.is_some_and(|words| words.len() == 1 && is_good(&words))
        || !value.is_object() && is_good(&tone::words(name)) && is_done(value)
}
