//! The instrument's proof of itself: numbered tests, each of which measures
//! something whose truth is known and tells how far off the figure was.
//!
//! One file a group, tests as data at its head:
//!
//! | file | tests |
//! |---|---|
//! | `pacing` | K1 lateness of sends, K2 their gaps |
//! | `latency` | K3 a server that stood still, K4 known delays, K5 a known queue |
//! | `proofs` | K7 damaged bytes, K8 lying servers, K9 opening without loss |
//! | `resources` | K10 CPU, K12 memory |
//! | `occupancy` | K27 Little's law |
//! | `duels` | K16 one binary against itself, K18 a copy 5 % dearer |
//! | `statistics` | K6 histograms, K19–K22 the tests themselves |
//! | `headroom` | K15 a client that is too slow |
//! | `pause` | K29 one connection that waits |
//! | `hog` | K23 a disturbed machine |
//! | `whole` | K17 clones in a whole run, K28 a whole run twice |
//!
//! The servers are the fixture's witnesses, which log the truth, and its
//! liars, which must be caught. What was found goes into a certificate that
//! accumulates.
//!
//! Refuses to do: forgive. A goal missed because the machine was busy is
//! missed, and the certificate says how much of the CPUs others had.

use std::time::Duration;

pub use self::certificate::{Certificate, Entry, FILE, Machine, State};
pub use self::finding::{Figure, Finding, Fought, Goal, Trouble};
pub use self::lab::{Lab, Size, Tools};

mod certificate;
mod duels;
mod finding;
mod headroom;
mod hog;
mod lab;
mod latency;
mod occupancy;
mod pacing;
mod pause;
mod proofs;
mod repeated;
mod resources;
pub mod session;
mod statistics;
mod truth;
mod whole;
mod witness;

/// What a test needs.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing but computation: the same figures on every machine.
    Unit,
    /// The client and servers, for seconds.
    Live,
    /// The client and servers, for minutes, or many times over.
    Full,
}

/// One test of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Test {
    /// Never used for another test.
    pub id: &'static str,
    /// What it needs.
    pub class: Class,
    /// What is looked at.
    pub title: &'static str,
    /// What is asked of it, in words; the figures carry the numbers.
    pub goal: &'static str,
    /// The best known anchor for that goal, or where the method is from.
    pub source: &'static str,
    /// About how long it takes. Seconds.
    pub seconds: u64,
    /// How it is run.
    pub run: Run,
}

/// How a test is run.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// It computes, needs nothing and can't fail to come to an end.
    Compute(fn() -> Finding),
    /// It drives servers.
    Drive(fn(&Lab<'_>) -> Result<Finding, Trouble>),
}

impl Test {
    /// About how long it takes.
    #[must_use]
    pub const fn cost(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// The least that it may take: one duel, where duels accumulate.
    #[must_use]
    pub fn least(&self) -> Duration {
        if self.accumulates() { duels::ONE } else { self.cost() }
    }

    /// Whether it needs servers and the client.
    #[must_use]
    pub const fn drives(&self) -> bool {
        matches!(self.run, Run::Drive(_))
    }

    /// Whether its count grows from call to call.
    #[must_use]
    pub fn accumulates(&self) -> bool {
        matches!(self.id, "K16" | "K18")
    }
}

/// Every test, by number.
#[must_use]
pub fn all() -> Vec<&'static Test> {
    let groups = [
        pacing::TESTS,
        latency::TESTS,
        proofs::TESTS,
        resources::TESTS,
        occupancy::TESTS,
        pause::TESTS,
        headroom::TESTS,
        hog::TESTS,
        duels::TESTS,
        whole::TESTS,
        statistics::TESTS,
    ];
    let mut all: Vec<&Test> = groups.into_iter().flatten().collect();
    all.sort_by_key(|test| number(test.id));
    all
}

fn number(id: &str) -> u32 {
    id.trim_start_matches('K').parse().unwrap_or(u32::MAX)
}

/// The tests that were asked for: those named, or all of the classes.
///
/// # Errors
/// A name that no test has.
pub fn select(
    only: &[String],
    full: bool,
) -> Result<Vec<&'static Test>, String> {
    let mut all = all();
    if only.is_empty() {
        all.retain(|test| full || test.class != Class::Full);
        return Ok(all);
    }
    for id in only {
        let known = all.iter().find(|test| test.id.eq_ignore_ascii_case(id));
        if known.is_none() {
            let ids: Vec<&str> = all.iter().map(|test| test.id).collect();
            let ids = ids.join(" ");
            return Err(format!("no test {id:?}; there are {ids}"));
        }
    }
    all.retain(|test| only.iter().any(|id| test.id.eq_ignore_ascii_case(id)));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_has_a_number_of_its_own_and_is_found_by_it() {
        let all = all();
        let mut numbers: Vec<u32> =
            all.iter().map(|test| number(test.id)).collect();
        assert!(numbers.is_sorted() && !numbers.contains(&u32::MAX));
        numbers.dedup();
        assert_eq!(numbers.len(), all.len());
        let found = select(&["k3".into(), "K22".into()], false).unwrap();
        let found: Vec<&str> = found.iter().map(|test| test.id).collect();
        assert_eq!(found, ["K3", "K22"]);
        assert!(select(&["K99".into()], false).unwrap_err().contains("K99"));
    }

    #[test]
    fn the_default_takes_minutes_and_leaves_out_what_takes_longer() {
        let default = select(&[], false).unwrap();
        let seconds: u64 = default.iter().map(|test| test.seconds).sum();
        assert!(seconds <= 330, "{seconds} s");
        let ids: Vec<&str> = default.iter().map(|test| test.id).collect();
        assert_eq!(
            ids,
            [
                "K1", "K2", "K3", "K6", "K7", "K8", "K9", "K10", "K19", "K20",
                "K21", "K22", "K27",
            ]
        );
        assert!(select(&[], true).unwrap().len() > default.len());
    }
}
