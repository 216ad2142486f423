//! What can be changed: the members of a role, the members of a community.

use http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::exchange::{self, Answer};

use super::fields::{Fields, Refusal};
use super::service::ok;
use super::world::{Acknowledgement, Community, Role, World};

impl World {
    pub(crate) fn update_role(&mut self, fields: &Fields) -> Result<Answer, Refusal> {
        let only_changes = self.settings.names_only_changes;
        let community = self.named(fields)?;
        let role_id = fields.required("roleId")?;
        let mut added = fields.ids("addedUserIds")?;
        let mut removed = fields.ids("removedUserIds")?;
        if added.is_empty() && removed.is_empty() {
            let message = "At least one of addedUserIds or removedUserIds must be non-empty";
            return Err(Refusal::bad(message));
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

    pub(crate) fn remove_member(&mut self, fields: &Fields) -> Result<Answer, Refusal> {
        let absent_is_removed = self.settings.absent_is_removed;
        let community = self.named(fields)?;
        let user_id = fields.required("userId")?;
        if !community.forget(user_id) && !absent_is_removed {
            return Err(Refusal::not_found("Member"));
        }
        Ok(self.acknowledge(StatusCode::OK, json!({"success": true})))
    }

    /// What a success answers where the vendor's page does not say.
    pub(crate) fn acknowledge(&self, status: StatusCode, value: Value) -> Answer {
        match self.settings.acknowledgement {
            Acknowledgement::Json => exchange::json(status, &value),
            Acknowledgement::Text => exchange::with_body(status, "text/plain", "OK"),
            Acknowledgement::Empty => exchange::empty(status),
        }
    }
}

impl Community {
    /// Takes somebody out of the community, its roles and its pending invites; whether they were a member or
    /// invited.
    fn forget(&mut self, user_id: &str) -> bool {
        let before = self.members.len() + self.invites.len();
        self.members.retain(|member| member.user_id != user_id);
        self.invites.retain(|invite| invite.user_id != user_id);
        for role in &mut self.roles {
            role.member_ids.retain(|id| id != user_id);
        }
        self.members.len() + self.invites.len() < before
    }

    fn role_mut(&mut self, id: &str) -> Result<&mut Role, Refusal> {
        let found = self.roles.iter_mut().find(|role| role.id == id);
        found.ok_or_else(|| Refusal::not_found("Role"))
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
    use crate::sandbox::heylo::Acknowledgement;
    use crate::sandbox::probe::{ask, to_heylo};

    fn heylo() -> Heylo {
        Heylo::demo().limit(None)
    }

    fn update(heylo: &Heylo, added: Value, removed: Value) -> (u16, Value) {
        let body = json!({
            "type": "roleMembers", "communityId": "harbour-runners", "roleId": "captains",
            "addedUserIds": added, "removedUserIds": removed,
        });
        ask(heylo, to_heylo("apiv1-update", &body))
    }

    fn remove(heylo: &Heylo, user_id: &str) -> (u16, Value) {
        let body = json!({"type": "member", "communityId": "harbour-runners", "userId": user_id});
        ask(heylo, to_heylo("apiv1-remove", &body))
    }

    #[test]
    fn an_update_drops_silently_who_is_no_active_or_hidden_member() {
        let heylo = heylo();
        let added = json!(["user-9", "user-37", "user-39", "nobody"]);
        let (status, answer) = update(&heylo, added, json!(["user-1", "user-40"]));
        let applied = json!({"addedUserIds": ["user-9", "user-37"], "removedUserIds": ["user-1"]});
        assert_eq!((status, answer), (200, applied));
        let captains = ["user-2", "user-3", "user-4", "user-9", "user-37"];
        assert_eq!(heylo.role_members("harbour-runners", "captains"), captains);
    }

    #[test]
    fn an_update_can_name_only_what_it_changed() {
        let heylo = heylo();
        let update = || update(&heylo, json!(["user-1", "user-9"]), json!(["user-8"])).1;
        let all = json!({"addedUserIds": ["user-1", "user-9"], "removedUserIds": ["user-8"]});
        assert_eq!([update(), update()], [all.clone(), all]);
        heylo.change(|world| world.settings.names_only_changes = true);
        assert_eq!(update(), json!({"addedUserIds": [], "removedUserIds": []}));
    }

    #[test]
    fn an_update_takes_a_hundred_ids_a_side_and_one_at_least() {
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
    fn who_is_removed_loses_roles_and_invites_too() {
        let heylo = heylo();
        assert_eq!(remove(&heylo, "user-3"), (200, json!({"success": true})));
        assert!(!heylo.member_ids("harbour-runners").contains(&"user-3".to_owned()));
        assert_eq!(heylo.role_members("harbour-runners", "coaches"), ["user-4", "user-5"]);
        assert_eq!(remove(&heylo, "user-41").0, 200);
        assert_eq!(heylo.invites("harbour-runners"), []);
    }

    #[test]
    fn removing_somebody_absent_is_refused_unless_the_setting_allows_it() {
        let heylo = heylo();
        assert_eq!(remove(&heylo, "nobody"), (404, json!({"error": "Member not found"})));
        heylo.change(|world| world.settings.absent_is_removed = true);
        assert_eq!(remove(&heylo, "nobody").0, 200);
    }

    #[test]
    fn a_removal_can_be_acknowledged_by_text_or_by_nothing() {
        let heylo = heylo();
        for (style, body) in [(Acknowledgement::Text, "OK"), (Acknowledgement::Empty, "")] {
            let heylo = heylo.clone().with(|world| world.settings.acknowledgement = style);
            heylo.change(|world| world.settings.absent_is_removed = true);
            let body_sent = json!({"type": "member", "communityId": "book-circle", "userId": "x"});
            let reply = heylo.reply(to_heylo("apiv1-remove", &body_sent), std::time::Duration::MAX);
            let answer = reply.into_result().unwrap();
            assert_eq!(
                (answer.status().as_u16(), answer.body().as_slice()),
                (200, body.as_bytes())
            );
        }
    }
}
