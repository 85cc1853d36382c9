//! The command line: help, refusals, and what runs nothing.

use std::path::Path;

use serde_json::Value;

use crate::bed::{Bed, HARNESS, harness, root};
use crate::guard::{Finished, command, output};
use crate::tests;

tests![
    the_help_of_every_subcommand_is_as_published,
    wrong_usage_is_refused_in_one_clear_line,
    nothing_selected_is_refused_with_its_own_code,
    outside_the_repository_the_suite_says_where_to_run_it,
    list_shows_every_server_in_one_shape,
    a_dry_run_prints_the_plan_and_starts_nothing,
    the_json_of_a_run_is_found_by_the_documented_paths,
    a_stored_run_is_shown_as_it_was_printed,
    a_baseline_is_shown_by_its_name_and_its_histograms_are_exported,
    completions_name_every_subcommand,
    a_gate_that_passes_for_want_of_rounds_says_so,
];

#[rustfmt::skip]
const SUBCOMMANDS: [&str; 12] = [
    "list", "doctor", "build", "run", "show", "report",
    "advise", "compare", "duel", "check", "calibrate", "completions",
];

fn said(arguments: &[&str]) -> Finished {
    output(&mut harness(arguments))
}

fn the_help_of_every_subcommand_is_as_published() {
    let help = said(&["--help"]);
    insta::assert_snapshot!("help", help.exits_with(0).stdout);
    let (_, listed) = help.stdout.split_once("Commands:\n").unwrap();
    let listed = listed.lines().take_while(|line| !line.is_empty());
    assert_eq!(listed.count(), SUBCOMMANDS.len() + 1, "`help` besides");
    for name in SUBCOMMANDS {
        assert!(help.stdout.contains(&format!("  {name} ")), "{name}");
        let own = said(&[name, "--help"]);
        let snapshot = format!("help_{name}");
        insta::assert_snapshot!(snapshot, own.exits_with(0).stdout);
    }
}

fn wrong_usage_is_refused_in_one_clear_line() {
    let original = ["run", "rust-mio", "--client", "original-rust"];
    let with_original =
        |more: [&'static str; 2]| [&original[..], &more].concat();
    let (load, payload, many) = (
        with_original(["--scenario", "load"]),
        with_original(["--payload", "99"]),
        with_original(["-c", "65536"]),
    );
    let rated = ["run", "rust-mio", "--client", "original-rust", "--rate", "5"];
    let twice = "compare latest latest --fail-on regression \
                 --threshold cpu_us_per_echo=5% --threshold cpu_us_per_echo=1%";
    let twice: Vec<&str> = twice.split_whitespace().collect();
    let cases: [(&[&str], &[&str]); 33] = [
        (&["rnu"], &["rnu"]),
        (&["run", "--al"], &["--al"]),
        (&["run", "mio"], &["mio", "rust-mio"]),
        (&["run", "rust-mio@shiped"], &["shiped", "rust-mio@shipped"]),
        (&["run", "cpp-epoll@shipped"], &["cpp-epoll", "server.toml"]),
        (&["build", "rust-mio@shipped"], &["rust-mio@shipped", "rust-mio or"]),
        (&["run", "rust-mio", "--reference", "nobody"], &["nobody"]),
        (&["run", "rust-mio", "-c", "0"], &["0", "1..=1000000"]),
        (&["run", "rust-mio", "-c", "1e30"], &["1e30"]),
        (&["run", "rust-mio", "-c", "-1"], &["-1"]),
        (&["run", "rust-mio", "--rate", "NaN"], &["NaN"]),
        (&["run", "rust-mio", "--rate", "0"], &["--rate"]),
        (&["run", "rust-mio", "--payload", "0"], &["--payload"]),
        (&["run", "rust-mio", "--rounds", "0"], &["--rounds"]),
        (&["run", "rust-mio", "--scenario", "x"], &["x", "classic"]),
        (&["run", "rust-mio", "--client", "x"], &["\"x\"", "original-cpp"]),
        (&load, &["original-rust", "leave out --scenario"]),
        (&payload, &["original-rust", "leave out --payload"]),
        (&many, &["original-rust", "65535", "-c"]),
        (&["run", "rust-mio", "--budget", "soon"], &["soon"]),
        (&["run", "rust-mio", "--export", "pdf=x"], &["json, csv"]),
        (&["run", "rust-mio", "--isolation", "jail"], &["\"jail\"", "netns"]),
        (&["run", "rust-mio", "--isolation", "plain,pin"], &["\"plain\""]),
        (&["run", "--resume", "nothing-such"], &["nothing-such"]),
        (&["show", "nothing-such"], &["nothing-such"]),
        (&["report", "nothing-such"], &["nothing-such"]),
        (&["advise", "--p99", "10ms"], &["--connections"]),
        (&["compare", "latest", "latest", "--metric", "x"], &["\"x\""]),
        (&["show", "--results-dir", "/no/runs"], &["/no/runs"]),
        (&["run", "rust-mio", "--scenario", "scale@9999999"], &["a million"]),
        (&rated, &["original-rust", "leave out --rate"]),
        (&twice, &["cpu_us_per_echo twice", "one limit"]),
        (&["advise", "-c", "5", "--p99", "soon"], &["soon"]),
    ];
    for (arguments, words) in cases {
        let finished = said(arguments);
        finished.exits_with(2);
        assert_eq!(finished.stdout, "", "{arguments:?}");
        let line = finished.stderr.lines().next().unwrap_or_default();
        assert!(line.starts_with("error: "), "{arguments:?}: {line}");
        for word in words {
            let stderr = &finished.stderr;
            assert!(stderr.contains(word), "{arguments:?}: {stderr}");
        }
    }
}

fn nothing_selected_is_refused_with_its_own_code() {
    for arguments in [&["run"], &["build"]] {
        let finished = said(arguments);
        finished.exits_with(4);
        assert!(finished.stderr.contains("--all"), "{}", finished.stderr);
    }
}

fn outside_the_repository_the_suite_says_where_to_run_it() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut list = command(HARNESS);
    list.arg("list").current_dir(nowhere.path());
    let finished = output(list.env_remove("CARGO_MANIFEST_DIR"));
    finished.exits_with(2);
    assert!(finished.stderr.contains("repository"), "{}", finished.stderr);
}

