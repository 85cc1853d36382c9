//! `advise`: which models carry a load, by a stored run.

use anyhow::Result;

use crate::advise::{Advice, Question, Verdict, advise as judge, sentences};
use crate::cli::Advise;
use crate::exit::DONE;
use crate::render::paragraph;
use crate::store;
use crate::summarize::plain;
use crate::units::PlusMinus;

const HEAD: [&str; 7] = [
    "server",
    "carries it",
    "p99 ms",
    "margin",
    "µs CPU/echo",
    "KiB/conn",
    "remark",
];

/// Prints what a stored run says to the question.
pub(super) fn advise(args: &Advise) -> Result<u8> {
    let root = store::root()?;
    let results = store::kept(&root, args.results_dir.as_deref())?;
    let run = store::find(&root, &results, &args.run)?;
    let summary = super::show::summary(&run);
    let advice = judge(
        &summary,
        Question {
            connections: args.connections,
            payload_bytes: args.payload,
            p99_ms: args.p99.as_secs_f64() * 1e3,
            spin_us: args.spin_us,
        },
    );
    if args.json {
        super::print(&serde_json::to_string_pretty(&advice)?)?;
        return Ok(DONE);
    }
    let mut text: String =
        sentences(&advice).iter().map(|it| paragraph(it)).collect();
    if !advice.servers.is_empty() {
        text = format!("{text}\n{}", super::grid(&HEAD, &rows(&advice)));
    }
    super::print(&text)?;
    Ok(DONE)
}

fn rows(advice: &Advice) -> Vec<Vec<String>> {
    let figure = |estimate: Option<_>, per: f64| {
        estimate.map_or_else(|| "–".into(), |of| PlusMinus(of, per).to_string())
    };
    let rows = advice.servers.iter().map(|fit| {
        let verdict = match fit.verdict {
            Verdict::Carries => "yes",
            Verdict::Unsure => "perhaps",
            Verdict::Fails => "no",
            Verdict::Unknown => "unknown",
        };
        vec![
            plain(&fit.server),
            verdict.into(),
            figure(fit.p99_ms, 1.0),
            fit.margin.map_or_else(|| "–".into(), |it| format!("{it:.1} ×")),
            figure(fit.cpu_us_per_echo, 1.0),
            figure(fit.bytes_per_connection, 1.0 / 1024.0),
            fit.remark.clone().unwrap_or_default(),
        ]
    });
    rows.collect()
}
