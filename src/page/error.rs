//! The error of reading a whole list.

use std::error::Error as StdError;
use std::fmt;

use super::position::Position;
use crate::error::{Error, ErrorKind};

/// The error of [`Pager::read_all`](super::Pager::read_all), with the items before it and the position after them.
///
/// With `?` it becomes a [`heysync::Error`](Error), and the items are dropped. `Debug` is the report, as that of an
/// [`Error`]; `{:#?}` shows the fields, and of the items only how many there are.
///
/// # Examples
///
/// ```
/// use heysync::page::ReadAllError;
///
/// # use heysync::{Config, heylerts, sandbox};
/// # let service = sandbox::Heylerts::demo();
/// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new()).retries(0);
/// # let client = heylerts::Client::with_config("hlt_key", config)?;
/// # let fault = sandbox::Fault::ServerError(sandbox::FaultPoint::BeforeEffect);
/// # service.inject_if(1, fault, |request| request.query.contains("page=2"));
/// let mentions = match client.mentions().read_all() {
///     Ok(mentions) => mentions,
///     Err(ReadAllError { mut items, position, .. }) => {
///         assert_eq!(items.len(), 100);
///         items.extend(client.mentions().resume_at(&position)?.read_all()?);
///         items
///     }
/// };
/// assert_eq!(mentions.len(), 137);
/// # Ok::<(), heysync::Error>(())
/// ```
#[non_exhaustive]
pub struct ReadAllError<T> {
    /// The items that were read, in their order.
    pub items: Vec<T>,
    /// The position after them: see [`Pager::resume_at`](super::Pager::resume_at).
    pub position: Position,
    /// The error that ended the reading. It is the [`source`](StdError::source) too.
    pub error: Error,
}

impl<T> ReadAllError<T> {
    /// Returns the kind of the error that ended the reading.
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// Returns advice on what to do, if there is any.
    pub fn hint(&self) -> Option<&str> {
        self.error.hint()
    }
}

impl<T> fmt::Display for ReadAllError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the list was not read to its end; {} items came before", self.items.len())
    }
}

/// `{:?}` is the report, which `fn main() -> Result<(), Box<dyn Error>>` prints. `{:#?}` is the structure.
impl<T> fmt::Debug for ReadAllError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return f.write_str(&self.error.report_below(self));
        }
        // Without the items, which may be many and need not implement `Debug`.
        f.debug_struct("ReadAllError")
            .field("items", &self.items.len())
            .field("position", &self.position)
            .field("error", &self.error)
            .finish()
    }
}

impl<T> StdError for ReadAllError<T> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.error)
    }
}

impl<T> From<ReadAllError<T>> for Error {
    fn from(stopped: ReadAllError<T>) -> Error {
        stopped.error
    }
}
