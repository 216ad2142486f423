//! Requests under way: who holds a token, found in constant time.

/// No rate has more limits than this, nor has a ledger that adds one of its server.
pub(crate) const MOST: usize = 6;

/// A token that was taken.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lease {
    id: u64,
    slot: usize,
}

#[cfg(test)]
impl Lease {
    pub(crate) const fn new(id: u64, slot: usize) -> Lease {
        Lease { id, slot }
    }

    pub(crate) const fn id(&self) -> u64 {
        self.id
    }
}

/// The state of the limits when a request was granted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    pub(crate) id: u64,
    pub(crate) granted: u64,
    /// For each limit, how many of our tokens were out, this one among them.
    pub(crate) out: [usize; MOST],
    /// For each limit, whether others were held to spend less than the server reports.
    pub(crate) doubting: [bool; MOST],
}

/// The requests under way.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    slots: Vec<Option<Flight>>,
    free: Vec<usize>,
}

impl Flights {
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn start(&mut self, flight: Flight) -> Lease {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        let id = flight.id;
        match self.slots.get_mut(slot) {
            Some(place) => *place = Some(flight),
            None => self.slots.push(Some(flight)),
        }
        Lease { id, slot }
    }

    /// Ends a flight; `None` if it has ended before.
    pub(crate) fn end(&mut self, lease: &Lease) -> Option<Flight> {
        let place = self.slots.get_mut(lease.slot)?;
        let flight = place.take_if(|flight| flight.id == lease.id)?;
        self.free.push(lease.slot);
        Some(flight)
    }
}
