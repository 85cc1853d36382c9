//! How figures print: a few digits that mean something, and a unit.
//!
//! Refuses to do: arithmetic, and padding or colour, which belong to whoever
//! lays out a table.

use std::fmt::{self, Display, Formatter};

use crate::stats::Estimate;

/// Microseconds: `12.3 µs`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Micros(pub f64);

/// Milliseconds: `412 ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Millis(pub f64);

/// Bytes, printed in binary units: `7.60 KiB`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bytes(pub f64);

/// Events per second: `118k/s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerSecond(pub f64);

/// A ratio: `× 1.20`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times(pub f64);

/// Percent: `0.8 %`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(pub f64);

/// A number of things: `10,000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub u64);

/// A number without a unit, in three digits: `12.3`, `118k`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plain(pub f64);

/// An estimate as `12.3 ±0.4`, where ± is the farther end of the interval;
/// `12.3` where there is no interval. The field after it scales both, such as
/// 1/1024 for a column in KiB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlusMinus(pub Estimate, pub f64);

/// The interval of an estimate as `11.9–12.7`; `no interval` without one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowHigh(pub Estimate);

const KIB: f64 = 1024.0;
const MIB: f64 = KIB * KIB;

impl Display for Micros {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} µs", Plain(self.0))
    }
}

impl Display for Millis {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", Plain(self.0))
    }
}

impl Display for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.abs() {
            size if size >= MIB => write!(f, "{} MiB", Plain(self.0 / MIB)),
            size if size >= KIB => write!(f, "{} KiB", Plain(self.0 / KIB)),
            _ => write!(f, "{:.0} B", self.0),
        }
    }
}

impl Display for PerSecond {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", Plain(self.0))
    }
}

impl Display for Times {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "× {}", three_digits(self.0, self.0))
    }
}

impl Display for Percent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.0.abs() < 9.95);
        write!(f, "{} %", unsigned_zero(format!("{:.digits$}", self.0)))
    }
}

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.char_indices() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl Display for Plain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (scaled, suffix) = match self.0.abs() {
            size if size >= 999_500.0 => (self.0 / 1e6, "M"),
            size if size >= 9_995.0 => (self.0 / 1e3, "k"),
            _ => (self.0, ""),
        };
        write!(f, "{}{suffix}", three_digits(scaled, scaled))
    }
}

impl Display for PlusMinus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(estimate, scale) = *self;
        let median = estimate.median * scale;
        write!(f, "{}", Plain(median))?;
        if estimate.interval().is_none() {
            return Ok(());
        }
        let (spread, suffix) = match median.abs() {
            size if size >= 999_500.0 => (estimate.spread() * scale / 1e6, "M"),
            size if size >= 9_995.0 => (estimate.spread() * scale / 1e3, "k"),
            _ => (estimate.spread() * scale, ""),
        };
        let like = match suffix {
            "M" => median / 1e6,
            "k" => median / 1e3,
            _ => median,
        };
        write!(f, " ±{}{suffix}", three_digits(spread, like))
    }
}

impl Display for LowHigh {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.interval() {
            Some((low, high)) => write!(f, "{}–{}", Plain(low), Plain(high)),
            None => f.write_str("no interval"),
        }
    }
}

/// Which way of a metric is the better one; by its name, which carries its
/// unit: rates and fairness are good when high, everything else when low.
#[must_use]
pub fn higher_is_better(metric: &str) -> bool {
    let fairness = ["jain", "fewest_echoes"];
    metric.contains("_per_s")
        || fairness.iter().any(|it| metric.starts_with(it))
}

/// Metrics without a unit that are whole numbers.
const COUNTS: [&str; 4] =
    ["threads", "descriptors", "starved", "fewest_echoes"];

/// A value of the metric of that name, with its unit.
#[must_use]
pub fn of_metric(metric: &str, value: f64) -> String {
    if metric.contains("_us") {
        Micros(value).to_string()
    } else if metric.contains("_ms") {
        Millis(value).to_string()
    } else if metric.contains("bytes") {
        Bytes(value).to_string()
    } else if metric.contains("_percent") {
        Percent(value).to_string()
    } else if metric.contains("_per_s") {
        PerSecond(value).to_string()
    } else if COUNTS.iter().any(|count| metric.starts_with(count)) {
        format!("{value:.0}")
    } else if metric.starts_with("jain") {
        format!("{value:.4}")
    } else {
        Plain(value).to_string()
    }
}

