//! Whom a failure of a bulk call concerns: one person, or everybody.

use super::client::Community;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::call::check_id;
use crate::pipeline::message;
use crate::pipeline::response::RawResponse;

/// How many failures in a row that may be temporary, or that do not name their reason, raise the question whether
/// they concern everybody.
const FAILURES_IN_A_ROW: u32 = 3;

/// The people whom an outcome concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It concerns this person alone.
    Next,
    /// The person is not there, and the community is.
    Absent,
    /// The people who are left would fail as well.
    End,
}

/// Judges the outcomes of a bulk call, one after the other.
pub(crate) struct StopRule {
    is_community_known: bool,
    without_service: u32,
    without_reason: u32,
    /// After so many rejections that do not name their reason, the roles of the community are read.
    patience: u32,
}

impl StopRule {
    /// A removal that is rejected may have been made before, so its caller needs to know of the first one whom it concerns.
    pub(crate) fn new(are_removals: bool) -> StopRule {
        let patience = if are_removals { 1 } else { FAILURES_IN_A_ROW };
        StopRule { is_community_known: false, without_service: 0, without_reason: 0, patience }
    }

    /// May read the roles of the community, once.
    pub(crate) fn judge(&mut self, community: &Community, result: &Result<RawResponse>) -> Verdict {
        let Err(error) = result else {
            (self.is_community_known, self.without_service) = (true, 0);
            return Verdict::Next;
        };
        let ends = match error.kind() {
            ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotSent
            | ErrorKind::RateLimited
            | ErrorKind::Deadline
            | ErrorKind::Cancelled
            | ErrorKind::SharedLimit
            | ErrorKind::Output
            | ErrorKind::Redirect
            | ErrorKind::Configuration => true,
            ErrorKind::InvalidInput => check_id("communityId", community.id()).is_err(),
            ErrorKind::NotFound | ErrorKind::Rejected => return self.rejection(community, error),
            // Each has cost every retry, and may have left a person in doubt.
            ErrorKind::Server | ErrorKind::NoResponse | ErrorKind::OutcomeUnknown => {
                self.without_service += 1;
                self.without_service >= FAILURES_IN_A_ROW
            }
            _ => false,
        };
        if ends { Verdict::End } else { Verdict::Next }
    }

    /// Judges a rejection, which is of the community or of the person. Heylo documents neither.
    fn rejection(&mut self, community: &Community, error: &Error) -> Verdict {
        self.without_service = 0;
        let is_about_person = match subject_of(error) {
            Subject::Person => true,
            Subject::Community if self.is_community_known => false,
            Subject::Community => return Verdict::End,
            Subject::NotNamed if self.is_community_known => true,
            Subject::NotNamed => {
                self.without_reason += 1;
                if self.without_reason == self.patience && self.is_community_rejected(community) {
                    return Verdict::End;
                }
                self.is_community_known
            }
        };
        let is_absent = is_about_person && error.kind() == ErrorKind::NotFound;
        if is_absent { Verdict::Absent } else { Verdict::Next }
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

fn subject_of(error: &Error) -> Subject {
    // A code such as `community_not_found`, and nothing else, is no message.
    let code = message::is_wordless(error.body());
    let code = code.then(|| String::from_utf8_lossy(error.body()));
    subject(code.as_deref().unwrap_or(error.message()))
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
