//! A page as it came: its JSON, with each item as a range of it.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::{DeserializeOwned, Error as _, IgnoredAny};
use serde_json::Value;

use super::seen::{Key, key};
use crate::json;
use crate::json::scan::Scanner;

/// A page whose items are not decoded yet.
#[derive(Debug)]
pub(crate) struct RawPage {
    pub(super) text: PageText,
    pub(super) items: Vec<RawItem>,
    /// How many nulls the list has beside them.
    pub(super) holes: u64,
    pub(super) numbers: Numbers,
}

/// The JSON of a page.
#[derive(Debug, Default)]
pub(crate) struct PageText {
    json: String,
    /// Some number may have more digits than `serde_json` keeps.
    has_long_numbers: bool,
}

/// An item as a range of its page's text.
#[derive(Clone, Debug)]
pub(super) struct RawItem {
    pub(super) json: Range<usize>,
    /// The value of its id; empty if it has none.
    id: Range<usize>,
}

/// The numbers that a page has beside its items. A number that is not one, as the `-1` of servers that do not know, is
/// none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) page: Option<u64>,
    pub(crate) per_page: Option<u64>,
    pub(crate) total_items: Option<u64>,
    pub(crate) total_pages: Option<u64>,
    pub(crate) has_more: Option<bool>,
}

impl RawPage {
    /// Reads a page whose items are in the field `list`. An item's id is in the first of `id_names` that it has. If
    /// that fails, the body comes back.
    pub(crate) fn parse(
        body: Vec<u8>,
        list: &str,
        id_names: &[&str],
    ) -> Result<RawPage, (Vec<u8>, serde_json::Error)> {
        if let Some(text) = json::transcoded(&body) {
            return RawPage::of(text, list, id_names).map_err(|(_, error)| (body, error));
        }
        match String::from_utf8(body) {
            Ok(text) => RawPage::of(text, list, id_names)
                .map_err(|(text, error)| (text.into_bytes(), error)),
            Err(error) => {
                let cause = serde_json::Error::custom(error.utf8_error());
                let body = error.into_bytes();
                let cause = json::from_slice::<Value>(&body).err().unwrap_or(cause);
                Err((body, cause))
            }
        }
    }

    /// Items are decoded once, by whoever takes them; so what is in them is not checked here.
    fn of(
        text: String,
        list: &str,
        id_names: &[&str],
    ) -> Result<RawPage, (String, serde_json::Error)> {
        match scan(&text, list, id_names) {
            Some(Parts { items, holes, numbers, has_long_numbers }) => Ok(RawPage {
                text: PageText { json: text, has_long_numbers },
                items,
                holes,
                numbers,
            }),
            None => {
                let error = unreadable(&text, list);
                Err((text, error))
            }
        }
    }

    /// Returns the JSON of a page without items.
    pub(crate) fn text_without_items(&self) -> Option<&str> {
        self.items.is_empty().then_some(&self.text.json)
    }

    /// The item's id: a string, or a number by its digits.
    pub(super) fn id(&self, item: &RawItem) -> Option<Cow<'_, str>> {
        let id = Some(self.text.part(&item.id)).filter(|id| !id.is_empty())?;
        if !id.starts_with('"') {
            return Some(Cow::Borrowed(id));
        }
        let plain = &id[1..id.len() - 1];
        if plain.contains('\\') {
            return json::from_slice(id.as_bytes()).ok().map(Cow::Owned);
        }
        Some(Cow::Borrowed(plain))
    }

    /// The key of the item's id; of all of it if it has none.
    ///
    /// Two ids have two keys, also if they are equal once they are decoded, as two lone surrogates are.
    pub(super) fn key(&self, item: &RawItem) -> Key {
        match self.text.part(&item.id) {
            // Two that are equal in everything are yielded once; nothing distinguishes them.
            "" => key(&json::identity(self.text.part(&item.json))),
            id if !id.starts_with('"') => key(id.as_bytes()),
            id if id.contains('\\') => key(&json::identity(id)),
            id => key(&id.as_bytes()[1..id.len() - 1]),
        }
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        self.items.iter().map(|item| self.key(item)).collect()
    }
}

impl PageText {
    pub(super) fn part(&self, range: &Range<usize>) -> &str {
        self.json.get(range.clone()).unwrap_or_default()
    }

