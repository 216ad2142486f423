//! The path of a request through a sandbox: it is received, counted, handled, and finished.

use std::fmt::Debug;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;
use http::header::{DATE, RETRY_AFTER};

use crate::clock::Clock;

use super::exchange::{self, Incoming, Response};
use super::fault::{Fault, PlannedFault};
use super::limit::{Decision, Limit, RetryAfter, Throttle};
use super::request_log::{RequestLog, RequestRecord};
use super::wall_clock::{self, WallClock};

/// The data of one service and its operations: [`heylo::State`](crate::sandbox::heylo::State) or
/// [`heylerts::State`](crate::sandbox::heylerts::State).
pub trait Backend: Clone + Debug + Default + Send + 'static {
    /// The limit that the vendor documents.
    fn default_limit() -> Limit;

    /// The key whose requests are counted together; empty if the request has none.
    fn rate_limit_key(request: &Incoming) -> String;

    /// Whether responses have `X-RateLimit-` headers.
    fn sends_rate_limit_headers(&self) -> bool;

    /// How long the service works on a request before it takes effect.
    fn processing_time(&self, request: &Incoming) -> Duration;

    /// Carries out a request.
    fn handle(&mut self, request: &Incoming, now: SystemTime) -> Response;

    /// The response to a request above the limit.
    fn rate_limited() -> Response;
}

/// Everything that a sandbox holds, behind its lock.
#[derive(Debug)]
pub(crate) struct Engine<S> {
    pub(crate) state: S,
    pub(crate) clock: WallClock,
    pub(crate) throttle: Throttle,
    pub(crate) request_log: RequestLog,
    pub(crate) faults: Vec<PlannedFault>,
    pub(crate) max_concurrent: usize,
    concurrent: usize,
    began: Instant,
    abandoned: Vec<(Instant, Job)>,
}

/// A request on its way to its effect.
#[derive(Debug)]
pub(crate) struct Job {
    request: Incoming,
    fault: Option<Fault>,
    /// How long until the next step.
    delay: Duration,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Arrival,
    Effect(Option<Decision>),
}

impl Job {
    pub(crate) fn new(request: Incoming, fault: Option<Fault>) -> Job {
        let delay = fault.as_ref().map_or(Duration::ZERO, Fault::request_delay);
        Job { request, fault, delay, step: Step::Arrival }
    }
}

impl<S: Backend> Engine<S> {
    pub(crate) fn new(state: S) -> Engine<S> {
        let clock = WallClock::default();
        Engine {
            state,
            began: clock.instant(),
            clock,
            throttle: Throttle::new(S::default_limit()),
            request_log: RequestLog::default(),
            faults: Vec::new(),
            max_concurrent: 0,
            concurrent: 0,
            abandoned: Vec::new(),
        }
    }

