//! What can be done with alerts and mentions.

use std::cmp::Reverse;
use std::time::SystemTime;

use http::StatusCode;

use crate::sandbox::exchange::{self, Answer, Incoming};

use super::alert::Alert;
use super::form::AlertFields;
use super::mention::Mention;
use super::query::{self, Paging};
use super::refusal::Refusal;
use super::world::World;

impl World {
    pub(crate) fn list_alerts(&self, request: &Incoming) -> Result<Answer, Refusal> {
        let paging = Paging::of(request)?;
        let alerts = newest_first(&self.alerts, |alert| alert.created_at);
        let envelope = paging.envelope(&alerts, |alert| self.alert_json(alert));
        Ok(exchange::json(StatusCode::OK, &envelope))
    }

    pub(crate) fn get_alert(&self, id: &str) -> Result<Answer, Refusal> {
        let alert = self.alert(id).ok_or_else(no_alert)?;
        Ok(exchange::json(StatusCode::OK, &self.alert_json(alert)))
    }

    pub(crate) fn create_alert(
        &mut self,
        request: &Incoming,
        now: SystemTime,
    ) -> Result<Answer, Refusal> {
        let fields = AlertFields::of_create(request)?;
        let quota = self.plan.quota();
        if self.alerts.len() >= quota {
            let detail = format!("Alert quota reached: {quota} on the {} plan", self.plan.name());
            return Err(Refusal::new(StatusCode::FORBIDDEN, detail));
        }
        let mut alert = Alert::new("", "").created_at(now);
        fields.apply(&mut alert);
        let alert = self.add_alert(alert).clone();
        let status = match self.settings.create_is_ok {
            true => StatusCode::OK,
            false => StatusCode::CREATED,
        };
        Ok(exchange::json(status, &self.alert_json(&alert)))
    }

    pub(crate) fn update_alert(&mut self, id: &str, request: &Incoming) -> Result<Answer, Refusal> {
        let alert = self.alert_mut(id).ok_or_else(no_alert)?;
        AlertFields::of_update(request)?.apply(alert);
        self.get_alert(id)
    }

    pub(crate) fn delete_alert(&mut self, id: &str) -> Result<Answer, Refusal> {
        self.alert(id).ok_or_else(no_alert)?;
        self.alerts.retain(|alert| alert.id != id);
        self.mentions.retain(|mention| mention.alert_id != id);
        Ok(exchange::empty(StatusCode::NO_CONTENT))
    }

    pub(crate) fn list_mentions(&self, request: &Incoming) -> Result<Answer, Refusal> {
        let paging = Paging::of(request)?;
        let since = query::since(request)?;
        let alert_id = self.alert_asked_for(request)?;
        let (source, sentiment) = (request.parameter("source"), request.parameter("sentiment"));
        let mut mentions = newest_first(&self.mentions, |mention| mention.found_at);
        mentions.retain(|mention: &&Mention| {
            !mention.ignored
                && alert_id.as_ref().is_none_or(|id| mention.alert_id == *id)
                && source.as_ref().is_none_or(|source| mention.source == *source)
                && (sentiment.is_none() || mention.sentiment == sentiment)
                && since.is_none_or(|since| mention.found_at >= since)
        });
        let style = self.settings.time_style;
        let envelope = paging.envelope(&mentions, |mention| mention.to_json(style));
        Ok(exchange::json(StatusCode::OK, &envelope))
    }

    fn alert_json(&self, alert: &Alert) -> serde_json::Value {
        alert.to_json(self.mention_count(&alert.id), self.settings.time_style)
    }
}

/// The items by time, the latest first; of two at one time the one that was added later.
fn newest_first<T>(items: &[T], time: impl Fn(&T) -> SystemTime) -> Vec<&T> {
    let mut items: Vec<&T> = items.iter().rev().collect();
    items.sort_by_key(|item| Reverse(time(item)));
    items
}

