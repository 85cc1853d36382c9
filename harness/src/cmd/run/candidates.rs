//! The servers of a run, and its client, on their way from a name to
//! something launchable.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::client::Client;
use super::{prepare, shipped};
use crate::build;
use crate::catalog::{Catalog, Server};
use crate::cli::Run;
use crate::cmd::select::{select, unknown};
use crate::conformance::kept;
use crate::drive;
use crate::event::Event;
use crate::exit::{NOT_COMPARABLE, SERVER_FAILED, refuse};
use crate::host::Host;
use crate::interrupt::Interrupt;
use crate::isolation::rights::Ground;
use crate::plan::{Lane, Plan, Skip};
use crate::progress::Progress;
use crate::record::Record;
use crate::store;
use crate::trial::Candidate;

/// What is known of servers and client so far.
#[derive(Debug)]
pub(super) struct Candidates {
    root: PathBuf,
    /// Where results of checks are looked for before the committed ones.
    results: PathBuf,
    catalog: Catalog,
    client: Client,
    /// Version receipts of servers that can run, by id.
    receipts: BTreeMap<String, String>,
    built: BTreeMap<String, Candidate>,
    /// A server that was named, or any with `--require`, can't run here.
    wanting: bool,
}

impl Candidates {
    /// Reads the catalog and finds the client of this name.
    ///
    /// # Errors
    /// The catalog can't be read, or the client can't run here.
    pub(super) fn new(root: &Path, args: &Run, client: &str) -> Result<Self> {
        Ok(Self {
            root: root.to_path_buf(),
            results: store::results(root, args.results_dir.as_deref()),
            catalog: Catalog::load(root, &args.selection.server_dir)?,
            client: Client::find(root, client)?,
            receipts: BTreeMap::new(),
            built: BTreeMap::new(),
            wanting: false,
        })
    }

    /// Resolves the selection, asks for receipts and plans.
    ///
    /// # Errors
    /// An unknown name, nothing selected, no reference, or a scenario that
    /// the client doesn't know.
    pub(super) fn plan(
        &mut self,
        args: &Run,
        host: &Host,
        ground: &Ground,
    ) -> Result<Plan> {
        let scenarios = prepare::scenarios(args)?;
        let catalog = self.catalog.clone();
        let (selection, as_shipped) = shipped::split(&args.selection)?;
        let selected = select(&catalog, &selection)?;
        let mut skipped = selected.broken;
        let mut lanes = Vec::new();
        for server in selected.servers {
            match self.receipt(server) {
                Ok(()) => lanes.push(self.lane(server)),
                Err(skip) => skipped.push(skip),
            }
        }
        let named = !args.selection.all || args.require;
        self.wanting = named && !skipped.is_empty();
        let reference = catalog
            .get(&args.reference)
            .ok_or_else(|| unknown(&catalog, &args.reference))?;
        let reference = match self.receipt(reference) {
            Ok(()) => Some(self.lane(reference)),
            Err(skip) if lanes.is_empty() => {
                skipped.push(skip);
                None
            }
            Err(skip) => {
                return Err(super::no_reference(&format!(
                    "the reference {} can't run here: {}; name another one \
                     with --reference",
                    skip.server, skip.reason
                )));
            }
        };
        // Without anything to measure there is nothing to compare either.
        let reference = reference.filter(|_| !lanes.is_empty());
        tracing::debug!(?host, "planning");
        let shipped =
            shipped::lanes(&catalog, &as_shipped, args.shipped, &lanes)?;
        let servers =
            prepare::Servers { selected: lanes, shipped, reference, skipped };
        Ok(prepare::plan(args, ground, scenarios, servers))
    }

