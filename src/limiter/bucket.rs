//! The token bucket as users have it, and its permits.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};

use crate::cancellation;
use crate::clock::{Clock, later};

use super::headers::RateLimitHeaders;
use super::ledger::{Lease, Ledger};
use super::moment::NotReady;
use super::queue::{Place, Queue};
use super::rate::Rate;
use super::status::{AcquireError, Outcome, Snapshot, Unavailable, Wait, WaitReason};
use super::store::{Denied, Memory, TokenStore};

/// A bucket of tokens: one is taken before each request and comes back one period after the response.
///
/// # Typical waits
///
/// Heylerts allows 100 requests a minute. A script's first 100 go out as fast as it asks, a few at a time if it has
/// many threads; the next one waits for up to a minute, until the first response is a minute old. Heylo allows 5 a
/// second: 5 go out at once, then 5 a second. Most scripts never wait at all.
///
/// # The guarantee
///
/// The service counts requests as they arrive, which only the service sees: somewhere between the moment a request is
/// sent and the moment its response is here. So a token is held for the whole of that, and for P' = P·1.001 + 5 ms
/// after the head of the response, which allows for clocks that differ and for windows that count both their ends.
/// With N tokens, the service counts at most N requests in any window of a period and has at most N open at once,
/// whatever the network does. The price is small: N requests in P' plus one round trip, instead of N in P.
///
/// One assumption remains. A request that was given up without a response may still be under way, and its token is
/// held for P' and a grace of two seconds. A request that reaches the server later than that counts beside new ones.
/// A network that delays requests for longer needs a longer grace ([`Config::grace`](crate::Config::grace),
/// [`set_grace`](TokenBucket::set_grace)).
///
/// # Several limits
///
/// A rate can have [several limits](Rate::and), such as 5 per second and 50,000 per day. A request then takes a token
/// of each, and the guarantee holds for each of them. A server without a limit has the rate
/// [`unlimited`](Rate::unlimited).
///
/// # Burst or paced
///
/// By default requests are sent as they come: best for scripts, whose few requests are done at once. A program that
/// sends all the time and prefers a short wait before each request to a long one before some takes a
/// [paced](Rate::paced) rate: the same number in a period, spread evenly.
///
/// # After a 429
///
/// Everybody waits for as long as `Retry-After` asks, or else for one period. A `Retry-After` of zero, or of less than 20 ms, was
/// rounded down, and counts as a second. Then one request is sent, and if it succeeds, the rest follow. The bucket knows that it
/// did not send too many, so the cause is something else:
///
/// * The first refusal leaves the speed as it was and spreads the requests evenly, which suits servers that count in
///   their own way.
/// * If another one follows, somebody else uses the key: the speed becomes what the server admitted, and at first
///   half of the rate at least.
/// * If the server admits next to nothing, other clients of the key compete for the same tokens, and the bucket sends one
///   request at a time. A server that rounds `Retry-After` up to seconds does not name the moment at which it
///   admits a request, so the bucket searches for it: for a few times it asks up to three quarters of a period
///   (or of a second) later than it has to, and then each time some round trips later, 100 ms at most.
///
/// Without a `Retry-After`, and with a period of more than a second, more pauses of one period would leave everything to a
/// client that asks more often. So they last a period at first, and while that ends in success, and are short otherwise. A
/// server that refuses everything gets at most half as many requests in a period as the limit allows, and at most 50, from each
/// client without a share; after each 64 refusals in a row, the pauses double, up to a period.
///
/// Ten periods after the last refusal the bucket is back at full speed.
///
/// # Rate limit headers
///
/// On successes and on a 429, `X-RateLimit-Remaining` shows what is left of the limit. The part that is missing there
/// and was not ours was spent by others on the same key, and is held as taken for one period, or for two if others have
/// gone on spending for a period. It is held no longer than until the moment that `X-RateLimit-Reset`, `RateLimit-Reset` or
/// `RateLimit` names. A lower `X-RateLimit-Limit` is obeyed until ten periods after the service last reported it. None of
/// this ever makes a bucket faster, and what the service's own successes contradict is ignored for ten periods.
///
/// # Sharing
///
/// Clones share their tokens, and so do all clients in this process with one key at one address. Such a bucket lives
/// until its last token is back, even if all its clients are dropped before. A bucket of your own can be passed to
/// several clients ([`Config::bucket`](crate::Config::bucket)), and can be asked for tokens for requests that this
/// crate does not send. Several processes share a limit by `Config::share`, with the feature `share` or `redis`.
///
/// # The first requests
///
/// While nothing is known about a client's key, its first request is sent alone: the others wait for the response, for
/// a second at most. If the service does not say how much is left, an earlier program may have spent nearly all. So few
/// of the next N requests are under way at once: one, and one more for each eight that succeeded, up to a twentieth of
/// N; a slow response holds the others up for P'/N, or for a second if that is less.
///
/// Some servers count a part of the last period again, and admit no second burst: so after a client's first N requests
/// in a row, one is sent at a time, or one each P'/N, for ten periods. That costs N - 1 round trips, once.
///
/// # Examples
///
/// ```
/// use heysync::limiter::TokenBucket;
/// use heysync::SystemClock;
/// use heysync::limiter::Rate;
///
/// let bucket = TokenBucket::new(Rate::per_second(5), SystemClock);
/// let permits: Vec<_> = (0..6).map(|_| bucket.try_acquire()).collect();
/// assert!(permits[4].is_ok());
/// assert_eq!(permits[5].as_ref().unwrap_err().wait.as_millis(), 1006);
/// assert_eq!(bucket.snapshot().in_flight, 5);
/// ```
#[derive(Clone)]
pub struct TokenBucket {
    shared: Arc<Shared>,
}

