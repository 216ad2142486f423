//! Failures inside ureq: how far the request got, whether a retry can help, and a hint for a person.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use http::response::Parts;
use http::{Response, StatusCode, Uri};
use ureq::Proxy;

use super::handshake::{self, Advice, Lasts};
use super::proxy;
use super::transport::{Proxied, TransportError};
use crate::error::in_words;
use crate::limiter::headers::retry_after;

type Cause = Box<dyn StdError + Send + Sync>;

/// One attempt, as far as it matters for its failure.
pub(crate) struct Attempt<'a> {
    pub(crate) uri: &'a Uri,
    pub(crate) proxy: Option<&'a Proxy>,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
}

impl Attempt<'_> {
    /// The failure of a request that got no response. `sent` is known from the connection.
    pub(crate) fn failed(&self, error: ureq::Error, sent: bool) -> TransportError {
        if sent {
            let is_garbled =
                matches!(error, ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..));
            let hint = handshake::hint_if_sent(&error.to_string());
            let failure = TransportError::maybe_sent(self.cause(error)).at(self.peer());
            let failure = if is_garbled { failure.garbled() } else { failure };
            return match hint {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            };
        }
        let advice = advice(&error);
        let failure = TransportError::never_sent(match advice.words {
            Some(words) => Worded { words, source: self.cause(error) }.into(),
            None => self.cause(error),
        });
        let failure = match advice.lasts {
            Lasts::Certainly => failure.permanent(),
            Lasts::Probably => failure.permanent_if_repeated(),
            Lasts::Unknown => failure,
        };
        let failure = failure.at(self.peer());
        match advice.hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }

    /// The failure of a request that could not be sent, to which the server responded all the same.
    pub(crate) fn unsent<B>(&self, response: &Response<B>) -> TransportError {
        let (status, headers) = (response.status(), response.headers());
        let source = format!("the server responded {} and closed the connection", in_words(status));
        TransportError::never_sent(source)
            .at(self.peer())
            .with_retry_after(retry_after(status, headers))
    }

    /// The failure of a request of which the server read only a part, though it responded with a success.
    pub(crate) fn cut(&self, status: StatusCode) -> TransportError {
        let source =
            format!("the server responded {} without reading the whole request", in_words(status));
        TransportError::maybe_sent(source).at(self.peer())
    }

    pub(crate) fn body_too_large(&self, head: Parts, limit: u64) -> TransportError {
        TransportError::body_too_large(head, limit).at(self.peer())
    }

    pub(crate) fn body_lost(&self, head: Parts, error: io::Error) -> TransportError {
        // ureq's own errors come out of a body wrapped.
        let is_permanent = error.kind() == io::ErrorKind::Unsupported;
        let error = ureq::Error::from(error);
        let lost = TransportError::body_lost(head, self.cause(error)).at(self.peer());
        if is_permanent { lost.permanent() } else { lost }
    }

    pub(crate) fn proxied(&self) -> Option<Proxied> {
        self.proxy.map(|proxy| Proxied(proxy::name(proxy)))
    }

    fn peer(&self) -> String {
        let host = host(self.uri);
        match self.proxy {
            Some(proxy) => format!("{host} through the proxy {}", proxy::name(proxy)),
            None => host.to_owned(),
        }
    }

    /// ureq's errors print their cause themselves; what they wrap is handed on bare if it can be.
    fn cause(&self, error: ureq::Error) -> Cause {
        let timed_out = |what: &str, limit: Duration| {
            // The rest of a deadline has nanoseconds that nobody chose.
            let limit = Duration::from_millis(limit.as_millis().try_into().unwrap_or(u64::MAX));
            let message = format!("{what} took longer than {limit:?}");
            io::Error::new(io::ErrorKind::TimedOut, message).into()
        };
        match error {
            // "Peer disconnected", or an address of the documentation of rustls.
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                io::Error::new(error.kind(), "the connection was closed").into()
            }
            ureq::Error::Io(error) => without_echo(error),
            ureq::Error::Timeout(ureq::Timeout::Resolve) => {
                timed_out("looking up the host name", self.connect_timeout)
            }
            ureq::Error::Timeout(ureq::Timeout::Connect) => {
                timed_out("connecting", self.connect_timeout)
            }
            ureq::Error::Timeout(_) => timed_out("the attempt", self.timeout),
            ureq::Error::ConnectProxyFailed(reason) => match refusal(&reason) {
                Some(status) => format!("the proxy responded {status}").into(),
                None => ureq::Error::ConnectProxyFailed(reason).into(),
            },
            error => error.into(),
        }
    }
}

/// An error of OpenSSL prints its cause and has it as its source.
fn without_echo(error: io::Error) -> Cause {
    let text = error.to_string();
    match error.source() {
        Some(source) if source.to_string() == text => io::Error::new(error.kind(), text).into(),
        _ => error.into(),
    }
}

