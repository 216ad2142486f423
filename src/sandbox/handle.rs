//! The handle of a service in memory.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::StatusCode;

use crate::clock::Clock;
use crate::pipeline::transport::{SendProgress, Transport, TransportError};

use super::engine::{Backend, Engine, Job};
use super::exchange::{Incoming, Response};
use super::fault::{Fault, PlannedFault};
use super::limit::Limit;
use super::request_log::RequestRecord;
use super::server::{Handler, MAX_WAIT};
use super::wall_clock::Interrupt;
use super::wire_response::WireResponse;

/// A service in memory: [`Heylo`](crate::sandbox::Heylo) or [`Heylerts`](crate::sandbox::Heylerts).
///
/// It is a [`Transport`]: pass it to the configuration of a client, and the client sends its requests here
/// instead of over the network. Clones are handles to the same service, so that a test can keep one.
pub struct Sandbox<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    engine: Mutex<Engine<S>>,
    hooks: Mutex<Vec<(usize, Hook<S>)>>,
}

type Hook<S> = Box<dyn FnOnce(&Sandbox<S>) + Send>;

impl<S: Backend> Sandbox<S> {
    /// Creates an empty service with the documented rate limit.
    pub fn new() -> Sandbox<S> {
        Sandbox::from(S::default())
    }

    /// Sets the clock. Default: the clock of the first client that has the sandbox as its transport; the system
    /// clock if the first request comes over a socket.
    ///
    /// So a client and its sandbox count and wait on one clock by themselves. Set it if several clients use the
    /// sandbox, each with a clock of its own, or if the test moves the time before the first request.
    ///
    /// The sandbox starts on 2026-05-08 at 12:00 UTC, or at the time of [`today`](Sandbox::today), with
    /// every clock, so that all runs are alike.
    pub fn clock(self, clock: impl Clock + 'static) -> Sandbox<S> {
        self.lock().set_clock(Arc::new(clock));
        self
    }

    /// Sets the current date and time of the sandbox.
    pub fn today(self, time: SystemTime) -> Sandbox<S> {
        self.lock().clock.set(time);
        self
    }

    /// Sets the rate limit of each key, or removes it. Default: the documented limit, as a sliding log.
    pub fn limit(self, limit: impl Into<Option<Limit>>) -> Sandbox<S> {
        self.lock().throttle.set_limit(limit.into());
        self
    }

    /// Sets how many requests [`requests`](Sandbox::requests) returns at most: the latest. Default: 100,000.
    ///
    /// Each request is kept with its body. A server that runs for days should keep few.
    pub fn keep_requests(self, count: usize) -> Sandbox<S> {
        self.lock().request_log.keep(count);
        self
    }

    /// Changes the data or the settings while the sandbox is being built.
    pub fn with(self, change: impl FnOnce(&mut S)) -> Sandbox<S> {
        self.change(change);
        self
    }

    /// Changes the data or the settings at any time; no request is handled meanwhile.
    ///
    /// `change` must not call methods of this sandbox: that would be a deadlock.
    pub fn change<T>(&self, change: impl FnOnce(&mut S) -> T) -> T {
        change(&mut self.lock().state)
    }

    /// Returns a copy of the current data.
    pub fn state(&self) -> S {
        self.lock().state.clone()
    }

    /// Returns the current date and time of the sandbox. They stand still before the first request, unless a
    /// [`clock`](Sandbox::clock) is set.
    pub fn now(&self) -> SystemTime {
        self.lock().clock.now()
    }

    /// Makes the next `count` requests fail with `fault`.
    ///
    /// A request meets at most one fault: the first that was injected and is not used up.
    pub fn inject(&self, count: usize, fault: Fault) {
        self.inject_if(count, fault, |_| true);
    }

    /// Makes the next `count` requests for which `applies` returns true fail with `fault`.
    ///
    /// `applies` must not call methods of this sandbox: that would be a deadlock.
    pub fn inject_if(
        &self,
        count: usize,
        fault: Fault,
        applies: impl Fn(&RequestRecord) -> bool + Send + Sync + 'static,
    ) {
        let planned = PlannedFault::new(count, fault, applies);
        self.lock().faults.push(planned);
    }

    /// Removes every fault that is not used up.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Runs `hook` just before request `number`, counted from 1, takes effect.
    ///
    /// Use it to change a list between two pages. If the number is already past, the hook runs before the
    /// next request.
    pub fn before(&self, number: usize, hook: impl FnOnce(&Sandbox<S>) + Send + 'static) {
        self.hooks().push((number, Box::new(hook)));
    }

