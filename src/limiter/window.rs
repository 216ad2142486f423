//! The tokens of one limit: those that we hold, and those that others spend according to the server.

use std::collections::VecDeque;
use std::time::Duration;

use super::moment::{Nanos, Opening, held, nanos};
use super::runs::Runs;
use super::sent::Sent;
use super::status::WaitReason;

const SECOND: Nanos = 1_000_000_000;
/// A limit that a server reports ends after so many periods in which it was not reported again.
const MEMORY: u64 = 10;

/// The tokens of one limit.
///
/// A token is free, in flight, on its way back, or held because somebody else spent it. Which requests are in
/// flight is the same for all limits of a rate, so the ledger knows that.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) requests: u32,
    pub(crate) period: Duration,
    /// P'.
    pub(crate) held: Nanos,
    /// When tokens are back, earliest first.
    returning: Runs,
    external: ExternalUsage,
    sent: Sent,
    said: Option<Said>,
    /// The server's own successes contradicted the limit that it reports: it is not obeyed until then.
    disbelieved_until: Nanos,
    /// When the requests were granted that the server certainly admitted within the last two periods.
    #[cfg_attr(feature = "share", serde(serialize_with = "Runs::serialize_down"))]
    admitted: Runs,
}

/// A lower limit that the server reports.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
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
            returning: Runs::default(),
            external: ExternalUsage::default(),
            sent: Sent::default(),
            said: None,
            disbelieved_until: 0,
            admitted: Runs::default(),
        }
    }

    /// A limit that comes into force beside `other`, which knows what was sent.
    pub(crate) fn beside(requests: u32, period: Duration, other: Option<&Window>) -> Window {
        let mut window = Window::new(requests, period);
        if let Some(other) = other {
            let later = |back: Nanos| back.saturating_sub(other.held).saturating_add(window.held);
            window.returning = other.returning.map(later);
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
    pub(crate) fn free(&self, in_flight: usize, now: Nanos) -> usize {
        let out = self.out(in_flight);
        let length = self.sent.length(self.held, now);
        let besides = length.map_or(out, |length| self.sent.count(length, now)) + self.others();
        self.limit().saturating_sub(out.max(besides))
    }

    /// A request is sent: returns how many were within the last period, if that is known.
    pub(crate) fn sent(&mut self, now: Nanos) -> Option<usize> {
        self.sent.record(now);
        let length = self.sent.length(nanos(self.period), now)?;
        Some(self.sent.count(length, now))
    }

    /// The request for which a token was granted at this moment was not sent.
    pub(crate) fn unsent(&mut self, granted: Nanos) {
        self.sent.take_back(granted);
    }

    /// Remembers when requests are sent as long as there is a `slack`: how much one round trip differs from another.
    pub(crate) fn remember(&mut self, slack: Option<Nanos>, now: Nanos) {
        self.sent.settle(slack, self.held, now);
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
        self.returning.first()
    }

    /// Applies everything that time alone brings about, and returns whether another limit is in force now.
    pub(crate) fn settle(&mut self, now: Nanos) -> bool {
        self.external.settle(now);
        self.returning.remove_before(now.saturating_add(1));
        self.said.take_if(|said| said.until <= now).is_some()
    }

    /// Holds a token for P' after `from`.
    pub(crate) fn hold(&mut self, from: Nanos) {
        self.returning.insert(from.saturating_add(self.held));
    }

    /// Holds all tokens for P' after `from`. Those that are held for longer stay so: others may have a longer grace.
    pub(crate) fn exhaust(&mut self, from: Nanos) {
        let back = from.saturating_add(self.held);
        // A limit that only the server knows has no tokens unless it is in force. A lower one of the server may end sooner.
        let all = if self.requests < u32::MAX { self.requests as usize } else { self.limit() };
        let tokens = Some(all).filter(|all| *all < u32::MAX as usize).unwrap_or(0);
        self.returning = self.returning.map(|at| at.max(back));
        let missing = tokens.saturating_sub(self.returning.len());
        self.returning.insert_many(back, missing as u64);
    }

    /// Obeys a lower limit that the server reports.
    pub(crate) fn obey(&mut self, limit: u32, now: Nanos) {
        if now < self.disbelieved_until {
            return;
        }
        let until = now.saturating_add(self.held.saturating_mul(MEMORY));
        self.said = (limit < self.requests).then_some(Said { limit, until });
    }

    /// Takes in how many tokens are left according to the server, when at most `ours` of the others were ours. It counts
    /// anew after `reset` at the latest.
    pub(crate) fn share_with_others(
        &mut self,
        remaining: u32,
        ours: usize,
        reset: Option<Duration>,
        now: Nanos,
    ) {
        let spent = self.limit().saturating_sub(remaining as usize);
        let others = u32::try_from(spent.saturating_sub(ours)).unwrap_or(u32::MAX);
        let most = self.requests - self.requests.div_ceil(4);
        self.external.report(others, most, now, (self.held, lasts(reset)));
    }

    /// The server admitted a request that was granted at `granted`.
    ///
    /// If it admitted more within one period than it reports as its limit, it is not believed for some periods. Nor is it if
    /// we were `doubting` how much others spent, and others would have left nothing for this request.
    pub(crate) fn admit(&mut self, granted: Nanos, doubting: bool, now: Nanos) {
        let begin = now.saturating_sub(nanos(self.period).saturating_mul(2));
        self.admitted.remove_before(begin);
        self.admitted.insert(granted);
        let admitted = self.admitted_since(now, 1);
        if self.said.take_if(|said| admitted > said.limit as usize).is_some() {
            self.disbelieved_until = now.saturating_add(self.held.saturating_mul(MEMORY));
        }
        if doubting {
            self.external.contradict(now, self.held);
        }
    }

    /// How many requests the server certainly admitted within the period before `at`, or half as many as within the two
    /// periods before it if that is more: a burst may be a little older than one.
    pub(crate) fn admitted_before(&self, at: Nanos) -> usize {
        self.admitted_since(at, 1).max(self.admitted_since(at, 2) / 2)
    }

    /// How many requests the server certainly admitted of those granted in so many periods before `at`, or later.
    fn admitted_since(&self, at: Nanos, periods: Nanos) -> usize {
        let begin = at.saturating_sub(nanos(self.period).saturating_mul(periods));
        self.admitted.len() - self.admitted.count_before(begin)
    }

    /// The server refused a request: what it had not admitted of ours was spent by others. A server that counts a part of
    /// the last period again counts most of that for a quarter of a period more, if the period is a second.
    pub(crate) fn refused(&mut self, granted: Nanos, reset: Option<Duration>, now: Nanos) {
        let others = self.limit().saturating_sub(self.admitted_before(granted));
        let longest = self.held.saturating_add(self.held.min(SECOND) / 4);
        let end = now.saturating_add(longest.min(lasts(reset)));
        self.external.hold(u32::try_from(others).unwrap_or(u32::MAX), end);
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
                Some(self.own((ahead, others as usize), in_flight, now)?.max(from))
            })
            .min();
        let soonest = match in_flight {
            0 => Nanos::MAX,
            _ => now.saturating_add(self.held),
        };
        Opening { at: timed.unwrap_or(soonest).min(soonest), look: timed, reason: WaitReason::Full }
    }

    /// When our own tokens leave room for one more besides those `ahead` and what `others` spent, by time alone.
    fn own(&self, (ahead, others): (usize, usize), in_flight: usize, now: Nanos) -> Option<Nanos> {
        let room = self.limit().saturating_sub(ahead + others);
        match self.sent.length(self.held, now) {
            Some(length) => {
                Some(self.token(ahead, in_flight)?.max(self.sent.opening(room, length, now)?))
            }
            None => self.token(ahead + others, in_flight),
        }
    }

    /// When there is a token besides so many others, by time alone.
    fn token(&self, besides: usize, in_flight: usize) -> Option<Nanos> {
        let missing = (self.out(in_flight) + besides + 1).saturating_sub(self.limit());
        match missing {
            0 => Some(0),
            _ => self.returning.get(missing - 1),
        }
    }
}

