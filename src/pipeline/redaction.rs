//! Keeps the key out of errors, `Debug` output and logs.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::error::Error as StdError;
use std::fmt;
use std::iter::{self, successors};
use std::ops::Range;

use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::letters::{self, Letters};
use super::message::floor;
use super::spelling::{Needle, is_part};
use super::transport::{Proxied, TransportError};
use crate::error::{BODY_KEPT, Error, ErrorKind};

type Cause = Box<dyn StdError + Send + Sync>;

/// Replaces the key.
const REDACTED: &[u8] = b"[redacted]";

/// A shorter key is found only as a word of its own: the key `e` must not make `[redacted]rror` of `error`.
const LONG: usize = 8;

/// A key is found without its beginning if it has so many bytes, since services leave that out: `hlt_`.
const LEAST_WITH_PARTS: usize = 16;
/// A part of a key has so many bytes at least.
const LEAST_PART: usize = 10;
/// Behind so many separators of a key a part begins.
const MOST_SEPARATORS: usize = 4;

/// The longest spelling of one byte that a body is searched for at the end of what is kept of it.
const LONGEST_SPELLING: usize = 32;

/// Finds the key in whatever spelling a server returns it: as it is or in another case, escaped in JSON,
/// percent-encoded, as HTML entities, broken over lines, cut off, as codes, in base64, and in these within each other.
#[derive(Clone)]
pub(crate) struct Redactor {
    /// The key, and what it becomes within base64.
    needles: Vec<Needle>,
    /// The key without its beginning, and what is left out of it.
    parts: Vec<(Needle, Vec<u8>)>,
    /// The bytes that a spelling can begin with.
    is_beginning: Box<[bool; 256]>,
    key_length: usize,
    is_short: bool,
    letters: Letters,
    /// Those of earlier keys, the latest first.
    earlier: Vec<Redactor>,
}

