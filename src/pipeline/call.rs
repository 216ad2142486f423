//! One request, stated: what is asked for, and whether it may be asked twice.

use std::borrow::Cow;
use std::fmt;
use std::time::Instant;

use http::{HeaderName, HeaderValue, Method, Uri};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::extra_header;
use super::message::floor;
use super::retry::Safety;
use crate::error::{Error, Result};
use crate::json;

/// A request to one of the services, stated but not sent.
///
/// It is for endpoints that have no method in this crate. [`heylo::Client::send`](crate::heylo::Client::send)
/// and [`heylerts::Client::send`](crate::heylerts::Client::send) send it with the same authentication, rate
/// limit, retries and errors as every other call.
///
/// # Examples
///
/// ```
/// use heysync::{Call, Safety};
/// use heysync::serde_json::json;
///
/// let call = Call::get(["alerts", "3f2c"]).query("verbose", true);
/// assert_eq!(call.name(), "GET /alerts/3f2c");
///
/// let call = Call::post(["apiv1-fetch"])
///     .json(&json!({"type": "communityPolls", "communityId": "abc123"}))
///     .safety(Safety::Read);
/// assert_eq!(call.name(), "POST /apiv1-fetch communityPolls");
/// ```
#[derive(Clone)]
#[must_use]
pub struct Call {
    method: Method,
    path: Vec<String>,
    query: Vec<(String, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Vec<u8>>,
    /// The name of the operation, if the caller states one.
    operation: Option<String>,
    /// Why the call is rejected when it is sent. Kept until then, so that a call is one chain without `?`.
    rejection: Option<Rejection>,
    safety: Safety,
    host: Option<String>,
    is_removal: bool,
    outcome_hint: Option<&'static str>,
    /// The deadline of a larger operation that the call is part of.
    until: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Rejection {
    message: String,
    cause: Option<String>,
}

impl Call {
    /// States a call by its method and the segments of its path, below the service's base address.
    ///
    /// Segments are percent-encoded one by one, so none can reach another endpoint. The call is rejected when it is sent
    /// if a segment is empty, is `.` or `..`, contains a slash, a backslash or a control character, or has white space or
    /// an invisible character around it. A `GET` is [`Safety::Read`] by default, every other method [`Safety::Unsafe`].
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Call;
    /// use heysync::http::Method;
    ///
    /// let call = Call::new(Method::PUT, ["alerts", "3f2c", "webhook"]);
    /// assert_eq!(call.name(), "PUT /alerts/3f2c/webhook");
    /// ```
    ///
    /// A segment stays one segment:
    ///
    /// ```
    /// use heysync::{Call, ErrorKind};
    /// use heysync::serde_json::Value;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let error = client.send::<Value>(&Call::get(["alerts", "../stats"])).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn new<I>(method: Method, path: I) -> Call
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Call {
            safety: if method == Method::GET { Safety::Read } else { Safety::Unsafe },
            method,
            path: path.into_iter().map(|segment| segment.as_ref().to_owned()).collect(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            operation: None,
            rejection: None,
            host: None,
            is_removal: false,
            outcome_hint: None,
            until: None,
        }
    }

    /// States a `GET`, by default [`Safety::Read`].
    pub fn get<I>(path: I) -> Call
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Call::new(Method::GET, path)
    }

    /// States a `POST`, by default [`Safety::Unsafe`].
    ///
    /// Every call of Heylo is a `POST`; set the [`safety`](Call::safety) of one that only reads.
    pub fn post<I>(path: I) -> Call
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Call::new(Method::POST, path)
    }

