//! Every stored histogram as a HdrHistogram log, for the readers and plotters
//! that there are.
//!
//! The format is version 1.3 of HdrHistogram's `HistogramLogWriter`: a line
//! for each histogram, with a tag, when it began, how long it counted, its
//! maximum and the compressed counts. Values are nanoseconds; the maximum is
//! in milliseconds, as the format has it.
//!
//! Refuses to do: merge; whoever reads it adds the lines of one tag.

use std::fmt::Write;

use crate::record::{Measurement, Outcome, Record};
use crate::summarize::plain;

const HEADER: &str = "\"StartTimestamp\",\"Interval_Length\",\
                      \"Interval_Max\",\"Interval_Compressed_Histogram\"";

/// A histogram as it is stored, what it is of and for how long it counted.
struct Stored<'a> {
    of: String,
    seconds: f64,
    text: &'a str,
}

/// The log of these records, in their order. Tags are
/// `LANE/SCENARIO/WINDOW/KIND`, such as `rust-mio/load/fixed_rate/response`.
#[must_use]
pub fn hlog(records: &[Record]) -> String {
    let base = records.iter().map(|record| record.started_unix_ms).min();
    let base = base.unwrap_or_default();
    let mut out = format!(
        "#[Histogram log format version 1.3]\n\
         #[StartTime: {0} (seconds since epoch)]\n\
         #[BaseTime: {0} (seconds since epoch)]\n\
         {HEADER}\n",
        seconds(base)
    );
    for record in records {
        let Outcome::Measured(measurement) = &record.outcome else { continue };
        let trial = &record.trial;
        let began = seconds(record.started_unix_ms.saturating_sub(base));
        for stored in histograms(measurement) {
            let Ok(histogram) = wire::decode(stored.text) else { continue };
            if histogram.is_empty() {
                continue;
            }
            let tag = tag(&format!(
                "{}/{}/{}",
                trial.lane, trial.scenario, stored.of
            ));
            let max_ms = ms(histogram.max());
            let length = stored.seconds;
            writeln!(
                out,
                "Tag={tag},{began},{length:.3},{max_ms:.3},{}",
                stored.text
            )
            .expect("a String takes all text");
        }
    }
    out
}

fn histograms(measurement: &Measurement) -> Vec<Stored<'_>> {
    let report = &measurement.report;
    let mut out = Vec::new();
    if let Some(classic) = &report.classic {
        for (of, text) in
            [("connect", &classic.connect), ("echo", &classic.echo)]
        {
            let seconds = ms(classic.total_ns) / 1e3;
            out.push(Stored { of: of.into(), seconds, text });
        }
    }
    for window in &report.windows {
        let kinds = [
            ("response", &window.response),
            ("service", &window.service),
            ("slip", &window.slip),
        ];
        let length_ns = window.end_ns.saturating_sub(window.start_ns);
        for (kind, text) in kinds {
            let of = format!("{}/{kind}", window.name);
            out.push(Stored { of, seconds: ms(length_ns) / 1e3, text });
        }
    }
    out
}

/// A tag ends at a comma, a space or a line's end.
fn tag(text: &str) -> String {
    plain(text).replace(|c: char| c == ',' || c.is_whitespace(), "_")
}

fn seconds(unix_ms: u64) -> String {
    format!("{}.{:03}", unix_ms / 1_000, unix_ms % 1_000)
}

#[expect(clippy::cast_precision_loss, reason = "times stay far below 2^52 ns")]
fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::interval_log::{
        IntervalLogIterator, LogEntry,
    };

    use super::*;
    use crate::plan::Scenario::{Classic, Load};
    use crate::scripted::{corrupted, full, measured, plan, records};

    #[test]
    fn a_reader_of_the_format_finds_every_histogram_under_its_tag() {
        let plan = plan(&["a, b\n=c", "broken"], &[Classic, Load], 2);
        let records = records(&plan, |trial| match trial.lane.as_str() {
            "broken" => corrupted(),
            _ => measured(full(trial.scenario, 10.0, 100)),
        });
        let log = hlog(&records);
        let mut tags: Vec<String> = Vec::new();
        for entry in IntervalLogIterator::new(log.as_bytes()) {
            let LogEntry::Interval(interval) = entry.unwrap() else { continue };
            let text = interval.encoded_histogram();
            let histogram = wire::decode(text).unwrap();
            let max = interval.max();
            let found_ms = ms(histogram.max());
            assert!((max - found_ms).abs() <= 5e-4, "{max} {found_ms}");
            tags.push(interval.tag().unwrap().as_str().into());
        }
        // Three lanes with two kinds in classic; four, with the spin, with
        // three kinds of each window in load.
        assert_eq!(tags.len(), 2 * (3 * 2 + 4 * 2 * 3));
        for tag in ["a__b_=c/classic/echo", "rust-mio/load/fixed_rate/slip"] {
            assert!(tags.iter().any(|it| it == tag), "{tag} in {tags:?}");
        }
        assert!(tags.iter().all(|tag| !tag.contains("broken")));
    }
}
