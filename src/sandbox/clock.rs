//! A clock for tests: waiting on it takes no time.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::{Clock, Signal};

/// The real time after which a participant that neither waits nor ends, while nobody touches the clock, is taken
/// to be blocked on something that only another thread can bring about.
const QUIET: Duration = Duration::from_secs(1);

/// A [`Clock`] whose time passes only while somebody waits for it, and then at once.
///
/// [`sleep`](Clock::sleep) advances the time and returns, so that a minute of waiting for a rate limit takes no
/// time. Clones show the same time. Pass one to the client and to the sandbox:
///
/// ```
/// use std::time::Duration;
/// use heysync::{Clock, sandbox};
///
/// let clock = sandbox::TestClock::new();
/// clock.sleep(Duration::from_secs(60));
/// assert_eq!(clock.elapsed(), Duration::from_secs(60));
/// ```
///
/// # Several threads
///
/// Sleeping threads wake in the order of their wake-up times, one after the other. Unless the test
/// [advances](TestClock::advance) the time, it never moves past the wake-up time of a sleeping thread. With one
/// thread nothing else is needed.
///
/// With several threads, one that is about to sleep must not be overtaken by one that sleeps already. Each thread
/// holds a [`Participant`] while it runs; the time advances only when all participants are waiting:
///
/// * Every run shows the same times, on however slow a machine. A thread that waits in the queue of a
///   [token bucket](crate::limiter::TokenBucket) on this clock counts as waiting until it is signalled.
/// * A participant may be blocked on something else that only another thread can bring about, such as a lock. The
///   clock cannot see that. If nobody touches the clock for a second of real time, the time advances anyway.
/// * A thread without a participant must not sleep meanwhile: it would be counted as one that has one. A thread
///   that sleeps for a participant which waits for it, such as a server in the same process, is fine.
///
/// ```
/// use std::{thread, time::Duration};
/// use heysync::{Clock, sandbox};
///
/// let clock = sandbox::TestClock::new();
/// // All participants are created before the first thread begins.
/// let plan = [3, 1, 2].map(|seconds| (seconds, clock.participant()));
/// thread::scope(|scope| {
///     for (seconds, participant) in plan {
///         let clock = &clock;
///         scope.spawn(move || {
///             clock.sleep(Duration::from_secs(seconds));
///             assert_eq!(clock.elapsed(), Duration::from_secs(seconds));
///             drop(participant);
///         });
///     }
/// });
/// ```
#[derive(Clone)]
pub struct TestClock {
    shared: Arc<Shared>,
}

struct Shared {
    start: Instant,
    time: Mutex<Time>,
    changed: Condvar,
}

#[derive(Default)]
struct Time {
    elapsed: Duration,
    slept: Duration,
    waiters: Vec<Waiter>,
    participants: usize,
    /// How often anybody has touched the clock.
    touched: u64,
}

/// A thread that waits.
struct Waiter {
    /// Keeps waiters with equal times in the order in which they came.
    number: u64,
    until: Option<Duration>,
    signal: Option<Signal>,
}

/// Counts a thread as taking part in a [`TestClock`]'s time until this is dropped.
#[derive(Debug)]
#[must_use = "the thread takes part only while this is held"]
pub struct Participant {
    clock: TestClock,
}

impl TestClock {
    /// Creates a clock that stands still until somebody waits on it or [advances](TestClock::advance) it.
    pub fn new() -> TestClock {
        let shared =
            Shared { start: Instant::now(), time: Mutex::default(), changed: Condvar::new() };
        TestClock { shared: Arc::new(shared) }
    }

    /// Advances the time by `duration` and wakes every thread that waited for less.
    pub fn advance(&self, duration: Duration) {
        let mut time = self.touch();
        time.elapsed = self.within_reach(time.elapsed, duration);
        drop(time);
        self.shared.changed.notify_all();
    }

    /// Returns how much time has passed since the clock was created.
    pub fn elapsed(&self) -> Duration {
        self.lock().elapsed
    }

    /// Returns the sum of the times for which all threads have slept.
    pub fn slept(&self) -> Duration {
        self.lock().slept
    }

