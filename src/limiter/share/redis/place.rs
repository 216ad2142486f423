//! Where the tokens are: the URL of a server, and the prefix of the keys there.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex};

use redis::{Client, ConnectionAddr, IntoConnectionInfo, RedisError};

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::limiter::rate::Rate;
use crate::limiter::store::TokenStore;

use super::connection::Connections;
use super::known::Known;
use super::script::{Keys, Script};
use super::session::{LONGEST_CALL, Session};
use super::store::RedisStore;

const FORM: &str = "its form is redis://user:password@host:port/database";

/// The prefix of all keys, if none is set.
const PREFIX: &str = "heysync";

/// A Redis server, and the prefix of the keys there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RedisPlace {
    url: String,
    prefix: String,
}

impl RedisPlace {
    pub(crate) fn new(url: String) -> RedisPlace {
        RedisPlace { url, prefix: PREFIX.to_owned() }
    }

    pub(crate) fn set_prefix(&mut self, prefix: String) {
        self.prefix = prefix;
    }

    /// Returns the URL and the prefix, with the password: not to be shown.
    pub(crate) fn identity(&self) -> String {
        format!("{}\n{}", self.url, self.prefix)
    }

    /// Opens the store of the tokens that `id` names, without connecting.
    pub(crate) fn open(
        &self,
        id: &impl fmt::Display,
        rate: Rate,
        clock: &Arc<dyn Clock>,
    ) -> Result<Arc<dyn TokenStore>> {
        let connections = Arc::new(self.connections()?);
        Ok(Arc::new(RedisStore::new(Session {
            connections,
            script: Script::new(),
            keys: self.keys(id),
            clock: Arc::clone(clock),
            is_cautious: true,
            has_worker: true,
            longest_call: LONGEST_CALL,
            known: Mutex::new(Known::new(rate)),
            changed: Condvar::new(),
        })))
    }

    pub(super) fn connections(&self) -> Result<Connections> {
        let info =
            self.url.as_str().into_connection_info().map_err(|error| self.invalid(&error))?;
        let settings = info.redis_settings().clone();
        let secret = settings.password().map(str::to_owned);
        let address = address(info.addr());
        let info = info.set_redis_settings(settings.set_skip_set_lib_name());
        let client = Client::open(info).map_err(|error| self.invalid(&error))?;
        Ok(Connections::new(client, address, secret))
    }

    fn invalid(&self, error: &RedisError) -> Error {
        let text = error.to_string();
        let (reason, hint) = match url::Url::parse(&self.url) {
            Err(_) => ("is no URL".to_owned(), FORM),
            Ok(_) if text.contains("TLS") => ("needs TLS".to_owned(), "enable the feature rustls"),
            // After the reason, the library names its own type of it.
            Ok(_) => {
                (format!("cannot be used: {}", text.split(" - ").next().unwrap_or_default()), FORM)
            }
        };
        Error::configuration(format!("the Redis URL {reason}")).with_hint(hint)
    }

    /// All keys of a bucket are in one slot.
    pub(super) fn keys(&self, id: &impl fmt::Display) -> Keys {
        let key = |name| format!("{}:{{{id}}}:{name}", self.prefix);
        let server = format!("{}:server", self.prefix);
        let [tokens, state, line, turns, rates, admitted] =
            ["tokens", "state", "line", "turns", "rates", "admitted"].map(key);
        [tokens, state, line, turns, rates, server, admitted]
    }
}

fn address(address: &ConnectionAddr) -> String {
    match address {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. }
            if host.contains(':') =>
        {
            format!("[{host}]:{port}")
        }
        ConnectionAddr::Tcp(host, port) => format!("{host}:{port}"),
        ConnectionAddr::TcpTls { host, port, .. } => format!("{host}:{port}"),
        ConnectionAddr::Unix(path) => path.display().to_string(),
        _ => "its address".to_owned(),
    }
}

impl fmt::Debug for RedisPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.url.as_str().into_connection_info();
        let address = info.map_or("an invalid URL".to_owned(), |info| address(info.addr()));
        f.debug_struct("Redis").field("address", &address).field("prefix", &self.prefix).finish()
    }
}
