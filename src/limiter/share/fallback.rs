//! The tokens that a process uses while the shared ones cannot be reached.

use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::limiter::ledger::{Lease, Ledger};
use crate::limiter::moment::NotReady;
use crate::limiter::rate::{Rate, Shape};
use crate::limiter::status::{Outcome, Snapshot, Unavailable};
use crate::limiter::store::{Denied, Memory, TokenStore};

/// An obstacle that may pass by itself is waited for so long.
const PATIENCE: Duration = Duration::from_secs(1);
/// While the shared tokens are away, they are tried again after so long.
const RETRY: Duration = Duration::from_secs(1);

/// Shared tokens, and a part of the rate in the memory of this process for the time when they cannot be reached.
///
/// When they can be reached again, others know nothing of the requests that were sent meanwhile. So all shared tokens
/// are then taken out for P' and the grace; and again at each lease while such a request is under way, and once after the
/// last of them, unless that was so long ago that it is in no window.
#[derive(Debug)]
pub(crate) struct Fallback {
    shared: Arc<dyn TokenStore>,
    own: Memory,
    fraction: f64,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    sent: Mutex<Sent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reachable,
    /// The shared tokens could not be reached since then.
    Waiting(Instant),
    /// Our own tokens are in use; the shared ones are tried again then.
    Away(Instant),
}

/// Requests with our own tokens, of which the shared ones do not know.
#[derive(Clone, Copy, Debug)]
struct Sent {
    process: u32,
    under_way: usize,
    /// How many have ended, and how many of these had when the shared tokens were last taken out.
    ended: u64,
    covered: u64,
}

impl Sent {
    fn none() -> Sent {
        Sent { process: process::id(), under_way: 0, ended: 0, covered: 0 }
    }
}

impl Fallback {
    pub(crate) fn new(
        shared: Arc<dyn TokenStore>,
        rate: Rate,
        fraction: f64,
        clock: Arc<dyn Clock>,
    ) -> Fallback {
        let own = Memory::new(Ledger::new(part(rate, fraction)), Arc::clone(&clock));
        let (state, sent) = (Mutex::new(State::Reachable), Mutex::new(Sent::none()));
        Fallback { shared, own, fraction, clock, state, sent }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests of a parent are its own affair.
    fn sent(&self) -> MutexGuard<'_, Sent> {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.process != process::id() {
            *sent = Sent::none();
        }
        sent
    }

    /// Takes all shared tokens out, on behalf of the requests of which they do not know.
    fn cover(&self, by: Option<Instant>) -> Result<(), Unavailable> {
        let ended = self.sent().ended;
        self.shared.exhaust(by)?;
        let mut sent = self.sent();
        // One that ended meanwhile is covered next time.
        sent.covered = sent.covered.max(ended);
        Ok(())
    }

    /// Whether there may be requests in a window of which the shared tokens do not know.
    fn is_uncovered(&self) -> bool {
        let sent = *self.sent();
        sent.under_way > 0 || sent.ended > sent.covered && !self.own.is_idle()
    }

    fn is_away(&self) -> bool {
        matches!(*self.state(), State::Away(_))
    }

    /// Tries to return to the shared tokens if it is time for that, and returns whether they are still away.
    fn still_away(&self, by: Option<Instant>) -> bool {
        let now = self.clock.now();
        let State::Away(next) = *self.state() else {
            return false;
        };
        if now < next {
            return true;
        }
        // Set before the attempt, which may take a while: other threads go on meanwhile.
        *self.state() = State::Away(now + RETRY);
        // A call that waits for them in vain has the other half of its time for a request with an own token.
        let by = by.map(|by| now + by.saturating_duration_since(now) / 2);
        if self.cover(by).is_err() {
            return true;
        }
        *self.state() = State::Reachable;
        false
    }

    /// Returns whether it is time for our own tokens: there is no use in waiting, or it took too long.
    fn give_up(&self, why: &Unavailable) -> bool {
        let now = self.clock.now();
        let mut state = self.state();
        let since = match *state {
            State::Reachable => now,
            State::Waiting(since) => since,
            // Another thread gave up meanwhile.
            State::Away(_) => return true,
        };
        let gives_up = why.retry_in.is_none() || now.saturating_duration_since(since) >= PATIENCE;
        *state = if gives_up { State::Away(now + RETRY) } else { State::Waiting(since) };
        gives_up
    }

    /// A lease of before others went on with their own tokens does not show that those are known to the shared ones.
    fn reached(&self) {
        let mut state = self.state();
        if let State::Waiting(_) = *state {
            *state = State::Reachable;
        }
    }

    fn end_own(&self, lease: &Lease, outcome: Outcome) {
        self.own.release(lease, outcome);
        let mut sent = self.sent();
        sent.under_way = sent.under_way.saturating_sub(1);
        sent.ended += u64::from(outcome != Outcome::NeverSent);
    }

    fn own_lease(&self) -> Result<Lease, Denied> {
        match self.own.lease(None) {
            Ok(lease) => {
                self.sent().under_way += 1;
                Ok(Lease { is_fallback: true, ..lease })
            }
            Err(Denied::NotReady(not_ready)) => Err(looking(not_ready).into()),
            Err(denied) => Err(denied),
        }
    }
}

