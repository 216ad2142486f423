//! JSON as it should not be written: with single quotes, trailing commas or comments, as a script, cut off.

use serde_json::{Map, Value};

/// The longest body that is read, in bytes: a report of failure is short.
const LONGEST: usize = 64 * 1024;
const DEEPEST: u32 = 32;

/// Prefixes of JSON that keep it from being run as a script.
const GUARDS: [&str; 8] =
    [")]}',", ")]}'", ")]}", "while(1);", "for(;;);", "for (;;);", "throw 1;", "/**/"];

/// Reads an object or an array that is nearly JSON; `None` if it is not even that.
///
/// Strings may have other quotes or none, commas may be missing or too many, and what is open at the end is closed. A prefix
/// that keeps it from being run as a script is skipped, as is the name of a function to be called.
pub(crate) fn value(text: &str) -> Option<Value> {
    read(text).map(|(value, _)| value)
}

/// Reads it as [`value`] does, and returns whether it was cut off, so that fields may be missing.
pub(crate) fn read(text: &str) -> Option<(Value, bool)> {
    if text.len() > LONGEST {
        return None;
    }
    let rest = unguarded(text.trim_start_matches('\u{feff}'));
    let mut reader = Reader { rest, depth: 0, is_cut: false };
    let value = reader.rest.starts_with(['{', '[']).then(|| reader.value())??;
    Some((value, reader.is_cut))
}

/// Skips guards and the beginning of a call.
pub(crate) fn unguarded(text: &str) -> &str {
    let mut rest = after_comments(text);
    while let Some(guarded) = GUARDS.iter().find_map(|guard| rest.strip_prefix(guard)) {
        rest = after_comments(guarded);
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '.' | '[' | ']');
    let after_name = rest.trim_start_matches(is_part).trim_start();
    match after_name.strip_prefix(['(', '=']) {
        Some(argument) if !rest.starts_with('[') => after_comments(argument),
        _ => rest,
    }
}

/// Skips white space and comments.
fn after_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let after = match (rest.strip_prefix("/*"), rest.strip_prefix("//")) {
            (Some(comment), _) => comment.split_once("*/").map(|(_, after)| after),
            (_, Some(comment)) => comment.split_once('\n').map(|(_, after)| after),
            _ => return rest,
        };
        rest = after.unwrap_or_default().trim_start();
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: u32,
    is_cut: bool,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Option<Value> {
        self.skip();
        let first = self.rest.chars().next()?;
        match first {
            '{' | '[' if self.depth < DEEPEST => {
                self.depth += 1;
                self.rest = &self.rest[1..];
                let value = if first == '{' { self.object() } else { self.array() };
                self.depth -= 1;
                value
            }
            '{' | '[' => None,
            '"' | '\'' | '`' => Some(Value::String(self.quoted(first))),
            _ => self.word().map(meaning),
        }
    }

    fn object(&mut self) -> Option<Value> {
        let mut fields = Map::new();
        while !self.ends('}') {
            let name = match self.rest.chars().next()? {
                quote @ ('"' | '\'' | '`') => self.quoted(quote),
                _ => self.word()?.to_owned(),
            };
            self.skip();
            if self.rest.is_empty() {
                self.is_cut = true;
                break;
            }
            self.rest = ["=>", ":", "="].iter().find_map(|sign| self.rest.strip_prefix(sign))?;
            self.skip();
            let value = if self.rest.is_empty() { Value::Null } else { self.value()? };
            fields.insert(name, value);
        }
        Some(Value::Object(fields))
    }

    fn array(&mut self) -> Option<Value> {
        let mut items = Vec::new();
        while !self.ends(']') {
            items.push(self.value()?);
        }
        Some(Value::Array(items))
    }

    /// Skips commas, and returns whether the object or array ends here, if need be with the input.
    fn ends(&mut self, close: char) -> bool {
        self.skip();
        while let Some(after) = self.rest.strip_prefix(',') {
            self.rest = after;
            self.skip();
        }
        let after = self.rest.strip_prefix(close);
        self.is_cut |= after.is_none() && self.rest.is_empty();
        self.rest = after.unwrap_or(self.rest);
        after.is_some() || self.rest.is_empty()
    }

    fn quoted(&mut self, quote: char) -> String {
        let text = &self.rest[1..];
        let mut is_escaped = false;
        let end = text.find(|c| {
            let is_end = c == quote && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        });
        let inner = &text[..end.unwrap_or(text.len())];
        self.rest = end.map_or("", |end| &text[end + 1..]);
        unescaped(inner)
    }

    /// A number or a word without quotes.
    fn word(&mut self) -> Option<&'a str> {
        let is_end = |c: char| c.is_whitespace() || ",:=()[]{}\"'`<>".contains(c);
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn skip(&mut self) {
        self.rest = after_comments(self.rest);
    }
}

