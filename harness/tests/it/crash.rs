//! Servers that end or get stuck while they are measured, and a client that
//! does.

use std::time::Duration;

use harness::record::Outcome;
use rustix::process::{Pid, Signal, kill_process};

use crate::bed::{Bed, PATIENCE};
use crate::guard::{Guarded, wait_until};
use crate::tests;

tests![
    a_server_that_dies_under_load_is_a_crash_with_its_signal_or_code,
    a_server_that_dies_in_the_classic_test_is_a_crash,
    a_server_that_gets_stuck_is_given_up_as_stalled,
    a_client_that_dies_is_no_fault_of_the_server,
];

const DEATHS: [(&str, &str); 4] = [
    ("abort", "signal 6 (SIGABRT)"),
    ("segv", "signal 11 (SIGSEGV)"),
    ("kill", "signal 9 (SIGKILL)"),
    ("exit-zero", "exit code 0"),
];

/// Detection is due within 200 ms and the client's end within 2 s; a trial
/// that waited for a stall or a deadline instead takes more than this.
const SOON_MS: u64 = 5_000;

fn deaths_are_named(scenario: &str, at: &str) {
    let mut bed = Bed::new();
    for (bug, _) in DEATHS {
        bed.fixture(bug, &["--bug", bug, "--at", at]);
    }
    let ran = bed.run(&["--scenario", scenario]);
    ran.exits_with(3).measured_the_good_one();
    for (bug, end) in DEATHS {
        ran.shows(bug, "crashed", &[end]);
        let took = ran.record(bug).duration_ms;
        assert!(took < SOON_MS, "{bug}: {took} ms");
    }
}

fn a_server_that_dies_under_load_is_a_crash_with_its_signal_or_code() {
    // Two sweeps of 64 nonces are 4 KiB: this is inside a window.
    deaths_are_named("load", "40000");
}

fn a_server_that_dies_in_the_classic_test_is_a_crash() {
    deaths_are_named("classic", "3000");
}

fn a_server_that_gets_stuck_is_given_up_as_stalled() {
    let mut bed = Bed::new();
    for bug in ["freeze", "deadlock"] {
        bed.fixture(bug, &["--bug", bug, "--at", "40000"]);
    }
    let ran = bed.load();
    ran.exits_with(3).measured_the_good_one();
    for (bug, state) in [("freeze", "state T"), ("deadlock", "state S")] {
        ran.shows(bug, "stalled", &["fixed_rate"]);
        let Outcome::Stalled { log, .. } = ran.outcome(bug) else {
            panic!("not stalled");
        };
        assert!(log.contains(state), "what it waited in: {log}");
        let took = ran.record(bug).duration_ms;
        assert!((5_000..50_000).contains(&took), "{bug}: {took} ms");
    }
}

fn a_client_that_dies_is_no_fault_of_the_server() {
    let bed = Bed::new();
    let mut run = Guarded::start(&mut bed.command(&["--scenario", "load"]));
    run.wait_for_stderr("[1/2]", PATIENCE);
    let mut client = None;
    let seen = wait_until(Duration::from_secs(30), || {
        client = run.offspring_named("load");
        client.is_some()
    });
    assert!(seen, "no client: {}", run.stderr());
    // It has its orders by then, and is not yet through with them.
    std::thread::sleep(Duration::from_millis(300));
    let pid = client.and_then(|pid| Pid::from_raw(pid.cast_signed())).unwrap();
    kill_process(pid, Signal::KILL).unwrap();

    let ran = bed.finish(&mut run);
    let records = &ran.records;
    let Outcome::HarnessError { message } = &records[0].outcome else {
        panic!("{:?}", records[0].outcome);
    };
    assert!(message.contains("signal 9"), "{message}");
    assert!(message.contains("client"), "{message}");
    // The other launch of the same server was measured.
    assert_eq!(records.len(), 2);
    assert_eq!(records[1].outcome.name(), "measured");
    // No server failed: it was the tool.
    ran.exits_with(1);
}
