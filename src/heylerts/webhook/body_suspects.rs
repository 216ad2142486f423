//! What may have happened to a body on its way.

use std::borrow::Cow;
use std::fmt;

use super::json_text::{JsonLayout, reprints};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What happened to a body between Heylerts and the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyFault {
    /// It was read as JSON and printed again: verify the bytes that came, before anything parses them.
    Reserialized {
        /// The layout of what was signed.
        signed: JsonLayout,
    },
    /// A newline was added to its end.
    NewlineAdded,
    /// The newline at its end was lost.
    NewlineLost,
    /// Its line ends were changed, from LF to CRLF or the other way round.
    LineEndsChanged,
    /// A byte order mark was put before it.
    ByteOrderMarkAdded,
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BodyFault::Reserialized { .. } => {
                "the body was parsed and printed again: verify the raw bytes, before a framework reads them"
            }
            BodyFault::NewlineAdded => "a newline was added to the end of the body",
            BodyFault::NewlineLost => "the newline at the end of the body was lost",
            BodyFault::LineEndsChanged => "the line ends of the body were changed",
            BodyFault::ByteOrderMarkAdded => "a byte order mark was put before the body",
        })
    }
}

/// A body that may have been signed, and what then happened to it.
pub(super) type Suspect<'b> = (Option<BodyFault>, Cow<'b, [u8]>);

/// The body as it is, then as it may have been, the likelier and cheaper first.
pub(super) fn suspects(body: &[u8]) -> impl Iterator<Item = Suspect<'_>> {
    std::iter::once((None, Cow::Borrowed(body)))
        .chain(newlines(body))
        .chain(other_marks(body))
        .chain(reprints(body).map(|(signed, text)| {
            let fault = BodyFault::Reserialized { signed };
            (Some(fault), Cow::Owned(text.into_bytes()))
        }))
}

fn newlines(body: &[u8]) -> impl Iterator<Item = Suspect<'_>> {
    let ends = [&b"\r\n"[..], b"\n"];
    let lost = ends.map(|end| {
        (
            Some(BodyFault::NewlineLost),
            Cow::Owned([body, end].concat()),
        )
    });
    let added = ends
        .into_iter()
        .filter_map(|end| body.strip_suffix(end))
        .map(|without| (Some(BodyFault::NewlineAdded), Cow::Borrowed(without)));
    added.chain(lost)
}

fn other_marks(body: &[u8]) -> impl Iterator<Item = Suspect<'_>> {
    let changed = [&b"\n"[..], b"\r\n"].map(|end| {
        let body = with_line_ends(body, end);
        (Some(BodyFault::LineEndsChanged), Cow::Owned(body))
    });
    let unmarked = body.strip_prefix(BYTE_ORDER_MARK).map(|body| {
        let fault = BodyFault::ByteOrderMarkAdded;
        (Some(fault), Cow::Borrowed(body))
    });
    changed.into_iter().chain(unmarked)
}

fn with_line_ends(body: &[u8], end: &[u8]) -> Vec<u8> {
    let lines = body.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.collect::<Vec<&[u8]>>().join(end)
}
