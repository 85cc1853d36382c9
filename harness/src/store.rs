//! Where runs are kept: a directory each, with `host.json`, `plan.json` and
//! `records.jsonl`. Tables are derived from these and never stored as truth.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

use crate::exit::{USAGE, refuse};
use crate::host::Host;
use crate::plan::{Plan, Trial};
use crate::record::{Outcome, Record, journal};
use crate::repeat::counted;

mod find;
mod write;

pub use find::{
    BASELINES, DUEL_FILE, all, committed, find, find_duel, free_baseline,
    save_baseline,
};
pub use write::{
    export, prepare, prepare_exports, write_atomically, write_json,
};

/// One stored run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Such as `20261123T063000Z-3f2a`.
    pub id: String,
    /// Where it lies.
    pub directory: PathBuf,
    /// The machine it ran on.
    pub host: Host,
    /// What it was to do.
    pub plan: Plan,
    /// What it has done.
    pub records: Vec<Record>,
}

impl Run {
    /// Reads a run.
    ///
    /// # Errors
    /// A file is missing or damaged; the message names it.
    pub fn load(directory: &Path) -> Result<Self> {
        Self::read(directory).with_context(|| {
            format!(
                "the run in {} can't be read; `cargo harness show --list` \
                 lists others",
                directory.display()
            )
        })
    }

    fn read(directory: &Path) -> Result<Self> {
        let records = journal::read(&directory.join("records.jsonl"))?;
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        let id = records.first().map_or(name.into_owned(), |r| r.run.clone());
        Ok(Self {
            id,
            directory: directory.to_path_buf(),
            host: read_json(&directory.join("host.json"))?,
            plan: read_json(&directory.join("plan.json"))?,
            records,
        })
    }

    /// Trials that have no record yet, in the order of the plan.
    #[must_use]
    pub fn missing(&self) -> Vec<Trial> {
        let counted = counted(&self.records);
        let is_done = |trial: &&Trial| {
            !counted.iter().any(|record| {
                record.outcome != Outcome::Interrupted
                    && same(&record.trial, trial)
            })
        };
        self.plan.trials.iter().filter(is_done).cloned().collect()
    }
}

fn same(a: &Trial, b: &Trial) -> bool {
    (a.round, &a.lane, a.scenario) == (b.round, &b.lane, b.scenario)
}

/// The root of the suite: the nearest directory from here upwards that holds
/// `servers/contract`.
///
/// # Errors
/// There is none.
pub fn root() -> Result<PathBuf> {
    let here = std::env::current_dir().context("no current directory")?;
    let cargo = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    here.ancestors()
        .chain(cargo.iter().flat_map(|path| path.ancestors()))
        .find(|path| path.join("servers/contract").is_dir())
        .map(Path::to_path_buf)
        .ok_or_else(|| {
            refuse(
                USAGE,
                "this is not the suite's repository: no servers/contract \
                 here or above; run the command inside the clone",
            )
        })
}

/// Where runs are kept unless `--results-dir` says otherwise.
#[must_use]
pub fn results(root: &Path, chosen: Option<&Path>) -> PathBuf {
    chosen.map_or_else(|| root.join("results/runs"), Path::to_path_buf)
}

/// Where runs are that somebody wants to read.
///
/// # Errors
/// A directory that was named is none, or can't be read.
pub fn kept(root: &Path, chosen: Option<&Path>) -> Result<PathBuf> {
    if let Some(named) = chosen {
        fs::read_dir(named).map_err(|error| {
            let why = format!("no runs in {}: {error}", named.display());
            let mend = "name their directory with --results-dir or \
                        HARNESS_RESULTS_DIR";
            refuse(USAGE, format!("{why}; {mend}"))
        })?;
    }
    Ok(results(root, chosen))
}

/// Stores a new run's directory, host and plan.
///
/// # Errors
/// They can't be written.
pub fn create(
    results: &Path,
    id: &str,
    host: &Host,
    plan: &Plan,
) -> Result<PathBuf> {
    let directory = results.join(id);
    fs::create_dir_all(&directory)
        .with_context(|| format!("{} can't be made", directory.display()))?;
    write_json(&directory.join("host.json"), host)?;
    write_json(&directory.join("plan.json"), plan)?;
    Ok(directory)
}

/// Reads a value from JSON; an error names the file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("{} can't be read", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is damaged", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_runs_that_is_none_is_not_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let (root, none) = (root.path(), root.path().join("none"));
        let error = kept(root, Some(&none)).unwrap_err().to_string();
        assert!(error.contains("--results-dir"), "{error}");
        assert_eq!(kept(root, Some(root)).unwrap(), root);
        // Nobody has measured anything yet.
        assert_eq!(kept(root, None).unwrap(), root.join("results/runs"));
    }
}
