//! The timeline of a trial: when each window was, a line a server.
//!
//! Refuses to do: draw a trial whose figures don't count.

use maud::{Markup, html};

use super::figure::{Figure, line, text};
use super::scale::{Scale, label, px};
use crate::render::rate;
use crate::summarize::{Phase, PhaseKind, Timeline, plain};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 180.0;
const RIGHT: f64 = 940.0;
const TOP: f64 = 40.0;
const STEP: f64 = 36.0;

/// None without a sound trial.
pub(super) fn timeline(timelines: &[Timeline]) -> Option<Figure> {
    let phases = || timelines.iter().flat_map(|it| &it.phases);
    let ends: Vec<f64> = phases().map(|phase| phase.to_ms / 1e3).collect();
    if ends.is_empty() {
        return None;
    }
    let scale = Scale::linear(&ends, LEFT, RIGHT);
    let rows = u32::try_from(timelines.len()).map_or(0.0, f64::from);
    let bottom = TOP + STEP * rows;
    let middles = (0_u32..).map(|row| TOP + STEP * (f64::from(row) + 0.65));
    Some(Figure {
        id: "timeline".into(),
        title: "Timeline of a trial".into(),
        description: "One line a server, its last sound load trial, in \
                      seconds since every connection had its first echo. \
                      Filled bars are windows, by their rate a second, the \
                      last by its messages in flight; outlined ones are the \
                      rest with all connections open and the second sweep \
                      over them. A ladder ends where the server or the client \
                      does; what lies between two bars is warm-up, drain and \
                      bookkeeping, and counts for nothing."
            .into(),
        width: WIDTH,
        height: bottom + 28.0,
        body: html! {
            (text(LEFT, 18.0, "soft", "seconds since all connections echoed"))
            @for tick in scale.ticks(10) {
                (line((scale.at(tick), TOP), (scale.at(tick), bottom), "grid"))
                (text(scale.at(tick), bottom + 18.0, "mid soft", &label(tick)))
            }
            @for (timeline, y) in timelines.iter().zip(middles) {
                (text(LEFT - 12.0, y + 4.5, "end", &plain(&timeline.server)))
                @for phase in &timeline.phases { (bar(phase, &scale, y)) }
            }
        },
    })
}

fn bar(phase: &Phase, scale: &Scale, y: f64) -> Markup {
    let (from, to) =
        (scale.at(phase.from_ms / 1e3), scale.at(phase.to_ms / 1e3));
    let (class, name) = match phase.kind {
        PhaseKind::Rest | PhaseKind::Sweep => ("bar-b", None),
        PhaseKind::Rate(per_s) => ("bar-a", Some(rate(per_s))),
        PhaseKind::InFlight(messages) => ("bar-a", Some(messages.to_string())),
    };
    html! {
        rect class=(class) x=(px(from)) y=(px(y - 5.0))
            width=(px((to - from).max(1.0))) height="10" {}
        @if let Some(name) = name {
            (text(f64::midpoint(from, to), y - 8.0, "mid soft", &name))
        }
    }
}