impl TokenBucket {
    /// Creates a full bucket for `rate`, whose threads wait on `clock`.
    ///
    /// A bucket with a rate that is not [usable](Rate::is_usable) gives no token: every call fails at once.
    pub fn new(rate: Rate, clock: impl Clock + 'static) -> TokenBucket {
        TokenBucket::with_ledger(Ledger::new(rate), Arc::new(clock))
    }

    /// Creates a bucket for a key that others may use as well: its first request is sent alone.
    pub(crate) fn cautious(rate: Rate, clock: Arc<dyn Clock>) -> TokenBucket {
        TokenBucket::with_ledger(Ledger::new(rate).cautious(), clock)
    }

    fn with_ledger(ledger: Ledger, clock: Arc<dyn Clock>) -> TokenBucket {
        TokenBucket::with_store(Arc::new(Memory::new(ledger, Arc::clone(&clock))), clock)
    }

    /// Creates a bucket whose tokens are in `store`.
    pub(crate) fn with_store(store: Arc<dyn TokenStore>, clock: Arc<dyn Clock>) -> TokenBucket {
        TokenBucket { shared: Arc::new(Shared::new(store, clock)) }
    }

    /// Waits for a token, first come, first served, but not beyond `until`: a moment on the bucket's clock, or `None`
    /// to wait however long it takes.
    ///
    /// `on_wait` is called before a wait begins, and again if its reason changes or a pause grows. While it runs,
    /// the others in the queue pass by.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] as soon as it is known that the wait cannot end by `until`; mostly that is at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use heysync::http::{HeaderMap, StatusCode};
    /// use heysync::limiter::TokenBucket;
    /// use heysync::SystemClock;
    /// use heysync::limiter::Rate;
    ///
    /// let bucket = TokenBucket::new(Rate::per_minute(1), SystemClock);
    /// let soon = Instant::now() + Duration::from_secs(5);
    /// let mut permit = bucket.acquire(Some(soon), &mut |wait| eprintln!("{wait}"))?;
    /// // Here a request is sent, and the head of its response arrives.
    /// permit.responded(StatusCode::OK, &HeaderMap::new());
    ///
    /// let too_long = bucket.acquire(Some(soon), &mut |_| {}).unwrap_err();
    /// assert!(too_long.wait > Duration::from_secs(50));
    /// # Ok::<(), heysync::limiter::AcquireError>(())
    /// ```
    pub fn acquire(
        &self,
        until: Option<Instant>,
        on_wait: &mut dyn FnMut(&Wait),
    ) -> Result<Permit, AcquireError> {
        // With nobody in the queue, nobody is overtaken; and with a token for everybody there, a queue would only cost time.
        let waiting = self.shared.queue.len();
        if waiting == 0 {
            match self.shared.store.lease(until) {
                Ok(lease) => return Ok(Permit::new(Arc::clone(&self.shared), lease)),
                Err(Denied::Unavailable(why)) if why.retry_in.is_none() => return Err(why.into()),
                Err(_) => {}
            }
        } else if let Some(lease) = self.shared.store.lease_beside(waiting) {
            return Ok(Permit::new(Arc::clone(&self.shared), lease));
        }
        self.queue_up(until, on_wait)
    }

