//! A fault that waits for its requests.

use std::fmt;

use super::fault::Fault;
use super::journal::Recorded;

/// A fault, and the requests that it waits for.
pub(crate) struct Planned {
    left: usize,
    fault: Fault,
    applies: Box<dyn Fn(&Recorded) -> bool + Send + Sync>,
}

impl Planned {
    pub(crate) fn new(
        count: usize,
        fault: Fault,
        applies: impl Fn(&Recorded) -> bool + Send + Sync + 'static,
    ) -> Planned {
        Planned { left: count, fault, applies: Box::new(applies) }
    }

    /// Whether it still waits for a request.
    pub(crate) fn is_to_come(&self) -> bool {
        self.left > 0
    }

    /// The fault, if it befalls this request; it is then one fewer.
    pub(crate) fn strikes(&mut self, request: &Recorded) -> Option<Fault> {
        if !self.is_to_come() || !(self.applies)(request) {
            return None;
        }
        self.left -= 1;
        Some(self.fault.clone())
    }
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {:?}", self.left, self.fault)
    }
}
