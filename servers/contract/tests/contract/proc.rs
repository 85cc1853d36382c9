//! What the kernel knows of a server, whatever it says itself.

#![expect(unsafe_code, reason = "TCP_INFO has no safe wrapper here")]

use std::fs;
use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use rustix::process::{
    Pid, PidfdFlags, PidfdGetfdFlags, Resource, Rlimit, getrlimit, pidfd_getfd,
    pidfd_open, setrlimit,
};
use socket2::Socket;

/// Lets this process hold as many connections as the machine allows it.
pub(crate) fn raise_descriptor_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let limit = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, limit).expect("up to the maximum is allowed");
}

/// The open descriptors of a process, each with what it refers to.
pub(crate) fn descriptors(pid: Pid) -> io::Result<Vec<(i32, PathBuf)>> {
    let list = fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero()))?;
    let open = list.filter_map(|entry| {
        let entry = entry.ok()?;
        let number = entry.file_name().to_str()?.parse().ok()?;
        Some((number, fs::read_link(entry.path()).ok()?))
    });
    Ok(open.collect())
}

/// The number of descriptors whose target contains `text`.
pub(crate) fn count_of(pid: Pid, text: &str) -> io::Result<usize> {
    let holds = |(_, to): &(i32, PathBuf)| to.to_string_lossy().contains(text);
    Ok(descriptors(pid)?.iter().filter(|open| holds(open)).count())
}

/// Copies of the TCP sockets of a process, each with whether it closes on
/// exec.
pub(crate) fn tcp_sockets(pid: Pid) -> io::Result<Vec<(Socket, bool)>> {
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    let mut sockets = Vec::new();
    for (number, to) in descriptors(pid)? {
        if !to.to_string_lossy().starts_with("socket:") {
            continue;
        }
        let flags = PidfdGetfdFlags::empty();
        // One that has been closed meanwhile doesn't count.
        let Ok(copy) = pidfd_getfd(&process, number, flags) else { continue };
        let socket = Socket::from(copy);
        let tcp = socket.local_addr()?.as_socket().is_some();
        if tcp {
            sockets.push((socket, closes_on_exec(pid, number)?));
        }
    }
    Ok(sockets)
}

fn closes_on_exec(pid: Pid, number: i32) -> io::Result<bool> {
    let path = format!("/proc/{}/fdinfo/{number}", pid.as_raw_nonzero());
    let text = fs::read_to_string(path)?;
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = i32::from_str_radix(flags.unwrap_or("0").trim(), 8);
    Ok(flags.is_ok_and(|flags| flags & libc::O_CLOEXEC != 0))
}

/// How many connections may wait at a listening socket.
pub(crate) fn backlog(listener: &Socket) -> io::Result<u32> {
    // SAFETY: all zeros is a valid value of this plain struct.
    let mut info: libc::tcp_info = unsafe { mem::zeroed() };
    let mut size = mem::size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `size` bytes to `info`.
    let result = unsafe {
        libc::getsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut size,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // For a listening socket the kernel reports its limit in this field.
    Ok(info.tcpi_sacked)
}

/// Resident memory in bytes.
pub(crate) fn resident(pid: Pid) -> io::Result<u64> {
    Ok(status(pid, "VmRSS:")? * 1024)
}

/// Threads of a process.
pub(crate) fn threads(pid: Pid) -> io::Result<u64> {
    status(pid, "Threads:")
}

fn status(pid: Pid, field: &str) -> io::Result<u64> {
    let path = format!("/proc/{}/status", pid.as_raw_nonzero());
    let text = fs::read_to_string(path)?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number =
        line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("no {field}")))
}

/// CPU time used so far, in clock ticks of 10 ms.
pub(crate) fn cpu_ticks(pid: Pid) -> io::Result<u64> {
    let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
    let text = fs::read_to_string(path)?;
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let field =
        |n: usize| after_name.split_whitespace().nth(n)?.parse::<u64>().ok();
    field(11)
        .zip(field(12))
        .map(|(user, system)| user + system)
        .ok_or_else(|| io::Error::other("no CPU time"))
}
