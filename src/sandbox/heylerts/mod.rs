//! Heylerts in memory.
//!
//! [`Heylerts`](crate::sandbox::Heylerts) is the service. [`State`] is its data, with each [`Alert`] and [`Mention`]. [`Settings`] choose
//! the behaviour that the vendor does not document.

mod alert;
mod mention;
mod request;
mod service;
mod state;

use std::mem;
use std::time::SystemTime;

use crate::sandbox::handle::Sandbox;
use crate::sandbox::wall_clock;

pub use alert::Alert;
pub use mention::{Delivery, Mention};
pub use state::{Plan, Settings, State};

impl Sandbox<State> {
    /// Creates Heylerts with an invented account on the Pro plan: three alerts with 137 mentions, and three ignored
    /// mentions.
    pub fn demo() -> Sandbox<State> {
        Sandbox::<State>::demo_with_seed(7)
    }

    /// Creates the account of [`demo`](Sandbox::demo) with other ids and mentions. Equal seeds give equal data.
    pub fn demo_with_seed(seed: u64) -> Sandbox<State> {
        Sandbox::from(state::demo(seed, wall_clock::first_day()))
    }

    /// Creates the account of [`demo`](Sandbox::demo) as of another day than 2026-05-08: the latest mention is three hours
    /// older than `today`.
    ///
    /// For a program that asks for the last days by the clock of the system.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use heysync::{Config, Timestamp, heylerts, sandbox};
    ///
    /// let service = sandbox::Heylerts::demo_at(SystemTime::now());
    /// let client = heylerts::Client::with_config("hlt_key", Config::new().transport(service))?;
    /// let yesterday = Timestamp::ago(Duration::from_secs(24 * 60 * 60));
    /// assert_eq!(client.mentions().since(yesterday).count(), 7);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn demo_at(today: SystemTime) -> Sandbox<State> {
        Sandbox::from(state::demo(7, today)).today(today)
    }

    /// Sets the plan of the account.
    pub fn plan(self, plan: Plan) -> Sandbox<State> {
        self.with(|state| state.plan = plan)
    }

    /// Adds an alert, even above the quota of the plan. Returns its id.
    pub fn add_alert(&self, alert: Alert) -> String {
        self.change(|state| state.add_alert(alert).id.clone())
    }

    /// Adds a mention as if it were old: it is not delivered to a webhook. Returns its id.
    pub fn add_mention(&self, mention: Mention) -> String {
        self.change(|state| state.add_mention(mention).id.clone())
    }

    /// Adds a new mention, found now. Returns its id, or `None` if there is no such alert.
    ///
    /// If the alert has a webhook, this delivers `mention.created`, and `spike.detected` if the mentions within
    /// [the window](Settings::spike_window) reach [the threshold](Settings::spike_threshold).
    pub fn receive(&self, mention: Mention) -> Option<String> {
        let now = self.now();
        self.change(|state| state.receive(mention, now))
    }

    /// Returns and removes the webhook deliveries so far, oldest first.
    pub fn take_deliveries(&self) -> Vec<Delivery> {
        self.change(|state| mem::take(&mut state.deliveries))
    }
}
