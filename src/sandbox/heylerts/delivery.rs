//! Deliveries to the webhook of an alert.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};

/// One delivery to the webhook of an alert.
///
/// The vendor documents the events and the signature, but no field of the body: the fields here are invented.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The `webhook_url` of the alert.
    pub url: String,
    /// The id of the alert.
    pub alert_id: String,
    /// `mention.created` or `spike.detected`.
    pub event: String,
    /// The JSON body, which is signed byte by byte.
    pub body: Vec<u8>,
    /// The secret of the alert at the time of the event.
    pub secret: String,
}

impl Delivery {
    /// Builds the signed request to the webhook.
    ///
    /// `sign` gets the secret and the body, and returns the value of `X-Heylerts-Signature`: the HMAC-SHA256 of
    /// the body with the secret. With the feature `webhook`, that is `heylerts::webhook::sign`.
    #[cfg_attr(
        feature = "webhook",
        doc = r#"
# Examples

A test of a receiver with the delivery of a new mention:

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
    // Over a socket, send the request with `UreqTransport` or any other client.
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
