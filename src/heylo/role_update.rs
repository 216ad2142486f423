//! Updates of the members of a role: the request, the changes that were made, and the error.

use std::collections::HashSet;
use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize, de};

use crate::error::{Error, ErrorKind, Result};
use crate::json::ids;
use crate::pipeline::call::check_id;

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
/// assert_eq!(update.to_string(), "+ user-7\n- user-3");
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
    /// Creates an update that changes nobody yet.
    pub fn new() -> RoleUpdate {
        RoleUpdate::default()
    }

    /// Adds these people to the role, by their user ids. Further calls add more. An id that is empty, or has white
    /// space or an invisible character around it, is rejected when the update is sent.
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
        let is_empty = |(_, id): &(usize, &String)| id.trim().is_empty();
        if let Some((at, _)) = self.removed.iter().enumerate().find(is_empty) {
            return check_id_in_list("", at, self.removed.len(), "people to remove");
        }
        // Not those to remove: they were read from Heylo, perhaps, where another program has put them.
        let count = self.added.len();
        for (at, id) in self.added.iter().enumerate() {
            check_id_in_list(id, at, count, "people to add")?;
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

    pub(crate) fn append(&mut self, batch: &RoleUpdate) {
        self.added.extend_from_slice(&batch.added);
        self.removed.extend_from_slice(&batch.removed);
    }

    pub(crate) fn put_first(&mut self, batches: RoleUpdate) {
        self.added.splice(0..0, batches.added);
        self.removed.splice(0..0, batches.removed);
    }
}

/// Writes one person a line: `+` and the id, or `-` and the id. The last line has no end of line.
impl fmt::Display for RoleUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let added = self.added.iter().map(|id| ('+', id));
        let mut lines = added.chain(self.removed.iter().map(|id| ('-', id)));
        if let Some((sign, id)) = lines.next() {
            write!(f, "{sign} {id}")?;
        }
        lines.try_for_each(|(sign, id)| write!(f, "\n{sign} {id}"))
    }
}

/// Refuses an id as [`check_id`] does, with its place in the caller's list.
pub(crate) fn check_id_in_list(id: &str, at: usize, count: usize, people: &str) -> Result<()> {
    let place = || place_in_list(at, count, people);
    check_id("userId", id)
        .map_err(|rejected| rejected.map_message(|why| format!("{}: {why}", place())))
}

/// Names somebody by the place in a list, as `the 3rd of 12 people`.
pub(crate) fn place_in_list(at: usize, count: usize, people: &str) -> String {
    let place = at + 1;
    let ending = match (place % 10, place % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("the {place}{ending} of {count} {people}")
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

/// The changes that were really made to the members of a role.
///
/// By Heylo's page, the lists in its response are "the user IDs actually applied after filtering". Prints as
/// one line of counts.
///
/// # Examples
///
/// ```
/// # use heysync::{Config, heylo, sandbox};
/// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
/// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
/// let change = community.role("captains").set_members(["user-1", "user-9", "nobody"])?;
/// assert_eq!(change.to_string(), "1 added, 3 removed, 1 unchanged, 1 ignored");
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct MemberChange {
    /// The people who were added.
    pub added: Vec<String>,
    /// The people who were removed.
    pub removed: Vec<String>,
    /// The people who were members and stay members. Empty after
    /// [`update`](super::RoleMembers::update), which does not read the members first.
    pub unchanged: Vec<String>,
    /// The people who were to be added or removed, and whom the response does not name. Heylo ignores ids
    /// that are not active or hidden members of the community.
    pub ignored: Vec<String>,
}

impl MemberChange {
    pub(crate) fn take_in(&mut self, requested: &RoleUpdate, response: &UpdateResponse) {
        let sides = [(&requested.added, &response.added), (&requested.removed, &response.removed)];
        for (requested, applied) in sides {
            // "Silently dropped", by the page: only their absence from the response shows it.
            let applied = set(applied);
            let is_ignored = |id: &&String| !applied.contains(id.as_str());
            self.ignored.extend(requested.iter().filter(is_ignored).cloned());
        }
        self.added.extend(distinct(&response.added));
        self.removed.extend(distinct(&response.removed));
    }

    /// How many ids of an update are dealt with.
    pub(crate) fn count(&self) -> usize {
        self.added.len() + self.removed.len() + self.ignored.len()
    }
}

impl fmt::Display for MemberChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} added, {} removed", self.added.len(), self.removed.len())?;
        for (ids, word) in [(&self.unchanged, "unchanged"), (&self.ignored, "ignored")] {
            if !ids.is_empty() {
                write!(f, ", {} {word}", ids.len())?;
            }
        }
        Ok(())
    }
}

