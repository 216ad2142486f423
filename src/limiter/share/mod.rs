//! Shares: rate limits that several processes keep together.
//!
//! * `file`: tokens in a file. `state` is what is in it, `record` how it is written, `process` who may write it,
//!   `presence` how processes of other containers see that it lives.
//! * `redis`: tokens in Redis, for several machines.
//! * `fallback`: tokens for the time when the shared ones cannot be reached.

mod fallback;
#[cfg(feature = "share")]
pub(crate) mod file;
#[cfg(feature = "share")]
mod presence;
#[cfg(feature = "share")]
pub(crate) mod process;
#[cfg(feature = "share")]
pub(crate) mod record;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "share")]
pub(crate) mod state;

use std::fmt;
#[cfg(feature = "share")]
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::error::{Error, Result};

use super::rate::Rate;
use super::store::TokenStore;
use fallback::Fallback;
#[cfg(feature = "share")]
use file::FileStore;
#[cfg(feature = "redis")]
use redis::RedisPlace;

/// Where several processes keep the tokens of one key, and what happens if they cannot be reached.
///
/// [`Config::share`](crate::Config::share) takes one.
#[cfg_attr(
    all(feature = "sandbox", feature = "webhook"),
    doc = "The chapter [*Sharing a key*](crate::guide::sharing_a_key) of the guide compares what each kind guarantees,"
)]
#[cfg_attr(
    all(feature = "sandbox", feature = "webhook"),
    doc = "what it costs, and what happens when it fails."
)]
///
/// # Examples
///
/// All processes of this user on this machine keep to one limit together:
///
/// ```no_run
/// use heysync::limiter::Share;
/// use heysync::{Config, heylo};
///
/// # #[cfg(feature = "share")] {
/// let client = heylo::Client::with_config("an-api-key", Config::new().share(Share::file()))?;
/// # }
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Share {
    place: Place,
    if_unavailable: IfUnavailable,
}

/// The fate of a call while the shared tokens cannot be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum IfUnavailable {
    /// It fails with an error of the kind [`SharedLimit`](crate::ErrorKind::SharedLimit). Nothing is sent. The default.
    #[default]
    Fail,
    /// It is sent, with tokens of this process's own: a `fraction` of the rate, above 0 and at most 1.
    ///
    /// All such processes together stay inside the limit if their fractions add up to 1 at most, and each allows one request
    /// in a period or more of each limit: less than one is one request in a longer period, and those of several processes may
    /// come together. The service counts other requests beside theirs:
    ///
    /// * those that were sent with shared tokens before, until a period after the last of them reached the service;
    /// * those of processes that can still reach the shared tokens, or reach them again earlier: up to the whole limit.
    Proceed {
        /// The part of the rate that this process may use meanwhile.
        fraction: f64,
    },
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    /// A file in this folder, or in the user's own.
    #[cfg(feature = "share")]
    File(Option<PathBuf>),
    #[cfg(feature = "redis")]
    Redis(RedisPlace),
}

impl Share {
    /// Shares by a file in the user's state directory: among all processes of this user on this machine.
    ///
    /// The folder is `$XDG_STATE_HOME/heysync` or `~/.local/state/heysync`, on macOS
    /// `~/Library/Application Support/heysync`, on Windows `%LOCALAPPDATA%\\heysync`.
    #[cfg(feature = "share")]
    #[cfg_attr(docsrs, doc(cfg(feature = "share")))]
    pub fn file() -> Share {
        Share { place: Place::File(None), if_unavailable: IfUnavailable::default() }
    }

    /// Shares by a file in `folder`, which is created if it is not there. A relative path is resolved
    /// now, against the current directory.
    ///
    /// It must be on a disk of this machine, and all processes that share must run as one user. If two machines use one
    /// folder at the same time, the later one gets errors of the kind [`SharedLimit`](crate::ErrorKind::SharedLimit).
    ///
    /// All processes together have 1,000 requests under way at most, whatever the rate is; the others wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::limiter::{IfUnavailable, Share};
    /// use heysync::{Config, heylerts, sandbox};
    ///
    /// # let folder = std::env::temp_dir().join(format!("heysync-doc-{}", std::process::id()));
    /// # let kept = folder.clone();
    /// // If the folder cannot be used, go on with a fifth of the limit.
    /// let share = Share::file_in(folder).if_unavailable(IfUnavailable::Proceed { fraction: 0.2 });
    /// let config = Config::new().share(share).transport(sandbox::Heylerts::demo());
    /// let client = heylerts::Client::with_config("hlt_key_for_share", config)?;
    /// client.hello()?;
    /// assert_eq!(client.bucket().snapshot().free, 99);
    /// # std::fs::remove_dir_all(kept).ok();
    /// # Ok::<(), heysync::Error>(())
    /// ```
    #[cfg(feature = "share")]
    #[cfg_attr(docsrs, doc(cfg(feature = "share")))]
    pub fn file_in(folder: impl Into<PathBuf>) -> Share {
        let folder = folder.into();
        // A program that runs in the background may change its directory.
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        Share { place: Place::File(Some(folder)), if_unavailable: IfUnavailable::default() }
    }

