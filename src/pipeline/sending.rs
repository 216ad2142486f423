//! The sending of one request: whether a byte of it was sent, in what time, and what happens if the server responds
//! before it has read the whole request.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use ureq::ProxyProtocol;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, NextTimeout, Transport,
};

/// The events on this thread within one [`watch`].
///
/// ureq does everything except look-ups on the calling thread, and a pooled connection never passes the
/// connector, so a thread-local is how a connection finds the request that it carries.
#[derive(Clone, Copy, Default)]
pub(crate) struct Note {
    /// How many connectors are at work. Bytes sent meanwhile belong to TLS, SOCKS or CONNECT.
    pub(crate) connecting: u32,
    /// When they have to be done: ureq grants each read from a proxy the whole timeout.
    connected_by: Option<Instant>,
    /// A byte of the request was handed to a connection.
    pub(crate) sent: bool,
    /// A socket took a byte of it.
    taken: bool,
    /// A socket refused to take any of it.
    refused: bool,
    /// The server stopped reading before the request ended.
    cut: bool,
    /// Whether the first record of TLS that came after the request is an alert of TLS 1.3.
    begins_with_alert: Option<bool>,
    /// A connection that was asked whether it is open may have got an alert of TLS, which TLS knows.
    may_have_ended: bool,
    /// The resolver, the connector or a connection was called on this thread.
    seen: bool,
    /// A connection that has idled for longer is not used.
    pub(crate) max_idle: Option<Duration>,
    /// When the call ends.
    ends_at: Option<Instant>,
}

const NOTHING: Note = Note {
    connecting: 0,
    connected_by: None,
    sent: false,
    taken: false,
    refused: false,
    cut: false,
    begins_with_alert: None,
    may_have_ended: false,
    seen: false,
    max_idle: None,
    ends_at: None,
};

thread_local! {
    static NOTE: Cell<Note> = const { Cell::new(NOTHING) };
}

/// Restores a note when it is dropped, also by a panic.
struct Restore(Note);

impl Drop for Restore {
    fn drop(&mut self) {
        NOTE.set(self.0);
    }
}

pub(crate) fn note() -> Note {
    NOTE.get()
}

pub(crate) fn mark_seen() {
    NOTE.set(Note { seen: true, ..NOTE.get() });
}

/// Marks a byte of the request as sent.
pub(crate) fn mark_sent() {
    NOTE.set(Note { sent: true, ..NOTE.get() });
}

/// Notes whether a record is an alert of TLS 1.3, if it is the first one after the request.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub(crate) fn mark_record(is_alert: bool) {
    mark_request(|note| {
        note.begins_with_alert.get_or_insert(is_alert);
    });
}

/// Notes that TLS has to be asked whether it has ended.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub(crate) fn suspect_end() {
    NOTE.set(Note { may_have_ended: true, ..NOTE.get() });
}

/// Returns whether [`suspect_end`] was called since the last time.
pub(crate) fn take_suspicion() -> bool {
    let note = NOTE.get();
    NOTE.set(Note { may_have_ended: false, ..note });
    note.may_have_ended
}

/// Whether the first record after the request may be an alert of TLS 1.3: it came in place of a response. Most servers that
/// accept the client send session tickets before that.
pub(crate) fn begins_with_alert() -> bool {
    NOTE.get().begins_with_alert == Some(true)
}

/// Takes back that the request was sent: it turned out that the connection was never made.
pub(crate) fn mark_unsent() {
    NOTE.set(Note { sent: false, ..NOTE.get() });
}

/// Notes what happens to a request; a handshake is none.
fn mark_request(change: impl FnOnce(&mut Note)) {
    let mut note = NOTE.get();
    if note.connecting == 0 {
        change(&mut note);
        NOTE.set(note);
    }
}

/// Runs `connect`, which makes a connection within `timeout`.
pub(crate) fn connecting<T>(timeout: NextTimeout, connect: impl FnOnce() -> T) -> T {
    let note = Note { seen: true, ..NOTE.get() };
    let _restore = Restore(note);
    let own = Instant::now().checked_add(*timeout.after);
    let connected_by = note.connected_by.or(own);
    NOTE.set(Note { connecting: note.connecting + 1, connected_by, ..note });
    connect()
}

/// Returns what is left of the call's time.
pub(crate) fn left() -> Duration {
    let ends_at = NOTE.get().ends_at;
    ends_at.map_or(Duration::MAX, |it| it.saturating_duration_since(Instant::now()))
}

