//! What goes back over the wire, whole or not.

use std::io::{self, ErrorKind};

use http::StatusCode;

use crate::pipeline::transport::TransportError;

/// The largest body that the default transport takes in, in bytes; [`Fault::Oversized`] exceeds it.
pub(crate) const LARGEST_BODY: usize = 10 * 1024 * 1024;

/// What a request brings back, as it would go over a wire.
///
/// [`Transport::send`](crate::Transport::send) makes of it what a transport would. It is of use to
/// those who serve a sandbox on a socket.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reply {
    /// A whole answer.
    Answer(http::Response<Vec<u8>>),
    /// The answer's head, and so many bytes of its body; then the connection is cut.
    Broken(http::Response<Vec<u8>>, usize),
    /// The connection is cut without an answer.
    Cut,
    /// No connection comes about.
    Unreachable,
    /// No answer comes in time.
    TimedOut,
}

impl Reply {
    /// The status of the answer, where its head goes out.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Reply::Answer(answer) | Reply::Broken(answer, _) => Some(answer.status()),
            _ => None,
        }
    }

    /// What a transport makes of this.
    pub(crate) fn into_result(self) -> Result<http::Response<Vec<u8>>, TransportError> {
        let failed = |kind: ErrorKind, text| io::Error::new(kind, text);
        Err(match self {
            Reply::Answer(answer) if answer.body().len() <= LARGEST_BODY => return Ok(answer),
            Reply::Answer(answer) => {
                TransportError::body_too_large(answer.into_parts().0, LARGEST_BODY as u64)
            }
            Reply::Broken(answer, _) => {
                let cause = failed(ErrorKind::UnexpectedEof, "the sandbox cut the answer");
                TransportError::body_lost(answer.into_parts().0, cause)
            }
            Reply::Cut => TransportError::maybe_sent(failed(
                ErrorKind::ConnectionReset,
                "the sandbox cut the connection",
            )),
            Reply::Unreachable => TransportError::never_sent(failed(
                ErrorKind::ConnectionRefused,
                "the sandbox cannot be reached",
            )),
            Reply::TimedOut => TransportError::maybe_sent(failed(
                ErrorKind::TimedOut,
                "the sandbox did not answer in time",
            )),
        })
    }
}
