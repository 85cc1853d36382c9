//! What the kernel tells of the network a case is in.
#![expect(unsafe_code, reason = "the ioctls of sockets have no safe form")]

use std::os::fd::{AsFd, AsRawFd};

use super::verdict::{Outcome, Stop, broken};

/// Bytes that were written to a socket and that the other end's kernel has
/// not acknowledged yet.
pub(super) fn unacknowledged(socket: impl AsFd) -> Outcome<u64> {
    let mut bytes: libc::c_int = 0;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the pointer is to a live local variable of the right type.
    let result = unsafe { libc::ioctl(fd, libc::TIOCOUTQ, &raw mut bytes) };
    if result == 0 {
        return Ok(bytes.unsigned_abs().into());
    }
    Err(broken("SIOCOUTQ")(std::io::Error::last_os_error()))
}

/// A counter of the network this thread is in.
pub(super) fn counter(group: &str, name: &str) -> Outcome<u64> {
    for file in ["snmp", "netstat"] {
        let path = format!("/proc/thread-self/net/{file}");
        let text =
            std::fs::read_to_string(&path).map_err(broken("a counter"))?;
        if let Some(value) = find(&text, group, name) {
            return Ok(value);
        }
    }
    Err(Stop::Error(format!("this kernel counts no {group} {name}")))
}

/// These files have a line of names above each line of values.
fn find(text: &str, group: &str, name: &str) -> Option<u64> {
    let own = |line: &&str| {
        line.split_once(':').is_some_and(|(begin, _)| begin == group)
    };
    let mut lines = text.lines().filter(own);
    let at = lines.next()?.split_whitespace().position(|it| it == name)?;
    lines.next()?.split_whitespace().nth(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_name() {
        let text = "Ip: A B\nIp: 1 2\nTcp: InSegs OutRsts\nTcp: 30 4\n";
        assert_eq!(find(text, "Tcp", "OutRsts"), Some(4));
        assert_eq!(find(text, "Ip", "B"), Some(2));
        assert_eq!(find(text, "Tcp", "B"), None);
        assert!(counter("Tcp", "OutRsts").is_ok());
        assert!(counter("TcpExt", "ListenOverflows").is_ok());
    }
}
