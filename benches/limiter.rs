//! What the rate limiter costs: throughput against servers that count, and nanoseconds for a token.
//!
//! `cargo bench --bench limiter` in this folder runs for about two minutes, in real time.

#[allow(dead_code)]
#[path = "../src/limiter/tests/servers.rs"]
mod servers;

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use governor::{Quota, RateLimiter};
use heysync::SystemClock;
use heysync::http::{HeaderMap, StatusCode};
use heysync::limiter::Permit;
use heysync::limiter::{Rate, TokenBucket};
use servers::{FixedWindow, Refilled, Server, SlidingLog};

const CALLS: u64 = 1000;
const N: u32 = 5;
const P: Duration = Duration::from_millis(200);
/// There and back.
const LATENCY: Duration = Duration::from_millis(10);

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return println!(
            "a benchmark in real time; run it in `benches` by: cargo bench --bench limiter"
        );
    }
    throughput();
    fairness();
    cost_of_a_token();
    contention();
    size();
}

fn bucket(rate: Rate) -> TokenBucket {
    TokenBucket::new(rate, SystemClock)
}

fn take(bucket: &TokenBucket) -> Permit {
    bucket.acquire(None, &mut |_| {}).expect("no deadline")
}

fn answer(mut permit: Permit) {
    permit.responded(StatusCode::OK, &HeaderMap::new());
}

type Counting = Box<dyn Server + Send>;

fn servers() -> [(&'static str, Counting); 3] {
    let p = P.as_nanos() as u64;
    [
        ("fixed window", Box::new(FixedWindow::new(N, p, p / 3))),
        ("sliding log", Box::new(SlidingLog::harsh(N, p))),
        ("token bucket, burst N", Box::new(Refilled::new(N, p))),
    ]
}

fn throughput() {
    println!("{CALLS} calls each, {N} per {P:?}, {LATENCY:?} there and back, saturated");
    println!(
        "{:24}{:>8}{:>10}{:>12}{:>14}",
        "server", "threads", "refused", "calls/s", "of the bound"
    );
    for threads in [1, 8] {
        thread::scope(|scope| {
            let runs = servers()
                .map(|(name, server)| (name, scope.spawn(move || saturate(server, threads))));
            for (name, run) in runs {
                let (refused, rate, share) = run.join().expect("a run that ends");
                println!("{name:24}{threads:>8}{refused:>10}{rate:>12.2}{share:>14.4}");
            }
        });
    }
}

/// How many were refused, successful calls a second, and that rate's part of N / (P' + round trip).
fn saturate(server: Counting, threads: u64) -> (u64, f64, f64) {
    let (bucket, server) = (bucket(Rate::new(N, P)), Mutex::new(server));
    let (refused, round_trips, start) = (AtomicU64::new(0), AtomicU64::new(0), Instant::now());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..CALLS / threads {
                    let permit = take(&bucket);
                    let sent = Instant::now();
                    refused.fetch_add(u64::from(!call(&server, start)), Ordering::Relaxed);
                    round_trips.fetch_add(sent.elapsed().as_nanos() as u64, Ordering::Relaxed);
                    answer(permit);
                }
            });
        }
    });
    let (took, refused) = (start.elapsed().as_secs_f64(), refused.into_inner());
    let round_trip = round_trips.into_inner() as f64 / CALLS as f64 / 1e9;
    let rate = (CALLS - refused) as f64 / took;
    let held = P.as_secs_f64() * 1.001 + 0.005;
    (refused, rate, rate * (held + round_trip) / f64::from(N))
}

fn call(server: &Mutex<Counting>, start: Instant) -> bool {
    thread::sleep(LATENCY / 2);
    let admitted = {
        let mut server = server.lock().expect("a server that lives");
        server.admit(start.elapsed().as_nanos() as u64)
    };
    thread::sleep(LATENCY / 2);
    admitted
}

