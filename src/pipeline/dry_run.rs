//! A transport that prints requests and does not send them.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response};

use super::curl;
use super::retry::Safety;
use super::transport::{SendProgress, Transport, TransportError};
use crate::error::ErrorKind;

/// A [`Transport`] that prints each request as a line of curl and does not send it.
///
/// The call fails with an error of the kind [`DryRun`](crate::ErrorKind::DryRun) and uses up no token of the rate limit.
/// With [`sending_reads`](DryRun::sending_reads), calls of [`Safety::Read`] are sent, so that a program can go as far as
/// its first change. An operation of several requests prints them all, such as an update of a role by 261 people, and a
/// [`Bulk`](crate::heylo::Bulk) call prints a line for each person. Then the operation returns the error.
///
/// In the lines, the key is a variable of the environment, `$HEYLO_API_KEY` or `$HEYLERTS_API_KEY`. The body is there as
/// it would be sent, personal data included. The lines are written to standard output unless they are sent
/// [`to`](DryRun::to) something else.
///
/// # Examples
///
/// ```
/// use heysync::{Config, DryRun, ErrorKind, heylo};
///
/// # use heysync::sandbox;
/// # let service = sandbox::Heylo::demo();
/// # let transport = service.clone();
/// // Reads are sent by the default transport, and changes are printed.
/// # /*
/// let transport = UreqTransport::default();
/// # */
/// let config = Config::new().transport(DryRun::new().sending_reads(transport));
/// let client = heylo::Client::with_config("an-api-key", config)?;
/// let captains = client.community("harbour-runners").role("captains");
/// let error = captains.set_members(["user-1", "user-2", "user-7"]).unwrap_err();
/// // curl -X POST 'https://api.heylo.com/apiv1-update' -H … -H "Authorization: Bearer $HEYLO_API_KEY" --data-raw '…'
/// assert_eq!(error.kind(), ErrorKind::DryRun);
/// # assert_eq!(service.requests().len(), 1);
/// # Ok::<(), heysync::Error>(())
/// ```
#[must_use = "it prints nothing until it is the transport of a client"]
pub struct DryRun {
    lines: Mutex<Box<dyn Write + Send>>,
    reads: Option<Box<dyn Transport>>,
}

impl DryRun {
    /// Creates one that prints all requests to standard output.
    pub fn new() -> DryRun {
        DryRun { lines: Mutex::new(Box::new(io::stdout())), reads: None }
    }

    /// Sets the writer of the lines.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::{Config, DryRun, heylerts};
    ///
    /// let config = Config::new().transport(DryRun::new().to(std::io::stderr()));
    /// let client = heylerts::Client::with_config("hlt_key", config)?;
    /// assert!(client.hello().is_err()); // curl 'https://heylerts.com/api/v1/hello' -H …
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn to(mut self, lines: impl Write + Send + 'static) -> DryRun {
        self.lines = Mutex::new(Box::new(lines));
        self
    }

    /// Sets a transport that sends the calls of [`Safety::Read`]. Default: they are printed too.
    pub fn sending_reads(mut self, transport: impl Transport + 'static) -> DryRun {
        self.reads = Some(Box::new(transport));
        self
    }

    /// The transport that sends a request, if it is not printed.
    fn sender_of(&self, request: &Request<Vec<u8>>) -> Option<&dyn Transport> {
        let is_read = request.extensions().get() == Some(&Safety::Read);
        self.reads.as_deref().filter(|_| is_read)
    }

    fn print(&self, request: &Request<Vec<u8>>) -> TransportError {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        match writeln!(lines, "{}", curl::line(request)).and_then(|()| lines.flush()) {
            Ok(()) => TransportError::withheld(
                ErrorKind::DryRun,
                "a dry run: the request was printed and not sent",
            ),
            // Of the output and not of a connection, though a broken pipe would look like one.
            Err(error) => TransportError::withheld(
                ErrorKind::Output,
                format!("the line of curl could not be written, and nothing was sent: {error}"),
            ),
        }
    }
}

impl Default for DryRun {
    fn default() -> DryRun {
        DryRun::new()
    }
}

impl Transport for DryRun {
    fn send_with(
        &self,
        request: Request<Vec<u8>>,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        match self.sender_of(&request) {
            Some(transport) => transport.send_with(request, timeout, progress),
            None => Err(self.print(&request)),
        }
    }

    fn sends(&self, request: &Request<Vec<u8>>) -> bool {
        self.sender_of(request).is_some_and(|transport| transport.sends(request))
    }
}

impl fmt::Debug for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DryRun").field("sends_reads", &self.reads.is_some()).finish_non_exhaustive()
    }
}
