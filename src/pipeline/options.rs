//! `CallOptions`: settings for some calls of a client, and not for all.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::extra_header;
use super::observer::Observer;
use super::settings::Settings;
use crate::cancellation::Cancellation;

/// Settings for some calls of a client, passed to [`heylo::Client::with`](crate::heylo::Client::with) or
/// [`heylerts::Client::with`](crate::heylerts::Client::with).
///
/// A plain value: each method changes one setting and returns the options. Settings that it does not change are
/// those of the client. Options that cannot be used are an error of the kind [`InvalidInput`](crate::ErrorKind::InvalidInput)
/// of each call, and nothing is sent.
///
/// # Examples
///
/// One call that must not wait, and has a header of its own:
///
/// ```
/// use std::time::Duration;
/// use heysync::CallOptions;
///
/// # use heysync::{Config, heylerts, sandbox};
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// let quick = CallOptions::new()
///     .deadline(Duration::from_secs(2))
///     .retries(0)
///     .header("X-Request-Id", "export-7");
/// let stats = client.with(quick).stats()?;
/// # assert!(stats.total > 0);
/// # Ok::<(), heysync::Error>(())
/// ```
///
/// A header that the client must set itself is rejected:
///
/// ```
/// use heysync::{CallOptions, ErrorKind};
///
/// # use heysync::{Config, heylerts, sandbox};
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// let options = CallOptions::new().header("Authorization", "Bearer another-key");
/// let error = client.with(options).stats().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// assert!(error.message().contains("make another client"));
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "options do nothing until they are passed to a client"]
pub struct CallOptions {
    deadline: Option<Duration>,
    attempt_timeout: Option<Duration>,
    retries: Option<u32>,
    observers: Vec<Arc<dyn Observer>>,
    cancellations: Vec<Cancellation>,
    headers: Vec<(HeaderName, HeaderValue)>,
    query: Vec<(String, String)>,
    rejection: Option<String>,
}

impl CallOptions {
    /// Creates options that change nothing.
    pub fn new() -> CallOptions {
        CallOptions::default()
    }

    /// Sets how long a call may take in total, as [`Config::deadline`](crate::Config::deadline) does: from 1
    /// millisecond to a day.
    pub fn deadline(mut self, deadline: Duration) -> CallOptions {
        self.deadline = Some(deadline);
        self
    }

