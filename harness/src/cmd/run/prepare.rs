//! From what was typed to a plan.

use anyhow::Result;

use crate::cli::{ALL, RATE, Run};
use crate::cmd::identity;
use crate::exit::{NOT_COMPARABLE, USAGE, refuse};
use crate::host::{Host, inspect};
use crate::isolation::rights::Ground;
use crate::plan::make::{
    Request, make, round_time, rounds_within, with_rounds,
};
use crate::plan::place::place;
use crate::plan::{
    Lane, Plan, SERIES, SHARED_CLIENT, Scenario, Settings, Skip, Timing,
};
use crate::store;

const ROUNDS: u32 = 6;
pub(super) const BACKLOG: u32 = 4096;
const BUFFER_BYTES: u32 = 4096;
const IN_FLIGHT: u32 = 256;

/// What the original's clients send, and can't be told otherwise.
pub(super) const ORIGINAL_PAYLOAD: u32 = 100;
/// The most of them that there can be.
const ORIGINAL_CONNECTIONS: u32 = 65_535;

/// The scenarios of a new run, each once.
///
/// # Errors
/// One of the original's clients can't do what is asked for.
pub(super) fn scenarios(args: &Run) -> Result<Vec<Scenario>> {
    let client = &args.client;
    let shared = client == SHARED_CLIENT;
    let fit = |fits: bool, what: &str| match fits {
        true => Ok(()),
        false => Err(refuse(USAGE, format!("the client {client} {what}"))),
    };
    let mut scenarios = Vec::new();
    for scenario in args.scenario.iter().flat_map(|asked| meant(asked, args)) {
        if !scenarios.contains(&scenario) {
            scenarios.push(scenario);
        }
    }
    if scenarios.is_empty() {
        scenarios.push(Scenario::Classic);
        scenarios.extend(shared.then_some(Scenario::Load));
    }
    if !shared {
        fit(
            scenarios == [Scenario::Classic],
            "knows the classic test alone; leave out --scenario",
        )?;
        fit(
            args.payload == ORIGINAL_PAYLOAD,
            "sends 100 bytes, no more and no less; leave out --payload",
        )?;
        fit(args.rate == RATE, "keeps no rate; leave out --rate")?;
        fit(
            args.connections <= ORIGINAL_CONNECTIONS,
            "opens at most 65535 connections; ask for fewer with -c",
        )?;
    }
    Ok(scenarios)
}

/// The workloads that a name stands for.
fn meant(asked: &str, args: &Run) -> Vec<Scenario> {
    let of = |name| Scenario::all_of(name, args.connections, args.quick);
    if asked == ALL {
        return SERIES.iter().flat_map(|name| of(name)).collect();
    }
    of(asked)
}

/// Who takes part in a new run, as in [`Request`].
pub(super) struct Servers {
    pub(super) selected: Vec<Lane>,
    pub(super) shipped: Vec<Lane>,
    pub(super) reference: Option<Lane>,
    pub(super) skipped: Vec<Skip>,
}

/// Plans a new run.
pub(super) fn plan(
    args: &Run,
    ground: &Ground,
    scenarios: Vec<Scenario>,
    servers: Servers,
) -> Plan {
    let asked = args.rounds.unwrap_or(if args.quick { 1 } else { ROUNDS });
    let mut request = Request {
        seed: args.seed.unwrap_or_else(identity::clock_seed),
        rounds: asked,
        scenarios,
        selected: servers.selected,
        shipped: servers.shipped,
        reference: servers.reference,
        // One round carries no verdict that a control could be held against.
        spin: !args.quick,
        settings: settings(args, ground),
        skipped: servers.skipped,
        lacking: ground.lacking.clone(),
    };
    if let Some(budget) = args.budget {
        request.rounds = rounds_within(budget, round_time(&request), asked);
    }
    make(request)
}

fn timing(args: &Run) -> Timing {
    const OWN: Timing = Timing::DEFAULT;
    let typed = &args.windows;
    match args {
        Run { quick: true, .. } => Timing::QUICK,
        Run { full: true, .. } => Timing::FULL,
        _ => Timing {
            warm_up: typed.warm_up.unwrap_or(OWN.warm_up),
            fixed_rate: typed.fixed_rate.unwrap_or(OWN.fixed_rate),
            in_flight: typed.in_flight.unwrap_or(OWN.in_flight),
            step: typed.step.unwrap_or(OWN.step),
            idle: typed.idle.unwrap_or(OWN.idle),
        },
    }
}

fn settings(args: &Run, ground: &Ground) -> Settings {
    let (server_cpus, client_cpus) = place(&inspect::cpus(), args.placement);
    let timing = timing(args);
    Settings {
        client: args.client.clone(),
        client_revision: wire::REVISION,
        connections: args.connections,
        payload_bytes: args.payload,
        rate_per_s: f64::from(args.rate),
        in_flight: IN_FLIGHT,
        workers: args
            .workers
            .unwrap_or_else(|| u32::try_from(server_cpus.len()).unwrap_or(1)),
        backlog: BACKLOG,
        buffer_bytes: BUFFER_BYTES,
        placement: args.placement,
        isolation: ground.isolation,
        congestion_control: ground.congestion_control(),
        server_cpus,
        client_cpus,
        warm_up_ms: timing.warm_up,
        fixed_rate_ms: timing.fixed_rate,
        in_flight_ms: timing.in_flight,
        step_ms: timing.step,
        idle_ms: timing.idle,
        quick: args.quick,
    }
}

/// The plan of a stored run, perhaps with more rounds.
///
/// # Errors
/// This is not the machine it ran on, or fewer rounds are asked for.
pub(super) fn resumed_plan(
    stored: &store::Run,
    args: &Run,
    host: &Host,
) -> Result<Plan> {
    let machine = |host: &Host| {
        (host.label.clone(), host.kernel.clone(), host.cpus.clone())
    };
    if machine(host) != machine(&stored.host) {
        return Err(refuse(
            NOT_COMPARABLE,
            format!(
                "run {} was made on another machine: {} {}",
                stored.id, stored.host.label, stored.host.kernel
            ),
        ));
    }
    let revision = stored.plan.settings.client_revision;
    if revision != wire::REVISION {
        let message = format!(
            "run {} was made with revision {revision} of the client, which \
             measures otherwise than this one ({}); begin a new run",
            stored.id,
            wire::REVISION,
        );
        return Err(refuse(NOT_COMPARABLE, message));
    }
    let rounds = args.rounds.unwrap_or(stored.plan.rounds);
    Ok(with_rounds(&stored.plan, rounds.max(stored.plan.rounds)))
}

/// The command that goes on with a run.
pub(super) fn resume_command(args: &Run, id: &str) -> String {
    let mut command = format!("cargo harness run --resume {id}");
    if let Some(directory) = &args.results_dir {
        command += &format!(" --results-dir {}", directory.display());
    }
    for directory in &args.selection.server_dir {
        command += &format!(" --server-dir {}", directory.display());
    }
    command
}