    /// Decodes an item.
    pub(super) fn decode<T: DeserializeOwned>(&self, item: &Range<usize>) -> serde_json::Result<T> {
        let item = self.part(item);
        // Known to be UTF-8 already; only JSON that Rust cannot hold takes the slow way.
        if self.has_long_numbers && json::may_be_rounded(item.as_bytes()) {
            return json::from_slice(item.as_bytes());
        }
        serde_json::from_str(item).or_else(|_| json::from_slice(item.as_bytes()))
    }

    /// Decodes an item to a value of any shape; what is no JSON becomes a string.
    pub(super) fn value(&self, item: &Range<usize>) -> Value {
        self.decode(item).unwrap_or_else(|_| Value::String(self.part(item).to_owned()))
    }
}

/// The parts of a page.
struct Parts {
    items: Vec<RawItem>,
    holes: u64,
    numbers: Numbers,
    has_long_numbers: bool,
}

/// An id has so many names at most.
const MOST_ID_NAMES: usize = 2;
/// More digits than these do not fit 64 bits.
const MOST_DIGITS: usize = 18;

/// Reads a page without decoding its items; `None` if it is none. Of a field that comes twice, the last one counts.
fn scan(text: &str, list: &str, id_names: &[&str]) -> Option<Parts> {
    let mut scanner = Scanner::new(text, 0);
    let (mut listed, mut numbers) = (None, Numbers::default());
    scanner.object(|scanner, name| {
        let name = plain_name(name)?;
        if name == list {
            listed = Some(scan_items(scanner, text, id_names)?);
            return Some(());
        }
        let value = &text[scanner.value()?];
        numbers.read(&name, value);
        // `NaN` is none of JSON, and no harm beside the items.
        let is_valid = |value: &str| {
            serde_json::from_str::<IgnoredAny>(value).is_ok()
                || json::from_slice::<IgnoredAny>(value.as_bytes()).is_ok()
        };
        is_valid(value).then_some(())
    })?;
    let (items, holes) = listed.filter(|_| scanner.peek().is_none())?;
    let has_long_numbers = scanner.most_digits() > MOST_DIGITS;
    Some(Parts { items, holes, numbers, has_long_numbers })
}

/// A name as it is written between its quotes, without its escapes.
fn plain_name(name: &str) -> Option<Cow<'_, str>> {
    match name.contains('\\') {
        true => json::from_slice(format!("\"{name}\"").as_bytes()).ok().map(Cow::Owned),
        false => Some(Cow::Borrowed(name)),
    }
}

fn scan_items(
    scanner: &mut Scanner<'_>,
    text: &str,
    id_names: &[&str],
) -> Option<(Vec<RawItem>, u64)> {
    let (mut items, mut holes) = (Vec::new(), 0);
    if scanner.peek()? == b'n' {
        let is_null = &text[scanner.value()?] == "null";
        return is_null.then_some((items, holes));
    }
    scanner.array(|scanner| {
        match scan_item(scanner, text, id_names)? {
            Some(item) => items.push(item),
            None => holes += 1,
        }
        Some(())
    })?;
    Some((items, holes))
}

/// Reads an item with the value of the first of `id_names` that holds an id. A null in a list is a hole, not an item.
fn scan_item(scanner: &mut Scanner<'_>, text: &str, id_names: &[&str]) -> Option<Option<RawItem>> {
    if scanner.peek()? != b'{' {
        let json = scanner.value()?;
        let is_hole = &text[json.clone()] == "null";
        return Some((!is_hole).then_some(RawItem { json, id: 0..0 }));
    }
    let start = scanner.position();
    let mut ids = [const { 0..0 }; MOST_ID_NAMES];
    scanner.nested(id_names, &mut |rank, value| {
        // Of a field that comes twice, the last one counts, as when the item is decoded.
        if let Some(id) = ids.get_mut(rank) {
            *id = value;
        }
    })?;
    let id = ids.into_iter().find(|id| is_id(&text[id.clone()])).unwrap_or_default();
    Some(Some(RawItem { json: start..scanner.position(), id }))
}

