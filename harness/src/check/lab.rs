//! Where a case is tried: starts the server, connects, keeps what is noted,
//! and knows how much and how patiently to try.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use socket2::{Domain, Socket, Type};

use super::bytes::Pattern;
use super::calls::Supervisor;
use super::conn::Conn;
use super::server::Server;
use super::verdict::{Outcome, Stop, refused, within};
use crate::build::Built;
use crate::catalog::Family;
use crate::conformance::Tier;
use crate::interrupt::Interrupt;
use crate::isolation::network::Network;
use crate::process::wait_readable;

/// A server that can be put to the test.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) built: Built,
    /// Where it came from, if not from the suite.
    pub(crate) outside: Option<PathBuf>,
    /// It is a server of this workspace, which has the contract's own pause
    /// when something ran out.
    pub(crate) workspace: bool,
    /// How long it may take to announce itself.
    pub(crate) ready: Duration,
    pub(crate) family: Family,
    /// Slow runtimes get this many times longer for a volume of bytes.
    pub(crate) slow: u32,
}

/// How everything is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) tier: Tier,
    /// Time bounds are multiplied by it; not those that define a case.
    pub(crate) stretch: u32,
    pub(crate) seed: u64,
    /// How long a soak lasts.
    pub(crate) soak: Duration,
}

/// One try of one case at one server.
#[derive(Debug)]
pub(crate) struct Lab<'a> {
    pub(crate) target: &'a Target,
    pub(crate) manner: Manner,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) random: ChaCha8Rng,
    pub(crate) pattern: Pattern,
    /// What is worth telling of a success.
    pub(crate) notes: Vec<String>,
    /// What the post-check is for.
    pub(super) server: Option<Server>,
    /// Answers the server until it has ended: fields are dropped in order.
    pub(super) supervisor: Option<Supervisor>,
    /// Left after that.
    network: Option<Network>,
    keys: u32,
}

impl<'a> Lab<'a> {
    pub(crate) fn new(
        target: &'a Target,
        manner: Manner,
        interrupt: &'a Interrupt,
    ) -> Self {
        Self {
            target,
            manner,
            interrupt,
            random: ChaCha8Rng::seed_from_u64(manner.seed),
            pattern: Pattern::new(manner.seed),
            notes: Vec::new(),
            server: None,
            supervisor: None,
            network: None,
            keys: 0,
        }
    }

    /// A size by tier.
    pub(crate) const fn pick<T: Copy>(&self, quick: T, core: T, long: T) -> T {
        match self.manner.tier {
            Tier::Quick => quick,
            Tier::Core => core,
            Tier::Long => long,
        }
    }

    /// A time bound.
    pub(crate) fn ms(&self, ms: u64) -> Duration {
        Duration::from_millis(ms) * self.manner.stretch
    }

    /// A time bound that defines a case, as 10 ms tell a delayed
    /// acknowledgement of 40 from none: patience hardly stretches it.
    pub(crate) fn defining_ms(&self, ms: u64) -> Duration {
        Duration::from_millis(ms) * self.manner.stretch.min(2)
    }

    /// A time bound for a volume, which slow runtimes may exceed.
    pub(crate) fn volume_ms(&self, ms: u64) -> Duration {
        self.ms(ms) * self.target.slow
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.random.random_range(0..end)
    }

    /// A random place in a list of so many.
    pub(crate) fn index(&mut self, count: usize) -> usize {
        self.random.random_range(0..count)
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Sleeps, unless the user wants to stop.
    pub(crate) fn pause(&self, time: Duration) -> Outcome {
        match wait_readable(&[self.interrupt.fd()], time)[0] {
            true => Err(Stop::Interrupted),
            false => Ok(()),
        }
    }

    /// Moves this case, its server included, into a network of its own.
    pub(crate) fn own_network(&mut self) -> Outcome {
        let network = Network::enter().map_err(|error| {
            Stop::Skip(format!("needs a network namespace: {error}"))
        })?;
        self.network = Some(network);
        Ok(())
    }

    /// The network of its own.
    pub(crate) fn network(&self) -> &Network {
        self.network.as_ref().expect("entered before it is used")
    }

    /// The server of this case.
    pub(crate) fn server(&mut self) -> &mut Server {
        self.server.as_mut().expect("a case starts the server first")
    }

    /// Hands the server over to a case that ends it.
    pub(crate) fn take_server(&mut self) -> Server {
        self.server.take().expect("a case starts the server first")
    }

    pub(crate) fn connect(&mut self) -> Outcome<Conn<'a>> {
        let addr = self.server().addr;
        self.connect_to(addr)
    }

    pub(crate) fn connect_to(&mut self, addr: SocketAddr) -> Outcome<Conn<'a>> {
        let patience = self.volume_ms(5_000);
        let stream = TcpStream::connect_timeout(&addr, patience)
            .map_err(|error| refused("connecting", &error))?;
        self.conn(stream)
    }

    /// Begins a connection, from a given address of the loopback or any. It
    /// is not waited for: whoever sends first finds out.
    pub(crate) fn connect_soon(
        &mut self,
        from: Option<IpAddr>,
    ) -> Outcome<Conn<'a>> {
        let addr = self.server().addr;
        let stream =
            begin(addr, from).map_err(|error| refused("connecting", &error))?;
        self.conn(stream)
    }

    /// Connects from many addresses, so that ports don't run out.
    pub(crate) fn connect_from(&mut self, n: usize) -> Outcome<Conn<'a>> {
        let last = u8::try_from(2 + n % 8).expect("below ten");
        self.connect_soon(Some([127, 0, 0, last].into()))
    }

    /// Makes a socket that is connected a connection of this lab.
    pub(crate) fn conn(&mut self, stream: TcpStream) -> Outcome<Conn<'a>> {
        let key = self.keys;
        self.keys += 1;
        let patience = self.volume_ms(10_000);
        Conn::new(stream, key, self.pattern, patience, self.interrupt)
    }

    /// The next connection is the first again, with the bytes of the first.
    pub(crate) fn recount(&mut self) {
        self.keys = 0;
    }

    pub(crate) fn connect_all(&mut self, n: usize) -> Outcome<Vec<Conn<'a>>> {
        (0..n).map(|_| self.connect()).collect()
    }

    /// A fresh connection carries one echo in time.
    pub(crate) fn echo_once(&mut self, bound: Duration) -> Outcome {
        let start = Instant::now();
        self.connect()?.exchange(64, bound)?;
        within("a fresh echo", start.elapsed(), bound)
    }
}

fn begin(addr: SocketAddr, from: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    if let Some(from) = from {
        socket.bind(&SocketAddr::new(from, 0).into())?;
    }
    socket.set_nonblocking(true)?;
    match socket.connect(&addr.into()) {
        Err(e) if e.raw_os_error() != Some(libc::EINPROGRESS) => Err(e),
        _ => Ok(socket.into()),
    }
}
