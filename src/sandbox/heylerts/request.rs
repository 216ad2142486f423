//! Parses and checks the parameters of a request, and builds the errors of the service.

use std::time::SystemTime;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::sandbox::exchange::{self, Incoming, Response};
use crate::sandbox::wall_clock;

/// Why a request is rejected: `{"detail": …}`.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    detail: Value,
    /// The allowed methods, if the method was wrong.
    allowed: Option<String>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, detail: impl Into<Value>) -> ApiError {
        ApiError { status, detail: detail.into(), allowed: None }
    }

    pub(crate) fn not_found(detail: &str) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, detail)
    }

    pub(crate) fn method(allowed: String) -> ApiError {
        ApiError {
            allowed: Some(allowed),
            ..ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        }
    }

    /// A 422 with these problems.
    pub(crate) fn unprocessable(problems: Vec<Value>) -> ApiError {
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, problems)
    }

    pub(crate) fn into_response(self) -> Response {
        let response = exchange::json(self.status, &json!({"detail": self.detail}));
        match self.allowed {
            Some(methods) => exchange::allowing(response, &methods),
            None => response,
        }
    }
}

/// One problem of a 422, as FastAPI writes it.
pub(crate) fn problem(kind: &str, loc: [&str; 2], message: &str, input: &Value) -> Value {
    json!({"type": kind, "loc": loc, "msg": message, "input": input})
}

/// Checks that an id is a UUID as FastAPI accepts it: with or without hyphens, in braces, or as a URN.
pub(crate) fn check_uuid(loc: [&str; 2], id: &str) -> Result<(), ApiError> {
    let bare = id.strip_prefix("urn:uuid:").unwrap_or(id);
    let bare = bare.strip_prefix('{').and_then(|id| id.strip_suffix('}')).unwrap_or(bare);
    let digits = bare.bytes().filter(u8::is_ascii_hexdigit).count();
    let hyphens: Vec<usize> = bare.match_indices('-').map(|(at, _)| at).collect();
    let is_uuid = match bare.len() {
        32 => digits == 32,
        36 => digits == 32 && hyphens == [8, 13, 18, 23],
        _ => false,
    };
    let wrong = || {
        let message = "Input should be a valid UUID";
        ApiError::unprocessable(vec![problem("uuid_parsing", loc, message, &Value::from(id))])
    };
    is_uuid.then_some(()).ok_or_else(wrong)
}

/// Checks that a query parameter, if it was sent, is one of the `known` values.
pub(crate) fn check_one_of(request: &Incoming, name: &str, known: &[&str]) -> Result<(), ApiError> {
    match request.parameter(name) {
        Some(value) if !known.contains(&value.as_str()) => {
            let message = format!("Input should be '{}'", known.join("', '"));
            let problem = problem("enum", ["query", name], &message, &Value::from(value));
            Err(ApiError::unprocessable(vec![problem]))
        }
        _ => Ok(()),
    }
}

/// The fields of a body, and the problems with them.
pub(crate) struct Form {
    fields: Map<String, Value>,
    problems: Vec<Value>,
}

impl Form {
    pub(crate) fn of(request: &Incoming) -> Result<Form, ApiError> {
        let Ok(value) = serde_json::from_slice(&request.body) else {
            let (kind, message) = match request.body.is_empty() {
                true => ("missing", "Field required"),
                false => ("json_invalid", "JSON decode error"),
            };
            let problem = json!({"type": kind, "loc": ["body"], "msg": message, "input": null});
            return Err(ApiError::unprocessable(vec![problem]));
        };
        match value {
            Value::Object(fields) if request.is_json() => Ok(Form { fields, problems: Vec::new() }),
            other => Err(not_an_object(&other)),
        }
    }

    pub(crate) fn require(&mut self, name: &str) {
        if !self.fields.contains_key(name) {
            let body = Value::Object(self.fields.clone());
            let problem = problem("missing", ["body", name], "Field required", &body);
            self.problems.push(problem);
        }
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let text = self.read(name, "string_type", "a valid string", |value| {
            value.as_str().map(str::to_owned)
        })?;
        if text.is_empty() {
            let message = "String should have at least 1 character";
            let problem = problem("string_too_short", ["body", name], message, &Value::from(""));
            self.problems.push(problem);
        }
        Some(text)
    }

    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        self.read(name, "bool_type", "a valid boolean", Value::as_bool)
    }

    pub(crate) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let items =
            self.read(name, "list_type", "a valid list", |value| value.as_array().cloned())?;
        let mut texts = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                other => self.problems.push(json!({
                    "type": "string_type",
                    "loc": ["body", name, at],
                    "msg": "Input should be a valid string",
                    "input": other,
                })),
            }
        }
        Some(texts)
    }

    /// Returns what was read, unless there was a problem.
    pub(crate) fn finish<T>(self, read: T) -> Result<T, ApiError> {
        match self.problems.is_empty() {
            true => Ok(read),
            false => Err(ApiError::unprocessable(self.problems)),
        }
    }

    /// Reads a field if it was sent. A wrong type is a problem.
    pub(crate) fn read<T>(
        &mut self,
        name: &str,
        kind: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.fields.get(name)?;
        let found = read(value);
        if found.is_none() {
            let message = format!("Input should be {expected}");
            let problem = problem(kind, ["body", name], &message, value);
            self.problems.push(problem);
        }
        found
    }
}

