//! The leases of a process: those that were granted, in use, ended or in doubt.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::time::{Duration, Instant};

use super::script::Reply;

/// How long a lease is valid without a renewal.
pub(super) const LEASE: Duration = Duration::from_millis(1500);
/// A token that was granted ahead of its time and is not used so long after is asked for again, or given back.
const UNUSED: Duration = Duration::from_millis(200);

/// The leases of a process, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Leases {
    last_id: u64,
    flights: HashMap<u64, Flight>,
    /// Leases that were granted and that nobody uses yet, each with the moment from which on it may be used.
    early: Vec<(Instant, u64)>,
    /// Leases that Redis may have granted, and the reply was lost.
    doubtful: Vec<u64>,
    /// From when on the tokens of requests that ended are on their way back, the earliest first.
    ended: VecDeque<Instant>,
    pub(super) is_renewing: bool,
}

/// A request under way, or one that is to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    /// The request is sent no earlier.
    pub(super) from: Instant,
    valid_until: Instant,
    /// The lease ended before it was renewed, so others may have used its token. A request that was sent is still counted
    /// by renewals; one that was not sent needs another token.
    is_lapsed: bool,
    pub(super) seq: u64,
    pub(super) out: u64,
}

impl Leases {
    /// The leases of a forked process: none. A permit of the parent, which is dropped here as well, names none of them.
    pub(super) fn after_fork(&self) -> Leases {
        Leases { last_id: self.last_id, ..Leases::default() }
    }

    /// Returns the lease to ask for: one that may have been granted, or a new one.
    pub(super) fn next(&mut self, now: Instant) -> u64 {
        let late = self.early.iter().position(|early| self.is_late(early, now));
        // A renewal under way may arrive after Redis has taken the lease back.
        if let Some(late) = late.filter(|_| !self.is_renewing) {
            let (_, id) = self.early.remove(late);
            self.doubt(id);
        }
        self.doubtful.pop().unwrap_or_else(|| {
            self.last_id += 1;
            self.last_id
        })
    }

    /// Asks for a lease again that was granted. Nobody uses it before Redis has granted it again.
    fn doubt(&mut self, id: u64) {
        self.flights.remove(&id);
        self.doubtful.push(id);
    }

    /// All tokens were taken out, so leases that were granted before and are not in use are asked for again.
    pub(super) fn doubt_early(&mut self) {
        for (_, id) in mem::take(&mut self.early) {
            self.doubt(id);
        }
    }

    /// The reply was lost. If the lease was granted, Redis grants the same one the next time.
    pub(super) fn not_started(&mut self, id: u64) {
        self.doubtful.push(id);
    }

    /// The lease was not granted. Those that may have been are asked for first.
    pub(super) fn not_granted(&mut self, id: u64) {
        self.doubtful.insert(0, id);
    }

    /// The lease was granted, by a reply that arrived `now`. It may be one for a moment later.
    pub(super) fn start(&mut self, id: u64, asked: Instant, now: Instant, reply: &Reply) {
        let (from, valid_until) = (now + reply.at, asked + LEASE);
        let Reply { seq, out, .. } = *reply;
        self.flights.insert(id, Flight { from, valid_until, is_lapsed: false, seq, out });
        self.early.push((from, id));
        self.early.sort_unstable();
    }

