//! How far launches are kept apart: what holds for root, for a plain user and
//! for one without rights, and that nothing of it stays.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use harness::plan::{Level, Plan};
use harness::record::{Measurement, Outcome};
use serde_json::Value;
use wire::Load;

use crate::Ignored;
use crate::bed::{
    Bed, HARNESS, PATIENCE, can, fixture, harness, only_run, script,
};
use crate::guard::{Guarded, command, output, wait_until};
use crate::tests;
use crate::unfit::{is_root, refused_before_anything_ran};

tests![
    with_all_rights_a_launch_is_kept_apart_and_its_packets_are_counted,
    a_pinned_run_claims_no_packets_and_compares_with_none_but_its_like,
    a_plain_user_gets_networks_through_a_user_namespace,
    a_level_that_is_refused_ends_the_run_before_it_begins,
    auto_does_without_what_is_refused_and_says_so,
    a_server_is_not_to_be_reached_and_a_killed_run_leaves_nothing,
];

/// What a run does that is told to take what there is.
const AUTO: [&str; 4] = ["--scenario", "load", "--isolation", "auto"];

fn root_in_a_namespace() -> Result<(), Ignored> {
    if !is_root() {
        return Err(Ignored("it takes root".into()));
    }
    can("no network namespace", "unshare", &["--net", "true"])
}

fn plan(bed: &Bed) -> Plan {
    let path = only_run(&bed.path("results")).join("plan.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn measurement(outcome: Outcome) -> Measurement {
    match outcome {
        Outcome::Measured(measurement) => *measurement,
        other => panic!("{other:?}"),
    }
}

/// Control groups that a run of this process has left.
fn left_by(harness: u32) -> Vec<PathBuf> {
    let of = format!("echo-launch-{harness}-");
    let (mut left, mut found) = (vec!["/sys/fs/cgroup".into()], Vec::new());
    while let Some(path) = left.pop() {
        let Ok(entries) = fs::read_dir::<PathBuf>(path) else { continue };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&of) {
                found.push(entry.path());
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                left.push(entry.path());
            }
        }
    }
    found
}

/// Two to four packets an echo in the closed loop: a request and its echo,
/// and at most an acknowledgement of each alone. At a fixed rate a late
/// client sends several messages in one.
fn counts_packets(measured: &Measurement) {
    const AT_THE_EDGES: u64 = 4 * 64;
    for window in &measured.report.windows {
        let (packets, echoes) = (window.packets, window.echoes_in_window);
        let packets = packets.expect("counted in a network of its own");
        if let Load::InFlight { .. } = window.load {
            let (few, many) = (2 * echoes, 4 * echoes + AT_THE_EDGES);
            let kept = packets + AT_THE_EDGES >= few && packets <= many;
            assert!(kept, "{packets} packets for {echoes} echoes");
        }
    }
}

fn with_all_rights_a_launch_is_kept_apart_and_its_packets_are_counted()
-> Result<(), Ignored> {
    root_in_a_namespace()?;
    let bed = Bed::new();
    let mut run = Guarded::start(&mut bed.command(&AUTO));
    let pid = run.pid();
    let ran = bed.finish(&mut run);
    ran.exits_with(0).measured_the_good_one();
    let plan = plan(&bed);
    let levels = plan.settings.isolation;
    assert!(levels.netns, "{levels} with {:?}", plan.lacking);
    for level in Level::ALL {
        let lacks = plan.lacking.iter().any(|lack| lack.level == level);
        assert_ne!(levels.has(level), lacks, "{level:?}: {:?}", plan.lacking);
    }
    let measured = measurement(ran.outcome("good"));
    let in_force = measured.isolation.unwrap();
    assert_eq!(levels.first_beyond(in_force), None, "{in_force}");
    counts_packets(&measured);
    let name = measured.sockets.congestion_control;
    assert_eq!(name, plan.settings.congestion_control);
    if levels.cgroup {
        let group = measured.group.unwrap();
        assert!(group.cpu_ns > 0 && group.clocks_ns > 0, "{group:?}");
    }
    assert!(left_by(pid).is_empty());
    Ok(())
}

