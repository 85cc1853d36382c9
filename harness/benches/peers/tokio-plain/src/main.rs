//! The echo server of the textbook: `#[tokio::main]`, accept, spawn, echo.
//!
//! What rust-tokio is measured against. It differs from the book in what every
//! server here has: backlog 4096, TCP_NODELAY, a 4096-byte buffer, the announce
//! line, and as many workers as the CPUs it may use. It reads past the flags of
//! the contract other than `--addr`, and ends at the first signal.

use std::error::Error;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

const BUFFER: usize = 4096;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip_while(|it| it != "--addr");
    let addr = arguments.nth(1).unwrap_or("127.0.0.1:8080".into());
    let addr: SocketAddr = addr.parse()?;
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    // Inherited by what is accepted, as in every server of the suite.
    socket.set_nodelay(true)?;
    socket.bind(addr)?;
    let listener = socket.listen(4096)?;
    let workers = tokio::runtime::Handle::current().metrics().num_workers();
    println!(
        "LISTENING {} pid={} backend=epoll workers={workers} buffer={BUFFER}",
        listener.local_addr()?,
        std::process::id(),
    );
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut buffer = vec![0; BUFFER];
            loop {
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(n) => {
                        if stream.write_all(&buffer[..n]).await.is_err() {
                            return;
                        }
                    }
                }
            }
        });
    }
}
