//! The ways in which a server may spell a secret: escaped, in another case, broken over lines, as codes, in base64.

use std::iter::successors;

/// How many kinds of escapes may be nested: `\u0026#43;` is a `+` in HTML in JSON.
const DEEPEST: u8 = 2;
/// How often an escape may be escaped in its own way, as `%25252F`.
const MOST_REPEATED: usize = 16;
/// How many line breaks and invisible characters may be between two characters.
const MOST_BREAKS: usize = 3;
/// How many blanks may follow a line break.
const MOST_BLANKS: usize = 120;
/// A cut spelling counts from this many characters on if nothing of a word follows.
const LEAST_CUT: usize = 8;
/// It counts from this many characters on whatever follows.
const LEAST_SHOWN: usize = 12;

/// A string to look for.
#[derive(Clone)]
pub(super) struct Needle {
    bytes: Vec<u8>,
    /// Letters match in either case, and a `+` matches a blank, which form encoding makes of it.
    is_loose: bool,
    /// It may be broken over lines, cut off, or written as a list of codes.
    is_long: bool,
}

impl Needle {
    /// A secret that is found in whatever spelling.
    pub(super) fn long(bytes: &[u8]) -> Needle {
        Needle { bytes: bytes.to_vec(), is_loose: true, is_long: true }
    }

    /// A secret so short that it is found only with its own letters.
    pub(super) fn short(bytes: &[u8]) -> Needle {
        Needle { bytes: bytes.to_vec(), is_loose: false, is_long: false }
    }

    /// The forms of `secret` within base64, where it can begin at the first, second or third byte of a group. The
    /// characters that depend on its neighbours are left out.
    pub(super) fn in_base64(secret: &[u8]) -> Vec<Needle> {
        let mut forms: Vec<Vec<u8>> = Vec::new();
        for before in 0..3 {
            let text: Vec<u8> =
                [0].repeat(before).into_iter().chain(secret.iter().copied()).collect();
            let (first, end) = ((before * 8).div_ceil(6), text.len() * 8 / 6);
            for last_two in [b"+/", b"-_"] {
                let form = (first..end).map(|at| base64_digit(&text, at, last_two)).collect();
                if !forms.contains(&form) {
                    forms.push(form);
                }
            }
        }
        let needle = |bytes| Needle { bytes, is_loose: false, is_long: true };
        forms.into_iter().map(needle).collect()
    }

    /// Marks the bytes that a spelling can begin with.
    pub(super) fn mark_beginnings(&self, is_beginning: &mut [bool; 256]) {
        let mut mark = |byte: u8| is_beginning[usize::from(byte)] = true;
        let first = self.bytes.first().copied().unwrap_or_default();
        [b'\\', b'%', b'&', b'=', first].into_iter().for_each(&mut mark);
        if self.is_loose {
            [first.to_ascii_lowercase(), first.to_ascii_uppercase(), FULLWIDTH[0]]
                .into_iter()
                .for_each(&mut mark);
            format!("{first:x}{first:X}").bytes().take(4).for_each(&mut mark);
            first.to_string().bytes().take(1).for_each(&mut mark);
        }
    }

    /// Whether the first two characters do not rule out a spelling; most places in a text end here.
    fn may_begin(&self, text: &[u8]) -> bool {
        let may_be = |byte: &u8, nth: usize| {
            let target = Target { byte: self.bytes[nth], is_loose: self.is_loose };
            let may_break =
                self.is_long && nth > 0 && (byte.is_ascii_control() || b" <".contains(byte));
            target.is(u32::from(*byte)) || is_introducer(*byte) || !byte.is_ascii() || may_break
        };
        match text {
            [first, ..] if is_introducer(*first) || !first.is_ascii() => true,
            [first, second, ..] if self.bytes.len() > 1 => may_be(first, 0) && may_be(second, 1),
            [first, ..] => may_be(first, 0),
            [] => false,
        }
    }

    /// The length of the longest spelling that `text` begins with.
    pub(super) fn length(&self, text: &[u8]) -> Option<usize> {
        let escaped =
            Some(text).filter(|text| self.may_begin(text)).and_then(|it| self.escaped(it));
        let codes = || {
            [Codes::HEX, Codes::DECIMAL].iter().filter_map(|it| it.length(text, &self.bytes)).max()
        };
        escaped.or_else(|| codes().filter(|_| self.is_loose && self.is_long))
    }

    fn escaped(&self, text: &[u8]) -> Option<usize> {
        // An escape can be read in more than one way, if the secret itself looks like one.
        let mut ends = vec![0];
        for (nth, byte) in self.bytes.iter().enumerate() {
            let target = Target { byte: *byte, is_loose: self.is_loose };
            let mut next = Vec::new();
            let may_break = self.is_long && nth > 0;
            for end in &ends {
                for start in breaks(text, *end, may_break) {
                    spellings(&text[start..], target, DEEPEST, &mut |it| next.push(start + it));
                }
            }
            if next.is_empty() {
                let end = *ends.last()?;
                return Some(end).filter(|end| self.is_cut(&text[*end..], nth));
            }
            next.sort_unstable();
            next.dedup();
            ends = next;
        }
        ends.last().copied()
    }

