//! The only way to a delivery.

use std::fmt;

use super::delivery::Delivery;
use super::error::WebhookError;
use super::signature;
use super::signature::{Secret, Tag};
use crate::environment;
use crate::error::{Error, Result};

/// The environment variable that [`Verifier::from_env`] reads.
const VARIABLE: &str = "HEYLERTS_WEBHOOK_SECRET";

/// The default of [`Verifier::max_body`], in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// Verifies that deliveries come from Heylerts, by the secret of the alert.
///
/// It can be shared by any number of threads. Its `Debug` form does not show the secrets.
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

/// A body that one of the secrets signed.
pub(super) struct Signed {
    pub(super) secret_index: usize,
    /// The tag of the first secret, whichever matched: it also distinguishes bodies, without another hash.
    pub(super) first_tag: Tag,
}

impl Verifier {
    /// Creates a verifier with one secret, which is taken as it is: white space around it counts.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) if the secret is empty, blank or all zero bytes.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Verifier> {
        Verifier::with_secrets([secret])
    }

    /// Creates a verifier with the secret in the environment variable `HEYLERTS_WEBHOOK_SECRET`, which is taken as it
    /// is.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration), by the name of the variable, if it is not set, not Unicode,
    /// empty, blank or all zero bytes.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let verifier = heysync::heylerts::webhook::Verifier::from_env()?;
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn from_env() -> Result<Verifier> {
        let secret = environment::required(VARIABLE, "the webhook secret of the alert")?;
        Verifier::new(secret).map_err(|_| Error::configuration(format!("{VARIABLE} is empty")))
    }

    /// Creates a verifier with several secrets, any of which may match: those of several alerts, or the new and
    /// the old one while a secret is being rotated.
    ///
    /// A body is hashed once for each secret.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) if there is none, or one is empty, blank or all zero
    /// bytes.
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

    /// Sets the largest accepted body, in bytes; the default is 1 MiB.
    ///
    /// A larger body is rejected before it is hashed. Your server should not even read it.
    pub fn max_body(self, bytes: usize) -> Verifier {
        Verifier { max_body: bytes, ..self }
    }

    /// Verifies the raw bytes of a body against the header
    /// [`X-Heylerts-Signature`](super::SIGNATURE_HEADER), and decodes the body if the signature matches.
    ///
    /// The bytes must be those that came over the wire, not JSON that was parsed and printed again.
    /// `signature` is what [`signature_of`](super::signature_of) returns for an [`http::HeaderMap`], or the value of the
    /// header as your server gives it: a string, bytes or an [`http::HeaderValue`]. It is `None` if there is no such
    /// header; if the compiler cannot infer its type, write `None::<&str>`.
    ///
    /// # The signature
    ///
    /// Parsed as 64 hex digits in either case or as base64 (standard or URL-safe, padded or not), with or
    /// without `sha256=` before it and white space around it. Of several signatures, separated by commas, any
    /// one may match. If the header itself comes several times, join its values with commas, as
    /// [`signature_of`](super::signature_of) does: one of them may be genuine. Every secret is tried, and every comparison
    /// takes the same time, whatever matches.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](WebhookError::TooLarge), [`Missing`](WebhookError::Missing),
    /// [`Malformed`](WebhookError::Malformed) and [`Mismatch`](WebhookError::Mismatch), in this order; and
    /// [`NotJson`](WebhookError::NotJson) if the signature matches and the body is not JSON.
    ///
    /// # Examples
    ///
    /// A handler, as of axum, which gets the headers and the bytes of the body:
    ///
    /// ```
    /// use heysync::heylerts::webhook::{Verifier, signature_of};
    /// use heysync::http::{HeaderMap, StatusCode};
    ///
    /// fn receive(verifier: &Verifier, headers: &HeaderMap, body: &[u8]) -> StatusCode {
    ///     match verifier.verify(body, signature_of(headers)) {
    ///         Ok(delivery) => {
    ///             println!("{:?}", delivery.event()); // store it here
    ///             StatusCode::OK
    ///         }
    ///         Err(error) => error.status(),
    ///     }
    /// }
    ///
    /// # use heysync::heylerts::webhook::{SIGNATURE_HEADER, sign};
    /// # let body = br#"{"event": "mention.created"}"#;
    /// # let verifier = Verifier::new("s3cret")?;
    /// let mut headers = HeaderMap::new();
    /// assert_eq!(receive(&verifier, &headers, body), StatusCode::UNAUTHORIZED);
    /// headers.insert(SIGNATURE_HEADER, sign("s3cret", body).parse()?);
    /// assert_eq!(receive(&verifier, &headers, body), StatusCode::OK);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify(
        &self,
        body: &[u8],
        signature: Option<impl AsRef<[u8]>>,
    ) -> Result<Delivery, WebhookError> {
        let offered = self.admit(body, signature.as_ref().map(AsRef::as_ref))?;
        match self.matching(body, &offered) {
            Some(signed) => Delivery::read(body, signed.secret_index, &signed.first_tag),
            None => Err(WebhookError::Mismatch),
        }
    }

    /// Verifies the signature alone, and returns the index of the secret that matched.
    ///
    /// For a receiver that stores the raw bytes and decodes them later. The arguments are those of
    /// [`verify`](Verifier::verify). The body may be anything, JSON or not.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Verifier::verify), except [`NotJson`](WebhookError::NotJson).
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylerts::webhook::{Verifier, sign};
    ///
    /// let verifier = Verifier::new("s3cret")?;
    /// assert_eq!(verifier.verify_signature(b"raw", Some(sign("s3cret", b"raw")))?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify_signature(
        &self,
        body: &[u8],
        signature: Option<impl AsRef<[u8]>>,
    ) -> Result<usize, WebhookError> {
        let offered = self.admit(body, signature.as_ref().map(AsRef::as_ref))?;
        let signed = self.matching(body, &offered).ok_or(WebhookError::Mismatch)?;
        Ok(signed.secret_index)
    }

    /// Rejects whatever can be rejected without hashing, and returns the signatures to compare with.
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

    /// Returns the first secret that made one of the signatures, after all have been tried.
    pub(super) fn matching(&self, body: &[u8], offered: &[Tag]) -> Option<Signed> {
        let (mut matching, mut first_tag) = (None, None);
        for (index, secret) in self.secrets.iter().enumerate() {
            let expected = secret.tag(body);
            // No short cut, so that the time taken depends neither on the signature nor on the secret.
            let matches = offered.iter().fold(false, |matched, tag| (expected == *tag) | matched);
            matching = matching.or(matches.then_some(index));
            first_tag.get_or_insert(expected);
        }
        Some(Signed { secret_index: matching?, first_tag: first_tag? })
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
