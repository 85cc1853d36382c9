//! What the suite is built from: licences, sources, and who may link what.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use toml::Table;

use super::{none_of, read};
use crate::bed::root;
use crate::guard::{command, output};
use crate::tests;

tests![
    every_dependency_has_an_allowed_licence,
    every_dependency_comes_from_one_registry,
    no_async_runtime_drives_the_measurement,
];

/// Runtimes and event loops under test.
const CONTESTANTS: [&str; 9] = [
    "async-io",
    "async-std",
    "compio",
    "may",
    "mio",
    "monoio",
    "smol",
    "tokio",
    "glommio",
];

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut cargo = command(cargo);
    cargo.args(["metadata", "--format-version", "1", "--locked"]);
    cargo.current_dir(root());
    let finished = output(&mut cargo);
    finished.exits_with(0);
    serde_json::from_str(&finished.stdout).unwrap()
}

fn packages(metadata: &Value) -> &[Value] {
    metadata["packages"].as_array().unwrap()
}

/// Splits an SPDX expression, or the old `A/B`, into what must all be allowed
/// of what may be chosen from.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    let term = |text: &str| {
        let text = text.trim().trim_matches(['(', ')']);
        text.split(" OR ").any(|one| allowed.contains(one.trim()))
    };
    expression.split(" AND ").all(term)
}

fn every_dependency_has_an_allowed_licence() {
    let deny: Table = toml::from_str(&read(&root().join("deny.toml"))).unwrap();
    let allowed = deny["licenses"]["allow"].as_array().unwrap();
    let allowed: BTreeSet<String> =
        allowed.iter().map(|name| name.as_str().unwrap().into()).collect();
    assert!(!is_allowed("GPL-3.0-only", &allowed), "the check has teeth");
    assert!(!is_allowed("MIT AND GPL-3.0-only", &allowed));
    let metadata = metadata();
    let wrong: Vec<String> = packages(&metadata)
        .iter()
        .filter(|package| {
            let licence = package["license"].as_str().unwrap_or_default();
            !is_allowed(licence, &allowed)
        })
        .map(|package| format!("{}: {}", package["name"], package["license"]))
        .collect();
    none_of(&wrong);
}

fn every_dependency_comes_from_one_registry() {
    let metadata = metadata();
    let sources: BTreeSet<&str> = packages(&metadata)
        .iter()
        .filter_map(|package| package["source"].as_str())
        .collect();
    assert_eq!(sources.len(), 1, "{sources:?}");
    assert!(sources.iter().all(|from| from.starts_with("registry+")));
}

fn no_async_runtime_drives_the_measurement() {
    let metadata = metadata();
    let mut names = BTreeMap::new();
    for package in packages(&metadata) {
        let id = package["id"].as_str().unwrap();
        names.insert(id, package["name"].as_str().unwrap());
    }
    let mut needs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let normal = |dependency: &&Value| {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            kinds.iter().any(|kind| kind["kind"].is_null())
        };
        let dependencies = node["deps"].as_array().unwrap().iter();
        needs.insert(
            node["id"].as_str().unwrap(),
            dependencies
                .filter(normal)
                .map(|dependency| dependency["pkg"].as_str().unwrap())
                .collect(),
        );
    }
    let reach = |from: &str| {
        let start = names.iter().find(|(_, name)| **name == from).unwrap().0;
        let (mut seen, mut left) = (BTreeSet::new(), vec![*start]);
        while let Some(id) = left.pop() {
            if seen.insert(id) {
                left.extend(&needs[id]);
            }
        }
        seen.into_iter().map(|id| names[id]).collect::<BTreeSet<_>>()
    };
    assert!(reach("rust-tokio").contains("tokio"), "the check has teeth");
    for member in ["harness", "load", "wire"] {
        let linked = reach(member);
        let found: Vec<_> =
            CONTESTANTS.iter().filter(|name| linked.contains(*name)).collect();
        assert!(found.is_empty(), "{member} links {found:?}");
    }
}
