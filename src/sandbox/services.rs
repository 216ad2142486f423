//! Both services behind one address.

use std::time::Duration;

use crate::pipeline::transport::{Transport, TransportError};

use super::heylerts::Heylerts;
use super::heylo::Heylo;
use super::reply::Reply;

/// Both services: a request to `/apiv1-…` is Heylo's, every other is Heylerts'.
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
    /// The one service.
    pub heylo: Heylo,
    /// The other.
    pub heylerts: Heylerts,
}

impl Services {
    /// Both, empty.
    pub fn new() -> Services {
        Services::default()
    }

    /// Both, with made-up data.
    pub fn demo() -> Services {
        Services {
            heylo: Heylo::demo(),
            heylerts: Heylerts::demo(),
        }
    }

    /// Hands a request to its service and says what goes back over the wire.
    pub fn reply(&self, request: http::Request<Vec<u8>>, timeout: Duration) -> Reply {
        if is_for_heylo(request.uri().path()) {
            self.heylo.reply(request, timeout)
        } else {
            self.heylerts.reply(request, timeout)
        }
    }
}

impl Transport for Services {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        self.reply(request, timeout).into_result()
    }
}

fn is_for_heylo(path: &str) -> bool {
    path.split('/').any(|segment| segment.starts_with("apiv1-"))
}