    pub(crate) fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        self.clock.set_clock(clock);
        self.began = self.clock.instant();
        self.throttle.restart();
    }

    /// Uses the clock of a client, unless another one was set or requests were counted before.
    pub(crate) fn adopt_clock(&mut self, clock: &Arc<dyn Clock>) {
        if !self.clock.is_running() {
            self.set_clock(Arc::clone(clock));
        }
    }

    /// Logs a request. Returns its number and its fault.
    pub(crate) fn receive(&mut self, request: &Incoming) -> (usize, Option<Fault>) {
        self.clock.run();
        let number = self.request_log.received() + 1;
        let at = self.clock.instant().saturating_duration_since(self.began);
        let record = RequestRecord::new(number, at, request);
        let mut faults = self.faults.iter_mut();
        let fault = faults.find_map(|planned| planned.take_for(&record));
        self.faults.retain(PlannedFault::is_pending);
        self.request_log.push(record);
        // Last, since `applies` of a fault may panic.
        self.concurrent += 1;
        self.max_concurrent = self.max_concurrent.max(self.concurrent);
        (number, fault)
    }

    /// Runs a job until it has a response, or until a delay, which is the `Err`.
    pub(crate) fn run(&mut self, job: &mut Job) -> Result<Response, Duration> {
        self.run_at(job, self.clock.instant())
    }

    /// Finishes a job after `delay` although its client has given up.
    pub(crate) fn abandon(&mut self, job: Job, delay: Duration) {
        if let Some(due) = self.clock.instant().checked_add(delay) {
            self.abandoned.push((due, job));
        }
    }

    /// Runs the abandoned jobs that are due, in the order of their time.
    pub(crate) fn catch_up(&mut self) {
        let now = self.clock.instant();
        while let Some((due, mut job)) = self.next_abandoned(now) {
            if let Err(delay) = self.run_at(&mut job, due)
                && let Some(due) = due.checked_add(delay)
            {
                self.abandoned.push((due, job));
            }
        }
    }

    /// Logs the status of a response.
    pub(crate) fn finish(&mut self, number: usize, status: Option<StatusCode>) {
        self.concurrent -= 1;
        self.throttle.rejected += usize::from(status == Some(StatusCode::TOO_MANY_REQUESTS));
        self.request_log.set_status(number, status);
    }

    fn next_abandoned(&mut self, now: Instant) -> Option<(Instant, Job)> {
        let due = self.abandoned.iter().enumerate().filter(|(_, (due, _))| *due <= now);
        let (index, _) = due.min_by_key(|(_, (due, _))| *due)?;
        Some(self.abandoned.remove(index))
    }

    fn run_at(&mut self, job: &mut Job, now: Instant) -> Result<Response, Duration> {
        let today = self.clock.at(now);
        loop {
            if !job.delay.is_zero() {
                return Err(mem::take(&mut job.delay));
            }
            let decision = match job.step {
                Step::Arrival => self.throttle.count(&S::rate_limit_key(&job.request), now),
                Step::Effect(decision) => {
                    let response = self.state.handle(&job.request, today);
                    return Ok(self.stamped(response, decision, today));
                }
            };
            if let Some(response) = self.rate_limited(decision, job.fault.as_ref(), today) {
                return Ok(self.stamped(response, decision, today));
            }
            if let Some(response) = job.fault.as_ref().and_then(Fault::rejection) {
                return Ok(self.stamped(response, decision, today));
            }
            // A proxy, or a server that failed, does not know the limit: no headers.
            if let Some(response) = job.fault.as_ref().and_then(Fault::early_response) {
                return Ok(response);
            }
            job.delay = self.state.processing_time(&job.request);
            job.step = Step::Effect(decision);
        }
    }

    /// Returns a 429 if the fault or the limit requires one.
    fn rate_limited(
        &self,
        decision: Option<Decision>,
        fault: Option<&Fault>,
        today: SystemTime,
    ) -> Option<Response> {
        let limit = self.throttle.limit();
        let retry_after = match (fault, limit, decision) {
            (Some(Fault::RateLimited(text)), ..) => text.clone(),
            (_, Some(limit), Some(decision)) if !decision.admitted => {
                retry_after(limit.retry_after, decision.wait, today)
            }
            _ => return None,
        };
        let mut response = S::rate_limited();
        if let Some(text) = retry_after {
            exchange::set(&mut response, RETRY_AFTER.as_str(), &text);
        }
        Some(response)
    }

    /// Adds the headers that every response of the service has.
    fn stamped(
        &self,
        mut response: Response,
        decision: Option<Decision>,
        today: SystemTime,
    ) -> Response {
        exchange::set(&mut response, DATE.as_str(), &wall_clock::http_date(today));
        let has_headers = self.state.sends_rate_limit_headers();
        if let (true, Some(Limit { requests, .. }), Some(decision)) =
            (has_headers, self.throttle.limit(), decision)
        {
            let remaining = decision.remaining.to_string();
            exchange::set(&mut response, "x-ratelimit-limit", &requests.to_string());
            exchange::set(&mut response, "x-ratelimit-remaining", &remaining);
        }
        response
    }
}