    /// Returns the requests in the order of arrival: all, or the latest as set by
    /// [`keep_requests`](Sandbox::keep_requests).
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.lock().request_log.records()
    }

    /// Returns the number of requests that got a 429.
    pub fn rate_limit_hits(&self) -> usize {
        self.lock().throttle.rejected
    }

    /// Returns the largest number of requests of one key in any window of the limit's period, rejected ones
    /// included.
    ///
    /// A window excludes its start: of two requests exactly one period apart it contains one.
    pub fn max_in_any_window(&self) -> usize {
        self.lock().throttle.max_in_window()
    }

    /// Returns the largest number of requests that were in progress at once. Heylo's older page allows five.
    pub fn max_concurrent_requests(&self) -> usize {
        self.lock().max_concurrent
    }

    /// Handles a request, and returns the response as it goes out over a connection.
    ///
    /// `timeout` is how long the client waits, measured on the clock of the sandbox. If the response takes
    /// longer, this returns [`WireResponse::TimedOut`] after `timeout`; the request takes effect at its time
    /// nevertheless.
    pub fn respond(&self, request: http::Request<Vec<u8>>, timeout: Duration) -> WireResponse {
        let interrupt = request.extensions().get().cloned().unwrap_or_default();
        let request = Incoming::new(request);
        let (number, fault) = self.lock().receive(&request);
        let mut in_progress = InProgress { sandbox: self, number, status: None };
        self.run_hooks(number);
        let response = self.process(request, fault, timeout, &interrupt);
        in_progress.status = response.status();
        response
    }

    fn process(
        &self,
        request: Incoming,
        fault: Option<Fault>,
        timeout: Duration,
        interrupt: &Interrupt,
    ) -> WireResponse {
        let clock = self.lock().clock.clone();
        if let Some(fault) = fault.as_ref().filter(|fault| fault.prevents_arrival()) {
            return fault.apply_to(Response::default(), &clock);
        }
        let mut left = timeout;
        let job = Job::new(request, fault.clone());
        let Some(response) = self.run(job, &mut left, interrupt) else {
            return WireResponse::TimedOut;
        };
        let Some(fault) = fault else {
            return WireResponse::Complete(response);
        };
        let delay = fault.response_delay();
        clock.wait(delay.min(left), interrupt);
        match delay >= left && !delay.is_zero() {
            true => WireResponse::TimedOut,
            false => fault.apply_to(response, &clock),
        }
    }

    /// Runs a job for the time that is left. If it takes longer, it ends later, without a response.
    fn run(&self, mut job: Job, left: &mut Duration, interrupt: &Interrupt) -> Option<Response> {
        let clock = self.lock().clock.clone();
        loop {
            let outcome = self.lock().run(&mut job);
            let delay = match outcome {
                Ok(response) => return Some(response),
                Err(delay) => delay,
            };
            clock.wait(delay.min(*left), interrupt);
            if delay >= *left {
                self.lock().abandon(job, delay - *left);
                return None;
            }
            *left -= delay;
        }
    }

    fn run_hooks(&self, number: usize) {
        let mut hooks = self.hooks();
        let all = mem::take(&mut *hooks).into_iter();
        let (due, later): (Vec<_>, Vec<_>) = all.partition(|(due, _)| *due <= number);
        *hooks = later;
        drop(hooks);
        due.into_iter().for_each(|(_, hook)| hook(self));
    }

    fn lock(&self) -> MutexGuard<'_, Engine<S>> {
        let engine = self.shared.engine.lock();
        let mut engine = engine.unwrap_or_else(PoisonError::into_inner);
        engine.catch_up();
        engine
    }

    fn hooks(&self) -> MutexGuard<'_, Vec<(usize, Hook<S>)>> {
        let hooks = self.shared.hooks.lock();
        hooks.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finishes a request when it is dropped, also by the panic of a hook.
struct InProgress<'a, S: Backend> {
    sandbox: &'a Sandbox<S>,
    number: usize,
    status: Option<StatusCode>,
}

impl<S: Backend> Drop for InProgress<'_, S> {
    fn drop(&mut self) {
        self.sandbox.lock().finish(self.number, self.status);
    }
}

impl<S: Backend> From<S> for Sandbox<S> {
    fn from(state: S) -> Sandbox<S> {
        let shared = Shared { engine: Mutex::new(Engine::new(state)), hooks: Mutex::default() };
        Sandbox { shared: Arc::new(shared) }
    }
}

impl<S: Backend> Transport for Sandbox<S> {
    fn send_with(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        if let Some(clock) = progress.clock() {
            self.lock().adopt_clock(clock);
        }
        let clock = self.lock().clock.clone();
        let sent = clock.instant();
        let response = self.respond(request, timeout);
        let passed = clock.instant().saturating_duration_since(sent);
        response.receive(&clock, timeout.saturating_sub(passed))
    }
}

impl<S: Backend> Handler for Sandbox<S> {
    fn handle(&self, request: http::Request<Vec<u8>>) -> WireResponse {
        self.respond(request, MAX_WAIT)
    }
}

impl<S> Clone for Sandbox<S> {
    fn clone(&self) -> Sandbox<S> {
        Sandbox { shared: Arc::clone(&self.shared) }
    }
}

