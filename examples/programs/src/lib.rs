//! The parts that the programs share: options, clients, progress, stopping, files, failures.
//!
//! Every program in `src/bin` is `main`, which passes `run` to [`main`], and a `run` that reads top to bottom.

pub mod confirm;
pub mod failure;
pub mod files;
pub mod filters;
pub mod options;
pub mod progress;
pub mod report;
pub mod roster;
pub mod stop;
pub mod table;

pub use failure::{Failure, Outcome, main};
pub use filters::Filters;
pub use options::Options;
pub use progress::Reporter;
pub use stop::Stop;
