//! Many threads at one bucket: first come, first served, and nobody is left behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use heysync::Clock;
use heysync::http::{HeaderMap, StatusCode};
use heysync::limiter::{Permit, WaitReason};
use heysync::limiter::{Rate, TokenBucket, Wait};

use crate::clock::Hand;
use crate::limit::Limit;

const P: Duration = Duration::from_millis(1006);

fn bucket(rate: Rate) -> (TokenBucket, Arc<Hand>) {
    let clock = Arc::new(Hand::new());
    (TokenBucket::new(rate, clock.clone()), clock)
}

fn take(bucket: &TokenBucket) -> Permit {
    bucket.acquire(None, &mut |_| {}).unwrap()
}

fn respond(mut permit: Permit) {
    permit.responded(StatusCode::OK, &HeaderMap::new());
}

/// Lets other threads run until so many wait.
fn until_waiting(bucket: &TokenBucket, waiting: usize) {
    while bucket.snapshot().waiting != waiting {
        thread::yield_now();
    }
}

#[test]
fn sixty_four_threads_are_served_in_the_order_of_their_coming() {
    let _limit = Limit::start();
    let (bucket, clock) = bucket(Rate::per_second(1));
    let held = take(&bucket);
    let served = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for i in 0..64 {
            let (bucket, served) = (&bucket, &served);
            scope.spawn(move || {
                let permit = take(bucket);
                served.lock().unwrap().push(i);
                respond(permit);
            });
            clock.until_asleep(i + 1);
        }
        respond(held);
    });
    assert_eq!(served.into_inner().unwrap(), (0..64).collect::<Vec<_>>());
}

#[test]
fn sixty_four_threads_neither_lock_up_nor_exceed_the_limit() {
    let _limit = Limit::start();
    let (bucket, clock) = bucket(Rate::per_second(5));
    let (open, most, start) = (AtomicUsize::new(0), AtomicUsize::new(0), Barrier::new(64));
    thread::scope(|scope| {
        for i in 0..64 {
            let (bucket, open, most, start) = (&bucket, &open, &most, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..100 {
                    let permit = take(bucket);
                    most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::yield_now();
                    open.fetch_sub(1, Ordering::SeqCst);
                    match (i + round) % 10 {
                        0 => permit.never_sent(),
                        1 => drop(permit),
                        _ => respond(permit),
                    }
                }
            });
        }
    });
    let snapshot = bucket.snapshot();
    assert_eq!((snapshot.granted, snapshot.waiting, snapshot.in_flight), (6400, 0, 0));
    assert!(most.load(Ordering::SeqCst) <= 5, "{most:?} {:?}", clock.passed());
    assert!(clock.passed() >= P * (6400 * 9 / 10 / 5 - 1));
}

#[test]
fn a_try_does_not_overtake_the_queue() {
    let _limit = Limit::start();
    let (bucket, clock) = bucket(Rate::per_second(1));
    let held = take(&bucket);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| take(&bucket));
        clock.until_asleep(1);
        assert_eq!(bucket.try_acquire().unwrap_err().wait, 2 * P);
        held.never_sent();
        waiting.join().unwrap().never_sent();
        bucket.try_acquire().unwrap().never_sent();
    });
}

#[test]
fn a_try_does_not_take_the_token_for_which_a_thread_waits() {
    let _limit = Limit::start();
    let (bucket, clock) = bucket(Rate::per_second(1));
    clock.set_still(true);
    respond(take(&bucket));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| take(&bucket));
        clock.until_asleep(1);
        clock.advance(P);
        let tried = bucket.try_acquire().map(drop);
        clock.set_still(false);
        bucket.tighten(Rate::per_second(1));
        waiting.join().unwrap().never_sent();
        assert_eq!(tried.unwrap_err().wait, P);
    });
}

#[test]
fn a_try_is_not_refused_for_others_that_only_pass_by() {
    let _limit = Limit::start();
    let (bucket, _) = bucket(Rate::per_minute(10_000));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..1000).for_each(|_| respond(bucket.try_acquire().unwrap())));
        }
    });
    assert_eq!(bucket.snapshot().granted, 8000);
}

