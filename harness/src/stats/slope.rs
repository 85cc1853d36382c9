//! The slope of a line through points of which some are far off.
//!
//! Theil (1950) and Sen (1968): the median of the slopes between every two
//! points. Nearly a third of the points may be anything without moving it.
//!
//! Refuses to do: leave a point out.

use super::median;

/// The slope through `(x, y)` points; `None` where no two differ in `x`.
#[must_use]
pub fn theil_sen(points: &[(f64, f64)]) -> Option<f64> {
    let pairs = points.iter().enumerate().flat_map(|(at, a)| {
        points[at + 1..].iter().map(move |b| (b.0 - a.0, b.1 - a.1))
    });
    let slopes: Vec<f64> = pairs
        .filter(|(across, _)| across.abs() > 0.0)
        .map(|(across, up)| up / across)
        .collect();
    median(&slopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_middle_of_the_slopes_between_every_two() {
        let points =
            [(0.0, 1.0), (1.0, 3.0), (2.0, 4.0), (3.0, 9.0), (5.0, 8.0)];
        let slope = theil_sen(&points).unwrap();
        // Of -0.5, 1, 1.25, 1.33, 1.4, 1.5, 2, 2.67, 3 and 5.
        assert!((slope - 1.45).abs() < 1e-12, "{slope}");
    }

    #[test]
    fn one_wild_point_of_five_moves_nothing() {
        let line = |x: f64| (x, 7.0 + 2.0 * x);
        let mut points: Vec<(f64, f64)> =
            (0..5).map(|x| line(f64::from(x))).collect();
        assert_eq!(theil_sen(&points), Some(2.0));
        points[3].1 = 1e9;
        assert_eq!(theil_sen(&points), Some(2.0));
    }

    #[test]
    fn points_above_one_another_have_no_slope() {
        assert_eq!(theil_sen(&[]), None);
        assert_eq!(theil_sen(&[(1.0, 1.0)]), None);
        assert_eq!(theil_sen(&[(1.0, 1.0), (1.0, 5.0)]), None);
    }
}
