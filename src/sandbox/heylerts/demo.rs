//! An invented account with three alerts.

use std::time::{Duration, SystemTime};

use crate::sandbox::wall_clock;

use super::alert::Alert;
use super::mention::Mention;
use super::state::State;

const HOUR: Duration = Duration::from_secs(60 * 60);
const SOURCES: [&str; 3] = ["brave", "reddit", "hackernews"];
const SENTIMENTS: [&str; 3] = ["positive", "neutral", "negative"];
const OPINIONS: [&str; 5] = [
    "Why we moved to",
    "Half a year with",
    "Has anybody here tried",
    "An honest look at",
    "What I would change about",
];

/// The data of [`Heylerts::demo`](crate::sandbox::Heylerts::demo), the same for the same seed.
pub(crate) fn state(seed: u64) -> State {
    let mut state = State { random: fastrand::Rng::with_seed(seed), ..State::default() };
    let watched = [
        ("Our brand", "harbour runners"),
        ("Competitor", "hill striders"),
        ("Town", "harbour town"),
    ];
    let alerts = watched.map(|(name, keyword)| add_alert(&mut state, name, keyword));
    for number in 0..140 {
        let mention = mention(number, &alerts[number % alerts.len()], &mut state.random);
        state.add_mention(mention);
    }
    state
}

fn add_alert(state: &mut State, name: &str, keyword: &str) -> Alert {
    let age = HOUR * (30 - 10 * state.alerts.len() as u32) * 24;
    let alert = Alert::new(name, keyword).created_at(ago(age));
    state.add_alert(alert).clone()
}

/// Creates one mention every three hours, starting nearly three weeks ago; every fortieth is ignored.
fn mention(number: usize, alert: &Alert, random: &mut fastrand::Rng) -> Mention {
    let found_at = ago(HOUR * 3 * (140 - number as u32));
    let title = format!("{} {}", pick(random, &OPINIONS), alert.keyword);
    let mut mention = Mention::new(&alert.id, title)
        .source(pick(random, &SOURCES))
        .sentiment(pick(random, &SENTIMENTS))
        .found_at(found_at);
    mention.url = format!("https://news.example/story/{}", number + 1);
    mention.author = Some(format!("u/reader{}", random.u8(1..60)));
    mention.relevance_score = Some(f64::from(random.u8(30..100)) / 100.0);
    mention.published_at = found_at.checked_sub(HOUR / 2);
    mention.ignored = number % 40 == 39;
    mention
}

fn ago(duration: Duration) -> SystemTime {
    wall_clock::first_day() - duration
}

fn pick(random: &mut fastrand::Rng, from: &[&'static str]) -> &'static str {
    from[random.usize(..from.len())]
}
