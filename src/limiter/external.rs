//! The tokens that others spend on the same key, according to the server's headers.

use std::collections::VecDeque;

use super::moment::Nanos;

/// So many successes that contradict the server's numbers prove them wrong.
const PROOF: u32 = 3;
/// For so many periods, numbers that were proven wrong are ignored.
const IGNORED: u64 = 10;

/// Tokens held because somebody else spent them, each report for one period.
///
/// Reports speak of the same requests again and again, so they do not add up: the highest counts.
///
/// A server that reports the whole limit as spent, on response after response, would leave nothing for this
/// client. After one period of that, a quarter of the limit is used in spite of it. Requests that succeed so
/// contradict the server; after some of them its reports are ignored for ten periods, or until a refusal.
#[derive(Debug, Default)]
pub(crate) struct ExternalUsage {
    /// When a report ends and how much it reports: later ends and smaller amounts towards the back.
    reports: VecDeque<(Nanos, u32)>,
    /// When the present series of reports began.
    since: Option<Nanos>,
    /// When the series is over unless there is another report.
    over: Nanos,
    /// Whether the reports are held to be too high.
    doubting: bool,
    contradictions: u32,
    ignored_until: Nanos,
}

impl ExternalUsage {
    /// Returns how many tokens are held now.
    pub(crate) fn level(&self) -> u32 {
        self.reports.front().map_or(0, |(_, amount)| *amount)
    }

    /// Holds `amount` for `period`, and after the first period of reports at most `most`.
    pub(crate) fn report(&mut self, amount: u32, most: u32, now: Nanos, period: Nanos) {
        if amount == 0 || now < self.ignored_until {
            return;
        }
        let began = *self.since.get_or_insert(now);
        let is_long = now.saturating_sub(began) >= period;
        self.over = now.saturating_add(period.saturating_mul(2));
        self.doubting = is_long && amount > most;
        if self.doubting {
            for (_, amount) in &mut self.reports {
                *amount = most.min(*amount);
            }
        }
        self.hold(if is_long { amount.min(most) } else { amount }, now.saturating_add(period));
    }

    pub(crate) fn hold(&mut self, amount: u32, end: Nanos) {
        let covers = |(e, a): (Nanos, u32), (end, amount): (Nanos, u32)| e >= end && a >= amount;
        if amount == 0 || self.reports.iter().any(|it| covers(*it, (end, amount))) {
            return;
        }
        self.reports.retain(|it| !covers((end, amount), *it));
        let place = self.reports.partition_point(|(e, _)| *e < end);
        self.reports.insert(place, (end, amount));
    }

    /// Releases everything that has ended by `now`.
    pub(crate) fn settle(&mut self, now: Nanos) {
        while self.reports.front().is_some_and(|(end, _)| *end <= now) {
            self.reports.pop_front();
        }
        if now >= self.over {
            self.forget();
        }
    }

    /// A request succeeded although the reports left no token for it.
    pub(crate) fn contradict(&mut self, now: Nanos, period: Nanos) {
        self.contradictions += 1;
        if self.contradictions >= PROOF {
            self.reports.clear();
            self.forget();
            self.ignored_until = now.saturating_add(period.saturating_mul(IGNORED));
        }
    }

    /// A refusal shows that the reports may be right.
    pub(crate) fn confirm(&mut self) {
        self.contradictions = 0;
        self.ignored_until = 0;
    }

    /// Returns whether the reports are held to be too high.
    pub(crate) fn is_doubting(&self) -> bool {
        self.doubting
    }

    fn forget(&mut self) {
        self.since = None;
        self.doubting = false;
        self.contradictions = 0;
    }

    /// Returns steps `(from, amount)` of held tokens, from the current amount down to zero.
    pub(crate) fn levels(&self) -> impl Iterator<Item = (Nanos, u32)> + '_ {
        let starts = std::iter::once(0).chain(self.reports.iter().map(|(end, _)| *end));
        let amounts = self.reports.iter().map(|(_, amount)| *amount);
        starts.zip(amounts.chain(std::iter::once(0)))
    }
}
