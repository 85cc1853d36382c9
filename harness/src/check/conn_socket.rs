//! A connection as a socket: its options, how it begins and how it ends.

use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use socket2::SockRef;

use super::conn::Conn;
use super::verdict::{Outcome, broken, late, refused};

impl Conn<'_> {
    pub(crate) fn local_addr(&self) -> Outcome<SocketAddr> {
        self.stream.local_addr().map_err(broken("its own address"))
    }

    /// Lets small writes wait for each other, as a client may.
    pub(crate) fn delay(&self) -> Outcome {
        self.stream.set_nodelay(false).map_err(broken("TCP_NODELAY"))
    }

    pub(crate) fn receive_buffer(&self, bytes: usize) -> Outcome {
        SockRef::from(&self.stream)
            .set_recv_buffer_size(bytes)
            .map_err(broken("SO_RCVBUF"))
    }

    /// Waits until a connection that was begun stands.
    pub(crate) fn connected(&self, bound: Duration) -> Outcome {
        if self.wait(PollFlags::OUT, Instant::now() + bound)?.is_empty() {
            return late("a connection", bound, "it was not accepted");
        }
        match self.stream.take_error() {
            Ok(None) => Ok(()),
            Ok(Some(error)) => Err(refused("connecting", &error)),
            Err(error) => Err(broken("SO_ERROR")(error)),
        }
    }

    /// Ends the sending side.
    pub(crate) fn finish(&self) -> Outcome {
        self.stream
            .shutdown(Shutdown::Write)
            .map_err(|error| refused(&self.at("finishing"), &error))
    }

    /// Ends the connection by a reset.
    pub(crate) fn reset(self) -> Outcome {
        SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .map_err(broken("SO_LINGER"))
    }
}
