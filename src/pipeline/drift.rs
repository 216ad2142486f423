//! Finds fields and values in responses that this version does not know.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::call::Call;
use super::operation::{Form, Operation};
use super::redaction::Redactor;
use crate::json;

/// A field or a value in a response that this version of the crate does not know, as
/// [`Config::on_drift`](crate::Config::on_drift) reports it.
///
/// The service has changed since this version was made. Unknown fields and values are kept. A known field that cannot be
/// read, such as a time in a form of its own, is `None` in the model. It prints as one line, without the value of an unknown
/// field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Drift {
    /// The name of the operation, such as `get_alert`. See [`Call::operation`](crate::Call::operation).
    pub operation: String,
    /// The field, such as `items[].language`.
    pub field: String,
    /// The value, if the field is known and its value is not; none if the field is unknown. Of an object or a list it is
    /// `{...}` or `[...]`.
    pub value: Option<String>,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Drift { operation, field, value } = self;
        match value {
            Some(value) => write!(f, "{operation}: unknown value {value:?} in the field {field}"),
            None => write!(f, "{operation}: unknown field {field}"),
        }
    }
}

/// Looks at the bodies of successful responses.
///
/// A trait, so that the code of its only implementation is linked only into programs that use it.
pub(crate) trait BodyWatch: Send + Sync {
    fn look(&self, call: &Call, body: &[u8], redactor: &Redactor);
}

/// The most findings that are reported, if a service sends ever new ones.
const MOST_REPORTED: usize = 1000;
/// The longest name or value that is reported, in characters.
const LONGEST: usize = 100;

/// Reports each field and value that is not in the [known form](Form) of a response once.
pub(crate) struct DriftWatch<F> {
    report: F,
    reported: Mutex<HashSet<Drift>>,
}

impl<F: Fn(&Drift) + Send + Sync> DriftWatch<F> {
    pub(crate) fn new(report: F) -> DriftWatch<F> {
        DriftWatch { report, reported: Mutex::default() }
    }

    fn is_full(&self) -> bool {
        self.reported().len() >= MOST_REPORTED
    }

    /// Returns whether this was not reported before.
    fn is_new(&self, drift: &Drift) -> bool {
        let mut reported = self.reported();
        reported.len() < MOST_REPORTED && reported.insert(drift.clone())
    }
}

impl<F> DriftWatch<F> {
    fn reported(&self) -> MutexGuard<'_, HashSet<Drift>> {
        // A set is in order between its steps, whatever became of a thread that held it.
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Fn(&Drift) + Send + Sync> BodyWatch for DriftWatch<F> {
    fn look(&self, call: &Call, body: &[u8], redactor: &Redactor) {
        let Some(operation) = Operation::of(call).filter(|_| !self.is_full()) else { return };
        let Ok(json) = json::from_slice::<Value>(body) else { return };
        let mut findings = Findings::new(operation.name, redactor);
        findings.look_at(&json, &operation.response, "");
        let new = findings.in_order.into_iter().filter(|drift| self.is_new(drift));
        // Collected first: the lock is not held, and the closure may call the client.
        new.collect::<Vec<_>>().iter().for_each(&self.report);
    }
}

/// The value of a known field that cannot be read. The inside of an object may be personal.
fn shown(json: &Value) -> Cow<'_, str> {
    match json {
        Value::String(text) => text.into(),
        Value::Array(_) => "[...]".into(),
        Value::Object(_) => "{...}".into(),
        other => other.to_string().into(),
    }
}

struct Findings<'a> {
    operation: &'static str,
    redactor: &'a Redactor,
    found: HashSet<Drift>,
    in_order: Vec<Drift>,
}

impl Findings<'_> {
    fn new<'a>(operation: &'static str, redactor: &'a Redactor) -> Findings<'a> {
        Findings { operation, redactor, found: HashSet::new(), in_order: Vec::new() }
    }

    /// Looks at the value of the field called `path`.
    fn look_at(&mut self, json: &Value, form: &Form, path: &str) {
        match (form, json) {
            (Form::List(of), Value::Array(items)) => {
                let path = format!("{path}[]");
                items.iter().for_each(|item| self.look_at(item, of, &path));
            }
            (Form::Object(fields), Value::Object(object)) => {
                for (name, value) in object {
                    let path =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    match fields.iter().find(|(known, _)| known == name) {
                        Some((_, form)) => self.look_at(value, form, &path),
                        None => self.found(&path, None),
                    }
                }
            }
            (Form::Values(known), Value::String(value)) if !known.contains(&value.as_str()) => {
                self.found(path, Some(value));
            }
            (Form::Values(_), Value::Null | Value::String(_))
            | (Form::Readable(_), Value::Null) => {}
            (Form::Readable(reads), json) if reads(json) => {}
            (Form::Values(_) | Form::Readable(_), json) => self.found(path, Some(&shown(json))),
            (Form::Keys(known), Value::Object(object)) => {
                let unknown = object.keys().filter(|key| !known.contains(&key.as_str()));
                unknown.for_each(|key| self.found(path, Some(key)));
            }
            _ => {}
        }
    }

    fn found(&mut self, field: &str, value: Option<&str>) {
        if self.found.len() == MOST_REPORTED {
            return;
        }
        let shown =
            |text: &str| self.redactor.text(text.to_owned()).chars().take(LONGEST).collect();
        let (field, value) = (shown(field), value.map(shown));
        let drift = Drift { operation: self.operation.to_owned(), field, value };
        if self.found.insert(drift.clone()) {
            self.in_order.push(drift);
        }
    }
}
