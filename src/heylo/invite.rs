//! The people to invite.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::month::Month;
use crate::error::{Error, Result};
use crate::time::Date;

const USER_ID: &str = "userId";
const BIRTH_DATE: &str = "birthDate";
const GENDER: &str = "gender";
const MEMBER_SINCE_YEAR: &str = "memberSinceYear";
const REPLY_TO_EMAIL: &str = "replyToEmail";
const SUPPRESS_EMAILS: &str = "suppressEmails";

/// A person to invite, with all that Heylo's page on invites names.
///
/// Only the fields that are set are sent. It is not documented which fields Heylo needs beside the user id; a
/// name and an e-mail address are a sensible minimum.
///
/// # JSON and CSV
///
/// It is written and read as one flat object with Heylo's names: `userId`, `firstName`, `lastName`, `email`,
/// `phoneNumber`, `birthDate`, `gender`, `memberSinceMonth`, `memberSinceYear`, `emergencyContactName`,
/// `emergencyContactPhoneNumber`, `emergencyContactRelationship`, `replyToEmail`, `suppressEmails`. Other
/// fields are kept, and sent with the member. A field that is `null` or an empty CSV cell is not set. A gender is parsed as a
/// [`Gender`], so that `F` is sent as `female`; a value that is no `Gender` is sent as it is. A `birthDate` that is not a date of the
/// form `YYYY-MM-DD` is an error, when it is read and when an invite with it is sent.
///
/// A CSV file whose columns are not Heylo's is read into a type of your own, as the guide's
/// [recipe](crate::guide::recipes) shows. `#[serde(flatten)]` does not help there: with it, the crate `csv` reads a
/// telephone number `007` as the number 7, which is rejected.
///
/// # Examples
///
/// ```
/// use heysync::Date;
/// use heysync::heylo::{Gender, Month, NewMember};
///
/// let ada = NewMember::new("user-42")
///     .first_name("Ada")
///     .last_name("Lovelace")
///     .email("ada@example.com")
///     .birth_date(Date::new(1815, 12, 10)?)
///     .gender(Gender::Female)
///     .member_since(Month::May, 2024)
///     .suppress_emails(true);
/// assert_eq!(ada.to_string(), "user-42 (Ada Lovelace, ada@example.com)");
/// # Ok::<(), heysync::Error>(())
/// ```
///
/// The `Debug` form shows the user id and which fields are set, and no other value: a log is no place for people's data.
#[derive(Clone, PartialEq)]
#[must_use]
pub struct NewMember {
    user_id: String,
    member: Map<String, Value>,
    /// The fields of the request that are not of the member.
    beside: Map<String, Value>,
}

impl NewMember {
    /// Describes a person by the stable id that they have in the caller's own system: `userId`.
    ///
    /// [`remove_member`](super::Community::remove_member) takes the same id later. An empty one, or one with white space
    /// or an invisible character around it, is rejected when the invite is sent.
    pub fn new(user_id: impl Into<String>) -> NewMember {
        NewMember { user_id: user_id.into(), member: Map::new(), beside: Map::new() }
    }

    /// Returns the user id.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Sets the first name.
    pub fn first_name(self, name: impl Into<String>) -> NewMember {
        self.field("firstName", name.into())
    }

    /// Sets the last name.
    pub fn last_name(self, name: impl Into<String>) -> NewMember {
        self.field("lastName", name.into())
    }

    /// Sets the e-mail address.
    pub fn email(self, address: impl Into<String>) -> NewMember {
        self.field("email", address.into())
    }

    /// Sets the telephone number, such as `+1-555-867-5309`.
    pub fn phone_number(self, number: impl Into<String>) -> NewMember {
        self.field("phoneNumber", number.into())
    }

    /// Sets the date of birth. It is sent as `YYYY-MM-DD`, such as `1815-12-10`.
    pub fn birth_date(self, date: Date) -> NewMember {
        self.field(BIRTH_DATE, date.to_string())
    }

    /// Sets the gender.
    pub fn gender(self, gender: Gender) -> NewMember {
        self.field(GENDER, gender.as_str())
    }

    /// Sets the month and the year in which the membership began: `memberSinceMonth` and `memberSinceYear`.
    ///
    /// The month is sent as three letters, the year as a string. Heylo's page shows "May" and "2024", and
    /// no longer month. If your community's server wants them in full, set the
    /// field after this call.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylo::{Month, NewMember};
    ///
    /// let ada = NewMember::new("user-42")
    ///     .member_since(Month::January, 2024)
    ///     .field("memberSinceMonth", Month::January.name());
    /// assert_eq!(heysync::serde_json::to_value(&ada).unwrap()["memberSinceMonth"], "January");
    /// ```
    pub fn member_since(self, month: Month, year: u16) -> NewMember {
        self.field("memberSinceMonth", month.as_str()).field(MEMBER_SINCE_YEAR, year.to_string())
    }

