//! Whether the words of a service speak of success or of failure, as far as words show that.

use std::ops::Range;

use super::message::floor;

/// As much of a text is read, in bytes.
const LONGEST: usize = 1000;

/// The tone of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Of success only.
    Good,
    /// Of failure only.
    Bad,
    /// Of failure, and of a success that is limited or partial.
    Mixed,
    /// In another language, with none of the known words, or of a success beside what may be a name: "Bad News Club".
    Unclear,
}

/// Words of a success, unless one of [`BAD`] or [`LIMITS`] is there, too.
const GOOD: [&str; 49] = [
    "ok",
    "done",
    "success",
    "successful",
    "successfully",
    "succeeded",
    "complete",
    "completed",
    "finished",
    "removed",
    "deleted",
    "kicked",
    "revoked",
    "cancelled",
    "canceled",
    "created",
    "updated",
    "changed",
    "saved",
    "added",
    "assigned",
    "unassigned",
    "invited",
    "joined",
    "sent",
    "resent",
    "emailed",
    "delivered",
    "accepted",
    "approved",
    "queued",
    "scheduled",
    "received",
    "processed",
    "archived",
    "unarchived",
    "restored",
    "enabled",
    "paused",
    "resumed",
    "registered",
    "confirmed",
    "applied",
    "notified",
    "informed",
    "mailed",
    "activated",
    "renewed",
    "subscribed",
];

/// Words of a failure. `no` and `bad` are, too, before [`NOUNS`].
const BAD: [&str; 50] = [
    "not",
    "cannot",
    "never",
    "nothing",
    "nobody",
    "none",
    "unable",
    "fail",
    "fails",
    "failed",
    "failure",
    "failures",
    "error",
    "errors",
    "problem",
    "invalid",
    "denied",
    "forbidden",
    "rejected",
    "refused",
    "missing",
    "required",
    "must",
    "should",
    "gone",
    "locked",
    "unknown",
    "unauthorized",
    "unauthenticated",
    "unavailable",
    "unsupported",
    "unexpected",
    "insufficient",
    "exceeded",
    "expired",
    "exists",
    "conflict",
    "duplicate",
    "timeout",
    "timed",
    "too",
    "maintenance",
    "wrong",
    "false",
    "unsuccessful",
    "unsuccessfully",
    "reached",
    "sorry",
    "quota",
    "impossible",
];

/// Words that limit a success, or make it a rule.
const LIMITS: [&str; 7] = ["can", "only", "before", "until", "but", "however", "already"];

/// Words after which a success is one that has not happened, or the reason of a failure.
const CONDITIONS: [&str; 10] =
    ["can", "could", "if", "because", "since", "when", "unless", "until", "before", "already"];

/// Words that deny a success right after them, or in the same breath: "not found or deleted".
const NEGATIONS: [&str; 15] = [
    "not", "cannot", "never", "must", "should", "unable", "fail", "failed", "nothing", "nobody",
    "none", "without", "no", "or", "nor",
];

/// Words before a negation that show that it is no part of a name.
const VERBS: [&str; 16] = [
    "is", "are", "was", "were", "be", "do", "does", "did", "has", "have", "had", "could", "would",
    "ca", "wo", "should",
];

/// Words of a failure that no success has, not even that of a call that mends something.
const FAILURES: [&str; 13] = [
    "fail",
    "fails",
    "failed",
    "failure",
    "error",
    "errors",
    "rejected",
    "unable",
    "forbidden",
    "unauthorized",
    "unauthenticated",
    "false",
    "unsuccessful",
];

/// Words of [`FAILURES`] that turn a success before them into a failure: "completed with errors".
const TROUBLE: [&str; 8] =
    ["error", "errors", "failure", "failures", "problem", "problems", "warnings", "issues"];

/// Words of a failure right after "is" or "are".
const CLOSED: [&str; 8] =
    ["full", "banned", "blocked", "suspended", "disabled", "closed", "inactive", "restricted"];

/// Words of a failure in other languages, which may be words of something else, too.
const FOREIGN: [&str; 16] = [
    "nicht",
    "kein",
    "keine",
    "fehler",
    "fehlgeschlagen",
    "ung\u{fc}ltig",
    "n\u{e3}o",
    "erro",
    "pudo",
    "encontrado",
    "pas",
    "erreur",
    "introuvable",
    "\u{e9}chec",
    "niet",
    "fout",
];

/// Words after `no` that do not mean a failure.
const MORE: [&str; 3] = ["longer", "further", "more"];

