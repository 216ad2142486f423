//! A trouble that waits for its requests.

use std::fmt;

use super::journal::Recorded;
use super::trouble::Trouble;

/// A trouble, and the requests that it waits for.
pub(crate) struct Planned {
    left: usize,
    trouble: Trouble,
    applies: Box<dyn Fn(&Recorded) -> bool + Send + Sync>,
}

impl Planned {
    pub(crate) fn new(
        count: usize,
        trouble: Trouble,
        applies: impl Fn(&Recorded) -> bool + Send + Sync + 'static,
    ) -> Planned {
        Planned { left: count, trouble, applies: Box::new(applies) }
    }

    /// Whether it still waits for a request.
    pub(crate) fn is_to_come(&self) -> bool {
        self.left > 0
    }

    /// The trouble, if it befalls this request; it is then one fewer.
    pub(crate) fn strikes(&mut self, request: &Recorded) -> Option<Trouble> {
        if !self.is_to_come() || !(self.applies)(request) {
            return None;
        }
        self.left -= 1;
        Some(self.trouble.clone())
    }
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {:?}", self.left, self.trouble)
    }
}
