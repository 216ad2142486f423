//! The transport that plays a recording back.

use std::cmp::Reverse;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use serde_json::Value;

use super::archive::{self, Archive, Entry, Pair};
use super::scrub::{SCRUBBED, is_scrubbed};
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::transport::{SendProgress, Transport, TransportError};

/// The most of a value that a difference shows, in characters.
const SHOWN: usize = 40;

/// A [`Transport`] that responds from a recording, and sends nothing.
///
/// Each request gets the response of the first entry, of those that are left, with the same method, path, parameters and
/// body; JSON bodies and parameters are compared by their values, in any order. The host and the headers do not count, so
/// that a recording of one server serves a client of another, with any key. A value that was left out of the recording
/// matches every value. An entry is used once.
///
/// A request that is not in the recording fails with an error of the kind [`NotSent`](crate::ErrorKind::NotSent), which
/// shows the nearest entry and how it differs, and is not retried. A recorded failure is played back as a failure.
///
/// # Examples
///
/// A test that everything was asked for:
///
/// ```no_run
/// use std::sync::Arc;
/// use heysync::har::Replay;
/// use heysync::{Config, heylerts};
///
/// let replay = Arc::new(Replay::open("tests/stats.har")?);
/// let config = Config::new().transport(Arc::clone(&replay));
/// let client = heylerts::Client::with_config("hlt_key", config)?;
/// client.stats()?;
/// assert_eq!(replay.unused(), [""; 0]);
/// # Ok::<(), heysync::Error>(())
/// ```
pub struct Replay {
    recorded: Vec<Recorded>,
    is_used: Mutex<Vec<bool>>,
}

/// An entry, ready to be compared and played.
struct Recorded {
    asked: Asked,
    outcome: Outcome,
}

enum Outcome {
    Response(Response<Vec<u8>>),
    Failure { maybe_sent: bool, why: String },
}

/// The parts of a request that are compared.
struct Asked {
    method: String,
    path: String,
    query: Vec<Pair>,
    body: Body,
}

enum Body {
    Json(Value),
    Bytes(Vec<u8>),
}

impl Replay {
    /// Reads a recording: one of a [`Recorder`](super::Recorder), or a HAR file of a browser or another tool.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) if the file cannot be read or is no HAR.
    pub fn open(path: impl AsRef<Path>) -> Result<Replay> {
        let shown = path.as_ref().display();
        let text = fs::read_to_string(&path).map_err(|error| {
            Error::configuration(format!("{shown} cannot be read")).with_source(error)
        })?;
        Replay::parse(&text).map_err(|why| Error::configuration(format!("{shown} {why}")))
    }

    fn parse(text: &str) -> Result<Replay, String> {
        let archive: Archive = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|error| format!("is no HAR file: {error}"))?;
        let entries = archive.log.entries.iter().enumerate();
        let recorded = entries
            .map(|(place, entry)| {
                Recorded::new(entry)
                    .map_err(|why| format!("cannot be replayed: entry {} {why}", place + 1))
            })
            .collect::<Result<Vec<Recorded>, String>>()?;
        let is_used = Mutex::new(vec![false; recorded.len()]);
        Ok(Replay { recorded, is_used })
    }

    /// Returns the requests that were recorded and not made yet, such as `GET /api/v1/stats`.
    pub fn unused(&self) -> Vec<String> {
        let is_used = self.is_used();
        let unused = self.recorded.iter().zip(&*is_used).filter(|(_, is_used)| !**is_used);
        unused.map(|(recorded, _)| recorded.asked.to_string()).collect()
    }

    fn is_used(&self) -> MutexGuard<'_, Vec<bool>> {
        self.is_used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the entry for a request, or returns why there is none.
    fn take(&self, asked: &Asked) -> Result<&Outcome, String> {
        let mut is_used = self.is_used();
        let matching = |recorded: &Recorded| asked.difference_to(&recorded.asked).is_none();
        let place =
            (0..is_used.len()).find(|place| !is_used[*place] && matching(&self.recorded[*place]));
        match place {
            Some(place) => {
                is_used[place] = true;
                Ok(&self.recorded[place].outcome)
            }
            None => Err(self.unexpected(asked, &is_used)),
        }
    }

    fn unexpected(&self, asked: &Asked, is_used: &[bool]) -> String {
        let all = self.recorded.iter().zip(is_used).enumerate();
        // An entry that is left before one that is used, and the first of several.
        let nearest = all.max_by_key(|(place, (recorded, is_used))| {
            (asked.likeness(&recorded.asked), !**is_used, Reverse(*place))
        });
        let Some((place, (recorded, is_used))) = nearest else {
            return format!("{asked} is not in the recording, which has no entries");
        };
        let (number, nearest) = (place + 1, &recorded.asked);
        let how = match asked.difference_to(nearest) {
            Some(difference) => format!("differs in {difference}"),
            None if *is_used => "was made before, and was recorded only so often".to_owned(),
            None => "is the same".to_owned(),
        };
        format!("{asked} is not in the recording; the nearest, entry {number}, {nearest}, {how}")
    }
}

