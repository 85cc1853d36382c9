//! That the pages show the committed duels as they came out.

use std::fs;

use harness::duel::judge::judge;
use harness::duel::{Duel, Rules};
use harness::plan::Placement;
use harness::units::LowHigh;

use super::read;
use crate::bed::root;
use crate::tests;

tests![
    a_committed_duel_is_whole_and_came_out_as_it_says,
    the_servers_readme_shows_what_a_second_worker_costs,
    the_servers_readme_shows_servers_against_their_own_kind,
];

/// The load of `run`, in its two windows.
const RATE: u32 = 10_000;
const IN_FLIGHT: u32 = 256;

fn committed() -> Vec<Duel> {
    let directory = root().join("results/reference/duels");
    let files = fs::read_dir(directory).unwrap();
    let texts = files.map(|file| read(&file.unwrap().path()));
    let mut duels: Vec<Duel> =
        texts.map(|text| serde_json::from_str(&text).unwrap()).collect();
    assert!(!duels.is_empty());
    duels.sort_by(|a, b| a.ratio.median.total_cmp(&b.ratio.median));
    duels
}

fn a_committed_duel_is_whole_and_came_out_as_it_says() {
    let duels = committed();
    for duel in &duels {
        let names = [duel.a.as_str(), duel.b.as_str()];
        let again = judge(&duel.duel, names, &duel.rules, &duel.pairs);
        let again = again.expect("a ratio");
        let told = |it: &Duel| (it.verdict, it.partial, it.reason.clone());
        assert_eq!(told(&again), (duel.verdict, false, None), "{names:?}");
        let off = again.ratio.median / duel.ratio.median - 1.0;
        assert!(off.abs() < 1e-9, "{names:?}: {off}");
        let rules = &duel.rules;
        assert_eq!((rules.spin_us, rules.payload_bytes), ([0, 0], 100));
        // Both ways to load an echo 4 s and more of a pair, in full slices.
        let seconds = rules.slice_ms * u64::from(rules.blocks) * 4 / 1000;
        assert!(seconds >= 4, "{names:?} was quick");
    }
    let rows = second_workers(&duels).len() + rivals(&duels).len();
    assert_eq!(duels.len(), 2 * rows, "a duel that no table shows");
}

/// A ratio and its interval, bare.
fn ratio(duel: &Duel) -> String {
    format!("{:.2} ({})", duel.ratio.median, LowHigh(duel.ratio))
}

/// Duels of a server with two workers against itself with one, at the rate.
fn second_workers(duels: &[Duel]) -> Vec<&Duel> {
    let asked = |it: &&Duel| {
        let rules = &it.rules;
        it.a == it.b
            && (rules.workers, rules.connections) == ([2, 1], 1_000)
            && rules.placement == Placement::Shared
            && rules.rate_per_s == Some(RATE)
    };
    duels.iter().filter(asked).collect()
}

/// Duels of a server against another on CPUs apart, at the rate.
fn rivals(duels: &[Duel]) -> Vec<&Duel> {
    let asked = |it: &&Duel| {
        let rules = &it.rules;
        it.a != it.b
            && rules.workers == [1, 1]
            && rules.placement == Placement::Split
            && rules.rate_per_s == Some(RATE)
    };
    let mut rivals: Vec<&Duel> = duels.iter().filter(asked).collect();
    rivals.sort_by_key(|it| (&it.a, it.rules.connections));
    rivals
}

/// The one duel in a closed loop of the same servers under the same rules.
fn closed<'a>(duels: &'a [Duel], open: &Duel) -> &'a Duel {
    let connections = open.rules.connections;
    let wanted = Rules {
        rate_per_s: None,
        in_flight: (connections > IN_FLIGHT).then_some(IN_FLIGHT),
        seed: 0,
        ..open.rules.clone()
    };
    let alike = |it: &&Duel| {
        let rules = Rules { seed: 0, ..it.rules.clone() };
        (&it.a, &it.b) == (&open.a, &open.b) && rules == wanted
    };
    let found: Vec<&Duel> = duels.iter().filter(alike).collect();
    let [one] = found[..] else {
        let many = found.len();
        panic!("{many} closed loops of {} against {}", open.a, open.b);
    };
    one
}

fn shown(name: &str, table: &str) {
    let readme = read(&root().join("servers/README.md"));
    let (_, rest) =
        readme.split_once(&format!("<!-- {name}: begin -->")).unwrap();
    let (spliced, _) =
        rest.split_once(&format!("<!-- {name}: end -->")).unwrap();
    assert_eq!(
        spliced.trim(),
        table.trim(),
        "replace the table in servers/README.md by\n{table}"
    );
}

fn the_servers_readme_shows_what_a_second_worker_costs() {
    let duels = committed();
    let mut table = String::from(
        "| server | at 10,000 echoes/s | 256 in flight |\n|---|---|---|\n",
    );
    for open in second_workers(&duels) {
        let closed = closed(&duels, open);
        table +=
            &format!("| {} | {} | {} |\n", open.a, ratio(open), ratio(closed));
    }
    shown("second worker", &table);
}

fn the_servers_readme_shows_servers_against_their_own_kind() {
    let duels = committed();
    let mut table = String::from(
        "| server | against | connections | at 10,000 echoes/s | closed loop \
         |\n|---|---|---|---|---|\n",
    );
    for open in rivals(&duels) {
        table += &format!(
            "| {} | {} | {} | {} | {} |\n",
            open.a,
            open.b,
            open.rules.connections,
            ratio(open),
            ratio(closed(&duels, open)),
        );
    }
    shown("own kind", &table);
}
