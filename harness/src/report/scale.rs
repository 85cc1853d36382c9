//! From values to places on an axis.
//!
//! Refuses to do: show a value beside the axis; what lies beyond an end is
//! drawn at that end.

use crate::units::Plain;

/// An axis between two places, in the units of the drawing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    logarithmic: bool,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// A logarithmic axis that holds all positive values.
    pub(super) fn logarithmic(values: &[f64], from: f64, to: f64) -> Self {
        const MARGIN: f64 = 1.06;
        let sound = || values.iter().copied().filter(|v| v.is_normal());
        let positive = || sound().filter(|value| *value > 0.0);
        let low = positive().fold(f64::INFINITY, f64::min);
        let high = positive().fold(0.0, f64::max);
        if high <= 0.0 {
            return Self { logarithmic: true, low: 0.1, high: 10.0, from, to };
        }
        let (low, high) = (low / MARGIN, high * MARGIN);
        Self { logarithmic: true, low, high, from, to }
    }

    /// A linear axis from zero that holds all values.
    pub(super) fn linear(values: &[f64], from: f64, to: f64) -> Self {
        let highest = values.iter().copied().filter(|v| v.is_finite());
        let high = highest.fold(0.0, f64::max);
        let high = if high > 0.0 { high } else { 1.0 };
        Self { logarithmic: false, low: 0.0, high, from, to }
    }

    /// Where a value lies.
    pub(super) fn at(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        let part = if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + part * (self.to - self.from)
    }

    /// Round values for its marks, at most about `most`.
    pub(super) fn ticks(&self, most: usize) -> Vec<f64> {
        let candidates: [&[f64]; 4] = if self.logarithmic {
            let wide = self.high / self.low > 3.0;
            let fine: &[f64] = &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0];
            let middle: &[f64] = &[1.0, 1.5, 2.0, 3.0, 5.0];
            let fine = if wide { middle } else { fine };
            [fine, &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]]
        } else {
            return self.steps(most);
        };
        let sets = candidates.map(|digits| self.of_digits(digits));
        let fits = sets.iter().find(|ticks| ticks.len() <= most);
        fits.unwrap_or(&sets[3]).clone()
    }

    fn of_digits(&self, digits: &[f64]) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor(), self.high.log10());
        let mut out = Vec::new();
        let mut power = first;
        while power <= last {
            let scaled = digits.iter().map(|digit| digit * 10_f64.powf(power));
            out.extend(
                scaled.filter(|tick| (self.low..=self.high).contains(tick)),
            );
            power += 1.0;
        }
        out
    }

    fn steps(&self, most: usize) -> Vec<f64> {
        let mut step = 10_f64.powf(self.high.log10().floor() - 1.0);
        let factors = [2.0, 2.5, 2.0];
        let mut next = factors.iter().cycle();
        let most = u32::try_from(most).map_or(4.0, f64::from);
        while self.high / step > most {
            step *= next.next().unwrap_or(&2.0);
        }
        let mut out = Vec::new();
        let mut tick = 0.0;
        while tick <= self.high {
            out.push(tick);
            tick += step;
        }
        out
    }
}

/// A mark's label: no decimals that say nothing.
pub(super) fn label(value: f64) -> String {
    let text = Plain(value).to_string();
    let digits = text.trim_end_matches(['k', 'M']);
    let suffix = &text[digits.len()..];
    let short = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    };
    match value {
        // Three digits hide what is small.
        small if small > 0.0 && small < 0.1 => format!("{small:.3}")
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        _ => format!("{short}{suffix}"),
    }
}

/// A place as the drawing's text holds it.
pub(super) fn px(place: f64) -> String {
    let text = format!("{place:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_gives_equal_ratios_equal_room() {
        let scale = Scale::logarithmic(&[1.0, 100.0], 0.0, 300.0);
        let apart = |a: f64, b: f64| scale.at(b) - scale.at(a);
        assert!((apart(1.0, 10.0) - apart(10.0, 100.0)).abs() < 1e-9);
        assert_eq!(scale.ticks(3), [1.0, 10.0, 100.0]);
    }

    #[test]
    fn nothing_lies_beside_an_axis_and_no_value_breaks_it() {
        let empty = Scale::logarithmic(&[], 10.0, 20.0);
        let odd = Scale::logarithmic(&[0.0, -1.0, f64::NAN, 5.0], 10.0, 20.0);
        let flat = Scale::linear(&[0.0], 10.0, 20.0);
        for scale in [empty, odd, flat] {
            for value in [-1.0, 0.0, 1e-9, 5.0, 1e9] {
                let place = scale.at(value);
                assert!((10.0..=20.0).contains(&place), "{scale:?} {value}");
            }
            assert!(scale.ticks(5).len() <= 6, "{scale:?}");
        }
    }

    #[test]
    fn labels_are_short() {
        let labels = [(0.02, "0.02"), (0.5, "0.5"), (1.0, "1"), (2e4, "20k")];
        for (value, text) in labels {
            assert_eq!(label(value), text);
        }
        assert_eq!(px(12.04), "12");
        assert_eq!(px(-3.26), "-3.3");
    }
}
