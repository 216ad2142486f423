//! The header: a signature, or several, in any usual encoding.

use super::encoding::{from_base64, from_hex};
use super::error::WebhookError;
use super::secret::{TAG_BYTES, Tag};

/// The name of the header that carries the signature. Header names are case-insensitive.
///
/// If a request carries the header several times, join the values with commas: see
/// [`Verifier::verify`](super::Verifier::verify).
pub const SIGNATURE_HEADER: &str = "X-Heylerts-Signature";

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
}
