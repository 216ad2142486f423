//! Why signatures do not match, for the person who wonders.

mod body;
mod secret;

pub use body::BodyFault;
pub use secret::SecretFault;

use std::fmt;

use crate::heylerts::webhook::error::WebhookError;
use crate::heylerts::webhook::json_text::is_printed_value;
use crate::heylerts::webhook::secret::{Secret, Tag};

use crate::heylerts::webhook::verifier::Verifier;

const UNEXPLAINED: &str = "no usual fault explains it: look whether the secret is this alert's, and whether \
     the bytes are those that came";

const LOOKS_RESERIALIZED: &str = "; with its keys sorted and no spaces, the body may have been parsed and \
     printed again: verify the raw bytes, before a framework reads them";

/// What [`Verifier::diagnose`] found out. It prints as a sentence or two.
#[derive(Debug)]
#[non_exhaustive]
pub enum Diagnosis {
    /// The signature holds: nothing is wrong.
    Holds,
    /// There was nothing to compare: the body is too large, or the signature missing or malformed.
    Incomparable(WebhookError),
    /// The signature would hold if this were put right.
    #[non_exhaustive]
    Explained {
        /// Which of the verifier's secrets it would hold for, counted from 0.
        secret_index: usize,
        /// What is wrong with that secret, if anything is.
        secret_fault: Option<SecretFault>,
        /// What happened to the body, if anything did.
        body_fault: Option<BodyFault>,
    },
    /// Nothing that usually is wrong explains it.
    #[non_exhaustive]
    Unexplained {
        /// Whether the body is, to the byte, what a JSON library prints that sorts keys and leaves out
        /// spaces, as `serde_json` does. If it was printed again here, the order that was signed is lost;
        /// but it may as well have been signed like that.
        looks_reserialized: bool,
    },
}

impl Verifier {
    /// Tells why the signature of a body does not match, where the reason is one of the usual ones: the
    /// body was read as JSON and printed again, a newline was added or lost, the secret has space or
    /// quotation marks around it, or is hex or base64 for the real one.
    ///
    /// It tells, and accepts nothing: what does not [verify](Verifier::verify) stays refused. It never
    /// shows a signature. It hashes the body some hundreds of times, so keep it for a person's question,
    /// and away from what answers to the internet.
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
    ///     "the secret has stray space around it: trim it; \
    ///      the body was parsed and printed again: verify the raw bytes, before a framework reads them",
    /// );
    /// # Ok::<(), heysync::Error>(())
    /// ```
    #[must_use]
    pub fn diagnose(&self, body: &[u8], signature: Option<impl AsRef<[u8]>>) -> Diagnosis {
        match self.admit(body, signature.as_ref().map(AsRef::as_ref)) {
            Ok(offered) if self.matching(body, &offered).is_some() => Diagnosis::Holds,
            Ok(offered) => self.explain(body, &offered),
            Err(refused) => Diagnosis::Incomparable(refused),
        }
    }

    fn explain(&self, body: &[u8], offered: &[Tag]) -> Diagnosis {
        let suspects = self.suspects();
        let explained = body::suspects(body).find_map(|(body_fault, body)| {
            let signed = |suspect: &&Suspect| suspect.meant.signed(&body, offered);
            let signer = suspects.iter().find(signed)?;
            Some(Diagnosis::Explained {
                secret_index: signer.index,
                secret_fault: signer.fault,
                body_fault,
            })
        });
        explained.unwrap_or_else(|| Diagnosis::Unexplained {
            looks_reserialized: is_printed_value(body),
        })
    }

    fn suspects(&self) -> Vec<Suspect> {
        let suspects = |(index, secret)| {
            let suspect = move |(fault, meant)| Suspect { index, fault, meant };
            secret::suspects(secret).into_iter().map(suspect)
        };
        self.secrets().iter().enumerate().flat_map(suspects).collect()
    }
}

/// A secret that may have been meant, and what is wrong with it as it was given.
struct Suspect {
    index: usize,
    fault: Option<SecretFault>,
    meant: Secret,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Diagnosis::Holds => f.write_str("the signature holds"),
            Diagnosis::Incomparable(refused) => refused.fmt(f),
            Diagnosis::Explained { secret_fault, body_fault, .. } => {
                f.write_str(&both(secret_fault, body_fault))
            }
            Diagnosis::Unexplained { looks_reserialized } => {
                let hint = if *looks_reserialized { LOOKS_RESERIALIZED } else { "" };
                write!(f, "{UNEXPLAINED}{hint}")
            }
        }
    }
}

fn both(secret: &Option<SecretFault>, body: &Option<BodyFault>) -> String {
    let texts = [secret.map(|fault| fault.to_string()), body.map(|fault| fault.to_string())];
    texts.into_iter().flatten().collect::<Vec<String>>().join("; ")
}
