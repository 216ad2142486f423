//! Roles.

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer};
use serde_json::Value;

use super::community::Community;
use super::record::{decode, id_of};
use super::role_members::RoleMembers;
use crate::error::Result;
use crate::nullable::null_as_default;

/// A role of a community.
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
    /// [`Unreadable`](crate::ErrorKind::Unreadable) where it does not fit.
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
    /// Lists the roles.
    ///
    /// Calls `POST /apiv1-fetch`, `communityRoles`.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind).
    pub fn roles(&self) -> Result<Vec<Role>> {
        let answer: RolesAnswer = self.client().send(&self.read("communityRoles", &[])?)?;
        Ok(answer.roles)
    }

    /// The members of the role with this id. Nothing is sent, and an empty id is refused by the first
    /// call.
    pub fn role(&self, id: impl Into<String>) -> RoleMembers {
        RoleMembers::new(self.clone(), id.into())
    }
}
