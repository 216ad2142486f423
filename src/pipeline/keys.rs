//! The key that a client uses now, and the seam behind which it changes.

use std::sync::Arc;
use std::time::Instant;

use super::auth::Auth;
use crate::limiter::TokenBucket;

/// A key, with the bucket that its requests take tokens from.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) auth: Auth,
    pub(crate) bucket: TokenBucket,
}

/// Why there is no other key.
#[derive(Clone, Debug)]
pub(crate) enum NoNewKey {
    /// A note for the error of the call.
    Because(String),
    /// The call was cancelled while another thread asked.
    Cancelled,
}

/// Knows the key that is in use, and asks for another one. A client with a fixed key has none.
pub(crate) trait KeyRenewal: Send + Sync {
    fn current(&self) -> Arc<Credentials>;

    /// Returns the key to use in place of `used`, which the service rejected. A wait for another thread that asks for it
    /// ends at `until` at the latest.
    fn renew(&self, used: &Arc<Credentials>, until: Instant) -> Result<Arc<Credentials>, NoNewKey>;
}

/// The key of a client.
pub(crate) struct Keys {
    first: Arc<Credentials>,
    // A trait object, so that the code of it is linked only into programs that have a key source.
    renewal: Option<Box<dyn KeyRenewal>>,
}

impl Keys {
    pub(crate) fn fixed(credentials: Credentials) -> Keys {
        Keys { first: Arc::new(credentials), renewal: None }
    }

    pub(crate) fn renewed_by(renewal: impl KeyRenewal + 'static) -> Keys {
        Keys { first: renewal.current(), renewal: Some(Box::new(renewal)) }
    }

    pub(crate) fn current(&self) -> Arc<Credentials> {
        match &self.renewal {
            None => Arc::clone(&self.first),
            Some(renewal) => renewal.current(),
        }
    }

    /// Returns what changes the key, if anything does.
    pub(crate) fn renewal(&self) -> Option<&dyn KeyRenewal> {
        self.renewal.as_deref()
    }
}
