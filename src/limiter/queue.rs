//! The queue of threads that wait for a token: first come, first served.

use std::collections::VecDeque;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::{Clock, Signal, later};

use super::status::{AcquireError, Unavailable};

/// While the first asks for a token and that takes time, a thread whose deadline comes waits for so much longer. Until then
/// it looks again as often.
const PATIENCE: Duration = Duration::from_millis(50);

/// Threads in the order in which they came.
///
/// Only the first may take a token, and only the first waits with a timer, on behalf of all: it wakes the threads
/// whose deadlines have come. Such a thread may still expect a token, after the first has taken its own. If the first gets
/// none by then, the thread fails with it, as soon as that is known. The others wait until they are signalled. A thread that is
/// busy with something else (the caller's own code) is passed over as if it were not there, so that it holds up nobody. While
/// the first asks for a token and that takes time, whoever comes then has a timer of its own.
#[derive(Debug)]
pub(crate) struct Queue {
    clock: Arc<dyn Clock>,
    line: Mutex<Line>,
    /// The length of the line, readable without its lock.
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct Line {
    /// In the order of their tickets.
    waiters: VecDeque<Waiter>,
    tickets: u64,
    /// Whose threads they are.
    process: u32,
    /// How many threads ask for a token, if that takes time: the first, and one that stepped aside and is back.
    asking: usize,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    signal: Signal,
    until: Option<Instant>,
    busy: bool,
    /// Why it gets no token, if its deadline came before that was known.
    failed: Option<AcquireError>,
}

/// The place of a thread at one moment.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// How many threads came earlier and are still waiting.
    pub(crate) ahead: usize,
    failed: Option<AcquireError>,
    /// Until when it waits if asking for a token takes time, and another one asks or its deadline has come.
    patience: Option<Instant>,
}

/// A place in the queue. Dropping it leaves the queue and wakes the next thread if this was the first.
#[derive(Debug)]
pub(crate) struct Place {
    queue: Arc<Queue>,
    ticket: u64,
    signal: Signal,
}

impl Queue {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Queue {
        Queue { clock, line: Mutex::default(), waiting: AtomicUsize::new(0) }
    }

    /// Takes the last place in `queue`.
    pub(crate) fn join(queue: &Arc<Queue>, until: Option<Instant>) -> Place {
        let signal = Signal::new();
        let mut line = queue.lock_in_this_process();
        let first = if line.is_first_deadline(until) { line.first() } else { None };
        let ticket = line.tickets;
        line.tickets += 1;
        let own = signal.clone();
        line.waiters.push_back(Waiter { ticket, signal: own, until, busy: false, failed: None });
        queue.waiting.fetch_add(1, Ordering::SeqCst);
        drop(line);
        queue.notify(first);
        Place { queue: Arc::clone(queue), ticket, signal }
    }

    /// Returns how many threads have a place.
    pub(crate) fn len(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Wakes the first: there may be a token.
    pub(crate) fn wake_first(&self) {
        if self.len() > 0 {
            let first = self.lock().first();
            self.notify(first);
        }
    }

    /// Wakes everybody: for some, the wait may have become too long.
    pub(crate) fn wake_all(&self) {
        if self.len() > 0 {
            let all = self.lock().all();
            self.notify(all);
        }
    }

    /// The clock is code of the user's own, so the lock must not be held.
    fn notify(&self, signals: impl IntoIterator<Item = Signal>) {
        signals.into_iter().for_each(|signal| self.clock.notify(&signal));
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The child of a `fork` has none of the threads that wait in its parent.
    fn lock_in_this_process(&self) -> MutexGuard<'_, Line> {
        let mut line = self.lock();
        let process = process::id();
        if line.process != process {
            *line = Line { tickets: line.tickets, process, ..Line::default() };
            self.waiting.store(0, Ordering::SeqCst);
        }
        line
    }
}

impl Turn {
    /// Returns why the thread gets no token, if it waited until its deadline in vain.
    pub(crate) fn failed(&self, now: Instant) -> Option<AcquireError> {
        let is_late = self.patience.is_some_and(|until| until <= now);
        self.failed.clone().or_else(|| is_late.then(not_reached))
    }
}

impl Place {
    /// Returns the signal that ends a [wait](Place::wait).
    pub(crate) fn signal(&self) -> &Signal {
        &self.signal
    }

    /// Returns what the thread has to know before it asks for a token or waits.
    pub(crate) fn turn(&self, takes_time: bool, now: Instant) -> Turn {
        self.queue.lock_in_this_process().turn(self.ticket, |until| takes_time && until <= now)
    }

