//! Plans as data: what is asked for, and the trials that come of it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Scenario::Load;
use super::make::{
    Request, make, round_time, rounds_within, total_time, with_rounds,
};
use super::order::{Target, spec};
use super::*;
use crate::scripted::settings;

fn lane(id: &str) -> Lane {
    Lane {
        name: id.into(),
        server: id.into(),
        control: None,
        shipped: None,
        family: "threads".into(),
        model: "m".into(),
        status: "maintained".into(),
        outside: false,
        parallel: false,
        warm_up_ms: 0,
        conformance: None,
    }
}

fn request(rounds: u32, seed: u64) -> Request {
    Request {
        seed,
        rounds,
        scenarios: vec![Scenario::Classic, Scenario::Load],
        selected: vec![lane("a"), lane("b"), lane("c")],
        shipped: Vec::new(),
        reference: Some(lane("b")),
        spin: true,
        settings: settings(),
        skipped: Vec::new(),
        lacking: Vec::new(),
    }
}

#[test]
fn each_round_holds_every_lane_and_scenario_once() {
    let plan = make(request(6, 1));
    for round in 1..=6 {
        let names: Vec<_> = plan
            .trials
            .iter()
            .filter(|trial| trial.round == round)
            .map(|trial| (trial.scenario, trial.lane.as_str()))
            .collect();
        let different: BTreeSet<_> = names.iter().collect();
        // Four lanes twice, and the one that spins held only.
        assert_eq!(names.len(), 9);
        assert_eq!(different.len(), 9);
    }
}

#[test]
fn the_reference_runs_twice_under_two_names_and_once_with_a_spin() {
    let plan = make(request(1, 1));
    let names: Vec<_> =
        plan.lanes.iter().map(|lane| lane.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "b@same", "b@+5%"]);
    assert_eq!(plan.lanes[3].control, Some(Control::Same));
    assert_eq!(plan.lanes[4].control, Some(Control::Spin));
    let without = make(Request { spin: false, ..request(1, 1) });
    assert_eq!(without.lanes, plan.lanes[..4]);
    let scenarios = vec![Scenario::Classic];
    let classic = make(Request { scenarios, ..request(1, 1) });
    assert_eq!(classic.lanes, plan.lanes[..4]);
}

/// What 5 % are is known only then.
#[test]
fn the_spin_waits_for_the_reference_in_the_first_round() {
    for seed in 0..40 {
        for selected in [vec![lane("a"), lane("b")], vec![lane("a")]] {
            let plan = make(Request { selected, ..request(1, seed) });
            let place = |name: &str| {
                let held = |t: &Trial| t.scenario == Scenario::Load;
                let mut held = plan.trials.iter().filter(|t| held(t));
                held.position(|trial| trial.lane == name).unwrap()
            };
            assert!(place("b") < place("b@+5%"), "seed {seed}");
        }
    }
}

#[test]
fn a_reference_that_was_not_selected_is_a_control() {
    let selected = vec![lane("a")];
    let plan = make(Request { selected, ..request(1, 1) });
    let controls: Vec<_> = plan.lanes.iter().map(|lane| lane.control).collect();
    let expected = [
        None,
        Some(Control::Reference),
        Some(Control::Same),
        Some(Control::Spin),
    ];
    assert_eq!(controls, expected);
}

#[test]
fn lanes_as_shipped_run_in_every_round_and_nobody_is_spun_after_them() {
    let shipped = Shipped { backlog: Some(128), ..Shipped::default() };
    let request = |rounds, seed| Request {
        shipped: ["a", "b"].map(|id| lane(id).as_shipped(shipped)).to_vec(),
        ..request(rounds, seed)
    };
    for seed in 0..40 {
        let plan = make(request(2, seed));
        let of = |lane: &str, scenario| {
            let mut all = plan.trials.iter().enumerate();
            let own = |t: &Trial| t.lane == lane && t.scenario == scenario;
            all.find(|(_, trial)| own(trial)).unwrap()
        };
        let held = Scenario::Load;
        assert!(of("b", held).0 < of("b@+5%", held).0, "seed {seed}");
        let (own, every) = (of("a@shipped", held), of("a", held));
        assert_eq!(own.1.seed, every.1.seed, "they meet the same load");
        let own = |t: &&Trial| t.lane == "a@shipped";
        // A short queue costs seconds of the clients' patience.
        let time = |lane: &str| {
            let trials = plan.trials.iter().filter(|it| it.lane == lane);
            total_time(&plan, trials)
        };
        assert!(time("a@shipped") > time("a") + Duration::from_secs(2));
        assert_eq!(plan.trials.iter().filter(own).count(), 4);
        assert_eq!(with_rounds(&plan, 5), make(request(5, seed)));
    }
}

#[test]
fn a_lane_as_shipped_gets_its_own_flags_and_the_common_load() {
    let shipped =
        Shipped { backlog: Some(128), workers: Some(3), ..Shipped::default() };
    let shipped = vec![lane("a").as_shipped(shipped)];
    let plan = make(Request { shipped, ..request(1, 1) });
    let served = plan.served_with("a@shipped", Load);
    assert_eq!((served.backlog, served.workers), (128, 3));
    assert_eq!(served.buffer_bytes, plan.settings.buffer_bytes);
    assert_eq!(plan.served_with("a", Load), plan.settings_for("a", Load));
    assert_eq!(
        plan.settings_for("a@shipped", Load),
        plan.settings_for("a", Load)
    );
}

