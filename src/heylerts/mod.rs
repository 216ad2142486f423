//! Heylerts: alerts on keywords, the mentions they find, and statistics.
//!
//! Facts are from <https://heylerts.com/docs>: REST over JSON, the key in `X-API-Key`, 100 requests a
//! minute, pages of up to 100 items. Every paid plan has it.
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
//! let alert = client.create_alert(&NewAlert::new("Competitor X", "competitor x").exclude(["job posting"]))?;
//! client.update_alert(&alert.id, &AlertPatch::new().is_active(false))?;
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
mod alerts;
mod client;
mod listing;
mod mentions;
mod open_enum;
mod stats;
#[cfg(feature = "webhook")]
#[cfg_attr(docsrs, doc(cfg(feature = "webhook")))]
pub mod webhook;

pub use account::{Hello, Plan, User};
pub use alerts::{Alert, AlertPatch, Alerts, Frequency, NewAlert};
pub use client::Client;
pub use mentions::{Mention, Mentions, Sentiment, Source};
pub use stats::Stats;
