//! `compare`: says in words what differs between two runs.

use anyhow::Result;

use crate::cli::{Compare, FailOn};
use crate::compare::{
    Comparison, Options, Verdict, breaches, compare as judge,
};
use crate::exit::{DONE, GATE, NOT_COMPARABLE, USAGE, refuse};
use crate::progress::say;
use crate::render;
use crate::store;

/// Compares two stored runs.
pub(super) fn compare(args: &Compare) -> Result<u8> {
    let root = store::root()?;
    let results = store::results(&root, args.results_dir.as_deref());
    let load = |name: &str| -> Result<_> {
        Ok(super::show::summary(&store::find(&root, &results, name)?))
    };
    let (before, after) = (load(&args.a)?, load(&args.b)?);
    let named = args.threshold.iter().map(|limit| limit.metric.clone());
    let options = Options {
        absolute: args.absolute,
        allow_mismatch: args.allow_mismatch,
        metrics: args.metric.iter().cloned().chain(named).collect(),
    };
    let comparison = judge(&before, &after, &options)
        .map_err(|error| refuse(NOT_COMPARABLE, error.to_string()))?;
    super::print(&if args.json {
        render::comparison_json(&comparison)
    } else if args.markdown {
        render::comparison_markdown(&comparison)
    } else {
        render::comparison(&comparison)
    })?;
    if args.fail_on != Some(FailOn::Regression) {
        return Ok(DONE);
    }
    tell_undecided(&comparison);
    let found = breaches(&comparison, &args.threshold)
        .map_err(|error| refuse(USAGE, error.to_string()))?;
    for sentence in &found {
        say(&format!("regression: {sentence}"));
    }
    Ok(if found.is_empty() { DONE } else { GATE })
}

/// A gate that is passed for want of rounds must not look like one that held.
fn tell_undecided(comparison: &Comparison) {
    let entries = comparison.entries.iter();
    let open = entries.filter(|it| it.verdict == Verdict::Undecided);
    let needed: Vec<u32> = open.filter_map(|it| it.rounds_needed).collect();
    let Some(most) = needed.iter().max() else { return };
    say(&format!(
        "undecided: {} of {} figures, which this passes unproved; {most} more \
         round(s) in both runs, or fewer servers, would decide",
        needed.len(),
        comparison.entries.len(),
    ));
}
