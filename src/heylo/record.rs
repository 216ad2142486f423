//! Objects whose fields Heylo does not document.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer};
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::json;
use crate::pipeline::redaction::without_values;

/// Returns the id of an object: the first of `names` that holds one, a number as its digits.
///
/// The name under which an event carries its id is not documented; `eventId` is its name in requests.
pub(crate) fn id_of(json: &Value, names: &[&str]) -> Option<String> {
    names.iter().filter_map(|name| json.get(name)).find_map(as_id)
}

fn as_id(value: &Value) -> Option<String> {
    match value {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// Reads JSON, and fails if it holds an id that is a number of which Rust does not keep each digit, so that two ids never
/// become one.
///
/// [`json::from_slice`] then reads the JSON once more, with such ids as strings of their digits.
pub(crate) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let json = Value::deserialize(deserializer)?;
    match has_rounded_id(&json, false) {
        true => Err(de::Error::custom("an id is a number that is no 64-bit integer")),
        false => Ok(json),
    }
}

/// Whether `json`, itself an id or not, holds an id that may have been rounded, or written in another way.
fn has_rounded_id(json: &Value, is_id: bool) -> bool {
    match json {
        Value::Number(number) => is_id && number.is_f64(),
        Value::Array(items) => items.iter().any(|item| has_rounded_id(item, is_id)),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| has_rounded_id(value, json::names_id(name)))
        }
        _ => false,
    }
}

/// The object as it is written: with this id, should a caller have changed it, under the name it has.
pub(crate) fn with_id<'a>(json: &'a Value, id: &str, names: &[&str]) -> Cow<'a, Value> {
    if id.is_empty() || id_of(json, names).as_deref() == Some(id) {
        return Cow::Borrowed(json);
    }
    let mut object: Map<String, Value> = json.as_object().cloned().unwrap_or_default();
    let present = names.iter().find(|name| object.contains_key(**name));
    if let Some(name) = present.or(names.first()) {
        object.insert((*name).to_owned(), id.into());
    }
    Cow::Owned(Value::Object(object))
}

/// Decodes an object into a type of the caller's own.
pub(crate) fn decode<T: DeserializeOwned>(json: &Value) -> Result<T> {
    // The caller has the object. Its values, which may quote the key, stay out of the error.
    T::deserialize(json).map_err(|error| {
        Error::new(ErrorKind::Unreadable, "the object does not fit the requested type")
            .with_source(without_values(&error, json))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NAMES: [&str; 2] = ["id", "eventId"];

    #[test]
    fn an_id_is_the_first_name_that_holds_one() {
        assert_eq!(id_of(&json!({"id": "a", "eventId": "b"}), &NAMES).as_deref(), Some("a"));
        assert_eq!(id_of(&json!({"id": null, "eventId": 7}), &NAMES).as_deref(), Some("7"));
        assert_eq!(id_of(&json!({"id": ""}), &NAMES), None);
        assert_eq!(id_of(&json!("a"), &NAMES), None);
    }

    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole")] Value);

    #[test]
    fn no_id_is_rounded_at_any_depth_and_every_other_number_is_kept() {
        for (text, expected) in [
            (r#"{"id": 36893488147419103233}"#, json!({"id": "36893488147419103233"})),
            (
                r#"{"host": {"userId": -36893488147419103233}}"#,
                json!({"host": {"userId": "-36893488147419103233"}}),
            ),
            (
                r#"[{"userIds": [7, 36893488147419103233]}]"#,
                json!([{"userIds": [7, "36893488147419103233"]}]),
            ),
            (r#"{"id": 3.50, "distance": 1e30}"#, json!({"id": "3.50", "distance": 1e30})),
            (r#"{"\u0069d": 1e5, "eventId": -0}"#, json!({"id": "1e5", "eventId": "-0"})),
            (r#"{"id": 18446744073709551615}"#, json!({"id": u64::MAX})),
        ] {
            let read: Whole = json::from_slice(text.as_bytes()).expect(text);
            assert_eq!(read.0, expected);
        }
    }

    #[test]
    fn an_object_is_written_as_it_came_unless_its_id_was_changed() {
        let came = json!({"eventId": 7, "title": "Tempo run"});
        assert_eq!(*with_id(&came, "7", &NAMES), came);
        let changed = json!({"eventId": "8", "title": "Tempo run"});
        assert_eq!(*with_id(&came, "8", &NAMES), changed);
        assert_eq!(*with_id(&Value::Null, "8", &NAMES), json!({"id": "8"}));
    }
}
