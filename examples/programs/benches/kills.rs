//! Kills `mention_export` at random moments, while mentions arrive (late ones too) and the server cuts connections, and
//! checks that the file has each mention once.
//!
//! ```console
//! $ cargo bench --manifest-path examples/programs/Cargo.toml --bench kills          # 50 kills
//! $ cargo bench --manifest-path examples/programs/Cargo.toml --bench kills -- 200
//! ```
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use heysync::sandbox::heylerts::Mention;
use heysync::sandbox::{Fault, FaultPoint, Heylerts, Services};
use support::{Folder, Service, stderr};

/// The mentions that are there at first: 30 pages.
const AT_FIRST: usize = 3000;
/// The least time by which one mention is newer than another.
const STEP: Duration = Duration::from_secs(2);

/// Adds mentions to the service.
struct Arrivals {
    heylerts: Heylerts,
    alert: String,
    newest: Mutex<SystemTime>,
    late: AtomicUsize,
}

impl Arrivals {
    fn new(heylerts: Heylerts) -> Arrivals {
        let state = heylerts.state();
        let newest = state.mentions.iter().map(|mention| mention.found_at).max().unwrap();
        let alert = state.alerts[0].id.clone();
        Arrivals { heylerts, alert, newest: Mutex::new(newest), late: AtomicUsize::new(0) }
    }

    /// Adds a mention. One in three is found with a time up to 50 minutes behind newer ones.
    fn add(&self) {
        let mut newest = self.newest.lock().unwrap();
        *newest += STEP;
        let late = match fastrand::u32(0..3) {
            0 => Duration::from_secs(fastrand::u64(1..3000)),
            _ => Duration::ZERO,
        };
        self.late.fetch_add(usize::from(late > Duration::ZERO), Ordering::Relaxed);
        let mention = Mention::new(&self.alert, "Käse und Brötchen 😀").found_at(*newest - late);
        self.heylerts.add_mention(mention);
    }
}

/// A service to which mentions come with each request, and which cuts a connection now and then.
fn busy(services: &Services, arrivals: &Arc<Arrivals>, cuts: &Arc<AtomicUsize>) -> Service {
    let heylerts = services.heylerts.clone();
    let (arrivals, cuts) = (Arc::clone(arrivals), Arc::clone(cuts));
    let at_a_request = move |_: usize, _: &support::Pid| {
        (0..fastrand::u32(0..20)).for_each(|_| arrivals.add());
        if fastrand::u32(0..12) == 0 {
            let point = fastrand::choice([FaultPoint::BeforeEffect, FaultPoint::AfterEffect]);
            heylerts.inject(1, Fault::Cut(point.unwrap()));
            cuts.fetch_add(1, Ordering::Relaxed);
        }
    };
    Service::with_hooks(services.clone(), at_a_request, |_, _| {})
}

/// How the runs ended.
#[derive(Default)]
struct Ends {
    completed: usize,
    killed_before_a_line: usize,
    killed_between_lines: usize,
    killed_within_a_line: usize,
}

impl Ends {
    fn kills(&self) -> usize {
        self.killed_before_a_line + self.killed_between_lines + self.killed_within_a_line
    }

    /// Notes a kill by what it did to the file.
    fn note_kill(&mut self, before: &[u8], after: &[u8]) {
        match () {
            () if !after.is_empty() && !after.ends_with(b"\n") => self.killed_within_a_line += 1,
            () if after.len() > before.len() => self.killed_between_lines += 1,
            () => self.killed_before_a_line += 1,
        }
    }
}

fn main() {
    let wanted = std::env::args().find_map(|it| it.parse().ok()).unwrap_or(50);
    let folder = Folder::new("kills");
    let services = Services { heylerts: Heylerts::demo().limit(None), ..Services::demo() };
    let arrivals = Arc::new(Arrivals::new(services.heylerts.clone()));
    (0..AT_FIRST).for_each(|_| arrivals.add());
    let cuts = Arc::default();
    let service = busy(&services, &arrivals, &cuts);

    let start = Instant::now();
    let ends = kill(wanted, &service, &folder);
    println!(
        "{} kills in {:.0} s: {} before a new line, {} between lines, {} within a line; {} runs completed",
        ends.kills(),
        start.elapsed().as_secs_f64(),
        ends.killed_before_a_line,
        ends.killed_between_lines,
        ends.killed_within_a_line,
        ends.completed,
    );

    services.heylerts.clear_faults();
    let calm = Service::new(services.clone());
    let output = calm.run("mention_export", &folder.0, &["--no-share"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    check(&services, &folder.read("mentions.jsonl"));
    let (late, cuts) = (arrivals.late.load(Ordering::Relaxed), cuts.load(Ordering::Relaxed));
    let mentions = services.heylerts.state().mentions.len();
    println!(
        "{mentions} mentions, {late} late; {cuts} connections cut; each mention is in the file once"
    );
}

/// Runs the program until it was killed so many times, each time at a random moment of the time that a run takes.
fn kill(wanted: usize, service: &Service, folder: &Folder) -> Ends {
    let file = || std::fs::read(folder.0.join("mentions.jsonl")).unwrap_or_default();
    let (mut ends, mut usual) = (Ends::default(), Duration::from_secs(2));
    let mut in_a_row = 0;
    while ends.kills() < wanted {
        let (before, begun) = (file(), Instant::now());
        let delay = usual.mul_f64(1.2 * fastrand::f64());
        let (output, elapsed) = thread::scope(|scope| {
            scope.spawn(|| {
                // A run that completes now and then is what a killed one goes on from.
                if in_a_row < 8 {
                    thread::sleep(delay);
                    service.pid.try_signal("KILL");
                }
            });
            let output = service.run("mention_export", &folder.0, &["--no-share", "--quiet"]);
            (output, begun.elapsed())
        });
        match output.status.code() {
            None => {
                ends.note_kill(&before, &file());
                in_a_row += 1;
            }
            Some(0) => {
                ends.completed += 1;
                in_a_row = 0;
                usual = elapsed;
            }
            Some(code) => panic!("exit code {code}: {}", stderr(&output)),
        }
    }
    ends
}

fn check(services: &Services, file: &str) {
    let ids: Vec<String> = file
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].to_string())
        .collect();
    let distinct: BTreeSet<_> = ids.iter().cloned().collect();
    assert_eq!(distinct.len(), ids.len(), "a mention is in the file twice");
    let mentions = services.heylerts.state().mentions;
    let present = mentions.iter().filter(|it| !it.ignored).map(|it| format!("{:?}", it.id));
    assert_eq!(distinct, present.collect(), "a mention is lost");
}
