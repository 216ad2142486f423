//! The arithmetic of the bucket: no clock, no lock, no thread. Moments go in, decisions come out.

use std::collections::VecDeque;
use std::time::Duration;

use super::cooldown::{Cooldown, Refusal};
use super::external::ExternalUsage;
use super::headers::RateLimitHeaders;
use super::moment::Opening;
use super::moment::{Nanos, nanos, until};
use super::pace::Pace;
use super::rate::{Rate, Shape};
use super::status::Snapshot;
use super::status::WaitReason;
use super::status::{NotReady, Outcome};

/// A request that we gave up on may still be under way to the server: so much longer is its token held.
pub(crate) const GRACE: Nanos = 2_000_000_000;

/// Who holds which token until when.
///
/// A token is free, in flight, or on its way back. It is taken before the request's first byte and is back P'
/// after its answer, so that the server counts at most N requests in any window of P: of N + 1 granted
/// requests, the last found all others in flight or answered less than P' ago, and had no token to take.
#[derive(Debug)]
pub(crate) struct Ledger {
    rate: Rate,
    /// P'.
    held: Nanos,
    /// In the order of their ids.
    flights: VecDeque<Flight>,
    /// When tokens are back, earliest first.
    returning: VecDeque<Nanos>,
    external: ExternalUsage,
    cooldown: Cooldown,
    granted: u64,
}

/// A token in flight.
#[derive(Debug)]
struct Flight {
    id: u64,
    expires: Nanos,
    /// How many of our tokens were out when it was granted, itself among them.
    out: usize,
}

impl Ledger {
    pub(crate) fn new(rate: Rate) -> Ledger {
        let rate = rate.usable();
        let pace = Pace::new(rate.share(), rate.shape() == Shape::Paced);
        Ledger {
            rate,
            held: rate.held(),
            flights: VecDeque::new(),
            returning: VecDeque::new(),
            external: ExternalUsage::default(),
            cooldown: Cooldown::new(rate.held(), pace),
            granted: 0,
        }
    }

    /// Takes a token at `now` and returns its id, or says when there may be one.
    pub(crate) fn lease(&mut self, now: Nanos, term: Nanos) -> Result<u64, NotReady> {
        self.settle(now);
        let opening = self.opening(0, now);
        if !opening.is_open(now) {
            return Err(outlook(opening, now));
        }
        let id = self.granted;
        self.granted += 1;
        self.flights.push_back(Flight {
            id,
            expires: now.saturating_add(term),
            out: self.out() + 1,
        });
        self.cooldown.granted(id, now);
        Ok(id)
    }

    /// Gives the token `id` back at `now`.
    pub(crate) fn release(&mut self, id: u64, outcome: Outcome, now: Nanos) {
        self.settle(now);
        let flight = self.land(id);
        match outcome {
            Outcome::NeverSent => self.cooldown.unsent(id, now),
            Outcome::NoResponse => {
                self.hold(flight.is_some(), now.saturating_add(GRACE));
                self.cooldown.unanswered(id, now);
            }
            Outcome::Answered(remark) => {
                self.hold(flight.is_some(), now);
                self.heed(id, flight, remark, now);
            }
        }
    }

    /// When a caller would get a token before whom `ahead` others take theirs.
    pub(crate) fn outlook(&mut self, ahead: usize, now: Nanos) -> NotReady {
        self.settle(now);
        outlook(self.opening(ahead, now), now)
    }

    /// Adopts `rate` where it is lower than what is in force.
    pub(crate) fn tighten(&mut self, rate: Rate) {
        let tightened = self.rate.tightened(rate);
        if tightened == self.rate {
            return;
        }
        self.rate = tightened;
        let held = self.rate.held();
        let longer = held.saturating_sub(self.held);
        for back in &mut self.returning {
            *back = back.saturating_add(longer);
        }
        self.external.prolong(longer);
        self.held = held;
        self.cooldown.tighten(held, self.rate.share());
    }

