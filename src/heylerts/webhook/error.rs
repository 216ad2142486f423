//! Why a delivery is rejected.

use http::StatusCode;
use serde::de::Error as _;
use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::pipeline::redaction::{cause_without_values, without_values};

/// Why a delivery was rejected, or could not be decoded.
///
/// No variant shows the signature that was expected. The cause, if there is one, is the
/// [`source`](std::error::Error::source). It names what was expected, and no value of the payload.
///
/// # Examples
///
/// ```
/// use heysync::heylerts::webhook::{Verifier, WebhookError};
///
/// let verifier = Verifier::new("s3cret")?;
/// let error = verifier.verify(b"{}", Some("00".repeat(32))).unwrap_err();
/// assert!(matches!(error, WebhookError::Mismatch));
/// assert_eq!(error.status(), 401);
/// eprintln!("{error}; hint: {}", error.hint().unwrap_or_default());
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The body is larger than the verifier's limit. It was not hashed.
    #[error("the body has {bytes} bytes; the limit is {max}")]
    #[non_exhaustive]
    TooLarge {
        /// The size of the body.
        bytes: usize,
        /// The verifier's limit.
        max: usize,
    },
    /// There is no signature: no header, or a blank one.
    #[error("the signature is missing")]
    Missing,
    /// The header holds no SHA-256 signature in any known encoding.
    #[error("the signature is malformed: neither 64 hex digits nor 32 bytes in base64")]
    Malformed,
    /// The signature belongs to another body or another secret. [`Verifier::diagnose`] finds the usual causes.
    ///
    /// [`Verifier::diagnose`]: super::Verifier::diagnose
    #[error("the signature does not match the body")]
    Mismatch,
    /// The signature matches, but the body is not JSON: empty, not UTF-8, cut off.
    #[error("the signature matches, but the body is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// The signature matches and the body is JSON, but not of the requested type.
    #[error("the signature matches, but the payload does not decode")]
    Undecodable(#[source] serde_json::Error),
}

impl WebhookError {
    /// Creates the error of a payload that does not decode, without the values that the cause quotes.
    pub(super) fn undecodable(cause: serde_json::Error, payload: &Value) -> WebhookError {
        let clean = serde_json::Error::custom(without_values(&cause, payload));
        WebhookError::Undecodable(clean)
    }

    /// Returns the status to respond with: 401 for a signature that is missing, malformed or wrong, 413 for a
    /// body that is too large, 400 for one that is not JSON, and 422 for a payload that does not decode.
    pub fn status(&self) -> StatusCode {
        match self {
            WebhookError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            WebhookError::Missing | WebhookError::Malformed | WebhookError::Mismatch => {
                StatusCode::UNAUTHORIZED
            }
            WebhookError::NotJson(_) => StatusCode::BAD_REQUEST,
            WebhookError::Undecodable(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// Returns the kind of failure, in the vocabulary of calls: [`Unauthorized`](ErrorKind::Unauthorized) for a
    /// signature that is missing, malformed or wrong, [`Rejected`](ErrorKind::Rejected) for a body that is too
    /// large, [`Unreadable`](ErrorKind::Unreadable) for one that is not JSON or does not decode.
    pub fn kind(&self) -> ErrorKind {
        match self {
            WebhookError::TooLarge { .. } => ErrorKind::Rejected,
            WebhookError::Missing | WebhookError::Malformed | WebhookError::Mismatch => {
                ErrorKind::Unauthorized
            }
            WebhookError::NotJson(_) | WebhookError::Undecodable(_) => ErrorKind::Unreadable,
        }
    }

    /// Returns one line about what the person who runs the receiver can do: the first thing to check.
    ///
    /// It is for a log, not for the response: the sender may be a stranger.
    pub fn hint(&self) -> Option<&str> {
        Some(self.advice())
    }

    fn advice(&self) -> &'static str {
        match self {
            WebhookError::TooLarge { .. } => {
                "if such deliveries are genuine, raise Verifier::max_body"
            }
            WebhookError::Missing => {
                "Heylerts signs in the header X-Heylerts-Signature: check that a proxy passes it on"
            }
            WebhookError::Malformed | WebhookError::Mismatch => {
                "verify the raw bytes of the body, with the secret of this alert and the header as it came; \
                 Verifier::diagnose finds the usual causes"
            }
            WebhookError::NotJson(_) | WebhookError::Undecodable(_) => {
                "Heylerts does not document its payloads: keep the body, and look at it"
            }
        }
    }
}

/// For a receiver whose functions return this crate's [`Result`](crate::Result).
impl From<WebhookError> for Error {
    fn from(rejected: WebhookError) -> Error {
        let error = Error::new(rejected.kind(), rejected.to_string()).with_hint(rejected.advice());
        match rejected {
            WebhookError::NotJson(cause) | WebhookError::Undecodable(cause) => {
                error.with_source(cause_without_values(cause, &Value::Null))
            }
            _ => error,
        }
    }
}
