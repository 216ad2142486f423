//! `Config`: the settings of a client, which it checks and turns into a [`Pipeline`].

mod address;
mod service;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use url::Url;

use crate::cancellation::Cancellation;
use crate::clock::{Clock, SystemClock};
use crate::environment;
use crate::error::{Error, Result};
#[cfg(any(feature = "share", feature = "redis"))]
use crate::limiter::Share;
use crate::limiter::{Rate, TokenBucket};
use crate::pipeline::auth::ApiKey;
use crate::pipeline::drift::{BodyWatch, Drift, DriftWatch};
use crate::pipeline::key_source::{Source, SourcedKey};
use crate::pipeline::keys::Keys;
use crate::pipeline::observer::Observer;
use crate::pipeline::retry::RetryBudget;
use crate::pipeline::settings::{Settings, check_time};
use crate::pipeline::transport::Transport;
use crate::pipeline::transport_options::TransportOptions;
use crate::pipeline::ureq_transport::UreqTransport;
use crate::pipeline::{Core, Pipeline};
use service::KeyOpener;
pub(crate) use service::Service;

/// Configures a client. The defaults are right for a script.
///
/// A plain value: each method changes one setting and returns the configuration. Values out of range are
/// reported when the client is built, as an error of the kind
/// [`Configuration`](crate::ErrorKind::Configuration). A configuration can be cloned for several clients.
///
/// | setting | default | bounds |
/// |---|---|---|
/// | [`connect_timeout`](Config::connect_timeout) | 10 seconds | 1 millisecond to a day |
/// | [`attempt_timeout`](Config::attempt_timeout) | 30 seconds | 1 millisecond to a day |
/// | [`deadline`](Config::deadline) | 180 seconds | 1 millisecond to a day |
/// | [`retries`](Config::retries) | 4 | 0 to 100 |
/// | [`rate`](Config::rate) | the service's | 1 request or more in up to 366 days |
/// | [`grace`](Config::grace) | 2 seconds | up to a day |
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
/// A value out of range is reported when the client is built:
///
/// ```
/// use heysync::{Config, ErrorKind, heylo};
///
/// let error = heylo::Client::with_config("an-api-key", Config::new().retries(1000)).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Configuration);
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Config {
    base_url: Option<String>,
    /// The environment variable that the base address is from, for errors.
    base_url_variable: Option<&'static str>,
    invite_base_url: Option<String>,
    user_agent: Option<String>,
    settings: Settings,
    rate: Option<Rate>,
    bucket: Option<TokenBucket>,
    grace: Option<Duration>,
    #[cfg(any(feature = "share", feature = "redis"))]
    share: Option<Share>,
    transport: Option<Arc<dyn Transport>>,
    transport_options: TransportOptions,
    clock: Option<Arc<dyn Clock>>,
    body_watch: Option<Arc<dyn BodyWatch>>,
}

impl Config {
    /// Creates a configuration with the defaults.
    pub fn new() -> Config {
        Config::default()
    }

    /// Sets the base address of the service: an `https` address, or any address on this machine's loopback.
    ///
    /// It may have a path and may end in a slash. Without a path, it gets the service's own: `/api/v1` for
    /// Heylerts, none for Heylo. Default: the vendor's address. Heylo's invites are sent to this address too,
    /// unless [`invite_base_url`](Config::invite_base_url) is set.
    ///
    /// Rejected when the client is built: `http` beyond loopback, which would show the key to the network; a
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
    /// let plain = Config::new().base_url("http://heylerts.com");
    /// let error = heylerts::Client::with_config("hlt_key", plain).unwrap_err();
    /// assert!(error.to_string().contains("must be https"));
    /// ```
    pub fn base_url(mut self, url: impl Into<String>) -> Config {
        (self.base_url, self.base_url_variable) = (Some(url.into()), None);
        self
    }

