//! A response whose body is not documented.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json;
use crate::pipeline::response::{BadBody, acknowledgement};

/// The body of Heylo's response to an invite or a removal.
///
/// Heylo documents no body there, so this is whatever was sent: JSON of any shape, plain text, or nothing.
/// A body that denies the success is an error instead.
///
/// # Examples
///
/// ```
/// # use heysync::{Config, heylo, sandbox};
/// # let config = Config::new().transport(sandbox::Heylo::demo()).clock(sandbox::TestClock::new());
/// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
/// let response = community.remove_member("user-40")?;
/// assert_eq!(response.text, r#"{"success":true}"#);
/// assert_eq!(response.json.unwrap()["success"], true);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RawResponse {
    /// The body, if it is JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// The body as text; empty if there is none. Bytes that are not UTF-8 are U+FFFD.
    #[serde(default)]
    pub text: String,
}

impl RawResponse {
    /// Reads a body of any shape, unless it reports a failure.
    pub(crate) fn read(body: Vec<u8>) -> Result<RawResponse, BadBody> {
        let body = acknowledgement(body)?;
        let text = String::from_utf8_lossy(&body);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
        Ok(RawResponse { json: json::from_slice(&body).ok(), text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_body_is_read() {
        let read = |body: &[u8]| {
            RawResponse::read(body.to_vec()).unwrap_or_else(|_| panic!("no response"))
        };
        assert_eq!(read(b""), RawResponse::default());
        let json = read(b"\xEF\xBB\xBF{\"ok\":1}");
        assert_eq!(
            (json.text.as_str(), json.json),
            (r#"{"ok":1}"#, Some(serde_json::json!({"ok": 1})))
        );
        let latin = read(b"entfernt f\xFCr immer");
        assert_eq!((latin.text.as_str(), latin.json), ("entfernt f\u{fffd}r immer", None));
    }
}