impl<S: Backend> Default for Sandbox<S> {
    fn default() -> Sandbox<S> {
        Sandbox::new()
    }
}

impl<S: Backend> fmt::Debug for Sandbox<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = self.lock();
        f.debug_struct("Sandbox")
            .field("requests", &engine.request_log.received())
            .field("rate_limit_hits", &engine.throttle.rejected)
            .field("faults", &engine.faults)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::{Value, json};

    use super::*;
    use crate::sandbox::exchange::testing::{roles, send, to_heylerts};
    use crate::sandbox::{Heylerts, Heylo, TestClock};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_list_changes_between_two_pages() {
        let heylo = Heylo::demo().limit(None);
        heylo.before(2, |heylo| {
            assert_eq!(heylo.requests().len(), 2);
            heylo.change(|state| state.communities[1].roles.clear());
        });
        let count = || send(&heylo, roles()).1["roles"].as_array().unwrap().len();
        assert_eq!([count(), count(), count()], [1, 0, 0]);
    }

    #[test]
    fn the_request_log_has_every_request_with_its_status() {
        let clock = TestClock::new();
        let heylerts = Heylerts::demo().clock(clock.clone());
        send(&heylerts, to_heylerts("GET", "hello", &Value::Null));
        clock.advance(SECOND);
        send(&heylerts, to_heylerts("GET", "alerts/x?y=z", &Value::Null));
        let log = heylerts.requests();
        let lines: Vec<String> = log.iter().map(RequestRecord::to_string).collect();
        assert_eq!(lines, ["GET /api/v1/hello: 200 OK", "GET /api/v1/alerts/x?y=z: 404 Not Found"]);
        assert_eq!((log[1].number, log[1].at), (2, SECOND));
        assert!(!format!("{log:?}").contains("hlt_key"));
    }

    #[test]
    fn a_sandbox_is_the_same_on_every_run() {
        let run = |heylerts: Heylerts| {
            let create = to_heylerts("POST", "alerts", &json!({"name": "n", "keyword": "k"}));
            let heylerts = heylerts.clock(TestClock::new());
            (
                send(&heylerts, create).1,
                send(&heylerts, to_heylerts("GET", "mentions", &Value::Null)).1,
            )
        };
        assert_eq!(run(Heylerts::demo()), run(Heylerts::demo()));
        assert_ne!(run(Heylerts::demo()), run(Heylerts::demo_with_seed(8)));
    }

    #[test]
    fn the_date_can_be_set_before_the_clock_and_after_it() {
        let clock = TestClock::new;
        for heylerts in [
            Heylerts::new().clock(clock()).today(UNIX_EPOCH),
            Heylerts::new().today(UNIX_EPOCH).clock(clock()),
        ] {
            let hello = to_heylerts("GET", "hello", &Value::Null);
            let response = heylerts.send(hello, SECOND).unwrap();
            assert_eq!(response.headers()["date"], "Thu, 01 Jan 1970 00:00:00 GMT");
        }
    }

    #[test]
    fn a_fault_that_is_used_up_is_removed() {
        let heylo = Heylo::demo();
        heylo.inject(1, Fault::Truncated);
        drop(heylo.send(roles(), SECOND));
        assert!(format!("{heylo:?}").contains("faults: []"), "{heylo:?}");
    }

    #[test]
    fn a_request_that_a_hook_ends_by_a_panic_is_no_longer_in_progress() {
        let heylo = Heylo::demo().limit(None);
        heylo.before(1, |_| panic!("killed"));
        let killed = heylo.clone();
        assert!(std::thread::spawn(move || send(&killed, roles())).join().is_err());
        assert_eq!([send(&heylo, roles()).0, send(&heylo, roles()).0], [200, 200]);
        let statuses: Vec<_> = heylo.requests().iter().map(|it| it.status.is_some()).collect();
        assert_eq!((heylo.max_concurrent_requests(), statuses), (1, vec![false, true, true]));
    }

    #[test]
    fn another_clock_begins_a_new_count() {
        let heylo = Heylo::demo().limit(Limit::sliding_log(2, SECOND));
        let later = TestClock::new();
        later.advance(3600 * SECOND);
        for clock in [later, TestClock::new()] {
            let heylo = heylo.clone().clock(clock);
            assert_eq!([send(&heylo, roles()).0, send(&heylo, roles()).0], [200, 200]);
        }
        assert_eq!(heylo.max_in_any_window(), 2);
    }

    #[test]
    fn a_hook_that_panics_leaves_the_sandbox_usable() {
        let heylo = Heylo::demo();
        let broken = heylo.clone();
        let outcome =
            std::thread::spawn(move || broken.change(|_| panic!("a test's mistake"))).join();
        assert!(outcome.is_err());
        assert_eq!(send(&heylo, roles()).0, 200);
    }
}
