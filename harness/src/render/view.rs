//! What a table says, before it is laid out: columns, cells, notes, order.
//!
//! Refuses to do: drop a row. A server that failed stands below those that
//! were measured, with what became of it.

use crate::plan::Scenario;
use crate::stats::Estimate;
use crate::summarize::{
    CLIENT_LIMITED, CONSERVATION, NOT_RUN_YET, Row, SENT_IN_TIME, Summary,
    plain, wants_at_least,
};
use crate::units::{Plain, PlusMinus};

use super::text::rate;

const KIB: f64 = 1024.0;

/// A server that achieves less than this part of the fixed rate saturates.
const CARRIED: f64 = 0.99;

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
    pub(super) cells: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// One table for all scenarios of the run.
pub(super) fn view(summary: &Summary) -> View {
    let scenarios = &summary.plan.scenarios;
    let mut servers: Vec<&str> = Vec::new();
    for row in &summary.rows {
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
    let lines = servers.into_iter().map(|server| {
        let cells = match leading {
            Scenario::Load => load_cells(summary, server),
            Scenario::Classic => classic_cells(summary, server),
        };
        let rows = summary.rows.iter().filter(|row| row.server == server);
        let model = rows.map(|row| plain(&row.model)).next();
        Line {
            server: plain(server),
            model: model.unwrap_or_default(),
            cells,
            notes: notes(summary, server),
        }
    });
    View { lines: lines.collect(), titles: titles(summary, leading) }
}

fn titles(summary: &Summary, leading: Scenario) -> Vec<[String; 2]> {
    let at = format!("@{}", rate(summary.plan.settings.rate_per_s));
    let at = at.as_str();
    let titles: &[[&str; 2]] = match leading {
        Scenario::Load => &[
            ["µs CPU/echo", at],
            ["×", "reference"],
            ["p50 / p99 ms", at],
            ["echoes/s", "in flight"],
            ["KiB/conn", "user + kernel"],
            ["threads", ""],
            ["classic", "ms"],
        ],
        Scenario::Classic => &[
            ["total", "ms"],
            ["×", "reference"],
            ["avg µs", "(total/N)"],
            ["connect ms", "p50 / p99"],
            ["echo ms", "p50 / p99"],
            ["conns/s", ""],
        ],
    };
    let shown = if with_classic_column(summary) || leading == Scenario::Classic
    {
        titles.len()
    } else {
        titles.len() - 1
    };
    titles[..shown].iter().map(|title| title.map(str::to_owned)).collect()
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
        Some(cost) => {
            let doubtful = row.failed_gates().next().is_some()
                || saturates_at(summary, row).is_some();
            (u8::from(doubtful), cost.median)
        }
        None if row.outcome == "skipped" => (3, 0.0),
        None => (2, 0.0),
    }
}

fn load_cells(summary: &Summary, server: &str) -> Vec<String> {
    let Some(row) = summary.row(server, Scenario::Load) else {
        return vec!["–".into(); 6];
    };
    let mut cells = vec![
        primary(row),
        ratio(summary, row),
        percentiles(row, "latency"),
        in_flight(row),
        memory(row),
        row.metrics
            .get("threads")
            .map_or_else(dash, |threads| format!("{:.0}", threads.median)),
    ];
    if with_classic_column(summary) {
        let classic = summary.row(server, Scenario::Classic);
        cells.push(classic.map_or_else(dash, primary));
    }
    cells
}

fn classic_cells(summary: &Summary, server: &str) -> Vec<String> {
    let Some(row) = summary.row(server, Scenario::Classic) else {
        return vec!["–".into(); 6];
    };
    vec![
        primary(row),
        ratio(summary, row),
        figure(row, "avg_us"),
        percentiles(row, "connect"),
        percentiles(row, "echo"),
        figure(row, "connections_per_s"),
    ]
}

fn dash() -> String {
    "–".into()
}

/// The figure by which rows are sorted, or what became of the row.
fn primary(row: &Row) -> String {
    match row.metrics.get(row.scenario.primary_metric()) {
        Some(cost) => PlusMinus(*cost, 1.0).to_string(),
        None if row.is_measured() => dash(),
        None if is_to_come(row) => NOT_RUN_YET.into(),
        None => words(&row.outcome),
    }
}

