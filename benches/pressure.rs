//! The limiter where something is wrong: beside others on the same key, after a refusal, on servers that count in their
//! own way. The same calls are made by heysync and by two clients as one writes them by hand.
//!
//! `cargo bench --bench pressure` in this folder runs for about ten minutes, in real time. With a word behind `--`, only
//! the tables with that word in their title run: `cargo bench --bench pressure -- greedy`. A client by hand gives up after
//! two minutes.

#[allow(dead_code)]
#[path = "../src/limiter/tests/servers.rs"]
mod servers;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use heysync::http::{Request, Response, StatusCode};
use heysync::{Config, heylo};
use servers::{FixedWindow, Opened, Refilled, Server, SlidingCounter, SlidingLog};

const N: u32 = 5;
const SECOND: Duration = Duration::from_secs(1);
/// A client by hand may find no moment at which it gets through. It gives up then.
const LIMIT: Duration = Duration::from_secs(120);
const P: u64 = 1_000_000_000;

type Kind = (&'static str, fn() -> Box<dyn Server + Send>);

const KINDS: [Kind; 6] = [
    ("fixed window", || Box::new(FixedWindow::new(N, P, P / 3))),
    ("window from 1st request", || Box::new(Opened::new(N, P))),
    ("sliding log", || Box::new(SlidingLog::new(N, P))),
    ("log that counts refusals", || Box::new(SlidingLog::harsh(N, P))),
    ("token bucket", || Box::new(Refilled::new(N, P))),
    ("weighted counter", || Box::new(SlidingCounter::new(N, P, false))),
];

/// Who makes the calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Heysync,
    /// Sends, and sleeps for `Retry-After` if refused.
    Raw,
    /// The same, and sleeps for a period's share after each request.
    Careful,
}

const ALL: [(&str, Who); 3] =
    [("heysync", Who::Heysync), ("raw", Who::Raw), ("careful", Who::Careful)];

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Nothing,
    /// The twentieth request is refused for no reason.
    OneRefusal,
    /// Somebody takes half the budget, evenly.
    Half,
    /// A raw client takes all it can.
    Greedy,
    /// An earlier run has just spent the budget.
    Cold,
}

/// A server with a latency.
struct Service {
    counter: Mutex<Box<dyn Server + Send>>,
    begin: Instant,
    latency: Duration,
    refuse: Option<u64>,
    sent: AtomicU64,
    refused: AtomicU64,
}

impl Service {
    /// Returns how long to wait if the request is refused, in whole seconds.
    fn call(&self, is_ours: bool) -> Option<Duration> {
        thread::sleep(self.latency / 2);
        let number = if is_ours { self.sent.fetch_add(1, Ordering::SeqCst) } else { u64::MAX };
        let refusal = {
            let mut counter = self.counter.lock().expect("a server that lives");
            let now = self.begin.elapsed().as_nanos() as u64;
            let admitted = counter.admit(now) && self.refuse != Some(number);
            (!admitted).then(|| SECOND * counter.wait(now).div_ceil(P).max(1) as u32)
        };
        self.refused.fetch_add(u64::from(is_ours && refusal.is_some()), Ordering::SeqCst);
        thread::sleep(self.latency / 2);
        refusal
    }
}

#[derive(Clone, Copy)]
struct Trial {
    kind: Kind,
    who: Who,
    trouble: Trouble,
    latency: u64,
    threads: u64,
    calls: u64,
}

