//! The limiter beside others on the same key, and on servers that count in their own way, against a client without
//! a limiter that waits for `Retry-After`.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use fastrand::Rng;

use super::servers::{FixedWindow, NoBurst, Opened, Refilled, Server, SlidingCounter, SlidingLog};
use super::simulation::{MS, SECOND};
use crate::limiter::Rate;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::ledger::Ledger;
use crate::limiter::status::Outcome;

const MINUTE: u64 = 60 * SECOND;
/// When a call ends by default.
const DEADLINE: u64 = 180 * SECOND;

/// A way of counting, with its name.
type Kind = (&'static str, fn(u32, u64) -> Box<dyn Server>);

const FIXED: Kind = ("fixed window", |n, p| Box::new(FixedWindow::new(n, p, p / 3)));
const LOG: Kind = ("sliding log", |n, p| Box::new(SlidingLog::new(n, p)));
const HARSH: Kind = ("log that counts refused requests", |n, p| Box::new(SlidingLog::harsh(n, p)));
const REFILLED: Kind = ("token bucket", |n, p| Box::new(Refilled::new(n, p)));
const COUNTER: Kind = ("sliding-window counter", |n, p| Box::new(SlidingCounter::new(n, p, false)));
const OPENED: Kind = ("window from the first request", |n, p| Box::new(Opened::new(n, p)));
const EVEN: Kind = ("no burst", |n, p| Box::new(NoBurst::new(n, p)));
const KINDS: [Kind; 6] = [FIXED, OPENED, LOG, HARSH, REFILLED, COUNTER];

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
    /// Whether refusals have a `Retry-After` at all. Without one, a client without a limiter waits for a second.
    named: bool,
    /// Whether responses have `X-RateLimit-Remaining`.
    headers: bool,
    /// Somebody else sends until refused, waits for `Retry-After`, and goes on.
    greedy: bool,
    /// That one does not wait.
    rude: bool,
    /// Somebody else sends a request every so often.
    steady: Option<u64>,
    /// The server refuses this request for no reason.
    refuse: Option<u64>,
    /// So many requests were sent just before by an earlier run.
    spent: u32,
    /// Whether the calls are ours, or those of a client without a limiter.
    ours: bool,
    /// When our calls begin if nobody else is there.
    begin: u64,
    seed: u64,
    /// How much later than that the greedy one sends, at most.
    noise: u64,
    /// How much longer our requests take than the latency, and the steady one's intervals, at most.
    sway: u64,
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
            named: true,
            headers: false,
            greedy: false,
            rude: false,
            steady: None,
            refuse: None,
            spent: 0,
            ours: true,
            begin: 0,
            seed: 0,
            noise: MS,
            sway: 0,
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
            ledger: Ledger::new(rate).cautious_by(Rng::with_seed(trial.seed)),
            server: trial.kind.1(trial.n, trial.p),
            rng: Rng::with_seed(trial.seed),
            now: 0,
            begin: if has_neighbour { trial.p * 5 / 2 } else { trial.begin },
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
        let arrives = self.now + self.trial.latency / 2 + self.sway();
        self.plan(arrives, Event::Arrives(worker, lease));
        true
    }

    fn happen(&mut self, event: Event) {
        let back = self.now + self.trial.latency / 2;
        match event {
            Event::Looks => {}
            Event::Resumes(worker) => self.idle.push_back(worker),
            Event::SteadyArrives(every) => {
                self.server.admit(self.now);
                let sway = self.sway();
                self.plan(self.now + every + sway, event);
            }
            Event::NeighbourArrives => self.serve_neighbour(back),
            Event::Arrives(worker, lease) => {
                let success = self.server.admit(self.now) && self.trial.refuse != Some(self.sent);
                self.sent += 1;
                let wait = if success { 0 } else { self.retry_after() };
                let headers = RateLimitHeaders {
                    refused: !success,
                    success,
                    retry_after: (!success && (self.trial.named || !self.trial.ours))
                        .then(|| Duration::from_nanos(wait)),
                    remaining: self.trial.headers.then(|| self.server.remaining()),
                    ..RateLimitHeaders::default()
                };
                self.plan(back, Event::Ends(worker, lease, headers));
            }
            Event::Ends(worker, lease, headers) => self.end(worker, lease, headers),
        }
    }

    fn serve_neighbour(&mut self, back: u64) {
        let admitted = self.server.admit(self.now);
        let pause = if admitted || self.trial.rude { 0 } else { self.retry_after() };
        let next = back + pause + self.trial.latency / 2 + self.rng.u64(0..=self.trial.noise);
        self.plan(next, Event::NeighbourArrives);
    }

    fn end(&mut self, worker: usize, lease: Option<Lease>, headers: RateLimitHeaders) {
        if let Some(lease) = lease {
            self.ledger.release(&lease, Outcome::Responded(headers), self.now);
        }
        match headers.refused {
            true => {
                self.report.refused += 1;
                let pause = headers.retry_after.filter(|_| !self.trial.ours).unwrap_or_default();
                let pause = pause.as_nanos() as u64;
                self.plan(self.now + pause, Event::Resumes(worker));
            }
            false => {
                self.report.done += 1;
                let began = self.calls[worker].take().expect("a call that began");
                self.report.longest = self.report.longest.max(self.now - began);
                self.idle.push_back(worker);
            }
        }
    }

    fn sway(&mut self) -> u64 {
        match self.trial.sway {
            0 => 0,
            most => self.rng.u64(0..=most),
        }
    }

    fn retry_after(&self) -> u64 {
        if !self.trial.named {
            return SECOND;
        }
        let unit = if self.trial.seconds { SECOND } else { MS };
        self.server.wait(self.now).div_ceil(unit).max(1) * unit
    }
}

