//! Snapshots of every renderer over a scripted run that holds one of each
//! kind of row, and what no text may ever hold.

use super::*;
use crate::plan::Scenario::{self, Classic, Load};
use crate::plan::{Plan, Timing, Trial};
use crate::record::{Measurement, Outcome, Record};
use crate::scripted::{self, bare, full, measured, plan, records};
use crate::summarize::{Summary, summarize};

const HOSTILE: &str = "=cmd|'<script>\u{1b}[31m\u{202e}\u{7}`x`";

const SERVERS: [&str; 7] = [
    "rust-mio",
    "rust-tokio",
    "rust-threads",
    "cpp-threads",
    "python-asyncio",
    "rust-async-std",
    HOSTILE,
];

/// One of each: sound, client-limited, failed in one round, corrupted in all,
/// saturated with a failed gate, discontinued, hostile, skipped.
fn run(rounds: u32, scenarios: &[Scenario]) -> (Plan, Vec<Record>) {
    let mut plan = plan(&SERVERS, scenarios, rounds);
    for lane in &mut plan.lanes {
        lane.model = match lane.name.as_str() {
            "rust-threads" | "cpp-threads" => "one OS thread per connection",
            "rust-async-std" => "tasks on a thread pool",
            HOSTILE => {
                "<img src=x onerror=alert(1)>\n| evil | @everyone \
                        \u{1b}]0;title\u{7}"
            }
            _ => continue,
        }
        .into();
        if lane.name == "rust-async-std" {
            lane.status = "discontinued: use smol".into();
        }
    }
    let skip = scripted::skip(
        "go-goroutines",
        "go not found on PATH",
        "apt-get install golang",
    );
    plan.skipped.push(skip);
    let records = records(&plan, outcome);
    (plan, records)
}

fn outcome(trial: &Trial) -> Outcome {
    let (lane, round) = (trial.lane.as_str(), trial.round);
    match (lane, trial.scenario) {
        ("cpp-threads", _) => scripted::corrupted(),
        ("rust-threads", Load) if round == 2 => Outcome::Crashed {
            exit: "signal 11 (SIGSEGV)".into(),
            log: "\u{1b}[1mthread 'main' panicked\u{1b}[0m\n".into(),
        },
        ("rust-async-std", Classic) => Outcome::BuildFailed {
            log: "error: linker `cc` not found\n".into(),
        },
        _ => measured(launch(trial)),
    }
}

fn launch(trial: &Trial) -> Measurement {
    let lane = trial.lane.as_str();
    let place = SERVERS.iter().position(|server| *server == lane);
    let place = place.unwrap_or(0) as f64;
    let own = (f64::from(trial.round) * (place + 2.0)).sin() * 0.03;
    let spin = if lane == scripted::SPIN { 1.08 } else { 1.0 };
    let factor = (1.0 + 0.25 * place) * (1.0 + own) * spin;
    let scale = if trial.scenario == Load { 12.0 } else { 400.0 };
    let us = 100 + 10 * place as u64;
    let mut launch = full(trial.scenario, scale * factor, us);
    launch.spin_us = (lane == scripted::SPIN).then_some(1);
    if trial.scenario == Load {
        match lane {
            "rust-mio" => {
                launch.report.windows[1].client_busy_ns = 930_000_000;
            }
            "python-asyncio" => {
                let window = &mut launch.report.windows[0];
                window.echoes_in_window = 16_200;
                window.server.as_mut().unwrap().cpu_ns *= 4;
                window.sent_in_time = 19_970;
            }
            _ => {}
        }
    }
    if lane == HOSTILE && trial.round == 1 {
        launch.flags = vec!["unclean-stop\u{1b}[2J".into()];
    }
    launch
}

fn both() -> Summary {
    let (plan, records) = run(6, &[Classic, Load]);
    summarize("20261123T063000Z-3f2a", false, &host(), &plan, &records)
}

fn host() -> crate::host::Host {
    scripted::host()
}

fn classic() -> Summary {
    let (plan, records) = run(6, &[Classic]);
    summarize("20261123T063000Z-c1a5", false, &host(), &plan, &records)
}

/// One quick round, stopped after the reference and one server, the reference
/// not selected.
fn quick_and_partial() -> Summary {
    let mut plan = plan(&["rust-tokio", "rust-threads"], &[Load], 1);
    plan.settings.quick = true;
    let mut all = records(&plan, |trial| measured(launch(trial)));
    all.retain(|record| record.trial.lane != "rust-threads");
    summarize("20261123T063000Z-9c4e", true, &host(), &plan, &all)
}

pub(super) fn lines_fit(text: &str) {
    for line in text.lines() {
        assert!(text::width(line) <= WIDTH, "{line:?}");
    }
}

#[test]
fn the_table_merges_both_scenarios_and_hides_no_failure() {
    let table = table(&both());
    lines_fit(&table);
    insta::assert_snapshot!(table);
}

#[test]
fn the_classic_table_ends_with_the_originals_lines() {
    let table = table(&classic());
    lines_fit(&table);
    insta::assert_snapshot!(table);
}

#[test]
fn a_table_by_an_originals_client_says_so_and_has_no_percentiles() {
    let mut plan = plan(&["rust-mio", "rust-tokio"], &[Classic], 6);
    plan.settings.client = "original-python".into();
    let records = records(&plan, |trial| {
        let mut launch = launch(trial);
        let classic = launch.report.classic.as_mut().unwrap();
        (classic.connect, classic.echo) = (String::new(), String::new());
        if trial.round == 2 {
            launch.flags.push(crate::summarize::ACCEPT_OVERFLOWED.into());
        }
        measured(launch)
    });
    let summary = summarize("r", false, &host(), &plan, &records);
    let table = table(&summary);
    lines_fit(&table);
    insta::assert_snapshot!(table);
    let markdown = markdown(&summary);
    assert!(!markdown.contains("p50"), "{markdown}");
}

