//! A bucket's state, to look at.

use std::time::Duration;

use super::rate::Rate;

/// What a bucket knows at one moment.
///
/// It is a copy: it does not change, and the bucket may have changed since.
///
/// # Examples
///
/// ```
/// use heysync::{Config, Rate, heylo};
///
/// let config = Config::new().base_url("http://127.0.0.1:8080").rate(Rate::per_second(4));
/// let client = heylo::Client::with_config("an-api-key", config)?;
/// let _permit = client.bucket().try_acquire();
///
/// let snapshot = client.bucket().snapshot();
/// assert_eq!((snapshot.in_flight, snapshot.free), (1, 3));
/// assert_eq!(snapshot.utilisation(), 0.25);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The rate in force: the bucket's own, or a lower one that the service told of.
    pub rate: Rate,
    /// How many tokens were taken in all.
    pub granted: u64,
    /// How many threads wait for a token.
    pub waiting: usize,
    /// How many requests are under way.
    pub in_flight: usize,
    /// How many tokens can be taken now, were it not for a pause or a pace.
    pub free: usize,
    /// How many tokens are held because others spent them on the same key.
    pub held_for_others: usize,
    /// In how long the next token is back; nothing where none is on its way back.
    pub next_back: Option<Duration>,
    /// For how long everybody is still stopped after a refusal (429); zero while one request tries whether it
    /// is over, and nothing where nobody is stopped.
    pub paused: Option<Duration>,
    /// How many pauses there were in all.
    pub pauses: u64,
    /// The distance kept between requests, where one is kept.
    pub pace: Option<Duration>,
}

impl Snapshot {
    /// A bucket at `rate` from which nothing was taken yet.
    pub fn full(rate: Rate) -> Snapshot {
        Snapshot {
            rate,
            granted: 0,
            waiting: 0,
            in_flight: 0,
            free: rate.requests() as usize,
            held_for_others: 0,
            next_back: None,
            paused: None,
            pauses: 0,
            pace: None,
        }
    }

    /// The part of the rate that is spent, from 0.0 (nothing in the last period) to 1.0 (no token is free).
    pub fn utilisation(&self) -> f64 {
        let requests = self.rate.requests().max(1);
        1.0 - self.free.min(requests as usize) as f64 / f64::from(requests)
    }
}
