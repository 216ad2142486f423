//! Reading a request to Heylo, and refusing it.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::sandbox::exchange::{self, Answer, Incoming};

/// The most ids on each side of one update of a role.
const IDS_AT_MOST: usize = 100;

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

/// The body of a request.
pub(crate) struct Fields(Map<String, Value>);

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Refusal {
        let message = message.into();
        Refusal { status, message }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn not_found(what: &str) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, format!("{what} not found"))
    }

    pub(crate) fn into_answer(self) -> Answer {
        exchange::json(self.status, &json!({"error": self.message}))
    }
}

impl Fields {
    /// The body as a JSON object, which it is only where its `Content-Type` says so.
    pub(crate) fn of(request: &Incoming) -> Result<Fields, Refusal> {
        let value = match request.is_json() {
            true => serde_json::from_slice(&request.body).ok(),
            false => None,
        };
        value.map(Fields).ok_or_else(|| Refusal::bad("The body must be a JSON object"))
    }

    /// The object under this name.
    pub(crate) fn object(&self, name: &str) -> Result<Fields, Refusal> {
        match self.value(name) {
            Some(Value::Object(object)) => Ok(Fields(object.clone())),
            _ => Err(Refusal::bad(format!("{name} is required and must be an object"))),
        }
    }

    /// Text that must be there and not be empty.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| Refusal::bad(format!("{name} is required")))
    }

    /// An id that must be there.
    pub(crate) fn id(&self, name: &str) -> Result<String, Refusal> {
        let id = self.optional_id(name)?;
        id.ok_or_else(|| Refusal::bad(format!("{name} is required")))
    }

    /// An id: text, or a number that is taken as its text.
    pub(crate) fn optional_id(&self, name: &str) -> Result<Option<String>, Refusal> {
        self.read(name, "a non-empty string", |value| match value {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        self.read(name, "a string", Value::as_str)
    }

    pub(crate) fn whole(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.read(name, "an integer", Value::as_i64)
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.read(name, "a boolean", Value::as_bool)
    }

    /// Up to a hundred ids; none where the field is absent.
    pub(crate) fn ids(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let ids = self.read(name, "an array of strings", texts)?.unwrap_or_default();
        match ids.len() {
            0..=IDS_AT_MOST => Ok(ids),
            _ => Err(Refusal::bad(format!("{name} can have {IDS_AT_MOST} ids at most"))),
        }
    }

    /// What was sent under this name; null counts as nothing.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn read<'a, T>(
        &'a self,
        name: &str,
        kind: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let wrong = || Refusal::bad(format!("{name} must be {kind}"));
        read(value).map(Some).ok_or_else(wrong)
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?.iter();
    items.map(|item| item.as_str().map(str::to_owned)).collect()
}
