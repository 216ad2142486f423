//! Whom to invite.

use serde_json::{Map, Value};

use crate::time::Date;

/// Somebody to invite, with all that Heylo's page on invites names.
///
/// Only what is set is sent. Heylo does not say which fields it needs beside the user id; a name and an
/// e-mail address are a sensible least.
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
    /// Names somebody by the stable id that they have in the caller's own system: `userId`.
    ///
    /// It is what [`remove_member`](super::Community::remove_member) takes later. An empty one is refused
    /// when the invite is sent.
    pub fn new(user_id: impl Into<String>) -> NewMember {
        NewMember { user_id: user_id.into(), member: Map::new(), beside: Map::new() }
    }

    /// Returns the id that it was made with.
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

    /// Sets the date of birth. Sent as `YYYY-MM-DD`, such as `1815-12-10`.
    pub fn birth_date(self, date: Date) -> NewMember {
        self.field("birthDate", date.to_string())
    }

    /// Sets the gender, one of the four that Heylo lists.
    pub fn gender(self, gender: Gender) -> NewMember {
        self.field("gender", gender.as_str())
    }

    /// Sets since when they have been a member: `memberSinceMonth` and `memberSinceYear`.
    ///
    /// The month is sent as three letters, the year as text. Heylo shows "May" and "2024", which leaves open
    /// how it writes the longer months; three letters are decided.
    pub fn member_since(self, month: Month, year: u16) -> NewMember {
        self.field("memberSinceMonth", month.as_str())
            // "2024", in quotes.
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

    /// Sets where answers to Heylo's e-mails go: `replyToEmail`, beside the member. Default: Heylo's own
    /// ("override default reply-to").
    pub fn reply_to_email(mut self, address: impl Into<String>) -> NewMember {
        self.beside.insert("replyToEmail".to_owned(), Value::String(address.into()));
        self
    }

    /// Sets whether to leave out Heylo's e-mails of invitation and reminder. Default: Heylo sends them.
    pub fn suppress_emails(mut self, suppress: bool) -> NewMember {
        self.beside.insert("suppressEmails".to_owned(), suppress.into());
        self
    }

    /// Sets a field of the member that this crate does not know, or a known one in another way.
    ///
    /// The user id stays the one that the member was made with.
    ///
    /// # Examples
    ///
    /// ```
    /// use heysync::heylo::NewMember;
    ///
    /// # use heysync::{Config, heylo, sandbox};
    /// # let service = sandbox::Heylo::demo();
    /// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
    /// # let group = heylo::Client::with_config("key", config)?.community("harbour-runners");
    /// group.invite(&NewMember::new("user-42").first_name("Ada").field("shirtSize", "M"))?;
    /// # let invited = service.invites("harbour-runners").pop().expect("the invite");
    /// # assert_eq!(invited.member["shirtSize"], "M");
    /// # Ok::<(), heysync::Error>(())
    /// ```
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
    /// Returns it as Heylo writes it.
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
        // "May", or on an older copy of the page "Jan, Feb, etc.": what satisfies both.
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];

    /// Returns it as Heylo writes it: `Jan`, `Feb` and so on.
    pub fn as_str(self) -> &'static str {
        Month::NAMES[self as usize]
    }
}
