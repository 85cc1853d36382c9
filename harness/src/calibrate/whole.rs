//! Whole runs, made by the harness's own command and read back as any other.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::repeated::repeated;
use super::{Class, Figure, Finding, Goal, Lab, Run, Test, Trouble};
use crate::exit::{DONE, SERVER_FAILED};
use crate::plan::Scenario::Load;
use crate::plan::Timing;
use crate::process::{ExitKind, output};
use crate::stats::verdict::Verdict;
use crate::store;
use crate::summarize::{Row, Summary, summarize};

pub(super) const TESTS: &[Test] = &[
    Test {
        id: "K17",
        class: Class::Full,
        title: "clones of one server in a whole run",
        goal: "none told from the others: no verdict, all tied",
        source: "no benchmark is known to publish it",
        seconds: 420,
        run: Run::Drive(clones),
    },
    Test {
        id: "K28",
        class: Class::Full,
        title: "a whole run twice",
        goal: "no verdicts that contradict; medians of cost within 5 %; four \
               rows in five with a rank in both",
        source: "Collberg & Proebsting 2016 on repeatability",
        seconds: 2_700,
        run: Run::Drive(twice),
    },
];

const CLONES: u64 = 6;
const ROUNDS: u64 = 6;
/// A whole run of every server takes a third of this.
const PATIENCE: Duration = Duration::from_secs(4_500);

/// A run to make.
pub(super) struct Order<'a> {
    /// What it is called among those of a test.
    pub(super) name: &'a str,
    /// Copies of the fixture with their flags, the reference first; none for
    /// all servers of the suite.
    pub(super) copies: Vec<(String, Vec<&'a str>)>,
    pub(super) scenarios: &'a [&'a str],
    pub(super) connections: u32,
    pub(super) rounds: u64,
    /// Echoes a second, where not a run's own.
    pub(super) rate: Option<u32>,
    /// Windows are this part of a run's own.
    pub(super) part: f64,
    /// Whether the run stays where a user keeps runs.
    pub(super) stays: bool,
}

/// What a run left.
pub(super) struct Whole {
    pub(super) run: store::Run,
    pub(super) summary: Summary,
}

/// The command of a run, its servers and its plan written.
pub(super) fn command(
    lab: &Lab<'_>,
    order: &Order<'_>,
) -> Result<Vec<OsString>, Trouble> {
    let broken = |error: std::io::Error| Trouble::Broken(error.to_string());
    let directory = lab.tools.directory.join(order.name);
    let mut command: Vec<OsString> =
        vec![lab.tools.harness.clone().into(), "run".into()];
    for (id, flags) in &order.copies {
        let own = directory.join(id);
        fs::create_dir_all(&own).map_err(broken)?;
        let fixture = lab.tools.fixture.command[0].to_string_lossy();
        let serve: Vec<&str> =
            std::iter::once(&*fixture).chain(flags.iter().copied()).collect();
        let text = format!(
            "family = \"readiness\"\nmodel = \"a fixture\"\nserve = {serve:?}\n"
        );
        fs::write(own.join("server.toml"), text).map_err(broken)?;
        command.extend(["--server-dir".into(), own.into()]);
    }
    fs::create_dir_all(&directory).map_err(broken)?;
    let plan = directory.join("plan.toml");
    fs::write(&plan, planned(lab, order)).map_err(broken)?;
    command.extend(["--plan".into(), plan.into()]);
    command.extend(["--progress", "none"].map(Into::into));
    command.extend(["--results-dir".into(), results(lab, order).into()]);
    Ok(command)
}

/// Where a run is kept.
fn results(lab: &Lab<'_>, order: &Order<'_>) -> PathBuf {
    match order.stays {
        true => lab.tools.results.clone(),
        false => lab.tools.directory.join(order.name).join("results"),
    }
}

/// The plan file of a run.
fn planned(lab: &Lab<'_>, order: &Order<'_>) -> String {
    let servers = match order.copies.first() {
        None => "all = true".to_owned(),
        Some((first, _)) => {
            let ids = order.copies.iter().map(|(id, _)| id.as_str());
            let ids: Vec<&str> = ids.collect();
            format!("servers = {ids:?}\nreference = {first:?}")
        }
    };
    let (scenarios, seed) = (order.scenarios, lab.seed);
    let (connections, rounds) = (order.connections, order.rounds);
    let mut text = format!(
        "{servers}\nscenario = {scenarios:?}\nconnections = {connections}\n\
         rounds = {rounds}\nseed = {seed}\n"
    );
    if let Some(rate) = order.rate {
        text += &format!("rate = {rate}\n");
    }
    if order.part < 1.0 {
        let ms = |full: u64| (full as f64 * order.part).max(100.0);
        text += &format!(
            "[windows]\nwarm_up = \"{:.0}ms\"\nfixed_rate = \"{:.0}ms\"\n\
             in_flight = \"{:.0}ms\"\nstep = \"0ms\"\n",
            ms(Timing::DEFAULT.warm_up),
            ms(Timing::DEFAULT.fixed_rate),
            ms(Timing::DEFAULT.in_flight),
        );
    }
    text
}