/// The failure of a request that the settings of proxies or certificates do not let go.
pub(crate) fn unusable(uri: &Uri, reason: String) -> TransportError {
    TransportError::never_sent(reason).permanent().at(host(uri).to_owned())
}

/// The host and the port that is not the usual one, without user and password.
fn host(uri: &Uri) -> &str {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    authority.rsplit('@').next().unwrap_or_default()
}

/// An error in words, in place of one that prints the name of a variant.
#[derive(Debug)]
struct Worded {
    words: &'static str,
    source: Cause,
}

impl fmt::Display for Worded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words)
    }
}

impl StdError for Worded {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

const PROXY_CREDENTIALS: &str = "the proxy wants another user name and password, or any: they are part of its address, as \
    in http://user:password@proxy.example:3128";
const PROXY_REFUSES: &str = "the proxy refuses to connect to this host: ask its operator, or name the host in \
    NO_PROXY to go without it";
const PROXY_BUSY: &str = "the proxy is busy or limits how often connections are made through it: try again later, or ask its operator";
const PROXY_CANNOT: &str =
    "the proxy cannot make such connections: ask its operator, or use another one";
const ADDRESS_KIND: &str = "the proxy does not take this kind of address: with `socks5h` it gets the name of the host, with \
    `socks5` an IP address";
const NO_SOCKS: &str = "what responds there does not speak this version of SOCKS: check the scheme and the port of the proxy";

/// Only for requests that were not sent: messages decide hints and retries, never whether something was sent.
fn advice(error: &ureq::Error) -> Advice {
    match error {
        ureq::Error::ConnectProxyFailed(reason) => match refusal(reason).map(|it| it.as_u16()) {
            Some(401 | 407) => Advice::permanent(PROXY_CREDENTIALS),
            Some(408 | 429) => Advice::permanent(PROXY_BUSY),
            Some(400..=499) => Advice::permanent(PROXY_REFUSES),
            _ => Advice::default(),
        },
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            Advice { lasts: Lasts::Certainly, ..Advice::default() }
        }
        error => by_message(&error.to_string()),
    }
}

/// The status by which a proxy refused, from "proxy server responded 407/407".
fn refusal(reason: &str) -> Option<StatusCode> {
    let digits = reason.split(|c: char| !c.is_ascii_digit()).find(|part| part.len() == 3)?;
    digits.parse().ok()
}

/// The refusals of SOCKS proxies, as ureq words them.
const BY_SOCKS: [(&str, &str); 11] = [
    ("password authentication failed", PROXY_CREDENTIALS),
    ("no acceptable auth methods", PROXY_CREDENTIALS),
    ("connection not allowed by ruleset", PROXY_REFUSES),
    ("request rejected because", PROXY_CREDENTIALS),
    ("command not supported", PROXY_CANNOT),
    ("address kind not supported", ADDRESS_KIND),
    ("unknown auth method", NO_SOCKS),
    ("invalid response version", NO_SOCKS),
    ("invalid response code", NO_SOCKS),
    ("invalid reserved byte", NO_SOCKS),
    ("unsupported address type", NO_SOCKS),
];

