//! A plan file is taken at its word, and what is wrong in it has a place.

use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};
use crate::plan::Placement;

fn typed(arguments: &[&str]) -> Run {
    let all = ["harness", "run"].iter().chain(arguments);
    match Cli::parse_from(all).command {
        Command::Run(run) => *run,
        other => panic!("{other:?}"),
    }
}

fn is_server(id: &str) -> bool {
    ["rust-mio", "rust-tokio"].contains(&id)
}

fn client(name: &str) -> Result<String, String> {
    match name {
        "load" | "original-cpp" => Ok(name.into()),
        _ => Err(format!("there is no client {name:?}")),
    }
}

const KNOWN: Known<'_> = Known { server: &is_server, client: &client };

fn applied(text: &str) -> Result<Run, String> {
    let mut run = typed(&[]);
    apply(text, &mut run, KNOWN).map_err(|fault| fault.to_string())?;
    Ok(run)
}

#[test]
fn every_key_is_the_flag_of_its_name() {
    let run = applied(
        r#"
        servers = ["rust-mio", "rust-tokio@shipped"]
        shipped = true
        scenario = ["load", "sizes@4096", "handler"]
        connections = 300
        payload = 1000
        rate = 500
        rounds = 7
        budget = "10m"
        workers = 2
        placement = "shared"
        isolation = "plain"
        reference = "rust-tokio"
        client = "original-cpp"
        seed = 9

        [windows]
        warm_up = "0s"
        fixed_rate = "5s"
        in_flight = "1500ms"
        step = "0ms"
        idle = "1s"
        "#,
    )
    .unwrap();
    assert_eq!(run.selection.servers, ["rust-mio", "rust-tokio@shipped"]);
    assert!(run.shipped && !run.selection.all);
    assert_eq!(run.scenario, ["load", "sizes@4096", "handler"]);
    assert_eq!((run.connections, run.payload, run.rate), (300, 1000, 500));
    assert_eq!(
        (run.rounds, run.workers, run.seed),
        (Some(7), Some(2), Some(9))
    );
    assert_eq!(run.budget, Some(Duration::from_secs(600)));
    assert_eq!(run.placement, Placement::Shared);
    assert_eq!(run.isolation, "plain".parse().unwrap());
    assert_eq!(run.reference, "rust-tokio");
    assert_eq!(run.client, "original-cpp");
    let windows = Windows {
        warm_up: Some(0),
        fixed_rate: Some(5_000),
        in_flight: Some(1_500),
        step: Some(0),
        idle: Some(1_000),
    };
    assert_eq!(run.windows, windows);
}

#[test]
fn what_the_file_leaves_out_stays_as_it_is() {
    let run = applied("all = true").unwrap();
    let default = typed(&["--all"]);
    assert_eq!(format!("{run:?}"), format!("{default:?}"));
}

#[test]
fn rounds_seed_and_budget_that_were_typed_win() {
    let mut run = typed(&["--rounds", "2", "--seed", "3", "--budget", "1m"]);
    let text = "all = true\nrounds = 9\nseed = 9\nbudget = \"9m\"";
    apply(text, &mut run, KNOWN).unwrap();
    assert_eq!((run.rounds, run.seed), (Some(2), Some(3)));
    assert_eq!(run.budget, Some(Duration::from_secs(60)));
    let mut quick = typed(&["--quick"]);
    apply(text, &mut quick, KNOWN).unwrap();
    assert_eq!((quick.rounds, quick.seed), (None, Some(9)));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let cases = [
        ("all = true\n\nconections = 5", "3:1: unknown field `conections`"),
        (
            "servers = [\n  \"rust-mio\",\n  \"mia\"]",
            "3:3: there is no server \"mia\"",
        ),
        (
            "servers = [\"rust-mio\", \"rust-mio\"]",
            "1:24: rust-mio is named twice",
        ),
        ("all = true\nservers = [\"rust-mio\"]", "2:12: name servers or"),
        ("servers = [\"rust-mio@same\"]", "1:12: \"rust-mio@same\": only"),
        ("servers = [\"../x\"]", "1:12: there is no server \"../x\""),
        ("reference = \"x\"", "1:13: there is no server \"x\""),
        ("all = true\nclient = \"x\"", "2:10: there is no client \"x\""),
        ("scenario = [\"load\", \"lod\"]", "1:21: the scenarios are"),
        ("connections = 0", "1:15: 0 is not in 1 to 1000000"),
        ("connections = -5", "1:15: -5 is not in 1 to 1000000"),
        ("rate = 1e30", "1:8: invalid type: floating point"),
        ("rate = nan", "1:8: invalid type: floating point"),
        ("rate = 9223372036854775808", "1:8: "),
        ("seed = -1", "1:8: -1 is not in 0 to"),
        ("budget = \"soon\"", "1:10: expected number"),
        ("placement = \"apart\"", "1:13: the placements are split and shared"),
        ("isolation = \"vm\"", "1:13: "),
        ("[windows]\nfixed = \"1s\"", "2:1: unknown field `fixed`"),
        ("[windows]\nfixed_rate = \"1ms\"", "2:14: 1ms is not in 100ms to 10m"),
        ("[windows]\nidle = \"11m\"", "2:8: 11m is not in 10ms to 10m"),
        ("[windows]\nstep = 5", "2:8: invalid type: integer `5`"),
        ("# é\nä = 1", "2:1: "),
        ("rounds = 1\nrounds = 2", "2:1: duplicate key"),
        ("all = true\n\0", "2:2: "),
    ];
    for (text, wanted) in cases {
        let found = applied(text).expect_err(text);
        assert!(found.starts_with(wanted), "{text}\n  {found}\n  {wanted}");
        assert!(!found.contains('\n') && !found.contains("i64"), "{found}");
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let deep =
        format!("servers = {}{}", "[".repeat(20_000), "]".repeat(20_000));
    assert!(applied(&deep).unwrap_err().starts_with("1:"));
}

#[test]
fn a_byte_that_is_no_text_is_named() {
    let found = text(b"all = true\n# \xc3\xa9 \xff").unwrap_err();
    assert_eq!(found.to_string(), "2:5: this byte is not UTF-8");
    assert_eq!(text("# é".as_bytes()), Ok("# é"));
}

#[test]
fn the_example_of_the_readme_is_a_plan() {
    let readme = include_str!("../../../README.md");
    let from = readme.find("# plan.toml").expect("it has an example");
    let example = readme[from..].split("```").next().unwrap();
    let run = applied(example).unwrap();
    assert_eq!(run.scenario.len(), 4);
    assert_eq!(run.windows.step, Some(0));
}
