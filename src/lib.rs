//! A blocking client for Heylo and Heylerts.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod pipeline;
#[cfg(feature = "sandbox")]
pub mod sandbox;

pub use error::{Error, ErrorKind, Result};
pub use http;
pub use pipeline::clock::{Clock, SystemClock};
pub use pipeline::limiter;
pub use pipeline::limiter::{Rate, TokenBucket, Wait};
pub use pipeline::transport::{Transport, TransportError, TransportOptions, UreqTransport};
