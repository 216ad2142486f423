//! The members of a role, as a whole: who it should be, and nobody else.

use super::role_members::RoleMembers;
use super::role_update::{PartialUpdate, RoleChange, RoleUpdate, distinct, set};
use crate::error::{Error, Result};

impl RoleMembers {
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
    /// A [`PartialUpdate`], as [`apply`](RoleMembers::apply): an empty list does not remove everybody.
    pub fn set_members<I>(&self, user_ids: I) -> Result<MemberChange, PartialUpdate>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let plan = self.plan_members(user_ids)?;
        self.apply(&plan)
    }

    /// Removes everybody from the role.
    ///
    /// # Errors
    ///
    /// A [`PartialUpdate`], as [`update`](RoleMembers::update).
    pub fn remove_all_members(&self) -> Result<MemberChange, PartialUpdate> {
        let plan = self.plan_members::<[String; 0]>([])?;
        self.carry_out(&plan)
    }

    /// Does what [`plan_members`](RoleMembers::plan_members) planned; sends nothing where that is nothing.
    ///
    /// # Errors
    ///
    /// A [`PartialUpdate`], as [`update`](RoleMembers::update). Its kind is
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where the plan would leave nobody, since a list
    /// that came in empty is more often an accident than meant:
    /// [`remove_all_members`](RoleMembers::remove_all_members) says that it is.
    pub fn apply(&self, plan: &MemberPlan) -> Result<MemberChange, PartialUpdate> {
        if plan.leaves_nobody() {
            let refused = "this would remove everybody: call remove_all_members if that is meant";
            return Err(Error::invalid(refused).into());
        }
        self.carry_out(plan)
    }

    fn carry_out(&self, plan: &MemberPlan) -> Result<MemberChange, PartialUpdate> {
        let change = match plan.update.is_empty() {
            true => RoleChange::default(),
            false => self.update(&plan.update)?,
        };
        Ok(MemberChange {
            added: change.added,
            removed: change.removed,
            unchanged: plan.unchanged.clone(),
            ignored: change.ignored,
        })
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

impl MemberPlan {
    fn leaves_nobody(&self) -> bool {
        let adds_nobody = self.update.added.is_empty();
        adds_nobody && self.unchanged.is_empty() && !self.update.removed.is_empty()
    }
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
