//! Runs one pair of launches: both servers alive, one loaded at a time.

use std::path::Path;
use std::time::{Duration, Instant};

use wire::{Command, End, Event, PROTOCOL, Report, Spec, Window, Work};

use super::{LaunchPair, Rules, Slice};
use crate::build::Built;
use crate::clock::process_cpu_ns;
use crate::drive::{Agent, Failure};
use crate::host::Host;
use crate::interrupt::Interrupt;
use crate::isolation::{self, Apart};
use crate::launch::{Running, launch};
use crate::plan::Settings;
use crate::record::Outcome;
use crate::trial::{crashed, damaged, failed};

/// What does not change from one pair to the next.
#[derive(Debug)]
pub struct Ring<'a> {
    /// The two servers, built.
    pub built: [&'a Built; 2],
    /// How long each may take to announce itself.
    pub patience: [Duration; 2],
    /// How it is fought.
    pub rules: &'a Rules,
    /// Placement and flags of both servers.
    pub settings: &'a Settings,
    /// The machine.
    pub host: &'a Host,
    /// The client's binary.
    pub client: &'a Path,
    /// Ctrl-C.
    pub interrupt: &'a Interrupt,
}

/// What a server did wrong, with its place: 0 for A, 1 for B.
pub type Fault = (usize, Outcome);

/// A server and the client that loads it.
struct Corner {
    running: Running,
    agent: Agent,
    /// CPU used while the other was loaded, and how long that was.
    idle_cpu_ns: u64,
    idle: Duration,
}

/// The longest that one step may take beyond its windows.
const SLACK: Duration = Duration::from_secs(60);
/// A server that sends no byte for so long has stalled. Milliseconds.
const STALL_MS: u64 = 5_000;
/// At most so many connects are under way.
const PACED: u32 = 256;

