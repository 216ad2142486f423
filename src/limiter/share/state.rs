//! The state of a share: its tokens, the processes that hold them, and the line of those that wait.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limiter::ledger::{Lease, Ledger};
use crate::limiter::moment::{Nanos, NotReady, nanos, until};
use crate::limiter::rate::Rate;
use crate::limiter::status::{Outcome, Snapshot, WaitReason};

use super::process::{Life, Process};

/// A process whose turn it is has so long to take its token. After that the others pass by, and it keeps its place.
const LATE: Nanos = 20_000_000;
/// A process that has not asked for so long after it meant to has left the line.
const LEFT: Nanos = 1_000_000_000;
/// While others have requests under way, they are looked at this often: they may die, or never send.
const LOOK: Duration = Duration::from_millis(50);
/// And this often if their response is waited for.
const LOOK_CLOSELY: Duration = Duration::from_millis(20);
/// A request under way of a process that cannot be seen is given up after so long.
const OUT_OF_SIGHT: Nanos = 3_600_000_000_000;
/// The processes of a share have so many requests under way at most.
const MOST: usize = 1000;
/// A ledger that nobody used for so many periods begins anew.
const FORGOTTEN: u32 = 10;
/// A machine that used the share less than this ago may still do so.
const LATELY: Nanos = 60_000_000_000;

/// The state of a share, without clock, lock or file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    /// A new number for each new state.
    pub(crate) epoch: u64,
    is_cautious: bool,
    ledger: Ledger,
    holders: Vec<Holder>,
    line: Vec<Turn>,
    spell: Spell,
    time: Time,
    home: Home,
    /// When it was last looked whether the holders are alive, and when a token was last taken.
    seen: Nanos,
    used: Nanos,
}

/// Requests without two periods of rest in between.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Spell {
    count: usize,
    last: Nanos,
}

/// The clocks of a machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clocks {
    /// Which boot of which machine this is; 0 if that is not known.
    pub(crate) boot: u64,
    /// The time since then.
    pub(crate) system: Nanos,
    /// The time of day.
    pub(crate) day: Nanos,
}

/// Another machine uses the share, or a container with a clock of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Elsewhere;

/// The boot whose clock the time is read from, and the time of day of the last step.
#[derive(Debug, Serialize, Deserialize)]
struct Home {
    boot: u64,
    day: Nanos,
}

/// A request under way.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    token: u64,
    process: Process,
    since: Nanos,
    /// The one that its process has chosen.
    grace: Nanos,
    /// The ledger's lease.
    id: u64,
    slot: usize,
}

/// A process that waits.
#[derive(Debug, Serialize, Deserialize)]
struct Turn {
    process: Process,
    /// When it asks again.
    due: Nanos,
}

/// A clock that never goes back, whatever the system's does.
///
/// If the system's clock was set back, the time since the last step is not known, so it is taken to be none: tokens are
/// held for longer, never for less.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Time {
    last: Nanos,
    /// This is ahead of the system's clock by so much, modulo 2^64.
    offset: Nanos,
}

impl Time {
    fn at(&mut self, system: Nanos) -> Nanos {
        if system < self.last {
            self.go_on_from(system);
        }
        self.last = system;
        system.wrapping_add(self.offset)
    }

    /// Another clock shows `system` at this moment.
    fn go_on_from(&mut self, system: Nanos) {
        self.offset = self.offset.wrapping_add(self.last.wrapping_sub(system));
        self.last = system;
    }

    /// So much more time has passed.
    fn pass(&mut self, time: Nanos) {
        self.offset = self.offset.wrapping_add(time);
    }
}

impl State {
    /// A state in which no token is out. The first request goes alone if somebody outside of the share may use the key.
    pub(crate) fn new(epoch: u64, rate: Rate, is_cautious: bool, clocks: Clocks) -> State {
        State {
            epoch,
            ledger: begin(rate, is_cautious),
            is_cautious,
            holders: Vec::new(),
            line: Vec::new(),
            spell: Spell::default(),
            time: Time::default(),
            home: Home { boot: clocks.boot, day: clocks.day },
            seen: 0,
            used: 0,
        }
    }

