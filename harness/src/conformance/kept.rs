//! What a whole tier found of each server: one file each, beside the runs and
//! among the committed ones.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::key::key;
use super::{Conformance, Standing, Tier};
use crate::catalog::Server;
use crate::check::{Cell, Level, Verdict};
use crate::store;

/// Version of [`Kept`]; another one is not read.
const SCHEMA: u32 = 1;

/// Everything a tier found of one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    schema: u32,
    pub(crate) server: String,
    /// Hash of what it was found of.
    key: String,
    pub(crate) tier: Tier,
    /// Time bounds were multiplied by this.
    pub(crate) stretch: u32,
    /// Of the first try of every case.
    seed: u64,
    /// The receipt of what built or ran it.
    version: String,
    /// The kernel it was found under.
    kernel: String,
    /// One for each case of the tier.
    pub(crate) cases: Vec<Finding>,
}

/// What was found in one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) case: String,
    pub(crate) level: Level,
    pub(crate) verdict: Verdict,
    /// Of the server afterwards.
    pub(crate) afterlife: Option<Verdict>,
    passed: usize,
    repeats: usize,
    /// What happened instead, or why it was not tried.
    pub(crate) detail: Option<String>,
}

impl Finding {
    /// Whether the server failed it, in either way.
    pub(crate) fn failed(&self) -> bool {
        self.verdict == Verdict::Fail || self.afterlife == Some(Verdict::Fail)
    }

    /// Whether it could not be judged: no pass, no failure.
    fn is_open(&self) -> bool {
        self.verdict == Verdict::Error || self.afterlife == Some(Verdict::Error)
    }
}

impl From<&Cell> for Finding {
    fn from(cell: &Cell) -> Self {
        Self {
            case: cell.case.to_owned(),
            level: cell.level,
            verdict: cell.verdict,
            afterlife: cell.afterlife,
            passed: cell.passed,
            repeats: cell.repeats,
            detail: cell
                .actual
                .clone()
                .or_else(|| cell.reason.clone())
                .or_else(|| cell.late_at_first.first().cloned()),
        }
    }
}

/// How a tier was tried.
#[derive(Clone, Debug)]
pub(crate) struct Manner<'a> {
    pub(crate) tier: Tier,
    pub(crate) stretch: u32,
    pub(crate) seed: u64,
    pub(crate) version: &'a str,
    pub(crate) kernel: &'a str,
}

impl Kept {
    /// What was found of a server, ready to be kept; none where a case could
    /// not be judged and none failed: that says nothing.
    ///
    /// # Errors
    /// A source can't be read.
    pub(crate) fn of(
        server: &Server,
        root: &Path,
        manner: &Manner<'_>,
        cells: &[Cell],
    ) -> Result<Option<Self>> {
        let cases: Vec<Finding> = cells.iter().map(Finding::from).collect();
        let failed = cases.iter().any(Finding::failed);
        if cases.is_empty() || (!failed && cases.iter().any(Finding::is_open)) {
            return Ok(None);
        }
        Ok(Some(Self {
            schema: SCHEMA,
            server: server.id.clone(),
            key: key(server, root)?,
            tier: manner.tier,
            stretch: manner.stretch,
            seed: manner.seed,
            version: manner.version.to_owned(),
            kernel: manner.kernel.to_owned(),
            cases,
        }))
    }

    fn failed(&self) -> Vec<String> {
        let failed = self.cases.iter().filter(|it| it.failed());
        failed.map(|it| it.case.clone()).collect()
    }

    /// Whether it says more than an older finding: a failure always does, a
    /// pass only of a higher tier, or of the same by bounds as narrow; and of
    /// another version nothing is said.
    fn supersedes(&self, old: &Self) -> bool {
        self.key != old.key
            || !self.failed().is_empty()
            || self.tier > old.tier
            || (self.tier == old.tier && self.stretch <= old.stretch)
    }

    fn conformance(&self) -> Conformance {
        let failed = self.failed();
        let standing =
            if failed.is_empty() { Standing::Pass } else { Standing::Failed };
        Conformance { standing, tier: Some(self.tier), failed }
    }

    /// Whether the server is still what this was found of.
    ///
    /// # Errors
    /// A source can't be read.
    pub(crate) fn holds_for(
        &self,
        server: &Server,
        root: &Path,
    ) -> Result<bool> {
        Ok(self.key == key(server, root)?)
    }
}

/// Where the findings of a directory of results are.
fn file(results: &Path, id: &str) -> PathBuf {
    results.join("checks").join(format!("{id}.json"))
}

/// Keeps a finding unless an older one of the same sources says more; tells
/// whether it did.
///
/// # Errors
/// It can't be written.
pub(crate) fn keep(results: &Path, found: &Kept) -> Result<bool> {
    let path = file(results, &found.server);
    if let Ok(old) = read(&path)
        && !found.supersedes(&old)
    {
        return Ok(false);
    }
    let directory = path.parent().unwrap_or(results);
    std::fs::create_dir_all(directory)
        .with_context(|| format!("{} can't be made", directory.display()))?;
    store::write_json(&path, found)?;
    Ok(true)
}

/// The committed finding of a server, of whatever version; none if there is
/// none.
///
/// # Errors
/// It is damaged.
pub(crate) fn committed(root: &Path, id: &str) -> Result<Option<Kept>> {
    let path = file(&root.join("results/reference"), id);
    if path.exists() { read(&path).map(Some) } else { Ok(None) }
}

/// What is known of a server as it is now: by a check of one's own, or by a
/// committed one.
pub(crate) fn lookup(
    root: &Path,
    results: &Path,
    server: &Server,
) -> Conformance {
    let known = key(server, root).ok().and_then(|key| {
        let found = |results: &Path| {
            let found = read(&file(results, &server.id)).ok();
            found.filter(|found| found.key == key)
        };
        let own = found(results);
        let reference = found(&root.join("results/reference"));
        match (own, reference) {
            (Some(own), Some(reference)) if !own.supersedes(&reference) => {
                Some(reference)
            }
            (own, reference) => own.or(reference),
        }
    });
    known.map_or_else(Conformance::unchecked, |found| found.conformance())
}

fn read(path: &Path) -> Result<Kept> {
    let kept: Kept = store::read_json(path)?;
    if kept.schema != SCHEMA {
        let (shown, schema) = (path.display(), kept.schema);
        bail!("{shown} is of schema {schema}, this is {SCHEMA}");
    }
    Ok(kept)
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
