//! Objects whose fields Heylo does not document.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};

/// The id of an object: the first of `names` that it has. A number is taken as its text.
///
/// No page says under which name an event carries its id; `eventId` is what requests call it.
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

/// Decodes an object into a type of the caller's own.
pub(crate) fn decode<T: DeserializeOwned>(json: &Value) -> Result<T> {
    T::deserialize(json).map_err(|error| {
        Error::new(ErrorKind::Unreadable, "the object does not fit the type asked for")
            .with_body(json.to_string().into_bytes())
            .with_source(error)
    })
}

/// Reads a list of ids, of which some may be numbers; `null` is an empty list.
pub(crate) fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let values: Option<Vec<Value>> = Deserialize::deserialize(deserializer)?;
    let id =
        |value: &Value| as_id(value).ok_or_else(|| serde::de::Error::custom("an id is no text"));
    values.unwrap_or_default().iter().map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_id_is_the_first_name_that_holds_one() {
        let names = ["id", "eventId"];
        assert_eq!(id_of(&json!({"id": "a", "eventId": "b"}), &names).as_deref(), Some("a"));
        assert_eq!(id_of(&json!({"id": null, "eventId": 7}), &names).as_deref(), Some("7"));
        assert_eq!(id_of(&json!({"id": ""}), &names), None);
        assert_eq!(id_of(&json!("a"), &names), None);
    }
}
