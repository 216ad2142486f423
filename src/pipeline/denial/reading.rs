//! Reads as much of a body as a report of failure may have.

use serde_json::{Map, Value};

use super::super::message::floor;
use super::vocabulary::is_reported;
use crate::json::scan::Scanner;
use crate::json::{self, lenient};

/// The most items of a list, or fields of an object, that are kept.
pub(super) const MOST_ITEMS: usize = 100;

/// The most that is kept of a body, in bytes of names and texts, and [`EACH`] for each value.
const MOST: usize = 16 * 1024;

/// The cost of a value besides its text.
const EACH: usize = 16;

/// The most that is kept of a text that holds no JSON, in bytes.
const MOST_TEXT: usize = 2048;

/// A body, or its beginning.
pub(super) struct Portion {
    pub(super) json: Value,
    /// Whether it is the whole body, but for the ends of long texts.
    pub(super) is_whole: bool,
    /// Whether the body was cut off, so that fields may be missing.
    pub(super) is_cut: bool,
}

/// Reads JSON, in which the reports come before other fields if not all is kept.
pub(super) fn read(body: &[u8], is_lenient: bool) -> Option<Portion> {
    let text = json::text(body);
    let json = json::from_slice(text.as_bytes()).ok().map(|json| (json, false));
    let other = || lenient::read(&text).or_else(|| Some((shallow(&text)?, false)));
    portion(json.or_else(|| other().filter(|_| is_lenient))?)
}

/// Reads JSON of any kind, such as one that was cut off.
pub(super) fn read_lenient(body: &[u8]) -> Option<Portion> {
    portion(lenient::read(&json::text(body))?)
}

/// The fields of an object that is nested too deeply to be decoded, with `true` in place of such a value.
fn shallow(text: &str) -> Option<Value> {
    let mut fields = Map::new();
    Scanner::new(text, 0).object(|scanner, name| {
        let value =
            json::from_slice(text[scanner.value()?].as_bytes()).unwrap_or(Value::Bool(true));
        fields.insert(name.to_owned(), value);
        Some(())
    })?;
    Some(Value::Object(fields))
}

fn portion((json, is_cut): (Value, bool)) -> Option<Portion> {
    let mut rest = Rest { bytes: MOST, is_whole: true };
    let json = rest.kept(json)?;
    Some(Portion { json, is_whole: rest.is_whole, is_cut })
}

/// The rest of the budget for a body.
struct Rest {
    bytes: usize,
    is_whole: bool,
}

impl Rest {
    fn kept(&mut self, json: Value) -> Option<Value> {
        self.spend(EACH)?;
        Some(match json {
            Value::String(mut text) => {
                if !text.contains('{') {
                    text.truncate(floor(&text, MOST_TEXT));
                }
                self.spend(text.len())?;
                Value::String(text)
            }
            Value::Array(items) => {
                self.is_whole &= items.len() <= MOST_ITEMS;
                let items = items.into_iter().take(MOST_ITEMS);
                Value::Array(items.map_while(|item| self.kept(item)).collect())
            }
            Value::Object(fields) => Value::Object(self.fields(fields)),
            scalar => scalar,
        })
    }

    fn fields(&mut self, fields: Map<String, Value>) -> Map<String, Value> {
        self.is_whole &= fields.len() <= MOST_ITEMS;
        let (reports, others): (Vec<_>, Vec<_>) =
            fields.into_iter().partition(|(name, _)| is_reported(name));
        let fields = reports.into_iter().chain(others).take(MOST_ITEMS);
        let kept = |(name, value): (String, Value)| {
            self.spend(name.len())?;
            Some((name, self.kept(value)?))
        };
        fields.map_while(kept).collect()
    }

    /// `None` if there is not enough left; then nothing more is kept.
    fn spend(&mut self, bytes: usize) -> Option<()> {
        let left = self.bytes.checked_sub(bytes);
        self.is_whole &= left.is_some();
        self.bytes = left.unwrap_or_default();
        left.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of values in JSON, and the bytes of their names and texts.
    fn size(json: &Value) -> (usize, usize) {
        let sum = |(a, b): (usize, usize), (c, d): (usize, usize)| (a + c, b + d);
        match json {
            Value::String(text) => (1, text.len()),
            Value::Array(items) => items.iter().map(size).fold((1, 0), sum),
            Value::Object(fields) => {
                let sizes = fields.iter().map(|(name, value)| sum((0, name.len()), size(value)));
                sizes.fold((1, 0), sum)
            }
            _ => (1, 0),
        }
    }

    fn list(item: &str, count: usize) -> String {
        format!("[{}]", vec![item; count].join(","))
    }

    #[test]
    fn a_bounded_part_of_a_hostile_body_is_kept() {
        let by_name = (0..5_000).map(|n| format!(r#""u{n}": {{"status": "sent"}}"#));
        for body in [
            list(r#"{"message": "not found", "field": "email"}"#, 5_000),
            list(r#""could not be invited because it is locked""#, 5_000),
            list(&list(&list("0", 99), 9), 99),
            list(&format!(r#""{}""#, "cannot ".repeat(1_000)), 100),
            format!(r#"{{"error": "{}"}}"#, "not found. ".repeat(5_000)),
            format!(r#"{{"body": "{}"}}"#, "{".repeat(50_000)),
            format!("{{{}}}", by_name.collect::<Vec<_>>().join(",")),
        ] {
            let (values, bytes) = size(&read(body.as_bytes(), true).unwrap().json);
            assert!(values * EACH + bytes <= MOST, "{values} values, {bytes} bytes");
        }
    }

    #[test]
    fn the_reports_of_an_object_are_kept_before_its_other_fields() {
        let others = (0..1000).map(|n| format!(r#""a{n}": 1"#)).collect::<Vec<_>>().join(",");
        let body = format!(r#"{{{others}, "ok": false, "message": "x"}}"#);
        let Portion { json, is_whole, .. } = read(body.as_bytes(), false).unwrap();
        let fields = json.as_object().unwrap();
        assert_eq!((fields.len(), fields["ok"] == false, is_whole), (MOST_ITEMS, true, false));
    }

    #[test]
    fn the_end_of_a_long_text_is_not_kept() {
        let body = format!(r#"{{"stack": "{}"}}"#, "\u{e9}".repeat(MOST_TEXT));
        let Portion { json, is_whole, .. } = read(body.as_bytes(), false).unwrap();
        assert_eq!((json["stack"].as_str().map(str::len), is_whole), (Some(MOST_TEXT), true));
    }
}
