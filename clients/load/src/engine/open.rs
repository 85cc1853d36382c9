//! A new socket: its options, its source address, its connect.
//!
//! Refuses to do: pace; that is `establish`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt,
};

use super::socket::{State, is_servers};
use super::{Engine, Halt, Peer, own};
use crate::ClientError;
use crate::conn::Conn;
use crate::fairness::Share;
use crate::sys::set_bind_address_no_port;

/// Sources 127.0.0.2 to 127.0.0.9: the ports of one address hold 28,000
/// connections in TIME_WAIT, less than three classic tests in a minute.
const SOURCES: u32 = 8;
const FIRST_SOURCE: u32 = 2;

impl Engine {
    /// Starts to connect the empty `slot` and queues a first message. `id`
    /// seeds what it sends.
    pub(super) fn open(
        &mut self,
        slot: usize,
        id: u32,
        length: u32,
    ) -> Result<State, Halt> {
        let target = self.shared.spec.addr;
        let fd = new_socket(target, id, self.is_held()).map_err(Halt::Own)?;
        let began_ns = self.tick();
        match connect(&fd, &target) {
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => {}
            Err(errno) if is_servers(errno) => {
                self.count(errno);
                return Ok(State::Ended { established: false });
            }
            Err(errno) => return Err(Halt::Own(own("connect", errno))),
        }
        let open = self.shared.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.shared.peak_open.fetch_max(open, Ordering::Relaxed);
        epoll::add(
            &self.epoll,
            &fd,
            EventData::new_u64(slot as u64),
            EventFlags::IN | EventFlags::RDHUP | EventFlags::ET,
        )
        .map_err(|errno| Halt::Own(own("watch a socket", errno)))?;
        self.peers[slot] = Some(Peer {
            fd,
            conn: Conn::new(id),
            began_ns,
            connected: false,
            established: false,
            armed: false,
            share: Share::default(),
        });
        self.enqueue(slot, length, began_ns, true);
        // On loopback the handshake is over when `connect` returns, so the
        // first write mostly succeeds and no event need be awaited.
        self.tick();
        self.flush(slot)
    }
}

fn new_socket(
    target: SocketAddr,
    id: u32,
    held: bool,
) -> Result<OwnedFd, ClientError> {
    let family = match target {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let fd = socket_with(family, SocketType::STREAM, flags, None)
        .map_err(|errno| own("open a socket", errno))?;
    sockopt::set_tcp_nodelay(&fd, true)
        .map_err(|errno| own("set TCP_NODELAY", errno))?;
    if held {
        // Set at once, so that even a killed client leaves no TIME_WAIT.
        sockopt::set_socket_linger(&fd, Some(Duration::ZERO))
            .map_err(|errno| own("set SO_LINGER", errno))?;
    }
    if let IpAddr::V4(address) = target.ip()
        && address.is_loopback()
    {
        set_bind_address_no_port(fd.as_fd()).map_err(|error| {
            let message = format!("cannot set a socket option: {error}");
            ClientError::Own(message)
        })?;
        let base = u32::from(Ipv4Addr::new(127, 0, 0, 0));
        let source = Ipv4Addr::from(base + FIRST_SOURCE + id % SOURCES);
        bind(&fd, &SocketAddr::from((source, 0)))
            .map_err(|errno| own("bind a source address", errno))?;
    }
    Ok(fd)
}
