//! The kinds of errors, and their hints.

use std::fmt;

/// The kinds of [`Error`](crate::Error), to match on.
///
/// [`Error::applied`](crate::Error::applied) returns whether the call took effect, [`Error::is_temporary`](crate::Error::is_temporary) whether the same call may
/// succeed later; both consider more than the kind.
///
/// It prints as a few words, such as `rate limited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument cannot be right. Nothing was sent.
    InvalidInput,
    /// The client cannot be built: a missing or unusable key, a bad address, a value out of range.
    Configuration,
    /// 401: the key is missing, unknown or revoked.
    Unauthorized,
    /// 403: the plan or its quota does not allow the call.
    Forbidden,
    /// 404: the object does not exist, or belongs to another account.
    NotFound,
    /// Another 4xx, or a success whose body reports a failure: the service rejected the request.
    Rejected,
    /// 429: the rate limit was exceeded, until the deadline or the last attempt.
    RateLimited,
    /// A 5xx, or a 408: the service failed. Sending the call again does no harm.
    Server,
    /// A 3xx. Redirects are not followed, since they would take the key along.
    Redirect,
    /// The request was not sent: no address, no connection, no TLS.
    NotSent,
    /// The request was sent and no response was received. Sending the call again does no harm.
    NoResponse,
    /// The call may or may not have taken effect, and sending it again could apply it twice.
    OutcomeUnknown,
    /// The call took effect, but its response could not be read.
    AppliedUnreadable,
    /// The response, or one item of it, could not be read.
    Unreadable,
    /// A wait for the rate limit would have outlasted the deadline, or the caller's own code (an observer, a key source) has
    /// outlasted it. Nothing was sent.
    Deadline,
    /// The request was printed instead of sent, by a [`DryRun`](crate::DryRun).
    DryRun,
    /// The call was [cancelled](crate::Cancellation) before it was sent, or before it was sent again.
    Cancelled,
    /// The tokens of the rate limit are shared with other processes, and cannot be reached or cannot be used. Nothing was
    /// sent.
    SharedLimit,
    /// The journal of [`Bulk::next_recorded`](crate::heylo::Bulk::next_recorded), or the line of a
    /// [`DryRun`](crate::DryRun), could not be written. Nothing was sent.
    Output,
    /// The pages of a list do not advance: the server repeats itself.
    NoProgress,
}

/// Whether a call took effect, as [`Error::applied`](crate::Error::applied) returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Applied {
    /// It changed nothing.
    No,
    /// It may have taken effect: a request was sent whose outcome is not known.
    Unknown,
    /// It took effect.
    Yes,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::InvalidInput => "invalid input",
            ErrorKind::Configuration => "bad configuration",
            ErrorKind::Unauthorized => "unauthorized",
            ErrorKind::Forbidden => "forbidden",
            ErrorKind::NotFound => "not found",
            ErrorKind::Rejected => "rejected",
            ErrorKind::RateLimited => "rate limited",
            ErrorKind::Server => "server error",
            ErrorKind::Redirect => "redirect",
            ErrorKind::NotSent => "not sent",
            ErrorKind::NoResponse => "no response",
            ErrorKind::OutcomeUnknown => "outcome unknown",
            ErrorKind::AppliedUnreadable => "applied, response unreadable",
            ErrorKind::Unreadable => "response unreadable",
            ErrorKind::Deadline => "deadline too short",
            ErrorKind::DryRun => "dry run",
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::SharedLimit => "shared limit unavailable",
            ErrorKind::Output => "output not written",
            ErrorKind::NoProgress => "no progress",
        })
    }
}

impl ErrorKind {
    /// The hint for every error of this kind that has none of its own.
    pub(super) fn hint(self) -> Option<&'static str> {
        Some(match self {
            ErrorKind::Unauthorized => {
                "check the API key: it may be mistyped, revoked, or another account's"
            }
            ErrorKind::Forbidden => "check the account's plan and its quota",
            ErrorKind::NotFound => "check the id, and that the key's account owns it",
            ErrorKind::RateLimited => {
                "something else uses this key too; run one at a time, or lower the rate"
            }
            ErrorKind::Redirect => "check the base address: it must be the final one, with https",
            ErrorKind::NotSent => "check the network, the proxy and the base address",
            ErrorKind::NoResponse | ErrorKind::Server => {
                "try again later; sending the call again does no harm"
            }
            ErrorKind::OutcomeUnknown => "find out whether it took effect before sending it again",
            ErrorKind::AppliedUnreadable => "do not send it again: it took effect",
            ErrorKind::Deadline => "raise the deadline, or send less at once",
            _ => return None,
        })
    }
}
