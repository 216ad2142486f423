//! The search for the faults that explain a mismatch, in a bounded amount of work.

use super::body::{self, BodyFault, MAX_CONVERTED};
use super::secret::{self, SecretFault};
use super::signature::{self, SignatureFault};
use crate::heylerts::webhook::signature::Secret;

/// The most bytes that one search hashes. A stranger can make a receiver diagnose a body of its choice.
const MAX_HASHED: usize = 16 * 1024 * 1024;
/// Counted for each hash beside the body, so that many hashes of little are bounded too.
const PER_HASH: usize = 256;

/// The faults that explain a mismatch.
pub(super) struct Found {
    pub(super) secret_index: usize,
    pub(super) secret_fault: Option<SecretFault>,
    pub(super) body_fault: Option<BodyFault>,
    pub(super) signature_fault: Option<SignatureFault>,
}

/// A secret that may have been meant, with its index and its fault if it was.
struct Suspect {
    index: usize,
    fault: Option<SecretFault>,
    meant: Secret,
}

/// Looks for a body and a secret that make one of the offered signatures.
pub(super) struct Search<'a> {
    offered: &'a [signature::Suspect],
    /// How many more bytes may be hashed.
    budget: usize,
    is_exhausted: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(offered: &'a [signature::Suspect]) -> Search<'a> {
        Search { offered, budget: MAX_HASHED, is_exhausted: false }
    }

    /// Tries one fault before two, and the likelier and cheaper first.
    pub(super) fn run(&mut self, body: &[u8], secrets: &[Secret]) -> Option<Found> {
        let suspects = secrets.iter().enumerate().flat_map(|(index, secret)| {
            let suspect = move |(fault, meant)| Suspect { index, fault, meant };
            secret::suspects(secret).into_iter().map(suspect)
        });
        let (sound, faulty): (Vec<Suspect>, Vec<Suspect>) =
            suspects.partition(|suspect| suspect.fault.is_none());
        let unchanged = || std::iter::once((None, body.into()));
        self.find(unchanged().chain(body::suspects(body)), &sound)
            .or_else(|| self.find(unchanged().chain(body::suspects(body)), &faulty))
    }

    /// Whether no fault of `body` was left out.
    pub(super) fn is_complete(&self, body: &[u8]) -> bool {
        !self.is_exhausted && body.len() <= MAX_CONVERTED
    }

    fn find<'b>(
        &mut self,
        bodies: impl Iterator<Item = body::Suspect<'b>>,
        secrets: &[Suspect],
    ) -> Option<Found> {
        for (body_fault, body) in bodies {
            for Suspect { index, fault, meant } in secrets {
                let signature_fault = self.signed(meant, &body);
                if let Some(signature_fault) = signature_fault {
                    let (secret_index, secret_fault) = (*index, *fault);
                    return Some(Found { secret_index, secret_fault, body_fault, signature_fault });
                }
                if self.is_exhausted {
                    return None;
                }
            }
        }
        None
    }

    /// Returns the fault of the offered signature that `secret` made for `body`, if it made one.
    fn signed(&mut self, secret: &Secret, body: &[u8]) -> Option<Option<SignatureFault>> {
        let Some(budget) = self.budget.checked_sub(body.len() + PER_HASH) else {
            self.is_exhausted = true;
            return None;
        };
        self.budget = budget;
        let tag = secret.tag(body);
        self.offered.iter().find(|(_, offered)| *offered == tag).map(|(fault, _)| *fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_stops_at_its_budget_whatever_the_body_and_the_secrets() {
        let secrets: Vec<Secret> =
            (100..150).map(|byte| Secret::new(&[byte; 32]).expect("a secret")).collect();
        for body in [vec![b'['; 1024 * 1024], br#"{"a":[1,2]}"#.repeat(1000)] {
            let mut search = Search::new(&[]);
            assert!(search.run(&body, &secrets).is_none());
            assert!(search.is_exhausted);
            assert!(!search.is_complete(&body));
        }
        let mut search = Search::new(&[]);
        assert!(search.run(b"{}", &secrets[..1]).is_none());
        assert!(search.is_complete(b"{}"));
    }
}
