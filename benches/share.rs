//! One key in many processes: how fast, how fair, and whether a server ever counts too many.
//!
//! `cargo bench --features share --bench share` runs for about half an hour, in real time. It starts itself as the
//! processes, and serves the server that counts, on a loopback port.

#[allow(dead_code)]
#[path = "../tests/share/herd.rs"]
mod herd;
#[allow(dead_code)]
#[path = "../src/limiter/tests/servers.rs"]
mod servers;

use std::time::Duration;

use herd::{Client, Plan, Seen};
use servers::{FixedWindow, Refilled, Server, SlidingCounter, SlidingLog};

const SECOND: u64 = 1_000_000_000;
const TIME: Duration = Duration::from_secs(30);

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
    println!(
        "{:44}{:>8}{:>8}{:>8}{:>10}{:>8}",
        "six processes, 5 per second", "counted", "refused", "most", "of bound", "unfair"
    );
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
        ("0 ms, by hand", Plan { client: Client::ByHand, ..Plan::new(TIME) }),
        (
            "400 ms, by hand",
            Plan { client: Client::ByHand, latency: ms(400), jitter: ms(80), ..Plan::new(TIME) },
        ),
        ("0 ms, not shared", Plan { client: Client::Alone, ..Plan::new(TIME) }),
    ] {
        for (server, seen) in against(name, plan, &wanted) {
            show(&format!("{name}, {server}"), &seen);
        }
    }
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
        "{name:44}{:>8}{:>8}{:>8}{:>10.3}{:>8.2}",
        seen.counted, seen.refused, seen.most, seen.speed, seen.fairness
    );
}
