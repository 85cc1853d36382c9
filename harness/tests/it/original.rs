//! The original's three clients: each against every server that runs here,
//! and what is made of servers that fail them.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use harness::catalog::Client;
use harness::record::Outcome;
use harness::store::Run;
use harness::summarize::{Summary, summarize};
use libtest_mimic::Trial;
use rustix::process::Signal;
use serde_json::Value;

use crate::bed::{Bed, PATIENCE, Ran, harness, only_run, root, target};
use crate::guard::{Guarded, output};
use crate::unfit::room_for_many;
use crate::{Ignored, Verdict, tests as named};

const CLIENTS: [&str; 3] = ["original-cpp", "original-python", "original-rust"];
/// Few, for there are many pairs.
const FEW: u32 = 200;

mod alone {
    use super::*;

    named![
        ten_thousand_of_the_original_are_served,
        runs_of_different_clients_are_not_compared,
        a_resumed_run_keeps_its_client,
        a_client_that_lacks_its_tool_is_refused_with_what_installs_it,
        an_interrupt_ends_the_originals_client,
    ];
}

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    for client in CLIENTS {
        let name = client.replace('-', "_");
        for directory in crate::tidy::servers::directories() {
            let id = directory.file_name().unwrap().to_str().unwrap();
            let (id, own) = (id.to_owned(), id.replace('-', "_"));
            let test = move || is_served(client, &id).verdict();
            let name = format!("{name}_is_served_by_{own}");
            tests.push(Trial::ignorable_test(name, test));
        }
        let test = move || names_failures(client).verdict();
        let name = format!("{name}_tells_how_a_server_failed");
        tests.push(Trial::ignorable_test(name, test));
    }
    tests.extend(alone::tests());
    tests
}

/// Ignores the test where this client can't run.
fn can_run(client: &str) -> Result<(), Ignored> {
    let found = Client::find(&root(), client).unwrap();
    let Err(skip) = found.program().receipt() else { return Ok(()) };
    ignored(&skip)
}

/// CI installs every toolchain, so there none may be missing.
fn ignored(skip: &harness::plan::Skip) -> Result<(), Ignored> {
    let all = std::env::var_os("HARNESS_TEST_REQUIRE_ALL").is_some();
    assert!(!all, "{skip:?}");
    let hint = skip.hint.as_deref().unwrap_or_default();
    Err(Ignored(format!("{}; {hint}", skip.reason)))
}