    fn queue_up(
        &self,
        until: Option<Instant>,
        on_wait: &mut dyn FnMut(&Wait),
    ) -> Result<Permit, AcquireError> {
        let place = Queue::join(&self.shared.queue, until);
        let mut reported = Reported::default();
        let _watches = cancellation::watch(&self.shared.clock, place.signal());
        loop {
            let asked = self.shared.clock.now();
            let turn = place.turn(self.shared.store.takes_time(), asked);
            let denied = match self.ask(&place, turn.ahead) {
                Ok(permit) => return Ok(permit),
                Err(denied) => denied,
            };
            let now = self.shared.clock.now();
            let not_ready = if_worth_waiting(&denied, until, now)?;
            if let Some(error) = turn.failed(now) {
                return Err(error);
            }
            match reported.news(&not_ready, now) {
                Some(wait) => place.step_aside(|| on_wait(&wait)),
                None if turn.ahead > 0 => place.wait(&turn, &*self.shared.clock),
                None => {
                    let look = not_ready.look_again.and_then(|look| now.checked_add(look));
                    let by = denied_by(&denied, asked, now);
                    place.wait_as_first(look, (&denied.into(), by), &*self.shared.clock);
                }
            }
        }
    }

    /// Takes a token if there is one, without waiting and without overtaking threads that wait.
    ///
    /// # Errors
    ///
    /// [`AcquireError`], with how long the wait would be.
    pub fn try_acquire(&self) -> Result<Permit, AcquireError> {
        self.acquire(Some(self.shared.clock.now()), &mut |_| {})
    }

    /// Keeps to `rate` as well, as far as it is lower than the rate in force. A higher one changes nothing.
    ///
    /// If their periods differ, both hold [at the same time](Rate::and), for as long as the bucket lives. A bucket has room
    /// for six periods: of more, one limit that is as strict as two takes their place, which the
    /// [snapshot](TokenBucket::snapshot) shows.
    pub fn tighten(&self, rate: Rate) {
        self.shared.store.tighten(rate);
        self.shared.queue.wake_all();
    }

    /// Sets for how much longer than P' the token of a request without a response is held. Default: two seconds.
    ///
    /// It holds for requests that are given up from now on. A grace of more than a day counts as a day.
    pub fn set_grace(&self, grace: Duration) {
        const LONGEST: Duration = Duration::from_secs(86_400);
        self.shared.store.set_grace(grace.min(LONGEST));
    }

    /// Returns the state of the bucket: how many tokens are free, how many requests wait, and why.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { waiting: self.shared.queue.len(), ..self.shared.store.snapshot() }
    }

    /// Returns whether there are no more than `known` handles of the bucket, all its tokens are back and nothing is
    /// remembered.
    pub(crate) fn is_abandoned(&self, known: usize) -> bool {
        Arc::strong_count(&self.shared) <= known && self.shared.store.is_idle()
    }

    /// Returns whether both are handles of one bucket.
    pub(crate) fn is_same(&self, other: &TokenBucket) -> bool {
        self.address() == other.address()
    }

    /// Returns a number that all handles of the bucket have in common.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    /// Holds as many tokens as are out in `other`, as far as there are any, as if requests had got no response.
    pub(crate) fn spend_as(&self, other: &TokenBucket) {
        let Snapshot { rate, free, .. } = other.snapshot();
        let spent = (rate.requests() as usize).saturating_sub(free);
        for _ in 0..spent {
            if self.try_acquire().map(drop).is_err() {
                break;
            }
        }
    }

    /// The first in the queue takes a token; the others get the time until their turn.
    fn ask(&self, place: &Place, ahead: usize) -> Result<Permit, Denied> {
        if ahead > 0 {
            return Err(self.shared.store.outlook(ahead).into());
        }
        let store = &self.shared.store;
        let lease = place.ask(store.takes_time(), |by| store.lease(by))?;
        Ok(Permit::new(Arc::clone(&self.shared), lease))
    }
}

