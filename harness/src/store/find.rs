//! Finding a stored run by what somebody calls it.
//!
//! Refuses to do: guess between two.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Run, read_json, write_atomically};
use crate::duel::Duel;
use crate::exit::{USAGE, refuse};
use crate::plan::{Plan, Scenario};
use crate::record::Record;

/// Directories of all runs kept there, oldest first.
#[must_use]
pub fn all(results: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(results) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("plan.json").is_file())
        .collect();
    found.sort();
    found
}

/// Directories of the committed runs, oldest first, and after all others those
/// of the main table: of all servers under the main load.
#[must_use]
pub fn committed(root: &Path) -> Vec<PathBuf> {
    let mut all = all(&root.join("results/reference"));
    all.sort_by_cached_key(|directory| {
        let plan = read_json::<Plan>(&directory.join("plan.json"));
        plan.map_or(0, |plan| servers_under_load(&plan))
    });
    all
}

/// How many servers it asks for under the main load, each but once.
fn servers_under_load(plan: &Plan) -> usize {
    let asked_for = plan.lanes.iter().filter(|lane| lane.control.is_none());
    match plan.scenarios.contains(&Scenario::Load) {
        true => asked_for.count(),
        false => 0,
    }
}

/// What a duel's directory holds.
pub const DUEL_FILE: &str = "duel.json";

/// Where the names of baselines are kept, a file each that holds a run's id.
pub const BASELINES: &str = "baselines";

/// Whether a run may be given this name.
///
/// # Errors
/// It is what another run is called by.
pub fn free_baseline(results: &Path, name: &str) -> Result<()> {
    let named = |run: &PathBuf| {
        let own = run.file_name().unwrap_or_default().to_string_lossy();
        own.starts_with(name)
    };
    match all(results).iter().any(named) {
        false => Ok(()),
        true => {
            let why = format!("{name} is what a run is called by its id");
            Err(refuse(USAGE, format!("{why}; give another name")))
        }
    }
}

/// Gives a run a name by which it is found from now on.
///
/// # Errors
/// The name can't be written, or is another run's.
pub fn save_baseline(results: &Path, name: &str, id: &str) -> Result<()> {
    free_baseline(results, name)?;
    let directory = results.join(BASELINES);
    fs::create_dir_all(&directory)
        .with_context(|| format!("{} can't be made", directory.display()))?;
    write_atomically(&directory.join(name), format!("{id}\n").as_bytes())
}

/// The run that was given this name, if it is one and not a path.
fn baseline(results: &Path, name: &str) -> Option<PathBuf> {
    if name.starts_with('.') || name.contains('/') {
        return None;
    }
    let id = fs::read_to_string(results.join(BASELINES).join(name)).ok()?;
    Some(results.join(id.trim()))
}

/// The duel that is called so: its JSON file, its directory, or its id.
///
/// # Errors
/// It has a directory of its own, and is damaged.
pub fn find_duel(results: &Path, name: &str) -> Result<Option<Duel>> {
    let path = Path::new(name);
    // Any other file may only happen to be called as a run is.
    if path.extension().is_some_and(|it| it == "json")
        && let Ok(duel) = read_json(path)
    {
        return Ok(Some(duel));
    }
    let mut places = [path.join(DUEL_FILE), results.join(name).join(DUEL_FILE)]
        .into_iter()
        .filter(|place| place.is_file());
    places.next().map(|place| read_json(&place)).transpose()
}

/// Finds a run by path, baseline, id, unique beginning of an id, `latest` or
/// `latest~N`. `latest` falls back to the newest committed run of the main
/// table.
///
/// # Errors
/// No such run, or several.
pub fn find(root: &Path, results: &Path, name: &str) -> Result<Run> {
    let path = Path::new(name);
    if path.join("plan.json").is_file() {
        return Run::load(path);
    }
    if let Some(path) = baseline(results, name) {
        if path.join("plan.json").is_file() {
            return Run::load(&path);
        }
        let why = format!("the run of baseline {name:?} is gone");
        return Err(refuse(USAGE, format!("{why}; save it anew")));
    }
    let own = all(results);
    let reference = committed(root);
    if let Some(back) = steps_back(name)? {
        let newest = own.iter().rev().nth(back);
        let fallback = reference.iter().rev().nth(back - back.min(own.len()));
        return match newest.or(fallback) {
            Some(path) => Run::load(path),
            None => {
                let there = own.len() + reference.len();
                let makes = "`cargo harness run --all --quick` makes one";
                let why = format!("there are {there} runs; {makes} more");
                Err(refuse(USAGE, why))
            }
        };
    }
    let named = |path: &&PathBuf| {
        let own = path.file_name().unwrap_or_default().to_string_lossy();
        own.starts_with(name) || first_id(path).starts_with(name)
    };
    // One's own comes first: it may have been committed under another name.
    let mut matching: Vec<&PathBuf> = own.iter().filter(named).collect();
    if matching.is_empty() {
        matching = reference.iter().filter(named).collect();
    }
    match matching.as_slice() {
        [one] => Run::load(one),
        [] if path.is_dir() => Err(refuse(
            USAGE,
            format!("{name:?} holds no run: there is no plan.json in it"),
        )),
        [] => Err(refuse(
            USAGE,
            format!("no run {name:?}; `cargo harness show --list` lists them"),
        )),
        many => {
            let many = many.len();
            let why = format!("{name:?} is the beginning of {many} runs");
            let mend = "write more of the one you mean, as `cargo harness \
                        show --list` has it";
            Err(refuse(USAGE, format!("{why}; {mend}")))
        }
    }
}

