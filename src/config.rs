//! What can be chosen of a client, and how a choice becomes a [`Pipeline`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use url::{Host, Url};

use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::limiter::{Rate, TokenBucket};
use crate::pipeline::Pipeline;
use crate::pipeline::auth::{ApiKey, Auth, Scheme};
use crate::pipeline::observer::Observer;
use crate::pipeline::retry::RetryBudget;
use crate::pipeline::transport::Transport;
use crate::pipeline::transport_options::TransportOptions;
use crate::pipeline::ureq_transport::UreqTransport;

/// The longest time that can be set for anything. It keeps `Instant + Duration` from overflowing, too.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The most retries that can be set.
const MOST_RETRIES: u32 = 100;

/// What can be chosen of a client. The defaults are right for a script.
///
/// A plain value: each method changes one thing and hands it on. Values out of range are told when the
/// client is built, as an error of the kind [`Configuration`](crate::ErrorKind::Configuration). One
/// configuration can be cloned for several clients.
///
/// | what | default | bounds |
/// |---|---|---|
/// | [`connect_timeout`](Config::connect_timeout) | 10 seconds | 1 millisecond to a day |
/// | [`attempt_timeout`](Config::attempt_timeout) | 30 seconds | 1 millisecond to a day |
/// | [`deadline`](Config::deadline) | 180 seconds | 1 millisecond to a day |
/// | [`retries`](Config::retries) | 4 | 0 to 100 |
/// | [`rate`](Config::rate) | the service's | 1 to 10,000 requests in 1 millisecond to a day |
/// | [`max_body`](Config::max_body) | 10 MiB | 1 byte and up |
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use heysync::{Config, heylo};
///
/// let config = Config::new()
///     .user_agent("roster-sync/1.4")
///     .deadline(Duration::from_secs(60))
///     .retries(5);
/// # let config = config.transport(heysync::sandbox::Heylo::demo());
/// let client = heylo::Client::with_config("an-api-key", config)?;
/// # Ok::<(), heysync::Error>(())
/// ```
///
/// What is out of range is told when the client is built:
///
/// ```
/// use heysync::{Config, ErrorKind, heylo};
///
/// let error = heylo::Client::with_config("an-api-key", Config::new().retries(1000)).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Configuration);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Config {
    base_url: Option<String>,
    invite_base_url: Option<String>,
    user_agent: Option<String>,
    attempt_timeout: Duration,
    deadline: Duration,
    retries: u32,
    rate: Option<Rate>,
    bucket: Option<TokenBucket>,
    transport: Option<Arc<dyn Transport>>,
    transport_options: TransportOptions,
    clock: Option<Arc<dyn Clock>>,
    observer: Option<Arc<dyn Observer>>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            base_url: None,
            invite_base_url: None,
            user_agent: None,
            attempt_timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(180),
            retries: 4,
            rate: None,
            bucket: None,
            transport: None,
            transport_options: TransportOptions::default(),
            clock: None,
            observer: None,
        }
    }
}

impl Config {
    /// Makes a configuration with the defaults.
    pub fn new() -> Config {
        Config::default()
    }

    /// Sets where the service is: an `https` address, or any address on this machine's loopback.
    ///
    /// It may have a path and may end in a slash. Where it has no path, the service's own is taken:
    /// `/api/v1` for Heylerts, none for Heylo. Default: the vendor's address. Heylo's invites go to this
    /// address too, unless [`invite_base_url`](Config::invite_base_url) is set.
    ///
    /// Refused when the client is built: `http` beyond loopback, which would show the key to the network; a
    /// user name, a password, a query or a fragment.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Config, heylerts};
    ///
    /// let local = Config::new().base_url("http://127.0.0.1:8080");
    /// assert!(heylerts::Client::with_config("hlt_key", local).is_ok());
    ///
    /// let unsafe_one = Config::new().base_url("http://heylerts.com");
    /// let error = heylerts::Client::with_config("hlt_key", unsafe_one).unwrap_err();
    /// assert!(error.to_string().contains("must be https"));
    /// ```
    pub fn base_url(mut self, url: impl Into<String>) -> Config {
        self.base_url = Some(url.into());
        self
    }

