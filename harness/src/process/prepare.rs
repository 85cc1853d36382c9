//! What a child does between fork and exec: system calls only.

use std::fs::File;
use std::io::{self, Write};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use rustix::thread::{
    CpuSet, disable_transparent_huge_pages, sched_setaffinity,
};

/// Makes a child end with its parent, without huge pages, on its CPUs and in
/// its control group.
///
/// # Errors
/// The parent is gone already, or CPUs or group can't be had.
pub(super) fn prepare(
    parent: Pid,
    affinity: Option<&CpuSet>,
    mut door: Option<&File>,
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
    if let Some(door) = &mut door {
        door.write_all(b"0")?;
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