const LATENCIES: [u64; 3] = [10 * MS, 100 * MS, 300 * MS];

#[test]
fn one_refusal_takes_at_most_a_quarter_more_time() {
    let refused = |workers| (0..40).map(move |at| (workers, at));
    for (kind, latency) in KINDS.into_iter().flat_map(|it| LATENCIES.map(|latency| (it, latency))) {
        for (workers, refused) in [1, 8].into_iter().flat_map(refused) {
            let clean = Trial { latency, workers, calls: 40, ..Trial::new(5, SECOND, kind) };
            let took = Trial { refuse: Some(refused), ..clean }.run().took;
            let ratio = took as f64 / clean.run().took as f64;
            // One that counts the last window again may refuse another one soon after.
            let most = if kind.0 == COUNTER.0 { 2.05 } else { 1.25 };
            let context = format!("{}, {} ms, {workers}, request {refused}", kind.0, latency / MS);
            assert!(ratio <= most, "{context}: {ratio:.2}");
        }
    }
}

/// P' and the round trip for each five requests: no client that keeps the guarantee is faster.
fn bound(trial: &Trial) -> u64 {
    (trial.calls - 1) / 5 * (1006 * MS + trial.latency) + trial.latency
}

/// How much longer it takes that the second burst is sent one by one: four round trips, or P'.
fn second_burst(trial: &Trial) -> u64 {
    (4 * trial.latency).min(1006 * MS)
}

#[test]
fn a_sliding_window_counter_refuses_one_of_sixty_and_costs_four_round_trips_or_a_period_once() {
    for (latency, workers) in LATENCIES.into_iter().flat_map(|it| [(it, 1), (it, 8)]) {
        for (begin, seconds) in
            (0..8).flat_map(|it| [(it * SECOND / 8, true), (it * SECOND / 8, false)])
        {
            let kind = Trial::new(5, SECOND, COUNTER);
            let ours = Trial { latency, workers, begin, seconds, calls: 67, ..kind };
            let theirs = Trial { ours: false, ..ours };
            let (mine, other) = (ours.run(), theirs.run());
            let most = (other.took * 101 / 100).max(bound(&ours) + second_burst(&ours));
            assert!(mine.refused <= 1, "{} refused: {} ms, {workers}", mine.refused, latency / MS);
            assert!(mine.took <= most, "{} ms, not {}", mine.took / MS, most / MS);
        }
    }
}

