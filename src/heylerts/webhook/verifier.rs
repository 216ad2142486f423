//! The only way to a delivery.

use std::fmt;

use super::delivery::Delivery;
use super::error::WebhookError;
use super::secret::{Secret, Tag};
use super::signature;
use crate::error::{Error, Result};

/// The most of a body that is hashed, in bytes, where nothing else is set.
const MAX_BODY: usize = 1024 * 1024;

/// Verifies what comes in as Heylerts' own, by the secret of the alert.
///
/// One serves all threads. It never shows its secrets.
///
/// # Examples
///
/// ```
/// use heysync::heylerts::webhook::{Verifier, sign};
///
/// // While a secret is being rotated: the new one, and the old one.
/// let verifier = Verifier::with_secrets(["n3w", "0ld"])?;
///
/// let body = br#"{"event": "spike.detected", "alert_id": "a1"}"#;
/// let delivery = verifier.verify(body, Some(sign("0ld", body)))?;
/// assert_eq!(delivery.secret_index(), 1);
/// assert_eq!(delivery.json()["alert_id"], "a1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Verifier {
    secrets: Vec<Secret>,
    max_body: usize,
}

impl Verifier {
    /// A verifier with one secret, taken as it is: space around it counts.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) where the secret is empty, blank or all zero bytes.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Verifier> {
        Verifier::with_secrets([secret])
    }

    /// A verifier with several secrets, any of which will do: those of several alerts, or the new and the
    /// old one while a secret is being rotated.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) where there is none, or one is empty, blank or all zero bytes.
    pub fn with_secrets<I>(secrets: I) -> Result<Verifier>
    where
        I: IntoIterator<Item: AsRef<[u8]>>,
    {
        let secrets = secrets
            .into_iter()
            .map(|secret| Secret::new(secret.as_ref()))
            .collect::<Result<Vec<Secret>>>()?;
        match secrets.is_empty() {
            true => Err(Error::configuration("there is no webhook secret")),
            false => Ok(Verifier { secrets, max_body: MAX_BODY }),
        }
    }

    /// Sets the size in bytes up to which bodies are taken; 1 MiB where it is not set. A larger one is
    /// refused before it is hashed. Your server should not even read it.
    pub fn max_body(self, bytes: usize) -> Verifier {
        Verifier { max_body: bytes, ..self }
    }

    /// Verifies the raw bytes of a body against the header
    /// [`X-Heylerts-Signature`](super::SIGNATURE_HEADER), and reads the body where the signature holds.
    ///
    /// The bytes must be those that came over the wire, not JSON that was parsed and printed again.
    /// `signature` is the value of the header as your server gives it (text, bytes, or an
    /// [`http::HeaderValue`]), and `None` where there is no such header.
    ///
    /// # The signature
    ///
    /// Read as 64 hex digits in either case or as base64 (standard or URL-safe, padded or not), with or
    /// without `sha256=` before it and space around it. Of several, separated by commas, any one may match;
    /// where the header itself comes several times, join its values with commas. Every secret is tried, and
    /// every comparison takes the same time, whatever matches.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](WebhookError::TooLarge), [`Missing`](WebhookError::Missing),
    /// [`Malformed`](WebhookError::Malformed) and [`Mismatch`](WebhookError::Mismatch), in this order; and
    /// [`NotJson`](WebhookError::NotJson) where the signature holds and the body cannot be read.
    pub fn verify(
        &self,
        body: &[u8],
        signature: Option<impl AsRef<[u8]>>,
    ) -> Result<Delivery, WebhookError> {
        let offered = self.admit(body, signature.as_ref().map(AsRef::as_ref))?;
        match self.matching(body, &offered) {
            Some(index) => Delivery::read(body, index),
            None => Err(WebhookError::Mismatch),
        }
    }

    /// What can be refused without hashing; the signatures to compare with, if nothing is.
    pub(super) fn admit(
        &self,
        body: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<Vec<Tag>, WebhookError> {
        let (bytes, max) = (body.len(), self.max_body);
        if bytes > max {
            return Err(WebhookError::TooLarge { bytes, max });
        }
        signature::parse(signature)
    }

    /// Which secret made one of the signatures: the first that did, after all have been tried.
    pub(super) fn matching(&self, body: &[u8], offered: &[Tag]) -> Option<usize> {
        let mut matching = None;
        for (index, secret) in self.secrets.iter().enumerate() {
            let signed = secret.signed(body, offered);
            matching = matching.or(signed.then_some(index));
        }
        matching
    }

    pub(super) fn secrets(&self) -> &[Secret] {
        &self.secrets
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}
