//! The two system calls that no safe crate of ours wraps.
//!
//! Refuses to do: anything else. Every other call goes through `rustix`.

#![expect(
    unsafe_code,
    reason = "clock_getcpuclockid and IP_BIND_ADDRESS_NO_PORT have no safe wrapper"
)]

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// The clock that counts the CPU time of a whole process, all its threads,
/// in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuClock(libc::clockid_t);

impl CpuClock {
    /// # Errors
    /// The process does not exist or may not be asked.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let pid = libc::pid_t::try_from(pid)
            .map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
        let mut clock: libc::clockid_t = 0;
        // SAFETY: the pointer is to a live local that the call only writes.
        let code = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
        // Unlike most calls this one returns its error number.
        if code == 0 {
            Ok(Self(clock))
        } else {
            Err(io::Error::from_raw_os_error(code))
        }
    }

    /// Nanoseconds used so far.
    ///
    /// # Errors
    /// The process is gone.
    pub(crate) fn read_ns(self) -> io::Result<u64> {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to a live local that the call only writes.
        let code = unsafe { libc::clock_gettime(self.0, &raw mut time) };
        if code != 0 {
            return Err(io::Error::last_os_error());
        }
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
        Ok(seconds * 1_000_000_000 + nanos)
    }
}

/// Lets `bind` choose an address and leave the port to `connect`, so that one
/// port can serve connections to several targets and the range does not run
/// out at the bind.
///
/// # Errors
/// The kernel refused the option.
pub(crate) fn set_bind_address_no_port(fd: BorrowedFd<'_>) -> io::Result<()> {
    let on: libc::c_int = 1;
    let length = libc::socklen_t::try_from(size_of_val(&on))
        .expect("four fits a socklen_t");
    // SAFETY: the pointer and length describe a live local, which the call
    // only reads.
    let code = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            length,
        )
    };
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_clock_of_this_process_advances_with_work() {
        let clock = CpuClock::of(std::process::id()).unwrap();
        let before = clock.read_ns().unwrap();
        let mut x = 1_u64;
        while clock.read_ns().unwrap() < before + 1_000_000 {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        assert!(clock.read_ns().unwrap() >= before + 1_000_000);
    }

    #[test]
    fn a_process_that_does_not_exist_is_an_error() {
        assert!(CpuClock::of(u32::MAX).is_err());
        assert!(CpuClock::of(4_194_305).is_err());
    }
}
