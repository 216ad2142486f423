//! A response as it goes out over a connection, complete or not.

use std::io::{self, ErrorKind};
use std::time::Duration;

use http::StatusCode;
use http::response::Parts;

use crate::pipeline::transport::TransportError;

use super::exchange::Response;
use super::wall_clock::{Interrupt, WallClock};

/// The largest body that the default transport accepts, in bytes; [`Fault::Oversized`] exceeds it.
///
/// [`Fault::Oversized`]: crate::sandbox::Fault::Oversized
pub(crate) const LARGEST_BODY: usize = 10 * 1024 * 1024;

/// A response as it goes out over a connection, complete or not.
///
/// A handler for [`serve`](crate::sandbox::serve) returns one, and so does
/// [`Sandbox::respond`](crate::sandbox::Sandbox::respond).
///
/// # Examples
///
/// A server that sends half a response and falls silent:
///
/// ```
/// use heysync::http::Response;
/// use heysync::sandbox::{self, WireResponse};
///
/// let server = sandbox::serve(0, |_| {
///     WireResponse::Stalled(Response::new(b"half and half".to_vec()), 5)
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WireResponse {
    /// A complete response.
    Complete(http::Response<Vec<u8>>),
    /// The head of the response and this many bytes of its body; then the connection is closed.
    Truncated(http::Response<Vec<u8>>, usize),
    /// The head of the response and this many bytes of its body; then nothing, until the client closes the
    /// connection.
    Stalled(http::Response<Vec<u8>>, usize),
    /// The head of the response, and then its body in small pieces.
    Slow(http::Response<Vec<u8>>, Pace),
    /// A response whose framing is wrong.
    Misframed(http::Response<Vec<u8>>, Framing),
    /// These bytes as they are, whether they are HTTP or not. Only [`serve`](crate::sandbox::serve) can send
    /// them.
    Raw(Vec<u8>, AfterRaw),
    /// The connection is closed without a response.
    Closed,
    /// The connection is refused. Over a socket it is closed without a response.
    Unreachable,
    /// No response is sent in time. Over a socket the connection is closed.
    TimedOut,
}

/// How long a slow body takes, and on which clock.
#[derive(Clone, Debug)]
pub struct Pace {
    pub(crate) duration: Duration,
    pub(crate) clock: WallClock,
}

/// An error in the framing of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// The `Content-Length` is half of the length; the other half of the body arrives in front of the next
    /// response.
    ShortLength,
    /// The `Content-Length` is no number.
    InvalidLength,
    /// The body is in chunks, and the size of the second is no number.
    InvalidChunk,
    /// The body is in chunks, and the connection is closed before the last.
    MissingLastChunk,
    /// The response starts with a line that is not HTTP.
    NotHttp,
}

/// The state of the connection after [`WireResponse::Raw`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AfterRaw {
    /// It stays open for the next request.
    KeepOpen,
    /// It is closed.
    Close,
    /// Nothing more is sent until the client closes it.
    Stall,
    /// Spaces are sent without end until the client closes it.
    Flood,
}

impl Pace {
    /// Creates the pace of a body that takes `duration` on the system clock.
    pub fn over(duration: Duration) -> Pace {
        Pace { duration, clock: WallClock::default() }
    }
}

impl WireResponse {
    /// Returns the status of the response, if its head is sent.
    pub fn status(&self) -> Option<StatusCode> {
        self.response().map(Response::status)
    }

    /// Returns the response whose head is sent, if any.
    pub(crate) fn response(&self) -> Option<&Response> {
        match self {
            WireResponse::Complete(response)
            | WireResponse::Truncated(response, _)
            | WireResponse::Stalled(response, _)
            | WireResponse::Slow(response, _)
            | WireResponse::Misframed(response, _) => Some(response),
            _ => None,
        }
    }

    /// Returns what a transport would return that waits for `timeout` on this clock.
    pub(crate) fn receive(
        self,
        clock: &WallClock,
        timeout: Duration,
    ) -> Result<Response, TransportError> {
        let wait = |duration| clock.wait(duration, &Interrupt::default());
        match self {
            WireResponse::Complete(response) => within_limit(response),
            WireResponse::Truncated(response, _) => Err(truncated(response.into_parts().0)),
            WireResponse::Stalled(response, _) => {
                wait(timeout);
                Err(timed_out(response.into_parts().0))
            }
            WireResponse::Slow(response, _) if response.body().is_empty() => Ok(response),
            WireResponse::Slow(response, Pace { duration, .. }) => {
                wait(duration.min(timeout));
                match duration < timeout {
                    true => within_limit(response),
                    false => Err(timed_out(response.into_parts().0)),
                }
            }
            WireResponse::Misframed(response, framing) => misframed(response, framing),
            WireResponse::Raw(..) => Err(maybe_sent(
                ErrorKind::Unsupported,
                "raw bytes are sent only by a server of the sandbox",
            )),
            WireResponse::Closed => Err(closed()),
            WireResponse::Unreachable => Err(unreachable()),
            WireResponse::TimedOut => Err(silent()),
        }
    }
}

fn within_limit(response: Response) -> Result<Response, TransportError> {
    match response.body().len() {
        0..=LARGEST_BODY => Ok(response),
        _ => Err(TransportError::body_too_large(response.into_parts().0, LARGEST_BODY as u64)),
    }
}

fn misframed(response: Response, framing: Framing) -> Result<Response, TransportError> {
    match framing {
        Framing::ShortLength => Ok(response.map(|mut body| body.drain(..body.len() / 2).collect())),
        Framing::InvalidChunk | Framing::MissingLastChunk => {
            Err(truncated(response.into_parts().0))
        }
        Framing::InvalidLength | Framing::NotHttp => {
            Err(maybe_sent(ErrorKind::InvalidData, "the response is not valid HTTP"))
        }
    }
}

fn truncated(head: Parts) -> TransportError {
    let cause = failure(ErrorKind::UnexpectedEof, "the sandbox truncated the response");
    TransportError::body_lost(head, cause)
}

fn timed_out(head: Parts) -> TransportError {
    let cause = failure(ErrorKind::TimedOut, "the rest of the response did not arrive in time");
    TransportError::body_lost(head, cause)
}

fn closed() -> TransportError {
    maybe_sent(ErrorKind::ConnectionReset, "the sandbox closed the connection")
}

fn unreachable() -> TransportError {
    let cause = failure(ErrorKind::ConnectionRefused, "the sandbox refused the connection");
    TransportError::never_sent(cause)
}

fn silent() -> TransportError {
    maybe_sent(ErrorKind::TimedOut, "the sandbox sent no response in time")
}

fn maybe_sent(kind: ErrorKind, message: &'static str) -> TransportError {
    TransportError::maybe_sent(failure(kind, message))
}

fn failure(kind: ErrorKind, message: &'static str) -> io::Error {
    io::Error::new(kind, message)
}
