//! A report as a person reads it.
//!
//! Pure. Percentiles that too few samples carry are left out and said to be.
//!
//! Refuses to do: print a time over fewer connections than were asked for.

use std::fmt::Write as _;

use wire::{
    Classic, End, Fairness, Fault, FaultKind, Load, Report, SAMPLES_BEYOND,
    WindowReport, decode, percentile,
};

const COLUMNS: [(&str, f64); 4] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];
const MISSING: &str = "-";

/// Several lines, the original's closing line first where it applies.
#[must_use]
pub fn render(report: &Report, label: &str) -> String {
    let mut out = String::new();
    let requested = report.connections.requested;
    if let Some(classic) = &report.classic {
        render_classic(&mut out, classic, report, label);
    }
    if let Some(proof) = &report.proof
        && proof.verify(requested).is_ok()
    {
        let between =
            proof.second_sweep_ns.saturating_sub(proof.last_first_echo_ns);
        line(
            &mut out,
            &format!(
                "{label}: {requested} connections were open at once: each \
                 echoed a nonce,\nthen (after {}) each a second one, and none \
                 closed in between.",
                time(between)
            ),
        );
    }
    for window in &report.windows {
        render_window(&mut out, window);
    }
    if let Some(failure) = failure(report) {
        line(&mut out, &format!("{label}: {failure}"));
    }
    out
}

fn render_classic(
    out: &mut String,
    classic: &Classic,
    report: &Report,
    label: &str,
) {
    let clients = report.connections.requested;
    let total_ns = float(classic.total_ns);
    line(
        out,
        &format!(
            "{label}: {clients} clients, total time = {:.2} ms, avg = {:.1} \
             µs/client",
            total_ns / 1e6,
            total_ns / 1e3 / f64::from(clients)
        ),
    );
    line(out, "");
    let rows = [("connect", &*classic.connect), ("echo", &*classic.echo)];
    table(out, &rows);
    line(
        out,
        &format!(
            "{:.0} connections/s, at most {} open at once; every byte \
             that was due is verified.",
            f64::from(clients) / total_ns * 1e9,
            report.connections.peak_open
        ),
    );
}

fn render_window(out: &mut String, window: &WindowReport) {
    let seconds = float(window.end_ns - window.start_ns) / 1e9;
    let per_s = float(window.echoes_in_window) / seconds;
    line(out, "");
    let WindowReport { planned, sent_in_time, censored, echoed, .. } = window;
    match window.load {
        Load::Rate { per_s: rate, arrivals } => {
            line(
                out,
                &format!(
                    "{rate}/s ({arrivals:?} arrivals) for {seconds} s: \
                     {per_s:.0} echoes/s"
                ),
            );
            let rows = [
                ("response", &*window.response),
                ("service", &*window.service),
                ("slip", &*window.slip),
            ];
            table(out, &rows);
            line(
                out,
                "response: from the planned time; service: from the write; \
                 slip: the client's lateness.",
            );
            line(
                out,
                &format!(
                    "{planned} planned, {sent_in_time} sent in time, \
                     {censored} never sent, {echoed} came back."
                ),
            );
        }
        Load::InFlight { connections } => {
            line(
                out,
                &format!(
                    "{connections} in flight for {seconds} s: {per_s:.0} \
                     echoes/s"
                ),
            );
            table(out, &[("response", &*window.response)]);
        }
        Load::Sessions { per_s: rate, arrivals, echoes } => {
            line(
                out,
                &format!(
                    "{rate} sessions/s of {echoes} echoes ({arrivals:?} \
                     arrivals) for {seconds} s: {per_s:.0} sessions/s"
                ),
            );
            let rows =
                [("session", &*window.response), ("slip", &*window.slip)];
            table(out, &rows);
            line(
                out,
                &format!(
                    "{planned} planned, {sent_in_time} begun in time, \
                     {censored} never begun, {echoed} completed."
                ),
            );
        }
    }
    if let Some(fairness) = &window.fairness {
        line(out, &shares(fairness));
    }
    line(out, &balance(window, seconds));
}

