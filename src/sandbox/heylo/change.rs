//! The operations that change the members of a role or of a community.

use http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::exchange::{self, Response};

use super::fields::{ApiError, Fields};
use super::service::ok;
use super::state::{Community, Role, State, SuccessBody};

impl State {
    pub(crate) fn update_role(&mut self, fields: &Fields) -> Result<Response, ApiError> {
        let only_changes = self.settings.update_returns_only_changes;
        let community = self.named(fields)?;
        let role_id = fields.required("roleId")?;
        let mut added = fields.ids("addedUserIds")?;
        let mut removed = fields.ids("removedUserIds")?;
        if added.is_empty() && removed.is_empty() {
            let message = "At least one of addedUserIds or removedUserIds must be non-empty";
            return Err(ApiError::bad(message));
        }
        for ids in [&mut added, &mut removed] {
            ids.retain(|id| community.can_have_roles(id));
        }
        let role = community.role_mut(role_id)?;
        if only_changes {
            added.retain(|id| !role.member_ids.contains(id));
            removed.retain(|id| role.member_ids.contains(id));
        }
        role.change(&added, &removed);
        ok(json!({"addedUserIds": added, "removedUserIds": removed}))
    }

    pub(crate) fn remove_member(&mut self, fields: &Fields) -> Result<Response, ApiError> {
        let removal_of_absent_succeeds = self.settings.removal_of_absent_succeeds;
        let community = self.named(fields)?;
        let user_id = fields.required("userId")?;
        if !community.remove(user_id) && !removal_of_absent_succeeds {
            return Err(ApiError::not_found("Member"));
        }
        Ok(self.acknowledge(StatusCode::OK, json!({"success": true})))
    }

    /// Builds the response to a success that the vendor does not document.
    pub(crate) fn acknowledge(&self, status: StatusCode, value: Value) -> Response {
        match self.settings.success_body {
            SuccessBody::Json => exchange::json(status, &value),
            SuccessBody::Text => exchange::with_body(status, "text/plain", "OK"),
            SuccessBody::Empty => exchange::empty(status),
        }
    }
}

impl Community {
    /// Removes a user from the community, its roles and its pending invites. Returns whether the user was a
    /// member or invited.
    fn remove(&mut self, user_id: &str) -> bool {
        let before = self.members.len() + self.invites.len();
        self.members.retain(|member| member.user_id != user_id);
        self.invites.retain(|invite| invite.user_id != user_id);
        for role in &mut self.roles {
            role.member_ids.retain(|id| id != user_id);
        }
        self.members.len() + self.invites.len() < before
    }

    fn role_mut(&mut self, id: &str) -> Result<&mut Role, ApiError> {
        let found = self.roles.iter_mut().find(|role| role.id == id);
        found.ok_or_else(|| ApiError::not_found("Role"))
    }
}

impl Role {
    fn change(&mut self, added: &[String], removed: &[String]) {
        for id in added {
            if !self.member_ids.contains(id) {
                self.member_ids.push(id.clone());
            }
        }
        self.member_ids.retain(|id| !removed.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::sandbox::Heylo;
    use crate::sandbox::exchange::testing::{response_to, send, to_heylo};
    use crate::sandbox::heylo::SuccessBody;

    fn heylo() -> Heylo {
        Heylo::demo().limit(None)
    }

    fn update(heylo: &Heylo, added: Value, removed: Value) -> (u16, Value) {
        let body = json!({
            "type": "roleMembers", "communityId": "harbour-runners", "roleId": "captains",
            "addedUserIds": added, "removedUserIds": removed,
        });
        send(heylo, to_heylo("apiv1-update", &body))
    }

    fn remove(heylo: &Heylo, user_id: &str) -> (u16, Value) {
        let body = json!({"type": "member", "communityId": "harbour-runners", "userId": user_id});
        send(heylo, to_heylo("apiv1-remove", &body))
    }

    #[test]
    fn an_update_silently_drops_ids_that_are_no_active_or_hidden_member() {
        let heylo = heylo();
        let added = json!(["user-9", "user-37", "user-39", "nobody"]);
        let (status, response) = update(&heylo, added, json!(["user-1", "user-40"]));
        let applied = json!({"addedUserIds": ["user-9", "user-37"], "removedUserIds": ["user-1"]});
        assert_eq!((status, response), (200, applied));
        let captains = ["user-2", "user-3", "user-4", "user-9", "user-37"];
        assert_eq!(heylo.role_members("harbour-runners", "captains"), captains);
    }

    #[test]
    fn an_update_returns_only_changes_if_set() {
        let heylo = heylo();
        let update = || update(&heylo, json!(["user-1", "user-9"]), json!(["user-8"])).1;
        let all = json!({"addedUserIds": ["user-1", "user-9"], "removedUserIds": ["user-8"]});
        assert_eq!([update(), update()], [all.clone(), all]);
        heylo.change(|state| state.settings.update_returns_only_changes = true);
        assert_eq!(update(), json!({"addedUserIds": [], "removedUserIds": []}));
    }

    #[test]
    fn an_update_accepts_one_to_a_hundred_ids_per_list() {
        let heylo = heylo();
        let ids = |count: usize| json!(vec!["user-1"; count]);
        assert_eq!(update(&heylo, ids(100), ids(100)).0, 200);
        assert_eq!(update(&heylo, ids(101), ids(0)).0, 400);
        assert_eq!(update(&heylo, ids(0), ids(101)).0, 400);
        assert_eq!(update(&heylo, ids(0), Value::Null).0, 400);
        assert_eq!(update(&heylo, json!([1]), Value::Null).0, 400);
        assert_eq!(update(&heylo, json!("user-1"), Value::Null).0, 400);
    }

    #[test]
    fn a_removal_removes_roles_and_invites_too() {
        let heylo = heylo();
        assert_eq!(remove(&heylo, "user-3"), (200, json!({"success": true})));
        assert!(!heylo.member_ids("harbour-runners").contains(&"user-3".to_owned()));
        assert_eq!(heylo.role_members("harbour-runners", "coaches"), ["user-4", "user-5"]);
        assert_eq!(remove(&heylo, "user-41").0, 200);
        assert_eq!(heylo.invites("harbour-runners"), []);
    }

    #[test]
    fn the_removal_of_an_absent_user_is_rejected_unless_set() {
        let heylo = heylo();
        assert_eq!(remove(&heylo, "nobody"), (404, json!({"error": "Member not found"})));
        heylo.change(|state| state.settings.removal_of_absent_succeeds = true);
        assert_eq!(remove(&heylo, "nobody").0, 200);
    }

    #[test]
    fn a_removal_can_return_text_or_an_empty_body() {
        let heylo = heylo();
        for (style, body) in [(SuccessBody::Text, "OK"), (SuccessBody::Empty, "")] {
            let heylo = heylo.clone().with(|state| state.settings.success_body = style);
            heylo.change(|state| state.settings.removal_of_absent_succeeds = true);
            let body_sent = json!({"type": "member", "communityId": "book-circle", "userId": "x"});
            let response = response_to(&heylo, to_heylo("apiv1-remove", &body_sent));
            assert_eq!(
                (response.status().as_u16(), response.body().as_slice()),
                (200, body.as_bytes())
            );
        }
    }
}
