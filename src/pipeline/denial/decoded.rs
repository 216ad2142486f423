//! Reads a body that was decoded, no further than to its first data.

use std::borrow::Cow;
use std::fmt;
use std::str::Utf8Error;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::vocabulary::is_reported;
use crate::json::scan::Scanner;

/// The beginning of a body that is searched for data without decoding it, in bytes.
pub(super) const GLANCE: usize = 1024;

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
        is_found = holds_something(value) && !name.contains('\\') && !is_reported(name);
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

/// Reads an object whose fields may be a report of failure.
pub(super) struct ReportVisitor;

impl<'de> Visitor<'de> for ReportVisitor {
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
