//! Changes to the members of a role, of any size.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, de};
use serde_json::{Map, Value};

use super::record::ids;
use crate::error::{Error, Result};

/// The most ids that Heylo takes on each side of one request: "max 100 per request".
const MOST_IDS: usize = 100;

/// Whom to add to a role and whom to remove from it: any number of each.
///
/// Heylo takes 100 ids a side in one request; [`RoleMembers::update`](super::RoleMembers::update) makes as
/// many requests of it as it takes.
///
/// # Examples
///
/// ```
/// use heysync::heylo::RoleUpdate;
///
/// let update = RoleUpdate::new().add((1..=250).map(|n| format!("user-{n}"))).remove(["user-900"]);
/// assert_eq!((update.added().len(), update.removed().len()), (250, 1));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct RoleUpdate {
    pub(crate) added: Vec<String>,
    pub(crate) removed: Vec<String>,
}

impl RoleUpdate {
    /// Makes an update that changes nobody yet.
    pub fn new() -> RoleUpdate {
        RoleUpdate::default()
    }

    /// Adds these people to the role, by their user ids. Further calls add more.
    #[allow(clippy::should_implement_trait, reason = "it takes ids and adds no two updates")]
    pub fn add<I: IntoIterator<Item: Into<String>>>(mut self, user_ids: I) -> RoleUpdate {
        self.added.extend(user_ids.into_iter().map(Into::into));
        self
    }

    /// Removes these people from the role, by their user ids. Further calls add more.
    pub fn remove<I: IntoIterator<Item: Into<String>>>(mut self, user_ids: I) -> RoleUpdate {
        self.removed.extend(user_ids.into_iter().map(Into::into));
        self
    }

    /// Returns who is to be added.
    pub fn added(&self) -> &[String] {
        &self.added
    }

    /// Returns who is to be removed.
    pub fn removed(&self) -> &[String] {
        &self.removed
    }

    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    pub(crate) fn check(&self) -> Result<()> {
        let added = set(&self.added);
        // Heylo does not say which side would win, and across two requests it would be the order.
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
        let merge = |ids: &[String]| distinct(ids.iter().cloned());
        RoleUpdate { added: merge(&self.added), removed: merge(&self.removed) }
    }

    /// The next request's share.
    pub(crate) fn next_batch(&self) -> RoleUpdate {
        let first = |ids: &[String]| ids[..ids.len().min(MOST_IDS)].to_vec();
        RoleUpdate { added: first(&self.added), removed: first(&self.removed) }
    }

    pub(crate) fn drop_batch(&mut self, batch: &RoleUpdate) {
        self.added.drain(..batch.added.len());
        self.removed.drain(..batch.removed.len());
    }
}

/// What an update really changed, as far as Heylo's answers name it.
///
/// Their page says of both lists that they are "the user IDs actually applied after filtering".
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
        for (asked, applied) in [(&asked.added, &answer.added), (&asked.removed, &answer.removed)] {
            // "Silently dropped", says the page: who is missing in the answer is all there is to tell by.
            let applied = set(applied);
            self.ignored.extend(asked.iter().filter(|id| !applied.contains(id.as_str())).cloned());
        }
        self.added.extend(answer.added);
        self.removed.extend(answer.removed);
    }
}

/// An update that failed, perhaps after some of its requests had been applied.
///
/// Prints as the error does, with how much was done before. It turns into an [`Error`] by `?`, which
/// forgets the rest; a script that goes on matches on it.
///
/// # Examples
///
/// Three hundred people are three requests, and the second one failed. What is left can be sent as it is:
///
/// ```
/// use heysync::heylo::{PartialUpdate, RoleUpdate};
///
/// # use heysync::{Config, heylo, sandbox};
/// # let (service, clock) = (sandbox::Heylo::demo(), sandbox::TestClock::new());
/// # service.inject_if(1, sandbox::Fault::ServerError(sandbox::FaultPoint::BeforeEffect), |r| r.number == 2);
/// # let config = Config::new().transport(service).clock(clock).retries(0);
/// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
/// let captains = group.role("captains");
/// let everybody = RoleUpdate::new().add((1..=300).map(|n| format!("user-{n}")));
/// let PartialUpdate { change, left, error } = captains.update(&everybody).unwrap_err();
/// assert_eq!(error.status().unwrap(), 500);
/// assert_eq!(change.added.len() + change.ignored.len(), 100);
/// assert_eq!(left.added().len(), 200);
/// captains.update(&left)?;
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Debug)]
pub struct PartialUpdate {
    /// What was applied before. Empty where nothing was.
    pub change: RoleChange,
    /// What is left, ready to be sent again: the request that failed, and those behind it. Sending again what
    /// did take effect changes nothing, since an update is idempotent.
    pub left: RoleUpdate,
    /// What went wrong.
    pub error: Error,
}

impl PartialUpdate {
    fn progress(&self) -> Option<String> {
        let (done, left) = (self.change.count(), self.left.count());
        (done > 0).then(|| format!("{done} ids were dealt with before, {left} are left"))
    }
}

impl fmt::Display for PartialUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)?;
        match self.progress() {
            Some(progress) => write!(f, "; {progress}"),
            None => Ok(()),
        }
    }
}

impl StdError for PartialUpdate {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}

impl From<PartialUpdate> for Error {
    fn from(partial: PartialUpdate) -> Error {
        match partial.progress() {
            Some(progress) => partial.error.noting(&progress),
            None => partial.error,
        }
    }
}

impl From<Error> for PartialUpdate {
    fn from(error: Error) -> PartialUpdate {
        PartialUpdate { change: RoleChange::default(), left: RoleUpdate::default(), error }
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
#[serde(try_from = "Map<String, Value>")]
pub(crate) struct UpdateAnswer {
    added: Vec<String>,
    removed: Vec<String>,
}

impl TryFrom<Map<String, Value>> for UpdateAnswer {
    type Error = serde_json::Error;

    /// One of the sides may be left out. An answer without either is some other answer, and does not say
    /// that everybody was ignored.
    fn try_from(mut answer: Map<String, Value>) -> serde_json::Result<UpdateAnswer> {
        let sides = ["addedUserIds", "removedUserIds"].map(|name| answer.remove(name));
        if sides.iter().all(Option::is_none) {
            return Err(de::Error::custom("it has no addedUserIds or removedUserIds"));
        }
        let [added, removed] = sides.map(Option::unwrap_or_default);
        Ok(UpdateAnswer { added: ids(added)?, removed: ids(removed)? })
    }
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
        for (asked, named, as_asked) in
            [(&asked.added, &mut self.added, true), (&asked.removed, &mut self.removed, false)]
        {
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
    fn an_update_that_cannot_be_meant_is_refused() {
        let refusal = |update: RoleUpdate| update.check().expect_err("refused").to_string();
        assert!(refusal(RoleUpdate::new()).contains("nobody"));
        assert!(refusal(RoleUpdate::new().add([" "])).contains("empty"));
        assert!(refusal(RoleUpdate::new().add(["u1", "u2"]).remove(["u2"])).contains("u2"));
    }

    #[test]
    fn who_was_not_named_in_the_answer_was_ignored() {
        let mut change = RoleChange::default();
        let answer = UpdateAnswer { added: vec!["u1".into()], removed: vec![] };
        change.take_in(&RoleUpdate::new().add(["u1", "u2"]).remove(["u3"]), answer);
        assert_eq!(change.ignored, ["u2", "u3"]);
    }
}