/// How many earlier keys are hidden.
const MOST_EARLIER: usize = 3;

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
        let needles = match is_short {
            true => vec![Needle::short(key.as_bytes())],
            false => {
                let base64 = Needle::in_base64(key.as_bytes());
                [Needle::long(key.as_bytes())].into_iter().chain(base64).collect()
            }
        };
        let parts: Vec<(Needle, Vec<u8>)> = parts(key.as_bytes())
            .map(|(before, part)| (Needle::long(part), before.to_vec()))
            .collect();
        let mut is_beginning = Box::new([false; 256]);
        let all = needles.iter().chain(parts.iter().map(|(needle, _)| needle));
        all.for_each(|needle| needle.mark_beginnings(&mut is_beginning));
        let key_length = key.len();
        let letters = Letters::of(key.as_bytes());
        Redactor {
            needles,
            parts,
            is_beginning,
            key_length,
            is_short,
            letters,
            earlier: Vec::new(),
        }
    }

    /// Hides the key of `earlier`, too, and those before it as far as they are recent.
    pub(crate) fn also_hiding(mut self, earlier: &Redactor) -> Redactor {
        let latest = Redactor { earlier: Vec::new(), ..earlier.clone() };
        self.earlier = iter::once(latest).chain(earlier.earlier.iter().cloned()).collect();
        self.earlier.truncate(MOST_EARLIER);
        self.key_length = self.key_length.max(earlier.key_length);
        self
    }

    /// Builds an error of everything that was received, without the key.
    pub(crate) fn error(&self, kind: ErrorKind, evidence: Evidence) -> Error {
        // Before anything is cut off: half a key would not be found.
        let mut error = Error::new(kind, self.beginning(evidence.message));
        if let Some(Parts { status, mut headers, extensions, .. }) = evidence.head {
            self.headers(&mut headers);
            let proxy = extensions.get().map(|Proxied(proxy)| proxy.clone());
            error = error.with_response(status, headers).with_proxy(proxy);
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
        let error = error.map_hint(|hint| self.text(hint));
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

    /// A little more than an error keeps of a text, without the key.
    fn beginning(&self, mut text: String) -> String {
        text.truncate(floor(&text, self.most_searched()));
        self.text(text)
    }

    /// An error keeps the beginning; a key that begins in it is found whole.
    fn most_searched(&self) -> usize {
        BODY_KEPT + self.key_length * LONGEST_SPELLING
    }

    fn body(&self, mut body: Vec<u8>) -> Vec<u8> {
        body.truncate(self.most_searched());
        match self.redact(&body) {
            Cow::Borrowed(_) => body,
            Cow::Owned(clean) => clean,
        }
    }

    /// Removes the key from the values, and the headers that it names.
    pub(crate) fn headers(&self, headers: &mut HeaderMap) {
        let shows_key =
            |name: &&HeaderName| matches!(self.redact(name.as_str().as_bytes()), Cow::Owned(_));
        let names: Vec<HeaderName> = headers.keys().filter(shows_key).cloned().collect();
        names.iter().for_each(|name| drop(headers.remove(name)));
        for value in headers.values_mut() {
            if let Cow::Owned(clean) = self.redact(value.as_bytes()) {
                let hidden = HeaderValue::from_static("[redacted]");
                *value = HeaderValue::from_bytes(&clean).unwrap_or(hidden);
            }
        }
    }

    /// Replaces an error that shows the key, itself or in one of its causes, or that quotes a whole body, with its text
    /// without the key.
    fn cause(&self, error: Cause) -> Cause {
        let shown: String = chain(&*error).map(|error| format!("{error} {error:?}")).collect();
        let is_short = shown.len() <= self.most_searched();
        if is_short && matches!(self.redact(shown.as_bytes()), Cow::Borrowed(_)) {
            return error;
        }
        let texts: Vec<String> = chain(&*error).map(ToString::to_string).collect();
        let mut clean = self.beginning(texts.join(": "));
        clean.truncate(floor(&clean, BODY_KEPT));
        clean.into()
    }

    pub(crate) fn redact<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        match self.replace(text, &self.find_letters(text)) {
            Cow::Borrowed(text) => self.redact_spelled(text),
            Cow::Owned(text) => Cow::Owned(self.redact_spelled(&text).into_owned()),
        }
    }

    /// Returns the places that show the letters of a key, whatever is between them.
    fn find_letters(&self, text: &[u8]) -> Vec<Range<usize>> {
        let all = iter::once(self).chain(&self.earlier);
        letters::merged(all.flat_map(|it| it.letters.find_all(text)).collect())
    }

    /// Hides the key where it is spelled with nothing between its characters but line breaks and invisible ones: also one that
    /// has few letters, was cut short, or is within base64 or a list of codes.
    fn redact_spelled<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        // UTF-16 and UTF-32 have zeros between the characters of a key.
        let places: Vec<usize> = match text.contains(&0) {
            true => (0..text.len()).filter(|at| text[*at] != 0).collect(),
            false => return self.replace(text, &self.find_all(text)),
        };
        let plain: Vec<u8> = places.iter().map(|at| text[*at]).collect();
        let in_text = |found: Range<usize>| places[found.start]..places[found.end - 1] + 1;
        let found: Vec<Range<usize>> = self.find_all(&plain).into_iter().map(in_text).collect();
        self.replace(text, &found)
    }

    fn replace<'a>(&self, text: &'a [u8], found: &[Range<usize>]) -> Cow<'a, [u8]> {
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = Vec::with_capacity(text.len());
        let mut done = 0;
        for range in found {
            clean.extend_from_slice(&text[done..range.start]);
            clean.extend_from_slice(REDACTED);
            done = range.end;
        }
        clean.extend_from_slice(&text[done..]);
        Cow::Owned(clean)
    }

    fn find_all(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut from = 0;
        let next = || {
            let found = self.find(text, from)?;
            from = found.end;
            Some(found)
        };
        iter::from_fn(next).collect()
    }

    /// Returns the first occurrence of a key at or after `from`, the longest of those that begin there.
    fn find(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        let all = || iter::once(self).chain(&self.earlier);
        (from..text.len()).find_map(|start| {
            let ends = all().filter_map(|it| it.find_at(text, start));
            let parts = || all().filter_map(|it| it.find_part_at(text, from, start));
            ends.max().map(|end| start..end).or_else(|| parts().max_by_key(|part| part.end))
        })
    }

    /// Returns the longest part of the key that begins at `start`, with what is before it of the key.
    fn find_part_at(&self, text: &[u8], from: usize, start: usize) -> Option<Range<usize>> {
        if !self.may_begin(text[start]) {
            return None;
        }
        let found = self.parts.iter().filter_map(|(needle, before)| {
            let length = needle.length(&text[start..])?;
            let pairs = text[from..start].iter().rev().zip(before.iter().rev());
            let shown = pairs.take_while(|(shown, byte)| shown.eq_ignore_ascii_case(byte)).count();
            Some(start - shown..start + length)
        });
        found.max_by_key(|part| part.end)
    }

    fn may_begin(&self, byte: u8) -> bool {
        self.is_beginning[usize::from(byte)]
    }

    /// Returns the end of the key that begins at `start`.
    fn find_at(&self, text: &[u8], start: usize) -> Option<usize> {
        if !self.may_begin(text[start]) {
            return None;
        }
        let lengths = self.needles.iter().filter_map(|needle| needle.length(&text[start..]));
        let end = start + lengths.max()?;
        (!self.is_short || is_word(text, &(start..end))).then_some(end)
    }
}