    /// Returns the moment at which the clocks show this, or fails if another machine has used the share lately.
    pub(crate) fn at(&mut self, clocks: Clocks) -> Result<Nanos, Elsewhere> {
        if clocks.boot != self.home.boot {
            self.move_to(clocks)?;
        }
        self.home.day = clocks.day;
        Ok(self.time.at(clocks.system))
    }

    /// The machine was booted since the last step, or this is another one. The clocks of two boots have nothing in
    /// common, so only the time since a boot that came after the last step counts.
    fn move_to(&mut self, clocks: Clocks) -> Result<(), Elsewhere> {
        let passed = clocks.day.checked_sub(self.home.day);
        let is_booted = passed.is_some_and(|passed| passed >= clocks.system);
        if !is_booted && passed.is_some_and(|passed| passed < LATELY) {
            return Err(Elsewhere);
        }
        self.time.go_on_from(clocks.system);
        let now = self.time.at(clocks.system);
        for gone in std::mem::take(&mut self.holders) {
            self.ledger.give_up(&Lease::new(gone.id, gone.slot), gone.grace, now);
        }
        // The last steps before a power failure may be lost.
        self.ledger.exhaust_shortest(now);
        if is_booted {
            self.time.pass(clocks.system);
        }
        self.home.boot = clocks.boot;
        Ok(())
    }

    /// Keeps to the rates of all who use the share. If nobody did for ten periods, others may have lower ones.
    pub(crate) fn keep(&mut self, rates: &[Rate], grace: Duration, now: Nanos) {
        let longest = rates.iter().flat_map(Rate::limits).map(|(_, period)| period).max();
        let long_ago = nanos(longest.unwrap_or(Duration::from_secs(1)).saturating_mul(FORGOTTEN));
        if now.saturating_sub(self.used) >= long_ago {
            self.begin_anew(rates, now);
        }
        rates.iter().for_each(|rate| self.ledger.tighten(*rate));
        self.ledger.set_grace(grace);
        if self.is_cautious {
            self.ledger.with_jitter();
        }
    }

    fn begin_anew(&mut self, rates: &[Rate], now: Nanos) {
        if let Some(rate) = rates.first().filter(|_| self.ledger.is_idle(now)) {
            self.ledger = begin(*rate, self.is_cautious);
        }
    }

    /// Takes a token as `token` for the process `me`, or returns when it should ask again. It takes its place in the
    /// line if it `stays` for that long.
    pub(crate) fn lease(
        &mut self,
        me: Process,
        token: u64,
        now: Nanos,
        stays: impl Fn(&NotReady) -> bool,
    ) -> Result<(), NotReady> {
        self.line.retain(|turn| turn.due.saturating_add(LEFT) > now);
        if let Some(not_ready) = self.denial(me, now) {
            if stays(&not_ready) {
                self.line_up(me, &not_ready, now);
            }
            return Err(not_ready);
        }
        let lease = self.ledger.lease(now)?;
        self.hold(me, token, lease, now);
        self.line.retain(|turn| turn.process != me);
        Ok(())
    }

    /// Takes a token even if there is none: the state was lost, and the request is under way.
    pub(crate) fn take_back(&mut self, me: Process, token: u64, now: Nanos) {
        if !self.holds(me, token) {
            let lease = self.ledger.take_off(now);
            self.hold(me, token, lease, now);
        }
    }

    /// Returns a token of the process `me`. If it is not there, the state was lost meanwhile: one more is held.
    pub(crate) fn release(&mut self, me: Process, token: u64, outcome: Outcome, now: Nanos) {
        let held = self.holders.iter().position(|it| it.token == token && it.process == me);
        match held.map(|place| self.holders.swap_remove(place)) {
            Some(holder) => {
                self.ledger.release(&Lease::new(holder.id, holder.slot), outcome, now);
            }
            None => self.ledger.charge(outcome, now),
        }
    }

    pub(crate) fn holds(&self, me: Process, token: u64) -> bool {
        self.holders.iter().any(|it| it.token == token && it.process == me)
    }

    /// How many requests of the process `me` are under way.
    pub(crate) fn held_by(&self, me: Process) -> usize {
        self.holders.iter().filter(|it| it.process == me).count()
    }

