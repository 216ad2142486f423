//! What may be wrong with a secret as it was configured.

use std::fmt;

use crate::heylerts::webhook::encoding::{from_base64, from_hex};
use crate::heylerts::webhook::secret::Secret;

/// What is wrong with a secret as it was configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretFault {
    /// It has space or a newline around it.
    StraySpace,
    /// It has quotation marks around it.
    Quoted,
    /// It is hex, and the bytes that it stands for are the secret.
    Hex,
    /// It is base64, perhaps after `whsec_`, and the bytes that it stands for are the secret.
    Base64,
}

impl fmt::Display for SecretFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SecretFault::StraySpace => "the secret has stray space around it: trim it",
            SecretFault::Quoted => "the secret has quotation marks around it: take them off",
            SecretFault::Hex => "the secret is hex: decode it, and give the bytes",
            SecretFault::Base64 => "the secret is base64: decode it, and give the bytes",
        })
    }
}

/// The secret as it is, then as it may be meant.
pub(super) fn suspects(secret: &Secret) -> Vec<(Option<SecretFault>, Secret)> {
    let text = secret.as_bytes();
    let trimmed = text.trim_ascii();
    let tail = trimmed.strip_prefix(b"whsec_").unwrap_or(trimmed);
    let meant = [
        (SecretFault::StraySpace, Some(trimmed.to_vec())),
        (SecretFault::Quoted, unquoted(trimmed)),
        (SecretFault::Hex, from_hex(trimmed)),
        (SecretFault::Base64, from_base64(tail)),
    ];
    let other = meant.into_iter().filter_map(|(fault, bytes)| {
        let bytes = bytes.filter(|bytes| bytes != text)?;
        Some((Some(fault), Secret::new(&bytes).ok()?))
    });
    std::iter::once((None, secret.clone())).chain(other).collect()
}

fn unquoted(text: &[u8]) -> Option<Vec<u8>> {
    match text {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => Some(inner.to_vec()),
        _ => None,
    }
}
