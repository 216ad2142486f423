//! The data of Heylerts: an account with its alerts and their mentions.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::alert::Alert;
use super::mention::Delivery;
use super::mention::Mention;
use crate::sandbox::wall_clock::{self, TimestampFormat};

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
    /// The alerts, in the order in which they were created. The list of the service begins with the newest.
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

const HOUR: Duration = Duration::from_secs(60 * 60);
const SOURCES: [&str; 3] = ["brave", "reddit", "hackernews"];
const SENTIMENTS: [&str; 3] = ["positive", "neutral", "negative"];
const OPINIONS: [&str; 5] = [
    "Why we moved to",
    "Half a year with",
    "Has anybody here tried",
    "An honest look at",
    "What I would change about",
];

/// The data of [`Heylerts::demo`](crate::sandbox::Heylerts::demo) as of `today`, the same for the same seed.
pub(crate) fn demo(seed: u64, today: SystemTime) -> State {
    let mut state = State { random: fastrand::Rng::with_seed(seed), ..State::default() };
    let watched = [
        ("Our brand", "harbour runners"),
        ("Competitor", "hill striders"),
        ("Town", "harbour town"),
    ];
    let alerts = watched.map(|watched| add_alert(&mut state, watched, today));
    for number in 0..140 {
        let found_at = ago(today, HOUR * 3 * (140 - number as u32));
        let alert = &alerts[number % alerts.len()];
        let mention = mention(number, alert, found_at, &mut state.random);
        state.add_mention(mention);
    }
    state
}

fn add_alert(state: &mut State, (name, keyword): (&str, &str), today: SystemTime) -> Alert {
    let age = HOUR * (30 - 10 * state.alerts.len() as u32) * 24;
    let alert = Alert::new(name, keyword).created_at(ago(today, age));
    state.add_alert(alert).clone()
}

/// There is one mention every three hours, starting nearly three weeks ago; every fortieth is ignored.
fn mention(
    number: usize,
    alert: &Alert,
    found_at: SystemTime,
    random: &mut fastrand::Rng,
) -> Mention {
    let title = format!("{} {}", pick(random, &OPINIONS), alert.keyword);
    let mut mention = Mention::new(&alert.id, title)
        .source(pick(random, &SOURCES))
        .sentiment(pick(random, &SENTIMENTS))
        .found_at(found_at);
    mention.url = format!("https://news.example/story/{}", number + 1);
    mention.author = Some(format!("u/reader{}", random.u8(1..60)));
    mention.relevance_score = Some(f64::from(random.u8(30..100)) / 100.0);
    mention.published_at = found_at.checked_sub(HOUR / 2);
    mention.ignored = number % 40 == 39;
    mention
}

fn ago(today: SystemTime, duration: Duration) -> SystemTime {
    today.checked_sub(duration).unwrap_or(today)
}

