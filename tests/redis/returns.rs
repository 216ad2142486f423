//! Redis is back: those who wait and those who come then are served within a second, by the library's own deadline.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use heysync::limiter::WaitReason;
use heysync::{Activity, heylo};

use crate::fleet::{self, Meter, N};
use crate::limit::Limit;
use crate::path::Path;
use crate::redis_server::RedisServer;
use crate::trials::{self, Pulse};

const SECOND: Duration = Duration::from_secs(1);
/// After it has started, a server gives no token for so long, since it may have lost some of its data.
const HELD: Duration = Duration::from_millis(1006);

/// How long it takes until a call notices that Redis is away: it replies with an error, or closes connections;
const AT_ONCE: Duration = Duration::ZERO;
/// it is silent, and takes new connections: a call tries twice;
const LONGEST_CALL: Duration = Duration::from_millis(1500);
/// it is silent, and refuses new connections.
const LONGEST_ON_IDLE: Duration = Duration::from_millis(900);

/// Redis, a way to it, and a service.
struct Journey {
    redis: RedisServer,
    path: Path,
    meter: Meter,
}

impl Journey {
    fn begin(arguments: &[&str]) -> Option<Journey> {
        let redis = RedisServer::with(arguments)?;
        let path = Path::start(redis.port(), Duration::ZERO);
        let meter = Meter::start(Duration::ZERO);
        Some(Journey { redis, path, meter })
    }

    /// A client of the machine that reaches Redis by `url`.
    fn client(&self, url: &str, deadline: Duration) -> heylo::Client {
        let config = fleet::config("journey", url, &self.meter.url()).deadline(deadline);
        heylo::Client::with_config(fleet::KEY, config).unwrap()
    }

    /// Redis goes away, and comes back after a call has noticed that, which takes `unnoticed`. Returns whether three calls
    /// are served `within` this time: that one, one that comes then and is behind it in the line, and one of another
    /// machine. Nothing is shown on a machine that is too busy.
    fn goes_on(
        &mut self,
        away: impl FnOnce(&mut Journey),
        back: impl FnOnce(&mut Journey),
        [unnoticed, within]: [Duration; 2],
    ) -> Option<bool> {
        let call = |client: &heylo::Client| client.community("abc").roles().map(drop);
        let (url, (sender, noticed)) = (self.path.url(), mpsc::channel());
        // The deadline that comes first: that of another call would wake this one.
        let config = fleet::config("journey", &url, &self.meter.url()).deadline(unnoticed + within);
        let config = config.observer(move |activity: &Activity<'_>| {
            let is_away = match activity {
                Activity::Waiting { wait, .. } => wait.reason == WaitReason::Unavailable,
                activity => matches!(activity, Activity::Ended { .. }),
            };
            let _ = is_away && sender.send(()).is_ok();
        });
        let early = heylo::Client::with_config(fleet::KEY, config).unwrap();
        call(&self.client(&url, 30 * SECOND)).unwrap();
        let pulse = Pulse::start();
        away(self);
        let (served, is_late) = thread::scope(|scope| {
            let waiting = scope.spawn(|| call(&early));
            noticed.recv().unwrap();
            back(self);
            let newcomers = [url.clone(), format!("{url}/0")].map(|url| {
                let client = self.client(&url, within);
                scope.spawn(move || call(&client))
            });
            let served = newcomers.into_iter().chain([waiting]).map(|it| it.join().unwrap());
            let served: Vec<_> = served.collect();
            (served, pulse.was_late())
        });
        assert!(self.meter.most() <= N && self.meter.refused() == 0);
        let is_served = served.iter().all(|it| it.is_ok());
        if !is_served {
            eprintln!("{served:?}, on a machine that is too busy: {is_late}");
        }
        (is_served || !is_late).then_some(is_served)
    }
}

/// On a machine without Redis, nothing is shown.
fn all_go_on(
    arguments: &[&str],
    away: fn(&mut Journey),
    back: fn(&mut Journey),
    times: [Duration; 2],
) {
    let _limit = Limit::start();
    assert!(trials::is_well(|_| match Journey::begin(arguments) {
        Some(mut journey) => journey.goes_on(away, back, times),
        None => Some(true),
    }));
}

fn command(journey: &Journey, words: &[&str]) {
    let reply = journey.redis.command(words);
    assert!(reply.starts_with("+OK"), "{reply}");
}

#[test]
fn within_a_second_after_a_server_that_was_stopped_continues_all_go_on() {
    let stop = |it: &mut Journey| it.redis.signal("STOP");
    all_go_on(&[], stop, |it| it.redis.signal("CONT"), [2 * LONGEST_CALL, SECOND]);
}

#[test]
fn within_a_second_after_the_way_to_redis_is_open_again_all_go_on() {
    all_go_on(&[], |it| it.path.close(), |it| it.path.open(), [LONGEST_ON_IDLE, SECOND]);
}

#[test]
fn within_a_second_after_redis_takes_writes_again_all_go_on() {
    let refuse = |it: &mut Journey| command(it, &["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let allow = |it: &mut Journey| command(it, &["CONFIG", "SET", "min-replicas-to-write", "0"]);
    all_go_on(&[], refuse, allow, [AT_ONCE, SECOND]);
}

#[test]
fn within_a_second_after_redis_is_no_replica_any_more_all_go_on() {
    // Nobody is there that it could follow.
    let follow = |it: &mut Journey| command(it, &["REPLICAOF", "127.0.0.1", "9"]);
    let lead = |it: &mut Journey| command(it, &["REPLICAOF", "NO", "ONE"]);
    all_go_on(&[], follow, lead, [AT_ONCE, SECOND]);
}

#[test]
fn a_second_and_a_period_after_redis_has_memory_again_all_go_on() {
    let fill = |it: &mut Journey| {
        command(it, &["CONFIG", "SET", "maxmemory", "1"]);
        command(it, &["FLUSHALL"]);
    };
    let clear = |it: &mut Journey| command(it, &["CONFIG", "SET", "maxmemory", "0"]);
    all_go_on(&[], fill, clear, [AT_ONCE, SECOND + HELD]);
}

#[test]
fn a_second_and_a_period_after_redis_was_started_again_without_its_data_all_go_on() {
    all_go_on(&[], |it| it.redis.kill(), |it| it.redis.start_again(), [AT_ONCE, SECOND + HELD]);
}

#[test]
fn a_second_and_a_period_after_redis_was_started_again_with_its_data_all_go_on() {
    let folder = std::env::temp_dir().join(format!("heysync-append-only-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.display().to_string();
    let arguments = ["--appendonly", "yes", "--appendfsync", "always", "--dir", &path];
    let start_again = |it: &mut Journey| {
        it.redis.start_again();
        assert_ne!(it.redis.command(&["DBSIZE"]), ":0\r\n");
    };
    all_go_on(&arguments, |it| it.redis.kill(), start_again, [AT_ONCE, SECOND + HELD]);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_second_and_a_period_after_a_replica_took_over_all_go_on() {
    let fail_over = |it: &mut Journey| {
        let replica = RedisServer::start().unwrap();
        it.path.switch_to(replica.port());
        it.redis = replica;
    };
    all_go_on(&[], |it| it.redis.kill(), fail_over, [AT_ONCE, SECOND + HELD]);
}
