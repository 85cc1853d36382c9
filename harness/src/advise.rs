//! Which models carry a given load, by a stored run.
//!
//! The run is asked at the launch that was loaded at least as hard as the
//! question: as many connections, as large messages, as dear a handler. A
//! server is said to carry it only if the whole interval of its 99th
//! percentile lies within the limit.
//!
//! Refuses to do: go beyond the data. Where no launch was loaded so hard, that
//! is the answer, with what would have to be measured.

mod words;

#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::plan::Scenario;
use crate::stats::Estimate;
use crate::summarize::{Row, Summary};

pub use words::sentences;

/// The load in question.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Question {
    /// Connections held.
    pub connections: u32,
    /// Bytes of a message.
    pub payload_bytes: u32,
    /// The 99th percentile of response times must not be longer.
    /// Milliseconds.
    pub p99_ms: f64,
    /// What the handler takes for each message. Microseconds.
    pub spin_us: u32,
}

/// What a run says to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// As it was asked.
    pub question: Question,
    /// The run.
    pub run: String,
    /// The launches that answer; none where the data stops short of it.
    pub measured: Option<Measured>,
    /// Where the data stops, if it does, a sentence each.
    pub stops: Vec<String>,
    /// One for each server, those that carry it first, each group by cost.
    pub servers: Vec<Fit>,
    /// Those that carry it and may be the cheapest of these.
    pub cheapest: Vec<String>,
}

/// How hard the launches were loaded that answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The workload.
    pub scenario: Scenario,
    /// Connections held.
    pub connections: u32,
    /// Bytes of a message.
    pub payload_bytes: u32,
    /// Echoes a second, over all connections.
    pub rate_per_s: f64,
    /// The handler's time. Microseconds.
    pub spin_us: u32,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// Its id.
    pub server: String,
    /// Whether it carries the load.
    pub verdict: Verdict,
    /// Its 99th percentile in milliseconds.
    pub p99_ms: Option<Estimate>,
    /// How many times the worst of that fits into the limit.
    pub margin: Option<f64>,
    /// CPU of an echo in microseconds.
    pub cpu_us_per_echo: Option<Estimate>,
    /// Memory of a connection in bytes, user and kernel.
    pub bytes_per_connection: Option<Estimate>,
    /// Why nothing is known, or what to hold against the figures.
    pub remark: Option<String>,
}

/// What the run says of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval lies within the limit.
    Carries,
    /// The limit lies within the interval, or there is none.
    Unsure,
    /// The whole interval lies beyond it, or the rate was not carried.
    Fails,
    /// No sound figure.
    Unknown,
}

/// Answers from a run.
#[must_use]
pub fn advise(summary: &Summary, question: Question) -> Advice {
    let mut advice = Advice {
        question,
        run: summary.run.clone(),
        measured: None,
        stops: Vec::new(),
        servers: Vec::new(),
        cheapest: Vec::new(),
    };
    let Some(measured) = covering(summary, &question) else {
        advice.stops = stops(summary, &question);
        return advice;
    };
    let scenario = measured.scenario;
    let rows = summary.rows.iter().filter(|row| row.scenario == scenario);
    let mut rows: Vec<(Fit, &Row)> =
        rows.map(|row| (fit(row, &question), row)).collect();
    let cost = |fit: &Fit| {
        let cost = fit.cpu_us_per_echo;
        cost.map_or(f64::INFINITY, |cost| cost.median)
    };
    rows.sort_by(|(a, _), (b, _)| {
        let by_verdict = a.verdict.cmp(&b.verdict);
        by_verdict.then(cost(a).total_cmp(&cost(b)))
    });
    advice.cheapest = cheapest(&rows);
    advice.servers = rows.into_iter().map(|(fit, _)| fit).collect();
    advice.measured = Some(measured);
    advice
}

/// Every workload that has a 99th percentile at a fixed rate.
fn candidates(summary: &Summary) -> impl Iterator<Item = Measured> {
    let scenarios = summary.plan.scenarios.iter().copied();
    let with_rate = scenarios.filter(|scenario| {
        matches!(
            scenario,
            Scenario::Load | Scenario::Scale(_) | Scenario::Handler(_)
        )
    });
    with_rate.map(|scenario| {
        let own = summary.plan.settings.at(scenario);
        Measured {
            scenario,
            connections: own.connections,
            payload_bytes: own.payload_bytes,
            rate_per_s: own.rate_per_s,
            spin_us: scenario.handler_us().unwrap_or(0),
        }
    })
}