/// The wait for a token, unless it cannot end in time or the call was cancelled.
fn if_worth_waiting(
    denied: &Denied,
    until: Option<Instant>,
    now: Instant,
) -> Result<NotReady, AcquireError> {
    let not_ready = match denied {
        Denied::NotReady(not_ready) => *not_ready,
        Denied::Unavailable(why) => try_again(why.clone(), until, now)?,
    };
    match is_in_time(&not_ready, until, now) && !cancellation::is_cancelled() {
        true => Ok(not_ready),
        false => Err(denied.clone().into()),
    }
}

/// When to try again to reach shared tokens, if that is worth trying and there is time for it.
fn try_again(
    why: Unavailable,
    until: Option<Instant>,
    now: Instant,
) -> Result<NotReady, AcquireError> {
    let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(now));
    let Some(retry_in) = why.retry_in.filter(|retry_in| *retry_in <= left) else {
        return Err(why.into());
    };
    let look_again = Some(retry_in);
    Ok(NotReady { at_least: retry_in, look_again, reason: WaitReason::Unavailable })
}

/// Whether the wait can end in time. One that takes no time always can; one for centuries never does.
fn is_in_time(not_ready: &NotReady, until: Option<Instant>, now: Instant) -> bool {
    const NEVER: Duration = Duration::from_nanos(u64::MAX / 2);
    let left = until.map_or(NEVER, |until| until.saturating_duration_since(now));
    not_ready.at_least <= left
}

/// The first was denied a token, so there is none for the threads behind it before this moment. A thread whose deadline is
/// earlier need not wait for it.
fn denied_by(denied: &Denied, asked: Instant, now: Instant) -> Instant {
    match denied {
        // It may be there in the last nanosecond of the wait.
        Denied::NotReady(it) => later(asked, it.at_least.saturating_sub(Duration::from_nanos(1))),
        Denied::Unavailable(_) => now,
    }
}

/// The wait that was reported last.
#[derive(Default)]
struct Reported {
    last: Option<(WaitReason, Option<Instant>)>,
}

impl Reported {
    /// Returns a wait for another reason, or a pause that has grown.
    fn news(&mut self, not_ready: &NotReady, now: Instant) -> Option<Wait> {
        let end = now.checked_add(not_ready.at_least);
        let is_pause = not_ready.reason == WaitReason::Paused && not_ready.look_again.is_some();
        let is_new = match self.last {
            None => true,
            Some((reason, reported)) => reason != not_ready.reason || (is_pause && end > reported),
        };
        if !is_new || not_ready.at_least.is_zero() {
            return None;
        }
        self.last = Some((not_ready.reason, end));
        Some(Wait::new(not_ready.at_least, not_ready.reason))
    }
}

impl fmt::Debug for TokenBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the tokens: shared ones would be read from their place.
        f.debug_struct("TokenBucket")
            .field("waiting", &self.shared.queue.len())
            .finish_non_exhaustive()
    }
}

/// The state that all clones of a bucket and all its permits share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn TokenStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) queue: Arc<Queue>,
}

impl Shared {
    pub(crate) fn new(store: Arc<dyn TokenStore>, clock: Arc<dyn Clock>) -> Shared {
        Shared { store, queue: Arc::new(Queue::new(Arc::clone(&clock))), clock }
    }
}

/// A token, held from before a request's first byte until its response.
///
/// The first of [`responded`](Permit::responded), [`never_sent`](Permit::never_sent) and a drop releases it; later
/// ones change nothing. A permit that is dropped counts as a request without a response: the token is back after P'
/// and a [grace](super::TokenBucket::set_grace), because the request may still arrive at the server. `?` and panics
/// do the same. A permit that is [forgotten](std::mem::forget) keeps its token for ever.
#[must_use = "a permit that is dropped counts as a request without a response"]
pub struct Permit {
    shared: Arc<Shared>,
    lease: Option<Lease>,
}

