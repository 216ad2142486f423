//! The contract of a `TokenStore`, to be run on every implementation.

use std::sync::Arc;
use std::time::Duration;

use crate::limiter::Rate;
use crate::limiter::headers::RateLimitHeaders;
use crate::limiter::ledger::Lease;
use crate::limiter::ledger::Ledger;
use crate::limiter::status::Outcome;
use crate::limiter::store::{Memory, TokenStore};

use super::clock::Hand;

/// P' for a second and a minute, and what an unanswered request's token is held on top.
const HELD: Duration = Duration::from_millis(1006);
const HELD_OF_A_MINUTE: Duration = Duration::from_millis(60_065);
const GRACE: Duration = Duration::from_secs(2);
const ROUND_TRIP: Duration = Duration::from_millis(10);
/// Redis counts in microseconds.
const A_MOMENT: Duration = Duration::from_micros(1);

pub(crate) type Stored = (Arc<dyn TokenStore>, Box<dyn Fn(Duration)>);

type Clause = fn(&Trial);

/// A store of three tokens a second, and the hand on its clock.
struct Trial {
    store: Arc<dyn TokenStore>,
    pass: Box<dyn Fn(Duration)>,
}

/// Runs every clause of the contract, each against a store of its own.
pub(crate) fn keeps(make: impl Fn(Rate) -> Stored) {
    let second = Rate::per_second(3);
    let many = Rate::per_second(20);
    let clauses: [(Rate, Clause); 17] = [
        (second, no_more_than_n_are_out),
        (second, a_response_means_held_for_a_period),
        (second, never_sent_means_free_at_once),
        (second, no_response_means_held_for_a_period_and_a_grace),
        (second, the_outlook_is_what_happens),
        (second, a_refusal_stops_everybody_and_then_one_goes_ahead),
        (second, tightening_never_loosens),
        (second, the_headers_of_a_server_never_loosen),
        (second, any_thread_may_release),
        (second, a_limit_that_successes_contradict_is_ignored_for_ten_periods),
        (second, a_limit_that_successes_keep_to_is_obeyed),
        (second, only_successes_contradict_a_limit),
        (second, slow_responses_contradict_no_limit),
        (many, what_others_seem_to_spend_is_ignored_if_requests_succeed_nonetheless),
        (many, a_refusal_ends_that_what_others_spend_is_ignored),
        (many, only_requests_of_later_contradict_what_others_spend),
        (many, what_others_spent_long_ago_is_not_contradicted),
    ];
    for (rate, clause) in clauses {
        let (store, pass) = make(rate);
        clause(&Trial { store, pass });
    }
}

/// Runs every clause for a store that knows nothing about its key, and is cautious, each against a store of its own.
pub(crate) fn begins_with_care(make: impl Fn(Rate) -> Stored) {
    let (second, minute) = (Rate::per_second(3), Rate::per_minute(100));
    let clauses: [(Rate, Clause); 7] = [
        (second, the_first_request_goes_alone_for_a_second_at_most),
        (second, a_first_request_that_came_to_nothing_is_followed_by_another_one),
        (minute, one_more_is_under_way_for_each_eight_that_succeeded_and_a_twentieth_at_most),
        (minute, a_slow_response_holds_the_others_up_for_a_share),
        (minute, a_response_that_shows_what_remains_ends_the_care),
        (minute, after_a_refusal_of_the_first_one_request_is_under_way),
        (second, a_second_burst_is_sent_one_by_one_for_ten_periods),
    ];
    for (rate, clause) in clauses {
        let (store, pass) = make(rate);
        clause(&Trial { store, pass });
    }
}

impl Trial {
    fn lease(&self) -> Lease {
        self.store.lease(None).expect("a token")
    }

    fn all(&self) -> [Lease; 3] {
        [(); 3].map(|()| self.lease())
    }

