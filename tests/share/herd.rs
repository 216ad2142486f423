//! A herd: processes that use one key at a server that counts, some of them killed meanwhile.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use heysync::http::{Request, Response};
use heysync::limiter::{Rate, Share};
use heysync::sandbox::{self, WireResponse};
use heysync::{Config, heylo};

use super::servers::Server;

/// The environment of a child: what it does, and where.
const CHILD: &str = "HEYSYNC_TEST_CHILD";

/// What a herd does.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) client: Client,
    pub(crate) processes: usize,
    pub(crate) time: Duration,
    /// There and back.
    pub(crate) latency: Duration,
    /// Each way takes up to so much more or less.
    pub(crate) jitter: Duration,
    /// The longest pause between two calls of a process.
    pub(crate) pause: Duration,
    /// One process is killed this often, and another one started in its place.
    pub(crate) kill_every: Option<Duration>,
    pub(crate) rate: (u32, Duration),
    /// A second limit beside that.
    pub(crate) longer: Option<(u32, Duration)>,
    /// How many requests a process sends; 0 for no end.
    pub(crate) requests: u32,
}

/// What a process of a herd is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// A client of this crate, with a share.
    Sharing,
    /// A client of this crate, each process for itself.
    Alone,
    /// What one writes by hand: after a 429 it waits for as long as the server asks.
    ByHand,
}

impl Plan {
    pub(crate) const fn new(time: Duration) -> Plan {
        Plan {
            client: Client::Sharing,
            processes: 6,
            time,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            pause: Duration::ZERO,
            kill_every: None,
            rate: (5, Duration::from_secs(1)),
            longer: None,
            requests: 0,
        }
    }

    /// How many requests a second the limit allows, if tokens are back P' after the responses.
    fn bound(&self) -> f64 {
        let (requests, period) = self.rate;
        let held = period.as_secs_f64() * 1.001 + 0.005;
        f64::from(requests) / (held + self.latency.as_secs_f64())
    }
}

/// What the server saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) counted: usize,
    pub(crate) refused: usize,
    /// The most that were counted in one period, both its ends included.
    pub(crate) most: usize,
    /// The same of the second limit.
    pub(crate) most_of_longer: usize,
    /// The part of the bound that was reached.
    pub(crate) speed: f64,
    /// Most to least served of the processes.
    pub(crate) fairness: f64,
    /// How many processes were killed with a request under way, whose token is out for the grace as well.
    pub(crate) killed: usize,
    /// The part of the bound that those tokens leave.
    pub(crate) possible: f64,
}

/// How long the token of a process that died is held beyond P'.
const GRACE: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Log {
    counted: Vec<u64>,
    refused: usize,
    served: BTreeMap<String, usize>,
    under_way: BTreeMap<String, usize>,
    killed: usize,
}

impl Log {
    /// Notes that a process is killed.
    fn kill(&mut self, number: usize) {
        let under_way = self.under_way.get(&format!("herd/{number}")).copied().unwrap_or(0);
        self.killed += usize::from(under_way > 0);
    }
}

/// Runs a herd against `server` and reports what that saw.
pub(crate) fn run(plan: Plan, server: impl Server + Send + 'static) -> Seen {
    let folder = Folder::new();
    let log = Arc::new(Mutex::new(Log::default()));
    let served = serve(plan, server, Arc::clone(&log)).expect("a free port");
    let start = |number| spawn(&plan, number, &served.url(), &folder.0);
    let mut herd: Vec<Child> = (0..plan.processes).map(start).collect();
    // Until all of them are there, nothing counts.
    let limit = Instant::now() + Duration::from_secs(30);
    while lock(&log).served.len() < plan.processes && Instant::now() < limit {
        thread::sleep(Duration::from_millis(5));
    }
    let before = std::mem::take(&mut lock(&log).served);
    let begin = Instant::now();
    for round in 0.. {
        let Some(left) = plan.time.checked_sub(begin.elapsed()) else { break };
        thread::sleep(plan.kill_every.unwrap_or(left).min(left));
        if plan.kill_every.is_some() && begin.elapsed() < plan.time {
            let number = round % herd.len();
            lock(&log).kill(number);
            end(&mut herd[number]);
            herd[number] = start(number);
        }
    }
    let log_then = std::mem::take(&mut *lock(&log));
    herd.iter_mut().for_each(end);
    drop(before);
    report(&plan, &log_then, begin.elapsed())
}

