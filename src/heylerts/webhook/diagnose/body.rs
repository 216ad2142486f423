//! Faults of a body: what may have changed it between Heylerts and the verifier.

use std::borrow::Cow;
use std::fmt;

use super::charset;
use super::reprint::{is_printed_value, reprints};
use super::wrapper;

/// The largest body that is converted or printed again, in bytes. Larger ones take too long, and no event needs them.
pub(super) const MAX_CONVERTED: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The first bytes of gzip, of zlib in its three usual levels, and of zstd.
const COMPRESSED: [&[u8]; 5] =
    [b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda", b"\x28\xb5\x2f\xfd"];

/// The placeholders of frameworks for a body that they did not read, or that something else read before.
const PLACEHOLDERS: [&[u8]; 6] = [b"", b"{}", b"null", b"None", b"undefined", b"[object Object]"];

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
    /// It is inside something else: a JSON string, the `body` of an object, a form field, base64.
    Wrapped,
    /// It is still compressed with gzip, zlib or zstd.
    Compressed,
    /// It is empty, or a framework's placeholder for an empty one: something else read it before.
    Empty,
    /// Bytes of it were replaced by U+FFFD, when it was decoded in the wrong encoding.
    Lossy,
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BodyFault::Reserialized => {
                "the body was parsed and printed again: verify the raw bytes, before a framework parses them"
            }
            BodyFault::NewlineAdded => "a newline was added to the end of the body",
            BodyFault::NewlineLost => "the newline at the end of the body was lost",
            BodyFault::LineBreaks => "the line breaks of the body were changed",
            BodyFault::ByteOrderMarkAdded => "a byte order mark (BOM) was added to the body",
            BodyFault::ByteOrderMarkLost => "the byte order mark (BOM) of the body was lost",
            BodyFault::Utf16 => "the body was converted to or from UTF-16: verify the raw bytes",
            BodyFault::Latin1 => {
                "the body was converted to or from Latin-1 or Windows-1252: verify the raw bytes"
            }
            BodyFault::Wrapped => {
                "the body is inside something else, such as a JSON string, a form field or base64: unpack it, and \
                 verify the bytes inside"
            }
            BodyFault::Compressed => {
                "the body is compressed (gzip, zlib or zstd): decompress it before it is verified, or have it sent \
                 uncompressed"
            }
            BodyFault::Empty => {
                "the body is empty, or stands for an empty one: something else read it before the verifier"
            }
            BodyFault::Lossy => {
                "the body was decoded in the wrong encoding, and has U+FFFD in it: verify the raw bytes"
            }
        })
    }
}

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
    let convert: [(BodyFault, Convert); 4] = [
        (BodyFault::LineBreaks, line_breaks),
        (BodyFault::Utf16, charset::utf16),
        (BodyFault::Latin1, charset::latin1),
        (BodyFault::Wrapped, wrapper::contents),
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
    let marked = body.strip_prefix(BYTE_ORDER_MARK);
    let unmarked = [BYTE_ORDER_MARK, body].concat();
    added
        .map(|before| (Some(BodyFault::NewlineAdded), before.into()))
        .chain(lost.map(|before| (Some(BodyFault::NewlineLost), before.into())))
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
    let is_lossy = || body.windows(3).any(|bytes| bytes == "\u{fffd}".as_bytes());
    match () {
        () if PLACEHOLDERS.contains(&body.trim_ascii()) => Some(BodyFault::Empty),
        () if COMPRESSED.iter().any(|magic| body.starts_with(magic)) => Some(BodyFault::Compressed),
        () if is_lossy() => Some(BodyFault::Lossy),
        () if is_short && is_printed_value(body) => Some(BodyFault::Reserialized),
        () => None,
    }
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
}
