//! The instrument's own certificate: what it proved of itself, when, and what
//! it missed.
//!
//! Refuses to do: leave out a test that was missed or never run.

use std::time::{Duration, UNIX_EPOCH};

use maud::{Markup, html};

use super::table::{Cell, Line, table};
use crate::calibrate::{Certificate, Entry, State};
use crate::render::{certified, certified_figure};
use crate::summarize::plain;

/// The table, or the command that makes one.
pub(super) fn certificate(certificate: Option<&Certificate>) -> Markup {
    let Some(certificate) = certificate else {
        return html! {
            p { "The instrument was never calibrated on the machine of this \
                 run: cargo harness calibrate does it." }
        };
    };
    let entries = certificate.tests.iter();
    let lines: Vec<Line> = entries.map(line).collect();
    let heads = ["test", "state", "looks at", "figures", "goal", "n", "day"];
    let caption = "What the instrument proved of itself on this machine";
    html! { (table("certificate", caption, &heads.map(str::to_owned), &lines)) }
}

fn line(entry: &Entry) -> Line {
    let mut figures: Vec<String> =
        entry.figures.iter().map(certified_figure).collect();
    figures.extend(entry.because.as_deref().map(plain));
    let n = match entry.n {
        0 => String::new(),
        n => format!("{n} {}", plain(&entry.counted)),
    };
    let day = entry.unix_s.map(day).unwrap_or_default();
    let class = match entry.state {
        State::Missed => "missed",
        State::Met | State::Unjudged | State::NotRun => "",
    };
    Line {
        head: plain(&entry.id),
        class,
        cells: [
            certified(entry.state).to_owned(),
            plain(&entry.title),
            figures.join("; "),
            plain(&entry.goal),
            n,
            day,
        ]
        .iter()
        .map(|words| Cell::text(words))
        .collect(),
    }
}

/// `2026-11-28`, universal time.
fn day(unix_s: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(unix_s);
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}
