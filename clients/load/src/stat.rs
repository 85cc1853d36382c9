//! What became of each CPU's time, as the lines of `/proc/stat` tell it.
//!
//! The kernel counts in ticks, usually of 10 ms. Idle time is exact where the
//! kernel stops its tick; ksoftirqd's time is counted as softirq by the
//! kernel itself.
//!
//! Refuses to do: read the file; who does keeps it open or not as it likes.

const NS_PER_S: u64 = 1_000_000_000;

/// Of one CPU since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CpuTimes {
    /// Nothing to run, or only waiting for a disk.
    pub(crate) idle_ns: u64,
    /// Interrupts, softirqs left out.
    pub(crate) irq_ns: u64,
    pub(crate) softirq_ns: u64,
    /// Taken by the hypervisor for other guests.
    pub(crate) steal_ns: u64,
}

/// The times of one CPU in the text of `/proc/stat`.
pub(crate) fn cpu_times(stat: &str, cpu: u32) -> Option<CpuTimes> {
    let mut fields = stat.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let number = fields.next()?.strip_prefix("cpu")?;
        (number.parse() == Ok(cpu)).then_some(fields)
    })?;
    let per_s = rustix::param::clock_ticks_per_second();
    let mut next_ns = || {
        let ticks: u64 = fields.next()?.parse().ok()?;
        Some(ticks * NS_PER_S / per_s)
    };
    let [_user, _nice, _system] = [next_ns()?, next_ns()?, next_ns()?];
    Some(CpuTimes {
        idle_ns: next_ns()? + next_ns()?,
        irq_ns: next_ns()?,
        softirq_ns: next_ns()?,
        steal_ns: next_ns()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "\
cpu  10 20 30 40 50 60 70 80 0 0
cpu0 1 2 3 4 5 6 7 8 0 0
cpu1 1 2 3 40 5 6 9 8 0 0
cpu10 9 9 9 9 9 9 9 9 0 0
intr 12345
";

    #[test]
    fn a_cpus_line_gives_what_processes_did_not_get() {
        let tick = NS_PER_S / rustix::param::clock_ticks_per_second();
        let expected = CpuTimes {
            idle_ns: 45 * tick,
            irq_ns: 6 * tick,
            softirq_ns: 9 * tick,
            steal_ns: 8 * tick,
        };
        assert_eq!(cpu_times(STAT, 1), Some(expected));
        assert_eq!(cpu_times(STAT, 2), None);
        assert_eq!(cpu_times("cpu0 1 2 x", 0), None);
        assert_eq!(cpu_times("cpu0 1 2 3 4 5 6 7", 0), None);
    }
}