    /// Sets where Heylo's invites go, if not to [`base_url`](Config::base_url).
    ///
    /// Default: the vendor's address for invites, which is not the one for everything else; or the base
    /// address, where one was set. Refused for Heylerts, which has no invites.
    pub fn invite_base_url(mut self, url: impl Into<String>) -> Config {
        self.invite_base_url = Some(url.into());
        self
    }

    /// Sets the name and version of the application, put before this crate's in `User-Agent`.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Config, heylerts, sandbox};
    ///
    /// let service = sandbox::Heylerts::demo();
    /// let config = Config::new().user_agent("roster-sync/1.4").transport(service.clone());
    /// heylerts::Client::with_config("hlt_key_for_agent", config)?.hello()?;
    /// let sent = service.requests()[0].headers["user-agent"].clone();
    /// assert!(sent.to_str().unwrap().starts_with("roster-sync/1.4 heysync/"));
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn user_agent(mut self, application: impl Into<String>) -> Config {
        self.user_agent = Some(application.into());
        self
    }

    /// Sets how long resolving, connecting and TLS may take together. Default: 10 seconds.
    ///
    /// A transport set by [`transport`](Config::transport) has a limit of its own.
    pub fn connect_timeout(mut self, timeout: Duration) -> Config {
        self.transport_options.connect_timeout = timeout;
        self
    }

    /// Sets how long one attempt may take, from connecting to the answer's last byte. Default: 30 seconds.
    ///
    /// Less is given to an attempt that begins shortly before the [`deadline`](Config::deadline).
    pub fn attempt_timeout(mut self, timeout: Duration) -> Config {
        self.attempt_timeout = timeout;
        self
    }

