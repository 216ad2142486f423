//! The letters and digits of a text, whatever is between them: invisible characters, blanks, tags, the punctuation of a list.

use std::borrow::Cow;
use std::ops::Range;
use std::{iter, mem};

use super::spelling::ENTITIES;

/// So many letters and digits of a secret in a row show it, if a digit is among them. Letters alone may be words.
const LEAST: usize = 12;
/// A secret without a digit that is shorter may be words, as one that somebody made up.
const LONG: usize = 20;
/// How many kinds of escapes may be nested: `\u0026lrm;` is an invisible character in HTML in JSON.
const DEEPEST: usize = 3;
/// A longer tag is none.
const LONGEST_TAG: usize = 200;
/// The longest name of a character in HTML is `CounterClockwiseContourIntegral`.
const LONGEST_NAME: usize = 31;

/// The letters and digits of a secret, to be found in a text.
#[derive(Clone)]
pub(super) struct Letters {
    secret: Vec<u8>,
    /// Whether two letters follow each other in the secret.
    has_pair: Box<[bool]>,
    /// Each [`LEAST`] letters in a row, as a number, in order.
    grams: Box<[u64]>,
    /// Whether it may be words. It is then found whole, in its own case, and within a word or a list of strings.
    is_like_words: bool,
}

impl Letters {
    pub(super) fn of(secret: &[u8]) -> Letters {
        let has_digit = secret.iter().any(u8::is_ascii_digit);
        // Random letters have capitals within a word.
        let is_capital_within =
            |two: &[u8]| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase();
        let is_like_words =
            !has_digit && secret.len() < LONG && !secret.windows(2).any(is_capital_within);
        let secret: Vec<u8> = secret.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
        let mut has_pair = vec![false; RADIX * RADIX].into_boxed_slice();
        secret.windows(2).for_each(|two| has_pair[pair(two[0], two[1])] = true);
        let mut grams: Vec<u64> = secret.windows(LEAST).map(gram).collect();
        grams.sort_unstable();
        Letters { secret, has_pair, grams: grams.into(), is_like_words }
    }

    /// Returns the places that show the secret.
    pub(super) fn find_all(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        if self.secret.len() < LEAST || text.len() < LEAST {
            return found;
        }
        let mut layer = Decoded::plain(text);
        for _ in 0..=DEEPEST {
            self.find_in(&layer, &mut found);
            match layer.decoded() {
                Some(decoded) => layer = decoded,
                None => break,
            }
        }
        found
    }

    /// Looks at each run of letters each two of which follow each other in the secret, too.
    fn find_in(&self, text: &Decoded<'_>, found: &mut Vec<Range<usize>>) {
        let mut run: Vec<Letter> = Vec::new();
        for letter in text.letters() {
            let is_next = |last: &Letter| self.has_pair[pair(last.byte, letter.byte)];
            let is_part = !(self.is_like_words && letter.is_apart);
            if !(is_part && run.last().is_some_and(is_next)) {
                self.find_in_run(text, &run, found);
                run.clear();
            }
            run.push(letter);
        }
        self.find_in_run(text, &run, found);
    }

    fn find_in_run(&self, text: &Decoded<'_>, run: &[Letter], found: &mut Vec<Range<usize>>) {
        let length = if self.is_like_words { self.secret.len() } else { LEAST };
        if run.len() < length {
            return;
        }
        let bytes: Vec<u8> = run.iter().map(|letter| letter.byte).collect();
        let is_known = |window: &[u8]| match self.is_like_words {
            true => window == self.secret,
            false => self.grams.binary_search(&gram(window)).is_ok(),
        };
        let mut shown: Option<Range<usize>> = None;
        for (at, window) in bytes.windows(length).enumerate().filter(|(_, it)| is_known(it)) {
            let start = match shown.take() {
                Some(before) if before.end + 1 == at + length => before.start,
                before => {
                    found.extend(before.and_then(|it| self.place(text, &run[it])));
                    at
                }
            };
            shown = Some(start..at + window.len());
        }
        found.extend(shown.and_then(|it| self.place(text, &run[it])));
    }