/// How long what others spent counts at most: the moment may be rounded.
fn lasts(reset: Option<Duration>) -> Nanos {
    reset.map_or(Nanos::MAX, held)
}

/// So many successes that contradict the server's numbers prove them wrong.
const PROOF: u32 = 3;
/// If there are more reports than this, each is held for longer by up to such a part, so that many end at the same moment.
const MOST: Nanos = 64;
/// For so many periods, numbers that were proven wrong are ignored.
const IGNORED: u64 = 10;

/// Tokens held because somebody else spent them, each report for one period.
///
/// Reports speak of the same requests again and again, so they do not add up: the highest counts.
///
/// A server that reports the whole limit as spent, on response after response, would leave nothing for this
/// client. After one period of that, a quarter of the limit is used in spite of it. Requests that succeed so
/// contradict the server; after some of them its reports are ignored for ten periods, or until a refusal.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Default)]
pub(crate) struct ExternalUsage {
    /// When a report ends and how much it reports: later ends and smaller amounts towards the back.
    reports: VecDeque<(Nanos, u32)>,
    /// When the present series of reports began.
    since: Option<Nanos>,
    /// When the series is over unless there is another report.
    over: Nanos,
    /// Whether the reports are held to be too high.
    doubting: bool,
    contradictions: u32,
    ignored_until: Nanos,
}