    /// Waits for the next token, and returns how long that took.
    fn next(&self) -> (Lease, Duration) {
        let mut waited = Duration::ZERO;
        loop {
            let denied = match self.store.lease(None) {
                Ok(lease) => return (lease, waited),
                Err(denied) => denied.not_ready(),
            };
            let wait = denied.look_again.unwrap_or(denied.at_least).max(A_MOMENT);
            (self.pass)(wait);
            waited += wait;
        }
    }

    fn has_none(&self) {
        let denied = self.store.lease(None).expect_err("no token").not_ready();
        // A wait that seemed to take no time would be waited for by those who only try.
        for at_least in [denied.at_least, self.store.outlook(1).at_least] {
            assert!(at_least > Duration::ZERO);
        }
    }

    fn answer(&self, lease: Lease) {
        self.store.release(&lease, Outcome::Responded(RateLimitHeaders::default()));
    }

    fn succeed(&self, lease: Lease) {
        let headers = RateLimitHeaders { success: true, ..RateLimitHeaders::default() };
        self.store.release(&lease, Outcome::Responded(headers));
    }

    /// There is no token just before `time` has passed, and one just then.
    fn has_one_after(&self, time: Duration) {
        (self.pass)(time - A_MOMENT);
        self.has_none();
        (self.pass)(A_MOMENT);
        self.lease();
    }
}

fn no_more_than_n_are_out(trial: &Trial) {
    let leases = trial.all();
    trial.has_none();
    let snapshot = trial.store.snapshot();
    assert_eq!((snapshot.in_flight, snapshot.free, snapshot.granted), (3, 0, 3));
    let [a, b, c] = leases;
    assert!(a != b && b != c && a != c);
}

fn a_response_means_held_for_a_period(trial: &Trial) {
    let [one, ..] = trial.all();
    (trial.pass)(5 * HELD);
    trial.answer(one);
    trial.has_none();
    trial.has_one_after(HELD);
}

fn never_sent_means_free_at_once(trial: &Trial) {
    let [one, ..] = trial.all();
    trial.store.release(&one, Outcome::NeverSent);
    trial.lease();
    trial.has_none();
}

fn no_response_means_held_for_a_period_and_a_grace(trial: &Trial) {
    let [one, ..] = trial.all();
    trial.store.release(&one, Outcome::NoResponse);
    trial.has_one_after(HELD + GRACE);
}

fn the_outlook_is_what_happens(trial: &Trial) {
    for lease in trial.all() {
        (trial.pass)(HELD / 10);
        trial.answer(lease);
    }
    for ahead in 0..9 {
        let (round, place) = (ahead / 3, ahead % 3);
        let expected = HELD * (8 + place) / 10 + HELD * round;
        assert_eq!(trial.store.outlook(ahead as usize).at_least, expected, "{ahead}");
    }
    let outlook = trial.store.lease(None).unwrap_err().not_ready();
    assert_eq!(outlook.look_again, Some(outlook.at_least));
    trial.has_one_after(outlook.at_least);
}

fn a_refusal_stops_everybody_and_then_one_goes_ahead(trial: &Trial) {
    let retry_after = Some(Duration::from_secs(10));
    let headers = RateLimitHeaders { refused: true, retry_after, ..RateLimitHeaders::default() };
    trial.store.release(&trial.lease(), Outcome::Responded(headers));
    (trial.pass)(Duration::from_secs(10) - A_MOMENT);
    trial.has_none();
    (trial.pass)(A_MOMENT);
    let ahead = trial.lease();
    trial.has_none();
    trial.answer(ahead);
    trial.lease();
}

fn tightening_never_loosens(trial: &Trial) {
    trial.store.tighten(Rate::per_second(2));
    trial.store.tighten(Rate::per_second(9));
    trial.lease();
    trial.lease();
    trial.has_none();
    assert_eq!(trial.store.snapshot().rate, Rate::per_second(2));
}

