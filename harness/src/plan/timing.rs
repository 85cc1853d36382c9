//! How long the windows of a run are.

use super::Settings;

/// Lengths in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Load before a window counts.
    pub warm_up: u64,
    /// The fixed-rate window.
    pub fixed_rate: u64,
    /// The closed-loop window.
    pub in_flight: u64,
    /// Each step of the ladder; 0 for none.
    pub step: u64,
    /// At rest with all connections open.
    pub idle: u64,
}

impl Timing {
    /// Six rounds give p99 its 40,000 samples at 10,000/s.
    pub const DEFAULT: Self = Self {
        warm_up: 500,
        fixed_rate: 2_000,
        in_flight: 900,
        step: 600,
        idle: 100,
    };
    /// Of `--quick`.
    pub const QUICK: Self = Self {
        warm_up: 300,
        fixed_rate: 700,
        in_flight: 400,
        step: 300,
        idle: 100,
    };
    /// Of `--full`: six rounds give p99.9 its 400,000 samples at 10,000/s.
    pub const FULL: Self = Self {
        warm_up: 1_000,
        fixed_rate: 7_000,
        in_flight: 3_000,
        step: 600,
        idle: 500,
    };

    /// That of a run.
    #[must_use]
    pub const fn of(settings: &Settings) -> Self {
        Self {
            warm_up: settings.warm_up_ms,
            fixed_rate: settings.fixed_rate_ms,
            in_flight: settings.in_flight_ms,
            step: settings.step_ms,
            idle: settings.idle_ms,
        }
    }

    /// Makes it that of a run.
    #[cfg(test)]
    pub(crate) const fn set(self, settings: &mut Settings) {
        settings.warm_up_ms = self.warm_up;
        settings.fixed_rate_ms = self.fixed_rate;
        settings.in_flight_ms = self.in_flight;
        settings.step_ms = self.step;
        settings.idle_ms = self.idle;
    }

    /// Whether a flag stands for it, `--quick` typed or not; another one
    /// needs a plan file.
    #[must_use]
    pub fn has_flag(self, quick: bool) -> bool {
        match quick {
            true => self == Self::QUICK,
            false => [Self::DEFAULT, Self::FULL].contains(&self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_stands_for_its_own_windows_alone() {
        let odd = Timing { idle: 101, ..Timing::DEFAULT };
        for (timing, quick, has) in [
            (Timing::DEFAULT, false, true),
            (Timing::FULL, false, true),
            (Timing::QUICK, true, true),
            (Timing::QUICK, false, false),
            (Timing::DEFAULT, true, false),
            (odd, false, false),
        ] {
            assert_eq!(timing.has_flag(quick), has, "{timing:?} {quick}");
        }
    }
}