    /// Takes the base address from an environment variable, unless one is set in code.
    pub(crate) fn base_url_from_env(mut self, variable: &'static str) -> Result<Config> {
        if self.base_url.is_none() {
            self.base_url = environment::optional(variable)?;
            self.base_url_variable = Some(variable);
        }
        Ok(self)
    }

    /// Sets the base address for Heylo's invites, if it is not [`base_url`](Config::base_url).
    ///
    /// Default: the vendor's address for invites, which differs from the one for everything else; or the base
    /// address, if one is set that is not the vendor's. Rejected for Heylerts, which has no invites.
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

    /// Sets how long one attempt may take, from connecting to the last byte of the response. Default: 30
    /// seconds.
    ///
    /// An attempt that begins shortly before the [`deadline`](Config::deadline) gets less.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Config {
        self.settings.attempt_timeout = timeout;
        self
    }

    /// Sets how long one call may take in total: waiting for the rate limit, all attempts, and the pauses
    /// between them. Default: 180 seconds.
    ///
    /// If a wait would outlast the deadline, the call fails immediately. An unsafe call also fails if too little time would
    /// be left after the wait, since its outcome might stay unknown: less than 100 ms, or less than a tenth of a deadline
    /// that is shorter than a second. The deadline is for each call. Each page of a list is a call, so an iteration over
    /// many pages may take longer.
    ///
    /// # Examples
    ///
    /// A program that would rather fail than wait:
    ///
    /// ```
    /// use std::time::Duration;
    /// use heysync::{Config, ErrorKind, heylerts};
    /// use heysync::limiter::Rate;
    ///
    /// let config = Config::new().deadline(Duration::from_secs(1)).rate(Rate::per_minute(1));
    /// # let config = config.transport(heysync::sandbox::Heylerts::demo());
    /// let client = heylerts::Client::with_config("hlt_key_for_deadline", config)?;
    /// client.hello()?;
    /// let error = client.hello().unwrap_err(); // the next token is free in a minute
    /// assert_eq!(error.kind(), ErrorKind::Deadline);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn deadline(mut self, deadline: Duration) -> Config {
        self.settings.deadline = deadline;
        self
    }

    /// Sets how many times a failed call may be retried, if that is safe. Default: 4. At most 100.
    ///
    /// Before each retry the client pauses for a random time: up to half a second before the first, up to
    /// twice as long before each further one, never more than 20 seconds. [`Safety`](crate::Safety) defines
    /// which calls are retried. If many calls fail at the same time, not all of them are retried: a client and its clones
    /// share ten retries, and each call adds a tenth of one.
    ///
    /// A 429 uses up none of them: the call is sent again after the pause that the service asks for, until the deadline
    /// ends it. With 0 retries nothing is sent again, not even after a 429.
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
        self.settings.retries = retries;
        self
    }

    /// Sets the rate limit to keep. Default: the service's: 5 a second for Heylo, 100 a minute for Heylerts.
    ///
    /// A lower rate leaves a part of the limit to others who use the same key. If its period is not the service's, both
    /// limits are kept: for Heylo, 100 a minute means 100 a minute and 5 a second. A higher rate is used as it is, and
    /// [`Rate::unlimited`] is for a server without a limit. A [paced](Rate::paced) rate spreads the requests evenly; the
    /// default sends the first ones at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Config, heylo};
    /// use heysync::limiter::Rate;
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

    /// Sets the token bucket. Default: one for all clients in this process with the same key at the same
    /// address.
    ///
    /// It has a rate of its own, so [`rate`](Config::rate) cannot be set beside it. It has to be on the
    /// client's [`clock`](Config::clock), since deadlines are moments of that clock. Heylo's older page allows 5
    /// concurrent requests for an organization, whose communities may have a key each: their clients can share
    /// one bucket.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Config, heylo};
    ///
    /// # #[cfg(any(feature = "rustls", feature = "native-tls"))] {
    /// let runners = heylo::Client::new("key-of-one-community")?;
    /// let config = Config::new().bucket(runners.bucket());
    /// let walkers = heylo::Client::with_config("key-of-another", config)?;
    /// # }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn bucket(mut self, bucket: TokenBucket) -> Config {
        self.bucket = Some(bucket);
        self
    }

    /// Sets for how much longer than a period the token of a request without a response is held. Default: two seconds.
    ///
    /// A request that the client gave up may still be under way. If it arrives within the grace, the limit holds; if it
    /// arrives later, it [may exceed the limit](TokenBucket#the-guarantee). The grace is at most a day. It belongs to the
    /// [bucket](TokenBucket::set_grace): the client that is built last sets it for all clients with that bucket.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use heysync::{Config, heylo};
    ///
    /// let config = Config::new().grace(Duration::from_secs(30));
    /// # let config = config.transport(heysync::sandbox::Heylo::demo());
    /// let client = heylo::Client::with_config("key-behind-a-slow-network", config)?;
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn grace(mut self, grace: Duration) -> Config {
        self.grace = Some(grace);
        self
    }

    /// Shares the rate limit with other processes: all clients with the same service, address, key and share take their
    /// tokens from one place. Default: none; the limit is that of this process. [`Share`] has an example, and the conditions.
    ///
    /// A share runs on the system's clock and makes the bucket, so neither [`clock`](Config::clock) nor
    /// [`bucket`](Config::bucket) can be set beside it.
    #[cfg(any(feature = "share", feature = "redis"))]
    #[cfg_attr(docsrs, doc(cfg(any(feature = "share", feature = "redis"))))]
    pub fn share(mut self, share: Share) -> Config {
        self.share = Some(share);
        self
    }

    /// Sets the transport, which sends the requests. Default: a [`UreqTransport`] with its own pool of
    /// connections.
    ///
    /// See [`Transport`] for how to write one; the services of the sandbox are transports too. Clients that
    /// get an `Arc` of the same transport share its connections.
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

    /// Sets the proxy for all requests, in place of those of the environment.
    ///
    /// The address is `scheme://user:password@host:port`, with the scheme `http`, `https`, `socks4`,
    /// `socks4a`, `socks5` or `socks5h`; user and password are percent-encoded, and optional. See
    /// [`TransportOptions::proxy`]. Default: [the proxies of the environment](UreqTransport#proxies).
    ///
    /// Rejected when the client is built: an address that cannot be used, and a proxy beside a
    /// [`transport`](Config::transport), which would not use it.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Config, ErrorKind, heylerts};
    ///
    /// # #[cfg(any(feature = "rustls", feature = "native-tls"))] {
    /// let config = Config::new().proxy("http://proxy.example:3128");
    /// let client = heylerts::Client::with_config("hlt_key", config)?;
    /// # }
    ///
    /// let config = Config::new().proxy("nonsense://proxy.example");
    /// let error = heylerts::Client::with_config("hlt_key", config).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Configuration);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn proxy(mut self, address: impl Into<String>) -> Config {
        self.transport_options = self.transport_options.proxy(address);
        self
    }

    /// Sets whether proxies are read from the environment. Default: true.
    ///
    /// See [*Proxies*](UreqTransport#proxies). A transport set by [`transport`](Config::transport) decides for
    /// itself.
    pub fn proxy_from_env(mut self, yes: bool) -> Config {
        self.transport_options = self.transport_options.proxy_from_env(yes);
        self
    }

    /// Adds root certificates, in PEM form, to trust in place of the built-in ones.
    ///
    /// A company that inspects TLS, or a server of your own, has a certificate authority that no public list
    /// contains. See [`TransportOptions::root_certificates`]. Default:
    /// [those of the environment or the feature](UreqTransport#certificates).
    ///
    /// Rejected when the client is built: PEM without a certificate, and certificates beside a
    /// [`transport`](Config::transport), which would not use them.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use heysync::{Config, heylo};
    ///
    /// let pem = std::fs::read("/etc/ssl/company-ca.pem").expect("the company's authority");
    /// let client = heylo::Client::with_config("an-api-key", Config::new().root_certificates(pem))?;
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Config {
        self.transport_options = self.transport_options.root_certificates(pem);
        self
    }

    /// Adds root certificates, in PEM form, to trust beside the others. Default: none.
    ///
    /// See [`TransportOptions::extra_root_certificates`], and [`root_certificates`](Config::root_certificates) for what is
    /// rejected.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use heysync::{Config, heylo};
    ///
    /// let pem = std::fs::read("/etc/ssl/company-ca.pem").expect("the company's authority");
    /// let config = Config::new().extra_root_certificates(pem);
    /// let client = heylo::Client::with_config("an-api-key", config)?;
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn extra_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Config {
        self.transport_options = self.transport_options.extra_root_certificates(pem);
        self
    }

    /// Sets the certificate by which the client identifies itself to servers that ask for one (mutual TLS), in PEM form
    /// with its private key. Default: none.
    ///
    /// See [`TransportOptions::client_certificate`] for the forms. Rejected when the client is built: PEM without a
    /// certificate or without a key, a key with a passphrase, a key that does not belong to the certificate, and a
    /// certificate beside a [`transport`](Config::transport), which would not use it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use heysync::{Config, heylo};
    ///
    /// let mut pem = std::fs::read("client.pem").expect("the certificate");
    /// pem.extend(std::fs::read("client.key").expect("its key"));
    /// let client = heylo::Client::with_config("an-api-key", Config::new().client_certificate(pem))?;
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn client_certificate(mut self, pem: impl Into<Vec<u8>>) -> Config {
        self.transport_options = self.transport_options.client_certificate(pem);
        self
    }

    /// Sets the size of the largest response body that is accepted, in bytes after decompression. Default:
    /// 10 MiB.
    ///
    /// A larger one is an error of the kind [`Unreadable`](crate::ErrorKind::Unreadable) or
    /// [`AppliedUnreadable`](crate::ErrorKind::AppliedUnreadable), and is not retried.
    pub fn max_body(mut self, bytes: u64) -> Config {
        self.transport_options.max_body = bytes;
        self
    }

    /// Sets the clock. Default: the [`SystemClock`].
    ///
    /// A client with a clock of its own has a token bucket of its own, too, which its clones share.
    ///
    /// # Examples
    ///
    /// A test of twenty seconds of work against Heylo that takes no time:
    ///
    /// ```
    /// use heysync::{Config, heylo, sandbox};
    ///
    /// let clock = sandbox::TestClock::new();
    /// let service = sandbox::Heylo::demo().clock(clock.clone());
    /// let config = Config::new().transport(service.clone()).clock(clock.clone());
    /// let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    ///
    /// for event in community.events().limit(100) {
    ///     community.attendance(&event?.id)?;
    /// }
    /// assert_eq!(clock.elapsed().as_secs(), 20);
    /// assert_eq!(service.rate_limit_hits(), 0);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn clock(mut self, clock: impl Clock + 'static) -> Config {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Adds an [`Observer`], or a closure, that is called with each [`Activity`](crate::Activity) of the client.
    /// Default: none. Several receive each activity in the order in which they were added.
    ///
    /// [`CallOptions::observer`](crate::CallOptions::observer) adds one for some calls only.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Config {
        self.settings.observers.push(Arc::new(observer));
        self
    }

    /// Sets a function that is called with each field and value in a response that this version of the crate does not
    /// know, once each for all clients with this configuration or a clone of it. Default: none.
    ///
    /// With it, a test or a nightly job notices that the service has changed: see [`Drift`]. Responses to the documented
    /// calls are checked, also if a [`Call`](crate::Call) of your own makes the request or a list decodes into a type of
    /// yours. Fields that Heylo does not document, such as those of an event, are not checked. Each body is parsed a
    /// second time. At most 1,000 fields and values are reported.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Config, Drift, heylerts};
    ///
    /// let config = Config::new().on_drift(|drift: &Drift| eprintln!("{drift}"));
    /// # let config = config.transport(heysync::sandbox::Heylerts::demo());
    /// let client = heylerts::Client::with_config("hlt_key", config)?;
    /// client.mentions().limit(100).read_all()?;
    /// // list_mentions: unknown field items[].language
    /// // list_mentions: unknown value "bluesky" in the field items[].source
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn on_drift(mut self, report: impl Fn(&Drift) + Send + Sync + 'static) -> Config {
        self.body_watch = Some(Arc::new(DriftWatch::new(report)));
        self
    }

    /// Adds a [`Cancellation`], which stops the calls of the client from another thread. Default: none.
    ///
    /// With several, each of them stops the calls. [`CallOptions::cancellation`](crate::CallOptions::cancellation) adds
    /// one for some calls only. This method clones it, since the program keeps its own to cancel the calls.
    pub fn cancellation(mut self, cancellation: &Cancellation) -> Config {
        self.settings.cancellations.push(cancellation.clone());
        self
    }
}