    /// Looks whether processes died, unless that was done a moment ago.
    pub(crate) fn look_after(&mut self, now: Nanos, life: impl Fn(&Process, u64) -> Life) {
        if now >= self.seen.saturating_add(nanos(LOOK)) {
            self.bury(now, life);
        }
    }

    /// Releases the tokens of processes that died: their requests may still arrive within the grace. Nobody waits for one
    /// that is stopped to try whether a pause is over.
    pub(crate) fn bury(&mut self, now: Nanos, life: impl Fn(&Process, u64) -> Life) {
        self.seen = now;
        for it in &self.holders {
            if life(&it.process, it.token) == Life::Stopped {
                self.ledger.pass_over(it.id, now);
            }
        }
        let is_dead = |it: &mut Holder| match life(&it.process, it.token) {
            Life::Alive | Life::Stopped => false,
            Life::Dead => true,
            Life::Unknown => it.since.saturating_add(OUT_OF_SIGHT) <= now,
        };
        for dead in self.holders.extract_if(.., is_dead) {
            self.ledger.give_up(&Lease::new(dead.id, dead.slot), dead.grace, now);
        }
    }

    /// Holds one token more, as after a request without a response: a step may be lost.
    pub(crate) fn charge(&mut self, now: Nanos) {
        self.ledger.charge(Outcome::NoResponse, now);
    }

    /// Takes all tokens out, for P' and the grace.
    pub(crate) fn exhaust(&mut self, now: Nanos) {
        self.ledger.exhaust(now);
        self.used = now;
    }

    /// Returns when the `ahead`th thread of the process `me` can take a token.
    pub(crate) fn outlook(&mut self, me: Process, ahead: usize, now: Nanos) -> NotReady {
        let before = self.ahead(me, now).saturating_add(ahead);
        let outlook = self.ledger.outlook(before, now);
        // It takes none before the first one does.
        let first = self.denial(me, now).filter(|first| first.at_least > outlook.at_least);
        first.unwrap_or(outlook)
    }

    /// Returns the state of all processes together, and how many tokens of the limit with the shortest period are out.
    pub(crate) fn snapshot(&mut self, now: Nanos) -> (Snapshot, usize) {
        (self.ledger.snapshot(now), self.ledger.out())
    }

    /// How many processes came earlier, and are not late.
    fn ahead(&self, me: Process, now: Nanos) -> usize {
        let earlier = self.line.iter().take_while(|turn| turn.process != me);
        earlier.filter(|turn| turn.due.saturating_add(LATE) > now).count()
    }

    /// Why the process `me` takes no token now, and when to look again.
    fn denial(&mut self, me: Process, now: Nanos) -> Option<NotReady> {
        let ahead = self.ahead(me, now);
        self.hindrance(me, ahead, now).or_else(|| self.distance(me, now))
    }

    /// Why there is no token for a process with `ahead` others before it, and when to look again.
    fn hindrance(&mut self, me: Process, ahead: usize, now: Nanos) -> Option<NotReady> {
        if self.holders.len() >= MOST {
            let look_again = Some(LOOK_CLOSELY);
            return Some(NotReady { at_least: LOOK_CLOSELY, look_again, reason: WaitReason::Full });
        }
        let mut not_ready = self.ledger.outlook(ahead, now);
        if not_ready.is_over() {
            return None;
        }
        if ahead > 0 {
            // Those ahead may miss their turns.
            let first = self.ledger.outlook(0, now).look_again;
            let passed = first.map(|first| first + Duration::from_nanos(LATE) * ahead as u32);
            not_ready.look_by(passed.unwrap_or(LOOK_CLOSELY));
        }
        if self.holders.iter().any(|it| it.process != me) {
            let awaited = not_ready.look_again.is_none();
            not_ready.look_by(if awaited { LOOK_CLOSELY } else { LOOK });
        }
        Some(not_ready)
    }

