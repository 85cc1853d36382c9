//! The closing line of the original's clients.
//!
//! Refuses to do: call total / N a latency.

use crate::plan::Scenario;
use crate::summarize::{Summary, plain};

/// `Rust (tokio): 10000 clients, total time = 412.18 ms, avg = 41.2
/// µs/client`, where the average is the total divided by the clients.
#[must_use]
pub fn original_line(server: &str, clients: u32, total_ms: f64) -> String {
    let avg_us = total_ms * 1e3 / f64::from(clients);
    format!(
        "{}: {clients} clients, total time = {total_ms:.2} ms, \
         avg = {avg_us:.1} µs/client",
        label(server),
    )
}

/// That line for every server whose classic test was measured.
#[must_use]
pub fn original_lines(summary: &Summary) -> Vec<String> {
    summary
        .rows
        .iter()
        .filter(|row| row.scenario == Scenario::Classic)
        .filter_map(|row| {
            let total = row.metrics.get("total_ms")?;
            let clients = summary.plan.settings.connections;
            Some(original_line(&row.server, clients, total.median))
        })
        .collect()
}

/// `rust-async-std` is `Rust (async-std)`.
#[must_use]
pub fn label(server: &str) -> String {
    let server = plain(server);
    let (language, model) = match server.split_once('-') {
        Some((language, model)) => (language, Some(model)),
        None => (server.as_str(), None),
    };
    let language = match language {
        "cpp" => "C++".to_owned(),
        other => {
            let mut letters = other.chars();
            letters.next().map_or_else(String::new, |first| {
                first.to_uppercase().chain(letters).collect()
            })
        }
    };
    match model {
        Some(model) => format!("{language} ({model})"),
        None => language,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_the_originals() {
        assert_eq!(
            original_line("rust-tokio", 10_000, 412.184),
            "Rust (tokio): 10000 clients, total time = 412.18 ms, \
             avg = 41.2 µs/client"
        );
        assert_eq!(label("cpp-threads"), "C++ (threads)");
        assert_eq!(label("rust-async-std"), "Rust (async-std)");
        assert_eq!(label("mine"), "Mine");
        assert_eq!(label(""), "");
    }
}
