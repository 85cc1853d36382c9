//! What this user may have of it all, found by trying.

use std::io;

use anyhow::{Context, Result};
use rustix::process::{getegid, geteuid};
use rustix::thread::{sched_getaffinity, sched_setaffinity};

use super::group::Home;
use super::network;
use crate::exit::{UNFIT, refuse};
use crate::host::Host;
use crate::host::inspect::{line, number, ports};
use crate::plan::isolation::decide;
use crate::plan::{Isolation, Lack, Level, Wanted};
use crate::process::{enter_user_namespace, rehearse};
use crate::sample;

/// What holds for every launch of a run on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// How far launches are kept apart.
    pub isolation: Isolation,
    /// What `auto` had to do without.
    pub lacking: Vec<Lack>,
    /// What a network of their own is like, where they have one.
    pub network: Option<Traits>,
}

/// What a network is like after it was tuned as far as that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traits {
    /// `net.ipv4.tcp_congestion_control`.
    pub congestion_control: String,
    /// First and last ephemeral port.
    pub ephemeral_ports: [u16; 2],
}

impl Ground {
    /// First and last local port of a launch, and how many of them still rest
    /// in TIME_WAIT: none in a network of its own.
    #[must_use]
    pub fn ports(&self, host: &Host) -> ([u16; 2], u32) {
        match &self.network {
            Some(network) => (network.ephemeral_ports, 0),
            None => (host.ephemeral_ports, sample::time_wait()),
        }
    }

    /// Congestion control of a launch's own network.
    #[must_use]
    pub fn congestion_control(&self) -> Option<String> {
        Some(self.network.as_ref()?.congestion_control.clone())
    }
}

/// Gets what rights there are and decides. Must be called before this
/// process has a second thread: only then it can move into a user namespace,
/// by which a plain user gets networks.
///
/// # Errors
/// A level that was asked for by its name can't be had; or this process
/// failed half-way.
pub fn prepare(wanted: Wanted, backlog: u32) -> Result<Ground> {
    let (lacks, network) = lacks(wanted, backlog)?;
    let (isolation, lacking) = decide(wanted, lacks)
        .map_err(|refused| refuse(UNFIT, refusal(&refused)))?;
    if isolation.cgroup {
        Home::find().context("control groups")?.sweep();
    }
    let network = network.filter(|_| isolation.netns);
    Ok(Ground { isolation, lacking, network })
}

/// Have, need and fix of what was refused, in one line.
#[must_use]
pub fn refusal(refused: &[Lack]) -> String {
    let names: Vec<&str> = refused.iter().map(|l| l.level.name()).collect();
    let each = refused.iter().map(|lack| {
        format!(
            "{} can't be had: {}; {}",
            lack.level.name(),
            lack.why,
            lack.fix
        )
    });
    let each: Vec<String> = each.collect();
    format!(
        "the isolation {} was asked for, and {}; or leave it to what there \
         is: --isolation auto",
        names.join(","),
        each.join("; and "),
    )
}

/// The levels, of those that are wanted, that can't be had; what a network
/// is like where it can.
///
/// # Errors
/// As [`prepare`].
pub fn lacks(
    wanted: Wanted,
    backlog: u32,
) -> Result<(Vec<Lack>, Option<Traits>)> {
    let mut lacks = Vec::new();
    let lack = |level, error: &io::Error, fix: String| Lack {
        level,
        why: error.to_string(),
        fix,
    };
    if wanted.wants(Level::Pin)
        && let Err(error) = pin()
    {
        let fix = "allow sched_setaffinity(2)".to_owned();
        lacks.push(lack(Level::Pin, &error, fix));
    }
    if wanted.wants(Level::Cgroup)
        && let Err(error) = Home::find()
    {
        lacks.push(lack(Level::Cgroup, &error, cgroup_fix()));
    }
    if !wanted.wants(Level::Netns) {
        return Ok((lacks, None));
    }
    let network = match may_have_networks()? {
        Ok(()) => network::inside(backlog, traits),
        Err(error) => Err(error),
    };
    match network {
        Ok(network) => Ok((lacks, Some(network))),
        Err(error) => {
            lacks.push(lack(Level::Netns, &error, netns_fix()));
            Ok((lacks, None))
        }
    }
}

/// Binds this process to the CPUs it has anyway.
fn pin() -> io::Result<()> {
    let cpus = sched_getaffinity(None)?;
    Ok(sched_setaffinity(None, &cpus)?)
}

/// Whether this process can make networks, after a move into a user namespace
/// if that is what it takes. All of it is tried in a child first: what a
/// kernel grants here and refuses there must not leave this process half-way.
fn may_have_networks() -> Result<io::Result<()>> {
    if rehearse(network::enter).is_ok() {
        return Ok(Ok(()));
    }
    // Root without the right, as in a container, would lose other rights.
    if geteuid().is_root() {
        return Ok(rehearse(network::enter));
    }
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let tried = rehearse(|| {
        enter_user_namespace(user, group)?;
        network::enter()
    });
    if tried.is_ok() {
        enter_user_namespace(user, group)
            .context("the user namespace that a child could enter")?;
    }
    Ok(tried)
}

fn traits() -> Traits {
    Traits {
        congestion_control: line("/proc/sys/net/ipv4/tcp_congestion_control"),
        ephemeral_ports: ports(),
    }
}

fn cgroup_fix() -> String {
    "run as root, or under `systemd-run --user --scope -p Delegate=yes`".into()
}

/// The switch that is off, where it can be seen.
fn netns_fix() -> String {
    for (name, off, on) in [
        ("user.max_net_namespaces", 0, "10000"),
        ("user.max_user_namespaces", 0, "10000"),
        ("kernel.apparmor_restrict_unprivileged_userns", 1, "0"),
        ("kernel.unprivileged_userns_clone", 0, "1"),
    ] {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        if number(&path) == Some(off) {
            return format!("`sysctl {name}={on}` as root");
        }
    }
    if geteuid().is_root() {
        return "grant CAP_SYS_ADMIN, as by `docker run --cap-add SYS_ADMIN`"
            .into();
    }
    "run as root, or where unprivileged user namespaces are allowed".into()
}
