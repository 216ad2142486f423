//! Moments in order: many of them, in little time and space.

use std::collections::VecDeque;

#[cfg(feature = "share")]
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::moment::Nanos;

/// More different moments than this are rounded when they are written, to about this many.
#[cfg(feature = "share")]
const MOST: u64 = 256;

/// Moments, earliest first. Equal ones are kept as one run, so that a file with the tokens of 50,000 requests a day has
/// less than 3 kilobytes, and a step of it reads no more than that.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs {
    runs: VecDeque<Run>,
    /// How many moments were removed at the front.
    removed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    at: Nanos,
    /// How many moments there are up to the last one of this run, with those that were removed.
    end: u64,
}

impl Runs {
    pub(crate) fn len(&self) -> usize {
        let end = self.runs.back().map_or(self.removed, |run| run.end);
        (end - self.removed) as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(crate) fn first(&self) -> Option<Nanos> {
        self.runs.front().map(|run| run.at)
    }

    /// Returns the moment with so many others before it.
    pub(crate) fn get(&self, place: usize) -> Option<Nanos> {
        let place = self.removed + place as u64;
        let run = self.runs.partition_point(|run| run.end <= place);
        self.runs.get(run).map(|run| run.at)
    }

    /// Returns how many moments are before `at`.
    pub(crate) fn count_before(&self, at: Nanos) -> usize {
        let runs = self.runs.partition_point(|run| run.at < at);
        (self.end_before(runs) - self.removed) as usize
    }

    pub(crate) fn insert(&mut self, at: Nanos) {
        self.insert_many(at, 1);
    }

    /// Adds `count` moments that are all `at`.
    pub(crate) fn insert_many(&mut self, at: Nanos, count: u64) {
        if count == 0 {
            return;
        }
        let place = self.runs.partition_point(|run| run.at < at);
        if self.runs.get(place).is_none_or(|run| run.at != at) {
            self.runs.insert(place, Run { at, end: self.end_before(place) });
        }
        self.runs.range_mut(place..).for_each(|run| run.end += count);
    }

    pub(crate) fn remove_before(&mut self, at: Nanos) {
        while let Some(run) = self.runs.front().filter(|run| run.at < at) {
            self.removed = run.end;
            self.runs.pop_front();
        }
    }

    /// Removes one that was `at`. It may have been rounded up since.
    pub(crate) fn remove(&mut self, at: Nanos) {
        let span = self.span();
        let place = self.runs.partition_point(|run| run.at < at);
        let begin = self.end_before(place);
        let Some(run) = self.runs.get(place).filter(|run| run.at - at <= span / 64) else {
            return;
        };
        if run.end - begin == 1 {
            self.runs.remove(place);
        }
        self.runs.range_mut(place..).for_each(|run| run.end -= 1);
    }

    /// The same moments, each `change`d; the order has to stay.
    pub(crate) fn map(&self, change: impl Fn(Nanos) -> Nanos) -> Runs {
        let changed = |run: &Run| Run { at: change(run.at), ..*run };
        Runs { runs: self.runs.iter().map(changed).collect(), removed: self.removed }
    }

    /// From the first moment to the last one.
    fn span(&self) -> Nanos {
        let first = self.first().unwrap_or_default();
        self.runs.back().map_or(0, |run| run.at.saturating_sub(first))
    }

    fn end_before(&self, place: usize) -> u64 {
        let before = place.checked_sub(1).and_then(|before| self.runs.get(before));
        before.map_or(self.removed, |run| run.end)
    }
}

#[cfg(feature = "share")]
impl Runs {
    /// Adds `count` moments that are not before any other.
    fn append(&mut self, at: Nanos, count: u64) {
        let end = self.end_before(self.runs.len()).saturating_add(count);
        match self.runs.back_mut() {
            _ if count == 0 => {}
            Some(last) if last.at >= at => last.end = end,
            _ => self.runs.push_back(Run { at, end }),
        }
    }

