//! Each way a launch can fail its checks.

use super::*;
use crate::plan::Scenario::{Classic, Load};
use crate::record::{Gate, Measurement};
use crate::scripted::{self, bare, full};

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= expected.abs() * 2e-3
}

#[test]
fn each_gate_fails_by_what_it_is_named_for() {
    let settings = scripted::settings();
    type Damage = fn(&mut Measurement);
    let cases: [(Damage, &str, f64); 13] = [
        (|m| m.report.windows[0].bytes_verified -= 7, CONSERVATION, 7.0),
        (|m| m.report.windows[0].echoed -= 1, CONSERVATION, 100.0),
        (|m| m.report.proof = None, PROOF, 0.0),
        (
            |m| m.report.proof.as_mut().unwrap().second_echoes = 9_999,
            PROOF,
            9_999.0,
        ),
        (|m| m.report.proof.as_mut().unwrap().second_sweep_ns = 9, PROOF, 0.0),
        (
            |m| m.census.as_mut().unwrap().server_established = 9_998,
            CENSUS,
            9_998.0,
        ),
        (|m| m.report.windows[0].sent_in_time = 19_970, SENT_IN_TIME, 99.85),
        (
            |m| {
                m.report.windows[0].censored = 3;
                m.report.windows[0].echoed -= 3;
            },
            CENSORED,
            3.0,
        ),
        (
            |m| {
                let window = &mut m.report.windows[1];
                window.fairness.as_mut().unwrap().starved = 2;
            },
            STARVED,
            2.0,
        ),
        // A percent and a half of a second of 256 in flight.
        (|m| overlap(m).before_ns -= 3_840_000_000, LITTLE, 1.5),
        (|m| overlap(m).before_ns += 3_840_000_000, LITTLE, 1.5),
        // One message in fifty of them at ten times as much.
        (
            |m| m.report.windows[0].slip = scripted::histogram(20, 20_000),
            SLIP,
            200.0,
        ),
        (
            |m| m.report.windows[1].client_busy_ns = 900_000_000,
            CLIENT_BUSY,
            90.0,
        ),
    ];
    let sound = full(Load, 10.0, 100);
    assert!(gates(&sound, &settings, Load).iter().all(|gate| gate.pass));
    assert_eq!(gates(&sound, &settings, Load).len(), 17);
    for (damage, name, value) in cases {
        let mut launch = sound.clone();
        damage(&mut launch);
        let all = gates(&launch, &settings, Load);
        let failed: Vec<&Gate> = all.iter().filter(|g| !g.pass).collect();
        assert_eq!(failed.len(), 1, "{name}: {failed:?}");
        assert_eq!(failed[0].name, name);
        assert!(close(failed[0].value, value), "{failed:?}");
    }
}

fn overlap(launch: &mut Measurement) -> &mut wire::Overlap {
    launch.report.windows[1].overlap.as_mut().unwrap()
}

#[test]
fn the_client_may_be_late_by_a_tenth_of_the_response() {
    let settings = scripted::settings();
    let mut launch = full(Load, 10.0, 1_000);
    launch.report.windows[0].slip = scripted::histogram(90, 20_000);
    let all = gates(&launch, &settings, Load);
    let slip = all.iter().find(|gate| gate.name == SLIP).unwrap();
    assert!(slip.pass && close(slip.limit, 1_000.0), "{slip:?}");
}

#[test]
fn a_classic_launch_needs_an_echo_from_every_connection() {
    let settings = scripted::settings();
    let mut launch = bare(Classic, 400.0);
    assert!(gates(&launch, &settings, Classic)[0].pass);
    launch.report.classic.as_mut().unwrap().echo =
        scripted::histogram(90, 9_999);
    let gate = &gates(&launch, &settings, Classic)[0];
    assert_eq!((gate.pass, gate.value), (false, 1.0));
}

#[test]
fn an_originals_client_needs_an_echo_for_every_connection_too() {
    let mut settings = scripted::settings();
    settings.client = "original-cpp".into();
    let mut launch = bare(Classic, 400.0);
    launch.report.classic.as_mut().unwrap().echo = String::new();
    assert!(gates(&launch, &settings, Classic)[0].pass);
    launch.report.connections.established -= 1;
    let gate = &gates(&launch, &settings, Classic)[0];
    assert_eq!((gate.pass, gate.value), (false, 1.0));
}

#[test]
fn a_saturated_server_is_not_called_client_limited() {
    let mut launch = bare(Load, 10.0);
    let settings = scripted::settings();
    launch.report.windows[1].client_busy_ns = 900_000_000;
    assert!(limited_by_client(&launch.report, &settings));
    launch.report.windows[1].server.as_mut().unwrap().cpu_ns = 960_000_000;
    assert!(!limited_by_client(&launch.report, &settings));
    launch.report.windows[1].server = None;
    assert!(
        limited_by_client(&launch.report, &settings),
        "a lower bound is safe"
    );
}
