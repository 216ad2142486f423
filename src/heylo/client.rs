//! The client and its communities: one key, one connection pool, one token bucket.

use std::error::Error as StdError;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::config::{Config, Service};
use crate::error::Result;
use crate::limiter::{Rate, TokenBucket};
use crate::pipeline::auth::{ApiKey, Scheme};
use crate::pipeline::call::Call;
use crate::pipeline::options::CallOptions;
use crate::pipeline::response::{self, RawResponse};
use crate::pipeline::retry::Safety;
use crate::pipeline::{BeforeSending, Pipeline};

/// The environment variables that [`Client::from_env`] reads.
const KEY_VARIABLE: &str = "HEYLO_API_KEY";
const ADDRESS_VARIABLE: &str = "HEYLO_BASE_URL";

/// The name of the host that takes invites, for [`Call::host`]. It also serves `apiv1-remove`.
pub const INVITE_HOST: &str = "invites";

// The host for invites is named only by the vendor's older page. The prose of that page has typographic hyphens in
// the name; only its cURL lines can be copied.
const HEYLO: Service = Service {
    base_url: "https://api.heylo.com",
    path: "/",
    hosts: &[(INVITE_HOST, "https://us-central1-piccup-82257.cloudfunctions.net")],
    scheme: Scheme::Bearer,
    rate: Rate::per_second(5),
    check_key,
};

fn check_key(key: &ApiKey) -> Result<()> {
    // "Keys begin with hlt_", by the page of Heylerts. Sent here, such a key would reach another company.
    if key.as_str().starts_with("hlt_") {
        return Err(key.refused("is a key of Heylerts: those begin with hlt_"));
    }
    Ok(())
}

/// A client for Heylo.
///
/// Cloning it is cheap, and clones share one connection pool and one token bucket. It can be used from
/// any number of threads. All calls but [`send`](Client::send) belong to a community, which
/// [`community`](Client::community) names.
///
/// # Examples
///
/// ```no_run
/// use heysync::heylo;
///
/// let client = heylo::Client::from_env()?; // HEYLO_API_KEY
/// for role in client.community("abc123").roles()? {
///     println!("{}", role.id);
/// }
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) pipeline: Arc<Pipeline>,
}

