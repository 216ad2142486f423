//! The members of a role, as a whole: who it should be, and nobody else.

use super::role_members::RoleMembers;
use super::role_update::{PartialUpdate, RoleChange, RoleUpdate, distinct, set};
use crate::error::{Error, Result};

impl RoleMembers {
    /// Tells what [`set_members`](RoleMembers::set_members) would do, without doing it.
    ///
    /// Calls `POST /apiv1-fetch`, `roleMembers`, once. Ids that are given twice count once.
    ///
    /// # Errors
    ///
    /// As [`members`](RoleMembers::members).
    ///
    /// # Examples
    ///
    /// A dry run, and then the real one:
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let captains = group.role("captains");
    /// let plan = captains.plan_members(["user-1", "user-2", "user-7"])?;
    /// assert_eq!(plan.update.added(), ["user-7"]);
    /// assert_eq!(plan.update.removed(), ["user-3", "user-4"]);
    /// assert_eq!(plan.unchanged, ["user-1", "user-2"]);
    ///
    /// let change = captains.apply(&plan)?;
    /// assert_eq!(change.added, ["user-7"]);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn plan_members<I>(&self, user_ids: I) -> Result<MemberPlan>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let wanted = distinct(user_ids.into_iter().map(Into::into));
        let present = distinct(self.members()?.into_iter());
        let (is_wanted, is_present) = (set(&wanted), set(&present));
        let (unchanged, removed) =
            present.iter().cloned().partition(|id| is_wanted.contains(id.as_str()));
        let added = wanted.iter().filter(|id| !is_present.contains(id.as_str())).cloned().collect();
        Ok(MemberPlan { update: RoleUpdate { added, removed }, unchanged })
    }

    /// Makes these people, and nobody else, the members of the role.
    ///
    /// Reads the role and sends only the difference; nothing where there is none. See
    /// [`plan_members`](RoleMembers::plan_members) for what it would do.
    ///
    /// # Errors
    ///
    /// A [`PartialUpdate`], as [`apply`](RoleMembers::apply): an empty list does not remove everybody.
    /// Where the role could not be read, what is [left](PartialUpdate::left) is empty, since nothing was
    /// planned yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let captains = group.role("captains");
    /// captains.set_members(["user-5", "user-6"])?;
    /// assert_eq!(captains.members()?, ["user-5", "user-6"]);
    ///
    /// let roster: [&str; 0] = []; // a file that came in empty
    /// let refused = captains.set_members(roster).unwrap_err();
    /// assert_eq!(refused.error.kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn set_members<I>(&self, user_ids: I) -> Result<MemberChange, PartialUpdate>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let plan = self.plan_members(user_ids)?;
        self.apply(&plan)
    }

    /// Removes everybody from the role.
    ///
    /// Reads the role and removes those that it finds; sends nothing more where there is nobody.
    ///
    /// # Errors
    ///
    /// A [`PartialUpdate`], as [`update`](RoleMembers::update).
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let change = group.role("coaches").remove_all_members()?;
    /// assert_eq!(change.removed, ["user-3", "user-4", "user-5"]);
    /// # Ok::<(), heysync::Error>(())
    /// ```
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
            // Heylo refuses an update in which both sides are empty.
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
///
/// It holds for the moment it was made: who joins the role between the plan and
/// [`apply`](RoleMembers::apply) stays in it.
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
        // A role that was empty before may stay so.
        let adds_nobody = self.update.added.is_empty();
        adds_nobody && self.unchanged.is_empty() && !self.update.removed.is_empty()
    }
}

/// What became of a role's members, as [`set_members`](RoleMembers::set_members) and its kin tell.
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
