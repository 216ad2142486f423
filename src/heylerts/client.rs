//! The client: one key, one connection pool, one token bucket.

use std::error::Error as StdError;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::config::{Config, Service};
use crate::error::Result;
use crate::limiter::{Rate, TokenBucket};
use crate::pipeline::auth::{ApiKey, Scheme};
use crate::pipeline::call::Call;
use crate::pipeline::options::CallOptions;
use crate::pipeline::response::RawResponse;
use crate::pipeline::{Pipeline, response};

/// The environment variables that [`Client::from_env`] reads.
const KEY_VARIABLE: &str = "HEYLERTS_API_KEY";
const ADDRESS_VARIABLE: &str = "HEYLERTS_BASE_URL";

/// The facts of the vendor's page about the service as a whole.
const HEYLERTS: Service = Service {
    base_url: "https://heylerts.com",
    path: "/api/v1",
    hosts: &[],
    scheme: Scheme::ApiKeyHeader,
    rate: Rate::per_minute(100),
    check_key,
};

fn check_key(key: &ApiKey) -> Result<()> {
    let text = key.as_str();
    // An empty key, and one with white space or invisible characters in it, have better errors of their own.
    let is_whole = !text.is_empty() && !text.contains(char::is_whitespace);
    let is_typed = is_whole && text.is_ascii();
    match () {
        () if is_whole && text.contains(is_quote) => {
            Err(key.refused("has quotes in it: give the key without them"))
        }
        // The vendor's page: "Keys begin with hlt_".
        () if is_typed && !text.starts_with("hlt_") => {
            Err(key.refused("is no Heylerts key: those begin with hlt_"))
        }
        () if text == "hlt_" => Err(key.refused("has nothing after hlt_: copy all of it")),
        () => Ok(()),
    }
}

fn is_quote(letter: char) -> bool {
    matches!(letter, '"' | '\'' | '`' | '\u{2018}'..='\u{201f}' | '«' | '»')
}

/// A client for Heylerts.
///
/// Cloning it is cheap, and clones share one connection pool and one token bucket. It can be used from
/// any number of threads.
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// # use heysync::{Config, heylerts, sandbox};
/// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// let alerts = client.alerts().read_all()?;
/// thread::scope(|scope| {
///     for alert in &alerts {
///         let client = client.clone();
///         scope.spawn(move || println!("{}: {:?}", alert.name, client.alert_stats(&alert.id)));
///     }
/// });
/// assert_eq!(client.bucket().snapshot().granted, 4);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) pipeline: Arc<Pipeline>,
}