    /// Makes sure that every lane of a stored plan can run.
    ///
    /// # Errors
    /// One can't.
    pub(super) fn require(&mut self, plan: &Plan) -> Result<()> {
        let catalog = self.catalog.clone();
        for lane in &plan.lanes {
            let server = catalog
                .get(&lane.server)
                .ok_or_else(|| unknown(&catalog, &lane.server))?;
            self.receipt(server).map_err(|skip| {
                refuse(
                    SERVER_FAILED,
                    format!("{} can't run here: {}", skip.server, skip.reason),
                )
            })?;
        }
        Ok(())
    }

    fn receipt(&mut self, server: &Server) -> Result<(), Skip> {
        if !self.receipts.contains_key(&server.id) {
            let receipt = server.receipt()?;
            self.receipts.insert(server.id.clone(), receipt);
        }
        Ok(())
    }

    /// Whether a server that must run can't.
    pub(super) const fn wanting(&self) -> bool {
        self.wanting
    }

    /// Builds the client and every server of the plan, each by itself. A
    /// failed build is kept as such: it becomes a row. Returns the client.
    ///
    /// # Errors
    /// The client can't be built.
    pub(super) fn build(
        &mut self,
        plan: &Plan,
        progress: &mut Progress,
        interrupt: &Interrupt,
    ) -> Result<drive::Client> {
        progress.hear(&Event::Building { what: &plan.settings.client });
        let client = self.client.build(&self.root, interrupt)?;
        for lane in &plan.lanes {
            let Some(server) = self.catalog.get(&lane.server) else { continue };
            if self.built.contains_key(&server.id) {
                continue;
            }
            if interrupt.signal().is_some() {
                break;
            }
            progress.hear(&Event::Building { what: &server.id });
            let version = self.receipts.get(&server.id);
            let version = version.map_or("unknown version", String::as_str);
            let program = server.program();
            let built = build::build(&program, &self.root, version, interrupt)
                .map_err(|error| format!("{error:#}"));
            let patience =
                Duration::from_secs(u64::from(server.manifest.ready_s));
            let candidate = Candidate { built, patience };
            self.built.insert(server.id.clone(), candidate);
        }
        Ok(client)
    }

    /// Refuses to add rounds of another binary to a stored run.
    ///
    /// # Errors
    /// A server is not what it was.
    pub(super) fn unchanged(&self, records: &[Record]) -> Result<()> {
        for record in records {
            let id = record.trial.lane.split('@').next().unwrap_or_default();
            let now = self
                .built
                .get(id)
                .and_then(|candidate| candidate.built.as_ref().ok());
            let (Some(now), Some(then)) = (now, &record.artifact) else {
                continue;
            };
            if now.artifact.sha256 != then.sha256 {
                return Err(refuse(
                    NOT_COMPARABLE,
                    format!(
                        "{id} has changed since run {}; begin a new run",
                        record.run
                    ),
                ));
            }
        }
        Ok(())
    }

    /// What can be launched, by lane.
    pub(super) fn into_lanes(self, plan: &Plan) -> BTreeMap<String, Candidate> {
        plan.lanes
            .iter()
            .filter_map(|lane| {
                let candidate = self.built.get(&lane.server)?;
                Some((lane.name.clone(), candidate.clone()))
            })
            .collect()
    }

    fn lane(&self, server: &Server) -> Lane {
        let conformance = kept::lookup(&self.root, &self.results, server);
        Lane {
            name: server.id.clone(),
            server: server.id.clone(),
            control: None,
            shipped: None,
            family: server.manifest.family.name().to_owned(),
            model: server.manifest.model.clone(),
            status: server.manifest.status.clone(),
            outside: server.outside,
            parallel: server.manifest.parallel,
            warm_up_ms: server.manifest.warm_up_ms.unwrap_or_default(),
            conformance: Some(conformance),
        }
    }

    /// Asks once more what is known of servers that don't change: they may
    /// have been checked since the run began.
    pub(super) fn refresh(&self, plan: &mut Plan) {
        for lane in &mut plan.lanes {
            if let Some(server) = self.catalog.get(&lane.server) {
                let found = kept::lookup(&self.root, &self.results, server);
                lane.conformance = Some(found);
            }
        }
    }
}