/// Starts `programs` one after the other, evenly over the time of the plan, waits for all of them, and reports.
pub(crate) fn run_programs(
    plan: Plan,
    programs: u32,
    server: impl Server + Send + 'static,
) -> Seen {
    let folder = Folder::new();
    let log = Arc::new(Mutex::new(Log::default()));
    let served = serve(plan, server, Arc::clone(&log)).expect("a free port");
    let begin = Instant::now();
    let start = |number: u32| {
        thread::sleep((plan.time * number / programs).saturating_sub(begin.elapsed()));
        spawn(&plan, number as usize, &served.url(), &folder.0)
    };
    for mut program in (0..programs).map(start).collect::<Vec<_>>() {
        assert!(program.wait().expect("a process that ends").success());
    }
    let log = std::mem::take(&mut *lock(&log));
    report(&Plan { processes: programs as usize, ..plan }, &log, begin.elapsed())
}

fn report(plan: &Plan, log: &Log, time: Duration) -> Seen {
    let most_in = |period: Duration| {
        let period = period.as_nanos() as u64;
        let in_window = |(i, end): (usize, &u64)| {
            i + 1 - log.counted[..=i].partition_point(|at| at + period < *end)
        };
        log.counted.iter().enumerate().map(in_window).max().unwrap_or_default()
    };
    let served =
        |pick: fn(std::collections::btree_map::Values<'_, String, usize>) -> Option<usize>| {
            pick(log.served.values()).unwrap_or_default()
        };
    let (most, least) = (served(|it| it.max().copied()), served(|it| it.min().copied()));
    let done: usize = log.served.values().sum();
    Seen {
        counted: log.counted.len(),
        refused: log.refused,
        most: most_in(plan.rate.1),
        most_of_longer: plan.longer.map_or(0, |(_, period)| most_in(period)),
        speed: done as f64 / time.as_secs_f64() / plan.bound(),
        killed: log.killed,
        possible: 1.0
            - log.killed as f64 * GRACE.as_secs_f64()
                / (f64::from(plan.rate.0) * time.as_secs_f64()),
        fairness: match log.served.len() == plan.processes {
            true => most as f64 / least as f64,
            false => f64::INFINITY,
        },
    }
}

