//! Charts as SVG, each with its numbers as a table for whoever cannot see it.

use maud::{Markup, html};

use super::counts::Day;

/// The size of the chart of days, in its own units; the page scales it.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
/// The margins, with the labels of the axes.
const LEFT: f64 = 36.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 8.0;

/// Draws a stack of bars for each day: negative, neutral, positive.
pub(super) fn days(days: &[Day]) -> Markup {
    let most = days.iter().map(Day::total).max().unwrap_or(0);
    let top = nice_top(most);
    let step = (WIDTH - LEFT) / days.len().max(1) as f64;
    let height_of = |count: u64| (HEIGHT - BOTTOM - TOP) * count as f64 / top as f64;
    let y_of = |count: u64| HEIGHT - BOTTOM - height_of(count);
    let every = days.len().div_ceil(8).max(1);
    html! {
        div.wide tabindex="0" role="group" aria-label="Chart, which scrolls" {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label="Mentions by day; the table below has the numbers" {
            @for tick in [0, top / 2, top] {
                line class="grid" x1=(LEFT) x2=(WIDTH) y1=(y_of(tick)) y2=(y_of(tick)) {}
                text x=(LEFT - 6.0) y=(y_of(tick) + 4.0) text-anchor="end" { (tick) }
            }
            @for (at, day) in days.iter().enumerate() {
                @let x = LEFT + step * at as f64 + step * 0.1;
                g {
                    title { (day.date) ": " (day.total()) " mentions" }
                    (segment("negative", x, step, y_of(day.negative), height_of(day.negative)))
                    (segment("neutral", x, step, y_of(day.negative + day.neutral), height_of(day.neutral)))
                    (segment("positive", x, step, y_of(day.total()), height_of(day.positive)))
                }
                @if at % every == 0 {
                    text x=(x + step * 0.4) y=(HEIGHT - 8.0) text-anchor="middle" { (day.date.get(5..).unwrap_or_default()) }
                }
            }
        }
        }
        (legend())
        (numbers(days))
    }
}

fn numbers(days: &[Day]) -> Markup {
    html! {
        details {
            summary { "The numbers" }
            table {
                thead { tr { th scope="col" { "day" } th scope="col" { "negative" } th scope="col" { "neutral" } th scope="col" { "positive" } } }
                tbody {
                    @for day in days {
                        tr { th scope="row" { (day.date) } td { (day.negative) } td { (day.neutral) } td { (day.positive) } }
                    }
                }
            }
        }
    }
}

fn segment(class: &str, x: f64, step: f64, y: f64, height: f64) -> Markup {
    html! {
        @if height > 0.0 {
            rect class=(class) x=(round(x)) y=(round(y)) width=(round(step * 0.8)) height=(round(height)) {}
        }
    }
}

fn legend() -> Markup {
    html! {
        ul.legend {
            @for (sentiment, what) in [("negative", "negative"), ("neutral", "neutral or unknown"), ("positive", "positive")] {
                li { span.swatch.(sentiment) aria-hidden="true" {} (what) }
            }
        }
    }
}

/// Draws a horizontal bar for each value, as a table: its numbers are in it.
pub(super) fn bars(heading: &str, counts: &[(String, u64)]) -> Markup {
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    html! {
        table.bars {
            caption { (heading) }
            tbody {
                @for (name, count) in counts {
                    tr {
                        th scope="row" { (name) }
                        td.bar aria-hidden="true" { span style=(format!("width:{:.1}%", 100.0 * *count as f64 / most as f64)) {} }
                        td.count { (count) }
                    }
                }
            }
        }
    }
}

/// The least even number of the form 2, 4, 10, 20, 40, 100, … that is not below `most`, so that its half is a number
/// as well.
fn nice_top(most: u64) -> u64 {
    let tops = (0..19).flat_map(|exponent| [2, 4, 10].map(|digit| digit * 10_u64.pow(exponent)));
    tops.into_iter().find(|top| *top >= most).unwrap_or(most)
}

fn round(length: f64) -> String {
    format!("{length:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_an_even_number_not_below_the_highest_bar() {
        let tops = [0, 2, 3, 5, 11, 41, 1000].map(nice_top);
        assert_eq!(tops, [2, 2, 4, 10, 20, 100, 1000]);
    }
}
