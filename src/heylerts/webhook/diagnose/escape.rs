//! Escapes that something put into a body.

/// The entities that templates and filters write into HTML, and their bytes.
const ENTITIES: [(&[u8], u8); 11] = [
    (b"&amp;", b'&'),
    (b"&lt;", b'<'),
    (b"&gt;", b'>'),
    (b"&quot;", b'"'),
    (b"&#34;", b'"'),
    (b"&#034;", b'"'),
    (b"&#x22;", b'"'),
    (b"&#39;", b'\''),
    (b"&#039;", b'\''),
    (b"&#x27;", b'\''),
    (b"&apos;", b'\''),
];

/// Returns the body before it was escaped for HTML, and before backslashes were put before its quotes.
pub(super) fn unescaped(body: &[u8]) -> Vec<Vec<u8>> {
    let html = body.contains(&b'&').then(|| replaced(body, entity));
    let slashes = body.contains(&b'\\').then(|| replaced(body, |rest| backslash(rest, false)));
    html.into_iter().chain(slashes).collect()
}

/// Returns the bytes of a literal of Python, `b'…'`, in which those beyond ASCII are codes.
pub(super) fn bytes_literal(body: &[u8]) -> Option<Vec<u8>> {
    match body {
        [b'b', b'\'', inner @ .., b'\''] | [b'b', b'"', inner @ .., b'"'] => {
            Some(replaced(inner, |rest| backslash(rest, true)))
        }
        _ => None,
    }
}

/// Replaces each escape with the byte that it stands for. `escape` returns that byte and the length of the escape.
fn replaced(body: &[u8], escape: impl Fn(&[u8]) -> Option<(u8, usize)>) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(first) = rest.first() {
        let (byte, length) = escape(rest).unwrap_or((*first, 1));
        plain.push(byte);
        rest = &rest[length..];
    }
    plain
}

fn entity(rest: &[u8]) -> Option<(u8, usize)> {
    let known = ENTITIES.iter().find(|(name, _)| rest.starts_with(name));
    known.map(|(name, byte)| (*byte, name.len()))
}

/// `\"`, and if `has_codes` also `\n`, `\r`, `\t` and `\xc3`.
fn backslash(rest: &[u8], has_codes: bool) -> Option<(u8, usize)> {
    match *rest {
        [b'\\', b'n', ..] if has_codes => Some((b'\n', 2)),
        [b'\\', b'r', ..] if has_codes => Some((b'\r', 2)),
        [b'\\', b't', ..] if has_codes => Some((b'\t', 2)),
        [b'\\', b'x', high, low, ..] if has_codes => {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
            Some((byte, 4))
        }
        [b'\\', byte, ..] => Some((byte, 2)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_escape_becomes_its_byte_and_all_else_stays() {
        for (escaped, plain) in [
            (&b"&quot;a&quot; &amp;amp; &#039;&x"[..], &b"\"a\" &amp; '&x"[..]),
            (br#"{\"a\":\"\\n\"}"#, br#"{"a":"\n"}"#),
        ] {
            assert_eq!(unescaped(escaped), [plain.to_vec()]);
        }
        assert!(unescaped(b"{}").is_empty());
        assert_eq!(unescaped(b"\\"), [b"\\".to_vec()]);
    }

    #[test]
    fn a_literal_of_python_is_its_bytes() {
        for (literal, bytes) in [
            (&br#"b'{"a": "\xc3\xa9\n\'\\n"}'"#[..], "{\"a\": \"\u{e9}\n'\\n\"}".as_bytes()),
            (br#"b"it's\t\r""#, b"it's\t\r"),
            (br"b'\xc3\x'", b"\xc3x"),
        ] {
            assert_eq!(bytes_literal(literal), Some(bytes.to_vec()));
        }
        assert_eq!(bytes_literal(b"'{}'"), None);
    }
}
