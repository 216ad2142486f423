//! Tests that hold for every program.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use heysync::sandbox::{Fault, FaultPoint, Services};
use support::{Folder, Service, run_offline, stderr, stdout};

const PROGRAMS: [&str; 6] = [
    "roster_sync",
    "attendance_report",
    "mention_export",
    "alert_janitor",
    "mention_report",
    "mention_watch",
];

fn requests(services: &Services) -> usize {
    services.heylo.requests().len() + services.heylerts.requests().len()
}

/// Arguments with which a program has less to read than in a whole run on the sandbox.
fn quick(program: &str) -> &'static [&'static str] {
    match program {
        "attendance_report" => &["--from", "2026-05-01"],
        _ => &[],
    }
}

#[test]
fn every_program_runs_without_arguments_a_key_or_a_network() {
    let folder = Folder::new("offline");
    for program in PROGRAMS {
        let output = run_offline(program, &folder.0, &[]);
        assert_eq!(output.status.code(), Some(0), "{program}: {}", stderr(&output));
        assert!(stderr(&output).contains("using the invented data of the sandbox"), "{program}");
    }
}

#[test]
fn help_goes_to_standard_output_and_a_wrong_option_is_exit_code_64() {
    let folder = Folder::new("usage");
    for program in PROGRAMS {
        let help = run_offline(program, &folder.0, &["--help"]);
        assert_eq!(help.status.code(), Some(0));
        for option in ["--proxy", "--no-share", "--verbose", "--quiet"] {
            assert!(stdout(&help).contains(option), "{program} {option}");
        }
        let wrong = run_offline(program, &folder.0, &["--no-such-option"]);
        assert_eq!(wrong.status.code(), Some(64), "{program}");
        assert!(stderr(&wrong).contains("--no-such-option") && stdout(&wrong).is_empty());
    }
}

#[test]
fn a_rejected_key_is_exit_code_77_with_the_report_on_standard_error() {
    let folder = Folder::new("key");
    let services = Services::demo();
    services.heylo.change(|state| state.keys = vec!["another".to_owned()]);
    services.heylerts.change(|state| state.keys = vec!["hlt_another".to_owned()]);
    let service = Service::new(services);
    folder.write("people.csv", "userId\nuser-1\n");
    for program in PROGRAMS {
        let arguments: &[&str] = match program {
            "roster_sync" => &["people.csv", "--members-role", "everybody"],
            _ => &[],
        };
        let output = service.run(program, &folder.0, arguments);
        assert_eq!(output.status.code(), Some(77), "{program}: {}", stderr(&output));
        let report = stderr(&output);
        assert!(report.contains("Error: ") && report.contains("hint: "), "{program}: {report}");
        assert!(stdout(&output).is_empty(), "{program}");
        assert!(!report.contains("hlt_key") && !report.contains("heylo-key"), "{report}");
    }
}

#[test]
fn quiet_prints_only_errors_and_verbose_prints_each_request() {
    let folder = Folder::new("volume");
    let service = Service::new(Services::demo());
    let quiet = service.run("alert_janitor", &folder.0, &["--quiet"]);
    assert_eq!(stderr(&quiet), "");
    let before = requests(&service.services);
    let verbose = service.run("alert_janitor", &folder.0, &["--verbose"]);
    let sent = stderr(&verbose).lines().filter(|line| line.ends_with(": sending")).count();
    assert_eq!(sent, requests(&service.services) - before);
}

#[test]
fn a_proxy_that_cannot_be_used_is_an_error_and_nothing_is_sent() {
    let folder = Folder::new("proxy");
    let service = Service::new(Services::demo());
    let output = service.run("alert_janitor", &folder.0, &["--proxy", "nonsense://x"]);
    assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
    assert_eq!(requests(&service.services), 0);
}

