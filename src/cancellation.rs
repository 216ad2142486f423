//! Stopping calls from another thread.

use std::cell::RefCell;
use std::fmt;
#[cfg(feature = "redis")]
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
#[cfg(feature = "redis")]
use std::sync::mpsc::{self, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
#[cfg(feature = "redis")]
use std::thread;
use std::time::Instant;

use crate::clock::{Clock, Signal};
use crate::error::{Error, ErrorKind, Result};

/// Stops calls from another thread, such as the one that handles Ctrl-C.
///
/// [`Config::cancellation`](crate::Config::cancellation) passes it to a client,
/// [`CallOptions::cancellation`](crate::CallOptions::cancellation) to some of its calls. After
/// [`cancel`](Cancellation::cancel):
///
/// * A call that waits (for the rate limit, before a retry, for a pause that the service asks for, for shared tokens)
///   returns an error of the kind [`Cancelled`](crate::ErrorKind::Cancelled) within 50 milliseconds.
/// * A request that was sent is not aborted: its response is read, and the call returns it. A program therefore ends at
///   the latest after one [`attempt_timeout`](crate::Config::attempt_timeout).
/// * A call that begins later returns the error and sends nothing.
/// * An iterator still yields the items that were read before: up to a page of a list, or more with
///   [`prefetch`](crate::page::Pager::prefetch), and all that a reading of [`new_since`](crate::page::Pager::new_since)
///   has found. Then it yields the error, once, unless it needs no further request, and is finished. Its position is
///   that of the last item that it yielded. To stop at once, check [`is_cancelled`](Cancellation::is_cancelled) in the
///   loop.
///
/// [`Error::applied`](crate::Error::applied) returns whether a cancelled call took effect, and its source is the error
/// of the attempt before the wait. Clones cancel the same calls. A cancellation cannot be undone; make another one, and
/// another client, to go on.
///
/// # Examples
///
/// A program that ends after Ctrl-C, and at once after a second one, with the crate `ctrlc`, whose handler runs on a thread of
/// its own. `cancel` locks a mutex: do not call it inside a signal handler.
///
/// ```no_run
/// use heysync::{Cancellation, Config, ErrorKind, heylerts};
///
/// # mod ctrlc {
/// #     pub fn set_handler(_: impl Fn() + Send + 'static) -> Result<(), std::io::Error> { Ok(()) }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stop = Cancellation::new();
/// let handle = stop.clone();
/// ctrlc::set_handler(move || {
///     if handle.is_cancelled() {
///         std::process::exit(130);
///     }
///     handle.cancel();
/// })?;
///
/// let client = heylerts::Client::from_env_with(Config::new().cancellation(&stop))?;
/// let mut mentions = client.mentions();
/// for mention in &mut mentions {
///     match mention {
///         Err(error) if error.kind() == ErrorKind::Cancelled => break,
///         mention => println!("{}", mention?.url),
///     }
///     if stop.is_cancelled() {
///         break; // without the rest of the page
///     }
/// }
/// println!("to continue: {}", mentions.position());
/// # Ok(())
/// # }
/// ```
///
/// On the sandbox's clock, a test cancels at a moment that it chooses:
///
/// ```
/// use heysync::{Activity, Cancellation, Config, ErrorKind, heylerts, sandbox};
/// use heysync::limiter::Rate;
///
/// let (stop, clock) = (Cancellation::new(), sandbox::TestClock::new());
/// let handle = stop.clone();
/// let config = Config::new()
///     .transport(sandbox::Heylerts::demo())
///     .clock(clock.clone())
///     .rate(Rate::per_minute(1))
///     .cancellation(&stop)
///     .observer(move |activity: &Activity<'_>| {
///         if let Activity::Waiting { .. } = activity {
///             handle.cancel();
///         }
///     });
/// let client = heylerts::Client::with_config("hlt_key", config)?;
/// client.hello()?;
/// let error = client.hello().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Cancelled);
/// assert_eq!(clock.elapsed().as_secs(), 0);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "it stops nothing until it is passed to a client"]
pub struct Cancellation {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    is_cancelled: AtomicBool,
    numbers: AtomicU64,
    waiting: Mutex<Vec<Waiting>>,
}

/// A thread that waits.
#[derive(Clone)]
struct Waiting {
    number: u64,
    clock: Arc<dyn Clock>,
    signal: Signal,
}

impl Cancellation {
    /// Creates one that is not cancelled.
    pub fn new() -> Cancellation {
        Cancellation::default()
    }

    /// Cancels the calls, those that wait and those to come. It returns immediately, and does nothing the second time.
    pub fn cancel(&self) {
        self.shared.is_cancelled.store(true, Ordering::SeqCst);
        // A copy, since a clock is code of the user's own and must not run with the lock held.
        let waiting = self.shared.waiting().clone();
        for Waiting { clock, signal, .. } in waiting {
            clock.notify(&signal);
        }
    }

    /// Returns whether [`cancel`](Cancellation::cancel) was called.
    ///
    /// # Examples
    ///
    /// ```
    /// let stop = heysync::Cancellation::new();
    /// stop.clone().cancel();
    /// assert!(stop.is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.shared.is_cancelled.load(Ordering::SeqCst)
    }

    /// Returns an error of the kind [`Cancelled`](crate::ErrorKind::Cancelled) if [`cancel`](Cancellation::cancel) was called,
    /// for a program that stops between two calls.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](crate::ErrorKind::Cancelled), as above. Nothing was sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Cancellation, ErrorKind};
    ///
    /// fn sync(files: &[&str], stop: &Cancellation) -> heysync::Result<()> {
    ///     for _file in files {
    ///         stop.check()?;
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let stop = Cancellation::new();
    /// sync(&["a.csv"], &stop)?;
    /// stop.cancel();
    /// assert_eq!(sync(&["b.csv"], &stop).unwrap_err().kind(), ErrorKind::Cancelled);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn check(&self) -> Result<()> {
        match self.is_cancelled() {
            true => Err(Error::new(ErrorKind::Cancelled, "cancelled; nothing was sent")),
            false => Ok(()),
        }
    }

    fn watch(&self, clock: &Arc<dyn Clock>, signal: &Signal) -> Watch {
        signal.be_watched();
        let number = self.shared.numbers.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting { number, clock: Arc::clone(clock), signal: signal.clone() };
        self.shared.waiting().push(waiting);
        Watch { shared: Arc::clone(&self.shared), number }
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancellation").field("is_cancelled", &self.is_cancelled()).finish()
    }
}

