//! What is said of a certificate.

use super::*;
use crate::calibrate::all;
use crate::scripted::host;

const DAY_S: u64 = 86_400;

fn entry(id: &str, value: f64, unix_s: u64) -> Entry {
    let tests = all();
    let test = tests.iter().find(|test| test.id == id).unwrap();
    let figure = Figure {
        name: "slip p99".into(),
        value,
        unit: "µs".into(),
        goal: Some(Goal::AtMost(100.0)),
    };
    let state = if value > 100.0 { State::Missed } else { State::Met };
    Entry {
        state,
        n: 9,
        counted: "messages".into(),
        figures: vec![figure],
        unix_s: Some(unix_s),
        revision: host().revision,
        ..Entry::not_run(test)
    }
}

fn line(certificate: &Certificate, now_s: u64) -> String {
    instrument(Some(certificate), host().revision.as_deref(), now_s)
}

#[test]
fn an_instrument_that_was_never_calibrated_names_the_command() {
    let empty = Certificate::new(&host());
    for line in [instrument(None, None, 0), line(&empty, 0)] {
        assert_eq!(
            line,
            "Instrument: never calibrated on this machine: \
             cargo harness calibrate"
        );
    }
}

#[test]
fn the_line_tells_age_goals_and_what_was_not_run() {
    let mut some = Certificate::new(&host());
    some.put(entry("K1", 180.0, 10 * DAY_S));
    some.put(entry("K3", 50.0, 10 * DAY_S));
    let said = line(&some, 13 * DAY_S);
    assert!(
        said.starts_with(
            "Instrument: calibrated 3 days ago on this machine, 1 of 2 goals \
             met, missed: K1 (slip p99 180 µs (goal ≤ 100)); not yet run: K2 "
        ),
        "{said}"
    );
    assert!(!said.contains("revision"), "{said}");
    some.put(entry("K3", 50.0, 13 * DAY_S));
    let said = line(&some, 13 * DAY_S);
    assert!(said.contains("calibrated 0 to 3 days ago"), "{said}");
    let other = instrument(Some(&some), Some("another"), 13 * DAY_S);
    assert!(other.ends_with("; at another revision of the suite."), "{other}");
    let mut third = entry("K9", 50.0, 13 * DAY_S);
    third.revision = Some("older".into());
    some.put(third);
    let said = line(&some, 13 * DAY_S);
    assert!(said.ends_with("; at another revision: K9."), "{said}");
}

#[test]
fn a_certificate_shows_every_figure_beside_its_goal() {
    let mut some = Certificate::new(&host());
    let disturbed = Entry { others_percent: 48.4, ..entry("K1", 180.0, 0) };
    assert_eq!(
        calibrated(&disturbed),
        "K1 MISSED: slip p99 180 µs (goal ≤ 100), others had 48 % of the CPUs"
    );
    some.put(disturbed);
    let tests = all();
    some.put(Entry::unjudged(tests[1], "there is one CPU".into()));
    let text = certificate(&some);
    super::super::tests::lines_fit(&text);
    for part in [
        "K1   MISSED: sends are on time",
        "slip p99 180 µs (goal ≤ 100)",
        "K2   could not be judged",
        "there is one CPU",
        "0 met, 1 missed, 1 not judged; not yet run: K3",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn small_numbers_are_told_from_none() {
    let of = |value| {
        let (name, unit) = ("error".to_owned(), String::new());
        figure(&Figure { name, value, unit, goal: Some(Goal::AtMost(1e-9)) })
    };
    assert_eq!(of(0.0), "error 0 (goal ≤ 1.0e-9)");
    assert_eq!(of(2.3e-16), "error 2.3e-16 (goal ≤ 1.0e-9)");
}
