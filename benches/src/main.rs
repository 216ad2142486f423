//! heysync beside clients written by hand, on one loopback server in a process of its own.
//!
//! `cargo run --release` in this folder prints a table in Markdown; it takes some minutes. `-- guard` only compares the
//! instructions with those of plain ureq, and fails above a bound. `README.md` explains what is measured and how.

mod counting;
mod fixtures;
mod measure;
mod peers;
mod scenario;
mod server;
mod table;
#[cfg(feature = "webhook")]
mod webhook;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

const USAGE: &str = "usage: [table | guard]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] | ["table"] => table::print(),
        ["guard"] => return table::guard(),
        // The rest is what this program starts.
        ["serve", milliseconds] => server::serve(milliseconds.parse().expect("milliseconds")),
        ["calls", peer, scenario, address, calls] => {
            scenario::run(peer, scenario, address, calls.parse().expect("a number"));
        }
        ["heap", peer, scenario, address] => measure::print_heap(peer, scenario, address),
        ["cpu", peer, scenario, address, calls] => {
            measure::print_cpu(peer, scenario, address, calls.parse().expect("a number"));
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
