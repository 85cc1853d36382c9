//! The answers of a run in words: who is best for what, how sure that is, and
//! what the run can't tell.
//!
//! Refuses to do: name a winner where no test tells one, or answer from data
//! that the run does not hold.

use super::best::{Best, Better, Candidate, best};
use super::figures::{held, memory, sound};
use crate::plan::Scenario;
use crate::render::rate;
use crate::stats::Estimate;
use crate::stats::verdict::MIN_ROUNDS;
use crate::summarize::{Row, Summary, plain};
use crate::units::{Bytes, Count, LowHigh, Plain, Times, of_metric};

/// A question that a reader comes with, and what the run says to it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) question: String,
    pub(super) answer: String,
}

impl Answer {
    /// How much it says: nothing, that it can't tell, or something.
    fn worth(&self) -> u8 {
        match &self.answer {
            answer if answer.starts_with(NOT_MEASURED) => 0,
            answer if answer.starts_with(NO_VERDICT) => 1,
            _ => 2,
        }
    }
}

const NOT_MEASURED: &str = "Not measured in this run";
const NO_VERDICT: &str = "No verdict";

/// Messages of so many bytes are called bulk.
const BULK_BYTES: u32 = 16 * 1024;

/// A message that costs work.
const WORK: Scenario = Scenario::Handler(50);

/// All of them, in the order of importance.
pub(super) fn answers(summary: &Summary) -> Vec<Answer> {
    let settings = &summary.plan.settings;
    let connections = Count(settings.connections.into());
    let at = rate(settings.rate_per_s);
    let payload = settings.payload_bytes;
    let ask = |question: String, answer: String| Answer { question, answer };
    let not = |what: String| format!("{NOT_MEASURED}: {what}.");
    let other = not(format!("its messages are of {payload} bytes"));
    let (small, bulk) = if payload >= BULK_BYTES {
        (other, highest_rate(summary))
    } else {
        (highest_rate(summary), other)
    };
    vec![
        ask(
            format!("Which model is cheapest at {at} echoes?"),
            cheapest(summary, Scenario::Load),
        ),
        ask("Which model for small echoes at a p99 of 10 ms?".into(), small),
        ask(
            format!("Which model for {connections} mostly idle connections?"),
            match Scenario::Idle(settings.connections) {
                idle if summary.plan.scenarios.contains(&idle) => {
                    cheapest(summary, idle)
                }
                _ => least_memory(summary),
            },
        ),
        ask(
            format!("Which model serves {connections} newcomers soonest?"),
            cheapest(summary, Scenario::Classic),
        ),
        match summary.last_point("sizes") {
            Some(Scenario::Sizes(bytes)) if bytes >= BULK_BYTES => ask(
                format!(
                    "Which model for bulk payloads, messages of {}?",
                    Bytes(f64::from(bytes))
                ),
                cheapest(summary, Scenario::Sizes(bytes)),
            ),
            _ => ask(
                "Which model for bulk payloads at a p99 of 10 ms?".into(),
                bulk,
            ),
        },
        ask(
            "Which model for 50 µs of work a message?".into(),
            if summary.plan.scenarios.contains(&WORK) {
                cheapest(summary, WORK)
            } else {
                not("no message of it costs that much".into())
            },
        ),
    ]
}

/// Each question by the first run that answers it, which is told unless it is
/// the first of all.
pub(super) fn by_several<'a>(
    first: &Summary,
    others: &'a [Summary],
) -> Vec<(Answer, Option<&'a Summary>)> {
    let mut all: Vec<_> =
        answers(first).into_iter().map(|it| (it, None)).collect();
    for run in others {
        for (best, answer) in all.iter_mut().zip(answers(run)) {
            if answer.worth() > best.0.worth() {
                *best = (answer, Some(run));
            }
        }
    }
    all
}

/// By the primary figure, whose ranks are made by tests.
fn cheapest(summary: &Summary, scenario: Scenario) -> String {
    let metric = scenario.primary_metric();
    let rows = sound(summary, scenario);
    let figure = |row: &Row| row.metrics.get(metric).copied();
    let rounds = rows.iter().filter_map(|row| figure(row)).map(|of| of.n);
    let Some(rounds) = rounds.max() else { return nothing(scenario) };
    if !summary.is_ranked(scenario) {
        return no_verdict(rounds, rows.len());
    }
    let tied = summary.cheapest(scenario);
    let first = tied.first().and_then(|name| summary.row(name, scenario));
    let Some((first, cost)) = first.and_then(|row| Some((row, figure(row)?)))
    else {
        return no_verdict(rounds, rows.len());
    };
    let what = match scenario {
        Scenario::Idle(_) => " a connection, user and kernel together",
        Scenario::Churn => " of CPU a session",
        Scenario::Classic => " from the first connect to the last close",
        Scenario::Handler(_) => " of CPU an echo, the handler's own included",
        _ => " of CPU an echo",
    };
    let figure = format!(
        "{}{what}, {}",
        of_metric(metric, cost.median),
        match scenario {
            Scenario::Idle(_) => within(&cost, 1.0 / 1024.0, " KiB"),
            _ => within(&cost, 1.0, ""),
        }
    );
    if tied.len() > 1 {
        let by = if first.is_clients_own() { BY_CLIENT } else { BY_TESTS };
        return tie(&plain(&first.server), &figure, &tied[1..], by);
    }
    format!(
        "{}, {}: {figure}.{}",
        plain(&first.server),
        plain(&first.model),
        next(&rows, first, metric),
    )
}

