//! A blocking client for two HTTP services: **Heylo**, which runs communities, and **Heylerts**, which finds
//! mentions of keywords. It is made for programs without an async runtime: scripts, command-line tools and
//! sync applications.
//!
#![cfg_attr(
    all(feature = "sandbox", feature = "webhook"),
    doc = "The [guide] has a chapter for each task.\n"
)]
//! | module or type | |
//! |---|---|
//! | [`heylo`] | events, attendance, roles, members, invites |
//! | [`heylerts`] | alerts, mentions, statistics, webhooks |
//! | [`page`] | pagination: lists as iterators that stay exact while the list changes, and resume |
//! | [`Config`] | addresses, timeouts, limits, retries, proxies; a transport or a clock of your own |
//! | [`TokenBucket`](limiter::TokenBucket) | how a client stays inside the rate limit, and what a script feels of it |
//! | [`Error`] | what failed, whether the call took effect, and what to do |
//! | [`Call`] | requests for endpoints that have no method here |
//! | [`CallOptions`] | a deadline, a header or an observer for some calls only |
//! | [`Collector`] | status, headers, request id, attempts and duration of the calls that were made |
#![cfg_attr(
    feature = "sandbox",
    doc = "| [`sandbox`] | both services in memory, for your own tests |"
)]
//!
//! # Examples
//!
//! The number of people who came to each event of a community:
//!
//! ```no_run
//! use heysync::heylo;
//!
//! fn main() -> heysync::Result<()> {
//!     let community = heylo::Client::from_env()?.community("abc123"); // reads HEYLO_API_KEY
//!     for event in community.events() {
//!         let event = event?;
//!         println!("{}: {} people", event.id, community.attendance(&event.id)?.len());
//!     }
//!     Ok(())
//! }
//! ```
//!
//! The negative mentions of a brand:
//!
//! ```no_run
//! use heysync::heylerts::{self, Sentiment};
//!
//! fn main() -> heysync::Result<()> {
//!     let client = heylerts::Client::from_env()?; // reads HEYLERTS_API_KEY
//!     for mention in client.mentions().sentiment(Sentiment::Negative) {
//!         println!("{}", mention?.url);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! The other examples in this documentation run against the [sandbox](#features), in memory. `client` stands
//! for your client, and `community` for one of its communities.
//!
//! # Guarantees
//!
//! * **Rate limit.** The service never counts more requests in a period than it allows, if all requests with
//!   the key come from one process, or from processes with one share. See [`TokenBucket`](limiter::TokenBucket)
//!   for the conditions, and `limiter::Share` (features `share`, `redis`) for several processes.
//! * **Retries.** A request that may have been received is sent again only if sending it twice does no harm.
//!   If it cannot be known whether a call took effect, the error reports that. See [`Safety`].
//! * **Lists.** An iteration yields each item that stays in the list throughout exactly once. See [`page`]
//!   for what that assumes of the service.
//! * **Time.** A call ends by its deadline, with its waits and retries. See [`Config::deadline`].
//! * **Keys.** A key is sent to the configured service only, by `https`, loopback excepted. No redirect is
//!   followed, and no error, log line or `Debug` form contains a key.
//! * **Input.** Invalid arguments are rejected before anything is sent. A response that cannot be read is an
//!   error, never a panic.
//!
//! # Features
//!
//! * `rustls` (default): TLS by rustls, with Mozilla's roots compiled in. `platform-verifier` trusts the roots
//!   of the operating system instead; `native-tls` uses the system's TLS library too. Without any of them,
//!   an `https` address is an error.
//! * `gzip` (default): accepts compressed responses.
//! * `webhook`: verifies the webhooks of Heylerts.
//! * `share`: one rate limit for all processes of a machine. `redis`: the same for several machines.
//! * `har`: records requests and responses as HAR files, and plays them back.
//! * `tracing`: spans and metrics for the crate `tracing`, with OpenTelemetry's names.
//! * `sandbox`: both services in memory, for the tests of your own program.
//!
//! # Logging
//!
//! The crate logs through the [`log`] crate, target `heysync`: waits, responses and retries at debug, requests
//! at trace, without keys, e-mail addresses or bodies. The HTTP library below it logs raw bytes, keys
//! included, at trace under the target `ureq_proto`. Leave that target out, for example with
//! `RUST_LOG=trace,ureq_proto=off`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cancellation;
mod clock;
mod config;
mod environment;
mod error;
// Its chapters link to everything.
#[cfg(all(feature = "sandbox", feature = "webhook"))]
pub mod guide;
#[cfg(feature = "har")]
pub mod har;
pub mod heylerts;
pub mod heylo;
mod json;
pub mod limiter;
pub mod page;
mod pipeline;
#[cfg(feature = "sandbox")]
pub mod sandbox;
mod time;

pub use cancellation::Cancellation;
pub use clock::{Clock, Signal, SystemClock};
pub use config::Config;
pub use error::{Applied, Error, ErrorKind, Result};
pub use http;
pub use pipeline::call::Call;
pub use pipeline::collector::Collector;
pub use pipeline::drift::Drift;
pub use pipeline::dry_run::DryRun;
pub use pipeline::observer::{Activity, CallStart, Observer};
pub use pipeline::options::CallOptions;
pub use pipeline::response::RawResponse;
pub use pipeline::retry::Safety;
#[cfg(feature = "tracing")]
pub use pipeline::spans::TracingObserver;
pub use pipeline::summary::CallSummary;
pub use pipeline::transport::{SendProgress, Transport, TransportError};
pub use pipeline::transport_options::TransportOptions;
pub use pipeline::ureq_transport::UreqTransport;
pub use time::{Date, Timestamp};

// The tests compile the programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
