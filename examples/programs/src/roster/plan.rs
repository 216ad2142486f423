//! What a run would change.

use std::collections::HashSet;
use std::fmt;

use heysync::heylo::{Community, MemberDiff, NewMember};

use super::invites::{Invites, Standing};
use super::people::People;
use crate::failure::Outcome;
use crate::table::{printable, table};

/// What a run would change, and who is left alone.
#[derive(Debug, Default)]
pub struct Plan {
    pub invite: Vec<NewMember>,
    pub remove: Vec<String>,
    pub roles: Vec<MemberDiff>,
    /// The people who were invited and are no members yet.
    pub pending: Vec<String>,
    /// The people who may have been invited.
    pub in_doubt: Vec<String>,
}

impl Plan {
    /// Compares the file with the community. `members` are the ids of its members, if there is a role that all of
    /// them have; without it nobody is invited or removed.
    pub fn new(
        people: &People,
        community: &Community,
        members: Option<&HashSet<String>>,
        invites: &Invites,
    ) -> Outcome<Plan> {
        let mut plan = Plan::default();
        if let Some(members) = members {
            plan.compare_members(people, members, invites);
        }
        for role in people.roles() {
            // Heylo ignores people who are no members yet; a later run adds them.
            let is_member = |id: &&str| members.is_none_or(|members| members.contains(*id));
            plan.roles
                .push(community.role(role).plan_members(people.with_role(role).filter(is_member))?);
        }
        plan.roles.retain(|diff| !diff.is_empty());
        Ok(plan)
    }

    fn compare_members(&mut self, people: &People, members: &HashSet<String>, invites: &Invites) {
        for (id, person) in people.by_id.iter().filter(|(id, _)| !members.contains(*id)) {
            match invites.standing(id) {
                Standing::NotInvited => self.invite.push(person.member.clone()),
                Standing::Invited => self.pending.push(id.clone()),
                Standing::InDoubt => self.in_doubt.push(id.clone()),
            }
        }
        self.remove =
            members.iter().filter(|id| !people.by_id.contains_key(*id)).cloned().collect();
        self.remove.sort();
    }

    /// Returns whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.invite.is_empty() && self.remove.is_empty() && self.roles.is_empty()
    }

    /// Returns how many people would lose something: their membership or a role.
    pub fn removals(&self) -> usize {
        self.remove.len() + self.roles.iter().map(|diff| diff.update.removed().len()).sum::<usize>()
    }
}

/// Writes a table with a line for each person and change.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = table(["change", "who", "what"]);
        let mut row = |change: &str, who: &str, what: &str| {
            table.add_row([change, &printable(who), &printable(what)]);
        };
        for member in &self.invite {
            row("invite", member.user_id(), &member.to_string());
        }
        for id in &self.remove {
            row("remove", id, "from the community");
        }
        for diff in &self.roles {
            let role = &diff.role_id;
            diff.update
                .added()
                .iter()
                .for_each(|id| row("add", id, &format!("to the role {role}")));
            diff.update
                .removed()
                .iter()
                .for_each(|id| row("take", id, &format!("out of the role {role}")));
        }
        for id in &self.pending {
            row("-", id, "was invited, and is no member yet");
        }
        for id in &self.in_doubt {
            row(
                "?",
                id,
                "may have been invited: look in Heylo, then use --invited or --not-invited",
            );
        }
        write!(f, "{table}")
    }
}
