//! The thread that renews the leases of requests under way, and reports what could not be reported.

use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use crate::limiter::status::Unavailable;

use super::connection::RETRY;
use super::leases::LEASE;
use super::session::Session;

/// The worker looks for leases to renew this often at least.
const TICK: Duration = Duration::from_millis(LEASE.as_millis() as u64 / 3);
/// And ends after so many ticks with nothing to do. It is started again when there is.
const IDLE_TICKS: u32 = 10;

/// Starts the worker unless it is running, and returns whether it is.
pub(super) fn start(session: &Arc<Session>) -> bool {
    if !session.has_worker || std::mem::replace(&mut session.known().has_worker, true) {
        return true;
    }
    let its = Arc::clone(session);
    let started = thread::Builder::new().name("heysync-redis".to_owned()).spawn(move || run(&its));
    if let Err(error) = &started {
        log::warn!(target: "heysync", "no thread to renew leases in Redis: {error}");
        session.known().has_worker = false;
    }
    started.is_ok()
}

fn run(session: &Session) {
    let _ended = Ended(session);
    let mut idle = 0;
    while !is_done(session, &mut idle) {
        let pause = match work(session) {
            Ok(()) => TICK,
            Err(_) => RETRY,
        };
        wait(session, pause);
    }
}

/// If the worker panics, the next request starts another one.
pub(super) struct Ended<'a>(pub(super) &'a Session);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.known().has_worker = false;
        }
    }
}

/// Whether there is nothing to do: the store was dropped, or nothing was sent for a while.
fn is_done(session: &Session, idle: &mut u32) -> bool {
    let mut known = session.known();
    *idle = if known.has_work() { 0 } else { *idle + 1 };
    let is_done = *idle > IDLE_TICKS || (known.is_closed && !known.has_work());
    known.has_worker = !is_done;
    is_done
}

fn work(session: &Session) -> Result<(), Unavailable> {
    session.catch_up()?;
    session.remind()?;
    session.renew_in_time()
}

/// Waits until a lease has to be renewed, until something has to be reported, or for `longest`.
fn wait(session: &Session, longest: Duration) {
    let known = session.known();
    if longest == TICK && known.reports.are_due() {
        return;
    }
    let now = session.clock.now();
    let due = known.leases.next_renewal().map(|due| due.saturating_duration_since(now));
    let time = due.map_or(longest, |due| due.clamp(RETRY.min(longest), longest));
    let waited = session.changed.wait_timeout(known, time);
    drop(waited.unwrap_or_else(PoisonError::into_inner));
}
