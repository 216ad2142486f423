//! Requests that ended, until Redis knows of it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::limiter::status::Outcome;

use super::leases::LEASE;

/// After this, a request that could not be reported is taken for ended there as well.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// A request that ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    pub(super) id: u64,
    pub(super) at: Instant,
    /// How long before that it could be sent.
    pub(super) took: Duration,
    pub(super) outcome: Outcome,
    pub(super) seq: u64,
    pub(super) out: u64,
}

/// The requests of a process that ended and that Redis may not know of.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// They are to be reported, the oldest first.
    due: VecDeque<Report>,
    /// They were reported, and Redis has not replied.
    posted: Vec<Report>,
    /// They were given up and may still arrive, and each is reported again then: the data may be lost meanwhile.
    given_up: Vec<(Instant, Report)>,
}

impl Reports {
    /// A request is to be reported.
    pub(super) fn add(&mut self, report: Report) {
        self.due.push_back(report);
    }

    /// Returns the next one to report. Old ones are forgotten.
    pub(super) fn next(&mut self, now: Instant) -> Option<Report> {
        let is_old = |report: &Report| now.saturating_duration_since(report.at) > FORGOTTEN;
        while self.due.front().is_some_and(is_old) {
            self.due.pop_front();
        }
        self.due.front().copied()
    }

    /// Redis knows of a request.
    pub(super) fn done(&mut self, id: u64) {
        self.due.retain(|report| report.id != id);
    }

    /// A request is being reported, without waiting for the reply.
    pub(super) fn post(&mut self, report: Report) {
        self.posted.push(report);
    }

    /// It could not be sent that a request ended.
    pub(super) fn not_posted(&mut self, id: u64) {
        self.posted.retain(|report| report.id != id);
    }

    /// Redis replied to a report that was posted, or its reply was lost: then it is made again.
    pub(super) fn settle(&mut self, id: u64, is_done: bool) {
        let Some(place) = self.posted.iter().position(|report| report.id == id) else {
            return;
        };
        let report = self.posted.swap_remove(place);
        if !is_done {
            self.add(report);
        }
    }

    /// A request was given up, and is reported again and again.
    pub(super) fn give_up(&mut self, report: Report) {
        self.given_up.push((report.at + LEASE / 3, report));
    }

    /// Returns the requests that were given up and are to be reported again. After the `grace` they are forgotten.
    pub(super) fn given_up(&mut self, grace: Duration, now: Instant) -> Vec<Report> {
        self.given_up.retain(|(_, report)| now < report.at + grace);
        // The worker looks as often, and may look a little later.
        let due = self.given_up.iter_mut().filter(|(again, _)| *again <= now + LEASE / 6);
        due.map(|(again, report)| {
            *again = now + LEASE / 3;
            *report
        })
        .collect()
    }

    /// Whether there is one to report.
    pub(super) fn are_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Whether Redis has not replied to all that were posted.
    pub(super) fn are_posted(&self) -> bool {
        !self.posted.is_empty()
    }

    /// Whether Redis knows of all, and none may still arrive.
    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty() && self.posted.is_empty() && self.given_up.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(id: u64, at: Instant) -> Report {
        Report { id, at, took: Duration::ZERO, outcome: Outcome::NeverSent, seq: 1, out: 1 }
    }

    #[test]
    fn a_report_that_was_posted_is_made_again_unless_it_was_carried_out() {
        let (mut reports, now) = (Reports::default(), Instant::now());
        for is_done in [true, false] {
            reports.post(report(7, now));
            assert!(!reports.is_empty() && reports.are_posted());
            reports.settle(7, is_done);
            assert_eq!(reports.next(now).is_none(), is_done);
            assert!(!reports.are_posted());
            assert_eq!(reports.is_empty(), is_done);
        }
    }

    #[test]
    fn after_a_minute_a_request_need_not_be_reported() {
        let (mut reports, now) = (Reports::default(), Instant::now());
        reports.add(report(1, now));
        reports.add(report(2, now + FORGOTTEN));
        assert_eq!(reports.next(now + FORGOTTEN).map(|report| report.id), Some(1));
        let later = now + FORGOTTEN + Duration::from_millis(1);
        assert_eq!(reports.next(later).map(|report| report.id), Some(2));
    }

    #[test]
    fn a_request_that_was_given_up_is_reported_again_until_the_grace_is_over() {
        let (mut reports, now) = (Reports::default(), Instant::now());
        let grace = LEASE / 3 + LEASE / 2;
        reports.give_up(report(1, now));
        assert!(reports.given_up(grace, now).is_empty());
        assert_eq!(reports.given_up(grace, now + LEASE / 3).len(), 1);
        assert!(reports.given_up(grace, now + LEASE / 3).is_empty());
        assert_eq!(reports.given_up(grace, now + LEASE * 2 / 3).len(), 1);
        assert!(reports.given_up(grace, now + grace).is_empty() && reports.is_empty());
    }
}