    /// Returns a lease that was granted and is not in use, or how long it has to be waited for.
    pub(super) fn claim(&mut self, now: Instant) -> Result<Option<u64>, Duration> {
        let Some(place) = self.early.iter().position(|early| !self.is_late(early, now)) else {
            return Ok(None);
        };
        let (from, id) = self.early[place];
        let wait = from.saturating_duration_since(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.early.remove(place);
        Ok(Some(id))
    }

    fn is_late(&self, &(from, id): &(Instant, u64), now: Instant) -> bool {
        from + UNUSED <= now || !self.is_valid(id, now)
    }

    /// Takes out a lease that was granted and that nobody came for in time, or any that is not in use.
    pub(super) fn take_unused(&mut self, is_any: bool, now: Instant) -> Option<u64> {
        let is_unused = |early: &(Instant, u64)| is_any || self.is_late(early, now);
        let place = self.early.iter().position(is_unused)?;
        Some(self.early.remove(place).1)
    }

    pub(super) fn is_valid(&self, id: u64, now: Instant) -> bool {
        self.flights.get(&id).is_some_and(|flight| !flight.is_lapsed && now < flight.valid_until)
    }

    /// Ends a request; `None` if it has ended before.
    pub(super) fn end(&mut self, id: u64) -> Option<Flight> {
        self.flights.remove(&id)
    }

    /// The token of a request that ended is on its way back from this moment on.
    pub(super) fn hold(&mut self, from: Instant) {
        let place = self.ended.partition_point(|end| *end <= from);
        self.ended.insert(place, from);
    }

    /// Forgets the tokens that are back, which are `held` for so long.
    pub(super) fn forget(&mut self, held: Duration, now: Instant) {
        let is_back = |end: &Instant| now.saturating_duration_since(*end) >= held;
        while self.ended.front().is_some_and(is_back) {
            self.ended.pop_front();
        }
    }

    /// How many requests are under way, or are to be sent.
    pub(super) fn under_way(&self) -> usize {
        self.flights.len()
    }

    /// How many tokens are out that are `held` for so long.
    pub(super) fn out(&self, held: Duration, now: Instant) -> usize {
        let is_back = |end: &Instant| now.saturating_duration_since(*end) >= held;
        self.flights.len() + self.ended.len() - self.ended.partition_point(is_back)
    }

    /// Whether all tokens are back, but for those that are to be forgotten.
    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty() && self.ended.is_empty()
    }

    /// Returns the requests under way, or that are to be sent.
    pub(super) fn ids(&self) -> Vec<u64> {
        self.flights.keys().copied().collect()
    }

    /// The leases were renewed, by a reply that arrived `now`.
    pub(super) fn renewed(&mut self, ids: &[u64], asked: Instant, now: Instant) {
        for id in ids {
            if let Some(flight) = self.flights.get_mut(id) {
                flight.is_lapsed |= flight.valid_until <= now;
                flight.valid_until = asked + LEASE;
            }
        }
    }

    /// Returns when the first lease has to be renewed; `None` if no request is under way.
    pub(super) fn next_renewal(&self) -> Option<Instant> {
        self.flights.values().map(|flight| flight.valid_until - LEASE * 2 / 3).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Lets a lease be granted, by a reply that took 300 ms.
    fn grant(leases: &mut Leases, now: Instant, at: Duration) -> u64 {
        let id = leases.next(now);
        leases.start(id, now - 300 * MS, now, &Reply::by_five_a_second(true, at));
        id
    }

    #[test]
    fn a_lease_is_valid_from_when_it_was_asked_for_and_not_from_when_it_was_granted() {
        let (mut leases, now) = (Leases::default(), Instant::now());
        let id = grant(&mut leases, now, Duration::ZERO);
        let end = now - 300 * MS + LEASE;
        assert!(leases.is_valid(id, end - MS) && !leases.is_valid(id, end));
    }

    #[test]
    fn a_lease_that_ended_while_it_was_being_renewed_is_not_used() {
        let (mut leases, now) = (Leases::default(), Instant::now());
        let [late, in_time] = [(); 2].map(|()| grant(&mut leases, now, Duration::ZERO));
        let end = now - 300 * MS + LEASE;
        leases.renewed(&[in_time], end - 2 * MS, end - MS);
        leases.renewed(&[late], end - 2 * MS, end);
        assert!(leases.is_valid(in_time, end) && !leases.is_valid(late, end));
    }

    #[test]
    fn a_token_that_is_granted_ahead_is_used_no_earlier_than_so_long_after_the_reply() {
        let (mut leases, now) = (Leases::default(), Instant::now());
        let id = grant(&mut leases, now, 100 * MS);
        assert_eq!(leases.claim(now + 99 * MS), Err(MS));
        assert_eq!(leases.claim(now + 100 * MS), Ok(Some(id)));
        assert_eq!(leases.claim(now + 100 * MS), Ok(None));
    }

    #[test]
    fn a_token_that_is_held_for_the_grace_keeps_no_other_one_from_being_forgotten() {
        let (mut leases, now) = (Leases::default(), Instant::now());
        leases.hold(now + 2000 * MS);
        leases.hold(now);
        leases.forget(1006 * MS, now + 1006 * MS);
        assert_eq!(leases.out(5000 * MS, now + 1006 * MS), 1);
        leases.forget(1006 * MS, now + 3006 * MS);
        assert!(leases.is_empty());
    }
}
