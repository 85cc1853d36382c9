//! Takes apart the one line that a client of the original prints.
//!
//! Refuses to do: guess. A line that is not of the documented shape tells
//! nothing of the server.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use wire::{Connections, End, Fault, FaultKind};

/// What a client says of clients that failed.
const FAILED: &str = r"(?x)
    (?<failed>\d+)\ of\ (?<asked>\d+)\ clients\ failed:
    \ (?<refused>\d+)\ refused,\ (?<reset>\d+)\ reset,
    \ (?<wrong>\d+)\ wrong\ bytes,\ (?<late>\d+)\ timed\ out
    (?:;\ client\ (?<client>\d+),\ byte\ (?<byte>\d+):
        \ (?<sent>[0-9a-f]{2})\ sent,\ (?<came>[0-9a-f]{2})\ came)?$";

/// The total in nanoseconds of the line of a client whose every echo was
/// right; `None` unless it speaks of that many clients.
pub(super) fn total_ns(line: &str, after: &str, clients: u32) -> Option<u64> {
    let (head, rest) = line.split_once(after)?;
    let mut words = head.split(' ');
    let count = words.by_ref().find(|word| word.parse() == Ok(clients));
    count.and(words.next().filter(|word| word.starts_with("clients")))?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = rest.split_at(end);
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let unit_ns = match &rest[..end] {
        "s" => 1e9,
        "ms" => 1e6,
        // The micro sign, and the letter mu that looks like it.
        "\u{b5}s" | "\u{3bc}s" | "us" => 1e3,
        "ns" => 1.0,
        _ => return None,
    };
    let total = (number.parse::<f64>().ok()? * unit_ns).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie within a day"
    )]
    (1.0..86_400e9).contains(&total).then_some(total as u64)
}

/// What became of the clients by the line of one where some failed; `None`
/// if it says something else, or its counts don't add up.
pub(super) fn failure(line: &str, clients: u32) -> Option<(End, Connections)> {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(FAILED).expect("a constant pattern"));
    let found = PATTERN.captures(line)?;
    let count = |name: &str| -> Option<u32> { found[name].parse().ok() };
    let (failed, wrong) = (count("failed")?, count("wrong")?);
    let connections = Connections {
        requested: count("asked")?,
        established: clients.checked_sub(failed)?,
        refused: count("refused")?,
        reset: count("reset")?,
        timed_out: count("late")?,
        ..Connections::default()
    };
    let kinds =
        [connections.refused, connections.reset, connections.timed_out, wrong];
    let sum = kinds.into_iter().try_fold(0_u32, u32::checked_add)?;
    if connections.requested != clients || failed == 0 || sum != failed {
        return None;
    }
    let end = if wrong > 0 {
        End::Corrupted(fault(&found)?)
    } else {
        End::Incomplete { during: "the original's test".into() }
    };
    Some((end, connections))
}

fn fault(found: &Captures<'_>) -> Option<Fault> {
    let text = |name: &str| Some(found.name(name)?.as_str());
    Some(Fault {
        kind: FaultKind::Wrong,
        connection: text("client")?.parse().ok()?,
        offset: text("byte")?.parse().ok()?,
        expected: text("sent")?.into(),
        actual: text("came")?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: &str = "total time = ";

    #[test]
    fn the_total_of_each_originals_line_is_read_in_its_unit() {
        let lines = [
            (
                "C++: 10000 clients, total time = 412.184 ms, avg = 41.218 μs",
                412_184_000,
            ),
            (
                "Python: 10000 clients, total time = 3164.74 ms, avg latency \
                 = 0.3165 ms/client",
                3_164_740_000,
            ),
            (
                "Rust: 10000 clients, total time = 1.031041462s, avg = \
                 103.104µs",
                1_031_041_462,
            ),
            (
                "Rust: 10000 clients, total time = 985.157665ms, avg = \
                 98.515µs",
                985_157_665,
            ),
            ("X: 10000 clients, total time = 7µs, avg = 0ns", 7_000),
            ("X: 10000 clients total time = 7 μs", 7_000),
        ];
        for (line, ns) in lines {
            assert_eq!(total_ns(line, AFTER, 10_000), Some(ns), "{line}");
        }
    }

    #[test]
    fn a_line_of_another_shape_gives_no_total() {
        for line in [
            "",
            "total time = 4 ms",
            "X: 9999 clients, total time = 4 ms",
            "X: 10000 servers, total time = 4 ms",
            "X: 10000 clients, total time = 4",
            "X: 10000 clients, total time = ms",
            "X: 10000 clients, total time = 4 min",
            "X: 10000 clients, total time = 0 ms",
            "X: 10000 clients, total time = -4 ms",
            "X: 10000 clients, total time = 1.2.3 ms",
            "X: 10000 clients, total time = 99999999999999999999 s",
            "X: 10000 clients, time = 4 ms",
        ] {
            assert_eq!(total_ns(line, AFTER, 10_000), None, "{line}");
        }
    }

    #[test]
    fn failures_are_counted_by_kind() {
        let line = "error: 6 of 50 clients failed: 1 refused, 2 reset, 0 \
                    wrong bytes, 3 timed out";
        let (end, found) = failure(line, 50).unwrap();
        let during = "the original's test".to_owned();
        assert_eq!(end, End::Incomplete { during });
        assert_eq!((found.requested, found.established), (50, 44));
        assert_eq!((found.refused, found.reset, found.timed_out), (1, 2, 3));
    }

    #[test]
    fn wrong_bytes_outweigh_what_else_failed() {
        let line = "error: 2 of 50 clients failed: 0 refused, 1 reset, 1 \
                    wrong bytes, 0 timed out; client 14, byte 50: 63 sent, \
                    36 came";
        let (End::Corrupted(fault), _) = failure(line, 50).unwrap() else {
            panic!("not corrupted");
        };
        assert_eq!((fault.connection, fault.offset), (14, 50));
        assert_eq!((&*fault.expected, &*fault.actual), ("63", "36"));
    }

    #[test]
    fn what_is_not_the_servers_fault_is_no_failure_of_it() {
        for line in [
            "",
            "error: 57 clients could not try: Too many open files",
            // Another count, a sum that doesn't add up, no example.
            "error: 1 of 9 clients failed: 1 refused, 0 reset, 0 wrong \
             bytes, 0 timed out",
            "error: 3 of 50 clients failed: 1 refused, 0 reset, 0 wrong \
             bytes, 0 timed out",
            "error: 0 of 50 clients failed: 0 refused, 0 reset, 0 wrong \
             bytes, 0 timed out",
            "error: 1 of 50 clients failed: 0 refused, 0 reset, 1 wrong \
             bytes, 0 timed out",
            "error: 51 of 50 clients failed: 51 refused, 0 reset, 0 wrong \
             bytes, 0 timed out",
        ] {
            assert_eq!(failure(line, 50), None, "{line}");
        }
    }
}