/// One run of all servers for each client.
fn run_of_all(client: &'static str) -> &'static (Run, Summary) {
    type Runs = Mutex<BTreeMap<&'static str, &'static (Run, Summary)>>;
    static RUNS: OnceLock<Runs> = OnceLock::new();
    let mut runs = RUNS.get_or_init(Runs::default).lock().unwrap();
    runs.entry(client).or_insert_with(|| {
        let results = target().join("it-original").join(client);
        fs::remove_dir_all(&results).ok();
        let arguments = ["run", "--all", "--quick", "--json", "-c", "200"];
        let mut command = harness(&arguments);
        command.args(["--client", client]).arg("--results-dir").arg(&results);
        let mut guarded = Guarded::start(&mut command);
        // The first build of all runtimes on a slow machine takes long.
        guarded.finish(Duration::from_secs(1_800));
        guarded.leaves_nothing(Duration::from_secs(10));
        let run = Run::load(&only_run(&results)).unwrap();
        let summary =
            summarize(&run.id, false, &run.host, &run.plan, &run.records);
        Box::leak(Box::new((run, summary)))
    })
}

fn is_served(client: &'static str, server: &str) -> Result<(), Ignored> {
    can_run(client)?;
    let (run, summary) = run_of_all(client);
    assert_eq!(run.plan.settings.client, client);
    let skipped = run.plan.skipped.iter().find(|skip| skip.server == server);
    if let Some(skip) = skipped {
        return ignored(skip);
    }
    let mut rows = summary.rows.iter().filter(|row| row.server == server);
    let row = rows.next().unwrap_or_else(|| panic!("{server} has no row"));
    if row.outcome == "unsupported" {
        return Err(Ignored(row.reason.clone().unwrap_or_default()));
    }
    assert_eq!(row.outcome, "measured", "{row:#?}");
    assert!(rows.next().is_none(), "classic alone");
    // The average is the original's; there is nothing of one connection.
    let metric = |name: &str| row.metrics[name].median;
    let (total_ms, avg_us) = (metric("total_ms"), metric("avg_us"));
    assert!(total_ms > 0.0);
    let average = total_ms * 1e3 / f64::from(FEW);
    assert!((avg_us - average).abs() < 1e-6, "{avg_us} is not {average}");
    let figures: Vec<&str> = row.metrics.keys().map(String::as_str).collect();
    assert_eq!(figures, ["avg_us", "connections_per_s", "total_ms"]);
    let mut own = run.records.iter().filter(|r| r.trial.lane == server);
    let Some(Outcome::Measured(measurement)) = own.next().map(|r| &r.outcome)
    else {
        panic!("{server} has no measurement");
    };
    let connections = measurement.report.connections;
    assert_eq!((connections.requested, connections.established), (FEW, FEW));
    assert!(measurement.report.client.cpu_ns > 0);
    Ok(())
}

/// One run over servers that fail in different ways.
fn names_failures(client: &str) -> Result<(), Ignored> {
    can_run(client)?;
    let mut bed = Bed::new();
    for bug in ["corrupt", "close-accepted", "black-hole"] {
        bed.fixture(bug, &["--bug", bug]);
    }
    bed.fixture("abort", &["--bug", "abort", "--at", "3000"]);
    let ran = bed.run(&["--client", client]);
    ran.exits_with(3).measured_the_good_one();

    let Outcome::Corrupted(fault) = ran.outcome("corrupt") else {
        panic!("{:?}", ran.outcome("corrupt"));
    };
    let sent = format!("client {} ", fault.connection).repeat(100);
    let at = usize::try_from(fault.offset).unwrap();
    let sent = sent.as_bytes()[at];
    assert_eq!(fault.expected, format!("{sent:02x}"), "{fault:?}");
    assert_eq!(fault.actual, format!("{:02x}", sent ^ 0x55), "{fault:?}");
    ran.shows("corrupt", "corrupted", &["received wrong bytes"]);

    let words = ["63 of 64", "0 refused", "1 reset", "0 timed out"];
    ran.shows("close-accepted", "incomplete", &words);
    let words = ["0 of 64", "0 reset", "64 timed out"];
    ran.shows("black-hole", "incomplete", &words);
    ran.shows("abort", "crashed", &["signal 6 (SIGABRT)"]);
    // Nobody waited for the client's deadline there.
    let took = ran.record("abort").duration_ms;
    assert!(took < 4_000, "{took} ms");
    Ok(())
}

fn ten_thousand_of_the_original_are_served() -> Result<(), Ignored> {
    room_for_many()?;
    let results = tempfile::tempdir().unwrap();
    let mut command = harness(&["run", "rust-mio", "--quick", "--json"]);
    command.args(["--client", "original-rust", "--results-dir"]);
    let mut run = Guarded::start(command.arg(results.path()));
    let finished = run.finish(Duration::from_secs(600));
    run.leaves_nothing(Duration::from_secs(10));
    let json: Value = serde_json::from_str(&finished.exits_with(0).stdout)
        .unwrap_or_else(|error| panic!("{error}: {finished:#?}"));
    let metrics = &json["rows"][0]["metrics"];
    let total_ms = metrics["total_ms"]["median"].as_f64().unwrap();
    let avg_us = metrics["avg_us"]["median"].as_f64().unwrap();
    assert!((avg_us - total_ms / 10.0).abs() < 1e-6, "{json:#}");
    let records = crate::bed::records(results.path());
    assert_eq!(records.len(), 2, "the reference runs twice");
    for record in records {
        let Outcome::Measured(measurement) = record.outcome else {
            panic!("{:?}", record.outcome);
        };
        let connections = measurement.report.connections;
        assert_eq!(connections.established, 10_000, "{connections:?}");
    }
    Ok(())
}

fn with_rust(bed: &Bed, arguments: &[&str]) -> Ran {
    bed.run(&[&["--client", "original-rust"], arguments].concat())
}

fn runs_of_different_clients_are_not_compared() {
    let bed = Bed::new();
    let place = |name: &str| bed.path(name).to_str().unwrap().to_owned();
    let (before, after) = (place("before"), place("after"));
    let classic = ["--scenario", "classic", "--results-dir", &before];
    bed.run(&classic).exits_with(0);
    with_rust(&bed, &["--results-dir", &after]).exits_with(0);
    let runs = [before, after].map(|place| only_run(place.as_ref()));
    let compare = |more: &[&str]| {
        output(harness(&["compare", "--absolute"]).args(&runs).args(more))
    };
    let refused = compare(&[]);
    refused.exits_with(5);
    let words = "client: \"load\" against \"original-rust\"";
    assert!(refused.stderr.contains(words), "{}", refused.stderr);
    compare(&["--allow-mismatch"]).exits_with(0);
}

fn a_resumed_run_keeps_its_client() {
    let bed = Bed::new();
    let ran = with_rust(&bed, &[]);
    ran.exits_with(0).measured_all();
    let mut more = bed.command(&["--resume", "latest", "--rounds", "2"]);
    let ran = bed.finish(&mut Guarded::start(&mut more));
    ran.exits_with(0).measured_all();
    let json = ran.json();
    assert_eq!(json["plan"]["settings"]["client"], "original-rust");
    assert_eq!(json["rows"][0]["rounds"], 2);
    assert_eq!(ran.records.len(), 4);
    let of_load = ran.records.iter().any(|record| match &record.outcome {
        Outcome::Measured(of) => {
            !of.report.classic.clone().unwrap().echo.is_empty()
        }
        other => panic!("{other:?}"),
    });
    assert!(!of_load, "the shared client took part");
}

fn a_client_that_lacks_its_tool_is_refused_with_what_installs_it() {
    let bed = Bed::new();
    for (client, words) in [
        ("original-cpp", ["c++ not found", "apt-get install g++"]),
        ("original-python", ["python3 not found", "apt-get install python3"]),
    ] {
        let mut command = bed.command(&["--client", client]);
        let finished = output(command.env("PATH", bed.path("nowhere")));
        finished.exits_with(3);
        for word in words {
            assert!(finished.stderr.contains(word), "{}", finished.stderr);
        }
        assert!(!bed.path("results").exists(), "something was begun");
    }
}

fn an_interrupt_ends_the_originals_client() {
    let bed = Bed::with_bad(&["--bug", "black-hole"]);
    let arguments = ["--client", "original-rust", "-c", "2000"];
    let mut run = Guarded::start(&mut bed.command(&arguments));
    run.wait_for_stderr("· bad", PATIENCE);
    let there = || run.offspring_named("original-rust").is_some();
    assert!(crate::guard::wait_until(Duration::from_secs(5), there));
    run.signal(Signal::INT);
    let began = Instant::now();
    // It would have waited for 10 s, and is ended at once.
    let ran = bed.finish(&mut run);
    assert!(began.elapsed() < Duration::from_secs(7), "{ran:?}");
    ran.exits_with(130);
    assert!(ran.records.iter().all(|r| r.trial.lane != "bad"));
}