fn pick(random: &mut fastrand::Rng, from: &[&'static str]) -> &'static str {
    from[random.usize(..from.len())]
}

impl State {
    /// Adds a new mention, and delivers it to the webhook of the alert. Returns `None` if there is no such alert.
    pub(crate) fn receive(&mut self, mut mention: Mention, now: SystemTime) -> Option<String> {
        let alert = self.alert_mut(&mention.alert_id)?;
        alert.last_checked_at = Some(now);
        let before = self.latest_count(&mention.alert_id, now);
        mention.found_at = now;
        let mention = self.add_mention(mention).clone();
        let created = json!({"mention": mention.to_json(self.settings.timestamp_format)});
        self.deliver(&mention.alert_id, "mention.created", created, now);
        let count = self.recent_count(&mention.alert_id, now);
        // Only reaching the threshold is a spike, not staying above it.
        let spike_threshold = self.settings.spike_threshold;
        if before < spike_threshold && count >= spike_threshold {
            let minutes = self.settings.spike_window.as_secs() / 60;
            let spike = json!({"mention_count": count, "window_minutes": minutes});
            self.deliver(&mention.alert_id, "spike.detected", spike, now);
        }
        Some(mention.id)
    }

    fn deliver(&mut self, alert_id: &str, event: &str, mut payload: Value, now: SystemTime) {
        let Some(alert) = self.alert(alert_id) else {
            return;
        };
        let Some(url) = alert.webhook_url.clone() else {
            return;
        };
        payload["event"] = event.into();
        payload["alert_id"] = alert_id.into();
        payload["created_at"] = wall_clock::iso(now, self.settings.timestamp_format).into();
        let delivery = Delivery {
            url,
            alert_id: alert_id.to_owned(),
            event: event.to_owned(),
            body: payload.to_string().into_bytes(),
            secret: alert.webhook_secret.clone(),
        };
        self.deliveries.push(delivery);
    }

    /// Counts the mentions within the window that ended with the latest one.
    fn latest_count(&self, alert_id: &str, now: SystemTime) -> usize {
        let found = self.mentions.iter().filter(|it| it.alert_id == alert_id && !it.ignored);
        let latest = found.map(|mention| mention.found_at).filter(|found| *found <= now).max();
        latest.map_or(0, |latest| self.recent_count(alert_id, latest))
    }

    /// Counts the mentions within the spike window that ends now.
    fn recent_count(&self, alert_id: &str, now: SystemTime) -> usize {
        let window = self.settings.spike_window;
        let is_recent = |mention: &&Mention| {
            let is_in_window = now.duration_since(mention.found_at).is_ok_and(|age| age < window);
            mention.alert_id == alert_id && !mention.ignored && is_in_window
        };
        self.mentions.iter().filter(is_recent).count()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use crate::sandbox::heylerts::{Alert, Mention};
    use crate::sandbox::{Heylerts, TestClock};

    fn heylerts(clock: &TestClock) -> (Heylerts, String) {
        let heylerts = Heylerts::new().clock(clock.clone());
        let alert = Alert::new("Name", "keyword").webhook("https://hooks.example/a?b=c", "whsec");
        let id = heylerts.add_alert(alert);
        (heylerts, id)
    }

    #[test]
    fn a_new_mention_is_delivered_and_signed() {
        let clock = TestClock::new();
        let (heylerts, alert) = heylerts(&clock);
        clock.advance(Duration::from_secs(60));
        let mention = heylerts.receive(Mention::new(&alert, "Title"));
        let [delivery] = heylerts.take_deliveries().try_into().unwrap();
        let body: Value = serde_json::from_slice(&delivery.body).unwrap();
        assert_eq!((&body["event"], &body["alert_id"]), (&"mention.created".into(), &alert.into()));
        assert_eq!(
            (&body["mention"]["id"], &body["mention"]["found_at"]),
            (&mention.into(), &"2026-05-08T12:01:00Z".into())
        );
        let request =
            delivery.to_request(|secret, body| format!("{}:{}", secret.len(), body.len()));
        assert_eq!((request.method().as_str(), request.uri().query()), ("POST", Some("b=c")));
        assert_eq!(request.headers()["x-heylerts-signature"], format!("5:{}", delivery.body.len()));
        assert_eq!(heylerts.take_deliveries(), []);
    }

    #[test]
    fn mentions_up_to_the_threshold_within_the_window_are_one_spike() {
        let clock = TestClock::new();
        let (heylerts, alert) = heylerts(&clock);
        let arrive = |apart| {
            for _ in 0..15 {
                clock.advance(Duration::from_secs(apart));
                heylerts.receive(Mention::new(&alert, "Title"));
            }
            let events = heylerts.take_deliveries().into_iter().map(|delivery| delivery.event);
            events.filter(|event| event == "spike.detected").count()
        };
        assert_eq!([arrive(3600), arrive(60)], [0, 1]);
    }

    #[test]
    fn staying_above_the_threshold_is_no_further_spike() {
        let clock = TestClock::new();
        let (heylerts, alert) = heylerts(&clock);
        let spikes = |heylerts: &Heylerts| {
            let deliveries = heylerts.take_deliveries().into_iter();
            deliveries.filter(|it| it.event == "spike.detected").count()
        };
        // Ten per hour for ten hours: each mention is the tenth of its hour.
        for _ in 0..100 {
            clock.advance(Duration::from_secs(390));
            heylerts.receive(Mention::new(&alert, "Title"));
        }
        assert_eq!(spikes(&heylerts), 1);
        clock.advance(Duration::from_secs(3600));
        (0..10).for_each(|_| drop(heylerts.receive(Mention::new(&alert, "Title"))));
        assert_eq!(spikes(&heylerts), 1);
    }

    #[test]
    fn the_threshold_and_the_window_of_a_spike_are_settings() {
        let clock = TestClock::new();
        let (heylerts, alert) = heylerts(&clock);
        heylerts.change(|state| {
            state.settings.spike_threshold = 3;
            state.settings.spike_window = Duration::from_secs(120);
        });
        let arrive = |apart| {
            clock.advance(Duration::from_secs(apart));
            heylerts.receive(Mention::new(&alert, "Title"));
            heylerts.take_deliveries().pop().map(|last| last.body).unwrap()
        };
        let bodies = [60, 60, 59].map(|apart| serde_json::from_slice(&arrive(apart)).unwrap());
        let events = bodies.clone().map(|body: Value| body["event"].clone());
        assert_eq!(events, ["mention.created", "mention.created", "spike.detected"]);
        assert_eq!(
            (&bodies[2]["mention_count"], &bodies[2]["window_minutes"]),
            (&3.into(), &2.into())
        );
    }

    #[test]
    fn a_new_secret_signs_the_next_delivery() {
        let (heylerts, alert) = heylerts(&TestClock::new());
        let rotate = |state: &mut crate::sandbox::heylerts::State| {
            state.alerts[0].webhook_secret = "fresh".to_owned();
        };
        heylerts.receive(Mention::new(&alert, "Title"));
        heylerts.change(rotate);
        heylerts.receive(Mention::new(&alert, "Title"));
        let secrets = heylerts.take_deliveries().into_iter().map(|delivery| delivery.secret);
        assert_eq!(secrets.collect::<Vec<_>>(), ["whsec", "fresh"]);
    }

    #[test]
    fn without_a_webhook_or_an_alert_nothing_is_delivered() {
        let heylerts = Heylerts::new();
        let alert = heylerts.add_alert(Alert::new("Name", "keyword"));
        assert!(heylerts.receive(Mention::new(&alert, "Title")).is_some());
        assert!(heylerts.receive(Mention::new("unknown", "Title")).is_none());
        assert_eq!(heylerts.take_deliveries(), []);
        assert_eq!(heylerts.state().mentions.len(), 1);
    }
}
