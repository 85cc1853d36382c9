//! Tests of what this crate promises: that its pure modules are pure, and
//! that the published schema is the one it follows.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::plan::Scenario::{Classic, Load};
use crate::render;
use crate::scripted::{self, full, measured, plan, records};
use crate::summarize::summarize;

const PURE: [&str; 8] = [
    "plan",
    "repeat",
    "stats",
    "summarize",
    "compare",
    "units",
    "render",
    "report",
];

/// What a clock, a file, a process or the environment is reached by.
const IMPURE: [&str; 12] = [
    "std::fs",
    "std::process",
    "std::env",
    "std::io",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "std::{",
    "rustix::",
    "libc::",
    "procfs::",
    "tempfile::",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every Rust file of the pure modules, whatever they are split into.
fn pure_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![source()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let inside = folder != source();
            let pure = PURE.iter().any(|module| {
                name.strip_prefix(module)
                    .is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
            });
            if !inside && !pure {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn pure_modules_reach_for_no_clock_file_or_process() {
    let files = pure_files();
    for module in PURE {
        let there = |path: &PathBuf| {
            path.strip_prefix(source()).unwrap().starts_with(module)
                || path.file_stem().unwrap() == module
        };
        assert!(files.iter().any(there), "{module} was not looked at");
    }
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let found = IMPURE.iter().find(|impure| line.contains(*impure));
            assert_eq!(found, None, "{}:{}", file.display(), number + 1);
        }
    }
}

/// `UPDATE_SCHEMA=1 cargo test -p harness --lib promises` writes it anew.
#[test]
fn the_published_schema_is_the_one_in_use() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/schema.json");
    let fresh = render::schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap();
    assert!(published == fresh, "results/schema.json is not the schema in use");
}

fn rendered() -> Value {
    let mut plan = plan(&["rust-tokio", "cpp-x"], &[Classic, Load], 6);
    plan.skipped.push(scripted::skip("go-x", "no go", "get go"));
    let records = records(&plan, |trial| match trial.lane.as_str() {
        "cpp-x" if trial.round > 1 => scripted::corrupted(),
        scripted::SPIN => {
            let mut launch = full(trial.scenario, 11.0, 100);
            launch.spin_us = Some(1);
            measured(launch)
        }
        _ => measured(full(trial.scenario, 10.0, 100)),
    });
    let host = scripted::host();
    let summary = summarize("r", false, &host, &plan, &records);
    serde_json::from_str(&render::json(&summary)).unwrap()
}

#[test]
fn a_rendered_summary_follows_the_schema() {
    let schema: Value = serde_json::from_str(&render::schema()).unwrap();
    let summary = rendered();
    follow(&schema, &schema, &summary, "$").unwrap();
    // The test itself must be able to fail.
    type Damage = fn(&mut Value);
    let damages: [Damage; 4] = [
        |v| v["rows"][0]["metrics"]["total_ms"]["median"] = json!("fast"),
        |v| v["rows"][0]["scenario"] = json!("idle"),
        |v| drop(v.as_object_mut().unwrap().remove("pairs")),
        |v| v["rows"][0]["rank"] = json!([1, 2, 3]),
    ];
    for damage in damages {
        let mut damaged = summary.clone();
        damage(&mut damaged);
        assert!(follow(&schema, &schema, &damaged, "$").is_err());
    }
}