const BY_TESTS: &str =
    "may each be the best, by tests at 5\u{a0}% for all servers together";
const BY_CLIENT: &str =
    "may each be the best, and faster than shown: the client was the limit";
const BY_INTERVALS: &str =
    "may each be the best, for no other's interval lies beyond theirs";

/// The runner-up of a single winner, by its ratio.
fn next(rows: &[&Row], first: &Row, metric: &str) -> String {
    let others = rows.iter().filter(|row| row.server != first.server);
    let cost = |row: &&&Row| {
        row.metrics.get(metric).map_or(f64::INFINITY, |cost| cost.median)
    };
    let next = others.min_by(|a, b| cost(a).total_cmp(&cost(b)));
    let ratio =
        next.and_then(|next| Some((next, next.ratio_to(first, metric)?)));
    ratio.map_or_else(String::new, |(next, ratio)| {
        format!(
            " The next, {}, takes {} of that ({}).",
            plain(&next.server),
            Times(ratio.median),
            LowHigh(ratio),
        )
    })
}

fn highest_rate(summary: &Summary) -> String {
    if summary.plan.settings.shares_cpus() {
        return format!(
            "{NO_VERDICT}: client and servers share CPUs, so that a rate held \
             is also the client's."
        );
    }
    let candidates = held(summary);
    let found = match best(candidates, Better::High) {
        Best::NotMeasured => return nothing(Scenario::Load),
        Best::NoVerdict { rounds, servers } => {
            return no_verdict(rounds, servers);
        }
        Best::Found(found) => found,
    };
    let Some(first) = found.first() else { return nothing(Scenario::Load) };
    if first.estimate.median <= 0.0 {
        return "None: no server held even the fixed rate at that p99.".into();
    }
    let figure = format!(
        "{}{}, {}",
        if first.at_least { "at least " } else { "" },
        rate(first.estimate.median),
        first.estimate.interval().map_or_else(String::new, |(low, high)| {
            let low = if low > 0.0 { rate(low) } else { "none".into() };
            format!("{low} to {} over {} rounds", rate(high), first.estimate.n)
        }),
    );
    said("holds the highest rate", &found, &figure)
}

fn least_memory(summary: &Summary) -> String {
    let candidates = memory(summary);
    let found = match best(candidates, Better::Low) {
        Best::NotMeasured => return nothing(Scenario::Load),
        Best::NoVerdict { rounds, servers } => {
            return no_verdict(rounds, servers);
        }
        Best::Found(found) => found,
    };
    let Some(first) = found.first() else { return nothing(Scenario::Load) };
    let figure = format!(
        "{} a connection, user and kernel together, {}",
        Bytes(first.estimate.median),
        within(&first.estimate, 1.0 / 1024.0, " KiB"),
    );
    said("takes the least memory", &found, &figure)
}

/// One that is told from all others, or a tie.
fn said(does: &str, found: &[Candidate<'_>], figure: &str) -> String {
    let names: Vec<&str> =
        found.iter().map(|of| of.row.server.as_str()).collect();
    match names.as_slice() {
        [] => String::new(),
        [_] => format!(
            "{}, {}, {does}: {figure}. For every other server another one's \
             interval lies beyond its own.",
            plain(names[0]),
            plain(&found[0].row.model),
        ),
        [first, others @ ..] => {
            tie(&plain(first), figure, others, BY_INTERVALS)
        }
    }
}

fn tie(first: &str, figure: &str, others: &[&str], by: &str) -> String {
    let names: Vec<String> = others.iter().map(|name| plain(name)).collect();
    let (last, most) =
        names.split_last().map_or(("", &[][..]), |(l, m)| (l, m));
    let middle: String = most.iter().map(|name| format!(", {name}")).collect();
    format!(
        "A tie of {}: {first} ({figure}){middle} and {last} {by}.",
        names.len() + 1,
    )
}

fn nothing(scenario: Scenario) -> String {
    format!(
        "{NOT_MEASURED}: no sound row of {} has this figure.",
        scenario.name()
    )
}

fn no_verdict(rounds: u32, servers: usize) -> String {
    let count = |number: u64, what: &str| {
        let ending = if number == 1 { "" } else { "s" };
        format!("{} {what}{ending}", Count(number))
    };
    let servers = u64::try_from(servers).unwrap_or(u64::MAX);
    format!(
        "{NO_VERDICT}: it needs {MIN_ROUNDS} rounds of two sound servers, and \
         this run has {} of {}.",
        count(rounds.into(), "round"),
        count(servers, "sound server"),
    )
}

/// `13.0–17.9 over 6 rounds`.
fn within(estimate: &Estimate, scale: f64, unit: &str) -> String {
    estimate.interval().map_or_else(
        || "without an interval".into(),
        |(low, high)| {
            format!(
                "{}–{}{unit} over {} rounds",
                Plain(low * scale),
                Plain(high * scale),
                estimate.n,
            )
        },
    )
}