fn fairness() {
    let bucket = bucket(Rate::new(100, Duration::from_millis(50)));
    let (start, stop) = (Barrier::new(8), Instant::now() + Duration::from_secs(5));
    let counts: Vec<u64> = thread::scope(|scope| {
        let run = || {
            // Nobody spends the first hundred while the others have not begun.
            start.wait();
            let mut count = 0;
            while Instant::now() < stop {
                answer(take(&bucket));
                count += 1;
            }
            count
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|it| it.join().expect("a run that ends")).collect()
    });
    let (least, most) = (counts.iter().min(), counts.iter().max());
    let (least, most) = (*least.expect("eight"), *most.expect("eight"));
    let apart = 100.0 * (most - least) as f64 / most as f64;
    println!("\n8 threads on one bucket: {counts:?}, {apart:.1} % apart");
}

fn cost_of_a_token() {
    println!("\nnanoseconds for one token, uncontended");
    let wide = bucket(Rate::new(10_000, Duration::from_millis(1)));
    report("take, answered", || answer(take(&wide)));
    report("take, never sent", || take(&wide).never_sent());
    report("try, never sent", || wide.try_acquire().expect("a token").never_sent());
    let quota = Quota::per_second(NonZeroU32::MAX);
    let governor = RateLimiter::direct(quota);
    report("governor's check", || {
        let _ = black_box(governor.check());
    });
}

/// Eight threads that take free tokens at the same time, beside one thread that does.
fn contention() {
    println!(
        "\nnanoseconds for one free token: one thread, and eight at once; the least and the median of some rounds"
    );
    let wide = || bucket(Rate::new(1_000_000, Duration::from_millis(1)));
    let ways: [(&str, fn(Permit)); 2] = [("never sent", Permit::never_sent), ("answered", answer)];
    for (name, end) in ways {
        let [alone, together] = [1, 8].map(|threads| rounds(&wide(), threads, 50_000, end));
        for (which, place) in [("least", 0), ("median", alone.len() / 2)] {
            let (alone, together) = (alone[place], together[place]);
            println!(
                "{name:12}{which:8}alone {alone:>6.0}   together {together:>6.0}   ratio {:.1}",
                together / alone
            );
        }
    }
}

/// The cost of a token while nearly all of N tokens are out.
fn size() {
    println!("\nnanoseconds for one token while N - 1 are on their way back");
    for n in [5, 100, 10_000, 1_000_000] {
        let bucket = bucket(Rate::new(n, Duration::from_secs(3600)));
        // Before the rounds there is one more.
        (2..n).for_each(|_| answer(take(&bucket)));
        println!("N = {n:<10}{:>6.0}", nanoseconds(&bucket, 1));
    }
}

/// The least of some rounds, in nanoseconds of one processor for each token.
fn nanoseconds(bucket: &TokenBucket, threads: u32) -> f64 {
    rounds(bucket, threads, 20_000, Permit::never_sent)[0]
}

/// The nanoseconds for each token in some rounds, the least first. A round that is shorter than a time slice shows no contention.
fn rounds(bucket: &TokenBucket, threads: u32, each: u32, end: fn(Permit)) -> Vec<f64> {
    // The first request of all goes alone until it is answered.
    answer(take(bucket));
    thread::sleep(Duration::from_millis(10));
    let round = || {
        let (start, begin) = (Barrier::new(threads as usize), Mutex::new(None));
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    start.wait();
                    begin.lock().expect("a lock").get_or_insert_with(Instant::now);
                    (0..each).for_each(|_| end(take(bucket)));
                });
            }
        });
        let begin = begin.into_inner().expect("a lock").expect("a thread that began");
        begin.elapsed().as_nanos() as f64 / f64::from(each * threads)
    };
    let mut rounds: Vec<f64> = (0..20).map(|_| round()).collect();
    rounds.sort_by(f64::total_cmp);
    rounds
}

/// The best and the median of many short rounds, each with a full bucket.
fn report(name: &str, mut once: impl FnMut()) {
    const ROUND: u32 = 5000;
    let mut rounds: Vec<u128> = (0..200)
        .map(|_| {
            thread::sleep(Duration::from_millis(10));
            let start = Instant::now();
            (0..ROUND).for_each(|_| once());
            start.elapsed().as_nanos() / u128::from(ROUND)
        })
        .collect();
    rounds.sort_unstable();
    println!("{name:24}best {:>5}   median {:>5}", rounds[0], rounds[rounds.len() / 2]);
}
