//! JSON as services write it: decoding, and the field helpers of the models.

mod fields;
pub(crate) mod lenient;
pub(crate) mod scan;

use std::borrow::Cow;

use serde::de::{DeserializeOwned, Error as _, IgnoredAny};
use serde_json::Value;

pub(crate) use fields::{
    FromScalar, Read, counts, id, ids, optional, optional_id, scalar, strings, vec_without_nulls,
};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
const REPLACEMENT: &[u8] = br"\ufffd";
/// What JavaScript and Python write for numbers that JSON does not have.
const NO_NUMBERS: [&str; 2] = ["NaN", "Infinity"];

/// Decodes a JSON text, also one that `serde_json` alone cannot hold.
///
/// A byte order mark is ignored. Of a field that comes twice, the last one counts. A lone surrogate becomes
/// U+FFFD. An integer beyond 64 bits becomes a string of its digits, another number out of range `null`, as do `NaN` and
/// `Infinity`; as an id, every number that is no 64-bit integer becomes its text.
///
/// # Errors
///
/// [`is_data`](serde_json::Error::is_data) if the text is valid JSON that does not fit `T` or is nested deeper
/// than 127 levels: another attempt would bring the same. A syntax error means that it is not JSON at all.
pub(crate) fn from_slice<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    // RFC 8259, section 8.1: a reader may ignore a byte order mark.
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    // Not `serde_json::from_slice`: each type would be compiled once more, and each string be checked by itself.
    let outcome = match std::str::from_utf8(text) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(text).and_then(|value: Value| T::deserialize(value)),
    };
    match outcome {
        Ok(value) if may_be_rounded(text) => Ok(exact(text).unwrap_or(value)),
        Ok(value) => Ok(value),
        Err(error) => tolerant(text, error),
    }
}

/// Returns a text in UTF-8 if it begins with a byte order mark or is in UTF-16 or UTF-32; `None` for any other, and for
/// bytes behind a byte order mark that are no UTF-8.
pub(crate) fn transcoded(body: &[u8]) -> Option<String> {
    if seems_wide(body) {
        return Some(text(body).into_owned());
    }
    std::str::from_utf8(body.strip_prefix(BYTE_ORDER_MARK)?).ok().map(str::to_owned)
}

/// Returns a JSON text in which what `serde_json` cannot hold is replaced as [`from_slice`] does.
#[cfg(test)]
pub(crate) fn rewritten(text: &str) -> String {
    String::from_utf8(Rewriter::rewrite(text.as_bytes()))
        .expect("only whole characters are replaced")
}

/// Returns bytes that are equal for two JSON texts that differ in blanks, in the escapes of their strings or in the order
/// of their fields only.
///
/// Unlike a decoded value, they keep apart lone surrogates, and numbers that no `f64` can hold. In an object or a list, a character
/// of the last private plane stands for each of those, so that a text that has that very character is equal, too.
pub(crate) fn identity(text: &str) -> Vec<u8> {
    if let Some(string) = string_bytes(text) {
        return string;
    }
    let exact = Rewriter::new(text.as_bytes(), true).run();
    match serde_json::from_slice::<Value>(&exact) {
        Ok(value) => value.to_string().into_bytes(),
        Err(_) => text.as_bytes().to_vec(),
    }
}

/// Returns the bytes of a JSON string in UTF-8, with each lone surrogate encoded as if it were a character.
fn string_bytes(quoted: &str) -> Option<Vec<u8>> {
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let decoded = |part| serde_json::from_str::<String>(&format!("\"{part}\"")).ok();
    let (mut bytes, mut start, mut at) = (Vec::with_capacity(inner.len()), 0, 0);
    while let Some(escape) = inner.as_bytes()[at..].iter().position(|byte| *byte == b'\\') {
        at += escape;
        let rest = &inner.as_bytes()[at..];
        at += match (utf16_unit(rest), rest.get(6..).and_then(utf16_unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(unit @ 0xD800..=0xDFFF), _) => {
                bytes.extend(decoded(&inner[start..at])?.into_bytes());
                let low = |shift: u16| 0x80 | (unit >> shift & 0x3F) as u8;
                bytes.extend([0xE0 | (unit >> 12) as u8, low(6), low(0)]);
                start = at + 6;
                6
            }
            _ => rest.len().min(2),
        };
    }
    bytes.extend(decoded(&inner[start..])?.into_bytes());
    Some(bytes)
}

