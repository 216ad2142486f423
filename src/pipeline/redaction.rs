//! Keeps the key out of errors, `Debug` output and logs.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::iter::successors;
use std::ops::Range;

use http::response::Parts;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::transport::TransportError;
use crate::error::{BODY_KEPT, Error, ErrorKind};

type Cause = Box<dyn StdError + Send + Sync>;

/// Replaces the key.
const REDACTED: &[u8] = b"[redacted]";

/// A shorter key is found only as a word of its own: the key `e` must not make `[redacted]rror` of `error`.
const LONG: usize = 8;

/// How many kinds of escapes may be nested: `\u0026#43;` is a `+` in HTML in JSON.
const DEEPEST: u8 = 2;

/// How often an escape may be escaped in its own way, as `%25252F`.
const MOST_REPEATED: usize = 16;

/// The longest spelling of one byte that a body is searched for at the end of what is kept of it.
const LONGEST_SPELLING: usize = 32;

/// Finds the key in whatever spelling a server returns it: as it is, escaped in JSON, percent-encoded, as
/// HTML entities, in base64, and in these within each other.
#[derive(Clone)]
pub(crate) struct Redactor {
    /// The key, and what it becomes within base64.
    needles: Vec<Vec<u8>>,
    is_short: bool,
}

/// The raw facts of a failure. Only [`Redactor::error`] turns them into an error.
#[derive(Default)]
pub(crate) struct Evidence {
    pub(crate) message: String,
    pub(crate) head: Option<Parts>,
    pub(crate) body: Vec<u8>,
    pub(crate) cause: Option<Cause>,
}

impl Redactor {
    pub(crate) fn new(key: &str) -> Redactor {
        let is_short = key.len() < LONG;
        let mut needles = vec![key.as_bytes().to_vec()];
        if !is_short {
            needles.extend(base64_forms(key.as_bytes()));
        }
        Redactor { needles, is_short }
    }

    /// Builds an error of everything that was received, without the key.
    pub(crate) fn error(&self, kind: ErrorKind, evidence: Evidence) -> Error {
        // Before anything is cut off: half a key would not be found.
        let mut error = Error::new(kind, self.text(evidence.message));
        if let Some(Parts { status, mut headers, .. }) = evidence.head {
            self.headers(&mut headers);
            error = error.with_response(status, headers);
        }
        if let Some(cause) = evidence.cause {
            error = error.with_source(self.cause(cause));
        }
        error.with_body(self.body(evidence.body))
    }

    /// Removes the key from an error that a request was rejected with before it was sent.
    pub(crate) fn rejection(&self, error: Error) -> Error {
        error.map_message(|message| self.text(message))
    }

    /// Removes the key from a transport's error, which may quote the request or the response.
    pub(crate) fn transport_error(&self, error: TransportError) -> TransportError {
        let mut error = error.map_source(|source| self.cause(source));
        if let Some(head) = error.head_mut() {
            self.headers(&mut head.headers);
        }
        error
    }

    pub(crate) fn text(&self, text: String) -> String {
        match self.redact(text.as_bytes()) {
            Cow::Borrowed(_) => text,
            Cow::Owned(clean) => String::from_utf8_lossy(&clean).into_owned(),
        }
    }

    fn body(&self, mut body: Vec<u8>) -> Vec<u8> {
        // An error keeps the beginning; a key that begins in it is found whole.
        body.truncate(BODY_KEPT + self.needles[0].len() * LONGEST_SPELLING);
        match self.redact(&body) {
            Cow::Borrowed(_) => body,
            Cow::Owned(clean) => clean,
        }
    }

    pub(crate) fn headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            if let Cow::Owned(clean) = self.redact(value.as_bytes()) {
                let hidden = HeaderValue::from_static("[redacted]");
                *value = HeaderValue::from_bytes(&clean).unwrap_or(hidden);
            }
        }
    }

    /// Replaces an error that shows the key, itself or in one of its causes, with its text without the key.
    fn cause(&self, error: Cause) -> Cause {
        let shown: String = chain(&*error).map(|error| format!("{error} {error:?}")).collect();
        if matches!(self.redact(shown.as_bytes()), Cow::Borrowed(_)) {
            return error;
        }
        let texts: Vec<String> = chain(&*error).map(ToString::to_string).collect();
        self.text(texts.join(": ")).into()
    }

    fn redact<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(mut found) = self.find(text, 0) else {
            return Cow::Borrowed(text);
        };
        let mut clean = Vec::with_capacity(text.len());
        let mut done = 0;
        loop {
            clean.extend_from_slice(&text[done..found.start]);
            clean.extend_from_slice(REDACTED);
            done = found.end;
            match self.find(text, done) {
                Some(next) => found = next,
                None => break,
            }
        }
        clean.extend_from_slice(&text[done..]);
        Cow::Owned(clean)
    }

    /// Returns the first occurrence of the key at or after `from`.
    fn find(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        (from..text.len()).find_map(|start| {
            let lengths = self.needles.iter().filter_map(|needle| length(&text[start..], needle));
            let found = start..start + lengths.max()?;
            (!self.is_short || is_word(text, &found)).then_some(found)
        })
    }
}