/// Returns what is left of `timeout` for one step in making a connection; all of it for a request.
pub(crate) fn left_of(timeout: NextTimeout) -> Result<NextTimeout, ureq::Error> {
    let Note { connecting: 1.., connected_by: Some(by), .. } = NOTE.get() else {
        return Ok(timeout);
    };
    let left = by.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ureq::Error::Timeout(timeout.reason));
    }
    Ok(NextTimeout { after: left.min(*timeout.after).into(), ..timeout })
}

/// How much of a request may have been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Nothing,
    /// Not all of it, since the server stopped reading.
    Part,
    Whole,
}

/// Runs `call`, which sends one request, and returns how much of the request may have been sent.
///
/// It takes `timeout` at most, and uses no connection that has idled for `max_idle` or longer, if that is given.
pub(crate) fn watch<T>(
    max_idle: Option<Duration>,
    timeout: Duration,
    call: impl FnOnce() -> T,
) -> (T, Sent) {
    let ends_at = Instant::now().checked_add(timeout);
    let _restore = Restore(NOTE.replace(Note { max_idle, ends_at, ..NOTHING }));
    let outcome = call();
    let note = NOTE.get();
    let is_refused = note.refused && !note.taken;
    // If ureq called nothing of this module on this thread, the request counts as sent.
    let sent = match (note.sent && !is_refused) || !note.seen {
        false => Sent::Nothing,
        true if note.cut => Sent::Part,
        true => Sent::Whole,
    };
    (outcome, sent)
}

/// Puts a [`Sending`] around each socket.
#[derive(Debug)]
pub(crate) struct Sockets;

impl<In: Transport> Connector<In> for Sockets {
    type Out = Either<In, Sending<In>>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        // The socket of a tunnel is inside the connection to its proxy.
        let is_tunnel = details.config.proxy().is_some_and(|proxy| {
            matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https)
        });
        Ok(chained.map(|inner| match is_tunnel {
            true => Either::A(inner),
            false => Either::B(Sending { inner, cut: None, failure: None }),
        }))
    }
}

/// A socket, below TLS.
///
/// A server may respond, as with a 413, without reading the request to its end. When it then closes the connection or
/// reads no more, the rest of the request is left out and the response is read, as RFC 9112 (9.5) demands. In a
/// handshake, the response is an alert with the reason; if there is none, the handshake may look complete from this side,
/// and the request is not sent.
#[derive(Debug)]
pub(crate) struct Sending<T> {
    inner: T,
    /// The part that was under way when the server stopped reading. The rest of it is left out.
    cut: Option<Cut>,
    /// Why, as long as nothing was received after that.
    failure: Option<ureq::Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Handshake,
    Request,
}

impl Cut {
    fn now() -> Cut {
        if NOTE.get().connecting > 0 { Cut::Handshake } else { Cut::Request }
    }
}

/// The time for which one write may wait for the server. Of a request, two of them leave a fifth for the response,
/// since a write that is half done when its time is up is followed by another.
fn patience(timeout: NextTimeout) -> Result<NextTimeout, ureq::Error> {
    match NOTE.get().connecting {
        0 => Ok(NextTimeout { after: (*timeout.after * 2 / 5).into(), ..timeout }),
        _ => left_of(timeout),
    }
}

/// Whether the server has closed the connection, or reads no more of a request. It may have responded before.
fn ends_sending(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Timeout(_) => NOTE.get().connecting == 0,
        ureq::Error::Io(error) => matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
        ),
        _ => false,
    }
}

/// A write of more than this is often half done several times when its time is up, and takes as many times.
const MOST_AT_ONCE: usize = 16 * 1024;

/// As much as an idle socket takes at once or not at all: its buffer is empty, and larger than this on every system.
const MOST_TAKEN_WHOLE: usize = 4 * 1024;

fn less(timeout: NextTimeout, elapsed: Duration) -> Result<NextTimeout, ureq::Error> {
    match timeout.after.saturating_sub(elapsed) {
        Duration::ZERO => Err(ureq::Error::Timeout(timeout.reason)),
        left => Ok(NextTimeout { after: left.into(), ..timeout }),
    }
}

impl<T: Transport> Sending<T> {
    fn transmit(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        match self.cut {
            Some(cut) if cut == Cut::now() => return Ok(()),
            Some(_) => {
                mark_request(|note| note.refused = true);
                let lost = || ureq::Error::Io(io::ErrorKind::ConnectionReset.into());
                return Err(self.failure.take().unwrap_or_else(lost));
            }
            None => {}
        }
        match self.inner.transmit_output(amount, patience(timeout)?) {
            Err(error) if ends_sending(&error) => {
                let is_refused =
                    amount <= MOST_TAKEN_WHOLE && !matches!(error, ureq::Error::Timeout(_));
                mark_request(|note| {
                    note.refused |= is_refused;
                    note.cut = true;
                });
                (self.cut, self.failure) = (Some(Cut::now()), Some(error));
                Ok(())
            }
            outcome => {
                mark_request(|note| note.taken = true);
                outcome
            }
        }
    }
}

