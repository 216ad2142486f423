//! The data of Heylerts: an account with its alerts and their mentions.

use std::time::Duration;

use crate::sandbox::wall_clock::TimestampFormat;

use super::alert::Alert;
use super::delivery::Delivery;
use super::mention::Mention;

/// All data of a Heylerts sandbox.
///
/// [`change`](crate::sandbox::Sandbox::change) gives access to it, and
/// [`state`](crate::sandbox::Sandbox::state) returns a copy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct State {
    /// The account's e-mail address.
    pub email: String,
    /// The account's plan. Default: Pro.
    pub plan: Plan,
    /// The `rate_limit` of `hello`. Default: `100/minute`.
    pub rate_limit: String,
    /// The alerts, in the order in which they were created.
    pub alerts: Vec<Alert>,
    /// The mentions, in the order in which they arrived.
    pub mentions: Vec<Mention>,
    /// The webhook deliveries that were not taken yet.
    pub deliveries: Vec<Delivery>,
    /// The accepted keys. If there are none, every key that begins with `hlt_` is accepted.
    pub keys: Vec<String>,
    /// The behaviour that the vendor does not document.
    pub settings: Settings,
    pub(crate) random: fastrand::Rng,
}

/// The behaviour that the vendor does not document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The format of timestamps.
    pub timestamp_format: TimestampFormat,
    /// Whether creating an alert returns 200. Default: no, 201.
    pub create_returns_200: bool,
    /// Whether the filter `alert_id` with an unknown id returns 404. Default: no, it matches nothing.
    pub unknown_alert_returns_404: bool,
    /// Whether responses have `X-RateLimit-Limit` and `X-RateLimit-Remaining`. Default: no.
    pub sends_rate_limit_headers: bool,
    /// Whether an alert id that is no UUID returns 422. Default: no; an unknown id returns 404.
    pub malformed_id_returns_422: bool,
    /// Whether a `source` or `sentiment` outside the documented ones returns 422. Default: no, it matches
    /// nothing.
    pub unknown_filter_returns_422: bool,
    /// How long creating an alert takes. The alert is created at the end, even if the client has given up.
    /// Default: no time.
    pub create_duration: Duration,
    /// How long a new alert or mention is missing from the lists. Default: no time.
    pub list_lag: Duration,
    /// How many mentions of an alert within [`spike_window`](Settings::spike_window) are a spike. Default: 10.
    pub spike_threshold: usize,
    /// The window of a spike. Default: one hour.
    pub spike_window: Duration,
}

/// The plan of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Plan {
    /// No access: every call returns 403.
    Free,
    /// 10 alerts.
    Starter,
    /// 50 alerts.
    #[default]
    Pro,
    /// 250 alerts.
    Business,
}

impl Default for State {
    fn default() -> State {
        State {
            email: "ada@example.com".to_owned(),
            plan: Plan::default(),
            rate_limit: "100/minute".to_owned(),
            alerts: Vec::new(),
            mentions: Vec::new(),
            deliveries: Vec::new(),
            keys: Vec::new(),
            settings: Settings::default(),
            random: fastrand::Rng::with_seed(7),
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            timestamp_format: TimestampFormat::default(),
            create_returns_200: false,
            unknown_alert_returns_404: false,
            sends_rate_limit_headers: false,
            malformed_id_returns_422: false,
            unknown_filter_returns_422: false,
            create_duration: Duration::ZERO,
            list_lag: Duration::ZERO,
            spike_threshold: 10,
            spike_window: Duration::from_secs(60 * 60),
        }
    }
}

impl Plan {
    /// Returns how many alerts an account can have.
    pub const fn quota(self) -> usize {
        match self {
            Plan::Free => 2,
            Plan::Starter => 10,
            Plan::Pro => 50,
            Plan::Business => 250,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Plan::Free => "free",
            Plan::Starter => "starter",
            Plan::Pro => "pro",
            Plan::Business => "business",
        }
    }
}

impl State {
    /// Returns the alert with this id.
    pub fn alert(&self, id: &str) -> Option<&Alert> {
        self.alerts.iter().find(|alert| alert.id == id)
    }

    /// Returns the alert with this id, for changing it.
    pub fn alert_mut(&mut self, id: &str) -> Option<&mut Alert> {
        self.alerts.iter_mut().find(|alert| alert.id == id)
    }

    /// Returns a new id, the next one of the seed.
    pub(crate) fn new_id(&mut self) -> String {
        let bits = self.random.u128(..) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        let hex = format!("{bits:032x}");
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        parts.join("-")
    }

    /// Counts the mentions of an alert that are not ignored.
    pub(crate) fn mention_count(&self, alert_id: &str) -> usize {
        let found = |mention: &&Mention| mention.alert_id == alert_id && !mention.ignored;
        self.mentions.iter().filter(found).count()
    }

    /// Adds an alert, with a new id if it has none.
    pub(crate) fn add_alert(&mut self, mut alert: Alert) -> &Alert {
        if alert.id.is_empty() {
            alert.id = self.new_id();
        }
        let index = self.alerts.len();
        self.alerts.push(alert);
        &self.alerts[index]
    }

    /// Adds a mention, with a new id if it has none.
    pub(crate) fn add_mention(&mut self, mut mention: Mention) -> &Mention {
        if mention.id.is_empty() {
            mention.id = self.new_id();
        }
        let index = self.mentions.len();
        self.mentions.push(mention);
        &self.mentions[index]
    }
}
