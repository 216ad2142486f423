//! Reading the parameters of a list.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::sandbox::calendar;
use crate::sandbox::exchange::Incoming;

use super::refusal::{Refusal, problem};

/// Which page of a list is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paging {
    page: u64,
    per_page: u64,
}

impl Paging {
    pub(crate) fn of(request: &Incoming) -> Result<Paging, Refusal> {
        let mut problems = Vec::new();
        let page = number(request, "page", 1, u64::MAX);
        let per_page = number(request, "per_page", 20, 100);
        let mut checked = |number: Result<u64, Value>| {
            number.unwrap_or_else(|problem| {
                problems.push(problem);
                1
            })
        };
        let paging = Paging { page: checked(page), per_page: checked(per_page) };
        match problems.is_empty() {
            true => Ok(paging),
            false => Err(Refusal::unprocessable(problems)),
        }
    }

    /// The envelope with the asked-for page of all items.
    pub(crate) fn envelope<T>(self, items: &[T], to_json: impl FnMut(&T) -> Value) -> Value {
        let Paging { page, per_page } = self;
        let total = items.len() as u64;
        let before = (page - 1).saturating_mul(per_page).min(total);
        let end = before.saturating_add(per_page).min(total);
        let shown = &items[before as usize..end as usize];
        json!({
            "items": shown.iter().map(to_json).collect::<Vec<Value>>(),
            "page": page,
            "per_page": per_page,
            "total_items": total,
            "total_pages": total.div_ceil(per_page),
            "has_more": end < total,
        })
    }
}

/// The time in `since`.
pub(crate) fn since(request: &Incoming) -> Result<Option<SystemTime>, Refusal> {
    let Some(text) = request.parameter("since") else {
        return Ok(None);
    };
    let wrong = || {
        let message = "Input should be a valid datetime or date";
        let input = Value::from(text.as_str());
        let kind = "datetime_from_date_parsing";
        Refusal::unprocessable(vec![problem(kind, ["query", "since"], message, &input)])
    };
    calendar::parse_iso(&text).map(Some).ok_or_else(wrong)
}

/// A whole number from 1 to `most`.
fn number(request: &Incoming, name: &str, default: u64, most: u64) -> Result<u64, Value> {
    let Some(text) = request.parameter(name) else {
        return Ok(default);
    };
    let input = Value::from(text.as_str());
    let wrong = |kind: &str, message: &str| Err(problem(kind, ["query", name], message, &input));
    match text.trim().parse::<i128>() {
        Err(_) => wrong(
            "int_parsing",
            "Input should be a valid integer, unable to parse string as an integer",
        ),
        Ok(number) if number < 1 => {
            wrong("greater_than_equal", "Input should be greater than or equal to 1")
        }
        Ok(number) => match u64::try_from(number).ok().filter(|number| *number <= most) {
            Some(number) => Ok(number),
            None => {
                let message = format!("Input should be less than or equal to {most}");
                wrong("less_than_equal", &message)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::sandbox::Heylerts;
    use crate::sandbox::probe::{ask, to_heylerts};

    /// The type and the place of what is wrong with a request for mentions.
    fn wrong(query: &str) -> Vec<(Value, Value)> {
        let path = format!("mentions?{query}");
        let (status, answer) = ask(&Heylerts::demo(), to_heylerts("GET", &path, &Value::Null));
        assert_eq!(status, 422, "{query}");
        let problems = answer["detail"].as_array().unwrap().iter();
        problems.map(|problem| (problem["type"].clone(), problem["loc"][1].clone())).collect()
    }

    #[test]
    fn page_and_per_page_have_bounds() {
        let too_low = json!("greater_than_equal");
        assert_eq!(wrong("page=0"), [(too_low.clone(), json!("page"))]);
        assert_eq!(wrong("per_page=0"), [(too_low, json!("per_page"))]);
        assert_eq!(wrong("per_page=101"), [(json!("less_than_equal"), json!("per_page"))]);
        assert_eq!(wrong("page=one"), [(json!("int_parsing"), json!("page"))]);
        assert_eq!(wrong("page=-1&per_page=x").len(), 2);
    }

    #[test]
    fn a_plus_that_is_not_encoded_spoils_since() {
        for text in ["2026-05-08T00:00:00+00:00", "yesterday", ""] {
            let problem = (json!("datetime_from_date_parsing"), json!("since"));
            assert_eq!(wrong(&format!("since={text}")), [problem]);
        }
    }
}