/// The text of an error about `json`, without the strings of `json` that it quotes.
///
/// This is for a decoding that knows no key: any of the strings may be one.
pub(crate) fn without_strings(error: &serde_json::Error, json: &Value) -> String {
    let mut text = error.to_string();
    let mut rest = vec![json];
    while let Some(value) = rest.pop() {
        match value {
            Value::String(string) if !string.is_empty() => text = Redactor::new(string).text(text),
            Value::Array(items) => rest.extend(items),
            Value::Object(fields) => rest.extend(fields.values()),
            _ => {}
        }
    }
    text
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// An error and its causes.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    successors(Some(error), |&error| error.source())
}

fn is_word(text: &[u8], found: &Range<usize>) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !text[..found.start].last().is_some_and(is_part)
        && !text[found.end..].first().is_some_and(is_part)
}

/// The length of the longest spelling of `needle` that `text` begins with.
fn length(text: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *text.first()?;
    if first != needle[0] && !is_introducer(first) {
        return None;
    }
    // An escape can be read in more than one way, if the key itself looks like one.
    let mut ends = vec![0];
    for byte in needle {
        let mut next = Vec::new();
        for end in ends {
            spellings(&text[end..], *byte, DEEPEST, &mut |length| next.push(end + length));
        }
        next.sort_unstable();
        next.dedup();
        ends = next;
    }
    ends.last().copied()
}

fn is_introducer(byte: u8) -> bool {
    matches!(byte, b'\\' | b'%' | b'&' | b'=')
}

/// Calls `found` with the length of each spelling of `byte` that `text` begins with.
fn spellings(text: &[u8], byte: u8, depth: u8, found: &mut dyn FnMut(usize)) {
    let Some(first) = text.first() else {
        return;
    };
    if *first == byte {
        found(1);
    }
    if depth == 0 || !is_introducer(*first) {
        return;
    }
    for (introducer, escape) in ESCAPES {
        let mut escaped = |at| escape(&text[at..], byte, &mut |length| found(at + length));
        match *first == introducer {
            // An escape of itself, as `%252F`, is known to `escape`.
            true => escaped(1),
            false => spellings(text, introducer, depth - 1, &mut escaped),
        }
    }
}

type Escape = fn(&[u8], u8, &mut dyn FnMut(usize));

/// The first byte of each kind of escape, and the rest of it.
const ESCAPES: [(u8, Escape); 4] =
    [(b'\\', backslash), (b'%', percent), (b'&', entity), (b'=', quoted_printable)];

/// `\/`, `\u002f`, `\x2f`, `\u{2f}`, after any number of backslashes, as in JSON within JSON.
fn backslash(text: &[u8], byte: u8, found: &mut dyn FnMut(usize)) {
    let run = text.iter().take(MOST_REPEATED).take_while(|it| **it == b'\\').count();
    let rest = &text[run..];
    match byte {
        b'\\' => (1..=run).for_each(&mut *found),
        // `\n` is no spelling of the letter.
        _ if byte.is_ascii_punctuation() && rest.first() == Some(&byte) => found(run + 1),
        _ => {}
    }
    for (name, digits) in [(&b"u"[..], 4), (b"x", 2), (b"U", 8)] {
        let escaped = rest.strip_prefix(name).and_then(|rest| rest.get(..digits));
        if escaped.is_some_and(|digits| number(digits, 16) == Some(byte)) {
            found(run + 1 + digits);
        }
    }
    let digits = rest.strip_prefix(b"u{").map(|rest| leading(rest, u8::is_ascii_hexdigit));
    if digits.is_some_and(|digits| number(digits, 16) == Some(byte)) {
        found(run + digits.map_or(0, <[u8]>::len) + 3);
    }
}

/// `%2f`, `%252f`, and `%u002f`, which is in no standard.
fn percent(text: &[u8], byte: u8, found: &mut dyn FnMut(usize)) {
    for rest in repeated(text, b"25") {
        let before = text.len() - rest.len();
        if rest.get(..2).is_some_and(|digits| number(digits, 16) == Some(byte)) {
            found(before + 2);
        }
        let digits = rest.strip_prefix(b"u").and_then(|rest| rest.get(..4));
        if digits.is_some_and(|digits| number(digits, 16) == Some(byte)) {
            found(before + 5);
        }
    }
}

