//! What can go wrong with a request, on demand.

use std::fmt;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, LOCATION};
use http::{HeaderValue, StatusCode};

use super::exchange::{self, Answer};
use super::journal::Recorded;
use super::reply::{LARGEST_BODY, Reply};

/// Something that goes wrong with one request.
///
/// # Examples
///
/// The second update of a role takes effect, and its answer is lost:
///
/// ```
/// use heysync::sandbox::{self, Moment, Trouble};
///
/// let heylo = sandbox::Heylo::demo();
/// heylo.trouble_where(1, Trouble::Cut(Moment::After), |request| {
///     request.path.ends_with("/apiv1-update") && request.number > 1
/// });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// It is answered with a 429 and this `Retry-After`, word for word; with none where this is `None`.
    Refused(Option<String>),
    /// It arrives so much later, and is counted then.
    ArrivesLate(Duration),
    /// It takes effect at once, and is answered so much later.
    AnsweredLate(Duration),
    /// No connection comes about: nothing is sent.
    Unreachable,
    /// The connection is cut without an answer.
    Cut(Moment),
    /// It is answered with `500 Internal Server Error`, as plain text.
    ServerError(Moment),
    /// It is answered with a `502 Bad Gateway`, as the HTML page of a proxy.
    BadGateway(Moment),
    /// It takes effect, and the connection is cut in the middle of the answer's body.
    Truncated,
    /// It takes effect, and the answer's body is larger than the default transport takes in (10 MiB).
    Oversized,
    /// It takes effect, and the answer is JSON of another type than it should be.
    WrongType,
    /// It is answered with a `302 Found` that leads to this address.
    Redirect(String),
    /// It takes effect, and the answer is changed like this.
    Altered(fn(&mut http::Response<Vec<u8>>)),
}

/// When something goes wrong: before the request took effect, or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Nothing was changed.
    Before,
    /// What was asked for was done.
    After,
}

impl Trouble {
    /// Whether the request never comes to be counted.
    pub(crate) fn keeps_it_away(&self) -> bool {
        matches!(self, Trouble::Unreachable | Trouble::Cut(Moment::Before))
    }

    /// What is answered in place of doing what was asked for.
    pub(crate) fn prevents(&self) -> Option<Answer> {
        match self {
            Trouble::ServerError(Moment::Before) => Some(server_error()),
            Trouble::BadGateway(Moment::Before) => Some(bad_gateway()),
            Trouble::Redirect(location) => Some(redirect(location)),
            _ => None,
        }
    }

    /// How long the request is on its way.
    pub(crate) fn delays_arrival(&self) -> Duration {
        match self {
            Trouble::ArrivesLate(delay) => *delay,
            _ => Duration::ZERO,
        }
    }

    /// How long the answer is on its way.
    pub(crate) fn delays_answer(&self) -> Duration {
        match self {
            Trouble::AnsweredLate(delay) => *delay,
            _ => Duration::ZERO,
        }
    }

    /// What becomes of the answer on its way back.
    pub(crate) fn befalls(&self, mut answer: Answer) -> Reply {
        match self {
            Trouble::Unreachable => return Reply::Unreachable,
            Trouble::Cut(_) => return Reply::Cut,
            Trouble::Truncated => return truncated(answer),
            Trouble::ServerError(_) => answer = server_error(),
            Trouble::BadGateway(_) => answer = bad_gateway(),
            Trouble::Oversized => answer.body_mut().resize(LARGEST_BODY + 1, b' '),
            Trouble::WrongType => *answer.body_mut() = b"42".to_vec(),
            Trouble::Altered(alter) => alter(&mut answer),
            _ => {}
        }
        Reply::Answer(answer)
    }
}

fn server_error() -> Answer {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    exchange::with_body(status, "text/plain; charset=utf-8", "Internal Server Error")
}

fn bad_gateway() -> Answer {
    const PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
        <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
    exchange::with_body(StatusCode::BAD_GATEWAY, "text/html", PAGE)
}

fn redirect(location: &str) -> Answer {
    let mut answer = exchange::empty(StatusCode::FOUND);
    exchange::set(&mut answer, LOCATION.as_str(), location);
    answer
}

/// Half of the body, after a head that promises all of it.
fn truncated(mut answer: Answer) -> Reply {
    let length = answer.body().len();
    if length == 0 {
        return Reply::Cut;
    }
    let promised = HeaderValue::from(length);
    answer.headers_mut().insert(CONTENT_LENGTH, promised);
    Reply::Broken(answer, length / 2)
}

/// A trouble that waits for its requests.
pub(crate) struct Planned {
    left: usize,
    trouble: Trouble,
    applies: Box<dyn Fn(&Recorded) -> bool + Send + Sync>,
}

impl Planned {
    pub(crate) fn new(
        count: usize,
        trouble: Trouble,
        applies: impl Fn(&Recorded) -> bool + Send + Sync + 'static,
    ) -> Planned {
        Planned {
            left: count,
            trouble,
            applies: Box::new(applies),
        }
    }

    /// The trouble, if it befalls this request; it is then one fewer.
    pub(crate) fn strikes(&mut self, request: &Recorded) -> Option<Trouble> {
        if self.left == 0 || !(self.applies)(request) {
            return None;
        }
        self.left -= 1;
        Some(self.trouble.clone())
    }
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {:?}", self.left, self.trouble)
    }
}
