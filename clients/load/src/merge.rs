//! Parts of several loops into one report: counts add, histograms merge
//! exactly, times take the earliest or latest.
//!
//! Refuses to do: average anything.

use wire::{
    Around, Classic, Connections, Histogram, Load, NetworkCounters, Proof,
    Report, ServerUsage, WindowReport, encode,
};

use crate::engine::{Established, WindowPart, WindowRun};
use crate::loops::Outcome;

fn add(sum: &mut Histogram, part: &Histogram) {
    sum.add(part).expect("all histograms have the same bounds");
}

fn established(parts: Vec<Outcome>) -> impl Iterator<Item = Established> {
    parts.into_iter().filter_map(|outcome| match outcome {
        Outcome::Established(part) => Some(*part),
        _ => None,
    })
}

pub(crate) fn classic(
    parts: Vec<Outcome>,
    network: Option<NetworkCounters>,
) -> Classic {
    let (mut connect, mut echo) = (wire::empty(), wire::empty());
    let (mut first_ns, mut last_ns) = (u64::MAX, 0);
    for part in established(parts) {
        add(&mut connect, &part.connect);
        add(&mut echo, &part.echo);
        first_ns = first_ns.min(part.first_connect_ns);
        last_ns = last_ns.max(part.last_close_ns);
    }
    Classic {
        total_ns: last_ns.saturating_sub(first_ns),
        connect: encode(&connect),
        echo: encode(&echo),
        network,
    }
}

/// The first half of the proof, and the time from the first connect to the
/// last first echo.
pub(crate) fn first_sweep(parts: Vec<Outcome>) -> (Proof, u64) {
    let mut proof = Proof::default();
    let mut first_ns = u64::MAX;
    for part in established(parts) {
        proof.opened += part.opened;
        proof.first_echoes += part.echoes;
        proof.last_first_echo_ns =
            proof.last_first_echo_ns.max(part.last_echo_ns);
        first_ns = first_ns.min(part.first_connect_ns);
    }
    let elapsed_ns = proof.last_first_echo_ns.saturating_sub(first_ns);
    (proof, elapsed_ns)
}

pub(crate) fn second_sweep(proof: &mut Proof, parts: Vec<Outcome>) {
    let mut began_ns = u64::MAX;
    for outcome in parts {
        if let Outcome::Swept(part) = outcome {
            began_ns = began_ns.min(part.began_ns);
            proof.second_sweep_ns = began_ns;
            proof.second_echoes += part.echoes;
            proof.last_second_echo_ns =
                proof.last_second_echo_ns.max(part.last_echo_ns);
            proof.closed += part.closed;
        }
    }
}

pub(crate) fn window(
    run: &WindowRun,
    parts: Vec<Outcome>,
    around: Around,
) -> WindowReport {
    let mut sum = WindowPart::new();
    for outcome in parts {
        if let Outcome::Window(part) = outcome {
            sum.planned += part.planned;
            sum.sent_in_time += part.sent_in_time;
            sum.censored += part.censored;
            sum.echoed += part.echoed;
            sum.echoes_in_window += part.echoes_in_window;
            sum.bytes_sent += part.bytes_sent;
            sum.bytes_verified += part.bytes_verified;
            sum.busy_ns += part.busy_ns;
            add(&mut sum.response, &part.response);
            add(&mut sum.service, &part.service);
            add(&mut sum.slip, &part.slip);
            // Only the first loop reads clocks and counters.
            sum.server = sum.server.or(part.server);
            sum.fairness = sum.fairness.with(part.fairness);
            sum.overlap.before_ns += part.overlap.before_ns;
            sum.overlap.after_ns += part.overlap.after_ns;
            sum.packets = sum.packets.or(part.packets);
        }
    }
    report(run, &sum, around)
}

fn report(run: &WindowRun, sum: &WindowPart, around: Around) -> WindowReport {
    let server: Option<ServerUsage> = sum.server;
    let is_closed = matches!(run.window.load, Load::InFlight { .. });
    WindowReport {
        name: run.window.name.clone(),
        load: run.window.load,
        step: run.window.step,
        start_ns: run.start_ns,
        end_ns: run.end_ns,
        planned: sum.planned,
        sent_in_time: sum.sent_in_time,
        censored: sum.censored,
        echoed: sum.echoed,
        echoes_in_window: sum.echoes_in_window,
        bytes_sent: sum.bytes_sent,
        bytes_verified: sum.bytes_verified,
        response: encode(&sum.response),
        service: encode(&sum.service),
        slip: encode(&sum.slip),
        client_busy_ns: sum.busy_ns,
        server,
        fairness: Some(sum.fairness).filter(|it| it.connections > 0),
        overlap: is_closed.then_some(sum.overlap),
        around: Some(around),
        packets: sum.packets,
    }
}

pub(crate) fn tally(report: &mut Report, part: Connections, closed: u32) {
    let sum = &mut report.connections;
    sum.requested += part.requested;
    sum.established += part.established;
    sum.refused += part.refused;
    sum.reset += part.reset;
    sum.timed_out += part.timed_out;
    // The second sweep counted those up to its end; without one, all count.
    if let Some(proof) = &mut report.proof
        && proof.second_sweep_ns == 0
    {
        proof.closed += closed;
    }
}