impl Ring<'_> {
    /// Fights one pair of launches, kept apart together. In every other pair
    /// B goes first.
    ///
    /// # Errors
    /// The server that failed and how.
    pub fn fight(&self, pair: usize) -> Result<LaunchPair, Fault> {
        let first = pair % 2;
        isolation::keep(self.settings, |apart| self.bout(pair, first, apart))
            .map_err(|message| (first, Outcome::HarnessError { message }))?
    }

    fn bout(
        &self,
        pair: usize,
        first: usize,
        apart: &Apart,
    ) -> Result<LaunchPair, Fault> {
        let order = [first, 1 - first];
        let mut corners = [None, None];
        for side in order {
            corners[side] = Some(self.enter(side, pair, apart)?);
        }
        let [Some(a), Some(b)] = corners else {
            unreachable!("both sides have entered");
        };
        let mut corners = [a, b];
        corners.iter_mut().for_each(|it| it.running.spare_others());
        for side in order {
            self.to_the_barrier(side, &mut corners[side])?;
        }
        for side in order {
            self.turn(side, &mut corners)?;
        }
        // What warming up cost the idle one is no part of the fight.
        corners.iter_mut().for_each(|corner| {
            (corner.idle_cpu_ns, corner.idle) = (0, Duration::ZERO);
        });
        for _ in 0..self.rules.blocks {
            for side in [first, 1 - first, 1 - first, first] {
                self.turn(side, &mut corners)?;
            }
        }
        let [a, b] = corners;
        let idle_percent = [a.idle_percent(), b.idle_percent()];
        let reports = [self.leave(0, a)?, self.leave(1, b)?];
        let [a, b] = reports.map(|report| slices(&report));
        Ok(LaunchPair { a, b, idle_percent })
    }

    fn enter(
        &self,
        side: usize,
        pair: usize,
        apart: &Apart,
    ) -> Result<Corner, Fault> {
        let spin_us = self.rules.spin_us[side];
        let workers = self.rules.workers[side];
        let running = launch(
            self.built[side],
            &Settings { workers, ..self.settings.clone() },
            (spin_us > 0).then_some(spin_us),
            apart,
            self.patience[side],
            self.interrupt,
        );
        let mut running = running.map_err(|outcome| (side, outcome))?;
        running.refresh();
        match Agent::start(self.client, &self.spec(&running, pair)) {
            Ok(agent) => Ok(Corner {
                running,
                agent,
                idle_cpu_ns: 0,
                idle: Duration::ZERO,
            }),
            Err(failure) => Err((side, failed(failure, running))),
        }
    }

    fn spec(&self, running: &Running, pair: usize) -> Spec {
        let rules = self.rules;
        let load = rules.load();
        let window = |name, duration_ms, warm_up_ms| {
            Window::new(name, load, warm_up_ms, duration_ms)
        };
        // The first moments of a slice fill the pipeline.
        let slice = window("slice", rules.slice_ms, rules.slice_ms / 10);
        let mut windows = vec![window("warm_up", rules.warm_up_ms, 0)];
        windows.extend((0..rules.blocks * 2).map(|_| slice.clone()));
        let pinned = self.settings.isolation.pin;
        let chosen = |cpus: &[u32], wanted: bool| {
            if wanted { cpus.to_vec() } else { Vec::new() }
        };
        let settings = self.settings;
        Spec {
            protocol: PROTOCOL,
            addr: running.announce().addr,
            connections: rules.connections,
            payload_bytes: rules.payload_bytes,
            seed: rules.seed + pair as u64,
            max_connecting: PACED.min(settings.backlog),
            stall_ms: STALL_MS,
            cpus: chosen(&settings.client_cpus, pinned),
            server_pids: running.pids().to_vec(),
            softirq_cpus: chosen(
                &settings.server_cpus,
                self.host.irq_time_apart,
            ),
            watched_cpus: settings.watched_cpus(),
            count_packets: false,
            stay_awake: settings.client_is_alone(),
            work: Work::Hold { await_go: true, turns: true, windows },
        }
    }

    fn to_the_barrier(
        &self,
        side: usize,
        corner: &mut Corner,
    ) -> Result<(), Fault> {
        self.wait(side, corner, SLACK, |event| {
            matches!(event, Event::Barrier { .. })
        })?;
        self.go(side, corner)
    }

    /// Loads one server while the other has nothing to do.
    fn turn(
        &self,
        side: usize,
        corners: &mut [Corner; 2],
    ) -> Result<(), Fault> {
        let other = &corners[1 - side];
        let (before, start) = (other.cpu_ns(), Instant::now());
        self.go(side, &mut corners[side])?;
        let window = self.rules.warm_up_ms.max(self.rules.slice_ms * 2);
        let patience = SLACK + Duration::from_millis(window);
        self.wait(side, &mut corners[side], patience, |event| {
            matches!(event, Event::Drained { .. })
        })?;
        let other = &mut corners[1 - side];
        other.idle_cpu_ns += other.cpu_ns().saturating_sub(before);
        other.idle += start.elapsed();
        Ok(())
    }

    fn leave(&self, side: usize, mut corner: Corner) -> Result<Report, Fault> {
        self.wait(side, &mut corner, SLACK, |event| {
            matches!(event, Event::Loaded { .. })
        })?;
        self.go(side, &mut corner)?;
        let report = self.wait(side, &mut corner, SLACK, |event| {
            matches!(event, Event::Report(_))
        })?;
        let Event::Report(report) = report else {
            unreachable!("it was waited for");
        };
        corner.agent.finish();
        if let Some(outcome) = damaged(&report, &mut corner.running) {
            return Err((side, outcome));
        }
        corner.running.stop();
        Ok(*report)
    }

    fn go(&self, side: usize, corner: &mut Corner) -> Result<(), Fault> {
        let sent = corner.agent.send(&Command::Go);
        sent.map_err(|failure| (side, fault(failure)))
    }

    /// Waits for the event that is wanted; a report before it is an end.
    fn wait(
        &self,
        side: usize,
        corner: &mut Corner,
        patience: Duration,
        wanted: fn(&Event) -> bool,
    ) -> Result<Event, Fault> {
        let deadline = Instant::now() + patience;
        loop {
            let server = corner.running.process().pidfd();
            let event = corner.agent.next(server, self.interrupt, deadline);
            let event = match event {
                Err(Failure::ServerEnded) => {
                    return Err((side, crashed(&mut corner.running)));
                }
                event => event.map_err(|failure| (side, fault(failure)))?,
            };
            match event {
                event if wanted(&event) => return Ok(event),
                Event::Error { message } => {
                    return Err((side, Outcome::HarnessError { message }));
                }
                Event::Report(report) => {
                    let outcome = damaged(&report, &mut corner.running);
                    let early = "the client reported before it was asked to";
                    let message = early.to_owned();
                    let outcome =
                        outcome.unwrap_or(Outcome::HarnessError { message });
                    return Err((side, outcome));
                }
                _ => {}
            }
        }
    }
}

impl Corner {
    fn cpu_ns(&self) -> u64 {
        let pids = self.running.pids().iter();
        pids.filter_map(|&pid| process_cpu_ns(pid).ok()).sum()
    }

    fn idle_percent(&self) -> f64 {
        let used = Duration::from_nanos(self.idle_cpu_ns).as_secs_f64();
        100.0 * used / self.idle.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// The slices of a report, in the order of time; the warm-up is left out.
fn slices(report: &Report) -> Vec<Slice> {
    debug_assert_eq!(report.end, End::Completed);
    let slices = report.windows.iter().filter(|it| it.name == "slice");
    slices
        .map(|window| Slice {
            cpu_ns: window.server.map_or(0, |it| it.cpu_ns + it.softirq_ns),
            echoes: window.echoes_in_window,
            wall_ns: window.end_ns - window.start_ns,
        })
        .collect()
}

fn fault(failure: Failure) -> Outcome {
    match failure {
        Failure::Interrupted => Outcome::Interrupted,
        Failure::Client(message) => Outcome::HarnessError { message },
        Failure::ServerEnded => {
            let exit = "it ended while it was loaded".into();
            Outcome::Crashed { exit, log: String::new() }
        }
    }
}
