//! A request on a thread of its own.

use std::panic;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::cancellation::{Cancellation, Scope};
use crate::clock::{Clock, Signal};

/// A request that runs on a thread of its own.
///
/// Dropping it cancels it, together with those that were started with the same [`Cancellation`], and waits for its end: a
/// wait for the rate limit or before a retry ends at once, and a request that was sent is waited for, since its token is
/// held until the response.
#[derive(Debug)]
pub(super) struct Task<T> {
    slot: Arc<Slot<T>>,
    stop: Cancellation,
    thread: Option<JoinHandle<()>>,
}

/// The outcome of a task, for the thread that waits for it.
#[derive(Debug)]
struct Slot<T> {
    outcome: Mutex<Outcome<T>>,
    ended: Signal,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Outcome<T> {
    value: Option<T>,
    is_over: bool,
}

/// Reports the end of a task, also by a panic.
struct End<T>(Arc<Slot<T>>);

impl<T> Drop for End<T> {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.clock.notify(&self.0.ended);
    }
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, Outcome<T>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits on the clock and not for the thread, so that the time of a test goes on meanwhile.
    fn wait(&self) -> Option<T> {
        loop {
            let mut outcome = self.lock();
            if outcome.is_over {
                return outcome.value.take();
            }
            drop(outcome);
            self.clock.wait(&self.ended, None);
        }
    }
}

impl<T: Send + 'static> Task<T> {
    /// Starts a thread for `work`; `None` if the system has none left.
    pub(super) fn start(
        clock: &Arc<dyn Clock>,
        stop: &Cancellation,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<Task<T>> {
        let outcome = Mutex::new(Outcome { value: None, is_over: false });
        let slot = Arc::new(Slot { outcome, ended: Signal::new(), clock: Arc::clone(clock) });
        let (end, handle) = (End(Arc::clone(&slot)), stop.clone());
        let run = move || {
            let _scope = Scope::of_thread(&handle);
            let value = work();
            end.0.lock().value = Some(value);
        };
        let thread = thread::Builder::new().name("heysync-prefetch".to_owned()).spawn(run).ok()?;
        Some(Task { slot, stop: stop.clone(), thread: Some(thread) })
    }
}

impl<T> Task<T> {
    /// Waits for the outcome. A panic of the task continues here.
    pub(super) fn join(mut self) -> Option<T> {
        let value = self.slot.wait();
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            panic::resume_unwind(panic);
        }
        value
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.stop.cancel();
            self.slot.wait();
            // A panic has been printed, and nobody waits for the outcome.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn start<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Task<T> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Task::start(&clock, &Cancellation::new(), work).expect("a thread")
    }

    #[test]
    fn the_outcome_of_a_task_is_its_value() {
        assert_eq!(start(|| 7).join(), Some(7));
    }

    #[test]
    fn a_task_that_is_dropped_is_waited_for() {
        let left = Arc::new(());
        let held = Arc::clone(&left);
        drop(start(move || drop(held)));
        assert_eq!(Arc::strong_count(&left), 1);
    }

    #[test]
    fn a_panic_of_a_task_continues_where_it_is_waited_for() {
        let caught = panic::catch_unwind(|| start(|| panic::resume_unwind(Box::new("x"))).join());
        assert!(caught.is_err());
        drop(start(|| panic::resume_unwind(Box::new("x"))));
    }
}
