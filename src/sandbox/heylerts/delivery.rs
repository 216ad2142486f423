//! What is sent to an alert's webhook.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};

/// One event for the webhook of an alert.
///
/// The vendor's page names the events and the signature, and no field of the payload: those here are
/// made up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// Where it goes: the alert's `webhook_url`.
    pub url: String,
    /// The alert.
    pub alert_id: String,
    /// `mention.created` or `spike.detected`.
    pub event: String,
    /// The JSON that is sent, and that the signature is about, byte by byte.
    pub body: Vec<u8>,
    /// What it is signed with: the alert's secret when the event happened.
    pub secret: String,
}

impl Delivery {
    /// The request that brings this to the webhook.
    ///
    /// `sign` gets the secret and the body, and gives the value of `X-Heylerts-Signature`: the
    /// HMAC-SHA256 of the one over the other.
    pub fn to_request(&self, sign: impl FnOnce(&[u8], &[u8]) -> String) -> http::Request<Vec<u8>> {
        let signature = sign(self.secret.as_bytes(), &self.body);
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = Method::POST;
        if let Ok(uri) = self.url.parse() {
            *request.uri_mut() = uri;
        }
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(signature) = HeaderValue::from_str(&signature) {
            headers.insert("x-heylerts-signature", signature);
        }
        request
    }
}