impl<T: Transport> Transport for Sending<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        if amount <= MOST_AT_ONCE {
            return self.transmit(amount, timeout);
        }
        let (started, mut left) = (Instant::now(), amount);
        while left > MOST_AT_ONCE {
            self.transmit(MOST_AT_ONCE, less(timeout, started.elapsed())?)?;
            self.inner.buffers().output().copy_within(MOST_AT_ONCE..left, 0);
            left -= MOST_AT_ONCE;
        }
        self.transmit(left, less(timeout, started.elapsed())?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        match self.inner.await_input(left_of(timeout)?) {
            Ok(true) => {
                self.failure = None;
                Ok(true)
            }
            Err(error @ ureq::Error::Timeout(_)) => Err(error),
            outcome => self.failure.take().map_or(outcome, Err),
        }
    }

    fn is_open(&mut self) -> bool {
        // TLS leaves here what the server sent behind the response; ureq looks for it above TLS only.
        let is_read = self.inner.buffers().input().is_empty();
        self.cut.is_none() && is_read && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use ureq::unversioned::transport::LazyBuffers;
    use ureq::unversioned::transport::time::Duration as Timeout;

    use super::*;

    fn second() -> NextTimeout {
        NextTimeout {
            after: Timeout::from_secs(1),
            reason: ureq::Timeout::Global,
            per_read: None,
            per_write: None,
        }
    }

    /// A socket that takes so many writes before its server reads no more.
    #[derive(Debug)]
    struct Closing(LazyBuffers, usize);

    impl Closing {
        fn after(writes: usize) -> Sending<Closing> {
            let inner = Closing(LazyBuffers::new(64, 64), writes);
            Sending { inner, cut: None, failure: None }
        }
    }

    impl Transport for Closing {
        fn buffers(&mut self) -> &mut dyn Buffers {
            &mut self.0
        }

        fn transmit_output(&mut self, _: usize, _: NextTimeout) -> Result<(), ureq::Error> {
            let left = self.1.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe);
            self.1 = left.map_err(|kind| ureq::Error::Io(kind.into()))?;
            Ok(())
        }

        fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
            Ok(true)
        }

        fn is_open(&mut self) -> bool {
            true
        }
    }

    #[test]
    fn nothing_is_sent_on_a_connection_whose_handshake_was_cut() {
        let timeout = second();
        for is_alert_read in [true, false] {
            let mut socket = Closing::after(0);
            // The reason may be in an alert, so that the handshake goes on.
            let handshake = connecting(timeout, || socket.transmit_output(8, timeout));
            assert!(handshake.is_ok(), "{handshake:?}");
            if is_alert_read {
                assert!(socket.await_input(timeout).is_ok_and(|is_more| is_more));
            }
            let (outcome, sent) = watch(None, Duration::MAX, || {
                mark_seen();
                mark_sent();
                socket.transmit_output(8, timeout)
            });
            assert!(matches!(outcome, Err(ureq::Error::Io(_))), "{outcome:?}");
            assert!(sent == Sent::Nothing && !socket.is_open());
        }
    }

    #[test]
    fn the_rest_of_a_request_that_is_cut_is_left_out() {
        let small = 8;
        for (taken, amount, expected) in [
            // A socket that refuses the first write has sent nothing of it, unless that is a large one.
            (0, small, Sent::Nothing),
            (0, MOST_AT_ONCE, Sent::Part),
            (1, small, Sent::Part),
            (2, small, Sent::Part),
            (4, small, Sent::Whole),
        ] {
            let mut socket = Closing::after(taken);
            let sent = watch(None, Duration::MAX, || {
                mark_seen();
                for _ in 0..4 {
                    mark_sent();
                    assert!(socket.transmit_output(amount, second()).is_ok());
                }
            });
            let is_whole = expected == Sent::Whole;
            assert_eq!((sent.1, socket.is_open()), (expected, is_whole), "{taken} {amount}");
        }
    }

    #[test]
    fn bytes_that_ureq_sent_on_another_thread_count_as_sent() {
        assert_eq!(watch(None, Duration::MAX, || ()).1, Sent::Whole);
        assert_eq!(watch(None, Duration::MAX, mark_seen).1, Sent::Nothing);
        let (_, sent) = watch(None, Duration::MAX, || {
            mark_seen();
            NOTE.set(Note { sent: true, ..NOTE.get() });
            // A call inside this one, as of an observer, has a note of its own.
            assert_eq!(watch(None, Duration::MAX, mark_seen).1, Sent::Nothing);
        });
        assert_eq!(sent, Sent::Whole);
    }
}
