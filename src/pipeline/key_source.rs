//! A key that changes: the function that returns it, asked by one thread for all.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::auth::{ApiKey, Auth};
use super::keys::{Credentials, KeyRenewal, NoNewKey};
use crate::cancellation;
use crate::clock::{Clock, Signal};
use crate::error::{Error, Result};
use crate::limiter::TokenBucket;

type Cause = Box<dyn StdError + Send + Sync>;

/// The function that returns the key of the moment.
pub(crate) type Source = Box<dyn Fn() -> Result<String, Cause> + Send + Sync>;

/// Checks a key and finds the bucket that it starts with: that of the old key, or at least without its spent tokens.
pub(crate) type Open =
    Box<dyn Fn(ApiKey, Option<&TokenBucket>) -> Result<Credentials> + Send + Sync>;

/// A key that comes from a [`Source`], and is asked for again if the service rejects it.
pub(crate) struct SourcedKey {
    source: Source,
    open: Open,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    current: Arc<Credentials>,
    /// The key itself, to notice a source that returns the same one.
    key: ApiKey,
    is_asking: bool,
    /// How many times the source was asked, and the note of the last time if that brought no new key.
    asked: u64,
    note: String,
    waiting: Vec<Signal>,
}

impl State {
    /// Returns the key after it was asked for.
    fn other_than(&self, used: &Arc<Credentials>) -> Result<Arc<Credentials>, NoNewKey> {
        if Arc::ptr_eq(&self.current, used) {
            return Err(NoNewKey::Because(self.note.clone()));
        }
        Ok(Arc::clone(&self.current))
    }
}

impl SourcedKey {
    /// Asks the source for the first key.
    ///
    /// # Errors
    ///
    /// `Configuration` if the source fails, or returns no usable key.
    pub(crate) fn new(source: Source, open: Open, clock: Arc<dyn Clock>) -> Result<SourcedKey> {
        let failed =
            |cause: Cause| Error::configuration("the key source failed").with_source(cause);
        let key = ApiKey::new(&source().map_err(failed)?);
        let current = Arc::new(open(key.clone(), None)?);
        let state = State {
            current,
            key,
            is_asking: false,
            asked: 0,
            note: String::new(),
            waiting: Vec::new(),
        };
        Ok(SourcedKey { source, open, clock, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of the state is one assignment, so a thread that panicked left it in order.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the thread that asks, until `until` at the latest.
    fn wait(
        &self,
        used: &Arc<Credentials>,
        asked: u64,
        until: Instant,
    ) -> Result<Arc<Credentials>, NoNewKey> {
        let signal = Signal::new();
        let _watches = cancellation::watch(&self.clock, &signal);
        self.state().waiting.push(signal.clone());
        loop {
            let mut state = self.state();
            if state.asked != asked {
                return state.other_than(used);
            }
            let reason = if cancellation::is_cancelled() {
                NoNewKey::Cancelled
            } else if self.clock.now() >= until {
                NoNewKey::Because("the key source returned no key before the deadline".to_owned())
            } else {
                drop(state);
                self.clock.wait(&signal, Some(until));
                continue;
            };
            state.waiting.retain(|waiting| !waiting.is_same(&signal));
            return Err(reason);
        }
    }

    /// Asks the source, without the lock: it may take its time.
    fn ask(&self) -> Result<Arc<Credentials>, String> {
        let mut asking = Asking { owner: self, note: "the key source panicked".to_owned() };
        let renewed = self.next_key();
        asking.note = renewed.as_ref().err().cloned().unwrap_or_default();
        renewed
    }

    fn next_key(&self) -> Result<Arc<Credentials>, String> {
        let (old, old_key) = {
            let state = self.state();
            (Arc::clone(&state.current), state.key.clone())
        };
        let redacted = |text: String| old.auth.redactor().text(text);
        let key =
            (self.source)().map_err(|cause| redacted(format!("the key source failed: {cause}")))?;
        let key = ApiKey::new(&key);
        if key.as_str() == old_key.as_str() {
            return Err("the key source returned the same key".to_owned());
        }
        let mut new = (self.open)(key.clone(), Some(&old.bucket)).map_err(|error| {
            format!("the key source returned no usable key: {}", error.message())
        })?;
        new.auth = Auth::also_redacting(new.auth, &old.auth);
        let new = Arc::new(new);
        let mut state = self.state();
        (state.current, state.key) = (Arc::clone(&new), key);
        Ok(new)
    }
}

impl KeyRenewal for SourcedKey {
    fn current(&self) -> Arc<Credentials> {
        Arc::clone(&self.state().current)
    }

    fn renew(&self, used: &Arc<Credentials>, until: Instant) -> Result<Arc<Credentials>, NoNewKey> {
        let mut state = self.state();
        if !Arc::ptr_eq(&state.current, used) {
            return Ok(Arc::clone(&state.current));
        }
        // The source may take long, for a request that would not be sent.
        if cancellation::is_cancelled() {
            return Err(NoNewKey::Cancelled);
        }
        if state.is_asking {
            let asked = state.asked;
            drop(state);
            return self.wait(used, asked, until);
        }
        state.is_asking = true;
        drop(state);
        self.ask().map_err(NoNewKey::Because)
    }
}

/// One thread asks the source, until this is dropped; also if the source panics.
struct Asking<'a> {
    owner: &'a SourcedKey,
    note: String,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut state = self.owner.state();
        state.is_asking = false;
        state.asked += 1;
        state.note = std::mem::take(&mut self.note);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.iter().for_each(|signal| self.owner.clock.notify(signal));
    }
}

impl fmt::Debug for SourcedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SourcedKey([redacted])")
    }
}