    /// Counts one more thread: the time stands still while it runs.
    ///
    /// Create it before the first of the threads begins, move it into its thread, and drop it at the end.
    pub fn participant(&self) -> Participant {
        self.touch().participants += 1;
        Participant { clock: self.clone() }
    }

    /// Waits until `until` or until `signal` is sent, and advances the time if nobody else is running.
    fn wait_for(&self, until: Option<Duration>, signal: Option<&Signal>) {
        let mut time = self.touch();
        let number = time.touched;
        let until = until.map(|duration| self.within_reach(time.elapsed, duration));
        let slept = until.map_or(Duration::ZERO, |until| until.saturating_sub(time.elapsed));
        time.slept += slept;
        time.waiters.push(Waiter { number, until, signal: signal.cloned() });
        self.shared.changed.notify_all();
        let mut quiet = false;
        while !signal.is_some_and(Signal::take) && !time.wake(number, quiet) {
            let touched = time.touched;
            let waited = self.shared.changed.wait_timeout(time, QUIET);
            let (guard, result) = waited.unwrap_or_else(PoisonError::into_inner);
            quiet = result.timed_out() && guard.touched == touched;
            time = guard;
        }
        time.waiters.retain(|waiter| waiter.number != number);
        drop(time);
        self.shared.changed.notify_all();
    }

    fn touch(&self) -> MutexGuard<'_, Time> {
        let mut time = self.lock();
        time.touched += 1;
        time
    }

    fn lock(&self) -> MutexGuard<'_, Time> {
        let time = self.shared.time.lock();
        time.unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns `elapsed` plus `duration`, or `elapsed` if an `Instant` cannot hold the sum.
    fn within_reach(&self, elapsed: Duration, duration: Duration) -> Duration {
        let sum = elapsed.saturating_add(duration);
        let reachable = self.shared.start.checked_add(sum).is_some();
        if reachable { sum } else { elapsed }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        let elapsed = self.touch().elapsed;
        self.shared.start + elapsed
    }

    fn sleep(&self, duration: Duration) {
        self.wait_for(Some(duration), None);
    }

    fn wait(&self, signal: &Signal, until: Option<Instant>) {
        let left = until.map(|until| until.saturating_duration_since(self.now()));
        self.wait_for(left, Some(signal));
    }

    fn notify(&self, signal: &Signal) {
        let mut time = self.touch();
        signal.send();
        // From now on its thread is running, though it may not have begun.
        let is_it = |waiter: &Waiter| waiter.signal.as_ref().is_some_and(|it| it.is_same(signal));
        time.waiters.retain(|waiter| !is_it(waiter));
        drop(time);
        self.shared.changed.notify_all();
    }
}

impl Time {
    /// Wakes a waiter and advances the time, if the waiter is the first and nobody is running.
    fn wake(&mut self, number: u64, quiet: bool) -> bool {
        let key = |waiter: &Waiter| Some((waiter.until?, waiter.number));
        let Some(me) = self.waiters.iter().find(|waiter| waiter.number == number) else {
            // It was signalled: the signal ends the wait.
            return false;
        };
        let Some((until, _)) = key(me) else {
            return false;
        };
        let first = self.waiters.iter().filter_map(key).all(|other| (until, number) <= other);
        let nobody_runs = self.waiters.len() >= self.participants;
        let may = first && (until <= self.elapsed || nobody_runs || quiet);
        if may {
            self.elapsed = self.elapsed.max(until);
            self.touched += 1;
        }
        may
    }
}

impl Default for TestClock {
    fn default() -> TestClock {
        TestClock::new()
    }
}