    /// Why a token is not given yet although it is there: after N requests in a row, those that wait are served P/N apart.
    /// Otherwise they would drift together, and some servers (sliding-window counters) refuse the second burst of N.
    fn distance(&self, me: Process, now: Nanos) -> Option<NotReady> {
        let (limit, period) = self.ledger.limit()?;
        let is_crowd = self.is_cautious && self.line.iter().any(|turn| turn.process != me);
        let next = self.spell.last.saturating_add(nanos(period) / limit.max(1) as Nanos);
        let is_early = self.spell.count >= limit && now < next;
        let wait = until(next, now);
        (is_crowd && is_early).then_some(NotReady {
            at_least: wait,
            look_again: Some(wait),
            reason: WaitReason::Paced,
        })
    }

    fn line_up(&mut self, me: Process, not_ready: &NotReady, now: Nanos) {
        let look = not_ready.look_again.map_or(LEFT, nanos);
        let due = now.saturating_add(look);
        match self.line.iter_mut().find(|turn| turn.process == me) {
            Some(turn) => turn.due = due,
            None => self.line.push(Turn { process: me, due }),
        }
    }

    fn hold(&mut self, process: Process, token: u64, lease: Lease, now: Nanos) {
        self.used = now;
        let period = self.ledger.limit().map_or(0, |(_, period)| nanos(period));
        let is_rested = self.spell.last.saturating_add(2 * period) < now;
        let count = if is_rested { 1 } else { self.spell.count.saturating_add(1) };
        self.spell = Spell { count, last: now };
        let (grace, Lease { id, slot, .. }) = (self.ledger.grace(), lease);
        self.holders.push(Holder { token, process, since: now, grace, id, slot });
    }
}