    /// Rounds many moments down, so that none seems to be later than it was.
    pub(crate) fn serialize_down<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.rounded(|at, step| at / step * step).pairs().serialize(to)
    }

    /// Rounds if there are many different moments, so far that few are left: by less than a hundredth of the time that all of
    /// them take, and by less if a few are far from the others.
    ///
    /// The steps are powers of two from the moment 0, so those that were rounded before stay where they are.
    fn rounded(&self, round: impl Fn(Nanos, Nanos) -> Nanos) -> Runs {
        if self.runs.len() as u64 <= MOST {
            return self.clone();
        }
        let is_fine = |power: &u32| self.count_in_steps(1 << power) > MOST;
        let (mut fine, mut coarse) = (0, u64::BITS - 1);
        while fine < coarse {
            let power = (fine + coarse) / 2;
            if is_fine(&power) {
                fine = power + 1;
            } else {
                coarse = power;
            }
        }
        let step = 1 << fine;
        let mut rounded = Runs::default();
        let mut begin = self.removed;
        for run in &self.runs {
            rounded.append(round(run.at, step), run.end - begin);
            begin = run.end;
        }
        rounded
    }

    /// How many different moments are left if they are rounded to such steps.
    fn count_in_steps(&self, step: Nanos) -> u64 {
        let steps = self.runs.iter().map(|run| run.at.div_ceil(step));
        steps.fold((None, 0), |(last, count), at| (Some(at), count + u64::from(last != Some(at)))).1
    }

    fn pairs(&self) -> Vec<(Nanos, u64)> {
        let begins = std::iter::once(self.removed).chain(self.runs.iter().map(|run| run.end));
        let counted = |(run, begin): (&Run, u64)| (run.at, run.end - begin);
        self.runs.iter().zip(begins).map(counted).collect()
    }
}

/// Runs are written as pairs of a moment and how many there are of it. Many moments are rounded up, so that a token is held
/// for a little longer.
#[cfg(feature = "share")]
impl Serialize for Runs {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.rounded(|at, step| at.div_ceil(step).saturating_mul(step)).pairs().serialize(to)
    }
}

#[cfg(feature = "share")]
impl<'de> Deserialize<'de> for Runs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Runs, D::Error> {
        let mut runs = Runs::default();
        for (at, count) in Vec::<(Nanos, u64)>::deserialize(from)? {
            runs.append(at, count);
        }
        Ok(runs)
    }
}

