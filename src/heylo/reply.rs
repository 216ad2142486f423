//! An answer of which nothing is documented.

use serde_json::Value;

use crate::pipeline::answer::Unreadable;

/// What Heylo said to an invite or a removal. It documents no body there, so this is whatever came.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Reply {
    /// The body, if it was JSON.
    pub json: Option<Value>,
    /// The body as text; empty where there was none.
    pub text: String,
}

/// Takes any body for a success.
pub(crate) fn read_reply(body: &[u8]) -> Result<Reply, Unreadable> {
    let text = String::from_utf8_lossy(body).into_owned();
    Ok(Reply {
        json: serde_json::from_slice(body).ok(),
        text,
    })
}
