//! A blocking client for two HTTP services: **Heylo**, which runs communities (events, attendance, roles, members,
//! invites), and **Heylerts**, which finds mentions of keywords (alerts, mentions, statistics, webhooks). It is made
//! for programs without an async runtime: scripts, command-line tools and sync applications. Such a program sends no
//! invite twice, reads lists exactly while they change, and shows its key to nobody. It stays inside the rate limit, alone
//! or together with other programs that share the key by a file or by Redis.
//!
//! How many people came to each event of a community:
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
//!     Ok(()) // an error is printed with its cause and a hint
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
//! # Where next
//!
//! The [guide] has a chapter for each task:
//! [Getting started](guide::getting_started) ·
//! [Limits and waiting](guide::limits_and_waiting) ·
//! [Sharing a key](guide::sharing_a_key) ·
//! [Errors, retries and what to do](guide::errors_and_retries) ·
//! [Long lists, resuming, following](guide::long_lists) ·
//! [Bulk changes](guide::bulk_changes) ·
//! [Webhooks](guide::webhooks) ·
//! [Testing your code](guide::testing) ·
//! [Proxies, certificates, transports](guide::network) ·
//! [Observing](guide::observing) ·
//! [Inside an async program](guide::in_async) ·
//! [Coming from curl](guide::coming_from_curl) ·
//! [Recipes](guide::recipes).
//!
//! The examples run without a key, in a clone by `cargo run --example tour`: [`tour`] calls every operation once,
//! [`in_tokio`] calls from async code,
//! [`tracing`](https://docs.rs/crate/heysync/latest/source/examples/tracing.rs) prints spans, [`webhook_receiver`]
//! verifies webhooks, and [`sandbox_server`] serves both services on a loopback port. `examples/programs`, in the
//! repository, has whole programs to use as they are: `roster_sync`, `attendance_report`, `mention_export`,
//! `mention_report`, `mention_watch` and `alert_janitor`.
//!
//! [`tour`]: https://docs.rs/crate/heysync/latest/source/examples/tour.rs
//! [`in_tokio`]: https://docs.rs/crate/heysync/latest/source/examples/in_tokio.rs
//! [`webhook_receiver`]: https://docs.rs/crate/heysync/latest/source/examples/webhook_receiver.rs
//! [`sandbox_server`]: https://docs.rs/crate/heysync/latest/source/examples/sandbox_server.rs
//!
//! | module or type | |
//! |---|---|
//! | [`heylo`] | events, attendance, roles, members, invites |
//! | [`heylerts`] | alerts, mentions, statistics, webhooks |
//! | [`page`] | pagination: lists as iterators that stay exact while the list changes, and resume |
//! | [`heylerts::Follow`] | new mentions as they come, across outages and restarts |
//! | [`Error`] | what failed, whether the call took effect, and what to do |
//! | [`Config`] | addresses, timeouts, limits, retries, proxies; a custom transport or clock |
//! | [`CallOptions`] | a deadline, a header or an observer for some calls only |
//! | [`Call`] | requests for endpoints that have no method here |
//! | [`limiter`] | the rate limit: how a client stays inside it, alone or with other programs |
//! | [`Cancellation`] | stops waiting calls from another thread, as after Ctrl-C |
//! | [`DryRun`] | prints the changes of a program as lines of curl, in place of sending them |
//! | [`Observer`] | receives each wait, attempt, retry and response, for a progress bar or a log |
//! | [`Collector`] | keeps status, headers, request id, attempts and duration of the calls that were made |
//! | [`Drift`] | a field or a value that the service has and this version does not know |
#![cfg_attr(
    feature = "tracing",
    doc = "| [`TracingObserver`] | spans and metrics for the crate `tracing` |"
)]
#![cfg_attr(
    feature = "har",
    doc = "| [`har`] | records requests in HAR files, and plays them back in tests |"
)]
#![cfg_attr(
    feature = "sandbox",
    doc = "| [`sandbox`] | both services in memory, for your own tests |"
)]
//!
//! The API uses types of two other crates, and re-exports them: [`http`] and [`serde_json`].
//!
//! The other programs in this documentation run against the [sandbox](#features), in memory. `client` stands
//! for your client, and `community` for one of its communities.
//!
//! # Guarantees
//!
//! * **Rate limit.** The service never counts more requests in a period than it allows, if all requests with
//!   the key come from one process, or from processes with one share. See [`TokenBucket`](limiter::TokenBucket)
//!   for the conditions, and `limiter::Share` (features `share`, `redis`) for several processes.
//! * **Retries.** A request that may have been received is sent again only if sending it twice does no harm.
//!   If it cannot be known whether a call took effect, the error reports that. See [`Safety`].
//! * **Lists.** An iteration yields each item that stays in the list throughout exactly once, if new items of Heylerts
//!   appear at the top, as documented. A mention that is un-ignored meanwhile appears at its old place, and may be missed.
//!   See [`page`] for what else that assumes of the services.
//! * **Time.** A call ends by its deadline, with its waits and retries. See [`Config::deadline`].
//! * **Keys.** A key is sent to the configured service only, by `https`, loopback excepted. No redirect is
//!   followed, and no error, log line or `Debug` form contains a key.
//! * **Input.** Invalid arguments are rejected before anything is sent: empty ids, ids with blanks around them, values
//!   and moments out of range. A response that cannot be read is an
//!   error, never a panic.
//!
//! # Features
//!
//! The default build has 70 crates below it. `default-features = false` is the smallest client, with 53: it has no TLS, so it
//! is for a loopback address or a custom transport. `default-features = false, features = ["rustls"]` has 65.
//!
//! * `rustls` (default, 12 crates): TLS by rustls, with Mozilla's roots compiled in. `platform-verifier` (3) trusts the
//!   roots of the operating system instead; `native-tls` (18) uses the system's TLS library too. Without any of the
//!   three, an `https` address is an error. Cargo unites the features of a crate: if any crate of a program enables
//!   `platform-verifier` or `native-tls`, it holds for all clients. [`Config::root_certificates`] sets the roots of one
//!   client.
//! * `gzip` (default, 6): accepts compressed responses.
//! * `webhook` (10): verifies the webhooks of Heylerts.
//! * `share` (12): one rate limit for all processes of a machine. `redis` (16): the same for several machines.
//! * `har` (0): records requests and responses as HAR files, and plays them back.
//! * `tracing` (3): spans and metrics for the crate `tracing`, with OpenTelemetry's names.
//! * `sandbox` (0): both services in memory, for the tests of your own program.
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
pub use serde_json;
pub use time::{Date, Timestamp};

// The tests compile the programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
