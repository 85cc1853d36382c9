//! The lines of the agent protocol.

use serde::{Deserialize, Serialize};

use crate::{Proof, Report, Spec};

/// From the harness to the client, one JSON document a line on stdin.
/// The end of stdin means [`Command::Stop`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// What to do; exactly once, first.
    Spec(Box<Spec>),
    /// Leave the barrier, begin a window where they are taken in turns, or
    /// leave the rest after the last one.
    Go,
    /// Close everything, report what there is and exit.
    Stop,
}

/// From the client to the harness, one JSON document a line on stdout.
/// Times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Every connection has completed its first echo.
    Connected {
        /// Connections opened.
        opened: u32,
        /// From the first connect to the last first echo.
        elapsed_ns: u64,
    },
    /// The client stands at the barrier with all connections open. The proof
    /// is complete only in the report, after the second sweep.
    Barrier {
        /// Its first half: opened, first echoes, times.
        proof: Proof,
    },
    /// A window begins to count.
    WindowStart {
        /// [`crate::Window::name`].
        window: String,
        /// When.
        t_ns: u64,
    },
    /// A window has stopped counting.
    WindowEnd {
        /// [`crate::Window::name`].
        window: String,
        /// When.
        t_ns: u64,
    },
    /// A window is drained: the next one waits for [`Command::Go`]. Only where
    /// windows are taken in turns.
    Drained {
        /// [`crate::Window::name`].
        window: String,
        /// When.
        t_ns: u64,
    },
    /// The last window is drained and all connections are still open, so that
    /// what the server used can be read. Waits for [`Command::Go`] if the
    /// barrier does.
    Loaded {
        /// When.
        t_ns: u64,
    },
    /// The client itself failed: never the server's fault.
    Error {
        /// One sentence: what is wrong and what to do.
        message: String,
    },
    /// The last line.
    Report(Box<Report>),
}
