//! Time, asked for rather than taken, so that a test of waiting takes none.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Tells the time and lets it pass.
///
/// Everything in this crate that waits (for the rate limit, or before a retry) waits on a `Clock`. The
/// default is [`SystemClock`]; a test hands in one that moves by itself, such as the sandbox's `TestClock`.
/// An `Arc` of a clock is a clock, so one can be kept to look at.
///
/// # Examples
///
/// A clock on which nobody waits:
///
/// ```
/// use std::sync::Mutex;
/// use std::time::{Duration, Instant};
/// use heysync::{Clock, Config, Rate, heylerts};
///
/// #[derive(Debug)]
/// struct Skipping(Mutex<Instant>);
///
/// impl Clock for Skipping {
///     fn now(&self) -> Instant {
///         *self.0.lock().unwrap()
///     }
///
///     fn sleep(&self, duration: Duration) {
///         *self.0.lock().unwrap() += duration;
///     }
/// }
///
/// let config = Config::new().clock(Skipping(Mutex::new(Instant::now()))).rate(Rate::per_minute(1));
/// # let config = config.transport(heysync::sandbox::Heylerts::demo());
/// let client = heylerts::Client::with_config("hlt_key", config)?;
/// let started = Instant::now();
/// client.hello()?;
/// client.stats()?; // a minute later, by the client's clock
/// assert!(started.elapsed() < Duration::from_secs(60));
/// # Ok::<(), heysync::Error>(())
/// ```
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the present moment. It must never go backwards.
    fn now(&self) -> Instant;

    /// Blocks the calling thread for `duration`, or until it is [unparked](Clock::unpark).
    ///
    /// It may return early, for no reason too: a caller looks at [`now`](Clock::now) and waits again.
    fn sleep(&self, duration: Duration);

    /// Blocks the calling thread until it is [unparked](Clock::unpark), for however long.
    ///
    /// It may return early, too. A clock that is to know who waits takes note.
    fn park(&self) {
        thread::park();
    }

    /// Ends what `thread` waits for in [`park`](Clock::park) or [`sleep`](Clock::sleep), or will wait for next.
    fn unpark(&self, thread: &Thread) {
        thread.unpark();
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn sleep(&self, duration: Duration) {
        (**self).sleep(duration);
    }

    fn park(&self) {
        (**self).park();
    }

    fn unpark(&self, thread: &Thread) {
        (**self).unpark(thread);
    }
}

/// The monotonic clock of the operating system. On most it stands still while the machine is asleep.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) {
        // Not `thread::sleep`: a thread in the queue for a token is woken when one is there.
        thread::park_timeout(duration);
    }
}
