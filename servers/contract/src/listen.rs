//! Opens the listening socket and announces it.

use std::io::{self, Write};
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
    let mut shards = vec![listen(args)];
    let addr = shards[0].local_addr().expect("it is bound");
    for _ in 1..args.workers {
        let shared = SockRef::from(&shards[0]).set_reuse_port(true);
        let shard = shared.and_then(|()| open(args, addr, true));
        shards.push(require("SO_REUSEPORT", shard));
    }
    shards
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
    let at = at.local_addr().expect("it is bound");
    let how = format!("backend={backend} workers={workers} buffer={bytes}");
    let line = format!("LISTENING {at} pid={} {how}\n", std::process::id());
    io::stdout().write_all(line.as_bytes()).ok();
}
