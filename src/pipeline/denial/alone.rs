//! Whether a report of failure is alone: beside anything else, something may have taken effect.

use serde_json::{Map, Value};

use super::super::tone::{self, DONE, Tone};
use super::super::validation;
use super::sign::{self, Sign};
use super::vocabulary::{
    ALLOWED, ALSO, ASIDE, BAD, GOOD, KIND, KNOWN_IDS, OUTCOME, PAGING, PLACES, REFUSED, UNDONE,
    WORDS, WRAPPERS, code, is_any, is_empty, is_false, is_reported, is_true,
};
use crate::json;

/// Whether each field of an object, but for the one of this name, is of a report of failure, or holds nothing.
pub(super) fn is_alone(object: &Map<String, Value>, but_for: &str) -> bool {
    let is_denied = object.iter().any(|(name, value)| is_any(name, GOOD) && is_false(value));
    let report = Report { is_denied, is_error: false };
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
            _ if is_any(name, UNDONE) => value.is_null() || is_true(value),
            _ if is_success(name, value) => false,
            _ if is_empty(value) => true,
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

    /// Whether a text says no more than what failed; elsewhere than in the fields of a report, a single word may be new.
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
    let lists = [ALSO, ALLOWED, PAGING];
    is_reported(name)
        || is_known_id(name)
        || lists.iter().any(|list| is_any(name, list))
        || !json::names_id(name) && tone::words(name).iter().any(|word| is_any(word, ASIDE))
}

fn is_known_id(name: &str) -> bool {
    is_any(name, KNOWN_IDS)
}

/// `user`, whose id is `userId`
fn is_thing(name: &str) -> bool {
    is_known_id(&format!("{name}id")) && !is_any(name, BAD)
}

/// `skipped`, `notInvited`, `failedAt`, `locked`
fn is_of_failure(name: &str, value: &Value) -> bool {
    is_any(name, BAD)
        || is_any(name, REFUSED)
        || sign::sign(name, value) == Some(Sign::Part)
        || tone::tone(&format!("is {}", tone::words(name).join(" "))) == Tone::Bad
}

/// `"emailSent": true`, `"status": 201`
fn is_success(name: &str, value: &Value) -> bool {
    let is_status = || is_any(name, OUTCOME) || is_any(name, KIND);
    let is_created = code(value).is_some_and(|code| (201..300).contains(&code));
    sign::sign(name, value) == Some(Sign::Success)
        || is_created && is_status()
        || !value.is_string() && !is_empty(value) && names_deed(name) && !is_of_failure(name, value)
}

fn names_deed(name: &str) -> bool {
    tone::words(name).iter().any(|word| is_any(word, DONE))
}

/// Whether anything was done to a thing that was known before: `"user": {"id": "u1", "invited": true}`
fn has_deeds(thing: &Map<String, Value>) -> bool {
    let is_part = |value: &Value| value.is_object() || value.is_array();
    thing.iter().any(|(name, value)| !is_empty(value) && (names_deed(name) || is_part(value)))
}
