//! Serves both services in memory on a loopback port, for curl and for programs in other languages.
//!
//! ```console
//! $ cargo run --example sandbox_server -- --port 8080
//! $ curl http://127.0.0.1:8080/api/v1/hello -H 'X-API-Key: hlt_anything'
//! $ curl http://127.0.0.1:8080/apiv1-fetch -H 'Authorization: Bearer anything' \
//!     -H 'Content-Type: application/json' -d '{"type":"communityRoles","communityId":"harbour-runners"}'
//! ```
//!
//! It prints the variables that point a program at it, if the program makes its clients by `from_env`, and then each
//! request. Any key will do, if that of Heylerts begins with `hlt_`. The data are invented, with the latest mention three hours before the start, and lost at the
//! end. Stop it with Ctrl-C.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use console::{Failure, Volume, print_line};
use heysync::http::Request;
use heysync::sandbox::{Heylerts, Heylo, Services, serve};
use pico_args::Arguments;
use serde_json::Value;

mod console;

const USAGE: &str = "\
Serves both services in memory on a loopback port, for curl and for programs in other languages

A program that makes its clients by from_env runs on it with HEYLO_BASE_URL and HEYLERTS_BASE_URL set to its
address, and any keys in HEYLO_API_KEY and HEYLERTS_API_KEY; one of Heylerts begins with hlt_. Heylo's
community is harbour-runners.

Usage: sandbox_server [OPTIONS]

Options:
      --port PORT  The port, or 0 for a free one [default: 8080]
  -v, --verbose    Print the body of each request
  -q, --quiet      Print the address and nothing else but errors
  -h, --help       Print help";
/// How long a response may take.
const TIMEOUT: Duration = Duration::from_secs(300);

fn main() -> ExitCode {
    console::main(USAGE, run)
}

fn run(mut arguments: Arguments) -> Result<(), Failure> {
    let volume = Volume::read(&mut arguments);
    let port = arguments.opt_value_from_str("--port")?.unwrap_or(8080);
    console::finish(arguments)?;

    let now = SystemTime::now();
    let services = Services {
        heylo: Heylo::demo_at(now).keep_requests(0),
        heylerts: Heylerts::demo_at(now).keep_requests(0),
    };
    let communities = services.heylo.state().communities;
    let communities: Vec<String> = communities.into_iter().map(|community| community.id).collect();
    let server = serve(port, move |request| {
        let line = request_line(&request);
        let body = printable(request.body());
        let response = services.respond(request, TIMEOUT);
        if volume > Volume::Quiet {
            let status = response.status().map_or("no response".to_owned(), |it| it.to_string());
            print_line(format!("{line}: {status}"));
        }
        if !body.is_empty() {
            volume.detail(format!("  {body}"));
        }
        response
    });
    let server = server.map_err(|error| Failure::socket(format!("port {port}"), error))?;
    let server = server.keep_requests(0);
    let handle = server.stop_handle();
    console::on_ctrl_c(move || handle.stop())?;
    print_line(format!("Heylo and Heylerts are at {}", server.url()));
    volume.note(how_to_use(&server.url(), &communities));
    volume.note("the data are of the weeks before now; stop with Ctrl-C");
    server.wait();
    Ok(())
}

/// The lines that point a program and curl at the server.
fn how_to_use(url: &str, communities: &[String]) -> String {
    format!(
        "export HEYLO_BASE_URL={url} HEYLO_API_KEY=any\n\
         export HEYLERTS_BASE_URL={url} HEYLERTS_API_KEY=hlt_any\n\
         curl {url}/api/v1/hello -H 'X-API-Key: hlt_any'\n\
         communities: {}",
        communities.join(" ")
    )
}

/// Returns a body that can be copied into a shell or a file, without characters that a terminal would obey.
fn printable(body: &[u8]) -> String {
    let escaped = |char: char| match char.is_control() {
        true => char.escape_default().to_string(),
        false => char.to_string(),
    };
    String::from_utf8_lossy(body).chars().map(escaped).collect()
}

/// Formats a request, such as `POST /apiv1-fetch communityRoles`.
fn request_line(request: &Request<Vec<u8>>) -> String {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let operation = body["type"].as_str().unwrap_or_default();
    let (method, uri) = (request.method(), request.uri());
    let line = format!("{method} {uri} {}", operation.escape_debug());
    line.trim_end().to_owned()
}
