//! The promise while machines die or stop, data and replies are lost, requests are refused, clocks are set back, and nobody
//! reaches the server for a while.

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
const SEEDS: u64 = 20;
/// A request that was given up arrives within this time, or never.
const GRACE: u64 = 2000;
/// Each machine that lives has reported its requests so long after a loss of the data.
const REPORTED: u64 = 600;

/// A request under way. Times are in milliseconds.
struct Request {
    host: usize,
    lease: Lease,
    counted_at: u64,
    ends_at: u64,
}

/// A lease that a thread has, and when it sends its request.
struct Thread {
    host: usize,
    lease: Lease,
    sends_at: u64,
}

struct Chaos {
    world: World,
    hosts: Vec<Host>,
    /// Until when each machine is stopped.
    stopped: Vec<u64>,
    threads: Vec<Thread>,
    requests: Vec<Request>,
    /// Requests of machines that died, and those that were given up, which arrive still.
    orphans: Vec<u64>,
    service: Counting,
    rng: Rng,
    now: u64,
    sent: u64,
    last_death: u64,
    /// No machine dies or stops before this: it has not reported its requests after a loss of the data.
    reported_at: u64,
    unreachable_until: u64,
    /// Whether the service states lower limits and refuses requests, and some machines have a lower rate.
    is_slowed: bool,
}

impl Chaos {
    fn new(seed: u64) -> Option<Chaos> {
        let world = World::new()?;
        let hosts: Vec<Host> = (0..4).map(|_| world.host("key", RATE)).collect();
        Some(Chaos {
            world,
            stopped: vec![0; hosts.len()],
            hosts,
            threads: Vec::new(),
            requests: Vec::new(),
            orphans: Vec::new(),
            service: Counting::new(1000 * 1_000_000),
            rng: Rng::with_seed(seed),
            now: 0,
            sent: 0,
            last_death: 0,
            reported_at: 0,
            unreachable_until: 0,
            is_slowed: seed % 2 == 1,
        })
    }

    fn step(&mut self) {
        self.now += STEP;
        self.arrive();
        if self.now < self.unreachable_until {
            return self.world.skip(Duration::from_millis(STEP));
        }
        self.world.clock.advance(Duration::from_millis(STEP));
        self.resume();
        self.end();
        self.lease();
        self.send();
        match self.rng.u32(..200_000) {
            0..100 => self.lose(),
            100..300 if self.reported_at <= self.now => self.die(),
            300..400 => self.world.set_back(Duration::from_millis(self.rng.u64(1..5000))),
            400..500 => {
                self.unreachable_until = self.now + self.rng.u64(0..8000);
                if self.now < self.reported_at {
                    self.reported_at = self.unreachable_until + REPORTED;
                }
            }
            500..700 if self.reported_at <= self.now => self.stop(),
            700..1000 => self.break_connections(),
            1000..1200 => self.lose_a_lease(),
            1200..1250 => self.hosts[0].exhaust(None).unwrap(),
            _ => {}
        }
    }

    fn is_stopped(&self, host: usize) -> bool {
        self.now < self.stopped[host]
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
        let stopped = &self.stopped;
        let ended = self.requests.extract_if(.., |it| it.ends_at <= now && stopped[it.host] <= now);
        for request in ended {
            // Whatever slows the machines down hides what goes wrong: it happens in every other run.
            let is_odd = self.is_slowed && self.rng.u8(..) < 30;
            let said = |rng: &mut Rng| Some(rng.u32(0..=N)).filter(|_| is_odd && rng.bool());
            let is_refused = is_odd && self.rng.bool();
            let retry_after = Some(Duration::from_millis(self.rng.u64(20..2000)));
            let headers = RateLimitHeaders {
                success: !is_refused,
                refused: is_refused,
                retry_after: retry_after.filter(|_| is_refused && self.rng.bool()),
                limit: said(&mut self.rng).filter(|it| *it > 0),
                remaining: said(&mut self.rng),
                ..RateLimitHeaders::default()
            };
            let outcome = match request.counted_at > now {
                true => Outcome::NoResponse,
                false => Outcome::Responded(headers),
            };
            self.orphans.extend(Some(request.counted_at).filter(|at| *at > now));
            self.hosts[request.host].release_as_one_with_a_worker(&request.lease, outcome);
        }
    }

    /// Some machines have several threads.
    fn lease(&mut self) {
        for place in 0..self.hosts.len() {
            for _ in 0..self.rng.usize(..4) {
                if self.is_stopped(place) {
                    continue;
                }
                if let Ok(lease) = self.hosts[place].lease(None) {
                    let late = if self.rng.u8(..) < 50 { self.rng.u64(0..300) } else { 0 };
                    let sends_at = self.now + late;
                    self.threads.push(Thread { host: place, lease, sends_at });
                }
            }
        }
    }

    fn send(&mut self) {
        let (now, stopped) = (self.now, &self.stopped);
        let is_due = |it: &mut Thread| it.sends_at <= now && stopped[it.host] <= now;
        for Thread { host: place, lease, .. } in self.threads.extract_if(.., is_due) {
            let host = &self.hosts[place];
            if !host.stands(&lease) {
                host.release_as_one_with_a_worker(&lease, Outcome::NeverSent);
                continue;
            }
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
        let rate = if self.is_slowed && self.rng.u8(..) < 60 {
            Rate::per_second(self.rng.u32(1..N))
        } else {
            RATE
        };
        let dead = std::mem::replace(&mut self.hosts[place], self.world.host("key", rate));
        dead.die();
        let requests = self.requests.extract_if(.., |it| it.host == place);
        let limit = self.now + GRACE - STEP;
        self.orphans.extend(requests.map(|it| it.counted_at.min(limit)));
        self.threads.retain(|it| it.host != place);
        self.stopped[place] = 0;
        self.last_death = self.now;
    }

    /// A machine is stopped, as by `SIGSTOP`: its requests arrive within the grace.
    fn stop(&mut self) {
        let place = self.rng.usize(..self.hosts.len());
        if self.is_stopped(place) {
            return;
        }
        self.hosts[place].stop();
        self.stopped[place] = self.now + self.rng.u64(STEP..10_000);
        let limit = self.now + GRACE - STEP;
        for request in self.requests.iter_mut().filter(|it| it.host == place) {
            request.counted_at = request.counted_at.min(limit);
        }
        self.last_death = self.last_death.max(self.stopped[place]);
    }

    fn resume(&mut self) {
        for place in 0..self.hosts.len() {
            if self.stopped[place] != 0 && !self.is_stopped(place) {
                self.stopped[place] = 0;
                self.hosts[place].resume();
            }
        }
    }

    /// The replies on their way are lost, and what they reply to was carried out.
    fn break_connections(&mut self) {
        let _: usize = self.world.run(redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal"));
    }

    fn lose_a_lease(&mut self) {
        let place = self.rng.usize(..self.hosts.len());
        if !self.is_stopped(place) {
            self.hosts[place].lose_a_lease();
        }
    }

    /// The data is lost, but not while a request of a machine that died is under way.
    fn lose(&mut self) {
        if self.now < self.last_death + GRACE {
            return;
        }
        self.reported_at = self.now + REPORTED;
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
    for seed in 0..SEEDS {
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
    assert!(sent > 2000, "{sent}");
}
