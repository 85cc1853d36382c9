//! Networks of our own: nobody else's packets are counted in them, nobody
//! else is cut off, and TIME_WAIT goes with them.
//!
//! A network without a name dies with its last process and thread, however
//! those end: nothing is left to clean up.
#![expect(
    unsafe_code,
    reason = "unshare and the ioctls of sockets have no safe form"
)]

use std::fs::File;
use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::resume_unwind;
use std::thread;

use rustix::thread::{
    LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe,
};

use crate::host::inspect::number;

/// What all launches get where it can be set: it needs no pacing timers, and
/// every kernel has it.
const CONGESTION_CONTROL: &str = "reno";
/// First and last local port: as many as there are.
const PORTS: &str = "1024 65535";

/// Does something in a new network, on a thread that ends with it.
///
/// # Errors
/// The kernel refuses a network.
pub fn inside<T: Send>(
    backlog: u32,
    work: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            enter()?;
            tune(backlog);
            Ok(work())
        });
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Moves the calling thread into a new network with a loopback, for good.
///
/// # Errors
/// The kernel refuses.
pub fn enter() -> io::Result<()> {
    // SAFETY: only the network namespace of this thread changes; no
    // descriptor or memory becomes invalid by it.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
    loopback(true)
}

/// Where the files can't be written, as in a container, the kernel's own
/// values stay; what holds is read back from there.
fn tune(backlog: u32) {
    let somaxconn = "/proc/sys/net/core/somaxconn";
    let set = |path: &str, value: &str| std::fs::write(path, value).ok();
    set("/proc/sys/net/ipv4/tcp_congestion_control", CONGESTION_CONTROL);
    set("/proc/sys/net/ipv4/ip_local_port_range", PORTS);
    if number(somaxconn).is_some_and(|most| most < backlog) {
        set(somaxconn, &backlog.to_string());
    }
}

/// This thread, and whatever it starts, in a network of its own. Dropping it
/// goes back, so it takes the rights to do that.
#[derive(Debug)]
pub struct Network {
    outside: File,
}

impl Network {
    /// Moves the calling thread into a new network with a loopback.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn enter() -> io::Result<Self> {
        let outside = File::open("/proc/thread-self/ns/net")?;
        enter()?;
        Ok(Self { outside })
    }

    /// Lets every packet get lost.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn cut(&self) -> io::Result<()> {
        loopback(false)
    }

    /// Carries packets again.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn mend(&self) -> io::Result<()> {
        loopback(true)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(self.outside.as_fd(), kind)
            .expect("the namespace that was left is still held open");
    }
}

fn loopback(up: bool) -> io::Result<()> {
    // SAFETY: all zeros is a valid value of this plain struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    let flag = if up { libc::IFF_UP } else { 0 };
    request.ifr_ifru.ifru_flags = flag as libc::c_short;
    let any = UdpSocket::bind("0.0.0.0:0")?;
    // SAFETY: the pointer is to a live local variable of the right type.
    let result = unsafe {
        libc::ioctl(any.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut request)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