impl Config {
    /// Checks the settings and creates the pipeline of one service, for a fixed key.
    pub(crate) fn open(self, service: &'static Service, key: ApiKey) -> Result<Pipeline> {
        self.open_with(service, |opener, _| Ok(Keys::fixed(opener.open(key, None)?)))
    }

    /// Creates the pipeline of one service, for a key that `source` returns.
    pub(crate) fn open_source(self, service: &'static Service, source: Source) -> Result<Pipeline> {
        self.open_with(service, |opener, clock| {
            let open = Box::new(move |key, old: Option<&TokenBucket>| opener.open(key, old));
            Ok(Keys::renewed_by(SourcedKey::new(source, open, clock)?))
        })
    }

    fn open_with(
        self,
        service: &'static Service,
        open_keys: impl FnOnce(KeyOpener, Arc<dyn Clock>) -> Result<Keys>,
    ) -> Result<Pipeline> {
        self.check_ranges()?;
        let (base, hosts) = self.addresses(service)?;
        let transport = self.open_transport(hosts.iter().map(|(_, url)| url).chain([&base]))?;
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        let opener = self.opener(service, &base);
        let shared = opener.shared_rate();
        let keys = open_keys(opener, Arc::clone(&clock))?;
        // No header names the period of `X-RateLimit-Limit`. If the chosen one is not the service's, the
        // shorter is the milder reading: a limit lowers the rate only if it does so in either.
        let rate = shared.unwrap_or_else(|| keys.current().bucket.snapshot().rate);
        let core = Core {
            base,
            hosts,
            keys,
            user_agent: user_agent(self.user_agent.as_deref())?,
            transport,
            clock,
            limit_period: service.rate.period().min(rate.period()),
            retry_budget: RetryBudget::default(),
            max_body: self.transport_options.max_body,
            body_watch: self.body_watch,
        };
        Ok(Pipeline { core: Arc::new(core), settings: self.settings })
    }

