//! Settings from environment variables. Errors name the variable and never show its value.

use std::env::{self, VarError};

use crate::error::{Error, Result};

/// Returns the value of a variable that has to be set, to a description such as "the API key".
///
/// # Errors
///
/// `Configuration` if it is not set, or not Unicode. Whether a value is usable, its reader decides.
pub(crate) fn required(name: &str, description: &str) -> Result<String> {
    let missing = || Error::configuration(format!("{name} is not set: set it to {description}"));
    optional(name)?.ok_or_else(missing)
}

/// Returns the value of a variable, if it is set.
///
/// # Errors
///
/// `Configuration` if it is not Unicode.
pub(crate) fn optional(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => {
            Err(Error::configuration(format!("{name} is not valid text: it is not Unicode")))
        }
    }
}
