//! `compare`: says in words what differs between two runs.

use anyhow::Result;

use crate::cli::{Compare, FailOn};
use crate::compare::{
    Comparison, Entry, Options, Verdict, breaches, compare as judge,
};
use crate::exit::{DONE, GATE, NOT_COMPARABLE, USAGE, refuse};
use crate::progress::say;
use crate::render;
use crate::store;
use crate::summarize::Summary;

/// Compares two stored runs.
pub(super) fn compare(args: &Compare) -> Result<u8> {
    let root = store::root()?;
    let results = store::kept(&root, args.results_dir.as_deref())?;
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
    refuse_unknown(&options.metrics, [&before, &after])?;
    refuse_twice(args)?;
    for run in [&before, &after].into_iter().filter(|run| run.partial) {
        say(&format!("run {} is partial: trials of it are missing", run.run));
    }
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
    refuse_nothing(&comparison)?;
    tell_undecided(&comparison);
    let found = breaches(&comparison, &args.threshold)
        .map_err(|error| refuse(USAGE, error.to_string()))?;
    for sentence in &found {
        say(&format!("regression: {sentence}"));
    }
    Ok(if found.is_empty() { DONE } else { GATE })
}

/// A figure that no server has can't be compared.
fn refuse_unknown(metrics: &[String], runs: [&Summary; 2]) -> Result<()> {
    let has = |metric: &&String| {
        let mut rows = runs.iter().flat_map(|run| &run.rows);
        rows.any(|row| row.metrics.contains_key(*metric))
    };
    match metrics.iter().find(|metric| !has(metric)) {
        None => Ok(()),
        Some(metric) => {
            let why =
                format!("no server has a figure {metric:?} in either run");
            let mend = "`cargo harness show --json` has their names";
            Err(refuse(USAGE, format!("{why}; {mend}")))
        }
    }
}

/// Two limits for one figure are one too many.
fn refuse_twice(args: &Compare) -> Result<()> {
    for (at, limit) in args.threshold.iter().enumerate() {
        let metric = &limit.metric;
        if args.threshold[..at].iter().any(|it| it.metric == *metric) {
            let why = format!("--threshold names {metric} twice");
            return Err(refuse(USAGE, format!("{why}; give it one limit")));
        }
    }
    Ok(())
}

/// A gate has to have something to hold.
fn refuse_nothing(comparison: &Comparison) -> Result<()> {
    let counts =
        |it: &Entry| it.change.is_some() || it.verdict == Verdict::Broken;
    match comparison.entries.iter().any(counts) {
        true => Ok(()),
        false => {
            let why = "no figure was measured in both runs with an interval";
            let mend = "a gate needs five rounds of the same servers in each";
            Err(refuse(NOT_COMPARABLE, format!("{why}; {mend}")))
        }
    }
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
