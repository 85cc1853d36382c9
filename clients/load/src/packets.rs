//! Packets on the loopback, read at the edges of a window.
//!
//! Refuses to do: tell whose they are. It is read only where nobody else is in
//! this network.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// A few interfaces of a hundred bytes each; the loopback comes first.
const TEXT_BYTES: usize = 4096;
/// Received packets in a line of `/proc/net/dev`, behind the name: what is
/// sent on a loopback is received on it, once.
const RECEIVED_FIELD: usize = 1;

/// The counter, opened beforehand.
#[derive(Debug)]
pub(crate) struct Packets {
    file: File,
    buffer: Vec<u8>,
}

impl Packets {
    /// `None` if the kernel doesn't show it.
    pub(crate) fn open() -> Option<Self> {
        let file = File::open("/proc/self/net/dev").ok()?;
        Some(Self { file, buffer: vec![0; TEXT_BYTES] })
    }

    /// Packets so far.
    pub(crate) fn read(&mut self) -> Option<u64> {
        let length = self.file.read_at(&mut self.buffer, 0).ok()?;
        received(&String::from_utf8_lossy(&self.buffer[..length]))
    }
}

fn received(text: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::trim_start);
    let fields = lines.find_map(|line| line.strip_prefix("lo:"))?;
    fields.split_ascii_whitespace().nth(RECEIVED_FIELD)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn received_packets_of_the_loopback_are_found() {
        let text = "Inter-|   Receive |  Transmit\n \
                    face |bytes packets errs|bytes packets errs\n    \
                    lo:   84       3    0       85       4    0\n  \
                    eth0: 1        2    3        4       5    6\n";
        assert_eq!(received(text), Some(3));
        assert_eq!(received("eth0: 1 2 3\n"), None);
        assert_eq!(received(""), None);
    }

    #[test]
    fn datagrams_on_the_loopback_are_counted() {
        const DATAGRAMS: u64 = 100;
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let mut packets = Packets::open().unwrap();
        let before = packets.read().unwrap();
        for _ in 0..DATAGRAMS {
            socket.send_to(b"?", addr).unwrap();
            socket.recv(&mut [0]).unwrap();
        }
        // Others may use this network too.
        assert!(packets.read().unwrap() - before >= DATAGRAMS);
    }
}
