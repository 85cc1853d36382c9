//! Where runs are kept: a directory each, with `host.json`, `plan.json` and
//! `records.jsonl`. Tables are derived from these and never stored as truth.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Serialize, de::DeserializeOwned};

use crate::exit::{TOOL, USAGE, refuse};
use crate::host::Host;
use crate::plan::{Plan, Trial};
use crate::record::{Outcome, Record, journal};
use crate::repeat::counted;

mod find;

pub use find::{BASELINES, all, committed, find, save_baseline};

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

/// Makes sure that the directory exists and can be written, before anything
/// is measured.
///
/// # Errors
/// It can't, with the reason.
pub fn prepare(results: &Path) -> Result<()> {
    let unwritable = |error: std::io::Error| {
        refuse(
            TOOL,
            format!(
                "results can't be written to {}: {error}; name another \
                 place with --results-dir",
                results.display()
            ),
        )
    };
    fs::create_dir_all(results).map_err(unwritable)?;
    tempfile::tempfile_in(results)
        .and_then(|mut file| file.write_all(&[0; 4096]))
        .map_err(unwritable)
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

/// Writes a file whole or not at all: the old one stays until the new one is
/// on the disk.
///
/// # Errors
/// It can't be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        fs::File::open(directory)?.sync_all()
    };
    write().with_context(|| format!("{} can't be written", path.display()))
}

/// Stores a value as JSON.
///
/// # Errors
/// It can't be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    write_atomically(path, text.as_bytes())
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
    fn an_atomic_write_replaces_or_leaves_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let nowhere = directory.path().join("none/file");
        assert!(write_atomically(&nowhere, b"x").is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_refused_with_a_hint() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, b"").unwrap();
        let error = prepare(&file.join("runs")).unwrap_err();
        assert!(error.to_string().contains("--results-dir"), "{error}");
    }
}
