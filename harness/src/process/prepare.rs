//! What a child does between fork and exec: system calls only.

use std::io;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use rustix::thread::{
    CpuSet, disable_transparent_huge_pages, sched_setaffinity,
};

/// Makes a child end with its parent, without huge pages, on its CPUs.
///
/// # Errors
/// The parent is gone already, or the CPUs can't be had.
pub(super) fn prepare(
    parent: Pid,
    affinity: Option<&CpuSet>,
) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(parent) {
        // The harness died before the death signal was set.
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    disable_transparent_huge_pages(true).ok();
    if let Some(affinity) = affinity {
        sched_setaffinity(None, affinity)?;
    }
    Ok(())
}

/// A set of these CPUs; none for no CPUs.
pub(super) fn cpu_set(cpus: &[u32]) -> Option<CpuSet> {
    if cpus.is_empty() {
        return None;
    }
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu as usize);
    }
    Some(set)
}
