//! Creating an alert at most once, also if the response is lost.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::alert_fields::NewAlert;
use super::alerts::{ALERTS, Alert};
use super::client::Client;
use super::listing;
use crate::error::{Error, ErrorKind, Result};
use crate::pipeline::call::Call;

/// When an alert is looked for after its response was lost, in attempt timeouts. At once, since a gateway fails
/// in no time; then later, since a service may still work on a request that timed out, and lists may lag behind.
const LOOKS: [u32; 4] = [0, 1, 2, 4];

impl Client {
    /// Creates an alert at most once: if the response is lost, it looks for the alert instead of sending again.
    ///
    /// Calls `GET /alerts` for the alerts that exist (one request for every 100), then `POST /alerts` as
    /// [`create_alert`](Client::create_alert) does. If the outcome of that is not known, it never posts again. It
    /// looks for an alert that was not there before and has this name and keyword, in any case and white space:
    /// at once, and one, two and four [attempt timeouts](crate::Config::attempt_timeout) later, as far as they fit
    /// the [deadline](crate::Config::deadline), which holds for all these requests together.
    ///
    /// If somebody else creates an alert with the same name and keyword at the same moment, it may return theirs.
    ///
    /// # Errors
    ///
    /// Those of [`create_alert`](Client::create_alert) and [`alerts`](Client::alerts).
    /// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) if the response was lost and the alert was not found: it may
    /// still appear.
    ///
    /// # Examples
    ///
    /// The alert is created and the response is lost. It is found, not created again:
    ///
    /// ```
    /// use heysync::heylerts::NewAlert;
    ///
    /// # use heysync::{Config, heylerts, sandbox};
    /// # let service = sandbox::Heylerts::demo();
    /// # let config = Config::new().transport(service.clone()).clock(sandbox::TestClock::new());
    /// # let client = heylerts::Client::with_config("hlt_key", config)?;
    /// # let lost = sandbox::Fault::Cut(sandbox::FaultPoint::AfterEffect);
    /// # service.inject_if(1, lost, |request| request.method == "POST");
    /// let alert = client.create_alert_once(&NewAlert::new("Competitor X", "competitor x"))?;
    /// assert_eq!(alert.name, "Competitor X");
    /// assert_eq!(client.alerts().count(), 4);
    /// # Ok::<(), heysync::Error>(())
    /// ```
    pub fn create_alert_once(&self, alert: &NewAlert) -> Result<Alert> {
        let call = alert.to_call()?;
        let until = self.pipeline.core.clock.now() + self.pipeline.settings.deadline;
        // Two alerts may have one name and keyword: only an id that was not there before is the new one's.
        let before: HashSet<String> =
            self.alerts_like(alert, until)?.into_iter().map(|alert| alert.id).collect();
        match self.send(&call.until(until)) {
            Err(error) if may_have_created(&error) => {
                self.find_created(alert, &before, until).map_err(|note| error.noting(&note))
            }
            outcome => outcome,
        }
    }

    /// Looks for the alert until it is there; else returns a note for the error.
    fn find_created(
        &self,
        wanted: &NewAlert,
        before: &HashSet<String>,
        until: Instant,
    ) -> Result<Alert, String> {
        let lost = self.pipeline.core.clock.now();
        let moments =
            LOOKS.map(|timeouts| lost + self.pipeline.settings.attempt_timeout * timeouts);
        let mut note = "there was no time left to look for it".to_owned();
        for moment in moments {
            // A look at a service that is down takes long, so its moment alone does not show that time is left.
            if moment.max(self.pipeline.core.clock.now()) >= until {
                break;
            }
            self.pipeline.sleep_until(moment);
            let looked = self.alerts_like(wanted, until);
            let is_new = |alert: &Alert| !before.contains(&alert.id);
            note = match looked.map(|alerts| alerts.into_iter().find(is_new)) {
                Ok(Some(created)) => return Ok(created),
                Ok(None) => not_found(moment - lost),
                // The alert may be there all the same, so this must not hide that the outcome is unknown.
                Err(error) => format!("looking for it failed: {error}"),
            };
        }
        Err(note)
    }

    /// Returns the alerts with this name and keyword, however the service may have folded them.
    fn alerts_like(&self, wanted: &NewAlert, until: Instant) -> Result<Vec<Alert>> {
        let wanted = [wanted.name(), wanted.keyword()].map(folded);
        let is_alike = |alert: &Alert| [&alert.name, &alert.keyword].map(|s| folded(s)) == wanted;
        let alerts = listing::pager(self, ALERTS, Call::get(["alerts"]).until(until));
        alerts.filter(|alert| alert.as_ref().map_or(true, is_alike)).collect()
    }
}

fn may_have_created(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::OutcomeUnknown | ErrorKind::AppliedUnreadable)
}

fn not_found(after: Duration) -> String {
    format!("{:.1} s later it was not in the list of alerts", after.as_secs_f64())
}

/// Services trim names, collapse white space inside them and change their case.
fn folded(string: &str) -> String {
    let words: Vec<String> = string.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}
