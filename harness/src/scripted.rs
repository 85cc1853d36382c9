//! Hosts, plans and records made up for tests: every figure is chosen.

mod launch;

use wire::{Fault, FaultKind};

use crate::host::Host;
use crate::plan::{
    Control, Isolation, Lane, Placement, Plan, Scenario, Settings, Shipped,
    Skip, Trial,
};
use crate::record::{Measurement, Outcome, Record, SCHEMA};

pub(crate) use launch::{bare, climb, full, histogram};

/// The names of the control lanes.
pub(crate) const SAME: &str = "rust-mio@again";
pub(crate) const SPIN: &str = "rust-mio@dearer";

pub(crate) fn host() -> Host {
    Host {
        label: "Example CPU, 2 CPUs, 24 GiB, Linux 6.18".into(),
        cpu_model: "Example CPU".into(),
        cpus: vec![0, 1],
        memory_bytes: 24 << 30,
        kernel: "6.18.5-generic".into(),
        descriptors_hard: 20_000,
        somaxconn: 4096,
        congestion_control: "cubic".into(),
        ephemeral_ports: [32_768, 60_999],
        irq_time_apart: true,
        governor: None,
        rustc: "rustc 1.95.0".into(),
        revision: Some("0123abc".into()),
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        client: crate::plan::SHARED_CLIENT.into(),
        client_revision: wire::REVISION,
        connections: 10_000,
        payload_bytes: 100,
        rate_per_s: 10_000.0,
        in_flight: 256,
        workers: 1,
        backlog: 4096,
        buffer_bytes: 4096,
        placement: Placement::Split,
        isolation: Isolation { pin: true, ..Isolation::default() },
        congestion_control: None,
        server_cpus: vec![0],
        client_cpus: vec![1],
        warm_up_ms: 500,
        fixed_rate_ms: 2_000,
        in_flight_ms: 1_000,
        step_ms: 0,
        idle_ms: 500,
        quick: false,
    }
}

/// A plan over these servers, `rust-mio` the reference, run twice and, held
/// under load, with a spin.
pub(crate) fn plan(
    servers: &[&str],
    scenarios: &[Scenario],
    rounds: u32,
) -> Plan {
    let lane = |name: &str, control| Lane {
        name: name.into(),
        server: name.split('@').next().unwrap_or(name).into(),
        control,
        shipped: None,
        family: "family".into(),
        model: format!("the model of {name}"),
        status: "maintained".into(),
        outside: false,
        parallel: false,
        warm_up_ms: 0,
        conformance: None,
    };
    let mut lanes: Vec<Lane> =
        servers.iter().map(|server| lane(server, None)).collect();
    if !servers.contains(&"rust-mio") {
        lanes.push(lane("rust-mio", Some(Control::Reference)));
    }
    lanes.push(lane(SAME, Some(Control::Same)));
    if scenarios.contains(&Scenario::Load) {
        lanes.push(lane(SPIN, Some(Control::Spin)));
    }
    let trials = (1..=rounds)
        .flat_map(|round| lanes.iter().map(move |lane| (round, lane)))
        .flat_map(|(round, lane)| {
            let runs = move |scenario: &&Scenario| lane.runs(**scenario);
            scenarios.iter().filter(runs).map(move |scenario| Trial {
                round,
                lane: lane.name.clone(),
                scenario: *scenario,
                seed: u64::from(round),
            })
        })
        .collect();
    Plan {
        seed: 42,
        rounds,
        scenarios: scenarios.to_vec(),
        reference: Some("rust-mio".into()),
        settings: settings(),
        lanes,
        trials,
        skipped: Vec::new(),
        lacking: Vec::new(),
    }
}

/// Has a server of the plan run once more as shipped.
pub(crate) fn as_shipped(plan: &mut Plan, server: &str, shipped: Shipped) {
    let lane = plan.lanes.iter().find(|lane| lane.name == server);
    let lane = lane.expect("it was selected").as_shipped(shipped);
    let own = plan.trials.iter().filter(|trial| trial.lane == server);
    let twins = own.map(|t| Trial { lane: lane.name.clone(), ..t.clone() });
    let twins: Vec<Trial> = twins.collect();
    plan.trials.extend(twins);
    plan.lanes.push(lane);
}

pub(crate) fn skip(server: &str, reason: &str, hint: &str) -> Skip {
    Skip {
        server: server.into(),
        reason: reason.into(),
        hint: Some(hint.into()),
    }
}

/// One record for each trial of the plan, by what `outcome` makes of it.
pub(crate) fn records(
    plan: &Plan,
    mut outcome: impl FnMut(&Trial) -> Outcome,
) -> Vec<Record> {
    plan.trials
        .iter()
        .map(|trial| Record {
            schema: SCHEMA,
            run: "scripted".into(),
            trial: trial.clone(),
            repeat: 0,
            started_unix_ms: 0,
            duration_ms: 6_000,
            artifact: None,
            gates: Vec::new(),
            outcome: outcome(trial),
        })
        .collect()
}

pub(crate) fn measured(measurement: Measurement) -> Outcome {
    Outcome::Measured(Box::new(measurement))
}

pub(crate) fn corrupted() -> Outcome {
    Outcome::Corrupted(Fault {
        kind: FaultKind::Wrong,
        connection: 17,
        offset: 300,
        expected: "0a0b0c".into(),
        actual: "0a0bff".into(),
    })
}
