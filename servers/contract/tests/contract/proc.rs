//! What the kernel knows of a server, whatever it says itself.

#![expect(unsafe_code, reason = "TCP_INFO has no safe wrapper here")]

use std::fs;
use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

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

/// A server's processes: the one that was started, first, and all that came
/// of it. What is read of a server below is read of all of them.
pub(crate) fn family(pid: Pid) -> io::Result<Vec<Pid>> {
    let parent = |child: Pid| {
        let path = format!("/proc/{}/stat", child.as_raw_nonzero());
        let text = fs::read_to_string(path).ok()?;
        let after_name = text.rsplit(')').next()?;
        Pid::from_raw(after_name.split_whitespace().nth(1)?.parse().ok()?)
    };
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let list = fs::read_dir("/proc")?.flatten();
    let all: Vec<(Pid, Pid)> = list
        .filter_map(|entry| Pid::from_raw(number(entry)?))
        .filter_map(|child| Some((child, parent(child)?)))
        .collect();
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(&member) = family.get(next) {
        let children = all.iter().filter(|(_, parent)| *parent == member);
        family.extend(children.map(|(child, _)| child));
        next += 1;
    }
    Ok(family)
}

/// The open descriptors of a server, each with what it refers to.
pub(crate) fn descriptors(pid: Pid) -> io::Result<Vec<(i32, PathBuf)>> {
    let mut all = Vec::new();
    for member in family(pid)? {
        all.extend(descriptors_of(member)?);
    }
    Ok(all)
}

/// How many are open once their number stands still: a worker may still be
/// setting itself up when the first is there to announce the server.
pub(crate) fn settled_descriptors(pid: Pid) -> io::Result<usize> {
    const STILL: Duration = Duration::from_millis(200);
    for _ in 0..100 {
        let before = descriptors(pid)?.len();
        thread::sleep(STILL);
        if descriptors(pid)?.len() == before {
            return Ok(before);
        }
    }
    Err(io::Error::other("the number of descriptors never stands still"))
}

fn descriptors_of(process: Pid) -> io::Result<Vec<(i32, PathBuf)>> {
    let list = fs::read_dir(format!("/proc/{}/fd", process.as_raw_nonzero()))?;
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

/// Copies of the TCP sockets of a server, each with whether it closes on exec.
pub(crate) fn tcp_sockets(pid: Pid) -> io::Result<Vec<(Socket, bool)>> {
    let mut sockets = Vec::new();
    for member in family(pid)? {
        let process = pidfd_open(member, PidfdFlags::empty())?;
        for (number, to) in descriptors_of(member)? {
            if !to.to_string_lossy().starts_with("socket:") {
                continue;
            }
            let flags = PidfdGetfdFlags::empty();
            // One that has been closed meanwhile doesn't count.
            let copy = pidfd_getfd(&process, number, flags);
            let Ok(socket) = copy.map(Socket::from) else { continue };
            if socket.local_addr()?.as_socket().is_none() {
                continue;
            }
            match closes_on_exec(member, number) {
                Ok(closes) => sockets.push((socket, closes)),
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(sockets)
}

fn closes_on_exec(process: Pid, number: i32) -> io::Result<bool> {
    let path = format!("/proc/{}/fdinfo/{number}", process.as_raw_nonzero());
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

/// Threads of a server.
pub(crate) fn threads(pid: Pid) -> io::Result<u64> {
    status(pid, "Threads:")
}

fn status(pid: Pid, field: &str) -> io::Result<u64> {
    let read = |process: Pid| {
        let path = format!("/proc/{}/status", process.as_raw_nonzero());
        let text = fs::read_to_string(path)?;
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|line| {
            line.split_whitespace().next()?.parse::<u64>().ok()
        });
        number.ok_or_else(|| io::Error::other(format!("no {field}")))
    };
    family(pid)?.into_iter().map(read).sum()
}

/// CPU time used so far, in clock ticks of 10 ms.
pub(crate) fn cpu_ticks(pid: Pid) -> io::Result<u64> {
    let read = |process: Pid| {
        let path = format!("/proc/{}/stat", process.as_raw_nonzero());
        let text = fs::read_to_string(path)?;
        let after_name = text.rsplit(')').next().unwrap_or_default();
        let words: Vec<&str> = after_name.split_whitespace().collect();
        let field = |n: usize| words.get(n)?.parse::<u64>().ok();
        field(11)
            .zip(field(12))
            .map(|(user, system)| user + system)
            .ok_or_else(|| io::Error::other("no CPU time"))
    };
    family(pid)?.into_iter().map(read).sum()
}
