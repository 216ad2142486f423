//! The token bucket that keeps a client inside its service's rate limit.
//!
//! Threads take a [`Permit`] from a [`TokenBucket`] for each request, first come, first served. Its parts:
//!
//! * `queue`: the threads that wait; `bucket` and `permit`: what they use; `registry`: one bucket for each key.
//! * `store`: where tokens are kept. Their arithmetic, without clock or lock, is the `ledger`, which combines a
//!   `window` for each limit (with the `external` usage by others), the `flights` under way, the `cooldown` after a
//!   refusal, and the `pace`.
//! * `rate`, `headers`, `status`: what goes in and what comes out.

mod bucket;
mod cooldown;
mod external;
mod flights;
pub(crate) mod headers;
mod ledger;
mod moment;
mod opening;
mod pace;
mod permit;
mod queue;
mod rate;
mod registry;
mod status;
mod store;
#[cfg(test)]
mod tests;
mod window;

pub use bucket::TokenBucket;
pub(crate) use headers::RateLimitHeaders;
pub use permit::Permit;
pub use rate::{Rate, Shape};
pub use status::{AcquireError, Snapshot, Wait, WaitReason};
