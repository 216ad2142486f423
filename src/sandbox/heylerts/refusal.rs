//! How Heylerts refuses a request.

use http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::exchange::{self, Answer};

/// Why a request is refused: `{"detail": …}`.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    detail: Value,
    /// The methods that are allowed, where another one is why it is refused.
    allowed: Option<&'static str>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, detail: impl Into<Value>) -> Refusal {
        Refusal { status, detail: detail.into(), allowed: None }
    }

    pub(crate) fn not_found(what: &str) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, what)
    }

    pub(crate) fn method(allowed: &'static str) -> Refusal {
        Refusal {
            allowed: Some(allowed),
            ..Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        }
    }

    /// A 422 with these problems.
    pub(crate) fn unprocessable(problems: Vec<Value>) -> Refusal {
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, problems)
    }

    pub(crate) fn into_answer(self) -> Answer {
        let answer = exchange::json(self.status, &json!({"detail": self.detail}));
        match self.allowed {
            Some(methods) => exchange::allowing(answer, methods),
            None => answer,
        }
    }
}

/// One problem of a 422, as FastAPI writes it.
pub(crate) fn problem(kind: &str, place: [&str; 2], message: &str, input: &Value) -> Value {
    json!({"type": kind, "loc": place, "msg": message, "input": input})
}
