//! Runs the trials of a plan one after the other and keeps each at once.

use std::collections::VecDeque;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::event::Event;
use crate::plan::{Plan, Trial};
use crate::record::{Artifact, Outcome, Record, SCHEMA};
use crate::repeat::Rounds;
use crate::summarize::gates;
use crate::trial::Bench;

/// What stays the same over a run.
#[derive(Debug)]
pub struct Context<'a> {
    /// The run's id.
    pub run: &'a str,
    /// What is to be done in all.
    pub plan: &'a Plan,
}

/// Whoever follows a run.
pub trait Listener {
    /// Told of everything; may keep a record.
    ///
    /// # Errors
    /// A record can't be kept: the run ends.
    fn hear(&mut self, event: &Event<'_>) -> Result<()>;

    /// Whether the run is to end before the next trial.
    fn wants_to_stop(&self) -> bool;

    /// What runs in a lane, for the record.
    fn artifact(&self, lane: &str) -> Option<Artifact>;
}

/// Runs these trials in order. A failed trial is kept and the next one runs;
/// an interrupted one is not kept, so that it runs again on `--resume`. A
/// round that the environment broke is made again once it is complete.
///
/// # Errors
/// A record can't be kept.
pub fn execute(
    context: &Context<'_>,
    trials: &[Trial],
    mut rounds: Rounds,
    bench: &mut impl Bench,
    listener: &mut impl Listener,
) -> Result<()> {
    let mut queue: VecDeque<&Trial> = trials.iter().collect();
    loop {
        if listener.wants_to_stop() {
            break;
        }
        if let Some(repeat) = rounds.due(context.plan) {
            let all = context.plan.trials.iter();
            let trials: Vec<&Trial> =
                all.filter(|trial| trial.round == repeat.round).collect();
            listener
                .hear(&Event::Repeating { repeat: &repeat, trials: &trials })?;
            rounds.begin_again(repeat.round);
            trials.into_iter().rev().for_each(|it| queue.push_front(it));
        }
        let Some(trial) = queue.pop_front() else { break };
        listener.hear(&Event::Started { trial })?;
        let (wall, began) = (SystemTime::now(), Instant::now());
        let outcome = bench.run(trial);
        if outcome == Outcome::Interrupted {
            break;
        }
        let gates = match &outcome {
            Outcome::Measured(measurement) => {
                let settings = context.plan.settings.at(trial.scenario);
                gates(measurement, &settings, trial.scenario)
            }
            _ => Vec::new(),
        };
        let started = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = |time: std::time::Duration| {
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
        };
        let record = Record {
            schema: SCHEMA,
            run: context.run.to_owned(),
            trial: trial.clone(),
            repeat: rounds.attempt(trial.round),
            started_unix_ms: millis(started),
            duration_ms: millis(began.elapsed()),
            artifact: listener.artifact(&trial.lane),
            gates,
            outcome,
        };
        rounds.note(&record);
        listener.hear(&Event::Finished { record: &record })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Scenario;
    use crate::scripted;

    /// Answers each trial by a function of it.
    struct Scripted<F>(F);

    impl<F: FnMut(&Trial) -> Outcome> Bench for Scripted<F> {
        fn run(&mut self, trial: &Trial) -> Outcome {
            (self.0)(trial)
        }
    }

    #[derive(Default)]
    struct Kept {
        records: Vec<Record>,
        fail_after: Option<usize>,
        stop_after: Option<usize>,
    }

    impl Listener for Kept {
        fn hear(&mut self, event: &Event<'_>) -> Result<()> {
            if let Event::Finished { record } = event {
                if self.fail_after == Some(self.records.len()) {
                    anyhow::bail!("No space left on device");
                }
                self.records.push((*record).clone());
            }
            Ok(())
        }

        fn wants_to_stop(&self) -> bool {
            self.stop_after == Some(self.records.len())
        }

        fn artifact(&self, _lane: &str) -> Option<Artifact> {
            None
        }
    }

    fn crash() -> Outcome {
        Outcome::Crashed { exit: "exit code 1".into(), log: String::new() }
    }

    fn plan() -> Plan {
        let scenarios = [Scenario::Classic, Scenario::Load];
        scripted::plan(&["a", "b"], &scenarios, 2)
    }

    fn run(
        kept: &mut Kept,
        answer: impl FnMut(&Trial) -> Outcome,
    ) -> Result<()> {
        let plan = plan();
        run_plan(kept, &plan, answer)
    }

    fn run_plan(
        kept: &mut Kept,
        plan: &Plan,
        answer: impl FnMut(&Trial) -> Outcome,
    ) -> Result<()> {
        let context = Context { run: "r", plan };
        let rounds = Rounds::default();
        execute(&context, &plan.trials, rounds, &mut Scripted(answer), kept)
    }

    #[test]
    fn one_servers_failure_never_stops_the_others() {
        let mut kept = Kept::default();
        let plan = plan();
        run(&mut kept, |_| crash()).unwrap();
        let ran: Vec<_> =
            kept.records.iter().map(|r| r.trial.clone()).collect();
        assert_eq!(ran, plan.trials);
        assert!(kept.records.iter().all(|r| r.outcome == crash()));
    }

    #[test]
    fn an_interrupted_trial_is_not_kept_and_ends_the_run() {
        let (mut kept, mut count) = (Kept::default(), 0);
        run(&mut kept, |_| {
            count += 1;
            if count == 3 { Outcome::Interrupted } else { crash() }
        })
        .unwrap();
        assert_eq!(kept.records.len(), 2);
    }

    #[test]
    fn a_stop_between_trials_starts_no_other() {
        let mut kept = Kept { stop_after: Some(1), ..Kept::default() };
        run(&mut kept, |_| crash()).unwrap();
        assert_eq!(kept.records.len(), 1);
    }

    #[test]
    fn a_record_that_cannot_be_kept_ends_the_run_with_its_reason() {
        let mut kept = Kept { fail_after: Some(1), ..Kept::default() };
        let error = run(&mut kept, |_| crash()).unwrap_err();
        assert!(error.to_string().contains("No space left"));
        assert_eq!(kept.records.len(), 1);
    }

    #[test]
    fn a_broken_round_is_made_again_whole_and_at_once() {
        let plan = scripted::plan(&["a", "b"], &[Scenario::Load], 5);
        let of_round = plan.trials.iter().filter(|it| it.round == 2).count();
        let (mut kept, mut broken) = (Kept::default(), 0);
        run_plan(&mut kept, &plan, |trial| {
            if trial.round >= 2 && trial.lane == "b" {
                broken += 1;
                return Outcome::HarnessError { message: "no port".into() };
            }
            crash()
        })
        .unwrap();
        assert_eq!(kept.records.len(), plan.trials.len() + of_round);
        let again: Vec<&Record> =
            kept.records.iter().filter(|it| it.repeat == 1).collect();
        let rounds = |records: &[&Record]| -> Vec<u32> {
            records.iter().map(|it| it.trial.round).collect()
        };
        assert_eq!(rounds(&again), vec![2; of_round], "a fifth of the run");
        let trials: Vec<&Trial> = again.iter().map(|it| &it.trial).collect();
        let planned: Vec<&Trial> =
            plan.trials.iter().filter(|it| it.round == 2).collect();
        assert_eq!(trials, planned);
        // Right after its first attempt, before the round that follows.
        let all: Vec<&Record> = kept.records.iter().collect();
        assert!(rounds(&all).is_sorted());
        assert_eq!(broken, 5);
    }

    #[test]
    fn a_quick_run_repeats_nothing() {
        let plan = scripted::plan(&["a"], &[Scenario::Load], 1);
        let mut kept = Kept::default();
        let message = "no port".to_owned();
        run_plan(&mut kept, &plan, |_| Outcome::HarnessError {
            message: message.clone(),
        })
        .unwrap();
        assert_eq!(kept.records.len(), plan.trials.len());
    }
}
