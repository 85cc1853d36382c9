//! The page's structure, and what no page may ever hold.

use super::sections_tests::{certificate, checked};
use super::{Report, drawings, html};
use crate::calibrate::Certificate;
use crate::plan::Scenario::{Classic, Load};
use crate::plan::{Plan, Shipped, Trial};
use crate::record::{Outcome, Record};
use crate::render::Checked;
use crate::scripted::{self, climb, full, measured, plan, records};
use crate::summarize::{
    Spectrum, Summary, Timeline, spectra, summarize, timelines,
};

pub(super) const HOSTILE: &str =
    "<script>alert(1)</script>\"'&\u{1b}[31m\u{202e}\n\u{7}";

const SERVERS: [&str; 5] =
    ["rust-mio", "rust-tokio", "cpp-threads", "rust-smol", HOSTILE];

/// Two sound servers, one that corrupts, one with a failed check, a hostile
/// one, one skipped.
fn run(rounds: u32) -> (Plan, Vec<Record>) {
    let mut plan = plan(&SERVERS, &[Classic, Load], rounds);
    for lane in &mut plan.lanes {
        if lane.name == HOSTILE {
            lane.model = HOSTILE.into();
            lane.family = HOSTILE.into();
            lane.status = HOSTILE.into();
        }
    }
    plan.skipped.push(scripted::skip("go-x", HOSTILE, HOSTILE));
    let defaults = Shipped { backlog: Some(128), ..Shipped::default() };
    if rounds > 1 {
        scripted::as_shipped(&mut plan, "rust-tokio", defaults);
    }
    let records = records(&plan, outcome);
    (plan, records)
}

fn outcome(trial: &Trial) -> Outcome {
    let place = SERVERS.iter().position(|server| *server == trial.lane);
    let place = place.map_or(0, |place| u32::try_from(place).unwrap());
    let lane = trial.lane.as_str();
    if lane == "cpp-threads" {
        return scripted::corrupted();
    }
    if lane == HOSTILE && trial.round == 2 {
        return Outcome::Crashed { exit: HOSTILE.into(), log: HOSTILE.into() };
    }
    let own = (f64::from(trial.round * (place + 2))).sin() * 0.02;
    let cost = (1.0 + 0.4 * f64::from(place)) * (1.0 + own);
    let scale = if trial.scenario == Load { 12.0 } else { 400.0 };
    let mut launch = full(trial.scenario, scale * cost, 100);
    if trial.scenario == Load {
        climb(&mut launch, &[20_000.0, 40_000.0], 500);
        if lane == "rust-smol" {
            launch.report.windows[0].sent_in_time = 19_000;
        }
        launch.fresh.pss_bytes = 1_000_000;
        launch.fresh.kernel_bytes = 90_000_000;
    }
    if lane == HOSTILE {
        launch.flags = vec![HOSTILE.into()];
    }
    measured(launch)
}

pub(super) struct Whole {
    pub(super) summary: Summary,
    spectra: Vec<Spectrum>,
    timelines: Vec<Timeline>,
    checked: Vec<Checked>,
    pub(super) certificate: Certificate,
}

impl Whole {
    pub(super) fn of(rounds: u32) -> Self {
        let (plan, records) = run(rounds);
        let mut host = scripted::host();
        host.label.push_str(HOSTILE);
        host.kernel.push_str(HOSTILE);
        host.governor = Some(HOSTILE.into());
        Self {
            summary: summarize(HOSTILE, false, &host, &plan, &records),
            spectra: spectra(&plan, &records),
            timelines: timelines(&plan, &records),
            checked: vec![checked("rust-mio"), checked(HOSTILE)],
            certificate: certificate(),
        }
    }

    pub(super) fn report(&self) -> Report<'_> {
        Report {
            summary: &self.summary,
            others: &[],
            spectra: &self.spectra,
            timelines: &self.timelines,
            checked: &self.checked,
            certificate: Some(&self.certificate),
        }
    }
}

/// Headings, captions and drawings, in their order.
fn outline(page: &str) -> String {
    let marks = [("<h1", "</h1>"), ("<h2", "</h2>"), ("<h3", "</h3>")];
    let more = [("<caption", "</caption>"), ("<title ", "</title>")];
    let mut found: Vec<(usize, String)> = Vec::new();
    for (open, close) in marks.into_iter().chain(more) {
        for (at, _) in page.match_indices(open) {
            let rest = &page[at..];
            let from = rest.find('>').unwrap() + 1;
            let to = rest.find(close).unwrap();
            let tag = open.trim_start_matches('<').trim_end();
            found.push((at, format!("{tag}: {}", &rest[from..to])));
        }
    }
    found.sort();
    let lines: Vec<String> = found.into_iter().map(|(_, line)| line).collect();
    lines.join("\n")
}

