//! The shape of `server.toml`.

use serde::Deserialize;

/// `server.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The kind of concurrency.
    pub family: Family,
    /// One line.
    pub model: String,
    /// Which server of the original project it mirrors.
    pub mirrors: Option<String>,
    /// The server to read before it.
    pub after: Option<String>,
    /// `maintained`, or `discontinued` and what replaces it.
    #[serde(default = "maintained")]
    pub status: String,
    /// When to choose this model, in one line.
    pub choose: Option<String>,
    /// It spreads connections over `--workers`.
    #[serde(default)]
    pub parallel: bool,
    /// Who owns the read buffer: `connection`, `shared`, `lent`, `runtime`.
    pub buffer: Option<String>,
    /// Flags that give what the library would have done by itself.
    #[serde(default)]
    pub shipped: Vec<String>,
    /// `TCP_NODELAY` as the library leaves it, if not on.
    pub shipped_nodelay: Option<bool>,
    /// Tools it needs.
    #[serde(default)]
    pub requires: Vec<Requirement>,
    /// Commands that build it, run in its directory.
    #[serde(default)]
    pub build: Vec<Vec<String>>,
    /// The command that serves, without the contract's flags.
    #[serde(default)]
    pub serve: Vec<String>,
    /// Prints what built or runs it: the receipt.
    #[serde(default)]
    pub version: Vec<String>,
    /// Seconds it may take to announce itself.
    #[serde(default = "ready_s")]
    pub ready_s: u32,
    /// Load it needs before it runs as fast as it will, if that is longer
    /// than a run's own warm-up: a runtime that compiles while it runs.
    pub warm_up_ms: Option<u64>,
    /// How many times longer than native code it may take for a volume of
    /// bytes in a conformance case: 2 for Node, 5 for CPython.
    #[serde(default = "slow")]
    pub slow: u32,
    /// Conformance cases its runtime can't pass.
    #[serde(default)]
    pub unsupported: Vec<Unsupported>,
}

/// A conformance case that is expected to fail. If it passes, the
/// declaration is what is wrong.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsupported {
    /// Its id, such as `B9`.
    pub case: String,
    /// Why, in one line.
    pub why: String,
    /// Where upstream says so.
    pub source: String,
}

/// A tool and its least version.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Prints the version, on stdout or stderr.
    pub cmd: Vec<String>,
    /// Finds the numbers in it, one group each.
    pub regex: Option<String>,
    /// What they must reach, most significant first.
    #[serde(default)]
    pub min: Vec<u32>,
    /// The command that installs it.
    pub hint: String,
}

/// Kinds of concurrency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the field's standard terms")]
pub enum Family {
    Threads,
    Processes,
    Readiness,
    Completion,
    Tasks,
    Coroutines,
}

impl Family {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Threads => "threads",
            Self::Processes => "processes",
            Self::Readiness => "readiness",
            Self::Completion => "completion",
            Self::Tasks => "tasks",
            Self::Coroutines => "coroutines",
        }
    }
}

fn maintained() -> String {
    "maintained".into()
}

const fn slow() -> u32 {
    1
}

const fn ready_s() -> u32 {
    10
}
