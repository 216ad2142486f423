//! Programs of one request each, one after the other with one file, in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::limiter::Rate;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::moment::nanos;
use crate::limiter::share::file::FileStore;
use crate::limiter::status::Outcome;
use crate::limiter::store::TokenStore;

use super::servers::{Counting, FixedWindow, Opened, Refilled, Server, SlidingCounter, SlidingLog};
use super::shared::Machine;
use super::simulation::{MS, SECOND};

const PROGRAMS: u32 = 120;
const MINUTE: u64 = 60 * SECOND;
const RATE: Rate = Rate::per_minute(100);

/// A program that runs.
struct Program {
    store: FileStore,
    sent: Option<Sent>,
}

/// A request under way.
struct Sent {
    lease: Lease,
    is_refused: bool,
}

/// A machine on which the programs are started, and the server that they ask.
struct Trial {
    machine: Machine,
    server: Box<dyn Server>,
    /// There and back.
    latency: u64,
    counting: Counting,
    refused: usize,
}

impl Trial {
    fn new(server: Box<dyn Server>, latency: u64) -> Trial {
        let mut machine = Machine::new();
        machine.is_cautious = true;
        Trial { machine, server, latency, counting: Counting::new(MINUTE), refused: 0 }
    }

    /// Starts all programs within a minute, and waits until each has its response.
    fn run(mut self) -> Trial {
        let start = |n| Reverse((u64::from(n) * MINUTE / u64::from(PROGRAMS), n));
        let mut events: BinaryHeap<_> = (0..PROGRAMS).map(start).collect();
        let mut programs: Vec<Option<Program>> = (0..PROGRAMS).map(|_| None).collect();
        while let Some(Reverse((now, n))) = events.pop() {
            self.machine.clock.advance_to(now);
            let running = &mut programs[n as usize];
            let program = running.get_or_insert_with(|| self.start(n));
            match self.act(program, now) {
                Some(next) => events.push(Reverse((next, n))),
                None => {
                    *running = None;
                    self.machine.kill(n);
                }
            }
        }
        self
    }

    fn start(&self, n: u32) -> Program {
        Program {
            store: self.machine.process_at(&self.machine.path(), RATE, move || n),
            sent: None,
        }
    }

    /// Asks for a token, or reads the response, and returns when the program does something again; `None` if it is done.
    fn act(&mut self, program: &mut Program, now: u64) -> Option<u64> {
        if let Some(Sent { lease, is_refused }) = program.sent.take() {
            let retry_after = is_refused.then(|| Duration::from_nanos(self.server.wait(now)));
            let headers = RateLimitHeaders {
                refused: is_refused,
                success: !is_refused,
                retry_after,
                ..RateLimitHeaders::default()
            };
            program.store.release(&lease, Outcome::Responded(headers));
            return is_refused.then_some(now);
        }
        match program.store.lease(None) {
            Ok(lease) => {
                let arrival = now + self.latency / 2;
                self.counting.admit(arrival);
                let is_refused = !self.server.admit(arrival);
                self.refused += usize::from(is_refused);
                program.sent = Some(Sent { lease, is_refused });
                Some(now + self.latency)
            }
            Err(denied) => {
                let denied = denied.not_ready();
                let wait = denied.look_again.unwrap_or(denied.at_least);
                Some(now + nanos(wait).max(1))
            }
        }
    }
}

/// The server's name, how it counts, and how often it refuses one of them at most.
type Case = (&'static str, fn() -> Box<dyn Server>, usize);

#[test]
fn of_120_programs_of_one_request_in_a_minute_of_100_none_is_refused_and_all_are_served() {
    let servers: [Case; 6] = [
        ("log", || Box::new(SlidingLog::new(100, MINUTE)), 0),
        ("harsh log", || Box::new(SlidingLog::harsh(100, MINUTE)), 0),
        ("fixed window", || Box::new(FixedWindow::new(100, MINUTE, 17 * SECOND)), 0),
        ("opened window", || Box::new(Opened::new(100, MINUTE)), 0),
        ("bucket", || Box::new(Refilled::new(100, MINUTE)), 0),
        ("weighted counter", || Box::new(SlidingCounter::new(100, MINUTE, false)), 1),
    ];
    for (name, server, most) in servers {
        for latency in [2 * MS, 400 * MS, 3 * SECOND] {
            let trial = Trial::new(server(), latency).run();
            let Trial { refused, counting, .. } = &trial;
            assert!(*refused <= most, "{refused} refused by a {name} at {latency} ns");
            assert!(counting.most <= 100, "{} by a {name} at {latency} ns", counting.most);
        }
    }
}
