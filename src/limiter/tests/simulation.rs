//! Many requests under way at once, in virtual time and without a thread.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use crate::limiter::Rate;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::ledger::Ledger;
use crate::limiter::moment::NotReady;
use crate::limiter::status::Outcome;
use crate::limiter::store::{Memory, TokenStore};

use super::clock::Hand;
use super::servers::Server;

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1000 * MS;

/// The journey of one request: how long until the server counts it, how long until its response is received.
pub(crate) struct Journey {
    pub(crate) there: u64,
    pub(crate) back: u64,
    pub(crate) end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Answered,
    NeverSent,
    NoResponse,
}

/// Told at which moment something happened, and what.
pub(crate) type Hook<'a, T> = Box<dyn FnMut(u64, &T) + 'a>;

/// The behaviour of the server besides admitting or refusing.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manners {
    /// `Retry-After` on a refusal.
    pub(crate) retry_after: Option<Duration>,
    /// Whether each response reports how much remains.
    pub(crate) headers: bool,
    /// Somebody else sends a request on the same key every so often, in nanoseconds.
    pub(crate) foreign_every: Option<u64>,
}

pub(crate) struct Simulation<'a, S> {
    pub(crate) clock: Arc<Hand>,
    pub(crate) store: Arc<dyn TokenStore>,
    pub(crate) server: S,
    pub(crate) manners: Manners,
    pub(crate) journey: Box<dyn FnMut(u64) -> Journey + 'a>,
    /// Asked at each refusal of a token.
    pub(crate) on_refusal: Hook<'a, NotReady>,
    /// Told of each request's end.
    pub(crate) on_event: Hook<'a, Event>,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    pending: Vec<Option<(Event, Lease)>>,
    wake: u64,
    pub(crate) report: Report,
}

#[derive(Clone, Copy)]
pub(crate) enum Event {
    Arrives(u64, End),
    Ends(Outcome),
}

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) sent: u64,
    /// The number of each request that was refused, in the order of the news.
    pub(crate) refused: Vec<u64>,
    pub(crate) foreign_refused: u64,
    /// How many requests had been sent when the second refusal became known.
    pub(crate) sent_by_second: u64,
    pub(crate) took: u64,
    pub(crate) most_in_flight: usize,
}

impl Report {
    /// Of the requests sent after the second refusal became known, how many were refused, in a hundred.
    pub(crate) fn refused_later(&self) -> f64 {
        let later = self.refused.iter().filter(|it| **it >= self.sent_by_second).count();
        match self.refused.len() {
            0 | 1 => 0.0,
            _ => 100.0 * later as f64 / (self.sent - self.sent_by_second) as f64,
        }
    }
}

/// Wake-ups have no request of their own.
const WAKE: u64 = u64::MAX;

impl<'a, S: Server> Simulation<'a, S> {
    pub(crate) fn new(rate: Rate, server: S) -> Simulation<'a, S> {
        let clock = Arc::new(Hand::new());
        let store = Arc::new(Memory::new(Ledger::new(rate), clock.clone()));
        Simulation::with_store(clock, store, server)
    }

    pub(crate) fn with_store(
        clock: Arc<Hand>,
        store: Arc<dyn TokenStore>,
        server: S,
    ) -> Simulation<'a, S> {
        Simulation {
            clock,
            store,
            server,
            manners: Manners::default(),
            journey: Box::new(|_| Journey { there: 10 * MS, back: 10 * MS, end: End::Answered }),
            on_refusal: Box::new(|_, _| {}),
            on_event: Box::new(|_, _| {}),
            events: BinaryHeap::new(),
            pending: Vec::new(),
            wake: 0,
            report: Report::default(),
        }
    }

    /// So many `workers` send requests one after the other, as fast as the store lets them, `requests` in all.
    pub(crate) fn run(mut self, workers: usize, requests: u64) -> (S, Report) {
        let (mut idle, mut now, mut foreign) = (workers, 0, 0);
        while self.report.sent < requests || idle < workers {
            while idle > 0 && self.report.sent < requests && self.take(now) {
                idle -= 1;
                self.report.most_in_flight = self.report.most_in_flight.max(workers - idle);
            }
            let Some(Reverse((at, request))) = self.events.pop() else {
                panic!("everybody waits and nothing will happen");
            };
            self.serve_others(&mut foreign, at);
            now = at;
            self.clock.advance_to(now);
            if request != WAKE && self.happen(request, now) {
                idle += 1;
            }
        }
        self.report.took = now;
        (self.server, self.report)
    }

    fn take(&mut self, now: u64) -> bool {
        match self.store.lease(None) {
            Ok(lease) => {
                let journey = (self.journey)(self.report.sent);
                self.pending.push(Some((Event::Arrives(journey.back, journey.end), lease)));
                self.events.push(Reverse((now + journey.there, self.report.sent)));
                self.report.sent += 1;
                true
            }
            Err(denied) => {
                let outlook = denied.not_ready();
                (self.on_refusal)(now, &outlook);
                if let Some(look) = outlook.look_again {
                    assert!(!look.is_zero(), "told to look again at once");
                    self.wake_at(now + look.as_nanos() as u64);
                }
                false
            }
        }
    }

    fn wake_at(&mut self, at: u64) {
        if self.wake != at {
            self.wake = at;
            self.events.push(Reverse((at, WAKE)));
        }
    }

    /// Whether the request is over with this.
    fn happen(&mut self, request: u64, now: u64) -> bool {
        let (event, lease) = self.pending[request as usize].take().unwrap();
        match event {
            Event::Arrives(back, end) => {
                let outcome = self.arrive(end, now);
                self.pending[request as usize] = Some((Event::Ends(outcome), lease));
                self.events.push(Reverse((now + back, request)));
                false
            }
            Event::Ends(outcome) => {
                (self.on_event)(now, &event);
                if let Outcome::Responded(RateLimitHeaders { refused: true, .. }) = outcome {
                    self.report.refused.push(request);
                    if self.report.refused.len() == 2 {
                        self.report.sent_by_second = self.report.sent;
                    }
                }
                self.store.release(&lease, outcome);
                true
            }
        }
    }

    fn arrive(&mut self, end: End, now: u64) -> Outcome {
        match end {
            End::NeverSent => Outcome::NeverSent,
            End::NoResponse => {
                self.server.admit(now);
                Outcome::NoResponse
            }
            End::Answered => {
                let success = self.server.admit(now);
                Outcome::Responded(RateLimitHeaders {
                    success,
                    refused: !success,
                    retry_after: self.manners.retry_after.filter(|_| !success),
                    remaining: self.manners.headers.then(|| self.server.remaining()),
                    ..RateLimitHeaders::default()
                })
            }
        }
    }

    fn serve_others(&mut self, next: &mut u64, until: u64) {
        let Some(every) = self.manners.foreign_every else {
            return;
        };
        while *next <= until {
            self.report.foreign_refused += u64::from(!self.server.admit(*next));
            *next += every;
        }
    }
}
