//! Programs that share a key by a file, in virtual time: short forms of the figures in `benches/share.rs`.

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

const MINUTE: u64 = 60 * SECOND;
const GRACE: Duration = Duration::from_secs(2);

/// Which programs run, and how far away their server is.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// The limit and its period.
    limit: (u32, u64),
    programs: u32,
    /// Each is started so long after the one before.
    apart: u64,
    /// They send until then, and one request in any case.
    end: u64,
    /// There and back, and by how much each way differs at most.
    latency: u64,
    jitter: u64,
    /// They rest for so long at most between two requests.
    pause: u64,
    /// One is killed so often, and another one is started in its place.
    kill_every: u64,
}

/// Programs of one request each.
const SHORT: Plan = Plan {
    limit: (100, MINUTE),
    programs: 120,
    apart: MINUTE / 120,
    end: 0,
    latency: 2 * MS,
    jitter: 0,
    pause: 0,
    kill_every: u64::MAX,
};

/// Programs that always want more.
const LONG: Plan =
    Plan { limit: (5, SECOND), programs: 6, apart: 0, end: 30 * SECOND, latency: MS / 5, ..SHORT };

/// A program that runs.
struct Program {
    number: u32,
    store: FileStore,
    step: Step,
    served: u32,
}

/// What a program, or its request, does next.
enum Step {
    Ask,
    /// `None` if its program was killed.
    Arrive(Option<Lease>),
    /// If it was refused, with the pause that the server names.
    Read(Lease, Option<Duration>),
}

/// A machine on which the programs are started, and the server that they ask.
struct Trial {
    plan: Plan,
    machine: Machine,
    server: Box<dyn Server>,
    counting: Counting,
    random: fastrand::Rng,
    refused: u32,
    /// How many were served before the end.
    in_time: u32,
    /// How often each was served; one that was started in the place of another one counts with it.
    served: Vec<u32>,
}

impl Trial {
    fn new(plan: Plan, server: Box<dyn Server>) -> Trial {
        let mut machine = Machine::new();
        machine.is_cautious = true;
        Trial {
            plan,
            machine,
            server,
            counting: Counting::new(plan.limit.1),
            random: fastrand::Rng::with_seed(1),
            refused: 0,
            in_time: 0,
            served: Vec::new(),
        }
    }

    /// Starts all programs, and waits until each is done.
    fn run(mut self) -> Trial {
        let Plan { programs, apart, end, kill_every, .. } = self.plan;
        let start = |place| Reverse((place as u64 * apart, place));
        let mut events: BinaryHeap<_> = (0..programs as usize).map(start).collect();
        let mut running: Vec<Option<Program>> = (0..programs).map(|_| None).collect();
        let mut kill = kill_every;
        while let Some(Reverse((now, place))) = events.pop() {
            self.machine.clock.advance_to(now);
            if now >= kill && now < end {
                kill += kill_every;
                let victim = self.random.usize(..programs as usize);
                self.replace(&mut running[victim]);
            }
            let number = place as u32;
            let program = running[place].get_or_insert_with(|| self.start(number, 0));
            match self.act(program, now) {
                Some(next) => events.push(Reverse((next, place))),
                None => {
                    self.machine.kill(program.number);
                    self.served.push(program.served);
                    running[place] = None;
                }
            }
        }
        self
    }

    fn start(&self, number: u32, served: u32) -> Program {
        let (n, p) = self.plan.limit;
        let rate = Rate::new(n, Duration::from_nanos(p));
        let store = self.machine.process_at(&self.machine.path(), rate, move || number);
        store.set_grace(GRACE);
        Program { number, store, step: Step::Ask, served }
    }

    /// Kills a program, and starts another one when that one would have done something. Its request still arrives.
    fn replace(&self, program: &mut Option<Program>) {
        if let Some(Program { number, served, step, .. }) = program.take() {
            self.machine.kill(number);
            let step = if matches!(step, Step::Arrive(_)) { Step::Arrive(None) } else { Step::Ask };
            *program = Some(Program { step, ..self.start(number + self.plan.programs, served) });
        }
    }

    /// Lets the program go on, and returns when it does the next thing; `None` if it is done.
    fn act(&mut self, program: &mut Program, now: u64) -> Option<u64> {
        match std::mem::replace(&mut program.step, Step::Ask) {
            Step::Ask => match program.store.lease(None) {
                Ok(lease) => {
                    program.step = Step::Arrive(Some(lease));
                    Some(now + self.way())
                }
                Err(denied) => {
                    let denied = denied.not_ready();
                    let wait = denied.look_again.unwrap_or(denied.at_least);
                    Some(now + nanos(wait).max(1))
                }
            },
            Step::Arrive(lease) => {
                let pause = self.arrive(now);
                let Some(lease) = lease else { return Some(now) };
                program.step = Step::Read(lease, pause);
                Some(now + self.way())
            }
            Step::Read(lease, pause) => {
                let goes_on = !self.read(program, &lease, pause, now) || now < self.plan.end;
                goes_on.then(|| now + self.random.u64(..=self.plan.pause))
            }
        }
    }

