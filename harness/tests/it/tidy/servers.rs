//! What every server's directory must be: a lesson of its length and name.

use std::fs;
use std::path::{Path, PathBuf};

use harness::catalog::{Catalog, lesson};
use harness::cmd;
use toml::Table;

use super::{files, has_extension, none_of, read, shown};
use crate::bed::root;
use crate::tests;

tests![
    every_server_is_a_lesson_with_five_headings_and_one_model,
    no_server_is_longer_than_a_lesson,
    a_servers_directory_package_and_binary_bear_one_name,
    every_lesson_leads_to_the_next_and_the_last_to_the_first,
    the_servers_readme_shows_the_course,
    the_servers_readme_shows_the_conformance_matrix,
];

/// Directories of servers: all under `servers/` but for what they share.
pub(crate) fn directories() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("servers")).unwrap();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && !path.ends_with("contract"))
        .collect();
    found.sort();
    found
}

const LANGUAGES: [&str; 10] =
    ["rs", "cpp", "hpp", "c", "h", "py", "go", "js", "mjs", "java"];

fn sources(server: &Path) -> Vec<PathBuf> {
    files(|path| path.starts_with(server) && has_extension(path, &LANGUAGES))
}

fn every_server_is_a_lesson_with_five_headings_and_one_model() {
    const HEADINGS: [&str; 5] =
        ["Waits ", "Wakes ", "Costs ", "Gives out at ", "Next "];
    let mut wrong = Vec::new();
    for server in directories() {
        let name = shown(&server);
        if !server.join("server.toml").is_file() {
            wrong.push(format!("{name} has no server.toml"));
            continue;
        }
        let texts: Vec<String> =
            sources(&server).iter().map(|path| read(path)).collect();
        let is_head = |text: &&String| {
            let head: Vec<&str> = text.lines().take(12).collect();
            HEADINGS.iter().all(|heading| {
                let words = |line: &&str| {
                    line.trim_start_matches(['/', '!', '#', '*', ' '])
                        .starts_with(heading)
                };
                head.iter().filter(|line| words(line)).count() == 1
            })
        };
        if texts.iter().filter(is_head).count() != 1 {
            wrong.push(format!("{name} lacks the header of five lines"));
        }
        let models: usize = texts
            .iter()
            .map(|text| text.matches("This is the model:").count())
            .sum();
        if models != 1 {
            wrong.push(format!("{name} shows the model {models} times"));
        }
    }
    none_of(&wrong);
}

fn no_server_is_longer_than_a_lesson() {
    let mut wrong = Vec::new();
    for server in directories() {
        let toml = read(&server.join("server.toml"));
        let toml: Table = toml::from_str(&toml).unwrap();
        let own_contract = !server.join("Cargo.toml").is_file();
        let completion = toml["family"].as_str() == Some("completion");
        let limit = if own_contract || completion { 250 } else { 150 };
        let mut lines = 0;
        for path in sources(&server) {
            let text = read(&path);
            lines += text.lines().count();
            let wide = text.lines().filter(|l| l.chars().count() > 100);
            for line in wide {
                wrong.push(format!("{}: too wide: {line}", shown(&path)));
            }
        }
        if lines > limit {
            let name = shown(&server);
            wrong.push(format!("{name} has {lines} lines, {limit} may be"));
        }
    }
    let shared = root().join("servers/contract/src");
    let lines: usize =
        sources(&shared).iter().map(|path| read(path).lines().count()).sum();
    if lines > 250 {
        wrong.push(format!("servers/contract/src has {lines} lines, not 250"));
    }
    none_of(&wrong);
}

fn a_servers_directory_package_and_binary_bear_one_name() {
    let mut wrong = Vec::new();
    for server in directories() {
        let path = server.join("Cargo.toml");
        let name = server.file_name().unwrap().to_str().unwrap();
        let shape = name.split_once('-').map(|(language, _)| language);
        if shape.is_none() {
            wrong.push(format!("{name} is not named language-model"));
        }
        if !path.is_file() {
            continue;
        }
        let manifest: Table = toml::from_str(&read(&path)).unwrap();
        if manifest["package"]["name"].as_str() != Some(name) {
            wrong.push(format!("{name}: its package bears another name"));
        }
        if manifest.contains_key("bin") {
            wrong.push(format!("{name}: its binary is named apart"));
        }
        if manifest.contains_key("features") {
            wrong.push(format!("{name}: servers have no features"));
        }
    }
    none_of(&wrong);
}

fn every_lesson_leads_to_the_next_and_the_last_to_the_first() {
    let catalog = Catalog::load(&root(), &[]).unwrap();
    let servers = &catalog.servers;
    assert!(catalog.broken.is_empty(), "{:#?}", catalog.broken);
    let mut wrong = Vec::new();
    for (server, next) in servers.iter().zip(servers.iter().cycle().skip(1)) {
        let lesson = lesson::read(&server.directory).unwrap();
        if !lesson.next.starts_with(&format!("{}: ", next.id)) {
            wrong.push(format!(
                "{} is followed by {}, but says Next {}",
                server.id, next.id, lesson.next
            ));
        }
    }
    none_of(&wrong);
}

fn the_servers_readme_shows_the_course() {
    shows("course", "--markdown", &cmd::course(&root()).unwrap());
}

/// After a change of a server the matrix says "of an earlier version" until
/// somebody checks it anew and commits the result.
fn the_servers_readme_shows_the_conformance_matrix() {
    shows("matrix", "--matrix", &cmd::matrix(&root()).unwrap());
}

fn shows(part: &str, flag: &str, fresh: &str) {
    let readme = read(&root().join("servers/README.md"));
    let (begin, end) =
        (format!("<!-- {part}: begin -->"), format!("<!-- {part}: end -->"));
    let (_, rest) = readme.split_once(&begin).unwrap();
    let (spliced, _) = rest.split_once(&end).unwrap();
    assert!(
        spliced.trim() == fresh.trim(),
        "replace the table in servers/README.md by what `cargo harness list \
         {flag}` prints:\n{fresh}"
    );
}
