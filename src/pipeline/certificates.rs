//! The root certificates that servers are checked against.

use std::env;
use std::ffi::OsString;
use std::fs;

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
        None => from_variables(|name| env::var_os(name))?,
    };
    let native = cfg!(feature = "native-tls");
    let of_the_system = native || cfg!(feature = "platform-verifier");
    let default = if of_the_system { RootCerts::PlatformVerifier } else { RootCerts::WebPki };
    Ok(TlsConfig::builder()
        .provider(if native { TlsProvider::NativeTls } else { TlsProvider::Rustls })
        .root_certs(roots.unwrap_or(default))
        .build())
}

/// As OpenSSL does: a file, directories, or both, in place of the built-in certificates.
fn from_variables(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<RootCerts>, Unusable> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let (file, directories) = (set("SSL_CERT_FILE"), set("SSL_CERT_DIR"));
    let mut certificates = Vec::new();
    if let Some(file) = &file {
        let pem =
            fs::read(file).map_err(|error| format!("SSL_CERT_FILE cannot be read: {error}"))?;
        certificates.extend(read(&pem).map_err(|reason| format!("SSL_CERT_FILE {reason}"))?);
    }
    if let Some(directories) = &directories {
        let found = env::split_paths(directories).filter_map(|path| fs::read_dir(path).ok());
        // Such a directory holds links, readmes and lists of revoked certificates, too.
        let files = found.flatten().flatten().filter_map(|entry| fs::read(entry.path()).ok());
        certificates.extend(files.filter_map(|pem| read(&pem).ok()).flatten());
        if certificates.is_empty() {
            return Err("SSL_CERT_DIR names no directory with a certificate in PEM form".to_owned());
        }
    }
    Ok((file.is_some() || directories.is_some()).then(|| specific(certificates)))
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
    RootCerts::Specific(std::sync::Arc::new(certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_certificate_is_an_error_that_names_the_setting() {
        for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
            let reason = tls_config(Some(pem.as_bytes())).err().unwrap_or_default();
            assert!(reason.starts_with("root_certificates "), "{pem}: {reason}");
        }
        for (name, value) in [
            ("SSL_CERT_FILE", "/nonexistent/heysync.pem"),
            ("SSL_CERT_FILE", "Cargo.toml"),
            ("SSL_CERT_DIR", "/nonexistent"),
            ("SSL_CERT_DIR", "src"),
        ] {
            let variable = |other: &str| (other == name).then(|| OsString::from(value));
            let reason = from_variables(variable).err().unwrap_or_default();
            assert!(reason.starts_with(name), "{value}: {reason}");
        }
    }

    #[test]
    fn variables_that_are_empty_or_absent_change_nothing() {
        assert!(matches!(from_variables(|_| None), Ok(None)));
        assert!(matches!(from_variables(|_| Some(OsString::new())), Ok(None)));
    }
}