fn shares(fairness: &Fairness) -> String {
    let jain = fairness.jain().map_or_else(
        || "nobody was served".to_owned(),
        |jain| format!("fairness {jain:.4} (Jain)"),
    );
    format!(
        "{jain}, fewest echoes of a connection {}, starved {}, longest wait \
         for one {}.",
        fairness.fewest_echoes,
        fairness.starved,
        time(fairness.longest_gap_ns)
    )
}

fn balance(window: &WindowReport, seconds: f64) -> String {
    let mut text = format!(
        "{} bytes sent, {} came back and were verified; client busy {:.0} %",
        window.bytes_sent,
        window.bytes_verified,
        float(window.client_busy_ns) / seconds / 1e7
    );
    if let Some(server) = window.server
        && window.echoes_in_window > 0
    {
        let cpu_ns = float(server.cpu_ns + server.softirq_ns);
        let per_echo = cpu_ns / 1e3 / float(window.echoes_in_window);
        let what = match window.load {
            Load::Sessions { .. } => "session",
            _ => "echo",
        };
        write!(text, "; server {per_echo:.2} µs CPU/{what}")
            .expect("writing to a string does not fail");
    }
    text + "."
}

/// Percentiles by row, and a sentence where samples are too few.
fn table(out: &mut String, rows: &[(&str, &str)]) {
    let mut head = format!("{:<9}", "");
    for (name, _) in COLUMNS {
        write!(head, "{name:>11}").expect("writing to a string does not fail");
    }
    line(out, &head);
    let mut fewest = u64::MAX;
    for (name, stored) in rows {
        let Ok(histogram) = decode(stored) else { continue };
        fewest = fewest.min(histogram.len());
        let mut text = format!("{name:<9}");
        for (_, quantile) in COLUMNS {
            let cell = percentile(&histogram, quantile)
                .map_or_else(|| MISSING.to_owned(), time);
            write!(text, "{cell:>11}")
                .expect("writing to a string does not fail");
        }
        line(out, &text);
    }
    let lacking = COLUMNS.into_iter().find(|(_, quantile)| {
        float(fewest) * (1.0 - quantile) + 0.5 < SAMPLES_BEYOND
    });
    if let Some((name, quantile)) = lacking {
        line(
            out,
            &format!(
                "{MISSING}: {name} needs {:.0} samples, there are {fewest}.",
                SAMPLES_BEYOND / (1.0 - quantile)
            ),
        );
    }
}

/// One sentence on what went wrong, if anything did.
fn failure(report: &Report) -> Option<String> {
    let counts = report.connections;
    let states = format!(
        "{} of {} connections established, {} refused, {} reset, {} timed out",
        counts.established,
        counts.requested,
        counts.refused,
        counts.reset,
        counts.timed_out
    );
    match &report.end {
        End::Completed => None,
        End::Stopped => Some(format!("stopped; {states}.")),
        End::Incomplete { .. } if counts.refused == counts.requested => {
            Some(format!(
                "nothing listens there: all {} connections were refused; \
                 start a server first, such as `cargo run --release -p \
                 rust-mio`.",
                counts.requested
            ))
        }
        End::Incomplete { during } => {
            Some(format!("incomplete during {during}: {states}."))
        }
        End::Stalled { during, outstanding_bytes } => Some(format!(
            "stalled during {during} with {outstanding_bytes} bytes \
             outstanding: {states}."
        )),
        End::Corrupted(fault) => Some(damage(fault)),
    }
}

fn damage(fault: &Fault) -> String {
    let what = match &fault.kind {
        FaultKind::Wrong => "wrong bytes".to_owned(),
        FaultKind::Short { missing } => format!("{missing} bytes missing"),
        FaultKind::Surplus => "bytes that were not due".to_owned(),
        FaultKind::Mixed { other, other_offset } => {
            format!("bytes of connection {other}, offset {other_offset},")
        }
    };
    let Fault { connection, offset, expected, actual, .. } = fault;
    format!(
        "corrupted: {what} on connection {connection} at offset {offset}.\n\
         expected {expected}\nactual   {actual}"
    )
}

/// Three to four digits and a unit.
fn time(ns: u64) -> String {
    match float(ns) {
        ns if ns < 1e6 => format!("{:.1} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.3} s", ns / 1e9),
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and nanoseconds of a run stay far below 2^52"
)]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