    /// Sets the person to call in an emergency: name, telephone number, and relationship.
    pub fn emergency_contact(
        self,
        name: impl Into<String>,
        phone_number: impl Into<String>,
        relationship: impl Into<String>,
    ) -> NewMember {
        self.field("emergencyContactName", name.into())
            .field("emergencyContactPhoneNumber", phone_number.into())
            .field("emergencyContactRelationship", relationship.into())
    }

    /// Sets the address for replies to Heylo's e-mails: `replyToEmail`, beside the member. Default: Heylo's own
    /// ("override default reply-to").
    pub fn reply_to_email(self, address: impl Into<String>) -> NewMember {
        self.field(REPLY_TO_EMAIL, address.into())
    }

    /// Sets whether Heylo leaves out its e-mails of invitation and reminder: `suppressEmails`, beside the
    /// member. Default: Heylo sends them.
    pub fn suppress_emails(self, suppress: bool) -> NewMember {
        self.field(SUPPRESS_EMAILS, suppress)
    }

    /// Sets a field by its name in Heylo's JSON: one that this crate has no method for, or another value of a
    /// known one.
    ///
    /// The last value counts. The user id cannot be changed. A `birthDate` that is not a date is rejected when the
    /// invite is sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylo::NewMember;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let service = sandbox::Heylo::demo();
    /// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
    /// # let community = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// community.invite(&NewMember::new("user-42").first_name("Ada").field("shirtSize", "M"))?;
    /// # let invited = service.invites("harbour-runners").pop().expect("the invite");
    /// # assert_eq!(invited.member["shirtSize"], "M");
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn field(mut self, name: impl AsRef<str>, value: impl Into<Value>) -> NewMember {
        let name = name.as_ref();
        let fields = match name {
            USER_ID => return self,
            REPLY_TO_EMAIL | SUPPRESS_EMAILS => &mut self.beside,
            _ => &mut self.member,
        };
        let value = match value.into() {
            Value::String(text) if name == BIRTH_DATE => Value::String(text.trim().to_owned()),
            value => value,
        };
        fields.insert(name.to_owned(), value);
        self
    }

    /// Rejects a value that Heylo would reject, before it costs a request.
    pub(crate) fn check(&self) -> Result<()> {
        match self.member.get(BIRTH_DATE) {
            None | Some(Value::Null) => Ok(()),
            Some(Value::String(text)) if text.parse::<Date>().is_ok() => Ok(()),
            Some(_) => Err(Error::invalid(NO_DATE)),
        }
    }

    /// Returns the fields of the request that invites this member.
    pub(crate) fn to_fields(&self) -> Map<String, Value> {
        let mut member = self.member.clone();
        member.insert(USER_ID.to_owned(), self.user_id.as_str().into());
        let mut fields = self.beside.clone();
        fields.insert("member".to_owned(), Value::Object(member));
        fields
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.member.get(name)?.as_str().filter(|text| !text.is_empty())
    }
}

/// Writes the user id, and in parentheses the name and the e-mail address that are set.
impl fmt::Display for NewMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = [self.text("firstName"), self.text("lastName")];
        let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let name = Some(name.as_str()).filter(|name| !name.is_empty());
        let known = [name, self.text("email")].into_iter().flatten().collect::<Vec<_>>().join(", ");
        f.write_str(&self.user_id)?;
        if known.is_empty() { Ok(()) } else { write!(f, " ({known})") }
    }
}

impl fmt::Debug for NewMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&String> = self.member.keys().chain(self.beside.keys()).collect();
        f.debug_struct("NewMember")
            .field("user_id", &self.user_id)
            .field("fields", &fields)
            .finish_non_exhaustive()
    }
}

impl Serialize for NewMember {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let user_id = Value::from(self.user_id.as_str());
        let fields = self.member.iter().chain(&self.beside);
        serializer.collect_map([(USER_ID, &user_id)].into_iter().chain(
            fields.filter(|(name, _)| *name != USER_ID).map(|(name, value)| (&**name, value)),
        ))
    }
}

