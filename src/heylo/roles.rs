//! Roles.

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer};
use serde_json::Value;

use super::community::Community;
use super::record::{decode, id_of};
use super::role_members::RoleMembers;
use crate::error::Result;
use crate::json::null_as_default;

/// A role of a community.
///
/// Its members are a list of their own: see [`Community::role`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Role {
    /// Its id: `id` or `roleId`, whichever Heylo sends.
    pub id: String,
    /// All of it. Heylo does not document the fields.
    pub json: Value,
}

impl Role {
    /// Decodes the role into a type of the caller's own.
    ///
    /// # Errors
    ///
    /// [`Unreadable`](crate::ErrorKind::Unreadable) where it does not fit; the error's
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
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let role = &group.roles()?[1];
    /// assert_eq!(role.decode::<Named>()?.name, "Captains");
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        decode(&self.json)
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
        let json = Value::deserialize(deserializer)?;
        let id = id_of(&json, &["id", "roleId"])
            .ok_or_else(|| de::Error::custom("the role has no id"))?;
        Ok(Role { id, json })
    }
}

#[derive(Deserialize)]
struct RolesAnswer {
    #[serde(deserialize_with = "null_as_default")]
    roles: Vec<Role>,
}

impl Community {
    /// Lists the roles, all in one answer.
    ///
    /// Calls `POST /apiv1-fetch`, `communityRoles`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where the community's id is empty; else see
    /// [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// let ids: Vec<String> = group.roles()?.into_iter().map(|role| role.id).collect();
    /// assert_eq!(ids, ["everybody", "captains", "coaches"]);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn roles(&self) -> Result<Vec<Role>> {
        let answer: RolesAnswer = self.client().send(&self.read("communityRoles", &[])?)?;
        Ok(answer.roles)
    }

    /// Names the members of the role with this id: `roleId`.
    ///
    /// Nothing is sent. An empty id is refused by the first call.
    ///
    /// # Examples
    ///
    /// ```
    /// # use heysync::{Config, heylo, sandbox};
    /// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// for role in group.roles()? {
    ///     println!("{}: {} members", role.id, group.role(&role.id).members()?.len());
    /// }
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn role(&self, id: impl Into<String>) -> RoleMembers {
        RoleMembers::new(self.clone(), id.into())
    }
}