/// The body of the response to one update.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "Sides")]
pub(crate) struct UpdateResponse {
    added: Vec<String>,
    removed: Vec<String>,
}

#[derive(Deserialize)]
struct Sides {
    #[serde(default, rename = "addedUserIds", deserialize_with = "some_ids")]
    added: Option<Vec<String>>,
    #[serde(default, rename = "removedUserIds", deserialize_with = "some_ids")]
    removed: Option<Vec<String>>,
}

fn some_ids<'de, D: de::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    ids(deserializer).map(Some)
}

impl TryFrom<Sides> for UpdateResponse {
    type Error = &'static str;

    /// One of the sides may be absent. A response without both is some other response, and does not mean that
    /// everybody was ignored.
    fn try_from(sides: Sides) -> Result<UpdateResponse, &'static str> {
        match sides {
            Sides { added: None, removed: None } => {
                Err("it has neither addedUserIds nor removedUserIds")
            }
            Sides { added, removed } => Ok(UpdateResponse {
                added: added.unwrap_or_default(),
                removed: removed.unwrap_or_default(),
            }),
        }
    }
}

impl UpdateResponse {
    pub(crate) fn names_all(&self, requested: &RoleUpdate) -> bool {
        let sides = [(&requested.added, &self.added), (&requested.removed, &self.removed)];
        sides.into_iter().all(|(requested, named)| {
            let named = set(named);
            requested.iter().all(|id| named.contains(id.as_str()))
        })
    }

    /// Counts as applied, besides the ids that are named, all that now are as requested.
    pub(crate) fn complete(&mut self, requested: &RoleUpdate, members: &[String]) {
        let members = set(members);
        for (requested, named, is_member) in [
            (&requested.added, &mut self.added, true),
            (&requested.removed, &mut self.removed, false),
        ] {
            let is_so = |id: &&String| members.contains(id.as_str()) == is_member;
            named.extend(requested.iter().filter(is_so).cloned());
        }
    }
}

/// The error of an update of a role, perhaps after some of its requests were applied.
///
/// It prints how far the update came; its [`source`](StdError::source) is the [`Error`] of the request that
/// failed. `Debug` is the report of both, as that of an [`Error`]; `{:#?}` shows the fields. `?` turns it into an
/// [`Error`] that prints both and drops the rest. A script that continues sends [`left`](RoleUpdateError::left) again.
///
/// With a [`DryRun`](crate::DryRun), all requests are printed, and then its kind is [`DryRun`](ErrorKind::DryRun) and
/// everything is left.
///
/// # Examples
///
/// Three hundred people are three requests, and the second one fails:
///
/// ```
/// use heysync::heylo::RoleUpdate;
///
/// # use heysync::{Config, heylo, sandbox};
/// # let (service, clock) = (sandbox::Heylo::demo(), sandbox::TestClock::new());
/// # service.inject_if(1, sandbox::Fault::ServerError(sandbox::FaultPoint::BeforeEffect), |r| r.number == 2);
/// # let config = Config::new().transport(service).clock(clock).retries(0);
/// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
/// let captains = community.role("captains");
/// let everybody = RoleUpdate::new().add((1..=300).map(|n| format!("user-{n}")));
/// let failed = captains.update(&everybody).unwrap_err();
/// assert_eq!(failed.to_string(), "the update failed after 100 of 300 ids");
/// assert_eq!(failed.error.status().unwrap(), 500);
/// assert_eq!(failed.change.added.len() + failed.change.ignored.len(), 100);
/// assert_eq!(failed.left.added().len(), 200);
/// captains.update(&failed.left)?;
/// # Ok::<(), heysync::Error>(())
/// ```
#[non_exhaustive]
pub struct RoleUpdateError {
    /// The changes that were made before the failure.
    pub change: MemberChange,
    /// The part that is left: the request that failed, and those after it. It can be sent again as it is, since
    /// an update is idempotent.
    pub left: RoleUpdate,
    /// The error of the request that failed.
    pub error: Error,
}

impl RoleUpdateError {
    /// Returns the kind of the [`error`](RoleUpdateError::error).
    pub fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// Returns the hint of the [`error`](RoleUpdateError::error).
    pub fn hint(&self) -> Option<&str> {
        self.error.hint()
    }

    /// Creates the error of an update of which nothing was sent.
    pub(crate) fn not_begun(error: Error) -> RoleUpdateError {
        RoleUpdateError { change: MemberChange::default(), left: RoleUpdate::default(), error }
    }

