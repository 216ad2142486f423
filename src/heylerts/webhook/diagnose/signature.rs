//! Faults of the header.

use std::fmt;

use crate::heylerts::webhook::signature::Tag;
use crate::heylerts::webhook::signature::{MAX_HEADER, tag};

/// A fault of the header that carries the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureFault {
    /// It has a prefix that is not `sha256=`, such as `v1=`, or something else around it, such as quotes.
    ForeignPrefix,
}

impl fmt::Display for SignatureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SignatureFault::ForeignPrefix => {
                "the signature has a prefix that is not `sha256=`, or quotes around it: remove it from the header"
            }
        })
    }
}

/// A signature that may have been meant, and the fault of the header if it was.
pub(super) type Suspect = (Option<SignatureFault>, Tag);

/// Returns the well-formed signatures, then everything in the header that looks like one.
pub(super) fn suspects(well_formed: Vec<Tag>, header: &[u8]) -> Vec<Suspect> {
    let loose =
        parse_loosely(header).into_iter().map(|tag| (Some(SignatureFault::ForeignPrefix), tag));
    well_formed.into_iter().map(|tag| (None, tag)).chain(loose).collect()
}

/// Returns every run of characters in a header that could be a signature, whatever surrounds it.
fn parse_loosely(header: &[u8]) -> Vec<Tag> {
    let is_separator = |byte: &u8| !(byte.is_ascii_alphanumeric() || b"+/-_".contains(byte));
    let header = header.get(..MAX_HEADER).unwrap_or(header);
    let runs = header.split(is_separator);
    // The end of a longer run, for prefixes such as `0x` and `sha256-`.
    let ends = runs
        .flat_map(|run| [64, 43].map(|length| run.len().checked_sub(length).map(|at| &run[at..])));
    ends.flatten().filter_map(tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_found_whatever_is_around_it() {
        let hex = "0a".repeat(32);
        let base64 = format!("{}A", "Zz".repeat(21));
        for signature in [&hex, &base64] {
            for around in
                ["_", "v1=_", "t=1;v1=_=", "\"_\"", "SHA256=_", "sha256: _", "0x_", "SHA-256-_"]
            {
                let header = around.replace('_', signature);
                let found = parse_loosely(header.as_bytes());
                assert!(
                    found.contains(&tag(signature.as_bytes()).expect("a signature")),
                    "{header}"
                );
            }
        }
        assert!(parse_loosely(b"v1=abc").is_empty());
        assert!(parse_loosely(&[b','; 2 * MAX_HEADER]).is_empty());
    }
}
