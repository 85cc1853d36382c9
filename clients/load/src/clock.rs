//! The time, and where and how precisely this thread runs.
//!
//! All times are nanoseconds of `CLOCK_MONOTONIC`, so a step of the wall clock
//! changes no figure.
//!
//! Refuses to do: wall-clock time.

use std::num::NonZeroU64;

use rustix::thread::{CpuSet, sched_setaffinity, set_current_timer_slack};
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::ClientError;

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const US: u64 = 1_000;

/// Nanoseconds since boot.
#[must_use]
pub fn now_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// CPU time of this thread.
pub(crate) fn thread_cpu_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::ThreadCPUTime))
}

/// Burns so much CPU of this thread.
pub(crate) fn burn(ns: u64) {
    let end_ns = thread_cpu_ns() + ns;
    while thread_cpu_ns() < end_ns {}
}

/// CPU time of this process, all threads.
pub(crate) fn process_cpu_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::ProcessCPUTime))
}

fn nanoseconds(time: Timespec) -> u64 {
    let seconds =
        u64::try_from(time.tv_sec).expect("these clocks start at zero");
    let nanos = u64::try_from(time.tv_nsec).expect("a fraction of a second");
    seconds * 1_000_000_000 + nanos
}

/// A duration as the kernel wants it.
pub(crate) fn timespec(ns: u64) -> Timespec {
    let seconds = i64::try_from(ns / 1_000_000_000)
        .expect("a u64 of nanoseconds is under 600 years");
    let nanos = i64::try_from(ns % 1_000_000_000).expect("below 10^9");
    Timespec { tv_sec: seconds, tv_nsec: nanos }
}

/// Makes this thread's sleeps end when asked: the default slack of 50 µs is
/// half of what the client's lateness may be.
pub(crate) fn sharpen_timers() -> Result<(), ClientError> {
    set_current_timer_slack(NonZeroU64::new(1)).map_err(|errno| {
        ClientError::Own(format!("cannot set the timer slack: {errno}"))
    })
}

/// Keeps this thread on one CPU.
pub(crate) fn pin(cpu: u32) -> Result<(), ClientError> {
    let mut set = CpuSet::new();
    let index = cpu as usize;
    if index >= CpuSet::MAX_CPU {
        return Err(ClientError::Spec(format!("there is no CPU {cpu}")));
    }
    set.set(index);
    sched_setaffinity(None, &set).map_err(|errno| {
        ClientError::Own(format!(
            "cannot run on CPU {cpu}: {errno}; it may be offline or outside \
             this process's set"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_keeps_its_nanoseconds() {
        let time = timespec(3_000_000_007);
        assert_eq!((time.tv_sec, time.tv_nsec), (3, 7));
        assert_eq!(nanoseconds(time), 3_000_000_007);
    }

    #[test]
    fn a_cpu_that_cannot_exist_is_an_error() {
        assert!(pin(u32::MAX).is_err());
        assert!(pin(1_000).is_err());
    }
}
