//! Changes to the members of a role, of any size.

use std::collections::HashSet;

use serde::Deserialize;

use super::record::ids;
use crate::error::{Error, Result};

/// The most ids that Heylo takes on each side of one request.
const MOST_IDS: usize = 100;

/// Whom to add to a role and whom to remove from it: any number of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct RoleUpdate {
    pub(crate) added: Vec<String>,
    pub(crate) removed: Vec<String>,
}

impl RoleUpdate {
    /// Nobody yet.
    pub fn new() -> RoleUpdate {
        RoleUpdate::default()
    }

    /// Adds these people, by their user ids.
    #[allow(
        clippy::should_implement_trait,
        reason = "it takes ids and adds no two updates"
    )]
    pub fn add<I: IntoIterator<Item: Into<String>>>(mut self, user_ids: I) -> RoleUpdate {
        self.added.extend(user_ids.into_iter().map(Into::into));
        self
    }

    /// Removes these people, by their user ids.
    pub fn remove<I: IntoIterator<Item: Into<String>>>(mut self, user_ids: I) -> RoleUpdate {
        self.removed.extend(user_ids.into_iter().map(Into::into));
        self
    }

    /// Who is to be added.
    pub fn added(&self) -> &[String] {
        &self.added
    }

    /// Who is to be removed.
    pub fn removed(&self) -> &[String] {
        &self.removed
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    pub(crate) fn check(&self) -> Result<()> {
        let added = set(&self.added);
        let both = self.removed.iter().find(|id| added.contains(id.as_str()));
        if self.is_empty() {
            return Err(Error::invalid(
                "there is nobody to add and nobody to remove",
            ));
        }
        if self
            .added
            .iter()
            .chain(&self.removed)
            .any(|id| id.trim().is_empty())
        {
            return Err(Error::invalid("a user id is empty"));
        }
        match both {
            Some(id) => Err(Error::invalid(format!(
                "{id:?} is to be added and removed: choose one"
            ))),
            None => Ok(()),
        }
    }

    pub(crate) fn without_duplicates(&self) -> RoleUpdate {
        let merge = |ids: &[String]| distinct(ids.iter().cloned());
        RoleUpdate {
            added: merge(&self.added),
            removed: merge(&self.removed),
        }
    }

    /// The next request's share.
    pub(crate) fn next_batch(&self) -> RoleUpdate {
        let first = |ids: &[String]| ids[..ids.len().min(MOST_IDS)].to_vec();
        RoleUpdate {
            added: first(&self.added),
            removed: first(&self.removed),
        }
    }

    pub(crate) fn drop_batch(&mut self, batch: &RoleUpdate) {
        self.added.drain(..batch.added.len());
        self.removed.drain(..batch.removed.len());
    }
}

/// What an update really changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoleChange {
    /// Who was added.
    pub added: Vec<String>,
    /// Who was removed.
    pub removed: Vec<String>,
    /// Who was asked for on either side and not named in the answer: Heylo ignores ids that are not
    /// active or hidden members of the community.
    pub ignored: Vec<String>,
}

impl RoleChange {
    pub(crate) fn take_in(&mut self, asked: &RoleUpdate, answer: UpdateAnswer) {
        for (asked, applied) in [
            (&asked.added, &answer.added),
            (&asked.removed, &answer.removed),
        ] {
            let applied = set(applied);
            self.ignored.extend(
                asked
                    .iter()
                    .filter(|id| !applied.contains(id.as_str()))
                    .cloned(),
            );
        }
        self.added.extend(answer.added);
        self.removed.extend(answer.removed);
    }
}

/// An update that failed, perhaps after some of its requests had been applied.
#[derive(Debug, thiserror::Error)]
#[error("{error}{}", self.progress())]
pub struct PartialUpdate {
    /// What was applied before.
    pub change: RoleChange,
    /// What is left, ready to be sent again: the request that failed, and those behind it.
    pub left: RoleUpdate,
    /// What went wrong.
    pub error: Error,
}

impl PartialUpdate {
    fn progress(&self) -> String {
        match (self.change.count(), self.left.count()) {
            (0, _) => String::new(),
            (done, left) => format!("; {done} ids were dealt with before, {left} are left"),
        }
    }
}

impl From<PartialUpdate> for Error {
    fn from(partial: PartialUpdate) -> Error {
        partial.error
    }
}

impl From<Error> for PartialUpdate {
    fn from(error: Error) -> PartialUpdate {
        PartialUpdate {
            change: RoleChange::default(),
            left: RoleUpdate::default(),
            error,
        }
    }
}

impl RoleChange {
    fn count(&self) -> usize {
        self.added.len() + self.removed.len() + self.ignored.len()
    }
}

impl RoleUpdate {
    fn count(&self) -> usize {
        self.added.len() + self.removed.len()
    }
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct UpdateAnswer {
    #[serde(rename = "addedUserIds", default, deserialize_with = "ids")]
    added: Vec<String>,
    #[serde(rename = "removedUserIds", default, deserialize_with = "ids")]
    removed: Vec<String>,
}

impl UpdateAnswer {
    pub(crate) fn names_all(&self, asked: &RoleUpdate) -> bool {
        let sides = [(&asked.added, &self.added), (&asked.removed, &self.removed)];
        sides.into_iter().all(|(asked, named)| {
            let named = set(named);
            asked.iter().all(|id| named.contains(id.as_str()))
        })
    }

    /// Takes for applied, besides what is named, whatever is now as it was asked for.
    pub(crate) fn complete(&mut self, asked: &RoleUpdate, members: &[String]) {
        let members = set(members);
        for (asked, named, as_asked) in [
            (&asked.added, &mut self.added, true),
            (&asked.removed, &mut self.removed, false),
        ] {
            let is_so = |id: &&String| members.contains(id.as_str()) == as_asked;
            let so = asked.iter().filter(is_so).cloned();
            *named = distinct(named.drain(..).chain(so).collect::<Vec<_>>().into_iter());
        }
    }
}

pub(crate) fn set(ids: &[String]) -> HashSet<&str> {
    ids.iter().map(String::as_str).collect()
}

/// Each id once, in the order in which they came first.
pub(crate) fn distinct(ids: impl Iterator<Item = String>) -> Vec<String> {
    let mut met = HashSet::new();
    ids.filter(|id| met.insert(id.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_split_into_a_hundred_a_side() {
        let many = |letter: &str, count: usize| {
            (0..count)
                .map(|n| format!("{letter}{n}"))
                .collect::<Vec<_>>()
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
    fn an_update_that_cannot_be_meant_is_refused() {
        let refusal = |update: RoleUpdate| update.check().expect_err("refused").to_string();
        assert!(refusal(RoleUpdate::new()).contains("nobody"));
        assert!(refusal(RoleUpdate::new().add([" "])).contains("empty"));
        assert!(refusal(RoleUpdate::new().add(["u1", "u2"]).remove(["u2"])).contains("u2"));
    }

    #[test]
    fn who_was_not_named_in_the_answer_was_ignored() {
        let mut change = RoleChange::default();
        let answer = UpdateAnswer {
            added: vec!["u1".into()],
            removed: vec![],
        };
        change.take_in(&RoleUpdate::new().add(["u1", "u2"]).remove(["u3"]), answer);
        assert_eq!(change.ignored, ["u2", "u3"]);
    }
}
