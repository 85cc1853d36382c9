//! `run`: measures servers and prints the table.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use self::candidates::Candidates;
use self::follow::Follower;
use super::{identity, instrument};
use crate::cli::{Output, Run};
use crate::drive::Client;
use crate::exit::{DONE, SERVER_FAILED, TOOL, UNFIT, USAGE, refuse};
use crate::host::Host;
use crate::interrupt::Interrupt;
use crate::isolation::rights::Ground;
use crate::plan::make::total_time;
use crate::plan::{Plan, Scenario, Trial};
use crate::progress::{Progress, Style, about, say};
use crate::record::Record;
use crate::record::journal::{self, Journal};
use crate::repeat::{Rounds, counted};
use crate::runner::{Context, execute};
use crate::spin::Spin;
use crate::summarize::{Row, Summary, summarize};
use crate::trial::Live;
use crate::{host, preflight, process, store};

mod candidates;
mod client;
mod describe;
mod follow;
mod ground;
mod planned;
mod prepare;
mod shipped;

/// A run that is about to begin, or to go on.
#[derive(Debug)]
struct Session {
    id: String,
    host: Host,
    plan: Plan,
    /// Where records go.
    directory: PathBuf,
    /// Kept by an earlier session of the same run.
    records: Vec<Record>,
    /// Still to be run.
    trials: Vec<Trial>,
    /// A server that was named can't run here.
    wanting: bool,
}

/// Measures, stores and prints.
pub(super) fn run(args: &Run, output: Output) -> Result<u8> {
    let root = store::root()?;
    let args = &planned::with_plan_file(args, &root)?;
    let results = store::results(&root, args.results_dir.as_deref());
    // First of all: it may have to come before a second thread.
    let stored = match &args.resume {
        None => None,
        Some(name) => Some(store::find(&root, &results, name)?),
    };
    let ground = ground::ground(args, stored.as_ref())?;
    let interrupt = Interrupt::install()?;
    process::adopt_orphans()?;
    let allowed = preflight::raise_descriptor_limit();
    let host = host::inspect::inspect(&root);
    let style = if output.quiet { Style::None } else { output.progress };
    let mut progress = Progress::new(style);

    let client = stored.as_ref().map(|run| &run.plan.settings.client);
    let client = client.unwrap_or(&args.client);
    let mut candidates = Candidates::new(&root, args, client)?;
    let plan = match &stored {
        None => candidates.plan(args, &host, &ground)?,
        Some(stored) => {
            let mut plan = prepare::resumed_plan(stored, args, &host)?;
            candidates.require(&plan)?;
            candidates.refresh(&mut plan);
            plan
        }
    };
    fit(&plan, &host, &ground, allowed)?;
    if args.dry_run {
        let trials = match stored {
            None => plan.trials.clone(),
            Some(stored) => {
                store::Run { plan: plan.clone(), ..stored }.missing()
            }
        };
        super::print(&describe::describe(&plan, &trials))?;
        return Ok(DONE);
    }
    store::prepare(&results)?;
    let baseline = args.save_baseline.as_deref();
    super::show::prepare(&results, &args.export, baseline)?;
    progress.line(&describe::outlook(&plan, &plan.trials));
    let client = candidates.build(&plan, &mut progress, &interrupt);
    if let Some(signal) = interrupt.signal() {
        return Ok(128 + signal);
    }
    let client = client?;
    // Nothing is stored, and no stored run touched, before it is sure that
    // its trials can be run.
    let kept = stored.as_ref().map_or(&[][..], |run| &run.records);
    candidates.unchanged(kept)?;
    let wanting = candidates.wanting();
    let session = open(&results, host, plan, stored, wanting)?;
    announce(&session, &progress);
    measure(args, session, candidates, client, progress, &interrupt)
}

/// Refuses what this machine can't carry, before anything is built.
fn fit(plan: &Plan, host: &Host, ground: &Ground, allowed: u64) -> Result<()> {
    let at_once = |it: &Scenario| plan.settings.at(*it).connections;
    let most = plan.scenarios.iter().map(at_once).max();
    let connections = most.unwrap_or(plan.settings.connections);
    let (ports, time_wait) = ground.ports(host);
    preflight::descriptors(connections, allowed)
        .and_then(|()| preflight::ports(connections, ports, time_wait))
        .map_err(|message| refuse(UNFIT, message))
}

