//! What a server is built with: missing, too old, failing.

use std::fs;

use crate::bed::{Bed, fixture, harness, script, serve_fixture};
use crate::guard::output;
use crate::tests;

tests![
    a_missing_tool_is_a_skip_with_the_command_that_installs_it,
    a_tool_that_is_too_old_is_a_skip_that_names_both_versions,
    a_broken_server_toml_is_refused_with_its_line,
    a_failed_build_keeps_its_last_lines_and_runs_nothing_old,
    build_names_the_server_that_fails_and_builds_the_others,
];

const LACKING: &str = r#"requires = [{ cmd = ["no-such-tool", "--version"],
    hint = "apt-get install no-such-tool" }]
"#;

fn a_missing_tool_is_a_skip_with_the_command_that_installs_it() {
    let mut bed = Bed::new();
    bed.server("bad", &(serve_fixture(&[]) + LACKING));
    let ran = bed.classic();
    // It was named, so its absence is a failure.
    ran.exits_with(3).measured_the_good_one();
    ran.shows("bad", "skipped", &["no-such-tool not found on PATH"]);
    assert_eq!(ran.row("bad")["hint"], "apt-get install no-such-tool");
    assert!(ran.records.iter().all(|r| r.trial.lane != "bad"));

    let mut list = harness(&["list", "--json"]);
    let listed = output(list.args(bed.server_dirs()));
    let json: serde_json::Value =
        serde_json::from_str(&listed.exits_with(0).stdout).unwrap();
    let entries = json.as_array().unwrap();
    let bad = entries.iter().find(|entry| entry["server"] == "bad").unwrap();
    assert_eq!(bad["ready"], false);
    assert_eq!(bad["hint"], "apt-get install no-such-tool");
}

fn a_tool_that_is_too_old_is_a_skip_that_names_both_versions() {
    let mut bed = Bed::new();
    let old = r#"requires = [{ cmd = ["echo", "tool 1.9"], hint = "upgrade",
        regex = 'tool (\d+)\.(\d+)', min = [1, 19] }]
"#;
    bed.server("bad", &(serve_fixture(&[]) + old));
    let ran = bed.classic();
    ran.exits_with(3).measured_the_good_one();
    ran.shows("bad", "skipped", &["1.9", "1.19"]);
}

fn a_broken_server_toml_is_refused_with_its_line() {
    let mut bed = Bed::new();
    bed.server("bad", "serve = [\"x\"]\nsevre = [\"y\"]\n");
    let ran = bed.classic();
    let stderr = &ran.finished.stderr;
    for part in ["bad", "line 4", "sevre"] {
        assert!(stderr.contains(part), "no {part:?} in {stderr}");
    }
    // Nothing was launched and nothing kept.
    ran.exits_with(2);
    assert!(!bed.path("results").exists());
}

const FAILING: &str = r#"serve = ["./server"]
build = [["sh", "-c",
    "for i in $(seq 1 80); do echo line $i; done; echo no luck >&2; exit 3"]]
"#;

fn a_failed_build_keeps_its_last_lines_and_runs_nothing_old() {
    let mut bed = Bed::new();
    let directory = bed.server("bad", FAILING);
    // What an earlier build left would serve well.
    let traces = bed.path("launched");
    let stale = format!(
        "touch '{}'\nexec '{}' \"$@\"",
        traces.display(),
        fixture().display()
    );
    script(&directory.join("server"), &stale);
    let ran = bed.classic();
    ran.exits_with(3).measured_the_good_one();
    ran.shows("bad", "build_failed", &["no luck"]);
    let harness::record::Outcome::BuildFailed { log } = ran.outcome("bad")
    else {
        panic!("no failed build");
    };
    assert!(log.contains("exit code 3") && log.contains("line 80"), "{log}");
    assert!(!log.contains("line 20\n"), "more than the last lines: {log}");
    assert!(!traces.exists(), "what an earlier build left was launched");
    assert_eq!(ran.record("bad").artifact, None);
}

fn build_names_the_server_that_fails_and_builds_the_others() {
    let mut bed = Bed::new();
    bed.server("bad", FAILING);
    let good = bed.path("good");
    let line = "build = [[\"touch\", \"built\"]]\n";
    let toml = fs::read_to_string(good.join("server.toml")).unwrap();
    fs::write(good.join("server.toml"), toml + line).unwrap();
    let mut build = harness(&["build"]);
    let built = output(build.args(bed.server_dirs()));
    built.exits_with(3);
    for part in ["bad: build failed", "no luck", "good: built"] {
        assert!(built.stdout.contains(part), "{}", built.stdout);
    }
    assert!(good.join("built").exists());
}
