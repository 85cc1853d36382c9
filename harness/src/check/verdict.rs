//! What comes of a case: verdicts and the evidence behind them.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The verdict of a cell of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Pass,
    Fail,
    /// A SHOULD that is missed.
    NonStrict,
    /// A value, no judgement.
    Info,
    /// Declared in `server.toml`, and it failed indeed.
    Unsupported,
    /// This machine lacks what the case needs.
    Skip,
    /// The suite itself failed, or the machine was too noisy to judge.
    Error,
}

impl Verdict {
    /// The word in the matrix.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::NonStrict => "missed",
            Self::Info => "info",
            Self::Unsupported => "unsup.",
            Self::Skip => "skip",
            Self::Error => "ERROR",
        }
    }
}

/// What was expected and what happened instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) expected: String,
    pub(crate) actual: String,
    /// The time that was not kept, if it is a matter of time: then a noisy
    /// machine voids it.
    pub(crate) bound: Option<Duration>,
    /// The bound is one for 99 of 100: a single hiccup voids nothing.
    pub(crate) often: bool,
    /// The time was not kept while others had much of the CPUs.
    pub(crate) crowded: bool,
}

/// Why a case ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Fail(Evidence),
    Skip(String),
    Error(String),
    Interrupted,
}

/// Nothing, or why the case ended early.
pub(crate) type Outcome<T = ()> = Result<T, Stop>;

/// What the client's own machine refuses is not the server's fault.
const OWN: [i32; 7] = [
    libc::EMFILE,
    libc::ENFILE,
    libc::ENOMEM,
    libc::ENOBUFS,
    libc::EADDRNOTAVAIL,
    libc::EPERM,
    libc::EBADF,
];

/// A failure of the server.
pub(crate) fn fail<T>(
    expected: impl Into<String>,
    actual: impl Into<String>,
) -> Outcome<T> {
    let (expected, actual) = (expected.into(), actual.into());
    Err(Stop::Fail(Evidence {
        expected,
        actual,
        bound: None,
        often: false,
        crowded: false,
    }))
}

/// Fails unless `holds`.
pub(crate) fn ensure(
    holds: bool,
    expected: impl Into<String>,
    actual: impl Into<String>,
) -> Outcome {
    if holds { Ok(()) } else { fail(expected, actual) }
}

/// Fails unless `took` keeps to `bound`; a noisy machine voids that failure.
pub(crate) fn within(what: &str, took: Duration, bound: Duration) -> Outcome {
    if took <= bound {
        return Ok(());
    }
    late(what, bound, format!("{what} took {took:.1?}"))
}

/// A failure to do something in time.
pub(crate) fn late<T>(
    what: &str,
    bound: Duration,
    actual: impl Into<String>,
) -> Outcome<T> {
    Err(Stop::Fail(Evidence {
        expected: format!("{what} within {bound:.1?}"),
        actual: actual.into(),
        bound: Some(bound),
        often: false,
        crowded: false,
    }))
}

/// A failure to be in time 99 times of 100.
pub(crate) fn late_often(
    what: &str,
    bound: Duration,
    actual: impl Into<String>,
) -> Outcome {
    late(what, bound, actual).map_err(|stop| match stop {
        Stop::Fail(evidence) => {
            Stop::Fail(Evidence { often: true, ..evidence })
        }
        stop => stop,
    })
}

/// What an error of the client's socket means.
pub(crate) fn refused(what: &str, error: &io::Error) -> Stop {
    let shown = format!("{what}: {error}");
    match error.raw_os_error() {
        Some(code) if OWN.contains(&code) => Stop::Error(shown),
        _ => Stop::Fail(Evidence {
            expected: format!("{what} without an error"),
            actual: shown,
            bound: None,
            often: false,
            crowded: false,
        }),
    }
}

/// A failure of the suite's own means.
pub(crate) fn broken(what: &str) -> impl FnOnce(io::Error) -> Stop {
    move |error| Stop::Error(format!("{what}: {error}"))
}