#[test]
fn orders_differ_between_rounds_and_repeat_with_the_seed() {
    let plan = make(request(8, 1));
    let order = |round| -> Vec<_> {
        let of_round = plan.trials.iter().filter(|t| t.round == round);
        of_round.map(|t| t.lane.clone()).collect()
    };
    let different: BTreeSet<_> = (1..=8).map(order).collect();
    assert!(different.len() > 4, "{different:?}");
    assert_eq!(make(request(8, 1)).trials, plan.trials);
    assert_ne!(make(request(8, 2)).trials, plan.trials);
}

#[test]
fn a_longer_plan_begins_with_the_shorter_one() {
    let (short, long) = (make(request(2, 1)), make(request(5, 1)));
    assert_eq!(long.trials[..short.trials.len()], short.trials);
    assert_eq!(with_rounds(&short, 5), long);
    let selected = vec![lane("a")];
    let alone = make(Request { selected, ..request(2, 1) });
    assert_eq!(with_rounds(&alone, 2), alone);
    let quick = make(Request { spin: false, ..request(2, 1) });
    assert_eq!(with_rounds(&quick, 2), quick);
}

#[test]
fn the_time_of_a_round_is_that_of_its_trials() {
    let request = request(3, 1);
    let plan = make(request.clone());
    let all = total_time(&plan, &plan.trials);
    assert_eq!(round_time(&request) * 3, all);
}

#[test]
fn lanes_of_a_round_meet_the_same_load() {
    let plan = make(request(3, 1));
    for trial in &plan.trials {
        let twin = plan.trials.iter().find(|other| {
            (other.round, other.scenario) == (trial.round, trial.scenario)
        });
        assert_eq!(twin.unwrap().seed, trial.seed);
    }
    let seeds: BTreeSet<_> = plan.trials.iter().map(|t| t.seed).collect();
    assert_eq!(seeds.len(), 6);
}

#[test]
fn a_budget_cuts_rounds_but_never_the_last() {
    let one = Duration::from_secs(60);
    assert_eq!(rounds_within(Duration::from_secs(600), one, 6), 6);
    assert_eq!(rounds_within(Duration::from_secs(200), one, 6), 3);
    assert_eq!(rounds_within(Duration::ZERO, one, 6), 1);
}

#[test]
fn the_default_run_of_six_servers_fits_nine_minutes() {
    let selected = ["a", "b", "c", "d", "e", "f"].map(lane).to_vec();
    let settings = Settings {
        idle_ms: 100,
        in_flight_ms: 900,
        step_ms: 600,
        ..settings()
    };
    let plan = make(Request { selected, settings, ..request(6, 1) });
    let time = total_time(&plan, &plan.trials);
    assert!(time < Duration::from_secs(540), "{time:?}");
}

#[test]
fn the_order_names_the_server_and_keeps_its_backlog_from_overflowing() {
    let plan = make(request(1, 1));
    let target = Target {
        addr: "127.0.0.1:7".parse().unwrap(),
        pids: &[42],
        irq_time_apart: true,
    };
    for trial in &plan.trials {
        let spec = spec(&plan.settings, trial, &target);
        assert!(spec.max_connecting < plan.settings.backlog);
        assert_eq!(spec.connections, 10_000);
        assert_eq!(spec.server_pids, [42]);
        assert_eq!((spec.cpus, spec.softirq_cpus), (vec![1], vec![0]));
        assert!(spec.stay_awake, "its CPUs are the client's own");
        let placement = Placement::Shared;
        let shared = Settings { placement, ..plan.settings.clone() };
        assert!(!super::order::spec(&shared, trial, &target).stay_awake);
    }
}

#[test]
fn a_runtime_that_compiles_while_it_runs_is_warmed_for_longer() {
    let mut slow = lane("a");
    slow.warm_up_ms = 3_000;
    let plan =
        make(Request { selected: vec![slow, lane("b")], ..request(1, 1) });
    assert_eq!(plan.settings_for("a", Load).warm_up_ms, 3_000);
    // The run's own warm-up is the least there is.
    assert_eq!(
        plan.settings_for("b", Load).warm_up_ms,
        plan.settings.warm_up_ms
    );
    let time = |lane: &str| {
        let trials = plan.trials.iter().filter(|trial| trial.lane == lane);
        total_time(&plan, trials)
    };
    assert!(time("a") >= time("b") + Duration::from_millis(2_500));
}

#[test]
fn the_ladder_doubles_the_rate_between_the_fixed_one_and_the_closed_loop() {
    let plan = make(request(1, 1));
    let target = Target {
        addr: "127.0.0.1:7".parse().unwrap(),
        pids: &[42],
        irq_time_apart: false,
    };
    let held = |t: &&Trial| t.scenario == Scenario::Load;
    let trial = plan.trials.iter().find(held).unwrap();
    let windows = |step_ms| {
        let settings = Settings { step_ms, ..settings() };
        let wire::Work::Hold { windows, .. } =
            spec(&settings, trial, &target).work
        else {
            panic!("load holds its connections");
        };
        windows
    };
    let ladder = windows(600);
    let steps: Vec<(&str, bool)> =
        ladder.iter().map(|w| (w.name.as_str(), w.step)).collect();
    let expected = [
        ("fixed_rate", false),
        ("step_20000", true),
        ("step_40000", true),
        ("step_80000", true),
        ("step_160000", true),
        ("step_320000", true),
        ("in_flight", false),
    ];
    assert_eq!(steps, expected);
    assert_eq!(windows(0).len(), 2);
}
