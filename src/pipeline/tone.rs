//! Whether the words of a service speak of success or of failure, as far as words show that.

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

const BAD: [&str; 50] = [
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
    "blocked",
    "suspended",
    "disabled",
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
    "maintenance",
    "wrong",
    "bad",
    "sorry",
    "quota",
    "impossible",
];

/// Words that limit a success, or make it a rule.
const LIMITS: [&str; 6] = ["can", "only", "before", "until", "but", "however"];

/// Words after `without` and `no` that make a success of it.
const TROUBLE: [&str; 8] =
    ["error", "errors", "failure", "failures", "problem", "problems", "warnings", "issues"];

/// Returns the tone of a text: of its first clause, unless that is limited by what follows.
pub(super) fn tone(text: &str) -> Tone {
    let clause = text.split(['!', ';', ',', '\n']).next().unwrap_or_default();
    // A dot may be within an address.
    let clause = clause.split(". ").next().unwrap_or_default();
    let (clause, whole) = (words(clause), words(text));
    let has = |words: &[String], known: &[&str]| words.iter().any(|it| known.contains(&&**it));
    let is_limited = has(&clause, &LIMITS) || has(&whole, &["but", "however"]);
    match () {
        () if has(&clause, &BAD) => Tone::Bad,
        () if has(&clause, &GOOD) && !is_limited => Tone::Good,
        () if has(&whole, &BAD) => Tone::Bad,
        () => Tone::Unclear,
    }
}

/// The words of a text in lower case, without `no errors` and the like.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut kept: Vec<String> = Vec::new();
    for word in words.map(str::to_lowercase) {
        let is_denied = matches!(kept.last().map(String::as_str), Some("without" | "no"));
        match is_denied && TROUBLE.contains(&&*word) {
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
        ] {
            assert_eq!(tone(text), Tone::Unclear, "{text}");
        }
    }
}
