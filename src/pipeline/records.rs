//! The records of TLS, between the socket and TLS: their headers, which are not encrypted.

use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, NextTimeout, Transport,
};

use super::sending;

/// Puts a [`Records`] below each TLS connection.
#[derive(Debug)]
pub(crate) struct RecordsConnector;

impl<In: Transport> Connector<In> for RecordsConnector {
    type Out = Either<In, Records<In>>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(chained.map(|inner| match details.needs_tls() && !inner.is_tls() {
            true => Either::B(Records {
                inner,
                carries_requests: sending::note().connecting == 1,
                reader: Reader::default(),
            }),
            false => Either::A(inner),
        }))
    }
}

/// A connection below TLS, of which the records that arrive are looked at.
///
/// TLS reads ahead: if the alert that announces the end arrives together with a response, nobody sees it, while the connection
/// below is still open.
#[derive(Debug)]
pub(crate) struct Records<T> {
    inner: T,
    /// False for the connection to a proxy, inside which a tunnel goes.
    carries_requests: bool,
    reader: Reader,
}

impl<T: Transport> Transport for Records<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let before = self.inner.buffers().input().len();
        let outcome = self.inner.await_input(timeout);
        let input = self.inner.buffers().input();
        let is_alert = self.reader.read(input.get(before..).unwrap_or_default());
        if let (Some(is_alert), true) = (is_alert, self.carries_requests) {
            sending::mark_record(is_alert);
        }
        outcome
    }

    fn is_open(&mut self) -> bool {
        if self.reader.last == Last::PerhapsAlert {
            sending::suspect_end();
        }
        self.reader.last != Last::Alert && self.reader.is_between() && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// Finds the headers in the bytes of records, however they are cut.
#[derive(Debug, Default)]
struct Reader {
    header: [u8; HEADER],
    /// How much of the header is there.
    filled: usize,
    /// How much of the record behind the header is to come.
    left: usize,
    last: Last,
}

/// The last record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Other,
    Alert,
    /// In TLS 1.3 an alert is a record of data, as long as one with two bytes of a response.
    PerhapsAlert,
}

/// Its type, its version and its length.
const HEADER: usize = 5;
const ALERT: u8 = 21;
const APPLICATION_DATA: u8 = 23;
/// An alert of two bytes, its type and the tag of the encryption.
const LENGTH_OF_ENCRYPTED_ALERT: usize = 2 + 1 + 16;

impl Reader {
    /// Whether all records have come to their end.
    fn is_between(&self) -> bool {
        (self.filled, self.left) == (0, 0)
    }

    /// Reads the next bytes, and returns whether the first record that begins in them may be an alert of TLS 1.3; `None` if
    /// none begins.
    fn read(&mut self, mut bytes: &[u8]) -> Option<bool> {
        let mut first = None;
        loop {
            let skipped = self.left.min(bytes.len());
            self.left -= skipped;
            bytes = &bytes[skipped..];
            let Some((byte, rest)) = bytes.split_first() else { return first };
            bytes = rest;
            self.header[self.filled] = *byte;
            self.filled += 1;
            if self.filled == HEADER {
                self.filled = 0;
                self.left = usize::from(u16::from_be_bytes([self.header[3], self.header[4]]));
                self.last = match self.header[0] {
                    ALERT => Last::Alert,
                    APPLICATION_DATA if self.left == LENGTH_OF_ENCRYPTED_ALERT => {
                        Last::PerhapsAlert
                    }
                    _ => Last::Other,
                };
                first = first.or(Some(self.last == Last::PerhapsAlert));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, length: usize) -> Vec<u8> {
        let mut record = vec![kind, 3, 3, 0, 0];
        record[3..].copy_from_slice(&u16::try_from(length).expect("short").to_be_bytes());
        record.resize(HEADER + length, 0xAA);
        record
    }

    #[test]
    fn an_alert_is_known_by_its_header_however_the_records_are_cut() {
        let (data, ticket, close) = (record(23, 300), record(23, 200), record(23, 19));
        for (records, first, last) in [
            (vec![data.clone()], false, Last::Other),
            (vec![data.clone(), close.clone()], false, Last::PerhapsAlert),
            (vec![data.clone(), record(21, 26)], false, Last::Alert),
            (vec![close.clone()], true, Last::PerhapsAlert),
            (vec![record(21, 2)], false, Last::Alert),
            (vec![ticket, close.clone()], false, Last::PerhapsAlert),
            (vec![close, data], true, Last::Other),
        ] {
            let bytes = records.concat();
            for piece in [1, 2, 4, 5, 6, 7, 23, 24, 25, 305, 306, bytes.len()] {
                let mut reader = Reader::default();
                let results: Vec<_> = bytes.chunks(piece).map(|piece| reader.read(piece)).collect();
                let found = results.into_iter().flatten().next();
                assert_eq!(found, Some(first), "{records:?} in pieces of {piece}");
                assert_eq!(reader.last, last, "in pieces of {piece}");
                assert!(reader.is_between());
                reader.read(&bytes[..bytes.len() - 1]);
                assert!(!reader.is_between());
            }
        }
    }
}
