//! What the committed runs must be, and that the pages show them as they are.

use std::fs;
use std::path::Path;

use harness::store::{self, Run};
use harness::summarize::{Summary, summarize};
use harness::{render, report};

use super::read;
use crate::bed::root;
use crate::tests;

tests![
    the_readme_shows_the_newest_reference_run,
    the_readme_answers_by_the_committed_runs,
    a_reference_run_is_whole_and_names_no_machine,
];

/// The newest committed run.
fn reference() -> Run {
    let all = store::committed(&root());
    Run::load(all.last().expect("a committed run")).unwrap()
}

fn summary(run: &Run) -> Summary {
    let partial = !run.missing().is_empty();
    summarize(&run.id, partial, &run.host, &run.plan, &run.records)
}

fn the_readme_shows_the_newest_reference_run() {
    let readme = read(&root().join("README.md"));
    let (_, rest) = readme.split_once("<!-- table: begin -->").unwrap();
    let (spliced, _) = rest.split_once("<!-- table: end -->").unwrap();
    let fresh = render::markdown_table(&summary(&reference()));
    assert!(
        spliced.contains(fresh.trim()),
        "replace the table in README.md by\n{fresh}"
    );
}

fn the_readme_answers_by_the_committed_runs() {
    let runs = store::committed(&root()).into_iter().rev();
    let summaries = runs.map(|path| summary(&Run::load(&path).unwrap()));
    let fresh = report::answers(&summaries.collect::<Vec<_>>());
    assert!(!fresh.contains("Not measured"), "{fresh}");
    let readme = read(&root().join("README.md"));
    let (_, rest) = readme.split_once("<!-- answers: begin -->").unwrap();
    let (spliced, _) = rest.split_once("<!-- answers: end -->").unwrap();
    assert!(
        spliced.contains(fresh.trim()),
        "replace the answers in README.md by\n{fresh}"
    );
}

fn a_reference_run_is_whole_and_names_no_machine() {
    let hostname = read(Path::new("/proc/sys/kernel/hostname"));
    let here = root().display().to_string();
    let all = store::committed(&root());
    assert!(all.len() >= 2, "the main table and the curves: {all:?}");
    for directory in all {
        let run = Run::load(&directory).unwrap();
        assert!(run.missing().is_empty(), "{} is partial", run.id);
        assert!(directory.join("report.html").is_file(), "{}", run.id);
        let summary = summary(&run);
        // The last line is that of the instrument, as it was then.
        let shown = read(&directory.join("summary.md"));
        let fresh = render::markdown(&summary);
        assert!(shown.starts_with(&fresh), "{} is not shown as it is", run.id);
        let report = report::Report::of(&summary);
        for (name, text) in report::drawings(&report) {
            let path = directory.join(&name);
            assert!(!path.exists() || read(&path) == text, "{name} is old");
        }
        for path in fs::read_dir(&directory).unwrap() {
            let text = read(&path.unwrap().path());
            assert!(!text.contains(&here), "a path of this machine");
            let hostname = hostname.trim();
            assert!(hostname.len() < 5 || !text.contains(hostname));
        }
    }
}