/// The id of a run as its tables print it: a committed run's directory bears
/// another name.
fn first_id(directory: &Path) -> String {
    let mut line = String::new();
    let file = fs::File::open(directory.join("records.jsonl"));
    let read = file.and_then(|file| BufReader::new(file).read_line(&mut line));
    let record: Option<Record> =
        read.ok().and_then(|_| serde_json::from_str(&line).ok());
    record.map(|record| record.run).unwrap_or_default()
}

fn steps_back(name: &str) -> Result<Option<usize>> {
    let Some(rest) = name.strip_prefix("latest") else { return Ok(None) };
    match rest.strip_prefix('~') {
        None if rest.is_empty() => Ok(Some(0)),
        None => Ok(None),
        Some(number) => number.parse().map(Some).map_err(|_| {
            refuse(USAGE, format!("{name:?}: write latest~1, latest~2, …"))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted;

    #[test]
    fn latest_counts_back() {
        assert_eq!(steps_back("latest").unwrap(), Some(0));
        assert_eq!(steps_back("latest~3").unwrap(), Some(3));
        assert_eq!(steps_back("20261123").unwrap(), None);
        assert!(steps_back("latest~x").is_err());
    }

    #[test]
    fn the_main_table_is_of_most_servers_under_the_main_load() {
        let few = scripted::plan(&["a", "b"], &[Scenario::Load], 1);
        let many = scripted::plan(&["a", "b", "c"], &[Scenario::Load], 1);
        let other = scripted::plan(&["a", "b", "c"], &[Scenario::Herd], 1);
        let root = tempfile::tempdir().unwrap();
        let reference = root.path().join("results/reference");
        for (name, plan) in [("x", &few), ("c", &many), ("z", &other)] {
            fs::create_dir_all(reference.join(name)).unwrap();
            let plan = serde_json::to_vec(plan).unwrap();
            fs::write(reference.join(name).join("plan.json"), plan).unwrap();
        }
        let names = committed(root.path());
        let names = names.iter().map(|it| it.file_name().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), ["z", "x", "c"]);
    }

    #[test]
    fn a_committed_run_is_found_by_its_directory_and_by_its_id() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let nowhere = root.join("no/such/runs");
        let newest = find(&root, &nowhere, "latest").unwrap();
        let directory = newest.directory.file_name().unwrap();
        for name in [&newest.id, &*directory.to_string_lossy()] {
            let found = find(&root, &nowhere, name).unwrap();
            assert_eq!(found.directory, newest.directory, "{name}");
        }
        let why =
            |name: &str| find(&root, &nowhere, name).unwrap_err().to_string();
        assert!(why("nothing-of-this-name").contains("--list"));
        assert!(why("2026").contains("write more"), "{}", why("2026"));
        assert!(why("latest~99").contains("makes one more"));
        let here = root.display().to_string();
        assert!(why(&here).contains("no plan.json"), "{}", why(&here));
    }

    #[test]
    fn a_baseline_is_found_by_its_name_and_moves_with_it() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let results = tempfile::tempdir().unwrap();
        let known = find(&root, results.path(), "latest").unwrap();
        for id in ["first", "second"] {
            let copy = results.path().join(id);
            fs::create_dir(&copy).unwrap();
            for file in ["host.json", "plan.json", "records.jsonl"] {
                fs::copy(known.directory.join(file), copy.join(file)).unwrap();
            }
            save_baseline(results.path(), "main", id).unwrap();
            let found = find(&root, results.path(), "main").unwrap();
            assert_eq!(found.directory, copy);
        }
        assert_eq!(all(results.path()).len(), 2, "a name is no run");
        for taken in ["first", "sec"] {
            let error = save_baseline(results.path(), taken, "first");
            let error = error.unwrap_err().to_string();
            assert!(error.contains("another name"), "{error}");
        }
        assert!(find(&root, results.path(), "other").is_err());
        // Nothing beside the baselines is taken for one.
        let error = find(&root, results.path(), "../second/plan.json");
        assert!(error.unwrap_err().to_string().contains("no run"));
        fs::remove_dir_all(results.path().join("second")).unwrap();
        let error = find(&root, results.path(), "main").unwrap_err();
        assert!(error.to_string().contains("is gone"), "{error}");
    }
}