    /// Asks for a token, on behalf of all who wait: by the earliest of their deadlines. Those who come meanwhile know if that
    /// takes time.
    pub(crate) fn ask<T>(&self, takes_time: bool, ask: impl FnOnce(Option<Instant>) -> T) -> T {
        let mut line = self.queue.lock();
        let by = line.earliest_deadline();
        let _asking = takes_time.then(|| {
            line.asking += 1;
            Asking { queue: &self.queue }
        });
        drop(line);
        ask(by)
    }

    /// Runs the caller's own code, and is passed over by the others meanwhile.
    pub(crate) fn step_aside(&self, code: impl FnOnce()) {
        let _aside = Aside::step(self);
        code();
    }

    /// Waits until signalled: by whoever leaves this thread as the first, or wakes it at its deadline.
    pub(crate) fn wait(&self, turn: &Turn, clock: &dyn Clock) {
        // A clock of the user's own may notice the signal only at the end of the time, and the first may be done before.
        let soon = |until: Instant| until.min(later(clock.now(), PATIENCE));
        clock.wait(&self.signal, turn.patience.map(soon));
    }

    /// Waits until something may have changed, and until `look` at most, after the first got no token because of `error`.
    /// Those whose deadlines come `by` then fail as well; after that, there may be more time for another attempt.
    pub(crate) fn wait_as_first(
        &self,
        look: Option<Instant>,
        (error, by): (&AcquireError, Instant),
        clock: &dyn Clock,
    ) {
        let mut line = self.queue.lock();
        let failed = line.fail(by, error);
        let deadline = line.earliest_deadline();
        drop(line);
        if !failed.is_empty() {
            return self.queue.notify(failed);
        }
        clock.wait(&self.signal, look.into_iter().chain(deadline).min());
        if deadline.is_some() {
            let now = clock.now();
            let overdue = self.queue.lock().overdue(now);
            self.queue.notify(overdue);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut line = self.queue.lock();
        let was_first = line.ahead(self.ticket) == 0;
        if let Some(position) = line.position(self.ticket) {
            line.waiters.remove(position);
            self.queue.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        let next = if was_first { line.first() } else { None };
        drop(line);
        self.queue.notify(next);
    }
}

/// A place whose thread runs the caller's own code, until this is dropped.
struct Aside<'a> {
    place: &'a Place,
}

impl Aside<'_> {
    fn step(place: &Place) -> Aside<'_> {
        // While the first is busy the next one keeps the timer, so it has to know.
        let next = place.queue.lock().set_busy(place.ticket, true).first();
        place.queue.notify(next);
        Aside { place }
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        self.place.queue.lock().set_busy(self.place.ticket, false);
    }
}

/// A call for a token that takes time, until this is dropped.
struct Asking<'a> {
    queue: &'a Queue,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut line = self.queue.lock();
        line.asking = line.asking.saturating_sub(1);
    }
}

impl Line {
    fn position(&self, ticket: u64) -> Option<usize> {
        self.waiters.binary_search_by_key(&ticket, |it| it.ticket).ok()
    }

    fn ahead(&self, ticket: u64) -> usize {
        self.waiters.iter().take_while(|it| it.ticket < ticket).filter(|it| !it.busy).count()
    }

    fn set_busy(&mut self, ticket: u64, busy: bool) -> &Line {
        let position = self.position(ticket);
        if let Some(waiter) = position.and_then(|position| self.waiters.get_mut(position)) {
            waiter.busy = busy;
        }
        self
    }

    /// The signal of the first that is not busy.
    fn first(&self) -> Option<Signal> {
        self.waiters.iter().find(|it| !it.busy).map(|it| it.signal.clone())
    }

    fn all(&self) -> Vec<Signal> {
        self.waiters.iter().map(|it| it.signal.clone()).collect()
    }

    /// Whether the first has to set its timer anew for `until`.
    fn is_first_deadline(&self, until: Option<Instant>) -> bool {
        let earliest = self.earliest_deadline();
        until.is_some_and(|until| earliest.is_none_or(|earliest| until < earliest))
    }

    fn earliest_deadline(&self) -> Option<Instant> {
        self.waiters.iter().filter(|it| it.failed.is_none()).filter_map(|it| it.until).min()
    }

    /// The threads whose deadlines have come.
    fn overdue(&self, now: Instant) -> Vec<Signal> {
        self.waiters.iter().filter(|it| it.is_overdue(now)).map(|it| it.signal.clone()).collect()
    }

    /// The same threads, which fail now: nobody waits for their deadlines again.
    fn fail(&mut self, by: Instant, error: &AcquireError) -> Vec<Signal> {
        let failing = self.waiters.iter_mut().filter(|it| it.is_overdue(by));
        let fail = |it: &mut Waiter| {
            it.failed = Some(error.clone());
            it.signal.clone()
        };
        failing.map(fail).collect()
    }

