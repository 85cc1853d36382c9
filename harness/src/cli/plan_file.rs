//! A plan file: the arguments of `run`, each key by the name of its flag, and
//! the lengths of windows, which have no flag.
//!
//! Refuses to do: anything but read text; which servers there are, the caller
//! asks.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use serde::Deserialize;
use toml::Spanned;

use super::Run;
use super::run::scenario;
use crate::plan::SHIPPED;

#[cfg(test)]
#[path = "plan_file_tests.rs"]
mod tests;

/// What is wrong, and where. Lines and columns are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line.
    pub line: usize,
    /// The character of that line.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// Lengths of windows in place of the run's own. Milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    /// Load before a window counts.
    pub warm_up: Option<u64>,
    /// The fixed-rate window.
    pub fixed_rate: Option<u64>,
    /// The closed-loop window.
    pub in_flight: Option<u64>,
    /// Each step of the ladder; 0 for none.
    pub step: Option<u64>,
    /// At rest.
    pub idle: Option<u64>,
}

/// A whole file, its values still with their places.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(default)]
    servers: Vec<Spanned<String>>,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    shipped: bool,
    #[serde(default)]
    scenario: Option<Spanned<Vec<Spanned<String>>>>,
    connections: Option<Spanned<i64>>,
    payload: Option<Spanned<i64>>,
    rate: Option<Spanned<i64>>,
    rounds: Option<Spanned<i64>>,
    workers: Option<Spanned<i64>>,
    seed: Option<Spanned<i64>>,
    budget: Option<Spanned<String>>,
    placement: Option<Spanned<String>>,
    isolation: Option<Spanned<String>>,
    reference: Option<Spanned<String>>,
    client: Option<Spanned<String>>,
    #[serde(default)]
    windows: Lengths,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lengths {
    warm_up: Option<Spanned<String>>,
    fixed_rate: Option<Spanned<String>>,
    in_flight: Option<Spanned<String>>,
    step: Option<Spanned<String>>,
    idle: Option<Spanned<String>>,
}

/// The longest window, in milliseconds.
const LONGEST: u64 = 600_000;

/// What was read from a file, as text.
///
/// # Errors
/// The first byte that isn't UTF-8.
pub fn text(bytes: &[u8]) -> Result<&str, Fault> {
    str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to();
        let before = String::from_utf8_lossy(&bytes[..place]);
        fault(&before, place, "this byte is not UTF-8".into())
    })
}

/// The names that may stand in a plan file.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Whether an id, without what follows an `@`, is one of a server.
    pub(crate) server: &'a dyn Fn(&str) -> bool,
    /// Whether a name is one of a client, or else what is wrong with it.
    pub(crate) client: &'a dyn Fn(&str) -> Result<String, String>,
}

/// Puts what a plan file says in the place of what was not typed.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn apply(
    text: &str,
    run: &mut Run,
    known: Known<'_>,
) -> Result<(), Fault> {
    let is_server = known.server;
    let keys: Keys = toml::from_str(text).map_err(|e| unread(text, &e))?;
    let at = |place: usize, message: String| fault(text, place, message);
    let read = Read { text };
    for (index, server) in keys.servers.iter().enumerate() {
        let (id, place) = (server.as_ref().as_str(), server.span().start);
        let before = &keys.servers[..index];
        if keys.all {
            let message = "name servers or say all = true, not both";
            return Err(at(place, message.into()));
        }
        if !is_server(id.split('@').next().unwrap_or_default()) {
            let message = format!("there is no server {id:?}");
            return Err(at(place, format!("{message}; {LIST}")));
        }
        if id.split_once('@').is_some_and(|(_, lane)| lane != SHIPPED) {
            let message = format!("{id:?}: only {SHIPPED} stands after an @");
            return Err(at(place, message));
        }
        if before.iter().any(|other| other.as_ref() == id) {
            return Err(at(place, format!("{id} is named twice")));
        }
    }
    if let Some(reference) = &keys.reference
        && !is_server(reference.as_ref())
    {
        let message = format!("there is no server {:?}", reference.as_ref());
        let place = reference.span().start;
        return Err(at(place, format!("{message}; {LIST}")));
    }
    if keys.scenario.as_ref().is_some_and(|names| names.as_ref().is_empty()) {
        let place = keys.scenario.as_ref().map_or(0, |it| it.span().start);
        return Err(at(place, "name a scenario, or leave the key out".into()));
    }
    for name in keys.scenario.iter().flat_map(|names| names.as_ref()) {
        run.scenario.push(read.word(name, scenario)?);
    }
    read.numbers(&keys, run)?;
    read.words(&keys, run)?;
    if let Some(client) = &keys.client {
        run.client = read.word(client, known.client)?;
    }
    run.windows = read.windows(&keys.windows)?;
    run.selection.all = keys.all;
    run.shipped |= keys.shipped;
    let servers = keys.servers.into_iter().map(Spanned::into_inner);
    run.selection.servers = servers.collect();
    Ok(())
}

