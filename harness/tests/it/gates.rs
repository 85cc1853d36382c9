//! Servers that serve unfairly, and machines that are not left alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use harness::host::inspect::cpus;
use harness::plan::Placement;
use harness::plan::place::place;
use rustix::thread::{CpuSet, sched_setaffinity};
use serde_json::Value;

use crate::bed::Bed;
use crate::{Ignored, tests};

tests![
    a_server_that_starves_one_connection_has_no_rank_and_says_how_many,
    a_busy_neighbour_on_the_servers_cpu_is_noted_and_refused_nothing,
];

fn gate<'a>(row: &'a Value, name: &str) -> &'a Value {
    let all = row["gates"].as_array().unwrap();
    let found = all.iter().find(|gate| gate["name"] == name);
    found.unwrap_or_else(|| panic!("no gate {name}: {row:#}"))
}

fn a_server_that_starves_one_connection_has_no_rank_and_says_how_many() {
    let ran = Bed::with_bad(&["--bug", "starve"]).load();
    ran.exits_with(0).measured_the_good_one();
    let row = ran.row("bad");
    assert_eq!(row["outcome"], "measured", "{row:#}");
    let starved = gate(&row, "starved");
    assert_eq!(starved["value"], 1.0, "{row:#}");
    assert_eq!(starved["pass"], false, "{row:#}");
    assert_eq!(starved["effect"], "rank");
    assert_eq!(row["metrics"]["starved"]["median"], 1.0, "{row:#}");
    assert_eq!(row["metrics"]["fewest_echoes"]["median"], 0.0, "{row:#}");
    assert!(row["metrics"]["longest_gap_ms"]["median"].as_f64() > Some(600.0));
    let good = ran.row("good");
    assert_eq!(gate(&good, "starved")["pass"], true, "{good:#}");
}

/// Computes on one CPU until it is told to stop, at most for a minute.
fn hog(cpu: u32, over: &AtomicBool) {
    let mut set = CpuSet::new();
    set.set(cpu as usize);
    sched_setaffinity(None, &set).unwrap();
    let start = Instant::now();
    while !over.load(Ordering::Relaxed) && start.elapsed().as_secs() < 60 {
        std::hint::spin_loop();
    }
}

fn a_busy_neighbour_on_the_servers_cpu_is_noted_and_refused_nothing()
-> Result<(), Ignored> {
    let all = cpus();
    if all.len() < 2 {
        return Err(Ignored("one CPU is both sides'".into()));
    }
    let (server_cpus, _) = place(&all, Placement::Split);
    let bed = Bed::new();
    let over = AtomicBool::new(false);
    let ran = thread::scope(|scope| {
        for cpu in &server_cpus {
            scope.spawn(|| hog(*cpu, &over));
        }
        let ran = bed.load();
        over.store(true, Ordering::Relaxed);
        ran
    });
    ran.exits_with(0).measured_the_good_one();
    let row = ran.row("good");
    let other = gate(&row, "other_cpu");
    assert!(other["value"].as_f64() > Some(10.0), "{row:#}");
    assert_eq!(other["pass"], false, "{row:#}");
    assert_eq!(other["effect"], "note", "{row:#}");
    let flags = row["flags"].as_array().unwrap();
    assert!(flags.contains(&"other-cpu".into()), "{row:#}");
    Ok(())
}
