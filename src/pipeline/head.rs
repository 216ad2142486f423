//! The head of a response, brought into a form that ureq's parser accepts.

use crate::json::scan::place_of;

/// As many header lines as are kept of the head of a response, besides those that [`matters`]. ureq rejects more than 128.
pub(crate) const MOST_LINES: usize = 100;
/// As many of a proxy's. ureq rejects more than 20.
pub(crate) const MOST_LINES_OF_PROXY: usize = 10;

/// As many lines that [`matters`] are kept behind those, and no more than half as many as of the others.
const MOST_NEEDED: usize = 20;

/// The names of header lines that are kept however many there are, in lower case: they state where the body ends.
const FRAMING: [&[u8]; 3] = [b"connection", b"content-length", b"transfer-encoding"];
/// The names of others that matter.
const NEEDED: [&[u8]; 5] =
    [b"content-encoding", b"content-type", b"location", b"retry-after", b"x-request-id"];
const NEEDED_PREFIXES: [&[u8]; 2] = [b"ratelimit", b"x-ratelimit"];

/// Where the status is in the first line of a response.
const STATUS: std::ops::Range<usize> = 9..12;

/// The state of the head that an input begins with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The input goes on behind the head of the final response.
    pub(crate) is_whole: bool,
    /// The status of the final response, or of an interim one that is not whole.
    pub(crate) status: Option<[u8; 3]>,
    /// The input to continue with, if it is another one.
    pub(crate) tidied: Option<Vec<u8>>,
}

/// Joins lines that are folded, as RFC 9112 (5.2) demands, and leaves out lines beyond what ureq accepts.
///
/// Of other lines than those that matter, the first `most` are kept. The input may end anywhere. Lines that
/// were tidied stay as they are when more has arrived behind them.
pub(crate) fn tidy(input: &[u8], most: usize) -> Head {
    let (start, Found { length, is_whole, is_tidy }) = final_head(input, most);
    let status = input[start..].get(STATUS).and_then(|status| status.try_into().ok());
    if is_tidy {
        return Head { is_whole, status, tidied: None };
    }
    let (head, rest) = input[start..].split_at(length);
    let lines: Vec<&[u8]> = head.split_inclusive(|byte| *byte == b'\n').collect();
    // More of the last line may arrive.
    let unfinished = lines.iter().rposition(|line| !is_folded(line)).filter(|_| !is_whole);
    let mut tidied = [&input[..start], lines.first().copied().unwrap_or_default()].concat();
    let (mut count, mut needed, mut is_kept) = (0, 0, true);
    for (at, line) in lines.iter().enumerate().skip(1) {
        if is_folded(line) {
            if is_kept {
                unfold_onto(&mut tidied, line);
            }
            continue;
        }
        count += 1;
        let name = name(line);
        needed += usize::from(count > most && matters(&name));
        let is_needed = matters(&name) && needed <= MOST_NEEDED.min(most / 2);
        let is_surplus = count > most && !FRAMING.contains(&&*name) && unfinished != Some(at);
        is_kept = is_needed || !is_surplus;
        if is_kept {
            tidied.extend(*line);
        }
    }
    tidied.extend(rest);
    Head { is_whole, status, tidied: (tidied != input).then_some(tidied) }
}

/// The length of the interim responses that the input begins with.
pub(crate) fn interim(input: &[u8]) -> usize {
    final_head(input, MOST_LINES).0
}

/// A head, of which the input may have the beginning only.
struct Found {
    /// Without the empty line.
    length: usize,
    /// It ends in the input.
    is_whole: bool,
    /// It has no folded lines, and not too many.
    is_tidy: bool,
}

/// Where the head begins that comes after those of interim responses, such as 100 and 103, and what it is.
fn final_head(input: &[u8], most: usize) -> (usize, Found) {
    let mut start = 0;
    loop {
        let found = head_of(&input[start..], most);
        let status = input[start..].get(STATUS);
        let is_interim = status.is_some_and(|status| status[0] == b'1' && status != b"101");
        if !found.is_whole || !is_interim {
            return (start, found);
        }
        let end = start + found.length;
        start = end + if input[end] == b'\n' { 1 } else { 2 };
    }
}

/// The head that the input begins with.
fn head_of(input: &[u8], most: usize) -> Found {
    let (mut rest, mut lines, mut is_whole, mut is_folded) = (input, 0, false, false);
    while !is_whole && let Some(end) = place_of(b'\n', rest) {
        rest = &rest[end + 1..];
        lines += 1;
        is_folded |= self::is_folded(rest);
        is_whole = matches!(rest, [b'\n', ..] | [b'\r', b'\n', ..]);
    }
    // A line may go on in what has not arrived.
    let length = if is_whole { input.len() - rest.len() } else { input.len() };
    Found { length, is_whole, is_tidy: !is_folded && lines <= 1 + most }
}

fn is_folded(line: &[u8]) -> bool {
    matches!(line, [b' ' | b'\t', ..])
}

fn unfold_onto(head: &mut Vec<u8>, line: &[u8]) {
    for byte in head.iter_mut().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')) {
        *byte = b' ';
    }
    head.extend(line);
}

