//! The members of a role as a whole: the difference to a list, and how to apply it.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::role_update::{
    MemberChange, RoleUpdate, RoleUpdateError, check_id_in_list, distinct, owned, set,
};
use super::roles::RoleMembers;
use crate::error::{Error, Result};
use crate::pipeline::call::is_invisible;

impl RoleMembers {
    /// Returns what [`set_members`](RoleMembers::set_members) would change, without changing it.
    ///
    /// Calls `POST /apiv1-fetch`, `roleMembers`, once. An id that is given twice counts once.
    ///
    /// # Errors
    ///
    /// As [`members`](RoleMembers::members). [`InvalidInput`](crate::ErrorKind::InvalidInput) if a given id
    /// is that of a member but for white space, quotes, commas or a byte order mark around it: the list was
    /// read wrongly, and the member would be removed. Likewise if a person to add has an empty id, or white space or an
    /// invisible character around it.
    ///
    /// # Examples
    ///
    /// A dry run, and then the real one:
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let captains = community.role("captains");
    /// let diff = captains.plan_members(["user-1", "user-2", "user-7"])?;
    /// assert_eq!(diff.update.added(), ["user-7"]);
    /// assert_eq!(diff.update.removed(), ["user-3", "user-4"]);
    /// assert_eq!(diff.unchanged, ["user-1", "user-2"]);
    ///
    /// let change = captains.apply(&diff)?;
    /// assert_eq!(change.added, ["user-7"]);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn plan_members<I>(&self, user_ids: I) -> Result<MemberDiff>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let given = owned(user_ids);
        let wanted = distinct(&given);
        let present = distinct(&self.members()?);
        let (is_wanted, is_present) = (set(&wanted), set(&present));
        let (unchanged, removed) =
            present.iter().cloned().partition(|id| is_wanted.contains(id.as_str()));
        let is_new = |id: &&String| !is_present.contains(id.as_str());
        let added: Vec<String> = wanted.iter().filter(is_new).cloned().collect();
        check_not_misread(&added, &is_present)?;
        let is_added = set(&added);
        for (at, id) in given.iter().enumerate().filter(|(_, id)| is_added.contains(id.as_str())) {
            check_id_in_list(id, at, given.len(), "people")?;
        }
        Ok(MemberDiff {
            community_id: self.community().id().to_owned(),
            role_id: self.role_id().to_owned(),
            update: RoleUpdate { added, removed },
            unchanged,
        })
    }

    /// Makes these people, and nobody else, the members of the role.
    ///
    /// Reads the members and sends only the difference, or nothing if there is none. See
    /// [`plan_members`](RoleMembers::plan_members) for what it would change.
    ///
    /// # Errors
    ///
    /// A [`RoleUpdateError`], as with [`apply`](RoleMembers::apply): an empty list does not remove everybody.
    /// If the members could not be read, [`left`](RoleUpdateError::left) is empty, since the difference was
    /// not known yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::ErrorKind;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let captains = community.role("captains");
    /// captains.set_members(["user-5", "user-6"])?;
    /// assert_eq!(captains.members()?, ["user-5", "user-6"]);
    ///
    /// let roster: [&str; 0] = []; // from a file that was empty
    /// let rejected = captains.set_members(roster).unwrap_err();
    /// assert_eq!(rejected.kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn set_members<I>(&self, user_ids: I) -> Result<MemberChange, RoleUpdateError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let diff = self.plan_members(user_ids).map_err(RoleUpdateError::not_begun)?;
        self.apply(&diff)
    }

    /// Removes everybody from the role.
    ///
    /// Reads the members and removes them; sends nothing more if there are none.
    ///
    /// # Errors
    ///
    /// A [`RoleUpdateError`], as with [`update`](RoleMembers::update).
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let change = community.role("coaches").remove_all_members()?;
    /// assert_eq!(change.removed, ["user-3", "user-4", "user-5"]);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn remove_all_members(&self) -> Result<MemberChange, RoleUpdateError> {
        let diff = self.plan_members::<[&str; 0]>([]).map_err(RoleUpdateError::not_begun)?;
        self.send_diff(&diff)
    }

    /// Makes the changes that [`plan_members`](RoleMembers::plan_members) returned; sends nothing if there are
    /// none.
    ///
    /// # Errors
    ///
    /// A [`RoleUpdateError`], as with [`update`](RoleMembers::update). Its kind is
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), with nothing sent, if the difference is that of
    /// another role, or if it would leave nobody: an empty list is more often an accident than meant, and
    /// [`remove_all_members`](RoleMembers::remove_all_members) is explicit.
    ///
    /// If nobody stays and Heylo ignores all who are to be added, as people who have not joined the community, nobody is
    /// removed either: its kind is [`Rejected`](crate::ErrorKind::Rejected), and the people to remove are
    /// [`left`](RoleUpdateError::left). So if nobody stays, the people to add are sent first.
    pub fn apply(&self, diff: &MemberDiff) -> Result<MemberChange, RoleUpdateError> {
        if (&*diff.community_id, &*diff.role_id) != (self.community().id(), self.role_id()) {
            let (role, community) = (&diff.role_id, &diff.community_id);
            let rejected = format!("this is the difference of the role {role:?} of {community:?}");
            return Err(RoleUpdateError::not_begun(Error::invalid(rejected)));
        }
        if diff.leaves_nobody() {
            let rejected = "this would remove everybody: call remove_all_members if that is meant";
            return Err(RoleUpdateError::not_begun(Error::invalid(rejected)));
        }
        self.send_diff(diff)
    }

    fn send_diff(&self, diff: &MemberDiff) -> Result<MemberChange, RoleUpdateError> {
        let unchanged = diff.unchanged.clone();
        // Heylo rejects an update in which both sides are empty.
        if diff.update.is_empty() {
            return Ok(MemberChange { unchanged, ..MemberChange::default() });
        }
        let nobody_stays = unchanged.is_empty() && !diff.update.added.is_empty();
        match self.update_with(&diff.update, nobody_stays) {
            Ok(change) => Ok(MemberChange { unchanged, ..change }),
            Err(mut failed) => {
                failed.change.unchanged = unchanged;
                Err(failed)
            }
        }
    }
}