/// The text of an error about `json`, without the values of `json` that it quotes.
///
/// This is for a decoding that knows no key: any of the values may be one.
pub(crate) fn without_values(error: &serde_json::Error, json: &Value) -> String {
    let text = without_numbers(&without_variant(&without_quoted(&error.to_string())));
    if text.len() > BODY_KEPT {
        return "the error quotes a value of the object".to_owned();
    }
    let mut strings = strings_of(json);
    // One that is part of another would leave the rest of that.
    strings.sort_unstable_by_key(|string| Reverse(string.len()));
    let is_shown = |string: &&str| string.len() >= LONG && !OWN_WORDS.contains(string);
    strings.into_iter().filter(is_shown).fold(text, |text, string| match text.contains(string) {
        true => text.replace(string, "[redacted]"),
        false => text,
    })
}

/// The cause of a failure to decode `json`, without the values that it quotes: they may be about people.
pub(crate) fn cause_without_values(error: serde_json::Error, json: &Value) -> Cause {
    let clean = without_values(&error, json);
    if clean == error.to_string() { error.into() } else { clean.into() }
}

/// Words of serde's own errors that are as long as a key.
const OWN_WORDS: [&str; 3] = ["expected", "sequence", "duplicate"];

fn strings_of(json: &Value) -> Vec<&str> {
    let (mut rest, mut strings) = (vec![json], Vec::new());
    while let Some(value) = rest.pop() {
        match value {
            Value::String(string) => strings.push(&**string),
            Value::Array(items) => rest.extend(items),
            Value::Object(fields) => {
                strings.extend(fields.keys().map(String::as_str));
                rest.extend(fields.values());
            }
            _ => {}
        }
    }
    strings
}

/// The text without the name that serde does not know, which it puts between backticks.
fn without_variant(text: &str) -> String {
    let start = ["unknown variant `", "unknown field `"].into_iter().find_map(|words| {
        let at = text.find(words)?;
        Some(at + words.len())
    });
    let end = start.and_then(|start| text[start..].find("`, ").map(|length| start + length));
    match (start, end) {
        (Some(start), Some(end)) => format!("{}[redacted]{}", &text[..start], &text[end..]),
        _ => text.to_owned(),
    }
}

/// The text without the numbers of more than three digits that serde puts between backticks.
fn without_numbers(text: &str) -> String {
    let is_long = |part: &str| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        digits > 3 && part.parse::<f64>().is_ok()
    };
    let parts = text.split('`').map(|part| if is_long(part) { "[redacted]" } else { part });
    parts.collect::<Vec<_>>().join("`")
}

