//! The servers as a course: one row each, in reading order, for a README.

use crate::plan::Scenario;
use crate::summarize::Summary;

use super::markdown::{escape, rule};
use super::view::memory;

/// One server of the course.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id.
    pub server: String,
    /// The file that is the lesson, seen from the table.
    pub link: String,
    /// The kind of concurrency.
    pub family: String,
    /// One line.
    pub model: String,
    /// Which server of the original project it mirrors.
    pub mirrors: Option<String>,
    /// The load that it can't carry, by the head of its source.
    pub gives_out_at: String,
    /// When to choose it.
    pub choose: String,
}

/// The table of all models, with the memory that one idle connection took in
/// a stored run: KiB, user and kernel.
#[must_use]
pub fn course(entries: &[Entry], summary: &Summary) -> String {
    let header = [
        "server",
        "family",
        "model",
        "gives out at",
        "choose it",
        "KiB an idle connection, user + kernel",
    ];
    let rows = entries.iter().map(|entry| {
        let mirrors = entry.mirrors.as_ref();
        let mirrors = mirrors.map(|what| format!("; mirrors {what}"));
        let row = summary.row(&entry.server, Scenario::Load);
        let memory = row.map_or_else(|| "not measured".into(), memory);
        vec![
            format!("[{}]({})", escape(&entry.server), entry.link),
            escape(&entry.family),
            escape(&(entry.model.clone() + &mirrors.unwrap_or_default())),
            escape(&entry.gives_out_at),
            escape(&entry.choose),
            escape(&memory),
        ]
    });
    rule(header.map(str::to_owned).to_vec(), rows.collect())
}