impl TokenStore for Fallback {
    fn lease(&self, by: Option<Instant>) -> Result<Lease, Denied> {
        if self.still_away(by) {
            return self.own_lease();
        }
        let covered = if self.is_uncovered() { self.cover(by) } else { Ok(()) };
        match covered.map_err(Denied::from).and_then(|()| self.shared.lease(by)) {
            Err(Denied::Unavailable(why)) if self.give_up(&why) => self.own_lease(),
            Err(Denied::Unavailable(why)) => Err(why.into()),
            reached => {
                self.reached();
                reached
            }
        }
    }

    fn takes_time(&self) -> bool {
        self.shared.takes_time()
    }

    fn stands(&self, lease: &Lease) -> bool {
        lease.is_fallback || self.shared.stands(lease)
    }

    fn release(&self, lease: &Lease, outcome: Outcome) {
        match lease.is_fallback {
            true => self.end_own(lease, outcome),
            false => self.shared.release(lease, outcome),
        }
    }

    fn outlook(&self, ahead: usize) -> NotReady {
        match self.is_away() {
            true => looking(self.own.outlook(ahead)),
            false => self.shared.outlook(ahead),
        }
    }

    fn tighten(&self, rate: Rate) {
        self.own.tighten(part(rate, self.fraction));
        self.shared.tighten(rate);
    }

    fn exhaust(&self, by: Option<Instant>) -> Result<(), Unavailable> {
        self.shared.exhaust(by)
    }

    fn set_grace(&self, grace: Duration) {
        self.own.set_grace(grace);
        self.shared.set_grace(grace);
    }

    fn snapshot(&self) -> Snapshot {
        match self.is_away() {
            true => self.own.snapshot(),
            false => self.shared.snapshot(),
        }
    }

    fn is_idle(&self) -> bool {
        self.own.is_idle() && self.shared.is_idle()
    }
}

/// A caller that waits for one of our own tokens looks for the shared ones meanwhile.
fn looking(mut not_ready: NotReady) -> NotReady {
    not_ready.look_by(RETRY);
    not_ready
}

/// A longer period is not usable.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

fn times(period: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(period.as_secs_f64() * factor).unwrap_or(LONGEST).min(LONGEST)
}

