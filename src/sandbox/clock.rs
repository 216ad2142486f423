//! A clock for tests: waiting on it takes no time.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// How long nobody may have touched the clock, in real time, before a participant that neither sleeps
/// nor ends is taken to be blocked on something only another thread can bring about.
const QUIET: Duration = Duration::from_secs(1);

/// A [`Clock`] whose time passes only while somebody waits for it, and then at once.
///
/// [`sleep`](Clock::sleep) moves the time on and returns, so a whole minute of waiting for a rate limit
/// passes in no time. Clones show the same time. Hand one to the client and to the sandbox:
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
/// Sleeping threads wake in the order of their wake-up times, one after the other, and, unless the test
/// [advances](TestClock::advance) it, the time never moves past the wake-up time of a thread that sleeps.
/// That is all there is to it where one thread works.
///
/// Where several do, one that is about to sleep must not be overtaken by one that sleeps already. So each
/// thread says that it takes part, by a [`Participant`] which it holds until its end; the time then
/// moves only once so many threads wait as take part. What this promises:
///
/// * Every run tells the same times, on however slow a machine. Who waits in the queue of a
///   [token bucket](crate::TokenBucket) on this clock counts as asleep until it is called.
/// * A participant may be blocked on something else that only another thread can bring about: a lock, say.
///   No clock can see that. If then nobody touches the clock for a second of real time, it moves all the same.
/// * A thread that takes no part must not sleep meanwhile: it would be counted as one that does. A thread
///   that sleeps for a participant which waits for it, as a server in the same process does, is right.
///
/// ```
/// use std::{thread, time::Duration};
/// use heysync::{Clock, sandbox};
///
/// let clock = sandbox::TestClock::new();
/// // Everybody takes part before the first thread begins.
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
    /// Who sleeps until when; the number keeps those with equal times in the order they came.
    sleepers: HashMap<ThreadId, (Duration, u64)>,
    /// Who waits to be called.
    parked: HashSet<ThreadId>,
    /// Who was called and does not know it yet.
    called: HashSet<ThreadId>,
    participants: usize,
    /// How often anybody has touched the clock.
    touched: u64,
}

/// A thread's word that it takes part in a [`TestClock`]'s time, until this is dropped.
#[derive(Debug)]
#[must_use = "the thread takes part only while this is held"]
pub struct Participant {
    clock: TestClock,
}

impl TestClock {
    /// A clock that stands still until somebody sleeps on it or [advances](TestClock::advance) it.
    pub fn new() -> TestClock {
        let shared =
            Shared { start: Instant::now(), time: Mutex::default(), changed: Condvar::new() };
        TestClock { shared: Arc::new(shared) }
    }

    /// Moves the time on by `duration`, and wakes whoever waited for less.
    pub fn advance(&self, duration: Duration) {
        let mut time = self.touch();
        time.elapsed = self.within_reach(time.elapsed, duration);
        drop(time);
        self.shared.changed.notify_all();
    }

    /// How much time has passed since the clock was made.
    pub fn elapsed(&self) -> Duration {
        self.lock().elapsed
    }

    /// How long everybody has slept, in sum.
    pub fn slept(&self) -> Duration {
        self.lock().slept
    }

    /// Counts a further thread in: the time stands still while it runs.
    ///
    /// It is made before the first of the threads begins, moved into its own, and dropped at the end.
    pub fn participant(&self) -> Participant {
        self.touch().participants += 1;
        Participant { clock: self.clone() }
    }

    /// Waits until `me` sleeps the shortest and the time may move, and moves it; or until it is called.
    fn wait_for_turn(&self, mut time: MutexGuard<'_, Time>, me: ThreadId) {
        let mut quiet = false;
        while !time.take_call(me) && !time.wake(me, quiet) {
            let touched = time.touched;
            let waited = self.shared.changed.wait_timeout(time, QUIET);
            let (guard, result) = waited.unwrap_or_else(PoisonError::into_inner);
            quiet = result.timed_out() && guard.touched == touched;
            time = guard;
        }
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

    /// `elapsed` and `duration` together, where an `Instant` can tell that; `elapsed` where not.
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
        let me = thread::current().id();
        let mut time = self.touch();
        if time.take_call(me) {
            return;
        }
        let until = self.within_reach(time.elapsed, duration);
        let number = time.touched;
        time.slept = time.slept.saturating_add(duration);
        time.sleepers.insert(me, (until, number));
        self.shared.changed.notify_all();
        self.wait_for_turn(time, me);
    }

    fn park(&self) {
        let me = thread::current().id();
        let mut time = self.touch();
        if time.take_call(me) {
            return;
        }
        time.parked.insert(me);
        self.shared.changed.notify_all();
        while !time.take_call(me) {
            let waited = self.shared.changed.wait(time);
            time = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn unpark(&self, thread: &Thread) {
        let mut time = self.touch();
        let id = thread.id();
        // From now on it works, though it may not have begun.
        time.sleepers.remove(&id);
        time.parked.remove(&id);
        time.called.insert(id);
        drop(time);
        self.shared.changed.notify_all();
    }
}

impl Time {
    fn take_call(&mut self, thread: ThreadId) -> bool {
        self.called.remove(&thread)
    }

    /// Wakes the thread and moves the time on, if it is the first and nobody works.
    fn wake(&mut self, thread: ThreadId, quiet: bool) -> bool {
        let Some(me) = self.sleepers.get(&thread).copied() else {
            return true;
        };
        let first = self.sleepers.values().all(|other| me <= *other);
        let nobody_works = self.sleepers.len() + self.parked.len() >= self.participants;
        let may = first && (me.0 <= self.elapsed || nobody_works || quiet);
        if may {
            self.sleepers.remove(&thread);
            self.elapsed = self.elapsed.max(me.0);
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
            .field("asleep", &time.sleepers.len())
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
    fn many_threads_that_sleep_again_and_again_tell_one_story() {
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
    fn a_call_ends_a_sleep_and_the_time_stands_still_until_the_called_one_waits_again() {
        let clock = TestClock::new();
        let (sleeping, calling) = (clock.participant(), clock.participant());
        thread::scope(|scope| {
            let asleep = scope.spawn(|| {
                clock.sleep(60 * SECOND);
                let woken = clock.elapsed();
                clock.sleep(SECOND);
                drop(sleeping);
                woken
            });
            clock.unpark(asleep.thread());
            clock.sleep(5 * SECOND);
            drop(calling);
            assert_eq!(asleep.join().unwrap(), Duration::ZERO);
        });
        assert_eq!(clock.elapsed(), 5 * SECOND);
    }

    #[test]
    fn who_is_parked_counts_as_waiting_until_called() {
        let clock = TestClock::new();
        let (parked, calling) = (clock.participant(), clock.participant());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                clock.park();
                let called = clock.elapsed();
                drop(parked);
                called
            });
            clock.sleep(5 * SECOND);
            clock.unpark(waiting.thread());
            drop(calling);
            assert_eq!(waiting.join().unwrap(), 5 * SECOND);
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
