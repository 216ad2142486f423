//! Reads a body that was decoded, no further than to its first data.

use std::str::Utf8Error;

use serde_json::{Map, Value};

use super::vocabulary::{PAGING, is_any, is_empty, is_reported};
use crate::json;
use crate::json::scan::Scanner;

/// The beginning of a body that is searched for data without decoding it, in bytes.
pub(super) const GLANCE: usize = 1024;

/// Returns the fields of an object in which only those that reports of failure have hold something.
pub(super) fn report(body: &[u8]) -> Option<Map<String, Value>> {
    if holds_data(body) {
        return None;
    }
    let (text, mut report) = (json::text(body), Map::new());
    Scanner::new(&text, 0).object(|scanner, name| {
        let value = &text[scanner.value()?];
        let name: String = match name.contains('\\') {
            true => json::from_slice(format!("\"{name}\"").as_bytes()).ok()?,
            false => name.to_owned(),
        };
        let value = json::from_slice(value.as_bytes()).ok()?;
        if !is_no_data(&name) && !is_empty(&value) {
            return None;
        }
        report.insert(name, value);
        Some(())
    })?;
    Some(report)
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
