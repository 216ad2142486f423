//! A blocking client for Heylo and Heylerts.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod config;
mod error;
pub mod heylerts;
pub mod heylo;
pub mod page;
mod pipeline;
#[cfg(feature = "sandbox")]
pub mod sandbox;
mod time;

pub use config::Config;
pub use error::{Error, ErrorKind, Result};
pub use http;
pub use pipeline::call::Call;
pub use pipeline::clock::{Clock, SystemClock};
pub use pipeline::limiter::{Rate, TokenBucket, Wait, WaitReason};
pub use pipeline::observer::{Activity, Observer};
pub use pipeline::retry::Safety;
pub use pipeline::transport::{Transport, TransportError, TransportOptions, UreqTransport};
pub use time::{Date, Timestamp};
