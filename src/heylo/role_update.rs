//! Updates of the members of a role, of any size.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::json::ids;

/// The most ids that Heylo takes on each side of one request: "max 100 per request".
const MAX_IDS: usize = 100;

/// People to add to a role and people to remove from it, any number of each.
///
/// Heylo takes 100 ids a side in one request; [`RoleMembers::update`](super::RoleMembers::update) sends as
/// many requests as are needed. It is written in Heylo's own form, `{"addedUserIds": [...],
/// "removedUserIds": [...]}`, and prints one person a line.
///
/// # Examples
///
/// ```
/// use heysync::heylo::RoleUpdate;
///
/// let update = RoleUpdate::new().add((1..=250).map(|n| format!("user-{n}"))).remove(["user-900"]);
/// assert_eq!((update.added().len(), update.removed().len()), (250, 1));
///
/// let update = RoleUpdate::new().add(["user-7"]).remove(["user-3"]);
/// assert_eq!(update.to_string(), "+ user-7\n- user-3\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct RoleUpdate {
    #[serde(default, rename = "addedUserIds", deserialize_with = "ids")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) added: Vec<String>,
    #[serde(default, rename = "removedUserIds", deserialize_with = "ids")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) removed: Vec<String>,
}

impl RoleUpdate {
    /// Makes an update that changes nobody yet.
    pub fn new() -> RoleUpdate {
        RoleUpdate::default()
    }

    /// Adds these people to the role, by their user ids. Further calls add more.
    #[allow(clippy::should_implement_trait, reason = "it takes ids and adds no two updates")]
    pub fn add<I: IntoIterator<Item: AsRef<str>>>(mut self, user_ids: I) -> RoleUpdate {
        self.added.extend(owned(user_ids));
        self
    }

    /// Removes these people from the role, by their user ids. Further calls add more.
    pub fn remove<I: IntoIterator<Item: AsRef<str>>>(mut self, user_ids: I) -> RoleUpdate {
        self.removed.extend(owned(user_ids));
        self
    }

    /// Returns the people to add.
    pub fn added(&self) -> &[String] {
        &self.added
    }

    /// Returns the people to remove.
    pub fn removed(&self) -> &[String] {
        &self.removed
    }

    /// Returns how many people it adds and removes.
    pub fn len(&self) -> usize {
        self.added.len() + self.removed.len()
    }

    /// Returns whether it changes nobody.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn check(&self) -> Result<()> {
        let added = set(&self.added);
        // It is not documented which side wins, and across two requests it would be the order.
        let both = self.removed.iter().find(|id| added.contains(id.as_str()));
        if self.is_empty() {
            return Err(Error::invalid("there is nobody to add and nobody to remove"));
        }
        if self.added.iter().chain(&self.removed).any(|id| id.trim().is_empty()) {
            return Err(Error::invalid("a user id is empty"));
        }
        match both {
            Some(id) => {
                Err(Error::invalid(format!("{id:?} is to be added and removed: choose one")))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn without_duplicates(&self) -> RoleUpdate {
        RoleUpdate { added: distinct(&self.added), removed: distinct(&self.removed) }
    }

    /// Returns the part that goes into the next request.
    pub(crate) fn next_batch(&self) -> RoleUpdate {
        let first = |ids: &[String]| ids[..ids.len().min(MAX_IDS)].to_vec();
        RoleUpdate { added: first(&self.added), removed: first(&self.removed) }
    }

    pub(crate) fn drop_batch(&mut self, batch: &RoleUpdate) {
        self.added.drain(..batch.added.len());
        self.removed.drain(..batch.removed.len());
    }
}

/// Writes one person a line: `+` and the id, or `-` and the id.
impl fmt::Display for RoleUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.added.iter().try_for_each(|id| writeln!(f, "+ {id}"))?;
        self.removed.iter().try_for_each(|id| writeln!(f, "- {id}"))
    }
}

pub(crate) fn set(ids: &[String]) -> HashSet<&str> {
    ids.iter().map(String::as_str).collect()
}

pub(crate) fn owned<I: IntoIterator<Item: AsRef<str>>>(ids: I) -> Vec<String> {
    ids.into_iter().map(|id| id.as_ref().to_owned()).collect()
}

/// Each id once, in the order of their first appearance.
pub(crate) fn distinct(ids: &[String]) -> Vec<String> {
    let mut met = HashSet::new();
    ids.iter().filter(|id| met.insert(id.as_str())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_update_is_split_into_a_hundred_a_side() {
        let many = |letter: &str, count: usize| {
            (0..count).map(|n| format!("{letter}{n}")).collect::<Vec<_>>()
        };
        let mut left = RoleUpdate::new().add(many("a", 250)).remove(many("r", 120));
        let mut sizes = Vec::new();
        while !left.is_empty() {
            let batch = left.next_batch();
            sizes.push((batch.added.len(), batch.removed.len()));
            left.drop_batch(&batch);
        }
        assert_eq!(sizes, [(100, 100), (100, 20), (50, 0)]);
    }

    #[test]
    fn an_update_that_cannot_be_meant_is_rejected() {
        let rejection = |update: RoleUpdate| update.check().expect_err("rejected").to_string();
        assert!(rejection(RoleUpdate::new()).contains("nobody"));
        assert!(rejection(RoleUpdate::new().add([" "])).contains("empty"));
        assert!(rejection(RoleUpdate::new().add(["u1", "u2"]).remove(["u2"])).contains("u2"));
    }

    #[test]
    fn an_update_is_written_in_heylos_form_and_read_back() {
        let update = RoleUpdate::new().add(["u1", "u2"]).remove(["u9"]);
        let json = json!({"addedUserIds": ["u1", "u2"], "removedUserIds": ["u9"]});
        assert_eq!(serde_json::to_value(&update).ok(), Some(json.clone()));
        assert_eq!(serde_json::from_value::<RoleUpdate>(json).ok(), Some(update));
        let some = json!({"addedUserIds": [7, null], "removedUserIds": null});
        let some = serde_json::from_value::<RoleUpdate>(some).ok();
        assert_eq!(some, Some(RoleUpdate::new().add(["7"])));
        assert_eq!(serde_json::to_value(RoleUpdate::new()).ok(), Some(json!({})));
    }
}