/// One that counts fractions admits four fifths of the rate at most, and only its refusals show that.
#[test]
fn a_sliding_window_counter_that_counts_fractions_refuses_three_of_sixty_seven() {
    let strict: Kind = ("strict counter", |n, p| Box::new(SlidingCounter::new(n, p, true)));
    for (latency, workers) in LATENCIES.into_iter().flat_map(|it| [(it, 1), (it, 8)]) {
        for begin in (0..8).map(|eighth| eighth * SECOND / 8) {
            let trial = Trial { latency, workers, begin, ..Trial::new(5, SECOND, strict) };
            let ours = Trial { calls: 67, ..trial };
            let (mine, other) = (ours.run(), Trial { ours: false, ..ours }.run());
            // By hand, eight threads are refused 79 to 190 times.
            let most = other.took * if workers == 1 { 101 } else { 120 } / 100;
            assert!(mine.refused <= 3, "{} refused: {} ms, {workers}", mine.refused, latency / MS);
            assert!(mine.took <= most, "{} ms, not {}", mine.took / MS, most / MS);
        }
    }
}

#[test]
fn alone_on_a_key_the_second_burst_costs_a_few_round_trips_once() {
    for (latency, workers) in LATENCIES.into_iter().flat_map(|it| [(it, 1), (it, 8)]) {
        for kind in [FIXED, LOG, HARSH, REFILLED] {
            let trial = Trial { latency, workers, ..Trial::new(5, SECOND, kind) };
            let report = trial.run();
            assert_eq!(report.refused, 0);
            let slowest =
                (bound(&trial) + second_burst(&trial)).max(trial.calls * latency / workers as u64);
            assert!(report.took <= slowest, "{}: {} ms", kind.0, report.took / MS);
        }
    }
}

#[test]
fn a_budget_that_an_earlier_run_spent_leads_to_one_refusal_at_most() {
    for (n, p, spent, headers, most) in [
        (5, SECOND, 4, true, 0),
        (5, SECOND, 3, true, 0),
        (5, SECOND, 5, true, 1),
        (5, SECOND, 5, false, 1),
        (100, MINUTE, 100, false, 1),
        (100, MINUTE, 90, true, 0),
    ] {
        for kind in [FIXED, OPENED, LOG, HARSH] {
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
            for latency in LATENCIES {
                let steady = Some(MINUTE / 50);
                let trial = Trial::new(100, MINUTE, kind);
                let trial = Trial { steady, workers, headers, latency, calls: 600, ..trial };
                let report = trial.run();
                let part = report.done as f64 / trial.fair(&report);
                let refused = report.refused as f64 / (report.done + report.refused) as f64;
                // A weighted counter has no rest that is all its own: it counts the last window again.
                let least = if kind.0 == COUNTER.0 { 0.7 } else { 0.8 };
                let name = kind.0;
                assert!(part >= least, "{name}, {workers}, {headers}: {part:.2} of the rest");
                assert!(refused < 0.05, "{name}, {workers}, {headers}: {refused:.3} refused");
            }
        }
    }
}

/// Without headers nothing shows how much is left: what is under way when it ends is refused.
#[test]
fn a_budget_that_an_earlier_run_spent_in_part_leads_to_few_refusals_without_headers() {
    let kinds = [FIXED, OPENED, LOG, HARSH];
    for (n, p, spent, latency, most) in [
        (5, SECOND, 4, 10, 1),
        (5, SECOND, 2, 100, 1),
        (5, SECOND, 4, 300, 2),
        (100, MINUTE, 95, 100, 1),
        (100, MINUTE, 80, 100, 3),
        (100, MINUTE, 20, 100, 5),
    ] {
        for kind in kinds.into_iter().chain((n == 5).then_some(COUNTER)) {
            for begin in (0..8).map(|eighth| eighth * p / 8) {
                let trial = Trial { spent, begin, workers: 8, ..Trial::new(n, p, kind) };
                let calls = u64::from(n).max(40);
                let refused = Trial { latency: latency * MS, calls, ..trial }.run().refused;
                // One that counts the last window again refuses some of the next requests as well.
                let most = if kind.0 == COUNTER.0 { 4 } else { most };
                assert!(refused <= most, "{}: {refused} refused, {spent} of {n} spent", kind.0);
            }
        }
    }
}