/// `text`, and what follows each `prefix` that it begins with.
fn repeated<'a>(text: &'a [u8], prefix: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    successors(Some(text), move |text| text.strip_prefix(prefix)).take(MOST_REPEATED)
}

/// `&#47;`, `&#x2f;`, `&sol;`, `&amp;sol;`.
fn entity(text: &[u8], byte: u8, found: &mut dyn FnMut(usize)) {
    for rest in repeated(text, b"amp;") {
        let before = text.len() - rest.len();
        numeric_entity(rest, byte, &mut |length| found(before + length));
        for (name, meaning) in ENTITIES {
            let after = rest.strip_prefix(name.as_bytes());
            if meaning == byte && after.is_some_and(|after| after.starts_with(b";")) {
                found(before + name.len() + 1);
            }
        }
    }
}

fn numeric_entity(text: &[u8], byte: u8, found: &mut dyn FnMut(usize)) {
    let (skipped, radix) = match text {
        [b'#', b'x' | b'X', ..] => (2, 16),
        [b'#', ..] => (1, 10),
        _ => return,
    };
    let is_digit = if radix == 16 { u8::is_ascii_hexdigit } else { u8::is_ascii_digit };
    let digits = leading(&text[skipped..], is_digit);
    if number(digits, radix) == Some(byte) {
        let length = skipped + digits.len();
        // Browsers accept it without the semicolon, too.
        found(length + usize::from(text.get(length) == Some(&b';')));
    }
}

/// `=2F`, as in mail.
fn quoted_printable(text: &[u8], byte: u8, found: &mut dyn FnMut(usize)) {
    if text.get(..2).is_some_and(|digits| number(digits, 16) == Some(byte)) {
        found(2);
    }
}

/// The names of the characters that a key can hold.
pub(super) const ENTITIES: [(&str, u8); 34] = [
    ("amp", b'&'),
    ("lt", b'<'),
    ("gt", b'>'),
    ("quot", b'"'),
    ("apos", b'\''),
    ("plus", b'+'),
    ("equals", b'='),
    ("sol", b'/'),
    ("bsol", b'\\'),
    ("lowbar", b'_'),
    ("UnderBar", b'_'),
    ("period", b'.'),
    ("colon", b':'),
    ("semi", b';'),
    ("comma", b','),
    ("num", b'#'),
    ("excl", b'!'),
    ("quest", b'?'),
    ("dollar", b'$'),
    ("percnt", b'%'),
    ("ast", b'*'),
    ("commat", b'@'),
    ("lpar", b'('),
    ("rpar", b')'),
    ("lsqb", b'['),
    ("lbrack", b'['),
    ("rsqb", b']'),
    ("rbrack", b']'),
    ("lcub", b'{'),
    ("rcub", b'}'),
    ("verbar", b'|'),
    ("grave", b'`'),
    ("Hat", b'^'),
    ("nbsp", b' '),
];

fn leading(text: &[u8], is_digit: fn(&u8) -> bool) -> &[u8] {
    let length = text.iter().take_while(|byte| is_digit(byte)).count();
    &text[..length]
}

/// The number that these digits write, if it is a byte.
fn number(digits: &[u8], radix: u32) -> Option<u8> {
    let is_number = !digits.is_empty() && digits.iter().all(|it| it.is_ascii_hexdigit());
    let digits = is_number.then(|| std::str::from_utf8(digits).ok())??;
    u32::from_str_radix(digits, radix).ok()?.try_into().ok()
}

