//! Duels: two servers alive at once, loaded in turns.

use std::process::Command;

use harness::duel::{Duel, Verdict};
use harness::plan::Placement;
use rustix::process::Signal;

use crate::bed::{Bed, PATIENCE, harness, serve_fixture};
use crate::guard::{Finished, Guarded, output, wait_until};
use crate::tests;

tests![
    the_dearer_of_two_is_named_whichever_comes_first,
    a_stored_duel_is_shown_and_has_nothing_to_export,
    a_server_that_damages_bytes_ends_the_duel_and_is_named,
    an_interrupted_duel_shows_and_keeps_what_was_fought,
    each_is_loaded_and_launched_as_was_asked,
    what_no_server_could_do_is_refused,
    an_unknown_server_is_refused_before_anything_is_built,
];

/// A quick duel of servers of the bed.
fn command(bed: &Bed, arguments: &[&str]) -> Command {
    let mut command = harness(&["duel", "--quick", "--json", "-c", "16"]);
    command.args(["--progress", "lines"]).args(bed.server_dirs());
    command.arg("--results-dir").arg(bed.path("results"));
    command.args(arguments);
    command
}

fn fight(bed: &Bed, arguments: &[&str]) -> Finished {
    let mut duel = Guarded::start(&mut command(bed, arguments));
    let finished = duel.finish(PATIENCE);
    duel.leaves_nothing(std::time::Duration::from_secs(10));
    finished
}

fn printed(finished: &Finished) -> Duel {
    serde_json::from_str(&finished.stdout)
        .unwrap_or_else(|error| panic!("{error}: {finished:#?}"))
}

