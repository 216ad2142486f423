//! Time, asked for rather than taken, so that a test of waiting takes none.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Tells the time and lets it pass.
///
/// Everything in this crate that waits (for the rate limit, or before a retry) waits on a `Clock`.
/// The default is [`SystemClock`]; a test hands in one that moves by itself.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present moment. It must never go backwards.
    fn now(&self) -> Instant;

    /// Blocks the calling thread for `duration`, or until it is [unparked](thread::Thread::unpark).
    ///
    /// It may return early, for no reason too: a caller looks at [`now`](Clock::now) and waits again.
    fn sleep(&self, duration: Duration);
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn sleep(&self, duration: Duration) {
        (**self).sleep(duration);
    }
}

/// The monotonic clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) {
        thread::park_timeout(duration);
    }
}
