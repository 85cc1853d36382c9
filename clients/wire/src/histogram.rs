//! Histograms as they are stored: HdrHistogram V2, deflated, in base64.
//!
//! Three significant digits, 1 ns to 1 hour. Merging adds counts, so
//! percentiles over several launches come from merged counts and are never
//! averaged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{
    Deserializer, Serializer, V2DeflateSerializer,
};
use thiserror::Error;

/// Counts of nanoseconds.
pub type Histogram = hdrhistogram::Histogram<u64>;

/// A percentile is quoted only with at least this many samples beyond it:
/// 40,000 samples for the 99th.
pub const SAMPLES_BEYOND: f64 = 400.0;

const HIGHEST_NS: u64 = 3_600_000_000_000;
const DIGITS: u8 = 3;

/// The stored text is not a histogram.
#[derive(Debug, Error)]
#[error("not a V2-deflate histogram in base64: {0}")]
pub struct HistogramError(String);

/// An empty histogram of the shape used everywhere.
#[must_use]
pub fn empty() -> Histogram {
    Histogram::new_with_bounds(1, HIGHEST_NS, DIGITS)
        .expect("the bounds and digits are constants HdrHistogram accepts")
}

/// The stored form.
#[must_use]
pub fn encode(histogram: &Histogram) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .expect("writing to a vector does not fail");
    STANDARD.encode(bytes)
}

/// Reads the stored form.
///
/// # Errors
/// The text is not base64, or its bytes are not a histogram.
pub fn decode(text: &str) -> Result<Histogram, HistogramError> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|error| HistogramError(error.to_string()))?;
    Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|error| HistogramError(format!("{error:?}")))
}

/// The value in nanoseconds below which `quantile` of the samples lie, or
/// `None` where too few samples lie beyond it to say.
#[must_use]
pub fn percentile(histogram: &Histogram, quantile: f64) -> Option<u64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts stay far below 2^52"
    )]
    let beyond = histogram.len() as f64 * (1.0 - quantile);
    // Half a sample of slack: 0.01 has no exact binary form.
    (beyond + 0.5 >= SAMPLES_BEYOND)
        .then(|| histogram.value_at_quantile(quantile))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_survives_its_stored_form() {
        let mut histogram = empty();
        for value in [1, 1_000, 123_456, 9_999_999_999] {
            histogram.record(value).expect("value in range");
        }
        let back = decode(&encode(&histogram)).expect("own encoding");
        assert_eq!(back, histogram);
    }

    #[test]
    fn junk_is_an_error_and_no_panic() {
        for text in ["", "!", "AAAA", "SGVsbG8gd29ybGQ="] {
            assert!(decode(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_percentile_needs_400_samples_beyond_it() {
        let mut histogram = empty();
        histogram.record_n(5, 39_000).expect("value in range");
        assert_eq!(percentile(&histogram, 0.99), None);
        histogram.record_n(5, 1_000).expect("value in range");
        assert_eq!(percentile(&histogram, 0.99), Some(5));
    }
}
