//! JSON printed again in other ways.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

/// The white space of JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// No white space, as JavaScript prints it: `{"a":1,"b":2}`.
    Compact,
    /// A space after commas and colons, as Python prints it: `{"a": 1, "b": 2}`.
    Spaced,
    /// Several lines, indented by this many spaces for each level.
    Indented(usize),
}

const LAYOUTS: [Layout; 4] =
    [Layout::Compact, Layout::Spaced, Layout::Indented(2), Layout::Indented(4)];

/// No payload is nested deeper. Beyond that, indentation does not grow, or a small body would fill the memory.
const DEEPEST: usize = 16;

/// The escapes of strings.
#[derive(Clone, Copy)]
enum Spelling {
    AsTheyAre,
    /// `é`, and no escape that is not needed.
    Plain,
    /// `\u00e9`, as Python prints it.
    Ascii,
}

const SPELLINGS: [Spelling; 3] = [Spelling::AsTheyAre, Spelling::Plain, Spelling::Ascii];

/// Returns the same JSON in every usual way of printing it, its numbers unchanged; nothing if it is not JSON.
pub(super) fn reprints(json: &[u8]) -> impl Iterator<Item = String> {
    orders(json).into_iter().flat_map(|text| {
        SPELLINGS.into_iter().flat_map(move |spelling| {
            let tokens = respelled(&text, spelling);
            LAYOUTS.map(|layout| Printer::print(&tokens, layout))
        })
    })
}

/// Whether it is, to the byte, the form in which `serde_json` and similar libraries print JSON.
pub(super) fn is_printed_value(json: &[u8]) -> bool {
    let printed = serde_json::from_slice(json).map(|value: Value| value.to_string());
    printed.is_ok_and(|printed| printed.as_bytes() == json)
}

/// Returns the JSON as it is, and with its keys in alphabetical order (unless something in the program has
/// enabled `preserve_order` of `serde_json`).
fn orders(json: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(json).unwrap_or_default();
    match serde_json::from_str::<Value>(text) {
        Ok(value) => vec![text.to_owned(), value.to_string()],
        Err(_) => Vec::new(),
    }
}

/// Returns the tokens of JSON, its strings in the given spelling.
fn respelled(text: &str, spelling: Spelling) -> Vec<Cow<'_, str>> {
    let spell = |token| match spelling {
        Spelling::AsTheyAre => Cow::Borrowed(token),
        Spelling::Plain => plain(token),
        Spelling::Ascii => Cow::Owned(ascii(&plain(token))),
    };
    tokens(text).into_iter().map(spell).collect()
}

/// Returns a string without needless escapes, and any other token as it is.
fn plain(token: &str) -> Cow<'_, str> {
    let text = match token.starts_with('"') {
        true => serde_json::from_str(token).ok(),
        false => None,
    };
    text.map_or(Cow::Borrowed(token), |text: String| Cow::Owned(Value::String(text).to_string()))
}

fn ascii(token: &str) -> String {
    let mut text = String::with_capacity(token.len());
    for letter in token.chars() {
        match letter.is_ascii() {
            true => text.push(letter),
            false => escape(letter, &mut text),
        }
    }
    text
}

fn escape(letter: char, text: &mut String) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        write!(text, "\\u{unit:04x}").expect("writing to a String cannot fail");
    }
}

fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_ascii_start();
    while !rest.is_empty() {
        let (token, after) = rest.split_at(token_length(rest));
        tokens.push(token);
        rest = after.trim_ascii_start();
    }
    tokens
}

fn token_length(text: &str) -> usize {
    match text.as_bytes()[0] {
        b'"' => string_length(text),
        b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
        _ => {
            text.find(|c: char| c.is_ascii_whitespace() || ",:]}".contains(c)).unwrap_or(text.len())
        }
    }
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return at + 1,
            _ => escaped = byte == b'\\' && !escaped,
        }
    }
    text.len()
}

/// Prints tokens.
struct Printer {
    text: String,
    depth: usize,
    layout: Layout,
}

impl Printer {
    fn print(tokens: &[Cow<'_, str>], layout: Layout) -> String {
        let mut printer = Printer { text: String::new(), depth: 0, layout };
        let mut before = "";
        for token in tokens {
            printer.push(before, token);
            before = token;
        }
        printer.text
    }

    fn push(&mut self, before: &str, token: &str) {
        let closes = matches!(token, "}" | "]");
        if closes {
            self.depth = self.depth.saturating_sub(1);
        }
        match before {
            "{" | "[" if !closes => self.break_line(),
            "{" | "[" => {}
            _ if closes => self.break_line(),
            "," => self.after_comma(),
            ":" => self.after_colon(),
            _ => {}
        }
        self.text.push_str(token);
        self.depth += usize::from(matches!(token, "{" | "["));
    }

    fn after_comma(&mut self) {
        match self.layout {
            Layout::Spaced => self.text.push(' '),
            _ => self.break_line(),
        }
    }

    fn after_colon(&mut self) {
        if self.layout != Layout::Compact {
            self.text.push(' ');
        }
    }

    fn break_line(&mut self) {
        if let Layout::Indented(spaces) = self.layout {
            let indent = spaces * self.depth.min(DEEPEST);
            self.text.push('\n');
            self.text.push_str(&" ".repeat(indent));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(json: &str, layout: Layout) -> String {
        Printer::print(&respelled(json, Spelling::AsTheyAre), layout)
    }

    #[test]
    fn every_layout_is_the_one_that_its_language_prints() {
        let json = r#" { "b" : [ 1.0 , { } , "x, \"y\": \\" ] , "a" : [ ] }"#;
        let compact = r#"{"b":[1.0,{},"x, \"y\": \\"],"a":[]}"#;
        let spaced = r#"{"b": [1.0, {}, "x, \"y\": \\"], "a": []}"#;
        let indented =
            "{\n  \"b\": [\n    1.0,\n    {},\n    \"x, \\\"y\\\": \\\\\"\n  ],\n  \"a\": []\n}";
        assert_eq!(printed(json, Layout::Compact), compact);
        assert_eq!(printed(json, Layout::Spaced), spaced);
        assert_eq!(printed(json, Layout::Indented(2)), indented);
    }

    #[test]
    fn the_indented_layout_is_that_of_serde_json() {
        let value = serde_json::json!({"a": [1, [], {}, {"b": null}], "c": {"d": [[2]]}, "e": "é"});
        let pretty = serde_json::to_string_pretty(&value).expect("JSON");
        assert_eq!(printed(&value.to_string(), Layout::Indented(2)), pretty);
        assert_eq!(printed(&pretty, Layout::Compact), value.to_string());
    }

    #[test]
    fn strings_are_printed_plainly_or_in_ascii() {
        let spell = |spelling| respelled(r#""\u00e9\/é😀\n""#, spelling).concat();
        assert_eq!(spell(Spelling::Plain), r#""é/é😀\n""#);
        assert_eq!(spell(Spelling::Ascii), r#""\u00e9/\u00e9\ud83d\ude00\n""#);
    }

    #[test]
    fn nothing_is_printed_unless_it_is_json() {
        for text in [&b""[..], b"{", b"{} {}", b"\xff", b"nul"] {
            assert_eq!(reprints(text).count(), 0);
            assert!(!is_printed_value(text));
        }
        assert_eq!(reprints(b"{}").count(), 2 * 3 * 4);
        assert!(is_printed_value(br#"{"a":1,"b":2}"#));
        assert!(!is_printed_value(br#"{"a":1, "b":2}"#));
    }
}