    /// States a `PATCH`, by default [`Safety::Unsafe`].
    pub fn patch<I>(path: I) -> Call
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Call::new(Method::PATCH, path)
    }

    /// States a `DELETE`, by default [`Safety::Unsafe`].
    pub fn delete<I>(path: I) -> Call
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        Call::new(Method::DELETE, path)
    }

    /// Adds a query parameter. It is percent-encoded, so a `+` arrives as one.
    ///
    /// A name that is given twice is sent twice. [`CallOptions::query`](crate::CallOptions::query) adds a parameter to all
    /// calls of a client; a call that has one of the same name itself is rejected.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Call, Timestamp};
    /// use heysync::serde_json::Value;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let since: Timestamp = "2026-05-08T00:00:00+02:00".parse()?;
    /// let call = Call::get(["mentions"]).query("since", since).query("per_page", 50);
    /// let page: Value = client.send(&call)?;
    /// assert_eq!(page["page"], 1);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn query(mut self, name: impl AsRef<str>, value: impl ToString) -> Call {
        self.query.push((name.as_ref().to_owned(), value.to_string()));
        self
    }

    /// Sets a header of the request. One with the same name that was set before is replaced, and one of the
    /// [`CallOptions`](crate::CallOptions) too.
    ///
    /// The headers that are rejected are those of [`CallOptions::header`](crate::CallOptions::header); the error
    /// comes when the call is sent. Each attempt sends the same header.
    ///
    /// # Examples
    ///
    /// Of two requests with the same `Idempotency-Key`, a service that supports it applies one. So the call may be
    /// retried, which [`safety`](Call::safety) has to state:
    ///
    /// ```
    /// use heysync::{Call, Safety};
    /// use heysync::serde_json::json;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let service = sandbox::Heylerts::demo();
    /// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let call = Call::post(["alerts"])
    ///     .json(&json!({"name": "Competitor X", "keyword": "competitor x"}))
    ///     .header("Idempotency-Key", "order-5f2c")
    ///     .safety(Safety::Idempotent);
    /// let alert: heylerts::Alert = client.send(&call)?;
    /// # assert_eq!(service.requests()[0].headers["idempotency-key"], "order-5f2c");
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn header(mut self, name: impl AsRef<str>, value: impl ToString) -> Call {
        match extra_header::parse(name.as_ref(), &value.to_string()) {
            Ok((name, value)) => {
                self.headers.retain(|(other, _)| *other != name);
                self.headers.push((name, value));
            }
            Err(message) => self.reject(Rejection { message, cause: None }),
        }
        self
    }

    /// Sets the JSON body.
    ///
    /// The call is rejected with [`InvalidInput`](crate::ErrorKind::InvalidInput) when it is sent if the body cannot be
    /// written as JSON, or if the method is not `POST`, `PUT` or `PATCH`.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Call;
    ///
    /// #[derive(serde::Serialize)]
    /// struct Snooze {
    ///     hours: u32,
    /// }
    ///
    /// let call = Call::post(["alerts", "3f2c", "snooze"]).json(&Snooze { hours: 8 });
    /// ```
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Call {
        match serde_json::to_vec(body) {
            Ok(body) => self.body = Some(body),
            Err(error) => {
                let message = "the body cannot be written as JSON".to_owned();
                self.reject(Rejection { message, cause: Some(error.to_string()) });
            }
        }
        self
    }

    /// States whether the call may be sent again if its outcome is unknown.
    ///
    /// # Examples
    ///
    /// A call that only reads is retried, though it is a `POST`:
    ///
    /// ```
    /// use heysync::{Call, Safety};
    /// use heysync::serde_json::{Value, json};
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let service = sandbox::Heylo::demo();
    /// # service.inject(1, sandbox::Fault::Cut(sandbox::FaultPoint::AfterEffect));
    /// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
    /// # let client = heylo::Client::with_config("key", config)?;
    /// let roles = json!({"type": "communityRoles", "communityId": "harbour-runners"});
    /// let call = Call::post(["apiv1-fetch"]).json(&roles).safety(Safety::Read);
    /// let roles: Value = client.send(&call)?; // the first response was lost on the way
    /// # assert_eq!(service.requests().len(), 2);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn safety(mut self, safety: Safety) -> Call {
        self.safety = safety;
        self
    }

    /// Names the operation, for [`CallSummary::operation`](crate::CallSummary::operation),
    /// [`Error::operation`](crate::Error::operation), [`CallStart::operation`](crate::CallStart::operation) and spans: one
    /// name for all ids.
    ///
    /// By default, a call that makes the same request as a method of this crate has the name of that method's operation.
    /// Any other call has the `type` of its body as its name, or `other` if there is none. The operations are:
    ///
    /// | Heylo | Heylerts |
    /// |---|---|
    /// | `list_events`, `list_attendance` | `hello` |
    /// | `list_roles` | `list_alerts`, `get_alert` |
    /// | `list_role_members`, `update_role_members` | `create_alert`, `update_alert`, `delete_alert` |
    /// | `remove_member`, `invite_member` | `list_mentions`, `get_stats` |
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Call, CallOptions, Collector, heylerts};
    /// use heysync::serde_json::Value;
    ///
    /// # use heysync::{Config, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let responses = Collector::new();
    /// let client = client.with(CallOptions::new().observer(responses.clone()));
    /// client.get_alert("3f2c").unwrap_err();
    /// assert_eq!(responses.last().unwrap().operation, "get_alert");
    ///
    /// let history = Call::get(["alerts", "3f2c", "history"]).operation("get_alert_history");
    /// let error = client.send::<Value>(&history).unwrap_err();
    /// assert_eq!(error.operation(), Some("get_alert_history"));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn operation(mut self, name: impl Into<String>) -> Call {
        self.operation = Some(name.into());
        self
    }

    /// Sends the call to another host of the service, by its name. Default: the host of the base address.
    ///
    /// Heylo has one: [`heylo::INVITE_HOST`](crate::heylo::INVITE_HOST), which serves `apiv1-create` and
    /// `apiv1-remove`. A name that the service does not have is rejected with
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the call is sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Call, Safety, heylo};
    /// use heysync::serde_json::json;
    ///
    /// let call = Call::post(["apiv1-remove"])
    ///     .json(&json!({"type": "member", "communityId": "abc123", "userId": "u7"}))
    ///     .safety(Safety::Idempotent)
    ///     .host(heylo::INVITE_HOST);
    /// ```
    pub fn host(mut self, name: impl Into<String>) -> Call {
        self.host = Some(name.into());
        self
    }

    /// Sets a query parameter that narrows the call down. It must not be empty.
    pub(crate) fn required_query(mut self, name: &str, value: impl Into<String>) -> Call {
        // Set again, it replaces the one before: of two in a query, services differ on which counts.
        self.query.retain(|(other, _)| other != name);
        let value = value.into();
        let mut call = self.require(name, &value);
        call.query.push((name.to_owned(), value));
        call
    }

    pub(crate) fn without_query(mut self, name: &str) -> Call {
        self.query.retain(|(other, _)| other != name);
        self
    }

    pub(crate) fn has_query(&self, name: &str) -> bool {
        self.query.iter().any(|(other, _)| other == name)
    }

    /// Rejects the call if this id is empty, or has blanks around it: as a filter, an empty id might be read as none.
    ///
    /// The error comes when the call is sent, so that setters need no `?`.
    pub(crate) fn require(self, name: &str, id: &str) -> Call {
        self.checked(check_id(name, id))
    }

    /// Rejects the call if this check failed, when it is sent.
    pub(crate) fn checked(mut self, check: Result<()>) -> Call {
        if let Err(error) = check {
            self.reject(Rejection { message: error.message().to_owned(), cause: None });
        }
        self
    }

    /// States a removal: if an attempt gets no response and its retry finds nothing to remove, it succeeds.
    pub(crate) fn removes(mut self) -> Call {
        self.is_removal = true;
        self.safety(Safety::Idempotent)
    }

    /// How a person finds out what became of the call when its outcome is unknown.
    pub(crate) fn outcome_hint(mut self, hint: &'static str) -> Call {
        self.outcome_hint = Some(hint);
        self
    }

    /// Sets a deadline beside that of the client. The earlier one counts.
    pub(crate) fn until(mut self, deadline: Instant) -> Call {
        self.until = Some(deadline);
        self
    }

    fn reject(&mut self, rejection: Rejection) {
        self.rejection.get_or_insert(rejection);
    }

    /// Returns the name of the call in errors and logs: method, path, and the `type` of the body.
    ///
    /// A segment that looks like an e-mail address is left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Call;
    ///
    /// assert_eq!(Call::delete(["alerts", "3f2c"]).name(), "DELETE /alerts/3f2c");
    /// assert_eq!(Call::get(["members", "ada@example.com"]).name(), "GET /members/…");
    /// ```
    pub fn name(&self) -> String {
        let mut name = self.method.to_string();
        name.push(' ');
        for segment in &self.path {
            name.push('/');
            // A name goes into logs and errors, which are no place for people's addresses.
            let end = floor(segment, MOST_SHOWN);
            name.push_str(shown(&segment[..end]));
            name.push_str(if end < segment.len() { "…" } else { "" });
        }
        if let Some(kind) = self.shown_kind() {
            name.push(' ');
            name.push_str(&kind);
        }
        name
    }

    /// The `type` of the body. It is read each time, since most calls are never named.
    pub(crate) fn kind(&self) -> Option<Cow<'_, str>> {
        #[derive(Deserialize)]
        struct Typed<'a> {
            #[serde(borrow, rename = "type")]
            kind: Cow<'a, str>,
        }
        let typed: Typed<'_> = serde_json::from_slice(self.body.as_deref()?).ok()?;
        Some(typed.kind)
    }

    /// The `type` of the body as a name shows it.
    pub(crate) fn shown_kind(&self) -> Option<String> {
        self.kind().map(|kind| shown(&kind).to_owned())
    }

    pub(crate) fn stated_operation(&self) -> Option<&str> {
        self.operation.as_deref()
    }

    pub(crate) fn path(&self) -> &[String] {
        &self.path
    }

    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.headers.iter().map(|(name, value)| (name, value))
    }

    pub(crate) fn named_host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    pub(crate) fn is_removal(&self) -> bool {
        self.is_removal
    }

    pub(crate) fn how_to_find_out(&self) -> Option<&'static str> {
        self.outcome_hint
    }

    pub(crate) fn stated_safety(&self) -> Safety {
        self.safety
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// Whether the call names an object by its id: in the path, in the query or in the body.
    pub(crate) fn has_id(&self) -> bool {
        let body: Map<String, Value> = serde_json::from_slice(self.body()).unwrap_or_default();
        let mut names = self.query.iter().map(|(name, _)| name).chain(body.keys());
        self.path.len() > 1 || names.any(json::names_id)
    }

    /// The ids in the body except those of people, as `roleId "captains"`.
    pub(crate) fn ids_in_body(&self) -> Vec<String> {
        let body: Map<String, Value> = serde_json::from_slice(self.body()).unwrap_or_default();
        let ids = body
            .iter()
            .filter(|(name, id)| json::names_id(name) && *name != "userId" && id.is_string());
        ids.map(|(name, id)| format!("{name} {id}")).collect()
    }

    pub(crate) fn is_unsafe(&self) -> bool {
        self.safety == Safety::Unsafe
    }

    pub(crate) fn is_read(&self) -> bool {
        self.safety == Safety::Read
    }

    /// The bytes of the body; none if there is no body.
    pub(crate) fn body(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    /// The query, with `extra` parameters, as a string that does not depend on their order.
    pub(crate) fn query_text(&self, extra: &[(String, String)]) -> String {
        let query = self.query.iter().chain(extra);
        let mut pairs: Vec<String> = query.map(|(name, value)| format!("{name}={value}")).collect();
        pairs.sort_unstable();
        pairs.join("&")
    }

    /// The address of the call below `base`, with `extra` query parameters.
    pub(crate) fn to_uri(&self, base: &Url, extra: &[(String, String)]) -> Result<Uri> {
        self.check(extra)?;
        // Not `Url::join`: given an absolute address, it replaces the host, and the key would follow.
        let base = base.as_str().trim_end_matches('/');
        let length = base.len() + self.path.iter().map(|segment| 1 + segment.len()).sum::<usize>();
        let mut address = String::with_capacity(length);
        address.push_str(base);
        for segment in &self.path {
            address.push('/');
            push_encoded(segment, &mut address);
        }
        if !self.query.is_empty() || !extra.is_empty() {
            address.push('?');
            let start = address.len();
            // `+` becomes `%2B` here. Bare, it is a space to the server, and `since=…+00:00` no moment.
            let mut query = form_urlencoded::Serializer::for_suffix(address, start);
            address = query
                .extend_pairs(self.query.iter().chain(extra).map(|(name, value)| (name, value)))
                .finish();
        }
        if address.len() > LONGEST_ADDRESS {
            let length = address.len();
            let why = format!(
                "the address would have {length} bytes, and {LONGEST_ADDRESS} at most are possible"
            );
            return Err(Error::invalid(why));
        }
        let rejected = |error| Error::invalid("this makes no valid address").with_source(error);
        Uri::try_from(address).map_err(rejected)
    }
}

/// Shows the [`name`](Call::name), which names of parameters and headers are set, and the size of the body: values may be
/// secret, and bodies are about people.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query: Vec<&str> = self.query.iter().map(|(name, _)| &**name).collect();
        let headers: Vec<&HeaderName> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Call")
            .field("name", &self.name())
            .field("query", &query)
            .field("headers", &headers)
            .field("body_bytes", &self.body().len())
            .field("safety", &self.safety)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl Call {
    fn check(&self, extra: &[(String, String)]) -> Result<()> {
        if let Some(Rejection { message, cause }) = &self.rejection {
            let error = Error::invalid(message.as_str());
            return Err(match cause {
                Some(cause) => error.with_source(cause.as_str()),
                None => error,
            });
        }
        // Proxies and frameworks drop such a body without a word, or refuse it.
        let may_have_body = matches!(self.method, Method::POST | Method::PUT | Method::PATCH);
        if self.body.is_some() && !may_have_body {
            return Err(Error::invalid(format!("a {} has no body", self.method)));
        }
        if let Some((name, _)) = extra.iter().find(|(name, _)| self.has_query(name)) {
            let why = "the call sends the query parameter";
            return Err(Error::invalid(format!(
                "{why} {name} itself: leave it out of the CallOptions"
            )));
        }
        self.path.iter().try_for_each(|segment| check_segment(segment))
    }
}

/// Appends a segment of a path. Everything that could mean something in an address is percent-encoded.
fn push_encoded(segment: &str, address: &mut String) {
    if is_usual(segment) {
        return address.push_str(segment);
    }
    for byte in segment.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => address.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+'
            | b',' | b';' | b'=' | b':' | b'@' => address.push(char::from(byte)),
            _ => address.extend(['%', hex(byte >> 4), hex(byte & 15)]),
        }
    }
}