/// Words after `no` and `bad` that make them English, and no part of a name.
const NOUNS: [&str; 43] = [
    "such",
    "request",
    "requests",
    "gateway",
    "credentials",
    "credential",
    "input",
    "parameter",
    "token",
    "key",
    "api",
    "id",
    "format",
    "value",
    "data",
    "json",
    "permission",
    "permissions",
    "access",
    "right",
    "rights",
    "member",
    "members",
    "user",
    "users",
    "person",
    "community",
    "communities",
    "group",
    "event",
    "events",
    "alert",
    "alerts",
    "account",
    "seat",
    "seats",
    "invite",
    "invitation",
    "matching",
    "valid",
    "route",
    "role",
    "place",
];

/// The words that make `no` English from a distance: "no tickets left".
const ABSENCES: [&str; 5] = ["found", "left", "available", "remaining", "allowed"];

/// A negation denies what follows within so many words, and a `not` within [`FAR`].
const NEAR: usize = 2;
const FAR: usize = 3;

/// Returns the tone of a text: that of its first clause, if that is of success and not limited by what follows; else of all.
pub(super) fn tone(text: &str) -> Tone {
    let text = without_quoted(&text[..floor(text, LONGEST)]);
    let sentences: Vec<Vec<Clause>> = text.split(['!', '\n']).flat_map(sentences).collect();
    let all = || sentences.iter().flatten();
    let first = sentences.first().map(Vec::as_slice).unwrap_or_default();
    if all().any(|clause| clause.is_taken_back)
        || first.first().is_some_and(|it| it.is_troubled() && !it.has(&["warnings", "issues"]))
    {
        return Tone::Bad;
    }
    let is_bad = all().any(|clause| clause.is_bad);
    let is_turned = all().any(|clause| clause.has(&["but", "however"]));
    let begins_well = first.first().is_some_and(Clause::is_plain_success);
    let is_partial = all().any(|clause| clause.is_good)
        && (is_turned && is_bad || all().any(|clause| clause.is_denied));
    match () {
        () if begins_well && !is_turned => match first.iter().any(|it| it.has(&FAILURES)) {
            true => Tone::Mixed,
            false => Tone::Good,
        },
        () if is_partial => Tone::Mixed,
        () if !is_bad && all().any(|clause| clause.has(&FOREIGN)) => Tone::Mixed,
        () if !is_bad || all().any(|clause| clause.is_good) => Tone::Unclear,
        () if all().any(|clause| clause.is_conditional) => Tone::Mixed,
        () => Tone::Bad,
    }
}

/// The sentences of a line, in clauses. A dot after a single letter is one of an initial, and one within a word of an address.
fn sentences(line: &str) -> Vec<Vec<Clause>> {
    let is_initial =
        |part: &str| part.rsplit(' ').next().is_some_and(|word| word.chars().count() == 1);
    let mut sentences: Vec<String> = Vec::new();
    for part in line.split(". ") {
        match sentences.last_mut() {
            Some(last) if is_initial(last) => *last += &format!(" {part}"),
            _ => sentences.push(part.to_owned()),
        }
    }
    let clauses = |sentence: String| sentence.split([';', ',']).map(Clause::of).collect();
    sentences.into_iter().map(clauses).collect()
}

/// A part of a sentence, and its tone.
struct Clause {
    words: Vec<String>,
    /// It has a word of success that is neither denied nor under a condition.
    is_good: bool,
    /// It has a word of failure.
    is_bad: bool,
    /// It has a word of success under a condition: "can be added".
    is_conditional: bool,
    /// It has a success that is denied in the same breath: "deleted members cannot be invited".
    is_denied: bool,
    /// "but not delivered"
    is_taken_back: bool,
}

impl Clause {
    fn of(text: &str) -> Clause {
        let words = words(text);
        let has = |at: usize, known: &[&str]| known.contains(&&*words[at]);
        let all = || 0..words.len();
        let is_denied = |at: usize| (at.saturating_sub(FAR)..at).any(|by| negates(&words, by, at));
        let (denied, stated): (Vec<usize>, Vec<usize>) =
            all().filter(|at| has(*at, &GOOD)).partition(|at| is_denied(*at));
        let is_plain = |at: &usize| !(0..*at).any(|before| has(before, &CONDITIONS));
        let is_good = stated.iter().any(is_plain);
        let denial = all().find(|at| denies(&words, *at));
        let is_apart = |at: usize| (0..at).any(|before| has(before, &["and"]));
        Clause {
            is_good,
            is_bad: all().any(|at| is_bad(&words, at)),
            // "not yet accepted"
            is_conditional: !is_good && !stated.is_empty() || words.iter().any(|it| it == "yet"),
            is_denied: denial.is_some_and(|at| !is_apart(at)) && is_good
                || all().any(|at| has(at, &FAILURES)),
            is_taken_back: !denied.is_empty() && words.starts_with(&["but".into(), "not".into()]),
            words,
        }
    }

