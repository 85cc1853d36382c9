//! Ctrl-C and SIGTERM.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::bed::{Bed, PATIENCE, Ran, harness, serve_fixture};
use crate::guard::Guarded;
use crate::tests;

tests![
    ctrl_c_saves_and_prints_what_is_complete_and_how_to_go_on,
    sigterm_does_the_same_with_its_own_code,
    an_interrupt_during_a_build_ends_the_build,
    a_second_interrupt_ends_at_once_and_the_server_with_it,
];

/// Three seconds by design, ten times as much in a noisy hour.
const SOON: Duration = Duration::from_secs(30);

fn interrupted(signal: Signal, code: i32) {
    let bed = Bed::new();
    let mut run = bed.command(&["--rounds", "2"]);
    let mut run = Guarded::start(&mut run);
    // Two classic trials are done, the first held load has begun.
    run.wait_for_stderr("[3/8]", PATIENCE);
    run.signal(signal);
    let began = Instant::now();
    let ran = bed.finish(&mut run);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    ran.exits_with(code);
    let json = ran.json();
    assert_eq!(json["partial"], true);
    let before = &ran.records;
    assert_eq!(before.len(), 2);

    let resumed = resume(&bed, &ran);
    resumed.exits_with(0).measured_all();
    assert_eq!(resumed.json()["partial"], false);
    assert_eq!(resumed.json()["run"], json["run"]);
    // Each trial of the plan once, the finished ones not repeated.
    let records = &resumed.records;
    assert_eq!(records.len(), 8);
    assert_eq!(records[..2], before[..]);
}

/// Runs the command that the interrupted run has printed.
fn resume(bed: &Bed, ran: &Ran) -> Ran {
    let stderr = &ran.finished.stderr;
    let (_, command) = stderr
        .split_once("go on with: cargo harness ")
        .unwrap_or_else(|| panic!("no command in {stderr}"));
    let words: Vec<&str> =
        command.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(words[..2], ["run", "--resume"]);
    let mut run = harness(&words);
    let mut run = Guarded::start(run.arg("--json"));
    bed.finish(&mut run)
}

fn ctrl_c_saves_and_prints_what_is_complete_and_how_to_go_on() {
    interrupted(Signal::INT, 130);
}

fn sigterm_does_the_same_with_its_own_code() {
    interrupted(Signal::TERM, 143);
}

fn an_interrupt_during_a_build_ends_the_build() {
    let mut bed = Bed::new();
    let lines = serve_fixture(&[]) + "build = [[\"sleep\", \"300\"]]\n";
    bed.server("bad", &lines);
    let mut run = Guarded::start(&mut bed.command(&[]));
    run.wait_for_stderr("building bad", PATIENCE);
    std::thread::sleep(Duration::from_millis(100));
    run.signal(Signal::INT);
    let began = Instant::now();
    bed.finish(&mut run).exits_with(130);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

fn a_second_interrupt_ends_at_once_and_the_server_with_it() {
    let mut bed = Bed::new();
    let lines = serve_fixture(&["--bug", "never-ignore-term"]);
    let bad = bed.server("bad", &(lines + "ready_s = 1\n"));
    assert!(bad.exists());
    let mut run = bed.command(&["--scenario", "classic", "--reference", "bad"]);
    let mut run = Guarded::start(&mut run);
    // After 1 s the harness asks a server to end that won't, and gives it
    // 5 s to do so: in between it hears nothing but a second interrupt.
    run.wait_for_stderr("· bad", PATIENCE);
    std::thread::sleep(Duration::from_millis(2_500));
    run.signal(Signal::INT);
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    run.signal(Signal::INT);
    let finished = run.finish(PATIENCE);
    assert!(began.elapsed() < Duration::from_secs(2), "{finished:?}");
    finished.exits_with(130);
    run.leaves_nothing(Duration::from_secs(10));
}
