//! The settings that each client has for itself, while its other parts are shared.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::observer::Observer;
use crate::cancellation::Cancellation;

/// The longest time that can be set for anything. It keeps `Instant + Duration` from overflowing, too.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The most retries that can be set.
const MOST_RETRIES: u32 = 100;

/// How a client sends its calls. [`CallOptions`](super::options::CallOptions) change a copy.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) deadline: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    /// Each of them stops the calls.
    pub(crate) cancellations: Vec<Cancellation>,
    /// Sent with every call, unless the call has one of the same name.
    pub(crate) headers: HeaderMap,
    pub(crate) query: Vec<(String, String)>,
    /// Why every call is rejected before it is sent.
    pub(crate) rejection: Option<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            deadline: Duration::from_secs(180),
            attempt_timeout: Duration::from_secs(30),
            retries: 4,
            observers: Vec::new(),
            cancellations: Vec::new(),
            headers: HeaderMap::new(),
            query: Vec::new(),
            rejection: None,
        }
    }
}

impl Settings {
    /// Returns what is wrong with a value that is out of range.
    pub(crate) fn check(&self) -> Result<(), String> {
        check_time("attempt_timeout", self.attempt_timeout)?;
        check_time("deadline", self.deadline)?;
        if self.retries > MOST_RETRIES {
            return Err(format!("retries must be {MOST_RETRIES} at most"));
        }
        Ok(())
    }

    pub(crate) fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }

    /// Sets query parameters in place of the earlier ones with their names.
    pub(crate) fn set_query(&mut self, query: Vec<(String, String)>) {
        self.query.retain(|(earlier, _)| query.iter().all(|(name, _)| name != earlier));
        self.query.extend(query);
    }
}

/// Returns what is wrong with a time that cannot be set.
pub(crate) fn check_time(name: &str, time: Duration) -> Result<(), String> {
    if (Duration::from_millis(1)..=LONGEST).contains(&time) {
        return Ok(());
    }
    Err(format!("{name} must be a millisecond at least and a day at most"))
}
