//! How long a pause lasts if the server names no length.

use super::moment::Nanos;

/// P' of a second.
const HELD: Nanos = 1_006_000_000;

/// The pauses for which the server names no length.
///
/// The first one lasts P'. If somebody else takes what there is and the period is long, a client that asks that seldom gets
/// next to nothing. So short pauses follow if the request after a pause of P' is refused as well, and once a pause of P' has
/// ended well. If a series of short ones does not, the next ones last P' again, for as long as that ends well.
#[cfg_attr(feature = "share", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unnamed {
    /// How many refusals in a row there were.
    misses: u64,
    /// Whether the last pause was a short one.
    was_short: bool,
    /// Whether short pauses ended well within a series, when they were tried last.
    is_short_best: Option<bool>,
}

impl Unnamed {
    /// So many short pauses are in one period at most, and half as many as the limit allows requests.
    const MOST: u64 = 50;
    /// So many short ones in a row are a series.
    const SERIES: u64 = 8;
    /// With each so many refusals in a row, short pauses double, up to P'.
    const PATIENT: u64 = 64;

    fn is_short(&self) -> bool {
        match self.is_short_best {
            Some(true) => self.misses != Unnamed::SERIES,
            _ => self.misses > 0,
        }
    }

    /// Returns how long the next one lasts, for a limit of so many requests and this P'.
    pub(crate) fn pause(&self, limit: u64, held: Nanos) -> Nanos {
        let part = held / (limit / 2).clamp(1, Unnamed::MOST);
        let double = (self.misses / Unnamed::PATIENT).min(16);
        let short = part.max(HELD).saturating_mul(1 << double);
        if self.is_short() { short.min(held) } else { held }
    }

    /// The next one begins.
    pub(crate) fn refused(&mut self) {
        self.was_short = self.is_short();
        if !self.was_short && self.misses > 0 {
            self.is_short_best = Some(false);
        }
        self.misses += 1;
    }

    /// The request that ended the last pause succeeded.
    pub(crate) fn passed(&mut self) {
        if self.misses > 0 {
            self.is_short_best = Some(match self.was_short {
                true => self.misses <= Unnamed::SERIES,
                false => self.is_short_best.unwrap_or(true),
            });
        }
        self.misses = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;
    const MINUTE: Nanos = 60 * SECOND;

    /// The pauses of a server that refuses everything: of 100 a minute, each in seconds.
    fn in_vain(unnamed: &mut Unnamed, count: usize) -> Vec<u64> {
        let pause = |_| {
            let pause = unnamed.pause(100, MINUTE);
            unnamed.refused();
            pause / SECOND
        };
        (0..count).map(pause).collect()
    }

    #[test]
    fn short_pauses_follow_if_one_of_a_period_ended_in_a_refusal() {
        assert_eq!(in_vain(&mut Unnamed::default(), 5), [60, 1, 1, 1, 1]);
    }

    #[test]
    fn short_pauses_are_kept_to_while_they_end_well_within_a_series() {
        let mut unnamed = Unnamed::default();
        in_vain(&mut unnamed, 1);
        for misses in [8, 3, 1] {
            unnamed.passed();
            assert_eq!(in_vain(&mut unnamed, misses), vec![1; misses]);
        }
    }

    #[test]
    fn after_a_series_in_vain_pauses_of_a_period_are_kept_to_while_they_end_well() {
        let mut unnamed = Unnamed::default();
        in_vain(&mut unnamed, 1);
        unnamed.passed();
        assert_eq!(in_vain(&mut unnamed, 9), [1, 1, 1, 1, 1, 1, 1, 1, 60]);
        for _ in 0..3 {
            unnamed.passed();
            assert_eq!(in_vain(&mut unnamed, 1), [60]);
        }
        assert_eq!(in_vain(&mut unnamed, 2), [1, 1]);
    }

    #[test]
    fn a_success_after_a_long_search_does_not_make_short_pauses_the_better_ones() {
        let mut unnamed = Unnamed::default();
        in_vain(&mut unnamed, 20);
        unnamed.passed();
        assert_eq!(in_vain(&mut unnamed, 2), [60, 1]);
    }

    #[test]
    fn after_each_64_refusals_in_a_row_short_pauses_double_up_to_one_of_a_period() {
        let pauses = in_vain(&mut Unnamed::default(), 5000);
        assert_eq!([63, 64, 128, 192, 384].map(|nth| pauses[nth]), [1, 2, 4, 9, 60]);
        assert!(pauses[384..].iter().all(|it| *it == 60));
    }

    #[test]
    fn the_end_of_a_pause_that_the_server_named_shows_nothing() {
        let mut unnamed = Unnamed::default();
        unnamed.passed();
        assert_eq!(in_vain(&mut unnamed, 2), [60, 1]);
    }
}
