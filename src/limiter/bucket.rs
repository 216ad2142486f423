//! The bucket that threads take their tokens from, and the permit that holds one.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};

use crate::clock::Clock;

use super::headers::RateLimitHeaders;
use super::queue::{Place, Queue};
use super::rate::Rate;
use super::status::{AcquireError, NotReady, Outcome, Snapshot, Wait, WaitReason};
use super::store::{Lease, Memory, TokenStore};

/// For how long a token is leased where others hold it for many processes: longer than any request can
/// still arrive at its server after it was sent.
const TERM: Duration = Duration::from_secs(3600);

/// A bucket of tokens: one is taken before each request and comes back one period after its answer.
///
/// # What a script will feel
///
/// Heylerts allows 100 requests a minute. A script's first 100 go out at once, as fast as it asks; the next one
/// waits for up to a minute, until the first answer is a minute old. Heylo allows 5 a second: 5 go out at once,
/// then 5 a second. Most scripts never wait at all.
///
/// # Why
///
/// The service counts requests as they arrive, which nobody but the service sees: somewhere between the
/// moment a request is sent and the moment its answer is here. So its token is held for the whole of that,
/// and a period on top (P' = P·1.001 + 5 ms, for clocks that differ and windows that count both their
/// ends). With N tokens, the service counts at most N requests in any window of a period and has at most N
/// open at once, whatever the network does. The price is small: N requests in P' plus one round trip,
/// instead of N in P.
///
/// # Burst or paced
///
/// By default requests go as they come: best for scripts, whose few requests are done at once. A program that
/// sends all the time and wants to wait a little before each request, rather than long before some, takes a
/// [paced](Rate::paced) rate: the same number in a period, spread evenly.
///
/// # When the service says no
///
/// After a 429 everybody waits: for `Retry-After`, or else for one period. Then one request goes ahead, and the
/// rest follow one by one. The bucket knows that it did not send too many, so something else is the matter: an
/// earlier run, somebody else on the same key, or a server that counts in its own way. It keeps its distance
/// between requests, a larger one if refused again, and after some hundred good answers step by step a smaller
/// one.
///
/// # What the service tells
///
/// Answers tell what is left of the limit (`X-RateLimit-Remaining`): what is missing there and was not
/// ours, others spent on the same key, and it is held as taken for one period. A lower limit
/// (`X-RateLimit-Limit`, or Heylerts' `hello`) is adopted at once, and stays for as long as the bucket
/// lives; nothing that a service tells makes a bucket faster. What makes no sense is not heeded.
///
/// # One for all
///
/// Clones share their tokens, and so do all clients in this process with one key at one address, until the
/// last of them is dropped. A bucket of one's own can be handed to several clients
/// ([`Config::bucket`](crate::Config::bucket)), and be asked for tokens for requests that this crate does
/// not know.
///
/// # Examples
///
/// ```
/// use heysync::limiter::TokenBucket;
/// use heysync::{Rate, SystemClock};
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

pub(crate) struct Shared {
    store: Arc<dyn TokenStore>,
    term: Duration,
    clock: Arc<dyn Clock>,
    queue: Arc<Queue>,
}

impl TokenBucket {
    /// A full bucket for `rate`, on `clock`.
    ///
    /// Where `rate` is not [usable](Rate::is_usable), the nearest that is will be taken.
    pub fn new(rate: Rate, clock: impl Clock + 'static) -> TokenBucket {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let store = Memory::new(rate, Arc::clone(&clock));
        // In one process no holder dies without giving its token back.
        TokenBucket::assemble(Arc::new(store), Duration::MAX, clock)
    }

    /// A bucket whose tokens `store` holds, each leased for an hour at most. Its threads wait on `clock`.
    ///
    /// A release through one bucket wakes only those who wait at that bucket. So of a store that counts on
    /// being told ([`NotReady::look_again`] may be `None`, as with [`Memory`]) make one bucket, and clone
    /// that.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use heysync::limiter::{Memory, TokenBucket};
    /// use heysync::{Rate, SystemClock};
    ///
    /// let store = Memory::new(Rate::per_second(5), Arc::new(SystemClock));
    /// let bucket = TokenBucket::with_store(Arc::new(store), Arc::new(SystemClock));
    /// assert_eq!(bucket.snapshot().free, 5);
    /// ```
    pub fn with_store(store: Arc<dyn TokenStore>, clock: Arc<dyn Clock>) -> TokenBucket {
        TokenBucket::assemble(store, TERM, clock)
    }

    fn assemble(store: Arc<dyn TokenStore>, term: Duration, clock: Arc<dyn Clock>) -> TokenBucket {
        let shared = Shared { store, term, queue: Arc::new(Queue::new(Arc::clone(&clock))), clock };
        TokenBucket { shared: Arc::new(shared) }
    }

