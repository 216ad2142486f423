//! Faults of a body, among them another encoding.

use std::borrow::Cow;
use std::fmt;

use serde::de::IgnoredAny;

use super::escape::unescaped;
use super::reprint::{is_printed_value, reprints};
use super::wrapper::contents;

/// The largest body that is converted or printed again, in bytes. Larger ones take too long, and no event needs them.
pub(super) const MAX_CONVERTED: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The first bytes of gzip, of zlib in its four levels, of zstd, bzip2, xz and LZ4.
const COMPRESSED: [&[u8]; 9] = [
    b"\x1f\x8b",
    b"\x78\x01",
    b"\x78\x5e",
    b"\x78\x9c",
    b"\x78\xda",
    b"\x28\xb5\x2f\xfd",
    b"BZh",
    b"\xfd7zXZ",
    b"\x04\x22\x4d\x18",
];

/// The placeholders of frameworks for a body that they did not read, or that something else read before.
const PLACEHOLDERS: [&[u8]; 8] =
    [b"", b"{}", b"[]", b"\"\"", b"null", b"None", b"undefined", b"b''"];
/// What JavaScript prints of an object or a stream in place of its content.
const OBJECT: &[u8] = b"[object ";

/// A change of the body between Heylerts and the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyFault {
    /// It was parsed as JSON and printed again: verify the bytes that came, before anything parses them.
    Reserialized,
    /// A newline was added to its end.
    NewlineAdded,
    /// The newline at its end was lost.
    NewlineLost,
    /// Its line breaks were changed, from LF to CRLF or from CRLF to LF.
    LineBreaks,
    /// A byte order mark was added to its start.
    ByteOrderMarkAdded,
    /// The byte order mark at its start was lost.
    ByteOrderMarkLost,
    /// It was converted to UTF-16, or from UTF-16.
    Utf16,
    /// It was converted to Latin-1 or Windows-1252, or from it: `Ã©` for `é`.
    Latin1,
    /// It is inside something else: a JSON string, a field of an object, an array of bytes, a form field, base64, hex,
    /// the chunks of a transfer.
    Wrapped,
    /// It was escaped, as for HTML or for a string: `&quot;` or `\"` for `"`.
    Escaped,
    /// Zero bytes were added to its end: the rest of a buffer.
    Padded,
    /// It is still compressed, as with gzip, zlib or zstd.
    Compressed,
    /// It is no UTF-8: it is compressed, as with Brotli, or in an encoding that cannot be checked.
    NotUtf8,
    /// It ends in the middle of its JSON: the rest was not read.
    CutOff,
    /// It is empty, or a framework's placeholder for an empty one: something else read it before.
    Empty,
    /// Bytes of it were replaced by U+FFFD, when it was decoded in the wrong encoding.
    Lossy,
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BodyFault::Reserialized => RESERIALIZED,
            BodyFault::NewlineAdded => "a newline was added to the end of the body",
            BodyFault::NewlineLost => "the newline at the end of the body was lost",
            BodyFault::LineBreaks => "the line breaks of the body were changed",
            BodyFault::ByteOrderMarkAdded => "a byte order mark (BOM) was added to the body",
            BodyFault::ByteOrderMarkLost => "the byte order mark (BOM) of the body was lost",
            BodyFault::Utf16 => "the body was converted to or from UTF-16: verify the raw bytes",
            BodyFault::Latin1 => LATIN_1,
            BodyFault::Wrapped => WRAPPED,
            BodyFault::Escaped => {
                "the body was escaped, as for HTML or for a string: verify the raw bytes"
            }
            BodyFault::Padded => {
                "zero bytes were added to the end of the body: verify only the bytes that came"
            }
            BodyFault::Compressed => STILL_COMPRESSED,
            BodyFault::NotUtf8 => {
                "the body is no UTF-8: it is compressed, as with Brotli, or in another encoding"
            }
            BodyFault::CutOff => CUT_OFF,
            BodyFault::Empty => EMPTY,
            BodyFault::Lossy => {
                "the body was decoded in the wrong encoding, and has U+FFFD in it: verify the raw bytes"
            }
        })
    }
}

const RESERIALIZED: &str =
    "the body was parsed and printed again: verify the raw bytes, before a framework parses them";
