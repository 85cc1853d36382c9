//! What no compiler checks: lengths, inheritance, purity, paths.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

use crate::bed::root;
use crate::tests;

pub(crate) mod duels;
pub(crate) mod reference;
pub(crate) mod servers;
pub(crate) mod supply;

tests![
    every_member_inherits_version_edition_and_lints,
    no_source_file_is_longer_than_300_lines,
    no_client_of_the_original_is_longer_than_150_lines,
    every_module_says_what_it_is_for,
    pure_modules_touch_no_clock_file_or_process,
    only_one_module_starts_processes,
    the_changelog_has_the_version,
    no_file_holds_a_path_of_somebodys_home,
];

/// What builds and runs leave behind.
const GENERATED: [&str; 6] =
    [".git", "target", "runs", "build", "node_modules", "__pycache__"];

/// All files of the repository that satisfy the condition, sorted.
fn files(wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![root()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if path.is_symlink() || GENERATED.contains(&&*name) {
                continue;
            }
            if path.is_dir() {
                left.push(path);
            } else if wanted(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no file looked at");
    found
}

fn has_extension(path: &Path, any_of: &[&str]) -> bool {
    let extension = path.extension().and_then(|text| text.to_str());
    extension.is_some_and(|text| any_of.contains(&text))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Fails with all that was found, not only with the first.
fn none_of(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn every_member_inherits_version_edition_and_lints() {
    let mut wrong = Vec::new();
    for path in files(|path| path.ends_with("Cargo.toml")) {
        let manifest: Table = toml::from_str(&read(&path)).unwrap();
        let Some(package) = manifest.get("package") else { continue };
        if manifest.contains_key("workspace") {
            // A workspace of its own is no member of this one.
            continue;
        }
        let inherits = |table: Option<&toml::Value>| {
            table
                .and_then(|value| value.get("workspace"))
                .and_then(toml::Value::as_bool)
                .unwrap_or_default()
        };
        for key in ["version", "edition", "rust-version", "license"] {
            if !inherits(package.get(key)) {
                wrong.push(format!("{}: its own {key}", shown(&path)));
            }
        }
        if !inherits(manifest.get("lints")) {
            wrong.push(format!("{}: its own lints", shown(&path)));
        }
        for kind in ["dependencies", "dev-dependencies"] {
            let named = manifest.get(kind).and_then(|table| table.as_table());
            for (name, value) in named.into_iter().flatten() {
                if !inherits(Some(value)) {
                    let file = shown(&path);
                    wrong.push(format!("{file}: its own version of {name}"));
                }
            }
        }
    }
    none_of(&wrong);
}

fn no_source_file_is_longer_than_300_lines() {
    let wrong: Vec<String> = files(|path| has_extension(path, &["rs"]))
        .iter()
        .map(|path| (shown(path), read(path).lines().count()))
        .filter(|&(_, lines)| lines > 300)
        .map(|(name, lines)| format!("{name} has {lines} lines"))
        .collect();
    none_of(&wrong);
}

fn no_client_of_the_original_is_longer_than_150_lines() {
    let clients = root().join("clients");
    let is_source = |path: &Path| has_extension(path, &["cpp", "py", "rs"]);
    let sources = files(|path| {
        let inside = path.strip_prefix(&clients).ok();
        let first = inside.and_then(|inside| inside.iter().next());
        let first = first.map(|name| name.to_string_lossy().into_owned());
        is_source(path) && first.is_some_and(|n| n.starts_with("original-"))
    });
    assert_eq!(sources.len(), 3, "{sources:?}");
    let wrong: Vec<String> = sources
        .iter()
        .map(|path| (shown(path), read(path).lines().count()))
        .filter(|&(_, lines)| lines > 150)
        .map(|(name, lines)| format!("{name} has {lines} lines"))
        .collect();
    none_of(&wrong);
}

fn every_module_says_what_it_is_for() {
    let wrong: Vec<String> = files(|path| has_extension(path, &["rs"]))
        .iter()
        .filter(|path| !read(path).starts_with("//! "))
        .map(|path| format!("{} does not begin with its doc", shown(path)))
        .collect();
    none_of(&wrong);
}

fn pure_modules_touch_no_clock_file_or_process() {
    const PURE: [&str; 8] = [
        "advise",
        "plan",
        "stats",
        "summarize",
        "compare",
        "units",
        "render",
        "report",
    ];
    const IMPURE: [&str; 8] = [
        "std::fs",
        "std::process",
        "std::env",
        "std::io",
        "Instant::now",
        "SystemTime::now",
        "println!",
        "print!",
    ];
    let source = root().join("harness/src");
    let mut met = BTreeSet::new();
    let mut wrong = Vec::new();
    for path in files(|path| has_extension(path, &["rs"])) {
        let Ok(inside) = path.strip_prefix(&source) else { continue };
        let first = inside.components().next().unwrap();
        let first = first.as_os_str().to_string_lossy();
        let module = PURE.iter().find(|module| {
            let rest = first.strip_prefix(**module);
            rest.is_some_and(|rest| ["", ".rs"].contains(&rest))
                || rest.is_some_and(|rest| rest.starts_with('_'))
        });
        let Some(module) = module else { continue };
        met.insert(*module);
        for word in IMPURE {
            if read(&path).contains(word) {
                wrong.push(format!("{} holds {word}", shown(&path)));
            }
        }
    }
    assert_eq!(met.len(), PURE.len(), "pure modules found: {met:?}");
    none_of(&wrong);
}

fn only_one_module_starts_processes() {
    let allowed = ["harness/src/process.rs", "harness/src/process"];
    let source = root().join("harness/src");
    let wrong: Vec<String> = files(|path| has_extension(path, &["rs"]))
        .iter()
        .filter(|path| path.starts_with(&source))
        .filter(|path| {
            !allowed.iter().any(|own| path.starts_with(root().join(own)))
        })
        .filter(|path| read(path).contains(concat!("Command", "::new")))
        .map(|path| format!("{} starts a process", shown(path)))
        .collect();
    none_of(&wrong);
}

fn the_changelog_has_the_version() {
    let version = env!("CARGO_PKG_VERSION");
    let changelog = read(&root().join("CHANGELOG.md"));
    let heading = format!("## {version}");
    assert!(
        changelog.lines().any(|line| line.starts_with(&heading)),
        "CHANGELOG.md has no {heading:?}"
    );
    assert!(
        changelog.lines().any(|line| line.ends_with("# Comparability")),
        "CHANGELOG.md does not say what makes numbers incomparable"
    );
}

fn no_file_holds_a_path_of_somebodys_home() {
    // In two parts each, so that this file holds none.
    let homes = [
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
    ];
    let mut wrong = Vec::new();
    for path in files(|_| true) {
        // What is no text was built and is ignored by git.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for home in homes {
            if text.contains(home) {
                wrong.push(format!("{} holds {home}", shown(&path)));
            }
        }
    }
    none_of(&wrong);
}
