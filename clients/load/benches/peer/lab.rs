//! What the comparison needs: compiled peers, a server, pinned clients.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::thread::sched_getaffinity;
use wire::{End, Report};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Connections that wait for their first echo, the same for both clients.
const CONNECTING: &str = "4000";

/// Compiled peers in a directory of their own, and a running server.
#[derive(Debug)]
pub(crate) struct Lab {
    directory: tempfile::TempDir,
    server: Child,
    port: u16,
    server_cpu: usize,
    client_cpu: usize,
}

impl Lab {
    pub(crate) fn is_possible() -> bool {
        let mut cc = Command::new("cc");
        cc.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        cc.status().is_ok_and(|status| status.success())
    }

    pub(crate) fn open() -> Result<Self> {
        let set = sched_getaffinity(None)?;
        let mut cpus = (0..1024).filter(|cpu| set.is_set(*cpu));
        let server_cpu = cpus.next().ok_or("there is no CPU to run on")?;
        let client_cpu = cpus.next().unwrap_or(server_cpu);
        let directory = tempfile::tempdir()?;
        for name in ["peer_server", "peer_client"] {
            compile(directory.path(), name)?;
        }
        let mut server =
            pinned(server_cpu, &directory.path().join("peer_server"))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()?;
        let stdout = server.stdout.take().ok_or("the server has no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let port = line.trim().parse()?;
        Ok(Self { directory, server, port, server_cpu, client_cpu })
    }

    pub(crate) fn describe(&self) -> String {
        format!(
            "C server on CPU {}, clients in turn on CPU {}",
            self.server_cpu, self.client_cpu
        )
    }

    /// Echoes per second.
    pub(crate) fn peer_closed(&self, in_flight: u32, ms: u32) -> Result<f64> {
        self.peer(&["closed", &in_flight.to_string(), &ms.to_string()])
    }

    /// Milliseconds.
    pub(crate) fn peer_classic(&self, connections: u32) -> Result<f64> {
        self.peer(&["classic", &connections.to_string(), CONNECTING])
    }

    /// Echoes per second.
    pub(crate) fn load_closed(&self, in_flight: u32, ms: u32) -> Result<f64> {
        let (count, time) = (in_flight.to_string(), format!("{ms}ms"));
        let report = self.load(&[
            "--hold",
            &count,
            "--in-flight",
            &count,
            "--duration",
            &time,
            "--warm-up",
            "0s",
        ])?;
        metric(&report, "echoes_per_s")
    }

    /// Milliseconds.
    pub(crate) fn load_classic(&self, connections: u32) -> Result<f64> {
        let count = connections.to_string();
        let report =
            self.load(&["-c", &count, "--max-connecting", CONNECTING])?;
        metric(&report, "total_ms")
    }

    fn peer(&self, args: &[&str]) -> Result<f64> {
        let program = self.directory.path().join("peer_client");
        let mut command = pinned(self.client_cpu, &program);
        command.arg(self.port.to_string()).args(args);
        Ok(output(command)?.trim().parse()?)
    }

    fn load(&self, args: &[&str]) -> Result<Report> {
        let program = Path::new(env!("CARGO_BIN_EXE_load"));
        let mut command = pinned(self.client_cpu, program);
        command.arg(format!("127.0.0.1:{}", self.port)).args(args);
        command.arg("--json").stderr(Stdio::null());
        let report: Report = serde_json::from_str(&output(command)?)?;
        match report.end {
            End::Completed => Ok(report),
            end => Err(format!("load ended with {end:?}").into()),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

fn compile(directory: &Path, name: &str) -> Result<()> {
    let source: PathBuf = [env!("CARGO_MANIFEST_DIR"), "benches", name]
        .iter()
        .collect::<PathBuf>()
        .with_extension("c");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(directory.join(name))
        .arg(source);
    output(cc).map(drop)
}

/// `program` on one CPU only.
fn pinned(cpu: usize, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &cpu.to_string()]).arg(program);
    command
}

fn output(mut command: Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {}: {text}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn metric(report: &Report, name: &str) -> Result<f64> {
    let value = report.metrics.get(name).copied();
    value.ok_or_else(|| format!("the report has no {name}").into())
}
