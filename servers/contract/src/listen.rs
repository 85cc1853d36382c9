//! Opens the listening socket and announces it.

use std::io::{self, Write};
use std::iter;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, SockRef, Socket, Type};

use crate::{Args, fail, require};

/// Listens (blocking, close-on-exec), or exits with 3 and the reason. Accepted
/// sockets inherit TCP_NODELAY, and urgent data in line.
pub fn listen(args: &Args) -> TcpListener {
    let why = |e| format!("cannot listen on {}: {e}; try --addr", args.addr);
    open(args, args.addr, false).unwrap_or_else(|e| fail(3, &why(e)))
}

/// Listens `--workers` times on one port: the kernel deals connections out by
/// hash. The first took the port alone, so no second instance can share it.
pub fn listen_in_shards(args: &Args) -> Vec<TcpListener> {
    let first = listen(args);
    let addr = first.local_addr().expect("a listening socket has an address");
    require("SO_REUSEPORT", SockRef::from(&first).set_reuse_port(true));
    let shard = |_| require("SO_REUSEPORT", open(args, addr, true));
    iter::once(first).chain((1..args.workers).map(shard)).collect()
}

fn open(args: &Args, at: SocketAddr, share: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(share)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_out_of_band_inline(true)?;
    socket.bind(&at.into())?;
    socket.listen(args.backlog as i32)?;
    Ok(socket.into())
}

/// Prints the only line there is on stdout; pass what really runs.
pub fn announce(at: &TcpListener, backend: &str, workers: usize, bytes: usize) {
    let addr = at.local_addr().expect("a listening socket has an address");
    let pid = std::process::id();
    let line = format!(
        "LISTENING {addr} pid={pid} backend={backend} workers={workers} \
         buffer={bytes}\n"
    );
    // Line-buffered; a closed stdout is the business of whoever closed it.
    io::stdout().write_all(line.as_bytes()).ok();
}
