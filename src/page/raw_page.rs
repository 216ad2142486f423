//! A page as it came: its JSON, with each item as a range of it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeOwned, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::seen::{Key, key};
use crate::json;

/// A page whose items are not decoded yet.
#[derive(Debug)]
pub(crate) struct RawPage {
    pub(super) text: String,
    pub(super) items: Vec<RawItem>,
    /// How many nulls the list has beside them.
    pub(super) holes: u64,
    pub(super) numbers: Numbers,
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
        let body = match String::from_utf8(body) {
            Ok(text) => match parse_text(&text, list, id_names) {
                Ok((items, holes, numbers)) => return Ok(RawPage { text, items, holes, numbers }),
                Err(_) => text.into_bytes(),
            },
            Err(error) => error.into_bytes(),
        };
        // A name that Rust cannot hold, a byte order mark, or no page at all.
        let again = json::from_slice::<Value>(&body).and_then(|whole| {
            let text = whole.to_string();
            let (items, holes, numbers) = parse_text(&text, list, id_names)?;
            Ok(RawPage { text, items, holes, numbers })
        });
        again.map_err(|error| (body, error))
    }

    /// Returns the JSON of a page without items.
    pub(crate) fn text_without_items(&self) -> Option<&str> {
        self.items.is_empty().then_some(&self.text)
    }

    /// The item's id: a string, or a number by its digits.
    pub(super) fn id(&self, item: &RawItem) -> Option<Cow<'_, str>> {
        let id = self.text.get(item.id.clone()).filter(|id| !id.is_empty())?;
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
    pub(super) fn key(&self, item: &RawItem) -> Key {
        match self.id(item) {
            Some(id) => key(&id),
            // Two that are equal in everything are yielded once; nothing distinguishes them.
            None => key(&value(&self.text[item.json.clone()]).to_string()),
        }
    }
}

fn parse_text(
    text: &str,
    list: &str,
    id_names: &[&str],
) -> serde_json::Result<(Vec<RawItem>, u64, Numbers)> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let (items, numbers) = (&mut reader).deserialize_map(Envelope { list })?;
    reader.end()?;
    let range = |part: &str| {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        start..start + part.len()
    };
    let id_names: Vec<String> = id_names.iter().map(|name| format!("\"{name}\"")).collect();
    let raw = |item: &&RawValue| RawItem {
        json: range(item.get()),
        id: id_in(item.get(), &id_names).map_or(0..0, range),
    };
    // A null in a list is a hole, not an item.
    let listed = items.len();
    let items: Vec<RawItem> = items.iter().filter(|item| item.get() != "null").map(raw).collect();
    let holes = listed - items.len();
    Ok((items, holes as u64, numbers))
}

/// Decodes an item.
pub(super) fn decode<T: DeserializeOwned>(item: &str) -> serde_json::Result<T> {
    // Known to be UTF-8 already; only JSON that Rust cannot hold takes the slow way.
    if json::may_be_rounded(item.as_bytes()) {
        return json::from_slice(item.as_bytes());
    }
    serde_json::from_str(item).or_else(|_| json::from_slice(item.as_bytes()))
}

/// An item of any shape.
pub(super) fn value(item: &str) -> Value {
    decode(item).unwrap_or_else(|_| Value::String(item.to_owned()))
}

/// The value of the first of `names` that holds an id. The names are given with their quotes.
fn id_in<'a>(item: &'a str, names: &[String]) -> Option<&'a str> {
    let fields = item.strip_prefix('{')?;
    id_at_a_glance(fields, names).or_else(|| {
        let mut reader = serde_json::Deserializer::from_str(item);
        reader.deserialize_map(IdOf { names }).ok()?.map(RawValue::get)
    })
}

/// The id, if the name that it has can be seen without reading the other fields: it occurs once, and outside of objects
/// in the object.
///
/// The fields are valid JSON, so that a quoted name between a comma and a colon is the name of a field.
fn id_at_a_glance<'a, 'n>(fields: &'a str, names: &'n [String]) -> Option<&'a str> {
    let place = |name: &'n String| {
        // Most services put the id first.
        let first = fields.strip_prefix(&**name).map(|after| ("", after));
        first.or_else(|| fields.split_once(&**name)).map(|(before, after)| (before, &**name, after))
    };
    let (before, name, after) = names.iter().find_map(place)?;
    let is_field =
        before.trim_end_matches(BLANKS).ends_with(',') || before.trim_matches(BLANKS).is_empty();
    let value = after.trim_start_matches(BLANKS).strip_prefix(':')?.trim_start_matches(BLANKS);
    let length = match value.strip_prefix('"') {
        Some(string) => string.find('"')? + 2,
        None => value.find(|c: char| c == ',' || c == '}' || BLANKS.contains(&c))?,
    };
    let id = &value[..length];
    let is_certain =
        is_field && !before.contains('{') && !after.contains(name) && !id.contains('\\');
    (is_certain && is_id(id)).then_some(id)
}