impl ExternalUsage {
    /// Returns how many tokens are held now.
    pub(crate) fn level(&self) -> u32 {
        self.reports.front().map_or(0, |(_, amount)| *amount)
    }

    /// Holds `amount` for `period`, and after the first period of reports at most `most`. It `lasts` no longer than that.
    pub(crate) fn report(
        &mut self,
        amount: u32,
        most: u32,
        now: Nanos,
        (period, lasts): (Nanos, Nanos),
    ) {
        if amount == 0 || now < self.ignored_until {
            return;
        }
        let began = *self.since.get_or_insert(now);
        let is_long = now.saturating_sub(began) >= period;
        self.over = now.saturating_add(period.saturating_mul(2));
        self.doubting = is_long && amount > most;
        if self.doubting {
            for (_, amount) in &mut self.reports {
                *amount = most.min(*amount);
            }
        }
        // Somebody who goes on spending will do so in the next period as well.
        let (amount, periods) = if is_long { (amount.min(most), 2) } else { (amount, 1) };
        let end = now.saturating_add(period.saturating_mul(periods).min(lasts));
        let is_full = self.reports.len() as u64 > MOST;
        let step = if is_full { period.min(lasts).div_ceil(MOST) } else { 1 };
        self.hold(amount, end.checked_next_multiple_of(step).unwrap_or(end));
    }

    pub(crate) fn hold(&mut self, amount: u32, end: Nanos) {
        let covers = |(e, a): (Nanos, u32), (end, amount): (Nanos, u32)| e >= end && a >= amount;
        if amount == 0 || self.reports.iter().any(|it| covers(*it, (end, amount))) {
            return;
        }
        self.reports.retain(|it| !covers((end, amount), *it));
        let place = self.reports.partition_point(|(e, _)| *e < end);
        self.reports.insert(place, (end, amount));
    }

    /// Releases everything that has ended by `now`.
    pub(crate) fn settle(&mut self, now: Nanos) {
        while self.reports.front().is_some_and(|(end, _)| *end <= now) {
            self.reports.pop_front();
        }
        if now >= self.over {
            self.forget();
        }
    }

    /// A request succeeded although the reports left no token for it.
    pub(crate) fn contradict(&mut self, now: Nanos, period: Nanos) {
        self.contradictions += 1;
        if self.contradictions >= PROOF {
            self.reports.clear();
            self.forget();
            self.ignored_until = now.saturating_add(period.saturating_mul(IGNORED));
        }
    }

    /// A refusal shows that the reports may be right.
    pub(crate) fn confirm(&mut self) {
        self.contradictions = 0;
        self.ignored_until = 0;
    }

    /// Returns whether the reports are held to be too high.
    pub(crate) fn is_doubting(&self) -> bool {
        self.doubting
    }

    fn forget(&mut self) {
        self.since = None;
        self.doubting = false;
        self.contradictions = 0;
    }

    /// Returns steps `(from, amount)` of held tokens, from the current amount down to zero.
    pub(crate) fn levels(&self) -> impl Iterator<Item = (Nanos, u32)> + '_ {
        let starts = std::iter::once(0).chain(self.reports.iter().map(|(end, _)| *end));
        let amounts = self.reports.iter().map(|(_, amount)| *amount);
        starts.zip(amounts.chain(std::iter::once(0)))
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    #[test]
    fn a_limit_implies_one_that_allows_as_much_in_its_period() {
        let window = Window::new(5, Duration::from_secs(1));
        for (requests, ms, is_implied) in [
            (5, 1000, true),
            (4, 1000, false),
            (300, 60_000, true),
            (299, 60_000, false),
            (10, 1500, true),
            (9, 1500, false),
        ] {
            let period = Duration::from_millis(ms);
            assert_eq!(window.implies(requests, period), is_implied, "{requests} in {ms} ms");
        }
    }

