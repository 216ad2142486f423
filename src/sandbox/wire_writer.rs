//! Writes a response to a connection, complete or not.

use std::io::{self, Write};

use super::exchange::Response;
use super::http1::{encode_head, has_connection_option, has_no_body};
use super::wall_clock::Interrupt;
use super::wire_response::{AfterRaw, Framing, Pace, WireResponse};

/// The number of pieces of a slow body.
const PIECES: usize = 10;

/// The state of the connection after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    KeepOpen,
    Close,
    /// Nothing more is sent until the client closes the connection.
    Stall,
    /// It is closed in a way that lets the client read the response.
    Linger,
}

/// Writes a response. `is_head` leaves out the body, and `keep_alive` is the wish of the client.
pub(crate) fn write(
    out: &mut impl Write,
    response: WireResponse,
    is_head: bool,
    keep_alive: bool,
    interrupt: &Interrupt,
) -> io::Result<After> {
    let keep_alive = keep_alive && !response.response().is_some_and(is_closing);
    let after = after(&response, keep_alive);
    let most = if is_head { 0 } else { usize::MAX };
    match response {
        WireResponse::Complete(response) => write_part(out, &response, most, keep_alive)?,
        WireResponse::Truncated(response, sent) | WireResponse::Stalled(response, sent) => {
            write_part(out, &response, sent.min(most), keep_alive)?;
        }
        WireResponse::Slow(response, pace) => {
            out.write_all(&head(&response, keep_alive))?;
            write_slowly(out, body(&response, most), &pace, interrupt)?;
        }
        WireResponse::Misframed(response, framing) => {
            write_misframed(out, &response, framing, is_head)?;
        }
        WireResponse::Raw(bytes, then) => write_raw(out, &bytes, then)?,
        WireResponse::Closed | WireResponse::Unreachable | WireResponse::TimedOut => {}
    }
    Ok(after)
}

/// Returns the state of the connection after this response.
fn after(response: &WireResponse, keep_alive: bool) -> After {
    match response {
        WireResponse::Complete(_)
        | WireResponse::Slow(..)
        | WireResponse::Misframed(_, Framing::ShortLength) => match keep_alive {
            true => After::KeepOpen,
            false => After::Linger,
        },
        WireResponse::Raw(_, AfterRaw::KeepOpen) => After::KeepOpen,
        WireResponse::Stalled(..) | WireResponse::Raw(_, AfterRaw::Stall) => After::Stall,
        _ => After::Close,
    }
}

/// Whether a handler, or an altered response, asks for the end of the connection.
fn is_closing(response: &Response) -> bool {
    has_connection_option(response.headers(), "close")
}

/// Returns this many bytes of the body, if the status allows one.
fn body(response: &Response, most: usize) -> &[u8] {
    match has_no_body(response.status()) {
        true => &[],
        false => &response.body()[..most.min(response.body().len())],
    }
}

/// Writes a head with the length of the whole body, and this many bytes of the body.
fn write_part(
    out: &mut impl Write,
    response: &Response,
    sent: usize,
    keep_alive: bool,
) -> io::Result<()> {
    out.write_all(&[&head(response, keep_alive)[..], body(response, sent)].concat())
}

fn head(response: &Response, keep_alive: bool) -> Vec<u8> {
    let mut framing = Vec::new();
    if !has_no_body(response.status()) {
        framing.push(format!("content-length: {}", response.body().len()));
    }
    if !keep_alive && !is_closing(response) {
        framing.push("connection: close".to_owned());
    }
    encode_head(response, &framing)
}

fn write_slowly(
    out: &mut impl Write,
    body: &[u8],
    pace: &Pace,
    interrupt: &Interrupt,
) -> io::Result<()> {
    let pieces = body.chunks(body.len().div_ceil(PIECES).max(1));
    let wait = pace.duration.checked_div(pieces.len() as u32).unwrap_or_default();
    for piece in pieces {
        pace.clock.wait(wait, interrupt);
        out.write_all(piece)?;
    }
    Ok(())
}

fn write_misframed(
    out: &mut impl Write,
    response: &Response,
    framing: Framing,
    is_head: bool,
) -> io::Result<()> {
    let body = response.body().as_slice();
    let (first, rest) = body.split_at(body.len() / 2);
    let (line, body) = match framing {
        Framing::ShortLength => (format!("content-length: {}", first.len()), body.to_vec()),
        Framing::InvalidLength => ("content-length: many".to_owned(), body.to_vec()),
        Framing::InvalidChunk => {
            ("transfer-encoding: chunked".to_owned(), [chunk(first), b"many\r\n".to_vec()].concat())
        }
        Framing::MissingLastChunk => {
            ("transfer-encoding: chunked".to_owned(), [chunk(first), chunk(rest)].concat())
        }
        Framing::NotHttp => return out.write_all(b"this is not HTTP\r\n\r\n"),
    };
    let head = encode_head(response, &[line]);
    out.write_all(&if is_head { head } else { [head, body].concat() })
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn write_raw(out: &mut impl Write, bytes: &[u8], then: AfterRaw) -> io::Result<()> {
    out.write_all(bytes)?;
    if then == AfterRaw::Flood {
        io::copy(&mut io::repeat(b' '), out)?;
    }
    Ok(())
}
