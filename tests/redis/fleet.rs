//! Processes that send requests as fast as they may, and a service that counts them.

use std::collections::BTreeMap;
use std::env;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use heysync::http::{Request, Response};
use heysync::limiter::{Rate, Share};
use heysync::sandbox::{self, Server, WireResponse};
use heysync::{Config, ErrorKind, heylo};

/// What each window of a second may see.
pub(crate) const N: usize = 5;
const PERIOD: Duration = Duration::from_secs(1);
/// How long a token is held after a response, in seconds.
const HELD: f64 = 1.006;

/// The API key of all clients.
pub(crate) const KEY: &str = "key-of-the-fleet";

/// The arguments of a process, in environment variables.
const ROLE: &str = "HEYSYNC_TEST_WORKER";
const KIND: &str = "HEYSYNC_TEST_KIND";
const REDIS: &str = "HEYSYNC_TEST_REDIS";
const SERVICE: &str = "HEYSYNC_TEST_SERVICE";

/// A service that allows five requests in any second, and notes who sent them.
pub(crate) struct Meter {
    server: Server,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    /// When each request was counted, by whom, and whether it was refused.
    requests: Vec<(Instant, String, bool)>,
}

impl Meter {
    /// Each request takes `latency`, and is counted in the middle of it.
    pub(crate) fn start(latency: Duration) -> Meter {
        Meter::start_with(latency, &[])
    }

    /// The same, with these headers in every response.
    pub(crate) fn start_with(
        latency: Duration,
        headers: &'static [(&'static str, &'static str)],
    ) -> Meter {
        let log = Arc::new(Mutex::new(Log::default()));
        let its = Arc::clone(&log);
        let handler = move |request: Request<Vec<u8>>| {
            thread::sleep(latency / 2);
            let admitted = its.lock().unwrap().count(&request);
            thread::sleep(latency / 2);
            let (status, body) = match admitted {
                true => (200, r#"{"roles": []}"#),
                false => (429, r#"{"error": "too many requests"}"#),
            };
            let response = Response::builder().status(status);
            let response =
                headers.iter().fold(response, |it, (name, value)| it.header(*name, *value));
            WireResponse::Complete(response.body(body.into()).unwrap())
        };
        Meter { server: sandbox::serve(0, handler).unwrap(), log }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// How many requests were counted so far.
    pub(crate) fn counted(&self) -> usize {
        self.so_far().counted
    }

    pub(crate) fn refused(&self) -> usize {
        self.so_far().refused
    }

    /// The most in any second so far.
    pub(crate) fn most(&self) -> usize {
        self.so_far().most
    }

    fn so_far(&self) -> Figures {
        let now = Instant::now();
        let first = self.log.lock().unwrap().requests.first().map_or(now, |(at, ..)| *at);
        self.figures(first, now)
    }

    pub(crate) fn figures(&self, since: Instant, until: Instant) -> Figures {
        let log = self.log.lock().unwrap();
        let span: Vec<_> =
            log.requests.iter().filter(|(at, ..)| (since..until).contains(at)).collect();
        let times: Vec<Instant> = span.iter().map(|(at, ..)| *at).collect();
        let most = (0..times.len())
            .map(|last| times[..=last].iter().filter(|at| times[last] - **at < PERIOD).count());
        let mut by_worker = BTreeMap::new();
        for (_, worker, _) in &span {
            *by_worker.entry(worker.clone()).or_insert(0) += 1;
        }
        Figures {
            counted: span.len(),
            refused: span.iter().filter(|(.., refused)| *refused).count(),
            most: most.max().unwrap_or(0),
            by_worker,
        }
    }
}

impl Log {
    fn count(&mut self, request: &Request<Vec<u8>>) -> bool {
        let now = Instant::now();
        let recent = self.requests.iter().rev().take_while(|(at, ..)| now - *at < PERIOD);
        let admitted = recent.filter(|(.., refused)| !refused).count() < N;
        let agent = request.headers().get("user-agent").and_then(|it| it.to_str().ok());
        let worker = agent.and_then(|it| it.split(' ').next()).unwrap_or("nobody");
        self.requests.push((now, worker.to_owned(), !admitted));
        admitted
    }
}

/// What the service saw.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) counted: usize,
    pub(crate) refused: usize,
    /// The most in any second.
    pub(crate) most: usize,
    pub(crate) by_worker: BTreeMap<String, usize>,
}

impl Figures {
    /// The admitted requests as a part of what is possible in `time`, with a round trip of `latency`.
    pub(crate) fn part_of_bound(&self, time: Duration, latency: Duration) -> f64 {
        let cycles = time.as_secs_f64() / (HELD + latency.as_secs_f64());
        (self.counted - self.refused) as f64 / (N as f64 * cycles)
    }

    /// How often the most served of so many workers was served, for one time of the least served.
    pub(crate) fn unfairness(&self, workers: usize) -> f64 {
        let served = self.by_worker.values();
        match served.clone().min().filter(|_| served.len() == workers) {
            Some(least) => served.max().copied().unwrap_or(0) as f64 / *least as f64,
            None => f64::INFINITY,
        }
    }
}

/// How a process keeps to the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Heysync,
    /// One request, after which the process ends at once.
    Once,
    /// As it is often written by hand: a counter in Redis for each second.
    ByHand,
}

/// Processes that are killed when this is dropped.
pub(crate) struct Fleet {
    kind: Kind,
    redis: String,
    service: String,
    workers: Vec<(String, Child)>,
}

impl Fleet {
    pub(crate) fn start(kind: Kind, count: usize, redis: &str, service: &str) -> Fleet {
        let mut fleet = Fleet {
            kind,
            redis: redis.to_owned(),
            service: service.to_owned(),
            workers: Vec::new(),
        };
        for number in 0..count {
            let name = format!("worker{number}");
            let child = fleet.spawn(&name, None);
            fleet.workers.push((name, child));
        }
        fleet
    }