/// Whether a text may be in UTF-16 or UTF-32, which RFC 8259 forbids and RFC 4627 did not.
fn seems_wide(text: &[u8]) -> bool {
    text.iter().take(4).any(|byte| *byte == 0) || text.starts_with(b"\xFF\xFE")
}

/// Whether a text has so many digits in a row that `serde_json` may have rounded an integer to an `f64`.
pub(crate) fn may_be_rounded(text: &[u8]) -> bool {
    const FEWEST: usize = 19;
    // So many in a row cover one of these places.
    let is_run = |at: usize| {
        let digits = |byte: &&u8| byte.is_ascii_digit();
        let before = text[..at].iter().rev().take(FEWEST).take_while(digits).count();
        before + text[at..].iter().take(FEWEST).take_while(digits).count() >= FEWEST
    };
    let mut steps = text.chunks(FEWEST).enumerate();
    steps.any(|(nth, step)| step[0].is_ascii_digit() && is_run(nth * FEWEST))
}

/// Decodes a text with the digits of every integer, if the type accepts them as strings.
fn exact<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    T::deserialize(serde_json::from_slice::<Value>(&Rewriter::rewrite(text))?)
}

/// Decodes a body to a string: UTF-8, or UTF-16 or UTF-32 by its byte order mark or the zero bytes of its first character.
/// A unit of those two that is no character becomes an escape, as JSON has it; other bytes of UTF-8 become U+FFFD. A byte
/// order mark is dropped.
pub(crate) fn text(body: &[u8]) -> Cow<'_, str> {
    type Unit = fn(&[u8]) -> u32;
    let big: Unit = |unit| unit.iter().fold(0, |all, byte| all << 8 | u32::from(*byte));
    let little: Unit = |unit| unit.iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte));
    let (width, unit) = match body {
        [0xFF, 0xFE, 0, 0, ..] | [1..=255, 0, 0, 0, ..] => (4, little),
        [0, 0, 0xFE, 0xFF, ..] | [0, 0, 0, 1..=255, ..] => (4, big),
        [0xFF, 0xFE, ..] | [1..=255, 0, ..] => (2, little),
        [0xFE, 0xFF, ..] | [0, 1..=255, ..] => (2, big),
        _ => {
            let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
            return String::from_utf8_lossy(text);
        }
    };
    let units = body.chunks(width).map(unit);
    let mut text = String::with_capacity(body.len());
    if width == 4 {
        units.for_each(|unit| push(&mut text, char::from_u32(unit).ok_or(unit)));
    } else {
        let units = units.map(|unit| u16::try_from(unit).unwrap_or_default());
        let characters = char::decode_utf16(units);
        characters
            .for_each(|one| push(&mut text, one.map_err(|odd| odd.unpaired_surrogate().into())));
    }
    Cow::Owned(text.trim_start_matches('\u{feff}').to_owned())
}

/// Appends a character, or the escape of a unit that is none: two such units stay two. Beyond 16 bits, no JSON has it, nor
/// does any have a backslash before such a unit.
fn push(text: &mut String, one: Result<char, u32>) {
    match one {
        Ok(one) => text.push(one),
        Err(unit) if ends_in_escape(text) => text.push_str(&format!("x{unit:x}")),
        Err(unit @ ..=0xFFFF) => text.push_str(&format!("\\u{unit:04x}")),
        Err(unit) => text.push_str(&format!("\\x{unit:x}")),
    }
}

/// Whether a text ends with a backslash that escapes what comes next.
fn ends_in_escape(text: &str) -> bool {
    text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Decodes a JSON text that is kept whole, as [`from_slice`] does, and keeps the digits of every integer.
///
/// # Errors
///
/// Those of [`from_slice`].
#[cfg(feature = "webhook")]
pub(crate) fn value(text: &[u8]) -> serde_json::Result<Value> {
    let value = from_slice(text)?;
    // As an `f64`, two ids could become one.
    match lacks_digits(&value) {
        true => serde_json::from_slice(&Rewriter::rewrite(
            text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text),
        )),
        false => Ok(value),
    }
}

