//! Reads a server's socket options back from the kernel, whatever the
//! language it is written in.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::process::{
    Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open,
};

use super::Running;
use crate::record::SocketFacts;
use crate::sample::socket_descriptor;
use crate::sockets;

impl Running {
    /// Reads the options of an accepted socket back from the kernel, through
    /// one connection of its own. What can't be read stays unknown.
    #[must_use]
    pub fn socket_facts(&self) -> SocketFacts {
        let addr = self.announce.addr;
        let backlog = sockets::listeners(addr)
            .ok()
            .and_then(|found| Some(found.first()?.backlog));
        let accepted =
            probe(addr).ok().and_then(|client| self.accepted_socket(&client));
        SocketFacts {
            backlog,
            nodelay: accepted
                .as_ref()
                .and_then(|socket| socket.tcp_nodelay().ok()),
            congestion_control: accepted
                .and_then(|socket| socket.tcp_congestion().ok())
                .map(|name| {
                    String::from_utf8_lossy(&name)
                        .trim_end_matches('\0')
                        .to_owned()
                }),
        }
    }

    /// Sets `TCP_NODELAY` of its listening sockets, from which Linux hands it
    /// down to those it accepts: as if the server had never set it. Where that
    /// is not allowed, or the server sets it on what it accepted, it stays;
    /// [`Self::socket_facts`] tells.
    pub fn set_nodelay(&self, on: bool) {
        let listeners = sockets::listeners(self.announce.addr);
        for listener in listeners.unwrap_or_default() {
            if let Some(socket) = self.socket(listener.inode) {
                socket.set_tcp_nodelay(on).ok();
            }
        }
    }

    fn accepted_socket(&self, client: &TcpStream) -> Option<socket2::Socket> {
        let from = client.local_addr().ok()?;
        let inodes = sockets::accepted_from(self.announce.addr, from).ok()?;
        self.socket(*inodes.first()?)
    }

    /// A copy of the server's own descriptor, where the kernel allows it.
    fn socket(&self, inode: u64) -> Option<socket2::Socket> {
        self.pids.iter().find_map(|&pid| {
            let descriptor = socket_descriptor(pid, inode)?;
            let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
            let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
            let none = PidfdGetfdFlags::empty();
            let copy = pidfd_getfd(pidfd, descriptor, none).ok()?;
            Some(socket2::Socket::from(copy))
        })
    }
}

/// A connection that has carried one echo, so the server has accepted it.
fn probe(addr: SocketAddr) -> std::io::Result<TcpStream> {
    const PATIENCE: Duration = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"?")?;
    stream.read_exact(&mut [0])?;
    Ok(stream)
}