    /// Waits for a token, in the order of asking, but not beyond `until`: a moment on the bucket's clock, or
    /// `None` to wait however long it takes.
    ///
    /// `on_wait` is called before a wait begins, and again if its reason changes or a pause grows. While it runs,
    /// the others in the queue pass by.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] as soon as it is known that the wait cannot end by `until`; mostly that is at once.
    /// Nothing is held then.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use heysync::http::{HeaderMap, StatusCode};
    /// use heysync::limiter::TokenBucket;
    /// use heysync::{Rate, SystemClock};
    ///
    /// let bucket = TokenBucket::new(Rate::per_minute(1), SystemClock);
    /// let soon = Instant::now() + Duration::from_secs(5);
    /// let permit = bucket.acquire(Some(soon), &mut |wait| eprintln!("{wait}"))?;
    /// // Here a request is sent, and its answer read.
    /// permit.answered(StatusCode::OK, &HeaderMap::new());
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
        let place = Queue::join(&self.shared.queue, until);
        let mut told = Told::default();
        loop {
            let outlook = match self.ask(&place) {
                Ok(lease) => return Ok(self.permit(lease)),
                Err(outlook) => outlook,
            };
            let now = self.shared.clock.now();
            in_time(&outlook, until, now)?;
            match told.news(&outlook, now) {
                Some(wait) => place.step_aside(|| on_wait(&wait)),
                None => {
                    let look = outlook.look_again.and_then(|look| now.checked_add(look));
                    place.wait(look, &*self.shared.clock);
                }
            }
        }
    }

    /// Takes a token if there is one, without waiting and without overtaking those who wait.
    ///
    /// # Errors
    ///
    /// [`AcquireError`], with how long the wait would be.
    pub fn try_acquire(&self) -> Result<Permit, AcquireError> {
        self.acquire(Some(self.shared.clock.now()), &mut |_| {})
    }

    /// Adopts `rate` too, where it is lower in the long run than the rate in force. A higher one changes
    /// nothing.
    ///
    /// Where their periods differ, the new rate is one that keeps to both: 100 a minute and 1,000 an hour come
    /// to 16 a minute. It holds for as long as the bucket lives.
    pub fn tighten(&self, rate: Rate) {
        self.shared.store.tighten(rate);
        self.shared.queue.wake_all();
    }

    /// What is known now: how many tokens are free, how many requests wait, and why.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { waiting: self.shared.queue.len(), ..self.shared.store.snapshot() }
    }

    /// The first in the queue takes a token; the others hear how long it takes.
    fn ask(&self, place: &Place) -> Result<Lease, NotReady> {
        match place.ahead() {
            0 => self.shared.store.lease(self.shared.term),
            ahead => Err(self.shared.store.outlook(ahead)),
        }
    }

    fn permit(&self, lease: Lease) -> Permit {
        Permit { shared: Arc::clone(&self.shared), lease: Some(lease) }
    }
}

/// Whether the wait can end in time. One that takes no time at all always can.
fn in_time(outlook: &NotReady, until: Option<Instant>, now: Instant) -> Result<(), AcquireError> {
    let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(now));
    if outlook.at_least > left {
        return Err(Wait::new(outlook.at_least, outlook.reason).into());
    }
    Ok(())
}

/// What a waiting thread was told last.
#[derive(Default)]
struct Told {
    last: Option<(WaitReason, Option<Instant>)>,
}

impl Told {
    /// A wait for another reason, or a pause that has grown.
    fn news(&mut self, outlook: &NotReady, now: Instant) -> Option<Wait> {
        let end = now.checked_add(outlook.at_least);
        let grown = |told| {
            outlook.reason == WaitReason::Paused && outlook.look_again.is_some() && end > told
        };
        let news = match self.last {
            None => true,
            Some((reason, told)) => reason != outlook.reason || grown(told),
        };
        if !news || outlook.at_least.is_zero() {
            return None;
        }
        self.last = Some((outlook.reason, end));
        Some(Wait::new(outlook.at_least, outlook.reason))
    }
}

impl fmt::Debug for TokenBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenBucket").field(&self.snapshot()).finish()
    }
}

/// A token, held from before a request's first byte until its answer.
///
/// Dropping it says that no answer came: the token is back after P' and a grace of two seconds, since the
/// request may still arrive. `?` and panics do the same. One that is [forgotten](std::mem::forget) keeps its
/// token until its lease ends, and in a bucket made by [`TokenBucket::new`] for ever.
#[must_use = "a permit that is dropped counts as a request without an answer"]
pub struct Permit {
    shared: Arc<Shared>,
    lease: Option<Lease>,
}

impl Permit {
    /// An answer's head arrived: the token is back P' from now, and the bucket heeds what the answer remarks.
    ///
    /// `X-RateLimit-Limit` and `-Remaining` are taken to count in the period of the bucket's own rate.
    pub fn answered(self, status: StatusCode, headers: &HeaderMap) {
        self.remarked(RateLimitHeaders::read(status, headers));
    }

    /// The same, where it is known better what the answer remarks.
    pub(crate) fn remarked(mut self, remark: RateLimitHeaders) {
        self.release(Outcome::Answered(remark));
    }

    /// The request never left: the token is back at once.
    pub fn never_sent(mut self) {
        self.release(Outcome::NeverSent);
    }

    fn release(&mut self, outcome: Outcome) {
        let Some(lease) = self.lease.take() else {
            return;
        };
        self.shared.store.release(lease, outcome);
        match outcome {
            Outcome::Answered(remark) if remark.refused => self.shared.queue.wake_all(),
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

impl TokenBucket {
    pub(crate) fn from_shared(shared: Arc<Shared>) -> TokenBucket {
        TokenBucket { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}
