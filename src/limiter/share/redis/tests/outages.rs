//! Redis goes away in one way or another, and is back at some moment of the virtual time.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::{Clock, Signal, SystemClock};
use crate::limiter::TokenBucket;
use crate::limiter::ledger::Lease;
use crate::limiter::moment::{NotReady, since};
use crate::limiter::rate::Rate;
use crate::limiter::status::{Outcome, Snapshot, Unavailable};
use crate::limiter::store::{Denied, TokenStore};
use crate::limiter::tests::clock::Hand;

use super::world::{Host, World};

const RATE: Rate = Rate::per_second(3);
const HELD: Duration = Duration::from_millis(1006);
/// After so long at most, Redis is looked for again.
const A_TENTH: Duration = Duration::from_millis(100);
/// When Redis is back: a call waits for it for less than three seconds.
const MOMENTS: [u64; 5] = [0, 1, 950, 1999, 2899];

/// A machine whose Redis is away until a moment.
#[derive(Debug)]
struct Outage {
    host: Host,
    until: Duration,
    /// The step that brings Redis back.
    back: Mutex<Option<fn(&mut World)>>,
    world: Arc<Mutex<World>>,
}

/// No time passes while Redis is asked.
#[derive(Debug)]
struct Still {
    clock: Arc<Hand>,
    world: Arc<Mutex<World>>,
}

impl Clock for Still {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) {
        self.wait(&Signal::new(), Some(self.now() + duration));
    }

    fn wait(&self, signal: &Signal, until: Option<Instant>) {
        let Some(until) = until else {
            return SystemClock.wait(signal, None);
        };
        let _nobody_asks = self.world.lock().unwrap();
        if !signal.take() {
            let begin = self.clock.now() - self.clock.passed();
            self.clock.advance_to(since(begin, until));
        }
    }
}

impl TokenStore for Outage {
    fn lease(&self, by: Option<Instant>) -> Result<Lease, Denied> {
        let mut world = self.world.lock().unwrap();
        if world.clock.passed() < self.until {
            // As if there were no time left, so that nobody waits in real time for one that is stopped.
            let denied = self.host.store.lease(Some(world.clock.now())).unwrap_err();
            assert!(matches!(denied, Denied::Unavailable(_)), "{denied:?}");
            return Err(denied);
        }
        if let Some(back) = self.back.lock().unwrap().take() {
            back(&mut world);
            world.reconnect();
        }
        self.host.lease(by)
    }

    fn stands(&self, lease: &Lease) -> bool {
        self.host.stands(lease)
    }

    fn release(&self, lease: &Lease, outcome: Outcome) {
        self.host.release(lease, outcome);
    }

    fn outlook(&self, ahead: usize) -> NotReady {
        self.host.outlook(ahead)
    }

    fn tighten(&self, rate: Rate) {
        self.host.tighten(rate);
    }

    fn exhaust(&self, by: Option<Instant>) -> Result<(), Unavailable> {
        self.host.exhaust(by)
    }

    fn set_grace(&self, grace: Duration) {
        self.host.set_grace(grace);
    }

    fn snapshot(&self) -> Snapshot {
        self.host.snapshot()
    }

    fn is_idle(&self) -> bool {
        self.host.is_idle()
    }
}

/// Redis goes away, and three callers wait for it in one line. All are served within a tenth of a second after it is
/// back, and after the period in which a server gives no token that may have lost its data.
fn all_go_on(
    start: impl Fn() -> Option<World>,
    away: fn(&mut World),
    back: fn(&mut World),
    lost: Duration,
) {
    all_go_on_from(&MOMENTS, start, away, back, lost);
}

