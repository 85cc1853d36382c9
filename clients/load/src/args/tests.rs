//! What is accepted, what it means, what is refused.

use clap::CommandFactory as _;

use super::*;

fn spec(line: &str) -> Spec {
    let words = std::iter::once("load").chain(line.split_whitespace());
    Args::try_parse_from(words).unwrap().spec().unwrap()
}

fn refused(line: &str) -> bool {
    let words = std::iter::once("load").chain(line.split_whitespace());
    Args::try_parse_from(words).is_err()
}

#[test]
fn the_command_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn an_address_alone_is_the_classic_test() {
    let spec = spec("127.0.0.1:8080");
    assert_eq!(spec.work, Work::Classic);
    assert_eq!(spec.connections, 10_000);
    assert_eq!(spec.payload_bytes, 100);
    assert_eq!(spec.max_connecting, 4_000);
}

#[test]
fn hold_with_a_rate_is_one_open_window() {
    let spec = spec("[::1]:80 --hold 50 --rate 2e4 --duration 250ms");
    assert_eq!((spec.connections, spec.max_connecting), (50, 512));
    let Work::Hold { await_go: false, turns: false, windows } = spec.work
    else {
        panic!("{spec:?}");
    };
    let load = Load::Rate { per_s: 2e4, arrivals: Arrivals::Poisson };
    assert_eq!(windows[0].load, load);
    assert_eq!(windows[0].warm_up_ms, 1000);
    assert_eq!(windows[0].duration_ms, 250);
}

#[test]
fn churn_is_one_window_of_sessions() {
    let spec = spec("[::1]:80 -c 20 --churn 500 --echoes 3 --duration 1s");
    assert_eq!(spec.connections, 20);
    let Work::Churn { window } = spec.work else { panic!("{spec:?}") };
    let arrivals = Arrivals::Poisson;
    let load = Load::Sessions { per_s: 500.0, arrivals, echoes: 3 };
    assert_eq!((window.load, window.duration_ms), (load, 1000));
}

#[test]
fn cpus_are_numbers_and_ranges() {
    assert_eq!(parse_cpus("2-4,7").unwrap().0, [2, 3, 4, 7]);
    for bad in ["", "x", "3-1", "1,", "-1", "0-99999999"] {
        assert!(parse_cpus(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    for line in [
        "",
        "127.0.0.1:1 --hold 5",
        "127.0.0.1:1 --rate 5",
        "127.0.0.1:1 --hold 5 --rate 1 --in-flight 1",
        "127.0.0.1:1 --hold 5 -c 5 --rate 1",
        "127.0.0.1:1 --duration 5s",
        "127.0.0.1:1 --hold 5 --in-flight 5 --arrivals uniform",
        "127.0.0.1:1 --echoes 3",
        "127.0.0.1:1 --hold 5 --rate 1 --churn 5",
        "127.0.0.1:1 --rate 1 --churn 5",
        "127.0.0.1:1 -c x",
        "127.0.0.1:1 --agent",
        "127.0.0.1:1 --server-pid 0",
        "127.0.0.1:1 --payload 0",
        "127.0.0.1:1 --payload 1073741825",
        "127.0.0.1:1 --label \u{1b}[31m",
    ] {
        assert!(refused(line), "{line}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_an_example() {
    let args = Args::try_parse_from(["load", "nonsense"]).unwrap();
    let error = args.spec().unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("HOST:PORT"), "{error}");
}
