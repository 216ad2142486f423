//! Whether the words of a service speak of success or of failure, as far as words show that.
//!
//! Names of people and groups may hold any word: Bad Bunny, Forbidden City Runners, Too Fast Runners. So no word that seems to
//! be part of a name by its capital is certain, a word of success outweighs words that are suspicious at most, and quotations
//! are not read.

use std::collections::HashSet;
use std::iter;
use std::sync::LazyLock;

use http::StatusCode;

use super::message::floor;

/// As much of a text is read, in bytes.
const LONGEST: usize = 500;

/// All reason phrases are shorter, in bytes.
const LONGEST_PHRASE: usize = 64;

/// The tone of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Of success, which may be the remedy of a lack: "No account found. Invitation sent".
    Good,
    /// Of failure for certain, and of no success.
    Bad,
    /// Of success and failure, or of what may be a failure.
    Mixed,
    /// Of no failure, and of nothing else: "no error occurred", "request ok".
    Idle,
    /// Of neither.
    Unclear,
}

/// A sign of success or failure: a word, with the words around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// "sent"
    Success,
    /// "can be sent", "may have been deleted"
    Possible,
    /// "not found", "no account"
    Lack,
    /// "cannot", "was not", which deny a success after them
    Denial,
    /// "failed", "is locked"
    Failure,
    /// "errors", which may be a name
    Trouble,
    /// "too", "missing", which may be a part of a name beside a success
    Suspicion,
}

/// Words, and pairs of words, whose second one is empty or comes after a `+` in the list.
type Words = LazyLock<HashSet<(&'static str, &'static str)>>;

