//! What a table says, before it is laid out: columns, cells, notes, order.
//!
//! Refuses to do: drop a row. A server that failed stands below those that
//! were measured, with what became of it.

use crate::plan::Scenario;
use crate::record::Effect;
use crate::stats::Estimate;
use crate::summarize::{CLIENT_LIMITED, NOT_RUN_YET, Row, Summary, plain};
use crate::units::{Plain, PlusMinus};

use super::notes::{is_to_come, notes, words};
use super::text::rate;

const KIB: f64 = 1024.0;

/// Rows below one another, each of one server.
#[derive(Debug)]
pub(super) struct View {
    /// Two parts each, for two lines of a heading.
    pub(super) titles: Vec<[String; 2]>,
    pub(super) lines: Vec<Line>,
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) server: String,
    pub(super) model: String,
    /// It may be the cheapest of all, and so may others.
    pub(super) tied: bool,
    pub(super) cells: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// One table for the main scenarios of the run; without a line where it has
/// none of them.
pub(super) fn view(summary: &Summary) -> View {
    let scenarios = &summary.plan.scenarios;
    let mut servers: Vec<&str> = Vec::new();
    for row in summary.rows.iter().filter(|row| row.scenario.is_main()) {
        if !servers.contains(&row.server.as_str()) {
            servers.push(&row.server);
        }
    }
    let leading = if scenarios.contains(&Scenario::Load) {
        Scenario::Load
    } else {
        Scenario::Classic
    };
    let place = |server: &&str| place(summary, server, leading);
    servers.sort_by(|a, b| {
        let (a, b) = (place(a), place(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let ranked = summary.is_ranked(leading);
    let tied = summary.cheapest(leading);
    let lines = servers.into_iter().map(|server| {
        let mut cells = match leading {
            Scenario::Load => load_cells(summary, server),
            _ => classic_cells(summary, server),
        };
        if ranked {
            let row = summary.row(server, leading);
            cells.insert(0, row.map_or_else(dash, rank));
        }
        let rows = summary.rows.iter().filter(|row| row.server == server);
        let model = rows.map(|row| plain(&row.model)).next();
        Line {
            server: plain(server),
            model: model.unwrap_or_default(),
            tied: tied.len() > 1 && tied.contains(&server),
            cells,
            notes: notes(summary, server),
        }
    });
    View { lines: lines.collect(), titles: titles(summary, leading) }
}

fn titles(summary: &Summary, leading: Scenario) -> Vec<[String; 2]> {
    let at = format!("@{}", rate(summary.plan.settings.rate_per_s));
    let at = at.as_str();
    let throughput = if has_ladder(summary) {
        ["highest rate", "p99 ≤ 10 ms"]
    } else {
        ["echoes/s", "in flight"]
    };
    let titles: &[[&str; 2]] = match leading {
        Scenario::Load => &[
            ["µs CPU/echo", at],
            ["×", "reference"],
            ["p50 / p99 ms", at],
            throughput,
            ["KiB/conn", "user + kernel"],
            ["classic", "ms"],
        ],
        _ => &[
            ["total", "ms"],
            ["×", "reference"],
            ["avg µs", "(total/N)"],
            ["connect ms", "p50 / p99"],
            ["echo ms", "p50 / p99"],
            ["conns/s", ""],
        ],
    };
    let shown = |title: &&[&str; 2]| match title[0] {
        "classic" => with_classic_column(summary),
        "connect ms" | "echo ms" => !summary.plan.settings.is_original(),
        _ => true,
    };
    let rank = summary.is_ranked(leading).then_some(["rank", ""]);
    let titles = rank.iter().chain(titles.iter().filter(shown));
    titles.map(|title| title.map(str::to_owned)).collect()
}

/// Runs from before there was a ladder show the closed loop in its place.
fn has_ladder(summary: &Summary) -> bool {
    summary.plan.settings.step_ms > 0
}

fn with_classic_column(summary: &Summary) -> bool {
    summary.plan.scenarios.contains(&Scenario::Classic)
}

/// Sound rows by cost, then those whose figures a check disputes, then those
/// without figures, skipped ones last.
fn place(summary: &Summary, server: &str, leading: Scenario) -> (u8, f64) {
    let Some(row) = summary.row(server, leading) else { return (4, 0.0) };
    let cost = row.metrics.get(leading.primary_metric());
    match cost {
        Some(cost) => (u8::from(!row.is_sound()), cost.median),
        None if row.outcome == "skipped" || is_to_come(row) => (3, 0.0),
        None => (2, 0.0),
    }
}

fn load_cells(summary: &Summary, server: &str) -> Vec<String> {
    let Some(row) = summary.row(server, Scenario::Load) else {
        return vec!["–".into(); 5];
    };
    let mut cells = vec![
        primary(row),
        ratio(summary, row),
        percentiles(row, "latency"),
        if has_ladder(summary) { held(row) } else { in_flight(row) },
        memory(row),
    ];
    if with_classic_column(summary) {
        let classic = summary.row(server, Scenario::Classic);
        cells.push(classic.map_or_else(dash, primary));
    }
    cells
}

fn classic_cells(summary: &Summary, server: &str) -> Vec<String> {
    let Some(row) = summary.row(server, Scenario::Classic) else {
        return vec![dash(); titles(summary, Scenario::Classic).len()];
    };
    let mut cells =
        vec![primary(row), ratio(summary, row), figure(row, "avg_us")];
    if !summary.plan.settings.is_original() {
        cells.push(percentiles(row, "connect"));
        cells.push(percentiles(row, "echo"));
    }
    cells.push(figure(row, "connections_per_s"));
    cells
}

fn dash() -> String {
    "–".into()
}

/// `2`, or `1–3` where tests don't tell those apart.
fn rank(row: &Row) -> String {
    match row.rank {
        Some([first, last]) if first == last => first.to_string(),
        Some([first, last]) => format!("{first}–{last}"),
        None => dash(),
    }
}

/// Stands before a figure that the machine disturbed or a check of its own
/// disputes.
pub(super) fn doubt(row: &Row, own: Option<Effect>) -> &'static str {
    let disputed = own.is_some_and(|effect| row.is_marked(effect));
    if disputed || row.is_disturbed() { "~" } else { "" }
}

/// The figure by which rows are sorted, or what became of the row.
fn primary(row: &Row) -> String {
    match row.metrics.get(row.scenario.primary_metric()) {
        Some(cost) => {
            let bound = if row.is_clients_own() { "≤ " } else { "" };
            format!("{}{bound}{}", doubt(row, None), PlusMinus(*cost, 1.0))
        }
        None if row.is_measured() => dash(),
        None if is_to_come(row) => NOT_RUN_YET.into(),
        None => words(&row.outcome),
    }
}

pub(super) fn ratio(summary: &Summary, row: &Row) -> String {
    let reference = summary.plan.reference.as_deref() == Some(&row.server);
    match row.ratio {
        Some(ratio) => PlusMinus(ratio, 1.0).to_string(),
        None if reference && row.is_measured() => "reference".into(),
        None => dash(),
    }
}

fn figure(row: &Row, metric: &str) -> String {
    row.metrics
        .get(metric)
        .map_or_else(dash, |estimate| Plain(estimate.median).to_string())
}

pub(super) fn percentiles(row: &Row, name: &str) -> String {
    if !row.is_measured() {
        return dash();
    }
    let ms = |qualifier: &str| {
        row.metrics.get(&format!("{name}_us_{qualifier}")).map_or_else(
            || "few".to_owned(),
            |estimate| Plain(estimate.median / 1e3).to_string(),
        )
    };
    let doubt = doubt(row, (name == "latency").then_some(Effect::Latency));
    format!("{doubt}{} / {}", ms("p50"), ms("p99"))
}

/// The middle launch's; `none` where not even the fixed rate was held.
fn held(row: &Row) -> String {
    row.held().map_or_else(dash, |held| {
        let bound = if held.at_least { "≥ " } else { "" };
        match held.estimate.median {
            0.0 => "none".into(),
            per_s => format!("{}{bound}{}", doubt(row, None), rate(per_s)),
        }
    })
}

fn in_flight(row: &Row) -> String {
    let bound = if row.is_flagged(CLIENT_LIMITED) { "≥ " } else { "" };
    row.metrics.get("echoes_per_s").map_or_else(dash, |estimate| {
        let doubt = doubt(row, Some(Effect::Throughput));
        format!("{doubt}{bound}{}", Plain(estimate.median))
    })
}

pub(super) fn memory(row: &Row) -> String {
    let kib = |name: &str| {
        let kib = |bytes: &Estimate| Plain(bytes.median / KIB).to_string();
        row.metrics.get(name).map_or_else(dash, kib)
    };
    let (user, kernel) =
        (kib("rss_bytes_per_connection"), kib("kernel_bytes_per_connection"));
    if user == "–" && kernel == "–" {
        return user;
    }
    format!("{user} + {kernel}")
}
