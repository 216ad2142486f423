//! Both services in memory, for tests and trials.

mod clock;

pub use clock::{Participant, TestClock};
