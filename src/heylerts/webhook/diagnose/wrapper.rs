//! The inside of a body that a framework or a gateway put something around.

use std::collections::BTreeMap;
use std::iter::{once, successors};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::escape::bytes_literal;
use crate::heylerts::webhook::signature::{from_base64, from_hex};

/// The most fields of a form or an object that are tried.
const MAX_FIELDS: usize = 16;

/// A field of an object that may hold a body: as a string, as an array of bytes, or as a `Buffer` of Node.js.
#[derive(Deserialize)]
#[serde(untagged)]
enum Field {
    String(String),
    Bytes(Vec<u8>),
    Buffer { data: Vec<u8> },
    Other(IgnoredAny),
}

impl Field {
    fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Field::String(text) => Some(text.into_bytes()),
            Field::Bytes(bytes) | Field::Buffer { data: bytes } => Some(bytes),
            Field::Other(_) => None,
        }
    }
}

/// Returns the contents of the body: of a JSON string (also one in another), of an object's fields, of an array or a list of
/// bytes, of base64 or hex, of a form, of Python's `b'…'`, of the chunks of a transfer.
pub(super) fn contents(body: &[u8]) -> Vec<Vec<u8>> {
    let trimmed = body.trim_ascii();
    let mut inside: Vec<Vec<u8>> = match trimmed.first() {
        Some(b'"') => json_strings(trimmed),
        Some(b'{') => fields(trimmed),
        Some(b'[') => array(trimmed),
        Some(_) => {
            let one = [byte_list(trimmed), bytes_literal(trimmed), unchunked(body)];
            form(trimmed).chain(one.into_iter().flatten()).collect()
        }
        None => Vec::new(),
    };
    let encoded = once(trimmed).chain(inside.iter().map(Vec::as_slice));
    let decoded: Vec<Vec<u8>> =
        encoded.flat_map(|text| [from_base64(text), from_hex(text)]).flatten().collect();
    inside.extend(decoded);
    inside.retain(|before| !before.is_empty());
    inside
}

fn json_strings(body: &[u8]) -> Vec<Vec<u8>> {
    let unpack = |outer: &Vec<u8>| string(outer);
    successors(string(body), unpack).take(3).collect()
}

fn string(json: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice(json).ok().map(String::into_bytes)
}

/// The object itself may be a `Buffer`, whose `data` is one of its fields.
fn fields(body: &[u8]) -> Vec<Vec<u8>> {
    let fields: BTreeMap<String, Field> = serde_json::from_slice(body).unwrap_or_default();
    fields.into_values().filter_map(Field::into_bytes).take(MAX_FIELDS).collect()
}

fn array(body: &[u8]) -> Vec<Vec<u8>> {
    serde_json::from_slice(body).into_iter().collect()
}

fn form(body: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let fields = url::form_urlencoded::parse(body).take(MAX_FIELDS);
    fields.flat_map(|(name, value)| [name, value]).map(|text| text.into_owned().into_bytes())
}

/// `123,34,101`, as JavaScript prints an array of bytes.
fn byte_list(body: &[u8]) -> Option<Vec<u8>> {
    let byte = |part: &[u8]| std::str::from_utf8(part).ok()?.trim().parse::<u8>().ok();
    body.split(|byte| *byte == b',').map(byte).collect()
}

/// The content of chunks as HTTP/1.1 frames them, if a server has not removed the frames.
fn unchunked(body: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let mut rest = body;
    loop {
        let line = rest.iter().position(|byte| *byte == b'\n')?;
        let size = rest[..line].trim_ascii().split(|byte| *byte == b';').next()?;
        let size = usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
        if size == 0 {
            return Some(content);
        }
        let chunk = rest[line + 1..].get(..size)?;
        content.extend_from_slice(chunk);
        rest = rest[line + 1 + size..].strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_inside_nothing_has_no_contents() {
        for body in [&b""[..], b" ", b"{}", b"[300]", br#"{"body": 7}"#, br#""cut off"#] {
            assert!(contents(body).is_empty(), "{body:?}");
        }
        assert_eq!(contents(br#""\"{}\"""#), [br#""{}""#.to_vec(), b"{}".to_vec()]);
    }

    #[test]
    fn chunks_are_joined_and_malformed_ones_are_none() {
        let content = |body: &[u8]| unchunked(body);
        assert_eq!(content(b"2\r\n{\"\r\n3;x=1\r\na\"}\r\n0\r\n\r\n"), Some(b"{\"a\"}".to_vec()));
        for body in [
            &b""[..],
            b"2\r\n{",
            b"2\r\n{}",
            b"2\r\n{}0\r\n",
            b"x\r\n{}",
            b"-1\r\n",
            b"ffffffffffffffff\r\n{}",
        ] {
            assert_eq!(content(body), None, "{body:?}");
        }
    }

    #[test]
    fn only_so_many_fields_are_tried() {
        let many: BTreeMap<String, &str> = (0..1000).map(|nth| (nth.to_string(), "{x")).collect();
        let json = serde_json::to_vec(&many).expect("JSON");
        assert_eq!(contents(&json).len(), MAX_FIELDS);
    }
}
