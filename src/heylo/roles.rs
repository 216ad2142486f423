//! Roles.

use serde::de::{self, DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::community::Community;
use super::record::{decode, id_of, whole, with_id};
use super::role_members::RoleMembers;
use crate::error::{Error, Result};
use crate::json::vec_without_nulls;

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
    /// Makes a role from its JSON, as for the tests of your own program.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if it is not an object.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylo::Role;
    /// use serde_json::json;
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

    /// Decodes the role into a type of the caller's own.
    ///
    /// # Errors
    ///
    /// [`Unreadable`](crate::ErrorKind::Unreadable) if the role does not fit the type; the error's
    /// [`body`](crate::Error::body) is the role.
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
