//! The summary as it is, and its schema.
//!
//! Refuses to do: reshape anything. Fields are added in the types.

use crate::summarize::Summary;

/// What `run --json` and `show --json` print.
#[must_use]
pub fn json(summary: &Summary) -> String {
    pretty(summary)
}

/// The JSON schema of [`json`], as published in `results/schema.json`.
#[must_use]
pub fn schema() -> String {
    // Descriptions are the fields' documentation; links mean nothing there.
    pretty(&schemars::schema_for!(Summary))
        .replace("[`", "`")
        .replace("`]", "`")
}

pub(super) fn pretty<T: serde::Serialize>(value: &T) -> String {
    let mut text = serde_json::to_string_pretty(value)
        .expect("maps of these types have text for keys");
    text.push('\n');
    text
}
