//! Heylerts: alerts on keywords, the mentions that they find, and statistics.
//!
//! The service is documented at <https://heylerts.com/docs>: REST with JSON, the key in `X-API-Key`, 100 requests
//! per minute, pages of up to 100 items. Every paid plan includes it.
//!
//! Responses are plain data: every model is `Clone`, `Debug`, `PartialEq`, `Serialize` and `Deserialize`, keeps the
//! fields that this crate does not know in `other`, and writes them out again. A test makes one with `default()` or
//! from JSON.
//!
//! # Examples
//!
//! ```no_run
//! use std::time::Duration;
//! use heysync::{Timestamp, heylerts};
//! use heysync::heylerts::{AlertPatch, NewAlert, Sentiment};
//!
//! # fn main() -> heysync::Result<()> {
//! let client = heylerts::Client::from_env()?; // HEYLERTS_API_KEY
//! println!("plan: {}", client.hello()?.user.plan);
//!
//! let alert = client.create_alert(&NewAlert::new("Competitor X", "competitor x").exclude_keywords(["job posting"]))?;
//! client.update_alert(&alert.id, &AlertPatch::new().active(false))?;
//!
//! let yesterday = Timestamp::ago(Duration::from_secs(24 * 60 * 60));
//! for mention in client.mentions().alert(&alert.id).sentiment(Sentiment::Negative).since(yesterday) {
//!     println!("{}", mention?.url);
//! }
//! client.delete_alert(&alert.id)?;
//! # Ok(())
//! # }
//! ```

mod account;
mod alert_fields;
mod alerts;
mod bookmark;
mod client;
mod follow;
mod listing;
mod mentions;
mod open_enum;
mod reading;
#[cfg(feature = "webhook")]
#[cfg_attr(docsrs, doc(cfg(feature = "webhook")))]
pub mod webhook;

pub use account::{Hello, Plan, Stats, User};
pub use alert_fields::{AlertPatch, Frequency, NewAlert};
pub use alerts::{Alert, Alerts};
pub use bookmark::Bookmark;
pub use client::Client;
pub use follow::Follow;
pub use mentions::{Mention, Mentions, Sentiment, Source};