/// The error of a text that is no page.
fn unreadable(text: &str, list: &str) -> serde_json::Error {
    let found = match json::from_slice::<Value>(text.as_bytes()) {
        Ok(page) => page.get(list).map(kind_of),
        Err(error) => return error,
    };
    serde_json::Error::custom(match found {
        Some(kind) => format!("invalid type: {kind}, expected the list `{list}`"),
        None => format!("missing field `{list}`"),
    })
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn is_id(value: &str) -> bool {
    match value.as_bytes() {
        [b'"', inner @ .., b'"'] => !inner.is_empty(),
        // Not `-Infinity`, which is read as null.
        [b'-', first, ..] | [first, ..] => first.is_ascii_digit(),
        [] => false,
    }
}

impl Numbers {
    /// Reads a field of a page's object. Others than the numbers are ignored.
    fn read(&mut self, name: &str, json: &str) {
        match name {
            "page" => self.page = count(json),
            "per_page" => self.per_page = count(json),
            "total_items" => self.total_items = count(json),
            "total_pages" => self.total_pages = count(json),
            "has_more" => self.has_more = flag(json),
            _ => {}
        }
    }
}

fn count(number: &str) -> Option<u64> {
    json::optional(&mut serde_json::Deserializer::from_str(number)).ok()?
}

fn flag(flag: &str) -> Option<bool> {
    json::optional(&mut serde_json::Deserializer::from_str(flag)).ok()?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::page::seen;

    fn page(text: &str) -> RawPage {
        RawPage::parse(text.into(), "items", &["id", "eventId"]).expect(text)
    }

    fn ids(text: &str) -> Vec<Option<String>> {
        let page = page(text);
        page.items.iter().map(|item| page.id(item).map(Cow::into_owned)).collect()
    }

    fn texts(page: &RawPage) -> Vec<&str> {
        page.items.iter().map(|item| page.text.part(&item.json)).collect()
    }

    #[test]
    fn items_are_ranges_of_the_body_and_nulls_are_holes() {
        let page =
            page(" {\"items\": [ {\"id\": 1} ,null,[2], \"3\" ], \"other\": {\"items\": 4}}\n");
        assert_eq!(texts(&page), [r#"{"id": 1}"#, "[2]", r#""3""#]);
        assert!(RawPage::parse(b"{\"items\": null}".to_vec(), "items", &[]).is_ok());
    }

    #[test]
    fn an_id_is_a_string_or_digits_of_any_length_under_the_first_name_that_has_one() {
        for (item, id) in [
            (r#"{"id": "a", "eventId": "b"}"#, Some("a")),
            (r#"{"eventId": "b", "id": "a"}"#, Some("a")),
            (r#"{"id": null, "eventId": 7}"#, Some("7")),
            (r#"{"id": "", "eventId": "b"}"#, Some("b")),
            (r#"{"id": "a", "id": "b"}"#, Some("b")),
            (r#"{"id": "b", "id": null}"#, None),
            (r#"{"id": "b", "id": {}, "eventId": "c"}"#, Some("c")),
            (r#"{"eventId": "c", "id": "b", "eventId": 7, "id": ""}"#, Some("7")),
            (r#"{"\u0069d": "a"}"#, Some("a")),
            (r#"{"id": "a", "\u0069\u0064": "b"}"#, Some("b")),
            (r#"{"\u0065vent\u0049d" : "a"}"#, Some("a")),
            (r#"{"i\\u0064": "a", "sort": "\u0069d"}"#, None),
            (r#"{"id": 123456789012345678901234567890}"#, Some("123456789012345678901234567890")),
            (r#"{"id": "a\/\u0062"}"#, Some("a/b")),
            (r#"{"\ud83d": 1, "id": "a"}"#, Some("a")),
            (r#"{"id": {"id": "a"}}"#, None),
            (r#"{"id": "a", "alert": {"id": "b"}}"#, Some("a")),
            (r#"{"alert": {"id": "b"}, "id": "a"}"#, Some("a")),
            (r#"{"alert": {"id": "b"}}"#, None),
            (r#"{"title": "{", "id": "a"}"#, Some("a")),
            (r#"{"title": "x,\"id\": 7", "id": "a"}"#, Some("a")),
            (r#"{"x,\"id": 7, "n": 1}"#, None),
            (r#"{"sort": "id", "eventId": "a"}"#, Some("a")),
            (r#"{"sort": "id"}"#, None),
            (r#"{"list": ["x", "id"], "n": "b"}"#, None),
            ("{ \n\"n\": 1 ,\t\"id\" : 7\r}", Some("7")),
            (r#"{"n": 1, "id": "a\"", "x": 1}"#, Some("a\"")),
            (r#"{"id": true}"#, None),
            (r#"["id"]"#, None),
            ("7", None),
        ] {
            let body = format!(r#"{{"items": [{item}]}}"#);
            assert_eq!(ids(&body), [id.map(str::to_owned)], "{item}");
        }
    }

    #[test]
    fn an_item_is_known_by_its_id_or_by_all_of_it() {
        let page = page(
            r#"{"items": [{"id": 7, "n": 1}, {"n": 2, "id": "7"}, {"n": 1}, { "n":1 }, {"n": 2}]}"#,
        );
        let keys: Vec<Key> = page.items.iter().map(|item| page.key(item)).collect();
        assert!(keys[0] == keys[1] && keys[2] == keys[3]);
        assert!(keys[0] != keys[2] && keys[2] != keys[4]);
    }

    #[test]
    fn json_that_rust_cannot_hold_spoils_no_page() {
        let item = r#"{"id": "a", "title": "Run \ud83d", "size": 1e400}"#;
        let page = page(&format!(r#"{{"items": [{item}], "items": [{item}, {{"id": "b"}}]}}"#));
        assert_eq!(texts(&page), [item, r#"{"id": "b"}"#]);
        let title = page.text.value(&page.items[0].json);
        assert_eq!((&title["title"], &title["size"]), (&"Run \u{fffd}".into(), &Value::Null));
        let bom = format!("\u{feff}{{\"items\": [{item}], \"x\\ud83d\": 1}}");
        assert_eq!(ids(&bom), [Some("a".to_owned())]);
    }

    #[test]
    fn an_item_that_is_no_json_spoils_no_page() {
        let page =
            page("{\"items\": [{\"id\": \"a\", \"size\": nan}, \"\u{1}\", {\"id\": \"b\"}]}");
        let decoded = |item: &RawItem| page.text.decode::<Value>(&item.json).ok();
        let decoded: Vec<Option<Value>> = page.items.iter().map(decoded).collect();
        assert_eq!(decoded, [None, None, Some(serde_json::json!({"id": "b"}))]);
        assert_eq!(page.text.value(&page.items[1].json), "\"\u{1}\"");
        assert_eq!(page.id(&page.items[0]).as_deref(), Some("a"));
    }

    #[test]
    fn what_is_odd_beside_the_items_spoils_no_page() {
        for body in [
            r#"{"it\u0065ms": [{"id": "a"}], "page": 1}"#,
            "\u{feff}{\"items\": [{\"id\": \"a\"}], \"page\": 1}",
            r#"{"\ud83d": "\udead", "items": [{"id": "a"}], "\u0070age": 1}"#,
            r#"{"items": null, "time": NaN, "items": [{"id": "a"}], "page": 1, "n": [1e400, -Infinity]}"#,
        ] {
            assert_eq!(ids(body), [Some("a".to_owned())], "{body}");
            assert_eq!(page(body).numbers.page, Some(1), "{body}");
        }
        assert_eq!(ids(r#"{"items": null}"#), []);
    }

    #[test]
    fn bytes_that_are_no_text_make_no_two_ids_equal() {
        let text = b"{\"items\": [{\"id\": \"a\xff\"}, {\"id\": \"a\xfe\"}]}";
        for mark in [&b""[..], b"\xEF\xBB\xBF"] {
            let body = [mark, text].concat();
            let (same, error) =
                RawPage::parse(body.clone(), "items", &["id"]).expect_err("no UTF-8");
            assert_eq!(same, body);
            assert!(error.to_string().contains("invalid unicode code point"), "{error}");
        }
        let with_units = |width: usize, units: [u32; 2]| -> Vec<u8> {
            let text = r#"{"items": [{"id": "aX"}, {"id": "aY"}]}"#;
            let units = text.chars().map(|c| match c {
                'X' => units[0],
                'Y' => units[1],
                c => u32::from(c),
            });
            units.flat_map(|unit| unit.to_le_bytes()[..width].to_vec()).collect()
        };
        for (width, units) in [
            (2, [0xD83D, 0xD83E]),
            (2, [0xDC00, 0xFFFD]),
            (4, [0xD800, 0xDFFF]),
            (4, [0x11_0000, 0x11_0001]),
        ] {
            let page = RawPage::parse(with_units(width, units), "items", &["id"]).expect("a page");
            let keys = page.keys();
            assert!(keys[0] != keys[1], "{width}: {units:x?}");
        }
        let text = r#"{"items": [{"id": "a\Z"}, {"id": "a\\xd83d"}, {"id": "a\\ud83d"}]}"#;
        let units = text.encode_utf16().map(|unit| if unit == 0x5A { 0xD83D } else { unit });
        let body = units.flat_map(u16::to_le_bytes).collect();
        let keys = RawPage::parse(body, "items", &["id"]).expect("a page").keys();
        assert_eq!(seen::firsts(keys.into_iter()), [0, 1, 2]);
    }

    #[test]
    fn two_ids_that_rust_cannot_tell_apart_are_two_and_one_in_two_spellings_is_one() {
        let keys = |items: &str| page(&format!(r#"{{"items": [{items}]}}"#)).keys();
        for (one, other) in [
            (r#"{"id": "a\ud83d"}"#, r#"{"id": "a\ud83e"}"#),
            (r#"{"id": "a\ud83d"}"#, r#"{"id": "a\ufffd"}"#),
            (r#"{"id": "\ud83d\ufffd"}"#, r#"{"id": "\ufffd\ud83d"}"#),
            (r#"{"id": "\ud800"}"#, "{\"id\": \"\u{10f800}\"}"),
            (r#"{"id": "\ud800"}"#, r#"{"id": "\udbfe\udc00"}"#),
            (r#"{"id": "\ud800"}"#, r#"{"id": "\\ud800"}"#),
            (r#"{"id": "\ud83d\ud83d\ude00"}"#, r#"{"id": "\ud83d\ude00\ud83d"}"#),
            (r#"{"id": 1e400}"#, r#"{"id": 1e500}"#),
            (r#"{"id": 7.0000000000000000001}"#, r#"{"id": 7.0000000000000000002}"#),
            (r#"{"n": 1e400}"#, r#"{"n": 1e500}"#),
            (r#"{"n": 1e400}"#, r#"{"n": null}"#),
            (r#"{"n": NaN}"#, r#"{"n": -Infinity}"#),
            (r#"{"n": 0.1}"#, r#"{"n": 0.1000000000000000000001}"#),
            (r#"{"n": 123456789012345678901}"#, r#"{"n": 123456789012345678902}"#),
            (r#"{"n": 1.5}"#, r#"{"n": "1.5"}"#),
            (r#"{"n": "\udead"}"#, r#"{"n": "\udeae"}"#),
            (r#"{"\udead": 1}"#, r#"{"\udeae": 1}"#),
            (r#""\udead""#, r#""\udeae""#),
        ] {
            for bom in ["", "\u{feff}"] {
                let body = format!(r#"{bom}{{"items": [{one}, {other}]}}"#);
                let keys = page(&body).keys();
                assert!(keys[0] != keys[1], "{one}, {other}");
            }
        }
        for same in [
            r#"{"id": "a\ud83d"}, {"n": 1, "id": "\u0061\uD83D"}"#,
            r#"{"id": "a/😀"}, {"id": "a\/\ud83d\ude00"}"#,
            r#"{"n": "a/", "m": 1e400}, {"m":1e400,"n":"\u0061\/"}"#,
        ] {
            let keys = keys(same);
            assert!(keys[0] == keys[1], "{same}");
        }
    }

    #[test]
    fn long_numbers_keep_their_digits() {
        for item in [r#"{"id": 123456789012345678901}"#, "123456789012345678901"] {
            let page = page(&format!(r#"{{"items": [{item}]}}"#));
            assert!(
                page.text
                    .value(&page.items[0].json)
                    .to_string()
                    .contains("\"123456789012345678901\"")
            );
        }
    }

    #[test]
    fn a_number_is_read_in_any_spelling_and_else_is_none() {
        for (text, expected) in
            [("35", Some(35)), ("35.0", Some(35)), ("\"35\"", Some(35)), ("0", Some(0))]
        {
            let page = page(&format!(r#"{{"items": [], "total_items": {text}, "page": {text}}}"#));
            assert_eq!(
                (page.numbers.total_items, page.numbers.page),
                (expected, expected),
                "{text}"
            );
        }
        for odd in ["-1", "2.5", "\"many\"", "1e300", "1e400", "null", "[]", "{\"a\": 1}"] {
            let page = page(&format!(r#"{{"items": [], "per_page": {odd}, "has_more": {odd}}}"#));
            assert_eq!((page.numbers.per_page, page.numbers.has_more), (None, None), "{odd}");
        }
        assert_eq!(page(r#"{"items": [], "has_more": "false"}"#).numbers.has_more, Some(false));
    }

    #[test]
    fn a_body_without_a_list_is_unreadable() {
        for body in ["{}", "[]", "null", r#"{"items": 7}"#] {
            let error = RawPage::parse(body.into(), "items", &[]).expect_err(body).1;
            assert!(error.is_data(), "{body}: {error}");
        }
        for body in
            ["", "<html>", r#"{"items": [}"#, r#"{"items": []} {}"#, r#"{"items": [], "x": tru}"#]
        {
            let error = RawPage::parse(body.into(), "items", &[]).expect_err(body).1;
            assert!(!error.is_data(), "{body}: {error}");
        }
        assert!(RawPage::parse(b"{\"items\": [\"\xff\"]}".to_vec(), "items", &[]).is_err());
    }

    /// An object in any spelling: names and values of all kinds, in any number and order.
    fn object() -> impl Strategy<Value = String> {
        const NAMES: [&str; 11] = [
            "id",
            r"\u0069d",
            r"\u0069\u0064",
            r"\u0069D",
            r"i\\u0064",
            r"\ud83did",
            "eventId",
            r"eventI\u0064",
            r"event\u0049\u0064",
            r"id\u0000",
            "n",
        ];
        const VALUES: [&str; 30] = [
            r#""a""#,
            r#""b""#,
            r#""\u0061""#,
            r#""a\/\"\n""#,
            r#""\ud83d""#,
            r#""\ud83d\ude00""#,
            r#""😀""#,
            r#""id""#,
            r#""\"id\": 7""#,
            r#""""#,
            "7",
            "-7",
            "0",
            "-0",
            "7.0",
            "7.50",
            "7e2",
            "-7E-2",
            "1e400",
            "-1e-400",
            "18446744073709551616",
            "-123456789012345678901",
            "null",
            "true",
            "NaN",
            "-Infinity",
            "{}",
            "[]",
            r#"{"id": "inner", "\u0069d": [{"id": 1}]}"#,
            r#"["id", {"eventId": 2}]"#,
        ];
        const BLANKS: [&str; 3] = ["", " ", "\t\r\n "];
        let blank = || prop::sample::select(&BLANKS[..]);
        let field = (prop::sample::select(&NAMES[..]), prop::sample::select(&VALUES[..]));
        let field = (field, blank(), blank()).prop_map(|((name, value), before, after)| {
            format!("{before}\"{name}\"{after}:{before}{value}{after}")
        });
        proptest::collection::vec(field, 0..7)
            .prop_map(|fields| format!("{{{}}}", fields.join(",")))
    }

    /// The id by the whole value, as an event has it.
    fn id_of(item: &Value) -> Option<String> {
        ["id", "eventId"].iter().filter_map(|name| item.get(name)).find_map(|id| match id {
            Value::String(id) if !id.is_empty() => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        })
    }

    /// An item of a type with an id, as a mention has it.
    #[derive(Deserialize)]
    struct Named {
        #[serde(deserialize_with = "json::id")]
        id: String,
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_id_is_the_same_by_a_scan_by_the_whole_page_and_by_each_type(
            items in proptest::collection::vec(object(), 1..4),
        ) {
            let body = format!(r#"{{"items": [{}], "page": 1}}"#, items.join(","));
            let scanned = page(&body);
            let whole: Value = serde_json::from_str(&json::rewritten(&body)).expect("JSON");
            let expected: Vec<_> = whole["items"].as_array().expect("items").iter().map(id_of).collect();
            prop_assert_eq!(ids(&body), expected.clone());
            for (item, expected) in scanned.items.iter().zip(&expected) {
                if let Ok(Named { id }) = scanned.text.decode(&item.json) && !id.is_empty() {
                    prop_assert_eq!(Some(id), expected.clone());
                }
            }
            let keys = scanned.keys();
            for other in [format!("\u{feff}{body}"), body.replacen('{', r#"{"\udead": 1, "#, 1)] {
                prop_assert_eq!(page(&other).keys(), keys.clone());
            }
            let wide = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let wide = RawPage::parse(wide, "items", &["id", "eventId"]).expect("a page");
            prop_assert_eq!(wide.keys(), keys);
        }
    }
}