/// The forms of `key` within base64, where it can begin at the first, second or third byte of a group. The
/// characters that depend on its neighbours are left out.
fn base64_forms(key: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let text: Vec<u8> = [0].repeat(before).into_iter().chain(key.iter().copied()).collect();
        let (first, end) = ((before * 8).div_ceil(6), text.len() * 8 / 6);
        for last_two in [b"+/", b"-_"] {
            let form = (first..end).map(|at| base64_digit(&text, at, last_two)).collect();
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

/// The base64 character number `at` of `text`, all of whose six bits are in it.
fn base64_digit(text: &[u8], at: usize, last_two: &[u8; 2]) -> u8 {
    let bit = |bit: usize| text[bit / 8] >> (7 - bit % 8) & 1;
    let value = (at * 6..at * 6 + 6).fold(0, |value, at| value << 1 | bit(at));
    match value {
        0..26 => b'A' + value,
        26..52 => b'a' + value - 26,
        52..62 => b'0' + value - 52,
        _ => last_two[usize::from(value - 62)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "hlt_a+b/c=d";

    fn redacted(key: &str, text: &str) -> String {
        Redactor::new(key).text(text.to_owned())
    }

    #[test]
    fn a_key_is_found_in_every_spelling() {
        for spelling in [
            KEY,
            r"hlt_a+b\/c=d",
            r"hlt_a+b\\\/c=d",
            r"hlt_a+b\\\\\\\/c=d",
            r"hlt_a\u002Bb/c\u003dd",
            r"hlt_a\\u002Bb/c\\u003dd",
            r"\u0068\u006c\u0074\u005f\u0061\u002b\u0062\u002f\u0063\u003d\u0064",
            r"hlt_a\x2bb\x2Fc=d",
            r"hlt_a\u{2b}b\u{2f}c=d",
            "hlt_a%2Bb%2Fc%3Dd",
            "hlt_a%252Bb%252fc%25253Dd",
            "%68%6C%74%5f%61%2B%62%2F%63%3D%64",
            "hlt_a%u002Bb/c=d",
            "hlt_a&#43;b&#x2F;c&equals;d",
            "hlt_a&#43b&sol;c&#61d",
            "hlt_a&amp;#43;b&amp;sol;c=d",
            r"hlt_a\u0026#43;b/c=d",
            r"hlt_a\u00252Bb\u00252Fc=d",
            "hlt_a=2Bb=2Fc=3Dd",
            r"hlt_a+b%5C/c=d",
        ] {
            assert_eq!(redacted(KEY, spelling), "[redacted]", "{spelling}");
            let inside = format!("the key '{spelling}', or x{spelling}y");
            assert_eq!(
                redacted(KEY, &inside),
                "the key '[redacted]', or x[redacted]y",
                "{spelling}"
            );
        }
    }

    #[test]
    fn a_key_that_looks_like_an_escape_is_found() {
        for (key, text) in [
            ("a%2Bbcdefg", "a%2Bbcdefg"),
            ("a%2Bbcdefg", r"a\u00252Bbcdefg"),
            (r"a\/bcdefg", r"a\/bcdefg"),
            (r"a\/bcdefg", r"a\\\/bcdefg"),
            (r#"a"b&amp;cd"#, r#"a\"b&amp;amp;cd"#),
            ("&#43;&#43;", "&#43;&#43;"),
        ] {
            assert_eq!(redacted(key, text), "[redacted]", "{key} in {text}");
        }
    }

    #[test]
    fn a_key_within_base64_is_found_at_every_offset() {
        for (text, expected) in [
            ("aGx0X2ErYi9jPWQ=", "[redacted]Q="),
            ("QmVhcmVyIGhsdF9hK2IvYz1k", "QmVhcmVyIG[redacted]"),
            ("eGhsdF9hK2IvYz1keg==", "eG[redacted]eg=="),
        ] {
            assert_eq!(redacted(KEY, text), expected);
        }
        assert_eq!(redacted("~~~???>>>", "fn5-Pz8_Pj4-"), "[redacted]");
    }

    #[test]
    fn a_short_key_is_found_only_as_a_word() {
        assert_eq!(
            redacted("e", r#"{"error":"the key e, or \"e\""}"#),
            r#"{"error":"the key [redacted], or \"[redacted]\""}"#
        );
        assert_eq!(redacted("n", r"a\nb"), r"a\nb");
        assert_eq!(
            redacted("hlt_1", "bad hlt_1, hlt_1! k=hlt_1 hlt_11"),
            "bad [redacted], [redacted]! k=[redacted] hlt_11"
        );
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in
            ["", "hlt_a+b/c", "hlt_a+b/c=", r"\", "%", "&", "&#", r"\u{", "=", "hlt_a b/c=d"]
        {
            assert_eq!(redacted(KEY, text), text);
        }
    }

    #[test]
    fn a_long_run_of_escapes_takes_no_long_time() {
        for piece in ["\\", "%25", "&amp;", "\\u005c", "=3D"] {
            let text = piece.repeat(BODY_KEPT / piece.len());
            assert_eq!(redacted(KEY, &text), text);
            assert!(!redacted(r"\%&=\%&=", &text[..1024]).is_empty());
        }
    }

    #[test]
    fn an_error_holds_no_part_of_a_key_that_is_cut_off() {
        let body = format!("{}{KEY}", "x".repeat(BODY_KEPT - 5)).into_bytes();
        let message = format!("{}{KEY}", "x".repeat(497));
        let error = Redactor::new(KEY)
            .error(ErrorKind::Rejected, Evidence { message, body, ..Evidence::default() });
        assert!(!error.message().contains("hlt"), "{error}");
        assert_eq!(error.body().len(), BODY_KEPT);
        assert!(error.body().ends_with(b"xx[reda"), "{:?}", &error.body()[BODY_KEPT - 9..]);
    }

    #[test]
    fn headers_keep_what_is_not_the_key() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "location",
            HeaderValue::from_static("https://a.example/?k=hlt_a%2Bb%2Fc%3Dd&x=1"),
        );
        Redactor::new(KEY).headers(&mut headers);
        assert_eq!(headers["location"], "https://a.example/?k=[redacted]&x=1");
    }
}
