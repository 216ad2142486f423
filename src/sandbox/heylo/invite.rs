//! Inviting somebody.

use http::StatusCode;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::sandbox::exchange::Answer;

use super::fields::{Fields, Refusal};
use super::world::{Invite, World};

const TEXTS: [&str; 7] = [
    "firstName",
    "lastName",
    "email",
    "phoneNumber",
    "emergencyContactName",
    "emergencyContactPhoneNumber",
    "emergencyContactRelationship",
];
const GENDERS: [&str; 4] = ["male", "female", "non-binary", "decline"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl World {
    pub(crate) fn invite(&mut self, fields: &Fields) -> Result<Answer, Refusal> {
        let id = self.invites_sent + 1;
        let community = self.named(fields)?;
        let member = fields.object("member")?;
        check(&member)?;
        community.invites.push(Invite {
            id,
            user_id: member.required("userId")?.to_owned(),
            member: fields.value("member").cloned().unwrap_or_default(),
            reply_to_email: fields.text("replyToEmail")?.map(str::to_owned),
            suppress_emails: fields.flag("suppressEmails")?.unwrap_or(false),
        });
        self.invites_sent = id;
        let status = match self.settings.invite_is_created {
            true => StatusCode::CREATED,
            false => StatusCode::OK,
        };
        Ok(self.acknowledge(status, json!({"success": true, "inviteId": id.to_string()})))
    }
}

/// Refuses a member whose fields are not what the vendor's page says.
fn check(member: &Fields) -> Result<(), Refusal> {
    for name in TEXTS {
        member.text(name)?;
    }
    one_of(member, "gender", &GENDERS)?;
    one_of(member, "memberSinceMonth", &MONTHS)?;
    let born = member.text("birthDate")?;
    if born.is_some_and(|text| text.len() != 10 || text.parse::<Date>().is_err()) {
        return Err(Refusal::bad("birthDate must be YYYY-MM-DD"));
    }
    match member.value("memberSinceYear") {
        Some(year) if !is_year(year) => Err(Refusal::bad("memberSinceYear must be a year")),
        _ => Ok(()),
    }
}

fn one_of(member: &Fields, name: &str, allowed: &[&str]) -> Result<(), Refusal> {
    let wrong = || Refusal::bad(format!("{name} must be one of {}", allowed.join(", ")));
    let text = member.text(name)?;
    text.is_none_or(|text| allowed.contains(&text)).then_some(()).ok_or_else(wrong)
}

/// `"2024"`, as the vendor's page has it, or the number.
fn is_year(value: &Value) -> bool {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::sandbox::Heylo;
    use crate::sandbox::probe::{ask, to_heylo};

    fn invite(heylo: &Heylo, member: Value) -> (u16, Value) {
        let body = json!({
            "type": "invite", "communityId": "book-circle", "member": member,
            "replyToEmail": "club@example.com", "suppressEmails": true,
        });
        ask(heylo, to_heylo("apiv1-create", &body))
    }

    #[test]
    fn an_invite_is_pending_with_everything_that_was_said() {
        let heylo = Heylo::demo();
        let ada = json!({
            "userId": "user-42", "firstName": "Ada", "lastName": "Lovelace", "gender": "female",
            "email": "ada@example.com", "birthDate": "1815-12-10", "memberSinceMonth": "May",
            "memberSinceYear": "2024",
        });
        assert_eq!(invite(&heylo, ada.clone()), (200, json!({"success": true, "inviteId": "2"})));
        let invites = heylo.invites("book-circle");
        assert_eq!((invites.len(), &invites[0].member), (1, &ada));
        assert_eq!(invites[0].reply_to_email.as_deref(), Some("club@example.com"));
        assert!(invites[0].suppress_emails);
    }

    #[test]
    fn an_invite_that_is_sent_twice_is_there_twice() {
        let heylo = Heylo::demo().with(|world| world.settings.invite_is_created = true);
        assert_eq!(invite(&heylo, json!({"userId": "user-42"})).0, 201);
        assert_eq!(invite(&heylo, json!({"userId": "user-42"})).0, 201);
        assert_eq!(heylo.invites("book-circle").len(), 2);
    }

    #[test]
    fn a_field_that_is_written_wrongly_is_refused() {
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