fn meaning(word: &str) -> Value {
    match word {
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        "null" | "None" | "nil" | "undefined" | "NULL" | "NaN" => Value::Null,
        _ => serde_json::from_str(word).unwrap_or_else(|_| Value::String(word.to_owned())),
    }
}

/// Replaces JSON's escapes.
fn unescaped(inner: &str) -> String {
    let plain = inner.replace("\\'", "'").replace("\\`", "`");
    // Of the quotes, only those of JSON end its strings.
    let mut json = String::from("\"");
    let mut is_escaped = false;
    for c in plain.chars() {
        match c {
            '"' if !is_escaped => json.push_str("\\\""),
            c if c.is_control() => json.push(' '),
            c => json.push(c),
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    json.push('"');
    serde_json::from_str(&json).unwrap_or(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_that_is_nearly_json_is_read() {
        let expected = json!({"error": "it's gone", "code": 5});
        for text in [
            r#"{"error": "it's gone", "code": 5,}"#,
            r#"{'error': 'it\'s gone', 'code': 5}"#,
            r#"{error: "it's gone", code: 5}"#,
            r#"{"error": "it's gone" "code": 5"#,
            r#"{"error" => "it's gone", "code" => 5}"#,
            "{ // why\n \"error\": \"it's gone\", /* what */ \"code\": 5}",
            r#")]}',{"error": "it's gone", "code": 5}"#,
            r#"while(1);{"error": "it's gone", "code": 5}"#,
            r#"for(;;);{"error": "it's gone", "code": 5}"#,
            r#"callback({"error": "it's gone", "code": 5});"#,
            r#"/**/ my.call_1({"error": "it's gone", "code": 5})"#,
            r#"window.answer = {"error": "it's gone", "code": 5};"#,
            r#"{"error": "it's gone", "code": 5} and more"#,
            "\u{feff}\n{\"error\": \"it's gone\", \"code\": 5}{\"x\": 1}",
        ] {
            assert_eq!(value(text).as_ref(), Some(&expected), "{text}");
        }
    }

    #[test]
    fn words_have_a_meaning_and_what_is_open_is_closed() {
        let text = "{'a': None, 'b': True, 'c': [False, undefined, 1e2, word, 'x\\ny'";
        let expected = json!({"a": null, "b": true, "c": [false, null, 100.0, "word", "x\ny"]});
        assert_eq!(value(text), Some(expected));
        for (text, expected) in [
            ("{", json!({})),
            ("{\"a", json!({})),
            ("{\"a\":", json!({"a": null})),
            ("{\"a\": \"Community not f", json!({"a": "Community not f"})),
            (r#"{'a': 'say "no" \u00e9'}"#, json!({"a": "say \"no\" é"})),
        ] {
            assert_eq!(value(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_body_without_its_last_bracket_is_cut_off() {
        let is_cut = |text: &str| read(text).unwrap().1;
        for text in [
            "{\"a",
            "{\"a\":",
            "{\"a\": \"b",
            "{\"a\": \"b\",",
            "{\"a\": 4",
            "{\"a\": [\"b\", ",
            "{\"a\": {",
            "{\"a\": [4",
            "{\"a\": tru",
            "{\"a\": \"b\"",
            "{\"a\": [4]",
        ] {
            assert!(is_cut(text), "{text}");
        }
        for text in ["{'a': 'b',}", "call({a: 4,});", "{\"a\": 4}{"] {
            assert!(!is_cut(text), "{text}");
        }
    }

    #[test]
    fn other_text_is_none() {
        for text in [
            "",
            "done",
            "{name} was removed",
            "[error: gone]",
            "removed (u1)",
            "see {\"error\": 1}",
            "<p>{}</p>",
            "42",
            "\"{}\"",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
        assert_eq!(value(&"[".repeat(10_000)), None);
    }
}