    /// The place of these letters of the secret if they show it.
    fn place(&self, text: &Decoded<'_>, letters: &[Letter]) -> Option<Range<usize>> {
        let (first, last) = (letters.first()?, letters.last()?);
        let has_digit = letters.iter().any(|it| it.byte.is_ascii_digit());
        let is_whole = letters.len() >= self.secret.len();
        let is_shown = is_whole || has_digit && !is_counting(letters);
        is_shown.then(|| text.place(first.at).start..text.place(last.end - 1).end)
    }
}

/// Whether these are a list of numbers or of letters: `0, 1, 2`.
fn is_counting(letters: &[Letter]) -> bool {
    let is_next = |two: &[Letter]| {
        let [first, second] = [two[0].byte, two[1].byte].map(value);
        let is_following = second == first + 1 || (first, second) == (9, 0);
        two[1].is_apart && is_following
    };
    letters.windows(2).all(is_next)
}

const RADIX: usize = 36;

/// The value of a letter or a digit in base 36.
fn value(byte: u8) -> usize {
    match byte {
        b'0'..=b'9' => usize::from(byte - b'0'),
        _ => usize::from(byte.to_ascii_lowercase().saturating_sub(b'a')) % 26 + 10,
    }
}

fn pair(first: u8, second: u8) -> usize {
    value(first) * RADIX + value(second)
}

/// Twelve digits in base 36 have room in 64 bits.
fn gram(letters: &[u8]) -> u64 {
    letters.iter().fold(0, |all, byte| all * RADIX as u64 + value(*byte) as u64)
}

/// The places in order, those that overlap as one.
pub(super) fn merged(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_unstable_by_key(|place| place.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(places.len());
    for place in places {
        match merged.last_mut().filter(|last| place.start < last.end) {
            Some(last) => last.end = last.end.max(place.end),
            None => merged.push(place),
        }
    }
    merged
}

/// A letter or a digit of a text.
struct Letter {
    byte: u8,
    at: usize,
    /// Where it ends: in fullwidth form it has three bytes.
    end: usize,
    /// Whether it stands apart from the one before it, as a word or an item of a list does.
    is_apart: bool,
}

/// The characters between two letters.
#[derive(Default)]
struct Between {
    blanks: usize,
    quotes: usize,
    commas: usize,
    others: usize,
}

impl Between {
    /// Control characters, those that no escape of ASCII means, and the separators of a key are within a word.
    fn add(&mut self, byte: u8) {
        match byte {
            b' ' => self.blanks += 1,
            b'"' => self.quotes += 1,
            b',' => self.commas += 1,
            b'_' | b'-' => {}
            _ => self.others += usize::from(byte.is_ascii_punctuation()),
        }
    }

    /// The quotes and the comma between two strings of a list are no sign of two words.
    fn is_apart(&self) -> bool {
        let is_list = (self.quotes, self.commas, self.others) == (2, 1, 0);
        !is_list && self.blanks + self.quotes + self.commas + self.others > 0
    }
}

/// A text, and for each of its bytes the place that it was decoded from, if it was.
struct Decoded<'a> {
    bytes: Cow<'a, [u8]>,
    places: Vec<Range<usize>>,
}