const LATIN_1: &str =
    "the body was converted to or from Latin-1 or Windows-1252: verify the raw bytes";
const WRAPPED: &str = "the body is inside something else, such as a JSON string, an array of bytes, a form field or base64: \
     unpack it, and verify the bytes inside";
const STILL_COMPRESSED: &str = "the body is compressed (as with gzip, zlib or zstd): decompress it before it is verified, or have it \
     sent uncompressed";
const CUT_OFF: &str =
    "the body ends in the middle of its JSON: read all of it, as far as its Content-Length says";
const EMPTY: &str =
    "the body is empty, or stands for an empty one: something else read it before the verifier";

/// A body that may have been signed, and the change that it then suffered.
pub(super) type Suspect<'b> = (Option<BodyFault>, Cow<'b, [u8]>);

/// Returns the body as it may have been, the likelier and cheaper changes first.
pub(super) fn suspects(body: &[u8]) -> impl Iterator<Item = Suspect<'_>> {
    let small = if body.len() <= MAX_CONVERTED { body } else { b"" };
    ends(body).chain(conversions(small)).chain(
        reprints(small).map(|before| (Some(BodyFault::Reserialized), before.into_bytes().into())),
    )
}

/// The body before it was converted as a whole.
fn conversions(body: &[u8]) -> impl Iterator<Item = Suspect<'_>> {
    type Convert = fn(&[u8]) -> Vec<Vec<u8>>;
    let convert: [(BodyFault, Convert); 5] = [
        (BodyFault::LineBreaks, line_breaks),
        (BodyFault::Utf16, utf16),
        (BodyFault::Latin1, latin1),
        (BodyFault::Wrapped, contents),
        (BodyFault::Escaped, unescaped),
    ];
    let converted = convert.into_iter().flat_map(|(fault, convert)| {
        convert(body).into_iter().map(move |before| (Some(fault), before.into()))
    });
    converted.filter(|(_, before): &Suspect<'_>| !before.is_empty())
}

/// The body with another start or end.
fn ends(body: &[u8]) -> impl Iterator<Item = Suspect<'_>> {
    let breaks = [&b"\r\n"[..], b"\n"];
    let added = breaks.into_iter().filter_map(|end| body.strip_suffix(end));
    let lost = breaks.map(|end| [body, end].concat());
    let zeros = body.iter().rev().take_while(|byte| **byte == 0).count();
    let padded = Some(&body[..body.len() - zeros]).filter(|before| zeros > 0 && !before.is_empty());
    let marked = body.strip_prefix(BYTE_ORDER_MARK);
    let unmarked = [BYTE_ORDER_MARK, body].concat();
    added
        .map(|before| (Some(BodyFault::NewlineAdded), before.into()))
        .chain(lost.map(|before| (Some(BodyFault::NewlineLost), before.into())))
        .chain(padded.map(|before| (Some(BodyFault::Padded), before.into())))
        .chain(marked.map(|before| (Some(BodyFault::ByteOrderMarkAdded), before.into())))
        .chain(std::iter::once((Some(BodyFault::ByteOrderMarkLost), unmarked.into())))
}

/// The body with each line break as LF, and as CRLF.
fn line_breaks(body: &[u8]) -> Vec<Vec<u8>> {
    if !body.contains(&b'\n') {
        return Vec::new();
    }
    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
    let lines: Vec<&[u8]> =
        lines.iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    vec![lines.join(&b"\n"[..]), lines.join(&b"\r\n"[..])]
}

/// Returns the fault that a body shows although the signed bytes cannot be restored from it.
pub(super) fn suspicion(body: &[u8]) -> Option<BodyFault> {
    let is_short = body.len() <= MAX_CONVERTED;
    let trimmed = body.trim_ascii();
    let is_lossy = || body.windows(3).any(|bytes| bytes == "\u{fffd}".as_bytes());
    match () {
        () if PLACEHOLDERS.contains(&trimmed) => Some(BodyFault::Empty),
        () if trimmed.starts_with(OBJECT) => Some(BodyFault::Empty),
        () if COMPRESSED.iter().any(|magic| body.starts_with(magic)) => Some(BodyFault::Compressed),
        () if is_cut_off(body) => Some(BodyFault::CutOff),
        () if std::str::from_utf8(body).is_err() => Some(BodyFault::NotUtf8),
        () if is_lossy() => Some(BodyFault::Lossy),
        () if is_short && is_printed_value(body) => Some(BodyFault::Reserialized),
        () => None,
    }
}

