//! The instrument's proof of itself, in small: that each test measures what
//! it is about, and that it misses its goal where the server isn't what it
//! is held to be. Goals are for a quiet machine and are not asked here.

use std::path::Path;
use std::sync::OnceLock;

use harness::build::Built;
use harness::calibrate::{self, Finding, Lab, Run, Size, Tools, Trouble};
use harness::calibrate::{Certificate, FILE, State};
use harness::drive::Client;
use harness::host::inspect::inspect;
use harness::interrupt::Interrupt;
use harness::plan::Isolation;
use harness::record::Artifact;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::bed::{HARNESS, PATIENCE, fixture, harness, root, target};
use crate::guard::{Finished, Guarded, output};
use crate::{Ignored, tests};

tests![
    every_message_of_a_paced_load_is_accounted_for,
    a_witness_sees_the_gaps_of_the_plan,
    a_server_that_stands_still_shows_by_the_closed_form_and_only_then,
    every_kind_of_damage_is_found_and_none_where_there_is_none,
    liars_are_caught_and_a_sound_server_is_not,
    ten_thousand_connections_in_small_are_opened_and_counted,
    cpu_is_what_was_burnt_and_a_false_burner_is_told,
    occupancy_is_what_is_in_flight,
    a_slow_client_is_told_and_a_slow_server_not_blamed_on_it,
    the_pause_of_one_connection_is_its_gap_and_without_one_there_is_none,
    a_certificate_accumulates_and_stands_below_tables,
    an_interrupt_keeps_what_was_finished,
    what_cannot_be_calibrated_is_refused_or_left_out,
];

/// A part of the time and of the connections of a certificate.
fn small(time: f64) -> Size {
    Size { connections: 200, time }
}

/// What tests are made with; nothing of it is built twice.
pub(crate) fn tools() -> Tools<'static> {
    static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();
    static DIRECTORY: OnceLock<TempDir> = OnceLock::new();
    let command = vec![fixture().into()];
    let binary = target().join("release/load");
    let directory = DIRECTORY.get_or_init(|| tempfile::tempdir().unwrap());
    let artifact = Artifact { sha256: String::new(), version: String::new() };
    Tools {
        client: Client::Shared(binary.clone()),
        binary,
        harness: HARNESS.into(),
        fixture: Built { artifact, command, directory: root() },
        isolation: Isolation { pin: true, ..Isolation::default() },
        host: inspect(Path::new(".")),
        directory: directory.path().to_path_buf(),
        results: directory.path().join("kept"),
        interrupt: INTERRUPT.get_or_init(|| Interrupt::install().unwrap()),
    }
}

/// Runs a test, with another server in place of its own if one is named.
pub(crate) fn find(
    id: &str,
    size: Size,
    instead: Option<&'static str>,
) -> Result<Finding, Ignored> {
    let tools = tools();
    let tests = calibrate::all();
    let test = tests.iter().find(|test| test.id == id).unwrap();
    let Run::Drive(run) = test.run else { panic!("{id} drives nothing") };
    let found = tools.lab(size, 7, |mut lab: Lab<'_>| {
        lab.instead = instead;
        run(&lab)
    });
    match found {
        Ok(finding) => Ok(finding),
        Err(Trouble::CannotJudge(why)) => Err(Ignored(why)),
        Err(trouble) => panic!("{id}: {trouble:?}"),
    }
}

/// The figures whose names begin like this.
pub(crate) fn figures(finding: &Finding, name: &str) -> Vec<f64> {
    let all = finding.figures.iter();
    let named = all.filter(|figure| figure.name.starts_with(name));
    let values: Vec<f64> = named.map(|figure| figure.value).collect();
    assert!(!values.is_empty(), "no {name:?} in {finding:?}");
    values
}

/// Tries a few times, for others may have the CPUs; in an hour in which they
/// always do nothing is claimed.
fn find_below(
    id: &str,
    size: Size,
    (name, limit): (&str, f64),
) -> Result<Finding, Ignored> {
    for _ in 0..3 {
        let found = find(id, size, None)?;
        if figures(&found, name).iter().all(|value| *value < limit) {
            return Ok(found);
        }
    }
    Err(Ignored(format!("{id} never came below {limit}: busy CPUs?")))
}