fn listed(list: &'static str) -> HashSet<(&'static str, &'static str)> {
    list.split_whitespace().map(|word| word.split_once('+').unwrap_or((word, ""))).collect()
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $list:expr;)*) => {
        $($(#[$doc])* static $name: Words = Words::new(|| listed($list));)*
    };
}

/// Words of [`Sign::Success`] that are names of fields as well: true of what was done.
pub(super) const DONE: &str = "\
    done completed removed deleted kicked revoked cancelled canceled created updated saved added assigned unassigned \
    invited sent resent emailed mailed delivered accepted approved queued scheduled processed restored applied notified \
    informed acknowledged affected";

words! {
    DEEDS: DONE;

    /// The other words of [`Sign::Success`]; as names of fields they may be the state of something.
    SUCCESSES: "\
        ok success successful successfully succeeded finished changed joined received enabled paused resumed registered \
        confirmed activated subscribed stored inserted written imported";

    /// After one of these, a success has not happened yet, or is the reason of a failure.
    CONDITIONS: "\
        can could should would must to+be may+be may+have might if when until unless before because since or already yet";

    /// Words after "cannot be" that follow from a success.
    CONSEQUENCES: "undone restored recovered";

    /// Words of [`Sign::Denial`], as "not" after one of [`VERBS`] and before one of [`REFUSED`].
    DENIALS: "cannot must+not unable failed+to fails+to nothing+was nothing+has none+of only+admins";

    /// Words of [`Sign::Failure`], as [`CLOSED`] after "is" and "are".
    FAILURES: "\
        fail fails failed invalid denied forbidden rejected refused unauthorized unauthenticated unsuccessful too+many \
        users+only members+only timed+out field+required has+expired limit+reached limit+exceeded error+occurred went+wrong \
        server+error validation+error";

    /// Words of [`Sign::Trouble`].
    TROUBLES: "error errors failure failures false exceeded insufficient timeout unavailable";

    CLOSED: "locked full required missing unavailable";

    /// Words of [`Sign::Suspicion`] after "is" and "are": a call may have led to this.
    LEFT: "banned blocked suspended disabled closed inactive restricted expired archived";

    REFUSED: "\
        allowed authorized authorised permitted supported available possible valid enough implemented authenticated \
        eligible";

    /// "ca" and "wo" are left of "CAN'T" and "won't".
    VERBS: "is are was were be been being to do does did has have had can could will would should may might ca wo";

    /// Before "not", words about what a person does, which may have nothing to do with the call.
    DOES: "has have had did will wo";

    /// Words of [`Sign::Lack`] before one of [`THINGS`], as "not".
    LACKING: "no bad unknown missing insufficient incorrect malformed unsupported";

    /// Words of [`Sign::Lack`] after "not", as [`THINGS`].
    ABSENT: "found exist registered";

    THINGS: "\
        such request credential valid input parameter token key api id field format value data permission access right \
        member user person community group event alert account owner admin seat place email invite invitation match query \
        result route role";

    /// Words of [`Sign::Suspicion`].
    SUSPICIONS: "\
        not never nobody only must should too missing unknown required gone locked expired exists conflict duplicate \
        maintenance unsupported unexpected wrong sorry";

    /// Before a failure, words that there was none, or none lately.
    NEGATIONS: "no not none nothing nobody without 0 zero previously";

    /// Words of [`Tone::Idle`] after "no", "none" and 0.
    IDLE: "of error errors failure failures issues problems failed found reported detected occurred was were has have been";
}

/// Returns the tone of a text.
pub(super) fn tone(text: &str) -> Tone {
    if is_reason_phrase(&text[..floor(text, LONGEST)]) {
        return Tone::Bad;
    }
    let text = plain(text);
    let clauses = clauses(&text);
    let signs = signs_of(&clauses);
    let last = |sign| signs.iter().rposition(|(it, _)| *it == sign);
    let has = |sign| last(sign).is_some();
    let fails = has(Sign::Failure) || has(Sign::Denial);
    let is_failure = |sign| matches!(sign, Sign::Failure | Sign::Denial | Sign::Lack);
    let is_certain = signs.iter().any(|(sign, is_name)| is_failure(*sign) && !is_name);
    match () {
        () if is_idle(&clauses.concat().join(" ").to_lowercase()) => Tone::Idle,
        () if !fails && !has(Sign::Trouble) && last(Sign::Success) > last(Sign::Lack) => Tone::Good,
        () if is_certain && !has(Sign::Success) && !has(Sign::Possible) => Tone::Bad,
        () if signs.iter().any(|(sign, _)| *sign != Sign::Possible) => Tone::Mixed,
        () => Tone::Unclear,
    }
}

/// The beginning of a text without quotations, codes and contractions.
fn plain(text: &str) -> String {
    let text = &text[..floor(text, LONGEST)];
    let text =
        text.replace('\u{2019}', "'").replace("an't", "annot").replace(" can not ", " cannot ");
    let text = text.replace("n't", " not").replace("N'T", " NOT");
    if is_code(&text) { words(&text).join(" ") } else { without_quoted(&text) }
}

/// Words of a service that failed itself, or does not know what it has done.
const UNCERTAIN: &str = "\
    may have|might have|may still|may or may not|outcome is unknown|timed out|timedout|timeout|time out|deadline exceeded|\
    server error|internal error|unexpected error|unknown error|unhandled|went wrong|bad gateway|service unavailable|\
    temporarily unavailable|status code 5|http 5|network error|connection|econn|hang up|epipe|broken pipe|unexpected eof|aborted";

/// Whether a request may have been carried out by the words of an error: `"timeout; it may have been sent"`, `"INTERNAL"`
pub(super) fn is_uncertain(text: &str) -> bool {
    let words = words(&text[..floor(text, LONGEST)]).join(" ");
    matches!(&*words, "internal" | "unavailable" | "unknown" | "eof")
        || UNCERTAIN.split('|').any(|known| words.contains(known))
}

/// Whether something was done by the words of a text, or may have been, be it beside a failure: `"Invite sent, but not
/// delivered"`, `"timeout; it may have been sent"`.
pub(super) fn states_success(text: &str) -> bool {
    // "accepted: must be accepted" begins with the name of a field.
    let is_placed = text.split_once(':').is_some_and(|(name, _)| !name.contains(' '));
    let text = plain(text);
    let clauses = clauses(&text).into_iter().filter(|words| words.len() > 1 || !is_placed);
    signs_of(&clauses.collect::<Vec<_>>()).iter().any(|(sign, _)| *sign == Sign::Success)
}

/// Whether a part failed beside a success: `"1 invited, 1 failed"`
pub(super) fn is_partial(text: &str) -> bool {
    let text = plain(text);
    let signs = signs_of(&clauses(&text));
    let has = |wanted: Sign| signs.iter().any(|(sign, is_name)| *sign == wanted && !is_name);
    // "Member removed. They cannot rejoin."
    let is_past = || text.contains(" but ") || text.contains(" not ");
    has(Sign::Success) && (has(Sign::Failure) || has(Sign::Denial) && is_past())
}

/// Whether a code has a word of success among others: `"completed_with_errors"`.
pub(super) fn names_success(text: &str) -> bool {
    words(text).iter().any(|word| succeeds(word))
}

/// Whether a text is a code or a name of several words: `"NOT_FOUND"`, `"inviteSent"`
pub(super) fn is_code(text: &str) -> bool {
    let is_of_codes = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.chars().all(is_of_codes) && words(text).len() > 1
}

/// The words of a code or a name, in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_after_lower = false;
    for letter in text.chars() {
        if !letter.is_alphanumeric() || is_after_lower && letter.is_uppercase() {
            words.push(String::new());
        }
        let word = words.last_mut().filter(|_| letter.is_alphanumeric());
        word.into_iter().for_each(|word| word.extend(letter.to_lowercase()));
        is_after_lower = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `"no error occurred"`, `"0 failed"`, `"operation successful"`
fn is_idle(text: &str) -> bool {
    match &text.split(' ').collect::<Vec<_>>()[..] {
        ["operation" | "request", last] => has(&SUCCESSES, last),
        ["no" | "0" | "none", rest @ ..] => {
            rest.iter().all(|word| has(&IDLE, word) || is_number(word))
        }
        _ => false,
    }
}

/// `"Too Many Requests"`, `"PAYLOAD_TOO_LARGE"`, `"Gone"`.
pub(super) fn is_reason_phrase(text: &str) -> bool {
    static PHRASES: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let errors = (400..600).filter_map(|code| StatusCode::from_u16(code).ok());
        errors
            .filter_map(|status| status.canonical_reason())
            .map(|phrase| words(phrase).concat())
            .collect()
    });
    text.len() <= LONGEST_PHRASE && PHRASES.contains(&words(text).concat())
}

