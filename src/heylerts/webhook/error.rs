//! Why a delivery is refused.

use http::StatusCode;

/// Why a delivery was refused, or could not be read.
///
/// None of them shows the signature that was expected. The cause, where there is one, is the
/// [`source`](std::error::Error::source).
///
/// # Examples
///
/// ```
/// use heysync::heylerts::webhook::{Verifier, WebhookError};
///
/// let verifier = Verifier::new("s3cret")?;
/// let refused = verifier.verify(b"{}", Some("00".repeat(32)));
/// assert!(matches!(refused, Err(WebhookError::Mismatch)));
/// assert_eq!(refused.map_err(|error| error.status().as_u16()).err(), Some(401));
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The body is larger than the verifier's cap. It was not hashed.
    #[error("the body has {bytes} bytes, and {max} is the most that is taken")]
    #[non_exhaustive]
    TooLarge {
        /// The size of the body.
        bytes: usize,
        /// The verifier's cap.
        max: usize,
    },
    /// There is no signature: no header, or a blank one.
    #[error("the signature is missing")]
    Missing,
    /// What stands in the header is no SHA-256 signature in any known encoding.
    #[error("the signature is malformed: neither 64 hex digits nor 32 bytes in base64")]
    Malformed,
    /// The signature is another body's, or another secret's. [`Verifier::diagnose`] may tell why.
    ///
    /// [`Verifier::diagnose`]: super::Verifier::diagnose
    #[error("the signature does not match the body")]
    Mismatch,
    /// The signature holds, but the body is not JSON: empty, not UTF-8, cut off.
    #[error("the signature holds, but the body is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// The signature holds and the body is JSON, but not of the type that was asked for.
    #[error("the signature holds, but the payload does not decode")]
    Undecodable(#[source] serde_json::Error),
}

impl WebhookError {
    /// The status to answer with: 401 for a signature that is missing, malformed or wrong, 413 for a body
    /// that is too large, 400 for one that is not JSON, and 422 for a payload that does not decode.
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
}
