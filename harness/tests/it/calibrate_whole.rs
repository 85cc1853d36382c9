//! Those of the instrument's tests that make whole runs, in small.

use harness::calibrate::Size;
use harness::store;

use crate::calibrate::{figures, find, tools};
use crate::{Ignored, tests};

tests![
    clones_are_told_apart_only_where_they_differ,
    a_whole_run_is_made_twice_and_compared,
    a_hog_is_noted_in_the_records_of_a_run,
];

/// Quick enough for six rounds.
const WHOLE: Size = Size { connections: 64, time: 0.05 };

fn clones_are_told_apart_only_where_they_differ() -> Result<(), Ignored> {
    // A busy hour hides 500 µs an echo, and makes chance findings of its own.
    const TRIES: usize = 3;
    let mut last = None;
    for _ in 0..TRIES {
        let found = find("K17", WHOLE, Some("burn"))?;
        let names = ["told from the first", "not tied"];
        if names.map(|name| figures(&found, name)[0]) == [1.0, 1.0] {
            return Ok(());
        }
        last = Some(found);
    }
    panic!("the one that burns was never told, and no other: {last:?}");
}

fn a_whole_run_is_made_twice_and_compared() -> Result<(), Ignored> {
    let found = find("K28", WHOLE, None)?;
    let kept = store::all(&tools().results);
    assert_eq!(kept.len(), 2, "whoever doubts compares them: {kept:?}");
    assert!(figures(&found, "medians of cost apart")[0].is_finite());
    // Two runs of two rounds: two servers and a control, two scenarios.
    assert!(found.n >= 2 * 2 * 3 * 2, "{found:?}");
    Ok(())
}

fn a_hog_is_noted_in_the_records_of_a_run() -> Result<(), Ignored> {
    let found = find("K23", Size { connections: 64, time: 0.2 }, None)?;
    for name in ["annotated with a hog", "with one at", "with a client"] {
        assert!(figures(&found, name)[0] >= 50.0, "{found:?}");
    }
    Ok(())
}