    fn opener(&self, service: &'static Service, base: &Url) -> KeyOpener {
        KeyOpener {
            service,
            address: address::identity(base),
            rate: self.rate.unwrap_or(service.rate).at_service(service.rate),
            bucket: self.bucket.clone(),
            grace: self.grace,
            clock: self.clock.clone(),
            #[cfg(any(feature = "share", feature = "redis"))]
            share: self.share.clone(),
        }
    }

    fn open_transport<'a>(
        &self,
        bases: impl Iterator<Item = &'a Url>,
    ) -> Result<Arc<dyn Transport>> {
        if let Some(transport) = &self.transport {
            if self.transport_options.choose_connections() {
                return Err(Error::configuration(
                    "proxies and certificates are for the default transport: give them to the \
                     TransportOptions of the one that is set",
                ));
            }
            return Ok(Arc::clone(transport));
        }
        let usual_timeout = self.settings.attempt_timeout;
        let options = TransportOptions { usual_timeout, ..self.transport_options.clone() };
        let transport = UreqTransport::new(options)?;
        for base in bases {
            // If an address is no `Uri`, the call that makes one of it fails.
            if let Ok(uri) = base.as_str().parse() {
                transport.check(&uri).map_err(Error::configuration)?;
            }
        }
        Ok(Arc::new(transport))
    }

    fn check_ranges(&self) -> Result<()> {
        check_time("connect_timeout", self.transport_options.connect_timeout)
            .and_then(|()| self.transport_options.check())
            .and_then(|()| self.settings.check())
            .map_err(Error::configuration)?;
        #[cfg(any(feature = "share", feature = "redis"))]
        if self.share.is_some() && (self.bucket.is_some() || self.clock.is_some()) {
            let reason = "a share brings its own bucket and clock: set one of them";
            return Err(Error::configuration(reason));
        }
        if self.grace.is_some_and(|grace| grace > Duration::from_secs(86_400)) {
            return Err(Error::configuration("grace must be a day at most"));
        }
        if self.rate.is_some() && self.bucket.is_some() {
            return Err(Error::configuration("a bucket brings its own rate: set one of the two"));
        }
        if self.rate.is_some_and(|rate| !rate.is_usable()) {
            return Err(Error::configuration(
                "each limit of the rate must be 1 request or more in a period above zero and up to 366 days, and \
                 there can be four of them",
            ));
        }
        Ok(())
    }

    /// The base address, and those of the other hosts. If one is set, nothing is sent to the vendor unasked.
    fn addresses(&self, service: &Service) -> Result<(Url, NamedHosts)> {
        if self.invite_base_url.is_some() && service.hosts.is_empty() {
            return Err(Error::configuration(
                "invite_base_url is for Heylo; Heylerts has no invites",
            ));
        }
        let set = self.base_url.as_deref();
        let name = self.base_url_variable.unwrap_or("the base address");
        let base = address::parse(set.unwrap_or(service.base_url), service.path, name)?;
        let vendor = address::parse(service.base_url, service.path, name)?;
        let is_vendors = address::identity(&base) == address::identity(&vendor);
        let host = |(host, default): &(&'static str, &'static str)| {
            let url = match &self.invite_base_url {
                Some(invite) => {
                    address::parse(invite, service.path, "the base address for invites")?
                }
                // Also if the vendor's own address is set, as by a variable of the environment.
                None if is_vendors => address::parse(default, service.path, name)?,
                // A test server must not lead to real invites.
                None => base.clone(),
            };
            Ok((*host, url))
        };
        let hosts = service.hosts.iter().map(host).collect::<Result<_>>()?;
        Ok((base, hosts))
    }
}

