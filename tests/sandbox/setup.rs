//! A sandbox, and clients that wait on its clock: in memory, or over a socket.

use std::sync::atomic::{AtomicU32, Ordering};

use heysync::sandbox::{Heylerts, Heylo, RequestRecord, Server, Services, TestClock, serve};
use heysync::{Config, heylerts, heylo};

use crate::limit::Limit;

/// Both services with invented data, and a client of each.
pub(crate) struct Setup {
    pub(crate) clock: TestClock,
    pub(crate) services: Services,
    pub(crate) heylo: heylo::Client,
    pub(crate) heylerts: heylerts::Client,
    _server: Option<Server>,
    _limit: Limit,
}

/// How the clients reach the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    InMemory,
    OverASocket,
}

pub(crate) const WAYS: [Way; 2] = [Way::InMemory, Way::OverASocket];

impl Setup {
    pub(crate) fn new(way: Way) -> Setup {
        Setup::with(way, |config| config)
    }

    /// A setup whose clients have the configuration that `adjust` returns.
    pub(crate) fn with(way: Way, adjust: impl Fn(Config) -> Config) -> Setup {
        let clock = TestClock::new();
        let services = Services {
            heylo: Heylo::demo().clock(clock.clone()),
            heylerts: Heylerts::demo().clock(clock.clone()),
        };
        let server = match way {
            Way::InMemory => None,
            Way::OverASocket => Some(serve(0, services.clone()).unwrap()),
        };
        let config = || {
            let config = adjust(Config::new().clock(clock.clone()));
            match &server {
                Some(server) => config.base_url(server.url()),
                None => config.transport(services.clone()),
            }
        };
        Setup {
            heylo: heylo::Client::with_config(key("key-"), config()).unwrap(),
            heylerts: heylerts::Client::with_config(key("hlt_"), config()).unwrap(),
            services: services.clone(),
            clock: clock.clone(),
            _server: server,
            _limit: Limit::start(),
        }
    }

    /// Every request with its time, without the headers of the connection.
    pub(crate) fn request_log(&self) -> Vec<String> {
        let requests = [self.services.heylo.requests(), self.services.heylerts.requests()].concat();
        let line = |it: &RequestRecord| format!("{:?} {it} {:?}", it.at, it.json());
        requests.iter().map(line).collect()
    }

    pub(crate) fn rate_limit_hits(&self) -> usize {
        self.services.heylo.rate_limit_hits() + self.services.heylerts.rate_limit_hits()
    }
}

/// A new key for each client: clients with one key share a token bucket, and with it a clock.
fn key(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
