//! One figure of one peer, each from a process of its own.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::counting;
use crate::peers;
use crate::scenario::Scenario;

/// Calls before those that are measured: the connection is open then, and the name known.
const WARM_UP: u64 = 3;

/// A peer doing one kind of call to one server.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) peer: &'a str,
    pub(crate) scenario: &'static Scenario,
    pub(crate) address: &'a str,
}

/// What the system sees of one call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct System {
    pub(crate) calls: f64,
    pub(crate) threads: f64,
}

pub(crate) fn is_installed(tool: &str) -> bool {
    let tool =
        Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    tool.is_ok_and(|status| status.success())
}

impl Subject<'_> {
    fn command(&self, tool: &[&str], mode: &str, calls: Option<u64>) -> Command {
        let program = std::env::current_exe().expect("the path of this program");
        let mut command = match tool {
            [tool, options @ ..] => {
                let mut command = Command::new(tool);
                command.args(options).arg(program);
                command
            }
            [] => Command::new(program),
        };
        command.args([mode, self.peer, self.scenario.name, self.address]);
        command.args(calls.map(|calls| calls.to_string()));
        command
    }

    /// The difference between a run with the calls and one without them, by call.
    fn per_call(&self, count: impl Fn(u64) -> u64) -> f64 {
        let calls = self.scenario.calls;
        let (without, with) = (count(WARM_UP), count(WARM_UP + calls));
        with.saturating_sub(without) as f64 / calls as f64
    }

    /// Instructions of a call in user space, by callgrind.
    pub(crate) fn instructions(&self) -> f64 {
        self.per_call(|calls| {
            let tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
            let output = self.command(&tool, "calls", Some(calls)).output().expect("valgrind");
            let report = String::from_utf8_lossy(&output.stderr);
            let count = report.lines().find_map(|line| line.split("Collected : ").nth(1));
            count.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("{report}"))
        })
    }

    /// System calls and threads started by a call, by strace.
    pub(crate) fn system(&self) -> System {
        let trace = |calls| {
            let output = self.command(&["strace", "-f", "-qq"], "calls", Some(calls)).output();
            String::from_utf8_lossy(&output.expect("strace").stderr).into_owned()
        };
        let is_call = |line: &&str| line.contains('(') && !line.contains("resumed>");
        let count = |calls, kind: &str| {
            trace(calls).lines().filter(is_call).filter(|line| line.contains(kind)).count() as u64
        };
        System {
            calls: self.per_call(|calls| count(calls, "(")),
            threads: self.per_call(|calls| count(calls, "clone3(") + count(calls, "clone(")),
        }
    }

    /// Allocations of a call, and the most bytes that one call adds to the heap.
    pub(crate) fn heap(&self) -> (f64, f64) {
        let [allocations, peak] = self.numbers(self.command(&[], "heap", None));
        (allocations, peak)
    }

    /// Processor time and real time of a call, in seconds: the least of a few runs.
    pub(crate) fn time(&self, calls: u64) -> (f64, f64) {
        let runs = (0..5).map(|_| self.numbers(self.command(&[], "cpu", Some(calls))));
        runs.fold((f64::MAX, f64::MAX), |least, [cpu, real]| (least.0.min(cpu), least.1.min(real)))
    }

    fn numbers(&self, mut command: Command) -> [f64; 2] {
        let output = command.output().expect("a run");
        let printed = String::from_utf8_lossy(&output.stdout);
        let numbers: Vec<f64> =
            printed.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        let errors = String::from_utf8_lossy(&output.stderr);
        numbers.try_into().unwrap_or_else(|_| panic!("{printed}{errors}"))
    }
}

pub(crate) fn print_heap(peer: &str, scenario: &str, address: &str) {
    let (peer, scenario) = (peers::by_name(peer, address), Scenario::by_name(scenario));
    (0..WARM_UP).for_each(|_| scenario.call(&*peer));
    let (allocations, peak) = counting::counted(|| scenario.call(&*peer));
    println!("{allocations} {peak}");
}

pub(crate) fn print_cpu(peer: &str, scenario: &str, address: &str, calls: u64) {
    let (peer, scenario) = (peers::by_name(peer, address), Scenario::by_name(scenario));
    (0..WARM_UP.min(calls)).for_each(|_| scenario.call(&*peer));
    let (began, spent) = (Instant::now(), processor_time());
    (0..calls).for_each(|_| scenario.call(&*peer));
    let spent = processor_time().saturating_sub(spent).as_secs_f64() / calls as f64;
    println!("{spent} {}", began.elapsed().as_secs_f64() / calls as f64);
}

/// The processor time that this process has taken, in user space and in the kernel.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writes.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(failed, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