    /// Returns the pause that the server names if it refuses the request.
    fn arrive(&mut self, now: u64) -> Option<Duration> {
        self.counting.admit(now);
        let is_refused = !self.server.admit(now);
        self.refused += u32::from(is_refused);
        is_refused.then(|| Duration::from_nanos(self.server.wait(now)))
    }

    /// Returns whether the request was served.
    fn read(
        &mut self,
        program: &mut Program,
        lease: &Lease,
        retry_after: Option<Duration>,
        now: u64,
    ) -> bool {
        let success = retry_after.is_none();
        let refused = !success;
        let headers =
            RateLimitHeaders { refused, success, retry_after, ..RateLimitHeaders::default() };
        program.store.release(lease, Outcome::Responded(headers));
        program.served += u32::from(success);
        self.in_time += u32::from(success && now <= self.plan.end);
        success
    }

    /// How long a request or a response is under way.
    fn way(&mut self) -> u64 {
        let Plan { latency, jitter, .. } = self.plan;
        latency / 2 + self.random.u64(..=2 * jitter) - jitter
    }

    /// What was served, of the most that the limit allows: N in P' and the latency.
    fn part_of_bound(&self) -> f64 {
        let Plan { limit: (n, p), end, latency, .. } = self.plan;
        let turns = end as f64 / (p as f64 + 6.0 * MS as f64 + latency as f64);
        f64::from(self.in_time) / (f64::from(n) * turns)
    }

    /// The one that was served most often to the one that was least often.
    fn most_to_least(&self) -> f64 {
        let most = self.served.iter().max().copied().unwrap_or_default();
        let least = self.served.iter().min().copied().unwrap_or_default();
        f64::from(most) / f64::from(least)
    }
}

/// The server's name, and how it counts.
type Case = (&'static str, fn(u32, u64) -> Box<dyn Server>);

/// It counts a part of the last period again.
const WEIGHTED: &str = "weighted counter";

const SERVERS: [Case; 6] = [
    ("log", |n, p| Box::new(SlidingLog::new(n, p))),
    ("log that counts refused requests", |n, p| Box::new(SlidingLog::harsh(n, p))),
    ("fixed window", |n, p| Box::new(FixedWindow::new(n, p, p / 3))),
    ("window from the first request", |n, p| Box::new(Opened::new(n, p))),
    ("token bucket", |n, p| Box::new(Refilled::new(n, p))),
    (WEIGHTED, |n, p| Box::new(SlidingCounter::new(n, p, false))),
];

/// Runs the plan on each server. The limit holds, and nobody is refused, or so many on a weighted counter.
fn on_each_server(plan: Plan, on_weighted: u32, look: impl Fn(&Trial, &str)) {
    let (n, p) = plan.limit;
    for (name, server) in SERVERS {
        let trial = Trial::new(plan, server(n, p)).run();
        let what = format!("{plan:?} on a {name}");
        assert!(trial.counting.most <= n as usize, "{} {what}", trial.counting.most);
        let most = if name == WEIGHTED { on_weighted } else { 0 };
        assert!(trial.refused <= most, "{} refused, {what}", trial.refused);
        look(&trial, &what);
    }
}

#[test]
fn of_120_programs_of_one_request_in_a_minute_of_100_none_is_refused_and_all_are_served() {
    for latency in [2 * MS, 400 * MS, 3 * SECOND] {
        on_each_server(Plan { latency, ..SHORT }, 1, |trial, what| {
            assert_eq!(trial.served, [1; 120], "{what}");
        });
    }
}

#[test]
fn six_programs_that_always_want_more_share_nearly_all_that_there_is_and_are_refused_nothing() {
    let far = Plan { latency: 400 * MS, ..LONG };
    let killed = Plan { kill_every: 2 * SECOND, ..LONG };
    for plan in [LONG, far, Plan { jitter: 80 * MS, ..far }, killed] {
        on_each_server(plan, 0, |trial, what| {
            let (part, fairness) = (trial.part_of_bound(), trial.most_to_least());
            assert!(part >= 0.95, "{part} of the bound, {what}");
            assert!(fairness <= 1.5, "most to least {fairness}, {what}");
        });
    }
}

/// They do not want all that there is, nor the same.
#[test]
fn six_programs_that_rest_are_refused_nothing() {
    for (latency, jitter) in [(MS / 5, 0), (400 * MS, 80 * MS)] {
        let plan = Plan { latency, jitter, pause: 3 * SECOND, ..LONG };
        on_each_server(plan, 3, |trial, what| {
            let part = trial.part_of_bound();
            assert!(part >= 0.7, "{part} of the bound, {what}");
        });
    }
}

/// The request of one that was killed may still arrive, so its token is held for longer.
#[test]
fn six_programs_that_are_killed_far_from_their_server_are_refused_nothing() {
    let far = Plan { latency: 400 * MS, jitter: 80 * MS, ..LONG };
    on_each_server(Plan { kill_every: 2 * SECOND, ..far }, 0, |trial, what| {
        let (part, fairness) = (trial.part_of_bound(), trial.most_to_least());
        assert!(part >= 0.8, "{part} of the bound, {what}");
        assert!(fairness <= 1.5, "most to least {fairness}, {what}");
    });
}
