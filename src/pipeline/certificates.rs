//! The certificates of TLS: the roots that servers are checked against, and the client's own.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use super::client_certificate::{self, tidy};
#[cfg(not(any(feature = "native-tls", feature = "platform-verifier")))]
use super::der;
use super::transport_options::TransportOptions;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

const NATIVE: bool = cfg!(feature = "native-tls");
const OF_THE_SYSTEM: bool = NATIVE || cfg!(feature = "platform-verifier");

/// Why no connection over TLS can be made, in words that may follow "the root certificates".
pub(crate) type Unusable = String;

/// Returns the settings of TLS. The certificates of [`TransportOptions::root_certificates`] are the only roots, else
/// those that the environment names, else those of the features; the extra ones are added.
pub(crate) fn tls_config(options: &TransportOptions) -> Result<TlsConfig, Unusable> {
    let read = |name: &str, pem: &[u8]| read(pem).map_err(|reason| format!("{name} {reason}"));
    let roots = match &options.root_certificates {
        Some(pem) => Some(specific(read("root_certificates", pem)?)),
        None => of_the_environment()?,
    };
    let roots = match &options.extra_root_certificates {
        Some(pem) => with_extra(roots, read("extra_root_certificates", pem)?)?,
        None => roots.unwrap_or(if OF_THE_SYSTEM {
            RootCerts::PlatformVerifier
        } else {
            RootCerts::WebPki
        }),
    };
    let client = options.client_certificate.as_deref().map(client_certificate::read).transpose()?;
    Ok(TlsConfig::builder()
        .provider(if NATIVE { TlsProvider::NativeTls } else { TlsProvider::Rustls })
        .root_certs(roots)
        .client_cert(client)
        .build())
}

/// ureq knows either the built-in roots or certificates, so the built-in ones become certificates.
fn with_extra(
    roots: Option<RootCerts>,
    mut extra: Vec<Certificate<'static>>,
) -> Result<RootCerts, Unusable> {
    match roots {
        Some(RootCerts::Specific(certificates)) => {
            extra.extend(certificates.iter().map(Certificate::to_owned));
        }
        _ => extra.extend(built_in()?),
    }
    Ok(specific(extra))
}

#[cfg(any(feature = "native-tls", feature = "platform-verifier"))]
fn built_in() -> Result<Vec<Certificate<'static>>, Unusable> {
    let found = rustls_native_certs::load_native_certs();
    if let (true, Some(error)) = (found.certs.is_empty(), found.errors.first()) {
        return Err(format!(
            "the root certificates of the operating system cannot be read: {error}"
        ));
    }
    Ok(found.certs.iter().map(|it| Certificate::from_der(it).to_owned()).collect())
}

/// An anchor with constraints is left out, since a certificate of version 1 cannot hold them: one in about 120, which is
/// good for one country's domain only.
#[cfg(not(any(feature = "native-tls", feature = "platform-verifier")))]
fn built_in() -> Result<Vec<Certificate<'static>>, Unusable> {
    let anchors = webpki_roots::TLS_SERVER_ROOTS.iter().filter(|it| it.name_constraints.is_none());
    let certificate = |subject: &[u8], key: &[u8]| {
        Certificate::from_der(&der::certificate(subject, key)).to_owned()
    };
    Ok(anchors.map(|it| certificate(&it.subject, &it.subject_public_key_info)).collect())
}

/// The values of the two variables.
type Variables = (Option<OsString>, Option<OsString>);

/// Reads the certificates once in a process, not for each client: there are hundreds of files on some systems.
fn of_the_environment() -> Result<Option<RootCerts>, Unusable> {
    static LOADED: Mutex<Option<(Variables, RootCerts)>> = Mutex::new(None);
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let variables = (set("SSL_CERT_FILE"), set("SSL_CERT_DIR"));
    if variables == (None, None) {
        return Ok(None);
    }
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    match &*loaded {
        Some((of, roots)) if *of == variables => Ok(Some(roots.clone())),
        _ => {
            let roots = specific(load(&variables)?);
            *loaded = Some((variables, roots.clone()));
            Ok(Some(roots))
        }
    }
}

/// As OpenSSL does: a file, directories, or both, in place of the built-in certificates.
fn load((file, directories): &Variables) -> Result<Vec<Certificate<'static>>, Unusable> {
    let mut certificates = Vec::new();
    if let Some(file) = file {
        let pem =
            fs::read(file).map_err(|error| format!("SSL_CERT_FILE cannot be read: {error}"))?;
        certificates.extend(read(&pem).map_err(|reason| format!("SSL_CERT_FILE {reason}"))?);
    }
    if let Some(directories) = directories {
        let found = env::split_paths(directories).filter_map(|path| fs::read_dir(path).ok());
        // Such a directory holds links, readmes and lists of revoked certificates, too.
        let files = found.flatten().flatten().map(|entry| entry.path());
        // Reading a pipe would wait for its writer.
        let files = files.filter(|path| path.is_file()).filter_map(|path| fs::read(path).ok());
        certificates.extend(files.filter_map(|pem| read(&pem).ok()).flatten());
        if certificates.is_empty() {
            return Err("SSL_CERT_DIR names no directory with a certificate in PEM form".to_owned());
        }
    }
    certificates.sort_by(|one, other| one.der().cmp(other.der()));
    certificates.dedup_by(|one, other| one.der() == other.der());
    Ok(certificates)
}

/// Whether a certificate is one, and not something else between the lines of one.
fn is_usable(certificate: &Certificate<'_>) -> bool {
    #[cfg(feature = "rustls")]
    let is_usable = {
        let der = rustls::pki_types::CertificateDer::from(certificate.der());
        rustls::RootCertStore::empty().add(der).is_ok()
    };
    #[cfg(not(feature = "rustls"))]
    let is_usable = native_tls::Certificate::from_der(certificate.der()).is_ok();
    is_usable
}

fn read(pem: &[u8]) -> Result<Vec<Certificate<'static>>, String> {
    let items = parse_pem(&tidy(pem)).collect::<Result<Vec<_>, _>>();
    let items = items.map_err(|_| "is not valid PEM: a part of it has no end, or no base64")?;
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err("contains no certificate in PEM form".to_owned());
    }
    if !certificates.iter().any(is_usable) {
        return Err("contains no certificate that can be read".to_owned());
    }
    Ok(certificates)
}

fn specific(certificates: Vec<Certificate<'static>>) -> RootCerts {
    RootCerts::Specific(Arc::new(certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_an_error_that_names_the_setting() {
        let marked = |content: &str| {
            format!("-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n")
        };
        let cut_off = &marked("MAA=")[..40];
        for pem in ["", "no PEM", cut_off, &marked("!"), &marked("MAA=")] {
            let reason = tls_config(&TransportOptions::new().root_certificates(pem))
                .err()
                .unwrap_or_default();
            assert!(reason.starts_with("root_certificates "), "{pem}: {reason}");
        }
        let os = |value: &str| Some(OsString::from(value));
        for (name, variables) in [
            ("SSL_CERT_FILE", (os("/nonexistent/heysync.pem"), None)),
            ("SSL_CERT_FILE", (os("Cargo.toml"), None)),
            ("SSL_CERT_FILE", (os("Cargo.toml"), os("src"))),
            ("SSL_CERT_DIR", (None, os("/nonexistent"))),
            ("SSL_CERT_DIR", (None, os("src"))),
        ] {
            let reason = load(&variables).err().unwrap_or_default();
            assert!(reason.starts_with(name), "{variables:?}: {reason}");
        }
    }
}
