//! The queue of threads: first come, first served.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// Threads in the order in which they came.
///
/// Only the first may ask for a token, and only the first waits with a timer: it wakes those whose deadline
/// comes first. All others are parked until something concerns them.
#[derive(Debug)]
pub(crate) struct Queue {
    line: Mutex<Line>,
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
    thread: Thread,
    until: Option<Instant>,
    /// Something happened since the thread last looked. A thread's own parking token would not do: what it
    /// does between two looks may use that up.
    called: bool,
}

/// A place in the queue. Dropping it leaves the queue, and calls the next one if it was the first.
#[derive(Debug)]
pub(crate) struct Place {
    queue: Arc<Queue>,
    ticket: u64,
}

impl Queue {
    /// A queue whose threads wait on `clock`.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Queue {
        let line = Line { clock, waiters: VecDeque::new(), tickets: 0 };
        Queue { line: Mutex::new(line) }
    }

    /// Takes the last place in `queue`.
    pub(crate) fn join(queue: &Arc<Queue>, until: Option<Instant>) -> Place {
        let mut line = queue.lock();
        if line.is_first_deadline(until) {
            line.call_first();
        }
        let ticket = line.tickets;
        line.tickets += 1;
        line.waiters.push_back(Waiter { ticket, thread: thread::current(), until, called: false });
        drop(line);
        Place { queue: Arc::clone(queue), ticket }
    }

    /// How many have a place.
    pub(crate) fn len(&self) -> usize {
        self.lock().waiters.len()
    }

    /// Calls the first: there may be a token.
    pub(crate) fn call_first(&self) {
        self.lock().call_first();
    }

    /// Calls everybody: for some, it may take too long now.
    pub(crate) fn call_all(&self) {
        self.lock().call(|_| true);
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// How many came earlier and are still here.
    pub(crate) fn ahead(&self) -> usize {
        self.queue.lock().place(self.ticket).unwrap_or(0)
    }

    /// Waits until something may have changed: as the first, for `look_again` at most; else until called.
    pub(crate) fn wait(&self, look_again: Option<Duration>, clock: &dyn Clock) {
        let mut line = self.queue.lock();
        let first = line.place(self.ticket).is_none_or(|place| place == 0);
        if line.take_call(self.ticket) {
            return;
        }
        let deadline = line.waiters.iter().filter_map(|it| it.until).min();
        drop(line);
        match deadline {
            _ if !first => clock.park(),
            None if look_again.is_none() => clock.park(),
            deadline => self.sleep(look_again, deadline, clock),
        }
        self.queue.lock().take_call(self.ticket);
    }

    fn sleep(&self, look_again: Option<Duration>, deadline: Option<Instant>, clock: &dyn Clock) {
        let left = deadline.map(|it| it.saturating_duration_since(clock.now()));
        let shorter = look_again.into_iter().chain(left).min();
        clock.sleep(shorter.unwrap_or(Duration::MAX));
        if deadline.is_some() {
            let now = clock.now();
            self.queue.lock().call_overdue(now);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut line = self.queue.lock();
        let place = line.place(self.ticket);
        if let Some(place) = place {
            line.waiters.remove(place);
        }
        if place == Some(0) {
            line.call_first();
        }
    }
}

impl Line {
    fn place(&self, ticket: u64) -> Option<usize> {
        self.waiters.binary_search_by_key(&ticket, |it| it.ticket).ok()
    }

    fn call_first(&mut self) {
        if let Some(first) = self.waiters.front_mut() {
            first.call(&*self.clock);
        }
    }

    /// Calls everybody of whom that is true.
    fn call(&mut self, concerns: impl Fn(&mut Waiter) -> bool) {
        for waiter in &mut self.waiters {
            if concerns(waiter) {
                waiter.call(&*self.clock);
            }
        }
    }

    /// Whether it comes before all others, so that the first has to set its timer anew.
    fn is_first_deadline(&self, until: Option<Instant>) -> bool {
        let earlier = |until| self.waiters.iter().any(|it| it.until.is_some_and(|it| it <= until));
        until.is_some_and(|until| !earlier(until))
    }

    /// Calls those whose deadline has come. Each is called once: nobody looks at its deadline again.
    fn call_overdue(&mut self, now: Instant) {
        self.call(|waiter| waiter.until.take_if(|until| *until <= now).is_some());
    }

    fn take_call(&mut self, ticket: u64) -> bool {
        let place = self.place(ticket);
        let waiter = place.and_then(|place| self.waiters.get_mut(place));
        waiter.is_some_and(|waiter| std::mem::take(&mut waiter.called))
    }
}

impl Waiter {
    fn call(&mut self, clock: &dyn Clock) {
        self.called = true;
        clock.unpark(&self.thread);
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
    fn a_call_that_came_before_the_wait_is_not_lost() {
        let queue = queue();
        let place = Queue::join(&queue, None);
        queue.call_first();
        thread::park(); // as foreign code may, between two looks
        place.wait(None, &SystemClock);
    }

    #[test]
    fn a_poisoned_lock_is_survived() {
        let queue = queue();
        let place = Queue::join(&queue, None);
        let poisoning = AssertUnwindSafe(|| {
            let _line = queue.lock();
            panic!("with the lock in hand");
        });
        assert!(catch_unwind(poisoning).is_err() && queue.line.is_poisoned());
        assert_eq!((place.ahead(), queue.len()), (0, 1));
    }
}
