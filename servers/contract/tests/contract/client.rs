//! The other end of the connection: bytes that know where they belong.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

/// Ten times what an echo may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// A connection that gives up after `LIMIT` without a byte.
pub(crate) fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, LIMIT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream)
}

/// Connects `n` times.
pub(crate) fn connect_all(
    addr: SocketAddr,
    n: usize,
) -> io::Result<Vec<TcpStream>> {
    (0..n).map(|_| connect(addr)).collect()
}

/// `len` bytes that belong to `key`: no shift or swap goes unnoticed.
pub(crate) fn bytes(key: u64, len: usize) -> Vec<u8> {
    let mut state = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        // xorshift64*: cheap, and periods far beyond any test.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Sends one message and checks that it comes back.
pub(crate) fn ping(
    stream: &mut TcpStream,
    message: &[u8],
) -> Result<(), Failed> {
    stream.write_all(message)?;
    expect(stream, message)
}

/// Checks that the next bytes are these.
pub(crate) fn expect(
    stream: &mut TcpStream,
    bytes: &[u8],
) -> Result<(), Failed> {
    let mut echoed = vec![0; bytes.len()];
    stream.read_exact(&mut echoed)?;
    same(&echoed, bytes)
}

/// Checks that these bytes come next, and after them the end.
pub(crate) fn expect_all(
    stream: &mut TcpStream,
    bytes: &[u8],
) -> Result<(), Failed> {
    let mut echoed = Vec::new();
    stream.read_to_end(&mut echoed)?;
    same(&echoed, bytes)
}

fn same(got: &[u8], wanted: &[u8]) -> Result<(), Failed> {
    if got == wanted {
        return Ok(());
    }
    let at = got.iter().zip(wanted).position(|(a, b)| a != b);
    let (got, wanted) = (got.len(), wanted.len());
    Err(format!("{got} of {wanted} bytes, first difference at {at:?}").into())
}

/// Writes all of `message` while it comes back, ends the writing side, and
/// checks that the rest and then the end follow.
pub(crate) fn stream_through(
    stream: &TcpStream,
    message: &[u8],
) -> Result<(), Failed> {
    thread::scope(|scope| {
        let mut sender = stream.try_clone()?;
        let sent = scope.spawn(move || {
            sender.write_all(message)?;
            sender.shutdown(Shutdown::Write)
        });
        let received = expect_all(&mut stream.try_clone()?, message);
        sent.join().expect("the sender doesn't panic")?;
        received
    })
}

/// Writes until nothing has been taken for a second, or `most` is reached.
/// Returns how many bytes were taken.
pub(crate) fn offer(
    stream: &mut TcpStream,
    message: &[u8],
    most: usize,
) -> io::Result<usize> {
    stream.set_nonblocking(true)?;
    let (mut taken, mut progress) = (0, Instant::now());
    while taken < most && progress.elapsed() < Duration::from_secs(1) {
        match stream.write(&message[taken % message.len()..]) {
            Ok(n) => {
                taken += n;
                progress = Instant::now();
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(error),
        }
    }
    stream.set_nonblocking(false)?;
    Ok(taken)
}

/// Tries until a condition holds, for at most `LIMIT`.
pub(crate) fn wait_until(
    what: &str,
    mut holds: impl FnMut() -> io::Result<bool>,
) -> Result<(), Failed> {
    let start = Instant::now();
    while !holds()? {
        if start.elapsed() > LIMIT {
            return Err(format!("never: {what}").into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