fn every_message_of_a_paced_load_is_accounted_for() -> Result<(), Ignored> {
    let found = find("K1", small(0.05), None)?;
    assert_eq!(figures(&found, "unaccounted"), [0.0]);
    assert!((18_000..22_000).contains(&found.n), "{found:?}");
    assert!(figures(&found, "slip p99")[0] > 0.0, "{found:?}");
    Ok(())
}

fn a_witness_sees_the_gaps_of_the_plan() -> Result<(), Ignored> {
    let found = find("K2", small(0.1), None)?;
    // How they are spread is for a quiet hour; how many there are is not.
    assert!((1_700..2_300).contains(&found.n), "{found:?}");
    assert!(figures(&found, "correlation")[0].abs() < 0.5, "{found:?}");
    Ok(())
}

fn a_server_that_stands_still_shows_by_the_closed_form_and_only_then()
-> Result<(), Ignored> {
    let found = find("K3", small(0.1), None)?;
    // 80 ms by the closed form; a busy neighbour can only add to it.
    for p99_ms in figures(&found, "p99 at") {
        assert!(p99_ms > 60.0, "{found:?}");
    }
    assert!(figures(&found, "naive p99")[0] > 0.0, "{found:?}");
    let found = find("K3", small(0.1), Some("prompt"))?;
    assert!(found.is_missed(), "nothing stood still: {found:?}");
    Ok(())
}

fn every_kind_of_damage_is_found_and_none_where_there_is_none()
-> Result<(), Ignored> {
    let found = find("K7", small(0.04), None)?;
    assert_eq!(figures(&found, "found"), [4.0]);
    assert_eq!(figures(&found, "unequal"), [0.0]);
    let found = find("K7", small(0.01), Some("good"))?;
    assert_eq!(figures(&found, "found"), [0.0]);
    assert!(found.is_missed());
    Ok(())
}

fn liars_are_caught_and_a_sound_server_is_not() -> Result<(), Ignored> {
    let found = find("K8", small(1.0), None)?;
    assert_eq!(figures(&found, "caught"), [5.0]);
    assert_eq!(figures(&found, "accused falsely"), [0.0]);
    let found = find("K8", small(1.0), Some("good"))?;
    assert_eq!(figures(&found, "caught"), [0.0]);
    assert!(found.is_missed());
    Ok(())
}

fn ten_thousand_connections_in_small_are_opened_and_counted()
-> Result<(), Ignored> {
    let found = find("K9", small(1.0), None)?;
    assert_eq!(found.n, 200);
    assert_eq!(figures(&found, "SYN cookies"), [0.0]);
    assert!(figures(&found, "opened within")[0] > 0.0);
    Ok(())
}

fn cpu_is_what_was_burnt_and_a_false_burner_is_told() -> Result<(), Ignored> {
    // It burns a third more than it says.
    let found = find("K10", small(0.2), Some("burn-falsely"))?;
    assert!(found.is_missed(), "{found:?}");
    let off = ("off what was burnt", 15.0);
    let found = find_below("K10", small(0.2), off)?;
    assert!(figures(&found, "off wait4")[0] < 15.0, "{found:?}");
    Ok(())
}

fn occupancy_is_what_is_in_flight() -> Result<(), Ignored> {
    let found = find_below("K27", small(0.2), ("off at", 25.0))?;
    assert_eq!(figures(&found, "off at").len(), 5);
    Ok(())
}

/// `calibrate` with these arguments and a directory of its own.
fn said(results: &Path, arguments: &[&str]) -> Finished {
    let mut command = harness(&["calibrate", "--progress", "lines"]);
    command.arg("--results-dir").arg(results).args(arguments);
    output(&mut command)
}