    #[test]
    fn tokens_that_are_taken_out_again_are_out_once() {
        let mut window = Window::new(8, Duration::from_secs(1));
        window.hold(7);
        [3, 5].into_iter().for_each(|from| window.exhaust(from));
        assert_eq!(window.out(0), 8);
    }

    /// A limit with some of its tokens taken, some on their way back and some held for others, with or without the
    /// memory of a refusal.
    fn used(rng: &mut Rng) -> (Window, usize, Nanos) {
        let (mut window, mut granted, mut now) =
            (Window::new(8, Duration::from_secs(1)), Vec::new(), 0);
        let slack = rng.bool().then(|| rng.u64(0..SECOND / 20));
        for _ in 0..rng.usize(1..60) {
            now += rng.u64(0..SECOND / 4);
            window.settle(now);
            window.remember(slack, now);
            match rng.u8(0..5) {
                0 | 1 if window.free(granted.len(), now) > 0 => {
                    window.sent(now);
                    granted.push(now);
                }
                2 if !granted.is_empty() => {
                    granted.swap_remove(0);
                    window.hold(now);
                }
                3 if !granted.is_empty() => window.unsent(granted.swap_remove(0)),
                4 => window.share_with_others(rng.u32(0..9), granted.len(), None, now),
                _ => {}
            }
        }
        (window, granted.len(), now)
    }

    #[test]
    fn as_many_tokens_are_free_as_can_be_taken_at_once() {
        let mut rng = Rng::with_seed(3);
        for _ in 0..2000 {
            let (window, in_flight, now) = used(&mut rng);
            let is_open = |ahead: &usize| window.opening(*ahead, in_flight, now).is_open(now);
            assert_eq!((0..).take_while(is_open).count(), window.free(in_flight, now));
        }
    }

    #[test]
    fn a_token_is_free_at_the_moment_that_was_named_and_not_before() {
        let mut rng = Rng::with_seed(4);
        for _ in 0..2000 {
            let (mut window, in_flight, now) = used(&mut rng);
            let Some(at) = window.opening(0, in_flight, now).look.filter(|at| *at > now) else {
                continue;
            };
            // All requests of a period are recorded from some moment on: then there may be one sooner.
            let is_recorded = |at| window.sent.length(window.held, at).is_some();
            let is_exact = is_recorded(now) == is_recorded(at);
            window.settle(at - 1);
            assert!(window.free(in_flight, at - 1) == 0 || !is_exact);
            window.settle(at);
            assert!(window.free(in_flight, at) > 0);
        }
    }

    #[test]
    fn a_request_under_way_may_end_sooner_than_a_token_is_back() {
        let mut window = Window::new(2, Duration::from_secs(1));
        window.hold(100 * SECOND);
        let opening = window.opening(0, 1, SECOND);
        assert_eq!(opening.at, SECOND + window.held);
        assert_eq!(opening.look, Some(100 * SECOND + window.held));
    }

    #[test]
    fn what_the_server_admitted_is_remembered_for_two_periods() {
        let mut window = Window::new(5, Duration::from_secs(1));
        for second in 0..1000 {
            window.admit(second * SECOND, false, second * SECOND);
        }
        assert_eq!(window.admitted.len(), 3);
    }

    /// Of a limit of eight.
    const THREE_QUARTERS: u32 = 6;

    /// Reports of `amount` at these moments, of a period of a second.
    fn reported(amount: u32, moments: impl IntoIterator<Item = Nanos>) -> ExternalUsage {
        let mut external = ExternalUsage::default();
        for now in moments {
            external.settle(now);
            external.report(amount, THREE_QUARTERS, now, (SECOND, Nanos::MAX));
        }
        external
    }

    #[test]
    fn after_one_period_of_reports_a_quarter_of_the_limit_is_used_in_spite_of_them() {
        let levels =
            |moments: &[Nanos]| reported(8, moments.iter().copied()).levels().collect::<Vec<_>>();
        assert_eq!(levels(&[0, SECOND - 1]), [(0, 8), (2 * SECOND - 1, 0)]);
        assert_eq!(levels(&[0, SECOND - 1, SECOND]), [(0, THREE_QUARTERS), (3 * SECOND, 0)]);
    }

    #[test]
    fn reports_that_leave_a_quarter_are_not_doubted() {
        let moments = || (0..20).map(|n| n * SECOND / 2);
        assert!(!reported(THREE_QUARTERS, moments()).is_doubting());
        assert!(reported(THREE_QUARTERS + 1, moments()).is_doubting());
    }

