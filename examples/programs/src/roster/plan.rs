//! The changes that a run would make.

use std::collections::{HashMap, HashSet};
use std::fmt;

use heysync::heylo::{Community, MemberDiff, NewMember};

use super::invites::{Invites, Standing};
use super::people::People;
use crate::failure::{Failure, Outcome};
use crate::table::{printable, table};

/// The changes that a run would make, and the people who are left alone.
#[derive(Debug, Default)]
pub struct Plan {
    pub invite: Vec<NewMember>,
    pub remove: Vec<String>,
    pub roles: Vec<MemberDiff>,
    /// The people who may have been invited.
    pub in_doubt: Vec<String>,
    /// The people who were invited and are no members yet.
    pending: Vec<String>,
    /// The roles that would have nobody, since those who should have them are no members yet.
    waiting: Vec<String>,
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
            plan.check_ids()?;
        }
        for role in people.roles() {
            // Heylo ignores people who are no members yet; a later run adds them.
            let is_member = |id: &&str| members.is_none_or(|members| members.contains(*id));
            let of_role: Vec<&str> = people.with_role(role).filter(is_member).collect();
            if of_role.is_empty() {
                plan.waiting.push(role.to_owned());
                continue;
            }
            plan.roles.push(community.role(role).plan_members(of_role)?);
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

    /// Rejects an id in other capitals than Heylo's: its person would be removed, and invited as a new one.
    fn check_ids(&self) -> Outcome {
        let removed: HashMap<String, &str> =
            self.remove.iter().map(|id| (id.to_lowercase(), &**id)).collect();
        let invited = self.invite.iter().map(NewMember::user_id);
        for id in invited.chain(self.pending.iter().map(|id| &**id)) {
            if let Some(member) = removed.get(&id.to_lowercase()) {
                let report =
                    format!("the user id {id:?} is {member:?} in Heylo: write it like that");
                return Err(Failure::data(report));
            }
        }
        Ok(())
    }

    /// Returns whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.invite.is_empty() && self.remove.is_empty() && self.roles.is_empty()
    }

    /// Returns how many people would lose something: their membership or a role.
    pub fn removals(&self) -> usize {
        self.remove.len() + self.role_removals()
    }

    fn role_removals(&self) -> usize {
        self.roles.iter().map(|diff| diff.update.removed().len()).sum()
    }

    /// Returns the plan for a person to read: a line for each change and for each who is left alone, and the counts.
    pub fn describe(&self, people: &People) -> String {
        let rows = self.rows();
        let mut table = table(["change", "user id", "name", "what"]);
        for (change, id, what) in &rows {
            let name = people.name_of(id);
            table.add_row([change, &*printable(id), &*printable(&name), &*printable(what)]);
        }
        let table = if rows.is_empty() { String::new() } else { table.trim_fmt() + "\n" };
        format!("{table}{self}")
    }

    fn rows(&self) -> Vec<(&'static str, &str, String)> {
        let mut rows = Vec::new();
        for member in &self.invite {
            rows.push(("invite", member.user_id(), "to the community".to_owned()));
        }
        for id in &self.remove {
            rows.push(("remove", id, "from the community".to_owned()));
        }
        for diff in &self.roles {
            let (update, role) = (&diff.update, &diff.role_id);
            rows.extend(
                update.added().iter().map(|id| ("add", &**id, format!("to the role {role}"))),
            );
            let removed = update.removed().iter();
            rows.extend(removed.map(|id| ("take", &**id, format!("out of the role {role}"))));
        }
        rows.extend(self.left_alone());
        rows
    }

    /// The rows of those who stay as they are, and why.
    fn left_alone(&self) -> Vec<(&'static str, &str, String)> {
        let mut rows = Vec::new();
        for role in &self.waiting {
            rows.push((
                "-",
                "",
                format!("the role {role} stays: nobody of the file is a member yet"),
            ));
        }
        for id in &self.pending {
            let what = "was invited, and is no member yet; --not-invited invites again";
            rows.push(("-", id, what.to_owned()));
        }
        for id in &self.in_doubt {
            let what = "may have been invited: look in Heylo, then use --invited or --not-invited";
            rows.push(("?", id, what.to_owned()));
        }
        rows
    }
}

/// Writes the counts of the changes.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let added: usize = self.roles.iter().map(|diff| diff.update.added().len()).sum();
        let counts = [
            (self.invite.len(), "to invite"),
            (self.remove.len(), "to remove"),
            (added, "to add to a role"),
            (self.role_removals(), "to take out of a role"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        match counts.is_empty() {
            true => writeln!(f, "nothing to change"),
            false => writeln!(f, "{}", counts.join(", ")),
        }
    }
}
