//! The memory of a connection: bars of the user's and the kernel's part.
//!
//! Refuses to do: draw one without the other.

use maud::{Markup, html};

use super::figure::{Figure, line, text};
use super::figures::{KERNEL, USER, by_cost, memory_of};
use super::scale::{Scale, label, px};
use crate::plan::Scenario;
use crate::stats::Estimate;
use crate::summarize::{Row, Summary, plain};
use crate::units::{Count, Plain};

const KIB: f64 = 1024.0;
const WIDTH: f64 = 960.0;
const LEFT: f64 = 180.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 34.0;
const STEP: f64 = 24.0;

/// A server's bar, in KiB.
struct Bar {
    name: String,
    user: f64,
    kernel: f64,
    both: Estimate,
}

/// None where memory was not read.
pub(super) fn memory(summary: &Summary) -> Option<Figure> {
    let rows = by_cost(summary, Scenario::Load);
    let mut bars: Vec<Bar> = rows.into_iter().filter_map(bar).collect();
    bars.sort_by(|a, b| a.both.median.total_cmp(&b.both.median));
    if bars.is_empty() {
        return None;
    }
    let ends = bars
        .iter()
        .flat_map(|bar| [(bar.user + bar.kernel), bar.both.high / KIB]);
    let scale = Scale::linear(&ends.collect::<Vec<f64>>(), LEFT, RIGHT);
    let rows = u32::try_from(bars.len()).map_or(0.0, f64::from);
    let bottom = TOP + STEP * rows;
    let connections = Count(summary.plan.settings.connections.into());
    Some(Figure {
        id: "memory".into(),
        title: format!("Memory of a connection, {connections} of them idle"),
        description: "One bar a server, least first, in KiB: the filled part \
                      is the server's own memory, the outlined part the \
                      kernel's, which holds both ends of each connection. The \
                      whisker is the interval of their sum."
            .into(),
        width: WIDTH,
        height: bottom + 28.0,
        body: html! {
            (text(LEFT, 18.0, "soft", "KiB a connection: filled user, outlined kernel"))
            @for tick in scale.ticks(8) {
                (line((scale.at(tick), TOP), (scale.at(tick), bottom), "grid"))
                (text(scale.at(tick), bottom + 18.0, "mid soft", &label(tick)))
            }
            @for (bar, y) in bars.iter().zip(steps()) { (drawn(bar, &scale, y)) }
        },
    })
}

fn bar(row: &Row) -> Option<Bar> {
    let kib = |metric| Some(row.metrics.get(metric)?.median.max(0.0) / KIB);
    Some(Bar {
        name: plain(&row.server),
        user: kib(USER)?,
        kernel: kib(KERNEL)?,
        both: memory_of(row)?,
    })
}

/// The middle of each line.
fn steps() -> impl Iterator<Item = f64> {
    (0_u32..).map(|row| TOP + STEP * (f64::from(row) + 0.5))
}

fn drawn(bar: &Bar, scale: &Scale, y: f64) -> Markup {
    let (zero, user) = (scale.at(0.0), scale.at(bar.user));
    let end = scale.at(bar.user + bar.kernel);
    let whisker = bar.both.interval().map(|(low, high)| {
        let (low, high) = (scale.at(low / KIB), scale.at(high / KIB));
        html! {
            (line((low, y), (high, y), "whisker"))
            (line((low, y - 4.0), (low, y + 4.0), "whisker"))
            (line((high, y - 4.0), (high, y + 4.0), "whisker"))
        }
    });
    let figures =
        format!("{} user + {} kernel", Plain(bar.user), Plain(bar.kernel));
    html! {
        (text(LEFT - 12.0, y + 4.5, "end", &bar.name))
        rect.bar-b x=(px(user)) y=(px(y - 7.0)) width=(px(end - user)) height="14" {}
        rect.bar-a x=(px(zero)) y=(px(y - 7.0)) width=(px(user - zero)) height="14" {}
        (whisker.unwrap_or_default())
        (text(RIGHT + 14.0, y + 4.5, "soft", &figures))
    }
}