    fn is_plain_success(&self) -> bool {
        let is_limited = self.has(&LIMITS) || self.is_troubled() || self.has(&["no", "bad"]);
        self.is_good && !self.is_bad && !is_limited
    }

    fn has(&self, known: &[&str]) -> bool {
        self.words.iter().any(|word| known.contains(&&**word))
    }

    /// "completed with errors"
    fn is_troubled(&self) -> bool {
        self.has(&["with"]) && self.has(&TROUBLE)
    }
}

/// Whether the word at `by` denies the word of success at `at`.
fn negates(words: &[String], by: usize, at: usize) -> bool {
    let is_near = at - by <= NEAR || words[by] == "not";
    NEGATIONS.contains(&&*words[by]) && is_near && (words[by] != "no" || is_bad(words, by))
}

/// Whether the word is one of failure.
fn is_bad(words: &[String], at: usize) -> bool {
    let next = words.get(at + 1).map(String::as_str).unwrap_or_default();
    let is_absent = || words[at..].iter().take(4).any(|word| ABSENCES.contains(&&**word));
    match &*words[at] {
        "no" => NOUNS.contains(&next) || is_absent(),
        "bad" => NOUNS.contains(&next),
        // "only admins can invite"
        "only" => words[at..].iter().take(4).any(|word| word == "can"),
        "is" | "are" => CLOSED.contains(&next),
        word => BAD.contains(&word),
    }
}

/// Whether the word denies something for certain: "cannot", "is not".
fn denies(words: &[String], at: usize) -> bool {
    let is_verb = |at: usize| VERBS.contains(&&*words[at]);
    matches!(&*words[at], "cannot" | "must") || words[at] == "not" && at > 0 && is_verb(at - 1)
}

/// Opening and closing quotation marks.
const QUOTES: [(char, char); 5] =
    [('"', '"'), ('\'', '\''), ('`', '`'), ('\u{201c}', '\u{201d}'), ('\u{ab}', '\u{bb}')];

/// The text without quotations, which are names of people and things.
fn without_quoted(text: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(quoted) = first_quoted(rest) {
        kept.push_str(&rest[..quoted.start]);
        rest = &rest[quoted.end..];
    }
    kept + rest
}

fn first_quoted(text: &str) -> Option<Range<usize>> {
    text.char_indices().find_map(|(start, letter)| {
        let (_, closing) = QUOTES.iter().find(|(opening, _)| *opening == letter)?;
        let is_within_word = text[..start].ends_with(char::is_alphanumeric);
        let inner = start + letter.len_utf8();
        let mut ends =
            text[inner..].match_indices(*closing).map(|(at, mark)| inner + at + mark.len());
        let end = ends.find(|end| !text[*end..].starts_with(char::is_alphanumeric))?;
        (!is_within_word).then_some(start..end)
    })
}

/// The words of a text in lower case, without e-mail addresses, and without `no errors` and the like.
fn words(text: &str) -> Vec<String> {
    let parts = text.split_whitespace().filter(|part| !part.contains('@'));
    let is_between = |c: char| !c.is_alphanumeric() && !APOSTROPHES.contains(&c);
    let spelled = parts.flat_map(|part| part.split(is_between)).map(str::to_lowercase);
    let mut kept: Vec<String> = Vec::new();
    for word in spelled.flat_map(|word| without_contraction(&word)) {
        let is_denied = match kept.last().map(String::as_str) {
            Some("no") => TROUBLE.contains(&&*word) || MORE.contains(&&*word),
            Some("without") => TROUBLE.contains(&&*word),
            Some("0" | "zero") => TROUBLE.contains(&&*word) || FAILURES.contains(&&*word),
            _ => false,
        };
        match is_denied {
            true => drop(kept.pop()),
            false => kept.push(word),
        }
    }
    kept
}

const APOSTROPHES: [char; 2] = ['\'', '\u{2019}'];