fn the_headers_of_a_server_never_loosen(trial: &Trial) {
    for (limit, remaining) in [(Some(2), Some(0)), (Some(9), Some(9)), (None, None)] {
        let headers = RateLimitHeaders { limit, remaining, ..RateLimitHeaders::default() };
        let lease = trial.store.lease(None).unwrap_or_else(|_| {
            (trial.pass)(HELD);
            trial.lease()
        });
        trial.store.release(&lease, Outcome::Responded(headers));
        assert!(trial.store.snapshot().rate.requests() <= 3);
    }
}

fn stated(limit: u32, success: bool) -> Outcome {
    let limit = Some(limit);
    Outcome::Responded(RateLimitHeaders { success, limit, ..RateLimitHeaders::default() })
}

fn a_limit_that_successes_contradict_is_ignored_for_ten_periods(trial: &Trial) {
    for lease in trial.all() {
        trial.store.release(&lease, stated(1, true));
    }
    for _ in 0..9 {
        (trial.pass)(HELD);
        for lease in trial.all() {
            trial.store.release(&lease, stated(1, true));
        }
        assert_eq!(trial.store.snapshot().rate, Rate::per_second(3));
    }
    (trial.pass)(HELD);
    trial.store.release(&trial.lease(), stated(1, true));
    (trial.pass)(HELD);
    trial.lease();
    trial.has_none();
    assert_eq!(trial.store.snapshot().rate, Rate::per_second(1));
}

fn only_successes_contradict_a_limit(trial: &Trial) {
    for lease in trial.all() {
        trial.store.release(&lease, stated(1, false));
    }
    (trial.pass)(HELD);
    trial.lease();
    trial.has_none();
    assert_eq!(trial.store.snapshot().rate, Rate::per_second(1));
}

/// When the server counted such a request is not known.
fn slow_responses_contradict_no_limit(trial: &Trial) {
    let leases = trial.all();
    (trial.pass)(HELD);
    for lease in leases {
        trial.store.release(&lease, stated(1, true));
    }
    assert_eq!(trial.store.snapshot().rate, Rate::per_second(1));
}

fn a_limit_that_successes_keep_to_is_obeyed(trial: &Trial) {
    trial.store.release(&trial.lease(), stated(2, true));
    for _ in 0..12 {
        (trial.pass)(HELD);
        for lease in [trial.lease(), trial.lease()] {
            trial.store.release(&lease, stated(2, true));
        }
        trial.has_none();
    }
}

/// The response of a server that says that nothing is left.
fn nothing_left(refused: bool) -> Outcome {
    Outcome::Responded(RateLimitHeaders {
        refused,
        success: !refused,
        remaining: Some(0),
        ..RateLimitHeaders::default()
    })
}

fn what_others_seem_to_spend_is_ignored_if_requests_succeed_nonetheless(trial: &Trial) {
    let (mut sent, mut passed) = (0, Duration::ZERO);
    while passed < 36 * HELD {
        let (lease, waited) = trial.next();
        (trial.pass)(ROUND_TRIP);
        trial.store.release(&lease, nothing_left(false));
        passed += waited + ROUND_TRIP;
        sent += 1;
    }
    assert!(sent > 36 * 20 * 9 / 10, "{sent}");
}

fn a_refusal_ends_that_what_others_spend_is_ignored(trial: &Trial) {
    for _ in 0..60 {
        let (lease, _) = trial.next();
        (trial.pass)(ROUND_TRIP);
        trial.store.release(&lease, nothing_left(false));
    }
    let is_held = || trial.store.snapshot().held_for_others > 0;
    assert!(!is_held());
    trial.store.release(&trial.next().0, nothing_left(true));
    trial.store.release(&trial.next().0, nothing_left(false));
    assert!(is_held());
}

fn only_requests_of_later_contradict_what_others_spend(trial: &Trial) {
    trial.store.release(&trial.lease(), nothing_left(false));
    (trial.pass)(HELD);
    for lease in [(); 4].map(|()| trial.lease()) {
        trial.store.release(&lease, nothing_left(false));
    }
    assert_eq!(trial.store.snapshot().held_for_others, 15);
    (trial.pass)(HELD);
    for held in [15, 15, 0] {
        trial.store.release(&trial.lease(), nothing_left(false));
        assert_eq!(trial.store.snapshot().held_for_others, held);
    }
}

