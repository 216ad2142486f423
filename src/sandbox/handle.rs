//! A service in memory, as its users hold it.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::clock::Clock;
use crate::pipeline::transport::{Transport, TransportError};

use super::exchange::Incoming;
use super::fault::Fault;
use super::journal::Recorded;
use super::limit::Limit;
use super::planned::Planned;
use super::reception::Reception;
use super::reply::Reply;
use super::service::Service;

/// One of the services in memory: [`Heylo`](crate::sandbox::Heylo) or
/// [`Heylerts`](crate::sandbox::Heylerts).
///
/// It is a [`Transport`]: handed to a client's configuration, it takes the place of the network. Clones
/// are handles of the same service, so a test keeps one to look into it afterwards.
pub struct Sandbox<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    reception: Mutex<Reception<S>>,
    hooks: Mutex<Vec<(usize, Hook<S>)>>,
}

type Hook<S> = Box<dyn FnOnce(&Sandbox<S>) + Send>;

impl<S: Service> Sandbox<S> {
    /// An empty service with the vendor's limit, on the system's clock.
    pub fn new() -> Sandbox<S> {
        Sandbox::from(S::default())
    }

    /// Tells the time by another clock, from now on: the one that the client has.
    ///
    /// The sandbox begins on 2026-05-08 at 12:00 UTC, or on its [`today`](Sandbox::today), whatever the
    /// clock, so that runs are alike.
    pub fn clock(self, clock: impl Clock + 'static) -> Sandbox<S> {
        self.lock().set_clock(Arc::new(clock));
        self
    }

    /// Says what time it is in the sandbox.
    pub fn today(self, time: SystemTime) -> Sandbox<S> {
        self.lock().calendar.set(time);
        self
    }

    /// Sets another limit for each key, or none. Default: the vendor's, by a sliding log.
    pub fn limit(self, limit: impl Into<Option<Limit>>) -> Sandbox<S> {
        self.lock().tally.set_limit(limit.into());
        self
    }

    /// Keeps the latest `most` requests for [`requests`](Sandbox::requests). Default: 100,000.
    ///
    /// A server that runs for days keeps few, since each is kept with its body.
    pub fn keep_requests(self, most: usize) -> Sandbox<S> {
        self.lock().journal.keep(most);
        self
    }

    /// Changes the data or the settings while the sandbox is set up.
    pub fn with(self, change: impl FnOnce(&mut S)) -> Sandbox<S> {
        self.change(change);
        self
    }

    /// Changes the data or the settings at any time; no request is served meanwhile.
    ///
    /// `change` gets the data itself, and must not ask this handle for anything.
    pub fn change<T>(&self, change: impl FnOnce(&mut S) -> T) -> T {
        change(&mut self.lock().world)
    }

    /// The data as they are now: a copy.
    pub fn state(&self) -> S {
        self.lock().world.clone()
    }

    /// What time it is in the sandbox.
    pub fn now(&self) -> SystemTime {
        self.lock().calendar.now()
    }

    /// Lets the next `count` requests run into `inject`.
    ///
    /// A request runs into one fault at most: the first that was asked for and is not used up.
    pub fn inject(&self, count: usize, fault: Fault) {
        self.inject_if(count, fault, |_| true);
    }

    /// Lets the next `count` requests that `applies` picks run into `inject`.
    ///
    /// `applies` gets the request, and must not ask this handle for anything.
    pub fn inject_if(
        &self,
        count: usize,
        fault: Fault,
        applies: impl Fn(&Recorded) -> bool + Send + Sync + 'static,
    ) {
        let planned = Planned::new(count, fault, applies);
        self.lock().faults.push(planned);
    }

    /// Forgets every fault that is still to come.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Runs `hook` just before the `number`-th request, counted from 1, takes effect.
    ///
    /// This is how a list changes between two pages. A number that is already past means the next request.
    pub fn before(&self, number: usize, hook: impl FnOnce(&Sandbox<S>) + Send + 'static) {
        self.hooks().push((number, Box::new(hook)));
    }

