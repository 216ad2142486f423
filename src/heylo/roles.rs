//! Roles and their members.

use serde::de::{self, DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::client::Community;
use super::record::{decode, id_of, whole, with_id};
use super::role_update::{MemberChange, RoleUpdate, RoleUpdateError, UpdateResponse};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{self, vec_without_nulls};
use crate::pipeline::call::Call;
use crate::pipeline::retry::Safety;
use crate::pipeline::{Completed, response};

const ROLE_ID: [&str; 2] = ["id", "roleId"];

/// A role of a community.
///
/// Its members are a list of their own: see [`Community::role`]. Heylo documents no field of a role, so all
/// of them are kept: read a field of [`json`](Role::json), or [`decode`](Role::decode) the role into a type of
/// your own. It is written as the JSON that it was read from.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Role {
    /// The id: `id` or `roleId`, whichever Heylo sends; a number as its digits. Empty if there is none.
    pub id: String,
    /// The whole object.
    pub json: Value,
}

impl Role {
    /// Creates a role from its JSON, as for the tests of your own program.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if it is not an object.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylo::Role;
    /// use heysync::serde_json::json;
    ///
    /// let captains = Role::from_json(json!({"id": "captains", "name": "Captains"}))?;
    /// assert_eq!(captains.id, "captains");
    /// assert_eq!(json!(captains)["name"], "Captains");
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn from_json(json: Value) -> Result<Role> {
        // A role without an id does not cost the list: it is still of use to somebody who knows its fields.
        match json.is_object() {
            true => Ok(Role { id: id_of(&json, &ROLE_ID).unwrap_or_default(), json }),
            false => Err(Error::invalid("a role is a JSON object")),
        }
    }

    /// Decodes the role into a type of your own.
    ///
    /// # Errors
    ///
    /// [`Unreadable`](crate::ErrorKind::Unreadable) if the role does not fit the type. The error's source names the field and
    /// what was expected, without a value of the role.
    ///
    /// # Examples
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Named {
    ///     name: String,
    /// }
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let role = &community.roles()?[1];
    /// assert_eq!(role.decode::<Named>()?.name, "Captains");
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        decode(&self.json)
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        with_id(&self.json, &self.id, &ROLE_ID).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
        Role::from_json(whole(deserializer)?)
            .map_err(|rejected| de::Error::custom(rejected.message()))
    }
}

#[derive(Deserialize)]
struct RolesResponse {
    #[serde(deserialize_with = "vec_without_nulls")]
    roles: Vec<Role>,
}

impl Community {
    /// Returns the roles, all in one response.
    ///
    /// Calls `POST /apiv1-fetch`, `communityRoles`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the id of the community is empty; otherwise see
    /// [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let ids: Vec<String> = community.roles()?.into_iter().map(|role| role.id).collect();
    /// assert_eq!(ids, ["everybody", "captains", "coaches"]);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn roles(&self) -> Result<Vec<Role>> {
        let call = self.read("communityRoles", &[]);
        let response: RolesResponse = self.client().send(&call)?;
        Ok(response.roles)
    }

    /// Returns a handle for the members of the role with this id: `roleId`.
    ///
    /// Nothing is sent. An empty id is rejected by the first call.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// for role in community.roles()? {
    ///     println!("{}: {} members", role.id, community.role(&role.id).members()?.len());
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn role(&self, id: impl AsRef<str>) -> RoleMembers {
        RoleMembers::new(self.clone(), id.as_ref().to_owned())
    }
}

#[derive(Deserialize)]
struct MembersResponse {
    #[serde(rename = "memberUserIds", deserialize_with = "json::ids")]
    ids: Vec<String>,
}

