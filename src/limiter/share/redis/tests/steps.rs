//! The steps of a test: a token is taken, waited for or given back.

use std::time::Duration;

use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::moment::NotReady;
use crate::limiter::rate::Rate;
use crate::limiter::status::Outcome;
use crate::limiter::store::TokenStore;

use super::world::{Host, SUCCESS, World};

pub(super) const RATE: Rate = Rate::per_second(3);
pub(super) const HELD: Duration = Duration::from_millis(1006);
pub(super) const GRACE: Duration = Duration::from_secs(2);
pub(super) const LEASE: Duration = Duration::from_millis(1500);

pub(super) fn take(host: &Host) -> Lease {
    host.lease(None).unwrap()
}

pub(super) fn wait(host: &Host) -> NotReady {
    host.lease(None).unwrap_err().not_ready()
}

pub(super) fn answer(host: &Host, lease: &Lease, headers: RateLimitHeaders) {
    host.release(lease, Outcome::Responded(headers));
}

/// Takes all three tokens and gives them back at once.
pub(super) fn spend(host: &Host) {
    for lease in [(); 3].map(|()| take(host)) {
        answer(host, &lease, SUCCESS);
    }
}

pub(super) fn refused_for(seconds: u64) -> RateLimitHeaders {
    let retry_after = Some(Duration::from_secs(seconds));
    RateLimitHeaders { refused: true, success: false, retry_after, ..SUCCESS }
}

pub(super) fn two(world: &World) -> [Host; 2] {
    [(); 2].map(|()| world.host("key", RATE))
}

/// Less than the time by which a token is granted ahead.
pub(super) const SOON: Duration = Duration::from_millis(80);
