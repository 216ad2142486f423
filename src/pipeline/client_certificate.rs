//! The certificate by which a client identifies itself.

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, parse_pem};

#[cfg(feature = "native-tls")]
use super::der;

const MISMATCH: &str = "has a private key that does not belong to its first certificate; the client's own comes before its issuers'";

/// Reads a chain of certificates and its key, and makes sure that they belong together.
pub(crate) fn read(pem: &[u8]) -> Result<ClientCert, String> {
    usable(pem).map_err(|why| format!("client_certificate {why}"))
}

fn usable(pem: &[u8]) -> Result<ClientCert, String> {
    let (chain, key) = parts(pem)?;
    #[cfg(feature = "native-tls")]
    let key = pkcs8(key)?;
    check(&chain, &key)?;
    Ok(ClientCert::new_with_certs(&chain, key))
}

/// The PEM as the parser reads it: without the byte order mark and the indentation that editors add.
pub(crate) fn tidy(pem: &[u8]) -> Vec<u8> {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    let lines = pem.split(|byte| matches!(byte, b'\n' | b'\r'));
    let tidy = lines.map(|line| line.strip_prefix(MARK).unwrap_or(line).trim_ascii());
    tidy.collect::<Vec<_>>().join(&b'\n')
}

type Parts = (Vec<Certificate<'static>>, PrivateKey<'static>);

fn parts(pem: &[u8]) -> Result<Parts, String> {
    let text = String::from_utf8_lossy(pem);
    // Both `BEGIN ENCRYPTED PRIVATE KEY` and, in the older form, `Proc-Type: 4,ENCRYPTED`.
    if text.contains("ENCRYPTED") {
        return Err("has a key with a passphrase, which cannot be asked for here; decrypt it with `openssl pkey -in \
                    key.pem -out plain.pem`"
            .to_owned());
    }
    let items = parse_pem(&tidy(pem)).collect::<Result<Vec<_>, _>>();
    let (mut chain, mut keys) = (Vec::new(), Vec::new());
    for item in
        items.map_err(|_| "is not valid PEM: a part of it has no end, or no base64".to_owned())?
    {
        match item {
            PemItem::Certificate(certificate) => chain.push(certificate),
            PemItem::PrivateKey(key) => keys.push(key),
            _ => {}
        }
    }
    match (chain.is_empty(), keys.pop()) {
        (true, _) => Err("contains no certificate in PEM form".to_owned()),
        (false, None) => {
            Err("contains no private key in PEM form beside the certificate".to_owned())
        }
        (false, Some(_)) if !keys.is_empty() => {
            Err("contains more than one private key".to_owned())
        }
        (false, Some(key)) => Ok((chain, key)),
    }
}

/// The key in the only form that ureq hands on to native TLS. The parameters of the other two are within them.
#[cfg(feature = "native-tls")]
fn pkcs8(key: PrivateKey<'static>) -> Result<PrivateKey<'static>, String> {
    let algorithm = match der::form_of(key.der()) {
        der::KeyForm::Pkcs1 => der::sequence(&[der::RSA, der::NULL]),
        der::KeyForm::Sec1(Some(curve)) => der::sequence(&[der::ELLIPTIC, curve]),
        der::KeyForm::Sec1(None) => {
            return Err("has an elliptic key that names no curve".to_owned());
        }
        der::KeyForm::Other => return Ok(key),
    };
    let der = der::sequence(&[der::ZERO, &algorithm, &der::octets(key.der())]);
    let key = PrivateKey::from_pem(self::pem(&der, "PRIVATE KEY").as_bytes());
    key.map_err(|error| format!("cannot be used: {error}"))
}

/// A key that belongs to another certificate would make ureq panic when it connects.
#[cfg(feature = "rustls")]
fn check(chain: &[Certificate<'_>], key: &PrivateKey<'_>) -> Result<(), String> {
    use rustls::crypto::ring;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::sign::CertifiedKey;
    use rustls::{Error, InconsistentKeys};

    let chain = chain.iter().map(|it| CertificateDer::from(it.der()).into_owned()).collect();
    let key = PrivateKeyDer::try_from(key.der());
    let key = key.map_err(|why| format!("cannot be used: {why}"))?.clone_key();
    match CertifiedKey::from_der(chain, key, &ring::default_provider()) {
        Ok(_) => Ok(()),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(MISMATCH.to_owned()),
        Err(error) => Err(format!("cannot be used: {error}")),
    }
}

#[cfg(not(feature = "rustls"))]
fn check(chain: &[Certificate<'_>], key: &PrivateKey<'_>) -> Result<(), String> {
    let chain: String = chain.iter().map(|it| pem(it.der(), "CERTIFICATE")).collect();
    let key = pem(key.der(), "PRIVATE KEY");
    let identity = native_tls::Identity::from_pkcs8(chain.as_bytes(), key.as_bytes())
        .map_err(|error| format!("cannot be used: {error}"))?;
    let built = native_tls::TlsConnector::builder().identity(identity).build();
    built.map(drop).map_err(|error| format!("cannot be used: {error}; {MISMATCH}"))
}

#[cfg(feature = "native-tls")]
fn pem(der: &[u8], label: &str) -> String {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;

    let base64 = BASE64_STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_cannot_be_used_is_an_error_in_words() {
        let certificate = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
        let encrypted =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n-----END RSA PRIVATE KEY-----\n";
        for (pem, words) in [
            (String::new(), "no certificate"),
            (key.to_owned(), "no certificate"),
            (certificate.to_owned(), "no private key"),
            (certificate.replace('M', "!"), "not valid PEM"),
            (format!("{certificate}{key}{key}"), "more than one private key"),
            (format!("{certificate}{encrypted}"), "passphrase"),
            (format!("{old}{certificate}"), "openssl pkey"),
            (format!("{certificate}{key}"), "cannot be used"),
        ] {
            let why = read(pem.as_bytes()).err().unwrap_or_default();
            assert!(why.starts_with("client_certificate ") && why.contains(words), "{pem}: {why}");
        }
    }
}
