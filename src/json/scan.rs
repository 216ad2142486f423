//! Finds where the values of a JSON text end, without decoding them.

use std::ops::Range;

/// Reads a JSON text from front to back, at a fraction of what decoding costs.
///
/// It checks brackets and strings no further than it needs to find the ends: what a value holds is checked when the value
/// is decoded. Each method returns `None` where the text cannot be JSON.
pub(crate) struct Scanner<'t> {
    text: &'t str,
    at: usize,
    most_digits: usize,
}

impl<'t> Scanner<'t> {
    /// Begins at a place in a text.
    pub(crate) fn new(text: &'t str, at: usize) -> Scanner<'t> {
        Scanner { text, at, most_digits: 0 }
    }

    /// Reads an object. `field` receives the name of each field, as it is written between its quotes, and reads the value.
    pub(crate) fn object(
        &mut self,
        mut field: impl FnMut(&mut Scanner<'t>, &'t str) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            self.skip_blanks();
            let name = self.string()?;
            self.take(b':')?;
            field(self, name)?;
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    /// Reads an array. `item` reads each of its values.
    pub(crate) fn array(
        &mut self,
        mut item: impl FnMut(&mut Scanner<'t>) -> Option<()>,
    ) -> Option<()> {
        self.take(b'[')?;
        if self.take(b']').is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            if self.take(b',').is_none() {
                return self.take(b']');
            }
        }
    }

    /// Skips a value of any kind and returns where it is.
    pub(crate) fn value(&mut self) -> Option<Range<usize>> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => self.string().map(drop),
            b'{' | b'[' => self.nested(&[], &mut |_, _| ()),
            _ => self.scalar(),
        }?;
        Some(start..self.at)
    }

    /// Returns the next byte that is no white space.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.skip_blanks();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Returns how far it has read, in bytes.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Returns the most digits in a row that it has seen in a number.
    pub(crate) fn most_digits(&self) -> usize {
        self.most_digits
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while self.text.as_bytes().get(self.at).copied().is_some_and(is_blank) {
            self.at += 1;
        }
    }

    /// Skips an object or an array. `found` receives the place of each of `names` that is a field of the object, and the place
    /// of the field's value.
    pub(crate) fn nested(
        &mut self,
        names: &[&str],
        found: &mut dyn FnMut(usize, Range<usize>),
    ) -> Option<()> {
        let (bytes, mut at, mut depth) = (self.text.as_bytes(), self.at, 0_usize);
        loop {
            match bytes.get(at)? {
                b'"' => {
                    let start = at + 1;
                    at = string_end(bytes, start)? + 1;
                    if depth == 1 {
                        at = self.named(start..at, names, found)?;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                b'0'..=b'9' => {
                    let length = digits(&bytes[at..]);
                    self.most_digits = self.most_digits.max(length);
                    at += length - 1;
                }
                _ => {}
            }
            at += 1;
            if depth == 0 {
                self.at = at;
                return Some(());
            }
        }
    }

    /// Returns the place after a string, or after the value behind it if the string is one of these names.
    #[inline]
    fn named(
        &mut self,
        string: Range<usize>,
        names: &[&str],
        found: &mut dyn FnMut(usize, Range<usize>),
    ) -> Option<usize> {
        let name = &self.text.as_bytes()[string.start..string.end - 1];
        // The first byte decides for almost all strings.
        let first = name.first();
        if first != Some(&b'\\') && names.iter().all(|known| known.as_bytes().first() != first) {
            return Some(string.end);
        }
        let is_name = |known: &&str| known.as_bytes() == name || is_spelling_of(known, name);
        let Some(nth) = names.iter().position(is_name) else {
            return Some(string.end);
        };
        self.at = string.end;
        if self.take(b':').is_some() {
            found(nth, self.value()?);
        }
        Some(self.at)
    }

    /// Skips a string and returns what is between its quotes.
    fn string(&mut self) -> Option<&'t str> {
        if self.text.as_bytes().get(self.at) != Some(&b'"') {
            return None;
        }
        let start = self.at + 1;
        let end = string_end(self.text.as_bytes(), start)?;
        self.at = end + 1;
        self.text.get(start..end)
    }

    fn scalar(&mut self) -> Option<()> {
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':' | b'"') || is_blank(*byte);
        let left = &self.text.as_bytes()[self.at..];
        let length = left.iter().position(ends).unwrap_or(left.len());
        // Of digits and other characters as well; that is no harm.
        self.most_digits = self.most_digits.max(length);
        self.at += length;
        (length > 0).then_some(())
    }
}

/// The place of the quote that ends the string whose first character is at `start`.
#[inline]
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut from = start;
    loop {
        let end = from + place_of(b'"', bytes.get(from..)?)?;
        if !is_escaped(&bytes[start..end]) {
            return Some(end);
        }
        from = end + 1;
    }
}

