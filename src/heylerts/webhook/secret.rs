//! A secret, and the signatures it makes.

use std::fmt;

use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::encoding::to_hex;
use crate::error::{Error, Result};

/// The bytes of a signature. Comparing two takes constant time.
pub(super) type Tag = CtOutput<Hmac<Sha256>>;

/// The length of a signature, in bytes.
pub(super) const TAG_BYTES: usize = 32;

/// Signs a body as Heylerts does: HMAC-SHA256 with the alert's secret, as 64 lower-case hex digits.
///
/// For tests that act as Heylerts. To verify, use a [`Verifier`](super::Verifier): comparing two strings with
/// `==` shows an attacker, by the time it takes, how much of a guess is right.
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
    to_hex(keyed(secret.as_ref()).chain_update(body).finalize().as_bytes())
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("HMAC takes a key of any length")
}

/// A secret that never shows itself.
#[derive(Clone)]
pub(super) struct Secret {
    bytes: Vec<u8>,
    /// The state after the key, so that the key is not hashed again for each body.
    keyed: Hmac<Sha256>,
}

impl Secret {
    /// # Errors
    ///
    /// `Configuration` if it is empty or blank, since anybody could sign with that. HMAC pads short keys with
    /// zero bytes, so a secret of only those equals the empty one.
    pub(super) fn new(bytes: &[u8]) -> Result<Secret> {
        let is_blank = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
        match bytes.iter().all(is_blank) {
            true => Err(Error::configuration("a webhook secret is empty")),
            false => Ok(Secret { bytes: bytes.to_vec(), keyed: keyed(bytes) }),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the signature of `body`, at the cost of hashing it.
    pub(super) fn tag(&self, body: &[u8]) -> Tag {
        self.keyed.clone().chain_update(body).finalize()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}
