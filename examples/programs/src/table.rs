//! Tables for a terminal, and cells for a spreadsheet.

use std::borrow::Cow;

use comfy_table::{ContentArrangement, Table, presets};

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
    char.is_control() || matches!(char, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Returns a cell that no spreadsheet takes for a formula: one that begins like a formula gets a `'` in front.
pub fn cell(string: &str) -> Cow<'_, str> {
    match string.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'])
    {
        true => format!("'{string}").into(),
        false => string.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_begins_like_a_formula_is_neutralized() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"] {
            assert_eq!(cell(formula), format!("'{formula}"));
        }
        for harmless in ["", "Ada", "1=1", "a-b", "ada@example.com"] {
            assert_eq!(cell(harmless), harmless);
        }
    }

    #[test]
    fn a_title_cannot_control_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb"), "a\u{FFFD}[2Jb");
        assert_eq!(printable("a\u{202E}b"), "a\u{FFFD}b");
        assert_eq!(printable("Käse 😀"), "Käse 😀");
    }
}