/// Whether a segment is one as services write most: a word, a number or a UUID.
fn is_usual(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn hex(digit: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(digit)])
}

/// The longest address that a request can have, in bytes.
const LONGEST_ADDRESS: usize = 65_534;

/// The most that is shown of one segment of a path, in bytes.
const MOST_SHOWN: usize = 120;

/// The part as a name shows it: without addresses of people, and on one line.
fn shown(part: &str) -> &str {
    let hides = part.contains(|c: char| c == '@' || c.is_control());
    if hides { "…" } else { part }
}

/// Refuses an id that is empty, or has white space or invisible characters around it, as a line or a cell of a file may.
///
/// To Heylo, " n5" would be another person than "n5".
pub(crate) fn check_id(name: &str, id: &str) -> Result<()> {
    let bare = id.trim_matches(is_invisible);
    match bare.is_empty() {
        true => Err(Error::invalid(format!("{name} is empty"))),
        false if bare.len() == id.len() => Ok(()),
        false => Err(Error::invalid(format!(
            "{name} begins or ends with white space or an invisible character: {id:?}"
        ))),
    }
}

/// White space, and the characters of Unicode that mark the order of bytes, a direction or a joint.
pub(crate) fn is_invisible(c: char) -> bool {
    let is_mark = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    c.is_whitespace() || is_mark
}

