//! Time is asked for rather than taken, so that a test of waiting takes none.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a clock without [`Clock::wait`] sleeps at a time if the wait can be cancelled.
const GLANCE: Duration = Duration::from_millis(20);

/// Returns the moment `time` after `start`, or one that is centuries away if the system cannot express that.
///
/// `Instant + Duration` panics then, and both may be from outside: a setting, a header, a clock of the caller's own.
pub(crate) fn later(start: Instant, time: Duration) -> Instant {
    let mut time = time;
    loop {
        match start.checked_add(time) {
            Some(moment) => return moment,
            None => time /= 2,
        }
    }
}

/// Reads the time and waits.
///
/// Everything in this crate that waits, for the rate limit or before a retry, waits on a `Clock`. The default is
/// [`SystemClock`]; a test passes one that moves by itself, such as the sandbox's `TestClock`. An `Arc` or a
/// `Box` of a clock is a clock, so that a test can keep one to look at.
///
/// [`now`](Clock::now) and [`sleep`](Clock::sleep) are enough for a clock of your own. A clock that runs in real
/// time, or that several threads share, should implement [`wait`](Clock::wait) as well, so that a waiting thread
/// notices a token that another thread releases.
///
/// # Examples
///
/// A clock on which no wait takes any time:
///
/// ```
/// use std::sync::Mutex;
/// use std::time::{Duration, Instant};
/// use heysync::{Clock, Config, heylerts};
/// use heysync::limiter::Rate;
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
/// client.hello()?;
/// assert!(started.elapsed() < Duration::from_secs(60));
/// # Ok::<(), heysync::Error>(())
/// ```
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the current time of this clock. It never goes backwards.
    fn now(&self) -> Instant;

    /// Blocks the calling thread for `duration`.
    ///
    /// It may return early: callers read [`now`](Clock::now) and sleep again.
    fn sleep(&self, duration: Duration);

    /// Blocks the calling thread until `signal` is sent or the clock reaches `until`, and clears the signal.
    ///
    /// Without `until` only the signal ends the wait. It may return early: callers look again and wait again.
    ///
    /// The provided version waits for the signal in real time if there is no `until`. If there is one, it sleeps
    /// until then and notices a signal that is sent meanwhile at the end. If the wait can be
    /// [cancelled](crate::Cancellation), it sleeps for 20 milliseconds at a time and looks for the signal in between.
    fn wait(&self, signal: &Signal, until: Option<Instant>) {
        match until {
            _ if signal.take() => {}
            None => signal.block(None),
            Some(until) => {
                let left = until.saturating_duration_since(self.now());
                self.sleep(if signal.is_watched() { left.min(GLANCE) } else { left });
                signal.take();
            }
        }
    }

    /// Sends `signal`: ends the [`wait`](Clock::wait) of the thread that waits for it, or else its next one.
    fn notify(&self, signal: &Signal) {
        signal.send();
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn sleep(&self, duration: Duration) {
        (**self).sleep(duration);
    }

    fn wait(&self, signal: &Signal, until: Option<Instant>) {
        (**self).wait(signal, until);
    }

    fn notify(&self, signal: &Signal) {
        (**self).notify(signal);
    }
}

impl<C: Clock + ?Sized> Clock for Box<C> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn sleep(&self, duration: Duration) {
        (**self).sleep(duration);
    }

    fn wait(&self, signal: &Signal, until: Option<Instant>) {
        (**self).wait(signal, until);
    }

    fn notify(&self, signal: &Signal) {
        (**self).notify(signal);
    }
}

/// A wake-up flag for one waiting thread, which any thread can send.
///
/// Clones share the flag. A signal that is sent while nobody waits for it is kept until somebody does; sent twice,
/// it counts once. Implementations of [`Clock::wait`] and [`Clock::notify`] are its only users.
///
/// # Examples
///
/// ```
/// use heysync::Signal;
///
/// let signal = Signal::new();
/// signal.clone().send();
/// assert!(signal.take());
/// assert!(!signal.take());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Signal {
    flag: Arc<Flag>,
}

#[derive(Debug, Default)]
struct Flag {
    sent: Mutex<bool>,
    changed: Condvar,
    is_watched: AtomicBool,
}

impl Signal {
    /// Creates a signal that has not been sent.
    pub fn new() -> Signal {
        Signal::default()
    }

    /// Sets the flag and wakes the thread that [blocks](Signal::block) on it.
    pub fn send(&self) {
        *self.sent() = true;
        self.flag.changed.notify_one();
    }

    /// Clears the flag and returns whether it was set.
    pub fn take(&self) -> bool {
        std::mem::take(&mut *self.sent())
    }

    /// Blocks until the flag is set, in real time and for `timeout` at most, and clears it.
    ///
    /// Without a `timeout` only the flag ends the wait. It may return early.
    pub fn block(&self, timeout: Option<Duration>) {
        let sent = self.sent();
        let mut sent = match timeout {
            _ if *sent => sent,
            None => self.flag.changed.wait(sent).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                let waited = self.flag.changed.wait_timeout(sent, timeout);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        *sent = false;
    }

    /// Returns whether `other` is a clone of this signal.
    pub fn is_same(&self, other: &Signal) -> bool {
        Arc::ptr_eq(&self.flag, &other.flag)
    }

    /// States that a cancellation sends this signal.
    pub(crate) fn be_watched(&self) {
        self.flag.is_watched.store(true, Ordering::Relaxed);
    }

    fn is_watched(&self) -> bool {
        self.flag.is_watched.load(Ordering::Relaxed)
    }

    fn sent(&self) -> MutexGuard<'_, bool> {
        self.flag.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The monotonic clock of the operating system. On most systems it stands still while the machine is asleep.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn wait(&self, signal: &Signal, until: Option<Instant>) {
        signal.block(until.map(|until| until.saturating_duration_since(self.now())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_cannot_be_expressed_is_centuries_away_and_no_panic() {
        let start = Instant::now();
        let century = Duration::from_secs(100 * 366 * 86_400);
        assert_eq!(later(start, century), start + century);
        let far = later(start, Duration::MAX);
        assert!(far > start + century);
        assert!(later(far, Duration::MAX) >= far);
        assert_eq!(later(start, Duration::ZERO), start);
    }

    #[test]
    fn a_signal_that_is_sent_before_the_wait_ends_it_at_once_and_is_used_up() {
        let signal = Signal::new();
        SystemClock.notify(&signal);
        SystemClock.wait(&signal, None);
        assert!(!signal.take());
    }

    #[test]
    fn a_signal_from_another_thread_ends_a_wait_without_an_end() {
        let signal = Signal::new();
        std::thread::scope(|scope| {
            scope.spawn(|| SystemClock.notify(&signal));
            SystemClock.wait(&signal, None);
        });
    }

    #[test]
    fn a_wait_ends_at_its_time_without_a_signal() {
        let signal = Signal::new();
        SystemClock.wait(&signal, Some(SystemClock.now()));
        assert!(!signal.take());
    }
}
