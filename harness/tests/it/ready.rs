//! From the start of a server to its announce.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use harness::record::Outcome;

use crate::bed::{Bed, Ran, fixture, serve_fixture};
use crate::tests;

tests![
    a_server_that_cannot_be_executed_is_a_row_at_once,
    a_server_of_another_architecture_is_a_row_at_once,
    a_server_that_was_never_built_is_a_row,
    a_server_that_never_gets_ready_is_recorded_and_stopped,
    a_server_that_never_gets_ready_and_ignores_term_is_killed,
    a_server_that_is_slow_to_start_is_waited_for,
    an_announce_that_is_not_true_is_refused_with_what_is_wrong,
    an_end_before_the_announce_is_a_crash_and_no_timeout,
    an_end_between_announce_and_first_connection_is_a_crash,
    a_server_that_lacks_something_here_says_so_in_its_row,
];

/// Well below the 10 s that a server may take to get ready.
const AT_ONCE_MS: u64 = 5_000;

fn fails_at_once(ran: &Ran, outcome: &str, words: &[&str]) {
    ran.exits_with(3).measured_the_good_one();
    ran.shows("bad", outcome, words);
    let took = ran.record("bad").duration_ms;
    assert!(took < AT_ONCE_MS, "{took} ms");
}

fn a_server_that_cannot_be_executed_is_a_row_at_once() {
    let mut bed = Bed::new();
    let directory = bed.server("bad", "serve = [\"./server\"]\n");
    fs::copy(fixture(), directory.join("server")).unwrap();
    let plain = fs::Permissions::from_mode(0o644);
    fs::set_permissions(directory.join("server"), plain).unwrap();
    let words = ["server can't be started", "Permission denied"];
    fails_at_once(&bed.classic(), "never_ready", &words);
}

fn a_server_of_another_architecture_is_a_row_at_once() {
    let mut bed = Bed::new();
    let directory = bed.server("bad", "serve = [\"./server\"]\n");
    let mut binary = fs::read(fixture()).unwrap();
    // e_machine of the ELF header.
    binary[18..20].copy_from_slice(&[0xf7, 0xfe]);
    fs::write(directory.join("server"), binary).unwrap();
    let all = fs::Permissions::from_mode(0o755);
    fs::set_permissions(directory.join("server"), all).unwrap();
    let ran = bed.classic();
    fails_at_once(&ran, "never_ready", &["built for another processor"]);
}

fn a_server_that_was_never_built_is_a_row() {
    let mut bed = Bed::new();
    bed.server("bad", "serve = [\"./server\"]\n");
    fails_at_once(&bed.classic(), "build_failed", &["was not built"]);
}

fn impatient(arguments: &[&str]) -> Bed {
    let mut bed = Bed::new();
    bed.server("bad", &(serve_fixture(arguments) + "ready_s = 1\n"));
    bed
}

fn a_server_that_never_gets_ready_is_recorded_and_stopped() {
    let ran = impatient(&["--bug", "never"]).classic();
    ran.exits_with(3).measured_the_good_one();
    ran.shows("bad", "never_ready", &["no announce within 1 s"]);
    // It ended by TERM: nobody waited the 5 s until KILL.
    let took = ran.record("bad").duration_ms;
    assert!((1_000..5_000).contains(&took), "{took} ms");
}

fn a_server_that_never_gets_ready_and_ignores_term_is_killed() {
    let ran = impatient(&["--bug", "never-ignore-term"]).classic();
    ran.exits_with(3).measured_the_good_one();
    ran.shows("bad", "never_ready", &["no announce within 1 s"]);
    let took = ran.record("bad").duration_ms;
    assert!((6_000..60_000).contains(&took), "{took} ms");
}

fn a_server_that_is_slow_to_start_is_waited_for() {
    let ran = Bed::with_bad(&["--bug", "slow", "--at", "1500"]).classic();
    ran.exits_with(0).measured_the_good_one();
    ran.shows("bad", "measured", &[]);
    assert!(ran.record("bad").duration_ms >= 1_500);
}

fn an_announce_that_is_not_true_is_refused_with_what_is_wrong() {
    let foreign = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = foreign.local_addr().unwrap().port().to_string();
    let cases: [(&str, &[&str], &str); 8] = [
        ("garbage", &[], "no LISTENING in its announce"),
        ("twice", &[], "more than one line in its announce"),
        ("foreign-port", &["--at", &port], "where another process listens"),
        ("foreign-port", &[], "nothing listens on 127.0.0.1:1"),
        ("foreign-pid", &[], "process 1, which is not its own"),
        ("early", &[], "nothing listens on"),
        ("small-backlog", &[], "its backlog is 16, 4096 was asked for"),
        ("close-stdout", &[], "closed its stdout without an announce"),
    ];
    let mut bed = Bed::new();
    for (number, (bug, at, _)) in cases.iter().enumerate() {
        let arguments = [&["--bug", bug], *at].concat();
        bed.fixture(&format!("bad-{number}"), &arguments);
    }
    // In a network of its own a server would not meet the foreign port.
    let ran = bed.run(&["--scenario", "classic", "--isolation", "pin"]);
    ran.exits_with(3).measured_the_good_one();
    for (number, (_, _, words)) in cases.iter().enumerate() {
        ran.shows(&format!("bad-{number}"), "never_ready", &[words]);
    }
    // Whoever listens on the announced port was left alone.
    drop(std::net::TcpStream::connect(foreign.local_addr().unwrap()).unwrap());
}

fn an_end_before_the_announce_is_a_crash_and_no_timeout() {
    let ran = Bed::with_bad(&["--bug", "exit", "--at", "9"]).classic();
    let words = ["exit code 9 before it was ready", "asked to exit"];
    fails_at_once(&ran, "crashed", &words);
}

fn an_end_between_announce_and_first_connection_is_a_crash() {
    for bug in ["exit-announced", "exit-accepting"] {
        let ran = Bed::with_bad(&["--bug", bug, "--at", "9"]).classic();
        fails_at_once(&ran, "crashed", &["exit code 9"]);
    }
}

fn a_server_that_lacks_something_here_says_so_in_its_row() {
    let ran = Bed::with_bad(&["--bug", "unsupported"]).classic();
    // It was named, so its absence is a failure.
    fails_at_once(&ran, "unsupported", &["no flux capacitor"]);
    assert!(matches!(ran.outcome("bad"), Outcome::Unsupported { .. }));
}
