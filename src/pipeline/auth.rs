//! The key, and the header it travels in.

use std::error::Error as StdError;
use std::fmt;
use std::iter::successors;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, Result};

type Cause = Box<dyn StdError + Send + Sync>;

/// What stands where a key stood.
const REDACTED: &[u8] = b"[redacted]";

/// How a service wants to be shown its key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scheme {
    /// `Authorization: Bearer KEY`
    Bearer,
    /// `X-API-Key: KEY`
    ApiKeyHeader,
}

/// An API key that never shows itself.
#[derive(Clone)]
pub(crate) struct ApiKey {
    text: String,
    /// The environment variable it came from, for errors.
    origin: Option<&'static str>,
}

impl ApiKey {
    /// Takes a key as it was typed; white space around it is dropped, and the byte order mark that some
    /// editors put first.
    pub(crate) fn new(text: &str) -> ApiKey {
        ApiKey { text: text.trim_start_matches('\u{feff}').trim().to_owned(), origin: None }
    }

    /// Takes the key from the environment variable `name`.
    pub(crate) fn from_env(name: &'static str) -> Result<ApiKey> {
        match std::env::var(name) {
            Ok(text) => Ok(ApiKey { origin: Some(name), ..ApiKey::new(&text) }),
            Err(std::env::VarError::NotPresent) => {
                Err(Error::configuration(format!("{name} is not set: set it to the API key")))
            }
            Err(_) => Err(Error::configuration(format!("{name} is not valid text"))),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// A refusal of this key, naming where it came from and never what it is.
    pub(crate) fn refused(&self, why: &str) -> Error {
        let subject = self.origin.unwrap_or("the API key");
        Error::configuration(format!("{subject} {why}"))
    }

    fn check(&self) -> Result<()> {
        if self.text.is_empty() {
            return Err(self.refused("is empty"));
        }
        if self.text.contains(char::is_whitespace) {
            return Err(
                self.refused("has white space in it: give the key alone, without a word before it")
            );
        }
        if self.text.starts_with(['"', '\'']) {
            return Err(self.refused("is in quotes: give the key without them"));
        }
        if !self.text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.refused("has characters in it that no key has; copy it again"));
        }
        Ok(())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}

/// Signs requests with a key, and keeps the key out of everything else.
#[derive(Clone, Debug)]
pub(crate) struct Auth {
    key: ApiKey,
    name: HeaderName,
    value: HeaderValue,
}

impl Auth {
    /// # Errors
    ///
    /// `Configuration` where the key is empty or cannot be a header.
    pub(crate) fn new(scheme: Scheme, key: ApiKey) -> Result<Auth> {
        key.check()?;
        let (name, text) = match scheme {
            Scheme::Bearer => (AUTHORIZATION, format!("Bearer {}", key.text)),
            Scheme::ApiKeyHeader => (HeaderName::from_static("x-api-key"), key.text.clone()),
        };
        let mut value =
            HeaderValue::try_from(text).map_err(|_| key.refused("cannot be a header"))?;
        value.set_sensitive(true);
        Ok(Auth { key, name, value })
    }

    /// Adds the key to a request's headers.
    pub(crate) fn sign(&self, headers: &mut HeaderMap) {
        headers.insert(self.name.clone(), self.value.clone());
    }

    /// Whether the key stands anywhere in `text`.
    fn shows_in(&self, text: &[u8]) -> bool {
        find(text, self.key.text.as_bytes()).is_some()
    }

    /// `text` without the key. Some servers quote a bad key in their answer.
    pub(crate) fn redact(&self, text: &[u8]) -> Vec<u8> {
        let key = self.key.text.as_bytes();
        let mut clean = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = find(rest, key) {
            clean.extend_from_slice(&rest[..at]);
            clean.extend_from_slice(REDACTED);
            rest = &rest[at + key.len()..];
        }
        clean.extend_from_slice(rest);
        clean
    }

    /// Takes the key out of headers that quote it.
    pub(crate) fn redact_headers(&self, headers: &mut HeaderMap) {
        let quoting = headers.values_mut().filter(|value| self.shows_in(value.as_bytes()));
        quoting.for_each(|value| *value = HeaderValue::from_static("[redacted]"));
    }

    /// Replaces an error that shows the key, itself or by one of its causes, with its text without it.
    pub(crate) fn hide_in(&self, error: Cause) -> Cause {
        let shown: String = chain(&*error).map(|error| format!("{error} {error:?}")).collect();
        if !self.shows_in(shown.as_bytes()) {
            return error;
        }
        let text: Vec<String> = chain(&*error).map(ToString::to_string).collect();
        let clean = self.redact(text.join(": ").as_bytes());
        String::from_utf8_lossy(&clean).into_owned().into()
    }
}

/// An error and its causes.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    successors(Some(error), |&error| error.source())
}

fn find(text: &[u8], key: &[u8]) -> Option<usize> {
    text.windows(key.len()).position(|window| window == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_trimmed_and_travels_in_the_services_header() {
        let auth = Auth::new(Scheme::Bearer, ApiKey::new("\u{feff} abc\n")).expect("a good key");
        let mut headers = HeaderMap::new();
        auth.sign(&mut headers);
        assert_eq!(headers[AUTHORIZATION], "Bearer abc");
        assert!(headers[AUTHORIZATION].is_sensitive());
    }

    #[test]
    fn keys_that_cannot_be_headers_are_refused_without_being_shown() {
        for key in ["", "  ", "Bearer abc", "a\nb", "schlüssel", "a\u{2011}b", "a\u{7f}", "\"abc\""]
        {
            let error = Auth::new(Scheme::Bearer, ApiKey::new(key)).expect_err("a bad key");
            let shown = format!("{error} {error:?}");
            assert!(key.trim().is_empty() || !shown.contains(key.trim()), "{shown}");
        }
    }

    #[test]
    fn a_quoted_key_is_taken_out_of_bodies_and_headers() {
        let auth = Auth::new(Scheme::ApiKeyHeader, ApiKey::new("hlt_1")).expect("a good key");
        assert_eq!(auth.redact(b"bad hlt_1, hlt_1!"), b"bad [redacted], [redacted]!");
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", HeaderValue::from_static("k=hlt_1"));
        auth.redact_headers(&mut headers);
        assert_eq!(headers["x-echo"], "[redacted]");
    }

    #[test]
    fn the_debug_form_shows_no_key() {
        let auth = Auth::new(Scheme::Bearer, ApiKey::new("hidden")).expect("a good key");
        assert!(!format!("{auth:?}").contains("hidden"));
    }
}