impl<'de> Deserialize<'de> for NewMember {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NewMember, D::Error> {
        deserializer.deserialize_map(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = NewMember;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member with a userId")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NewMember, A::Error> {
        let mut member = NewMember::new("");
        let mut user_id = None;
        while let Some(name) = map.next_key::<String>()? {
            // A spreadsheet writes a byte order mark before the first column.
            let name = name.trim_start_matches('\u{feff}');
            let value = match name {
                USER_ID => {
                    user_id = Some(map.next_value::<String>()?);
                    continue;
                }
                GENDER => map.next_value::<Option<String>>()?.map(as_gender),
                BIRTH_DATE => as_date(&map.next_value::<Option<String>>()?.unwrap_or_default())?,
                SUPPRESS_EMAILS => map.next_value::<Option<bool>>()?.map(Value::from),
                MEMBER_SINCE_YEAR => map.next_value::<Option<Value>>()?.map(as_text),
                // CSV has no types: asked for any, it makes the number 7 of the telephone number "007".
                name if is_text(name) => map.next_value::<Option<String>>()?.map(Value::from),
                _ => map.next_value::<Option<Value>>()?,
            };
            member = match value {
                Some(value) => member.field(name, value),
                None => member,
            };
        }
        member.user_id = user_id.ok_or_else(|| de::Error::missing_field(USER_ID))?;
        Ok(member)
    }
}

/// Without the value, which is about a person.
const NO_DATE: &str = "birthDate is not a date: write it YYYY-MM-DD, such as 1815-12-10";

/// An empty cell is no date, and not a wrong one.
fn as_date<E: de::Error>(text: &str) -> Result<Option<Value>, E> {
    match text.trim() {
        "" => Ok(None),
        text => {
            let date: Date = text.parse().map_err(|_| E::custom(NO_DATE))?;
            Ok(Some(date.to_string().into()))
        }
    }
}

/// The year is "2024" in quotes on Heylo's page, and often a number in a file.
fn as_text(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        other => other,
    }
}

/// Rosters have "F"; what is no gender that Heylo lists is kept, for Heylo to judge.
fn as_gender(gender: String) -> Value {
    gender.parse::<Gender>().map_or(gender, |known| known.as_str().to_owned()).into()
}

/// Whether the field of this name holds a string.
fn is_text(name: &str) -> bool {
    const TEXTS: [&str; 9] = [
        "firstName",
        "lastName",
        "email",
        "phoneNumber",
        "memberSinceMonth",
        "emergencyContactName",
        "emergencyContactPhoneNumber",
        "emergencyContactRelationship",
        REPLY_TO_EMAIL,
    ];
    TEXTS.contains(&name)
}

/// A gender, one of the four that Heylo's page on invites lists.
///
/// It is parsed from what Heylo takes, in any case, and from what rosters commonly hold: `m`, `f`, `nb`.
///
/// # Examples
///
/// ```
/// use heysync::heylo::Gender;
///
/// assert_eq!("Female".parse::<Gender>()?, Gender::Female);
/// assert_eq!("M".parse::<Gender>()?, Gender::Male);
/// assert_eq!("nonbinary".parse::<Gender>()?.as_str(), "non-binary");
///
/// let unknown = "fem".parse::<Gender>().unwrap_err();
/// assert_eq!(unknown.message(), r#""fem" is not one of: male, female, non-binary, decline"#);
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Gender {
    /// `male`
    Male,
    /// `female`
    Female,
    /// `non-binary`
    NonBinary,
    /// `decline`: the person does not want to name one.
    Decline,
}

impl Gender {
    /// The genders that Heylo lists, in its order.
    pub const KNOWN: &'static [Gender] =
        &[Gender::Male, Gender::Female, Gender::NonBinary, Gender::Decline];

    /// Returns the gender as Heylo writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Gender::Male => "male",
            Gender::Female => "female",
            Gender::NonBinary => "non-binary",
            Gender::Decline => "decline",
        }
    }

    /// Other ways to write it, without blanks and hyphens.
    fn aliases(self) -> &'static [&'static str] {
        match self {
            Gender::Male => &["male", "m", "man"],
            Gender::Female => &["female", "f", "woman"],
            Gender::NonBinary => &["nonbinary", "nb", "enby"],
            Gender::Decline => &["decline", "declined", "declinetosay", "prefernottosay"],
        }
    }
}

impl fmt::Display for Gender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Gender {
    type Err = Error;

    /// Reads a gender. Case, blanks, hyphens and underscores are ignored.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the string names none of the four.
    fn from_str(string: &str) -> Result<Gender> {
        let is_letter = |c: &char| c.is_alphanumeric();
        let word: String = string.chars().filter(is_letter).flat_map(char::to_lowercase).collect();
        let found = Gender::KNOWN.iter().copied().find(|gender| gender.aliases().contains(&&*word));
        found.ok_or_else(|| {
            let known: Vec<&str> = Gender::KNOWN.iter().map(|gender| gender.as_str()).collect();
            Error::invalid(format!("{string:?} is not one of: {}", known.join(", ")))
        })
    }
}

