//! The date and time in a sandbox, and how the services write them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::clock::{Clock, Signal, SystemClock};

/// 2026-05-08T12:00:00Z, in seconds since 1970: every sandbox starts at this time.
const FIRST_DAY: u64 = 1_778_241_600;

/// The format of timestamps in responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimestampFormat {
    /// `2026-05-08T12:00:00Z`, as the vendor documents.
    #[default]
    Z,
    /// `2026-05-08T12:00:00+00:00`.
    Offset,
    /// `2026-05-08T12:00:00`: no offset, as some Python services send it. It is UTC.
    NoOffset,
}

/// The clock of a sandbox, with the date on which it started.
#[derive(Clone)]
pub(crate) struct WallClock {
    clock: Arc<dyn Clock>,
    started: Instant,
    first_day: SystemTime,
    /// Until a clock is set or a request comes, the time stands still: it may be that of a clock which is set later.
    is_running: bool,
}

impl Default for WallClock {
    fn default() -> WallClock {
        let mut clock = WallClock::new(Arc::new(SystemClock));
        clock.is_running = false;
        clock
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&iso(self.now(), TimestampFormat::Z))
    }
}

impl WallClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> WallClock {
        WallClock { started: clock.now(), first_day: first_day(), is_running: true, clock }
    }

    /// Sets another clock; the date starts anew.
    pub(crate) fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        self.started = clock.now();
        self.clock = clock;
        self.is_running = true;
    }

    pub(crate) fn is_running(&self) -> bool {
        self.is_running
    }

    pub(crate) fn run(&mut self) {
        self.is_running = true;
    }

    /// Sets the current date and time.
    pub(crate) fn set(&mut self, today: SystemTime) {
        self.started = self.clock.now();
        self.first_day = today;
    }

    pub(crate) fn instant(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.at(self.instant())
    }

    /// The date and time at an instant of the clock.
    pub(crate) fn at(&self, instant: Instant) -> SystemTime {
        let elapsed = match self.is_running {
            true => instant.saturating_duration_since(self.started),
            false => Duration::ZERO,
        };
        self.first_day.checked_add(elapsed).unwrap_or(self.first_day)
    }

    /// Waits for `duration`, even if the sleep of the clock ends early, or until `interrupt` is sent.
    pub(crate) fn wait(&self, duration: Duration, interrupt: &Interrupt) {
        let Some(until) = self.instant().checked_add(duration) else {
            return;
        };
        while self.instant() < until && !interrupt.is_sent.load(Ordering::SeqCst) {
            self.clock.wait(&interrupt.signal, Some(until));
        }
    }
}

/// Ends the waits of one connection when its server stops.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    is_sent: Arc<AtomicBool>,
    signal: Signal,
}

impl Interrupt {
    pub(crate) fn send(&self) {
        self.is_sent.store(true, Ordering::SeqCst);
        self.signal.send();
    }
}

/// The date on which every sandbox starts.
pub(crate) fn first_day() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(FIRST_DAY)
}

/// Milliseconds since 1970; negative before.
pub(crate) fn to_millis(time: SystemTime) -> i64 {
    timestamp(time).as_millisecond()
}

/// Formats a time, with fractions if it has any.
pub(crate) fn iso(time: SystemTime, style: TimestampFormat) -> String {
    let text = timestamp(time).to_string();
    let bare = text.trim_end_matches('Z');
    match style {
        TimestampFormat::Z => text,
        TimestampFormat::Offset => format!("{bare}+00:00"),
        TimestampFormat::NoOffset => bare.to_owned(),
    }
}

/// Formats a time for a header: `Fri, 08 May 2026 12:00:00 GMT`.
pub(crate) fn http_date(time: SystemTime) -> String {
    timestamp(time).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Formats a time for a header, rounded up to a whole second.
pub(crate) fn next_http_date(time: SystemTime) -> String {
    let just_before_the_next = time.checked_add(Duration::from_nanos(999_999_999));
    http_date(just_before_the_next.unwrap_or(time))
}

/// Parses an ISO 8601 timestamp; one without an offset is UTC.
pub(crate) fn parse_iso(text: &str) -> Option<SystemTime> {
    let with_offset = text.parse::<Timestamp>().ok();
    with_offset.or_else(|| in_utc(text)).map(SystemTime::from)
}

fn in_utc(text: &str) -> Option<Timestamp> {
    let local: DateTime = text.parse().ok()?;
    let zoned = local.to_zoned(TimeZone::UTC).ok()?;
    Some(zoned.timestamp())
}

fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::clock::TestClock;

    #[test]
    fn the_date_advances_with_the_clock() {
        let clock = TestClock::new();
        let mut wall_clock = WallClock::new(Arc::new(clock.clone()));
        assert_eq!(format!("{wall_clock:?}"), "2026-05-08T12:00:00Z");
        clock.advance(Duration::from_millis(90_500));
        assert_eq!(format!("{wall_clock:?}"), "2026-05-08T12:01:30.5Z");
        wall_clock.set(UNIX_EPOCH);
        assert_eq!(wall_clock.now(), UNIX_EPOCH);
    }

    #[test]
    fn a_time_is_written_in_three_formats() {
        let written = |style| iso(first_day(), style);
        assert_eq!(written(TimestampFormat::Z), "2026-05-08T12:00:00Z");
        assert_eq!(written(TimestampFormat::Offset), "2026-05-08T12:00:00+00:00");
        assert_eq!(written(TimestampFormat::NoOffset), "2026-05-08T12:00:00");
        assert_eq!(http_date(first_day()), "Fri, 08 May 2026 12:00:00 GMT");
        assert_eq!(to_millis(first_day()), 1_778_241_600_000);
    }

    #[test]
    fn a_time_is_read_with_and_without_an_offset() {
        for text in [
            "2026-05-08T12:00:00Z",
            "2026-05-08T14:00:00+02:00",
            "2026-05-08T12:00:00",
            "2026-05-08 12:00:00.000",
        ] {
            assert_eq!(parse_iso(text), Some(first_day()), "{text}");
        }
        for text in ["", "yesterday", "2026-05-08T12:00:00 00:00", "2026-13-01"] {
            assert_eq!(parse_iso(text), None, "{text}");
        }
    }

    #[test]
    fn a_wait_continues_after_a_sleep_that_ends_early() {
        #[derive(Debug)]
        struct Drowsy(TestClock);
        impl Clock for Drowsy {
            fn now(&self) -> Instant {
                self.0.now()
            }
            fn sleep(&self, duration: Duration) {
                self.0.sleep(duration.min(Duration::from_millis(7)));
            }
        }
        let clock = TestClock::new();
        WallClock::new(Arc::new(Drowsy(clock.clone())))
            .wait(Duration::from_millis(100), &Interrupt::default());
        assert_eq!(clock.elapsed(), Duration::from_millis(100));
    }

    #[test]
    fn an_interrupt_ends_this_wait_and_those_after_it() {
        let interrupt = Interrupt::default();
        let waiting = interrupt.clone();
        let thread = std::thread::spawn(move || {
            let hour = Duration::from_secs(3600);
            (0..3).for_each(|_| WallClock::default().wait(hour, &waiting));
        });
        interrupt.send();
        thread.join().unwrap();
    }
}
