//! A body inside something else.

use serde::Deserialize;

use crate::heylerts::webhook::encoding::from_base64;

/// The most fields of a form that are tried.
const MAX_FIELDS: usize = 4;

/// The event that a cloud function gets in place of a request.
#[derive(Deserialize)]
struct Envelope {
    body: String,
}

/// Returns what the body holds inside: of a JSON string (also one in another), of an object's `body`, of base64,
/// of a form, of Python's `b'…'`.
pub(super) fn contents(body: &[u8]) -> Vec<Vec<u8>> {
    let trimmed = body.trim_ascii();
    let mut inside: Vec<Vec<u8>> = match trimmed.first() {
        Some(b'"') => json_strings(trimmed),
        Some(b'{') => envelope(trimmed).into_iter().collect(),
        Some(b'[') | None => Vec::new(),
        Some(_) => form(trimmed).chain(bytes_literal(trimmed)).collect(),
    };
    let decoded: Vec<Vec<u8>> = std::iter::once(trimmed)
        .chain(inside.iter().map(Vec::as_slice))
        .filter_map(from_base64)
        .filter(|decoded| !decoded.is_empty())
        .collect();
    inside.extend(decoded);
    inside
}

fn json_strings(body: &[u8]) -> Vec<Vec<u8>> {
    let unpack = |outer: &Vec<u8>| string(outer);
    std::iter::successors(string(body), unpack).take(3).collect()
}

fn string(json: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice(json).ok().map(String::into_bytes)
}

fn envelope(body: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice(body).ok().map(|envelope: Envelope| envelope.body.into_bytes())
}

fn form(body: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let fields = url::form_urlencoded::parse(body).take(MAX_FIELDS);
    fields.flat_map(|(name, value)| [name, value]).map(|text| text.into_owned().into_bytes())
}

fn bytes_literal(body: &[u8]) -> Option<Vec<u8>> {
    match body {
        [b'b', b'\'', inner @ .., b'\''] | [b'b', b'"', inner @ .., b'"'] => Some(inner.to_vec()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_inside_nothing_has_no_contents() {
        for body in [&b""[..], b" ", b"{}", b"[1]", br#"{"body": 7}"#, br#""cut off"#] {
            assert!(contents(body).is_empty(), "{body:?}");
        }
        assert_eq!(contents(br#""\"{}\"""#), [br#""{}""#.to_vec(), b"{}".to_vec()]);
    }
}
