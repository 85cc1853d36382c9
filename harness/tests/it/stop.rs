//! What a server leaves on its way out, and what it writes meanwhile.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bed::{Bed, PATIENCE, only_run};
use crate::guard::Guarded;
use crate::tests;

tests![
    a_server_that_ignores_term_is_measured_and_flagged,
    processes_left_in_the_group_are_killed_and_flagged,
    processes_left_in_another_session_are_killed_and_flagged,
    a_flood_on_stderr_neither_blocks_nor_fills_anything,
    more_than_the_announce_on_stdout_is_no_measurement,
];

fn flags(row: &Value) -> Vec<&str> {
    let flags = row["flags"].as_array().unwrap();
    flags.iter().map(|flag| flag.as_str().unwrap()).collect()
}

/// Asserts that it was measured under this remark, and that a good server
/// makes no such remark. That nothing is left over every run shows.
fn measured_with_flag(bug: &str, flag: &str) {
    let ran = Bed::with_bad(&["--bug", bug]).classic();
    ran.exits_with(0).measured_the_good_one();
    ran.shows("bad", "measured", &[]);
    let (bad, good) = (ran.row("bad"), ran.row("good"));
    assert!(flags(&bad).contains(&flag), "{bad:#}");
    assert!(!flags(&good).contains(&flag), "{good:#}");
}

fn a_server_that_ignores_term_is_measured_and_flagged() {
    measured_with_flag("ignore-term", "unclean-stop");
}

fn processes_left_in_the_group_are_killed_and_flagged() {
    measured_with_flag("leave-child", "leaked-processes");
}

fn processes_left_in_another_session_are_killed_and_flagged() {
    measured_with_flag("escape-child", "leaked-processes");
}

fn a_flood_on_stderr_neither_blocks_nor_fills_anything() {
    let mut bed = Bed::new();
    bed.fixture("bad", &["--bug", "flood-stderr", "--at", "256"]);
    bed.fixture("dies", &["--bug", "flood-stderr", "--at", "8"]);
    let mut run = Guarded::start(&mut bed.command(&["--scenario", "classic"]));
    let most = most_memory_kib(&mut run);
    let ran = bed.finish(&mut run);
    ran.exits_with(0).measured_the_good_one();
    ran.shows("bad", "measured", &[]);
    // The last MiB is kept; 256 MiB went by.
    assert!(most < 128 << 10, "the harness grew to {most} KiB");
    let kept: u64 = fs::read_dir(only_run(&bed.path("results")))
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    assert!(kept < 1 << 20, "{kept} bytes kept on disk");
}

/// The largest resident set of a process until its end, in KiB.
fn most_memory_kib(run: &mut Guarded) -> u64 {
    let path = format!("/proc/{}/status", run.pid());
    let deadline = Instant::now() + PATIENCE;
    let mut most = 0;
    while !run.has_ended() && Instant::now() < deadline {
        let status = fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let words = line.and_then(|line| line.split_whitespace().nth(1));
        most = words.and_then(|kib| kib.parse().ok()).unwrap_or(most);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(most > 0, "nothing could be read from {path}");
    most
}

fn more_than_the_announce_on_stdout_is_no_measurement() {
    let ran = Bed::with_bad(&["--bug", "flood-stdout"]).classic();
    ran.exits_with(3).measured_the_good_one();
    ran.shows("bad", "never_ready", &["its announce"]);
}
