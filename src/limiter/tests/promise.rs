//! The bucket's promise: never more than N in a window of P, and never a needless wait.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::Clock;
use crate::limiter::Rate;
use crate::limiter::ledger::Lease;
use crate::limiter::moment::NotReady;
use crate::limiter::status::{Outcome, Unavailable};
use crate::limiter::store::{Denied, TokenStore};
use crate::limiter::{Snapshot, WaitReason};
use fastrand::Rng;
use proptest::prelude::*;

use super::clock::Hand;
use super::servers::{Counting, FixedWindow, Refilled, Server, SlidingLog};
use super::simulation::{End, Event, Journey, MS, SECOND, Simulation};

fn held(p: u64) -> u64 {
    p + p.div_ceil(1000) + 5 * MS
}

/// Ways of the network: how long one way takes, in nanoseconds, of a period `p`.
pub(crate) const NETWORKS: [fn(&mut Rng, u64) -> u64; 6] = [
    |_, _| 0,
    |_, p| p / 50,
    |rng, p| rng.u64(0..=p / 10),
    |rng, p| rng.u64(0..=10 * p),
    |rng, p| if rng.bool() { 0 } else { 10 * p },
    |rng, p| {
        if rng.u8(..) == 0 { 10 * p } else { rng.u64(0..=p / 20) }
    },
];

pub(crate) fn journey(rng: &mut Rng, network: usize, p: u64) -> Journey {
    let (one, other) = (NETWORKS[network](rng, p), NETWORKS[network](rng, p));
    // Counted as it leaves, as its response arrives, or in between.
    let (there, back) = match rng.u8(0..3) {
        0 => (0, one + other),
        1 => (one + other, 0),
        _ => (one, other),
    };
    Journey { there, back, end: End::Answered }
}

/// An account of our own of which tokens are out, kept apart from the ledger's.
#[derive(Default)]
struct Account {
    granted: usize,
    ended: usize,
    back: VecDeque<u64>,
}

impl Account {
    fn out(&mut self, now: u64) -> usize {
        while self.back.front().is_some_and(|back| *back <= now) {
            self.back.pop_front();
        }
        self.granted - self.ended + self.back.len()
    }
}

/// Runs so many requests; asserts that every wait was needed, and returns the most in one window.
fn most_in_a_window(n: u32, p: u64, workers: usize, network: usize, requests: u64) -> usize {
    let mut rng = Rng::with_seed(u64::from(n) << 32 | workers as u64);
    let account = Rc::new(RefCell::new(Account::default()));
    let mut simulation = Simulation::new(Rate::new(n, Duration::from_nanos(p)), Counting::new(p));
    let mine = Rc::clone(&account);
    simulation.journey = Box::new(move |_| {
        mine.borrow_mut().granted += 1;
        journey(&mut rng, network, p)
    });
    let mine = Rc::clone(&account);
    simulation.on_event = Box::new(move |now, event| {
        let Event::Ends(Outcome::Responded(_)) = event else { panic!("all are answered") };
        mine.borrow_mut().ended += 1;
        mine.borrow_mut().back.push_back(now + held(p));
    });
    simulation.on_refusal = Box::new(move |now, outlook| {
        let mut account = account.borrow_mut();
        assert_eq!(account.out(now), n as usize, "a needless wait");
        let next = account.back.front().map(|back| Duration::from_nanos(back - now));
        assert_eq!(outlook.look_again, next, "a wait that is too long, or too short");
    });
    simulation.run(workers, requests).0.most
}

#[test]
fn no_window_ever_sees_more_than_n_and_no_wait_is_needless() {
    let mut requests = 0;
    for (n, p) in [(1, SECOND), (2, 700 * MS), (5, SECOND), (100, 60 * SECOND), (37, 10 * MS)] {
        for workers in [1, 3, 8, 64] {
            for network in 0..NETWORKS.len() {
                let most = most_in_a_window(n, p, workers, network, 9_000);
                assert!(most <= n as usize, "{most} of {n}, {workers} workers, network {network}");
                requests += 9_000;
            }
        }
    }
    assert!(requests > 1_000_000);
}

