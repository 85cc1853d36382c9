//! What a launch took of the machine besides CPU: memory, threads, context
//! switches.
//!
//! Refuses to do: quote a figure whose two ends were not both read.

use wire::Metrics;

use super::metrics::float;
use crate::plan::Settings;
use crate::record::{Measurement, Snapshot};

/// Differences over the idle snapshot, for each connection. On loopback the
/// kernel's memory holds both ends of every connection, the client's too:
/// they cannot be told apart, so nothing is subtracted.
pub(super) fn memory(
    out: &mut Metrics,
    measurement: &Measurement,
    settings: &Settings,
) {
    let Some(held) = measurement.held else { return };
    let fresh = measurement.fresh;
    let connections = f64::from(settings.connections);
    // What can't be read is recorded as 0, which no living process holds.
    let mut growth = |name: &str, before: u64, after: u64| {
        if before > 0 && after > 0 {
            let bytes = float(after) - float(before);
            out.insert(name.into(), bytes / connections);
        }
    };
    growth("rss_bytes_per_connection", fresh.pss_bytes, held.pss_bytes);
    growth(
        "kernel_bytes_per_connection",
        fresh.kernel_bytes,
        held.kernel_bytes,
    );
    let both = ["rss_bytes_per_connection", "kernel_bytes_per_connection"]
        .map(|name| out.get(name).copied());
    if let [Some(user), Some(kernel)] = both {
        out.insert("bytes_per_connection".into(), user + kernel);
    }
    if held.threads > 0 {
        out.insert("threads".into(), f64::from(held.threads));
        out.insert("descriptors".into(), f64::from(held.descriptors));
    }
}

/// Context switches between the barrier and the end of the last window, for
/// each echo between: those of the second sweep and of every window, warm-up
/// and drain included.
pub(super) fn switches(
    out: &mut Metrics,
    measurement: &Measurement,
    settings: &Settings,
) {
    let (Some(held), Some(loaded)) = (measurement.held, measurement.loaded)
    else {
        return;
    };
    let report = &measurement.report;
    let second =
        report.proof.as_ref().map_or(0, |proof| proof.second_echoes.into());
    let payload = u64::from(settings.payload_bytes.max(1));
    let echoes = report
        .windows
        .iter()
        .map(|window| window.bytes_verified / payload)
        .fold(second, u64::saturating_add);
    let per_echo = |count: fn(&Snapshot) -> u64| {
        // Threads that ended in between took their counts with them.
        let during = count(&loaded).checked_sub(count(&held))?;
        Some(float(during) / float(echoes))
    };
    let (Some(voluntary), Some(involuntary)) = (
        per_echo(|snapshot| snapshot.voluntary_switches),
        per_echo(|snapshot| snapshot.involuntary_switches),
    ) else {
        return;
    };
    out.insert("switches_per_echo".into(), voluntary + involuntary);
    out.insert("voluntary_switches_per_echo".into(), voluntary);
    out.insert("involuntary_switches_per_echo".into(), involuntary);
}