#[test]
fn the_documented_fields_are_where_they_are_documented() {
    let summary = rendered();
    assert_eq!(summary["schema_version"], 1);
    assert_eq!(summary["partial"], false);
    let spin = &summary["controls"]["spin_5_percent"];
    assert_eq!(spin["spin_us"], 1);
    assert_eq!(spin["spin_percent"], 10.0);
    assert!(spin["ratios"][0]["verdict"].is_string());
    assert!(summary["controls"]["floors"]["load"].is_number());
    assert!(summary["controls"]["same"].is_object());
    let row = &summary["rows"][1];
    assert_eq!(row["server"], "rust-tokio");
    assert_eq!(row["scenario"], "load");
    assert_eq!(row["outcome"], "measured");
    assert_eq!(row["rounds"], 6);
    assert_eq!(row["rank"], Value::Null, "nobody to rank it with");
    assert_eq!(row["verdict"], "equivalent");
    assert_eq!(row["rounds_needed"], Value::Null);
    for metric in [
        "cpu_us_per_echo",
        "latency_us_p50",
        "latency_us_p99",
        "echoes_per_s",
        "rss_bytes_per_connection",
        "kernel_bytes_per_connection",
        "threads",
        "switches_per_echo",
    ] {
        for part in ["median", "low", "high", "n"] {
            assert!(row["metrics"][metric][part].is_number(), "{metric}");
        }
    }
    assert!(summary["rows"][0]["metrics"]["total_ms"]["median"].is_number());
    for part in ["name", "value", "limit", "pass"] {
        assert!(!row["gates"][0][part].is_null(), "{part}");
    }
    let pair = &summary["pairs"][0];
    assert_eq!(pair["reference"], "rust-mio");
    assert_eq!(pair["verdict"], "equivalent");
    assert_eq!(pair["chance"], 1.0);
}

/// As much of JSON Schema as the generated schema uses; anything else in it
/// is an error, so that nothing passes unchecked.
fn follow(
    root: &Value,
    schema: &Value,
    value: &Value,
    at: &str,
) -> Result<(), String> {
    let Some(schema) = schema.as_object() else { return Ok(()) };
    for (key, rule) in schema {
        let holds = match key.as_str() {
            "$ref" => {
                let name = rule.as_str().unwrap().rsplit('/').next().unwrap();
                follow(root, &root["$defs"][name], value, at)?;
                true
            }
            "type" => is_of(rule, value),
            "const" => rule == value,
            "enum" => rule.as_array().unwrap().contains(value),
            "anyOf" | "oneOf" => rule
                .as_array()
                .unwrap()
                .iter()
                .any(|one| follow(root, one, value, at).is_ok()),
            "required" => value.as_object().is_none_or(|object| {
                let there =
                    |name: &Value| object.contains_key(name.as_str().unwrap());
                rule.as_array().unwrap().iter().all(there)
            }),
            "properties" => {
                properties(root, rule.as_object().unwrap(), value, at)?;
                true
            }
            "additionalProperties" if !schema.contains_key("properties") => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    follow(root, rule, value, &format!("{at}.{name}"))?;
                }
                true
            }
            "items" => {
                for value in value.as_array().into_iter().flatten() {
                    follow(root, rule, value, at)?;
                }
                true
            }
            "pattern" => {
                let pattern = regex::Regex::new(rule.as_str().unwrap());
                value.as_str().is_none_or(|it| pattern.unwrap().is_match(it))
            }
            "minItems" => length(value).is_none_or(|n| n >= number(rule)),
            "maxItems" => length(value).is_none_or(|n| n <= number(rule)),
            "minimum" => value.as_f64().is_none_or(|n| n >= number(rule)),
            "maximum" => value.as_f64().is_none_or(|n| n <= number(rule)),
            "$schema" | "$defs" | "title" | "description" | "format"
            | "default" => true,
            unknown => return Err(format!("{unknown} is not understood")),
        };
        if !holds {
            return Err(format!("{at}: {key} {rule}, found {value}"));
        }
    }
    Ok(())
}

fn properties(
    root: &Value,
    rules: &Map<String, Value>,
    value: &Value,
    at: &str,
) -> Result<(), String> {
    for (name, rule) in rules {
        if let Some(value) = value.get(name) {
            follow(root, rule, value, &format!("{at}.{name}"))?;
        }
    }
    Ok(())
}

fn length(value: &Value) -> Option<f64> {
    value.as_array().map(|items| items.len() as f64)
}

fn number(rule: &Value) -> f64 {
    rule.as_f64().expect("a limit is a number")
}

fn is_of(rule: &Value, value: &Value) -> bool {
    let one = |name: &Value| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("type {other}"),
    };
    rule.as_array().map_or_else(|| one(rule), |all| all.iter().any(one))
}
