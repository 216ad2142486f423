//! `mention_export`, `mention_report` and `alert_janitor` as processes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use heysync::sandbox::heylerts::Mention;
use heysync::sandbox::{Fault, FaultPoint, RequestRecord, Services};
use support::{Folder, Pid, Service, stderr, stdout};

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
fn a_mention_whose_fields_are_not_what_is_documented_is_exported_as_it_was_sent() {
    let folder = Folder::new("odd");
    let service = Service::new(Services::demo());
    let odd = Fault::altered(|response| {
        let mut page: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        page["items"][3]["relevance_score"] = "high".into();
        page["items"][4]["found_at"] = 17.into();
        *response.body_mut() = page.to_string().into_bytes();
    });
    service.services.heylerts.inject(1, odd);
    for _ in 0..2 {
        let output = service.run("mention_export", &folder.0, &[]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_exported_once(&folder, &service.services);
    }
    let file = folder.read("mentions.jsonl");
    assert!(file.contains(r#""relevance_score":"high""#) && file.contains(r#""found_at":17"#));
}

/// At which request of its run each run is killed. A list of 640 mentions has seven pages; the first request reads the
/// first one.
const KILLED_AT: [usize; 6] = [0, 1, 3, 6, 5, 2];

/// Adds a new mention and one that is 40 minutes late at each request, and kills the run, until all kills are done.
fn kill_each_run(services: &Services) -> impl Fn(usize, &Pid) + Send + Sync + 'static {
    let (heylerts, runs) = (services.heylerts.clone(), Mutex::new((0, 0)));
    let alert = heylerts.state().alerts[0].id.clone();
    let newest = heylerts.state().mentions.iter().map(|it| it.found_at).max().unwrap();
    move |number, pid| {
        let (kills, of_run) = &mut *runs.lock().unwrap();
        let Some(killed_at) = KILLED_AT.get(*kills) else { return };
        let found_at = newest + Duration::from_secs(number as u64);
        for late in [0, 40 * 60] {
            let mention =
                Mention::new(&alert, "Käse 😀").found_at(found_at - Duration::from_secs(late));
            heylerts.add_mention(mention);
        }
        *of_run += 1;
        if *of_run > *killed_at {
            (*kills, *of_run) = (*kills + 1, 0);
            pid.signal("KILL");
        }
    }
}

#[test]
#[cfg(unix)]
fn runs_that_are_killed_while_mentions_arrive_and_connections_break_lose_and_repeat_nothing() {
    let folder = Folder::new("killed");
    let services = Services::demo();
    (0..500).for_each(|_| add_mention(&services));
    let is_seventh = |request: &RequestRecord| request.number % 7 == 4;
    services.heylerts.inject_if(4, Fault::Cut(FaultPoint::AfterEffect), is_seventh);
    let kill = kill_each_run(&services);
    let service = Service::with_hooks(services, |_, _| {}, kill);
    let mut lines = Vec::new();
    for cut in 0..KILLED_AT.len() {
        let output = service.run("mention_export", &folder.0, &[]);
        assert_eq!(output.status.code(), None, "it was killed: {}", stderr(&output));
        let mut file = std::fs::read(folder.0.join("mentions.jsonl")).unwrap();
        lines.push(file.iter().filter(|byte| **byte == b'\n').count());
        // As if the kill had hit within the last line, within a character too.
        let title = file.windows(2).rposition(|pair| pair == "ä".as_bytes());
        file.truncate(title.map_or(file.len(), |at| at + cut % 3));
        std::fs::write(folder.0.join("mentions.jsonl"), file).unwrap();
    }
    assert!(lines.iter().any(|lines| (1..500).contains(lines)), "in the middle: {lines:?}");
    let output = service.run("mention_export", &folder.0, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_exported_once(&folder, &service.services);
}

#[test]
fn a_failure_in_the_middle_keeps_what_was_exported_and_the_next_run_goes_on() {
    let folder = Folder::new("middle");
    let services = Services::demo();
    let heylerts = services.heylerts.clone();
    let revoke = move |number, _: &Pid| {
        if number == 1 {
            heylerts.change(|state| state.keys = vec!["hlt_another".to_owned()]);
        }
    };
    let service = Service::with_hooks(services, revoke, |_, _| {});
    let output = service.run("mention_export", &folder.0, &[]);
    assert_eq!(output.status.code(), Some(77), "{}", stderr(&output));
    let exported_before = exported(&folder).len();
    assert!((1..137).contains(&exported_before), "{exported_before}");
    service.services.heylerts.change(|state| state.keys.clear());
    let output = service.run("mention_export", &folder.0, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_exported_once(&folder, &service.services);
}

#[test]
fn a_state_file_that_cannot_be_read_is_refused_with_its_name_and_nothing_is_written() {
    let folder = Folder::new("states");
    let service = Service::new(Services::demo());
    service.run("mention_export", &folder.0, &[]);
    let before = folder.read("mentions.jsonl");
    for state in ["", "{}", "nonsense", "{\"filters\":7}", "\0\0\0"] {
        folder.write("mentions.jsonl.state", state);
        folder.write("mention_watch.state", state);
        for (program, file) in
            [("mention_export", "mentions.jsonl.state"), ("mention_watch", "mention_watch.state")]
        {
            let output = service.run(program, &folder.0, &[]);
            assert_eq!(output.status.code(), Some(65), "{program} {state:?}: {}", stderr(&output));
            let report = stderr(&output);
            assert!(report.contains(file) && report.contains("hint: delete it"), "{report}");
            assert_eq!(folder.read(file), state);
        }
    }
    assert_eq!(folder.read("mentions.jsonl"), before);
}

#[test]
fn two_runs_do_not_write_one_file() {
    let folder = Folder::new("two");
    let service = Service::new(Services::demo());
    for (program, file) in
        [("mention_export", "mentions.jsonl"), ("mention_watch", "mention_watch.state.lock")]
    {
        folder.write(file, "");
        let in_use = std::fs::File::open(folder.0.join(file)).unwrap();
        in_use.lock().unwrap();
        let output = service.run(program, &folder.0, &[]);
        assert_eq!(output.status.code(), Some(74), "{program}: {}", stderr(&output));
        assert!(stderr(&output).contains("another run is using it"), "{}", stderr(&output));
    }
    assert!(service.services.heylerts.requests().is_empty());
}

#[test]
fn invented_mentions_are_not_added_to_real_ones() {
    let folder = Folder::new("invented");
    let service = Service::new(Services::demo());
    service.run("mention_export", &folder.0, &[]);
    let before = folder.read("mentions.jsonl");
    let output = support::run_offline("mention_export", &folder.0, &[]);
    assert_eq!(output.status.code(), Some(64), "{}", stderr(&output));
    assert_eq!(folder.read("mentions.jsonl"), before);
}

#[test]
fn a_file_of_something_else_stays_as_it_is() {
    let folder = Folder::new("else");
    for contents in ["a password without a newline", "id,title\n1,x\n", "{\"no\":\"id\"}\n"] {
        folder.write("mentions.jsonl", contents);
        let output = support::run_offline("mention_export", &folder.0, &[]);
        assert_eq!(output.status.code(), Some(65), "{}", stderr(&output));
        assert!(stderr(&output).contains("mentions.jsonl: line 1: "), "{}", stderr(&output));
        assert_eq!(folder.read("mentions.jsonl"), contents);
    }
}

#[test]
fn a_mention_of_the_future_does_not_hide_later_ones() {
    let folder = Folder::new("future");
    let service = Service::new(Services::demo());
    let heylerts = &service.services.heylerts;
    let alert = heylerts.state().alerts[0].id.clone();
    let future = SystemTime::now() + Duration::from_secs(100 * 24 * 60 * 60);
    heylerts.add_mention(Mention::new(&alert, "Wrong clock").found_at(future));
    service.run("mention_export", &folder.0, &[]);
    heylerts.add_mention(Mention::new(&alert, "Next").found_at(SystemTime::now()));
    service.run("mention_export", &folder.0, &[]);
    assert_exported_once(&folder, &service.services);
}

#[test]
fn a_key_that_is_not_accepted_ends_the_watch_and_an_outage_does_not() {
    let folder = Folder::new("outage");
    let services = Services::demo();
    let heylerts = services.heylerts.clone();
    heylerts.inject(5, Fault::BadGateway(FaultPoint::BeforeEffect));
    let revoke = move |number, _: &Pid| {
        if number == 6 {
            heylerts.change(|state| state.keys = vec!["hlt_another".to_owned()]);
        }
    };
    let service = Service::with_hooks(services, revoke, |_, _| {});
    let output = service.run("mention_watch", &folder.0, &["--interval", "1"]);
    assert_eq!(output.status.code(), Some(77), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("502") && stderr(&output).contains("; going on"),
        "{}",
        stderr(&output)
    );
}

#[test]
#[cfg(unix)]
fn mentions_are_printed_once_as_they_come_through_outages_and_restarts() {
    const ENDS: [(&str, Option<i32>); 3] =
        [("INT", Some(130)), ("KILL", None), ("TERM", Some(130))];
    let folder = Folder::new("watch");
    let services = Services::demo();
    let arriving = services.clone();
    let arrive = move |number: usize, _: &Pid| {
        if number > 0 {
            let alert = arriving.heylerts.state().alerts[0].id.clone();
            let mention = Mention::new(alert, "News").found_at(SystemTime::now());
            arriving.heylerts.add_mention(mention);
        }
    };
    let end = |number: usize, pid: &Pid| {
        if number % 4 == 3 {
            pid.signal(ENDS[number / 4 % 3].0);
        }
    };
    let service = Service::with_hooks(services, arrive, end);
    let is_second = |request: &RequestRecord| request.number == 1;
    let outage = Fault::BadGateway(FaultPoint::BeforeEffect);
    service.services.heylerts.inject_if(5, outage, is_second);
    let mut printed = Vec::new();
    let mut watch = |arguments: &[&str], code| {
        let output = service.run("mention_watch", &folder.0, &[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), code, "{}", stderr(&output));
        let is_explained = stderr(&output).contains("stopped: run it again to go on");
        assert_eq!(is_explained, code == Some(130), "{}", stderr(&output));
        let id =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone();
        printed.extend(stdout(&output).lines().map(id));
    };
    for (_, code) in ENDS {
        watch(&["--interval", "1"], code);
    }
    watch(&["--once"], Some(0));
    let mentions = service.services.heylerts.state().mentions;
    let new: Vec<_> = mentions[140..].iter().map(|it| it.id.clone()).collect();
    assert_eq!(printed, new, "each once, the oldest first");
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
    assert!(
        stderr(&refused).contains("pause 3 stale alerts: Town, Competitor, Our brand?"),
        "{}",
        stderr(&refused)
    );
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
fn a_browser_shows_the_report_in_any_width_and_scheme_without_an_error_and_filters_it() {
    let folder = Folder::new("browser");
    let services = Services::demo();
    let alert = services.heylerts.state().alerts[0].id.clone();
    for title in
        [&"W".repeat(300), "<script>document.body.remove()</script>", "\u{202E}tfel ot thgir"]
    {
        let mention = Mention::new(&alert, title).sentiment("negative");
        services.heylerts.add_mention(mention.found_at(SystemTime::now()));
    }
    let service = Service::new(services);
    let output = service.run("mention_report", &folder.0, &["--days", "3650"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let script = format!("<script>{}</script></body>", include_str!("check_page.js"));
    folder.write("page.html", &stdout(&output).replace("</body>", &script));
    for (scheme, preference) in [("dark", 0), ("light", 1)] {
        for width in [320, 1280] {
            // A window cannot be as narrow as a frame.
            folder.write("frame.html", &FRAME.replace("WIDTH", &width.to_string()));
            let Some((dom, log)) = browse(&folder.0, preference) else { return };
            assert!(!log.contains("CONSOLE"), "{log}");
            let title = dom.split("<title>").nth(1).and_then(|it| it.split('<').next());
            assert_eq!(title, Some(&*format!("{scheme} {width}: 50 of 140 shown")));
        }
    }
}

/// A page around the report, whose title is what `check_page.js` has found.
const FRAME: &str = "<meta name='color-scheme' content='light dark'><title></title>
    <script>addEventListener('message', (event) => { document.title = event.data; });</script>
    <iframe src='page.html' width='WIDTH' height='900' frameborder='0'></iframe>";

/// Returns the page as the browser has it, and what the browser logged, or `None` if there is no browser.
fn browse(folder: &Path, scheme: u32) -> Option<(String, String)> {
    let mut command = Command::new("chromium");
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--dump-dom",
        "--virtual-time-budget=2000",
    ]);
    command.arg(format!("--blink-settings=preferredColorScheme={scheme}"));
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    match command.arg(format!("file://{}", folder.join("frame.html").display())).output() {
        Ok(output) => Some((stdout(&output), String::from_utf8_lossy(&output.stderr).into_owned())),
        Err(_) if std::env::var_os("CI").is_none() => {
            eprintln!("left out: there is no chromium");
            None
        }
        Err(error) => panic!("chromium: {error}"),
    }
}
