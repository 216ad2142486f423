//! A new mention, and the webhook deliveries for it.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::sandbox::wall_clock;

use super::delivery::Delivery;
use super::mention::Mention;
use super::state::State;

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
