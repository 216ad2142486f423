//! The operations that read: events, attendance, roles, the members of a role.

use serde_json::{Value, json};

use crate::sandbox::exchange::Response;
use crate::sandbox::wall_clock;

use super::fields::{ApiError, Fields};
use super::service::ok;
use super::state::{Community, Event, Role, Settings, State, UnknownCursor};

impl State {
    pub(crate) fn community_events(&mut self, fields: &Fields) -> Result<Response, ApiError> {
        let settings = self.settings.clone();
        let community = self.named(fields)?;
        let batch = batch_size(fields, &settings)?;
        let events = community.events_in(fields, &settings)?.into_iter();
        let events = events.take(batch).map(|event| event.to_json(settings.event_id_format));
        ok(json!({"events": events.collect::<Vec<Value>>()}))
    }

    pub(crate) fn event_attendance(&mut self, fields: &Fields) -> Result<Response, ApiError> {
        let community = self.named(fields)?;
        let event = community.event_of(&fields.id("eventId")?)?;
        ok(json!({"attendance": event.attendance}))
    }

    pub(crate) fn community_roles(&mut self, fields: &Fields) -> Result<Response, ApiError> {
        let roles = self.named(fields)?.roles.iter().map(Role::to_json);
        ok(json!({"roles": roles.collect::<Vec<Value>>()}))
    }

    pub(crate) fn role_members(&mut self, fields: &Fields) -> Result<Response, ApiError> {
        let community = self.named(fields)?;
        let role = community.role_of(fields.required("roleId")?)?;
        ok(json!({"memberUserIds": role.member_ids}))
    }
}

impl Community {
    /// Returns the requested events after the cursor, ordered by start.
    fn events_in(&self, fields: &Fields, settings: &Settings) -> Result<Vec<&Event>, ApiError> {
        let after = fields.whole("startTimestamp")?.unwrap_or(i64::MIN);
        let before = fields.whole("endTimestamp")?.unwrap_or(i64::MAX);
        let cursor = match fields.optional_id("lastEventId")? {
            Some(id) => match (self.event_of(&id), settings.unknown_cursor) {
                (Ok(event), _) => Some(event.sort_key()),
                (Err(error), UnknownCursor::Error) => return Err(error),
                (Err(_), UnknownCursor::Restart) => None,
                (Err(_), UnknownCursor::Empty) => return Ok(Vec::new()),
            },
            None => None,
        };
        let in_range = |event: &&Event| {
            let start = wall_clock::to_millis(event.start);
            after < start && start < before
        };
        let beyond_cursor = |event: &&Event| match cursor {
            Some(cursor) if settings.inclusive_cursor => event.sort_key() >= cursor,
            Some(cursor) => event.sort_key() > cursor,
            None => true,
        };
        let mut events: Vec<&Event> = self.events.iter().filter(in_range).collect();
        events.retain(beyond_cursor);
        events.sort_by_key(|event| event.sort_key());
        Ok(events)
    }

    fn event_of(&self, id: &str) -> Result<&Event, ApiError> {
        let found = self.events.iter().find(|event| event.id == id);
        found.ok_or_else(|| ApiError::not_found("Event"))
    }

    fn role_of(&self, id: &str) -> Result<&Role, ApiError> {
        let found = self.roles.iter().find(|role| role.id == id);
        found.ok_or_else(|| ApiError::not_found("Role"))
    }
}

