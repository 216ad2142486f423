//! Serves both services in memory on a loopback port, for curl and for programs in other languages.
//!
//! ```console
//! $ cargo run --features sandbox --example sandbox_server -- --port 8080
//! $ curl http://127.0.0.1:8080/api/v1/hello -H 'X-API-Key: hlt_anything'
//! $ curl http://127.0.0.1:8080/apiv1-fetch -H 'Authorization: Bearer anything' \
//!     -H 'Content-Type: application/json' -d '{"type":"communityRoles","communityId":"harbour-runners"}'
//! ```
//!
//! It prints each request. The data are invented, the same at every start, and lost at the end. Stop it with
//! Ctrl-C.

use std::env;
use std::error::Error;
use std::time::Duration;

use heysync::http::Request;
use heysync::sandbox::{Heylerts, Heylo, Services, serve};
use serde_json::Value;

const USAGE: &str = "usage: sandbox_server [--port PORT]";
/// How long a response may take.
const TIMEOUT: Duration = Duration::from_secs(300);

fn main() -> Result<(), Box<dyn Error>> {
    let port = parse_port(env::args().skip(1))?;
    let services = Services {
        heylo: Heylo::demo().keep_requests(0),
        heylerts: Heylerts::demo().keep_requests(0),
    };
    let server = serve(port, move |request| {
        let line = request_line(&request);
        let response = services.respond(request, TIMEOUT);
        let status = response.status();
        println!("{line}: {}", status.map_or("no response".to_owned(), |it| it.to_string()));
        response
    })?;
    let server = server.keep_requests(0);
    println!("Heylo and Heylerts are at {}", server.url());
    println!("stop with Ctrl-C");
    server.wait();
    Ok(())
}

/// Formats a request, such as `POST /apiv1-fetch communityRoles`.
fn request_line(request: &Request<Vec<u8>>) -> String {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let operation = body["type"].as_str().unwrap_or_default();
    let (method, uri) = (request.method(), request.uri());
    let line = format!("{method} {uri} {}", operation.escape_debug());
    line.trim_end().to_owned()
}

fn parse_port(mut arguments: impl Iterator<Item = String>) -> Result<u16, Box<dyn Error>> {
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok(8080),
        (Some("--port"), Some(port)) => Ok(port.parse().map_err(|_| USAGE)?),
        _ => Err(USAGE.into()),
    }
}