fn begin(rate: Rate, is_cautious: bool) -> Ledger {
    match is_cautious {
        true => Ledger::new(rate).cautious(),
        false => Ledger::new(rate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::headers::RateLimitHeaders;
    use crate::limiter::share::record::{AT_ONCE, FORMAT};

    const SECOND: Nanos = 1_000_000_000;

    /// A state in which every type that it consists of has something in it.
    fn full() -> State {
        let (one, other) = (Process::imagined(1), Process::imagined(2));
        let clocks = Clocks { boot: 1, system: SECOND, day: 9 * SECOND };
        let rate = Rate::per_second(3).and(Rate::per_day(1000));
        let mut state = State::new(7, rate, false, clocks);
        let now = state.at(clocks).unwrap();
        for token in 0..3 {
            state.lease(one, token, now, |_| true).expect("a token");
        }
        state.lease(other, 4, now, |_| true).expect_err("no token");
        let headers = RateLimitHeaders {
            refused: true,
            limit: Some(2),
            remaining: Some(0),
            ..RateLimitHeaders::default()
        };
        state.release(one, 0, Outcome::Responded(headers), now);
        state.release(one, 1, Outcome::NoResponse, now);
        state
    }

    /// If this fails, the layout has changed: then change [`FORMAT`], together with the numbers here.
    #[test]
    fn another_layout_has_another_format() {
        let bytes = postcard::to_allocvec(&full()).unwrap();
        assert_eq!((FORMAT, bytes.len(), crc32fast::hash(&bytes)), (9, 239, 621_999_781));
    }

    #[test]
    fn a_state_has_no_number_that_a_program_of_32_bits_cannot_read() {
        let bytes = postcard::to_allocvec(&full()).unwrap();
        let largest = postcard::to_allocvec(&u64::MAX).unwrap();
        assert!(!bytes.windows(largest.len()).any(|number| number == largest));
    }

    #[test]
    fn a_state_is_the_same_after_it_was_written_and_read() {
        let bytes = postcard::to_allocvec(&full()).unwrap();
        let read: State = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", full()));
    }

    #[test]
    fn those_who_wait_are_served_one_by_one_after_a_burst_and_others_at_once() {
        let clocks = |time| Clocks { system: SECOND + time, ..Clocks::default() };
        let [one, other] = [1, 2].map(Process::imagined);
        for is_crowd in [false, true] {
            let mut state = State::new(7, Rate::per_second(4), true, clocks(0));
            let answered = Outcome::Responded(RateLimitHeaders::default());
            let take = |state: &mut State, token: u64, time: Nanos| {
                let now = state.at(clocks(time)).unwrap();
                let taken = state.lease(one, token, now, |_| true);
                taken.map(|()| state.release(one, token, answered, now))
            };
            (0..4).for_each(|token| take(&mut state, token, 0).unwrap());
            if is_crowd {
                let now = state.at(clocks(1)).unwrap();
                state.lease(other, 9, now, |_| true).expect_err("no token");
            }
            take(&mut state, 5, 1_100_000_000).unwrap();
            let second = take(&mut state, 6, 1_100_000_000);
            assert_eq!(second.is_err(), is_crowd, "{second:?}");
            if let Err(not_ready) = second {
                assert_eq!(not_ready.look_again, Some(Duration::from_millis(250)));
                let now = state.at(clocks(1_100_000_000)).unwrap();
                assert_eq!(state.outlook(one, 1, now).at_least, Duration::from_millis(250));
            }
            // After a rest of two periods, there may be a burst again, although the other one has a place.
            let due = state.at(clocks(3_200_000_000)).unwrap() - LATE;
            state.line.push(Turn { process: other, due });
            (7..9).for_each(|token| take(&mut state, token, 3_200_000_000).unwrap());
        }
    }

    #[test]
    fn a_process_that_does_not_ask_again_has_left_the_line_a_second_later() {
        let clocks = |system| Clocks { system, ..Clocks::default() };
        let [one, other] = [1, 2].map(Process::imagined);
        let mut state = State::new(7, Rate::per_second(1), false, clocks(0));
        let now = state.at(clocks(SECOND)).unwrap();
        state.lease(one, 1, now, |_| true).expect("a token");
        state.lease(other, 2, now, |_| true).expect_err("no token");
        let due = state.line[0].due;
        for (later, waiting) in [(LEFT - 1, 1), (LEFT, 0)] {
            let now = state.at(clocks(due + later)).unwrap();
            state.lease(one, 3, now, |_| false).expect_err("no token");
            assert_eq!(state.line.len(), waiting);
        }
    }

    /// A state of one token a second, and the moment at which it begins.
    fn single() -> (State, Nanos) {
        let clocks = Clocks { system: SECOND, ..Clocks::default() };
        let mut state = State::new(7, Rate::per_second(1), false, clocks);
        let now = state.at(clocks).unwrap();
        (state, now)
    }

    const ANSWERED: Outcome = Outcome::Responded(RateLimitHeaders {
        refused: false,
        success: true,
        limit: None,
        remaining: None,
        period: None,
        reset: None,
        retry_after: None,
    });
    /// P' of a second.
    const HELD: Nanos = 1_006_000_000;

    #[test]
    fn the_token_of_a_process_that_cannot_be_seen_is_given_up_after_an_hour() {
        let (mut state, now) = single();
        let [one, other] = [1, 2].map(Process::imagined);
        state.lease(one, 1, now, |_| true).expect("a token");
        for (later, held) in [(OUT_OF_SIGHT - 1, 1), (OUT_OF_SIGHT, 0)] {
            state.bury(now + later, |_, _| Life::Unknown);
            assert_eq!(state.held_by(one), held);
        }
        let back = now + OUT_OF_SIGHT + HELD + 2 * SECOND;
        state.lease(other, 2, back - 1, |_| false).expect_err("no token");
        state.lease(other, 2, back, |_| false).expect("a token");
    }

    #[test]
    fn a_response_to_a_request_that_was_given_up_holds_a_token() {
        let (mut state, now) = single();
        let [one, other] = [1, 2].map(Process::imagined);
        state.lease(one, 1, now, |_| true).expect("a token");
        state.bury(now, |_, _| Life::Dead);
        let late = now + HELD + 2 * SECOND;
        state.release(one, 1, ANSWERED, late);
        state.lease(other, 2, late + HELD - 1, |_| false).expect_err("no token");
        state.lease(other, 2, late + HELD, |_| false).expect("a token");
    }

    #[test]
    fn a_process_that_takes_its_token_leaves_the_line() {
        let (mut state, now) = single();
        let [one, other] = [1, 2].map(Process::imagined);
        state.lease(one, 1, now, |_| true).expect("a token");
        state.lease(other, 2, now, |_| true).expect_err("no token");
        state.release(one, 1, Outcome::NeverSent, now);
        state.lease(other, 2, now, |_| true).expect("a token");
        assert!(state.line.is_empty());
    }

    #[test]
    fn the_second_in_the_line_asks_as_soon_as_the_first_would_be_late() {
        let mut state = State::new(7, Rate::per_second(2), false, Clocks::default());
        let [one, other, third] = [1, 2, 3].map(Process::imagined);
        let now = SECOND / 2;
        for at in [0, now] {
            state.lease(one, 1, at, |_| true).expect("a token");
            state.release(one, 1, ANSWERED, at);
        }
        let until_first = HELD - now;
        for (process, look) in [(other, until_first), (third, until_first + LATE)] {
            let not_ready = state.lease(process, 2, now, |_| true).expect_err("no token");
            assert_eq!(not_ready.look_again.map(nanos), Some(look));
        }
    }

    #[test]
    fn a_thousand_requests_are_under_way_at_most() {
        let clocks = Clocks::default();
        let mut state = State::new(7, Rate::unlimited(), false, clocks);
        let me = Process::imagined(1);
        for token in 0..MOST as u64 {
            state.lease(me, token, SECOND, |_| true).expect("a token");
        }
        let not_ready = state.lease(me, 1000, SECOND, |_| true).expect_err("no token");
        assert_eq!(not_ready.look_again, Some(LOOK_CLOSELY));
        assert_eq!(state.outlook(me, 1, SECOND).at_least, LOOK_CLOSELY);
        state.release(me, 0, Outcome::NeverSent, SECOND);
        state.lease(me, 1000, SECOND, |_| true).expect("a token");
    }

    #[test]
    fn a_clock_that_goes_back_stands_still_until_it_goes_on() {
        let mut time = Time::default();
        let shown = [5, 9, 2, 3, 0, 8].map(|system| time.at(system * SECOND) / SECOND);
        assert_eq!(shown, [5, 9, 9, 10, 10, 18]);
    }

    /// How long the state is after so many requests, of which the last ones are under way.
    fn length(rate: Rate, requests: u64, under_way: u64) -> usize {
        const YEAR: Nanos = 365 * 86_400 * SECOND;
        let clocks = Clocks { boot: u64::MAX / 3, system: YEAR, day: 60 * YEAR };
        let mut state = State::new(u64::MAX / 3, rate, false, clocks);
        let me = Process::current();
        let headers = RateLimitHeaders { success: true, ..RateLimitHeaders::default() };
        for request in 0..requests {
            let system = YEAR + request * SECOND / 5;
            let now = state.at(Clocks { system, ..clocks }).expect("the same boot");
            let token = u64::MAX - request;
            state.lease(me, token, now, |_| true).expect("a token");
            if request + under_way < requests {
                state.release(me, token, Outcome::Responded(headers), now + SECOND / 7);
            }
        }
        postcard::to_allocvec(&state).expect("a state").len()
    }

    #[test]
    fn sixteen_requests_under_way_or_a_hundred_that_ended_are_written_at_once() {
        let rate = Rate::per_minute(100);
        for (requests, under_way) in [(16, 16), (100, 0), (70, 8)] {
            let length = length(rate, requests, under_way);
            assert!(length <= AT_ONCE, "{length} bytes, {under_way} of {requests} under way");
        }
    }

    #[test]
    fn the_state_of_a_large_rate_has_room_in_a_file() {
        let rate = Rate::per_day(50_000).and(Rate::per_hour(20_000));
        let mut state = State::new(7, rate, false, Clocks::default());
        let me = Process::current();
        for step in 0..20_000 {
            let system = step * SECOND / 7;
            let now = state.at(Clocks { system, ..Clocks::default() }).unwrap();
            if state.lease(me, step, now, |_| true).is_ok() && step % 30 > 0 {
                let headers = RateLimitHeaders { success: true, ..RateLimitHeaders::default() };
                state.release(me, step, Outcome::Responded(headers), now);
            }
        }
        let bytes = postcard::to_allocvec(&state).unwrap().len();
        assert!(bytes < 100_000, "{bytes} bytes");
    }
}
