//! The people of a CSV file.

use std::collections::{BTreeMap, BTreeSet};

use csv::StringRecord;
use heysync::heylo::{Gender, Month, NewMember};
use heysync::{Date, Result};

use crate::failure::{Failure, Outcome};

const USER_ID: &str = "userId";
/// The column of the ids of a person's roles.
const ROLES: &str = "roles";
/// Heylo's fields of a member, which are columns too.
const FIELDS: [&str; 13] = [
    "firstName",
    "lastName",
    "email",
    "phoneNumber",
    "birthDate",
    "gender",
    "memberSinceMonth",
    "memberSinceYear",
    "emergencyContactName",
    "emergencyContactPhoneNumber",
    "emergencyContactRelationship",
    "replyToEmail",
    "suppressEmails",
];

/// A row of the file.
#[derive(Clone, Debug)]
pub struct Person {
    pub member: NewMember,
    pub roles: BTreeSet<String>,
    email: String,
    line: u64,
}

/// The people of the file, by user id.
#[derive(Debug, Default)]
pub struct People {
    pub by_id: BTreeMap<String, Person>,
    /// The headings of columns that Heylo has no field for. They are not sent.
    pub left_out: Vec<String>,
}

impl People {
    /// Reads the file: a row of headings, then a row for each person. The separator is the one that the headings have:
    /// a comma, a semicolon or a tab.
    ///
    /// # Errors
    ///
    /// Fails for a row without a user id, an id or an e-mail address that comes twice, and a field that Heylo would
    /// reject, with the line.
    pub fn read(file: &[u8]) -> Outcome<People> {
        let file = as_utf8(file)?;
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .delimiter(separator(file))
            .from_reader(file.as_bytes());
        let (columns, left_out) = columns(reader.headers()?)?;
        let mut people = People { left_out, ..People::default() };
        let mut emails = BTreeMap::new();
        for row in reader.records() {
            let row = row?;
            // A spreadsheet writes rows of nothing but separators.
            if row.iter().all(str::is_empty) {
                continue;
            }
            let line = row.position().map_or(0, csv::Position::line);
            let person = person(&columns, &row, line).map_err(|reason| at_line(line, &reason))?;
            people.insert(person, &mut emails).map_err(|reason| at_line(line, &reason))?;
        }
        match people.by_id.is_empty() {
            true => Err(Failure::data("the file has no people: this would remove everybody")),
            false => Ok(people),
        }
    }

