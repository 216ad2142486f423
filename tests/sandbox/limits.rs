//! The rate limits, counted in every way, on a clock that takes no time.

use std::thread;
use std::time::Duration;

use heysync::sandbox::Limit;

use crate::setup::{Setup, WAYS, Way};

const SECOND: Duration = Duration::from_secs(1);

/// Sixty requests to a Heylo of this limit, every one of which succeeds.
fn sixty(way: Way, limit: Limit) -> Setup {
    let setup = Setup::new(way);
    drop(setup.services.heylo.clone().limit(limit));
    let captains = setup.heylo.community("harbour-runners").role("captains");
    assert!((0..60).all(|_| captains.members().is_ok()));
    setup
}

#[test]
fn a_script_is_never_refused_whatever_counts_it() {
    for limit in [Limit::fixed_window, Limit::sliding_log, Limit::token_bucket] {
        for way in WAYS {
            let setup = sixty(way, limit(5, SECOND));
            let heylo = &setup.services.heylo;
            assert_eq!((heylo.refusals(), heylo.most_in_any_window()), (0, 5));
            let elapsed = setup.clock.elapsed();
            assert!(elapsed >= 11 * SECOND && elapsed < 12 * SECOND, "{elapsed:?}");
        }
    }
}

#[test]
fn a_counter_that_estimates_and_tells_what_is_left_never_refuses_either() {
    for way in WAYS {
        let setup = sixty(way, Limit::sliding_window_counter(5, SECOND));
        let heylo = &setup.services.heylo;
        assert_eq!(heylo.refusals(), 0);
        assert!(heylo.most_in_any_window() <= 5);
        assert!(setup.clock.elapsed() < 25 * SECOND, "{:?}", setup.clock);
    }
}

/// Such a counter refuses some of what its service promises to admit, and this one does not tell what is
/// left. Nobody who sends as much as is promised can avoid that. The client never sends more, and learns.
#[test]
fn a_counter_that_estimates_and_tells_nothing_refuses_a_few_and_everything_is_done() {
    for way in WAYS {
        let setup = Setup::new(way);
        let heylerts = setup.services.heylerts.clone();
        let heylerts = heylerts.limit(Limit::sliding_window_counter(100, 60 * SECOND));
        assert!((0..500).all(|_| setup.heylerts.hello().is_ok()));
        assert!((1..=5).contains(&heylerts.refusals()), "{heylerts:?}");
        assert!(heylerts.most_in_any_window() <= 100);
        assert_eq!(heylerts.requests().len() - heylerts.refusals(), 500);
    }
}

#[test]
fn threads_wait_a_minute_in_no_time_and_always_alike() {
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
        assert_eq!((setup.refusals(), requests), (0, 160));
        setup.clock.elapsed()
    };
    let first = passed();
    assert!(first >= 60 * SECOND && first < 62 * SECOND, "{first:?}");
    assert_eq!([passed(), passed()], [first; 2]);
}