/// Whether an integer beyond 64 bits may have become an `f64`.
#[cfg(feature = "webhook")]
fn lacks_digits(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(lacks_digits),
        Value::Object(fields) => fields.values().any(lacks_digits),
        Value::Number(number) => number
            .as_f64()
            .is_some_and(|float| number.is_f64() && float.abs() >= 9_223_372_036_854_775_808.0),
        _ => false,
    }
}

/// The slow path, by way of a [`Value`], for the rare text on which the fast one failed with `first`.
fn tolerant<T: DeserializeOwned>(text: &[u8], first: serde_json::Error) -> serde_json::Result<T> {
    if seems_wide(text) {
        let text = self::text(text).into_owned();
        let has_zeros = text.as_bytes().iter().take(4).any(|byte| *byte == 0);
        return if has_zeros { Err(first) } else { from_slice(text.as_bytes()) };
    }
    let value: Value = match serde_json::from_slice(&Rewriter::rewrite(text)) {
        Ok(value) => value,
        Err(_) if is_valid(text) => return Err(serde_json::Error::custom("nested too deeply")),
        Err(error) => return Err(error),
    };
    // If both are about the data, the first error is the one that names a line and a column.
    T::deserialize(value).map_err(|second| if first.is_data() { first } else { second })
}

/// Whether `text` is JSON by RFC 8259. Takes no stack, however deep the nesting.
fn is_valid(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok() && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Copies a JSON text, and rewrites the strings and numbers that Rust cannot hold.
///
/// It leaves everything else alone, so that a text that was not valid is not made so; only `NaN` and `Infinity`, which
/// no JSON has and Python writes, become null.
struct Rewriter<'a> {
    rest: &'a [u8],
    out: Vec<u8>,
    /// For each open array or object, whether the present value in it is an id or a list of ids.
    holds_id: Vec<bool>,
    /// Whether what Rust cannot hold becomes a string of its own, for [`identity`].
    is_exact: bool,
}

impl<'a> Rewriter<'a> {
    fn new(text: &'a [u8], is_exact: bool) -> Rewriter<'a> {
        let out = Vec::with_capacity(text.len());
        Rewriter { rest: text, out, holds_id: vec![false], is_exact }
    }

    fn rewrite(text: &'a [u8]) -> Vec<u8> {
        Rewriter::new(text, false).run()
    }

    fn run(mut self) -> Vec<u8> {
        let mut last_string: &[u8] = b"";
        while let Some(&byte) = self.rest.first() {
            match byte {
                b'"' => last_string = self.string(),
                b'-' | b'0'..=b'9' => self.number(),
                b'N' | b'I' => self.no_number(0),
                _ => self.punctuation(byte, last_string),
            }
        }
        self.out
    }

    fn punctuation(&mut self, byte: u8, last_string: &[u8]) {
        match byte {
            b'{' => self.holds_id.push(false),
            b'[' => self.holds_id.push(self.is_id()),
            b'}' | b']' => drop(self.holds_id.pop()),
            b':' => {
                self.holds_id.pop();
                self.holds_id.push(quoted_names_id(last_string));
            }
            _ => {}
        }
        self.copy(1);
    }

    fn is_id(&self) -> bool {
        self.holds_id.last().copied().unwrap_or_default()
    }

    /// Copies a string and returns it as it was, with its quotes.
    fn string(&mut self) -> &'a [u8] {
        let whole = &self.rest[..string_length(self.rest)];
        let end = self.rest.len() - whole.len();
        while self.rest.len() > end {
            let left = &self.rest[..self.rest.len() - end];
            let plain = left.iter().position(|byte| *byte == b'\\').unwrap_or(left.len());
            self.copy(plain);
            if self.rest.len() > end {
                self.escape();
            }
        }
        whole
    }

