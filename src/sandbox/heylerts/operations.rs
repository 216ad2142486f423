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
            let detail = format!(
                "Alert quota reached: {quota} on the {} plan",
                self.plan.name()
            );
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
                && source
                    .as_ref()
                    .is_none_or(|source| mention.source == *source)
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
