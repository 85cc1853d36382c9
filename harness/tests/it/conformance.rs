//! The conformance suite has teeth and doesn't bite the good: a mutant for
//! each case that binds, killed by that case and by no unrelated one.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::bed::{Bed, fixture, harness, serve_fixture};
use crate::guard::{Finished, Guarded};
use crate::{Ignored, tests};

use self::mutants::{MUTANTS, try_mutant};

mod mutants;

tests![
    every_mutant_is_killed_by_its_own_case_and_by_no_other,
    a_server_that_keeps_the_contract_passes_every_case,
    every_case_that_binds_has_a_mutant,
    a_failure_shows_evidence_and_the_command_that_does_it_again,
    a_case_that_is_not_there_is_wrong_usage,
    what_is_declared_unsupported_must_fail,
    an_interrupted_check_shows_what_is_done_and_leaves_nothing,
    a_random_walk_finds_a_fault_and_shrinks_to_it,
    what_failed_a_whole_tier_is_measured_without_a_rank,
];

/// Bounds for servers that are to pass; those that are to fail wait for less.
const PATIENT: &str = "10";
const IMPATIENT: &str = "2";

/// Adds the fixture with a bug; others may read where it lies.
fn add(bed: &mut Bed, id: &str, bug: &str, more: &str) -> String {
    let mut arguments = vec!["--bug"];
    arguments.extend(bug.split(' '));
    let lines = serve_fixture(&arguments) + more;
    let directory = bed.server(id, &lines);
    let open = fs::Permissions::from_mode(0o755);
    let root = directory.parent().unwrap();
    fs::set_permissions(root, open.clone()).unwrap();
    fs::set_permissions(&directory, open).unwrap();
    directory.to_str().unwrap().to_owned()
}

fn check(directory: &str, cases: &str, more: &[&str]) -> Finished {
    const PATIENCE: Duration = Duration::from_secs(400);
    let mut command = harness(&["check", "--progress", "none", "--quick"]);
    command.args(["--repeat", "1", "--seed", "7", "--case", cases]);
    command.args(["--server-dir", directory]).args(more);
    Guarded::start(&mut command).finish(PATIENCE)
}

fn cells(finished: &Finished) -> Vec<Value> {
    let report: Value = serde_json::from_str(&finished.stdout)
        .unwrap_or_else(|error| panic!("{error}: {finished:#?}"));
    report["cells"].as_array().unwrap().clone()
}

fn every_mutant_is_killed_by_its_own_case_and_by_no_other()
-> Result<(), Ignored> {
    const ABREAST: usize = 3;
    let mut bed = Bed::new();
    let directories: Vec<String> = MUTANTS
        .iter()
        .map(|(case, bug)| {
            let id = bug.split(' ').next().unwrap();
            add(&mut bed, &format!("mutant-{case}-{id}"), bug, "")
        })
        .collect();
    let next = AtomicUsize::new(0);
    let wrong: Mutex<Vec<String>> = Mutex::default();
    let skipped: Mutex<Vec<String>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..ABREAST {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&mutant) = MUTANTS.get(at) else { break };
                    let (case, bug) = mutant;
                    let tried = try_mutant(mutant, &directories[at]);
                    let (list, why) = match tried {
                        Ok(None) => continue,
                        Ok(Some(why)) => (&skipped, why),
                        Err(why) => (&wrong, why),
                    };
                    let line = format!("{case} {bug}: {why}");
                    list.lock().unwrap().push(line);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let skipped = skipped.into_inner().unwrap();
    if skipped.is_empty() {
        return Ok(());
    }
    Err(Ignored(format!("all but {}", skipped.join("; "))))
}

/// Ids and levels of all cases, from the suite itself.
fn all_cases() -> Vec<(String, String)> {
    let mut bed = Bed::new();
    let directory = add(&mut bed, "exits", "exit", "");
    // Cases without a server take no time.
    let mut command = harness(&["check", "--progress", "none", "--json"]);
    command.args(["--long", "--repeat", "1", "--server-dir", &directory]);
    let finished =
        Guarded::start(&mut command).finish(Duration::from_secs(200));
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let cases = report["cases"].as_array().unwrap();
    cases.iter().map(|it| (text(&it["id"]), text(&it["level"]))).collect()
}

