//! The road of a request through a sandbox: it arrives, is counted, is answered, leaves.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;
use http::header::{DATE, RETRY_AFTER};

use crate::clock::Clock;

use super::calendar::{self, Calendar};
use super::exchange::{self, Answer, Incoming};
use super::fault::Fault;
use super::journal::{Journal, Recorded};
use super::limit::{Limit, RetryAfter};
use super::meter::Verdict;
use super::planned::Planned;
use super::service::Service;
use super::tally::Tally;

/// Everything a sandbox knows, behind its lock.
#[derive(Debug)]
pub(crate) struct Reception<S> {
    pub(crate) world: S,
    pub(crate) calendar: Calendar,
    pub(crate) tally: Tally,
    pub(crate) journal: Journal,
    pub(crate) faults: Vec<Planned>,
    pub(crate) most_at_once: usize,
    at_once: usize,
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
            journal: Journal::default(),
            faults: Vec::new(),
            most_at_once: 0,
            at_once: 0,
        }
    }

    pub(crate) fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        self.calendar.set_clock(clock);
        self.began = self.calendar.instant();
        self.tally.set_limit(self.tally.limit());
    }

    /// Takes a request down and says which number it has and what befalls it.
    pub(crate) fn arrive(&mut self, request: &Incoming) -> (usize, Option<Fault>) {
        self.at_once += 1;
        self.most_at_once = self.most_at_once.max(self.at_once);
        let number = self.journal.came() + 1;
        let now = self.calendar.instant();
        let at = now.saturating_duration_since(self.began);
        let recorded = Recorded::new(number, at, request);
        let mut faults = self.faults.iter_mut();
        let fault = faults.find_map(|planned| planned.strikes(&recorded));
        self.faults.retain(Planned::is_to_come);
        self.journal.push(recorded);
        (number, fault)
    }

    /// Counts a request and, where the limit and the fault allow it, does what it asks for.
    pub(crate) fn serve(&mut self, request: &Incoming, fault: Option<&Fault>) -> Answer {
        let (now, today) = (self.calendar.instant(), self.calendar.now());
        let verdict = self.tally.count(&S::key(request), now);
        let refusal = self.refused(verdict, fault, today);
        let answer = match (refusal, fault.and_then(Fault::prevents)) {
            (Some(refusal), _) => refusal,
            // What broke, or stands in front of the service, tells nothing of its limit.
            (None, Some(answer)) => return answer,
            (None, None) => self.world.answer(request, today),
        };
        self.stamped(answer, verdict, today)
    }

    /// Notes what was answered.
    pub(crate) fn leave(&mut self, number: usize, status: Option<StatusCode>) {
        self.at_once -= 1;
        self.tally.refusals += usize::from(status == Some(StatusCode::TOO_MANY_REQUESTS));
        self.journal.note(number, status);
    }

    /// A 429, if the fault or the limit wants one.
    fn refused(
        &self,
        verdict: Option<Verdict>,
        fault: Option<&Fault>,
        today: SystemTime,
    ) -> Option<Answer> {
        let limit = self.tally.limit();
        let retry_after = match (fault, limit, verdict) {
            (Some(Fault::Refused(text)), ..) => text.clone(),
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

/// `Retry-After` for a wait that begins today, rounded up: who keeps to it does not come too early.
fn written(style: RetryAfter, wait: Duration, today: SystemTime) -> Option<String> {
    let nanos = wait.as_nanos();
    match style {
        RetryAfter::Seconds => Some(nanos.div_ceil(1_000_000_000).to_string()),
        RetryAfter::Fraction => {
            let millis = nanos.div_ceil(1_000_000);
            Some(format!("{}.{:03}", millis / 1000, millis % 1000))
        }
        RetryAfter::Date => today.checked_add(wait).map(calendar::next_http_date),
        RetryAfter::Absent => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::transport::Transport;
    use crate::sandbox::probe::{ask, roles};
    use crate::sandbox::{Heylo, TestClock};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_most_at_once_are_those_under_way_together() {
        let clock = TestClock::new();
        let heylo = Heylo::demo().clock(clock.clone());
        heylo.inject(3, Fault::AnsweredLate(SECOND));
        let participants = [(); 3].map(|()| clock.participant());
        std::thread::scope(|scope| {
            for participant in participants {
                scope.spawn(|| {
                    ask(&heylo, roles());
                    drop(participant);
                });
            }
        });
        assert_eq!((heylo.most_at_once(), clock.elapsed()), (3, SECOND));
    }

    #[test]
    fn a_late_request_is_counted_when_it_arrives() {
        let heylo = Heylo::demo().clock(TestClock::new()).limit(Limit::sliding_log(1, SECOND));
        heylo.inject(1, Fault::ArrivesLate(5 * SECOND));
        assert_eq!([ask(&heylo, roles()).0, ask(&heylo, roles()).0], [200, 429]);
    }

    #[test]
    fn who_comes_back_when_told_is_not_too_early() {
        let tight = Duration::from_nanos(1_000_000_001);
        let today = calendar::first_day() + Duration::from_millis(900);
        let told = |style, wait| written(style, wait, today);
        assert_eq!(told(RetryAfter::Seconds, tight).as_deref(), Some("2"));
        assert_eq!(told(RetryAfter::Fraction, tight).as_deref(), Some("1.001"));
        let date = told(RetryAfter::Date, Duration::from_millis(300));
        assert_eq!(date.as_deref(), Some("Fri, 08 May 2026 12:00:02 GMT"));
        assert_eq!(
            told(RetryAfter::Seconds, Duration::MAX).as_deref(),
            Some("18446744073709551616")
        );
        assert_eq!(told(RetryAfter::Date, Duration::MAX), None);
    }

    #[test]
    fn every_limit_says_when_to_come_back_in_its_way() {
        let told = |limit: Limit| {
            let heylo = Heylo::demo().clock(TestClock::new()).limit(limit);
            assert_eq!(ask(&heylo, roles()).0, 200);
            let answer = heylo.send(roles(), SECOND).unwrap();
            assert_eq!(answer.status(), 429);
            let text = answer.headers().get("retry-after")?.to_str().unwrap().to_owned();
            Some(text)
        };
        let period = Duration::from_millis(1500);
        let date = "Fri, 08 May 2026 12:00:02 GMT";
        assert_eq!(told(Limit::fixed_window(1, period)).as_deref(), Some("2"));
        assert_eq!(told(Limit::sliding_log(1, period)).as_deref(), Some("1.500"));
        assert_eq!(told(Limit::token_bucket(1, period)).as_deref(), Some("2"));
        assert_eq!(told(Limit::sliding_window_counter(1, period)).as_deref(), Some(date));
        let silent = Limit::token_bucket(1, period).retry_after(RetryAfter::Absent);
        assert_eq!(told(silent), None);
    }
}
