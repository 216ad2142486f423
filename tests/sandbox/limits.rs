//! The rate limits with every algorithm, on a clock that takes no time.

use std::thread;
use std::time::Duration;

use heysync::sandbox::{Heylerts, Heylo, Limit, TestClock};
use heysync::{Clock, Config, heylerts, heylo};

use crate::setup::{Setup, WAYS, Way};

const SECOND: Duration = Duration::from_secs(1);

/// Sends sixty requests to Heylo with this limit; each succeeds.
fn sixty(way: Way, limit: Limit) -> Setup {
    let setup = Setup::new(way);
    drop(setup.services.heylo.clone().limit(limit));
    let captains = setup.heylo.community("harbour-runners").role("captains");
    assert!((0..60).all(|_| captains.members().is_ok()));
    setup
}

#[test]
fn a_script_never_gets_a_429_with_any_exact_algorithm() {
    for limit in [Limit::fixed_window, Limit::sliding_log, Limit::token_bucket] {
        for way in WAYS {
            let setup = sixty(way, limit(5, SECOND));
            let heylo = &setup.services.heylo;
            assert_eq!((heylo.rate_limit_hits(), heylo.max_in_any_window()), (0, 5));
            let elapsed = setup.clock.elapsed();
            assert!(elapsed >= 11 * SECOND && elapsed < 12 * SECOND, "{elapsed:?}");
        }
    }
}

#[test]
fn an_estimating_counter_with_rate_limit_headers_sends_no_429_either() {
    for way in WAYS {
        let setup = sixty(way, Limit::sliding_window_counter(5, SECOND));
        let heylo = &setup.services.heylo;
        assert_eq!(heylo.rate_limit_hits(), 0);
        assert!(heylo.max_in_any_window() <= 5);
        assert!(setup.clock.elapsed() < 25 * SECOND, "{:?}", setup.clock);
    }
}

/// Such a counter rejects some requests that the service promises to admit, and this one sends no headers. A
/// client that uses the whole limit cannot avoid that; it never sends more, and slows down afterwards.
#[test]
fn an_estimating_counter_without_headers_sends_a_few_429s_and_every_call_succeeds() {
    for way in WAYS {
        let setup = Setup::new(way);
        let heylerts = setup.services.heylerts.clone();
        let heylerts = heylerts.limit(Limit::sliding_window_counter(100, 60 * SECOND));
        assert!((0..500).all(|_| setup.heylerts.hello().is_ok()));
        assert!((1..=5).contains(&heylerts.rate_limit_hits()), "{heylerts:?}");
        assert!(heylerts.max_in_any_window() <= 100);
        assert_eq!(heylerts.requests().len() - heylerts.rate_limit_hits(), 500);
    }
}

#[test]
fn threads_wait_a_minute_in_no_time_and_reproducibly() {
    let passed = || {
        let setup = Setup::new(Way::InMemory);
        let participants = [(); 4].map(|()| setup.clock.participant());
        thread::scope(|scope| {
            for participant in participants {
                let client = setup.heylerts.clone();
                scope.spawn(move || {
                    (0..40).for_each(|_| assert!(client.hello().is_ok()));
                    drop(participant);
                });
            }
        });
        let requests = setup.services.heylerts.requests().len();
        assert_eq!((setup.rate_limit_hits(), requests), (0, 160));
        setup.clock.elapsed()
    };
    let first = passed();
    assert!(first >= 60 * SECOND && first < 62 * SECOND, "{first:?}");
    assert_eq!([passed(), passed()], [first; 2]);
}

#[test]
fn a_sandbox_without_a_clock_counts_on_that_of_the_client() {
    let (service, clock) = (Heylo::demo(), TestClock::new());
    let begun = service.now();
    let config = Config::new().transport(service.clone()).clock(clock.clone()).retries(0);
    let client = heylo::Client::with_config("adopted", config).unwrap();
    let captains = client.community("harbour-runners").role("captains");
    assert!((0..60).all(|_| captains.members().is_ok()));
    assert_eq!((service.rate_limit_hits(), service.max_in_any_window()), (0, 5));
    assert!(clock.elapsed() >= 11 * SECOND);
    assert_eq!(service.now().duration_since(begun).unwrap(), clock.elapsed());
}

#[test]
fn a_clock_of_its_own_stays_whatever_the_client_has() {
    for set_before in [true, false] {
        let [own, first, second] = [(); 3].map(|()| TestClock::new());
        let mut service = Heylerts::demo();
        if set_before {
            service = service.clock(own.clone());
        }
        for (key, clock) in [("hlt_first", &first), ("hlt_second", &second)] {
            let config = Config::new().transport(service.clone()).clock(clock.clone());
            assert!(heylerts::Client::with_config(key, config).unwrap().hello().is_ok());
        }
        let begun = service.now();
        let advance = |clock: &TestClock| {
            clock.sleep(SECOND);
            service.now().duration_since(begun).unwrap()
        };
        let counted = if set_before { &own } else { &first };
        assert_eq!(advance(&second), Duration::ZERO);
        assert_eq!(advance(counted), SECOND);
    }
}