/// What 32 runs have in common that differ in the moment at which the other client began.
struct Means {
    part: f64,
    refused: f64,
    /// The most requests that were refused in one run.
    worst: u64,
}

fn means(trial: Trial) -> Means {
    let reports: Vec<_> = (0..32).map(|seed| Trial { seed, ..trial }.run()).collect();
    let parts = reports.iter().map(|it| it.done as f64 / trial.fair(it));
    let refused: Vec<_> = reports.iter().map(|it| it.refused).collect();
    Means {
        part: parts.sum::<f64>() / 32.0,
        refused: refused.iter().sum::<u64>() as f64 / 32.0,
        worst: refused.into_iter().max().unwrap_or(0),
    }
}

/// The other client sends two or three requests in each second: a client that relies on nothing else has two, which is
/// 0.8 of the rest. Two refusals show that somebody is there, and one more follows each time that this is forgotten.
#[test]
fn without_headers_a_few_refusals_show_what_somebody_else_takes_of_five_a_second() {
    for kind in [OPENED, LOG, HARSH] {
        for (workers, latency) in [(1, 10), (8, 10), (1, 100), (8, 100)] {
            for sway in [0, 3 * MS, 20 * MS] {
                let trial = Trial { workers, latency: latency * MS, ..Trial::new(5, SECOND, kind) };
                let trial = Trial { steady: Some(2 * SECOND / 5), sway, ..trial };
                let Means { part, refused, worst } = means(trial);
                let context = format!("{}, {workers}, {latency} ms, {sway}", kind.0);
                assert!(part >= 0.73, "{context}: {part:.2} of the rest");
                assert!(refused <= 6.0, "{context}: {refused} of {} refused", trial.calls);
                assert!(worst <= 8, "{context}: {worst} of {} refused in one run", trial.calls);
            }
        }
    }
}

/// The first two refusals count for little then. Of those that follow, there is one in eleven periods; with several
/// threads, each is one of requests that were under way together.
#[test]
fn in_the_long_run_one_in_twenty_is_refused_without_headers() {
    for kind in KINDS {
        for (workers, latency, most) in [(1, 10, 0.051), (8, 10, 0.065), (1, 100, 0.05)] {
            let trial = Trial { workers, latency: latency * MS, ..Trial::new(5, SECOND, kind) };
            let trial = Trial { steady: Some(2 * SECOND / 5), calls: 2000, ..trial };
            let reports = [0, 1].map(|seed| Trial { seed, ..trial }.run());
            let refused = reports.map(|it| it.refused as f64 / (it.done + it.refused) as f64);
            let refused = refused.into_iter().sum::<f64>() / 2.0;
            assert!(refused < most, "{}, {workers}, {latency} ms: {refused:.3} refused", kind.0);
        }
    }
}

/// Half of the rate is the least speed for a start only.
#[test]
fn beside_somebody_who_takes_three_fifths_most_of_the_rest_is_left_as_well() {
    for kind in KINDS {
        for (workers, latency) in [(1, 10), (8, 10), (1, 100), (8, 100)] {
            let trial = Trial { workers, latency: latency * MS, ..Trial::new(5, SECOND, kind) };
            let Means { part, .. } = means(Trial { steady: Some(SECOND / 3), ..trial });
            let rest = part * 2.5 / 2.0;
            assert!(rest >= 0.8, "{}, {workers}, {latency} ms: {rest:.2} of the rest", kind.0);
        }
    }
}

