//! How many requests a service allows in how long.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Error;

use super::moment::{held, nanos};

const REQUESTS: (u32, u32) = (1, 10_000);
const PERIOD: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(86_400));

/// So many requests in so long a period, and in which [`Shape`] they are sent.
///
/// Any number from 1 to 10,000 in any period from a millisecond to a day can be used; a client refuses
/// others when it is built, and a bucket takes the nearest that can. Clients keep to what the vendors' pages
/// name: 5 a second for Heylo, 100 a minute for Heylerts.
///
/// # Examples
///
/// ```
/// use heysync::Rate;
///
/// let rate: Rate = "100/minute".parse()?;
/// assert_eq!(rate, Rate::per_minute(100));
/// assert_eq!(rate.to_string(), "100 per minute");
///
/// // One every 0.6 seconds, instead of a hundred at once and then a minute of waiting.
/// let even = rate.paced();
/// assert_ne!(even, rate);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    requests: u32,
    period: Duration,
    shape: Shape,
}

/// How the requests of a period are spread over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shape {
    /// As they come: all tokens of a period can be spent at once. The default, and best for short scripts.
    #[default]
    Burst,
    /// Evenly: between two requests lies at least the period's share of one. For what sends all the time.
    Paced,
}

impl Rate {
    /// `requests` in every `period`, as they come.
    pub const fn new(requests: u32, period: Duration) -> Rate {
        Rate { requests, period, shape: Shape::Burst }
    }

    /// `requests` in every second, as they come.
    pub const fn per_second(requests: u32) -> Rate {
        Rate::new(requests, Duration::from_secs(1))
    }

    /// `requests` in every minute, as they come.
    pub const fn per_minute(requests: u32) -> Rate {
        Rate::new(requests, Duration::from_secs(60))
    }

    /// The same, spread evenly over the period instead of as they come.
    pub const fn paced(self) -> Rate {
        Rate { shape: Shape::Paced, ..self }
    }

    /// How many requests a period allows.
    pub const fn requests(&self) -> u32 {
        self.requests
    }

    /// How long a period is.
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// How the requests are spread over a period.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether there are 1 to 10,000 requests in a millisecond to a day.
    pub fn is_usable(&self) -> bool {
        *self == self.usable()
    }

    /// The nearest that is within the bounds.
    pub(crate) fn usable(self) -> Rate {
        Rate {
            requests: self.requests.clamp(REQUESTS.0, REQUESTS.1),
            period: self.period.clamp(PERIOD.0, PERIOD.1),
            ..self
        }
    }

    /// The rate that keeps to this one and to `other` as well, where `other` is lower; else this one.
    pub(crate) fn tightened(self, other: Rate) -> Rate {
        let (mine, other) = (self.usable(), other.usable());
        if mine.allows_no_more_than(other) {
            return mine;
        }
        let (requests, period) = mine.inside(other);
        Rate { requests, period, ..mine }.usable()
    }

    /// This rate, kept inside the one of its service, unless it is the higher one.
    pub(crate) fn at_service(self, service: Rate) -> Rate {
        if !self.usable().allows_no_more_than(service) {
            return self;
        }
        Rate { shape: self.shape, ..service.tightened(self) }
    }

    /// P' for this rate's period.
    pub(crate) fn held(&self) -> u64 {
        held(self.period)
    }

    /// P'/N, rounded up: the share of one request.
    pub(crate) fn share(&self) -> u64 {
        self.held().div_ceil(u64::from(self.requests.max(1)))
    }

    /// Whether this rate is, in the long run, no higher than `other`.
    fn allows_no_more_than(self, other: Rate) -> bool {
        self.over(other) <= other.over(self)
    }

    /// The requests of one, times the period of the other: for comparing two rates without dividing.
    fn over(self, other: Rate) -> u128 {
        u128::from(self.requests) * u128::from(nanos(other.period))
    }

    /// A number and a period that stay inside this rate and inside the lower `other`, in any window of either.
    fn inside(self, other: Rate) -> (u32, Duration) {
        if other.requests.saturating_mul(self.periods(other)) <= self.requests {
            return (other.requests, other.period);
        }
        match other.requests / other.periods(self) {
            0 | 1 => (1, other.each().max(self.each())),
            requests => (requests, self.period),
        }
    }

    /// How many periods of `other` it takes to cover one of this rate's.
    fn periods(self, other: Rate) -> u32 {
        let periods = nanos(self.period).div_ceil(nanos(other.period));
        u32::try_from(periods).unwrap_or(u32::MAX)
    }

    fn each(self) -> Duration {
        self.period / self.requests
    }
}

/// Prints as "100 per minute", or as "7 per 2.5s".
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, unit)| *unit == self.period) {
            Some((name, _)) => write!(f, "{} per {name}", self.requests),
            None => write!(f, "{} per {:?}", self.requests, self.period),
        }
    }
}

