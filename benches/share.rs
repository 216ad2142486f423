//! One key in many processes: how fast, how fair, and whether a server ever counts too many.
//!
//! `cargo bench --features share --bench share` runs for about three quarters of an hour, in real time. It starts itself as the
//! processes, and serves the server that counts, on a loopback port.

#[allow(dead_code)]
#[path = "../tests/share/herd.rs"]
mod herd;
#[allow(dead_code)]
#[path = "../src/limiter/tests/servers.rs"]
mod servers;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use herd::{Client, Plan, Seen};
use heysync::http::Response;
use heysync::limiter::{Rate, Share};
use heysync::sandbox::{self, WireResponse};
use heysync::{Config, heylo};
use servers::{FixedWindow, Refilled, Server, SlidingCounter, SlidingLog};

const SECOND: u64 = 1_000_000_000;
const TIME: Duration = Duration::from_secs(30);
/// Short measurements are repeated so often.
const ROUNDS: u32 = 40;

fn main() {
    herd::obey();
    let arguments: Vec<String> = std::env::args().collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return println!(
            "a benchmark in real time; run it by: cargo bench --features share --bench share"
        );
    }
    let wanted =
        |name: &str| arguments.len() < 3 || arguments.iter().any(|it| name.contains(it.as_str()));
    let ms = Duration::from_millis;
    if wanted("cost") {
        cost();
    }
    programs(&wanted);
    println!(
        "{:44}{:>8}{:>8}{:>8}{:>10}{:>10}{:>8}",
        "six processes, 5 per second",
        "counted",
        "refused",
        "most",
        "of bound",
        "possible",
        "unfair"
    );
    let hand = Plan { client: Client::ByHand, ..Plan::new(TIME) };
    let slow_hand = Plan { latency: ms(400), jitter: ms(80), ..hand };
    for (name, plan) in [
        ("0 ms", Plan::new(TIME)),
        ("400 ms", Plan { latency: ms(400), ..Plan::new(TIME) }),
        ("400 ms, jitter 80", Plan { latency: ms(400), jitter: ms(80), ..Plan::new(TIME) }),
        ("0 ms, killed", Plan { kill_every: Some(ms(2000)), ..Plan::new(TIME) }),
        (
            "400 ms, killed",
            Plan {
                latency: ms(400),
                jitter: ms(80),
                kill_every: Some(ms(2000)),
                ..Plan::new(TIME)
            },
        ),
        ("0 ms, pauses", Plan { pause: ms(3000), ..Plan::new(TIME) }),
        (
            "400 ms, pauses",
            Plan { latency: ms(400), jitter: ms(80), pause: ms(3000), ..Plan::new(TIME) },
        ),
        ("0 ms, by hand", hand),
        ("400 ms, by hand", slow_hand),
        ("0 ms, killed, by hand", Plan { kill_every: Some(ms(2000)), ..hand }),
        ("400 ms, killed, by hand", Plan { kill_every: Some(ms(2000)), ..slow_hand }),
        ("0 ms, pauses, by hand", Plan { pause: ms(3000), ..hand }),
        ("400 ms, pauses, by hand", Plan { pause: ms(3000), ..slow_hand }),
        ("0 ms, not shared", Plan { client: Client::Alone, ..Plan::new(TIME) }),
    ] {
        for (server, seen) in against(name, plan, &wanted) {
            show(&format!("{name}, {server}"), &seen);
        }
    }
}

/// 120 runs of a program that sends one request, within a minute, at 100 per minute. On a log that counts refused requests,
/// those by hand would not end.
fn programs(wanted: &dyn Fn(&str) -> bool) {
    let minute = Duration::from_secs(60);
    let shared = Plan { rate: (100, minute), requests: 1, ..Plan::new(minute) };
    let hand = Plan { client: Client::ByHand, ..shared };
    let harsh = |plan| herd::run_programs(plan, 120, SlidingLog::harsh(100, 60 * SECOND));
    let log = |plan| herd::run_programs(plan, 120, SlidingLog::new(100, 60 * SECOND));
    let counter =
        |plan| herd::run_programs(plan, 120, SlidingCounter::new(100, 60 * SECOND, false));
    let rows: [(&str, Plan, &dyn Fn(Plan) -> Seen); 4] = [
        ("120 programs, sliding log", shared, &harsh),
        ("120 programs, sliding counter", shared, &counter),
        ("120 programs, by hand, sliding log", hand, &log),
        ("120 programs, by hand, sliding counter", hand, &counter),
    ];
    for (name, plan, run) in rows.into_iter().filter(|(name, ..)| wanted(name)) {
        show(name, &run(plan));
    }
}

