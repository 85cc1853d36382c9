//! The CPU clock of another process.
#![expect(unsafe_code, reason = "no safe call takes a process's clock id")]

use std::io;

/// CPU time of a whole thread group, ended threads included, in nanoseconds.
///
/// # Errors
/// The process is gone.
pub fn process_cpu_ns(pid: u32) -> io::Result<u64> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    let mut clock = 0;
    // SAFETY: the pointer is to a live local variable of the right type.
    let error = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live local variable of the right type.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn burnt_time_shows_on_the_clock() {
        let before = process_cpu_ns(std::process::id()).unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(50) {}
        let after = process_cpu_ns(std::process::id()).unwrap();
        assert!(after - before >= 5_000_000, "{}", after - before);
    }
}