    fn turn(&self, ticket: u64, is_late: impl Fn(Instant) -> bool) -> Turn {
        let waiter = self.position(ticket).and_then(|position| self.waiters.get(position));
        let Some(Waiter { failed, until, .. }) = waiter else {
            return Turn::default();
        };
        let until = until.filter(|until| self.asking > 0 || is_late(*until));
        let patience = until.map(|until| later(until, PATIENCE));
        Turn { ahead: self.ahead(ticket), failed: failed.clone(), patience }
    }
}

impl Waiter {
    fn is_overdue(&self, now: Instant) -> bool {
        self.failed.is_none() && self.until.is_some_and(|until| until <= now)
    }
}

fn not_reached() -> AcquireError {
    let message = "the shared tokens of the rate limit were not reached before the deadline";
    Unavailable::new(message, "allow more time").into()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use super::*;
    use crate::clock::SystemClock;
    use crate::limiter::status::{Wait, WaitReason};

    fn error() -> AcquireError {
        AcquireError::new(Wait::new(Duration::from_secs(5), WaitReason::Full))
    }

    fn queue() -> Arc<Queue> {
        Arc::new(Queue::new(Arc::new(SystemClock)))
    }

    #[test]
    fn places_are_in_the_order_of_joining() {
        let queue = queue();
        let [first, second, third] = [(); 3].map(|()| Queue::join(&queue, None));
        assert_eq!(
            [
                first.turn(false, Instant::now()).ahead,
                second.turn(false, Instant::now()).ahead,
                third.turn(false, Instant::now()).ahead
            ],
            [0, 1, 2]
        );
        drop(second);
        assert_eq!(
            [first.turn(false, Instant::now()).ahead, third.turn(false, Instant::now()).ahead],
            [0, 1]
        );
        drop(first);
        assert_eq!((third.turn(false, Instant::now()).ahead, queue.len()), (0, 1));
    }

    #[test]
    fn the_child_of_a_fork_does_not_wait_for_the_threads_of_its_parent() {
        let queue = queue();
        let of_parent = Queue::join(&queue, None);
        queue.lock().process = 0;
        let first = Queue::join(&queue, None);
        assert_eq!((first.turn(false, Instant::now()).ahead, queue.len()), (0, 1));
        // The thread that forked may have had a place.
        drop(of_parent);
        assert_eq!((first.turn(false, Instant::now()).ahead, queue.len()), (0, 1));
    }

    #[test]
    fn a_signal_that_came_before_the_wait_is_not_lost() {
        let queue = queue();
        let place = Queue::join(&queue, None);
        queue.wake_first();
        place.wait(&Turn::default(), &SystemClock);
    }

    #[test]
    fn a_thread_that_is_busy_is_passed_over_and_keeps_its_place() {
        let queue = queue();
        let [first, second] = [(); 2].map(|()| Queue::join(&queue, None));
        first.step_aside(|| {
            assert_eq!(second.turn(false, Instant::now()).ahead, 0);
            second.wait(&Turn::default(), &SystemClock);
        });
        assert_eq!(
            (first.turn(false, Instant::now()).ahead, second.turn(false, Instant::now()).ahead),
            (0, 1)
        );
    }

    #[test]
    fn the_first_is_woken_when_somebody_joins_with_the_earliest_deadline_of_all() {
        let queue = queue();
        let [soon, late] = [1, 2].map(|h| Some(Instant::now() + Duration::from_secs(3600 * h)));
        let first = Queue::join(&queue, late);
        let _second = Queue::join(&queue, late);
        assert!(!first.signal.take());
        let _third = Queue::join(&queue, soon);
        assert!(first.signal.take());
        assert_eq!(first.ask(false, |by| by), soon);
    }

    /// A clock that stands still, and notes until when somebody would wait.
    #[derive(Debug)]
    struct Still(Instant, Mutex<Vec<Option<Instant>>>);

    impl Clock for Still {
        fn now(&self) -> Instant {
            self.0
        }

        fn sleep(&self, _: Duration) {}

        fn wait(&self, _: &Signal, until: Option<Instant>) {
            self.1.lock().unwrap().push(until);
        }
    }

    #[test]
    fn a_thread_that_is_overdue_is_woken_and_fails_if_the_first_gets_no_token_after_that() {
        let now = Instant::now();
        let clock = Arc::new(Still(now, Mutex::default()));
        let queue = Arc::new(Queue::new(clock.clone()));
        let busy = Queue::join(&queue, Some(now));
        let [first, overdue] = [None, Some(now)].map(|until| Queue::join(&queue, until));
        let [soon, far] = [5, 9].map(|seconds| Some(now + Duration::from_secs(seconds)));
        let _later = Queue::join(&queue, far);
        busy.step_aside(|| {
            let states =
                || [&busy, &overdue].map(|it| (it.turn(false, now).failed(now), it.signal.take()));
            let earlier = now - Duration::from_nanos(1);
            first.wait_as_first(None, (&error(), earlier), &*clock);
            assert_eq!(states(), [(None, true), (None, true)]);
            assert_eq!(first.ask(false, |by| by), Some(now));
            for is_woken in [true, false] {
                first.wait_as_first(None, (&error(), now), &*clock);
                assert_eq!(states(), [(Some(error()), is_woken), (Some(error()), is_woken)]);
                assert_eq!(first.ask(false, |by| by), far);
            }
        });
        assert_eq!(*clock.1.lock().unwrap(), [Some(now), far]);
        let _soon = Queue::join(&queue, soon);
        assert!(busy.signal.take());
    }

    #[test]
    fn a_thread_that_comes_while_the_first_asks_for_long_fails_a_moment_after_its_own_deadline() {
        let now = Instant::now();
        let clock = Arc::new(Still(now, Mutex::default()));
        let queue = Arc::new(Queue::new(clock.clone()));
        let first = Queue::join(&queue, None);
        let comes = || Queue::join(&queue, Some(now));
        let waits = |place: &Place| {
            place.wait(&place.turn(false, now), &*clock);
            clock.1.lock().unwrap().pop().unwrap()
        };
        let late = now + PATIENCE;
        assert_eq!(first.ask(false, |_| waits(&comes())), None);
        first.ask(true, |by| {
            let second = comes();
            assert_eq!((by, waits(&second)), (None, Some(late)));
            assert_eq!(second.turn(false, now).failed(late - Duration::from_nanos(1)), None);
            assert_eq!(second.turn(false, now).failed(late), Some(not_reached()));
        });
        let second = comes();
        assert_eq!((waits(&second), second.turn(false, now).failed(late)), (None, None));
    }

    #[test]
    fn a_thread_that_is_overdue_waits_a_moment_for_those_before_it_that_are_served_slowly() {
        let queue = queue();
        let now = Instant::now();
        let _first = Queue::join(&queue, None);
        let second = Queue::join(&queue, Some(now));
        let early = now - Duration::from_nanos(1);
        let failed = |takes_time, now| second.turn(takes_time, now).failed(now + PATIENCE);
        assert_eq!([failed(false, now), failed(true, early)], [None, None]);
        assert_eq!(failed(true, now), Some(not_reached()));
    }

    #[test]
    fn a_thread_that_comes_while_the_first_asks_looks_again_after_a_moment() {
        let now = Instant::now();
        let clock = Arc::new(Still(now, Mutex::default()));
        let queue = Arc::new(Queue::new(clock.clone()));
        let first = Queue::join(&queue, None);
        let second = Queue::join(&queue, Some(now + Duration::from_secs(180)));
        first.ask(true, |_| second.wait(&second.turn(false, now), &*clock));
        assert_eq!(*clock.1.lock().unwrap(), [Some(now + PATIENCE)]);
    }

    /// A clock that looks at the queue whenever it sends a signal.
    #[derive(Debug, Default)]
    struct Looking(std::sync::OnceLock<std::sync::Weak<Queue>>, AtomicUsize);

    impl Clock for Looking {
        fn now(&self) -> Instant {
            Instant::now()
        }

        fn sleep(&self, _: Duration) {}

        fn notify(&self, signal: &Signal) {
            let queue = self.0.get().and_then(std::sync::Weak::upgrade).expect("a queue");
            assert!(queue.line.try_lock().is_ok(), "the clock runs with the lock held");
            self.1.fetch_add(1, Ordering::SeqCst);
            signal.send();
        }
    }

    #[test]
    fn a_clock_may_use_the_queue_while_it_sends_a_signal() {
        let clock = Arc::new(Looking::default());
        let queue = Arc::new(Queue::new(clock.clone()));
        clock.0.set(Arc::downgrade(&queue)).expect("set once");
        let soon = Instant::now();
        let first = Queue::join(&queue, None);
        let second = Queue::join(&queue, Some(soon));
        queue.wake_first();
        queue.wake_all();
        first.step_aside(|| {});
        first.wait_as_first(Some(soon), (&error(), soon - Duration::from_nanos(1)), &*clock);
        drop(first);
        drop(second);
        assert_eq!(clock.1.load(Ordering::SeqCst), 7);
    }

    #[test]
    fn a_poisoned_lock_is_survived() {
        let queue = queue();
        let place = Queue::join(&queue, None);
        let poisoning = AssertUnwindSafe(|| {
            let _line = queue.lock();
            panic!("with the lock held");
        });
        assert!(catch_unwind(poisoning).is_err() && queue.line.is_poisoned());
        assert_eq!((place.turn(false, Instant::now()).ahead, queue.len()), (0, 1));
    }
}
