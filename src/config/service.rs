//! The properties of one service, and how a key of it is opened: checked, and given its token bucket.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::Result;
#[cfg(any(feature = "share", feature = "redis"))]
use crate::limiter::Share;
#[cfg(any(feature = "share", feature = "redis"))]
use crate::limiter::share::ShareId;
use crate::limiter::{Rate, TokenBucket};
use crate::pipeline::auth::{ApiKey, Auth, Scheme};
use crate::pipeline::keys::Credentials;

/// The properties of one service.
pub(crate) struct Service {
    pub(crate) base_url: &'static str,
    /// The path of an address that is given without one.
    pub(crate) path: &'static str,
    /// The names and base addresses of the other hosts; `Config::invite_base_url` replaces the address.
    pub(crate) hosts: &'static [(&'static str, &'static str)],
    pub(crate) scheme: Scheme,
    pub(crate) rate: Rate,
    /// Rejects keys that are plainly the other service's.
    pub(crate) check_key: fn(&ApiKey) -> Result<()>,
}

/// Opens the keys of one client.
pub(super) struct KeyOpener {
    pub(super) service: &'static Service,
    /// One string for all spellings of the base address.
    pub(super) address: String,
    pub(super) rate: Rate,
    pub(super) bucket: Option<TokenBucket>,
    pub(super) grace: Option<Duration>,
    pub(super) clock: Option<Arc<dyn Clock>>,
    #[cfg(any(feature = "share", feature = "redis"))]
    pub(super) share: Option<Share>,
}

impl KeyOpener {
    /// The rate of a client that shares its tokens, which are not looked at before the first request.
    pub(super) fn shared_rate(&self) -> Option<Rate> {
        #[cfg(any(feature = "share", feature = "redis"))]
        return self.share.as_ref().map(|_| self.rate);
        #[cfg(not(any(feature = "share", feature = "redis")))]
        None
    }

    /// Checks a key and finds its bucket. A key that replaces another one starts with what is left of the `old` one's tokens.
    pub(super) fn open(&self, key: ApiKey, old: Option<&TokenBucket>) -> Result<Credentials> {
        (self.service.check_key)(&key)?;
        let bucket = match old {
            None => self.bucket(&key)?,
            Some(old) => self.next_bucket(&key, old)?,
        };
        self.grace.into_iter().for_each(|grace| bucket.set_grace(grace));
        Ok(Credentials { auth: Auth::new(self.service.scheme, key)?, bucket })
    }

    /// The bucket that was set, or else the one of all clients in this process with this key at this address.
    fn bucket(&self, key: &ApiKey) -> Result<TokenBucket> {
        #[cfg(any(feature = "share", feature = "redis"))]
        if let Some(bucket) = self.shared_bucket(key) {
            return bucket;
        }
        // "Each API key is limited": two clients with one key are one to the service. A clock of a client's
        // own shows a time that other clients do not live in.
        Ok(match (&self.bucket, &self.clock) {
            (Some(bucket), _) => bucket.clone(),
            (None, Some(clock)) => TokenBucket::cautious(self.rate, Arc::clone(clock)),
            (None, None) => TokenBucket::for_key(&self.address, key.as_str(), self.rate),
        })
    }

    fn next_bucket(&self, key: &ApiKey, old: &TokenBucket) -> Result<TokenBucket> {
        #[cfg(any(feature = "share", feature = "redis"))]
        if let Some(bucket) = self.shared_bucket(key) {
            return bucket.inspect(|bucket| bucket.spend_as(old));
        }
        Ok(match self.bucket.is_some() || self.clock.is_some() {
            true => old.clone(),
            false => TokenBucket::for_next_key(&self.address, key.as_str(), self.rate, old),
        })
    }

    #[cfg(any(feature = "share", feature = "redis"))]
    fn shared_bucket(&self, key: &ApiKey) -> Option<Result<TokenBucket>> {
        let share = self.share.as_ref()?;
        let id = ShareId::new(self.service.base_url, &self.address, key.as_str());
        Some(TokenBucket::for_share(share, &id, self.rate))
    }
}