    /// Sets how long one call may take with everything: waiting for the rate limit, all attempts, and the
    /// pauses between them. Default: 180 seconds.
    ///
    /// A wait that could not end in time is not begun. It counts for each call, so a walk over many pages,
    /// each of which is one, may take longer.
    ///
    /// # Examples
    ///
    /// A program that would rather fail than wait:
    ///
    /// ```
    /// use std::time::Duration;
    /// use heysync::{Config, ErrorKind, Rate, heylerts};
    ///
    /// let config = Config::new().deadline(Duration::from_secs(1)).rate(Rate::per_minute(1));
    /// # let config = config.transport(heysync::sandbox::Heylerts::demo());
    /// let client = heylerts::Client::with_config("hlt_key_for_deadline", config)?;
    /// client.hello()?;
    /// let error = client.hello().unwrap_err(); // its turn would come in a minute
    /// assert_eq!(error.kind(), ErrorKind::Deadline);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn deadline(mut self, deadline: Duration) -> Config {
        self.deadline = deadline;
        self
    }

    /// Sets how many times a failed call may be sent again, where that is safe. Default: 4. At most 100.
    ///
    /// Between them lie pauses of a random length: up to half a second before the first, up to twice as
    /// long before each further one, never more than 20 seconds. What is safe, [`Safety`](crate::Safety)
    /// says. Where much fails at once, fewer are retried: a client and its clones retry ten times freely,
    /// and then one call in ten.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Config, heylerts, sandbox};
    ///
    /// let service = sandbox::Heylerts::demo();
    /// service.inject(2, sandbox::Fault::BadGateway(sandbox::FaultPoint::BeforeEffect));
    /// let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
    /// let client = heylerts::Client::with_config("hlt_key", config.retries(2))?;
    /// assert!(client.hello()?.ok);
    /// assert_eq!(service.requests().len(), 3);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn retries(mut self, retries: u32) -> Config {
        self.retries = retries;
        self
    }

    /// Sets the rate to stay within. Default: the service's: 5 a second for Heylo, 100 a minute for Heylerts.
    ///
    /// A lower one leaves room for others who use the same key. In a longer period than the service's it
    /// keeps to the service's limit as well: 100 a minute are, for Heylo, one every 0.6 seconds. A higher one
    /// is taken as it is. A [paced](Rate::paced) one spreads the requests evenly, where the default lets the
    /// first ones go at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Config, Rate, heylo};
    ///
    /// let config = Config::new().rate(Rate::per_second(2).paced());
    /// # let config = config.transport(heysync::sandbox::Heylo::demo());
    /// let client = heylo::Client::with_config("a-shared-key", config)?;
    /// assert_eq!(client.bucket().snapshot().rate.requests(), 2);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn rate(mut self, rate: Rate) -> Config {
        self.rate = Some(rate);
        self
    }

    /// Sets the bucket to take tokens from. Default: one for all clients in this process with the same key
    /// at the same address.
    ///
    /// It brings its own rate, so [`rate`](Config::rate) cannot be set beside it. It has to be on the client's
    /// [`clock`](Config::clock), since deadlines are moments on that. Heylo's
    /// older page allows 5 concurrent requests for an organization, whose groups may have a key each: their
    /// clients can share one bucket.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Config, heylo};
    ///
    /// # #[cfg(any(feature = "rustls", feature = "native-tls"))] {
    /// let runners = heylo::Client::new("key-of-one-group")?;
    /// let config = Config::new().bucket(runners.bucket().clone());
    /// let walkers = heylo::Client::with_config("key-of-another", config)?;
    /// # }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn bucket(mut self, bucket: TokenBucket) -> Config {
        self.bucket = Some(bucket);
        self
    }

    /// Sets what sends the requests. Default: a [`UreqTransport`] with a connection pool of its own.
    ///
    /// See [`Transport`] for how to write one; the sandbox's services are transports too. An `Arc` of a
    /// transport is one, so that clients can share a pool of connections.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use heysync::{Config, UreqTransport, heylerts, heylo};
    ///
    /// let connections = Arc::new(UreqTransport::default());
    /// let config = Config::new().transport(connections);
    /// let heylo = heylo::Client::with_config("an-api-key", config.clone())?;
    /// let heylerts = heylerts::Client::with_config("hlt_key", config)?;
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn transport(mut self, transport: impl Transport + 'static) -> Config {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Sets whether proxies are taken from the environment. Default: true.
    ///
    /// See [`TransportOptions::proxy_from_env`]; a transport of one's own decides for itself.
    pub fn proxy_from_env(mut self, yes: bool) -> Config {
        self.transport_options.proxy_from_env = yes;
        self
    }

    /// Sets the largest body of an answer that is taken in, in bytes after decompression. Default: 10 MiB.
    ///
    /// A larger one is an error, [`Unreadable`](crate::ErrorKind::Unreadable) or
    /// [`AppliedUnreadable`](crate::ErrorKind::AppliedUnreadable), and is not asked for again.
    pub fn max_body(mut self, bytes: u64) -> Config {
        self.transport_options.max_body = bytes;
        self
    }

    /// Sets what tells the time. Default: the [`SystemClock`].
    ///
    /// A client on a clock of its own has a token bucket of its own, too, which its clones share.
    ///
    /// # Examples
    ///
    /// A test of twenty seconds of work against Heylo, in no time:
    ///
    /// ```
    /// use heysync::{Config, heylo, sandbox};
    ///
    /// let clock = sandbox::TestClock::new();
    /// let service = sandbox::Heylo::demo().clock(clock.clone());
    /// let config = Config::new().transport(service.clone()).clock(clock.clone());
    /// let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    ///
    /// for event in group.events().limit(100) {
    ///     group.attendance(&event?.id)?;
    /// }
    /// assert_eq!(clock.elapsed().as_secs(), 20);
    /// assert_eq!(service.rate_limit_hits(), 0);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn clock(mut self, clock: impl Clock + 'static) -> Config {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Sets who is told what the client does and what it waits for: an [`Observer`], or a closure. Default:
    /// nobody.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Config {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Turns the choices into the pipeline of one service.
    pub(crate) fn open(self, service: &Service, key: ApiKey) -> Result<Pipeline> {
        self.check_ranges()?;
        let (base, invite_base) = self.addresses(service)?;
        (service.check_key)(&key)?;
        if self.transport.is_none() && (base.scheme() == "https" || invite_base.scheme() == "https")
        {
            require_tls()?;
        }
        let bucket = self.open_bucket(service, &base, &key);
        // Which period a told limit is of, no header says. Where the chosen one is not the service's, the
        // shorter is the milder reading: a limit lowers the rate only where it does so in either.
        let limit_period = service.rate.period().min(bucket.snapshot().rate.period());
        let max_body = self.transport_options.max_body;
        let options =
            TransportOptions { usual_timeout: self.attempt_timeout, ..self.transport_options };
        Ok(Pipeline {
            auth: Auth::new(service.scheme, key)?,
            user_agent: user_agent(self.user_agent.as_deref())?,
            transport: match self.transport {
                Some(transport) => transport,
                None => default_transport(options, [&base, &invite_base])?,
            },
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock)),
            bucket,
            limit_period,
            retries: self.retries,
            retry_budget: RetryBudget::default(),
            attempt_timeout: self.attempt_timeout,
            deadline: self.deadline,
            max_body,
            observer: self.observer,
            base,
            invite_base,
        })
    }

    /// The bucket that was handed in; else the one that everybody in this process shares who uses this key
    /// at this address.
    fn open_bucket(&self, service: &Service, base: &Url, key: &ApiKey) -> TokenBucket {
        let rate = self.rate.unwrap_or(service.rate).at_service(service.rate);
        // "Each API key is limited": two clients with one key are one to the service. A clock of somebody's
        // own tells a time that other clients do not live in.
        match (&self.bucket, &self.clock) {
            (Some(bucket), _) => bucket.clone(),
            (None, Some(clock)) => TokenBucket::new(rate, Arc::clone(clock)),
            (None, None) => TokenBucket::for_key(base.as_str(), key.as_str(), rate),
        }
    }

    fn check_ranges(&self) -> Result<()> {
        check_time("connect_timeout", self.transport_options.connect_timeout)?;
        check_time("attempt_timeout", self.attempt_timeout)?;
        check_time("deadline", self.deadline)?;
        if self.retries > MOST_RETRIES {
            return Err(Error::configuration(format!("retries must be {MOST_RETRIES} at most")));
        }
        if self.transport_options.max_body == 0 {
            return Err(Error::configuration("max_body must be 1 byte at least"));
        }
        if self.rate.is_some() && self.bucket.is_some() {
            return Err(Error::configuration("a bucket brings its own rate: set one of the two"));
        }
        if self.rate.is_some_and(|rate| !rate.is_usable()) {
            return Err(Error::configuration(
                "the rate must be 1 to 10,000 requests in a millisecond to a day",
            ));
        }
        Ok(())
    }

    /// The base address, and the one for invites. Where one was chosen, nothing goes to the vendor
    /// unasked.
    fn addresses(&self, service: &Service) -> Result<(Url, Url)> {
        if self.invite_base_url.is_some() && service.invite_base_url.is_none() {
            return Err(Error::configuration(
                "invite_base_url is for Heylo; Heylerts has no invites",
            ));
        }
        let chosen = self.base_url.as_deref();
        let base = address(chosen.unwrap_or(service.base_url), service.path)?;
        let invite = match (&self.invite_base_url, chosen, service.invite_base_url) {
            (Some(invite), _, _) => address(invite, service.path)?,
            // Only where no base was chosen: a test server must not lead to real invites.
            (None, None, Some(invite)) => address(invite, service.path)?,
            _ => base.clone(),
        };
        Ok((base, invite))
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("base_url", &self.base_url.as_deref().map(without_user))
            .field("invite_base_url", &self.invite_base_url.as_deref().map(without_user))
            .field("user_agent", &self.user_agent)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("deadline", &self.deadline)
            .field("retries", &self.retries)
            .field("rate", &self.rate)
            .field("bucket", &self.bucket)
            .field("transport_options", &self.transport_options)
            .finish_non_exhaustive()
    }
}

