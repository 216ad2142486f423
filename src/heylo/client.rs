//! The client: one key, one connection pool, one token bucket.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::reply::{Reply, read_reply};
use crate::config::{Config, Service};
use crate::error::Result;
use crate::pipeline::Pipeline;
use crate::pipeline::answer;
use crate::pipeline::auth::{ApiKey, Scheme};
use crate::pipeline::call::Call;
use crate::pipeline::limiter::{Rate, TokenBucket};

/// The environment variable that [`Client::from_env`] reads.
const KEY_VARIABLE: &str = "HEYLO_API_KEY";

/// What the vendor's pages say of the service as a whole. The host for invites is named only by the older
/// of the two.
const HEYLO: Service = Service {
    base_url: "https://api.heylo.com",
    path: "/",
    invite_base_url: Some("https://us-central1-piccup-82257.cloudfunctions.net"),
    scheme: Scheme::Bearer,
    rate: Rate::per_second(5),
    check_key,
};

fn check_key(key: &ApiKey) -> Result<()> {
    if key.as_str().starts_with("hlt_") {
        return Err(key.refused("is a key of Heylerts: those begin with hlt_"));
    }
    Ok(())
}

/// A client of Heylo.
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
    /// is one of Heylerts.
    pub fn new(key: &str) -> Result<Client> {
        Client::with_config(key, Config::new())
    }

    /// Makes a client for the key in the environment variable `HEYLO_API_KEY`.
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

    /// Makes a client for the key in `HEYLO_API_KEY` with a configuration of its own.
    ///
    /// # Errors
    ///
    /// As [`Client::with_config`], and where the variable is not set.
    pub fn from_env_with(config: Config) -> Result<Client> {
        Client::open(ApiKey::from_env(KEY_VARIABLE)?, config)
    }

    fn open(key: ApiKey, config: Config) -> Result<Client> {
        Ok(Client {
            pipeline: Arc::new(config.open(&HEYLO, key)?),
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
    /// use heysync::{Call, Safety, heylo};
    /// use serde_json::{Value, json};
    ///
    /// # fn main() -> heysync::Result<()> {
    /// let client = heylo::Client::from_env()?;
    /// let call = Call::post(["apiv1-fetch"])
    ///     .json(&json!({"type": "communityPolls", "communityId": "abc123"}))?
    ///     .safety(Safety::Read);
    /// let polls: Value = client.send(&call)?;
    /// # let _ = polls;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        self.pipeline.execute(call, answer::json)
    }

    /// As [`send`](Client::send), and tells whether an earlier attempt may have taken effect.
    pub(crate) fn send_telling<T: DeserializeOwned>(&self, call: &Call) -> Result<(T, bool)> {
        self.pipeline.execute_telling(call, answer::json)
    }

    /// The bucket that this client takes its tokens from: what it can tell, see
    /// [`TokenBucket::snapshot`].
    pub fn bucket(&self) -> &TokenBucket {
        &self.pipeline.bucket
    }

    /// Sends a call whose answer may be anything.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind).
    pub fn send_for_reply(&self, call: &Call) -> Result<Reply> {
        self.pipeline.execute(call, read_reply)
    }
}
