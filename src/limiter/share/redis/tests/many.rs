//! Many machines, in virtual time: their cost and their fairness.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use fastrand::Rng;

use crate::clock::Clock;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::rate::Rate;
use crate::limiter::status::Outcome;
use crate::limiter::store::TokenStore;
use crate::limiter::tests::servers::{
    Counting, FixedWindow, Refilled, Server, SlidingCounter, SlidingLog,
};

use super::world::{Host, SUCCESS, World};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;
const RATE: Rate = Rate::per_second(5);
/// There and back.
const LATENCY: u64 = 100 * MS;
/// Of Redis, one way.
const DISTANCE: u64 = MS / 2;

/// One machine: what it did, and what it does next.
struct Machine {
    host: Host,
    lease: Option<Lease>,
    is_refused: bool,
    /// How long it pauses between two requests on average; zero if it always wants more.
    pause: u64,
    served: u32,
    waited: u64,
    asked: u64,
}

type Service = fn() -> Box<dyn Server>;

/// Many machines with one key.
struct Crowd {
    world: World,
    machines: Vec<Machine>,
    events: BinaryHeap<Reverse<(u64, usize)>>,
    rng: Rng,
    service: Box<dyn Server>,
    /// Of the service, there and back.
    latency: u64,
    refused: u32,
    /// How many machines died with a request under way.
    lost: u32,
}

/// The figures of a run, which a test prints.
#[derive(Debug)]
#[allow(dead_code, reason = "some are only printed")]
struct Figures {
    tokens: u32,
    refused: u32,
    /// The part of what is possible.
    part: f64,
    calls_of_a_token: f64,
    /// Among those that always want more.
    most_to_least: f64,
    /// The longest wait of those that call now and then, in seconds.
    longest_wait: f64,
    bytes: u64,
    micros_of_a_call: f64,
}

impl Crowd {
    fn new(busy: usize, occasional: usize, pause: Duration) -> Option<Crowd> {
        let pauses = [0].repeat(busy).into_iter();
        let pauses = pauses.chain([pause.as_nanos() as u64].repeat(occasional));
        Crowd::of(pauses, false)
    }

    /// Machines that always want more. The key may be used by others as well.
    fn cautious(busy: usize, latency: u64, service: Box<dyn Server>) -> Option<Crowd> {
        Some(Crowd { latency, service, ..Crowd::of([0].repeat(busy).into_iter(), true)? })
    }

    fn of(pauses: impl Iterator<Item = u64>, is_cautious: bool) -> Option<Crowd> {
        let world = World::new()?;
        let mut rng = Rng::with_seed(11);
        let machine = |pause| Machine {
            host: world.host_with("key", RATE, is_cautious),
            lease: None,
            is_refused: false,
            pause,
            served: 0,
            waited: 0,
            asked: 0,
        };
        let mut machines: Vec<Machine> = pauses.map(machine).collect();
        for machine in &mut machines {
            machine.asked = rng.u64(0..=(2 * machine.pause).max(SECOND));
        }
        let first = |(place, it): (usize, &Machine)| Reverse((it.asked, place));
        let events = machines.iter().enumerate().map(first).collect();
        world.server.command(&["CONFIG", "RESETSTAT"]);
        let service = Box::new(Counting::new(SECOND));
        Some(Crowd { world, machines, events, rng, service, latency: LATENCY, refused: 0, lost: 0 })
    }

    fn run(mut self, time: Duration) -> Figures {
        let end = time.as_nanos() as u64;
        let mut bytes = 0;
        let mut next_look = 0;
        while let Some(Reverse((at, place))) = self.events.pop().filter(|it| it.0.0 < end) {
            self.world.clock.advance_to(at);
            if at >= next_look {
                bytes = bytes.max(self.bytes());
                next_look = at + SECOND;
            }
            let next = self.act(place, at);
            self.events.push(Reverse((next, place)));
        }
        self.figures(time, bytes)
    }

    /// Lets a machine die each two seconds or so, in the place of which there is another one. Returns the part of what is possible
    /// if each request that was under way costs its lease, the grace and a period.
    fn run_with_deaths(mut self, time: Duration) -> f64 {
        let mut next_death = 0;
        let end = time.as_nanos() as u64;
        while let Some(Reverse((at, place))) = self.events.pop().filter(|it| it.0.0 < end) {
            self.world.clock.advance_to(at);
            if at >= next_death {
                next_death = at + self.rng.u64(SECOND..3 * SECOND);
                let victim = self.rng.usize(..self.machines.len());
                let machine = &mut self.machines[victim];
                let fresh = self.world.host_with("key", RATE, true);
                std::mem::replace(&mut machine.host, fresh).die();
                self.lost += u32::from(machine.lease.take().is_some());
            }
            let next = self.act(place, at);
            self.events.push(Reverse((next, place)));
        }
        let held = f64::from(self.lost) * 4.5 / (f64::from(RATE.requests()) * time.as_secs_f64());
        self.figures(time, 0).part / (1.0 - held)
    }