#[cfg(feature = "share")]
#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use serde::{Deserialize, Serialize};

    use super::*;

    const HOUR: Nanos = 3_600_000_000_000;

    #[derive(Serialize, Deserialize)]
    struct Down(#[serde(serialize_with = "Runs::serialize_down")] Runs);

    fn runs(moments: impl IntoIterator<Item = Nanos>) -> Runs {
        let mut runs = Runs::default();
        moments.into_iter().for_each(|at| runs.insert(at));
        runs
    }

    fn moments(runs: &Runs) -> Vec<Nanos> {
        (0..).map_while(|place| runs.get(place)).collect()
    }

    fn up(runs: &Runs) -> (Runs, usize) {
        let bytes = postcard::to_allocvec(runs).unwrap();
        (postcard::from_bytes(&bytes).unwrap(), bytes.len())
    }

    fn down(runs: &Runs) -> Runs {
        let bytes = postcard::to_allocvec(&Down(runs.clone())).unwrap();
        postcard::from_bytes::<Down>(&bytes).unwrap().0
    }

    #[test]
    fn runs_are_the_moments_in_order() {
        let mut rng = Rng::with_seed(5);
        for _ in 0..200 {
            let (mut runs, mut model) = (Runs::default(), Vec::new());
            for _ in 0..100 {
                let at = rng.u64(0..40);
                let place = model.partition_point(|other| *other < at);
                assert_eq!(runs.count_before(at), place);
                match rng.u8(0..10) {
                    0 => {
                        model.drain(..place);
                        runs.remove_before(at);
                    }
                    1 if model.get(place) == Some(&at) => {
                        model.remove(place);
                        runs.remove(at);
                    }
                    _ => {
                        model.insert(place, at);
                        runs.insert(at);
                    }
                }
                assert_eq!((moments(&runs), runs.len()), (model.clone(), model.len()));
                assert_eq!(
                    (runs.first(), runs.is_empty()),
                    (model.first().copied(), model.is_empty())
                );
            }
            assert_eq!(moments(&up(&runs).0), model);
            assert_eq!(
                moments(&runs.map(|at| at + 7)),
                model.iter().map(|at| at + 7).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn a_few_different_moments_are_kept_to_the_nanosecond() {
        for kept in [runs([]), runs([7]), runs((0..256).map(|n| n * n)), runs([9; 20_000])] {
            assert_eq!(moments(&up(&kept).0), moments(&kept));
            assert_eq!(moments(&down(&kept)), moments(&kept));
        }
    }

    #[test]
    fn many_moments_need_little_space_and_none_is_lost() {
        let day = 24 * HOUR;
        let kept = runs((0..50_000).map(|n| n * (day / 50_000)));
        let (read, bytes) = up(&kept);
        assert!(bytes < 3000, "{bytes} bytes");
        assert_eq!((read.len(), down(&kept).len()), (50_000, 50_000));
    }

    /// Requests at random, in bursts and one by one: each moment is written up to a thousand times.
    #[test]
    fn however_often_moments_are_written_each_is_rounded_by_less_than_a_hundredth() {
        for seed in 0..10 {
            let mut rng = Rng::with_seed(seed);
            let (mut later, mut earlier, mut model) =
                (Runs::default(), Runs::default(), Runs::default());
            let mut now = rng.u64(0..1000 * HOUR);
            for _ in 0..2000 {
                let most = rng.choice([1, HOUR / 2000, HOUR / 400, HOUR / 100]).unwrap();
                now += rng.u64(0..most);
                for kept in [&mut later, &mut earlier, &mut model] {
                    kept.remove_before(now.saturating_sub(HOUR));
                    kept.insert(now);
                }
                (later, earlier) = (up(&later).0, down(&earlier));
                for moment in [later.len() - 1, later.len() / 2] {
                    let most = HOUR / 100;
                    let from_the_end =
                        |runs: &Runs| runs.get((runs.len() - 1).saturating_sub(moment)).unwrap();
                    let exact = from_the_end(&model);
                    if moment < model.len() {
                        assert!((exact..exact + most).contains(&from_the_end(&later)), "{seed}");
                    }
                    if moment < earlier.len() {
                        assert!((exact - most..=exact).contains(&from_the_end(&earlier)), "{seed}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_moment_that_was_rounded_can_be_removed() {
        let kept = runs((0..1000).map(|n| n * HOUR / 1000));
        let mut read = up(&kept).0;
        let at = 500 * HOUR / 1000;
        read.remove(at);
        assert_eq!(read.len(), 999);
        assert_eq!(read.count_before(at), up(&kept).0.count_before(at));
        read.remove(2 * HOUR);
        assert_eq!(read.len(), 999);
        let mut far = runs([0, HOUR]);
        far.remove(1);
        assert_eq!(moments(&far), [0, HOUR]);
    }

    #[test]
    fn one_moment_that_is_far_from_the_others_does_not_make_them_later() {
        let kept = runs((0..1000).map(|n| n * HOUR / 1000).chain([1000 * HOUR]));
        let (read, bytes) = up(&kept);
        assert!(bytes < 3000, "{bytes} bytes");
        let later =
            moments(&kept).into_iter().zip(moments(&read)).take(1000).map(|(was, is)| is - was);
        assert!(later.max() < Some(HOUR / 100));
    }
}
