//! Webhooks: verifying that a request comes from Heylerts, and reading the event in it.
//!
//! # Verify the raw bytes
//!
//! A common mistake is to verify a body that the framework has already parsed. Heylerts signs the **raw bytes** that it
//! sends. A framework that returns JSON has dropped those bytes, and printing the JSON again gives other ones (other
//! spaces, another order of keys, `é` for `\u00e9`): the signature matches no longer, or only until a title has an
//! accent in it. So take the body as bytes, verify those, and let the [`Verifier`] parse them: it returns a
//! [`Delivery`] only if the signature matches, and there is no other way to get one.
//!
//! ```
//! use heysync::heylerts::webhook::{EventName, Verifier, signature_of};
//!
//! # let body = br#"{"event":"mention.created","mention":{"id":"m1","url":"https://example.com/"}}"#;
//! # let mut headers = heysync::http::HeaderMap::new();
//! # headers.insert("x-heylerts-signature", heysync::heylerts::webhook::sign("s3cret", body).parse()?);
//! let verifier = Verifier::new("s3cret")?; // once, when the program starts
//!
//! let delivery = verifier.verify(body, signature_of(&headers))?; // the bytes, as they came
//! if delivery.event() == Some(&EventName::MentionCreated) {
//!     if let Some(mention) = delivery.mention()? {
//!         println!("{}", mention.url);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A whole server, with threads, a queue and a graceful stop, is `examples/webhook_receiver.rs`.
//!
//! # Which status to respond with
//!
//! Respond with 2xx as soon as the delivery is stored, and work on it afterwards. A rejected delivery is a
//! [`WebhookError`], which knows the [status](WebhookError::status) to respond with: 401 for a signature
//! that is missing, malformed or wrong, 413 for a body that is too large, 400 for one that is not JSON.
//!
//! # When the secret is rotated
//!
//! According to the vendor's page, "the next delivery uses the new value", but a delivery on its way, or one
//! that is repeated, may carry the old one. For that time, give the verifier [both](Verifier::with_secrets);
//! [`Delivery::secret_index`] returns which one matched, so you see when the old one is out of use.
//!
//! # What a signature does not prove
//!
//! **A signature has no timestamp.** Whoever has once seen a delivery can send it again, unchanged, a year later, and
//! its signature matches. Only memory distinguishes it from the first one: a [`DuplicateGuard`] remembers a
//! number of deliveries, by the id of the event or by a hash of the body. It forgets the oldest when it is
//! full, and all of them when the program ends. So handle deliveries in such a way that a second time does no
//! harm (the id of a mention as a unique key in a table will do), and let the guard keep the usual
//! repetition, after a lost response, cheap.
//!
//! # When signatures do not match
//!
//! [`Verifier::diagnose`] checks the usual causes: a body that was printed again, re-encoded or unpacked, a
//! newline too many, a secret with a space at its end, or one that is the hex form of the real one.
//!
//! # What is documented, and what is not
//!
//! The vendor's page documents the header, HMAC-SHA256 over the raw body with the secret of the alert, and two
//! events. It documents neither the encoding of the signature nor the fields of the body. So every usual
//! [encoding](Verifier::verify) is accepted, fields are looked for [in the usual places](Delivery::mention),
//! and the [whole JSON](Delivery::json) is always available.

mod delivery;
mod diagnose;
mod duplicates;
mod error;
mod signature;
mod verifier;

pub use delivery::{Delivery, EventName};
pub use diagnose::{BodyFault, Diagnosis, SecretFault, SignatureFault};
pub use duplicates::{Claim, DuplicateGuard, Handling};
pub use error::WebhookError;
pub use signature::{SIGNATURE_HEADER, sign, signature_of};
pub use verifier::Verifier;