impl Recorded {
    fn new(entry: &Entry) -> Result<Recorded, String> {
        let (request, response) = (&entry.request, &entry.response);
        let body = request.post_data.as_ref();
        let body = body.map(|it| archive::decode(&it.text, it.encoding.as_deref())).transpose()?;
        let asked = Asked::new(&request.method, &request.url, &body.unwrap_or_default());
        let outcome = match response.status {
            0 => Outcome::Failure {
                maybe_sent: response.maybe_sent.unwrap_or(true),
                why: response
                    .error
                    .clone()
                    .unwrap_or_else(|| "no response was recorded".to_owned()),
            },
            status => Outcome::Response(played(status, response)?),
        };
        Ok(Recorded { asked, outcome })
    }
}

/// The body is recorded decoded, and the headers as they came: those that are about the encoding are left out, and the
/// pseudo-headers of HTTP/2, which some browsers write.
fn played(status: u16, response: &archive::Response) -> Result<Response<Vec<u8>>, String> {
    const OF_THE_ENCODING: [&str; 3] = ["content-encoding", "content-length", "transfer-encoding"];
    let content = &response.content;
    let mut played = Response::new(archive::decode(&content.text, content.encoding.as_deref())?);
    *played.status_mut() =
        StatusCode::from_u16(status).map_err(|_| format!("has the status {status}"))?;
    for Pair { name, value } in &response.headers {
        let header = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()));
        if let (Ok(name), Ok(value)) = header
            && !OF_THE_ENCODING.contains(&name.as_str())
        {
            played.headers_mut().append(name, value);
        }
    }
    Ok(played)
}

impl Asked {
    fn new(method: &str, url: &str, body: &[u8]) -> Asked {
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = after_scheme.find('/').map_or("/", |start| &after_scheme[start..]);
        let path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
        let mut query = archive::query(url.split('#').next().unwrap_or_default());
        query.sort();
        let body = match serde_json::from_slice(body) {
            Ok(json) => Body::Json(json),
            Err(_) => Body::Bytes(body.to_vec()),
        };
        Asked { method: method.to_ascii_uppercase(), path, query, body }
    }

    /// How many of the parts are the same, the more important ones first.
    fn likeness(&self, other: &Asked) -> (bool, bool, bool, usize, bool) {
        let names = |asked: &Asked| -> Vec<String> {
            asked.query.iter().map(|pair| pair.name.clone()).collect()
        };
        let shared = self.query.iter().filter(|pair| other.query.contains(pair)).count();
        (
            self.path == other.path,
            self.method == other.method,
            names(self) == names(other),
            shared,
            difference(&self.body, &other.body).is_none(),
        )
    }

    /// Returns the first difference to a recorded request, in words.
    fn difference_to(&self, recorded: &Asked) -> Option<String> {
        let part = |name: &str, here: &str, there: &str| {
            (here != there).then(|| format!("{name}: {there:?} there, {here:?} here"))
        };
        part("the method", &self.method, &recorded.method)
            .or_else(|| part("the path", &self.path, &recorded.path))
            .or_else(|| query_difference(&self.query, &recorded.query))
            .or_else(|| difference(&self.body, &recorded.body))
    }
}

