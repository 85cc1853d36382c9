//! `doctor`: what this machine can carry, and how to mend what it can't.

use anyhow::Result;
use serde::Serialize;

use crate::catalog::Catalog;
use crate::cli::Doctor;
use crate::exit::{DONE, UNFIT};
use crate::host::Host;
use crate::host::inspect::{cpus, inspect, line, number};
use crate::isolation::rights::{self, Traits};
use crate::plan::place::place;
use crate::plan::{Lack, Level, Placement, Wanted};
use crate::{preflight, sample, store};

/// One check as `doctor --json` shows it.
#[derive(Debug, Serialize)]
struct Check {
    name: String,
    verdict: Verdict,
    /// What there is and why it matters.
    found: String,
    /// The command that mends it.
    fix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// Checks this machine. Nothing is changed.
pub(super) fn doctor(args: &Doctor) -> Result<u8> {
    let root = store::root()?;
    // First of all: it may have to come before a second thread.
    let (lacks, network) = rights::lacks(Wanted::Auto, 0)?;
    let allowed = preflight::raise_descriptor_limit();
    let host = inspect(&root);
    let mut checks = limits(args.connections, &host, allowed);
    checks.extend(threads(args.connections));
    checks.extend(quietness(&host));
    checks.extend(isolation(&lacks, network.as_ref()));
    checks.extend(toolchains(&Catalog::load(&root, &[])?));
    let unfit = checks.iter().any(|check| check.verdict == Verdict::Fail);
    if args.json {
        super::print(&serde_json::to_string_pretty(&checks)?)?;
    } else {
        let rows: Vec<Vec<String>> = checks.into_iter().map(cells).collect();
        let head = ["check", "", "found", "mend"];
        let text = super::grid(&head, &rows);
        super::print(&format!("{}\n{text}", facts(&host)))?;
    }
    Ok(if unfit { UNFIT } else { DONE })
}

fn cells(check: Check) -> Vec<String> {
    let verdict = match check.verdict {
        Verdict::Ok => "ok",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
    };
    let fix = check.fix.unwrap_or_default();
    vec![check.name, verdict.to_owned(), check.found, fix]
}

fn check(
    name: &str,
    good: bool,
    otherwise: Verdict,
    found: String,
    fix: &str,
) -> Check {
    let verdict = if good { Verdict::Ok } else { otherwise };
    let fix = (!good && !fix.is_empty()).then(|| fix.to_owned());
    Check { name: name.to_owned(), verdict, found, fix }
}

fn limits(connections: u32, host: &Host, allowed: u64) -> Vec<Check> {
    let need = u64::from(connections) + preflight::SPARE;
    let (range, resting) = (host.ephemeral_ports, sample::time_wait());
    let ports = preflight::ports(connections, range, resting);
    let [first, last] = range;
    let syn = number("/proc/sys/net/ipv4/tcp_max_syn_backlog");
    let reuse = line("/proc/sys/net/ipv4/tcp_tw_reuse");
    vec![
        check(
            "descriptors",
            allowed >= need,
            Verdict::Fail,
            format!("{allowed} allowed, {need} needed on either side"),
            &format!("ulimit -n {need}"),
        ),
        check(
            "local ports",
            ports.is_ok(),
            Verdict::Fail,
            format!(
                "{first}–{last} on {} addresses, {resting} in TIME_WAIT",
                preflight::SOURCES,
            ),
            "sysctl net.ipv4.ip_local_port_range='1024 65535'",
        ),
        check(
            "somaxconn",
            host.somaxconn >= 4096,
            Verdict::Warn,
            format!("{}: the longest backlog a server gets", host.somaxconn),
            "sysctl net.core.somaxconn=4096",
        ),
        check(
            "SYN backlog",
            syn.is_none_or(|syn| syn >= 512),
            Verdict::Warn,
            syn.map_or_else(|| "not told".into(), |syn| syn.to_string()),
            "sysctl net.ipv4.tcp_max_syn_backlog=4096",
        ),
        check(
            "TIME_WAIT reuse",
            reuse != "0",
            Verdict::Warn,
            format!("tcp_tw_reuse = {reuse}"),
            "sysctl net.ipv4.tcp_tw_reuse=2",
        ),
    ]
}

/// What one thread for each connection needs.
fn threads(connections: u32) -> Vec<Check> {
    let need = connections + 500;
    let at_least = |name: &str, path: &str, need: u32| {
        let have = number(path);
        let shown =
            have.map_or_else(|| "not told".into(), |have| have.to_string());
        check(
            name,
            have.is_none_or(|have| have >= need),
            Verdict::Warn,
            format!("{shown}, thread-per-connection needs {need}"),
            &format!(
                "sysctl {}={need}",
                path.trim_start_matches("/proc/sys/").replace('/', ".")
            ),
        )
    };
    vec![
        at_least("pid_max", "/proc/sys/kernel/pid_max", need),
        at_least("threads-max", "/proc/sys/kernel/threads-max", need),
        // A stack, the signal stack of Rust's threads, and a guard page of
        // each are four mappings.
        at_least(
            "max_map_count",
            "/proc/sys/vm/max_map_count",
            4 * connections + 1_000,
        ),
    ]
}

fn quietness(host: &Host) -> Vec<Check> {
    let (server, client) = place(&cpus(), Placement::Split);
    let before = sample::steal_ticks();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let stolen = sample::steal_ticks().saturating_sub(before);
    let load = line("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let idle = load.parse::<f64>().is_ok_and(|load| load < 1.0);
    let governor = host.governor.clone();
    vec![
        check(
            "CPUs",
            host.cpus.len() > 1,
            Verdict::Warn,
            format!("servers on {server:?}, client on {client:?}"),
            "",
        ),
        check(
            "steal",
            stolen <= 2,
            Verdict::Warn,
            format!("{stolen} ticks in half a second taken by other guests"),
            "",
        ),
        check(
            "load",
            idle,
            Verdict::Warn,
            format!("{load} over the last minute"),
            "stop what else is running",
        ),
        check(
            "governor",
            governor.as_deref().is_none_or(|name| name == "performance"),
            Verdict::Warn,
            governor.unwrap_or_else(|| "none to be seen".into()),
            "cpupower frequency-set -g performance",
        ),
    ]
}

/// By what launches can be kept apart: each was tried.
fn isolation(lacks: &[Lack], network: Option<&Traits>) -> Vec<Check> {
    let one = |level: Level| {
        let lack = lacks.iter().find(|lack| lack.level == level);
        let found = match (lack, level, network) {
            (Some(lack), ..) => lack.why.clone(),
            (None, Level::Pin, _) => "CPUs of their own".into(),
            (None, Level::Cgroup, _) => "control groups of their own".into(),
            (None, Level::Netns, network) => format!(
                "networks of their own, congestion control {}",
                network.map_or("unknown", |it| &it.congestion_control),
            ),
        };
        let name = format!("isolation {}", level.name());
        let fix = lack.map_or("", |lack| &lack.fix);
        check(&name, lack.is_none(), Verdict::Warn, found, fix)
    };
    Level::ALL.into_iter().map(one).collect()
}

/// What is neither good nor bad, but decides what figures mean.
fn facts(host: &Host) -> String {
    format!(
        "{}\ncongestion control {}, on loopback too; interrupt time is {}",
        host.label,
        host.congestion_control,
        if host.irq_time_apart {
            "kept apart from processes, the client adds softirq time"
        } else {
            "counted to the process it interrupts"
        },
    )
}

fn toolchains(catalog: &Catalog) -> Vec<Check> {
    let ready = catalog.servers.iter().map(|server| {
        let receipt = server.receipt();
        let fix = receipt.as_ref().err().and_then(|skip| skip.hint.clone());
        check(
            &server.id,
            receipt.is_ok(),
            Verdict::Warn,
            receipt.unwrap_or_else(|skip| skip.reason),
            &fix.unwrap_or_default(),
        )
    });
    let broken = catalog.broken.iter().map(|skip| {
        check(&skip.server, false, Verdict::Fail, skip.reason.clone(), "")
    });
    ready.chain(broken).collect()
}
