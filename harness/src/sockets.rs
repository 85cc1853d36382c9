//! Asks the kernel which TCP sockets there are, by `sock_diag(7)`: the proof
//! of what a server merely claims.
//!
//! Needs no rights. A kernel without the diagnostics answers with an error,
//! and the fact stays unknown.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{
    ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags,
};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use rustix::fs::{OFlags, fcntl_setfl};

use crate::process::wait_readable;
use crate::record::Census;

/// A listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where it listens; an address of IPv4 that IPv6 maps is shown as such.
    pub ip: IpAddr,
    /// Its inode, by which a process can be shown to hold it.
    pub inode: u64,
    /// The backlog the kernel applies.
    pub backlog: u32,
}

/// Sockets that listen on this port.
///
/// # Errors
/// The kernel has no socket diagnostics, or did not answer in time.
pub fn listeners(addr: SocketAddr) -> io::Result<Vec<Listener>> {
    let mut found = Vec::new();
    dump(addr, Side::Server, StateFlags::LISTEN, |socket| {
        found.push(Listener {
            ip: socket.socket_id.source_address.to_canonical(),
            inode: u64::from(socket.inode),
            backlog: socket.send_queue,
        });
    })?;
    Ok(found)
}

/// Counts the established sockets of a server's port, both ends.
///
/// # Errors
/// As [`listeners`].
pub fn census(addr: SocketAddr) -> io::Result<Census> {
    let mut census = Census::default();
    dump(addr, Side::Server, StateFlags::ESTABLISHED, |_| {
        census.server_established += 1;
    })?;
    dump(addr, Side::Client, StateFlags::ESTABLISHED, |_| {
        census.client_established += 1;
    })?;
    Ok(census)
}

/// Inodes of the server's ends of connections from `client`.
///
/// # Errors
/// As [`listeners`].
pub fn accepted_from(
    addr: SocketAddr,
    client: SocketAddr,
) -> io::Result<Vec<u64>> {
    let mut inodes = Vec::new();
    dump(addr, Side::Server, StateFlags::ESTABLISHED, |socket| {
        if socket.socket_id.destination_port == client.port() {
            inodes.push(u64::from(socket.inode));
        }
    })?;
    Ok(inodes)
}

/// Sockets of a server whose peer has finished while the server has not
/// closed.
///
/// # Errors
/// As [`listeners`].
pub fn close_wait(addr: SocketAddr) -> io::Result<usize> {
    let mut count = 0;
    dump(addr, Side::Server, StateFlags::CLOSE_WAIT, |_| count += 1)?;
    Ok(count)
}

#[derive(Clone, Copy)]
enum Side {
    Server,
    Client,
}

const PATIENCE: Duration = Duration::from_secs(5);

/// The kernel filters by port itself, so a dump holds only what is asked for.
/// A server may serve IPv4 on a socket of IPv6, as the JVM does: such sockets
/// are listed under the other family, with mapped addresses.
fn dump(
    addr: SocketAddr,
    side: Side,
    states: StateFlags,
    mut each: impl FnMut(&InetResponseHeader),
) -> io::Result<()> {
    if addr.is_ipv6() {
        return dump_family(addr, AF_INET6, side, states, each);
    }
    dump_family(addr, AF_INET, side, states.clone(), &mut each)?;
    dump_family(addr, AF_INET6, side, states, |socket| {
        let at = match side {
            Side::Server => socket.socket_id.source_address,
            Side::Client => socket.socket_id.destination_address,
        };
        let IpAddr::V6(at) = at else { return };
        if at.is_unspecified() || at.to_ipv4_mapped().is_some() {
            each(socket);
        }
    })
}

fn dump_family(
    addr: SocketAddr,
    family: u8,
    side: Side,
    states: StateFlags,
    mut each: impl FnMut(&InetResponseHeader),
) -> io::Result<()> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&netlink_sys::SocketAddr::new(0, 0))?;
    socket.send(&request(addr.port(), family, side, states), 0)?;
    fcntl_setfl(&socket, OFlags::NONBLOCK)?;
    loop {
        use std::os::fd::AsFd;
        if !wait_readable(&[socket.as_fd()], PATIENCE)[0] {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while !rest.is_empty() {
            let message: NetlinkMessage<SockDiagMessage> =
                NetlinkMessage::deserialize(rest).map_err(io::Error::other)?;
            let length = aligned(message.header.length as usize);
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(()),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(
                    SockDiagMessage::InetResponse(response),
                ) => each(&response.header),
                _ => {}
            }
            rest = rest.get(length.max(1)..).unwrap_or_default();
        }
    }
}

fn request(port: u16, family: u8, side: Side, states: StateFlags) -> Vec<u8> {
    let mut socket_id = match family {
        AF_INET => SocketId::new_v4(),
        _ => SocketId::new_v6(),
    };
    match side {
        Side::Server => socket_id.source_port = port,
        Side::Client => socket_id.destination_port = port,
    }
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(
        header,
        SockDiagMessage::InetRequest(InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states,
            socket_id,
        })
        .into(),
    );
    message.finalize();
    let mut bytes = vec![0; message.header.length as usize];
    message.serialize(&mut bytes);
    bytes
}

/// Netlink messages begin at multiples of four bytes.
const fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_kernel_tells_backlog_and_both_ends() {
        let listener = socket2::Socket::new(
            socket2::Domain::IPV4,
            socket2::Type::STREAM,
            None,
        )
        .unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        listener.bind(&any.into()).unwrap();
        listener.listen(77).unwrap();
        let listener = TcpListener::from(listener);
        let addr = listener.local_addr().unwrap();
        assert_eq!(listeners(addr).unwrap()[0].backlog, 77);

        let clients: Vec<_> =
            (0..300).map(|_| accepted(&listener, addr)).collect();
        let census = census(addr).unwrap();
        assert_eq!(census.server_established, 300);
        assert_eq!(census.client_established, 300);
        let one = clients[7].0.local_addr().unwrap();
        assert_eq!(accepted_from(addr, one).unwrap().len(), 1);
    }

    fn accepted(
        listener: &TcpListener,
        addr: SocketAddr,
    ) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(addr).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn ipv4_on_a_socket_of_ipv6_is_found() {
        use socket2::{Domain, Socket, Type};
        let Ok(socket) = Socket::new(Domain::IPV6, Type::STREAM, None) else {
            return; // this machine has no IPv6
        };
        socket.set_only_v6(false).unwrap();
        let mapped: SocketAddr = "[::ffff:127.0.0.1]:0".parse().unwrap();
        socket.bind(&mapped.into()).unwrap();
        socket.listen(9).unwrap();
        let listener = TcpListener::from(socket);
        let port = listener.local_addr().unwrap().port();
        let addr = SocketAddr::from(([127, 0, 0, 1], port));
        let pair = accepted(&listener, addr);
        assert_eq!(listeners(addr).unwrap()[0].backlog, 9);
        let census = census(addr).unwrap();
        assert_eq!(census.server_established, 1);
        assert_eq!(census.client_established, 1);
        drop(pair);
    }
}