    /// Lets a machine ask for a token, or give it back, and returns when it does something again.
    fn act(&mut self, place: usize, now: u64) -> u64 {
        let machine = &mut self.machines[place];
        if let Some(lease) = machine.lease.take() {
            let (refused, success) = (machine.is_refused, !machine.is_refused);
            let headers = RateLimitHeaders { refused, success, ..RateLimitHeaders::default() };
            machine.host.release(&lease, Outcome::Responded(headers));
            let pause = self.rng.u64(0..=2 * machine.pause);
            machine.asked = now + pause;
            return now + 2 * DISTANCE + pause;
        }
        match machine.host.lease(None) {
            Ok(lease) => {
                machine.lease = Some(lease);
                machine.is_refused = !self.service.admit(now + DISTANCE + self.latency / 2);
                self.refused += u32::from(machine.is_refused);
                machine.served += 1;
                machine.waited = machine.waited.max(now.saturating_sub(machine.asked));
                now + 2 * DISTANCE + self.latency
            }
            Err(denied) => {
                let look = denied.not_ready().look_again.unwrap();
                now + (look.as_nanos() as u64).max(2 * DISTANCE)
            }
        }
    }

    fn bytes(&self) -> u64 {
        let used = |key: &String| {
            self.world.run::<Option<u64>>(redis::cmd("MEMORY").arg("USAGE").arg(key)).unwrap_or(0)
        };
        of_the_bucket(self.world.keys("key")).iter().map(used).sum()
    }

    fn figures(&self, time: Duration, bytes: u64) -> Figures {
        let tokens: u32 = self.machines.iter().map(|it| it.served).sum();
        let busy: Vec<u32> =
            self.machines.iter().filter(|it| it.pause == 0).map(|it| it.served).collect();
        let rare = self.machines.iter().filter(|it| it.pause > 0).map(|it| it.waited);
        let least = busy.iter().min().copied().unwrap_or(1).max(1);
        let statistics = self.world.server.command(&["INFO", "commandstats"]);
        let number = |name: &str| -> f64 {
            let line = statistics.lines().find(|line| line.starts_with("cmdstat_evalsha:"));
            let value = line.and_then(|line| line.split_once(name)?.1.split(',').next());
            value.and_then(|value| value.parse().ok()).unwrap_or(0.0)
        };
        let cycles = time.as_secs_f64() / (1.006 + 0.001 + self.latency as f64 / SECOND as f64);
        Figures {
            tokens,
            refused: self.refused,
            part: f64::from(tokens) / (5.0 * cycles),
            calls_of_a_token: number("calls=") / f64::from(tokens),
            most_to_least: f64::from(busy.iter().max().copied().unwrap_or(1)) / f64::from(least),
            longest_wait: rare.max().unwrap_or(0) as f64 / SECOND as f64,
            bytes,
            micros_of_a_call: number("usec_per_call="),
        }
    }
}

/// The keys of a bucket, without the one of the server.
fn of_the_bucket(keys: [String; 7]) -> Vec<String> {
    keys.into_iter().filter(|name| !name.ends_with(":server")).collect()
}

#[test]
fn fifty_machines_that_always_want_more_are_served_alike() {
    let Some(crowd) = Crowd::new(50, 0, Duration::ZERO) else {
        return;
    };
    let figures = crowd.run(Duration::from_secs(120));
    eprintln!("50 that always want more: {figures:?}");
    assert!(figures.part > 0.95 && figures.most_to_least <= 2.0, "{figures:?}");
    assert!(figures.calls_of_a_token < 4.5 && figures.bytes < 20_000, "{figures:?}");
}

#[test]
fn a_thousand_machines_that_call_now_and_then_wait_for_little() {
    let Some(crowd) = Crowd::new(0, 1000, Duration::from_secs(400)) else {
        return;
    };
    let figures = crowd.run(Duration::from_secs(240));
    eprintln!("1,000 that call now and then: {figures:?}");
    assert!(figures.calls_of_a_token < 2.5, "{figures:?}");
    assert!(figures.longest_wait < 6.0 && figures.bytes < 20_000, "{figures:?}");
}