/// Makes the run's directory, or opens the one it has.
fn open(
    results: &Path,
    host: Host,
    plan: Plan,
    stored: Option<store::Run>,
    wanting: bool,
) -> Result<Session> {
    let Some(stored) = stored else {
        let id = identity::run_id(plan.seed);
        let directory = store::create(results, &id, &host, &plan)?;
        let trials = plan.trials.clone();
        let records = Vec::new();
        return Ok(Session {
            id,
            host,
            plan,
            directory,
            records,
            trials,
            wanting,
        });
    };
    journal::mend(&stored.directory.join("records.jsonl"))?;
    store::write_json(&stored.directory.join("plan.json"), &plan)?;
    let stored = store::Run { plan, ..stored };
    Ok(Session {
        trials: stored.missing(),
        id: stored.id,
        host: stored.host,
        plan: stored.plan,
        directory: stored.directory,
        records: stored.records,
        wanting,
    })
}

fn announce(session: &Session, progress: &Progress) {
    let time = total_time(&session.plan, &session.trials);
    progress.line(&format!(
        "run {}: {} trials, about {}",
        session.id,
        session.trials.len(),
        about(time),
    ));
}

fn measure(
    args: &Run,
    mut session: Session,
    candidates: Candidates,
    client: Client,
    mut progress: Progress,
    interrupt: &Interrupt,
) -> Result<u8> {
    let time = total_time(&session.plan, &session.trials);
    progress.plan(&session.plan, session.trials.len(), time);
    let trials = std::mem::take(&mut session.trials);
    let mut bench = Live {
        candidates: candidates.into_lanes(&session.plan),
        client,
        plan: session.plan.clone(),
        host: session.host.clone(),
        spin: Spin::of(&session.plan, &session.records),
        interrupt,
    };
    let results = session.directory.parent().unwrap_or(Path::new("."));
    let results = results.to_path_buf();
    let instrument = instrument::line(&store::root()?, &results, &session.host);
    let (id, plan) = (session.id.clone(), session.plan.clone());
    let context = Context { run: &id, plan: &plan };
    let rounds = Rounds::of(&session.records);
    let mut follower = Follower {
        journal: Journal::open(&session.directory.join("records.jsonl"))?,
        artifacts: bench
            .candidates
            .iter()
            .filter_map(|(lane, candidate)| {
                let built = candidate.built.as_ref().ok()?;
                Some((lane.clone(), built.artifact.clone()))
            })
            .collect(),
        session: &mut session,
        progress: &mut progress,
        interrupt,
    };
    let ran = execute(&context, &trials, rounds, &mut bench, &mut follower);
    progress.finish();
    let summary = summary(&session);
    if let Err(error) = &ran {
        // What can't be stored is at least not lost.
        progress.line(&format!("error: {error:#}"));
        let text = serde_json::to_string(&summary)?;
        say(&text);
    }
    let records = &session.records;
    let shown = super::show::put(
        &summary,
        records,
        &instrument,
        args.json,
        &args.export,
    );
    ran?;
    if let Some(signal) = interrupt.signal() {
        let command = prepare::resume_command(args, &session.id);
        say(&format!("interrupted; go on with: {command}"));
        return Ok(128 + signal);
    }
    if let Some(name) = &args.save_baseline {
        store::save_baseline(&results, name, &session.id)?;
    }
    shown.with_context(|| format!("run {} is stored", session.id))?;
    Ok(verdict(&summary, &session, args))
}

fn summary(session: &Session) -> Summary {
    let done = store::Run {
        id: session.id.clone(),
        directory: session.directory.clone(),
        host: session.host.clone(),
        plan: session.plan.clone(),
        records: session.records.clone(),
    };
    let partial = !done.missing().is_empty();
    summarize(&done.id, partial, &done.host, &done.plan, &done.records)
}

/// 3 when a server failed, or one that was named or required is unavailable;
/// 1 when none did but the client or the harness itself.
fn verdict(summary: &Summary, session: &Session, args: &Run) -> u8 {
    let any = |wanted: fn(&str) -> bool| {
        let mut records = counted(&session.records).into_iter();
        records.any(|record| wanted(record.outcome.name()))
    };
    let failed = any(|outcome| {
        !matches!(outcome, "measured" | "unsupported" | "harness_error")
    });
    let named = args.require || (!args.selection.all && args.resume.is_none());
    let unsupported =
        named && summary.rows.iter().any(|row| row.outcome == "unsupported");
    // A launch whose bytes don't add up is measured and void.
    let void = |row: &Row| row.failures.iter().any(|f| f.outcome == "measured");
    let shipped = summary.shipped.iter().flat_map(|lane| &lane.rows);
    let void = summary.rows.iter().chain(shipped).any(void);
    let lacking = args.require && !summary.plan.skipped.is_empty();
    if failed || void || unsupported || lacking || session.wanting {
        SERVER_FAILED
    } else if any(|outcome| outcome == "harness_error") {
        TOOL
    } else {
        DONE
    }
}

/// A reference that isn't there.
fn no_reference(message: &str) -> anyhow::Error {
    refuse(USAGE, message)
}
