//! The mutants: for each case that binds, the fault of the fixture that it
//! kills, and how one is tried.

use super::{IMPATIENT, PATIENT, cells, check};

/// A case, and the fault that it is there to find.
pub(super) const MUTANTS: &[(&str, &str)] = &[
    ("A1", "off-by-one4096"),
    ("A2", "wrap-reads"),
    ("A3", "one-read-per-event"),
    ("A4", "drop-on-split"),
    ("A5", "quit-command"),
    ("A6", "wrap-total"),
    ("A7", "stale-on-reuse"),
    ("A8", "late-first"),
    ("A9", "eof-spin"),
    ("B1", "close-on-rdhup"),
    ("B2", "drop-queue-on-eof"),
    ("B3", "impatient-close"),
    ("B4", "ignore-eof"),
    ("B5", "exit-on-reset"),
    ("B5", "die-of-pipe"),
    ("B6", "peer-addr-unwrap"),
    ("B7", "linger-zero"),
    ("B8", "leak-descriptor"),
    ("B10", "idle-timeout"),
    ("C1", "unbounded-queue"),
    ("C2", "deep-queues"),
    ("C3", "no-resume"),
    ("C4", "spin-on-block"),
    ("C5", "drain-forever"),
    ("C6", "pool-of-four"),
    ("C7", "busy-poll"),
    ("C8", "stall-starves"),
    ("D1", "frame100"),
    ("D3", "two-writes"),
    ("D4", "small-backlog"),
    ("E1", "accept-error-spin"),
    ("E2", "disable-forever"),
    ("E3", "spare-descriptor"),
    ("E4", "only-emfile"),
    ("E5", "sleep-on-abort"),
    ("E5", "stop-at-fault"),
    ("E6", "spawn-unwrap"),
    ("E8", "big-buffers"),
    ("E8", "unbounded-queue"),
    ("E9", "accept-one-edge"),
    ("E10", "fat-connections"),
    ("E11", "close-accepted --at 700"),
    ("E12", "sleep-on-reset"),
    ("E13", "two-descriptors"),
    ("F1", "twice"),
    ("F1", "ignore-host"),
    ("F2", "bind-any"),
    ("F3", "four-only"),
    ("F4", "reuse-port"),
    ("F5", "no-reuse-addr"),
    ("F6", "ignore-term"),
    ("F7", "exit-now"),
    ("F8", "wait-forever"),
    ("F9", "log-unwrap"),
    ("F10", "fatal-interrupt"),
    ("F11", "leave-child"),
    ("F12", "panic-arguments"),
    ("F13", "needs-home"),
    ("F14", "opens-file"),
    ("F15", "silent-fallback"),
    ("F16", "hang-starved"),
];

/// Those whose fault is to end: of any other that merely died nothing was
/// found.
const MORTAL: &[&str] = &[
    "exit-on-reset",
    "die-of-pipe",
    "peer-addr-unwrap",
    "drop-queue-on-eof",
    "only-emfile",
    "spawn-unwrap",
    "big-buffers",
    "unbounded-queue",
    "log-unwrap",
    "fatal-interrupt",
    "panic-arguments",
    "needs-home",
    "exit-now",
];

/// What every mutant passes, unless it is its own.
const UNRELATED: [&str; 3] = ["A1", "A8", "F1"];

/// Why it couldn't be tried on this machine, if so.
///
/// # Errors
/// It survives its case, or fails an unrelated one.
pub(super) fn try_mutant(
    (case, bug): (&str, &str),
    directory: &str,
) -> Result<Option<String>, String> {
    let own = check(directory, case, &["--json", "--stretch", IMPATIENT]);
    let cell = cells(&own).remove(0);
    let died =
        cell["actual"].as_str().is_some_and(|it| it.contains("; it had"));
    if died && !MORTAL.contains(&bug) {
        return Err(format!("merely died {cell:#}"));
    }
    match cell["verdict"].as_str().unwrap() {
        "fail" => {}
        // The machine lacks what the case needs, and says so.
        "skip" => return Ok(Some(cell["reason"].to_string())),
        _ if cell["afterlife"] == "fail" => {}
        _ => return Err(format!("survives {cell:#}")),
    }
    let others: Vec<&str> =
        UNRELATED.into_iter().filter(|other| *other != case).collect();
    let more = ["--json", "--stretch", PATIENT];
    let others = check(directory, &others.join(","), &more);
    for cell in cells(&others) {
        if cell["verdict"] != "pass" || cell["afterlife"] == "fail" {
            return Err(format!("fails an unrelated case {cell:#}"));
        }
    }
    Ok(None)
}