    fn insert(
        &mut self,
        person: Person,
        emails: &mut BTreeMap<String, u64>,
    ) -> std::result::Result<(), String> {
        let id = person.member.user_id();
        if let Some(other) = self.by_id.get(id) {
            return Err(format!("the user id {id:?} comes twice, first in line {}", other.line));
        }
        // The same person with two ids would be invited twice.
        let email = person.email.to_lowercase();
        if !email.is_empty()
            && let Some(other) = emails.insert(email, person.line)
        {
            let email = &person.email;
            return Err(format!("the address {email:?} comes twice, first in line {other}"));
        }
        self.by_id.insert(id.to_owned(), person);
        Ok(())
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

    /// Returns the name and the e-mail address of a person as the file has them.
    pub fn name_of(&self, id: &str) -> String {
        let Some(person) = self.by_id.get(id) else { return String::new() };
        let described = person.member.to_string();
        let name = described.strip_prefix(id).and_then(|it| it.trim().strip_prefix('('));
        name.and_then(|it| it.strip_suffix(')')).unwrap_or_default().to_owned()
    }
}

fn at_line(line: u64, reason: &str) -> Failure {
    Failure::data(format!("line {line}: {reason}"))
}

fn as_utf8(file: &[u8]) -> Outcome<&str> {
    match str::from_utf8(file) {
        Ok(file) => Ok(file.trim_start_matches('\u{FEFF}')),
        Err(error) => {
            let newlines = file[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n');
            let line = newlines.count() as u64 + 1;
            Err(at_line(line, "this is not UTF-8")
                .with_line("hint: save the file as \"CSV UTF-8\""))
        }
    }
}

/// Returns the separator that the row of headings has most of.
fn separator(file: &str) -> u8 {
    let headings = file.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |separator: u8| {
        let mut is_quoted = false;
        let is_separator = |byte: &u8| {
            is_quoted ^= *byte == b'"';
            *byte == separator && !is_quoted
        };
        headings.bytes().filter(is_separator).count()
    };
    [b'\t', b';', b','].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(b',')
}

/// Returns the field of each column, and the headings of those that have none.
fn columns(headings: &StringRecord) -> Outcome<(Vec<Option<&'static str>>, Vec<String>)> {
    let columns: Vec<_> = headings.iter().map(field).collect();
    for field in columns.iter().flatten() {
        if columns.iter().filter(|it| *it == &Some(*field)).count() > 1 {
            return Err(at_line(1, &format!("there are two columns {field}")));
        }
    }
    if !columns.contains(&Some(USER_ID)) {
        let headings: Vec<_> = headings.iter().collect();
        let reason = format!("there is no column {USER_ID}, only: {}", headings.join(", "));
        return Err(at_line(1, &reason));
    }
    let is_unknown = |(heading, field): &(&str, &Option<_>)| field.is_none() && !heading.is_empty();
    let left_out = headings.iter().zip(&columns).filter(is_unknown);
    let left_out = left_out.map(|(heading, _)| heading.to_owned()).collect();
    Ok((columns, left_out))
}

/// Returns the field of a heading, however its words are joined: `First name`, `first_name`, `firstName`.
fn field(heading: &str) -> Option<&'static str> {
    let letters = |string: &str| -> String {
        let letters = string.chars().filter(|char| char.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let heading = letters(heading);
    FIELDS.into_iter().chain([USER_ID, ROLES]).find(|field| letters(field) == heading)
}

fn person(
    columns: &[Option<&'static str>],
    row: &StringRecord,
    line: u64,
) -> std::result::Result<Person, String> {
    let cells = || columns.iter().zip(row).filter_map(|(column, cell)| Some(((*column)?, cell)));
    let cell_of = |name| cells().find(|(field, _)| *field == name).map_or("", |(_, cell)| cell);
    if cell_of(USER_ID).is_empty() {
        return Err(format!("the {USER_ID} is empty"));
    }
    let mut member = NewMember::new(cell_of(USER_ID));
    for (name, cell) in cells().filter(|(_, cell)| !cell.is_empty()) {
        member = match name {
            USER_ID | ROLES => member,
            "suppressEmails" => member.suppress_emails(flag(cell)?),
            _ => {
                let value = value(name, cell);
                member.field(name, value.map_err(|error| format!("{name}: {}", error.message()))?)
            }
        };
    }
    let roles = cell_of(ROLES).split([' ', ';', ',', '|', '\n']).map(str::trim);
    let roles = roles.filter(|role| !role.is_empty()).map(str::to_owned).collect();
    Ok(Person { member, roles, email: cell_of("email").to_owned(), line })
}

/// Reads a field that has a form, and writes it in Heylo's: `March` becomes `Mar`.
fn value(name: &str, cell: &str) -> Result<String> {
    Ok(match name {
        "birthDate" => cell.parse::<Date>()?.to_string(),
        "gender" => cell.parse::<Gender>()?.as_str().to_owned(),
        "memberSinceMonth" => cell.parse::<Month>()?.as_str().to_owned(),
        _ => cell.to_owned(),
    })
}

fn flag(cell: &str) -> std::result::Result<bool, String> {
    match cell.to_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("suppressEmails is {cell:?}; use true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str) -> People {
        People::read(file.as_bytes()).expect("people")
    }

    #[test]
    fn a_file_of_any_spreadsheet_is_the_same_people() {
        let plain = read("userId,firstName,email,roles\nu1,Ada,a@x.test,a b\nu2,\"Bo, jr\",,\n");
        for file in [
            "\u{FEFF}userId,firstName,email,roles\r\nu1,Ada,a@x.test,a b\r\n\r\nu2,\"Bo, jr\",,\r\n,,,\r\n",
            "\u{FEFF}\"userId\";\"firstName\";\"email\";\"roles\"\r\n\"u1\";Ada;a@x.test;a,b\r\nu2;Bo, jr;;\r\n",
            "userId\tfirstName\temail\troles\nu1\tAda\ta@x.test\ta;b\nu2\tBo, jr\t\t",
            "E-mail,roles,First name,User ID\na@x.test,b a,Ada,u1\n,,\"Bo, jr\",u2\n",
        ] {
            let people = read(file);
            let of = |people: &People| {
                let people = people.by_id.values().map(|it| (it.member.clone(), it.roles.clone()));
                people.collect::<Vec<_>>()
            };
            assert_eq!(of(&people), of(&plain), "{file:?}");
            assert!(people.left_out.is_empty());
        }
    }

    #[test]
    fn a_separator_within_quotes_separates_nothing() {
        assert_eq!(separator("\"Last, first, middle\";userId\n"), b';');
        assert_eq!(separator("\n\nuserId\n;;;\n"), b',');
    }

    #[test]
    fn a_column_that_heylo_does_not_have_is_not_sent() {
        let people = read("userId,notes,Paid?\nu1,pays late,no\n");
        assert_eq!(people.left_out, ["notes", "Paid?"]);
        let member = serde_json::to_string(&people.by_id["u1"].member).expect("JSON");
        assert_eq!(member, r#"{"userId":"u1"}"#);
    }

    #[test]
    fn fields_are_written_as_heylo_writes_them() {
        let people = read("userId,gender,memberSinceMonth,phoneNumber\nu1,F,March,007\n");
        let member = serde_json::to_value(&people.by_id["u1"].member).expect("JSON");
        assert_eq!(member["gender"], "female");
        assert_eq!(member["memberSinceMonth"], "Mar");
        assert_eq!(member["phoneNumber"], "007");
    }
}
