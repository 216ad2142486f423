//! Calls of the script for one bucket, and what is done between requests.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Cmd, Value};

use crate::cancellation::{self, Cancelled};
use crate::clock::Clock;
use crate::limiter::status::Unavailable;

use super::connection::{Connections, RETRY};
use super::known::{Known, LONGEST_RELEASE};
use super::leases::LEASE;
use super::reports::Report;
use super::script::{Ended, Keys, Operation, Reply, Script};

/// A call of Redis takes this long at most.
pub(super) const LONGEST_CALL: Duration = Duration::from_millis(1500);

/// The state that a store and its worker share.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connections: Arc<Connections>,
    pub(super) script: Script,
    pub(super) keys: Keys,
    pub(super) clock: Arc<dyn Clock>,
    /// Whether the first request for an unknown key goes alone.
    pub(super) is_cautious: bool,
    /// Whether there is a worker.
    pub(super) has_worker: bool,
    /// A call of Redis takes this long at most.
    pub(super) longest_call: Duration,
    pub(super) known: Mutex<Known>,
    /// Signals that there is something to report, or that the store is dropped.
    pub(super) changed: Condvar,
}

impl Session {
    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.after_fork();
        known
    }

    /// Calls the script. No lock is held meanwhile.
    pub(super) fn call(
        &self,
        operation: &Operation<'_>,
        time: Duration,
    ) -> Result<Reply, Unavailable> {
        let asked = self.clock.now();
        let commands = {
            let known = self.known();
            self.script.commands(&known.caller(&self.keys, self.is_cautious), operation)
        };
        let value = match operation {
            Operation::Lease(..) | Operation::Exhaust => self.call_for_caller(commands, time)?,
            _ => self.connections.call(&commands, time),
        };
        let reply =
            value.and_then(|it| Reply::read(&it).ok_or_else(|| self.connections.not_a_reply()));
        self.settle();
        let now = self.clock.now();
        match reply {
            Ok(reply) => {
                self.known().reached(&reply, asked, now);
                Ok(reply)
            }
            Err(why) => Err(self.known().missed(why, now)),
        }
    }

    /// Calls Redis while the caller of a request waits, who may be cancelled. A lease that is granted after that ends by
    /// itself.
    fn call_for_caller(
        &self,
        commands: [Cmd; 2],
        time: Duration,
    ) -> Result<Result<Value, Unavailable>, Unavailable> {
        let connections = Arc::clone(&self.connections);
        cancellation::unless_cancelled(&self.clock, move || connections.call(&commands, time))
            // A call that was cancelled reports that in its place.
            .map_err(|Cancelled| no_thread())
    }

    /// Renews the leases of all requests under way.
    pub(super) fn renew(&self) -> Result<(), Unavailable> {
        let asked = self.clock.now();
        let (ids, names) = {
            let mut known = self.known();
            known.leases.is_renewing = true;
            known.under_way()
        };
        let renewed = match ids.is_empty() {
            true => Ok(()),
            false => self.call(&Operation::Renew(names), self.longest_call).map(drop),
        };
        let now = self.clock.now();
        let mut known = self.known();
        known.leases.is_renewing = false;
        renewed.map(|()| known.leases.renewed(&ids, asked, now))
    }

    /// Renews the leases if one of them is due.
    pub(super) fn renew_in_time(&self) -> Result<(), Unavailable> {
        let due = self.known().leases.next_renewal();
        match due.is_some_and(|due| due <= self.clock.now()) {
            true => self.renew(),
            false => Ok(()),
        }
    }

    /// Reports the requests that ended and could not be reported before. No lease ends meanwhile.
    pub(super) fn catch_up(&self) -> Result<(), Unavailable> {
        loop {
            self.known().end_unused(self.clock.now());
            self.renew_in_time()?;
            self.read_posted();
            let report = self.known().reports.next(self.clock.now());
            let Some(report) = report else {
                return Ok(());
            };
            self.report(&report, self.longest_call)?;
            self.known().reports.done(report.id);
        }
    }

    /// Reports again the requests that were given up: a server that lost its data does not know that they may arrive.
    pub(super) fn remind(&self) -> Result<(), Unavailable> {
        let now = self.clock.now();
        let given_up: Vec<_> = {
            let mut known = self.known();
            let given_up = known.given_up(now);
            let aged =
                |report: &Report| (known.name(report.id), now.saturating_duration_since(report.at));
            given_up.iter().map(aged).collect()
        };
        match given_up.is_empty() {
            true => Ok(()),
            false => self.call(&Operation::Remind(given_up), self.longest_call).map(drop),
        }
    }

    pub(super) fn report(&self, report: &Report, time: Duration) -> Result<(), Unavailable> {
        let (name, ended) = self.end(report);
        self.call(&Operation::Release(&name, ended), time).map(drop)
    }

    /// Reports the end of a request without waiting for Redis; false if there is no connection for that.
    pub(super) fn post(&self, report: &Report) -> bool {
        let (name, ended) = self.end(report);
        let [command, _] = {
            let mut known = self.known();
            known.reports.post(*report);
            let operation = Operation::Release(&name, ended);
            self.script.commands(&known.caller(&self.keys, self.is_cautious), &operation)
        };
        let is_posted = self.connections.post(&command, report.id, LONGEST_RELEASE);
        if !is_posted {
            self.known().reports.not_posted(report.id);
        }
        is_posted
    }

    fn end(&self, report: &Report) -> (String, Ended) {
        let age = self.clock.now().saturating_duration_since(report.at);
        let Report { took, outcome, seq, out, .. } = *report;
        (self.known().name(report.id), Ended { age, took, outcome, seq, out })
    }

    /// Reads what Redis replied to the reports that were posted.
    fn read_posted(&self) {
        if self.known().reports.are_posted() {
            self.connections.read_posted(LEASE / 3);
            self.settle();
        }
    }

    /// A report that was posted and not carried out is made again.
    fn settle(&self) {
        for (id, is_done) in self.connections.settled() {
            self.known().reports.settle(id, is_done);
            if !is_done {
                self.changed.notify_one();
            }
        }
    }
}

pub(super) fn no_thread() -> Unavailable {
    let hint = "let this process have more threads";
    Unavailable::new("the system has no thread left to call Redis", hint).retry_in(RETRY)
}
