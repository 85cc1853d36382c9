//! Runs the trials of a plan one after the other and keeps each at once.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::event::Event;
use crate::plan::{Settings, Trial};
use crate::record::{Artifact, Outcome, Record, SCHEMA};
use crate::summarize::gates;
use crate::trial::Bench;

/// What stays the same over a run.
#[derive(Debug)]
pub struct Context<'a> {
    /// The run's id.
    pub run: &'a str,
    /// What holds for every trial.
    pub settings: &'a Settings,
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
/// an interrupted one is not kept, so that it runs again on `--resume`.
///
/// # Errors
/// A record can't be kept.
pub fn execute(
    context: &Context<'_>,
    trials: &[Trial],
    bench: &mut impl Bench,
    listener: &mut impl Listener,
) -> Result<()> {
    for trial in trials {
        if listener.wants_to_stop() {
            break;
        }
        listener.hear(&Event::Started { trial })?;
        let (wall, began) = (SystemTime::now(), Instant::now());
        let outcome = bench.run(trial);
        if outcome == Outcome::Interrupted {
            break;
        }
        let gates = match &outcome {
            Outcome::Measured(measurement) => {
                gates(measurement, context.settings, trial.scenario)
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
            started_unix_ms: millis(started),
            duration_ms: millis(began.elapsed()),
            artifact: listener.artifact(&trial.lane),
            gates,
            outcome,
        };
        listener.hear(&Event::Finished { record: &record })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, Scenario};
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
        let context = Context { run: "r", settings: &plan.settings };
        execute(&context, &plan.trials, &mut Scripted(answer), kept)
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
}
