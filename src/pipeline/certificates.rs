//! The root certificates that servers are checked against.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

/// Why no connection over TLS can be made, in words that may follow "the root certificates".
pub(crate) type Unusable = String;

/// Returns the settings of TLS: `pem` are the only root certificates, else those that the environment names,
/// else those of the features.
pub(crate) fn tls_config(pem: Option<&[u8]>) -> Result<TlsConfig, Unusable> {
    let roots = match pem {
        Some(pem) => {
            Some(specific(read(pem).map_err(|reason| format!("root_certificates {reason}"))?))
        }
        None => of_the_environment()?,
    };
    let native = cfg!(feature = "native-tls");
    let of_the_system = native || cfg!(feature = "platform-verifier");
    let default = if of_the_system { RootCerts::PlatformVerifier } else { RootCerts::WebPki };
    Ok(TlsConfig::builder()
        .provider(if native { TlsProvider::NativeTls } else { TlsProvider::Rustls })
        .root_certs(roots.unwrap_or(default))
        .build())
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
        let files = found.flatten().flatten().filter_map(|entry| fs::read(entry.path()).ok());
        certificates.extend(files.filter_map(|pem| read(&pem).ok()).flatten());
        if certificates.is_empty() {
            return Err("SSL_CERT_DIR names no directory with a certificate in PEM form".to_owned());
        }
    }
    certificates.sort_by(|one, other| one.der().cmp(other.der()));
    certificates.dedup_by(|one, other| one.der() == other.der());
    Ok(certificates)
}

fn read(pem: &[u8]) -> Result<Vec<Certificate<'static>>, String> {
    let items = parse_pem(pem).collect::<Result<Vec<_>, _>>();
    let items = items.map_err(|error| format!("is not valid PEM: {error}"))?;
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
        for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
            let reason = tls_config(Some(pem.as_bytes())).err().unwrap_or_default();
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
