//! A network of its own for one case: nobody else's packets are counted, and
//! nobody else is cut off.
#![expect(
    unsafe_code,
    reason = "unshare and the ioctls of sockets have no safe form"
)]

use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd};

use rustix::thread::{
    LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe,
};

use super::verdict::{Outcome, Stop, broken};

/// This thread, and whatever it starts, in a network of its own. Dropping it
/// goes back.
#[derive(Debug)]
pub(crate) struct Namespace {
    outside: File,
}

const OWN: &str = "/proc/thread-self/ns/net";

impl Namespace {
    /// Moves the calling thread into a new network with a loopback.
    pub(super) fn enter() -> Outcome<Self> {
        let outside = File::open(OWN).map_err(broken(OWN))?;
        // SAFETY: only the network namespace of this thread changes; no
        // descriptor or memory becomes invalid by it.
        let entered = unsafe { unshare_unsafe(UnshareFlags::NEWNET) };
        entered.map_err(|error| {
            Stop::Skip(format!("needs a network namespace: {error}"))
        })?;
        let namespace = Self { outside };
        namespace.mend()?;
        Ok(namespace)
    }

    /// Lets every packet get lost.
    pub(super) fn cut(&self) -> Outcome {
        self.loopback(false)
    }

    /// Carries packets again.
    pub(super) fn mend(&self) -> Outcome {
        self.loopback(true)
    }

    fn loopback(&self, up: bool) -> Outcome {
        // SAFETY: all zeros is a valid value of this plain struct.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = *from as libc::c_char;
        }
        let flag = if up { libc::IFF_UP } else { 0 };
        request.ifr_ifru.ifru_flags = flag as libc::c_short;
        let any = UdpSocket::bind("0.0.0.0:0").map_err(broken("a socket"))?;
        // SAFETY: the pointer is to a live local variable of the right type.
        let result = unsafe {
            libc::ioctl(any.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut request)
        };
        if result == 0 {
            return Ok(());
        }
        Err(broken("the loopback")(std::io::Error::last_os_error()))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(self.outside.as_fd(), kind)
            .expect("the namespace that was left is still held open");
    }
}

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