/// Writes the gender as Heylo does.
impl Serialize for Gender {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Reads what [`FromStr`] reads.
impl<'de> Deserialize<'de> for Gender {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Gender, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_is_written_and_read_as_one_flat_object() {
        let ada = json!({
            "userId": "user-42", "firstName": "Ada", "phoneNumber": "007", "memberSinceYear": "2024",
            "shirt": {"size": "M"}, "replyToEmail": "captain@example.com", "suppressEmails": true,
        });
        let member: NewMember = serde_json::from_value(ada.clone()).expect("a member");
        assert_eq!(serde_json::to_value(&member).ok(), Some(ada));
        let fields = Value::Object(member.to_fields());
        assert_eq!(fields["replyToEmail"], "captain@example.com");
        assert_eq!(fields["suppressEmails"], true);
        assert_eq!(fields["member"]["shirt"]["size"], "M");
        assert_eq!(fields["member"]["userId"], "user-42");
        assert_eq!(fields["member"].get("suppressEmails"), None);
        let year =
            serde_json::from_value::<NewMember>(json!({"userId": "u", "memberSinceYear": 2024}));
        assert_eq!(year.ok(), Some(NewMember::new("u").field("memberSinceYear", "2024")));
    }

    #[test]
    fn a_field_that_is_null_is_not_set_and_a_member_without_an_id_is_rejected() {
        let read = |json| serde_json::from_value::<NewMember>(json);
        let nulls =
            json!({"email": null, "suppressEmails": null, "x": null, "\u{feff}userId": "u"});
        let member = read(nulls);
        assert_eq!(member.ok(), Some(NewMember::new("u")));
        for json in [json!({}), json!({"userId": null}), json!([]), json!("u")] {
            assert!(read(json.clone()).is_err(), "{json}");
        }
    }

    #[test]
    fn the_gender_of_a_roster_is_sent_as_heylo_writes_it_and_another_one_is_kept() {
        for (read, sent) in [("F", "female"), ("Male", "male"), ("", ""), ("agender", "agender")] {
            let member: NewMember =
                serde_json::from_value(json!({"userId": "u", "gender": read})).expect("a member");
            assert_eq!(member.to_fields()["member"]["gender"], sent);
        }
    }

    #[test]
    fn a_birth_date_that_is_none_is_rejected_when_it_is_read_and_when_it_is_sent() {
        let read = |date: Value| {
            serde_json::from_value::<NewMember>(json!({"userId": "u", "birthDate": date}))
        };
        let with = |date: Value| NewMember::new("u").field("birthDate", date);
        for date in
            ["10.12.1815", "1815-13-01", "1815-02-30", "1815-12-10T00:00:00Z", "+1815-12-10"]
        {
            let error = read(json!(date)).expect_err("no date").to_string();
            assert!(error.contains("YYYY-MM-DD") && !error.contains(date), "{error}");
            let error = with(json!(date)).check().expect_err("no date").to_string();
            assert!(error.contains("YYYY-MM-DD") && !error.contains(date), "{error}");
        }
        assert!(read(json!(18151210)).is_err() && with(json!(18151210)).check().is_err());
        let born = NewMember::new("u").birth_date(Date::new(1815, 12, 10).expect("a date"));
        assert_eq!(read(json!(" 1815-12-10 ")).ok().as_ref(), Some(&born));
        assert_eq!(with(json!("1815-12-10\n")), born);
        for date in [json!(""), json!(" "), Value::Null] {
            assert_eq!(read(date).ok(), Some(NewMember::new("u")));
        }
        assert!(born.check().is_ok() && with(Value::Null).check().is_ok());
    }

    #[test]
    fn no_field_changes_the_user_id() {
        let member = NewMember::new("u1").field("userId", "u2");
        assert_eq!(member, NewMember::new("u1"));
    }

    #[test]
    fn a_member_prints_as_what_is_known_of_it() {
        let ada = NewMember::new("u1");
        assert_eq!(ada.to_string(), "u1");
        assert_eq!(ada.clone().email("a@example.com").to_string(), "u1 (a@example.com)");
        assert_eq!(ada.last_name("Lovelace").email("").to_string(), "u1 (Lovelace)");
    }

    #[test]
    fn a_gender_is_parsed_from_every_way_to_write_it() {
        for &gender in Gender::KNOWN {
            let texts = gender.aliases().iter().map(|alias| alias.to_uppercase());
            for text in texts.chain([gender.to_string(), format!(" {gender}\n")]) {
                assert_eq!(text.parse::<Gender>().ok(), Some(gender), "{text}");
            }
            let json = serde_json::to_value(gender).expect("JSON");
            assert_eq!(serde_json::from_value::<Gender>(json).ok(), Some(gender));
        }
        for text in ["non binary", "Non_Binary", "non\u{2011}binary"] {
            assert_eq!(text.parse::<Gender>().ok(), Some(Gender::NonBinary), "{text}");
        }
        for text in ["", "-", "1", "x", "malefemale"] {
            assert!(text.parse::<Gender>().is_err(), "{text}");
        }
    }
}
