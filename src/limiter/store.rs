//! What holds the tokens: the seam behind which a file or a server could hold them for many processes.

use std::fmt;
use std::time::Duration;

use super::rate::Rate;
use super::remark::RateLimitHeaders;
use super::snapshot::Snapshot;
use super::wait::WaitReason;

/// Holds the tokens of one rate limit.
///
/// A [`TokenBucket`](super::TokenBucket) keeps the queue of threads and asks its store for tokens.
/// [`Memory`](super::Memory) holds them in this process. Another implementation could hold them in a file or a
/// server for many processes. Whatever holds them has to keep this contract, with N requests in a period P,
/// P' = P·1.001 + 5 ms, and its own clock, which is one clock for all who share the tokens:
///
/// 1. **Lease before sending.** [`lease`](TokenStore::lease) hands out a token or says when to ask again; it
///    never waits for one. At most N tokens are out at any moment: leased and not released, or held after that.
/// 2. **Release after the answer.** [`release`](TokenStore::release) tells how the request ended. Answered: the
///    token is held for P' from now on. Never sent: it is free at once. No answer: it is held for P' and a
///    grace of two seconds.
/// 3. **Expiry when the holder dies.** A lease that is not released within its term counts as one without an
///    answer from the term's end on. A release that comes later than that changes no token.
/// 4. A token that is free is not withheld, except by a pause or a pace that a refusal brought about.
/// 5. **A refusal (429) stops everybody**, for `Retry-After` or else for P'; then one lease goes ahead, and no
///    other is given until it is released.
/// 6. What servers remark and [`tighten`](TokenStore::tighten) says **tightens and never loosens**: a lower
///    limit is adopted, and what others spent of it is held for P'.
/// 7. A lease is released at most once, and any thread may release it. A method that fails inside, for want of a
///    network perhaps, errs on the side of giving no token.
///
/// The crate's own tests of this contract are written against the trait (`tests/limiter/contract.rs`), to be
/// run against any implementation.
pub trait TokenStore: fmt::Debug + Send + Sync {
    /// Takes a token, for a holder that will release it within `term` if it lives.
    ///
    /// # Errors
    ///
    /// No token can be had now. [`NotReady`] says why, and when to ask again.
    fn lease(&self, term: Duration) -> Result<Lease, NotReady>;

    /// Gives a token back, and tells how its request ended.
    fn release(&self, lease: Lease, outcome: Outcome);

    /// When a caller would get a token before whom `ahead` others take theirs.
    fn outlook(&self, ahead: usize) -> NotReady;

    /// Adopts `rate` as well, where it is lower than what is in force.
    fn tighten(&self, rate: Rate);

    /// What is known now. [`Snapshot::waiting`] is for the bucket to fill in.
    fn snapshot(&self) -> Snapshot;
}

/// A token that was taken, by the number its store gave it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    id: u64,
}

impl Lease {
    /// The lease that a store knows by `id`: no other living lease of the store has the same.
    pub const fn new(id: u64) -> Lease {
        Lease { id }
    }

    /// The number its store gave it.
    pub const fn id(&self) -> u64 {
        self.id
    }
}

/// How a request ended, for the token it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The head of its answer arrived, and this is what it remarks on the rate limit.
    Answered(RateLimitHeaders),
    /// Not a byte of it left.
    NeverSent,
    /// It was sent, in part at least, and no answer came.
    NoResponse,
}

/// When a token can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotReady {
    /// It takes at least so long, as far as is known: requests under way are taken to be answered right now.
    /// Zero where there is a token.
    pub at_least: Duration,
    /// When to ask again; nothing where only a release through this very store can help.
    pub look_again: Option<Duration>,
    /// What stands in the way.
    pub reason: WaitReason,
}
