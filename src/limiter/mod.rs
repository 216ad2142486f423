//! The token bucket that keeps a client inside its service's rate limit.
//!
//! [`TokenBucket`] is what threads take a [`Permit`] from, one for each request, in the order of their asking.
//! Which tokens are free is arithmetic without clock or lock: the ledger, with its parts for what others spend,
//! for pauses and for the pace. It is kept in [`Memory`], or in another [`TokenStore`].

mod bucket;
mod cooldown;
mod external;
#[cfg(test)]
mod fuzz;
pub(crate) mod headers;
mod ledger;
mod moment;
mod pace;
mod queue;
mod rate;
mod registry;
mod status;
mod store;

pub use bucket::{Permit, TokenBucket};

pub use headers::RateLimitHeaders;
pub use rate::{Rate, Shape};
pub use status::{AcquireError, NotReady, Outcome, Snapshot, Wait, WaitReason};
pub use store::{Lease, Memory, TokenStore};
