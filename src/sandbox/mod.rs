//! Both services in memory, for tests.
//!
//! [`Heylo`] and [`Heylerts`] hold communities, alerts and mentions, and respond as the vendors document, with
//! validation, pagination, quotas and rate limits. Each is a [`Transport`](crate::Transport): pass it to the
//! [`Config`](crate::Config) of a client, and the client uses it instead of the network. [`Services`] combines
//! both at one address.
//!
//! # Testing your code
//!
//! A test creates a sandbox, passes a clone of it to the client, runs the code, and checks the sandbox
//! afterwards. In this example the code is a script that updates a role and removes former members:
//!
//! ```
//! use heysync::heylo::Client;
//! use heysync::{Config, ErrorKind};
//!
//! fn sync(client: &Client, captains: &[&str], former: &[&str]) -> heysync::Result<()> {
//!     let community = client.community("abc123");
//!     community.role("captains").set_members(captains.iter().copied())?;
//!     for removal in community.remove_members(former) {
//!         if !removal.is_removed() {
//!             removal.result?; // another reason than that an earlier run removed the person
//!         }
//!     }
//!     Ok(())
//! }
//!
//! use heysync::sandbox::heylo::{Community, Role};
//! use heysync::sandbox::{Fault, FaultPoint, Heylo, TestClock};
//!
//! /// A community with twelve members, and a client of it. Waiting takes no time.
//! fn sandbox(key: &str) -> heysync::Result<(Heylo, Client)> {
//!     let clock = TestClock::new();
//!     let members = (1..=12).map(|number| format!("u{number}"));
//!     let community = Community::new("abc123")
//!         .members(members)
//!         .role(Role::new("captains").members(["u1", "u2"]));
//!     let heylo = Heylo::new().community(community).clock(clock.clone());
//!     let config = Config::new().transport(heylo.clone()).clock(clock).retries(0);
//!     Ok((heylo, Client::with_config(key, config)?))
//! }
//!
//! const FORMER: [&str; 7] = ["u6", "u7", "u8", "u9", "u10", "u11", "u12"];
//!
//! fn the_role_is_updated_and_former_members_are_removed() -> heysync::Result<()> {
//!     let (heylo, client) = sandbox("happy-path")?;
//!     sync(&client, &["u2", "u3"], &FORMER)?;
//!     assert_eq!(heylo.role_members("abc123", "captains"), ["u2", "u3"]);
//!     assert_eq!(heylo.member_ids("abc123"), ["u1", "u2", "u3", "u4", "u5"]);
//!     // Nine requests, at most five per second.
//!     assert_eq!(heylo.requests().len(), 9);
//!     assert_eq!(heylo.rate_limit_hits(), 0);
//!     assert!(heylo.max_in_any_window() <= 5);
//!     Ok(())
//! }
//!
//! fn a_second_run_completes_a_run_that_failed() -> heysync::Result<()> {
//!     let (heylo, client) = sandbox("second-run")?;
//!     // One removal takes effect, but its response is lost.
//!     heylo.inject_if(1, Fault::Cut(FaultPoint::AfterEffect), |request| {
//!         request.json()["userId"] == "u8"
//!     });
//!     let error = sync(&client, &["u2", "u3"], &FORMER).unwrap_err();
//!     assert_eq!(error.kind(), ErrorKind::NoResponse);
//!     assert!(heylo.member_ids("abc123").contains(&"u9".to_owned()));
//!     // The second run removes the rest.
//!     sync(&client, &["u2", "u3"], &FORMER)?;
//!     assert_eq!(heylo.member_ids("abc123"), ["u1", "u2", "u3", "u4", "u5"]);
//!     assert_eq!(heylo.rate_limit_hits(), 0);
//!     Ok(())
//! }
//! # the_role_is_updated_and_former_members_are_removed()?;
//! # a_second_run_completes_a_run_that_failed()?;
//! # Ok::<(), heysync::Error>(())
//! ```
//!
//! * **One clock.** The client waits on its clock, and the sandbox counts requests on the same one: on that of the
//!   first client that uses it. If several clients use a sandbox, pass one [`TestClock`] to each of them and to
//!   [`Sandbox::clock`]. Tests with threads need [participants](TestClock).
//! * **One key per test, one client per key.** Tests run in parallel. Clones of a client share a token bucket, and so do
//!   all clients on the system clock with one key. Clients that were made apart with a `TestClock` have a bucket each, and
//!   exceed the limit together if they have one key.
//! * **Data.** [`demo`](Heylo::demo) creates invented data in one line. Or build the data item by item, change
//!   it at any time with [`change`](Sandbox::change), and read it with [`state`](Sandbox::state).
//! * **Faults.** [`inject`](Sandbox::inject) and [`inject_if`](Sandbox::inject_if) make requests fail with a
//!   [`Fault`]: a lost response, a 502, a truncated body, a delay. [`before`](Sandbox::before) changes a list
//!   between two pages.
//! * **Undocumented behaviour.** [`heylo::Settings`] and [`heylerts::Settings`] choose what the vendors do not
//!   document: short pages, empty response bodies, timestamps without offset, a list that lags behind.
//!   [`Limit`] counts requests with four algorithms. Code that passes with each of them is ready for the real
//!   services.
//! * **Webhooks.** [`Heylerts::receive`](Sandbox::receive) adds a mention as if it had just been found.
//!   [`take_deliveries`](Sandbox::take_deliveries) returns the deliveries to the webhook, and
//!   [`to_request`](heylerts::Delivery::to_request) turns one into a signed request:
//!   `delivery.to_request(|secret, body| webhook::sign(secret, body))`.
//! * **Requests.** [`requests`](Sandbox::requests) returns every request with its status; a long-running server
//!   should [keep fewer](Sandbox::keep_requests). [`rate_limit_hits`](Sandbox::rate_limit_hits) counts the 429s,
//!   and [`max_in_any_window`](Sandbox::max_in_any_window) shows how close the client came to the limit.
//! * **A socket.** [`serve`] serves the sandbox over HTTP on a loopback port, for a test of the whole path with the
//!   default transport, or of a program in another process. Every fault happens on the connection: it is closed,
//!   falls silent, or sends wrong framing.
//! * **Other languages.** In a clone of the repository, `cargo run --example sandbox_server` serves both services on a
//!   loopback port, with data as of today.

