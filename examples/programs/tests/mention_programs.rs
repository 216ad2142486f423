//! `mention_export`, `mention_report` and `alert_janitor` as processes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use heysync::sandbox::heylerts::Mention;
use heysync::sandbox::{Fault, FaultPoint, Services};
use support::{Folder, Service, stderr, stdout};

fn exported(folder: &Folder) -> Vec<String> {
    let file = folder.read("mentions.jsonl");
    assert!(file.is_empty() || file.ends_with('\n'));
    let id = |line: &str| {
        let mention: serde_json::Value = serde_json::from_str(line).unwrap();
        mention["id"].as_str().unwrap().to_owned()
    };
    file.lines().map(id).collect()
}

fn present(services: &Services) -> BTreeSet<String> {
    let mentions = services.heylerts.state().mentions;
    mentions.into_iter().filter(|mention| !mention.ignored).map(|mention| mention.id).collect()
}

fn assert_exported_once(folder: &Folder, services: &Services) {
    let ids = exported(folder);
    let distinct: BTreeSet<_> = ids.iter().cloned().collect();
    assert_eq!(distinct.len(), ids.len(), "a line is repeated");
    assert_eq!(distinct, present(services));
}

fn add_mention(services: &Services) {
    let heylerts = &services.heylerts;
    let alert = heylerts.state().alerts[0].id.clone();
    heylerts.add_mention(Mention::new(alert, "A new one").found_at(heylerts.now()));
}

#[test]
fn a_second_run_exports_only_what_is_new_late_arrivals_included() {
    let folder = Folder::new("export");
    let service = Service::new(Services::demo());
    let first = service.run("mention_export", &folder.0, &[]);
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    assert_exported_once(&folder, &service.services);

    let newest =
        service.services.heylerts.state().mentions.iter().map(|it| it.found_at).max().unwrap();
    let alert = service.services.heylerts.state().alerts[0].id.clone();
    let half_an_hour = std::time::Duration::from_secs(30 * 60);
    service
        .services
        .heylerts
        .add_mention(Mention::new(alert, "Late").found_at(newest - half_an_hour));
    add_mention(&service.services);
    let requests = service.services.heylerts.requests().len();
    let second = service.run("mention_export", &folder.0, &[]);
    assert!(stderr(&second).contains("2 new mentions"), "{}", stderr(&second));
    assert_exported_once(&folder, &service.services);
    assert_eq!(service.services.heylerts.requests().len(), requests + 1);
}

#[test]
#[cfg(unix)]
fn runs_that_are_killed_while_mentions_arrive_and_connections_break_lose_and_repeat_nothing() {
    let folder = Folder::new("killed");
    let services = Services::demo();
    for _ in 0..4 {
        services
            .heylerts
            .inject_if(1, Fault::Cut(FaultPoint::AfterEffect), |request| request.number % 3 == 1);
    }
    let (arriving, kills) = (services.clone(), Mutex::new(0));
    let service = Service::with_hooks(
        services,
        move |_, _| add_mention(&arriving),
        move |number, pid| {
            let mut kills = kills.lock().unwrap();
            if number % 2 == 1 && *kills < 5 {
                *kills += 1;
                pid.signal("KILL");
            }
        },
    );
    let mut killed = 0;
    loop {
        let output = service.run("mention_export", &folder.0, &[]);
        match output.status.code() {
            Some(code) => break assert_eq!(code, 0, "{}", stderr(&output)),
            None => killed += 1,
        }
    }
    assert_eq!(killed, 5);
    let after = service.run("mention_export", &folder.0, &[]);
    assert_eq!(after.status.code(), Some(0), "{}", stderr(&after));
    // The mention that arrived with the last request may have been behind the page.
    let missing = present(&service.services).len() - exported(&folder).len();
    assert!(missing <= 1, "{missing}");
    let ids: BTreeSet<_> = exported(&folder).into_iter().collect();
    assert_eq!(ids.len(), exported(&folder).len());
}

