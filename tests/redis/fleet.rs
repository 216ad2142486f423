//! Processes that send requests as fast as they may, and a service that counts them.

use std::collections::BTreeMap;
use std::env;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

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
            let response = Response::builder().status(status).body(body.into());
            WireResponse::Complete(response.unwrap())
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
    /// The part of what is possible in `time`, with a round trip of `latency`.
    pub(crate) fn part_of_bound(&self, time: Duration, latency: Duration) -> f64 {
        let cycles = time.as_secs_f64() / (HELD + latency.as_secs_f64());
        self.counted as f64 / (N as f64 * cycles)
    }

    /// How often the most served worker was served, for one time of the least served.
    pub(crate) fn unfairness(&self) -> f64 {
        let most = self.by_worker.values().max().copied().unwrap_or(0);
        let least = self.by_worker.values().min().copied().unwrap_or(0);
        most as f64 / least.max(1) as f64
    }
}

/// Processes that are killed when this is dropped.
pub(crate) struct Fleet {
    redis: String,
    service: String,
    workers: Vec<(String, Child)>,
}

impl Fleet {
    pub(crate) fn start(count: usize, redis: &str, service: &str) -> Fleet {
        Fleet::trusting(count, redis, service, None)
    }

    /// Processes that trust the certificates of this file only.
    pub(crate) fn trusting(
        count: usize,
        redis: &str,
        service: &str,
        roots: Option<&Path>,
    ) -> Fleet {
        let workers = (0..count).map(|number| format!("worker{number}"));
        let worker = |name: String| (name.clone(), spawn(&name, redis, service, roots));
        let workers = workers.map(worker).collect();
        Fleet { redis: redis.to_owned(), service: service.to_owned(), workers }
    }

    /// Kills one process, as `kill -9` does, and starts another one in its place.
    pub(crate) fn replace(&mut self, place: usize) {
        let place = place % self.workers.len();
        let (name, child) = &mut self.workers[place];
        child.kill().unwrap();
        child.wait().unwrap();
        *child = spawn(name, &self.redis, &self.service, None);
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

/// This program, in the role of a worker.
fn spawn(name: &str, redis: &str, service: &str, roots: Option<&Path>) -> Child {
    let program = env::current_exe().unwrap();
    Command::new(program)
        .args(["--exact", "fleet::a_worker_works", "--nocapture"])
        .envs([(ROLE, name), (REDIS, redis), (SERVICE, service)])
        .envs(roots.map(|roots| ("SSL_CERT_FILE", roots)))
        // Closed when this process ends, however that happens.
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
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
    let client = client(&name, &redis, &service);
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
