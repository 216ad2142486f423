//! Whether the words of a service speak of success or of failure, as far as words show that.

use std::ops::Range;

use super::message::floor;

/// As much of a text is read, in bytes.
const LONGEST: usize = 1000;

/// The tone of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    /// In another language, or with none of the known words.
    Unclear,
}

/// Words of a success, unless one of [`BAD`] or [`LIMITS`] is there, too.
const GOOD: [&str; 43] = [
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
];

const BAD: [&str; 49] = [
    "not",
    "no",
    // Of "isn't".
    "t",
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
    "bad",
    "sorry",
    "quota",
    "impossible",
];

/// Words that limit a success, or make it a rule.
const LIMITS: [&str; 7] = ["can", "only", "before", "until", "but", "however", "already"];

/// Words of [`BAD`] that turn a success before them into a failure.
const TROUBLE: [&str; 8] =
    ["error", "errors", "failure", "failures", "problem", "problems", "warnings", "issues"];

/// Words after `no` that do not mean a failure.
const MORE: [&str; 3] = ["longer", "further", "more"];

/// Returns the tone of a text: of its first clause, unless that is limited by what follows.
pub(super) fn tone(text: &str) -> Tone {
    let text = &without_quoted(&text[..floor(text, LONGEST)]);
    let sentence = text.split(['!', '\n']).next().unwrap_or_default();
    // A dot may be within an address.
    let sentence = sentence.split(". ").next().unwrap_or_default();
    let (clause, rest) = sentence.split_once([';', ',']).unwrap_or((sentence, ""));
    let (clause, rest, whole) = (words(clause), words(rest), words(text));
    let has = |words: &[String], known: &[&str]| words.iter().any(|it| known.contains(&&**it));
    let first = |known: &[&str]| clause.iter().position(|it| known.contains(&&**it));
    let is_limited = has(&clause, &LIMITS) || has(&whole, &["but", "however"]);
    let is_troubled = has(&clause, &["with"]) && has(&clause, &TROUBLE);
    match (first(&GOOD), first(&BAD)) {
        // "Completed with errors", and "Invited Bad Bunny" or "Deleted member cannot be invited".
        (Some(good), Some(bad)) if good < bad && !is_troubled => Tone::Unclear,
        (_, Some(_)) => Tone::Bad,
        (Some(_), None) if !is_limited && !has(&rest, &FAILURES) => Tone::Good,
        (Some(_), None) if !is_limited => Tone::Unclear,
        _ if has(&whole, &BAD) => Tone::Bad,
        _ => Tone::Unclear,
    }
}

/// Words of failure in a later clause: "2 invited, 1 failed".
const FAILURES: [&str; 6] = ["fail", "fails", "failed", "error", "errors", "rejected"];

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
    let words = parts.flat_map(|part| part.split(|c: char| !c.is_alphanumeric()));
    let mut kept: Vec<String> = Vec::new();
    for word in words.filter(|word| !word.is_empty()).map(str::to_lowercase) {
        let is_denied = match kept.last().map(String::as_str) {
            Some("no") => TROUBLE.contains(&&*word) || MORE.contains(&&*word),
            Some("without") => TROUBLE.contains(&&*word),
            _ => false,
        };
        match is_denied {
            true => drop(kept.pop()),
            false => kept.push(word),
        }
    }
    kept
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
        ] {
            assert_eq!(tone(text), Tone::Bad, "{text}");
        }
        for text in [
            "",
            " - ",
            "Mitglied entfernt",
            "Участник не удалён",
            "Member removed and can rejoin",
            "Only admins can be removed",
            "please wait",
            "Deleted member cannot be invited",
            "Alert deleted and cannot be restored",
            "Member is no longer in the community",
            "User was already invited",
            "2 invited, 1 failed",
            "'not found'",
        ] {
            assert_eq!(tone(text), Tone::Unclear, "{text}");
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
