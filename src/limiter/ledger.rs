//! The arithmetic of a bucket, without clock or lock: its limits, and the requests under way.

use std::time::Duration;

use fastrand::Rng;

use super::cooldown::{Cooldown, Refusal};
use super::headers::RateLimitHeaders;
use super::moment::{Nanos, NotReady, Opening, nanos, until};
use super::rate::{Rate, Shape};
use super::start::{First, Second};
use super::status::{Outcome, Snapshot, WaitReason};
use super::window::Window;

/// A request that was given up may still be under way to the server: its token is held for so much longer.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// The period of what a server without a known limit asks for.
const SECOND: Nanos = 1_000_000_000;

/// A pause becomes longer by up to one part in so many: little, since a client that comes later than its neighbour
/// finds nothing left.
const JITTER: u64 = 1000;
/// And by this at most.
const LONGEST_JITTER: Nanos = 100_000_000;
/// There are plenty of tokens while at most one of so many is out.
const PLENTY: usize = 8;
/// In a search for the moment at which the server admits requests, a pause becomes longer by so many round trips for each
/// request of the limit.
///
/// Let a client that takes all it can have a round trip of R. It sends N requests, one is refused, it waits for the
/// whole second that the server names, and begins again (N + 1)R later than a second after its last beginning. In this
/// time, and while it sends, the server admits others: for about 2NR. With this step we are about 9/10 of that later
/// each time, compared with the other client, and so miss no such time.
const STEP: (u64, u64) = (14, 5);

/// Records which tokens are out and until when.
///
/// A token is taken before the request's first byte and is back P' after its response, so that the server counts
/// at most N requests in any window of P: of N + 1 granted requests, the last found all others in flight or
/// completed less than P' ago, and had no token to take. With several limits, a request takes a token of each.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug)]
pub(crate) struct Ledger {
    windows: Vec<Window>,
    shape: Shape,
    flights: Flights,
    cooldown: Cooldown,
    first: First,
    second: Second,
    granted: u64,
    grace: Nanos,
    #[cfg_attr(feature = "share", serde(skip))]
    jitter: Option<Rng>,
}

impl Ledger {
    pub(crate) fn new(rate: Rate) -> Ledger {
        let windows: Vec<Window> = match rate.is_usable() {
            true => rate.limits().map(|(n, p)| Window::new(n, p)).collect(),
            false => vec![Window::new(0, rate.period())],
        };
        let mut ledger = Ledger {
            windows,
            shape: rate.shape(),
            flights: Flights::default(),
            cooldown: Cooldown::new(rate.shape() == Shape::Paced),
            first: First::Known,
            second: Second::Known,
            granted: 0,
            grace: nanos(GRACE),
            jitter: None,
        };
        ledger.adjust();
        ledger
    }

    /// A ledger for a key that others may use as well: the first request goes alone, and pauses differ a little.
    pub(crate) fn cautious(mut self) -> Ledger {
        self.first = First::Unsent;
        self.second = Second::NEW;
        self.with_jitter();
        self
    }

    /// The same, with the random numbers of a test.
    #[cfg(test)]
    pub(crate) fn cautious_by(self, rng: Rng) -> Ledger {
        Ledger { jitter: Some(rng), ..self.cautious() }
    }

    pub(crate) fn set_grace(&mut self, grace: Duration) {
        self.grace = nanos(grace);
    }

    /// Takes a token at `now`, or returns when there may be one.
    pub(crate) fn lease(&mut self, now: Nanos) -> Result<Lease, NotReady> {
        self.settle(now);
        let opening = self.opening(0, now);
        match opening.is_open(now) {
            true => Ok(self.grant(now)),
            false => Err(opening.not_ready(now)),
        }
    }

    /// Takes a token at `now` if there are plenty, and `waiting` callers can then take one each at the same moment.
    pub(crate) fn lease_beside(&mut self, waiting: usize, now: Nanos) -> Option<Lease> {
        self.settle(now);
        let is_open = self.opening(waiting, now).is_open(now) && !self.is_one_by_one(waiting, now);
        (is_open && self.has_plenty()).then(|| self.grant(now))
    }

    /// Whether few tokens are out. Of those that are all back at once after a wait, a thread would take most before the others
    /// are awake.
    fn has_plenty(&self) -> bool {
        let in_flight = self.flights.len();
        self.windows.iter().all(|it| it.out(in_flight).saturating_mul(PLENTY) <= it.limit())
    }

