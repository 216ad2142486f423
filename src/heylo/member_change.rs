//! The changes that an update really made.

use std::fmt;

use serde::{Deserialize, Serialize, de};

use super::role_update::{RoleUpdate, distinct, set};
use crate::json::ids;

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
            *named = distinct(named);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

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
