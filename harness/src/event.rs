//! What happens in a run, as whoever wants to show or keep it hears of it.

use crate::plan::Trial;
use crate::record::Record;
use crate::repeat::Repeat;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A build begins.
    Building {
        /// The server's id, or the client's.
        what: &'a str,
    },
    /// A round that the environment broke begins anew.
    Repeating {
        /// Which, and why.
        repeat: &'a Repeat,
        /// All of its trials.
        trials: &'a [&'a Trial],
    },
    /// A trial begins.
    Started {
        /// Which.
        trial: &'a Trial,
    },
    /// A trial is over and stored.
    Finished {
        /// With its outcome.
        record: &'a Record,
    },
}
