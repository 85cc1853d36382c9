//! How a summary or a comparison is shown: table, Markdown, CSV, JSON.
//!
//! Every text ends in a line break and is plain: whoever prints it adds
//! colour. Whatever came from outside the suite (logs, manifests, file names)
//! is stripped of control characters, and neutralised for the format.
//!
//! Refuses to do: compute a figure, write a file, hide a failure.

mod certificate;
mod comparison;
mod conformance;
mod controls;
mod course;
mod csv;
mod curves;
mod duel;
mod footing;
mod heading;
mod hlog;
mod json;
mod legend;
mod markdown;
mod matrix;
mod notes;
mod original;
mod plan_file;
mod shipped;
mod table;
mod text;
mod view;

#[cfg(test)]
mod comparison_tests;
#[cfg(test)]
mod shipped_tests;
#[cfg(test)]
mod tests;

pub use certificate::{calibrated, certificate, instrument};
pub use comparison::{comparison, comparison_json, comparison_markdown};
pub use course::{Entry, course};
pub use csv::csv;
pub use duel::{duel, duel_json, duel_line};
pub use hlog::hlog;
pub use json::{json, schema};
pub(crate) use markdown::inert;
pub use markdown::{markdown, markdown_item, markdown_table};
pub(crate) use matrix::{Checked, Declared, deviations, grid, matrix};
pub use original::{label, original_line, original_lines};
pub use plan_file::plan_file;
pub use table::table;
pub use text::{WIDTH, paragraph};

pub(crate) use certificate::{figure as certified_figure, word as certified};
pub(crate) use controls::controls;
pub(crate) use curves::{Figured, figures};
pub(crate) use footing::{interrupted, reading, repeated};
pub(crate) use heading::{command, sentences as setting};
pub(crate) use notes::{failures, notes, unranked, verdict};
pub(crate) use shipped::{
    LEGEND as SHIPPED_LEGEND, TITLE as SHIPPED_TITLE,
    own_notes as shipped_notes,
};
pub(crate) use text::rate;