/// The cost of a token, beside that of a call on a loopback port.
fn cost() {
    const CALLS: u32 = 200;
    let folder = herd::Folder::new();
    let server =
        sandbox::serve(0, |_| WireResponse::Complete(Response::new(br#"{"roles": []}"#.to_vec())));
    let server = server.expect("a free port");
    let rate = Rate::new(1_000_000, Duration::from_millis(1));
    let client = |config: Config| {
        heylo::Client::with_config("a-key", config.base_url(server.url())).expect("a client")
    };
    let alone = client(Config::new().rate(rate));
    let shared = client(Config::new().rate(rate).share(Share::file_in(&folder.0)));
    let time = |client: &heylo::Client| {
        let community = client.community("c");
        let start = Instant::now();
        (0..CALLS).for_each(|_| drop(community.roles().expect("a response")));
        start.elapsed() / CALLS
    };
    // In turns, and the least of each: the machine does other things as well.
    let rounds: Vec<_> = (0..ROUNDS).map(|_| (time(&alone), time(&shared))).collect();
    let alone = rounds.iter().map(|(alone, _)| *alone).min().unwrap_or_default();
    let shared = rounds.iter().map(|(_, shared)| *shared).min().unwrap_or_default();
    println!("a call {alone:?}, with a share {shared:?}");
    for rate in [rate, Rate::per_second(5), Rate::per_minute(100)] {
        println!("a token of {rate}: {:?}", token(rate));
    }
    let (lock, step) = system_calls();
    println!("a lock and an unlock alone {lock:?}, the system calls of a step alone {step:?}");
}

/// How long it takes to lock a file and to unlock it, and to look at its path, to read it and to write it in between: each token
/// is two such steps.
fn system_calls() -> (Duration, Duration) {
    const STEPS: u32 = 500;
    let folder = herd::Folder::new();
    fs::create_dir(&folder.0).expect("a folder");
    let path = folder.0.join("alone");
    let mut options = File::options();
    let file = options.read(true).write(true).create_new(true).open(&path).expect("a file");
    let time = |work: &dyn Fn()| {
        let round = || {
            let start = Instant::now();
            for _ in 0..STEPS {
                file.try_lock().expect("a lock");
                work();
                file.unlock().expect("a lock to give back");
            }
            start.elapsed() / STEPS
        };
        (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
    };
    let step = || {
        let mut page = [0; 4096];
        let _ = fs::symlink_metadata(&path).expect("a file");
        let _ = file.read_at(&mut page, 0).expect("a page");
        file.write_all_at(&page[..2040], 16).expect("a disk with room");
    };
    (time(&|| {}), time(&step))
}

/// How long it takes to take a token from a file and to return it.
fn token(rate: Rate) -> Duration {
    const TOKENS: u32 = 500;
    let folder = herd::Folder::new();
    let config = Config::new().base_url("http://127.0.0.1:9").rate(rate);
    let config = config.share(Share::file_in(&folder.0));
    let client = heylo::Client::with_config("a-key", config).expect("a client");
    let round = || {
        let start = Instant::now();
        for _ in 0..TOKENS {
            if let Ok(permit) = client.bucket().try_acquire() {
                permit.never_sent();
            }
        }
        start.elapsed() / TOKENS
    };
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}

fn against(name: &str, plan: Plan, wanted: &dyn Fn(&str) -> bool) -> Vec<(&'static str, Seen)> {
    fn on(plan: Plan, server: impl Server + Send + 'static) -> Seen {
        herd::run(plan, server)
    }
    let servers: [(&str, fn(Plan) -> Seen); 4] = [
        ("sliding log", |plan| on(plan, SlidingLog::harsh(5, SECOND))),
        ("fixed window", |plan| on(plan, FixedWindow::new(5, SECOND, SECOND / 3))),
        ("token bucket", |plan| on(plan, Refilled::new(5, SECOND))),
        ("sliding counter", |plan| on(plan, SlidingCounter::new(5, SECOND, false))),
    ];
    let servers = servers.into_iter().filter(|(server, _)| wanted(&format!("{name}, {server}")));
    servers.map(|(server, run)| (server, run(plan))).collect()
}

fn show(name: &str, seen: &Seen) {
    println!(
        "{name:44}{:>8}{:>8}{:>8}{:>10.3}{:>10.3}{:>8.2}",
        seen.counted, seen.refused, seen.most, seen.speed, seen.possible, seen.fairness
    );
}
