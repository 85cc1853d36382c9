//! Runs one trial: launch, drive, sample, stop.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use wire::{End, Report};

use crate::build::Built;
use crate::drive::{Client, Failure, Moment};
use crate::host::Host;
use crate::interrupt::Interrupt;
use crate::isolation::{self, Apart};
use crate::launch::{Running, Stopped, launch};
use crate::plan::order::{OVERFLOWING_STALL_MS, Target, spec};
use crate::plan::{Level, Plan, Settings, Trial};
use crate::probe::probe_ns;
use crate::record::{Census, GroupUsage, Measurement, Outcome, Rest, Snapshot};
use crate::spin::Spin;
use crate::summarize::ACCEPT_OVERFLOWED;
use crate::{process, sample, sockets};

/// Whatever can run a trial: the machine, or a script in tests.
pub trait Bench {
    /// Runs one trial. A failed trial is an outcome, never a panic.
    fn run(&mut self, trial: &Trial) -> Outcome;
}

/// A server as far as its build got.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What can be launched, or the last lines of the failed build.
    pub built: Result<Built, String>,
    /// How long it may take to announce itself.
    pub patience: Duration,
}

/// Runs trials on this machine.
#[derive(Debug)]
pub struct Live<'a> {
    /// By lane.
    pub candidates: BTreeMap<String, Candidate>,
    /// What drives the servers.
    pub client: Client,
    /// What holds for each lane.
    pub plan: Plan,
    /// The machine.
    pub host: Host,
    /// What the +5 % control spins.
    pub spin: Spin,
    /// Ctrl-C.
    pub interrupt: &'a Interrupt,
}

impl Bench for Live<'_> {
    fn run(&mut self, trial: &Trial) -> Outcome {
        let Some(candidate) = self.candidates.get(&trial.lane) else {
            let message = format!("lane {} has no server", trial.lane);
            return Outcome::HarnessError { message };
        };
        let built = match &candidate.built {
            Ok(built) => built,
            Err(log) => return Outcome::BuildFailed { log: log.clone() },
        };
        let spin_us = match self.spin.us(&trial.lane) {
            Ok(control) => control.or(trial.scenario.handler_us()),
            Err(message) => return Outcome::HarnessError { message },
        };
        let known = process::children();
        let settings = self.plan.settings_for(&trial.lane, trial.scenario);
        let probe_ns = probe_ns(settings.server_cpus.first().copied());
        let served = self.plan.served_with(&trial.lane, trial.scenario);
        let (patience, interrupt) = (candidate.patience, self.interrupt);
        let outcome = isolation::keep(&settings, |apart| {
            launch(built, &served, spin_us, apart, patience, interrupt)
                .map_or_else(
                    |outcome| outcome,
                    |running| self.measure(trial, &settings, apart, running),
                )
        });
        let mut outcome =
            outcome.unwrap_or_else(|message| Outcome::HarnessError { message });
        if let Outcome::Measured(measurement) = &mut outcome {
            measurement.spin_us = spin_us;
            measurement.probe_ns = probe_ns;
        }
        self.spin.learn(&trial.lane, trial.scenario, &outcome);
        // A server that failed may have left processes too.
        process::end_adopted(&known);
        outcome
    }
}

/// What was read while the client stood still.
#[derive(Clone, Copy, Debug, Default)]
struct Stills {
    held: Option<Snapshot>,
    loaded: Option<Snapshot>,
    rest: Option<Rest>,
    census: Option<Census>,
    group: Option<GroupUsage>,
}

impl Stills {
    fn read(
        &mut self,
        moment: Moment,
        addr: SocketAddr,
        pids: &[u32],
        pause: Duration,
        apart: &Apart,
    ) {
        match moment {
            Moment::Barrier => {
                self.census = sockets::census(addr).ok();
                self.held = Some(sample::snapshot(pids));
                self.rest = Some(sample::rest(pids, pause));
                self.group = apart.usage(pids);
            }
            Moment::Loaded => {
                let start = self.group.take();
                let end = start.and_then(|_| apart.usage(pids));
                self.group = end.zip(start).map(|(e, s)| e.since(s));
                self.loaded = Some(sample::snapshot(pids));
            }
        }
    }
}