fn is_cut_off(body: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(body).is_err_and(|error| error.is_eof())
}

/// The characters that Windows-1252 has in place of the controls from 0x80 to 0x9F of Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Returns the body as UTF-8 if it is UTF-16, and as UTF-16 if it is UTF-8.
pub(super) fn utf16(body: &[u8]) -> Vec<Vec<u8>> {
    // JSON begins with an ASCII character, so one of its first two bytes is zero in UTF-16 without a mark.
    let is_utf16 = matches!(body, [0, _, ..] | [_, 0, ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    match std::str::from_utf8(body) {
        _ if is_utf16 => [u16::from_le_bytes, u16::from_be_bytes]
            .into_iter()
            .filter_map(|unit| from_utf16(body, unit))
            .collect(),
        Ok("") | Err(_) => Vec::new(),
        Ok(text) => {
            let [plain, marked] = ["", "\u{feff}"].map(|mark| format!("{mark}{text}"));
            [plain, marked].iter().flat_map(|text| to_utf16(text)).collect()
        }
    }
}

fn to_utf16(text: &str) -> [Vec<u8>; 2] {
    let units = || text.encode_utf16();
    [units().flat_map(u16::to_le_bytes).collect(), units().flat_map(u16::to_be_bytes).collect()]
}

fn from_utf16(body: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Vec<u8>> {
    let units: Vec<u16> = body.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    let text = String::from_utf16(&units).ok()?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(&text).as_bytes().to_vec())
}

/// Returns the body as UTF-8 if it is Latin-1 or Windows-1252; and if it is UTF-8, as the bytes that gave it when
/// they were taken for one of the two.
pub(super) fn latin1(body: &[u8]) -> Vec<Vec<u8>> {
    match std::str::from_utf8(body) {
        Ok(text) if text.is_ascii() => Vec::new(),
        Ok(text) => to_latin1(text).into_iter().collect(),
        Err(_) => {
            let latin1: String = body.iter().copied().map(char::from).collect();
            let windows: String = body.iter().copied().map(windows_1252).collect();
            vec![latin1.into_bytes(), windows.into_bytes()]
        }
    }
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// Both at once: a character of one's upper half is none of the other's, controls aside.
fn to_latin1(text: &str) -> Option<Vec<u8>> {
    let byte = |letter: char| match u8::try_from(letter) {
        Ok(byte) => Some(byte),
        Err(_) => {
            let at = WINDOWS_1252.iter().position(|other| *other == letter)?;
            u8::try_from(0x80 + at).ok()
        }
    };
    text.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_large_body_only_the_ends_are_changed() {
        let small = vec![b'1'; MAX_CONVERTED];
        let large = vec![b'1'; MAX_CONVERTED + 1];
        assert_eq!(suspects(&large).count(), ends(&large).count());
        assert!(suspects(&small).count() > ends(&small).count());
    }

    #[test]
    fn every_byte_of_both_encodings_is_restored() {
        let bytes: Vec<u8> = (0..=255).collect();
        for decoded in latin1(&bytes) {
            let text = String::from_utf8(decoded).expect("UTF-8");
            assert_eq!(to_latin1(&text), Some(bytes.clone()));
        }
        assert_eq!(to_latin1("€"), Some(vec![0x80]));
        assert_eq!(to_latin1("Ω"), None);
    }

    #[test]
    fn utf16_is_restored_in_either_byte_order_with_and_without_a_mark() {
        let text = r#"{"title":"é 😀"}"#;
        for converted in utf16(text.as_bytes()) {
            assert!(utf16(&converted).contains(&text.as_bytes().to_vec()), "{converted:?}");
        }
        assert_eq!(utf16(text.as_bytes()).len(), 4);
        assert!(utf16(b"\0\xd8\xd8\0").is_empty() && utf16(b"\xff").is_empty());
    }
}