    fn grant(&mut self, now: Nanos) -> Lease {
        let lease = self.take_off(now);
        self.cooldown.granted(lease.id, now);
        if let Some(window) = self.windows.first() {
            self.second.granted(window.held, now);
        }
        self.first.granted(lease.id, now);
        lease
    }

    /// Whether a request may have to wait for the response to another one, although there are tokens for both: now, or as soon
    /// as `more` requests are granted.
    fn is_one_by_one(&self, more: usize, now: Nanos) -> bool {
        let limit = self.windows.first().map_or(usize::MAX, Window::limit);
        more > 0
            && (self.first != First::Known
                || self.second.is_near(more, limit)
                || self.cooldown.is_one_by_one(now))
    }

    /// A request begins, or has begun already without the ledger's knowledge.
    pub(crate) fn take_off(&mut self, now: Nanos) -> Lease {
        let id = self.granted;
        self.granted += 1;
        let mut flight = Flight {
            id,
            granted: now,
            out: [UNKNOWN; MOST],
            sent: [None; MOST],
            doubting: [false; MOST],
        };
        for (place, window) in self.windows.iter_mut().enumerate() {
            flight.out[place] = window.out(self.flights.len()) + 1;
            flight.doubting[place] = window.is_doubting();
            flight.sent[place] = window.sent(now);
        }
        self.flights.start(flight)
    }

    /// Returns a token at `now`. A second release of the same one changes nothing.
    pub(crate) fn release(&mut self, lease: &Lease, outcome: Outcome, now: Nanos) {
        self.settle(now);
        let Some(flight) = self.flights.end(lease) else {
            return;
        };
        match outcome {
            Outcome::Responded(headers) => {
                self.hold(now);
                let window = self.windows.first().map(|it| (it.limit(), it.held));
                self.first.responded(&headers, window.unwrap_or_default(), now);
                self.apply(&flight, headers, now);
            }
            Outcome::NoResponse => {
                self.hold(now.saturating_add(self.grace));
                self.cooldown.unanswered(flight.id, now);
                self.first.unanswered(flight.id);
            }
            Outcome::NeverSent => {
                self.windows.iter_mut().for_each(|window| window.unsent(flight.granted));
                self.cooldown.unsent(flight.id, now);
                self.first.unanswered(flight.id);
            }
        }
    }

    /// Does the same for a request without a response, with a grace of its own.
    #[cfg(feature = "share")]
    pub(crate) fn give_up(&mut self, lease: &Lease, grace: Nanos, now: Nanos) {
        let own = std::mem::replace(&mut self.grace, grace);
        self.release(lease, Outcome::NoResponse, now);
        self.grace = own;
    }

    /// The request `id` is not sent for now: if it was to try whether a pause is over, another one does.
    #[cfg(feature = "share")]
    pub(crate) fn pass_over(&mut self, id: u64, now: Nanos) {
        self.cooldown.unanswered(id, now);
    }

    /// A request ended that the ledger knew nothing about: it counts from now on.
    #[cfg(feature = "share")]
    pub(crate) fn charge(&mut self, outcome: Outcome, now: Nanos) {
        match outcome {
            Outcome::Responded(_) => self.hold(now),
            Outcome::NoResponse => self.hold(now.saturating_add(self.grace)),
            Outcome::NeverSent => {}
        }
    }

    #[cfg(feature = "share")]
    pub(crate) fn grace(&self) -> Nanos {
        self.grace
    }

    /// How many tokens of the limit with the shortest period are out.
    #[cfg(feature = "share")]
    pub(crate) fn out(&self) -> usize {
        let in_flight = self.flights.len();
        self.windows.first().map_or(in_flight, |window| window.out(in_flight))
    }

    /// The limit with the shortest period, and that period.
    #[cfg(feature = "share")]
    pub(crate) fn limit(&self) -> Option<(usize, Duration)> {
        self.windows.first().map(|window| (window.limit(), window.period))
    }

    /// Lets pauses differ a little.
    pub(crate) fn with_jitter(&mut self) {
        self.jitter = Some(Rng::new());
    }

    /// Takes all tokens out until P' and the grace after `now`: requests were sent that the ledger knows nothing about.
    pub(crate) fn exhaust(&mut self, now: Nanos) {
        // A token that is back by now must not seem to be on its way.
        self.settle(now);
        let last = now.saturating_add(self.grace);
        self.windows.iter_mut().for_each(|window| window.exhaust(last));
    }

