//! Serves both services in memory on a loopback port, for curl and for programs in other languages.
//!
//! ```console
//! $ cargo run --features sandbox --example sandbox_server -- --port 8080
//! $ curl http://127.0.0.1:8080/api/v1/hello -H 'X-API-Key: hlt_anything'
//! $ curl http://127.0.0.1:8080/apiv1-fetch -H 'Authorization: Bearer anything' \
//!     -H 'Content-Type: application/json' -d '{"type":"communityRoles","communityId":"harbour-runners"}'
//! ```
//!
//! Each request is printed. The data are made up, the same on every start, and gone when it ends:
//! press Ctrl-C.

use std::env;
use std::error::Error;
use std::thread;

use heysync::http::Request;
use heysync::sandbox::{Heylerts, Heylo, Services};
use serde_json::Value;

#[path = "support/serve.rs"]
mod support;

use support::{PATIENCE, serve};

const USAGE: &str = "usage: sandbox_server [--port PORT]";

fn main() -> Result<(), Box<dyn Error>> {
    let port = port(env::args().skip(1))?;
    let services = Services {
        heylo: Heylo::demo().keep_requests(0),
        heylerts: Heylerts::demo().keep_requests(0),
    };
    let server = serve(port, move |request| {
        let asked = asked(&request);
        let reply = services.respond(request, PATIENCE);
        let status = reply.status();
        let answered = status.map_or("no answer".to_owned(), |status| status.to_string());
        println!("{asked}: {answered}");
        reply
    })?;
    println!("Heylo and Heylerts are at {}", server.url());
    println!("stop with Ctrl-C");
    loop {
        thread::park();
    }
}

/// A request in one line, as in `POST /apiv1-fetch communityRoles`.
fn asked(request: &Request<Vec<u8>>) -> String {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let operation = body["type"].as_str().unwrap_or_default();
    let (method, uri) = (request.method(), request.uri());
    let line = format!("{method} {uri} {}", operation.escape_debug());
    line.trim_end().to_owned()
}

fn port(mut arguments: impl Iterator<Item = String>) -> Result<u16, Box<dyn Error>> {
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok(8080),
        (Some("--port"), Some(port)) => Ok(port.parse().map_err(|_| USAGE)?),
        _ => Err(USAGE.into()),
    }
}
