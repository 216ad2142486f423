//! Faults of a secret as it was configured.

use std::fmt;

use crate::heylerts::webhook::signature::Secret;
use crate::heylerts::webhook::signature::{from_base64, from_hex, to_base64, to_hex};

/// Some services write it before their webhook secrets.
const PREFIX: &[u8] = b"whsec_";

/// A fault of a secret as it was configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretFault {
    /// It has white space or a newline around it.
    StraySpace,
    /// It has quotation marks around it.
    Quoted,
    /// It has characters in it that are invisible or look like others: a zero-width space, a typographic hyphen.
    InvisibleCharacters,
    /// It has `whsec_` before it, and the rest is the secret.
    PrefixAdded,
    /// It lacks the `whsec_` that belongs to it.
    PrefixLost,
    /// It is hex, and the bytes that it encodes are the secret.
    Hex,
    /// It is base64, perhaps after `whsec_`, and the bytes that it encodes are the secret.
    Base64,
    /// It was decoded from hex or base64, and the string before that is the secret.
    Decoded,
}

impl fmt::Display for SecretFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SecretFault::StraySpace => "the secret has white space around it: trim it",
            SecretFault::Quoted => "the secret has quotation marks around it: remove them",
            SecretFault::InvisibleCharacters => {
                "the secret has invisible characters in it, such as a zero-width space: copy it again as plain text"
            }
            SecretFault::PrefixAdded => "the secret does not begin with `whsec_`: remove that",
            SecretFault::PrefixLost => "the `whsec_` before the secret belongs to it: pass it as well",
            SecretFault::Hex => "the secret is hex: decode it, and pass the bytes",
            SecretFault::Base64 => "the secret is base64: decode it, and pass the bytes",
            SecretFault::Decoded => "the secret was decoded from hex or base64: pass it as it was",
        })
    }
}

/// Returns the secret as it is, then as it may be meant.
pub(super) fn suspects(secret: &Secret) -> Vec<(Option<SecretFault>, Secret)> {
    let given = secret.as_bytes();
    let trimmed = given.trim_ascii();
    let plain = plain(given);
    let bare = unquoted(&plain).unwrap_or(&plain);
    let tail = bare.strip_prefix(PREFIX);
    let meant = [
        (SecretFault::StraySpace, Some(trimmed.to_vec())),
        (SecretFault::StraySpace, trimmed.strip_suffix(br"\n").map(<[u8]>::to_vec)),
        (SecretFault::Quoted, unquoted(trimmed).map(<[u8]>::to_vec)),
        (SecretFault::InvisibleCharacters, Some(plain.clone())),
        (SecretFault::Quoted, Some(bare.to_vec())),
        (SecretFault::PrefixAdded, tail.map(<[u8]>::to_vec)),
        (SecretFault::PrefixLost, Some([PREFIX, bare].concat())),
        (SecretFault::Hex, from_hex(bare)),
        (SecretFault::Base64, from_base64(tail.unwrap_or(bare))),
        (SecretFault::Decoded, Some(to_hex(given).into_bytes())),
        (SecretFault::Decoded, Some(to_base64(given).into_bytes())),
    ];
    let other = meant.into_iter().filter_map(|(fault, bytes)| {
        let bytes = bytes.filter(|bytes| bytes != given)?;
        Some((Some(fault), Secret::new(&bytes).ok()?))
    });
    std::iter::once((None, secret.clone())).chain(other).collect()
}

fn unquoted(string: &[u8]) -> Option<&[u8]> {
    match string {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] | [b'`', inner @ .., b'`'] => {
            Some(inner)
        }
        _ => None,
    }
}

/// Returns the secret as somebody would type it: visible characters, with ASCII quotes and hyphens.
fn plain(given: &[u8]) -> Vec<u8> {
    let Ok(given) = std::str::from_utf8(given) else {
        return given.trim_ascii().to_vec();
    };
    let visible = given.chars().filter(|letter| !is_invisible(*letter));
    let plain: String = visible
        .map(|letter| match letter {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            '“' | '”' | '„' | '«' | '»' => '"',
            '‘' | '’' | '‚' => '\'',
            other => other,
        })
        .collect();
    plain.into_bytes()
}

fn is_invisible(letter: char) -> bool {
    letter.is_whitespace()
        || letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}')
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
