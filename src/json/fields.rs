//! Field helpers for serde, which accept what services write in place of the documented type.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads `null` as the default.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads a list and leaves out what is `null` in it; `null` is an empty list.
pub(crate) fn vec_without_nulls<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(WithoutNulls(PhantomData))
}

/// Reads a count: a whole number that is not negative, also as `3.0` or `"3"`; `null` is 0.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Count::deserialize(deserializer).map(|count| count.0)
}

/// Reads an object of [`count`]s; `null` is an empty one.
pub(crate) fn counts<'de, D, C>(deserializer: D) -> Result<C, D::Error>
where
    D: Deserializer<'de>,
    C: FromIterator<(String, u64)>,
{
    let counts: std::collections::BTreeMap<String, Count> = null_as_default(deserializer)?;
    Ok(counts.into_iter().map(|(name, count)| (name, count.0)).collect())
}

/// Reads a flag: a boolean, also as 0 or 1, or as a string of either; `null` is false.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    deserializer.deserialize_any(FlagVisitor)
}

/// Reads an id: a string, or an integer by its digits.
pub(crate) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Id::deserialize(deserializer).map(|id| id.0)
}

/// Reads a list of [`id`]s and leaves out what is `null` in it; `null` is an empty list.
pub(crate) fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let ids: Vec<Id> = vec_without_nulls(deserializer)?;
    Ok(ids.into_iter().map(|id| id.0).collect())
}

struct WithoutNulls<T>(PhantomData<T>);

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
}

struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
        deserializer.deserialize_any(CountVisitor).map(Count)
    }
}

struct CountVisitor;

impl Visitor<'_> for CountVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count")
    }

    fn visit_unit<E>(self) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_u64<E>(self, count: u64) -> Result<u64, E> {
        Ok(count)
    }

    fn visit_i64<E: serde::de::Error>(self, count: i64) -> Result<u64, E> {
        u64::try_from(count).map_err(|_| E::invalid_value(Unexpected::Signed(count), &self))
    }

    fn visit_f64<E: serde::de::Error>(self, count: f64) -> Result<u64, E> {
        // Below 2^53 every whole f64 is exactly one integer.
        let is_count = count.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&count);
        is_count
            .then_some(count as u64)
            .ok_or_else(|| E::invalid_value(Unexpected::Float(count), &self))
    }

    fn visit_str<E: serde::de::Error>(self, count: &str) -> Result<u64, E> {
        let whole = count.trim();
        let whole = whole.split_once('.').map_or(whole, |(whole, fraction)| {
            if fraction.bytes().all(|digit| digit == b'0') { whole } else { count }
        });
        whole.parse().map_err(|_| E::invalid_value(Unexpected::Str(count), &self))
    }
}

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<bool, E> {
        Ok(flag)
    }

    fn visit_u64<E: serde::de::Error>(self, flag: u64) -> Result<bool, E> {
        match flag {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(E::invalid_value(Unexpected::Unsigned(flag), &self)),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, flag: f64) -> Result<bool, E> {
        let whole = CountVisitor.visit_f64(flag)?;
        self.visit_u64(whole)
    }

    fn visit_str<E: serde::de::Error>(self, flag: &str) -> Result<bool, E> {
        let is_any =
            |words: [&str; 3]| words.iter().any(|word| word.eq_ignore_ascii_case(flag.trim()));
        match () {
            () if is_any(["true", "1", "yes"]) => Ok(true),
            () if is_any(["false", "0", "no"]) => Ok(false),
            () => Err(E::invalid_value(Unexpected::Str(flag), &self)),
        }
    }
}

struct Id(String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        deserializer.deserialize_any(IdVisitor).map(Id)
    }
}

/// Fails on every other number, so that [`from_slice`] takes its second path, which knows the digits: as an
/// `f64`, two ids could become one.
struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E>(self, id: &str) -> Result<String, E> {
        Ok(id.to_owned())
    }

    fn visit_string<E>(self, id: String) -> Result<String, E> {
        Ok(id)
    }

    fn visit_u64<E>(self, id: u64) -> Result<String, E> {
        Ok(id.to_string())
    }

    fn visit_i64<E>(self, id: i64) -> Result<String, E> {
        Ok(id.to_string())
    }
}