impl Client {
    /// Creates a client for `key`, with the defaults of [`Config`]. Nothing is sent yet.
    ///
    /// A key is made in the settings of an account, under "API Access", and shown there once. White space
    /// around it is removed.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) if the key is empty, has quotes around it, cannot be a
    /// header, or does not begin with `hlt_` as all keys of Heylerts do.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{ErrorKind, heylerts};
    ///
    /// # #[cfg(any(feature = "rustls", feature = "native-tls"))] {
    /// let client = heylerts::Client::new("hlt_your_key_here")?;
    /// # }
    /// let error = heylerts::Client::new("Bearer hlt_your_key_here").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Configuration);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn new(key: impl AsRef<str>) -> Result<Client> {
        Client::with_config(key, Config::new())
    }

    /// Creates a client for the key in the environment variable `HEYLERTS_API_KEY`.
    ///
    /// If `HEYLERTS_BASE_URL` is set, it is the base address, by the rules of [`Config::base_url`]: a program is
    /// pointed at a test server without a change.
    ///
    /// # Errors
    ///
    /// As [`Client::new`], and [`Configuration`](crate::ErrorKind::Configuration) if the variable of the key is not set, or
    /// one of the two cannot be used. The error names the variable.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// let client = heysync::heylerts::Client::from_env()?;
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn from_env() -> Result<Client> {
        Client::from_env_with(Config::new())
    }

    /// Creates a client for `key` with this configuration.
    ///
    /// # Errors
    ///
    /// As [`Client::new`], and [`Configuration`](crate::ErrorKind::Configuration) if a value of the configuration cannot be
    /// used.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Config, heylerts};
    /// use heysync::limiter::Rate;
    ///
    /// // Half of the limit, since another program uses this key too.
    /// let config = Config::new().rate(Rate::per_minute(50)).user_agent("mention-export/2.0");
    /// # let config = config.transport(heysync::sandbox::Heylerts::demo());
    /// let client = heylerts::Client::with_config("hlt_your_key_here", config)?;
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn with_config(key: impl AsRef<str>, config: Config) -> Result<Client> {
        Client::open(ApiKey::new(key.as_ref()), config)
    }

    /// Creates a client for the key in the environment variable `HEYLERTS_API_KEY`, with this configuration. The address is
    /// that in `HEYLERTS_BASE_URL`, unless the configuration has one.
    ///
    /// # Errors
    ///
    /// As [`Client::with_config`] and [`Client::from_env`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use heysync::{Config, heylerts};
    ///
    /// let client = heylerts::Client::from_env_with(Config::new().retries(0))?;
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn from_env_with(config: Config) -> Result<Client> {
        let key = ApiKey::from_env(KEY_VARIABLE)?;
        Client::open(key, config.base_url_from_env(ADDRESS_VARIABLE)?)
    }

    /// Creates a client for a key that may change: `source` returns the current key.
    ///
    /// The source is asked now, and again after a 401. If it returns another key then, the call that got the 401 is
    /// sent once more with that key, whatever its safety and [`retries`](Config::retries), since the service rejected
    /// it. Threads that get a 401 at the same time ask once and share the key. The new key starts with what is left of the tokens of the
    /// old one. Errors hide the new key and the three before it.
    ///
    /// The time that the source takes counts towards the deadline of a call, but the deadline does not interrupt it: a source that
    /// uses the network needs a timeout of its own. The other threads wait for it until their deadlines at most, or until
    /// they are cancelled.
    ///
    /// # Errors
    ///
    /// As [`Client::with_config`], and [`Configuration`](crate::ErrorKind::Configuration) if the source fails. Later, if
    /// the source fails or returns the same key again, the call fails with the 401 and a note.
    ///
    /// # Examples
    ///
    /// A key in a file, which another program replaces:
    ///
    /// ```no_run
    /// use std::fs;
    /// use heysync::{Config, heylerts};
    ///
    /// let source = || fs::read_to_string("/run/secrets/heylerts");
    /// let client = heylerts::Client::with_key_source(source, Config::new())?;
    /// # Ok::<(), heysync::Error>(())
    /// ```
    ///
    /// A service that has changed its key:
    ///
    /// ```
    /// use std::sync::Mutex;
    /// use heysync::{Config, heylerts, sandbox};
    ///
    /// let service = sandbox::Heylerts::demo().with(|state| state.keys = vec!["hlt_new".to_owned()]);
    /// let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
    /// let keys = Mutex::new(vec!["hlt_new", "hlt_old"]);
    /// let source = move || keys.lock().unwrap().pop().map(str::to_owned).ok_or("no more keys");
    /// let client = heylerts::Client::with_key_source(source, config)?;
    /// client.hello()?;
    /// assert_eq!(service.requests().len(), 2); // a 401, and the response
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn with_key_source<E>(
        source: impl Fn() -> Result<String, E> + Send + Sync + 'static,
        config: Config,
    ) -> Result<Client>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let source = Box::new(move || source().map_err(Into::into));
        Ok(Client { pipeline: Arc::new(config.open_source(&HEYLERTS, source)?) })
    }

    fn open(key: ApiKey, config: Config) -> Result<Client> {
        Ok(Client { pipeline: Arc::new(config.open(&HEYLERTS, key)?) })
    }

    /// Returns a client with other settings, for one call or for some.
    ///
    /// It shares the connections, the token bucket and the budget of retries with this client. It is cheap enough
    /// to make for a single call. The lists that it returns keep the options.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use heysync::CallOptions;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let quick = client.with(CallOptions::new().deadline(Duration::from_secs(5)).retries(0));
    /// println!("{} mentions", quick.stats()?.total);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    #[must_use]
    pub fn with(&self, options: CallOptions) -> Client {
        Client { pipeline: Arc::new(self.pipeline.with(options)) }
    }

    /// Sends a call that has no method here, and decodes the JSON response.
    ///
    /// It has the same authentication, rate limit, retries and errors as every other call. The path is below
    /// `/api/v1`. An empty body is decoded
    /// as `null`: use `()` for `T` if none is expected.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the call makes no valid request;
    /// [`Unreadable`](crate::ErrorKind::Unreadable) if the response is no `T`, or
    /// [`AppliedUnreadable`](crate::ErrorKind::AppliedUnreadable) if the call also changes something; otherwise see
    /// [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Call;
    /// use heysync::serde_json::Value;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let page: Value = client.send(&Call::get(["mentions"]).query("per_page", 1))?;
    /// assert_eq!(page["total_items"], 137);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn send<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        self.pipeline.read(call, &response::json)
    }

    /// Sends a call that has no method here, and returns the body of the response: JSON of any form, plain text, or
    /// nothing. Otherwise it is as [`send`](Client::send).
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Call, Safety};
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// # let id = client.alerts().next().expect("an alert")?.id;
    /// let call = Call::delete(["alerts", &id]).safety(Safety::Idempotent);
    /// assert_eq!(client.send_raw(&call)?.text, "");
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn send_raw(&self, call: &Call) -> Result<RawResponse> {
        let read = |body| RawResponse::read(body, call);
        self.pipeline.read(call, &read)
    }

    /// Returns the line of curl that sends `call`, for a ticket, a colleague, or a shell such as sh, bash or zsh. Nothing is
    /// sent.
    ///
    /// The key is the variable `$HEYLERTS_API_KEY`. The line has no proxy, no certificates and no timeouts. For the calls
    /// that have a method here, use a [`DryRun`](crate::DryRun); for one that failed, [`Error::curl`](crate::Error::curl).
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the call makes no valid request.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Call;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let line = client.curl(&Call::get(["mentions"]).query("per_page", 1))?;
    /// assert!(line.starts_with("curl 'https://heylerts.com/api/v1/mentions?per_page=1' -H 'accept: "));
    /// assert!(line.ends_with(r#"-H "X-API-Key: $HEYLERTS_API_KEY""#));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn curl(&self, call: &Call) -> Result<String> {
        self.pipeline.curl(call)
    }

    /// Returns the token bucket of this client.
    ///
    /// Its [`snapshot`](TokenBucket::snapshot) shows how much of the limit is left, and [`Config::bucket`] shares it
    /// with another client. Heylerts allows 100 requests per minute for each key.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// client.hello()?;
    /// assert_eq!(client.bucket().snapshot().free, 99);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn bucket(&self) -> TokenBucket {
        self.pipeline.core.keys.current().bucket.clone()
    }
}
