//! Where tests are made: servers that are known, the real client, their CPUs.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use wire::{Arrivals, End, Load, PROTOCOL, Report, Spec, Window, Work};

use super::witness::{Server, trouble};
use super::{Fought, Trouble};
use crate::build::Built;
use crate::drive::{Client, Failure, Moment};
use crate::host::Host;
use crate::host::inspect;
use crate::interrupt::Interrupt;
use crate::isolation::{self, Apart};
use crate::launch::launch;
use crate::plan::place::place;
use crate::plan::{self, Isolation, Placement, Settings};
use crate::record::Outcome;

/// How large a test is. The figures of a certificate are of the full size.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Connections where a certificate says 10,000.
    pub connections: u32,
    /// Part of the time that a certificate takes.
    pub time: f64,
}

impl Size {
    /// What a certificate is made of.
    pub const FULL: Self = Self { connections: 10_000, time: 1.0 };

    pub(super) fn ms(self, full_ms: u64) -> u64 {
        let ms = (full_ms as f64 * self.time).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of minutes, in milliseconds"
        )]
        let ms = ms as u64;
        ms.max(1)
    }
}

/// What was built and found out before any test.
#[derive(Debug)]
pub struct Tools<'a> {
    /// The shared client.
    pub client: Client,
    /// The client's binary.
    pub binary: PathBuf,
    /// The harness's own binary, for whole runs.
    pub harness: PathBuf,
    /// The fixture, which is every server of a test.
    pub fixture: Built,
    /// The machine.
    pub host: Host,
    /// How far a test is kept apart from the machine.
    pub isolation: Isolation,
    /// Where witnesses may log.
    pub directory: PathBuf,
    /// Where whole runs stay that are worth a look afterwards.
    pub results: PathBuf,
    /// Ctrl-C.
    pub interrupt: &'a Interrupt,
}

impl Tools<'_> {
    /// Makes a test, in a network of its own where the rights allow one.
    ///
    /// # Errors
    /// Those of the test; or there is no network.
    pub fn lab<T: Send>(
        &self,
        size: Size,
        seed: u64,
        test: impl FnOnce(Lab<'_>) -> Result<T, Trouble> + Send,
    ) -> Result<T, Trouble> {
        let Isolation { pin, netns, .. } = self.isolation;
        let isolation = Isolation { pin, netns, cgroup: false };
        let settings = Settings { isolation, ..settings(size.connections) };
        isolation::keep(&settings, |apart| {
            test(Lab {
                tools: self,
                apart,
                size,
                seed,
                instead: None,
                earlier: Vec::new(),
                until: None,
                started: Cell::new(0),
            })
        })
        .map_err(Trouble::Broken)?
    }
}

/// Where one test is made.
#[derive(Debug)]
pub struct Lab<'a> {
    /// What it is made with.
    pub tools: &'a Tools<'a>,
    /// What it is kept apart by.
    apart: &'a Apart,
    /// How large it is.
    pub size: Size,
    /// Seed of arrivals and payloads.
    pub seed: u64,
    /// The fixture's behaviour in place of whatever a test asks for: with a
    /// server that isn't what it should be, a test must miss its goal.
    pub instead: Option<&'static str>,
    /// Duels of earlier calls that count.
    pub earlier: Vec<Fought>,
    /// A test that accumulates goes on until then.
    pub until: Option<Instant>,
    started: Cell<u32>,
}

/// A load over connections that are held.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) connections: u32,
    pub(super) windows: Vec<Window>,
    /// A phase without a byte is given up after so long. Milliseconds.
    pub(super) stall_ms: u64,
}

const PATIENCE: Duration = Duration::from_secs(10);
/// A witness that stands still is no stalled one.
pub(super) const STALL_MS: u64 = 5_000;
const PACED: u32 = 512;
const BACKLOG: u32 = 4096;
const BUFFER_BYTES: u32 = 4096;
const PAYLOAD_BYTES: u32 = 100;