fn json(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout)
        .unwrap_or_else(|error| panic!("{error}: {finished:#?}"))
}

fn list_shows_every_server_in_one_shape() {
    let bed = Bed::new();
    let mut list = harness(&["list", "--json"]);
    let listed = output(list.args(bed.server_dirs()));
    let listed = json(listed.exits_with(0));
    let entries = listed.as_array().unwrap();
    let good = entries.iter().find(|entry| entry["server"] == "good");
    insta::assert_json_snapshot!("list_entry", good.unwrap());
    let keys = |entry: &Value| -> Vec<String> {
        entry.as_object().unwrap().keys().cloned().collect()
    };
    for entry in entries {
        assert_eq!(keys(entry), keys(good.unwrap()), "{entry:#}");
        // Whoever can't run says why.
        assert_ne!(entry["ready"], entry["reason"].is_string(), "{entry:#}");
    }
    let names = entries.iter().map(|entry| entry["server"].as_str().unwrap());
    let names: Vec<&str> = names.collect();
    for server in crate::tidy::servers::directories() {
        let name = server.file_name().unwrap().to_str().unwrap();
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
}

fn a_dry_run_prints_the_plan_and_starts_nothing() {
    let bed = Bed::with_bad(&["--bug", "exit"]);
    let ran = bed.run(&["--dry-run", "--rounds", "2"]);
    ran.exits_with(0);
    let plan = &ran.finished.stdout;
    for line in ["12 trials in 2 round(s)", "seed 7", "  classic bad"] {
        assert!(plan.contains(line), "no {line:?} in {plan}");
    }
    assert!(!ran.finished.stderr.contains("building"));
    assert!(!bed.path("results").exists());
}

fn the_json_of_a_run_is_found_by_the_documented_paths() {
    let bed = Bed::with_bad(&["--bug", "good"]);
    let ran = bed.run(&[]);
    ran.exits_with(0).measured_all();
    let json = ran.json();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["partial"], false);
    // By the order of selection, then of scenarios; controls apart.
    let rows = json["rows"].as_array().unwrap();
    let order: Vec<_> = rows
        .iter()
        .map(|row| [&row["server"], &row["scenario"]].map(|v| v.as_str()))
        .map(|[server, scenario]| (server.unwrap(), scenario.unwrap()))
        .collect();
    let scenarios = ["classic", "load"];
    let expected = ["good", "bad"].map(|s| scenarios.map(|w| (s, w)));
    assert_eq!(order, expected.concat());
    assert!(json["controls"]["same"].is_object());

    let metric = |row: &Value, name: &str| {
        let estimate = &row["metrics"][name];
        assert_eq!(estimate["n"], 1, "{name} in {row:#}");
        let [low, median, high] = ["low", "median", "high"]
            .map(|field| estimate[field].as_f64().unwrap());
        assert!(low <= median && median <= high, "{name} in {row:#}");
    };
    for name in ["total_ms", "avg_us", "connections_per_s"] {
        metric(&rows[0], name);
    }
    for name in [
        "cpu_us_per_echo",
        "latency_us_p50",
        "echoes_per_s",
        "rss_bytes_per_connection",
        "kernel_bytes_per_connection",
        "threads",
        "switches_per_echo",
    ] {
        metric(&rows[1], name);
    }
    let gates = rows[1]["gates"].as_array().unwrap();
    let gate = gates.iter().find(|gate| gate["name"] == "conservation");
    let gate = gate.unwrap();
    assert_eq!((&gate["value"], &gate["pass"]), (&0.0.into(), &true.into()));
}

