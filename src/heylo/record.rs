//! Objects whose fields Heylo does not document.

use std::borrow::Cow;

use serde::de::{self, DeserializeOwned};
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};

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

/// Rejects an object whose id is a number that Rust holds only in part, so that two ids never become one.
///
/// The decoder then reads the object once more, with such an id as a string of its digits.
pub(crate) fn check_id<E: de::Error>(json: &Value, names: &[&str]) -> Result<(), E> {
    let is_rounded = |name: &&str| json.get(name).is_some_and(Value::is_f64);
    match names.iter().any(is_rounded) {
        true => Err(E::custom("the id is not an integer of 64 bits")),
        false => Ok(()),
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
    T::deserialize(json).map_err(|error| {
        Error::new(ErrorKind::Unreadable, "the object does not fit the requested type")
            .with_body(json.to_string().into_bytes())
            .with_source(error)
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

    #[test]
    fn an_object_is_written_as_it_came_unless_its_id_was_changed() {
        let came = json!({"eventId": 7, "title": "Tempo run"});
        assert_eq!(*with_id(&came, "7", &NAMES), came);
        let changed = json!({"eventId": "8", "title": "Tempo run"});
        assert_eq!(*with_id(&came, "8", &NAMES), changed);
        assert_eq!(*with_id(&Value::Null, "8", &NAMES), json!({"id": "8"}));
    }
}