fn a_pinned_run_claims_no_packets_and_compares_with_none_but_its_like() {
    let bed = Bed::new();
    let ran = bed.run(&["--scenario", "load", "--isolation", "pin"]);
    ran.exits_with(0).measured_the_good_one();
    let measured = measurement(ran.outcome("good"));
    let in_force = measured.isolation.unwrap();
    assert_eq!(in_force.to_string(), "pin");
    assert_eq!(measured.group, None);
    let row = ran.row("good");
    let metrics = row["metrics"].as_object().unwrap();
    assert!(metrics.keys().all(|name| !name.contains("packets")), "{row:#}");
    let settings = plan(&bed).settings;
    assert_eq!(settings.isolation, in_force);
    assert_eq!(settings.congestion_control, None);
    // The same run as if it had been less isolated.
    let (run, other) = (only_run(&bed.path("results")), bed.path("other"));
    fs::create_dir(&other).unwrap();
    for entry in fs::read_dir(&run).unwrap().flatten() {
        fs::copy(entry.path(), other.join(entry.file_name())).unwrap();
    }
    let path = other.join("plan.json");
    let text = fs::read_to_string(&path).unwrap();
    let text =
        text.replace("\"isolation\": \"pin\"", "\"isolation\": \"plain\"");
    fs::write(path, text).unwrap();
    let (run, other) = (run.to_str().unwrap(), other.to_str().unwrap());
    let refused = output(&mut harness(&["compare", run, other]));
    let told = &refused.exits_with(5).stderr;
    let key = "isolation: \"pin\" against \"plain\"";
    assert!(told.contains(key), "{told}");
    let allowed = ["compare", run, other, "--allow-mismatch"];
    output(&mut harness(&allowed)).exits_with(0);
}

/// Has another program start the harness.
fn through(outer: &mut Command, inner: &Command) {
    outer.arg(HARNESS).args(inner.get_args());
    outer.current_dir(inner.get_current_dir().unwrap());
    for (name, value) in inner.get_envs() {
        value.map(|value| outer.env(name, value));
    }
}

/// The same command by a user without any right. It finds everything built:
/// what cargo would write is not this user's.
fn as_nobody(bed: &Bed, inner: &Command) -> Result<Command, Ignored> {
    const NOBODY: &str = "65534";
    let user = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"];
    if !is_root() {
        return Err(Ignored("it takes root to be somebody else".into()));
    }
    let fixture = fixture().to_str().unwrap();
    let readable = [&user[..], &[fixture, "--help"]].concat();
    can("the build is closed to other users", "setpriv", &readable)?;
    let inside = [&user[..], &["unshare", "--user", "--net", "true"]].concat();
    can("no user namespace", "setpriv", &inside)?;
    let tools = bed.path("tools");
    fs::create_dir(&tools).unwrap();
    script(&tools.join("cargo"), "exit 0");
    let path = std::env::var("PATH").unwrap_or_default();
    chown(bed.path("."), Some(65_534), Some(65_534)).unwrap();
    let mut outer = command("setpriv");
    through(outer.args(user), inner);
    outer.env("PATH", format!("{}:{path}", tools.display()));
    Ok(outer)
}

fn a_plain_user_gets_networks_through_a_user_namespace() -> Result<(), Ignored>
{
    let bed = Bed::new();
    let mut command = as_nobody(&bed, &bed.command(&AUTO))?;
    let ran = bed.finish(&mut Guarded::start(&mut command));
    ran.exits_with(0).measured_the_good_one();
    let plan = plan(&bed);
    assert!(plan.settings.isolation.netns, "{:?}", plan.lacking);
    let measured = measurement(ran.outcome("good"));
    assert!(measured.isolation.unwrap().netns);
    assert!(measured.sockets.congestion_control.is_some(), "not read back");
    counts_packets(&measured);
    Ok(())
}

/// The same command where no network can be made, whoever asks.
fn without_networks(inner: &Command) -> Result<Command, Ignored> {
    let script = "echo 0 > /proc/sys/user/max_net_namespaces && exec \"$@\"";
    let user = ["--user", "--map-root-user", "sh", "-c", script, "sh"];
    can("no user namespace", "unshare", &[&user[..], &["true"]].concat())?;
    let mut outer = command("unshare");
    through(outer.args(user), inner);
    Ok(outer)
}

