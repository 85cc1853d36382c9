//! How far the figures can be trusted, where they come from, and how to read
//! them.
//!
//! Refuses to do: reassure.

use maud::{Markup, html};

use super::figures::scenarios;
use super::table::{Cell, Line, table};
use crate::render::{
    command, controls, interrupted, reading, repeated, setting,
};
use crate::summarize::{ControlLane, Summary, plain};
use crate::units::{Bytes, LowHigh, Times, of_metric};

/// The controls of the run and the noise floor.
pub(super) fn trust(summary: &Summary) -> Markup {
    let controls_of = &summary.controls;
    let lanes = [&controls_of.same, &controls_of.spin_5_percent];
    let lines = lines(summary, lanes.into_iter().flatten());
    let heads = ["control", "scenario", "figure", "× reference", "verdict"];
    let caption = "Controls: the reference again, and dearer by design";
    html! {
        @if let Some(sentence) = interrupted(summary) { p.warning { (sentence) } }
        @for sentence in repeated(summary) { p { (sentence) } }
        @for sentence in controls(summary) { p { (sentence) } }
        @if summary.controls.same.is_none() {
            p { "This run has no controls: how far noise reaches is not known." }
        }
        @if !lines.is_empty() {
            (table("controls", caption, &heads.map(str::to_owned), &lines))
        }
    }
}

fn lines<'a>(
    summary: &Summary,
    lanes: impl Iterator<Item = &'a ControlLane>,
) -> Vec<Line> {
    let scenarios = scenarios(summary);
    let lines = lanes.flat_map(|lane| {
        scenarios.iter().filter_map(move |scenario| {
            let (row, pair) = (lane.row(*scenario)?, lane.pair(*scenario)?);
            let metric = scenario.primary_metric();
            let figure = row.metrics.get(metric);
            let figure = figure.map_or_else(String::new, |figure| {
                of_metric(metric, figure.median)
            });
            let ratio = format!(
                "{} ({})",
                Times(pair.ratio.median),
                LowHigh(pair.ratio)
            );
            let verdict = crate::render::verdict(row);
            let verdict = verdict.unwrap_or_else(|| "not tested".into());
            Some(Line {
                head: plain(&lane.lane),
                class: "",
                cells: [&*scenario.name(), &figure, &ratio, &verdict]
                    .map(Cell::text)
                    .into(),
            })
        })
    });
    lines.collect()
}

/// Machine and plan.
pub(super) fn origin(summary: &Summary) -> Markup {
    let host = &summary.host;
    let cpus: Vec<String> = host.cpus.iter().map(u32::to_string).collect();
    let [first, last] = host.ephemeral_ports;
    let irq = if host.irq_time_apart { "apart" } else { "in process clocks" };
    let governor = host.governor.as_deref().unwrap_or("not told");
    let revision = host.revision.as_deref().unwrap_or("not told");
    let facts: [(&str, String); 12] = [
        ("machine", plain(&host.label)),
        ("processor", plain(&host.cpu_model)),
        ("CPUs", cpus.join(", ")),
        ("memory", Bytes(bytes(host.memory_bytes)).to_string()),
        ("kernel", plain(&host.kernel)),
        ("descriptors, hard limit", host.descriptors_hard.to_string()),
        ("somaxconn", host.somaxconn.to_string()),
        ("congestion control", plain(&host.congestion_control)),
        ("ephemeral ports", format!("{first}–{last}")),
        ("interrupt time", irq.into()),
        ("frequency governor", plain(governor)),
        ("compiler", plain(&host.rustc)),
    ];
    html! {
        @for sentence in setting(summary) { p { (sentence) } }
        dl.facts {
            @for (name, value) in facts { dt { (name) } dd { (value) } }
            dt { "revision of the suite" } dd { (plain(revision)) }
        }
        p { "The command that makes this run again:" }
        pre tabindex="0" role="region" aria-label="command" {
            code { (command(&summary.plan).join(" ")) }
        }
    }
}

/// What columns and words mean.
pub(super) fn how_to_read(summary: &Summary) -> Markup {
    const SENTENCES: [&str; 9] = [
        "One launch of a server is one observation; only servers of one round \
         are compared, because the machine drifts.",
        "µs CPU/echo is the CPU time of the server's processes per echo, at \
         the same offered rate for all: it repeats where saturated throughput \
         does not.",
        "A rank such as 1–3 holds all places that the tests leave open; \
         servers that share a place are tied.",
        "Faster and slower are proved, at 5 % for all servers of a workload \
         together; equivalent is within ±5 %; undecided may be either, and says about \
         how many more rounds would tell. There is no verdict under six \
         rounds.",
        "p50 and p99 count from when a message was due. A percentile needs \
         400 samples beyond it, else it reads few.",
        "The highest rate is the last step of the ladder whose 99th \
         percentile is at most 10 ms; ≥ marks a rate that the client set, \
         not the server, ≤ such a total of classic.",
        "~ stands before a figure that the machine disturbed, or that a check \
         of its own disputes; the notes tell which.",
        "User memory is the server's own; kernel memory holds both ends of \
         every connection, the client's too.",
        "Loopback runs the receiver's part of TCP on the sender's CPU. A \
         ratio holds for this machine, this payload and this rate; servers in \
         different languages differ in more than their model.",
    ];
    html! {
        ul {
            @for sentence in reading(summary) { li { (sentence) } }
            @for sentence in SENTENCES { li { (sentence) } }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "memory stays below 2^52 bytes")]
const fn bytes(count: u64) -> f64 {
    count as f64
}