fn name(line: &[u8]) -> Vec<u8> {
    line.split(|byte| *byte == b':').next().unwrap_or_default().to_ascii_lowercase()
}

fn matters(name: &[u8]) -> bool {
    NEEDED.contains(&name) || NEEDED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tidies an input that arrives in two pieces.
    fn in_pieces(whole: &str, cut: usize) -> String {
        let (mut input, mut is_in_head) = (Vec::new(), true);
        for piece in [&whole.as_bytes()[..cut], &whole.as_bytes()[cut..]] {
            input.extend(piece);
            if is_in_head {
                let head = tidy(&input, MOST_LINES);
                is_in_head = !head.is_whole;
                input = head.tidied.unwrap_or(input);
            }
        }
        assert!(!is_in_head, "{cut}");
        String::from_utf8_lossy(&input).into_owned()
    }

    #[test]
    fn folded_lines_are_joined_in_whatever_pieces_they_arrive() {
        for interim in ["", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 E\nX: y\n\n"] {
            let whole = "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\tc\r\nY: d\n e\r\n\r\n f\r\n g";
            let expected = "HTTP/1.1 200 OK\r\nX: a   b  \tc\r\nY: d  e\r\n\r\n f\r\n g";
            let whole = format!("{interim}{whole}");
            for cut in 0..=whole.len() {
                assert_eq!(in_pieces(&whole, cut), format!("{interim}{expected}"), "{cut}");
            }
        }
    }

    #[test]
    fn lines_beyond_what_the_parser_accepts_are_left_out_unless_they_matter() {
        let lines = |count| (0..count).map(|nth| format!("X-{nth}: y\r\n")).collect::<String>();
        let needed = "Content-Length: 2\r\nX-RateLimit-Remaining: 7\r\n";
        let whole = format!("HTTP/1.1 200 OK\r\n{}{needed}\r\n{{}}", lines(300));
        let expected = format!("HTTP/1.1 200 OK\r\n{}{needed}\r\n{{}}", lines(MOST_LINES));
        for cut in [0, 5, 900, 901, 902, 903, 904, 905, 906, 2000, whole.len() - 3, whole.len()] {
            assert_eq!(in_pieces(&whole, cut), expected, "{cut}");
        }
    }

    #[test]
    fn a_folded_line_goes_with_the_line_that_is_left_out() {
        let lines: String =
            (0..MOST_LINES + 3).map(|nth| format!("X-{nth}: y\r\n z\r\n")).collect();
        let whole = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\n{{}}");
        let kept: String = (0..MOST_LINES).map(|nth| format!("X-{nth}: y   z\r\n")).collect();
        let expected = format!("HTTP/1.1 200 OK\r\n{kept}Content-Length: 2\r\n\r\n{{}}");
        for cut in whole.len() - 80..whole.len() {
            assert_eq!(in_pieces(&whole, cut), expected, "{cut}");
        }
    }

    #[test]
    fn as_many_lines_are_kept_as_are_asked_for() {
        let lines = |count| (0..count).map(|nth| format!("X-{nth}: y\r\n")).collect::<String>();
        for sent in 0..30 {
            let whole = format!("HTTP/1.1 407 P\r\n{}\r\n", lines(sent));
            let kept = format!("HTTP/1.1 407 P\r\n{}\r\n", lines(sent.min(MOST_LINES_OF_PROXY)));
            let tidied = tidy(whole.as_bytes(), MOST_LINES_OF_PROXY).tidied;
            let tidied = tidied.unwrap_or_else(|| whole.clone().into_bytes());
            assert_eq!(String::from_utf8_lossy(&tidied), kept, "{sent}");
        }
    }

    #[test]
    fn no_more_lines_are_kept_than_the_parser_accepts_and_always_those_about_the_body() {
        for (most, accepted) in [(MOST_LINES, 128), (MOST_LINES_OF_PROXY, 20)] {
            let lines = "RateLimit: 1\r\n".repeat(300);
            let whole = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\n{{}}");
            let tidied = tidy(whole.as_bytes(), most).tidied.unwrap_or_default();
            let tidied = String::from_utf8_lossy(&tidied);
            assert!(tidied.ends_with("\r\nContent-Length: 2\r\n\r\n{}"), "{tidied}");
            assert!(tidied.lines().count() < accepted, "{most}");
        }
    }

    #[test]
    fn a_usual_head_is_left_as_it_is() {
        for (input, is_whole, status) in [
            ("HTTP/1.1 200 OK\r\nX: y\r\n\r\n body", true, Some(b"200")),
            ("HTTP/1.1 101 Switching\r\nX: y\r\n\r\n", true, Some(b"101")),
            ("HTTP/1.1 100 Continue\r\n\r\n", false, None),
            ("HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 404", false, Some(b"404")),
            ("HTTP/1.1 200 OK\r\nX: y\r\n", false, Some(b"200")),
            ("HTTP/1.1 50", false, None),
            ("", false, None),
        ] {
            let expected = Head { is_whole, status: status.copied(), tidied: None };
            assert_eq!(tidy(input.as_bytes(), MOST_LINES), expected, "{input}");
        }
    }
}