fn by_message(message: &str) -> Advice {
    match BY_SOCKS.iter().find(|(part, _)| message.contains(part)) {
        Some((_, hint)) => Advice::permanent(hint),
        None => handshake::advice(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: ureq::Error, sent: bool, proxy: Option<&str>) -> TransportError {
        let uri = "https://user:sesame@heylerts.com:8443/x".parse().expect("an address");
        let proxy = proxy.map(|address| Proxy::new(address).expect("a proxy"));
        let second = Duration::from_secs(1);
        let attempt = Attempt {
            uri: &uri,
            proxy: proxy.as_ref(),
            connect_timeout: second,
            timeout: 3 * second,
        };
        attempt.failed(error, sent)
    }

    fn io(text: &str) -> ureq::Error {
        ureq::Error::Io(io::Error::new(io::ErrorKind::InvalidData, text.to_owned()))
    }

    #[test]
    fn a_failure_names_the_host_and_the_proxy_without_passwords() {
        let eof = || ureq::Error::Io(io::ErrorKind::UnexpectedEof.into());
        let proxy = Some("http://me:sesame@proxy.example:3128");
        for (sent, proxy, expected) in [
            (false, None, "could not connect to heylerts.com:8443; nothing was sent"),
            (true, None, "no response from heylerts.com:8443"),
            (
                false,
                proxy,
                "could not connect to heylerts.com:8443 through the proxy proxy.example:3128; \
                 nothing was sent",
            ),
        ] {
            let failure = failed(eof(), sent, proxy);
            assert_eq!(failure.to_string(), expected);
            let source = failure.source().map(ToString::to_string);
            assert_eq!(source.as_deref(), Some("the connection was closed"));
            assert_eq!((failure.may_have_been_sent(), failure.is_permanent()), (sent, false));
        }
    }

    #[test]
    fn a_cause_that_repeats_its_own_source_is_named_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("{0}")]
        struct Echo(#[source] io::Error);

        let echo = Echo(io::Error::other("a broken record"));
        let failure = failed(ureq::Error::Io(io::Error::other(echo)), true, None);
        let source = failure.source().expect("a cause");
        assert_eq!(source.to_string(), "a broken record");
        assert!(source.source().is_none());
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_permanent_and_explained() {
        for (text, words, hint) in [
            ("invalid peer certificate: UnknownIssuer", "not trusted", "root_certificates"),
            (
                "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
                "that of a certificate authority",
                "SSL_CERT_FILE",
            ),
            ("invalid peer certificate: certificate expired: …", "has expired", "date and time"),
            ("invalid peer certificate: certificate not valid yet: …", "not valid yet", "date"),
            (
                "invalid peer certificate: certificate not valid for name \"a\"; certificate is only \
                 valid for b",
                "only valid for b",
                "base address",
            ),
            ("invalid peer certificate: BadSignature", "BadSignature", "root_certificates"),
            ("certificate verify failed: (unable to get local issuer)", "unable", "SSL_CERT_FILE"),
        ] {
            let failure = failed(io(text), false, None);
            assert!(failure.is_permanent(), "{text}");
            assert!(failure.hint().is_some_and(|it| it.contains(hint)), "{failure:?}");
            let source = failure.source().map(ToString::to_string).unwrap_or_default();
            assert!(source.contains(words), "{source}");
            // If a byte was sent, the message decides nothing.
            assert!(!failed(io(text), true, None).is_permanent());
        }
    }

    #[test]
    fn an_alert_about_the_certificate_of_the_client_is_permanent_and_explained() {
        for text in [
            "received fatal alert: CertificateRequired",
            "received fatal alert: UnknownCA",
            "error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:SSL alert number 116",
            "error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:SSL alert number 48",
        ] {
            let failure = failed(io(text), false, None);
            assert!(failure.is_permanent(), "{text}");
            for failure in [failure, failed(io(text), true, None)] {
                let hint = failure.hint().unwrap_or_default();
                assert!(hint.contains("client_certificate"), "{text}");
            }
        }
    }

    #[test]
    fn a_handshake_without_agreement_may_succeed_at_another_server() {
        for text in [
            "received fatal alert: HandshakeFailure",
            "peer is incompatible: ServerDoesNotSupportTls12Or13",
            "received corrupt message of type InvalidContentType",
        ] {
            let failure = failed(io(text), false, None);
            assert!(!failure.is_permanent() && failure.is_permanent_if_repeated(), "{failure:?}");
            assert!(failure.hint().is_some_and(|it| it.contains("TLS")), "{failure:?}");
            // If a byte was sent, the message decides nothing.
            let sent = failed(io(text), true, None);
            assert!(!sent.is_permanent_if_repeated() && sent.hint().is_none(), "{sent:?}");
        }
        let failure = failed(io("received fatal alert: InternalError"), false, None);
        assert!(!failure.is_permanent_if_repeated() && failure.hint().is_none(), "{failure:?}");
    }

    #[test]
    fn a_proxy_that_refuses_is_permanent_and_one_that_fails_is_not() {
        for (status, permanent, hint, words) in [
            (407, true, "user:password@", "407 Proxy Authentication Required"),
            (401, true, "user:password@", "401 Unauthorized"),
            (403, true, "NO_PROXY", "403 Forbidden"),
            (400, true, "NO_PROXY", "400 Bad Request"),
            (408, true, "later", "408 Request Timeout"),
            (429, true, "later", "429 Too Many Requests"),
            (502, false, "", "502 Bad Gateway"),
            (503, false, "", "503 Service Unavailable"),
        ] {
            let reason = format!("proxy server responded {status}/{status}");
            let failure = failed(ureq::Error::ConnectProxyFailed(reason), false, None);
            assert_eq!(failure.is_permanent(), permanent, "{status}");
            assert!(failure.hint().unwrap_or_default().contains(hint), "{failure:?}");
            let source = failure.source().map(ToString::to_string);
            assert_eq!(source, Some(format!("the proxy responded {words}")));
        }
        for text in ["password authentication failed", "no acceptable auth methods"] {
            assert!(failed(io(text), false, None).is_permanent(), "{text}");
        }
    }

    #[test]
    fn a_timeout_names_the_limit_that_was_reached() {
        for (reason, expected) in [
            (ureq::Timeout::Resolve, "looking up the host name took longer than 1s"),
            (ureq::Timeout::Connect, "connecting took longer than 1s"),
            (ureq::Timeout::Global, "the attempt took longer than 3s"),
        ] {
            let failure = failed(ureq::Error::Timeout(reason), true, None);
            let source = failure.source().map(ToString::to_string);
            assert_eq!(source.as_deref(), Some(expected));
        }
    }
}
