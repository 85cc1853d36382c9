//! How a lab starts servers.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::lab::Lab;
use super::server::{Server, Started};
use super::verdict::{Outcome, broken, fail, late};
use crate::process::{Confine, Launch, Process, children};

impl Lab<'_> {
    /// Starts the server on a free port of the loopback, warms it up and
    /// takes its baseline.
    pub(crate) fn start(&mut self) -> Outcome {
        self.start_with(&[])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(&mut self, arguments: &[&str]) -> Outcome {
        let mut all = vec!["--addr", "127.0.0.1:0"];
        all.extend(arguments);
        self.start_confined(&all, Confine::default())
    }

    /// The same with all its arguments and limits.
    pub(crate) fn start_confined(
        &mut self,
        arguments: &[&str],
        confine: Confine,
    ) -> Outcome {
        // What an ended server leaves behind is ended with it, and nothing
        // that was started meanwhile may be taken for that.
        drop(self.server.take());
        let server = self.launch(arguments, confine)?;
        self.keep(server)
    }

    /// Warms a server up and keeps it for this case.
    pub(crate) fn keep(&mut self, server: Server) -> Outcome {
        self.server = Some(server);
        self.echo_once(self.ms(2_000))?;
        // Its end of the first connection is closed a moment later.
        self.pause(Duration::from_millis(30))?;
        let server = self.server.as_mut().expect("kept above");
        server.baseline = server.descriptors();
        Ok(())
    }

    /// Starts a server that has to announce itself.
    pub(crate) fn launch(
        &self,
        arguments: &[&str],
        confine: Confine,
    ) -> Outcome<Server> {
        self.attempt(arguments, confine)?.or_else(|ended| {
            let said = ended.stderr.trim().to_owned();
            fail("an announce", format!("{}: {said}", ended.exit.kind))
        })
    }

    /// Starts a server that may end before it announces anything.
    pub(crate) fn attempt(
        &self,
        arguments: &[&str],
        confine: Confine,
    ) -> Outcome<Started> {
        let arguments = arguments.iter().map(OsString::from).collect();
        let patience = self.target.ready * self.manner.stretch;
        self.attempt_raw(arguments, confine, patience)
    }

    /// The same for arguments that are no text, and with less patience.
    pub(crate) fn attempt_raw(
        &self,
        arguments: Vec<OsString>,
        confine: Confine,
        patience: Duration,
    ) -> Outcome<Started> {
        let known = children();
        let process = self.spawn(arguments, confine)?;
        Server::await_announce(process, known, patience, self.interrupt)
    }

    /// Starts a server whose output nobody reads, on a port found free.
    pub(crate) fn unheard(&mut self) -> Outcome {
        let addr = self.free_addr()?;
        let text = addr.to_string();
        let arguments = ["--addr", &text].map(OsString::from).to_vec();
        let known = children();
        let confine = Confine { unread: true, ..Confine::default() };
        let mut process = self.spawn(arguments, confine)?;
        drop((process.take_stdout(), process.take_unread_stderr()));
        self.server = Some(Server::unheard(process, addr, known));
        let until = Instant::now() + self.target.ready * self.manner.stretch;
        while TcpStream::connect(addr).is_err() {
            self.server().alive()?;
            if Instant::now() >= until {
                return late("a listener", self.target.ready, "none came");
            }
            self.pause(Duration::from_millis(5))?;
        }
        let server = self.server.take().expect("set above");
        self.keep(server)
    }

    fn spawn(
        &self,
        arguments: Vec<OsString>,
        confine: Confine,
    ) -> Outcome<Process> {
        let mut command = self.target.built.command.clone();
        command.extend(arguments);
        let directory = Some(self.target.built.directory.clone());
        let launch =
            Launch { command, directory, confine, ..Launch::default() };
        Process::spawn(&launch).map_err(broken("the server can't be started"))
    }

    /// An address of the loopback that was free a moment ago.
    pub(crate) fn free_addr(&self) -> Outcome<SocketAddr> {
        std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .map_err(broken("no free port"))
    }
}
