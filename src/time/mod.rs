//! Moments and days, as both services write them.

mod date;
mod timestamp;

pub use date::Date;
pub use timestamp::Timestamp;
