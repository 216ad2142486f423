//! The key, and the header that it is sent in.

use std::fmt;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::redaction::Redactor;
use crate::environment;
use crate::error::{Error, Result};

/// How a service expects its key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scheme {
    /// `Authorization: Bearer KEY`
    Bearer,
    /// `X-API-Key: KEY`
    ApiKeyHeader,
}

/// An API key. Its `Debug` form does not show it.
#[derive(Clone)]
pub(crate) struct ApiKey {
    text: String,
    /// The environment variable it came from, for errors.
    origin: Option<&'static str>,
}

impl ApiKey {
    /// Takes a key as it was typed, without white space around it and the byte order mark that some editors
    /// put first.
    pub(crate) fn new(text: &str) -> ApiKey {
        ApiKey { text: text.trim_start_matches('\u{feff}').trim().to_owned(), origin: None }
    }

    /// Takes the key from the environment variable `name`.
    pub(crate) fn from_env(name: &'static str) -> Result<ApiKey> {
        let text = environment::required(name, "the API key")?;
        Ok(ApiKey { origin: Some(name), ..ApiKey::new(&text) })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Rejects this key, by the name of the variable that it came from.
    pub(crate) fn refused(&self, why: &str) -> Error {
        let subject = self.origin.unwrap_or("the API key");
        Error::configuration(format!("{subject} {why}"))
    }

    /// Whether the key was copied with quotes around it, straight or typographic, or with one of them.
    pub(crate) fn is_quoted(&self) -> bool {
        const QUOTES: [char; 11] = ['"', '\'', '`', '“', '”', '„', '‘', '’', '‚', '«', '»'];
        self.text.starts_with(QUOTES) || self.text.ends_with(QUOTES)
    }

    fn check(&self) -> Result<()> {
        if self.text.is_empty() {
            return Err(self.refused("is empty"));
        }
        if self.is_quoted() {
            return Err(self.refused("is in quotes: give the key without them"));
        }
        if self.text.contains(char::is_whitespace) {
            return Err(
                self.refused("has white space in it: give the key alone, without a word before it")
            );
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

/// Signs requests with a key.
#[derive(Clone, Debug)]
pub(crate) struct Auth {
    name: HeaderName,
    value: HeaderValue,
    redactor: Redactor,
}

impl Auth {
    /// # Errors
    ///
    /// `Configuration` if the key is empty or cannot be a header.
    pub(crate) fn new(scheme: Scheme, key: ApiKey) -> Result<Auth> {
        key.check()?;
        let (name, text) = match scheme {
            Scheme::Bearer => (AUTHORIZATION, format!("Bearer {}", key.text)),
            Scheme::ApiKeyHeader => (HeaderName::from_static("x-api-key"), key.text.clone()),
        };
        let mut value =
            HeaderValue::try_from(text).map_err(|_| key.refused("cannot be a header"))?;
        value.set_sensitive(true);
        Ok(Auth { name, value, redactor: Redactor::new(&key.text) })
    }

    /// Adds the key to a request's headers.
    pub(crate) fn sign(&self, headers: &mut HeaderMap) {
        headers.insert(self.name.clone(), self.value.clone());
    }

    /// Hides the keys that `old` hides, too.
    pub(crate) fn also_redacting(self, old: &Auth) -> Auth {
        Auth { redactor: self.redactor.also_hiding(&old.redactor), ..self }
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_trimmed_and_sent_in_the_services_header() {
        let auth = Auth::new(Scheme::Bearer, ApiKey::new("\u{feff} abc\n")).expect("a good key");
        let mut headers = HeaderMap::new();
        auth.sign(&mut headers);
        assert_eq!(headers[AUTHORIZATION], "Bearer abc");
        assert!(headers[AUTHORIZATION].is_sensitive());
    }

    #[test]
    fn keys_that_cannot_be_headers_are_rejected_without_being_shown() {
        for key in ["", "  ", "Bearer abc", "a\nb", "schlüssel", "a\u{2011}b", "a\u{7f}", "\"abc\""]
        {
            let error = Auth::new(Scheme::Bearer, ApiKey::new(key)).expect_err("a bad key");
            let shown = format!("{error} {error:?}");
            assert!(key.trim().is_empty() || !shown.contains(key.trim()), "{shown}");
        }
    }

    #[test]
    fn the_error_of_a_key_in_quotes_names_the_quotes() {
        for key in ["\"abc\"", "'abc'", "“abc”", "abc\"", "\"a b\"", "`abc`"] {
            let error = Auth::new(Scheme::Bearer, ApiKey::new(key)).expect_err("a bad key");
            assert!(error.message().contains("quotes"), "{error}");
        }
    }

    #[test]
    fn the_debug_form_shows_no_key() {
        let auth = Auth::new(Scheme::Bearer, ApiKey::new("hidden")).expect("a good key");
        assert!(!format!("{auth:?}").contains("hidden"));
    }
}
