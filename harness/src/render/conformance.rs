//! What a table says of the conformance of its servers.
//!
//! Refuses to do: pass off as conforming what was not tried.

use crate::conformance::{Standing, Tier};
use crate::summarize::{Row, Summary, plain};

/// The remark on one row; none where it passed, or was not asked.
pub(super) fn note(row: &Row) -> Option<String> {
    match row.conformance? {
        Standing::Pass => None,
        Standing::Failed => {
            let cases = row.failed_cases.join(", ");
            Some(format!("no rank: fails {cases} of the conformance suite"))
        }
        Standing::Unchecked => Some("unchecked".into()),
    }
}

/// How many servers passed which tier, who failed what, and the command that
/// checks the others.
pub(super) fn sentences(summary: &Summary) -> Vec<String> {
    let mut rows: Vec<&Row> = Vec::new();
    for row in &summary.rows {
        let known = rows.iter().any(|known| known.server == row.server);
        if row.conformance.is_some() && !known {
            rows.push(row);
        }
    }
    let mut parts = Vec::new();
    for tier in [Tier::Long, Tier::Core, Tier::Quick] {
        let passed = |row: &&&Row| {
            row.conformance == Some(Standing::Pass)
                && row.conformance_tier == Some(tier)
        };
        let count = rows.iter().filter(passed).count();
        if count > 0 {
            let verb = if count == 1 { "passes" } else { "pass" };
            let (all, tier) = (rows.len(), tier.name());
            parts.push(format!("{count} of {all} {verb} its {tier} tier"));
        }
    }
    let failed = rows.iter().filter(|row| !row.failed_cases.is_empty());
    parts.extend(failed.map(|row| {
        let tier = row.conformance_tier.map_or("", Tier::name);
        let (server, cases) = (plain(&row.server), row.failed_cases.join(", "));
        format!("{server} fails {cases} ({tier})")
    }));
    let mut out = Vec::new();
    if !parts.is_empty() {
        out.push(format!("Conformance suite: {}.", parts.join("; ")));
    }
    out.extend(unchecked(summary, &rows));
    out
}

fn unchecked(summary: &Summary, rows: &[&Row]) -> Option<String> {
    let is_open = |row: &&&Row| row.conformance == Some(Standing::Unchecked);
    let words: Vec<String> = rows
        .iter()
        .filter(is_open)
        .map(|row| {
            let mut lanes = summary.plan.lanes.iter();
            let outside =
                lanes.any(|lane| lane.server == row.server && lane.outside);
            // Where it lies is no business of a published result.
            let flag = if outside { "--server-dir DIR/" } else { "" };
            format!("{flag}{}", plain(&row.server))
        })
        .collect();
    (!words.is_empty()).then(|| {
        format!(
            "unchecked: nobody has put the server through the conformance \
             suite as it is; to do so: cargo harness check {}",
            words.join(" "),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Conformance;
    use crate::plan::Plan;
    use crate::plan::Scenario::Load;
    use crate::render;
    use crate::render::tests::lines_fit;
    use crate::scripted::{self, bare, measured, plan, records};
    use crate::summarize::{CHECK_FAILED, UNCHECKED, summarize};

    /// Six rounds of four servers, of which `bad` would be the cheapest.
    fn summary(conformance: impl Fn(&str) -> Option<Conformance>) -> Summary {
        let servers = ["rust-mio", "good", "bad", "new"];
        let mut plan: Plan = plan(&servers, &[Load], 6);
        for lane in &mut plan.lanes {
            lane.conformance = conformance(&lane.server);
            lane.outside = lane.server == "new";
        }
        let records = records(&plan, |trial| {
            let level = if trial.lane == "bad" { 5.0 } else { 10.0 };
            let seed = f64::from(trial.round) * trial.lane.len() as f64;
            measured(bare(Load, level * (1.0 + 0.01 * seed.sin())))
        });
        summarize("r", false, &scripted::host(), &plan, &records)
    }

    fn known(server: &str) -> Option<Conformance> {
        Some(match server {
            "new" => Conformance::unchecked(),
            "bad" => Conformance {
                standing: Standing::Failed,
                tier: Some(Tier::Quick),
                failed: vec!["B3".into(), "E1".into()],
            },
            _ => Conformance {
                standing: Standing::Pass,
                tier: Some(Tier::Core),
                failed: Vec::new(),
            },
        })
    }

    #[test]
    fn a_server_that_failed_the_suite_has_no_rank_and_no_verdict() {
        let summary = summary(known);
        let row = |server| summary.row(server, Load).unwrap();
        assert_eq!((row("bad").rank, row("bad").verdict), (None, None));
        assert!(row("bad").flags.contains(&CHECK_FAILED.to_owned()));
        assert_eq!(row("bad").failed_cases, ["B3", "E1"]);
        // What nobody tried is ranked, and marked.
        assert!(row("new").rank.is_some() && row("new").verdict.is_some());
        assert!(row("new").flags.contains(&UNCHECKED.to_owned()));
        assert_eq!(row("good").flags, [""; 0]);
        assert!(!summary.cheapest(Load).contains(&"bad"));
    }

    #[test]
    fn a_table_names_who_failed_what_and_how_to_check_the_others() {
        let summary = summary(known);
        let table = render::table(&summary);
        lines_fit(&table);
        let text = table.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "no rank: fails B3, E1 of the conformance suite",
            "Conformance suite: 2 of 4 pass its core tier; bad fails B3, E1 \
             (quick).",
            "cargo harness check --server-dir DIR/new",
        ] {
            assert!(text.contains(part), "no {part:?} in\n{table}");
        }
    }

    #[test]
    fn a_run_from_before_the_suite_was_asked_says_nothing_of_it() {
        let text = render::table(&summary(|_| None));
        assert!(!text.contains("unchecked"), "{text}");
        assert!(!text.contains("suite"), "{text}");
    }
}
