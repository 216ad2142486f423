//! heysync, with a rate that never makes it wait.

use heysync::limiter::Rate;
use heysync::{Config, heylerts, heylo};

use super::Peer;
use crate::fixtures::{self, Event};

pub(crate) struct Heysync {
    heylo: heylo::Client,
    heylerts: heylerts::Client,
}

impl Heysync {
    pub(crate) fn new(address: &str) -> Heysync {
        let config = || {
            let config = Config::new().base_url(format!("http://{address}"));
            // The limiter works as ever, and has a token for each call.
            config.rate(Rate::per_second(100_000)).proxy_from_env(false)
        };
        Heysync {
            heylo: heylo::Client::with_config("key", config()).expect("a client"),
            heylerts: heylerts::Client::with_config("hlt_key", config()).expect("a client"),
        }
    }
}

impl Peer for Heysync {
    fn hello(&self) -> usize {
        usize::from(self.heylerts.hello().expect("hello").ok)
    }

    fn create(&self) -> usize {
        let alert = fixtures::NEW_ALERT;
        let alert = heylerts::NewAlert::new(alert.name, alert.keyword).sources(alert.sources);
        self.heylerts.create_alert(&alert).expect("an alert").sources.len()
    }

    fn mentions(&self) -> usize {
        let page = self.heylerts.mentions().pages().next().expect("a page").expect("mentions");
        page.items.into_iter().filter(Result::is_ok).count()
    }

    fn events(&self) -> usize {
        let events = self.heylo.community("harbour-runners").events().decode_as::<Event>();
        let page = events.pages().next().expect("a page").expect("events");
        page.items.into_iter().filter(Result::is_ok).count()
    }

    fn whole_events(&self) -> usize {
        let events = self.heylo.community("harbour-runners").events();
        let page = events.pages().next().expect("a page").expect("events");
        page.items.into_iter().filter(Result::is_ok).count()
    }

    fn walk(&self) -> usize {
        self.heylerts.mentions().map(|mention| mention.expect("a mention")).count()
    }

    fn walk_ahead(&self) -> usize {
        self.heylerts.mentions().prefetch(4).map(|mention| mention.expect("a mention")).count()
    }
}