impl Decoded<'_> {
    fn plain(text: &[u8]) -> Decoded<'_> {
        Decoded { bytes: Cow::Borrowed(text), places: Vec::new() }
    }

    fn place(&self, at: usize) -> Range<usize> {
        self.places.get(at).cloned().unwrap_or(at..at + 1)
    }

    /// Undoes one layer of escapes; `None` if there are none.
    fn decoded(&self) -> Option<Decoded<'static>> {
        let is_escape = |byte: &u8| matches!(byte, b'\\' | b'%' | b'&');
        if !self.bytes.iter().any(is_escape) {
            return None;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut places = Vec::with_capacity(self.bytes.len());
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at) {
            let rest = &self.bytes[at + 1..];
            let escape = match byte {
                b'\\' => backslash(rest),
                b'%' => percent(rest),
                b'&' => entity(rest),
                _ => None,
            };
            let (code, length) = escape.unwrap_or((u32::from(*byte), 0));
            let byte = u8::try_from(code).ok().or_else(|| fullwidth(code));
            bytes.push(byte.unwrap_or(INVISIBLE));
            places.push(self.place(at).start..self.place(at + length).end);
            at += length + 1;
        }
        let is_changed = *bytes != *self.bytes;
        is_changed.then_some(Decoded { bytes: Cow::Owned(bytes), places })
    }

    /// The letters and digits outside of tags, and their places in [`bytes`](Self::bytes).
    fn letters(&self) -> impl Iterator<Item = Letter> {
        let (mut at, mut between) = (0, Between::default());
        iter::from_fn(move || {
            while let Some(byte) = self.bytes.get(at) {
                let (letter, length) = match byte {
                    _ if byte.is_ascii_alphanumeric() => (Some(*byte), 1),
                    b'<' => (None, tag(&self.bytes[at..])),
                    0xEF => wide(&self.bytes[at..]),
                    _ => (None, 1),
                };
                let place = at;
                at += length;
                match letter {
                    Some(byte) => {
                        let is_apart = mem::take(&mut between).is_apart();
                        return Some(Letter { byte, at: place, end: at, is_apart });
                    }
                    None if length == 1 => between.add(*byte),
                    None => {}
                }
            }
            None
        })
    }
}

/// Stands for a character that is no letter of a key.
const INVISIBLE: u8 = 0;

/// The ASCII character of which this is the fullwidth form.
fn fullwidth(code: u32) -> Option<u8> {
    let code = (0xFF01..=0xFF5E).contains(&code).then(|| code - 0xFEE0)?;
    u8::try_from(code).ok()
}

/// The letter that `text` begins with if it is in fullwidth form, and its length.
fn wide(text: &[u8]) -> (Option<u8>, usize) {
    match text {
        [0xEF, second @ 0xBC..=0xBD, third @ 0x80..=0xBF, ..] => {
            let code = 0xF000 | u32::from(second & 0x3F) << 6 | u32::from(third & 0x3F);
            (fullwidth(code).filter(u8::is_ascii_alphanumeric), 3)
        }
        _ => (None, 1),
    }
}

/// The length of the tag that `text` begins with; one if that is none.
fn tag(text: &[u8]) -> usize {
    let is_tag = text.get(1).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'/');
    if !is_tag {
        return 1;
    }
    // Not beyond the next `<`, or a run of `<a` would be walked again and again.
    let within = |(at, byte): &(usize, &u8)| *at == 0 || **byte != b'<';
    let mut bytes = text.iter().take(LONGEST_TAG).enumerate().take_while(within);
    bytes.find(|(_, byte)| **byte == b'>').map_or(1, |(end, _)| end + 1)
}

/// The character that an escape means, and the length of the escape behind the character that introduces it.
type Escape = Option<(u32, usize)>;

/// `\u200b`, `\x0a`, `\u{200b}`, `\N{LOW LINE}`, `\n`, after any number of backslashes.
fn backslash(text: &[u8]) -> Escape {
    let run = text.iter().take_while(|byte| **byte == b'\\').count();
    let rest = &text[run..];
    let Some((first, behind)) = rest.split_first() else {
        return Some((u32::from(INVISIBLE), run));
    };
    let braced = || {
        let within = |byte: &&u8| **byte != b'\\';
        let mut bytes = behind.iter().take(LONGEST_TAG).take_while(within);
        let end = bytes.position(|byte| *byte == b'}')?;
        let digits = behind.get(1..end).filter(|_| behind[0] == b'{')?;
        Some((number(digits, 16).unwrap_or_default(), end + 2))
    };
    let digits = |length: usize| Some((number(behind.get(..length)?, 16)?, length + 1));
    let escape = match first {
        b'u' => digits(4).or_else(braced),
        b'U' => digits(8),
        b'x' => digits(2).or_else(braced),
        b'N' => braced(),
        b'0'..=b'3' => rest.get(..3).and_then(|digits| Some((number(digits, 8)?, 3))),
        b'n' | b'r' | b't' | b'b' | b'f' | b'v' => Some((u32::from(INVISIBLE), 1)),
        _ => None,
    };
    Some(escape.map_or((u32::from(INVISIBLE), run), |(code, length)| (code, run + length)))
}