fn all_go_on_from(
    moments: &[u64],
    start: impl Fn() -> Option<World>,
    away: fn(&mut World),
    back: fn(&mut World),
    lost: Duration,
) {
    for until in moments.iter().map(|moment| Duration::from_millis(*moment)) {
        let Some(mut world) = start() else {
            return;
        };
        let host = world.host("key", RATE);
        let clock = Arc::clone(&world.clock);
        let used = host.lease(None).unwrap();
        host.release(&used, Outcome::NeverSent);
        let began = clock.passed();
        away(&mut world);
        let world = Arc::new(Mutex::new(world));
        let still = Still { clock: Arc::clone(&clock), world: Arc::clone(&world) };
        let outage = Outage { host, until: began + until, back: Mutex::new(Some(back)), world };
        let bucket = TokenBucket::with_store(Arc::new(outage), Arc::new(still));
        let _permits = thread::scope(|scope| {
            let callers = [(); 3].map(|()| scope.spawn(|| bucket.acquire(None, &mut |_| {})));
            callers.map(|caller| caller.join().unwrap().unwrap())
        });
        let took = clock.passed() - began;
        let latest = until + A_TENTH + lost;
        assert!(took >= until + lost && took <= latest, "{took:?} after {until:?}");
        assert!(bucket.try_acquire().is_err());
    }
}

fn command(world: &World, words: &[&str]) {
    let reply = world.server.command(words);
    assert!(reply.starts_with("+OK"), "{reply}");
}

#[test]
fn after_redis_was_stopped_all_go_on_at_once() {
    let stop = |world: &mut World| world.server.signal("STOP");
    all_go_on(World::new, stop, |world| world.server.signal("CONT"), Duration::ZERO);
}

fn require_replicas(world: &World, count: &str) {
    command(world, &["CONFIG", "SET", "min-replicas-to-write", count]);
}

#[test]
fn after_redis_refused_writes_all_go_on_at_once() {
    let refuse = |world: &mut World| require_replicas(world, "1");
    all_go_on(World::new, refuse, |world| require_replicas(world, "0"), Duration::ZERO);
}

#[test]
fn after_redis_was_a_replica_all_go_on_at_once() {
    let follow = |world: &mut World| command(world, &["REPLICAOF", "127.0.0.1", "9"]);
    let lead = |world: &mut World| command(world, &["REPLICAOF", "NO", "ONE"]);
    all_go_on(World::new, follow, lead, Duration::ZERO);
}

#[test]
fn after_redis_forgot_its_scripts_and_closed_its_connections_all_go_on_at_once() {
    let forget = |world: &mut World| {
        command(world, &["SCRIPT", "FLUSH"]);
        world.server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    };
    all_go_on_from(&[0], World::new, forget, |_| {}, Duration::ZERO);
}

#[test]
fn after_redis_was_out_of_memory_and_lost_its_data_all_go_on_after_a_period() {
    let fill = |world: &mut World| {
        command(world, &["CONFIG", "SET", "maxmemory", "1"]);
        command(world, &["FLUSHALL"]);
    };
    let clear = |world: &mut World| command(world, &["CONFIG", "SET", "maxmemory", "0"]);
    all_go_on(World::new, fill, clear, HELD);
}

#[test]
fn after_redis_was_started_again_without_its_data_all_go_on_after_a_period() {
    let kill = |world: &mut World| world.server.kill();
    all_go_on(World::new, kill, |world| world.server.start_again(), HELD);
}

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let name = format!("heysync-redis-{}-{:x}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn after_redis_was_started_again_with_its_data_all_go_on_after_a_period() {
    let folders = Mutex::new(Vec::new());
    let start = || {
        let folder = Folder::new();
        let path = folder.0.display().to_string();
        folders.lock().unwrap().push(folder);
        World::with(&["--appendonly", "yes", "--appendfsync", "always", "--dir", &path])
    };
    let kill = |world: &mut World| world.server.kill();
    let start_again = |world: &mut World| {
        world.server.start_again();
        assert_eq!(world.server.command(&["EXISTS", &world.keys("key")[1]]), ":1\r\n");
    };
    all_go_on(start, kill, start_again, HELD);
}
