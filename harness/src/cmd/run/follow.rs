//! Keeps and shows what happens in a run.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::Session;
use crate::event::Event;
use crate::interrupt::Interrupt;
use crate::progress::{Progress, say};
use crate::record::journal::{Journal, to_line};
use crate::record::{Artifact, Record};
use crate::render;
use crate::repeat::counted;
use crate::runner::Listener;
use crate::summarize::summarize;

/// Stores each record at once and shows a table after each round.
#[derive(Debug)]
pub(super) struct Follower<'a> {
    pub(super) journal: Journal,
    pub(super) artifacts: BTreeMap<String, Artifact>,
    pub(super) session: &'a mut Session,
    pub(super) progress: &'a mut Progress,
    pub(super) interrupt: &'a Interrupt,
}

impl Listener for Follower<'_> {
    fn hear(&mut self, event: &Event<'_>) -> Result<()> {
        self.progress.hear(event);
        let Event::Finished { record } = event else { return Ok(()) };
        self.session.records.push((*record).clone());
        if let Err(error) = self.journal.append(record) {
            let line = to_line(record)?;
            let line = String::from_utf8_lossy(&line).into_owned();
            say(line.trim_end());
            return Err(error).context("the run ends here");
        }
        if self.ends_round(record) {
            self.show_table(record.trial.round);
        }
        Ok(())
    }

    fn wants_to_stop(&self) -> bool {
        self.interrupt.signal().is_some()
    }

    fn artifact(&self, lane: &str) -> Option<Artifact> {
        self.artifacts.get(lane).cloned()
    }
}

impl Follower<'_> {
    fn ends_round(&self, record: &Record) -> bool {
        let round = record.trial.round;
        let of_round = |trial: &crate::plan::Trial| trial.round == round;
        let planned =
            self.session.plan.trials.iter().filter(|t| of_round(t)).count();
        let counted = counted(&self.session.records).into_iter();
        let done = counted.filter(|it| of_round(&it.trial)).count();
        done >= planned && round < self.session.plan.rounds
    }

    /// The final table goes to stdout; those before it are for a person who
    /// waits.
    fn show_table(&self, round: u32) {
        let session = &*self.session;
        let summary = summarize(
            &session.id,
            true,
            &session.host,
            &session.plan,
            &session.records,
        );
        let rounds = session.plan.rounds;
        let text = format!(
            "after round {round} of {rounds}:\n{}",
            render::table(&summary)
        );
        self.progress.block(&text, round == 1);
    }
}