/// `isn't` as `is` and `not`; any other word in its parts: `t'a` has nothing of a `not`.
fn without_contraction(word: &str) -> Vec<String> {
    let verb = APOSTROPHES
        .iter()
        .find_map(|mark| word.strip_suffix('t')?.strip_suffix(*mark)?.strip_suffix('n'));
    let parts = match verb {
        Some(verb) => vec![verb, "not"],
        None => word.split(APOSTROPHES).collect(),
    };
    parts.into_iter().filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_clause_gives_the_tone() {
        for text in [
            "Member removed",
            "Successfully invited",
            "Completed without errors",
            "Completed, with no errors",
            "Member removed. No further action needed.",
            "max.muster@runners.example was invited",
            "Invitation emailed",
            "Alert CANCELLED!",
            "Invite sent to bad.wolf@no.example",
            "Removed 'Max Error' from \u{201c}Not Fast\u{201d}",
            "Member removed, no further action needed",
            "Completed with 0 errors",
            "1 invited, 0 failed",
            "Access for T. Lee revoked",
        ] {
            assert_eq!(tone(text), Tone::Good, "{text}");
        }
        for text in [
            "Not Found",
            "Community was not removed",
            "Completed with errors",
            "Invite sent, but not delivered",
            "Alert must be paused first",
            "Hello. That isn't possible",
            "alert is locked",
            "Community 'Removed' was not found",
            "It isn't removed, and wasn't 'before'",
            "Deleted with 2 errors",
            "No such member",
            "Only admins can invite members",
            "Unsuccessful",
            "Community is full",
            "Invite limit reached",
            "no seats left",
            "No invitation sent",
            "Bad request",
            "Community not found or deleted",
            "The invite has not been accepted",
            "Request could not be processed",
        ] {
            assert_eq!(tone(text), Tone::Bad, "{text}");
        }
        for text in [
            "",
            " - ",
            "Mitglied entfernt",
            "Участник не удалён",
            "Member removed and can rejoin",
            "please wait",
            "Alert deleted and cannot be restored",
            "Member is no longer in the community",
            "User was already invited",
            "'not found'",
            "Expired invitation resent",
            "Alert for Bad Bunny created",
            "Bad Bunny was invited",
            "T. Smith wurde entfernt",
            "Invitation to No Limits Run Club",
            "Invitation to No Limits Run Club sent",
            "No Limits Run Club: invitation sent",
            "Invited Bad Bunny",
            "Max wurde aus Lauftreff Bad Homburg entfernt",
            "Convite enviado no grupo",
            "No grupo Corredores",
            "L'invitation t'a \u{e9}t\u{e9} envoy\u{e9}e",
            "Einladung an T. M\u{fc}ller verschickt",
            "Duplicate alert deleted",
            "Locked account removed",
            "No account found, invitation sent",
            "No account found. Invitation sent.",
            "User already exists, added to community",
            "Invite on its way, no action needed",
            "Completed with warnings",
            "Too Fast Runners informed",
            "Missing Link Club notified",
        ] {
            assert_eq!(tone(text), Tone::Unclear, "{text}");
        }
    }

    #[test]
    fn a_success_that_is_partial_conditional_or_denied_is_neither_good_nor_bad() {
        for text in [
            "2 invited, 1 failed",
            "Only admins can be removed",
            "Invitation not yet accepted",
            "Success: false",
            "Mitglied nicht gefunden",
            "Convite n\u{e3}o enviado",
            "No se pudo enviar",
            "L'invitation n'a pas \u{e9}t\u{e9} envoy\u{e9}e",
            "Deleted member cannot be invited",
            "Deleted users are not allowed",
            "Unknown member: only an admin can be added",
            "Invalid id because the member was removed",
            "Member removed, but email not delivered",
            "Failed to notify the members removed",
        ] {
            assert_eq!(tone(text), Tone::Mixed, "{text}");
        }
    }

    #[test]
    fn a_contraction_is_a_negation_and_a_single_letter_is_none() {
        for text in ["Member isn't invited", "It can\u{2019}t be removed", "You DON'T own it"] {
            assert_eq!(tone(text), Tone::Bad, "{text}");
        }
        for text in ["T. Smith was removed", "Invite for T-shirt team sent", "Mr T was invited"] {
            assert_eq!(tone(text), Tone::Good, "{text}");
        }
    }

    #[test]
    fn the_tone_of_a_long_text_is_that_of_its_beginning() {
        // A search for the end of each quotation would take minutes.
        for piece in ["'", " '", " \u{201c}", "\u{e9}", " \u{ab}x"] {
            assert_eq!(tone(&piece.repeat(2_000_000)), Tone::Unclear, "{piece}");
        }
        assert_eq!(tone(&format!("removed {}", "x ".repeat(2_000_000))), Tone::Good);
    }
}
