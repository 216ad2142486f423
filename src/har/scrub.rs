//! Values that are left out of a recording.

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use serde_json::Value;
use url::form_urlencoded::{self, Serializer};

use crate::pipeline::redaction::Redactor;

/// Stands for a value that was left out, and matches every value in a replay.
pub(super) const SCRUBBED: &str = "[scrubbed]";

/// Stands for a key.
const REDACTED: &str = "[redacted]";
/// A shorter value is not looked for outside of its field: it would be found in too much.
const SHORTEST: usize = 3;

/// Returns whether a recorded value is not what it was.
pub(super) fn is_scrubbed(value: &str) -> bool {
    value.contains(SCRUBBED) || value.contains(REDACTED)
}

/// The names of the fields to leave out.
#[derive(Clone, Debug, Default)]
pub(super) struct Scrub {
    names: Vec<String>,
}

/// Leaves out the key of one request.
pub(super) struct Cleaner<'a> {
    scrub: &'a Scrub,
    keys: Vec<Redactor>,
}

impl Scrub {
    pub(super) fn add(&mut self, name: &str) {
        self.names.push(name.to_lowercase());
    }

    fn hides(&self, name: &str) -> bool {
        self.names.contains(&name.to_lowercase())
    }

    /// Returns what cleans this request and its response: of keys, and of what is left out of the request, wherever a
    /// server returns it.
    pub(super) fn cleaner(
        &self,
        request: &Request<Vec<u8>>,
        mut secrets: Vec<String>,
    ) -> Cleaner<'_> {
        let named = request.headers().iter().filter(|(name, _)| self.hides(name.as_str()));
        secrets.extend(named.filter_map(|(_, value)| Some(value.to_str().ok()?.to_owned())));
        let query = request.uri().query().unwrap_or_default();
        let hidden = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| self.hides(name));
        secrets.extend(hidden.map(|(_, value)| value.into_owned()));
        if let (false, Ok(json)) = (self.names.is_empty(), serde_json::from_slice(request.body())) {
            self.collect(&json, false, &mut secrets);
        }
        secrets.retain(|secret| secret.chars().count() >= SHORTEST);
        Cleaner { scrub: self, keys: secrets.iter().map(|secret| Redactor::new(secret)).collect() }
    }

    /// Collects the strings below the fields to leave out.
    fn collect(&self, json: &Value, is_hidden: bool, secrets: &mut Vec<String>) {
        match json {
            Value::String(value) if is_hidden => secrets.push(value.clone()),
            Value::String(value) => {
                embedded(value).into_iter().for_each(|json| self.collect(&json, is_hidden, secrets))
            }
            Value::Array(items) => {
                items.iter().for_each(|item| self.collect(item, is_hidden, secrets));
            }
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                self.collect(value, is_hidden || self.hides(name), secrets);
            }),
            _ => {}
        }
    }
}

/// The JSON that a string holds, as some services nest it.
fn embedded(text: &str) -> Option<Value> {
    text.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str(text).ok())?
}

/// The side that a body is from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// It is compared, and what was left out of it matches everything.
    Request,
    /// It is decoded, so its values keep their types.
    Response,
}

/// Returns the keys in the headers of a request.
pub(super) fn keys_of(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let secret = headers.iter().filter(|(name, value)| is_secret(name, value));
    // Without the scheme, as in `Bearer KEY`.
    secret.filter_map(|(_, value)| value.to_str().ok()?.rsplit(' ').next())
}

/// Whether a header holds a key or identifies a session.
fn is_secret(name: &HeaderName, value: &HeaderValue) -> bool {
    let named = [AUTHORIZATION, PROXY_AUTHORIZATION, PROXY_AUTHENTICATE, COOKIE, SET_COOKIE];
    value.is_sensitive() || named.contains(name) || name == "x-api-key"
}

impl Cleaner<'_> {
    pub(super) fn text(&self, text: String) -> String {
        self.keys.iter().fold(text, |text, key| key.text(text))
    }

    pub(super) fn headers(&self, headers: &HeaderMap) -> HeaderMap {
        let mut clean = headers.clone();
        let scrubbed = HeaderValue::from_static(SCRUBBED);
        for (name, value) in headers {
            if is_secret(name, value) || self.scrub.hides(name.as_str()) {
                clean.insert(name, scrubbed.clone());
            }
        }
        clean.values_mut().for_each(|value| self.address_in(value));
        self.keys.iter().for_each(|key| key.headers(&mut clean));
        clean
    }

    /// Cleans a header that is an address, such as `Location`.
    fn address_in(&self, value: &mut HeaderValue) {
        if let Ok(text) = value.to_str()
            && text.contains('?')
            && let Ok(clean) = HeaderValue::try_from(self.url(text))
        {
            *value = clean;
        }
    }

    /// The address without the parameters to leave out.
    pub(super) fn url(&self, url: &str) -> String {
        let Some((path, query)) = url.split_once('?') else {
            return self.text(url.to_owned());
        };
        let pairs = form_urlencoded::parse(query.as_bytes());
        if !pairs.clone().any(|(name, _)| self.scrub.hides(&name)) {
            return self.text(url.to_owned());
        }
        let mut clean = Serializer::new(String::new());
        for (name, value) in pairs {
            let hidden = self.scrub.hides(&name);
            clean.append_pair(&name, if hidden { SCRUBBED } else { &value });
        }
        self.text(format!("{path}?{}", clean.finish()))
    }

    /// Returns the body without the fields to leave out. A body that is not JSON may hold them in any form, and is left out as
    /// a whole.
    pub(super) fn body(&self, body: &[u8], side: Side) -> Vec<u8> {
        let redacted =
            self.keys.iter().fold(body.to_vec(), |body, key| key.redact(&body).into_owned());
        if self.scrub.names.is_empty() || body.is_empty() {
            return redacted;
        }
        match serde_json::from_slice(&redacted) {
            Ok(mut json) => {
                self.json(&mut json, side);
                json.to_string().into_bytes()
            }
            Err(_) => SCRUBBED.as_bytes().to_vec(),
        }
    }

    fn json(&self, json: &mut Value, side: Side) {
        match json {
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item, side)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match self.scrub.hides(name) {
                        true => left_out(value, side),
                        false => self.json(value, side),
                    }
                }
            }
            Value::String(text) => {
                if let Some(whole) = embedded(text) {
                    let mut clean = whole.clone();
                    self.json(&mut clean, side);
                    if clean != whole {
                        *text = clean.to_string();
                    }
                }
            }
            _ => {}
        }
    }
}

fn left_out(value: &mut Value, side: Side) {
    match value {
        _ if side == Side::Request => *value = SCRUBBED.into(),
        Value::Null => {}
        Value::Bool(value) => *value = false,
        Value::Number(value) => *value = 0.into(),
        Value::String(value) => SCRUBBED.clone_into(value),
        Value::Array(items) => items.clear(),
        Value::Object(fields) => fields.clear(),
    }
}
