//! The knowledge of a process about the tokens in Redis: its own leases, and the last reply.

use std::process;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::limiter::ledger::GRACE;
use crate::limiter::moment::{NotReady, held, nanos};
use crate::limiter::rate::{Rate, Shape};
use crate::limiter::status::{Outcome, Snapshot, Unavailable, WaitReason};

use super::leases::{Flight, LEASE, Leases};
use super::reports::{Report, Reports};
use super::script::{Caller, Keys, Reply};

/// While Redis is away for less than this, calls wait for it.
const PATIENCE: Duration = Duration::from_secs(3);
/// The caller of a request waits for so long at most until its end is reported: a worker does what is left.
pub(super) const LONGEST_RELEASE: Duration = Duration::from_millis(200);
/// A client that asks later than this after its turn, and two round trips, loses its place.
const SLACK: Duration = Duration::from_millis(100);
/// A rate is forgotten after so many of its longest periods, as in the script.
const MEMORY: u32 = 10;
/// The pause of a service without a limit, if it names none.
const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Known {
    process: u32,
    /// The name of this process in the line.
    client: String,
    rate: Rate,
    pub(super) grace: Duration,
    granted: u64,
    pauses: u64,
    pub(super) leases: Leases,
    pub(super) reports: Reports,
    last: Option<(Instant, Reply)>,
    /// The rates that all kept to before a loss of the data, and the moment at which we noticed that. They are sent once.
    before_loss: Option<(Instant, String)>,
    denial: Option<Denial>,
    paused_until: Option<Instant>,
    away_since: Option<Instant>,
    round_trip: Duration,
    pub(super) has_worker: bool,
    pub(super) is_closed: bool,
}

/// There was no token, and it is not worth asking again before `look`.
#[derive(Clone, Copy, Debug)]
struct Denial {
    at: Instant,
    look: Instant,
    reason: WaitReason,
    ahead: usize,
    /// The caller could wait until then, so this process has a place in the line. If not, one that can asks for a place.
    has_place: bool,
}

impl Denial {
    /// When there may be a token, which is later than `now`: a caller past its deadline would wait if no time was named.
    fn at(&self, now: Instant) -> Instant {
        self.at.max(now + Duration::from_nanos(1))
    }

    /// Whether it holds for a caller that can wait for `left`.
    fn holds_for(&self, left: Duration, now: Instant) -> bool {
        self.has_place || left < self.at.saturating_duration_since(now)
    }

    fn not_ready(&self, now: Instant) -> NotReady {
        NotReady {
            at_least: self.at(now).saturating_duration_since(now),
            look_again: Some(self.look.saturating_duration_since(now)),
            reason: self.reason,
        }
    }
}

impl Known {
    pub(super) fn new(rate: Rate) -> Known {
        let process = process::id();
        Known {
            process,
            client: format!("{:x}.{process:x}", number()),
            rate,
            grace: GRACE,
            granted: 0,
            pauses: 0,
            leases: Leases::default(),
            reports: Reports::default(),
            last: None,
            before_loss: None,
            denial: None,
            paused_until: None,
            away_since: None,
            round_trip: Duration::ZERO,
            has_worker: false,
            is_closed: false,
        }
    }

    /// A forked process has its parent's memory, but not its tokens.
    pub(super) fn after_fork(&mut self) {
        if self.process != process::id() {
            let leases = self.leases.after_fork();
            *self = Known { grace: self.grace, leases, ..Known::new(self.rate) };
        }
    }

    pub(super) fn name(&self, id: u64) -> String {
        format!("{}.{id}", self.client)
    }

    pub(super) fn caller<'a>(&'a self, keys: &'a Keys, cautious: bool) -> Caller<'a> {
        let is_holder = !self.leases.is_empty();
        let epoch = self.last.as_ref().filter(|_| is_holder).map_or("", |(_, reply)| &reply.epoch);
        Caller {
            keys,
            client: &self.client,
            epoch,
            rate: self.rate,
            rates: self.before_loss.as_ref().map_or("", |(_, rates)| rates),
            lasts: LEASE,
            grace: self.grace,
            cautious,
            slack: SLACK + 2 * self.round_trip,
        }
    }

    /// Returns the lease to ask for, or why that is not worth it now for a caller that can wait for `left`.
    pub(super) fn next_lease(&mut self, left: Duration, now: Instant) -> Result<u64, NotReady> {
        if !self.rate.is_usable() {
            let at_least = Duration::from_nanos(u64::MAX);
            return Err(NotReady { at_least, look_again: None, reason: WaitReason::Full });
        }
        self.forget(now);
        if let Some(denial) = self.denied(now).filter(|denial| denial.holds_for(left, now)) {
            return Err(denial.not_ready(now));
        }
        Ok(self.leases.next(now))
    }

