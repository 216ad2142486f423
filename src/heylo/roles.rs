//! Roles, and who has them.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer};
use serde_json::{Map, Value};

use super::community::Community;
use super::record::{decode, id_of, ids};
use crate::error::{Error, Result};
use crate::pipeline::call::Call;
use crate::pipeline::retry::Safety;

/// The most ids that Heylo takes on each side of one request.
const MOST_IDS: usize = 100;

/// A role of a community.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Role {
    /// Its id: `id` or `roleId`, whichever Heylo sends.
    pub id: String,
    /// All of it. Heylo does not document the fields.
    pub json: Value,
}

impl Role {
    /// Decodes the role into a type of the caller's own.
    ///
    /// # Errors
    ///
    /// [`Unreadable`](crate::ErrorKind::Unreadable) where it does not fit.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        decode(&self.json)
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
        let json = Value::deserialize(deserializer)?;
        let id = id_of(&json, &["id", "roleId"])
            .ok_or_else(|| de::Error::custom("the role has no id"))?;
        Ok(Role { id, json })
    }
}

#[derive(Deserialize)]
struct RolesAnswer {
    roles: Vec<Role>,
}

#[derive(Deserialize)]
struct MembersAnswer {
    #[serde(rename = "memberUserIds", deserialize_with = "ids")]
    ids: Vec<String>,
}

#[derive(Deserialize)]
struct UpdateAnswer {
    #[serde(rename = "addedUserIds", default, deserialize_with = "ids")]
    added: Vec<String>,
    #[serde(rename = "removedUserIds", default, deserialize_with = "ids")]
    removed: Vec<String>,
}

impl Community {
    /// Lists the roles.
    ///
    /// Calls `POST /apiv1-fetch`, `communityRoles`.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind).
    pub fn roles(&self) -> Result<Vec<Role>> {
        let answer: RolesAnswer = self.client().send(&self.read("communityRoles", &[])?)?;
        Ok(answer.roles)
    }

    /// The members of the role with this id. Nothing is sent, and an empty id is refused by the first
    /// call.
    pub fn role(&self, id: impl Into<String>) -> RoleMembers {
        RoleMembers {
            community: self.clone(),
            role_id: id.into(),
        }
    }
}

/// The members of one role.
#[derive(Clone, Debug)]
pub struct RoleMembers {
    community: Community,
    role_id: String,
}

impl RoleMembers {
    /// Lists the user ids of the members.
    ///
    /// Calls `POST /apiv1-fetch`, `roleMembers`.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind).
    pub fn members(&self) -> Result<Vec<String>> {
        let call = self
            .community
            .read("roleMembers", &[("roleId", &self.role_id)])?;
        let answer: MembersAnswer = self.community.client().send(&call)?;
        Ok(answer.ids)
    }

    /// Adds people to the role and removes others from it.
    ///
    /// Calls `POST /apiv1-update`, `roleMembers`, with up to 100 ids a side, as often as it takes. Heylo
    /// drops ids silently that are not active or hidden members of the community; the answer names them
    /// as [ignored](RoleChange::ignored). Where an answer was lost and a request repeated, Heylo may not
    /// name again what the first one applied.
    ///
    /// # Errors
    ///
    /// A [`PartialUpdate`], which turns into an [`Error`] by `?`: what was applied before the failure, what
    /// is left, and the failure itself. Its kind is [`InvalidInput`](crate::ErrorKind::InvalidInput) where
    /// there is nothing to do, an id is empty, or one is on both sides; then nothing was sent.
    pub fn update(&self, update: &RoleUpdate) -> Result<RoleChange, PartialUpdate> {
        let mut change = RoleChange::default();
        let mut left = update.without_duplicates();
        match self
            .check(&left)
            .and_then(|()| self.send_all(&mut left, &mut change))
        {
            Ok(()) => Ok(change),
            Err(error) => Err(PartialUpdate {
                change,
                left,
                error,
            }),
        }
    }

    /// Sends what is left, request by request; what was applied moves from `left` to `change`.
    fn send_all(&self, left: &mut RoleUpdate, change: &mut RoleChange) -> Result<()> {
        while !left.is_empty() {
            let batch = left.next_batch();
            let answer = self.send(&batch)?;
            left.drop_batch(&batch);
            change.take_in(&batch, answer);
        }
        Ok(())
    }

    fn check(&self, update: &RoleUpdate) -> Result<()> {
        self.community.check(&[("roleId", self.role_id.as_str())])?;
        update
            .check()
            .map_err(|refused| refused.with_call("POST /apiv1-update roleMembers"))
    }

    fn send(&self, batch: &RoleUpdate) -> Result<UpdateAnswer> {
        self.community.client().send(&self.update_call(batch)?)
    }

    fn update_call(&self, batch: &RoleUpdate) -> Result<Call> {
        let mut fields = Map::from_iter([("roleId".to_owned(), self.role_id.as_str().into())]);
        for (name, ids) in [
            ("addedUserIds", &batch.added),
            ("removedUserIds", &batch.removed),
        ] {
            if !ids.is_empty() {
                fields.insert(name.to_owned(), ids.as_slice().into());
            }
        }
        let call = self.community.call("apiv1-update", "roleMembers", fields)?;
        Ok(call.safety(Safety::Idempotent))
    }