const UNITS: [(&str, Duration); 4] = [
    ("second", Duration::from_secs(1)),
    ("minute", Duration::from_secs(60)),
    ("hour", Duration::from_secs(3600)),
    ("day", Duration::from_secs(86_400)),
];

/// Reads "100/minute" and "5 per second": seconds, minutes, hours and days, also several ("20/5 minutes").
impl FromStr for Rate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Rate, Error> {
        let wrong = || Error::configuration(format!("not a rate such as 100/minute: {text:?}"));
        read(&text.to_ascii_lowercase()).filter(Rate::is_usable).ok_or_else(wrong)
    }
}

fn read(text: &str) -> Option<Rate> {
    let (requests, period) = text.split_once('/').or_else(|| text.split_once(" per "))?;
    let period = period.trim();
    let name = period.trim_start_matches(|c: char| c.is_ascii_digit());
    let count = match &period[..period.len() - name.len()] {
        "" => 1,
        digits => digits.parse().ok()?,
    };
    let period = unit(name.trim_start())?.checked_mul(count)?;
    Some(Rate::new(requests.trim().parse().ok()?, period))
}

/// A unit by its name, its plural or its beginning: "minute", "minutes", "min", "m".
fn unit(name: &str) -> Option<Duration> {
    let singular = match name {
        "sec" | "secs" => "s",
        "min" | "mins" => "m",
        // Not "ms", which is no plural of "m".
        name if name.len() > 2 => name.strip_suffix('s').unwrap_or(name),
        name => name,
    };
    let is_it = |unit: &str| singular == unit || singular == &unit[..1];
    UNITS.iter().find(|(name, _)| is_it(name)).map(|(_, unit)| *unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_from_what_services_write() {
        for text in
            ["100/minute", "100 per minute", " 100 / 1 Minutes ", "100/60s", "100/min", "100/m"]
        {
            assert_eq!(text.parse::<Rate>().unwrap(), Rate::per_minute(100), "{text:?}");
        }
        assert_eq!("5/second".parse::<Rate>().unwrap(), Rate::per_second(5));
        assert_eq!(
            "20/5 minutes".parse::<Rate>().unwrap(),
            Rate::new(20, Duration::from_secs(300))
        );
    }

    #[test]
    fn what_is_no_usable_rate_is_refused() {
        let nonsense = [
            "",
            "/",
            "100",
            "0/minute",
            "-1/second",
            "1e3/second",
            "5/fortnight",
            "5/",
            "5/0s",
            "5/é",
            "5/ms",
            "5/hs",
        ];
        for text in
            nonsense.into_iter().chain(["10001/second", "5/2 days", "5/99999999999 s", "5 per"])
        {
            assert!(text.parse::<Rate>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_lower_rate_is_taken_and_a_higher_one_is_not() {
        let minute = Rate::per_minute(100);
        assert_eq!(minute.tightened(Rate::per_minute(50)), Rate::per_minute(50));
        assert_eq!(minute.tightened(Rate::per_minute(200)), minute);
        assert_eq!(minute.tightened(Rate::per_second(5)), minute);
        assert_eq!(minute.paced().tightened(Rate::per_minute(50)), Rate::per_minute(50).paced());
    }

    #[test]
    fn a_lower_rate_in_another_period_loosens_no_window_of_either() {
        let hourly = Rate::new(1000, Duration::from_secs(3600));
        assert_eq!(Rate::per_minute(100).tightened(hourly), Rate::per_minute(16));
        assert_eq!(Rate::per_minute(100).tightened(Rate::per_second(1)), Rate::per_second(1));
        assert_eq!(
            Rate::per_second(5).tightened(Rate::per_minute(100)),
            Rate::new(1, Duration::from_millis(600))
        );
        assert_eq!(
            Rate::new(1000, Duration::from_secs(3600)).tightened(Rate::per_second(5)),
            Rate::new(1000, Duration::from_secs(3600))
        );
        assert_eq!(Rate::per_minute(600).tightened(Rate::per_second(5)), Rate::per_second(5));
        let longer = Rate::new(101, Duration::from_secs(61));
        assert_eq!(Rate::per_minute(100).tightened(longer), Rate::per_minute(50));
        let shorter = Rate::new(60, Duration::from_secs(59));
        assert_eq!(Rate::per_minute(100).tightened(shorter), Rate::per_minute(60));
        let rare = Rate::new(200, Duration::from_secs(86_400));
        assert_eq!(Rate::per_minute(100).tightened(rare), Rate::new(1, Duration::from_secs(432)));
    }

    #[test]
    fn a_rate_out_of_bounds_is_brought_to_the_nearest() {
        assert_eq!(Rate::per_second(0).usable(), Rate::per_second(1));
        assert_eq!(
            Rate::new(20_000, Duration::ZERO).usable(),
            Rate::new(10_000, Duration::from_millis(1))
        );
        assert!(!Rate::per_second(0).is_usable() && Rate::per_second(5).is_usable());
    }
}
