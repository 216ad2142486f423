//! What may have happened to a body on its way.

use std::borrow::Cow;
use std::fmt;

use crate::heylerts::webhook::json_text::reprints;

/// What happened to a body between Heylerts and the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyFault {
    /// It was read as JSON and printed again: verify the bytes that came, before anything parses them.
    Reserialized,
    /// A newline was added to its end.
    NewlineAdded,
    /// The newline at its end was lost.
    NewlineLost,
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BodyFault::Reserialized => {
                "the body was parsed and printed again: verify the raw bytes, before a framework reads them"
            }
            BodyFault::NewlineAdded => "a newline was added to the end of the body",
            BodyFault::NewlineLost => "the newline at the end of the body was lost",
        })
    }
}

/// A body that may have been signed, and what then happened to it.
pub(super) type Suspect<'b> = (Option<BodyFault>, Cow<'b, [u8]>);

/// The body as it is, then as it may have been, the likelier and cheaper first.
pub(super) fn suspects(body: &[u8]) -> impl Iterator<Item = Suspect<'_>> {
    let reprinted = |text: String| (Some(BodyFault::Reserialized), text.into_bytes().into());
    std::iter::once((None, body.into())).chain(newlines(body)).chain(reprints(body).map(reprinted))
}

fn newlines(body: &[u8]) -> impl Iterator<Item = Suspect<'_>> {
    let ends = [&b"\r\n"[..], b"\n"];
    let added = ends.into_iter().filter_map(|end| body.strip_suffix(end));
    let lost = ends.map(|end| [body, end].concat());
    added
        .map(|before| (Some(BodyFault::NewlineAdded), before.into()))
        .chain(lost.map(|before| (Some(BodyFault::NewlineLost), before.into())))
}