/// A signal that is sent when a [`Cancellation`] is cancelled, until this is dropped.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.waiting().retain(|waiting| waiting.number != self.number);
    }
}

/// A wait ended early because a [`Cancellation`] was cancelled.
#[derive(Debug)]
pub(crate) struct Cancelled;

#[derive(Default)]
struct Current {
    cancellations: Vec<Cancellation>,
    /// They belong to the thread, and hold for each call that it makes, beside those of the call.
    are_of_thread: bool,
}

thread_local! {
    /// The cancellations of the calls that this thread makes. A wait deep inside the limiter or a store asks for them.
    static CURRENT: RefCell<Current> =
        const { RefCell::new(Current { cancellations: Vec::new(), are_of_thread: false }) };
}

/// Holds `cancellations` for [`is_cancelled`] and [`watch`] on this thread until it is dropped. Those of an outer scope do
/// not count meanwhile: an observer may call another client, also to report that the call was cancelled.
pub(crate) struct Scope {
    /// `None` if there are no cancellations, neither here nor there.
    outer: Option<Current>,
}

impl Scope {
    pub(crate) fn enter(cancellations: &[Cancellation]) -> Scope {
        if cancellations.is_empty() && CURRENT.with_borrow(|it| it.cancellations.is_empty()) {
            return Scope { outer: None };
        }
        let outer = CURRENT.take();
        let mut all = cancellations.to_vec();
        if outer.are_of_thread {
            all.extend_from_slice(&outer.cancellations);
        }
        CURRENT.set(Current { cancellations: all, are_of_thread: false });
        Scope { outer: Some(outer) }
    }

    /// Enters the scope of a thread that makes calls for another one, which can cancel them.
    pub(crate) fn of_thread(cancellation: &Cancellation) -> Scope {
        let cancellations = vec![cancellation.clone()];
        let current = Current { cancellations, are_of_thread: true };
        Scope { outer: Some(CURRENT.replace(current)) }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if let Some(outer) = self.outer.take() {
            CURRENT.set(outer);
        }
    }
}

/// Returns whether the call that this thread makes was cancelled. A wait in several parts looks at it between them.
pub(crate) fn is_cancelled() -> bool {
    CURRENT.with_borrow(|current| current.cancellations.iter().any(Cancellation::is_cancelled))
}

/// Sends `signal` when the call that this thread makes is cancelled. Call it before [`is_cancelled`], so that no
/// cancellation comes in between.
pub(crate) fn watch(clock: &Arc<dyn Clock>, signal: &Signal) -> Vec<Watch> {
    CURRENT.with_borrow(|current| {
        current.cancellations.iter().map(|it| it.watch(clock, signal)).collect()
    })
}

