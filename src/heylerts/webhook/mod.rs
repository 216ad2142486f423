//! Webhooks: what Heylerts posts to you, and how to know that it was Heylerts.
//!
//! # The one mistake everybody makes
//!
//! They verify a body that their framework has already parsed. Heylerts signs the **raw bytes** that it
//! sends. A framework that hands out JSON has thrown those bytes away; printing the JSON again gives other
//! bytes (other spaces, another order of keys, `é` for `\u00e9`), and the signature holds no more, today or
//! on the first day that a title has an accent in it. So take the body as bytes, verify those, and let the
//! [`Verifier`] do the parsing: it hands out a [`Delivery`] only where the signature holds, and there is no
//! other way to get one.
//!
//! ```
//! use heysync::heylerts::webhook::{EventName, SIGNATURE_HEADER, Verifier};
//!
//! # let body = br#"{"event":"mention.created","mention":{"id":"m1","url":"https://example.com/"}}"#;
//! # let mut headers = heysync::http::HeaderMap::new();
//! # headers.insert("x-heylerts-signature", heysync::heylerts::webhook::sign("s3cret", body).parse()?);
//! let verifier = Verifier::new("s3cret")?; // once, where the program starts
//!
//! let delivery = verifier.verify(body, headers.get(SIGNATURE_HEADER))?; // the bytes, as they came
//! if delivery.event() == Some(&EventName::MentionCreated) {
//!     if let Some(mention) = delivery.mention() {
//!         println!("{}", mention?.url);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A whole server, with threads, a queue and a graceful stop, is `examples/webhook_receiver.rs`.
//!
//! # What to answer
//!
//! Answer 2xx as soon as the delivery is safe with you, and work on it afterwards. A refused delivery is a
//! [`WebhookError`], which knows the [status](WebhookError::status) to answer with: 401 for a signature
//! that is missing, malformed or wrong, 413 for a body that is too large, 400 for one that is not JSON.
//!
//! # When the secret is rotated
//!
//! "The next delivery uses the new value", say the docs, but a delivery on its way, or one repeated, may
//! carry the old one. For as long as that can be, give the verifier [both](Verifier::with_secrets);
//! [`Delivery::secret_index`] tells which one matched, so you see when the old one is out of use.
//!
//! # What the signature does not tell
//!
//! **It has no timestamp.** Who has once seen a delivery can send it again, unchanged, a year later, and
//! its signature holds. Nothing but memory tells it from the first: a [`ReplayGuard`] knows the last so
//! many deliveries, by the id of the event or by the hash of the body. It forgets the oldest where it is
//! full, and all where the program ends. So handle deliveries in such a way that a second time does no
//! harm (the id of a mention as a unique key in a table will do), and take the guard for what keeps the
//! usual repetition, after a lost answer, cheap.
//!
//! # When signatures do not match
//!
//! [`Verifier::diagnose`] looks for what usually is wrong: a body that was printed again, a newline too
//! many, a secret with a space at its end, or one that is hex for the real one.
//!
//! # What is known, and what is not
//!
//! The vendor's page gives the header, HMAC-SHA256 over the raw body with the secret of the alert, and two
//! events. It gives neither the encoding of the signature nor the fields of the body. So every usual
//! [encoding](Verifier::verify) is read, fields are looked for [where they usually are](Delivery::mention),
//! and the [whole JSON](Delivery::json) is always at hand.

mod delivery;
mod diagnose;
mod encoding;
mod error;
mod event_name;
mod json_text;
mod payload;
mod replay;
mod replay_key;
mod secret;
mod signature;
mod verifier;

pub use delivery::Delivery;
pub use diagnose::{BodyFault, Diagnosis, SecretFault};
pub use error::WebhookError;
pub use event_name::EventName;
pub use replay::{Claim, Handling, ReplayGuard};
pub use secret::sign;
pub use signature::SIGNATURE_HEADER;
pub use verifier::Verifier;
