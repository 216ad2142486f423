//! What is done with each peer.

use crate::fixtures::{MENTIONS, PER_PAGE};
use crate::peers::{self, Peer};

/// A kind of call.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    call: fn(&dyn Peer) -> usize,
    /// How many items each call must return.
    items: usize,
    /// How many calls are measured.
    pub(crate) calls: u64,
}

pub(crate) const HELLO: &str = "hello";
pub(crate) const PAGE: &str = "page of 100 mentions";
pub(crate) const WALK: &str = "walk of 10,000 mentions";

pub(crate) const AHEAD: &str = "walk of 10,000 mentions, 4 pages ahead";

pub(crate) const SCENARIOS: [Scenario; 7] = [
    Scenario { name: HELLO, call: |peer| peer.hello(), items: 1, calls: 100 },
    Scenario { name: "create an alert", call: |peer| peer.create(), items: 3, calls: 100 },
    Scenario { name: PAGE, call: |peer| peer.mentions(), items: PER_PAGE, calls: 10 },
    Scenario {
        name: "page of 100 events, typed",
        call: |peer| peer.events(),
        items: PER_PAGE,
        calls: 10,
    },
    Scenario {
        name: "page of 100 events, whole",
        call: |peer| peer.whole_events(),
        items: PER_PAGE,
        calls: 10,
    },
    Scenario { name: WALK, call: |peer| peer.walk(), items: MENTIONS, calls: 1 },
    Scenario { name: AHEAD, call: |peer| peer.walk_ahead(), items: MENTIONS, calls: 1 },
];

impl Scenario {
    pub(crate) fn by_name(name: &str) -> &'static Scenario {
        SCENARIOS.iter().find(|scenario| scenario.name == name).expect("a scenario")
    }

    pub(crate) fn call(&self, peer: &dyn Peer) {
        assert_eq!((self.call)(peer), self.items);
    }
}

/// Makes so many calls by one peer.
pub(crate) fn run(peer: &str, scenario: &str, address: &str, calls: u64) {
    let (peer, scenario) = (peers::by_name(peer, address), Scenario::by_name(scenario));
    (0..calls).for_each(|_| scenario.call(&*peer));
}
