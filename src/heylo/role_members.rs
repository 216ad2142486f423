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

/// The members of one role: who they are, and changes to them.
///
/// Made by [`Community::role`], without any request.
///
/// * [`members`](RoleMembers::members) lists them.
/// * [`update`](RoleMembers::update) adds some and removes others.
/// * [`set_members`](RoleMembers::set_members) makes them those of a list, and
///   [`plan_members`](RoleMembers::plan_members) tells first what that would do.
/// * [`remove_all_members`](RoleMembers::remove_all_members) removes everybody.
#[derive(Clone, Debug)]
pub struct RoleMembers {
    community: Community,
    role_id: String,
}

impl RoleMembers {
    pub(crate) fn new(community: Community, role_id: String) -> RoleMembers {
        RoleMembers { community, role_id }
    }

    /// Lists the user ids of the members, all in one answer.
    ///
    /// Calls `POST /apiv1-fetch`, `roleMembers`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where an id is empty; else see
    /// [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// assert_eq!(group.role("coaches").members()?, ["user-3", "user-4", "user-5"]);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn members(&self) -> Result<Vec<String>> {
        let call = self.community.read("roleMembers", &[("roleId", &self.role_id)])?;
        let answer: MembersAnswer = self.community.client().send(&call)?;
        Ok(answer.ids)
    }

    /// Adds people to the role and removes others from it.
    ///
    /// Calls `POST /apiv1-update`, `roleMembers`, with up to 100 ids a side, as often as it takes. An id
    /// that is given twice on one side is sent once. Heylo drops ids silently that are not active or hidden
    /// members of the community; the change names them as [ignored](RoleChange::ignored). Where an answer
    /// was lost and not all ids are named in the next one, the members are read once, to see what the first
    /// request had applied.
    ///
    /// # Errors
    ///
    /// A [`PartialUpdate`], which turns into an [`Error`](crate::Error) by `?`: what was applied before the
    /// failure, what is left, and the failure itself. Its kind is
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where there is nothing to do, an id is empty, or one
    /// is on both sides; then nothing was sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylo::RoleUpdate;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let update = RoleUpdate::new().add(["user-9", "nobody"]).remove(["user-1"]);
    /// let change = group.role("captains").update(&update)?;
    /// assert_eq!(change.added, ["user-9"]);
    /// assert_eq!(change.removed, ["user-1"]);
    /// assert_eq!(change.ignored, ["nobody"]);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn update(&self, update: &RoleUpdate) -> Result<RoleChange, PartialUpdate> {
        let mut change = RoleChange::default();
        let mut left = update.without_duplicates();
        match self.check(&left).and_then(|()| self.send_all(&mut left, &mut change)) {
            Ok(()) => Ok(change),
            Err(error) => Err(PartialUpdate { change, left, error }),
        }
    }

    /// Sends what is left, request by request; what was applied moves from `left` to `change`.
    fn send_all(&self, left: &mut RoleUpdate, change: &mut RoleChange) -> Result<()> {
        while !left.is_empty() {
            let batch = left.next_batch();
            // Only after the answer: a batch that failed is still to be done, as far as anybody knows.
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
            Ok((answer, true)) => Ok(self.complete(batch, answer)),
            Ok((answer, false)) => Ok(answer),
            Err(error) if error.kind() == ErrorKind::AppliedUnreadable => {
                let answer = self.complete(batch, UpdateAnswer::default());
                answer.names_all(batch).then_some(answer).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Adds to an answer what must have been applied by a request whose own answer was lost. Where the members
    /// cannot be read, it stays as it is.
    fn complete(&self, batch: &RoleUpdate, mut answer: UpdateAnswer) -> UpdateAnswer {
        if answer.names_all(batch) {
            return answer;
        }
        if let Ok(members) = self.members() {
            answer.complete(batch, &members);
        }
        answer
    }

    fn update_call(&self, batch: &RoleUpdate) -> Result<Call> {
        let mut fields = Map::from_iter([("roleId".to_owned(), self.role_id.as_str().into())]);
        for (name, ids) in [("addedUserIds", &batch.added), ("removedUserIds", &batch.removed)] {
            // The page wants "at least one" of the two; of an empty one it says nothing, so none is sent.
            if !ids.is_empty() {
                fields.insert(name.to_owned(), ids.as_slice().into());
            }
        }
        let call = self.community.call("apiv1-update", "roleMembers", fields)?;
        // Who has the role already can be added again, who has not can be removed.
        Ok(call.safety(Safety::Idempotent))
    }
}
