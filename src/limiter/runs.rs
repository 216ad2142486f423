//! The encoding of many moments in few bytes, for a file: a rate of 50,000 per day needs less than 3 kilobytes.

use std::collections::VecDeque;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::moment::Nanos;

/// More moments than this are rounded up, to this many different ones.
const MOST: u64 = 256;

/// Writes moments, which are in order, as pairs of a moment and how many there are of it.
///
/// Rounding up holds a token for a little longer, by one part in 128 of the time that all moments take. The steps are the
/// same however often the moments are written, so that they do not become later each time.
pub(crate) fn serialize<S: Serializer>(
    moments: &VecDeque<Nanos>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let first = moments.front().copied().unwrap_or_default();
    let length = moments.back().copied().unwrap_or_default().saturating_sub(first);
    let is_long = moments.len() as u64 > MOST;
    let step = if is_long { length.div_ceil(MOST).next_power_of_two() } else { 1 };
    let mut runs: Vec<(Nanos, u32)> = Vec::new();
    for moment in moments {
        let rounded = moment.div_ceil(step).saturating_mul(step);
        match runs.last_mut() {
            Some((last, count)) if *last == rounded => *count += 1,
            _ => runs.push((rounded, 1)),
        }
    }
    runs.serialize(serializer)
}

/// Reads what [`serialize`] wrote.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<VecDeque<Nanos>, D::Error> {
    let runs = Vec::<(Nanos, u32)>::deserialize(deserializer)?;
    Ok(runs.into_iter().flat_map(|(at, count)| std::iter::repeat_n(at, count as usize)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Moments(#[serde(with = "super")] VecDeque<Nanos>);

    fn through(moments: VecDeque<Nanos>) -> (VecDeque<Nanos>, usize) {
        let bytes = postcard::to_allocvec(&Moments(moments)).unwrap();
        let Moments(read) = postcard::from_bytes(&bytes).unwrap();
        (read, bytes.len())
    }

    #[test]
    fn a_few_moments_are_kept_to_the_nanosecond() {
        for moments in [vec![], vec![7], vec![7, 7, 7], (0..256).map(|n| n * n).collect()] {
            let moments = VecDeque::from(moments);
            assert_eq!(through(moments.clone()).0, moments);
        }
    }

    #[test]
    fn many_moments_become_a_little_later_and_none_is_lost() {
        let day = 86_400_000_000_000;
        let moments: VecDeque<Nanos> = (0..50_000).map(|n| n * (day / 50_000)).collect();
        let (read, bytes) = through(moments.clone());
        assert!(bytes < 3000, "{bytes} bytes");
        assert_eq!(read.len(), moments.len());
        let later = moments.iter().zip(&read).map(|(was, is)| is - was);
        assert!(later.max() <= Some(day / 128));
    }

    #[test]
    fn moments_that_are_written_again_and_again_do_not_become_later_each_time() {
        const HOUR: Nanos = 3_600_000_000_000;
        let interval = HOUR / 1000;
        let mut moments = VecDeque::new();
        for at in (0..5 * HOUR).step_by(interval as usize) {
            while moments.front().is_some_and(|moment| *moment + HOUR <= at) {
                moments.pop_front();
            }
            moments.push_back(at);
            moments = through(moments).0;
            let expected = (at / interval + 1).min(1000) as usize;
            assert!(moments.len().abs_diff(expected) <= 1000 / 64, "{} at {at}", moments.len());
        }
    }
}
