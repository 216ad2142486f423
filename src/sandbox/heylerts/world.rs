//! What Heylerts holds: an account with its alerts and their mentions.

use std::time::Duration;

use crate::sandbox::calendar::TimeStyle;

use super::alert::Alert;
use super::delivery::Delivery;
use super::mention::Mention;

/// All of a sandbox's Heylerts.
///
/// It is plain data: [`change`](crate::sandbox::Sandbox::change) hands it out to be changed, and
/// [`state`](crate::sandbox::Sandbox::state) gives a copy to look into.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct World {
    /// The account's e-mail address.
    pub email: String,
    /// The account's plan. Default: Pro.
    pub plan: Plan,
    /// The limit that `hello` tells. Default: `100/minute`.
    pub rate_limit: String,
    /// The alerts, in the order they were made.
    pub alerts: Vec<Alert>,
    /// The mentions, in the order they arrived.
    pub mentions: Vec<Mention>,
    /// What was sent to webhooks and not taken yet.
    pub deliveries: Vec<Delivery>,
    /// The keys that are accepted. Where there are none, every key that begins with `hlt_` is.
    pub keys: Vec<String>,
    /// How the service does what the vendor's page leaves open.
    pub settings: Settings,
    pub(crate) random: fastrand::Rng,
}

/// How the service does what the vendor's page leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// How timestamps are written.
    pub time_style: TimeStyle,
    /// Whether creating an alert answers 200. Default: no, 201.
    pub create_is_ok: bool,
    /// Whether `alert_id=` with an unknown id is a 404. Default: no, nothing matches it.
    pub unknown_alert_is_missing: bool,
    /// Whether answers tell what is left of the limit in `X-RateLimit-…`. Default: no.
    pub tells_what_is_left: bool,
    /// How many mentions of an alert within [`spike_window`](Settings::spike_window) are a spike. Default: 10.
    pub spike_at: usize,
    /// The window of a spike. Default: an hour.
    pub spike_window: Duration,
}

/// What an account has paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Plan {
    /// Every call is answered with a 403.
    Free,
    /// 10 alerts.
    Starter,
    /// 50 alerts.
    #[default]
    Pro,
    /// 250 alerts.
    Business,
}

impl Default for World {
    fn default() -> World {
        World {
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
            time_style: TimeStyle::default(),
            create_is_ok: false,
            unknown_alert_is_missing: false,
            tells_what_is_left: false,
            spike_at: 10,
            spike_window: Duration::from_secs(60 * 60),
        }
    }
}

impl Plan {
    /// How many alerts an account can have.
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

impl World {
    /// The alert of that id.
    pub fn alert(&self, id: &str) -> Option<&Alert> {
        self.alerts.iter().find(|alert| alert.id == id)
    }

    /// The alert of that id, to be changed.
    pub fn alert_mut(&mut self, id: &str) -> Option<&mut Alert> {
        self.alerts.iter_mut().find(|alert| alert.id == id)
    }

    /// A new id, the next of the seed's.
    pub(crate) fn new_id(&mut self) -> String {
        let bits = self.random.u128(..) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        let hex = format!("{bits:032x}");
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        parts.join("-")
    }

    /// How many mentions of an alert there are that are not ignored.
    pub(crate) fn mention_count(&self, alert_id: &str) -> usize {
        let found = |mention: &&Mention| mention.alert_id == alert_id && !mention.ignored;
        self.mentions.iter().filter(found).count()
    }

    /// Adds an alert; one without an id gets a new one.
    pub(crate) fn add_alert(&mut self, mut alert: Alert) -> &Alert {
        if alert.id.is_empty() {
            alert.id = self.new_id();
        }
        let place = self.alerts.len();
        self.alerts.push(alert);
        &self.alerts[place]
    }

    /// Adds a mention; one without an id gets a new one.
    pub(crate) fn add_mention(&mut self, mut mention: Mention) -> &Mention {
        if mention.id.is_empty() {
            mention.id = self.new_id();
        }
        let place = self.mentions.len();
        self.mentions.push(mention);
        &self.mentions[place]
    }
}
