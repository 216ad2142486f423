//! Reads the fields of a request to Heylo, and rejects it.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::sandbox::exchange::{self, Incoming, Response};

/// The most ids in each list of a role update.
const MAX_IDS: usize = 100;

/// Why a request is rejected: `{"error": …}`.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

/// The body of a request.
pub(crate) struct Fields(Map<String, Value>);

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> ApiError {
        let message = message.into();
        ApiError { status, message }
    }

    pub(crate) fn bad(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn not_found(what: &str) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, format!("{what} not found"))
    }

    pub(crate) fn into_response(self) -> Response {
        exchange::json(self.status, &json!({"error": self.message}))
    }
}

impl Fields {
    /// Parses the body as a JSON object, if the `Content-Type` is JSON.
    pub(crate) fn of(request: &Incoming) -> Result<Fields, ApiError> {
        let value = match request.is_json() {
            true => serde_json::from_slice(&request.body).ok(),
            false => None,
        };
        value.map(Fields).ok_or_else(|| ApiError::bad("The body must be a JSON object"))
    }

    /// Returns an object field.
    pub(crate) fn object(&self, name: &str) -> Result<Fields, ApiError> {
        match self.value(name) {
            Some(Value::Object(object)) => Ok(Fields(object.clone())),
            _ => Err(ApiError::bad(format!("{name} is required and must be an object"))),
        }
    }

    /// Returns a string field that is required and must not be empty.
    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| ApiError::bad(format!("{name} is required")))
    }

    /// Returns an id field that is required.
    pub(crate) fn id(&self, name: &str) -> Result<String, ApiError> {
        let id = self.optional_id(name)?;
        id.ok_or_else(|| ApiError::bad(format!("{name} is required")))
    }

    /// Returns an id field: a string, or a number, which counts as its digits.
    pub(crate) fn optional_id(&self, name: &str) -> Result<Option<String>, ApiError> {
        self.read(name, "a non-empty string", |value| match value {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        self.read(name, "a string", Value::as_str)
    }

    pub(crate) fn whole(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.read(name, "an integer", Value::as_i64)
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.read(name, "a boolean", Value::as_bool)
    }

    /// Returns up to a hundred ids; none if the field is absent.
    pub(crate) fn ids(&self, name: &str) -> Result<Vec<String>, ApiError> {
        let ids = self.read(name, "an array of strings", texts)?.unwrap_or_default();
        match ids.len() {
            0..=MAX_IDS => Ok(ids),
            _ => Err(ApiError::bad(format!("{name} can have {MAX_IDS} ids at most"))),
        }
    }

    /// Returns the value of a field; null counts as absent.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn read<'a, T>(
        &'a self,
        name: &str,
        kind: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let wrong = || ApiError::bad(format!("{name} must be {kind}"));
        read(value).map(Some).ok_or_else(wrong)
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?.iter();
    items.map(|item| item.as_str().map(str::to_owned)).collect()
}
