//! The operations on the account: its user and its statistics.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::json;

use crate::sandbox::exchange::{self, Incoming, Response};

use super::mention::Mention;
use super::request::{self, ApiError};
use super::state::State;

impl State {
    pub(crate) fn hello(&self) -> Response {
        let user = json!({"email": self.email, "plan": self.plan.name()});
        let hello = json!({
            "ok": true,
            "user": user,
            "rate_limit": self.rate_limit,
            "docs_url": "https://heylerts.com/docs",
        });
        exchange::json(StatusCode::OK, &hello)
    }

    pub(crate) fn stats(&self, request: &Incoming) -> Result<Response, ApiError> {
        let alert_id = self.alert_id_filter(request)?;
        let is_counted = |mention: &&Mention| {
            !mention.ignored && alert_id.as_ref().is_none_or(|id| mention.alert_id == *id)
        };
        let mentions: Vec<&Mention> = self.mentions.iter().filter(is_counted).collect();
        let count_by = |name: fn(&Mention) -> Option<&str>| {
            count_names(mentions.iter().filter_map(|m| name(m)))
        };
        let stats = json!({
            "total": mentions.len(),
            "by_source": count_by(|mention| Some(&mention.source)),
            "by_sentiment": count_by(|mention| mention.sentiment.as_deref()),
            "by_category": count_by(|mention| Some(&mention.category)),
        });
        Ok(exchange::json(StatusCode::OK, &stats))
    }

    /// Returns the `alert_id` of the query, checked as the settings require.
    pub(crate) fn alert_id_filter(&self, request: &Incoming) -> Result<Option<String>, ApiError> {
        let id = request.parameter("alert_id");
        if let (true, Some(id)) = (self.settings.malformed_id_returns_422, &id) {
            request::check_uuid(["query", "alert_id"], id)?;
        }
        let unknown = |id: &String| self.alert(id).is_none();
        match &id {
            Some(id) if self.settings.unknown_alert_returns_404 && unknown(id) => {
                Err(ApiError::not_found("Alert not found"))
            }
            _ => Ok(id),
        }
    }
}

fn count_names<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::sandbox::Heylerts;
    use crate::sandbox::exchange::testing::{send, to_heylerts};
    use crate::sandbox::heylerts::{Alert, Mention, Plan};

    fn get(heylerts: &Heylerts, path: &str) -> Value {
        send(heylerts, to_heylerts("GET", path, &Value::Null)).1
    }

    #[test]
    fn hello_returns_the_user() {
        let hello = get(&Heylerts::new().plan(Plan::Business), "hello");
        let expected = json!({
            "ok": true,
            "user": {"email": "ada@example.com", "plan": "business"},
            "rate_limit": "100/minute",
            "docs_url": "https://heylerts.com/docs",
        });
        assert_eq!(hello, expected);
    }

    #[test]
    fn stats_count_the_mentions_of_all_alerts_or_of_one_except_ignored_ones() {
        let heylerts = Heylerts::new();
        let [one, other] = ["one", "other"].map(|name| heylerts.add_alert(Alert::new(name, name)));
        heylerts.add_mention(Mention::new(&one, "a").source("reddit").sentiment("positive"));
        heylerts.add_mention(Mention::new(&one, "b").source("brave"));
        heylerts.add_mention(Mention::new(&one, "c").source("brave").ignored());
        heylerts.add_mention(Mention::new(&other, "d").source("hackernews"));
        assert_eq!(get(&heylerts, "stats")["total"], 3);
        let expected = json!({
            "total": 2,
            "by_source": {"reddit": 1, "brave": 1},
            "by_sentiment": {"positive": 1, "neutral": 1},
            "by_category": {"web": 1, "social": 1},
        });
        assert_eq!(get(&heylerts, &format!("stats?alert_id={one}")), expected);
    }
}
