//! Hex and base64.

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};

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