#[test]
fn each_program_connects_through_the_proxy_that_it_is_given() {
    let folder = Folder::new("through-proxy");
    folder.write("people.csv", "userId\nuser-1\n");
    let service = Service::new(Services::demo());
    for program in PROGRAMS.into_iter().chain(["tour"]) {
        let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = proxy.local_addr().unwrap();
        let refuse = std::thread::spawn(move || {
            let (mut connection, _) = proxy.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&connection).read_line(&mut line).unwrap();
            connection
                .write_all(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
                )
                .unwrap();
            line
        });
        let arguments: &[&str] = match program {
            "roster_sync" => &["people.csv", "--members-role", "everybody"],
            "mention_watch" => &["--once"],
            _ => &[],
        };
        let output = service.run(
            program,
            &folder.0,
            &[arguments, &["--proxy", &format!("http://{at}")]].concat(),
        );
        assert_ne!(output.status.code(), Some(0), "{program}");
        // So that the thread ends, whether the program has connected or not.
        let _ = TcpStream::connect(at);
        let line = refuse.join().unwrap();
        assert!(line.contains("127.0.0.1"), "{program}: {line}: {}", stderr(&output));
    }
    assert_eq!(requests(&service.services), 0);
}

/// Sends a signal to the program at its second request, and returns how it ended.
#[cfg(unix)]
fn interrupt(program: &str, arguments: &[&str]) -> (std::process::Output, usize) {
    let folder = Folder::new(&format!("signal-{program}"));
    let signal = |number, pid: &support::Pid| {
        if number == 1 {
            pid.signal("INT");
        }
    };
    folder.write("people.csv", "userId\nuser-1\n");
    let service = Service::with_hooks(Services::demo(), signal, |_, _| {});
    let output = service.run(program, &folder.0, arguments);
    (output, requests(&service.services))
}

#[test]
#[cfg(unix)]
fn a_signal_ends_the_program_after_the_request_under_way_and_says_how_to_go_on() {
    let removals = ["people.csv", "--members-role", "everybody", "--yes"];
    for (program, arguments, how_to_go_on) in [
        ("roster_sync", &removals[..], "run it again for the rest"),
        ("attendance_report", &["--from", "2000-01-01"], "nothing was written; run it again"),
        ("mention_export", &[], "run it again to go on"),
        ("mention_report", &["--days", "3650"], "nothing was written; run it again"),
        ("mention_watch", &["--interval", "1"], "run it again to go on"),
        ("alert_janitor", &[], "run it again for the rest"),
    ] {
        let (output, requests) = interrupt(program, arguments);
        assert_eq!(output.status.code(), Some(130), "{program}: {}", stderr(&output));
        let end = format!("stopped: {how_to_go_on}");
        assert!(stderr(&output).contains(&end), "{program}: {}", stderr(&output));
        // A signal takes a moment to be noticed.
        assert!(requests < 20, "{program}: {requests}");
    }
}

#[test]
#[cfg(unix)]
fn a_program_that_is_killed_leaves_the_file_of_its_last_run_and_the_next_run_replaces_it() {
    let file = "report.out";
    for (program, arguments, end) in [
        ("attendance_report", &["--from", "2000-01-01", "--output", file][..], ""),
        ("mention_report", &["--days", "3650", "--output", file], "</html>"),
    ] {
        let folder = Folder::new(&format!("killed-{program}"));
        folder.write(file, "the last run");
        let is_killed = AtomicBool::new(false);
        let kill = move |number, pid: &support::Pid| {
            if number == 1 && !is_killed.swap(true, Ordering::SeqCst) {
                pid.signal("KILL");
            }
        };
        let service = Service::with_hooks(Services::demo(), kill, |_, _| {});
        let killed = service.run(program, &folder.0, arguments);
        assert_eq!(killed.status.code(), None, "{program}: {}", stderr(&killed));
        assert_eq!(folder.read(file), "the last run");
        let whole = service.run(program, &folder.0, arguments);
        assert_eq!(whole.status.code(), Some(0), "{program}: {}", stderr(&whole));
        let written = folder.read(file);
        assert!(written.len() > 1000 && written.trim_end().ends_with(end), "{program}");
    }
}

#[test]
#[cfg(unix)]
fn a_janitor_that_is_killed_between_two_deletions_finishes_in_the_next_run() {
    let folder = Folder::new("killed-janitor");
    let deletions = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&deletions);
    let services = Services::demo();
    let heylerts = services.heylerts.clone();
    let kill = move |_, pid: &support::Pid| {
        let left = heylerts.state().alerts.len();
        if left < 3 && counted.swap(left, Ordering::SeqCst) == 0 {
            pid.signal("KILL");
        }
    };
    let service = Service::with_hooks(services, |_, _| {}, kill);
    let arguments = ["--stale-days", "0", "--delete", "--yes"];
    let killed = service.run("alert_janitor", &folder.0, &arguments);
    assert_eq!(killed.status.code(), None, "{}", stderr(&killed));
    let left = deletions.load(Ordering::SeqCst);
    assert!(left < 3, "{left}");
    let again = service.run("alert_janitor", &folder.0, &arguments);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert!(service.services.heylerts.state().alerts.len() < left);
}

