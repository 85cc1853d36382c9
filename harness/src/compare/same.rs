//! Whether two runs may be compared at all.
//!
//! Refuses to do: decide that a difference does not matter. Whoever knows
//! better says so with `--allow-mismatch`.

use std::fmt::Debug;

use thiserror::Error;

use crate::plan::Settings;
use crate::summarize::Summary;

/// What makes two runs incomparable.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the runs are not comparable:\n  {}", mismatches.join("\n  "))]
pub struct NotComparable {
    /// One line each.
    pub mismatches: Vec<String>,
}

/// Everything that decides results and differs, a line each.
#[must_use]
pub fn mismatches(a: &Summary, b: &Summary, absolute: bool) -> Vec<String> {
    let mut found = Found::default();
    found.differ("schema", &a.schema_version, &b.schema_version);
    machine(&mut found, a, b);
    plan(&mut found, a, b);
    if !absolute {
        reference(&mut found, a, b);
    }
    found.0
}

/// What tells that two runs are not of the same machine, a line each.
#[must_use]
pub fn other_machine(a: &Summary, b: &Summary) -> Vec<String> {
    let mut found = Found::default();
    machine(&mut found, a, b);
    found.0
}

/// What differs in how two runs were made, but for their workloads, a line
/// each: this run's first.
#[must_use]
pub fn other_plan(a: &Summary, b: &Summary) -> Vec<String> {
    let mut found = Found::default();
    plan(&mut found, a, b);
    found.0.retain(|line| !line.starts_with(SCENARIOS));
    found.0
}

const SCENARIOS: &str = "scenarios";

#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn differ<T: PartialEq + Debug + ?Sized>(
        &mut self,
        what: &str,
        a: &T,
        b: &T,
    ) {
        if a != b {
            // Debug quotes foreign strings and escapes what they hold.
            self.0.push(format!("{what}: {a:?} against {b:?}"));
        }
    }
}

fn machine(found: &mut Found, a: &Summary, b: &Summary) {
    let (a, b) = (&a.host, &b.host);
    found.differ("machine", &a.label, &b.label);
    found.differ("processor", &a.cpu_model, &b.cpu_model);
    found.differ("CPUs", &a.cpus.len(), &b.cpus.len());
    found.differ("kernel", series(&a.kernel), series(&b.kernel));
    found.differ(
        "interrupt time accounted apart",
        &a.irq_time_apart,
        &b.irq_time_apart,
    );
}

/// `6.18` of `6.18.5-generic`: patch releases are the same kernel.
fn series(kernel: &str) -> &str {
    let minor = kernel.match_indices('.').nth(1).map(|(at, _)| at);
    let series = minor.map_or(kernel, |end| &kernel[..end]);
    series.split(['-', '+']).next().unwrap_or(series)
}

/// What decided between the sockets of a launch: that of its own network, or
/// else the machine's.
fn congestion_control(summary: &Summary) -> &str {
    let own = summary.plan.settings.congestion_control.as_deref();
    own.unwrap_or(&summary.host.congestion_control)
}

fn plan(found: &mut Found, a: &Summary, b: &Summary) {
    found.differ(
        "congestion control",
        congestion_control(a),
        congestion_control(b),
    );
    let names = |summary: &Summary| {
        let mut names: Vec<_> =
            summary.plan.scenarios.iter().map(|s| s.name()).collect();
        names.sort_unstable();
        names.join(" and ")
    };
    found.differ(SCENARIOS, &names(a), &names(b));
    let (a, b) = (&a.plan.settings, &b.plan.settings);
    found.differ("client", &a.client, &b.client);
    found.differ(
        "revision of the client",
        &a.client_revision,
        &b.client_revision,
    );
    found.differ("connections", &a.connections, &b.connections);
    found.differ("payload bytes", &a.payload_bytes, &b.payload_bytes);
    found.differ("rate per second", &a.rate_per_s, &b.rate_per_s);
    found.differ("in flight", &a.in_flight, &b.in_flight);
    found.differ("workers", &a.workers, &b.workers);
    found.differ("backlog", &a.backlog, &b.backlog);
    found.differ("buffer bytes", &a.buffer_bytes, &b.buffer_bytes);
    found.differ("placement", &a.placement, &b.placement);
    let isolation = |of: &Settings| of.isolation.to_string();
    found.differ("isolation", &isolation(a), &isolation(b));
    found.differ(
        "CPUs of the servers",
        &a.server_cpus.len(),
        &b.server_cpus.len(),
    );
    found.differ(
        "CPUs of the client",
        &a.client_cpus.len(),
        &b.client_cpus.len(),
    );
    found.differ("quick", &a.quick, &b.quick);
    if a.quick == b.quick {
        found.differ("warm-up in ms", &a.warm_up_ms, &b.warm_up_ms);
        found.differ("fixed rate in ms", &a.fixed_rate_ms, &b.fixed_rate_ms);
        found.differ("in flight in ms", &a.in_flight_ms, &b.in_flight_ms);
        found.differ("step of rates in ms", &a.step_ms, &b.step_ms);
    }
}

fn reference(found: &mut Found, a: &Summary, b: &Summary) {
    match (&a.plan.reference, &b.plan.reference) {
        (Some(a), Some(b)) => found.differ("reference server", a, b),
        _ => found.0.push(
            "reference server: there is none in both runs to take ratios to; \
             --absolute compares the figures themselves"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::series;

    #[test]
    fn a_kernel_is_told_by_its_first_two_numbers() {
        for (kernel, expected) in [
            ("6.18.5-generic", "6.18"),
            ("6.18", "6.18"),
            ("6.18-rc1", "6.18"),
            ("6.18+", "6.18"),
            ("strange", "strange"),
            ("", ""),
        ] {
            assert_eq!(series(kernel), expected);
        }
    }
}
