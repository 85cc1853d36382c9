//! What the tests have found on this machine so far: the latest result of
//! each, and every duel that counts.
//!
//! Refuses to do: speak of another machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Class, Figure, Finding, Fought, Test, all};
use crate::host::Host;

/// Version of [`Certificate`].
const SCHEMA_VERSION: u32 = 1;

/// The file it is stored in, in a directory of results.
pub const FILE: &str = "certificate.json";

/// All results on one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// Version of this shape: 1.
    pub schema_version: u32,
    /// Where it was made.
    pub machine: Machine,
    /// Every test of the catalogue by number, those not run yet included.
    pub tests: Vec<Entry>,
}

/// A machine as far as results depend on it; no name, no path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Such as `AMD EPYC, 2 CPUs, 24 GiB, Linux 6.18`.
    pub label: String,
    /// Processor model.
    pub cpu_model: String,
    /// How many CPUs may be used.
    pub cpus: u32,
    /// `uname -r`.
    pub kernel: String,
    /// `net.ipv4.tcp_congestion_control`.
    pub congestion_control: String,
    /// Whether this kernel keeps interrupt time out of process CPU clocks.
    pub irq_time_apart: bool,
    /// Frequency governor of the first CPU, where there is one.
    pub governor: Option<String>,
}

impl Machine {
    /// As far as a certificate tells machines apart.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        Self {
            label: host.label.clone(),
            cpu_model: host.cpu_model.clone(),
            cpus: u32::try_from(host.cpus.len()).unwrap_or(u32::MAX),
            kernel: host.kernel.clone(),
            congestion_control: host.congestion_control.clone(),
            irq_time_apart: host.irq_time_apart,
            governor: host.governor.clone(),
        }
    }

    /// Whether figures of this machine hold on that one: all but the patch
    /// level of the kernel, of which the label holds the series, and what is
    /// found out by trying, which a busy machine may get wrong.
    #[must_use]
    pub fn is(&self, host: &Host) -> bool {
        let other = Self::of(host);
        let irq_time_apart = other.irq_time_apart;
        let kernel = other.kernel.clone();
        Self { kernel, irq_time_apart, ..self.clone() } == other
    }
}

/// How a test stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All goals are met.
    Met,
    /// A goal is missed.
    Missed,
    /// It could not be judged; `because` says why.
    Unjudged,
    /// It was never run on this machine.
    NotRun,
}

/// The latest result of one test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Such as `K3`.
    pub id: String,
    /// What it needs.
    pub class: Class,
    /// What is looked at.
    pub title: String,
    /// What is asked, in words.
    pub goal: String,
    /// The best known anchor for that goal, or where the method is from.
    pub source: String,
    /// How it stands.
    pub state: State,
    /// Why it could not be judged.
    pub because: Option<String>,
    /// How many of `counted` the figures rest on.
    pub n: u64,
    /// What `n` counts.
    pub counted: String,
    /// The figures, each with its unit and goal.
    pub figures: Vec<Figure>,
    /// When it ended. Seconds since 1970.
    pub unix_s: Option<u64>,
    /// How long it took. Seconds.
    pub took_s: f64,
    /// CPU that others had meanwhile, other guests of the host included, in
    /// percent of all CPUs.
    pub others_percent: f64,
    /// Commit of the suite, as runs record it.
    pub revision: Option<String>,
    /// SHA-256 of the harness that ran it.
    pub harness_sha256: String,
    /// Every duel that counts; those of other binaries do not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duels: Vec<Fought>,
    /// SHA-256 over harness, client and server of these duels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duels_sha256: Option<String>,
}

impl Entry {
    /// A test that was never run.
    #[must_use]
    pub fn not_run(test: &Test) -> Self {
        Self {
            id: test.id.into(),
            class: test.class,
            title: test.title.into(),
            goal: test.goal.into(),
            source: test.source.into(),
            state: State::NotRun,
            because: None,
            n: 0,
            counted: String::new(),
            figures: Vec::new(),
            unix_s: None,
            took_s: 0.0,
            others_percent: 0.0,
            revision: None,
            harness_sha256: String::new(),
            duels: Vec::new(),
            duels_sha256: None,
        }
    }

    /// The same with what it found; when and by whom is for the caller.
    #[must_use]
    pub fn found(test: &Test, finding: Finding) -> Self {
        let missed = finding.is_missed();
        let state = match (missed, &finding.undecided) {
            (true, _) => State::Missed,
            (false, Some(_)) => State::Unjudged,
            (false, None) => State::Met,
        };
        Self {
            state,
            because: finding.undecided.filter(|_| !missed),
            n: finding.n,
            counted: finding.counted.into(),
            figures: finding.figures,
            duels: finding.duels,
            ..Self::not_run(test)
        }
    }

    /// The same where nothing can be said.
    #[must_use]
    pub fn unjudged(test: &Test, because: String) -> Self {
        Self {
            state: State::Unjudged,
            because: Some(because),
            ..Self::not_run(test)
        }
    }
}

impl Certificate {
    /// One that says nothing yet.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            machine: Machine::of(host),
            tests: all().into_iter().map(Entry::not_run).collect(),
        }
    }

    /// Brings one that was stored up to the catalogue of today: tests that
    /// were added since were not run.
    #[must_use]
    pub fn renewed(mut self) -> Self {
        for test in all() {
            if self.entry(test.id).is_none() {
                self.tests.push(Entry::not_run(test));
            }
        }
        self.sort();
        self
    }

    /// A test's latest result.
    #[must_use]
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.tests.iter().find(|entry| entry.id == id)
    }

    /// Duels that may be counted with those of these binaries.
    #[must_use]
    pub fn duels(&self, id: &str, sha256: &str) -> Vec<Fought> {
        let entry = self.entry(id);
        entry
            .filter(|entry| entry.duels_sha256.as_deref() == Some(sha256))
            .map(|entry| entry.duels.clone())
            .unwrap_or_default()
    }

    /// Puts a result in the place of an earlier one.
    pub fn put(&mut self, entry: Entry) {
        self.tests.retain(|old| old.id != entry.id);
        self.tests.push(entry);
        self.sort();
    }

    fn sort(&mut self) {
        self.tests.sort_by_key(|entry| super::number(&entry.id));
    }
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