impl Client {
    /// Creates a client for `key`, with the defaults of [`Config`]. Nothing is sent yet.
    ///
    /// Heylo's team issues one key for each community or organization. White space around it is ignored, so a
    /// key may be read from a file as it is.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) if the key is empty, cannot be a header, or is a key
    /// of Heylerts.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{ErrorKind, heylo};
    ///
    /// # #[cfg(any(feature = "rustls", feature = "native-tls"))] {
    /// let client = heylo::Client::new("an-api-key\n")?;
    /// assert!(!format!("{client:?}").contains("an-api-key"));
    /// # }
    ///
    /// let swapped = heylo::Client::new("hlt_a_key_of_heylerts").unwrap_err();
    /// assert_eq!(swapped.kind(), ErrorKind::Configuration);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn new(key: impl AsRef<str>) -> Result<Client> {
        Client::with_config(key, Config::new())
    }

    /// Creates a client for the key in the environment variable `HEYLO_API_KEY`.
    ///
    /// If `HEYLO_BASE_URL` is set, it is the base address, by the rules of [`Config::base_url`]: a program is
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
    /// let client = heysync::heylo::Client::from_env()?;
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
    /// A client for a test: the sandbox in place of the network, and a clock that takes no time.
    ///
    /// ```
    /// use heysync::{Config, heylo, sandbox};
    ///
    /// let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// let client = heylo::Client::with_config("any-key", config)?;
    /// assert_eq!(client.community("harbour-runners").roles()?.len(), 3);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn with_config(key: impl AsRef<str>, config: Config) -> Result<Client> {
        Client::open(ApiKey::new(key.as_ref()), config)
    }

    /// Creates a client for the key in the environment variable `HEYLO_API_KEY`, with this configuration. The address is
    /// that in `HEYLO_BASE_URL`, unless the configuration has one.
    ///
    /// # Errors
    ///
    /// As [`Client::with_config`] and [`Client::from_env`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use heysync::{Config, heylo};
    ///
    /// let client = heylo::Client::from_env_with(Config::new().user_agent("roster-sync/1.4"))?;
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
    /// use heysync::{Config, heylo};
    ///
    /// let source = || fs::read_to_string("/run/secrets/heylo");
    /// let client = heylo::Client::with_key_source(source, Config::new())?;
    /// # Ok::<(), heysync::Error>(())
    /// ```
    ///
    /// A service that has changed its key:
    ///
    /// ```
    /// use std::sync::Mutex;
    /// use heysync::{Config, heylo, sandbox};
    ///
    /// let service = sandbox::Heylo::demo().with(|state| state.keys = vec!["new-key".to_owned()]);
    /// let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
    /// let keys = Mutex::new(vec!["new-key", "old-key"]);
    /// let source = move || keys.lock().unwrap().pop().map(str::to_owned).ok_or("no more keys");
    /// let client = heylo::Client::with_key_source(source, config)?;
    /// client.community("harbour-runners").roles()?;
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
        Ok(Client { pipeline: Arc::new(config.open_source(&HEYLO, source)?) })
    }

    fn open(key: ApiKey, config: Config) -> Result<Client> {
        Ok(Client { pipeline: Arc::new(config.open(&HEYLO, key)?) })
    }

    /// Returns a client with other settings, for one call or for some.
    ///
    /// It shares the connections, the token bucket and the budget of retries with this client. It is cheap enough
    /// to make for a single call. The communities and lists that it returns keep the options.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use heysync::CallOptions;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylo::Client::with_config("key", config)?;
    /// let quick = client.with(CallOptions::new().deadline(Duration::from_secs(5)).retries(0));
    /// let community = quick.community("harbour-runners");
    /// println!("{} roles", community.roles()?.len());
    /// # Ok::<(), heysync::Error>(())
    /// ```
    #[must_use]
    pub fn with(&self, options: CallOptions) -> Client {
        Client { pipeline: Arc::new(self.pipeline.with(options)) }
    }

    /// Sends a call that has no method here, and decodes the JSON response.
    ///
    /// It has the same authentication, rate limit, retries and errors as every other call. A `POST` is [`Safety::Unsafe`](crate::Safety)
    /// unless [`Call::safety`] sets another. An empty body is decoded
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
    /// use heysync::{Call, Safety};
    /// use heysync::serde_json::{Value, json};
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylo::Client::with_config("key", config)?;
    /// let call = Call::post(["apiv1-fetch"])
    ///     .json(&json!({"type": "communityRoles", "communityId": "harbour-runners"}))
    ///     .safety(Safety::Read);
    /// let response: Value = client.send(&call)?;
    /// assert_eq!(response["roles"][1]["name"], "Captains");
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
    /// use heysync::serde_json::json;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylo::Client::with_config("key", config)?;
    /// let call = Call::post(["apiv1-remove"])
    ///     .json(&json!({"type": "member", "communityId": "harbour-runners", "userId": "user-7"}))
    ///     .safety(Safety::Idempotent);
    /// let response = client.send_raw(&call)?;
    /// println!("{}", response.text);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn send_raw(&self, call: &Call) -> Result<RawResponse> {
        let read = |body| RawResponse::read(body, call);
        self.pipeline.read(call, &read)
    }

    /// As [`send_raw`](Client::send_raw), and calls `before_sending` once, right before the first request is sent.
    pub(crate) fn send_raw_recorded<'a>(
        &'a self,
        call: &'a Call,
        before_sending: BeforeSending<'a>,
    ) -> Result<RawResponse> {
        let read = |body| RawResponse::read(body, call);
        Ok(self.pipeline.execute_recorded(call, &read, Some(before_sending))?.value)
    }

    /// Returns the line of curl that sends `call`, for a ticket, a colleague, or a shell such as sh, bash or zsh. Nothing is
    /// sent.
    ///
    /// The key is the variable `$HEYLO_API_KEY`. The line has no proxy, no certificates and no timeouts. For the calls
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
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylo::Client::with_config("key", config)?;
    /// let roles = heysync::serde_json::json!({"type": "communityRoles", "communityId": "abc123"});
    /// let line = client.curl(&Call::post(["apiv1-fetch"]).json(&roles))?;
    /// assert!(line.starts_with("curl -X POST 'https://api.heylo.com/apiv1-fetch' -H 'accept: "));
    /// assert!(line.contains(r#"-H "Authorization: Bearer $HEYLO_API_KEY""#));
    /// assert!(line.ends_with(r#"--data-raw '{"communityId":"abc123","type":"communityRoles"}'"#));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn curl(&self, call: &Call) -> Result<String> {
        self.pipeline.curl(call)
    }

    /// Returns the token bucket of this client.
    ///
    /// Its [`snapshot`](TokenBucket::snapshot) shows how much of the limit is left, and [`Config::bucket`] shares
    /// it with another client. Heylo allows 5 requests a second, all endpoints together.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylo::Client::with_config("key", config)?;
    /// client.community("harbour-runners").roles()?;
    /// let limit = client.bucket().snapshot();
    /// assert_eq!((limit.rate.requests(), limit.free), (5, 4));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn bucket(&self) -> TokenBucket {
        self.pipeline.core.keys.current().bucket.clone()
    }
}

/// A community, by its id. Heylo also calls it a group.
///
/// Nothing is sent to make one, and cloning it is cheap.
///
/// # Examples
///
/// ```
/// # use heysync::{Config, heylo, sandbox};
/// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
/// # let client = heylo::Client::with_config("key", config)?;
/// let community = client.community("harbour-runners");
/// let captains = community.role("captains").members()?;
/// assert_eq!(captains, ["user-1", "user-2", "user-3", "user-4"]);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Community {
    client: Client,
    id: String,
}

impl Client {
    /// Returns a handle for the community with this id: `communityId`.
    ///
    /// Nothing is sent. The first call rejects an empty id; Heylo rejects an id that it does not know.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let client = heylo::Client::with_config("key", config)?;
    /// let nowhere = client.community("");
    /// assert_eq!(nowhere.roles().unwrap_err().kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn community(&self, id: impl AsRef<str>) -> Community {
        Community { client: self.clone(), id: id.as_ref().to_owned() }
    }
}

impl Community {
    /// Returns the id of the community.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Builds a call about this community; `kind` is the `type` that selects the operation, and an empty id is
    /// rejected, as is one with blanks around it. Every other id is for Heylo to judge.
    pub(crate) fn call(
        &self,
        endpoint: &str,
        kind: &str,
        ids: &[(&str, &str)],
        fields: Map<String, Value>,
    ) -> Call {
        let mut body = fields;
        body.extend(ids.iter().map(|(name, id)| ((*name).to_owned(), (*id).into())));
        // These two last, so that no parameter of a caller selects another operation or community.
        body.insert("type".to_owned(), kind.into());
        body.insert("communityId".to_owned(), self.id.as_str().into());
        let call = Call::post([endpoint]).json(&body).require("communityId", &self.id);
        ids.iter().fold(call, |call, (name, id)| call.require(name, id))
    }

    /// Builds a call that only reads.
    pub(crate) fn read(&self, kind: &str, ids: &[(&str, &str)]) -> Call {
        self.call("apiv1-fetch", kind, ids, Map::new()).safety(Safety::Read)
    }
}