    /// Does the same with the tokens of the limit with the shortest period.
    #[cfg(feature = "share")]
    pub(crate) fn exhaust_shortest(&mut self, now: Nanos) {
        self.settle(now);
        let last = now.saturating_add(self.grace);
        self.windows.iter_mut().take(1).for_each(|window| window.exhaust(last));
    }

    /// Returns when a caller with `ahead` others queued before it can take a token.
    pub(crate) fn outlook(&mut self, ahead: usize, now: Nanos) -> NotReady {
        self.settle(now);
        self.opening(ahead, now).not_ready(now)
    }

    /// Keeps to `rate` as well, as far as it is lower than the rate in force.
    pub(crate) fn tighten(&mut self, rate: Rate) {
        for (requests, period) in rate.limits() {
            if !self.implies(requests, period) {
                self.add(requests, period);
            }
        }
        self.adjust();
    }

    /// Returns whether everything is forgotten: a new ledger would do the same.
    pub(crate) fn is_idle(&mut self, now: Nanos) -> bool {
        self.settle(now);
        let unused = |window: &Window| window.is_unused();
        self.flights.len() == 0 && self.windows.iter().all(unused) && self.cooldown.is_calm(now)
    }

    /// Returns a description of the state at `now`.
    pub(crate) fn snapshot(&mut self, now: Nanos) -> Snapshot {
        self.settle(now);
        let in_flight = self.flights.len();
        let free = self.windows.iter().map(|window| window.free(in_flight, now)).min();
        Snapshot {
            granted: self.granted,
            in_flight,
            free: free.unwrap_or(usize::MAX),
            held_for_others: self.windows.iter().map(Window::others).max().unwrap_or(0),
            next_back: self
                .windows
                .first()
                .and_then(Window::next_back)
                .map(|back| until(back, now)),
            paused: self.cooldown.paused_until(now).map(|end| until(end, now)),
            pauses: self.cooldown.pauses,
            pace: Some(self.cooldown.pace.distance(now))
                .filter(|it| *it > 0)
                .map(Duration::from_nanos),
            ..Snapshot::full(Rate::from_limits(
                self.windows.iter().map(Window::in_force),
                self.shape,
            ))
        }
    }

    /// Applies everything that time alone brings about.
    fn settle(&mut self, now: Nanos) {
        // Every window is settled, so `any`, which stops at the first, would not do.
        let changed = self.windows.iter_mut().filter_map(|it| it.settle(now).then_some(())).count();
        if changed > 0 {
            self.adjust();
        }
        self.cooldown.settle(now);
        let pace = &self.cooldown.pace;
        let slack = Some(pace.variation()).filter(|_| !pace.is_calm(now));
        self.windows.iter_mut().for_each(|window| window.remember(slack, now));
        self.first.settle(now);
    }

    fn hold(&mut self, from: Nanos) {
        self.windows.iter_mut().for_each(|window| window.hold(from));
    }

    /// Takes in a response's headers: a lower limit first, since it may explain a refusal.
    fn apply(&mut self, flight: &Flight, headers: RateLimitHeaders, now: Nanos) {
        self.take_in(flight, headers, now);
        match headers.refused {
            true => self.refused(flight, headers, now),
            false => self.passed(flight, headers.success, now),
        }
        self.adjust();
    }

    /// In a crowd, what others spend is not waited for: that would mean to wait for ever.
    fn take_in(&mut self, flight: &Flight, headers: RateLimitHeaders, now: Nanos) {
        let since = self.granted.saturating_sub(flight.id + 1);
        let since = usize::try_from(since).unwrap_or(usize::MAX);
        let counts = !headers.refused && !self.cooldown.pace.is_crowded(now);
        let place = self.window_of(headers);
        let Some((place, window)) = place.and_then(|it| Some((it, self.windows.get_mut(it)?)))
        else {
            return;
        };
        if let Some(limit) = headers.limit {
            window.obey(limit, now);
        }
        if let Some(remaining) = headers.remaining.filter(|_| counts) {
            let most = flight.out[place].saturating_add(since);
            let ours = flight.sent[place].unwrap_or(most);
            window.share_with_others(remaining, ours, headers.reset, now);
        }
    }

    /// The limit that a response's headers speak of, which may be one that only the server knows.
    fn window_of(&mut self, headers: RateLimitHeaders) -> Option<usize> {
        let period = match headers.period {
            Some(period) => period,
            None => self.windows.first()?.period,
        };
        let same = |window: &Window| window.period == period;
        let known = self.windows.iter().position(same);
        if known.is_none() && !self.implies(headers.limit?, period) {
            self.add(u32::MAX, period);
        }
        self.windows.iter().position(same)
    }