fn every_case_that_binds_has_a_mutant() {
    let has: BTreeSet<&str> = MUTANTS.iter().map(|(case, _)| *case).collect();
    let cases = all_cases();
    assert!(cases.len() > 50, "{cases:?}");
    for (id, level) in cases {
        let binds = level == "MUST";
        assert!(!binds || has.contains(&*id), "{id} has no mutant");
    }
}

/// Both at once: most of a case is waiting.
fn a_server_that_keeps_the_contract_passes_every_case() {
    thread::scope(|threads| {
        for bug in ["good", "control"] {
            threads.spawn(move || passes_every_case(bug));
        }
    });
}

fn passes_every_case(bug: &str) {
    let ids: Vec<String> = all_cases().into_iter().map(|it| it.0).collect();
    let mut bed = Bed::new();
    let directory = add(&mut bed, "fine", bug, "");
    let junit = bed.path("junit.xml");
    let junit_flag = junit.to_str().unwrap();
    let more = ["--json", "--stretch", PATIENT, "--junit", junit_flag];
    let finished = check(&directory, &ids.join(","), &more);
    for cell in cells(&finished) {
        let verdict = cell["verdict"].as_str().unwrap();
        let fine = ["pass", "skip", "info"].contains(&verdict)
            && cell["afterlife"] != "fail";
        assert!(fine, "{bug}: {cell:#}");
    }
    finished.exits_with(0);
    let xml = fs::read_to_string(junit).unwrap();
    assert_eq!(xml.matches("<testcase ").count(), ids.len());
    assert!(!xml.contains("<failure"));
}

fn a_failure_shows_evidence_and_the_command_that_does_it_again() {
    let mut bed = Bed::new();
    let directory = add(&mut bed, "bad", "quit-command", "");
    let finished = check(&directory, "A5,F1", &[]);
    finished.exits_with(3);
    let text = &finished.stdout;
    let again =
        format!("cargo harness check --server-dir '{directory}' --case A5");
    for part in [
        "expected  ",
        "actual    ",
        &format!("{again} --quick --seed 7"),
        "2 cells, seed 7: 1 passed, 1 failed",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    // It does what it says.
    let mut again = harness(&["check", "--case", "A5", "--quick"]);
    again.args(["--seed", "7", "--server-dir", &directory]);
    let again = Guarded::start(&mut again).finish(Duration::from_secs(60));
    assert!(again.exits_with(3).stdout.contains("A5 bad: FAIL"), "{again:?}");
}

fn a_case_that_is_not_there_is_wrong_usage() {
    let finished = check(bed_free_fixture(), "A1,Z9", &[]);
    finished.exits_with(2);
    assert!(finished.stderr.contains("Z9"), "{}", finished.stderr);
    assert!(finished.stderr.contains("A1 A2"), "{}", finished.stderr);
    let mut command = harness(&["check"]);
    Guarded::start(&mut command).finish(Duration::from_secs(20)).exits_with(4);
}

/// Any directory will do: it isn't looked at.
fn bed_free_fixture() -> &'static str {
    fixture().parent().and_then(Path::to_str).unwrap()
}

fn what_is_declared_unsupported_must_fail() {
    let mut bed = Bed::new();
    let declared = "[[unsupported]]\ncase = \"A5\"\nwhy = \"it obeys\"\n\
                    source = \"upstream#1\"\n";
    let obeys = add(&mut bed, "obeys", "quit-command", declared);
    let finished = check(&obeys, "A5", &["--json"]);
    finished.exits_with(0);
    let cell = cells(&finished).remove(0);
    assert_eq!(cell["verdict"], "unsupported", "{cell:#}");
    assert_eq!(cell["reason"], "it obeys (upstream#1)");
    let good = add(&mut bed, "claims", "good", declared);
    let finished = check(&good, "A5", &["--json"]);
    finished.exits_with(1);
    assert_eq!(cells(&finished)[0]["verdict"], "error");
}

