//! The operation that invites a person.

use http::StatusCode;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::heylo::{Gender, Month};
use crate::sandbox::exchange::Response;

use super::fields::{ApiError, Fields};
use super::state::{Invite, MonthFormat, Settings, State};

const TEXTS: [&str; 7] = [
    "firstName",
    "lastName",
    "email",
    "phoneNumber",
    "emergencyContactName",
    "emergencyContactPhoneNumber",
    "emergencyContactRelationship",
];
impl State {
    pub(crate) fn invite(&mut self, fields: &Fields) -> Result<Response, ApiError> {
        let id = self.invites_sent + 1;
        let settings = self.settings.clone();
        let community = self.named(fields)?;
        let member = fields.object("member")?;
        check(&member, &settings)?;
        community.invites.push(Invite {
            id,
            user_id: member.required("userId")?.to_owned(),
            member: fields.value("member").cloned().unwrap_or_default(),
            reply_to_email: fields.text("replyToEmail")?.map(str::to_owned),
            suppress_emails: fields.flag("suppressEmails")?.unwrap_or(false),
        });
        self.invites_sent = id;
        let status = match self.settings.invite_returns_201 {
            true => StatusCode::CREATED,
            false => StatusCode::OK,
        };
        Ok(self.acknowledge(status, json!({"success": true, "inviteId": id.to_string()})))
    }
}

/// Rejects a member whose fields are not as documented.
fn check(member: &Fields, settings: &Settings) -> Result<(), ApiError> {
    for name in TEXTS {
        member.text(name)?;
    }
    one_of(member, "gender", Gender::KNOWN.iter().map(|gender| gender.as_str()).collect())?;
    one_of(member, "memberSinceMonth", months(settings.month_format))?;
    let contacts = [member.text("email")?, member.text("phoneNumber")?];
    if settings.invite_requires_contact && contacts.iter().all(|it| it.is_none_or(str::is_empty)) {
        return Err(ApiError::bad("email or phoneNumber is required"));
    }
    let born = member.text("birthDate")?;
    if born.is_some_and(|text| text.len() != 10 || text.parse::<Date>().is_err()) {
        return Err(ApiError::bad("birthDate must be YYYY-MM-DD"));
    }
    match member.value("memberSinceYear") {
        Some(year) if !is_year(year) => Err(ApiError::bad("memberSinceYear must be a year")),
        _ => Ok(()),
    }
}

fn months(format: MonthFormat) -> Vec<&'static str> {
    let short = || Month::KNOWN.iter().map(|month| month.as_str());
    let full = || Month::KNOWN.iter().map(|month| month.name());
    match format {
        MonthFormat::Short => short().collect(),
        MonthFormat::Full => full().collect(),
        MonthFormat::Any => short().chain(full()).collect(),
    }
}

fn one_of(member: &Fields, name: &str, allowed: Vec<&str>) -> Result<(), ApiError> {
    let wrong = || ApiError::bad(format!("{name} must be one of {}", allowed.join(", ")));
    let text = member.text(name)?;
    text.is_none_or(|text| allowed.contains(&text)).then_some(()).ok_or_else(wrong)
}

/// Whether the value is a year: `"2024"`, as the vendor documents, or the number.
fn is_year(value: &Value) -> bool {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::pipeline::transport::Transport;
    use crate::sandbox::exchange::testing::{send, to_heylo};
    use crate::sandbox::heylo::MonthFormat;
    use crate::sandbox::{Heylo, TestClock};

    fn invite(heylo: &Heylo, member: Value) -> (u16, Value) {
        let body = json!({
            "type": "invite", "communityId": "book-circle", "member": member,
            "replyToEmail": "captain@example.com", "suppressEmails": true,
        });
        send(heylo, to_heylo("apiv1-create", &body))
    }

    #[test]
    fn an_invite_is_pending_with_every_field_that_was_sent() {
        let heylo = Heylo::demo();
        let ada = json!({
            "userId": "user-42", "firstName": "Ada", "lastName": "Lovelace", "gender": "female",
            "email": "ada@example.com", "birthDate": "1815-12-10", "memberSinceMonth": "May",
            "memberSinceYear": "2024",
        });
        assert_eq!(invite(&heylo, ada.clone()), (200, json!({"success": true, "inviteId": "2"})));
        let invites = heylo.invites("book-circle");
        assert_eq!((invites.len(), &invites[0].member), (1, &ada));
        assert_eq!(invites[0].reply_to_email.as_deref(), Some("captain@example.com"));
        assert!(invites[0].suppress_emails);
    }

    #[test]
    fn an_invite_that_is_sent_twice_exists_twice() {
        let heylo = Heylo::demo().with(|state| state.settings.invite_returns_201 = true);
        assert_eq!(invite(&heylo, json!({"userId": "user-42"})).0, 201);
        assert_eq!(invite(&heylo, json!({"userId": "user-42"})).0, 201);
        assert_eq!(heylo.invites("book-circle").len(), 2);
    }

    #[test]
    fn months_are_accepted_in_the_format_of_the_setting() {
        let heylo = Heylo::demo().limit(None);
        let statuses = |format| {
            heylo.change(|state| state.settings.month_format = format);
            ["Jan", "January", "May", "jan"].map(|month| {
                invite(&heylo, json!({"userId": "user-42", "memberSinceMonth": month})).0
            })
        };
        assert_eq!(statuses(MonthFormat::Short), [200, 400, 200, 400]);
        assert_eq!(statuses(MonthFormat::Full), [400, 200, 200, 400]);
        assert_eq!(statuses(MonthFormat::Any), [200, 200, 200, 400]);
    }

    #[test]
    fn an_invite_without_a_contact_is_rejected_if_set() {
        let heylo = Heylo::demo().limit(None);
        heylo.change(|state| state.settings.invite_requires_contact = true);
        for (member, status) in [
            (json!({"userId": "user-42"}), 400),
            (json!({"userId": "user-42", "email": ""}), 400),
            (json!({"userId": "user-42", "email": "ada@example.com"}), 200),
            (json!({"userId": "user-42", "phoneNumber": "+4912345678"}), 200),
        ] {
            assert_eq!(invite(&heylo, member.clone()).0, status, "{member}");
        }
    }

    #[test]
    fn an_invite_takes_effect_after_its_duration_although_the_client_gave_up() {
        let clock = TestClock::new();
        let heylo = Heylo::demo().clock(clock.clone());
        heylo.change(|state| state.settings.invite_duration = Duration::from_secs(40));
        let body = json!({
            "type": "invite", "communityId": "book-circle", "member": {"userId": "user-42"},
        });
        let error = heylo.send(to_heylo("apiv1-create", &body), Duration::from_secs(30));
        assert!(error.unwrap_err().may_have_been_sent());
        assert!(heylo.invites("book-circle").is_empty());
        clock.advance(Duration::from_secs(10));
        assert_eq!(heylo.invites("book-circle").len(), 1);
    }

    #[test]
    fn a_malformed_field_is_rejected() {
        let heylo = Heylo::demo().limit(None);
        for (field, value) in [
            ("userId", json!("")),
            ("firstName", json!(7)),
            ("gender", json!("other")),
            ("birthDate", json!("10.12.1815")),
            ("birthDate", json!("1815-02-30")),
            ("memberSinceMonth", json!("Mai")),
            ("memberSinceYear", json!("24")),
        ] {
            let mut member = json!({"userId": "user-42"});
            member[field] = value;
            assert_eq!(invite(&heylo, member).0, 400, "{field}");
        }
        assert_eq!(invite(&heylo, json!("user-42")).0, 400);
        assert_eq!(heylo.invites("book-circle"), []);
    }
}
