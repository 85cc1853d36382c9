//! Servers once more with their library's own defaults.

use harness::record::{Outcome, Record};

use crate::bed::{Bed, Ran, serve_fixture};
use crate::tests;

tests![
    the_defaults_of_a_library_are_run_and_read_back_from_the_kernel,
    a_manifest_with_defaults_nobody_knows_is_refused,
];

fn launch(ran: &Ran, lane: &str) -> Record {
    let mut own = ran.records.iter().filter(|r| r.trial.lane == lane);
    own.next().unwrap().clone()
}

/// Backlog and NODELAY as the kernel had them, where it could be asked.
fn sockets(ran: &Ran, lane: &str) -> (Option<u32>, Option<bool>) {
    let Outcome::Measured(measured) = launch(ran, lane).outcome else {
        panic!("{lane}: {ran:#?}");
    };
    (measured.sockets.backlog, measured.sockets.nodelay)
}

fn the_defaults_of_a_library_are_run_and_read_back_from_the_kernel() {
    let mut bed = Bed::new();
    let defaults =
        "shipped = [\"--backlog\", \"99\"]\nshipped_nodelay = false\n";
    let fixture = serve_fixture(&["--bug", "good"]);
    bed.server("plain", &format!("{defaults}{fixture}"));
    let ran = bed.run(&["--scenario", "classic", "--shipped"]);
    ran.exits_with(0).measured_all();
    // A lane for each server that has defaults, beside its row.
    let json = ran.json();
    let [lane] = json["shipped"].as_array().unwrap().as_slice() else {
        panic!("{json:#}");
    };
    assert_eq!(lane["lane"], "plain@shipped");
    assert_eq!(lane["rows"][0]["outcome"], "measured", "{lane:#}");
    assert_eq!(lane["ratios"][0]["metric"], "total_ms");
    assert_eq!(lane["ratios"][0]["reference"], "plain");
    assert!(lane["ratios"][0]["verdict"].is_null());
    let rows = json["rows"].as_array().unwrap().iter();
    let servers: Vec<&str> =
        rows.map(|row| row["server"].as_str().unwrap()).collect();
    assert_eq!(servers, ["good", "plain"]);
    let (backlog, nodelay) = sockets(&ran, "plain@shipped");
    assert_eq!(backlog, Some(99));
    assert_ne!(sockets(&ran, "plain").0, Some(99));
    assert_eq!(lane["defaults"]["backlog"], 99);
    // A kernel that shows one socket's option shows the other's too.
    let others = sockets(&ran, "plain").1;
    assert_eq!((others.map(|on| !on)), nodelay);
    assert_eq!(lane["defaults"]["nodelay"], false);
}

fn a_manifest_with_defaults_nobody_knows_is_refused() {
    let mut bed = Bed::new();
    let fixture = serve_fixture(&["--bug", "good"]);
    let defaults = "shipped = [\"--spin-us\", \"7\"]\n";
    bed.server("odd", &format!("{defaults}{fixture}"));
    let ran = bed.classic();
    ran.exits_with(2);
    let told = &ran.finished.stderr;
    assert!(told.contains("--spin-us") && told.contains("odd"), "{told}");
}