#[test]
fn all_n_are_really_used() {
    assert_eq!(most_in_a_window(5, SECOND, 1, 0, 1000), 5);
    assert_eq!(most_in_a_window(100, 60 * SECOND, 8, 1, 1000), 100);
}

/// The textbook's bucket: refilled at N/P all the time, or with its tokens back P after sending.
#[derive(Debug)]
struct Textbook {
    n: u32,
    p: u64,
    refilled: bool,
    clock: Arc<Hand>,
    origin: Instant,
    taken: Mutex<VecDeque<u64>>,
}

impl Textbook {
    fn new(n: u32, p: u64, refilled: bool, clock: Arc<Hand>) -> Textbook {
        let origin = clock.now();
        Textbook { n, p, refilled, clock, origin, taken: Mutex::default() }
    }

    /// When each token is back: of a refilled bucket one after the other, P/N apart.
    fn back(&self, taken: &VecDeque<u64>, now: u64) -> u64 {
        match taken.back() {
            Some(last) if self.refilled => now.max(*last) + self.p / u64::from(self.n),
            _ if self.refilled => now + self.p / u64::from(self.n),
            _ => now + self.p,
        }
    }
}

impl TokenStore for Textbook {
    fn lease(&self, _: Option<Instant>) -> Result<Lease, Denied> {
        let now = (self.clock.now() - self.origin).as_nanos() as u64;
        let mut taken = self.taken.lock().unwrap();
        while taken.front().is_some_and(|back| *back <= now) {
            taken.pop_front();
        }
        if taken.len() == self.n as usize {
            let look = Duration::from_nanos(taken[0] - now);
            let look_again = Some(look);
            return Err(NotReady { at_least: look, look_again, reason: WaitReason::Full }.into());
        }
        let back = self.back(&taken, now);
        taken.push_back(back);
        Ok(Lease::new(0, 0))
    }

    fn stands(&self, _: &Lease) -> bool {
        true
    }

    fn release(&self, _: &Lease, _: Outcome) {}

    fn exhaust(&self, _: Option<Instant>) -> Result<(), Unavailable> {
        unimplemented!()
    }

    fn set_grace(&self, _: Duration) {}

    fn is_idle(&self) -> bool {
        false
    }

    fn outlook(&self, _: usize) -> NotReady {
        unimplemented!()
    }

    fn tighten(&self, _: Rate) {}

    fn snapshot(&self) -> Snapshot {
        unimplemented!()
    }
}

fn most_of_a_textbook(refilled: bool, network: usize) -> usize {
    let clock = Arc::new(Hand::new());
    let store = Arc::new(Textbook::new(5, SECOND, refilled, clock.clone()));
    let mut simulation = Simulation::with_store(clock, store, Counting::new(SECOND));
    let mut rng = Rng::with_seed(1);
    simulation.journey = Box::new(move |_| journey(&mut rng, network, SECOND));
    simulation.run(8, 2000).0.most
}

#[test]
fn a_continuously_refilled_bucket_would_break_the_promise() {
    assert!(most_of_a_textbook(true, 0) >= 2 * 5 - 1);
    assert!(most_in_a_window(5, SECOND, 8, 0, 2000) <= 5);
}

#[test]
fn a_token_that_counts_from_its_sending_would_break_the_promise() {
    assert!(most_of_a_textbook(false, 2) > 5);
    assert!(most_in_a_window(5, SECOND, 8, 2, 2000) <= 5);
}

fn refusals<S: Server>(server: S, n: u32, p: u64, workers: usize, network: usize) -> usize {
    let mut rng = Rng::with_seed(7);
    let mut simulation = Simulation::new(Rate::new(n, Duration::from_nanos(p)), server);
    simulation.journey = Box::new(move |_| journey(&mut rng, network, p));
    simulation.run(workers, 3000).1.refused.len()
}

