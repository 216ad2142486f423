//! The table of ratios, and the guard of two of them.

use std::process::ExitCode;
use std::time::Duration;

use crate::measure::{Subject, is_installed};
use crate::peers::{self, HEYSYNC, PLAIN};
use crate::scenario::{AHEAD, HELLO, PAGE, SCENARIOS, Scenario, WALK};
use crate::server::Server;

/// What heysync may cost, in instructions of plain ureq.
const BOUNDS: [(&str, f64); 2] = [(HELLO, 1.12), (PAGE, 1.20)];

const LATENCY: Duration = Duration::from_millis(50);

/// Compares the instructions with those of plain ureq; fails if a ratio is above its bound.
pub(crate) fn guard() -> ExitCode {
    if !is_installed("valgrind") {
        println!("left out: valgrind is not installed");
        return ExitCode::SUCCESS;
    }
    let server = Server::start(Duration::ZERO);
    let mut passed = true;
    for (scenario, bound) in BOUNDS {
        let instructions = |peer| subject(peer, scenario, &server).instructions();
        let ratio = instructions(HEYSYNC) / instructions(PLAIN);
        let verdict = if ratio <= bound { "passed" } else { "FAILED" };
        println!(
            "{scenario}: {ratio:.3} of the instructions of plain ureq, at most {bound:.2}: {verdict}"
        );
        passed &= ratio <= bound;
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn subject<'a>(peer: &'a str, scenario: &str, server: &'a Server) -> Subject<'a> {
    Subject { peer, scenario: Scenario::by_name(scenario), address: &server.address }
}

/// Prints all figures, and in brackets their ratios to plain ureq.
pub(crate) fn print() {
    let server = Server::start(Duration::ZERO);
    header();
    for scenario in SCENARIOS.iter().filter(|scenario| scenario.name != AHEAD) {
        print_scenario(scenario, &server);
    }
    print_latency();
    #[cfg(feature = "webhook")]
    print_webhook();
}

fn header() {
    let names = peers::names();
    println!("| | {} |", names.join(" | "));
    println!("|---|{}", "---|".repeat(names.len()));
}

fn print_scenario(scenario: &'static Scenario, server: &Server) {
    let names = peers::names();
    let subjects = || names.iter().map(|peer| Subject { peer, scenario, address: &server.address });
    if is_installed("valgrind") {
        row(scenario.name, "instructions", subjects().map(|subject| subject.instructions()));
    }
    let heaps: Vec<_> = subjects().map(|subject| subject.heap()).collect();
    row(scenario.name, "allocations", heaps.iter().map(|heap| heap.0));
    row(scenario.name, "peak of the heap, bytes", heaps.iter().map(|heap| heap.1));
    if is_installed("strace") && scenario.name != WALK {
        let systems: Vec<_> = subjects().map(|subject| subject.system()).collect();
        row(scenario.name, "system calls", systems.iter().map(|system| system.calls));
        row(scenario.name, "threads started", systems.iter().map(|system| system.threads));
    }
    let calls = if scenario.name == WALK { 2 } else { 20 * scenario.calls };
    let times: Vec<_> = subjects().map(|subject| subject.time(calls)).collect();
    row(scenario.name, "processor time, µs", times.iter().map(|time| time.0 * 1e6));
    row(scenario.name, "real time, µs", times.iter().map(|time| time.1 * 1e6));
}

fn print_latency() {
    let server = Server::start(LATENCY);
    let names = peers::names();
    for name in [WALK, AHEAD] {
        let seconds = names.iter().map(|peer| subject(peer, name, &server).time(1).1);
        row(name, "50 ms latency, real time, s", seconds);
    }
}

#[cfg(feature = "webhook")]
fn print_webhook() {
    let [hash, hash_and_value, signature, whole] = crate::webhook::nanoseconds();
    println!();
    println!(
        "Webhook of 64 KB: `verify_signature` has {:.2} of the speed of RustCrypto's hash alone; `verify`, which decodes \
         the event too, {:.2}, and {:.2} of the speed of that hash and serde_json.",
        hash / signature,
        hash / whole,
        hash_and_value / whole
    );
}

/// Prints a line: the figures, and their ratios to the second peer, which is plain ureq.
fn row(scenario: &str, unit: &str, figures: impl Iterator<Item = f64>) {
    let figures: Vec<f64> = figures.collect();
    let plain = figures[1];
    let cell = |figure: &f64| {
        let ratio = if plain > 0.0 { format!(" ({:.2})", figure / plain) } else { String::new() };
        format!("{}{ratio}", shown(*figure))
    };
    let cells: Vec<String> = figures.iter().map(cell).collect();
    println!("| {scenario}: {unit} | {} |", cells.join(" | "));
}

fn shown(figure: f64) -> String {
    match figure {
        10_000_000.0.. => format!("{:.1} M", figure / 1e6),
        100_000.0.. => format!("{:.2} M", figure / 1e6),
        100.0.. => format!("{figure:.0}"),
        _ => format!("{figure:.1}"),
    }
}
