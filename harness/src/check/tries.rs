//! One try of a case, and when another has to be made.
//!
//! Refuses to do: forget a failure for the try that came after it.

use std::time::Duration;

use super::verdict::{Outcome, Stop};

/// One try.
#[derive(Debug)]
pub(super) struct Try {
    pub(super) data: Outcome,
    pub(super) after: Option<Outcome>,
    pub(super) notes: Vec<String>,
    pub(super) seed: u64,
    pub(super) took: Duration,
    /// What an earlier try found late while others had the CPUs.
    pub(super) late_at_first: Option<String>,
}

impl Try {
    /// Why it ended early, if it did: in the case itself, then in what
    /// followed it.
    fn stops(&self) -> impl Iterator<Item = &Stop> {
        let after = self.after.as_ref().and_then(|it| it.as_ref().err());
        self.data.as_ref().err().into_iter().chain(after)
    }

    pub(super) fn passed(&self) -> bool {
        self.data.is_ok() && !matches!(self.after, Some(Err(_)))
    }
}

/// Tries again, at most twice, when only the noise of the machine failed, and
/// once when a time was not kept while others had the CPUs: a server that is
/// late by its own fault is late again.
pub(super) fn quietly(
    mut try_once: impl FnMut() -> Option<Try>,
) -> Option<Try> {
    const AGAIN: u32 = 2;
    let mut late_at_first = None;
    for _ in 0..AGAIN {
        let tried = try_once()?;
        let is_noise = tried.stops().any(|it| matches!(it, Stop::Error(_)));
        let late = tried.stops().find_map(|stop| match stop {
            Stop::Fail(late) if late.crowded => Some(late.actual.clone()),
            _ => None,
        });
        if !is_noise && (late.is_none() || late_at_first.is_some()) {
            return Some(Try { late_at_first, ..tried });
        }
        late_at_first = late_at_first.or(late);
    }
    try_once().map(|tried| Try { late_at_first, ..tried })
}