#[test]
fn programs_share_the_tokens_of_a_key_by_a_file() {
    let folder = Folder::new("share");
    let service = Service::new(Services::demo());
    let files = || {
        let folder = std::fs::read_dir(folder.0.join("heysync"));
        folder.map_or(0, |files| files.count())
    };
    service.run("alert_janitor", &folder.0, &["--no-share"]);
    assert_eq!(files(), 0);
    service.run("alert_janitor", &folder.0, &[]);
    service.run("mention_report", &folder.0, &[]);
    assert_eq!(files(), 1, "one key, one file");
}

#[test]
#[cfg(unix)]
fn a_second_signal_ends_the_program_during_a_request() {
    let folder = Folder::new("second-signal");
    let (ended, end) = std::sync::mpsc::channel::<()>();
    let end = std::sync::Mutex::new(end);
    let interrupt = move |number, pid: &support::Pid| {
        if number == 1 {
            pid.signal("INT");
            // Another one, since two of a kind may arrive as one.
            pid.signal("TERM");
            // The request gets no response before the program has ended.
            let _ = end.lock().unwrap().recv();
        }
    };
    let service = Service::with_hooks(Services::demo(), interrupt, |_, _| {});
    let range = ["--from", "2000-01-01", "--to", "2100-01-01"];
    let output = service.run("attendance_report", &folder.0, &range);
    drop(ended);
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(!stderr(&output).contains("nothing was written"), "{}", stderr(&output));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let folder = Folder::new("pipe");
    for program in PROGRAMS {
        let arguments = [quick(program), &["--verbose"]].concat();
        let output = support::run_into_closed_pipes(program, &folder.0, &arguments);
        // `roster_sync` does not change what nobody has seen.
        let expected = if program == "roster_sync" { 74 } else { 0 };
        assert_eq!(output.code(), Some(expected), "{program}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_exit_code_74_and_nothing_is_lost_silently() {
    let folder = Folder::new("full");
    for program in PROGRAMS.into_iter().filter(|program| *program != "mention_export") {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = support::run_offline_into(program, &folder.0, quick(program), full.into());
        assert_eq!(output.status.code(), Some(74), "{program}: {}", stderr(&output));
        assert!(stderr(&output).contains("standard output: "), "{program}: {}", stderr(&output));
    }
    for (program, option) in [
        ("mention_report", "--output"),
        ("mention_report", "--csv"),
        ("attendance_report", "--output"),
        ("mention_export", "--output"),
        ("mention_watch", "--state"),
    ] {
        let arguments = [quick(program), &[option, "no-such-folder/file"]].concat();
        let output = run_offline(program, &folder.0, &arguments);
        assert_eq!(output.status.code(), Some(74), "{program}: {}", stderr(&output));
        assert!(stderr(&output).contains("no-such-folder/file"), "{}", stderr(&output));
    }
}

#[test]
fn a_failure_that_stays_ends_every_program_with_a_report() {
    let run = |program: &'static str, fault: Fault, code| {
        let folder = Folder::new(&format!("stays-{program}-{code}"));
        folder.write("people.csv", "userId\nuser-1\n");
        let service = Service::new(Services::demo());
        service.services.heylo.inject(1000, fault.clone());
        service.services.heylerts.inject(1000, fault.clone());
        let arguments: &[&str] = match program {
            "roster_sync" => &["people.csv", "--members-role", "everybody"],
            _ => &[],
        };
        let output = service.run(program, &folder.0, &[arguments, &["--no-share"]].concat());
        assert_eq!(output.status.code(), Some(code), "{program} {fault:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("Error: "), "{program} {fault:?}");
    };
    std::thread::scope(|scope| {
        // `mention_watch` waits for the service to come back.
        for program in PROGRAMS.into_iter().filter(|program| *program != "mention_watch") {
            for (fault, code) in [
                (Fault::ServerError(FaultPoint::BeforeEffect), 75),
                (Fault::Redirect("https://elsewhere.test".to_owned()), 78),
                (Fault::WrongType, 76),
            ] {
                scope.spawn(move || run(program, fault, code));
            }
        }
    });
}
