//! A redis-server whose time passes by hand, and the machines that use it.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use redis::{Client, Connection};

use crate::clock::Clock;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::moment::NotReady;
use crate::limiter::rate::Rate;
use crate::limiter::share::redis::connection::Connections;
use crate::limiter::share::redis::known::Known;
use crate::limiter::share::redis::leases::LEASE;
use crate::limiter::share::redis::place::RedisPlace;
use crate::limiter::share::redis::script::{Operation, Script};
use crate::limiter::share::redis::session::Session;
use crate::limiter::share::redis::store::RedisStore;
use crate::limiter::status::{Outcome, Snapshot, Unavailable};
use crate::limiter::store::{Denied, TokenStore};
use crate::limiter::tests::clock::Hand;

#[allow(dead_code, reason = "the tests of processes use the rest")]
#[path = "../../../../../tests/support/redis_server.rs"]
mod redis_server;

use redis_server::RedisServer;

pub(super) const SUCCESS: RateLimitHeaders = RateLimitHeaders {
    refused: false,
    success: true,
    retry_after: None,
    period: None,
    reset: None,
    limit: None,
    remaining: None,
};

/// The first moment on the server's clock.
const BEGIN: Duration = Duration::from_secs(1_700_000_000);

/// A server and its time.
pub(super) struct World {
    pub(super) server: RedisServer,
    pub(super) clock: Arc<Hand>,
    place: RedisPlace,
    connections: Arc<Connections>,
    time: Arc<Mutex<Time>>,
}

struct Time {
    connection: Connection,
    clock: Arc<Hand>,
    passed: Duration,
    next_renewal: Duration,
    /// The server's clock when the time began.
    begin: Duration,
    stores: Vec<Arc<RedisStore>>,
}

/// A clock that shows more than another one.
#[derive(Debug)]
struct Ahead {
    clock: Arc<Hand>,
    ahead: Duration,
}

impl Clock for Ahead {
    fn now(&self) -> Instant {
        self.clock.now() + self.ahead
    }

    fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration);
    }
}

/// A store of one machine, which moves the server's time before each call.
pub(super) struct Host {
    pub(super) store: Arc<RedisStore>,
    time: Arc<Mutex<Time>>,
}

impl World {
    pub(super) fn new() -> Option<World> {
        World::with(&[])
    }

    /// A server with these arguments.
    pub(super) fn with(arguments: &[&str]) -> Option<World> {
        let server = RedisServer::with(arguments)?;
        let place = RedisPlace::new(server.url());
        let connection = Client::open(server.url()).unwrap().get_connection().unwrap();
        let clock = Arc::new(Hand::new());
        let time = Time {
            connection,
            clock: Arc::clone(&clock),
            passed: Duration::ZERO,
            next_renewal: LEASE / 3,
            begin: BEGIN,
            stores: Vec::new(),
        };
        let connections = Arc::new(place.connections().unwrap());
        let world = World { server, clock, place, connections, time: Arc::new(Mutex::new(time)) };
        world.settle();
        Some(world)
    }

    /// Lets the time pass in which a new server gives no token: it is over when the clock begins.
    fn settle(&self) {
        self.time.lock().unwrap().show(BEGIN - Duration::from_secs(7200));
        let first = self.host("first", Rate::per_second(1));
        assert!(first.store.lease(None).is_err());
        let mut time = self.time.lock().unwrap();
        time.stores.clear();
        time.show(BEGIN);
    }

    /// A machine that uses the tokens of `key`.
    pub(super) fn host(&self, key: &str, rate: Rate) -> Host {
        self.host_with(key, rate, false)
    }

    pub(super) fn host_with(&self, key: &str, rate: Rate, is_cautious: bool) -> Host {
        self.host_on(Arc::clone(&self.clock) as _, key, rate, is_cautious)
    }

    /// A machine whose clock is ahead of those of the others.
    pub(super) fn host_ahead(&self, ahead: Duration, key: &str, rate: Rate) -> Host {
        let clock = Ahead { clock: Arc::clone(&self.clock), ahead };
        self.host_on(Arc::new(clock), key, rate, false)
    }

    fn host_on(&self, clock: Arc<dyn Clock>, key: &str, rate: Rate, is_cautious: bool) -> Host {
        let session = Session {
            connections: Arc::clone(&self.connections),
            script: Script::on_a_clock_of_its_own(),
            keys: self.place.keys(&key),
            clock,
            is_cautious,
            has_worker: false,
            // However busy the machine is.
            longest_call: Duration::from_secs(60),
            known: Mutex::new(Known::new(rate)),
            changed: Condvar::new(),
        };
        let store = Arc::new(RedisStore::new(session));
        self.time.lock().unwrap().stores.push(Arc::clone(&store));
        Host { store, time: Arc::clone(&self.time) }
    }

    /// A machine, the first of whose requests goes alone if the key is unknown.
    pub(super) fn cautious_host(&self, key: &str, rate: Rate) -> Host {
        self.host_with(key, rate, true)
    }