    /// Sets how long one attempt may take, as [`Config::attempt_timeout`](crate::Config::attempt_timeout) does:
    /// from 1 millisecond to a day.
    pub fn attempt_timeout(mut self, timeout: Duration) -> CallOptions {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// Sets how many times a failed call may be retried, as [`Config::retries`](crate::Config::retries) does: 100
    /// times at most. The budget of retries stays shared with the client.
    pub fn retries(mut self, retries: u32) -> CallOptions {
        self.retries = Some(retries);
        self
    }

    /// Adds an [`Observer`], or a closure. The observers of the client receive the same activities before it.
    ///
    /// # Examples
    ///
    /// The status, the headers and the duration of one call, by a [`Collector`](crate::Collector):
    ///
    /// ```
    /// use heysync::{CallOptions, Collector};
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let responses = Collector::new();
    /// let stats = client.with(CallOptions::new().observer(responses.clone())).stats()?;
    /// let response = responses.last().expect("one call was made");
    /// println!("{} mentions, in {:?}", stats.total, response.elapsed);
    /// assert_eq!(response.status.map(|status| status.as_u16()), Some(200));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn observer(mut self, observer: impl Observer + 'static) -> CallOptions {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Adds a [`Cancellation`], which stops these calls. That of the client does so, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{CallOptions, Cancellation, ErrorKind};
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let stop = Cancellation::new();
    /// let export = client.with(CallOptions::new().cancellation(&stop));
    /// stop.cancel(); // by the button "Stop", on another thread
    /// assert_eq!(export.stats().unwrap_err().kind(), ErrorKind::Cancelled);
    /// assert!(client.stats().is_ok());
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn cancellation(mut self, cancellation: &Cancellation) -> CallOptions {
        self.cancellations.push(cancellation.clone());
        self
    }

    /// Sets a header of each request. One with the same name that was set before is replaced, and one that the
    /// [`Call`](crate::Call::header) has is sent instead of it.
    ///
    /// Names and values that no header can have (a line break, a letter beyond ASCII) are rejected, and so are headers
    /// that the client must set itself:
    ///
    /// * authentication: `Authorization`, `X-API-Key`, `Cookie` and the like. Another key is another client.
    /// * framing and the connection: `Host`, `Content-Length`, `Transfer-Encoding`, `Connection`, `TE`, `Trailer`,
    ///   `Upgrade`, `Expect`, `Proxy-*`, and `Content-Encoding` and `Accept-Encoding`, which the transport sets.
    /// * `X-HTTP-Method-Override`, `X-Original-URL` and the like, which would turn the call into another one, with
    ///   another [`Safety`](crate::Safety).
    /// * `User-Agent`, which is [`Config::user_agent`](crate::Config::user_agent).
    ///
    /// An `Idempotency-Key` is for one call: set it by [`Call::header`](crate::Call::header).
    ///
    /// `Accept` replaces the usual `application/json`. `Content-Type` has to name a kind of JSON, such as
    /// `application/merge-patch+json`, and is sent with a body only.
    pub fn header(mut self, name: impl AsRef<str>, value: impl ToString) -> CallOptions {
        match extra_header::parse(name.as_ref(), &value.to_string()) {
            Ok(header) => self.headers.push(header),
            Err(why) => drop(self.rejection.get_or_insert(why)),
        }
        self
    }

    /// Adds a query parameter to each request, percent-encoded. As with [`Call::query`](crate::Call::query), a name that is
    /// given twice is sent twice. If a client that has such options already gets more of them by `with`, the new parameters
    /// replace the old ones with the same names.
    ///
    /// A parameter that the call sends itself, such as `page` or a filter, is rejected when the call is sent:
    /// services differ on which of two counts. [Positions](crate::page::Position) belong to a list with these
    /// parameters, as with filters.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{CallOptions, ErrorKind};
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let verbose = client.with(CallOptions::new().query("verbose", true));
    /// assert_eq!(verbose.mentions().count(), 137);
    ///
    /// let paged = client.with(CallOptions::new().query("page", 2));
    /// let error = paged.mentions().next().expect("one error").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn query(mut self, name: impl AsRef<str>, value: impl ToString) -> CallOptions {
        if name.as_ref().is_empty() {
            self.rejection.get_or_insert("a query parameter has no name".to_owned());
        }
        self.query.push((name.as_ref().to_owned(), value.to_string()));
        self
    }

    /// Returns `settings` with these options.
    pub(crate) fn apply_to(self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        settings.deadline = self.deadline.unwrap_or(settings.deadline);
        settings.attempt_timeout = self.attempt_timeout.unwrap_or(settings.attempt_timeout);
        settings.retries = self.retries.unwrap_or(settings.retries);
        settings.observers.extend(self.observers);
        settings.cancellations.extend(self.cancellations);
        self.headers.into_iter().for_each(|(name, value)| settings.set_header(name, value));
        settings.set_query(self.query);
        let rejection = self.rejection.or_else(|| settings.check().err());
        settings.rejection = settings.rejection.or(rejection);
        settings
    }
}

impl fmt::Debug for CallOptions {
    // A header may hold a secret of its owner.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&HeaderName> = self.headers.iter().map(|(name, _)| name).collect();
        let query: Vec<&String> = self.query.iter().map(|(name, _)| name).collect();
        f.debug_struct("CallOptions")
            .field("deadline", &self.deadline)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("retries", &self.retries)
            .field("headers", &headers)
            .field("query", &query)
            .finish_non_exhaustive()
    }
}
