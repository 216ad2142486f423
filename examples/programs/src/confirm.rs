//! Asking before a change.

use std::io::{self, IsTerminal};

use crate::failure::{Failure, NOT_CONFIRMED, Outcome};

/// Asks on the terminal, unless `--yes` was given.
///
/// # Errors
///
/// Fails if somebody answers anything but yes, and if there is nobody to ask.
pub fn confirm(question: &str, yes: bool) -> Outcome {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        let report = format!("{question} Nobody can be asked: add --yes if that is meant");
        return Err(Failure::new(NOT_CONFIRMED, report));
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(NOT_CONFIRMED, "nothing was changed")),
    }
}