/// White space in JSON.
const BLANKS: [char; 4] = [' ', '\n', '\r', '\t'];

struct IdOf<'n> {
    names: &'n [String],
}

impl<'de> Visitor<'de> for IdOf<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut item: A) -> Result<Self::Value, A::Error> {
        let mut best = (usize::MAX, None);
        // Raw, since a name may be one that Rust cannot hold.
        while let Some(name) = item.next_key::<&RawValue>()? {
            match self.names.iter().position(|known| known == name.get()) {
                Some(rank) => {
                    let id = item.next_value::<&RawValue>()?;
                    // Of a field that comes twice, the last one counts.
                    if rank <= best.0 && is_id(id.get()) {
                        best = (rank, Some(id));
                    }
                }
                None => drop(item.next_value::<IgnoredAny>()?),
            }
        }
        Ok(best.1)
    }
}

fn is_id(value: &str) -> bool {
    match value.as_bytes() {
        [b'"', inner @ .., b'"'] => !inner.is_empty(),
        [first, ..] => first.is_ascii_digit() || *first == b'-',
        [] => false,
    }
}

/// Reads a page's object. Of a field that comes twice, the last one counts.
struct Envelope<'l> {
    list: &'l str,
}

impl<'de> Visitor<'de> for Envelope<'_> {
    type Value = (Vec<&'de RawValue>, Numbers);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the list `{}`", self.list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut page: A) -> Result<Self::Value, A::Error> {
        let (mut items, mut numbers) = (None, Numbers::default());
        while let Some(name) = page.next_key::<Cow<'de, str>>()? {
            if name == self.list {
                items = Some(page.next_value::<Option<Vec<&RawValue>>>()?.unwrap_or_default());
                continue;
            }
            let number = page.next_value::<&RawValue>()?.get();
            match &*name {
                "page" => numbers.page = count(number),
                "per_page" => numbers.per_page = count(number),
                "total_items" => numbers.total_items = count(number),
                "total_pages" => numbers.total_pages = count(number),
                "has_more" => numbers.has_more = flag(number),
                _ => {}
            }
        }
        let missing = || A::Error::custom(format_args!("missing field `{}`", self.list));
        Ok((items.ok_or_else(missing)?, numbers))
    }
}

fn count(number: &str) -> Option<u64> {
    let known = Some(number).filter(|number| *number != "null")?;
    json::count(&mut serde_json::Deserializer::from_str(known)).ok()
}

fn flag(flag: &str) -> Option<bool> {
    let known = Some(flag).filter(|flag| *flag != "null")?;
    json::flag(&mut serde_json::Deserializer::from_str(known)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> RawPage {
        RawPage::parse(text.into(), "items", &["id", "eventId"]).expect(text)
    }

    fn ids(text: &str) -> Vec<Option<String>> {
        let page = page(text);
        page.items.iter().map(|item| page.id(item).map(Cow::into_owned)).collect()
    }

    fn texts(page: &RawPage) -> Vec<&str> {
        page.items.iter().map(|item| &page.text[item.json.clone()]).collect()
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
        let title: Value = decode(item).expect("a value");
        assert_eq!((&title["title"], &title["size"]), (&"Run \u{fffd}".into(), &Value::Null));
        let bom = format!("\u{feff}{{\"items\": [{item}], \"x\\ud83d\": 1}}");
        assert_eq!(ids(&bom), [Some("a".to_owned())]);
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
            ["", "<html>", r#"{"items": [}"#, r#"{"items": []} {}"#, "{\"items\": [\"\u{1}\"]}"]
        {
            let error = RawPage::parse(body.into(), "items", &[]).expect_err(body).1;
            assert!(!error.is_data(), "{body}: {error}");
        }
        assert!(RawPage::parse(b"{\"items\": [\"\xff\"]}".to_vec(), "items", &[]).is_err());
    }
}
