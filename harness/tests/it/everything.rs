//! Every server that this machine can run, at 10,000 connections, in one run
//! of all; each server's part of it is a test of its own.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use harness::record::{Outcome, Record};
use harness::store::Run;
use harness::summarize::{
    CENSUS, CONSERVATION, PROOF, Row, Summary, UNACCOUNTED, gates, summarize,
};
use libtest_mimic::Trial;

use crate::bed::{fixture, harness, only_run, serve_fixture, target};
use crate::guard::{Finished, Guarded};
use crate::unfit::{proves_many, room_for_many};
use crate::{Ignored, Verdict};

/// The run that all these tests look at.
struct Everything {
    finished: Finished,
    run: Run,
    summary: Summary,
}

/// The run itself, which takes minutes.
pub(crate) fn whole() -> Vec<Trial> {
    let whole: fn() -> Result<(), Ignored> =
        a_run_of_all_measures_or_skips_every_server;
    let name = "a_run_of_all_measures_or_skips_every_server";
    vec![crate::trial(name, whole)]
}

/// What it found of each server: they wait for it.
pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    for directory in crate::tidy::servers::directories() {
        let id = directory.file_name().unwrap().to_str().unwrap().to_owned();
        let name = format!(
            "{}_holds_10000_connections_and_its_records_prove_it",
            id.replace('-', "_")
        );
        let test = move || holds_many(&id).verdict();
        tests.push(Trial::ignorable_test(name, test));
    }
    tests
}

/// A server that can't run anywhere: `--all` shows it and goes on.
const LACKING: &str = r#"family = "threads"
model = "lacks its tool"
requires = [{ cmd = ["no-such-tool"], hint = "apt-get install no-such-tool" }]
"#;

fn everything() -> Result<&'static Everything, Ignored> {
    static EVERYTHING: OnceLock<Everything> = OnceLock::new();
    room_for_many()?;
    Ok(EVERYTHING.get_or_init(|| {
        fixture();
        let place = target().join("it-everything");
        fs::remove_dir_all(&place).ok();
        let lacking = place.join("lacking");
        fs::create_dir_all(&lacking).unwrap();
        let toml = format!("{LACKING}{}", serve_fixture(&[]));
        fs::write(lacking.join("server.toml"), toml).unwrap();
        let results = place.join("results");
        let mut command = harness(&["run", "--all", "--quick", "--json"]);
        command.arg("--server-dir").arg(&lacking);
        command.arg("--results-dir").arg(&results);
        let mut guarded = Guarded::start(&mut command);
        // The first build of all runtimes on a slow machine takes long.
        let finished = guarded.finish(Duration::from_secs(1_800));
        guarded.leaves_nothing(Duration::from_secs(10));
        let run = Run::load(&only_run(&results)).unwrap();
        let summary =
            summarize(&run.id, false, &run.host, &run.plan, &run.records);
        Everything { finished, run, summary }
    }))
}

fn a_run_of_all_measures_or_skips_every_server() -> Result<(), Ignored> {
    let all = everything()?;
    // Skips are allowed and shown.
    all.finished.exits_with(0);
    // What was printed follows from what is stored, to the last digit.
    let recomputed = harness::render::json(&all.summary);
    assert_eq!(all.finished.stdout.trim_end(), recomputed.trim_end());
    let printed = &all.summary;
    assert!(!printed.partial);
    for row in &printed.rows {
        match row.outcome.as_str() {
            "measured" => assert!(row.is_measured(), "{row:#?}"),
            "skipped" => {
                assert!(row.reason.is_some() && row.hint.is_some(), "{row:#?}");
            }
            _ => panic!("{row:#?}"),
        }
    }
    let lacking: Vec<&Row> =
        printed.rows.iter().filter(|row| row.server == "lacking").collect();
    assert_eq!(lacking.len(), 2);
    for row in lacking {
        assert_eq!(row.outcome, "skipped");
        let reason = row.reason.as_deref();
        assert_eq!(reason, Some("no-such-tool not found on PATH"));
        let hint = row.hint.as_deref();
        assert_eq!(hint, Some("apt-get install no-such-tool"));
    }
    for row in &printed.controls.same.as_ref().unwrap().rows {
        assert_eq!(row.outcome, "measured", "{row:#?}");
    }
    Ok(())
}

fn holds_many(id: &str) -> Result<(), Ignored> {
    let all = everything()?;
    let skipped = all.run.plan.skipped.iter().find(|skip| skip.server == id);
    if let Some(skip) = skipped {
        // CI installs every toolchain, so there none may be missing.
        let all = std::env::var_os("HARNESS_TEST_REQUIRE_ALL").is_some();
        assert!(!all, "{skip:?}");
        let hint = skip.hint.as_deref().unwrap_or_default();
        return Err(Ignored(format!("{}; {hint}", skip.reason)));
    }
    let rows: Vec<&Row> =
        all.summary.rows.iter().filter(|row| row.server == id).collect();
    assert_eq!(rows.len(), 2, "one for each scenario");
    if let Some(row) = rows.iter().find(|row| row.outcome == "unsupported") {
        return Err(Ignored(row.reason.clone().unwrap_or_default()));
    }
    let records: Vec<&Record> =
        all.run.records.iter().filter(|r| r.trial.lane == id).collect();
    assert_eq!(records.len(), 2, "one for each scenario");
    for record in records {
        let Outcome::Measured(measurement) = &record.outcome else {
            panic!("{:?}", record.outcome);
        };
        let served = measurement.report.connections;
        assert_eq!((served.requested, served.established), (10_000, 10_000));
        let lost = served.refused + served.reset + served.timed_out;
        assert_eq!(lost, 0, "{served:?}");
        if measurement.report.proof.is_some() {
            proves_many(measurement);
        }
        let settings = &all.run.plan.settings;
        let checks = gates(measurement, settings, record.trial.scenario);
        assert!(!checks.is_empty());
        for gate in checks {
            // The others hang on the machine's mood.
            let sure = [CONSERVATION, PROOF, CENSUS, UNACCOUNTED];
            let sure = sure.contains(&&*gate.name);
            assert!(gate.pass || !sure, "{gate:?}");
        }
    }
    let held = rows.iter().any(|row| row.metrics.contains_key("threads"));
    assert!(held, "nothing was held: {rows:#?}");
    Ok(())
}
