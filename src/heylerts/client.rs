//! The client: one key, one connection pool, one token bucket.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::{Config, Service};
use crate::error::{Error, Result};
use crate::limiter::{Rate, TokenBucket};
use crate::pipeline::Pipeline;
use crate::pipeline::answer;
use crate::pipeline::auth::{ApiKey, Scheme};
use crate::pipeline::call::Call;

/// The environment variable that [`Client::from_env`] reads.
const KEY_VARIABLE: &str = "HEYLERTS_API_KEY";

/// What the vendor's page says of the service as a whole.
const HEYLERTS: Service = Service {
    base_url: "https://heylerts.com",
    path: "/api/v1",
    invite_base_url: None,
    scheme: Scheme::ApiKeyHeader,
    rate: Rate::per_minute(100),
    check_key,
};

fn check_key(key: &ApiKey) -> Result<()> {
    // "Keys begin with hlt_", says the page. An empty one has a better error of its own.
    let is_plausible = key.as_str().is_empty() || key.as_str().starts_with("hlt_");
    if is_plausible {
        return Ok(());
    }
    Err(key.refused("is no Heylerts key: those begin with hlt_"))
}

/// A client of Heylerts.
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
/// thread::scope(|scope| {
///     for alert in client.alerts().flatten() {
///         let client = &client;
///         scope.spawn(move || println!("{}: {:?}", alert.name, client.alert_stats(&alert.id)));
///     }
/// });
/// assert_eq!(client.bucket().snapshot().granted, 4);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    pipeline: Arc<Pipeline>,
}

impl Client {
    /// Makes a client for `key`, with the defaults of [`Config`]. Nothing is sent yet.
    ///
    /// A key is made in the settings of an account, under "API Access", and shown there once. White space
    /// around it is dropped.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) where the key is empty, cannot be a header, or
    /// does not begin with `hlt_` as all keys of Heylerts do.
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
    pub fn new(key: &str) -> Result<Client> {
        Client::with_config(key, Config::new())
    }

    /// Makes a client for the key in the environment variable `HEYLERTS_API_KEY`.
    ///
    /// # Errors
    ///
    /// As [`Client::new`], and where the variable is not set.
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

    /// Makes a client for `key` with a configuration of its own.
    ///
    /// # Errors
    ///
    /// As [`Client::new`], and where a value of the configuration is out of its range.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Config, Rate, heylerts};
    ///
    /// // Half of the limit, for something else uses this key too.
    /// let config = Config::new().rate(Rate::per_minute(50)).user_agent("mention-export/2.0");
    /// # let config = config.transport(heysync::sandbox::Heylerts::demo());
    /// let client = heylerts::Client::with_config("hlt_your_key_here", config)?;
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn with_config(key: &str, config: Config) -> Result<Client> {
        Client::open(ApiKey::new(key), config)
    }

    /// Makes a client for the key in `HEYLERTS_API_KEY` with a configuration of its own.
    ///
    /// # Errors
    ///
    /// As [`Client::with_config`], and where the variable is not set.
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
        Client::open(ApiKey::from_env(KEY_VARIABLE)?, config)
    }

    fn open(key: ApiKey, config: Config) -> Result<Client> {
        Ok(Client { pipeline: Arc::new(config.open(&HEYLERTS, key)?) })
    }

    /// Sends a call of the caller's own, and decodes its JSON answer. An empty answer is read as `null`: ask for
    /// `()` where nothing comes.
    ///
    /// It goes through the same authentication, rate limit, retries and errors as every other call. The path
    /// is taken below `/api/v1`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where the call makes no valid address;
    /// [`Unreadable`](crate::ErrorKind::Unreadable), or
    /// [`AppliedUnreadable`](crate::ErrorKind::AppliedUnreadable) for a call that changes something, where the
    /// answer is no `T`; else see [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::Call;
    /// use serde_json::Value;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylerts::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// let page: Value = client.send(&Call::get(["mentions"]).query("per_page", 1))?;
    /// assert_eq!(page["total_items"], 137);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn send<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        self.pipeline.execute(call, answer::json)
    }

    /// Returns the bucket that this client takes its tokens from.
    ///
    /// Its [`snapshot`](TokenBucket::snapshot) tells how much of the limit is left, and a
    /// [`Config::bucket`] hands it to another client. Heylerts allows 100 requests a minute for each key.
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
    pub fn bucket(&self) -> &TokenBucket {
        &self.pipeline.bucket
    }

    /// The error of an item of a listing that could not be decoded.
    pub(crate) fn unreadable_item(
        &self,
        call: String,
        item: &Value,
        cause: serde_json::Error,
    ) -> Error {
        self.pipeline.unreadable_item(call, item, cause)
    }

    /// Sends a call whose answer has no body that matters.
    pub(crate) fn send_ignoring_body(&self, call: &Call) -> Result<()> {
        self.pipeline.execute(call, answer::nothing)
    }
}