    /// Returns why it is not worth asking now.
    fn denied(&self, now: Instant) -> Option<Denial> {
        self.own_pause(now).or(self.denial.filter(|denial| now < denial.look))
    }

    /// This process pauses after a refusal even if Redis does not know of it.
    fn own_pause(&self, now: Instant) -> Option<Denial> {
        let at = self.paused_until.filter(|until| now < *until)?;
        Some(Denial { at, look: at, reason: WaitReason::Paused, ahead: 0, has_place: true })
    }

    /// The lease was granted, by a reply that arrived `now`. It may be one for a moment later.
    pub(super) fn start(&mut self, id: u64, asked: Instant, now: Instant, reply: &Reply) {
        self.denial = None;
        self.granted += 1;
        self.leases.start(id, asked, now, reply);
    }

    /// Returns a lease that was granted and is not in use, or when it may be used.
    pub(super) fn claim(&mut self, now: Instant) -> Result<Option<u64>, NotReady> {
        if let Some(pause) = self.own_pause(now) {
            return Err(pause.not_ready(now));
        }
        self.leases.claim(now).map_err(|wait| NotReady {
            at_least: wait,
            look_again: Some(wait),
            reason: WaitReason::Full,
        })
    }

    /// Ends the leases that were granted and that nobody came for.
    pub(super) fn end_unused(&mut self, now: Instant) {
        let are_all = self.is_closed || self.own_pause(now).is_some();
        while let Some(id) = self.leases.take_unused(are_all, now) {
            if let Some(report) = self.end(id, Outcome::NeverSent, now) {
                self.reports.add(report);
            }
        }
    }

    /// There is no token for a caller that can wait for `left`.
    pub(super) fn deny(&mut self, reply: &Reply, left: Duration, now: Instant) -> NotReady {
        let begin = self.last.as_ref().map_or(now, |(begin, _)| *begin);
        let (at, look) = (begin + reply.at, begin + reply.look);
        let (reason, ahead, has_place) = (reply.reason, reply.ahead, reply.at <= left);
        let denial = Denial { at, look, reason, ahead, has_place };
        self.denial = Some(denial);
        denial.not_ready(now)
    }

    /// A reply arrived. The script ran at some moment in between.
    pub(super) fn reached(&mut self, reply: &Reply, asked: Instant, now: Instant) {
        self.away_since = None;
        let took = now.saturating_duration_since(asked);
        self.round_trip = (self.round_trip * 3 + took) / 4;
        self.notice_loss(reply, asked, now);
        self.last = Some((asked + took / 4, reply.clone()));
    }

    /// Redis, which lost its data, does not know what the others keep to before they call again. Rates that are
    /// forgotten by now are not reported.
    fn notice_loss(&mut self, reply: &Reply, asked: Instant, now: Instant) {
        self.before_loss.take_if(|(at, _)| *at <= asked);
        let Some((at, last)) = self.last.as_ref().filter(|(_, last)| last.epoch != reply.epoch)
        else {
            return;
        };
        let longest = last.rate.limits().map(|(_, period)| held(period)).max().unwrap_or(0);
        let is_recent = now.saturating_duration_since(*at) < Duration::from_nanos(longest) * MEMORY;
        self.before_loss = is_recent.then(|| (now, last.rates.clone()));
    }

    /// No reply arrived. If that has lasted for long, it is not worth trying again within the same call.
    pub(super) fn missed(&mut self, mut why: Unavailable, now: Instant) -> Unavailable {
        let since = *self.away_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= PATIENCE {
            why.retry_in = None;
        }
        why
    }

    pub(super) fn is_away(&self) -> bool {
        self.away_since.is_some()
    }

    /// Returns whether Redis is to take in the end of a request before anything else is done: it slows all programs down.
    /// That is so if Redis is as near as usual.
    pub(super) fn is_urgent(&self, outcome: Outcome) -> bool {
        let Outcome::Responded(headers) = outcome else {
            return false;
        };
        let limit = headers.limit.is_some_and(|limit| limit < self.in_force().requests());
        (headers.refused || limit) && self.round_trip < LONGEST_RELEASE / 2
    }