    /// One process that trusts the certificates of this file only.
    pub(crate) fn trusting(roots: &Path, redis: &str, service: &str) -> Fleet {
        let mut fleet = Fleet::start(Kind::Heysync, 0, redis, service);
        let child = fleet.spawn("trusting", Some(roots));
        fleet.workers.push(("trusting".to_owned(), child));
        fleet
    }

    /// Runs one process that sends one request.
    pub(crate) fn once(redis: &str, service: &str) {
        let mut fleet = Fleet::start(Kind::Once, 1, redis, service);
        let (_, child) = &mut fleet.workers[0];
        // Waiting would close it, which ends a worker.
        let _stdin = child.stdin.take();
        assert!(child.wait().unwrap().success());
    }

    /// This program, in the role of a worker.
    fn spawn(&self, name: &str, roots: Option<&Path>) -> Child {
        let program = env::current_exe().unwrap();
        let kind = format!("{:?}", self.kind);
        Command::new(program)
            .args(["--exact", "fleet::a_worker_works", "--nocapture"])
            .envs([(ROLE, name), (KIND, &kind), (REDIS, &self.redis), (SERVICE, &self.service)])
            .envs(roots.map(|roots| ("SSL_CERT_FILE", roots)))
            // Closed when this process ends, however that happens.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Kills one process, as `kill -9` does, and starts another one in its place.
    pub(crate) fn replace(&mut self, place: usize) {
        let place = place % self.workers.len();
        let (name, child) = &mut self.workers[place];
        child.kill().unwrap();
        child.wait().unwrap();
        let name = name.clone();
        self.workers[place].1 = self.spawn(&name, None);
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for (_, child) in &mut self.workers {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Sends requests until the process is killed.
pub(crate) fn work() {
    let Ok(name) = env::var(ROLE) else {
        return;
    };
    let [redis, service] = [REDIS, SERVICE].map(|variable| env::var(variable).unwrap());
    thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
    if env::var(KIND).is_ok_and(|kind| kind == "ByHand") {
        return work_by_hand(&name, &redis, &service);
    }
    let client = client(&name, &redis, &service);
    if env::var(KIND).is_ok_and(|kind| kind == "Once") {
        client.community("abc").roles().unwrap();
        std::process::exit(0);
    }
    loop {
        match client.community("abc").roles() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::SharedLimit => {
                eprintln!("{name}: {error}: {:?}", std::error::Error::source(&error));
                thread::sleep(Duration::from_millis(100));
            }
            Err(error) => eprintln!("{name}: {error}"),
        }
    }
}

fn work_by_hand(name: &str, redis: &str, service: &str) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let second = Duration::from_secs(1);
    loop {
        let Some(count) = count_by_hand(redis) else {
            thread::sleep(second / 10);
            continue;
        };
        let refused = count <= N && {
            let response = agent.post(service).header("user-agent", name).send_empty();
            response.is_ok_and(|response| response.status() == 429)
        };
        if refused || count > N {
            thread::sleep(second);
        }
    }
}

/// Counts one more request in this second.
fn count_by_hand(redis: &str) -> Option<usize> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let mut connection = redis::Client::open(redis).ok()?.get_connection().ok()?;
    let key = format!("by-hand:{now}");
    let count = redis::cmd("INCR").arg(&key).query(&mut connection).ok()?;
    redis::cmd("EXPIRE").arg(&key).arg(10).exec(&mut connection).ok()?;
    Some(count)
}

/// A client that shares its tokens in Redis.
pub(crate) fn client(name: &str, redis: &str, service: &str) -> heylo::Client {
    heylo::Client::with_config(KEY, config(name, redis, service)).unwrap()
}

pub(crate) fn config(name: &str, redis: &str, service: &str) -> Config {
    Config::new()
        .base_url(service)
        .proxy_from_env(false)
        .user_agent(name)
        .rate(Rate::per_second(N as u32))
        .share(Share::redis(redis))
}

#[test]
fn a_worker_works() {
    work();
}
