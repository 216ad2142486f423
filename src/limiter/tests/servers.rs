//! Servers' ways of counting, each after one that is widely used. Moments are nanoseconds.

use std::collections::VecDeque;

/// Decides about each request as it arrives. Moments never go backwards.
pub(crate) trait Server {
    /// Whether the request that arrives at `now` is let through.
    fn admit(&mut self, now: u64) -> bool;

    /// What `X-RateLimit-Remaining` would return just after.
    fn remaining(&self) -> u32 {
        0
    }

    /// How long it takes until a request is let through again.
    fn wait(&self, _now: u64) -> u64 {
        1_000_000_000
    }
}

/// N in each window of the server's own clock.
pub(crate) struct FixedWindow {
    pub(crate) n: u32,
    pub(crate) p: u64,
    pub(crate) offset: u64,
    pub(crate) window: u64,
    pub(crate) count: u32,
}

impl FixedWindow {
    pub(crate) fn new(n: u32, p: u64, offset: u64) -> FixedWindow {
        FixedWindow { n, p, offset, window: 0, count: 0 }
    }
}

impl Server for FixedWindow {
    fn admit(&mut self, now: u64) -> bool {
        let window = (now + self.offset) / self.p;
        if window != self.window {
            (self.window, self.count) = (window, 0);
        }
        let room = self.count < self.n;
        self.count += u32::from(room);
        room
    }

    fn remaining(&self) -> u32 {
        self.n - self.count
    }

    fn wait(&self, now: u64) -> u64 {
        self.p - (now + self.offset) % self.p
    }
}

/// N in a window that begins with the first request after the last one.
pub(crate) struct Opened {
    n: u32,
    p: u64,
    end: u64,
    count: u32,
}

impl Opened {
    pub(crate) fn new(n: u32, p: u64) -> Opened {
        Opened { n, p, end: 0, count: 0 }
    }
}

impl Server for Opened {
    fn admit(&mut self, now: u64) -> bool {
        if now >= self.end {
            (self.end, self.count) = (now + self.p, 0);
        }
        let room = self.count < self.n;
        self.count += u32::from(room);
        room
    }

    fn remaining(&self) -> u32 {
        self.n - self.count
    }

    fn wait(&self, now: u64) -> u64 {
        self.end.saturating_sub(now)
    }
}

/// N in any window, both ends included.
pub(crate) struct SlidingLog {
    pub(crate) n: usize,
    pub(crate) p: u64,
    pub(crate) log: VecDeque<u64>,
    /// Whether a refused request counts like any other.
    pub(crate) harsh: bool,
}

impl SlidingLog {
    pub(crate) fn new(n: u32, p: u64) -> SlidingLog {
        SlidingLog { n: n as usize, p, log: VecDeque::new(), harsh: false }
    }

    pub(crate) fn harsh(n: u32, p: u64) -> SlidingLog {
        SlidingLog { harsh: true, ..SlidingLog::new(n, p) }
    }
}

impl Server for SlidingLog {
    fn admit(&mut self, now: u64) -> bool {
        while self.log.front().is_some_and(|at| at + self.p < now) {
            self.log.pop_front();
        }
        let room = self.log.len() < self.n;
        if room || self.harsh {
            self.log.push_back(now);
        }
        room
    }

    fn remaining(&self) -> u32 {
        self.n.saturating_sub(self.log.len()) as u32
    }

    fn wait(&self, now: u64) -> u64 {
        let first = self.log.get(self.log.len().saturating_sub(self.n));
        first.map_or(0, |at| (at + self.p).saturating_sub(now))
    }
}

/// A bucket of N that is refilled all the time.
pub(crate) struct Refilled {
    n: f64,
    p: f64,
    level: f64,
    last: u64,
}

impl Refilled {
    pub(crate) fn new(n: u32, p: u64) -> Refilled {
        Refilled { n: f64::from(n), p: p as f64, level: f64::from(n), last: 0 }
    }
}

impl Server for Refilled {
    fn admit(&mut self, now: u64) -> bool {
        let refill = (now - self.last) as f64 * self.n / self.p;
        (self.level, self.last) = ((self.level + refill).min(self.n), now);
        let room = self.level >= 1.0;
        self.level -= f64::from(u8::from(room));
        room
    }

    fn remaining(&self) -> u32 {
        self.level as u32
    }

    fn wait(&self, _now: u64) -> u64 {
        ((1.0 - self.level).max(0.0) * self.p / self.n) as u64
    }
}

/// This window's count, and the last one's by how much of it a sliding window would still cover.
pub(crate) struct SlidingCounter {
    n: f64,
    p: u64,
    window: u64,
    before: f64,
    count: f64,
    used: f64,
    /// Whether fractions count, instead of being rounded down.
    strict: bool,
}

impl SlidingCounter {
    pub(crate) fn new(n: u32, p: u64, strict: bool) -> SlidingCounter {
        SlidingCounter { n: f64::from(n), p, window: 0, before: 0.0, count: 0.0, used: 0.0, strict }
    }
}

impl Server for SlidingCounter {
    fn admit(&mut self, now: u64) -> bool {
        let window = now / self.p;
        if window != self.window {
            self.before = if window == self.window + 1 { self.count } else { 0.0 };
            (self.window, self.count) = (window, 0.0);
        }
        let covered = 1.0 - (now % self.p) as f64 / self.p as f64;
        let used = self.before * covered + self.count;
        let used = if self.strict { used } else { used.floor() };
        let room = used + 1.0 <= self.n;
        self.count += f64::from(u8::from(room));
        self.used = used + f64::from(u8::from(room));
        room
    }

    fn remaining(&self) -> u32 {
        (self.n - self.used).max(0.0) as u32
    }

    fn wait(&self, now: u64) -> u64 {
        self.p - now % self.p
    }
}

/// nginx's `limit_req` without `burst`: at least P/N between two requests, in whole milliseconds.
pub(crate) struct NoBurst {
    n: u64,
    p: u64,
    last: Option<u64>,
}

impl NoBurst {
    pub(crate) fn new(n: u32, p: u64) -> NoBurst {
        NoBurst { n: u64::from(n), p, last: None }
    }
}

impl Server for NoBurst {
    fn admit(&mut self, now: u64) -> bool {
        let now = now / 1_000_000;
        let room = self.last.is_none_or(|last| (now - last) * self.n * 1_000_000 >= self.p);
        if room {
            self.last = Some(now);
        }
        room
    }
}

/// Counts, and refuses nothing: keeps the largest number it saw in a window with both its ends.
pub(crate) struct Counting {
    p: u64,
    log: VecDeque<u64>,
    pub(crate) most: usize,
}

impl Counting {
    pub(crate) fn new(p: u64) -> Counting {
        Counting { p, log: VecDeque::new(), most: 0 }
    }
}

impl Server for Counting {
    fn admit(&mut self, now: u64) -> bool {
        while self.log.front().is_some_and(|at| at + self.p < now) {
            self.log.pop_front();
        }
        self.log.push_back(now);
        self.most = self.most.max(self.log.len());
        true
    }
}
