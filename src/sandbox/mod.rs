//! Both services in memory, for tests and trials.
//!
//! [`Heylo`] and [`Heylerts`] hold communities, alerts and mentions, and answer requests as the vendors'
//! pages say: with their checks, pages, quotas and limits. Each is a [`Transport`](crate::Transport):
//! handed to a client's [`Config`](crate::Config) it takes the place of the network. [`Services`] are
//! both behind one address, for a socket.
//!
//! # Testing your code
//!
//! A test makes a sandbox, hands a clone of it to the client, runs the code, and looks into the sandbox.
//! Here it is a script that brings a role up to date and removes who left the club:
//!
//! ```
//! use heysync::heylo::Client;
//! use heysync::{Config, ErrorKind};
//!
//! fn sync(client: &Client, captains: &[&str], left: &[&str]) -> heysync::Result<()> {
//!     let club = client.community("abc123");
//!     club.role("captains").set_members(captains.iter().copied())?;
//!     for removal in club.remove_each(left) {
//!         match removal.result {
//!             // Removed by an earlier run.
//!             Err(error) if error.kind() == ErrorKind::NotFound => {}
//!             result => drop(result?),
//!         }
//!     }
//!     Ok(())
//! }
//!
//! use heysync::sandbox::heylo::{Community, Role};
//! use heysync::sandbox::{Heylo, FaultPoint, TestClock, Fault};
//!
//! /// A club of twelve, and a client of it. Nobody waits for real.
//! fn club(key: &str) -> heysync::Result<(Heylo, Client)> {
//!     let clock = TestClock::new();
//!     let members = (1..=12).map(|number| format!("u{number}"));
//!     let club = Community::new("abc123").members(members);
//!     let club = club.role(Role::new("captains").members(["u1", "u2"]));
//!     let heylo = Heylo::new().community(club).clock(clock.clone());
//!     let config = Config::new().transport(heylo.clone()).clock(clock).retries(0);
//!     Ok((heylo, Client::with_config(key, config)?))
//! }
//!
//! const LEFT: [&str; 7] = ["u6", "u7", "u8", "u9", "u10", "u11", "u12"];
//!
//! fn the_role_is_brought_up_to_date_and_who_left_is_removed() -> heysync::Result<()> {
//!     let (heylo, client) = club("happy-path")?;
//!     sync(&client, &["u2", "u3"], &LEFT)?;
//!     assert_eq!(heylo.role_members("abc123", "captains"), ["u2", "u3"]);
//!     assert_eq!(heylo.member_ids("abc123"), ["u1", "u2", "u3", "u4", "u5"]);
//!     // Nine requests at five a second, and never one too many.
//!     assert_eq!(heylo.requests().len(), 9);
//!     assert_eq!(heylo.refusals(), 0);
//!     assert!(heylo.most_in_any_window() <= 5);
//!     Ok(())
//! }
//!
//! fn a_run_that_failed_is_taken_up_again() -> heysync::Result<()> {
//!     let (heylo, client) = club("resume")?;
//!     // Somewhere in the middle, a removal is done, and its answer lost.
//!     heylo.inject_if(1, Fault::Cut(FaultPoint::AfterEffect), |request| {
//!         request.json()["userId"] == "u8"
//!     });
//!     let error = sync(&client, &["u2", "u3"], &LEFT).unwrap_err();
//!     assert_eq!(error.kind(), ErrorKind::NoResponse);
//!     assert!(heylo.member_ids("abc123").contains(&"u9".to_owned()));
//!     // The second run does what is left.
//!     sync(&client, &["u2", "u3"], &LEFT)?;
//!     assert_eq!(heylo.member_ids("abc123"), ["u1", "u2", "u3", "u4", "u5"]);
//!     assert_eq!(heylo.refusals(), 0);
//!     Ok(())
//! }
//! # the_role_is_brought_up_to_date_and_who_left_is_removed()?;
//! # a_run_that_failed_is_taken_up_again()?;
//! # Ok::<(), heysync::Error>(())
//! ```
//!
//! * **A key for each test, and one client for each key.** Clones of a client share a token bucket; a
//!   second client with the same key might not, and tests run side by side.
//! * **One clock.** The sandbox counts by its clock, and the client waits on its own: hand the same
//!   [`TestClock`] to both. Tests with threads read [its page](TestClock).
//! * **Data.** [`demo`](Heylo::demo) is a club or an account in one line; or build it item by item, change
//!   it at any time by [`change`](Sandbox::change), and look at [`state`](Sandbox::state).
//! * **Fault.** [`inject`](Sandbox::inject) and [`inject_if`](Sandbox::inject_if) let requests
//!   run into a [`Fault`]: a lost answer, a 502, a truncated body. [`before`](Sandbox::before) changes a
//!   list between two pages.
//! * **Other readings.** Where the vendors' pages are silent, [`heylo::Settings`] and
//!   [`heylerts::Settings`] choose: short pages, no answer bodies, times without offset. [`Limit`] counts
//!   in four ways. Code that passes under each of them is ready for what the services really do.
//! * **Webhooks.** [`Heylerts::receive`](Sandbox::receive) lets a mention arrive, and
//!   [`take_deliveries`](Sandbox::take_deliveries) gives what your webhook would get, which
//!   [`to_request`](heylerts::Delivery::to_request) makes a signed request of:
//!   `delivery.to_request(|secret, body| webhook::sign(secret, body))`.
//! * **What came.** [`requests`](Sandbox::requests) is every request and its status; a server that runs for
//!   long [keeps fewer](Sandbox::keep_requests). "Never refused" is `refusals() == 0`, and
//!   [`most_in_any_window`](Sandbox::most_in_any_window) tells how near it was.
//! * **Other languages.** `cargo run --features sandbox --example sandbox_server` serves both on a
//!   loopback port.

mod calendar;
mod clock;
mod exchange;
mod fault;
mod handle;
pub mod heylerts;
pub mod heylo;
mod journal;
mod limit;
mod meter;
mod planned;
#[cfg(test)]
mod probe;
mod reception;
mod reply;
mod service;
mod services;
mod tally;

pub use calendar::TimeStyle;
pub use clock::{Participant, TestClock};
pub use fault::{Fault, FaultPoint};
pub use handle::Sandbox;
pub use heylerts::Heylerts;
pub use heylo::Heylo;
pub use journal::Recorded;
pub use limit::{Algorithm, Limit, RetryAfter};
pub use reply::Reply;
pub use services::Services;
