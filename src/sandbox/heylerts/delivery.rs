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
    /// HMAC-SHA256 of the one over the other. With the feature `webhook`, that is `heylerts::webhook::sign`.
    #[cfg_attr(
        feature = "webhook",
        doc = r#"
# Examples

A receiver is tested with what a mention brings it:

```
use heysync::heylerts::webhook::{Verifier, sign};
use heysync::sandbox::Heylerts;
use heysync::sandbox::heylerts::{Alert, Mention};

let heylerts = Heylerts::new();
let alert = Alert::new("My brand", "heysync").webhook("http://localhost:9000/hook", "wh-7f3a");
let alert = heylerts.add_alert(alert);
heylerts.receive(Mention::new(&alert, "Look at this"));

let verifier = Verifier::new("wh-7f3a")?;
for delivery in heylerts.take_deliveries() {
    // Over a socket, send the request by `UreqTransport` or any other client.
    let request = delivery.to_request(|secret, body| sign(secret, body));
    let signature = request.headers().get("x-heylerts-signature");
    let received = verifier.verify(request.body(), signature.map(|it| it.as_bytes()))?;
    let mention = received.mention().expect("a mention")?;
    assert_eq!(mention.title.as_deref(), Some("Look at this"));
}
# Ok::<(), Box<dyn std::error::Error>>(())
```
"#
    )]
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
