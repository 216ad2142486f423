//! The options that every program has, and the clients that they make.

use std::env;
use std::time::SystemTime;

use clap::Args;
use heysync::limiter::Share;
use heysync::{Config, DryRun, Timestamp, heylerts, heylo, sandbox};

use crate::failure::Outcome;
use crate::progress::{Reporter, Volume};
use crate::stop::Stop;

/// The options that every program has.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The proxy to connect through, such as http://proxy.example:3128, or "none" for no proxy
    /// [default: the proxy of the environment]
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// Use the whole rate limit of the key, as if no other program used it
    #[arg(long)]
    pub no_share: bool,
    /// Print every request and wait
    #[arg(short, long)]
    pub verbose: bool,
    /// Print nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// The client of a program, and the parts that go with it.
#[derive(Debug)]
pub struct Session<C> {
    pub client: C,
    pub reporter: Reporter,
    pub stop: Stop,
    /// The present of the service: the sandbox's invented data has a fixed date.
    pub now: Timestamp,
    /// Whether the client is one of the sandbox's invented data.
    pub is_sandbox: bool,
}

const KEY_OF_HEYLO: &str = "HEYLO_API_KEY";
const KEY_OF_HEYLERTS: &str = "HEYLERTS_API_KEY";

struct Service<C> {
    /// The variable of the key.
    key: &'static str,
    open: fn(Config) -> heysync::Result<C>,
}

impl Options {
    /// Opens Heylo with the key `HEYLO_API_KEY`, or its sandbox if that is not set.
    pub fn heylo(&self, program: &str) -> Outcome<Session<heylo::Client>> {
        let service = Service { key: KEY_OF_HEYLO, open: heylo::Client::from_env_with };
        self.session(program, service, |config| {
            let sandbox = sandbox::Heylo::demo();
            let now = sandbox.now();
            Ok((heylo::Client::with_config("any-key", config.transport(sandbox))?, now))
        })
    }

    /// Opens Heylerts with the key `HEYLERTS_API_KEY`, or its sandbox if that is not set.
    pub fn heylerts(&self, program: &str) -> Outcome<Session<heylerts::Client>> {
        let service = Service { key: KEY_OF_HEYLERTS, open: heylerts::Client::from_env_with };
        self.session(program, service, |config| {
            let sandbox = sandbox::Heylerts::demo();
            let now = sandbox.now();
            Ok((heylerts::Client::with_config("hlt_any_key", config.transport(sandbox))?, now))
        })
    }

    /// Opens Heylo to print changes as lines of curl on standard output. Nothing is sent.
    pub fn heylo_as_curl(&self, program: &str) -> Outcome<heylo::Client> {
        let config = Config::new().user_agent(program).transport(DryRun::new());
        Ok(match env::var_os(KEY_OF_HEYLO) {
            Some(_) => heylo::Client::from_env_with(config)?,
            None => heylo::Client::with_config("any-key", config)?,
        })
    }

    fn session<C>(
        &self,
        program: &str,
        service: Service<C>,
        open_sandbox: impl FnOnce(Config) -> heysync::Result<(C, SystemTime)>,
    ) -> Outcome<Session<C>> {
        let reporter = Reporter::new(self.volume());
        let stop = Stop::on_ctrl_c()?;
        let config = Config::new()
            .user_agent(program)
            .observer(reporter.clone())
            .cancellation(stop.cancellation());
        let key = service.key;
        if env::var_os(key).is_some() {
            let client = (service.open)(self.network(config))?;
            return Ok(Session {
                client,
                reporter,
                stop,
                now: Timestamp::now(),
                is_sandbox: false,
            });
        }
        reporter.note(format!("{key} is not set: using the invented data of the sandbox"));
        let (client, now) = open_sandbox(config)?;
        Ok(Session { client, reporter, stop, now: now.into(), is_sandbox: true })
    }

    fn network(&self, mut config: Config) -> Config {
        match self.proxy.as_deref() {
            Some("none") => config = config.proxy_from_env(false),
            Some(proxy) => config = config.proxy(proxy),
            None => {}
        }
        if !self.no_share {
            config = config.share(Share::file());
        }
        config
    }

    fn volume(&self) -> Volume {
        match (self.quiet, self.verbose) {
            (true, _) => Volume::Quiet,
            (_, true) => Volume::Verbose,
            _ => Volume::Normal,
        }
    }
}