/// `value` with as many decimals as three digits of `like` need.
fn three_digits(value: f64, like: f64) -> String {
    let decimals = match like.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    unsigned_zero(format!("{value:.decimals$}"))
}

/// `-0.00` is an artefact of rounding.
fn unsigned_zero(text: String) -> String {
    let zero = text.starts_with('-')
        && text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    if zero { text[1..].to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(median: f64, low: f64, high: f64) -> Estimate {
        Estimate { median, low, high, n: 6, level: 0.96875 }
    }

    #[test]
    fn figures_print_three_digits_and_their_unit() {
        assert_eq!(Micros(12.345).to_string(), "12.3 µs");
        assert_eq!(Millis(412.18).to_string(), "412 ms");
        assert_eq!(Millis(0.0712).to_string(), "0.07 ms");
        assert_eq!(Bytes(512.0).to_string(), "512 B");
        assert_eq!(Bytes(7_782.4).to_string(), "7.60 KiB");
        assert_eq!(Bytes(3.0 * MIB).to_string(), "3.00 MiB");
        assert_eq!(PerSecond(118_234.0).to_string(), "118k/s");
        assert_eq!(PerSecond(9_876.0).to_string(), "9876/s");
        assert_eq!(PerSecond(1_500_000.0).to_string(), "1.50M/s");
        assert_eq!(Times(1.2).to_string(), "× 1.20");
        assert_eq!(Percent(0.84).to_string(), "0.8 %");
        assert_eq!(Percent(19.7).to_string(), "20 %");
        assert_eq!(Count(10_000).to_string(), "10,000");
        assert_eq!(Count(999).to_string(), "999");
        assert_eq!(Count(1_234_567).to_string(), "1,234,567");
        assert_eq!(Plain(-0.001).to_string(), "0.00");
        assert_eq!(Plain(99.96).to_string(), "100");
        assert_eq!(Plain(9_999.0).to_string(), "10.0k");
    }

    #[test]
    fn an_interval_prints_with_the_digits_of_its_value() {
        let cost = estimate(12.34, 11.99, 12.75);
        assert_eq!(PlusMinus(cost, 1.0).to_string(), "12.3 ±0.4");
        assert_eq!(LowHigh(cost).to_string(), "12.0–12.8");
        let rate = estimate(118_234.0, 110_000.0, 120_000.0);
        assert_eq!(PlusMinus(rate, 1.0).to_string(), "118k ±8k");
        let bytes = estimate(2_048.0, 1_024.0, 2_048.0);
        assert_eq!(PlusMinus(bytes, 1.0 / KIB).to_string(), "2.00 ±1.00");
    }

    #[test]
    fn without_an_interval_nothing_pretends_to_be_one() {
        let one = Estimate::of(&[12.34]).unwrap();
        assert_eq!(PlusMinus(one, 1.0).to_string(), "12.3");
        assert_eq!(LowHigh(one).to_string(), "no interval");
    }

    #[test]
    fn a_metric_prints_in_the_unit_of_its_name() {
        let cases = [
            ("cpu_us_per_echo", 12.3, "12.3 µs"),
            ("total_ms", 412.0, "412 ms"),
            ("rss_bytes_per_connection", 2048.0, "2.00 KiB"),
            ("rest_cpu_percent", 0.12, "0.1 %"),
            ("echoes_per_s", 118_000.0, "118k/s"),
            ("threads", 3.0, "3"),
            ("starved_in_flight", 2.0, "2"),
            ("jain", 0.99987, "0.9999"),
            ("longest_gap_ms", 212.0, "212 ms"),
            ("switches_per_echo", 1.05, "1.05"),
        ];
        for (metric, value, text) in cases {
            assert_eq!(of_metric(metric, value), text);
        }
        assert!(higher_is_better("echoes_per_s"));
        assert!(higher_is_better("jain") && !higher_is_better("starved"));
        assert!(!higher_is_better("cpu_us_per_echo"));
    }
}