    /// Shares by a Redis server: among all processes, on all machines, that use the same server and database.
    ///
    /// The URL is `redis://user:password@host:port/database`, or `rediss://` for TLS, which needs the feature `rustls` and
    /// trusts what the operating system trusts. `redis+unix:///path` is a socket. Nothing is connected before the first
    /// request. The password shows in no error, log or `Debug`. A user of Redis needs these rights:
    /// `~heysync:* +@read +@write +eval +evalsha +info +time`.
    ///
    /// # What it guarantees
    ///
    /// The service counts at most N requests in any window of a period, whichever machines send them. The tokens are kept on
    /// the server's clock, so the clocks of the machines may differ. A machine that waits has a place in a queue; one that
    /// misses its turn by more than a tenth of a second is passed over, and one that cannot wait until its turn takes no place.
    /// After N requests in a row, those that wait are served P/N apart, less two round trips to the server. A pause after a 429
    /// holds for all machines, but one that was granted a token before the pause uses it, up to two fifths of a second later.
    ///
    /// Numbers of the service that its own successes contradict are ignored for ten periods, as by a bucket in memory. The last
    /// 128 successes are remembered at most: a stated limit of more is obeyed, even if it is too low.
    ///
    /// A token is leased for a second and a half, and a thread renews the leases of requests that take longer: without that
    /// thread nothing is sent. The token of a process that died is back after its lease, the
    /// [grace](super::TokenBucket::set_grace) and a period.
    ///
    /// If the server loses or evicts its data, starts again, or is replaced by another one, requests that it knows nothing
    /// about may just have been sent. Then it gives no token for one period, and for a second at least; meanwhile the
    /// processes that live report their requests again, also those that they gave up and that may still arrive. The same is
    /// true of a server that no client has used in the last month, and of each new key on a server that has evicted others
    /// for want of memory: **the first request waits for a period**, which for Heylerts is a minute.
    ///
    /// Three things are assumed. If one is not so, N + 1 requests may be counted in one window:
    ///
    /// * The server's clock is not set forward.
    /// * A process that ends or is stopped up to the grace before a loss of the data, or up to half a second after it, before
    ///   it has reported its requests, has none that still arrives.
    /// * The requests of a process that cannot reach the server arrive within their leases and the grace: it is taken for one
    ///   that died. If no process could reach the server, each has a second after that to renew its leases.
    ///
    /// Of several limits of a program, only the shortest period is waited for; the longer limits start anew. If programs
    /// have different rates, the longest of these periods is waited for. The server learns the rates again from the programs:
    /// each one sends its own rate with its next call, and with the call after that the rates that it knew before the loss.
    /// If nobody who knows a rate calls before the wait ends, its limit starts anew, and up to N requests may be counted
    /// beside those from before the loss.
    ///
    /// # What it costs
    ///
    /// A request that finds a token waits for one round trip. One that has to wait in line waits for two, if responses arrive
    /// within a fifth of a second: one to join the line, and one up to a fifth of a second before its token is free, by which
    /// the token is granted for that moment. If the responses to others' requests take longer, it asks once more. The end of a request
    /// is sent without waiting for the reply. So a request is two calls of Redis, or three to four in line; with 50 machines that
    /// always want more, 4.3. A request that takes longer than half a second renews its lease twice a second, and requests that
    /// were given up are reported again each half second until the grace is over: all of a process by one call.
    ///
    /// A call occupied a server for 25 to 75 µs, measured with Redis 7.0 on a virtual machine with two cores; all clients of
    /// one key use one server. A key takes 1 to 6 kB with up to 50 machines and 5 tokens, and about 130 bytes for each further
    /// token that is out, until ten periods after its last use. So 100,000 keys in use at the same time take a few hundred
    /// megabytes. Keys have nothing to do with each other: what is too much for one server is divided among several, a group of
    /// keys for each. A Redis cluster is not supported.
    ///
    /// # When Redis is away
    ///
    /// A call waits for Redis for up to three seconds, and never more than 50 ms beyond its deadline, unless the reply arrives
    /// in pieces: each of them may take the time that was left. After that, calls fail at once with
    /// [`SharedLimit`](crate::ErrorKind::SharedLimit), or are sent on [their own share](IfUnavailable::Proceed) of the limit. A
    /// wrong password, a cluster, or a user that may not call `INFO`, by which a loss of the data is noticed, fails at once.
    ///
    /// Calls that wait go on within a second after Redis is back, or a second and a half if its address has changed; and after
    /// the period in which it gives no token, if it does so.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use heysync::limiter::Share;
    /// use heysync::{Config, heylo};
    ///
    /// let url = std::env::var("REDIS_URL").unwrap_or_default();
    /// let config = Config::new().share(Share::redis(url).prefix("roster"));
    /// let client = heylo::Client::with_config("key", config)?;
    /// # Ok::<(), heysync::Error>(())
    /// ```
    #[cfg(feature = "redis")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
    pub fn redis(url: impl Into<String>) -> Share {
        let place = Place::Redis(RedisPlace::new(url.into()));
        Share { place, if_unavailable: IfUnavailable::default() }
    }

