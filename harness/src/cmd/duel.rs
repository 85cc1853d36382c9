//! `duel`: two servers side by side until the difference is told from noise.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::select::unknown;
use super::{identity, instrument};
use crate::build::{self, Built};
use crate::catalog::{Catalog, Server};
use crate::cli::{Duel as Args, Output};
use crate::duel::fight::Ring;
use crate::duel::judge::{is_over, judge, most_pairs};
use crate::duel::{BLOCKS, Duel, LaunchPair, Rules, SLICE_MS, WARM_UP_MS};
use crate::event::Event;
use crate::exit::{DONE, SERVER_FAILED, TOOL, UNFIT, USAGE, refuse};
use crate::host::{Host, inspect};
use crate::interrupt::Interrupt;
use crate::isolation::rights::{self, Ground};
use crate::plan::Settings;
use crate::plan::place::place;
use crate::progress::{Progress, Style, say};
use crate::record::Outcome;
use crate::summarize::reason;
use crate::{host, plan, preflight, process, render, store};

/// For runtimes that compile while they run, and collect garbage: all slices
/// of a pair count together.
const WHOLE_SLICE_MS: u64 = 200;
const WHOLE_BLOCKS: u32 = 10;
const QUICK_SLICE_MS: u64 = 30;
const QUICK_BLOCKS: u32 = 2;
const BACKLOG: u32 = 4096;
const BUFFER_BYTES: u32 = 4096;

/// Builds, fights, stores and prints.
pub(super) fn duel(args: &Args, output: Output) -> Result<u8> {
    let root = store::root()?;
    let results = store::results(&root, args.results_dir.as_deref());
    // First of all: it may have to come before a second thread.
    let ground = rights::prepare(args.isolation, BACKLOG)?;
    let interrupt = Interrupt::install()?;
    process::adopt_orphans()?;
    let allowed = preflight::raise_descriptor_limit();
    let host = host::inspect::inspect(&root);
    let catalog = Catalog::load(&root, &args.server_dir)?;
    let servers = [find(&catalog, &args.a)?, find(&catalog, &args.b)?];
    possible(args, servers)?;
    preflight::descriptors(args.connections, allowed)
        .and_then(|()| {
            let both = args.connections.saturating_mul(2);
            let (ports, time_wait) = ground.ports(&host);
            preflight::ports(both, ports, time_wait)
        })
        .map_err(|message| refuse(UNFIT, message))?;
    store::prepare(&results)?;
    let style = if output.quiet { Style::None } else { output.progress };
    let mut progress = Progress::new(style);
    let built = prepare(&root, servers, &mut progress, &interrupt);
    if let Some(signal) = interrupt.signal() {
        return Ok(128 + signal);
    }
    let (client, built) = built?;
    let settings = settings(args, &ground);
    let rules = rules(args, servers, &settings, &ground);
    let ring = Ring {
        built: [&built[0], &built[1]],
        patience: servers
            .map(|it| Duration::from_secs(it.manifest.ready_s.into())),
        rules: &rules,
        settings: &settings,
        host: &host,
        client: &client,
        interrupt: &interrupt,
    };
    let id = identity::run_id(rules.seed);
    let file = results.join(&id).join(store::DUEL_FILE);
    let mut fought = Fought { id, args, file, pairs: Vec::new() };
    progress.line(&format!("duel {}", fought.id));
    let end = fought.all(&ring, &progress);
    progress.finish();
    let instrument = instrument::line(&root, &results, &host);
    let shown = fought.show(&rules, &instrument);
    end.and(shown)?;
    Ok(interrupt.signal().map_or(DONE, |signal| 128 + signal))
}

/// What was fought so far.
struct Fought<'a> {
    id: String,
    args: &'a Args,
    /// Written anew after each pair, so that nothing is lost.
    file: PathBuf,
    pairs: Vec<LaunchPair>,
}

impl Fought<'_> {
    /// Fights until it is over, interrupted, or a server fails.
    fn all(&mut self, ring: &Ring<'_>, progress: &Progress) -> Result<()> {
        let names = [&self.args.a, &self.args.b];
        while !is_over(ring.rules, &self.pairs) {
            match ring.fight(self.pairs.len()) {
                Ok(pair) => self.pairs.push(pair),
                Err((_, Outcome::Interrupted)) => return Ok(()),
                Err((side, outcome)) => {
                    let id = names[side];
                    let why = reason(&outcome).unwrap_or_default();
                    let code = match outcome {
                        Outcome::HarnessError { .. } => TOOL,
                        _ => SERVER_FAILED,
                    };
                    let what = outcome.name().replace('_', " ");
                    return Err(refuse(code, format!("{id} {what}: {why}")));
                }
            }
            if let Some(duel) = self.judged(ring.rules) {
                progress.line(&render::duel_line(&duel, most_pairs()));
                self.store(ring.host, &duel)?;
            }
        }
        Ok(())
    }

    fn judged(&self, rules: &Rules) -> Option<Duel> {
        let names = [self.args.a.as_str(), self.args.b.as_str()];
        judge(&self.id, names, rules, &self.pairs)
    }

    fn store(&self, host: &Host, duel: &Duel) -> Result<()> {
        let directory = self.file.parent().expect("it lies in a directory");
        std::fs::create_dir_all(directory).with_context(|| {
            format!("{} can't be made", directory.display())
        })?;
        store::write_json(&directory.join("host.json"), host)?;
        store::write_json(&self.file, duel)
    }

    fn show(&self, rules: &Rules, instrument: &str) -> Result<()> {
        let Some(duel) = self.judged(rules) else {
            say("no pair of launches was finished");
            return Ok(());
        };
        let text = match self.args.json {
            true => render::duel_json(&duel),
            false => render::duel(&duel) + &render::paragraph(instrument),
        };
        super::print(&text)
    }
}