impl Permit {
    pub(crate) fn new(shared: Arc<Shared>, lease: Lease) -> Permit {
        Permit { shared, lease: Some(lease) }
    }

    /// Returns this permit, or one in its place if the token was lost: a process may be stopped for a long time between
    /// taking a token and sending the request.
    pub(crate) fn confirm(
        mut self,
        until: Option<Instant>,
        on_wait: &mut dyn FnMut(&Wait),
    ) -> Result<Permit, AcquireError> {
        if self.lease.as_ref().is_some_and(|lease| self.shared.store.stands(lease)) {
            return Ok(self);
        }
        self.release(Outcome::NeverSent);
        TokenBucket { shared: Arc::clone(&self.shared) }.acquire(until, on_wait)
    }

    /// Releases the token because the head of a response arrived: it is back P' from now.
    ///
    /// Call it when the head arrives, before the body is read. The bucket obeys the response's `Retry-After` if it is
    /// a 429, and its `X-RateLimit-Limit` and `-Remaining`, which are taken to count in the bucket's shortest period.
    pub fn responded(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.apply(RateLimitHeaders::read(status, headers));
    }

    /// Does the same with headers that were read before.
    pub(crate) fn apply(&mut self, headers: RateLimitHeaders) {
        self.release(Outcome::Responded(headers));
    }

    /// Releases the token because not a byte of the request was sent: it is back at once.
    pub fn never_sent(mut self) {
        self.release(Outcome::NeverSent);
    }

