//! What others spend on the same key, as the server's headers tell of it.

use std::collections::VecDeque;

use super::moment::Nanos;

/// Tokens held because somebody else spent them, each report for one period.
///
/// Reports speak of the same requests again and again, so they do not add up: the highest counts.
#[derive(Debug, Default)]
pub(crate) struct ExternalUsage {
    /// When a report ends and how much it says: later ends and smaller amounts towards the back.
    reports: VecDeque<(Nanos, u32)>,
}

impl ExternalUsage {
    /// How much is held now.
    pub(crate) fn level(&self) -> u32 {
        self.reports.front().map_or(0, |(_, amount)| *amount)
    }

    /// Holds `amount` until `end`; what was reported before stays as it is.
    pub(crate) fn report(&mut self, amount: u32, end: Nanos) {
        let covers = |(e, a): (Nanos, u32), (end, amount): (Nanos, u32)| e >= end && a >= amount;
        if amount == 0 || self.reports.iter().any(|it| covers(*it, (end, amount))) {
            return;
        }
        self.reports.retain(|it| !covers((end, amount), *it));
        let place = self.reports.partition_point(|(e, _)| *e < end);
        self.reports.insert(place, (end, amount));
    }

    /// Lets go what has ended by `now`.
    pub(crate) fn settle(&mut self, now: Nanos) {
        while self.reports.front().is_some_and(|(end, _)| *end <= now) {
            self.reports.pop_front();
        }
    }

    /// From when on how much is held, as far as is known: the present level first, nothing last.
    pub(crate) fn levels(&self) -> impl Iterator<Item = (Nanos, u32)> + '_ {
        let starts = std::iter::once(0).chain(self.reports.iter().map(|(end, _)| *end));
        let amounts = self.reports.iter().map(|(_, amount)| *amount);
        starts.zip(amounts.chain(std::iter::once(0)))
    }

    /// Keeps every report for `longer`, where the period turned out to be longer.
    pub(crate) fn prolong(&mut self, longer: Nanos) {
        for (end, _) in &mut self.reports {
            *end = end.saturating_add(longer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_report_does_not_loosen_a_larger_one() {
        let mut external = ExternalUsage::default();
        external.report(3, 10);
        external.report(1, 12);
        assert_eq!(external.level(), 3);
        external.settle(10);
        assert_eq!(external.level(), 1);
        external.settle(12);
        assert_eq!(external.level(), 0);
    }

    #[test]
    fn the_order_of_reports_does_not_matter() {
        let reports = [(2, 10), (1, 15), (3, 12), (2, 11)];
        let level_at = |order: &[usize], now| {
            let mut external = ExternalUsage::default();
            order.iter().for_each(|i| external.report(reports[*i].0, reports[*i].1));
            external.settle(now);
            external.level()
        };
        for now in 0..16 {
            let expected =
                reports.iter().filter(|(_, end)| *end > now).map(|(amount, _)| *amount).max();
            for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 2, 0, 3], [2, 0, 3, 1], [1, 0, 3, 2]] {
                assert_eq!(level_at(&order, now), expected.unwrap_or(0), "{order:?} at {now}");
            }
        }
    }

    #[test]
    fn the_levels_to_come_are_known() {
        let mut external = ExternalUsage::default();
        external.report(3, 10);
        external.report(1, 12);
        assert_eq!(external.levels().collect::<Vec<_>>(), [(0, 3), (10, 1), (12, 0)]);
    }
}