/// Formats `Retry-After` for a wait that begins at `today`, rounded up so that a client that obeys is not early.
fn retry_after(style: RetryAfter, wait: Duration, today: SystemTime) -> Option<String> {
    let nanos = wait.as_nanos();
    match style {
        RetryAfter::Seconds => Some(nanos.div_ceil(1_000_000_000).to_string()),
        RetryAfter::Fraction => {
            let millis = nanos.div_ceil(1_000_000);
            Some(format!("{}.{:03}", millis / 1000, millis % 1000))
        }
        RetryAfter::Date => today.checked_add(wait).map(wall_clock::next_http_date),
        RetryAfter::Absent => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::transport::Transport;
    use crate::sandbox::exchange::testing::{roles, send};
    use crate::sandbox::{Heylo, TestClock};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_maximum_of_concurrent_requests_counts_those_in_progress_together() {
        let clock = TestClock::new();
        let heylo = Heylo::demo().clock(clock.clone());
        heylo.inject(3, Fault::ResponseDelayed(SECOND));
        let participants = [(); 3].map(|()| clock.participant());
        std::thread::scope(|scope| {
            for participant in participants {
                scope.spawn(|| {
                    send(&heylo, roles());
                    drop(participant);
                });
            }
        });
        assert_eq!((heylo.max_concurrent_requests(), clock.elapsed()), (3, SECOND));
    }

    #[test]
    fn a_delayed_request_is_counted_when_it_arrives() {
        let heylo = Heylo::demo().clock(TestClock::new()).limit(Limit::sliding_log(1, SECOND));
        heylo.inject(1, Fault::RequestDelayed(5 * SECOND));
        assert_eq!([send(&heylo, roles()).0, send(&heylo, roles()).0], [200, 429]);
    }

    #[test]
    fn a_client_that_obeys_retry_after_is_not_early() {
        let tight = Duration::from_nanos(1_000_000_001);
        let today = wall_clock::first_day() + Duration::from_millis(900);
        let formatted = |style, wait| retry_after(style, wait, today);
        assert_eq!(formatted(RetryAfter::Seconds, tight).as_deref(), Some("2"));
        assert_eq!(formatted(RetryAfter::Fraction, tight).as_deref(), Some("1.001"));
        let date = formatted(RetryAfter::Date, Duration::from_millis(300));
        assert_eq!(date.as_deref(), Some("Fri, 08 May 2026 12:00:02 GMT"));
        assert_eq!(
            formatted(RetryAfter::Seconds, Duration::MAX).as_deref(),
            Some("18446744073709551616")
        );
        assert_eq!(formatted(RetryAfter::Date, Duration::MAX), None);
    }

    #[test]
    fn every_limit_sends_retry_after_in_its_own_style() {
        let header = |limit: Limit| {
            let heylo = Heylo::demo().clock(TestClock::new()).limit(limit);
            assert_eq!(send(&heylo, roles()).0, 200);
            let response = heylo.send(roles(), SECOND).unwrap();
            assert_eq!(response.status(), 429);
            let text = response.headers().get("retry-after")?.to_str().unwrap().to_owned();
            Some(text)
        };
        let period = Duration::from_millis(1500);
        let date = "Fri, 08 May 2026 12:00:02 GMT";
        assert_eq!(header(Limit::fixed_window(1, period)).as_deref(), Some("2"));
        assert_eq!(header(Limit::sliding_log(1, period)).as_deref(), Some("1.500"));
        assert_eq!(header(Limit::token_bucket(1, period)).as_deref(), Some("2"));
        assert_eq!(header(Limit::sliding_window_counter(1, period)).as_deref(), Some(date));
        let absent = Limit::token_bucket(1, period).retry_after(RetryAfter::Absent);
        assert_eq!(header(absent), None);
    }
}
