//! The few forms of ASN.1 DER that ureq does not convert: keys for native TLS, and trust anchors as certificates.

#![cfg_attr(
    not(feature = "native-tls"),
    allow(dead_code, reason = "keys are converted for native TLS")
)]

/// `rsaEncryption`
pub(crate) const RSA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// `id-ecPublicKey`
pub(crate) const ELLIPTIC: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
pub(crate) const NULL: &[u8] = &[5, 0];
/// The integer 0.
pub(crate) const ZERO: &[u8] = &[2, 1, 0];

const INTEGER: u8 = 2;
const OCTETS: u8 = 4;
const SEQUENCE: u8 = 0x30;
/// The tag `[0]`.
const FIRST: u8 = 0xa0;

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tagged(SEQUENCE, &parts.concat())
}

pub(crate) fn octets(content: &[u8]) -> Vec<u8> {
    tagged(OCTETS, content)
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut whole = vec![tag];
    match (content.len(), u8::try_from(length.len())) {
        (0..=0x7f, _) => whole.extend(u8::try_from(content.len())),
        (_, count) => whole.extend(count.map(|count| 0x80 | count)),
    }
    if content.len() >= 0x80 {
        whole.extend(length);
    }
    whole.extend(content);
    whole
}

/// Splits `der` into the content of its first element, which has this tag, and the rest.
fn split(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    (*first == tag).then(|| rest.split_at_checked(length))?
}

/// The forms of private keys beside PKCS #8.
#[derive(Debug, PartialEq)]
pub(crate) enum KeyForm<'a> {
    Pkcs1,
    /// With the curve, if the key names one.
    Sec1(Option<&'a [u8]>),
    Other,
}

/// The form of a private key, by the kind of what follows its version.
pub(crate) fn form_of(key: &[u8]) -> KeyForm<'_> {
    let content = split(key, SEQUENCE).and_then(|(content, _)| split(content, INTEGER));
    let Some((_, after_version)) = content else {
        return KeyForm::Other;
    };
    match (after_version.first(), split(after_version, OCTETS)) {
        (_, Some((_, rest))) => KeyForm::Sec1(split(rest, FIRST).map(|(curve, _)| curve)),
        (Some(&INTEGER), None) => KeyForm::Pkcs1,
        _ => KeyForm::Other,
    }
}

/// A certificate of version 1 that holds no more than a trust anchor does: webpki reads it back as that anchor.
#[cfg(not(any(feature = "native-tls", feature = "platform-verifier")))]
pub(crate) fn certificate(subject: &[u8], public_key: &[u8]) -> Vec<u8> {
    let (serial, nothing) = (&[INTEGER, 1, 1][..], &[SEQUENCE, 0][..]);
    let [subject, public_key] = [subject, public_key].map(|content| tagged(SEQUENCE, content));
    let body = sequence(&[serial, nothing, nothing, nothing, &subject, &public_key]);
    sequence(&[&body, nothing, &[3, 1, 0]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_every_length_are_read_back() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let content = vec![7; length];
            let mut whole = tagged(OCTETS, &content);
            whole.push(1);
            assert_eq!(split(&whole, OCTETS), Some((&content[..], &[1][..])), "{length}");
            assert_eq!(split(&whole, SEQUENCE), None);
        }
        for broken in
            [&[][..], &[4], &[4, 2, 1], &[4, 0x80], &[4, 0x85, 0, 0, 0, 0, 0], &[4, 0x82, 1]]
        {
            assert_eq!(split(broken, OCTETS), None, "{broken:?}");
        }
    }

    #[test]
    fn a_key_without_a_form_that_is_known_is_left_as_it_is() {
        let version = &[INTEGER, 1, 1][..];
        assert_eq!(form_of(&sequence(&[version, &octets(&[7])])), KeyForm::Sec1(None));
        let curve = tagged(FIRST, ELLIPTIC);
        assert_eq!(
            form_of(&sequence(&[version, &octets(&[7]), &curve])),
            KeyForm::Sec1(Some(ELLIPTIC))
        );
        assert_eq!(form_of(&sequence(&[version, version])), KeyForm::Pkcs1);
        for other in
            [sequence(&[version, &sequence(&[])]), sequence(&[version]), sequence(&[]), Vec::new()]
        {
            assert_eq!(form_of(&other), KeyForm::Other);
        }
    }
}
