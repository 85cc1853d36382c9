//! SIGKILL of the harness at any moment.

use std::time::Duration;

use harness::plan::Plan;

use crate::bed::{Bed, only_run, records};
use crate::guard::Guarded;
use crate::tests;

tests![a_harness_killed_at_any_moment_leaves_nothing_and_loses_no_trial];

const KILLS: u32 = 12;

/// Spread evenly over three seconds by the golden ratio: some fall into the
/// builds, some into launches, sweeps, windows and stops.
fn instant(number: u32) -> Duration {
    let part = (f64::from(number) * 0.618_034).fract();
    Duration::from_secs(3).mul_f64(part)
}

/// One run is killed and resumed again and again. What a leg has begun
/// before the last trial must be on disk.
fn a_harness_killed_at_any_moment_leaves_nothing_and_loses_no_trial() {
    let bed = Bed::with_bad(&["--bug", "good"]);
    let results = bed.path("results");
    let mut kept = 0;
    for number in 1..=KILLS {
        let mut run = Guarded::start(&mut leg(&bed));
        std::thread::sleep(instant(number));
        run.kill();
        // One second by design, ten times as much in a noisy hour.
        run.leaves_nothing(Duration::from_secs(10));
        let stderr = run.stderr();
        let begun = stderr.lines().filter(|l| l.starts_with('[')).count();
        if harness::store::all(&results).is_empty() {
            assert_eq!(begun, 0, "trials before there was a run: {stderr}");
            continue;
        }
        let stored = records(&results).len();
        let finished = kept + begun.saturating_sub(1);
        assert!(stored >= finished, "{stored} of {finished}: {stderr}");
        kept = stored;
    }
    let ran = bed.finish(&mut Guarded::start(&mut leg(&bed)));
    ran.exits_with(0).measured_all();
    assert_eq!(ran.json()["partial"], false);
    let plan = std::fs::read(only_run(&results).join("plan.json")).unwrap();
    let plan: Plan = serde_json::from_slice(&plan).unwrap();
    let mut done: Vec<_> =
        ran.records.into_iter().map(|record| record.trial).collect();
    assert_eq!(done.len(), plan.trials.len());
    for trial in plan.trials {
        let at = done.iter().position(|own| *own == trial);
        done.remove(at.unwrap_or_else(|| panic!("{trial:?} is missing")));
    }
    assert!(kept > 0, "no kill met a trial");
}

/// Begins the run, or goes on with it where it has got so far.
fn leg(bed: &Bed) -> std::process::Command {
    let begun = !harness::store::all(&bed.path("results")).is_empty();
    bed.command(if begun {
        &["--resume", "latest"]
    } else {
        &["--rounds", "4"]
    })
}