    /// Copies the escape that `rest` begins with, or U+FFFD for half a surrogate pair.
    fn escape(&mut self) {
        match (utf16_unit(self.rest), self.rest.get(6..).and_then(utf16_unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => self.copy(12),
            (Some(unit @ 0xD800..=0xDFFF), _) if self.is_exact => {
                self.replace(6, stand_in(unit).encode_utf8(&mut [0; 4]).as_bytes());
            }
            (Some(0xD800..=0xDFFF), _) => self.replace(6, REPLACEMENT),
            _ => self.copy(2),
        }
    }

    /// Copies what is there, or `null` for a word of JavaScript behind so many bytes of sign.
    fn no_number(&mut self, sign: usize) {
        let word = self.rest.get(sign..).unwrap_or_default();
        let starts_with = |name: &&&str| word.starts_with(name.as_bytes());
        match NO_NUMBERS.iter().find(starts_with) {
            Some(name) if self.is_exact => self.set_apart(sign + name.len()),
            Some(name) => self.replace(sign + name.len(), b"null"),
            None => self.copy(1),
        }
    }

    fn number(&mut self) {
        if self.rest.starts_with(b"-I") {
            return self.no_number(1);
        }
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = self.rest.iter().position(|byte| !is_part(byte)).unwrap_or(self.rest.len());
        let token = self.rest.get(..length).unwrap_or_default();
        let is_text = self.is_exact || self.is_id();
        let replacement = std::str::from_utf8(token).ok().and_then(|token| held(token, is_text));
        match replacement {
            Some(_) if self.is_exact => self.set_apart(length),
            Some(replacement) => self.replace(length, replacement.as_bytes()),
            None => self.copy(length),
        }
    }

    /// Turns a number into a string that no service writes.
    fn set_apart(&mut self, length: usize) {
        self.out.push(b'"');
        self.out.extend_from_slice(stand_in(0).encode_utf8(&mut [0; 4]).as_bytes());
        self.copy(length);
        self.out.push(b'"');
    }

    fn copy(&mut self, length: usize) {
        let (token, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.out.extend_from_slice(token);
        self.rest = rest;
    }

    fn replace(&mut self, length: usize, replacement: &[u8]) {
        self.out.extend_from_slice(replacement);
        self.rest = self.rest.get(length..).unwrap_or_default();
    }
}

/// Whether a field of this name holds an id or several: `id`, `eventId`, `alert_id`, `memberUserIds`.
pub(crate) fn names_id(name: impl AsRef<[u8]>) -> bool {
    let name = name.as_ref();
    let name = name.strip_suffix(b"s").unwrap_or(name);
    name == b"id" || name.ends_with(b"Id") || name.ends_with(b"_id")
}

/// The same of a name in its quotes, with escapes.
fn quoted_names_id(name: &[u8]) -> bool {
    if name.contains(&b'\\') {
        return serde_json::from_slice::<String>(name).is_ok_and(names_id);
    }
    let name = name.strip_prefix(b"\"").unwrap_or_default();
    names_id(name.strip_suffix(b"\"").unwrap_or_default())
}

/// The length of the string that `text` begins with, quotes included; all of `text` if it does not end.
fn string_length(text: &[u8]) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.iter().enumerate().skip(1) {
        match byte {
            b'"' if !is_escaped => return at + 1,
            _ => is_escaped = *byte == b'\\' && !is_escaped,
        }
    }
    text.len()
}

/// The UTF-16 code unit of the `\u` escape that `text` begins with.
fn utf16_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(br"\u")?.get(..4)?;
    // `from_str_radix` alone would take a sign, too.
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The character that stands for half a surrogate pair in [`identity`], of those that Unicode leaves to private use.
fn stand_in(unit: u16) -> char {
    const PRIVATE: u32 = 0x10_2000;
    char::from_u32(PRIVATE + u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The replacement of a number that Rust cannot hold; `None` if it can, or if it is no number of JSON.
fn held(token: &str, is_text: bool) -> Option<Cow<'static, str>> {
    serde_json::from_str::<IgnoredAny>(token).ok()?;
    let is_integer = token.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let fits = token.parse::<i64>().is_ok() || token.parse::<u64>().is_ok();
    match token {
        _ if fits && token != "-0" => None,
        _ if is_text || is_integer && !fits => Some(format!("\"{token}\"").into()),
        _ => token.parse().is_ok_and(f64::is_infinite).then_some(Cow::Borrowed("null")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        from_slice(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Item {
        #[serde(deserialize_with = "id")]
        id: String,
        #[serde(default, deserialize_with = "scalar")]
        size: u64,
        #[serde(default, deserialize_with = "scalar")]
        open: bool,
        #[serde(default, deserialize_with = "vec_without_nulls")]
        tags: Vec<String>,
        #[serde(default, deserialize_with = "ids")]
        user_ids: Vec<String>,
        #[serde(flatten)]
        other: serde_json::Map<String, Value>,
    }

    fn item(text: &str) -> serde_json::Result<Item> {
        from_slice(text.as_bytes())
    }

    #[test]
    fn a_lone_surrogate_costs_the_character() {
        for (text, expected) in [
            (r#""Run \ud83d""#, "Run \u{fffd}"),
            (r#""\uDE00!""#, "\u{fffd}!"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83d\n\\ud83d""#, "\u{fffd}\n\\ud83d"),
            (r#""\ud83dx\"\udfff""#, "\u{fffd}x\"\u{fffd}"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
            (r#""\ud83d\\""#, "\u{fffd}\\"),
        ] {
            assert_eq!(read(text), json!(expected), "{text}");
            assert_eq!(read(&format!("{{{text}: 1}}")), json!({expected: 1}), "{text}");
        }
    }

    #[test]
    fn an_unknown_field_keeps_the_digits_of_its_integers() {
        let text = r#"{"id": 1, "serial": 123456789012345678901, "list": [-98765432109876543210]}"#;
        let other = item(text).expect("an item").other;
        assert_eq!(other["serial"], "123456789012345678901");
        assert_eq!(other["list"], json!(["-98765432109876543210"]));
        // A field that is a number stays one.
        let score: HashMap<String, f64> =
            from_slice(b"{\"score\": 100000000000000000000}").expect("a number");
        assert_eq!(score["score"], 1e20);
    }

    #[test]
    fn nineteen_digits_in_a_row_are_found_wherever_they_are() {
        for before in 0..60 {
            let text = |digits: usize| format!("{}{}x", "x".repeat(before), "7".repeat(digits));
            assert!(may_be_rounded(text(19).as_bytes()) && may_be_rounded(text(50).as_bytes()));
            assert!(!may_be_rounded(text(18).as_bytes()));
        }
    }

    #[test]
    fn a_body_in_utf_16_or_32_is_read() {
        let text = r#"{"é": "\ud83d 😀"}"#;
        let wide = |width: usize, is_big: bool, mark: &str| -> Vec<u8> {
            let marked = format!("{mark}{text}");
            let order = |bytes: &[u8]| -> Vec<u8> {
                let bytes = bytes.iter().copied();
                if is_big { bytes.collect() } else { bytes.rev().collect() }
            };
            match width {
                2 => marked.encode_utf16().flat_map(|unit| order(&unit.to_be_bytes())).collect(),
                _ => marked.chars().flat_map(|c| order(&u32::from(c).to_be_bytes())).collect(),
            }
        };
        for width in [2, 4] {
            for is_big in [false, true] {
                for mark in ["", "\u{feff}"] {
                    let body = wide(width, is_big, mark);
                    assert_eq!(super::text(&body), text, "{width} {is_big} {mark:?}");
                    let read: Value = from_slice(&body).expect("JSON");
                    assert_eq!(read, json!({"é": "\u{fffd} 😀"}));
                }
            }
        }
        for odd in [&b""[..], b"\0", b"\0\0\0\0", b"\xff\xfe", b"{\0\0", b"\0\0\xfe\xff\0", b"x\0"]
        {
            let _ = super::text(odd);
            assert!(from_slice::<Value>(odd).is_err(), "{odd:?}");
        }
        assert_eq!(super::text(b"\xEF\xBB\xBFcaf\xe9"), "caf\u{fffd}");
    }

    #[test]
    fn a_number_out_of_range_is_null() {
        let text = r#"{"a": 1e400, "b": [-1E+999, 1e-400, 2.5], "c": 0e999}"#;
        let number = |number: &str| serde_json::from_str::<Value>(number).expect("a number");
        let expected = json!({"a": null, "b": [null, number("1e-400"), 2.5], "c": number("0e999")});
        assert_eq!(read(text), expected);
    }

    #[test]
    fn what_python_writes_for_no_number_is_null() {
        let text = r#"{"a": NaN, "b": [-Infinity,Infinity], "c": "NaN", "Infinity": 1}"#;
        let expected = json!({"a": null, "b": [null, null], "c": "NaN", "Infinity": 1});
        assert_eq!(read(text), expected);
        assert_eq!(item(r#"{"id": "a", "size": NaN}"#).expect("an item").size, 0);
    }

    #[test]
    fn an_integer_of_any_length_keeps_its_digits() {
        let long = "9".repeat(400);
        assert_eq!(
            read(&format!("[1e400, {long}, -{long}]")),
            json!([null, long, format!("-{long}")])
        );
        let text = "[1e400, 18446744073709551615, 18446744073709551616, -9223372036854775809]";
        let expected = json!([null, u64::MAX, "18446744073709551616", "-9223372036854775809"]);
        assert_eq!(read(text), expected);
    }

    #[test]
    fn an_id_is_a_string_or_the_text_of_a_number() {
        for (text, expected) in [
            (r#"{"id": "a"}"#, "a"),
            (r#"{"id": 7}"#, "7"),
            (r#"{"id": -7}"#, "-7"),
            (r#"{"id": 36893488147419103232}"#, "36893488147419103232"),
            (r#"{"id": 36893488147419103233}"#, "36893488147419103233"),
            (r#"{"id": 3.0}"#, "3.0"),
            (r#"{"id": 1e400}"#, "1e400"),
            (r#"{"id": -0}"#, "-0"),
        ] {
            assert_eq!(item(text).map(|item| item.id).ok().as_deref(), Some(expected), "{text}");
        }
        for text in [r#"{"id": null}"#, r#"{"id": true}"#, r#"{"id": [1]}"#, "{}"] {
            assert!(item(text).is_err_and(|error| error.is_data()), "{text}");
        }
    }

    #[test]
    fn a_list_of_ids_has_holes_and_numbers_of_every_kind() {
        let text = r#"{"id": 1, "user_ids": [null, "a", 7, 36893488147419103232, 1.5, null]}"#;
        assert_eq!(
            item(text).expect("an item").user_ids,
            ["a", "7", "36893488147419103232", "1.5"]
        );
        assert!(item(r#"{"id": 1, "user_ids": null}"#).expect("an item").user_ids.is_empty());
    }

    #[test]
    fn only_the_fields_of_ids_turn_fractions_into_strings() {
        let text = r#"{"id": 0.5, "score": 0.5, "in": {"score": [0.5], "eventId": 1.0}, "list_ids": [[2.0]]}"#;
        let item = item(text).expect("an item");
        assert_eq!(item.other["score"], 0.5);
        assert_eq!(item.other["in"], json!({"score": [0.5], "eventId": "1.0"}));
        assert_eq!(item.other["list_ids"], json!([["2.0"]]));
    }

    #[test]
    fn the_last_of_two_fields_counts() {
        let item = item(r#"{"id": "a", "size": 1, "x": 1, "id": "b", "x": 2}"#).expect("an item");
        assert_eq!((item.id.as_str(), item.size, &item.other["x"]), ("b", 1, &json!(2)));
    }

    #[test]
    fn a_byte_order_mark_is_ignored_once() {
        assert_eq!(read("\u{feff}7"), json!(7));
        assert_eq!(read("\u{feff}\"\\ud83d\""), json!("\u{fffd}"));
        assert!(from_slice::<Value>("\u{feff}\u{feff}7".as_bytes()).is_err());
        assert!(from_slice::<Value>(" \u{feff}7".as_bytes()).is_err());
    }

    #[test]
    fn counts_and_flags_are_read_from_whatever_states_them() {
        for (text, expected) in [
            ("3", 3),
            ("3.0", 3),
            ("-0", 0),
            ("\"3\"", 3),
            ("\" 3.00 \"", 3),
            ("null", 0),
            ("1e400", 0),
            ("18446744073709551615", u64::MAX),
            ("18446744073709551616", 0),
            ("99999999999999999999999999999999999999999999", 0),
        ] {
            let text = format!(r#"{{"id": "a", "size": {text}}}"#);
            assert_eq!(item(&text).map(|item| item.size).ok(), Some(expected), "{text}");
        }
        for (text, expected) in [
            ("true", true),
            ("null", false),
            ("1", true),
            ("0.0", false),
            ("\"True\"", true),
            ("\"0\"", false),
        ] {
            let text = format!(r#"{{"id": "a", "open": {text}}}"#);
            assert_eq!(item(&text).map(|item| item.open).ok(), Some(expected), "{text}");
        }
    }

    #[test]
    fn values_that_are_neither_count_nor_flag_are_rejected() {
        for text in ["-1", "2.5", "\"many\"", "\"\"", "\"1.5\"", "true", "[3]"] {
            let text = format!(r#"{{"id": "a", "size": {text}}}"#);
            assert!(item(&text).is_err_and(|error| error.is_data()), "{text}");
        }
        for text in ["2", "-1", "0.5", "\"perhaps\"", "{}"] {
            let text = format!(r#"{{"id": "a", "open": {text}}}"#);
            assert!(item(&text).is_err_and(|error| error.is_data()), "{text}");
        }
    }

    #[test]
    fn a_map_of_counts_takes_null_for_nothing() {
        #[derive(Deserialize)]
        struct Stats {
            #[serde(deserialize_with = "counts")]
            by: std::collections::BTreeMap<String, u64>,
        }
        let by = |text: &str| from_slice::<Stats>(text.as_bytes()).expect("stats").by;
        let counts = by(r#"{"by": {"a": 1, "b": null, "c": 2.0, "d": "3"}}"#);
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [1, 0, 2, 3]);
        assert!(by(r#"{"by": null}"#).is_empty());
    }

    #[test]
    fn a_list_loses_only_its_nulls() {
        let item = item(r#"{"id": "a", "tags": [null, "x", null, "y"]}"#).expect("an item");
        assert_eq!(item.tags, ["x", "y"]);
    }

    #[test]
    fn a_body_that_is_not_json_is_not_made_json() {
        for text in [
            &b""[..],
            b"{",
            b"\"\\ud83d",
            b"\"\\ud83d\" x",
            b"[1e400,]",
            b"[01e400]",
            b"[1e400 2]",
            b"[+99999999999999999999]",
            b"[-]",
            b"[1.]",
            b"[99999999999999999999.]",
            b"\"\\ud83\"",
            b"\"\\u+d83\"",
            b"\"\x01\\ud83d\"",
            b"\"\xff\\ud83d\"",
            b"\"\xed\xa0\xbd\"",
            b"{'a': 1}",
            b"nan",
            b"xNaN",
            b"NaNs",
            b"-NaN",
            b"Infinit",
            b"- Infinity",
            b"]",
        ] {
            let error = from_slice::<Value>(text).expect_err("no JSON");
            assert!(!error.is_data(), "{}: {error}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn a_text_that_ends_early_is_no_matter_of_its_data() {
        assert!(item(r#"{"id": null, "#).is_err_and(|error| !error.is_data()));
    }

    #[test]
    fn nesting_of_any_depth_is_an_error_of_the_data_and_takes_no_stack() {
        for depth in [128, 1_000_000] {
            let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            assert!(from_slice::<Value>(text.as_bytes()).is_err_and(|error| error.is_data()));
            assert!(
                from_slice::<Value>(&text.as_bytes()[1..]).is_err_and(|error| !error.is_data())
            );
            let text = format!("{}1{}", "{\"id\":".repeat(depth), "}".repeat(depth));
            assert!(from_slice::<Value>(text.as_bytes()).is_err_and(|error| error.is_data()));
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn ordinary_json_is_read_as_serde_json_reads_it(value in any_json(), pretty in any::<bool>()) {
            let text = match pretty {
                true => serde_json::to_string_pretty(&value),
                false => serde_json::to_string(&value),
            };
            let text = text.expect("JSON");
            prop_assert_eq!(Rewriter::rewrite(text.as_bytes()), text.as_bytes());
            let plain: Value = serde_json::from_str(&text).expect("JSON");
            let slow = tolerant::<Value>(text.as_bytes(), serde_json::Error::custom("first"));
            prop_assert_eq!(from_slice::<Value>(text.as_bytes()).expect("JSON"), plain.clone());
            prop_assert_eq!(slow.expect("JSON"), plain);
        }

        #[test]
        fn bytes_of_any_kind_are_read_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let plain = serde_json::from_slice::<Value>(&bytes).ok();
            let ours = from_slice::<Value>(&bytes).ok();
            prop_assert!(plain.is_none() || plain == ours);
        }

        #[test]
        fn only_json_is_read(text in r#"[\[\]{},:" 0-9eE.+\-\\udDfF8a]{0,24}"#) {
            let read = from_slice::<Value>(text.as_bytes()).is_ok();
            prop_assert_eq!(read, is_valid(text.as_bytes()), "{}", text);
        }
    }
}
