//! Whether a server does what all of them must do, as far as a table of
//! figures needs to know: the publishing gate.
//!
//! `check` keeps what a whole tier found, by the hash of what it was found
//! of; `run` looks it up. Refuses to do: try a case.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) mod kept;
mod key;

/// Revision of the suite, raised when a case binds more than it did: what was
/// found by an earlier one says nothing any more.
pub(crate) const SUITE: u32 = 2;

/// How much of the conformance suite is tried; each includes the one before.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// One try of the short cases, in small.
    Quick,
    /// Every case but those that take minutes.
    Core,
    /// Everything in full.
    Long,
}

impl Tier {
    /// The name in tables and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Core => "core",
            Self::Long => "long",
        }
    }
}

/// What is known of a server's conformance.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It passed every case that binds it.
    Pass,
    /// It failed one: its figures are not ranked.
    Failed,
    /// No whole tier was tried of it as it is now.
    Unchecked,
}

/// A server's standing, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conformance {
    /// What is known.
    pub standing: Standing,
    /// The tier that was tried; null if none was.
    pub tier: Option<Tier>,
    /// The cases it failed.
    pub failed: Vec<String>,
}

impl Conformance {
    /// Nothing is known.
    #[must_use]
    pub const fn unchecked() -> Self {
        Self { standing: Standing::Unchecked, tier: None, failed: Vec::new() }
    }
}