impl Live<'_> {
    fn measure(
        &self,
        trial: &Trial,
        settings: &Settings,
        apart: &Apart,
        mut running: Running,
    ) -> Outcome {
        let announce = running.announce().clone();
        let shipped = self.plan.shipped(&trial.lane);
        if let Some(on) = shipped.and_then(|shipped| shipped.nodelay) {
            running.set_nodelay(on);
        }
        let facts = running.socket_facts();
        running.refresh();
        let pids = running.pids().to_vec();
        let in_force = apart.in_force(&pids, &settings.server_cpus);
        if let Some(level) = settings.isolation.first_beyond(in_force) {
            return not_apart(level, running);
        }
        let fresh = sample::snapshot(&pids);
        let target = Target {
            addr: announce.addr,
            pids: &pids,
            irq_time_apart: self.host.irq_time_apart,
        };
        let mut spec = spec(settings, trial, &target);
        spec.stall_ms = shipped.map_or(spec.stall_ms, |_| OVERFLOWING_STALL_MS);
        let overflows = sample::accept_overflows();
        let mut stills = Stills::default();
        let pause = Duration::from_millis(settings.idle_ms);
        let report = self.client.drive(
            &spec,
            running.process().pidfd(),
            self.interrupt,
            |moment| stills.read(moment, announce.addr, &pids, pause, apart),
        );
        let report = match report {
            Ok(report) => report,
            Err(failure) => return failed(failure, running),
        };
        if let Some(outcome) = damaged(&report, &mut running) {
            running.kill();
            return outcome;
        }
        let stopped = running.stop();
        if stopped.talked {
            return Outcome::NeverReady {
                why: "it wrote more than its announce on stdout".into(),
                log: String::new(),
            };
        }
        let mut flags = flags(&stopped);
        // Otherwise the client keeps below the backlog.
        let may_overflow = settings.is_original() || shipped.is_some();
        if may_overflow && sample::accept_overflows() > overflows {
            flags.push(ACCEPT_OVERFLOWED.to_owned());
        }
        Outcome::Measured(Box::new(Measurement {
            announce,
            sockets: facts,
            report,
            fresh,
            held: stills.held,
            loaded: stills.loaded,
            rest: stills.rest,
            census: stills.census,
            exit: Some(stopped.exit.usage),
            flags,
            probe_ns: None,
            private_counters: in_force.netns,
            spin_us: None,
            isolation: Some(in_force),
            group: stills.group,
        }))
    }
}

/// An end that has begun is seen within this time.
const DYING: Duration = Duration::from_millis(100);

/// What was asked for does not hold, whoever undid it. A server that has ended
/// is in no group any more, and that is its own doing.
fn not_apart(level: Level, mut running: Running) -> Outcome {
    if running.ended(DYING).is_some() {
        return crashed(&mut running);
    }
    running.kill();
    let name = level.name();
    let message = format!("the server is not kept apart by {name}");
    Outcome::HarnessError { message }
}

/// The outcome when there is no report.
pub(crate) fn failed(failure: Failure, mut running: Running) -> Outcome {
    match failure {
        Failure::ServerEnded => crashed(&mut running),
        Failure::Interrupted => {
            running.kill();
            Outcome::Interrupted
        }
        Failure::Client(message) => {
            running.kill();
            Outcome::HarnessError { message }
        }
    }
}

pub(crate) fn crashed(running: &mut Running) -> Outcome {
    let exit = running.ended(Duration::from_secs(1));
    // Its stderr may still be on the way through the pipe.
    std::thread::sleep(Duration::from_millis(20));
    Outcome::Crashed {
        exit: exit
            .map_or_else(|| "unknown end".into(), |exit| exit.kind.to_string()),
        log: running.log(),
    }
}

/// The outcome when the report tells of damage. A server that has ended is a
/// crash, whatever its connections looked like from outside.
pub(crate) fn damaged(
    report: &Report,
    running: &mut Running,
) -> Option<Outcome> {
    /// A crashed server's resets may arrive before its end does.
    const CRASH_SHOWS_WITHIN: Duration = Duration::from_millis(200);
    if report.end == End::Completed {
        return None;
    }
    if let End::Corrupted(fault) = &report.end {
        return Some(Outcome::Corrupted(fault.clone()));
    }
    if running.ended(CRASH_SHOWS_WITHIN).is_some() {
        return Some(crashed(running));
    }
    Some(match &report.end {
        End::Incomplete { during } => Outcome::Incomplete {
            connections: report.connections,
            during: during.clone(),
        },
        End::Stalled { during, .. } => Outcome::Stalled {
            during: during.clone(),
            log: sample::waiting_in(running.pids()),
        },
        End::Stopped => Outcome::Interrupted,
        End::Completed | End::Corrupted(_) => return None,
    })
}

fn flags(stopped: &Stopped) -> Vec<String> {
    let mut flags = Vec::new();
    if stopped.killed {
        flags.push("unclean-stop".to_owned());
    } else if stopped.exit.kind != crate::process::ExitKind::Code(0) {
        flags.push(format!("stopped with {}", stopped.exit.kind));
    }
    if stopped.leaked {
        flags.push("leaked-processes".to_owned());
    }
    flags
}
