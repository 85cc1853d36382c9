//! Keeps a launch apart from the rest of the machine: on its CPUs, in a
//! control group and in a network of its own, as far as the plan says.
//!
//! Refuses to do: decide how far; `plan::isolation` does. What can't be had
//! any more fails the launch rather than make it another measurement.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity};

use self::group::Group;
use crate::clock::process_cpu_ns;
use crate::host::inspect::number;
use crate::plan::{Isolation, Settings};
use crate::record::GroupUsage;

pub mod group;
pub mod network;
pub mod rights;

/// What one launch is kept apart by.
#[derive(Debug)]
pub struct Apart {
    group: Option<Group>,
    somaxconn: u32,
}

/// Does something in a network and a control group of its own, as far as
/// `settings` say. Both are gone afterwards, and every process that was
/// started in them has to be, too: it would die with the thread.
///
/// # Errors
/// In one sentence what can't be had.
pub fn keep<T: Send>(
    settings: &Settings,
    work: impl FnOnce(&Apart) -> T + Send,
) -> Result<T, String> {
    let group = match settings.isolation.cgroup {
        false => None,
        true => Some(group::Home::find().and_then(|home| home.group())),
    };
    let group = group.transpose().map_err(|error| {
        format!("the control group of the launch can't be made: {error}")
    })?;
    let inside = move || {
        let somaxconn = number("/proc/sys/net/core/somaxconn");
        work(&Apart { group, somaxconn: somaxconn.unwrap_or(4096) })
    };
    if !settings.isolation.netns {
        return Ok(inside());
    }
    network::inside(settings.backlog, inside).map_err(|error| {
        format!("the network of the launch can't be made: {error}")
    })
}

impl Apart {
    /// Where a child joins the control group.
    ///
    /// # Errors
    /// The group is gone.
    pub fn door(&self) -> std::io::Result<Option<Arc<File>>> {
        self.group.as_ref().map(Group::door).transpose()
    }

    /// The longest backlog that a listener gets here.
    #[must_use]
    pub const fn somaxconn(&self) -> u32 {
        self.somaxconn
    }

    /// CPU time of the control group so far, and what the clocks of the
    /// server's processes say.
    #[must_use]
    pub fn usage(&self, pids: &[u32]) -> Option<GroupUsage> {
        let clocks = pids.iter().map(|&pid| process_cpu_ns(pid).ok());
        Some(GroupUsage {
            cpu_ns: self.group.as_ref()?.cpu_ns()?,
            clocks_ns: clocks.sum::<Option<u64>>()?,
        })
    }

    /// What the kernel says holds for a server's processes.
    #[must_use]
    pub fn in_force(&self, pids: &[u32], cpus: &[u32]) -> Isolation {
        let members = self.group.as_ref().map(Group::members);
        let all = |holds: &dyn Fn(u32) -> bool| {
            !pids.is_empty() && pids.iter().all(|&pid| holds(pid))
        };
        let network = |of: &str| {
            let link = std::fs::metadata(format!("/proc/{of}/ns/net"));
            link.map(|link| link.ino()).ok()
        };
        let own = network("thread-self");
        Isolation {
            pin: all(&|pid| is_bound(pid, cpus)),
            cgroup: members
                .is_some_and(|members| all(&|pid| members.contains(&pid))),
            netns: own.is_some()
                && own != network("self")
                && all(&|pid| network(&pid.to_string()) == own),
        }
    }
}

/// Whether a process may use none but these CPUs.
fn is_bound(pid: u32, cpus: &[u32]) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let Some(Ok(set)) = pid.map(|pid| sched_getaffinity(Some(pid))) else {
        return false;
    };
    let mut others = set;
    cpus.iter().for_each(|&cpu| others.unset(cpu as usize));
    others == CpuSet::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::settings;

    #[test]
    fn nothing_is_in_force_that_was_not_asked_for() {
        let plain = Settings { isolation: Isolation::default(), ..settings() };
        let own = [std::process::id()];
        let found = keep(&plain, |apart| {
            assert!(apart.door().unwrap().is_none());
            assert!(apart.usage(&own).is_none());
            let found = apart.in_force(&own, &[]);
            (found, apart.in_force(&[], &[]))
        });
        assert_eq!(found, Ok((Isolation::default(), Isolation::default())));
    }

    #[test]
    fn a_process_is_bound_if_it_may_use_no_other_cpu() {
        let own = std::process::id();
        let all: Vec<u32> = (0..CpuSet::MAX_CPU as u32).collect();
        assert!(is_bound(own, &all));
        assert!(!is_bound(own, &[]));
    }
}