impl Trial {
    /// Returns how many requests were refused, and how long all took.
    fn run(self) -> (u64, Duration) {
        let service = Arc::new(Service {
            counter: Mutex::new((self.kind.1)()),
            begin: Instant::now(),
            latency: Duration::from_millis(self.latency),
            refuse: (self.trouble == Trouble::OneRefusal).then_some(19),
            sent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        let stop = Arc::new(AtomicBool::new(false));
        self.prepare(&service, &stop);
        let begin = Instant::now();
        self.make_calls(&service);
        stop.store(true, Ordering::SeqCst);
        (service.refused.load(Ordering::SeqCst), begin.elapsed())
    }

    fn prepare(self, service: &Arc<Service>, stop: &Arc<AtomicBool>) {
        let (other, stop) = (Arc::clone(service), Arc::clone(stop));
        match self.trouble {
            Trouble::Nothing | Trouble::OneRefusal => return,
            Trouble::Cold => {
                (0..N).for_each(|_| drop(other.counter.lock().map(|mut it| it.admit(0))));
                return;
            }
            Trouble::Half => thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let begin = Instant::now();
                    other.call(false);
                    thread::sleep((SECOND * 2 / N).saturating_sub(begin.elapsed()));
                }
            }),
            Trouble::Greedy => thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    other.call(false).into_iter().for_each(thread::sleep);
                }
            }),
        };
        thread::sleep(SECOND * 5 / 2);
    }

    fn make_calls(self, service: &Arc<Service>) {
        let client = client(service, &next_key());
        let (left, begin) = (AtomicU64::new(self.calls), Instant::now());
        let take = || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |it| it.checked_sub(1));
        thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(|| {
                    while take().is_ok() {
                        match self.who {
                            Who::Heysync => {
                                client.community("abc").roles().expect("a call that gets through");
                            }
                            _ => by_hand(service, self.who, begin),
                        }
                    }
                });
            }
        });
    }
}

/// Each run has a key of its own, and so a bucket of its own.
fn next_key() -> String {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    format!("key-{}", RUNS.fetch_add(1, Ordering::SeqCst))
}

fn by_hand(service: &Service, who: Who, begin: Instant) {
    while begin.elapsed() < LIMIT {
        let refusal = service.call(true);
        if who == Who::Careful {
            thread::sleep(SECOND / N);
        }
        match refusal {
            Some(pause) => thread::sleep(pause),
            None => return,
        }
    }
}

/// A client with the default configuration, apart from its transport.
fn client(service: &Arc<Service>, key: &str) -> heylo::Client {
    let service = Arc::clone(service);
    let transport = move |_: Request<Vec<u8>>, _: Duration| {
        let response = match service.call(true) {
            None => Response::builder().body(br#"{"roles": []}"#.to_vec()),
            Some(pause) => Response::builder()
                .status(StatusCode::TOO_MANY_REQUESTS)
                .header("retry-after", pause.as_secs())
                .body(Vec::new()),
        };
        Ok(response.expect("a valid response"))
    };
    let config = Config::new().base_url("http://127.0.0.1:9").transport(transport);
    heylo::Client::with_config(key, config).expect("a valid configuration")
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return println!(
            "a benchmark in real time; run it in `benches` by: cargo bench --bench pressure"
        );
    }
    println!(
        "{N} a second, Retry-After in whole seconds; refused requests / seconds for all calls"
    );
    table("alone, 60 calls", Trouble::Nothing, 60, &[10, 100, 300]);
    table("alone, 40 calls", Trouble::Nothing, 40, &[10, 100, 300]);
    table("one refusal, 40 calls", Trouble::OneRefusal, 40, &[10, 100, 300]);
    table("half the budget taken, 60 calls (24 s at least)", Trouble::Half, 60, &[10, 100, 300]);
    table("budget spent by an earlier run, 40 calls", Trouble::Cold, 40, &[10]);
    table(
        "beside a greedy client, 30 calls (12 s is a fair share)",
        Trouble::Greedy,
        30,
        &[4, 20, 100, 300],
    );
}

/// Makes all calls of a table at the same time: mostly, everybody sleeps.
fn table(title: &str, trouble: Trouble, calls: u64, latencies: &[u64]) {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    if words.peek().is_some() && !words.any(|word| title.contains(&word)) {
        return;
    }
    println!(
        "\n{title}\n{:26}{:>5}{:>9}{:>18}{:>18}{:>18}",
        "server", "ms", "threads", ALL[0].0, ALL[1].0, ALL[2].0
    );
    for latency in latencies.iter().copied() {
        thread::scope(|scope| {
            let rows = KINDS.into_iter().flat_map(|kind| [(kind, 1), (kind, 8)]);
            let rows: Vec<_> = rows
                .map(|(kind, threads)| {
                    let run = move |who| Trial { kind, who, trouble, latency, threads, calls };
                    (kind, threads, ALL.map(|(_, who)| scope.spawn(move || run(who).run())))
                })
                .collect();
            for (kind, threads, runs) in rows {
                let cells = runs.map(|run| {
                    let (refused, took) = run.join().expect("a run that ends");
                    format!("{:>18}", format!("{refused} / {:.1}", took.as_secs_f64()))
                });
                println!("{:26}{latency:>5}{threads:>9}{}", kind.0, cells.concat());
            }
        });
    }
}
