//! Opens the listening socket and announces it.

use std::io::{self, Write};
use std::net::TcpListener;

use socket2::{Domain, Socket, Type};

use crate::{Args, fail};

/// Listens (blocking, close-on-exec), or exits with 3 and the reason. Accepted
/// sockets inherit TCP_NODELAY, and urgent data in line.
pub fn listen(args: &Args) -> TcpListener {
    let open = || -> io::Result<TcpListener> {
        let family = Domain::for_address(args.addr);
        let socket = Socket::new(family, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_tcp_nodelay(true)?;
        socket.set_out_of_band_inline(true)?;
        socket.bind(&args.addr.into())?;
        socket.listen(args.backlog as i32)?;
        Ok(socket.into())
    };
    let why = |e| format!("cannot listen on {}: {e}; try --addr", args.addr);
    open().unwrap_or_else(|error| fail(3, &why(error)))
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