fn ratio(summary: &Summary, row: &Row) -> String {
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

fn percentiles(row: &Row, name: &str) -> String {
    if !row.is_measured() {
        return dash();
    }
    let ms = |qualifier: &str| {
        row.metrics.get(&format!("{name}_us_{qualifier}")).map_or_else(
            || "few".to_owned(),
            |estimate| Plain(estimate.median / 1e3).to_string(),
        )
    };
    format!("{} / {}", ms("p50"), ms("p99"))
}

fn in_flight(row: &Row) -> String {
    let bound = if row.is_flagged(CLIENT_LIMITED) { "≥ " } else { "" };
    row.metrics.get("echoes_per_s").map_or_else(dash, |estimate| {
        format!("{bound}{}", Plain(estimate.median))
    })
}

fn memory(row: &Row) -> String {
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

/// The rate it achieved, if that is less than was offered.
pub(super) fn saturates_at(summary: &Summary, row: &Row) -> Option<f64> {
    let achieved = row.metrics.get("achieved_per_s")?.median;
    let offered = summary.plan.settings.rate_per_s;
    (achieved < CARRIED * offered).then_some(achieved)
}

/// Whether the run has simply not come to it.
pub(super) fn is_to_come(row: &Row) -> bool {
    row.reason.as_deref() == Some(NOT_RUN_YET)
}

/// A remark, and whether it could be made of any scenario.
type Note = (String, bool);

/// Remarks on a server: with the scenario's name where only one of several
/// is meant and the remark doesn't tell which.
fn notes(summary: &Summary, server: &str) -> Vec<String> {
    let rows: Vec<&Row> =
        summary.rows.iter().filter(|row| row.server == server).collect();
    let each: Vec<(Scenario, Vec<Note>)> =
        rows.iter().map(|row| (row.scenario, of_row(summary, row))).collect();
    let mut notes: Vec<String> = Vec::new();
    for (scenario, of_row) in &each {
        for note in of_row {
            let common = each.iter().all(|(_, all)| all.contains(note));
            let (text, of_any) = note;
            let text = if common || !of_any {
                text.clone()
            } else {
                format!("{}: {text}", scenario.name())
            };
            if !notes.contains(&text) {
                notes.push(text);
            }
        }
    }
    let status = rows.iter().map(|row| plain(&row.status)).next();
    notes.extend(status.filter(|s| !s.is_empty() && s != "maintained"));
    notes
}

fn of_row(summary: &Summary, row: &Row) -> Vec<Note> {
    if is_to_come(row) {
        return Vec::new();
    }
    let mut notes: Vec<Note> =
        failures(row).into_iter().map(|failure| (failure, true)).collect();
    notes.extend(saturates_at(summary, row).map(|achieved| {
        (format!("saturates at {}", rate(achieved.round())), false)
    }));
    for gate in row.failed_gates() {
        let sign = if wants_at_least(&gate.name) { "<" } else { ">" };
        let percent = if gate.name == SENT_IN_TIME { " %" } else { "" };
        let note = format!(
            "no rank: {} {}{percent} {sign} {}{percent}",
            plain(&gate.name),
            trimmed(gate.value),
            trimmed(gate.limit),
        );
        notes.push((note, gate.name == CONSERVATION));
    }
    for (flag, count) in &row.flag_counts {
        let rounds = all_rounds(row);
        let note = if *count == rounds {
            plain(flag)
        } else {
            format!("{} in {count} of {rounds} rounds", plain(flag))
        };
        notes.push((note, flag != CLIENT_LIMITED));
    }
    notes
}

/// What went wrong in how many rounds, each kind once with its last reason.
pub(super) fn failures(row: &Row) -> Vec<String> {
    if row.failures.is_empty() {
        let mut reason = row.reason.as_deref().map(plain);
        if let (Some(reason), Some(hint)) = (&mut reason, &row.hint) {
            *reason = format!("{reason} (mend: {})", plain(hint));
        }
        return reason.into_iter().collect();
    }
    let mut kinds: Vec<&str> =
        row.failures.iter().map(|f| f.outcome.as_str()).collect();
    kinds.dedup();
    kinds.sort_unstable();
    kinds.dedup();
    let rounds = all_rounds(row);
    kinds
        .into_iter()
        .map(|kind| {
            let of_kind = row.failures.iter().filter(|f| f.outcome == kind);
            let count = of_kind.clone().count();
            let last = of_kind.max_by_key(|failure| failure.round);
            let reason = last.map(|last| plain(&last.reason));
            format!(
                "{} in {count} of {rounds} round{}: {}",
                if kind == "measured" { "void".into() } else { words(kind) },
                if rounds == 1 { "" } else { "s" },
                reason.unwrap_or_default(),
            )
        })
        .collect()
}

fn all_rounds(row: &Row) -> u32 {
    row.rounds + u32::try_from(row.failures.len()).unwrap_or(u32::MAX)
}

/// `never_ready` is `never ready`.
pub(super) fn words(outcome: &str) -> String {
    plain(outcome).replace('_', " ")
}

/// Up to three decimals, without trailing zeros: 99.85, not 99.9.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