    /// Sets the first part of the names of all keys in Redis. Default: `heysync`. Clients with different prefixes share
    /// no tokens.
    ///
    /// A key is named by this and by a hash of the service, its address and the API key. A file has no prefix: there it
    /// changes nothing.
    #[cfg(feature = "redis")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Share {
        match &mut self.place {
            Place::Redis(place) => place.set_prefix(prefix.into()),
            #[cfg(feature = "share")]
            Place::File(_) => {}
        }
        self
    }

    /// Sets what happens to a call while the shared tokens cannot be reached. Default: [`IfUnavailable::Fail`].
    pub fn if_unavailable(mut self, choice: IfUnavailable) -> Share {
        self.if_unavailable = choice;
        self
    }

    /// Whether two shares keep their tokens in the same place, and do the same if it cannot be reached.
    pub(crate) fn key(&self) -> String {
        match &self.place {
            // Two shares may differ in the password only, which `Debug` does not show.
            #[cfg(feature = "redis")]
            Place::Redis(place) => format!("{self:?}{}", place.identity()),
            #[cfg(feature = "share")]
            Place::File(_) => format!("{self:?}"),
        }
    }

    /// Opens the store of the tokens that `id` names. Nothing is read or written before the store is used.
    pub(crate) fn open(
        &self,
        id: &ShareId,
        rate: Rate,
        clock: &Arc<dyn Clock>,
    ) -> Result<Arc<dyn TokenStore>> {
        let shared: Arc<dyn TokenStore> = match &self.place {
            #[cfg(feature = "share")]
            Place::File(folder) => {
                let folder = folder.clone().map_or_else(user_folder, Ok)?;
                FileStore::open(folder.join(format!("{id}.tokens")), rate)
            }
            #[cfg(feature = "redis")]
            Place::Redis(place) => place.open(id, rate, clock)?,
        };
        match self.if_unavailable {
            IfUnavailable::Fail => Ok(shared),
            IfUnavailable::Proceed { fraction } if fraction > 0.0 && fraction <= 1.0 => {
                Ok(Arc::new(Fallback::new(shared, rate, fraction, Arc::clone(clock))))
            }
            IfUnavailable::Proceed { .. } => {
                Err(Error::configuration("the fraction of a share must be above 0 and at most 1"))
            }
        }
    }
}

/// The folder for the files of this user's programs that matter for a while.
#[cfg(feature = "share")]
fn user_folder() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let in_home = |folder: &str| std::env::home_dir().map(|home| home.join(folder));
    let folder = match () {
        () if cfg!(windows) => set("LOCALAPPDATA"),
        () if cfg!(target_vendor = "apple") => in_home("Library/Application Support"),
        () => set("XDG_STATE_HOME").or_else(|| in_home(".local/state")),
    };
    let folder = folder.filter(|it| it.is_absolute()).map(|it| it.join("heysync"));
    folder.ok_or_else(|| {
        Error::configuration("this user has no state directory for a share: name a folder")
            .with_hint("use Share::file_in")
    })
}

/// The name of the tokens of one key at one service: a hash of both, which shows neither.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ShareId(String);

impl ShareId {
    /// `address` is the normalized one, so that all its spellings have one name.
    pub(crate) fn new(service: &str, address: &str, key: &str) -> ShareId {
        let mut hash = Sha256::new();
        for part in [service, address, key] {
            // With their lengths, no two lists of parts are the same bytes.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        ShareId(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for ShareId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(all(test, feature = "share"))]
mod tests {
    use super::*;

    #[test]
    fn a_relative_folder_is_in_the_directory_in_which_it_was_named() {
        let here = std::env::current_dir().expect("a directory");
        assert_eq!(Share::file_in("tokens"), Share::file_in(here.join("tokens")));
    }
}