/// Waits until `moment`, or fails as soon as the call that this thread makes is cancelled.
pub(crate) fn sleep_until(clock: &Arc<dyn Clock>, moment: Instant) -> Result<(), Cancelled> {
    let signal = Signal::new();
    let watches = watch(clock, &signal);
    loop {
        let left = moment.saturating_duration_since(clock.now());
        match (is_cancelled(), watches.is_empty()) {
            (true, _) => return Err(Cancelled),
            _ if left.is_zero() => return Ok(()),
            (false, true) => clock.sleep(left),
            (false, false) => clock.wait(&signal, Some(moment)),
        }
    }
}

/// Returns the outcome of `work`, which blocks on something that no signal ends, or fails as soon as the call that this
/// thread makes is cancelled, or if the system has no thread left. After a cancellation `work` goes on, on a thread of its own, and its
/// outcome is dropped.
#[cfg(feature = "redis")]
pub(crate) fn unless_cancelled<T: Send + 'static>(
    clock: &Arc<dyn Clock>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Cancelled> {
    let signal = Signal::new();
    let watches = watch(clock, &signal);
    match (is_cancelled(), watches.is_empty()) {
        (true, _) => return Err(Cancelled),
        (false, true) => return Ok(work()),
        (false, false) => {}
    }
    let (sender, outcome) = mpsc::channel();
    let ended = Ended { clock: Arc::clone(clock), signal: signal.clone() };
    let run = move || {
        // Dropped after the sender, also by a panic.
        let _ended = ended;
        drop(sender.send(work()));
    };
    let thread = thread::Builder::new().name("heysync-redis-call".to_owned()).spawn(run);
    let Ok(thread) = thread else { return Err(Cancelled) };
    loop {
        match outcome.try_recv() {
            Ok(value) => return Ok(value),
            Err(TryRecvError::Disconnected) => match thread.join() {
                Err(panic) => panic::resume_unwind(panic),
                Ok(()) => return Err(Cancelled),
            },
            Err(TryRecvError::Empty) if is_cancelled() => return Err(Cancelled),
            Err(TryRecvError::Empty) => clock.wait(&signal, None),
        }
    }
}

/// Sends a signal when the thread that holds this ends.
#[cfg(feature = "redis")]
struct Ended {
    clock: Arc<dyn Clock>,
    signal: Signal,
}

#[cfg(feature = "redis")]
impl Drop for Ended {
    fn drop(&mut self) {
        self.clock.notify(&self.signal);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::clock::SystemClock;

    /// A clock of the user's own that knows only two things.
    #[derive(Debug)]
    struct Plain;

    impl Clock for Plain {
        fn now(&self) -> Instant {
            Instant::now()
        }

        fn sleep(&self, duration: Duration) {
            thread::sleep(duration);
        }
    }

    fn cancelled_on(clock: Arc<dyn Clock>) -> bool {
        let stop = Cancellation::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                while stop.shared.waiting().is_empty() {
                    thread::yield_now();
                }
                stop.cancel();
            });
            let _scope = Scope::enter(std::slice::from_ref(&stop));
            sleep_until(&clock, clock.now() + Duration::from_secs(3600)).is_err()
        })
    }

    #[test]
    fn an_hours_sleep_ends_when_it_is_cancelled_on_any_clock() {
        assert!(cancelled_on(Arc::new(SystemClock)));
        assert!(cancelled_on(Arc::new(Plain)));
    }

    #[test]
    fn a_cancellation_holds_for_its_scope_and_for_no_other_thread() {
        let (outer, inner) = (Cancellation::new(), Cancellation::new());
        outer.cancel();
        let _outer = Scope::enter(&[outer]);
        assert!(is_cancelled());
        assert!(!thread::spawn(is_cancelled).join().unwrap());
        let scope = Scope::enter(std::slice::from_ref(&inner));
        assert!(!is_cancelled());
        inner.cancel();
        assert!(is_cancelled());
        drop(scope);
        assert!(is_cancelled());
        let _none = Scope::enter(&[]);
        assert!(!is_cancelled());
    }

    #[test]
    fn the_cancellation_of_a_thread_holds_for_its_calls_and_for_none_that_an_observer_makes() {
        let stop = Cancellation::new();
        let _thread = Scope::of_thread(&stop);
        stop.cancel();
        for _ in 0..2 {
            let _call = Scope::enter(&[Cancellation::new()]);
            assert!(is_cancelled());
            let _of_observer = Scope::enter(&[]);
            assert!(!is_cancelled());
        }
    }

    #[test]
    fn nothing_is_kept_of_waits_that_are_over() {
        let stop = Cancellation::new();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let _scope = Scope::enter(std::slice::from_ref(&stop));
        for _ in 0..3 {
            assert!(sleep_until(&clock, clock.now()).is_ok());
        }
        assert!(stop.shared.waiting().is_empty());
    }
}
