//! Trials on a machine that may be very busy: one in which a thread came late shows nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// On a machine that is very busy, a thread may come a second late: a trial in which one came so late shows nothing.
pub(crate) const LATE: Duration = Duration::from_millis(250);
const TRIALS: usize = 5;

/// What the first trial shows that shows something. One that nobody can judge is not well.
pub(crate) fn is_well(trial: impl FnMut(usize) -> Option<bool>) -> bool {
    (0..TRIALS).find_map(trial).unwrap_or(false)
}

/// A thread that comes every few milliseconds, and notes how late it was.
pub(crate) struct Pulse {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Pulse {
    pub(crate) fn start() -> Pulse {
        let is_over = Arc::new(AtomicBool::new(false));
        let its = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let mut latest = Duration::ZERO;
            while !its.load(Ordering::SeqCst) {
                let begin = Instant::now();
                thread::sleep(Duration::from_millis(10));
                latest = latest.max(begin.elapsed());
            }
            latest
        });
        Pulse { is_over, thread }
    }

    /// Whether the machine was so busy that nothing is shown.
    pub(crate) fn was_late(self) -> bool {
        self.is_over.store(true, Ordering::SeqCst);
        self.thread.join().unwrap() >= LATE
    }
}