    /// Every request that came, in the order of arrival; the latest
    /// [so many](Sandbox::keep_requests) where there were more.
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().journal.records()
    }

    /// How many requests were answered with a 429.
    pub fn refusals(&self) -> usize {
        self.lock().tally.refusals
    }

    /// The most requests of one key that came in any window as long as the limit's period, refused ones
    /// included.
    ///
    /// A window is open at its beginning: of two requests exactly one period apart it holds one.
    pub fn most_in_any_window(&self) -> usize {
        self.lock().tally.most()
    }

    /// The most requests that were under way together: Heylo's older page allows five.
    pub fn most_at_once(&self) -> usize {
        self.lock().most_at_once
    }

    /// Receives a request and says what goes back over the wire; waits for `timeout` at most.
    pub fn reply(&self, request: http::Request<Vec<u8>>, timeout: Duration) -> Reply {
        let request = Incoming::new(request);
        let (number, fault) = self.lock().arrive(&request);
        self.run_hooks(number);
        let reply = self.serve(&request, fault, timeout);
        self.lock().leave(number, reply.status());
        reply
    }

    fn serve(&self, request: &Incoming, fault: Option<Fault>, timeout: Duration) -> Reply {
        let Some(fault) = fault else {
            return Reply::Answer(self.lock().serve(request, None));
        };
        if fault.keeps_it_away() {
            return fault.befalls(Default::default());
        }
        self.wait(fault.delays_arrival().min(timeout));
        let answer = self.lock().serve(request, Some(&fault));
        self.wait(fault.delays_answer().min(timeout));
        match fault.delays_arrival() + fault.delays_answer() {
            delay if delay >= timeout && !delay.is_zero() => Reply::TimedOut,
            _ => fault.befalls(answer),
        }
    }

    fn wait(&self, duration: Duration) {
        let calendar = self.lock().calendar.clone();
        calendar.wait(duration);
    }

    fn run_hooks(&self, number: usize) {
        let mut hooks = self.hooks();
        let all = mem::take(&mut *hooks).into_iter();
        let (due, later): (Vec<_>, Vec<_>) = all.partition(|(due, _)| *due <= number);
        *hooks = later;
        drop(hooks);
        due.into_iter().for_each(|(_, hook)| hook(self));
    }

    fn lock(&self) -> MutexGuard<'_, Reception<S>> {
        let reception = self.shared.reception.lock();
        reception.unwrap_or_else(PoisonError::into_inner)
    }

    fn hooks(&self) -> MutexGuard<'_, Vec<(usize, Hook<S>)>> {
        let hooks = self.shared.hooks.lock();
        hooks.unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Service> From<S> for Sandbox<S> {
    fn from(world: S) -> Sandbox<S> {
        let shared =
            Shared { reception: Mutex::new(Reception::new(world)), hooks: Mutex::default() };
        Sandbox { shared: Arc::new(shared) }
    }
}

impl<S: Service> Transport for Sandbox<S> {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        self.reply(request, timeout).into_result()
    }
}

impl<S> Clone for Sandbox<S> {
    fn clone(&self) -> Sandbox<S> {
        Sandbox { shared: Arc::clone(&self.shared) }
    }
}

impl<S: Service> Default for Sandbox<S> {
    fn default() -> Sandbox<S> {
        Sandbox::new()
    }
}

impl<S: Service> fmt::Debug for Sandbox<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reception = self.lock();
        f.debug_struct("Sandbox")
            .field("requests", &reception.journal.came())
            .field("refusals", &reception.tally.refusals)
            .field("faults", &reception.faults)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::{Value, json};

    use super::*;
    use crate::sandbox::probe::{ask, roles, to_heylerts};
    use crate::sandbox::{Heylerts, Heylo, TestClock};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_list_changes_between_two_pages() {
        let heylo = Heylo::demo().limit(None);
        heylo.before(2, |heylo| {
            assert_eq!(heylo.requests().len(), 2);
            heylo.change(|world| world.communities[1].roles.clear());
        });
        let count = || ask(&heylo, roles()).1["roles"].as_array().unwrap().len();
        assert_eq!([count(), count(), count()], [1, 0, 0]);
    }

    #[test]
    fn the_journal_tells_what_came_and_what_was_answered() {
        let clock = TestClock::new();
        let heylerts = Heylerts::demo().clock(clock.clone());
        ask(&heylerts, to_heylerts("GET", "hello", &Value::Null));
        clock.advance(SECOND);
        ask(&heylerts, to_heylerts("GET", "alerts/x?y=z", &Value::Null));
        let journal = heylerts.requests();
        let lines: Vec<String> = journal.iter().map(Recorded::to_string).collect();
        assert_eq!(lines, ["GET /api/v1/hello: 200 OK", "GET /api/v1/alerts/x?y=z: 404 Not Found"]);
        assert_eq!((journal[1].number, journal[1].at), (2, SECOND));
        assert!(!format!("{journal:?}").contains("hlt_key"));
    }

    #[test]
    fn a_sandbox_is_the_same_on_every_run() {
        let told = |heylerts: Heylerts| {
            let create = to_heylerts("POST", "alerts", &json!({"name": "n", "keyword": "k"}));
            let heylerts = heylerts.clock(TestClock::new());
            (
                ask(&heylerts, create).1,
                ask(&heylerts, to_heylerts("GET", "mentions", &Value::Null)).1,
            )
        };
        assert_eq!(told(Heylerts::demo()), told(Heylerts::demo()));
        assert_ne!(told(Heylerts::demo()), told(Heylerts::demo_with_seed(8)));
    }

    #[test]
    fn the_day_can_be_chosen_before_the_clock_and_after_it() {
        let clock = TestClock::new;
        for heylerts in [
            Heylerts::new().clock(clock()).today(UNIX_EPOCH),
            Heylerts::new().today(UNIX_EPOCH).clock(clock()),
        ] {
            let hello = to_heylerts("GET", "hello", &Value::Null);
            let answer = heylerts.send(hello, SECOND).unwrap();
            assert_eq!(answer.headers()["date"], "Thu, 01 Jan 1970 00:00:00 GMT");
        }
    }

    #[test]
    fn a_trouble_that_is_used_up_is_forgotten() {
        let heylo = Heylo::demo();
        heylo.inject(1, Fault::Truncated);
        drop(heylo.send(roles(), SECOND));
        assert!(format!("{heylo:?}").contains("faults: []"), "{heylo:?}");
    }

    #[test]
    fn a_hook_that_panics_leaves_the_sandbox_usable() {
        let heylo = Heylo::demo();
        let broken = heylo.clone();
        let outcome =
            std::thread::spawn(move || broken.change(|_| panic!("a test's mistake"))).join();
        assert!(outcome.is_err());
        assert_eq!(ask(&heylo, roles()).0, 200);
    }
}