/// At five a second a refusal costs a second, in which five could have been sent; each try to be faster costs one.
#[test]
fn headers_show_what_somebody_else_takes_of_five_a_second() {
    for kind in KINDS {
        for (workers, latency) in [(1, 10), (8, 10), (1, 100), (8, 100)] {
            let trial = Trial { workers, latency: latency * MS, ..Trial::new(5, SECOND, kind) };
            let trial = Trial { steady: Some(2 * SECOND / 5), headers: true, ..trial };
            let Means { part, refused, worst } = means(trial);
            let context = format!("{}, {workers}, {latency} ms", kind.0);
            // One that counts the last window again refuses more, and leaves more.
            let most = if kind.0 == COUNTER.0 { 3.5 } else { 3.2 };
            assert!(part >= 0.78, "{context}: {part:.2} of the rest");
            assert!(refused <= most, "{context}: {refused} of {} refused", trial.calls);
            assert!(worst <= 5, "{context}: {worst} of {} refused in one run", trial.calls);
        }
    }
}

/// The least share of a fair share, and the mean, over eight moments at which the other client began.
fn shares(trial: Trial) -> (f64, f64) {
    let (least, mean, _) = shares_and_longest(trial);
    (least, mean)
}

/// The same, and how long the longest call took.
fn shares_and_longest(trial: Trial) -> (f64, f64, u64) {
    let run = |seed| {
        let trial = Trial { seed, calls: 30, ..trial };
        let report = trial.run();
        (report.done as f64 / trial.fair(&report), report.longest)
    };
    let runs: Vec<_> = (0..8).map(run).collect();
    let least = runs.iter().map(|(share, _)| *share).fold(f64::MAX, f64::min);
    let mean = runs.iter().map(|(share, _)| share).sum::<f64>() / 8.0;
    (least, mean, runs.iter().map(|(_, longest)| *longest).max().unwrap_or(0))
}

#[test]
fn beside_a_client_that_takes_all_it_can_every_call_gets_through() {
    for kind in KINDS {
        for (workers, seconds) in [(1, true), (8, true), (1, false), (8, false)] {
            for latency in [4 * MS, 20 * MS, 100 * MS, 300 * MS] {
                let trial = Trial::new(5, SECOND, kind);
                let trial = Trial { greedy: true, workers, seconds, latency, ..trial };
                let (least, mean, longest) = shares_and_longest(trial);
                // Where refused requests count as well, the time in which others are admitted is shorter.
                let is_hard = kind.0 == HARSH.0 && seconds && latency == 4 * MS;
                let bound = if is_hard { 0.15 } else { 0.25 };
                let context = format!("{}, {workers}, {seconds}, {} ms", kind.0, latency / MS);
                assert!(least >= bound, "{context}: {least:.2} of a fair share");
                assert!(mean >= 0.3, "{context}: {mean:.2} of a fair share on average");
                assert!(longest < DEADLINE, "{context}: {longest}");
            }
        }
    }
}

/// The other client leaves requests to others for about ten round trips in each second, and `Retry-After: 1` does not say
/// when. A client that waits as it is asked tries one moment a second. So at 1 ms it needs up to a hundred seconds.
#[test]
fn at_one_millisecond_the_search_for_the_moment_takes_no_longer_than_without_a_limiter() {
    for kind in [OPENED, LOG, HARSH] {
        for noise in [0, MS] {
            let trial = Trial { latency: MS, noise, ..Trial::new(5, SECOND, kind) };
            let trial = Trial { greedy: true, ..trial };
            let (least, mean, longest) = shares_and_longest(trial);
            let (_, without) = shares(Trial { ours: false, ..trial });
            let context = format!("{}, {noise}: {least:.2}, {mean:.2}, not {without:.2}", kind.0);
            assert!(least >= 0.06 && mean >= 0.15 && mean >= 0.8 * without, "{context}");
            assert!(longest < DEADLINE, "{context}, {longest}");
        }
    }
}

#[test]
fn a_client_that_ignores_every_pause_leaves_something_if_the_pause_is_exact_or_the_way_is_long() {
    for (kind, seconds, latency) in [
        (FIXED, false, 4),
        (OPENED, false, 4),
        (FIXED, true, 300),
        (LOG, true, 300),
        (HARSH, true, 300),
    ] {
        let trial = Trial { greedy: true, rude: true, seconds, ..Trial::new(5, SECOND, kind) };
        let (least, _) = shares(Trial { latency: latency * MS, ..trial });
        assert!(least >= 0.25, "{}, {seconds}: {least:.2} of a fair share", kind.0);
    }
}