fn serve(
    plan: Plan,
    server: impl Server + Send + 'static,
    log: Arc<Mutex<Log>>,
) -> io::Result<sandbox::Server> {
    let (server, start) = (Mutex::new(server), Instant::now());
    let way = move || {
        let jitter = plan.jitter.as_nanos() as u64;
        let more = Duration::from_nanos(fastrand::u64(0..=2 * jitter));
        thread::sleep((plan.latency / 2 + more).saturating_sub(plan.jitter));
    };
    sandbox::serve(0, move |request: Request<Vec<u8>>| {
        let name = request.headers()["user-agent"].to_str().unwrap_or_default();
        let name = name.split(' ').next().unwrap_or_default().to_owned();
        *lock(&log).under_way.entry(name.clone()).or_default() += 1;
        way();
        let (admitted, wait) = {
            let mut server = lock(&server);
            let now = start.elapsed().as_nanos() as u64;
            let admitted = server.admit(now);
            let mut log = lock(&log);
            match admitted {
                true => log.counted.push(now),
                false => log.refused += 1,
            }
            *log.served.entry(name.clone()).or_default() += usize::from(admitted);
            (admitted, server.wait(now).div_ceil(1_000_000_000).max(1))
        };
        way();
        lock(&log).under_way.entry(name).and_modify(|it| *it -= 1);
        let response = match admitted {
            true => Response::builder().body(br#"{"roles": []}"#.to_vec()),
            false => Response::builder().status(429).header("retry-after", wait).body(Vec::new()),
        };
        WireResponse::Complete(response.expect("a sound response"))
    })
}

/// Starts this program again, as a process of a herd.
fn spawn(plan: &Plan, number: usize, url: &str, folder: &Path) -> Child {
    let kind = match plan.client {
        Client::Sharing => "sharing",
        Client::Alone => "alone",
        Client::ByHand => "by-hand",
    };
    let (requests, period) = plan.rate;
    let longer = plan.longer.unwrap_or(plan.rate);
    let orders = [
        kind.to_owned(),
        number.to_string(),
        url.to_owned(),
        plan.pause.as_millis().to_string(),
        requests.to_string(),
        period.as_millis().to_string(),
        longer.0.to_string(),
        longer.1.as_millis().to_string(),
        plan.requests.to_string(),
        folder.display().to_string(),
    ];
    child(&orders.join("\n"))
}

/// Starts this program again with orders.
fn child(orders: &str) -> Child {
    start(Command::new(std::env::current_exe().expect("the path of this program")), orders)
}

fn start(mut command: Command, orders: &str) -> Child {
    // For a test program: only the test that carries out the orders.
    command.args(["--exact", "child", "--nocapture"]).env(CHILD, orders);
    command.stdout(Stdio::null()).spawn().expect("a process")
}

/// Ends a process as `kill -9` does.
pub(crate) fn end(child: &mut Child) {
    child.kill().expect("a process to end");
    child.wait().expect("a process that has ended");
}

/// Carries out the orders if this process is a child.
pub(crate) fn obey() {
    let Ok(orders) = std::env::var(CHILD) else { return };
    let orders: Vec<&str> = orders.split('\n').collect();
    let [kind, name, url, pause, limits @ .., most, folder] = &orders[..] else { return };
    let rest = || {
        if *pause != "0" {
            thread::sleep(Duration::from_millis(fastrand::u64(0..=number(pause))));
        }
    };
    match *kind {
        "by-hand" => return by_hand(name, url, number(most), rest),
        "spin" => return spin(folder),
        "hold" => return hold(folder),
        _ => {}
    }
    let limits = limits.chunks_exact(2).map(|it| [it[0], it[1]].map(number));
    let rate = limits.fold(Rate::unlimited(), |rate, [requests, period]| {
        rate.and(Rate::new(requests as u32, Duration::from_millis(period)))
    });
    let mut config = Config::new().base_url(*url).user_agent(format!("herd/{name}")).rate(rate);
    if *kind == "sharing" {
        config = config.share(Share::file_in(folder));
    }
    let client = heylo::Client::with_config("a-key-of-many", config).expect("a client");
    let mut sent = 0;
    while *most == "0" || sent < number(most) {
        if let Err(error) = client.community("c").roles() {
            eprintln!("{}", error.report());
        }
        sent += 1;
        rest();
    }
}

/// A client of this crate that shares a limit, without a server.
pub(crate) fn sharing(folder: &Path, rate: Rate) -> heylo::Client {
    let config = Config::new().base_url("http://127.0.0.1:9").rate(rate);
    heylo::Client::with_config("a-key-of-many", config.share(Share::file_in(folder)))
        .expect("a client")
}

/// Starts this program again, to do `what` with the file in `folder` until it is killed.
pub(crate) fn helper(what: &str, folder: &Path) -> Child {
    child(&orders_of_a_helper(what, folder))
}

/// Does the same by another program, which gets the path of this one after its own arguments.
pub(crate) fn helper_by(program: &str, arguments: &[&str], what: &str, folder: &Path) -> Child {
    let mut command = Command::new(program);
    command.args(arguments).arg(std::env::current_exe().expect("the path of this program"));
    start(command, &orders_of_a_helper(what, folder))
}

fn orders_of_a_helper(what: &str, folder: &Path) -> String {
    [what, "", "", "0", "0", &folder.display().to_string()].join("\n")
}

/// Takes and returns tokens without end.
fn spin(folder: &str) {
    let client = sharing(Path::new(folder), Rate::per_second(1_000_000));
    loop {
        if let Ok(permit) = client.bucket().try_acquire() {
            permit.never_sent();
        }
    }
}

/// Takes the only token and keeps it.
fn hold(folder: &str) {
    let client = sharing(Path::new(folder), HOLD);
    let Ok(_permit) = client.bucket().try_acquire() else { std::process::exit(1) };
    loop {
        thread::park();
    }
}

/// The rate of a helper that holds a token.
pub(crate) const HOLD: Rate = Rate::new(1, Duration::from_millis(50));

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn by_hand(name: &str, url: &str, most: u64, rest: impl Fn()) {
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let agent = ureq::Agent::new_with_config(config);
    let mut sent = 0;
    while most == 0 || sent < most {
        let request =
            agent.post(format!("{url}/apiv1-fetch")).header("user-agent", format!("herd/{name}"));
        if let Ok(mut response) = request.send("{}") {
            let _ = response.body_mut().read_to_vec();
            if response.status() == 429 {
                let asked = response.headers()["retry-after"].to_str().unwrap_or_default();
                thread::sleep(Duration::from_secs(number(asked)));
                continue;
            }
        }
        sent += 1;
        rest();
    }
}

/// A folder of its own for one test, removed at its end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        let name = format!("heysync-share-{}-{:x}", std::process::id(), fastrand::u64(..));
        Folder(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