/// The text without what is in double quotes, where serde and most other decoders quote a value.
fn without_quoted(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(BODY_KEPT));
    let (mut is_quoted, mut is_escaped) = (false, false);
    for letter in text.chars() {
        let is_end = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && is_quoted && !is_escaped;
        match (is_end, is_quoted) {
            (true, false) => clean.push_str("\"[redacted]"),
            (true, true) | (false, false) => clean.push(letter),
            (false, true) => {}
        }
        is_quoted ^= is_end;
    }
    clean
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

/// The parts of a key that are found alone, each with what is before it: what is behind a separator, and the last half.
fn parts(key: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let tail = key.len() - LEAST_PART.max(key.len() / 2).min(key.len());
    let behind_separators = (1..key.len()).filter(|at| matches!(key[at - 1], b'_' | b'-'));
    let split = behind_separators.take(MOST_SEPARATORS).chain([tail]).map(|at| key.split_at(at));
    split.filter(|(_, part)| {
        let is_long = key.len() >= LEAST_WITH_PARTS && part.len() >= LEAST_PART;
        is_long && !is_like_word(key, part)
    })
}

/// Whether the end of a key may be a word: letters of one case, behind which no digits are.
fn is_like_word(key: &[u8], tail: &[u8]) -> bool {
    let random = key.rsplit(|byte| matches!(byte, b'_' | b'-')).next().unwrap_or_default();
    let is_one_case =
        tail.iter().all(u8::is_ascii_lowercase) || tail.iter().all(u8::is_ascii_uppercase);
    is_one_case && random.iter().all(u8::is_ascii_alphabetic)
}

