//! The transport that records.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, Request, Response, StatusCode};
use jiff::Timestamp;

use super::archive::{self, Content, Empty, Entry, PostData, Timings};
use super::scrub::{Cleaner, Scrub, Side, keys_of};
use crate::error::{Error, Result};
use crate::pipeline::transport::{SendProgress, Transport, TransportError};

const BEGINNING: &str = concat!(
    r#"{"log":{"version":"1.2","creator":{"name":"heysync","version":""#,
    env!("CARGO_PKG_VERSION"),
    "\"},\"entries\":["
);
const END: &str = "\n]}}\n";
/// A file that is larger than this is written anew only when it has grown by a tenth.
const ALWAYS_WRITTEN: usize = 256 * 1024;
/// The default of [`Recorder::max_size`].
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// A [`Transport`] that passes each request to another one, and records it with its response in a file.
///
/// The file is in the format HAR 1.2. It is complete and valid at every moment: it is replaced after each request as a
/// whole; beyond 256 KiB, when it has grown by a tenth, and when the recorder is dropped. If it cannot be written, the
/// log reports it, and the calls continue.
///
/// The whole recording is held in memory until the recorder is dropped, up to [`max_size`](Recorder::max_size): 256 MiB by
/// default. A request that would make it larger is sent and not recorded, which the log reports once.
///
/// # What is left out
///
/// Before anything reaches the disk, these are replaced by `[scrubbed]`: the values of `Authorization`, `X-API-Key`,
/// `Cookie`, `Set-Cookie`, the headers of proxies, and whatever [`scrub`](Recorder::scrub) names. The key is replaced by
/// `[redacted]` wherever else it appears, in whatever spelling a server returns it.
///
/// # Examples
///
/// ```no_run
/// use heysync::har::Recorder;
/// use heysync::{Config, UreqTransport, heylo};
///
/// let recorder = Recorder::create("invites.har", UreqTransport::default())?
///     .scrub("email")
///     .scrub("phoneNumber");
/// let client = heylo::Client::from_env_with(Config::new().transport(recorder))?;
/// # Ok::<(), heysync::Error>(())
/// ```
#[must_use = "it records nothing until it is the transport of a client"]
pub struct Recorder {
    transport: Box<dyn Transport>,
    scrub: Scrub,
    /// Of the requests so far, the latest last: a response may name the key that was used before.
    keys: Mutex<Vec<String>>,
    file: Mutex<File>,
}

struct File {
    path: PathBuf,
    /// All but the end.
    text: String,
    /// How much of it is on the disk.
    written: usize,
    /// How long it may be.
    most: usize,
    is_full: bool,
}

/// How many keys are looked for in a response.
const MOST_KEYS: usize = 8;

impl Recorder {
    /// Creates the file, or empties it, and a transport that sends requests by `transport`.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) if the file cannot be written.
    pub fn create(path: impl AsRef<Path>, transport: impl Transport + 'static) -> Result<Recorder> {
        let path = path.as_ref().to_owned();
        let text = BEGINNING.to_owned();
        let mut file = File { path, text, written: 0, most: MOST_BYTES, is_full: false };
        file.write().map_err(|error| {
            let path = file.path.display();
            Error::configuration(format!("{path} cannot be written")).with_source(error)
        })?;
        let (transport, scrub) = (Box::new(transport), Scrub::default());
        Ok(Recorder { transport, scrub, keys: Mutex::default(), file: Mutex::new(file) })
    }

    /// Leaves out the values of this name, in any case: fields of JSON bodies at any depth, also within strings that are
    /// JSON themselves, headers, and parameters of addresses, also of those in headers.
    ///
    /// In a request, the value becomes `[scrubbed]`, which matches every value in a replay. In a response, a string does;
    /// a number becomes 0, a list or an object empty, so that a replay can still be decoded. With at
    /// least one name, a body that is not JSON is left out as a whole. Values that are left out of a request are replaced by
    /// `[redacted]` in the rest of it and in its response, too.
    pub fn scrub(mut self, name: impl AsRef<str>) -> Recorder {
        self.scrub.add(name.as_ref());
        self
    }

    /// Sets the size of the largest recording, in bytes of the file. Default: 256 MiB.
    ///
    /// A request that would make it larger is sent and not recorded, nor is any after it.
    pub fn max_size(mut self, bytes: usize) -> Recorder {
        self.file.get_mut().unwrap_or_else(PoisonError::into_inner).most = bytes;
        self
    }

    /// Returns the keys of a request, and those of earlier ones.
    fn keys(&self, headers: &HeaderMap) -> Vec<String> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys_of(headers) {
            keys.retain(|known| known != key);
            keys.push(key.to_owned());
        }
        let oldest = keys.len().saturating_sub(MOST_KEYS);
        keys.drain(..oldest);
        keys.clone()
    }

    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl File {
    fn push(&mut self, entry: &Entry) -> io::Result<()> {
        let entry = serde_json::to_string(entry)?;
        let whole = self.text.len() + ",\n".len() + entry.len() + END.len();
        if self.is_full || whole > self.most {
            return self.fill();
        }
        let is_first = self.text.len() == BEGINNING.len();
        self.text.push_str(if is_first { "\n" } else { ",\n" });
        self.text.push_str(&entry);
        let unwritten = self.text.len() - self.written;
        if self.text.len() <= ALWAYS_WRITTEN || unwritten >= self.written / 10 {
            self.write()
        } else {
            Ok(())
        }
    }

    /// Ends the recording, since there is no room for another entry.
    fn fill(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.is_full, true) {
            let (path, most) = (self.path.display(), self.most);
            log::warn!(target: "heysync", "{path} is full: nothing more is recorded beyond {most} bytes");
        }
        Ok(())
    }

    /// Replaces the file, so that nobody ever sees a part of it.
    fn write(&mut self) -> io::Result<()> {
        let mut draft = self.path.clone().into_os_string();
        draft.push(format!(".{}.draft", std::process::id()));
        fs::write(&draft, format!("{}{END}", self.text))?;
        fs::rename(&draft, &self.path).inspect_err(|_| drop(fs::remove_file(&draft)))?;
        self.written = self.text.len();
        Ok(())
    }
}

