//! A clock that is moved by hand, and moves by itself when somebody sleeps.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use heysync::{Clock, Signal};

#[derive(Debug)]
pub(crate) struct Hand {
    origin: Instant,
    passed: Mutex<Duration>,
    still: AtomicBool,
    asleep: AtomicUsize,
}

impl Hand {
    pub(crate) fn new() -> Hand {
        Hand {
            origin: Instant::now(),
            passed: Mutex::default(),
            still: AtomicBool::new(false),
            asleep: AtomicUsize::new(0),
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.passed.lock().unwrap() += by;
    }

    /// Sets whether waiting threads are woken by others only, while no time passes.
    pub(crate) fn set_still(&self, still: bool) {
        self.still.store(still, SeqCst);
    }

    /// Lets other threads run until so many sleep: one that still reports its wait is passed over by the others in its queue.
    pub(crate) fn until_asleep(&self, threads: usize) {
        while self.asleep.load(SeqCst) != threads {
            thread::yield_now();
        }
    }

    /// How much time has passed since the clock's beginning.
    pub(crate) fn passed(&self) -> Duration {
        *self.passed.lock().unwrap()
    }
}

impl Clock for Hand {
    fn now(&self) -> Instant {
        self.origin + self.passed()
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }

    fn wait(&self, signal: &Signal, until: Option<Instant>) {
        self.asleep.fetch_add(1, SeqCst);
        match until {
            Some(until) if !self.still.load(SeqCst) => {
                if !signal.take() {
                    self.sleep(until.saturating_duration_since(self.now()));
                }
            }
            _ => signal.block(None),
        }
        self.asleep.fetch_sub(1, SeqCst);
    }
}
