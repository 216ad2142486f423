//! Whether a report of failure is alone: beside anything else, something may have taken effect.

use std::str::Utf8Error;

use serde_json::{Map, Value};

use super::super::tone::{self, DONE, Tone};
use super::super::validation;
use super::reading::read;
use super::sign::{self, Sign};
use super::vocabulary::{
    ALLOWED, ALSO, ASIDE, ECHOES, GOOD, KIND, KNOWN_IDS, OUTCOME, PAGING, PLACES, REFUSED, UNDONE,
    WORDS, WRAPPERS, code, is_any, is_bad, is_empty, is_error_status, is_false, is_reported,
};
use crate::json;
use crate::json::scan::Scanner;

/// The beginning of a body that is searched for data without decoding it, in bytes.
pub(super) const GLANCE: usize = 1024;

/// Whether each field of an object, but for the one of this name, is of a report of failure, or holds nothing.
pub(super) fn is_alone(object: &Map<String, Value>, but_for: &str) -> bool {
    let is_denied = object.iter().any(|(name, value)| is_any(name, GOOD) && is_false(value));
    let report = Report { is_denied, is_error: false };
    // JSON-RPC repeats the id of the request.
    let but_for = if object.contains_key("jsonrpc") { "id" } else { but_for };
    object.iter().all(|(name, value)| name == but_for || report.has(name, value))
}

#[derive(Clone, Copy)]
struct Report {
    /// `"ok": false` is in it: Slack has the code `token_revoked` beside that.
    is_denied: bool,
    /// It is within an error, and may name a place in the request.
    is_error: bool,
}

impl Report {
    /// Whether a field is of a report, and no sign that anything took effect.
    fn has(self, name: &str, value: &Value) -> bool {
        let is_known = is_listed(name) || self.is_error && is_any(name, PLACES);
        let is_failure = || is_of_failure(name, value);
        match value {
            _ if is_any(name, UNDONE) => value.is_null() || sign::is_done(value),
            _ if is_success(name, value) => false,
            _ if is_empty(value) || is_any(name, ECHOES) => true,
            Value::String(text) if is_any(name, WRAPPERS) && text.contains('{') => {
                let inner = read(text.as_bytes(), true).filter(|inner| inner.is_whole);
                inner.is_some_and(|inner| self.has(name, &inner.json))
            }
            Value::String(text) => self.is_words(text, is_known || is_failure()),
            Value::Array(items) => items.iter().all(|item| self.has(name, item)),
            Value::Object(thing) if is_thing(name) => !has_deeds(thing),
            Value::Object(inner) => {
                let is_error = is_failure() || is_any(name, WORDS) || self.is_error && is_known;
                let inside = Report { is_error, ..self };
                (self.is_error || is_error || is_known || is_any(name, WRAPPERS))
                    && inner.iter().all(|(name, value)| inside.has(name, value))
            }
            _ => is_known || is_failure(),
        }
    }

    /// Whether a text does no more than name what failed; elsewhere than in the fields of a report, a single word may be new.
    fn is_words(self, text: &str, is_known: bool) -> bool {
        let is_said = || matches!(tone::tone(text), Tone::Bad | Tone::Mixed);
        !self.speaks_well(text) && (is_known || validation::is_sentence(text) || is_said())
    }

    /// `{"error": true, "message": "Member removed"}`, `{"error": "Operation completed successfully"}`
    fn speaks_well(self, text: &str) -> bool {
        match tone::is_code(text) {
            _ if sign::is_mixed(text) => true,
            true => !self.is_denied && tone::names_success(text) && tone::tone(text) != Tone::Bad,
            false => tone::states_success(text),
        }
    }
}

fn is_listed(name: &str) -> bool {
    let lists = [ALSO, ALLOWED, PAGING, KNOWN_IDS];
    is_reported(name)
        || lists.iter().any(|list| is_any(name, list))
        || !json::names_id(name) && tone::words(name).iter().any(|word| is_any(word, ASIDE))
}

/// `user`, whose id is `userId`
fn is_thing(name: &str) -> bool {
    is_any(&format!("{name}id"), KNOWN_IDS) && !is_bad(name)
}

/// `skipped`, `notInvited`, `failedAt`, `locked`
fn is_of_failure(name: &str, value: &Value) -> bool {
    is_bad(name)
        || is_any(name, REFUSED)
        || sign::sign(name, value) == Some(Sign::Part)
        || tone::tone(&format!("is {}", tone::words(name).join(" "))) == Tone::Bad
}

/// `"emailSent": true`, `"status": 201`
fn is_success(name: &str, value: &Value) -> bool {
    let is_status = || is_any(name, OUTCOME) || is_any(name, KIND);
    let is_created = code(value).is_some_and(|code| (201..300).contains(&code));
    let sign = sign::sign(name, value);
    // `"result": 7` may be the id of what was made.
    let is_new = || match value {
        Value::String(_) => sign.is_none() && !is_empty(value),
        _ => value.is_number() && sign::is_done(value) && !is_error_status(value),
    };
    sign == Some(Sign::Success)
        || is_any(name, "result response") && is_new()
        || is_created && is_status()
}

/// Whether anything was done to a thing that was known before: `"user": {"id": "u1", "invited": true}`
fn has_deeds(thing: &Map<String, Value>) -> bool {
    let is_more = |name: &str, value: &Value| match value {
        // It may be the state of the thing: `"enabled": true`.
        Value::Bool(_) => tone::words(name).iter().any(|word| is_any(word, DONE)),
        Value::Object(_) | Value::Array(_) => true,
        _ => tone::names_success(name),
    };
    thing.iter().any(|(name, value)| !is_empty(value) && is_more(name, value))
}

/// Whether a field is of a report, or about which part of a list this is: `"page": 1`.
pub(super) fn is_no_data(name: &str) -> bool {
    is_reported(name) || is_any(name, PAGING)
}

/// Whether a field that reports of failure do not have holds something, as is seen without decoding.
pub(super) fn holds_data(body: &[u8]) -> bool {
    let start = &body[..body.len().min(GLANCE)];
    // It may end inside a character.
    let valid = |error: Utf8Error| str::from_utf8(&start[..error.valid_up_to()]);
    let text = str::from_utf8(start).or_else(valid).unwrap_or_default();
    let mut is_found = false;
    // Ends at the first such field.
    let _ = Scanner::new(text, 0).object(|scanner, name| {
        scanner.peek()?;
        let value = &text[scanner.position()..];
        // Of the fields of a page, only a flag is something.
        let is_of_page = || value.starts_with("true") && is_any(name, PAGING);
        let is_known = || name.contains('\\') || is_reported(name) || is_of_page();
        is_found = holds_something(value) && !is_known();
        if is_found { None } else { scanner.value().map(drop) }
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
