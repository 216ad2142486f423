//! A secret, and the signatures it makes.

use std::fmt;

use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::encoding::to_hex;
use crate::error::{Error, Result};

/// A signature as bytes. Two of them compare in constant time.
pub(super) type Tag = CtOutput<Hmac<Sha256>>;

/// The length of a signature, in bytes.
pub(super) const TAG_BYTES: usize = 32;

/// Signs a body as Heylerts does: HMAC-SHA256 with the alert's secret, as 64 lower-case hex digits.
///
/// For tests that act as Heylerts. To verify, use a [`Verifier`](super::Verifier): comparing this with what
/// came would tell an attacker, by the time it takes, how much of a guess is right.
///
/// # Examples
///
/// ```
/// use heysync::heylerts::webhook::sign;
///
/// let signature = sign("key", b"The quick brown fox jumps over the lazy dog");
/// assert_eq!(signature, "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
/// ```
pub fn sign(secret: impl AsRef<[u8]>, body: &[u8]) -> String {
    to_hex(tag(secret.as_ref(), body).as_bytes())
}

fn tag(secret: &[u8], body: &[u8]) -> Tag {
    Hmac::<Sha256>::new_from_slice(secret)
        .expect("HMAC takes a key of any length")
        .chain_update(body)
        .finalize()
}

/// A secret that never shows itself.
#[derive(Clone)]
pub(super) struct Secret(Vec<u8>);

impl Secret {
    /// # Errors
    ///
    /// `Configuration` where it is empty or blank: anybody could sign with that. HMAC fills short keys up
    /// with zero bytes, so nothing but those is empty too.
    pub(super) fn new(bytes: &[u8]) -> Result<Secret> {
        let is_blank = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
        match bytes.iter().all(is_blank) {
            true => Err(Error::configuration("a webhook secret is empty")),
            false => Ok(Secret(bytes.to_vec())),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether one of the offered signatures is this secret's for `body`. All are compared, whichever
    /// matches, so that the time taken tells nothing.
    pub(super) fn signed(&self, body: &[u8], offered: &[Tag]) -> bool {
        let expected = tag(&self.0, body);
        offered.iter().fold(false, |matched, tag| (expected == *tag) | matched)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}
