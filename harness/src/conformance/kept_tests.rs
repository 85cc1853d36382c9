//! What is kept of a check, and when it counts.

use std::fs;

use super::*;
use crate::catalog::Catalog;

/// A server outside the repository, in a directory of its own.
struct Bed {
    home: tempfile::TempDir,
    server: Server,
}

impl Bed {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("mine");
        fs::create_dir(&directory).unwrap();
        let text = "family = \"threads\"\nmodel = \"m\"\nserve = [\"sh\"]\n";
        fs::write(directory.join("server.toml"), text).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let catalog = Catalog::load(&root, &[directory]).unwrap();
        let mut servers = catalog.servers.into_iter();
        let server = servers.find(|server| server.outside).unwrap();
        Self { home, server }
    }

    /// The finding of a check in which `case` came to this.
    fn found(&self, tier: Tier, verdict: Verdict) -> Option<Kept> {
        let cell = Cell::scripted(&self.server.id, "A1", verdict);
        let manner =
            Manner { tier, stretch: 1, seed: 1, version: "v", kernel: "k" };
        Kept::of(&self.server, self.home.path(), &manner, &[cell]).unwrap()
    }

    fn keep(&self, results: &str, tier: Tier, verdict: Verdict) -> bool {
        let found = self.found(tier, verdict).unwrap();
        keep(&self.home.path().join(results), &found).unwrap()
    }

    fn known(&self) -> (Standing, Option<Tier>, usize) {
        let root = self.home.path();
        let found = lookup(root, &root.join("own"), &self.server);
        (found.standing, found.tier, found.failed.len())
    }
}

const REFERENCE: &str = "results/reference";

#[test]
fn a_pass_counts_until_a_source_changes() {
    let bed = Bed::new();
    assert_eq!(bed.known(), (Standing::Unchecked, None, 0));
    assert!(bed.keep("own", Tier::Core, Verdict::Pass));
    assert_eq!(bed.known(), (Standing::Pass, Some(Tier::Core), 0));
    fs::write(bed.server.directory.join("main.sh"), "true").unwrap();
    assert_eq!(bed.known(), (Standing::Unchecked, None, 0));
}

#[test]
fn a_lower_tier_replaces_a_pass_only_where_it_fails() {
    let bed = Bed::new();
    assert!(bed.keep("own", Tier::Core, Verdict::Pass));
    assert!(!bed.keep("own", Tier::Quick, Verdict::Pass));
    assert_eq!(bed.known(), (Standing::Pass, Some(Tier::Core), 0));
    assert!(bed.keep("own", Tier::Quick, Verdict::Fail));
    assert_eq!(bed.known(), (Standing::Failed, Some(Tier::Quick), 1));
    assert!(bed.keep("own", Tier::Quick, Verdict::Pass));
    assert_eq!(bed.known(), (Standing::Pass, Some(Tier::Quick), 0));
}

#[test]
fn a_pass_by_wider_bounds_replaces_none_by_narrower_ones() {
    let bed = Bed::new();
    let results = bed.home.path().join("own");
    let keeps = |stretch: u32, verdict: Verdict| {
        let found = bed.found(Tier::Core, verdict).unwrap();
        keep(&results, &Kept { stretch, ..found }).unwrap()
    };
    assert!(keeps(4, Verdict::Pass));
    assert!(keeps(2, Verdict::Pass));
    assert!(!keeps(4, Verdict::Pass));
    assert!(keeps(4, Verdict::Fail), "a failure always counts");
    assert!(keeps(4, Verdict::Pass));
}

#[test]
fn a_committed_result_stands_in_for_ones_own() {
    let bed = Bed::new();
    assert!(bed.keep(REFERENCE, Tier::Core, Verdict::Pass));
    assert_eq!(bed.known(), (Standing::Pass, Some(Tier::Core), 0));
    assert!(bed.keep("own", Tier::Quick, Verdict::Pass));
    assert_eq!(bed.known(), (Standing::Pass, Some(Tier::Core), 0));
    assert!(bed.keep("own", Tier::Quick, Verdict::Fail));
    assert_eq!(bed.known(), (Standing::Failed, Some(Tier::Quick), 1));
}

#[test]
fn what_could_not_be_judged_says_nothing() {
    let bed = Bed::new();
    assert_eq!(bed.found(Tier::Core, Verdict::Error), None);
    for verdict in [Verdict::Skip, Verdict::Unsupported, Verdict::NonStrict] {
        assert!(bed.keep("own", Tier::Core, verdict));
        assert_eq!(bed.known().0, Standing::Pass, "{verdict:?}");
    }
}

#[test]
fn a_damaged_file_is_no_result_and_is_replaced() {
    let bed = Bed::new();
    assert!(bed.keep("own", Tier::Core, Verdict::Pass));
    let path = bed.home.path().join("own/checks/mine.json");
    let text = fs::read_to_string(&path).unwrap();
    let newer = text.replacen("\"schema\": 1", "\"schema\": 2", 1);
    assert_ne!(newer, text);
    for damaged in ["", "{}", &text[..text.len() / 2], &newer] {
        fs::write(&path, damaged).unwrap();
        assert_eq!(bed.known().0, Standing::Unchecked, "{damaged}");
    }
    assert!(bed.keep("own", Tier::Core, Verdict::Pass));
    assert_eq!(bed.known().0, Standing::Pass);
}