fn find<'a>(catalog: &'a Catalog, id: &str) -> Result<&'a Server> {
    catalog.get(id).ok_or_else(|| unknown(catalog, id))
}

/// Refuses what these servers could not do.
fn possible(args: &Args, servers: [&Server; 2]) -> Result<()> {
    let all = args.connections;
    if args.in_flight.is_some_and(|it| it > all) {
        let why = format!("--in-flight is more than the {all} connections");
        return Err(refuse(USAGE, format!("{why}: raise --connections")));
    }
    let workers = [args.workers_a, args.workers_b];
    let mut asked = servers.into_iter().zip(workers);
    let more = |&(server, workers): &(&Server, Option<u32>)| {
        workers.is_some_and(|it| it > 1) && !server.manifest.parallel
    };
    asked.find(more).map_or(Ok(()), |(server, _)| {
        let why = "spreads its connections over no workers";
        let why = format!("{} {why}: it can't have more", server.id);
        Err(refuse(USAGE, why))
    })
}

/// Builds the client and both servers.
fn prepare(
    root: &Path,
    servers: [&Server; 2],
    progress: &mut Progress,
    interrupt: &Interrupt,
) -> Result<(PathBuf, Vec<Built>)> {
    progress.hear(&Event::Building { what: "load" });
    let client = build::client(root, interrupt)?;
    let mut built = Vec::new();
    for server in servers {
        let version = server.receipt().map_err(|skip| {
            let hint = skip.hint.unwrap_or_default();
            let id = &skip.server;
            let why = format!("{id} can't run here: {}; {hint}", skip.reason);
            refuse(SERVER_FAILED, why)
        })?;
        progress.hear(&Event::Building { what: &server.id });
        let one = build::build(&server.program(), root, &version, interrupt);
        built.push(one.map_err(|error| {
            refuse(SERVER_FAILED, format!("{}: {error:#}", server.id))
        })?);
    }
    Ok((client, built))
}

fn rules(
    args: &Args,
    servers: [&Server; 2],
    settings: &Settings,
    ground: &Ground,
) -> Rules {
    let slow = servers.iter().filter_map(|it| it.manifest.warm_up_ms).max();
    let (slice_ms, blocks) = match slow {
        _ if args.quick => (QUICK_SLICE_MS, QUICK_BLOCKS),
        Some(_) => (WHOLE_SLICE_MS, WHOLE_BLOCKS),
        None => (SLICE_MS, BLOCKS),
    };
    Rules {
        connections: args.connections,
        rate_per_s: args.rate,
        in_flight: args.in_flight,
        workers: [args.workers_a, args.workers_b]
            .map(|workers| workers.unwrap_or(settings.workers)),
        placement: match settings.shares_cpus() {
            true => plan::Placement::Shared,
            false => settings.placement,
        },
        payload_bytes: args.payload,
        warm_up_ms: match args.quick {
            true => QUICK_SLICE_MS,
            false => slow.unwrap_or_default().max(WARM_UP_MS),
        },
        slice_ms,
        blocks,
        whole: slow.is_some(),
        spin_us: [args.spin_us_a, args.spin_us_b],
        seed: args.seed.unwrap_or_else(identity::clock_seed),
        isolation: ground.isolation,
        congestion_control: ground.congestion_control(),
        lacking: ground.lacking.clone(),
    }
}

/// Both servers on the same CPUs, and both clients.
fn settings(args: &Args, ground: &Ground) -> Settings {
    let placement = args.placement;
    let (server_cpus, client_cpus) = place(&inspect::cpus(), placement);
    Settings {
        client: plan::SHARED_CLIENT.into(),
        client_revision: wire::REVISION,
        connections: args.connections,
        payload_bytes: args.payload,
        rate_per_s: args.rate.map_or(0.0, f64::from),
        in_flight: args.in_flight.unwrap_or(args.connections),
        workers: u32::try_from(server_cpus.len()).unwrap_or(1),
        backlog: BACKLOG,
        buffer_bytes: BUFFER_BYTES,
        placement,
        isolation: ground.isolation,
        congestion_control: ground.congestion_control(),
        server_cpus,
        client_cpus,
        warm_up_ms: WARM_UP_MS,
        fixed_rate_ms: 0,
        in_flight_ms: SLICE_MS,
        step_ms: 0,
        idle_ms: 0,
        quick: false,
    }
}