#[test]
fn servers_that_count_windows_refuse_nothing() {
    for (n, p) in [(5, SECOND), (100, 60 * SECOND)] {
        for (workers, network) in [(1, 1), (8, 2), (8, 3), (64, 5)] {
            assert_eq!(refusals(FixedWindow::new(n, p, p / 3), n, p, workers, network), 0);
            assert_eq!(refusals(SlidingLog::harsh(n, p), n, p, workers, network), 0);
            assert_eq!(refusals(Refilled::new(n, p), n, p, workers, network), 0);
        }
    }
}

#[test]
fn sixty_calls_at_five_a_second_take_eleven_and_a_half_seconds() {
    let simulation = Simulation::new(Rate::per_second(5), SlidingLog::new(5, SECOND));
    let (_, report) = simulation.run(1, 60);
    assert!(report.refused.is_empty());
    assert!(report.took <= 11_500 * MS, "{} ms", report.took / MS);
}

#[test]
fn a_saturated_bucket_is_as_fast_as_it_can_be() {
    for (n, p, workers) in [(5, SECOND, 1), (5, SECOND, 8), (100, 60 * SECOND, 8)] {
        let simulation = Simulation::new(Rate::new(n, Duration::from_nanos(p)), Counting::new(p));
        let requests = 200 * u64::from(n);
        let took = simulation.run(workers, requests).1.took as f64;
        let bound = f64::from(n) / (held(p) + 20 * MS) as f64;
        let share = requests as f64 / took / bound;
        assert!((0.98..1.01).contains(&share), "{share}");
    }
}

#[test]
fn a_paced_bucket_spreads_its_requests_and_is_as_fast() {
    let sent = Rc::new(RefCell::new(Vec::new()));
    let mut simulation = Simulation::new(Rate::per_second(5).paced(), SlidingLog::new(5, SECOND));
    let (log, clock) = (Rc::clone(&sent), simulation.clock.clone());
    simulation.journey = Box::new(move |_| {
        log.borrow_mut().push(clock.passed());
        Journey { there: 10 * MS, back: 10 * MS, end: End::Answered }
    });
    let (_, report) = simulation.run(8, 1000);
    let share = Duration::from_nanos(held(SECOND).div_ceil(5));
    assert!(sent.borrow().windows(2).all(|pair| pair[1] - pair[0] >= share));
    assert!(report.refused.is_empty() && report.took < 205 * SECOND);
}

fn arbitrary_journey(p: u64) -> impl Strategy<Value = (u64, u64, u8)> {
    let delay = prop_oneof![Just(0), 0..=p / 10, 0..=10 * p];
    (delay.clone(), delay, 0..20_u8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Requests that never left or got no response are among them; such a request is counted when it
    /// arrives, which is before we give up.
    #[test]
    fn the_promise_holds_whatever_becomes_of_the_requests(
        n in 1..12_u32,
        workers in 1..20_usize,
        journeys in proptest::collection::vec(arbitrary_journey(SECOND), 1..300),
    ) {
        let mut simulation = Simulation::new(Rate::per_second(n), Unsent { counting: Counting::new(SECOND) });
        let requests = journeys.len() as u64;
        simulation.journey = Box::new(move |i| {
            let (there, back, fate) = journeys[i as usize];
            let end = match fate {
                0..3 => End::NeverSent,
                3..6 => End::NoResponse,
                _ => End::Answered,
            };
            Journey { there, back, end }
        });
        let (server, report) = simulation.run(workers, requests);
        prop_assert!(server.counting.most <= n as usize);
        prop_assert!(report.most_in_flight <= n as usize);
    }
}

/// Counts what arrives.
struct Unsent {
    counting: Counting,
}

impl Server for Unsent {
    fn admit(&mut self, now: u64) -> bool {
        self.counting.admit(now)
    }
}
