//! `tour`, `sandbox_server` and `webhook_receiver` as processes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader, Read};

use heysync::heylerts::webhook::sign;
use heysync::sandbox::Services;
use heysync::{Config, Timestamp, Transport, UreqTransport, heylerts, heylo};
use support::{Folder, Service, run_offline, stderr, stdout};

const PROGRAMS: [&str; 3] = ["tour", "sandbox_server", "webhook_receiver"];

#[test]
fn help_goes_to_standard_output_and_a_wrong_argument_is_exit_code_64() {
    let folder = Folder::new("plain-usage");
    for program in PROGRAMS {
        let help = run_offline(program, &folder.0, &["--help"]);
        assert_eq!(help.status.code(), Some(0));
        for option in ["--verbose", "--quiet", "--help"] {
            assert!(stdout(&help).contains(option), "{program} {option}");
        }
        for wrong in [&["--no-such-option"][..], &["--port", "x"], &["one", "two"]] {
            let output = run_offline(program, &folder.0, wrong);
            assert_eq!(output.status.code(), Some(64), "{program} {wrong:?}: {}", stderr(&output));
            assert!(
                stderr(&output).contains("--help lists the options") && stdout(&output).is_empty()
            );
        }
    }
}

#[test]
fn without_a_key_or_a_secret_they_run_on_invented_data() {
    let folder = Folder::new("plain-offline");
    let tour = run_offline("tour", &folder.0, &[]);
    assert_eq!(tour.status.code(), Some(0), "{}", stderr(&tour));
    assert!(stdout(&tour).contains("0 got a 429"), "{}", stdout(&tour));
    assert_eq!(stdout(&tour).matches("not found (as expected)").count(), 2, "{}", stdout(&tour));
    let receiver = run_offline("webhook_receiver", &folder.0, &["--verbose"]);
    assert_eq!(receiver.status.code(), Some(0), "{}", stderr(&receiver));
    assert_eq!(stdout(&receiver).lines().count(), 2, "{}", stdout(&receiver));
    assert_eq!(stderr(&receiver).matches("POST /hook: 202").count(), 2, "{}", stderr(&receiver));
    for program in ["tour", "webhook_receiver"] {
        let status = support::run_into_closed_pipes(program, &folder.0, &["--verbose"]);
        assert_eq!(status.code(), Some(0), "{program}");
    }
}

#[test]
#[cfg(unix)]
fn a_signal_ends_the_tour_after_the_request_under_way() {
    let folder = Folder::new("plain-signal");
    let interrupt = |number, pid: &support::Pid| {
        if number == 1 {
            pid.signal("INT");
        }
    };
    let service = Service::with_hooks(Services::demo(), interrupt, |_, _| {});
    let output = service.run("tour", &folder.0, &[]);
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("stopped: run it again"), "{}", stderr(&output));
}

#[test]
#[cfg(unix)]
fn the_sandbox_server_serves_until_a_signal() {
    let folder = Folder::new("plain-server");
    let mut server = support::start("sandbox_server", &folder.0, &["--port", "0", "-v"], &[]);
    let mut notes = BufReader::new(server.child.stderr.take().unwrap());
    let mut lines = BufReader::new(server.child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let url = first.rsplit(' ').next().unwrap();
    let config = Config::new().base_url(url).proxy_from_env(false);
    let client = heylerts::Client::with_config("hlt_any", config).unwrap();
    assert_eq!(client.alerts().count(), 3);
    assert_eq!(lines.next().unwrap().unwrap(), "GET /api/v1/alerts?page=1&per_page=100: 200 OK");
    // The README's program finds something.
    let yesterday = Timestamp::ago(std::time::Duration::from_secs(24 * 60 * 60));
    let complaints = client.mentions().sentiment(heylerts::Sentiment::Negative).since(yesterday);
    assert!(complaints.read_all().unwrap().len() > 1);
    let config = Config::new().base_url(url).proxy_from_env(false);
    let community = heylo::Client::with_config("any", config).unwrap().community("harbour-runners");
    community.invite(&heylo::NewMember::new("user-42").first_name("Zoë \"Z\"")).unwrap();
    let mut how_to_use = String::new();
    for line in [
        format!("export HEYLO_BASE_URL={url} HEYLO_API_KEY=any"),
        format!("export HEYLERTS_BASE_URL={url} HEYLERTS_API_KEY=hlt_any"),
        format!("curl {url}/api/v1/hello -H 'X-API-Key: hlt_any'"),
        "communities: harbour-runners book-circle".to_owned(),
    ] {
        let start = how_to_use.len();
        notes.read_line(&mut how_to_use).unwrap();
        assert_eq!(how_to_use[start..].trim_end(), line);
    }
    // A program runs with the variables as they are printed.
    let printed = how_to_use.split_whitespace().filter_map(|word| word.split_once('='));
    let mut variables: Vec<(&str, &str)> = printed.collect();
    assert_eq!(variables.len(), 4);
    variables.push(("HEYLO_COMMUNITY", "harbour-runners"));
    let mut tour = support::start("tour", &folder.0, &["--quiet"], &variables);
    assert_eq!(tour.child.wait().unwrap().code(), Some(0));
    server.signal("TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));

    let mut rest = String::new();
    notes.read_to_string(&mut rest).unwrap();
    // A body can be pasted.
    let body = rest.lines().find(|line| line.contains("firstName")).unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["member"]["firstName"], "Zoë \"Z\"");
}

#[test]
#[cfg(unix)]
fn the_receiver_stops_after_what_it_accepted_and_reports_a_port_in_use() {
    let folder = Folder::new("plain-receiver");
    let secret = [("HEYLERTS_WEBHOOK_SECRET", "a secret")];
    let mut receiver = support::start("webhook_receiver", &folder.0, &["127.0.0.1:0"], &secret);
    let mut errors = BufReader::new(receiver.child.stderr.take().unwrap());
    let mut first = String::new();
    errors.read_line(&mut first).unwrap();
    let address = first.strip_prefix("listening on ").unwrap().split(';').next().unwrap();

    let mut second = support::start("webhook_receiver", &folder.0, &[address], &secret);
    assert_eq!(second.child.wait().unwrap().code(), Some(74), "the port is in use");

    let body = br#"{"event":"alert.paused"}"#;
    let request = http::Request::post(format!("http://{address}/hook"))
        .header("x-heylerts-signature", sign("a secret", body))
        .body(body.to_vec())
        .unwrap();
    let limit = std::time::Duration::from_secs(30);
    assert_eq!(UreqTransport::default().send(request, limit).unwrap().status(), 202);
    receiver.signal("INT");
    let mut printed = String::new();
    receiver.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(receiver.child.wait().unwrap().code(), Some(0));
    assert!(printed.contains("alert.paused"), "{printed}");
}
