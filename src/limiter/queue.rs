//! The queue of threads that wait for a token: first come, first served.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::clock::{Clock, Signal};

/// Threads in the order in which they came.
///
/// Only the first may take a token, and only the first waits with a timer, on behalf of all: it wakes the threads
/// whose deadlines have come. The others wait until they are signalled. A thread that is busy with something else
/// (the caller's own code) is passed over as if it were not there, so that it holds up nobody.
#[derive(Debug)]
pub(crate) struct Queue {
    line: Mutex<Line>,
    /// The length of the line, readable without its lock.
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct Line {
    clock: Arc<dyn Clock>,
    /// In the order of their tickets.
    waiters: VecDeque<Waiter>,
    tickets: u64,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    signal: Signal,
    until: Option<Instant>,
    busy: bool,
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
        let line = Line { clock, waiters: VecDeque::new(), tickets: 0 };
        Queue { line: Mutex::new(line), waiting: AtomicUsize::new(0) }
    }

    /// Takes the last place in `queue`.
    pub(crate) fn join(queue: &Arc<Queue>, until: Option<Instant>) -> Place {
        let signal = Signal::new();
        let mut line = queue.lock();
        if line.is_first_deadline(until) {
            // The first has to set its timer anew.
            line.wake_first();
        }
        let ticket = line.tickets;
        line.tickets += 1;
        line.waiters.push_back(Waiter { ticket, signal: signal.clone(), until, busy: false });
        queue.waiting.fetch_add(1, Ordering::SeqCst);
        drop(line);
        Place { queue: Arc::clone(queue), ticket, signal }
    }

    /// Returns how many threads have a place.
    pub(crate) fn len(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Wakes the first: there may be a token.
    pub(crate) fn wake_first(&self) {
        if self.len() > 0 {
            self.lock().wake_first();
        }
    }

    /// Wakes everybody: for some, the wait may have become too long.
    pub(crate) fn wake_all(&self) {
        if self.len() > 0 {
            self.lock().wake(|_| true);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Returns the signal that ends a [wait](Place::wait).
    pub(crate) fn signal(&self) -> &Signal {
        &self.signal
    }

    /// Returns how many threads came earlier and are still waiting.
    pub(crate) fn ahead(&self) -> usize {
        self.queue.lock().ahead(self.ticket)
    }

    /// Returns the earliest deadline of all who wait: whoever does something for all of them has to be done by then.
    pub(crate) fn earliest_deadline(&self) -> Option<Instant> {
        self.queue.lock().waiters.iter().filter_map(|it| it.until).min()
    }

    /// Runs the caller's own code, and is passed over by the others meanwhile.
    pub(crate) fn step_aside(&self, code: impl FnOnce()) {
        let _aside = Aside::step(self);
        code();
    }

    /// Waits until something may have changed: the first until `look` at most, the others until signalled.
    pub(crate) fn wait(&self, look: Option<Instant>, clock: &dyn Clock) {
        let line = self.queue.lock();
        let is_first = line.ahead(self.ticket) == 0;
        let deadline = line.waiters.iter().filter_map(|it| it.until).min();
        drop(line);
        if !is_first {
            return clock.wait(&self.signal, None);
        }
        clock.wait(&self.signal, look.into_iter().chain(deadline).min());
        if deadline.is_some() {
            let now = clock.now();
            self.queue.lock().wake_overdue(now);
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
        if was_first {
            line.wake_first();
        }
    }
}

/// A place whose thread runs the caller's own code, until this is dropped.
struct Aside<'a> {
    place: &'a Place,
}

impl Aside<'_> {
    fn step(place: &Place) -> Aside<'_> {
        place.queue.lock().set_busy(place.ticket, true);
        Aside { place }
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        self.place.queue.lock().set_busy(self.place.ticket, false);
    }
}

impl Line {
    fn position(&self, ticket: u64) -> Option<usize> {
        self.waiters.binary_search_by_key(&ticket, |it| it.ticket).ok()
    }

    fn ahead(&self, ticket: u64) -> usize {
        self.waiters.iter().take_while(|it| it.ticket < ticket).filter(|it| !it.busy).count()
    }

    /// While the first is busy the next one keeps the timer, so it has to know.
    fn set_busy(&mut self, ticket: u64, busy: bool) {
        let position = self.position(ticket);
        if let Some(waiter) = position.and_then(|position| self.waiters.get_mut(position)) {
            waiter.busy = busy;
        }
        if busy {
            self.wake_first();
        }
    }

    fn wake_first(&mut self) {
        if let Some(first) = self.waiters.iter().find(|it| !it.busy) {
            self.clock.notify(&first.signal);
        }
    }

    fn wake(&mut self, concerns: impl Fn(&mut Waiter) -> bool) {
        for waiter in &mut self.waiters {
            if concerns(waiter) {
                self.clock.notify(&waiter.signal);
            }
        }
    }

    /// Whether `until` comes before all other deadlines.
    fn is_first_deadline(&self, until: Option<Instant>) -> bool {
        let earlier = |until| self.waiters.iter().any(|it| it.until.is_some_and(|it| it <= until));
        until.is_some_and(|until| !earlier(until))
    }

    /// Wakes the threads whose deadlines have come. Each is woken once: nobody waits for its deadline again.
    fn wake_overdue(&mut self, now: Instant) {
        self.wake(|waiter| waiter.until.take_if(|until| *until <= now).is_some());
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::clock::SystemClock;

    fn queue() -> Arc<Queue> {
        Arc::new(Queue::new(Arc::new(SystemClock)))
    }

    #[test]
    fn places_are_in_the_order_of_joining() {
        let queue = queue();
        let [first, second, third] = [(); 3].map(|()| Queue::join(&queue, None));
        assert_eq!([first.ahead(), second.ahead(), third.ahead()], [0, 1, 2]);
        drop(second);
        assert_eq!([first.ahead(), third.ahead()], [0, 1]);
        drop(first);
        assert_eq!((third.ahead(), queue.len()), (0, 1));
    }

    #[test]
    fn a_signal_that_came_before_the_wait_is_not_lost() {
        let queue = queue();
        let place = Queue::join(&queue, None);
        queue.wake_first();
        place.wait(None, &SystemClock);
    }

    #[test]
    fn a_thread_that_is_busy_is_passed_over_and_keeps_its_place() {
        let queue = queue();
        let [first, second] = [(); 2].map(|()| Queue::join(&queue, None));
        first.step_aside(|| {
            assert_eq!(second.ahead(), 0);
            second.wait(None, &SystemClock);
        });
        assert_eq!((first.ahead(), second.ahead()), (0, 1));
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
        assert_eq!((place.ahead(), queue.len()), (0, 1));
    }
}