    /// Whether the secret ends for certain after so many of its characters. Letters alone may be a word.
    fn is_cut(&self, rest: &[u8], length: usize) -> bool {
        let is_word = self.bytes.iter().take(length).all(u8::is_ascii_alphabetic);
        let is_much = length >= LEAST_SHOWN || length >= LEAST_CUT && is_end(rest);
        self.is_long && is_much && !is_word
    }
}

/// Whether what follows is no part of a word, or a mask: `XXXX`.
fn is_end(rest: &[u8]) -> bool {
    let is_mask = |bytes: &[u8]| bytes.iter().all(|byte| *byte == bytes[0]);
    !rest.first().is_some_and(is_part) || rest.get(..3).is_some_and(is_mask)
}

/// Whether a byte is part of a word.
pub(super) fn is_part(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// A character to be spelled.
#[derive(Clone, Copy)]
struct Target {
    byte: u8,
    is_loose: bool,
}

/// U+FF01 in UTF-8, the fullwidth form of `!`, whose neighbours are those of ASCII.
const FULLWIDTH: [u8; 3] = [0xEF, 0xBC, 0x81];
const FULLWIDTH_OFFSET: u32 = 0xFEE0;

impl Target {
    fn exact(byte: u8) -> Target {
        Target { byte, is_loose: false }
    }

    fn is(self, code: u32) -> bool {
        if !self.is_loose {
            return code == u32::from(self.byte);
        }
        let code = if (0xFF01..=0xFF5E).contains(&code) { code - FULLWIDTH_OFFSET } else { code };
        let byte = u8::try_from(code).unwrap_or_default();
        byte.eq_ignore_ascii_case(&self.byte) || byte == b' ' && self.byte == b'+'
    }

    /// The length of the character that `text` begins with, if it is this one.
    fn literal(self, text: &[u8]) -> Option<usize> {
        match text {
            [0xEF, second @ 0xBC..=0xBD, third @ 0x80..=0xBF, ..] if self.is_loose => {
                let code = 0xF000 | u32::from(second & 0x3F) << 6 | u32::from(third & 0x3F);
                self.is(code).then_some(3)
            }
            [first, ..] => self.is(u32::from(*first)).then_some(1),
            [] => None,
        }
    }
}

/// `from`, and the places after the line breaks and invisible characters there.
fn breaks(text: &[u8], from: usize, may_break: bool) -> impl Iterator<Item = usize> {
    let next = move |at: &usize| Some(at + break_length(&text[*at..])?);
    successors(Some(from), next).take(if may_break { MOST_BREAKS + 1 } else { 1 })
}

/// The length of the line break or invisible character that `text` begins with.
fn break_length(text: &[u8]) -> Option<usize> {
    // Most characters end the search here.
    match text.first()? {
        b'\r' | b'\n' | b' ' | b'\\' | b'=' | b'%' | b'&' | b'<' => {}
        first if first.is_ascii() => return first.is_ascii_control().then_some(1),
        _ => return invisible_length(text),
    }
    let known = BREAKS.iter().find_map(|(spelling, is_line)| {
        let head = text.get(..spelling.len())?;
        head.eq_ignore_ascii_case(spelling).then_some((spelling.len(), *is_line))
    });
    let (length, is_line) = known?;
    let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let blanks = text[length..].iter().take(MOST_BLANKS).take_while(is_blank).count();
    Some(length + if is_line { blanks } else { 0 })
}

/// The length of the invisible character that `text` begins with: a hyphen that may show, a joint, a mark of direction, of the
/// order of bytes or of a variation.
fn invisible_length(text: &[u8]) -> Option<usize> {
    match text {
        [0xC2, 0xAD, ..] | [0xCD, 0x8F, ..] | [0xD8, 0x9C, ..] => Some(2),
        [0xE1, 0xA0, 0x8B..=0x8E, ..] | [0xEF, 0xBB, 0xBF, ..] | [0xEF, 0xB8, 0x80..=0x8F, ..] => {
            Some(3)
        }
        [0xE2, 0x80, 0x8B..=0x8F | 0xAA..=0xAE, ..] | [0xE2, 0x81, 0xA0..=0xAF, ..] => Some(3),
        _ => None,
    }
}

/// Line breaks and spellings of invisible characters, and whether they break a line.
const BREAKS: [(&[u8], bool); 37] = [
    // A line break in a header becomes one of these.
    (b"  ", true),
    (b" \t", true),
    (b"\r\n", true),
    (b"\n", true),
    (b"\r", true),
    (b"\\\r\n", true),
    (b"\\\n", true),
    (b"=\r\n", true),
    (b"=\n", true),
    (br"\r\n", true),
    (br"\n", true),
    (br"\r", true),
    (br"\\r\\n", true),
    (br"\\n", true),
    (br"\u000a", true),
    (br"\u000d", true),
    (b"%0d%0a", true),
    (b"%0a", true),
    (b"&#13;", true),
    (b"&#10;", true),
    (b"&#xa;", true),
    (b"<br>", true),
    (b"<br/>", true),
    (b"<br />", true),
    (b"<wbr>", false),
    (b"&shy;", false),
    (br"\u200b", false),
    (b"&#8203;", false),
    (br"\u00ad", false),
    (br"\u200c", false),
    (br"\u200d", false),
    (br"\u2060", false),
    (br"\ufeff", false),
    (b"&zwj;", false),
    (b"&zwnj;", false),
    (b"&#8204;", false),
    (b"&#8205;", false),
];

fn is_introducer(byte: u8) -> bool {
    matches!(byte, b'\\' | b'%' | b'&' | b'=')
}

/// Calls `found` with the length of each spelling of `target` that `text` begins with.
fn spellings(text: &[u8], target: Target, depth: u8, found: &mut dyn FnMut(usize)) {
    let Some(first) = text.first() else {
        return;
    };
    target.literal(text).into_iter().for_each(&mut *found);
    if depth == 0 || !is_introducer(*first) {
        return;
    }
    for (introducer, escape) in ESCAPES {
        let mut escaped = |at| escape(&text[at..], target, &mut |length| found(at + length));
        match *first == introducer {
            // An escape of itself, as `%252F`, is known to `escape`.
            true => escaped(1),
            false => spellings(text, Target::exact(introducer), depth - 1, &mut escaped),
        }
    }
}

type Escape = fn(&[u8], Target, &mut dyn FnMut(usize));

/// The first byte of each kind of escape, and the rest of it.
const ESCAPES: [(u8, Escape); 4] =
    [(b'\\', backslash), (b'%', percent), (b'&', entity), (b'=', quoted_printable)];

/// `\/`, `\u002f`, `\x2f`, `\u{2f}`, `\057`, after any number of backslashes, as in JSON within JSON.
fn backslash(text: &[u8], target: Target, found: &mut dyn FnMut(usize)) {
    let run = text.iter().take(MOST_REPEATED).take_while(|it| **it == b'\\').count();
    let rest = &text[run..];
    match target.byte {
        b'\\' => (1..=run).for_each(&mut *found),
        // `\n` is no spelling of the letter.
        byte if byte.is_ascii_punctuation() && rest.first() == Some(&byte) => found(run + 1),
        _ => {}
    }
    for (name, digits) in [(&b"u"[..], 4), (b"x", 2), (b"U", 8)] {
        let escaped = rest.strip_prefix(name).and_then(|rest| rest.get(..digits));
        if escaped.is_some_and(|digits| is_number(digits, 16, target)) {
            found(run + 1 + digits);
        }
    }
    let braced = rest.strip_prefix(b"u{").or_else(|| rest.strip_prefix(b"x{"));
    let digits = braced.map(|rest| leading(rest, u8::is_ascii_hexdigit));
    if digits.is_some_and(|digits| is_number(digits, 16, target)) {
        found(run + digits.map_or(0, <[u8]>::len) + 3);
    }
    let octal = leading(rest, |byte| matches!(byte, b'0'..=b'7'));
    for length in 1..=octal.len().min(4) {
        if is_number(&octal[..length], 8, target) {
            found(run + length);
        }
    }
}

/// `%2f`, `%252f`, and `%u002f`, which is in no standard.
fn percent(text: &[u8], target: Target, found: &mut dyn FnMut(usize)) {
    for rest in repeated(text, b"25") {
        let before = text.len() - rest.len();
        if rest.get(..2).is_some_and(|digits| is_number(digits, 16, target)) {
            found(before + 2);
        }
        let digits = rest.strip_prefix(b"u").and_then(|rest| rest.get(..4));
        if digits.is_some_and(|digits| is_number(digits, 16, target)) {
            found(before + 5);
        }
        // The fullwidth form in UTF-8.
        if let [a, b, b'%', c, d, b'%', e, f, ..] = rest
            && let [Some(first), Some(second), Some(third)] =
                [[*a, *b], [*c, *d], [*e, *f]].map(byte)
            && target.literal(&[first, second, third]) == Some(3)
        {
            found(before + 8);
        }
    }
}

/// The byte that two hexadecimal digits write.
fn byte(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

/// `text`, and what follows each `prefix` that it begins with.
fn repeated<'a>(text: &'a [u8], prefix: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    let after = move |text: &&'a [u8]| {
        let head = text.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
    };
    successors(Some(text), after).take(MOST_REPEATED)
}

