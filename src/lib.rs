//! A blocking client for two services: **Heylo**, which runs communities, and **Heylerts**, which watches
//! for mentions of keywords. It is for programs without an async runtime: scripts, sync applications, and
//! command-line tools.
//!
//! * [`heylo`]: events, attendance, roles, members, invites.
//! * [`heylerts`]: alerts, mentions, statistics, webhooks.
//! * [`page`]: walks over listings, which are exact while the list changes and can be taken up again.
//! * [`Config`]: addresses, time-outs, limits, retries, and what stands in for the network or the clock.
//! * [`TokenBucket`]: what keeps a client inside its service's rate limit, and what a script feels of it.
//! * [`Error`]: what went wrong, whether it took effect, and what to do.
//! * [`Call`]: what this crate does not know yet.
//!
#![cfg_attr(
    feature = "sandbox",
    doc = " * [`sandbox`]: both services in memory, for your own tests."
)]
//!
//! # Examples
//!
//! The examples on these pages run against the sandbox, in memory; `client` and `group` stand for a client of
//! yours, and its community. Who came to the events of a community:
//!
//! ```no_run
//! use heysync::heylo;
//!
//! # fn main() -> heysync::Result<()> {
//! let group = heylo::Client::from_env()?.community("abc123"); // HEYLO_API_KEY
//! for event in group.events() {
//!     let event = event?;
//!     println!("{}: {} people", event.id, group.attendance(&event.id)?.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What was said of a brand:
//!
//! ```no_run
//! use heysync::heylerts::{self, Sentiment};
//!
//! # fn main() -> heysync::Result<()> {
//! let client = heylerts::Client::from_env()?; // HEYLERTS_API_KEY
//! for mention in client.mentions().sentiment(Sentiment::Negative) {
//!     println!("{}", mention?.url);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What can be relied on
//!
//! * The service never counts more requests in a period than it allows, whatever the network does.
//! * Nothing is sent twice that would be done twice; where the outcome is unknown, the error says so.
//! * A walk yields whatever stayed in the list throughout exactly once.
//! * A call ends by its deadline, with everything: queue, pauses, attempts.
//! * Keys go to the service alone: no redirect is followed, only `https` is spoken beyond loopback, and no
//!   error, log line or debug output shows one.
//! * Bad input is refused before anything is sent; a bad answer is an error, never a panic.
//!
//! # Features
//!
//! * `rustls` (default): TLS by rustls, with Mozilla's roots compiled in. `platform-verifier` trusts the roots
//!   of the operating system instead; `native-tls` takes its library, too. Without any of them, `https` is
//!   refused.
//! * `gzip` (default): answers may come compressed.
//! * `webhook` (default): verifies what Heylerts sends to you.
//! * `sandbox`: both services in memory, for the tests of your own program.
//!
//! # Logging
//!
//! Through the [`log`] crate, target `heysync`: waits, answers and retries at debug, requests at trace,
//! without keys, e-mail addresses or bodies. ureq's own target `ureq_proto` dumps raw bytes at trace, keys
//! included; leave it out, as by `RUST_LOG=trace,ureq_proto=off`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
mod config;
mod error;
pub mod heylerts;
pub mod heylo;
pub mod limiter;
mod nullable;
pub mod page;
mod pipeline;
#[cfg(feature = "sandbox")]
pub mod sandbox;
mod time;

pub use clock::{Clock, SystemClock};
pub use config::Config;
pub use error::{Error, ErrorKind, Result};
pub use http;
pub use limiter::{Rate, TokenBucket, Wait, WaitReason};
pub use pipeline::call::Call;
pub use pipeline::observer::{Activity, Observer};
pub use pipeline::retry::Safety;
pub use pipeline::transport::{
    SendProgress, Transport, TransportError, TransportOptions, UreqTransport,
};
pub use time::{Date, Timestamp};

/// The programs of the README, compiled by the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
