//! The letters and digits of a text, whatever is between them: invisible characters, blanks, tags, the punctuation of a list.

use std::ops::Range;

use super::spelling::ENTITIES;

/// So many letters and digits of a secret in a row show it, if a digit is among them. Letters alone may be words.
const LEAST: usize = 12;
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
}

impl Letters {
    pub(super) fn of(secret: &[u8]) -> Letters {
        let secret: Vec<u8> = secret.iter().filter_map(|byte| digit(*byte)).collect();
        let mut has_pair = vec![false; RADIX * RADIX].into_boxed_slice();
        secret.windows(2).for_each(|two| has_pair[pair(two)] = true);
        Letters { secret, has_pair }
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

    fn find_in(&self, text: &Decoded, found: &mut Vec<Range<usize>>) {
        let (letters, at) = text.letters();
        let mut start = 0;
        while let Some(two) = letters.get(start..start + 2) {
            let length = match self.has_pair[pair(two)] {
                true => self.length(&letters[start..]),
                false => 0,
            };
            if length > 0 {
                found.push(text.places[at[start]].start..text.places[at[start + length - 1]].end);
            }
            start += length.max(1);
        }
    }

    /// How many of `letters`, from the first one on, show the secret.
    fn length(&self, letters: &[u8]) -> usize {
        let shown = (0..self.secret.len()).map(|from| {
            let pairs = self.secret[from..].iter().zip(letters);
            let length = pairs.take_while(|(own, letter)| own == letter).count();
            let is_much = length >= LEAST && letters[..length].iter().any(|it| *it < 10);
            if is_much || length == self.secret.len() { length } else { 0 }
        });
        shown.max().unwrap_or_default()
    }
}

const RADIX: usize = 36;

/// The value of a letter or a digit in base 36.
fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(36)?;
    u8::try_from(value).ok()
}

fn pair(two: &[u8]) -> usize {
    two.iter().fold(0, |value, digit| value * RADIX + usize::from(*digit))
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

/// A text, and for each of its bytes the place that it was decoded from.
struct Decoded {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl Decoded {
    fn plain(text: &[u8]) -> Decoded {
        Decoded { bytes: text.to_vec(), places: (0..text.len()).map(|at| at..at + 1).collect() }
    }

    /// Undoes one layer of escapes; `None` if there are none.
    fn decoded(&self) -> Option<Decoded> {
        let is_escape = |byte: &u8| matches!(byte, b'\\' | b'%' | b'&');
        if !self.bytes.iter().any(is_escape) {
            return None;
        }
        let mut decoded = Decoded { bytes: Vec::new(), places: Vec::new() };
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
            // Everything else counts as a blank.
            let byte = u8::try_from(code).ok().or_else(|| fullwidth(code)).unwrap_or(b' ');
            decoded.bytes.push(byte);
            decoded.places.push(self.places[at].start..self.places[at + length].end);
            at += length + 1;
        }
        Some(decoded)
    }

    /// The letters and digits outside of tags, and their places in [`bytes`](Self::bytes).
    fn letters(&self) -> (Vec<u8>, Vec<usize>) {
        let (mut letters, mut places) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at) {
            let (letter, length) = match byte {
                b'<' => (None, tag(&self.bytes[at..])),
                0xEF => wide(&self.bytes[at..]),
                _ => (digit(*byte), 1),
            };
            if let Some(letter) = letter {
                letters.push(letter);
                places.push(at);
            }
            at += length;
        }
        (letters, places)
    }
}

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
            (fullwidth(code).and_then(digit), 3)
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
        return Some((u32::from(b' '), run));
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
        b'n' | b'r' | b't' | b'b' | b'f' | b'v' => Some((u32::from(b' '), 1)),
        _ => None,
    };
    Some(escape.map_or((u32::from(b' '), run), |(code, length)| (code, run + length)))
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

/// `&#x5f;`, `&lowbar;`, `&amp;lowbar;`. A name of something else than a letter of a key counts as a blank.
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
        Some((u32::from(meaning.unwrap_or(b' ')), at + name.len() + 1))
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
