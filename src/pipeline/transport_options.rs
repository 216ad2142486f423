//! The options of the default transport.

use std::fmt;
use std::time::Duration;

/// Configures a [`UreqTransport`](crate::UreqTransport).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use heysync::{TransportOptions, UreqTransport};
///
/// let options = TransportOptions::new().connect_timeout(Duration::from_secs(3)).max_body(1024 * 1024);
/// let transport = UreqTransport::new(options)?;
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct TransportOptions {
    pub(crate) connect_timeout: Duration,
    pub(crate) max_body: u64,
    pub(crate) proxy_from_env: bool,
    pub(crate) proxy: Option<String>,
    pub(crate) root_certificates: Option<Vec<u8>>,
    pub(crate) extra_root_certificates: Option<Vec<u8>>,
    pub(crate) client_certificate: Option<Vec<u8>>,
    /// The timeout that most requests have. Others cost a configuration of their own.
    pub(crate) usual_timeout: Duration,
}

impl Default for TransportOptions {
    fn default() -> TransportOptions {
        TransportOptions {
            connect_timeout: Duration::from_secs(10),
            max_body: 10 * 1024 * 1024,
            proxy_from_env: true,
            proxy: None,
            root_certificates: None,
            extra_root_certificates: None,
            client_certificate: None,
            usual_timeout: Duration::from_secs(30),
        }
    }
}

impl TransportOptions {
    /// Creates the default options.
    pub fn new() -> TransportOptions {
        TransportOptions::default()
    }

    /// Sets how long resolving, connecting and TLS may take together, a millisecond at least; more than a day
    /// counts as a day. Default: 10 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> TransportOptions {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the size of the largest response body that is accepted, in bytes after decompression, 1 at
    /// least. Default: 10 MiB.
    pub fn max_body(mut self, bytes: u64) -> TransportOptions {
        self.max_body = bytes;
        self
    }

    /// Sets whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are read. Default: true.
    ///
    /// See [*Proxies*](crate::UreqTransport#proxies).
    pub fn proxy_from_env(mut self, yes: bool) -> TransportOptions {
        self.proxy_from_env = yes;
        self
    }

    /// Sets the proxy for all requests, as in `http://user:password@proxy.example:3128`. The environment is
    /// not read then.
    ///
    /// It is used for servers on loopback, too; one of them by plain `http` through a proxy on another machine
    /// is an error, since the proxy would see the API key. User and password are percent-encoded.
    ///
    /// Default: the proxies of the environment.
    pub fn proxy(mut self, address: impl Into<String>) -> TransportOptions {
        self.proxy = Some(address.into());
        self
    }

    /// Adds root certificates, in PEM form, to trust in place of the built-in ones.
    ///
    /// To trust them beside the built-in ones, see
    /// [`extra_root_certificates`](TransportOptions::extra_root_certificates). Default: those of the environment, or else those of the feature; see
    /// [*Certificates*](crate::UreqTransport#certificates).
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> TransportOptions {
        append(&mut self.root_certificates, pem.into());
        self
    }

    /// Adds root certificates, in PEM form, to trust beside the others: those of
    /// [`root_certificates`](TransportOptions::root_certificates), of the environment, or of the feature.
    ///
    /// Beside those of the operating system (the features `platform-verifier` and `native-tls`), they are read from its
    /// store once, and rules that the operating system has beyond them, such as a list of distrusted certificates, do not
    /// apply.
    pub fn extra_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> TransportOptions {
        append(&mut self.extra_root_certificates, pem.into());
        self
    }

    /// Sets the certificate by which the client identifies itself to servers that ask for one (mutual TLS), in PEM form:
    /// the certificate, the issuers' if need be, and the private key (PKCS #8, PKCS #1 or SEC 1) without a passphrase.
    ///
    /// The key may come before or after the certificates; the client's own is the first of these. Default: none.
    pub fn client_certificate(mut self, pem: impl Into<Vec<u8>>) -> TransportOptions {
        self.client_certificate = Some(pem.into());
        self
    }
}

impl TransportOptions {
    /// Returns what is out of range, if something is.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.max_body == 0 {
            return Err("max_body must be 1 byte at least".to_owned());
        }
        if self.connect_timeout < Duration::from_millis(1) {
            return Err("connect_timeout must be a millisecond at least".to_owned());
        }
        Ok(())
    }

    /// Whether they choose which way requests take, or which servers are trusted.
    pub(crate) fn choose_connections(&self) -> bool {
        self.proxy.is_some() || self.choose_certificates()
    }

    /// Whether they choose the certificates of TLS.
    pub(crate) fn choose_certificates(&self) -> bool {
        let chosen =
            [&self.root_certificates, &self.extra_root_certificates, &self.client_certificate];
        chosen.iter().any(|it| it.is_some())
    }
}

fn append(certificates: &mut Option<Vec<u8>>, pem: Vec<u8>) {
    let certificates = certificates.get_or_insert_default();
    certificates.extend(pem);
    certificates.push(b'\n');
}

impl fmt::Debug for TransportOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportOptions")
            .field("connect_timeout", &self.connect_timeout)
            .field("max_body", &self.max_body)
            .field("proxy_from_env", &self.proxy_from_env)
            // It may hold a password.
            .field("proxy", &self.proxy.as_ref().map(|_| "…"))
            .field("root_certificates", &self.root_certificates.as_ref().map(|_| "…"))
            .field("extra_root_certificates", &self.extra_root_certificates.as_ref().map(|_| "…"))
            .field("client_certificate", &self.client_certificate.as_ref().map(|_| "…"))
            .finish()
    }
}
