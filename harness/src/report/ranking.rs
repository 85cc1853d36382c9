//! The ranking: one table a scenario, with intervals, ties and notes.
//!
//! Refuses to do: drop a row. What failed stands last.

use maud::{Markup, html};

use super::figures::{KERNEL, USER, by_cost};
use super::table::{Cell, Line, interval, table};
use crate::plan::Scenario;
use crate::record::Effect;
use crate::render::{notes, rate};
use crate::summarize::{Held, Row, Summary, plain};
use crate::units::Times;

/// A column after those of rank and model.
type Column = (String, fn(&Row) -> Cell);

/// The table of one scenario.
pub(super) fn ranking(summary: &Summary, scenario: Scenario) -> Markup {
    let columns = columns(summary, scenario);
    let reference = summary.plan.reference.as_deref();
    let tied = summary.cheapest(scenario);
    let mut heads: Vec<String> =
        ["server", "rank", "model", "family"].map(str::to_owned).into();
    heads.extend(columns.iter().map(|(head, _)| head.clone()));
    heads.push("notes".into());
    let lines: Vec<Line> = by_cost(summary, scenario)
        .into_iter()
        .map(|row| {
            let is_tied = tied.len() > 1 && tied.contains(&&*row.server);
            let mut cells = vec![
                rank(row, is_tied),
                Cell::text(&plain(&row.model)),
                Cell::text(&plain(&row.family)),
            ];
            cells.extend(columns.iter().map(|(head, cell)| {
                let is_base = reference == Some(&*row.server);
                if is_base && head.starts_with('×') {
                    return Cell::markup(html! { "reference" }, Some(1.0));
                }
                cell(row)
            }));
            cells.push(Cell::text(&notes(summary, &row.server).join("; ")));
            let class = if is_tied { "tied" } else { "" };
            Line { head: plain(&row.server), class, cells }
        })
        .collect();
    let caption = match scenario {
        Scenario::Load => "Held connections, by CPU per echo",
        Scenario::Classic => "The original's test, by its total time",
        other => other.series(),
    };
    let id = format!("ranking-{}", scenario.name());
    table(&id, caption, &heads, &lines)
}

fn columns(summary: &Summary, scenario: Scenario) -> Vec<Column> {
    let at = format!("@{}", rate(summary.plan.settings.rate_per_s));
    match scenario {
        Scenario::Load => vec![
            (format!("µs CPU/echo {at}"), |row| {
                figure(row, "cpu_us_per_echo", 1.0)
            }),
            ("× reference".into(), ratio),
            (format!("p50 ms {at}"), |row| percentile(row, "latency_us_p50")),
            (format!("p99 ms {at}"), |row| percentile(row, "latency_us_p99")),
            ("highest rate, p99 ≤ 10 ms".into(), held),
            ("user KiB/conn".into(), |row| figure(row, USER, PER_KIB)),
            ("kernel KiB/conn".into(), |row| figure(row, KERNEL, PER_KIB)),
        ],
        _ => vec![
            ("total ms".into(), total),
            ("× reference".into(), ratio),
            ("connect p50 ms".into(), |row| percentile(row, "connect_us_p50")),
            ("echo p50 ms".into(), |row| percentile(row, "echo_us_p50")),
            ("conns/s".into(), |row| figure(row, "connections_per_s", 1.0)),
        ],
    }
}

const PER_KIB: f64 = 1.0 / 1024.0;

fn figure(row: &Row, metric: &str, scale: f64) -> Cell {
    Cell::figure(row.metrics.get(metric), scale).doubted(row.is_disturbed())
}

/// An upper bound where the client gave out first.
fn total(row: &Row) -> Cell {
    let bound = if row.is_clients_own() { "≤ " } else { "" };
    let cell = Cell::figure(row.metrics.get("total_ms"), 1.0).bound(bound);
    cell.doubted(row.is_disturbed())
}

/// In milliseconds; `few` where too few samples lie beyond it.
fn percentile(row: &Row, metric: &str) -> Cell {
    match row.metrics.get(metric) {
        None if row.is_measured() => Cell::text("few"),
        figure => {
            let doubted = row.is_marked(Effect::Latency) || row.is_disturbed();
            Cell::figure(figure, 1e-3).doubted(doubted)
        }
    }
}

fn ratio(row: &Row) -> Cell {
    let Some(ratio) = row.ratio else { return Cell::text("–") };
    let shown = Times(ratio.median).to_string();
    let content = html! { (shown) (interval(&ratio, 1.0)) };
    Cell::markup(content, Some(ratio.median))
}

fn held(row: &Row) -> Cell {
    let Some(Held { estimate: held, at_least, .. }) = row.held() else {
        return Cell::text("–");
    };
    let bound = if at_least { "≥ " } else { "" };
    let shown = match held.median {
        0.0 => "none".to_owned(),
        per_s => format!("{bound}{}", rate(per_s)),
    };
    let content = html! { (shown) (interval(&held, 1.0)) };
    Cell::markup(content, Some(held.median))
}

/// `2`, or `1–3 tied` where tests don't tell those apart.
fn rank(row: &Row, is_tied: bool) -> Cell {
    let Some([first, last]) = row.rank else { return Cell::text("–") };
    let places = if first == last {
        first.to_string()
    } else {
        format!("{first}–{last}")
    };
    let content = html! {
        (places) @if is_tied { small { "tied for cheapest" } }
    };
    Cell::markup(content, Some(f64::from(first)))
}
