//! Workloads: what one launch of a server is put through.
//!
//! A scenario that sweeps something (connections, bytes of a message, time of
//! a handler) is one workload for each of its points: `scale@1000` is a
//! launch, a row and a family of comparisons of its own, and the curve is
//! drawn through them.
//!
//! Refuses to do: anything but name them and say what each changes.

#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Settings;
pub use text::NoScenario;

/// One launch of a server under one workload.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub enum Scenario {
    /// The original test: N at once connect, send 100 bytes, read, close.
    Classic,
    /// N held open together: idle snapshot, fixed rate, ladder, closed loop.
    Load,
    /// So many connections held, a fixed rate and a closed loop over them.
    Scale(u32),
    /// So many connections held, at rest.
    Idle(u32),
    /// Messages of so many bytes, ping-pong on a few connections.
    Sizes(u32),
    /// A handler of so many microseconds.
    Handler(u32),
    /// N held, a fixed rate over one in a hundred of them.
    Herd,
    /// Sessions at a steady rate: connect, some echoes, close.
    Churn,
}

/// The scenarios by name, in the order of help and tables.
pub const SERIES: [&str; 8] =
    ["classic", "load", "scale", "idle", "sizes", "handler", "herd", "churn"];

/// Connections of the scenarios that don't look at their number.
const FEW: u32 = 64;
const SOME: u32 = 1_000;
/// Messages outstanding in `sizes`.
const SIZES_IN_FLIGHT: u32 = 16;
/// Echoes a second in `handler`: 200 µs for each are 40 % of a CPU.
const HANDLER_PER_S: f64 = 2_000.0;
/// One connection in so many is active in `herd`.
const HERD: u32 = 100;
/// Sessions a second in `churn`.
pub const SESSIONS_PER_S: f64 = 1_000.0;
/// Echoes of each of them.
pub const SESSION_ECHOES: u32 = 8;

impl Scenario {
    /// The name in tables and JSON, such as `load` or `scale@1000`.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        match self.point() {
            None => self.series().into(),
            Some(point) => format!("{}@{point}", self.series()).into(),
        }
    }

    /// The name without its point.
    #[must_use]
    pub const fn series(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Load => "load",
            Self::Scale(_) => "scale",
            Self::Idle(_) => "idle",
            Self::Sizes(_) => "sizes",
            Self::Handler(_) => "handler",
            Self::Herd => "herd",
            Self::Churn => "churn",
        }
    }

    /// Where on its sweep it is.
    #[must_use]
    pub const fn point(self) -> Option<u32> {
        match self {
            Self::Scale(point)
            | Self::Idle(point)
            | Self::Sizes(point)
            | Self::Handler(point) => Some(point),
            Self::Classic | Self::Load | Self::Herd | Self::Churn => None,
        }
    }

    /// The metric by which rows of this scenario are sorted and compared;
    /// lower is better for every one of them.
    #[must_use]
    pub const fn primary_metric(self) -> &'static str {
        match self {
            Self::Classic => "total_ms",
            Self::Load | Self::Scale(_) | Self::Handler(_) | Self::Herd => {
                "cpu_us_per_echo"
            }
            Self::Idle(_) => "bytes_per_connection",
            Self::Sizes(_) => "cpu_us_per_echo_in_flight",
            Self::Churn => "cpu_us_per_session",
        }
    }

    /// Whether the main table of a run shows it; every other one has a table
    /// of its own.
    #[must_use]
    pub const fn is_main(self) -> bool {
        matches!(self, Self::Classic | Self::Load)
    }

    /// Whether its primary metric means the same where client and servers
    /// take CPU from one another.
    #[must_use]
    pub const fn bears_sharing(self) -> bool {
        !matches!(self, Self::Classic)
    }

    /// Whether its connections are held open together, behind the barrier.
    #[must_use]
    pub const fn holds(self) -> bool {
        !matches!(self, Self::Classic | Self::Churn)
    }

    /// What the server's handler burns before each echo, if this is about
    /// that. Microseconds.
    #[must_use]
    pub const fn handler_us(self) -> Option<u32> {
        match self {
            Self::Handler(us) => Some(us),
            _ => None,
        }
    }

    /// Connections that the fixed rate falls on, if not all.
    #[must_use]
    pub fn active(self, settings: &Settings) -> Option<u32> {
        (self == Self::Herd).then(|| (settings.connections / HERD).max(1))
    }

    /// The points of a series in a run of at most so many connections, or
    /// the one workload that it is; none for an unknown name.
    #[must_use]
    pub fn all_of(series: &str, most: u32, quick: bool) -> Vec<Self> {
        let pick = |all: &[u32], few: &[u32]| -> Vec<u32> {
            if quick { few.to_vec() } else { all.to_vec() }
        };
        let upto = |points: Vec<u32>| {
            let below = points.into_iter().filter(move |point| *point < most);
            below.chain([most])
        };
        match series {
            "scale" => {
                let all = [1, 10, 100, 1_000, 2_000, 5_000, 10_000];
                upto(pick(&all, &[10, 1_000])).map(Self::Scale).collect()
            }
            "idle" => {
                let parts = pick(&[1, 2, 3, 4, 5], &[2, 5]).into_iter();
                let mut points: Vec<u32> = parts
                    .map(|part| u64::from(most) * u64::from(part) / 5)
                    .map(|point| u32::try_from(point.max(1)).unwrap_or(most))
                    .collect();
                points.dedup();
                points.into_iter().map(Self::Idle).collect()
            }
            "sizes" => {
                let all = [1, 64, 1_024, 16_384, 262_144, 1_048_576];
                let few = [1, 16_384, 1_048_576];
                pick(&all, &few).into_iter().map(Self::Sizes).collect()
            }
            "handler" => {
                let points = pick(&[0, 10, 50, 200], &[0, 50]);
                points.into_iter().map(Self::Handler).collect()
            }
            one => one.parse().into_iter().collect(),
        }
    }

    /// Tells workloads apart in seeds; the first two as they always were.
    #[must_use]
    pub(super) fn number(self) -> u64 {
        let mut names = SERIES.into_iter().zip(0..);
        let series = names.find(|(name, _)| *name == self.series());
        let series: u64 = series.map_or(0, |(_, at)| at);
        series | u64::from(self.point().unwrap_or(0)) << 32
    }
}

impl Settings {
    /// What holds under one workload.
    #[must_use]
    pub fn at(&self, scenario: Scenario) -> Self {
        let mut own = self.clone();
        match scenario {
            Scenario::Classic | Scenario::Load => return own,
            Scenario::Scale(connections) | Scenario::Idle(connections) => {
                own.connections = connections;
            }
            Scenario::Sizes(bytes) => {
                own.connections = own.connections.min(FEW);
                own.in_flight = SIZES_IN_FLIGHT;
                own.payload_bytes = bytes;
            }
            Scenario::Handler(_) => {
                own.connections = own.connections.min(SOME);
                own.rate_per_s = own.rate_per_s.min(HANDLER_PER_S);
            }
            Scenario::Herd => {}
            Scenario::Churn => {
                own.connections = own.connections.min(SOME);
            }
        }
        own.in_flight = own.in_flight.min(own.connections);
        own.step_ms = 0;
        // A curve has many points: half the time for each.
        own.fixed_rate_ms = own.fixed_rate_ms.div_ceil(2);
        own.in_flight_ms = own.in_flight_ms.div_ceil(2);
        own
    }
}