/// A part of a rate. Less than one request in a period becomes one in a longer period.
fn part(rate: Rate, fraction: f64) -> Rate {
    let limit = |(requests, period): (u32, Duration)| {
        // 0.29 of 100 is a little less than 29 in binary.
        let share = f64::from(requests) * fraction * (1.0 + 4.0 * f64::EPSILON);
        match share >= 1.0 {
            true => Rate::new(share as u32, period),
            false => Rate::new(1, times(period, 1.0 / share)),
        }
    };
    let whole = rate.limits().map(limit).fold(Rate::unlimited(), Rate::and);
    if rate.shape() == Shape::Paced { whole.paced() } else { whole }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::limiter::moment::held;
    use crate::limiter::tests::clock::Hand;

    /// Shared tokens that can be cut off.
    #[derive(Debug)]
    struct Line {
        tokens: Memory,
        clock: Arc<Hand>,
        is_cut: AtomicBool,
        is_brief: AtomicBool,
        /// Whoever tries to reach it has to wait.
        is_silent: AtomicBool,
    }

    impl Line {
        fn reach(&self) -> Result<&Memory, Unavailable> {
            match self.is_cut.load(Ordering::SeqCst) {
                true if self.is_brief.load(Ordering::SeqCst) => {
                    Err(Unavailable::new("cut off", "wait").retry_in(RETRY))
                }
                true => Err(Unavailable::new("cut off", "mend it")),
                false => Ok(&self.tokens),
            }
        }
    }

    impl TokenStore for Line {
        fn lease(&self, by: Option<Instant>) -> Result<Lease, Denied> {
            self.reach()?.lease(by)
        }

        fn stands(&self, lease: &Lease) -> bool {
            self.reach().is_ok_and(|it| it.stands(lease))
        }

        fn release(&self, lease: &Lease, outcome: Outcome) {
            self.tokens.release(lease, outcome);
        }

        fn outlook(&self, ahead: usize) -> NotReady {
            self.tokens.outlook(ahead)
        }

        fn tighten(&self, rate: Rate) {
            self.tokens.tighten(rate);
        }

        fn exhaust(&self, by: Option<Instant>) -> Result<(), Unavailable> {
            if self.is_silent.load(Ordering::SeqCst) {
                self.clock.sleep(by.unwrap().saturating_duration_since(self.clock.now()));
            }
            self.reach()?.exhaust(by)
        }

        fn set_grace(&self, grace: Duration) {
            self.tokens.set_grace(grace);
        }

        fn snapshot(&self) -> Snapshot {
            self.tokens.snapshot()
        }

        fn is_idle(&self) -> bool {
            self.tokens.is_idle()
        }
    }

    fn fallback(rate: Rate, fraction: f64) -> (Arc<Line>, Fallback, Arc<Hand>) {
        let clock = Arc::new(Hand::new());
        let tokens = Memory::new(Ledger::new(rate), clock.clone());
        let [is_cut, is_brief, is_silent] = [(); 3].map(|()| AtomicBool::new(false));
        let line = Line { tokens, clock: clock.clone(), is_cut, is_brief, is_silent };
        let line = Arc::new(line);
        (line.clone(), Fallback::new(line, rate, fraction, clock.clone()), clock)
    }

    #[test]
    fn a_part_of_the_rate_is_left_while_the_tokens_cannot_be_reached() {
        let (line, store, _) = fallback(Rate::per_second(5), 0.5);
        assert!(!store.lease(None).unwrap().is_fallback);
        line.is_cut.store(true, Ordering::SeqCst);
        let own = [(); 2].map(|()| store.lease(None).unwrap());
        assert!(own.iter().all(|lease| lease.is_fallback && store.stands(lease)));
        store.lease(None).unwrap_err().not_ready();
        assert_eq!(store.snapshot().rate, Rate::per_second(2));
    }

    #[test]
    fn a_caller_that_waits_for_an_own_token_returns_to_the_shared_ones_within_a_second() {
        let (line, store, clock) = fallback(Rate::per_minute(5), 0.2);
        line.is_cut.store(true, Ordering::SeqCst);
        // While the request is under way, and when it has ended.
        let own = store.lease(None).unwrap();
        for _ in 0..2 {
            let denied = store.lease(None).unwrap_err().not_ready();
            assert!(denied.look_again.is_some_and(|look| look <= RETRY), "{denied:?}");
            assert!(denied.at_least > RETRY);
            store.release(&own, Outcome::NoResponse);
        }
        line.is_cut.store(false, Ordering::SeqCst);
        clock.advance(RETRY);
        store.lease(None).unwrap_err();
        assert!(!store.is_away());
    }

    #[test]
    fn a_call_that_looks_for_the_shared_tokens_in_vain_has_half_of_its_time_left() {
        let (line, store, clock) = fallback(Rate::per_second(5), 0.5);
        line.is_cut.store(true, Ordering::SeqCst);
        store.lease(None).unwrap();
        line.is_silent.store(true, Ordering::SeqCst);
        clock.advance(RETRY);
        let deadline = clock.now() + RETRY / 2;
        assert!(store.lease(Some(deadline)).unwrap().is_fallback);
        assert_eq!(deadline - clock.now(), RETRY / 4);
    }

    #[test]
    fn when_they_can_be_reached_again_all_of_them_are_out_for_a_period_and_the_grace() {
        let (line, store, clock) = fallback(Rate::per_second(5), 0.5);
        line.is_cut.store(true, Ordering::SeqCst);
        let own = store.lease(None).unwrap();
        line.is_cut.store(false, Ordering::SeqCst);
        clock.advance(RETRY);
        let not_ready = store.lease(None).unwrap_err().not_ready();
        let time = Duration::from_nanos(held(Duration::from_secs(1))) + Duration::from_secs(2);
        assert_eq!(not_ready.at_least, time);
        store.release(&own, Outcome::NeverSent);
        clock.advance(time);
        assert!(!store.lease(None).unwrap().is_fallback);
    }

    #[test]
    fn a_lease_of_before_does_not_end_the_time_of_own_tokens_unknown_to_the_shared_ones() {
        let (line, store, clock) = fallback(Rate::per_second(5), 0.5);
        let _begun = line.lease(None).unwrap();
        line.is_cut.store(true, Ordering::SeqCst);
        store.lease(None).unwrap();
        line.is_cut.store(false, Ordering::SeqCst);
        store.reached();
        assert!(store.lease(None).unwrap().is_fallback);
        clock.advance(RETRY);
        store.lease(None).unwrap_err().not_ready();
    }

    #[test]
    fn own_requests_under_way_are_covered_until_a_period_after_the_last_of_them() {
        let (line, store, clock) = fallback(Rate::per_second(5), 0.5);
        line.is_cut.store(true, Ordering::SeqCst);
        let own = [(); 2].map(|()| store.lease(None).unwrap());
        line.is_cut.store(false, Ordering::SeqCst);
        let time = Duration::from_nanos(held(Duration::from_secs(1))) + Duration::from_secs(2);
        for lease in own {
            for _ in 0..3 {
                clock.advance(time);
                assert_eq!(store.lease(None).unwrap_err().not_ready().at_least, time);
            }
            store.release(&lease, Outcome::NoResponse);
        }
        clock.advance(time / 2);
        assert_eq!(store.lease(None).unwrap_err().not_ready().at_least, time);
        clock.advance(time);
        assert_eq!((0..6).filter(|_| store.lease(None).is_ok()).count(), 5);
    }

    #[test]
    fn own_requests_that_can_be_in_no_window_any_more_are_not_covered() {
        let (line, store, clock) = fallback(Rate::per_second(5), 0.5);
        line.is_cut.store(true, Ordering::SeqCst);
        let own = store.lease(None).unwrap();
        line.is_cut.store(false, Ordering::SeqCst);
        clock.advance(RETRY);
        store.lease(None).unwrap_err().not_ready();
        store.release(&own, Outcome::NoResponse);
        clock.advance(Duration::from_secs(3600));
        assert_eq!((0..6).filter(|_| store.lease(None).is_ok()).count(), 5);
    }

    #[test]
    fn requests_are_uncovered_until_the_shared_tokens_have_been_taken_out() {
        let (line, store, clock) = fallback(Rate::per_second(5), 0.5);
        line.is_cut.store(true, Ordering::SeqCst);
        let own = store.lease(None).unwrap();
        line.is_cut.store(false, Ordering::SeqCst);
        clock.advance(RETRY);
        store.lease(None).unwrap_err().not_ready();
        store.release(&own, Outcome::NoResponse);
        // For each thread that looks, until one of them has taken the tokens out.
        assert!(store.is_uncovered() && store.is_uncovered());
        store.cover(None).unwrap();
        assert!(!store.is_uncovered());
    }

    #[test]
    fn the_child_of_a_fork_takes_no_tokens_out_for_the_requests_of_its_parent() {
        let (line, store, _) = fallback(Rate::per_second(5), 0.5);
        line.is_cut.store(true, Ordering::SeqCst);
        store.lease(None).unwrap();
        assert!(store.is_uncovered());
        store.sent().process = 0;
        assert!(!store.is_uncovered());
    }

    #[test]
    fn shared_tokens_that_cannot_be_reached_at_two_moments_far_apart_are_waited_for_each_time() {
        let (line, store, clock) = fallback(Rate::per_second(5), 0.5);
        line.is_brief.store(true, Ordering::SeqCst);
        for _ in 0..2 {
            line.is_cut.store(true, Ordering::SeqCst);
            assert!(matches!(store.lease(None), Err(Denied::Unavailable(_))));
            line.is_cut.store(false, Ordering::SeqCst);
            assert!(!store.lease(None).unwrap().is_fallback);
            clock.advance(2 * PATIENCE);
        }
    }

    #[test]
    fn an_obstacle_that_may_pass_is_waited_for_a_second() {
        let (line, store, clock) = fallback(Rate::per_second(5), 0.5);
        line.is_brief.store(true, Ordering::SeqCst);
        line.is_cut.store(true, Ordering::SeqCst);
        for time in [Duration::ZERO, PATIENCE - Duration::from_nanos(1)] {
            clock.advance(time);
            assert!(matches!(store.lease(None), Err(Denied::Unavailable(_))));
        }
        clock.advance(Duration::from_nanos(1));
        assert!(store.lease(None).unwrap().is_fallback);
    }

    #[test]
    fn a_caller_that_fails_after_another_one_has_given_up_gives_up_too() {
        let (line, store, clock) = fallback(Rate::per_second(5), 0.5);
        line.is_brief.store(true, Ordering::SeqCst);
        line.is_cut.store(true, Ordering::SeqCst);
        let Err(Denied::Unavailable(why)) = store.lease(None) else { panic!("a token") };
        clock.advance(PATIENCE);
        store.lease(None).unwrap();
        let away = *store.state();
        clock.advance(RETRY / 2);
        assert!(store.give_up(&why));
        assert_eq!(*store.state(), away);
    }

    #[test]
    fn an_obstacle_that_has_been_waited_for_is_not_waited_for_again_while_it_lasts() {
        let (line, store, clock) = fallback(Rate::per_second(20), 0.5);
        line.is_brief.store(true, Ordering::SeqCst);
        line.is_cut.store(true, Ordering::SeqCst);
        assert!(matches!(store.lease(None), Err(Denied::Unavailable(_))));
        for time in [PATIENCE, RETRY, 60 * RETRY] {
            clock.advance(time);
            assert!(store.lease(None).unwrap().is_fallback);
        }
    }

    #[test]
    fn less_than_one_request_in_a_period_is_one_in_a_longer_period() {
        assert_eq!(part(Rate::per_second(5), 0.1), Rate::new(1, Duration::from_secs(2)));
        assert_eq!(part(Rate::per_minute(100), 0.29), Rate::per_minute(29));
        assert!(part(Rate::per_day(1), f64::MIN_POSITIVE).is_usable());
        assert!(part(Rate::per_day(1), 0.001).is_usable());
        assert_eq!(part(Rate::per_second(8).paced(), 0.5), Rate::per_second(4).paced());
        assert_eq!(part(Rate::unlimited(), 0.5), Rate::unlimited());
        assert_eq!(part(Rate::per_second(4).paced(), 0.5), Rate::per_second(2).paced());
    }

    #[test]
    fn after_a_try_in_vain_the_shared_tokens_are_left_alone_for_a_second() {
        let (line, store, clock) = fallback(Rate::per_second(20), 0.5);
        line.is_cut.store(true, Ordering::SeqCst);
        store.lease(None).unwrap();
        clock.advance(RETRY);
        store.lease(None).unwrap();
        line.is_cut.store(false, Ordering::SeqCst);
        assert!(store.lease(None).unwrap().is_fallback);
        clock.advance(RETRY);
        store.lease(None).unwrap_err().not_ready();
    }

    #[test]
    fn an_own_request_that_was_never_sent_takes_no_shared_tokens_out() {
        let (line, store, clock) = fallback(Rate::per_second(5), 0.5);
        line.is_cut.store(true, Ordering::SeqCst);
        let [sent, unsent] = [(); 2].map(|()| store.lease(None).unwrap());
        clock.advance(RETRY);
        store.release(&sent, Outcome::NoResponse);
        line.is_cut.store(false, Ordering::SeqCst);
        store.lease(None).unwrap_err().not_ready();
        store.release(&unsent, Outcome::NeverSent);
        let before = line.tokens.outlook(0).at_least;
        clock.advance(RETRY);
        assert_eq!(store.lease(None).unwrap_err().not_ready().at_least, before - RETRY);
    }

    #[test]
    fn a_lower_rate_and_a_grace_hold_for_the_own_tokens_too() {
        for grace in [0, 30].map(Duration::from_secs) {
            let (line, store, clock) = fallback(Rate::per_second(10), 0.5);
            store.tighten(Rate::per_second(6));
            store.set_grace(grace);
            assert_eq!(store.snapshot().rate, Rate::per_second(6));
            let shared = store.lease(None).unwrap();
            line.is_cut.store(true, Ordering::SeqCst);
            assert!(!store.stands(&shared));
            let own = [(); 3].map(|()| store.lease(None).unwrap());
            let not_ready = store.lease(None).unwrap_err().not_ready();
            assert_eq!((store.snapshot().rate, store.outlook(0)), (Rate::per_second(3), not_ready));
            own.iter().chain([&shared]).for_each(|lease| store.release(lease, Outcome::NoResponse));
            let back = Duration::from_nanos(held(Duration::from_secs(1))) + grace;
            let next = [&store.own, &line.tokens].map(|it| it.snapshot().next_back);
            assert_eq!((store.outlook(0).at_least, next), (back, [Some(back); 2]));
            assert!(!store.is_idle());
            clock.advance(back);
            assert!(store.is_idle());
        }
    }

    #[test]
    fn it_is_idle_when_both_kinds_of_tokens_are_back() {
        let (line, store, _) = fallback(Rate::per_second(8), 0.5);
        let shared = store.lease(None).unwrap();
        assert!(!store.is_idle());
        line.is_cut.store(true, Ordering::SeqCst);
        let own = store.lease(None).unwrap();
        store.release(&shared, Outcome::NeverSent);
        assert!(!store.is_idle());
        store.release(&own, Outcome::NeverSent);
        assert!(store.is_idle());
    }
}