    /// Tells what [`set_members`](RoleMembers::set_members) would do, without doing it.
    ///
    /// Calls `POST /apiv1-fetch`, `roleMembers`, once.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind).
    pub fn plan_members<I>(&self, user_ids: I) -> Result<MemberPlan>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let wanted = distinct(user_ids.into_iter().map(Into::into));
        let present = distinct(self.members()?.into_iter());
        let (is_wanted, is_present) = (set(&wanted), set(&present));
        let (unchanged, removed) = present
            .iter()
            .cloned()
            .partition(|id| is_wanted.contains(id.as_str()));
        let added = wanted
            .iter()
            .filter(|id| !is_present.contains(id.as_str()))
            .cloned()
            .collect();
        Ok(MemberPlan {
            update: RoleUpdate { added, removed },
            unchanged,
        })
    }

    /// Makes these people, and nobody else, the members of the role.
    ///
    /// Reads the role and sends only the difference; nothing where there is none. See
    /// [`plan_members`](RoleMembers::plan_members) for what it would do.
    ///
    /// # Errors
    ///
    /// A [`PartialUpdate`], as [`update`](RoleMembers::update). Its kind is
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where the list is empty, since that is more often
    /// an accident than meant: [`remove_all_members`](RoleMembers::remove_all_members) says that it is.
    pub fn set_members<I>(&self, user_ids: I) -> Result<MemberChange, PartialUpdate>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let mut wanted = user_ids.into_iter().map(Into::into).peekable();
        if wanted.peek().is_none() {
            let refused = "the list is empty, which would remove everybody: call remove_all_members if \
                           that is meant";
            return Err(Error::invalid(refused).into());
        }
        self.apply(self.plan_members::<Vec<String>>(wanted.collect())?)
    }

    /// Removes everybody from the role.
    ///
    /// # Errors
    ///
    /// A [`PartialUpdate`], as [`update`](RoleMembers::update).
    pub fn remove_all_members(&self) -> Result<MemberChange, PartialUpdate> {
        self.apply(self.plan_members::<[String; 0]>([])?)
    }

    /// Does what [`plan_members`](RoleMembers::plan_members) planned.
    ///
    /// # Errors
    ///
    /// A [`PartialUpdate`], as [`update`](RoleMembers::update).
    pub fn apply(&self, plan: MemberPlan) -> Result<MemberChange, PartialUpdate> {
        let RoleChange {
            added,
            removed,
            ignored,
        } = if plan.update.is_empty() {
            RoleChange::default()
        } else {
            self.update(&plan.update)?
        };
        Ok(MemberChange {
            added,
            removed,
            unchanged: plan.unchanged,
            ignored,
        })
    }
}

/// Whom to add to a role and whom to remove from it: any number of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct RoleUpdate {
    added: Vec<String>,
    removed: Vec<String>,
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

    fn check(&self) -> Result<()> {
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

    fn without_duplicates(&self) -> RoleUpdate {
        let merge = |ids: &[String]| distinct(ids.iter().cloned());
        RoleUpdate {
            added: merge(&self.added),
            removed: merge(&self.removed),
        }
    }

    /// The next request's share.
    fn next_batch(&self) -> RoleUpdate {
        let first = |ids: &[String]| ids[..ids.len().min(MOST_IDS)].to_vec();
        RoleUpdate {
            added: first(&self.added),
            removed: first(&self.removed),
        }
    }

    fn drop_batch(&mut self, batch: &RoleUpdate) {
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
    fn take_in(&mut self, asked: &RoleUpdate, answer: UpdateAnswer) {
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

/// What would make a role's members those that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberPlan {
    /// Whom to add and whom to remove.
    pub update: RoleUpdate,
    /// Who stays.
    pub unchanged: Vec<String>,
}

/// What became of a role's members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberChange {
    /// Who was added.
    pub added: Vec<String>,
    /// Who was removed.
    pub removed: Vec<String>,
    /// Who was a member and stays one.
    pub unchanged: Vec<String>,
    /// Whom Heylo ignored: see [`RoleChange::ignored`].
    pub ignored: Vec<String>,
}

/// An update that failed, perhaps after some of its requests had been applied.
#[derive(Debug, thiserror::Error)]
#[error("{error}; {} ids were dealt with before, {} are left", change.count(), left.count())]
pub struct PartialUpdate {
    /// What was applied before.
    pub change: RoleChange,
    /// What is left, ready to be sent again: the request that failed, and those behind it.
    pub left: RoleUpdate,
    /// What went wrong.
    pub error: Error,
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

fn set(ids: &[String]) -> HashSet<&str> {
    ids.iter().map(String::as_str).collect()
}

/// Each id once, in the order in which they came first.
fn distinct(ids: impl Iterator<Item = String>) -> Vec<String> {
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