/// Refuses what `url` would drop, shorten or resolve, so that no id reaches another endpoint.
fn check_segment(segment: &str) -> Result<()> {
    match segment {
        _ if is_usual(segment) => Ok(()),
        "" => Err(Error::invalid("an id is empty")),
        // `url` resolves these, and drops an empty one: a GET of the alert ".." would list everything.
        "." | ".." => Err(Error::invalid(format!("{segment:?} cannot be an id"))),
        // Encoded it would stay one segment, but some servers decode before they choose the endpoint.
        _ if segment.contains(['/', '\\']) => Err(Error::invalid(format!(
            "{segment:?} holds a slash: ids do not, and each part of a path is given by itself"
        ))),
        _ if segment.chars().any(char::is_control) => {
            Err(Error::invalid("an id holds a control character, perhaps a line break"))
        }
        _ => check_id("an id", segment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(call: &Call) -> String {
        let base = Url::parse("https://example.com/api/v1").expect("a valid address");
        call.to_uri(&base, &[]).expect("a valid call").to_string()
    }

    #[test]
    fn segments_and_queries_are_encoded() {
        let call =
            Call::get(["alerts", "a?c#d%2e%2e ü"]).query("since", "2026-01-01T00:00:00+00:00");
        assert_eq!(
            address(&call),
            "https://example.com/api/v1/alerts/a%3Fc%23d%252e%252e%20%C3%BC\
             ?since=2026-01-01T00%3A00%3A00%2B00%3A00"
        );
    }

    #[test]
    fn a_base_with_a_trailing_slash_is_the_same_base() {
        let base = Url::parse("https://example.com/api/v1/").expect("a valid address");
        let uri = Call::get(["hello"]).to_uri(&base, &[]).expect("a valid call");
        assert_eq!(uri, "https://example.com/api/v1/hello");
    }

    #[test]
    fn ids_that_would_reach_another_endpoint_are_rejected() {
        let base = Url::parse("https://example.com").expect("a valid address");
        for id in ["", ".", "..", "a/b", "..\\b", "a\nb", ".\t.", "\r", "a\0", " a", "a\u{200b}"] {
            assert!(Call::get(["alerts", id]).to_uri(&base, &[]).is_err(), "{id:?}");
        }
    }

    #[test]
    fn a_long_id_is_cut_in_the_name_of_its_call_and_a_longer_one_is_rejected_with_its_length() {
        assert_eq!(
            Call::get(["alerts", &"é".repeat(9000)]).name().len(),
            "GET /alerts/…".len() + 120
        );
        let base = Url::parse("https://example.com").expect("a valid address");
        let call = Call::get(["alerts", &"x".repeat(70_000)]);
        let error = call.to_uri(&base, &[]).expect_err("too long");
        assert!(error.message().contains("70027 bytes, and 65534 at most"), "{error}");
    }

    #[test]
    fn a_call_is_named_by_method_path_and_type_without_addresses_of_people() {
        let call = Call::post(["apiv1-remove", "ada@example.com"]);
        let call = call.json(&serde_json::json!({"type": "member"}));
        assert_eq!(call.name(), "POST /apiv1-remove/… member");
        let call = call.json(&serde_json::json!({"type": "a\nb"}));
        assert_eq!(call.name(), "POST /apiv1-remove/… …");
    }

    #[test]
    fn the_debug_form_shows_names_and_no_value_of_a_header_a_parameter_or_a_body() {
        let call = Call::post(["members", "ada@example.com"])
            .query("token", "s3cret-q")
            .header("X-Secret", "s3cret-h")
            .json(&serde_json::json!({"type": "member", "email": "ada@example.com"}));
        for shown in [format!("{call:?}"), format!("{call:#?}")] {
            for value in ["s3cret", "ada@", "109"] {
                assert!(!shown.contains(value), "{shown}");
            }
            for name in ["POST /members/… member", "token", "x-secret", "body_bytes: 43", "Unsafe"]
            {
                assert!(shown.contains(name), "{name}: {shown}");
            }
        }
    }

    #[test]
    fn a_body_that_is_no_json_is_rejected_when_the_call_is_sent() {
        let body = std::collections::BTreeMap::from([((1, 2), 3)]);
        let base = Url::parse("https://example.com").expect("a valid address");
        let error = Call::post(["a"]).json(&body).to_uri(&base, &[]).expect_err("no JSON");
        assert_eq!(error.message(), "the body cannot be written as JSON");
        assert!(std::error::Error::source(&error).is_some());
    }
}