#[test]
fn a_quick_and_partial_run_says_that_it_is() {
    let table = table(&quick_and_partial());
    lines_fit(&table);
    insta::assert_snapshot!(table);
}

#[test]
fn the_markdown_is_made_for_a_pull_request() {
    insta::assert_snapshot!(markdown(&both()));
}

#[test]
fn the_csv_has_a_line_for_each_figure() {
    insta::assert_snapshot!(csv(&quick_and_partial()));
}

#[test]
fn the_json_is_the_summary() {
    let plan = plan(&["rust-mio"], &[Classic], 1);
    let records = records(&plan, |trial| measured(launch(trial)));
    let summary = summarize("r", false, &host(), &plan, &records);
    let text = json(&summary);
    insta::assert_snapshot!(text);
    let back: Summary = serde_json::from_str(&text).unwrap();
    assert_eq!(back.rows.len(), summary.rows.len());
    assert_eq!(back.plan, summary.plan);
}

#[test]
fn no_text_for_a_person_holds_a_control_or_reordering_character() {
    for summary in [both(), classic()] {
        for text in [table(&summary), markdown(&summary), csv(&summary)] {
            let bad = text
                .chars()
                .find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
            assert_eq!(bad, None, "{text}");
        }
    }
}

#[test]
fn markdown_passes_no_foreign_mark_on() {
    let text = markdown(&both());
    // The command stands in a block of its own, where no mark counts.
    let (command, text) = text.split_once("\n```\n").unwrap();
    assert_eq!(command.matches("```").count(), 1);
    for mark in ["<script", "<img", "@everyone", "`x`", "| evil |"] {
        assert!(!text.contains(mark), "{mark}\n{text}");
    }
    // Every line of the table has the same number of cells.
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let table = markdown_table(&both());
    let counts: Vec<usize> = table.lines().map(cells).collect();
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
}

#[test]
fn csv_holds_no_formula() {
    let text = csv(&both());
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let mut lines = 0;
    for record in reader.records() {
        let record = record.unwrap();
        lines += 1;
        for cell in &record {
            let formula = cell.starts_with(['=', '+', '@', '\t', '\r'])
                || (cell.starts_with('-') && cell.parse::<f64>().is_err());
            assert!(!formula, "{cell:?}");
        }
    }
    assert!(lines > 100, "{lines}");
}

#[test]
fn a_rate_that_fell_short_of_its_plan_is_no_fault_of_the_server() {
    let notes = |planned: u64, echoes: u64| {
        let plan = plan(&["rust-mio"], &[Load], 1);
        let records = records(&plan, |_| {
            let mut launch = bare(Load, 10.0);
            let window = &mut launch.report.windows[0];
            (window.planned, window.echoed) = (planned, planned);
            (window.sent_in_time, window.echoes_in_window) = (planned, echoes);
            measured(launch)
        });
        let summary = summarize("r", false, &host(), &plan, &records);
        notes::notes(&summary, "rust-mio")
    };
    // 2 % fewer arrivals than on average, all of them answered.
    assert_eq!(notes(19_600, 19_600), [""; 0]);
    let short = "carried only 9.5k/s, 10 % of its CPU used";
    assert_eq!(notes(20_000, 19_000), [short]);
}

#[test]
fn the_command_runs_the_same_plan_again() {
    let (mut plan, _) = run(6, &[Classic, Load]);
    plan.lanes.truncate(2);
    Timing::DEFAULT.set(&mut plan.settings);
    let command = |plan: &Plan| heading::command(plan).join(" ");
    assert_eq!(
        command(&plan),
        "cargo harness run rust-mio rust-tokio go-goroutines --scenario \
         classic --scenario load -c 10000 --payload 100 --rate 10000 \
         --rounds 6 --workers 1 --placement split --isolation pin \
         --reference rust-mio --seed 42"
    );
    plan.lanes[1].server = "it's $(here)".into();
    assert!(command(&plan).contains(r"'it'\''s $(here)'"));
    plan.settings.quick = true;
    Timing::QUICK.set(&mut plan.settings);
    assert!(command(&plan).contains("--rounds 6 --quick"));
    plan.settings.quick = false;
    Timing::FULL.set(&mut plan.settings);
    assert!(command(&plan).contains(" --full "));
    plan.settings.idle_ms += 1;
    assert!(command(&plan).starts_with("cargo harness run --plan FILE"));
}

#[test]
fn an_empty_run_and_a_run_of_nothing_but_skips_still_render() {
    let mut plan = plan(&["rust-mio"], &[Classic, Load], 6);
    let nothing = summarize("r", true, &host(), &plan, &[]);
    (plan.lanes, plan.trials, plan.reference) = (vec![], vec![], None);
    plan.skipped.push(scripted::skip("a", "no a", "get a"));
    let skips = summarize("r", false, &host(), &plan, &[]);
    for summary in [nothing, skips] {
        for show in [table, markdown, csv, json] {
            let (text, told) = (show(&summary), ["skipped", "not run yet"]);
            assert!(told.iter().any(|t| text.contains(t)), "{text}");
        }
        lines_fit(&table(&summary));
        let told = table(&summary);
        assert!(told.contains("Nothing was measured."), "{told}");
        assert!(!told.contains("none below"), "no floor of nothing: {told}");
    }
}
