//! Shows on stderr what is going on and how long it will take.
//!
//! A bar is redrawn only between trials: nothing ticks while a window is
//! measured.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::Event;
use crate::plan::Plan;
use crate::plan::make::total_time;
use crate::record::Outcome;
use crate::summarize::{plain, reason};

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Style {
    /// A bar on a terminal, lines elsewhere
    Auto,
    /// A bar that is redrawn between trials
    Bar,
    /// A line for each trial
    Lines,
    /// Nothing
    None,
}

/// The progress of one run.
#[derive(Debug)]
pub struct Progress {
    style: Style,
    bar: ProgressBar,
    plan: Option<Plan>,
    done: usize,
    total: usize,
    /// Time that the trials left would take by the plan's own estimate.
    left: Duration,
    /// What the finished trials took, by estimate and by the clock.
    estimated: Duration,
    began: Instant,
}

impl Progress {
    /// For a run that is still to be planned.
    #[must_use]
    pub fn new(style: Style) -> Self {
        let in_ci = std::env::var_os("CI").is_some();
        let style = match style {
            Style::Auto if std::io::stderr().is_terminal() && !in_ci => {
                Style::Bar
            }
            Style::Auto => Style::Lines,
            chosen => chosen,
        };
        let target = match style {
            Style::Bar => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(
            ProgressStyle::with_template("{wide_msg} {pos}/{len}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self {
            style,
            bar,
            plan: None,
            done: 0,
            total: 0,
            left: Duration::ZERO,
            estimated: Duration::ZERO,
            began: Instant::now(),
        }
    }

    /// The trials that are going to run.
    pub fn plan(&mut self, plan: &Plan, trials: usize, left: Duration) {
        self.plan = Some(plan.clone());
        self.total = trials;
        self.left = left;
        self.began = Instant::now();
        self.bar.set_length(trials as u64);
    }

    /// Shows an event.
    pub fn hear(&mut self, event: &Event<'_>) {
        match event {
            Event::Building { what } => self.say(&format!("building {what}")),
            Event::Repeating { repeat, trials } => {
                self.total += trials.len();
                self.bar.set_length(self.total as u64);
                if let Some(plan) = &self.plan {
                    self.left += total_time(plan, trials.iter().copied());
                }
                self.line(&format!(
                    "round {} is made again whole: {} {}: {}",
                    repeat.round,
                    repeat.lane,
                    repeat.scenario.name(),
                    plain(&repeat.reason),
                ));
            }
            Event::Started { trial } => {
                let rounds = self.plan.as_ref().map_or(0, |plan| plan.rounds);
                self.say(&format!(
                    "round {}/{rounds} · {} · {} · {} left",
                    trial.round,
                    trial.lane,
                    trial.scenario.name(),
                    self.time_left(),
                ));
            }
            Event::Finished { record } => {
                self.done += 1;
                self.bar.set_position(self.done as u64);
                if let Some(plan) = &self.plan {
                    let time = total_time(plan, [&record.trial]);
                    self.estimated += time;
                    self.left = self.left.saturating_sub(time);
                }
                if !matches!(record.outcome, Outcome::Measured(_)) {
                    let why = reason(&record.outcome).unwrap_or_default();
                    self.line(&format!(
                        "{} {}: {} – {why}",
                        record.trial.lane,
                        record.trial.scenario.name(),
                        record.outcome.name(),
                    ));
                }
            }
        }
    }

    /// Shows what begins now.
    pub fn step(&self, text: &str) {
        self.say(text);
    }

    /// Prints a line, or several, without disturbing the bar.
    pub fn line(&self, text: &str) {
        if self.style != Style::None {
            self.print(text);
        }
    }

    /// Prints a whole block where a person is watching, or when `always`.
    pub fn block(&self, text: &str, always: bool) {
        if self.style == Style::Bar || (always && self.style == Style::Lines) {
            self.print(text);
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, text: &str) {
        match self.style {
            Style::Bar => {
                self.bar.set_message(text.to_owned());
                self.bar.tick();
            }
            Style::Lines => {
                let at = self.done + 1;
                let counted = match self.total {
                    0 => String::new(),
                    total => format!("[{at}/{total}] "),
                };
                self.print(&format!("{counted}{text}"));
            }
            Style::Auto | Style::None => {}
        }
    }

    fn print(&self, text: &str) {
        self.bar.suspend(|| say(text));
    }

    /// By the plan's estimate, corrected by how long the finished trials
    /// really took.
    fn time_left(&self) -> String {
        let factor = if self.estimated.is_zero() {
            1.0
        } else {
            self.began.elapsed().as_secs_f64() / self.estimated.as_secs_f64()
        };
        let left = self.left.mul_f64(factor.clamp(0.1, 100.0));
        about(left)
    }
}

/// Writes a line to stderr. A stderr that can't be written stops nothing.
pub fn say(text: &str) {
    writeln!(anstream::stderr(), "{text}").ok();
}

/// A duration as people say it: `40 s`, `7 min`.
#[must_use]
pub fn about(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..100 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_as_people_say_them() {
        assert_eq!(about(Duration::from_millis(41_900)), "41 s");
        assert_eq!(about(Duration::from_secs(401)), "7 min");
    }
}
