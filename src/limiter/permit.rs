//! A token that is held for one request.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use crate::clock::Clock;

use super::flights::Lease;
use super::headers::RateLimitHeaders;
use super::queue::Queue;
use super::status::Outcome;
use super::store::TokenStore;

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

    /// Releases the token because the head of a response arrived: it is back P' from now.
    ///
    /// Call it when the head arrives, before the body is read. The bucket obeys the response's `Retry-After` if it is
    /// a 429, and its `X-RateLimit-Limit` and `-Remaining`, which are taken to count in the bucket's shortest period.
    pub fn responded(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.heed(RateLimitHeaders::read(status, headers));
    }

    /// Does the same with headers that were read before.
    pub(crate) fn heed(&mut self, headers: RateLimitHeaders) {
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
