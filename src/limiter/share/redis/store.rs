//! The store of tokens in Redis.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limiter::ledger::Lease;
use crate::limiter::moment::NotReady;
use crate::limiter::rate::Rate;
use crate::limiter::status::{Outcome, Snapshot, Unavailable, WaitReason};
use crate::limiter::store::{Denied, TokenStore};

use super::known::LONGEST_RELEASE;
use super::script::{Operation, Reply};
use super::session::{Session, no_thread};
use super::worker;

/// A caller whose deadline is now asks for this long.
const SHORTEST_CALL: Duration = Duration::from_millis(50);

/// To be asked again at once, except by a caller past its deadline.
const AT_ONCE: NotReady = NotReady {
    at_least: Duration::from_nanos(1),
    look_again: Some(Duration::ZERO),
    reason: WaitReason::Full,
};

/// Tokens in Redis.
///
/// A token costs one round trip, to lease it, or two if it has to be waited for. That it is released is sent without waiting
/// for the reply. Leases are short, so that those of a process that died are back soon; a worker renews them while their
/// requests are under way.
#[derive(Debug)]
pub(super) struct RedisStore {
    session: Arc<Session>,
}

impl RedisStore {
    pub(super) fn new(session: Session) -> RedisStore {
        RedisStore { session: Arc::new(session) }
    }

    /// How long a call of Redis takes at most, for a caller that has so much time left.
    fn longest(&self, left: Duration) -> Duration {
        left.clamp(SHORTEST_CALL, self.session.longest_call)
    }

    /// Takes a lease that may be used now.
    fn take(&self, by: Option<Instant>) -> Result<u64, Denied> {
        let session = &self.session;
        let asked = session.clock.now();
        let left = left(by, asked);
        let (id, name) = {
            let mut known = session.known();
            if let Some(id) = known.claim(asked)? {
                return Ok(id);
            }
            let id = known.next_lease(left, asked)?;
            (id, known.name(id))
        };
        let reply = session.call(&Operation::Lease(&name, left), self.longest(left));
        self.replied(id, asked, left, reply)
    }

    /// Returns the lease to use now, which may be one that was granted before.
    fn replied(
        &self,
        id: u64,
        asked: Instant,
        left: Duration,
        reply: Result<Reply, Unavailable>,
    ) -> Result<u64, Denied> {
        let session = &self.session;
        let now = session.clock.now();
        let mut known = session.known();
        match reply {
            Ok(reply) if reply.granted => known.start(id, asked, now, &reply),
            Ok(reply) => {
                known.leases.not_granted(id);
                return Err(known.deny(&reply, left, now).into());
            }
            Err(why) => {
                known.leases.not_started(id);
                return Err(why.into());
            }
        }
        let claimed = known.claim(now);
        drop(known);
        // Also for a lease that is to be used later.
        worker::start(session);
        // A reply that took as long as a lease is worth nothing.
        Ok(claimed?.ok_or(AT_ONCE)?)
    }

    #[cfg(test)]
    pub(super) fn session(&self) -> &Session {
        &self.session
    }
}

fn left(by: Option<Instant>, now: Instant) -> Duration {
    by.map_or(Duration::MAX, |by| by.saturating_duration_since(now))
}

impl TokenStore for RedisStore {
    fn lease(&self, by: Option<Instant>) -> Result<Lease, Denied> {
        let lease = Lease::new(self.take(by)?, 0);
        if worker::start(&self.session) {
            return Ok(lease);
        }
        // Its lease would end while the request is under way.
        self.release(&lease, Outcome::NeverSent);
        Err(no_thread().into())
    }

    fn takes_time(&self) -> bool {
        true
    }

    fn stands(&self, lease: &Lease) -> bool {
        let now = self.session.clock.now();
        self.session.known().leases.is_valid(lease.id, now)
    }

    /// Reports the end of a request, now or as soon as Redis can be reached.
    fn release(&self, lease: &Lease, outcome: Outcome) {
        let session = &self.session;
        let now = session.clock.now();
        let mut known = session.known();
        let Some(report) = known.end(lease.id, outcome, now) else {
            return;
        };
        let is_away = known.is_away() && session.has_worker;
        let is_direct = known.is_urgent(outcome) || !session.has_worker;
        let is_renewing = known.leases.is_renewing;
        let has_more = known.reports.are_due();
        drop(known);
        let is_reported = !is_away
            && match is_direct {
                true => session.report(&report, LONGEST_RELEASE).is_ok(),
                false => session.post(&report),
            };
        // A renewal under way may arrive after the report.
        let is_done = is_reported && !is_renewing;
        if !is_done {
            session.known().reports.add(report);
        }
        if !is_done || has_more {
            worker::start(session);
            session.changed.notify_one();
        }
    }

    fn outlook(&self, ahead: usize) -> NotReady {
        let now = self.session.clock.now();
        self.session.known().outlook(ahead, now)
    }

    fn tighten(&self, rate: Rate) {
        self.session.known().tighten(rate);
    }

    fn exhaust(&self, by: Option<Instant>) -> Result<(), Unavailable> {
        let left = left(by, self.session.clock.now());
        self.session.call(&Operation::Exhaust, self.longest(left))?;
        self.session.known().leases.doubt_early();
        Ok(())
    }

    fn set_grace(&self, grace: Duration) {
        self.session.known().grace = grace;
    }

    fn snapshot(&self) -> Snapshot {
        let now = self.session.clock.now();
        self.session.known().snapshot(now)
    }

    fn is_idle(&self) -> bool {
        let now = self.session.clock.now();
        self.session.known().is_idle(now)
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.session.known().is_closed = true;
        self.session.changed.notify_one();
    }
}
