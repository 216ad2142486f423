//! The token bucket that keeps a client inside its service's rate limit.
//!
//! Threads take a [`Permit`] from a [`TokenBucket`] for each request, first come, first served. Its parts:
//!
//! * `bucket`: what users have, with the permits; `queue`: the threads that wait; `registry`: one bucket for each key.
//! * `store`: where tokens are kept. Their arithmetic, without clock or lock, is the `ledger`, which combines a
//!   `window` for each limit, the requests under way, what is known about the key at its `start`, and the `cooldown`:
//!   the pause after a 429. Its length is in `pauses` if the server does not name it. A cooldown has a `pace`, the distance
//!   between requests, which follows from the memory of refusals, the `strain`. `moment` counts time.
//! * `share`: stores whose tokens several processes use.
//! * `rate`, `headers`, `status`: the input and the output.

mod bucket;
mod cooldown;
pub(crate) mod headers;
mod ledger;
mod moment;
mod pace;
mod pauses;
mod queue;
mod rate;
mod registry;
mod runs;
mod sent;
#[cfg(any(feature = "share", feature = "redis"))]
pub(crate) mod share;
mod start;
mod status;
mod store;
mod strain;
#[cfg(test)]
pub(crate) mod tests;
mod window;

pub use bucket::{Permit, TokenBucket};
pub(crate) use headers::RateLimitHeaders;
pub use rate::{Rate, Shape};
#[cfg(any(feature = "share", feature = "redis"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "share", feature = "redis"))))]
pub use share::{IfUnavailable, Share};
pub use status::{AcquireError, Snapshot, Wait, WaitReason};
