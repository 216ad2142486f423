//! Secrets, and the signatures that they make, in any usual encoding.

use std::fmt;

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

use super::error::WebhookError;
use crate::error::{Error, Result};

/// The name of the header that carries the signature. Header names are case-insensitive.
///
/// A proxy may add one of its own, so that a request has several: [`signature_of`] joins them.
pub const SIGNATURE_HEADER: &str = "X-Heylerts-Signature";

/// Returns the signature in the headers of a request, for [`Verifier::verify`](super::Verifier::verify): the value of
/// [`SIGNATURE_HEADER`], or all of them, joined with commas; `None` if there is none.
///
/// If your server has another type for headers, pass the value of that header as it is.
///
/// # Examples
///
/// ```
/// use heysync::heylerts::webhook::{SIGNATURE_HEADER, signature_of};
/// use heysync::http::{HeaderMap, HeaderValue};
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(signature_of(&headers), None);
/// headers.append(SIGNATURE_HEADER, HeaderValue::from_static("of a proxy"));
/// headers.append(SIGNATURE_HEADER, HeaderValue::from_static("of Heylerts"));
/// assert_eq!(signature_of(&headers).as_deref(), Some(&b"of a proxy,of Heylerts"[..]));
/// ```
#[must_use]
pub fn signature_of(headers: &HeaderMap) -> Option<Vec<u8>> {
    let values: Vec<&[u8]> =
        headers.get_all(SIGNATURE_HEADER).iter().map(HeaderValue::as_bytes).collect();
    (!values.is_empty()).then(|| values.join(&b','))
}

/// The longest header that is parsed, in bytes: enough for two hundred signatures.
pub(super) const MAX_HEADER: usize = 16 * 1024;

/// Parses the signatures in a header. A malformed one is skipped if there is a well-formed one beside it: it
/// may belong to a future scheme.
pub(super) fn parse(header: Option<&[u8]>) -> Result<Vec<Tag>, WebhookError> {
    let header = header.unwrap_or_default().trim_ascii();
    let tags: Vec<Tag> = match header.len() {
        0 => return Err(WebhookError::Missing),
        1..=MAX_HEADER => header.split(|byte| *byte == b',').filter_map(tag).collect(),
        _ => Vec::new(),
    };
    match tags.is_empty() {
        true => Err(WebhookError::Malformed),
        false => Ok(tags),
    }
}

/// Parses one signature. Its length determines the encoding: 32 bytes have one length in hex and one in
/// base64, with and without padding.
pub(super) fn tag(text: &[u8]) -> Option<Tag> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"sha256=").unwrap_or(text);
    let bytes = match text.len() {
        64 => from_hex(text)?,
        43 | 44 => from_base64(text)?,
        _ => return None,
    };
    let bytes: [u8; TAG_BYTES] = bytes.try_into().ok()?;
    Some(Tag::new(bytes.into()))
}

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

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

static STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
static URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Returns lower-case hex digits, two for each byte.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

/// Decodes hex digits of either case.
pub(super) fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok();
    match text.len() % 2 {
        0 => text.chunks_exact(2).map(byte).collect(),
        _ => None,
    }
}

/// Returns standard base64 with padding.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Decodes base64, standard or URL-safe (not a mix of them), padded or not. Each value has one spelling in each:
/// the unused bits at the end must be zero.
pub(super) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let standard = STANDARD.decode(text).ok();
    standard.or_else(|| URL_SAFE.decode(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(header: &str) -> Option<usize> {
        parse(Some(header.as_bytes())).ok().map(|tags| tags.len())
    }

    #[test]
    fn a_blank_header_is_a_missing_one() {
        for header in [None, Some(&b""[..]), Some(b" \t ")] {
            assert!(matches!(parse(header), Err(WebhookError::Missing)));
        }
    }

    #[test]
    fn a_malformed_signature_is_skipped_beside_a_well_formed_one() {
        let hex = "0a".repeat(32);
        assert_eq!(count(&format!("v1=abc, {hex},,sha256={hex}")), Some(2));
        assert_eq!(count("v1=abc,,"), None);
    }

    #[test]
    fn only_32_bytes_are_a_signature() {
        for bytes in [0, 16, 20, 31, 33, 48, 64] {
            assert_eq!(count(&"0a".repeat(bytes)), None, "{bytes} bytes of hex");
        }
        // 64 characters of base64 are 48 bytes, 44 without padding are 33, 43 with padding are 30.
        assert_eq!(count(&"Zz".repeat(32)), None);
        assert_eq!(count(&"Zz".repeat(22)), None);
        assert_eq!(count(&format!("{}==", "Z".repeat(41))), None);
        assert_eq!(count(&format!("{}A=", "Zz".repeat(21))), Some(1));
    }

    #[test]
    fn text_around_a_signature_makes_it_malformed() {
        let hex = "0a".repeat(32);
        for around in ["v1=_", "t=1;v1=_", "\"_\"", "sha256=sha256=_", "_;_", "_ _", "0x_"] {
            assert_eq!(count(&around.replace('_', &hex)), None, "{around}");
        }
    }

    #[test]
    fn a_header_that_is_too_long_is_malformed() {
        let header = format!("{},", "0a".repeat(32)).repeat(300);
        assert!(matches!(parse(Some(header.as_bytes())), Err(WebhookError::Malformed)));
    }

    #[test]
    fn hex_is_decoded_in_either_case() {
        let bytes: Vec<u8> = (0..=255).collect();
        let hex = to_hex(&bytes);
        assert!(hex.starts_with("000102") && hex.ends_with("fdfeff"));
        assert_eq!(from_hex(hex.as_bytes()), Some(bytes.clone()));
        assert_eq!(from_hex(hex.to_uppercase().as_bytes()), Some(bytes));
    }

    #[test]
    fn other_strings_are_not_hex() {
        for text in ["0", "0g", "+1", " 1", "é"] {
            assert_eq!(from_hex(text.as_bytes()), None, "{text}");
        }
        assert_eq!(from_hex(b""), Some(Vec::new()));
    }

    #[test]
    fn base64_is_decoded_in_both_alphabets_padded_or_not() {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(from_base64(text.as_bytes()), Some(vec![0xfb, 0xff]), "{text}");
        }
        for text in ["+_8=", "+/9=", "+/8==", "+/8 ", "=", "+/8=\n"] {
            assert_eq!(from_base64(text.as_bytes()), None, "{text}");
        }
    }
}