/// Returns the number of events per page: 50 by default, 100 at most.
fn batch_size(fields: &Fields, settings: &Settings) -> Result<usize, ApiError> {
    let size = fields.whole("batchSize")?.unwrap_or(50);
    match usize::try_from(size) {
        // At least two if there are two: a page of only an inclusive cursor would not advance.
        Ok(size @ 3..=100) if settings.short_pages => Ok(size.div_ceil(2)),
        Ok(size @ 1..=100) => Ok(size),
        _ => Err(ApiError::bad("batchSize must be between 1 and 100")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::sandbox::Heylo;
    use crate::sandbox::exchange::testing::{send, to_heylo};
    use crate::sandbox::heylo::{EventIdFormat, UnknownCursor};

    fn heylo() -> Heylo {
        Heylo::demo().limit(None)
    }

    fn fetch(heylo: &Heylo, mut body: Value) -> (u16, Value) {
        body["communityId"] = body.get("communityId").cloned().unwrap_or("harbour-runners".into());
        send(heylo, to_heylo("apiv1-fetch", &body))
    }

    fn events(heylo: &Heylo, mut body: Value) -> Vec<String> {
        body["type"] = "communityEvents".into();
        let (status, response) = fetch(heylo, body);
        assert_eq!(status, 200, "{response}");
        let events = response["events"].as_array().unwrap().iter();
        events.map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn events_are_ordered_by_start_fifty_per_page() {
        let heylo = heylo();
        heylo.change(|state| state.communities[0].events.reverse());
        let page = events(&heylo, json!({}));
        assert_eq!(
            (page.len(), page[0].as_str(), page[49].as_str()),
            (50, "event-001", "event-050")
        );
    }

    #[test]
    fn the_last_cursor_returns_an_empty_page() {
        let heylo = heylo();
        let mut cursor = json!({"batchSize": 100});
        let mut lengths = Vec::new();
        while lengths.last() != Some(&0) {
            let page = events(&heylo, cursor);
            lengths.push(page.len());
            cursor = json!({"batchSize": 100, "lastEventId": page.last()});
        }
        assert_eq!(lengths, [100, 30, 0]);
    }

    #[test]
    fn the_bounds_of_the_start_are_exclusive() {
        let heylo = heylo();
        let start = |at: usize| {
            let event = &heylo.state().communities[0].events[at];
            crate::sandbox::wall_clock::to_millis(event.start)
        };
        let between = json!({"startTimestamp": start(3), "endTimestamp": start(6)});
        assert_eq!(events(&heylo, between), ["event-005", "event-006"]);
    }

    #[test]
    fn short_pages_and_an_inclusive_cursor_are_settings() {
        let heylo = heylo().with(|state| state.settings.short_pages = true);
        assert_eq!(events(&heylo, json!({"batchSize": 7})).len(), 4);
        heylo.change(|state| state.settings.inclusive_cursor = true);
        let page = events(&heylo, json!({"batchSize": 4, "lastEventId": "event-009"}));
        assert_eq!(page, ["event-009", "event-010"]);
    }

    #[test]
    fn an_unknown_cursor_is_an_error_the_first_page_or_an_empty_one() {
        let heylo = heylo();
        let page = json!({"batchSize": 2, "lastEventId": "nothing"});
        heylo.change(|state| state.settings.unknown_cursor = UnknownCursor::Restart);
        assert_eq!(events(&heylo, page.clone()), ["event-001", "event-002"]);
        heylo.change(|state| state.settings.unknown_cursor = UnknownCursor::Empty);
        assert!(events(&heylo, page).is_empty());
    }

    #[test]
    fn an_event_has_its_id_in_the_field_of_the_setting() {
        let heylo = heylo().with(|state| {
            state.settings.event_id_format = EventIdFormat::EventId;
            state.communities[1].events[0].id = "17".to_owned();
        });
        let query = json!({"type": "communityEvents", "communityId": "book-circle"});
        let (_, page) = fetch(&heylo, query.clone());
        assert_eq!(page["events"][0]["eventId"], "17");
        heylo.change(|state| state.settings.event_id_format = EventIdFormat::Number);
        let (_, page) = fetch(&heylo, query);
        assert_eq!(page["events"][0]["id"], 17);
        let attendance =
            json!({"type": "eventAttendance", "communityId": "book-circle", "eventId": 17});
        assert_eq!(fetch(&heylo, attendance).0, 200);
        heylo.change(|state| state.communities[1].events[0].id = "017".to_owned());
        let (_, page) =
            fetch(&heylo, json!({"type": "communityEvents", "communityId": "book-circle"}));
        assert_eq!(page["events"][0]["id"], "017");
    }

    #[test]
    fn values_out_of_range_and_unknown_ids_are_rejected() {
        let heylo = heylo();
        for (status, body) in [
            (400, json!({"type": "communityEvents", "batchSize": 0})),
            (400, json!({"type": "communityEvents", "batchSize": 101})),
            (400, json!({"type": "communityEvents", "batchSize": "50"})),
            (400, json!({"type": "communityEvents", "startTimestamp": "yesterday"})),
            (400, json!({"type": "communityEvents", "communityId": ""})),
            (404, json!({"type": "communityEvents", "communityId": "nowhere"})),
            (404, json!({"type": "communityEvents", "lastEventId": "nothing"})),
            (400, json!({"type": "eventAttendance"})),
            (404, json!({"type": "eventAttendance", "eventId": "nothing"})),
            (400, json!({"type": "roleMembers"})),
            (404, json!({"type": "roleMembers", "roleId": "nothing"})),
            (400, json!({"type": "somethingElse"})),
            (400, json!({})),
        ] {
            let response = fetch(&heylo, body.clone());
            assert_eq!(response.0, status, "{body}");
            assert!(response.1["error"].is_string(), "{body}");
        }
    }

    #[test]
    fn attendance_roles_and_role_members_are_returned() {
        let heylo = heylo();
        let attendance = json!({"type": "eventAttendance", "eventId": "event-001"});
        let (_, attendance) = fetch(&heylo, attendance);
        assert!(attendance["attendance"][0]["userId"].is_string());
        let (_, roles) = fetch(&heylo, json!({"type": "communityRoles"}));
        assert_eq!(roles["roles"][1], json!({"id": "captains", "name": "Captains"}));
        let (_, members) = fetch(&heylo, json!({"type": "roleMembers", "roleId": "coaches"}));
        assert_eq!(members, json!({"memberUserIds": ["user-3", "user-4", "user-5"]}));
    }
}