fn not_an_object(value: &Value) -> ApiError {
    let message = "Input should be a valid dictionary or object to extract fields from";
    ApiError::unprocessable(vec![json!({
        "type": "model_attributes_type",
        "loc": ["body"],
        "msg": message,
        "input": value,
    })])
}

/// The requested page of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paging {
    page: u64,
    per_page: u64,
}

impl Paging {
    pub(crate) fn of(request: &Incoming) -> Result<Paging, ApiError> {
        let mut problems = Vec::new();
        let page = number(request, "page", 1, u64::MAX);
        let per_page = number(request, "per_page", 20, 100);
        let mut checked = |number: Result<u64, Value>| {
            number.unwrap_or_else(|problem| {
                problems.push(problem);
                1
            })
        };
        let paging = Paging { page: checked(page), per_page: checked(per_page) };
        match problems.is_empty() {
            true => Ok(paging),
            false => Err(ApiError::unprocessable(problems)),
        }
    }

    /// Builds the envelope with the requested page of all items.
    pub(crate) fn envelope<T>(self, items: &[T], to_json: impl FnMut(&T) -> Value) -> Value {
        let Paging { page, per_page } = self;
        let total = items.len() as u64;
        let before = (page - 1).saturating_mul(per_page).min(total);
        let end = before.saturating_add(per_page).min(total);
        let shown = &items[before as usize..end as usize];
        json!({
            "items": shown.iter().map(to_json).collect::<Vec<Value>>(),
            "page": page,
            "per_page": per_page,
            "total_items": total,
            "total_pages": total.div_ceil(per_page),
            "has_more": end < total,
        })
    }
}

/// Parses `since`.
pub(crate) fn parse_since(request: &Incoming) -> Result<Option<SystemTime>, ApiError> {
    let Some(text) = request.parameter("since") else {
        return Ok(None);
    };
    let wrong = || {
        let message = "Input should be a valid datetime or date";
        let input = Value::from(text.as_str());
        let kind = "datetime_from_date_parsing";
        ApiError::unprocessable(vec![problem(kind, ["query", "since"], message, &input)])
    };
    wall_clock::parse_iso(&text).map(Some).ok_or_else(wrong)
}

/// Parses an integer from 1 to `max`.
fn number(request: &Incoming, name: &str, default: u64, max: u64) -> Result<u64, Value> {
    let Some(text) = request.parameter(name) else {
        return Ok(default);
    };
    let input = Value::from(text.as_str());
    let wrong = |kind: &str, message: &str| Err(problem(kind, ["query", name], message, &input));
    match text.trim().parse::<i128>() {
        Err(_) => wrong(
            "int_parsing",
            "Input should be a valid integer, unable to parse string as an integer",
        ),
        Ok(number) if number < 1 => {
            wrong("greater_than_equal", "Input should be greater than or equal to 1")
        }
        Ok(number) => match u64::try_from(number).ok().filter(|number| *number <= max) {
            Some(number) => Ok(number),
            None => {
                let message = format!("Input should be less than or equal to {max}");
                wrong("less_than_equal", &message)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::sandbox::Heylerts;
    use crate::sandbox::exchange::testing::{send, to_heylerts};

    /// The type and the location of each problem of a request for mentions.
    fn wrong(query: &str) -> Vec<(Value, Value)> {
        let path = format!("mentions?{query}");
        let (status, response) = send(&Heylerts::demo(), to_heylerts("GET", &path, &Value::Null));
        assert_eq!(status, 422, "{query}");
        let problems = response["detail"].as_array().unwrap().iter();
        problems.map(|problem| (problem["type"].clone(), problem["loc"][1].clone())).collect()
    }

    #[test]
    fn page_and_per_page_have_bounds() {
        let too_low = json!("greater_than_equal");
        assert_eq!(wrong("page=0"), [(too_low.clone(), json!("page"))]);
        assert_eq!(wrong("per_page=0"), [(too_low, json!("per_page"))]);
        assert_eq!(wrong("per_page=101"), [(json!("less_than_equal"), json!("per_page"))]);
        assert_eq!(wrong("page=one"), [(json!("int_parsing"), json!("page"))]);
        assert_eq!(wrong("page=-1&per_page=x").len(), 2);
    }

    #[test]
    fn a_plus_that_is_not_percent_encoded_is_no_valid_since() {
        for text in ["2026-05-08T00:00:00+00:00", "yesterday", ""] {
            let problem = (json!("datetime_from_date_parsing"), json!("since"));
            assert_eq!(wrong(&format!("since={text}")), [problem]);
        }
    }

    #[test]
    fn a_uuid_is_accepted_in_every_form_that_fastapi_accepts() {
        let id = "6f1c2d3e-4b5a-4c7d-8e9f-0a1b2c3d4e5f";
        let forms = [id.to_owned(), id.to_uppercase(), id.replace('-', ""), format!("{{{id}}}")];
        for form in forms.into_iter().chain([format!("urn:uuid:{id}")]) {
            assert!(super::check_uuid(["path", "alert_id"], &form).is_ok(), "{form}");
        }
        for wrong in
            ["", "x", &id[1..], &id.replace('6', "g"), "6f1c2d3e4b5a-4c7d-8e9f-0a1b2c3d4e5f-"]
        {
            assert!(super::check_uuid(["path", "alert_id"], wrong).is_err(), "{wrong}");
        }
    }
}
