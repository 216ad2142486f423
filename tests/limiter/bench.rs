//! A store of tokens with a clock beside it, handled by one thread.

use std::sync::Arc;
use std::time::Duration;

use heysync::Rate;
use heysync::limiter::{Lease, Memory, Outcome, RateLimitHeaders, TokenStore, WaitReason};

use crate::clock::Hand;

pub(crate) const TERM: Duration = Duration::from_secs(3600);
/// P' of a second, and its fifth.
pub(crate) const HELD: Duration = Duration::from_millis(1006);
pub(crate) const SHARE: Duration = Duration::from_nanos(201_200_000);

pub(crate) struct Bench {
    pub(crate) clock: Arc<Hand>,
    pub(crate) store: Memory,
}

impl Bench {
    pub(crate) fn new(rate: Rate) -> Bench {
        let clock = Arc::new(Hand::new());
        Bench { store: Memory::new(rate, clock.clone()), clock }
    }

    pub(crate) fn lease(&self) -> Lease {
        self.store.lease(TERM).expect("a token")
    }

    /// Nobody gets a token, and a wait for another reason than that all are taken is told.
    pub(crate) fn is_shut(&self, reason: WaitReason) {
        let outlook = self.store.lease(TERM).expect_err("no token");
        assert_eq!(outlook.reason, reason);
    }

    pub(crate) fn answer(&self, lease: Lease) {
        self.store.release(lease, Outcome::Answered(RateLimitHeaders::default()));
    }

    pub(crate) fn refuse(&self, lease: Lease, retry_after: Option<Duration>) {
        let mut remark = RateLimitHeaders::default();
        (remark.refused, remark.retry_after) = (true, retry_after);
        self.store.release(lease, Outcome::Answered(remark));
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub(crate) fn paused(&self) -> Duration {
        self.store.snapshot().paused.expect("a pause")
    }

    pub(crate) fn pace(&self) -> Option<Duration> {
        self.store.snapshot().pace
    }

    /// Waits as told, and takes the token that is there then.
    pub(crate) fn next(&self) -> Lease {
        for _ in 0..3 {
            match self.store.lease(TERM) {
                Ok(lease) => return lease,
                Err(outlook) => self.pass(outlook.look_again.expect("a time")),
            }
        }
        panic!("told three times to wait")
    }

    /// A request that is answered well as soon as it may go.
    pub(crate) fn well(&self) {
        let lease = self.next();
        self.answer(lease);
    }
}