impl Lab<'_> {
    /// Starts the fixture with a behaviour.
    pub(super) fn start(&self, bug: &str, at: u64) -> Result<Server, Trouble> {
        self.try_start(bug, at).map_err(trouble)
    }

    /// The same, where it may well be refused.
    pub(super) fn try_start(
        &self,
        bug: &str,
        at: u64,
    ) -> Result<Server, Outcome> {
        let number = self.started.get() + 1;
        self.started.set(number);
        let log = self.tools.directory.join(format!("{bug}-{number}"));
        let mut built = self.fixture(bug, at);
        built.command.extend(["--log".into(), log.clone().into()]);
        let running = launch(
            &built,
            &settings(self.size.connections),
            None,
            self.apart,
            PATIENCE,
            self.tools.interrupt,
        )?;
        Ok(Server { running, log })
    }

    /// What a duel starts.
    pub(super) fn fixture(&self, bug: &str, at: u64) -> Built {
        let mut built = self.tools.fixture.clone();
        let bug = self.instead.unwrap_or(bug);
        let flags = ["--bug", bug, "--at", &at.to_string()].map(Into::into);
        built.command.extend(flags);
        built
    }

    /// Drives a server to the end of a load that it must carry.
    pub(super) fn load(
        &self,
        server: &Server,
        order: &Order,
    ) -> Result<Report, Trouble> {
        let report = self.drive(server, order, |_| {})?;
        match &report.end {
            End::Completed => Ok(report),
            end => {
                Err(Trouble::Broken(format!("the load ended early: {end:?}")))
            }
        }
    }

    /// Drives a server, whatever comes of it.
    pub(super) fn drive(
        &self,
        server: &Server,
        order: &Order,
        at: impl FnMut(Moment),
    ) -> Result<Report, Trouble> {
        let spec = self.spec(server, order);
        let tools = self.tools;
        let watched = server.running.process().pidfd();
        let driven = tools.client.drive(&spec, watched, tools.interrupt, at);
        driven.map_err(|failure| match failure {
            Failure::Interrupted => Trouble::Interrupted,
            Failure::Client(message) => Trouble::Broken(message),
            Failure::ServerEnded => {
                Trouble::Broken("the fixture ended under load".into())
            }
        })
    }

    fn spec(&self, server: &Server, order: &Order) -> Spec {
        let settings = settings(order.connections);
        let windows = order.windows.clone();
        let stay_awake = settings.client_is_alone();
        let apart = self.tools.host.irq_time_apart;
        Spec {
            protocol: PROTOCOL,
            addr: server.running.announce().addr,
            connections: order.connections,
            payload_bytes: PAYLOAD_BYTES,
            seed: self.seed,
            max_connecting: PACED,
            stall_ms: order.stall_ms,
            cpus: settings.client_cpus,
            server_pids: server.running.pids().to_vec(),
            softirq_cpus: if apart { settings.server_cpus } else { vec![] },
            // What others had of the CPUs is read around the whole test.
            watched_cpus: Vec::new(),
            count_packets: false,
            stay_awake,
            work: Work::Hold { await_go: true, turns: false, windows },
        }
    }

    /// Refuses to judge time where server and client share a CPU.
    pub(super) fn needs_cpus_apart(&self) -> Result<(), Trouble> {
        if settings(1).shares_cpus() {
            let why = "server and client share the only CPU";
            return Err(Trouble::CannotJudge(why.into()));
        }
        Ok(())
    }
}

/// One window at a rate.
pub(super) fn rate(per_s: f64, arrivals: Arrivals, ms: u64) -> Window {
    window(Load::Rate { per_s, arrivals }, 500, ms)
}

/// One window of a closed loop.
pub(super) fn in_flight(connections: u32, warm_up_ms: u64, ms: u64) -> Window {
    window(Load::InFlight { connections }, warm_up_ms, ms)
}

fn window(load: Load, warm_up_ms: u64, duration_ms: u64) -> Window {
    Window::new("calibrate", load, warm_up_ms, duration_ms)
}

/// As a run places server and client.
pub(super) fn settings(connections: u32) -> Settings {
    let placement = Placement::Split;
    let (server_cpus, client_cpus) = place(&inspect::cpus(), placement);
    Settings {
        client: plan::SHARED_CLIENT.into(),
        client_revision: wire::REVISION,
        connections,
        payload_bytes: PAYLOAD_BYTES,
        rate_per_s: 0.0,
        in_flight: connections,
        workers: 1,
        backlog: BACKLOG,
        buffer_bytes: BUFFER_BYTES,
        placement,
        // The network of its own, if there is one, is that of the whole test.
        isolation: Isolation { pin: true, ..Isolation::default() },
        congestion_control: None,
        server_cpus,
        client_cpus,
        warm_up_ms: 0,
        fixed_rate_ms: 0,
        in_flight_ms: 0,
        step_ms: 0,
        idle_ms: 0,
        quick: false,
    }
}

/// A stored histogram of the client.
pub(super) fn histogram(stored: &str) -> Result<wire::Histogram, Trouble> {
    wire::decode(stored).map_err(|error| Trouble::Broken(error.to_string()))
}

/// The only window of a report.
pub(super) fn only(report: &Report) -> Result<&wire::WindowReport, Trouble> {
    let none = || Trouble::Broken("the client reported no window".into());
    report.windows.first().ok_or_else(none)
}
