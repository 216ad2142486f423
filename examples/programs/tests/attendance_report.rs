//! `attendance_report` as a process.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use heysync::sandbox::heylo::{Community, Event};
use heysync::sandbox::{Fault, Heylo, Services};
use support::{Folder, Service, stderr, stdout};

#[test]
fn attendance_is_written_as_csv_without_formulas_and_the_regulars_are_listed() {
    let folder = Folder::new("attendance");
    let services = Services { heylo: Heylo::new(), ..Services::new() };
    let start = services.heylo.now();
    let event = |id: &str, title: &str| Event::new(id, start).field("title", title);
    let community = Community::new("club")
        .event(
            event("e1", "=HYPERLINK(\"http://x\")")
                .attended("ada", "going")
                .attended("bob", "not_going"),
        )
        .event(event("e2", "Run, long").attended("ada", "going"));
    let service =
        Service::new(Services { heylo: services.heylo.community(community), ..Services::new() });

    let range = ["--from", "2000-01-01", "--to", "2100-01-01"];
    let arguments = [&["--community", "club", "--output", "out.csv"], &range[..]].concat();
    let output = service.run("attendance_report", &folder.0, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let csv = folder.read("out.csv");
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<Vec<String>> =
        rows.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0][2], "'=HYPERLINK(\"http://x\")");
    assert_eq!(rows[2][2..], ["Run, long", "ada", "going"]);
    let words: Vec<_> = stdout(&output).split_whitespace().map(str::to_owned).collect();
    assert_eq!(words, ["member", "events", "ada", "2"]);
}

#[test]
fn a_range_that_ends_before_it_begins_is_refused() {
    let folder = Folder::new("range");
    let service = Service::new(Services::demo());
    let range = ["--from", "2026-02-01", "--to", "2026-01-01"];
    let output = service.run("attendance_report", &folder.0, &range);
    assert_eq!(output.status.code(), Some(64), "{}", stderr(&output));
    assert!(service.services.heylo.requests().is_empty());
}

#[test]
fn a_field_may_have_another_name_or_several() {
    let folder = Folder::new("names");
    let heylo = Heylo::new();
    let event =
        Event::new("e1", heylo.now()).field("name", "Run").field("start", 1_700_000_000_000_i64);
    let heylo = heylo.community(Community::new("club").event(event.attended("ada", "going")));
    let rename = |response: &mut http::Response<Vec<u8>>| {
        let body = String::from_utf8(std::mem::take(response.body_mut())).unwrap();
        let names = r#""memberId":null,"memberUserId":"x","userId":"ada""#;
        *response.body_mut() = body.replace(r#""userId":"ada""#, names).into_bytes();
        response.headers_mut().remove("content-length");
    };
    heylo.inject(100, Fault::altered(rename));
    let service = Service::new(Services { heylo, ..Services::new() });
    let range = ["--from", "2000-01-01", "--to", "2100-01-01", "--community", "club"];
    let output = service.run("attendance_report", &folder.0, &range);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("Run,ada,going"), "{}", stdout(&output));
}