fn no_alert() -> Refusal {
    Refusal::not_found("Alert not found")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::sandbox::heylerts::{Alert, Mention, Plan};
    use crate::sandbox::probe::{ask, to_heylerts};
    use crate::sandbox::{Heylerts, TestClock, TimeStyle};

    fn get(heylerts: &Heylerts, path: &str) -> (u16, Value) {
        ask(heylerts, to_heylerts("GET", path, &Value::Null))
    }

    fn create(heylerts: &Heylerts, body: Value) -> (u16, Value) {
        ask(heylerts, to_heylerts("POST", "alerts", &body))
    }

    fn names(page: &Value) -> Vec<&str> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn alerts_come_newest_first_in_pages() {
        let heylerts = Heylerts::demo();
        let (_, page) = get(&heylerts, "alerts?per_page=2");
        assert_eq!(names(&page), ["Town", "Competitor"]);
        assert_eq!((&page["total_items"], &page["total_pages"]), (&json!(3), &json!(2)));
        assert_eq!((&page["page"], &page["per_page"]), (&json!(1), &json!(2)));
        assert_eq!(page["has_more"], true);
        let (_, page) = get(&heylerts, "alerts?per_page=2&page=2");
        assert_eq!((names(&page), &page["has_more"]), (vec!["Our brand"], &json!(false)));
        let (status, page) = get(&heylerts, "alerts?page=18446744073709551615");
        assert_eq!((status, names(&page), &page["has_more"]), (200, vec![], &json!(false)));
    }

    #[test]
    fn a_created_alert_is_whole_and_the_newest() {
        let heylerts = Heylerts::demo().clock(TestClock::new());
        let body = json!({"name": "New", "keyword": "k", "sources": ["brave"], "is_active": false});
        let (status, alert) = create(&heylerts, body);
        assert_eq!(
            (status, &alert["name"], &alert["sources"]),
            (201, &json!("New"), &json!(["brave"]))
        );
        assert_eq!((&alert["is_active"], &alert["frequency"]), (&json!(false), &json!("daily")));
        assert_eq!(
            (&alert["mention_count"], &alert["webhook_configured"]),
            (&json!(0), &json!(false))
        );
        assert_eq!(alert["created_at"], "2026-05-08T12:00:00Z");
        assert_eq!(names(&get(&heylerts, "alerts").1)[0], "New");
        let id = alert["id"].as_str().unwrap();
        assert_eq!(get(&heylerts, &format!("alerts/{id}")), (200, alert.clone()));
    }

    #[test]
    fn creating_answers_200_where_the_setting_says_so() {
        let heylerts = Heylerts::new().with(|world| world.settings.create_is_ok = true);
        assert_eq!(create(&heylerts, json!({"name": "a", "keyword": "b"})).0, 200);
    }

    #[test]
    fn every_plan_has_its_quota() {
        for (plan, quota) in [(Plan::Starter, 10), (Plan::Pro, 50), (Plan::Business, 250)] {
            let heylerts = Heylerts::new().plan(plan).limit(None);
            let body = json!({"name": "a", "keyword": "b"});
            assert!((0..quota).all(|_| create(&heylerts, body.clone()).0 == 201));
            let (status, answer) = create(&heylerts, body);
            assert_eq!((status, answer["detail"].is_string()), (403, true));
            assert_eq!(heylerts.state().alerts.len(), quota);
        }
    }

    #[test]
    fn an_update_changes_what_is_sent_and_nothing_else() {
        let heylerts = Heylerts::new();
        let id = heylerts.add_alert(Alert::new("Name", "keyword"));
        let before = get(&heylerts, &format!("alerts/{id}")).1;
        let patch = json!({"is_active": false, "sources": []});
        let path = format!("alerts/{id}");
        let (status, after) = ask(&heylerts, to_heylerts("PATCH", &path, &patch));
        let mut expected = before;
        expected["is_active"] = false.into();
        expected["sources"] = json!([]);
        assert_eq!((status, after), (200, expected));
    }

    #[test]
    fn deleting_an_alert_answers_204_and_takes_its_mentions_along() {
        let heylerts = Heylerts::demo();
        let id = heylerts.state().alerts[0].id.clone();
        let path = format!("alerts/{id}");
        let delete = || heylerts.reply(to_heylerts("DELETE", &path, &Value::Null), Duration::MAX);
        let answer = delete().into_result().unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().len()), (204, 0));
        assert!(heylerts.state().mentions.iter().all(|mention| mention.alert_id != id));
        assert_eq!(delete().status().unwrap(), 404);
    }

    #[test]
    fn mentions_are_filtered_and_the_ignored_left_out() {
        let heylerts = Heylerts::demo();
        let total = |path: &str| get(&heylerts, path).1["total_items"].as_u64().unwrap();
        assert_eq!(total("mentions"), 137);
        let by_source = ["brave", "reddit", "hackernews", "x"];
        let by_source = by_source.map(|source| total(&format!("mentions?source={source}")));
        assert_eq!(by_source.iter().sum::<u64>(), 137);
        assert!(total("mentions?sentiment=negative&source=brave") < by_source[0]);
        let ids: Vec<String> =
            heylerts.state().alerts.iter().map(|alert| alert.id.clone()).collect();
        let by_alert = ids.iter().map(|id| total(&format!("mentions?alert_id={id}")));
        assert_eq!(by_alert.sum::<u64>(), 137);
        assert_eq!(total("mentions?since=2026-05-08T03:00:00Z"), 3);
        assert_eq!(total("mentions?since=2026-05-08T05:00:00%2B02:00"), 3);
    }

    #[test]
    fn an_unknown_alert_matches_nothing_or_is_missing() {
        let heylerts = Heylerts::demo();
        assert_eq!(get(&heylerts, "mentions?alert_id=x").1["total_items"], 0);
        assert_eq!(get(&heylerts, "stats?alert_id=x").1["total"], 0);
        heylerts.change(|world| world.settings.unknown_alert_is_missing = true);
        assert_eq!(get(&heylerts, "mentions?alert_id=x").0, 404);
        assert_eq!(get(&heylerts, "stats?alert_id=x").0, 404);
    }

    #[test]
    fn a_time_is_written_as_the_setting_says() {
        let heylerts = Heylerts::new().with(|world| world.settings.time_style = TimeStyle::Naive);
        let id = heylerts.add_alert(Alert::new("Name", "keyword"));
        heylerts.add_mention(Mention::new(&id, "Title"));
        let (_, page) = get(&heylerts, "mentions");
        assert_eq!(page["items"][0]["found_at"], "2026-05-08T12:00:00");
        assert_eq!(page["items"][0]["published_at"], Value::Null);
    }
}