fn stored(results: &Path) -> Certificate {
    let text = std::fs::read_to_string(results.join(FILE)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn a_slow_client_is_told_and_a_slow_server_not_blamed_on_it()
-> Result<(), Ignored> {
    let found = find("K15", small(0.25), None)?;
    // No neighbour makes a client faster than what it burns.
    let period = figures(&found, "echo of a slow client")[0];
    assert!(period >= 1.0, "it burnt nothing: {found:?}");
    let found = find_below("K15", small(0.25), ("slow clients not told", 1.0))?;
    assert_eq!(found.n, 6);
    let off = figures(&found, "what the server burnt, by throughput")[0];
    assert!(off.is_finite(), "{found:?}");
    // One that spins for its own sake looks saturated, whatever the client.
    let found = find("K15", small(0.25), Some("prompt"))?;
    assert_eq!(figures(&found, "slow clients not told"), [3.0], "{found:?}");
    Ok(())
}

fn the_pause_of_one_connection_is_its_gap_and_without_one_there_is_none()
-> Result<(), Ignored> {
    let off = "longest gap off the log";
    let found = find_below("K29", small(0.3), (off, 10.0))?;
    assert!(figures(&found, "others' p99")[0] > 0.0, "{found:?}");
    let found = find("K29", small(0.3), Some("prompt"))?;
    assert!(figures(&found, off)[0] > 10.0, "nothing paused: {found:?}");
    Ok(())
}

fn a_certificate_accumulates_and_stands_below_tables() {
    let directory = tempfile::tempdir().unwrap();
    let results = directory.path();
    let first = said(results, &["--only", "k22", "--json"]);
    first.exits_with(0);
    let printed: Certificate = serde_json::from_str(&first.stdout).unwrap();
    assert_eq!(printed, stored(results));
    said(results, &["--only", "K6"]).exits_with(0);
    let both = stored(results);
    for id in ["K6", "K22"] {
        assert_eq!(both.entry(id).unwrap().state, State::Met, "{id}");
    }
    assert_eq!(both.entry("K1").unwrap().state, State::NotRun);
    let text = std::fs::read_to_string(results.join(FILE)).unwrap();
    assert!(!text.contains(&root().display().to_string()), "a path");
    // A committed run is of another machine, or this is where it was made:
    // the line is there in either case.
    let show = |results: &Path| {
        let mut command = harness(&["show", "latest"]);
        command.arg("--results-dir").arg(results);
        output(&mut command)
    };
    let table = show(results);
    assert!(table.exits_with(0).stdout.contains("Instrument: "));
    std::fs::write(results.join(FILE), "{").unwrap();
    let damaged = show(results);
    let said = &damaged.exits_with(0).stdout;
    assert!(said.contains("certificate.json can't be read"), "{said}");
    let refused = self::said(results, &["--only", "K22"]);
    assert!(refused.exits_with(1).stderr.contains("certificate.json"));
}

fn an_interrupt_keeps_what_was_finished() {
    let directory = tempfile::tempdir().unwrap();
    let results = directory.path();
    let mut command = harness(&["calibrate", "--progress", "lines"]);
    command.args(["--only", "K6,K21"]).arg("--results-dir").arg(results);
    let mut calibrate = Guarded::start(&mut command);
    calibrate.wait_for_stderr("K6 ", PATIENCE);
    calibrate.signal(Signal::INT);
    let finished = calibrate.finish(PATIENCE);
    finished.exits_with(130);
    assert!(finished.stderr.contains("what was finished is kept"));
    let kept = stored(results);
    assert_ne!(kept.entry("K6").unwrap().state, State::NotRun);
    assert_eq!(kept.entry("K21").unwrap().state, State::NotRun);
}

fn what_cannot_be_calibrated_is_refused_or_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let results = directory.path();
    for (arguments, word) in [
        (&["--only", "K99"][..], "K99"),
        (&["--only", "K1", "--full"], "--full"),
        (&["--for", "0s"], "--for"),
        (&["--for", "soon"], "--for"),
    ] {
        let refused = said(results, arguments);
        refused.exits_with(2);
        assert!(refused.stderr.contains(word), "{}", refused.stderr);
        assert!(!results.join(FILE).exists());
    }
    let short = said(results, &["--only", "K21", "--for", "5s"]);
    short.exits_with(0);
    assert!(short.stderr.contains("not begun"), "{}", short.stderr);
    assert!(!results.join(FILE).exists());
}
