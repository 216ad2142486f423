//! Both services in memory, for tests and trials.
//!
//! [`Heylo`] and [`Heylerts`] hold communities, alerts and mentions, and answer requests as the vendors'
//! pages say, with their limits. Each is a [`Transport`](crate::Transport): handed to a client's
//! configuration it takes the place of the network.

mod calendar;
mod clock;
mod exchange;
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
mod trouble;

pub use calendar::TimeStyle;
pub use clock::{Participant, TestClock};
pub use handle::Sandbox;
pub use heylerts::Heylerts;
pub use heylo::Heylo;
pub use journal::Recorded;
pub use limit::{Algorithm, Limit, RetryAfter};
pub use reply::Reply;
pub use services::Services;
pub use trouble::{Moment, Trouble};
