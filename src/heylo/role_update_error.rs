//! The error of an update that may have been made in part.

use std::error::Error as StdError;
use std::fmt;

use super::member_change::MemberChange;
use super::role_update::RoleUpdate;
use crate::error::{Error, ErrorKind};

/// The error of an update of a role, perhaps after some of its requests were applied.
///
/// It prints how far the update came; its [`source`](StdError::source) is the [`Error`] of the request that
/// failed. `?` turns it into an [`Error`] that prints both and drops the rest. A script that continues sends
/// [`left`](RoleUpdateError::left) again.
///
/// # Examples
///
/// Three hundred people are three requests, and the second one fails:
///
/// ```
/// use heysync::heylo::RoleUpdate;
///
/// # use heysync::{Config, heylo, sandbox};
/// # let (service, clock) = (sandbox::Heylo::demo(), sandbox::TestClock::new());
/// # service.inject_if(1, sandbox::Fault::ServerError(sandbox::FaultPoint::BeforeEffect), |r| r.number == 2);
/// # let config = Config::new().transport(service).clock(clock).retries(0);
/// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
/// let captains = community.role("captains");
/// let everybody = RoleUpdate::new().add((1..=300).map(|n| format!("user-{n}")));
/// let failed = captains.update(&everybody).unwrap_err();
/// assert_eq!(failed.to_string(), "the update failed after 100 of 300 ids");
/// assert_eq!(failed.error.status().unwrap(), 500);
/// assert_eq!(failed.change.added.len() + failed.change.ignored.len(), 100);
/// assert_eq!(failed.left.added().len(), 200);
/// captains.update(&failed.left)?;
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct RoleUpdateError {
    /// The changes that were made before the failure.
    pub change: MemberChange,
    /// The part that is left: the request that failed, and those after it. It can be sent again as it is, since
    /// an update is idempotent.
    pub left: RoleUpdate,
    /// The error of the request that failed.
    pub error: Error,
}

impl RoleUpdateError {
    /// Returns the kind of the [`error`](RoleUpdateError::error).
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// Returns the hint of the [`error`](RoleUpdateError::error).
    pub fn hint(&self) -> Option<&str> {
        self.error.hint()
    }

    fn progress(&self) -> Option<String> {
        let (done, left) = (self.change.count(), self.left.len());
        (done > 0).then(|| format!("after {done} of {} ids", done + left))
    }
}

impl fmt::Display for RoleUpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.progress() {
            Some(progress) => write!(f, "the update failed {progress}"),
            None => f.write_str("the update failed"),
        }
    }
}

impl StdError for RoleUpdateError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.error)
    }
}

impl From<RoleUpdateError> for Error {
    fn from(failed: RoleUpdateError) -> Error {
        match failed.progress() {
            Some(progress) => failed.error.noting(&format!("the update failed {progress}")),
            None => failed.error,
        }
    }
}

impl From<Error> for RoleUpdateError {
    fn from(error: Error) -> RoleUpdateError {
        RoleUpdateError { change: MemberChange::default(), left: RoleUpdate::default(), error }
    }
}
