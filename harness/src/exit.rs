//! Exit codes. Scripts rely on them.

use std::fmt;

/// Done; skipped servers are allowed and shown.
pub const DONE: u8 = 0;
/// The tool or its storage failed.
pub const TOOL: u8 = 1;
/// The command line or the plan is wrong.
pub const USAGE: u8 = 2;
/// A server failed, in a run or at a MUST case, one that was named or
/// required is unavailable, or `calibrate` missed a goal.
pub const SERVER_FAILED: u8 = 3;
/// Nothing was selected.
pub const NOTHING_SELECTED: u8 = 4;
/// The two runs can't be compared.
pub const NOT_COMPARABLE: u8 = 5;
/// This machine is unfit: the message says what it has, what is needed and
/// how to get it.
pub const UNFIT: u8 = 6;
/// A regression is larger than the threshold given.
pub const GATE: u8 = 99;

/// The list for `--help`.
pub const HELP: &str = "\
Exit codes:
    0  done (skipped servers are shown)
    1  the tool or its storage failed
    2  wrong usage or plan
    3  a server failed, or a named or required one is unavailable,
       or a MUST case of `check` failed, or `calibrate` missed a goal
    4  nothing selected
    5  the runs can't be compared
    6  this machine is unfit; the message says how to mend it
   99  a regression beyond the threshold
  130  interrupted, partial results saved (143 for SIGTERM)";

/// An error with an exit code of its own.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// One of the codes above.
    pub code: u8,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// An error that ends the program with this code.
pub fn refuse(code: u8, message: impl Into<String>) -> anyhow::Error {
    Refusal { code, message: message.into() }.into()
}

/// The code an error ends the program with.
#[must_use]
pub fn code(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<Refusal>().map_or(TOOL, |refusal| refusal.code)
}
