//! What one of the two services is to the sandbox that runs it.

use std::fmt::Debug;
use std::time::SystemTime;

use super::exchange::{Answer, Incoming};
use super::limit::Limit;

/// A service's data and what it makes of a request: [`heylo::World`](crate::sandbox::heylo::World) or
/// [`heylerts::World`](crate::sandbox::heylerts::World).
pub trait Service: Clone + Debug + Default + Send + 'static {
    /// The limit that the vendor's page names.
    #[doc(hidden)]
    fn usual_limit() -> Limit;

    /// Whose request this is, to count it; empty where it does not say.
    #[doc(hidden)]
    fn key(request: &Incoming) -> String;

    /// Whether the answers say how much of the limit is left.
    #[doc(hidden)]
    fn tells_what_is_left(&self) -> bool;

    /// Does what is asked for and answers.
    #[doc(hidden)]
    fn answer(&mut self, request: &Incoming, now: SystemTime) -> Answer;

    /// A 429.
    #[doc(hidden)]
    fn refusal() -> Answer;
}
