//! The limiter beside others on the same key, and on servers that count in their own way, against a client without
//! a limiter that waits for `Retry-After`.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use fastrand::Rng;

use super::servers::{FixedWindow, Refilled, Server, SlidingCounter, SlidingLog};
use super::simulation::{MS, SECOND};
use crate::limiter::Rate;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::ledger::Ledger;
use crate::limiter::status::Outcome;

const MINUTE: u64 = 60 * SECOND;

/// A way of counting, with its name.
type Kind = (&'static str, fn(u32, u64) -> Box<dyn Server>);

const FIXED: Kind = ("fixed window", |n, p| Box::new(FixedWindow::new(n, p, p / 3)));
const LOG: Kind = ("sliding log", |n, p| Box::new(SlidingLog::new(n, p)));
const HARSH: Kind = ("log that counts refused requests", |n, p| Box::new(SlidingLog::harsh(n, p)));
const REFILLED: Kind = ("token bucket", |n, p| Box::new(Refilled::new(n, p)));
const COUNTER: Kind = ("sliding-window counter", |n, p| Box::new(SlidingCounter::new(n, p, false)));
const KINDS: [Kind; 5] = [FIXED, LOG, HARSH, REFILLED, COUNTER];

/// The events of one run.
#[derive(Clone, Copy)]
struct Trial {
    n: u32,
    p: u64,
    kind: Kind,
    /// There and back.
    latency: u64,
    workers: usize,
    calls: u64,
    /// Whether `Retry-After` is in whole seconds, rounded up, and not in milliseconds.
    seconds: bool,
    /// Whether responses have `X-RateLimit-Remaining`.
    headers: bool,
    /// Somebody else sends until refused, waits for `Retry-After`, and goes on.
    greedy: bool,
    /// Somebody else sends a request every so often.
    steady: Option<u64>,
    /// The server refuses this request for no reason.
    refuse: Option<u64>,
    /// So many requests were sent just before by an earlier run.
    spent: u32,
    /// Whether the calls are ours, or those of a client without a limiter.
    ours: bool,
    seed: u64,
}

impl Trial {
    const fn new(n: u32, p: u64, kind: Kind) -> Trial {
        Trial {
            n,
            p,
            kind,
            latency: 10 * MS,
            workers: 1,
            calls: 60,
            seconds: true,
            headers: false,
            greedy: false,
            steady: None,
            refuse: None,
            spent: 0,
            ours: true,
            seed: 0,
        }
    }

    fn run(self) -> Report {
        Run::new(self).run()
    }

    /// As many calls as the server allows in this time, divided by two: a fair share of two clients.
    fn fair(&self, report: &Report) -> f64 {
        report.took as f64 / self.p as f64 * f64::from(self.n) / 2.0
    }
}

#[derive(Clone, Copy, Default)]
struct Report {
    done: u64,
    refused: u64,
    took: u64,
    longest: u64,
}

enum Event {
    Arrives(usize, Option<Lease>),
    Ends(usize, Option<Lease>, RateLimitHeaders),
    Resumes(usize),
    NeighbourArrives,
    SteadyArrives(u64),
    Looks,
}

struct Run {
    trial: Trial,
    ledger: Ledger,
    server: Box<dyn Server>,
    rng: Rng,
    now: u64,
    /// When our calls begin: the neighbour was there before.
    begin: u64,
    queue: BinaryHeap<Reverse<(u64, usize)>>,
    events: Vec<Option<Event>>,
    idle: VecDeque<usize>,
    /// When each worker's call began.
    calls: Vec<Option<u64>>,
    started: u64,
    sent: u64,
    report: Report,
}

impl Run {
    fn new(trial: Trial) -> Run {
        let rate = Rate::new(trial.n, Duration::from_nanos(trial.p));
        let has_neighbour = trial.greedy || trial.steady.is_some();
        let mut run = Run {
            trial,
            ledger: Ledger::new(rate).cautious(),
            server: trial.kind.1(trial.n, trial.p),
            rng: Rng::with_seed(trial.seed),
            now: 0,
            begin: if has_neighbour { trial.p * 5 / 2 } else { 0 },
            queue: BinaryHeap::new(),
            events: Vec::new(),
            idle: (0..trial.workers).collect(),
            calls: vec![None; trial.workers],
            started: 0,
            sent: 0,
            report: Report::default(),
        };
        for _ in 0..trial.spent {
            run.server.admit(0);
        }
        run.plan(run.begin, Event::Looks);
        if trial.greedy {
            let at = run.rng.u64(0..trial.p);
            run.plan(at, Event::NeighbourArrives);
        }
        if let Some(every) = trial.steady {
            let at = run.rng.u64(0..every);
            run.plan(at, Event::SteadyArrives(every));
        }
        run
    }

    fn plan(&mut self, at: u64, event: Event) {
        self.queue.push(Reverse((at, self.events.len())));
        self.events.push(Some(event));
    }

    fn run(mut self) -> Report {
        while self.report.done < self.trial.calls && self.now < 100 * MINUTE {
            let Reverse((at, place)) = self.queue.pop().expect("something happens");
            self.now = at;
            let event = self.events[place].take().expect("an event happens once");
            self.happen(event);
            while self.now >= self.begin && self.send() {}
        }
        self.report.took = self.now - self.begin;
        self.report
    }

    /// Sends a request if a worker is idle and there is a token.
    fn send(&mut self) -> bool {
        let Some(worker) = self.idle.front().copied() else {
            return false;
        };
        if self.calls[worker].is_none() {
            if self.started == self.trial.calls {
                self.idle.pop_front();
                return true;
            }
            self.started += 1;
            self.calls[worker] = Some(self.now);
        }
        let lease = match self.ledger.lease(self.now) {
            _ if !self.trial.ours => None,
            Ok(lease) => Some(lease),
            Err(not_ready) => {
                if let Some(look) = not_ready.look_again {
                    self.plan(self.now + look.as_nanos() as u64, Event::Looks);
                }
                return false;
            }
        };
        self.idle.pop_front();
        self.plan(self.now + self.trial.latency / 2, Event::Arrives(worker, lease));
        true
    }

    fn happen(&mut self, event: Event) {
        let back = self.now + self.trial.latency / 2;
        match event {
            Event::Looks => {}
            Event::Resumes(worker) => self.idle.push_back(worker),
            Event::SteadyArrives(every) => {
                self.server.admit(self.now);
                self.plan(self.now + every, event);
            }
            Event::NeighbourArrives => {
                let admitted = self.server.admit(self.now);
                let pause = if admitted { 0 } else { self.retry_after() };
                let next = back + pause + self.trial.latency / 2 + self.rng.u64(0..MS);
                self.plan(next, event);
            }
            Event::Arrives(worker, lease) => {
                let success = self.server.admit(self.now) && self.trial.refuse != Some(self.sent);
                self.sent += 1;
                let wait = if success { 0 } else { self.retry_after() };
                let headers = RateLimitHeaders {
                    refused: !success,
                    success,
                    retry_after: (!success).then(|| Duration::from_nanos(wait)),
                    remaining: self.trial.headers.then(|| self.server.remaining()),
                    ..RateLimitHeaders::default()
                };
                self.plan(back, Event::Ends(worker, lease, headers));
            }
            Event::Ends(worker, lease, headers) => self.end(worker, lease, headers),
        }
    }

    fn end(&mut self, worker: usize, lease: Option<Lease>, headers: RateLimitHeaders) {
        if let Some(lease) = lease {
            self.ledger.release(&lease, Outcome::Responded(headers), self.now);
        }
        match headers.retry_after {
            Some(pause) => {
                self.report.refused += 1;
                let pause = if self.trial.ours { 0 } else { pause.as_nanos() as u64 };
                self.plan(self.now + pause, Event::Resumes(worker));
            }
            None => {
                self.report.done += 1;
                let began = self.calls[worker].take().expect("a call that began");
                self.report.longest = self.report.longest.max(self.now - began);
                self.idle.push_back(worker);
            }
        }
    }

    fn retry_after(&self) -> u64 {
        let unit = if self.trial.seconds { SECOND } else { MS };
        self.server.wait(self.now).div_ceil(unit).max(1) * unit
    }
}

#[test]
fn one_refusal_takes_at_most_a_quarter_more_time() {
    for latency in [10, 100, 300] {
        for refused in [0, 3, 7, 20, 33] {
            let clean = Trial {
                latency: latency * MS,
                workers: 8,
                calls: 40,
                ..Trial::new(5, SECOND, LOG)
            };
            let took = Trial { refuse: Some(refused), ..clean }.run().took;
            let ratio = took as f64 / clean.run().took as f64;
            assert!(ratio <= 1.25, "{latency} ms, request {refused}: {ratio:.2}");
        }
    }
}

#[test]
fn a_sliding_window_counter_refuses_one_of_sixty_and_is_no_slower_than_without_a_limiter() {
    for latency in [10, 50, 100] {
        for seconds in [true, false] {
            let latency = latency * MS;
            let ours = Trial { latency, seconds, calls: 67, ..Trial::new(5, SECOND, COUNTER) };
            let theirs = Trial { ours: false, ..ours };
            let (mine, other) = (ours.run(), theirs.run());
            assert!(mine.refused <= 1, "{} refused at {} ms", mine.refused, latency / MS);
            assert!(mine.took <= other.took, "{} ms, not {}", mine.took / MS, other.took / MS);
        }
    }
}

#[test]
fn a_budget_that_an_earlier_run_spent_leads_to_one_refusal_at_most() {
    for (n, p, spent, headers, most) in [
        (5, SECOND, 4, true, 0),
        (5, SECOND, 3, true, 0),
        (5, SECOND, 5, true, 1),
        (100, MINUTE, 100, false, 1),
        (100, MINUTE, 90, true, 0),
    ] {
        for kind in [FIXED, LOG] {
            let trial = Trial { spent, headers, workers: 8, calls: 40, ..Trial::new(n, p, kind) };
            let refused = trial.run().refused;
            assert!(refused <= most, "{}: {refused} refused, {spent} of {n} spent", kind.0);
        }
    }
}

#[test]
fn half_the_budget_taken_by_somebody_else_leaves_most_of_the_rest() {
    for kind in KINDS {
        for (workers, headers) in [(1, false), (8, false), (1, true), (8, true)] {
            let steady = Some(MINUTE / 50);
            let seconds = kind.0 != LOG.0;
            let trial = Trial {
                steady,
                workers,
                headers,
                seconds,
                calls: 600,
                ..Trial::new(100, MINUTE, kind)
            };
            let report = trial.run();
            let part = report.done as f64 / trial.fair(&report);
            let refused = report.refused as f64 / (report.done + report.refused) as f64;
            let name = kind.0;
            assert!(part >= 0.75, "{name}, {workers}, {headers}: {part:.2} of the rest");
            assert!(refused < 0.05, "{name}, {workers}, {headers}: {refused:.3} refused");
        }
    }
}

#[test]
fn beside_a_client_that_takes_all_it_can_every_call_gets_through() {
    for kind in KINDS {
        for (workers, seconds) in [(1, true), (8, true), (1, false), (8, false)] {
            let shares = (0..8).map(|seed| {
                let latency = [20, 100][seed as usize % 2] * MS;
                let greedy = Trial {
                    greedy: true,
                    workers,
                    seconds,
                    latency,
                    seed,
                    ..Trial::new(5, SECOND, kind)
                };
                let trial = Trial { calls: 30, ..greedy };
                let report = trial.run();
                assert!(report.longest < 180 * SECOND, "{}: a call took too long", kind.0);
                report.done as f64 / trial.fair(&report)
            });
            let mean = shares.sum::<f64>() / 8.0;
            assert!(mean >= 0.25, "{}, {workers}, {seconds}: {mean:.2} of a fair share", kind.0);
        }
    }
}