/// Words and marks that begin a clause.
const BREAKS: [&str; 8] =
    ["if", "but", "however", "although", "though", "-", "\u{2013}", "\u{2014}"];

/// The words of each clause, without addresses.
fn clauses(text: &str) -> Vec<Vec<&str>> {
    let mut clauses = vec![Vec::new()];
    for part in text.lines().flat_map(|line| line.split_whitespace().chain(iter::once("."))) {
        let words = part.split(|c: char| !c.is_alphanumeric());
        let is_address = part.contains('@') || part.contains("://");
        let words = words.filter(|word| !word.is_empty() && !is_address);
        if BREAKS.iter().any(|word| part.eq_ignore_ascii_case(word)) || part.starts_with('(') {
            clauses.push(Vec::new());
        }
        clauses.last_mut().into_iter().for_each(|clause| clause.extend(words.clone()));
        if part.ends_with(['.', ',', ';', ':', '!', '?']) {
            clauses.push(Vec::new());
        }
    }
    clauses
}

/// The signs in clauses, without what is advised after a success: "If it does not arrive, ask", "Do not reply", and without a
/// condition before it: "If there is no account, a mail was sent".
fn signs_of(clauses: &[Vec<&str>]) -> Vec<(Sign, bool)> {
    let mut all: Vec<(Sign, bool)> = Vec::new();
    let mut condition = Vec::new();
    for words in clauses {
        let is_first = |known: &str| words.first().is_some_and(|it| it.eq_ignore_ascii_case(known));
        let (is_condition, is_advice) = (is_first("if"), is_first("do") || is_first("did"));
        let is_after = all.iter().any(|(sign, _)| *sign == Sign::Success);
        match signs(words) {
            _ if is_after && (is_condition || is_advice) => {}
            signs if is_condition => condition.extend(signs),
            signs => all.extend(signs),
        }
    }
    if all.iter().all(|(sign, _)| *sign != Sign::Success) {
        all.extend(condition);
    }
    all
}