const LIST: &str = "`cargo harness list` shows them";

/// Reads values, with their places in a text for what is wrong with them.
#[derive(Clone, Copy)]
struct Read<'a> {
    text: &'a str,
}

impl Read<'_> {
    fn word<T>(
        self,
        value: &Spanned<String>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Fault> {
        read(value.as_ref())
            .map_err(|why| fault(self.text, value.span().start, why))
    }

    fn number<T: TryFrom<i64>>(
        self,
        value: &Spanned<i64>,
        allowed: RangeInclusive<i64>,
    ) -> Result<T, Fault> {
        let number = *value.as_ref();
        let fits = allowed.contains(&number);
        let (least, most) = (allowed.start(), allowed.end());
        T::try_from(number).ok().filter(|_| fits).ok_or_else(|| {
            let message = format!("{number} is not in {least} to {most}");
            fault(self.text, value.span().start, message)
        })
    }

    fn numbers(self, keys: &Keys, run: &mut Run) -> Result<(), Fault> {
        if let Some(value) = &keys.connections {
            run.connections = self.number(value, 1..=1_000_000)?;
        }
        if let Some(value) = &keys.payload {
            run.payload = self.number(value, 1..=1_048_576)?;
        }
        if let Some(value) = &keys.rate {
            run.rate = self.number(value, 1..=10_000_000)?;
        }
        if let Some(value) = &keys.rounds {
            let rounds = self.number(value, 1..=1_000)?;
            // A quick run is of one round.
            let is_open = run.rounds.is_none() && !run.quick;
            run.rounds = if is_open { Some(rounds) } else { run.rounds };
        }
        if let Some(value) = &keys.workers {
            run.workers = Some(self.number(value, 1..=1_024)?);
        }
        if let (Some(value), None) = (&keys.seed, run.seed) {
            run.seed = Some(self.number(value, 0..=i64::MAX)?);
        }
        Ok(())
    }

    fn words(self, keys: &Keys, run: &mut Run) -> Result<(), Fault> {
        if let (Some(value), None) = (&keys.budget, run.budget) {
            let budget = |text: &str| {
                humantime::parse_duration(text).map_err(|e| e.to_string())
            };
            run.budget = Some(self.word(value, budget)?);
        }
        if let Some(value) = &keys.placement {
            let placement = |text: &str| {
                ValueEnum::from_str(text, false)
                    .map_err(|_| "the placements are split and shared".into())
            };
            run.placement = self.word(value, placement)?;
        }
        if let Some(value) = &keys.isolation {
            run.isolation = self.word(value, FromStr::from_str)?;
        }
        if let Some(value) = &keys.reference {
            run.reference.clone_from(value.as_ref());
        }
        Ok(())
    }

    fn windows(self, lengths: &Lengths) -> Result<Windows, Fault> {
        let read = |value: &Option<Spanned<String>>, least: u64| {
            let length = |text: &str| length(text, least);
            let value = value.as_ref();
            value.map(|value| self.word(value, length)).transpose()
        };
        Ok(Windows {
            warm_up: read(&lengths.warm_up, 0)?,
            fixed_rate: read(&lengths.fixed_rate, 100)?,
            in_flight: read(&lengths.in_flight, 100)?,
            step: read(&lengths.step, 0)?,
            idle: read(&lengths.idle, 10)?,
        })
    }
}

fn length(text: &str, least: u64) -> Result<u64, String> {
    let length: Duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a time such as 1500ms"))?;
    let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    match (least..=LONGEST).contains(&length) {
        true => Ok(length),
        false => Err(format!("{text} is not in {least}ms to 10m")),
    }
}

/// What the parser says, in the words of a user.
fn unread(text: &str, error: &toml::de::Error) -> Fault {
    let message = error.message().trim().replace('\n', ", ");
    let message = message.replace("expected i64", "expected a whole number");
    fault(text, error.span().map_or(0, |span| span.start), message)
}

/// A fault at a byte of a text.
fn fault(text: &str, place: usize, message: String) -> Fault {
    let before = text.get(..place).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    Fault {
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        message,
    }
}
