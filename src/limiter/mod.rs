//! The token bucket that keeps a client inside its service's rate limit.
//!
//! [`TokenBucket`] is what threads take a [`Permit`] from, one for each request, in the order of their asking.
//! Which tokens are free is arithmetic without clock or lock: the ledger, with its parts for what others spend,
//! for pauses and for the pace. It is kept in [`Memory`], or in another [`TokenStore`].

mod bucket;
mod foreign;
#[cfg(test)]
mod fuzz;
mod gate;
mod ledger;
mod memory;
mod nanos;
mod opening;
mod pace;
mod queue;
mod rate;
mod registry;
mod remark;
pub(crate) mod retry_after;
mod snapshot;
mod store;
mod wait;

pub use bucket::{Permit, TokenBucket};
pub use memory::Memory;
pub use rate::{Rate, Shape};
pub use remark::RateLimitHeaders;
pub use snapshot::Snapshot;
pub use store::{Lease, NotReady, Outcome, TokenStore};
pub use wait::{AcquireError, Wait, WaitReason};
