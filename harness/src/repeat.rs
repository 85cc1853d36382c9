//! Which rounds are made again, and which of their attempts counts.
//!
//! A round that the environment broke, not a server, is repeated whole:
//! running a single trial again would tear apart what is compared within the
//! round. The records keep both attempts; figures come from the last one.
//!
//! Refuses to do: leave anything out by its value. A round is repeated for
//! what could not be measured, never for what was.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{Plan, Scenario, Trial};
use crate::record::{Outcome, Record};

/// One round in so many may be repeated: 20 % of the run.
const ONE_IN: u32 = 5;

/// A round that was made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repeat {
    /// Counted from 1.
    pub round: u32,
    /// The lane whose trial the environment broke, the first in its order.
    pub lane: String,
    /// The workload.
    pub scenario: Scenario,
    /// What broke it, in one sentence.
    pub reason: String,
}

/// How far each round is.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    rounds: BTreeMap<u32, Round>,
    /// This kernel can be asked for a census, so a missing one is a failure.
    has_census: bool,
}

#[derive(Clone, Debug, Default)]
struct Round {
    /// 0 for the first attempt.
    repeat: u32,
    done: BTreeSet<(String, Scenario)>,
    /// What the environment broke.
    broken: Option<(Trial, Cause)>,
}

#[derive(Clone, Debug)]
enum Cause {
    Failed(String),
    NoCensus,
}

impl Rounds {
    /// As far as these records go.
    #[must_use]
    pub fn of(records: &[Record]) -> Self {
        let mut rounds = Self::default();
        records.iter().for_each(|record| rounds.note(record));
        rounds
    }

    /// Takes note of a trial that is over.
    pub fn note(&mut self, record: &Record) {
        let trial = &record.trial;
        let round = self.rounds.entry(trial.round).or_default();
        if record.repeat < round.repeat {
            return;
        }
        if record.repeat > round.repeat {
            *round = Round { repeat: record.repeat, ..Round::default() };
        }
        round.done.insert((trial.lane.clone(), trial.scenario));
        let cause = match &record.outcome {
            Outcome::HarnessError { message } => Cause::Failed(message.clone()),
            Outcome::Measured(found) if trial.scenario.holds() => {
                if found.census.is_some() {
                    self.has_census = true;
                    return;
                }
                Cause::NoCensus
            }
            _ => return,
        };
        round.broken.get_or_insert((trial.clone(), cause));
    }

    /// Which attempt of a round its next trial belongs to.
    #[must_use]
    pub fn attempt(&self, round: u32) -> u32 {
        self.rounds.get(&round).map_or(0, |round| round.repeat)
    }

    /// The round to be made again now, if any: it is complete, the
    /// environment broke it, it is not a repeat itself, and not too many were
    /// repeated before.
    #[must_use]
    pub fn due(&self, plan: &Plan) -> Option<Repeat> {
        let repeated =
            self.rounds.values().filter(|round| round.repeat > 0).count();
        if repeated >= (plan.rounds / ONE_IN) as usize {
            return None;
        }
        self.rounds.iter().find_map(|(number, round)| {
            let trials = plan.trials.iter().filter(|it| it.round == *number);
            let is_first = round.repeat == 0;
            let is_whole = round.done.len() >= trials.count();
            (is_first && is_whole).then(|| self.broken(*number)).flatten()
        })
    }

    /// What the environment broke of a round, if anything.
    fn broken(&self, round: u32) -> Option<Repeat> {
        let (trial, cause) = self.rounds.get(&round)?.broken.as_ref()?;
        let reason = match cause {
            Cause::Failed(message) => message.clone(),
            Cause::NoCensus if self.has_census => {
                "the kernel could not be asked for its sockets".into()
            }
            Cause::NoCensus => return None,
        };
        Some(Repeat {
            round,
            lane: trial.lane.clone(),
            scenario: trial.scenario,
            reason,
        })
    }

    /// The next trials of that round are a repeat of it.
    pub fn begin_again(&mut self, round: u32) {
        let repeat = self.attempt(round) + 1;
        self.rounds.insert(round, Round { repeat, ..Round::default() });
    }
}

/// The records of each round's last attempt, in their order.
#[must_use]
pub fn counted(records: &[Record]) -> Vec<&Record> {
    let mut last: BTreeMap<u32, u32> = BTreeMap::new();
    for record in records {
        let known = last.entry(record.trial.round).or_default();
        *known = record.repeat.max(*known);
    }
    let counts = |record: &&Record| record.repeat == last[&record.trial.round];
    records.iter().filter(counts).collect()
}