fn what_others_spent_long_ago_is_not_contradicted(trial: &Trial) {
    trial.store.release(&trial.lease(), nothing_left(false));
    (trial.pass)(HELD);
    trial.store.release(&trial.lease(), nothing_left(false));
    (trial.pass)(10 * HELD);
    (0..6).for_each(|_| trial.succeed(trial.lease()));
    trial.store.release(&trial.lease(), nothing_left(false));
    assert!(trial.store.snapshot().held_for_others > 0);
}

fn any_thread_may_release(trial: &Trial) {
    let [one, ..] = trial.all();
    let store = &trial.store;
    std::thread::scope(|scope| {
        scope.spawn(move || store.release(&one, Outcome::NeverSent));
    });
    trial.lease();
}

fn the_first_request_goes_alone_for_a_second_at_most(trial: &Trial) {
    let first = trial.lease();
    trial.has_none();
    trial.has_one_after(Duration::from_secs(1));
    trial.lease();
    trial.has_none();
    trial.answer(first);
    trial.has_none();
}

fn a_first_request_that_came_to_nothing_is_followed_by_another_one(trial: &Trial) {
    for outcome in [Outcome::NeverSent, Outcome::NoResponse] {
        let first = trial.lease();
        trial.has_none();
        trial.store.release(&first, outcome);
    }
    let first = trial.lease();
    trial.has_none();
    trial.succeed(first);
    trial.lease();
}

fn one_more_is_under_way_for_each_eight_that_succeeded_and_a_twentieth_at_most(trial: &Trial) {
    trial.succeed(trial.lease());
    for successes in 1..45 {
        let most = (1 + successes / 8).min(5);
        let mut leases: Vec<_> = (0..most).map(|_| trial.lease()).collect();
        trial.has_none();
        leases.drain(1..).for_each(|it| trial.store.release(&it, Outcome::NeverSent));
        leases.into_iter().for_each(|it| trial.succeed(it));
    }
}

fn a_slow_response_holds_the_others_up_for_a_share(trial: &Trial) {
    trial.succeed(trial.lease());
    trial.lease();
    trial.has_none();
    trial.has_one_after(HELD_OF_A_MINUTE / 100);
}

fn a_response_that_shows_what_remains_ends_the_care(trial: &Trial) {
    let remaining = Some(99);
    let headers = RateLimitHeaders { success: true, remaining, ..RateLimitHeaders::default() };
    trial.store.release(&trial.lease(), Outcome::Responded(headers));
    let _leases: Vec<_> = (0..99).map(|_| trial.lease()).collect();
    trial.has_none();
}

fn after_a_refusal_of_the_first_one_request_is_under_way(trial: &Trial) {
    let retry_after = Some(Duration::from_secs(1));
    let headers = RateLimitHeaders { refused: true, retry_after, ..RateLimitHeaders::default() };
    trial.store.release(&trial.lease(), Outcome::Responded(headers));
    trial.has_one_after(Duration::from_secs(1));
}

fn a_second_burst_is_sent_one_by_one_for_ten_periods(trial: &Trial) {
    let burst = || (0..3).for_each(|_| trial.succeed(trial.lease()));
    burst();
    (trial.pass)(HELD);
    let slow = trial.lease();
    trial.has_none();
    (trial.pass)(HELD / 3 - A_MOMENT);
    trial.has_none();
    (trial.pass)(2 * A_MOMENT);
    trial.succeed(trial.lease());
    trial.succeed(slow);
    trial.succeed(trial.lease());
    for _ in 0..10 {
        (trial.pass)(HELD);
        burst();
    }
    (trial.pass)(HELD);
    trial.all();
}

type Shared = ([Arc<dyn TokenStore>; 2], Box<dyn Fn(Duration)>);

