//! An answer of which nothing is documented.

use serde_json::Value;

use crate::pipeline::answer::Unreadable;

/// What Heylo said to an invite or a removal.
///
/// It documents no body there, so this is whatever came: JSON of any shape, plain text, or nothing. That
/// there is a reply is the success.
///
/// # Examples
///
/// ```
/// # use heysync::{Config, heylo, sandbox};
/// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
/// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
/// let reply = group.remove_member("user-40")?;
/// assert_eq!(reply.text, r#"{"success":true}"#);
/// assert_eq!(reply.json.unwrap()["success"], true);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Reply {
    /// The body, if it was JSON.
    pub json: Option<Value>,
    /// The body as text; empty where there was none.
    pub text: String,
}

/// Takes any body for a success. Whoever was invited is invited, whatever the answer looks like.
pub(crate) fn read_reply(body: &[u8]) -> Result<Reply, Unreadable> {
    let text = String::from_utf8_lossy(body).into_owned();
    Ok(Reply { json: serde_json::from_slice(body).ok(), text })
}
