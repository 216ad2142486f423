//! The client: one key, one connection pool, one token bucket.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::config::{Config, Service};
use crate::error::Result;
use crate::pipeline::Pipeline;
use crate::pipeline::answer;
use crate::pipeline::auth::{ApiKey, Scheme};
use crate::pipeline::call::Call;
use crate::pipeline::limiter::{Rate, TokenBucket};

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
#[derive(Clone, Debug)]
pub struct Client {
    pipeline: Arc<Pipeline>,
}

impl Client {
    /// Makes a client for `key`, with the defaults of [`Config`]. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) where the key is empty, cannot be a header, or
    /// does not begin with `hlt_` as all keys of Heylerts do.
    pub fn new(key: &str) -> Result<Client> {
        Client::with_config(key, Config::new())
    }

    /// Makes a client for the key in the environment variable `HEYLERTS_API_KEY`.
    ///
    /// # Errors
    ///
    /// As [`Client::new`], and where the variable is not set.
    pub fn from_env() -> Result<Client> {
        Client::from_env_with(Config::new())
    }

    /// Makes a client for `key` with a configuration of its own.
    ///
    /// # Errors
    ///
    /// As [`Client::new`], and where a value of the configuration is out of its range.
    pub fn with_config(key: &str, config: Config) -> Result<Client> {
        Client::open(ApiKey::new(key), config)
    }

    /// Makes a client for the key in `HEYLERTS_API_KEY` with a configuration of its own.
    ///
    /// # Errors
    ///
    /// As [`Client::with_config`], and where the variable is not set.
    pub fn from_env_with(config: Config) -> Result<Client> {
        Client::open(ApiKey::from_env(KEY_VARIABLE)?, config)
    }

    fn open(key: ApiKey, config: Config) -> Result<Client> {
        Ok(Client {
            pipeline: Arc::new(config.open(&HEYLERTS, key)?),
        })
    }

    /// Sends a call of the caller's own, and decodes its JSON answer.
    ///
    /// It goes through the same authentication, rate limit, retries and errors as every other call.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use heysync::{Call, heylerts};
    /// use serde_json::Value;
    ///
    /// # fn main() -> heysync::Result<()> {
    /// let client = heylerts::Client::from_env()?;
    /// let trends: Value = client.send(&Call::get(["trends"]).query("days", 7))?;
    /// # let _ = trends;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        self.pipeline.execute(call, answer::json)
    }

    /// The bucket that this client takes its tokens from: what it can tell, see
    /// [`TokenBucket::snapshot`].
    pub fn bucket(&self) -> &TokenBucket {
        &self.pipeline.bucket
    }

    /// Sends a call whose answer has no body that matters.
    pub(crate) fn send_for_nothing(&self, call: &Call) -> Result<()> {
        self.pipeline.execute(call, answer::nothing)
    }
}
