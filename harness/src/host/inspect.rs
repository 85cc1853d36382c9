//! Reads the machine.

use std::ffi::OsString;
use std::fs::read_to_string;
use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

use procfs::{Current, Meminfo};
use rustix::process::{Resource, getrlimit};
use rustix::thread::sched_getaffinity;

use super::Host;
use crate::clock::process_cpu_ns;
use crate::plan::place::Cpu;
use crate::process::output;

/// Reads the machine; what can't be read is left empty.
#[must_use]
pub fn inspect(root: &Path) -> Host {
    let cpus: Vec<u32> = cpus().iter().map(|cpu| cpu.id).collect();
    let memory_bytes =
        Meminfo::current().map(|memory| memory.mem_total).unwrap_or_default();
    let cpu_model = cpu_model();
    let kernel = kernel();
    let short: Vec<&str> = kernel.split('.').take(2).collect();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a size in GiB is shown rounded"
    )]
    let gib = (memory_bytes as f64 / f64::from(1 << 30)).round();
    let label = format!(
        "{cpu_model}, {} CPU(s), {gib} GiB, Linux {}",
        cpus.len(),
        short.join("."),
    );
    Host {
        label,
        cpu_model,
        cpus,
        memory_bytes,
        kernel,
        descriptors_hard: getrlimit(Resource::Nofile)
            .maximum
            .unwrap_or(u64::MAX),
        somaxconn: number("/proc/sys/net/core/somaxconn").unwrap_or(4096),
        congestion_control: line("/proc/sys/net/ipv4/tcp_congestion_control"),
        ephemeral_ports: ports(),
        irq_time_apart: irq_time_apart(),
        governor: Some(line(
            "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        ))
        .filter(|governor| !governor.is_empty()),
        rustc: printed(&["rustc", "-V"], root).unwrap_or_default(),
        revision: revision(root),
    }
}

/// CPUs this process may use.
#[must_use]
pub fn cpus() -> Vec<Cpu> {
    let Ok(set) = sched_getaffinity(None) else {
        return vec![Cpu { id: 0, core: 0, node: 0 }];
    };
    let usable = u32::try_from(rustix::thread::CpuSet::MAX_CPU);
    (0..usable.unwrap_or(1024))
        .filter(|&id| set.is_set(id as usize))
        .map(|id| {
            let topology = format!("/sys/devices/system/cpu/cpu{id}/topology");
            let core = number(&format!("{topology}/core_id")).unwrap_or(id);
            let package =
                number(&format!("{topology}/physical_package_id")).unwrap_or(0);
            Cpu { id, core: package << 16 | core, node: node(id) }
        })
        .collect()
}

fn node(cpu: u32) -> u32 {
    (0..64)
        .find(|node| {
            Path::new(&format!("/sys/devices/system/cpu/cpu{cpu}/node{node}"))
                .exists()
        })
        .unwrap_or_default()
}

/// First and last ephemeral port of the network this thread is in.
#[must_use]
pub fn ports() -> [u16; 2] {
    let ports = line("/proc/sys/net/ipv4/ip_local_port_range");
    let mut ports =
        ports.split_whitespace().map(|word| word.parse().unwrap_or_default());
    [ports.next().unwrap_or_default(), ports.next().unwrap_or_default()]
}

/// `uname -r`.
#[must_use]
pub fn kernel() -> String {
    line("/proc/sys/kernel/osrelease")
}

/// A number in a file of the kernel.
#[must_use]
pub fn number(path: &str) -> Option<u32> {
    line(path).parse().ok()
}

/// The text of a one-line file of the kernel; empty if there is none.
#[must_use]
pub fn line(path: &str) -> String {
    read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn cpu_model() -> String {
    read_to_string("/proc/cpuinfo")
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or_else(
            || std::env::consts::ARCH.to_owned(),
            |(_, model)| model.trim().to_owned(),
        )
}

fn revision(root: &Path) -> Option<String> {
    let commit = printed(&["git", "rev-parse", "--short=12", "HEAD"], root)?;
    let command = ["git", "status", "--porcelain", "--untracked-files=no"];
    let dirty = printed(&command, root).is_some_and(|text| !text.is_empty());
    Some(if dirty { format!("{commit}-dirty") } else { commit })
}

fn printed(command: &[&str], directory: &Path) -> Option<String> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let words: Vec<OsString> = command.iter().map(Into::into).collect();
    let output = output::run(&words, Some(directory), PATIENCE, None).ok()?;
    output.success().then(|| output.stdout.trim().to_owned())
}

/// Tries whether this kernel keeps interrupt time out of process CPU clocks
/// (CONFIG_IRQ_TIME_ACCOUNTING): a loop of loopback datagrams spends much of
/// its time in softirqs, which its own clock then misses.
///
/// The best of many short slices counts, since a slice in which something
/// else ran looks the same.
fn irq_time_apart() -> bool {
    const SLICES: u32 = 40;
    const SLICE: Duration = Duration::from_millis(2);
    const WHOLE: f64 = 0.93;
    let Ok(socket) = UdpSocket::bind("127.0.0.1:0") else { return false };
    let Ok(addr) = socket.local_addr() else { return false };
    // A datagram may be lost even here; none is waited for any longer.
    if socket.set_read_timeout(Some(50 * SLICE)).is_err() {
        return false;
    }
    let pid = std::process::id();
    let best = (0..SLICES).filter_map(|_| {
        let (cpu, start) = (process_cpu_ns(pid).ok()?, Instant::now());
        let mut buffer = [0; 64];
        while start.elapsed() < SLICE {
            socket.send_to(&buffer.clone(), addr).ok()?;
            socket.recv(&mut buffer).ok()?;
        }
        let used = Duration::from_nanos(process_cpu_ns(pid).ok()? - cpu);
        Some(used.as_secs_f64() / start.elapsed().as_secs_f64())
    });
    best.fold(0.0, f64::max) < WHOLE
}