/// Whether what comes after these bytes is escaped by the last of them.
fn is_escaped(bytes: &[u8]) -> bool {
    bytes.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Whether a string spells a name with escapes, as `\u0069d` does `id`.
#[inline]
fn is_spelling_of(name: &str, string: &[u8]) -> bool {
    const LONGEST_ESCAPE: usize = 6;
    let (first, known) = (string.first(), name.as_bytes().first());
    (first == Some(&b'\\') || first == known)
        && name.len() < string.len()
        && string.len() <= name.len() * LONGEST_ESCAPE
        && string.contains(&b'\\')
        && unescaped(string).is_some_and(|string| string == name)
}

#[cold]
fn unescaped(string: &[u8]) -> Option<String> {
    serde_json::from_slice(&[b"\"", string, b"\""].concat()).ok()
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Returns the place of the first such byte. Compares eight bytes at once.
#[inline]
pub(crate) fn place_of(byte: u8, bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (words, _) = bytes.as_chunks();
    for (nth, word) in words.iter().enumerate() {
        // A byte that is looked for becomes zero, and the lowest zero takes a carry into its highest bit.
        let zeros = u64::from_le_bytes(*word) ^ (ONES * u64::from(byte));
        let found = zeros.wrapping_sub(ONES) & !zeros & (ONES << 7);
        if found != 0 {
            return Some(nth * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let rest = words.len() * 8;
    bytes[rest..].iter().position(|other| *other == byte).map(|at| rest + at)
}

#[inline]
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::value::RawValue;

    use super::*;

    fn items(text: &str) -> Option<Vec<&str>> {
        let (mut scanner, mut items) = (Scanner::new(text, 0), Vec::new());
        scanner.array(|scanner| {
            items.push(&text[scanner.value()?]);
            Some(())
        })?;
        scanner.peek().is_none().then_some(items)
    }

    fn fields(text: &str) -> Option<Vec<(&str, &str)>> {
        let (mut scanner, mut fields) = (Scanner::new(text, 0), Vec::new());
        scanner.object(|scanner, name| {
            fields.push((name, &text[scanner.value()?]));
            Some(())
        })?;
        scanner.peek().is_none().then_some(fields)
    }

    fn named<'t>(text: &'t str, names: &[&str]) -> Vec<(usize, &'t str)> {
        let mut all = Vec::new();
        let mut found = |nth, value: Range<usize>| all.push((nth, &text[value]));
        Scanner::new(text, 0).nested(names, &mut found).expect(text);
        all
    }

    #[test]
    fn items_and_fields_are_found_whatever_is_in_them() {
        assert_eq!(items(" [ ] "), Some(vec![]));
        assert_eq!(
            items("[1 ,-2.5e3,\"a,]\", [[\"]\"] ],{\"b\": \"}\"}, null\n]"),
            Some(vec!["1", "-2.5e3", "\"a,]\"", "[[\"]\"] ]", "{\"b\": \"}\"}", "null"])
        );
        assert_eq!(
            fields(r#"{"a":1, "b\"" : [true] ,"":{}}"#),
            Some(vec![("a", "1"), (r#"b\""#, "[true]"), ("", "{}")])
        );
    }

    #[test]
    fn a_string_ends_at_the_first_quote_that_is_not_escaped() {
        for (text, string) in [
            (r#""" "#, r#""""#),
            (r#""\"" "#, r#""\"""#),
            (r#""\\" "#, r#""\\""#),
            (r#""\\\"x" "#, r#""\\\"x""#),
            (r#""é!é#é" "#, r#""é!é#é""#),
        ] {
            for pad in 0..40 {
                let text = format!("[\"{}{}", "x".repeat(pad), &text[1..]);
                let string = format!("\"{}{}", "x".repeat(pad), &string[1..]);
                assert_eq!(items(&format!("{text}]")), Some(vec![&*string]), "{text}");
                assert_eq!(items(text.trim_end()), None, "{text}");
            }
        }
    }

    #[test]
    fn only_fields_of_the_object_itself_are_found_by_name() {
        let text = r#"{"x": {"id": 1}, "sort": "id", "l": ["id"], "id" : "a" ,"no": "\"id\": 2", "id":[3]}"#;
        assert_eq!(named(text, &["no", "id"]), [(1, "\"a\""), (0, r#""\"id\": 2""#), (1, "[3]")]);
        assert_eq!(named(r#"["id", {"id": 1}]"#, &["id"]), []);
        let text = r#"{"\u0069d": 1, "i\u0064" :2, "\u0069d ": 3, "\ud83did": 4, "\\u0069d": 5, "n": "\u0069d"}"#;
        assert_eq!(named(text, &["no", "id"]), [(1, "1"), (1, "2")]);
    }

    #[test]
    fn a_text_without_the_brackets_and_commas_of_json_is_rejected() {
        for text in [
            "",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[\"a\" 1]",
            "[{]",
            "[\"]",
            "[1]]",
            "{}",
            "1",
        ] {
            assert_eq!(items(text), None, "{text}");
        }
        for text in
            ["{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "{\"a\":1}}"]
        {
            assert_eq!(fields(text), None, "{text}");
        }
    }

    #[test]
    fn the_longest_number_is_counted_wherever_it_is() {
        for (text, digits) in [("[[12345]]", 5), ("[{\"a\": -123.4}]", 3), ("[\"123\"]", 0)] {
            let mut scanner = Scanner::new(text, 0);
            assert_eq!(scanner.array(|scanner| scanner.value().map(drop)), Some(()));
            assert_eq!(scanner.most_digits(), digits, "{text}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            r#"[\[\]{},:"\\ a-cé😀\n\u{1}]{0,20}"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let name = r#"[\[\]{},:"\\ id]{0,5}"#;
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((name, inner), 0..6).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_end_where_serde_json_ends_them(value in proptest::collection::vec(json(), 0..8)) {
            for text in [serde_json::to_string(&value), serde_json::to_string_pretty(&value)] {
                let text = text.expect("JSON");
                let expected: Vec<&RawValue> = serde_json::from_str(&text).expect("JSON");
                let expected: Vec<&str> = expected.into_iter().map(RawValue::get).collect();
                prop_assert_eq!(items(&text), Some(expected));
            }
        }

        #[test]
        fn no_text_makes_it_fail_in_another_way(text in r#"[\[{]["\\\[\]{},:1 é]{0,40}"#) {
            let _ = (items(&text), fields(&text));
        }
    }
}