impl fmt::Debug for TestClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.lock();
        f.debug_struct("TestClock")
            .field("elapsed", &time.elapsed)
            .field("waiting", &time.waiters.len())
            .finish_non_exhaustive()
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.clock.touch().participants -= 1;
        self.clock.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn sleeping_alone_moves_the_time_at_once() {
        let clock = TestClock::new();
        let before = clock.now();
        clock.sleep(60 * SECOND);
        clock.advance(SECOND);
        assert_eq!(clock.now() - before, 61 * SECOND);
        assert_eq!((clock.elapsed(), clock.slept()), (61 * SECOND, 60 * SECOND));
    }

    #[test]
    fn no_duration_makes_it_panic() {
        let clock = TestClock::new();
        clock.advance(Duration::MAX);
        clock.sleep(Duration::MAX);
        clock.sleep(Duration::ZERO);
        assert!(clock.elapsed() < Duration::MAX);
    }

    #[test]
    fn participants_wake_in_the_order_of_their_times() {
        for _ in 0..50 {
            assert_eq!(order_of_waking(&[7, 3, 9, 1, 5]), [1, 3, 5, 7, 9]);
        }
    }

    fn order_of_waking(seconds: &[u32]) -> Vec<u32> {
        let clock = TestClock::new();
        let woken = Mutex::new(Vec::new());
        let plan: Vec<_> = seconds.iter().map(|seconds| (*seconds, clock.participant())).collect();
        thread::scope(|scope| {
            for (seconds, participant) in plan {
                let (clock, woken) = (&clock, &woken);
                scope.spawn(move || {
                    clock.sleep(seconds * SECOND);
                    assert_eq!(clock.elapsed(), seconds * SECOND);
                    woken.lock().unwrap().push(seconds);
                    drop(participant);
                });
            }
        });
        woken.into_inner().unwrap()
    }

    #[test]
    fn many_threads_that_sleep_again_and_again_show_the_same_times() {
        let story = || {
            let (clock, heard) = (TestClock::new(), Mutex::new(Vec::new()));
            let plan = [3, 5, 7].map(|step| (step, clock.participant()));
            thread::scope(|scope| {
                for (step, participant) in plan {
                    let (clock, heard) = (&clock, &heard);
                    scope.spawn(move || {
                        for _ in 0..20 {
                            clock.sleep(step * SECOND);
                            let elapsed = clock.elapsed();
                            heard.lock().unwrap().push((elapsed, step));
                        }
                        drop(participant);
                    });
                }
            });
            let mut heard = heard.into_inner().unwrap();
            assert!(heard.is_sorted_by_key(|(elapsed, _)| *elapsed));
            heard.sort();
            heard
        };
        let first = story();
        assert!((0..20).all(|_| story() == first));
        assert_eq!(first.last(), Some(&(140 * SECOND, 7)));
    }

    #[test]
    fn a_participant_blocked_elsewhere_does_not_stop_the_time_for_ever() {
        let clock = TestClock::new();
        let blocked = clock.participant();
        let sleeping = clock.participant();
        clock.sleep(SECOND);
        assert_eq!(clock.elapsed(), SECOND);
        drop((blocked, sleeping));
    }

    #[test]
    fn a_signal_ends_a_wait_and_the_time_stands_still_until_its_thread_waits_again() {
        let (clock, signal) = (TestClock::new(), Signal::new());
        let (waiting, notifying) = (clock.participant(), clock.participant());
        let until = clock.now() + 60 * SECOND;
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                clock.wait(&signal, Some(until));
                let woken = clock.elapsed();
                clock.sleep(SECOND);
                drop(waiting);
                woken
            });
            clock.notify(&signal);
            clock.sleep(5 * SECOND);
            drop(notifying);
            assert_eq!(waiter.join().unwrap(), Duration::ZERO);
        });
        assert_eq!(clock.elapsed(), 5 * SECOND);
    }

    #[test]
    fn a_thread_that_waits_for_a_signal_counts_as_waiting_until_it_is_sent() {
        let (clock, signal) = (TestClock::new(), Signal::new());
        let (waiting, notifying) = (clock.participant(), clock.participant());
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                clock.wait(&signal, None);
                let signalled = clock.elapsed();
                drop(waiting);
                signalled
            });
            clock.sleep(5 * SECOND);
            clock.notify(&signal);
            drop(notifying);
            assert_eq!(waiter.join().unwrap(), 5 * SECOND);
        });
    }

    #[test]
    fn a_participant_that_leaves_lets_the_time_move() {
        let clock = TestClock::new();
        let (staying, leaving) = (clock.participant(), clock.participant());
        thread::scope(|scope| {
            scope.spawn(|| clock.sleep(SECOND));
            drop(leaving);
        });
        assert_eq!(clock.elapsed(), SECOND);
        drop(staying);
    }
}
