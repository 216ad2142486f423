//! Whom to invite.

use serde_json::{Map, Value};

use crate::time::Date;

/// Somebody to invite, with all that Heylo's page on invites names.
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
/// # let _ = ada;
/// # Ok::<(), heysync::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct NewMember {
    pub(crate) user_id: String,
    pub(crate) member: Map<String, Value>,
    /// What stands beside the member in the request.
    pub(crate) beside: Map<String, Value>,
}

impl NewMember {
    /// Somebody by the stable id that they have in the caller's own system. It is what
    /// [`remove_member`](super::Community::remove_member) takes later.
    pub fn new(user_id: impl Into<String>) -> NewMember {
        NewMember {
            user_id: user_id.into(),
            member: Map::new(),
            beside: Map::new(),
        }
    }

    /// The id that it was made with.
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

    /// Sets the date of birth. Sent as `YYYY-MM-DD`.
    pub fn birth_date(self, date: Date) -> NewMember {
        self.field("birthDate", date.to_string())
    }

    /// Sets the gender.
    pub fn gender(self, gender: Gender) -> NewMember {
        self.field("gender", gender.as_str())
    }

    /// Sets since when they have been a member. The month is sent as three letters, the year as text.
    pub fn member_since(self, month: Month, year: u16) -> NewMember {
        self.field("memberSinceMonth", month.as_str())
            .field("memberSinceYear", year.to_string())
    }

    /// Sets whom to call in an emergency: name, telephone number, and relationship.
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

    /// Sets where answers to Heylo's e-mails go. Default: what the community has set.
    pub fn reply_to_email(mut self, address: impl Into<String>) -> NewMember {
        self.beside
            .insert("replyToEmail".to_owned(), Value::String(address.into()));
        self
    }

    /// Whether to leave out Heylo's e-mails of invitation and reminder. Default: Heylo sends them.
    pub fn suppress_emails(mut self, suppress: bool) -> NewMember {
        self.beside
            .insert("suppressEmails".to_owned(), suppress.into());
        self
    }

    /// Sets a field of the member that this crate does not know.
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> NewMember {
        self.member.insert(name.to_owned(), value.into());
        self
    }
}

/// A gender, as Heylo's page on invites lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Gender {
    /// `male`
    Male,
    /// `female`
    Female,
    /// `non-binary`
    NonBinary,
    /// `decline`: does not say.
    Decline,
}

impl Gender {
    /// As Heylo writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Gender::Male => "male",
            Gender::Female => "female",
            Gender::NonBinary => "non-binary",
            Gender::Decline => "decline",
        }
    }
}

/// A month. Heylo takes three letters of its English name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the months need no words")]
pub enum Month {
    January,
    February,
    March,
    April,
    May,
    June,
    July,
    August,
    September,
    October,
    November,
    December,
}

impl Month {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];

    /// As Heylo writes it.
    pub fn as_str(self) -> &'static str {
        Month::NAMES[self as usize]
    }
}