    /// Only a success shows that the limit allowed the request: another response may come from a proxy.
    fn passed(&mut self, flight: &Flight, success: bool, now: Nanos) {
        let admitted = self.windows.iter_mut().zip(flight.doubting).filter(|_| success);
        admitted.for_each(|(window, doubting)| window.admit(flight.granted, doubting, now));
        self.cooldown.passed(flight.id, flight.granted, now);
    }

    fn refused(&mut self, flight: &Flight, headers: RateLimitHeaders, now: Nanos) {
        self.windows.iter_mut().for_each(Window::confirm);
        self.second = Second::Known;
        let RateLimitHeaders { retry_after, reset, .. } = headers;
        let asked = retry_after.map(nanos);
        let admitted = self.admitted_before(flight);
        let refusal = Refusal {
            retry_after: asked,
            limit: self.windows.first().map_or(1, |window| window.limit() as u64),
            jitter: self.jitter(flight, asked, now),
            admitted,
            next_id: self.granted,
        };
        let is_new = self.cooldown.refused(flight.id, now, refusal);
        // In a crowd, waiting for what others spent would mean to wait for ever. A server without bursts keeps nothing for others.
        let pace = &self.cooldown.pace;
        if is_new && admitted.is_some() && !pace.is_crowded(now) && !pace.is_even(now) {
            let first = self.windows.first_mut();
            first.into_iter().for_each(|window| window.refused(flight.granted, reset, now));
        }
    }

    /// The part of the rate that the server had admitted within a period before it refused a request; `None` if there
    /// is another reason for that: an earlier run spent the budget, or the limit is lower than we knew.
    fn admitted_before(&self, flight: &Flight) -> Option<f64> {
        let in_flight = self.flights.len();
        let is_over = self.windows.iter().any(|window| window.out(in_flight) > window.limit());
        let part = |window: &Window| {
            window.admitted_before(flight.granted) as f64 / window.limit().max(1) as f64
        };
        self.windows.first().filter(|_| !is_over && flight.id > 0).map(part)
    }

    /// How much longer a pause is made, so that several clients do not end it at the same moment.
    fn jitter(&mut self, flight: &Flight, asked: Option<Nanos>, now: Nanos) -> Nanos {
        let Some(window) = self.windows.first() else {
            return 0;
        };
        let (period, n) = (window.held, window.limit() as u64);
        let round_trip = now.saturating_sub(flight.granted);
        let Some(rng) = self.jitter.as_mut() else {
            return 0;
        };
        let pause = asked.unwrap_or_else(|| self.cooldown.unnamed(n));
        if asked.is_none() && pause < period {
            // Nothing shows at which moment of the period there is something left.
            return rng.u64(0..=pause / 2);
        }
        let quarters = self.cooldown.quarters(flight.id) * (period.min(SECOND) / 4);
        let step = (round_trip / STEP.1).saturating_mul(n.saturating_mul(STEP.0));
        let is_coarse = pause > period / 2 && asked.is_none_or(|it| it % SECOND == 0);
        let step = match is_coarse && self.cooldown.is_searching(flight.id, now) {
            true if step <= LONGEST_JITTER => step,
            _ => 0,
        };
        let most = (pause / JITTER).min(LONGEST_JITTER).min(round_trip);
        quarters + step + rng.u64(0..=most)
    }

    /// Whether a limit in force is at least as strict in every window.
    fn implies(&self, requests: u32, period: Duration) -> bool {
        self.windows.iter().any(|window| window.implies(requests, period))
    }

    /// Adds a limit, or lowers the one of the same period.
    fn add(&mut self, requests: u32, period: Duration) {
        if let Some(place) = self.windows.iter().position(|it| it.period == period) {
            let mut window = self.windows.remove(place);
            window.requests = window.requests.min(requests);
            return self.insert(window, place);
        }
        let longest = self.windows.iter().max_by_key(|it| it.period);
        let mut window = Window::beside(requests, period, longest);
        let is_full = self.windows.len() == MOST;
        if let Some(last) = self.windows.pop_if(|_| is_full) {
            // One limit in the place of two must be as strict as both.
            let (requests, period) = (last.requests.min(requests), last.period.max(period));
            window = Window::beside(requests, period, Some(&last));
        }
        self.insert(window, self.windows.len());
    }

    /// Keeps the limits in order: the shortest period first, and those that only the server knows last. This one was at the
    /// place `from`, or is new and would be there.
    fn insert(&mut self, window: Window, from: usize) {
        let key = |it: &Window| (it.requests == u32::MAX, it.period);
        let place = self.windows[..from].partition_point(|it| key(it) <= key(&window));
        self.windows.insert(place, window);
        self.flights.move_limit(from, place);
    }

