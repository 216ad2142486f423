//! Tables for a terminal, and cells for a spreadsheet.

use std::borrow::Cow;

use comfy_table::{ContentArrangement, Table, presets};

use crate::failure::Outcome;

/// Makes a plain table with these headings.
pub fn table<const N: usize>(headings: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings);
    table
}

/// Returns a string that is safe on a terminal: control characters, which could move its cursor, are replaced.
pub fn printable(string: &str) -> Cow<'_, str> {
    match string.chars().any(is_unsafe) {
        true => {
            string.chars().map(|char| if is_unsafe(char) { '\u{FFFD}' } else { char }).collect()
        }
        false => string.into(),
    }
}

/// Control characters, and those that reverse the direction of what follows.
fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Writes CSV for a spreadsheet, with cells that it does not take for formulas.
pub fn to_csv<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Outcome<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(headings)?;
    for row in rows {
        csv.write_record(row.iter().map(|string| cell(string).into_owned()))?;
    }
    csv.into_inner().map_err(|error| error.into_error().into())
}

/// Returns a cell that no spreadsheet takes for a formula: one that begins like a formula gets a `'` in front.
///
/// A spreadsheet that expects semicolons splits a file with commas at them, so a cell may begin behind each.
fn cell(string: &str) -> Cow<'_, str> {
    let is_formula = |part: &str| part.trim_start_matches(is_blank).starts_with(FORMULA);
    let mut parts = string.split_inclusive(ENDS);
    if !is_formula(string) && !string.starts_with(ENDS) && !parts.clone().any(is_formula) {
        return string.into();
    }
    let mut safe = String::new();
    if is_formula(string) || string.starts_with(ENDS) {
        safe.push('\'');
        safe.extend(parts.next());
    }
    for part in parts {
        safe.extend(is_formula(part).then_some('\''));
        safe.push_str(part);
    }
    safe.into()
}

/// The characters that may end a cell.
const ENDS: [char; 4] = [';', '\t', '\r', '\n'];
/// The characters that begin a formula, in the wide form too.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Whether a spreadsheet skips this character before a formula.
fn is_blank(char: char) -> bool {
    char.is_whitespace()
        || char.is_control()
        || matches!(char, '\u{200B}'..='\u{200F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_begins_like_a_formula_is_neutralized() {
        let formulas = [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "\tA",
            "\rA",
            "＝1",
            "\u{FEFF}=1",
            "\u{200B}@A",
            "\u{A0}=1",
        ];
        for formula in formulas {
            assert!(cell(formula).starts_with('\''), "{formula:?}");
        }
        assert_eq!(cell("=1+1"), "'=1+1");
        for harmless in
            ["", "Ada", "1=1", "a-b", "a, -b", "ada@example.com", "https://x.test/a;b-c"]
        {
            assert_eq!(cell(harmless), harmless);
        }
    }

    #[test]
    fn a_formula_behind_a_semicolon_is_neutralized_too() {
        assert_eq!(cell("a;=1+1"), "a;'=1+1");
        assert_eq!(cell("=1; \n@x;-2"), "'=1; \n'@x;'-2");
    }

    #[test]
    fn a_title_cannot_control_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb"), "a\u{FFFD}[2Jb");
        assert_eq!(printable("a\u{202E}b"), "a\u{FFFD}b");
        assert_eq!(printable("Käse 😀"), "Käse 😀");
    }
}
