//! A response as it goes out over a connection, complete or not.

use std::io::{self, ErrorKind};

use http::StatusCode;

use crate::pipeline::transport::TransportError;

/// The largest body that the default transport accepts, in bytes; [`Fault::Oversized`] exceeds it.
///
/// [`Fault::Oversized`]: crate::sandbox::Fault::Oversized
pub(crate) const LARGEST_BODY: usize = 10 * 1024 * 1024;

/// A response as it goes out over a connection, complete or not.
///
/// [`Sandbox::respond`](crate::sandbox::Sandbox::respond) returns one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WireResponse {
    /// A complete response.
    Complete(http::Response<Vec<u8>>),
    /// The head of the response and this many bytes of its body; then the connection is closed.
    Truncated(http::Response<Vec<u8>>, usize),
    /// The connection is closed without a response.
    Closed,
    /// The connection is refused. Over a socket it is closed without a response.
    Unreachable,
    /// No response is sent in time. Over a socket the connection is closed.
    TimedOut,
}

impl WireResponse {
    /// Returns the status of the response, if its head is sent.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            WireResponse::Complete(response) | WireResponse::Truncated(response, _) => {
                Some(response.status())
            }
            _ => None,
        }
    }

    /// Returns what a transport would return.
    pub(crate) fn into_result(self) -> Result<http::Response<Vec<u8>>, TransportError> {
        let failed = |kind: ErrorKind, text| io::Error::new(kind, text);
        Err(match self {
            WireResponse::Complete(response) if response.body().len() <= LARGEST_BODY => {
                return Ok(response);
            }
            WireResponse::Complete(response) => {
                TransportError::body_too_large(response.into_parts().0, LARGEST_BODY as u64)
            }
            WireResponse::Truncated(response, _) => {
                let cause = failed(ErrorKind::UnexpectedEof, "the sandbox truncated the response");
                TransportError::body_lost(response.into_parts().0, cause)
            }
            WireResponse::Closed => TransportError::maybe_sent(failed(
                ErrorKind::ConnectionReset,
                "the sandbox closed the connection",
            )),
            WireResponse::Unreachable => TransportError::never_sent(failed(
                ErrorKind::ConnectionRefused,
                "the sandbox refused the connection",
            )),
            WireResponse::TimedOut => TransportError::maybe_sent(failed(
                ErrorKind::TimedOut,
                "the sandbox sent no response in time",
            )),
        })
    }
}