    /// Lets time pass in which nobody reaches the server.
    pub(super) fn skip(&self, by: Duration) {
        let mut time = self.time.lock().unwrap();
        time.pass();
        self.clock.advance(by);
        time.passed = self.clock.passed();
        time.next_renewal = time.passed;
        let now = time.begin + time.passed;
        time.show(now);
    }

    /// The server is back after a time in which nobody reached it. It may not know what time it is.
    pub(super) fn reconnect(&self) {
        let mut time = self.time.lock().unwrap();
        time.connection = Client::open(self.server.url()).unwrap().get_connection().unwrap();
        time.passed = self.clock.passed();
        time.next_renewal = time.passed;
        let now = time.begin + time.passed;
        time.show(now);
    }

    pub(super) fn keys(&self, key: &str) -> [String; 7] {
        self.place.keys(&key)
    }

    /// Sets the server's clock back.
    pub(super) fn set_back(&self, by: Duration) {
        let mut time = self.time.lock().unwrap();
        time.pass();
        time.begin -= by;
        let now = time.begin + time.passed;
        time.show(now);
    }

    /// How often the script has been called.
    pub(super) fn calls(&self) -> u64 {
        let statistics = self.server.command(&["INFO", "commandstats"]);
        let line = statistics.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
        line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
    }

    /// Runs a command on the server.
    pub(super) fn run<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> T {
        command.query(&mut self.time.lock().unwrap().connection).unwrap()
    }
}

impl Time {
    /// Moves the server's time on to that of the clock. Leases are renewed on the way, as their workers do.
    fn pass(&mut self) {
        let now = self.clock.passed();
        while self.next_renewal < now {
            self.show(self.begin + self.next_renewal);
            for session in self.stores.iter().map(|store| store.session()) {
                session.catch_up().unwrap();
                session.renew().unwrap();
                session.remind().unwrap();
            }
            self.next_renewal += LEASE / 3;
        }
        if self.passed < now {
            self.passed = now;
            self.show(self.begin + now);
        }
    }

    fn show(&mut self, time: Duration) {
        let mut command = redis::cmd("HSET");
        command.arg("clock").arg("s").arg(time.as_secs()).arg("us").arg(time.subsec_micros());
        command.exec(&mut self.connection).unwrap();
    }
}

impl Host {
    pub(super) fn pass(&self) {
        self.time.lock().unwrap().pass();
    }

    pub(super) fn renew(&self) {
        self.store.session().renew().unwrap();
    }

    /// Asks for a token, and the reply is lost.
    pub(super) fn lose_a_lease(&self) {
        self.pass();
        let session = self.store.session();
        let left = Duration::from_secs(1);
        let Ok(id) = session.known().next_lease(left, session.clock.now()) else {
            return;
        };
        let name = session.known().name(id);
        session.call(&Operation::Lease(&name, left), left).unwrap();
        session.known().leases.not_started(id);
    }

    /// Returns a token, without waiting for the reply if there is a connection for that.
    pub(super) fn release_as_one_with_a_worker(&self, lease: &Lease, outcome: Outcome) {
        self.pass();
        let session = self.store.session();
        let Some(report) = session.known().end(lease.id, outcome, session.clock.now()) else {
            return;
        };
        if !session.post(&report) {
            session.known().reports.add(report);
        }
    }

    /// Returns a token, and reports it again since the first reply is lost.
    pub(super) fn release_and_lose_the_reply(&self, lease: &Lease, outcome: Outcome) {
        self.pass();
        let session = self.store.session();
        let report = session.known().end(lease.id, outcome, session.clock.now()).unwrap();
        for _ in 0..2 {
            session.report(&report, LEASE).unwrap();
        }
    }

    /// Nobody renews the leases of the machine until it resumes.
    pub(super) fn stop(&self) {
        self.pass();
        self.time.lock().unwrap().stores.retain(|store| !Arc::ptr_eq(store, &self.store));
    }

    pub(super) fn resume(&self) {
        self.time.lock().unwrap().stores.push(Arc::clone(&self.store));
    }

    /// The machine dies: nobody renews its leases any more.
    pub(super) fn die(self) {
        let mut time = self.time.lock().unwrap();
        time.pass();
        time.stores.retain(|store| !Arc::ptr_eq(store, &self.store));
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.server.fmt(f)
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.store.fmt(f)
    }
}

impl TokenStore for Host {
    fn lease(&self, by: Option<Instant>) -> Result<Lease, Denied> {
        self.pass();
        self.store.lease(by)
    }

    fn stands(&self, lease: &Lease) -> bool {
        self.store.stands(lease)
    }

    fn release(&self, lease: &Lease, outcome: Outcome) {
        self.pass();
        self.store.release(lease, outcome);
    }

    fn outlook(&self, ahead: usize) -> NotReady {
        self.store.outlook(ahead)
    }

    fn tighten(&self, rate: Rate) {
        self.store.tighten(rate);
    }

    fn exhaust(&self, by: Option<Instant>) -> Result<(), Unavailable> {
        self.pass();
        self.store.exhaust(by)
    }

    fn set_grace(&self, grace: Duration) {
        self.store.set_grace(grace);
    }

    fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }

    fn is_idle(&self) -> bool {
        self.store.is_idle()
    }
}
