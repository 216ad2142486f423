//! The problems of a request, field by field, as frameworks write them.

use serde_json::{Map, Value};

/// The longest key of an object that is named as a field, in bytes.
const LONGEST_NAME: usize = 30;

/// The most digits of such a key. An id may have more.
const MOST_DIGITS: usize = 3;

/// How deep fields may be within fields.
const DEEPEST: u32 = 4;

/// The names under which sentences stand that are about the request as a whole: of Django, Rails, marshmallow and zod.
const WHOLE: [&str; 8] = [
    "non_field_errors",
    "nonFieldErrors",
    "__all__",
    "base",
    "_schema",
    "formErrors",
    "fieldErrors",
    "_errors",
];

/// Whether the key of an object is the name of a field, and not an id or an address by which the object is sorted.
pub(super) fn is_name(key: &str) -> bool {
    let is_of_names = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-');
    (1..=LONGEST_NAME).contains(&key.len()) && key.bytes().all(is_of_names)
}

/// As [`is_name`], for the path of a field as well: `body.items[0].name`.
fn is_place(key: &str) -> bool {
    let is_of_places = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    let is_bounded = (1..=2 * LONGEST_NAME).contains(&key.len()) && digits <= MOST_DIGITS;
    is_bounded && key.bytes().all(is_of_places)
}

/// Whether a text is a sentence, and not the name of a person or a thing: "is invalid", "This field may not be blank."
pub(super) fn is_sentence(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_low = |word: &&str| word.chars().all(|c| c.is_lowercase() || "'’.,".contains(c));
    let capitals = words.iter().filter(|word| word.starts_with(char::is_uppercase)).count();
    let is_ended = text.trim_end().ends_with(['.', '!', '?']);
    words.len() > 1 && words.iter().any(is_low) && (is_ended || capitals <= 1)
}

fn sentences(list: &[Value]) -> Option<Vec<String>> {
    let texts = list.iter().map(|item| item.as_str().filter(|text| is_sentence(text)));
    let texts: Option<Vec<String>> = texts.map(|text| text.map(str::to_owned)).collect();
    texts.filter(|texts| !texts.is_empty())
}

/// Whether an object is nothing but lists of sentences by field, such as `{"title": ["This field is required."]}`.
///
/// Names that are `known` hold messages: if there is no other, it is an error with a list of messages.
pub(super) fn is_by_field(object: &Map<String, Value>, known: impl Fn(&str) -> bool) -> bool {
    let is_list = |value: &Value| value.as_array().is_some_and(|list| sentences(list).is_some());
    let is_field = |name: &String| name == "title" || !known(name);
    object.keys().any(is_field) && object.values().all(is_list)
}

/// Returns the sentences in an object, each with its field: `name: This field is required.`
///
/// If the object is known to be about fields, a sentence by itself counts as much as a list of them.
pub(super) fn by_field(object: &Map<String, Value>, is_known: bool) -> Vec<String> {
    let mut found = Vec::new();
    collect(object, "", is_known, DEEPEST, &mut found);
    found
}

fn collect(
    object: &Map<String, Value>,
    path: &str,
    is_known: bool,
    depth: u32,
    found: &mut Vec<String>,
) {
    for (name, value) in object {
        let place = below(path, name);
        match value {
            Value::Array(list) => match sentences(list) {
                Some(texts) => found.push(placed(&place, &joined(texts).unwrap_or_default())),
                None => {
                    for (nth, item) in list.iter().enumerate().filter(|_| depth > 0) {
                        let inner = item.as_object().into_iter();
                        let place = below(&place, &nth.to_string());
                        inner.for_each(|it| collect(it, &place, is_known, depth - 1, found));
                    }
                }
            },
            Value::Object(inner) if depth > 0 => collect(inner, &place, is_known, depth - 1, found),
            Value::String(text) if is_known && is_sentence(text) => {
                found.push(placed(&place, text.trim()));
            }
            _ => {}
        }
    }
}

fn below(path: &str, name: &str) -> String {
    let name = match name {
        _ if WHOLE.contains(&name) || name == "message" => return path.to_owned(),
        _ if is_place(name) => name,
        _ => "…",
    };
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The words with the field that they are about, unless they begin with it.
fn placed(place: &str, words: &str) -> String {
    let bare = words.trim_start_matches(['"', '\'', '`']);
    let rest = bare.get(..place.len()).filter(|start| start.eq_ignore_ascii_case(place));
    let is_whole = || !bare[place.len()..].starts_with(|c: char| c.is_alphanumeric());
    match place.is_empty() || rest.is_some() && is_whole() {
        true => words.to_owned(),
        false => format!("{place}: {words}"),
    }
}

/// The names of the field that a problem is about, in FastAPI, zod, express-validator, Spring, Symfony and JSON:API.
const PLACES: [&str; 8] =
    ["loc", "path", "field", "propertyPath", "property", "param", "instancePath", "source"];

/// One item of a list of problems, in these words, with the field that it names.
pub(super) fn located(problem: &Value, words: &str) -> String {
    located_by(&PLACES, problem, words)
}

/// As [`located`], for these names of the field.
pub(super) fn located_by(places: &[&str], problem: &Value, words: &str) -> String {
    let place = places.iter().filter_map(|name| problem.get(*name)).find_map(path);
    placed(&place.unwrap_or_default(), words)
}

fn path(place: &Value) -> Option<String> {
    match place {
        Value::Array(steps) => {
            let step = |step: &Value| step.as_str().map_or_else(|| step.to_string(), str::to_owned);
            let steps: Vec<String> = steps.iter().map(step).collect();
            (!steps.is_empty()).then(|| steps.join("."))
        }
        // A JSON pointer: `/data/attributes/name`
        Value::String(name) => {
            let name = name.trim_start_matches('/').replace('/', ".");
            Some(name).filter(|name| is_place(name))
        }
        Value::Object(source) => source.get("pointer").or(source.get("parameter")).and_then(path),
        _ => None,
    }
}

/// The words of a problem that are in no field of a usual name: of Spring and class-validator.
pub(super) fn other_words(problem: &Value) -> Option<String> {
    let text = problem.get("defaultMessage").and_then(Value::as_str).map(str::to_owned);
    let constraints = || {
        let values = problem.get("constraints")?.as_object()?.values();
        joined(values.filter_map(Value::as_str))
    };
    text.or_else(constraints)
}

/// One line of several; each but the last one without its full stop.
pub(super) fn joined(lines: impl IntoIterator<Item: AsRef<str>>) -> Option<String> {
    let mut line = String::new();
    for next in lines.into_iter().filter(|next| !next.as_ref().trim().is_empty()) {
        if !line.is_empty() {
            line.truncate(line.trim_end_matches(['.', ';', ' ']).len());
            line.push_str("; ");
        }
        line.push_str(next.as_ref());
    }
    (!line.is_empty()).then_some(line)
}