/// `&#47;`, `&#x2f;`, `&sol;`, `&amp;sol;`.
fn entity(text: &[u8], target: Target, found: &mut dyn FnMut(usize)) {
    for rest in repeated(text, b"amp;") {
        let before = text.len() - rest.len();
        numeric_entity(rest, target, &mut |length| found(before + length));
        // A run of `&` would be compared with all names at each place.
        if !rest.first().is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        for (name, meaning) in ENTITIES {
            let is_name =
                rest.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes()));
            if is_name && target.is(u32::from(meaning)) && rest.get(name.len()) == Some(&b';') {
                found(before + name.len() + 1);
            }
        }
    }
}

fn numeric_entity(text: &[u8], target: Target, found: &mut dyn FnMut(usize)) {
    let (skipped, radix) = match text {
        [b'#', b'x' | b'X', ..] => (2, 16),
        [b'#', ..] => (1, 10),
        _ => return,
    };
    let is_digit = if radix == 16 { u8::is_ascii_hexdigit } else { u8::is_ascii_digit };
    let digits = leading(&text[skipped..], is_digit);
    if is_number(digits, radix, target) {
        let length = skipped + digits.len();
        // Browsers accept it without the semicolon, too.
        found(length + usize::from(text.get(length) == Some(&b';')));
    }
}

