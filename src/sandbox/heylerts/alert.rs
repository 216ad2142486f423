//! An alert, and the fields of it in a request.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::request::{ApiError, Form};
use crate::sandbox::exchange::Incoming;
use crate::sandbox::wall_clock::{self, TimestampFormat};

/// An alert: a search for a keyword that runs regularly.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Alert {
    /// Its id, a UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The keyword that it searches for.
    pub keyword: String,
    /// Keywords of which a mention must contain at least one.
    pub include_keywords: Vec<String>,
    /// Keywords that a mention must not contain.
    pub exclude_keywords: Vec<String>,
    /// Domains whose pages are ignored.
    pub ignore_domains: Vec<String>,
    /// The sources that it searches.
    pub sources: Vec<String>,
    /// How often it searches.
    pub frequency: String,
    /// Whether it is active.
    pub is_active: bool,
    /// When it last searched.
    pub last_checked_at: Option<SystemTime>,
    /// When it was created.
    pub created_at: SystemTime,
    /// Whether it searches X.
    pub x_enabled: bool,
    /// The URL of its webhook, if it has one.
    pub webhook_url: Option<String>,
    /// The secret that signs webhook deliveries.
    pub webhook_secret: String,
}

impl Alert {
    /// Creates an active, daily alert for all documented sources, created when the sandbox started.
    pub fn new(name: impl Into<String>, keyword: impl Into<String>) -> Alert {
        Alert {
            id: String::new(),
            name: name.into(),
            keyword: keyword.into(),
            include_keywords: Vec::new(),
            exclude_keywords: Vec::new(),
            ignore_domains: Vec::new(),
            sources: ["brave", "reddit", "hackernews"].map(str::to_owned).into(),
            frequency: "daily".to_owned(),
            is_active: true,
            last_checked_at: None,
            created_at: wall_clock::first_day(),
            x_enabled: false,
            webhook_url: None,
            webhook_secret: String::new(),
        }
    }

    /// Sets the id. Without one, the alert gets a random UUID when it is added.
    pub fn id(mut self, id: impl Into<String>) -> Alert {
        self.id = id.into();
        self
    }

    /// Sets when the alert was created.
    pub fn created_at(mut self, time: SystemTime) -> Alert {
        self.created_at = time;
        self
    }

    /// Sets the webhook and the secret that signs its deliveries.
    pub fn webhook(mut self, url: impl Into<String>, secret: impl Into<String>) -> Alert {
        self.webhook_url = Some(url.into());
        self.webhook_secret = secret.into();
        self
    }

    pub(crate) fn to_json(&self, mention_count: usize, style: TimestampFormat) -> Value {
        let time = |time| wall_clock::iso(time, style);
        json!({
            "id": self.id,
            "name": self.name,
            "keyword": self.keyword,
            "include_keywords": self.include_keywords,
            "exclude_keywords": self.exclude_keywords,
            "ignore_domains": self.ignore_domains,
            "sources": self.sources,
            "frequency": self.frequency,
            "is_active": self.is_active,
            "mention_count": mention_count,
            "last_checked_at": self.last_checked_at.map(time),
            "created_at": time(self.created_at),
            "x_enabled": self.x_enabled,
            "webhook_url": self.webhook_url,
            "webhook_configured": self.webhook_url.is_some(),
        })
    }
}

/// The fields of an alert in a request; `None` if a field is absent.
#[derive(Debug, Default)]
pub(crate) struct AlertFields {
    name: Option<String>,
    keyword: Option<String>,
    include_keywords: Option<Vec<String>>,
    exclude_keywords: Option<Vec<String>>,
    ignore_domains: Option<Vec<String>>,
    sources: Option<Vec<String>>,
    frequency: Option<String>,
    is_active: Option<bool>,
}

impl AlertFields {
    /// Parses a create, which must have a name and a keyword.
    pub(crate) fn of_create(request: &Incoming) -> Result<AlertFields, ApiError> {
        let mut form = Form::of(request)?;
        form.require("name");
        form.require("keyword");
        AlertFields::read(form)
    }

    /// Parses an update, in which every field is optional.
    pub(crate) fn of_update(request: &Incoming) -> Result<AlertFields, ApiError> {
        AlertFields::read(Form::of(request)?)
    }

    fn read(mut form: Form) -> Result<AlertFields, ApiError> {
        let fields = AlertFields {
            name: form.text("name"),
            keyword: form.text("keyword"),
            include_keywords: form.texts("include_keywords"),
            exclude_keywords: form.texts("exclude_keywords"),
            ignore_domains: form.texts("ignore_domains"),
            sources: form.texts("sources"),
            frequency: form.text("frequency"),
            is_active: form.flag("is_active"),
        };
        form.finish(fields)
    }

    /// Sets the fields that were sent, and no other.
    pub(crate) fn apply(self, alert: &mut Alert) {
        put(&mut alert.name, self.name);
        put(&mut alert.keyword, self.keyword);
        put(&mut alert.include_keywords, self.include_keywords);
        put(&mut alert.exclude_keywords, self.exclude_keywords);
        put(&mut alert.ignore_domains, self.ignore_domains);
        put(&mut alert.sources, self.sources);
        put(&mut alert.frequency, self.frequency);
        put(&mut alert.is_active, self.is_active);
    }
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::sandbox::Heylerts;
    use crate::sandbox::exchange::testing::{send, to_heylerts};

    fn create(body: Value) -> (u16, Value) {
        send(&Heylerts::new(), to_heylerts("POST", "alerts", &body))
    }

    #[test]
    fn every_problem_has_its_type_and_location() {
        let (status, response) =
            create(json!({"name": 7, "sources": ["a", 1], "is_active": "yes"}));
        let problems = response["detail"].as_array().unwrap().iter();
        let problems = problems.map(|problem| json!([problem["type"], problem["loc"]]));
        let expected = [
            json!(["missing", ["body", "keyword"]]),
            json!(["string_type", ["body", "name"]]),
            json!(["string_type", ["body", "sources", 1]]),
            json!(["bool_type", ["body", "is_active"]]),
        ];
        assert_eq!((status, problems.collect::<Vec<_>>()), (422, expected.to_vec()));
    }

    #[test]
    fn an_empty_name_and_a_null_are_rejected() {
        assert_eq!(create(json!({"name": "", "keyword": "k"})).0, 422);
        assert_eq!(create(json!({"name": "n", "keyword": null})).0, 422);
        assert_eq!(create(json!(["name"])).0, 422);
    }

    #[test]
    fn a_missing_body_and_invalid_json_are_rejected() {
        let problem = |body: &[u8]| {
            let mut request = to_heylerts("POST", "alerts", &Value::Null);
            *request.body_mut() = body.to_vec();
            let (status, response) = send(&Heylerts::new(), request);
            (status, response["detail"][0]["type"].clone(), response["detail"][0]["msg"].clone())
        };
        assert_eq!(problem(b""), (422, "missing".into(), "Field required".into()));
        assert_eq!(problem(b"{"), (422, "json_invalid".into(), "JSON decode error".into()));
    }

    #[test]
    fn json_that_is_sent_as_text_is_rejected() {
        let mut request = to_heylerts("POST", "alerts", &json!({"name": "n", "keyword": "k"}));
        request.headers_mut().insert("content-type", "text/plain".parse().unwrap());
        let (status, response) = send(&Heylerts::new(), request);
        assert_eq!((status, &response["detail"][0]["loc"]), (422, &json!(["body"])));
    }
}