/// The only duel that is stored.
fn stored(bed: &Bed) -> Duel {
    let mut all = std::fs::read_dir(bed.path("results")).unwrap();
    let directory = all.next().unwrap().unwrap().path();
    assert!(all.next().is_none(), "more than one duel");
    assert!(directory.join("host.json").is_file());
    let text = std::fs::read_to_string(directory.join("duel.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn the_dearer_of_two_is_named_whichever_comes_first() {
    // A handler of a millisecond is dearer in any noise.
    for (flag, verdict) in
        [("--spin-us-b", Verdict::Faster), ("--spin-us-a", Verdict::Slower)]
    {
        let bed = Bed::new();
        let finished = fight(&bed, &["good", "good", flag, "1000"]);
        finished.exits_with(0);
        let duel = printed(&finished);
        assert_eq!(duel, stored(&bed));
        assert_eq!(printed(&shown(&bed, &duel.duel, &["--json"])), duel);
        assert_eq!(duel.verdict, verdict, "{duel:#?}");
        assert!(!duel.partial && duel.launch_pairs >= 4);
        for pair in &duel.pairs {
            assert_eq!(pair.a.len(), pair.b.len());
            assert_eq!(pair.a.len(), 2 * duel.rules.blocks as usize);
            // A slice of 30 ms may pass a starved server by, not all of them.
            for side in [&pair.a, &pair.b] {
                assert!(side.iter().any(|it| it.echoes > 0 && it.cpu_ns > 0));
            }
        }
        let lines = finished.stderr.lines();
        let live = lines.filter(|line| line.contains("CPU per echo ×"));
        assert_eq!(live.count(), duel.launch_pairs as usize);
    }
}

/// What `show` prints of a duel.
fn shown(bed: &Bed, id: &str, more: &[&str]) -> Finished {
    let mut show = harness(&["show", id, "--results-dir"]);
    output(show.arg(bed.path("results")).args(more))
}

fn a_stored_duel_is_shown_and_has_nothing_to_export() {
    let bed = Bed::new();
    let finished = fight(&bed, &["good", "good", "--spin-us-b", "1000"]);
    let id = printed(&finished).duel;
    let words = shown(&bed, &id, &[]);
    words.exits_with(0);
    assert!(words.stdout.starts_with("good (A) costs "), "{words:?}");
    let table = bed.path("table.csv");
    let export = format!("csv={}", table.display());
    shown(&bed, &id, &["--export", &export]).exits_with(2);
    assert!(!table.exists());
    let file = bed.path("results").join(&id).join("duel.json");
    std::fs::write(&file, "{").unwrap();
    let damaged = shown(&bed, &id, &[]);
    damaged.exits_with(1);
    assert!(damaged.stderr.contains("is damaged"), "{damaged:?}");
}

fn a_server_that_damages_bytes_ends_the_duel_and_is_named() {
    let bed = Bed::with_bad(&["--bug", "corrupt"]);
    let finished = fight(&bed, &["good", "bad"]);
    finished.exits_with(3);
    assert_eq!(finished.stdout, "");
    let said = &finished.stderr;
    assert!(said.contains("error: bad corrupted: connection"), "{said}");
}

fn an_interrupted_duel_shows_and_keeps_what_was_fought() {
    let bed = Bed::new();
    let mut duel = Guarded::start(&mut command(&bed, &["good", "good"]));
    duel.wait_for_stderr("pair 2 of", PATIENCE);
    duel.signal(Signal::INT);
    let finished = duel.finish(PATIENCE);
    duel.leaves_nothing(std::time::Duration::from_secs(10));
    finished.exits_with(130);
    let shown = printed(&finished);
    assert!(shown.partial && shown.launch_pairs >= 2, "{shown:#?}");
    assert_eq!(shown.verdict, Verdict::Undecided);
    assert_eq!(shown, stored(&bed));
}

fn each_is_loaded_and_launched_as_was_asked() {
    let mut bed = Bed::new();
    let lines = serve_fixture(&["--bug", "good"]);
    bed.server("wide", &format!("parallel = true\n{lines}"));
    // Sixteen connections in a closed loop echo tens of thousands a second.
    let asked = [
        "--rate",
        "1000",
        "--workers-a",
        "1",
        "--workers-b",
        "7",
        "--placement",
        "shared",
    ];
    let arguments = [&["good", "wide"], &asked[..]].concat();
    let mut duel = Guarded::start(&mut command(&bed, &arguments));
    let launched = wait_until(PATIENCE, || {
        duel.has_ended() || duel.offspring().into_iter().any(has_seven_workers)
    });
    assert!(launched && !duel.has_ended(), "B was not given its workers");
    let finished = duel.finish(PATIENCE);
    finished.exits_with(0);
    let duel = printed(&finished);
    let rules = &duel.rules;
    assert_eq!((rules.rate_per_s, rules.in_flight), (Some(1000), None));
    assert_eq!(rules.placement, Placement::Shared);
    assert_eq!(rules.workers, [1, 7]);
    let slices = duel.pairs.iter().flat_map(|pair| pair.a.iter());
    let (echoes, wall_ns) =
        slices.fold((0, 0), |(n, ns), it| (n + it.echoes, ns + it.wall_ns));
    let per_s = echoes * 1_000_000_000 / wall_ns;
    assert!((1..2000).contains(&per_s), "{per_s} echoes a second");
}

fn has_seven_workers(pid: u32) -> bool {
    let words = std::fs::read(format!("/proc/{pid}/cmdline"));
    let flag = b"\x00--workers\x007\x00";
    words.is_ok_and(|words| words.windows(flag.len()).any(|it| it == flag))
}

fn what_no_server_could_do_is_refused() {
    let bed = Bed::new();
    for (asked, part) in [
        (["--in-flight", "17"], "raise --connections"),
        (["--workers-b", "2"], "good spreads its connections over no workers"),
    ] {
        let finished = fight(&bed, &[&["good", "good"], &asked[..]].concat());
        finished.exits_with(2);
        let said = &finished.stderr;
        assert!(said.contains(part) && !said.contains("building"), "{said}");
    }
}

fn an_unknown_server_is_refused_before_anything_is_built() {
    let bed = Bed::new();
    let finished = fight(&bed, &["good", "no-such"]);
    finished.exits_with(2);
    assert!(finished.stderr.contains("no server \"no-such\""));
    assert!(!finished.stderr.contains("building"), "{}", finished.stderr);
}
