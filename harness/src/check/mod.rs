//! The conformance suite: numbered cases that every server passes, whatever
//! its language and model, or it is not interchangeable with the others.
//!
//! One file a group, cases as data at its head. A case gets a [`lab::Lab`],
//! starts the server in it, does something to it and says what it expected
//! and what happened. Every wait has a limit; every byte is checked.
//!
//! Refuses to do: compare speed, or call a noisy machine a failing server.

use std::time::Duration;

pub(crate) use self::case::{Case, Level};
pub(crate) use self::cell::Cell;
pub(crate) use self::junit::junit;
use self::lab::{Manner, Target};
use self::noise::Noise;
use self::runner::Rules;
pub(crate) use self::verdict::Verdict;
use crate::build::Built;
use crate::catalog::Server;
use crate::conformance::Tier;
use crate::interrupt::Interrupt;

mod a_bytes;
mod b_close;
mod bytes;
mod c_pressure;
mod calls;
mod case;
mod cell;
mod conn;
mod conn_check;
mod conn_raw;
mod conn_socket;
mod crowd;
mod d_latency;
mod e_exhaustion;
mod e_load;
mod f_arguments;
mod f_lifecycle;
mod f_stop;
mod g_torture;
mod g_walk;
mod groups;
mod junit;
mod lab;
mod lab_start;
mod lab_waits;
mod net;
pub(crate) mod noise;
pub(crate) mod report;
mod runner;
mod s_calls;
mod server;
mod tries;
mod verdict;

/// Every case, in the order of the catalogue.
fn all() -> impl Iterator<Item = &'static Case> {
    [
        a_bytes::CASES,
        b_close::CASES,
        c_pressure::CASES,
        d_latency::CASES,
        e_exhaustion::CASES,
        e_load::CASES,
        f_lifecycle::CASES,
        f_stop::CASES,
        f_arguments::CASES,
        s_calls::CASES,
        g_torture::CASES,
    ]
    .into_iter()
    .flatten()
}

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Ids; empty for all of the tier.
    pub(crate) cases: Vec<String>,
    pub(crate) quick: bool,
    pub(crate) long: bool,
    pub(crate) repeat: Option<u32>,
    pub(crate) strict: bool,
    pub(crate) stretch: u32,
    pub(crate) seed: u64,
    pub(crate) soak: Duration,
}

impl Wanted {
    pub(crate) const fn tier(&self) -> Tier {
        match (self.quick, self.long) {
            (true, _) => Tier::Quick,
            (_, true) => Tier::Long,
            _ => Tier::Core,
        }
    }

    /// Whether a tier is tried as it is, no more and no less: what is found
    /// then says something of the server as a whole.
    pub(crate) const fn is_whole(&self) -> bool {
        self.cases.is_empty() && self.repeat.is_none() && !self.strict
    }

    /// The cases meant: those named, whatever their tier, or the tier's.
    ///
    /// # Errors
    /// An id that isn't there, with those that are.
    pub(crate) fn cases(&self) -> Result<Vec<&'static Case>, String> {
        let same = |case: &Case, id: &str| case.id.eq_ignore_ascii_case(id);
        for id in &self.cases {
            if !all().any(|case| same(case, id)) {
                let ids: Vec<&str> = all().map(|case| case.id).collect();
                return Err(format!(
                    "there is no case {id:?}; there are {}",
                    ids.join(" ")
                ));
            }
        }
        let meant = |case: &&Case| {
            if self.cases.is_empty() {
                case.tier.is_some_and(|tier| tier <= self.tier())
            } else {
                self.cases.iter().any(|id| same(case, id))
            }
        };
        let mut cases: Vec<_> = all().filter(meant).collect();
        cases.sort_by_key(|case| {
            let (group, number) = case.id.split_at(1);
            (group, number.parse::<u32>().unwrap_or(u32::MAX))
        });
        Ok(cases)
    }

    fn rules(&self) -> Rules {
        let manner = Manner {
            tier: self.tier(),
            stretch: self.stretch,
            seed: self.seed,
            soak: self.soak,
        };
        Rules { manner, repeat: self.repeat, strict: self.strict }
    }
}

/// Puts one server through the cases, telling each cell as it comes. Ends
/// early when the user wants to stop.
pub(crate) fn check(
    server: &Server,
    built: Built,
    cases: &[&'static Case],
    wanted: &Wanted,
    interrupt: &Interrupt,
    mut tell: impl FnMut(usize, &Case, Option<&Cell>),
) -> Vec<Cell> {
    let target = Target {
        id: server.id.clone(),
        built,
        outside: server.outside.then(|| server.directory.clone()),
        workspace: server.workspace,
        ready: Duration::from_secs(u64::from(server.manifest.ready_s)),
        family: server.manifest.family,
        slow: server.manifest.slow,
    };
    let noise = Noise::watch();
    let mut cells = Vec::new();
    for (case, number) in cases.iter().zip(1..) {
        tell(number, case, None);
        let mut declared = server.manifest.unsupported.iter();
        let declared = declared.find(|it| it.case == case.id);
        let cell = runner::run(
            case,
            &target,
            declared,
            wanted.rules(),
            &noise,
            interrupt,
        );
        let Some(cell) = cell else { break };
        tell(number, case, Some(&cell));
        cells.push(cell);
    }
    cells
}

/// The ids a server declares unsupported that are no cases.
pub(crate) fn unknown_declarations(server: &Server) -> Vec<&str> {
    let declared = server.manifest.unsupported.iter();
    let strange = declared.filter(|it| !all().any(|case| case.id == it.case));
    strange.map(|it| it.case.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_start_with_the_letter_of_their_group() {
        let ids: Vec<&str> = all().map(|case| case.id).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len());
        for id in ids {
            let (group, number) = id.split_at(1);
            assert!("ABCDEFG".contains(group), "{id}");
            assert!(number.parse::<u32>().is_ok(), "{id}");
        }
    }
}