#[test]
fn machines_that_call_now_and_then_do_not_starve_among_machines_that_always_want_more() {
    let Some(crowd) = Crowd::new(50, 1000, Duration::from_secs(1000)) else {
        return;
    };
    let figures = crowd.run(Duration::from_secs(120));
    eprintln!("50 that always want more, and 1,000 that call now and then: {figures:?}");
    assert!(figures.part > 0.95 && figures.most_to_least <= 2.0, "{figures:?}");
    assert!(figures.longest_wait < 30.0, "{figures:?}");
}

#[test]
fn a_key_takes_little_memory_for_each_token_that_is_out_and_none_after_a_while() {
    let Some(world) = World::new() else {
        return;
    };
    for (key, tokens) in [("minute", 100), ("hour", 1000)] {
        let host = world.host(key, Rate::per_hour(tokens));
        for _ in 0..tokens {
            let lease = host.lease(None).unwrap();
            host.release(&lease, Outcome::Responded(SUCCESS));
        }
        let used = |name: &String| {
            let size = world.run::<Option<u64>>(redis::cmd("MEMORY").arg("USAGE").arg(name));
            let left: i64 = world.run(redis::cmd("PTTL").arg(name));
            assert!(size.is_none() || (0..=12 * 3_604_000).contains(&left), "{name}: {left} ms");
            size.unwrap_or(0)
        };
        let [.., admitted] = &world.keys(key);
        assert!(used(admitted) < 4000, "{} bytes", used(admitted));
        let bytes: u64 = of_the_bucket(world.keys(key)).iter().map(used).sum();
        eprintln!("{tokens} tokens out: {bytes} bytes");
        assert!(bytes < 1000 + 150 * u64::from(tokens), "{tokens} tokens take {bytes} bytes");
    }
}

#[test]
fn machines_that_always_want_more_are_refused_nothing_on_any_limiter() {
    let services: [(&str, Service); 4] = [
        ("sliding log", || Box::new(SlidingLog::harsh(5, SECOND))),
        ("fixed window", || Box::new(FixedWindow::new(5, SECOND, SECOND / 3))),
        ("token bucket", || Box::new(Refilled::new(5, SECOND))),
        ("sliding-window counter", || Box::new(SlidingCounter::new(5, SECOND, false))),
    ];
    for (name, service) in services {
        for latency in [0, 20, 100, 400] {
            let Some(crowd) = Crowd::cautious(6, latency * MS, service()) else {
                return;
            };
            let figures = crowd.run(Duration::from_secs(60));
            let context = format!("{name}, {latency} ms: {figures:?}");
            assert!(figures.refused == 0 && figures.part >= 0.98, "{context}");
            assert!(figures.most_to_least <= 1.2, "{context}");
            // Join the line, take a token, and release it. A long response is not known ahead: ask again, and renew the lease.
            let calls = if latency < 400 { 3.5 } else { 5.1 };
            assert!(figures.calls_of_a_token < calls, "{context}");
        }
    }
}

#[test]
fn machines_that_die_in_the_line_leave_no_token_idle() {
    let Some(crowd) = Crowd::cautious(6, 400 * MS, Box::new(SlidingLog::harsh(5, SECOND))) else {
        return;
    };
    let part = crowd.run_with_deaths(Duration::from_secs(300));
    assert!(part > 0.97, "{part:.3}");
}

/// Twice as many machines as there are tokens, each of which sends one request if that is possible in time.
#[test]
fn machines_that_cannot_wait_for_their_turn_hold_up_nobody() {
    let Some(world) = World::new() else {
        return;
    };
    let (mut served, mut waiting) = (0, Vec::<(u64, u64, Host)>::new());
    for now in (0..20 * SECOND).step_by(5 * MS as usize) {
        world.clock.advance_to(now);
        let mut due: Vec<_> = waiting.extract_if(.., |(look, ..)| *look <= now).collect();
        if now % (SECOND / 10) == 0 {
            due.push((now, now + 2 * SECOND, world.host("key", RATE)));
        }
        for (_, until, host) in due {
            let left = Duration::from_nanos(until.saturating_sub(now));
            match host.lease(Some(world.clock.now() + left)) {
                Ok(lease) => {
                    served += 1;
                    host.release(&lease, Outcome::Responded(SUCCESS));
                }
                Err(denied) => {
                    let denied = denied.not_ready();
                    if denied.at_least <= left {
                        let look = denied.look_again.unwrap().as_nanos() as u64;
                        waiting.push((now + look, until, host));
                    }
                }
            }
        }
    }
    assert!(served > 95, "{served}");
}