/// The facts of a request, before it is given away.
struct Sent {
    request: archive::Request,
    at: Timestamp,
    since: Instant,
}

impl Sent {
    fn new(request: &Request<Vec<u8>>, cleaner: &Cleaner<'_>) -> Sent {
        let url = cleaner.url(&request.uri().to_string());
        let headers = cleaner.headers(request.headers());
        let body = cleaner.body(request.body(), Side::Request);
        let (text, encoding) = archive::encode(&body);
        let post_data = PostData { mime_type: content_type(&headers), text, encoding };
        let request = archive::Request {
            method: request.method().to_string(),
            http_version: "HTTP/1.1".to_owned(),
            cookies: [],
            headers: archive::pairs(&headers),
            query_string: archive::query(&url),
            url,
            headers_size: -1,
            body_size: size(&body),
            post_data: (!body.is_empty()).then_some(post_data),
        };
        Sent { request, at: Timestamp::now(), since: Instant::now() }
    }

    fn with(self, response: archive::Response, until_head: Option<Duration>) -> Entry {
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        let whole = self.since.elapsed();
        let wait = until_head.unwrap_or(whole).min(whole);
        let timings = Timings { send: 0.0, wait: millis(wait), receive: millis(whole - wait) };
        Entry {
            started_date_time: format!("{:.3}", self.at),
            // The sum of the timings, as the format asks for.
            time: timings.wait + timings.receive,
            request: self.request,
            response,
            cache: Empty {},
            timings,
        }
    }
}

fn response_of(response: &Response<Vec<u8>>, cleaner: &Cleaner<'_>) -> archive::Response {
    let headers = cleaner.headers(response.headers());
    let body = cleaner.body(response.body(), Side::Response);
    let (text, encoding) = archive::encode(&body);
    let content = Content { size: size(&body), mime_type: content_type(&headers), text, encoding };
    let location = headers.get("location").and_then(|it| it.to_str().ok()).unwrap_or_default();
    archive::Response {
        status: response.status().as_u16(),
        status_text: response.status().canonical_reason().unwrap_or_default().to_owned(),
        http_version: "HTTP/1.1".to_owned(),
        redirect_url: location.to_owned(),
        headers: archive::pairs(&headers),
        content,
        ..no_response()
    }
}

/// As browsers write a request that failed: with the status 0, and why in `_error`.
fn failure_of(error: &TransportError, cleaner: &Cleaner<'_>) -> archive::Response {
    archive::Response {
        error: Some(cleaner.text(error.to_string())),
        maybe_sent: Some(error.may_have_been_sent()),
        ..no_response()
    }
}

fn no_response() -> archive::Response {
    archive::Response {
        status: 0,
        status_text: String::new(),
        http_version: String::new(),
        cookies: [],
        headers: Vec::new(),
        content: Content { size: 0, mime_type: "x-unknown".to_owned(), ..Content::default() },
        redirect_url: String::new(),
        headers_size: -1,
        body_size: -1,
        error: None,
        maybe_sent: None,
    }
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get("content-type").and_then(|it| it.to_str().ok());
    value.unwrap_or("x-unknown").to_owned()
}

fn size(body: &[u8]) -> i64 {
    i64::try_from(body.len()).unwrap_or(i64::MAX)
}

impl Transport for Recorder {
    fn send_with(
        &self,
        request: Request<Vec<u8>>,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        let cleaner = self.scrub.cleaner(&request, self.keys(request.headers()));
        let sent = Sent::new(&request, &cleaner);
        let (since, mut until_head) = (sent.since, None);
        let clock = progress.clock();
        let mut on_head = |status: StatusCode, headers: &HeaderMap| {
            until_head = Some(since.elapsed());
            progress.head_received(status, headers);
        };
        let mut head_timer = SendProgress::new(&mut on_head).on_clock(clock);
        let outcome = self.transport.send_with(request, timeout, &mut head_timer);
        let response = match &outcome {
            Ok(response) => response_of(response, &cleaner),
            Err(error) => failure_of(error, &cleaner),
        };
        if let Err(error) = self.file().push(&sent.with(response, until_head)) {
            log::warn!(target: "heysync", "a recording cannot be written: {error}");
        }
        outcome
    }

    fn sends(&self, request: &Request<Vec<u8>>) -> bool {
        self.transport.sends(request)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let mut file = self.file();
        if file.written < file.text.len()
            && let Err(error) = file.write()
        {
            log::warn!(target: "heysync", "a recording cannot be written: {error}");
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("path", &self.file().path).finish_non_exhaustive()
    }
}