/// Two stores of one share, of three tokens a second, and the hand on their clock.
struct Pair {
    one: Arc<dyn TokenStore>,
    other: Arc<dyn TokenStore>,
    pass: Box<dyn Fn(Duration)>,
    /// After this, one has noticed what the other did.
    notice: Duration,
}

/// Runs every clause that two stores of one share have to keep, each against a share of its own.
///
/// One has noticed after `notice` what the other did.
pub(crate) fn shares(notice: Duration, make: impl Fn(Rate) -> Shared) {
    let clauses: [fn(&Pair); 5] = [
        no_more_than_n_are_out_of_both,
        a_token_that_one_releases_is_the_others_after_a_period,
        a_refusal_stops_the_other_too_and_one_goes_ahead_for_both,
        each_shows_what_the_other_uses,
        one_takes_all_tokens_out_for_both,
    ];
    for clause in clauses {
        let ([one, other], pass) = make(Rate::per_second(3));
        clause(&Pair { one, other, pass, notice });
    }
}

fn takes(store: &Arc<dyn TokenStore>) -> Lease {
    store.lease(None).expect("a token")
}

fn has_nothing(store: &Arc<dyn TokenStore>) {
    store.lease(None).expect_err("no token");
}

fn no_more_than_n_are_out_of_both(pair: &Pair) {
    let _leases = [takes(&pair.one), takes(&pair.other), takes(&pair.one)];
    has_nothing(&pair.other);
    has_nothing(&pair.one);
    assert_eq!(pair.other.snapshot().in_flight, 3);
}

fn a_token_that_one_releases_is_the_others_after_a_period(pair: &Pair) {
    let [first, ..] = [(); 3].map(|()| takes(&pair.one));
    pair.one.release(&first, Outcome::Responded(RateLimitHeaders::default()));
    (pair.pass)(HELD - A_MOMENT);
    has_nothing(&pair.other);
    (pair.pass)(A_MOMENT);
    takes(&pair.other);
}

fn a_refusal_stops_the_other_too_and_one_goes_ahead_for_both(pair: &Pair) {
    let retry_after = Some(Duration::from_secs(10));
    let headers = RateLimitHeaders { refused: true, retry_after, ..RateLimitHeaders::default() };
    pair.one.release(&takes(&pair.one), Outcome::Responded(headers));
    (pair.pass)(Duration::from_secs(10) - A_MOMENT);
    has_nothing(&pair.other);
    (pair.pass)(A_MOMENT);
    let ahead = takes(&pair.other);
    has_nothing(&pair.one);
    pair.other.release(&ahead, Outcome::Responded(RateLimitHeaders::default()));
    (pair.pass)(pair.notice);
    takes(&pair.one);
}

fn each_shows_what_the_other_uses(pair: &Pair) {
    let [first, _second] = [takes(&pair.one), takes(&pair.one)];
    takes(&pair.other);
    pair.one.release(&first, Outcome::Responded(RateLimitHeaders::default()));
    assert_eq!(pair.one.snapshot().used_elsewhere, 1);
    assert_eq!(pair.other.snapshot().used_elsewhere, 2);
}

fn one_takes_all_tokens_out_for_both(pair: &Pair) {
    pair.one.exhaust(None).expect("a store that can be reached");
    (pair.pass)(HELD + GRACE - A_MOMENT);
    has_nothing(&pair.other);
    (pair.pass)(A_MOMENT);
    takes(&pair.other);
}

#[test]
fn tokens_in_memory_keep_the_contract() {
    keeps(|rate| {
        let clock = Arc::new(Hand::new());
        let store = Memory::new(Ledger::new(rate), clock.clone());
        (Arc::new(store), Box::new(move |time| clock.advance(time)))
    });
}

#[test]
fn tokens_in_memory_begin_with_care() {
    begins_with_care(|rate| {
        let clock = Arc::new(Hand::new());
        let store = Memory::new(Ledger::new(rate).cautious(), clock.clone());
        (Arc::new(store), Box::new(move |time| clock.advance(time)))
    });
}
