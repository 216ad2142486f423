//! Clients without a share on servers that round `Retry-After` down to zero.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use fastrand::Rng;
use http::{HeaderMap, HeaderValue, StatusCode, header::RETRY_AFTER};

use super::servers::{NoBurst, Server, SlidingLog};
use super::simulation::{MS, SECOND};
use crate::limiter::Rate;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::{Lease, Ledger};
use crate::limiter::status::Outcome;

const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const LATENCY: u64 = 20 * MS;

enum Event {
    Looks,
    Arrives(Lease),
    Ends(Lease, RateLimitHeaders),
}

/// Clients with one worker each, which always want more.
struct Herd {
    ledgers: Vec<Ledger>,
    is_idle: Vec<bool>,
    done: Vec<u64>,
    server: Box<dyn Server>,
    queue: BinaryHeap<Reverse<(u64, usize)>>,
    /// Events, each with its client.
    events: Vec<Option<(usize, Event)>>,
    rng: Rng,
}

impl Herd {
    fn new(count: usize, (n, p): (u32, u64), server: Box<dyn Server>) -> Herd {
        let rate = Rate::new(n, Duration::from_nanos(p));
        let ledger = |seed| Ledger::new(rate).cautious_by(Rng::with_seed(seed));
        let mut herd = Herd {
            ledgers: (0..count as u64).map(ledger).collect(),
            is_idle: vec![true; count],
            done: vec![0; count],
            server,
            queue: BinaryHeap::new(),
            events: Vec::new(),
            rng: Rng::with_seed(9),
        };
        for client in 0..count {
            let begin = herd.rng.u64(0..p);
            herd.plan(begin, client, Event::Looks);
        }
        herd
    }

    /// How many requests of each client succeed in an hour.
    fn run(mut self) -> Vec<u64> {
        while let Some(Reverse((now, place))) = self.queue.pop() {
            if now > HOUR {
                break;
            }
            let (client, event) = self.events[place].take().expect("an event happens once");
            self.happen(client, event, now);
        }
        self.done
    }

    fn plan(&mut self, at: u64, client: usize, event: Event) {
        self.queue.push(Reverse((at, self.events.len())));
        self.events.push(Some((client, event)));
    }

    fn happen(&mut self, client: usize, event: Event, now: u64) {
        match event {
            Event::Looks => {}
            Event::Arrives(lease) => {
                let headers = self.respond(now);
                return self.plan(now + LATENCY / 2, client, Event::Ends(lease, headers));
            }
            Event::Ends(lease, headers) => {
                self.ledgers[client].release(&lease, Outcome::Responded(headers), now);
                self.is_idle[client] = true;
                self.done[client] += u64::from(headers.success);
            }
        }
        if self.is_idle[client] {
            self.ask(client, now);
        }
    }

    /// The wait is in whole seconds, rounded down.
    fn respond(&mut self, now: u64) -> RateLimitHeaders {
        if self.server.admit(now) {
            return RateLimitHeaders::read(StatusCode::OK, &HeaderMap::new());
        }
        let wait = HeaderValue::from(self.server.wait(now) / SECOND);
        let headers = HeaderMap::from_iter([(RETRY_AFTER, wait)]);
        RateLimitHeaders::read(StatusCode::TOO_MANY_REQUESTS, &headers)
    }

    fn ask(&mut self, client: usize, now: u64) {
        match self.ledgers[client].lease(now) {
            Ok(lease) => {
                self.is_idle[client] = false;
                let sway = self.rng.u64(0..=LATENCY / 20);
                self.plan(now + LATENCY / 2 + sway, client, Event::Arrives(lease));
            }
            Err(not_ready) => {
                if let Some(look) = not_ready.look_again {
                    self.plan(now + look.as_nanos() as u64, client, Event::Looks);
                }
            }
        }
    }
}

/// The part of what the server allows in an hour that `count` clients get.
fn part(count: usize, (n, p): (u32, u64), server: Box<dyn Server>) -> f64 {
    let done: u64 = Herd::new(count, (n, p), server).run().iter().sum();
    done as f64 / (HOUR / p * u64::from(n)) as f64
}

/// A server without bursts that rounds the distance of two requests down.
struct NamesZero(NoBurst);

impl Server for NamesZero {
    fn admit(&mut self, now: u64) -> bool {
        self.0.admit(now)
    }

    fn wait(&self, _now: u64) -> u64 {
        0
    }
}

#[test]
fn a_client_alone_on_a_server_without_bursts_that_names_zero_gets_most_of_what_there_is() {
    for rate in [(100, MINUTE), (20, 12 * SECOND), (5, SECOND)] {
        let part = part(1, rate, Box::new(NamesZero(NoBurst::new(rate.0, rate.1))));
        assert!(part >= 0.8, "{rate:?}: {part:.3}");
    }
}

#[test]
fn two_clients_on_a_log_that_counts_refusals_and_names_zero_get_most_of_what_there_is() {
    for rate in [(100, MINUTE), (20, 12 * SECOND), (5, SECOND)] {
        let part = part(2, rate, Box::new(SlidingLog::harsh(rate.0, rate.1)));
        assert!(part >= 0.8, "{rate:?}: {part:.3}");
    }
}