/// The signs in a clause, and whether each may be part of a name.
fn signs(clause: &[&str]) -> Vec<(Sign, bool)> {
    let lower: Vec<String> = clause.iter().map(|word| word.to_lowercase()).collect();
    let words: Vec<&str> = lower.iter().map(String::as_str).collect();
    let mut signs = Vec::new();
    let (mut is_denied, mut is_conditional) = (false, false);
    for (at, word) in words.iter().enumerate() {
        let (failure, rest) = (failure(&words, at), &words[at..]);
        let sign = match failure {
            None if !succeeds(word) || is_denied => None,
            None => Some(if is_conditional { Sign::Possible } else { Sign::Success }),
            // "Conflict: member was removed"
            Some(Sign::Suspicion) if words.len() == 1 => Some(Sign::Trouble),
            failure => failure,
        };
        signs.extend(sign.map(|sign| (sign, is_name(clause, at))));
        let denies = failure == Some(Sign::Denial) || failure == Some(Sign::Lack) && *word == "no";
        let reaches = has(&VERBS, word) && *word != "can" || is_thing(word);
        is_denied = denies || is_denied && reaches;
        is_conditional |= denies || begins(&CONDITIONS, rest) || follows(rest);
    }
    signs
}

/// Whether a word may be part of a name, as it begins with a capital: "Forbidden". "FORBIDDEN" is stressed.
fn is_name(words: &[&str], at: usize) -> bool {
    let is_capitalised =
        |word: &&str| word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase);
    is_capitalised(&words[at]) && (at > 0 || words.get(1).is_some_and(is_capitalised))
}

/// The sign of failure that the word at this place is.
fn failure(words: &[&str], at: usize) -> Option<Sign> {
    let (word, rest) = (words[at], &words[at..]);
    let last = words[..at].last().copied().unwrap_or_default();
    let mut after = rest.iter().skip(1).filter(|it| !matches!(**it, "a" | "an" | "any" | "the"));
    let next = after.next().copied().unwrap_or_default();
    let is_not = matches!(word, "not" | "never" | "nothing" | "nobody" | "none");
    let is_left = matches!(last, "is" | "are");
    match () {
        () if has(&LACKING, word) && is_thing(next) => Some(Sign::Lack),
        () if word == "no" && !has(&IDLE, next) && lacks(rest) => Some(Sign::Lack),
        () if is_part(rest) && (succeeds(last) || rest.iter().any(|it| succeeds(it))) => {
            Some(Sign::Failure)
        }
        () if matches!(*rest, ["already", "exists", ..]) => Some(Sign::Lack),
        // "not accepted yet"
        () if is_not && rest.contains(&"yet") => Some(Sign::Trouble),
        () if is_not && negated(last, next).is_some() => negated(last, next),
        // "no errors", "0 failed", "previously failed"
        () if has(&NEGATIONS, last) || follows(rest) => None,
        () if begins(&DENIALS, rest) => Some(Sign::Denial),
        () if begins(&FAILURES, rest) => Some(Sign::Failure),
        () if has(&TROUBLES, word) => Some(Sign::Trouble),
        () if has(&CLOSED, word) && is_left => Some(Sign::Failure),
        () if has(&LEFT, word) && is_left => Some(Sign::Suspicion),
        () => has(&SUSPICIONS, word).then_some(Sign::Suspicion),
    }
}

/// "no HTTP resource was found"
fn lacks(words: &[&str]) -> bool {
    words.iter().any(|word| has(&ABSENT, word) || *word == "exists")
}

/// "1 of 2"
fn is_part(words: &[&str]) -> bool {
    let number = |word: &str| word.parse::<u32>().ok();
    matches!(words, [part, "of", all, ..] if is_number(part) && number(part) < number(all))
}

fn is_number(word: &str) -> bool {
    word.parse::<u32>().is_ok()
}

/// The sign of "not" between these words.
fn negated(last: &str, next: &str) -> Option<Sign> {
    match () {
        () if is_thing(next) || has(&ABSENT, next) => Some(Sign::Lack),
        () if has(&REFUSED, next) => Some(Sign::Denial),
        // "user has not accepted"
        () if has(&DOES, last) && !matches!(next, "be" | "been") => Some(Sign::Trouble),
        () => (has(&VERBS, last) || succeeds(next)).then_some(Sign::Denial),
    }
}