#[test]
fn a_wait_that_cannot_end_in_time_fails_at_once_and_holds_nothing() {
    let _limit = Limit::start();
    let (bucket, clock) = bucket(Rate::per_second(1));
    respond(take(&bucket));
    let soon = clock.now() + P - Duration::from_nanos(1);
    let mut waits = 0;
    let error = bucket.acquire(Some(soon), &mut |_| waits += 1).unwrap_err();
    assert_eq!((error.wait, error.reason), (P, WaitReason::Full));
    assert_eq!((clock.passed(), waits), (Duration::ZERO, 0));
    let snapshot = bucket.snapshot();
    assert_eq!((snapshot.granted, snapshot.waiting, snapshot.in_flight), (1, 0, 0));
    let in_time = clock.now() + P;
    bucket.acquire(Some(in_time), &mut |_| {}).unwrap().never_sent();
}

#[test]
fn a_wait_that_never_ends_fails_at_once_without_a_deadline_too() {
    let _limit = Limit::start();
    for rate in [Rate::per_second(0), Rate::new(5, Duration::ZERO), Rate::new(5, Duration::MAX)] {
        let (bucket, clock) = bucket(rate);
        bucket.acquire(None, &mut |_| panic!("a wait")).unwrap_err();
        assert_eq!(clock.passed(), Duration::ZERO);
    }
}

#[test]
fn a_pause_that_outlasts_their_deadlines_is_told_at_once_to_all_who_wait() {
    let _limit = Limit::start();
    let (bucket, clock) = bucket(Rate::per_minute(1));
    clock.set_still(true);
    let (bucket, mut held) = (&bucket, take(&bucket));
    let until = clock.now() + Duration::from_secs(300);
    thread::scope(|scope| {
        let mut waiting: Vec<_> = [None, Some(until), Some(until)]
            .into_iter()
            .enumerate()
            .map(|(i, until)| {
                let acquire = move || bucket.acquire(until, &mut |_| {}).map(respond);
                let thread = scope.spawn(acquire);
                until_waiting(bucket, i + 1);
                thread
            })
            .collect();
        let headers =
            HeaderMap::from_iter([("retry-after".parse().unwrap(), "3600".parse().unwrap())]);
        held.responded(StatusCode::TOO_MANY_REQUESTS, &headers);
        for thread in waiting.drain(1..) {
            let wait = thread.join().unwrap().unwrap_err().wait;
            assert!(wait >= Duration::from_secs(3600));
        }
        assert_eq!(clock.passed(), Duration::ZERO);
        clock.set_still(false);
        bucket.tighten(Rate::per_minute(1));
    });
    assert!(clock.passed() >= Duration::from_secs(3600));
}

#[test]
fn a_deadline_is_kept_while_the_first_in_the_queue_is_stuck_in_its_callback() {
    let _limit = Limit::start();
    let (bucket, clock) = bucket(Rate::per_minute(1));
    let (bucket, held) = (&bucket, take(&bucket));
    let [near, far] = [600, 3000].map(|s| clock.now() + Duration::from_secs(s));
    let (release, released) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let stuck = move |_: &Wait| released.recv().unwrap_or(());
        let first = scope.spawn(move || bucket.acquire(Some(far), &mut { stuck }).is_err());
        until_waiting(bucket, 1);
        let second = scope.spawn(move || bucket.acquire(Some(near), &mut |_| {}).is_err());
        assert!(second.join().unwrap());
        assert_eq!(clock.now(), near);
        drop(release);
        assert!(first.join().unwrap());
    });
    assert_eq!(clock.now(), far);
    respond(held);
}

#[test]
fn a_deadline_that_comes_later_but_ends_sooner_is_kept_too() {
    let _limit = Limit::start();
    let (bucket, clock) = bucket(Rate::per_minute(1));
    clock.set_still(true);
    let (bucket, held) = (&bucket, take(&bucket));
    let near = clock.now() + Duration::from_secs(600);
    thread::scope(|scope| {
        let first = scope.spawn(move || take(bucket));
        until_waiting(bucket, 1);
        clock.set_still(false);
        let second = scope.spawn(move || bucket.acquire(Some(near), &mut |_| {}).is_err());
        assert!(second.join().unwrap());
        assert_eq!(clock.now(), near);
        held.never_sent();
        first.join().unwrap().never_sent();
    });
}