/// The difference between the members of a role and a list of people.
///
/// It holds for the moment at which it was made: a person who joins the role before
/// [`apply`](RoleMembers::apply) stays in it. It prints for a person to read, and can be written as JSON and
/// read again, as for a script that asks for approval.
///
/// # Examples
///
/// ```
/// # use heysync::{Config, heylo, sandbox};
/// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
/// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
/// let diff = community.role("captains").plan_members(["user-1", "user-2", "user-7"])?;
/// let text = "captains of harbour-runners: 1 to add, 2 to remove, 2 unchanged
/// + user-7
/// - user-3
/// - user-4";
/// assert_eq!(diff.to_string(), text);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MemberDiff {
    /// The id of the community.
    pub community_id: String,
    /// The id of the role.
    pub role_id: String,
    /// The people to add and the people to remove.
    pub update: RoleUpdate,
    /// The people who stay.
    pub unchanged: Vec<String>,
}

impl MemberDiff {
    /// Returns whether the members are already those of the list.
    pub fn is_empty(&self) -> bool {
        self.update.is_empty()
    }

    fn leaves_nobody(&self) -> bool {
        // A role that was empty before may stay so.
        let adds_nobody = self.update.added.is_empty();
        adds_nobody && self.unchanged.is_empty() && !self.update.removed.is_empty()
    }
}

/// Writes a line of counts, and one line for each person who is added or removed.
impl fmt::Display for MemberDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (added, removed) = (self.update.added.len(), self.update.removed.len());
        let unchanged = self.unchanged.len();
        write!(f, "{} of {}: ", self.role_id, self.community_id)?;
        write!(f, "{added} to add, {removed} to remove, {unchanged} unchanged")?;
        if self.update.is_empty() { Ok(()) } else { write!(f, "\n{}", self.update) }
    }
}

/// Rejects a list with an id that is `present` but for what is around it: that person would be removed.
pub(crate) fn check_not_misread(listed: &[String], present: &HashSet<&str>) -> Result<()> {
    let is_misread = |id: &&String| !present.contains(id.as_str()) && present.contains(core_of(id));
    match listed.iter().find(is_misread) {
        Some(id) => {
            Err(Error::invalid(format!("the user id {id:?} seems to be {:?}", core_of(id))))
        }
        None => Ok(()),
    }
}

/// The id without what a line or a cell of a file leaves around it.
fn core_of(id: &str) -> &str {
    let is_around =
        |c: char| is_invisible(c) || c.is_control() || matches!(c, '"' | '\'' | ',' | ';');
    id.trim_matches(is_around)
}