/// What sets one service apart from the other.
pub(crate) struct Service {
    pub(crate) base_url: &'static str,
    /// The path that belongs to an address given without one.
    pub(crate) path: &'static str,
    pub(crate) invite_base_url: Option<&'static str>,
    pub(crate) scheme: Scheme,
    pub(crate) rate: Rate,
    /// Refuses keys that are plainly the other service's.
    pub(crate) check_key: fn(&ApiKey) -> Result<()>,
}

fn check_time(name: &str, time: Duration) -> Result<()> {
    if (Duration::from_millis(1)..=LONGEST).contains(&time) {
        return Ok(());
    }
    Err(Error::configuration(format!("{name} must be a millisecond at least and a day at most")))
}

fn address(text: &str, path: &str) -> Result<Url> {
    let refused = |why: &str| Error::configuration(format!("the base address {why}"));
    let mut url = Url::parse(text.trim())
        .map_err(|error| refused("is no address: give it with https://").with_source(error))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("must hold no user name or password"));
    }
    // `Call::to_uri` adds segments and a query of its own.
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("must end before ? and #"));
    }
    // "Your integration must call HTTPS endpoints" (Heylo). Loopback shows the key to no network.
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(refused("must be https: http would show the key to the network"));
        }
        _ => return Err(refused("must be https")),
    }
    // `url` gives an address without a path this one.
    if url.path() == "/" {
        url.set_path(path);
    }
    Ok(url)
}