    /// Ends a request; `None` if it has ended before.
    pub(super) fn end(&mut self, id: u64, outcome: Outcome, now: Instant) -> Option<Report> {
        let Flight { from, seq, out, .. } = self.leases.end(id)?;
        if let Some((_, reply)) = &mut self.last {
            reply.in_flight = reply.in_flight.saturating_sub(1);
        }
        // Our own response may be what was waited for; a token that is held for a period is not.
        self.denial.take_if(|denial| outcome == Outcome::NeverSent || denial.at <= now);
        let took = now.saturating_duration_since(from);
        let report = Report { id, at: now, took, outcome, seq, out };
        match outcome {
            Outcome::NeverSent => {}
            Outcome::NoResponse => {
                self.leases.hold(now + self.grace);
                self.reports.give_up(report);
            }
            Outcome::Responded(headers) => {
                self.leases.hold(now);
                if headers.refused {
                    self.pause(headers.retry_after, now);
                }
            }
        }
        Some(report)
    }

    /// Leases that are not in use yet are given back.
    fn pause(&mut self, asked: Option<Duration>, now: Instant) {
        let until = now + asked.unwrap_or_else(|| self.held());
        self.pauses += u64::from(self.own_pause(now).is_none());
        self.paused_until = self.paused_until.max(Some(until));
        self.end_unused(now);
    }

    pub(super) fn tighten(&mut self, rate: Rate) {
        let both = self.rate.and(rate);
        self.rate = if both.is_usable() { both } else { self.rate };
        self.denial = None;
    }

    /// Returns the requests under way, by their ids and names.
    pub(super) fn under_way(&self) -> (Vec<u64>, Vec<String>) {
        let ids = self.leases.ids();
        let names = ids.iter().map(|id| self.name(*id)).collect();
        (ids, names)
    }

    /// Returns the requests that were given up and are to be reported again.
    pub(super) fn given_up(&mut self, now: Instant) -> Vec<Report> {
        self.reports.given_up(self.grace, now)
    }

    /// Returns when a caller with `ahead` others of this process before it can take a token, by the last reply.
    pub(super) fn outlook(&self, ahead: usize, now: Instant) -> NotReady {
        let denial = self.denied(now);
        let before = ahead + denial.map_or(0, |denial| denial.ahead);
        let at = self.back(before, now).max(denial.map_or(now, |denial| denial.at(now)));
        NotReady {
            at_least: at.saturating_duration_since(now),
            look_again: None,
            reason: denial.map_or(WaitReason::Full, |denial| denial.reason),
        }
    }

    fn back(&self, before: usize, now: Instant) -> Instant {
        let Some((begin, reply)) = &self.last else {
            return now;
        };
        let limit = usize::try_from(reply.rate.requests()).unwrap_or(usize::MAX).max(1);
        let (rounds, place) = (before / limit, before % limit);
        let out = usize::try_from(reply.out).unwrap_or(usize::MAX);
        let missing = (out + reply.others + place + 1).saturating_sub(limit);
        let last = missing.min(reply.back.len()).checked_sub(1);
        let first = last.and_then(|last| Some(*begin + *reply.back.get(last)?)).unwrap_or(now);
        first.max(now) + self.held() * u32::try_from(rounds).unwrap_or(u32::MAX)
    }

    /// The rate that all programs keep to, by the last reply.
    fn in_force(&self) -> Rate {
        let last = self.last.as_ref().map_or(self.rate, |(_, reply)| reply.rate);
        match self.rate.shape() {
            Shape::Paced => last.paced(),
            Shape::Burst => last,
        }
    }

    /// P' of the shortest limit.
    fn held(&self) -> Duration {
        let first = self.in_force().limits().next();
        first.map_or(SECOND, |(_, period)| Duration::from_nanos(held(period)))
    }

    fn forget(&mut self, now: Instant) {
        let longest = self.rate.limits().map(|(_, period)| held(period)).max();
        let held = longest.map_or(SECOND, Duration::from_nanos);
        self.leases.forget(held, now);
    }

    /// Returns whether all tokens of this process are back.
    pub(super) fn is_idle(&mut self, now: Instant) -> bool {
        self.forget(now);
        let is_paused = self.own_pause(now).is_some();
        self.leases.is_empty() && !self.reports.are_due() && !is_paused
    }

    /// Returns whether a worker has something to do.
    pub(super) fn has_work(&self) -> bool {
        self.leases.under_way() > 0 || !self.reports.is_empty()
    }

