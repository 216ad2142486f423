//! The wording of an error's line.

use std::borrow::Cow;

use http::StatusCode;

/// The most of a service's message that an error prints, in characters.
const MESSAGE_KEPT: usize = 500;

/// The message without the status that it begins with: `502 Bad Gateway`, `502: Bad gateway` or `Bad Gateway`.
pub(super) fn without_status(message: &str, status: StatusCode) -> &str {
    let (first, rest) = message.split_once("; ").unwrap_or((message, ""));
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let reason = letters(status.canonical_reason().unwrap_or_default());
    let first = letters(first);
    let first = first.strip_prefix("http").unwrap_or(&first);
    let first = first.strip_prefix(status.as_str()).unwrap_or(first);
    if first.is_empty() || first == reason { rest } else { message }
}

/// `502 Bad Gateway`; the number alone if the standard has no words for it.
pub(crate) fn in_words(status: StatusCode) -> Cow<'static, str> {
    match status.canonical_reason() {
        Some(_) => status.to_string().into(),
        None => status.as_str().to_owned().into(),
    }
}

/// One line, of bounded length, without control characters: a server's words must not move a terminal's
/// cursor, nor look like a second line of a log.
pub(super) fn tidy(message: String) -> String {
    let mut line = String::with_capacity(message.len().min(4 * MESSAGE_KEPT));
    for word in
        message.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty())
    {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if let Some((end, _)) = line.char_indices().nth(MESSAGE_KEPT) {
        line.truncate(end);
        line.push('…');
    }
    line
}