    /// What is known at `now`.
    pub(crate) fn snapshot(&mut self, now: Nanos) -> Snapshot {
        self.settle(now);
        let others = self.external.level() as usize;
        Snapshot {
            granted: self.granted,
            in_flight: self.flights.len(),
            free: self.limit().saturating_sub(self.out() + others),
            held_for_others: others,
            next_back: self.returning.front().map(|back| until(*back, now)),
            paused: self.cooldown.paused_until(now).map(|end| until(end, now)),
            pauses: self.cooldown.pauses,
            pace: Some(self.cooldown.pace.distance(now))
                .filter(|it| *it > 0)
                .map(Duration::from_nanos),
            ..Snapshot::full(self.rate)
        }
    }

    /// Lets everything happen that time alone brings about.
    fn settle(&mut self, now: Nanos) {
        self.external.settle(now);
        self.expire(now);
        while self.returning.front().is_some_and(|back| *back <= now) {
            self.returning.pop_front();
        }
    }

    /// A holder that never came back is as one without an answer, from its term's end on.
    fn expire(&mut self, now: Nanos) {
        while let Some(place) = self.flights.iter().position(|it| it.expires <= now) {
            if let Some(flight) = self.flights.remove(place) {
                self.hold(true, flight.expires.saturating_add(GRACE));
                self.cooldown.unanswered(flight.id, now);
            }
        }
    }

    fn land(&mut self, id: u64) -> Option<Flight> {
        let place = self.flights.binary_search_by_key(&id, |it| it.id).ok()?;
        self.flights.remove(place)
    }

    /// Holds a token that was in flight for P' after `from`.
    fn hold(&mut self, flown: bool, from: Nanos) {
        if flown {
            let back = from.saturating_add(self.held);
            let place = self.returning.partition_point(|other| *other <= back);
            self.returning.insert(place, back);
        }
    }

    /// Takes in what an answer remarks: a lower limit first, since it may explain a refusal.
    fn heed(&mut self, id: u64, flight: Option<Flight>, remark: RateLimitHeaders, now: Nanos) {
        let period = remark.period.unwrap_or(self.rate.period());
        if let Some(limit) = remark.limit {
            self.tighten(Rate::new(limit, period));
        }
        // What is left of another period does not tell what was spent in this one.
        let remaining = remark.remaining.filter(|_| period == self.rate.period());
        if let (Some(remaining), Some(flight)) = (remaining, flight) {
            self.share_with_others(remaining, &flight, now);
        }
        if !remark.refused {
            return self.cooldown.passed(id, now);
        }
        let refusal = Refusal {
            retry_after: remark.retry_after.map(nanos),
            explained: self.out() > self.limit(),
            next_id: self.granted,
        };
        self.cooldown.refused(id, now, refusal);
    }

    /// What is missing from the server's budget and cannot be ours was spent by others.
    ///
    /// Ours is whatever the server could have had in its window when it counted this request, at some moment
    /// between our asking and our hearing: all that was out at the asking, and all that was granted since.
    fn share_with_others(&mut self, remaining: u32, flight: &Flight, now: Nanos) {
        let since =
            usize::try_from(self.granted.saturating_sub(flight.id + 1)).unwrap_or(usize::MAX);
        let ours = flight.out.saturating_add(since);
        let others = self.limit().saturating_sub(remaining as usize).saturating_sub(ours);
        let others = u32::try_from(others).unwrap_or(u32::MAX);
        self.external.report(others, now.saturating_add(self.held));
    }

    fn limit(&self) -> usize {
        self.rate.requests() as usize
    }

    /// How many of our tokens are not free.
    fn out(&self) -> usize {
        self.flights.len() + self.returning.len()
    }

    fn opening(&self, ahead: usize, now: Nanos) -> Opening {
        let rank = u64::try_from(ahead).unwrap_or(u64::MAX);
        self.token(ahead, now).and(self.cooldown.opening(rank, now))
    }

