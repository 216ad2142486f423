//! One person's part of a bulk call, and which of its failures end the whole.

use super::community::Community;
use super::invite::NewMember;
use super::journal::State;
use super::raw_response::RawResponse;
use crate::error::{Applied, Error, ErrorKind, Result};

/// How many failures in a row that may be temporary, or that do not name their reason, raise the question whether
/// they concern everybody.
const FAILURES_IN_A_ROW: u32 = 3;

pub(crate) enum Task {
    Invite(Box<NewMember>),
    Remove(String),
}

impl Task {
    pub(crate) fn user_id(&self) -> &str {
        match self {
            Task::Invite(member) => member.user_id(),
            Task::Remove(user_id) => user_id,
        }
    }

    pub(crate) fn run(&self, community: &Community) -> Result<RawResponse> {
        match self {
            Task::Invite(member) => community.invite(member),
            Task::Remove(user_id) => community.remove_member(user_id),
        }
    }

    /// Returns the entry of a journal for this outcome.
    pub(crate) fn state(&self, result: &Result<RawResponse>) -> State {
        match (result.as_ref().map_err(Error::applied), self) {
            (Ok(_) | Err(Applied::Yes), _) => State::Done,
            (Err(Applied::Unknown), Task::Invite(_)) => State::Unknown,
            // A removal can be sent again.
            (Err(_), _) => State::Failed,
        }
    }
}

/// Decides after which failure the people who are left would fail as well.
#[derive(Default)]
pub(crate) struct StopRule {
    is_community_known: bool,
    without_service: u32,
    without_reason: u32,
}

impl StopRule {
    /// Returns whether this outcome ends the whole. May read the roles of the community, once.
    pub(crate) fn ends(&mut self, community: &Community, result: &Result<RawResponse>) -> bool {
        let Err(error) = result else {
            *self = StopRule { is_community_known: true, ..StopRule::default() };
            return false;
        };
        match error.kind() {
            ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotSent
            | ErrorKind::RateLimited
            | ErrorKind::Deadline
            | ErrorKind::Redirect
            | ErrorKind::Configuration => true,
            ErrorKind::InvalidInput => community.id().trim().is_empty(),
            ErrorKind::NotFound | ErrorKind::Rejected => self.is_unknown(community, error),
            // Each has cost every retry, and may have left a person in doubt.
            ErrorKind::Server | ErrorKind::NoResponse | ErrorKind::OutcomeUnknown => {
                self.without_service += 1;
                self.without_service >= FAILURES_IN_A_ROW
            }
            _ => false,
        }
    }

    /// Whether a rejection is of the community rather than of the person. Heylo documents neither.
    fn is_unknown(&mut self, community: &Community, error: &Error) -> bool {
        self.without_service = 0;
        if self.is_community_known {
            return false;
        }
        match subject(error.message()) {
            Subject::Community => true,
            Subject::Person => false,
            Subject::NotNamed => {
                self.without_reason += 1;
                self.without_reason == FAILURES_IN_A_ROW && self.is_community_rejected(community)
            }
        }
    }

    /// Asks for something else of the same community: if that is rejected too, no person is the reason.
    fn is_community_rejected(&mut self, community: &Community) -> bool {
        let kind = community.roles().map_err(|error| error.kind());
        self.is_community_known = kind.is_ok();
        matches!(kind, Err(ErrorKind::NotFound | ErrorKind::Rejected | ErrorKind::Forbidden))
    }
}

#[derive(Debug, PartialEq)]
enum Subject {
    Community,
    Person,
    NotNamed,
}

/// Returns what a message is about, by its words.
fn subject(message: &str) -> Subject {
    const PERSON: [&str; 6] = ["member", "user", "person", "email", "e-mail", "phone"];
    const COMMUNITY: [&str; 3] = ["community", "group", "organization"];
    let message = message.to_lowercase();
    let first = |words: &[&str]| words.iter().filter_map(|word| message.find(word)).min();
    match (first(&PERSON), first(&COMMUNITY)) {
        (Some(person), community) if community.is_none_or(|community| person < community) => {
            Subject::Person
        }
        // "Invite already exists in this community" is about a person, too.
        (None, Some(_)) if !message.contains("invite") => Subject::Community,
        _ => Subject::NotNamed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_about_the_community_only_if_it_names_nothing_else() {
        for (message, expected) in [
            ("Community not found", Subject::Community),
            ("unknown communityId \"abc\"", Subject::Community),
            ("No such group", Subject::Community),
            ("Member not found", Subject::Person),
            ("User u1 is not in this community", Subject::Person),
            ("Community not found for this user", Subject::NotNamed),
            ("Invite already exists in this community", Subject::NotNamed),
            ("Not found", Subject::NotNamed),
            ("", Subject::NotNamed),
        ] {
            assert_eq!(subject(message), expected, "{message}");
        }
    }
}
