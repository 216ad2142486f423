//! Heylerts in memory.
//!
//! [`Heylerts`] is the service; [`State`] is what it holds, down to each [`Alert`] and [`Mention`];
//! [`Settings`] choose what the vendor's page leaves open.

mod account;
mod alert;
mod arrival;
mod delivery;
mod demo;
mod form;
mod mention;
mod operations;
mod request;

mod service;
mod state;

use std::mem;

use crate::sandbox::handle::Sandbox;

pub use alert::Alert;
pub use delivery::Delivery;
pub use mention::Mention;
pub use state::{Plan, Settings, State};

/// Heylerts in memory.
///
/// # Examples
///
/// ```
/// use heysync::sandbox::Heylerts;
/// use heysync::sandbox::heylerts::{Alert, Mention, Plan};
///
/// let heylerts = Heylerts::new().plan(Plan::Starter);
/// let alert = heylerts.add_alert(
///     Alert::new("My brand", "heysync").webhook("https://hooks.example/heylerts", "whsec"),
/// );
/// heylerts.receive(Mention::new(&alert, "Look at this").source("reddit"));
/// assert_eq!(heylerts.take_deliveries()[0].event, "mention.created");
/// ```
pub type Heylerts = Sandbox<State>;

impl Sandbox<State> {
    /// Heylerts with a made-up account on the Pro plan: three alerts with 137 mentions, and three ignored ones.
    pub fn demo() -> Heylerts {
        Heylerts::demo_with_seed(7)
    }

    /// The same with other ids and mentions; equal for equal seeds.
    pub fn demo_with_seed(seed: u64) -> Heylerts {
        Heylerts::from(demo::state(seed))
    }

    /// Puts the account on a plan.
    pub fn plan(self, plan: Plan) -> Heylerts {
        self.with(|state| state.plan = plan)
    }

    /// Adds an alert, whatever the plan's quota, and gives its id.
    pub fn add_alert(&self, alert: Alert) -> String {
        self.change(|state| state.add_alert(alert).id.clone())
    }

    /// Adds a mention as if it had been there before, and gives its id. No webhook hears of it.
    pub fn add_mention(&self, mention: Mention) -> String {
        self.change(|state| state.add_mention(mention).id.clone())
    }

    /// Lets a mention arrive now, and gives its id; `None` where there is no such alert.
    ///
    /// The alert's webhook, if it has one, is told `mention.created`, and `spike.detected` when this
    /// makes [so many](Settings::spike_threshold) in [the window](Settings::spike_window).
    pub fn receive(&self, mention: Mention) -> Option<String> {
        let now = self.now();
        self.change(|state| state.receive(mention, now))
    }

    /// What was sent to webhooks since this was last asked, in the order it happened.
    pub fn take_deliveries(&self) -> Vec<Delivery> {
        self.change(|state| mem::take(&mut state.deliveries))
    }
}