#[test]
fn beside_a_client_that_takes_all_it_can_every_call_gets_through_although_no_pause_is_named() {
    for kind in KINDS {
        for (workers, latency) in [1, 8].into_iter().flat_map(|it| [4, 20, 100].map(|ms| (it, ms)))
        {
            let trial = Trial { named: false, greedy: true, ..Trial::new(5, SECOND, kind) };
            let trial = Trial { workers, latency: latency * MS, ..trial };
            let (least, mean, longest) = shares_and_longest(trial);
            let bound = if kind.0 == HARSH.0 && latency == 4 { 0.15 } else { 0.25 };
            let context = format!("{}, {workers}, {latency} ms", kind.0);
            assert!(least >= bound, "{context}: {least:.2} of a fair share");
            assert!(mean >= 0.3, "{context}: {mean:.2} of a fair share on average");
            assert!(longest < DEADLINE, "{context}: {longest}");
        }
    }
}

/// The other client asks once a second, and we pause for a whole period after the first refusal, which is as long as a fair
/// share of 20 (of 50) calls takes. Where refused requests count as well, a second client that asks once a second gets nothing
/// at all.
#[test]
fn in_a_long_period_every_call_gets_through_in_time_although_no_pause_is_named() {
    let (twelve, minute) = ((20, 12 * SECOND), (100, MINUTE));
    for (kind, (n, p), latencies, least, mean) in [
        (EVEN, twelve, [4, 20, 100], 0.25, 0.5),
        (REFILLED, twelve, [4, 20, 100], 0.3, 0.45),
        (COUNTER, twelve, [4, 20, 100], 0.3, 0.45),
        (FIXED, twelve, [4, 20, 100], 0.2, 0.4),
        (OPENED, twelve, [20, 50, 100], 0.2, 0.35),
        (LOG, twelve, [20, 50, 100], 0.2, 0.35),
        (HARSH, twelve, [20, 50, 100], 0.08, 0.14),
        (EVEN, minute, [4, 20, 100], 0.12, 0.25),
        (REFILLED, minute, [4, 20, 100], 0.18, 0.25),
        (COUNTER, minute, [4, 20, 100], 0.18, 0.28),
        (FIXED, minute, [20, 50, 100], 0.12, 0.3),
        (OPENED, minute, [20, 50, 100], 0.12, 0.3),
        (LOG, minute, [20, 50, 100], 0.1, 0.2),
    ] {
        for (workers, latency) in [1, 8].into_iter().flat_map(|it| latencies.map(|ms| (it, ms))) {
            let trial = Trial { named: false, greedy: true, workers, ..Trial::new(n, p, kind) };
            let trial = Trial { latency: latency * MS, ..trial };
            let report = shares_and_longest(trial);
            let context = format!("{}, {n}, {workers}, {latency} ms: {report:.2?}", kind.0);
            if std::env::var_os("HEYSYNC_FIGURES").is_some() {
                let raw = shares(Trial { ours: false, ..trial });
                println!("{context}, a second client without a limiter {raw:.2?}");
            }
            assert!(report.0 >= least && report.1 >= mean, "{context}");
            assert!(workers > 1 || report.2 < DEADLINE, "{context}");
        }
    }
}

/// A server without bursts refuses although it keeps nothing for others, also if it names the pause.
#[test]
fn on_a_server_without_bursts_nothing_is_held_for_others() {
    for (kind, latency) in [EVEN, REFILLED].into_iter().flat_map(|it| [20, 100].map(|ms| (it, ms)))
    {
        let trial = Trial { greedy: true, latency: latency * MS, ..Trial::new(100, MINUTE, kind) };
        let (least, mean) = shares(trial);
        assert!(least >= 0.3 && mean >= 0.4, "{}, {latency} ms: {least:.2}, {mean:.2}", kind.0);
    }
}