/// `=2F`, as in mail.
fn quoted_printable(text: &[u8], target: Target, found: &mut dyn FnMut(usize)) {
    if text.get(..2).is_some_and(|digits| is_number(digits, 16, target)) {
        found(2);
    }
}

/// The names of the characters that a key can hold.
pub(super) const ENTITIES: [(&str, u8); 37] = [
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
    ("midast", b'*'),
    ("commat", b'@'),
    ("lpar", b'('),
    ("rpar", b')'),
    ("lsqb", b'['),
    ("lbrack", b'['),
    ("rsqb", b']'),
    ("rbrack", b']'),
    ("lcub", b'{'),
    ("lbrace", b'{'),
    ("rcub", b'}'),
    ("rbrace", b'}'),
    ("verbar", b'|'),
    ("grave", b'`'),
    ("Hat", b'^'),
    ("nbsp", b' '),
];

fn leading(text: &[u8], is_digit: fn(&u8) -> bool) -> &[u8] {
    let length = text.iter().take_while(|byte| is_digit(byte)).count();
    &text[..length]
}

/// Whether these digits write the code of the target.
fn is_number(digits: &[u8], radix: u32, target: Target) -> bool {
    let is_digit = |byte: &u8| char::from(*byte).is_digit(radix);
    let digits =
        std::str::from_utf8(digits).ok().filter(|it| it.bytes().all(|byte| is_digit(&byte)));
    digits
        .and_then(|digits| u32::from_str_radix(digits, radix).ok())
        .is_some_and(|code| target.is(code))
}

/// A secret as a list of the codes of its characters: `686c745f`, `68:6c:74`, `[104, 108, 116]`.
struct Codes {
    radix: u32,
    /// The most digits of a code.
    digits: usize,
    /// The fewest characters between two codes.
    least_between: usize,
}

impl Codes {
    const HEX: Codes = Codes { radix: 16, digits: 2, least_between: 0 };
    const DECIMAL: Codes = Codes { radix: 10, digits: 3, least_between: 1 };

    fn length(&self, text: &[u8], secret: &[u8]) -> Option<usize> {
        let mut end = 0;
        for (nth, byte) in secret.iter().enumerate() {
            let between = if nth == 0 { 0 } else { separator(&text[end..]) };
            let Some(length) = self.code(&text[end + between..], *byte) else {
                return (nth >= LEAST_CUT).then_some(end);
            };
            if nth > 0 && between < self.least_between {
                return None;
            }
            end += between + length;
        }
        Some(end)
    }

    /// The length of the code of `byte` that `text` begins with.
    fn code(&self, text: &[u8], byte: u8) -> Option<usize> {
        let is_digit = |byte: &&u8| char::from(**byte).is_digit(self.radix);
        let length = text.iter().take(self.digits).take_while(is_digit).count();
        let is_whole = self.radix == 10 || length == self.digits;
        let target = Target { byte, is_loose: true };
        (is_whole && is_number(&text[..length], self.radix, target)).then_some(length)
    }
}

/// The length of what separates two codes, with the `0x` of the second.
fn separator(text: &[u8]) -> usize {
    let is_between = |byte: &&u8| b" \t\r\n,:;-".contains(byte);
    let between = text.iter().take(8).take_while(is_between).count();
    let is_marked = text[between..].starts_with(b"0x");
    between + if is_marked && between > 0 { 2 } else { 0 }
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