#[test]
fn one_that_leaves_by_a_panic_wakes_the_next() {
    let _limit = Limit::start();
    let (bucket, _) = bucket(Rate::per_second(1));
    let held = take(&bucket);
    let (leave, left) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let bucket = &bucket;
        let leaving = scope.spawn(move || {
            let on_wait = &mut |_: &Wait| {
                left.recv().unwrap_err();
                panic!("out of the queue");
            };
            catch_unwind(AssertUnwindSafe(|| bucket.acquire(None, on_wait))).is_err()
        });
        until_waiting(bucket, 1);
        let next = scope.spawn(move || take(bucket));
        until_waiting(bucket, 2);
        held.never_sent();
        drop(leave);
        assert!(leaving.join().unwrap());
        next.join().unwrap().never_sent();
    });
    assert_eq!(bucket.snapshot().waiting, 0);
}

#[test]
fn a_holder_that_panics_gives_its_token_back_as_one_without_an_answer() {
    let _limit = Limit::start();
    let (bucket, clock) = bucket(Rate::per_second(1));
    let holding = AssertUnwindSafe(|| {
        let _permit = take(&bucket);
        panic!("in the middle of a request");
    });
    catch_unwind(holding).unwrap_err();
    let grace = Duration::from_secs(2);
    assert_eq!(bucket.try_acquire().unwrap_err().wait, P + grace);
    take(&bucket).never_sent();
    assert_eq!(clock.passed(), P + grace);
}

#[test]
fn a_grace_of_more_than_a_day_counts_as_a_day() {
    let _limit = Limit::start();
    let (bucket, _) = bucket(Rate::per_second(1));
    bucket.set_grace(Duration::MAX);
    drop(take(&bucket));
    let day = Duration::from_secs(86_400);
    assert_eq!(bucket.try_acquire().unwrap_err().wait, P + day);
}

#[test]
fn a_wait_is_reported_once_for_each_reason() {
    let _limit = Limit::start();
    let (bucket, _) = bucket(Rate::per_second(1));
    respond(take(&bucket));
    let mut waits = Vec::new();
    let mut permit = bucket.acquire(None, &mut |wait| waits.push(*wait)).unwrap();
    permit.responded(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new());
    let permit = bucket.acquire(None, &mut |wait| waits.push(*wait)).unwrap();
    respond(permit);
    bucket.acquire(None, &mut |wait| waits.push(*wait)).unwrap().never_sent();
    let reasons: Vec<_> = waits.iter().map(|wait| (wait.reason, wait.duration)).collect();
    let expected = [(WaitReason::Full, P), (WaitReason::Paused, P), (WaitReason::Full, P)];
    assert_eq!(reasons, expected);
}

#[test]
fn a_lower_rate_is_adopted_while_others_wait() {
    let _limit = Limit::start();
    let (bucket, clock) = bucket(Rate::per_minute(2));
    clock.set_still(true);
    let (one, other) = (take(&bucket), take(&bucket));
    let bucket = &bucket;
    thread::scope(|scope| {
        let until = clock.now() + Duration::from_secs(100);
        let first = scope.spawn(move || take(bucket));
        clock.until_asleep(1);
        let second = scope.spawn(move || bucket.acquire(Some(until), &mut |_| {}).map(drop));
        clock.until_asleep(2);
        bucket.tighten("1/minute".parse().unwrap());
        assert!(second.join().unwrap().is_err());
        assert_eq!(bucket.snapshot().rate, Rate::per_minute(1));
        one.never_sent();
        other.never_sent();
        first.join().unwrap().never_sent();
    });
}

#[test]
fn a_snapshot_tells_what_there_is() {
    let _limit = Limit::start();
    let (bucket, clock) = bucket(Rate::per_second(4));
    let (one, other) = (take(&bucket), take(&bucket));
    respond(one);
    clock.advance(P / 2);
    let snapshot = bucket.snapshot();
    assert_eq!((snapshot.granted, snapshot.in_flight, snapshot.free), (2, 1, 2));
    assert_eq!((snapshot.next_back, snapshot.utilization()), (Some(P / 2), 0.5));
    assert_eq!((snapshot.paused, snapshot.pauses, snapshot.pace), (None, 0, None));
    respond(other);
}