fn is_word(text: &[u8], found: &Range<usize>) -> bool {
    !text[..found.start].last().is_some_and(is_part)
        && !text[found.end..].first().is_some_and(is_part)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

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
            // In another case, or with other letters.
            "HLT_A+B/C=D",
            "Hlt_a%2bB/c=D",
            "hlt_a b/c=d",
            "hlt_a%20b%2Fc%3Dd",
            "\u{ff48}\u{ff4c}\u{ff54}\u{ff3f}\u{ff41}\u{ff0b}\u{ff42}\u{ff0f}\u{ff43}\u{ff1d}\u{ff44}",
            r"\uff48lt_a\uff0bb/c=d",
            "hlt_a%EF%BC%8Bb/c=d",
            "hlt_a&#65291;b/c=d",
            "hlt_a&PLUS;b/c=d",
            // In octal, and as codes.
            r"hlt_a\053b/c=d",
            r"\150\154\164\137\141\053\142\057\143\075\144",
            r"hlt_a\0053b/c=d",
            "686c745f612b622f633d64",
            "686C745F612B622F633D64",
            "68:6c:74:5f:61:2b:62:2f:63:3d:64",
            "68 6C 74 5F 61 2B 62 2F 63 3D 64",
            "0x68, 0x6c, 0x74, 0x5f, 0x61, 0x2b, 0x62, 0x2f, 0x63, 0x3d, 0x64",
            "104, 108, 116, 95, 97, 43, 98, 47, 99, 61, 100",
            "104,108,116,95,97,43,98,47,99,61,100",
            // Broken over lines.
            "hlt_a\r\n +b/c=d",
            "hlt_\na+b\n\n\t /c=d",
            r"hlt_a\n+b/c=d",
            r"hlt_a\r\n  +b/c=d",
            "hlt_a+\\\nb/c=d",
            "hlt_a=\r\n=2Bb/c=3Dd",
            "hlt_a%0D%0A%2Bb/c=d",
            "hlt_a<br />+b/c=d",
            "hlt_a&shy;+b<wbr>/c=d",
            "hlt_a   +b \t/c=d",
            "hlt_a\u{200b}+b\u{ad}/c=d",
            "hlt_a\u{200d}+b\u{200e}/c=d",
            "hlt_a\u{202a}+b\u{2063}/c\u{fe0f}=d",
            "hlt_a\u{34f}+b\u{61c}/c\u{180e}=d",
            r"hlt_a\u200d+b&zwj;/c=d",
            "hlt_a\u{1}+b\u{7f}/c=d",
            "h\0l\0t\0_\0a\0+\0b\0/\0c\0=\0d",
            "h\0\0\0l\0\0\0t\0\0\0_\0\0\0a\0\0\0+\0\0\0b\0\0\0/\0\0\0c\0\0\0=\0\0\0d",
            // Cut off.
            "hlt_a+b/",
            "hlt_a+b/c=",
            r"hlt_a\u002Bb\/",
            "686c745f612b622f",
        ] {
            let shown = |text: &str| redacted(KEY, text).replace("0x[", "[");
            assert_eq!(shown(spelling), "[redacted]", "{spelling}");
            let inside = format!("the key '{spelling}', or q{spelling}");
            assert_eq!(shown(&inside), "the key '[redacted]', or q[redacted]", "{spelling}");
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
    fn base64_that_is_broken_over_lines_or_cut_off_is_found() {
        let key = "hlt_0123456789abcdefghijklmnopqrstuvwxyz";
        let basic = "dXNlcjpobHRfMDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6";
        assert_eq!(redacted(key, &format!("Basic {basic}")), "Basic dXNlcjp[redacted]");
        let (head, tail) = basic.split_at(30);
        assert_eq!(redacted(key, &format!("{head}\r\n {tail}")), "dXNlcjp[redacted]");
        assert_eq!(redacted(key, &format!("{head}...")), "dXNlcjp[redacted]...");
        // Of another case it is not base64 of the key.
        assert_eq!(redacted(key, &basic.to_lowercase()), basic.to_lowercase());
    }

    #[test]
    fn a_key_that_the_server_cuts_off_is_found_and_a_word_is_not() {
        let key = "hlt_0123456789abcdef";
        for (text, expected) in [
            ("key hlt_0123...", "key [redacted]..."),
            ("key hlt_0123456****", "key [redacted]****"),
            ("key 'hlt_01234567'", "key '[redacted]'"),
            ("key HLT_01234567\u{2026}", "key [redacted]\u{2026}"),
            ("key hlt_012...", "key hlt_012..."),
            ("key hlt_0123456789abXXXX.", "key [redacted]XXXX."),
            ("key hlt_0123456789abxxxx", "key [redacted]xxxx"),
            ("key hlt_0123456789ab____", "key [redacted]____"),
            ("key hlt_0123456789abXX", "key [redacted]XX"),
            ("key hlt_0123456789abc7", "key [redacted]7"),
            ("key hlt_0123x", "key hlt_0123x"),
        ] {
            assert_eq!(redacted(key, text), expected);
        }
        let words = "community-of-runners";
        for text in ["community not found", "communit", "community's", "communities"] {
            assert_eq!(redacted(words, text), text);
        }
    }

    #[test]
    fn a_key_without_its_beginning_is_found() {
        let key = "hlt_0123456789abcdef";
        for (text, expected) in [
            ("no key 0123456789abcdef", "no key [redacted]"),
            ("no key ...456789abcdef.", "no key ...[redacted]."),
            ("no key ****3456789ABCDEF", "no key ****[redacted]"),
            ("no key 01234567%389abcdef", "no key [redacted]"),
            ("no key 0123456789\\u0061bcdef", "no key [redacted]"),
            ("no key lt_0123456789abcdef", "no key [redacted]"),
            ("hlt_012345 and 6789abcdef", "[redacted] and [redacted]"),
            ("hlt_0123</b><b>456789abcdef", "[redacted]"),
            ("0x6789abcdeg", "0x6789abcdeg"),
            ("the one with ...cdef", "the one with ...cdef"),
            ("no key 0123456789ab***", "no key [redacted]***"),
            ("no key ..0123456789\\u0061b...", "no key ..[redacted]..."),
            ("no key 01234567", "no key [redacted]"),
            ("no key 0123456, 012345678", "no key 0123456, [redacted]"),
        ] {
            assert_eq!(redacted(key, text), expected);
        }
        for shown in ["live_0123456789ab***", "0123456789ab***", "ve_0123456789abcdef"] {
            let text = redacted("hlt_live_0123456789abcdef", &format!("'{shown}"));
            assert!(matches!(text.as_str(), "'[redacted]" | "'[redacted]***"), "{text}");
        }
        // Letters alone may be words.
        assert_eq!(redacted("communityofrunners", "yofrunners"), "yofrunners");
        // Letters of both cases, or behind digits, are none.
        for key in ["hlt_K3fZ9Qw7LmNpRsTvXyBd", "hlt_8f3K9sQzXwRtYpLmNv", "hlt_83k9qzxwrtyplmnvkd"]
        {
            let random = &key[4..];
            for shown in [random, &random[random.len() / 2 - 2..]] {
                let text = redacted(key, &format!("no key ...{shown}"));
                assert_eq!(text, "no key ...[redacted]", "{key}");
            }
        }
    }

    #[test]
    fn a_key_is_found_whatever_is_between_its_letters() {
        let key = "hlt_0123456789abcdef";
        for between in [
            "\u{3164}",
            "\u{200d}",
            "%E2%80%8D",
            "%25E2%2580%258D",
            "&lrm;",
            "&ZeroWidthSpace;",
            "&amp;lrm;",
            r"\u0026lrm;",
            r"\u200f",
            r"\\u200f",
            r"\x0a",
            r"\u{3164}",
            r"\N{ZERO WIDTH SPACE}",
            r"\t",
            "&#12644;",
            "&#x3164;",
            " ",
            " \u{b7} ",
            "\", \"",
            "</span><span class=\"s\">",
            "&lt;wbr&gt;",
        ] {
            for at in 1..key.len() {
                let (before, behind) = key.split_at(at);
                let text = format!("no key '{before}{between}{behind}'.");
                assert_eq!(redacted(key, &text), "no key '[redacted]'.", "{between} at {at}");
            }
            let letters: Vec<String> = key.chars().map(String::from).collect();
            let text = format!("no key '{}'.", letters.join(between));
            assert_eq!(redacted(key, &text), "no key '[redacted]'.", "{between} everywhere");
        }
        assert_eq!(
            redacted("SK_SECRET_key12345", r#"{"loc":["SK_SECRET","key12345"]}"#),
            r#"{"loc":["[redacted]"]}"#
        );
        // A part is known by its digits; letters alone may be words.
        assert_eq!(redacted(key, "'3 45 67 89 AB cde'"), "'[redacted]'");
        let words = "club-of-the-runners-2024";
        for text in ["club of the runners", "the club of the runners of 2024", "2024 3456789"] {
            assert_eq!(redacted(words, text), text);
        }
        assert_eq!(redacted(words, "Club of the Runners, 2024"), "[redacted]");
    }

    #[test]
    fn words_that_are_like_a_key_of_words_are_left_alone() {
        for (key, text) in [
            ("harbour-runners", "the community Harbour Runners was not found"),
            ("harbour-runners", "the community harbour runners was not found"),
            ("community-not-found", "Community not found"),
            ("production-key", "no production key was given"),
            ("production-key", "no production, key, or name"),
            ("your-api-key-here", "put your API key here"),
            ("hlt_test_words", "the hlt test words are not known"),
            ("hlt_0123456789abcdef", "steps 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, a, b"),
            ("hlt_0123456789abcdef", "page 0 1 2 3 4 5 6 7 8 9 A B C D"),
            ("hlt_123456789012345", "1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2"),
            ("hlt_0123456789abcdef", "at 2024-05-01 23:45:06.789 abcdef"),
        ] {
            assert_eq!(redacted(key, text), text, "{key}");
        }
    }

    #[test]
    fn a_key_in_fullwidth_letters_is_hidden_to_its_last_byte() {
        let wide = |byte: u8| char::from_u32(u32::from(byte) + 0xFEE0).expect("a character");
        for key in ["harbour-runners", "hlt_0123456789abcdef"] {
            let text: String = key.bytes().map(wide).collect();
            assert_eq!(redacted(key, &format!("no {text}.")), "no [redacted].", "{key}");
        }
    }

    #[test]
    fn random_letters_are_found_with_blanks_between_and_in_any_list() {
        for text in ["h l t _ A b C d E f G h I j K l M n", "['hlt_AbCdEf', 'GhIjKlMn']"] {
            assert!(redacted("hlt_AbCdEfGhIjKlMn", text).contains("[redacted]"), "{text}");
        }
    }

    #[test]
    fn a_key_of_words_is_found_with_what_a_page_puts_within_a_word() {
        let (before, behind) = ("harb", "our-runners");
        for between in [
            "",
            "\u{200b}",
            "\u{3164}",
            "\u{1}",
            "%E2%80%8D",
            "&lrm;",
            "&ZeroWidthSpace;",
            "&amp;lrm;",
            r"\u200f",
            r"\\u200f",
            "<wbr>",
            "</b><b class=\"s\">",
            "&lt;wbr&gt;",
            "-",
            "\", \"",
            "\",\"",
        ] {
            let text = format!("no key '{before}{between}{behind}'.");
            assert_eq!(redacted("harbour-runners", &text), "no key '[redacted]'.", "{between}");
        }
        // A long key, or one with digits, is no phrase of a service.
        for (key, text) in [
            ("harbour-runners-of-the-north", "Harbour Runners of the North"),
            ("harbour-runners-7", "Harbour, Runners 7"),
            ("hlt_0123456789abcdef", "h l t 0 1 2 3 4 5 6 7 8 9 a b c d e f"),
            ("hlt_7391046582abcdef", "7 3 9 1 0 4 6 5 8 2 a b"),
        ] {
            assert_eq!(redacted(key, text), "[redacted]", "{key}");
        }
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
        for text in [
            "",
            "hlt_a+b",
            "hlt_a+bxc=d",
            r"\",
            "%",
            "&",
            "&#",
            r"\u{",
            "=",
            "hlt_a-b/c=d",
            "686c745f",
        ] {
            assert_eq!(redacted(KEY, text), text);
        }
    }

    #[test]
    fn a_long_run_of_what_a_key_may_begin_with_takes_no_long_time() {
        for piece in [
            "\\",
            "%25",
            "&amp;",
            "\\u005c",
            "=3D",
            "=\n",
            "h",
            "hlt_a\n\n",
            "68",
            "104,",
            "\u{ff48}",
            "<a",
            "\\u{",
            "\\N{",
            "&#x",
        ] {
            let text = piece.repeat(BODY_KEPT / piece.len());
            // The second has letters enough to be found whatever is between them.
            for key in [KEY, "hlt_live_0123456789abcdefghijKLMNopqrstuv"] {
                assert_eq!(redacted(key, &text), text, "{piece}");
            }
            assert!(!redacted(r"\%&=\%&=", &piece.repeat(1024 / piece.len())).is_empty());
        }
    }

    #[test]
    fn an_earlier_key_is_hidden_in_the_time_of_one_walk() {
        let redactor = Redactor::new("hlt_second").also_hiding(&Redactor::new("hlt_first"));
        let shown = |text: &str| redactor.text(text.to_owned());
        assert_eq!(shown("hlt_first, hlt_second"), "[redacted], [redacted]");
        // Both begin at one place.
        let longer = Redactor::new("hlt_first").also_hiding(&Redactor::new("hlt_first_of_two"));
        assert_eq!(longer.text("hlt_first_of_two".to_owned()), "[redacted]");
        // 6,000 keys in half a million bytes: a walk for each would take minutes.
        let text = format!("hlt_second{}", " ".repeat(80)).repeat(6_000);
        assert_eq!(shown(&text), text.replace("hlt_second", "[redacted]"));
    }

    #[test]
    fn the_error_of_a_decoding_keeps_its_words_and_loses_the_values() {
        let decoded = |json: Value| {
            let error = Vec::<u64>::deserialize(json.get("x").unwrap_or(&json)).err();
            error.map(|error| without_values(&error, &json)).unwrap_or_default()
        };
        for (json, expected) in [
            (
                serde_json::json!({"x": ["a \"b\" \\"], "kind": "string", "type": "type"}),
                "invalid type: string \"[redacted]\", expected u64",
            ),
            (
                serde_json::json!({"x": "expected"}),
                "invalid type: string \"[redacted]\", expected a sequence",
            ),
            (serde_json::json!([{"expected": "sequence"}]), "invalid type: map, expected u64"),
            (
                serde_json::json!({"x": [-15558675309_i64]}),
                "invalid value: integer `[redacted]`, expected u64",
            ),
            (serde_json::json!([-7]), "invalid value: integer `-7`, expected u64"),
        ] {
            assert_eq!(decoded(json), expected);
        }
        let custom: serde_json::Error = serde::de::Error::custom("no key: hlt_1234 of a runner");
        let json = serde_json::json!({"name": "a runner", "key": ["hlt_1234"]});
        assert_eq!(without_values(&custom, &json), "no key: [redacted] of [redacted]");
    }

    #[test]
    fn the_error_of_a_decoding_shows_no_key_of_whatever_letters_and_length() {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Kind {
            Run,
        }
        let shown = |json: &Value| {
            let error = Kind::deserialize(json).err();
            error.map(|error| without_values(&error, json)).unwrap_or_default()
        };
        let long = format!("hlt_1234567890 {}", "1".repeat(70_000));
        for key in ["q", "AbcdefghijklmnopKEY", "a`, expected", &long] {
            assert!(!shown(&key.into()).contains(key), "{key}");
        }
        assert_eq!(shown(&"Swim".into()), "unknown variant `[redacted]`, expected `run`");
        assert_eq!(shown(&"run".into()), "");
        let custom = |text: &str| serde::de::Error::custom(text);
        let json = serde_json::json!(["hlt_1234", "hlt_1234 of a"]);
        assert_eq!(without_values(&custom("hlt_1234 of a b"), &json), "[redacted] b");
        let message = without_values(&custom(&format!("odd: {long}")), &long.into());
        assert_eq!(message, "the error quotes a value of the object");
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
    fn a_cause_that_quotes_a_whole_body_is_cut_and_holds_no_key() {
        let quoted = format!("invalid type: string \"{}{KEY}é\"", "é".repeat(BODY_KEPT));
        let keyless = quoted.replace(KEY, "");
        for (cause, is_kept) in
            [(quoted, false), (keyless, false), ("invalid type".to_owned(), true)]
        {
            let evidence = Evidence { cause: Some(cause.clone().into()), ..Evidence::default() };
            let error = Redactor::new(KEY).error(ErrorKind::Unreadable, evidence);
            let shown = error.source().map(ToString::to_string).unwrap_or_default();
            assert_eq!(shown == cause, is_kept);
            assert!(!shown.contains("hlt") && shown.len() <= BODY_KEPT);
        }
    }

    #[test]
    fn headers_keep_what_is_not_the_key() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "location",
            HeaderValue::from_static("https://a.example/?k=hlt_a%2Bb%2Fc%3Dd&x=1"),
        );
        headers.insert("x-hlt_a", HeaderValue::from_static("1"));
        let named = HeaderName::from_static("x-the-secret-key-0123456789");
        headers.insert(named, HeaderValue::from_static("2"));
        Redactor::new(KEY).headers(&mut headers);
        assert_eq!(headers["location"], "https://a.example/?k=[redacted]&x=1");
        Redactor::new("The-Secret-Key-0123456789").headers(&mut headers);
        assert_eq!((headers.len(), &headers["x-hlt_a"]), (2, &HeaderValue::from_static("1")));
    }
}
