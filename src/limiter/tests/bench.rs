//! A store of tokens with a clock beside it, handled by one thread.

use std::sync::Arc;
use std::time::Duration;

use crate::limiter::Rate;
use crate::limiter::WaitReason;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::ledger::Ledger;
use crate::limiter::status::Outcome;
use crate::limiter::store::{Memory, TokenStore};

use super::clock::Hand;

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
        Bench { store: Memory::new(Ledger::new(rate), clock.clone()), clock }
    }

    pub(crate) fn lease(&self) -> Lease {
        self.store.lease(None).expect("a token")
    }

    /// Nobody gets a token, for this reason.
    pub(crate) fn is_shut(&self, reason: WaitReason) {
        let outlook = self.store.lease(None).expect_err("no token").not_ready();
        assert_eq!(outlook.reason, reason);
        // A wait that seemed to take no time would be waited for by those who only try.
        assert!(outlook.at_least > Duration::ZERO);
    }

    pub(crate) fn answer(&self, lease: Lease) {
        let headers = RateLimitHeaders { success: true, ..RateLimitHeaders::default() };
        self.store.release(&lease, Outcome::Responded(headers));
    }

    pub(crate) fn refuse(&self, lease: Lease, retry_after: Option<Duration>) {
        let headers =
            RateLimitHeaders { refused: true, retry_after, ..RateLimitHeaders::default() };
        self.store.release(&lease, Outcome::Responded(headers));
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

    /// Waits for as long as the store returns, and takes the token that is there then.
    pub(crate) fn next(&self) -> Lease {
        for _ in 0..3 {
            match self.store.lease(None) {
                Ok(lease) => return lease,
                Err(denied) => self.pass(denied.not_ready().look_again.expect("a time")),
            }
        }
        panic!("three waits brought no token")
    }

    /// A request that succeeds as soon as it may be sent.
    pub(crate) fn well(&self) {
        let lease = self.next();
        self.answer(lease);
    }
}
