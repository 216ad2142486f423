//! One limit: N tokens, each held for P' after its response, and what others spend of them.

use std::collections::VecDeque;
use std::time::Duration;

use super::external::ExternalUsage;
use super::moment::{Nanos, held, nanos};
use super::opening::Opening;
use super::status::WaitReason;

/// A limit that a server reports ends after so many periods in which it was not reported again.
const MEMORY: u64 = 10;

/// The tokens of one limit.
///
/// A token is free, in flight, on its way back, or held because somebody else spent it. Which requests are in
/// flight is the same for all limits of a rate, so the ledger knows that.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) requests: u32,
    pub(crate) period: Duration,
    /// P'.
    pub(crate) held: Nanos,
    /// When tokens are back, earliest first.
    returning: VecDeque<Nanos>,
    external: ExternalUsage,
    said: Option<Said>,
    /// The server's own successes contradicted the limit that it reports: it is not obeyed until then.
    disbelieved_until: Nanos,
    /// When the requests were granted that the server certainly admitted within the last period.
    admitted: VecDeque<Nanos>,
}

/// A lower limit that the server reports.
#[derive(Debug)]
struct Said {
    limit: u32,
    until: Nanos,
}

impl Window {
    pub(crate) fn new(requests: u32, period: Duration) -> Window {
        Window {
            requests,
            period,
            held: held(period),
            returning: VecDeque::new(),
            external: ExternalUsage::default(),
            said: None,
            disbelieved_until: 0,
            admitted: VecDeque::new(),
        }
    }

    /// A limit that comes into force beside `other`, which knows what was sent.
    pub(crate) fn beside(requests: u32, period: Duration, other: Option<&Window>) -> Window {
        let mut window = Window::new(requests, period);
        if let Some(other) = other {
            let later = |back: &Nanos| back.saturating_sub(other.held).saturating_add(window.held);
            window.returning = other.returning.iter().map(later).collect();
        }
        window
    }

    /// How many tokens there are.
    pub(crate) fn limit(&self) -> usize {
        self.in_force().0 as usize
    }

    /// The limit and its period, as they are in force.
    pub(crate) fn in_force(&self) -> (u32, Duration) {
        (
            self.said.as_ref().map_or(self.requests, |said| said.limit.min(self.requests)),
            self.period,
        )
    }

    /// Whether it allows no more than `requests` in any window of `period`.
    pub(crate) fn implies(&self, requests: u32, period: Duration) -> bool {
        let periods = nanos(period).div_ceil(nanos(self.period).max(1));
        u64::from(self.requests).saturating_mul(periods) <= u64::from(requests)
    }

    /// Whether all tokens are free.
    pub(crate) fn is_unused(&self) -> bool {
        self.returning.is_empty() && self.others() == 0 && self.said.is_none()
    }

    /// How many tokens can be taken while `in_flight` requests are under way.
    pub(crate) fn free(&self, in_flight: usize) -> usize {
        self.limit().saturating_sub(self.out(in_flight) + self.others())
    }

    /// P'/N, rounded up: the share of one request.
    pub(crate) fn share(&self) -> Nanos {
        self.held.div_ceil(u64::try_from(self.limit()).unwrap_or(u64::MAX).max(1))
    }

    /// How many of our tokens are not free while `in_flight` requests are under way.
    pub(crate) fn out(&self, in_flight: usize) -> usize {
        in_flight + self.returning.len()
    }

    /// How many tokens are held because others spent them.
    pub(crate) fn others(&self) -> usize {
        self.external.level() as usize
    }

    /// When the next token is back.
    pub(crate) fn next_back(&self) -> Option<Nanos> {
        self.returning.front().copied()
    }

    /// Applies everything that time alone brings about, and returns whether another limit is in force now.
    pub(crate) fn settle(&mut self, now: Nanos) -> bool {
        self.external.settle(now);
        while self.returning.front().is_some_and(|back| *back <= now) {
            self.returning.pop_front();
        }
        self.said.take_if(|said| said.until <= now).is_some()
    }

    /// Holds a token for P' after `from`.
    pub(crate) fn hold(&mut self, from: Nanos) {
        let back = from.saturating_add(self.held);
        let place = self.returning.partition_point(|other| *other <= back);
        self.returning.insert(place, back);
    }