#[test]
#[cfg(unix)]
fn mentions_are_printed_once_as_they_come_through_outages_and_restarts() {
    let folder = Folder::new("watch");
    let services = Services::demo();
    let arriving = services.clone();
    let service = Service::with_hooks(
        services,
        move |number, _| {
            if number > 0 {
                let now = std::time::SystemTime::now();
                let alert = arriving.heylerts.state().alerts[0].id.clone();
                arriving.heylerts.add_mention(Mention::new(alert, "News").found_at(now));
            }
        },
        |number, pid| {
            if number % 4 == 3 {
                pid.signal("INT");
            }
        },
    );
    service.services.heylerts.inject_if(
        5,
        Fault::BadGateway(FaultPoint::BeforeEffect),
        |request| request.number == 1,
    );
    let mut printed = Vec::new();
    for _ in 0..3 {
        let output = service.run("mention_watch", &folder.0, &["--interval", "1", "--json"]);
        assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
        assert!(stderr(&output).contains("stopped: run it again to go on"), "{}", stderr(&output));
        for line in stdout(&output).lines() {
            let mention: serde_json::Value = serde_json::from_str(line).unwrap();
            printed.push(mention["id"].as_str().unwrap().to_owned());
        }
    }
    let last = service.run("mention_watch", &folder.0, &["--once", "--json"]);
    assert_eq!(last.status.code(), Some(0), "{}", stderr(&last));
    for line in stdout(&last).lines() {
        let mention: serde_json::Value = serde_json::from_str(line).unwrap();
        printed.push(mention["id"].as_str().unwrap().to_owned());
    }
    let new: Vec<String> =
        service.services.heylerts.state().mentions[140..].iter().map(|it| it.id.clone()).collect();
    assert_eq!(printed, new, "each once, the oldest first");
}

#[test]
fn a_line_that_was_written_in_part_is_replaced() {
    let folder = Folder::new("partial");
    let service = Service::new(Services::demo());
    service.run("mention_export", &folder.0, &[]);
    let file = folder.read("mentions.jsonl");
    folder.write("mentions.jsonl", &file[..file.len() - 20]);
    let output = service.run("mention_export", &folder.0, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_file_of_other_filters_is_not_continued() {
    let folder = Folder::new("filters");
    let service = Service::new(Services::demo());
    service.run("mention_export", &folder.0, &["--source", "reddit"]);
    let before = exported(&folder);
    let other = service.run("mention_export", &folder.0, &["--source", "brave"]);
    assert_eq!(other.status.code(), Some(64), "{}", stderr(&other));
    assert_eq!(exported(&folder), before);
    let typo = service.run("mention_export", &folder.0, &["--sentiment", "negatve"]);
    assert_eq!(typo.status.code(), Some(64));
    assert!(stderr(&typo).contains("negative"), "{}", stderr(&typo));
}

#[test]
fn stale_alerts_are_paused_only_if_somebody_agrees() {
    let folder = Folder::new("janitor");
    let service = Service::new(Services::demo());
    let heylerts = &service.services.heylerts;
    let active = || heylerts.state().alerts.iter().filter(|alert| alert.is_active).count();
    let refused = service.run("alert_janitor", &folder.0, &["--pause"]);
    assert_eq!(refused.status.code(), Some(77), "{}", stderr(&refused));
    assert!(stdout(&refused).contains("stale"), "{}", stdout(&refused));
    assert_eq!(active(), 3);
    let agreed = service.run("alert_janitor", &folder.0, &["--pause", "--yes"]);
    assert_eq!(agreed.status.code(), Some(0), "{}", stderr(&agreed));
    assert_eq!((active(), heylerts.state().alerts.len()), (0, 3));
}

#[test]
fn a_report_has_every_mention_and_no_address_to_load() {
    let folder = Folder::new("report");
    let output = support::run_offline("mention_report", &folder.0, &["--csv", "mentions.csv"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = stdout(&output);
    assert_eq!(page.matches("<li data-source").count(), 137);
    for loads in ["<link", "<img", "src=", "@import", "url("] {
        assert!(!page.contains(loads), "{loads}");
    }
    assert_eq!(folder.read("mentions.csv").lines().count(), 138);
}

#[test]
fn a_browser_shows_the_report_without_an_error_and_filters_it() {
    let folder = Folder::new("browser");
    let script = "<script>addEventListener('load', () => { const form = document.getElementById('filter'); \
        form.sentiment.value = 'negative'; form.dispatchEvent(new Event('input')); });</script>";
    let output = support::run_offline("mention_report", &folder.0, &[]);
    folder.write("page.html", &stdout(&output).replace("</body>", &format!("{script}</body>")));
    let Some((dom, log)) = browse(&folder.0.join("page.html")) else { return };
    assert!(dom.contains("47 of 137 shown"), "{dom}");
    assert!(!log.contains("CONSOLE"), "{log}");
}

/// Returns the page as the browser has it, and what the browser logged, or `None` if there is no browser.
fn browse(page: &Path) -> Option<(String, String)> {
    let mut command = Command::new("chromium");
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--dump-dom",
    ]);
    let profile = format!("--user-data-dir={}", page.with_file_name("profile").display());
    match command.arg(profile).arg(format!("file://{}", page.display())).output() {
        Ok(output) => Some((stdout(&output), String::from_utf8_lossy(&output.stderr).into_owned())),
        Err(_) if std::env::var_os("CI").is_none() => {
            eprintln!("left out: there is no chromium");
            None
        }
        Err(error) => panic!("chromium: {error}"),
    }
}
