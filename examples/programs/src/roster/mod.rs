//! The parts of `roster_sync`: the people of a CSV file, the record of invites, and the plan.

mod invites;
mod people;
mod plan;

pub use invites::{Invites, Standing};
pub use people::People;
pub use plan::Plan;