fn a_stored_run_is_shown_as_it_was_printed() {
    let bed = Bed::new();
    let ran = bed.classic();
    let results = bed.path("results");
    let place = results.to_str().unwrap();
    let id = ran.json()["run"].as_str().unwrap().to_owned();
    for name in ["latest", &id, &id[..id.len() - 1]] {
        let arguments = ["show", name, "--json", "--results-dir", place];
        let shown = said(&arguments);
        assert_eq!(json(shown.exits_with(0)), ran.json(), "{name}");
    }
    let listed = said(&["show", "--list", "--results-dir", place]);
    assert!(listed.exits_with(0).stdout.contains(&id));
}

fn a_baseline_is_shown_by_its_name_and_its_histograms_are_exported() {
    let bed = Bed::new();
    let scenario = ["--scenario", "classic"];
    let ran = bed.run(&[&scenario[..], &["--save-baseline", "main"]].concat());
    let id = ran.exits_with(0).json()["run"].as_str().unwrap().to_owned();
    let place = bed.path("results");
    let log = bed.path("echo.hlog");
    let export = format!("hlog={}", log.display());
    let place = place.to_str().unwrap();
    let shown = said(&[
        "show",
        "main",
        "--json",
        "--export",
        &export,
        "--results-dir",
        place,
    ]);
    assert_eq!(json(shown.exits_with(0))["run"], id.as_str());
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("Tag=good/classic/echo,"), "{log}");
    let bad = said(&["show", "main", "--save-baseline", "../x"]);
    assert!(bad.exits_with(2).stderr.contains("a name is of letters"));
}

fn completions_name_every_subcommand() {
    for shell in ["bash", "zsh", "fish"] {
        let finished = said(&["completions", shell]);
        for name in SUBCOMMANDS {
            let text = &finished.exits_with(0).stdout;
            assert!(text.contains(name), "{shell}: no {name}");
        }
    }
}

fn a_gate_that_passes_for_want_of_rounds_says_so() {
    let all = harness::store::committed(&root());
    let is_curves =
        |run: &&std::path::PathBuf| run.to_string_lossy().ends_with("curves");
    let curves = all.iter().find(is_curves);
    let run = curves.expect("the committed curves").to_str().unwrap();
    let gate = ["compare", run, run, "--fail-on", "regression"];
    let finished = output(&mut harness(&gate));
    finished.exits_with(0);
    // Hundreds of figures of six rounds each.
    let said = &finished.stderr;
    assert!(said.contains("undecided: "), "{said}");
    assert!(said.contains("more round(s) in both runs"), "{said}");
    // One launch is nothing that a gate could hold.
    let bed = Bed::new();
    let one = bed.path("one");
    std::fs::create_dir(&one).unwrap();
    for file in ["host.json", "plan.json", "records.jsonl"] {
        let text = std::fs::read_to_string(Path::new(run).join(file)).unwrap();
        let first = text.lines().next().unwrap().to_owned() + "\n";
        let text = if file == "records.jsonl" { first } else { text };
        std::fs::write(one.join(file), text).unwrap();
    }
    let one = one.to_str().unwrap();
    let gate = ["compare", one, one, "--fail-on", "regression"];
    let finished = output(&mut harness(&gate));
    let said = &finished.exits_with(5).stderr;
    assert!(said.contains("is partial"), "{said}");
    assert!(said.contains("five rounds"), "{said}");
}