    fn release(&mut self, outcome: Outcome) {
        let Some(lease) = self.lease.take() else {
            return;
        };
        self.shared.store.release(&lease, outcome);
        match outcome {
            Outcome::Responded(headers) if headers.refused => self.shared.queue.wake_all(),
            _ => self.shared.queue.wake_first(),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.release(Outcome::NoResponse);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.lease).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;
    use crate::clock::SystemClock;
    use crate::limiter::tests::clock::Hand;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_wait_is_reported_again_if_its_reason_changes_or_a_pause_grows() {
        let (now, mut reported) = (Instant::now(), Reported::default());
        for (seconds, reason, is_news) in [
            (0, WaitReason::Full, false),
            (5, WaitReason::Full, true),
            (9, WaitReason::Full, false),
            (3, WaitReason::Paused, true),
            (3, WaitReason::Paused, false),
            (7, WaitReason::Paused, true),
            (0, WaitReason::Full, false),
            (8, WaitReason::Full, true),
        ] {
            let at_least = seconds * SECOND;
            let not_ready = NotReady { at_least, look_again: Some(at_least), reason };
            let expected = is_news.then_some(Wait::new(at_least, reason));
            assert_eq!(reported.news(&not_ready, now), expected);
        }
    }

    #[test]
    fn a_pause_whose_end_only_a_response_brings_is_reported_once() {
        let (now, mut reported) = (Instant::now(), Reported::default());
        let news = [1, 2].map(|seconds| {
            let (at_least, reason) = (seconds * SECOND, WaitReason::Paused);
            reported.news(&NotReady { at_least, look_again: None, reason }, now).is_some()
        });
        assert_eq!(news, [true, false]);
    }

    #[test]
    fn shared_tokens_are_tried_again_if_that_is_of_use_and_in_time() {
        let (now, away) = (Instant::now(), Unavailable::new("cut off", "wait"));
        let brief = away.clone().retry_in(SECOND);
        for until in [None, Some(now + SECOND)] {
            let again = try_again(brief.clone(), until, now).unwrap();
            assert_eq!((again.at_least, again.look_again), (SECOND, Some(SECOND)));
        }
        assert!(try_again(brief, Some(now + SECOND / 2), now).is_err());
        assert!(try_again(away, None, now).is_err());
    }

    #[test]
    fn a_thread_that_cannot_wait_for_as_long_as_the_first_has_to_fails_at_once() {
        let clock = Arc::new(Hand::new());
        let bucket = TokenBucket::new(Rate::per_minute(1), Arc::clone(&clock));
        bucket.try_acquire().unwrap().apply(RateLimitHeaders::default());
        let back = bucket.try_acquire().unwrap_err();
        let mut places = Vec::new();
        let mut join_behind = |wait: &Wait| {
            for time in [back.wait - Duration::from_nanos(1), wait.duration] {
                places.push(Queue::join(&bucket.shared.queue, Some(clock.now() + time)));
            }
        };
        bucket.acquire(None, &mut join_behind).unwrap().never_sent();
        let failed = places.iter().map(|place| place.turn(false, clock.now()).failed(clock.now()));
        assert_eq!(failed.collect::<Vec<_>>(), [Some(back), None]);
    }

    /// A store that grants nothing before it is open. Its first token does not stand, and there is one for nobody beside two
    /// that wait.
    #[derive(Debug, Default)]
    struct Strict {
        is_open: AtomicBool,
        granted: AtomicU64,
        asked_by: Mutex<Vec<Option<Instant>>>,
        ended: Mutex<Vec<(u64, Outcome)>>,
    }

    impl TokenStore for Strict {
        fn lease(&self, by: Option<Instant>) -> Result<Lease, Denied> {
            self.asked_by.lock().unwrap().push(by);
            match self.is_open.load(Ordering::SeqCst) {
                true => Ok(Lease::new(self.granted.fetch_add(1, Ordering::SeqCst), 0)),
                false => {
                    Err(Denied::Unavailable(Unavailable::new("cut off", "wait").retry_in(SECOND)))
                }
            }
        }

        fn lease_beside(&self, waiting: usize) -> Option<Lease> {
            self.lease(None).ok().filter(|_| waiting < 2)
        }

        fn stands(&self, lease: &Lease) -> bool {
            lease.id > 0
        }

        fn release(&self, lease: &Lease, outcome: Outcome) {
            self.ended.lock().unwrap().push((lease.id, outcome));
        }

        fn outlook(&self, _: usize) -> NotReady {
            NotReady { at_least: SECOND, look_again: None, reason: WaitReason::Full }
        }

        fn tighten(&self, _: Rate) {}

        fn exhaust(&self, _: Option<Instant>) -> Result<(), Unavailable> {
            Ok(())
        }

        fn set_grace(&self, _: Duration) {}

        fn snapshot(&self) -> Snapshot {
            Snapshot::full(Rate::unlimited())
        }

        fn is_idle(&self) -> bool {
            true
        }
    }

    fn strict() -> (Arc<Strict>, TokenBucket) {
        let store = Arc::new(Strict::default());
        (Arc::clone(&store), TokenBucket::with_store(store, Arc::new(SystemClock)))
    }

    #[test]
    fn a_thread_does_not_queue_if_there_is_a_token_for_it_and_for_each_that_waits() {
        let (store, bucket) = strict();
        store.is_open.store(true, Ordering::SeqCst);
        let _first = Queue::join(&bucket.shared.queue, None);
        bucket.try_acquire().unwrap().never_sent();
        let _second = Queue::join(&bucket.shared.queue, None);
        bucket.try_acquire().unwrap_err();
    }

    #[test]
    fn a_store_knows_the_deadline_of_those_who_ask_it() {
        let (store, bucket) = strict();
        let until = Some(Instant::now() + SECOND / 2);
        bucket.acquire(until, &mut |_| {}).unwrap_err();
        assert_eq!(*store.asked_by.lock().unwrap(), [until; 2]);
    }

    #[test]
    fn a_token_that_was_lost_before_the_request_is_replaced_and_counts_as_never_sent() {
        let (store, bucket) = strict();
        store.is_open.store(true, Ordering::SeqCst);
        let lost = bucket.try_acquire().unwrap();
        let permit = lost.confirm(None, &mut |_| {}).unwrap();
        assert_eq!(*store.ended.lock().unwrap(), [(0, Outcome::NeverSent)]);
        permit.confirm(None, &mut |_| {}).unwrap().never_sent();
        assert_eq!(store.granted.load(Ordering::SeqCst), 2);
    }
}
