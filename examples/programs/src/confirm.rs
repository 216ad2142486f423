//! Asking before a change.

use std::io::{self, IsTerminal, Write};

use crate::failure::{Failure, NOT_CONFIRMED, Outcome};
use crate::stop::Stop;

/// Asks on the terminal, unless `--yes` was given.
///
/// # Errors
///
/// Fails if the reply is anything but yes, and if there is nobody to ask.
pub fn confirm(question: &str, yes: bool, stop: &Stop) -> Outcome {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        let report = format!(
            "{question}\n  nothing was changed, since there is no terminal to ask on\n  hint: add --yes if it is meant"
        );
        return Err(Failure::new(NOT_CONFIRMED, report));
    }
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    stop.while_idle(|| io::stdin().read_line(&mut answer))?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(NOT_CONFIRMED, "nothing was changed")),
    }
}
