//! What one launch went through, and when.
//!
//! Refuses to do: guess when something was that no clock was read at. Between
//! two phases lie warm-ups, drains and what the harness does.

use wire::Load;

use super::rows::sound_launches;
use crate::plan::{Plan, Scenario};
use crate::record::{Measurement, Record};
use crate::repeat::counted;

/// The last sound `load` launch of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// The server's id.
    pub server: String,
    /// In their order.
    pub phases: Vec<Phase>,
}

/// One phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// What happened.
    pub kind: PhaseKind,
    /// Milliseconds since every connection had its first echo.
    pub from_ms: f64,
    /// Likewise.
    pub to_ms: f64,
}

/// What a phase is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PhaseKind {
    /// All connections open, nothing sent: memory, census, CPU at rest.
    Rest,
    /// The second nonce on every connection.
    Sweep,
    /// A window at a fixed rate, in echoes per second.
    Rate(f64),
    /// A window of so many messages outstanding.
    InFlight(u32),
}

/// The timeline of each selected server, in the order of selection; servers
/// without a sound launch have none.
#[must_use]
pub fn timelines(plan: &Plan, records: &[Record]) -> Vec<Timeline> {
    let records = &counted(records)[..];
    let selected = plan.lanes.iter().filter(|lane| lane.control.is_none());
    selected
        .filter_map(|lane| {
            let launches = sound_launches(lane, Scenario::Load, records, plan);
            let phases = phases(launches.last()?)?;
            Some(Timeline { server: lane.name.clone(), phases })
        })
        .collect()
}

fn phases(launch: &Measurement) -> Option<Vec<Phase>> {
    let report = &launch.report;
    let proof = report.proof.as_ref()?;
    let zero = proof.last_first_echo_ns;
    let since = |ns: u64| millis(ns.saturating_sub(zero));
    let phase = |kind, from: u64, to: u64| Phase {
        kind,
        from_ms: since(from),
        to_ms: since(to),
    };
    let (sweep, swept) = (proof.second_sweep_ns, proof.last_second_echo_ns);
    let mut out = vec![
        phase(PhaseKind::Rest, zero, sweep),
        phase(PhaseKind::Sweep, sweep, swept),
    ];
    for window in &report.windows {
        let kind = match window.load {
            Load::Rate { per_s, .. } => PhaseKind::Rate(per_s),
            Load::InFlight { connections } => PhaseKind::InFlight(connections),
            Load::Sessions { .. } => continue,
        };
        out.push(phase(kind, window.start_ns, window.end_ns));
    }
    Some(out)
}

#[expect(clippy::cast_precision_loss, reason = "a launch takes seconds")]
fn millis(ns: u64) -> f64 {
    ns as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{self, climb, full, measured, plan, records};

    #[test]
    fn phases_follow_one_another_and_failures_have_none() {
        let plan = plan(&["good", "bad"], &[Scenario::Load], 2);
        let records = records(&plan, |trial| match trial.lane.as_str() {
            "bad" => scripted::corrupted(),
            _ => {
                let mut launch = full(trial.scenario, 12.0, 100);
                climb(&mut launch, &[20_000.0], 500);
                let proof = launch.report.proof.as_mut().unwrap();
                proof.last_first_echo_ns = 10_000_000;
                proof.second_sweep_ns = 12_000_000;
                proof.last_second_echo_ns = 15_000_000;
                measured(launch)
            }
        });
        let found = timelines(&plan, &records);
        let [timeline] = &found[..] else { panic!("{found:?}") };
        assert_eq!(timeline.server, "good");
        let kinds: Vec<PhaseKind> =
            timeline.phases.iter().map(|phase| phase.kind).collect();
        assert_eq!(kinds[..2], [PhaseKind::Rest, PhaseKind::Sweep]);
        assert!(kinds.contains(&PhaseKind::Rate(20_000.0)), "{kinds:?}");
        let times = |at: usize| {
            let phase: &Phase = &timeline.phases[at];
            [phase.from_ms, phase.to_ms]
        };
        assert_eq!([times(0), times(1)], [[0.0, 2.0], [2.0, 5.0]]);
        for phase in &timeline.phases {
            assert!(phase.from_ms <= phase.to_ms, "{phase:?}");
        }
    }
}