    pub(super) fn snapshot(&mut self, now: Instant) -> Snapshot {
        self.forget(now);
        let period = self.held();
        let ours = self.leases.out(period, now);
        let rate = self.in_force();
        let (out, in_flight, others) = match &self.last {
            Some((_, reply)) => (reply.out, reply.in_flight, reply.others),
            None => (0, 0, 0),
        };
        let out = usize::try_from(out).unwrap_or(usize::MAX).max(ours);
        let next_back = self.last.as_ref().and_then(|(at, reply)| Some(*at + *reply.back.first()?));
        Snapshot {
            granted: self.granted,
            in_flight: in_flight.max(self.leases.under_way()),
            free: usize::try_from(rate.requests())
                .unwrap_or(usize::MAX)
                .saturating_sub(out + others),
            held_for_others: others,
            used_elsewhere: out - ours,
            next_back: next_back.filter(|back| now < *back).map(|back| back - now),
            paused: self.own_pause(now).map(|pause| pause.at - now),
            pauses: self.pauses,
            ..Snapshot::full(rate)
        }
    }
}

/// A random number. Forked processes begin with the same ones, and may follow each other under one process id.
fn number() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    fastrand::u64(..) ^ nanos(now)
}

#[cfg(test)]
mod tests {
    use crate::limiter::headers::RateLimitHeaders;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn known() -> (Known, Instant) {
        (Known::new(Rate::per_second(5)), Instant::now())
    }

    /// Lets a lease be granted, by a reply that took 300 ms.
    fn grant(known: &mut Known, now: Instant, at: Duration) -> u64 {
        let id = known.next_lease(Duration::MAX, now).unwrap();
        known.start(id, now - 300 * MS, now, &Reply::by_five_a_second(true, at));
        id
    }

    #[test]
    fn once_nobody_uses_the_store_its_leases_are_given_back_at_once() {
        let (mut known, now) = known();
        let id = grant(&mut known, now, 100 * MS);
        known.end_unused(now);
        assert!(known.reports.next(now).is_none());
        known.is_closed = true;
        known.end_unused(now);
        assert_eq!(known.reports.next(now).map(|report| report.id), Some(id));
    }

    #[test]
    fn a_response_does_not_make_the_next_one_ask_before_a_token_can_be_back() {
        let (mut known, now) = known();
        let [one, other] = [(); 2].map(|()| grant(&mut known, now, Duration::ZERO));
        known.deny(&Reply::by_five_a_second(false, 500 * MS), Duration::MAX, now);
        known.end(one, Outcome::Responded(RateLimitHeaders::default()), now);
        assert_eq!(known.next_lease(Duration::MAX, now).unwrap_err().at_least, 500 * MS);
        known.end(other, Outcome::NeverSent, now);
        assert!(known.next_lease(Duration::MAX, now).is_ok());
    }

    #[test]
    fn a_caller_behind_more_than_n_others_waits_for_a_period_longer() {
        let (mut known, now) = known();
        let back = vec![200 * MS; 5];
        known.last =
            Some((now, Reply { out: 5, back, ..Reply::by_five_a_second(false, 200 * MS) }));
        let waits = [0, 4, 5, 10].map(|ahead| known.outlook(ahead, now).at_least);
        assert_eq!(waits, [0, 0, 1, 2].map(|rounds| 200 * MS + rounds * 1006 * MS));
    }

    #[test]
    fn the_end_of_a_request_is_urgent_if_it_slows_all_down_and_redis_is_near() {
        let (mut known, now) = known();
        let headers = |refused| RateLimitHeaders { refused, ..RateLimitHeaders::default() };
        let is_urgent =
            |known: &Known, refused| known.is_urgent(Outcome::Responded(headers(refused)));
        assert!(is_urgent(&known, true) && !is_urgent(&known, false));
        known.reached(
            &Reply::by_five_a_second(true, Duration::ZERO),
            now - Duration::from_secs(1),
            now,
        );
        assert!(!is_urgent(&known, true));
    }

    #[test]
    fn processes_with_the_same_random_numbers_have_different_names() {
        let names = [(); 2].map(|()| {
            let now = SystemTime::now();
            // The clock of some systems shows microseconds.
            while SystemTime::now() == now {}
            fastrand::seed(1);
            Known::new(Rate::per_second(5)).client
        });
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn a_forked_process_has_none_of_its_parents_leases_and_numbers_its_own_differently() {
        let (mut known, now) = known();
        let parents = known.next_lease(Duration::MAX, now).unwrap();
        let name = known.name(parents);
        known.process += 1;
        known.after_fork();
        assert_ne!(known.name(parents), name);
        // The end of a request of the parent ends none of the child's.
        assert_ne!(known.next_lease(Duration::MAX, now).unwrap(), parents);
    }
}
