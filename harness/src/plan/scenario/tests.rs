//! Names, points and what each workload changes.

use super::*;
use crate::scripted::settings;

#[test]
fn a_name_is_read_back_as_the_workload_it_is_of() {
    for series in SERIES {
        let all = Scenario::all_of(series, 10_000, false);
        assert!(!all.is_empty(), "{series}");
        for scenario in all {
            assert_eq!(scenario.series(), series);
            assert_eq!(scenario.name().parse(), Ok(scenario));
        }
    }
    for bad in ["", "scale", "scale@", "scale@0", "load@3", "idle@-1"] {
        assert!(bad.parse::<Scenario>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_curve_ends_at_what_was_asked_for_and_never_above() {
    let points = |series: &str, connections, quick| -> Vec<u32> {
        let all = Scenario::all_of(series, connections, quick).into_iter();
        all.filter_map(Scenario::point).collect()
    };
    let scale = [1, 10, 100, 1_000, 2_000, 5_000, 10_000];
    assert_eq!(points("scale", 10_000, false), scale);
    assert_eq!(points("scale", 19_000, false)[6..], [10_000, 19_000]);
    assert_eq!(points("scale", 500, false), [1, 10, 100, 500]);
    assert_eq!(points("scale", 1, false), [1]);
    assert_eq!(points("scale", 500, true), [10, 500]);
    let idle = [2_000, 4_000, 6_000, 8_000, 10_000];
    assert_eq!(points("idle", 10_000, false), idle);
    assert_eq!(points("idle", 2, false), [1, 2]);
    assert_eq!(points("handler", 9, false), [0, 10, 50, 200]);
}

#[test]
fn workloads_draw_from_seeds_of_their_own() {
    let all = SERIES
        .iter()
        .flat_map(|series| Scenario::all_of(series, 10_000, false).into_iter());
    let mut numbers: Vec<u64> = all.map(Scenario::number).collect();
    assert_eq!(numbers[..2], [0, 1], "as in runs of before");
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count);
}

#[test]
fn no_workload_has_more_in_flight_than_connections() {
    for series in SERIES {
        for scenario in Scenario::all_of(series, 10_000, false) {
            let own = settings().at(scenario);
            let active = scenario.active(&own).unwrap_or(own.connections);
            assert!(active <= own.connections, "{scenario}");
            if scenario.holds() && scenario != Scenario::Load {
                assert!(own.in_flight <= own.connections, "{scenario}");
                assert_eq!(own.step_ms, 0, "{scenario}");
            }
        }
    }
}