/// A handle for the members of one role, made by [`Community::role`].
///
/// * [`members`](RoleMembers::members) returns them.
/// * [`update`](RoleMembers::update) adds some people and removes others.
/// * [`set_members`](RoleMembers::set_members) makes the people of a list the members, and
///   [`plan_members`](RoleMembers::plan_members) returns what that would change.
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

    pub(crate) fn community(&self) -> &Community {
        &self.community
    }

    /// Returns the id of the role.
    pub fn role_id(&self) -> &str {
        &self.role_id
    }

    /// Returns the user ids of the members, all in one response.
    ///
    /// Calls `POST /apiv1-fetch`, `roleMembers`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the id of the community or of the role is empty;
    /// otherwise see [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// assert_eq!(community.role("coaches").members()?, ["user-3", "user-4", "user-5"]);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn members(&self) -> Result<Vec<String>> {
        let call = self.community.read("roleMembers", &[("roleId", &self.role_id)]);
        let response: MembersResponse = self.community.client().send(&call)?;
        Ok(response.ids)
    }

    /// Adds people to the role and removes others from it.
    ///
    /// Calls `POST /apiv1-update`, `roleMembers`, with up to 100 ids a side, as often as needed. An id that
    /// is given twice on one side is sent once. Heylo silently drops ids that are not active or hidden members
    /// of the community; the returned change lists them as [ignored](MemberChange::ignored). If a response
    /// was lost and the response to the retry does not name all ids, the members are read once, to find out
    /// what the first request applied.
    ///
    /// # Errors
    ///
    /// A [`RoleUpdateError`], which `?` turns into an [`Error`](crate::Error): the changes made before the
    /// failure, what is left, and the failure itself. Its kind is
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if there is nothing to do, if an id is empty, or if
    /// one is on both sides; then nothing was sent. A [`DryRun`](crate::DryRun) prints all requests before the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylo::RoleUpdate;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let update = RoleUpdate::new().add(["user-9", "nobody"]).remove(["user-1"]);
    /// let change = community.role("captains").update(&update)?;
    /// assert_eq!(change.added, ["user-9"]);
    /// assert_eq!(change.removed, ["user-1"]);
    /// assert_eq!(change.ignored, ["nobody"]);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn update(&self, update: &RoleUpdate) -> Result<MemberChange, RoleUpdateError> {
        self.update_with(update, false)
    }

    /// If `nobody_stays`, nobody is removed before somebody was added: Heylo may ignore all who are to be added, and the
    /// role would have nobody.
    pub(crate) fn update_with(
        &self,
        update: &RoleUpdate,
        nobody_stays: bool,
    ) -> Result<MemberChange, RoleUpdateError> {
        let mut change = MemberChange::default();
        let mut left = update.without_duplicates();
        let rejected = |error: Error| error.with_call(&self.update_call(update));
        // Not of `left`: the places in the error are those in the caller's lists.
        let valid = update.check().map_err(rejected);
        match valid.and_then(|()| self.send_all(&mut left, &mut change, nobody_stays)) {
            Ok(()) => Ok(change),
            Err(error) => Err(RoleUpdateError { change, left, error }),
        }
    }

    /// Sends what is left, request by request; what is applied moves from `left` to `change`.
    fn send_all(
        &self,
        left: &mut RoleUpdate,
        change: &mut MemberChange,
        nobody_stays: bool,
    ) -> Result<()> {
        let (mut printed, mut dry_run) = (RoleUpdate::default(), Ok(()));
        while !left.is_empty() {
            let mut batch = left.next_batch();
            if nobody_stays && change.added.is_empty() && dry_run.is_ok() {
                self.check_adds_somebody(&batch)?;
                batch.removed.clear();
            }
            match self.send(&batch) {
                Ok(response) => change.take_in(&batch, &response),
                // A plan is of use only if it is whole.
                Err(error) if error.kind() == ErrorKind::DryRun => {
                    printed.append(&batch);
                    dry_run = dry_run.and(Err(error));
                }
                Err(error) => {
                    left.put_first(printed);
                    return Err(error);
                }
            }
            // Only after the response: a batch that failed is still to be done, as far as is known.
            left.drop_batch(&batch);
        }
        *left = printed;
        dry_run
    }

    fn check_adds_somebody(&self, batch: &RoleUpdate) -> Result<()> {
        match batch.added.is_empty() {
            true => Err(nobody_was_added().with_call(&self.update_call(batch))),
            false => Ok(()),
        }
    }

    fn send(&self, batch: &RoleUpdate) -> Result<UpdateResponse> {
        let call = self.update_call(batch);
        match self.community.client().pipeline.execute(&call, &response::json) {
            Ok(Completed { value, maybe_applied_before: true }) => Ok(self.complete(batch, value)),
            Ok(Completed { value, .. }) => Ok(value),
            Err(error) if error.kind() == ErrorKind::AppliedUnreadable => {
                let response = self.complete(batch, UpdateResponse::default());
                response.names_all(batch).then_some(response).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Adds to a response what an earlier request applied whose own response was lost. If the members cannot be
    /// read, it stays as it is.
    fn complete(&self, batch: &RoleUpdate, mut response: UpdateResponse) -> UpdateResponse {
        if response.names_all(batch) {
            return response;
        }
        if let Ok(members) = self.members() {
            response.complete(batch, &members);
        }
        response
    }

    fn update_call(&self, batch: &RoleUpdate) -> Call {
        let mut fields = Map::new();
        for (name, ids) in [("addedUserIds", &batch.added), ("removedUserIds", &batch.removed)] {
            // The page wants "at least one" of the two; an empty one is not documented, so none is sent.
            if !ids.is_empty() {
                fields.insert(name.to_owned(), ids.as_slice().into());
            }
        }
        let role = [("roleId", self.role_id.as_str())];
        let call = self.community.call("apiv1-update", "roleMembers", &role, fields);
        // A member can be added again, and a person who is not a member removed.
        call.safety(Safety::Idempotent)
    }
}

fn nobody_was_added() -> Error {
    let message = "Heylo added none of the people: to remove the others would leave nobody";
    Error::new(ErrorKind::Rejected, message).with_hint(
        "check the ids; people who were invited have to join first; remove_all_members removes everybody",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_role_is_written_as_it_was_read() {
        for text in [
            r#"{"id":"captains","name":"Captains"}"#,
            r#"{"roleId":7,"members":[1,null]}"#,
            r#"{"name":"no id"}"#,
        ] {
            let role: Role = serde_json::from_str(text).expect(text);
            let json: Value = serde_json::from_str(text).expect(text);
            assert_eq!(serde_json::to_value(&role).ok(), Some(json));
        }
        let mut role = Role::from_json(json!({"id": "captains"})).expect("an object");
        role.id = "coaches".to_owned();
        assert_eq!(serde_json::to_value(&role).ok(), Some(json!({"id": "coaches"})));
        assert_eq!(serde_json::to_value(Role::default()).ok(), Some(Value::Null));
    }

    #[test]
    fn an_id_that_would_be_rounded_is_left_to_the_decoder() {
        assert!(serde_json::from_str::<Role>(r#"{"id": 36893488147419103232}"#).is_err());
        for text in ["[]", "7", "\"captains\""] {
            assert!(serde_json::from_str::<Role>(text).is_err(), "{text}");
        }
    }
}
