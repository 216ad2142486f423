//! The people of a CSV file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use csv::StringRecord;
use heysync::heylo::NewMember;
use serde_json::{Map, Value};

use crate::failure::{Failure, Outcome};

/// The column of the ids of a person's roles, separated by blanks or semicolons. All others are Heylo's fields.
const ROLES: &str = "roles";

/// A row of the file.
#[derive(Clone, Debug)]
pub struct Person {
    pub member: NewMember,
    pub roles: BTreeSet<String>,
}

/// The people of the file, by user id.
#[derive(Debug)]
pub struct People {
    pub by_id: BTreeMap<String, Person>,
    /// Whether the file has a column of roles.
    pub has_roles: bool,
}

impl People {
    /// Reads the file: a row of headings, then a row for each person.
    ///
    /// # Errors
    ///
    /// Fails for a row without a user id, an id that comes twice, and a field that Heylo would reject, with the line.
    pub fn read(input: impl Read) -> Outcome<People> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(input);
        let headings = reader.headers()?.clone();
        let headings: StringRecord =
            headings.iter().map(|it| it.trim_start_matches('\u{feff}')).collect();
        let mut people =
            People { by_id: BTreeMap::new(), has_roles: headings.iter().any(|it| it == ROLES) };
        for row in reader.records() {
            let row = row?;
            let line = row.position().map_or(0, csv::Position::line);
            let person = person(&headings, &row).map_err(|reason| at_line(line, &reason))?;
            let id = person.member.user_id().to_owned();
            if people.by_id.insert(id.clone(), person).is_some() {
                return Err(at_line(line, &format!("the user id {id:?} comes twice")));
            }
        }
        match people.by_id.is_empty() {
            true => Err(Failure::data("the file has no people: this would remove everybody")),
            false => Ok(people),
        }
    }

    /// Returns the ids of all roles in the file.
    pub fn roles(&self) -> BTreeSet<&str> {
        self.by_id.values().flat_map(|person| &person.roles).map(String::as_str).collect()
    }

    /// Returns the ids of the people who have a role in the file.
    pub fn with_role(&self, role: &str) -> impl Iterator<Item = &str> {
        let people = self.by_id.iter().filter(move |(_, person)| person.roles.contains(role));
        people.map(|(id, _)| id.as_str())
    }
}

fn at_line(line: u64, reason: &str) -> Failure {
    Failure::data(format!("line {line}: {reason}"))
}

fn person(headings: &StringRecord, row: &StringRecord) -> Result<Person, String> {
    let mut fields = Map::new();
    let mut roles = BTreeSet::new();
    for (name, cell) in headings.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
        match name {
            ROLES => {
                roles.extend(cell.split([' ', ';']).filter(|it| !it.is_empty()).map(str::to_owned))
            }
            "suppressEmails" => _ = fields.insert(name.to_owned(), flag(cell)?.into()),
            _ => _ = fields.insert(name.to_owned(), cell.into()),
        }
    }
    check(&fields)?;
    let member = serde_json::from_value(Value::Object(fields));
    member.map(|member| Person { member, roles }).map_err(|error| error.to_string())
}

fn flag(cell: &str) -> Result<bool, String> {
    match cell.to_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("suppressEmails is {cell:?}; use true or false")),
    }
}

/// Reads the fields that have a form, and writes them in Heylo's: `March` becomes `Mar`.
fn check(fields: &Map<String, Value>) -> Result<(), String> {
    let check = |name: &str, parse: fn(&str) -> Result<(), heysync::Error>| match fields.get(name) {
        Some(Value::String(cell)) => {
            parse(cell).map_err(|error| format!("{name}: {}", error.message()))
        }
        _ => Ok(()),
    };
    check("birthDate", |cell| cell.parse::<heysync::Date>().map(drop))?;
    check("gender", |cell| cell.parse::<heysync::heylo::Gender>().map(drop))?;
    check("memberSinceMonth", |cell| cell.parse::<heysync::heylo::Month>().map(drop))
}