fn an_interrupted_check_shows_what_is_done_and_leaves_nothing() {
    let mut bed = Bed::new();
    let directory = add(&mut bed, "fine", "good", "");
    let mut command = harness(&["check", "--progress", "lines"]);
    command.args(["--case", "A1,A8,B10", "--server-dir", &directory]);
    let mut run = Guarded::start(&mut command);
    run.wait_for_stderr("3/3 B10", Duration::from_secs(60));
    run.signal(Signal::INT);
    let finished = run.finish(Duration::from_secs(20));
    finished.exits_with(130);
    let text = &finished.stdout;
    assert!(text.contains("2 cells"), "{text}");
    assert!(text.ends_with("interrupted\n"), "{text}");
    run.leaves_nothing(Duration::from_secs(10));
}

fn a_random_walk_finds_a_fault_and_shrinks_to_it() {
    let mut bed = Bed::new();
    let walk = |directory: &str, seed: &str| {
        let mut command = harness(&["check", "--progress", "none", "--json"]);
        command.args(["--fuzz", "--quick", "--runs", "1", "--seed", seed]);
        command.args(["--stretch", PATIENT, "--server-dir", directory]);
        Guarded::start(&mut command).finish(Duration::from_secs(300))
    };
    let good = add(&mut bed, "fine", "control", "");
    walk(&good, "3").exits_with(0);
    // What it takes: a connection, a byte that is unread, and a reset; another
    // one after that; more than all buffers hold, and its end. A flood ends
    // early where nobody takes anything for a moment, so that it has tries.
    for (bug, seed, step) in [
        ("exit-on-reset", "3", "reset"),
        ("stale-on-reuse", "3", "connect"),
        ("drop-queue-on-eof", "1", "flood"),
    ] {
        let bad = add(&mut bed, bug, bug, "");
        let mut tries = (0..3).map(|_| walk(&bad, seed));
        let finished = tries.find(|tried| tried.code() == Ok(3));
        let finished = finished.unwrap_or_else(|| panic!("{bug} survives"));
        let cell = cells(&finished).remove(0);
        let notes = cell["notes"].as_array().unwrap();
        let steps = notes.last().and_then(Value::as_str).unwrap();
        let count = steps.strip_prefix("by ").unwrap();
        let count: u32 = count.split(' ').next().unwrap().parse().unwrap();
        // Of two hundred; a slow hour has no time for more.
        assert!((1..=100).contains(&count), "{bug}: {steps}");
        let has = steps.contains(step) || steps.contains("close");
        assert!(has, "{bug}: {steps}");
        let command = cell["command"].as_str().unwrap();
        let again =
            format!("--server-dir '{bad}' --fuzz --quick --seed {seed}");
        assert!(command.contains(&again), "{command}");
    }
}

fn what_failed_a_whole_tier_is_measured_without_a_rank() {
    let mut bed = Bed::new();
    let bad = add(&mut bed, "bad", "quit-command", "");
    let results = bed.path("kept");
    let kept = results.join("checks/bad.json");
    let check = |more: &[&str]| {
        let mut command = harness(&["check", "--progress", "none", "--quick"]);
        command.args(["--server-dir", &bad]).args(more);
        command.arg("--results-dir").arg(&results);
        Guarded::start(&mut command).finish(Duration::from_secs(400))
    };
    check(&["--case", "A5"]).exits_with(3);
    assert!(!kept.exists(), "a case alone says nothing of a whole tier");
    check(&[]).exits_with(3);
    let results = results.to_str().unwrap();
    let run = ["--scenario", "classic", "--results-dir", results];
    let row = |server: &str| {
        let row = bed.run(&run).row(server);
        assert_eq!(row["outcome"], "measured", "{row:#}");
        row
    };
    let failed = row("bad");
    assert_eq!(failed["conformance"], "failed", "{failed:#}");
    // A noisy hour may add others.
    let cases = failed["failed_cases"].as_array().unwrap();
    assert!(cases.contains(&json!("A5")), "{cases:?}");
    assert_eq!(row("good")["conformance"], "unchecked");
    fs::write(Path::new(&bad).join("main.sh"), "changed").unwrap();
    assert_eq!(row("bad")["conformance"], "unchecked");
}