    /// When there is a token for the `ahead`th from now: each token serves once in P'.
    fn token(&self, ahead: usize, now: Nanos) -> Opening {
        let rounds = u64::try_from(ahead / self.limit()).unwrap_or(u64::MAX);
        let first = self.first_round(ahead % self.limit(), now);
        let round = match rounds {
            0 => first.at,
            _ => first.at.max(now).saturating_add(rounds.saturating_mul(self.held)),
        };
        Opening { at: round, ..first }
    }

    fn first_round(&self, ahead: usize, now: Nanos) -> Opening {
        let mut levels = self.external.levels();
        let timed = levels
            .by_ref()
            .filter_map(|(from, others)| Some(self.own(ahead + others as usize)?.max(from)))
            .min();
        let soonest = match self.flights.len() {
            0 => Nanos::MAX,
            _ => now.saturating_add(self.held),
        };
        Opening {
            at: timed.unwrap_or(soonest).min(soonest),
            look: timed.into_iter().chain(self.first_expiry()).min(),
            reason: WaitReason::Full,
        }
    }

    /// When the first holder is given up on, if ever.
    fn first_expiry(&self) -> Option<Nanos> {
        let expiries = self.flights.iter().map(|it| it.expires);
        expiries.min().filter(|at| *at < Nanos::MAX)
    }

    /// When our own tokens leave room for one more than `besides`, by time alone.
    fn own(&self, besides: usize) -> Option<Nanos> {
        let missing = (self.out() + besides + 1).saturating_sub(self.limit());
        match missing {
            0 => Some(0),
            _ => self.returning.get(missing - 1).copied(),
        }
    }
}

fn outlook(opening: Opening, now: Nanos) -> NotReady {
    NotReady {
        at_least: until(opening.at, now),
        look_again: opening.look.map(|look| until(look, now)),
        reason: opening.reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;
    const HELD: Nanos = 1_006_000_000;

    fn ledger(requests: u32) -> Ledger {
        Ledger::new(Rate::per_second(requests))
    }

    fn fine() -> Outcome {
        Outcome::Answered(RateLimitHeaders::default())
    }

    #[test]
    fn a_token_is_back_one_period_after_its_answer() {
        let mut ledger = ledger(1);
        let id = ledger.lease(0, Nanos::MAX).unwrap();
        ledger.release(id, fine(), 5 * SECOND);
        let outlook = ledger.lease(5 * SECOND + HELD - 1, Nanos::MAX).unwrap_err();
        assert_eq!(outlook.look_again, Some(Duration::from_nanos(1)));
        assert!(ledger.lease(5 * SECOND + HELD, Nanos::MAX).is_ok());
    }

    #[test]
    fn while_all_are_under_way_only_an_answer_helps() {
        let mut ledger = ledger(1);
        ledger.lease(0, Nanos::MAX).unwrap();
        let outlook = ledger.lease(SECOND, Nanos::MAX).unwrap_err();
        assert_eq!(outlook.look_again, None);
        assert_eq!(outlook.at_least, Duration::from_nanos(HELD));
    }

    #[test]
    fn what_others_hold_is_waited_for_like_our_own() {
        let mut ledger = ledger(3);
        let id = ledger.lease(0, Nanos::MAX).unwrap();
        let remark = RateLimitHeaders { remaining: Some(0), ..RateLimitHeaders::default() };
        ledger.release(id, Outcome::Answered(remark), SECOND);
        let outlook = ledger.lease(SECOND, Nanos::MAX).unwrap_err();
        assert_eq!(outlook.look_again, Some(Duration::from_nanos(HELD)));
    }

    #[test]
    fn a_longer_period_prolongs_what_is_on_its_way_back() {
        let mut ledger = Ledger::new(Rate::per_minute(2));
        let id = ledger.lease(0, Nanos::MAX).unwrap();
        ledger.release(id, fine(), 0);
        ledger.tighten(Rate::new(1, Duration::from_secs(120)));
        let outlook = ledger.lease(0, Nanos::MAX).unwrap_err();
        assert_eq!(outlook.at_least, Duration::from_millis(120_125));
    }
}