/// "cannot be undone"
fn follows(words: &[&str]) -> bool {
    matches!(words, ["cannot", "be", last, ..] if has(&CONSEQUENCES, last))
}

/// `"member"`, `"members"`
fn is_thing(word: &str) -> bool {
    has(&THINGS, word) || word.strip_suffix('s').is_some_and(|one| has(&THINGS, one))
}

fn succeeds(word: &str) -> bool {
    has(&DEEDS, word) || has(&SUCCESSES, word)
}

fn has(list: &Words, word: &str) -> bool {
    list.contains(&(word, ""))
}

/// Whether the words begin with one of these, or with a pair.
fn begins(list: &Words, words: &[&str]) -> bool {
    let second = words.get(1).copied().unwrap_or_default();
    words.first().is_some_and(|first| has(list, first) || list.contains(&(first, second)))
}

/// Opening and closing quotation marks.
const QUOTES: [(char, char); 5] =
    [('"', '"'), ('\'', '\''), ('`', '`'), ('\u{201c}', '\u{201d}'), ('\u{ab}', '\u{bb}')];

/// The text without quotations, which are names of people and things.
fn without_quoted(text: &str) -> String {
    let (mut kept, mut open) = (String::with_capacity(text.len()), None);
    for part in text.split_inclusive(char::is_whitespace) {
        let opens = |(opening, _): &&(char, char)| part.starts_with(*opening);
        open = open.or_else(|| QUOTES.iter().find(opens).map(|(_, closing)| *closing));
        let bare = part.trim_end_matches(|c: char| c.is_whitespace() || ".,;:!?)".contains(c));
        match open {
            None => kept.push_str(part),
            Some(closing) if bare.ends_with(closing) => {
                kept.push_str(&part[bare.len()..]);
                open = None;
            }
            Some(_) => {}
        }
    }
    // A mark that nothing closes is something else.
    if open.is_some() { text.to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: Tone, texts: &[&str]) {
        for text in texts {
            assert_eq!(tone(text), expected, "{text}");
        }
    }

    #[test]
    fn words_of_success_are_good() {
        check(
            Tone::Good,
            &[
                "Member removed",
                "Successfully invited",
                "Alert CANCELLED!",
                "inviteSent",
                "MEMBER_REMOVED",
                "Completed, with no errors",
                "1 invited, 0 failed",
                "Removed 2 of 2 members",
                "Member added (3 of 10 seats used)",
                "Member removed. This cannot be undone.",
                "Alert deleted. It can't be restored.",
                "Alert deleted. It can not be restored.",
                "Processed 1 of 1, none failed",
                "Member added (limit of 100 not exceeded)",
                "Success: no issues found",
                "If the address is not registered yet, an invitation was sent",
                "Member removed and can rejoin",
                "max.muster@runners.example was invited",
                "Invite sent to bad.wolf@no.example",
            ],
        );
    }

    #[test]
    fn a_success_outweighs_what_may_be_a_name() {
        check(
            Tone::Good,
            &[
                "Alert for Bad Bunny created",
                "Invitation to No Limits Run Club sent",
                "Not Fast Runners invited",
                "Never Stop Running was invited",
                "Too Fast Runners informed",
                "Missing Link Club notified",
                "Access for T. Lee revoked",
                "Mr T was invited",
                "Invite for T-shirt team sent",
                "Removed 'Max Error' from \u{201c}Access denied\u{201d}",
                "Expired invitation resent",
            ],
        );
    }

    #[test]
    fn a_success_may_be_the_remedy_of_a_lack() {
        check(
            Tone::Good,
            &[
                "No account found. Invitation sent.",
                "User already exists, added to community",
                "User was not found and has been invited",
                "Unknown member, invited by email",
            ],
        );
        check(Tone::Mixed, &["Invitation sent, member not found"]);
    }

    #[test]
    fn phrases_of_failure_are_bad() {
        check(
            Tone::Bad,
            &[
                "Not Found",
                "UserNotFound",
                "notInvited",
                "User has not been invited",
                "PAYLOAD_TOO_LARGE",
                "Gone",
                "Community was not removed",
                "Member isn't invited",
                "It can\u{2019}t be removed",
                "You DON'T own it",
                "User can not be invited",
                "Invite not sent",
                "Hello. That isn't possible",
                "alert is locked",
                "Community 'Removed' was not found",
                "No such member",
                "No HTTP resource was found",
                "Bad request",
                "Only admins can invite members",
                "Community is full",
                "Invite limit reached",
                "No invitation sent",
                "The invite has not been accepted",
                "Nothing was deleted",
                "Nothing removed",
                "Bad credentials",
            ],
        );
    }

    #[test]
    fn a_success_beside_a_failure_is_mixed() {
        check(
            Tone::Mixed,
            &[
                "Completed with errors",
                "Invited 1 of 2",
                "2 of 3 members were removed",
                "CompletedWithErrors",
                "Invite sent, but not delivered",
                "2 invited, 1 failed",
                "Success: false",
                "Error: member was removed",
                "Conflict: member was removed",
                "Deleted member cannot be invited",
                "Failed to notify the members removed",
                "Invalid id because the member was removed",
                "Registered users only",
                "Cannot Stop Runners invited",
                "No account found invitation sent",
                "None of the users were invited",
            ],
        );
    }

    #[test]
    fn a_failure_beside_a_success_that_may_have_been_is_mixed() {
        check(
            Tone::Mixed,
            &[
                "Alert does not exist or has been deleted",
                "Community not found. It may have been deleted",
                "Only admins can be removed",
                "Invitation not yet accepted",
            ],
        );
    }

    #[test]
    fn single_words_of_failure_are_no_proof_of_one() {
        check(
            Tone::Mixed,
            &["Too Fast Runners", "Max Error wurde eingeladen", "You should be an admin", "Sorry"],
        );
    }

    #[test]
    fn words_with_capitals_may_be_names_and_prove_no_failure() {
        check(
            Tone::Mixed,
            &[
                "Welcome to Forbidden City Runners!",
                "Max zu Epic Fail Runners eingeladen",
                "Unknown User wurde eingeladen",
                "Cannot Stop Runners eingeladen",
                "Access Denied",
                "User Was Not Invited",
            ],
        );
        check(Tone::Bad, &["Forbidden: no access", "User NOT found", "Cannot invite Max"]);
        check(Tone::Good, &["No Account found, invitation sent"]);
    }

    #[test]
    fn a_condition_is_no_proof_of_a_failure() {
        check(
            Tone::Mixed,
            &[
                "Alert must be paused first",
                "user has not accepted",
                "Invite not accepted yet",
                "Max won't receive it any more",
                "Invite is on its way; it must be accepted within 7 days",
                "It can only be used once",
            ],
        );
    }

    #[test]
    fn words_of_no_failure_are_idle() {
        check(
            Tone::Idle,
            &["No errors", "no error occurred.", "none found", "0 failed", "Request OK"],
        );
        check(Tone::Bad, &["No permissions", "None found for community abc"]);
        check(Tone::Unclear, &["No error handler for route", "no failure domain available"]);
    }

    #[test]
    fn all_other_words_are_unclear() {
        check(
            Tone::Unclear,
            &[
                "",
                " - ",
                "Mitglied entfernt",
                "Участник не удалён",
                "please wait",
                "User was already invited",
                "Alert has to be paused before it can be deleted",
                "Member is no longer in the community",
                "Invite on its way, no action needed",
                "T. Smith wurde entfernt",
                "https://club.example/invites/cannot-stop-runners",
                "No grupo Corredores",
                "L'invitation t'a \u{e9}t\u{e9} envoy\u{e9}e",
                "Max wurde aus Lauftreff Bad Homburg entfernt",
            ],
        );
    }

    #[test]
    fn the_tone_of_a_long_text_is_that_of_its_beginning() {
        // A search for the end of each quotation would take minutes.
        for piece in ["'", " '", " \u{201c}", "\u{e9}", " \u{ab}x"] {
            assert_eq!(tone(&piece.repeat(2_000_000)), Tone::Unclear, "{piece}");
        }
        assert_eq!(tone(&format!("removed {}", "x ".repeat(2_000_000))), Tone::Good);
        assert_eq!(tone(&format!("{} removed", "x ".repeat(240))), Tone::Good);
        assert_eq!(tone(&format!("{} removed", "x ".repeat(250))), Tone::Unclear);
    }
}