    /// Obeys a lower limit that the server reports.
    pub(crate) fn obey(&mut self, limit: u32, now: Nanos) {
        if now < self.disbelieved_until {
            return;
        }
        let until = now.saturating_add(self.held.saturating_mul(MEMORY));
        self.said = (limit < self.requests).then_some(Said { limit, until });
    }

    /// Takes in how many tokens are left according to the server, when at most `ours` of the others were ours.
    pub(crate) fn share_with_others(&mut self, remaining: u32, ours: usize, now: Nanos) {
        let spent = self.limit().saturating_sub(remaining as usize);
        let others = u32::try_from(spent.saturating_sub(ours)).unwrap_or(u32::MAX);
        let most = self.requests - self.requests.div_ceil(4);
        self.external.report(others, most, now, self.held);
    }

    /// The server admitted a request that was granted at `granted`.
    ///
    /// If it admitted more within one period than it reports as its limit, it is not believed for some periods. Nor is it if
    /// we were `doubting` how much others spent, and others would have left nothing for this request.
    pub(crate) fn admit(&mut self, granted: Nanos, doubting: bool, now: Nanos) {
        let begin = now.saturating_sub(nanos(self.period));
        while self.admitted.front().is_some_and(|granted| *granted < begin) {
            self.admitted.pop_front();
        }
        let place = self.admitted.partition_point(|other| *other <= granted);
        self.admitted.insert(place, granted);
        if self.said.take_if(|said| self.admitted.len() > said.limit as usize).is_some() {
            self.disbelieved_until = now.saturating_add(self.held.saturating_mul(MEMORY));
        }
        if doubting {
            self.external.contradict(now, self.held);
        }
    }

    /// How many requests the server certainly admitted within the period before `at`.
    pub(crate) fn admitted_before(&self, at: Nanos) -> usize {
        let begin = at.saturating_sub(nanos(self.period));
        self.admitted.len() - self.admitted.partition_point(|granted| *granted < begin)
    }

    /// The server refused a request: what it had not admitted of ours was spent by others.
    pub(crate) fn refused(&mut self, granted: Nanos, now: Nanos) {
        let others = self.limit().saturating_sub(self.admitted_before(granted));
        self.external
            .hold(u32::try_from(others).unwrap_or(u32::MAX), now.saturating_add(self.held));
    }

    /// The server refused a request, so its numbers may be right.
    pub(crate) fn confirm(&mut self) {
        self.external.confirm();
    }

    /// Whether others are held to have spent less than the server reports.
    pub(crate) fn is_doubting(&self) -> bool {
        self.external.is_doubting()
    }

    /// When there is a token for the `ahead`th caller from now: each token serves once in P'.
    pub(crate) fn opening(&self, ahead: usize, in_flight: usize, now: Nanos) -> Opening {
        let Some(round) = ahead.checked_div(self.limit()) else {
            return Opening { look: None, ..Opening::at(Nanos::MAX, WaitReason::Full) };
        };
        let first = self.first_round(ahead % self.limit(), in_flight, now);
        let rounds = u64::try_from(round).unwrap_or(u64::MAX);
        let at = match rounds {
            0 => first.at,
            _ => first.at.max(now).saturating_add(rounds.saturating_mul(self.held)),
        };
        Opening { at, ..first }
    }

    fn first_round(&self, ahead: usize, in_flight: usize, now: Nanos) -> Opening {
        let timed = self
            .external
            .levels()
            .filter_map(|(from, others)| {
                Some(self.own(ahead + others as usize, in_flight)?.max(from))
            })
            .min();
        let soonest = match in_flight {
            0 => Nanos::MAX,
            _ => now.saturating_add(self.held),
        };
        Opening { at: timed.unwrap_or(soonest).min(soonest), look: timed, reason: WaitReason::Full }
    }

    /// When our own tokens leave room for one more than `besides`, by time alone.
    fn own(&self, besides: usize, in_flight: usize) -> Option<Nanos> {
        let missing = (self.out(in_flight) + besides + 1).saturating_sub(self.limit());
        match missing {
            0 => Some(0),
            _ => self.returning.get(missing - 1).copied(),
        }
    }
}
