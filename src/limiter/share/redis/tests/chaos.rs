//! The promise while machines die, data is lost, clocks are set back, and nobody reaches the server for a while.

use std::time::Duration;

use fastrand::Rng;

use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::rate::Rate;
use crate::limiter::status::Outcome;
use crate::limiter::store::TokenStore;
use crate::limiter::tests::servers::{Counting, Server};

use super::world::{Host, World};

const N: u32 = 5;
const RATE: Rate = Rate::per_second(N);
const STEP: u64 = 20;
/// A request that was given up arrives within this time, or never.
const GRACE: u64 = 2000;

/// A request under way. Times are in milliseconds.
struct Request {
    host: usize,
    lease: Lease,
    counted_at: u64,
    ends_at: u64,
}

struct Chaos {
    world: World,
    hosts: Vec<Host>,
    requests: Vec<Request>,
    /// Requests of machines that died, and those that were given up, which arrive still.
    orphans: Vec<u64>,
    service: Counting,
    rng: Rng,
    now: u64,
    sent: u64,
    last_death: u64,
    unreachable_until: u64,
}

impl Chaos {
    fn new(seed: u64) -> Option<Chaos> {
        let world = World::new()?;
        let hosts = (0..4).map(|_| world.host("key", RATE)).collect();
        Some(Chaos {
            world,
            hosts,
            requests: Vec::new(),
            orphans: Vec::new(),
            service: Counting::new(1000 * 1_000_000),
            rng: Rng::with_seed(seed),
            now: 0,
            sent: 0,
            last_death: 0,
            unreachable_until: 0,
        })
    }

    fn step(&mut self) {
        self.now += STEP;
        self.arrive();
        if self.now < self.unreachable_until {
            return self.world.skip(Duration::from_millis(STEP));
        }
        self.world.clock.advance(Duration::from_millis(STEP));
        self.end();
        self.send();
        match self.rng.u16(..) {
            0..100 => self.lose(),
            100..300 => self.die(),
            300..400 => self.world.set_back(Duration::from_millis(self.rng.u64(1..5000))),
            400..500 => self.unreachable_until = self.now + self.rng.u64(0..8000),
            _ => {}
        }
    }

    fn arrive(&mut self) {
        let now = self.now;
        let counted = |at: u64| (at..at + STEP).contains(&now);
        let of_living = self.requests.iter().filter(|it| counted(it.counted_at)).count();
        let of_dead = self.orphans.iter().filter(|at| counted(**at)).count();
        for _ in 0..of_living + of_dead {
            self.service.admit(now * 1_000_000);
        }
    }

    fn end(&mut self) {
        let now = self.now;
        let ended = self.requests.extract_if(.., |it| it.ends_at <= now);
        for request in ended {
            let said = |rng: &mut Rng| Some(rng.u32(0..=N)).filter(|_| rng.u8(..) < 30);
            let headers = RateLimitHeaders {
                success: true,
                limit: said(&mut self.rng).filter(|it| *it > 0),
                remaining: said(&mut self.rng),
                ..RateLimitHeaders::default()
            };
            let outcome = match request.counted_at > now {
                true => Outcome::NoResponse,
                false => Outcome::Responded(headers),
            };
            self.orphans.extend(Some(request.counted_at).filter(|at| *at > now));
            self.hosts[request.host].release(&request.lease, outcome);
        }
    }

    fn send(&mut self) {
        for (place, host) in self.hosts.iter().enumerate() {
            let Ok(lease) = host.lease(None) else {
                continue;
            };
            let flight = match self.rng.u8(..) {
                0..20 => self.rng.u64(0..9000),
                _ => self.rng.u64(0..200),
            };
            let counted_at = self.now + STEP + self.rng.u64(0..=flight);
            // Some are given up before they arrive.
            let early = if self.rng.u8(..) < 20 { flight.min(GRACE - 3 * STEP) } else { 0 };
            let ends_at = self.now + 2 * STEP + flight - early;
            self.requests.push(Request { host: place, lease, counted_at, ends_at });
            self.sent += 1;
        }
    }

    /// A machine dies; its requests arrive within the grace. Another one takes its place.
    fn die(&mut self) {
        let place = self.rng.usize(..self.hosts.len());
        let rate = if self.rng.u8(..) < 60 { Rate::per_second(self.rng.u32(1..N)) } else { RATE };
        let dead = std::mem::replace(&mut self.hosts[place], self.world.host("key", rate));
        dead.die();
        let requests = self.requests.extract_if(.., |it| it.host == place);
        let limit = self.now + GRACE - STEP;
        self.orphans.extend(requests.map(|it| it.counted_at.min(limit)));
        self.last_death = self.now;
    }

    /// The data is lost, but not while a request of a machine that died is under way.
    fn lose(&mut self) {
        if self.now < self.last_death + GRACE {
            return;
        }
        let server = self.world.keys("key")[5].clone();
        let _: () = match self.rng.bool() {
            true => self.world.run(redis::cmd("DEL").arg(&self.world.keys("key"))),
            false => self.world.run(redis::cmd("SET").arg(server).arg("another 1")),
        };
    }
}

#[test]
fn no_window_sees_more_than_n_whatever_is_lost() {
    let mut sent = 0;
    for seed in 0..10 {
        let Some(mut chaos) = Chaos::new(seed) else {
            return;
        };
        for _ in 0..3000 {
            chaos.step();
            let most = chaos.service.most;
            assert!(most <= N as usize, "{most} at {} ms, seed {seed}", chaos.now);
        }
        sent += chaos.sent;
    }
    assert!(sent > 600, "{sent}");
}
