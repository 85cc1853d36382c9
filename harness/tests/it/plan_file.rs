//! `run --plan`: a mixture from a file runs as it says, and a wrong file
//! starts nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::bed::{Bed, harness};
use crate::guard::output;
use crate::tests;

tests![
    a_plan_file_runs_its_own_mixture_and_comes_back_from_the_run,
    a_wrong_plan_file_is_refused_with_its_place_and_starts_nothing,
];

const MIXTURE: &str = r#"
servers     = ["good"]
scenario    = ["load", "sizes@512"]
connections = 32
payload     = 64
rate        = 500
rounds      = 2
reference   = "good"
seed        = 11

[windows]
warm_up    = "100ms"
fixed_rate = "300ms"
in_flight  = "200ms"
step       = "0s"
idle       = "50ms"
"#;

/// `run --plan` over the servers of a bed.
fn planned(bed: &Bed, plan: &Path) -> Command {
    let mut command = harness(&["run", "--json", "--progress", "lines"]);
    command.args(bed.server_dirs()).arg("--plan").arg(plan);
    command.arg("--results-dir").arg(bed.path("results"));
    command
}

fn a_plan_file_runs_its_own_mixture_and_comes_back_from_the_run() {
    let bed = Bed::new();
    let (plan, again) = (bed.path("plan.toml"), bed.path("again.toml"));
    fs::write(&plan, MIXTURE).unwrap();
    let mut command = planned(&bed, &plan);
    command.arg("--export").arg(format!("plan={}", again.display()));
    let ran = bed.ran(output(&mut command));
    ran.exits_with(0).measured_all();
    let json = ran.json();
    let settings = &json["plan"]["settings"];
    for (name, value) in [
        ("connections", 32),
        ("payload_bytes", 64),
        ("fixed_rate_ms", 300),
        ("in_flight_ms", 200),
        ("step_ms", 0),
        ("idle_ms", 50),
    ] {
        assert_eq!(settings[name], value, "{name}: {settings:#}");
    }
    // Server and control, two scenarios, two rounds; the +5 % copy in one.
    assert_eq!(ran.records.len(), 2 * 2 * 2 + 2);
    let trials = |plan: &Path| {
        let mut command = planned(&bed, plan);
        output(command.arg("--dry-run")).exits_with(0).stdout.clone()
    };
    assert_eq!(trials(&plan), trials(&again));
    let shorter = output(planned(&bed, &plan).args(["--quick", "--dry-run"]));
    assert!(shorter.exits_with(0).stdout.starts_with("4 trials in 1 round"));
}

fn a_wrong_plan_file_is_refused_with_its_place_and_starts_nothing() {
    let bed = Bed::new();
    let path = |name: &str, text: &[u8]| {
        let path = bed.path(name);
        fs::write(&path, text).unwrap();
        path
    };
    let large = path("large.toml", b"");
    fs::File::options()
        .write(true)
        .open(&large)
        .and_then(|file| file.set_len(100 << 20))
        .unwrap();
    let cases = [
        (path("key.toml", b"all = true\nrat = 5\n"), "key.toml:2:1: "),
        (path("id.toml", b"servers = [\"goo\"]"), "id.toml:1:12: there is"),
        (
            path("client.toml", b"client = \"wrk\""),
            "client.toml:1:10: there is no client \"wrk\"; the clients are",
        ),
        (path("text.toml", b"all = true # \xff"), "text.toml:1:14: "),
        (bed.path("none.toml"), "none.toml can't be read"),
        (bed.path("."), "can't be read"),
        (large, "is larger than 64 KiB"),
    ];
    for (plan, words) in cases {
        let finished = output(&mut planned(&bed, &plan));
        finished.exits_with(2);
        assert_eq!(finished.stdout, "");
        let line = finished.stderr.trim_end();
        assert!(line.starts_with("error: ") && line.contains(words), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
    let plan = path("plan.toml", MIXTURE.as_bytes());
    let both = output(planned(&bed, &plan).args(["-c", "5"]));
    assert!(both.exits_with(2).stderr.contains("--plan"), "{}", both.stderr);
    assert!(!bed.path("results").exists());
}
