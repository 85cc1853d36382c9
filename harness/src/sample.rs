//! Reads what a server's processes hold. Every read here walks `/proc`, so
//! none of it happens inside a window.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use procfs::process::{FDTarget, MMapPath, Process};
use procfs::{Current, CurrentSI, KernelStats, Meminfo};

use crate::clock::process_cpu_ns;
use crate::process::output::group_members;
use crate::record::{Rest, Snapshot};

/// Processes of the server that was started as `leader`.
#[must_use]
pub fn server_pids(leader: u32) -> Vec<u32> {
    let mut pids = group_members(leader);
    if !pids.contains(&leader) {
        pids.insert(0, leader);
    }
    pids
}

/// What these processes hold now. What can't be read counts as nothing.
#[must_use]
pub fn snapshot(pids: &[u32]) -> Snapshot {
    let mut total = Snapshot {
        kernel_bytes: kernel_bytes().unwrap_or_default(),
        ..Snapshot::default()
    };
    for process in pids.iter().filter_map(|&pid| open(pid)) {
        total.processes += 1;
        total.descriptors += count(process.fd_count().ok());
        total.pss_bytes += pss_bytes(&process).unwrap_or_default();
        let Ok(tasks) = process.tasks() else { continue };
        for status in tasks.filter_map(|task| task.ok()?.status().ok()) {
            total.threads += 1;
            total.voluntary_switches +=
                status.voluntary_ctxt_switches.unwrap_or_default();
            total.involuntary_switches +=
                status.nonvoluntary_ctxt_switches.unwrap_or_default();
        }
    }
    total
}

/// CPU that these processes use while nothing is asked of them.
#[must_use]
pub fn rest(pids: &[u32], pause: Duration) -> Rest {
    let cpu = |pids: &[u32]| -> u64 {
        pids.iter().filter_map(|&pid| process_cpu_ns(pid).ok()).sum()
    };
    let (before, start) = (cpu(pids), Instant::now());
    sleep(pause);
    let wall_ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or_default();
    Rest { cpu_ns: cpu(pids).saturating_sub(before), wall_ns }
}

/// Whether one of these processes holds the socket with this inode.
#[must_use]
pub fn holds_socket(pids: &[u32], inode: u64) -> bool {
    pids.iter().any(|&pid| socket_descriptor(pid, inode).is_some())
}

/// The descriptor by which a process holds the socket with this inode.
#[must_use]
pub fn socket_descriptor(pid: u32, inode: u64) -> Option<i32> {
    open(pid)?.fd().ok()?.flatten().find_map(|fd| match fd.target {
        FDTarget::Socket(found) if found == inode => Some(fd.fd),
        _ => None,
    })
}

