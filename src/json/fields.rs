//! Field helpers for serde, which accept what services write in place of the documented type.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A type that is read from a string, a number or a boolean, in each way that services write it.
pub(crate) trait FromScalar: Sized {
    /// The type in words, for an error.
    const EXPECTED: &'static str;
    /// Whether a number that is no integer is an error even in an optional field. [`from_slice`](super::from_slice) then reads
    /// the JSON once more, with such numbers as strings of their digits.
    const NEEDS_DIGITS: bool = false;

    /// Reads a string. This and the others return `None` if it cannot be read.
    fn from_text(text: &str) -> Option<Self>;

    fn from_string(text: String) -> Option<Self> {
        Self::from_text(&text)
    }

    fn from_integer(number: i128) -> Option<Self>;

    fn from_float(number: f64) -> Option<Self>;

    fn from_bool(_flag: bool) -> Option<Self> {
        None
    }

    /// The empty value, which stands for `null`.
    fn from_null() -> Option<Self> {
        None
    }
}

/// Reads a value. One that cannot be read is an error. `null` is the empty value of the type, if the type has one.
pub(crate) fn scalar<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromScalar,
{
    deserializer.deserialize_any(ScalarVisitor(PhantomData))
}

/// Reads a value, or `None` from `null` and from what cannot be read, so that the object around it is not lost.
pub(crate) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromScalar,
{
    deserializer.deserialize_any(OptionalVisitor(PhantomData))
}

/// Reads an object of counts; `null` is an empty one, as is the empty list that PHP writes for it.
pub(crate) fn counts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, u64>, D::Error> {
    deserializer.deserialize_any(CountsVisitor)
}

/// Reads a list and leaves out what is `null` in it; `null` is an empty list.
///
/// An object whose names are numbers is one too: PHP writes it for a list of which some items were removed, and `{}` for an
/// empty one.
pub(crate) fn vec_without_nulls<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(WithoutNulls { item: PhantomData, largest: |_| usize::MAX })
}

/// Reads a list of strings, numbers and booleans as strings, and leaves out what is `null` in it; `null` is an empty list.
pub(crate) fn strings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let strings: Vec<Read<String>> = vec_without_nulls(deserializer)?;
    Ok(strings.into_iter().map(|Read(string)| string).collect())
}

/// Reads an id: a string, or an integer by its digits.
pub(crate) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    scalar(deserializer).map(|Id(id)| id)
}

/// Reads an id as [`id`] does, or `None` from what is none.
pub(crate) fn optional_id<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(optional(deserializer)?.map(|Id(id)| id))
}

/// Reads a list of [`id`]s and leaves out what is `null` in it; `null` is an empty list.
pub(crate) fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    // Larger numbers are ids themselves, perhaps with the names of people.
    let list = WithoutNulls { item: PhantomData::<Read<Id>>, largest: |length| 10 * (length + 1) };
    let ids = deserializer.deserialize_any(list)?;
    Ok(ids.into_iter().map(|Read(Id(id))| id).collect())
}

/// A value that [`scalar`] has read.
pub(crate) struct Read<T>(pub(crate) T);

impl<'de, T: FromScalar> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Read<T>, D::Error> {
        scalar(deserializer).map(Read)
    }
}

/// A count: a whole number that is not negative, also as `3.0` or `"3"`; `null` and one beyond 64 bits are 0.
impl FromScalar for u64 {
    const EXPECTED: &'static str = "a count";

    fn from_text(text: &str) -> Option<u64> {
        let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        // An integer beyond 64 bits comes as its digits. Like `1e400`, it is a number out of range, which is `null`.
        let is_too_large = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
        let count = whole.parse().ok().or(is_too_large.then_some(0));
        count.filter(|_| fraction.bytes().all(|digit| digit == b'0'))
    }

    fn from_integer(number: i128) -> Option<u64> {
        number.try_into().ok()
    }

    fn from_float(number: f64) -> Option<u64> {
        // Below 2^53 every whole f64 is exactly one integer.
        let is_count = number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&number);
        is_count.then_some(number as u64)
    }

    fn from_null() -> Option<u64> {
        Some(0)
    }
}

/// A flag: a boolean, also as 0 or 1, or as a string of either; `null` is false.
impl FromScalar for bool {
    const EXPECTED: &'static str = "a boolean";