    #[test]
    fn reports_that_three_successes_contradict_are_ignored_for_ten_periods_or_until_a_refusal() {
        let contradicted = |by| {
            let mut external = reported(8, [0, SECOND]);
            (0..by).for_each(|_| external.contradict(SECOND, SECOND));
            external
        };
        let level = |mut external: ExternalUsage, now| {
            external.report(5, THREE_QUARTERS, now, (SECOND, Nanos::MAX));
            external.level()
        };
        assert_eq!((contradicted(2).level(), contradicted(3).level()), (THREE_QUARTERS, 0));
        assert_eq!(level(contradicted(3), 11 * SECOND - 1), 0);
        assert_eq!(level(contradicted(3), 11 * SECOND), 5);
        let mut confirmed = contradicted(3);
        confirmed.confirm();
        assert_eq!(level(confirmed, 2 * SECOND), 5);
        let mut confirmed = contradicted(2);
        confirmed.confirm();
        confirmed.contradict(SECOND, SECOND);
        assert_eq!(confirmed.level(), THREE_QUARTERS);
    }

    #[test]
    fn of_several_reports_the_highest_counts_and_each_until_its_end() {
        let mut external = ExternalUsage::default();
        let mut levels = |amount, end| {
            external.hold(amount, end);
            external.levels().collect::<Vec<_>>()
        };
        assert_eq!(levels(3, 10), [(0, 3), (10, 0)]);
        assert_eq!(levels(5, 20), [(0, 5), (20, 0)]);
        assert_eq!(levels(2, 30), [(0, 5), (20, 2), (30, 0)]);
        assert_eq!(levels(1, 25), [(0, 5), (20, 2), (30, 0)]);
        assert_eq!(levels(7, 10), [(0, 7), (10, 5), (20, 2), (30, 0)]);
        assert_eq!(levels(7, 20), [(0, 7), (20, 2), (30, 0)]);
    }

    #[test]
    fn many_reports_end_soon_after_the_moment_at_which_the_server_counts_anew() {
        let mut external = ExternalUsage::default();
        let many = 2 * super::MOST as u32;
        for earlier in 0..many {
            let moment = Nanos::from(earlier) * 1_000_000;
            external.report(2 * many - earlier, u32::MAX, moment, (SECOND, Nanos::MAX));
        }
        let (now, reset) = (SECOND / 2, SECOND / 100);
        external.report(2 * many + 1, u32::MAX, now, (SECOND, reset));
        let end = external.levels().nth(1).map(|(end, _)| end);
        assert!(end <= Some(now + reset + reset / 64 + 1), "{end:?}");
    }

    #[test]
    fn a_series_of_reports_is_over_two_periods_after_the_last_of_them() {
        assert_eq!(reported(8, [0, 2 * SECOND - 1]).level(), THREE_QUARTERS);
        assert_eq!(reported(8, [0, 2 * SECOND]).level(), 8);
        let mut external = reported(8, [0, SECOND]);
        external.contradict(SECOND, SECOND);
        external.contradict(SECOND, SECOND);
        external.settle(3 * SECOND);
        assert!(!external.is_doubting());
        external.report(8, THREE_QUARTERS, 3 * SECOND, (SECOND, Nanos::MAX));
        external.contradict(3 * SECOND, SECOND);
        assert_eq!(external.level(), 8);
    }

    #[test]
    fn the_requests_of_the_last_period_are_counted_when_all_of_them_were_recorded() {
        let mut window = Window::new(5, Duration::from_secs(1));
        window.remember(Some(0), 0);
        let later = SECOND + 3_000_000;
        assert_eq!([0, later, later].map(|at| window.sent(at)), [None, Some(1), Some(2)]);
    }

    #[test]
    fn beside_others_a_request_counts_for_a_period_and_the_difference_of_round_trips() {
        let mut window = Window::new(2, Duration::from_secs(1));
        let slack = window.held / 20;
        window.remember(Some(slack), 0);
        let sent = 3 * SECOND;
        window.sent(sent);
        window.hold(sent);
        for (at, free) in [(window.held + slack - 1, 1), (window.held + slack, 2)] {
            window.settle(sent + at);
            window.remember(Some(slack), sent + at);
            assert_eq!(window.free(0, sent + at), free);
        }
    }
}