fn query_difference(here: &[Pair], there: &[Pair]) -> Option<String> {
    let matches = |here: &Pair, there: &Pair| {
        here.name == there.name && (here.value == there.value || is_scrubbed(&there.value))
    };
    let is_in = |pair: &&Pair| !there.iter().any(|other| matches(pair, other));
    let is_missing = |pair: &&Pair| !here.iter().any(|other| matches(other, pair));
    let (extra, missing) = (here.iter().find(is_in), there.iter().find(is_missing));
    match (extra, missing) {
        (Some(here), Some(there)) if here.name == there.name => {
            let (name, here, there) = (&here.name, shown(&here.value), shown(&there.value));
            Some(format!("the parameter {name}: {there:?} there, {here:?} here"))
        }
        (Some(extra), _) => Some(format!("the parameter {}, which is only here", extra.name)),
        (None, Some(missing)) => {
            Some(format!("the parameter {}, which is only there", missing.name))
        }
        (None, None) if here.len() != there.len() => {
            Some("how often a parameter is given".to_owned())
        }
        (None, None) => None,
    }
}

fn difference(here: &Body, there: &Body) -> Option<String> {
    match (here, there) {
        (_, Body::Bytes(bytes)) if bytes == SCRUBBED.as_bytes() => None,
        (Body::Json(here), Body::Json(there)) => json_difference("", here, there),
        (Body::Bytes(here), Body::Bytes(there)) if here == there => None,
        (Body::Bytes(here), _) if here.is_empty() => {
            Some("the body, which is only there".to_owned())
        }
        (_, Body::Bytes(there)) if there.is_empty() => {
            Some("the body, which is only here".to_owned())
        }
        _ => Some("the body".to_owned()),
    }
}

/// Returns where two values differ first, by a JSON pointer.
fn json_difference(at: &str, here: &Value, there: &Value) -> Option<String> {
    match (here, there) {
        (_, Value::String(there)) if is_scrubbed(there) => None,
        (Value::Object(here), Value::Object(there)) => {
            let names = here.keys().chain(there.keys().filter(|name| !here.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let at = format!("{at}/{name}");
                match (here.get(name), there.get(name)) {
                    (Some(here), Some(there)) => json_difference(&at, here, there),
                    (Some(_), None) => Some(format!("the body at {at}, which is only here")),
                    _ => Some(format!("the body at {at}, which is only there")),
                }
            })
        }
        (Value::Array(here), Value::Array(there)) if here.len() == there.len() => {
            let mut both = here.iter().zip(there).enumerate();
            both.find_map(|(place, (here, there))| {
                json_difference(&format!("{at}/{place}"), here, there)
            })
        }
        _ if here == there => None,
        _ => {
            let (here, there) = (shown(&here.to_string()), shown(&there.to_string()));
            let place = if at.is_empty() { String::new() } else { format!(" at {at}") };
            Some(format!("the body{place}: {there} there, {here} here"))
        }
    }
}

fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// `GET /api/v1/mentions?page=1`
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        for (place, Pair { name, value }) in self.query.iter().enumerate() {
            write!(f, "{}{name}={}", if place == 0 { "?" } else { "&" }, shown(value))?;
        }
        Ok(())
    }
}

impl Transport for Replay {
    fn send_with(
        &self,
        request: Request<Vec<u8>>,
        _: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        let (method, url) = (request.method().as_str(), request.uri().to_string());
        let asked = Asked::new(method, &url, request.body());
        match self.take(&asked) {
            Ok(Outcome::Response(response)) => {
                progress.head_received(response.status(), response.headers());
                Ok(response.clone())
            }
            Ok(Outcome::Failure { maybe_sent: true, why }) => {
                Err(TransportError::maybe_sent(why.as_str()))
            }
            Ok(Outcome::Failure { maybe_sent: false, why }) => {
                Err(TransportError::never_sent(why.as_str()))
            }
            Err(why) => Err(TransportError::withheld(ErrorKind::NotSent, why).with_hint(
                "record again, or change the test to make the calls that were recorded",
            )),
        }
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("unused", &self.unused()).finish_non_exhaustive()
    }
}