    fn from_text(text: &str) -> Option<bool> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Some(true),
            "false" | "0" | "no" => Some(false),
            _ => None,
        }
    }

    fn from_integer(number: i128) -> Option<bool> {
        (number == 0 || number == 1).then_some(number == 1)
    }

    fn from_float(number: f64) -> Option<bool> {
        (number == 0.0 || number == 1.0).then_some(number == 1.0)
    }

    fn from_bool(flag: bool) -> Option<bool> {
        Some(flag)
    }

    fn from_null() -> Option<bool> {
        Some(false)
    }
}

/// A number, also as a string: many frameworks write a decimal as one, so that no digit is lost.
impl FromScalar for f64 {
    const EXPECTED: &'static str = "a number";

    fn from_text(text: &str) -> Option<f64> {
        text.trim().parse().ok().filter(|number: &f64| number.is_finite())
    }

    fn from_integer(number: i128) -> Option<f64> {
        Some(number as f64)
    }

    fn from_float(number: f64) -> Option<f64> {
        Some(number)
    }
}

/// A string; a number or a boolean as Rust prints it; `null` is the empty one.
impl FromScalar for String {
    const EXPECTED: &'static str = "a string";

    fn from_text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn from_string(text: String) -> Option<String> {
        Some(text)
    }

    fn from_integer(number: i128) -> Option<String> {
        Some(number.to_string())
    }

    fn from_float(number: f64) -> Option<String> {
        Some(number.to_string())
    }

    fn from_bool(flag: bool) -> Option<String> {
        Some(flag.to_string())
    }

    fn from_null() -> Option<String> {
        Some(String::new())
    }
}

/// An id. As an `f64`, two of them could become one.
struct Id(String);

impl FromScalar for Id {
    const EXPECTED: &'static str = "an id";
    const NEEDS_DIGITS: bool = true;

    fn from_text(text: &str) -> Option<Id> {
        Some(Id(text.to_owned()))
    }

    fn from_integer(number: i128) -> Option<Id> {
        Some(Id(number.to_string()))
    }

    fn from_float(_number: f64) -> Option<Id> {
        None
    }
}

struct ScalarVisitor<T>(PhantomData<T>);

impl<T: FromScalar> Visitor<'_> for ScalarVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        T::from_null().ok_or_else(|| E::invalid_type(Unexpected::Unit, &self))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<T, E> {
        T::from_bool(flag).ok_or_else(|| E::invalid_type(Unexpected::Bool(flag), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        let value = T::from_integer(number.into());
        value.ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        let value = T::from_integer(number.into());
        value.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        let value = T::from_float(number);
        value.ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

struct OptionalVisitor<T>(PhantomData<T>);

impl<'de, T: FromScalar> Visitor<'de> for OptionalVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Option<T>, E> {
        Ok(T::from_bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Option<T>, E> {
        Ok(T::from_integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Option<T>, E> {
        Ok(T::from_integer(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<T>, E> {
        match T::from_float(number) {
            None if T::NEEDS_DIGITS => Err(E::invalid_value(Unexpected::Float(number), &self)),
            value => Ok(value),
        }
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<T>, E> {
        Ok(T::from_text(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Option<T>, E> {
        Ok(T::from_string(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Option<T>, A::Error> {
        IgnoredAny.visit_seq(list).map(|_| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Option<T>, A::Error> {
        IgnoredAny.visit_map(object).map(|_| None)
    }
}

struct WithoutNulls<T> {
    item: PhantomData<T>,
    /// The largest place that an object of so many items may name.
    largest: fn(usize) -> usize,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for WithoutNulls<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Option<T>>()? {
            items.extend(item);
        }
        Ok(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(name) = object.next_key::<String>()? {
            let place: usize =
                name.parse().map_err(|_| A::Error::invalid_type(Unexpected::Map, &self))?;
            items.push((place, name, object.next_value::<Option<T>>()?));
        }
        let largest = (self.largest)(items.len());
        if items.iter().any(|(place, _, _)| *place > largest) {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        }
        // As names, 10 comes before 2; in another order, they were sorted by something else.
        if items.is_sorted_by_key(|(_, name, _)| name.clone()) {
            items.sort_by_key(|(place, _, _)| *place);
        }
        Ok(items.into_iter().filter_map(|(_, _, item)| item).collect())
    }
}

struct CountsVisitor;

impl<'de> Visitor<'de> for CountsVisitor {
    type Value = BTreeMap<String, u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of counts")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(BTreeMap::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        match list.next_element::<IgnoredAny>()? {
            None => Ok(BTreeMap::new()),
            Some(_) => Err(A::Error::invalid_type(Unexpected::Seq, &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut counts = BTreeMap::new();
        while let Some((name, Read(count))) = object.next_entry()? {
            counts.insert(name, count);
        }
        Ok(counts)
    }
}