#[test]
fn the_page_has_its_sections_in_order() {
    insta::assert_snapshot!(outline(&html(&Whole::of(6).report())));
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let (one, other) = (Whole::of(6), Whole::of(6));
    assert_eq!(html(&one.report()), html(&other.report()));
    assert_eq!(drawings(&one.report()), drawings(&other.report()));
}

#[test]
fn foreign_text_is_inert_wherever_it_stands() {
    for rounds in [1, 6] {
        let whole = Whole::of(rounds);
        let page = html(&whole.report());
        // The page's own script, and no other.
        assert_eq!(page.matches("<script").count(), 1);
        for (name, text) in
            drawings(&whole.report()).into_iter().chain([("page".into(), page)])
        {
            assert!(!text.contains("<script>alert"), "{name}");
            assert!(!text.contains("\"'&\""), "{name}: an attribute ends");
            let foul =
                |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert_eq!(text.find(foul), None, "{name}");
        }
    }
}

#[test]
fn the_policy_names_the_only_script_and_nothing_is_fetched() {
    use base64::Engine as _;
    use sha2::{Digest, Sha256};
    let page = html(&Whole::of(6).report());
    let from = page.find("<script>").unwrap() + "<script>".len();
    let to = page.find("</script>").unwrap();
    let digest = base64::engine::general_purpose::STANDARD
        .encode(Sha256::digest(&page[from..to]));
    assert!(page.contains(&format!("script-src 'sha256-{digest}'")));
    assert!(page.contains("default-src 'none'"));
    for fetches in [" src=", "@import", "url(", "<link", "<img", "http://"] {
        assert!(!page.contains(fetches), "{fetches}");
    }
}

#[test]
fn every_failure_skip_and_disputed_row_has_its_reason() {
    let page = html(&Whole::of(6).report());
    let from = page.find("id=\"failures\"").unwrap();
    let table = &page[from..][..page[from..].find("</table>").unwrap()];
    for part in
        ["cpp-threads", "corrupted", "go-x", "skipped", "no rank: sent_in_time"]
    {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn a_drawing_is_a_file_of_its_own() {
    let drawings = drawings(&Whole::of(6).report());
    let names: Vec<&str> =
        drawings.iter().map(|(name, _)| name.as_str()).collect();
    let wanted = [
        "ratios-load.svg",
        "ratios-classic.svg",
        "latency.svg",
        "cost-by-rate.svg",
        "spectrum.svg",
        "memory.svg",
        "timeline.svg",
    ];
    assert_eq!(names, wanted);
    for (name, text) in &drawings {
        let head = "<svg xmlns=\"http://www.w3.org/2000/svg\"";
        assert!(text.starts_with(head), "{name}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{name}");
        let opened = text.matches("<circle").count();
        assert_eq!(opened, text.matches("</circle>").count(), "{name}");
    }
}

#[test]
fn a_run_without_figures_is_still_a_page() {
    let plan = plan(&["rust-tokio"], &[Load], 1);
    let records = records(&plan, |_| scripted::corrupted());
    let summary = summarize("r", false, &scripted::host(), &plan, &records);
    let page = html(&Report::of(&summary));
    assert!(page.contains("Not measured in this run"));
    assert!(page.contains("id=\"failures\""));
    assert!(!page.contains("NaN"));
}

#[test]
fn a_crossing_needs_intervals_that_lie_apart() {
    let crossed = |noise: f64| {
        let mut whole = Whole::of(6);
        let steps = ["cpu_us_per_echo", "cpu_us_per_echo_at_20000"];
        for row in &mut whole.summary.rows {
            let costs = match row.server.as_str() {
                "rust-mio" => [10.0, 20.0],
                "rust-tokio" => [20.0, 10.0],
                _ => continue,
            };
            for (name, cost) in steps.into_iter().zip(costs) {
                let Some(of) = row.metrics.get_mut(name) else { continue };
                (of.median, of.low, of.high) =
                    (cost, cost - noise, cost + noise);
            }
        }
        super::ladder::crossings(&whole.summary)
    };
    assert_eq!(
        crossed(1.0),
        ["rust-mio is cheaper than rust-tokio at 10k/s and dearer at 20k/s."]
    );
    assert_eq!(crossed(6.0), [""; 0]);
}
