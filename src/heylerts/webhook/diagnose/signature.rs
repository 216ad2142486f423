//! Faults of the header.

use std::fmt;

use crate::heylerts::webhook::secret::Tag;
use crate::heylerts::webhook::signature::parse_loosely;

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
