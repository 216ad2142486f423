//! An observer that keeps the calls that have ended.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::observer::{Activity, Observer};
use super::summary::CallSummary;

/// The most calls that a collector keeps.
const MOST_KEPT: usize = 1000;

/// An observer that keeps the [summary](CallSummary) of each call that has ended: status, headers, request id,
/// attempts and elapsed time.
///
/// Clones share what they keep, so one clone goes to a client and another stays with the program. It can be used
/// from any number of threads. It keeps the latest 1,000 calls. A page of a list is a call.
///
/// # Examples
///
/// ```
/// use heysync::{CallOptions, Collector};
///
/// # use heysync::{Config, heylerts, sandbox};
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// let responses = Collector::new();
/// let client = client.with(CallOptions::new().observer(responses.clone()));
/// client.mentions().read_all()?; // two pages
/// client.stats()?;
/// for call in responses.take() {
///     println!("{}: {:?} in {:?}", call.call, call.status, call.elapsed);
/// }
/// # client.mentions().read_all()?;
/// # client.stats()?;
/// # let calls: Vec<_> = responses.take().into_iter().map(|call| call.call).collect();
/// # assert_eq!(calls, ["GET /mentions", "GET /mentions", "GET /stats"]);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it receives nothing until it is an observer of a client"]
pub struct Collector {
    calls: Arc<Mutex<VecDeque<CallSummary>>>,
}

impl Collector {
    /// Creates an empty collector.
    pub fn new() -> Collector {
        Collector::default()
    }

    /// Returns the call that ended last.
    pub fn last(&self) -> Option<CallSummary> {
        self.calls().back().cloned()
    }

    /// Removes the calls from the collector and returns them, in the order in which they ended.
    pub fn take(&self) -> Vec<CallSummary> {
        self.calls().drain(..).collect()
    }

    fn calls(&self) -> MutexGuard<'_, VecDeque<CallSummary>> {
        // A queue is in order between its steps, whatever became of a thread that held it.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Collector {
    fn observe(&self, activity: &Activity<'_>) {
        if let Activity::Ended { summary, .. } = activity {
            let summary = CallSummary::clone(summary);
            let mut calls = self.calls();
            if calls.len() == MOST_KEPT {
                calls.pop_front();
            }
            calls.push_back(summary);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;

    use super::*;

    #[test]
    fn a_collector_keeps_the_latest_calls() {
        let collector = Collector::new();
        for number in 0..MOST_KEPT + 5 {
            let summary = CallSummary {
                call: number.to_string(),
                operation: String::new(),
                error: None,
                status: None,
                headers: HeaderMap::new(),
                attempts: 1,
                elapsed: Duration::ZERO,
            };
            collector.observe(&Activity::Ended { call: "", error: None, summary: &summary });
        }
        assert_eq!(collector.last().expect("calls").call, "1004");
        let calls = collector.take();
        assert_eq!((calls.len(), calls[0].call.as_str()), (MOST_KEPT, "5"));
        assert!(collector.last().is_none());
    }
}
