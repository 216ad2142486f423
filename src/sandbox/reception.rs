//! The road of a request through a sandbox: it arrives, is counted, is answered, leaves.

use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;
use http::header::{DATE, RETRY_AFTER};

use super::calendar::{self, Calendar};
use super::exchange::{self, Answer, Incoming};
use super::journal::Recorded;
use super::limit::{Limit, RetryAfter, Verdict};
use super::service::Service;
use super::tally::Tally;
use super::trouble::{Planned, Trouble};

/// Everything a sandbox knows, behind its lock.
#[derive(Debug)]
pub(crate) struct Reception<S> {
    pub(crate) world: S,
    pub(crate) calendar: Calendar,
    pub(crate) tally: Tally,
    pub(crate) journal: Vec<Recorded>,
    pub(crate) troubles: Vec<Planned>,
    began: Instant,
}

impl<S: Service> Reception<S> {
    pub(crate) fn new(world: S) -> Reception<S> {
        let calendar = Calendar::default();
        Reception {
            world,
            began: calendar.instant(),
            calendar,
            tally: Tally::new(S::usual_limit()),
            journal: Vec::new(),
            troubles: Vec::new(),
        }
    }

    pub(crate) fn set_calendar(&mut self, calendar: Calendar) {
        self.began = calendar.instant();
        self.calendar = calendar;
        self.tally.set_limit(self.tally.limit());
    }

    /// Takes a request down and says which number it has and what befalls it.
    pub(crate) fn arrive(&mut self, request: &Incoming) -> (usize, Option<Trouble>) {
        let number = self.journal.len() + 1;
        let now = self.calendar.instant();
        let at = now.saturating_duration_since(self.began);
        let recorded = Recorded::new(number, at, request);
        let trouble = self
            .troubles
            .iter_mut()
            .find_map(|planned| planned.strikes(&recorded));
        self.journal.push(recorded);
        (number, trouble)
    }

    /// Counts a request and, where the limit and the trouble allow it, does what it asks for.
    pub(crate) fn serve(&mut self, request: &Incoming, trouble: Option<&Trouble>) -> Answer {
        let (now, today) = (self.calendar.instant(), self.calendar.now());
        let verdict = self.tally.count(&S::key(request), now);
        let mut answer = self.refused(verdict, trouble, today);
        let answer = answer
            .take()
            .or_else(|| trouble.and_then(Trouble::prevents))
            .unwrap_or_else(|| self.world.answer(request, today));
        self.stamped(answer, verdict, today)
    }

    /// Notes what was answered.
    pub(crate) fn leave(&mut self, number: usize, status: Option<StatusCode>) {
        self.tally.refusals += usize::from(status == Some(StatusCode::TOO_MANY_REQUESTS));
        if let Some(recorded) = self.journal.get_mut(number - 1) {
            recorded.status = status;
        }
    }

    /// A 429, if the trouble or the limit wants one.
    fn refused(
        &self,
        verdict: Option<Verdict>,
        trouble: Option<&Trouble>,
        today: SystemTime,
    ) -> Option<Answer> {
        let limit = self.tally.limit();
        let retry_after = match (trouble, limit, verdict) {
            (Some(Trouble::Refused(text)), ..) => text.clone(),
            (_, Some(limit), Some(verdict)) if !verdict.admitted => {
                written(limit.retry_after, verdict.wait, today)
            }
            _ => return None,
        };
        let mut answer = S::refusal();
        if let Some(text) = retry_after {
            exchange::set(&mut answer, RETRY_AFTER.as_str(), &text);
        }
        Some(answer)
    }

    /// The answer with the headers that every answer has.
    fn stamped(&self, mut answer: Answer, verdict: Option<Verdict>, today: SystemTime) -> Answer {
        exchange::set(&mut answer, DATE.as_str(), &calendar::http_date(today));
        let told = self.world.tells_what_is_left();
        if let (true, Some(Limit { requests, .. }), Some(verdict)) =
            (told, self.tally.limit(), verdict)
        {
            let remaining = verdict.remaining.to_string();
            exchange::set(&mut answer, "x-ratelimit-limit", &requests.to_string());
            exchange::set(&mut answer, "x-ratelimit-remaining", &remaining);
        }
        answer
    }
}

/// `Retry-After` for a wait that begins today.
fn written(style: RetryAfter, wait: Duration, today: SystemTime) -> Option<String> {
    let seconds = wait.as_millis().div_ceil(1000);
    let whole = Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX));
    match style {
        RetryAfter::Seconds => Some(seconds.to_string()),
        RetryAfter::Fraction => Some(format!("{:.3}", wait.as_secs_f64())),
        RetryAfter::Date => today.checked_add(whole).map(calendar::http_date),
        RetryAfter::Absent => None,
    }
}