/// What the run left that was not among the earlier ones.
pub(super) fn stored(
    lab: &Lab<'_>,
    order: &Order<'_>,
    earlier: &[PathBuf],
) -> Result<Whole, Trouble> {
    let broken = |error: anyhow::Error| Trouble::Broken(format!("{error:#}"));
    let mut all = store::all(&results(lab, order)).into_iter();
    let made = all.find(|run| !earlier.contains(run));
    let none = || Trouble::Broken("the run left nothing".into());
    let run = store::Run::load(&made.ok_or_else(none)?).map_err(broken)?;
    let summary = summarize(&run.id, false, &run.host, &run.plan, &run.records);
    Ok(Whole { run, summary })
}

fn made(lab: &Lab<'_>, order: &Order<'_>) -> Result<Whole, Trouble> {
    let command = command(lab, order)?;
    let root: &Path = &lab.tools.fixture.directory;
    let earlier = store::all(&results(lab, order));
    let interrupt = lab.tools.interrupt;
    let output = output::run(&command, Some(root), PATIENCE, Some(interrupt))
        .map_err(|error| Trouble::Broken(error.to_string()))?;
    if interrupt.signal().is_some() {
        return Err(Trouble::Interrupted);
    }
    // A server that failed is a row without figures, and the run is whole.
    let ended = output.exit.as_ref().map(|exit| &exit.kind);
    let is_whole = [DONE, SERVER_FAILED].map(|it| ExitKind::Code(it.into()));
    if !ended.is_some_and(|kind| is_whole.contains(kind)) {
        let why = format!("the run {} failed: {}", order.name, output.stderr);
        return Err(Trouble::Broken(why));
    }
    stored(lab, order, &earlier)
}

fn clones(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    lab.needs_cpus_apart()?;
    let clones = usize::try_from(lab.size.ms(CLONES)).unwrap_or(1).max(2);
    let copies = (1..=clones).map(|number| {
        let bug = if number == 1 { None } else { lab.instead };
        let flags = vec!["--bug", bug.unwrap_or("good")];
        (format!("clone-{number}"), flags)
    });
    let order = Order {
        name: "clones",
        copies: copies.collect(),
        scenarios: &["load"],
        connections: lab.size.connections,
        rounds: ROUNDS,
        rate: rate(lab),
        part: lab.size.time,
        stays: false,
    };
    let whole = made(lab, &order)?;
    let told = rows(&whole.summary).filter(|row| differs(row)).count();
    let tied = whole.summary.cheapest(Load).len();
    let none = Goal::AtMost(0.0);
    let apart = clones.saturating_sub(tied);
    let figures = vec![
        Figure::new("told from the first", count(told), "", none),
        Figure::new("not tied for cheapest", count(apart), "", none),
    ];
    let launches = whole.run.records.len() as u64;
    Ok(Finding::of(launches, "launches", figures))
}

/// Both runs stay, so that whoever doubts the figures can compare them.
fn twice(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    lab.needs_cpus_apart()?;
    let good = |id: &str| (id.to_owned(), vec!["--bug", "good"]);
    let (copies, rounds) = match lab.size.time < 1.0 {
        true => (vec![good("plain"), good("other")], 2),
        false => (Vec::new(), ROUNDS),
    };
    let order = |name| Order {
        name,
        copies: copies.clone(),
        scenarios: &["classic", "load"],
        connections: lab.size.connections,
        rounds,
        rate: rate(lab),
        part: lab.size.time,
        stays: true,
    };
    let once = made(lab, &order("once"))?;
    let again = made(lab, &order("again"))?;
    let figures = repeated(&once.summary, &again.summary);
    let launches = once.run.records.len() + again.run.records.len();
    Ok(Finding::of(launches as u64, "launches", figures))
}

/// In small a server that burns 500 µs an echo has to carry it.
fn rate(lab: &Lab<'_>) -> Option<u32> {
    (lab.size.time < 1.0).then_some(1_000)
}

fn rows(summary: &Summary) -> impl Iterator<Item = &Row> {
    let rows = summary.rows.iter().filter(|row| row.scenario == Load);
    rows.filter(|row| row.is_measured())
}

fn differs(row: &Row) -> bool {
    matches!(row.verdict, Some(Verdict::Faster | Verdict::Slower))
}

fn count(number: usize) -> f64 {
    number as f64
}
