//! The members of a role: who they are, and changes to them.

use serde::Deserialize;
use serde_json::Map;

use super::community::Community;
use super::record::ids;
use super::role_update::{PartialUpdate, RoleChange, RoleUpdate, UpdateAnswer};
use crate::error::{ErrorKind, Result};
use crate::pipeline::call::Call;
use crate::pipeline::retry::Safety;

#[derive(Deserialize)]
struct MembersAnswer {
    #[serde(rename = "memberUserIds", deserialize_with = "ids")]
    ids: Vec<String>,
}

/// The members of one role.
#[derive(Clone, Debug)]
pub struct RoleMembers {
    community: Community,
    role_id: String,
}

impl RoleMembers {
    pub(crate) fn new(community: Community, role_id: String) -> RoleMembers {
        RoleMembers { community, role_id }
    }

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
    /// as [ignored](RoleChange::ignored). Where an answer was lost and not all ids are named in the next one,
    /// the members are read once, to see what the first request had applied.
    ///
    /// # Errors
    ///
    /// A [`PartialUpdate`], which turns into an [`Error`](crate::Error) by `?`: what was applied before the failure, what
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
        self.community
            .check(&[("roleId", self.role_id.as_str())])
            .and_then(|()| update.check())
            .map_err(|refused| refused.with_call("POST /apiv1-update roleMembers"))
    }

    fn send(&self, batch: &RoleUpdate) -> Result<UpdateAnswer> {
        let call = self.update_call(batch)?;
        match self.community.client().send_telling(&call) {
            Ok((answer, true)) => self.complete(batch, answer),
            Ok((answer, false)) => Ok(answer),
            Err(error) if error.kind() == ErrorKind::DoneUnreadable => {
                let answer = self.complete(batch, UpdateAnswer::default())?;
                answer.names_all(batch).then_some(answer).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Adds to an answer what must have been applied by a request whose own answer was lost.
    fn complete(&self, batch: &RoleUpdate, mut answer: UpdateAnswer) -> Result<UpdateAnswer> {
        if !answer.names_all(batch) {
            answer.complete(batch, &self.members()?);
        }
        Ok(answer)
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
}
