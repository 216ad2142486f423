//! Why signatures do not match, for the person who looks for the cause.

mod body;
mod escape;
mod reprint;
mod search;
mod secret;
mod signature;
mod wrapper;

pub use body::BodyFault;
pub use secret::SecretFault;
pub use signature::SignatureFault;

use std::fmt;

use crate::heylerts::webhook::error::WebhookError;
use crate::heylerts::webhook::verifier::Verifier;
use search::{Found, Search};

/// The result of [`Verifier::diagnose`]. It prints as a sentence or two.
#[derive(Debug)]
#[non_exhaustive]
pub enum Diagnosis {
    /// The signature matches: nothing is wrong.
    Matches,
    /// There was nothing to compare: the body is too large, or the signature missing or malformed.
    Incomparable(WebhookError),
    /// The signature would match if these faults were mended.
    #[non_exhaustive]
    Explained {
        /// The index of the verifier's secret that it would match, counted from 0.
        secret_index: usize,
        /// The fault of that secret, if it has one.
        secret_fault: Option<SecretFault>,
        /// The fault of the body, if it has one.
        body_fault: Option<BodyFault>,
        /// The fault of the header, if it has one.
        signature_fault: Option<SignatureFault>,
    },
    /// No usual fault that was checked explains it.
    #[non_exhaustive]
    Unexplained {
        /// A fault that the look of the body suggests, and that cannot be checked: what was signed is lost.
        suspected: Option<BodyFault>,
        /// Whether every usual fault was checked. If not, the body is too large for that.
        is_complete: bool,
    },
}

impl Verifier {
    /// Finds out why the signature of a body does not match, if the cause is a usual one.
    ///
    /// Such causes are faults of the body (printed again from parsed JSON, a newline or a byte order mark too
    /// many or too few, another encoding, a string, an object or a form around it), of the secret (white space, quotes or
    /// invisible characters in it, hex or base64 of the real one, `whsec_` too much or missing) and of the
    /// header (a prefix such as `v1=`). The arguments are those of [`verify`](Verifier::verify).
    ///
    /// It only explains: whatever does not [verify](Verifier::verify) stays rejected. It never shows a signature.
    ///
    /// Its work is bounded, whoever chose the body: it hashes 16 MiB at most, and converts or prints again only
    /// bodies up to 64 KiB. That is still hundreds of times the work of `verify`, so call it for a person's
    /// question rather than for every rejected request.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylerts::webhook::{Verifier, sign};
    ///
    /// let signature = sign("s3cret", br#"{"event": "mention.created"}"#);
    /// let parsed_and_printed = br#"{"event":"mention.created"}"#;
    ///
    /// let diagnosis = Verifier::new("s3cret\n")?.diagnose(parsed_and_printed, Some(signature));
    /// assert_eq!(
    ///     diagnosis.to_string(),
    ///     "the secret has white space around it: trim it; \
    ///      the body was parsed and printed again: verify the raw bytes, before a framework parses them",
    /// );
    /// # Ok::<(), heysync::Error>(())
    /// ```
    #[must_use]
    pub fn diagnose(&self, body: &[u8], signature: Option<impl AsRef<[u8]>>) -> Diagnosis {
        let header = signature.as_ref().map(AsRef::as_ref).unwrap_or_default();
        let offered = match self.admit(body, Some(header)) {
            Ok(offered) if self.matching(body, &offered).is_some() => return Diagnosis::Matches,
            Ok(offered) => signature::suspects(offered, header),
            Err(WebhookError::Malformed) => signature::suspects(Vec::new(), header),
            Err(error) => return Diagnosis::Incomparable(error),
        };
        if offered.is_empty() {
            return Diagnosis::Incomparable(WebhookError::Malformed);
        }
        let mut search = Search::new(&offered);
        match search.run(body, self.secrets()) {
            Some(found) => Diagnosis::from(found),
            None => Diagnosis::Unexplained {
                suspected: body::suspicion(body),
                is_complete: search.is_complete(body),
            },
        }
    }
}

impl From<Found> for Diagnosis {
    fn from(found: Found) -> Diagnosis {
        Diagnosis::Explained {
            secret_index: found.secret_index,
            secret_fault: found.secret_fault,
            body_fault: found.body_fault,
            signature_fault: found.signature_fault,
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Diagnosis::Matches => f.write_str("the signature matches"),
            Diagnosis::Incomparable(error) => error.fmt(f),
            Diagnosis::Explained { secret_fault, body_fault, signature_fault, .. } => {
                let faults = [
                    secret_fault.map(|fault| fault.to_string()),
                    body_fault.map(|fault| fault.to_string()),
                    signature_fault.map(|fault| fault.to_string()),
                ];
                f.write_str(&faults.into_iter().flatten().collect::<Vec<String>>().join("; "))
            }
            Diagnosis::Unexplained { suspected: Some(fault), .. } => {
                write!(f, "nothing that can be checked explains it, but probably {fault}")
            }
            Diagnosis::Unexplained { suspected: None, is_complete } => {
                f.write_str(match is_complete {
                    true => UNEXPLAINED,
                    false => TOO_LARGE,
                })
            }
        }
    }
}

const UNEXPLAINED: &str = "no usual fault explains it: check that the secret is this alert's, and that the \
     bytes are those that came";

const TOO_LARGE: &str = "the body is too large to check every usual fault, and none that was checked \
     explains it: send a smaller delivery, and diagnose that";