/// `%5f`, `%255f`.
fn percent(text: &[u8]) -> Escape {
    let mut at = 0;
    while text.get(at..at + 2) == Some(b"25") {
        at += 2;
    }
    match text.get(at..at + 2).and_then(|digits| number(digits, 16)) {
        Some(code) => Some((code, at + 2)),
        None if at > 0 => Some((u32::from(b'%'), at)),
        None => None,
    }
}

/// `&#x5f;`, `&lowbar;`, `&amp;lowbar;`. A name of something else than a letter of a key is [`INVISIBLE`].
fn entity(text: &[u8]) -> Escape {
    let mut at = 0;
    while text.get(at..at + 4).is_some_and(|it| it.eq_ignore_ascii_case(b"amp;")) {
        at += 4;
    }
    let rest = &text[at..];
    let end = rest.iter().take(LONGEST_NAME + 1).position(|byte| !byte.is_ascii_alphanumeric());
    let named = || {
        let name = &rest[..end.filter(|end| *end > 1 && rest[*end] == b';')?];
        let is_it = |known: &str| known.as_bytes().eq_ignore_ascii_case(name);
        let meaning = ENTITIES.iter().find(|(known, _)| is_it(known)).map(|(_, byte)| *byte);
        Some((u32::from(meaning.unwrap_or(INVISIBLE)), at + name.len() + 1))
    };
    numeric(rest).map(|(code, length)| (code, at + length)).or_else(named).or_else(|| {
        let is_escaped = at > 0;
        is_escaped.then_some((u32::from(b'&'), at))
    })
}

fn numeric(text: &[u8]) -> Escape {
    let (skipped, radix) = match text {
        [b'#', b'x' | b'X', ..] => (2, 16),
        [b'#', ..] => (1, 10),
        _ => return None,
    };
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
    let length = text[skipped..].iter().take(8).take_while(is_digit).count();
    let code = number(&text[skipped..skipped + length], radix)?;
    let end = skipped + length;
    Some((code, end + usize::from(text.get(end) == Some(&b';'))))
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let is_number = digits.iter().all(|byte| char::from(*byte).is_digit(radix));
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    u32::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_escapes_is_taken_in_one_step() {
        // Else each place of the run would walk what is left of it.
        for (first, more, end) in [
            ("\\", "\\", ""),
            ("\\", "\\", "u{"),
            ("\\", "\\", "u00"),
            ("\\", "\\", "N{"),
            ("\\", "\\", "é"),
            ("%", "25", "z"),
            ("&", "amp;", ""),
            ("&", "amp;", "#x"),
        ] {
            for count in [1_000, 64_000] {
                let text = format!("{first}{}{end}", more.repeat(count));
                let decoded = Decoded::plain(text.as_bytes()).decoded();
                let steps = decoded.map(|decoded| decoded.bytes.len());
                assert!(steps.is_some_and(|steps| steps < 8), "{first}{more}: {steps:?}");
            }
        }
    }

    #[test]
    fn a_tag_has_a_name_and_ends_before_the_next_one() {
        for (text, length) in [
            ("<b>x", 3),
            ("</b>x", 4),
            ("<b class=\"s\">x", 13),
            ("< 2 and 3 > 1", 1),
            ("<1>", 1),
            ("<", 1),
            ("<b", 1),
            ("<b <i>", 1),
        ] {
            assert_eq!(tag(text.as_bytes()), length, "{text}");
        }
    }
}