mod clock;
mod engine;
mod exchange;
mod fault;
mod handle;
pub mod heylerts;
pub mod heylo;
mod http1;
mod limit;
mod request_log;
mod server;
mod services;
mod wall_clock;
mod wire_response;
mod wire_writer;

pub use clock::{Participant, TestClock};
pub use fault::{Alteration, Fault, FaultPoint};
pub use handle::Sandbox;
pub use limit::{Algorithm, Limit, RetryAfter};
pub use request_log::RequestRecord;
pub use server::{Handler, Server, StopHandle, serve};
pub use services::Services;
pub use wall_clock::TimestampFormat;
pub use wire_response::{AfterRaw, Framing, Pace, WireResponse};

/// Heylo in memory.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use heysync::sandbox::Heylo;
/// use heysync::sandbox::heylo::{Community, Event, Role};
///
/// let start = UNIX_EPOCH + Duration::from_secs(1_778_500_000);
/// let heylo = Heylo::new().community(
///     Community::new("abc123")
///         .members(["u1", "u2", "u3"])
///         .role(Role::new("captains").members(["u1"]))
///         .event(Event::new("e1", start).field("title", "Long run").attended("u2", "going")),
/// );
/// assert_eq!(heylo.role_members("abc123", "captains"), ["u1"]);
/// ```
pub type Heylo = Sandbox<heylo::State>;

/// Heylerts in memory.
///
/// # Examples
///
/// ```
/// use heysync::sandbox::Heylerts;
/// use heysync::sandbox::heylerts::{Alert, Mention, Plan};
///
/// let heylerts = Heylerts::new().plan(Plan::Starter);
/// let alert = heylerts.add_alert(
///     Alert::new("My brand", "heysync").webhook("https://hooks.example/heylerts", "whsec"),
/// );
/// heylerts.receive(Mention::new(&alert, "Look at this").source("reddit"));
/// assert_eq!(heylerts.take_deliveries()[0].event, "mention.created");
/// ```
pub type Heylerts = Sandbox<heylerts::State>;