    /// The rate in force has changed.
    fn adjust(&mut self) {
        let share = self.windows.iter().map(Window::share).max().unwrap_or(0);
        let period = self.windows.first().map_or(SECOND, |window| window.held);
        self.cooldown.adjust(share, period);
    }

    fn opening(&self, ahead: usize, now: Nanos) -> Opening {
        let in_flight = self.flights.len();
        let rank = u64::try_from(ahead).unwrap_or(u64::MAX);
        let tokens = self.windows.iter().map(|window| window.opening(ahead, in_flight, now));
        let tokens = tokens.fold(Opening::at(0, WaitReason::Full), Opening::and);
        tokens
            .and(self.cooldown.opening(rank, now))
            .and(self.last_response(now))
            .and(self.second_burst(now))
    }

    /// When the response to a request under way is here at the latest, if the next one has to wait for it.
    fn last_response(&self, now: Nanos) -> Opening {
        let in_flight = self.flights.len();
        let first = self.windows.first().and_then(|window| {
            self.first.next(in_flight, window.limit(), window.share()).filter(|end| *end > now)
        });
        let (end, reason) = match (first, self.cooldown.pace.alone_until(now)) {
            (Some(end), _) => (end, WaitReason::FirstResponse),
            (_, Some(end)) if in_flight > 0 => (end, WaitReason::Paced),
            _ => return Opening::at(0, WaitReason::Full),
        };
        Opening { at: now.saturating_add(1), ..Opening::at(end, reason) }
    }

    /// When the next request of a second burst may be sent: now, or with a response, or a request's share later.
    fn second_burst(&self, now: Nanos) -> Opening {
        let open = Opening::at(0, WaitReason::Full);
        let Some(window) = self.windows.first() else {
            return open;
        };
        match self.second.next(self.flights.len(), window.limit(), window.share()) {
            Some(next) if next > now => {
                Opening { at: now.saturating_add(1), ..Opening::at(next, WaitReason::Paced) }
            }
            _ => open,
        }
    }
}

/// No rate has more limits than this, nor has a ledger that adds one of its server.
pub(crate) const MOST: usize = 6;

/// A number of tokens that is not known. It is more than any limit, and a program of 32 bits can read it from a file.
const UNKNOWN: usize = u32::MAX as usize;

/// A token that was taken.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lease {
    pub(crate) id: u64,
    pub(crate) slot: usize,
    /// It was taken in place of a shared one.
    pub(crate) is_fallback: bool,
}

impl Lease {
    /// A store with a ledger of its own kind chooses what `id` and `slot` mean.
    pub(crate) const fn new(id: u64, slot: usize) -> Lease {
        Lease { id, slot, is_fallback: false }
    }
}

/// The state of the limits when a request was granted.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    pub(crate) id: u64,
    pub(crate) granted: u64,
    /// For each limit, how many of our tokens were out, this one among them.
    pub(crate) out: [usize; MOST],
    /// For each limit, how many requests were sent within the last period, this one among them, if that is known.
    pub(crate) sent: [Option<usize>; MOST],
    /// For each limit, whether others were held to spend less than the server reports.
    pub(crate) doubting: [bool; MOST],
}

/// The requests under way.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Debug, Default)]
pub(crate) struct Flights {
    slots: Vec<Option<Flight>>,
    free: Vec<usize>,
}

impl Flights {
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn start(&mut self, flight: Flight) -> Lease {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        let id = flight.id;
        match self.slots.get_mut(slot) {
            Some(place) => *place = Some(flight),
            None => self.slots.push(Some(flight)),
        }
        Lease::new(id, slot)
    }

    /// The limit at the place `from` is at an earlier one from now on, and those in between at the next ones.
    fn move_limit(&mut self, from: usize, to: usize) {
        for Flight { out, sent, doubting, .. } in self.slots.iter_mut().flatten() {
            out[to..=from].rotate_right(1);
            sent[to..=from].rotate_right(1);
            doubting[to..=from].rotate_right(1);
        }
    }

    /// Ends a flight; `None` if it has ended before.
    pub(crate) fn end(&mut self, lease: &Lease) -> Option<Flight> {
        let place = self.slots.get_mut(lease.slot)?;
        let flight = place.take_if(|flight| flight.id == lease.id)?;
        self.free.push(lease.slot);
        Some(flight)
    }
}