/// An address for debug output. One with a password in it is refused later, but may be shown before.
fn without_user(address: &str) -> &str {
    address.rsplit('@').next().unwrap_or_default()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // The name alone: `localhost.example.com` is anybody's, and 0.0.0.0 is every interface.
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The transport that a client has if none was set.
fn default_transport(options: TransportOptions, bases: [&Url; 2]) -> Result<Arc<dyn Transport>> {
    let transport = UreqTransport::new(options)?;
    for base in bases {
        // An address that is no `Uri` is refused by the call that makes one.
        if let Ok(uri) = base.as_str().parse() {
            transport.check(&uri).map_err(Error::configuration)?;
        }
    }
    Ok(Arc::new(transport))
}

fn require_tls() -> Result<()> {
    if cfg!(any(feature = "rustls", feature = "native-tls")) {
        return Ok(());
    }
    Err(Error::configuration(
        "https needs TLS: turn on the feature `rustls` or `native-tls` of heysync",
    ))
}

fn user_agent(application: Option<&str>) -> Result<HeaderValue> {
    let own = concat!("heysync/", env!("CARGO_PKG_VERSION"));
    // Specific first, as RFC 9110 (10.1.5) lists products in order of their significance.
    let application = application.map(str::trim).filter(|name| !name.is_empty());
    let text = application.map_or_else(|| own.to_owned(), |name| format!("{name} {own}"));
    HeaderValue::try_from(text)
        .map_err(|_| Error::configuration("user_agent holds a character that a header cannot"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        address(text, "").expect_err(text).to_string()
    }

    #[test]
    fn an_address_without_a_path_gets_the_services_own() {
        for text in ["https://a.example", "https://a.example/", " https://a.example\n"] {
            assert_eq!(address(text, "/api/v1").expect(text).as_str(), "https://a.example/api/v1");
        }
        let given = address("http://127.0.0.1:80/x/", "/api/v1").expect("loopback");
        assert_eq!(given.as_str(), "http://127.0.0.1/x/");
    }

    #[test]
    fn http_is_for_loopback_only() {
        for text in
            ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://127.9.9.9"]
        {
            assert!(address(text, "").is_ok(), "{text}");
        }
        for text in
            ["http://heylerts.com", "http://localhost.evil.example", "http://0.0.0.0", "ftp://a"]
        {
            assert!(refusal(text).contains("https"), "{text}");
        }
    }

    #[test]
    fn an_address_that_would_lose_something_is_refused() {
        assert!(refusal("https://me:secret@a.example").contains("user name"));
        assert!(!refusal("https://me:secret@a.example").contains("secret"));
        assert!(refusal("https://a.example/?x=1").contains('?'));
        assert!(refusal("a.example").contains("https://"));
    }

    #[test]
    fn the_user_agent_names_the_application_first() {
        let own = user_agent(None).expect("own name");
        assert!(own.to_str().is_ok_and(|text| text.starts_with("heysync/")));
        let both = user_agent(Some("roster/2")).expect("a good name");
        assert!(both.to_str().is_ok_and(|text| text.starts_with("roster/2 heysync/")));
        assert!(user_agent(Some("a\nb")).is_err());
    }
}