/// What the threads of a stuck server wait in, with how many wait there.
#[must_use]
pub fn waiting_in(pids: &[u32]) -> String {
    let mut places: BTreeMap<String, u32> = BTreeMap::new();
    for process in pids.iter().filter_map(|&pid| open(pid)) {
        let Ok(tasks) = process.tasks() else { continue };
        for task in tasks.flatten().take(1_000) {
            let state = task.stat().map_or('?', |stat| stat.state);
            let path = format!("/proc/{}/task/{}/wchan", task.pid, task.tid);
            let place = std::fs::read_to_string(path).unwrap_or_default();
            let place = match place.as_str() {
                "" | "0" => "user space",
                place => place,
            };
            *places.entry(format!("state {state} in {place}")).or_default() +=
                1;
        }
    }
    places
        .iter()
        .map(|(place, threads)| format!("{threads} thread(s): {place}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Sockets in TIME_WAIT in the network this thread is in.
#[must_use]
pub fn time_wait() -> u32 {
    let Ok(text) = std::fs::read_to_string("/proc/thread-self/net/sockstat")
    else {
        return 0;
    };
    sockstat(&text, "tw").unwrap_or_default()
}

/// Connections that were turned away because an accept queue was full, so far
/// in the network this thread is in.
#[must_use]
pub fn accept_overflows() -> u64 {
    tcp_counter("ListenOverflows")
}

/// A counter of the kernel's TCP, so far in the network this thread is in, by
/// its name in `netstat`; 0 where there is none.
#[must_use]
pub fn tcp_counter(name: &str) -> u64 {
    let Ok(text) = std::fs::read_to_string("/proc/thread-self/net/netstat")
    else {
        return 0;
    };
    netstat(&text, name).unwrap_or_default()
}

/// CPU time stolen by other guests since boot, all CPUs, in ticks.
#[must_use]
pub fn steal_ticks() -> u64 {
    KernelStats::current()
        .ok()
        .and_then(|stat| stat.total.steal)
        .unwrap_or_default()
}

fn open(pid: u32) -> Option<Process> {
    Process::new(i32::try_from(pid).ok()?).ok()
}

fn count(found: Option<usize>) -> u32 {
    u32::try_from(found.unwrap_or_default()).unwrap_or(u32::MAX)
}

/// Proportional set size: shared pages count by their share.
fn pss_bytes(process: &Process) -> Option<u64> {
    let rollup = process.smaps_rollup().ok()?;
    let map = rollup.memory_map_rollup.0.first()?;
    debug_assert_eq!(map.pathname, MMapPath::Rollup);
    map.extension.map.get("Pss").copied()
}

/// Slab, page tables, kernel stacks and socket buffers of the whole machine.
fn kernel_bytes() -> Option<u64> {
    let memory = Meminfo::current().ok()?;
    let stat =
        std::fs::read_to_string("/proc/thread-self/net/sockstat").ok()?;
    let buffers = u64::from(sockstat(&stat, "mem")?) * procfs::page_size();
    Some(
        memory.slab
            + memory.page_tables.unwrap_or_default()
            + memory.kernel_stack.unwrap_or_default()
            + buffers,
    )
}

/// A figure of the `TCP:` line of `/proc/net/sockstat`.
fn sockstat(text: &str, name: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.strip_prefix("TCP: "))?;
    let mut words = line.split_whitespace();
    words.find(|&word| word == name)?;
    words.next()?.parse().ok()
}

/// A figure of the `TcpExt:` lines of `/proc/net/netstat`: the first holds
/// the names, the second the values.
fn netstat(text: &str, name: &str) -> Option<u64> {
    let mut lines =
        text.lines().filter_map(|line| line.strip_prefix("TcpExt: "));
    let (names, values) = (lines.next()?, lines.next()?);
    let mut pairs = names.split_whitespace().zip(values.split_whitespace());
    pairs.find(|(known, _)| *known == name)?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netstat_figures_are_found_by_name() {
        let text = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\n\
                    TcpExt: 1 22 333\nIpExt: ListenOverflows\nIpExt: 4\n";
        assert_eq!(netstat(text, "ListenOverflows"), Some(22));
        assert_eq!(netstat(text, "none"), None);
        assert_eq!(netstat("", "ListenOverflows"), None);
    }

    #[test]
    fn sockstat_figures_are_found_by_name() {
        let text =
            "sockets: used 60\nTCP: inuse 3 orphan 0 tw 12 alloc 5 mem 7\n";
        assert_eq!(sockstat(text, "tw"), Some(12));
        assert_eq!(sockstat(text, "mem"), Some(7));
        assert_eq!(sockstat(text, "none"), None);
    }

    #[test]
    fn a_snapshot_of_oneself_counts_threads_and_descriptors() {
        let pid = std::process::id();
        let before = snapshot(&[pid]);
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let file = std::fs::File::open("/proc/self/stat").unwrap();
        let thread = std::thread::spawn(move || stopped.recv().is_err());
        sleep(Duration::from_millis(20));
        let during = snapshot(&[pid]);
        assert!(during.pss_bytes > 0 && during.kernel_bytes > 0);
        assert!(during.threads >= 2 && before.threads >= 1);
        assert!(during.descriptors >= 3);
        drop((stop, file));
        assert!(thread.join().unwrap());
    }

    #[test]
    fn a_process_that_is_gone_holds_nothing() {
        let gone = snapshot(&[u32::MAX / 2]);
        assert_eq!((gone.processes, gone.threads), (0, 0));
    }
}
