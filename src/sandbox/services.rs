//! Both services at one address.

use std::time::{Duration, SystemTime};

use crate::pipeline::transport::{SendProgress, Transport, TransportError};

use super::handle::Sandbox;
use super::heylerts::State as HeylertsState;
use super::heylo::State as HeyloState;
use super::server::Handler;
use super::wire_response::WireResponse;

/// Both services at one address: requests with a segment `apiv1-…` in their path go to Heylo, whatever is before it. All others
/// go to Heylerts, which has its paths below `/api/v1` only.
///
/// # Examples
///
/// ```
/// use heysync::sandbox;
///
/// let services = sandbox::Services::demo();
/// assert_eq!(services.heylo.requests().len(), 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Services {
    /// Heylo.
    pub heylo: Sandbox<HeyloState>,
    /// Heylerts.
    pub heylerts: Sandbox<HeylertsState>,
}

impl Services {
    /// Creates both services without data.
    pub fn new() -> Services {
        Services::default()
    }

    /// Creates both services with invented data.
    pub fn demo() -> Services {
        Services {
            heylo: Sandbox::<HeyloState>::demo(),
            heylerts: Sandbox::<HeylertsState>::demo(),
        }
    }

    /// Creates both services with the invented data of [`demo`](Services::demo) as of another day than 2026-05-08.
    pub fn demo_at(today: SystemTime) -> Services {
        Services {
            heylo: Sandbox::<HeyloState>::demo_at(today),
            heylerts: Sandbox::<HeylertsState>::demo_at(today),
        }
    }

    /// Handles a request, and returns the response as it goes out over a connection.
    ///
    /// See [`Sandbox::respond`](crate::sandbox::Sandbox::respond).
    pub fn respond(&self, request: http::Request<Vec<u8>>, timeout: Duration) -> WireResponse {
        if is_for_heylo(request.uri().path()) {
            self.heylo.respond(request, timeout)
        } else {
            self.heylerts.respond(request, timeout)
        }
    }
}

impl Transport for Services {
    fn send_with(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
        progress: &mut SendProgress<'_>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        if is_for_heylo(request.uri().path()) {
            self.heylo.send_with(request, timeout, progress)
        } else {
            self.heylerts.send_with(request, timeout, progress)
        }
    }
}

impl Handler for Services {
    fn handle(&self, request: http::Request<Vec<u8>>) -> WireResponse {
        if is_for_heylo(request.uri().path()) {
            self.heylo.handle(request)
        } else {
            self.heylerts.handle(request)
        }
    }
}

fn is_for_heylo(path: &str) -> bool {
    path.split('/').any(|segment| segment.starts_with("apiv1-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reaches_its_service() {
        let services = Services::demo();
        let status = |uri: &str| {
            let request = http::Request::get(uri).body(Vec::new()).unwrap();
            services.send(request, Duration::MAX).unwrap().status().as_u16()
        };
        assert_eq!(status("http://localhost:8080/apiv1-fetch"), 405);
        assert_eq!(status("https://other.example/prefix/apiv1-remove"), 405);
        assert_eq!(status("http://localhost:8080/api/v1/hello"), 401);
        assert_eq!(status("http://localhost:8080/"), 404);
        assert_eq!(services.heylo.requests().len(), 2);
        assert_eq!(services.heylerts.requests().len(), 2);
    }

    #[test]
    fn no_request_causes_a_panic() {
        let mut random = fastrand::Rng::with_seed(11);
        let services = Services::demo();
        for _ in 0..5_000 {
            let request = noise(&mut random);
            drop(services.respond(request, Duration::MAX));
        }
        assert!(services.heylo.requests().len() > 500);
        assert!(services.heylerts.requests().len() > 500);
    }

    /// Returns an almost valid request.
    fn noise(random: &mut fastrand::Rng) -> http::Request<Vec<u8>> {
        const METHODS: [&str; 5] = ["GET", "POST", "PATCH", "DELETE", "BREW"];
        const PATHS: [&str; 10] = [
            "/apiv1-fetch",
            "/apiv1-update",
            "/apiv1-remove",
            "/apiv1-create",
            "/api/v1/alerts",
            "/api/v1/mentions",
            "/api/v1/stats",
            "/api/v1/alerts/%ff%",
            "/",
            "//api/v1",
        ];
        const PIECES: [&str; 24] = [
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\"type\":\"communityEvents\",",
            "null",
            "-1",
            "1e99",
            "\"communityId\":\"harbour-runners\",",
            "\"batchSize\":3,",
            "\"type\":\"invite\",",
            "\u{0}",
            "\"member\":{\"userId\":\"a\"}",
            "\"lastEventId\":1",
            "&page=",
            "?per_page=",
            "since=",
            "%2B",
            "99999999999999999999",
            "\"addedUserIds\":[\"user-1\"]",
            "\"name\":\"n\"",
        ];
        let text = |random: &mut fastrand::Rng| {
            let pieces = (0..random.usize(..12)).map(|_| PIECES[random.usize(..PIECES.len())]);
            pieces.collect::<String>()
        };
        let path = PATHS[random.usize(..PATHS.len())];
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("page", text(random)),
                ("since", text(random)),
                ("per_page", text(random)),
            ])
            .finish();
        let mut body = format!("{{{}}}", text(random)).into_bytes();
        body.extend((0..random.usize(..3)).map(|_| random.u8(..)));
        http::Request::builder()
            .method(METHODS[random.usize(..METHODS.len())])
            .uri(format!("{path}?{query}"))
            .header("content-type", "application/json")
            .header("authorization", "Bearer key")
            .header("x-api-key", "hlt_key")
            .body(body)
            .unwrap()
    }
}