    fn progress(&self) -> Option<String> {
        let (done, left) = (self.change.count(), self.left.len());
        (done > 0).then(|| format!("after {done} of {} ids", done + left))
    }
}

impl fmt::Display for RoleUpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.progress() {
            _ if self.kind() == ErrorKind::DryRun => f.write_str("the update was not sent"),
            Some(progress) => write!(f, "the update failed {progress}"),
            None => f.write_str("the update failed"),
        }
    }
}

/// `{:?}` is the report, which `fn main() -> Result<(), Box<dyn Error>>` prints. `{:#?}` is the structure.
impl fmt::Debug for RoleUpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return f.write_str(&self.error.report_below(self));
        }
        f.debug_struct("RoleUpdateError")
            .field("change", &self.change)
            .field("left", &self.left)
            .field("error", &self.error)
            .finish()
    }
}

impl StdError for RoleUpdateError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.error)
    }
}

impl From<RoleUpdateError> for Error {
    fn from(failed: RoleUpdateError) -> Error {
        match failed.progress() {
            Some(progress) => failed.error.noting(&format!("the update failed {progress}")),
            None => failed.error,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
    fn an_update_that_cannot_be_meant_is_rejected() {
        let rejection = |update: RoleUpdate| update.check().expect_err("rejected").to_string();
        assert!(rejection(RoleUpdate::new()).contains("nobody"));
        assert!(rejection(RoleUpdate::new().add([" "])).contains("empty"));
        assert!(rejection(RoleUpdate::new().add(["u1", "u2"]).remove(["u2"])).contains("u2"));
    }

    #[test]
    fn an_id_that_is_empty_or_has_blanks_around_it_is_named_by_its_place() {
        let rejection = |update: RoleUpdate| update.check().expect_err("rejected").to_string();
        let update = RoleUpdate::new().add(["u1", "u1", ""]).add(["u2"]);
        assert_eq!(rejection(update), "the 3rd of 4 people to add: userId is empty");
        let update = RoleUpdate::new().remove((0..20).map(|_| "u1")).remove([""]);
        assert_eq!(rejection(update), "the 21st of 21 people to remove: userId is empty");
        let update = RoleUpdate::new().add((0..10).map(|n| n.to_string())).add(["u1 ", "u2", ""]);
        assert!(rejection(update).starts_with("the 11th of 13 people to add: userId begins"));
    }

    #[test]
    fn the_debug_form_is_the_report_of_the_update_and_of_its_request() {
        let error = Error::invalid("no").with_hint("look again");
        let (change, left) = (MemberChange::default(), RoleUpdate::new().add(["u1"]));
        let failed = RoleUpdateError { change, left, error };
        let report = "the update failed\n  caused by: no\n  hint: look again";
        assert_eq!(format!("{failed:?}"), report);
        assert!(
            format!("{failed:#?}").starts_with("RoleUpdateError {\n    change: MemberChange {")
        );
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

    fn change(requested: &RoleUpdate, response: Value) -> MemberChange {
        let response: UpdateResponse = serde_json::from_value(response).expect("a response");
        let mut change = MemberChange::default();
        change.take_in(requested, &response);
        change
    }

    #[test]
    fn ids_that_the_response_does_not_name_were_ignored() {
        let update = RoleUpdate::new().add(["u1", "u2"]).remove(["u3"]);
        let change = change(&update, json!({"addedUserIds": ["u1"], "removedUserIds": []}));
        assert_eq!((change.added, change.removed), (vec!["u1".to_owned()], vec![]));
        assert_eq!(change.ignored, ["u2", "u3"]);
    }

    #[test]
    fn an_id_is_counted_once_and_a_null_is_nobody() {
        let update = RoleUpdate::new().add(["7", "u2"]);
        let change = change(&update, json!({"addedUserIds": [null, 7, "7", "u2", "u2", null]}));
        assert_eq!((change.added.len(), change.count()), (2, 2));
    }

    #[test]
    fn a_response_that_names_neither_side_is_rejected() {
        for json in [
            json!({}),
            json!({"added": ["u1"]}),
            json!({"addedUserIds": "u1"}),
            json!({"addedUserIds": 2}),
            json!({"addedUserIds": [{"id": "u1"}]}),
            json!({"addedUserIds": [true]}),
            json!([]),
            json!("ok"),
        ] {
            assert!(serde_json::from_value::<UpdateResponse>(json.clone()).is_err(), "{json}");
        }
    }
}
