//! How fast this machine computes right now: the time of a computation that
//! is always the same.
//!
//! A neighbour on the same core, a clock turned down or a hypervisor that
//! takes its share make it longer. Taken before each launch on a CPU that is
//! measured; only times of one round are compared.

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use rustix::thread::{CpuSet, sched_setaffinity};

/// Dependent multiplications: about half a millisecond.
const STEPS: u32 = 500_000;
/// The middle one of so many, so that a single interrupt tells nothing.
const REPEATS: usize = 5;

/// Nanoseconds of the fixed computation on this CPU, or on any; `None` where
/// this process may not run there.
#[must_use]
pub fn probe_ns(cpu: Option<u32>) -> Option<u64> {
    thread::scope(|scope| scope.spawn(|| pinned(cpu)).join().ok()?)
}

fn pinned(cpu: Option<u32>) -> Option<u64> {
    if let Some(cpu) = cpu {
        let mut set = CpuSet::new();
        set.set(cpu as usize);
        // Of this thread alone, which ends presently.
        sched_setaffinity(None, &set).ok()?;
    }
    let mut times = [0; REPEATS];
    for time in &mut times {
        let began = Instant::now();
        compute();
        *time = u64::try_from(began.elapsed().as_nanos()).ok()?;
    }
    times.sort_unstable();
    Some(times[REPEATS / 2])
}

fn compute() {
    let mut x = black_box(0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..STEPS {
        x = x.wrapping_mul(0x5851_f42d_4c95_7f2d).rotate_left(17);
    }
    black_box(x);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_computation_takes_its_time_and_needs_a_cpu_that_exists() {
        let took = probe_ns(None).unwrap();
        assert!(took > 50_000, "{took} ns: it was optimised away");
        assert_eq!(probe_ns(Some(1_023)), None);
    }
}
