//! Whether counts and times of the closed loop fit together.

use super::lab::{Order, STALL_MS, histogram, in_flight};
use super::{Class, Figure, Finding, Goal, Lab, Run, Test, Trouble};

pub(super) const TESTS: &[Test] = &[Test {
    id: "K27",
    class: Class::Live,
    title: "Little's law with 1 to 256 in flight",
    goal: "throughput × mean response time within 1 % of what is in flight",
    source: "Little 1961",
    seconds: 12,
    run: Run::Drive(little),
}];

const IN_FLIGHT: [u32; 5] = [1, 4, 16, 64, 256];
const WINDOW_MS: u64 = 1_500;

fn little(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    let server = lab.start("good", 0)?;
    let connections = lab.size.connections.min(1_000);
    let fit = |in_flight: u32| in_flight.min(connections);
    let ms = lab.size.ms(WINDOW_MS);
    let order = Order {
        connections,
        windows: IN_FLIGHT.map(|it| in_flight(fit(it), 200, ms)).to_vec(),
        stall_ms: STALL_MS,
    };
    let report = lab.load(&server, &order)?;
    let mut figures = Vec::new();
    for (window, in_flight) in report.windows.iter().zip(IN_FLIGHT) {
        let seconds = (window.end_ns - window.start_ns) as f64 / 1e9;
        let response = histogram(&window.response)?;
        // Those sent in the window, late ones included, fill it but for
        // those under way at its edges.
        let per_s = window.planned as f64 / seconds;
        let found = per_s * response.mean() / 1e9;
        let off = 100.0 * (found / f64::from(fit(in_flight)) - 1.0).abs();
        figures.push(Figure::new(
            format!("off at {in_flight}"),
            off,
            "%",
            Goal::AtMost(1.0),
        ));
    }
    let n = report.windows.iter().map(|window| window.planned).sum();
    Ok(Finding::of(n, "messages", figures))
}
