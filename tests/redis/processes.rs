//! Several processes with one key.

use std::thread;
use std::time::{Duration, Instant};

use crate::fleet::{Figures, Fleet, Kind, Meter, N};
use crate::limit::Limit;
use crate::path::Path;
use crate::redis_server::RedisServer;

/// The measurements that take minutes run if this is set.
const FIGURES: &str = "HEYSYNC_FIGURES";

const WORKERS: usize = 6;

/// The processes have so much time to send their first requests.
const START: Duration = Duration::from_secs(10);

/// What happens while the processes run.
type Events<'a> = &'a mut dyn FnMut(&mut RedisServer, &mut Fleet, Duration);

/// One run of six processes.
#[derive(Clone, Copy)]
struct Run {
    kind: Kind,
    time: Duration,
    /// Of the service.
    latency: Duration,
    /// Of Redis.
    redis_latency: Duration,
}

impl Run {
    /// Runs the processes, and returns what the service saw.
    fn go(&self, redis: &mut RedisServer, events: Events<'_>) -> Figures {
        let meter = Meter::start(self.latency);
        let path = Path::start(redis.port(), self.redis_latency);
        let start = Instant::now();
        let mut fleet = Fleet::start(self.kind, WORKERS, &path.url(), &meter.url());
        // The time begins when all of them are there: a new Redis gives no token for a period.
        while meter.figures(start, Instant::now()).by_worker.len() < WORKERS
            && start.elapsed() < START
        {
            thread::sleep(Duration::from_millis(10));
        }
        let begin = Instant::now();
        while begin.elapsed() < self.time {
            thread::sleep(Duration::from_millis(100));
            events(redis, &mut fleet, begin.elapsed());
        }
        drop(fleet);
        let Figures { most, refused, .. } = meter.figures(start, begin + self.time);
        Figures { most, refused, ..meter.figures(begin, begin + self.time) }
    }
}

#[test]
fn processes_share_the_limit_fairly() {
    let _limit = Limit::start();
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let latency = Duration::from_millis(20);
    let time = Duration::from_secs(8);
    let run = Run { kind: Kind::Heysync, time, latency, redis_latency: latency / 20 };
    let figures = run.go(&mut redis, &mut |_, _, _| {});
    assert!(figures.most <= N && figures.refused == 0, "{figures:?}");
    assert!(figures.unfairness(WORKERS) <= 3.0, "{figures:?}");
    assert!(figures.counted >= 20, "{figures:?}");
}

#[test]
fn with_a_restart_of_redis_and_with_processes_that_are_killed_no_window_sees_more_than_n() {
    let _limit = Limit::start();
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let latency = Duration::from_millis(100);
    let time = Duration::from_secs(9);
    let run = Run { kind: Kind::Heysync, time, latency, redis_latency: latency / 100 };
    let (mut is_gone, mut killed) = (false, 0);
    let figures = run.go(&mut redis, &mut |redis, fleet, passed| {
        if passed.as_secs() / 2 > killed {
            killed += 1;
            fleet.replace(killed as usize);
        }
        if !is_gone && passed > Duration::from_secs(5) {
            is_gone = true;
            redis.kill();
            thread::sleep(Duration::from_millis(500));
            redis.start_again();
        }
    });
    assert!(figures.most <= N && figures.refused == 0, "{figures:?}");
    assert!(figures.counted >= 15, "{figures:?}");
}

#[test]
fn with_redis_half_a_second_away_the_limit_holds_and_all_go_on() {
    let _limit = Limit::start();
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let (latency, time) = (Duration::from_millis(20), Duration::from_secs(8));
    let redis_latency = Duration::from_millis(500);
    let run = Run { kind: Kind::Heysync, time, latency, redis_latency };
    let figures = run.go(&mut redis, &mut |_, _, _| {});
    assert!(figures.most <= N && figures.refused == 0, "{figures:?}");
    assert!(figures.by_worker.len() == WORKERS && figures.counted >= 12, "{figures:?}");
}

/// The part of a run in which Redis is killed, and the time after which it is started again, without its data.
fn gone_for_two_seconds(redis: &mut RedisServer, passed: Duration, state: &mut u8) {
    match *state {
        0 if passed >= Duration::from_secs(14) => redis.kill(),
        1 if passed >= Duration::from_secs(16) => redis.start_again(),
        _ => return,
    }
    *state += 1;
}

#[test]
fn figures_of_thirty_seconds() {
    if std::env::var_os(FIGURES).is_none() {
        return eprintln!("left out: measurements of five minutes ({FIGURES}=1)");
    }
    for kind in [Kind::Heysync, Kind::ByHand] {
        for (name, redis_latency, latency) in [
            ("undisturbed", 1, 20),
            ("undisturbed", 1, 400),
            ("undisturbed", 500, 20),
            ("Redis gone for 2 s", 1, 20),
            ("a process killed every 2 s", 1, 400),
        ] {
            let time = Duration::from_secs(30);
            let [latency, redis_latency] = [latency, redis_latency].map(Duration::from_millis);
            figures(name, Run { kind, time, latency, redis_latency });
        }
    }
}

fn figures(name: &str, run: Run) {
    let mut redis = RedisServer::start().expect("a redis-server");
    let (mut state, mut killed) = (0, 0);
    let figures = run.go(&mut redis, &mut |redis, fleet, passed| {
        if name.starts_with("Redis gone") {
            gone_for_two_seconds(redis, passed, &mut state);
        }
        if name.contains("killed") && passed.as_secs() / 2 > killed {
            killed += 1;
            fleet.replace(killed as usize);
        }
    });
    if run.kind == Kind::Heysync {
        assert!(figures.most <= N && figures.refused == 0, "{name}: {figures:?}");
    }
    let part = figures.part_of_bound(run.time, run.latency);
    eprintln!(
        "{:?}, {name}, Redis {:?}, service {:?}: at most {} in a second, {} refused, {part:.3} of the bound, most to \
         least {:.2}, {:.1} calls of Redis for a request",
        run.kind,
        run.redis_latency,
        run.latency,
        figures.most,
        figures.refused,
        figures.unfairness(WORKERS),
        calls(&redis) as f64 / figures.counted as f64,
    );
}

/// How often the script was called.
fn calls(redis: &RedisServer) -> u64 {
    let statistics = redis.command(&["INFO", "commandstats"]);
    let line = statistics.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
}