fn a_level_that_is_refused_ends_the_run_before_it_begins() -> Result<(), Ignored>
{
    let bed = Bed::new();
    let inner = bed.command(&["--isolation", "pin,netns"]);
    let finished = output(&mut without_networks(&inner)?);
    let words = ["netns can't be had", "max_net_namespaces", "auto"];
    refused_before_anything_ran(&bed, &finished, &words);
    let mut duel = harness(&["duel", "good", "good", "--isolation", "netns"]);
    duel.args(bed.server_dirs());
    output(&mut without_networks(&duel)?).exits_with(6);
    Ok(())
}

fn auto_does_without_what_is_refused_and_says_so() -> Result<(), Ignored> {
    let bed = Bed::new();
    let inner = bed.command(&["--scenario", "classic"]);
    let mut command = without_networks(&inner)?;
    let ran = bed.finish(&mut Guarded::start(&mut command));
    ran.exits_with(0).measured_the_good_one();
    let plan = plan(&bed);
    assert!(!plan.settings.isolation.netns);
    let lack = plan.lacking.iter().find(|lack| lack.level == Level::Netns);
    assert!(lack.unwrap().fix.contains("max_net_namespaces"), "{lack:?}");
    let run = only_run(&bed.path("results"));
    let shown = output(&mut harness(&["show", run.to_str().unwrap()]));
    let told = &shown.exits_with(0).stdout;
    assert!(told.contains("Not kept apart by netns"), "{told}");
    let doctor = harness(&["doctor", "--json"]);
    let finished = output(&mut without_networks(&doctor)?);
    let checks: Value = serde_json::from_str(&finished.stdout).unwrap();
    for (level, verdict) in [("pin", "ok"), ("netns", "warn")] {
        let name = format!("isolation {level}");
        let mut checks = checks.as_array().unwrap().iter();
        let check = checks.find(|check| check["name"] == *name).unwrap();
        assert_eq!(check["verdict"], verdict, "{check:#}");
        assert_eq!(check["fix"].is_null(), verdict == "ok", "{check:#}");
    }
    Ok(())
}

/// Where processes listen in the network of another process.
fn listening(pid: u32) -> Vec<SocketAddr> {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/net/tcp")) else {
        return Vec::new();
    };
    let port = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next()?, words.nth(1)?);
        let port = local.split_once(':')?.1;
        (state == "0A").then(|| u16::from_str_radix(port, 16).ok())?
    };
    let ports = text.lines().filter_map(port);
    ports.map(|port| ([127, 0, 0, 1], port).into()).collect()
}

/// The network of a process.
fn network(pid: &str) -> Option<u64> {
    Some(fs::metadata(format!("/proc/{pid}/ns/net")).ok()?.ino())
}

fn a_server_is_not_to_be_reached_and_a_killed_run_leaves_nothing()
-> Result<(), Ignored> {
    root_in_a_namespace()?;
    let bed = Bed::new();
    let mut run = Guarded::start(&mut bed.command(&AUTO));
    let harness_pid = run.pid();
    let mut found = None;
    let begun = wait_until(PATIENCE, || {
        let server = run.offspring_named("fixture");
        found = server.filter(|&pid| !listening(pid).is_empty());
        found.is_some() || run.has_ended()
    });
    let server = found.unwrap_or_else(|| panic!("{begun}: {}", run.stderr()));
    let inside = network(&server.to_string());
    assert!(inside.is_some() && inside != network("self"));
    for addr in listening(server) {
        let outside = TcpStream::connect(addr);
        assert!(outside.is_err(), "{addr} was reached from outside");
    }
    run.kill();
    run.leaves_nothing(Duration::from_secs(10));
    let all = fs::read_dir("/proc").unwrap().flatten();
    let mut names =
        all.filter_map(|entry| entry.file_name().into_string().ok());
    assert!(names.all(|pid| network(&pid) != inside), "somebody is in it");
    // A group can outlive its maker, until the next run.
    let next = harness(&["run", "rust-mio", "--dry-run", "--quick"]);
    output(&mut { next }).exits_with(0);
    assert!(left_by(harness_pid).is_empty());
    Ok(())
}
