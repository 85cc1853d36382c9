//! Sections beside the ranking: defaults, conformance, certificate, fairness,
//! a trial.

use serde_json::json;

use super::tests::{HOSTILE, Whole};
use super::{Report, html};
use crate::calibrate::{Certificate, Figure, Goal, State};
use crate::render::{Checked, Declared};
use crate::scripted;

/// A case that passed, one that is declared, one that failed.
pub(super) fn checked(server: &str) -> Checked {
    let cases = [
        ("A1", "MUST", "pass"),
        ("D2", "SHOULD", "unsupported"),
        (HOSTILE, "MUST", "fail"),
    ];
    let cases = cases.map(|(case, level, verdict)| {
        json!({
            "case": case, "level": level, "verdict": verdict,
            "afterlife": null, "passed": 0, "repeats": 1, "detail": HOSTILE,
        })
    });
    let kept = json!({
        "schema": 1, "server": server, "key": "", "tier": "core",
        "stretch": 1, "seed": 1, "version": "", "kernel": "", "cases": cases,
    });
    let (why, source) = (HOSTILE.to_owned(), HOSTILE.to_owned());
    Checked {
        server: server.into(),
        found: Some(serde_json::from_value(kept).unwrap()),
        current: true,
        declared: vec![Declared { case: "D2".into(), why, source }],
    }
}

/// Two tests were run: one was missed, one could not be judged.
pub(super) fn certificate() -> Certificate {
    let mut certificate = Certificate::new(&scripted::host());
    for (place, entry) in certificate.tests.iter_mut().take(2).enumerate() {
        let figure = Figure {
            name: HOSTILE.into(),
            value: 180.0,
            unit: "µs".into(),
            goal: Some(Goal::AtMost(100.0)),
        };
        let states = [State::Missed, State::Unjudged];
        entry.state = states[place];
        entry.figures = vec![figure];
        entry.because = (place == 1).then(|| HOSTILE.into());
        entry.unix_s = Some(1_800_000_000);
    }
    certificate
}

/// The part of a page from an id on to the end of its section.
fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let from = page.find(&format!("<section id=\"{id}\"")).unwrap();
    let rest = &page[from..];
    &rest[..rest.find("</section>").unwrap()]
}

#[test]
fn what_the_defaults_cost_stands_beside_what_they_are() {
    let page = html(&Whole::of(6).report());
    let defaults = section(&page, "defaults");
    // 1.0 over 1.4, by the costs that the run was scripted with.
    for part in ["rust-tokio@shipped", "backlog 128", "0.71", "No rank"] {
        assert!(defaults.contains(part), "{part}: {defaults}");
    }
    let without = html(&Whole::of(1).report());
    assert!(!without.contains("id=\"defaults\""));
}

#[test]
fn the_matrix_tells_each_deviation_with_its_reason() {
    let page = html(&Whole::of(6).report());
    let matrix = section(&page, "conformance");
    for part in ["1/1", "0/1", "D2 not supported: ", " failed: ", "upstream"] {
        assert!(matrix.contains(part), "{part}: {matrix}");
    }
}

#[test]
fn the_certificate_shows_what_was_missed_and_what_never_run() {
    let whole = Whole::of(6);
    let page = html(&whole.report());
    let instrument = section(&page, "instrument");
    let tests = whole.certificate.tests.len();
    assert_eq!(instrument.matches("<th scope=\"row\">").count(), tests);
    let never = instrument.matches("not yet run").count();
    assert_eq!(never, tests - 2);
    for part in ["MISSED", "could not be judged", "goal ≤ 100", "2027-01-15"]
    {
        assert!(instrument.contains(part), "{part}: {instrument}");
    }
    let report = Report { certificate: None, ..whole.report() };
    let page = html(&report);
    assert!(section(&page, "instrument").contains("cargo harness calibrate"));
}

#[test]
fn fairness_and_a_trial_of_each_sound_server_are_shown() {
    let mut whole = Whole::of(6);
    for row in &mut whole.summary.rows {
        for (name, gap_ms) in
            [("longest_gap_ms", 111.0), ("longest_gap_ms_in_flight", 777.0)]
        {
            let Some(gap) = row.metrics.get_mut(name) else { continue };
            (gap.median, gap.low, gap.high) = (gap_ms, gap_ms, gap_ms);
        }
    }
    let page = html(&whole.report());
    let trial = section(&page, "timelines");
    assert!(trial.contains("rust-tokio") && !trial.contains("cpp-threads"));
    for rate in ["10k/s", "20k/s", "40k/s"] {
        assert!(trial.contains(&format!(">{rate}</text>")), "{rate}: {trial}");
    }
    let fairness = section(&page, "fairness");
    let heads = ["longest gap", "longest gap, closed loop"];
    let gaps = ["111 ms", "777 ms"].map(|gap| fairness.find(gap).unwrap());
    assert!(gaps[0] < gaps[1], "{fairness}");
    for head in heads {
        let head = format!(">{head}</th>");
        assert!(fairness.contains(&head), "{head}: {fairness}");
    }
}