/// The one that was loaded least beyond the question.
fn covering(summary: &Summary, question: &Question) -> Option<Measured> {
    let covers = |it: &Measured| {
        it.connections >= question.connections
            && it.payload_bytes >= question.payload_bytes
            && it.spin_us >= question.spin_us
    };
    // A handler's launches are offered less: only for who asks for one.
    let rank = |it: &Measured| {
        let handler = matches!(it.scenario, Scenario::Handler(_));
        let stranger = handler != (question.spin_us > 0);
        (stranger, it.spin_us, it.connections, it.scenario)
    };
    candidates(summary).filter(covers).min_by_key(rank)
}

fn stops(summary: &Summary, question: &Question) -> Vec<String> {
    let all: Vec<Measured> = candidates(summary).collect();
    if all.is_empty() {
        return vec![words::no_rate()];
    }
    let mut out = Vec::new();
    let fits = all.iter().filter(|it| it.spin_us >= question.spin_us);
    let most = fits.map(|it| it.connections).max();
    match most {
        None => {
            let most = all.iter().map(|it| it.spin_us).max();
            out.push(words::handler_stops(most.unwrap_or(0)));
        }
        Some(most) if most < question.connections => {
            out.push(words::connections_stop(most, question));
        }
        Some(_) => {}
    }
    let payload = all.iter().map(|it| it.payload_bytes).max().unwrap_or(0);
    if payload < question.payload_bytes {
        out.push(words::payload_stops(payload, question));
    }
    out
}

fn fit(row: &Row, question: &Question) -> Fit {
    let metric = |name: &str| row.metrics.get(name).copied();
    let p99 = metric("latency_us_p99").map(|us| Estimate {
        median: us.median / 1e3,
        low: us.low / 1e3,
        high: us.high / 1e3,
        ..us
    });
    let (verdict, remark) = judged(row, p99.as_ref(), question.p99_ms);
    let within = p99.filter(|_| verdict == Verdict::Carries);
    Fit {
        server: row.server.clone(),
        verdict,
        p99_ms: p99,
        margin: within.map(|p99| question.p99_ms / p99.high),
        cpu_us_per_echo: metric("cpu_us_per_echo"),
        bytes_per_connection: metric("bytes_per_connection"),
        remark,
    }
}

fn judged(
    row: &Row,
    p99: Option<&Estimate>,
    limit_ms: f64,
) -> (Verdict, Option<String>) {
    if !row.is_measured() {
        return (Verdict::Unknown, Some(words::unmeasured(row)));
    }
    if let Some(per_s) = row.carried_only() {
        return (Verdict::Fails, Some(words::carried_only(per_s)));
    }
    if !row.is_sound() {
        return (Verdict::Unknown, Some(words::unsound(row)));
    }
    let Some(p99) = p99 else {
        return (Verdict::Unknown, Some(words::few()));
    };
    let late = row.is_marked(crate::record::Effect::Latency);
    let remark = (late || row.is_disturbed()).then(words::doubted);
    let Some((low, high)) = p99.interval() else {
        return (Verdict::Unsure, Some(words::one_round()));
    };
    let verdict = if high <= limit_ms {
        Verdict::Carries
    } else if low > limit_ms && !late {
        Verdict::Fails
    } else {
        Verdict::Unsure
    };
    (verdict, remark)
}

/// Of those that carry it: whoever no test tells from the cheapest of them.
fn cheapest(rows: &[(Fit, &Row)]) -> Vec<String> {
    let carries = |it: &&(Fit, &Row)| it.0.verdict == Verdict::Carries;
    let ranked: Vec<(&Fit, [u32; 2])> = rows
        .iter()
        .filter(carries)
        .filter_map(|(fit, row)| Some((fit, row.rank?)))
        .collect();
    let best = ranked.iter().map(|(_, [_, last])| *last).min();
    let tied = ranked.iter().filter(|(_, [first, _])| Some(*first) <= best);
    tied.map(|(fit, _)| fit.server.clone()).collect()
}
