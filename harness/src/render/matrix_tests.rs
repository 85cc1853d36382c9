//! The matrix tells every deviation and counts none of them as passed.

use serde_json::json;

use super::*;

fn checked(server: &str, cases: &[(&str, &str, &str)]) -> Checked {
    let cases: Vec<_> = cases
        .iter()
        .map(|(case, level, verdict)| {
            json!({
                "case": case, "level": level, "verdict": verdict,
                "afterlife": null, "passed": 0, "repeats": 1,
                "detail": "a | b",
            })
        })
        .collect();
    let kept = json!({
        "schema": 1, "server": server, "key": "", "tier": "core",
        "stretch": 1, "seed": 1, "version": "", "kernel": "", "cases": cases,
    });
    Checked {
        server: server.into(),
        found: Some(serde_json::from_value(kept).unwrap()),
        current: true,
        declared: Vec::new(),
    }
}

const ALL: [(&str, &str, &str); 8] = [
    ("A1", "MUST", "pass"),
    ("A2", "MUST", "fail"),
    ("A10", "SHOULD", "non_strict"),
    ("B1", "MUST", "skip"),
    ("B9", "INFO", "info"),
    ("D2", "SHOULD", "unsupported"),
    ("D3", "MUST", "pass"),
    ("E1", "MUST", "pass"),
];

#[test]
fn every_deviation_stands_in_its_row_and_below_the_table_once() {
    let mut first = checked("one", &ALL);
    first.declared.push(Declared {
        case: "D2".into(),
        why: "no way".into(),
        source: "https://example.org/1".into(),
    });
    let second = Checked { server: "two".into(), ..first.clone() };
    let text = matrix(&[first, second]);
    let row = text.lines().nth(2).unwrap();
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    let expected = ["one", "core", "1/3", "0/1", "1/2", "1/1"];
    assert_eq!(cells[1..7], expected, "{text}");
    assert_eq!(cells[7], "A2 A10 B1 D2", "{text}");
    for line in [
        "- one, two: A2 failed: a \\| b",
        "- one, two: A10 missed, which is allowed: a \\| b",
        "- one, two: B1 skipped: a \\| b",
        "- one, two: D2 not supported: no way \
         ([upstream](https://example.org/1))",
    ] {
        assert_eq!(text.matches(line).count(), 1, "{line}\n{text}");
    }
}

#[test]
fn what_was_not_checked_or_has_changed_since_is_told() {
    let changed = Checked { current: false, ..checked("old", &ALL[..1]) };
    let none = Checked { server: "new".into(), found: None, ..changed.clone() };
    let mut stretched = checked("slow", &ALL[..1]);
    stretched.found.as_mut().unwrap().stretch = 3;
    let text = matrix(&[changed, none, stretched]);
    for part in ["core, of an earlier version", "unchecked", "bounds × 3"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}
