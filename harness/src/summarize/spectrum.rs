//! Latency from the median to as many nines as the samples carry.
//!
//! A summary holds three percentiles; the records hold the whole distribution.
//!
//! Refuses to do: quote a percentile with too few samples beyond it.

use super::metrics::{histograms, micros};
use super::rows::sound_launches;
use crate::plan::{Plan, Scenario};
use crate::record::Record;
use crate::repeat::counted;
use crate::stats::Estimate;

/// The distribution of one server's response times at the fixed rate, counted
/// from when each message was due.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// The server's id.
    pub server: String,
    /// Messages, of all launches together.
    pub samples: u64,
    /// By growing quantile.
    pub points: Vec<Quantile>,
}

/// One percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// Such as 0.99.
    pub quantile: f64,
    /// Microseconds, from the merged counts; the interval is that of the
    /// launches' own percentiles.
    pub us: Estimate,
}

const QUANTILES: [f64; 11] =
    [0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999];

/// The spectrum of each selected server, in the order of selection; servers
/// without a sound launch have none.
#[must_use]
pub fn spectra(plan: &Plan, records: &[Record]) -> Vec<Spectrum> {
    let records = &counted(records)[..];
    let selected = plan.lanes.iter().filter(|lane| lane.control.is_none());
    selected
        .filter_map(|lane| {
            let scenario = Scenario::Load;
            let launches = sound_launches(lane, scenario, records, plan);
            let own: Vec<wire::Histogram> = launches
                .into_iter()
                .filter_map(|launch| histograms(&launch.report).remove(LATENCY))
                .collect();
            of_launches(&lane.name, &own)
        })
        .collect()
}

/// The name of the fixed rate's response times among the histograms.
const LATENCY: &str = "latency";

fn of_launches(server: &str, own: &[wire::Histogram]) -> Option<Spectrum> {
    let mut merged = wire::empty();
    for histogram in own {
        merged.add(histogram).ok()?;
    }
    let points: Vec<Quantile> = QUANTILES
        .into_iter()
        .filter_map(|quantile| {
            let ns = wire::percentile(&merged, quantile)?;
            let own: Vec<f64> = own
                .iter()
                .map(|one| micros(one.value_at_quantile(quantile)))
                .collect();
            let us = Estimate::merged(micros(ns), &own);
            Some(Quantile { quantile, us })
        })
        .collect();
    (!points.is_empty()).then(|| Spectrum {
        server: server.into(),
        samples: merged.len(),
        points,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{self, full, measured, plan, records};

    #[test]
    fn a_spectrum_ends_where_the_samples_do_and_leaves_failures_out() {
        let plan = plan(&["good", "bad"], &[Scenario::Load], 6);
        let records = records(&plan, |trial| match trial.lane.as_str() {
            "bad" => scripted::corrupted(),
            _ => measured(full(trial.scenario, 12.0, 100)),
        });
        let spectra = spectra(&plan, &records);
        assert_eq!(spectra.len(), 1, "{spectra:?}");
        let spectrum = &spectra[0];
        assert_eq!(spectrum.server, "good");
        let beyond =
            |quantile: f64| spectrum.samples as f64 * (1.0 - quantile) + 0.5;
        let last = spectrum.points.last().unwrap().quantile;
        assert!(beyond(last) >= wire::SAMPLES_BEYOND, "{last}");
        let next = QUANTILES.into_iter().find(|quantile| *quantile > last);
        assert!(next.is_none_or(|next| beyond(next) < wire::SAMPLES_BEYOND));
        let rising = spectrum.points.windows(2);
        assert!(rising.into_iter().all(|w| w[0].us.median <= w[1].us.median));
    }
}
