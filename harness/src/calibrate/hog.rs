//! Whether a machine that is disturbed is told from one that is not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::lab::settings;
use super::whole::{Order, command, stored};
use super::{Class, Figure, Finding, Goal, Lab, Run, Test, Trouble};
use crate::process::output::children_of;
use crate::process::{Launch, Process};
use crate::record::{Effect, Record};
use crate::summarize::{OTHER_CPU, SLIP};

pub(super) const TESTS: &[Test] = &[Test {
    id: "K23",
    class: Class::Full,
    title: "a hog on either CPU, a client that is stopped for 50 ms at a time",
    goal: "95 % of the launches annotated, and at most 5 % of those that \
           nothing disturbed",
    source: "Petrini et al., SC'03, on what noise does",
    seconds: 240,
    run: Run::Drive(hog),
}];

/// Rounds of three launches each: the server and two controls.
const ROUNDS: u64 = 10;
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(20);
/// Windows are this part of a run's own.
const PART: f64 = 0.35;
/// How long the client is stopped, and how long it runs in between: a window
/// at the fixed rate takes 700 ms.
const STOPPED: Duration = Duration::from_millis(50);
const RUNS: Duration = Duration::from_millis(250);

/// What is done to the machine while a run is made.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    Nothing,
    /// Something else wants this CPU all the time.
    Hog(u32),
    /// The client is stopped again and again.
    Stops,
}

fn hog(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    lab.needs_cpus_apart()?;
    let own = settings(lab.size.connections);
    let [server, client] = [&own.server_cpus, &own.client_cpus]
        .map(|cpus| cpus.first().copied().unwrap_or_default());
    let mut n = 0;
    let mut annotated = |name: &str, what: Disturbance| {
        let records = disturbed(lab, name, what)?;
        n += records.len() as u64;
        let noted = records.iter().filter(|it| is_annotated(it, what)).count();
        Ok::<f64, Trouble>(100.0 * noted as f64 / records.len().max(1) as f64)
    };
    let most = Goal::AtLeast(95.0);
    let figures = vec![
        Figure::new(
            "annotated with a hog at the server",
            annotated("hog-server", Disturbance::Hog(server))?,
            "%",
            most,
        ),
        Figure::new(
            "with one at the client",
            annotated("hog-client", Disturbance::Hog(client))?,
            "%",
            most,
        ),
        Figure::new(
            "with a client that stops",
            annotated("stops", Disturbance::Stops)?,
            "%",
            most,
        ),
        Figure::new(
            "undisturbed",
            annotated("nothing", Disturbance::Nothing)?,
            "%",
            Goal::AtMost(5.0),
        ),
    ];
    Ok(Finding::of(n, "launches", figures))
}

/// Whether a check names what was done, or anything where nothing was. A
/// client that is the bottleneck is no disturbance.
fn is_annotated(record: &Record, what: Disturbance) -> bool {
    let gates = record.gates.iter();
    let mut failed = gates.filter(|gate| !gate.pass);
    failed.any(|gate| match what {
        Disturbance::Nothing => gate.effect != Effect::Bound,
        Disturbance::Hog(_) => gate.name == OTHER_CPU,
        Disturbance::Stops => gate.name == SLIP,
    })
}

/// A run under a disturbance: its launches.
fn disturbed(
    lab: &Lab<'_>,
    name: &str,
    what: Disturbance,
) -> Result<Vec<Record>, Trouble> {
    let order = Order {
        name,
        copies: vec![("good".into(), vec!["--bug", "good"])],
        scenarios: &["load"],
        connections: lab.size.connections.min(1_000),
        rounds: lab.size.ms(ROUNDS),
        rate: None,
        part: PART,
        stays: false,
    };
    let command = command(lab, &order)?;
    let mut process = Process::spawn(&Launch {
        command,
        directory: Some(lab.tools.fixture.directory.clone()),
        ..Launch::default()
    })
    .map_err(|error| Trouble::Broken(error.to_string()))?;
    drop(process.take_stdin());
    let over = &AtomicBool::new(false);
    thread::scope(|scope| {
        let deadline = Instant::now() + PATIENCE;
        if let Disturbance::Hog(cpu) = what {
            scope.spawn(move || spin(cpu, over));
        }
        let mut next_stop = Instant::now();
        while !process.has_exited()
            && Instant::now() < deadline
            && lab.tools.interrupt.signal().is_none()
        {
            let is_due = Instant::now() >= next_stop;
            if matches!(what, Disturbance::Stops) && is_due {
                stop_client(process.pid());
                next_stop = Instant::now() + RUNS;
            }
            thread::sleep(LOOK);
        }
        over.store(true, Ordering::Relaxed);
    });
    if lab.tools.interrupt.signal().is_some() {
        return Err(Trouble::Interrupted);
    }
    let broken = |why: &str| {
        let said = process.stderr_tail();
        Trouble::Broken(format!("the run {name} {why}: {said}"))
    };
    if !process.has_exited() {
        return Err(broken("has no end"));
    }
    let whole = stored(lab, &order, &[])?;
    match whole.run.missing().is_empty() {
        true => Ok(whole.run.records),
        false => Err(broken("ended early")),
    }
}

/// Wants this CPU until it is over.
fn spin(cpu: u32, over: &AtomicBool) {
    let mut set = CpuSet::new();
    set.set(cpu as usize);
    // Where it may not be bound, it spins where it is.
    sched_setaffinity(None, &set).ok();
    while !over.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
}

/// Stops the client of a run for a while, if there is one at the moment.
fn stop_client(harness: u32) {
    let Some(client) = client_of(harness) else { return };
    if kill_process(client, Signal::STOP).is_ok() {
        thread::sleep(STOPPED);
        kill_process(client, Signal::CONT).ok();
    }
}

/// The client among what a run has started.
fn client_of(harness: u32) -> Option<Pid> {
    let children =
        |pid: u32| i32::try_from(pid).map(children_of).unwrap_or_default();
    let near = children(harness);
    let far = near.iter().flat_map(|pid| children(*pid));
    let mut all = near.iter().copied().chain(far);
    let client = all.find(|pid| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
        name.is_ok_and(|name| name.trim() == "load")
    })?;
    Pid::from_raw(i32::try_from(client).ok()?)
}