/// The rounds that were made again, and why.
#[must_use]
pub fn repeats(records: &[Record]) -> Vec<Repeat> {
    let (first, again): (Vec<&Record>, Vec<&Record>) =
        records.iter().partition(|record| record.repeat == 0);
    let mut rounds = Rounds::default();
    first.into_iter().for_each(|record| rounds.note(record));
    let again: BTreeSet<u32> =
        again.iter().map(|record| record.trial.round).collect();
    again.into_iter().filter_map(|round| rounds.broken(round)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{self, bare, measured, plan};

    fn broken() -> Outcome {
        Outcome::HarnessError { message: "the ports are used up".into() }
    }

    /// A run of so many rounds in which some outcomes are others.
    fn run(rounds: u32, outcome: fn(&Trial) -> Outcome) -> (Plan, Rounds) {
        let plan = plan(&["rust-mio"], &[Scenario::Load], rounds);
        let rounds = Rounds::of(&scripted::records(&plan, outcome));
        (plan, rounds)
    }

    fn sound(trial: &Trial) -> Outcome {
        measured(bare(trial.scenario, 10.0))
    }

    #[test]
    fn only_what_the_environment_broke_is_repeated() {
        let crash = |trial: &Trial| match trial.round {
            2 => Outcome::Crashed { exit: "code 1".into(), log: "".into() },
            _ => sound(trial),
        };
        let (plan, rounds) = run(5, crash);
        assert_eq!(rounds.due(&plan), None);
        let (plan, rounds) = run(5, |trial| match trial.round {
            2 => broken(),
            _ => sound(trial),
        });
        let due = rounds.due(&plan).unwrap();
        assert_eq!((due.round, due.lane.as_str()), (2, "rust-mio"));
        assert_eq!(due.reason, "the ports are used up");
    }

    #[test]
    fn a_missing_census_is_a_failure_only_where_there_are_others() {
        let without = |trial: &Trial| {
            let mut launch = bare(trial.scenario, 10.0);
            launch.census = None;
            measured(launch)
        };
        let (plan, rounds) = run(5, without);
        assert_eq!(rounds.due(&plan), None, "this kernel has none");
        let (plan, mut rounds) = run(5, sound);
        assert_eq!(rounds.due(&plan), None);
        for mut record in scripted::records(&plan, without) {
            record.trial.round = 4;
            rounds.note(&record);
        }
        assert_eq!(rounds.due(&plan).unwrap().round, 4);
    }

    #[test]
    fn a_census_is_asked_for_at_every_point_that_holds_connections() {
        for (scenario, wants) in
            [(Scenario::Scale(100), true), (Scenario::Churn, false)]
        {
            let plan = plan(&["rust-mio"], &[scenario], 5);
            let records = scripted::records(&plan, sound);
            let mut rounds = Rounds::of(&records);
            for mut record in records {
                if let Outcome::Measured(launch) = &mut record.outcome {
                    launch.census = None;
                }
                rounds.note(&record);
            }
            assert_eq!(rounds.due(&plan).is_some(), wants, "{scenario}");
        }
    }

    #[test]
    fn one_round_in_five_is_repeated_and_none_twice() {
        let (plan, rounds) = run(4, |_| broken());
        assert_eq!(rounds.due(&plan), None, "no fifth of four rounds");
        let (plan, mut rounds) = run(10, |_| broken());
        for round in [1, 2] {
            assert_eq!(rounds.due(&plan).unwrap().round, round);
            rounds.begin_again(round);
            assert_eq!(rounds.attempt(round), 1);
        }
        assert_eq!(rounds.due(&plan), None);
    }

    #[test]
    fn an_unfinished_round_is_finished_first() {
        let plan = plan(&["rust-mio"], &[Scenario::Load], 5);
        let mut records = scripted::records(&plan, |_| broken());
        let all = records.len() / 5;
        records.truncate(all - 1);
        assert_eq!(Rounds::of(&records).due(&plan), None);
    }

    #[test]
    fn the_last_attempt_counts_and_the_first_says_why() {
        let plan = plan(&["rust-mio"], &[Scenario::Load], 2);
        let mut records = scripted::records(&plan, |_| broken());
        let mut again = scripted::records(&plan, sound);
        again.retain(|record| record.trial.round == 1);
        again.iter_mut().for_each(|record| record.repeat = 1);
        records.extend(again.clone());
        let counted = counted(&records);
        assert_eq!(counted.len(), plan.trials.len());
        let of_first = |it: &&&Record| it.trial.round == 1;
        assert!(counted.iter().filter(of_first).all(|it| it.repeat == 1));
        let repeats = repeats(&records);
        assert_eq!(repeats.len(), 1);
        assert_eq!(repeats[0].reason, "the ports are used up");
        assert_eq!(Rounds::of(&records).attempt(1), 1);
    }
}