type NamedHosts = Vec<(&'static str, Url)>;

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("base_url", &self.base_url.as_deref().map(address::shown))
            .field("invite_base_url", &self.invite_base_url.as_deref().map(address::shown))
            .field("user_agent", &self.user_agent)
            .field("attempt_timeout", &self.settings.attempt_timeout)
            .field("deadline", &self.settings.deadline)
            .field("retries", &self.settings.retries)
            .field("rate", &self.rate)
            .field("bucket", &self.bucket)
            .field("transport_options", &self.transport_options)
            .finish_non_exhaustive()
    }
}

fn user_agent(application: Option<&str>) -> Result<HeaderValue> {
    let own = concat!("heysync/", env!("CARGO_PKG_VERSION"));
    // Specific first, as RFC 9110 (10.1.5) lists products in order of their significance.
    let application = application.map(str::trim).filter(|name| !name.is_empty());
    let whole = application.map_or_else(|| own.to_owned(), |name| format!("{name} {own}"));
    HeaderValue::try_from(whole)
        .map_err(|_| Error::configuration("user_agent contains a character that a header cannot"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_agent_names_the_application_first() {
        let own = user_agent(None).expect("own name");
        assert!(own.to_str().is_ok_and(|text| text.starts_with("heysync/")));
        let both = user_agent(Some("roster/2")).expect("a good name");
        assert!(both.to_str().is_ok_and(|text| text.starts_with("roster/2 heysync/")));
        assert!(user_agent(Some("a\nb")).is_err());
    }
}
